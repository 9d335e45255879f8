"""Send the twin's frames to a station, in real or accelerated time, through broken connections.

::

    TwinFlight ─┐
                ├─► frames in the order of their times ─► leave as the link carried them ─► line ─► station
    PayloadLog ─┘                                          (some wait, some never leave)

Every item of the payload's log is a frame: housekeeping is telemetry with place, height and battery, all else
is data: what was seen or heard, when and how well. The bytes of a picture are not made up: its frame says how
many there were. A frame leaves when the link had carried the last byte of its item; what was overwritten
before leaves never, and the station sees the gap.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np

from overflight.custody.frames import DATA, END, TELEMETRY, Frame, chain, encode_frame
from overflight.custody.mqtt import MqttLine, parse_broker
from overflight.custody.station import Standing
from overflight.custody.tcp import Hello, TcpLine, parse_address
from overflight.errors import FetchError, InputError, LimitError
from overflight.twin.flight import TwinFlight
from overflight.twin.made import make_exercise, settled_sites
from overflight.twin.memory import payload_of, site_radars
from overflight.twin.payload import HOUSEKEEPING, KINDS, Housekeeping, PayloadLog, run_payload
from overflight.twin.scenario import RecorderPlan, Scenario
from overflight.twin.sky import CloudField, Sky

MOST_FRAMES: Final = 1_000_000
TELEMETRY_S: Final = 60.0
# As in the exercises.
MEAN_COVER: Final = 0.5
# Frames that go together when many are due, and what may be on its way unacknowledged.
MESSAGE_BYTES: Final = 32_768
WINDOW_MESSAGES: Final = 256
POLL_S: Final = 0.05
BACKOFF_S: Final = (0.1, 5.0)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame and when it leaves, POSIX seconds; NaN when it never does."""

    leave_s: float
    frame: Frame


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending: frames the station has, those among them sent now, and at what cost."""

    frames: int
    sent: int
    bytes: int
    connections: int
    seconds: float


class Line(Protocol):
    """A way to a station: `custody.tcp.TcpLine` or `custody.mqtt.MqttLine`."""

    def connect(self) -> Standing: ...
    def send(self, data: bytes) -> None: ...
    def poll(self, wait_s: float) -> int: ...
    def settled(self, sequences: Iterable[int]) -> bool: ...
    def close(self) -> None: ...


# --- frames of a flight --------------------------------------------------------------------------------


def fly_scenario(scenario: Scenario, seed: int) -> tuple[TwinFlight, PayloadLog]:
    """Fly a scenario's subject and run its payload, with telemetry each minute.

    A scenario without a payload gets that of the exercises. Raises InputError where no balloon of the twin
    is the subject.
    """
    made = make_exercise(scenario, seed)
    flight = made.flights.get(scenario.subject)
    if flight is None:
        raise InputError(
            f"in '{scenario.name}' no balloon of the twin flies: it has nothing to send",
            field="SCENARIO", remedy="Take another scenario.",
        )  # fmt: skip
    sites = settled_sites(scenario, made.scene, seed)
    payload = replace(
        payload_of(scenario.recorder or RecorderPlan()), housekeeping=Housekeeping(period_s=TELEMETRY_S)
    )
    sky = Sky(clouds=CloudField(mean_cover=MEAN_COVER))
    return flight, run_payload(payload, flight, sites, site_radars(sites), sky, seed=seed)


def outgoing(
    flight: TwinFlight, log: PayloadLog, *, stream: bytes, key: bytes | None = None
) -> tuple[Outgoing, ...]:
    """Return the frames of a flight in the order of their sequences, each with the time when it leaves.

    Where the payload keeps no housekeeping, telemetry is made each minute and leaves as soon as a link is
    up. The stream ends with a frame of kind `end` at the flight's end, which leaves with the link as well.
    Raises LimitError for more than a million items.
    """
    if log.time_s.size + flight.time_s.size > MOST_FRAMES:
        raise LimitError(
            f"the flight makes {log.time_s.size} items", remedy="Take longer periods for the sensors."
        )
    rows = [_row(flight, log, item) for item in range(log.time_s.size)]
    if HOUSEKEEPING not in log.kind:
        rows += _telemetry_rows(flight, log)
        rows.sort(key=lambda row: row[0])
    end_s = float(flight.time_s[-1])
    end_ns = max([_nanoseconds(end_s), *(_nanoseconds(row[0]) for row in rows[-1:])])
    items = [*((_nanoseconds(at), kind, payload) for at, kind, payload, _ in rows), (end_ns, END, b"")]
    leaves = [*(leave for *_, leave in rows), float(_link_up_from(log, np.array([end_s]))[0])]
    return tuple(
        Outgoing(leave, frame) for leave, frame in zip(leaves, chain(stream, items, key), strict=True)
    )


_Row = tuple[float, int, bytes, float]


def _row(flight: TwinFlight, log: PayloadLog, item: int) -> _Row:
    at, leave = float(log.time_s[item]), float(log.sent_at[item])
    if log.kind[item] == HOUSEKEEPING:
        return at, TELEMETRY, _telemetry(flight, at), leave
    target = int(log.target[item])
    told = {
        "id": item, "kind": KINDS[int(log.kind[item])], "sensor": log.sensors[int(log.sensor[item])],
        "target": log.targets[target] if target >= 0 else None, "size_bytes": int(log.size_bytes[item]),
        "pictures": int(log.pictures[item]), "quality": _number(log.quality[item], 2),
        "range_m": _number(log.range_m[item], 0), "elevation_deg": _number(log.elevation_deg[item], 2),
    }  # fmt: skip
    return at, DATA, _json(told) + b"\n", leave


def _telemetry_rows(flight: TwinFlight, log: PayloadLog) -> list[_Row]:
    time_s = flight.time_s
    at_s = np.arange(time_s[0], time_s[-1] + 1e-6, TELEMETRY_S)
    leave_s = _link_up_from(log, at_s)
    return [
        (float(at), TELEMETRY, _telemetry(flight, float(at)), float(leave))
        for at, leave in zip(at_s, leave_s, strict=True)
    ]


def _telemetry(flight: TwinFlight, at_s: float) -> bytes:
    # The step that holds the time: what the balloon's own clock and sensors last read.
    row = int(np.clip(np.searchsorted(flight.time_s, at_s, "right") - 1, 0, flight.time_s.size - 1))
    told = {
        "lon_deg": _number(flight.lon_deg[row], 5), "lat_deg": _number(flight.lat_deg[row], 5),
        "alt_m": _number(flight.alt_m[row], 1), "pressure_pa": _number(flight.pressure_pa[row], 1),
        "battery_j": _number(flight.battery_j[row], 0),
    }  # fmt: skip
    return _json(told)


def _link_up_from(log: PayloadLog, at_s: Any) -> Any:
    """Return when a link next carries something, from each time on; NaN when none does any more.

    The log says what the links could carry up to each time: where that grows, one is up.
    """
    time_s, carried = log.link_time_s, log.carried_bytes
    if time_s.size < 2:
        return np.full(at_s.shape, np.nan)
    up = np.diff(carried) > 0.0
    # For each step the beginning of the next one that is up, itself included.
    begins = np.where(up, time_s[:-1], np.inf)
    following = np.minimum.accumulate(begins[::-1])[::-1]
    step = np.clip(np.searchsorted(time_s, at_s, "right") - 1, 0, up.size - 1)
    leave = np.maximum(following[step], at_s)
    last = time_s[1:][up].max(initial=-np.inf)
    return np.where(np.isfinite(leave) & (at_s <= last), leave, np.nan)


def _nanoseconds(time_s: float) -> int:
    # Through whole seconds: a float of nanoseconds would be off by a hundred of them.
    whole = math.floor(time_s)
    return whole * 10**9 + round((time_s - whole) * 1e9)


def _number(value: Any, digits: int) -> float | None:
    """Return a rounded number, None for NaN, which JSON has not."""
    return round(float(value), digits) if math.isfinite(value) else None


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


# --- sending -------------------------------------------------------------------------------------------


def parse_rate(text: str) -> float:
    """Return how many seconds of flight go by in one: '60x', '1x', 'real', or 'max' (infinite)."""
    word = text.strip().lower()
    if word in ("max", "real"):
        return math.inf if word == "max" else 1.0
    try:
        rate = float(word.removesuffix("x"))
    except ValueError:
        rate = math.nan
    if not 0.0 < rate < math.inf:
        raise InputError(
            f"'{text[:20]}' is no rate", field="--rate", remedy="Give 60x, 1x, or max for as fast as it goes."
        )
    return rate


def open_line(to: str, hello: Hello, *, password: str = "") -> Line:
    """Return the line to tcp://host:port or mqtt://[user@]host[:port]/topic, not connected yet."""
    if to.startswith("mqtt:"):
        return MqttLine(parse_broker(to, password), hello)
    host, port = parse_address(to)
    return TcpLine(host, port, hello)


def send(
    frames: Sequence[Outgoing],
    line: Line,
    *,
    rate: float = math.inf,
    patience_s: float = 60.0,
    progress: Callable[[str, float], None] = lambda _text, _share: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Send frames as they leave, until the station has them all.

    The first frame that the station wants leaves at once, the others as long after it as they did, divided
    by `rate`. When the connection breaks, it is made again, at longer and longer intervals for up to
    `patience_s`, and the station says what it still wants. Frames whose `leave_s` is NaN are not sent.

    Raises InputError when the station refuses, FetchError when the patience is at its end.
    """
    due = sorted((one for one in frames if not math.isnan(one.leave_s)), key=lambda one: one.leave_s)
    run = _Run(due=due, rate=rate, progress=progress, clock=clock, begun_s=clock(), progress_s=clock())
    wait_s, down_s = BACKOFF_S[0], math.nan
    while True:
        try:
            _begin(run, line.connect())
            _drive(run, line)
            break
        except (OSError, FetchError) as error:
            line.close()
            if run.moved or math.isnan(down_s):
                wait_s, down_s, run.moved = BACKOFF_S[0], clock(), False
            if clock() - down_s > patience_s:
                raise FetchError(
                    f"the station cannot be reached ({error})",
                    remedy="Start it and send again: what it has is not sent twice.",
                ) from error
            progress("waiting for the station", run.share())
            sleep(wait_s)
            wait_s = min(2.0 * wait_s, BACKOFF_S[1])
        except BaseException:
            line.close()
            raise
    line.close()
    return Sent(len(due), run.sent, run.sent_bytes, run.connections, clock() - run.begun_s)


@dataclass(slots=True)
class _Run:
    """What changes while frames are sent. `todo` are those that the station wants, in the order of leaving.

    `moved` says that something was acknowledged since the line last broke, `progress_s` when that last was.
    """

    due: list[Outgoing]
    rate: float
    progress: Callable[[str, float], None]
    clock: Callable[[], float]
    begun_s: float
    progress_s: float
    todo: list[Outgoing] | None = None
    at: int = 0
    kept: int = 0
    messages: int = 0
    moved: bool = False
    zero_s: float | None = None
    first_leave_s: float = 0.0
    connections: int = 0
    sent: int = 0
    sent_bytes: int = 0

    def share(self) -> float:
        """Return the share of the frames that need no sending any more."""
        left = len(self.todo) - self.at if self.todo is not None else len(self.due)
        return 1.0 - left / len(self.due) if self.due else 1.0

    def wait_s(self, one: Outgoing) -> float:
        """Return how long it is until a frame leaves."""
        if math.isinf(self.rate) or self.zero_s is None:
            return 0.0
        return self.zero_s + (one.leave_s - self.first_leave_s) / self.rate - self.clock()


def _begin(run: _Run, standing: Standing) -> None:
    """Take up what the station wants; the clock starts with the first frame that it wants at first."""
    todo = [one for one in run.due if standing.wants(one.frame.sequence)]
    run.connections += 1
    run.moved = run.moved or run.todo is None or len(todo) < len(run.todo)
    run.progress_s = run.clock()
    run.todo, run.at, run.kept, run.messages = todo, 0, 0, 0
    if run.zero_s is None and todo:
        run.zero_s, run.first_leave_s = run.clock(), todo[0].leave_s


def _drive(run: _Run, line: Line) -> None:
    """Send until all is kept. Raises OSError when the line breaks."""
    todo = run.todo or []
    while True:
        if run.at < len(todo) and run.messages - run.kept < WINDOW_MESSAGES:
            wait_s = run.wait_s(todo[run.at])
            if wait_s <= 0.0:
                _send_one(run, line, todo)
                # Acknowledgements are fetched when there are enough of them, or nothing else to do.
                if run.at < len(todo) and run.messages % 8 and run.wait_s(todo[run.at]) <= 0.0:
                    continue
                wait_s = 0.0
        else:
            wait_s = POLL_S
        kept = line.poll(min(max(wait_s, 0.0), POLL_S))
        if kept > run.kept:
            run.kept, run.progress_s, run.moved = kept, run.clock(), True
        if run.at == len(todo) and run.kept >= run.messages:
            if line.settled(one.frame.sequence for one in todo):
                run.progress("sent", 1.0)
                return
            if run.clock() - run.progress_s > 10.0:
                raise ConnectionError("the station does not say that it has what the broker has")
        elif run.messages > run.kept and run.clock() - run.progress_s > 30.0:
            raise ConnectionError("the station does not acknowledge")


def _send_one(run: _Run, line: Line, todo: list[Outgoing]) -> None:
    """Send the frames that are due, up to the size of a message."""
    parts: list[bytes] = []
    size = 0
    while run.at < len(todo) and size < MESSAGE_BYTES and (not parts or run.wait_s(todo[run.at]) <= 0.0):
        data = encode_frame(todo[run.at].frame)
        parts.append(data)
        size, run.at = size + len(data), run.at + 1
    if run.messages == run.kept:
        # Patience is counted from when something waits for its acknowledgement.
        run.progress_s = run.clock()
    line.send(b"".join(parts))
    run.messages, run.sent, run.sent_bytes = run.messages + 1, run.sent + len(parts), run.sent_bytes + size
    run.progress("sending", run.share())

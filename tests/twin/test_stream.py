"""The stream of the twin: what becomes a frame, when it leaves, and how it gets through broken lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.custody.chain import verify
from overflight.custody.frames import DATA, END, TELEMETRY, chain, decode_stream, stream_id
from overflight.custody.mqtt import MqttLine
from overflight.custody.station import Standing
from overflight.custody.tcp import Hello, TcpLine
from overflight.errors import FetchError, InputError, LimitError
from overflight.twin import stream as stream_module
from overflight.twin.payload import HOUSEKEEPING, PICTURE, SIGNAL
from overflight.twin.stream import Outgoing, open_line, outgoing, parse_rate, send

STREAM = stream_id("a flight")
KEY = bytes(range(32))


# --- frames of a flight --------------------------------------------------------------------------------


def flight(minutes: int = 10) -> Any:
    time_s = 1e6 + 60.0 * np.arange(minutes + 1)
    rise = np.arange(minutes + 1.0)
    return SimpleNamespace(
        time_s=time_s, lon_deg=rise / 10.0, lat_deg=45.0 + 0.0 * rise, alt_m=100.0 * rise,
        pressure_pa=1e5 - rise, battery_j=1e6 - 50.0 * rise,
    )  # fmt: skip


def log(rows: list[tuple[float, int, float]], up: list[tuple[float, float]] | None = None) -> Any:
    """A log of (time, kind, sent at); links carry one byte a second in the windows `up`."""
    time_s = np.array([row[0] for row in rows], float)
    link_s = 1e6 + 60.0 * np.arange(11)
    step_up = [any(a <= t and t + 60.0 <= b for a, b in up or [(0.0, 1e9)]) for t in link_s[:-1]]
    count = len(rows)
    return SimpleNamespace(
        time_s=time_s, kind=np.array([row[1] for row in rows], np.int8), sensor=np.zeros(count, np.int16),
        target=np.array([0 if row[1] != HOUSEKEEPING else -1 for row in rows], np.int32),
        pictures=np.ones(count, np.int64), size_bytes=np.full(count, 5000),
        quality=np.full(count, math.nan), range_m=np.full(count, 61_234.5),
        elevation_deg=np.full(count, 12.3),
        sent_at=np.array([row[2] for row in rows], float), sensors=("camera",), targets=("town",),
        link_time_s=link_s, carried_bytes=np.concatenate([[0.0], np.cumsum(60.0 * np.array(step_up))]),
    )  # fmt: skip


def test_each_item_is_a_frame_in_the_order_of_making_and_leaves_when_it_was_sent() -> None:
    made = outgoing(
        flight(), log([(1e6, HOUSEKEEPING, 1e6 + 1), (1e6 + 60, PICTURE, 1e6 + 500),
                       (1e6 + 90, SIGNAL, math.nan)]), stream=STREAM, key=KEY,
    )  # fmt: skip
    assert [one.frame.kind for one in made] == [TELEMETRY, DATA, DATA, END]
    assert [one.frame.sequence for one in made] == [0, 1, 2, 3]
    assert [one.frame.time_s for one in made] == [1e6, 1e6 + 60, 1e6 + 90, 1e6 + 600]
    np.testing.assert_equal([one.leave_s for one in made[:3]], [1e6 + 1, 1e6 + 500, math.nan])
    assert verify([one.frame for one in made], KEY).ok
    assert json.loads(made[0].frame.payload) == {
        "alt_m": 0.0, "battery_j": 1e6, "lat_deg": 45.0, "lon_deg": 0.0, "pressure_pa": 1e5,
    }  # fmt: skip
    assert json.loads(made[1].frame.payload) == {
        "id": 1, "kind": "picture", "sensor": "camera", "target": "town", "size_bytes": 5000, "pictures": 1,
        "quality": None, "range_m": 61234.0, "elevation_deg": 12.3,
    }  # fmt: skip


def test_telemetry_is_made_each_minute_where_the_payload_keeps_none() -> None:
    up = [(1e6 + 60, 1e6 + 180), (1e6 + 300, 1e6 + 420)]
    made = outgoing(flight(), log([(1e6 + 60, PICTURE, 1e6 + 70)], up), stream=STREAM)
    told = [one for one in made if one.frame.kind == TELEMETRY]
    assert [one.frame.time_s - 1e6 for one in told] == [60.0 * i for i in range(11)]
    # By hand: none goes before the link is up at 60 s; what is made from 180 s on waits for 300 s; from 420 s
    # on there is no link any more.
    leave = [60, 60, 120, 300, 300, 300, 360, *[math.nan] * 4]
    np.testing.assert_equal([one.leave_s - 1e6 for one in told], leave)
    assert json.loads(told[4].frame.payload)["alt_m"] == 400.0
    assert verify([one.frame for one in made]).ok


def test_the_same_flight_makes_the_same_bytes() -> None:
    rows = [(1e6 + i, PICTURE, 1e6 + 2 * i) for i in range(20)]
    assert outgoing(flight(), log(rows), stream=STREAM) == outgoing(flight(), log(rows), stream=STREAM)


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "MOST_FRAMES", 10)
    with pytest.raises(LimitError):
        outgoing(flight(), log([]), stream=STREAM)


# --- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rate"), [("60x", 60.0), ("1x", 1.0), ("real", 1.0), ("2.5", 2.5), (" MAX ", math.inf)]
)
def test_rates(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "x", "0x", "-3x", "nan", "inf", "fast"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="rate"):
        parse_rate(text)


def test_lines_by_their_address() -> None:
    assert isinstance(open_line("tcp://127.0.0.1:9", Hello(STREAM)), TcpLine)
    assert isinstance(open_line("mqtt://127.0.0.1/topic", Hello(STREAM)), MqttLine)
    with pytest.raises(InputError):
        open_line("file:///x", Hello(STREAM))


# --- sending -------------------------------------------------------------------------------------------


@dataclass
class Fake:
    """A station and the line to it in one: breaks after so many messages, acknowledges late, counts time."""

    breaks: list[int] = field(default_factory=list)
    refuses: bool = False
    now_s: float = 0.0
    got: list[tuple[float, int]] = field(default_factory=list)
    on_way: list[bytes] = field(default_factory=list)
    kept: int = 0
    connections: int = 0
    left: int = 10**9
    down: int = 0

    def connect(self) -> Standing:
        if self.down:
            self.down -= 1
            raise ConnectionError("refused")
        if self.refuses:
            raise InputError("the token is not the station's")
        self.connections += 1
        self.on_way, self.kept = [], 0
        self.left = self.breaks.pop(0) if self.breaks else 10**9
        have = {number for _, number in self.got}
        after = max(have, default=-1) + 1
        return Standing(tuple((n, n) for n in range(after) if n not in have), after)

    def send(self, data: bytes) -> None:
        if self.left == 0:
            raise ConnectionError("broken")
        self.left -= 1
        self.on_way.append(data)

    def poll(self, wait_s: float) -> int:
        self.now_s += max(wait_s, 0.001)
        if self.left == 0:
            # What was on its way when the line broke is lost, but for the first of it.
            for data in self.on_way[:1]:
                self._take(data)
            raise ConnectionError("broken")
        for data in self.on_way:
            self._take(data)
        self.kept += len(self.on_way)
        self.on_way = []
        return self.kept

    def _take(self, data: bytes) -> None:
        self.got += [(self.now_s, frame.sequence) for frame in decode_stream(data).frames]

    def settled(self, _sequences: Iterable[int]) -> bool:
        return True

    def close(self) -> None:
        self.left = 0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s


def waiting(count: int, step_s: float = 1.0, size: int = 10) -> list[Outgoing]:
    made = chain(STREAM, ((i, DATA, b"x" * size) for i in range(count)))
    return [Outgoing(1000.0 + step_s * i, frame) for i, frame in enumerate(made)]


def test_all_arrive_in_order_at_once() -> None:
    line = Fake()
    sent = send(waiting(500), line, clock=line.clock, sleep=line.sleep)
    assert [number for _, number in line.got] == list(range(500))
    assert (sent.frames, sent.sent, sent.connections) == (500, 500, 1)


def test_frames_leave_in_accelerated_time() -> None:
    line = Fake()
    send(waiting(6, step_s=60.0), line, rate=30.0, clock=line.clock, sleep=line.sleep)
    # 60 s of flight at 30 times the speed are 2 s; a poll takes up to 0.05 s.
    np.testing.assert_allclose([at for at, _ in line.got], 2.0 * np.arange(6), atol=0.12)


def test_frames_go_in_the_order_of_leaving_and_those_that_never_leave_do_not() -> None:
    line, frames = Fake(), waiting(5)
    leave = [5.0, 1.0, math.nan, 2.0, 9.0]
    sent = send(
        [Outgoing(at, one.frame) for at, one in zip(leave, frames, strict=True)],
        line, clock=line.clock, sleep=line.sleep,
    )  # fmt: skip
    assert [number for _, number in line.got] == [1, 3, 0, 4]
    assert (sent.frames, sent.sent) == (4, 4)


@given(st.lists(st.integers(0, 6), max_size=8), st.integers(1, 200), st.integers(0, 3))
def test_through_broken_lines_all_arrive(breaks: list[int], count: int, down: int) -> None:
    line = Fake(breaks=list(breaks), down=down)
    sent = send(
        waiting(count, size=4000), line, patience_s=1e6, clock=line.clock, sleep=line.sleep
    )  # fmt: skip
    assert {number for _, number in line.got} == set(range(count))
    # Never from the beginning again: what the station has is not sent twice but for what was on its way.
    assert len(line.got) == count
    assert sent.connections == line.connections


def test_what_the_station_has_is_not_sent() -> None:
    line = Fake(got=[(0.0, n) for n in (0, 1, 2, 5)])
    sent = send(waiting(8), line, clock=line.clock, sleep=line.sleep)
    assert [number for _, number in line.got[4:]] == [3, 4, 6, 7]
    assert (sent.frames, sent.sent) == (8, 4)
    again = send(waiting(8), line, clock=line.clock, sleep=line.sleep)
    assert again.sent == 0


def test_patience_ends_with_a_message() -> None:
    line = Fake(down=10**6)
    with pytest.raises(FetchError, match="cannot be reached"):
        send(waiting(3), line, patience_s=30.0, clock=line.clock, sleep=line.sleep)
    assert 30.0 < line.now_s < 40.0


def test_patience_begins_anew_after_something_was_acknowledged() -> None:
    # Quiet for an hour between two frames: the break after it is not met with an hour of impatience.
    line = Fake(breaks=[2], down=0)
    frames = [Outgoing(0.0, waiting(1)[0].frame), *waiting(4, step_s=3600.0)[1:]]
    sent = send(frames, line, rate=1.0, patience_s=5.0, clock=line.clock, sleep=line.sleep)
    assert sent.connections == 2
    assert {number for _, number in line.got} == {0, 1, 2, 3}


def test_a_refusal_is_not_tried_again() -> None:
    line = Fake(refuses=True)
    with pytest.raises(InputError, match="token"):
        send(waiting(3), line, clock=line.clock, sleep=line.sleep)
    assert line.connections == 0


def test_progress_goes_from_none_to_all() -> None:
    line, shares = Fake(breaks=[3]), list[float]()
    send(
        waiting(100, size=3000), line, clock=line.clock, sleep=line.sleep,
        progress=lambda _text, share: shares.append(share),
    )  # fmt: skip
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert shares[-1] == 1.0

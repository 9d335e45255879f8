"""What the twin's payload sees and hears, records and sends.

::

    flight ──► looks at sites (light) ──► pictures ─┐
           └─► looks at emitters (radio) ► signals ─┼─► items in time order ─► recorder ─► queue ─► links
               clock ─► housekeeping, streams ──────┘

The physics is that of `exposure.geometry`, `exposure.optics`, `exposure.radio` and `custody`; here is
behaviour: when a sensor works, what it makes of a place in its reach, and how many bytes that is. What a
sensor makes in a step of the flight is one item, made at the beginning of the step. Sites and emitters are
the user's.

The truth of an exercise is the log; whoever assesses it sees what was sent, received and found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from overflight.custody.links import Link, carried_bytes, draw_outages, rate_bps
from overflight.custody.storage import Kept, Recorder, Totals, keep_and_send, totals
from overflight.errors import InputError, LimitError, OverflightError
from overflight.exposure.geometry import LIGHT, RADIO, SEEN, Looks, Refractivity, look
from overflight.exposure.optics import QUALITY_STATUS, TOO_LOW, Camera, gsd_m, image_quality
from overflight.exposure.radio import HEARD, MARGIN_STATUS, Emitter, Receiver, margin
from overflight.geo import unit_vector
from overflight.places.sites import Site
from overflight.sun import solar_position
from overflight.twin.sky import Sky, overhead
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Windows = tuple[tuple[float, float], ...]

HOUSEKEEPING, PICTURE, SIGNAL, STREAM = range(4)
KINDS: Final = ("housekeeping", "picture", "signal", "stream")
# `PayloadLog.quality_status` of a picture: those of the optics, and cloud.
CLOUDED: Final = len(QUALITY_STATUS)
PICTURE_STATUS: Final = (*QUALITY_STATUS, "hidden by cloud")
SIGNAL_STATUS: Final = MARGIN_STATUS
MOST_ITEMS: Final = 5_000_000
# Straight elevation of what no air lifts over a level horizon: at 60 km it lifts by less than a degree.
BELOW_DEG: Final = -2.0
# Streams of random numbers under the seed.
DUTY, OUTAGES = 21, 22
DEFAULT_RECORDER: Final = Recorder(capacity_bytes=1e12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imager:
    """A camera that takes a picture of every site in its reach, each `period_s`.

    Its reach is where the site sees the balloon at `least_elevation_deg` or more, with the sun at
    `least_sun_deg` or more; it does not know of cloud. `picture_bytes` is the size after compression, that of
    the camera without when None. `stream_bps` is recorded all the time that it is on, sites or none.
    `active` are the times when it is on, always when None.
    """

    camera: Camera
    period_s: float = 60.0
    least_elevation_deg: float = 20.0
    least_sun_deg: float = 0.0
    picture_bytes: int | None = None
    stream_bps: float = 0.0
    priority: int = 1
    send: bool = True
    active: Windows | None = None

    def __post_init__(self) -> None:
        _check_sensor(self.camera.id, self.period_s, self.stream_bps, self.active)
        if not 0.0 <= self.least_elevation_deg < 90.0:
            _refuse(
                self.camera.id, "least_elevation_deg", self.least_elevation_deg, "Give 0 to less than 90."
            )
        if not -90.0 <= self.least_sun_deg <= 90.0:
            _refuse(self.camera.id, "least_sun_deg", self.least_sun_deg, "Give -90 to 90 degrees.")
        if self.picture_bytes is not None and self.picture_bytes < 1:
            _refuse(self.camera.id, "picture_bytes", self.picture_bytes, "Give bytes, 1 or more.")

    @property
    def id(self) -> str:
        """That of the camera."""
        return self.camera.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A receiver that records every emitter it hears, `rate_bps` for each, looked for every `period_s`.

    `stream_bps` is recorded all the time that it is on, whatever it hears.
    """

    receiver: Receiver
    period_s: float = 60.0
    rate_bps: float = 10_000.0
    stream_bps: float = 0.0
    priority: int = 2
    send: bool = True
    active: Windows | None = None

    def __post_init__(self) -> None:
        _check_sensor(self.receiver.id, self.period_s, self.stream_bps, self.active)
        if not (self.rate_bps >= 0.0 and math.isfinite(self.rate_bps)):
            _refuse(self.receiver.id, "rate_bps", self.rate_bps, "Give bits a second, zero or more.")

    @property
    def id(self) -> str:
        """That of the receiver."""
        return self.receiver.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """Position and health of the balloon: `size_bytes` every `period_s`, from first to last."""

    id: str = "housekeeping"
    size_bytes: int = 100
    period_s: float = 60.0
    priority: int = 3
    send: bool = True

    def __post_init__(self) -> None:
        _check_sensor(self.id, self.period_s, 0.0, None)
        if self.size_bytes < 1:
            _refuse(self.id, "size_bytes", self.size_bytes, "Give bytes, 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Sensors, recorder and links; the links work side by side, and their rates add up."""

    imagers: tuple[Imager, ...] = ()
    listeners: tuple[Listener, ...] = ()
    housekeeping: Housekeeping | None = None
    recorder: Recorder = DEFAULT_RECORDER
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        for names in (self.sensors, tuple(link.id for link in self.links)):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise InputError(
                    f"there are two '{min(twice)}'", field="payload", remedy="Give each its own id."
                )

    @property
    def sensors(self) -> tuple[str, ...]:
        """Ids in the order of `PayloadLog.sensor`: cameras, receivers, housekeeping."""
        ids = (*(imager.id for imager in self.imagers), *(listener.id for listener in self.listeners))
        return (*ids, self.housekeeping.id) if self.housekeeping else ids


class Flown(Protocol):
    """What a payload asks of a flight; `TwinFlight` has it. Arrays (T,), NaN where not aloft."""

    @property
    def time_s(self) -> Float64s: ...
    @property
    def lon_deg(self) -> Float64s: ...
    @property
    def lat_deg(self) -> Float64s: ...
    @property
    def alt_m(self) -> Float64s: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayloadLog:
    """Every item that the payload made, in the order of time, arrays (N,); the place in the row is its id.

    `kind` is an index of KINDS, `sensor` of `sensors`, `target` of `targets` (sites, then emitters; -1:
    none). `pictures` is how many an item holds. `quality` is a NIIRS for pictures, NaN under cloud or where
    it is not assessed, with `clear_quality` what it would be without cloud and `cover` the cloud; and a
    margin in dB for signals. `quality_status` is an index of PICTURE_STATUS or SIGNAL_STATUS. `range_m` and
    `elevation_deg` (apparent) are the balloon's as the target has them.

    `stored_at`, `lost_at`, `sent_at` and `sent_bytes` are those of `custody.storage.Kept`. `link_time_s` and
    `carried_bytes` say what the links could have carried up to each time; `outages` when each failed.
    """

    time_s: Float64s
    kind: npt.NDArray[np.int8]
    sensor: npt.NDArray[np.int16]
    target: npt.NDArray[np.int32]
    pictures: Int64s
    size_bytes: Int64s
    priority: Int64s
    quality: Float64s
    clear_quality: Float64s
    quality_status: npt.NDArray[np.int8]
    cover: Float64s
    range_m: Float64s
    elevation_deg: Float64s
    stored_at: Float64s
    lost_at: Float64s
    sent_at: Float64s
    sent_bytes: Int64s
    sensors: tuple[str, ...]
    targets: tuple[str, ...]
    link_time_s: Float64s
    carried_bytes: Float64s
    outages: tuple[Float64s, ...]

    @property
    def id(self) -> Int64s:
        """Number of each item, from 0."""
        return np.arange(self.time_s.size)


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    """Items of one sensor and target, or many; N long, or of one value for all."""

    step: npt.NDArray[np.intp]
    kind: int
    sensor: int
    target: int
    pictures: Int64s
    size_bytes: Int64s
    priority: int
    send: bool
    quality: Float64s
    clear_quality: Float64s
    quality_status: npt.NDArray[Any]
    cover: Float64s
    range_m: Float64s
    elevation_deg: Float64s


def run_payload(
    payload: Payload,
    flight: Flown,
    sites: Sequence[Site],
    emitters: Sequence[Emitter],
    sky: Sky | None = None,
    *,
    seed: int = 0,
    powered: npt.ArrayLike | None = None,
) -> PayloadLog:
    """Run a payload along a flight.

    Parameters
    ----------
    sites, emitters : what there is to see and hear; none, one or many, with ids of their own.
    sky : cloud and visibility; clear with 23 km when None.
    seed : of clouds, of emitters that are on part of the time, of links that fail.
    powered : whether the payload has power, (T,); from the flight's own record (`fed`) when None.

    Returns
    -------
    PayloadLog
        The same for the same seed, to the byte.

    Raises
    ------
    OverflightError, InputError, CoverageError, LimitError
        When the flight or a place cannot be used, the cloud field does not reach, or the items would be more
        than five million.
    """
    time = _check_flight(flight)
    if seed < 0:
        raise InputError(f"it is {seed}", field="seed", remedy="Give a whole number, zero or more.")
    _check_ids([site.id for site in sites], [emitter.id for emitter in emitters])
    on = fed(flight) if powered is None else np.asarray(powered, dtype=np.bool_)
    on = np.broadcast_to(on, time.shape) & np.isfinite(flight.lon_deg + flight.lat_deg + flight.alt_m)
    chosen = sky or Sky()
    parts = [
        *_pictures(payload, flight, sites, chosen, on, seed),
        *_signals(payload, flight, emitters, len(sites), on, seed),
        *_by_the_clock(payload, time, on),
    ]
    carried, outages = _links(payload.links, flight, on, seed)
    return _log(payload, time, parts, (*(s.id for s in sites), *(e.id for e in emitters)), carried, outages)


def fed(flight: Flown) -> Bools:
    """Say at which steps (T,) the payload had the power that it takes; always, without a record of power."""
    demand = getattr(getattr(getattr(flight, "balloon", None), "power", None), "load_w", 0.0)
    got = getattr(flight, "load_w", None)
    if got is None or not demand > 0.0:
        return np.ones(flight.time_s.shape, dtype=np.bool_)
    return np.asarray(got >= 0.999 * demand, dtype=np.bool_)


def tally(log: PayloadLog, sensor: str | None = None) -> Totals:
    """Return bytes collected, sent, kept and lost, of all or one sensor; they balance (`storage.Totals`)."""
    pick = np.ones(log.time_s.size, dtype=np.bool_)
    if sensor is not None:
        if sensor not in log.sensors:
            raise InputError(f"'{sensor}' is not a sensor", remedy=f"There are {', '.join(log.sensors)}.")
        pick = log.sensor == log.sensors.index(sensor)
    kept = Kept(log.stored_at[pick], log.lost_at[pick], log.sent_at[pick], log.sent_bytes[pick])
    return totals(log.size_bytes[pick], kept)


def in_real_time(log: PayloadLog, within_s: float = 60.0) -> Bools:
    """Say which items (N,) were wholly sent within some seconds of being made."""
    return np.asarray(log.sent_at - log.time_s <= within_s, dtype=np.bool_)


# --- sensors ---------------------------------------------------------------------------------------------


def _pictures(
    payload: Payload, flight: Flown, sites: Sequence[Site], sky: Sky, on: Bools, seed: int
) -> list[_Items]:
    if not payload.imagers or not sites:
        return []
    places = [(s.lon_deg, s.lat_deg, s.alt_m or 0.0) for s in sites]
    lowest = min(imager.least_elevation_deg for imager in payload.imagers)
    looks = _looks(flight, places, LIGHT, lowest)
    speed = _ground_speed_mps(flight)
    parts = []
    for number, imager in enumerate(payload.imagers):
        ticks = _ticks(flight.time_s, imager.period_s) * (on & _active(flight.time_s, imager.active))
        high = looks.elevation_deg >= imager.least_elevation_deg
        for target, step in _pairs(high & (ticks > 0)):
            site = sites[target]
            part = _of_site(imager, number, target, site, flight, looks, ticks, step, speed, sky, seed)
            parts.append(part)
    return parts


def _of_site(
    imager: Imager,
    number: int,
    target: int,
    site: Site,
    flight: Flown,
    looks: Looks,
    ticks: Int64s,
    step: npt.NDArray[np.intp],
    speed_mps: Float64s,
    sky: Sky,
    seed: int,
) -> _Items:
    """Pictures of one site: by day, graded as under a clear sky, and hidden where there is cloud."""
    sun = solar_position(flight.time_s[step], site.lon_deg, site.lat_deg)[0]
    lit = sun >= imager.least_sun_deg
    step, sun = step[lit], sun[lit]
    away, up = looks.range_m[target, step], looks.apparent_elevation_deg[target, step]
    camera = imager.camera
    smear = speed_mps[step] * camera.exposure_s / gsd_m(camera.pitch_m, camera.focal_m, away)
    found = image_quality(
        camera, away, np.minimum(up, 90.0), sun, visibility_m=sky.visibility_m, smear_px=smear
    )
    above = overhead(sky, flight.time_s[step], site.lon_deg, site.lat_deg, seed=seed)
    clouded = above.hidden & (found.status < TOO_LOW)
    size = camera.image_bytes if imager.picture_bytes is None else imager.picture_bytes
    return _Items(
        step=step,
        kind=PICTURE,
        sensor=number,
        target=target,
        pictures=ticks[step],
        size_bytes=ticks[step] * size,
        priority=imager.priority,
        send=imager.send,
        quality=np.where(above.hidden, np.nan, found.niirs),
        clear_quality=found.niirs,
        quality_status=np.where(clouded, CLOUDED, found.status),
        cover=above.cover,
        range_m=away,
        elevation_deg=up,
    )


def _signals(
    payload: Payload, flight: Flown, emitters: Sequence[Emitter], first: int, on: Bools, seed: int
) -> list[_Items]:
    if not payload.listeners or not emitters:
        return []
    looks = _looks(flight, [(e.lon_deg, e.lat_deg, e.alt_m) for e in emitters], RADIO, BELOW_DEG)
    radiating = [_on_air(emitter, i, flight.time_s.size, seed) for i, emitter in enumerate(emitters)]
    step_s = np.append(np.diff(flight.time_s), 0.0)
    parts = []
    for number, listener in enumerate(payload.listeners):
        ticks = _ticks(flight.time_s, listener.period_s) * (on & _active(flight.time_s, listener.active))
        # A look every period stands for the whole of it.
        span = np.maximum(step_s, listener.period_s)
        for target, step in _pairs((looks.status == SEEN) & (ticks > 0)):
            if not listener.receiver.tunes(emitters[target]):
                continue
            step = step[radiating[target][step]]
            away, up = looks.range_m[target, step], looks.apparent_elevation_deg[target, step]
            heard = margin(listener.receiver, emitters[target], away, up)
            good = heard.status == HEARD
            step, level = step[good], heard.margin_db[good]
            size = np.rint(listener.rate_bps / 8.0 * span[step]).astype(np.int64)
            parts.append(
                _Items(
                    step=step,
                    kind=SIGNAL,
                    sensor=len(payload.imagers) + number,
                    target=first + target,
                    pictures=np.ones(step.size, dtype=np.int64),
                    size_bytes=size,
                    priority=listener.priority,
                    send=listener.send,
                    quality=level,
                    clear_quality=level,
                    quality_status=np.full(step.size, HEARD),
                    cover=np.full(step.size, np.nan),
                    range_m=away[good],
                    elevation_deg=up[good],
                )
            )
    return parts


def _on_air(emitter: Emitter, number: int, steps: int, seed: int) -> Bools:
    if emitter.duty >= 1.0:
        return np.ones(steps, dtype=np.bool_)
    return np.random.default_rng([seed, DUTY, number]).random(steps) < emitter.duty


def _by_the_clock(payload: Payload, time_s: Float64s, on: Bools) -> list[_Items]:
    step_s = np.append(np.diff(time_s), 0.0)
    parts = []
    sensors: tuple[Imager | Listener, ...] = (*payload.imagers, *payload.listeners)
    for number, sensor in enumerate(sensors):
        if sensor.stream_bps > 0.0:
            working = on & _active(time_s, sensor.active)
            size = np.rint(sensor.stream_bps / 8.0 * step_s).astype(np.int64) * working
            parts.append(_plain(STREAM, number, size, sensor.priority, sensor.send))
    if payload.housekeeping is not None:
        keeping = payload.housekeeping
        size = _ticks(time_s, keeping.period_s) * on * keeping.size_bytes
        number = len(payload.imagers) + len(payload.listeners)
        parts.append(_plain(HOUSEKEEPING, number, size, keeping.priority, keeping.send))
    return parts


def _plain(kind: int, sensor: int, size_bytes: Int64s, priority: int, send: bool) -> _Items:
    """Items without a target; steps without bytes have none."""
    step = np.flatnonzero(size_bytes)
    none = np.full(step.size, np.nan)
    ones = np.ones(step.size, dtype=np.int64)
    size = size_bytes[step]
    return _Items(step, kind, sensor, -1, ones, size, priority, send, none, none, 0 * ones, none, none, none)


def _looks(
    flight: Flown, places: list[tuple[float, float, float]], air: Refractivity, lowest_deg: float
) -> Looks:
    lon, lat, alt = np.array(places, dtype=np.float64).T
    return look(flight.lon_deg, flight.lat_deg, flight.alt_m, lon, lat, alt, air=air, lowest_deg=lowest_deg)


def _pairs(wanted: Bools) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """Targets (first axis) that are wanted at any step, with those steps."""
    rows = np.flatnonzero(wanted.any(axis=1))
    return [(int(row), np.flatnonzero(wanted[row])) for row in rows]


def _ticks(time_s: Float64s, period_s: float) -> Int64s:
    """How many times of a clock that starts with the flight fall in each step; none in the last row."""
    # A millionth of a period: times that are meant to be equal are.
    due = np.ceil((time_s - time_s[0]) / period_s - 1e-6).astype(np.int64)
    return np.append(np.diff(due), 0)


def _active(time_s: Float64s, windows: Windows | None) -> Bools:
    if windows is None:
        return np.ones(time_s.shape, dtype=np.bool_)
    found = np.zeros(time_s.shape, dtype=np.bool_)
    for begin, end in windows:
        found |= (time_s >= begin) & (time_s < end)
    return found


def _ground_speed_mps(flight: Flown) -> Float64s:
    """Speed over the ground of each step (T,), on the sphere: a smear wants no more."""
    place = unit_vector(flight.lon_deg, flight.lat_deg)
    moved = np.sqrt((np.diff(place, axis=1) ** 2).sum(axis=0)) * EARTH_RADIUS_M
    return np.append(moved / np.diff(flight.time_s), 0.0)


# --- links and log ---------------------------------------------------------------------------------------


def _links(
    links: Sequence[Link], flight: Flown, on: Bools, seed: int
) -> tuple[Float64s, tuple[Float64s, ...]]:
    """Bytes that all links together could have carried up to each time (T,), and when each failed."""
    time = flight.time_s
    carried, outages = np.zeros(time.size), []
    for number, link in enumerate(links):
        rng = np.random.default_rng([seed, OUTAGES, number])
        failing = draw_outages(link, float(time[0]), float(time[-1]), rng)
        rate = np.where(on, rate_bps(link, flight.lon_deg, flight.lat_deg, flight.alt_m), 0.0)
        carried += carried_bytes(rate, time, failing)
        outages.append(failing)
    return carried, tuple(outages)


def _log(
    payload: Payload,
    time_s: Float64s,
    parts: list[_Items],
    targets: tuple[str, ...],
    carried: Float64s,
    outages: tuple[Float64s, ...],
) -> PayloadLog:
    parts = [_without_empty(part) for part in parts]
    lengths = np.array([part.step.size for part in parts], dtype=np.int64)
    if lengths.sum() > MOST_ITEMS:
        raise LimitError(
            f"the payload would make {lengths.sum()} items",
            remedy="Give longer periods or steps, or fewer places.",
        )
    step = _joined([part.step for part in parts], np.intp)
    # Stable: items of one step keep the order of sensors and targets.
    order = np.argsort(step, kind="stable")
    made = time_s[step[order]]

    def column(name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return _joined([getattr(part, name) for part in parts], dtype)[order]

    def single(name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return np.repeat(np.array([getattr(part, name) for part in parts], dtype=dtype), lengths)[order]

    size, priority = column("size_bytes", np.int64), single("priority", np.int64)
    kept = keep_and_send(
        payload.recorder, made, size, priority, time_s, carried, send=single("send", np.bool_)
    )
    return PayloadLog(
        time_s=made,
        kind=single("kind", np.int8),
        sensor=single("sensor", np.int16),
        target=single("target", np.int32),
        pictures=column("pictures", np.int64),
        size_bytes=size,
        priority=priority,
        quality=column("quality", np.float64),
        clear_quality=column("clear_quality", np.float64),
        quality_status=column("quality_status", np.int8),
        cover=column("cover", np.float64),
        range_m=column("range_m", np.float64),
        elevation_deg=column("elevation_deg", np.float64),
        **kept._asdict(),
        sensors=payload.sensors,
        targets=targets,
        link_time_s=time_s,
        carried_bytes=carried,
        outages=outages,
    )


def _without_empty(part: _Items) -> _Items:
    """Leave out items of no bytes: a receiver that is asked to record nothing."""
    good = part.size_bytes > 0
    if good.all():
        return part
    arrays = {f.name: getattr(part, f.name) for f in fields(part)}
    cut: dict[str, Any] = {name: v[good] for name, v in arrays.items() if isinstance(v, np.ndarray)}
    return replace(part, **cut)


def _joined(arrays: list[npt.NDArray[Any]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype=dtype), *arrays]).astype(dtype, copy=False)


# --- checks ----------------------------------------------------------------------------------------------


def _refuse(who: str, name: str, value: object, remedy: str) -> None:
    raise InputError(f"sensor '{who}': it is {value!r}", field=name, remedy=remedy)


def _check_sensor(who: str, period_s: float, stream_bps: float, active: Windows | None) -> None:
    if not (period_s > 0.0 and math.isfinite(period_s)):
        _refuse(who, "period_s", period_s, "Give a finite number of seconds above zero.")
    if not (stream_bps >= 0.0 and math.isfinite(stream_bps)):
        _refuse(who, "stream_bps", stream_bps, "Give bits a second, zero or more.")
    for begin, end in active or ():
        if not begin <= end:
            _refuse(who, "active", (begin, end), "A time of working begins before it ends.")


def _check_flight(flight: Flown) -> Float64s:
    time = flight.time_s
    same = all(x.shape == time.shape for x in (flight.lon_deg, flight.lat_deg, flight.alt_m))
    if time.ndim != 1 or time.size == 0 or not same:
        raise OverflightError(
            "the flight has no rows, or rows that differ", remedy="Give arrays (T,), T of 1 or more."
        )
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise OverflightError("the times of the flight do not rise", remedy="Sort it; leave out NaN.")
    return time


def _check_ids(sites: list[str], emitters: list[str]) -> None:
    names = [*sites, *emitters]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two sites or emitters are '{twice}'", field="id", remedy="Give each its own id.")

"""Those who see a flight, and what they get wrong: true tracks in, reports with their faults out.

::

    tracks ─► Radar, Transponder, Watchers, Images, Officials, Strays ─► reports ─► Press (copies) ─► reports

Each observer is a frozen record of settings, and `observe` turns it into reports with a generator of random
numbers of its own. What is measured is measured from the true track; how it is told (rounded, an hour off,
the watcher's place for the balloon's) is where the faults come in, each with its probability. Shares are
settings of exercises, chosen to teach, near the priors of `sightings.kinds`, not measurements.

Radar: the chance of a plot falls with range as that of a slowly fluctuating target (Swerling's case 1,
P = P_fa^(1/(1+S)); IRE Trans. IT-6, 1960) with the signal S going as the inverse fourth power of the range,
set by the range at which it is one half. Nothing is seen below the horizon of a 4/3 earth. A velocity gate
drops what is slower along the line of sight, as moving-target indication does; it may be opened at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.atmosphere import pressure_alt_m
from overflight.balloons.limits import within
from overflight.errors import InputError
from overflight.geo import bearing_deg, destination, distance_m, horizon_distance_m, look
from overflight.places.land import on_land
from overflight.sightings.witness import distance_at_elevation_m
from overflight.sun import solar_position
from overflight.twin.reports import Fault, Report, Track, place_at
from overflight.units import DAY_S, FOOT_M, HOUR_S

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# The chance that noise passes for a plot in one cell: the usual figure of surveillance radar.
FALSE_ALARM: Final = 1e-6
# Below this a balloon is a rising or a falling one, and nobody's sighting at float.
LOW_M: Final = 3e3
# The eye sees a balloon in the sun against a sky that is darker; it needs no more than twilight itself.
WATCH_SUN_DEG: Final = -8.0
# sd = radius / 3.5, as `sightings.witness` reads a radius.
RADIUS_PER_SD: Final = 3.5
TRACKED: Final = "Track of the radar: slow, no answer to interrogation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place: fixed, or `off_m` to a random side of the subject's true path at a share of its flight."""

    lon_deg: float | None = None
    lat_deg: float | None = None
    along: float | None = None
    off_m: float = 0.0

    def __post_init__(self) -> None:
        fixed = self.lon_deg is not None and self.lat_deg is not None
        if fixed == (self.along is not None) or (self.lon_deg is None) != (self.lat_deg is None):
            raise InputError(
                "a place is given twice or not at all",
                field="along",
                remedy="Give lon_deg and lat_deg, or along.",
            )
        if fixed:
            within("lon_deg", self.lon_deg or 0.0, -360.0, 360.0, "deg")
            within("lat_deg", self.lat_deg or 0.0, -90.0, 90.0, "deg")
        else:
            within("along", self.along or 0.0, 0.0, 1.0)
        within("off_m", self.off_m, 0.0, 5e6, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Radar:
    """A surveillance radar: a plot every `scan_s`, of which it reports one every `report_s`.

    `half_range_m` is where it sees the object half of the time. Objects slower than `gate_mps` along the line
    of sight are dropped until `gate_opens_h` after the start of the exercise (never opened when None).
    `clutter_per_day` plots of nothing are reported as if they were something.
    """

    name: str
    spot: Spot
    object: str = ""
    alt_m: float = 50.0
    half_range_m: float = 250e3
    gate_mps: float = 0.0
    gate_opens_h: float | None = None
    scan_s: float = 60.0
    report_s: float = 3600.0
    range_sd_m: float = 150.0
    bearing_sd_deg: float = 0.3
    alt_sd_m: float = 600.0
    clutter_per_day: float = 0.0

    def __post_init__(self) -> None:
        within("half_range_m", self.half_range_m, 1e3, 1e6, "m")
        within("gate_mps", self.gate_mps, 0.0, 300.0, "m/s")
        within("scan_s", self.scan_s, 4.0, 3600.0, "s")
        within("report_s", self.report_s, self.scan_s, DAY_S, "s, not under scan_s")
        within("range_sd_m", self.range_sd_m, 1.0, 1e5, "m")
        within("bearing_sd_deg", self.bearing_sd_deg, 0.001, 30.0, "deg")
        within("alt_sd_m", self.alt_sd_m, 1.0, 1e4, "m")
        within("clutter_per_day", self.clutter_per_day, 0.0, 1000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transponder:
    """The object's own reports: every `every_s` between two hours after its start, `p_heard` of them heard.

    `grid_deg` rounds the place, as a Maidenhead locator does (1/12 of a degree of longitude for six signs).
    `daylight` keeps it silent while the sun is below 5°, as a tracker without a battery is.
    """

    object: str = ""
    name: str = "Feed of transponders"
    every_s: float = 3600.0
    from_h: float = 0.0
    to_h: float = 1e4
    p_heard: float = 0.9
    grid_deg: float = 0.0
    daylight: bool = False

    def __post_init__(self) -> None:
        within("every_s", self.every_s, 60.0, DAY_S, "s")
        within("p_heard", self.p_heard, 0.0, 1.0)
        within("grid_deg", self.grid_deg, 0.0, 10.0, "deg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """People who look up, `count` of them on average, by day and twilight, on land (few at sea).

    Shares of what they get wrong: `p_afar` saw it low above the horizon and name their own place, `p_slip`
    are whole hours off, `p_mistaken` saw something else. `p_cloud` of those who could see cannot.
    `p_looks` give bearing and elevation; elevations are told `elevation_bias_deg` too high, and rounded.
    `p_altitude` guess a height.
    """

    object: str = ""
    kind: str = "eyewitness_report"
    count: float = 8.0
    from_h: float = 0.0
    to_h: float = 1e4
    p_cloud: float = 0.4
    p_afar: float = 0.12
    p_slip: float = 0.06
    p_mistaken: float = 0.05
    p_looks: float = 0.3
    p_altitude: float = 0.15
    bearing_sd_deg: float = 12.0
    elevation_sd_deg: float = 7.0
    elevation_bias_deg: float = 6.0

    def __post_init__(self) -> None:
        within("count", self.count, 0.0, 2000.0)
        for name in ("p_cloud", "p_afar", "p_slip", "p_mistaken", "p_looks", "p_altitude"):
            within(name, getattr(self, name), 0.0, 1.0)
        if self.p_afar + self.p_slip + self.p_mistaken > 1.0:
            raise InputError("the shares of faults exceed one", field="p_afar", remedy="Lower them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Satellites that may have it in an image: a chance every `every_h` by day, taken with `p_seen`.

    `dated` images carry a day and no hour.
    """

    object: str = ""
    name: str = "Satellite imagery"
    every_h: float = 12.0
    p_seen: float = 0.35
    sd_m: float = 2500.0
    dated: bool = False

    def __post_init__(self) -> None:
        within("every_h", self.every_h, 0.5, 240.0, "h")
        within("p_seen", self.p_seen, 0.0, 1.0)
        within("sd_m", self.sd_m, 30.0, 1e5, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Officials:
    """Statements of an authority about where it was, `at_h` hours after the start of the object's flight.

    Each is a circle of `radius_m` within `window_s` of the time, its middle off by what the radius allows.
    Heights are rounded to 5,000 ft, as such statements are.
    """

    at_h: tuple[float, ...]
    object: str = ""
    name: str = "An authority"
    kind: str = "official_statement_named"
    radius_m: float = 150e3
    window_s: float = 6.0 * HOUR_S
    height: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.at_h) <= 100:
            raise InputError(f"{len(self.at_h)} statements", field="at_h", remedy="Give 1 to 100 hours.")
        within("radius_m", self.radius_m, 100.0, 5e6, "m")
        within("window_s", self.window_s, 0.0, 10 * DAY_S, "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strays:
    """Reports of what was never there, about a place: a planet, an aircraft, a child's balloon."""

    spot: Spot
    count: int = 6
    spread_m: float = 150e3
    over_h: float = 24.0
    from_h: float = 0.0
    kind: str = "eyewitness_report"

    def __post_init__(self) -> None:
        within("count", self.count, 0, 1000)
        within("spread_m", self.spread_m, 1e3, 2e6, "m")
        within("over_h", self.over_h, 0.1, 1000.0, "h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Papers that print the reports of others again: `count` of them.

    Each is late (the hour of printing for that of seeing), has its clock in another zone, puts it over
    the next large town, or is a plain copy, with these shares; what is left is a true account.
    """

    count: int = 8
    p_late: float = 0.25
    p_zone: float = 0.2
    p_elsewhere: float = 0.2
    p_copy: float = 0.25

    def __post_init__(self) -> None:
        within("count", self.count, 0, 1000)
        for name in ("p_late", "p_zone", "p_elsewhere", "p_copy"):
            within(name, getattr(self, name), 0.0, 1.0)
        if self.p_late + self.p_zone + self.p_elsewhere + self.p_copy > 1.0:
            raise InputError("the shares of faults exceed one", field="p_late", remedy="Lower them.")


Observer = Radar | Transponder | Watchers | Images | Officials | Strays | Press


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What there is to see: the tracks by id, the one in question (empty: none), and the window."""

    tracks: tuple[Track, ...]
    subject: str
    time_start: float
    time_end: float
    plots: list[dict[str, str]] = field(default_factory=list)

    def track(self, id_: str) -> Track:
        """Return the track of an id, the subject's when empty.

        Raises InputError when there is none.
        """
        wanted = id_ or self.subject
        for track in self.tracks:
            if track.id == wanted:
                return track
        raise InputError(
            f"an observer watches '{wanted}', which the scenario does not have", field="object",
            remedy=f"The flights are: {', '.join(t.id for t in self.tracks) or 'none'}.",
        )  # fmt: skip


def observe(
    observer: Observer, scene: Scene, rng: np.random.Generator, before: Sequence[Report] = ()
) -> list[Report]:
    """Return the reports of one observer; `before` are those that the press has to copy from."""
    match observer:
        case Radar():
            return _radar(observer, scene, rng)
        case Transponder():
            return _transponder(observer, scene, rng)
        case Watchers():
            return _watchers(observer, scene, rng)
        case Images():
            return _images(observer, scene, rng)
        case Officials():
            return _officials(observer, scene, rng)
        case Strays():
            return _strays(observer, scene, rng)
        case Press():
            return _press(observer, before, rng)


def settle(spot: Spot, scene: Scene, rng: np.random.Generator) -> tuple[float, float]:
    """Return longitude and latitude of a spot, drawn where it hangs on the path.

    Raises InputError when it hangs on a path that there is not.
    """
    if spot.along is None:
        lon, lat = float(spot.lon_deg or 0.0), float(spot.lat_deg or 0.0)
    else:
        track = scene.track("")
        lon, lat, _ = (float(x) for x in place_at(track, _time_along(track, spot.along)))
    side, away = rng.uniform(0.0, 360.0), spot.off_m
    lon_deg, lat_deg = destination(lon, lat, side, away)
    return float(lon_deg), float(lat_deg)


def _time_along(track: Track, share: float) -> float:
    if track.time_s.size == 0:
        raise InputError(
            f"'{track.id}' never flew, and a place hangs on its path", field="along", remedy="Fix the place."
        )
    return float(track.time_s[0] + share * (track.time_s[-1] - track.time_s[0]))


# --- sensors


def detection_chance(range_m: npt.ArrayLike, half_range_m: float) -> Float64s:
    """Return the chance of a plot at a slant range: Swerling's case 1, one half at `half_range_m`."""
    at_half = math.log(FALSE_ALARM) / math.log(0.5) - 1.0
    signal = at_half * (half_range_m / np.maximum(np.asarray(range_m, dtype=np.float64), 1.0)) ** 4
    return np.asarray(FALSE_ALARM ** (1.0 / (1.0 + signal)))


def _radar(o: Radar, scene: Scene, rng: np.random.Generator) -> list[Report]:
    lon, lat = settle(o.spot, scene, rng)
    reports: list[Report] = []
    if scene.tracks:
        track = scene.track(o.object)
        reports = _radar_track(o, track, lon, lat, scene, rng)
    return reports + _clutter(o, lon, lat, scene, rng)


def _radar_track(
    o: Radar, track: Track, lon: float, lat: float, scene: Scene, rng: np.random.Generator
) -> list[Report]:
    time_s = np.arange(scene.time_start, scene.time_end, o.scan_s)
    there = place_at(track, time_s)
    reach = horizon_distance_m(there[2], o.alt_m, 4.0 / 3.0)
    ground = distance_m(lon, lat, there[0], there[1])
    range_m, _, azimuth = look(lon, lat, o.alt_m, *there)
    closing = np.abs(np.gradient(range_m, o.scan_s)) if time_s.size > 1 else np.zeros(time_s.size)
    chance = detection_chance(np.where(np.isfinite(range_m), range_m, 1e9), o.half_range_m)
    drawn = rng.uniform(size=time_s.size)
    with np.errstate(invalid="ignore"):
        seen = (ground <= reach) & (drawn < chance) & passes_gate(o, closing, time_s - scene.time_start)
    noise = rng.standard_normal((3, time_s.size))
    reports, last = [], -math.inf
    for i in np.flatnonzero(seen):
        away = float(range_m[i] + o.range_sd_m * noise[0, i])
        bearing = float(azimuth[i] + o.bearing_sd_deg * noise[1, i])
        _plot(scene, o.name, float(time_s[i]), away, bearing)
        if time_s[i] - last < o.report_s:
            continue
        last = float(time_s[i])
        alt = float(there[2][i] + o.alt_sd_m * noise[2, i])
        along = float(ground[i]) * away / float(range_m[i])
        where = [float(x) for x in destination(lon, lat, bearing % 360.0, along)]
        sd = max(o.range_sd_m, math.radians(o.bearing_sd_deg) * along)
        reports.append(
            Report(
                time_start=last,
                time_end=last,
                lon_deg=where[0],
                lat_deg=where[1],
                kind="radar_detection",
                radius_m=max(RADIUS_PER_SD * sd, 1e3),
                source=o.name,
                reliability="medium",
                alt_low_m=alt - o.alt_sd_m,
                alt_high_m=alt + o.alt_sd_m,
                text=TRACKED,
                object=track.id,
                fault="none" if track.real else "invented",
                true_time_s=last,
            )
        )
    return reports


def passes_gate(o: Radar, closing_mps: Float64s, since_s: Float64s) -> Bools:
    """Tell which plots the velocity gate lets pass: fast along the line of sight, or after its opening."""
    opened = np.zeros(since_s.shape, bool) if o.gate_opens_h is None else since_s >= o.gate_opens_h * HOUR_S
    return np.asarray(opened | (closing_mps >= o.gate_mps))


def _plot(scene: Scene, name: str, time_s: float, range_m: float, bearing: float) -> None:
    scene.plots.append(
        {
            "radar": name,
            "time_s": f"{time_s:.1f}",
            "range_m": f"{range_m:.0f}",
            "bearing_deg": f"{bearing % 360.0:.2f}",
        }
    )


def _clutter(o: Radar, lon: float, lat: float, scene: Scene, rng: np.random.Generator) -> list[Report]:
    days = (scene.time_end - scene.time_start) / DAY_S
    reports = []
    for _ in range(int(rng.poisson(o.clutter_per_day * days))):
        scans = int(rng.uniform(0.0, scene.time_end - scene.time_start) / o.scan_s)
        when = scene.time_start + scans * o.scan_s
        away, side = float(1.3 * o.half_range_m * math.sqrt(rng.uniform())), float(rng.uniform(0.0, 360.0))
        where = [float(x) for x in destination(lon, lat, side, away)]
        alt = float(rng.uniform(3e3, 20e3))
        _plot(scene, o.name, when, away, side)
        reports.append(
            Report(
                time_start=when,
                time_end=when,
                lon_deg=where[0],
                lat_deg=where[1],
                kind="radar_detection",
                radius_m=max(RADIUS_PER_SD * math.radians(o.bearing_sd_deg) * away, 1e3),
                source=o.name,
                reliability="medium",
                alt_low_m=alt - o.alt_sd_m,
                alt_high_m=alt + o.alt_sd_m,
                text=TRACKED,
                fault="mistaken",
            )
        )
    return reports


def _transponder(o: Transponder, scene: Scene, rng: np.random.Generator) -> list[Report]:
    track = scene.track(o.object)
    if track.time_s.size == 0:
        return []
    first = float(track.time_s[0])
    end = min(float(track.time_s[-1]), first + o.to_h * HOUR_S)
    time_s = np.arange(first + o.from_h * HOUR_S + rng.uniform(0.0, o.every_s), end, o.every_s)
    lon, lat, alt = place_at(track, time_s)
    heard = rng.uniform(size=time_s.size) < o.p_heard
    if o.daylight:
        heard &= solar_position(time_s, lon, lat)[0] > 5.0
    pressure = np.interp(time_s, track.time_s, track.pressure_pa)
    reports = []
    for i in np.flatnonzero(heard):
        x, y = _to_grid(float(lon[i]), float(lat[i]), o.grid_deg)
        level = round(float(pressure_alt_m(pressure[i])) / (25.0 * FOOT_M)) * 25.0 * FOOT_M
        low = float(alt[i]) < float(np.max(track.alt_m)) - LOW_M
        reports.append(
            Report(
                time_start=float(time_s[i]),
                time_end=float(time_s[i]),
                lon_deg=x,
                lat_deg=y,
                radius_m=_grid_radius_m(y, o.grid_deg),
                kind="telemetry",
                source=o.name,
                reliability="high",
                alt_low_m=level,
                alt_high_m=level,
                alt_kind="pressure",
                phase=_phase(track, float(time_s[i])) if low else "float",
                text="Position report.",
                object=track.id,
                fault="none" if track.real else "invented",
                true_time_s=float(time_s[i]),
            )
        )
    return reports


def _phase(track: Track, time_s: float) -> str:
    rate = place_at(track, time_s + 300.0)[2] - place_at(track, time_s - 300.0)[2]
    return "descent" if float(rate) < 0.0 else "ascent"


def _to_grid(lon: float, lat: float, grid_deg: float) -> tuple[float, float]:
    """The middle of the cell of a locator: half as high as wide."""
    if grid_deg <= 0.0:
        return lon, lat
    tall = 0.5 * grid_deg
    return (math.floor(lon / grid_deg) + 0.5) * grid_deg, (math.floor(lat / tall) + 0.5) * tall


def _grid_radius_m(lat: float, grid_deg: float) -> float:
    if grid_deg <= 0.0:
        return 500.0
    # sd of a uniform error over the cell's width, 111.2 km a degree.
    wide = grid_deg * 111.2e3 * max(math.cos(math.radians(lat)), 0.5)
    return RADIUS_PER_SD * wide / math.sqrt(12.0)


def _images(o: Images, scene: Scene, rng: np.random.Generator) -> list[Report]:
    track = scene.track(o.object)
    time_s = np.arange(
        scene.time_start + rng.uniform(0.0, o.every_h) * HOUR_S, scene.time_end, o.every_h * HOUR_S
    )
    reports = []
    for when in time_s:
        lon, lat, alt = (float(x) for x in place_at(track, when))
        taken, bearing, away, guess = rng.uniform(), rng.uniform(0.0, 360.0), o.sd_m, rng.normal()
        if not math.isfinite(lon) or alt < LOW_M or taken > o.p_seen:
            continue
        if float(solar_position(when, lon, lat)[0]) < 8.0:
            continue
        x, y = (
            float(v)
            for v in destination(lon, lat, bearing, away * math.sqrt(-2.0 * math.log(1.0 - rng.uniform())))
        )
        day = math.floor(when / DAY_S) * DAY_S
        height = alt + 800.0 * guess
        reports.append(
            Report(
                time_start=day if o.dated else float(when),
                time_end=day + DAY_S - 60.0 if o.dated else float(when),
                lon_deg=x,
                lat_deg=y,
                radius_m=RADIUS_PER_SD * o.sd_m,
                kind="satellite_image",
                source=o.name,
                reliability="medium",
                alt_low_m=height - 1000.0,
                alt_high_m=height + 1000.0,
                text="A bright round object and its shadow in the image.",
                object=track.id,
                fault="none" if track.real else "invented",
                true_time_s=float(when),
            )
        )
    return reports


# --- people


def _watchers(o: Watchers, scene: Scene, rng: np.random.Generator) -> list[Report]:
    track = scene.track(o.object)
    wanted = int(rng.poisson(o.count))
    if track.time_s.size < 2 or wanted == 0:
        return []
    first = float(track.time_s[0])
    begin = max(first + o.from_h * HOUR_S, scene.time_start)
    end = min(float(track.time_s[-1]), first + o.to_h * HOUR_S)
    if end <= begin:
        return []
    tries = 40 * wanted
    when = rng.uniform(begin, end, tries)
    lon, lat, alt = place_at(track, when)
    elevation, distance, afar = _elevations(o, alt, rng, tries)
    side = rng.uniform(0.0, 360.0, tries)
    x, y = destination(lon, lat, side, distance)
    sun = solar_position(when, x, y)[0]
    light = (sun > WATCH_SUN_DEG) & (rng.uniform(size=tries) > o.p_cloud) & (alt > LOW_M)
    dry = rng.uniform(size=tries) < 0.03
    maybe = np.flatnonzero(light)[: 10 * wanted]
    dry[maybe] |= on_land(x[maybe], y[maybe])
    picked = maybe[dry[maybe]][:wanted]
    return [
        _watched(
            o, track, rng, float(when[i]), (float(x[i]), float(y[i])), float(elevation[i]), bool(afar[i])
        )
        for i in picked
    ]


def _elevations(
    o: Watchers, alt_m: Float64s, rng: np.random.Generator, count: int
) -> tuple[Float64s, Float64s, Bools]:
    """True elevations, uniform in the sine as `sightings.witness` has it, below 9° for those afar."""
    afar = rng.uniform(size=count) < o.p_afar
    usual = np.degrees(np.arcsin(rng.uniform(math.sin(math.radians(15.0)), 1.0, count)))
    low = rng.uniform(1.0, 9.0, count)
    elevation = np.where(afar, low, usual)
    distance = distance_at_elevation_m(elevation, np.maximum(alt_m, 100.0))
    return elevation, distance, afar


def _watched(
    o: Watchers, track: Track, rng: np.random.Generator, when: float, at: tuple[float, float],
    elevation: float, afar: bool,
) -> Report:  # fmt: skip
    lon, lat, alt = (float(v) for v in place_at(track, when))
    chance = rng.uniform()
    share = o.p_mistaken / max(1.0 - o.p_afar, 1e-9), o.p_slip / max(1.0 - o.p_afar, 1e-9)
    mistaken = not afar and chance < share[0]
    slipped = not afar and share[0] <= chance < share[0] + share[1]
    stated = when
    if slipped:
        stated += HOUR_S * _slip(at[0], rng)
    if mistaken:
        x, y = destination(*at, rng.uniform(0.0, 360.0), rng.uniform(250e3, 700e3))
        at = float(x), float(y)
    grain = 60.0 * float(rng.choice((5.0, 10.0, 15.0, 30.0), p=(0.3, 0.3, 0.25, 0.15)))
    middle = round(stated / grain) * grain
    looks = not afar and not mistaken and rng.uniform() < o.p_looks
    plain = Report(
        time_start=middle - 0.5 * grain, time_end=middle + 0.5 * grain, lon_deg=at[0], lat_deg=at[1],
        kind=o.kind, source="A reader", text=_told(o, rng),
        reliability=str(rng.choice(("medium", "low", "unknown"))),
        object="" if mistaken else track.id, true_time_s=when,
        fault=_fault(track, afar=afar, slipped=slipped, mistaken=mistaken),
    )  # fmt: skip
    if looks:
        plain = _with_look(o, plain, (lon, lat), elevation, rng)
    elif afar or rng.uniform() < 0.5:
        plain = replace(plain, radius_m=float(rng.choice((20e3, 25e3, 30e3, 40e3))))
        if not (afar or mistaken):
            # Who says where it was, not where he stood, is as good as his angle.
            plain = _moved_over(plain, (lon, lat), rng)
    if rng.uniform() < o.p_altitude:
        plain = _with_guess(plain, alt, rng)
    return plain


def _fault(track: Track, *, afar: bool, slipped: bool, mistaken: bool) -> Fault:
    if mistaken:
        return "mistaken"
    if not track.real:
        return "invented"
    return "afar" if afar else "another_time" if slipped else "none"


def _slip(lon_deg: float, rng: np.random.Generator) -> float:
    """Whole hours by which a clock was misread: summer time, or local time printed as UTC."""
    zone = round(lon_deg / 15.0)
    choices = [h for h in (-1.0, 1.0, float(zone), -float(zone)) if h != 0.0]
    return float(rng.choice(choices))


def _with_look(
    o: Watchers, report: Report, balloon: tuple[float, float], elevation: float, rng: np.random.Generator
) -> Report:
    true = float(bearing_deg(report.lon_deg, report.lat_deg, *balloon))
    told = round((true + o.bearing_sd_deg * rng.normal()) / 5.0) * 5.0
    up = (
        elevation
        + o.elevation_bias_deg * math.cos(math.radians(elevation))
        + o.elevation_sd_deg * rng.normal()
    )
    return replace(
        report, bearing_deg=told % 360.0, bearing_sd_deg=15.0,
        elevation_deg=min(max(round(up / 5.0) * 5.0, 1.0), 90.0), elevation_sd_deg=10.0,
    )  # fmt: skip


def _moved_over(report: Report, balloon: tuple[float, float], rng: np.random.Generator) -> Report:
    sd = float(report.radius_m or 0.0) / RADIUS_PER_SD
    away = sd * math.sqrt(-2.0 * math.log(1.0 - rng.uniform()))
    x, y = (float(v) for v in destination(*balloon, rng.uniform(0.0, 360.0), away))
    return replace(report, lon_deg=x, lat_deg=y)


def _with_guess(report: Report, alt_m: float, rng: np.random.Generator) -> Report:
    guess = round(alt_m * math.exp(0.35 * rng.normal()) / (5000.0 * FOOT_M)) * 5000.0 * FOOT_M
    guess = max(guess, 5000.0 * FOOT_M)
    return replace(report, alt_low_m=guess, alt_high_m=guess, alt_fault=abs(guess - alt_m) > 4500.0)


_TELLS: Final = (
    "A white ball, very high, hardly moving.",
    "Something round and bright stood in the sky for an hour.",
    "Like a small moon by day. No sound.",
    "Saw it through binoculars: round, with something hanging below.",
    "A bright point that did not blink, slowly drifting.",
)


def _told(o: Watchers, rng: np.random.Generator) -> str:
    return (
        str(rng.choice(_TELLS)) if o.kind != "pilot_report" else "Large balloon above us, no traffic shown."
    )


def _officials(o: Officials, scene: Scene, rng: np.random.Generator) -> list[Report]:
    track = scene.track(o.object)
    reports = []
    for hour in o.at_h:
        draw = rng.uniform(size=2), rng.uniform(-0.4, 0.4)
        if track.time_s.size == 0:
            continue
        when = float(track.time_s[0]) + hour * HOUR_S
        lon, lat, alt = (float(v) for v in place_at(track, when))
        if not math.isfinite(lon):
            continue
        away = min(o.radius_m / RADIUS_PER_SD * math.sqrt(-2.0 * math.log(1.0 - draw[0][0])), o.radius_m)
        x, y = (float(v) for v in destination(lon, lat, 360.0 * draw[0][1], away))
        middle = round((when + draw[1] * o.window_s) / 1800.0) * 1800.0
        low = math.floor(alt / (5000.0 * FOOT_M)) * 5000.0 * FOOT_M
        reports.append(
            Report(
                time_start=middle - 0.5 * o.window_s,
                time_end=middle + 0.5 * o.window_s,
                lon_deg=x,
                lat_deg=y,
                radius_m=o.radius_m,
                kind=o.kind,
                source=o.name,
                reliability="high",
                alt_low_m=low if o.height else None,
                alt_high_m=low + 5000.0 * FOOT_M if o.height else None,
                text="It was over this region at about that time.",
                object=track.id,
                fault="none" if track.real else "invented",
                true_time_s=when,
            )
        )
    return reports


def _strays(o: Strays, scene: Scene, rng: np.random.Generator) -> list[Report]:
    lon, lat = settle(o.spot, scene, rng)
    reports = []
    for _ in range(o.count):
        when = scene.time_start + (o.from_h + o.over_h * float(rng.uniform())) * HOUR_S
        away = o.spread_m * math.sqrt(rng.uniform())
        x, y = (float(v) for v in destination(lon, lat, rng.uniform(0.0, 360.0), away))
        middle = round(when / 900.0) * 900.0
        plain = Report(
            time_start=middle - 450.0, time_end=middle + 450.0, lon_deg=x, lat_deg=y, kind=o.kind,
            source="A reader", reliability=str(rng.choice(("medium", "low", "unknown"))),
            text=str(rng.choice(_TELLS)), fault="mistaken",
        )  # fmt: skip
        if rng.uniform() < 0.4:
            plain = replace(plain, radius_m=25e3)
        reports.append(plain)
    return reports


def _press(o: Press, before: Sequence[Report], rng: np.random.Generator) -> list[Report]:
    originals = [i for i, r in enumerate(before) if r.kind not in ("telemetry", "radar_detection")]
    if not originals:
        return []
    return [_printed(o, int(rng.choice(originals)), before, rng) for _ in range(o.count)]


def _printed(o: Press, original: int, before: Sequence[Report], rng: np.random.Generator) -> Report:
    """Print one report again, with the fault that is drawn; a fault of the original stays one."""
    first = before[original]
    edges = np.cumsum([o.p_late, o.p_zone, o.p_elsewhere, o.p_copy])
    fault = int(np.searchsorted(edges, rng.uniform(), side="right"))
    late, hours = rng.uniform(3.0, 14.0), _slip(first.lon_deg, rng)
    side, away = rng.uniform(0.0, 360.0), rng.uniform(120e3, 300e3)
    told = replace(
        first, kind="sighting", source=f"Paper {int(rng.integers(1, 30))}", reliability="low",
        radius_m=first.radius_m or 40e3, bearing_deg=None, bearing_sd_deg=None, elevation_deg=None,
        elevation_sd_deg=None, copied_from=original,
        text="Residents told the paper of a balloon over the town.",
    )  # fmt: skip
    if fault == 0:
        return _timed(told, first, late * HOUR_S)
    if fault == 1:
        return _timed(told, first, hours * HOUR_S)
    if fault == 2:
        x, y = (float(v) for v in destination(first.lon_deg, first.lat_deg, side, away))
        return replace(told, lon_deg=x, lat_deg=y, radius_m=25e3, fault="mistaken")
    return told


def _timed(told: Report, first: Report, shift_s: float) -> Report:
    shift = round(shift_s / 900.0) * 900.0
    fault = "another_time" if first.fault == "none" else first.fault
    return replace(told, time_start=told.time_start + shift, time_end=told.time_end + shift, fault=fault)

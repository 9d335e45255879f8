"""Where the pieces come down if a flight ends at a given time: after a failure or a planned cut-down.

It is about safety on the ground and at sea: what to warn, what to clear, where to search. It says nothing of
how a flight might be ended.

::

    flight ensemble ─► cloud at the time ─► a member, a piece (mass, drag area), an error of the wind
                                                        │
                 regions, map, land, people ◄── ground ◄┴ fall at terminal speed through the winds

Every member takes a place of the ensemble at that time, by weight, and from there one piece of each class
falls at the speed where drag carries its weight (`balloons.descent`), carried by the wind with an error of
the wind of its own, down to the terrain, or to the ellipsoid where there is none. All pieces of a member
fall through the same air. Member i draws from (seed, i) alone, so the same seed gives the same bytes.

Limits. A piece is at terminal speed from the first moment and has no speed of its own over the ground: one
that falls at 100 m/s at 19 km really needs some 10 s to get there. Pieces neither glide nor break further nor
burn. The error of the wind before the flight ended is in the ensemble; the one below it is drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from overflight.atmosphere import alt_from_pressure, density_kgpm3
from overflight.balloons.coded import code
from overflight.balloons.codes import GROUND
from overflight.balloons.stops import Ground
from overflight.balloons.terms import Flight, Parachute, Stage
from overflight.errors import CoverageError, InputError, LimitError
from overflight.geo import distance_m, lonlat, unit_vector
from overflight.places.land import near_coast
from overflight.places.population import Raster, people_at, people_within
from overflight.records import Finding, check_ensemble
from overflight.regions import Region, region
from overflight.times import from_datetime64, iso_utc
from overflight.trajectories.ensemble import settled_error
from overflight.trajectories.fragments import (
    LARGE_FRAGMENTS,
    Fragment,
    check_fragments,
    draw_speeds,
    speed_at_mps,
)
from overflight.trajectories.landing_answers import findings_of
from overflight.trajectories.solve import HeightMap, Windows, fly
from overflight.trajectories.stops import END_CODES, GROUND_UNKNOWN, STOPPED
from overflight.units import EARTH_RADIUS_M
from overflight.winds.error import WindError
from overflight.winds.error_waves import ErrorWaves, draw_waves, take_members
from overflight.winds.grid import Grid

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]
Winds = Grid | Windows | Sequence[Grid]

MEMBERS = 2_000
MEMBERS_MOST = 200_000
LEVELS = (0.5, 0.9)
# A step of a fall is as long as this many metres take near the ground, four times as many at 20 km; the error
# of the wind is drawn anew as often. Both are well under what the wind and its error change over.
STEP_M, STEP_LEAST_S, STEP_MOST_S = 250.0, 2.0, 300.0
# Cells of the map along its longer side, and the smallest one: finer would show single members.
CELLS_ACROSS, SMALLEST_CELL_M = 60, 250.0
PEOPLE_RADIUS_M = 100.0
# Scale height of the density, for how long a fall may take at most; 8.5 km errs to the long side.
_SCALE_M = 8_500.0
_PIECES_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cloud:
    """Where a flight may be at one time: places (M,), degrees and Pa, with normalised weights.

    `aloft_share` is the weight of the members that were still in the air then.
    """

    time_s: float
    lon_deg: Float64s
    lat_deg: Float64s
    pressure_pa: Float64s
    weight: Float64s
    aloft_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellMap:
    """Probability `p` (Y, X) that a piece comes down in a cell; the rest of one was lost on the way.

    `lon_edge_deg` (X+1,) is unwrapped, `lat_edge_deg` (Y+1,) increases.
    """

    lon_edge_deg: Float64s
    lat_edge_deg: Float64s
    p: Float64s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fall:
    """How one class of pieces comes down: arrays (N,), one piece a member, NaN where it was lost.

    `fall_mps` is the speed downward at the end, `distance_m` the way over the ground from where the flight
    ended. `land` and `near_coast` are as in `places.land`. `people` are those in the cell of the population
    raster (NaN: no value), `people_near` those expected within `PEOPLE_RADIUS_M`, both None without a raster;
    `off_raster` tells who fell outside it. `source` is the index of the place of the cloud that the member
    took. `ends` counts how the falls ended, in words.
    """

    fragment: Fragment
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    time_s: Float64s
    fall_mps: Float64s
    distance_m: Float64s
    landed: Bools
    land: Bools
    near_coast: Bools
    source: Ints
    people: Float64s | None
    people_near: Float64s | None
    off_raster: Bools | None
    regions: tuple[Region, ...]
    cells: CellMap | None
    ends: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landing:
    """Where the pieces of a flight that ends at `time_s` come down, with the findings.

    `notes` say what was assumed. `populated_from` is the count that makes a cell a populated one.
    """

    time_s: float
    cloud: Cloud
    falls: tuple[Fall, ...]
    populated_from: float
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What the members of a run have drawn: the wind's errors and each fragment's speeds at sea level."""

    seed: int
    members: int
    errors: ErrorWaves | None
    speeds: tuple[Float64s, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """What the pieces come down on, and how it is read."""

    terrain: HeightMap | None = None
    population: Raster | None = None
    populated_from: float = 1.0
    hold_below_m: float = 1000.0


def landing(
    ensemble: xr.Dataset | Cloud,
    time_s: float,
    fragments: Sequence[Fragment] | None,
    winds: Winds,
    *,
    seed: int,
    members: int = MEMBERS,
    error: WindError | str | None = "auto",
    terrain: HeightMap | None = None,
    population: Raster | None = None,
    populated_from: float = 1.0,
    hold_below_m: float = 1000.0,
    progress: Callable[[float], None] | None = None,
) -> Landing:
    """Estimate where the pieces come down if the flight ends at `time_s`.

    Parameters
    ----------
    ensemble : a flight ensemble, or a `Cloud` at that time.
    time_s : POSIX seconds UTC.
    fragments : classes of pieces; None takes `fragments.LARGE_FRAGMENTS`, which are assumed.
    winds : a grid, windows of one, or the members of a forecast (member i of the run takes one in turn).
    members : pieces a class.
    error : of the winds, None for none; 'auto' as `ensemble.settled_error` chooses it: none for the members
        of a forecast, `PRIOR_ERROR` where the winds state a spread, else `ANALYSIS_ERROR`.
    terrain : where falls end; the ellipsoid when None, which is said.
    population, populated_from : a raster, and from how many people on a cell of it counts as populated.
    hold_below_m : how far below the lowest level of the winds their last wind goes on.

    Raises
    ------
    CoverageError
        When no member is in the air at the time.
    InputError, LimitError
        When an argument cannot be used, or asks for more than 200,000 members.
    """
    checked = check_fragments(LARGE_FRAGMENTS if fragments is None else fragments)
    parts = wind_members(winds)
    cloud = ensemble if isinstance(ensemble, Cloud) else cloud_at(ensemble, time_s)
    if cloud.time_s != time_s:
        raise InputError("the cloud is of another time", field="time_s", remedy="Give the cloud's own time.")
    surface = Surface(
        terrain=terrain,
        population=population,
        populated_from=populated_from,
        hold_below_m=hold_below_m,
    )
    draws = draw(checked, seed=seed, members=members, error=settled_error(parts, error))
    falls, notes = falls_of(cloud, checked, parts, draws, surface, progress)
    return Landing(
        time_s=time_s,
        cloud=cloud,
        falls=falls,
        populated_from=populated_from,
        findings=findings_of(
            time_s, falls, populated_from, notes, name=parts[0].name if isinstance(parts[0], Grid) else ""
        ),
        notes=notes,
    )


def cloud_at(ensemble: xr.Dataset, time_s: float) -> Cloud:
    """Return where the members of a flight ensemble are at a time, between its samples.

    Along the great circle and in the logarithm of pressure; only members that are aloft at the samples on
    both sides. Raises CoverageError where the ensemble does not reach the time, or none is aloft.
    """
    check_ensemble(ensemble)
    axis = from_datetime64(ensemble["time"].values)
    if not axis[0] <= time_s <= axis[-1]:
        raise CoverageError(
            "the flight is not known at that time",
            where=iso_utc(time_s) if math.isfinite(time_s) else repr(time_s),
            remedy=f"Ask from {iso_utc(float(axis[0]))} to {iso_utc(float(axis[-1]))}.",
        )
    after = int(np.searchsorted(axis, time_s))
    before = after if axis[after] == time_s else after - 1
    share = 0.0 if before == after else (time_s - axis[before]) / (axis[after] - axis[before])
    pair = ensemble.isel(time=[before, after])
    aloft = np.isin(pair["status"].values, (0, 3)).all(axis=1)
    weight = np.where(aloft, pair["weight"].values, 0.0)
    if not weight.sum() > 0.0:
        raise CoverageError("no member of the flight is in the air", where=iso_utc(time_s))
    aloft &= weight > 0.0
    place = unit_vector(pair["lon"].values[aloft], pair["lat"].values[aloft])
    lon, lat = lonlat((1.0 - share) * place[..., 0] + share * place[..., 1])
    log_p = np.log(pair["pressure_pa"].values[aloft].astype(np.float64))
    return Cloud(
        time_s=time_s,
        lon_deg=lon,
        lat_deg=lat,
        pressure_pa=np.exp((1.0 - share) * log_p[:, 0] + share * log_p[:, 1]),
        weight=weight[aloft] / weight.sum(),
        aloft_share=float(weight.sum() / pair["weight"].values.sum()),
    )


def wind_members(winds: Winds) -> tuple[Grid | Windows, ...]:
    """Return the winds as the members of a forecast, one for winds that have none."""
    parts = tuple(winds) if isinstance(winds, Sequence) else (winds,)
    if not parts:
        raise InputError("the forecast has no member", field="winds", remedy="Give one grid at least.")
    return parts


def draw(fragments: Sequence[Fragment], *, seed: int, members: int, error: WindError | None) -> Draws:
    """Draw what the members differ in. Raises InputError, LimitError on a number that cannot be."""
    if not (isinstance(seed, int) and seed >= 0):
        raise InputError(f"the seed is {seed!r}", field="seed", remedy="Give a whole number from zero on.")
    if members < 2:
        raise InputError(f"asked for {members} members", field="members", remedy="Ask for 100 or more.")
    if members > MEMBERS_MOST:
        raise LimitError(
            f"asked for {members} members; the limit is {MEMBERS_MOST}", remedy="Ask for fewer, such as 2000."
        )
    speeds = tuple(
        draw_speeds(fragment, _generators(seed, members, 1 + k)) for k, fragment in enumerate(fragments)
    )
    errors = None if error is None else draw_waves(error, _generators(seed, members, 0))
    return Draws(seed, members, errors, speeds)


def _generators(seed: int, members: int, part: int) -> list[np.random.Generator]:
    seeds = (np.random.SeedSequence(seed, spawn_key=(i, part)) for i in range(members))
    return [np.random.Generator(np.random.PCG64(s)) for s in seeds]


def falls_of(
    cloud: Cloud,
    fragments: Sequence[Fragment],
    parts: Sequence[Grid | Windows],
    draws: Draws,
    surface: Surface,
    progress: Callable[[float], None] | None = None,
) -> tuple[tuple[Fall, ...], tuple[str, ...]]:
    """Let one piece of each class fall for each member; return the falls and what was assumed."""
    source = _picked(cloud.weight, draws.members, draws.seed)
    falls, notes = [], list[str]()
    for k, fragment in enumerate(fragments):
        fall, said = _fall(cloud, fragment, draws.speeds[k], source, parts, draws, surface)
        falls.append(fall)
        notes += [note for note in said if note not in notes]
        if progress:
            progress((k + 1) / len(fragments))
    return tuple(falls), tuple(notes)


def _picked(weight: Float64s, members: int, seed: int) -> Ints:
    """Return the place that each member takes: systematic resampling, which adds least noise."""
    offset = np.random.default_rng(np.random.SeedSequence(seed)).random()
    found = np.searchsorted(np.cumsum(weight), (np.arange(members) + offset) / members, side="right")
    return np.minimum(found, weight.size - 1).astype(np.intp)


def _fall(
    cloud: Cloud,
    fragment: Fragment,
    speed: Float64s,
    source: Ints,
    parts: Sequence[Grid | Windows],
    draws: Draws,
    surface: Surface,
) -> tuple[Fall, tuple[str, ...]]:
    flight = Flight((Stage((Parachute(sea_level_mps=fragment.sea_level_mps),), (Ground(),)),))
    lon, lat, pressure = (v[source] for v in (cloud.lon_deg, cloud.lat_deg, cloud.pressure_pa))
    ended = np.zeros(draws.members, np.int8)
    end = np.full((5, draws.members), np.nan)
    notes: dict[str, None] = {}
    step_s = float(np.clip(STEP_M / np.quantile(speed, 0.9), STEP_LEAST_S, STEP_MOST_S))
    for g, winds in enumerate(parts):
        mine = np.arange(g, draws.members, len(parts))
        for begin in range(0, mine.size, _PIECES_AT_ONCE):
            some = mine[begin : begin + _PIECES_AT_ONCE]
            rows = np.repeat(code(flight).rows[None], some.size, axis=0)
            rows[:, 0, 0, 0] = speed[some]  # `balloons.descent`: the speed at sea level
            tracks = fly(
                flight,
                winds,
                lon[some],
                lat[some],
                cloud.time_s,
                pressure_pa=pressure[some],
                time_end=cloud.time_s + _longest_s(pressure[some], speed[some]),
                keep_s=[cloud.time_s],
                step_s=step_s,
                rows=rows,
                errors=None if draws.errors is None else take_members(draws.errors, some),
                error_every_s=step_s,
                terrain=surface.terrain,
                hold_below_m=surface.hold_below_m,
            )
            ended[some] = tracks.end_code
            end[:, some] = (
                tracks.end_lon_deg,
                tracks.end_lat_deg,
                tracks.end_alt_m,
                tracks.end_pressure_pa,
                tracks.end_time_s,
            )
            notes |= dict.fromkeys(tracks.notes)
    return _record(fragment, speed, source, (lon, lat), ended, end, surface), tuple(notes)


def _longest_s(pressure_pa: Float64s, speed_mps: Float64s) -> float:
    """Return a time by which every fall is over: 2 H / v0 (1 - exp(-z / 2 H)), and a third more."""
    alt = float(np.nanmax(alt_from_pressure(pressure_pa), initial=0.0)) + 1_000.0
    return 1.3 * 2.0 * _SCALE_M / float(speed_mps.min()) * -math.expm1(-alt / (2.0 * _SCALE_M)) + 600.0


def _record(
    fragment: Fragment,
    speed: Float64s,
    source: Ints,
    start: tuple[Float64s, Float64s],
    ended: npt.NDArray[np.int8],
    end: Float64s,
    surface: Surface,
) -> Fall:
    """Read what the falls came to as a record."""
    landed = np.isin(ended, (STOPPED + GROUND, GROUND_UNKNOWN))
    lon, lat, alt, pressure, time = np.where(landed, end, np.nan)
    land, near = near_coast(lon, lat)
    people = people_near = off = None
    if surface.population is not None:
        people, status = people_at(surface.population, lon, lat)
        people_near, off = (
            people_within(surface.population, lon, lat, PEOPLE_RADIUS_M),
            landed & (status == 1),
        )
    away = np.full(lon.shape, np.nan)
    away[landed] = distance_m(start[0][landed], start[1][landed], lon[landed], lat[landed])
    codes, counts = np.unique(ended, return_counts=True)
    return Fall(
        fragment=fragment,
        lon_deg=lon,
        lat_deg=lat,
        alt_m=alt,
        time_s=time,
        fall_mps=speed_at_mps(speed, density_kgpm3(alt_from_pressure(pressure))),
        distance_m=away,
        landed=landed,
        land=land,
        near_coast=near,
        source=source,
        people=people,
        people_near=people_near,
        off_raster=off,
        regions=region(lon, lat, 1.0, LEVELS),
        cells=cell_map(lon, lat) if landed.any() else None,
        ends={END_CODES[int(c)]: int(n) for c, n in zip(codes, counts, strict=True)},
    )


def cell_map(lon_deg: Float64s, lat_deg: Float64s, cell_m: float | None = None) -> CellMap:
    """Count places (N,) in square cells about `cell_m` wide; NaN counts as lost.

    The default makes the longer side of the map some 60 cells, of 250 m at least. Near the poles, and where
    `cell_m` would make more than 1000 cells a side, cells get wider.
    """
    known = np.isfinite(lon_deg) & np.isfinite(lat_deg)
    lat = lat_deg[known]
    lon = lon_deg[known][0] + (lon_deg[known] - lon_deg[known][0] + 180.0) % 360.0 - 180.0
    degree = math.radians(1.0) * EARTH_RADIUS_M
    shrink = max(math.cos(math.radians(float(lat.mean()))), 0.01)
    spans = float(np.ptp(lon)) * degree * shrink, float(np.ptp(lat)) * degree
    cell = max(SMALLEST_CELL_M, max(spans) / CELLS_ACROSS) if cell_m is None else float(cell_m)
    if not cell > 0.0:
        raise InputError(f"a cell of {cell_m!r} m", field="cell_m", remedy="Give metres, such as 500.")
    cell = max(cell, max(spans) / 1_000.0)
    x, y = (_edges(v, cell / unit) for v, unit in ((lon, degree * shrink), (lat, degree)))
    counts, _, _ = np.histogram2d(lat, lon, bins=(y, x))
    return CellMap(lon_edge_deg=x, lat_edge_deg=y, p=counts / lon_deg.size)


def _edges(values: Float64s, step: float) -> Float64s:
    first = math.floor(float(values.min()) / step)
    return np.asarray(step * np.arange(first, math.floor(float(values.max()) / step) + 2, dtype=np.float64))

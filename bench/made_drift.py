"""Made flights with known truth for the benches of the verdict: winds, wind errors, balloons, fixes.

A flight is flown by the package's engine (`overflight.trajectories.fly`) through the *true* wind; the
analyser gets an *analysis*, which differs from it. Two kinds of truth:

- "made": a seeded field of jets, planetary and synoptic waves and slow inertia-gravity waves on 24 levels
  from 10 to 200 hPa is the analysis; the truth is that plus a random field of `overflight.winds.error`
  (correlated in time, distance on the sphere and ln p, with scales of its own for every flight). The analyser
  models the error as an Ornstein-Uhlenbeck process that follows the balloon: not the same thing, on purpose.
- "gfs" and "darwin": the error is real. GFS: the truth has the analyses of all days, 28 September to
  2 October 2019, and the analyser every second one. Darwin: the truth has soundings of 20-22 January 2006, 5
  to 18 h apart and the same over all places, and the analyser those of 24 hours before.

Kinds of flights are those of the hypotheses; each is made in several ways (`variant`), not as the analyser's
models draw them: a zero-pressure balloon that spills by day and ballasts by night, an altitude control that
makes for a place by a forecast, legs of propulsion, an aircraft, a track typed in at constant speed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight import geo
from overflight.atmosphere import density_kgpm3, pressure_pa
from overflight.balloons.stops import Duration
from overflight.balloons.terms import (
    AltitudeControl,
    ConstantDensity,
    Flight,
    Propulsion,
    Stage,
    ZeroPressure,
)
from overflight.trajectories.solve import fly
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S
from overflight.winds.error import ANALYSIS_ERROR, WindError
from overflight.winds.error_waves import ErrorWaves, draw_waves
from overflight.winds.grid import Grid
from overflight.winds.interpolate import PackedGrid, pack, sample
from overflight.winds.prior import prior_grid

Float64s = npt.NDArray[np.float64]

KINDS = ("passive_level", "passive_daynight", "altitude_controlled", "propelled", "not_wind")
PASSIVE = KINDS[:2]
# 1 February 2023, 00Z: the date decides the day and the night, and the prior behind the field.
T0 = 1675209600.0
FIELD_S = 4.5 * DAY_S
FIELD_STEP_S = 6 * HOUR_S
LEVELS_PA = np.geomspace(1000.0, 20_000.0, 24)
LAT_DEG = np.arange(-6.0, 90.1, 3.0)
LON_DEG = np.arange(0.0, 360.0, 3.0)
# ln p about which shear is counted: 60 hPa, 19.4 km.
MIDDLE_LOG_P = math.log(6000.0)
WAVES_OF_ERROR = 128
# Flights that share one made field; their places, hours and errors differ.
FLIGHTS_A_FIELD = 10
GFS_FILE = "gfs_uv_1p0_20190926-20191005.nc"
GFS_TRUE = tuple(1569628800.0 + k * DAY_S for k in range(5))  # 28 September to 2 October 2019, 00Z
DARWIN_LON, DARWIN_LAT = 130.89, -12.42
# The soundings' heights for the truth: 13.6 to 20.9 km; those that do not reach so high are left out.
DARWIN_LEVELS_PA = np.geomspace(4690.0, 15_000.0, 40)
LEVEL_M = (18_000.0, 1_500.0)
# Whether a real difference is smooth is not known to anyone.
REAL_SMOOTH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a flight is made in: all that the analyser is not told is truth, all else he knows.

    `error_mps` is the true size of the wind error, a component, where it is made. `shear` multiplies what the
    field's wind differs by from that at 60 hPa. `airspeed_mps`, `range_m` and `dwell_h` fix what else is
    drawn.
    """

    name: str
    field: str = "made"
    every_h: float = 1.0
    error_mps: float = 3.0
    hours: float = 72.0
    fix_sd_m: float = 5000.0
    alt_sd_m: float = math.nan
    shear: float = 1.0
    airspeed_mps: float = math.nan
    range_m: float = math.nan
    dwell_h: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MadeFlight:
    """Fixes (K,), the truth behind them, and the analysis that the analyser has.

    `error_mps` and `error_time_s` are what an analyser with perfect knowledge of the error's statistics would
    be told: its size, the e-folding time as the balloon met it, and how surely it is smooth (1) or rough (0).
    `error` is the law of a made error, None where it is real (`ideal_error` makes more of it). Flights with
    one `weather` share the truth that their errors come from, or the field that they are flown in.
    `numbers` say what was drawn.
    """

    kind: str
    variant: str
    seed: int
    time_s: Float64s
    true_lon_deg: Float64s
    true_lat_deg: Float64s
    true_alt_m: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    analysis: Grid
    prior: Grid
    error_mps: tuple[float, float]
    error_time_s: float
    error_smooth: float
    error: WindError | None
    weather: str
    numbers: dict[str, float] = field(default_factory=dict)


# --- the made field -----------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def made_field(seed: int, shear: float = 1.0) -> Grid:
    """Return a northern hemisphere of jets and waves: 4.5 days, 6-hourly, 3°, 24 levels, 10 to 200 hPa."""
    rng = np.random.default_rng([4, 2023, seed])
    time_s = T0 + np.arange(0.0, FIELD_S + 1.0, FIELD_STEP_S)
    log_p = np.log(LEVELS_PA)
    u, v = _waves(rng, time_s - T0, log_p)
    u += _jets(rng, log_p)[None, :, :, None]
    if shear != 1.0:
        u, v = (_sheared(w, log_p, shear) for w in (u, v))
    return Grid(
        time_s=time_s,
        pressure_pa=LEVELS_PA,
        lat_deg=LAT_DEG,
        lon_deg=LON_DEG,
        u_mps=u.astype(np.float32),
        v_mps=v.astype(np.float32),
        periodic=True,
        name=f"made field {seed}",
    )


def _jets(rng: np.random.Generator, log_p: Float64s) -> Float64s:
    """Zonal flow (L, Y), m/s: a westerly jet that weakens upward, and above it winter's or summer's wind."""
    phi, h = LAT_DEG[None, :], (MIDDLE_LOG_P - log_p)[:, None]
    low = rng.uniform(15.0, 35.0) * np.exp(-(((phi - rng.uniform(35.0, 50.0)) / 16.0) ** 2))
    high = rng.uniform(-15.0, 40.0) * np.exp(-(((phi - rng.uniform(45.0, 65.0)) / 20.0) ** 2))
    base = rng.uniform(0.0, 6.0) * np.cos(np.radians(phi))
    # Each has half its speed at 60 hPa; the scale of 0.9 in ln p is six kilometres.
    return np.asarray(base + low / (1.0 + np.exp(h / 0.45)) + high / (1.0 + np.exp((0.6 - h) / 0.45)))


def _waves(rng: np.random.Generator, since_s: Float64s, log_p: Float64s) -> tuple[Float64s, Float64s]:
    """Waves of the stream function cos²(lat) cos(l lat + b) cos(k lon - w t + m ln p + c), all classes."""
    k, across, speed, period_s, tilt, decay = (np.concatenate(c) for c in zip(*_classes(rng), strict=True))
    count = k.size
    b, c = rng.uniform(0.0, 2 * np.pi, (2, count))
    phi, lam = np.radians(LAT_DEG), np.radians(LON_DEG)
    size = speed / np.hypot(k, across)
    inside = across[:, None] * phi + b[:, None]
    cos, sin = np.cos(phi), np.sin(phi)
    east = size[:, None] * (2 * cos * sin * np.cos(inside) + across[:, None] * cos**2 * np.sin(inside))
    north = -(size * k)[:, None] * cos * np.cos(inside)
    height = (MIDDLE_LOG_P - log_p)[None]
    column = np.exp(-decay[:, None] * height + 1j * (c[:, None] - tilt[:, None] * height))
    turn = np.exp(-2j * np.pi * since_s[None] / period_s[:, None])
    moving = (turn[:, :, None] * column[:, None, :]).reshape(count, -1).T  # (T L, W)
    round_globe = np.exp(1j * k[:, None] * lam)
    shape = (since_s.size, log_p.size, phi.size, lam.size)
    out = []
    for part, real in ((east, True), (north, False)):
        standing = (part[:, :, None] * round_globe[:, None, :]).reshape(count, -1)
        total = moving.astype(np.complex64) @ standing.astype(np.complex64)
        out.append((total.real if real else total.imag).astype(np.float64).reshape(shape))
    return out[0], out[1]


def _classes(rng: np.random.Generator) -> list[tuple[Float64s, ...]]:
    """Rows of wavenumbers, speed (m/s), period (s, negative westward), tilt and decay (1 per ln p)."""
    planetary = rng.integers(1, 4, 6), rng.integers(1, 5, 6), rng.uniform(4.0, 9.0, 6)
    slow = rng.choice([-1.0, 1.0], 6) * rng.uniform(6, 25, 6) * DAY_S, rng.uniform(-0.8, 0.8, 6)
    synoptic = rng.integers(4, 11, 12), rng.integers(2, 9, 12), rng.uniform(2.5, 5.0, 12)
    quick = rng.uniform(2, 7, 12) * DAY_S, rng.uniform(-1.2, 1.2, 12)
    gravity = rng.integers(8, 21, 30), rng.integers(5, 19, 30), rng.uniform(0.4, 1.2, 30)
    # Vertical wavelengths of 3 to 9 km, periods of 15 to 40 h.
    hours = rng.choice([-1.0, 1.0], 30) * rng.uniform(15, 40, 30) * HOUR_S
    steep = rng.choice([-1.0, 1.0], 30) * 2 * np.pi * 6.5 / rng.uniform(3.0, 9.0, 30)
    rows = [
        (*planetary, *slow, np.full(6, -0.1)),
        (*synoptic, *quick, np.full(12, 0.5)),
        (*gravity, hours, steep, np.full(30, -0.1)),
    ]
    return [tuple(np.asarray(c, np.float64) for c in row) for row in rows]


def _sheared(wind: Float64s, log_p: Float64s, factor: float) -> Float64s:
    k = int(np.argmin(np.abs(log_p - MIDDLE_LOG_P)))
    middle = wind[:, k : k + 1]
    return middle + factor * (wind - middle)


# --- real errors --------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def gfs_pair(folder: str) -> tuple[Grid, Grid, tuple[float, float]]:
    """Return truth, analysis and the size (m/s, a component) of their difference, from GFS analyses."""
    from overflight.winds.gridded import read_grid

    whole = read_grid(Path(folder) / "wind" / GFS_FILE, levels_pa=(1000.0, 25_000.0))
    at = [int(np.flatnonzero(whole.time_s == t)[0]) for t in GFS_TRUE]
    truth, analysis = (_at_times(whole, rows) for rows in (at, at[::2]))
    return truth, analysis, _difference(truth, analysis, (-180.0, 180.0), (25.0, 60.0))


def _at_times(grid: Grid, rows: list[int]) -> Grid:
    return Grid(
        time_s=grid.time_s[rows],
        pressure_pa=grid.pressure_pa,
        lat_deg=grid.lat_deg,
        lon_deg=grid.lon_deg,
        u_mps=grid.u_mps[rows],
        v_mps=grid.v_mps[rows],
        periodic=grid.periodic,
        name=f"{grid.name}, {len(rows)} times",
    )


@lru_cache(maxsize=2)
def darwin_pair(folder: str) -> tuple[Grid, Grid, tuple[float, float]]:
    """Return truth, analysis and the size of their difference, from soundings 6 h apart over Darwin."""
    from overflight.winds.soundings import fill_heights, read_soundings

    found = [
        fill_heights(s) for p in sorted((Path(folder) / "arm").glob("twp*.cdf")) for s in read_soundings(p)
    ]
    found = sorted(
        (s for s in found if s.pressure_pa.min() <= DARWIN_LEVELS_PA[0]),
        key=lambda s: float(s.time_s[0]),
    )
    # A sounding counts at the hour at which it passed the middle of the layer.
    when = np.array([float(np.interp(-MIDDLE_LOG_P, -np.log(s.pressure_pa), s.time_s)) for s in found])
    wind = np.stack([_profile(s) for s in found])  # (S, 2, L)
    truth = _everywhere(when, wind, "soundings")
    analysis = _everywhere(when + DAY_S, wind, "soundings of the day before")
    return truth, analysis, _difference(truth, analysis, (130.0, 131.0), (-13.0, -12.0))


def _difference(
    truth: Grid, analysis: Grid, lon: tuple[float, float], lat: tuple[float, float]
) -> tuple[float, float]:
    """Root mean square of truth less analysis at places, times and heights where made flights float, m/s."""
    rng, count = np.random.default_rng(5), 20_000
    height = np.clip(LEVEL_M[0] + LEVEL_M[1] * rng.standard_normal(count), 16_000.0, 20_000.0)
    time_s = rng.uniform(analysis.time_s[0], truth.time_s[-1], count)
    at = (time_s, pressure_pa(height), rng.uniform(*lat, count), rng.uniform(*lon, count))
    a, b = sample(pack(truth), *at), sample(pack(analysis), *at)
    u, v = a.u_mps - b.u_mps, a.v_mps - b.v_mps
    return float(np.sqrt(np.nanmean(u**2))), float(np.sqrt(np.nanmean(v**2)))


def _profile(sounding: Any) -> Float64s:
    order = np.argsort(sounding.pressure_pa, kind="stable")
    at, x = np.log(DARWIN_LEVELS_PA), np.log(sounding.pressure_pa[order])
    # Means of layers 700 m thick: a balloon drifts for hours in what a sonde passes in two minutes.
    weight = np.exp(-(((at[:, None] - x[None]) / 0.05) ** 2))
    weight /= weight.sum(axis=1, keepdims=True)
    return np.stack([weight @ w[order] for w in (sounding.u_mps, sounding.v_mps)])


def _everywhere(when: Float64s, wind: Float64s, name: str) -> Grid:
    lat, lon = np.array([-70.0, -35.0, 0.0, 35.0, 70.0]), np.arange(40.0, 231.0, 10.0)
    u, v = (np.broadcast_to(wind[:, c, :, None, None], (*wind[:, c].shape, 5, lon.size)) for c in (0, 1))
    return Grid(
        time_s=when,
        pressure_pa=DARWIN_LEVELS_PA,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=np.ascontiguousarray(u, np.float32),
        v_mps=np.ascontiguousarray(v, np.float32),
        name=name,
    )


# --- flights ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sky:
    """True winds, the analysis of them, and how they differ."""

    truth: Grid
    analysis: Grid
    packed: PackedGrid
    errors: ErrorWaves | None
    model: WindError | None
    error_mps: tuple[float, float]


def make_flight(kind: str, condition: Condition, seed: int, data: str = "") -> MadeFlight:
    """Make one flight; the same arguments give the same flight. `data` is the folder of real winds."""
    rng = _generator(kind, condition, seed)
    sky = _sky(condition, seed, rng, data)
    lon, lat, start, level = _start(condition, sky, rng)
    time_s = start + np.arange(0.0, condition.hours * HOUR_S + 1.0, condition.every_h * HOUR_S)
    maker: Callable[..., tuple[Any, str, dict[str, float]]] = _MAKERS[kind]
    path, variant, numbers = maker(sky, condition, time_s, lon, lat, level, rng)
    true_lon, true_lat, true_alt = path
    good = np.isfinite(true_lon)
    if good.sum() < max(5, 0.6 * time_s.size):
        raise RuntimeError(f"{kind} {seed} of {condition.name} left the winds after {good.sum()} fixes")
    time_s, true_lon, true_lat, true_alt = (x[good] for x in (time_s, true_lon, true_lat, true_alt))
    off = rng.standard_normal((3, time_s.size))
    east, north = off[:2] * condition.fix_sd_m
    seen_lat = true_lat + np.degrees(north / EARTH_RADIUS_M)
    seen_lon = true_lon + np.degrees(east / (EARTH_RADIUS_M * np.cos(np.radians(true_lat))))
    gone = geo.distance_m(true_lon[:-1], true_lat[:-1], true_lon[1:], true_lat[1:])
    speed = float(np.sum(gone) / (time_s[-1] - time_s[0]))
    numbers |= {
        "level_m": level,
        "ground_mps": speed,
        "shear_mps_km": _shear(sky, true_lon, true_lat, time_s),
    }
    return MadeFlight(
        kind=kind, variant=variant, seed=seed, time_s=time_s, true_lon_deg=true_lon, true_lat_deg=true_lat,
        true_alt_m=true_alt, lon_deg=geo.wrap_lon(seen_lon), lat_deg=seen_lat,
        alt_m=true_alt + off[2] * condition.alt_sd_m, analysis=sky.analysis, prior=the_prior(start // DAY_S),
        error_mps=sky.error_mps, error_time_s=_error_time(sky, speed),
        error_smooth=REAL_SMOOTH if sky.model is None else float(sky.model.shape == "smooth"),
        error=sky.model, weather=_weather(condition, seed, float(time_s[0]), lon),
        numbers=numbers,
    )  # fmt: skip


def _weather(condition: Condition, seed: int, start_s: float, lon_deg: float) -> str:
    """Name what a flight shares with others: its made field, or the part of the real weather it flew in.

    The GFS's differences are one field round the globe: sectors of 45° count as apart, which flights of some
    40° hardly are. Over Darwin there is one place, and flights of 45 h that begin hours apart overlap: parts
    of six hours of the launch are as many as can be told, and fewer than they look.
    """
    if condition.field == "made":
        return f"field {seed // FLIGHTS_A_FIELD}"
    if condition.field == "gfs":
        return f"sector {int(lon_deg % 360.0 // 45.0)}"
    return f"launch {int(start_s // (6.0 * HOUR_S))}"


def _generator(kind: str, condition: Condition, seed: int) -> np.random.Generator:
    """Chance of one flight: no two conditions share errors or places."""
    return np.random.default_rng([41, zlib.crc32(condition.name.encode()), KINDS.index(kind), seed])


@lru_cache(maxsize=8)
def the_prior(day: float) -> Grid:
    """Return the climatological prior about a day: it stands in where the analysis ends."""
    return prior_grid((day - 1) * DAY_S, (day + 6) * DAY_S)


def _sky(condition: Condition, seed: int, rng: np.random.Generator, data: str) -> Sky:
    if condition.field != "made":
        truth, analysis, size = (gfs_pair if condition.field == "gfs" else darwin_pair)(data)
        return Sky(
            truth=truth, analysis=analysis, packed=_packed(analysis), errors=None, model=None, error_mps=size
        )
    grid = made_field(seed // FLIGHTS_A_FIELD, condition.shear)
    scale = np.exp(0.3 * rng.standard_normal(3))
    model = WindError(
        sd_u_mps=condition.error_mps,
        sd_v_mps=condition.error_mps,
        time_s=ANALYSIS_ERROR.time_s * float(scale[0]),
        distance_m=ANALYSIS_ERROR.distance_m * float(scale[1]),
        log_pressure=ANALYSIS_ERROR.log_pressure * float(scale[2]),
        shape="rough" if rng.random() < 0.5 else "smooth",
    )
    errors = draw_waves(model, [rng], n_features=WAVES_OF_ERROR, origin_s=T0)
    size = (condition.error_mps, condition.error_mps)
    return Sky(truth=grid, analysis=grid, packed=_packed(grid), errors=errors, model=model, error_mps=size)


_PACKED: dict[int, tuple[Grid, PackedGrid]] = {}


def _packed(grid: Grid) -> PackedGrid:
    """Pack the grid last asked for once."""
    if id(grid) not in _PACKED:
        _PACKED.clear()
        _PACKED[id(grid)] = (grid, pack(grid))
    return _PACKED[id(grid)][1]


def _error_time(sky: Sky, speed_mps: float) -> float:
    """E-folding time of the error along the flight: by the true scales, or the real difference's.

    The GFS's difference rises evenly for a day and falls for a day: 11 h along passive flights
    (`error_along`). Over Darwin, soundings 5 to 18 h apart: 14 h.
    """
    hours = 14.0 if sky.truth.name.startswith("soundings") else 11.0
    return hours * HOUR_S if sky.model is None else sky.model.lagrangian_time_s(speed_mps)


def _start(condition: Condition, sky: Sky, rng: np.random.Generator) -> tuple[float, float, float, float]:
    low, high = (16_000.0, 20_000.0) if condition.field == "darwin" else (14_500.0, 22_000.0)
    level = float(np.clip(LEVEL_M[0] + LEVEL_M[1] * rng.standard_normal(), low, high))
    if condition.field == "darwin":
        first, last = sky.analysis.time_s[0], sky.truth.time_s[-1]
        spare = last - first - condition.hours * HOUR_S
        return DARWIN_LON, DARWIN_LAT, float(first + rng.uniform(0.0, max(spare, 0.0))), level
    spare = sky.truth.time_s[-1] - sky.truth.time_s[0] - condition.hours * HOUR_S
    start = float(sky.truth.time_s[0] + rng.uniform(0.0, min(spare, DAY_S)))
    lat = math.degrees(math.asin(rng.uniform(math.sin(math.radians(25)), math.sin(math.radians(58)))))
    return float(rng.uniform(-180.0, 180.0)), lat, start, level


def _flown(
    sky: Sky, flight: Flight, time_s: Float64s, lon: float, lat: float, alt: float
) -> tuple[Float64s, Float64s, Float64s]:
    """Fly one balloon through the true wind; places at the times, NaN after it left the winds."""
    tracks = fly(
        flight, sky.truth, lon, lat, float(time_s[0]), time_end=float(time_s[-1]), alt_m=alt, keep_s=time_s,
        errors=sky.errors, error_every_s=600.0, fast=False,
    )  # fmt: skip
    return tracks.lon_deg[0].astype(float), tracks.lat_deg[0].astype(float), tracks.alt_m[0].astype(float)


def _level(sky, condition, time_s, lon, lat, level, rng):
    flight = Flight((Stage((ConstantDensity(float(density_kgpm3(level))),)),))
    return _flown(sky, flight, time_s, lon, lat, level), "level", {}


def _daynight(sky, condition, time_s, lon, lat, level, rng):
    """A zero-pressure balloon that ballasts at night, or a slow sinking for want of gas."""
    if rng.random() < 0.6:
        drop = float(rng.uniform(300.0, 1500.0))
        gas, mass, ballast = 100.0, 350.0, 200.0
        volume = (gas + mass + ballast) / float(density_kgpm3(level))
        # Full by day at its level; at night it falls until, `drop` lower, ballast holds it.
        term = ZeroPressure(
            volume_m3=volume, gas_kg=gas, mass_kg=mass, day_superheat_k=4.0, night_superheat_k=-2.0,
            ballast_kgps=0.02, ballast_below_m=level - drop,
        )  # fmt: skip
        flight = Flight((Stage((term,)),), store=(ballast, 0.0, 0.0))
        return _flown(sky, flight, time_s, lon, lat, level), "zero-pressure", {"drop_m": drop}
    per_day = float(rng.uniform(200.0, 1200.0))
    sink = AltitudeControl(target=10_000.0, up_mps=0.01, down_mps=per_day / DAY_S, low_alt_m=10_000.0)
    return _flown(sky, Flight((Stage((sink,)),)), time_s, lon, lat, level), "leak", {"leak_m_day": per_day}


def _controlled(sky, condition, time_s, lon, lat, level, rng):
    """Commanded heights: by chance, towards a place, or to stay; the last two by the wind of the analysis."""
    span = condition.range_m if math.isfinite(condition.range_m) else float(rng.uniform(3000.0, 7000.0))
    middle = float(np.clip(level, 14_500.0 + span / 2, 23_500.0 - span / 2))
    if condition.field == "darwin":
        span = min(span, 4_000.0)
        middle = float(np.clip(level, 16_200.0 + span / 2, 20_400.0 - span / 2))
    low, high = middle - span / 2, middle + span / 2
    climb = float(rng.uniform(0.5, 2.0))
    variant = str(rng.choice(["random", "goal", "stay"], p=[0.4, 0.4, 0.2]))
    every = float(rng.uniform(3.0, 9.0)) * HOUR_S
    steer_s = condition.dwell_h * HOUR_S if math.isfinite(condition.dwell_h) else math.inf
    begin = (
        0.0 if math.isinf(steer_s) else float(rng.uniform(0.0, max(time_s[-1] - time_s[0] - steer_s, 0.0)))
    )
    decisions = time_s[0] + begin + np.arange(0.0, min(steer_s, time_s[-1] - time_s[0] - begin), every)
    goal = _goal(sky, time_s, lon, lat, middle, rng)
    alt, commands, out = float(np.clip(level, low, high)), 0, [np.full(time_s.size, np.nan) for _ in range(3)]
    edges = np.unique(np.concatenate([[time_s[0]], decisions, [time_s[-1]]]))
    previous = alt
    for a, b in pairwise(edges):
        target = previous
        if a in decisions:
            target = _choose(sky, variant, a, lon, lat, low, high, goal, rng)
            commands += abs(target - previous) > 300.0
        previous = target
        inside = np.flatnonzero((time_s >= a) & ((time_s < b) | (time_s[-1] == b)))
        keep = np.unique(np.concatenate([[a], time_s[inside], [b]]))
        control = AltitudeControl(
            target=target, up_mps=climb, down_mps=climb, low_alt_m=low - 1.0, high_alt_m=high + 1.0
        )
        part = _flown(sky, Flight((Stage((control,)),)), keep, lon, lat, alt)
        for whole, some in zip(out, part, strict=True):
            whole[inside] = some[np.searchsorted(keep, time_s[inside])]
        lon, lat, alt = (float(p[-1]) for p in part)
        if not math.isfinite(lon):
            break
    hours = min(steer_s, time_s[-1] - time_s[0]) / HOUR_S
    numbers = {"range_m": span, "commands": float(commands), "climb_mps": climb, "steered_h": hours}
    return tuple(out), variant, numbers


def _goal(sky, time_s, lon, lat, alt, rng) -> tuple[float, float]:
    """A place some 2500 km away, 25 to 60 degrees to a side of where the wind of the analysis goes."""
    u, v = _analysis_wind(sky, time_s[0], lon, lat, np.array([alt]))
    bearing = math.degrees(math.atan2(u[0], v[0])) + float(rng.choice([-1, 1]) * rng.uniform(25.0, 60.0))
    far_lon, far_lat = geo.destination(lon, lat, bearing, float(rng.uniform(1500e3, 3500e3)))
    return float(far_lon), float(far_lat)


def _analysis_wind(sky, time_s, lon, lat, alt_m) -> tuple[Float64s, Float64s]:
    found = sample(sky.packed, time_s, pressure_pa(alt_m), lat, lon)
    return np.nan_to_num(found.u_mps), np.nan_to_num(found.v_mps)


def _choose(sky, variant, time_s, lon, lat, low, high, goal, rng) -> float:
    if variant == "random":
        return float(rng.uniform(low, high))
    heights = np.linspace(low, high, 9)
    u, v = _analysis_wind(sky, time_s, lon, lat, heights)
    if variant == "stay":
        return float(heights[np.argmin(np.hypot(u, v))])
    bearing = math.radians(float(geo.bearing_deg(lon, lat, *goal)))
    along, across = (
        u * math.sin(bearing) + v * math.cos(bearing),
        u * math.cos(bearing) - v * math.sin(bearing),
    )
    return float(heights[np.argmax(along - 1.5 * np.abs(across))])


def _propelled(sky, condition, time_s, lon, lat, level, rng):
    """An airspeed towards a place, or on headings with pauses between."""
    speed = condition.airspeed_mps if math.isfinite(condition.airspeed_mps) else float(rng.uniform(2.0, 15.0))
    hold = ConstantDensity(float(density_kgpm3(level)))
    whole = time_s[-1] - time_s[0]
    if math.isfinite(condition.dwell_h):
        on = min(condition.dwell_h * HOUR_S, whole)
        before = float(rng.uniform(0.0, whole - on))
        push = Stage(
            (hold, Propulsion(airspeed_mps=speed, heading_deg=float(rng.uniform(0, 360)))), (Duration(on),)
        )
        stages = [Stage((hold,), (Duration(before),)), push, Stage((hold,))]
        return _flown(sky, Flight(tuple(stages)), time_s, lon, lat, level), "once", {
            "airspeed_mps": speed, "steered_h": on / HOUR_S,
        }  # fmt: skip
    if rng.random() < 0.5:
        push = Propulsion(airspeed_mps=speed, toward=_goal(sky, time_s, lon, lat, level, rng))
        path = _flown(sky, Flight((Stage((hold, push)),)), time_s, lon, lat, level)
        return path, "toward", {"airspeed_mps": speed, "steered_h": whole / HOUR_S}
    share, mean, passed, steered, stages = float(rng.uniform(0.4, 1.0)), rng.uniform(6.0, 24.0), 0.0, 0.0, []
    while passed < whole:
        length = float(np.clip(rng.exponential(mean), 1.0, 48.0)) * HOUR_S
        is_on = rng.random() < share
        terms = (hold, Propulsion(airspeed_mps=speed, heading_deg=float(rng.uniform(0, 360))))
        stages.append(Stage(terms if is_on else (hold,), (Duration(length),)))
        steered += min(length, whole - passed) * is_on
        passed += length
    path = _flown(sky, Flight(tuple(stages)), time_s, lon, lat, level)
    return path, "legs", {"airspeed_mps": speed, "steered_h": steered / HOUR_S}


def _not_wind(sky, condition, time_s, lon, lat, level, rng):
    """Legs of an aircraft, or a track typed in along a great circle at constant speed."""
    bearing, at = float(rng.uniform(0.0, 360.0)), float(time_s[0])
    out = np.empty((2, time_s.size))
    if rng.random() < 0.5:
        speed = float(rng.uniform(8.0, 40.0))
        for k, t in enumerate(time_s):
            out[:, k] = geo.destination(lon, lat, bearing, speed * (t - at))
        return (out[0], out[1], np.full(time_s.size, level)), "typed", {"speed_mps": speed}
    speed = float(rng.uniform(30.0, 120.0))
    leg = float(rng.uniform(1.0, 6.0)) * HOUR_S
    end = at + leg
    for k, t in enumerate(time_s):
        while t > end:
            lon, lat = (float(x) for x in geo.destination(lon, lat, bearing, speed * (end - at)))
            # Out and back about one place, as aircraft on watch do.
            at, end = end, end + float(rng.uniform(0.5, 1.5)) * leg
            bearing = bearing + 180.0 + float(rng.uniform(-70.0, 70.0))
        out[:, k] = geo.destination(lon, lat, bearing, speed * (t - at))
    return (out[0], out[1], np.full(time_s.size, level)), "aircraft", {"speed_mps": speed}


_MAKERS: dict[str, Any] = {
    "passive_level": _level,
    "passive_daynight": _daynight,
    "altitude_controlled": _controlled,
    "propelled": _propelled,
    "not_wind": _not_wind,
}


def _shear(sky: Sky, lon: Float64s, lat: Float64s, time_s: Float64s) -> float:
    """Root mean square of the vector shear of the analysis from 16.5 to 20 km along the path, m/s per km."""
    heights = np.linspace(16_500.0, 20_000.0, 8)
    some = np.linspace(0, lon.size - 1, 6).astype(int)
    found = sample(
        sky.packed, time_s[some][:, None], pressure_pa(heights)[None], lat[some][:, None], lon[some][:, None]
    )
    du, dv = (np.diff(w, axis=1) / 0.5 for w in (found.u_mps, found.v_mps))
    return float(np.sqrt(np.nanmean(du**2 + dv**2)))


def error_along(flight: MadeFlight, condition: Condition, data: str = "") -> tuple[Float64s, Float64s]:
    """Return true wind less analysis along a flight, u and v (K,), m/s."""
    pressure = pressure_pa(flight.true_alt_m)
    at = (flight.time_s, pressure, flight.true_lat_deg, flight.true_lon_deg)
    if condition.field != "made":
        truth, analysis, _ = (gfs_pair if condition.field == "gfs" else darwin_pair)(data)
        a, b = sample(pack(truth), *at), sample(pack(analysis), *at)
        return a.u_mps - b.u_mps, a.v_mps - b.v_mps
    from overflight.winds.error import RandomField

    errors = _sky(condition, flight.seed, _generator(flight.kind, condition, flight.seed), data).errors
    assert errors is not None
    waves = RandomField(
        waves=errors.waves[0].T,
        cosines=errors.cosines[0].T,
        sines=errors.sines[0].T,
        origin_s=errors.origin_s,
    )
    u, v = waves.evaluate(*at)
    return errors.sd_u * u, errors.sd_v * v

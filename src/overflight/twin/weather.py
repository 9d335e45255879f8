"""Made weather for exercises: a true wind, and what forecasters and analysts make of it.

The true wind is a seeded field on levels of a global model: tropospheric jets that move with the season, the
westerlies of the polar night and the easterlies of the summer stratosphere with the reversal between, a
tropical oscillation whose winds change sign every few kilometres (as the quasi-biennial one does), waves of
the planetary scale that go up through westerlies only (Charney and Drazin, J. Geophys. Res. 66, 1961),
cyclone-scale waves below, and slanted waves of 2,000 to 6,000 km in the stratosphere, which give a balloon
that changes its height something to choose from. Sizes are round numbers near the climatology of winds
(docs/winds-prior.md); the field is plausible, it is no forecast of anything. Motion too small for the grid is
a random field beside it (`subgrid`), felt by the balloon and held by no analysis.

What others know of it is the truth with correlated errors drawn from `winds.error`: one for the autopilot's
forecast, another for the analyst's winds. The waves are derivatives of a stream function, so the made wind
has no divergence, and there is no temperature: the air is the U.S. Standard Atmosphere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.times import to_datetime
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S, HPA_PA
from overflight.winds.error import ANALYSIS_ERROR, RandomField, WindError
from overflight.winds.error_waves import ErrorWaves, draw_waves, error_at
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import PackedGrid, pack, sample

# Of NOAA's GFS below 4 hPa: what an analyst would be given.
LEVELS_HPA: Final = (
    *(5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0, 150.0, 200.0),
    *(250.0, 300.0, 400.0, 500.0, 700.0, 850.0, 925.0, 1000.0),
)
STEP_DEG: Final = 2.5
STEP_S: Final = 12.0 * HOUR_S
# Log-pressure height with a scale height of 7 km, as dynamics of the stratosphere has it.
SCALE_HEIGHT_M: Final = 7000.0
BASE_PA: Final = 101_325.0
MOST_DAYS: Final = 40.0

# What no analysis holds: inertia-gravity waves of some hundred kilometres that turn within hours.
SUBGRID: Final = WindError(
    sd_u_mps=1.0,
    sd_v_mps=1.0,
    time_s=5.0 * HOUR_S,
    distance_m=250e3,
    log_pressure=0.12,
    source="assumed: the fast part of the error of an analysis, docs/reconstruction.md",
)
ERROR_FEATURES: Final = 64


class Wave(NamedTuple):
    """One travelling wave: number round the globe, size of v, where, how slanted and how fast."""

    number: int
    size_mps: float
    lat_deg: float
    width_deg: float
    height_m: float
    depth_m: float
    slant_radpm: float
    phase_radps: float
    offset: float
    westerlies_only: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weather:
    """The made weather of an exercise.

    `truth` is global and without its small scales, which are `subgrid` (one member): the air moves with their
    sum. `forecast_error` (one member) makes the truth the autopilot's forecast; `analysis_error` makes it the
    analyst's winds. Sizes are in the fields themselves.
    """

    truth: Grid
    subgrid: ErrorWaves
    forecast_error: ErrorWaves
    analysis_error: ErrorWaves
    packed: PackedGrid

    def wind(
        self,
        time_s: npt.ArrayLike,
        pressure_pa: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
    ) -> tuple[Float64s, Float64s]:
        """Return the true (u, v) at points, m/s, small scales included; NaN outside times and levels."""
        found = sample(self.packed, time_s, pressure_pa, lat_deg, lon_deg)
        east, north = waves_field(self.subgrid).evaluate(time_s, pressure_pa, lat_deg, lon_deg)
        u, v = found.u_mps + self.subgrid.sd_u * east, found.v_mps + self.subgrid.sd_v * north
        return np.asarray(u), np.asarray(v)


def make_weather(
    time_start: float,
    time_end: float,
    *,
    seed: Sequence[int],
    forecast_sd_mps: float = 3.0,
    analysis_sd_mps: float = 3.5,
    subgrid_sd_mps: float = 1.0,
) -> Weather:
    """Make the weather of a window, POSIX seconds, rounded outward to whole steps of 12 h.

    `seed` keys every stream of random numbers. Sizes are standard deviations of one component, m/s; the
    reach of the errors is that of `winds.error.ANALYSIS_ERROR`.

    Raises
    ------
    InputError
        When the window is empty, not finite or longer than 40 days, or a size is not above zero.
    """
    if not (math.isfinite(time_start) and 0.0 < time_end - time_start <= MOST_DAYS * DAY_S):
        raise InputError(
            "the window of the weather is empty or too long", remedy=f"Ask for at most {MOST_DAYS:.0f} days."
        )
    first = math.floor(time_start / STEP_S) * STEP_S
    count = math.ceil((time_end - first) / STEP_S) + 1
    time_s = first + STEP_S * np.arange(count, dtype=np.float64)
    truth = made_wind(time_s, seed=(*seed, 1))
    drawn = [
        draw_waves(
            sized(error, sd), [np.random.default_rng((*seed, k))], n_features=ERROR_FEATURES, origin_s=first
        )
        for k, (error, sd) in enumerate(
            ((SUBGRID, subgrid_sd_mps), (ANALYSIS_ERROR, forecast_sd_mps), (ANALYSIS_ERROR, analysis_sd_mps)),
            start=2,
        )
    ]
    return Weather(
        truth=truth,
        subgrid=drawn[0],
        forecast_error=drawn[1],
        analysis_error=drawn[2],
        packed=pack(truth),
    )


def sized(error: WindError, sd_mps: float) -> WindError:
    """Return an error of another size, with the shares of its components kept."""
    mean = math.sqrt(0.5 * ((error.sd_u_mps or 1.0) ** 2 + (error.sd_v_mps or 1.0) ** 2))
    return replace(
        error,
        sd_u_mps=(error.sd_u_mps or 1.0) * sd_mps / mean,
        sd_v_mps=(error.sd_v_mps or 1.0) * sd_mps / mean,
    )


def waves_field(waves: ErrorWaves) -> RandomField:
    """Return the first member of some waves as a field to be evaluated at arrays of points."""
    return RandomField(
        waves=waves.waves[0].T, cosines=waves.cosines[0].T, sines=waves.sines[0].T, origin_s=waves.origin_s
    )


def made_wind(time_s: Float64s, *, seed: Sequence[int], step_deg: float = STEP_DEG) -> Grid:
    """Return the made wind at times, global, on `LEVELS_HPA`."""
    rng = np.random.default_rng(tuple(seed))
    pressure = np.array(LEVELS_HPA) * HPA_PA
    height = SCALE_HEIGHT_M * np.log(BASE_PA / pressure)
    lat = np.linspace(-90.0, 90.0, round(180.0 / step_deg) + 1)
    lon = np.arange(0.0, 360.0, step_deg) - 180.0
    middle = 0.5 * (float(time_s[0]) + float(time_s[-1]))
    winter = winter_share(middle)
    mean = mean_wind(height, lat, winter, oscillation_height_m=float(rng.uniform(0.0, 20e3)))
    mean *= 1.0 + 0.15 * rng.standard_normal()
    waves = draw_wave_list(rng, winter)
    u, v = wave_wind(waves, time_s - time_s[0], height, lat, lon)
    calm = np.clip(0.35 + 0.65 * height / 2000.0, 0.35, 1.0)[None, :, None, None]
    u = calm * (u + mean[None, :, :, None])
    return Grid(
        time_s=np.asarray(time_s, dtype=np.float64),
        pressure_pa=pressure,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u.astype(np.float32),
        v_mps=(calm * v).astype(np.float32),
        periodic=True,
        name="made wind",
        provenance={"source": "made by overflight.twin.weather; not the wind of any day"},
    )


def winter_share(time_s: float) -> float:
    """Return 1 in the middle of the northern winter, -1 in that of the southern: a cosine of the year."""
    day = to_datetime(time_s).timetuple().tm_yday
    return math.cos(2.0 * math.pi * (day - 15) / 365.25)


def mean_wind(
    height_m: Float64s, lat_deg: Float64s, winter: float, *, oscillation_height_m: float
) -> Float64s:
    """Return the zonal mean of u, m/s, (L, Y): jets, polar night, summer easterlies, tropics, trades."""
    z, lat = height_m[:, None], lat_deg[None, :]
    total = np.zeros((height_m.size, lat_deg.size))
    for side in (1.0, -1.0):
        cold = side * winter
        jet = (28.0 + 12.0 * cold) * _bump(lat, side * (41.0 - 6.0 * cold), 9.0) * _bump(z, 11.5e3, 4.5e3)
        night = 42.0 * max(cold, 0.0) * _bump(lat, side * 63.0, 13.0) * _rise(z, 14e3, 32e3)
        summer = -17.0 * max(-cold, 0.0) * _bump(lat, side * 38.0, 22.0) * _rise(z, 18e3, 28e3)
        total += jet + night + summer
    turning = np.cos(2.0 * math.pi * (z - oscillation_height_m) / 20e3) * _rise(z, 16e3, 21e3)
    trades = -6.0 * _bump(lat, 0.0, 13.0) * np.exp(-z / 3e3)
    return np.asarray((total + 19.0 * turning * _bump(lat, 0.0, 11.0) + trades) * _polar(lat))


def draw_wave_list(rng: np.random.Generator, winter: float) -> tuple[Wave, ...]:
    """Draw the waves of a season: planetary, of cyclones, and slanted ones in the stratosphere."""
    waves = []
    for side in (1.0, -1.0):
        cold = max(side * winter, 0.1)
        for number in (1, 2, 3):
            waves.append(
                _wave(
                    rng, number, 12.0 * cold / number**0.5, side * 58.0, (13.0, 16.0), 30e3, 11e3, 60e3, 2.0
                )
            )
        for number in (4, 5, 6, 7, 8):
            waves.append(
                _wave(rng, number, 5.5, side * rng.uniform(38, 58), (10.0, 14.0), 9.5e3, 5e3, 60e3, 10.0)
            )
        for _ in range(7):
            number = int(rng.integers(5, 15))
            lat, height = side * rng.uniform(8.0, 66.0), rng.uniform(16e3, 26e3)
            waves.append(_wave(rng, number, 4.5, lat, (8.0, 14.0), height, 6e3, rng.uniform(7e3, 12e3), 4.0))
    return tuple(waves)


def _wave(
    rng: np.random.Generator,
    number: int,
    size: float,
    lat: float,
    widths: tuple[float, float],
    height: float,
    depth: float,
    vertical_m: float,
    speed: float,
) -> Wave:
    around = EARTH_RADIUS_M * math.cos(math.radians(lat))
    return Wave(
        number=number,
        size_mps=size * float(rng.uniform(0.6, 1.4)),
        lat_deg=lat,
        width_deg=float(rng.uniform(*widths)),
        height_m=height,
        depth_m=depth,
        slant_radpm=2.0 * math.pi / vertical_m * float(rng.choice((-1.0, 1.0))),
        phase_radps=number * float(rng.normal(speed, 2.0)) / around,
        offset=float(rng.uniform(0.0, 2.0 * math.pi)),
        westerlies_only=number <= 3,
    )


def wave_wind(
    waves: Sequence[Wave], since_s: Float64s, height_m: Float64s, lat_deg: Float64s, lon_deg: Float64s
) -> tuple[Float64s, Float64s]:
    """Return (u, v) of waves, m/s, (T, L, Y, X): the derivatives of their stream function.

    Each wave is Re of Y(lat) P(z) exp(i (k lon + m z - w t)), so it is a sum of two products of a part in
    time and height with a part on the map.
    """
    shape = (since_s.size, height_m.size, lat_deg.size, lon_deg.size)
    rows: list[Float64s] = []
    maps: list[tuple[Float64s, Float64s]] = []
    phi, lam = np.radians(lat_deg)[:, None], np.radians(lon_deg)[None, :]
    for wave in waves:
        upward = _bump(height_m, wave.height_m, wave.depth_m)
        beta = wave.slant_radpm * height_m[None, :] - wave.phase_radps * since_s[:, None]
        rows += [(upward * np.cos(beta)).ravel(), (upward * np.sin(beta)).ravel()]
        mid, width = math.radians(wave.lat_deg), math.radians(wave.width_deg)
        # cos² brings the stream function to nothing at the poles, where longitude has no meaning.
        across = np.exp(-0.5 * ((phi - mid) / width) ** 2) * (np.cos(phi) / math.cos(mid)) ** 2
        steep = across * (-(phi - mid) / width**2 - 2.0 * np.tan(phi))
        size = wave.size_mps * math.cos(mid) / wave.number
        angle = wave.number * lam + wave.offset
        along = wave.number * across / np.maximum(np.cos(phi), 1e-9)
        maps += [
            (-size * steep * np.cos(angle), -size * along * np.sin(angle)),
            (size * steep * np.sin(angle), -size * along * np.cos(angle)),
        ]
    # Plain sums in a fixed order: the same bytes whatever the number of threads.
    each = np.stack(rows)
    u, v = (
        np.einsum("wa,wb->ab", each, np.stack([m[i] for m in maps]).reshape(each.shape[0], -1))
        for i in (0, 1)
    )
    return u.reshape(shape), v.reshape(shape)


def erring(truth: Grid, error: ErrorWaves) -> Grid:
    """Return a grid with correlated errors added at its nodes."""
    east, north = np.empty(truth.u_mps.shape), np.empty(truth.u_mps.shape)
    waves, cosines, sines = (np.ascontiguousarray(x[0]) for x in error[:3])
    log_p = np.log(truth.pressure_pa)
    _at_nodes(
        waves, cosines, sines, error.origin_s, truth.time_s, log_p, truth.lat_deg, truth.lon_deg, east, north
    )
    return replace(
        truth,
        u_mps=(truth.u_mps + error.sd_u * east).astype(np.float32),
        v_mps=(truth.v_mps + error.sd_v * north).astype(np.float32),
    )


@compiled
def _at_nodes(
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    origin_s: float,
    time_s: Float64s,
    log_p: Float64s,
    lat_deg: Float64s,
    lon_deg: Float64s,
    east: Float64s,
    north: Float64s,
) -> None:
    for t in range(time_s.size):
        for k in range(log_p.size):
            for y in range(lat_deg.size):
                for x in range(lon_deg.size):
                    east[t, k, y, x], north[t, k, y, x] = error_at(
                        waves, cosines, sines, origin_s, time_s[t], log_p[k], lat_deg[y], lon_deg[x]
                    )


def cut_box(grid: Grid, box: tuple[float, float, float, float], window: tuple[float, float]) -> Grid:
    """Return the part of a global grid in a box (west, south, east, north) and a window, rounded outward."""
    west, south, east, north = box
    width = (east - west) % 360.0 or 360.0
    step = float(grid.lon_deg[1] - grid.lon_deg[0])
    first = math.floor((west - grid.lon_deg[0]) / step)
    count = min(math.ceil((west + width - grid.lon_deg[0]) / step) - first + 1, grid.lon_deg.size)
    columns = (first + np.arange(count)) % grid.lon_deg.size
    lon = grid.lon_deg[0] + step * (first + np.arange(count))
    rows, times = _within(grid.lat_deg, south, north), _within(grid.time_s, *window)
    part = np.ix_(times, np.arange(grid.pressure_pa.size), rows, columns)
    return replace(
        grid,
        time_s=grid.time_s[times],
        lat_deg=grid.lat_deg[rows],
        lon_deg=lon,
        u_mps=grid.u_mps[part],
        v_mps=grid.v_mps[part],
        periodic=count == grid.lon_deg.size,
    )


def _within(axis: Float64s, low: float, high: float) -> npt.NDArray[np.intp]:
    """Indices of the nodes in an interval and the next one on each side."""
    first = max(int(np.searchsorted(axis, low, "right")) - 1, 0)
    last = min(int(np.searchsorted(axis, high, "left")), axis.size - 1)
    return np.arange(first, last + 1)


def write_winds(grid: Grid, path: Path) -> None:
    """Write a grid as NetCDF with packed numbers, named as ERA5 is since 2024; the same bytes each time."""
    import xarray as xr

    packed = {"dtype": "int16", "scale_factor": 0.01, "_FillValue": -32768, "zlib": True, "complevel": 4}
    dims = ("valid_time", "pressure_level", "latitude", "longitude")
    dataset = xr.Dataset(
        {
            "u": (dims, grid.u_mps, {"units": "m s**-1", "standard_name": "eastward_wind"}),
            "v": (dims, grid.v_mps, {"units": "m s**-1", "standard_name": "northward_wind"}),
        },
        coords={
            "valid_time": ("valid_time", grid.time_s, {"units": "seconds since 1970-01-01"}),
            "pressure_level": ("pressure_level", grid.pressure_pa / HPA_PA, {"units": "hPa"}),
            "latitude": ("latitude", grid.lat_deg, {"units": "degrees_north"}),
            "longitude": ("longitude", grid.lon_deg, {"units": "degrees_east"}),
        },
        attrs={"title": "Analysed winds of the exercise; made, not of any day"},
    )
    encoding = {name: {**packed, "shuffle": True} for name in ("u", "v")}
    plain = {str(name): {"_FillValue": None} for name in dataset.coords}
    dataset.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding={**encoding, **plain})


def _bump(x: Float64s | float, middle: float, width: float) -> Float64s:
    return np.asarray(np.exp(-0.5 * ((np.asarray(x) - middle) / width) ** 2))


def _rise(x: Float64s, low: float, high: float) -> Float64s:
    """From 0 at `low` to 1 at `high` and beyond, smoothly."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _polar(lat_deg: Float64s) -> Float64s:
    """Bring a zonal wind to nothing at the poles."""
    return np.asarray(np.minimum(1.0, np.cos(np.radians(lat_deg)) / math.cos(math.radians(75.0))))

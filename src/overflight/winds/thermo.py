"""Temperature and height beside the wind: what a balloon's physics asks of the air.

A grid may carry temperature and geopotential height on its nodes. Where it has one of the two, the other
follows hydrostatically when the grid is packed; where it has neither, the U.S. Standard Atmosphere 1976
answers, for any place and time.

::

    Grid ── pack_thermo ──► (T, L, Y, X, 2) ──► thermo_at(pressure) ──► temperature, altitude
                                            └─► log_p_at(altitude) ──► pressure

Linear in time, latitude and longitude, and temperature linear in the logarithm of pressure. Height between
two levels is what hydrostatic balance makes of that temperature,

    z = (1 - w) z0 + w z1 + R/(2 g) (T1 - T0) (ln p1 - ln p0) w (1 - w),

so it meets the stated heights on the levels and is exact for air whose temperature is linear in ln p; plain
linear height would err by 23 m half way between 10 and 20 hPa where temperature rises 2 K/km.

Notes
-----
Temperature made from height is the virtual one: above the true one by 1 % in the moist tropics near the
ground, by under 0.1 K above 300 hPa. Height made from temperature starts, in each column, with the standard
atmosphere at the lowest level, so it is off by that day's departure of the surface pressure: some 100 m.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.atmosphere import (
    _BASE_K,
    _BASE_M,
    _BASE_PA,
    _LAPSE_KPM,
    DRY_AIR_J_PER_KG_K,
    EFFECTIVE_EARTH_RADIUS_M,
    GEOPOTENTIAL_MAX_M,
    GEOPOTENTIAL_MIN_M,
    PRESSURE_MAX_PA,
    PRESSURE_MIN_PA,
    STANDARD_GRAVITY_MPS2,
    pressure_alt_m,
    temperature_at_geopotential_k,
)
from overflight.compiled import compiled
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import (
    ANGLE_EDGE_DEG,
    LOG_P_EDGE,
    TIME_EDGE_S,
    _pole_is_inside,
    bracket,
    bracket_lon,
)

# Metres of height for a kelvin and a unit of ln p: R / g of dry air.
SCALE_M_PER_K = DRY_AIR_J_PER_KG_K / STANDARD_GRAVITY_MPS2
LOG_P_MIN, LOG_P_MAX = math.log(PRESSURE_MIN_PA) - LOG_P_EDGE, math.log(PRESSURE_MAX_PA) + LOG_P_EDGE
_BASE_LOG_P = np.log(_BASE_PA)
# A height this close beyond the top or the lowest level counts as on it: float32 at 50 km holds 4 mm.
HEIGHT_EDGE_M = 0.01


class ThermoSample(NamedTuple):
    """Air at points, all of their shape; NaN where `status` (`WIND_STATUS`) is not 0.

    `alt_m` is geometric, above WGS-84.
    """

    temperature_k: Float64s
    alt_m: Float64s
    status: npt.NDArray[np.int8]


def pack_thermo(grid: Grid) -> Float32s:
    """Lay temperature (K) and geopotential height (m) out for the kernels, (T, L, Y, X, 2) float32.

    Rows are those of `pack(grid)`, with the same pole rows. Of shape (0, 0, 0, 0, 2) where the grid has
    neither; then the standard atmosphere stands in. Takes 8 bytes a cell beside the grid.
    """
    if grid.temperature_k is None and grid.geopotential_m is None:
        return np.zeros((0, 0, 0, 0, 2), np.float32)
    times, levels, rows, columns = grid.u_mps.shape
    south, north = int(_pole_is_inside(grid, -1)), int(_pole_is_inside(grid, +1))
    packed = np.empty((times, levels, rows + south + north, columns, 2), np.float32)
    inner = packed[:, :, south : south + rows]
    # One time after the other: the other quantity is worked out in float64.
    for i in range(times):
        temperature = None if grid.temperature_k is None else grid.temperature_k[i]
        height = None if grid.geopotential_m is None else grid.geopotential_m[i]
        if temperature is None and height is not None:
            temperature = hydrostatic_temperature_k(height, grid.pressure_pa)
        if height is None and temperature is not None:
            height = hydrostatic_geopotential_m(temperature, grid.pressure_pa)
        inner[i, ..., 0], inner[i, ..., 1] = temperature, height
    if south:
        packed[:, :, 0] = _pole_mean(inner[:, :, 0], grid.lon_deg)
    if north:
        packed[:, :, -1] = _pole_mean(inner[:, :, -1], grid.lon_deg)
    return packed


def hydrostatic_temperature_k(geopotential_m: npt.NDArray[np.floating], pressure_pa: Float64s) -> Float64s:
    """Return the (virtual) temperature, K, that geopotential height (L, ...) has on its levels (L,).

    The slope of height in ln p, of second order. One level has no slope: the standard's temperature.
    """
    height = np.asarray(geopotential_m, np.float64)
    if pressure_pa.size == 1:
        standard = temperature_at_geopotential_k(pressure_alt_m(pressure_pa[0]))
        return np.where(np.isfinite(height), standard, np.nan)
    order: int = 2 if pressure_pa.size > 2 else 1
    slope = np.gradient(height, np.log(pressure_pa), axis=0, edge_order=2 if order == 2 else 1)
    return np.asarray(-slope / SCALE_M_PER_K)


def hydrostatic_geopotential_m(temperature_k: npt.NDArray[np.floating], pressure_pa: Float64s) -> Float64s:
    """Return the geopotential height, m, of levels (L,) under a temperature (L, ...), upwards in each column.

    A column begins at its lowest level with a value, at the standard's height there; above a hole it is NaN.
    """
    temperature = np.asarray(temperature_k, np.float64)
    height = np.full(temperature.shape, np.nan)
    begun = np.zeros(temperature.shape[1:], bool)
    log_p, standard = np.log(pressure_pa), pressure_alt_m(pressure_pa)
    for level in range(pressure_pa.size - 1, -1, -1):
        here = np.isfinite(temperature[level])
        if level + 1 < pressure_pa.size:
            mean = 0.5 * (temperature[level] + temperature[level + 1])
            thickness = SCALE_M_PER_K * mean * (log_p[level + 1] - log_p[level])
            height[level] = height[level + 1] + thickness
        height[level] = np.where(here & ~begun, standard[level], height[level])
        begun |= here
    return height


def sample_thermo(
    grid: Grid,
    time_s: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
) -> ThermoSample:
    """Interpolate temperature and altitude at points that broadcast, as `interpolate.sample` does winds."""
    (t, p, la, lo), shape = _points(time_s, pressure_pa, lat_deg, lon_deg)
    air = np.empty((2, t.size))
    status = np.empty(t.size, np.int8)
    _sample_air(*_axes(grid), pack_thermo(grid), t, p, la, lo, air, status)
    return ThermoSample(air[0].reshape(shape), air[1].reshape(shape), status.reshape(shape))


def pressure_at(
    grid: Grid,
    time_s: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
) -> tuple[Float64s, npt.NDArray[np.int8]]:
    """Return the pressure, Pa, at geometric altitudes, and a status of `WIND_STATUS`; points broadcast."""
    (t, alt, la, lo), shape = _points(time_s, alt_m, lat_deg, lon_deg)
    pressure = np.empty(t.size)
    status = np.empty(t.size, np.int8)
    _sample_pressure(*_axes(grid), pack_thermo(grid), t, alt, la, lo, pressure, status)
    return pressure.reshape(shape), status.reshape(shape)


def _points(*values: npt.ArrayLike) -> tuple[list[Float64s], tuple[int, ...]]:
    points = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in values))
    return [np.ascontiguousarray(x).ravel() for x in points], points[0].shape


def _axes(grid: Grid) -> tuple[Float64s, Float64s, Float64s, Float64s, bool, bool]:
    """Return the axes of `pack(grid)` without its field."""
    poles = [-90.0] * _pole_is_inside(grid, -1), [90.0] * _pole_is_inside(grid, +1)
    lat = np.concatenate([poles[0], grid.lat_deg, poles[1]])
    steady = bool(grid.steady) and grid.time_s.size == 1
    time_s, lon = (np.ascontiguousarray(a, np.float64) for a in (grid.time_s, grid.lon_deg))
    return time_s, np.log(grid.pressure_pa.astype(np.float64)), lat, lon, bool(grid.periodic), steady


def _pole_mean(row: Float32s, lon_deg: Float64s) -> Float64s:
    """Return the mean over the row (T, L, X, 2) around a pole, columns weighing by their arc."""
    arc = np.diff(np.concatenate([[lon_deg[-1] - 360.0], lon_deg, [lon_deg[0] + 360.0]]))
    weight = 0.5 * (arc[1:] + arc[:-1]) / 360.0
    return np.asarray(np.sum(row * weight[:, None], axis=2, keepdims=True))


@compiled
def standard_air(logp: float) -> tuple[float, float]:
    """Return temperature, K, and geopotential height, m, of the standard at ln(Pa); NaN outside it."""
    if not LOG_P_MIN <= logp <= LOG_P_MAX:
        return math.nan, math.nan
    layer = int(_BASE_M.size) - 1
    while layer > 0 and logp > _BASE_LOG_P[layer]:
        layer -= 1
    ratio = SCALE_M_PER_K * (_BASE_LOG_P[layer] - logp)
    lapse, base_k, base_m = float(_LAPSE_KPM[layer]), float(_BASE_K[layer]), float(_BASE_M[layer])
    if lapse == 0.0:
        return base_k, base_m + ratio * base_k
    above = base_k / lapse * math.expm1(ratio * lapse)
    return base_k + lapse * above, base_m + above


@compiled
def standard_log_p(geopotential_m: float) -> float:
    """Return ln(Pa) of the standard at a geopotential height; NaN outside it."""
    if not GEOPOTENTIAL_MIN_M <= geopotential_m <= GEOPOTENTIAL_MAX_M:
        return math.nan
    layer = _BASE_M.size - 1
    while layer > 0 and geopotential_m < _BASE_M[layer]:
        layer -= 1
    lapse, base_k, base_log_p = float(_LAPSE_KPM[layer]), float(_BASE_K[layer]), float(_BASE_LOG_P[layer])
    above = geopotential_m - float(_BASE_M[layer])
    if lapse == 0.0:
        return base_log_p - above / (SCALE_M_PER_K * base_k)
    return base_log_p - math.log1p(lapse * above / base_k) / (SCALE_M_PER_K * lapse)


@compiled
def geometric_alt_m(geopotential_m: float) -> float:
    """Return the geometric altitude of a geopotential height, as `overflight.atmosphere.alt_m`."""
    return EFFECTIVE_EARTH_RADIUS_M * geopotential_m / (EFFECTIVE_EARTH_RADIUS_M - geopotential_m)


@compiled
def _at_level(
    thermo: Float32s, it: int, wt: float, il: int, iy: int, wy: float, west: int, east: int, wx: float
) -> tuple[float, float]:
    """Interpolate temperature and height on one level in time, latitude and longitude."""
    temperature = height = 0.0
    for kt in range(2):
        share_t = wt if kt else 1.0 - wt
        if share_t == 0.0:
            continue
        for ky in range(2):
            share_y = share_t * (wy if ky else 1.0 - wy)
            if share_y == 0.0:
                continue
            for kx in range(2):
                share = share_y * (wx if kx else 1.0 - wx)
                if share == 0.0:
                    continue
                node = thermo[it + kt, il, iy + ky, east if kx else west]
                temperature += share * node[0]
                height += share * node[1]
    return temperature, height


@compiled
def thermo_at(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, int]:
    """Interpolate the air at one point: (temperature_k, alt_m, status), a code of `WIND_STATUS`.

    The first six arguments are those of a `PackedGrid`, `thermo` comes from `pack_thermo`; then POSIX
    seconds, the natural logarithm of pascals, degrees. `alt_m` is geometric. With `thermo` empty the standard
    atmosphere answers wherever the point is, and outside levels (2) means outside the standard.
    """
    nan = math.nan
    if thermo.size == 0:
        temperature, height = standard_air(logp)
        return temperature, geometric_alt_m(height), 0 if temperature > 0.0 else 2
    it, wt = (0, 0.0) if steady else bracket(time_s, t, TIME_EDGE_S)
    if it < 0 or not math.isfinite(t):
        return nan, nan, 1
    il, wl = bracket(log_p, logp, LOG_P_EDGE)
    if il < 0:
        return nan, nan, 2
    iy, wy = bracket(lat, la, ANGLE_EDGE_DEG)
    if iy < 0:
        return nan, nan, 3
    west, east, wx, _ = bracket_lon(lon, periodic, lo)
    if west < 0:
        return nan, nan, 4
    temperature, height = _at_level(thermo, it, wt, il, iy, wy, west, east, wx)
    if wl > 0.0:
        below, below_m = _at_level(thermo, it, wt, il + 1, iy, wy, west, east, wx)
        bend = 0.5 * SCALE_M_PER_K * (below - temperature) * (log_p[il + 1] - log_p[il])
        height += wl * (below_m - height) + bend * wl * (1.0 - wl)
        temperature += wl * (below - temperature)
    if not (math.isfinite(temperature) and math.isfinite(height)):
        return nan, nan, 5
    return temperature, geometric_alt_m(height), 0


@compiled
def log_p_at(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    t: float,
    alt_m: float,
    la: float,
    lo: float,
) -> tuple[float, int]:
    """Return (ln(Pa), status) at a geometric altitude: the inverse of `thermo_at`.

    Outside levels (2) is above the uppermost or below the lowest level there, or outside the standard.
    Looks down from the top, so values missing below the ground do no harm above it.
    """
    nan = math.nan
    if not abs(alt_m) < 0.5 * EFFECTIVE_EARTH_RADIUS_M:
        return nan, 2
    height = EFFECTIVE_EARTH_RADIUS_M * alt_m / (EFFECTIVE_EARTH_RADIUS_M + alt_m)
    if thermo.size == 0:
        logp = standard_log_p(height)
        return logp, 0 if math.isfinite(logp) else 2
    it, wt = (0, 0.0) if steady else bracket(time_s, t, TIME_EDGE_S)
    if it < 0 or not math.isfinite(t):
        return nan, 1
    iy, wy = bracket(lat, la, ANGLE_EDGE_DEG)
    if iy < 0:
        return nan, 3
    west, east, wx, _ = bracket_lon(lon, periodic, lo)
    if west < 0:
        return nan, 4
    top_k = top_m = nan
    # One call for all levels: what is called twice is compiled twice.
    for il in range(log_p.size):
        low_k, low_m = _at_level(thermo, it, wt, il, iy, wy, west, east, wx)
        if il == 0 and height >= low_m:
            return (log_p[0], 0) if height <= low_m + HEIGHT_EDGE_M else (nan, 2)
        if il > 0:
            if not (math.isfinite(top_m) and math.isfinite(low_m) and math.isfinite(low_k)):
                return nan, 5
            step = log_p[il] - log_p[il - 1]
            if height >= low_m:
                return log_p[il - 1] + step * _share_down(top_m, low_m, (low_k - top_k) * step, height), 0
        top_k, top_m = low_k, low_m
    return (log_p[-1], 0) if height >= top_m - HEIGHT_EDGE_M else (nan, 2)


@compiled
def _share_down(top_m: float, low_m: float, bend_k: float, geopotential_m: float) -> float:
    """Return where between two levels a height stands: the root of the module's formula, 0 to 1."""
    bend = 0.5 * SCALE_M_PER_K * bend_k
    b, c = low_m - top_m + bend, top_m - geopotential_m
    root = -b + math.sqrt(max(b * b + 4.0 * bend * c, 0.0))
    share = 2.0 * c / root if root > 0.0 else 0.0
    return min(max(share, 0.0), 1.0)


@compiled
def _sample_air(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    t: Float64s,
    p: Float64s,
    la: Float64s,
    lo: Float64s,
    air: Float64s,
    status: npt.NDArray[np.int8],
) -> None:
    for i in range(t.size):
        logp = math.log(p[i]) if p[i] > 0.0 else math.nan
        air[0, i], air[1, i], status[i] = thermo_at(
            time_s, log_p, lat, lon, periodic, steady, thermo, t[i], logp, la[i], lo[i]
        )


@compiled
def _sample_pressure(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    t: Float64s,
    alt_m: Float64s,
    la: Float64s,
    lo: Float64s,
    pressure: Float64s,
    status: npt.NDArray[np.int8],
) -> None:
    for i in range(t.size):
        logp, status[i] = log_p_at(
            time_s, log_p, lat, lon, periodic, steady, thermo, t[i], alt_m[i], la[i], lo[i]
        )
        pressure[i] = math.exp(logp)

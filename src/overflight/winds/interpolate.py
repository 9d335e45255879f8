"""Interpolate a wind grid at points: value, spread and status, without extrapolation.

Linear in time, in the logarithm of pressure, in latitude and in longitude, as HYSPLIT, FLEXPART's
latitude-longitude mode and the amateur predictors do. Three things go beyond the plain scheme:

- The longitude seam closes by itself on a periodic grid; any unwrapped longitude may be asked.
- Near a pole the meridians turn from one column to the next, so eastward and northward components of
  neighbours do not mean the same directions. There the corner vectors are turned to the meridian of
  the point before they are mixed: fully above `TURN_FULL_DEG`, not at all below `TURN_FROM_DEG`, with a
  ramp between that keeps the field continuous. A uniform flow across the pole comes out exactly.
- A global grid whose last row stops within one spacing of the pole (89.75° on some grids) gets a row at
  the pole when it is packed: the mean over the last row of the vectors, each in its own meridian's
  frame. It is the one place where a value stands beyond the last row, and it is an interpolation: the
  row surrounds the pole.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.winds.grid import Float32s, Float64s, Grid

# The meaning of the status code that stands beside every wind; values are NaN where it is not zero.
WIND_STATUS: dict[int, str] = {
    0: "ok",
    1: "outside time",
    2: "outside levels",
    3: "outside latitudes",
    4: "outside longitudes",
    5: "missing value",
}

# Over these latitudes the turning of the corner vectors fades in. At 65° neighbours 1° apart that are not
# turned err by under 4e-5 of the speed, so where the ramp lies is of no consequence for the values.
TURN_FROM_DEG = 65.0
TURN_FULL_DEG = 70.0

# A point this close to the edge of an axis counts as on it: positions kept as float32 come back rounded.
TIME_EDGE_S = 1e-3
LOG_P_EDGE = 1e-6
ANGLE_EDGE_DEG = 1e-6

# A weight below this is rounding; it is dropped so that a missing neighbour cannot spoil an exact node.
TINY_WEIGHT = 1e-9


class PackedGrid(NamedTuple):
    """A grid as compiled kernels take it: `wind_at(*packed, time_s, log_p, lat_deg, lon_deg)`.

    Axes are float64 and increase. `log_p` is the natural logarithm of pascals. `field` has shape
    (T, L, Y, X, 4): u, v, and their standard deviations, m/s, zero where the grid states none.
    """

    time_s: Float64s
    log_p: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    periodic: bool
    steady: bool
    field: Float32s


class WindSample(NamedTuple):
    """Winds at points: all of the shape of the points; NaN where `status` (`WIND_STATUS`) is not 0."""

    u_mps: Float64s
    v_mps: Float64s
    u_sd_mps: Float64s
    v_sd_mps: Float64s
    status: npt.NDArray[np.int8]


def pack(grid: Grid) -> PackedGrid:
    """Lay a grid out for the kernel, with a row at each pole that its rows surround.

    Takes 16 bytes a cell beside the grid itself. All arrays may be written to, whatever the grid's: kernels
    are compiled for such.
    """
    shape = grid.u_mps.shape
    south, north = _pole_is_inside(grid, -1), _pole_is_inside(grid, +1)
    rows = shape[2]
    field = np.zeros((shape[0], shape[1], rows + south + north, shape[3], 4), np.float32)
    inner = field[:, :, int(south) : int(south) + rows]
    for part, values in enumerate((grid.u_mps, grid.v_mps, grid.u_sd_mps, grid.v_sd_mps)):
        if values is not None:
            inner[..., part] = values
    if south:
        field[:, :, 0] = _pole_row(inner[:, :, 0], grid.lon_deg, -1)
    if north:
        field[:, :, -1] = _pole_row(inner[:, :, -1], grid.lon_deg, +1)
    lat = np.concatenate([[-90.0] * south, grid.lat_deg, [90.0] * north])
    return PackedGrid(
        np.require(grid.time_s, np.float64, ("C", "W")),
        np.log(grid.pressure_pa.astype(np.float64)),
        lat,
        np.require(grid.lon_deg, np.float64, ("C", "W")),
        bool(grid.periodic),
        bool(grid.steady) and grid.time_s.size == 1,
        field,
    )


def sample(
    grid: Grid | PackedGrid,
    time_s: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
) -> WindSample:
    """Interpolate winds at points.

    Parameters
    ----------
    grid : a grid, or the result of `pack` where the same grid is asked many times.
    time_s, pressure_pa, lat_deg, lon_deg : POSIX seconds UTC, pascals, degrees; they broadcast. Longitudes
        may be given in any turn.

    Returns
    -------
    WindSample
        Of the broadcast shape. Points outside the data, and points next to a missing value that weighs
        in, are NaN with a code of `WIND_STATUS`; nothing is raised for them.
    """
    packed = grid if isinstance(grid, PackedGrid) else pack(grid)
    points = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (time_s, pressure_pa, lat_deg, lon_deg))
    )
    shape = points[0].shape
    t, p, la, lo = (np.ascontiguousarray(x).ravel() for x in points)
    wind = np.empty((4, t.size))
    status = np.empty(t.size, np.int8)
    _sample_points(*packed, t, p, la, lo, wind, status)
    u, v, u_sd, v_sd = (part.reshape(shape) for part in wind)
    return WindSample(u, v, u_sd, v_sd, status.reshape(shape))


def _pole_is_inside(grid: Grid, sign: int) -> bool:
    """Whether the rows of a global grid stop short of the pole by no more than their last spacing."""
    lat = grid.lat_deg if sign > 0 else -grid.lat_deg[::-1]
    if not grid.periodic or lat.size < 2:
        return False
    gap = 90.0 - lat[-1]
    return bool(ANGLE_EDGE_DEG < gap <= (lat[-1] - lat[-2]) + ANGLE_EDGE_DEG)


def _pole_row(row: Float32s, lon_deg: Float64s, sign: int) -> Float32s:
    """Return the wind at the pole, seen from each column, from the row (T, L, X, 4) around it.

    Columns weigh by the arc they stand for. The spread has no direction at a pole: both components get
    the root mean square. A missing value in the row leaves the pole missing.
    """
    arc = np.diff(np.concatenate([[lon_deg[-1] - 360.0], lon_deg, [lon_deg[0] + 360.0]]))
    weight = 0.5 * (arc[1:] + arc[:-1]) / 360.0
    turn = np.exp(1j * sign * np.radians(lon_deg))
    known = np.where(np.isfinite(row), row, np.nan).astype(np.float64)
    z = known[..., 0] + 1j * known[..., 1]
    pole = np.sum(z * turn * weight, axis=-1, keepdims=True) * np.conj(turn)
    variance = 0.5 * np.sum(np.square(known[..., 2:]), axis=-1)
    sd = np.sqrt(np.sum(variance * weight, axis=-1, keepdims=True))
    parts = (pole.real, pole.imag, sd, sd)
    return np.stack([np.broadcast_to(x, z.shape) for x in parts], axis=-1).astype(np.float32)


@compiled
def bracket(axis: Float64s, x: float, edge: float) -> tuple[int, float]:
    """Return the node at or below x and the weight of the next one; node -1 when x is outside."""
    last = axis.size - 1
    if not (axis[0] - edge <= x <= axis[last] + edge):
        return -1, 0.0
    if x <= axis[0]:
        return 0, 0.0
    if x >= axis[last]:
        return last, 0.0
    # Most axes are even: try the node that evenness would give, and search only when it is not it.
    low = min(int((x - axis[0]) / (axis[last] - axis[0]) * last), last - 1)
    if not axis[low] <= x < axis[low + 1]:
        low, high = 0, last
        while high - low > 1:
            middle = (low + high) // 2
            if axis[middle] <= x:
                low = middle
            else:
                high = middle
    weight = (x - axis[low]) / (axis[low + 1] - axis[low])
    if weight < TINY_WEIGHT:
        return low, 0.0
    if weight > 1.0 - TINY_WEIGHT:
        return low + 1, 0.0
    return low, weight


@compiled
def bracket_lon(lon: Float64s, periodic: bool, lo: float) -> tuple[int, int, float, float]:
    """Return both columns, the weight of the second, and the width of the cell in degrees."""
    if not math.isfinite(lo):
        return -1, -1, 0.0, 0.0
    last = lon.size - 1
    offset = (lo - lon[0]) % 360.0
    if 360.0 - offset <= ANGLE_EDGE_DEG and not periodic:
        offset = 0.0
    x = lon[0] + offset
    if periodic and x > lon[last]:
        width = 360.0 - (lon[last] - lon[0])
        weight = (x - lon[last]) / width
        if weight < TINY_WEIGHT:
            return last, last, 0.0, width
        if weight > 1.0 - TINY_WEIGHT:
            return 0, 0, 0.0, width
        return last, 0, weight, width
    low, weight = bracket(lon, x, ANGLE_EDGE_DEG)
    if low < 0 or weight == 0.0:
        return low, low, 0.0, 0.0
    return low, low + 1, weight, lon[low + 1] - lon[low]


@compiled
def turn_share(la: float) -> float:
    """Return how much of the meridians' turning counts at a latitude: 0 to 1, signed by hemisphere."""
    share = (abs(la) - TURN_FROM_DEG) / (TURN_FULL_DEG - TURN_FROM_DEG)
    share = min(max(share, 0.0), 1.0)
    return share if la >= 0.0 else -share


@compiled
def wind_at(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, float, float, int]:
    """Interpolate the wind at one point: (u, v, u_sd, v_sd, status), m/s and a code of `WIND_STATUS`.

    The first seven arguments are a `PackedGrid`; then POSIX seconds, the natural logarithm of pascals,
    degrees. Compiled, for other compiled kernels to call. The first axis left decides the code.
    """
    nan = math.nan
    it, wt = (0, 0.0) if steady else bracket(time_s, t, TIME_EDGE_S)
    if it < 0 or not math.isfinite(t):
        return nan, nan, nan, nan, 1
    il, wl = bracket(log_p, logp, LOG_P_EDGE)
    if il < 0:
        return nan, nan, nan, nan, 2
    iy, wy = bracket(lat, la, ANGLE_EDGE_DEG)
    if iy < 0:
        return nan, nan, nan, nan, 3
    west, east, wx, width = bracket_lon(lon, periodic, lo)
    if west < 0:
        return nan, nan, nan, nan, 4

    # Turning u + iv by `angle` times the step east takes a column's components to the point's meridian.
    angle = -math.radians(width) * turn_share(la)
    u = v = u_sd = v_sd = 0.0
    for kx in range(2):
        share_x = wx if kx else 1.0 - wx
        if share_x == 0.0:
            continue
        ix = east if kx else west
        cu = cv = 0.0
        for kt in range(2):
            share_t = share_x * (wt if kt else 1.0 - wt)
            if share_t == 0.0:
                continue
            for kl in range(2):
                share_l = share_t * (wl if kl else 1.0 - wl)
                if share_l == 0.0:
                    continue
                for ky in range(2):
                    share = share_l * (wy if ky else 1.0 - wy)
                    if share == 0.0:
                        continue
                    node = field[it + kt, il + kl, iy + ky, ix]
                    cu += share * node[0]
                    cv += share * node[1]
                    u_sd += share * node[2]
                    v_sd += share * node[3]
        if angle != 0.0:
            step = angle * ((wx - 1.0) if kx else wx)
            cu, cv = cu * math.cos(step) - cv * math.sin(step), cu * math.sin(step) + cv * math.cos(step)
        u += cu
        v += cv
    if not (math.isfinite(u) and math.isfinite(v) and math.isfinite(u_sd) and math.isfinite(v_sd)):
        return nan, nan, nan, nan, 5
    return u, v, u_sd, v_sd, 0


@compiled
def _sample_points(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    t: Float64s,
    p: Float64s,
    la: Float64s,
    lo: Float64s,
    wind: Float64s,
    status: npt.NDArray[np.int8],
) -> None:
    """Fill `wind` (4, N) and `status` (N,) for N points."""
    for i in range(t.size):
        logp = math.log(p[i]) if p[i] > 0.0 else math.nan
        u, v, u_sd, v_sd, code = wind_at(
            time_s, log_p, lat, lon, periodic, steady, field, t[i], logp, la[i], lo[i]
        )
        wind[0, i], wind[1, i], wind[2, i], wind[3, i] = u, v, u_sd, v_sd
        status[i] = code

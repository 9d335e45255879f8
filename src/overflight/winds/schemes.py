"""Interpolate winds with cubic schemes, axis by axis, where the data bear it.

Linear interpolation is the largest error of a trajectory in coarse winds, far above that of the steps. This
module fits cubics through four nodes an axis instead of lines through two. `docs/interpolation.md` shows
what that gains on real analyses and where it gains nothing; `default_scheme` is chosen from that.

- *cubic* is the Hermite cubic of a cell whose slopes at its two nodes are those of the parabolas through
  three nodes; on an even axis this is the spline of Catmull and Rom (1974). The result has a continuous
  slope and is exact for parabolas on any axis.
- *lagrange* is the cubic through the four nodes. Its slope jumps at the nodes, and it is exact for cubics.

Both are exact at the nodes. A border cell has three nodes to go by and gets the parabola through them, an
axis of two nodes its line. The border of the data is that of `winds.interpolate`: nothing is extrapolated.

The columns of a periodic grid go on beyond the seam. Beyond a pole row the grid goes on down the opposite
meridian, where east and north have changed sign; vectors are turned to the meridian of the point before
columns are mixed, as `winds.interpolate` does it, so a uniform flow across the pole comes out exactly.

Next to a missing value, where a cubic would need it and the line does not, the value is the linear one. The
field has a step there. Where the line needs it too the status says so. Spreads are always linear: a cubic
could take them below zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import (
    ANGLE_EDGE_DEG,
    LOG_P_EDGE,
    TIME_EDGE_S,
    PackedGrid,
    WindSample,
    bracket,
    bracket_lon,
    pack,
    turn_share,
    wind_at,
)

LINEAR, CUBIC, LAGRANGE = 0, 1, 2
Kind = Literal["linear", "cubic", "lagrange"]
KINDS: dict[str, int] = {"linear": LINEAR, "cubic": CUBIC, "lagrange": LAGRANGE}

# A cubic in level is the default only where no two levels stand further apart than this in the logarithm of
# pressure: neighbours may double the pressure. On wider gaps real analyses lose as often as they gain.
CUBIC_LEVEL_MAX = 0.75

# An outer node this much nearer to its neighbour than the cell is wide is left out: the slope between the two
# says more of the rounding of their values than of the slope across the cell.
NEAREST = 0.125


@dataclass(frozen=True, slots=True)
class Scheme:
    """How to interpolate: in longitude and latitude, in the logarithm of pressure, in time.

    Each is 'linear', 'cubic' or 'lagrange'.
    """

    space: Kind = "linear"
    level: Kind = "linear"
    time: Kind = "linear"

    def __post_init__(self) -> None:
        for axis in ("space", "level", "time"):
            if getattr(self, axis) not in KINDS:
                raise InputError(
                    f"there is no interpolation {getattr(self, axis)!r}",
                    field=axis,
                    remedy=f"Choose one of {', '.join(KINDS)}.",
                )

    @property
    def codes(self) -> tuple[int, int, int]:
        """The first three arguments of `scheme_wind_at`."""
        return KINDS[self.space], KINDS[self.level], KINDS[self.time]


def default_scheme(packed: PackedGrid) -> Scheme:
    """Choose the scheme for a grid by what real analyses gain from it.

    Cubic in longitude and latitude; cubic in level where the widest gap is within `CUBIC_LEVEL_MAX`; linear
    in time, where the cubic loses on samples 12 h apart and more and is not proven on closer ones.
    """
    level = _widest(packed.log_p) <= CUBIC_LEVEL_MAX
    return Scheme("cubic", "cubic" if level else "linear", "linear")


def _widest(axis: Float64s) -> float:
    return float(np.diff(axis).max(initial=0.0))


def sample_scheme(
    grid: Grid | PackedGrid,
    time_s: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    scheme: Scheme | None = None,
) -> WindSample:
    """Interpolate winds at points by a scheme, `default_scheme` when None.

    Points, shapes, units and status codes are those of `winds.interpolate.sample`; so are the values where
    the scheme is linear throughout.
    """
    packed = grid if isinstance(grid, PackedGrid) else pack(grid)
    space, level, time = (default_scheme(packed) if scheme is None else scheme).codes
    points = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (time_s, pressure_pa, lat_deg, lon_deg))
    )
    shape = points[0].shape
    t, p, la, lo = (np.ascontiguousarray(x).ravel() for x in points)
    wind = np.empty((4, t.size))
    status = np.empty(t.size, np.int8)
    _scheme_points(space, level, time, *packed, t, p, la, lo, wind, status)
    u, v, u_sd, v_sd = (part.reshape(shape) for part in wind)
    return WindSample(u, v, u_sd, v_sd, status.reshape(shape))


@compiled
def cell_weights(
    kind: int, before: float, width: float, after: float, share: float
) -> tuple[float, float, float, float]:
    """Return the weights of the four nodes about a cell for a point in it.

    `width` is the cell's, `before` and `after` those of its neighbours, 0 where there is none; `share` is
    how far across the cell the point lies, 0 to 1. At 0 the weight of the second node is exactly 1.
    """
    if share == 0.0:
        return 0.0, 1.0, 0.0, 0.0
    before = before if before > NEAREST * width else 0.0
    after = after if after > NEAREST * width else 0.0
    if kind == 0 or (before == 0.0 and after == 0.0):
        return 0.0, 1.0 - share, share, 0.0
    if kind == 1 or before == 0.0 or after == 0.0:
        return _hermite(before, width, after, share)
    return _lagrange(before, width, after, share)


@compiled
def _hermite(a: float, h: float, b: float, s: float) -> tuple[float, float, float, float]:
    """Weights of the Hermite cubic with the slopes of parabolas; of one parabola where a or b is 0."""
    # What the slopes at both ends of the cell, times its width, weigh in the value.
    g0, g1 = s * (1.0 - s) ** 2, -s * s * (1.0 - s)
    rise = s * s * (3.0 - 2.0 * s)
    if a == 0.0:
        # The slopes of one parabola have the chord's slope as their mean.
        rise, g0, g1 = rise + 2.0 * g0, 0.0, g1 - g0
    elif b == 0.0:
        rise, g0, g1 = rise + 2.0 * g1, g0 - g1, 0.0
    w0 = w3 = 0.0
    if g0 != 0.0:
        # The slope at a node, times h: the far chord has the share h / (a + h), the cell's own the rest.
        far = h / (a * (a + h))
        w0 = -g0 * h * far
        rise += g0 * (1.0 - a * far)
    if g1 != 0.0:
        far = h / (b * (b + h))
        w3 = g1 * h * far
        rise += g1 * (1.0 - b * far)
    return w0, 1.0 - rise - w0, rise - w3, w3


@compiled
def _lagrange(a: float, h: float, b: float, s: float) -> tuple[float, float, float, float]:
    """Weights of the cubic through the nodes at -a, 0, h and h + b, at s * h."""
    x = s * h
    y, z = x - h, x - h - b
    return (
        -x * y * z / (a * (a + h) * (a + h + b)),
        (x + a) * y * z / (a * h * (h + b)),
        -(x + a) * x * z / ((a + h) * h * b),
        (x + a) * x * y / ((a + h + b) * (h + b) * b),
    )


@compiled
def _axis_weights(kind: int, axis: Float64s, low: int, share: float) -> tuple[float, float, float, float]:
    """Weights of the nodes low - 1 to low + 2 of an axis with borders; 0 for those beyond."""
    if share == 0.0:
        return 0.0, 1.0, 0.0, 0.0
    before = axis[low] - axis[low - 1] if low > 0 else 0.0
    after = axis[low + 2] - axis[low + 1] if low + 2 < axis.size else 0.0
    return cell_weights(kind, before, axis[low + 1] - axis[low], after, share)


@compiled
def _lat_weights(
    kind: int, lat: Float64s, periodic: bool, low: int, share: float
) -> tuple[float, float, float, float]:
    """As `_axis_weights`; rows go on beyond a pole row of a periodic grid."""
    if share == 0.0:
        return 0.0, 1.0, 0.0, 0.0
    last = lat.size - 1
    width = lat[low + 1] - lat[low]
    before = after = 0.0
    if low > 0:
        before = lat[low] - lat[low - 1]
    elif periodic and lat[0] <= -90.0:
        before = width
    if low + 1 < last:
        after = lat[low + 2] - lat[low + 1]
    elif periodic and lat[last] >= 90.0:
        after = width
    return cell_weights(kind, before, width, after, share)


@compiled
def _column_gap(lon: Float64s, periodic: bool, low: int) -> float:
    """Degrees from a column to the next, in any turn; 0 beyond the border of a grid that has one."""
    last = lon.size - 1
    if periodic:
        low %= last + 1
    gap = 0.0
    if 0 <= low < last:
        gap = lon[low + 1] - lon[low]
    elif periodic:
        gap = lon[0] + 360.0 - lon[last]
    return gap


@compiled
def _turned(u: float, v: float, angle: float) -> tuple[float, float]:
    """Turn a vector, radians counter-clockwise."""
    cos, sin = math.cos(angle), math.sin(angle)
    return u * cos - v * sin, u * sin + v * cos


@compiled
def _beyond(lon: Float64s, field: Float32s, it: int, il: int, iy: int, ix: int) -> tuple[float, float]:
    """Return u, v of a row beyond a pole: that of the opposite meridian, in the frame of this one."""
    last = field.shape[2] - 1
    row, side = (-iy, -1.0) if iy < 0 else (2 * last - iy, 1.0)
    west, east, share, width = bracket_lon(lon, True, lon[ix] + 180.0)
    angle = side * math.radians(width)
    u, v = _turned(field[it, il, row, west, 0], field[it, il, row, west, 1], -angle * share)
    if share != 0.0:
        # No column stands opposite: the two about the place, each turned to it, are mixed.
        u1, v1 = _turned(field[it, il, row, east, 0], field[it, il, row, east, 1], angle * (1.0 - share))
        u, v = (1.0 - share) * u + share * u1, (1.0 - share) * v + share * v1
    return -u, -v


@compiled
def _columns(
    kind: int, lon: Float64s, periodic: bool, ix: int, share: float
) -> tuple[tuple[int, int, int, int], tuple[float, float, float, float], tuple[float, float, float, float]]:
    """Return the four columns about a longitude, their weights, and degrees from it to each."""
    west, width = _column_gap(lon, periodic, ix - 1), _column_gap(lon, periodic, ix)
    east = _column_gap(lon, periodic, ix + 1)
    w0, w1, w2, w3 = cell_weights(kind, west, width, east, share)
    count = lon.size
    # Columns that do not weigh are read all the same; they must not bring in a missing value.
    c0 = (ix - 1) % count if w0 != 0.0 else ix
    c2 = (ix + 1) % count if w2 != 0.0 else ix
    c3 = (ix + 2) % count if w3 != 0.0 else ix
    d1 = -share * width
    d2 = d1 + width
    return (c0, ix, c2, c3), (w0, w1, w2, w3), (d1 - west, d1, d2, d2 + east)


@compiled
def _wind(
    lon: Float64s,
    field: Float32s,
    it: int,
    il: int,
    iy: int,
    weights_t: tuple[float, float, float, float],
    weights_l: tuple[float, float, float, float],
    weights_y: tuple[float, float, float, float],
    columns: tuple[int, int, int, int],
    weights_x: tuple[float, float, float, float],
    angles: tuple[float, float, float, float],
) -> tuple[float, float]:
    """Mix u, v of the nodes about a cell; each column's vector is first turned by its angle."""
    c0, c1, c2, c3 = columns
    rows = field.shape[2]
    # One sum a column, written out: this is where the time goes.
    u0 = v0 = u1 = v1 = u2 = v2 = u3 = v3 = 0.0
    for kt in range(4):
        if weights_t[kt] == 0.0:
            continue
        jt = it + kt - 1
        for kl in range(4):
            share_tl = weights_t[kt] * weights_l[kl]
            if share_tl == 0.0:
                continue
            jl = il + kl - 1
            for ky in range(4):
                share = share_tl * weights_y[ky]
                if share == 0.0:
                    continue
                jy = iy + ky - 1
                if jy < 0 or jy >= rows:
                    p0, q0 = _beyond(lon, field, jt, jl, jy, c0)
                    p1, q1 = _beyond(lon, field, jt, jl, jy, c1)
                    p2, q2 = _beyond(lon, field, jt, jl, jy, c2)
                    p3, q3 = _beyond(lon, field, jt, jl, jy, c3)
                    u0, v0, u1, v1 = u0 + share * p0, v0 + share * q0, u1 + share * p1, v1 + share * q1
                    u2, v2, u3, v3 = u2 + share * p2, v2 + share * q2, u3 + share * p3, v3 + share * q3
                    continue
                u0 += share * field[jt, jl, jy, c0, 0]
                v0 += share * field[jt, jl, jy, c0, 1]
                u1 += share * field[jt, jl, jy, c1, 0]
                v1 += share * field[jt, jl, jy, c1, 1]
                u2 += share * field[jt, jl, jy, c2, 0]
                v2 += share * field[jt, jl, jy, c2, 1]
                u3 += share * field[jt, jl, jy, c3, 0]
                v3 += share * field[jt, jl, jy, c3, 1]
    if angles[0] != 0.0 or angles[2] != 0.0:
        u0, v0 = _turned(u0, v0, angles[0])
        u1, v1 = _turned(u1, v1, angles[1])
        u2, v2 = _turned(u2, v2, angles[2])
        u3, v3 = _turned(u3, v3, angles[3])
    w0, w1, w2, w3 = weights_x
    return w0 * u0 + w1 * u1 + w2 * u2 + w3 * u3, w0 * v0 + w1 * v1 + w2 * v2 + w3 * v3


@compiled
def _spread(
    field: Float32s,
    it: int,
    wt: float,
    il: int,
    wl: float,
    iy: int,
    wy: float,
    west: int,
    east: int,
    wx: float,
) -> tuple[float, float]:
    """Return the standard deviations by the linear scheme, in the order of sums of `wind_at`."""
    u_sd = v_sd = 0.0
    for kx in range(2):
        share_x = wx if kx else 1.0 - wx
        ix = east if kx else west
        for kt in range(2):
            share_t = share_x * (wt if kt else 1.0 - wt)
            for kl in range(2):
                share_l = share_t * (wl if kl else 1.0 - wl)
                if share_l == 0.0:
                    continue
                for ky in range(2):
                    share = share_l * (wy if ky else 1.0 - wy)
                    if share != 0.0:
                        u_sd += share * field[it + kt, il + kl, iy + ky, ix, 2]
                        v_sd += share * field[it + kt, il + kl, iy + ky, ix, 3]
    return u_sd, v_sd


@compiled
def scheme_wind_at(
    space: int,
    level: int,
    time: int,
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
    """Interpolate the wind at one point by a scheme: (u, v, u_sd, v_sd, status).

    The first three arguments are `Scheme.codes`; the rest, and the result, are those of
    `winds.interpolate.wind_at`. Compiled, for other compiled kernels to call.
    """
    if space == 0 and level == 0 and time == 0:
        return wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    it, wt = (0, 0.0) if steady else bracket(time_s, t, TIME_EDGE_S)
    il, wl = bracket(log_p, logp, LOG_P_EDGE)
    iy, wy = bracket(lat, la, ANGLE_EDGE_DEG)
    ix, east, wx, _ = bracket_lon(lon, periodic, lo)
    if it < 0 or il < 0 or iy < 0 or ix < 0 or not math.isfinite(t):
        # The plain scheme finds the code of the axis.
        return wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    weights_t = _axis_weights(time, time_s, it, wt)
    weights_l = _axis_weights(level, log_p, il, wl)
    weights_y = _lat_weights(space, lat, periodic, iy, wy)
    columns, weights_x, degrees = _columns(space, lon, periodic, ix, wx)
    turn = math.radians(turn_share(la))
    angles = (turn * degrees[0], turn * degrees[1], turn * degrees[2], turn * degrees[3])
    u, v = _wind(lon, field, it, il, iy, weights_t, weights_l, weights_y, columns, weights_x, angles)
    u_sd, v_sd = _spread(field, it, wt, il, wl, iy, wy, ix, east, wx)
    if not (math.isfinite(u) and math.isfinite(v) and math.isfinite(u_sd) and math.isfinite(v_sd)):
        return wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    return u, v, u_sd, v_sd, 0


@compiled
def _scheme_points(
    space: int,
    level: int,
    time: int,
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
        u, v, u_sd, v_sd, code = scheme_wind_at(
            space, level, time, time_s, log_p, lat, lon, periodic, steady, field, t[i], logp, la[i], lo[i]
        )
        wind[0, i], wind[1, i], wind[2, i], wind[3, i] = u, v, u_sd, v_sd
        status[i] = code

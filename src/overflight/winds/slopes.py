"""The wind and its slopes at one point, from one pass over the sixteen corners.

A smoother needs the derivatives of the wind beside its value, at every step of every member. Finite
differences of `interpolate.wind_at` would fetch the same corners five times; the derivatives of the linear
interpolant are differences of the corners already in hand. Values agree with `wind_at` to rounding.

The layout is as plain as compiled code can have it: one row of numbers for all axes, one table of cells.
Tuples of arrays would cost more in reference counts, shared between threads, than the arithmetic does.
"""

from __future__ import annotations

import math

import numpy as np

from overflight.compiled import woven
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.interpolate import (
    ANGLE_EDGE_DEG,
    LOG_P_EDGE,
    TIME_EDGE_S,
    TINY_WEIGHT,
    PackedGrid,
    turn_share,
)

SLOPES = 10
HEAD = 6


def lay_out(packed: PackedGrid) -> tuple[Float64s, Float32s]:
    """Return the axes as one row and the field as cells (T * L * Y * X, 4), for `wind_slopes_at`.

    The row holds the four lengths, the two flags, then time, ln(pressure), latitude and longitude.
    """
    lengths = [a.size for a in (packed.time_s, packed.log_p, packed.lat_deg, packed.lon_deg)]
    flags = [float(packed.periodic), float(packed.steady)]
    axes = np.concatenate([lengths, flags, packed.time_s, packed.log_p, packed.lat_deg, packed.lon_deg])
    return axes, np.ascontiguousarray(packed.field.reshape(-1, 4))


@woven
def bracket(axes: Float64s, begin: int, size: int, x: float, edge: float) -> tuple[int, float]:
    """Return the node at or below x, counted from `begin`, and the weight of the next; -1 outside."""
    last = size - 1
    a0, a1 = axes[begin], axes[begin + last]
    if not (a0 - edge <= x <= a1 + edge):
        return -1, 0.0
    if x <= a0:
        return 0, 0.0
    if x >= a1:
        return last, 0.0
    # Most axes are even: try the node that evenness would give, and search only when it is not it.
    low = min(int((x - a0) / (a1 - a0) * last), last - 1)
    if not axes[begin + low] <= x < axes[begin + low + 1]:
        low, high = 0, last
        while high - low > 1:
            middle = (low + high) // 2
            if axes[begin + middle] <= x:
                low = middle
            else:
                high = middle
    weight = (x - axes[begin + low]) / (axes[begin + low + 1] - axes[begin + low])
    if weight < TINY_WEIGHT:
        return low, 0.0
    if weight > 1.0 - TINY_WEIGHT:
        return low + 1, 0.0
    return low, weight


@woven
def bracket_lon(axes: Float64s, begin: int, size: int, lo: float) -> tuple[int, int, float, float]:
    """Return both columns, the weight of the second, and the width of the cell in degrees."""
    last = size - 1
    first, final = axes[begin], axes[begin + last]
    offset = lo - first
    offset -= 360.0 * math.floor(offset / 360.0)
    periodic = axes[4] > 0.5
    if 360.0 - offset <= ANGLE_EDGE_DEG and not periodic:
        offset = 0.0
    if periodic and first + offset > final:
        width = 360.0 - (final - first)
        return last, 0, (first + offset - final) / width, width
    low, weight = bracket(axes, begin, size, first + offset, ANGLE_EDGE_DEG)
    if low < 0 or weight == 0.0:
        return low, low, 0.0, 0.0
    return low, low + 1, weight, axes[begin + low + 1] - axes[begin + low]


@woven
def wind_slopes_at(
    axes: Float64s, field: Float32s, t: float, logp: float, la: float, lo: float, out: Float64s
) -> int:
    """Fill `out` (10,) with u, v, their spread, and slopes of u and v; return a code of `WIND_STATUS`.

    Order: u, v, u_sd, v_sd, then u and v by degree of longitude, by degree of latitude and by unit of
    ln(pressure). `axes` and `field` come from `lay_out`; then POSIX seconds, ln(Pa), degrees. `out` is
    untouched unless the code is 0.
    """
    nt, nl, ny, nx = int(axes[0]), int(axes[1]), int(axes[2]), int(axes[3])
    at = 6
    it, wt = (0, 0.0) if axes[5] > 0.5 else bracket(axes, at, nt, t, TIME_EDGE_S)
    if it < 0:
        return 1
    at += nt
    il, wl = bracket(axes, at, nl, logp, LOG_P_EDGE)
    if il < 0:
        return 2
    il1 = min(il + 1, nl - 1)
    per_level = 1.0 / (axes[at + il1] - axes[at + il]) if il1 > il else 0.0
    at += nl
    iy, wy = bracket(axes, at, ny, la, ANGLE_EDGE_DEG)
    if iy < 0:
        return 3
    iy1 = min(iy + 1, ny - 1)
    per_row = 1.0 / (axes[at + iy1] - axes[at + iy]) if iy1 > iy else 0.0
    west, east, wx, width = bracket_lon(axes, at + ny, nx, lo)
    if west < 0:
        return 4
    per_column = 1.0 / width if width > 0.0 else 0.0
    angle = -math.radians(width) * turn_share(la)
    up = (iy1 - iy) * nx if wy > 0.0 else 0  # a missing neighbour must not spoil an exact node
    u_sd = v_sd = u_lat = v_lat = u_p = v_p = u_west = v_west = u_east = v_east = 0.0
    for kx in range(2):
        share_x = wx if kx else 1.0 - wx
        if share_x == 0.0 and width == 0.0:
            continue
        cu = cv = cu_lat = cv_lat = cu_p = cv_p = c_su = c_sv = 0.0
        for kt in range(2):
            share_t = wt if kt else 1.0 - wt
            if share_t == 0.0:
                continue
            row = (it + kt) * nl
            for kl in range(2):
                level = il1 if kl else il
                share = share_t * (wl if kl else 1.0 - wl)
                if share == 0.0 and per_level == 0.0:
                    continue
                a = ((row + level) * ny + iy) * nx + (east if kx else west)
                b = a + up
                du, dv = field[b, 0] - field[a, 0], field[b, 1] - field[a, 1]
                uu, vv = field[a, 0] + wy * du, field[a, 1] + wy * dv
                cu += share * uu
                cv += share * vv
                cu_lat += share * du
                cv_lat += share * dv
                sign = share_t if kl else -share_t
                cu_p += sign * uu
                cv_p += sign * vv
                c_su += share * (field[a, 2] + wy * (field[b, 2] - field[a, 2]))
                c_sv += share * (field[a, 3] + wy * (field[b, 3] - field[a, 3]))
        if angle != 0.0:
            turn = angle * ((wx - 1.0) if kx else wx)
            c, s = math.cos(turn), math.sin(turn)
            cu, cv = cu * c - cv * s, cu * s + cv * c
        if kx:
            u_east, v_east = cu, cv
        else:
            u_west, v_west = cu, cv
        if share_x > 0.0:
            u_sd += share_x * c_su
            v_sd += share_x * c_sv
            u_lat += share_x * cu_lat
            v_lat += share_x * cv_lat
            u_p += share_x * cu_p
            v_p += share_x * cv_p
    u = u_west if wx == 0.0 else (1.0 - wx) * u_west + wx * u_east
    v = v_west if wx == 0.0 else (1.0 - wx) * v_west + wx * v_east
    if not math.isfinite(u + v + u_sd + v_sd):
        return 5
    out[0], out[1], out[2], out[3] = u, v, u_sd, v_sd
    out[4], out[5] = (u_east - u_west) * per_column, (v_east - v_west) * per_column
    out[6], out[7] = u_lat * per_row, v_lat * per_row
    out[8], out[9] = u_p * per_level, v_p * per_level
    for i in range(4, 10):
        # Next to a missing value there is no slope to tell.
        if not math.isfinite(out[i]):
            out[i] = 0.0
    return 0

"""The search for passes of one satellite over many sites, compiled.

SGP4 is asked at nodes `NODE_STEP_S` apart; between them places follow from places and velocities by cubic
Hermite interpolation, which at that step is off by h⁴ ω⁴ r / 384, 90 m for a low orbit, 12 ms. On a grid of
the step asked for the satellite is turned into the Earth's axes once for all sites. A site then steps through
it, and while the satellite is too far away it skips as many steps as it must at least take to come near. Rise
and set are bracketed by the grid and placed to milliseconds by false position (Illinois), and the highest
point by parabolas. A pass that begins and ends between two grid points shows as a peak of three points below
the limit and is looked for there.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.satellites.orbits import SIDEREAL_RADPS

Float64s = npt.NDArray[np.float64]

NODE_STEP_S: Final = 240.0
# Columns of a found pass.
SITE, RISE, SET, PEAK, SINE, RANGE, OFF_NADIR, EDGE = range(8)
COLUMNS: Final = 8
# `EDGE`: the satellite was in view when the window began, when it ended, or when its orbit did.
BEGINS_BEFORE, ENDS_AFTER, ORBIT_ENDS = 1, 2, 4
TOLERANCE_S: Final = 4e-3
MOST_STEPS: Final = 60
# Radians: the geodetic vertical leans by up to 0.0034 from the line to the centre.
LEAN: Final = 0.007
# A peak of three points whose parabola stays further below the limit than this has none above it.
NEAR_MISS: Final = 0.02


@compiled
def grid_places(
    nodes: Float64s, first_s: float, angle: float, step_s: float, table: Float64s
) -> tuple[float, float]:
    """Fill `table` (T, 4) with places in the Earth's axes and their distance from the centre.

    `nodes` (N, 6) are states in TEME from `first_s` on. All times are seconds since the window began, when
    the Earth stood at `angle`. Returns the greatest distance from the centre and the greatest angle between
    two neighbours, radians.
    """
    top = 0.0
    least_cosine = 1.0
    for i in range(table.shape[0]):
        x, y, z = place_at(nodes, first_s, angle, i * step_s)
        r = math.sqrt(x * x + y * y + z * z)
        table[i, 0], table[i, 1], table[i, 2], table[i, 3] = x, y, z, r
        if r > top:
            top = r
        if i > 0:
            cosine = (x * table[i - 1, 0] + y * table[i - 1, 1] + z * table[i - 1, 2]) / (r * table[i - 1, 3])
            if cosine < least_cosine:
                least_cosine = cosine
    return top, math.acos(max(least_cosine, -1.0))


@compiled
def place_at(nodes: Float64s, first_s: float, angle: float, time_s: float) -> tuple[float, float, float]:
    """Return the place in the Earth's axes at a time, metres; NaN outside the nodes."""
    along = (time_s - first_s) / NODE_STEP_S
    k = int(along)
    if along < 0.0 or k > nodes.shape[0] - 1:
        return math.nan, math.nan, math.nan
    k = min(k, nodes.shape[0] - 2)
    u = along - k
    v = 1.0 - u
    h00, h01 = (1.0 + 2.0 * u) * v * v, u * u * (3.0 - 2.0 * u)
    h10, h11 = u * v * v * NODE_STEP_S, -u * u * v * NODE_STEP_S
    m = k + 1
    x = h00 * nodes[k, 0] + h01 * nodes[m, 0] + h10 * nodes[k, 3] + h11 * nodes[m, 3]
    y = h00 * nodes[k, 1] + h01 * nodes[m, 1] + h10 * nodes[k, 4] + h11 * nodes[m, 4]
    z = h00 * nodes[k, 2] + h01 * nodes[m, 2] + h10 * nodes[k, 5] + h11 * nodes[m, 5]
    turned = angle + SIDEREAL_RADPS * time_s
    cosine, sine = math.cos(turned), math.sin(turned)
    return cosine * x + sine * y, cosine * y - sine * x, z


@compiled
def sine_from(site: Float64s, x: float, y: float, z: float) -> float:
    """Return the sine of the elevation of a place seen from a site (its place and its up)."""
    dx, dy, dz = x - site[0], y - site[1], z - site[2]
    along: float = dx * site[3] + dy * site[4] + dz * site[5]
    return along / math.sqrt(dx * dx + dy * dy + dz * dz)


@compiled
def _height(
    nodes: Float64s, first_s: float, angle: float, site: Float64s, limit: float, time_s: float
) -> float:
    x, y, z = place_at(nodes, first_s, angle, time_s)
    return float(sine_from(site, x, y, z) - limit)


@compiled
def _crossing(
    nodes: Float64s, first_s: float, angle: float, site: Float64s, limit: float,
    t0: float, f0: float, t1: float, f1: float,
) -> float:  # fmt: skip
    """Return where the elevation passes the limit between two times of opposite sides."""
    side = 0
    for _ in range(MOST_STEPS):
        t = (t0 * f1 - t1 * f0) / (f1 - f0) if f1 != f0 else 0.5 * (t0 + t1)
        f = _height(nodes, first_s, angle, site, limit, t)
        if (f > 0.0) == (f1 > 0.0):
            near = abs(t1 - t)
            t1, f1 = t, f
            if side == 1:
                f0 *= 0.5
            side = 1
        else:
            near = abs(t0 - t)
            t0, f0 = t, f
            if side == -1:
                f1 *= 0.5
            side = -1
        if near < TOLERANCE_S or abs(t1 - t0) < TOLERANCE_S or f == 0.0:
            return t
    return 0.5 * (t0 + t1)


@compiled
def _peak(
    nodes: Float64s, first_s: float, angle: float, site: Float64s, t: float, h: float, low: float,
    high: float,
) -> float:  # fmt: skip
    """Return when the elevation is highest near a time, within [low, high]."""
    for _ in range(2):
        t = min(max(t, low), high)
        a = _height(nodes, first_s, angle, site, 0.0, t - h)
        b = _height(nodes, first_s, angle, site, 0.0, t)
        c = _height(nodes, first_s, angle, site, 0.0, t + h)
        bend = a - 2.0 * b + c
        if bend < 0.0:
            t += min(max(0.5 * h * (a - c) / bend, -h), h)
        elif a > c:
            t -= h
        elif c > a:
            t += h
        h *= 0.15
    return min(max(t, low), high)


@compiled
def _write(
    nodes: Float64s, first_s: float, angle: float, site: Float64s, which: int, rise: float, fall: float,
    near: float, step_s: float, edge: int, found: Float64s, count: int,
) -> int:  # fmt: skip
    """Put a pass into `found` if there is room; return the count with it."""
    if count < found.shape[0]:
        half = 0.5 * (fall - rise)
        peak = _peak(nodes, first_s, angle, site, near, min(step_s, max(half, 0.01)), rise, fall)
        x, y, z = place_at(nodes, first_s, angle, peak)
        dx, dy, dz = x - site[0], y - site[1], z - site[2]
        away = math.sqrt(dx * dx + dy * dy + dz * dz)
        down = (x * dx + y * dy + z * dz) / (away * math.sqrt(x * x + y * y + z * z))
        row = found[count]
        row[SITE], row[RISE], row[SET], row[PEAK], row[EDGE] = which, rise, fall, peak, edge
        row[SINE] = (dx * site[3] + dy * site[4] + dz * site[5]) / away
        row[RANGE] = away
        row[OFF_NADIR] = math.acos(min(max(down, -1.0), 1.0))
    return count + 1


@compiled
def find_passes_of(
    nodes: Float64s, first_s: float, angle: float, end_s: float, step_s: float,
    table: Float64s, sites: Float64s, limits: Float64s, found: Float64s,
) -> int:  # fmt: skip
    """Find the passes of one satellite over all sites and return how many there are.

    Parameters
    ----------
    table : (T, 4) of `grid_places`, T points from the window's beginning to `end_s`, the last step shorter;
        times and `angle` as there.
    sites : (S, 6) place and up. limits : (S,) sine of the least elevation.
    found : (K, COLUMNS), filled as far as it reaches.
    """
    count = 0
    points = table.shape[0]
    top, turn = grid_places(nodes, first_s, angle, step_s, table)
    turn = max(1.01 * turn, 1e-9)
    for which in range(sites.shape[0]):
        site, limit = sites[which], limits[which]
        radius = math.sqrt(site[0] ** 2 + site[1] ** 2 + site[2] ** 2)
        px, py, pz, ux, uy, uz = site[0], site[1], site[2], site[3], site[4], site[5]
        cx, cy, cz = px / radius, py / radius, pz / radius
        lowest = math.asin(limit)
        # A step and a half more, so that all three points of a peak near the limit are looked at.
        reach = math.acos(min(radius * math.cos(lowest) / max(top, radius), 1.0)) - lowest + LEAN
        reach += 1.5 * turn
        near = math.cos(min(reach, math.pi))
        inside, edge = False, 0
        rise, best, best_at = 0.0, -2.0, 0.0
        f1, f2 = math.nan, math.nan  # the last value and the one before, NaN after a skip
        i = 0
        while i < points:
            t = min(i * step_s, end_s)
            x, y, z, r = table[i, 0], table[i, 1], table[i, 2], table[i, 3]
            cosine = (x * cx + y * cy + z * cz) / r
            if cosine < near and not inside:
                away = math.acos(max(cosine, -1.0)) - reach
                i += max(1, int(away / turn))
                f1, f2 = math.nan, math.nan
                continue
            if t == end_s:
                x, y, z = place_at(nodes, first_s, angle, t)
            dx, dy, dz = x - px, y - py, z - pz
            f = (dx * ux + dy * uy + dz * uz) / math.sqrt(dx * dx + dy * dy + dz * dz) - limit
            before = min((i - 1) * step_s, end_s)
            if inside:
                if f > 0.0:
                    if f > best:
                        best, best_at = f, t
                else:
                    if f <= 0.0:
                        fall = _crossing(nodes, first_s, angle, site, limit, before, f1, t, f)
                    else:
                        fall, edge = before, edge | ORBIT_ENDS
                    count = _write(
                        nodes, first_s, angle, site, which, rise, fall, best_at, step_s, edge, found, count
                    )
                    inside = False
            elif f > 0.0:
                inside, best, best_at, edge = True, f, t, 0
                if i == 0:
                    rise, edge = t, BEGINS_BEFORE
                else:
                    if math.isnan(f1):
                        f1 = _height(nodes, first_s, angle, site, limit, before)
                    if f1 <= 0.0:
                        rise = _crossing(nodes, first_s, angle, site, limit, before, f1, t, f)
                    else:
                        rise, edge = t, ORBIT_ENDS
            elif f1 > f2 and f1 >= f:
                # A peak below the limit on the grid may stand above it between.
                bend = f2 - 2.0 * f1 + f
                if bend < 0.0 and f1 - (f2 - f) ** 2 / (8.0 * bend) > -NEAR_MISS:
                    early = before - step_s
                    peak = _peak(nodes, first_s, angle, site, before, step_s, early, t)
                    high = _height(nodes, first_s, angle, site, limit, peak)
                    if high > 0.0:
                        a = _crossing(nodes, first_s, angle, site, limit, early, f2, peak, high)
                        b = _crossing(nodes, first_s, angle, site, limit, peak, high, t, f)
                        count = _write(
                            nodes, first_s, angle, site, which, a, b, peak, step_s, 0, found, count
                        )
            f2, f1 = f1, f
            i += 1
        if inside:
            count = _write(
                nodes, first_s, angle, site, which, rise, end_s, best_at, step_s, edge | ENDS_AFTER, found,
                count,
            )  # fmt: skip
    return count

"""What it would take: the least control that explains the path, and where the passive explanation fails.

**Airspeed.** Of all ways to push a balloon through the analysed wind so that it passes the fixes within
their errors, the one with the least integral of |p|² over time, p the velocity through the air. The path
x(t) is what is solved for; p = dx/dt - wind(x). Gauss-Newton steps on the linearised wind, each a banded
least-squares problem; the weight between effort and misfit is set so that the fixes' chi-square equals its
expected value (Morozov's discrepancy principle). Where no effort is needed the answer is zero.

**Altitude.** Of all schedules that hold one height between fixes, the one with the least sum of height
changes for which the winds at those heights explain the legs within the errors of fixes and wind. Solved by
dynamic programming over height levels, the weight between change and misfit set in the same way.

The wind is taken as analysed: an error of the wind shows up as effort. Effort below the wind's own error is
therefore no sign of steering.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from overflight.atmosphere import density_kgpm3
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.motion import RADIUS_KM, Air
from overflight.steer.along import winds_along
from overflight.units import HOUR_S
from overflight.winds.error import path_error_m

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
AltKm = Callable[[Float64s], Float64s]

NAMED_MPS: Final = 5.0
STEP_S: Final = 1200.0
MOST_NODES: Final = 2000
# Weights of effort against misfit, from a path through every fix to one that drifts: powers of ten.
LOG_WEIGHTS: Final = (-6.0, 14.0)
NEWTON_STEPS: Final = 4
BISECTIONS: Final = 14
LEVEL_STEP_KM: Final = 0.25
SHORTEST_LEG_S: Final = 3 * HOUR_S
MOST_LEGS: Final = 300
# A change costs as much as this many km on top of its size, so that of equal sums the fewest changes win.
CHANGE_KM: Final = 0.1
MIN_SD_KM: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AirspeedEffort:
    """The least airspeed over time. N nodes of time, N - 1 steps between them.

    `x_km, y_km` (N,) is the path, `push_mps` (N - 1, 2) the velocity through the air along the frame's x
    and y. `integral_m2ps` is the integral of |p|², `drag_jpm2` that of ½ρ|p|³: the work against drag of
    one square metre of cross-section with a drag coefficient of one. `chi2` is the misfit of the `fixes`
    used, two numbers each. `explained` is False where no effort brought it to its expected value.
    """

    time_s: Float64s
    x_km: Float64s
    y_km: Float64s
    push_mps: Float64s
    named_mps: float
    rms_mps: float
    peak_mps: float
    hours_above: float
    integral_m2ps: float
    drag_jpm2: float
    wind_error_mps: float
    chi2: float
    fixes: int
    explained: bool

    @property
    def speed_mps(self) -> Float64s:
        """Airspeed (N - 1,) of the steps."""
        return np.asarray(np.hypot(self.push_mps[:, 0], self.push_mps[:, 1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AltitudeEffort:
    """The least altitude changes. L legs from fix to fix, each at one height.

    `leg_s` (L, 2) are their ends, `alt_m` (L,) the heights, `miss_sigma` (L,) how far the wind at that
    height misses the leg's end, in standard deviations. `explained` is False where no heights in the range
    bring the misfit to its expected value; heights are then those of least misfit.
    """

    leg_s: Float64s
    alt_m: Float64s
    miss_sigma: Float64s
    total_m: float
    changes: int
    chi2: float
    explained: bool


def least_airspeed(
    fixes: Fixes,
    air: Air,
    alt_km: AltKm,
    *,
    used: Bools | None = None,
    named_mps: float = NAMED_MPS,
    step_s: float = STEP_S,
) -> AirspeedEffort | None:
    """Find the least airspeed over time that passes the fixes within their errors; None below two fixes.

    Parameters
    ----------
    alt_km : the height at times (N,), which the path keeps to.
    used : (K,) which fixes to pass; all when None.
    named_mps : the airspeed whose hours are counted.
    """
    keep = _kept(fixes, used)
    if len(np.unique(fixes.time_s[keep])) < 2:
        return None
    problem = _Problem.make(fixes, keep, air, alt_km, step_s)
    path, reached = _by_discrepancy(problem)
    return _airspeed(problem, path, named_mps, reached)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Fixes laid on nodes of time: what the least-squares steps read."""

    air: Air
    time_s: Float64s
    alt_km: Float64s
    node: npt.NDArray[np.int64]
    place: Float64s
    precision: Float64s

    @classmethod
    def make(cls, fixes: Fixes, keep: Bools, air: Air, alt_km: AltKm, step_s: float) -> _Problem:
        times = fixes.time_s[keep]
        span = float(times.max() - times.min())
        step = max(step_s, span / MOST_NODES)
        grid = np.linspace(times.min(), times.max(), math.ceil(span / step) + 1)
        # Fix times are nodes; grid times within half a step of one give way to it.
        sharp = np.unique(times)
        far = np.abs(grid[:, None] - sharp[None, :]).min(axis=1) > 0.5 * step
        time_s = np.unique(np.concatenate([grid[far], sharp]))
        cov = _covariances(fixes)[keep]
        place = np.stack([fixes.x_km[keep], fixes.y_km[keep]], axis=1)
        node = np.searchsorted(time_s, times)
        return cls(air, time_s, alt_km(time_s), node, place, np.asarray(np.linalg.inv(cov), np.float64))

    def start(self) -> Float64s:
        """Return a path (N, 2) through the fixes, straight between them; of several at one time the mean."""
        nodes = np.unique(self.node)
        mean = np.array([self.place[self.node == n].mean(axis=0) for n in nodes])
        columns = [np.interp(self.time_s, self.time_s[nodes], mean[:, i]) for i in (0, 1)]
        return np.stack(columns, axis=1)

    def chi2(self, path: Float64s) -> float:
        off = path[self.node] - self.place
        return float(np.einsum("ki,kij,kj->", off, self.precision, off))

    def push(self, path: Float64s) -> tuple[Float64s, Float64s, Float64s, Float64s]:
        """Return p (N - 1, 2) in km/s on the ground, and its slopes by the step's two ends."""
        dt = np.diff(self.time_s)
        middle = 0.5 * (path[1:] + path[:-1])
        wind = winds_along(
            self.air, self.time_s[:-1] + 0.5 * dt, middle[:, 0], middle[:, 1],
            0.5 * (self.alt_km[1:] + self.alt_km[:-1]),
        )  # fmt: skip
        shrink = np.stack([np.cos(middle[:, 1] / RADIUS_KM), np.ones(len(dt))], axis=1)
        push = (np.diff(path, axis=0) / dt[:, None] - wind.velocity) * shrink
        rate = np.eye(2)[None] / dt[:, None, None]
        after = (rate - 0.5 * wind.jacobian) * shrink[:, :, None]
        before = (-rate - 0.5 * wind.jacobian) * shrink[:, :, None]
        return push, before, after, dt


def _by_discrepancy(problem: _Problem) -> tuple[Float64s, bool]:
    """Return the path of least effort whose chi-square is its expected value, and whether there is one."""
    target = 2.0 * len(problem.node)
    low, high = LOG_WEIGHTS
    path = _solve(problem, problem.start(), low)
    if problem.chi2(path) > target:
        return path, False
    # The misfit grows with the weight of effort; each path starts from the one before.
    best = path
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        tried = _solve(problem, best, middle)
        if np.isfinite(tried).all() and problem.chi2(tried) <= target:
            low, best = middle, tried
        else:
            high = middle
    return best, True


def _solve(problem: _Problem, path: Float64s, log_weight: float) -> Float64s:
    """Minimise chi-square + 10^log_weight × effort by Gauss-Newton from a path."""
    weight = 10.0**log_weight
    cost = _cost(problem, path, weight)
    for _ in range(NEWTON_STEPS):
        step = _newton_step(problem, path, weight)
        # The wind bends: a step that does not lower the cost is halved, and given up in the end.
        for share in (1.0, 0.5, 0.25, 0.1):
            tried = path + share * step
            new = _cost(problem, tried, weight)
            if new < cost:
                path, gain, cost = tried, cost - new, new
                break
        else:
            return path
        if gain < 1e-6 * cost:
            return path
    return path


def _cost(problem: _Problem, path: Float64s, weight: float) -> float:
    push, _, _, dt = problem.push(path)
    return problem.chi2(path) + weight * float(np.sum(dt[:, None] * push**2))


def _newton_step(problem: _Problem, path: Float64s, weight: float) -> Float64s:
    """Return the step (N, 2) that solves the linearised problem; the matrix has three bands above."""
    push, before, after, dt = problem.push(path)
    nodes = len(problem.time_s)
    blocks = np.zeros((nodes, 2, 2))
    beside = weight * dt[:, None, None] * np.einsum("nji,njk->nik", before, after)
    blocks[:-1] += weight * dt[:, None, None] * np.einsum("nji,njk->nik", before, before)
    blocks[1:] += weight * dt[:, None, None] * np.einsum("nji,njk->nik", after, after)
    slope = np.zeros((nodes, 2))
    slope[:-1] += weight * dt[:, None] * np.einsum("nji,nj->ni", before, push)
    slope[1:] += weight * dt[:, None] * np.einsum("nji,nj->ni", after, push)
    np.add.at(blocks, problem.node, problem.precision)
    off = path[problem.node] - problem.place
    np.add.at(slope, problem.node, np.einsum("kij,kj->ki", problem.precision, off))
    bands = np.zeros((4, 2 * nodes))
    bands[3, 0::2], bands[3, 1::2] = blocks[:, 0, 0], blocks[:, 1, 1]
    bands[2, 1::2] = blocks[:, 0, 1]
    bands[2, 2::2], bands[1, 3::2] = beside[:, 1, 0], beside[:, 1, 1]
    bands[1, 2::2], bands[0, 3::2] = beside[:, 0, 0], beside[:, 0, 1]
    bands[3] *= 1.0 + 1e-12
    return np.asarray(-solveh_banded(bands, slope.ravel())).reshape(nodes, 2)


def _airspeed(problem: _Problem, path: Float64s, named_mps: float, reached: bool) -> AirspeedEffort:
    push, _, _, dt = problem.push(path)
    push_mps = push * 1e3
    speed = np.hypot(push_mps[:, 0], push_mps[:, 1])
    middle_km = 0.5 * (problem.alt_km[1:] + problem.alt_km[:-1])
    density = np.asarray(density_kgpm3(middle_km * 1e3))
    wind = winds_along(problem.air, problem.time_s, path[:, 0], path[:, 1], problem.alt_km)
    return AirspeedEffort(
        time_s=problem.time_s,
        x_km=path[:, 0],
        y_km=path[:, 1],
        push_mps=push_mps,
        named_mps=named_mps,
        rms_mps=math.sqrt(float(np.sum(dt * speed**2) / dt.sum())),
        peak_mps=float(speed.max()),
        hours_above=float(dt[speed > named_mps].sum()) / HOUR_S,
        integral_m2ps=float(np.sum(dt * speed**2)),
        drag_jpm2=float(np.sum(dt * 0.5 * density * speed**3)),
        wind_error_mps=math.sqrt(float(np.mean(np.sum(wind.spread_mps**2, axis=1)))),
        chi2=problem.chi2(path),
        fixes=len(problem.node),
        explained=reached,
    )


def least_altitude(
    fixes: Fixes,
    air: Air,
    range_km: tuple[float, float],
    *,
    used: Bools | None = None,
    error_time_s: float,
    mixing_km: float = 0.0,
) -> AltitudeEffort | None:
    """Find the least changes of height whose winds explain the legs; None below two fixes.

    Parameters
    ----------
    range_km : lowest and highest height.
    error_time_s : correlation time of the wind's error, for how far it carries a balloon in a leg.
    mixing_km : what motion too fast for the wind adds, per square root of an hour.

    Notes
    -----
    Wind errors of different legs are taken as independent.
    """
    keep = _leg_fixes(fixes, _kept(fixes, used))
    if len(keep) < 2:
        return None
    levels = np.arange(range_km[0], range_km[1] + 0.5 * LEVEL_STEP_KM, LEVEL_STEP_KM)
    squares = _leg_misfits(fixes, keep, air, levels, error_time_s, mixing_km)
    target = 2.0 * len(squares) + np.isfinite(fixes.alt_km[keep]).sum()
    low, high = -6.0, 6.0
    best = _cheapest(squares, levels, 10.0**low)
    explained = bool(_picked(squares, best).sum() <= target)
    while explained and high - low > 0.02:
        middle = 0.5 * (low + high)
        tried = _cheapest(squares, levels, 10.0**middle)
        if float(_picked(squares, tried).sum()) <= target:
            low, best = middle, tried
        else:
            high = middle
    picked, alt_km = _picked(squares, best), levels[best]
    steps = np.abs(np.diff(alt_km))
    return AltitudeEffort(
        leg_s=np.stack([fixes.time_s[keep[:-1]], fixes.time_s[keep[1:]]], axis=1),
        alt_m=alt_km * 1e3,
        miss_sigma=np.sqrt(picked),
        total_m=float(steps.sum()) * 1e3,
        changes=int((steps > 0.5 * LEVEL_STEP_KM).sum()),
        chi2=float(picked.sum()),
        explained=explained,
    )


def _leg_misfits(
    fixes: Fixes, keep: Sequence[int], air: Air, levels: Float64s, error_time_s: float, mixing_km: float
) -> Float64s:
    """Return squared misfits (L, levels): place of the leg's end, and heights given at either end."""
    cov = _covariances(fixes)
    rows = []
    for a, b in pairwise(keep):
        end, spread = _carried(fixes, a, b, air, levels)
        hours = (fixes.time_s[b] - fixes.time_s[a]) / HOUR_S
        reach = path_error_m(1.0, error_time_s, hours * HOUR_S) / 1e3
        random = (spread * reach) ** 2 + mixing_km**2 * hours
        off = np.array([fixes.x_km[b] - fixes.x_km[a], fixes.y_km[b] - fixes.y_km[a]]) - end
        total = (cov[a] + cov[b])[None] + random[:, :, None] * np.eye(2)[None]
        row = np.einsum("li,lij,lj->l", off, np.linalg.inv(total), off)
        rows.append(row + _height_misfit(fixes, a, b, levels, last=b == keep[-1]))
    return np.array(rows)


def _carried(fixes: Fixes, a: int, b: int, air: Air, levels: Float64s) -> tuple[Float64s, Float64s]:
    """Return how far (levels, 2; km) the wind at each level carries along the leg, and its spread, m/s.

    The wind is read along the straight line between the two fixes.
    """
    start, end = fixes.time_s[a], fixes.time_s[b]
    steps = max(2, math.ceil((end - start) / HOUR_S))
    share = (np.arange(steps) + 0.5) / steps
    shape = (steps, levels.size)
    along = winds_along(
        air,
        np.broadcast_to((start + share * (end - start))[:, None], shape),
        np.broadcast_to((fixes.x_km[a] + share * (fixes.x_km[b] - fixes.x_km[a]))[:, None], shape),
        np.broadcast_to((fixes.y_km[a] + share * (fixes.y_km[b] - fixes.y_km[a]))[:, None], shape),
        np.broadcast_to(levels[None, :], shape),
    )
    moved = along.velocity.reshape(*shape, 2).mean(axis=0) * (end - start)
    return moved, np.sqrt((along.spread_mps.reshape(*shape, 2) ** 2).mean(axis=0))


def _height_misfit(fixes: Fixes, a: int, b: int, levels: Float64s, *, last: bool) -> Float64s:
    """Squared misfit (levels,) of the height at the leg's first fix, and at its last in the last leg."""
    out = np.zeros(levels.size)
    for k in (a, b) if last else (a,):
        if np.isfinite(fixes.alt_km[k]):
            out += ((levels - fixes.alt_km[k]) / math.hypot(fixes.alt_sd_km[k], 0.5 * LEVEL_STEP_KM)) ** 2
    return out


def _cheapest(squares: Float64s, levels: Float64s, weight: float) -> npt.NDArray[np.int64]:
    """Return the level (L,) of each leg that minimises misfit + weight × change, by dynamic programming."""
    apart = np.abs(levels[:, None] - levels[None, :])
    change = weight * (apart + CHANGE_KM * (apart > 0.0))
    total = squares[0].copy()
    back = np.zeros(squares.shape, np.int64)
    for leg in range(1, len(squares)):
        reached = total[:, None] + change
        back[leg] = reached.argmin(axis=0)
        total = reached[back[leg], np.arange(levels.size)] + squares[leg]
    picked = np.empty(len(squares), np.int64)
    picked[-1] = int(total.argmin())
    for leg in range(len(squares) - 1, 0, -1):
        picked[leg - 1] = back[leg, picked[leg]]
    return picked


def _picked(squares: Float64s, levels: npt.NDArray[np.int64]) -> Float64s:
    return squares[np.arange(len(squares)), levels]


def _leg_fixes(fixes: Fixes, keep: Bools) -> list[int]:
    """Return fixes far enough apart in time to be the ends of legs, in order."""
    order = np.flatnonzero(keep)[np.argsort(fixes.time_s[keep], kind="stable")]
    if not order.size:
        return []
    span = float(fixes.time_s[order[-1]] - fixes.time_s[order[0]])
    shortest = max(SHORTEST_LEG_S, span / MOST_LEGS)
    chosen = [int(order[0])]
    for k in order[1:]:
        if fixes.time_s[k] - fixes.time_s[chosen[-1]] >= shortest - 1.0:
            chosen.append(int(k))
    return chosen


def _covariances(fixes: Fixes) -> Float64s:
    """Return the place errors (K, 2, 2), km², held above a metre."""
    xx, xy, yy = fixes.cov_km2.T
    cov = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    return np.asarray(cov + MIN_SD_KM**2 * np.eye(2))


def _kept(fixes: Fixes, used: Bools | None) -> Bools:
    placed = np.isfinite(fixes.x_km) & np.isfinite(fixes.y_km)
    return placed if used is None else placed & np.asarray(used, bool)

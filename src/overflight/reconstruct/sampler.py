"""Sample paths and their evidence: tempered sequential Monte Carlo over conditionally linear draws.

Members start from the prior of the motion alone. The sightings are then let in by degrees: the likelihood
is raised to a power that climbs from 0 to 1, members are weighted and resampled at each rung, and moved by
Gibbs sweeps: a reading and a minute for every sighting given the path, the float level given the heights,
the whole path given the readings (`smoother.draw_path`). The mean of the weights along the way estimates
the evidence of the scenario (Del Moral, Doucet and Jasra, JRSS B 68, 411, 2006), which is what rival
accounts are weighed by.

The path is drawn from a motion model that is linear about the member's present path. For a wind that
varies little across a member's uncertainty this is exact; `Sample.curvature` says how far it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, over_members
from overflight.reconstruct.likelihood import Candidates, candidate_log_density, height_log_densities
from overflight.reconstruct.motion import Air, Wander, step
from overflight.reconstruct.smoother import draw_path

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Progress = Callable[[float], None]

MAX_RUNGS = 200


class Start(NamedTuple):
    """Prior at the first node: place in the frame (km), its spread, and the float level."""

    x_km: float
    y_km: float
    sd_km: float
    level_km: float
    level_sd_km: float


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Posterior members of one scenario, equally weighted.

    `paths` (M, N, 5) as in `motion`; `pick` (M, J) the candidate each member gives each sighting;
    `height_right` (M, J); `log_evidence` of the sightings under the scenario; `curvature`, the mean
    squared step the linear model missed in units of the mixing noise; `rungs` of the ladder.
    """

    paths: Float64s
    pick: Int64s
    height_right: npt.NDArray[np.int8]
    log_evidence: float
    curvature: float
    rungs: int


def sample_paths(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    candidates: Candidates,
    start: Start,
    *,
    members: int,
    rng: np.random.Generator,
    ess_share: float = 0.5,
    sweeps: int = 2,
    final_sweeps: int = 8,
    progress: Progress | None = None,
) -> Sample:
    """Draw `members` posterior paths over `node_s` and estimate the log evidence.

    `ess_share` sets the height of the rungs: each keeps that share of effective members. `progress` is
    called with the share done, 0 to 1.
    """
    level = start.level_km + start.level_sd_km * rng.standard_normal(members)
    paths = _prior_paths(air, wander, node_s, start, level, rng)
    pick = np.zeros((members, candidates.first.size - 1), np.int64)
    right = np.ones(pick.shape, np.int8)
    log_density = np.zeros(members)
    beta, log_evidence, curvature, rungs = 0.0, 0.0, 0.0, 0
    draw_latents(candidates, paths, beta, rng.random((*pick.shape, 2)), pick, right, log_density)
    while beta < 1.0:
        rungs += 1
        rise = _next_rise(log_density, ess_share * members, 1.0 - beta)
        # A ladder that no longer climbs would never end; the last rung then takes the rest.
        beta = 1.0 if rungs >= MAX_RUNGS or beta + rise > 1.0 - 1e-9 else beta + rise
        log_weight = rise * log_density
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        log_evidence += top + float(np.log(weight.mean()))
        chosen = systematic(weight, rng)
        paths, level, pick, right = paths[chosen], level[chosen], pick[chosen], right[chosen]
        for _ in range(sweeps if beta < 1.0 else final_sweeps):
            curvature = sweep(
                air, wander, node_s, candidates, start, level, paths, pick, right, beta, rng
            )
            draw_latents(candidates, paths, beta, rng.random((*pick.shape, 2)), pick, right, log_density)
        if progress is not None:
            progress(beta**0.25)
    return Sample(paths, pick, right, log_evidence, curvature, rungs)


def sweep(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    candidates: Candidates,
    start: Start,
    level: Float64s,
    paths: Float64s,
    pick: Int64s,
    right: npt.NDArray[np.int8],
    beta: float,
    rng: np.random.Generator,
) -> float:
    """Move all members once, in place: float level given heights, then path given readings."""
    members, nodes = paths.shape[:2]
    draw_levels(wander, node_s, paths[:, :, 4], start, rng.standard_normal(members), level)
    normals = rng.standard_normal((members, nodes, 5))
    obs_normals = rng.standard_normal((members, 3 * pick.shape[1]))
    residual = np.empty(members)
    begin = np.array([start.x_km, start.y_km, start.sd_km])

    def run(a: int, b: int) -> None:
        _draw_paths(
            air, wander, node_s, candidates, begin, level[a:b], paths[a:b], pick[a:b], right[a:b], beta,
            normals[a:b], obs_normals[a:b], residual[a:b],
        )  # fmt: skip

    over_members(run, members)
    return float(residual.mean())


def _prior_paths(
    air: Air, wander: Wander, node_s: Float64s, start: Start, level: Float64s, rng: np.random.Generator
) -> Float64s:
    members = level.size
    state = np.empty((members, 5))
    state[:, 0] = start.x_km + start.sd_km * rng.standard_normal(members)
    state[:, 1] = start.y_km + start.sd_km * rng.standard_normal(members)
    state[:, 2:4] = rng.standard_normal((members, 2))
    state[:, 4] = level + wander.height_sd_km * rng.standard_normal(members)
    return simulate(air, wander, node_s, state, level, rng)


def simulate(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    state: Float64s,
    level_km: Float64s,
    rng: np.random.Generator,
) -> Float64s:
    """Run members (M, 5) through the nodes, forward or backward in time; return paths (M, N, 5).

    Both random processes look the same in either direction of time, so a backward run is the same code
    with falling times.
    """
    normals = rng.standard_normal((state.shape[0], node_s.size, 5))
    paths = np.empty(normals.shape)
    nodes = np.ascontiguousarray(node_s)

    def run(a: int, b: int) -> None:
        _simulate(air, wander, nodes, state[a:b], level_km[a:b], normals[a:b], paths[a:b])

    over_members(run, state.shape[0])
    return paths


def systematic(weight: Float64s, rng: np.random.Generator) -> Int64s:
    """Resample indices in proportion to weight with one random offset."""
    edges = np.cumsum(weight) / weight.sum()
    points = (np.arange(weight.size) + rng.random()) / weight.size
    return np.minimum(np.searchsorted(edges, points), weight.size - 1)


def _next_rise(log_density: Float64s, ess: float, limit: float) -> float:
    """Largest rise of the power, up to `limit`, that keeps the effective sample size above `ess`."""

    def effective(rise: float) -> float:
        w = np.exp(rise * (log_density - log_density.max()))
        return float(w.sum() ** 2 / (w @ w))

    if effective(limit) >= ess:
        return limit
    low, high = 0.0, limit
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= ess else (low, middle)
    return max(low, 1e-6)


@compiled
def _simulate(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    state: Float64s,
    level: Float64s,
    normals: Float64s,
    paths: Float64s,
) -> None:
    for m in range(state.shape[0]):
        paths[m, 0] = state[m]
        for k in range(node_s.size - 1):
            dt = node_s[k + 1] - node_s[k]
            phi_n = np.exp(-abs(dt) / wander.wind_time_s)
            phi_z = np.exp(-abs(dt) / wander.height_time_s)
            q_n = np.sqrt(1.0 - phi_n * phi_n)
            q_z = np.sqrt(1.0 - phi_z * phi_z) * wander.height_sd_km
            old, new, e = paths[m, k], paths[m, k + 1], normals[m, k + 1]
            new[2] = phi_n * old[2] + q_n * e[2]
            new[3] = phi_n * old[3] + q_n * e[3]
            new[4] = level[m] + phi_z * (old[4] - level[m]) + q_z * e[4]
            x, y, _ = step(
                air, node_s[k], dt, old[0], old[1], 0.5 * (old[4] + new[4]),
                0.5 * (old[2] + new[2]), 0.5 * (old[3] + new[3]),
            )  # fmt: skip
            mixing = wander.mixing_km_per_sqrt_h * np.sqrt(abs(dt) / 3600.0)
            new[0], new[1] = x + mixing * e[0], y + mixing * e[1]


def draw_latents(
    c: Candidates,
    paths: Float64s,
    beta: float,
    uniforms: Float64s,
    pick: Int64s,
    height_right: npt.NDArray[np.int8],
    log_density: Float64s,
) -> None:
    """Draw reading, minute and trust in the height for every sighting and member, in place.

    `uniforms` (M, J, 2). `log_density` (M,) becomes the untempered log density of all sightings under
    the draws, which is what the next rung weighs members by.
    """

    def run(a: int, b: int) -> None:
        _draw_latents(
            c, paths[a:b], beta, uniforms[a:b], pick[a:b], height_right[a:b], log_density[a:b]
        )

    over_members(run, paths.shape[0])


@compiled
def _draw_latents(
    c: Candidates,
    paths: Float64s,
    beta: float,
    uniforms: Float64s,
    pick: Int64s,
    height_right: npt.NDArray[np.int8],
    log_density: Float64s,
) -> None:
    longest = 0
    for j in range(c.first.size - 1):
        longest = max(longest, c.first[j + 1] - c.first[j])
    for m in range(paths.shape[0]):
        log_weight = np.empty(longest)
        total = 0.0
        for j in range(c.first.size - 1):
            begin, end = c.first[j], c.first[j + 1]
            top = -np.inf
            for i in range(begin, end):
                k = c.node[i]
                value = c.log_prior[i]
                if k < 0:
                    value += candidate_log_density(c, i, j, 0.0, 0.0, beta)
                    if not np.isnan(c.alt_km[j]):
                        value -= beta * 2.995732273553991
                else:
                    value += candidate_log_density(c, i, j, paths[m, k, 0], paths[m, k, 1], beta)
                    good, bad = height_log_densities(c, j, paths[m, k, 4], beta)
                    value += np.logaddexp(good, bad)
                log_weight[i - begin] = value
                top = max(top, value)
            mass = 0.0
            for i in range(begin, end):
                mass += np.exp(log_weight[i - begin] - top)
            target, chosen = uniforms[m, j, 0] * mass, end - 1
            for i in range(begin, end):
                target -= np.exp(log_weight[i - begin] - top)
                if target <= 0.0:
                    chosen = i
                    break
            pick[m, j] = chosen
            k = c.node[chosen]
            right = 0
            if k < 0:
                total += candidate_log_density(c, chosen, j, 0.0, 0.0, 1.0)
                if not np.isnan(c.alt_km[j]):
                    total -= 2.995732273553991
            else:
                z = paths[m, k, 4]
                total += candidate_log_density(c, chosen, j, paths[m, k, 0], paths[m, k, 1], 1.0)
                good, bad = height_log_densities(c, j, z, beta)
                right = 1 if uniforms[m, j, 1] < 1.0 / (1.0 + np.exp(bad - good)) else 0
                if not np.isnan(c.alt_km[j]):
                    g1, b1 = height_log_densities(c, j, z, 1.0)
                    prior = np.log(1.0 - c.p_alt_wrong[j]) if right == 1 else np.log(c.p_alt_wrong[j])
                    total += (g1 if right == 1 else b1) - prior
            height_right[m, j] = right
        log_density[m] = total


@compiled
def draw_levels(
    wander: Wander, node_s: Float64s, z: Float64s, start: Start, normals: Float64s, level: Float64s
) -> None:
    """Draw each member's float level given its heights (a conjugate Gaussian update), in place."""
    for m in range(z.shape[0]):
        s2 = wander.height_sd_km**2
        precision = 1.0 / start.level_sd_km**2 + 1.0 / s2
        mean = start.level_km / start.level_sd_km**2 + z[m, 0] / s2
        for k in range(node_s.size - 1):
            phi = np.exp(-(node_s[k + 1] - node_s[k]) / wander.height_time_s)
            gain = (1.0 - phi) / ((1.0 + phi) * s2)
            precision += gain
            mean += gain * (z[m, k + 1] - phi * z[m, k]) / (1.0 - phi)
        level[m] = mean / precision + normals[m] / np.sqrt(precision)


@compiled
def _draw_paths(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    c: Candidates,
    begin: Float64s,
    level: Float64s,
    paths: Float64s,
    pick: Int64s,
    right: npt.NDArray[np.int8],
    beta: float,
    normals: Float64s,
    obs_normals: Float64s,
    residual: Float64s,
) -> None:
    for m in range(paths.shape[0]):
        first, obs = observation_rows(c, node_s.size, paths[m], pick[m], right[m], beta)
        start = np.array([begin[0], begin[1], begin[2], begin[2], level[m]])
        residual[m] = draw_path(
            air, wander, node_s, start, paths[m], first, obs, normals[m], obs_normals[m]
        )


@compiled
def observation_rows(
    c: Candidates, nodes: int, path: Float64s, pick: Int64s, right: npt.NDArray[np.int8], beta: float
) -> tuple[Int64s, Float64s]:
    """Turn one member's readings into scalar observations sorted by node (`smoother.draw_path`)."""
    first = np.zeros(nodes + 1, np.int64)
    for j in range(pick.size):
        k = c.node[pick[j]]
        if k >= 0:
            first[k + 1] += 3 if right[j] == 1 and not np.isnan(c.alt_km[j]) else 2
    for k in range(nodes):
        first[k + 1] += first[k]
    filled = first[:-1].copy()
    obs = np.zeros((first[nodes], 5))
    variance = 1.0 / max(beta, 1e-12)
    for j in range(pick.size):
        i = pick[j]
        k = c.node[i]
        if k < 0:
            continue
        # The report does not say how often the balloon went round: take the turn nearest the path.
        x = path[k, 0] + _nearest_turn(c.x_km[j] - path[k, 0])
        a, b, d = c.whiten[i, 0], c.whiten[i, 1], c.whiten[i, 2]
        row = filled[k]
        obs[row, 0], obs[row, 3], obs[row, 4] = a, a * x, variance
        row += 1
        obs[row, 0], obs[row, 1], obs[row, 3], obs[row, 4] = b, d, b * x + d * c.y_km[j], variance
        row += 1
        if right[j] == 1 and not np.isnan(c.alt_km[j]):
            s = c.alt_sd_km[j]
            obs[row, 2], obs[row, 3], obs[row, 4] = 1.0 / s, c.alt_km[j] / s, variance
            row += 1
        filled[k] = row
    return first, obs


@compiled
def _nearest_turn(dx: float) -> float:
    return dx - 40030.228884 * np.round(dx / 40030.228884)

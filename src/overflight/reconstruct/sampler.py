"""Sample paths and their evidence: sequential Monte Carlo with Gibbs and Metropolis moves.

Members start from the prior of the motion alone. The sightings are then let in by degrees, from 0 to 1
(`likelihood.candidate_log_density`): members are weighted and resampled at each rung, and moved by sweeps:
a reading and a minute for every sighting given the path, the float level given the heights, the path given
the readings (`smoother.redraw`). The mean of the weights along the way estimates the evidence of the
scenario (Del Moral, Doucet and Jasra, JRSS B 68, 411, 2006), which is what rival accounts are weighed by.

On the way up whole paths are drawn from the linear model without a test: tested, whole paths would
seldom be accepted and stretches of them would move too slowly. Where the winds bend, this biases the
evidence a little (docs/reconstruction.md says by how much). The last sweeps, at 1, are tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, over_members
from overflight.reconstruct.likelihood import (
    LOG_2PI,
    LOG_MISTAKEN,
    LOG_MISTAKEN_ALT,
    TURN_KM,
    Candidates,
    candidate_log_density,
    height_log_densities,
)
from overflight.reconstruct.motion import LIN, STATE, Air, Wander, run_forward
from overflight.reconstruct.smoother import linearise_path, redraw

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Progress = Callable[[float], None]

MAX_RUNGS = 400
# Lengths of the stretches redrawn, in nodes: whole paths when the motion is nearly linear, short ones when
# it is not. Each sweep takes the next.
WHOLE = 1_000_000
STRETCHES = (24, 8, 14, 60)


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

    `paths` (M, N, 7) as in `motion`; `pick` (M, J) the candidate each member gives each sighting;
    `height_right` (M, J); `log_evidence` of the sightings under the scenario; `accepted`, the share of
    redrawn stretches kept at the last rung; `rungs` of the ladder.
    """

    paths: Float64s
    level_km: Float64s
    pick: Int64s
    height_right: Int8s
    log_evidence: float
    accepted: float
    rungs: int


@dataclass(slots=True, eq=False)
class _Members:
    """All that changes while sampling: paths and their linearisation, float levels, readings.

    `misfit` (M,) is half the sum of squares of the reports taken at some reading less the path, whitened.
    """

    paths: Float64s
    lin: Float64s
    level: Float64s
    pick: Int64s
    right: Int8s
    misfit: Float64s

    def take(self, chosen: Int64s) -> None:
        self.paths, self.lin, self.level = self.paths[chosen], self.lin[chosen], self.level[chosen]
        self.pick, self.right = self.pick[chosen], self.right[chosen]


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
    final_sweeps: int = 10,
    progress: Progress | None = None,
) -> Sample:
    """Draw `members` posterior paths over `node_s` and estimate the log evidence.

    `ess_share` sets the height of the rungs: each keeps that share of effective members. `progress` is
    called with the share done, 0 to 1.
    """
    scales = np.array(wander)
    now = _prior_members(air, wander, node_s, candidates, start, members, rng)
    beta, log_evidence, accepted, rungs = 0.0, evidence_at_zero(candidates), 0.0, 0
    draw_latents(candidates, now, beta, rng)
    while beta < 1.0:
        rungs += 1
        # A ladder that no longer climbs would never end; the last rung then takes the rest.
        rung = 1.0 if rungs >= MAX_RUNGS else _next_rung(candidates, now, beta, ess_share * members)
        log_weight = rung_log_weight(candidates, now, beta, rung)
        beta = rung
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        log_evidence += top + float(np.log(weight.mean()))
        now.take(systematic(weight, rng))
        for _ in range(sweeps):
            sweep(air, scales, node_s, candidates, start, now, beta, WHOLE, rng, test=False)
            draw_latents(candidates, now, beta, rng)
        if progress is not None:
            progress(beta**0.25)
    for turn in range(final_sweeps):
        length = STRETCHES[turn % len(STRETCHES)]
        accepted = sweep(air, scales, node_s, candidates, start, now, 1.0, length, rng)
        draw_latents(candidates, now, 1.0, rng)
    return Sample(now.paths, now.level, now.pick, now.right, log_evidence, accepted, rungs)


def sweep(
    air: Air,
    scales: Float64s,
    node_s: Float64s,
    candidates: Candidates,
    start: Start,
    now: _Members,
    beta: float,
    length: int,
    rng: np.random.Generator,
    *,
    test: bool = True,
) -> float:
    """Move all members once: float level given heights, path given readings. Returns the share accepted."""
    members, nodes = now.paths.shape[:2]
    draw_levels(scales, node_s, now.paths[:, :, 4], start, rng.standard_normal((members,)), now.level)
    normals = rng.standard_normal((members, nodes, STATE))
    obs_normals = rng.standard_normal((members, 3 * now.pick.shape[1] + 1))
    edges = np.array(list(_edges(nodes, length, rng)), np.int64)
    log_uniforms = np.full((members, edges.size), -np.inf)
    if test:
        log_uniforms = np.log(rng.random((members, edges.size)))
    kept = np.zeros(members, np.int64)
    begin = np.array([start.x_km, start.y_km, start.sd_km])

    def run(a: int, b: int) -> None:
        _redraw_members(
            *air, scales, node_s, candidates, begin, now.level[a:b], now.paths[a:b], now.lin[a:b],
            now.pick[a:b], now.right[a:b], beta, edges, normals[a:b], obs_normals[a:b], log_uniforms[a:b],
            kept[a:b],
        )  # fmt: skip

    over_members(run, members)
    return float(kept.sum() / (members * (edges.size - 1)))


def simulate(
    air: Air, wander: Wander, node_s: Float64s, state: Float64s, level_km: Float64s, rng: np.random.Generator
) -> Float64s:
    """Run members (M, 7) through the nodes, forward or backward in time; return paths (M, N, 7)."""
    normals = rng.standard_normal((state.shape[0], node_s.size, STATE))
    paths = np.empty(normals.shape)
    paths[:, 0] = state
    nodes, scales = np.ascontiguousarray(node_s), np.array(wander)

    def run(a: int, b: int) -> None:
        run_forward(*air, scales, nodes, level_km[a:b], normals[a:b], paths[a:b])

    over_members(run, state.shape[0])
    return paths


def draw_latents(c: Candidates, now: _Members, beta: float, rng: np.random.Generator) -> None:
    """Draw reading, minute and trust in the height for every sighting and member, in place.

    `now.misfit` becomes that of the draws, which is what the next rung weighs members by.
    """
    uniforms = rng.random((*now.pick.shape, 2))

    def run(a: int, b: int) -> None:
        _draw_latents(c, now.paths[a:b], beta, uniforms[a:b], now.pick[a:b], now.right[a:b], now.misfit[a:b])

    over_members(run, now.pick.shape[0])


def _prior_members(
    air: Air,
    wander: Wander,
    node_s: Float64s,
    candidates: Candidates,
    start: Start,
    members: int,
    rng: np.random.Generator,
) -> _Members:
    """Members drawn from the motion alone."""
    level = start.level_km + start.level_sd_km * rng.standard_normal(members)
    state = np.empty((members, STATE))
    state[:, 0] = start.x_km + start.sd_km * rng.standard_normal(members)
    state[:, 1] = start.y_km + start.sd_km * rng.standard_normal(members)
    state[:, 2:4] = rng.standard_normal((members, 2))
    state[:, 4] = level + wander.height_sd_km * rng.standard_normal(members)
    state[:, 5:] = rng.standard_normal((members, 2))
    paths = simulate(air, wander, node_s, state, level, rng)
    lin = np.empty((members, node_s.size - 1, LIN))
    for m in range(members):
        linearise_path(*air, np.array(wander), node_s, paths[m], lin[m])
    sightings = candidates.first.size - 1
    pick = np.zeros((members, sightings), np.int64)
    return _Members(paths, lin, level, pick, np.ones(pick.shape, np.int8), np.zeros(members))


def _edges(nodes: int, length: int, rng: np.random.Generator) -> Iterator[int]:
    """Ends of the stretches of one sweep: both ends of the path, and cuts with a random offset."""
    yield 0
    if length < nodes:
        yield from range(int(rng.integers(2, length)), nodes - 2, length)
    yield nodes - 1


def systematic(weight: Float64s, rng: np.random.Generator) -> Int64s:
    """Resample indices in proportion to weight with one random offset."""
    edges = np.cumsum(weight) / weight.sum()
    points = (np.arange(weight.size) + rng.random()) / weight.size
    return np.minimum(np.searchsorted(edges, points), weight.size - 1)


def evidence_at_zero(c: Candidates) -> float:
    """Return the log evidence with nothing let in: every Gaussian flat, whatever the path."""
    flat = np.minimum(c.log_norm, np.where(c.node < 0, np.inf, LOG_MISTAKEN))
    by_sighting = np.logaddexp.reduceat(c.log_prior + flat, c.first[:-1])
    return float(by_sighting.sum()) + float(LOG_MISTAKEN_ALT * np.isfinite(c.alt_km).sum())


def rung_log_weight(c: Candidates, now: _Members, beta: float, rung: float) -> Float64s:
    """Return the log of how much more each member's readings weigh at the next rung than at this one."""
    rise = _peak_rises(c.log_norm, LOG_MISTAKEN, 1.0, beta, rung)
    of_place = np.where(c.node < 0, 0.0, rise)[now.pick]
    log_norm = -np.log(c.alt_sd_km) - 0.5 * LOG_2PI
    of_height = _peak_rises(log_norm, LOG_MISTAKEN_ALT, 0.5, beta, rung)
    trusted = (now.right == 1) & np.isfinite(c.alt_km)
    total = of_place.sum(axis=1) + np.where(trusted, of_height, 0.0).sum(axis=1)
    return np.asarray(total - (rung - beta) * now.misfit)


def _peak_rises(log_norm: Float64s, floor: float, half_dims: float, beta: float, rung: float) -> Float64s:
    low = np.minimum(log_norm, floor)
    before, after = (log_norm + half_dims * np.log(max(b, 1e-300)) for b in (beta, rung))
    return np.asarray(np.maximum(after, low) - np.maximum(before, low))


def _next_rung(c: Candidates, now: _Members, beta: float, ess: float) -> float:
    """Highest rung above `beta`, up to 1, that keeps the effective sample size above `ess`."""

    def effective(rung: float) -> float:
        log_weight = rung_log_weight(c, now, beta, rung)
        w = np.exp(log_weight - log_weight.max())
        return float(w.sum() ** 2 / (w @ w))

    if effective(1.0) >= ess:
        return 1.0
    low, high = beta, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= ess else (low, middle)
        if high - low < 1e-3 * (high - beta):
            break
    return max(low, beta * (1.0 + 1e-6) + 1e-12)


@compiled
def _draw_latents(
    c: Candidates,
    paths: Float64s,
    beta: float,
    uniforms: Float64s,
    pick: Int64s,
    height_right: Int8s,
    misfit: Float64s,
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
                        value += LOG_MISTAKEN_ALT
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
            if k >= 0:
                x, y, z = paths[m, k, 0], paths[m, k, 1], paths[m, k, 4]
                top = candidate_log_density(c, chosen, j, c.x_km[j], c.y_km[j], 1.0)
                total += top - candidate_log_density(c, chosen, j, x, y, 1.0)
                good, bad = height_log_densities(c, j, z, beta)
                right = 1 if uniforms[m, j, 1] < 1.0 / (1.0 + np.exp(bad - good)) else 0
                if right == 1 and not np.isnan(c.alt_km[j]):
                    total += 0.5 * ((c.alt_km[j] - z) / c.alt_sd_km[j]) ** 2
            height_right[m, j] = right
        misfit[m] = total


@compiled
def draw_levels(
    scales: Float64s, node_s: Float64s, z: Float64s, start: Start, normals: Float64s, level: Float64s
) -> None:
    """Draw each member's float level given its heights (a conjugate Gaussian update), in place."""
    for m in range(z.shape[0]):
        s2 = scales[2] ** 2
        precision = 1.0 / start.level_sd_km**2 + 1.0 / s2
        mean = start.level_km / start.level_sd_km**2 + z[m, 0] / s2
        for k in range(node_s.size - 1):
            phi = np.exp(-(node_s[k + 1] - node_s[k]) / scales[1])
            gain = (1.0 - phi) / ((1.0 + phi) * s2)
            precision += gain
            mean += gain * (z[m, k + 1] - phi * z[m, k]) / (1.0 - phi)
        level[m] = mean / precision + normals[m] / np.sqrt(precision)


@compiled
def _redraw_members(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: npt.NDArray[np.float32],
    prior_axes: Float64s,
    prior_field: npt.NDArray[np.float32],
    numbers: Float64s,
    scales: Float64s,
    node_s: Float64s,
    c: Candidates,
    begin: Float64s,
    level: Float64s,
    paths: Float64s,
    lin: Float64s,
    pick: Int64s,
    right: Int8s,
    beta: float,
    edges: Int64s,
    normals: Float64s,
    obs_normals: Float64s,
    log_uniforms: Float64s,
    kept: Int64s,
) -> None:
    nodes = node_s.size
    for m in range(paths.shape[0]):
        first, obs = observation_rows(c, nodes, paths[m], pick[m], right[m], beta)
        for e in range(edges.size - 1):
            a, b = edges[e], edges[e + 1]
            pin_first, pin_last = (1.0 if a > 0 else 0.0), (1.0 if b < nodes - 1 else 0.0)
            start = np.array([begin[0], begin[1], begin[2], level[m], pin_first, pin_last])
            accepted = redraw(
                rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, scales,
                node_s[a : b + 1], start, paths[m, a : b + 1], lin[m, a:b], first[a : b + 2], obs,
                normals[m, a : b + 1], obs_normals[m], log_uniforms[m, e],
            )  # fmt: skip
            if accepted:
                kept[m] += 1


@compiled
def observation_rows(
    c: Candidates, nodes: int, path: Float64s, pick: Int64s, right: Int8s, beta: float
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
    return float(dx - TURN_KM * np.round(dx / TURN_KM))

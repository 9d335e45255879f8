"""Exact answers for a made-up problem: winds the same everywhere, reports that are mixtures of Gaussians."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from scipy.special import logsumexp

from overflight.reconstruct.likelihood import MISTAKEN_ALT_RANGE_KM, Candidates
from overflight.reconstruct.motion import Wander
from overflight.reconstruct.sampler import Start


def even_moments(
    wander: Wander, start: Start, node_s: np.ndarray, wind_mps: tuple[float, float], sd_mps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean (N, 3) and covariance (3N, 3N) of x, y, z over the nodes, by plain matrix algebra."""
    n = node_s.size
    hours = (node_s - node_s[0]) / 3600.0
    mean = np.stack(
        [
            start.x_km + 3.6 * wind_mps[0] * hours,
            start.y_km + 3.6 * wind_mps[1] * hours,
            np.full(n, start.level_km),
        ],
        axis=1,
    )
    lag = np.abs(node_s[:, None] - node_s[None, :])
    # The step sees the mean wind error of its two ends: the trapezium rule as a matrix.
    rule = np.zeros((n, n))
    for k in range(1, n):
        rule[k] = rule[k - 1]
        rule[k, k - 1 : k + 1] += 0.5 * (node_s[k] - node_s[k - 1])
    slow = (1.0 - wander.fast_share) * np.exp(-lag / wander.wind_time_s)
    fast = wander.fast_share * np.exp(-lag / wander.fast_time_s)
    carried = (sd_mps / 1e3) ** 2 * rule @ (slow + fast) @ rule.T
    mixed = wander.mixing_km**2 * np.minimum(hours[:, None], hours[None, :])
    place = carried + mixed + start.sd_km**2
    height = wander.height_sd_km**2 * np.exp(-lag / wander.height_time_s) + start.level_sd_km**2
    cov = np.zeros((n, 3, n, 3))
    cov[:, 0, :, 0] = cov[:, 1, :, 1] = place
    cov[:, 2, :, 2] = height
    return mean, cov.reshape(3 * n, 3 * n)


def enumerate_readings(
    c: Candidates, mean: np.ndarray, cov: np.ndarray
) -> Iterator[tuple[tuple[int, ...], tuple[bool, ...], float, np.ndarray, np.ndarray]]:
    """Yield every combination: candidates, right heights, log weight, posterior mean and covariance."""
    sightings = range(c.first.size - 1)
    has_height = [not math.isnan(c.alt_km[j]) for j in sightings]
    for picks in itertools.product(*(range(c.first[j], c.first[j + 1]) for j in sightings)):
        options = [(True, False) if has_height[j] and c.node[picks[j]] >= 0 else (False,) for j in sightings]
        for right in itertools.product(*options):
            log_weight = float(sum(c.log_prior[i] for i in picks))
            rows, values, noise = [], [], []
            for j, i, good in zip(sightings, picks, right, strict=True):
                k = int(c.node[i])
                if has_height[j]:
                    if k < 0 or not good:
                        log_weight -= math.log(MISTAKEN_ALT_RANGE_KM)
                    if k >= 0:
                        log_weight += math.log(1.0 - c.p_alt_wrong[j] if good else c.p_alt_wrong[j])
                if k < 0:
                    log_weight += float(c.log_norm[i])
                    continue
                factor = np.array([[c.whiten[i, 0], 0.0], [c.whiten[i, 1], c.whiten[i, 2]]])
                spread = np.linalg.inv(factor.T @ factor)
                rows += [3 * k, 3 * k + 1]
                values += [c.x_km[j], c.y_km[j]]
                noise.append(spread)
                if good:
                    rows.append(3 * k + 2)
                    values.append(c.alt_km[j])
                    noise.append(np.array([[c.alt_sd_km[j] ** 2]]))
            if not rows:
                yield picks, right, log_weight, mean.ravel(), cov
                continue
            size = len(rows)
            error = np.zeros((size, size))
            at = 0
            for block in noise:
                error[at : at + len(block), at : at + len(block)] = block
                at += len(block)
            inner = cov[np.ix_(rows, rows)] + error
            off = np.array(values) - mean.ravel()[rows]
            log_weight -= 0.5 * (off @ np.linalg.solve(inner, off) + size * math.log(2 * math.pi))
            log_weight -= 0.5 * np.linalg.slogdet(inner)[1]
            gain = cov[:, rows] @ np.linalg.inv(inner)
            yield picks, right, log_weight, mean.ravel() + gain @ off, cov - gain @ cov[rows]


def exact_answer(c: Candidates, mean: np.ndarray, cov: np.ndarray):
    """Return log evidence, probability of every candidate, and the mixture's mean and covariance."""
    combos = list(enumerate_readings(c, mean, cov))
    logs = np.array([log_weight for _, _, log_weight, _, _ in combos])
    log_evidence = float(logsumexp(logs))
    weight = np.exp(logs - log_evidence)
    probability = np.zeros(c.node.size)
    for w, (picks, *_rest) in zip(weight, combos, strict=True):
        probability[list(picks)] += w
    middle = np.asarray(sum(w * m for w, (_, _, _, m, _) in zip(weight, combos, strict=True)))
    spread = np.asarray(
        sum(
            w * (p + np.outer(m - middle, m - middle))
            for w, (_, _, _, m, p) in zip(weight, combos, strict=True)
        )
    )
    return log_evidence, probability, middle, spread

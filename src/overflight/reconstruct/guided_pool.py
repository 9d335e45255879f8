"""Put runs of the guided filter on one flight and model together, as if their particles had run as one.

An evidence is a mean over particles, so the evidence of several runs is their mean, each by its particles. A
further run must count together with the others, never in their place: a run that misses where the
likelihood is high looks steady, and to keep the steadier one would be to keep that miss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.guided import LARGEST_ERROR, WIDE_SCATTER, Filtered


def pool_runs(runs: Sequence[Filtered], particles: Sequence[int], *, seed: int = 0) -> Filtered:
    """Return independent runs with so many `particles` each as one.

    Evidences after each fix are means by particles, draws come from the runs in proportion to particles times
    evidence, and the misses are those of the run that has most of it. The error of the log evidence is the
    largest of three: that of a weighted mean, by the runs' own errors; how far the runs lie apart; and what
    the error of any run makes expected of so many particles.

    Raises ValueError when there is no run, or the nodes of the runs differ.
    """
    if not runs or len(runs) != len(particles):
        raise ValueError("every run needs its number of particles")
    if any(not np.array_equal(run.node_s, runs[0].node_s) for run in runs):
        raise ValueError("runs of different flights cannot be put together")
    share = np.array(particles, float) / float(sum(particles))
    log_z = np.stack([np.cumsum(run.fix_log_density) for run in runs]) + np.log(share)[:, None]
    total = np.logaddexp.reduce(log_z, axis=0)
    weight = np.exp(log_z[:, -1] - total[-1])
    own = math.sqrt(float(np.sum((weight * [run.log_evidence_se for run in runs]) ** 2)))
    # Of runs that agree the weights are the shares of the particles; by how much they miss them is the error
    # of their mean, but for what two or three runs cannot show of it. Where that is no small error the gap
    # between the runs tells, as between batches.
    apart = math.sqrt(float(np.sum((weight - share) ** 2)) / max(1.0 - float(np.sum(share**2)), 1e-9))
    if apart > WIDE_SCATTER:
        apart = max(apart, float(np.ptp(log_z[:, -1] - np.log(share))) / math.sqrt(len(runs)))
    # A run whose batches agree by chance looks steady. An error falls with the root of the particles, so that
    # one that scattered says what the others may have hidden.
    expected = max(run.log_evidence_se * math.sqrt(part) for run, part in zip(runs, share, strict=True))
    heaviest = runs[int(np.argmax(weight))]
    taken = _taken(weight, [len(run.paths) for run in runs], np.random.default_rng([seed, 73]))
    return replace(
        heaviest,
        log_evidence=float(total[-1]),
        log_evidence_se=min(max(own, apart, expected), LARGEST_ERROR),
        fix_log_density=np.diff(total, prepend=0.0),
        paths=np.concatenate([run.paths[rows] for run, rows in zip(runs, taken, strict=True)]),
        readings=np.concatenate([run.readings[rows] for run, rows in zip(runs, taken, strict=True)]),
        parameters=np.concatenate([run.parameters[rows] for run, rows in zip(runs, taken, strict=True)]),
    )


def _taken(
    weight: npt.NDArray[np.float64], held: Sequence[int], rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Choose draws of each run in proportion to the weights, as many in all as a run holds at most."""
    count = max(held)
    edges = np.floor(np.cumsum(np.append(0.0, weight / weight.sum())) * count + rng.random())
    wanted = np.diff(np.minimum(edges, count)).astype(int)
    wanted[int(np.argmax(weight))] += count - int(wanted.sum())
    # A run that is wanted more often than it has draws gives some of them again.
    return [
        np.sort(rng.permutation(has)[:n] if n <= has else rng.integers(0, has, n))
        for n, has in zip(wanted, held, strict=True)
    ]

"""Runs of the guided filter put together: closed forms of a weighted mean, and a run of all particles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from overflight.reconstruct.guided import PARAMETERS, Filtered
from overflight.reconstruct.guided_pool import pool_runs


def run(log_evidence: float, se: float = 0.1, mark: float = 0.0):
    """A run of two fixes whose first tells nothing, its hundred draws marked."""
    return Filtered(
        log_evidence, se, np.array([0.0, log_evidence]), np.array([np.nan, 1.0]), np.array([np.nan, 1.0]),
        np.arange(5) * 3600.0, np.full((100, 5, 8), mark), np.zeros((100, 2), np.int8),
        np.ones((100, len(PARAMETERS))), np.ones(5),
    )  # fmt: skip


def test_evidence_is_a_mean_by_particles() -> None:
    pooled = pool_runs([run(math.log(2.0)), run(math.log(5.0))], [100, 300])
    assert pooled.log_evidence == pytest.approx(math.log(0.25 * 2.0 + 0.75 * 5.0))
    assert pooled.fix_log_density.sum() == pytest.approx(pooled.log_evidence)


def test_draws_come_in_proportion_to_particles_times_evidence() -> None:
    pooled = pool_runs([run(math.log(3.0), mark=1.0), run(math.log(1.0), mark=2.0)], [100, 100])
    assert len(pooled.paths) == 100
    assert int((pooled.paths[:, 0, 0] == 1.0).sum()) == pytest.approx(75, abs=1)


def test_a_steady_run_does_not_hide_what_another_found() -> None:
    # Four times the particles that all missed what the first run hit upon: the evidence is the mean, and
    # its error says that it hangs on the first.
    pooled = pool_runs([run(10.0, se=0.9), run(0.0, se=0.05)], [100, 400])
    assert pooled.log_evidence == pytest.approx(10.0 + math.log(0.2), abs=1e-3)
    assert pooled.log_evidence_se > 0.9
    assert pooled.log_evidence_se == pytest.approx(10.0 / math.sqrt(2.0))
    assert pool_runs([run(0.0, se=0.2), run(0.0, se=0.1)], [100, 400]).log_evidence_se == pytest.approx(
        math.hypot(0.2 * 0.2, 0.8 * 0.1)
    )


def test_runs_that_agree_by_chance_do_not_hide_that_one_scattered() -> None:
    # An error falls with the root of the particles: of 13 for 2000 of them 2.8 is left for 42,000.
    pooled = pool_runs([run(0.0, se=13.0), run(0.2, se=0.6), run(-0.1, se=0.4)], [2000, 8000, 32000])
    assert pooled.log_evidence_se == pytest.approx(13.0 * math.sqrt(2.0 / 42.0))


def test_the_distance_of_runs_measures_the_error_of_their_mean() -> None:
    """Means of 200 and 800 numbers with a standard deviation of 0.3 each: 0.3 / sqrt(1000)."""
    rng = np.random.default_rng(5)
    told = []
    for _ in range(1500):
        means = [rng.normal(1.0, 0.3, n).mean() for n in (200, 800)]
        told.append(pool_runs([run(math.log(m), se=0.0) for m in means], [200, 800]).log_evidence_se)
    assert math.sqrt(float(np.mean(np.square(told)))) == pytest.approx(0.3 / math.sqrt(1000.0), rel=0.06)


def test_draws_that_were_sifted_do_not_make_draws_few() -> None:
    first = run(math.log(3.0), mark=1.0)
    few = replace(
        first, paths=first.paths[:15], readings=first.readings[:15], parameters=first.parameters[:15]
    )
    pooled = pool_runs([few, run(0.0, mark=2.0)], [100, 100])
    assert len(pooled.paths) == 100
    assert int((pooled.paths[:, 0, 0] == 1.0).sum()) == pytest.approx(75, abs=1)


def test_runs_of_other_flights_are_refused() -> None:
    other = replace(run(0.0), node_s=np.arange(5) * 60.0)
    with pytest.raises(ValueError, match="different flights"):
        pool_runs([run(0.0), other], [1, 1])
    with pytest.raises(ValueError, match="number of particles"):
        pool_runs([run(0.0)], [1, 2])

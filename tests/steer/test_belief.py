"""What the verdict believes of the wind error, by where the winds are from."""

from __future__ import annotations

import math

import pytest
from made_steering import made_grid, turning

from overflight.steer.evidence import belief_of
from overflight.winds.choose import CaseWinds
from overflight.winds.error import ANALYSIS_SIZE_LOG_SD, ANALYSIS_SIZE_MPS, STATED_SIZE_LOG_SD, believed_size


def winds(**more) -> CaseWinds:
    grid = made_grid(turning, 1.0)
    return CaseWinds(prior=grid, **{"own": grid, "used": "files"} | more)


def test_winds_that_state_all_of_their_error_are_taken_at_their_word() -> None:
    belief = belief_of(winds(error_mps=(0.0, 0.0)))
    assert (belief.factor, belief.factor_log_sd) == (1.0, STATED_SIZE_LOG_SD)


def test_so_is_the_climatology() -> None:
    belief = belief_of(winds(own=None, used="prior", error_mps=(3.0, 3.0)))
    assert (belief.factor, belief.factor_log_sd) == (1.0, STATED_SIZE_LOG_SD)


def test_an_analysis_has_the_error_that_analyses_have() -> None:
    # The factor is of what the kernel adds: the root mean square of 3 and 4 m/s.
    belief = belief_of(winds(error_mps=(3.0, 4.0)))
    assert belief.factor * math.sqrt(12.5) == pytest.approx(ANALYSIS_SIZE_MPS)
    assert belief.factor_log_sd == ANALYSIS_SIZE_LOG_SD


def test_what_the_case_states_counts_beside_it() -> None:
    belief = belief_of(winds(error_mps=(2.0, 2.0), error_stated=True))
    size_mps, log_sd = believed_size(2.0)
    assert (2.0 * belief.factor, belief.factor_log_sd) == (pytest.approx(size_mps), log_sd)
    assert 2.0 < size_mps < ANALYSIS_SIZE_MPS

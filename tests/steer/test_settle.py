"""Weighing again where the error of the computation could change the verdict."""

from __future__ import annotations

import numpy as np
import pytest
from made_steering import PLAIN, flown, made_grid, turning
from made_weighed import ABLE, UNABLE, made_filtered, made_weighed

from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import make_air
from overflight.steer.evidence import weigh
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.settle import GROWTH, in_question, is_held_back, is_open, weigh_until_settled


def weighed_of(told, reach=ABLE):
    return made_weighed(filtered=[made_filtered(value, se) for value, se in told], reach=reach)


CLEAR, OPEN = (0.0, 0.1), (0.0, 0.8)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((CLEAR, CLEAR, (8.0, 0.1), CLEAR, CLEAR), True),  # steered, sure in one run: confirmed by another
        (((8.0, 0.1), CLEAR, CLEAR, CLEAR, CLEAR), False),  # drifted, sure in one run
        ((CLEAR,) * 5, False),  # even, and known to be
        (((-1.0, 0.8), (-1.0, 0.8), (0.5, 0.8), (0.5, 0.8), CLEAR), True),  # 0.82, within the error
        (((7.0, 2.0), CLEAR, (12.0, 0.1), CLEAR, CLEAR), True),  # a scattered rival is not beaten
    ],
)
def test_a_verdict_is_open_where_the_computation_could_turn_it(told, expected: bool) -> None:
    assert is_open(weighed_of(told), 0.85) is expected


SCATTERED = ((7.0, 2.0), CLEAR, (12.0, 0.1), CLEAR, CLEAR)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (SCATTERED, True),  # the odds are there, the rival is not beaten
        ((CLEAR, CLEAR, (8.0, 0.1), CLEAR, CLEAR), False),  # the word is given
        (((-1.0, 0.8), (-1.0, 0.8), (0.5, 0.8), (0.5, 0.8), CLEAR), False),  # the odds are not there
        ((CLEAR,) * 5, False),
    ],
)
def test_a_word_with_the_odds_is_held_back_by_the_computation_alone(told, expected: bool) -> None:
    assert is_held_back(weighed_of(told), 0.85) is expected


def test_what_winds_and_data_do_not_allow_is_not_computed_closer() -> None:
    drift = ((1.2, 0.5), (1.2, 0.5), (-1.0, 0.5), (-1.0, 0.5), (-9.0, 0.1))
    assert is_open(weighed_of(drift), 0.85)
    assert not is_open(weighed_of(drift, UNABLE), 0.85)
    assert not is_open(weighed_of(drift), 0.85, accusing_only=True)


def test_only_what_moves_a_posterior_is_weighed_again() -> None:
    told = (OPEN, CLEAR, OPEN, (-30.0, 0.8), (-9.0, 3.0))
    assert in_question(weighed_of(told), 0.85) == [0, 2, 4]


def test_a_word_against_drifting_is_not_given_before_drifting_was_weighed_twice() -> None:
    told = ((-9.0, 0.1), (-9.0, 0.1), OPEN, CLEAR, (-30.0, 0.1))
    assert in_question(weighed_of(told), 0.85) == [0, 1, 2]


def test_runs_are_added_and_the_first_stays_as_it_was() -> None:
    air = make_air(PLAIN, made_grid(turning, 1.0))
    # Propulsion weak enough that few particles leave the verdict open.
    fixes = flown(air, error_mps=1.0, hours=48, every_h=2, seed=1, push=lambda t: (0.0, 3.0))
    how = {"particles": 200, "seed": 1, "draws": 20}
    first = weigh(DEFAULT_HYPOTHESES, fixes, air, WindErrorBelief(), PLAIN, **how)
    assert is_open(first, 0.85)
    same, alone = weigh_until_settled(
        DEFAULT_HYPOTHESES, fixes, air, WindErrorBelief(), PLAIN, further=False, **how
    )
    assert np.array_equal(same.log_evidence, first.log_evidence)
    assert set(alone) == {200}
    found, used = weigh_until_settled(DEFAULT_HYPOTHESES, fixes, air, WindErrorBelief(), PLAIN, **how)
    assert set(used) <= {200, 200 * (1 + GROWTH), 200 * (1 + GROWTH + GROWTH**2)}
    again = np.array(used) > 200
    assert again.any()
    assert np.array_equal(found.log_evidence[~again], first.log_evidence[~again])
    assert (found.se[again] < first.se[again]).mean() > 0.5
    # Five times the particles in one run are the same evidence, within the errors of both.
    whole = weigh(DEFAULT_HYPOTHESES, fixes, air, WindErrorBelief(), PLAIN, particles=4000, seed=2, draws=20)
    off = (found.log_evidence - whole.log_evidence) / np.hypot(found.se, whole.se)
    assert np.abs(off[again]).max() < 3.5

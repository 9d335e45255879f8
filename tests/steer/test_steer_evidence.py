"""Posterior from evidence, with its Monte Carlo error."""

from __future__ import annotations

import numpy as np
import pytest
from made_weighed import made_filtered, made_weighed

from overflight.errors import InputError
from overflight.steer.evidence import (
    posterior_bounds,
    posterior_draws,
    posterior_of,
    side_odds,
    side_posterior,
    sound,
    weigh,
)
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES


def test_posterior_is_prior_times_evidence() -> None:
    # By hand: 0.2 e^0 against 0.8 e^-1.
    expected = 0.2 / (0.2 + 0.8 * np.exp(-1.0))
    assert posterior_of([0.2, 0.8], [-700.0, -701.0])[0] == pytest.approx(expected, rel=1e-12)


def test_equal_evidence_gives_back_the_prior() -> None:
    weighed = made_weighed()
    np.testing.assert_allclose(weighed.posterior, [h.prior for h in DEFAULT_HYPOTHESES], rtol=1e-3)
    middle, _, _ = side_posterior(weighed)
    assert middle == pytest.approx((0.475, 0.475, 0.05), rel=1e-3)


def test_bounds_widen_with_the_error_of_the_evidence() -> None:
    narrow, wide = made_weighed((0, 0, 3, 3, 0), se=0.01), made_weighed((0, 0, 3, 3, 0), se=1.0)
    for weighed, least, most in ((narrow, 0.0, 0.02), (wide, 0.05, 0.6)):
        _, low, high = side_posterior(weighed)
        assert least <= high[1] - low[1] <= most
        below, above = posterior_bounds(weighed)
        assert (below <= weighed.posterior).all()
        assert (above >= weighed.posterior).all()


def test_a_poor_computation_brings_odds_nearer_to_even() -> None:
    sure, unsure = (made_weighed((0, 0, 4, 4, 0), se=se) for se in (0.01, 2.0))
    assert side_posterior(sure)[0][1] > 0.97
    assert 0.55 < side_posterior(unsure)[0][1] < 0.95


def test_the_logarithm_of_an_estimate_is_low_by_half_its_variance() -> None:
    # An estimate that is right in the mean and log-normal with an error of one nat has its logarithm low
    # by a half.
    one = [made_filtered(-0.5, 1.0)] + [made_filtered(0.0, 1e-6)] * 4
    drawn = posterior_draws(made_weighed(filtered=one))[:, 0]
    assert np.median(drawn) == pytest.approx(DEFAULT_HYPOTHESES[0].prior, abs=0.01)


def test_log_odds_and_their_error_by_hand() -> None:
    # Two hypotheses a side, alike in each: the error of a mean of two is 1/sqrt(2) of one's.
    odds, error = side_odds(made_weighed((0, 0, 2, 2, 0), se=0.5))
    assert odds == pytest.approx(2.0)
    assert error == pytest.approx(0.5, rel=1e-6)


def test_runaway_draws_are_left_out_and_some_always_stay() -> None:
    paths = np.zeros((20, 5, 8))
    paths[:6, 2, 3] = 500.0
    assert len(sound(made_filtered(paths=paths)).paths) == 14
    paths[:, 2, 3] = 500.0 + np.arange(20)
    assert len(sound(made_filtered(paths=paths)).paths) == 10


def test_no_hypothesis_is_refused() -> None:
    with pytest.raises(InputError, match="no hypothesis"):
        weigh((), None, None, None, None)  # type: ignore[arg-type]  # nothing is read before the check

"""Ratios of likelihoods of the sides: closed forms, no prior odds in them, and what is said of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from made_weighed import ABLE, made_filtered, made_weighed

from overflight.steer.evidence import Weighed, side_posterior, weighed_from
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, SIDES
from overflight.steer.ratios import Ratio, ratio_row, ratios_of, told

# In the order of the default hypotheses: two that drift, two that are steered, one of no wind.
EVIDENCE = (-120.0, -118.0, -116.0, -117.5, -125.0)


def weighed_with(prior, log_evidence=EVIDENCE, se: float = 0.0) -> Weighed:
    hypotheses = [replace(h, prior=p) for h, p in zip(DEFAULT_HYPOTHESES, prior, strict=True)]
    return weighed_from(hypotheses, [made_filtered(x, se) for x in log_evidence], ABLE)


def steered(weighed: Weighed) -> Ratio:
    return next(one for one in ratios_of(weighed) if one.side == "steered")


def log_of(low: float, middle: float, high: float, side="steered") -> Ratio:
    return Ratio(side=side, log=math.log(middle), log_low=math.log(low), log_high=math.log(high))


def test_within_a_side_the_prior_shares_average_the_evidences() -> None:
    one = steered(weighed_with((0.1, 0.3, 0.2, 0.35, 0.05)))
    top = (0.2 * math.exp(-116.0) + 0.35 * math.exp(-117.5)) / 0.55
    base = (0.1 * math.exp(-120.0) + 0.3 * math.exp(-118.0)) / 0.4
    assert (one.log_low, one.log, one.log_high) == pytest.approx((math.log(top / base),) * 3, abs=1e-12)


def test_prior_odds_of_the_sides_do_not_count_and_the_shares_within_do() -> None:
    even = ratios_of(weighed_with((0.2, 0.2, 0.2, 0.2, 0.2), se=0.4))
    for_drift = ratios_of(weighed_with((0.4, 0.4, 0.09, 0.09, 0.02), se=0.4))
    for a, b in zip(even, for_drift, strict=True):
        assert (a.log, a.log_low, a.log_high) == pytest.approx((b.log, b.log_low, b.log_high), abs=1e-9)
    shares = steered(weighed_with((0.2, 0.2, 0.38, 0.02, 0.2)))
    assert abs(shares.log - steered(weighed_with((0.2,) * 5)).log) > 0.3


def test_posterior_odds_are_prior_odds_times_the_ratio() -> None:
    prior = (0.1, 0.3, 0.2, 0.35, 0.05)
    weighed = weighed_with(prior)
    p = dict(zip(SIDES, side_posterior(weighed)[0], strict=True))
    for one in ratios_of(weighed):
        before = {"steered": 0.55, "not wind": 0.05}[one.side] / 0.4
        assert p[one.side] / p["passive"] == pytest.approx(before * math.exp(one.log), rel=1e-9)


def test_the_error_is_that_of_the_evidences() -> None:
    # One hypothesis a side, so that the log of the ratio is normal with both errors in it.
    weighed = made_weighed((0.0, -900.0, 3.0, -900.0, -900.0), se=0.3)
    one = steered(weighed)
    wide = 1.645 * math.hypot(0.3, 0.3)
    assert one.log == pytest.approx(3.0, abs=0.03)
    assert (one.log_low, one.log_high) == pytest.approx((3.0 - wide, 3.0 + wide), abs=0.05)


def test_evidences_too_far_apart_for_a_posterior_still_have_a_ratio() -> None:
    weighed = made_weighed((-9000.0, -9000.0, -8000.0, -8000.0, 0.0), se=0.1)
    assert [round(one.log, -1) for one in ratios_of(weighed)] == [1000.0, 9000.0]
    row = ratio_row(ratios_of(weighed)[0])
    assert json.loads(json.dumps(row, allow_nan=False))["log"]["p50"] == pytest.approx(1000.0, abs=0.2)


def test_a_side_that_was_not_weighed_has_no_ratio() -> None:
    assert ratios_of(weighed_with((0.0, 0.0, 0.5, 0.4, 0.1))) == ()
    assert [one.side for one in ratios_of(weighed_with((0.5, 0.2, 0.0, 0.0, 0.3)))] == ["not wind"]
    assert told((), range_only=False) == ""


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (log_of(8, 12, 19), "12 times (8 to 19) as probable if it was steered as if it drifted"),
        (log_of(1 / 19, 1 / 12, 1 / 8), "12 times (8 to 19) as probable if it drifted as if it was steered"),
        (log_of(0.62, 1.5, 4.04), "1.5 times (0.62 to 4) as probable if it was steered as if it drifted"),
        (log_of(3390, 3400, 3410), "3,400 times as probable if it was steered as if it drifted"),
        (log_of(2e6, 3e7, 4e8), "more than a million times as probable if it was steered"),
        (log_of(20, 3e3, 4e8), "3,000 times (20 or more) as probable if it was steered"),
        (log_of(0.8, 1.0, 1.3), "about as probable (0.8 to 1.3) if it was steered as if it drifted"),
        (log_of(0.999, 1.0, 1.001), "about as probable if it was steered as if it drifted"),
        (log_of(5, 6, 7, "not wind"), "6 times (5 to 7) as probable if no wind moved it as if it drifted"),
    ],
)
def test_a_ratio_is_said_for_the_likelier_side(ratio: Ratio, words: str) -> None:
    assert words in told([ratio], range_only=False)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (log_of(0.3, 1.1, 4), "are 0.3 to 4 times as probable if it was steered as if it drifted."),
        (log_of(0.1, 0.2, 0.5), "are 2 to 10 times as probable if it drifted as if it was steered."),
        (log_of(1e-9, 1.0, 1e9), "are anything to more than a million times as probable if it was steered"),
        (log_of(1e-9, 0.2, 3), "are up to 3 times as probable if it was steered as if it drifted."),
    ],
)
def test_a_range_alone_has_no_middle(ratio: Ratio, words: str) -> None:
    text = told([ratio], range_only=True)
    assert words in text
    assert "within the error of the computation" in text
    assert "(" not in text

"""What would decide: information that is never negative, and none where hypotheses foretell alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_steering import HOUR, even_air
from made_weighed import made_filtered, made_weighed

from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.models import WindErrorBelief
from overflight.steer.decide import Option, decide, entropy_bits, gain_bits, mixture_information
from overflight.steer.findings import option_words
from overflight.steer.when import PUSH_X, X, Z

BELIEF = WindErrorBelief()


def test_entropy_of_even_odds_is_a_bit() -> None:
    assert entropy_bits([0.5, 0.5, 0.0]) == pytest.approx(1.0)
    assert entropy_bits([1.0, 0.0]) == 0.0


def test_information_of_two_far_places_is_all_that_is_open() -> None:
    fits = [(np.array([0.0]), np.eye(1)), (np.array([50.0]), np.eye(1))]
    told = mixture_information(np.array([0.3, 0.7]), ["a", "b"], fits) / math.log(2.0)
    assert told == pytest.approx(entropy_bits([0.3, 0.7]), rel=1e-9)


def test_information_of_two_near_places_against_the_integral() -> None:
    # Two unit normals two apart, even odds, by the trapezoidal rule on a fine grid.
    y = np.linspace(-12.0, 14.0, 20001)
    p, q = (np.exp(-0.5 * (y - m) ** 2) / math.sqrt(2 * math.pi) for m in (0.0, 2.0))
    mix = 0.5 * (p + q)
    expected = np.trapezoid(0.5 * p * np.log(p / mix) + 0.5 * q * np.log(q / mix), y)
    fits = [(np.array([0.0]), np.eye(1)), (np.array([2.0]), np.eye(1))]
    assert mixture_information(np.array([0.5, 0.5]), ["a", "b"], fits) == pytest.approx(expected, rel=2e-3)


def test_nothing_is_gained_where_hypotheses_foretell_alike() -> None:
    drawn = np.random.default_rng(1).standard_normal((200, 2))
    assert gain_bits(np.array([0.5, 0.5]), ["a", "b"], [drawn, drawn], 1.0) == 0.0
    # Unlike draws of one distribution seem to differ; what chance adds is taken off.
    other = np.random.default_rng(2).standard_normal((200, 2))
    assert gain_bits(np.array([0.5, 0.5]), ["a", "b"], [drawn, other], 1.0) < 0.01


def test_hypotheses_of_one_side_are_not_told_apart() -> None:
    rng = np.random.default_rng(3)
    drawn = [rng.standard_normal((200, 1)), 50.0 + rng.standard_normal((200, 1))]
    assert gain_bits(np.array([0.5, 0.5]), ["a", "a"], drawn, 1.0) == 0.0


@given(
    p=st.floats(0.01, 0.99),
    shift=st.floats(-50.0, 50.0),
    wide=st.floats(0.01, 30.0),
    sd=st.floats(0.1, 100.0),
    seed=st.integers(0, 1000),
)
def test_gains_are_never_negative_nor_above_what_is_open(
    p: float, shift: float, wide: float, sd: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    drawn = [rng.standard_normal((50, 2)), shift + wide * rng.standard_normal((50, 2))]
    gain = gain_bits(np.array([p, 1.0 - p]), ["a", "b"], drawn, sd)
    assert 0.0 <= gain <= entropy_bits([p, 1.0 - p]) + 1e-12


def test_a_fix_tells_most_when_the_paths_have_parted() -> None:
    # Drifting and steered paths part after 24 h, and steered ones go on with their push after the flight.
    node_s = np.arange(49) * HOUR
    rng = np.random.default_rng(4)
    drift = np.zeros((100, 49, 8))
    drift[:, :, Z] = 18.0
    drift[:, :, X] = 10e-3 * node_s + rng.normal(0.0, 10.0, (100, 1))
    pushed = drift.copy()
    pushed[:, :, X] += 3e-3 * np.maximum(node_s - 24 * HOUR, 0.0) + rng.normal(0.0, 10.0, (100, 1))
    pushed[:, :, PUSH_X] = 3.0
    filtered = [made_filtered(paths=paths, node_s=node_s) for paths in (drift, drift, drift, pushed, drift)]
    weighed = made_weighed((0, 0, -30, 1, -30), filtered=filtered)
    found = decide(weighed, even_air(10.0, sd_mps=0.5), BELIEF, seed=1)
    assert all(o.gain_bits >= 0.0 for o in found.options)
    gains = {o.time_s: o.gain_bits for o in found.options if o.kind == "fix"}
    assert gains[node_s[-1]] > 0.3 > 0.1 > gains[0.0]
    best = found.best("fix")
    assert best is not None
    assert best.time_s >= 40 * HOUR


def test_the_options_reach_beyond_the_flight() -> None:
    node_s = np.arange(5) * HOUR
    paths = np.zeros((30, 5, 8))
    paths[:, :, Z] = 18.0
    weighed = made_weighed(filtered=[made_filtered(paths=paths, node_s=node_s)] * 5)
    times = {o.time_s for o in decide(weighed, even_air(10.0), BELIEF).options if o.kind == "fix"}
    assert max(times) == pytest.approx(node_s[-1] + 24 * HOUR)


def test_a_place_known_to_no_part_of_the_earth_is_anywhere() -> None:
    option = Option(
        kind="fix",
        time_s=0.0,
        gain_bits=0.5,
        places=(("passive", 0.0, 0.0, 117.0), ("not wind", 0.0, 0.0, 9e4)),
    )
    words = option_words(option, fit_frame(np.array([-110.0, -100.0]), np.array([46.0, 46.0])))
    assert "(±117 km) if it drifted; anywhere if no wind moved it." in words

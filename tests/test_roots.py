"""Event search against functions whose crossings are known, and against what must not be reported."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from overflight.errors import LimitError, OverflightError
from overflight.roots import Crossing, find_crossings, sampled_crossings

Float64s = npt.NDArray[np.float64]

T0 = 1.675e9  # A POSIX second of 2023, so that the tolerance is tried at the size it is used at.
MILLISECOND_S = 1e-3

proof = settings(deadline=None, derandomize=True, max_examples=200)


def line(*points: tuple[float, float]):
    """Return the function that joins points (time, value) by straight lines."""
    time, value = np.array(points, dtype=float).T
    return lambda t: np.interp(t, time, value)


def times(crossings: list[Crossing]) -> list[float]:
    return [crossing.time_s for crossing in crossings]


def test_sine_crosses_at_multiples_of_half_its_period() -> None:
    day_s = 86400.0
    found = find_crossings(
        lambda t: np.sin(2 * np.pi * (t - T0) / day_s), T0 + 1.0, T0 + 3.1 * day_s, 3600.0, MILLISECOND_S
    )
    assert times(found) == pytest.approx([T0 + k * day_s / 2 for k in range(1, 7)], abs=MILLISECOND_S, rel=0)
    assert [c.rising for c in found] == [False, True, False, True, False, True]


def test_a_curved_function_is_bracketed_within_the_tolerance() -> None:
    def curve(t: Float64s) -> Float64s:
        return np.exp(t / 20.0) - 30.0 - t / 3.0

    found = find_crossings(curve, 0.0, 100.0, 7.0, 1e-9)
    peer = brentq(curve, 0.0, 100.0, xtol=1e-12)
    assert times(found) == pytest.approx([peer], abs=1e-9, rel=0)


def test_tolerance_finer_than_the_clock_still_ends() -> None:
    found = find_crossings(lambda t: t - (T0 + 1 / 3), T0, T0 + 10, 1.0, 1e-300)
    assert times(found) == pytest.approx([T0 + 1 / 3], abs=1e-6, rel=0)


def test_a_jump_is_a_crossing_at_the_jump() -> None:
    found = find_crossings(lambda t: np.where(t < T0 + 123.456, -1.0, 5.0), T0, T0 + 600, 60.0, MILLISECOND_S)
    assert times(found) == pytest.approx([T0 + 123.456], abs=MILLISECOND_S, rel=0)


@pytest.mark.parametrize("step", [0.25, 0.3, 1.0])
def test_touches_are_not_crossings(step: float) -> None:
    from_below = line((0, -1), (1, 0), (2, -1), (3, -1))
    from_above = line((0, 1), (1, 0), (2, 0), (3, 1))
    assert find_crossings(from_below, 0.0, 3.0, step, 1e-6) == []
    assert find_crossings(from_above, 0.0, 3.0, step, 1e-6) == []


def test_starting_or_ending_at_zero_is_not_a_crossing() -> None:
    assert find_crossings(lambda t: t, 0.0, 5.0, 1.0, 1e-6) == []
    assert find_crossings(lambda t: t - 5.0, 0.0, 5.0, 1.0, 1e-6) == []
    assert find_crossings(lambda t: 0.0 * t, 0.0, 5.0, 1.0, 1e-6) == []


def test_a_zero_on_a_sample_is_one_crossing_there() -> None:
    found = find_crossings(lambda t: t - 2.0, 0.0, 5.0, 1.0, 1e-9)
    assert [(pytest.approx(2.0, abs=1e-9), True)] == [(c.time_s, c.rising) for c in found]


def test_a_rest_at_zero_is_crossed_when_it_ends() -> None:
    rest = line((0, -1), (1, 0), (3, 0), (4, 1), (5, 1))
    assert times(find_crossings(rest, 0.0, 5.0, 0.5, 1e-9)) == pytest.approx([3.0], abs=1e-8)


def test_a_gap_hides_a_crossing() -> None:
    def gap(t: Float64s) -> Float64s:
        return np.where((t > 4.0) & (t < 6.0), np.nan, t - 5.0)

    assert find_crossings(gap, 0.0, 10.0, 1.0, 1e-6) == []
    # A gap narrower than the step is met when the bracket closes on it, wherever in it the crossing lies.
    for middle in (3.9, 4.5, 5.0, 5.5, 6.1):
        narrow = partial(lambda t, m: np.where(np.abs(t - m) < 1.2, np.nan, t - 5.0), m=middle)
        assert find_crossings(narrow, 0.0, 10.0, 10.0, 1e-6) == []


def test_other_crossings_survive_beside_a_gap() -> None:
    def gap(t: Float64s) -> Float64s:
        assert np.isfinite(t).all()
        return np.where(np.abs(t - np.pi) < 0.01, np.nan, np.sin(t))

    found = find_crossings(gap, 1.0, 13.0, 1.0, 1e-9)
    assert times(found) == pytest.approx([2 * np.pi, 3 * np.pi, 4 * np.pi], abs=1e-9)


def test_a_long_step_sees_no_pair_of_crossings_and_a_short_one_does() -> None:
    dip = line((0, 1), (4, 1), (5, -1), (6, 1), (10, 1))
    assert find_crossings(dip, 0.0, 10.0, 4.0, 1e-6) == []
    assert times(find_crossings(dip, 0.0, 10.0, 0.5, 1e-9)) == pytest.approx([4.5, 5.5], abs=1e-8)


def test_an_interval_of_no_length_has_no_crossing() -> None:
    assert find_crossings(lambda t: t - T0, T0, T0, 60.0, 1.0) == []


@pytest.mark.parametrize(
    "bounds",
    [
        (1.0, 0.0, 1.0, 1.0),
        (0.0, 1.0, 0.0, 1.0),
        (0.0, 1.0, -1.0, 1.0),
        (0.0, 1.0, 1.0, 0.0),
        (math.nan, 1.0, 1.0, 1.0),
        (0.0, math.inf, 1.0, 1.0),
    ],
)
def test_unusable_bounds_are_refused(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(OverflightError, match="cannot search"):
        find_crossings(np.sin, *bounds)


def test_a_search_that_would_never_end_is_refused() -> None:
    with pytest.raises(LimitError, match="longer step"):
        find_crossings(np.sin, 0.0, 1e9, 1e-3, 1e-6)


def test_a_function_of_one_time_only_is_refused_with_the_remedy() -> None:
    with pytest.raises(OverflightError, match="array of times"):
        find_crossings(lambda t: 1.0, 0.0, 10.0, 1.0, 1e-3)


@given(st.lists(st.floats(min_value=0.5, max_value=50.0), min_size=1, max_size=6))
@proof
def test_a_polynomial_gives_back_its_roots(gaps: list[float]) -> None:
    roots = np.cumsum(gaps)

    def sign_changes(t: Float64s) -> Float64s:
        return np.prod([np.tanh(t - root) for root in roots], axis=0)

    found = find_crossings(sign_changes, 0.0, float(roots[-1] + 1.0), 0.2, 1e-9)
    assert times(found) == pytest.approx(list(roots), abs=1e-6, rel=0)
    assert all(a.rising != b.rising for a, b in itertools.pairwise(found))


@given(st.lists(st.floats(min_value=-1e3, max_value=1e3), min_size=2, max_size=20))
@proof
def test_sampled_and_searched_agree_on_straight_lines(values: list[float]) -> None:
    # Values near zero make the place of the crossing a matter of the last bits of np.interp.
    assume(all(v == 0 or abs(v) > 1e-3 for v in values))
    time = np.arange(len(values), dtype=float)
    sampled = sampled_crossings(time, values)
    searched = find_crossings(lambda t: np.interp(t, time, values), 0.0, time[-1], 1.0, 1e-9)
    assert times(searched) == pytest.approx(list(sampled.time_s), abs=1e-6, rel=0)
    assert [c.rising for c in searched] == sampled.rising.tolist()


def test_sampled_members_have_gaps_touches_and_uneven_times() -> None:
    nan = np.nan
    time = np.array([0.0, 10.0, 40.0, 50.0, 60.0])
    value = np.array(
        [
            [-1.0, 1.0, 2.0, -2.0, -1.0],  # in at 5, out at 45
            [-1.0, nan, 1.0, 1.0, 1.0],  # hidden by the gap
            [-1.0, 0.0, -1.0, 0.0, 0.0],  # touches, and ends at zero
            [nan, 0.0, 1.0, 0.0, -3.0],  # zero after a gap has no side; out when it leaves zero
            [nan, nan, -1.0, 3.0, nan],  # in at 42.5
        ]
    )
    found = sampled_crossings(time, value)
    assert found.row.tolist() == [0, 0, 3, 4]
    assert found.time_s.tolist() == [5.0, 45.0, 50.0, 42.5]
    assert found.rising.tolist() == [True, False, False, True]
    assert found.segment.tolist() == [0, 2, 3, 2]
    assert found.fraction.tolist() == [0.5, 0.5, 0.0, 0.25]


def test_sampled_row_is_the_flat_index_of_the_leading_axes() -> None:
    value = np.full((2, 3, 4), -1.0)
    value[1, 2, 2:] = 1.0
    found = sampled_crossings(np.arange(4.0), value)
    assert [tuple(map(int, np.unravel_index(r, (2, 3)))) for r in found.row] == [(1, 2)]
    assert found.time_s.tolist() == [1.5]


def test_sampled_survives_the_ends_of_the_floats() -> None:
    found = sampled_crossings([0.0, 1.0, 2.0, 3.0], [-1.7e308, 1.7e308, -5e-324, 5e-324])
    np.testing.assert_allclose(found.time_s, [0.5, 2.0, 2.5], rtol=1e-12)


@pytest.mark.parametrize("samples", [0, 1])
def test_sampled_with_nothing_to_join(samples: int) -> None:
    assert sampled_crossings(np.arange(float(samples)), np.zeros((3, samples))).time_s.size == 0


def test_sampled_refuses_axes_that_do_not_fit() -> None:
    with pytest.raises(OverflightError, match="time last"):
        sampled_crossings(np.arange(3.0), np.zeros((3, 4)))
    with pytest.raises(OverflightError, match="time last"):
        sampled_crossings(0.0, 1.0)


@pytest.mark.parametrize("time", [[0.0, 0.0], [1.0, 0.0], [0.0, np.nan]])
def test_sampled_refuses_times_that_do_not_increase(time: list[float]) -> None:
    with pytest.raises(OverflightError, match="increase"):
        sampled_crossings(time, [1.0, -1.0])

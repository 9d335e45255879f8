"""The table of P.528 against the published examples, the method itself, and what the standard limits.

"Reference" is the project's table of reference numbers, section 3.1.
"""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.errors import InputError
from overflight.exposure import p528
from overflight.exposure.geometry import horizon_m
from overflight.exposure.p528 import (
    FREE_SPACE,
    OUTSIDE,
    PAST_HORIZON,
    POLARISATIONS,
    WITHIN_HORIZON,
    Polarisation,
    applies,
    curves,
    ground_between_m,
    loss,
    radio_horizon_m,
)
from overflight.exposure.radio import free_space_loss_db
from overflight.units import EARTH_RADIUS_M

TENTH_DB, INTERPOLATED_DB = 0.06, 1.0
# What the table's distances and frequencies leave: 5700 MHz lies between two of its, 1500 km far past the
# horizon.
FAR_DB = 0.3


def slant(distance_m: float, low_m: float, high_m: float) -> float:
    """The straight line between heights on the mean sphere."""
    low, high = EARTH_RADIUS_M + low_m, EARTH_RADIUS_M + high_m
    return math.sqrt((high - low) ** 2 + 4 * low * high * math.sin(distance_m / 2 / EARTH_RADIUS_M) ** 2)


def loss_db(
    distance_km: float,
    low_m: float,
    high_m: float,
    mhz: float,
    percent: float = 50.0,
    polarisation: Polarisation = "vertical",
) -> float:
    distance = distance_km * 1e3
    away = slant(distance, low_m, high_m)
    found = loss(mhz * 1e6, low_m, high_m, distance, away, percent=percent, polarisation=polarisation)
    return float(found.loss_db)


# km, m, m, MHz, percent, polarisation, dB: the four examples of NTIA's implementation, printed to 0.1 dB.
EXAMPLES: list[tuple[float, float, float, float, float, Polarisation, float, float]] = [
    (15, 10, 1000, 500, 50, "horizontal", 110.0, TENTH_DB),
    (100, 100, 15_000, 3600, 90, "horizontal", 151.6, TENTH_DB),
    (1500, 15, 10_000, 5700, 10, "horizontal", 293.4, FAR_DB),
    (30, 8, 20_000, 22_000, 50, "vertical", 151.1, TENTH_DB),
]


@pytest.mark.parametrize(("km", "low", "high", "mhz", "percent", "along", "expected", "tolerance"), EXAMPLES)
def test_the_examples_of_the_reference(
    km: float,
    low: float,
    high: float,
    mhz: float,
    percent: float,
    along: Polarisation,
    expected: float,
    tolerance: float,
) -> None:
    assert loss_db(km, low, high, mhz, percent, along) == pytest.approx(expected, abs=tolerance)


def test_what_the_polarisation_does() -> None:
    """The ray off the ground is weaker upright (Brewster's angle): 1.8 dB at the second of the examples.

    Overhead and far past the horizon, where nothing or the scatter of the air reflects, it does nothing.
    """
    upright, level = (loss_db(100, 100, 15_000, 3600, 90, p) for p in POLARISATIONS)
    assert level - upright == pytest.approx(1.8, abs=0.06)
    for km in (0.0, 1500.0):
        upright, level = (loss_db(km, 100, 15_000, 3600, 50, p) for p in POLARISATIONS)
        assert level == pytest.approx(upright, abs=0.006)


# From 10 m to 18.3 km, half the time, vertical: MHz, then km and dB.
DERIVED = [
    (1090, 20, 121.6), (1090, 100, 133.5), (1090, 300, 143.4), (1090, 500, 153.4), (1090, 540, 155.5),
    (1090, 580, 180.5), (1090, 620, 189.5), (1090, 700, 199.6), (138, 300, 124.8), (138, 540, 147.7),
    (138, 580, 162.1), (138, 700, 176.1), (5600, 300, 157.8), (5600, 540, 169.6), (5600, 580, 197.4),
]  # fmt: skip


@pytest.mark.parametrize(("mhz", "km", "expected"), DERIVED)
def test_the_derived_values_of_the_reference(mhz: float, km: float, expected: float) -> None:
    assert loss_db(km, 10, 18_300, mhz) == pytest.approx(expected, abs=INTERPOLATED_DB)


def test_the_cliff_at_the_horizon() -> None:
    """Section 3.1: 25 to 30 dB within some tens of kilometres."""
    for mhz in (1090, 5600):
        assert 20.0 < loss_db(580, 10, 18_300, mhz) - loss_db(540, 10, 18_300, mhz) < 30.0


@pytest.mark.parametrize(
    ("height", "expected"),
    [(1, 134.48), (5, 293.92), (10, 408.42), (15, 494.29), (18.3, 542.59), (20, 565.62)],
)
def test_its_own_horizons_of_section_1_1(height: float, expected: float) -> None:
    """To a part in a thousand of the reference's, and 1 % of our own ray trace through another air."""
    found = float(radio_horizon_m(height * 1e3))
    assert found == pytest.approx(expected * 1e3, rel=1e-3)
    assert found == pytest.approx(float(horizon_m(height * 1e3)), rel=0.025)


def test_the_table_against_the_method() -> None:
    """Places drawn at random, directly by the port that the table was made with."""
    if importlib.util.find_spec("p528") is None:
        pytest.skip("p528 is not installed: pip install p528")
    direct = importlib.import_module("p528").p528
    rng = np.random.default_rng(7)
    off = []
    for n in range(24):
        mhz = float(np.exp(rng.uniform(np.log(100.0), np.log(18_000.0))))
        low, high = float(np.exp(rng.uniform(np.log(1.5), np.log(100.0)))), float(rng.uniform(3e3, 20e3))
        edge = float(radio_horizon_m(low) + radio_horizon_m(high)) / 1e3
        km = edge * rng.uniform(0.02, 1.0) if n % 2 else edge + rng.uniform(0.0, 400.0)
        percent = float(rng.choice(p528.PERCENTS))
        along = POLARISATIONS[n // 2 % 2]
        code = {"horizontal": 0, "vertical": 1}[along]
        theirs = direct(km, low, high, mhz, code, percent).A__db
        off.append(loss_db(km, low, high, mhz, percent, along) - theirs)
    assert np.percentile(np.abs(off), 90) < 1.0
    assert np.max(np.abs(off)) < 3.0


# --- where it ends ----------------------------------------------------------------------------------------


def test_above_twenty_kilometres_there_is_free_space_within_the_horizon_and_nothing_past_it() -> None:
    distance = np.array([300e3, 630e3])
    away = np.array([slant(d, 10.0, 24e3) for d in distance])
    found = loss(1e9, 10.0, 24e3, distance, away)
    assert found.status.tolist() == [FREE_SPACE, OUTSIDE]
    assert float(found.loss_db[0]) == pytest.approx(float(free_space_loss_db(1e9, away[0])))
    assert np.isnan(found.loss_db[1])
    # The traced horizon of 24 km is 613 km and of the antenna 13 km more (reference, section 1.1).
    assert loss(1e9, 10.0, 24e3, 620e3, 620e3).status == FREE_SPACE


@pytest.mark.parametrize(("hz", "height"), [(99e6, 10.0), (31e9, 10.0), (1e9, 1.0), (1e9, 21e3)])
def test_outside_its_frequencies_and_heights_it_does_not_apply(hz: float, height: float) -> None:
    assert not applies(hz, height)
    assert loss(hz, height, 18e3, 100e3, 101e3).status == FREE_SPACE
    with pytest.raises(InputError, match="'vertical' or 'horizontal'"):
        curves(1e9, 10.0, 50.0, "round")  # type: ignore[arg-type]  # what no caller may pass
    with pytest.raises(InputError, match="100 MHz to 30 GHz"):
        curves(hz, height)


def test_far_past_the_horizon_nothing_is_said() -> None:
    found = loss(1e9, 10.0, 18e3, [560e3, 1600e3, 1700e3, np.nan], [560e3, 1600e3, 1700e3, 1.0])
    assert found.status.tolist() == [PAST_HORIZON, PAST_HORIZON, OUTSIDE, OUTSIDE]
    assert np.isfinite(found.loss_db).tolist() == [True, True, False, False]


def test_a_share_of_time_that_is_not_tabulated_is_refused() -> None:
    with pytest.raises(InputError, match="10, 50 or 90"):
        loss(1e9, 10.0, 18e3, 100e3, 101e3, percent=75.0)


def test_the_way_along_the_ground_is_the_inverse_of_the_straight_line() -> None:
    distance = np.array([0.0, 1e3, 100e3, 550e3, 1600e3])
    away = [slant(d, 10.0, 18.3e3) for d in distance]
    np.testing.assert_allclose(ground_between_m(away, 10.0, 18.3e3), distance, atol=0.5)
    assert np.isnan(ground_between_m(5e3, 10.0, 18.3e3))


def test_it_is_the_same_either_way_round() -> None:
    """The method knows no sender: heights change places."""
    assert loss_db(200, 10, 15_000, 900) == pytest.approx(loss_db(200, 15_000, 10, 900), abs=1e-9)


# --- properties -------------------------------------------------------------------------------------------

MHZ = st.floats(100.0, 30_000.0)
ANTENNA = st.floats(1.5, 500.0)
HEIGHT = st.floats(5_000.0, 20_000.0)


@given(MHZ, ANTENNA, HEIGHT)
def test_the_loss_grows_with_distance(mhz: float, low: float, high: float) -> None:
    """On a path of hundreds of kilometres, by more than what a reflection gives back near the antenna."""
    losses = [loss_db(km, low, high, mhz) for km in (50, 150, 300, 450, 650, 900)]
    assert (np.diff(losses) > 0.0).all()


@given(MHZ, ANTENNA, HEIGHT, st.floats(5.0, 1200.0))
def test_more_of_the_time_costs_more(mhz: float, low: float, high: float, km: float) -> None:
    ten, half, ninety = (loss_db(km, low, high, mhz, p) for p in (10.0, 50.0, 90.0))
    assert ten <= half + 0.02 <= ninety + 0.04


@given(MHZ, ANTENNA, HEIGHT, st.floats(0.02, 1.0))
def test_within_the_horizon_the_median_is_not_under_free_space_by_more_than_a_decibel(
    mhz: float, low: float, high: float, part: float
) -> None:
    km = part * float(radio_horizon_m(low) + radio_horizon_m(high)) / 1e3
    found = loss(mhz * 1e6, low, high, km * 1e3, slant(km * 1e3, low, high))
    assert found.status == WITHIN_HORIZON
    assert float(found.loss_db) > float(free_space_loss_db(mhz * 1e6, slant(km * 1e3, low, high))) - 1.0

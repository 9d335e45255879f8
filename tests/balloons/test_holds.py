"""Holds: on target they stand still; off it they come to it exponentially, in either direction of time."""

from __future__ import annotations

import numpy as np
import pytest
from made_column import fly_column, rates_at

from overflight.balloons.coded import code, needs_begin
from overflight.balloons.rates import begin_stage, rate
from overflight.balloons.terms import (
    ConstantDensity,
    ConstantHeight,
    ConstantPressure,
    ConstantTheta,
    Flight,
    Stage,
)

# U.S. Standard Atmosphere 1976, table I: at a geometric height of 20 km.
P_20KM_PA, RHO_20KM, T_20KM_K = 5529.3, 8.8910e-2, 216.65
# Potential temperature of it: T (1000 hPa / p)^(2/7).
THETA_20KM_K = T_20KM_K * (1e5 / P_20KM_PA) ** (2 / 7)

ZEROS = (0.0,) * 5

AT_20KM = [
    ConstantPressure(P_20KM_PA),
    ConstantDensity(RHO_20KM),
    ConstantTheta(THETA_20KM_K),
    ConstantHeight(20e3),
]


@pytest.mark.parametrize("hold", AT_20KM, ids=lambda hold: type(hold).__name__)
def test_the_surface_is_where_the_standard_has_it(hold: ConstantPressure) -> None:
    # The table's digits are worth 0.2 m; the hold takes them for 600 s.
    assert rates_at(hold, alt_m=20e3)[2] == pytest.approx(0.0, abs=1e-3)
    assert rates_at(hold, alt_m=19.9e3)[2] > 0.1
    assert rates_at(hold, alt_m=20.1e3)[2] < -0.1


def test_pressure_relaxes_exponentially_in_its_logarithm() -> None:
    # d ln p/dt = -up g/(R T) with up = H ln(p/p0)/tau is -ln(p/p0)/tau, whatever the temperature.
    coded = code(Flight((Stage((ConstantPressure(5000.0, tau_s=500.0),)),)))
    for kelvin in (200.0, 280.0):
        up = rate(
            coded.codes[0],
            coded.rows[0],
            0.0,
            0.0,
            0.0,
            0.0,
            2e4,
            np.log(5050.0),
            kelvin,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
        )[2]
        slope = -up * 9.80665 / (287.053 * kelvin)
        assert slope == pytest.approx(-np.log(5050.0 / 5000.0) / 500.0, rel=1e-5)


@pytest.mark.parametrize("hold", AT_20KM[:2] + AT_20KM[3:], ids=lambda hold: type(hold).__name__)
def test_a_float_comes_to_its_level_within_some_time_constants(hold: ConstantPressure) -> None:
    time_s, state = fly_column(hold, alt_m=19.9e3, time_s=0.0, hours=1.0)
    gap = state[:, 0] - 20e3
    # An isothermal column up to 20 km: exp(-t/600 s) to within the table's digits.
    expected = -100.0 * np.exp(-(time_s - time_s[0]) / 600.0)
    assert gap == pytest.approx(expected, abs=2.5)


def test_theta_comes_to_its_level_too() -> None:
    # The isothermal scale of theta is exact where the air is isothermal.
    time_s, state = fly_column(ConstantTheta(THETA_20KM_K), alt_m=19.9e3, time_s=0.0, hours=1.0)
    assert state[:, 0] - 20e3 == pytest.approx(-100.0 * np.exp(-time_s / 600.0), abs=2.5)


def test_far_from_its_level_a_float_keeps_its_greatest_speed() -> None:
    assert rates_at(ConstantHeight(20e3), alt_m=0.0)[2] == 5.0
    assert rates_at(ConstantHeight(2e3, max_mps=3.0), alt_m=20e3)[2] == -3.0


@pytest.mark.parametrize(
    "hold",
    [ConstantPressure(), ConstantDensity(), ConstantTheta(), ConstantHeight()],
    ids=lambda hold: type(hold).__name__,
)
def test_a_hold_without_target_takes_what_the_stage_begins_with(hold: ConstantPressure) -> None:
    coded = code(Flight((Stage((hold,)),)))
    assert needs_begin(coded)
    state = (18_123.0, np.log(7500.0), 211.0)
    # Before the stage has begun there is nothing to hold.
    assert rate(coded.codes[0], coded.rows[0], *ZEROS[:4], *state, *ZEROS)[2] == 0.0
    begin_stage(coded.codes[0], coded.rows[0], 0.0, 0.0, *state)
    assert not needs_begin(coded)
    # Exactly: not even the last bit moves a balloon that is on its surface.
    assert rate(coded.codes[0], coded.rows[0], *ZEROS[:4], *state, *ZEROS)[2] == 0.0
    higher = (18_223.0, np.log(7380.0), 211.0)
    assert rate(coded.codes[0], coded.rows[0], *ZEROS[:4], *higher, *ZEROS)[2] < 0.0


def test_a_given_target_is_not_taken_from_the_start() -> None:
    coded = code(Flight((Stage((ConstantHeight(20e3),)),)))
    begin_stage(coded.codes[0], coded.rows[0], 0.0, 0.0, 15e3, np.log(12e3), 216.0)
    assert coded.rows[0, 0, 0] == 20e3


def test_backward_the_gap_shrinks_as_time_runs_back() -> None:
    # Going back by dt from below the level must lead towards it: up is negative there.
    forward = rates_at(ConstantHeight(20e3), alt_m=19.9e3)[2]
    backward = rates_at(ConstantHeight(20e3), alt_m=19.9e3, backward=True)[2]
    assert forward == pytest.approx(100.0 / 600.0)
    assert backward == -forward


def test_no_time_constant_is_shorter_than_the_step() -> None:
    coded = code(Flight((Stage((ConstantHeight(20e3),)),)), step_s=-1800.0)
    assert coded.rows[0, 0, 1] == 1800.0

"""Altitude control: limits on rate and range, schedules, and what the way costs."""

from __future__ import annotations

import numpy as np
import pytest
from made_column import fly_column, rates_at

from overflight.balloons.coded import code
from overflight.balloons.control import commanded_m
from overflight.balloons.gases import lift_ratio
from overflight.balloons.terms import AltitudeControl, Flight, Stage
from overflight.times import parse_utc

T0 = parse_utc("2022-08-22T16:00Z")


def test_rates_are_limited_and_the_target_is_met() -> None:
    control = AltitudeControl(target=18e3, up_mps=0.8, down_mps=1.2)
    assert rates_at(control, alt_m=15e3)[2] == 0.8
    assert rates_at(control, alt_m=21e3)[2] == -1.2
    _, state = fly_column(control, alt_m=16e3, time_s=T0, hours=3.0)
    assert state[-1, 0] == pytest.approx(18e3, abs=1.0)


def test_a_schedule_is_followed_command_by_command() -> None:
    # The commands of a real flight, SHAB12V on 2022-08-22: 20, 16, 18 km.
    schedule = ((T0, 20e3), (T0 + 2 * 3600, 16e3), (T0 + 4 * 3600, 18e3))
    control = AltitudeControl(target=schedule, up_mps=2.0, down_mps=2.0)
    time_s, state = fly_column(control, alt_m=19e3, time_s=T0 - 3600.0, hours=7.0)
    for hour, alt_m in ((-0.1, 20e3), (1.9, 20e3), (3.9, 16e3), (5.9, 18e3)):
        assert np.interp(T0 + hour * 3600, time_s, state[:, 0]) == pytest.approx(alt_m, abs=30.0)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_every_command_of_a_schedule_counts_from_its_time(count: int) -> None:
    schedule = tuple((T0 + 100.0 * i, 15e3 + 90.0 * i) for i in range(count))
    control = AltitudeControl(target=schedule, up_mps=30.0, down_mps=30.0)
    for i in range(count):
        for late in (0.0, 99.9):
            up = rates_at(control, alt_m=15e3, time_s=T0 + 100.0 * i + late)[2]
            assert up == pytest.approx(90.0 * i / 600.0, abs=1e-9)


def test_ballast_spent_is_the_mass_that_the_thinner_air_does_not_carry() -> None:
    # Floating, mass is in proportion to density: between 18 and 20 km in the isothermal part of the
    # standard ρ falls as exp(-dz/H), so a system of 1000 kg gives up 1000 × dz/H by our reckoning.
    control = AltitudeControl(target=20e3, means="ballast", mass_kg=1000.0)
    _, state = fly_column(control, alt_m=18e3, time_s=T0, hours=4.0, store=(500.0, 0, 0))
    climbed = state[-1, 0] - 18e3
    assert climbed == pytest.approx(2000.0, abs=2.0)
    height = 287.053 * 216.65 / 9.80665
    assert 500.0 - state[-1, 1] == pytest.approx(1000.0 * climbed / height, rel=1e-3)


def test_without_ballast_there_is_no_way_up_and_the_store_stays_above_zero() -> None:
    control = AltitudeControl(target=20e3, means="ballast", mass_kg=1000.0)
    _, state = fly_column(control, alt_m=18e3, time_s=T0, hours=8.0, store=(100.0, 0, 0))
    height = 287.053 * 216.65 / 9.80665
    assert state[-1, 0] - 18e3 == pytest.approx(100.0 * height / 1000.0, rel=5e-3)
    assert (state[:, 1] >= 0.0).all()
    assert rates_at(control, alt_m=18e3)[2] == 0.0


def test_the_way_down_takes_gas_until_the_budget_is_gone() -> None:
    control = AltitudeControl(target=16e3, means="ballast", mass_kg=1000.0, gas_budget_kg=20.0)
    _, state = fly_column(control, alt_m=18e3, time_s=T0, hours=8.0)
    height = 287.053 * 216.65 / 9.80665
    expected = 20.0 * (lift_ratio("helium") - 1.0) * height / 1000.0
    assert 18e3 - state[-1, 0] == pytest.approx(expected, rel=5e-3)
    assert state[-1, 3] == pytest.approx(20.0, rel=1e-3)


def test_a_pump_takes_energy_down_and_none_up() -> None:
    control = AltitudeControl(target=18e3, means="air", pump_w=250.0)
    assert rates_at(control, alt_m=16e3)[2:5] == (1.0, 0.0, 0.0)
    _, _, up, _, power, _ = rates_at(control, alt_m=20e3, store=(0, 1e7, 0))
    assert (up, power) == (-1.0, -250.0)
    assert rates_at(control, alt_m=20e3)[2] == 0.0
    # A kilometre down at 1 m/s and 250 W: 250 kJ.
    _, state = fly_column(control, alt_m=19e3, time_s=T0, hours=5.0, store=(0, 1e6, 0))
    assert 1e6 - state[-1, 2] == pytest.approx(250e3, rel=0.01)


def test_the_range_limits_perturbed_commands_too() -> None:
    control = AltitudeControl(target=18e3, low_alt_m=17e3, high_alt_m=19e3)
    row = code(Flight((Stage((control,)),))).rows[0, 0]
    row[13] = 25e3
    assert commanded_m(row, T0) == 19e3
    row[13] = 5e3
    assert commanded_m(row, T0) == 17e3


@pytest.mark.parametrize("step_s", [60.0, 900.0, 1800.0])
def test_no_length_of_step_spends_more_than_there_is(step_s: float) -> None:
    control = AltitudeControl(target=24e3, means="ballast", mass_kg=1000.0, high_alt_m=24e3)
    _, state = fly_column(control, alt_m=16e3, time_s=T0, hours=12.0, store=(200.0, 0, 0), step_s=step_s)
    height = 287.053 * 216.65 / 9.80665
    assert state[:, 1].min() >= 0.0
    assert state[-1, 0] - 16e3 == pytest.approx(200.0 * height / 1000.0, rel=0.01)

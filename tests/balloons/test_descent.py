"""Falls against closed forms and the standard's table."""

from __future__ import annotations

import numpy as np
import pytest
from made_column import fly_column, rates_at

from overflight.balloons.descent import terminal_speed_mps
from overflight.balloons.terms import Ascent, Descent, Parachute

# U.S. Standard Atmosphere 1976, table I: geometric height, m, and density, kg/m³.
DENSITY = [(0.0, 1.2250), (10e3, 0.41351), (20e3, 0.088910), (30e3, 0.018410)]


@pytest.mark.parametrize(("alt_m", "density"), DENSITY)
def test_drag_carries_the_weight(alt_m: float, density: float) -> None:
    up = rates_at(Parachute(mass_kg=2.0, drag_area_m2=1.5), alt_m=alt_m)[2]
    assert 0.5 * density * up**2 * 1.5 == pytest.approx(2.0 * 9.80665, rel=2e-4)
    assert up < 0.0


def test_five_metres_a_second_at_sea_level_are_forty_at_thirty_kilometres() -> None:
    assert rates_at(Parachute(sea_level_mps=5.0), alt_m=0.0)[2] == pytest.approx(-5.0, rel=1e-4)
    assert rates_at(Parachute(), alt_m=30e3)[2] == pytest.approx(-5.0 * (1.2250 / 0.018410) ** 0.5, rel=1e-4)


def test_mass_and_area_are_the_same_fall_as_their_speed_at_sea_level() -> None:
    speed = terminal_speed_mps(1.2, 0.9)
    assert speed == pytest.approx((2 * 1.2 * 9.80665 / (1.225 * 0.9)) ** 0.5, rel=1e-4)
    by_mass = rates_at(Parachute(mass_kg=1.2, drag_area_m2=0.9), alt_m=12e3)[2]
    assert rates_at(Parachute(sea_level_mps=speed), alt_m=12e3)[2] == by_mass


def test_time_of_a_fall_in_the_closed_form() -> None:
    # In isothermal air ρ = ρ₁ exp(-z/H): the fall from z₁ to z₂ takes (2H/v₁)(1 - exp(-(z₁-z₂)/2H)) ×
    # ... with v ∝ exp(z/2H): t = (2H/v₁)(exp((z₁-z₂)/2H) - 1). 11 to 20 km are isothermal, H = 6341.6 m.
    time_s, state = fly_column(Parachute(sea_level_mps=5.0), alt_m=20e3, time_s=0.0, hours=0.2, step_s=5.0)
    height = 287.053 * 216.65 / 9.80665
    # Geometric to geopotential: the fall is along geopotential, 0.3 % shorter.
    expected = 2 * height / (5.0 * (1.225 / 0.08891) ** 0.5) * (np.exp(8000.0 / 2 / height) - 1.0)
    found = np.interp(-12e3, -state[:, 0], time_s)
    assert found == pytest.approx(expected, rel=0.005)


def test_steady_speeds_are_taken_as_given() -> None:
    assert rates_at(Ascent(4.5), alt_m=3e3)[2] == 4.5
    assert rates_at(Ascent(), alt_m=3e3)[2] == 5.0
    assert rates_at(Descent(8.0), alt_m=3e3)[2] == -8.0

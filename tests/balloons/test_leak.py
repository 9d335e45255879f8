"""Slow leaks: nothing until the spare gas is gone, then a fall that grows."""

from __future__ import annotations

import numpy as np
import pytest
from made_column import fly_column, rates_at

from overflight.balloons.gases import lift_ratio
from overflight.balloons.terms import AltitudeControl, ConstantDensity, Leak

LEVEL = ConstantDensity(0.08891)  # 20 km
# A superpressure balloon with 40 kg of helium, 4 kg of it spare; a leak of 4 kg a day.
LEAK = Leak(loss_kgps=4.0 / 86400.0, spare_kg=4.0, gas_kg=40.0)


def test_it_holds_its_level_while_there_is_spare_gas() -> None:
    time_s, state = fly_column(LEVEL, LEAK, alt_m=20e3, time_s=0.0, hours=30.0, step_s=120.0)
    one_day = 86400.0
    assert np.ptp(state[time_s < one_day, 0]) < 1.0
    assert state[:, 3] == pytest.approx(4.0 / 86400.0 * time_s, rel=1e-9)
    # Six hours on it has 1 kg too little; the fall grows as the root of that.
    assert state[time_s > one_day, 0].max() < 20e3 + 1.0
    assert state[-1, 0] < 15e3
    assert (np.diff(state[time_s > one_day + 300.0, 0]) < 0.0).all()


def test_the_speed_of_the_fall_is_drag_against_what_is_missing() -> None:
    lost, gas = 5.0, 40.0
    up = rates_at(LEVEL, LEAK, alt_m=20e3, store=(0, 0, lost))[2]
    ratio = lift_ratio("helium")
    volume = (gas - lost) * ratio / 0.08891
    area = np.pi * (0.75 * volume / np.pi) ** (2 / 3)
    assert 0.5 * 0.08891 * up**2 * 0.5 * area == pytest.approx(
        (lost - 4.0) * (ratio - 1.0) * 9.80665, rel=1e-3
    )


def test_a_control_holds_no_better() -> None:
    control = AltitudeControl(target=20e3)
    assert rates_at(control, LEAK, alt_m=19e3)[2] > 0.0
    assert rates_at(control, LEAK, alt_m=19e3, store=(0, 0, 10.0))[2] < 0.0


def test_helium_lifts_six_times_its_mass() -> None:
    # Molar masses 28.9644 and 4.0026; hydrogen 2.016.
    assert lift_ratio("helium") - 1.0 == pytest.approx(6.236, abs=1e-3)
    assert lift_ratio("hydrogen") - 1.0 == pytest.approx(13.367, abs=1e-3)

"""Zero-pressure balloons: their level in the closed form, and what a night costs."""

from __future__ import annotations

import numpy as np
import pytest
from made_column import MIDNIGHT, NOON, fly_column, rates_at

from overflight import atmosphere
from overflight.balloons.gases import lift_ratio
from overflight.balloons.terms import Leak, ZeroPressure
from overflight.times import parse_utc

# A heavy-lift balloon: 2.2 t with 250 kg of ballast under 310,000 m³, 12 % of free lift at launch.
VOLUME_M3, MASS_KG, BALLAST_KG = 3.1e5, 2200.0, 250.0
GAS_KG = 1.12 * (MASS_KG + BALLAST_KG) / (lift_ratio("helium") - 1.0)
BALLOON = ZeroPressure(volume_m3=VOLUME_M3, gas_kg=GAS_KG, mass_kg=MASS_KG)
AT_DAY = parse_utc("2022-08-22T14:00Z")


def test_it_floats_where_its_volume_of_air_weighs_what_it_does() -> None:
    _, state = fly_column(BALLOON, alt_m=1500.0, time_s=AT_DAY, hours=5.0, store=(BALLAST_KG, 0, 0))
    alt, ballast, _, lost = state[-1]
    total = MASS_KG + ballast + GAS_KG - lost
    assert float(atmosphere.density_kgpm3(alt)) * VOLUME_M3 == pytest.approx(total, rel=1e-3)
    # The 12 % of free lift has gone, and more by the sun's warmth: 10 K of 240 K is 4 %.
    assert lost / GAS_KG == pytest.approx(1.0 - 1.0 / 1.12 + 0.04, abs=0.015)


def test_the_climb_is_that_of_heavy_balloons() -> None:
    # Operators give 4 to 6 m/s (800 to 1200 ft/min) for 10 to 12 % of free lift.
    up = rates_at(BALLOON, alt_m=5e3, store=(BALLAST_KG, 0, 0))[2]
    assert 4.0 < up < 8.0


def test_without_ballast_the_night_brings_it_down() -> None:
    time_s, state = fly_column(BALLOON, alt_m=34e3, time_s=NOON, hours=16.0, store=(BALLAST_KG, 0, 0))
    assert state[-1, 0] < 5e3
    # The sun sets at 34.6° N on 22 August at 01:40 UTC, below the ground's horizon; later aloft.
    left = time_s[np.argmax(state[:, 0] < 30e3)]
    assert parse_utc("2022-08-23T01:40Z") < left < parse_utc("2022-08-23T03:30Z")


def test_ballast_holds_it_through_the_night_for_some_seven_percent_of_its_mass() -> None:
    # Gas balloons of the Gordon Bennett race drop 80-100 kg a night (gordonbennett.org) of about 1.1-1.3 t.
    kept = ZeroPressure(
        volume_m3=VOLUME_M3, gas_kg=GAS_KG, mass_kg=MASS_KG, ballast_kgps=0.1, ballast_below_m=34e3
    )
    _, state = fly_column(kept, alt_m=34.5e3, time_s=NOON, hours=18.0, store=(BALLAST_KG, 0, 0))
    assert state[:, 0].min() > 25e3
    share = (BALLAST_KG - state[-1, 1]) / (MASS_KG + BALLAST_KG + GAS_KG)
    assert 0.055 < share < 0.095
    # By the next noon it is lighter and floats higher, with less gas.
    _, day = fly_column(
        kept, alt_m=float(state[-1, 0]), time_s=NOON + 18 * 3600, hours=8.0, store=state[-1, 1:]
    )
    assert day[-1, 0] > 34.8e3
    assert day[-1, 3] > state[-1, 3]


def test_night_gas_is_colder_and_lifts_less() -> None:
    floating = GAS_KG / 1.12
    day = rates_at(BALLOON, alt_m=20e3, store=(BALLAST_KG, 0, GAS_KG - floating))
    night = rates_at(BALLOON, alt_m=20e3, store=(BALLAST_KG, 0, GAS_KG - floating), time_s=MIDNIGHT)
    assert night[2] < 0.0 < day[2]


def test_ballast_goes_while_there_is_some_and_not_above_the_height() -> None:
    sinking = {"alt_m": 20e3, "time_s": MIDNIGHT}
    term = ZeroPressure(
        volume_m3=VOLUME_M3,
        gas_kg=GAS_KG / 1.12,
        mass_kg=MASS_KG,
        ballast_kgps=0.5,
        ballast_below_m=25e3,
    )
    assert rates_at(term, store=(BALLAST_KG, 0, 0), **sinking)[3] == -0.5
    assert rates_at(term, store=(0, 0, 10.0), **sinking)[3] == 0.0
    assert rates_at(term, alt_m=26e3, time_s=MIDNIGHT, store=(BALLAST_KG, 0, 0))[3] == 0.0


def test_a_leak_takes_from_the_same_gas() -> None:
    _, tight = fly_column(BALLOON, alt_m=34.4e3, time_s=NOON, hours=4.0, store=(BALLAST_KG, 0, 60.0))
    leak = Leak(loss_kgps=0.002)
    _, leaky = fly_column(BALLOON, leak, alt_m=34.4e3, time_s=NOON, hours=4.0, store=(BALLAST_KG, 0, 60.0))
    assert leaky[-1, 0] < tight[-1, 0] - 5e3

"""The twin's balloon and its energy: what is booked, what panels give, what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.balloons.stops import AltitudeAbove
from overflight.errors import InputError
from overflight.sun import solar_elevation_deg
from overflight.times import parse_utc
from overflight.twin.budget import (
    BALLOONS,
    Balloon,
    Control,
    Power,
    Propeller,
    balloon,
    book,
    check_power,
    launched,
    panel_now_w,
    to_steer_j,
)

JOULES = st.floats(0.0, 1e9)


@given(JOULES, JOULES, JOULES, JOULES, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_no_energy_is_made_or_lost(
    most: float, panel: float, load: float, reserve: float, charge: float, share: float
) -> None:
    battery = charge * most
    steer = share * to_steer_j(battery, reserve, panel, load)
    after, fed, spilled = book(battery, most, panel, load, steer)
    assert 0.0 <= after <= most
    assert 0.0 <= fed <= load
    assert spilled >= 0.0
    assert after + fed + steer + spilled == pytest.approx(battery + panel, rel=1e-12, abs=1e-6)
    # Nothing is spilled while the battery has room, and the load is shed only when all is gone.
    assert spilled == 0.0 or after == most
    assert fed == pytest.approx(load) or after == 0.0


@given(JOULES, JOULES, JOULES, JOULES)
def test_steering_leaves_load_and_reserve(battery: float, reserve: float, panel: float, load: float) -> None:
    steer = to_steer_j(battery, reserve, panel, load)
    after, fed, _ = book(battery, 1e12, panel, load, steer)
    if steer > 0.0:
        assert fed == pytest.approx(load, rel=1e-9, abs=1e-6)
        assert after >= reserve * (1.0 - 1e-12) - 1e-6


def test_panels_by_the_sun() -> None:
    # Equinox noon over Quito: the sun stands in the zenith.
    noon, log_p = parse_utc("2023-03-20T17:20:00Z"), math.log(5475.0)
    elevation = solar_elevation_deg(noon, -78.5, 0.0)
    assert elevation > 88.0
    flat = panel_now_w(1000.0, 0.0, noon, -78.5, 0.0, 20e3, log_p)
    leaning = panel_now_w(1000.0, 60.0, noon, -78.5, 0.0, 20e3, log_p)
    # Above 95 % of the air nearly all of the sun's 1361 W/m² at 1 au arrives; the Earth was at 0.9960 au.
    assert flat == pytest.approx(1000.0 / 0.9960**2, rel=0.03)
    high, low = (math.sin(math.radians(elevation + tilt)) for tilt in (0.0, 60.0))
    assert leaning / flat == pytest.approx(low / high, rel=1e-9)
    assert panel_now_w(1000.0, 60.0, noon + 43200.0, -78.5, 0.0, 20e3, log_p) == 0.0


def test_presets_are_whole() -> None:
    assert {"superpressure", "propelled", "drifter", "ballast", "zero-pressure", "sounding", "pico"} <= set(
        BALLOONS
    )
    for name, one in BALLOONS.items():
        assert one.name == name
        assert balloon(name) is one
        check_power(one)
    with pytest.raises(InputError, match="superpressure"):
        balloon("zeppelin")


def test_launched_climbs_first() -> None:
    up = launched(balloon("pico"), float_alt_m=12e3, ascent_mps=1.0)
    assert up.flight.stages[0].stops == (AltitudeAbove(12e3),)
    assert up.flight.stages[1:] == balloon("pico").flight.stages
    with pytest.raises(InputError):
        launched(balloon("pico"), float_alt_m=200e3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Control(low_alt_m=18e3, high_alt_m=17e3),
        lambda: Control(means="ballast"),
        lambda: Control(pump_w=-1.0),
        lambda: Power(panel_w=math.nan, battery_j=0.0, load_w=0.0),
        lambda: Power(panel_w=1.0, battery_j=1.0, load_w=0.0, reserve=1.5),
        lambda: Propeller(airspeed_mps=-1.0, power_w=1.0),
        lambda: check_power(
            Balloon(
                name="x",
                flight=balloon("drifter").flight,
                propeller=Propeller(airspeed_mps=5.0, power_w=100.0),
                power=Power(panel_w=0.0, battery_j=0.0, load_w=0.0),
            )
        ),
    ],
)
def test_what_no_balloon_has_is_refused(make: object) -> None:
    with pytest.raises(InputError):
        make()

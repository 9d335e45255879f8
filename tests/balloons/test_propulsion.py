"""Propulsion: the wind triangle in closed form, keeping station, and power by daylight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_column import MIDNIGHT, NOON, rates_at

from overflight import geo
from overflight.balloons.terms import ConstantPressure, Propulsion
from overflight.sun import solar_elevation_deg


def through_air(term: Propulsion, **state: object) -> tuple[float, float]:
    found = rates_at(term, alt_m=20e3, **state)
    return found[0], found[1]


@pytest.mark.parametrize(
    ("heading", "east", "north"), [(0, 0, 8), (90, 8, 0), (180, 0, -8), (-90, -8, 0), (30, 4, 48**0.5)]
)
def test_a_heading_is_kept_whatever_the_wind(heading: float, east: float, north: float) -> None:
    term = Propulsion(airspeed_mps=8.0, heading_deg=heading)
    assert through_air(term, wind=(20.0, -7.0)) == pytest.approx((east, north), abs=1e-12)


@given(st.floats(0, 360), st.floats(-30, 30), st.floats(-30, 30), st.floats(0.1, 20))
def test_a_course_is_the_track_over_the_ground_when_the_airspeed_reaches(
    course: float, u: float, v: float, speed: float
) -> None:
    east, north = through_air(Propulsion(airspeed_mps=speed, course_deg=course), wind=(u, v))
    assert np.hypot(east, north) == pytest.approx(speed, rel=1e-9)
    along = np.sin(np.radians(course)), np.cos(np.radians(course))
    drift = u * along[1] - v * along[0]
    ground = u + east, v + north
    left_over = ground[0] * along[1] - ground[1] * along[0]
    # What the airspeed cannot take of the wind across is left, and nothing else.
    assert left_over == pytest.approx(np.sign(drift) * max(abs(drift) - speed, 0.0), abs=1e-5)


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(-180, 180), st.floats(-85, 85))
def test_the_course_to_a_place_is_the_bearing_of_the_geodesic(
    lon0: float, lat0: float, lon1: float, lat1: float
) -> None:
    distance = float(geo.distance_m(lon0, lat0, lon1, lat1))
    # Near the antipode every way is the shortest, and near the place it keeps station.
    if not 50e3 < distance < 19.5e6:
        return
    east, north = through_air(Propulsion(airspeed_mps=5.0, toward=(lon1, lat1)), place=(lon0, lat0))
    bearing = float(geo.bearing_deg(lon0, lat0, lon1, lat1))
    gap = (np.degrees(np.arctan2(east, north)) - bearing + 180.0) % 360.0 - 180.0
    # Sphere against ellipsoid: 0.2°, more where the way is nearly half around.
    assert abs(gap) < (0.3 if distance < 15e6 else 5.0)


def test_over_its_place_it_stands_against_the_wind() -> None:
    term = Propulsion(airspeed_mps=10.0, toward=(10.0, 50.0))
    assert through_air(term, place=(10.0, 50.0), wind=(6.0, -3.0)) == pytest.approx((-6.0, 3.0))
    # A wind it cannot beat carries it off slowly: full speed against it.
    assert through_air(term, place=(10.001, 50.0), wind=(30.0, 0.0))[0] == pytest.approx(-10.0, abs=0.1)
    # And with the wind astern, close in, it brakes.
    assert through_air(term, place=(9.999, 50.0), wind=(30.0, 0.0))[0] == pytest.approx(-10.0, abs=0.1)


def test_power_goes_with_the_cube_of_the_airspeed() -> None:
    term = Propulsion(airspeed_mps=10.0, heading_deg=90.0, power_w=800.0, solar_w=100.0)
    elevation = solar_elevation_deg(NOON, -106.0, 34.6)
    # Without a battery, what the flat panels give: P/800 = (v/10)³.
    expected = 10.0 * (100.0 * np.sin(np.radians(elevation)) / 800.0) ** (1 / 3)
    assert through_air(term)[0] == pytest.approx(expected, rel=1e-6)
    assert through_air(term, time_s=MIDNIGHT) == (0.0, 0.0)
    assert through_air(term, store=(0, 1e7, 0), time_s=MIDNIGHT)[0] == pytest.approx(10.0)


def test_energy_is_accounted_for() -> None:
    term = Propulsion(
        airspeed_mps=10.0, heading_deg=90.0, power_w=800.0, solar_w=1000.0, battery_j=2e7, load_w=50.0
    )
    at_night = rates_at(term, alt_m=20e3, store=(0, 1e7, 0), time_s=MIDNIGHT)
    assert at_night[4] == pytest.approx(-850.0)
    at_noon = rates_at(term, alt_m=20e3, store=(0, 1e7, 0))
    sun_w = 1000.0 * np.sin(np.radians(solar_elevation_deg(NOON, -106.0, 34.6)))
    assert at_noon[4] == pytest.approx(sun_w - 850.0)
    # A full battery takes no more, an empty one gives no more.
    assert rates_at(term, alt_m=20e3, store=(0, 2e7, 0))[4] == 0.0
    assert rates_at(term, alt_m=20e3, time_s=MIDNIGHT)[4] == 0.0


def test_it_adds_to_a_float_and_leaves_its_height_alone() -> None:
    push = Propulsion(airspeed_mps=3.0, heading_deg=90.0)
    east, north, up, *_ = rates_at(ConstantPressure(5529.3), push, alt_m=20.1e3)
    assert (east, north) == pytest.approx((3.0, 0.0), abs=1e-12)
    assert up == rates_at(ConstantPressure(5529.3), alt_m=20.1e3)[2] != 0.0

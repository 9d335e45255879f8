"""The sun against published worked examples and an independent implementation of NREL's algorithm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.sun import (
    dip_deg,
    solar_angles_deg,
    solar_elevation_deg,
    solar_place,
    solar_position,
)
from overflight.times import parse_utc

# What the low-precision sun claims (Meeus, chapter 25): 0.01°.
CLAIMED_DEG = 0.01


def test_nrel_worked_example() -> None:
    # Reda and Andreas, NREL/TP-560-34302 (2003, revised 2008), table A5.1: 17 October 2003, 12:30:30 at
    # UTC-7, 39.742476 N 105.1786 W. Topocentric elevation without refraction 39.872046°, azimuth 194.340241°.
    elevation, bearing = solar_position(parse_utc("2003-10-17T19:30:30Z"), -105.1786, 39.742476)
    assert elevation == pytest.approx(39.872046, abs=CLAIMED_DEG)
    assert bearing == pytest.approx(194.340241, abs=CLAIMED_DEG)


def test_meeus_example_25a() -> None:
    # Astronomical Algorithms, example 25.a: 1992 October 13, 0h TD: apparent right ascension 198.38083°,
    # declination -7.78507°, distance 0.99766 au. 0h TD was 59 s before 0h UT; we take 69 s always.
    right_ascension, declination, _, distance_au = solar_place(parse_utc("1992-10-13T00:00Z") - 69.0)
    assert np.degrees(right_ascension) % 360.0 == pytest.approx(198.38083, abs=2e-4)
    assert np.degrees(declination) == pytest.approx(-7.78507, abs=2e-4)
    assert distance_au == pytest.approx(0.99766, abs=1e-5)


def test_meeus_example_12a_sidereal_time() -> None:
    # Example 12.a: 1987 April 10, 0h UT: apparent sidereal time 13h 10m 46.1351s.
    sidereal = np.degrees(solar_place(parse_utc("1987-04-10T00:00Z"))[2])
    assert sidereal == pytest.approx((13 + 10 / 60 + 46.1351 / 3600) * 15.0, abs=3e-4)


@pytest.mark.parametrize(
    ("when", "declination_deg"),
    # Equinoxes and solstices to the minute: U.S. Naval Observatory, Earth's seasons, UT.
    [
        ("2020-03-20T03:50Z", 0.0),
        ("2020-09-22T13:31Z", 0.0),
        ("2023-03-20T21:24Z", 0.0),
        ("2023-06-21T14:58Z", 23.438),
        ("2023-12-22T03:27Z", -23.438),
    ],
)
def test_seasons(when: str, declination_deg: float) -> None:
    declination = np.degrees(solar_place(parse_utc(when))[1])
    assert declination == pytest.approx(declination_deg, abs=0.003)


# pvlib 0.16.1's `solarposition.spa_python` (its own code of NREL's algorithm): `elevation`, without
# refraction, and `azimuth`.
PVLIB = [
    ("2023-01-28T21:00Z", -168.0, 63.0, 4.0910, 145.7183),
    ("2023-02-04T19:39Z", -78.2, 33.4, 31.2707, 217.8432),
    ("2022-08-22T14:40Z", -106.83, 34.64, 24.9893, 92.9387),
    ("1996-06-21T00:10Z", 179.9, -12.0, 54.5091, 356.8812),
    ("2019-12-01T06:00Z", 25.0, -77.5, 27.1014, 67.3613),
    ("2035-09-12T03:33Z", 77.0, 88.5, 5.2451, 131.0382),
]


@pytest.mark.parametrize(("when", "lon", "lat", "elevation_deg", "bearing_deg"), PVLIB)
def test_agrees_with_pvlib(
    when: str, lon: float, lat: float, elevation_deg: float, bearing_deg: float
) -> None:
    elevation, bearing = solar_position(parse_utc(when), lon, lat)
    assert elevation == pytest.approx(elevation_deg, abs=CLAIMED_DEG)
    gap = (bearing - bearing_deg + 180.0) % 360.0 - 180.0
    assert gap * np.cos(np.radians(elevation_deg)) == pytest.approx(0.0, abs=CLAIMED_DEG)


def test_arrays_broadcast_and_agree_with_the_kernel() -> None:
    lon = np.array([-110.0, 0.0, 179.9])
    lat = np.array([[45.0], [-90.0]])
    elevation, bearing = solar_position(1.675e9, lon, lat)
    assert elevation.shape == bearing.shape == (2, 3)
    assert elevation[0, 1] == solar_elevation_deg(1.675e9, 0.0, 45.0)
    # At a pole the elevation is the declination, whatever the longitude.
    assert np.ptp(elevation[1]) == pytest.approx(0.0, abs=1e-9)


def test_what_is_no_place_gives_no_number() -> None:
    elevation, bearing = solar_position([0.0, np.nan, 0.0], [0.0, 0.0, np.inf], [91.0, 0.0, 0.0])
    assert np.isnan(elevation).all()
    assert np.isnan(bearing).all()


def test_dip_of_the_horizon() -> None:
    # Closed form: cos(dip) = R / (R + h). R is the mean radius, 6371.0088 km.
    for alt_m in (100.0, 20e3, 40e3):
        assert np.cos(np.radians(dip_deg(alt_m))) == pytest.approx(6371008.8 / (6371008.8 + alt_m), abs=1e-12)
    assert dip_deg(-5.0) == 0.0


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, st.floats(-1e6, 1e6), st.floats(-90.0, 90.0))
def test_any_finite_time_and_place_has_a_sun(time_s: float, lon: float, lat: float) -> None:
    elevation, bearing, distance_au = solar_angles_deg(time_s, lon, lat)
    assert -90.01 <= elevation <= 90.01
    assert 0.0 <= bearing <= 360.0
    assert 0.98 < distance_au < 1.02 or abs(time_s) > 1e11

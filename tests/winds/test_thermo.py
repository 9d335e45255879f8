"""Temperature and height: the standard atmosphere, closed forms, both ways."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight import atmosphere
from overflight.errors import InputError
from overflight.winds.grid import Grid
from overflight.winds.interpolate import WIND_STATUS, pack
from overflight.winds.thermo import (
    SCALE_M_PER_K,
    log_p_at,
    pack_thermo,
    pressure_at,
    sample_thermo,
    thermo_at,
)

HOUR = 3600.0
LEVELS_PA = np.array([1e3, 2e3, 3e3, 5e3, 7e3, 1e4, 1.5e4, 2e4, 3e4, 5e4, 7e4, 8.5e4, 1e5])
# Height is kept as float32: 2 mm at 31 km, and what rounding of two levels makes of the height between.
METRE = 0.01
# What float32 heights leave of a temperature that is their slope.
MILLIKELVIN = 1e-3


def air(temperature=None, height=None, *, times=(0.0, HOUR), lat=None, lon=None, **more) -> Grid:
    """A grid whose temperature and height are functions of broadcast (t, ln p, lat, lon)."""
    lat = np.linspace(-40.0, 40.0, 5) if lat is None else np.asarray(lat, float)
    lon = np.linspace(0.0, 60.0, 4) if lon is None else np.asarray(lon, float)
    time = np.asarray(times, float)
    mesh = np.meshgrid(time, np.log(LEVELS_PA), lat, lon, indexing="ij")
    still = np.zeros(mesh[0].shape, np.float32)

    def field(function):
        if function is None:
            return None
        return np.broadcast_to(function(*mesh), still.shape).astype(np.float32)

    return Grid(
        time_s=time, pressure_pa=LEVELS_PA, lat_deg=lat, lon_deg=lon, u_mps=still, v_mps=still,
        temperature_k=field(temperature), geopotential_m=field(height), **more,
    )  # fmt: skip


def isothermal_height(t, logp, lat, lon):
    """Heights of air of 250 K throughout, 100 m above the sea at 1000 hPa."""
    return 100.0 + SCALE_M_PER_K * 250.0 * (math.log(1e5) - logp)


@pytest.mark.parametrize("points", [np.geomspace(0.4, 105e3, 400)])
def test_a_grid_without_temperature_and_height_has_the_standard_atmosphere(points):
    got = sample_thermo(air(), 1e9, points, 89.0, 720.0)
    assert not got.status.any()
    np.testing.assert_allclose(got.alt_m, atmosphere.alt_from_pressure(points), rtol=1e-12, atol=1e-6)
    np.testing.assert_allclose(got.temperature_k, atmosphere.temperature_k(got.alt_m), rtol=1e-12)
    pressure, status = pressure_at(air(), 1e9, got.alt_m, 0.0, 0.0)
    assert not status.any()
    np.testing.assert_allclose(pressure, points, rtol=1e-12)


def test_the_standard_agrees_with_its_published_table():
    # U.S. Standard Atmosphere 1976, table 1: geometric altitude, temperature, pressure in mb.
    altitude, kelvin = np.array([5e3, 20e3, 30e3]), np.array([255.676, 216.650, 226.509])
    pressure, _ = pressure_at(air(), 0.0, altitude, 0.0, 0.0)
    np.testing.assert_allclose(pressure / 100.0, [540.48, 55.293, 11.970], rtol=5e-5)
    np.testing.assert_allclose(sample_thermo(air(), 0.0, pressure, 0.0, 0.0).temperature_k, kelvin, atol=1e-3)


def test_outside_the_standard_there_is_nothing():
    got = sample_thermo(air(), 0.0, [0.1, 2e5, -1.0, np.nan], 0.0, 0.0)
    assert {WIND_STATUS[c] for c in got.status} == {"outside levels"}
    assert np.isnan(got.alt_m).all()
    assert np.isnan(got.temperature_k).all()
    pressure, status = pressure_at(air(), 0.0, [90e3, -6e3, 1e9, -1e7, np.nan], 0.0, 0.0)
    assert (status == 2).all()
    assert np.isnan(pressure).all()


def test_an_isothermal_atmosphere_comes_back_from_its_heights_alone():
    p = np.geomspace(1e3, 1e5, 57)
    got = sample_thermo(air(height=isothermal_height), 1234.0, p, 13.0, 7.0)
    geopotential = isothermal_height(0.0, np.log(p), 0.0, 0.0)
    assert not got.status.any()
    np.testing.assert_allclose(got.temperature_k, 250.0, atol=5 * MILLIKELVIN)
    np.testing.assert_allclose(got.alt_m, atmosphere.alt_m(geopotential), atol=METRE)


def test_an_isothermal_atmosphere_comes_back_from_its_temperature_alone():
    p = np.geomspace(1e3, 1e5, 57)
    got = sample_thermo(air(lambda *_: 250.0), 0.0, p, 13.0, 7.0)
    lowest = float(atmosphere.pressure_alt_m(1e5))
    expected = lowest + SCALE_M_PER_K * 250.0 * np.log(1e5 / p)
    np.testing.assert_allclose(got.alt_m, atmosphere.alt_m(expected), atol=METRE)


def test_height_between_levels_is_exact_where_temperature_is_linear_in_log_pressure():
    warm, slope = 290.0, 20.0  # kelvin at 1000 hPa, kelvin a unit of ln p

    def kelvin(t, logp, lat, lon):
        return warm + slope * (logp - math.log(1e5))

    def metres(t, logp, lat, lon):
        below = logp - math.log(1e5)
        return -SCALE_M_PER_K * (warm * below + 0.5 * slope * below**2)

    p = np.geomspace(1e3, 1e5, 73)
    for grid in (air(kelvin, metres), air(height=metres)):
        got = sample_thermo(grid, 0.0, p, 0.0, 30.0)
        expected = atmosphere.alt_m(metres(0.0, np.log(p), 0.0, 0.0))
        np.testing.assert_allclose(got.alt_m, expected, atol=METRE)
        np.testing.assert_allclose(got.temperature_k, kelvin(0.0, np.log(p), 0.0, 0.0), atol=0.01)


def test_the_standard_on_levels_comes_back_between_them():
    """Coarse levels bend layers linear in height: by metres, and by 5 K at the kink of the tropopause."""

    def metres(t, logp, lat, lon):
        return atmosphere.pressure_alt_m(np.exp(logp))

    p = np.geomspace(1e3, 1e5, 200)
    got = sample_thermo(air(height=metres), 0.0, p, 0.0, 0.0)
    np.testing.assert_allclose(got.alt_m, atmosphere.alt_from_pressure(p), atol=12.0)
    np.testing.assert_allclose(
        got.temperature_k, atmosphere.temperature_at_geopotential_k(atmosphere.pressure_alt_m(p)), atol=5.5
    )


def test_values_are_linear_in_time_latitude_and_longitude():
    def kelvin(t, logp, lat, lon):
        return 230.0 + t / HOUR + 0.1 * lat - 0.05 * lon

    grid = air(kelvin, isothermal_height)
    got = sample_thermo(grid, 0.25 * HOUR, 5e3, 11.0, 33.0)
    assert got.temperature_k == pytest.approx(230.0 + 0.25 + 1.1 - 1.65, abs=1e-4)


@given(
    st.floats(0.0, HOUR),
    st.floats(math.log(1e3), math.log(1e5)),
    st.floats(-40.0, 40.0),
    st.floats(0.0, 60.0),
)
def test_pressure_at_the_altitude_of_a_pressure_is_that_pressure(t, logp, la, lo):
    packed, thermo = _WAVY
    kelvin, alt, status = thermo_at(*packed, thermo, t, logp, la, lo)
    assert status == 0
    assert kelvin > 150.0
    back, status = log_p_at(*packed, thermo, t, alt, la, lo)
    assert status == 0
    assert back == pytest.approx(logp, abs=1e-6)


def _wavy():
    def kelvin(t, logp, lat, lon):
        return 220.0 + 20.0 * np.sin(2.0 * logp + 0.05 * lon) + 0.2 * lat + t / HOUR

    grid = air(kelvin)
    return pack(grid)[:6], pack_thermo(grid)


_WAVY = _wavy()


def test_points_outside_have_a_code():
    grid = air(height=isothermal_height)
    inside = {"time_s": 0.0, "pressure_pa": 5e3, "lat_deg": 0.0, "lon_deg": 30.0}
    for name, value, code in (
        ("time_s", -1.0, 1), ("time_s", np.nan, 1), ("pressure_pa", 500.0, 2), ("pressure_pa", 101e3, 2),
        ("lat_deg", 41.0, 3), ("lat_deg", np.nan, 3), ("lon_deg", 61.0, 4), ("lon_deg", np.inf, 4),
    ):  # fmt: skip
        got = sample_thermo(grid, **{**inside, name: value})
        assert (int(got.status), math.isnan(float(got.alt_m))) == (code, True), name
    for alt, code in ((40e3, 2), (99.0, 2), (101.0, 0), (np.nan, 2)):
        assert int(pressure_at(grid, 0.0, alt, 0.0, 30.0)[1]) == code, alt
    assert int(pressure_at(grid, 2 * HOUR, 1e4, 0.0, 30.0)[1]) == 1
    assert int(pressure_at(grid, 0.0, 1e4, 50.0, 30.0)[1]) == 3
    assert int(pressure_at(grid, 0.0, 1e4, 0.0, 90.0)[1]) == 4


def test_missing_values_are_told_and_do_no_harm_above_them():
    grid = air(lambda *_: 250.0, isothermal_height)
    holed = replace(grid, temperature_k=grid.temperature_k.copy(), geopotential_m=grid.geopotential_m.copy())
    holed.temperature_k[:, -2:], holed.geopotential_m[:, -2:] = np.nan, np.nan
    assert int(sample_thermo(holed, 0.0, 9e4, 0.0, 30.0).status) == 5
    assert int(sample_thermo(holed, 0.0, 6e4, 0.0, 30.0).status) == 0
    assert int(pressure_at(holed, 0.0, 20e3, 0.0, 30.0)[1]) == 0
    assert int(pressure_at(holed, 0.0, 500.0, 0.0, 30.0)[1]) == 5


def test_heights_start_at_the_lowest_level_with_a_temperature_and_stop_at_a_hole():
    def kelvin(t, logp, lat, lon):
        below = (logp > math.log(8e4)) & (lat < 0.0)
        hole = (logp < math.log(6e3)) & (logp > math.log(4e3)) & (lat > 30.0)
        return np.where(below | hole, np.nan, 250.0)

    heights = pack_thermo(air(kelvin))[0, :, :, 0, 1]
    # 700 hPa is the lowest level south of the equator; row 4 is 40° N.
    assert np.isnan(heights[-2:, 0]).all()
    assert heights[-3, 0] == pytest.approx(float(atmosphere.pressure_alt_m(7e4)), abs=METRE)
    assert np.isfinite(heights[:-2, 0]).all()
    assert np.isnan(heights[:4, 4]).all()
    assert np.isfinite(heights[4:, 4]).all()


def test_rows_at_the_poles_are_those_of_the_wind():
    lat, lon = np.arange(-87.5, 90.0, 5.0), np.arange(0.0, 360.0, 20.0)

    def kelvin(t, logp, lat, lon):
        return 230.0 + 5.0 * np.cos(np.radians(lon)) + 0.0 * t

    grid = air(kelvin, lat=lat, lon=lon, periodic=True)
    packed, thermo = pack(grid), pack_thermo(grid)
    assert thermo.shape[:4] == packed.field.shape[:4]
    for la in (90.0, -90.0):
        for lo in (0.0, 77.0, 350.0):
            kelvins, _, status = thermo_at(*packed[:6], thermo, 0.0, math.log(5e3), la, lo)
            assert (status, kelvins) == (0, pytest.approx(230.0, abs=1e-4))
    # The seam closes: halfway between 340° and 0°.
    got = sample_thermo(grid, 0.0, 5e3, 2.5, 350.0)
    assert got.temperature_k == pytest.approx(230.0 + 2.5 * (1.0 + math.cos(math.radians(20.0))), abs=1e-4)


def test_one_level_of_heights_has_the_standard_temperature():
    grid = air(height=isothermal_height)
    one = Grid(
        time_s=grid.time_s, pressure_pa=np.array([7e3]), lat_deg=grid.lat_deg, lon_deg=grid.lon_deg,
        u_mps=grid.u_mps[:, 4:5], v_mps=grid.v_mps[:, 4:5], geopotential_m=grid.geopotential_m[:, 4:5],
    )  # fmt: skip
    assert float(sample_thermo(one, 0.0, 7e3, 0.0, 0.0).temperature_k) == pytest.approx(216.65, abs=1e-3)


def test_fields_of_another_shape_are_refused():
    grid = air(lambda *_: 250.0)
    with pytest.raises(InputError, match="geopotential_m"):
        replace(grid, geopotential_m=np.zeros((1, 2, 3, 4), np.float32))


def test_a_steady_field_answers_at_any_time():
    grid = air(lambda *_: 250.0, times=(0.0,), steady=True)
    assert int(sample_thermo(grid, 1e9, 5e3, 0.0, 0.0).status) == 0
    assert int(sample_thermo(replace(grid, steady=False), 1e9, 5e3, 0.0, 0.0).status) == 1

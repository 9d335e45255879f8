"""Units against their definitions."""

from __future__ import annotations

import pytest

from overflight import units


def test_metre_factors_are_the_exact_ones() -> None:
    assert units.FOOT_M == 0.3048
    assert units.NAUTICAL_MILE_M == 1852.0
    assert pytest.approx(5280 * units.FOOT_M, abs=1e-12) == units.MILE_M


def test_knot_is_a_nautical_mile_an_hour() -> None:
    # SI Brochure, 8th edition, table 8: 1 knot = (1852/3600) m/s.
    assert pytest.approx(0.514444, abs=5e-7) == units.KNOT_MPS


def test_mean_radius_follows_from_the_axes() -> None:
    minor_m = units.WGS84_A_M * (1.0 - units.WGS84_F)
    # NGA.STND.0036: semi-minor axis 6 356 752.3142 m.
    assert minor_m == pytest.approx(6356752.3142, abs=1e-4)
    assert pytest.approx((2 * units.WGS84_A_M + minor_m) / 3, abs=0.05) == units.EARTH_RADIUS_M


def test_hours_and_days() -> None:
    assert units.DAY_S == 24 * units.HOUR_S
    assert units.HOUR_S == 3600.0


def test_pressure_and_temperature_offsets() -> None:
    assert units.HPA_PA == 100.0
    assert units.ZERO_CELSIUS_K == 273.15

"""The atmosphere against the printed tables of the US Standard Atmosphere 1976."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight import atmosphere as air

# U.S. Standard Atmosphere, 1976 (NOAA-S/T 76-1562), table I, by geometric altitude:
# altitude m, geopotential m, temperature K, pressure mb, density kg/m3.
TABLE_I = [
    (-5000, -5004, 320.676, 1.7776e3, 1.9311),
    (0, 0, 288.150, 1.01325e3, 1.2250),
    (1000, 1000, 281.651, 8.9876e2, 1.1117),
    (5000, 4996, 255.676, 5.4048e2, 7.3643e-1),
    (10000, 9984, 223.252, 2.6499e2, 4.1351e-1),
    (15000, 14965, 216.650, 1.2111e2, 1.9476e-1),
    (20000, 19937, 216.650, 5.5293e1, 8.8910e-2),
    (25000, 24902, 221.552, 2.5492e1, 4.0084e-2),
    (30000, 29859, 226.509, 1.1970e1, 1.8410e-2),
    (40000, 39750, 250.350, 2.8714e0, 3.9957e-3),
    (50000, 49610, 270.650, 7.9779e-1, 1.0269e-3),
    (60000, 59439, 247.021, 2.1958e-1, 3.0968e-4),
    (70000, 69238, 219.585, 5.2209e-2, 8.2829e-5),
    (80000, 79006, 198.639, 1.0524e-2, 1.8458e-5),
]
# The same source at the bases of its layers, by geopotential height: m, K, Pa.
LAYER_BASES = [
    (0, 288.15, 101325.0),
    (11000, 216.65, 22632.06),
    (20000, 216.65, 5474.889),
    (32000, 228.65, 868.0187),
    (47000, 270.65, 110.9063),
    (51000, 270.65, 66.93887),
    (71000, 214.65, 3.956420),
]
# Five figures are printed, some of them cut off and not rounded (15, 60 and 80 km), so one unit of the last.
PRINTED = 1e-4
# 0.5 m for heights printed in whole metres; 0.5 mK for temperatures.
HALF_METRE, HALF_MILLIKELVIN = 0.5, 5.1e-4

ALT, GEOPOTENTIAL, TEMPERATURE, MILLIBAR, DENSITY = np.array(TABLE_I, dtype=float).T
BASE_M, BASE_K, BASE_PA = np.array(LAYER_BASES, dtype=float).T

proof = settings(deadline=None, derandomize=True, max_examples=300)
altitudes = st.floats(min_value=-5000.0, max_value=86000.0)


def test_pressure_of_altitude_is_the_table_s() -> None:
    np.testing.assert_allclose(air.pressure_pa(ALT), MILLIBAR * 100.0, rtol=PRINTED)


def test_altitude_of_pressure_is_the_table_s() -> None:
    # One unit of the last figure of pressure is worth up to 0.8 m where the scale height is 8 km.
    np.testing.assert_allclose(air.alt_from_pressure(MILLIBAR * 100.0), ALT, atol=0.8, rtol=0)


def test_pressure_altitude_is_the_geopotential_column() -> None:
    np.testing.assert_allclose(
        air.pressure_alt_m(MILLIBAR * 100.0), GEOPOTENTIAL, atol=2 * HALF_METRE, rtol=0
    )


def test_geopotential_is_the_table_s() -> None:
    np.testing.assert_allclose(air.geopotential_m(ALT), GEOPOTENTIAL, atol=HALF_METRE, rtol=0)
    np.testing.assert_allclose(air.alt_m(air.geopotential_m(ALT)), ALT, atol=1e-8, rtol=0)


def test_temperature_is_the_table_s() -> None:
    np.testing.assert_allclose(air.temperature_k(ALT), TEMPERATURE, atol=HALF_MILLIKELVIN, rtol=0)


def test_density_is_the_table_s() -> None:
    np.testing.assert_allclose(air.density_kgpm3(ALT), DENSITY, rtol=PRINTED)


def test_layer_bases_by_geopotential_height() -> None:
    np.testing.assert_allclose(air.pressure_at_geopotential_pa(BASE_M), BASE_PA, rtol=2e-7)
    np.testing.assert_allclose(air.temperature_at_geopotential_k(BASE_M), BASE_K, atol=1e-9)
    np.testing.assert_allclose(air.pressure_alt_m(BASE_PA), BASE_M, atol=2e-3)


def test_top_of_the_model() -> None:
    # Table I at 86 km: 84 852 m geopotential, 3.7338e-3 mb, 6.958e-6 kg/m3, and a molecular-scale 186.946 K.
    assert air.geopotential_m(86e3) == pytest.approx(84852.0, abs=HALF_METRE)
    assert air.pressure_pa(86e3) == pytest.approx(0.37338, rel=PRINTED)
    assert air.density_kgpm3(86e3) == pytest.approx(6.958e-6, rel=1e-4)
    assert air.temperature_k(86e3) == pytest.approx(186.946, abs=HALF_MILLIKELVIN)


def test_layers_meet_without_a_step() -> None:
    for base in BASE_M[1:]:
        below, above = air.pressure_at_geopotential_pa([base - 1e-6, base + 1e-6])
        assert below == pytest.approx(above, rel=1e-9)
        assert below > above


def test_kinds_of_altitude_differ_by_what_the_physics_says() -> None:
    # h squared over the Earth's radius: 63 m at 20 km, 141 m at 30 km.
    assert 20e3 - air.geopotential_m(20e3) == pytest.approx(62.7, abs=0.1)
    assert 30e3 - air.geopotential_m(30e3) == pytest.approx(140.9, abs=0.1)
    pressure = air.pressure_pa(20e3)
    assert air.alt_from_pressure(pressure) - air.pressure_alt_m(pressure) == pytest.approx(62.7, abs=0.1)


def test_flight_level_600_is_where_icao_puts_it() -> None:
    # ICAO Doc 7488: 60 000 ft of pressure altitude is 71.72 hPa (7171.7 Pa).
    assert air.pressure_alt_m(7171.7) == pytest.approx(60_000 * 0.3048, abs=1.0)


def test_pressure_is_the_weight_of_the_air_above() -> None:
    height = np.linspace(0.0, 80e3, 160_001)
    mass = air.pressure_at_geopotential_pa(height) / air.temperature_at_geopotential_k(height)
    step = np.diff(height) * 0.5 * (mass[1:] + mass[:-1]) / air.DRY_AIR_J_PER_KG_K
    drop = -np.diff(air.pressure_at_geopotential_pa(height))
    np.testing.assert_allclose(step * air.STANDARD_GRAVITY_MPS2, drop, rtol=1e-6)


@given(altitudes)
@proof
def test_altitude_and_pressure_are_inverses(alt_m: float) -> None:
    back = air.alt_from_pressure(air.pressure_pa(alt_m))
    assert back == pytest.approx(alt_m, abs=1e-6, rel=0)


@given(altitudes, altitudes)
@proof
def test_higher_is_thinner(a: float, b: float) -> None:
    low, high = sorted((a, b))
    if high - low > 1e-3:
        assert air.pressure_pa(low) > air.pressure_pa(high)
        assert air.density_kgpm3(low) > air.density_kgpm3(high)


@pytest.mark.parametrize("alt_m", [-5000.1, 86000.1, 120e3, -6.4e6, 6.4e6, np.inf, -np.inf, np.nan])
def test_outside_the_range_is_nan(alt_m: float) -> None:
    for function in (air.pressure_pa, air.temperature_k, air.density_kgpm3):
        assert np.isnan(function(alt_m))


@pytest.mark.parametrize("pressure_pa", [0.0, -1.0, 0.3733, 177_800.0, np.inf, np.nan])
def test_pressures_of_nowhere_are_nan(pressure_pa: float) -> None:
    assert np.isnan(air.pressure_alt_m(pressure_pa))
    assert np.isnan(air.alt_from_pressure(pressure_pa))


def test_the_ends_of_the_range_come_back_despite_their_last_bits() -> None:
    ends = [np.nextafter(air.PRESSURE_MAX_PA, np.inf), np.nextafter(air.PRESSURE_MIN_PA, 0.0)]
    assert air.alt_from_pressure(ends) == pytest.approx([air.ALT_MIN_M, air.ALT_MAX_M], abs=1e-6)


def test_geopotential_ends_before_the_formula_breaks() -> None:
    limit = air.EFFECTIVE_EARTH_RADIUS_M
    assert np.isnan(air.alt_m([limit, 2 * limit, np.inf, -np.inf, np.nan])).all()
    assert np.isnan(air.geopotential_m([-limit, limit, np.inf, np.nan])).all()
    assert np.isfinite(air.geopotential_m(400e3))


def test_arrays_keep_their_shape_and_their_gaps() -> None:
    alt = np.array([[0.0, np.nan, 18e3], [90e3, 10e3, -1e4]])
    pressure = air.pressure_pa(alt)
    assert pressure.shape == alt.shape
    assert np.isnan(pressure).tolist() == [[False, True, False], [True, False, True]]
    assert air.pressure_pa(np.empty((0, 3))).shape == (0, 3)
    assert air.pressure_alt_m(np.float32(5474.889)).dtype == np.float64

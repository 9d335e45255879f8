"""The US Standard Atmosphere 1976, from -5 to 86 km, both ways.

Three kinds of altitude meet here and each has its own name:

- `alt_m`: geometric. The standard counts it from mean sea level; without a geoid we take the WGS-84
  ellipsoid for that (they differ by at most 107 m), as docs/nomenclature.md says.
- `geopotential_m`: geopotential height, metres of potential energy under standard gravity. It falls short
  of `alt_m` by about alt²/6.357e6: 63 m at 20 km, 141 m at 30 km.
- `pressure_alt_m`: the geopotential height at which the standard atmosphere has a given pressure. It is a
  name for a pressure and says where something is only as well as the day's air is standard.

Every function takes arrays of any shape and returns the same shape, float64. Outside the range of the
standard, and for NaN, the result is NaN; nothing is extrapolated.

Source: U.S. Standard Atmosphere, 1976 (NOAA, NASA, USAF; NOAA-S/T 76-1562), equations 18, 19, 23, 33 and
42, tables 2 and 4. Temperature is the molecular-scale one: above 80 km it exceeds the kinetic
temperature, by 0.04 % at 86 km (table 8 of the source). Pressure and density need no such caution.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

# Table 2 of the source.
STANDARD_GRAVITY_MPS2: Final = 9.80665
EFFECTIVE_EARTH_RADIUS_M: Final = 6356766.0
SEA_LEVEL_PRESSURE_PA: Final = 101325.0
SEA_LEVEL_TEMPERATURE_K: Final = 288.15
MOLAR_MASS_KG_PER_KMOL: Final = 28.9644
# The source's own value; CODATA has since moved to 8314.46.
GAS_CONSTANT_J_PER_KMOL_K: Final = 8314.32

DRY_AIR_J_PER_KG_K: Final = GAS_CONSTANT_J_PER_KMOL_K / MOLAR_MASS_KG_PER_KMOL

# Table 4 of the source: geopotential height where each layer begins, and its lapse rate.
_BASE_M: Final = np.array([0.0, 11e3, 20e3, 32e3, 47e3, 51e3, 71e3])
_LAPSE_KPM: Final = np.array([-6.5e-3, 0.0, 1.0e-3, 2.8e-3, 0.0, -2.8e-3, -2.0e-3])
# The source tabulates from -5 km, the lowest layer carried on below the sea, to 86 km, where its other
# model begins; both geometric.
ALT_MIN_M: Final = -5e3
ALT_MAX_M: Final = 86e3

_HYDROSTATIC_KPM: Final = STANDARD_GRAVITY_MPS2 / DRY_AIR_J_PER_KG_K


def geopotential_m(alt_m: npt.ArrayLike) -> Float64s:
    """Return geopotential height of a geometric altitude, by the standard's inverse-square gravity.

    Needs no atmosphere, so it goes on beyond 86 km; NaN from one Earth radius on.
    """
    alt = np.asarray(alt_m, dtype=np.float64)
    # Beyond these the formula runs through the Earth's centre, or holds no digits.
    alt = np.where(np.abs(alt) < EFFECTIVE_EARTH_RADIUS_M, alt, np.nan)
    return EFFECTIVE_EARTH_RADIUS_M * alt / (EFFECTIVE_EARTH_RADIUS_M + alt)


def alt_m(geopotential_m: npt.ArrayLike) -> Float64s:
    """Return geometric altitude of a geopotential height; the inverse of `geopotential_m`."""
    height = np.asarray(geopotential_m, dtype=np.float64)
    height = np.where(np.abs(height) < EFFECTIVE_EARTH_RADIUS_M, height, np.nan)
    return EFFECTIVE_EARTH_RADIUS_M * height / (EFFECTIVE_EARTH_RADIUS_M - height)


def pressure_pa(alt_m: npt.ArrayLike) -> Float64s:
    """Return pressure at a geometric altitude, NaN outside -5 to 86 km."""
    return pressure_at_geopotential_pa(geopotential_m(alt_m))


def temperature_k(alt_m: npt.ArrayLike) -> Float64s:
    """Return molecular-scale temperature at a geometric altitude, NaN outside the range."""
    return temperature_at_geopotential_k(geopotential_m(alt_m))


def density_kgpm3(alt_m: npt.ArrayLike) -> Float64s:
    """Return air density at a geometric altitude, NaN outside the range."""
    height = geopotential_m(alt_m)
    return pressure_at_geopotential_pa(height) / (DRY_AIR_J_PER_KG_K * temperature_at_geopotential_k(height))


def pressure_alt_m(pressure_pa: npt.ArrayLike) -> Float64s:
    """Return pressure altitude: the *geopotential* height at which the standard has this pressure.

    NaN where the pressure is not positive or belongs to a height outside the range.
    """
    pressure = np.asarray(pressure_pa, dtype=np.float64)
    # The ends of the range with room for the last bits of exp, so that the ends themselves come back.
    inside = (pressure <= PRESSURE_MAX_PA * (1 + 1e-12)) & (pressure >= PRESSURE_MIN_PA * (1 - 1e-12))
    safe = np.where(inside, pressure, SEA_LEVEL_PRESSURE_PA)
    layer = np.clip(np.searchsorted(-_BASE_PA, -safe, side="right") - 1, 0, _BASE_M.size - 1)
    ratio = np.log(_BASE_PA[layer] / safe)
    lapse, base_k = _LAPSE_KPM[layer], _BASE_K[layer]
    isothermal = lapse == 0.0
    rate = np.where(isothermal, 1.0, lapse)
    thickness = np.where(
        isothermal,
        ratio * base_k / _HYDROSTATIC_KPM,
        base_k / rate * np.expm1(ratio * rate / _HYDROSTATIC_KPM),
    )
    return np.where(inside, _BASE_M[layer] + thickness, np.nan)


def alt_from_pressure(pressure_pa: npt.ArrayLike) -> Float64s:
    """Return the *geometric* altitude at which the standard has this pressure; see `pressure_alt_m`."""
    return alt_m(pressure_alt_m(pressure_pa))


def temperature_at_geopotential_k(geopotential_m: npt.ArrayLike) -> Float64s:
    """Return molecular-scale temperature at a geopotential height, NaN outside the range."""
    height, layer, inside = _layer(geopotential_m)
    return np.where(inside, _BASE_K[layer] + _LAPSE_KPM[layer] * (height - _BASE_M[layer]), np.nan)


def pressure_at_geopotential_pa(geopotential_m: npt.ArrayLike) -> Float64s:
    """Return pressure at a geopotential height, NaN outside the range."""
    height, layer, inside = _layer(geopotential_m)
    return np.where(inside, _BASE_PA[layer] * _pressure_ratio(layer, height - _BASE_M[layer]), np.nan)


def _layer(geopotential_m: npt.ArrayLike) -> tuple[Float64s, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    height = np.asarray(geopotential_m, dtype=np.float64)
    inside = (height >= GEOPOTENTIAL_MIN_M) & (height <= GEOPOTENTIAL_MAX_M)
    safe = np.where(inside, height, 0.0)
    return safe, np.clip(np.searchsorted(_BASE_M, safe, side="right") - 1, 0, None), inside


def _pressure_ratio(layer: npt.NDArray[np.intp], above_base_m: Float64s) -> Float64s:
    """Pressure over that of the layer's base; equations 33a and 33b of the source."""
    lapse, base_k = _LAPSE_KPM[layer], _BASE_K[layer]
    isothermal = lapse == 0.0
    rate = np.where(isothermal, 1.0, lapse)
    # log1p keeps the sloping layers as exact as the isothermal ones for thin steps.
    exponent = np.where(
        isothermal,
        -_HYDROSTATIC_KPM * above_base_m / base_k,
        -_HYDROSTATIC_KPM / rate * np.log1p(rate * above_base_m / base_k),
    )
    return np.asarray(np.exp(exponent))


def _base_temperatures() -> Float64s:
    steps = _LAPSE_KPM[:-1] * np.diff(_BASE_M)
    return SEA_LEVEL_TEMPERATURE_K + np.concatenate([[0.0], np.cumsum(steps)])


def _base_pressures() -> Float64s:
    ratios = _pressure_ratio(np.arange(_BASE_M.size - 1), np.diff(_BASE_M))
    return SEA_LEVEL_PRESSURE_PA * np.concatenate([[1.0], np.cumprod(ratios)])


_BASE_K: Final = _base_temperatures()
_BASE_PA: Final = _base_pressures()
GEOPOTENTIAL_MIN_M: Final = float(geopotential_m(ALT_MIN_M))
GEOPOTENTIAL_MAX_M: Final = float(geopotential_m(ALT_MAX_M))
PRESSURE_MAX_PA: Final = float(pressure_at_geopotential_pa(GEOPOTENTIAL_MIN_M))
PRESSURE_MIN_PA: Final = float(pressure_at_geopotential_pa(GEOPOTENTIAL_MAX_M))

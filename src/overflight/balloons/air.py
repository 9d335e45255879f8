"""Dry air for the compiled rates: density and scale heights from log-pressure and temperature.

Ideal gas with the constants of the U.S. Standard Atmosphere 1976 (see `overflight.atmosphere`), so that a
balloon in standard air meets the standard's densities. Moisture changes the density by under 2 % near a
warm sea and by nothing in the stratosphere; it is left out.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import DRY_AIR_J_PER_KG_K, STANDARD_GRAVITY_MPS2
from overflight.compiled import compiled

GRAVITY_MPS2: Final = STANDARD_GRAVITY_MPS2
GAS_J_PER_KG_K: Final = DRY_AIR_J_PER_KG_K
LOG_GAS: Final = math.log(GAS_J_PER_KG_K)
# Specific heat of dry air at constant pressure: 7/2 of the gas constant for a diatomic gas.
HEAT_J_PER_KG_K: Final = 3.5 * GAS_J_PER_KG_K
KAPPA: Final = 2.0 / 7.0
# Potential temperature counts from 1000 hPa (AMS Glossary, "potential temperature").
LOG_P0: Final = math.log(1e5)


@compiled
def scale_height_m(temperature_k: float) -> float:
    """Return the height over which pressure falls by e."""
    return GAS_J_PER_KG_K * temperature_k / GRAVITY_MPS2


@compiled
def log_density(log_p: float, temperature_k: float) -> float:
    """Return the natural logarithm of the density in kg/m³."""
    return log_p - LOG_GAS - math.log(temperature_k)


@compiled
def log_theta(log_p: float, temperature_k: float) -> float:
    """Return the natural logarithm of the potential temperature in kelvin."""
    return math.log(temperature_k) + KAPPA * (LOG_P0 - log_p)


@compiled
def clip(x: float, low: float, high: float) -> float:
    """Return x within [low, high]."""
    return min(max(x, low), high)

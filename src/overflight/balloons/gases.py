"""Lifting gases: how much lighter than air, and the size of what holds them.

At the pressure and temperature of the air around it, a gas displaces air of `ratio` times its own mass,
the ratio of the molar masses; the lift, as a mass, is gas × (ratio - 1), at any height.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import MOLAR_MASS_KG_PER_KMOL
from overflight.balloons.air import GAS_J_PER_KG_K
from overflight.compiled import compiled

# Molar masses, kg/kmol: IUPAC standard atomic weights of He, and of H twice.
MOLAR_KG_PER_KMOL: Final = {"helium": 4.0026, "hydrogen": 2.016}
# Specific heats at constant pressure, J/(kg K), near 250 K: 5/2 R/M for helium; NIST for hydrogen.
HEAT_J_PER_KG_K: Final = {"helium": 5193.0, "hydrogen": 14050.0}
GASES: Final = tuple(MOLAR_KG_PER_KMOL)


def lift_ratio(gas: str) -> float:
    """Return the mass of air that a gas displaces, over its own."""
    return MOLAR_MASS_KG_PER_KMOL / MOLAR_KG_PER_KMOL[gas]


@compiled
def gas_volume_m3(gas_kg: float, ratio: float, log_p: float, temperature_k: float) -> float:
    """Return the volume of a gas at a pressure and its own temperature."""
    return gas_kg * ratio * GAS_J_PER_KG_K * temperature_k * math.exp(-log_p)


@compiled
def section_m2(volume_m3: float) -> float:
    """Return the cross-section of a sphere of a volume."""
    return math.pi * float((0.75 * volume_m3 / math.pi) ** (2.0 / 3.0))


def sphere_m3(diameter_m: float) -> float:
    """Return the volume of a sphere."""
    return math.pi / 6.0 * diameter_m**3

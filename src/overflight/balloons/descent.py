"""Falling at terminal speed.

Weight equals drag: `m g = ρ v² C_d A / 2`, so v = √(2 m g / (ρ C_d A)). Between heights only the density
changes: v = v₀ √(ρ₀ / ρ) with v₀ the speed in the 1.225 kg/m³ of the standard at sea level, which is how
the predictors of sounding balloons state it (CUSF landing predictor, "descent rate at sea level"). The
speed is that of equilibrium, which a payload under a parachute reaches within seconds.

Row: [0] terminal speed at the standard's sea-level density, m/s.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import SEA_LEVEL_PRESSURE_PA, SEA_LEVEL_TEMPERATURE_K
from overflight.balloons.air import GAS_J_PER_KG_K, GRAVITY_MPS2, log_density
from overflight.compiled import compiled

SEA_LEVEL_DENSITY_KGPM3: Final = SEA_LEVEL_PRESSURE_PA / (GAS_J_PER_KG_K * SEA_LEVEL_TEMPERATURE_K)
LOG_SEA_LEVEL: Final = math.log(SEA_LEVEL_DENSITY_KGPM3)


def terminal_speed_mps(
    mass_kg: float, drag_area_m2: float, density_kgpm3: float = SEA_LEVEL_DENSITY_KGPM3
) -> float:
    """Return the terminal speed of a mass with a drag area (coefficient × area), m/s."""
    return math.sqrt(2.0 * mass_kg * GRAVITY_MPS2 / (density_kgpm3 * drag_area_m2))


@compiled
def fall_up(sea_level_mps: float, log_p: float, temperature_k: float) -> float:
    """Return the vertical speed of a fall, m/s, negative."""
    return -sea_level_mps * math.exp(0.5 * (LOG_SEA_LEVEL - log_density(log_p, temperature_k)))

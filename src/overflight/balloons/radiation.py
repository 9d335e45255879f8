"""Sunlight and the warmth of the Earth on a balloon, simply: clear sky, one ground temperature.

Transmission, air mass and the warmth from below are the engineering fits of R. Farley, *BalloonAscent: 3-D
simulation tool for the ascent and float of high-altitude balloons*, AIAA 2005-7412, which models of solar
balloons took over (T. Schuler and others, EarthSHAB). Clouds change the fluxes from below by a third either
way and are left out.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import SEA_LEVEL_PRESSURE_PA
from overflight.balloons.air import clip
from overflight.compiled import compiled
from overflight.sun import RAD, dip_deg, solar_angles_deg
from overflight.units import EARTH_RADIUS_M

# Total solar irradiance at 1 au: Kopp and Lean 2011, Geophys. Res. Lett. 38.
SOLAR_WPM2: Final = 1361.0
# CODATA 2018.
STEFAN_WPM2K4: Final = 5.670374419e-8
# Of soil and water, in the infrared: Farley's default.
GROUND_EMISSIVITY: Final = 0.95


@compiled
def air_mass(elevation_deg: float, pressure_pa: float) -> float:
    """Return the air on the way to the sun, over that of the whole zenith path from sea level."""
    up = 614.0 * math.sin(elevation_deg * RAD)
    return pressure_pa / SEA_LEVEL_PRESSURE_PA * (math.sqrt(1229.0 + up * up) - up)


@compiled
def transmission(mass: float) -> float:
    """Return the share of sunlight left after an air mass."""
    return 0.5 * (math.exp(-0.65 * mass) + math.exp(-0.095 * mass))


@compiled
def sunlight(
    time_s: float, lon_deg: float, lat_deg: float, alt_m: float, log_p: float
) -> tuple[float, float]:
    """Return the direct sunlight, W/m² across the rays, and the sun's elevation, degrees.

    Dark when the sun stands under the horizon as seen from the height.
    """
    elevation, _, distance_au = solar_angles_deg(time_s, lon_deg, lat_deg)
    if elevation <= -dip_deg(alt_m):
        return 0.0, elevation
    left = transmission(air_mass(elevation, math.exp(log_p)))
    return SOLAR_WPM2 / (distance_au * distance_au) * left, elevation


@compiled
def view_of_earth(alt_m: float) -> float:
    """Return the share of the sphere of directions that the Earth fills."""
    sine = EARTH_RADIUS_M / (EARTH_RADIUS_M + max(alt_m, 0.0))
    return 0.5 * (1.0 - math.sqrt(max(1.0 - sine * sine, 0.0)))


@compiled
def earth_warmth_wpm2(ground_k: float, log_p: float) -> float:
    """Return the infrared from below, W/m²."""
    share = clip(math.exp(log_p) / SEA_LEVEL_PRESSURE_PA, 0.0, 1.2)
    through = 1.716 - 0.5 * (math.exp(-0.65 * share) + math.exp(-0.095 * share))
    return through * GROUND_EMISSIVITY * STEFAN_WPM2K4 * ground_k**4


@compiled
def sky_warmth_wpm2(alt_m: float) -> float:
    """Return the infrared from above, W/m²."""
    return clip(300.0 - 0.03 * alt_m, 50.0, 400.0)

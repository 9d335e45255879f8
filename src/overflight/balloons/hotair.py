"""Solar hot-air balloons: dark envelopes of air that the sun heats.

The envelope takes up sunlight (direct, and what the ground sends back) and infrared from below and above;
it gives off its own and warms the air around by free convection. Its heat and that of the air in it settle
within a minute or two, so both have the temperature at which the balance closes, at every moment:

    α (S A/4 + albedo S sin(h) F A) + ε (F Q_earth + (1 - F) Q_sky) A = ε σ T⁴ A + h_c A (T - T_air)

with A the surface of a sphere and F the share of it that looks at the Earth. Lift is `ρ V (1 - T_air/T)`.
Defaults are those of the 5.8 m charcoal balloons of Bowman and others (2020, J. Atmos. Oceanic Technol. 37)
with the coefficients of EarthSHAB (Schuler and others), whose drag is 4.5 times as large on the way up, as
their climb of about 2 m/s asks for. The mass is 0.9 kg aboard and 1.3 kg of film (0.8 kg of 8 µm), charcoal,
tape and lines; with it three flights known from open data float within 1 km of where they did. Free
convection: Nu of a sphere as Farley (2005) gives it. Left out: clouds, the moisture of the air within,
forced convection (less than the free one at these speeds), envelopes that are not full.

Row: [0] factor on the speed, [1] diameter, m, [2] mass, kg, [3] absorptivity, [4] emissivity,
[5] albedo, [6] temperature of the ground, K, [7] drag coefficient, [8] time constant, s,
[9] drag coefficient on the way down.
"""

from __future__ import annotations

import math

from overflight.atmosphere import Float64s
from overflight.balloons.air import GAS_J_PER_KG_K, GRAVITY_MPS2, KAPPA, clip, log_density, scale_height_m
from overflight.balloons.lift import drag_speed_mps
from overflight.balloons.radiation import (
    STEFAN_WPM2K4,
    earth_warmth_wpm2,
    sky_warmth_wpm2,
    sunlight,
    view_of_earth,
)
from overflight.compiled import compiled
from overflight.sun import RAD

# Specific heat of air at constant pressure, J/(kg K).
AIR_HEAT_J_PER_KG_K = GAS_J_PER_KG_K / KAPPA
NEWTON_STEPS = 12


@compiled
def hot_air_up(
    row: Float64s,
    time_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
) -> float:
    """Return the vertical speed of a solar balloon, m/s."""
    inside_k = inside_temperature_k(row, time_s, lon_deg, lat_deg, alt_m, log_p, temperature_k)
    share = 1.0 - temperature_k / inside_k
    diameter = row[1]
    density = math.exp(log_density(log_p, temperature_k))
    carried = density * math.pi / 6.0 * diameter**3 * share
    drag = row[7] if carried > row[2] else row[9]
    speed = drag_speed_mps(carried - row[2], drag, math.pi / 4.0 * diameter**2, density)
    if carried > 0.0:
        # How far its own level is, as a hold comes to it.
        gap = scale_height_m(temperature_k) * math.log(carried / row[2])
        speed = math.copysign(min(abs(speed), abs(gap) / row[8]), gap)
    return float(row[0]) * speed


@compiled
def inside_temperature_k(
    row: Float64s,
    time_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
) -> float:
    """Return the temperature of the air in a solar balloon, K, at which its heat is in balance."""
    gained: float = _gained_wpm2(row, time_s, lon_deg, lat_deg, alt_m, log_p)
    inside = float(temperature_k + 10.0)
    for _ in range(NEWTON_STEPS):
        carried = _convection_wpm2k(row[1], inside, log_p, temperature_k)
        radiated = float(row[4]) * STEFAN_WPM2K4 * inside**3
        excess = gained - radiated * inside - carried * (inside - temperature_k)
        inside += excess / (4.0 * radiated + 4.0 / 3.0 * carried + 1e-9)
        inside = clip(inside, temperature_k - 100.0 if temperature_k > 150.0 else 50.0, temperature_k + 250.0)
    return float(inside)


@compiled
def _gained_wpm2(
    row: Float64s, time_s: float, lon_deg: float, lat_deg: float, alt_m: float, log_p: float
) -> float:
    """Return what the envelope takes up, W per m² of its surface."""
    direct, elevation = sunlight(time_s, lon_deg, lat_deg, alt_m, log_p)
    view = view_of_earth(alt_m)
    returned = float(row[5]) * direct * max(math.sin(elevation * RAD), 0.0) * view
    warmth = view * earth_warmth_wpm2(float(row[6]), log_p) + (1.0 - view) * sky_warmth_wpm2(alt_m)
    return float(row[3]) * (0.25 * direct + returned) + float(row[4]) * warmth


@compiled
def _convection_wpm2k(diameter_m: float, inside_k: float, log_p: float, temperature_k: float) -> float:
    """Return the coefficient of free convection on a sphere, W/(m² K)."""
    mean_k = 0.5 * (inside_k + temperature_k)
    # Viscosity: U.S. Standard Atmosphere 1976, equation 51. Conductivity: a power law, 1 % from 200 to 300 K.
    viscosity = 1.458e-6 * mean_k**1.5 / (mean_k + 110.4)
    conductivity = 0.0241 * (mean_k / 273.15) ** 0.9
    kinematic = viscosity / math.exp(log_density(log_p, mean_k))
    prandtl = viscosity * AIR_HEAT_J_PER_KG_K / conductivity
    rayleigh = (
        prandtl * GRAVITY_MPS2 * abs(inside_k - temperature_k) * diameter_m**3 / (mean_k * kinematic**2)
    )
    nusselt = 2.0 + 0.6 * rayleigh**0.25 if rayleigh < 1.5e8 else 0.1 * rayleigh**0.34
    return float(nusselt * conductivity / diameter_m)

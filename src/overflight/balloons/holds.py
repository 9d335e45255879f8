"""Floats that hold a surface: constant pressure, density, potential temperature, height.

Each relaxes to its surface with a time constant, so that a start off the surface comes to it and air that
warms along the way carries the balloon up or down with the surface:
`up = (z_target - z) / tau`, with z_target - z reckoned in the local column as if it were isothermal.
On the surface that is exact; off it the approach is slower or faster by the lapse rate (three times slower
for potential temperature in a troposphere of 6.5 K/km). Pressure relaxes exactly exponentially in ln p.

A real superpressure balloon oscillates about its density surface with a period of about four minutes
(Podglajen and others 2016, Geophys. Res. Lett. 43); at the 600 s of the default it follows the mean.

Row: [0] target as ln Pa, ln kg/m³, ln K or m; NaN means the value at the start of the stage, which
`begin_stage` writes. [1] time constant, s; negative in runs backward. [2] greatest vertical speed, m/s.
"""

from __future__ import annotations

import math

from overflight.balloons.air import (
    GRAVITY_MPS2,
    HEAT_J_PER_KG_K,
    clip,
    log_density,
    log_theta,
    scale_height_m,
)
from overflight.balloons.codes import CONSTANT_DENSITY, CONSTANT_HEIGHT, CONSTANT_PRESSURE, CONSTANT_THETA
from overflight.compiled import compiled


@compiled
def held(code: int, alt_m: float, log_p: float, temperature_k: float) -> float:
    """Return what a hold keeps constant, as its row's slot 0 counts it."""
    if code == CONSTANT_PRESSURE:
        return log_p
    if code == CONSTANT_DENSITY:
        return log_density(log_p, temperature_k)
    if code == CONSTANT_THETA:
        return log_theta(log_p, temperature_k)
    return alt_m


@compiled
def hold_up(
    code: int,
    target: float,
    tau_s: float,
    max_mps: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
) -> float:
    """Return the vertical speed of a hold, m/s; zero while its target is not yet known."""
    gap = target - held(code, alt_m, log_p, temperature_k)
    if math.isnan(gap):
        return 0.0
    if code in (CONSTANT_PRESSURE, CONSTANT_DENSITY):
        gap *= -scale_height_m(temperature_k)
    elif code == CONSTANT_THETA:
        gap *= HEAT_J_PER_KG_K * temperature_k / GRAVITY_MPS2
    return clip(gap / tau_s, -max_mps, max_mps)


@compiled
def is_hold(code: int) -> bool:
    """Return whether a term holds a surface."""
    return CONSTANT_PRESSURE <= code <= CONSTANT_HEIGHT

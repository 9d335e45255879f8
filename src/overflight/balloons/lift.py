"""Ascent by free lift: an expanding balloon of rubber with a fixed mass of gas.

The lift left over, `F = m_gas (ratio - 1) - m`, does not change with height, and drag balances it:
`F g = ρ v² C_d A / 2` with the section A of a sphere of the gas at the pressure and temperature of the air.
So v grows as ρ^(-1/6): by 60 % from the ground to 20 hPa. A real balloon's gas is warmer than the air
by day and its drag changes with the Reynolds number (Gallice and others 2011, Atmos. Meas. Tech. 4), which
moves the profile by some 10 %; the excess pressure of the rubber is left out, as the calculators do.

Row: [0] factor on the speed, [1] gas, kg, [2] mass lifted with the rubber, kg, [3] lift ratio of the gas,
[4] drag coefficient. Gas lost (store 2) is taken off.
"""

from __future__ import annotations

import math

from overflight.atmosphere import Float64s
from overflight.balloons.air import GRAVITY_MPS2, log_density
from overflight.balloons.gases import gas_volume_m3, section_m2
from overflight.compiled import compiled


@compiled
def drag_speed_mps(net_kg: float, drag: float, area_m2: float, density_kgpm3: float) -> float:
    """Return the speed at which drag balances a surplus of lift (up) or of weight (negative, down)."""
    if net_kg == 0.0:
        return 0.0
    # A balloon without gas has no section: it falls as something of a hundredth of a square metre.
    speed = math.sqrt(2.0 * abs(net_kg) * GRAVITY_MPS2 / (density_kgpm3 * drag * max(area_m2, 0.01)))
    return speed if net_kg > 0.0 else -speed


@compiled
def lift_up(row: Float64s, log_p: float, temperature_k: float, lost_kg: float) -> float:
    """Return the vertical speed of a balloon that rises by free lift, m/s."""
    gas = max(row[1] - max(lost_kg, 0.0), 0.0)
    area = section_m2(gas_volume_m3(gas, row[3], log_p, temperature_k))
    net = gas * (row[3] - 1.0) - row[2]
    return float(row[0]) * drag_speed_mps(net, row[4], area, math.exp(log_density(log_p, temperature_k)))

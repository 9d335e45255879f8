"""A slow leak: gas goes at a steady rate until the balloon cannot hold its level.

A superpressure balloon floats at its density as long as gas is left beyond what just fills it (`spare_kg`);
from then on it is limp, weighs `lost × (ratio - 1)` too much, and sinks ever faster, at the speed at which
drag balances that. Zero-pressure and expanding balloons lose lift from the first gram: their own terms take
the gas lost off. Superheat, which may lift a limp balloon again by day, is left out.

Row: [0] gas lost, kg/s, [1] spare gas, kg, [2] gas at the start, kg, [3] lift ratio, [4] drag coefficient,
[5] 1 when the leak itself makes the balloon sink, 0 when another term takes the loss off.
"""

from __future__ import annotations

import math

from overflight.atmosphere import Float64s
from overflight.balloons.air import log_density
from overflight.balloons.gases import gas_volume_m3, section_m2
from overflight.balloons.lift import drag_speed_mps
from overflight.compiled import compiled


@compiled
def leak_rates(row: Float64s, log_p: float, temperature_k: float, lost_kg: float) -> tuple[float, float]:
    """Return the vertical speed, m/s, and the rate of gas lost, kg/s."""
    left = max(row[2] - max(lost_kg, 0.0), 0.0)
    # Beside a term that knows its own gas the row has none.
    rate = float(row[0]) if left > 0.0 or row[5] == 0.0 else 0.0
    heavy = min(lost_kg, row[2]) - row[1]
    if row[5] == 0.0 or heavy <= 0.0:
        return 0.0, rate
    area = section_m2(gas_volume_m3(left, row[3], log_p, temperature_k))
    density = math.exp(log_density(log_p, temperature_k))
    return drag_speed_mps(-heavy * (row[3] - 1.0), row[4], area, density), rate

"""Zero-pressure balloons by day and by night.

An open envelope of fixed greatest volume. The gas has the pressure of the air and is warmer than it by
day, colder by night. While it does not fill the envelope, the lift does not change with height: what is too
light rises until it is full, and then spills gas until it floats; after sunset it has lost lift and sinks,
unless ballast goes. The diurnal change of lift is the change of gas temperature over the temperature of
the air: the defaults (+10 K, -6 K) give 8 % of the system's mass in air of 230 K. Gas balloons of the
Gordon Bennett race, a tonne or so, drop 80 to 100 kg a night (gordonbennett.org, "The gas balloon").

Gas that rises cools by its own expansion, faster than radiation and the envelope give it back, and gas that
sinks warms: that holds large balloons to a few metres a second, not drag (Kreider 1975, *Mathematical
modeling of high altitude balloon performance*, AIAA 75-1385). In the steady state the gas lags by
`heat_s × speed × g/c_p`, so the speed solves `a v² + b v = |surplus|`. The temperature of the air is taken
as the same over the way: where it falls as one goes down (30 to 50 km) a real balloon sinks more slowly and
may find a new level.

Near its level a full balloon comes to it with the time constant of a hold instead of the seconds of the true
motion, which steps of minutes would not follow.

Row: [0] factor on the speed, [1] volume, m³, [2] gas at the start, kg, [3] mass without gas and ballast, kg,
[4] lift ratio, [5] drag coefficient, [6] K that the gas is warmer in full sun, [7] the same by night (mostly
negative), [8] time constant of the gas's heat × g/c_p, s K/m, [9] ballast dropped while sinking, kg/s,
[10] only below this height, m, [11] time constant, s, [12] time over which the last of it trickles out, s.
Stores: ballast (0) is carried and dropped, gas lost (2) grows as it spills.
"""

from __future__ import annotations

import math

from overflight.atmosphere import Float64s
from overflight.balloons.air import GRAVITY_MPS2, log_density, scale_height_m
from overflight.balloons.gases import gas_volume_m3, section_m2
from overflight.balloons.radiation import SOLAR_WPM2, sunlight
from overflight.compiled import compiled


@compiled
def zero_rates(
    row: Float64s,
    time_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    ballast_kg: float,
    lost_kg: float,
) -> tuple[float, float, float]:
    """Return the vertical speed, m/s, and the rates of ballast and of gas lost, kg/s."""
    ballast_kg = max(ballast_kg, 0.0)
    gas = max(row[2] - max(lost_kg, 0.0), 0.0)
    sun = min(sunlight(time_s, lon_deg, lat_deg, alt_m, log_p)[0] / SOLAR_WPM2, 1.0)
    warmer = row[7] + (row[6] - row[7]) * sun
    gas_k = max(temperature_k + warmer, 1.0)
    volume = gas_volume_m3(gas, row[4], log_p, gas_k)
    density = math.exp(log_density(log_p, temperature_k))
    spilled = 0.0
    if volume > row[1]:
        spilled = gas * (1.0 - row[1] / volume) / row[11]
        volume = row[1]
    total = gas + row[3] + ballast_kg
    net = density * volume - total
    up = _speed(row, net, volume, density, temperature_k, density * volume)
    if volume == row[1] or net > 0.0:
        gap = scale_height_m(temperature_k) * math.log(density * row[1] / total)
        up = math.copysign(min(abs(up), abs(gap) / row[11]), gap)
    dropped = 0.0
    if up < 0.0 and alt_m < row[10]:
        dropped = min(row[9], ballast_kg / row[12])
    return float(row[0]) * up, -dropped, spilled


@compiled
def _speed(
    row: Float64s, net_kg: float, volume_m3: float, density: float, temperature_k: float, displaced_kg: float
) -> float:
    """Solve drag and the gas's own cooling against the surplus of lift."""
    drag = density * row[5] * max(section_m2(volume_m3), 0.01) / (2.0 * GRAVITY_MPS2)
    cooling = displaced_kg / temperature_k * row[8]
    speed = 2.0 * abs(net_kg) / (cooling + math.sqrt(cooling * cooling + 4.0 * drag * abs(net_kg)) + 1e-300)
    return math.copysign(speed, net_kg)

"""Altitude control: to a height, or along a schedule of heights, within limits on rate and range.

The balloon goes towards the commanded height at up to `up_mps` or `down_mps` and comes to it with the time
constant of a hold. What the way costs:

- "free": nothing; for flights whose means are not known.
- "ballast": floating ρ ∝ mass, so a climb of dz takes ballast of `mass dz / H`, H the scale height, and a
  way down takes gas that lifts as much: `mass dz / H / (ratio - 1)`. With the ballast gone there is no way
  up, with the gas budget gone none down.
- "air": a compressor takes air in to go down, for `pump_w`, and lets it out for nothing to go up, as the
  superpressure balloons of Project Loon did (Bellemare and others 2020, Nature 588). Without energy no way
  down.

A command counts from its time to the next one; before the first, the first. A run backward reads the
same schedule, and meets each change of height before its command instead of after it, by the time the
change takes.

Row: [0] number of commands n, [1] up, m/s, [2] down, m/s, [3] lowest and [4] highest height, m,
[5] means (0 free, 1 ballast, 2 air), [6] mass of the system, kg, [7] lift ratio, [8] gas budget, kg,
[9] power of the pump, W, [10] time constant, s, negative in runs backward, [11] time over which
the last of a store trickles out, s; from [12] on, n pairs of time, s, and height, m.
Stores: ballast (0), energy (1), gas lost (2).
"""

from __future__ import annotations

from typing import Final

from overflight.atmosphere import Float64s
from overflight.balloons.air import clip, scale_height_m
from overflight.compiled import compiled

FREE: Final = 0.0
WITH_BALLAST: Final = 1.0
WITH_AIR: Final = 2.0
FIRST_COMMAND: Final = 12


@compiled
def commanded_m(row: Float64s, time_s: float) -> float:
    """Return the height that the schedule commands at a time."""
    count = int(row[0])
    low, high = 0, count - 1
    while low < high:
        middle = (low + high + 1) // 2
        if row[FIRST_COMMAND + 2 * middle] <= time_s:
            low = middle
        else:
            high = middle - 1
    return clip(row[FIRST_COMMAND + 2 * low + 1], row[3], row[4])


@compiled
def control_rates(
    row: Float64s,
    time_s: float,
    alt_m: float,
    temperature_k: float,
    ballast_kg: float,
    energy_j: float,
    lost_kg: float,
) -> tuple[float, float, float, float]:
    """Return the vertical speed, m/s, and the rates of ballast, energy and gas lost."""
    up = (commanded_m(row, time_s) - alt_m) / row[10]
    up = clip(up, -row[2], row[1])
    if row[5] == FREE:
        return up, 0.0, 0.0, 0.0
    if row[5] == WITH_AIR:
        return _with_air(row, up, energy_j)
    return _with_ballast(row, up, scale_height_m(temperature_k), ballast_kg, lost_kg)


@compiled
def _with_air(row: Float64s, up: float, energy_j: float) -> tuple[float, float, float, float]:
    if up >= 0.0:
        return up, 0.0, 0.0, 0.0
    # The pump runs for the share of the time that the speed is of the greatest.
    wanted = row[9] * -up / row[2]
    spent = min(wanted, max(energy_j, 0.0) / row[11])
    return (up * spent / wanted if wanted > 0.0 else up), 0.0, -spent, 0.0


@compiled
def _with_ballast(
    row: Float64s, up: float, height_m: float, ballast_kg: float, lost_kg: float
) -> tuple[float, float, float, float]:
    a_metre = row[6] / height_m
    if up >= 0.0:
        limit = max(ballast_kg, 0.0) / row[11] / a_metre
        up = min(up, limit)
        return up, -up * a_metre, 0.0, 0.0
    limit = max(row[8] - lost_kg, 0.0) / row[11] * (row[7] - 1.0) / a_metre
    up = max(up, -limit)
    return up, 0.0, 0.0, -up * a_metre / (row[7] - 1.0)

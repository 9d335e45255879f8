"""Where a stage of a flight ends: stops as signed functions, compiled, and the codes of ends.

A stop is met where its function (`overflight.balloons.events`) is zero or more. A stage that begins beyond
its stop ends at once. One that is not met at the beginning of a step and is at its end is searched for inside
the step by halving, with steps of the method itself, until the time is known within `STOP_TOL_S`; the
particle stands on the far side, where the stop is met. Stops in time are not searched for: steps end on them.
What is met and left again within one step is not seen.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.balloons import codes as kinds
from overflight.balloons.codes import AT, DURATION, GROUND, NONE, SIGNED
from overflight.balloons.events import stop_value
from overflight.compiled import compiled
from overflight.trajectories.steps import NO_AIR, NOT_FINITE
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.interpolate import WIND_STATUS, bracket

Int64s = npt.NDArray[np.int64]

# The time of a stop is known to this, s: half a centimetre of a descent at 5 m/s.
STOP_TOL_S: Final = 1e-3
# A particle leaves the data within this of the border, s.
EDGE_TOL_S: Final = 0.1
# A stage may begin this far beyond its stop, in the unit of the stop: an ascent from the ground is not over.
START_SLACK: Final = 1e-6

# Codes of a particle on its way: it moves; it has not begun and its start is an altitude.
MOVING: Final = -1
WAITING: Final = -2
FINISHED: Final = 0
TOO_MANY_STEPS: Final = 8
NOT_BEGUN: Final = 9
STOPPED: Final = 20  # plus the code of the stop
GROUND_UNKNOWN: Final = STOPPED + 19  # the ellipsoid, where the terrain that was given has no height

# What `Tracks.end_code` means.
END_CODES: Final[dict[int, str]] = {
    FINISHED: "reached the end of the run",
    **{code: f"lost the wind: {text}" for code, text in WIND_STATUS.items() if code},
    NO_AIR: "outside the standard atmosphere",
    NOT_FINITE: "the motion is not finite",
    TOO_MANY_STEPS: "too many steps",
    NOT_BEGUN: "begins after the end of the run",
    **{
        STOPPED + getattr(kinds, name): f"stopped: {name.lower().replace('_', ' ')}"
        for name in (
            "ALTITUDE_ABOVE", "ALTITUDE_BELOW", "PRESSURE_ABOVE", "PRESSURE_BELOW", "DENSITY_BELOW",
            "DURATION", "AT", "SUN_ABOVE", "SUN_BELOW", "STORE_EMPTY", "SIGNED",
        )
    },
    STOPPED + GROUND: "stopped: ground",
    GROUND_UNKNOWN: "stopped: ground, taken as the ellipsoid where the terrain has no height",
}  # fmt: skip


@compiled
def ground_at(lat: Float64s, lon: Float64s, height_m: Float32s, la: float, lo: float) -> float:
    """Return the height of the terrain, bilinear; NaN where it has none."""
    if height_m.shape[0] < 2 or height_m.shape[1] < 2:
        return math.nan
    south, wy = bracket(lat, la, 0.0)
    last = height_m.shape[1] - 1
    x = lon[0] + (lo - lon[0]) % 360.0
    gap = lon[0] + 360.0 - lon[last]
    west, east, wx = last, 0, (x - lon[last]) / gap
    if x <= lon[last]:
        west, wx = bracket(lon, x, 0.0)
        east = min(west + 1, last)
    elif gap > 1.5 * (lon[1] - lon[0]):
        # Not the seam of a map of the whole circle, but its border.
        return math.nan
    if south < 0 or west < 0:
        return math.nan
    north = min(south + 1, height_m.shape[0] - 1)
    below = (1.0 - wx) * height_m[south, west] + wx * height_m[south, east]
    above = (1.0 - wx) * height_m[north, west] + wx * height_m[north, east]
    return float((1.0 - wy) * below + wy * above)


@compiled
def timed_end(codes: Int64s, rows: Float64s, began: float, direction: float) -> tuple[float, int]:
    """Return when the first stop in time of a stage is met, and its index; never is -1."""
    until, which = direction * math.inf, -1
    for j in range(codes.size):
        if codes[j] == DURATION:
            time_s = began + direction * rows[j, 0]
        elif codes[j] == AT:
            time_s = rows[j, 0]
        else:
            continue
        if direction * (until - time_s) > 0.0:
            until, which = time_s, j
    return until, which


@compiled
def watched(codes: Int64s) -> int:
    """Return how many stops of a stage are looked for in the state."""
    count = 0
    for code in codes:
        if code not in (NONE, DURATION, AT, SIGNED):
            count += 1
    return count


@compiled
def first_met(
    codes: Int64s,
    rows: Float64s,
    slack: float,
    direction: float,
    t: float,
    elapsed_s: float,
    lo: float,
    la: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    ground_m: float,
    s0: float,
    s1: float,
) -> int:
    """Return the index of the first stop (not in time) whose function reaches `slack`; -1 for none."""
    for j in range(codes.size):
        if codes[j] in (NONE, DURATION, AT, SIGNED):
            continue
        value = stop_value(
            codes[j], rows[j], t, elapsed_s, lo, la, alt_m, log_p, temperature_k, ground_m, s0, s1, direction
        )
        if value >= slack:
            return j
    return -1

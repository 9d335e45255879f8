"""What the age of elements does to the times of passes.

The error along the track grows with the age of the elements and falls with height, since drag is what nobody
foresees. Measured on payloads of two and of three dates between October 2022 and April 2023, a rising sun,
the times were off by, quartiles and 90 %:

    69 days    400-520 km   348   911   1400   1854 s    (237 objects, forward)
               520-620 km    77   118    186    302 s
               620-1300 km    8    14     34     89 s
    153 days   400-520 km   436  1335   2181   2529 s    (261 objects, backward; forward is less)
               520-620 km   844  1529   1976   2543 s
               620-1300 km  115   392    824   1599 s

and by 14 s (90 %) over all heights after 5.7 days. The band here holds 90 %: through those two ages by a
power of the age, below the first by the power that meets the 5.7 days, never narrower than SGP4's own error
at epoch. Below 400 km and above 1300 km nothing was measured: there a tenfold band and that of 620-1300 km
are assumed. Manoeuvres are in the measurement as far as those satellites made them, and one after the epoch
can put a satellite outside of any band. The plane holds far better: 0.07° (three quarters) after 69 days.

Where the band is wider than `PHASE_SHARE` of a revolution (two minutes for a low orbit, a quarter of a pass)
the satellite's place in its orbit is as good as unknown: there are counts and gaps, no clock times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.satellites.orbits import Orbit
from overflight.units import DAY_S

Float64s = npt.NDArray[np.float64]

FIRST_AGE_S, SECOND_AGE_S = 69.0 * DAY_S, 153.0 * DAY_S
# Upper height, m, and half the bands that held 90 % at the two ages, s.
CLASSES: Final = (
    (400e3, 18_540.0, 25_290.0),
    (520e3, 1854.0, 2529.0),
    (620e3, 302.0, 2543.0),
    (np.inf, 89.0, 1599.0),
)
# Below the first age; with it a quarter of payloads at 400-520 km makes 14 s the 90 % of all after 5.7 days.
POWER: Final = 1.7
# SGP4's error of about a kilometre at epoch, and a second for what is left out of the turn of the Earth.
FLOOR_S: Final = 1.0
PHASE_SHARE: Final = 0.02
# Standard deviations that hold 90 %.
SD_90: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Timing:
    """How well the times of one satellite are known in a window.

    `age_s` is the age of greatest size, with its sign, `band_s` half the 90 % band there; `timed` tells
    whether clock times mean something throughout.
    """

    age_s: float
    band_s: float
    timed: bool


def band_s(age_s: npt.ArrayLike, alt_m: float, period_s: float) -> Float64s:
    """Return half the 90 % band of times, seconds, at most half a revolution; source: module docstring."""
    age = np.abs(np.asarray(age_s, dtype=np.float64))
    first, second = next((a, b) for top, a, b in CLASSES if alt_m < top)
    later = math.log(second / first) / math.log(SECOND_AGE_S / FIRST_AGE_S)
    grown = FLOOR_S + first * (age / FIRST_AGE_S) ** np.where(age < FIRST_AGE_S, POWER, later)
    return np.minimum(grown, 0.5 * period_s)


def timing_of(orbit: Orbit, time_start: float, time_end: float) -> Timing:
    """Return how well a satellite's times are known in a window, by the worst moment of it."""
    moments = np.array([time_start, *orbit.switch_s, time_end])
    # Just before a switch the older set is in use.
    moments = np.concatenate([moments, moments[1:-1] - 1.0])
    ages = orbit.age_s(np.clip(moments, time_start, time_end))
    worst = float(ages[np.argmax(np.abs(ages))])
    one = orbit.set_at(0.5 * (time_start + time_end))
    band = float(band_s(worst, one.mean_alt_m, one.period_s))
    return Timing(worst, band, is_timed(band, one.period_s))


def is_timed(band: float, period_s: float) -> bool:
    """Tell whether a band leaves clock times that mean something."""
    return band <= PHASE_SHARE * period_s


def draw_shifts(timing: Timing, period_s: float, count: int, generator: np.random.Generator) -> Float64s:
    """Draw how much later in its orbit a satellite may be, seconds (count,), stratified.

    Normal with the band as its 90 %; where that fills the orbit, any place along it alike.
    """
    share = (generator.permutation(count) + generator.random(count)) / count
    if timing.band_s >= 0.45 * period_s:
        return np.asarray((share - 0.5) * period_s)
    from scipy.special import ndtri

    drawn = ndtri(share) * timing.band_s / SD_90
    return np.asarray(np.clip(drawn, -0.5 * period_s, 0.5 * period_s))

"""Where satellites are: SGP4 through the sgp4 library, the choice of element sets, the turn of the Earth.

SGP4 gives places in TEME (true equator, mean equinox). A turn by Greenwich mean sidereal time (IAU 1982)
brings them to the Earth's own axes. Left out are polar motion (10 m), and UT1 - UTC (up to 0.9 s, 0.02 s in
2023), which moves a pass by the time the Earth takes for it at most. SGP4 itself is off by about a kilometre
at epoch, 0.1 s along the track.

Where a store holds several sets of an object, each moment is computed from the set whose epoch is nearest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.satellites.elements import ElementSet
from overflight.units import DAY_S

if TYPE_CHECKING:
    from sgp4.api import Satrec

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# POSIX zero as a Julian date, and SGP4's own zero, 1949 December 31, in POSIX seconds.
POSIX_JULIAN_DAYS: Final = 2_440_587.5
SGP4_ZERO_S: Final = -631_238_400.0
# POSIX seconds of J2000.0, 2000-01-01 12:00, taken as UT1.
J2000_S: Final = 946_728_000.0
CENTURY_S: Final = 36_525.0 * DAY_S
RAD: Final = math.pi / 180.0
# Rate of mean sidereal time, the formula of `sidereal_rad` at J2000; it changes by 1e-11 a century.
SIDEREAL_RADPS: Final = 2.0 * math.pi / DAY_S * (1.0 + 8640184.812866 / CENTURY_S)
# The sgp4 library's numbers end with Alpha-5; SGP4 itself does not use them.
MAX_SGP4_NUMBER: Final = 339_999


@dataclass(frozen=True, slots=True)
class Orbit:
    """An object and the sets it is computed from, in order of epoch; from `switch_s[i]` on set i + 1."""

    catalog: int
    name: str
    sets: tuple[ElementSet, ...]
    switch_s: tuple[float, ...] = ()

    def set_at(self, time_s: float) -> ElementSet:
        """Return the set that a moment is computed from."""
        return self.sets[int(np.searchsorted(self.switch_s, time_s, side="right"))]

    def age_s(self, time_s: npt.ArrayLike) -> Float64s:
        """Return time since the epoch of the set in use; negative before it."""
        time = np.asarray(time_s, dtype=np.float64)
        epochs = np.array([one.epoch_s for one in self.sets])
        return np.asarray(time - epochs[np.searchsorted(self.switch_s, time, side="right")])


def choose_orbits(sets: Iterable[ElementSet], time_start: float, time_end: float) -> tuple[Orbit, ...]:
    """Gather sets by object and keep, of each, those nearest in epoch to some moment of a window.

    Of sets with one epoch the one of the highest number is taken, then the last. Objects are in the order of
    their catalogue numbers.
    """
    by_object: dict[int, dict[float, ElementSet]] = {}
    for one in sets:
        known = by_object.setdefault(one.catalog, {})
        held = known.get(one.epoch_s)
        if held is None or one.number >= held.number:
            known[one.epoch_s] = one
    return tuple(
        _orbit([known[epoch] for epoch in sorted(known)], time_start, time_end)
        for _, known in sorted(by_object.items())
    )


def _orbit(sets: Sequence[ElementSet], time_start: float, time_end: float) -> Orbit:
    middle = [0.5 * (a.epoch_s + b.epoch_s) for a, b in pairwise(sets)]
    first = int(np.searchsorted(middle, time_start, side="right"))
    last = int(np.searchsorted(middle, time_end, side="right"))
    name = next((one.name for one in reversed(sets) if one.name), "")
    return Orbit(sets[0].catalog, name, tuple(sets[first : last + 1]), tuple(middle[first:last]))


def satrec(one: ElementSet) -> Satrec:
    """Return the sgp4 library's record of a set, with the constants of WGS-72."""
    from sgp4.api import WGS72, Satrec

    record = Satrec()
    record.sgp4init(
        WGS72, "i", min(one.catalog, MAX_SGP4_NUMBER), (one.epoch_s - SGP4_ZERO_S) / DAY_S, one.bstar,
        0.0, 0.0, one.eccentricity, one.perigee_deg * RAD, one.inclination_deg * RAD, one.anomaly_deg * RAD,
        one.mean_motion_degps * RAD * 60.0, one.node_deg * RAD,
    )  # fmt: skip
    return record


def teme_states(orbit: Orbit, time_s: Float64s) -> Float64s:
    """Return places and velocities (T, 6) in TEME, m and m/s, at increasing times (T,).

    NaN where SGP4 gives none: the orbit has decayed, or the elements mean nothing so far from their epoch.
    """
    states = np.full((time_s.size, 6), np.nan)
    edges = [0, *np.searchsorted(time_s, orbit.switch_s), time_s.size]
    days = np.floor(time_s / DAY_S)
    whole, part = days + POSIX_JULIAN_DAYS, time_s / DAY_S - days
    for one, (a, b) in zip(orbit.sets, pairwise(edges), strict=True):
        if b > a:
            error, place, velocity = satrec(one).sgp4_array(whole[a:b], part[a:b])
            good = _lasting(error == 0, time_s[a:b] >= one.epoch_s)
            states[a:b, :3][good] = place[good] * 1e3
            states[a:b, 3:][good] = velocity[good] * 1e3
    return states


def _lasting(good: Bools, after: Bools) -> Bools:
    """Drop what lies, from the epoch, beyond the first error: SGP4 may return from the ground."""
    forward = np.logical_and.accumulate(good | ~after) & after
    backward = np.logical_and.accumulate((good | after)[::-1])[::-1] & ~after
    return np.asarray(forward | backward)


def earth_fixed(teme_m: Float64s, time_s: Float64s) -> Float64s:
    """Return places (T, 3) in the Earth's axes from places in TEME."""
    angle = np.empty(time_s.size)
    _angles(np.ascontiguousarray(time_s, dtype=np.float64), angle)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y, z = teme_m[:, 0], teme_m[:, 1], teme_m[:, 2]
    return np.stack([cosine * x + sine * y, cosine * y - sine * x, z], axis=1)


@compiled
def sidereal_rad(time_s: float) -> float:
    """Return Greenwich mean sidereal time, radians (S. Aoki et al., Astron. Astrophys. 105, 1982, 359)."""
    since = time_s - J2000_S
    century = since / CENTURY_S
    # 876600 h a century are whole turns and the seconds themselves.
    seconds = 67310.54841 + since + century * (8640184.812866 + century * (0.093104 - 6.2e-6 * century))
    return (seconds % 86400.0) / 86400.0 * 2.0 * math.pi


@compiled
def _angles(time_s: Float64s, found: Float64s) -> None:
    for i in range(time_s.size):
        found[i] = sidereal_rad(time_s[i])

"""What can be read but is hard to believe: marks with a reason. Nothing is dropped and nothing is changed.

A mark of severity 'unusable' keeps a row out of the fit (and in the report). Two codes, 'alt_feet' and
'alt_impossible', concern the altitude alone: `altitude_interval` then returns None and the rest of the row
stays in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.geo import lonlat, unit_vector
from overflight.records import Mark, Sighting
from overflight.sightings.kinds import kind_info
from overflight.times import iso_utc, short_utc
from overflight.units import DAY_S, EARTH_RADIUS_M, FOOT_M

# The strongest winds of the polar-night jet and the tropospheric jets reach about 100 m/s; no balloon is
# carried faster for hours.
MAX_SPEED_MPS = 100.0
# Clock times are rounded: 'about 7:30'.
CLOCK_SLACK_S = 600.0
# The highest uncrewed balloon reached 53.7 km (JAXA BU60-1, 2013); balloons that stay up fly below 45 km.
MAX_ALT_M = 45_000.0
MIN_ALT_M = -500.0
# Balloons that last keep their level: statements of altitude further apart than this, within some days,
# do not describe the same level flight.
ALT_APART_M = 3_000.0
ALT_NEAR_S = 4.0 * DAY_S
# A circle this wide says only which ocean or continent.
WIDE_RADIUS_KM = 3_000.0
# An eye that is 1° wrong overhead misplaces a balloon at 18 km by 300 m; a witness does not do better.
NARROW_RADIUS_KM = 0.3
# How many rows before and after in time each row is held against.
NEIGHBOURS = 6
ALT_NEIGHBOURS = 10

ALTITUDE_CODES = frozenset({"alt_feet", "alt_impossible"})

Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def mark_sightings(
    sightings: Sequence[Sighting], *, time_start: float | None = None, time_end: float | None = None
) -> tuple[Sighting, ...]:
    """Return the sightings with marks added for what is implausible; the order stays.

    `time_start` and `time_end` (POSIX seconds) are the case's window; without them no row is outside it.
    """
    marks: list[list[Mark]] = [[*_own_marks(s), *_window_marks(s, time_start, time_end)] for s in sightings]
    _mark_altitudes(sightings, marks)
    _mark_speeds(sightings, marks)
    return tuple(
        replace(one, marks=(*one.marks, *_new(one, found))) if found else one
        for one, found in zip(sightings, marks, strict=True)
    )


def require_observations(sightings: Sequence[Sighting], time_start: float, time_end: float) -> None:
    """Raise InputError when no sighting that may be fitted falls into the window."""
    if any(s.fitted and s.time_start <= time_end and s.time_end >= time_start for s in sightings):
        return
    fitted = [s for s in sightings if s.fitted]
    window = f"{iso_utc(time_start)} to {iso_utc(time_end)}"
    if fitted:
        first, last = min(s.time_start for s in fitted), max(s.time_end for s in fitted)
        remedy = (
            f"The observations run from {iso_utc(first)} to {iso_utc(last)}: set [case] start and end so."
        )
    else:
        remedy = "Add observations with a time and a place; context rows are never fitted."
    raise InputError(
        f"no observation falls into the window {window} ({len(sightings)} rows read)",
        file=sightings[0].file if sightings else "sightings",
        remedy=remedy,
    )


def altitude_interval(sighting: Sighting) -> tuple[float | None, float | None] | None:
    """Return (low, high) in metres of an altitude that may be used, in order, or None when there is none.

    One end is None for a bound ('60,000 ft and more').
    """
    low, high = sighting.alt_low_m, sighting.alt_high_m
    if (low is None and high is None) or any(mark.code in ALTITUDE_CODES for mark in sighting.marks):
        return None
    if low is not None and high is not None and low > high:
        return high, low
    return low, high


def _new(sighting: Sighting, found: list[Mark]) -> list[Mark]:
    """Leave out marks the row has already, so that marking twice changes nothing."""
    there = {mark.code for mark in sighting.marks}
    return [mark for mark in found if mark.code not in there]


def _own_marks(one: Sighting) -> list[Mark]:
    """Marks that need nothing but the row."""
    marks = []
    if one.lat_deg is None:
        marks.append(Mark("no_place", "gives no place; shown, not fitted", "note"))
    low, high = one.alt_low_m, one.alt_high_m
    if low is not None and high is not None and low > high:
        marks.append(
            Mark("alt_reversed", f"altitude runs from {low:g} down to {high:g} m; read as the interval")
        )
    values = [v for v in (low, high) if v is not None]
    if any(v > MAX_ALT_M for v in values):
        feet = max(values) * FOOT_M
        if feet <= MAX_ALT_M:
            reason = f"{max(values):,.0f} m is above any lasting balloon; as feet it is {feet:,.0f} m"
            marks.append(Mark("alt_feet", f"{reason}. Altitude not used"))
        else:
            marks.append(
                Mark("alt_impossible", f"{max(values):,.0f} m is above any balloon. Altitude not used")
            )
    if any(v < MIN_ALT_M for v in values):
        marks.append(Mark("alt_impossible", f"{min(values):,.0f} m is underground. Altitude not used"))
    radius = one.radius_km
    if radius is not None and radius > WIDE_RADIUS_KM:
        marks.append(Mark("radius_wide", f"a circle of {radius:,.0f} km says next to nothing"))
    if radius is not None and radius < NARROW_RADIUS_KM and kind_info(one.kind).is_watcher:
        marks.append(Mark("radius_narrow", f"a watcher cannot place a balloon to {1e3 * radius:.0f} m"))
    return marks


def _window_marks(one: Sighting, time_start: float | None, time_end: float | None) -> list[Mark]:
    if time_start is None or time_end is None:
        return []
    window = f"the case's window, {short_utc(time_start)} to {short_utc(time_end)}"
    if one.time_end < time_start or one.time_start > time_end:
        return [Mark("outside_window", f"lies outside {window}; shown, not fitted", "unusable")]
    if one.time_start < time_start or one.time_end > time_end:
        return [Mark("beyond_window", f"reaches beyond {window}", "note")]
    return []


def _mark_altitudes(sightings: Sequence[Sighting], marks: list[list[Mark]]) -> None:
    """Mark altitudes far from the median of the others near in time."""
    rows = [
        i
        for i, one in enumerate(sightings)
        if one.fitted
        and one.phase == "float"
        and _middle_alt(one) is not None
        and not _altitude_bad(marks[i])
    ]
    if len(rows) < 3:  # of two that differ neither is the odd one out
        return
    time = np.array([_middle(sightings[i]) for i in rows])
    alt = np.array([_middle_alt(sightings[i]) for i in rows], dtype=float)
    order = np.argsort(time, kind="stable")
    usual_alt = _usual(time[order], alt[order])
    for k, usual in zip(order.tolist(), usual_alt.tolist(), strict=True):
        i = rows[k]
        if not abs(alt[k] - usual) > ALT_APART_M:  # NaN where there are too few others
            continue
        if abs(alt[k] * FOOT_M - usual) <= 0.5 * ALT_APART_M:
            marks[i].append(
                Mark(
                    "alt_feet",
                    f"{alt[k]:,.0f} m is far from the {usual:,.0f} m of others near in time, "
                    f"but as feet it is {alt[k] * FOOT_M:,.0f} m. Altitude not used",
                )
            )
        else:
            marks[i].append(
                Mark("alt_contradicts", f"{alt[k]:,.0f} m, while others near in time say {usual:,.0f} m")
            )


def _usual(time: Float64s, alt: Float64s) -> Float64s:
    """The median altitude of each row's neighbours in time (n,), NaN where fewer than two are near."""
    n = time.size
    offsets = np.array([d for d in range(-ALT_NEIGHBOURS, ALT_NEIGHBOURS + 1) if d])
    index = np.arange(n)[:, None] + offsets
    there = (index >= 0) & (index < n)
    index = np.clip(index, 0, n - 1)
    there &= np.abs(time[index] - time[:, None]) <= ALT_NEAR_S
    others = np.where(there, alt[index], np.nan)
    usual = np.full(n, np.nan)
    enough = there.sum(axis=1) >= 2
    usual[enough] = np.nanmedian(others[enough], axis=1)
    return usual


def _altitude_bad(marks: list[Mark]) -> bool:
    return any(mark.code in ALTITUDE_CODES for mark in marks)


def _middle_alt(one: Sighting) -> float | None:
    values = [v for v in (one.alt_low_m, one.alt_high_m) if v is not None]
    return sum(values) / len(values) if values else None


def _middle(one: Sighting) -> float:
    return 0.5 * (one.time_start + one.time_end)


def _mark_speeds(sightings: Sequence[Sighting], marks: list[list[Mark]]) -> None:
    """Mark rows that no balloon could join to their neighbours in time, and say if swapping would help."""
    rows = [i for i, one in enumerate(sightings) if one.fitted]
    rows.sort(key=lambda i: (_middle(sightings[i]), i))
    if len(rows) < 2:
        return
    legs = _Legs([sightings[i] for i in rows])
    pairs = legs.too_fast()
    for k in _guilty(pairs):
        speed, j = max((speed, j) for j, speed in pairs[k].items())
        reason = (
            f"to fit {sightings[rows[j]].id} it would have moved at {min(speed, 9999.0):,.0f} m/s or faster"
        )
        code = "too_fast"
        if legs.fits_swapped(k):
            code, reason = "lat_lon_swapped", f"{reason}; with lat and lon exchanged it fits its neighbours"
        marks[rows[k]].append(Mark(code, reason))


class _Legs:
    """The least speeds between rows in order of time. Holds arrays only; nothing changes after making."""

    def __init__(self, ordered: Sequence[Sighting]) -> None:
        self.start = np.array([s.time_start for s in ordered])
        self.end = np.array([s.time_end for s in ordered])
        self.lon = np.array([s.lon_deg for s in ordered], dtype=float)
        self.lat = np.array([s.lat_deg for s in ordered], dtype=float)
        self.vector = unit_vector(self.lon, self.lat)
        self.reach_m = np.array([_reach_m(s) for s in ordered])

    def too_fast(self) -> dict[int, dict[int, float]]:
        """For each row that no balloon could join to a neighbour: those neighbours and the least speeds."""
        found: dict[int, dict[int, float]] = {}
        for offset in range(1, min(NEIGHBOURS, self.start.size - 1) + 1):
            first = np.arange(self.start.size - offset)
            speed = self._speed(self.vector[:, first], first, first + offset)
            for k in np.flatnonzero(speed > MAX_SPEED_MPS).tolist():
                found.setdefault(k, {})[k + offset] = float(speed[k])
                found.setdefault(k + offset, {})[k] = float(speed[k])
        return found

    def fits_swapped(self, k: int) -> bool:
        """Whether exchanging lat and lon of row `k` makes it fit most of its neighbours."""
        if abs(self.lon[k]) > 90.0:
            return False
        near = np.arange(max(0, k - NEIGHBOURS), min(self.start.size, k + NEIGHBOURS + 1))
        near = near[near != k]
        exchanged = unit_vector(self.lat[k], self.lon[k])[:, None]
        fast = self._speed(exchanged, np.full(near.size, k), near) > MAX_SPEED_MPS
        return bool(fast.sum() <= near.size // 4)

    def _speed(self, vector: Float64s, k: Ints, j: Ints) -> Float64s:
        """The least speed that joins rows: between their nearest edges, in the longest time between."""
        chord = np.linalg.norm(vector - self.vector[:, j], axis=0)
        apart = 2.0 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, 0.5 * chord))
        gap = np.maximum(0.0, apart - self.reach_m[k] - self.reach_m[j])
        time = np.maximum(self.end[k] - self.start[j], self.end[j] - self.start[k]) + CLOCK_SLACK_S
        return np.asarray(gap / time)


def _reach_m(one: Sighting) -> float:
    """How far from its place a row lets the balloon be: its radius, the polygon's size, or the horizon."""
    if one.polygon:
        corners = np.array(one.polygon)
        vectors = unit_vector(corners[:, 0], corners[:, 1])
        middle = unit_vector(*(float(v) for v in lonlat(vectors.mean(axis=1))))
        return EARTH_RADIUS_M * float(np.arccos(np.clip(middle @ vectors, -1.0, 1.0)).max())
    reach = 1e3 * one.radius_km if one.radius_km is not None else 0.0
    # A place "over X" may be where it was seen from: 482 km is the horizon of a balloon at 18.3 km.
    return max(reach, 482e3) if kind_info(one.kind).is_watcher else reach


def _guilty(pairs: Mapping[int, Mapping[int, float]]) -> list[int]:
    """Rows to blame for speeds no balloon has: the one with most conflicts first, until none is left.

    Of two rows that conflict only with each other, both are marked: nothing tells which is wrong.
    """
    conflicts = {k: set(others) for k, others in pairs.items()}
    blamed: set[int] = set()
    while conflicts:
        most = max(len(others) for others in conflicts.values())
        worst = {k for k, others in conflicts.items() if len(others) == most}
        blamed |= worst
        conflicts = {
            k: rest for k, others in conflicts.items() if k not in worst and (rest := others - worst)
        }
    return sorted(blamed)

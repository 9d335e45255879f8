"""Times in a catalogue that cannot be right: two clock times of one flight that are whole hours apart.

A report that takes a.m. for p.m., or a local time for UTC, is off by whole hours and keeps its minutes. Two
rows of one flight with the same odd minute and another hour speak of the same instant, and one of them
slipped. Nothing is corrected: the less trusted row is marked unusable, the other noted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from overflight.programme.records import ObjectRecord
from overflight.records import Mark
from overflight.times import short_utc
from overflight.units import HOUR_S

# Civil clocks are at most 14 h from UTC, and a.m. for p.m. is 12.
MOST_HOURS: Final = 14
_TRUST: Final = {"high": 3, "medium": 2, "": 1, "low": 0}
_CONFLICT: Final = "time_conflict"
_MARK: Final = "time_slip"


def mark_slips(records: Sequence[ObjectRecord]) -> list[ObjectRecord]:
    """Return the records in their order, those with slipped times marked."""
    marks: dict[str, list[Mark]] = {}
    by_flight: dict[str, list[ObjectRecord]] = {}
    for record in records:
        if record.role == "event" and record.minute:
            by_flight.setdefault(record.flight, []).append(record)
    for own in by_flight.values():
        for bad, good, hours in _slips(own):
            if any(mark.code == _MARK for mark in marks.get(bad.id, ())):
                continue
            reason = _reason(bad, good, hours, own)
            marks.setdefault(bad.id, []).append(Mark(_MARK, reason, "unusable"))
            marks.setdefault(good.id, []).append(
                Mark("time_contested", f"{bad.id} gives {hours:+d} h; its time is not believed.", "note")
            )
    for record in records:
        if record.event == _CONFLICT and record.id not in marks:
            text = "The row itself says that its time conflicts with others'."
            marks[record.id] = [Mark("time_conflict", text, "unusable")]
    return [replace(r, marks=(*r.marks, *marks[r.id])) if r.id in marks else r for r in records]


def _slips(own: Iterable[ObjectRecord]) -> Iterable[tuple[ObjectRecord, ObjectRecord, int]]:
    """Yield each row whose clock slipped, the most trusted row of the other time, and the hours between."""
    by_minute: dict[float, dict[float, list[ObjectRecord]]] = {}
    for record in own:
        time_s = record.time_start or 0.0
        # Minutes of 00 and 30 are how people round: sharing them says nothing.
        if (time_s % HOUR_S) % (HOUR_S / 2.0):
            by_minute.setdefault(time_s % HOUR_S, {}).setdefault(time_s, []).append(record)
    for at in by_minute.values():
        times = sorted(at)
        for n, early in enumerate(times):
            for late in times[n + 1 : bisect_right(times, early + MOST_HOURS * HOUR_S)]:
                bad_s, good_s = sorted((early, late), key=lambda t: max(_trust(r) for r in at[t]))
                good = max(at[good_s], key=_trust)
                for bad in at[bad_s]:
                    yield bad, good, round((bad_s - good_s) / HOUR_S)


def _trust(record: ObjectRecord) -> tuple[bool, int]:
    return record.event != _CONFLICT, _TRUST.get(record.confidence, 1)


def _reason(bad: ObjectRecord, good: ObjectRecord, hours: int, own: Iterable[ObjectRecord]) -> str:
    cause = _cause(hours, [r.lon_deg for r in own if r.lon_deg is not None])
    return (
        f"{short_utc(bad.time_start or 0.0)} is {abs(hours)} h {'after' if hours > 0 else 'before'} "
        f"{short_utc(good.time_start or 0.0)} of {good.id}, to the minute: {cause}. Not used as a time."
    )


def _cause(hours: int, lon_deg: Sequence[float]) -> str:
    if abs(hours) == 12:
        return "a.m. was taken for p.m., or the day was counted twice"
    # The sun's own time at the place, an hour or two from what clocks keep there.
    if lon_deg and min(abs(hours - lon / 15.0) for lon in lon_deg) <= 2.0:
        return "a local time was taken for UTC"
    return "an hour or a zone slipped"

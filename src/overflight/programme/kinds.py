"""What each flight is taken for, with hobby and weather balloons kept apart, and what would tell.

A kind is read from what its rows say, the firmest first: who flies it says so, a government says whose it is,
somebody suspects. A hobby, weather or private balloon is never counted as a mission, whoever thinks it one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from overflight.programme.records import APART, FlightRecord, Kind, Number, ObjectRecord, Standing

WHAT_WOULD_TELL: Final[Mapping[str, str]] = {
    "hobby": "Its radio reports (WSPR, APRS) and its builder's log: an amateur balloon sends its call sign, "
    "and its last report can be flown on with the winds.",
    "weather": "The sounding logs of the stations upwind: time of launch, serial number, and whether it "
    "burst; radiosondes send on 400 to 406 MHz and last two to three hours.",
    "private": "Debris with a maker's plate, or the launch notice to the aviation authority.",
    "suspected": "Pictures of its size and of what hangs below, its transmissions, or its path carried back "
    "to a launch.",
    "unknown": "A picture near enough for size and load, its radio, its path carried back, or debris; and "
    "the logs of amateurs and weather services upwind for that day.",
    "mission": "",
}


def flights_of(rows: Iterable[ObjectRecord]) -> tuple[FlightRecord, ...]:
    """Return the flights that rows come to, in the order of their first rows."""
    groups: dict[str, list[ObjectRecord]] = {}
    for row in rows:
        groups.setdefault(row.flight, []).append(row)
    return tuple(_flight(name, own) for name, own in groups.items())


def _flight(name: str, rows: Sequence[ObjectRecord]) -> FlightRecord:
    kind, sure, why = kind_of_rows(rows)
    dated = [row for row in rows if row.dated]
    return FlightRecord(
        id=name,
        rows=tuple(rows),
        kind=kind,
        sure=sure,
        why=why,
        standing=_standing(rows),
        number=_number(rows),
        time_start=min((row.time_start for row in dated if row.time_start is not None), default=None),
        time_end=max((row.time_end for row in dated if row.time_end is not None), default=None),
        what_would_tell="" if kind == "mission" or (sure and kind in APART) else WHAT_WOULD_TELL[kind],
    )


def kind_of_rows(rows: Sequence[ObjectRecord]) -> tuple[Kind, bool, str]:
    """Return what rows of one flight say it is, whether firmly, and the rows that say so."""
    typed = [r for r in rows if r.kind and "kind" not in r.by_words]
    if typed:
        return typed[-1].kind, True, f"{typed[-1].id}: typed"
    for kind in APART:
        if firm := [r for r in rows if r.kind == kind and r.sure]:
            return kind, True, _said(firm)
    for standing, kind in _BY_STANDING:
        if said := [r for r in rows if r.standing == standing]:
            return kind, True, _said(said)
    tentative = [r for r in rows if r.kind in APART]
    # Kinds of one sort said with doubt are believed with doubt; different ones cancel.
    found = {r.kind for r in tentative}
    if len(found) == 1 and (found != {"hobby"} or any(r.standing != "unattributed" for r in tentative)):
        return tentative[0].kind, False, _said(tentative)
    if said := [r for r in rows if r.standing == "suspected"]:
        return "suspected", False, _said(said)
    return "unknown", False, _said(tentative) if tentative else "nobody says"


_BY_STANDING: Final[tuple[tuple[Standing, Kind], ...]] = (
    ("acknowledged", "mission"),
    ("attributed", "mission"),
)


def _said(rows: Sequence[ObjectRecord]) -> str:
    return "; ".join(dict.fromkeys(f"{r.id}: {r.attribution}" for r in rows[:3]))


def _standing(rows: Sequence[ObjectRecord]) -> Standing:
    found = {row.standing for row in rows}
    order: tuple[Standing, ...] = ("acknowledged", "attributed", "suspected", "unattributed")
    return next((standing for standing in order if standing in found), "")


def _number(rows: Sequence[ObjectRecord]) -> Number:
    """Return the widest number of flights that any row gives to this one."""
    several = [row.number for row in rows if row.number != Number(1.0, 1.0)]
    return max(several, key=lambda n: (n.low, n.high is None)) if several else Number(1.0, 1.0)

"""How many flights there were: intervals, each with the definition that it counts by.

Low: flights that were there for sure and cannot be one another, since their times do not meet or one source
tells them apart. High: all that may have been there, each taken for another. Hobby, weather and private
balloons are never counted. What sources state stands beside the count with its own words and definition, and
is not made to agree.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from overflight.programme.continents import continent_of
from overflight.programme.places import DEFINED, Places, Verdict
from overflight.programme.records import APART, Catalogue, FlightRecord, ObjectRecord
from overflight.programme.statements import CountStatement
from overflight.times import to_datetime

Reach = Literal["attributed", "suspected"]
# The place that a row was surely in, and those that it may have been in.
_Of = Callable[[ObjectRecord], tuple[str, tuple[str, ...]]]
REACHES: Final[tuple[Reach, ...]] = ("attributed", "suspected")
REACH_WORDS: Final[Mapping[Reach, str]] = {
    "attributed": "whose owner, or a government, says whose they were",
    "suspected": "attributed, or suspected by anybody",
}


_NAMED: Final = ""  # no page has this address: flights that the catalogue itself tells apart


@dataclass(frozen=True, slots=True)
class Count:
    """A count from the catalogue: at least `low`, at most `high`, more where `open_above`.

    `sure` are the flights that were there for certain, `possible` those that may have been, `apart` hobby,
    weather and private balloons that were left out.
    """

    low: float
    high: float
    open_above: bool
    sure: tuple[str, ...]
    possible: tuple[str, ...]
    apart: tuple[str, ...] = ()


def countable(flight: FlightRecord, reach: Reach) -> bool:
    """Whether a flight is of the programme at all, as attributed or as suspected."""
    return flight.kind == "mission" or (reach == "suspected" and flight.kind == "suspected")


def count_flights(
    catalogue: Catalogue,
    where: Mapping[str, Mapping[str, Verdict]] | None,
    definition: str,
    reach: Reach,
    *,
    own: int = 0,
) -> Count:
    """Count flights of the catalogue by a definition.

    Parameters
    ----------
    where : as `places.where_flights` gives it for an area; None counts flights anywhere.
    definition : 'land', 'sea' or 'zone'; read only with `where`.
    own : flights known to be there that the catalogue leaves out, such as the one that a case is about.
    """
    chosen = [f for f in catalogue.flights if countable(f, reach)]
    verdict = {f.id: "yes" if where is None else where[f.id][definition] for f in catalogue.flights}
    sure = [f for f in chosen if verdict[f.id] == "yes"]
    possible = [f for f in chosen if verdict[f.id] != "no"]
    high = sum(f.number.low if f.number.high is None else f.number.high for f in possible)
    apart = [f.id for f in catalogue.flights if f.kind in APART and verdict[f.id] != "no"]
    return Count(
        fewest(sure) + own,
        high + own,
        any(f.number.high is None for f in possible),
        tuple(f.id for f in sure),
        tuple(f.id for f in possible if f not in sure),
        tuple(apart),
    )


def fewest(flights: Sequence[FlightRecord]) -> float:
    """Return the least number of different flights that these can be.

    Flights are different when their times do not meet, when one page tells them apart, or when a person
    named each in the catalogue. The greatest sum over a set of such flights is found as in weighted interval
    scheduling, with the flights that are told apart as one more interval that holds them all.
    """
    items = [(*_span(f), f.number.low) for f in flights]
    pages: dict[str, list[FlightRecord]] = {}
    for flight in flights:
        for url in {row.url for row in flight.rows if row.url}:
            pages.setdefault(url, []).append(flight)
        if any(row.named for row in flight.rows):
            pages.setdefault(_NAMED, []).append(flight)
    for told in (page for page in pages.values() if len(page) > 1):
        spans = [_span(f) for f in told]
        items.append((min(a for a, _ in spans), max(b for _, b in spans), sum(f.number.low for f in told)))
    return _heaviest(items)


def _span(flight: FlightRecord) -> tuple[float, float]:
    if flight.time_start is None or flight.time_end is None:
        return -math.inf, math.inf
    return flight.time_start, flight.time_end


def _heaviest(items: Sequence[tuple[float, float, float]]) -> float:
    """Return the greatest sum of weights of intervals (start, end, weight) that do not meet."""
    ordered = sorted(items, key=lambda item: item[1])
    ends = [item[1] for item in ordered]
    best = [0.0]
    for n, (start, _, weight) in enumerate(ordered):
        before = bisect_right(ends, start, 0, n)
        # An interval that ends as this one begins may be the same flight.
        while before and ends[before - 1] >= start:
            before -= 1
        best.append(max(best[-1], best[before] + weight))
    return best[-1]


# --- by country, continent and year


def until(catalogue: Catalogue, time_s: float) -> Catalogue:
    """Return the catalogue with the flights that were over by a time; undated ones are left out."""
    flights = tuple(f for f in catalogue.flights if f.time_end is not None and f.time_end <= time_s)
    return replace(catalogue, flights=flights)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many flights of one country, continent or year: `sure` and `possible` ids, and the count."""

    name: str
    low: float
    high: float
    sure: tuple[str, ...]
    possible: tuple[str, ...]


def by_country(catalogue: Catalogue, places: Places, reach: Reach) -> tuple[Tally, ...]:
    """Return the flights by the country that they were over or off the coast of, most first."""
    return _tallies(catalogue, reach, lambda row: (places.sure(row), places.possible(row)))


def by_continent(catalogue: Catalogue, places: Places, reach: Reach) -> tuple[Tally, ...]:
    """Return the flights by continent, most first."""

    def of(row: ObjectRecord) -> tuple[str, tuple[str, ...]]:
        maybe = tuple(dict.fromkeys(name for c in places.possible(row) if (name := continent_of(c))))
        return continent_of(places.sure(row)) or (maybe[0] if len(maybe) == 1 else ""), maybe

    return _tallies(catalogue, reach, of)


def by_year(catalogue: Catalogue, reach: Reach) -> tuple[Tally, ...]:
    """Return the flights by year in UTC; one whose date spans years is possible in each."""
    found: dict[str, tuple[list[FlightRecord], list[FlightRecord]]] = {}
    for flight in catalogue.flights:
        if not countable(flight, reach) or flight.time_start is None or flight.time_end is None:
            continue
        first, last = (to_datetime(t).year for t in (flight.time_start, flight.time_end))
        for year in range(first, last + 1):
            found.setdefault(str(year), ([], []))[first != last].append(flight)
    return tuple(_tally(name, *found[name]) for name in sorted(found))


def _tallies(catalogue: Catalogue, reach: Reach, of: _Of) -> tuple[Tally, ...]:
    found: dict[str, tuple[list[FlightRecord], list[FlightRecord]]] = {}
    for flight in (f for f in catalogue.flights if countable(f, reach)):
        answers = [of(row) for row in flight.rows]
        sure = {name for name, _ in answers if name}
        for name in sure | {name for _, maybe in answers for name in maybe}:
            found.setdefault(name, ([], []))[name not in sure].append(flight)
    tallies = [_tally(name, *pair) for name, pair in found.items()]
    return tuple(sorted(tallies, key=lambda t: (-t.low, -t.high, t.name)))


def _tally(name: str, sure: Sequence[FlightRecord], maybe: Sequence[FlightRecord]) -> Tally:
    high = sum(f.number.low if f.number.high is None else f.number.high for f in (*sure, *maybe))
    return Tally(name, fewest(sure), high, tuple(f.id for f in sure), tuple(f.id for f in maybe))


# --- with what sources state


@dataclass(frozen=True, slots=True)
class AreaCount:
    """All that is counted of one area: the catalogue by definition and reach, and what sources state.

    `low` to `high` is the hull of the catalogue's count in the airspace (attributed at least, suspected at
    most) and of the statements; nothing in it is averaged.
    """

    area: str
    counts: Mapping[tuple[str, Reach], Count]
    statements: tuple[CountStatement, ...]
    low: float
    high: float
    open_above: bool
    own: int


def count_area(
    catalogue: Catalogue,
    where: Mapping[str, Mapping[str, Verdict]],
    area: str,
    statements: Sequence[CountStatement],
    *,
    own: int = 0,
) -> AreaCount:
    """Count the flights into one area by every definition, with the statements about it."""
    counts = {
        (d, reach): count_flights(catalogue, where, d, reach, own=own) for d in DEFINED for reach in REACHES
    }
    told = tuple(s for s in statements if s.area == area and s.unit == "flights")
    heard = [s for s in told if s.counted]
    lows = [counts["sea", "attributed"].low, *(s.number.low + own * s.earlier for s in heard)]
    widest = counts["sea", "suspected"]
    highs = [widest.high, *(_top(s) + own * s.earlier for s in heard)]
    return AreaCount(
        area, counts, told, min(lows), max(highs),
        widest.open_above or any(s.number.high is None for s in heard), own,
    )  # fmt: skip


def _top(statement: CountStatement) -> float:
    return statement.number.low if statement.number.high is None else statement.number.high

"""`sections.programme` of the result: the catalogue, the counts, likenesses and origins as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from overflight.places.borders import sovereign_airspace
from overflight.programme.backward import BackFlights
from overflight.programme.counts import (
    REACHES,
    AreaCount,
    Count,
    Tally,
    by_continent,
    by_country,
    by_year,
    count_flights,
    until,
)
from overflight.programme.findings import like_id, subject
from overflight.programme.origins import OriginMap, RegionWords, region_words, top_region
from overflight.programme.places import DEFINED, Places, Verdict
from overflight.programme.records import APART, KINDS, Catalogue, FlightRecord, ObjectRecord
from overflight.programme.resemblance import Likeness
from overflight.programme.settings import ProgrammeSettings
from overflight.programme.statements import CountStatement
from overflight.programme.wording import DEFINITIONS
from overflight.words import likelihood, percent

MOST_CELLS: Final = 400  # of the map of launch places
MOST_COUNTRIES: Final = 8  # named for the region
_ROW: Final = (
    "id", "group", "event", "flight", "role", "time_start", "time_end", "lon_deg", "lat_deg", "radius_km",
    "alt_low_m", "alt_high_m", "attribution", "source", "url", "text", "confidence", "notes", "standing",
    "kind", "area", "where",
)  # fmt: skip


def make_section(
    catalogue: Catalogue,
    area: AreaCount,
    where: Mapping[str, Mapping[str, Verdict]],
    places: Places,
    statements: Sequence[CountStatement],
    alike: Sequence[Likeness],
    origins: OriginMap | None,
    asked: ProgrammeSettings,
    flown: BackFlights,
) -> dict[str, Any]:
    """Return the section; see `docs/programme.md` for its keys."""
    return {
        "file": catalogue.file,
        "area": area.area,
        "rows": [_row(row) for row in catalogue.rows],
        "flights": [_flight(f, where[f.id]) for f in catalogue.flights],
        "bad_times": [
            {"id": r.id, "flight": r.flight, "reason": m.reason, "finding_ids": [f"programme.{r.id}.time"]}
            for r in catalogue.rows
            for m in [m for m in r.marks if m.severity == "unusable"][:1]
        ],
        "counts": _area(area, catalogue),
        "world": _world(catalogue, statements, asked.own_flights),
        "tallies": _tallies(catalogue, places),
        "alike": [_pair(pair) for pair in alike],
        "origins": None if origins is None else _origins(origins, flown, asked),
        "sentences": _sentences(catalogue, area, origins, asked.own_flights),
        "notes": _notes(catalogue),
    }


def _row(row: ObjectRecord) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _ROW},
        "number": [row.number.low, row.number.high],
        "behaviour": list(row.behaviour),
        "equipment": list(row.equipment),
        "by_words": list(row.by_words),
        "marks": [{"code": m.code, "reason": m.reason, "severity": m.severity} for m in row.marks],
    }


def _flight(flight: FlightRecord, where: Mapping[str, Verdict]) -> dict[str, Any]:
    placed = [row for row in flight.rows if row.lon_deg is not None]
    return {
        "id": flight.id,
        "kind": flight.kind,
        "words": KINDS[flight.kind] + ("" if flight.sure or flight.kind == "unknown" else ", not surely"),
        "apart": flight.kind in APART,
        "sure": flight.sure,
        "why": flight.why,
        "standing": flight.standing,
        "number": [flight.number.low, flight.number.high],
        "time_start": flight.time_start,
        "time_end": flight.time_end,
        "rows": list(flight.row_ids),
        "what_would_tell": flight.what_would_tell,
        "where": dict(where),
        "places": [[row.lon_deg, row.lat_deg, row.radius_km or 0.0] for row in placed],
        "finding_ids": [f"programme.{subject(flight.id)}.kind"],
    }


def _count(count: Count) -> dict[str, Any]:
    return {
        "low": count.low,
        "high": count.high,
        "open_above": count.open_above,
        "sure": list(count.sure),
        "possible": list(count.possible),
        "apart": list(count.apart),
    }


def _area(area: AreaCount, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "low": area.low,
        "high": area.high,
        "open_above": area.open_above,
        "own": area.own,
        "finding_ids": [f"programme.{area.area}.flights"],
        "rows": [
            {
                "definition": d,
                "definition_words": DEFINITIONS[d],
                "reach": reach,
                **_count(area.counts[d, reach]),
                "finding_ids": [f"programme.{area.area}.flights_{d}_{reach}"],
            }
            for d in DEFINED
            for reach in REACHES
        ],
        "statements": [{**statement_row(s), "finding_ids": _stated_ids(area)} for s in area.statements],
    }


def _stated_ids(area: AreaCount) -> list[str]:
    heard = any(s.counted for s in area.statements)
    return [f"programme.{area.area}.flights_stated" if heard else f"programme.{area.area}.flights"]


def statement_row(statement: CountStatement) -> dict[str, Any]:
    """Return a stated count as plain data."""
    number = statement.number
    return {
        "id": statement.id,
        "who": statement.who,
        "date": statement.date,
        "text": statement.text,
        "unit": statement.unit,
        "low": number.low,
        "high": number.high,
        "words": number.text,
        "definition": statement.definition,
        "definition_words": DEFINITIONS[statement.definition],
        "earlier": statement.earlier,
        "by_words": statement.by_words,
        "repeats": list(statement.repeats),
        "denies": statement.denies,
    }


def _world(catalogue: Catalogue, statements: Sequence[CountStatement], own: int) -> dict[str, Any]:
    rows = []
    for s in (s for s in statements if s.unit != "flights" or not s.area):
        row = {**statement_row(s), "by_then": None}
        if s.unit == "flights" and s.said_s is not None:
            row["by_then"] = _count(count_flights(until(catalogue, s.said_s), None, "", "suspected", own=own))
        unit = s.unit if s.unit != "flights" else "flights"
        rows.append({**row, "finding_ids": [f"programme.world.{unit}_suspected"]})
    return {
        "counts": [
            {
                "reach": reach,
                **_count(count_flights(catalogue, None, "", reach, own=own)),
                "finding_ids": [f"programme.world.flights_{reach}"],
            }
            for reach in REACHES
        ],
        "statements": rows,
    }


def _tallies(catalogue: Catalogue, places: Places) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key in ("country", "continent", "year"):
        by_reach: dict[str, dict[str, Tally]] = {}
        for reach in REACHES:
            tallies = (
                by_year(catalogue, reach)
                if key == "year"
                else (by_country if key == "country" else by_continent)(catalogue, places, reach)
            )
            by_reach[reach] = {t.name: t for t in tallies}
        names = list(by_reach["suspected"])
        out[key] = [
            {"name": name, **{reach: _tally(by_reach[reach].get(name)) for reach in REACHES}}
            for name in names
        ]
    return out


def _tally(tally: Tally | None) -> list[float]:
    return [0.0, 0.0] if tally is None else [tally.low, tally.high]


def _pair(pair: Likeness) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "p": pair.p,
        "log_ratio": pair.log_ratio,
        "reasons": [{"feature": r.feature, "log_ratio": r.log_ratio, "text": r.text} for r in pair.reasons],
        "unknown": list(pair.unknown),
        "finding_ids": [like_id(pair)],
    }


def _origins(found: OriginMap, flown: BackFlights, asked: ProgrammeSettings) -> dict[str, Any]:
    words = region_words(found)
    rows, columns = np.nonzero(top_region(found))
    order = np.argsort(-found.common[rows, columns])[:MOST_CELLS]
    rows, columns = rows[order], columns[order]
    return {
        "flights": [
            {
                "name": name,
                "p": float(p),
                "how": flown.how.get(name, "flown elsewhere"),
                "finding_ids": [f"programme.{subject(name)}.from_common"],
            }
            for name, p in zip(found.flights, found.p_member, strict=True)
        ],
        "p_common": found.p_common,
        "log_ratio": found.log_ratio,
        "step_deg": float(found.grid.lat_deg[1] - found.grid.lat_deg[0]),
        "cells": [
            [float(found.grid.lon_deg[j]), float(found.grid.lat_deg[i]), float(found.common[i, j])]
            for i, j in zip(rows, columns, strict=True)
        ],
        "verdict": words.verdict,
        "vague": words.vague,
        "ratio": words.ratio,
        "share": words.share,
        "area_km2": words.area_km2,
        "countries": list(words.countries[:MOST_COUNTRIES]),
        "sentences": origin_sentences(words, asked),
        "left_out": [{"flight": name, "why": why} for name, why in flown.left_out.items()],
        "notes": _origin_notes(flown, asked),
        "finding_ids": ["programme.origin.common", "programme.origin.ratio", "programme.origin.area"],
    }


def origin_sentences(words: RegionWords, asked: ProgrammeSettings) -> list[dict[str, Any]]:
    """Say whether the flights share a launch place and where, or that it cannot be told."""
    better = f"{words.ratio:.2g} times as well as" if words.ratio >= 1.0 else "no better than"
    times = f" (a ratio of {words.ratio:.2g})" if words.ratio < 1.0 else ""
    whether = {
        "common": f"One launch place explains the flights {better} places of their own.",
        "apart": f"No common origin is favoured: one launch place explains the flights {better} places of "
        f"their own{times}.",
        "cannot tell": f"Whether they share a launch place these winds cannot tell: one place explains the "
        f"flights {better} places of their own{times}.",
    }[words.verdict]
    out = [{"text": whether, "finding_ids": ["programme.origin.ratio", "programme.origin.common"]}]
    if words.verdict == "apart":
        # Of a place that they do not share nothing is said.
        return out
    land = "land" if asked.launches == "land" else "the map"
    size = f"{words.area_km2:,.0f}".replace(",", " ")
    region = f"{size} km², {percent(words.share)} of all {land}"
    near = ", ".join(words.countries[:MOST_COUNTRIES])
    more = len(words.countries) - MOST_COUNTRIES
    over = f", over {near}{f' and {more} more' if more > 0 else ''}" if near else ""
    where = (
        f"Where it would be cannot be told: the region that holds it with 90 % is {region}."
        if words.vague
        else f"If they share one, it lies with 90 % in {region}{over}."
    )
    return [*out, {"text": where, "finding_ids": ["programme.origin.area"]}]


def _origin_notes(flown: BackFlights, asked: ProgrammeSettings) -> list[str]:
    if not flown.ensembles:
        return list(flown.notes)
    out = [
        *flown.notes,
        f"Each flight drifts back for {asked.days_back:g} days from its earliest dated place, and is as "
        "likely to have been launched at any time of them. A flight that was steered, or longer aloft, came "
        "from elsewhere.",
    ]
    if flown.on_prior:
        out.append(
            "The climatological prior knows the usual winds of a month and not those of the day: after some "
            "days it spreads a flight over a continent, and the map is as wide as that."
        )
    return out


def _sentences(
    catalogue: Catalogue, area: AreaCount, origins: OriginMap | None, own: int
) -> list[dict[str, Any]]:
    sea = area.counts["sea", "attributed"]
    wide = area.counts["sea", "suspected"]
    whole = _span(area.low, area.high, area.open_above)
    out = [
        {
            "text": f"{len(catalogue.rows)} rows come to {len(catalogue.flights)} flights and "
            f"{len(catalogue.statements)} statements of how many.",
            "finding_ids": ["programme.world.flights_suspected"],
        },
        {
            "text": f"Into {sovereign_airspace(area.area).phrase} went {whole} flights, "
            f"taking every source by its own definition; the catalogue alone gives {_range(sea)} attributed, "
            f"{_range(wide)} with those suspected.",
            "finding_ids": [
                f"programme.{area.area}.flights", f"programme.{area.area}.flights_sea_attributed",
                f"programme.{area.area}.flights_sea_suspected",
            ],
        },
    ]  # fmt: skip
    if wide.apart:
        apart = [f for f in catalogue.flights if f.id in wide.apart]
        out.append(
            {
                "text": "Not counted, being hobby, weather or private balloons: "
                f"{', '.join(f'{f.id} ({KINDS[f.kind]})' for f in apart)}.",
                "finding_ids": [f"programme.{subject(f.id)}.kind" for f in apart],
            }
        )
    if origins is not None:
        out.append(
            {
                "text": f"That {', '.join(origins.flights)} came from one place has a probability of "
                f"{percent(origins.p_common)} ({likelihood(origins.p_common)}).",
                "finding_ids": ["programme.origin.common"],
            }
        )
    return out


def _range(count: Count) -> str:
    return _span(count.low, count.high, count.open_above)


def _span(low: float, high: float, open_above: bool) -> str:
    numbers = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{numbers} or more" if open_above else numbers


def _notes(catalogue: Catalogue) -> list[str]:
    by_words = sum(bool(row.by_words) for row in catalogue.rows)
    out = ["The catalogue holds what became known, not what flew."]
    if by_words:
        out.append(
            f"In {by_words} of {len(catalogue.rows)} rows something that nobody typed was read from the "
            "words, by the rules of docs/programme.md."
        )
    return out

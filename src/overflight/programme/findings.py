"""The findings of the programme: `programme.<subject>.<quantity>`.

The subject is a flight, a row, an area by its ISO code, `world` or `origin`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from overflight.programme.counts import (
    REACH_WORDS,
    REACHES,
    AreaCount,
    Count,
    by_continent,
    by_country,
    count_flights,
)
from overflight.programme.origins import OriginMap, region_words
from overflight.programme.places import DEFINED, Places
from overflight.programme.records import KINDS, Catalogue
from overflight.programme.resemblance import Likeness
from overflight.programme.statements import CountStatement
from overflight.programme.wording import DEFINITIONS
from overflight.records import Finding
from overflight.words import percent


def subject(name: str) -> str:
    """Return the name of a flight as the subject of a finding: letters, digits, '_' and '-' only."""
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in name)[:64] or "unnamed"


def time_findings(catalogue: Catalogue) -> list[Finding]:
    """Return one finding for each row whose time cannot be right."""
    return [
        Finding(
            id=f"programme.{row.id}.time",
            question=f"Can the time of row {row.id} be used?",
            kind="category",
            unit="",
            value={"category": "no, it conflicts"},
            evidence=(row.id,),
            reason=mark.reason,
        )
        for row in catalogue.rows
        for mark in [m for m in row.marks if m.severity == "unusable"][:1]
    ]


def kind_findings(catalogue: Catalogue) -> list[Finding]:
    """Return what each flight is taken for."""
    seen: dict[str, int] = {}
    out = []
    for flight in catalogue.flights:
        name = subject(flight.id)
        if name in seen:
            continue  # two flights whose names differ in signs only share a subject; the first is told
        seen[name] = 1
        words = KINDS[flight.kind] + ("" if flight.sure or flight.kind == "unknown" else ", not surely")
        out.append(
            Finding(
                id=f"programme.{name}.kind", question=f"What is flight {flight.id} taken for?",
                kind="category", unit="", value={"category": words}, evidence=flight.row_ids,
                reason=f"{flight.why}. {flight.what_would_tell}".strip(),
            )
        )  # fmt: skip
    return out


def _count_finding(id_: str, question: str, count: Count, catalogue: Catalogue, reason: str) -> Finding:
    rows = {f.id: f.row_ids for f in catalogue.flights}
    evidence = tuple(i for name in (*count.sure, *count.possible) for i in rows[name])
    above = " A source gives no upper end: there may be more." if count.open_above else ""
    apart = f" Not counted: {', '.join(count.apart)}." if count.apart else ""
    return Finding(
        id=id_, question=question, kind="interval", unit="1", value={"lo": count.low, "hi": count.high},
        evidence=evidence, reason=f"{reason}{above}{apart}",
    )  # fmt: skip


def area_findings(found: AreaCount, catalogue: Catalogue) -> list[Finding]:
    """Return the counts of an area by definition and reach, what sources state, and the hull of all."""
    area = found.area
    own = f" {found.own} that the catalogue leaves out is counted in." if found.own else ""
    out = [
        _count_finding(
            f"programme.{area}.flights_{d}_{reach}",
            f"How many flights were in {area}, {DEFINITIONS[d]}, {REACH_WORDS[reach]}?",
            found.counts[d, reach], catalogue,
            f"Low: sure and surely different. High: all that may have been, each another.{own}",
        )
        for d in DEFINED
        for reach in REACHES
    ]  # fmt: skip
    heard = [s for s in found.statements if s.counted]
    if heard:
        tops = [s.number.low if s.number.high is None else s.number.high for s in heard]
        words = "; ".join(f"{s.id}: {s.number.text}, {DEFINITIONS[s.definition]}" for s in found.statements)
        out.append(
            Finding(
                id=f"programme.{area}.flights_stated",
                question=f"How many flights into {area} do sources state, each by its own definition?",
                kind="interval", unit="1",
                value={"lo": min(s.number.low for s in heard), "hi": max(tops)},
                evidence=tuple(dict.fromkeys(s.id for s in found.statements)), reason=f"{words}.",
            )
        )  # fmt: skip
    out.append(
        Finding(
            id=f"programme.{area}.flights",
            question=f"How many flights entered the airspace of {area}?",
            kind="interval", unit="1", value={"lo": found.low, "hi": found.high},
            evidence=tuple(finding.id for finding in out),
            reason="The hull of the catalogue's count in the airspace, attributed at least and suspected at "
            "most, and of what sources state; nothing is averaged."
            + (" There may be more." if found.open_above else ""),
        )
    )  # fmt: skip
    return out


def world_findings(
    catalogue: Catalogue, places: Places, statements: Sequence[CountStatement], *, own: int = 0
) -> list[Finding]:
    """Return how many flights, countries and continents there are in the catalogue."""
    out = []
    for reach in REACHES:
        count = count_flights(catalogue, None, "", reach, own=own)
        out.append(
            _count_finding(
                f"programme.world.flights_{reach}", f"How many flights are there, {REACH_WORDS[reach]}?",
                count, catalogue, "The catalogue holds what became known, not what flew.",
            )
        )  # fmt: skip
        for unit, tallies in (
            ("countries", by_country(catalogue, places, reach)),
            ("continents", by_continent(catalogue, places, reach)),
        ):
            sure = [t for t in tallies if t.sure]
            out.append(
                Finding(
                    id=f"programme.world.{unit}_{reach}",
                    question=f"Over or off how many {unit} were flights, {REACH_WORDS[reach]}?",
                    kind="interval", unit="1", value={"lo": float(len(sure)), "hi": float(len(tallies))},
                    evidence=tuple(dict.fromkeys(i for t in tallies for i in _rows_of(catalogue, t.sure))),
                    reason=f"{', '.join(t.name for t in sure) or 'None for sure'}. "
                    f"{_stated(statements, unit)}",
                )
            )  # fmt: skip
    return out


def _rows_of(catalogue: Catalogue, flights: Iterable[str]) -> list[str]:
    wanted = set(flights)
    return [i for f in catalogue.flights if f.id in wanted for i in f.row_ids]


def _stated(statements: Sequence[CountStatement], unit: str) -> str:
    told = [f"{s.id}: {s.number.text}" for s in statements if s.unit == unit]
    return f"Stated: {'; '.join(told)}." if told else ""


def like_findings(pairs: Iterable[Likeness]) -> list[Finding]:
    """Return how probable it is that pairs of flights are of one design."""
    return [
        Finding(
            id=like_id(pair), question=f"Are {pair.a} and {pair.b} of one design?", kind="probability",
            unit="1", value={"p": pair.p}, evidence=pair.rows,
            reason=f"{'; '.join(r.text for r in pair.reasons)}. "
            f"Unknown: {', '.join(pair.unknown) or 'nothing'}.",
        )
        for pair in pairs
    ]  # fmt: skip


def like_id(pair: Likeness) -> str:
    """Return the id of a pair's finding."""
    return f"programme.{subject(pair.a)}.like_{subject(pair.b)}"


def origin_findings(found: OriginMap) -> list[Finding]:
    """Return whether flights share a launch place, how large it may be, and which flights share it."""
    given = {"flights": ", ".join(found.flights)}
    region = region_words(found)
    reason = (
        f"log evidence ratio {found.log_ratio:.1f} against places of their own, drawn half from all land and "
        "half from where these flights may have come from."
    )
    return [
        Finding(
            id="programme.origin.common", question="Did the flights come from one place?",
            kind="probability", unit="1", value={"p": found.p_common}, given=given, evidence=found.flights,
            reason=reason,
        ),
        Finding(
            id="programme.origin.ratio", given=given, evidence=found.flights, kind="interval", unit="1",
            question="How many times better does one place explain the flights than places of their own?",
            value={"lo": region.ratio, "hi": region.ratio}, reason=reason,
        ),
        Finding(
            id="programme.origin.area", question="How large is the region that holds their place with 90 %?",
            kind="interval", unit="km2", value={"lo": region.area_km2, "hi": region.area_km2}, given=given,
            evidence=found.flights,
            reason=f"If they share one. It covers {percent(region.share)} of where launches may be.",
        ),
        *(
            Finding(
                id=f"programme.{subject(name)}.from_common",
                question=f"If the others share a place, did {name} come from it?", kind="probability",
                unit="1",
                value={"p": min(max(float(p), 0.0), 1.0)}, given=given, evidence=found.flights, reason=reason,
            )
            for name, p in zip(found.flights, found.p_member, strict=True)
        ),
    ]  # fmt: skip

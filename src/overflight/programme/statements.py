"""What sources say of how many: counts in claims and in rows of the catalogue, each with its own definition.

A claim comes as an argument, whatever made it: this part reads its fields and knows no reader of claims. A
count that is typed (`verb` counted, `quantity`) goes before what its words give, and the answer says which.
A claim that repeats another is shown and not counted again; one that says there was none is shown too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from overflight.programme.records import Number, ObjectRecord
from overflight.programme.wording import (
    DEFINITIONS,
    NOUNS,
    definition_of,
    number_of,
    places_named,
    says_earlier,
    speaks_of_us,
)

_REPEATS: Final = frozenset(("repeats", "derived_from", "distorts"))
_FEWEST_BY_WORDS: Final = 2.0  # 'a flight' tells of one and counts none


class Said(Protocol):
    """What is read of a claim; `overflight.claims.records.Claim` has it."""

    @property
    def id(self) -> str: ...
    @property
    def date(self) -> str: ...
    @property
    def claimant(self) -> str: ...
    @property
    def claim(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def area(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def verbs(self) -> Sequence[str]: ...
    @property
    def quantity(self) -> Any: ...
    @property
    def qualifiers(self) -> Sequence[str]: ...
    @property
    def relations(self) -> Sequence[Any]: ...
    @property
    def said(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class CountStatement:
    """A count that somebody stated.

    `id` is of the claim or the row, `said_s` the end of the day it was said, `definition` a key of
    `wording.DEFINITIONS` and `text` the words that it is from. `earlier` counts what came before the flight
    it is told beside. `repeats` names what it only retells, `denies` that it says there was none.
    """

    id: str
    who: str
    text: str
    unit: str
    number: Number
    area: str
    definition: str
    earlier: bool
    by_words: bool
    date: str = ""
    said_s: float | None = None
    repeats: tuple[str, ...] = ()
    denies: bool = False

    @property
    def counted(self) -> bool:
        """Whether it goes into an interval: it is nobody's repetition and no denial."""
        return not self.repeats and not self.denies


def count_statements(claims: Iterable[Said], rows: Iterable[ObjectRecord] = ()) -> tuple[CountStatement, ...]:
    """Return the counts that claims and rows state, in their order."""
    listed = tuple(claims)
    found = [statement for claim in listed for statement in _of_claim(claim)]
    found += [statement for row in rows for statement in _of_row(row, listed, found)]
    return _areas_by_relation(found, {claim.id: claim for claim in listed})


def _of_claim(claim: Said) -> list[CountStatement]:
    words = f"{claim.claim} {' '.join(claim.qualifiers)}".strip()
    repeats = tuple(r.claim_id for r in claim.relations if r.verb in _REPEATS)
    out = []
    for unit, number, by_words in _numbers(claim):
        out.append(
            CountStatement(
                claim.id, claim.claimant, claim.claim, unit, number,
                claim.area or ("USA" if unit == "flights" and speaks_of_us(claim.claim) else ""),
                definition_of(words), says_earlier(claim.claim), by_words, claim.date,
                None if claim.said is None else float(claim.said.end_s), repeats,
                denies=number.low == 0 and number.high == 0,
            )
        )  # fmt: skip
    return out


def _numbers(claim: Said) -> list[tuple[str, Number, bool]]:
    quantity = claim.quantity
    if "counted" in claim.verbs and quantity is not None:
        unit = next((u for u in NOUNS if u in f"{claim.object} {quantity.unit}"), "flights")
        low = quantity.low if quantity.low is not None else 0.0
        return [(unit, Number(low, quantity.high), False)]
    if claim.topic and not any(t in claim.topic for t in ("programme", "flight", "count")):
        return []
    found = [(unit, number_of(claim.claim, unit), True) for unit in NOUNS]
    known = [
        (unit, number, words)
        for unit, number, words in found
        if number is not None and (number.low >= _FEWEST_BY_WORDS or number.high == 0)
    ]
    named = places_named(claim.claim)
    if not any(unit == "flights" for unit, _, _ in known) and named >= 3.0:
        known.append(("flights", Number(named, None), True))
    return known


def _of_row(
    row: ObjectRecord, claims: Sequence[Said], stated: Sequence[CountStatement]
) -> list[CountStatement]:
    """Return the count of a row; it repeats a claim that gives the same number from the same page."""
    if row.number == Number(1.0, 1.0):
        return []
    same_page = {claim.id for claim in claims if claim.url and claim.url == row.url}
    repeats = tuple(s.id for s in stated if s.id in same_page and s.number == row.number)
    return [
        CountStatement(
            row.id, row.attribution or row.source, row.text, "flights", row.number, row.area,
            definition_of(row.text), says_earlier(row.text), "number" in row.by_words, repeats=repeats,
        )
    ]  # fmt: skip


def _areas_by_relation(
    found: Sequence[CountStatement], claims: Mapping[str, Said]
) -> tuple[CountStatement, ...]:
    """Give a count that names no area the one of a count that it is set against."""
    areas = {s.id: s.area for s in found if s.area and s.unit == "flights"}
    out = list(found)
    for _ in range(3):  # C speaks against B, which speaks against A
        for n, statement in enumerate(out):
            if statement.area or statement.unit != "flights" or statement.id not in claims:
                continue
            beside = _beside(statement.id, claims)
            if area := next((areas[i] for i in beside if i in areas), ""):
                out[n] = replace(statement, area=area)
                areas[statement.id] = area
    return tuple(out)


def _beside(claim_id: str, claims: Mapping[str, Said]) -> list[str]:
    ahead = [r.claim_id for r in claims[claim_id].relations]
    behind = [c.id for c in claims.values() if any(r.claim_id == claim_id for r in c.relations)]
    return [*ahead, *behind]


def definition_words(definition: str) -> str:
    """Return what a definition counts, in words."""
    return DEFINITIONS[definition]

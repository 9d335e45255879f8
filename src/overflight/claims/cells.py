"""One row of the claims table: cells to a `Claim` and back, with every value checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from overflight.claims.dates import read_span
from overflight.claims.records import (
    ANSWERS,
    CREDIBILITIES,
    RELIABILITIES,
    VERBS,
    Claim,
    Quantity,
    Relation,
)
from overflight.errors import InputError
from overflight.rows import nearest, parse_number, shorten

BAR: Final = "|"
# Columns that are carried as the text they are.
_TEXTS: Final = (
    "id", "date", "claimant", "attribution", "claim", "topic", "status", "url", "note", "key", "subject",
    "object", "about", "place", "area", "hedge", "side", "source", "origin", "quote", "sha256", "document",
    "finding",
)  # fmt: skip
_NUMBERS: Final = {"lon_deg": (-360.0, 360.0), "lat_deg": (-90.0, 90.0), "radius_km": (0.0, 20_040.0)}
_TYPED: Final = (
    *("relation", "related_ids", "verb", "answer", "quantity", "unit", "qualifiers", "reliability"),
    *("credibility", "sentences", *_NUMBERS),
)
KNOWN: Final = frozenset((*_TEXTS, *_TYPED))
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)


def read_cells(cell: Mapping[str, str], *, file: str = "claims", line: int | None = None) -> Claim:
    """Return the claim of a row, by column name; absent columns are 'not given', others go to `extra`.

    Raises InputError with file, line and field.
    """

    def checked(name: str, read: Callable[[str], Any], empty: Any) -> Any:
        text = cell.get(name, "")
        if not text:
            return empty
        try:
            return read(text)
        except InputError as error:
            raise InputError(error.what, file=file, line=line, field=name, remedy=error.remedy) from error

    checked("date", read_span, None)
    checked("about", read_span, None)
    checked("sha256", _digest, "")
    _check_id(cell["id"], file, line)
    relations = _relations(cell.get("relation", ""), cell.get("related_ids", ""), file, line)
    numbers = {name: checked(name, _number(*ends), None) for name, ends in _NUMBERS.items()}
    _check_place(numbers, file, line)
    texts: dict[str, Any] = {name: cell.get(name, "") for name in _TEXTS}
    return Claim(
        **texts,
        **numbers,
        relations=relations,
        verbs=checked("verb", lambda t: tuple(_word(v, VERBS) for v in parts(t)), ()),
        answer=checked("answer", lambda t: _word(t, ANSWERS), None),
        quantity=_quantity(cell, checked, file, line),
        qualifiers=checked("qualifiers", lambda t: tuple(parts(t)), ()),
        reliability=checked("reliability", lambda t: _word(t, tuple(RELIABILITIES)), "F"),
        credibility=checked("credibility", lambda t: int(_word(t, tuple(map(str, CREDIBILITIES)))), 6),
        sentences=checked("sentences", _sentences, ()),
        extra=tuple((n, v) for n, v in cell.items() if n not in KNOWN and v),
        line=line or 0,
    )


def write_cells(claim: Claim) -> dict[str, str]:
    """Return the cells of a claim by column name; `read_cells` of them is the claim again."""
    quantity = claim.quantity
    return {
        **{name: getattr(claim, name) for name in _TEXTS},
        **{name: _plain(getattr(claim, name)) for name in _NUMBERS},
        "relation": BAR.join(r.verb for r in claim.relations),
        "related_ids": BAR.join(r.claim_id for r in claim.relations),
        "verb": BAR.join(claim.verbs),
        "answer": claim.answer or "",
        "quantity": write_quantity(quantity) if quantity else "",
        "unit": quantity.unit if quantity else "",
        "qualifiers": BAR.join(claim.qualifiers),
        "reliability": "" if claim.reliability == "F" else claim.reliability,
        "credibility": "" if claim.credibility == 6 else str(claim.credibility),
        "sentences": BAR.join(map(str, claim.sentences)),
        **dict(claim.extra),
    }


def parts(text: str) -> list[str]:
    """Split a cell at its bars; an empty cell has no parts."""
    return [part.strip() for part in text.split(BAR)] if text else []


def read_quantity(text: str, unit: str = "") -> Quantity:
    """Read '6', '5..7', '24..' (at least) or '..7' (at most)."""
    try:
        low, dots, high = text.partition("..")
        ends = [parse_number(end.strip()) if end.strip() else None for end in (low, high if dots else low)]
    except ValueError as error:
        raise InputError(
            str(error), remedy="Write a number, or an interval: 5..7, 24.. (at least), ..7 (at most)."
        ) from error
    if ends == [None, None]:
        raise InputError("an interval without ends", remedy="Leave it empty when nothing was said.")
    if ends[0] is not None and ends[1] is not None and ends[1] < ends[0]:
        raise InputError(
            f"'{shorten(text)}' ends below its beginning", remedy="Put the smaller number first."
        )
    return Quantity(ends[0], ends[1], unit)


def write_quantity(quantity: Quantity) -> str:
    """Write an interval as `read_quantity` reads it."""
    low, high = _plain(quantity.low), _plain(quantity.high)
    return low if low == high else f"{low}..{high}"


def _quantity(
    cell: Mapping[str, str],
    checked: Callable[[str, Callable[[str], Any], Any], Any],
    file: str,
    line: int | None,
) -> Quantity | None:
    unit = cell.get("unit", "")
    found: Quantity | None = checked("quantity", lambda t: read_quantity(t, unit), None)
    if unit and found is None:
        raise InputError(
            "a unit without a quantity", file=file, line=line, field="unit", remedy="Give both, or neither."
        )
    return found


def _plain(number: float | None) -> str:
    if number is None:
        return ""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = parse_number(text)
        except ValueError as error:
            raise InputError(str(error), remedy="Write a decimal number such as -108.5.") from error
        if not low <= value <= high:
            raise InputError(f"{text} is not within {low:g} to {high:g}", remedy="Correct it.")
        return value

    return read


def _word(text: str, words: Collection[str]) -> Any:
    if text not in words:
        near = nearest(text[:80], words)
        raise InputError(
            f"'{shorten(text)}' is not one of {', '.join(words)}",
            remedy=near or "Take one, or leave it empty.",
        )
    return text


def _digest(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise InputError(
            f"'{shorten(text)}' is not a SHA-256", remedy="Give its 64 digits in lower-case hexadecimal."
        )
    return text


def _sentences(text: str) -> tuple[int, ...]:
    numbers = parts(text)
    if bad := [n for n in numbers if not _COUNT.fullmatch(n)]:
        raise InputError(
            f"'{shorten(bad[0])}' is not the number of a sentence",
            remedy="Count from 1, and put bars between: 3|15.",
        )
    return tuple(int(n) for n in numbers)


def _check_id(text: str, file: str, line: int | None) -> None:
    if not text or len(text) > 200 or BAR in text or any(c.isspace() or not c.isprintable() for c in text):
        raise InputError(
            f"the id is '{shorten(text)}'",
            file=file,
            line=line,
            field="id",
            remedy="Give a short id without spaces or bars.",
        )


def _check_place(numbers: Mapping[str, float | None], file: str, line: int | None) -> None:
    given = [name for name in ("lon_deg", "lat_deg") if numbers[name] is not None]
    if len(given) == 1 or (not given and numbers["radius_km"] is not None):
        name = "lat_deg" if given == ["lon_deg"] else "lon_deg"
        raise InputError(
            "half a place", file=file, line=line, field=name, remedy="Give both lon_deg and lat_deg."
        )


def _relations(verbs: str, ids: str, file: str, line: int | None) -> tuple[Relation, ...]:
    left, right = parts(verbs), parts(ids)
    if len(left) != len(right):
        raise InputError(
            f"{len(left)} relations stand against {len(right)} ids",
            file=file,
            line=line,
            field="related_ids",
            remedy="Give as many ids as relations, in the same order, separated by bars.",
        )
    if not all(left) or not all(right):
        raise InputError(
            "a relation or an id between bars is empty",
            file=file,
            line=line,
            field="relation",
            remedy="Fill it in.",
        )
    return tuple(Relation(verb, claim_id) for verb, claim_id in zip(left, right, strict=True))

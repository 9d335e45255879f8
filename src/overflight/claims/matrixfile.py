"""A matrix of competing hypotheses as a table: `item`, a column a hypothesis, and what the items weigh."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from overflight.claims.dates import read_span
from overflight.claims.records import CREDIBILITIES, RELIABILITIES, Claim
from overflight.claims.table import MOST_BYTES, MOST_CHARACTERS, read_limited
from overflight.claims.weighing import MOST_ITEMS, RELEVANCE_WEIGHT, SCORES, Item, Matrix, admiralty_weight
from overflight.errors import InputError, LimitError

_OWN: Final = ("item", "text", "date", "reliability", "credibility", "relevance", "note")
_CREDIBILITY: Final = {str(k): k for k in CREDIBILITIES}


def read_matrix(path: str | Path, claims: Sequence[Claim] = ()) -> Matrix:
    """Read a matrix from CSV: `item`, then a column a hypothesis with CC, C, N, I, II or NA.

    Optional columns are `text`, `date`, `reliability`, `credibility`, `relevance` (high, medium, low) and
    `note`; what they leave empty is taken from the claim whose id the item is.
    """
    path = Path(path)
    try:
        text = read_limited(path, MOST_BYTES, "the matrix").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", file=path.name, remedy="Save it as UTF-8 CSV.") from error
    return parse_matrix(text, claims, file=path.name)


def parse_matrix(text: str, claims: Sequence[Claim] = (), *, file: str = "matrix") -> Matrix:
    """Parse the text of a matrix. See `read_matrix`."""
    by_id = {c.id: c for c in claims}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        hypotheses = _hypotheses(names, file)
        items: list[Item] = []
        for row in reader:
            if len(items) == MOST_ITEMS:
                raise LimitError(f"more than {MOST_ITEMS} items", where=file, remedy="Split the matrix.")
            items.append(_row_item(row, hypotheses, by_id, file, reader.line_num))
    except csv.Error as error:
        raise InputError(
            f"is not a well-formed CSV ({error})", file=file, line=reader.line_num, remedy="Check its quotes."
        ) from error
    if len({i.id for i in items}) < len(items):
        twice = next(i.id for i in items if [j.id for j in items].count(i.id) > 1)
        raise InputError(
            f"the item '{twice}' is there twice", file=file, field="item", remedy="Take one out."
        )
    return Matrix(hypotheses, tuple(items))


def _hypotheses(names: Sequence[str], file: str) -> tuple[str, ...]:
    found = tuple(name for name in names if name not in _OWN)
    if "item" not in names or len(found) < 2 or not all(found) or len(set(names)) < len(names):
        raise InputError(
            "needs the column 'item' and two or more hypotheses, each once",
            file=file,
            line=1,
            remedy="Begin with: item,relevance,drifted,steered",
        )
    return found


def _row_item(
    row: Mapping[str | None, object],
    hypotheses: Sequence[str],
    by_id: Mapping[str, Claim],
    file: str,
    line: int,
) -> Item:
    if None in row or None in row.values():
        raise InputError(
            "has not as many fields as the header", file=file, line=line, remedy="Count the commas."
        )
    cell = {str(name).strip(): str(value).strip() for name, value in row.items()}
    if any(len(value) > MOST_CHARACTERS for value in cell.values()):
        raise LimitError(f"a field has more than {MOST_CHARACTERS} characters", where=f"{file}, line {line}")
    if not cell["item"]:
        raise InputError("the item has no name", file=file, line=line, field="item", remedy="Name it.")
    claim = by_id.get(cell["item"], Claim(id=cell["item"]))

    def one_of(name: str, words: Sequence[str], default: str) -> Any:
        value = cell.get(name, "") or default
        if value not in words:
            raise InputError(
                f"'{value[:60]}' is not one of {', '.join(words)}",
                file=file,
                line=line,
                field=name,
                remedy="Take one.",
            )
        return value

    scores = tuple(one_of(h, SCORES, "") for h in hypotheses)
    reliability = one_of("reliability", tuple(RELIABILITIES), claim.reliability)
    credibility = one_of("credibility", tuple(_CREDIBILITY), str(claim.credibility))
    relevance = RELEVANCE_WEIGHT[one_of("relevance", tuple(RELEVANCE_WEIGHT), "medium")]
    rated = admiralty_weight(reliability, _CREDIBILITY[credibility])
    weight, low, high = (relevance * w for w in rated)
    return Item(
        cell["item"],
        scores,
        weight,
        low,
        high,
        _said(cell, claim, file, line),
        cell.get("text") or claim.claim,
    )


def _said(cell: Mapping[str, str], claim: Claim, file: str, line: int) -> float | None:
    if not cell.get("date"):
        return None if claim.said is None else claim.said.end_s
    try:
        return read_span(cell["date"]).end_s
    except InputError as error:
        raise InputError(error.what, file=file, line=line, field="date", remedy=error.remedy) from error

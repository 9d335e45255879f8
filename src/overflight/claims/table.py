"""The claims table: who said what, when, and how it stands to what others said.

A CSV file in UTF-8 with a header. Columns::

    id              required, unique; short, no bar
    date            ISO day, or empty where the source gives none
    claimant        who said it
    attribution     how the claimant is known: named_official, anonymous_official, media_report ...
    claim           what was said, in a summary
    topic           what it is about
    status          how it stood afterwards, in words
    relation        verbs toward other claims, separated by |: contradicts, supports, superseded_by ...
    related_ids     the ids those verbs point at, separated by |, as many as there are verbs
    url             where it was read; kept as text, never opened
    note, key       optional

Any other column is an error that names it, so that nothing is dropped in silence. Nothing is weighed
here: a claim is what somebody said.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overflight.errors import InputError, LimitError

REQUIRED = (
    "id",
    "date",
    "claimant",
    "attribution",
    "claim",
    "topic",
    "status",
    "relation",
    "related_ids",
    "url",
)
OPTIONAL = ("note", "key")
MOST_BYTES = 16 * 1024 * 1024  # a table of claims is written by people; more is a mistake or an attack
MOST_ROWS = 20_000
MOST_CHARACTERS = 8_000  # in one field
_BAR = "|"


@dataclass(frozen=True, slots=True)
class Relation:
    """A verb toward another claim, as the table has it."""

    verb: str
    claim_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One row of the claims table. `date` is an ISO day or empty; `relations` may name absent claims."""

    id: str
    date: str
    claimant: str
    attribution: str
    claim: str
    topic: str
    status: str
    relations: tuple[Relation, ...] = ()
    url: str = ""
    note: str = ""
    key: str = ""
    line: int = 0


def read_claims(path: str | Path) -> tuple[Claim, ...]:
    """Read a claims table.

    Raises
    ------
    InputError
        With file, line and field: no such file, not UTF-8, a missing column, an empty or repeated id,
        a date that is not an ISO day, relations without as many ids.
    LimitError
        When the file, its rows or a field are larger than any table made by people.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LimitError(
                f"the claims table is larger than {MOST_BYTES} bytes", where=path.name, remedy="Split it."
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path.name, remedy="Check the path in case.toml."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", file=path.name, remedy="Save the table as UTF-8 CSV.") from error
    return parse_claims(text, file=path.name)


def parse_claims(text: str, *, file: str = "claims") -> tuple[Claim, ...]:
    """Parse the text of a claims table; `file` is its name in error messages. See `read_claims`."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(reader.fieldnames, file)
        claims = _rows(reader, file)
    except csv.Error as error:
        raise InputError(
            f"is not a well-formed CSV ({error})",
            file=file,
            line=reader.line_num,
            remedy='Quote fields that hold commas, and double the quotes inside ("").',
        ) from error
    return tuple(claims)


def _rows(reader: csv.DictReader[str], file: str) -> list[Claim]:
    claims: list[Claim] = []
    seen: dict[str, int] = {}
    for row in reader:
        if len(claims) == MOST_ROWS:
            raise LimitError(f"more than {MOST_ROWS} claims", where=file, remedy="Split the table.")
        claim = _claim(row, file, reader.line_num)
        if claim.id in seen:
            raise InputError(
                f"the id '{claim.id}' was used on line {seen[claim.id]}",
                file=file,
                line=claim.line,
                field="id",
                remedy="Give every claim its own id.",
            )
        seen[claim.id] = claim.line
        claims.append(claim)
    return claims


def _check_header(names: object, file: str) -> None:
    columns = list(names) if isinstance(names, list | tuple) else []
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InputError(
            f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            file=file,
            line=1,
            remedy=f"The columns are {', '.join(REQUIRED)}, and note and key if wanted.",
        )
    unknown = [str(name) for name in columns if name not in REQUIRED + OPTIONAL]
    if unknown:
        raise InputError(
            f"has the unknown column '{unknown[0]}'",
            file=file,
            line=1,
            remedy=f"The columns are {', '.join(REQUIRED + OPTIONAL)}.",
        )
    repeated = sorted({str(name) for name in columns if columns.count(name) > 1})
    if repeated:
        raise InputError(f"has the column '{repeated[0]}' twice", file=file, line=1, remedy="Remove one.")


def _claim(row: Mapping[str | None, object], file: str, line: int) -> Claim:
    if None in row:
        raise InputError(
            "has more fields than the header", file=file, line=line, remedy="Quote fields that hold commas."
        )
    cell = {str(name): str(value or "").strip() for name, value in row.items()}
    for name, value in cell.items():
        if len(value) > MOST_CHARACTERS:
            raise LimitError(
                f"the field has {len(value)} characters, more than {MOST_CHARACTERS}",
                where=f"{file}, line {line}, field '{name}'",
                remedy="Summarise it.",
            )
    _check_id(cell["id"], file, line)
    _check_date(cell["date"], file, line)
    relations = _relations(cell["relation"], cell["related_ids"], file, line)
    plain = {
        name: cell.get(name, "")
        for name in (
            "id",
            "date",
            "claimant",
            "attribution",
            "claim",
            "topic",
            "status",
            "url",
            "note",
            "key",
        )
    }
    return Claim(**plain, relations=relations, line=line)


def _check_id(text: str, file: str, line: int) -> None:
    if not text or _BAR in text or any(c.isspace() for c in text):
        raise InputError(
            f"the id is '{text}'",
            file=file,
            line=line,
            field="id",
            remedy="Give a short id without spaces or bars.",
        )


def _check_date(text: str, file: str, line: int) -> None:
    if not text:
        return
    try:
        dt.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"'{text}' is not a day",
            file=file,
            line=line,
            field="date",
            remedy="Write it as 2023-02-03, or leave it empty.",
        ) from error


def _relations(verbs: str, ids: str, file: str, line: int) -> tuple[Relation, ...]:
    left, right = _split(verbs), _split(ids)
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


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(_BAR)] if text else []

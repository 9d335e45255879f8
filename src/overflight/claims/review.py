"""A person's decisions on candidate claims: kept one by one, so that a review can go on where it stopped.

candidates (a claims table) + decisions (a journal beside it) ──► the claims table

The journal is JSON, a line a decision, only ever added to, and on the disk before the next candidate is
shown. Its first line holds the digest of the candidates, so that decisions cannot meet another table. The
last decision on a candidate holds; *skip* leaves it for later.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from overflight.claims.cells import KNOWN, read_cells, write_cells
from overflight.claims.records import Claim
from overflight.claims.table import ClaimTable, changed_table, read_limited, read_table, table_bytes
from overflight.errors import InputError
from overflight.rows import nearest

Choice = Literal["accept", "edit", "reject", "skip"]
CHOICES: Final[tuple[Choice, ...]] = get_args(Choice)
MOST_JOURNAL: Final = 64 * 1024 * 1024
SUFFIX: Final = ".decisions.jsonl"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on a candidate: by whom and when (ISO 8601), and the cells that an edit changed."""

    claim_id: str
    choice: Choice
    when: str = ""
    by: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Review:
    """Candidates, the file of decisions on them, and the decision that holds for each, by id."""

    table: ClaimTable
    journal: Path
    decided: Mapping[str, Decision]

    @property
    def open(self) -> tuple[Claim, ...]:
        """The candidates that nobody accepted, edited or rejected yet."""
        return tuple(
            c for c in self.table.claims
            if (d := self.decided.get(c.id)) is None or d.choice == "skip"
        )  # fmt: skip


def read_review(candidates: str | Path) -> Review:
    """Read candidates and the decisions so far; the journal is made with the first decision.

    Raises InputError when the journal belongs to other candidates or a line of it cannot be read. A last
    line that was cut short in writing was never acknowledged and is passed over.
    """
    candidates = Path(candidates)
    table = read_table(candidates)
    journal = candidates.with_name(candidates.name + SUFFIX)
    if not journal.exists():
        return Review(table, journal, {})
    lines = read_limited(journal, MOST_JOURNAL, "the journal of decisions").split(b"\n")[:-1]
    known = {c.id for c in table.claims}
    rows = [_row(line, journal.name, number) for number, line in enumerate(lines, start=1)]
    if rows and rows[0].get("candidates_sha256") != _digest(table):
        raise InputError(
            "was made for other candidates", file=journal.name, line=1,
            remedy="Put the candidates back as they were, or move the journal away to begin anew.",
        )  # fmt: skip
    decided: dict[str, Decision] = {}
    for number, row in enumerate(rows[1:], start=2):
        decision = _decision(row, journal.name, number)
        if decision.claim_id not in known:
            raise InputError(
                f"decides on '{decision.claim_id[:60]}', which is no candidate",
                file=journal.name, line=number, remedy="Take the line out.",
            )  # fmt: skip
        decided[decision.claim_id] = decision
    return Review(table, journal, decided)


def decide(review: Review, decision: Decision) -> Review:
    """Write a decision to the disk, then return the review with it. Cells of an edit are checked first."""
    reviewed(_candidate(review, decision.claim_id), decision)
    is_new = not review.journal.exists()
    row = {
        "id": decision.claim_id, "choice": decision.choice, "when": decision.when, "by": decision.by,
        "cells": dict(decision.cells),
    }  # fmt: skip
    with review.journal.open("ab") as stream:
        if is_new:
            stream.write(_line({"candidates_sha256": _digest(review.table)}))
        elif stream.tell() and not _ends_line(review.journal):
            _cut_tail(review.journal)
            stream.seek(0, os.SEEK_END)
        stream.write(_line(row))
        stream.flush()
        os.fsync(stream.fileno())
    return Review(review.table, review.journal, {**review.decided, decision.claim_id: decision})


def reviewed(claim: Claim, decision: Decision) -> Claim:
    """Return a candidate with the cells of an edit put in; InputError for what cannot be."""
    if not decision.cells:
        return claim
    for name in decision.cells:
        if name not in KNOWN or name == "id":
            raise InputError(
                f"'{name[:60]}' is no column to change",
                remedy=nearest(name[:60], KNOWN) or "See docs/claims.md.",
            )
    return read_cells({**write_cells(claim), **decision.cells}, file="edit")


def claims_of(review: Review) -> tuple[Claim, ...]:
    """Return the claims that a person accepted, as edited, in the order of the candidates."""
    kept = []
    for claim in review.table.claims:
        decision = review.decided.get(claim.id)
        if decision is not None and decision.choice in ("accept", "edit"):
            kept.append(reviewed(claim, decision))
    return tuple(kept)


def write_claims(review: Review, out: Path, before: Review | None = None) -> int:
    """Write the claims table; what is there is replaced only if it is what `before` would have written.

    Relations toward candidates that were not accepted are left in: `claims show --flags` names them.
    """
    claims = claims_of(review)
    data = table_bytes(changed_table(review.table, claims))
    if out.exists():
        ours = before is not None and out.read_bytes() == table_bytes(
            changed_table(before.table, claims_of(before))
        )
        if not ours:
            raise InputError(
                "is there already, and is not what this review wrote", file=str(out),
                remedy="Name another file with --out; the decisions are kept.",
            )  # fmt: skip
    beside = out.with_name(f".{out.name}.part")
    beside.write_bytes(data)
    beside.replace(out)
    return len(claims)


def parse_cells(texts: Sequence[str]) -> dict[str, str]:
    """Return the cells of 'COLUMN=VALUE' texts."""
    cells = {}
    for text in texts:
        name, is_pair, value = text.partition("=")
        if not is_pair or not name.strip():
            raise InputError(f"'{text[:60]}' sets no column", remedy="Write COLUMN=VALUE.")
        cells[name.strip()] = value.strip()
    return cells


def _candidate(review: Review, claim_id: str) -> Claim:
    for claim in review.table.claims:
        if claim.id == claim_id:
            return claim
    raise InputError(f"there is no candidate '{claim_id[:60]}'", remedy="Ids are as in the table.")


def _digest(table: ClaimTable) -> str:
    return hashlib.sha256(table_bytes(table)).hexdigest()


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _ends_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _cut_tail(path: Path) -> None:
    """Take off a last line that was cut short: it was never acknowledged."""
    data = path.read_bytes()
    os.truncate(path, data.rfind(b"\n") + 1)


def _row(line: bytes, file: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("is no JSON", file=file, line=number, remedy="Take the line out.") from error
    if not isinstance(row, dict):
        raise InputError("is no JSON object", file=file, line=number, remedy="Take the line out.")
    return row


def _decision(row: Mapping[str, Any], file: str, number: int) -> Decision:
    cells = row.get("cells", {})
    texts = (row.get("id"), row.get("when", ""), row.get("by", ""))
    if (
        row.get("choice") not in CHOICES
        or not all(isinstance(t, str) for t in texts)
        or not isinstance(cells, dict)
        or not all(isinstance(v, str) for v in cells.values())
    ):
        raise InputError("is no decision", file=file, line=number, remedy="Take the line out.")
    return Decision(row["id"], row["choice"], row.get("when", ""), row.get("by", ""), cells)

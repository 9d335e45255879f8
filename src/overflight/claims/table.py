"""The claims table: who said what, when, and how it stands to what others said.

A CSV file in UTF-8 with a header. `docs/claims.md` lists the columns; `id`, `date`, `claimant`,
`attribution` and `claim` are required. A column we do not know is kept, unread, in `Claim.extra`; one whose
name is a near miss of ours is an error, so that nothing is misread in silence.

Reading and writing lose nothing: a row that was not changed is written with the bytes it had, its quotes,
spaces and line end included, and so are the byte-order mark and blank lines. Nothing is weighed here.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from overflight.claims.cells import read_cells, write_cells
from overflight.claims.records import Claim, Relation
from overflight.errors import InputError, LimitError

REQUIRED: Final = ("id", "date", "claimant", "attribution", "claim")
OPTIONAL: Final = (
    "topic", "status", "relation", "related_ids", "url", "note", "key", "verb", "answer", "subject", "object",
    "about", "place", "area", "lon_deg", "lat_deg", "radius_km", "quantity", "unit", "hedge", "qualifiers",
    "side", "source", "origin", "quote", "sha256", "reliability", "credibility", "document", "sentences",
    "finding",
)  # fmt: skip
# Plain columns, in the order of tables made before the typed ones were there.
PLAIN: Final = (*REQUIRED, "topic", "status", "relation", "related_ids", "url", "note", "key")
MOST_BYTES = 16 * 1024 * 1024  # a table of claims is written by people; more is a mistake or an attack
MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_CHARACTERS = 8_000  # in one field
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
# How files of packed files begin; none is opened here, so that nothing can unpack itself.
_ARCHIVES: Final = {
    b"PK\x03\x04": "a ZIP archive (or a spreadsheet)", b"\x1f\x8b": "gzip", b"BZh": "bzip2",
    b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "zstd",
    b"%PDF": "a PDF", b"\xd0\xcf\x11\xe0": "an old spreadsheet or document",
}  # fmt: skip

__all__ = [
    "Claim",
    "ClaimTable",
    "Relation",
    "TableRow",
    "changed_table",
    "new_table",
    "parse_claims",
    "parse_table",
    "read_claims",
    "read_table",
    "table_bytes",
]


@dataclass(frozen=True, slots=True)
class TableRow:
    """One record of the file: its text with line end, and the claim in it; None for a blank line."""

    text: str
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class ClaimTable:
    """A claims table as it stands in a file: columns, the text of the header, rows, the file's name."""

    columns: tuple[str, ...]
    header: str
    rows: tuple[TableRow, ...]
    newline: str = "\n"
    bom: bool = False
    file: str = "claims"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims of the table, in its order."""
        return tuple(row.claim for row in self.rows if row.claim is not None)


def read_claims(path: str | Path) -> tuple[Claim, ...]:
    """Read the claims of a table. See `read_table`."""
    return read_table(path).claims


def read_table(path: str | Path) -> ClaimTable:
    """Read a claims table so that it can be written again byte for byte.

    Raises
    ------
    InputError
        With file, line and field: no such file, not UTF-8, a missing or misspelt column, an empty or
        repeated id, a date that is none, relations without as many ids, a value outside its scale.
    LimitError
        When the file, its rows or a field are larger than any table made by people.
    """
    path = Path(path)
    data = read_limited(path, MOST_BYTES, "the claims table")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "is not UTF-8",
            file=path.name,
            line=data[: error.start].count(b"\n") + 1,
            remedy="Save the table as UTF-8 CSV.",
        ) from error
    return parse_table(text, file=path.name)


def read_limited(path: Path, limit_bytes: int, what: str) -> bytes:
    """Return the bytes of a file; InputError if it cannot be read or is an archive, LimitError if large."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path.name, remedy="Check the path."
        ) from error
    for magic, name in _ARCHIVES.items():
        if data.startswith(magic):
            raise InputError(
                f"is {name}, not text", file=path.name, remedy="Unpack or save it as text; it is not opened."
            )
    if len(data) > limit_bytes:
        raise LimitError(f"{what} is larger than {limit_bytes} bytes", where=path.name, remedy="Split it.")
    return data


def parse_claims(text: str, *, file: str = "claims") -> tuple[Claim, ...]:
    """Parse the text of a claims table; `file` is its name in error messages. See `read_table`."""
    return parse_table(text, file=file).claims


def parse_table(text: str, *, file: str = "claims") -> ClaimTable:
    """Parse the text of a claims table. See `read_table`."""
    bom = text.startswith(_BOM)
    records = _records(text[1:] if bom else text, file)
    line, header, names = next(records, (1, "", []))
    columns = tuple(name.strip() for name in names)
    _check_header(columns, line, file)
    rows = tuple(_rows(records, columns, file))
    return ClaimTable(columns, header, rows, _line_end(header) or "\n", bom, file)


def table_bytes(table: ClaimTable) -> bytes:
    """Return the bytes of the file that a table is."""
    pieces = [_BOM if table.bom else "", table.header, *(row.text for row in table.rows)]
    return "".join(pieces).encode("utf-8")


def new_table(claims: Iterable[Claim], *, newline: str = "\n", file: str = "claims") -> ClaimTable:
    """Return a new table of claims, with the plain columns and those of the others that are used."""
    listed = tuple(claims)
    used = _used_columns(listed)
    columns = (*PLAIN, *(name for name in used if name not in PLAIN))
    empty = ClaimTable(columns, _format(columns, newline), (), newline, file=file)
    return changed_table(empty, listed)


def changed_table(table: ClaimTable, claims: Sequence[Claim]) -> ClaimTable:
    """Return the table with these claims in place of its own, in this order.

    Rows whose claim is the same keep their text, byte for byte. Blank lines stay if no claim went.
    Columns are added when a claim needs them; then every row gains empty cells and nothing else changes.
    """
    needed = tuple(name for name in _used_columns(claims) if name not in table.columns)
    if needed:
        table = _with_columns(table, needed)
    kept = {row.claim.id: row for row in table.rows if row.claim is not None}
    made = {c.id: _row(table, c, kept.get(c.id)) for c in claims}
    if len(made) < len(claims):
        raise InputError("two claims share an id", file=table.file, remedy="Give every claim its own id.")
    if [c.id for c in claims[: len(kept)]] == list(kept):
        rows = [row if row.claim is None else made.pop(row.claim.id) for row in table.rows]
        rows += made.values()
    else:
        rows = list(made.values())
    return replace(table, rows=tuple(_ended(rows, table.newline)), header=_ended_text(table, bool(rows)))


def _row(table: ClaimTable, claim: Claim, before: TableRow | None) -> TableRow:
    if before is not None and before.claim == claim:
        return before
    cells = write_cells(claim)
    for name, value in cells.items():
        if len(value) > MOST_CHARACTERS:
            raise LimitError(
                f"the field has {len(value)} characters, more than {MOST_CHARACTERS}",
                where=f"claim {claim.id}, field '{name}'",
                remedy="Summarise it.",
            )
    text = _format([cells.get(name, "") for name in table.columns], table.newline)
    # What was written must say the same when it is read again.
    (_, _, again), *rest = _records(text, f"claim {claim.id}")
    read = read_cells(_named(again, table.columns, f"claim {claim.id}", 1), line=1)
    # Cells of columns that we do not know come in the order of the columns, whatever order the claim had.
    ordered = replace(claim, extra=tuple(sorted(claim.extra, key=lambda cell: _place(table, cell[0]))))
    if rest or read != ordered:
        raise InputError(
            "cannot be written as a row of a table",
            file=f"claim {claim.id}",
            remedy="Take spaces at the ends and bars out of its fields.",
        )
    return TableRow(text, ordered)


def _place(table: ClaimTable, name: str) -> int:
    return table.columns.index(name) if name in table.columns else len(table.columns)


def _with_columns(table: ClaimTable, names: Sequence[str]) -> ClaimTable:
    def wider(text: str, more: Sequence[str]) -> str:
        end = _line_end(text)
        return f"{text[: len(text) - len(end)]},{_format(more, '')}{end}"

    rows = tuple(
        row if row.claim is None else TableRow(wider(row.text, [""] * len(names)), row.claim)
        for row in table.rows
    )
    return replace(table, columns=(*table.columns, *names), header=wider(table.header, names), rows=rows)


def _ended(rows: Sequence[TableRow], newline: str) -> Iterator[TableRow]:
    """Give a line end to all rows but the last, which keeps what it has."""
    for row in rows[:-1]:
        yield row if _line_end(row.text) else replace(row, text=row.text + newline)
    yield from rows[-1:]


def _ended_text(table: ClaimTable, more: bool) -> str:
    return table.header if _line_end(table.header) or not more else table.header + table.newline


def _used_columns(claims: Iterable[Claim]) -> tuple[str, ...]:
    used: dict[str, None] = {}
    for claim in claims:
        used |= dict.fromkeys(name for name, value in write_cells(claim).items() if value)
    known = [name for name in (*REQUIRED, *OPTIONAL) if name in used]
    return (*known, *(name for name in used if name not in known))


def _format(cells: Iterable[str], newline: str) -> str:
    # The writer of the csv module leaves a lone carriage return bare, which then ends the row.
    return ",".join(_quoted(cell) for cell in cells) + newline


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') else cell


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


# --- reading


class _Lines(Iterator[str]):
    """Feeds the reader of CSV line by line; `taken` is what it took since it was last emptied."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.number = 0
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = self._lines.readline()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line


def _records(text: str, file: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield (first line, text with line end, cells) of each record; a blank line has no cells."""
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    while True:
        first, lines.taken = lines.number + 1, []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field larger" in str(error):
                raise _too_long(file, first, "", csv.field_size_limit()) from error
            raise InputError(
                f"is not a well-formed CSV ({error})",
                file=file,
                line=first,
                remedy='Quote fields that hold commas, and double the quotes inside ("").',
            ) from error
        yield first, "".join(lines.taken), cells


def _rows(
    records: Iterable[tuple[int, str, list[str]]], columns: Sequence[str], file: str
) -> Iterator[TableRow]:
    seen: dict[str, int] = {}
    for line, text, cells in records:
        if not cells:
            yield TableRow(text)
            continue
        if len(seen) == MOST_ROWS:
            raise LimitError(f"more than {MOST_ROWS} claims", where=file, remedy="Split the table.")
        claim = read_cells(_named(cells, columns, file, line), file=file, line=line)
        if claim.id in seen:
            raise InputError(
                f"the id '{claim.id}' was used on line {seen[claim.id]}",
                file=file,
                line=line,
                field="id",
                remedy="Give every claim its own id.",
            )
        seen[claim.id] = line
        yield TableRow(text, claim)


def _named(cells: Sequence[str], columns: Sequence[str], file: str, line: int) -> Mapping[str, str]:
    if len(cells) > len(columns):
        raise InputError(
            "has more fields than the header", file=file, line=line, remedy="Quote fields that hold commas."
        )
    if len(cells) < len(columns):
        raise InputError(
            f"has {len(cells)} fields, the header has {len(columns)}",
            file=file,
            line=line,
            remedy="Give every column its field, empty ones too.",
        )
    for name, value in zip(columns, cells, strict=True):
        if len(value) > MOST_CHARACTERS:
            raise _too_long(file, line, name, len(value))
    return MappingProxyType({n: v.strip() for n, v in zip(columns, cells, strict=True)})


def _too_long(file: str, line: int, name: str, size: int) -> LimitError:
    return LimitError(
        f"the field has {size} characters or more; at most {MOST_CHARACTERS} are read",
        where=f"{file}, line {line}" + (f", field '{name}'" if name else ""),
        remedy="Summarise it.",
    )


def _check_header(columns: Sequence[str], line: int, file: str) -> None:
    def bad(what: str, remedy: str) -> InputError:
        return InputError(what, file=file, line=line, remedy=remedy)

    if len(columns) > MOST_COLUMNS:
        raise bad(f"has {len(columns)} columns", f"At most {MOST_COLUMNS} are read.")
    known = (*REQUIRED, *OPTIONAL)
    absent = [name for name in known if name not in columns]
    for name in columns:
        near = difflib.get_close_matches(name[:80], absent, n=1, cutoff=0.8) if name not in known else []
        if near:
            raise bad(
                f"has the unknown column '{name}'", f"Did you mean '{near[0]}'? Else call it otherwise."
            )
    if missing := [name for name in REQUIRED if name not in columns]:
        raise bad(
            f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            f"Needed are {', '.join(REQUIRED)}.",
        )
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise bad(f"has the column '{repeated[0]}' twice", "Remove one.")
    if "" in columns:
        raise bad("has a column without a name", "Name it, or take it out.")
    if ("relation" in columns) != ("related_ids" in columns):
        raise bad("has relation without related_ids, or the other way round", "Give both columns or neither.")

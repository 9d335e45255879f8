"""Hostile-proof reading of small text tables: limits, line numbers, and all problems in one message.

The tables of a case (sightings, sites, claims) are CSV files written by people. This module turns one into
rows of text with their line numbers; what the columns mean belongs to the part that reads the table.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeGuard, TypeVar

from overflight.errors import InputError

MAX_TEXT_BYTES = 32 * 1024 * 1024
MAX_ROWS = 100_000
MAX_CELL_CHARS = 20_000
MAX_PROBLEMS_SHOWN = 20

# ASCII only: float() would also take '1_000', ' nan', 'infinity' and other scripts' digits.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_ID = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: the cells by column name, stripped, and the line it starts on."""

    line: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with one file, to be raised as one InputError. Changed by `add` only."""

    file: str
    found: list[tuple[int | None, str, str, str]] = field(default_factory=list)

    def add(self, line: int | None, name: str, what: str, remedy: str = "") -> None:
        """Note a problem in `line`, column or key `name`."""
        self.found.append((line, name, what, remedy))

    def raise_any(self) -> None:
        """Raise one InputError that lists the problems (the first 20), if there are any."""
        if not self.found:
            return
        line, name, what, remedy = self.found[0]
        if len(self.found) == 1:
            raise InputError(what, file=self.file, line=line, field=name, remedy=remedy)
        listed = [f"\n  {_entry(*one)}" for one in self.found[:MAX_PROBLEMS_SHOWN]]
        rest = len(self.found) - MAX_PROBLEMS_SHOWN
        more = f"\n  and {rest} more" if rest > 0 else ""
        raise InputError(f"{len(self.found)} problems:{''.join(listed)}{more}", file=self.file)


def _entry(line: int | None, name: str, what: str, remedy: str) -> str:
    place = ", ".join(([f"line {line}"] if line is not None else []) + ([f"field '{name}'"] if name else []))
    text = f"{place}: {what}" if place else what
    return f"{text}. {remedy}" if remedy else text


def read_text(path: Path, *, name: str = "", limit_bytes: int = MAX_TEXT_BYTES) -> str:
    """Read a UTF-8 text file of at most `limit_bytes`; a byte-order mark is taken off.

    `name` is what messages call the file (its own name when empty). Raises InputError when the file cannot
    be read, is too large, is not UTF-8 or holds a NUL.
    """
    name = name or path.name
    try:
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", file=name) from error
    if len(data) > limit_bytes:
        raise InputError(
            f"is larger than the limit of {limit_bytes / 1e6:.0f} MB", file=name, remedy="Split the file."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"is not UTF-8 (byte 0x{data[error.start]:02x})",
            file=name,
            line=line,
            remedy="Save it as UTF-8; spreadsheets call it 'CSV UTF-8'.",
        ) from error
    if "\0" in text:
        raise InputError("holds a NUL character", file=name, line=text[: text.index("\0")].count("\n") + 1)
    return text


def parse_rows(
    text: str,
    file: str,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> tuple[Row, ...]:
    """Split CSV text into rows by column name. Lines that begin with '#' and blank lines are skipped.

    `aliases` maps another spelling of a column to ours. Columns that are not known are kept as they are,
    unless the name is a near miss of a known column that is absent. Raises one InputError that lists every
    structural problem: missing, doubled or misspelt columns, rows with too few or many cells, bad quotes.
    """
    records = _records(text, file)
    header_line, header = next(records, (1, []))
    names = [(aliases or {}).get(cell.strip(), cell.strip()) for cell in header]
    problems = Problems(file)
    _check_header(names, header_line, required, optional, problems)
    problems.raise_any()
    rows = []
    for line, cells in records:
        if len(cells) != len(names):
            problems.add(
                line,
                "",
                f"has {len(cells)} cells, the header has {len(names)}",
                "Quote a cell that holds a comma.",
            )
            continue
        for name, cell in zip(names, cells, strict=True):
            if len(cell) > MAX_CELL_CHARS:
                problems.add(line, name, f"is longer than {MAX_CELL_CHARS} characters", "Shorten it.")
        rows.append(Row(line, dict(zip(names, (cell.strip() for cell in cells), strict=True))))
        if len(rows) > MAX_ROWS:
            raise InputError(f"has more than {MAX_ROWS} rows", file=file, line=line, remedy="Split the file.")
    problems.raise_any()
    return tuple(rows)


def _check_header(
    names: Sequence[str], line: int, required: Sequence[str], optional: Sequence[str], problems: Problems
) -> None:
    if not any(names):
        problems.add(line, "", "has no header row", f"Begin with: {','.join(required)}")
        return
    for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
        problems.add(line, name, "the column is there twice", "Keep one of them.")
    absent = [name for name in (*required, *optional) if name not in names]
    misspelt = {
        name: near[0]
        for name in names
        if name and name not in required and name not in optional
        if (near := difflib.get_close_matches(name, absent, n=1, cutoff=0.8))
    }
    for name, meant in misspelt.items():
        problems.add(line, name, "is not a known column", f"Did you mean '{meant}'?")
    for name in required:
        if name not in names and name not in misspelt.values():
            problems.add(line, name, "the column is missing", f"Needed are: {', '.join(required)}.")


class _Lines(Iterator[str]):
    """Feeds the csv reader line by line, skipping comments between records and counting lines."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.number = 0
        self.first = 0
        self.between = True

    def __next__(self) -> str:
        while line := self._lines.readline():
            self.number += 1
            if self.between and (not line.strip() or line.lstrip().startswith("#")):
                continue
            if self.between:
                self.first, self.between = self.number, False
            return line
        raise StopIteration


def _records(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.between = True
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"is not valid CSV ({error})",
                file=file,
                line=lines.first,
                remedy='Put a cell with quotes in quotes and double those inside: "she said ""there""".',
            ) from error
        yield lines.first, cells


class Placed(Protocol):
    """A record that knows its id and where it was read."""

    @property
    def id(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int | None: ...


_Placed = TypeVar("_Placed", bound=Placed)


def read_unique(
    paths: Iterable[Path], parse: Callable[[str, str], tuple[_Placed, ...]], kind: str
) -> tuple[_Placed, ...]:
    """Read the records of several files in order, each id once among them all.

    `parse` takes the text of a file and its name; `kind` is what messages call a record. Raises InputError as
    `parse`, `read_text` and `check_unique` do.
    """
    records = tuple(one for path in paths for one in parse(read_text(path), path.name))
    check_unique(records, kind)
    return records


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of TOML is a number that floats hold; whole ones there may have hundreds of digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def check_unique(records: Iterable[Placed], kind: str) -> None:
    """Raise InputError naming each id of the first file that has one of another record, with both places."""
    seen: dict[str, Placed] = {}
    problems: dict[str, Problems] = {}
    for one in records:
        first = seen.setdefault(one.id, one)
        if first is not one:
            problems.setdefault(one.file, Problems(one.file)).add(
                one.line or None,
                "id",
                f"'{one.id}' is there already ({first.file}, line {first.line})",
                f"Give every {kind} its own id.",
            )
    for found in problems.values():
        found.raise_any()


def number_in(
    row: Row,
    name: str,
    low: float,
    high: float,
    problems: Problems,
    *,
    needed: bool = False,
    remedy: str = "Correct it, or leave it empty.",
) -> float | None:
    """Return the number of a cell, from `low` to `high`; None after noting what is wrong with it.

    None too where the cell is empty or the column absent, which is a problem only where it is `needed`.
    `remedy` is for a number out of range.
    """
    text = row.cells.get(name, "")
    if not (text or needed):
        return None
    try:
        value = parse_number(text)
    except ValueError as error:
        empty = "" if needed else ", or leave it empty"
        problems.add(row.line, name, str(error), f"Write a plain decimal number such as -108.5{empty}.")
        return None
    if not low <= value <= high:
        problems.add(row.line, name, f"{shorten(text)} is not within {low:g} to {high:g}", remedy)
        return None
    return value


def parse_number(text: str) -> float:
    """Return a finite decimal number, or raise ValueError saying what is wrong."""
    if not _NUMBER.fullmatch(text):
        if re.fullmatch(r"[+-]?\d+,\d+", text, re.ASCII):
            raise ValueError(f"'{shorten(text)}' has a decimal comma; write {text.replace(',', '.')}")
        raise ValueError(f"'{shorten(text)}' is not a number")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"'{shorten(text)}' is too large")
    return value


def valid_id(text: str) -> bool:
    """Tell whether `text` may be an id: 1 to 64 letters, digits, '_' or '-'.

    Ids become parts of finding ids, which are split at the dot.
    """
    return bool(_ID.fullmatch(text))


def shorten(text: str, limit: int = 60) -> str:
    """Cut `text` for a message, on one line and without control characters."""
    clean = "".join(c if c.isprintable() else "�" for c in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean ...?' for the known name closest to `name`, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else ""

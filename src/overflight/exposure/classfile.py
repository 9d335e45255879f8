"""Tables of what is assumed of cameras and emitters: CSV, or TOML of `[[camera]]` or `[[emitter]]` tables.

Both hold the same names. What the names mean is with `cameras` and `emitters`; here is what they share: one
row of text or numbers with the line that it stands on, and every problem of a file in one message.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from overflight.case import find_line
from overflight.errors import InputError
from overflight.rows import Problems, nearest, parse_number, parse_rows, shorten, valid_id

MOST_CLASSES: Final = 200
MOST_TEXT: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One row: what its cells hold (text of a CSV, values of a TOML), and on which lines."""

    line: int
    cells: Mapping[str, Any]
    lines: Mapping[str, int]

    def line_of(self, name: str) -> int:
        """Return the line on which a cell stands, or the row's own."""
        return self.lines.get(name, self.line)


def parse_class_rows(
    text: str, file: str, table: str, required: Sequence[str], optional: Sequence[str]
) -> tuple[ClassRow, ...]:
    """Parse a table; a name that ends in `.toml` is TOML, any other CSV.

    Raises InputError that names file, line, field and remedy: for a column or key that is missing or unknown,
    an id that is no id or there twice, and more rows than 200.
    """
    problems = Problems(file)
    rows = (_toml if file.lower().endswith(".toml") else _csv)(
        text, file, table, required, optional, problems
    )
    seen: dict[str, int] = {}
    for row in rows:
        one = row.cells.get("id", "")
        if not (isinstance(one, str) and valid_id(one)):
            remedy = "Use 1 to 64 letters, digits, '_' or '-'."
            problems.add(row.line_of("id"), "id", f"'{shorten(str(one))}' is not an id", remedy)
        elif (first := seen.setdefault(one, row.line)) != row.line:
            what = f"'{one}' is there already (line {first})"
            problems.add(row.line_of("id"), "id", what, f"Give every {table} its own id.")
    problems.raise_any()
    if not rows:
        raise InputError(f"holds no {table}", file=file, remedy=f"Needed are: {', '.join(required)}.")
    if len(rows) > MOST_CLASSES:
        raise InputError(f"holds {len(rows)} rows, more than {MOST_CLASSES}", file=file, remedy="Split it.")
    return rows


def number(
    row: ClassRow, name: str, problems: Problems, *, default: float, low: float, high: float, remedy: str
) -> float:
    """Return a number of a row from `low` to `high`; `default` where the cell is empty or the value bad."""
    value = row.cells.get(name, "")
    if value == "":
        return default
    try:
        found = parse_number(value) if isinstance(value, str) else _plain(value)
    except ValueError as error:
        problems.add(row.line_of(name), name, str(error), remedy)
        return default
    if not low <= found <= high:
        problems.add(row.line_of(name), name, f"{found:g} is not from {low:g} to {high:g}", remedy)
        return default
    return found


def words(row: ClassRow, name: str, problems: Problems) -> str:
    """Return the text of a cell, empty where there is none."""
    value = row.cells.get(name, "")
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        remedy = f"Write text of at most {MOST_TEXT} characters."
        problems.add(row.line_of(name), name, f"'{shorten(str(value))}' cannot be used", remedy)
        return ""
    return value


def assumed(row: ClassRow, problems: Problems) -> bool:
    """Return whether a class is an assumption: it is, unless the row says that it is not."""
    value = row.cells.get("assumed", "")
    told = str(value).lower()
    if told not in ("", "true", "false"):
        what = f"'{shorten(str(value))}' is neither true nor false"
        problems.add(row.line_of("assumed"), "assumed", what, "Leave it empty for an assumption.")
    return told != "false"


def _plain(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        raise ValueError(f"'{shorten(str(value))}' is not a finite number")
    return float(value) if math.isfinite(value) else 0.0


def _csv(
    text: str, file: str, _table: str, required: Sequence[str], optional: Sequence[str], problems: Problems
) -> tuple[ClassRow, ...]:
    rows = parse_rows(text, file, required=required, optional=optional)
    made = []
    for row in rows:
        for name in row.cells:
            if name and name not in required and name not in optional:
                near = nearest(name, (*required, *optional))
                problems.add(1, name, "is not a known column", near or "Take it out.")
        problems.raise_any()
        made.append(ClassRow(line=row.line, cells=row.cells, lines={}))
    return _whole(tuple(made), required, problems)


def _toml(
    text: str, file: str, table: str, required: Sequence[str], optional: Sequence[str], problems: Problems
) -> tuple[ClassRow, ...]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not TOML ({shorten(str(error), 120)})", file=file, remedy=f"Begin with [[{table}]]."
        ) from error
    for name in data:
        if name != table:
            problems.add(find_line(text, name), name, "is not a known key", f"Only [[{table}]] is.")
    entries = data.get(table, [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise InputError("is not a list of tables", file=file, field=table, remedy=f"Write [[{table}]].")
    made = []
    for nth, one in enumerate(entries[: MOST_CLASSES + 1]):
        lines = {name: find_line(text, f"{table}[{nth}].{name}") or 1 for name in one}
        for name in one:
            if name not in required and name not in optional:
                near = nearest(name, (*required, *optional)) or "Take it out."
                problems.add(lines[name], name, "is not a known key", near)
        # The table's own line: `find_line` falls back to it for a key that is not there.
        own = find_line(text, f"{table}[{nth}].") or 1
        made.append(ClassRow(line=own, cells=one, lines=lines))
    return _whole(tuple(made), required, problems)


def _whole(rows: tuple[ClassRow, ...], required: Sequence[str], problems: Problems) -> tuple[ClassRow, ...]:
    for row in rows:
        for name in required:
            if name != "id" and row.cells.get(name, "") == "":
                problems.add(row.line, name, "is missing", f"Needed are: {', '.join(required)}.")
    return rows

"""Classes of pieces from a file: a table (CSV) or TOML with one `[[fragment]]` a class.

::

    name,mass_kg,drag_area_m2,mass_spread,drag_spread,basis
    payload,3.2,2.1,0.1,0.3,weighed; parachute of 2 m
    film,0.9,1.5,,,

Names, units and limits are those of `fragments.Fragment`; the last three columns may be missing or empty.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError
from overflight.rows import nearest, parse_number, parse_rows, read_text, shorten
from overflight.trajectories.fragments import Fragment, check_fragments

MOST: Final = 20
REQUIRED: Final = ("name", "mass_kg", "drag_area_m2")
OPTIONAL: Final = ("mass_spread", "drag_spread", "basis")
NUMBERS: Final = ("mass_kg", "drag_area_m2", "mass_spread", "drag_spread")


def read_fragments(path: str | Path) -> tuple[Fragment, ...]:
    """Read classes of pieces; `.toml` is TOML, anything else a table.

    Raises
    ------
    InputError
        When the file cannot be read or a class cannot be; the message names the line or the key.
    """
    path = Path(path)
    text = read_text(path)
    made = _from_toml(text, path.name) if path.suffix.lower() == ".toml" else _from_csv(text, path.name)
    if len(made) > MOST:
        raise InputError(f"has {len(made)} classes; the limit is {MOST}", file=path.name)
    try:
        return check_fragments(made)
    except InputError as error:
        raise InputError(error.what, file=path.name, remedy="Give each class its own name.") from error


def _from_csv(text: str, file: str) -> list[Fragment]:
    made = []
    for row in parse_rows(text, file, required=REQUIRED, optional=OPTIONAL):
        values: dict[str, Any] = {}
        for name in (*REQUIRED, *OPTIONAL):
            cell = row.cells.get(name, "")
            if not cell and name in OPTIONAL:
                continue
            try:
                values[name] = parse_number(cell) if name in NUMBERS else cell
            except ValueError as error:
                raise InputError(str(error), file=file, line=row.line, field=name) from error
        made.append(_made(values, file, row.line, ""))
    return made


def _from_toml(text: str, file: str) -> list[Fragment]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not TOML ({shorten(str(error))})", file=file) from error
    rows = data.get("fragment", [])
    if set(data) - {"fragment"} or not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise InputError("is no list of fragments", file=file, remedy="Write one [[fragment]] a class.")
    return [_of_table(row, file, f"fragment[{i}]") for i, row in enumerate(rows, 1)]


def _of_table(row: Mapping[str, Any], file: str, where: str) -> Fragment:
    for name, value in row.items():
        if name not in (*REQUIRED, *OPTIONAL):
            hint = nearest(name, (*REQUIRED, *OPTIONAL)) or f"Known are {', '.join((*REQUIRED, *OPTIONAL))}."
            raise InputError("is not a known key", file=file, field=f"{where}.{shorten(name)}", remedy=hint)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number if name in NUMBERS else isinstance(value, str)):
            kind = "number" if name in NUMBERS else "text in quotes"
            raise InputError(f"is no {kind}", file=file, field=f"{where}.{name}", remedy=f"Write a {kind}.")
    for name in REQUIRED:
        if name not in row:
            raise InputError("is missing", file=file, field=f"{where}.{name}", remedy="Give it.")
    values = {name: float(value) if name in NUMBERS else value for name, value in row.items()}
    return _made(values, file, None, where)


def _made(values: dict[str, Any], file: str, line: int | None, where: str) -> Fragment:
    if "basis" in values:
        values["basis"] = shorten(values["basis"], 200)
    try:
        return Fragment(**values)
    except InputError as error:
        field = ".".join(part for part in (where, error.field) if part)
        raise InputError(error.what, file=file, line=line, field=field, remedy=error.remedy) from error

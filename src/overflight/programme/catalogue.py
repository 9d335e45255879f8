"""The catalogue of flights and objects: a CSV table, read without losing a row.

Columns are listed in `docs/programme.md`; `id`, `group`, `event` and `text` are required. `ALIASES` maps the
names that other tables use; more can be given. What a row does not type is read from its words by the rules
of `wording`, and said to be. Times and places that cannot be right are marked, never corrected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError
from overflight.programme.kinds import flights_of
from overflight.programme.records import (
    KINDS,
    ROLES,
    STANDINGS,
    WHERES,
    Catalogue,
    Number,
    ObjectRecord,
    Role,
)
from overflight.programme.slips import mark_slips
from overflight.programme.wording import (
    CALLED,
    features_of,
    kind_of,
    number_of,
    size_of,
    speed_of,
    standing_of,
    where_of,
)
from overflight.rows import (
    Problems,
    Row,
    nearest,
    number_in,
    parse_number,
    parse_rows,
    read_text,
    shorten,
    valid_id,
)
from overflight.times import from_datetime, parse_utc

REQUIRED: Final = ("id", "group", "event", "text")
OPTIONAL: Final = (
    "time_start", "time_end", "lat_deg", "lon_deg", "radius_km", "alt_low_m", "alt_high_m", "attribution",
    "source", "url", "confidence", "notes", "flight", "role", "standing", "kind", "area", "where", "number",
    "size_m", "speed_mps", "course_deg", "behaviour", "equipment",
)  # fmt: skip
ALIASES: Final[Mapping[str, str]] = {
    "time_utc_start": "time_start", "time_utc_end": "time_end", "lat": "lat_deg", "lon": "lon_deg",
    "alt_m_low": "alt_low_m", "alt_m_high": "alt_high_m", "attribution_status": "attribution",
    "quote_paraphrase": "text",
}  # fmt: skip
MOST_BYTES: Final = 16 * 1024 * 1024  # a catalogue is written by people; more is a mistake or an attack
MOST_ROWS: Final = 10_000

# Events that tell of the flight that the group is about; any other event names a flight of its own.
EVENTS: Final = frozenset(
    ("launch", "build", "detection", "radar_detection", "official_detection", "sighting", "eyewitness_photo",
     "witness_report", "satellite_image", "description", "altitude_variant", "time_conflict", "track_gap",
     "last_report", "model_forecast", "shot_down", "landing", "search_ended", "assessment", "acknowledgement",
     "later_finding", "entry", "exit", "statement")
)  # fmt: skip
# Events and words of rows that say how many and name no flight.
_STATEMENTS: Final = frozenset(("count", "total", "statement"))
_SAYS_MANY: Final = re.compile(r"\bin recent years\b|\bno dated case\b", re.I)
_PART_OF: Final = re.compile(r"_(?:entry|exit|landing|end)$")

_NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "lat_deg": (-90.0, 90.0), "lon_deg": (-360.0, 360.0), "radius_km": (0.0, 20_040.0),
    "alt_low_m": (-500.0, 60_000.0), "alt_high_m": (-500.0, 60_000.0), "size_m": (0.01, 1_000.0),
    "speed_mps": (0.0, 500.0), "course_deg": (0.0, 360.0),
}  # fmt: skip
_DATE_REMEDY: Final = "Write 2023-02-03T14:39Z, 2023-02-03, 2023-02 or 2023, or leave it empty."


def read_catalogue(path: str | Path, *, columns: Mapping[str, str] | None = None) -> Catalogue:
    """Read a catalogue of flights and objects.

    Parameters
    ----------
    path : CSV in UTF-8, at most 16 MB.
    columns : names in the file mapped to ours, beside `ALIASES`.

    Raises
    ------
    InputError
        With file, line and field for all that is wrong: no such file, not UTF-8, too large, a missing or
        misspelt column, a repeated id, a time or number that is none, a word outside its list.
    """
    path = Path(path)
    return parse_catalogue(read_text(path, limit_bytes=MOST_BYTES), file=path.name, columns=columns)


def parse_catalogue(
    text: str, *, file: str = "catalogue", columns: Mapping[str, str] | None = None
) -> Catalogue:
    """Read the text of a catalogue; `file` is its name in messages. See `read_catalogue`."""
    aliases = {**ALIASES, **(columns or {})}
    if unknown := sorted(set(aliases.values()) - {*REQUIRED, *OPTIONAL}):
        raise InputError(
            f"'{shorten(unknown[0])}' is no column of a catalogue", file=file,
            remedy=nearest(unknown[0], (*REQUIRED, *OPTIONAL)) or "docs/programme.md lists them.",
        )  # fmt: skip
    rows = parse_rows(text, file, required=REQUIRED, optional=OPTIONAL, aliases=aliases)
    if len(rows) > MOST_ROWS:
        raise InputError(f"has more than {MOST_ROWS} rows", file=file, remedy="Split the file.")
    problems = Problems(file)
    records = [record for row in rows if (record := _record(row, problems)) is not None]
    _check_ids(records, problems)
    problems.raise_any()
    marked = mark_slips(records)
    events = [r for r in marked if r.role == "event"]
    return Catalogue(
        tuple(marked), flights_of(events), tuple(r for r in marked if r.role == "statement"), file
    )


def overlaid(
    text: str,
    typed: str,
    *,
    file: str = "catalogue",
    typed_file: str = "typed",
    columns: Mapping[str, str] | None = None,
) -> str:
    """Return a catalogue's text with columns of a second table, joined by id, laid over it.

    So a table of somebody else's can be typed without being changed. A cell of `typed` that is not empty
    goes before the catalogue's. Raises InputError for an id that the catalogue does not hold.
    """
    import csv
    import io

    aliases = {**ALIASES, **(columns or {})}
    base = parse_rows(text, file, required=("id",), aliases=aliases)
    over = parse_rows(typed, typed_file, required=("id",), optional=OPTIONAL, aliases=aliases)
    known = {row.cells["id"] for row in base}
    problems = Problems(typed_file)
    for row in over:
        if row.cells["id"] not in known:
            problems.add(row.line, "id", f"'{shorten(row.cells['id'])}' is not in {file}", "Correct the id.")
    problems.raise_any()
    cells = {row.cells["id"]: {k: v for k, v in row.cells.items() if v} for row in over}
    names = dict.fromkeys(name for row in (*base, *over) for name in row.cells)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({**row.cells, **cells.get(row.cells["id"], {})} for row in base)
    return out.getvalue()


def _check_ids(records: Sequence[ObjectRecord], problems: Problems) -> None:
    seen: dict[str, int] = {}
    for record in records:
        if record.id in seen:
            problems.add(
                record.line, "id", f"'{record.id}' stands on line {seen[record.id]} too", "Give it its own."
            )
        seen.setdefault(record.id, record.line)


# --- one row


def _record(row: Row, problems: Problems) -> ObjectRecord | None:
    """Return the record of a row, or None after noting what is wrong with it."""
    before = len(problems.found)
    cell = row.cells.get
    texts = {
        name: cell(name, "")
        for name in ("id", "group", "event", "attribution", "source", "url", "text", "confidence", "notes")
    }
    if not valid_id(texts["id"]):
        problems.add(row.line, "id", f"the id is '{shorten(texts['id'])}'",
                     "Give 1 to 64 letters, digits, '_' or '-'.")  # fmt: skip
    if not texts["group"] and not cell("flight"):
        problems.add(row.line, "group", "names no group", "Give the group, or the flight.")
    start, minute = _time(row, "time_start", problems)
    end, _ = _time(row, "time_end", problems, end=True)
    if start is not None and end is None:
        end = start if minute else _time(row, "time_start", problems, end=True)[0]
    if start is None and end is not None:
        problems.add(row.line, "time_start", "is empty though time_end is not", "Give both, or neither.")
    elif start is not None and end is not None and end < start:
        problems.add(row.line, "time_end", "is before time_start", "Put the earlier time first.")
    numbers = {name: number_in(row, name, low, high, problems) for name, (low, high) in _NUMBERS.items()}
    if bool(cell("lat_deg")) != bool(cell("lon_deg")):
        problems.add(row.line, "lat_deg", "half a place", "Give both lat_deg and lon_deg, or neither.")
    typed: dict[str, Any] = {
        "standing": _choice(row, "standing", tuple(STANDINGS), problems),
        "kind": _choice(row, "kind", tuple(KINDS), problems),
        "where": _choice(row, "where", WHERES, problems),
        "role": _choice(row, "role", ROLES, problems),
        "number": _typed_number(row, problems),
        "area": cell("area", ""),
        "behaviour": _list(cell("behaviour", "")),
        "equipment": _list(cell("equipment", "")),
        "flight": cell("flight", ""),
    }
    if len(problems.found) > before:
        return None
    role: Role = typed["role"] or "event"
    record = ObjectRecord(
        id=texts["id"], group=texts["group"], event=texts["event"], role=role,
        flight=typed["flight"] or _flight_of(texts), time_start=start, time_end=end,
        minute=minute and start == end, line=row.line,
        attribution=texts["attribution"], source=texts["source"], url=texts["url"], text=texts["text"],
        confidence=texts["confidence"], notes=texts["notes"], lon_deg=numbers["lon_deg"],
        lat_deg=numbers["lat_deg"], radius_km=numbers["radius_km"], alt_low_m=numbers["alt_low_m"],
        alt_high_m=numbers["alt_high_m"], size_m=numbers["size_m"], speed_mps=numbers["speed_mps"],
        course_deg=numbers["course_deg"], named=bool(typed["flight"]),
    )  # fmt: skip
    return _with_words(record, typed)


def _with_words(record: ObjectRecord, typed: Mapping[str, Any]) -> ObjectRecord:
    """Fill in what was not typed from the words, and name it."""
    kind, sure = kind_of(record.attribution)
    area, where = where_of(f"{record.text} {record.notes}")
    read: dict[str, Any] = {
        "standing": standing_of(record.attribution),
        "kind": kind,
        "area": area or _area_of_group(record.group),
        "where": where,
        "number": number_of(record.text),
        "behaviour": features_of(record.text, "behaviour"),
        "equipment": features_of(record.text, "equipment"),
        "role": "statement" if record.event in _STATEMENTS or _SAYS_MANY.search(record.text) else "",
    }
    # A place that is typed without its area, or the other way round, is not completed from words.
    if typed["area"] or typed["where"]:
        read["area"] = read["where"] = ""
    values = {name: typed[name] or value for name, value in read.items()}
    measured: dict[str, Any] = {"size_m": size_of(record.text), "speed_mps": speed_of(record.text)}
    for name, value in measured.items():
        values[name] = getattr(record, name) if getattr(record, name) is not None else value
    by_words = [n for n, v in read.items() if v and not typed[n]]
    by_words += [n for n, v in measured.items() if v is not None and getattr(record, n) is None]
    values["number"] = values["number"] or Number(1.0, 1.0)
    values["role"] = values["role"] or "event"
    return replace(record, **values, sure=sure or bool(typed["kind"]), by_words=tuple(by_words))


def _flight_of(texts: Mapping[str, str]) -> str:
    if texts["event"] in EVENTS or not texts["event"]:
        return texts["group"]
    return f"{texts['group']}/{_PART_OF.sub('', texts['event'])}"


def _area_of_group(group: str) -> str:
    return CALLED.get(group.lower().split("_")[0], "")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _time(row: Row, name: str, problems: Problems, *, end: bool = False) -> tuple[float | None, bool]:
    """Return a time, and whether it is a minute; a day, month or year is its beginning or its end in UTC."""
    text = row.cells.get(name, "")
    if not text:
        return None, False
    try:
        if day := _calendar(text):
            first, after = day
            return (from_datetime(after) - 60.0 if end else from_datetime(first)), False
        return parse_utc(text), True
    except (InputError, ValueError, OverflowError) as error:
        what = error.what if isinstance(error, InputError) else f"'{shorten(text)}' is not on the calendar"
        problems.add(row.line, name, what, _DATE_REMEDY)
        return None, False


def _calendar(text: str) -> tuple[datetime, datetime] | None:
    """Return the beginning of a year, month or day and of the one after it."""
    found = re.fullmatch(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?", text, re.ASCII)
    if not found:
        return None
    year, month, day = (int(part) if part else 0 for part in found.groups())
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day:
        return first, first + timedelta(days=1)
    if month:
        return first, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return first, datetime(year + 1, 1, 1, tzinfo=UTC)


def _choice(row: Row, name: str, words: Sequence[str], problems: Problems) -> str:
    text = row.cells.get(name, "")
    if text and text not in words:
        listed = ", ".join(word for word in words if word)
        problems.add(
            row.line,
            name,
            f"'{shorten(text)}' is not one of {listed}",
            nearest(text[:80], words) or "Take one, or none.",
        )
        return ""
    return text


def _typed_number(row: Row, problems: Problems) -> Number | None:
    text = row.cells.get("number", "")
    if not text:
        return None
    low, dots, high = text.partition("..")
    try:
        ends = [parse_number(low), parse_number(high if dots and high else low)]
    except ValueError as error:
        problems.add(row.line, "number", str(error), "Write 2, 5..7, or 24.. for at least.")
        return None
    if not 0 <= ends[0] <= ends[1] <= 100_000:
        problems.add(
            row.line, "number", f"'{shorten(text)}' is no count", "Write 2, 5..7, or 24.. for at least."
        )
        return None
    return Number(ends[0], None if dots and not high else ends[1])

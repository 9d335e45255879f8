"""Orbit Mean-Elements Messages (CCSDS 502.0-B) in JSON, CSV and XML, as CelesTrak and Space-Track give them.

The three have the same keywords, one value each::

    OBJECT_NAME OBJECT_ID NORAD_CAT_ID EPOCH MEAN_MOTION ECCENTRICITY INCLINATION RA_OF_ASC_NODE
    ARG_OF_PERICENTER MEAN_ANOMALY BSTAR, and ELEMENT_SET_NO REV_AT_EPOCH where there are any

Mean motion is in revolutions a day, angles in degrees, the epoch in UTC. A message in another frame than
TEME, about another body, in another time than UTC or for another theory than SGP4 is refused. Where
Space-Track puts the two lines beside the keywords, their checksums are checked too. The message's keyword =
value form (KVN) is not read, nor covariances and manoeuvres.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.parsers import expat

from overflight.errors import InputError, OverflightError
from overflight.rows import MAX_CELL_CHARS, parse_number, shorten
from overflight.satellites.elements import MAX_NAME_CHARS, ElementSet, Taken
from overflight.satellites.tle import checksum_fault
from overflight.times import parse_utc
from overflight.units import DAY_S

REQUIRED: Final = (
    "NORAD_CAT_ID", "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER", "MEAN_ANOMALY", "BSTAR",
)  # fmt: skip
# What the messages may say and still be elements for SGP4 about the Earth.
TAKEN_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "CENTER_NAME": ("EARTH",),
    "REF_FRAME": ("TEME",),
    "TIME_SYSTEM": ("UTC",),
    "MEAN_ELEMENT_THEORY": ("SGP4", "SGP/SGP4"),
}
MAX_DEPTH: Final = 32
# What helps with a message that cannot be used.
PLAIN: Final = "Fetch it again, as mean elements for SGP4: those of CelesTrak and Space-Track are."
Fields = Mapping[str, str]


def parse_json(text: str, taken: Taken) -> None:
    """Take the sets of a JSON list of messages (or of one); a set's line is where its object begins."""
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise InputError(
            f"is not valid JSON ({shorten(str(error))})", file=taken.file, line=line,
            remedy="Fetch it again; it may have been cut.",
        ) from None  # fmt: skip
    messages = found if isinstance(found, list) else [found]
    lines = _lines_of(text, "NORAD_CAT_ID", len(messages))
    for message, line in zip(messages, lines, strict=True):
        if not isinstance(message, dict):
            taken.refuse(line, "", f"'{shorten(str(message))}' is no message", PLAIN)
            continue
        plain = {str(k).upper(): v for k, v in message.items() if isinstance(v, str | int | float)}
        _take({k: _text(v) for k, v in plain.items()}, line, taken)


def parse_csv(text: str, taken: Taken) -> None:
    """Take the sets of a CSV table whose header has the keywords."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"is not valid CSV ({error})", file=taken.file, line=before + 1,
                remedy="Fetch it again; it may have been cut.",
            ) from None  # fmt: skip
        line, before = before + 1, reader.line_num
        if not cells or cells[0].startswith("#"):
            continue
        if names is None:
            names = [cell.strip().upper() for cell in cells]
            _check_header(names, taken.file, line)
        elif len(cells) != len(names):
            taken.refuse(line, "", f"the row has {len(cells)} cells, the header has {len(names)}", PLAIN)
        else:
            _take(dict(zip(names, (c.strip() for c in cells), strict=True)), line, taken)


def parse_xml(text: str, taken: Taken) -> None:
    """Take the sets of an NDM or OMM document. Entities and document types are refused."""
    for line, fields in _messages(text, taken.file):
        _take(fields, line, taken)


def _check_header(names: list[str], file: str, line: int) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise InputError(f"the header lacks {', '.join(missing)}", file=file, line=line)


def _take(fields: Fields, line: int, taken: Taken) -> None:
    name = _clean(fields.get("OBJECT_NAME", ""))
    who = f"{shorten(fields.get('NORAD_CAT_ID', ''), 12)} {name}".strip()
    try:
        _check_kind(fields)
        taken.add(_element_set(fields, name, taken.file, line))
    except (ValueError, OverflightError) as error:
        taken.refuse(line, who, str(error), PLAIN)


def _check_kind(fields: Fields) -> None:
    missing = [key for key in REQUIRED if not fields.get(key)]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    long = next((key for key, value in fields.items() if len(value) > MAX_CELL_CHARS), "")
    if long:
        raise ValueError(f"{shorten(long)} is longer than {MAX_CELL_CHARS} characters")
    for key, allowed in TAKEN_AS.items():
        value = fields.get(key, "").strip().upper()
        if value and value not in allowed:
            raise ValueError(f"{key} is '{shorten(value)}', not {allowed[0]}")
    for key in ("TLE_LINE1", "TLE_LINE2"):
        wrong = checksum_fault(fields[key])[0] if fields.get(key) else ""
        if wrong:
            raise ValueError(f"{key}: {wrong}")


def _element_set(fields: Fields, name: str, file: str, line: int) -> ElementSet:
    return ElementSet(
        catalog=_whole(fields, "NORAD_CAT_ID"),
        name=name,
        designator=_clean(fields.get("OBJECT_ID", "")),
        epoch_s=_epoch_s(fields["EPOCH"]),
        mean_motion_degps=_number(fields, "MEAN_MOTION") * 360.0 / DAY_S,
        eccentricity=_number(fields, "ECCENTRICITY"),
        inclination_deg=_number(fields, "INCLINATION"),
        node_deg=_number(fields, "RA_OF_ASC_NODE"),
        perigee_deg=_number(fields, "ARG_OF_PERICENTER"),
        anomaly_deg=_number(fields, "MEAN_ANOMALY"),
        bstar=_number(fields, "BSTAR"),
        number=_whole(fields, "ELEMENT_SET_NO"),
        revolution=_whole(fields, "REV_AT_EPOCH"),
        file=file,
        line=line,
    )


def _epoch_s(text: str) -> float:
    """Return the epoch; messages give it without a zone, and CCSDS 502.0-B says UTC."""
    stamp = text.strip().replace(" ", "T")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z?", stamp, re.ASCII) is None:
        raise ValueError(f"the epoch '{shorten(text)}' cannot be read")
    return parse_utc(stamp.removesuffix("Z") + "Z")


def _number(fields: Fields, key: str) -> float:
    try:
        return parse_number(fields[key].strip())
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _whole(fields: Fields, key: str) -> int:
    text = fields.get(key, "").strip() or "0"
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(f"{key}: '{shorten(text)}' is not a whole number of up to nine places")
    return int(text)


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.strip())[
        :MAX_NAME_CHARS
    ]


def _text(value: str | int | float) -> str:
    return value if isinstance(value, str) else repr(value)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _lines_of(text: str, keyword: str, count: int) -> list[int]:
    """Return the line on which each message's keyword stands; the last one found for those without."""
    lines = [1] * count
    line, at = 1, 0
    for index, match in enumerate(re.finditer(f'"{keyword}"', text)):
        if index >= count:
            break
        line += text.count("\n", at, match.start())
        at = match.start()
        lines[index] = line
    return lines


def _messages(text: str, file: str) -> Iterator[tuple[int, Fields]]:
    """Yield line and fields of each <omm> of a document."""
    found: list[tuple[int, dict[str, str]]] = []
    open_tags: list[str] = []
    words: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, _attributes: dict[str, str]) -> None:
        open_tags.append(tag.upper())
        words.clear()
        if len(open_tags) > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if open_tags[-1] == "OMM":
            found.append((parser.CurrentLineNumber, {}))

    def end(_tag: str) -> None:
        tag = open_tags.pop()
        if found and "OMM" in open_tags:
            found[-1][1].setdefault(tag, "".join(words).strip())
        words.clear()

    def refuse(*_parts: Any) -> None:
        raise ValueError("it declares a document type or an entity")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = words.append
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError) as error:
        raise InputError(
            f"is not usable XML ({shorten(str(error))})", file=file, line=parser.CurrentLineNumber,
            remedy="Give an NDM or OMM document as CelesTrak and Space-Track write it.",
        ) from None  # fmt: skip
    yield from found

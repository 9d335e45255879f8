"""What the report prints of a stream's integrity, from `sections.custody.stream` of the result.

The template (`templates/integrity.html.j2`) lays it out; every row names the findings it prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Row = Mapping[str, Any]

# So many streams are printed, and of each so many things that are wrong; the result has all that were kept.
# Whoever writes the bytes says how many there are.
SHOWN_STREAMS: Final = 12
SHOWN: Final = 20
# The count that a thing which is wrong belongs to; of other kinds none is counted.
COUNTED_AS: Final[Mapping[str, str]] = {
    "gap": "missing", "skipped": "missing", "cut": "missing", "altered": "altered", "damaged": "damaged",
}  # fmt: skip
# Copies and order do a stream no harm.
HARMLESS: Final = ("duplicate", "reordered")
CHECKED: Final[Mapping[str, str]] = {
    "hmac": "tags checked under the key", "sha256": "hashes checked; anybody can make them anew",
    "links": "links checked; no key was given", "error control": "error control checked",
    "counts": "numbers alone",
}  # fmt: skip


def integrity_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the streams as the report prints them; None where the result has none."""
    if not section or not (section.get("streams") or section.get("alone")):
        return None
    rows, alone = shown_streams(section), section.get("alone") or ()
    return {
        "section": section,
        "other": f" ({section['other']})" if section.get("other") else "",
        "streams": [_stream(row) for row in rows],
        "streams_more": len(section["streams"]) - len(rows),
        "alone": alone[:SHOWN_STREAMS],
        "alone_more": max(len(alone) - SHOWN_STREAMS, 0),
    }


def shown_streams(section: Row) -> list[Row]:
    """Return the streams to tell of one by one, those first in which something is wrong."""
    return sorted(section["streams"], key=_whole)[:SHOWN_STREAMS]


def _whole(row: Row) -> bool:
    held = row.get("comparison") or {}
    return bool(row["ok"]) and not any(held.get(name) for name in ("lacking", "only_here", "differing"))


def _stream(row: Row) -> dict[str, Any]:
    wrong = [spot for spot in row["spots"] if spot["kind"] not in HARMLESS]
    return {
        "row": row,
        "checked": CHECKED.get(row["checked"], row["checked"]),
        "counts": [(word, count) for word, count in row["counts"].items() if count],
        "spots": [
            {**spot, "numbers": _numbers(spot), "finding_ids": _counted(row, spot)} for spot in wrong[:SHOWN]
        ],
        "spots_more": max(len(wrong) - SHOWN, 0) + row["spots_dropped"],
    }


def _counted(row: Row, spot: Row) -> list[str]:
    """Return the finding that counts this thing among others of its kind."""
    count = COUNTED_AS.get(spot["kind"])
    return [name for name in row["finding_ids"] if count and name.endswith(f".{count}")]


def _numbers(spot: Row) -> str:
    first, last = spot["first"], spot["last"]
    if first is None:
        return "unknown"
    return str(first) if first == last else f"{first} to {last}"

"""What the report prints of a stream's integrity, from `sections.custody.stream` of the result.

The template (`templates/integrity.html.j2`) lays it out; every row names the findings it prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Row = Mapping[str, Any]

# Of each stream, so many things that are wrong are printed; the result has all that were kept.
SHOWN: Final = 20
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
    return {"section": section, "streams": [_stream(row) for row in section["streams"]]}


def _stream(row: Row) -> dict[str, Any]:
    wrong = [spot for spot in row["spots"] if spot["kind"] not in HARMLESS]
    return {
        "row": row,
        "checked": CHECKED.get(row["checked"], row["checked"]),
        "counts": [(word, count) for word, count in row["counts"].items() if count],
        "spots": [{**spot, "numbers": _numbers(spot)} for spot in wrong[:SHOWN]],
        "spots_more": max(len(wrong) - SHOWN, 0) + row["spots_dropped"],
    }


def _numbers(spot: Row) -> str:
    first, last = spot["first"], spot["last"]
    if first is None:
        return "unknown"
    return str(first) if first == last else f"{first} to {last}"

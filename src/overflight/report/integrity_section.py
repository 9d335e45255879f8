"""What the report prints of a stream's integrity, from `sections.custody.stream` of the result.

A template lays it out; every row names the findings it prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Row = Mapping[str, Any]

# Of each stream, so many things that are wrong are printed; the result has all that were kept.
SHOWN: Final = 20
_ORDER: Final = ("duplicate", "reordered")


def integrity_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the streams as the report prints them; None where the result has none."""
    if not section or not section.get("streams"):
        return None
    return {"section": section, "streams": [_stream(row) for row in section["streams"]]}


def _stream(row: Row) -> dict[str, Any]:
    wrong = [spot for spot in row["spots"] if spot["kind"] not in _ORDER]
    return {
        "row": row,
        "counts": [(word, count) for word, count in row["counts"].items() if count],
        "spots": [{**spot, "numbers": _numbers(spot)} for spot in wrong[:SHOWN]],
        "spots_more": max(len(wrong) - SHOWN, 0) + row["spots_dropped"],
    }


def _numbers(spot: Row) -> str:
    first, last = spot["first"], spot["last"]
    if first is None:
        return "unknown"
    return str(first) if first == last else f"{first} to {last}"

"""What the report's section on exposure prints, from `sections.exposure` of the result.

The template (`templates/exposure.html.j2`) lays it out; every sentence and row names the findings it prints.
Could have been seen, could have been heard: nothing here says that anything was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overflight.report.exposure_plots import exposure_map, exposure_timeline
from overflight.report.map import Borders

Row = Mapping[str, Any]

# Windows in the report; the result has more.
TOLD_WINDOWS: Final = 40
PARTS: Final = (
    ("images", "Pictures that could have been taken"),
    ("signals", "Signals that could have been heard"),
    ("unknown", "What stays open, and what would tell"),
)


def exposure_parts(section: Row | None, borders: Borders) -> dict[str, Any] | None:
    """Return the section with its drawings; None where the result has none, or has rows of sight only."""
    if not section or "schedule" not in section:
        return None
    schedule = section["schedule"]
    return {
        "section": section,
        "timeline": exposure_timeline(schedule),
        "map": exposure_map(section.get("figure"), borders),
        "windows": schedule["windows"][:TOLD_WINDOWS],
        "more_windows": max(len(schedule["windows"]) - TOLD_WINDOWS, 0),
        "outlook": schedule["kind"] == "forecast",
        "parts": [_part(section[key], key, title) for key, title in PARTS if section.get(key)],
        "notes": list(dict.fromkeys([*section["notes"], *schedule["notes"]])),
    }


def _part(part: Row, key: str, title: str) -> dict[str, Any]:
    """One of pictures, signals and what stays open: its sentences and notes."""
    return {
        "key": key,
        "title": title,
        "sentences": [
            {"text": row["text"], "finding_ids": row.get("finding_ids", ())}
            for row in part["rows"]
            if row.get("text")
        ],
        "notes": part.get("notes", ()),
    }

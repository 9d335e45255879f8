"""What the report's section on the account of the data prints, from `sections.custody` of the result.

The template (`templates/custody.html.j2`) lays it out; every sentence and row names the findings it prints.
Hard bounds and what is likely under priors stand in columns of their own, and in the drawing apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overflight.report.custody_plots import account_plot
from overflight.report.integrity_section import integrity_parts

Row = Mapping[str, Any]

# Rows of classes without anything to tell are left out of the report; the result has them.
SCOPES: Final = ("all", "images", "signals", "telemetry")
WORDS: Final[Mapping[str, str]] = {
    "collected": "collected", "sent": "sent", "kept": "kept on board", "deleted": "not on board at the end",
    "recovered": "recovered", "altered": "recovered, altered", "both": "sent and recovered",
    "unaccounted": "neither sent nor recovered",
}  # fmt: skip


def custody_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the section with its drawing; None where the result has none."""
    if not section or "bounds" not in section:
        return None
    rows = sorted(section["bounds"], key=lambda row: SCOPES.index(row["class"]))
    return {
        "section": section,
        "plot": account_plot(rows),
        "rows": [dict(row, words=_words(row)) for row in rows if _tells(row)],
        "ceilings": [dict(row, top_kbps=row["top_bps"] / 1e3) for row in section["ceilings"]],
        "days": section["hours"] / 24.0,
        "integrity": integrity_parts(section.get("stream")),
    }


def _words(row: Row) -> str:
    scope = "all data" if row["class"] == "all" else str(row["class"])
    return f"{scope}: {WORDS[row['quantity']]}"


def _tells(row: Row) -> bool:
    return bool(row["class"] == "all" or row["low_bytes"] or row["high_bytes"] is not None or row["likely"])

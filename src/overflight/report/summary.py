"""The answer at the top of the report, made of findings only.

Each sentence is a pair (text, ids of the findings it prints).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from overflight.report.text import interval, percent_of, span
from overflight.words import likelihood

Row = Mapping[str, Any]
Sentence = tuple[str, list[str]]

LIKELY = 0.55  # crossings below this are told in their own section
MOST_CROSSINGS = 5
# What is a state's own, the widest first; a flight information region never stands here as if it were.
_OWN = ("sovereign_airspace", "sovereign")


def summary(sections: Mapping[str, Any]) -> list[Sentence]:
    """Return the sentences of the first paragraph, the most decisive first."""
    reconstruction = sections.get("reconstruction") or {}
    given = [(str(s["text"]), list(s["finding_ids"])) for s in sections.get("summary") or ()]
    return [
        *given,
        *_crossings((sections.get("crossings") or {}).get("rows") or ()),
        *_rivals(reconstruction.get("scenarios") or ()),
        *_doubts(reconstruction.get("readings") or ()),
    ]


def that(p: float) -> str:
    """Begin a sentence about an event of probability p in the words of ICD 203."""
    word = likelihood(min(max(p, 0.0), 1.0))
    if word in ("almost no chance", "roughly even chance"):
        article = "a " if word.startswith("roughly") else ""
        return f"There is {article}{word} ({percent_of(p)}) that"
    return f"It is {word} ({percent_of(p)}) that"


def _crossings(rows: Sequence[Row]) -> list[Sentence]:
    by_kind = [[row for row in rows if row.get("area_kind") == kind] for kind in _OWN]
    own = next((kind for kind in by_kind if kind), rows)
    told = [row for row in own if float(row["probability"]) >= LIKELY and row.get("finding_ids")]
    told.sort(key=lambda row: float((row.get("entry") or {"p50": 0.0})["p50"]))
    return [(crossing_sentence(row), list(row["finding_ids"])) for row in told[:MOST_CROSSINGS]]


def crossing_sentence(row: Row) -> str:
    """Tell one crossing: how likely, entry and exit with their 90 % ranges."""
    text = f"{that(float(row['probability']))} it crossed {row.get('phrase') or row['name']}"
    if row.get("entry"):
        text += f", entering {interval(row['entry'], 'posix_s')}"
    if row.get("exit"):
        text += f" and leaving {interval(row['exit'], 'posix_s')}"
    return text + "."


def _rivals(scenarios: Sequence[Row]) -> list[Sentence]:
    best = max(scenarios, key=lambda row: float(row["weight"]), default=None)
    if best is None or len(scenarios) < 2 or not best.get("finding_ids"):
        return []
    share = percent_of(float(best["weight"]))
    text = f"Of {len(scenarios)} rival accounts the reports favour “{best['title']}” ({share})."
    return [(text, list(best["finding_ids"]))]


def _doubts(readings: Sequence[Row]) -> list[Sentence]:
    doubted = [row for row in readings if row.get("verdict") == "not at its word" and row.get("finding_ids")]
    judged = [row for row in readings if row.get("verdict") not in ("context", None)]
    if not doubted:
        return []
    text = f"{len(doubted)} of {len(judged)} reports cannot be taken at their word."
    return [(text, [i for row in doubted for i in row["finding_ids"]])]


def stood(reading: Row) -> str:
    """Say where the balloon stood from the reporter: distance, elevation, bearing with 90 % ranges."""
    parts = []
    if reading.get("distance_km"):
        parts.append(f"{interval(reading['distance_km'], 'km')} away")
    if reading.get("elevation_deg"):
        parts.append(f"{interval(reading['elevation_deg'], 'deg')} above the horizon")
    if reading.get("bearing_deg"):
        parts.append(f"toward {_bearing(reading['bearing_deg'])}")
    return ", ".join(parts)


def _bearing(value: Mapping[str, float]) -> str:
    # Quantiles around a median may leave 0-360; a bearing that fills the circle says nothing.
    if float(value["p95"]) - float(value["p05"]) > 270.0:
        return "any direction"
    low, middle, high = (float(value[k]) % 360.0 for k in ("p05", "p50", "p95"))
    points = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
    return f"{points[round(middle / 45.0) % 8]} ({span(low, high, 'deg')})"

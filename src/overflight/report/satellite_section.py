"""What the report's section on satellites prints, from `sections.satellites` of the result.

The template (`templates/satellites.html.j2`) lays it out; sentences and rows name the findings they print.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overflight.report.satellite_plots import view_plot

Row = Mapping[str, Any]

# Passes in the report; the result has more.
TOLD_PASSES: Final = 12


def satellite_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the section with its table and drawing; None where the result has none."""
    if not section:
        return None
    figure = section.get("figure")
    return {
        "section": section,
        "plot": view_plot(figure) if figure else None,
        "table": [_table_row(row) for row in section["rows"]],
        "passes": best_passes(section),
        "sensors": sensor_rows(section),
    }


def _table_row(row: Row) -> dict[str, Any]:
    """One site: the balloon beside the orbit, as text for the cells."""
    balloon, orbit = row.get("balloon"), row["orbit"] or {}
    every, optical, radar = (orbit.get(key) or {} for key in ("all", "optical", "radar"))
    cameras = balloon["cameras"] if balloon else ()
    return {
        "name": row["name"],
        "balloon_h": span(balloon["hours"], 1) if balloon else "–",
        "only_h": span(balloon["only_hours"], 1) if balloon else "–",
        "balloon_niirs": [f"{span(c['niirs'], 1)}: {c['camera']}" for c in cameras if c["niirs"]] or ["–"],
        "passes": span(every.get("passes")),
        "optical": span(optical.get("passes")),
        "optical_h": f"{span(optical['hours'], 1)} h" if optical else "",
        "gap_h": span(optical.get("longest_gap_h"), 1),
        "radar": span(radar.get("passes")),
        "orbit_niirs": span(row["best_niirs"], 1),
        "sentences": row["sentences"],
        "finding_ids": row["finding_ids"],
    }


def best_passes(section: Row) -> list[Row]:
    """Return the passes that could have given most, in order of time."""
    best = sorted(section["passes"], key=lambda p: -(p["niirs"] if p["niirs"] is not None else -1.0))
    return sorted(best[:TOLD_PASSES], key=lambda p: float(p["rise_s"]))


def sensor_rows(section: Row) -> list[dict[str, Any]]:
    """Return the sensors that count, once each, with how many satellites carry them and their source."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for satellite in section["satellites"]:
        for sensor in satellite["sensors"]:
            if sensor["class"] in ("optical", "radar"):
                key = (sensor["source"], sensor["name"])
                row = rows.setdefault(key, {**sensor, "satellites": 0})
                row["satellites"] += 1
    return sorted(rows.values(), key=lambda r: r["gsd_m"] if r["gsd_m"] is not None else float("inf"))


def span(value: Row | None, places: int = 0) -> str:
    """Return a 90 % interval as text, one number where both ends round to it, a dash for none."""
    if value is None:
        return "–"
    low, high = (f"{float(value[q]):.{places}f}" for q in ("p05", "p95"))
    return low if low == high else f"{low} to {high}"

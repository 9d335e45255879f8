"""What the report's section on steering prints, from `sections.steer` of the result.

The template (`templates/steer.html.j2`) lays it out; every sentence and row names the findings it prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overflight.report.map import Borders
from overflight.report.steer_plots import effort_plot, side_bar, steer_map

Row = Mapping[str, Any]


def steer_parts(section: Row | None, borders: Borders) -> dict[str, Any] | None:
    """Return the section with its drawings; None where the result has none."""
    if not section:
        return None
    figure = section.get("figure")
    sides = section.get("sides") or ()
    return {
        "section": section,
        "map": steer_map(figure, borders) if figure else None,
        "effort": effort_plot(figure) if figure else None,
        "bar": side_bar(sides) if sides else None,
        "hypotheses": sorted(section.get("hypotheses") or (), key=lambda row: -float(row["posterior"])),
    }

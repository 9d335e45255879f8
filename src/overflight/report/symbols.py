"""Symbols for the sightings: a shape for who saw it, filled if fitted, smaller the vaguer the place.

circle: people and cameras · square: authorities · triangle: pilots · diamond: instruments and satellites ·
cross: context, never fitted. An orange edge marks a report that cannot be taken at its word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from overflight.report.svg import coordinate, tag
from overflight.report.text import anchor, time_span
from overflight.report.view import View
from overflight.sightings.kinds import kind_info

# First match wins; looked for inside the kind's name.
_SHAPES = (
    ("pilot", "triangle"),
    ("satellite", "diamond"),
    ("telemetry", "diamond"),
    ("radar", "diamond"),
    ("detection", "diamond"),
    ("last_report", "diamond"),
    ("official", "square"),
    ("agency", "square"),
    ("log", "square"),
)
SHAPES = ("circle", "square", "triangle", "diamond", "cross")


def shape_of(kind: str, role: str) -> str:
    """Return the name of the symbol for a kind of sighting."""
    if role == "context":
        return "cross"
    return next((shape for part, shape in _SHAPES if part in kind), "circle")


def symbol(shape: str, x: float, y: float, size: float, class_: str) -> Markup:
    """Return a symbol of about `size` units from its middle to its edge."""
    if shape == "circle":
        return tag("circle", cx=x, cy=y, r=size, class_=class_)
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "triangle": [(0, -1.25), (1.1, 0.8), (-1.1, 0.8)],
        "diamond": [(0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)],
    }
    if shape == "cross":
        a, b = coordinate(x - size), coordinate(x + size)
        c, d = coordinate(y - size), coordinate(y + size)
        return tag("path", d=f"M{a} {c}L{b} {d}M{a} {d}L{b} {c}", class_=f"{class_} line")
    points = " ".join(f"{coordinate(x + dx * size)},{coordinate(y + dy * size)}" for dx, dy in corners[shape])
    return tag("polygon", points=points, class_=class_)


def sighting_mark(view: View, sighting: Mapping[str, Any], reading: Mapping[str, Any] | None) -> Markup:
    """Return a sighting on the map: its symbol, its circle where that is wide, its story as a tooltip."""
    x, y = view.place(float(sighting["lon_deg"]), float(sighting["lat_deg"]))[0]
    radius = float(sighting.get("radius_km") or 0.0) * 1e3 * view.per_m
    if not view.holds((x, y), -min(radius, 100.0)):
        return Markup("")
    role = str(sighting["role"])
    used = bool(reading["used"]) if reading else False
    # Half the size for a place a thousand times vaguer.
    size = 5.6 - min(2.0, math.log10(max(float(sighting.get("radius_km") or 1.0), 1.0)) * 0.7)
    doubted = reading is not None and reading.get("verdict") == "not at its word"
    state = "context" if role == "context" else "used" if used else "unused"
    mark = symbol(
        shape_of(str(sighting["kind"]), role), x, y, size, f"sight {state}{' doubted' if doubted else ''}"
    )
    ring = [tag("circle", cx=x, cy=y, r=radius, class_="reach")] if used and 10 < radius < 130 else []
    return tag(
        "a", tag("title", _story(sighting, reading)), *ring, mark, href=f"#{anchor('s', str(sighting['id']))}"
    )


def _story(sighting: Mapping[str, Any], reading: Mapping[str, Any] | None) -> str:
    parts = [
        f"{sighting['id']}: {kind_info(str(sighting['kind'])).label}",
        str(sighting.get("place") or ""),
        time_span(float(sighting["time_start"]), float(sighting["time_end"])),
        str(sighting.get("source") or ""),
        f"within {float(sighting['radius_km']):.0f} km" if sighting.get("radius_km") else "",
        str(reading["verdict"]) if reading and reading.get("verdict") else "",
    ]
    return " · ".join(part for part in parts if part)

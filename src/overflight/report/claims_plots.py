"""Pictures of the claims: what was said over time by question and side, and who contradicts whom.

Drawn from `sections.claims` of the result as inline SVG without script. The graph is an arc diagram: claims
stand on a line in order of time, an arc joins two of which one speaks against the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from overflight.report.svg import coordinate, drawing, tag
from overflight.report.text import anchor
from overflight.times import to_datetime
from overflight.units import DAY_S

Row = Mapping[str, Any]

WIDTH: Final = 1000.0
LEFT, RIGHT = 190.0, 24.0
ROW: Final = 20.0
QUESTIONS: Final[Mapping[str, str]] = {
    "could_collect": "Could it collect?",
    "did_collect": "Did it collect?",
    "could_send": "Could it send?",
    "did_send": "Did it send?",
}
ANSWERS: Final[Mapping[str, tuple[str, str]]] = {
    "yes": ("yes", "stated"),
    "no": ("no", "wrong"),
    "open": ("not known", "nowind"),
}
# Sides take shades of their own in the order of their first word; beyond these they share the last.
SIDE_CLASSES: Final = ("stated", "wrong", "afar", "slip", "nowind")
MOST_NODES: Final = 120


def claims_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the drawings of a claims section; None where there is nothing to draw."""
    if not section or not section.get("rows"):
        return None
    return {
        "over_time": claims_over_time(section),
        "graph": contradiction_graph(section),
        "sides": sides_of(section.get("points") or ()),
    }


def sides_of(points: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the sides that speak and the class of each, in order of their first word; '' is no side."""
    names = dict.fromkeys(str(p.get("side") or "") for p in sorted(points, key=lambda p: float(p["time_s"])))
    return [(name, SIDE_CLASSES[min(n, len(SIDE_CLASSES) - 1)]) for n, name in enumerate(names)]


def claims_over_time(section: Row) -> Markup:
    """Draw every dated statement on the four questions: when, yes or no, by which side."""
    points = list(section.get("points") or ())
    if not points:
        return Markup("")
    start = min(float(p["time_s"]) for p in points)
    end = max(max(float(p["time_s"]) for p in points), start + DAY_S)
    classes = dict(sides_of(points))
    height = len(QUESTIONS) * (len(ANSWERS) * ROW + 14.0) + 40.0

    def x_of(time_s: float) -> float:
        # Most is said within days: a square root gives the first weeks room.
        share = math.sqrt((time_s - start) / (end - start))
        return LEFT + 10.0 + share * (WIDTH - LEFT - RIGHT - 20.0)

    parts: list[Markup] = []
    for time_s, words in _marks(start, end):
        x = coordinate(x_of(time_s))
        parts.append(tag("path", d=f"M{x} 4V{coordinate(height - 30)}", class_="rule"))
        parts.append(tag("text", words, x=float(x), y=height - 10, text_anchor="middle", class_="degree"))
    for n, (question, asked) in enumerate(QUESTIONS.items()):
        top = 10.0 + n * (len(ANSWERS) * ROW + 14.0)
        parts.append(tag("text", asked, x=4, y=top + ROW, class_="degree"))
        for k, (answer, (words, _)) in enumerate(ANSWERS.items()):
            y = top + k * ROW + 8.0
            parts.append(tag("text", words, x=LEFT - 8, y=y + 4, text_anchor="end", class_="degree"))
            own = [p for p in points if p["question"] == question and p["answer"] == answer]
            parts += [_point(p, x_of, y, classes) for p in own]
    return drawing(
        *parts, width=WIDTH, height=height, title="What was said to the four questions, over time",
        description="One row for each answer to each question; a dot for each dated claim, coloured by side. "
        "Time runs by its square root, so that the first days have room.",
        name="claims-time", class_="plot",
    )  # fmt: skip


def _marks(start: float, end: float) -> list[tuple[float, str]]:
    """Return times that lie evenly along the drawn axis, with their days."""
    shares = np.linspace(0.0, 1.0, 6) ** 2
    return [
        (start + share * (end - start), f"{to_datetime(start + share * (end - start)):%d %b %Y}")
        for share in shares
    ]


def _point(point: Row, x_of: Any, y: float, classes: Mapping[str, str]) -> Markup:
    side = str(point.get("side") or "")
    moment = to_datetime(float(point["time_s"]))
    title = tag("title", f"{point['id']}, {moment:%d %b %Y}{f', {side}' if side else ''}")
    dot = tag("circle", title, cx=x_of(float(point["time_s"])), cy=y, r=4.5, class_=classes[side],
              style="fill-opacity:.75")  # fmt: skip
    return tag("a", dot, href=f"#{anchor('c', str(point['id']))}")


def contradiction_graph(section: Row) -> Markup:
    """Draw which claims speak against which: arcs between claims on a line in order of time."""
    rows = list(section["rows"])
    pairs = sorted(
        {tuple(sorted((str(r["id"]), str(other)))) for r in rows for other in r.get("contradicts") or ()}
    )
    known = {str(r["id"]) for r in rows}
    pairs = [pair for pair in pairs if set(pair) <= known and pair[0] != pair[1]]
    named = {i for pair in pairs for i in pair}
    nodes = sorted((r for r in rows if str(r["id"]) in named), key=_when)[:MOST_NODES]
    if not nodes:
        return Markup("")
    step = (WIDTH - 60.0) / max(len(nodes) - 1, 1)
    place = {str(r["id"]): 30.0 + n * step for n, r in enumerate(nodes)}
    arcs = [(a, b) for a, b in pairs if a in place and b in place]
    tallest = max(abs(place[a] - place[b]) for a, b in arcs) / 2.0
    squeeze = min(1.0, 220.0 / tallest) if tallest else 1.0
    base = tallest * squeeze + 24.0
    parts = [_arc(a, b, place, base, squeeze) for a, b in arcs]
    parts += [_node(r, place, base) for r in nodes]
    return drawing(
        *parts, width=WIDTH, height=base + 74.0, title="Which claims contradict which",
        description=f"{len(nodes)} claims in order of time; an arc joins two of which one speaks against the "
        f"other: {', '.join(f'{a} and {b}' for a, b in arcs)}.",
        name="claims-graph", class_="plot",
    )  # fmt: skip


def _when(row: Row) -> tuple[float, str]:
    said = row.get("said")
    return (float(said[0]) if said else float("inf"), str(row["id"]))


def _arc(a: str, b: str, place: Mapping[str, float], base: float, squeeze: float) -> Markup:
    left, right = sorted((place[a], place[b]))
    radius = (right - left) / 2.0
    data = (
        f"M{coordinate(left)} {coordinate(base)}A{coordinate(radius)} {coordinate(radius * squeeze)} 0 0 1 "
        f"{coordinate(right)} {coordinate(base)}"
    )
    return tag("path", tag("title", f"{a} and {b}"), d=data, class_="effort", style="stroke-opacity:.6")


def _node(row: Row, place: Mapping[str, float], base: float) -> Markup:
    name = str(row["id"])
    x = place[name]
    words = f"{name}: {row.get('claimant') or ''}, {row.get('date') or 'undated'}: {row.get('claim') or ''}"
    text = tag(
        "text", name[:14], x=x, y=base + 12, class_="degree", text_anchor="end",
        transform=f"rotate(-60 {coordinate(x)} {coordinate(base + 12)})",
    )  # fmt: skip
    dot = tag("circle", cx=x, cy=base, r=4.0, class_="sight used")
    return tag("a", tag("title", words), dot, text, href=f"#{anchor('c', name)}", class_="quoted",
               data_evidence=name)  # fmt: skip

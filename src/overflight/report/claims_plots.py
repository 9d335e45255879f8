"""Pictures of the claims: what was said over time, how the balance moved, who contradicts whom, and passive
flights beside "it strayed".

Drawn from `sections.claims` of the result as inline SVG without script. The graph is an arc diagram: claims
stand on a line in order of time, an arc joins two of which one speaks against the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from overflight.report.labels import Labels
from overflight.report.map import Borders, flight_map
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.report.text import anchor
from overflight.report.view import fit_view
from overflight.times import to_datetime
from overflight.units import DAY_S

Row = Mapping[str, Any]

WIDTH: Final = 1000.0
# Room for the longest answer at the size of letters on a phone, and rows that hold such letters.
LEFT, RIGHT = 152.0, 24.0
ROW, HEAD = 27.0, 34.0
LANE: Final = 46.0  # half a lane of the balance: yes above, no below
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
SIDES_OF_LANE: Final = (("yes", "above"), ("no", "below"))
_UP: Final = {"yes": True, "no": False}
# Sides take shades of their own in the order of their first word; beyond these they share the last.
SIDE_CLASSES: Final = ("stated", "wrong", "afar", "slip", "nowind")
MOST_NODES: Final = 120


def claims_parts(section: Row | None, borders: Borders = ()) -> dict[str, Any] | None:
    """Return what the claims' section prints and draws; None where there is nothing to show."""
    if not section or not section.get("rows"):
        return None
    checks = list(section.get("checks") or ())
    tested = [c for c in checks if c["aspect"] != "none"]
    order = {"inconsistent": 0, "consistent": 1, "untestable": 2}
    questions = {str(q["question"]): str(q["words"]) for q in section.get("questions") or ()}
    return {
        "over_time": claims_over_time(section),
        "graph": contradiction_graph(section),
        "sides": sides_of(section.get("points") or ()),
        "questions": list(section.get("questions") or ()),
        "answers": {name: words for name, (words, _) in ANSWERS.items()},
        "answer_classes": [(f"{ANSWERS[a][0]}, {side}", ANSWERS[a][1]) for a, side in SIDES_OF_LANE],
        "balance": balance_plot(section),
        "strayed": strayed_parts(section.get("strayed"), borders),
        "checks": sorted(tested, key=lambda c: order[str(c["verdict"])]),
        "untested": len({c["claim"] for c in checks} - {c["claim"] for c in tested}),
        "flags": list(section.get("flags") or ()),
        "weighing": [
            {**w, "words": questions.get(str(w["question"]), "")} for w in section.get("weighing") or ()
        ],
        "range": count_range,
    }


def count_range(low: float, high: float) -> str:
    """Return a number of sources as text: '2', '2 to 4'."""
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def sides_of(points: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the sides that speak and the class of each, in order of their first word; '' is no side."""
    names = dict.fromkeys(str(p.get("side") or "") for p in sorted(points, key=lambda p: float(p["time_s"])))
    return [(name, SIDE_CLASSES[min(n, len(SIDE_CLASSES) - 1)]) for n, name in enumerate(names)]


def claims_over_time(section: Row) -> Markup:
    """Draw every dated statement on the four questions: when, yes or no, by which side."""
    points = list(section.get("points") or ())
    if not points:
        return Markup("")
    x_of = _Axis.of(points)
    classes = dict(sides_of(points))
    lane = HEAD + len(ANSWERS) * ROW
    height = len(QUESTIONS) * lane + 44.0
    parts = x_of.rules(height)
    for n, (question, asked) in enumerate(QUESTIONS.items()):
        top = n * lane
        parts.append(tag("text", asked, x=4, y=top + HEAD - 8, class_="degree", font_weight="600"))
        for k, (answer, (words, _)) in enumerate(ANSWERS.items()):
            y = top + HEAD + (k + 0.5) * ROW
            parts.append(tag("path", d=f"M{LEFT} {coordinate(y)}H{WIDTH - RIGHT}", class_="rule"))
            parts.append(tag("text", words, x=LEFT - 10, y=y + 5, text_anchor="end", class_="degree"))
            own = [p for p in points if p["question"] == question and p["answer"] == answer]
            parts += _row_points(own, x_of, y, classes)
    return drawing(
        *parts, width=WIDTH, height=height, title="What was said to the four questions, over time",
        description="One row for each answer to each question; a dot for each dated claim, coloured by side. "
        "Time runs by its square root, so that the first days have room.",
        name="claims-time", class_="plot",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Axis:
    """Time by its square root: most is said within days, and the first weeks get room."""

    start: float
    end: float

    @staticmethod
    def of(points: Sequence[Row]) -> _Axis:
        times = [float(p["time_s"]) for p in points]
        return _Axis(min(times), max(max(times), min(times) + DAY_S))

    def __call__(self, time_s: float) -> float:
        share = math.sqrt(min(max((time_s - self.start) / (self.end - self.start), 0.0), 1.0))
        return LEFT + 12.0 + share * (WIDTH - LEFT - RIGHT - 24.0)

    def rules(self, height: float) -> list[Markup]:
        """Return an upright rule at each of some days, and their names, no two over one another."""
        labels = Labels(WIDTH, height)
        parts = []
        for share in np.linspace(0.0, 1.0, 6) ** 2:
            time_s = self.start + float(share) * (self.end - self.start)
            x = self(time_s)
            parts.append(tag("path", d=f"M{coordinate(x)} 4V{coordinate(height - 36)}", class_="rule"))
            # At both ends the words would hang over the edge.
            at = min(max(x, LEFT + 60.0), WIDTH - 110.0)
            parts.append(labels.put(f"{to_datetime(time_s):%d %b %Y}", at, height - 12, "degree"))
        return parts


def _row_points(own: Sequence[Row], x_of: _Axis, y: float, classes: Mapping[str, str]) -> list[Markup]:
    """Return the dots of a row; those that would lie on one another stand side by side."""
    parts, taken = [], -math.inf
    for point in sorted(own, key=lambda p: float(p["time_s"])):
        taken = max(x_of(float(point["time_s"])), taken + 8.0)
        parts.append(_point(point, min(taken, WIDTH - RIGHT), y, classes))
    return parts


def _point(point: Row, x: float, y: float, classes: Mapping[str, str]) -> Markup:
    side = str(point.get("side") or "")
    moment = to_datetime(float(point["time_s"]))
    title = tag("title", f"{point['id']}, {moment:%d %b %Y}{f', {side}' if side else ''}")
    dot = tag("circle", title, cx=x, cy=y, r=5.5, class_=classes[side], style="fill-opacity:.75")  # fmt: skip
    return tag("a", dot, href=f"#{anchor('c', str(point['id']))}")


def balance_plot(section: Row) -> Markup:
    """Draw how many independent sources each answer had, question by question, as statements came."""
    rows = [row for row in section.get("balance") or () if row["steps"]]
    points = list(section.get("points") or ())
    if not rows or not points:
        return Markup("")
    x_of = _Axis.of(points)
    lane = HEAD + 2 * LANE
    height = len(rows) * lane + 44.0
    most = max([float(step[a][1]) for r in rows for step in r["steps"] for a in step if a in _UP] + [1.0])
    parts = x_of.rules(height)
    for n, row in enumerate(rows):
        base = n * lane + HEAD + LANE
        asked = QUESTIONS.get(str(row["question"]), str(row["question"]))
        parts.append(tag("text", asked, x=4, y=n * lane + HEAD - 8, class_="degree", font_weight="600"))
        for words, up in (("yes", -1.0), ("no", 1.0)):
            y = base + up * LANE / 2 + 4
            parts.append(tag("text", words, x=LEFT - 10, y=y, text_anchor="end", class_="degree"))
        parts += _balance_bars(row["steps"], x_of, base, (LANE - 4.0) / most)
        line = f"M{LEFT} {coordinate(base)}H{WIDTH - RIGHT}"
        parts.append(tag("path", d=line, class_="whisker"))
    return drawing(
        *parts, width=WIDTH, height=height, title="How the balance of the four questions moved",
        description="Bars above each line are independent sources that say yes, below it no; solid the "
        "fewest there can be, pale the most.",
        name="claims-balance", class_="plot",
    )  # fmt: skip


def _balance_bars(steps: Sequence[Row], x_of: _Axis, base: float, unit: float) -> list[Markup]:
    parts = []
    for n, step in enumerate(steps):
        left = x_of(float(step["time_s"]))
        right = x_of(float(steps[n + 1]["time_s"])) if n + 1 < len(steps) else WIDTH - RIGHT
        for answer, up in _UP.items():
            low, high = (float(v) for v in step.get(answer) or (0.0, 0.0))
            day = f"{to_datetime(float(step['time_s'])):%d %b %Y}"
            title = f"from {day}: {ANSWERS[answer][0]}, {count_range(low, high)}"
            for much, opacity in ((high, ".25"), (low, ".75")):
                y = base - much * unit if up else base
                if much > 0.0:
                    parts.append(
                        tag("rect", tag("title", title), x=left, y=y, width=max(right - left, 1.5),
                            height=much * unit, class_=ANSWERS[answer][1], style=f"fill-opacity:{opacity}")
                    )  # fmt: skip
    return parts


def strayed_parts(strayed: Row | None, borders: Borders) -> dict[str, Any] | None:
    """Return what the section says of passive flights, with their map; None where none were asked for."""
    if not strayed:
        return None
    return {"section": strayed, "map": strayed_map(strayed, borders)}


def strayed_map(strayed: Row, borders: Borders) -> Markup:
    """Draw some of the passive flights, those that get there over those that do not."""
    paths = [p for p in strayed["paths"] if len(p["lon_deg"]) > 1]
    if not paths:
        return Markup("")
    lon, lat = (np.concatenate([p[name] for p in paths]) for name in ("lon_deg", "lat_deg"))
    view = fit_view(lon, lat, padding=0.02)
    lines = [
        tag("path", d=path_data(view.place(np.array(p["lon_deg"]), np.array(p["lat_deg"]))),
            class_="effort" if p["reached"] else "drift", style="stroke-width:1;stroke-opacity:.7")
        for p in sorted(paths, key=lambda p: bool(p["reached"]))
    ]  # fmt: skip
    if strayed.get("place"):
        (x, y) = view.place(float(strayed["place"][0]), float(strayed["place"][1]))[0]
        lines.append(tag("circle", tag("title", strayed["from"]), cx=x, cy=y, r=5.0, class_="sight used"))
    return flight_map(
        view, (), borders, (), {}, name="strayed-map", title=f"Passive flights from {strayed['from']}",
        over=lines, description=f"Lines: balloons that nobody steers; heavy where one reaches "
        f"{strayed['area_words']}.",
    )  # fmt: skip


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
    step = (WIDTH - 100.0) / max(len(nodes) - 1, 1)
    place = {str(r["id"]): 70.0 + n * step for n, r in enumerate(nodes)}
    arcs = [(a, b) for a, b in pairs if a in place and b in place]
    tallest = max(abs(place[a] - place[b]) for a, b in arcs) / 2.0
    squeeze = min(1.0, 220.0 / tallest) if tallest else 1.0
    base = tallest * squeeze + 24.0
    parts = [_arc(a, b, place, base, squeeze) for a, b in arcs]
    parts += [_node(r, place, base) for r in nodes]
    return drawing(
        *parts, width=WIDTH, height=base + 90.0, title="Which claims contradict which",
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

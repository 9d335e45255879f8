"""Pictures of the programme: where flights were seen, counts beside one another, launch places, the timeline.

All of it is drawn from `sections.programme` and `sections.consequences` as inline SVG without script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from overflight.report.labels import Labels
from overflight.report.map import Borders, flight_map
from overflight.report.plots import TimeScale, time_rules
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.report.symbols import symbol
from overflight.report.text import percent_of, time_span
from overflight.report.view import fit_view
from overflight.units import DAY_S

Row = Mapping[str, Any]

WIDTH: Final = 1000.0
LEFT: Final = 14.0
RIGHT: Final = 40.0
STEP: Final = 48.0  # words above each bar: beside it a phone has no room for them
# Shape and class of a flight on the map by its kind; words in the legend.
MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "mission": ("circle", "sight used"),
    "suspected": ("circle", "sight unused"),
    "hobby": ("triangle", "sight unused"),
    "weather": ("diamond", "sight unused"),
    "private": ("square", "sight unused"),
    "unknown": ("cross", "sight context"),
}
MOST_REACH: Final = 60.0  # a circle wider than this on the sheet says nothing
DEFINED: Final = {"land": "over land", "sea": "with territorial sea", "zone": "with identification zone"}
LANE: Final = 34.0
AROUND_S: Final = 12 * DAY_S  # of the timeline, before and after the path


def programme_map(section: Row, borders: Borders) -> Markup:
    """Draw the flights of a catalogue by kind, with the launch places if there are any."""
    placed = [(f, place) for f in section["flights"] for place in f["places"]]
    cells = (section.get("origins") or {}).get("cells") or ()
    lon = [p[0] for _, p in placed] + [c[0] for c in cells]
    lat = [p[1] for _, p in placed] + [c[1] for c in cells]
    if not lon:
        return Markup("")
    view = fit_view(lon, lat, padding=0.08)
    step = float((section.get("origins") or {}).get("step_deg") or 1.0)
    drawn = [_cell(view, cell, step, max(c[2] for c in cells)) for cell in cells]
    for flight, (x_deg, y_deg, radius_km) in placed:
        (x, y) = view.place(x_deg, y_deg)[0]
        shape, class_ = MARKS[str(flight["kind"])]
        reach = float(radius_km) * 1e3 * view.per_m
        ring = [tag("circle", cx=x, cy=y, r=reach, class_="reach")] if 6.0 < reach < MOST_REACH else []
        drawn.append(
            tag(
                "g",
                tag("title", f"{flight['id']}: {flight['words']}"),
                *ring,
                symbol(shape, x, y, 4.0, class_),
            )
        )
    return flight_map(
        view, (), borders, (), {}, name="programme-map", title="Flights and objects of the catalogue",
        over=drawn, description="Circles: attributed, hollow where suspected. Triangles: hobby balloons. "
        "Diamonds: weather balloons. Squares: private ones. Crosses: nobody says. Shade: where the flights "
        "flown backward share a launch place.",
    )  # fmt: skip


def origins_map(section: Row, borders: Borders) -> Markup:
    """Draw the region where the flights flown backward may have been launched together, and the flights."""
    origins = section.get("origins") or {}
    cells = origins.get("cells") or ()
    if not cells:
        return Markup("")
    names = {str(f["name"]) for f in origins["flights"]}
    seen = [p for f in section["flights"] if f["id"] in names for p in f["places"]]
    lon = [c[0] for c in cells] + [p[0] for p in seen]
    lat = [c[1] for c in cells] + [p[1] for p in seen]
    view = fit_view(lon, lat, padding=0.12)
    top = max(c[2] for c in cells)
    drawn = [_cell(view, cell, float(origins["step_deg"]), top) for cell in cells]
    for x_deg, y_deg, _ in seen:
        (x, y) = view.place(x_deg, y_deg)[0]
        drawn.append(symbol("circle", x, y, 4.0, "sight used"))
    return flight_map(
        view, (), borders, (), {}, name="origins-map", title="Where they may have been launched together",
        over=drawn, description="Shade: cells that hold 90 % of the shared launch place. Dots: where the "
        "flights were seen.",
    )  # fmt: skip


def _cell(view: Any, cell: Sequence[float], step: float, top: float) -> Markup:
    lon, lat, p = cell
    half = step / 2.0
    lons, lats = (
        [lon - half, lon + half, lon + half, lon - half],
        [lat - half, lat - half, lat + half, lat + half],
    )
    corners = view.place(np.array(lons), np.array(lats))
    return tag(
        "path", tag("title", f"{percent_of(p)} of the shared launch place"),
        d=path_data(corners, closed=True), class_="r90 origin",
        style=f"fill-opacity:{0.15 + 0.7 * math.sqrt(p / top):.2f}",
    )  # fmt: skip


def counts_plot(section: Row) -> Markup:
    """Draw the counts of an area as bars from low to high: the catalogue's, then each source's."""
    counts = section["counts"]
    bars = [
        (f"{DEFINED[str(row['definition'])]}, {row['reach']}", float(row["low"]), float(row["high"]),
         bool(row["open_above"]), "stated" if row["reach"] == "attributed" else "afar")
        for row in counts["rows"]
    ]  # fmt: skip
    bars += [
        (f"{row['id']} {row['who']}", float(row["low"]),
         float(row["low"] if row["high"] is None else row["high"]),
         row["high"] is None, "nowind" if row["repeats"] or row["denies"] else "slip")
        for row in counts["statements"]
    ]  # fmt: skip
    bars.append(
        ("all of them", float(counts["low"]), float(counts["high"]), bool(counts["open_above"]), "wrong")
    )
    return _bars(bars, name="programme-counts", title=f"Flights into {section['area']}: every count")


def years_plot(section: Row) -> Markup:
    """Draw the flights by year: sure to possible, as attributed and as suspected."""
    bars = []
    for row in section["tallies"]["year"]:
        for reach, class_ in (("attributed", "stated"), ("suspected", "afar")):
            low, high = (float(v) for v in row[reach])
            bars.append((f"{row['name']}, {reach}", low, high, False, class_))
    return _bars(bars, name="programme-years", title="Flights by year")


def _bars(bars: Sequence[tuple[str, float, float, bool, str]], *, name: str, title: str) -> Markup:
    if not bars:
        return Markup("")
    top = max([high for _, _, high, _, _ in bars] + [1.0])
    height = STEP * len(bars) + 40.0
    scale = (WIDTH - LEFT - RIGHT) / (top * 1.05)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 500, 1000, 10_000, 1e9) if top / s <= 10)
    parts: list[Markup] = []
    for n in range(int(top / step) + 1):
        x = LEFT + n * step * scale
        parts.append(tag("path", d=f"M{coordinate(x)} 4V{coordinate(height - 30)}", class_="rule"))
        parts.append(tag("text", f"{n * step:g}", x=x, y=height - 10, text_anchor="middle", class_="degree"))
    for n, (words, low, high, open_above, class_) in enumerate(bars):
        y = 4.0 + n * STEP
        left, wide = LEFT + low * scale, max((high - low) * scale, 3.0)
        ends = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        short = words if len(words) <= 48 else words[:47] + "…"
        parts += [
            tag("text", short, x=LEFT, y=y + 18, class_="degree"),
            tag("rect", tag("title", f"{words}: {ends}{' or more' if open_above else ''}"),
                x=left, y=y + 25, width=wide, height=14, class_=class_),
        ]  # fmt: skip
        if open_above:
            arrow = f"M{coordinate(left + wide)} {coordinate(y + 25)}l12 7l-12 7Z"
            parts.append(tag("path", d=arrow, class_=class_))
    return drawing(
        *parts, width=WIDTH, height=height, title=title, name=name, class_="plot",
        description="Bars reach from the least to the most; an arrow where no upper end is given.",
    )  # fmt: skip


# --- the timeline


def timeline_plot(section: Row) -> Markup:
    """Draw events by kind above the path's longitude, over the flight and some days about it."""
    events = list(section["events"])
    path = section.get("path")
    if not events and not path:
        return Markup("")
    start, end = _window(events, path)
    near = [e for e in events if float(e["time_end"]) > start and float(e["time_start"]) < end]
    kinds = [k for k in section["kinds"] if any(e["kind"] == k for e in near)]
    below = 110.0 if path else 0.0
    height = LANE * len(kinds) + below + 44.0
    labels = Labels(WIDTH, height)
    x_of = TimeScale(start, end, 150.0, WIDTH - 20.0)
    rules, texts = time_rules(x_of, labels, 4.0, height - 30)
    parts = rules + texts
    for n, kind in enumerate(kinds):
        y = 20.0 + n * LANE
        words = str(section["kinds"][kind])
        parts.append(tag("text", words, x=142, y=y + 4, text_anchor="end", class_="degree"))
        parts += [_event(e, x_of, y) for e in near if e["kind"] == kind]
    if path:
        parts += _path_line(path, x_of, LANE * len(kinds) + 10.0, below)
    return drawing(
        *parts, width=WIDTH, height=height, title="Events beside the path", name="timeline", class_="plot",
        description="Bars: when each event was, by kind. Line: the longitude of the flight, east to the top.",
    )  # fmt: skip


def _window(events: Sequence[Row], path: Row | None) -> tuple[float, float]:
    if path:
        return float(path["time_s"][0]) - AROUND_S / 4, float(path["time_s"][-1]) + AROUND_S
    start = min(float(e["time_start"]) for e in events)
    return start, max(max(float(e["time_end"]) for e in events), start + DAY_S)


def _event(event: Row, x_of: TimeScale, y: float) -> Markup:
    left, right = x_of(float(event["time_start"])), x_of(float(event["time_end"]))
    when = time_span(float(event["time_start"]), float(event["time_end"]))
    class_ = "afar" if event["from_claim"] else "stated"
    title = tag("title", f"{event['id']}: {event['title']} ({when})")
    bar = tag(
        "rect", x=left, y=y - 7, width=max(right - left, 4.0), height=14, class_=class_,
        style="fill-opacity:.55",
    )  # fmt: skip
    return tag("g", title, bar, class_="quoted", data_evidence=str(event["id"]))


def _path_line(path: Row, x_of: TimeScale, top: float, height: float) -> list[Markup]:
    lon = np.unwrap(np.array(path["lon_deg"], dtype=float), period=360.0)
    wide = max(float(np.ptp(lon)), 1.0)
    points = [
        (x_of(float(t)), top + height - 24.0 - (float(v) - lon.min()) / wide * (height - 34.0))
        for t, v in zip(path["time_s"], lon, strict=True)
    ]
    return [
        tag("text", "longitude of the flight", x=142, y=top + height / 2, text_anchor="end", class_="degree"),
        tag("path", d=path_data(points), class_="median posterior"),
    ]

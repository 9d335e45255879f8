"""Height against time, bars and strips, as inline SVG that scales with the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from overflight.report.labels import Labels
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.report.text import percent_of, span, time_span
from overflight.times import short_utc
from overflight.units import DAY_S, FOOT_M, HOUR_S

Interval = Mapping[str, float]
Row = Mapping[str, Any]

WIDTH, HEIGHT = 1000.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 26.0, 34.0
_STEPS_S = (HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 5 * DAY_S, 10 * DAY_S)


def time_ticks(start: float, end: float, most: int = 12) -> list[tuple[float, str]]:
    """Return round UTC times within an interval with their labels, at most `most`."""
    step = next((s for s in _STEPS_S if (end - start) / s <= most), _STEPS_S[-1])
    marks = np.arange(math.ceil(start / step), math.floor(end / step) + 1) * step
    return [(float(mark), _tick_text(float(mark))) for mark in marks]


def _tick_text(time_s: float) -> str:
    day, clock = short_utc(time_s).rsplit(" ", 1)
    return day if clock == "00:00Z" else clock


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Lays times across a drawing: `start` at x = `left`, `end` at `right`, what lies outside at the ends."""

    start: float
    end: float
    left: float
    right: float

    def __call__(self, time_s: float) -> float:
        """Return where a time lies."""
        share = (float(time_s) - self.start) / max(self.end - self.start, 1.0)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def time_rules(
    x_of: TimeScale, labels: Labels, top: float, bottom: float
) -> tuple[list[Markup], list[Markup]]:
    """Return an upright rule from `top` to `bottom` at each round time, and the labels below them."""
    ticks = [(x_of(time_s), text) for time_s, text in time_ticks(x_of.start, x_of.end)]
    rules = [
        tag("path", d=f"M{coordinate(x)} {coordinate(top)}V{coordinate(bottom)}", class_="rule")
        for x, _ in ticks
    ]
    return rules, [labels.put(text, x, bottom + 20, "degree") for x, text in ticks]


def height_plot(path: Sequence[Row], sightings: Sequence[Row], readings: Mapping[str, Row]) -> Markup:
    """Draw the altitude band of the posterior with every altitude report on it.

    `path` rows hold time_s, alt_p05, alt_p50, alt_p95 in metres. A report is hollow where the
    reconstruction holds its altitude for mistaken, or did not use it.
    """
    rows = [row for row in path if all(_known(row.get(k)) for k in ("alt_p05", "alt_p50", "alt_p95"))]
    reports = [s for s in sightings if _known(s.get("alt_low_m")) or _known(s.get("alt_high_m"))]
    if len(rows) < 2:
        return Markup("")
    start, end = float(rows[0]["time_s"]), float(rows[-1]["time_s"])
    tops = [float(row["alt_p95"]) for row in rows] + [max(_altitudes(s)) for s in reports]
    axes = _Axes(start, end, min(math.ceil(max(tops) / 5000.0) * 5000.0, 60e3))
    band = [axes.at(row["time_s"], row["alt_p05"]) for row in rows]
    band += [axes.at(row["time_s"], row["alt_p95"]) for row in reversed(rows)]
    middle = [axes.at(row["time_s"], row["alt_p50"]) for row in rows]
    rules, labels = _height_axes(axes, Labels(WIDTH, HEIGHT))
    return drawing(
        *rules,
        tag("path", d=path_data(band, closed=True), class_="r90 posterior"),
        tag("path", d=path_data(middle), class_="median posterior"),
        *[_altitude_mark(axes, s, readings.get(str(s["id"]))) for s in reports],
        *labels,
        width=WIDTH,
        height=HEIGHT,
        title="Height against time",
        description="The band holds 90 % of the reconstruction at each time, the line is its median; "
        "symbols are altitudes that reports gave.",
        name="height",
        class_="plot",
    )


class _Axes:
    """Maps time and altitude to drawing units."""

    def __init__(self, start: float, end: float, top_m: float) -> None:
        self.start, self.end, self.top_m = start, end, top_m
        self.x_of = TimeScale(start, end, LEFT, WIDTH - RIGHT)

    def at(self, time_s: float, alt_m: float) -> tuple[float, float]:
        y = HEIGHT - BOTTOM - min(float(alt_m) / self.top_m, 1.02) * (HEIGHT - TOP - BOTTOM)
        return self.x_of(time_s), y


def _height_axes(axes: _Axes, labels: Labels) -> tuple[list[Markup], list[Markup]]:
    rules: list[Markup] = []
    texts: list[Markup] = []
    for km in range(0, int(axes.top_m / 1e3) + 1, 5):
        y = axes.at(axes.start, km * 1e3)[1]
        rules.append(tag("path", d=f"M{LEFT} {coordinate(y)}H{coordinate(WIDTH - RIGHT)}", class_="rule"))
        texts.append(labels.put(f"{km} km", LEFT + 2, y - 4, "degree", anchor="start", loose=True))
    for feet in range(20_000, int(axes.top_m / FOOT_M) + 1, 20_000):
        y = axes.at(axes.start, feet * FOOT_M)[1]
        text = f"{feet // 1000}k ft"
        texts.append(labels.put(text, WIDTH - RIGHT - 2, y - 4, "degree", anchor="end", loose=True))
    upright, times = time_rules(axes.x_of, labels, TOP, HEIGHT - BOTTOM)
    return rules + upright, texts + times


def _altitude_mark(axes: _Axes, sighting: Row, reading: Row | None) -> Markup:
    low, high = _altitudes(sighting)
    start, end = float(sighting["time_start"]), float(sighting["time_end"])
    if end < axes.start or start > axes.end:
        return Markup("")
    x, y_low = axes.at((start + end) / 2, low)
    _, y_high = axes.at(start, high)
    x0, x1 = axes.at(start, low)[0], axes.at(end, low)[0]
    y = (y_low + y_high) / 2
    believed = (
        bool(reading and reading.get("used")) and float((reading or {}).get("p_alt_mistaken") or 0) < 0.5
    )
    text = (
        f"{sighting['id']}: {span(low, high, 'm')}, {time_span(start, end)}, "
        f"{sighting.get('source') or ''}{'' if believed else ' (not believed or not fitted)'}"
    )
    whisker = f"M{coordinate(x)} {coordinate(y_low)}V{coordinate(y_high)}M{coordinate(x0)} {coordinate(y)}"
    return tag(
        "g",
        tag("title", text),
        tag("path", d=f"{whisker}H{coordinate(x1)}", class_="whisker"),
        tag("circle", cx=x, cy=y, r=4.5, class_="sight used" if believed else "sight unused doubted"),
    )


def _altitudes(sighting: Row) -> tuple[float, float]:
    known = [float(sighting[k]) for k in ("alt_low_m", "alt_high_m") if _known(sighting.get(k))]
    return min(known), max(known)


def _known(value: Any) -> bool:
    return value is not None and math.isfinite(float(value))


def strip(intervals: Sequence[tuple[str, Interval | None]], start: float, end: float, label: str) -> Markup:
    """Return a stretched bar with one band (p05 to p95) and tick (p50) for each named interval of time."""
    parts = [
        tag("path", d=f"M{coordinate(10 * _share(t, start, end))} 0V20", class_="rule")
        for t, _ in time_ticks(start, end, 10)
    ]
    for name, value in intervals:
        if not value:
            continue
        low, middle, high = (10 * _share(float(value[k]), start, end) for k in ("p05", "p50", "p95"))
        parts.append(tag("rect", x=low, y=5, width=max(high - low, 4.0), height=10, class_=f"band {name}"))
        parts.append(tag("rect", x=middle - 1.2, y=1, width=2.4, height=18, class_=f"tick {name}"))
    return _stretched(label, *parts)


def axis(start: float, end: float) -> list[tuple[float, str]]:
    """Return ticks for an axis above strips: (percent from the left, label)."""
    return [(round(_share(t, start, end), 2), text) for t, text in time_ticks(start, end, 10)]


def _share(time_s: float, start: float, end: float) -> float:
    return min(max(100.0 * (time_s - start) / max(end - start, 1.0), 0.0), 100.0)


def share_bar(shares: Sequence[tuple[str, str, float]]) -> Markup:
    """Return a bar cut into shares (class, words, probability), which are also its description."""
    parts = []
    left = 0.0
    for class_, words, share in shares:
        wide = 1000.0 * min(max(share, 0.0), 1.0)
        bar = tag(
            "rect",
            tag("title", f"{words}: {percent_of(share)}"),
            x=left,
            y=0,
            width=wide,
            height=20,
            class_=class_,
        )
        parts += [bar] if wide > 0.5 else []
        left += wide
    label = ", ".join(f"{words} {percent_of(share)}" for _, words, share in shares)
    return _stretched(label, *parts)


def _stretched(label: str, *parts: Markup) -> Markup:
    background = tag("rect", width=1000, height=20, class_="empty")
    return tag(
        "svg",
        tag("title", label),
        background,
        *parts,
        class_="strip",
        viewBox="0 0 1000 20",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )

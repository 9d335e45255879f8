"""Pictures of exposure: each site's probability of being in view over time, and the footprint on the map.

Drawn from `sections.exposure` of the result: inline SVG for the report, and one PNG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from overflight.geo import circle
from overflight.report import flight_plots
from overflight.report.labels import Labels
from overflight.report.map import Borders, flight_map
from overflight.report.plots import TimeScale, time_rules
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.report.view import View, fit_view
from overflight.times import short_utc
from overflight.units import HOUR_S
from overflight.words import percent

Float64s = npt.NDArray[np.float64]
Row = Mapping[str, Any]

WIDTH: Final = 1000.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 8.0, 30.0
NAME, BAND, SPACE = 18.0, 40.0, 10.0
# Sites of one figure; the table has all.
MOST_SITES: Final = 24
# Letters of a site's name on the map.
LONGEST_NAME: Final = 32
# Circles whose union is the footprint.
CIRCLES: Final = 48
BAND_COLOUR, PATH, FOOT, SITE = "#0b5394", "#0b5394", "#7f9db5", "#c2410c"


def shown_lines(schedule: Row) -> list[Row]:
    """Return the lines that a figure has room for: the likeliest of the sites that are ever in view."""
    seen = [line for line in schedule["lines"] if max(line["p"], default=0.0) > 0.0]
    first = sorted(seen, key=lambda line: -max(line["p"]))[:MOST_SITES]
    return sorted(first, key=lambda line: int(np.argmax(np.asarray(line["p"]) > 0.0)))


def _span(schedule: Row) -> tuple[float, float]:
    """Return the time that the figure shows: that of any probability, and a twentieth more on each side."""
    time_s = np.asarray(schedule["time_s"], dtype=np.float64)
    any_ = np.flatnonzero(np.array([line["p"] for line in schedule["lines"]]).max(axis=0, initial=0.0) > 0.0)
    if any_.size == 0:
        return float(time_s[0]), float(time_s[-1])
    begin, end = float(time_s[any_[0]]), float(time_s[any_[-1]])
    room = max(0.05 * (end - begin), HOUR_S)
    return max(begin - room, float(time_s[0])), min(end + room, float(time_s[-1]))


def exposure_timeline(schedule: Row | None) -> Markup:
    """Draw, by site, the probability of being in view at each time, and the windows of the schedule."""
    if not schedule or len(schedule["time_s"]) < 2:
        return Markup("")
    lines = shown_lines(schedule)
    if not lines:
        return Markup("")
    start, end = _span(schedule)
    each = NAME + BAND + SPACE
    height = TOP + each * len(lines) + BOTTOM
    labels = Labels(WIDTH, height)
    x_of = TimeScale(start, end, LEFT, WIDTH - RIGHT)
    rules, texts = time_rules(x_of, labels, TOP, height - BOTTOM)
    parts = rules + texts
    for n, line in enumerate(lines):
        top = TOP + n * each
        parts.append(
            labels.put(str(line["name"]), LEFT + 2, top + NAME - 5, "degree", anchor="start", loose=True)
        )
        parts += _band(line, schedule, x_of, top + NAME)
    return drawing(
        *parts,
        width=WIDTH,
        height=height,
        title="When each site was in line of sight, with what probability",
        description="By site: the shaded band is the probability of line of sight at each time, full height "
        "for certainty; the bar below it spans the windows of the schedule.",
        name="exposure-timeline",
        class_="plot",
    )


def _band(line: Row, schedule: Row, x_of: TimeScale, top: float) -> list[Markup]:
    bottom = top + BAND
    curve = [(x_of(t), bottom - float(p) * BAND) for t, p in zip(schedule["time_s"], line["p"], strict=True)]
    area = [(curve[0][0], bottom), *curve, (curve[-1][0], bottom)]
    parts = [tag("path", d=path_data(area, closed=True), class_="propelled")]
    for w in schedule["windows"]:
        if w["site"] != line["site"]:
            continue
        a, b = x_of(float(w["time_start"])), x_of(float(w["time_end"]))
        text = f"{short_utc(w['time_start'])} to {short_utc(w['time_end'])}: {percent(float(w['p']))}"
        parts.append(
            tag(
                "path", tag("title", f"{line['name']}, {text}"), stroke=SITE, stroke_width=3.0, fill="none",
                d=f"M{coordinate(a)} {coordinate(bottom + 3)}H{coordinate(max(b, a + 0.8))}",
            )
        )  # fmt: skip
    return parts


def footprint(view: View, figure: Row) -> Any:
    """Return the ground within the horizon of the mean path, on the sheet: a shape."""
    from shapely import Polygon, union_all

    count = len(figure["time_s"])
    some = np.unique(np.linspace(0, count - 1, min(count, CIRCLES)).round().astype(int)) if count else ()
    shapes = []
    for n in some:
        ring = circle(figure["lon_deg"][n], figure["lat_deg"][n], max(figure["horizon_m"][n], 1e3))
        shapes.append(Polygon(view.place(*ring)).buffer(0))
    return union_all(shapes)


def exposure_view(figure: Row) -> View:
    """Return the sheet that holds the path, its footprint and the sites."""
    lon, lat = list(figure["lon_deg"]), list(figure["lat_deg"])
    for n in (0, -1) if lon else ():
        ring = circle(figure["lon_deg"][n], figure["lat_deg"][n], max(figure["horizon_m"][n], 1e3), 12)
        lon += ring[0].tolist()
        lat += ring[1].tolist()
    lon += [site["lon_deg"] for site in figure["sites"]]
    lat += [site["lat_deg"] for site in figure["sites"]]
    return fit_view(lon, lat, padding=0.06)


def exposure_map(figure: Row | None, borders: Borders) -> Markup:
    """Draw the footprint of the horizon along the mean path, and the sites by their probability."""
    if not figure or len(figure["lon_deg"]) < 2:
        return Markup("")
    view = exposure_view(figure)
    over = [tag("path", d=_outline(footprint(view, figure)), class_="r90 posterior")]
    over.append(
        tag("path", d=path_data(view.place(figure["lon_deg"], figure["lat_deg"])), class_="median posterior")
    )
    labels = Labels(view.width, view.height)
    places = [view.place([site["lon_deg"]], [site["lat_deg"]])[0] for site in figure["sites"]]
    for x, y in places:
        labels.avoid(float(x), float(y), 4.0)
    for site, (x, y) in zip(figure["sites"], places, strict=True):
        text = f"{site['name']}: in line of sight {percent(float(site['p']))}"
        over.append(
            tag(
                "circle", tag("title", text), cx=float(x), cy=float(y), r=4.0, stroke=SITE, fill=SITE,
                fill_opacity=round(float(site["p"]), 2),
            )
        )  # fmt: skip
    likeliest = sorted(zip(figure["sites"], places, strict=True), key=lambda one: -float(one[0]["p"]))
    for site, (x, y) in likeliest[:MOST_SITES]:
        over.append(labels.beside(_short(str(site["name"])), float(x), float(y), "date"))
    return flight_map(
        view, (), borders, (), {}, name="exposure-map", title="The ground within the horizon of the flight",
        over=over,
        labels=labels,
        description="Shade: ground from which the mean path was above a level horizon at some time, through "
        "air that bends light. Line: that path. Dots: sites, filled by the probability of line of sight.",
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _outline(shape: Any) -> str:
    pieces = [p for p in getattr(shape, "geoms", [shape]) if not p.is_empty]
    return "".join(
        path_data(np.asarray(ring.coords), closed=True)
        for piece in pieces
        for ring in (piece.exterior, *piece.interiors)
    )


def draw_exposure(section: Row, path: Path, *, title: str) -> Path | None:
    """Draw map and timeline into one PNG; None where there is nothing to draw."""
    figure, schedule = section.get("figure"), section.get("schedule")
    if not figure or not schedule or len(figure["lon_deg"]) < 2 or len(schedule["time_s"]) < 2:
        return None
    lines = shown_lines(schedule)
    sheet = flight_plots.new_figure(9.0, 6.4 + 0.7 * len(lines))
    grid = sheet.add_gridspec(1 + len(lines), 1, height_ratios=(6.0, *[0.7] * len(lines)), hspace=0.08)
    _map_panel(
        sheet.add_subplot(grid[0]), figure, title, {str(one["site"]): n for n, one in enumerate(lines, 1)}
    )
    span = _span(schedule)
    for n, line in enumerate(lines):
        axes = sheet.add_subplot(grid[1 + n])
        _line_panel(axes, n + 1, line, schedule, span[0])
        _time_axis(axes, span, last=n == len(lines) - 1)
    return flight_plots.saved(sheet, path)


def _map_panel(axes: Any, figure: Row, title: str, numbers: Mapping[str, int]) -> None:
    view = exposure_view(figure)
    flight_plots.sheet(view, title, axes)
    flight_plots.fill(axes, footprint(view, figure), FOOT, 0.35)
    axes.plot(*view.place(figure["lon_deg"], figure["lat_deg"]).T, color=PATH, linewidth=1.8, zorder=6)
    for site in figure["sites"]:
        ((x, y),) = view.place([site["lon_deg"]], [site["lat_deg"]])
        axes.plot(
            [x], [y], "o", markersize=5, zorder=7, markeredgecolor=SITE,
            markerfacecolor=(*_rgb(SITE), float(site["p"])),
        )  # fmt: skip
        if str(site["id"]) in numbers:
            axes.annotate(
                str(numbers[str(site["id"])]), (x, y), fontsize=7, xytext=(4, 3), textcoords="offset points",
                zorder=8, annotation_clip=True,
            )  # fmt: skip


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))


def _line_panel(axes: Any, number: int, line: Row, schedule: Row, start: float) -> None:
    hours = (np.asarray(schedule["time_s"], dtype=np.float64) - start) / HOUR_S
    axes.fill_between(hours, line["p"], color=BAND_COLOUR, alpha=0.35, linewidth=0)
    spans = _spans(schedule["windows"], line["site"], start)
    axes.broken_barh(spans, (-0.22, 0.12), color=SITE)
    axes.set_ylim(-0.28, 1.05)
    axes.set_yticks([0.0, 1.0])
    axes.set_ylabel(
        flight_plots.plain(str(line["name"]))[:18], fontsize=7, rotation=0, ha="right", va="center"
    )


def _spans(windows: Sequence[Row], site: str, start: float) -> list[tuple[float, float]]:
    return [
        ((float(w["time_start"]) - start) / HOUR_S, (float(w["time_end"]) - float(w["time_start"])) / HOUR_S)
        for w in windows
        if w["site"] == site
    ]


def _time_axis(axes: Any, span: tuple[float, float], *, last: bool) -> None:
    flight_plots.time_axis(axes, *span, named=last, fontsize=8)
    axes.grid(color=flight_plots.GRID, linewidth=0.5, axis="x")
    axes.tick_params(labelsize=7)

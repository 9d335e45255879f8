"""Pictures of who could have seen what when: by site, the balloon's probability over the passes.

Drawn from `sections.satellites.figure` of the result: inline SVG for the report, and one PNG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from overflight.report import flight_plots
from overflight.report.labels import Labels
from overflight.report.plots import TimeScale, time_rules
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.units import HOUR_S

Row = Mapping[str, Any]

WIDTH: Final = 1000.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 8.0, 30.0
# A site: its name, the band of the balloon, and a row each for cameras and radars in orbit.
NAME, BAND, STRIP, SPACE = 18.0, 40.0, 9.0, 12.0
MOST_SITES: Final = 24
BALLOON, OPTICAL, RADAR = "#0b5394", "#c2410c", "#586673"


def view_plot(figure: Row) -> Markup:
    """Draw, by site, the probability of the balloon in view and the passes of cameras and radars."""
    sites = figure["sites"][:MOST_SITES]
    start, end = float(figure["time_start"]), float(figure["time_end"])
    if not sites or end <= start:
        return Markup("")
    each = NAME + BAND + 2 * STRIP + SPACE
    height = TOP + each * len(sites) + BOTTOM
    labels = Labels(WIDTH, height)
    x_of = TimeScale(start, end, LEFT, WIDTH - RIGHT)
    rules, texts = time_rules(x_of, labels, TOP, height - BOTTOM)
    parts = rules + texts
    for index, site in enumerate(sites):
        top = TOP + index * each
        parts.append(
            labels.put(str(site["name"]), LEFT + 2, top + NAME - 5, "degree", anchor="start", loose=True)
        )
        parts += _balloon(site.get("balloon"), x_of, top + NAME)
        for row, kind in enumerate(("optical", "radar")):
            parts += _strip(site[kind], kind, x_of, top + NAME + BAND + row * STRIP)
    return drawing(
        *parts,
        width=WIDTH,
        height=height,
        title="Who could have seen each site, and when",
        description="By site: the shaded band is the probability that the balloon had it in view, full "
        "height for certainty; below it when cameras by day, and radars, had it within reach. Where "
        "elements are old, that is one draw of many.",
        name="satellite-views",
        class_="plot",
    )


def _balloon(balloon: Row | None, x_of: TimeScale, top: float) -> list[Markup]:
    if not balloon:
        return []
    bottom = top + BAND
    points = [(x_of(balloon["time_s"][0]), bottom)]
    for a, b, p in zip(balloon["time_s"], balloon["time_s"][1:], balloon["p"], strict=False):
        points += [(x_of(a), bottom - float(p) * BAND), (x_of(b), bottom - float(p) * BAND)]
    points.append((x_of(balloon["time_s"][-1]), bottom))
    return [tag("path", d=path_data(points, closed=True), class_="propelled")]


def _strip(passes: Sequence[Sequence[float]], kind: str, x_of: TimeScale, top: float) -> list[Markup]:
    """Passes as bars; a pass shorter than a pixel is drawn as one."""
    pieces = []
    for begin, end in passes:
        a, b = x_of(begin), x_of(end)
        pieces.append(f"M{coordinate(a)} {coordinate(top + STRIP / 2)}H{coordinate(max(b, a + 0.8))}")
    if not pieces:
        return []
    colour = OPTICAL if kind == "optical" else RADAR
    return [tag("path", d="".join(pieces), stroke=colour, stroke_width=STRIP - 3, fill="none")]


def draw_satellites(section: Row, path: Path, *, title: str) -> Path | None:
    """Draw balloon and passes by site into one PNG; None where there is nothing to draw."""
    figure = section.get("figure")
    sites = figure["sites"][:MOST_SITES] if figure else ()
    if not figure or not sites:
        return None
    start, end = float(figure["time_start"]), float(figure["time_end"])
    sheet = flight_plots.new_figure(9.0, 1.2 + 1.1 * len(sites))
    axes_of = sheet.subplots(len(sites), 1, sharex=True, squeeze=False)[:, 0]
    for axes, site in zip(axes_of, sites, strict=True):
        _site_panel(axes, site, start)
    flight_plots.time_axis(axes_of[-1], start, end, fontsize=8)
    axes_of[0].set_title(title, fontsize=9, loc="left")
    axes_of[0].legend(loc="upper right", fontsize=7, framealpha=0.85, edgecolor="none")
    return flight_plots.saved(sheet, path)


def _site_panel(axes: Any, site: Row, start: float) -> None:
    balloon = site.get("balloon")
    if balloon:
        hours = [(t - start) / HOUR_S for t in balloon["time_s"]]
        axes.stairs(balloon["p"], hours, fill=True, color=BALLOON, alpha=0.35, label="balloon, probability")
    for kind, colour, low in (("optical", OPTICAL, -0.25), ("radar", RADAR, -0.5)):
        spans = [((a - start) / HOUR_S, (b - a) / HOUR_S) for a, b in site[kind]]
        name = "camera in orbit, by day" if kind == "optical" else "radar in orbit"
        axes.broken_barh(spans, (low, 0.2), color=colour, label=name)
    axes.set_ylim(-0.55, 1.05)
    axes.set_yticks([0.0, 1.0])
    axes.tick_params(labelsize=7)
    axes.set_ylabel(str(site["name"])[:18], fontsize=7, rotation=0, ha="right", va="center")
    axes.grid(color=flight_plots.GRID, linewidth=0.5, axis="x")

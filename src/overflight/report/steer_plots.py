"""Pictures of the verdict: path and drifting flights, effort and height over time, the posterior as a bar.

All of it is drawn from `sections.steer.figure` of the result: inline SVG for the report, and one PNG.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from overflight.report import flight_plots, plots
from overflight.report.labels import Labels
from overflight.report.map import Borders, flight_map
from overflight.report.svg import coordinate, drawing, path_data, tag
from overflight.report.view import View, fit_view
from overflight.units import HOUR_S
from overflight.words import percent

Float64s = npt.NDArray[np.float64]
Row = Mapping[str, Any]

WIDTH, HEIGHT = 1000.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 20.0, 30.0
SIDE_CLASS: Final[Mapping[str, str]] = {"passive": "passive", "steered": "steered", "not wind": "nowind"}
SIDE_COLOUR: Final[Mapping[str, str]] = {"passive": "#0b5394", "steered": "#c2410c", "not wind": "#586673"}
DRIFT, PATH, EFFORT, MUTED = "#7f9db5", "#0b5394", "#c2410c", "#586673"


def side_bar(sides: Sequence[Row]) -> Markup:
    """Draw the posterior of the sides as one bar."""
    return plots.share_bar([(SIDE_CLASS[str(s["side"])], str(s["words"]), float(s["p"])) for s in sides])


def steer_view(figure: Row) -> View:
    """Return the sheet that holds the sightings and the path; drifting flights may leave it."""
    seen, path = figure["sightings"], figure["path"]
    return fit_view([*seen["lon_deg"], *path["lon_deg"]], [*seen["lat_deg"], *path["lat_deg"]], padding=0.16)


def steer_map(figure: Row, borders: Borders) -> Markup:
    """Draw the path with its sightings among the drifting flights."""
    view = steer_view(figure)
    drift, seen, path = figure["passive"], figure["sightings"], figure["path"]
    lines = [
        tag("path", d=path_data(view.place(lon, lat)), class_="drift")
        for lon, lat in zip(drift["lon_deg"], drift["lat_deg"], strict=True)
    ]
    lines.append(
        tag("path", d=path_data(view.place(path["lon_deg"], path["lat_deg"])), class_="median posterior")
    )
    places = view.place(seen["lon_deg"], seen["lat_deg"]) if seen["lon_deg"] else np.empty((0, 2))
    lines += [
        tag("circle", cx=float(x), cy=float(y), r=3.6, class_="sight used" if ok else "sight unused")
        for (x, y), ok in zip(places, seen["believed"], strict=True)
    ]
    return flight_map(
        view, (), borders, (), {}, name="steer-map", title="The path among drifting flights", over=lines,
        description="Thin lines: balloons that drift from the first sighting through the same winds with "
        "errors of the size believed. Heavy line: the path. Dots: sightings, hollow where not taken at "
        "their word.",
    )  # fmt: skip


def effort_plot(figure: Row) -> Markup:
    """Draw the least airspeed over time, the wind's own error, and the probability of propulsion."""
    effort = figure.get("airspeed")
    if not effort or len(effort["time_s"]) < 2:
        return Markup("")
    time_s, speed = effort["time_s"], effort["speed_mps"]
    start, end = float(time_s[0]), float(time_s[-1])
    top = 1.12 * float(max(*speed, effort["wind_error_mps"], effort["named_mps"]))
    labels = Labels(WIDTH, HEIGHT)

    x_of = plots.TimeScale(start, end, LEFT, WIDTH - RIGHT)

    def y_of(v: float) -> float:
        return HEIGHT - BOTTOM - min(v / top, 1.0) * (HEIGHT - TOP - BOTTOM)

    rules, texts = _speed_rules(top, y_of, labels)
    upright, times = plots.time_rules(x_of, labels, TOP, HEIGHT - BOTTOM)
    steering = figure["steering"]
    moments = steering["time_s"]
    sure = [(x_of(t), y_of(top * p)) for t, p in zip(moments, steering["p_propelled"], strict=True)]
    area = [(x_of(moments[0]), y_of(0.0)), *sure, (x_of(moments[-1]), y_of(0.0))]
    y = coordinate(y_of(float(effort["wind_error_mps"])))
    error = tag("path", d=f"M{LEFT} {y}H{WIDTH - RIGHT}", class_="known")
    texts += times
    texts.append(labels.put("error of the wind", WIDTH - RIGHT - 4, float(y) - 5, "degree", anchor="end"))
    line = [(x_of(t), y_of(v)) for t, v in zip(time_s, speed, strict=True)]
    return drawing(
        *rules,
        *upright,
        tag("path", d=path_data(area, closed=True), class_="propelled"),
        error,
        tag("path", d=path_data(line), class_="effort"),
        *texts,
        width=WIDTH,
        height=HEIGHT,
        title="The least airspeed that explains the path, over time",
        description="Line: metres a second through the analysed wind. Dashed: that wind's own error. "
        "Shade: the probability that it was propelled, full height for certainty.",
        name="steer-effort",
        class_="plot",
    )


def _speed_rules(
    top: float, y_of: Callable[[float], float], labels: Labels
) -> tuple[list[Markup], list[Markup]]:
    rules: list[Markup] = []
    texts: list[Markup] = []
    step = max(10.0 ** math.floor(math.log10(top)) / 2.0, 0.1)
    step = next(k * step for k in (1, 2, 4, 10, 20) if top / (k * step) <= 5)
    for n in range(int(top / step) + 1):
        y = y_of(n * step)
        rules.append(tag("path", d=f"M{LEFT} {coordinate(y)}H{coordinate(WIDTH - RIGHT)}", class_="rule"))
        texts.append(labels.put(f"{n * step:g} m/s", LEFT + 2, y - 4, "degree", anchor="start", loose=True))
    return rules, texts


def draw_steer(section: Row, path: Path, *, title: str) -> Path | None:
    """Draw path, effort, heights and posterior into one PNG; None where nothing could be weighed."""
    figure = section.get("figure")
    if not figure:
        return None
    sheet = flight_plots.new_figure(9.0, 10.2)
    grid = sheet.add_gridspec(4, 1, height_ratios=(6.0, 2.2, 1.8, 0.5), hspace=0.05)
    _map_panel(sheet.add_subplot(grid[0]), figure, title)
    _effort_panel(sheet.add_subplot(grid[1]), figure)
    _height_panel(sheet.add_subplot(grid[2]), figure)
    _posterior_panel(sheet.add_subplot(grid[3]), section)
    return flight_plots.saved(sheet, path)


def _map_panel(axes: Any, figure: Row, title: str) -> None:
    view = steer_view(figure)
    flight_plots.sheet(view, title, axes)
    drift, seen, path = figure["passive"], figure["sightings"], figure["path"]
    for n, (lon, lat) in enumerate(zip(drift["lon_deg"], drift["lat_deg"], strict=True)):
        axes.plot(
            *view.place(lon, lat).T, color=DRIFT, linewidth=0.6, alpha=0.7, zorder=4,
            label="drifting from the first sighting" if n == 0 else None,
        )  # fmt: skip
    axes.plot(
        *view.place(path["lon_deg"], path["lat_deg"]).T, color=PATH, linewidth=1.8, zorder=6, label="path"
    )
    places = view.place(seen["lon_deg"], seen["lat_deg"])
    ok = np.array(seen["believed"], bool)
    axes.plot(*places[ok].T, ".", color="black", markersize=4, zorder=7, label="sightings")
    if (~ok).any():
        axes.plot(
            *places[~ok].T, "o", markerfacecolor="white", markeredgecolor="black", markersize=4, zorder=7,
            label="not at their word",
        )  # fmt: skip
    axes.legend(
        loc=flight_plots.free_corner(view, places), fontsize=7, framealpha=0.85, edgecolor="none"
    ).set_zorder(10)


def _time_axis(axes: Any, start: float, end: float) -> None:
    flight_plots.time_axis(axes, start, end, fontsize=8)
    axes.grid(color=flight_plots.GRID, linewidth=0.6)
    axes.tick_params(labelsize=8)


def _effort_panel(axes: Any, figure: Row) -> None:
    effort, steering = figure.get("airspeed"), figure["steering"]
    start, end = float(steering["time_s"][0]), float(steering["time_s"][-1])
    if effort:
        hours = (np.array(effort["time_s"]) - start) / HOUR_S
        axes.plot(hours, effort["speed_mps"], color=EFFORT, linewidth=1.4, label="least airspeed")
        axes.axhline(
            effort["wind_error_mps"], color=MUTED, linestyle="--", linewidth=1.0, label="error of the wind"
        )
    axes.set_ylabel("m/s", fontsize=8)
    axes.set_ylim(bottom=0.0)
    beside = axes.twinx()
    hours = (np.array(steering["time_s"]) - start) / HOUR_S
    beside.fill_between(hours, steering["p_propelled"], color=EFFORT, alpha=0.15, linewidth=0)
    beside.set_ylim(0.0, 1.0)
    beside.set_ylabel("p(propelled)", fontsize=8)
    beside.tick_params(labelsize=8)
    _time_axis(axes, start, end)
    axes.legend(loc="best", fontsize=7, framealpha=0.85, edgecolor="none")


def _height_panel(axes: Any, figure: Row) -> None:
    path = figure["path"]
    start, end = float(path["time_s"][0]), float(path["time_s"][-1])
    hours = (np.array(path["time_s"]) - start) / HOUR_S
    low, middle, high = (np.array(path[f"alt_{q}_m"]) / 1e3 for q in ("p05", "p50", "p95"))
    axes.fill_between(hours, low, high, color=DRIFT, alpha=0.4, linewidth=0, label="90 %")
    axes.plot(hours, middle, color=PATH, linewidth=1.2, label="median")
    if legs := figure.get("altitude"):
        ends = (np.array(legs["leg_s"]) - start) / HOUR_S
        for n, ((a, b), alt_m) in enumerate(zip(ends, legs["alt_m"], strict=True)):
            axes.plot(
                [a, b], [alt_m / 1e3] * 2, color=EFFORT, linewidth=1.0,
                label="least changes" if n == 0 else None,
            )  # fmt: skip
    axes.set_ylabel("height, km", fontsize=8)
    _time_axis(axes, start, end)
    axes.legend(loc="best", fontsize=7, framealpha=0.85, edgecolor="none")


def _posterior_panel(axes: Any, section: Row) -> None:
    left = 0.0
    for side in section["sides"]:
        p = float(side["p"])
        axes.barh(0, p, left=left, color=SIDE_COLOUR[str(side["side"])], height=0.8)
        if p > 0.12:
            axes.text(
                left + 0.5 * p, 0, f"{side['words']}: {percent(p)}", ha="center", va="center", color="white",
                fontsize=8,
            )  # fmt: skip
        left += p
    axes.axvline(float(section["threshold"]), color="black", linewidth=0.8, linestyle=":")
    axes.set_xlim(0.0, 1.0)
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
    axes.set_title(f"posterior; the verdict is: {section['verdict']}", fontsize=8, loc="left")

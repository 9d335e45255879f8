"""Pictures of a landing: a map for each class of pieces, and the risk against the time of the end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.regions import Region
from overflight.report.flight_plots import BORDER, GRID, INK, free_corner, new_figure, plain, saved, sheet
from overflight.report.plots import time_ticks
from overflight.report.view import View, fit_view
from overflight.times import iso_utc
from overflight.trajectories.landing import Fall, Landing
from overflight.trajectories.landing_answers import Chance
from overflight.trajectories.landing_windows import WORDS, LandingWindows
from overflight.units import HOUR_S
from overflight.words import percent

Float64s = npt.NDArray[np.float64]

COLOURS = ("#7a1f4b", "#1f4b7a", "#1f7a2f", "#b06f1f", "#6b6b6b")
MOST_PANELS = 6
PANEL = 5.2  # inches across
LEGEND = (340.0, 70.0)  # units of the sheet


def draw_landing(landing: Landing, path: Path, *, title: str) -> Path | None:
    """Draw the probability map of each class with its 50 and 90 % regions; None where nothing came down."""
    falls = [fall for fall in landing.falls if fall.landed.any()][:MOST_PANELS]
    if not falls:
        return None
    views = [_view(fall, landing) for fall in falls]
    rows, columns = math.ceil(len(falls) / 3), min(len(falls), 3)
    tallest = max(view.height / view.width for view in views)
    figure = new_figure(PANEL * columns, (PANEL * tallest + 0.9) * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(falls) :]:
        axes.set_axis_off()
    for axes, fall, view in zip(grid.flat, falls, views, strict=False):
        _panel(axes, fall, view, landing)
    figure.suptitle(
        f"{plain(title)}\ncells: share of the pieces in each; lines: where 50 % (full) and 90 % (dashed) "
        "fall; coasts are good to 2 km",
        fontsize=9,
        x=0.01,
        ha="left",
    )
    return saved(figure, path)


def _view(fall: Fall, landing: Landing) -> View:
    rings = [ring for region in fall.regions for rings in region.polygons for ring in rings[:1]]
    lon = np.concatenate([r[0] for r in rings] + [landing.cloud.lon_deg])
    lat = np.concatenate([r[1] for r in rings] + [landing.cloud.lat_deg])
    return fit_view(lon, lat)


def _panel(axes: Any, fall: Fall, view: View, landing: Landing) -> None:
    cloud = landing.cloud
    share = float(fall.land[fall.landed].mean())
    lost = 1.0 - float(fall.landed.mean())
    title = (
        f"{fall.fragment.name}: {fall.fragment.sea_level_mps:.3g} m/s at the ground, "
        f"on land {percent(share)}" + (f", {percent(lost)} lost" if lost > 0.0 else "")
    )
    sheet(view, title, axes)
    axes.title.set_fontsize(8.5)
    _map_of_cells(axes, view, fall)
    for region in fall.regions:
        _outline(axes, view, region)
    places = view.place(cloud.lon_deg, cloud.lat_deg)
    axes.plot(*places.T, ".", markersize=1.5, color="#3c6e8f", alpha=0.4, zorder=4)
    axes.plot([], [], "o", markersize=4, color="#3c6e8f", label="the flight at its end")
    fallen = view.place(fall.lon_deg[fall.landed], fall.lat_deg[fall.landed])
    corner = free_corner(view, np.concatenate([places, fallen]), LEGEND)
    axes.legend(loc=corner, fontsize=6.5, framealpha=0.8, edgecolor="none").set_zorder(10)


def _map_of_cells(axes: Any, view: View, fall: Fall) -> None:
    if fall.cells is None:
        return
    lon, lat = np.meshgrid(fall.cells.lon_edge_deg, fall.cells.lat_edge_deg)
    placed = view.place(lon.ravel(), lat.ravel()).reshape(*lon.shape, 2)
    shares = np.where(fall.cells.p > 0.0, fall.cells.p, np.nan)
    drawn = axes.pcolormesh(
        placed[..., 0],
        placed[..., 1],
        shares,
        cmap="YlOrRd",
        zorder=3,
        alpha=0.85,
        linewidth=0,
        rasterized=True,
    )
    bar = axes.figure.colorbar(
        drawn,
        ax=axes,
        location="bottom",
        shrink=0.7,
        pad=0.02,
        aspect=40,
        format=lambda x, _: f"{100 * x:.2g} %",
    )
    bar.ax.tick_params(labelsize=6.5)


def _outline(axes: Any, view: View, region: Region) -> None:
    for rings in region.polygons:
        for ring in rings:
            axes.plot(
                *view.place(*ring).T, color=INK, linewidth=1.3, zorder=6,
                linestyle="-" if region.level < 0.7 else "--",
            )  # fmt: skip


def draw_risks(found: LandingWindows, path: Path, *, title: str) -> Path:
    """Draw chances against the time of the end with their errors, and the windows of least risk."""
    figure = new_figure(9.0, 4.2)
    axes = figure.add_subplot()
    first = found.times[0].time_s
    hours = np.array([(row.time_s - first) / HOUR_S for row in found.times])
    for begin, end in () if found.tied else found.windows:
        low, high = (begin - first) / HOUR_S, (end - first) / HOUR_S
        half = 0.5 * float(np.diff(hours).min()) if hours.size > 1 else 0.5
        axes.axvspan(low - half, high + half, color="#1f7a2f", alpha=0.15, linewidth=0)
    if found.windows and not found.tied:
        axes.fill_between([], [], [], color="#1f7a2f", alpha=0.2, label="least risk")
    _risk_line(axes, hours, [row.risk for row in found.times], "black", "any class", 2.0)
    for colour, name in zip(COLOURS * 4, found.times[0].land, strict=False):
        chances = [(row.land if found.by == "land" else row.populated)[name] for row in found.times]
        _risk_line(axes, hours, chances, colour, name, 1.0)
    unsure = np.array([row.alike is None for row in found.times])
    if unsure.any():
        axes.plot(hours[unsure], np.zeros(unsure.sum()), "x", color=BORDER, label="too few came down to say")
    ticks = time_ticks(first, found.times[-1].time_s, 9)
    if ticks:
        axes.set_xticks([(t - first) / HOUR_S for t, _ in ticks], [text for _, text in ticks])
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    axes.set_ylabel("chance, two standard errors shaded", fontsize=9)
    axes.grid(color=GRID, linewidth=0.6)
    axes.legend(loc="best", fontsize=8, framealpha=0.85, edgecolor="none")
    words = "no time is better than another" if found.tied else "by the time at which the flight ends, UTC"
    axes.set_title(
        f"{plain(title)}\nchance that {WORDS[found.by]}; {words}, from {iso_utc(first)}",
        fontsize=9.5,
        loc="left",
    )
    return saved(figure, path)


def _risk_line(
    axes: Any, hours: Float64s, chances: list[Chance], colour: str, name: str, width: float
) -> None:
    p, sd = np.array([c.p for c in chances]), np.array([c.sd for c in chances])
    axes.plot(hours, p, "o-", color=colour, linewidth=width, markersize=3, label=name)
    axes.fill_between(
        hours,
        np.clip(p - 2 * sd, 0.0, 1.0),
        np.clip(p + 2 * sd, 0.0, 1.0),
        color=colour,
        alpha=0.12,
        linewidth=0,
    )

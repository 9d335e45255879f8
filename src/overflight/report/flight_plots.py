"""Pictures of a forecast for a person at a desk: the map, and height against time. PNG, by matplotlib.

The map is the report's: an equal-area sheet centred on the flight, with what the 50 and 90 % regions sweep
over, some of the members and the median path. On a sheet of less than some hundred kilometres coasts and
borders of 1:50 million are coarse.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overflight.geo import circle
from overflight.places.borders import outlines
from overflight.records import weighted_quantile
from overflight.regions import ScenarioTrack, TimedRegions, region, scenario_tracks, timed_regions
from overflight.report.map import land_pieces, swept
from overflight.report.plots import time_ticks
from overflight.report.view import View, fit_view
from overflight.times import from_datetime64, iso_utc, short_utc
from overflight.trajectories.stops import STOPPED
from overflight.units import FOOT_M, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]

DPI = 130
MOST_MEMBERS = 60  # lines of members: more become a cloud that hides the regions
MOST_TIMES = 60
NAME_WIDTH = 85.0  # units of the sheet that the date of a moment takes
LEGEND = (150.0, 160.0)  # units of the sheet that the legend of the map takes, at most
MARKS = 6  # moments that are marked and dated along the median path
STEPS_S = tuple(h * HOUR_S for h in (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 120, 240))
SEA, LAND, BORDER, GRID = "#eef3f6", "#fbfaf6", "#9a9a92", "#cfd8dd"
INK, MEMBER, WIDE, NARROW, END = "#7a1f4b", "#8a5a76", "#d9a7c2", "#b96a94", "#1f4b7a"


def draw_flight(ensemble: xr.Dataset, path: Path, *, title: str, start: tuple[float, float]) -> Path:
    """Draw the map of an ensemble: regions, members, median path, start and ends."""
    tracks = scenario_tracks(ensemble)
    span = float(np.ptp(from_datetime64(ensemble["time"].values)))
    moments = list(timed_regions(ensemble, step_s=max(span / MOST_TIMES, 60.0)))
    view = fit_view(*_extent(ensemble, moments, start))
    figure, axes = sheet(view, title)
    for level, colour in ((0.9, WIDE), (0.5, NARROW)):
        fill(axes, swept(view, moments, level), colour, 0.35)
    _members(axes, view, ensemble)
    for track in tracks:
        axes.plot(*view.place(track.lon_deg, track.lat_deg).T, color=INK, linewidth=1.8, zorder=5)
    if tracks:
        _dated(axes, view, ensemble, tracks[0], span)
    axes.plot(
        *view.place(*start)[0], marker="*", markersize=13, color=INK, markeredgecolor="white", zorder=8,
        linestyle="none", label="end (known)" if ensemble.attrs["kind"] == "origin" else "start",
    )  # fmt: skip
    axes.plot([], [], color=INK, linewidth=1.8, label="median path")
    axes.plot([], [], color=MEMBER, linewidth=0.6, label="members")
    axes.fill_between([], [], [], color=NARROW, alpha=0.6, label="50 % at each time")
    axes.fill_between([], [], [], color=WIDE, alpha=0.5, label="90 % at each time")
    _ends(axes, view, ensemble)
    drawn = np.concatenate([view.place(*start), *_lines(view, ensemble), _end_places(view, ensemble)])
    legend = axes.legend(loc=free_corner(view, drawn), fontsize=7, framealpha=0.85, edgecolor="none")
    legend.set_zorder(10)
    return saved(figure, path)


def draw_heights(ensemble: xr.Dataset, path: Path, *, title: str) -> Path:
    """Draw height against time: the bands that hold 50 and 90 % of the members aloft, the median, members."""
    time_s = from_datetime64(ensemble["time"].values)
    weight = ensemble["weight"].values.astype(float)
    alt = ensemble["alt_m"].values.astype(float)
    bands = np.array(
        [weighted_quantile(column, weight, (0.05, 0.25, 0.5, 0.75, 0.95)) for column in alt.T]
    ).T / 1e3  # fmt: skip
    figure, axes = _figure(9.0, 4.2)
    hours = (time_s - time_s[0]) / HOUR_S
    for line in alt[:: max(1, math.ceil(len(alt) / MOST_MEMBERS))]:
        axes.plot(hours, line / 1e3, color=MEMBER, linewidth=0.4, alpha=0.45)
    axes.fill_between(
        hours, bands[0], bands[4], color=WIDE, alpha=0.45, linewidth=0, label="90 % of those aloft"
    )
    axes.fill_between(hours, bands[1], bands[3], color=NARROW, alpha=0.5, linewidth=0, label="50 %")
    axes.plot(hours, bands[2], color=INK, linewidth=1.8, label="median")
    time_axis(axes, time_s[0], time_s[-1])
    low, high = float(np.nanmin(alt)) / 1e3, float(np.nanmax(alt)) / 1e3
    # A float's height changes by metres: no magnification that makes mountains of them.
    middle, half = 0.5 * (low + high), max(0.55 * (high - low), 0.5)
    axes.set_ylim(max(middle - half, min(low, 0.0)), middle + half)
    axes.set_ylabel("height above WGS-84, km")
    feet = axes.secondary_yaxis("right", functions=(_to_kft, _from_kft))
    feet.set_ylabel("1000 ft")
    axes.grid(color=GRID, linewidth=0.6)
    axes.legend(loc="best", fontsize=8, framealpha=0.85, edgecolor="none")
    axes.set_title(f"{plain(title)}\nfrom {iso_utc(time_s[0])}, UTC", fontsize=10, loc="left")
    return saved(figure, path)


def _to_kft(km: Float64s) -> Float64s:
    return km / FOOT_M


def _from_kft(kft: Float64s) -> Float64s:
    return kft * FOOT_M


# --- the sheet and the axis of times, shared with other pictures


def sheet(view: View, title: str, axes: Any = None) -> tuple[Any, Any]:
    """Return a figure and axes with sea, land, borders, graticule and a bar of scale."""
    figure = None
    if axes is None:
        figure, axes = _figure(9.0, 9.0 * view.height / view.width + 0.55)
    land(axes, view)
    graticule(axes, view)
    scale_bar(axes, view)
    axes.set_xlim(0.0, view.width)
    axes.set_ylim(view.height, 0.0)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(SEA)
    axes.set_title(plain(title), fontsize=10, loc="left")
    return figure, axes


def time_axis(axes: Any, start: float, end: float, *, named: bool = True, **style: Any) -> None:
    """Name round times on an x axis of hours since `start`, up to `end`; `style` is that of ticks."""
    ticks = time_ticks(start, end, 9)
    texts = [text if named else "" for _, text in ticks]
    axes.set_xticks([(t - start) / HOUR_S for t, _ in ticks], texts, **style)
    axes.set_xlim(0.0, (end - start) / HOUR_S)


def land(axes: Any, view: View) -> None:
    """Fill the countries and draw their borders and coasts."""
    from matplotlib.collections import PolyCollection

    pieces = [
        np.array(piece.exterior.coords) for _, rings in outlines() for piece in land_pieces(view, rings)
    ]
    axes.add_collection(PolyCollection(pieces, facecolors=LAND, edgecolors="none", zorder=1), autolim=False)
    # Above the shades, so that borders are seen through them.
    axes.add_collection(
        PolyCollection(pieces, facecolors="none", edgecolors=BORDER, linewidths=0.5, zorder=3.5),
        autolim=False,
    )


def graticule(axes: Any, view: View) -> None:
    """Draw meridians and parallels with their degrees at the edge."""
    step = _degree_step(view)
    for lat in np.arange(-90.0 + step, 90.0 - step / 2, step):
        _degree_line(
            axes, view, np.linspace(-180.0, 180.0, 721) + view.centre[0], np.full(721, lat), lat, "N"
        )
    for lon in np.arange(-180.0, 180.0 - step / 2, step):
        _degree_line(axes, view, np.full(721, lon), np.linspace(-89.0, 89.0, 721), lon, "E")


def _degree_step(view: View) -> float:
    span = math.degrees(view.width / view.per_m / 6371e3)
    steps = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
    return next((s for s in steps if span / s <= 8.0), 30.0)


def _degree_line(axes: Any, view: View, lon: Float64s, lat: Float64s, value: float, side: str) -> None:
    # Near sheets need points closer than the half degree of far ones.
    placed = view.place(*_finer(lon, lat, view))
    on = (placed >= 0.0).all(axis=1) & (placed[:, 0] <= view.width) & (placed[:, 1] <= view.height)
    if on.sum() < 2:
        return
    axes.plot(*np.where(on[:, None], placed, np.nan).T, color=GRID, linewidth=0.6, zorder=2)
    name = side if value > 0 else {"N": "S", "E": "W"}[side]
    text = f"{abs(value):g}°{name if value not in (0.0, -180.0) else ''}"
    edge = placed[np.flatnonzero(on)]
    spot = edge[edge[:, 0].argmin()] if side == "N" else edge[edge[:, 1].argmax()]
    inside = 0.03 * view.height < spot[1] and spot[0] < 0.95 * view.width
    if not inside or (side == "N" and spot[0] > 0.02 * view.width):
        return
    # The lower right corner is the scale's.
    if side == "E" and (spot[1] < 0.97 * view.height or spot[0] > 0.76 * view.width):
        return
    offset, align = ((4, 2), "bottom") if side == "N" else ((2, 4), "bottom")
    axes.annotate(
        text,
        spot,
        xytext=offset,
        textcoords="offset points",
        fontsize=6.5,
        color="#6f7d84",
        va=align,
        zorder=2,
    )


def _finer(lon: Float64s, lat: Float64s, view: View) -> tuple[Float64s, Float64s]:
    """Return the part of a line near the sheet, with points a hundredth of the sheet apart."""
    placed = view.place(lon, lat)
    margin = 0.6 * max(view.width, view.height)
    near = np.hypot(placed[:, 0] - view.width / 2, placed[:, 1] - view.height / 2) < 2 * margin
    index = np.flatnonzero(near)
    if index.size == 0:
        index = np.array([np.hypot(*(placed - [view.width / 2, view.height / 2]).T).argmin()])
    first, last = max(index[0] - 1, 0), min(index[-1] + 1, lon.size - 1)
    share = np.linspace(first, last, 2001)
    return np.interp(share, np.arange(lon.size), lon), np.interp(share, np.arange(lat.size), lat)


def scale_bar(axes: Any, view: View) -> None:
    """Draw a bar of a round length in the lower right corner."""
    wanted_km = view.width / 6 / view.per_m / 1e3
    power = 10.0 ** math.floor(math.log10(wanted_km))
    length_km = max(k * power for k in (1.0, 2.0, 5.0) if k * power <= wanted_km)
    length = length_km * 1e3 * view.per_m
    x, y = view.width - 20 - length, view.height - 22
    axes.plot([x, x + length], [y, y], color="black", linewidth=2.0, zorder=9, solid_capstyle="butt")
    axes.annotate(
        f"{length_km:g} km", (x + length / 2, y), xytext=(0, 3), textcoords="offset points", ha="center",
        fontsize=7, zorder=9,
    )  # fmt: skip


def free_corner(view: View, drawn: Float64s, size: tuple[float, float] = LEGEND) -> str:
    """Return the corner for a legend, as matplotlib calls it: the one with the fewest of some places in it.

    `drawn` (N, 2) and `size`, that of the legend, are in units of the sheet; the first place, the start,
    counts for all others. The lower right corner is the scale's.
    """
    x, y = drawn.T
    weight = np.ones(len(drawn))
    weight[0] = len(drawn)
    left, right = x < size[0], x > view.width - size[0]
    low, high = y > view.height - size[1], y < size[1]
    taken = {"lower left": left & low, "upper left": left & high, "upper right": right & high}
    return min(taken, key=lambda corner: float(weight[taken[corner]].sum()))


def fill(axes: Any, shape: Any, colour: str, alpha: float, *, edge: bool = True, zorder: float = 3) -> None:
    """Fill a shape of shapely on the sheet, holes left open."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    pieces = [p for p in getattr(shape, "geoms", [shape]) if p.geom_type == "Polygon" and not p.is_empty]
    rings = [Outline(np.array(r.coords), closed=True) for p in pieces for r in _oriented(p)]
    if not rings:
        return
    axes.add_patch(
        PathPatch(
            Outline.make_compound_path(*rings),
            facecolor=colour,
            alpha=alpha,
            edgecolor=colour if edge else "none",
            linewidth=0.8,
            zorder=zorder,
        )
    )


def _oriented(polygon: Any) -> list[Any]:
    from shapely.geometry.polygon import orient

    turned = orient(polygon)
    return [turned.exterior, *turned.interiors]


def plain(text: str) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")


def saved(figure: Any, path: Path) -> Path:
    """Write a figure as PNG, replacing the file in one step."""
    partial = path.with_name(path.name + ".part")
    try:
        figure.savefig(
            partial, dpi=DPI, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.06
        )
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure of its own, so that no state is shared and no window opens."""
    figure = new_figure(width, height)
    return figure, figure.add_subplot()


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure that is drawn without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


# --- the flight on the sheet


def _extent(
    ensemble: xr.Dataset, moments: Sequence[TimedRegions], start: tuple[float, float]
) -> tuple[Float64s, Float64s]:
    """Return places that the map must hold: the regions, nine tenths of the members, the start."""
    rings = [ring for m in moments for r in m.regions for rings in r.polygons for ring in rings[:1]]
    # At least a few kilometres about the start, so that a flight straight up has a map.
    rings.append(np.stack(circle(*start, 3_000.0, 12)))
    places = np.concatenate(rings, axis=1)
    return places[0], places[1]


def _members(axes: Any, view: View, ensemble: xr.Dataset) -> None:
    from matplotlib.collections import LineCollection

    lines = _lines(view, ensemble)
    axes.add_collection(
        LineCollection(lines, colors=MEMBER, linewidths=0.4, alpha=0.5, zorder=4), autolim=False
    )


def _lines(view: View, ensemble: xr.Dataset) -> list[Float64s]:
    """Return the paths of the members that are drawn, in units of the sheet."""
    every = max(1, math.ceil(ensemble.sizes["member"] / MOST_MEMBERS))
    some = ensemble.isel(member=slice(None, None, every))
    lines = []
    for lon, lat in zip(some["lon"].values.astype(float), some["lat"].values.astype(float), strict=True):
        known = np.isfinite(lon)
        if known.sum() > 1:
            lines.append(view.place(lon[known], lat[known]))
    return lines


def _dated(axes: Any, view: View, ensemble: xr.Dataset, track: ScenarioTrack, span_s: float) -> None:
    """Mark moments along the median path, dated where the dates do not run into one another."""
    step = next((s for s in STEPS_S if span_s / s <= MARKS), STEPS_S[-1])
    first = math.ceil(track.time_s[0] / step)
    spots: list[Float64s] = []
    for mark in np.arange(first, math.floor(track.time_s[-1] / step) + 1) * step:
        index = int(np.abs(track.time_s - mark).argmin())
        x, y = view.place(track.lon_deg[index], track.lat_deg[index])[0]
        axes.plot(x, y, "o", markersize=4.5, color=INK, markeredgecolor="white", zorder=6)
        spots.append(np.array([x, y]))
        if any(np.hypot(*((spot - spots[-1]) / [1.0, 0.25])) < NAME_WIDTH for spot in spots[:-1]):
            spots.pop()
            continue
        axes.annotate(
            _moment(mark, step),
            (x, y), xytext=(5, 5), textcoords="offset points", fontsize=7, color=INK, zorder=7,
            bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.7, "edgecolor": "none"},
        )  # fmt: skip


def _moment(time_s: float, step_s: float) -> str:
    """Write a moment as short as its steps allow: '2 Feb', '2 Feb 12Z', '12:30Z'."""
    day, clock = short_utc(time_s).rsplit(" ", 1)
    if step_s >= 24 * HOUR_S:
        return day
    return f"{day} {clock[:2]}Z" if step_s >= HOUR_S else clock


def _ends(axes: Any, view: View, ensemble: xr.Dataset) -> None:
    """Mark where members came to the ground or met another stop, with the regions that hold 50 and 90 %."""
    stopped = _stopped(ensemble)
    if stopped.sum() < 2:
        return
    lon, lat = ensemble["end_lon"].values[stopped], ensemble["end_lat"].values[stopped]
    axes.plot(
        *_end_places(view, ensemble).T, ".", markersize=2.5, color=END, alpha=0.6, zorder=6, label="ends"
    )
    for one in region(lon, lat, ensemble["weight"].values[stopped], (0.5, 0.9)):
        style, label = ("-", "50 % of the ends") if one.level < 0.7 else ("--", "90 % of the ends")
        for outer, *_ in one.polygons:
            axes.plot(*view.place(*outer).T, color=END, linewidth=1.2, zorder=7, linestyle=style, label=label)
            label = ""


def _stopped(ensemble: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Tell which members met a stop."""
    if "end_code" not in ensemble:
        return np.zeros(ensemble.sizes["member"], np.bool_)
    return np.asarray(ensemble["end_code"].values >= STOPPED)


def _end_places(view: View, ensemble: xr.Dataset) -> Float64s:
    """Return where members met a stop (N, 2), in units of the sheet."""
    stopped = _stopped(ensemble)
    if not stopped.any():
        return np.zeros((0, 2))
    return view.place(ensemble["end_lon"].values[stopped], ensemble["end_lat"].values[stopped])

"""Pictures of winds for a person at a desk: a map of a level, a profile, errors by layer. PNG, by matplotlib.

Barbs are in knots, as on every weather chart: half a feather 5, a feather 10, a pennant 50. Shades and axes
are in metres per second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overflight.places.borders import outlines
from overflight.times import iso_utc
from overflight.units import HPA_PA, KNOT_MPS
from overflight.winds.compare import LayerScore
from overflight.winds.views import WindMap, WindProfile

# So many barbs across and up: more run into one another.
BARBS_ACROSS, BARBS_UP = 32, 18
DPI = 120


def draw_map(wind: WindMap, path: Path, marks: Sequence[tuple[float, float]] = ()) -> Path:
    """Draw speed as shades with barbs and coasts; `marks` are places (lon, lat), such as sightings."""
    lon, lat = wind.lon_deg, wind.lat_deg
    span = max(float(lon[-1] - lon[0]), 1.0), max(float(lat[-1] - lat[0]), 1.0)
    stretch = 1.0 / max(math.cos(math.radians(float(np.clip(lat.mean(), -75, 75)))), 0.26)
    figure, axes = _figure(10.0, float(np.clip(10.0 * span[1] / span[0] * stretch, 3.5, 12.0)) + 0.6)
    speed = np.hypot(wind.u_mps, wind.v_mps)
    shades = axes.pcolormesh(lon, lat, speed, cmap="YlGnBu", shading="nearest", rasterized=True)
    figure.colorbar(shades, ax=axes, label="speed, m/s", shrink=0.8, pad=0.02)
    _coasts(axes, float(lon[0]), float(lon[-1]))
    rows, columns = _thin(lat, BARBS_UP), _thin(lon, BARBS_ACROSS)
    knots = [part[np.ix_(rows, columns)] / KNOT_MPS for part in (wind.u_mps, wind.v_mps)]
    flip = np.broadcast_to(lat[rows][:, None] < 0.0, knots[0].shape)
    axes.barbs(
        lon[columns], lat[rows], *(np.ma.masked_invalid(part) for part in knots),
        length=5.0, linewidth=0.5, flip_barb=flip,
    )  # fmt: skip
    for place_lon, place_lat in marks:
        axes.plot(_near(place_lon, float(lon[0])), place_lat, "o", color="crimson", markersize=4)
    axes.set_xlim(lon[0], lon[-1] if lon.size > 1 else lon[0] + 1.0)
    axes.set_ylim(lat[0], lat[-1] if lat.size > 1 else lat[0] + 1.0)
    axes.set_aspect(stretch)
    axes.xaxis.set_major_formatter(lambda x, _: f"{(x + 180.0) % 360.0 - 180.0:g}°")
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}°")
    between = "" if wind.on_node else " (interpolated)"
    axes.set_title(
        f"{_plain(wind.name)}: {wind.pressure_pa / HPA_PA:.4g} hPa, {iso_utc(wind.time_s)}{between}\n"
        "barbs in knots",
        fontsize=10,
    )
    return _saved(figure, path)


def draw_profile(wind: WindProfile, path: Path) -> Path:
    """Draw the components with their spread against pressure, and a column of barbs."""
    figure, axes = _figure(7.0, 7.5)
    hpa = wind.pressure_pa / HPA_PA
    for name, values, sd, color in (
        ("towards east", wind.u_mps, wind.u_sd_mps, "tab:blue"),
        ("towards north", wind.v_mps, wind.v_sd_mps, "tab:orange"),
    ):
        axes.plot(values, hpa, "o-", color=color, label=name, markersize=3)
        if np.isfinite(sd).any():
            axes.fill_betweenx(hpa, values - sd, values + sd, color=color, alpha=0.2, linewidth=0)
    axes.set_yscale("log")
    axes.set_ylim(hpa.max() * 1.05, hpa.min() / 1.05)
    ticks = [
        p for p in (1000, 700, 500, 300, 200, 100, 70, 50, 30, 20, 10, 5, 2, 1) if hpa.min() <= p <= hpa.max()
    ]
    axes.set_yticks(ticks, [f"{p}" for p in ticks])
    axes.minorticks_off()
    axes.axvline(0.0, color="gray", linewidth=0.6)
    axes.set_xlabel("m/s")
    axes.set_ylabel("hPa")
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.25 * (high - low))
    apart = _apart(np.log(hpa), 0.03)
    axes.barbs(
        np.full(apart.size, high + 0.12 * (high - low)), hpa[apart],
        wind.u_mps[apart] / KNOT_MPS, wind.v_mps[apart] / KNOT_MPS,
        length=5.5, linewidth=0.6, flip_barb=wind.lat_deg < 0.0,
    )  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), ncol=2, fontsize=8, frameon=False)
    axes.set_title(
        f"{_plain(wind.name)}: {wind.lat_deg:g}°, {wind.lon_deg:g}°, {iso_utc(wind.time_s)}\n"
        "barbs in knots" + (", shade one standard deviation" if np.isfinite(wind.u_sd_mps).any() else ""),
        fontsize=10,
    )
    return _saved(figure, path)


def draw_scores(scores: Sequence[LayerScore], title: str, path: Path) -> Path:
    """Draw root mean square difference, bias and stated spread by layer."""
    figure, axes = _figure(7.0, 6.0)
    places = np.arange(len(scores))
    axes.plot([s.rms_u_mps for s in scores], places, "o-", color="tab:blue", label="rms, towards east")
    axes.plot([s.rms_v_mps for s in scores], places, "o-", color="tab:orange", label="rms, towards north")
    axes.plot([s.bias_u_mps for s in scores], places, ":", color="tab:blue", label="bias, towards east")
    axes.plot([s.bias_v_mps for s in scores], places, ":", color="tab:orange", label="bias, towards north")
    axes.plot([s.spread_mps for s in scores], places, "--", color="gray", label="spread as stated")
    axes.axvline(0.0, color="gray", linewidth=0.6)
    axes.set_yticks(
        places, [f"{s.high_pa / HPA_PA:g}–{s.low_pa / HPA_PA:g} hPa ({s.soundings})" for s in scores]
    )
    axes.set_xlabel("field minus sounding, m/s")
    axes.legend(fontsize=8)
    axes.set_title(_plain(title), fontsize=10)
    return _saved(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure of its own, so that no state is shared and no window opens."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _saved(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=DPI, format="png")
    return path


def _plain(text: str) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")


def _thin(axis: Any, most: int) -> Any:
    return np.unique(np.linspace(0, axis.size - 1, min(most, axis.size)).round().astype(int))


def _apart(axis: Any, share: float) -> Any:
    """Return places on an axis no nearer to one another than a share of its length."""
    least = share * float(np.ptp(axis))
    kept = [0]
    for i in range(1, axis.size):
        if abs(axis[i] - axis[kept[-1]]) >= least:
            kept.append(i)
    return np.array(kept)


def _unbroken(lon: Any, lat: Any) -> list[tuple[Any, Any]]:
    """Cut a ring where it steps from one side of the antimeridian to the other, and along a pole."""
    cuts = np.flatnonzero(np.abs(np.diff(lon)) > 180.0) + 1
    return list(zip(np.split(lon, cuts), np.split(lat, cuts), strict=True))


def _near(lon: float, west: float) -> float:
    return west + (lon - west) % 360.0


def _coasts(axes: Any, west: float, east: float) -> None:
    from matplotlib.collections import LineCollection

    turns = range(math.floor((west + 180.0) / 360.0), math.floor((east + 180.0) / 360.0) + 1)
    lines = [
        np.column_stack([piece[0] + 360.0 * turn, piece[1]])
        for _, rings in outlines()
        for ring in rings
        for piece in _unbroken(*ring)
        for turn in turns
        if piece[0].min() + 360.0 * turn <= east and piece[0].max() + 360.0 * turn >= west
    ]
    axes.add_collection(LineCollection(lines, colors="black", linewidths=0.4), autolim=False)

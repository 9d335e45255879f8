"""The map of a flight: land, graticule, the corridor of the ensemble, its median, and the sightings.

The corridor is what the 50 and 90 % highest-density regions sweep over as time goes on: at each moment the
balloon was inside its region of that moment with that probability. (The whole corridor holds the whole path
with a lower probability, as any band drawn from pointwise regions does; the legend says which is meant.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from overflight.regions import ScenarioTrack, TimedRegions, scenario_tracks, timed_regions
from overflight.report.labels import Labels
from overflight.report.svg import coordinate, drawing, join, path_data, tag
from overflight.report.symbols import sighting_mark
from overflight.report.text import number, percent_of
from overflight.report.view import View, outline
from overflight.times import from_datetime64, to_datetime
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Borders = Sequence[tuple[str, Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]]]

ORDER = ("origin", "forecast", "posterior")  # drawn in this order, so that the posterior lies on top
MOST_TIMES = 150  # moments at which regions are computed for one ensemble
LEAST_WEIGHT = 0.05  # scenarios below this share of the weight get no line of their own
GRATICULE_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What of one ensemble goes on a map: its regions through time, and its median paths by weight."""

    name: str
    regions: tuple[TimedRegions, ...]
    tracks: tuple[ScenarioTrack, ...]


def make_layers(ensembles: Mapping[str, xr.Dataset]) -> tuple[Layer, ...]:
    """Compute the regions and median paths of the ensembles, in drawing order."""
    return tuple(_layer(name, ensembles[name]) for name in ORDER if name in ensembles)


def _layer(name: str, ensemble: xr.Dataset) -> Layer:
    time_s = from_datetime64(ensemble["time"].values)
    step_s = max(HOUR_S, math.ceil((time_s[-1] - time_s[0]) / MOST_TIMES / HOUR_S) * HOUR_S)
    tracks = [track for track in scenario_tracks(ensemble) if track.weight >= LEAST_WEIGHT]
    tracks.sort(key=lambda track: -track.weight)
    return Layer(name, tuple(timed_regions(ensemble, step_s=step_s)), tuple(tracks))


def flight_map(
    view: View,
    layers: Sequence[Layer],
    borders: Borders,
    sightings: Sequence[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
    *,
    name: str,
    title: str,
    description: str,
    label_step_s: float = DAY_S,
    over: Sequence[Markup] = (),
    labels: Labels | None = None,
) -> Markup:
    """Draw one map as inline SVG.

    `over` is drawn above the layers' paths, and the map's own labels keep off those of `labels`. `readings`
    maps the id of a sighting to its row in `sections.reconstruction.readings`. `name` makes the ids inside
    the drawing unique on the page.
    """
    labels = labels or Labels(view.width, view.height)
    scale_bar = _scale_bar(view, labels)
    land, countries = _land(view, borders)
    lines, line_labels = _graticule(view, labels)
    corridors = [_corridor(view, layer) for layer in layers]
    paths = [_paths(view, layer) for layer in layers]
    for sighting in _widest_first(sightings):
        x, y = view.place(float(sighting["lon_deg"]), float(sighting["lat_deg"]))[0]
        labels.avoid(float(x), float(y), 4.0)
    marks, dates = _dates(view, layers, labels, label_step_s)
    reports = [sighting_mark(view, s, readings.get(str(s["id"]))) for s in _widest_first(sightings)]
    names = [labels.put(text, x, y, "country") for text, x, y, _ in countries]
    frame = tag("rect", x=0.5, y=0.5, width=view.width - 1, height=view.height - 1, class_="frame")
    clip = tag("clipPath", tag("rect", width=view.width, height=view.height), id=f"{name}-clip")
    body = tag(
        "g",
        tag("rect", width=view.width, height=view.height, class_="sea"),
        land,
        lines,
        *corridors,
        *paths,
        *over,
        marks,
        *reports,
        clip_path=f"url(#{name}-clip)",
    )
    return drawing(
        tag("defs", clip),
        body,
        line_labels,
        *names,
        dates,
        scale_bar,
        frame,
        width=view.width,
        height=view.height,
        title=title,
        description=description,
        name=name,
        class_="map",
    )


def _widest_first(sightings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    placed = [s for s in sightings if s.get("lat_deg") is not None and s.get("lon_deg") is not None]
    return sorted(placed, key=lambda s: (-float(s.get("radius_km") or 0.0), str(s["id"])))


# --- land and lines -------------------------------------------------------------------------------------


def _land(view: View, borders: Borders) -> tuple[Markup, list[tuple[str, float, float, float]]]:
    drawn: list[str] = []
    names: list[tuple[str, float, float, float]] = []
    for country, rings in borders:
        pieces = land_pieces(view, rings)
        if not pieces:
            continue
        # Even-odd: a ring inside another (a lake, an enclave) takes its area away.
        data = "".join(path_data(np.array(piece.exterior.coords)[:-1], closed=True) for piece in pieces)
        drawn.append(tag("path", d=data, fill_rule="evenodd"))
        name = _name_place(country, max(pieces, key=lambda p: p.area), view)
        names += [name] if name else []
    return tag("g", *drawn, class_="land"), sorted(names, key=lambda item: -item[3])


def land_pieces(view: View, rings: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> list[Any]:
    """Return the parts of a country on the sheet as polygons of shapely, for the even-odd rule."""
    return _seen([piece for ring in outline(view, rings) for piece in _on_sheet(view, ring)], view)


def _seen(pieces: list[Any], view: View) -> list[Any]:
    """Take away pairs of pieces that cover the whole sheet: even-odd leaves nothing of them.

    An area around the antipode comes as its outline and the edge of the world, both the whole sheet here.
    """
    whole = [piece for piece in pieces if piece.area > view.width * view.height]
    return pieces if len(whole) % 2 else [p for p in pieces if p.area <= view.width * view.height]


def _on_sheet(view: View, ring: Float64s) -> list[Any]:
    """Return the parts of a ring that lie on the sheet, as polygons without holes."""
    from shapely import make_valid
    from shapely.geometry import Polygon, box

    shape = Polygon(ring).simplify(0.35)
    shape = shape if shape.is_valid else make_valid(shape)
    shape = shape.intersection(box(-4.0, -4.0, view.width + 4.0, view.height + 4.0))
    parts = getattr(shape, "geoms", [shape])
    return [part for part in parts if part.geom_type == "Polygon" and part.area > 0.3]


def _shape_path(shape: Any) -> str:
    pieces = [p for p in getattr(shape, "geoms", [shape]) if p.geom_type == "Polygon" and p.area > 0.3]
    rings = [ring for p in pieces for ring in (p.exterior, *p.interiors)]
    return "".join(path_data(np.array(ring.coords)[:-1], closed=True) for ring in rings)


def _name_place(country: str, largest: Any, view: View) -> tuple[str, float, float, float] | None:
    share = largest.area / (view.width * view.height)
    low_x, _, high_x, _ = largest.bounds
    if share < 0.008 or high_x - low_x < 9.0 * len(country):
        return None
    inner = largest.centroid if largest.contains(largest.centroid) else largest.representative_point()
    return country, float(inner.x), float(inner.y), float(share)


def _graticule(view: View, labels: Labels) -> tuple[Markup, Markup]:
    step = _graticule_step(view)
    lines: list[str] = []
    texts: list[str] = []
    for lat in np.arange(-90.0 + step, 90.0, step):
        lon = np.linspace(view.centre[0] - 180.0, view.centre[0] + 180.0, 721)
        _add_line(view, lon, np.full(lon.size, lat), _lat_text(lat), "west", lines, texts, labels)
    for lon0 in np.arange(-180.0, 180.0, step):
        lat_line = np.linspace(-90.0 + step, 90.0 - step, 361)
        _add_line(view, np.full(361, lon0), lat_line, _lon_text(lon0), "south", lines, texts, labels)
    return tag("g", *lines, class_="graticule"), tag("g", *texts)


def _graticule_step(view: View) -> float:
    span_deg = math.degrees(view.height / view.per_m / 6371e3)
    return next((s for s in GRATICULE_STEPS if span_deg / s <= 6.5), GRATICULE_STEPS[-1])


def _add_line(
    view: View,
    lon: Float64s,
    lat: Float64s,
    text: str,
    side: str,
    lines: list[str],
    texts: list[str],
    labels: Labels,
) -> None:
    from shapely.geometry import LineString, box

    placed = view.place(lon, lat)
    near = np.hypot(*(placed - [view.width / 2, view.height / 2]).T) < 2.0 * math.hypot(
        view.width, view.height
    )
    for run in np.split(np.arange(near.size), np.flatnonzero(np.diff(near)) + 1):
        if not near[run[0]] or run.size < 2:
            continue
        shape = LineString(placed[run]).intersection(box(0, 0, view.width, view.height))
        for piece in getattr(shape, "geoms", [shape]):
            if piece.geom_type != "LineString" or piece.length < 4:
                continue
            points = np.array(piece.simplify(0.2).coords)
            lines.append(tag("path", d=path_data(points)))
            texts += [_edge_label(view, points, text, side, labels)]


def _edge_label(view: View, points: Float64s, text: str, side: str, labels: Labels) -> Markup:
    for x, y in points[[0, -1]]:
        if side == "west" and x < 1.0 and 16 < y < view.height - 16:
            return labels.put(text, x + 5, y - 4, "degree", anchor="start")
        if side == "south" and y > view.height - 1.0 and 20 < x < view.width - 20:
            return labels.put(text, x + 4, view.height - 6, "degree", anchor="start")
    return Markup("")


def _lat_text(lat: float) -> str:
    return f"{abs(lat):g}°{'N' if lat > 0 else 'S' if lat < 0 else ''}"


def _lon_text(lon: float) -> str:
    side = "" if lon in (0.0, -180.0) else "E" if lon > 0 else "W"
    return f"{abs(lon):g}°{side}"


def _scale_bar(view: View, labels: Labels) -> Markup:
    wanted_km = view.width / 6 / view.per_m / 1e3
    power = 10.0 ** math.floor(math.log10(wanted_km))
    length_km = max(k * power for k in (1.0, 2.0, 5.0) if k * power <= wanted_km)
    length = length_km * 1e3 * view.per_m
    x, y = view.width - 18 - length, view.height - 16
    labels.reserve((x - 12.0, y - 40.0, view.width, view.height))
    bar = f"M{coordinate(x)} {coordinate(y - 5)}v5h{coordinate(length)}v-5"
    text = tag("text", f"{number(length_km)} km", x=x + length / 2, y=y - 7, class_="scale")
    return tag("g", tag("path", d=bar, class_="bar"), text, class_="scalebar")


# --- the flight -------------------------------------------------------------------------------------------


def _corridor(view: View, layer: Layer) -> Markup:
    parts = []
    for level, name in ((0.9, "r90"), (0.5, "r50")):
        data = _shape_path(swept(view, layer.regions, level))
        parts.append(tag("path", d=data, class_=f"{name} {layer.name}", fill_rule="evenodd"))
    return join(parts)


def swept(view: View, moments: Sequence[TimedRegions], level: float) -> Any:
    """Return the union of the regions, each joined to the next by their hull where both are of one piece."""
    from shapely import unary_union
    from shapely.geometry import MultiPolygon, box

    shapes = [_moment_shape(view, moment, level) for moment in moments]
    pieces = list(shapes)
    for one, following in pairwise(shapes):
        if one.geom_type == following.geom_type == "Polygon":
            pieces.append(one.union(following).convex_hull)
    if not pieces:
        return MultiPolygon()
    return unary_union(pieces).intersection(box(-9, -9, view.width + 9, view.height + 9)).simplify(0.4)


def _moment_shape(view: View, moment: TimedRegions, level: float) -> Any:
    from shapely import make_valid, unary_union
    from shapely.geometry import MultiPolygon, Polygon

    region = next((r for r in moment.regions if math.isclose(r.level, level)), None)
    if region is None:
        return MultiPolygon()
    rings = [[view.place(*ring) for ring in rings] for rings in region.polygons]
    return unary_union([make_valid(Polygon(outer, holes)) for outer, *holes in rings])


def _paths(view: View, layer: Layer) -> Markup:
    return join(
        tag(
            "path",
            tag(
                "title",
                f"{layer.name}: {track.scenario.replace('_', ' ')}, weight {percent_of(track.weight)}",
            ),
            d=path_data(view.place(track.lon_deg, track.lat_deg)),
            class_=f"median {layer.name}",
            opacity=round(max(0.35, track.weight), 1),
        )
        for track in reversed(layer.tracks)
    )


def _dates(view: View, layers: Sequence[Layer], labels: Labels, step_s: float) -> tuple[Markup, Markup]:
    """Mark the leading median path of each layer at every `step_s` of UTC, with the date where it fits."""
    dots: list[str] = []
    texts: list[str] = []
    for layer in reversed(layers):
        if not layer.tracks:
            continue
        lead = layer.tracks[0]
        time_s, lon, lat = lead.time_s, lead.lon_deg, lead.lat_deg
        for mark in np.arange(math.ceil(time_s[0] / step_s), math.floor(time_s[-1] / step_s) + 1) * step_s:
            place = view.place(
                np.interp(mark, time_s, np.unwrap(lon, period=360)), np.interp(mark, time_s, lat)
            )[0]
            if not view.holds(place, 4.0):
                continue
            dots.append(tag("circle", cx=place[0], cy=place[1], r=2.6, class_=f"day {layer.name}"))
            texts.append(labels.beside(_date_text(mark), place[0], place[1], f"date {layer.name}"))
    return tag("g", *dots), tag("g", *texts)


def _date_text(time_s: float) -> str:
    moment = to_datetime(time_s)
    day = f"{moment.day} {_MONTHS[moment.month - 1]}"
    return day if moment.hour == 0 else f"{day} {moment.hour:02d}Z"

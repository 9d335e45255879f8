"""The flight as KML 2.2 (OGC 07-147r2): median paths, dated positions, regions, sightings.

Viewers render descriptions as HTML, so text from outside is escaped twice: once as HTML, once as XML.
Characters that XML 1.0 has no place for (clause 2.2) are left out. Heights are absolute, which viewers
take above mean sea level; ours are above WGS-84, within ±107 m of it.
"""

from __future__ import annotations

import html
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overflight.regions import (
    Ring,
    ScenarioTrack,
    cut_line,
    cut_polygon,
    scenario_tracks,
    timed_regions,
)
from overflight.times import iso_utc
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

NAMESPACE = "http://www.opengis.net/kml/2.2"
REGION_STEP_S = 6 * HOUR_S
FOLDERS = {"posterior": "Reconstruction", "forecast": "Forecast", "origin": "Origin"}
# aabbggrr, as KML has it: opacity, blue, green, red.
COLOURS = {"posterior": "94530b", "forecast": "9d3f7b", "origin": "6b7900"}

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_track_kml(
    ensembles: Mapping[str, xr.Dataset],
    result: Mapping[str, Any],
    path: str | Path,
    *,
    step_s: float = REGION_STEP_S,
) -> None:
    """Write `track.kml`, replacing `path` in one step. `step_s` is the time between regions."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(track_kml(ensembles, result, step_s=step_s))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def track_kml(
    ensembles: Mapping[str, xr.Dataset], result: Mapping[str, Any], *, step_s: float = REGION_STEP_S
) -> bytes:
    """Return the document as UTF-8 bytes; the same input gives the same bytes."""
    root = ET.Element("kml", xmlns=NAMESPACE)
    document = ET.SubElement(root, "Document")
    case = (result.get("sections") or {}).get("case") or {}
    add_text(document, "name", str(case.get("title") or "Flight"))
    for kind, colour in COLOURS.items():
        add_style(document, kind, colour)
    for kind, title in FOLDERS.items():
        if kind in ensembles:
            _ensemble(add_folder(document, title), kind, ensembles[kind], step_s)
    sightings = add_folder(document, "Sightings")
    for row in result.get("sightings") or ():
        if row.get("lon_deg") is not None and row.get("lat_deg") is not None:
            _sighting(sightings, row)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def add_text(parent: ET.Element, name: str, text: str) -> ET.Element:
    """Add an element with text, less what XML has no place for."""
    element = ET.SubElement(parent, name)
    element.text = _NOT_XML.sub("", text)
    return element


def add_folder(parent: ET.Element, title: str) -> ET.Element:
    """Add a folder with its name."""
    folder = ET.SubElement(parent, "Folder")
    add_text(folder, "name", title)
    return folder


def add_style(document: ET.Element, kind: str, colour: str) -> None:
    """Add a style of lines and polygons; the colour is bbggrr."""
    style = ET.SubElement(document, "Style", id=kind)
    line = ET.SubElement(style, "LineStyle")
    add_text(line, "color", f"ff{colour}")
    add_text(line, "width", "3")
    add_text(ET.SubElement(style, "PolyStyle"), "color", f"33{colour}")


def _ensemble(folder: ET.Element, kind: str, ensemble: xr.Dataset, step_s: float) -> None:
    for track in scenario_tracks(ensemble):
        _path(folder, kind, track)
        _dated(add_folder(folder, f"Positions: {track.scenario.replace('_', ' ')}"), track, step_s)
    regions = add_folder(folder, "Regions")
    for moment in timed_regions(ensemble, step_s=step_s):
        for region in moment.regions:
            name = f"{100 * region.level:.0f} % at {iso_utc(moment.time_s)}"
            placemark = add_placemark(regions, name)
            span = ET.SubElement(placemark, "TimeSpan")
            add_text(span, "begin", iso_utc(moment.time_s))
            add_text(span, "end", iso_utc(moment.time_s + step_s))
            add_text(placemark, "styleUrl", f"#{kind}")
            draw_polygons(placemark, region.polygons)


def add_placemark(parent: ET.Element, name: str) -> ET.Element:
    """Add a placemark with its name."""
    placemark = ET.SubElement(parent, "Placemark")
    add_text(placemark, "name", name)
    return placemark


def _path(folder: ET.Element, kind: str, track: ScenarioTrack) -> None:
    placemark = add_placemark(folder, f"Median path: {track.scenario.replace('_', ' ')}")
    span = ET.SubElement(placemark, "TimeSpan")
    add_text(span, "begin", iso_utc(track.time_s[0]))
    add_text(span, "end", iso_utc(track.time_s[-1]))
    add_text(placemark, "styleUrl", f"#{kind}")
    lines = ET.SubElement(placemark, "MultiGeometry")
    for part in cut_line(track.lon_deg, track.lat_deg, track.alt_m):
        line = ET.SubElement(lines, "LineString")
        add_text(line, "altitudeMode", "absolute")
        add_text(line, "coordinates", " ".join(coordinates(*point) for point in part.T))


def _dated(folder: ET.Element, track: ScenarioTrack, step_s: float) -> None:
    marks = np.arange(np.ceil(track.time_s[0] / step_s), np.floor(track.time_s[-1] / step_s) + 1) * step_s
    for index in sorted({int(np.abs(track.time_s - mark).argmin()) for mark in marks}):
        placemark = add_placemark(folder, iso_utc(track.time_s[index]))
        add_text(ET.SubElement(placemark, "TimeStamp"), "when", iso_utc(track.time_s[index]))
        point = ET.SubElement(placemark, "Point")
        add_text(point, "altitudeMode", "absolute")
        place = (track.lon_deg[index], track.lat_deg[index], track.alt_m[index])
        add_text(point, "coordinates", coordinates(*place))


def draw_polygons(placemark: ET.Element, polygons: Sequence[tuple[Ring, ...]]) -> None:
    """Add polygons to a placemark, cut at ±180°."""
    geometry = ET.SubElement(placemark, "MultiGeometry")
    for rings in polygons:
        for outer, *holes in cut_polygon(rings):
            polygon = ET.SubElement(geometry, "Polygon")
            _boundary(polygon, "outerBoundaryIs", outer)
            for hole in holes:
                _boundary(polygon, "innerBoundaryIs", hole)


def _boundary(polygon: ET.Element, name: str, ring: Ring) -> None:
    linear = ET.SubElement(ET.SubElement(polygon, name), "LinearRing")
    add_text(linear, "coordinates", " ".join(coordinates(*point) for point in ring.T))


def _sighting(folder: ET.Element, row: Mapping[str, Any]) -> None:
    placemark = add_placemark(folder, f"{row['id']} {row.get('place') or ''}".strip())
    lines = (str(row.get(key) or "") for key in ("kind", "source", "text", "url"))
    add_text(placemark, "description", "<br>".join(html.escape(line) for line in lines if line))
    span = ET.SubElement(placemark, "TimeSpan")
    add_text(span, "begin", iso_utc(float(row["time_start"])))
    add_text(span, "end", iso_utc(float(row["time_end"])))
    add_text(ET.SubElement(placemark, "Point"), "coordinates", coordinates(row["lon_deg"], row["lat_deg"]))


def coordinates(lon: float, lat: float, alt_m: float | None = None) -> str:
    """Return a position as KML has it."""
    place = f"{float(lon):.4f},{float(lat):.4f}"
    return place if alt_m is None else f"{place},{float(alt_m):.0f}"

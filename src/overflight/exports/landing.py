"""Where pieces come down, as GeoJSON (RFC 7946) and KML 2.2.

Features: `flight` (the middle of where the flight ends), for each class of pieces `place` (its middle),
`region` (the areas that hold 50 and 90 %) and `cell` (the probability map: a cell with its chance `p`). The
same landing gives the same bytes.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np

from overflight.exports.atomic import replace_bytes
from overflight.exports.geojson import Feature, multipolygon, position
from overflight.exports.kml import (
    NAMESPACE,
    add_folder,
    add_placemark,
    add_style,
    add_text,
    coordinates,
    draw_polygons,
)
from overflight.regions import centre_of
from overflight.times import iso_utc
from overflight.trajectories.landing import Fall, Landing

# bbggrr, for the classes in turn.
COLOURS = ("4b1f7a", "7a4b1f", "2f7a1f", "1f6fb0", "6b6b6b")


def write_landing_geojson(landing: Landing, path: str | Path) -> None:
    """Write a landing as GeoJSON, replacing `path` in one step."""
    text = json.dumps(landing_geojson(landing), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    replace_bytes(path, (text + "\n").encode("utf-8", errors="backslashreplace"))


def write_landing_kml(landing: Landing, path: str | Path, *, title: str = "Landing") -> None:
    """Write the middles and regions of a landing as KML, replacing `path` in one step."""
    replace_bytes(path, landing_kml(landing, title=title))


def landing_geojson(landing: Landing) -> dict[str, Any]:
    """Return the FeatureCollection as Python values."""
    features = [_flight(landing)]
    for fall in landing.falls:
        if fall.landed.any():
            features += [_place(fall), *_regions(fall), *_cells(fall)]
    return {"type": "FeatureCollection", "features": features}


def landing_kml(landing: Landing, *, title: str = "Landing") -> bytes:
    """Return the document as UTF-8 bytes."""
    root = ET.Element("kml", xmlns=NAMESPACE)
    document = ET.SubElement(root, "Document")
    add_text(document, "name", title)
    for number, fall in enumerate(landing.falls):
        if not fall.landed.any():
            continue
        style = f"class{number % len(COLOURS)}"
        if number < len(COLOURS):
            add_style(document, style, COLOURS[number])
        folder = add_folder(document, fall.fragment.name)
        middle = add_placemark(folder, f"{fall.fragment.name}: middle")
        point = ET.SubElement(middle, "Point")
        add_text(point, "coordinates", coordinates(*_middle(fall)))
        for region in fall.regions:
            placemark = add_placemark(folder, f"{fall.fragment.name}: {100 * region.level:.0f} %")
            add_text(placemark, "styleUrl", f"#{style}")
            draw_polygons(placemark, region.polygons)
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _middle(fall: Fall) -> tuple[float, float]:
    return centre_of(fall.lon_deg[fall.landed], fall.lat_deg[fall.landed], 1.0)


def _flight(landing: Landing) -> Feature:
    cloud = landing.cloud
    return {
        "type": "Feature",
        "id": "flight",
        "geometry": {
            "type": "Point",
            "coordinates": position(*centre_of(cloud.lon_deg, cloud.lat_deg, cloud.weight)),
        },
        "properties": {
            "feature": "flight",
            "time": iso_utc(landing.time_s),
            "aloft_share": round(cloud.aloft_share, 4),
        },
    }


def _place(fall: Fall) -> Feature:
    name = fall.fragment.name
    return {
        "type": "Feature",
        "id": f"place.{name}",
        "geometry": {"type": "Point", "coordinates": position(*_middle(fall))},
        "properties": {
            "feature": "place",
            "fragment": name,
            "mass_kg": fall.fragment.mass_kg,
            "drag_area_m2": fall.fragment.drag_area_m2,
            "landed_share": round(float(fall.landed.mean()), 4),
        },
    }


def _regions(fall: Fall) -> list[Feature]:
    name = fall.fragment.name
    return [
        {
            "type": "Feature",
            "id": f"region.{name}.{round(100 * region.level)}",
            "geometry": multipolygon(region),
            "properties": {
                "feature": "region",
                "fragment": name,
                "level": region.level,
                "area_km2": float(f"{region.area_km2:.4g}"),
            },
        }
        for region in fall.regions
    ]


def _cells(fall: Fall) -> list[Feature]:
    """Return the cells that any piece fell into; one that crosses ±180° keeps its western turn."""
    if fall.cells is None:
        return []
    lon, lat = fall.cells.lon_edge_deg, fall.cells.lat_edge_deg
    features = []
    for y, x in zip(*np.nonzero(fall.cells.p), strict=True):
        shift = 360.0 * np.floor((lon[x] + 180.0) / 360.0)
        west, east = lon[x] - shift, min(lon[x + 1] - shift, 180.0)
        corners = [(west, lat[y]), (east, lat[y]), (east, lat[y + 1]), (west, lat[y + 1]), (west, lat[y])]
        features.append(
            {
                "type": "Feature",
                "id": f"cell.{fall.fragment.name}.{y}.{x}",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[round(float(v), 5) + 0.0 for v in one] for one in corners]],
                },
                "properties": {
                    "feature": "cell",
                    "fragment": fall.fragment.name,
                    "p": float(f"{fall.cells.p[y, x]:.4g}"),
                },
            }
        )
    return features

"""Sightings as GeoJSON (RFC 7946): points and polygons whose properties are named as the table's columns.

Read are a FeatureCollection, or one Feature, of Points (with `radius_km` among the properties) and
Polygons of one ring. Not read: holes, MultiPolygons, lines, altitudes as third coordinates (use `alt_m_low`,
`alt_m_high`), other reference systems than WGS-84 longitude and latitude.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from overflight.errors import InputError
from overflight.records import Sighting
from overflight.rows import MAX_CELL_CHARS, MAX_ROWS, Problems, shorten
from overflight.sightings.table import ALIASES, sighting_from_cells
from overflight.sightings.witness import polygon_region

MAX_CORNERS = 10_000

Ring = tuple[tuple[float, float], ...]


def parse_geojson(text: str, file: str) -> tuple[Sighting, ...]:
    """Parse sightings from GeoJSON text; `file` names it in messages and in the records.

    Raises InputError that names every feature and property with a problem (the first 20).
    """
    problems = Problems(file)
    sightings = []
    for place, feature in _features(_load(text, file), file):
        found = _sighting(feature, file, place, problems)
        if found is not None:
            sightings.append(found)
    problems.raise_any()
    return tuple(sightings)


def _load(text: str, file: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InputError(
            f"is not valid JSON ({error.msg})",
            file=file,
            line=error.lineno,
            remedy="Check brackets and commas there.",
        ) from error
    except (ValueError, RecursionError) as error:
        what = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(what, file=file, remedy="Write plain GeoJSON.") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is not a JSON number")


def _features(document: Any, file: str) -> Iterator[tuple[str, Any]]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature":
        yield "feature", document
        return
    features = document.get("features") if kind == "FeatureCollection" else None
    if not isinstance(features, list):
        raise InputError(
            "is not a GeoJSON FeatureCollection", file=file, remedy="Save it as a FeatureCollection."
        )
    if len(features) > MAX_ROWS:
        raise InputError(f"has more than {MAX_ROWS} features", file=file, remedy="Split the file.")
    yield from ((f"features[{i}]", feature) for i, feature in enumerate(features))


def _sighting(feature: Any, file: str, place: str, problems: Problems) -> Sighting | None:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        problems.add(None, place, "is not a Feature with properties", "Give it 'properties'.")
        return None
    before = len(problems.found)
    cells = _cells(feature["properties"], place, problems)
    if "id" not in cells and isinstance(feature.get("id"), str | int):
        cells["id"] = str(feature["id"])
    polygon = _geometry(feature.get("geometry"), cells, place, problems)
    if len(problems.found) > before:
        return None
    found = sighting_from_cells(
        cells, file=file, line=None, problems=problems, prefix=f"{place}.properties.", polygon=polygon
    )
    return found if found is None or not polygon else _with_middle(found, place, problems)


def _with_middle(sighting: Sighting, place: str, problems: Problems) -> Sighting | None:
    try:
        region = polygon_region(sighting.polygon)
    except InputError as error:
        problems.add(None, f"{place}.geometry", error.what, error.remedy)
        return None
    lon = (region.lon_deg + 180.0) % 360.0 - 180.0
    return replace(sighting, lon_deg=lon, lat_deg=region.lat_deg)


def _cells(properties: Mapping[str, Any], place: str, problems: Problems) -> dict[str, str]:
    """Properties as text, as a CSV cell would hold them."""
    cells: dict[str, str] = {}
    for key, value in properties.items():
        name = f"{place}.properties.{shorten(key)}"
        if isinstance(value, dict | list):
            problems.add(None, name, "is not a plain value", "Use text or a number.")
            continue
        text = "" if value is None else repr(value) if isinstance(value, float) else str(value)
        if len(text) > MAX_CELL_CHARS:
            problems.add(None, name, f"is longer than {MAX_CELL_CHARS} characters", "Shorten it.")
        elif any("\ud800" <= c <= "\udfff" for c in key + text) or "\0" in text:
            problems.add(None, name, "holds half a surrogate pair or a NUL", "Write it as valid text.")
        else:
            cells[ALIASES.get(key, key)] = text
    return cells


def _geometry(geometry: Any, cells: dict[str, str], place: str, problems: Problems) -> Ring:
    """Put a point into `cells` as lat and lon, or return a polygon's ring; () for none."""
    where = f"{place}.geometry"
    if geometry is None:
        return ()
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "Point" and (point := _position(coordinates)) is not None:
        cells["lon"], cells["lat"] = repr(point[0]), repr(point[1])
        return ()
    if kind != "Polygon" or not isinstance(coordinates, list):
        problems.add(None, where, f"'{shorten(str(kind))}' is not a Point or Polygon", "Give one of these.")
        return ()
    if len(coordinates) != 1:
        problems.add(None, where, "the polygon has holes or no ring", "Give one outer ring.")
        return ()
    return _ring(coordinates[0], where, problems)


def _ring(corners: Any, where: str, problems: Problems) -> Ring:
    if not isinstance(corners, list) or not 4 <= len(corners) <= MAX_CORNERS:
        problems.add(None, where, f"the ring needs 4 to {MAX_CORNERS} positions", "Close it on its first.")
        return ()
    ring = []
    for i, corner in enumerate(corners):
        point = _position(corner)
        if point is None or abs(point[1]) > 90.0 or abs(point[0]) > 360.0:
            problems.add(
                None,
                f"{where}.coordinates[0][{i}]",
                f"'{shorten(str(corner))}' is not a longitude and latitude",
                "Write [longitude, latitude] in degrees.",
            )
            return ()
        ring.append(point)
    if ring[0] != ring[-1]:
        problems.add(None, where, "the ring does not end where it begins", "Repeat the first position.")
        return ()
    return tuple(ring)


def _position(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) < 2:
        return None
    lon, lat = value[0], value[1]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (lon, lat))
    if not numbers or not all(abs(v) < 1e6 and math.isfinite(v) for v in (lon, lat)):
        return None
    return float(lon), float(lat)

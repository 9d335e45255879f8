"""The flight as GeoJSON (RFC 7946): median paths, regions through time, sightings.

Lines and polygons are cut at ±180° (3.1.9), outer rings run counterclockwise (3.1.6), the third number of
a position is the height above WGS-84 in metres. Every feature has an id and `properties.feature`:

- `path`: the median path of one scenario, with `times` (one a position, in the nesting of the coordinates);
- `region`: the smallest area that holds the share `level` at `time`;
- `sighting`: where a report puts the balloon; geometry is null where it gives no place.

The same input gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overflight.regions import Region, cut_line, cut_polygon, scenario_tracks, timed_regions
from overflight.times import iso_utc
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Feature = dict[str, Any]

REGION_STEP_S = 6 * HOUR_S
PLACES = 4  # decimals of a degree: 11 m, far below what any region means
ORDER = ("posterior", "forecast", "origin")


def write_track_geojson(
    ensembles: Mapping[str, xr.Dataset],
    result: Mapping[str, Any],
    path: str | Path,
    *,
    step_s: float = REGION_STEP_S,
) -> None:
    """Write `track.geojson`, replacing `path` in one step. `step_s` is the time between regions."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    document = track_geojson(ensembles, result, step_s=step_s)
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        partial.write_bytes((text + "\n").encode("utf-8", errors="backslashreplace"))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def track_geojson(
    ensembles: Mapping[str, xr.Dataset], result: Mapping[str, Any], *, step_s: float = REGION_STEP_S
) -> dict[str, Any]:
    """Return the FeatureCollection as Python values."""
    features: list[Feature] = []
    for kind in ORDER:
        if kind in ensembles:
            features += _paths(kind, ensembles[kind])
            features += _regions(kind, ensembles[kind], step_s)
    readings = _readings(result)
    features += [_sighting(row, readings.get(str(row["id"]), {})) for row in result.get("sightings") or ()]
    return {"type": "FeatureCollection", "features": features}


def _readings(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    section = (result.get("sections") or {}).get("reconstruction") or {}
    return {str(row["id"]): row for row in section.get("readings") or ()}


def _paths(kind: str, ensemble: xr.Dataset) -> Iterator[Feature]:
    for track in scenario_tracks(ensemble):
        parts = cut_line(track.lon_deg, track.lat_deg, track.alt_m, track.time_s)
        lines = [[position(*point[:3]) for point in part.T] for part in parts]
        times = [[iso_utc(t) for t in part[3]] for part in parts]
        single = len(lines) == 1
        yield {
            "type": "Feature",
            "id": f"path.{kind}.{track.scenario}",
            "geometry": {
                "type": "LineString" if single else "MultiLineString",
                "coordinates": lines[0] if single else lines,
            },
            "properties": {
                "feature": "path",
                "ensemble": kind,
                "scenario": track.scenario,
                "weight": round(track.weight, 4),
                "times": times[0] if single else times,
            },
        }


def _regions(kind: str, ensemble: xr.Dataset, step_s: float) -> Iterator[Feature]:
    for moment in timed_regions(ensemble, step_s=step_s):
        for region in moment.regions:
            time = iso_utc(moment.time_s)
            yield {
                "type": "Feature",
                "id": f"region.{kind}.{time}.{round(100 * region.level)}",
                "geometry": multipolygon(region),
                "properties": {
                    "feature": "region",
                    "ensemble": kind,
                    "level": region.level,
                    "time": time,
                    "aloft_share": round(moment.aloft_share, 4),
                    "area_km2": float(f"{region.area_km2:.4g}"),
                },
            }


def multipolygon(region: Region) -> dict[str, Any]:
    """Return a region as a geometry, cut at ±180°."""
    polygons = [polygon for rings in region.polygons for polygon in cut_polygon(rings)]
    return {
        "type": "MultiPolygon",
        "coordinates": [[_closed(ring) for ring in polygon] for polygon in polygons],
    }


def _closed(ring: np.ndarray[Any, np.dtype[np.float64]]) -> list[list[float]]:
    points = [position(lon, lat) for lon, lat in ring.T]
    return [*points[:-1], points[0]]


def position(lon: float, lat: float, alt_m: float | None = None) -> list[float]:
    """Return a position, rounded."""
    place = [round(float(lon), PLACES) + 0.0, round(float(lat), PLACES) + 0.0]
    return place if alt_m is None else [*place, round(float(alt_m), 0)]


def _sighting(row: Mapping[str, Any], reading: Mapping[str, Any]) -> Feature:
    kept = ("id", "kind", "role", "source", "reliability", "place", "text", "url", "radius_km")
    alts = ("alt_low_m", "alt_high_m", "alt_kind")
    return {
        "type": "Feature",
        "id": f"sighting.{row['id']}",
        "geometry": _sighting_geometry(row),
        "properties": {
            "feature": "sighting",
            **{name: row.get(name) for name in kept + alts},
            "time_start": iso_utc(float(row["time_start"])),
            "time_end": iso_utc(float(row["time_end"])),
            "used": reading.get("used"),
            "verdict": reading.get("verdict"),
            "marks": [str(mark["reason"]) for mark in row.get("marks") or ()],
        },
    }


def _sighting_geometry(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if row.get("lon_deg") is not None and row.get("lat_deg") is not None:
        return {"type": "Point", "coordinates": position(row["lon_deg"], row["lat_deg"])}
    polygon: Sequence[Sequence[float]] = row.get("polygon") or ()
    if len(polygon) < 3:
        return None
    ring = np.array([*polygon, polygon[0]], dtype=float).T
    ring[0] = np.unwrap(ring[0], period=360.0)
    parts = cut_polygon([ring])
    return {"type": "MultiPolygon", "coordinates": [[_closed(r) for r in rings] for rings in parts]}

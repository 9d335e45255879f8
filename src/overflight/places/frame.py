"""Put polygons into one unbroken frame of longitude, whatever side of the antimeridian they lie on.

Map files cut polygons at ±180° and close polar ones along the pole. Both cuts are edges that nobody
crosses. Here the parts are moved by whole turns and dissolved, so that an area has one frame: it begins at
the eastern end of the widest gap that the area leaves on the circle of longitude, and runs at most 360°.
An area that leaves no gap (Antarctica) is continued past ±180° on both sides, and past the pole when it
reaches it, so that no cut is near a point inside it. Edges are straight in longitude and latitude, as
GeoJSON says (RFC 7946, 3.1.1): the 49th parallel is a parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity

Float64s = npt.NDArray[np.float64]

# Width by which an area all round the earth is continued past ±180°.
OVERLAP_DEG = 10.0

# A vertex this close to ±180° or a pole is on it (the file's quantum is 0.0036° by 0.0017°).
SNAP_DEG = 1e-6
POLE_SNAP_DEG = 0.002


def into_one_frame(polygons: Sequence[Any]) -> Any:
    """Dissolve polygons (any whole turns, cut or not) into one geometry in one frame of longitude."""
    parts = [part for polygon in polygons for part in _wrapped(polygon)]
    if not parts:
        return shapely.MultiPolygon()
    west = _frame_start(parts)
    if west is None:
        return _all_round(parts)
    moved = [_shifted(p, 360.0) if p.bounds[0] < west - SNAP_DEG else p for p in parts]
    merged = shapely.union_all(moved)
    low, _, high, _ = merged.bounds
    return _shifted(merged, -360.0 * np.floor(((low + high) / 2 + 180.0) / 360.0))


def continuous(line: Float64s) -> Float64s:
    """Unwrap the longitudes of a line or ring (N, 2), each step going the shorter way."""
    return np.column_stack([np.unwrap(line[:, 0], period=360.0), line[:, 1]])


def spherical_polygon(rings: Sequence[Float64s]) -> Any:
    """Make a valid shapely geometry of closed rings (N, 2), outer first, drawn on the sphere uncut.

    Rings may step across ±180° and may run all the way round a pole, in which case they are closed along
    that pole's edge of the map. A ring that lies on the pole itself bounds nothing and is dropped.
    """
    lines = [continuous(ring) for ring in rings if (np.abs(ring[:, 1]) < 90.0 - POLE_SNAP_DEG).any()]
    if not lines:
        return shapely.Polygon()
    outer, *holes = (_closed_at_pole(line) for line in lines)
    middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
    turns = [360.0 * np.round((middle - hole[:, 0].mean()) / 360.0) for hole in holes]
    turned = [np.column_stack([h[:, 0] + t, h[:, 1]]) for h, t in zip(holes, turns, strict=True)]
    return shapely.make_valid(shapely.Polygon(outer, turned))


def _closed_at_pole(line: Float64s) -> Float64s:
    if abs(line[-1, 0] - line[0, 0]) < 180.0:
        return line
    pole = 90.0 * np.sign(line[:, 1].mean())
    return np.vstack([line, [line[-1, 0], pole], [line[0, 0], pole], line[0]])


def all_round(geometry: Any) -> bool:
    """Whether a geometry made here runs all round the earth, past ±180° on both sides."""
    low, _, high, _ = geometry.bounds
    return bool(high - low > 360.0 + OVERLAP_DEG / 2)


def frame_lon(geometry: Any, lon_deg: npt.ArrayLike) -> Float64s:
    """Move longitudes by whole turns into the frame of a geometry."""
    lon = np.asarray(lon_deg, dtype=np.float64)
    west = -180.0 if all_round(geometry) or geometry.is_empty else geometry.bounds[0]
    return np.asarray(west + np.mod(lon - west, 360.0))


def real_edges(geometry: Any) -> Float64s:
    """Return the boundary as edges (K, 4): lon, lat, lon, lat, without the cuts of an all-round area."""
    rings = shapely.get_rings(shapely.get_parts(geometry))
    if len(rings) == 0:
        return np.empty((0, 4))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    edges = np.column_stack([xy[:-1], xy[1:]])[same]
    if all_round(geometry):
        cut = 180.0 + OVERLAP_DEG - SNAP_DEG
        sides = (np.abs(edges[:, 0]) > cut) & (np.abs(edges[:, 2]) > cut)
        poles = (np.abs(edges[:, 1]) > 90.0) & (np.abs(edges[:, 3]) > 90.0)
        edges = edges[~(sides | poles)]
    return np.asarray(edges[(edges[:, :2] != edges[:, 2:]).any(axis=1)])


def polygon_parts(geometry: Any) -> list[Any]:
    """Return the polygons of a geometry or collection, without the points and lines that cuts leave."""
    # A collection may hold MultiPolygons, hence twice.
    return [p for p in shapely.get_parts(shapely.get_parts(geometry)) if p.geom_type == "Polygon"]


def turned_to_meet(geometry: Any, bounds: tuple[float, float, float, float]) -> list[Any]:
    """Return the copies of a geometry, by whole turns, whose box meets `bounds` (shapely order)."""
    low, south, high, north = geometry.bounds
    if south > bounds[3] or north < bounds[1]:
        return []
    turns = [t for t in (-360.0, 0.0, 360.0) if low + t <= bounds[2] and high + t >= bounds[0]]
    return [_shifted(geometry, turn) for turn in turns]


def _wrapped(polygon: Any) -> list[Any]:
    """Cut a polygon at ±180° + whole turns and move every part into [-180, 180]."""
    polygon = shapely.transform(polygon, _snap)
    low, _, high, _ = polygon.bounds
    first, last = int(np.floor((low + 180.0) / 360.0)), int(np.ceil((high + 180.0) / 360.0))
    parts: list[Any] = []
    for turn in range(first, max(last, first + 1)):
        shift = 360.0 * turn
        whole = low >= shift - 180.0 and high <= shift + 180.0
        part = polygon if whole else polygon.intersection(shapely.box(shift - 180.0, -91, shift + 180.0, 91))
        parts += polygon_parts(_shifted(part, -shift))
    return parts


def _snap(xy: Float64s) -> Float64s:
    turns = np.round((xy[:, 0] - 180.0) / 360.0) * 360.0 + 180.0
    lon = np.where(np.abs(xy[:, 0] - turns) < SNAP_DEG, turns, xy[:, 0])
    return np.column_stack([lon, xy[:, 1]])


def _frame_start(parts: list[Any]) -> float | None:
    """Return the longitude where the widest gap ends, or None when the parts leave no gap."""
    bounds = shapely.bounds(np.asarray(parts, dtype=object))
    order = np.argsort(bounds[:, 0], kind="stable")
    west, east = bounds[order, 0], np.maximum.accumulate(bounds[order, 2])
    gaps = np.append(west[1:] - east[:-1], west[0] + 360.0 - east[-1])
    widest = int(np.argmax(gaps))
    if gaps[widest] <= SNAP_DEG:
        return None
    return float(west[(widest + 1) % west.size])


def _all_round(parts: list[Any]) -> Any:
    limit = shapely.box(-180.0 - OVERLAP_DEG, -91.0, 180.0 + OVERLAP_DEG, 91.0)
    turns = [_shifted(p, shift).intersection(limit) for p in parts for shift in (-360.0, 0.0, 360.0)]
    pieces = [p for t in turns for p in polygon_parts(t)]
    return shapely.union_all([shapely.transform(p, _past_pole) for p in pieces])


def _past_pole(xy: Float64s) -> Float64s:
    at_pole = np.abs(xy[:, 1]) >= 90.0 - POLE_SNAP_DEG
    return np.column_stack([xy[:, 0], np.where(at_pole, np.sign(xy[:, 1]) * 91.0, xy[:, 1])])


def _shifted(geometry: Any, lon_deg: float) -> Any:
    return geometry if lon_deg == 0.0 else shapely.affinity.translate(geometry, xoff=lon_deg)

"""The belt within a distance of a coast, measured along geodesics.

A coast is cut into lines of about 100 km. Each is laid on the ellipsoid's azimuthal equidistant plane
about its own middle, widened there, and brought back; the pieces are dissolved. On such a plane distances
across the radius are true to (d/R)²/6, under 1 m in 12 nautical miles at 100 km from the middle. Rounded
corners are 16-gons a quarter turn, which cuts at most 27 m off 12 nautical miles.

The belt is measured from the coast as drawn at 1:50 million, not from any state's published baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from overflight.geo import GEOD
from overflight.units import EARTH_RADIUS_M, NAUTICAL_MILE_M

Float64s = npt.NDArray[np.float64]

# Breadth of the territorial sea: United Nations Convention on the Law of the Sea, article 3.
TERRITORIAL_SEA_M = 12.0 * NAUTICAL_MILE_M

PIECE_M = 100e3
STEP_DEG = 0.1
STEP_M = 5e3
QUARTER_SEGMENTS = 16


def belt(coasts: Sequence[Float64s], width_m: float = TERRITORIAL_SEA_M) -> list[Any]:
    """Return polygons that together hold every place within `width_m` of the coast lines (N, 2), degrees.

    Both sides of the line are covered. Longitudes are near those of the coast, so they may pass ±180°.
    The coast must not come within `width_m` of a pole.
    """
    lonlat, piece = _pieces(coasts)
    if piece.size == 0:
        return []
    middle = lonlat[(np.searchsorted(piece, np.arange(piece[-1] + 1)) + _last(piece)) // 2]
    lines = shapely.linestrings(_to_plane(lonlat, middle[piece]), indices=piece)
    wide = shapely.segmentize(shapely.buffer(lines, width_m, quad_segs=QUARTER_SEGMENTS), STEP_M)
    rings, owner = _outer_rings(wide)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    outer = shapely.polygons(shapely.linearrings(_from_plane(xy, middle[owner[ring]]), indices=ring))
    return list(shapely.make_valid(outer))


def _outer_rings(polygons: Any) -> tuple[Any, npt.NDArray[np.intp]]:
    """Outer rings only: a hole in a belt is farther than its width from this piece, not from the land."""
    return shapely.get_exterior_ring(polygons), np.arange(len(polygons))


def _pieces(coasts: Sequence[Float64s]) -> tuple[Float64s, npt.NDArray[np.intp]]:
    """Cut lines into pieces that share their ends; return the points (N, 2) and the piece of each."""
    points: list[Float64s] = []
    labels: list[npt.NDArray[np.intp]] = []
    count = 0
    for coast in coasts:
        xy = shapely.get_coordinates(shapely.segmentize(shapely.linestrings(coast), STEP_DEG))
        label = (_length_m(xy) // PIECE_M).astype(np.intp)
        label[-1] = label[-2]  # No piece of a single point.
        cut = np.flatnonzero(np.diff(label)) + 1
        # The first point of a piece also ends the one before.
        points.append(np.insert(xy, cut, xy[cut], axis=0))
        label = np.unique(label, return_inverse=True)[1]
        labels.append(np.insert(label, cut, label[cut - 1]) + count)
        count = int(labels[-1][-1]) + 1
    if not points:
        return np.empty((0, 2)), np.empty(0, dtype=np.intp)
    return np.concatenate(points), np.concatenate(labels)


def _length_m(xy: Float64s) -> Float64s:
    """Length along a line up to each point, on the sphere: it only decides where to cut."""
    step = np.radians(np.diff(xy, axis=0))
    east = step[:, 0] * np.cos(np.radians(0.5 * (xy[1:, 1] + xy[:-1, 1])))
    return np.append(0.0, np.cumsum(EARTH_RADIUS_M * np.hypot(east, step[:, 1])))


def _last(piece: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.asarray(np.searchsorted(piece, np.arange(piece[-1] + 1), side="right") - 1)


def _to_plane(lonlat: Float64s, middle: Float64s) -> Float64s:
    bearing, _, distance = GEOD.inv(middle[:, 0], middle[:, 1], lonlat[:, 0], lonlat[:, 1])
    angle = np.radians(bearing)
    return np.column_stack([distance * np.sin(angle), distance * np.cos(angle)])


def _from_plane(xy: Float64s, middle: Float64s) -> Float64s:
    bearing = np.degrees(np.arctan2(xy[:, 0], xy[:, 1]))
    lon, lat, _ = GEOD.fwd(middle[:, 0], middle[:, 1], bearing, np.hypot(xy[:, 0], xy[:, 1]))
    turns = np.round((middle[:, 0] - lon) / 360.0)
    return np.column_stack([lon + 360.0 * turns, lat])

"""The sheet a map is drawn on: an equal-area projection centred on what is shown, and its scale.

North is up at the centre of the projection. Points more than `FARTHEST_DEG` from it are moved to that
distance with their bearing kept, so that a country on the far side of the earth never turns inside out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.regions import centre_of, to_plane
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]

WIDTH = 1000.0  # drawing units; style sheets scale the whole sheet
HEIGHTS = (520.0, 760.0)
FARTHEST_DEG = 140.0
SMALLEST_M = 60e3  # a sheet is at least this wide: below it borders of 1:50 million mean nothing
_REACH_M = 2.0 * EARTH_RADIUS_M * math.sin(math.radians(FARTHEST_DEG) / 2.0)


@dataclass(frozen=True, slots=True)
class View:
    """Projection centre (lon, lat), its place on the sheet, units per metre, and the size of the sheet."""

    centre: tuple[float, float]
    origin: tuple[float, float]
    per_m: float
    width: float
    height: float

    def place(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Float64s:
        """Return drawing units (N, 2) of places (N,)."""
        x, y = to_plane(np.atleast_1d(lon_deg), np.atleast_1d(lat_deg), self.centre)
        far = np.maximum(np.hypot(x, y) / _REACH_M, 1.0)
        return np.stack(
            [self.origin[0] + x / far * self.per_m, self.origin[1] - y / far * self.per_m], axis=-1
        )

    def holds(self, point: npt.ArrayLike, margin: float = 0.0) -> bool:
        """Whether a point (x, y) lies on the sheet, `margin` inside its edge."""
        x, y = np.asarray(point, dtype=float)
        return bool(margin <= x <= self.width - margin and margin <= y <= self.height - margin)


def fit_view(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, *, padding: float = 0.09) -> View:
    """Return the sheet that holds the given places with a margin.

    `lon_deg`, `lat_deg` are (N,), at least one finite; `padding` is the margin as a share of each side.
    The projection is centred on the mean direction of the places, the sheet on their extent.
    """
    lon, lat = np.asarray(lon_deg, float).ravel(), np.asarray(lat_deg, float).ravel()
    keep = np.isfinite(lon) & np.isfinite(lat)
    lon, lat = lon[keep], lat[keep]
    centre = centre_of(lon, lat, 1.0)
    x, y = to_plane(lon, lat, centre)
    grow = 1.0 / (1.0 - 2.0 * padding)
    wide = max(float(np.ptp(x)) * grow, SMALLEST_M)
    high = max(float(np.ptp(y)) * grow, SMALLEST_M * HEIGHTS[0] / WIDTH)
    height = min(max(WIDTH * high / wide, HEIGHTS[0]), HEIGHTS[1])
    per_m = min(WIDTH / wide, height / high)
    middle = (float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2)
    origin = (WIDTH / 2 - middle[0] * per_m, height / 2 + middle[1] * per_m)
    return View(centre, origin, per_m, WIDTH, height)


def densify(ring: Float64s, step_deg: float = 1.0) -> Float64s:
    """Insert points into a line (2, N) so that none is farther than `step_deg` from the next."""
    gaps = np.abs(np.diff(ring, axis=1)).max(axis=0)
    counts = np.maximum(np.ceil(gaps / step_deg), 1).astype(int)
    if counts.max(initial=1) == 1:
        return ring
    index = np.concatenate([n + np.arange(k) / k for n, k in enumerate(counts)] + [[ring.shape[1] - 1.0]])
    whole = np.arange(ring.shape[1])
    return np.stack([np.interp(index, whole, row) for row in ring])


def outline(view: View, rings: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]) -> list[Float64s]:
    """Return the rings of one country on the sheet, for the even-odd rule; those far away are left out."""
    drawn: list[Float64s] = []
    for ring in (piece for lon, lat in rings for piece in _once_round(lon, lat)):
        ring = np.concatenate([ring, ring[:, :1]], axis=1)
        ring[0] = np.unwrap(ring[0], period=360.0)  # the closing edge goes the short way too
        placed = view.place(*densify(ring))
        if _apart(view, placed):
            continue
        drawn.append(_thinned(placed))
        if _around_centre(view, placed) and _holds_antipode(view, ring):
            drawn.append(_edge_of_the_world(view))
    return [ring for ring in drawn if len(ring) >= 4]


def _once_round(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> list[Float64s]:
    """Return a ring as it is, or cut to one turn of longitude if it runs on (an area all round the earth)."""
    from shapely import make_valid
    from shapely.geometry import Polygon, box

    ring = np.stack([np.asarray(lon_deg, float), np.asarray(lat_deg, float)])
    if ring.shape[1] < 3 or not np.isfinite(ring).all():
        return []
    if np.ptp(ring[0]) <= 360.0 and np.abs(ring[1]).max() <= 90.0:
        return [ring]
    middle = 0.5 * float(ring[0].min() + ring[0].max())
    turn = make_valid(Polygon(ring.T)).intersection(box(middle - 180.0, -90.0, middle + 180.0, 90.0))
    pieces = [piece for piece in getattr(turn, "geoms", [turn]) if piece.geom_type == "Polygon"]
    return [np.array(piece.exterior.coords)[:-1].T for piece in pieces]


def _thinned(placed: Float64s) -> Float64s:
    """Drop points that fall on the same half unit as the one before."""
    steps = np.round(2.0 * placed)
    keep = np.concatenate([[True], (np.diff(steps, axis=0) != 0).any(axis=1)])
    keep[-1] = True
    kept: Float64s = placed[keep]
    return kept


def _around_centre(view: View, placed: Float64s) -> bool:
    low, high = placed.min(axis=0), placed.max(axis=0)
    return bool((low <= view.origin).all() and (high >= view.origin).all())


def _apart(view: View, placed: Float64s) -> bool:
    low, high = placed.min(axis=0), placed.max(axis=0)
    return bool(high[0] < 0 or high[1] < 0 or low[0] > view.width or low[1] > view.height)


def _holds_antipode(view: View, ring: Float64s) -> bool:
    """Whether a ring around the sheet's centre is in truth a ring around the point opposite to it."""
    lon, lat = densify(ring)
    x, y = to_plane(lon, lat, view.centre)
    turn = float(np.unwrap(np.arctan2(y, x))[-1] - np.arctan2(y, x)[0])
    return abs(turn) > math.pi and float(np.hypot(x, y).mean()) > math.sqrt(2.0) * EARTH_RADIUS_M


def _edge_of_the_world(view: View) -> Float64s:
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    reach = _REACH_M * view.per_m
    return np.stack(
        [view.width / 2 + reach * np.cos(angle), view.height / 2 + reach * np.sin(angle)], axis=-1
    )

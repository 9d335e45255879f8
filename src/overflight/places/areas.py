"""Areas on the map and the questions one asks of them: inside, how far from the edge, where crossed.

Sovereign territory, the territorial sea, the airspace above both, flight information regions and
identification zones are different things in law. They are different `kind`s here, have their own ids, and
no function merges one with another.

Edges are straight in longitude and latitude (RFC 7946, 3.1.1). Altitude plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import shapely

from overflight.errors import InputError
from overflight.geo import distance_m, ecef
from overflight.places.cells import EDGE, IN, Cells, look_up, make_cells
from overflight.places.frame import all_round, frame_lon, real_edges
from overflight.records import Mark

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

AreaKind = Literal["sovereign", "territorial_sea", "sovereign_airspace", "fir", "adiz", "user"]
KINDS: tuple[AreaKind, ...] = get_args(AreaKind)

KIND_WORDS: dict[AreaKind, str] = {
    "sovereign": "land territory",
    "territorial_sea": "territorial sea",
    "sovereign_airspace": "airspace over land and territorial sea",
    "fir": "flight information region",
    "adiz": "air defence identification zone",
    "user": "area given by the user",
}

# Distance between the points that stand for the edge in `signed_distance_m`, degrees (at most 1.1 km).
EDGE_STEP_DEG = 0.01
_NEAREST = 12
# From this many places on a grid of cells pays for itself.
_MANY = 5_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """An area of the map.

    `id` is the subject of its findings: letters, digits, `_` and `-`. `geometry` is a shapely (Multi)Polygon
    in one frame of longitude, made by `frame.into_one_frame`; ask it through the functions of this module.
    `basis` says where the outline is from and what it is not. `phrase` is the name as it stands in a
    sentence. `marks` tell what was repaired.
    """

    id: str
    name: str
    kind: AreaKind
    geometry: Any
    basis: str
    phrase: str = ""
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not all(c.isalnum() or c in "_-" for c in self.id):
            raise InputError(
                f"area id '{self.id}' cannot name findings", remedy="Use letters, digits, '_' and '-'."
            )
        if self.kind not in KINDS:
            raise InputError(f"area kind '{self.kind}' is unknown", remedy=f"Use one of {', '.join(KINDS)}.")
        if self.geometry.is_empty or not self.geometry.is_valid:
            raise InputError(f"area '{self.id}' has an empty or invalid outline")
        shapely.prepare(self.geometry)


def inside(area: Area, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Bools:
    """Whether places lie in an area; the edge counts as inside, NaN as outside. Arguments broadcast."""
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    )
    x = frame_lon(area.geometry, lon)
    low, south, high, north = area.geometry.bounds
    near = (x >= low) & (x <= high) & (lat >= south) & (lat <= north)
    found = np.zeros(lon.shape, dtype=np.bool_)
    found[near] = _inside_bounds(area, x[near], lat[near])
    return found


def _inside_bounds(area: Area, x: Float64s, y: Float64s) -> Bools:
    if x.size < _MANY:
        return np.asarray(shapely.intersects_xy(area.geometry, x, y))
    cells = _cells(area)
    state = look_up(cells, cells.state, x, y)
    found = np.asarray(state == IN)
    unsure = state == EDGE
    found[unsure] = shapely.intersects_xy(area.geometry, x[unsure], y[unsure])
    return found


def signed_distance_m(area: Area, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Float64s:
    """Return the geodesic distance to the edge of an area: positive inside, negative outside, NaN for NaN.

    The sign is exact; so is the distance, to a point of the edge that is the nearest to within 0.6 km in
    the worst case and to metres as a rule.
    """
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    )
    flat_lon, flat_lat = lon.ravel(), lat.ravel()
    known = np.isfinite(flat_lon) & np.isfinite(flat_lat)
    away = np.full(flat_lon.shape, np.nan)
    if known.any():
        edge_lon, edge_lat = _nearest_on_edge(area, flat_lon[known], flat_lat[known])
        away[known] = distance_m(flat_lon[known], flat_lat[known], edge_lon, edge_lat)
    sign = np.where(inside(area, flat_lon, flat_lat), 1.0, -1.0)
    return np.asarray((sign * away).reshape(lon.shape))


def edge_cuts(
    area: Area, lon0_deg: Float64s, lat0_deg: Float64s, lon1_deg: Float64s, lat1_deg: Float64s
) -> tuple[Ints, Float64s]:
    """Return where short lines (N,) meet the edge: index of the line, and fraction in [0, 1] along it.

    Lines are straight in longitude and latitude and shorter than half a turn; the second longitude may be
    in any turn. Sorted by line and fraction. Cuts may repeat (a line through a corner) or only touch: the
    state between two cuts is for `inside` to tell.
    """
    x0 = frame_lon(area.geometry, lon0_deg)
    x1 = x0 + (lon1_deg - lon0_deg + 180.0) % 360.0 - 180.0
    tree, edges = _edge_tree(area)
    line, fraction = [], []
    # A line may leave the frame on one side and meet the area a whole turn away.
    for turn in (0.0,) if all_round(area.geometry) else (-360.0, 0.0, 360.0):
        near = _may_meet(area, x0 + turn, lat0_deg, x1 + turn, lat1_deg)
        ends = [v[near] for v in (x0 + turn, lat0_deg, x1 + turn, lat1_deg)]
        at, edge = tree.query(_lines(*ends), predicate="intersects")
        line.append(near[at])
        fraction.append(_meeting(np.column_stack([e[at] for e in ends]), edges[edge]))
    index, part = np.concatenate(line), np.concatenate(fraction)
    order = np.lexsort((part, index))
    return index[order], part[order]


def _lines(x0: Float64s, y0: Float64s, x1: Float64s, y1: Float64s) -> Any:
    ends = np.stack([np.column_stack([x0, y0]), np.column_stack([x1, y1])], axis=1)
    return shapely.linestrings(ends) if len(ends) else np.empty(0, dtype=object)


def _may_meet(area: Area, x0: Float64s, y0: Float64s, x1: Float64s, y1: Float64s) -> Ints:
    """Return the indices of the lines that the boxes, or the cells, cannot rule out."""
    low, south, high, north = area.geometry.bounds
    meet = (np.minimum(x0, x1) <= high) & (np.maximum(x0, x1) >= low)
    meet &= (np.minimum(y0, y1) <= north) & (np.maximum(y0, y1) >= south)
    found = np.flatnonzero(meet)
    if found.size < _MANY:
        return found
    x, y, cells = x0[found], y0[found], _cells(area)
    within = (x >= low) & (x <= high) & (y >= south) & (y <= north)
    reach = np.maximum(np.abs(x1[found] - x), np.abs(y1[found] - y)) / cells.step_deg
    clear = within.copy()
    clear[within] = reach[within] <= look_up(cells, cells.room, x[within], y[within]) - 1
    return np.asarray(found[~clear])


def _meeting(line: Float64s, edge: Float64s) -> Float64s:
    """Fraction along each line (K, 4) where it meets its edge (K, 4); the middle of an overlap."""
    dx, dy = line[:, 2] - line[:, 0], line[:, 3] - line[:, 1]
    ex, ey = edge[:, 2] - edge[:, 0], edge[:, 3] - edge[:, 1]
    ox, oy = edge[:, 0] - line[:, 0], edge[:, 1] - line[:, 1]
    cross = dx * ey - dy * ex
    length2 = np.maximum(dx * dx + dy * dy, 1e-300)
    along = np.clip([(ox * dx + oy * dy) / length2, ((ox + ex) * dx + (oy + ey) * dy) / length2], 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = (ox * ey - oy * ex) / cross
    parallel = np.abs(cross) < 1e-15 * np.sqrt(length2 * (ex * ex + ey * ey))
    return np.asarray(np.clip(np.where(parallel, along.mean(axis=0), fraction), 0.0, 1.0))


@lru_cache(maxsize=256)
def _cells(area: Area) -> Cells:
    return make_cells(area.geometry, real_edges(area.geometry))


@lru_cache(maxsize=256)
def _edge_tree(area: Area) -> tuple[Any, Float64s]:
    edges = real_edges(area.geometry)
    return shapely.STRtree(_lines(*edges.T)), edges


@lru_cache(maxsize=64)
def _edge_points(area: Area) -> tuple[Any, Float64s]:
    """Return a tree over the middles of the edge's short pieces, in space, and their ends (N, 4), degrees."""
    from scipy.spatial import cKDTree

    lines = shapely.segmentize(_lines(*real_edges(area.geometry).T), EDGE_STEP_DEG)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    xy[:, 1] = np.clip(xy[:, 1], -90.0, 90.0)
    pieces = np.column_stack([xy[:-1], xy[1:]])[line[1:] == line[:-1]]
    return cKDTree(0.5 * (_space(*pieces[:, :2].T) + _space(*pieces[:, 2:].T))), pieces


def _space(lon_deg: Float64s, lat_deg: Float64s) -> Float64s:
    """Places on the ellipsoid as points in space (..., 3), m; on a sphere another may be the nearest."""
    return np.moveaxis(ecef(lon_deg, lat_deg, 0.0), 0, -1)


def _nearest_on_edge(area: Area, lon_deg: Float64s, lat_deg: Float64s) -> tuple[Float64s, Float64s]:
    tree, pieces = _edge_points(area)
    place = _space(lon_deg, lat_deg)
    _, near = tree.query(place, k=min(_NEAREST, len(pieces)))
    ends = pieces[near.reshape(len(place), -1)]
    a = _space(ends[..., 0], ends[..., 1])
    step = _space(ends[..., 2], ends[..., 3]) - a
    along = ((place[:, None] - a) * step).sum(-1) / np.maximum((step * step).sum(-1), 1e-12)
    along = np.clip(along, 0.0, 1.0)[..., None]
    best = ((a + along * step - place[:, None]) ** 2).sum(-1).argmin(axis=1)
    row = np.arange(len(place))
    on_edge = ends[row, best, :2] + along[row, best] * (ends[row, best, 2:] - ends[row, best, :2])
    return on_edge[:, 0], on_edge[:, 1]

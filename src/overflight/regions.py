"""Regions that hold a share of an ensemble, and lines and rings that survive the seam and the poles.

Everything works on a plane tangent near the members: the spherical azimuthal equal-area projection
(Snyder 1987, *Map Projections: A Working Manual*, USGS Prof. Paper 1395, eq. 24-2 and 20-14). It has no
seam, the poles are ordinary points, and areas are true, so a density on it means what it says.

A highest-density region of level q is the smallest one that holds the share q. Its density threshold is
the weighted (1 - q) quantile of the density *at the members* (Hyndman 1996, The American Statistician
50, 120-126), so that the region holds that share of the members whatever the smoothing.

Limit: the smoothing sees one scale per principal axis; members in clumps much smaller than the whole
cloud get rounder, wider clumps than they have. Fewer than 12 effective members get an ellipse.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overflight.geo import lonlat, mean_lonlat, unit_vector
from overflight.records import weighted_quantile
from overflight.times import from_datetime64
from overflight.units import EARTH_RADIUS_M

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Ring = (
    Float64s  # (2, N): longitude (unwrapped, so it may leave +-180) and latitude, first point repeated last
)

METRE = 1.0 / EARTH_RADIUS_M  # on the unit sphere
FEWEST_MEMBERS = 12  # effective members below which a density estimate would show single members
SMALLEST_SCALE_M = 250.0  # a cloud narrower than this is drawn as wide as this
MOST_CELLS = 160  # along the longer axis of the density grid
_MARGIN = 3.5  # smoothing lengths of empty grid around the members, so that every contour closes


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The smallest area that holds the share `level` of the weight: polygons as (outer, *holes) rings."""

    level: float
    polygons: tuple[tuple[Ring, ...], ...]
    area_km2: float


@dataclass(frozen=True, slots=True, eq=False)
class TimedRegions:
    """Regions of an ensemble at one time; `aloft_share` is the weight of the members then in the air."""

    time_s: float
    aloft_share: float
    regions: tuple[Region, ...]


def to_plane(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, centre: tuple[float, float]
) -> tuple[Float64s, Float64s]:
    """Project to the equal-area plane tangent at `centre` (lon, lat); metres, any shape."""
    lon = np.radians(np.asarray(lon_deg, dtype=float) - centre[0])
    lat, lat0 = np.radians(np.asarray(lat_deg, dtype=float)), math.radians(centre[1])
    cosine = math.sin(lat0) * np.sin(lat) + math.cos(lat0) * np.cos(lat) * np.cos(lon)
    # The antipode is a whole circle on this plane; one point of it, to the east, stands for it.
    antipode = 1.0 + cosine < 1e-12
    k = np.sqrt(2.0 / np.maximum(1.0 + cosine, 1e-12)) * EARTH_RADIUS_M
    x = k * np.cos(lat) * np.sin(lon)
    y = k * (math.cos(lat0) * np.sin(lat) - math.sin(lat0) * np.cos(lat) * np.cos(lon))
    return np.where(antipode, 2.0 * EARTH_RADIUS_M, x), np.where(antipode, 0.0, y)


def from_plane(
    x_m: npt.ArrayLike, y_m: npt.ArrayLike, centre: tuple[float, float]
) -> tuple[Float64s, Float64s]:
    """Undo `to_plane`; longitudes in [-180, 180), latitudes in degrees."""
    x, y = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
    lat0 = math.radians(centre[1])
    rho = np.hypot(x, y)
    c = 2.0 * np.arcsin(np.minimum(rho / (2.0 * EARTH_RADIUS_M), 1.0))
    ratio = np.divide(np.sin(c), rho, out=np.full_like(rho, 1.0 / EARTH_RADIUS_M), where=rho > 0)
    lat = np.arcsin(np.clip(np.cos(c) * math.sin(lat0) + y * ratio * math.cos(lat0), -1.0, 1.0))
    lon = np.arctan2(x * ratio, np.cos(c) * math.cos(lat0) - y * ratio * math.sin(lat0))
    return (np.degrees(lon) + centre[0] + 180.0) % 360.0 - 180.0, np.degrees(lat)


def centre_of(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, weight: npt.ArrayLike) -> tuple[float, float]:
    """Return the centre (lon, lat) of weighted points: their mean direction, or the first if it has none."""
    lon, lat = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
    lon0, lat0 = mean_lonlat(lon, lat, np.broadcast_to(np.asarray(weight, float), lon.shape))
    if not math.isfinite(float(lon0)):
        return float(lon[0]), float(lat[0])
    return float(lon0), float(lat0)


def region(
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    weight: npt.ArrayLike,
    levels: Sequence[float] = (0.5, 0.9),
) -> tuple[Region, ...]:
    """Return the highest-density regions of weighted points, one for each level.

    Parameters
    ----------
    lon_deg, lat_deg : (N,) degrees; members with NaN are left out.
    weight : (N,) or scalar, non-negative; only ratios matter.
    levels : shares in (0, 1).

    Returns
    -------
    One `Region` a level, in the order asked; empty when no member is left.
    """
    lon, lat = np.asarray(lon_deg, float).ravel(), np.asarray(lat_deg, float).ravel()
    w = np.broadcast_to(np.asarray(weight, float), lon.shape)
    keep = np.isfinite(lon) & np.isfinite(lat) & (w > 0)
    if not keep.any():
        return ()
    lon, lat, w = lon[keep], lat[keep], w[keep] / w[keep].sum()
    centre = centre_of(lon, lat, w)
    points = np.stack(to_plane(lon, lat, centre))
    mean, axes, spread = _principal_axes(points, w)
    unit = (axes.T @ (points - mean[:, None])) / spread[:, None]
    shapes = _unit_contours(unit, w, levels)
    back = axes * spread  # unit coordinates to metres
    return tuple(
        _region(level, [[back @ ring + mean[:, None] for ring in rings] for rings in polygons], centre)
        for level, polygons in zip(levels, shapes, strict=True)
    )


def _region(level: float, polygons: list[list[Float64s]], centre: tuple[float, float]) -> Region:
    area = sum(abs(_area(rings[0])) - sum(abs(_area(hole)) for hole in rings[1:]) for rings in polygons)
    return Region(level, tuple(tuple(_ring(xy, centre) for xy in rings) for rings in polygons), area / 1e6)


def _ring(xy: Float64s, centre: tuple[float, float]) -> Ring:
    lon, lat = from_plane(xy[0], xy[1], centre)
    return np.stack([np.unwrap(lon, period=360.0), lat])


def _area(ring: Float64s) -> float:
    x, y = ring
    return 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _principal_axes(points: Float64s, w: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    mean = points @ w
    centred = points - mean[:, None]
    _, axes = np.linalg.eigh((centred * w) @ centred.T)
    along = axes.T @ centred
    std = np.sqrt((along**2) @ w)
    # The smaller of standard deviation and scaled interquartile range (Silverman 1986, eq. 3.30) keeps
    # a few far members from blurring the rest.
    low, high = np.array([weighted_quantile(row, w, (0.25, 0.75)) for row in along]).T
    robust = np.where(high > low, (high - low) / 1.349, std)
    return mean, axes, np.maximum(np.minimum(std, robust), SMALLEST_SCALE_M)


def _unit_contours(unit: Float64s, w: Float64s, levels: Sequence[float]) -> list[list[list[Float64s]]]:
    effective = 1.0 / float((w**2).sum())
    # Members that all but coincide have no density to contour.
    if effective < FEWEST_MEMBERS or float(np.ptp(unit, axis=1).max()) < 0.1:
        return [[[_ellipse(unit, w, level)]] for level in levels]
    return _density_contours(unit, w, levels, width=effective ** (-1.0 / 6.0))


def _ellipse(unit: Float64s, w: Float64s, level: float) -> Float64s:
    """Ellipse of a normal distribution with the members' spread, at least as wide as one unit."""
    radius = math.sqrt(-2.0 * math.log(1.0 - level))
    scale = np.maximum(np.sqrt((unit**2) @ w), 1.0)
    angle = np.linspace(0.0, 2.0 * np.pi, 73)
    ring = radius * scale[:, None] * np.stack([np.cos(angle), np.sin(angle)])
    ring[:, -1] = ring[:, 0]
    return np.asarray(ring)


def _density_contours(
    unit: Float64s, w: Float64s, levels: Sequence[float], *, width: float
) -> list[list[list[Float64s]]]:
    from contourpy import FillType, contour_generator
    from scipy.ndimage import gaussian_filter, map_coordinates

    low, high = unit.min(axis=1), unit.max(axis=1)
    cell = max(width / 4.0, float((high - low + 2 * _MARGIN * width).max()) / MOST_CELLS)
    margin = _MARGIN * max(width, cell)
    low = low - margin
    shape = np.ceil((high + margin - low) / cell).astype(int) + 2
    position = (unit - low[:, None]) / cell
    density = gaussian_filter(_spread_on_grid(position, w, shape), max(width / cell, 1.0), mode="constant")
    at_members = map_coordinates(density, position, order=1)
    x = low[0] + cell * np.arange(shape[0])
    y = low[1] + cell * np.arange(shape[1])
    contours = contour_generator(x, y, density.T, fill_type=FillType.OuterOffset)
    result = []
    for level in levels:
        threshold = float(weighted_quantile(at_members, w, 1.0 - level))
        filled: Any = contours.filled(threshold, np.inf)
        points, offsets = filled
        result.append([_split(p, o) for p, o in zip(points, offsets, strict=True)])
    return result


def _split(points: Any, offsets: Any) -> list[Float64s]:
    return [np.asarray(points[a:b], dtype=float).T for a, b in pairwise(offsets)]


def _spread_on_grid(position: Float64s, w: Float64s, shape: npt.NDArray[np.int_]) -> Float64s:
    """Share each member's weight among the four grid points around it (linear binning)."""
    grid = np.zeros(tuple(int(n) for n in shape))
    base = np.floor(position).astype(int)
    part = position - base
    for i in (0, 1):
        for j in (0, 1):
            share = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1])
            np.add.at(grid, (base[0] + i, base[1] + j), w * share)
    return grid


def median_track(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, weight: npt.ArrayLike) -> Float64s:
    """Return the weighted spatial median at each time, shape (2, T): longitude and latitude.

    `lon_deg`, `lat_deg` are (M, T), NaN where a member is not aloft; `weight` is (M,). NaN where less
    than half of the weight is aloft. The spatial median (Weiszfeld's iteration, along chords of the sphere)
    does not depend on the axes, unlike medians of longitude and latitude.
    """
    lon, lat = np.asarray(lon_deg, float), np.asarray(lat_deg, float)
    aloft = np.isfinite(lon) & np.isfinite(lat)
    w = np.where(aloft, (np.asarray(weight, float) / np.sum(weight))[:, None], 0.0)
    points = unit_vector(np.where(aloft, lon, 0.0), np.where(aloft, lat, 0.0))
    known = w.sum(axis=0) >= 0.5
    w, points = w[:, known], points[:, :, known]
    middle = _on_sphere(np.einsum("kmt,mt->kt", points, w))
    for _ in range(60):
        away = np.sqrt(np.sum((points - middle[:, None]) ** 2, axis=0))
        pull = w / np.maximum(away, METRE)  # one metre: no division by zero
        moved = _on_sphere(np.einsum("kmt,mt->kt", points, pull))
        step = np.abs(moved - middle).max(initial=0.0)
        middle = moved
        if step < METRE:
            break
    out = np.full((2, lon.shape[1]), np.nan)
    out[:, known] = lonlat(middle)
    return out


def _on_sphere(vectors: Float64s) -> Float64s:
    return np.asarray(vectors / np.maximum(np.sqrt(np.sum(vectors**2, axis=0)), 1e-12))


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioTrack:
    """Arrays (T,) of a scenario's median path, where at least half of its weight is aloft."""

    scenario: str
    weight: float
    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s


# By what they were made of: the answer never depends on what is kept.
_TRACKS: dict[bytes, tuple[ScenarioTrack, ...]] = {}
MOST_TRACKS = 8


def scenario_tracks(ensemble: xr.Dataset) -> list[ScenarioTrack]:
    """Return the median path of each scenario of an ensemble that holds weight, in the order of the flags.

    The report and both exports ask it of the same ensembles, so that the answers of the last few are kept.
    """
    names = str(ensemble["scenario"].attrs.get("flag_meanings", "only"))
    time_s = from_datetime64(ensemble["time"].values)
    arrays = [ensemble[name].values for name in ("lon", "lat", "alt_m", "weight", "scenario")]
    digest = hashlib.sha256(names.encode())
    for array in (time_s, *arrays):
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    key = digest.digest()
    tracks = _TRACKS.get(key)
    if tracks is None:
        tracks = tuple(_scenario_tracks(names.split(), time_s, *arrays))
        if len(_TRACKS) >= MOST_TRACKS:
            _TRACKS.clear()
        _TRACKS[key] = tracks
    return list(tracks)


def _scenario_tracks(
    names: Sequence[str], time_s: Float64s, lon_deg: Any, lat_deg: Any, alt_m: Any, weight: Any, index: Any
) -> Iterator[ScenarioTrack]:
    weight = weight.astype(float)
    for value in np.unique(index):
        own = index == value
        share = float(weight[own].sum())
        if share <= 0:
            continue
        lon, lat = median_track(lon_deg[own], lat_deg[own], weight[own])
        known = np.isfinite(lon)
        alt = [weighted_quantile(column, weight[own], 0.5) for column in alt_m[own].T]
        if known.sum() > 1:
            name = names[value] if value < len(names) else str(value)
            rows = [row[known] for row in (time_s, lon, lat, np.asarray(alt, dtype=float))]
            for row in rows:
                row.setflags(write=False)
            yield ScenarioTrack(name, share, *rows)


def timed_regions(
    ensemble: xr.Dataset, *, step_s: float, levels: Sequence[float] = (0.5, 0.9), least_share: float = 0.1
) -> Iterator[TimedRegions]:
    """Yield the regions of an ensemble at its times nearest to each multiple of `step_s`.

    Times at which less than `least_share` of the weight is aloft are left out.
    """
    time_s = from_datetime64(ensemble["time"].values)
    lon, lat = ensemble["lon"].values.astype(float), ensemble["lat"].values.astype(float)
    weight = ensemble["weight"].values.astype(float)
    for index in _each_step(time_s, step_s):
        share = float(weight[np.isfinite(lon[:, index])].sum())
        if share >= least_share:
            regions = region(lon[:, index], lat[:, index], weight, levels)
            yield TimedRegions(float(time_s[index]), share, regions)


def _each_step(time_s: Float64s, step_s: float) -> list[int]:
    marks = np.arange(math.ceil(time_s[0] / step_s), math.floor(time_s[-1] / step_s) + 1) * step_s
    nearest = [int(np.abs(time_s - mark).argmin()) for mark in marks]
    return sorted({0, time_s.size - 1, *nearest})


def cut_line(*rows: npt.ArrayLike) -> list[Float64s]:
    """Cut a line where it crosses ±180°.

    `rows` are longitude, latitude and any further values of equal length; the parts come back as arrays
    (rows, N) with the crossing interpolated into both, longitudes within [-180, 180].
    """
    line = np.stack([np.asarray(row, float) for row in rows])
    line[0] = np.unwrap(line[0], period=360.0)
    turn = np.floor((line[0] + 180.0) / 360.0)
    parts, current = [], [line[:, 0]]
    for before, after, a, b in zip(line.T[:-1], line.T[1:], turn[:-1], turn[1:], strict=True):
        if a != b:
            edge = 360.0 * max(a, b) - 180.0
            # Straight in longitude, which is what GeoJSON means by a line (RFC 7946, 3.1.1).
            share = (edge - before[0]) / (after[0] - before[0])
            crossing = before + share * (after - before)
            parts.append(_home([*current, crossing], a))
            current = [crossing]
        current.append(after)
    parts.append(_home(current, turn[-1]))
    return [part for part in parts if part.shape[1] > 1 or len(parts) == 1]


def _home(points: list[Float64s], turn: float) -> Float64s:
    part = np.stack(points, axis=1)
    part[0] -= 360.0 * turn
    return part


def cut_polygon(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Cut a polygon (outer, *holes) at ±180° and close it over a pole that it contains.

    Returns polygons of closed rings within [-180, 180], outer rings counterclockwise and holes
    clockwise (RFC 7946, 3.1.6 and 3.1.9).
    """
    from shapely import make_valid
    from shapely.affinity import translate
    from shapely.geometry import Polygon, box

    outer = _closed_over_pole(rings[0])
    middle = float(outer[0].mean())
    holes = [_beside(ring, middle) for ring in rings[1:]]
    shape = make_valid(Polygon(outer.T, [hole.T for hole in holes]))
    first = math.floor((outer[0].min() + 180.0) / 360.0)
    last = math.floor((outer[0].max() + 180.0) / 360.0)
    parts: list[list[Ring]] = []
    for turn in range(first, last + 1):
        window = box(360.0 * turn - 180.0, -90.0, 360.0 * turn + 180.0, 90.0)
        parts += _rings_of(translate(shape.intersection(window), -360.0 * turn))
    return parts


def _rings_of(geometry: Any) -> list[list[Ring]]:
    from shapely.geometry.polygon import orient

    pieces = getattr(geometry, "geoms", [geometry])
    polygons = [orient(p, 1.0) for p in pieces if p.geom_type == "Polygon" and p.area > 0]
    return [[np.array(ring.coords).T for ring in (p.exterior, *p.interiors)] for p in polygons]


def _closed_over_pole(ring: Ring) -> Ring:
    if abs(ring[0, -1] - ring[0, 0]) < 180.0:
        return ring
    pole = math.copysign(90.0, ring[1].mean())
    cap = np.array([[ring[0, -1], ring[0, 0], ring[0, 0]], [pole, pole, ring[1, 0]]])
    return np.concatenate([ring, cap], axis=1)


def _beside(ring: Ring, lon_deg: float) -> Ring:
    shift = 360.0 * round((lon_deg - float(ring[0].mean())) / 360.0)
    return np.stack([ring[0] + shift, ring[1]])

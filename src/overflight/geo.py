"""Geometry on the WGS-84 ellipsoid.

Degrees and metres; arguments broadcast against each other and the result has their common shape. NaN in,
NaN out. Longitudes may be given in any turn and are returned in [-180, 180) unless the function says
that it unwraps. Geodesics are those of PROJ (C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87,
2013, 43-55), good to nanometres. Functions of unit vectors use the sphere: they serve means and
interpolation, not distances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from overflight.errors import OverflightError
from overflight.units import EARTH_RADIUS_M, WGS84_A_M, WGS84_F

Float64s = npt.NDArray[np.float64]

GEOD = Geod(ellps="WGS84")
_E2 = WGS84_F * (2.0 - WGS84_F)


def wrap_lon(lon_deg: npt.ArrayLike) -> Float64s:
    """Bring longitudes into [-180, 180); those already there are returned unchanged to the last bit."""
    lon = np.asarray(lon_deg, dtype=np.float64)
    wrapped = (lon + 180.0) % 360.0 - 180.0
    # A hair west of -180 rounds up to +180 in the remainder.
    wrapped = np.where(wrapped >= 180.0, -180.0, wrapped)
    return np.where((lon >= -180.0) & (lon < 180.0), lon, wrapped)


def unwrap_lon(lon_deg: npt.ArrayLike) -> Float64s:
    """Make longitudes continuous along the last axis, by the shorter way from each to the next.

    The first finite value of a row is kept as it is. NaN are left where they are and bridged. A step of
    exactly 180 degrees is taken as given.
    """
    lon = np.asarray(lon_deg, dtype=np.float64)
    if lon.ndim == 0:
        return lon
    known = np.isfinite(lon)
    if lon.shape[-1] == 0 or not known.any():
        return lon.copy()
    index = np.where(known, np.arange(lon.shape[-1]), 0)
    held = np.maximum.accumulate(index, axis=-1)
    held = np.maximum(held, np.argmax(known, axis=-1)[..., np.newaxis])
    filled = np.take_along_axis(lon, held, axis=-1)
    return np.where(
        known, np.unwrap(np.where(np.isfinite(filled), filled, 0.0), period=360.0, axis=-1), np.nan
    )


def distance_m(
    lon1_deg: npt.ArrayLike, lat1_deg: npt.ArrayLike, lon2_deg: npt.ArrayLike, lat2_deg: npt.ArrayLike
) -> Float64s:
    """Return the length of the geodesic between two places on the ellipsoid."""
    return _inverse(lon1_deg, lat1_deg, lon2_deg, lat2_deg)[1]


def bearing_deg(
    lon1_deg: npt.ArrayLike, lat1_deg: npt.ArrayLike, lon2_deg: npt.ArrayLike, lat2_deg: npt.ArrayLike
) -> Float64s:
    """Return the bearing in [0, 360), clockwise from north, with which the geodesic leaves the first place.

    A pole counts as the end of the meridian that is given with it. Between equal places the bearing means
    nothing and is that of PROJ, 180 or 0.
    """
    return _inverse(lon1_deg, lat1_deg, lon2_deg, lat2_deg)[0]


def destination(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, bearing_deg: npt.ArrayLike, distance_m: npt.ArrayLike
) -> tuple[Float64s, Float64s]:
    """Return (lon, lat) at the end of a geodesic that leaves a place with a bearing."""
    lon, lat, bearing, distance = _broadcast(lon_deg, lat_deg, bearing_deg, distance_m)
    _check_lat(lat)
    end_lon, end_lat, _ = GEOD.fwd(lon, lat, bearing, distance)
    shape = lon.shape
    bad = ~np.isfinite(lon + lat + bearing + distance)
    return _blank(wrap_lon(np.reshape(end_lon, shape)), bad), _blank(np.reshape(end_lat, shape), bad)


def unit_vector(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Float64s:
    """Return unit vectors (3, ...) on the sphere: x to 0° E, y to 90° E, z to the north pole."""
    lon, lat = np.broadcast_arrays(np.radians(lon_deg), np.radians(lat_deg))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def lonlat(vector: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    """Return (lon, lat) of vectors (3, ...) of any length, the inverse of `unit_vector`.

    A vector of no length has no direction and gives NaN.
    """
    x, y, z = np.asarray(vector, dtype=np.float64)
    none = (x == 0.0) & (y == 0.0) & (z == 0.0)
    lon = wrap_lon(np.degrees(np.arctan2(y, x)))
    lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return np.where(none, np.nan, lon), np.where(none, np.nan, lat)


def mean_lonlat(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[Float64s, Float64s]:
    """Return the weighted mean place over the first axis: the direction of the mean vector.

    `lon_deg` and `lat_deg` are (N, ...), such as (member, time); `weight` is (N,) or of their shape, equal
    when None. Places with NaN are left out. NaN where nothing is left, or where the places oppose one
    another so evenly that the mean has no direction (below 1e-9 of the radius).
    """
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    )
    w = np.ones(lon.shape[:1]) if weight is None else np.asarray(weight, dtype=np.float64)
    w = np.broadcast_to(w.reshape(w.shape + (1,) * (lon.ndim - w.ndim)), lon.shape)
    known = np.isfinite(lon) & np.isfinite(lat) & (w > 0)
    w = np.where(known, w, 0.0)
    vector = unit_vector(np.where(known, lon, 0.0), np.where(known, lat, 0.0))
    total = (vector * w).sum(axis=1)
    length = np.sqrt((total**2).sum(axis=0))
    return lonlat(np.where(length > 1e-9 * w.sum(axis=0), total, 0.0))


def circle(lon_deg: float, lat_deg: float, radius_m: float, n: int = 72) -> tuple[Float64s, Float64s]:
    """Return `n` places (n,) at a geodesic distance from one place, clockwise from its north.

    The ring is not closed: the first place is not repeated. Longitudes are unwrapped, beginning within 180
    degrees of `lon_deg` as given; round a pole they run through the whole turn.
    """
    bearing = np.linspace(0.0, 360.0, n, endpoint=False)
    lon, lat = destination(lon_deg, lat_deg, bearing, radius_m)
    return unwrap_lon(np.concatenate([[lon_deg], lon]))[1:], lat


def look(
    lon0_deg: npt.ArrayLike,
    lat0_deg: npt.ArrayLike,
    alt0_m: npt.ArrayLike,
    lon1_deg: npt.ArrayLike,
    lat1_deg: npt.ArrayLike,
    alt1_m: npt.ArrayLike,
) -> tuple[Float64s, Float64s, Float64s]:
    """Return (range_m, elevation_deg, bearing_deg) of the second point as seen from the first.

    Altitudes are above WGS-84. The line is straight: no refraction, which lifts a point on the horizon by
    about half a degree, and no ground in between. The elevation is from the plane that is level at the
    first point, the bearing is that of the line's shadow on it, in [0, 360).
    """
    lon0, lat0, alt0, lon1, lat1, alt1 = _broadcast(lon0_deg, lat0_deg, alt0_m, lon1_deg, lat1_deg, alt1_m)
    x, y, z = ecef(lon1, lat1, alt1) - ecef(lon0, lat0, alt0)
    lon, lat = np.radians(lon0), np.radians(lat0)
    outward = np.cos(lon) * x + np.sin(lon) * y
    east = -np.sin(lon) * x + np.cos(lon) * y
    north = np.cos(lat) * z - np.sin(lat) * outward
    up = np.cos(lat) * outward + np.sin(lat) * z
    level = np.hypot(east, north)
    return (
        np.hypot(level, up),
        np.degrees(np.arctan2(up, level)),
        _turn(np.degrees(np.arctan2(east, north))),
    )


def ecef(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, alt_m: npt.ArrayLike) -> Float64s:
    """Return Earth-centred, Earth-fixed metres (3, ...) of places with altitudes above WGS-84."""
    lon, lat, alt = _broadcast(lon_deg, lat_deg, alt_m)
    _check_lat(lat)
    lon, lat = np.radians(lon), np.radians(lat)
    normal = WGS84_A_M / np.sqrt(1.0 - _E2 * np.sin(lat) ** 2)
    across = (normal + alt) * np.cos(lat)
    return np.stack([across * np.cos(lon), across * np.sin(lon), (normal * (1.0 - _E2) + alt) * np.sin(lat)])


def horizon_distance_m(
    alt_m: npt.ArrayLike, observer_alt_m: npt.ArrayLike = 0.0, refraction_k: float = 1.0
) -> Float64s:
    """Return the ground distance at which two heights lose sight of each other over a smooth sphere.

    `refraction_k` scales the Earth's radius: 1 is geometry, about 7/6 light, 4/3 radio in a standard
    troposphere (Recommendation ITU-R P.834). Heights below the surface count as on it.
    """
    if not refraction_k > 0:
        raise OverflightError(f"refraction factor {refraction_k} is not positive", remedy="Use 1 or 4/3.")
    radius = refraction_k * EARTH_RADIUS_M
    far = np.maximum(np.asarray(alt_m, dtype=np.float64), 0.0)
    near = np.maximum(np.asarray(observer_alt_m, dtype=np.float64), 0.0)
    return _dip(far, radius) + _dip(near, radius)


def _dip(alt_m: Float64s, radius_m: float) -> Float64s:
    # acos(R / (R + h)) as an arctangent, which keeps its digits for small heights.
    return radius_m * np.arctan(np.sqrt(alt_m * (2.0 * radius_m + alt_m)) / radius_m)


def _inverse(
    lon1_deg: npt.ArrayLike, lat1_deg: npt.ArrayLike, lon2_deg: npt.ArrayLike, lat2_deg: npt.ArrayLike
) -> tuple[Float64s, Float64s]:
    lon1, lat1, lon2, lat2 = _broadcast(lon1_deg, lat1_deg, lon2_deg, lat2_deg)
    _check_lat(lat1)
    _check_lat(lat2)
    bearing, _, distance = GEOD.inv(lon1, lat1, lon2, lat2)
    bad = ~np.isfinite(lon1 + lat1 + lon2 + lat2)
    shape = lon1.shape
    return _blank(_turn(np.reshape(bearing, shape)), bad), _blank(np.reshape(distance, shape), bad)


def _broadcast(*values: npt.ArrayLike) -> tuple[Float64s, ...]:
    return tuple(np.array(a) for a in np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values)))


def _check_lat(lat_deg: Float64s) -> None:
    # PROJ takes a latitude beyond the pole for NaN without a word.
    if (np.abs(lat_deg) > 90.0).any():
        raise OverflightError(
            f"latitude {lat_deg[np.abs(lat_deg) > 90.0].flat[0]:g} is beyond the pole",
            remedy="Latitudes are from -90 to 90; check that longitude comes first.",
        )


def _blank(values: Any, bad: npt.NDArray[np.bool_]) -> Float64s:
    return np.where(bad, np.nan, values)


def _turn(bearing_deg: Any) -> Float64s:
    turned = np.asarray(bearing_deg, dtype=np.float64) % 360.0
    return np.where(turned >= 360.0, 0.0, turned)

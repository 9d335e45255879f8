"""From a report to a region for the balloon.

A report rarely says where the balloon was. It says where the watcher stood, at best with a direction and an
angle above the horizon. At 18 km a balloon is above the horizon out to 480 km; at 10° of elevation it is some
100 km away, at 30° 31 km, at 60° 10 km. This module turns what a row says into a `Region`: a mean place with
a covariance in metres east and north, and a ring to draw.

Notes
-----
The Earth is a sphere of mean radius and distances run along it (0.3 % of the distance, well below any error
of an eye). Apparent elevations lose astronomical refraction before use (Bennett, J. Navigation 35, 1982:
34' at the horizon, 5' at 10°): above 92 % of the air the balloon is refracted nearly as a star is.

**Without an elevation** the sine of the elevation is taken as uniform between 0 and 1 (median 30°). Reason: a
watcher is equally likely to be anywhere under the balloon (area grows as cot e / sin² e per degree on a flat
earth), and what it takes to notice and recognise a speck falls with brightness, as the inverse square of the
slant range (sin² e), and once more with the haze and roofs in the way (sin e). The product is cos e, which is
a uniform sine. Where an elevation is given, its error is weighed by the same density.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.geo import circle, lonlat, unit_vector, unwrap_lon
from overflight.records import Sighting, weighted_quantile
from overflight.sightings.kinds import kind_info
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]

# A radius is where the report leaves off, not a standard deviation: who draws a circle draws it large. With
# the radii of the 2023 case read as 2.45 (95 %), 3, 3.5 and 4.5 standard deviations the log evidence is -814,
# -807, -804 and -801 (docs/reconstruction.md); 3.5 leaves a margin for tables drawn more tightly. What falls
# outside all the same is for a report's other readings.
SD_PER_RADIUS = 1.0 / 3.5
# Radius of the circle that holds 90 % of a round two-dimensional Gaussian of sd 1.
R90_PER_SD = math.sqrt(-2.0 * math.log(0.10))
# No report is used as better than this: a published coordinate has four digits, a balloon is 50 m across.
MIN_SD_M = 100.0

_ELEVATIONS, _ALTITUDES, _BEARINGS = 192, 5, 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where the balloon was, by one report: mean place, covariance (m², east and north), 90 % ring.

    `ring` holds (longitude, latitude) without repeating the first; longitudes are continuous and may pass
    ±180°. `distance_m` is the ground distance from the watcher, 5, 50 and 95 %, where the region comes from
    a watcher's place.
    """

    lon_deg: float
    lat_deg: float
    cov_ee_m2: float
    cov_en_m2: float
    cov_nn_m2: float
    ring: tuple[tuple[float, float], ...]
    distance_m: tuple[float, float, float] | None = None


def refraction_deg(apparent_elevation_deg: npt.ArrayLike) -> Float64s:
    """Return astronomical refraction, degrees, at apparent elevations of 0 to 90 degrees (Bennett 1982)."""
    e = np.asarray(apparent_elevation_deg, dtype=float)
    minutes = 1.0 / np.tan(np.radians(e + 7.31 / (e + 4.4)))
    return np.asarray(np.maximum(minutes, 0.0) / 60.0)


def distance_at_elevation_m(
    elevation_deg: npt.ArrayLike, alt_m: npt.ArrayLike, watcher_alt_m: float = 0.0
) -> Float64s:
    """Return the ground distance to something at `alt_m` seen at a geometric elevation, on the sphere.

    Closed form: the angle at the Earth's centre is arccos(r / R · cos e) - e, with r and R the distances of
    watcher and object from the centre. NaN where the object is below the watcher.
    """
    e = np.radians(np.asarray(elevation_deg, dtype=float))
    ratio = (EARTH_RADIUS_M + watcher_alt_m) / (EARTH_RADIUS_M + np.asarray(alt_m, dtype=float))
    angle = np.arccos(np.where(ratio < 1.0, ratio, np.nan) * np.cos(e)) - e
    return np.asarray(EARTH_RADIUS_M * angle)


def watcher_region(
    lon_deg: float,
    lat_deg: float,
    *,
    alt_m: tuple[float, float],
    elevation_deg: tuple[float, float] | None = None,
    bearing_deg: tuple[float, float] | None = None,
    watcher_alt_m: float = 0.0,
    radius_m: float | None = None,
) -> Region:
    """Return the region for a balloon that someone at (`lon_deg`, `lat_deg`) saw.

    Parameters
    ----------
    alt_m : mean and standard deviation of the balloon's altitude, metres above WGS-84.
    elevation_deg, bearing_deg : mean and standard deviation of the apparent elevation above the horizon and
        of the bearing clockwise from north, or None when the report gives none.
    watcher_alt_m : the watcher's altitude.
    radius_m : a circle about the watcher that the balloon was in, when the report narrows it so.

    Computed by fixed quadrature over elevation, altitude and bearing: no random numbers. Raises InputError
    when the balloon's mean altitude is not above the watcher.
    """
    mean_alt, sd_alt = alt_m
    if not mean_alt > watcher_alt_m:
        raise InputError(
            f"a balloon at {mean_alt:g} m is not above its watcher at {watcher_alt_m:g} m",
            field="alt_m",
            remedy="Check both altitudes; they are metres.",
        )
    distance, weight = _distances(mean_alt, sd_alt, elevation_deg, watcher_alt_m, radius_m)
    azimuth, azimuth_weight = _bearings(bearing_deg)
    east = np.outer(distance, np.sin(azimuth)).ravel()
    north = np.outer(distance, np.cos(azimuth)).ravel()
    joint = np.outer(weight, azimuth_weight).ravel()
    lon, lat, cov = _moments(lon_deg, lat_deg, east, north, joint)
    p05, p50, p95 = weighted_quantile(distance, weight, (0.05, 0.50, 0.95))
    return Region(
        lon_deg=lon,
        lat_deg=lat,
        cov_ee_m2=cov[0],
        cov_en_m2=cov[1],
        cov_nn_m2=cov[2],
        ring=_watcher_ring(lon_deg, lat_deg, distance, weight, bearing_deg),
        distance_m=(float(p05), float(p50), float(p95)),
    )


def sighting_region(sighting: Sighting, alt_mean_m: float, alt_sd_m: float) -> Region | None:
    """Return the region for the balloon by one sighting, or None when the row gives no place.

    A polygon means a uniform density over it; a bearing or an elevation goes through `watcher_region` (and a
    radius narrows that); a radius alone is 3.5 standard deviations of a round Gaussian; a watcher's place
    with nothing else goes through `watcher_region` with the prior of elevations. `alt_mean_m` and `alt_sd_m`
    say how high the balloon flew, as far as is known.
    """
    if sighting.polygon:
        return polygon_region(sighting.polygon)
    if sighting.lon_deg is None or sighting.lat_deg is None:
        return None
    radius_m = None if sighting.radius_km is None else 1e3 * sighting.radius_km
    elevation = _pair(sighting.elevation_deg, sighting.elevation_sd_deg)
    bearing = _pair(sighting.bearing_deg, sighting.bearing_sd_deg)
    if elevation is None and bearing is None and radius_m is not None:
        return circle_region(sighting.lon_deg, sighting.lat_deg, radius_m)
    if elevation is None and bearing is None and not kind_info(sighting.kind).is_watcher:
        return None
    return watcher_region(
        sighting.lon_deg,
        sighting.lat_deg,
        alt_m=(alt_mean_m, alt_sd_m),
        elevation_deg=elevation,
        bearing_deg=bearing,
        radius_m=radius_m,
    )


def circle_region(lon_deg: float, lat_deg: float, radius_m: float) -> Region:
    """Return the round Gaussian with `radius_m` at 3.5 standard deviations; its ring is the 90 % circle."""
    sd = max(radius_m * SD_PER_RADIUS, MIN_SD_M)
    return Region(
        lon_deg=lon_deg,
        lat_deg=lat_deg,
        cov_ee_m2=sd**2,
        cov_en_m2=0.0,
        cov_nn_m2=sd**2,
        ring=_circle_ring(lon_deg, lat_deg, R90_PER_SD * sd),
    )


def polygon_region(polygon: tuple[tuple[float, float], ...]) -> Region:
    """Return centroid and covariance of the uniform density over a polygon of (longitude, latitude).

    Edges are straight in longitude and latitude, as in GeoJSON; the ring may cross ±180° or go round a pole.
    The ring of the region is the polygon itself, which holds everything. Works in Lambert's azimuthal
    equal-area projection about the centroid, so that equal areas weigh the same. Raises InputError for a
    ring that crosses itself or encloses nothing.
    """
    import shapely

    lon, lat = _densified(polygon)
    centre = lonlat(unit_vector(lon, lat).mean(axis=1))
    for _ in range(3):  # the centroid moves by less than a metre after the second pass
        x, y = _project(lon, lat, float(centre[0]), float(centre[1]))
        shape = shapely.Polygon(np.column_stack([x, y]))
        if not shape.is_valid or shape.area < 1.0:
            why = shapely.is_valid_reason(shape) if not shape.is_valid else "it encloses no area"
            raise InputError(
                f"the polygon cannot be used ({why.split('[')[0].strip()})",
                field="polygon",
                remedy="Give its corners in order, without crossing.",
            )
        centroid = shape.centroid
        centre = _unproject(centroid.x, centroid.y, float(centre[0]), float(centre[1]))
    x, y = _project(lon, lat, float(centre[0]), float(centre[1]))
    ee, en, nn = _second_moments(x, y)
    return Region(
        lon_deg=float(centre[0]),
        lat_deg=float(centre[1]),
        cov_ee_m2=max(ee, MIN_SD_M**2),
        cov_en_m2=en,
        cov_nn_m2=max(nn, MIN_SD_M**2),
        ring=tuple(zip((float(v) for v in lon[:-1]), (float(v) for v in lat[:-1]), strict=True)),
    )


def _pair(mean: float | None, sd: float | None) -> tuple[float, float] | None:
    return None if mean is None or sd is None else (mean, sd)


def _distances(
    mean_alt: float,
    sd_alt: float,
    elevation_deg: tuple[float, float] | None,
    watcher_alt_m: float,
    radius_m: float | None,
) -> tuple[Float64s, Float64s]:
    """Ground distances (n,) and their normalised weights, over elevation and altitude."""
    low, high = 0.0, 90.0
    if elevation_deg is not None:
        low = max(low, elevation_deg[0] - 4.0 * elevation_deg[1])
        high = min(high, elevation_deg[0] + 4.0 * elevation_deg[1])
    # Even steps in the sine's arc are wrong near the horizon, where a degree is 50 km: square the steps.
    u = (np.arange(_ELEVATIONS) + 0.5) / _ELEVATIONS
    e = low + (high - low) * u**2
    density = np.cos(np.radians(e)) * 2.0 * u
    if elevation_deg is not None:
        density = density * np.exp(-0.5 * ((e - elevation_deg[0]) / elevation_deg[1]) ** 2)
    node, node_weight = np.polynomial.hermite_e.hermegauss(_ALTITUDES)
    # The floor keeps a wide altitude from putting the balloon below its watcher.
    alt = np.maximum(mean_alt + sd_alt * node, watcher_alt_m + 100.0)
    geometric = (e - refraction_deg(e))[:, None]
    distance = distance_at_elevation_m(geometric, alt[None, :], watcher_alt_m).ravel()
    weight = np.outer(density, node_weight).ravel()
    if radius_m is not None:
        weight = weight * np.exp(-0.5 * (distance / max(radius_m * SD_PER_RADIUS, MIN_SD_M)) ** 2)
    total = weight.sum()
    if not total > 0.0:
        raise InputError(
            "no distance fits both the elevation and the radius",
            field="radius_km",
            remedy="Widen the radius or correct the elevation.",
        )
    return distance, weight / total


def _bearings(bearing_deg: tuple[float, float] | None) -> tuple[Float64s, Float64s]:
    """Bearings in radians (n,) and their normalised weights."""
    if bearing_deg is None:
        return 2.0 * np.pi * np.arange(_BEARINGS) / _BEARINGS, np.full(_BEARINGS, 1.0 / _BEARINGS)
    reach = min(4.0 * bearing_deg[1], 180.0)
    offset = reach * (2.0 * (np.arange(_BEARINGS) + 0.5) / _BEARINGS - 1.0)
    weight = np.exp(-0.5 * (offset / bearing_deg[1]) ** 2)
    return np.radians(bearing_deg[0] + offset), weight / weight.sum()


def _moments(
    lon_deg: float, lat_deg: float, east: Float64s, north: Float64s, weight: Float64s
) -> tuple[float, float, tuple[float, float, float]]:
    """Mean place and covariance there of points given by distance and bearing about one place."""
    distance = np.hypot(east, north)
    vector = _travel(lon_deg, lat_deg, distance, np.arctan2(east, north))
    lon, lat = lonlat((vector * weight).sum(axis=1))
    e_axis, n_axis, up = _axes(float(lon), float(lat))
    angle = np.arccos(np.clip(up @ vector, -1.0, 1.0))
    scale = EARTH_RADIUS_M / np.maximum(np.sinc(angle / np.pi), 1e-12)
    e, n = scale * (e_axis @ vector), scale * (n_axis @ vector)
    floor = MIN_SD_M**2
    ee, en, nn = (float((weight * a * b).sum()) for a, b in ((e, e), (e, n), (n, n)))
    return float(lon), float(lat), (ee + floor, en, nn + floor)


def _travel(lon_deg: float, lat_deg: float, distance_m: Float64s, bearing: Float64s) -> Float64s:
    """Unit vectors (3, n) at distances and bearings (radians) from a place, on the sphere."""
    e_axis, n_axis, up = _axes(lon_deg, lat_deg)
    angle = distance_m / EARTH_RADIUS_M
    along = np.sin(bearing) * e_axis[:, None] + np.cos(bearing) * n_axis[:, None]
    return np.asarray(np.cos(angle) * up[:, None] + np.sin(angle) * along)


def _axes(lon_deg: float, lat_deg: float) -> tuple[Float64s, Float64s, Float64s]:
    """East, north and up unit vectors (3,) at a place."""
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    return east, north, unit_vector(lon_deg, lat_deg)


def _watcher_ring(
    lon_deg: float,
    lat_deg: float,
    distance: Float64s,
    weight: Float64s,
    bearing_deg: tuple[float, float] | None,
) -> tuple[tuple[float, float], ...]:
    """The 90 % ring: a circle, or a sector with sqrt(0.9) of the distances and of the bearings."""
    if bearing_deg is None or bearing_deg[1] > 60.0:
        return _circle_ring(lon_deg, lat_deg, float(weighted_quantile(distance, weight, 0.90)))
    tail = 0.5 * (1.0 - math.sqrt(0.9))
    near, far = weighted_quantile(distance, weight, (tail, 1.0 - tail))
    half = 1.949 * bearing_deg[1]  # a Gaussian holds sqrt(0.9) = 94.87 % within 1.949 sd
    arc = np.radians(np.linspace(bearing_deg[0] - half, bearing_deg[0] + half, 25))
    bearing = np.concatenate([arc, arc[::-1]])
    reach = np.concatenate([np.full(25, far), np.full(25, near)])
    lon, lat = lonlat(_travel(lon_deg, lat_deg, reach, bearing))
    return _ring(lon, lat)


def _circle_ring(lon_deg: float, lat_deg: float, radius_m: float) -> tuple[tuple[float, float], ...]:
    return _ring(*circle(lon_deg, lat_deg, radius_m))


def _ring(lon: Float64s, lat: Float64s) -> tuple[tuple[float, float], ...]:
    return tuple(zip(unwrap_lon(lon).tolist(), lat.tolist(), strict=True))


def _densified(polygon: tuple[tuple[float, float], ...]) -> tuple[Float64s, Float64s]:
    """The closed ring (n,) with no step over half a degree, longitudes continuous."""
    corners = np.asarray(polygon, dtype=float)
    if (corners[0] != corners[-1]).any():
        corners = np.vstack([corners, corners[:1]])
    lon, lat = unwrap_lon(corners[:, 0]), corners[:, 1]
    lons, lats = [lon[:1]], [lat[:1]]
    for a, b in zip(range(len(lon) - 1), range(1, len(lon)), strict=True):
        n = max(1, math.ceil(2.0 * max(abs(lon[b] - lon[a]), abs(lat[b] - lat[a]))))
        step = np.arange(1, n + 1) / n
        lons.append(lon[a] + step * (lon[b] - lon[a]))
        lats.append(lat[a] + step * (lat[b] - lat[a]))
    return np.concatenate(lons), np.concatenate(lats)


def _project(lon: Float64s, lat: Float64s, lon0: float, lat0: float) -> tuple[Float64s, Float64s]:
    """Lambert's azimuthal equal-area projection of the sphere, metres (Snyder, USGS PP 1395, p. 185)."""
    e_axis, n_axis, up = _axes(lon0, lat0)
    vector = unit_vector(lon, lat)
    k = EARTH_RADIUS_M * np.sqrt(2.0 / np.maximum(1.0 + up @ vector, 1e-9))
    return k * (e_axis @ vector), k * (n_axis @ vector)


def _unproject(x: float, y: float, lon0: float, lat0: float) -> tuple[Float64s, Float64s]:
    rho = math.hypot(x, y)
    angle = 2.0 * math.asin(min(rho / (2.0 * EARTH_RADIUS_M), 1.0))
    vector = _travel(lon0, lat0, np.array([angle * EARTH_RADIUS_M]), np.array([math.atan2(x, y)]))
    return lonlat(vector[:, 0])


def _second_moments(x: Float64s, y: Float64s) -> tuple[float, float, float]:
    """Covariance of the uniform density in a closed plane ring, by Green's theorem, about its centroid."""
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    area = 0.5 * cross.sum()
    mean_x = float(((x[:-1] + x[1:]) * cross).sum() / (6.0 * area))
    mean_y = float(((y[:-1] + y[1:]) * cross).sum() / (6.0 * area))
    xx = float(((x[:-1] ** 2 + x[:-1] * x[1:] + x[1:] ** 2) * cross).sum() / (12.0 * area))
    yy = float(((y[:-1] ** 2 + y[:-1] * y[1:] + y[1:] ** 2) * cross).sum() / (12.0 * area))
    mixed = x[:-1] * y[1:] + 2.0 * x[:-1] * y[:-1] + 2.0 * x[1:] * y[1:] + x[1:] * y[:-1]
    xy = float((mixed * cross).sum() / (24.0 * area))
    return xx - mean_x**2, xy - mean_x * mean_y, yy - mean_y**2

"""An oblique frame in which the flight runs along the equator.

A linear smoother needs a plane. Longitude and latitude make a poor one for a flight that crosses the
date line or nears a pole, so positions are rotated until the great circle that fits the sightings best
is the equator of the frame: `x_m` runs along it and is never wrapped, `y_m` across it. The frame's own
poles then lie 90 degrees off the flight, where no wind evaluation goes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, woven
from overflight.geo import unit_vector
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Rotation from Earth-fixed unit vectors to the frame: `rotation` has shape (3, 3)."""

    rotation: Float64s

    def to_plane(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> tuple[Float64s, Float64s]:
        """Return `x_m` in one turn about zero, and `y_m`."""
        a, b, c = np.tensordot(self.rotation, unit_vector(lon_deg, lat_deg), axes=1)
        return EARTH_RADIUS_M * np.arctan2(b, a), EARTH_RADIUS_M * np.arcsin(np.clip(c, -1.0, 1.0))

    def to_lonlat(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> tuple[Float64s, Float64s]:
        """Return longitude in [-180, 180] and latitude, degrees."""
        along = np.asarray(x_m, dtype=float) / EARTH_RADIUS_M
        across = np.asarray(y_m, dtype=float) / EARTH_RADIUS_M
        inside = np.stack([np.cos(across) * np.cos(along), np.cos(across) * np.sin(along), np.sin(across)])
        a, b, c = np.tensordot(self.rotation.T, inside, axes=1)
        return np.degrees(np.arctan2(b, a)), np.degrees(np.arcsin(np.clip(c, -1.0, 1.0)))

    def east_angle_rad(self, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Float64s:
        """Angle from the frame's x direction to geographic east, counter-clockwise."""
        lon, lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
        flat = [
            plane_to_earth(self.rotation, *point)[2]
            for point in zip(*(np.ravel(p) for p in self.to_plane(lon, lat)), strict=True)
        ]
        return np.reshape(flat, lon.shape)


def fit_frame(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Frame:
    """Fit the frame to positions (N,): their great circle of least squares becomes the equator.

    `x = 0` is the foot of the mean position, or of the first when they cancel out.
    """
    vectors = unit_vector(lon_deg, lat_deg).reshape(3, -1)
    _, axes = np.linalg.eigh(vectors @ vectors.T)
    pole = axes[:, 0]
    if pole @ np.array([0.0, 0.0, 1.0]) < 0:
        pole = -pole
    middle = vectors.mean(axis=1)
    middle = middle - pole * (pole @ middle)
    if np.linalg.norm(middle) < 1e-6:
        middle = axes[:, 2]
    middle = middle / np.linalg.norm(middle)
    return Frame(np.ascontiguousarray(np.stack([middle, np.cross(pole, middle), pole])))


@compiled
def plane_to_earth(rotation: Float64s, x_m: float, y_m: float) -> tuple[float, float, float, float]:
    """Return longitude and latitude (degrees), the angle from frame x to east, and cos(y / R)."""
    lon, lat, to_x, to_y, _, _, cc, _ = earth_axes(rotation, x_m, y_m)
    return lon, lat, math.atan2(to_y, to_x), cc


@woven
def earth_axes(
    rotation: Float64s, x_m: float, y_m: float
) -> tuple[float, float, float, float, float, float, float, float]:
    """Return longitude and latitude (degrees) of a place, and the sines and cosines that come with them.

    After the place: cosine and sine of the angle from the frame's x to east, of the latitude, and of y / R.
    By algebra: half the cost of a wind's slopes was in functions of angles.
    """
    along, across = x_m / EARTH_RADIUS_M, y_m / EARTH_RADIUS_M
    ca, sa, cc, sc = math.cos(along), math.sin(along), math.cos(across), math.sin(across)
    p0, p1, p2 = cc * ca, cc * sa, sc
    e0 = rotation[0, 0] * p0 + rotation[1, 0] * p1 + rotation[2, 0] * p2
    e1 = rotation[0, 1] * p0 + rotation[1, 1] * p1 + rotation[2, 1] * p2
    e2 = rotation[0, 2] * p0 + rotation[1, 2] * p1 + rotation[2, 2] * p2
    cos_lat = math.sqrt(e0 * e0 + e1 * e1)
    # Geographic east at the point is (-sin lon, cos lon, 0); at the pole itself longitude is taken as zero.
    g0, g1 = (-e1 / cos_lat, e0 / cos_lat) if cos_lat > 0.0 else (0.0, 1.0)
    f0 = rotation[0, 0] * g0 + rotation[0, 1] * g1
    f1 = rotation[1, 0] * g0 + rotation[1, 1] * g1
    f2 = rotation[2, 0] * g0 + rotation[2, 1] * g1
    to_x = -sa * f0 + ca * f1
    to_y = -sc * ca * f0 - sc * sa * f1 + cc * f2
    lon, lat = math.atan2(e1, e0), math.atan2(e2, cos_lat)
    return math.degrees(lon), math.degrees(lat), to_x, to_y, cos_lat, e2, cc, sc

"""Where the sun stands: elevation and bearing for arrays, and the same for compiled kernels.

The low-precision sun of J. Meeus, *Astronomical Algorithms*, 2nd edition, chapter 25, with the sidereal
time of his chapter 12; NOAA's solar calculator uses the same. Good to 0.01° from 1900 to 2100, which is
2.4 s of the sun's daily motion; 0.008° at most from NREL's SPA at 300 random places and times from 1906 to
2096. Angles are geometric, from the observer (parallax taken off), without refraction: near the horizon air
lifts the sun by up to 0.6° for an observer at the ground, by about twice that for a balloon above most of the
air.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.atmosphere import Float64s
from overflight.compiled import compiled
from overflight.units import DAY_S, EARTH_RADIUS_M

# POSIX seconds of J2000.0, 2000-01-01 12:00, taken as UTC.
J2000_S: Final = 946728000.0
# Terrestrial time less UTC: 57 s in 1990, 69 s in 2023 (IERS). The sun moves 0.0003° in those 12 s.
TT_LESS_UTC_S: Final = 69.0
CENTURY_DAYS: Final = 36525.0
# Equatorial horizontal parallax of the sun, 8.794" (IAU 1976).
PARALLAX_DEG: Final = 8.794 / 3600.0
# Beyond this the series means nothing; the angle is that of the end, and a number.
TIME_LIMIT_S: Final = 1e11
RAD: Final = math.pi / 180.0


def solar_position(
    time_s: npt.ArrayLike, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike
) -> tuple[Float64s, Float64s]:
    """Return elevation and bearing of the sun's centre, degrees; arguments broadcast.

    Bearing is clockwise from north in [0, 360). NaN where an argument is not a number or the latitude is
    beyond ±90.
    """
    time, lon, lat = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (time_s, lon_deg, lat_deg))
    )
    elevation = np.full(time.shape, np.nan)
    bearing = np.full(time.shape, np.nan)
    good = np.isfinite(time) & np.isfinite(lon) & (np.abs(lat) <= 90.0)
    found = np.empty((2, int(good.sum())))
    _positions(time[good], lon[good], lat[good], found)
    elevation[good], bearing[good] = found
    return elevation, bearing


@compiled
def solar_elevation_deg(time_s: float, lon_deg: float, lat_deg: float) -> float:
    """Return the elevation of the sun's centre at one place and time, degrees. Compiled."""
    return solar_angles_deg(time_s, lon_deg, lat_deg)[0]


@compiled
def solar_angles_deg(time_s: float, lon_deg: float, lat_deg: float) -> tuple[float, float, float]:
    """Return elevation and bearing of the sun's centre, degrees, and its distance, au. Compiled."""
    right_ascension, declination, sidereal, distance_au = solar_place(time_s)
    hour = sidereal + lon_deg * RAD - right_ascension
    lat = lat_deg * RAD
    # Components to the zenith, east and north.
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(lat) * math.sin(declination) - math.sin(lat) * math.cos(declination) * math.cos(hour)
    flat = math.hypot(east, north)
    bearing = math.atan2(east, north) / RAD
    return math.atan2(up, flat) / RAD - PARALLAX_DEG * flat / distance_au, bearing % 360.0, distance_au


@compiled
def solar_place(time_s: float) -> tuple[float, float, float, float]:
    """Return apparent right ascension, declination, Greenwich sidereal time (radians) and distance (au)."""
    day = (min(max(time_s, -TIME_LIMIT_S), TIME_LIMIT_S) - J2000_S) / DAY_S
    century = (day + TT_LESS_UTC_S / DAY_S) / CENTURY_DAYS
    mean_lon = 280.46646 + century * (36000.76983 + 0.0003032 * century)
    anomaly = (357.52911 + century * (35999.05029 - 0.0001537 * century)) * RAD
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        (1.914602 - century * (0.004817 + 0.000014 * century)) * math.sin(anomaly)
        + (0.019993 - 0.000101 * century) * math.sin(2.0 * anomaly)
        + 0.000289 * math.sin(3.0 * anomaly)
    )
    distance_au = (
        1.000001018
        * (1.0 - eccentricity * eccentricity)
        / (1.0 + eccentricity * math.cos(anomaly + centre * RAD))
    )
    node = (125.04 - 1934.136 * century) * RAD
    nutation_deg = -0.00478 * math.sin(node)
    # Aberration is 0.00569°.
    lon = (mean_lon + centre - 0.00569 + nutation_deg) * RAD
    oblique = (23.4392911 - 0.0130042 * century + 0.00256 * math.cos(node)) * RAD
    right_ascension = math.atan2(math.cos(oblique) * math.sin(lon), math.cos(lon))
    declination = math.asin(min(max(math.sin(oblique) * math.sin(lon), -1.0), 1.0))
    sidereal_deg = 280.46061837 + 360.98564736629 * day + nutation_deg * math.cos(oblique)
    return right_ascension, declination, (sidereal_deg % 360.0) * RAD, distance_au


@compiled
def dip_deg(alt_m: float) -> float:
    """Return how far below the level the horizon lies from a height, degrees, without refraction.

    The sun's centre is seen while its elevation exceeds -dip: 4.5° at 20 km, 5.6° at 30 km.
    """
    if alt_m <= 0.0:
        return 0.0
    return math.atan2(math.sqrt(alt_m * (2.0 * EARTH_RADIUS_M + alt_m)), EARTH_RADIUS_M) / RAD


@compiled
def _positions(time_s: Float64s, lon_deg: Float64s, lat_deg: Float64s, found: Float64s) -> None:
    for i in range(time_s.size):
        found[0, i], found[1, i], _ = solar_angles_deg(time_s[i], lon_deg[i], lat_deg[i])

"""Horizon, range and elevation through air that bends rays.

The air is the exponential atmosphere of Recommendation ITU-R P.453-14: the refractive index at a height h
is 1 + N0 exp(-h / h0) / 10⁶. Rays follow Bouguer's law, n r cos(e) = const, on a sphere of the mean radius.
A factor on the Earth's radius, as of a 4/3 earth, stands for a constant gradient of the index and so only
for the lower air: for a balloon at 20 km it puts the radio horizon at 582 km, the traced ray at 563 km, and
Recommendation ITU-R P.528-5's own ray trace at 566 km. Climate moves N0 by ±15 %, the horizon by about 1 %.

`trace` and `horizon_m` integrate the ray and are exact to metres. `look` is for many places and many times:
the straight line on WGS-84, lifted by a bending that is interpolated in a table of traced rays, to 0.003°.
No terrain: a site's horizon is level with the ground around it, and whoever asks for another says at which
apparent elevation it lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError, OverflightError
from overflight.geo import ecef
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

# `Look.status`: why a place has no elevation.
SEEN, BELOW_HORIZON, UNKNOWN_PLACE, OUTSIDE_TABLE = 0, 1, 2, 3
LOOK_STATUS: Final = (
    "above the horizon",
    "below the horizon",
    "a coordinate is not a number or the latitude is beyond the pole",
    "higher than the table of bending reaches, or lower than the site",
)

# The table: heights of sites, heights of what is looked at above them, and straight elevations.
SITE_STEP_M: Final = 1000.0
SITE_LOW_M: Final = -1000.0
SITES: Final = 11
TARGET_TOP_M: Final = 60_000.0
TARGETS: Final = 25
FINE_LOW_DEG: Final = -4.0
FINE_STEP_DEG: Final = 0.125
FINE: Final = 113  # to +10 degrees
COARSE_STEP_DEG: Final = 2.5
COARSE: Final = 33  # from 10 to 90 degrees
# Rays that leave a site downward are traced to here; what stands lower is far behind the horizon.
LOWEST_DEG: Final = -2.0
# Below 1, a ray is bent less than the Earth's surface is: no duct, and every ray has one lowest point.
MOST_BENDING: Final = 0.5

_NODE, _NODE_WEIGHT = np.polynomial.legendre.leggauss(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refractivity:
    """An exponential atmosphere: `surface` is N0 at sea level in N-units, `scale_m` its scale height."""

    name: str
    surface: float
    scale_m: float

    def __post_init__(self) -> None:
        if not (self.surface >= 0 and math.isfinite(self.surface)):
            raise InputError(f"it is {self.surface!r}", field="surface", remedy="Give N-units from 0 to 600.")
        if not (self.scale_m > 0 and math.isfinite(self.scale_m)):
            raise InputError(f"it is {self.scale_m!r}", field="scale_m", remedy="Give metres above zero.")
        # The deepest ray of the table runs some 4 km below a site that itself may lie at -1 km.
        if EARTH_RADIUS_M / self.scale_m * self.surface * 1e-6 > MOST_BENDING:
            raise InputError(
                f"{self.surface:g} N-units over {self.scale_m:g} m bend rays nearly as much as the ground",
                field="surface",
                remedy="Ducts are not modelled; use a smaller value or a larger scale.",
            )


# Recommendation ITU-R P.453-14, section 1: the global mean reference atmosphere.
RADIO: Final = Refractivity(name="radio", surface=315.0, scale_m=7350.0)
# Visible light: dry-air refractivity 277 at 15 °C, 1013.25 hPa (B. Edlén 1966), scale height of dry air.
LIGHT: Final = Refractivity(name="light", surface=277.0, scale_m=8000.0)
STRAIGHT: Final = Refractivity(name="straight", surface=0.0, scale_m=8000.0)


class Ray(NamedTuple):
    """A traced ray: arrays of one shape.

    `ground_m` is the arc along the surface at sea level, `range_m` the straight line between the ends,
    `elevation_deg` that of the straight line, `bending_deg` what the apparent elevation has more.
    """

    ground_m: Float64s
    range_m: Float64s
    elevation_deg: Float64s
    bending_deg: Float64s


class Looks(NamedTuple):
    """What S sites have of T places: arrays (S, T).

    `elevation_deg` is that of the straight line, `apparent_elevation_deg` lifted by the air. `status` is a
    code of LOOK_STATUS; where it is above BELOW_HORIZON the angles are NaN.
    """

    range_m: Float64s
    elevation_deg: Float64s
    apparent_elevation_deg: Float64s
    status: Codes


# --- the sphere, without air -----------------------------------------------------------------------------


def slant_m(alt_m: npt.ArrayLike, elevation_deg: npt.ArrayLike, site_alt_m: npt.ArrayLike = 0.0) -> Float64s:
    """Return the straight distance to a height that is seen at an elevation, metres; NaN below the site."""
    low, high, sine = _heights(site_alt_m, alt_m, elevation_deg)
    rise = high - low
    inside = (low * sine) ** 2 + rise * (high + low)
    return np.where(rise >= 0, np.sqrt(np.maximum(inside, 0.0)) - low * sine, np.nan)


def ground_m(alt_m: npt.ArrayLike, elevation_deg: npt.ArrayLike, site_alt_m: npt.ArrayLike = 0.0) -> Float64s:
    """Return the arc along the ground to below a height that is seen at an elevation, without air, metres."""
    low, high, _ = _heights(site_alt_m, alt_m, elevation_deg)
    angle = np.radians(np.asarray(elevation_deg, dtype=np.float64))
    along = np.where(high >= low, low * np.cos(angle) / high, np.nan)
    return np.asarray(EARTH_RADIUS_M * (np.arccos(along) - angle))


def dip_deg(alt_m: npt.ArrayLike) -> Float64s:
    """Return how far below the level the straight horizon lies from a height, degrees; zero on the ground."""
    alt = np.maximum(np.asarray(alt_m, dtype=np.float64), 0.0)
    return np.asarray(np.degrees(np.arctan(np.sqrt(alt * (2.0 * EARTH_RADIUS_M + alt)) / EARTH_RADIUS_M)))


def _heights(
    site_alt_m: npt.ArrayLike, alt_m: npt.ArrayLike, elevation_deg: npt.ArrayLike
) -> tuple[Float64s, Float64s, Float64s]:
    low = EARTH_RADIUS_M + np.asarray(site_alt_m, dtype=np.float64)
    high = EARTH_RADIUS_M + np.asarray(alt_m, dtype=np.float64)
    return low, high, np.asarray(np.sin(np.radians(elevation_deg)))


# --- rays ------------------------------------------------------------------------------------------------


def horizon_m(
    alt_m: npt.ArrayLike,
    observer_alt_m: npt.ArrayLike = 0.0,
    *,
    terrain_alt_m: npt.ArrayLike = 0.0,
    air: Refractivity = RADIO,
) -> Float64s:
    """Return the distance along the ground at which two heights lose sight of each other, metres.

    The ray between them grazes ground of the height `terrain_alt_m`; all heights are above sea level, and one
    below that ground counts as on it. NaN in, NaN out. Source: module docstring.
    """
    arrays = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (terrain_alt_m, alt_m, observer_alt_m))
    )
    ground, far, near = (np.ascontiguousarray(x).ravel() for x in arrays)
    found = np.empty(ground.size)
    _horizons(ground, far, near, air.surface * 1e-6, air.scale_m, found)
    return found.reshape(arrays[0].shape)


def effective_k(alt_m: npt.ArrayLike, *, air: Refractivity = RADIO) -> Float64s:
    """Return the factor on the Earth's radius that gives the traced horizon of a height over sea level.

    1.33 near the ground, 1.25 for radio at 20 km; it says nothing of elevations above the horizon. NaN where
    the height is not above zero.
    """
    alt = np.asarray(alt_m, dtype=np.float64)
    asked = horizon_m(np.where(alt > 0, alt, np.nan), air=air)
    low, high = np.full(alt.shape, 0.5), np.full(alt.shape, 4.0)
    for _ in range(60):
        k = 0.5 * (low + high)
        radius = k * EARTH_RADIUS_M
        short = radius * np.arctan(np.sqrt(np.abs(alt) * (2.0 * radius + alt)) / radius) < asked
        low, high = np.where(short, k, low), np.where(short, high, k)
    return np.where(np.isfinite(asked), 0.5 * (low + high), np.nan)


def trace(
    apparent_elevation_deg: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    site_alt_m: npt.ArrayLike = 0.0,
    *,
    air: Refractivity = RADIO,
) -> Ray:
    """Follow rays that leave a site at an apparent elevation up to a height; arguments broadcast.

    Elevations from -2 to 90 degrees; a ray that leaves downward dips and rises again, whatever ground is in
    its way. NaN for heights below the site and elevations outside.
    """
    arrays = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (apparent_elevation_deg, site_alt_m, alt_m))
    )
    leaving, low, high = (np.ascontiguousarray(x).ravel() for x in arrays)
    found = np.empty((4, leaving.size))
    _traces(leaving, low, high, air.surface * 1e-6, air.scale_m, found)
    return Ray(*(row.reshape(arrays[0].shape) for row in found))


@compiled
def _horizons(
    ground: Float64s, far: Float64s, near: Float64s, surface: float, scale_m: float, found: Float64s
) -> None:
    for i in range(ground.size):
        low = ground[i]
        a = _leg(0.0, low, max(far[i], low), surface, scale_m)
        b = _leg(0.0, low, max(near[i], low), surface, scale_m)
        known = math.isfinite(ground[i] + far[i] + near[i])
        found[i] = EARTH_RADIUS_M * (a + b) if known else math.nan


@compiled
def _traces(
    leaving: Float64s, low: Float64s, high: Float64s, surface: float, scale_m: float, found: Float64s
) -> None:
    for i in range(leaving.size):
        for row in range(4):
            found[row, i] = math.nan
        if not (LOWEST_DEG <= leaving[i] <= 90.0 and high[i] >= low[i] > -20_000.0 and high[i] < 1e8):
            continue
        angle = central_angle(math.radians(leaving[i]), low[i], high[i], surface, scale_m)
        r1 = EARTH_RADIUS_M + high[i]
        half = math.sin(0.5 * angle)
        level = r1 * math.sin(angle)
        # r1 cos(angle) - r0 without the loss of digits.
        up = (high[i] - low[i]) - 2.0 * r1 * half * half
        found[0, i] = EARTH_RADIUS_M * angle
        found[1, i] = math.hypot(level, up)
        straight = math.degrees(math.atan2(up, level)) if level + abs(up) > 0.0 else leaving[i]
        found[2, i] = straight
        found[3, i] = leaving[i] - straight


@compiled
def central_angle(leaving: float, low_m: float, high_m: float, surface: float, scale_m: float) -> float:
    """Return the angle at the Earth's centre, radians, that a ray spans between two heights. Compiled.

    `leaving` is its apparent elevation at the lower one, radians; `surface` is N0 / 10⁶.
    """
    if leaving >= 0.0:
        return _leg(leaving, low_m, high_m, surface, scale_m)
    lowest = _lowest(leaving, low_m, surface, scale_m)
    return _leg(0.0, lowest, low_m, surface, scale_m) + _leg(0.0, lowest, high_m, surface, scale_m)


@compiled
def _lowest(leaving: float, low_m: float, surface: float, scale_m: float) -> float:
    """Height of the lowest point of a ray that leaves downward: Newton on ln(n r), nearly straight."""
    start = 1.0 + surface * math.exp(-low_m / scale_m)
    asked = math.log(start) + math.log(math.cos(leaving))
    height = low_m + EARTH_RADIUS_M * (math.cos(leaving) - 1.0)
    for _ in range(20):
        part = surface * math.exp(-height / scale_m)
        value = math.log1p(part) + math.log((EARTH_RADIUS_M + height) / (EARTH_RADIUS_M + low_m)) - asked
        slope = 1.0 / (EARTH_RADIUS_M + height) - part / (scale_m * (1.0 + part))
        if slope <= 0.0:
            return math.nan
        change = value / slope
        height -= change
        if abs(change) < 1e-6:
            break
    return height


@compiled
def _leg(leaving: float, low_m: float, high_m: float, surface: float, scale_m: float) -> float:
    """Angle at the centre between two heights of a ray that rises all the way.

    The integral of cos(e) dr / (r sin(e)) over s, the length of the straight line that leaves at the same
    elevation: in it the end at grazing is smooth, and 32 Gauss-Legendre nodes reach a micrometre of arc.
    """
    if not high_m > low_m:
        return 0.0
    r0 = EARTH_RADIUS_M + low_m
    sine, cosine = math.sin(leaving), math.cos(leaving)
    start = surface * math.exp(-low_m / scale_m)
    rise = high_m - low_m
    length = rise * (2.0 * r0 + rise) / (math.sqrt((r0 * sine) ** 2 + rise * (2.0 * r0 + rise)) + r0 * sine)
    total = 0.0
    for i in range(_NODE.size):
        s = 0.5 * length * (1.0 + _NODE[i])
        square = s * (s + 2.0 * r0 * sine)
        r = math.sqrt(r0 * r0 + square)
        above = square / (r + r0)
        here = start * math.exp(-above / scale_m)
        # n r / (n0 r0) - 1, of which the square root is taken, to full precision.
        more = (above * (1.0 + here) + r0 * start * math.expm1(-above / scale_m)) / (r0 * (1.0 + start))
        total += _NODE_WEIGHT[i] * (s + r0 * sine) / (r * r * math.sqrt(more * (2.0 + more) + sine * sine))
    return 0.5 * length * cosine * total


# --- refraction of what stands outside the air ------------------------------------------------------------


def sky_refraction_deg(apparent_elevation_deg: npt.ArrayLike) -> Float64s:
    """Return how much the air lifts a star, from its apparent elevation, for an observer at sea level.

    G. G. Bennett, J. Navigation 35 (1982) 255: to 0.07' at 10 °C and 1010 hPa. NaN below the horizon.
    """
    elevation = np.asarray(apparent_elevation_deg, dtype=np.float64)
    return _lifted(elevation, 1.0, 7.31, 4.4)


def sky_refraction_from_true_deg(elevation_deg: npt.ArrayLike) -> Float64s:
    """Return how much the air lifts a star, from its true elevation, for an observer at sea level.

    Th. Saemundsson, Sky and Telescope 72 (1986) 70: agrees with Bennett's to 0.1'. NaN below -1 degree.
    """
    elevation = np.asarray(elevation_deg, dtype=np.float64)
    return _lifted(elevation, 1.02, 10.3, 5.11, lowest_deg=-1.0)


def _lifted(
    elevation: Float64s, size: float, above: float, shift: float, lowest_deg: float = 0.0
) -> Float64s:
    good = (elevation >= lowest_deg) & (elevation <= 90.0)
    safe = np.where(good, elevation, 45.0)
    return np.where(good, size / np.tan(np.radians(safe + above / (safe + shift))) / 60.0, np.nan)


# --- many places, many times -------------------------------------------------------------------------------


def look(
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    site_lon_deg: npt.ArrayLike,
    site_lat_deg: npt.ArrayLike,
    site_alt_m: npt.ArrayLike,
    *,
    air: Refractivity = RADIO,
    horizon_deg: npt.ArrayLike = 0.0,
    lowest_deg: float = -90.0,
) -> Looks:
    """Look from S sites at T places of a flight, through the air.

    Parameters
    ----------
    lon_deg, lat_deg, alt_m : places (T,), above WGS-84; up to 60 km above a site.
    site_lon_deg, site_lat_deg, site_alt_m : sites (S,), from -1 to 9 km.
    horizon_deg : apparent elevation (S,) or one number from which a site sees; level ground is 0.
    lowest_deg : of what stands straight below this, a degree and more under the horizons, only range and
        status are wanted: the elevations are NaN. Saves most of the time where most is far away.

    Returns
    -------
    `Looks`, arrays (S, T).
    """
    places = tuple(
        np.ascontiguousarray(x, dtype=np.float64) for x in np.broadcast_arrays(lon_deg, lat_deg, alt_m)
    )
    sites = tuple(
        np.array(x, dtype=np.float64)
        for x in np.broadcast_arrays(site_lon_deg, site_lat_deg, site_alt_m, horizon_deg)
    )
    if places[0].ndim != 1 or sites[0].ndim != 1:
        raise OverflightError("places and sites are not one row each", remedy="Give arrays (T,) and (S,).")
    _check_sites(sites)
    good = np.isfinite(places[0] + places[2]) & (np.abs(places[1]) <= 90.0)
    xyz = np.full((3, good.size), np.nan)
    xyz[:, good] = ecef(places[0][good], places[1][good], places[2][good])
    found = np.empty((3, sites[0].size, good.size))
    status = np.empty(found.shape[1:], dtype=np.int8)
    basis = site_basis(*sites[:3])
    sine = math.sin(math.radians(lowest_deg)) - 1e-12
    _looks(xyz, places[2], basis, sites[2], sites[3], sine, bending_of(sites[2], air), found, status)
    return Looks(found[0], found[1], found[2], status)


def _check_sites(sites: tuple[Float64s, ...]) -> None:
    lon, lat, alt, horizon = sites
    top = SITE_LOW_M + SITE_STEP_M * (SITES - 1)
    bad = ~(np.isfinite(lon + horizon) & (np.abs(lat) <= 90.0) & (alt >= SITE_LOW_M) & (alt <= top))
    if bad.any():
        i = int(np.argmax(bad))
        raise InputError(
            f"site {i} at {lon[i]:g}, {lat[i]:g}, {alt[i]:g} m, horizon {horizon[i]:g}, cannot be used",
            field="site",
            remedy=f"Give a longitude, a latitude within ±90 and a height from {SITE_LOW_M:g} to {top:g} m.",
        )


def site_basis(lon_deg: Float64s, lat_deg: Float64s, alt_m: Float64s) -> Float64s:
    """Return (S, 6): where sites are (Earth-centred metres) and which way is up for them."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return np.ascontiguousarray(np.concatenate([ecef(lon_deg, lat_deg, alt_m), up]).T)


def bending_of(site_alt_m: Float64s, air: Refractivity) -> Float64s:
    """Return the tables of bending of sites, (S, heights, elevations), for `look_once`."""
    place = (site_alt_m - SITE_LOW_M) / SITE_STEP_M
    below = np.clip(place.astype(np.intp), 0, SITES - 2)
    part = (place - below)[:, None, None]
    table = _bending_table(air)
    return np.ascontiguousarray(table[below] * (1.0 - part) + table[below + 1] * part)


@lru_cache(maxsize=8)
def _bending_table(air: Refractivity) -> Float64s:
    """Bending in degrees over the site's height, the height above it and the straight elevation."""
    sites = SITE_LOW_M + SITE_STEP_M * np.arange(SITES)
    above = TARGET_TOP_M * (np.arange(TARGETS) / (TARGETS - 1)) ** 2
    # Steps of 0.05 degree near the horizon, growing to 3 at the zenith.
    leaving = LOWEST_DEG + (90.0 - LOWEST_DEG) * np.sinh(np.linspace(0.0, 5.5, 110)) / math.sinh(5.5)
    rays = trace(leaving, (sites[:, None] + above)[..., None], sites[:, None, None], air=air)
    straight = np.concatenate(
        [FINE_LOW_DEG + FINE_STEP_DEG * np.arange(FINE), 10.0 + COARSE_STEP_DEG * np.arange(1, COARSE)]
    )
    table = np.empty((SITES, TARGETS, straight.size))
    _resample(rays.elevation_deg, rays.bending_deg, straight, table)
    table.setflags(write=False)
    return table


@compiled
def _resample(elevation: Float64s, bending: Float64s, straight: Float64s, table: Float64s) -> None:
    """Linear between rising `elevation`, held beyond it: numpy's interp compiles ten times as long."""
    last = elevation.shape[2] - 1
    for s in range(table.shape[0]):
        for h in range(table.shape[1]):
            i = 0
            for k in range(straight.size):
                while i < last and elevation[s, h, i + 1] <= straight[k]:
                    i += 1
                table[s, h, k] = bending[s, h, i]
                if i < last and straight[k] > elevation[s, h, i]:
                    rise = bending[s, h, i + 1] - bending[s, h, i]
                    slope = rise / (elevation[s, h, i + 1] - elevation[s, h, i])
                    table[s, h, k] += slope * (straight[k] - elevation[s, h, i])


@compiled
def bending_deg(table: Float64s, elevation_deg: float, above_m: float) -> float:
    """Return the bending of one ray from a site's table, degrees. Compiled.

    `above_m`, 0 to 60 km, is the height above the site. Below -4 degrees that of -4 is given.
    """
    y = math.sqrt(above_m / TARGET_TOP_M) * (TARGETS - 1)
    j = min(int(y), TARGETS - 2)
    if elevation_deg < 10.0:
        x = max((elevation_deg - FINE_LOW_DEG) / FINE_STEP_DEG, 0.0)
        i = min(int(x), FINE - 2)
    else:
        x = (elevation_deg - 10.0) / COARSE_STEP_DEG + (FINE - 1)
        i = min(int(x), FINE + COARSE - 3)
    p, q = x - i, y - j
    low = table[j, i] + p * (table[j, i + 1] - table[j, i])
    high = table[j + 1, i] + p * (table[j + 1, i + 1] - table[j + 1, i])
    value: float = low + q * (high - low)
    return value


@compiled
def _looks(
    xyz: Float64s,
    alt_m: Float64s,
    basis: Float64s,
    site_alt_m: Float64s,
    horizon_deg: Float64s,
    lowest_sine: float,
    bending: Float64s,
    found: Float64s,
    status: Codes,
) -> None:
    for s in range(basis.shape[0]):
        for t in range(alt_m.size):
            east, north, up = xyz[0, t] - basis[s, 0], xyz[1, t] - basis[s, 1], xyz[2, t] - basis[s, 2]
            away = math.sqrt(east * east + north * north + up * up)
            rise = east * basis[s, 3] + north * basis[s, 4] + up * basis[s, 5]
            found[0, s, t] = away
            found[1, s, t] = math.nan
            found[2, s, t] = math.nan
            above = alt_m[t] - site_alt_m[s]
            if not math.isfinite(away):
                status[s, t] = UNKNOWN_PLACE
            elif not 0.0 <= above <= TARGET_TOP_M:
                status[s, t] = OUTSIDE_TABLE
            elif rise < lowest_sine * away:
                status[s, t] = BELOW_HORIZON
            else:
                straight = 90.0 if away == 0.0 else math.degrees(math.asin(max(min(rise / away, 1.0), -1.0)))
                found[1, s, t] = straight
                found[2, s, t] = straight + bending_deg(bending[s], straight, above)
                status[s, t] = SEEN if found[2, s, t] >= horizon_deg[s] else BELOW_HORIZON

"""What every member of a flight has of one site at every time: elevation, bearing, range, in view or not.

The straight line on WGS-84, lifted by the bending of a traced ray (`geometry`). A flight is in view where it
stands above the horizon of the site: the level plane, or the mask of its terrain (`places.masks`), which may
lie lower for a site on a height; and above the least elevation asked for. The altitude of a site stands for
that of the country around it, so that heights count above the local ground and not above the ellipsoid.

A member that is lower than the site is seen along a ray that goes down; its bending is that of ground to
ground, half the ray's curvature times the angle at the Earth's centre. To 0.02° within 200 km.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, over_members
from overflight.errors import InputError
from overflight.exposure.geometry import LIGHT, TARGET_TOP_M, Refractivity, bending_deg, bending_of
from overflight.geo import ecef
from overflight.places.masks import SiteMask, grid_elevation_deg, mask_grid
from overflight.places.sites import Site
from overflight.records import check_ensemble
from overflight.sun import solar_position
from overflight.units import EARTH_RADIUS_M

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

# `MemberLooks.status`: why a member is not in view.
IN_VIEW, BELOW_LEVEL, NOT_ALOFT, BEHIND_TERRAIN, BELOW_LEAST = 0, 1, 2, 3, 4
MEMBER_STATUS: Final = (
    "in view",
    "below the level horizon",
    "not aloft",
    "behind the terrain or the site's own horizon",
    "below the least elevation asked for",
)
LEAST_DEG: Final = (-5.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberLooks:
    """What M members had of one site at T times; NaN where a member is not aloft.

    `elevation_deg` is apparent, lifted by the air, above the level plane of the site; `bearing_deg` is the
    azimuth from the site, [0, 360); `range_m` the straight line. `visible` is true above the horizon of the
    site and its least elevation; `status` a code of MEMBER_STATUS. `alt_m` is above WGS-84, `site_alt_m` what
    the site was taken at: their difference is the height above the ground of the site.
    """

    site: Site
    time_s: Float64s
    weight: Float64s
    elevation_deg: Float64s
    bearing_deg: Float64s
    range_m: Float64s
    alt_m: Float64s
    sun_elevation_deg: Float64s
    visible: Bools
    status: Codes
    site_alt_m: float
    min_elevation_deg: float
    air: Refractivity
    mask: SiteMask | None = None

    @property
    def above_site_m(self) -> Float64s:
        """Return the height above the ground of the site, (M, T)."""
        return self.alt_m - self.site_alt_m

    @property
    def probability(self) -> Float64s:
        """Return the share of the whole weight that is in view at each time, (T,)."""
        return np.asarray(self.weight @ self.visible / self.weight.sum(), dtype=np.float64)


def member_looks(
    ensemble: xr.Dataset,
    site: Site,
    *,
    min_elevation_deg: float | None = None,
    air: Refractivity = LIGHT,
    mask: SiteMask | None = None,
) -> MemberLooks:
    """Look from one site at all members of a flight ensemble.

    Parameters
    ----------
    ensemble : `records.make_ensemble`.
    min_elevation_deg : apparent elevation from which the flight counts as in view, -5 to 90. None asks for
        nothing but the horizon: the mask's, or the level plane (0) where there is no mask. A number below
        zero looks below the level plane, as from a height, and a mask then still hides.
    air : `geometry.LIGHT` for what is seen, `RADIO` for what is heard.

    Raises
    ------
    OverflightError
        When the dataset is not a flight ensemble or the elevation is out of bounds.
    """
    check_ensemble(ensemble)
    least = least_elevation_deg(min_elevation_deg, mask)
    alt = ensemble["alt_m"].values.astype(np.float64)
    lon, lat = (ensemble[n].values.astype(np.float64) for n in ("lon", "lat"))
    time_s = ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
    height = site_height_m(site, mask)
    found = np.empty((3, *alt.shape))
    status = np.empty(alt.shape, dtype=np.int8)
    basis = frame_of(site.lon_deg, site.lat_deg, height)
    bending = bending_of(np.array([height]), air)[0]
    grid = mask_grid(mask, min(least, 0.0))
    xyz = ecef(lon, lat, alt)
    gradient = gradient_of(height, air)

    def part(begin: int, end: int) -> None:
        _fill(
            xyz[:, begin:end],
            alt[begin:end],
            basis,
            height,
            bending,
            gradient,
            grid,
            least,
            found[:, begin:end],
            status[begin:end],
        )

    over_members(part, alt.shape[0])
    return MemberLooks(
        site=site,
        time_s=time_s,
        weight=ensemble["weight"].values.astype(np.float64),
        elevation_deg=found[0],
        bearing_deg=found[1],
        range_m=found[2],
        alt_m=alt,
        sun_elevation_deg=solar_position(time_s, site.lon_deg, site.lat_deg)[0],
        visible=status == IN_VIEW,
        status=status,
        site_alt_m=height,
        min_elevation_deg=least,
        air=air,
        mask=mask,
    )


def least_elevation_deg(min_elevation_deg: float | None, mask: SiteMask | None) -> float:
    """Return the least elevation that is meant: none but the horizon's where nothing is asked for."""
    if min_elevation_deg is None:
        return 0.0 if mask is None else LEAST_DEG[0]
    if not LEAST_DEG[0] <= min_elevation_deg <= LEAST_DEG[1]:
        raise InputError(
            f"{min_elevation_deg} degrees is not usable as a least elevation",
            field="min_elevation_deg",
            remedy=f"Give {LEAST_DEG[0]:g} to {LEAST_DEG[1]:g} degrees.",
        )
    return float(min_elevation_deg)


def site_height_m(site: Site, mask: SiteMask | None = None) -> float:
    """Return the height a site looks from: the one its terrain gave, its own, or sea level."""
    if mask is not None and math.isfinite(mask.alt_m):
        return mask.alt_m
    return site.alt_m or 0.0


def frame_of(lon_deg: float, lat_deg: float, alt_m: float) -> Float64s:
    """Return (4, 3): where a site is (Earth-centred metres), its east, its north and its up.

    At a pole the meridian that is given with it says which way north is.
    """
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    return np.array(
        [
            ecef(lon_deg, lat_deg, alt_m),
            [-math.sin(lon), math.cos(lon), 0.0],
            [-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)],
            [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)],
        ]
    )


def gradient_of(alt_m: float, air: Refractivity) -> float:
    """Return the share of the Earth's curvature that rays have at a height: 0.22 for light at sea level."""
    return EARTH_RADIUS_M * air.surface * 1e-6 / air.scale_m * math.exp(-alt_m / air.scale_m)


@compiled
def lifted_deg(bending: Float64s, gradient: float, straight: float, away: float, above: float) -> float:
    """Return the apparent elevation of a straight one, degrees, above or below a site. Compiled."""
    if above >= 0.0:
        return straight + bending_deg(bending, straight, min(above, TARGET_TOP_M))
    return straight + math.degrees(0.5 * gradient * away / EARTH_RADIUS_M)


@compiled
def azimuth_deg(east: float, north: float) -> float:
    """Return the azimuth of a direction, [0, 360). Compiled."""
    turn = math.degrees(math.atan2(east, north))
    if turn < 0.0:
        turn += 360.0
    return turn if turn < 360.0 else 0.0


@compiled
def _fill(
    xyz: Float64s,
    alt_m: Float64s,
    frame: Float64s,
    height: float,
    bending: Float64s,
    gradient: float,
    grid: Float64s,
    least: float,
    found: Float64s,
    status: Codes,
) -> None:
    for m in range(alt_m.shape[0]):
        for t in range(alt_m.shape[1]):
            dx, dy, dz = xyz[0, m, t] - frame[0, 0], xyz[1, m, t] - frame[0, 1], xyz[2, m, t] - frame[0, 2]
            away = math.sqrt(dx * dx + dy * dy + dz * dz)
            if not math.isfinite(away):
                found[0, m, t], found[1, m, t], found[2, m, t] = math.nan, math.nan, math.nan
                status[m, t] = NOT_ALOFT
                continue
            rise = dx * frame[3, 0] + dy * frame[3, 1] + dz * frame[3, 2]
            east = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
            north = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
            straight = 90.0 if away == 0.0 else math.degrees(math.asin(max(min(rise / away, 1.0), -1.0)))
            elevation = lifted_deg(bending, gradient, straight, away, alt_m[m, t] - height)
            bearing = azimuth_deg(east, north)
            found[0, m, t], found[1, m, t], found[2, m, t] = elevation, bearing, away
            horizon = grid_elevation_deg(grid, bearing)
            if elevation > horizon and elevation >= least:
                status[m, t] = IN_VIEW
            elif elevation <= min(horizon, 0.0):
                status[m, t] = BELOW_LEVEL
            else:
                status[m, t] = BEHIND_TERRAIN if elevation <= horizon else BELOW_LEAST

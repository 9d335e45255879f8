"""When, within a pass, a satellite's sensor reached the site: the part of it in which it could have looked.

All from the place at the peak: past it the satellite goes on along a great circle over the ground, at the
rate of its orbit less that of the turning Earth. A camera that looks straight down has its site for half a
minute of a pass of ten. A pass that was under way when the window began or ended is taken as highest there.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.satellites.elements import ElementSet
from overflight.satellites.orbits import SIDEREAL_RADPS
from overflight.satellites.passes import Passes, site_basis
from overflight.sun import solar_position

Float64s = npt.NDArray[np.float64]


def within_reach_s(passes: Passes, satellite: int, rows: slice, reach_deg: float) -> Float64s:
    """Return from when to when (2, n) passes of one satellite had their site within an angle off nadir.

    Parameters
    ----------
    satellite : its index in `passes.orbits`; rows : its passes.
    reach_deg : of `sensors.reach_off_nadir_deg`.

    Returns
    -------
    POSIX seconds within rise and set; NaN where a pass never comes within reach, or the reach is not known.
    """
    site = passes.site[rows]
    ground = np.linalg.norm(site_basis(passes.sites)[:, :3], axis=1)[site]
    off, range_m = np.radians(passes.off_nadir_deg[rows]), passes.range_m[rows]
    # Angles at the Earth's centre between site and satellite: at the peak, and where the reach ends.
    least = np.arcsin(np.clip(range_m * np.sin(off) / ground, -1.0, 1.0))
    away = range_m * np.cos(off) + ground * np.cos(least)
    reach = math.radians(reach_deg)
    most = np.arcsin(np.clip(away * math.sin(reach) / ground, -1.0, 1.0)) - reach
    lat = np.radians([one.lat_deg for one in passes.sites])[site]
    half = np.arccos(np.clip(np.cos(most) / np.cos(least), -1.0, 1.0))
    half /= ground_rate_radps(passes.orbits[satellite].sets[0], away, np.cos(lat))
    span = np.stack([
        np.maximum(passes.peak_s[rows] - half, passes.rise_s[rows]),
        np.minimum(passes.peak_s[rows] + half, passes.set_s[rows]),
    ])  # fmt: skip
    # Where the reach goes past the limb, it is the whole pass.
    past = away * math.sin(min(reach, math.pi / 2)) >= ground
    span[:, past] = passes.rise_s[rows][past], passes.set_s[rows][past]
    return np.where(off <= reach, span, np.nan)


def ground_rate_radps(one: ElementSet, away_m: Float64s, cos_lat: Float64s) -> Float64s:
    """Return the rate at which the point under a satellite moves over the turning Earth, rad/s.

    The satellite's, by its angular momentum, less the Earth's: the difference of the two vectors of rotation,
    without its part along the line up.
    """
    own = math.radians(one.mean_motion_degps) * (one.axis_m / away_m) ** 2
    own = own * math.sqrt(1.0 - one.eccentricity**2)
    along = own * SIDEREAL_RADPS * math.cos(math.radians(one.inclination_deg))
    turn = (SIDEREAL_RADPS * cos_lat) ** 2
    return np.asarray(np.sqrt(own**2 + turn - 2.0 * along))


def by_day_s(span_s: Float64s, passes: Passes) -> Float64s:
    """Return what of spans (2, K) of passes has the sun above the site's horizon; NaN where nothing has.

    The sun is taken to rise or set evenly within a pass.
    """
    kept = np.full(span_s.shape, np.nan)
    some = np.flatnonzero(np.isfinite(span_s[0]))
    if not some.size:
        return kept
    lon, lat = (np.array([getattr(s, n) for s in passes.sites]) for n in ("lon_deg", "lat_deg"))
    site, (begin, end) = passes.site[some], span_s[:, some]
    first, last = (solar_position(t, lon[site], lat[site])[0] for t in (begin, end))
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = begin + (end - begin) * first / (first - last)
    lit = np.stack([np.where(first > 0.0, begin, turn), np.where(last > 0.0, end, turn)])
    kept[:, some] = np.where((first > 0.0) | (last > 0.0), lit, np.nan)
    return kept

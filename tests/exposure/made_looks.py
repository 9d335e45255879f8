"""Flights made for the tests of pictures and signals: members past a site, hovering or passing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.exposure.geometry import LIGHT, RADIO
from overflight.exposure.looks import MemberLooks, member_looks
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import make_ensemble
from overflight.times import parse_utc

# Local noon at 111° W on a day of June is 19:24Z.
NOON_S = parse_utc("2023-06-21T19:24Z")
SITE = Site(id="made", name="a made place", lon_deg=-111.0, lat_deg=47.0, alt_m=0.0, source="made")


def looks_at(
    east_deg: npt.ArrayLike,
    *,
    alt_m: float = 18_300.0,
    time_s: float = NOON_S,
    step_s: float = 600.0,
    site: Site = SITE,
    radio: bool = False,
    mask: SiteMask | None = None,
) -> MemberLooks:
    """Look from the site at members (M, T) that stand so many degrees of longitude east of it."""
    east = np.atleast_2d(np.asarray(east_deg, dtype=np.float64))
    aloft = np.isfinite(east)
    steps = np.arange(east.shape[1]) - 0.5 * (east.shape[1] - 1)
    flight = make_ensemble(
        kind="posterior",
        time_s=time_s + step_s * steps,
        lon_deg=site.lon_deg + east,
        lat_deg=np.where(aloft, site.lat_deg, np.nan),
        alt_m=np.where(aloft, alt_m, np.nan),
        pressure_pa=np.where(aloft, 7e3, np.nan),
        status=np.where(aloft, 0, 2),
    )
    return member_looks(flight, site, air=RADIO if radio else LIGHT, mask=mask)


def hovering(east_deg: float, *, members: int = 8, hours: float = 2.0, **keywords: Any) -> MemberLooks:
    """Look at members that all stay at one place for some hours, a sample each ten minutes."""
    steps = round(hours * 6) + 1
    return looks_at(np.full((members, steps), east_deg), **keywords)


def passing(*, members: int = 8, span_deg: float = 3.0, hours: float = 6.0, **keywords: Any) -> MemberLooks:
    """Look at members that pass overhead, from so many degrees west to as far east."""
    steps = round(hours * 6) + 1
    line = np.linspace(-span_deg, span_deg, steps)
    return looks_at(np.broadcast_to(line, (members, steps)), **keywords)

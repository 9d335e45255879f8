"""When a flight could have had line of sight to a place, and how near it came: findings and rows.

The elevation is apparent: the straight line on WGS-84, lifted by the bending of a ray that is traced through
an exponential atmosphere (`geometry`); by default that of visible light. What hides a site is its level
plane, or the mask of its terrain where one is given (`places.masks`). No buildings, no cloud, no night. The
level plane is a bound neither way: hills may hide more, and what a height sees below its plane is left out
unless a mask or a least elevation lets it in. The altitude of a site is taken for that of the country around
it.

How members move between samples, and how entry and exit are found, `view` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import OverflightError
from overflight.exposure.geometry import LIGHT, RADIO, STRAIGHT, Refractivity
from overflight.exposure.looks import least_elevation_deg
from overflight.exposure.view import Views, ensemble_blocks, view_sites
from overflight.geo import distance_m
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import Finding, check_ensemble, effective_members, spread
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Refraction = Literal["light", "radio", "geometric"]

AIRS: Mapping[str, Refractivity] = MappingProxyType({"light": LIGHT, "radio": RADIO, "geometric": STRAIGHT})

_PRINTED = ("in_view_probability", "hours_in_view", "closest_range", "max_elevation", "closest_time")

# First word of the findings, by kind of ensemble: a forecast must not answer for the past.
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "posterior": "exposure",
        "twin": "exposure",
        "forecast": "exposure_forecast",
        "origin": "exposure_origin",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class SiteView:
    """What every member had of one site: arrays (M,), NaN where a member was never aloft or never in view.

    `closest_m` is the least distance along the ground, `closest_s` when, `highest_deg` the greatest
    apparent elevation seen from the site, `range_m` the shortest straight line. `first_s` and `last_s` are
    the first and last moment in view, `in_view_s` the time in view between them. `probability` (T,) is the
    share of the members in view at each time of `time_s`. `mask` is the horizon that was used, if any.
    """

    site: Site
    weight: Float64s
    seen: Bools
    in_view_s: Float64s
    first_s: Float64s
    last_s: Float64s
    closest_m: Float64s
    closest_s: Float64s
    highest_deg: Float64s
    range_m: Float64s
    time_s: Float64s
    probability: Float64s
    mask: SiteMask | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SightResult:
    """Findings for all sites, rows for `sections.exposure`, and the members' own views by site id."""

    findings: tuple[Finding, ...]
    rows: tuple[Mapping[str, Any], ...]
    by_site: Mapping[str, SiteView]


def sight_windows(
    ensemble: xr.Dataset,
    sites: Iterable[Site],
    *,
    min_elevation_deg: float | None = None,
    refraction: Refraction = "light",
    masks: Mapping[str, SiteMask] | None = None,
    part: str | None = None,
) -> SightResult:
    """Find when a flight was above the horizon of each site.

    Parameters
    ----------
    ensemble : a flight ensemble (`records.make_ensemble`).
    sites : places; one without altitude is taken at sea level, and its findings say so.
    min_elevation_deg : apparent elevation from which the balloon counts as in view, -5 to 90. None asks for
        the horizon only: the level plane, or a mask's.
    refraction : the air of visible light, that of radio, or none.
    masks : horizons by the id of a site; level where a site has none.
    part : first word of the findings' ids; from the kind of ensemble when None (`PARTS`).

    Returns
    -------
    For each site the findings `<part>.<site>.in_view_probability`, `.hours_in_view` (h), `.first_view`,
    `.last_view`, `.closest_time` (POSIX seconds), `.closest_range` (m, along the ground) and
    `.max_elevation` (deg). Hours and views are conditional on being in view.
    """
    check_ensemble(ensemble)
    air = air_of(refraction)
    chosen = tuple(sites)
    time_s = ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
    known = dict(masks or {})
    views = view_sites(
        time_s, ensemble_blocks(ensemble), chosen, min_elevation_deg=min_elevation_deg, air=air, masks=known
    )
    word = part or PARTS[str(ensemble.attrs["kind"])]
    by_site = {view.site.id: view for view in site_views(views, known)}
    findings: list[Finding] = []
    for view in by_site.values():
        findings += _findings(view, word, _given(ensemble, refraction, min_elevation_deg, view.mask))
    rows = tuple(_row(view, word) for view in by_site.values())
    return SightResult(tuple(findings), rows, MappingProxyType(by_site))


def air_of(refraction: str) -> Refractivity:
    """Return the air that a word stands for. Raises OverflightError for another word."""
    if refraction in AIRS:
        return AIRS[refraction]
    remedy = "Use 'light', 'radio' or 'geometric'."
    if refraction == "4/3":
        remedy = "A 4/3 earth puts a balloon's horizon 20 km too far; " + remedy[0].lower() + remedy[1:]
    raise OverflightError(f"refraction '{refraction}' is unknown", remedy=remedy)


def site_views(views: Views, masks: Mapping[str, SiteMask]) -> tuple[SiteView, ...]:
    """Return what was kept of each site by itself, with distances along the ground."""
    seen = views.seen
    return tuple(
        SiteView(
            site=site,
            weight=views.weight,
            seen=seen[i],
            in_view_s=views.in_view_s[i],
            first_s=views.first_s[i],
            last_s=views.last_s[i],
            closest_m=distance_m(site.lon_deg, site.lat_deg, views.near_lon_deg[i], views.near_lat_deg[i]),
            closest_s=views.near_s[i],
            highest_deg=views.highest_deg[i],
            range_m=views.range_m[i],
            time_s=views.time_s,
            probability=views.probability[i],
            mask=masks.get(site.id),
        )
        for i, site in enumerate(views.sites)
    )


def _given(
    ensemble: xr.Dataset, refraction: str, min_elevation_deg: float | None, mask: SiteMask | None
) -> Mapping[str, str]:
    given = {"ensemble": str(ensemble.attrs["kind"]), "refraction": refraction}
    given["min_elevation_deg"] = f"{least_elevation_deg(min_elevation_deg, mask):g}"
    if mask is not None:
        given["horizon"] = mask.source or "as given"
    if "winds" in ensemble.attrs:
        given["winds"] = str(ensemble.attrs["winds"])
    return given


def _findings(view: SiteView, part: str, given: Mapping[str, str]) -> list[Finding]:
    name, weight = view.site.name, view.weight
    head = _head(view, part)
    effective = effective_members(weight)
    limits = _limits(view)
    p = _share_seen(view)
    findings = [
        Finding(
            id=f"{head}.in_view_probability",
            question=f"Was the flight ever above the horizon of {name}?",
            kind="probability",
            unit="1",
            value={"p": p},
            given=given,
            reason=f"share of {weight.size} members ({effective:.0f} effective); {limits}",
        )
    ]
    for quantity, question, unit, values in _asked(view):
        findings.append(_interval(f"{head}.{quantity}", question, unit, values, weight, given, limits))
    return findings


def _limits(view: SiteView) -> str:
    """Say what was left out."""
    mask = view.mask
    if mask is None:
        limits = "geometry and refraction only: a level horizon, no terrain, no view from a height, no cloud"
        if view.site.alt_m is None:
            limits += "; the site's altitude is not given and taken as sea level"
        return limits
    limits = f"above its horizon ({mask.source or 'as given'}); no cloud"
    return "; ".join([limits, *mask.notes])


def _asked(view: SiteView) -> tuple[tuple[str, str, str, Float64s], ...]:
    name = view.site.name
    return (
        ("hours_in_view", f"How long was {name} in line of sight?", "h", view.in_view_s / HOUR_S),
        ("first_view", f"When did {name} first come into line of sight?", "posix_s", view.first_s),
        ("last_view", f"When was {name} last in line of sight?", "posix_s", view.last_s),
        ("closest_range", f"How near did the flight come to {name}, along the ground?", "m", view.closest_m),
        ("closest_time", f"When was the flight nearest to {name}?", "posix_s", view.closest_s),
        (
            "max_elevation",
            f"How high did the flight stand at most, seen from {name}?",
            "deg",
            view.highest_deg,
        ),
    )


def _interval(
    finding_id: str,
    question: str,
    unit: str,
    values: Float64s,
    weight: Float64s,
    given: Mapping[str, str],
    limits: str,
) -> Finding:
    value = spread(values, weight)
    count = int((np.isfinite(values) & (weight > 0)).sum())
    share = f"{count} of {weight.size} members"
    return Finding(
        id=finding_id,
        question=question,
        kind="interval" if value else "undetermined",
        unit=unit,
        value=value,
        given=given,
        reason=f"of {share}; {limits}" if value else f"only {share} tell, too few for quantiles; {limits}",
    )


def _share_seen(view: SiteView) -> float:
    return min(float(view.weight[view.seen].sum() / view.weight.sum()), 1.0)


def _row(view: SiteView, part: str) -> Mapping[str, Any]:
    """One row for `sections.exposure`: plain values, None where too few members tell."""
    quantiles = {quantity: spread(values, view.weight) for quantity, _, _, values in _asked(view)}
    closest_km = spread(np.round(view.closest_m / 1e3, 3), view.weight)
    return {
        "site": view.site.id,
        "name": view.site.name,
        "lon_deg": view.site.lon_deg,
        "lat_deg": view.site.lat_deg,
        "alt_m": view.site.alt_m,
        "source": view.site.source,
        "p_in_view": _share_seen(view),
        "hours": quantiles["hours_in_view"],
        "first_view": quantiles["first_view"],
        "last_view": quantiles["last_view"],
        "closest_range_km": closest_km,
        "closest_time": quantiles["closest_time"],
        "max_elevation_deg": quantiles["max_elevation"],
        "horizon": None if view.mask is None else view.mask.source,
        "notes": [] if view.mask is None else list(view.mask.notes),
        "finding_ids": [f"{_head(view, part)}.{quantity}" for quantity in _PRINTED],
    }


def _head(view: SiteView, part: str) -> str:
    return f"{part}.{re.sub(r'[^A-Za-z0-9_-]', '_', view.site.id)}"

"""When a flight could have had line of sight to a place, and how near it came. Geometry only.

The elevation of the balloon above the level plane of the site is that of WGS-84. No terrain, no buildings,
no cloud, no night: a window is when nothing but the Earth's curve decides, and is an upper bound on what
could have been seen. The altitude of a site is taken for that of the country around it, so its horizon is
level; what a mountain top sees below that is left out. Refraction is left out ('geometric') or taken as an
Earth of 4/3 radius, which is meant for radio in the lower atmosphere (Recommendation ITU-R P.834) and moves
the horizon of a balloon at 18 km from about 480 to 550 km; light lies between the two.

Between samples a member moves along the great circle at constant speed and climb. Its closest approach is
placed on the arc (of the sphere, which shifts it along the path by at most 0.3 % of its distance), not at a
sample, and added to the samples; the times of rising and setting are placed
by linear interpolation of the elevation. What is missed is a rise and set between two neighbouring samples
on one side of the closest approach, which a smooth path does not make.
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
from overflight.geo import distance_m, lonlat, look, unit_vector
from overflight.places.sites import Site
from overflight.records import Finding, check_ensemble, quantile_value
from overflight.units import EARTH_RADIUS_M, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Refraction = Literal["geometric", "4/3"]

RADII: Mapping[str, float] = MappingProxyType({"geometric": 1.0, "4/3": 4.0 / 3.0})

# Below this many effective members the 5th and 95th percentiles are the extremes of a handful.
MIN_EFFECTIVE = 5.0

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
    elevation seen from the site. `first_s` and `last_s` are the first and last moment in view,
    `in_view_s` the time in view between them.
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


@dataclass(frozen=True, slots=True, eq=False)
class SightResult:
    """Findings for all sites, rows for `sections.exposure`, and the members' own views by site id."""

    findings: tuple[Finding, ...]
    rows: tuple[Mapping[str, Any], ...]
    by_site: Mapping[str, SiteView]


@dataclass(frozen=True, slots=True, eq=False)
class _Tracks:
    """Paths of all members, (M, T), NaN where not aloft."""

    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    vector: Float64s
    weight: Float64s


def sight_windows(
    ensemble: xr.Dataset,
    sites: Iterable[Site],
    *,
    min_elevation_deg: float = 0.0,
    refraction: Refraction = "geometric",
    part: str | None = None,
) -> SightResult:
    """Find when a flight was above the horizon of each site.

    Parameters
    ----------
    ensemble : a flight ensemble (`records.make_ensemble`).
    sites : places; one without altitude is taken at sea level, and its findings say so.
    min_elevation_deg : elevation from which the balloon counts as in view, -5 to 90.
    part : first word of the findings' ids; from the kind of ensemble when None (`PARTS`).

    Returns
    -------
    For each site the findings `<part>.<site>.in_view_probability`, `.hours_in_view` (h), `.first_view`,
    `.last_view`, `.closest_time` (POSIX seconds), `.closest_range` (m, along the ground) and
    `.max_elevation` (deg). Hours and views are conditional on being in view.
    """
    check_ensemble(ensemble)
    if refraction not in RADII:
        raise OverflightError(f"refraction '{refraction}' is unknown", remedy="Use 'geometric' or '4/3'.")
    if not -5.0 <= min_elevation_deg <= 90.0:
        raise OverflightError(
            f"least elevation {min_elevation_deg} deg is not usable", remedy="Give -5 to 90 degrees."
        )
    tracks = _tracks(ensemble)
    word = part or PARTS[str(ensemble.attrs["kind"])]
    views = {s.id: site_view(tracks, s, min_elevation_deg, RADII[refraction]) for s in sites}
    given = {"ensemble": str(ensemble.attrs["kind"]), "refraction": refraction}
    given["min_elevation_deg"] = f"{min_elevation_deg:g}"
    if "winds" in ensemble.attrs:
        given["winds"] = str(ensemble.attrs["winds"])
    findings = [f for view in views.values() for f in _findings(view, word, given)]
    rows = tuple(_row(view, word) for view in views.values())
    return SightResult(tuple(findings), rows, MappingProxyType(views))


def elevation_deg(
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    site: Site,
    radius_factor: float = 1.0,
) -> Float64s:
    """Return the elevation of places as seen from a site; NaN for NaN.

    For a `radius_factor` other than 1 the elevation on WGS-84 is corrected by the difference that the
    factor makes on a sphere with the same distance along the ground.
    """
    height = site.alt_m or 0.0
    straight = look(site.lon_deg, site.lat_deg, height, lon_deg, lat_deg, alt_m)[1]
    if radius_factor == 1.0:
        return straight
    away = unit_vector(lon_deg, lat_deg).T - unit_vector(site.lon_deg, site.lat_deg)
    angle = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt((away**2).sum(axis=-1)), 1.0)).T
    alt = np.asarray(alt_m, dtype=np.float64)
    lifted = _on_sphere(angle / radius_factor, height, alt, radius_factor * EARTH_RADIUS_M)
    return np.asarray(straight + lifted - _on_sphere(angle, height, alt, EARTH_RADIUS_M))


def _on_sphere(angle: Float64s, low_m: float, high_m: Float64s, radius_m: float) -> Float64s:
    up = (radius_m + high_m) * np.cos(angle) - (radius_m + low_m)
    return np.asarray(np.degrees(np.arctan2(up, (radius_m + high_m) * np.sin(angle))))


def site_view(tracks: _Tracks, site: Site, min_elevation_deg: float, radius_factor: float) -> SiteView:
    """Return what every member had of one site."""
    time, lon, lat, alt, closest = _with_closest(tracks, site)
    elevation = elevation_deg(lon, lat, alt, site, radius_factor)
    above = elevation - min_elevation_deg
    first, last, stay = _windows(time, above)
    row = np.arange(len(time))
    ground = distance_m(site.lon_deg, site.lat_deg, lon[row, closest], lat[row, closest])
    aloft = np.isfinite(ground)
    seen = np.asarray((above > 0).any(axis=1), dtype=np.bool_)
    return SiteView(
        site=site,
        weight=tracks.weight,
        seen=seen,
        in_view_s=np.where(seen, stay, np.nan),
        first_s=first,
        last_s=last,
        closest_m=ground,
        closest_s=np.where(aloft, time[row, closest], np.nan),
        highest_deg=np.where(aloft, np.where(np.isfinite(elevation), elevation, -90.0).max(axis=1), np.nan),
    )


def _tracks(ensemble: xr.Dataset) -> _Tracks:
    time_s = ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
    lon, lat, alt = (ensemble[n].values.astype(np.float64) for n in ("lon", "lat", "alt_m"))
    weight = ensemble["weight"].values.astype(np.float64)
    return _Tracks(time_s, lon, lat, alt, unit_vector(lon, lat), weight)


def _with_closest(
    tracks: _Tracks, site: Site
) -> tuple[Float64s, Float64s, Float64s, Float64s, npt.NDArray[np.intp]]:
    """Return time, lon, lat, alt (M, T + 1), the samples and the closest approach, and the index of that."""
    segment, fraction = _closest_approach(tracks.vector, unit_vector(site.lon_deg, site.lat_deg))
    row = np.arange(segment.size)
    following = np.minimum(segment + 1, tracks.time_s.size - 1)
    a, b = tracks.vector[:, row, segment], tracks.vector[:, row, following]
    lon, lat = lonlat(np.where(fraction > 0, a + _chord(a, b, fraction) * (b - a), a))
    time = tracks.time_s[segment] + fraction * (tracks.time_s[following] - tracks.time_s[segment])
    low, high = tracks.alt_m[row, segment], tracks.alt_m[row, following]
    alt = np.where(fraction > 0, low + fraction * (high - low), low)
    times = np.broadcast_to(tracks.time_s, tracks.lon_deg.shape)
    place = np.where(np.arange(times.shape[1] + 1) <= segment[:, None], 0, -1) + np.arange(times.shape[1] + 1)
    new = np.arange(times.shape[1] + 1) == segment[:, None] + 1

    def insert(samples: Float64s, value: Float64s) -> Float64s:
        return np.where(new, value[:, None], np.take_along_axis(samples, place, axis=1))

    return (
        insert(times, time),
        insert(tracks.lon_deg, lon),
        insert(tracks.lat_deg, lat),
        insert(tracks.alt_m, alt),
        segment + 1,
    )


def _closest_approach(vector: Float64s, site: Float64s) -> tuple[npt.NDArray[np.intp], Float64s]:
    """Return the segment (M,) on which each member comes closest, and how far along its arc in [0, 1)."""
    dot = np.einsum("cmt,c->mt", vector, site)
    a, b = vector[:, :, :-1], vector[:, :, 1:]
    angle = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(((b - a) ** 2).sum(axis=0)), 1.0))
    # Along the arc the dot product with the site is A cos(x) + B sin(x), greatest at x = atan2(B, A).
    sine = np.where(angle > 1e-12, np.sin(angle), 1.0)
    across = (dot[:, 1:] - dot[:, :-1] * np.cos(angle)) / sine
    best = np.clip(np.arctan2(across, dot[:, :-1]), 0.0, angle)
    peak = dot[:, :-1] * np.cos(best) + across * np.sin(best)
    reach = np.full(dot.shape, -np.inf)
    reach[:, :-1] = np.where(np.isfinite(peak), peak, -np.inf)
    # A life of one sample has no arc: the sample itself.
    reach = np.maximum(reach, np.where(np.isfinite(dot), dot, -np.inf))
    segment = np.argmax(reach, axis=1)
    row = np.arange(segment.size)
    along = np.zeros(dot.shape)
    along[:, :-1] = np.where(np.isfinite(peak) & (angle > 1e-12), best / np.where(angle > 0, angle, 1.0), 0.0)
    return segment, np.minimum(along[row, segment], 1.0)


def _chord(a: Float64s, b: Float64s, fraction: Float64s) -> Float64s:
    """Fraction along the chord of what is a fraction along the arc."""
    angle = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(((b - a) ** 2).sum(axis=0)), 1.0))
    part = np.sin(fraction * angle)
    rest = np.sin((1.0 - fraction) * angle)
    return np.where(angle > 1e-12, part / np.maximum(part + rest, 1e-300), fraction)


def _windows(time_s: Float64s, above: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Return first and last moment (M,) with the signed function above zero, and the time above it."""
    v0, v1 = above[:, :-1], above[:, 1:]
    known = np.isfinite(v0) & np.isfinite(v1)
    t0, t1 = time_s[:, :-1], time_s[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        zero = t0 + (t1 - t0) * np.clip(v0 / (v0 - v1), 0.0, 1.0)
    begin = np.where(v0 > 0, t0, np.where(v1 > 0, zero, np.nan))
    end = np.where(v1 > 0, t1, np.where(v0 > 0, zero, np.nan))
    begin, end = np.where(known, begin, np.nan), np.where(known, end, np.nan)
    stay = np.nansum(end - begin, axis=1)
    # A lone sample in view is a moment without length.
    sample = np.where(above > 0, time_s, np.nan)
    first = _extreme(np.concatenate([begin, sample], axis=1), np.fmin)
    last = _extreme(np.concatenate([end, sample], axis=1), np.fmax)
    return first, last, stay


def _extreme(values: Float64s, pick: np.ufunc) -> Float64s:
    return np.asarray(pick.reduce(values, axis=1), dtype=np.float64)


def _findings(view: SiteView, part: str, given: Mapping[str, str]) -> list[Finding]:
    name, weight = view.site.name, view.weight
    head = _head(view, part)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    limits = "geometry only: no terrain, no cloud"
    if view.site.alt_m is None:
        limits += "; the site's altitude is not given and taken as sea level"
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
    value = _quantiles(values, weight)
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


def _quantiles(values: Float64s, weight: Float64s) -> dict[str, float | str] | None:
    w = weight[np.isfinite(values)]
    if not (w > 0).any() or w.sum() ** 2 / (w**2).sum() < MIN_EFFECTIVE:
        return None
    shift = float(np.nanmin(values))
    return quantile_value(values - shift, weight, offset=shift)


def _share_seen(view: SiteView) -> float:
    return min(float(view.weight[view.seen].sum() / view.weight.sum()), 1.0)


def _row(view: SiteView, part: str) -> Mapping[str, Any]:
    """One row for `sections.exposure`: plain values, None where too few members tell."""
    quantiles = {quantity: _quantiles(values, view.weight) for quantity, _, _, values in _asked(view)}
    closest_km = _quantiles(view.closest_m / 1e3, view.weight)
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
        "finding_ids": [f"{_head(view, part)}.{quantity}" for quantity in _PRINTED],
    }


def _head(view: SiteView, part: str) -> str:
    return f"{part}.{re.sub(r'[^A-Za-z0-9_-]', '_', view.site.id)}"

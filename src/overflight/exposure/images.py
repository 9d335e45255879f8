"""Pictures that could have been taken of a site: grade, dwell, light, haze, and cloud kept apart.

For each class of camera and member: the time at or above a grade that the site's owner names, the best grade
and when. Two answers stand side by side and never mix. The *clear-sky* value knows no cloud but that which
was observed to cover the whole sky. The *cloud-weighted* value takes the chance of cloud that the user gives,
or a climatological default. A chance never lowers the clear-sky value.

Neither is a bound: both hold for the class of camera, under one visibility, given or assumed, and only where
the equation can be assessed; a picture that is sharpened may tell more. Where the equation of the grade has
not been tried (seen at less than 8.9 degrees, too little signal, a sampling outside 1 to 2) there is 'not
assessed', and never a number. Hours count where it has. Night is no picture in visible light; thermal and
low-light cameras are not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.exposure.cameras import BUILT_IN, CameraClass, camera_row
from overflight.exposure.finer import (
    Pieces,
    best_by_member,
    by_members,
    finding_head,
    interval_finding,
    pieces_of,
    share,
)
from overflight.exposure.geometry import slant_m
from overflight.exposure.looks import MemberLooks
from overflight.exposure.niirs_words import check_level, grade_words, level_words, scale_rows
from overflight.exposure.optics import (
    LEAST_ELEVATION_DEG,
    LEAST_SUN_DEG,
    NIIRS_BAND,
    Q_OUTSIDE,
    QUALITY_STATUS,
    TOO_LOW,
    image_quality,
    rayleigh_m,
)
from overflight.places.sites import Site
from overflight.records import Finding, spread
from overflight.units import HOUR_S
from overflight.words import likelihood, percent

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Clear air by the usual word; haze is 5 km, and the far north in winter has 50 and more.
VISIBILITY_KM: Final = 23.0
# Rail cars by their kind: where pictures begin to tell more than maps.
LEVEL: Final = 5.0
# Overcast: from here on an observed cover lowers the clear-sky value (eight eighths, WMO code 2700).
OVERCAST: Final = 0.95
# Time between the pieces of a step: 2 to 4 km of flight.
PIECE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedCloud:
    """Cloud that someone saw over a site, a share of the sky from one time to another."""

    time_start: float
    time_end: float
    cover: float
    source: str

    def __post_init__(self) -> None:
        if not (0.0 <= self.cover <= 1.0 and self.time_start < self.time_end):
            raise InputError(
                f"a cover of {self.cover!r} from {self.time_start!r} to {self.time_end!r} cannot be",
                field="cloud",
                remedy="Give a share of the sky from 0 to 1, and an end after the beginning.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The chance that cloud hides a site, where from, and what was observed."""

    probability: float
    source: str
    observed: tuple[ObservedCloud, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise InputError(
                f"{self.probability!r} is no probability", field="cloud", remedy="Give a share from 0 to 1."
            )


# M. D. King et al., IEEE Trans. Geosci. Remote Sens. 51 (2013) 3826: cloud covers 67 % of the globe by the
# MODIS instruments of 2000-2011, 55 % over land.
DEFAULT_CLOUD: Final = Cloud(
    probability=0.67, source="assumed: the mean cover of the globe (MODIS, 2000–2011), not that of the day"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraImages:
    """What one class of camera could have taken of a site: arrays (M,), NaN where a member has none.

    `clear_h` is under a clear sky at or above `level`, `cloudy_h` weighted by cloud, `generous_h` the
    first if the equation is half a grade too strict. `best_niirs` and `best_s` are of the clear sky.
    `left_h` is daylight in sight that is not assessed, `reasons` its mean hours by reason.
    """

    camera: CameraClass
    level: float
    clear_h: Float64s
    cloudy_h: Float64s
    generous_h: Float64s
    best_niirs: Float64s
    best_s: Float64s
    best_gsd_m: Float64s
    clear_share: Float64s
    left_h: Float64s
    reasons: Mapping[str, float]

    @property
    def assessed(self) -> Bools:
        """Return which members have a picture that can be graded, (M,)."""
        return np.isfinite(self.best_niirs)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteImages:
    """Pictures of one site: by class of camera, with findings and rows of `sections.exposure.images`.

    `visibility_assumed` where nobody gave one.
    """

    site: Site
    level: float
    visibility_km: float
    visibility_assumed: bool
    cloud: Cloud
    weight: Float64s
    in_sight: Bools
    by_camera: tuple[CameraImages, ...]
    findings: tuple[Finding, ...]
    rows: tuple[Mapping[str, Any], ...]


def image_site(
    looks: MemberLooks,
    cameras: Sequence[CameraClass] = BUILT_IN,
    *,
    visibility_km: float | None = None,
    cloud: Cloud = DEFAULT_CLOUD,
    niirs: float = LEVEL,
    part: str = "exposure",
    piece_s: float = PIECE_S,
) -> SiteImages:
    """Find what classes of cameras could have seen of a site, by member.

    Parameters
    ----------
    looks : of the site, with `geometry.LIGHT`.
    visibility_km : near the ground, above 0 to 300; None assumes `VISIBILITY_KM`, and says so.
    niirs : grade from which the site's owner counts, 0 to 9.
    part : first word of the findings' ids.

    Raises
    ------
    InputError
        When a grade, a visibility or a cloud cannot be, or there is no camera.
    """
    level = check_level(niirs)
    visibility = VISIBILITY_KM if visibility_km is None else visibility_km
    _check(cameras, visibility)
    blocks = [_block(one, cameras, visibility, cloud, level, piece_s) for one in by_members(looks)]
    by_camera = tuple(
        _joined(camera, level, [block[i] for block in blocks], looks) for i, camera in enumerate(cameras)
    )
    in_sight = np.asarray(looks.visible.any(axis=1), dtype=np.bool_)
    under = f"a visibility of {visibility:g} km" + (" (assumed)" if visibility_km is None else "")
    given = _given(looks, f"{visibility:g}", cloud, level)
    findings: list[Finding] = []
    rows = []
    for one in by_camera:
        made = _findings(one, looks, in_sight, under, cloud, part, given)
        findings += made
        rows.append(_row(one, looks, in_sight, under, made))
    return SiteImages(
        site=looks.site,
        level=level,
        visibility_km=visibility,
        visibility_assumed=visibility_km is None,
        cloud=cloud,
        weight=looks.weight,
        in_sight=in_sight,
        by_camera=by_camera,
        findings=tuple(findings),
        rows=tuple(rows),
    )


def images_section(results: Sequence[SiteImages]) -> dict[str, Any]:
    """Return `sections.exposure.images`: classes, the scale, and one row a site and class."""
    cameras = {one.camera.id: one.camera for result in results for one in result.by_camera}
    return {
        "cameras": [camera_row(one) for one in cameras.values()],
        "scale": scale_rows(),
        "rows": [dict(row) for result in results for row in result.rows],
        "notes": [*NOTES, *_cloud_notes(results)],
    }


def _cloud_notes(results: Sequence[SiteImages]) -> list[str]:
    """Say what chance of cloud the weighted values take, once for each."""
    told = [f"Chance of cloud: {one.cloud.probability:.2g}, {one.cloud.source}." for one in results]
    return list(dict.fromkeys(told))


NOTES: Final = (
    "The clear-sky value knows no cloud but what was observed to cover the whole sky; the cloud-weighted "
    "value takes the chance given. They answer different questions, and neither is a bound: clearer air, a "
    "sharpened picture or what is not assessed may add to them.",
    f"Grades are those of GIQE 5, ± {NIIRS_BAND:g}. 'Not assessed' is where that equation has not been "
    "tried, and is no zero.",
    "A camera is taken to point at the site and to hold still. What a balloon carried is not known unless a "
    "source is given.",
)


def reach_m(looks: MemberLooks) -> float:
    """Return the distance from which a site is seen at 8.9 degrees from the greatest height, metres."""
    height = float(np.nanmax(looks.above_site_m, initial=0.0))
    return max(float(slant_m(max(height, 0.0), LEAST_ELEVATION_DEG - 0.5)), 1.0)


def cloud_chance(cloud: Cloud, time_s: npt.ArrayLike) -> Float64s:
    """Return the chance that cloud hides the site at times: what was observed, else the chance given.

    An observed overcast is 1; where two observations overlap, the later one of the list counts.
    """
    time = np.asarray(time_s, dtype=np.float64)
    chance = np.full(time.shape, cloud.probability)
    for one in cloud.observed:
        during = (time >= one.time_start) & (time <= one.time_end)
        chance[during] = 1.0 if one.cover >= OVERCAST else one.cover
    return chance


def overcast(cloud: Cloud, time_s: npt.ArrayLike) -> Bools:
    """Return when the whole sky was observed to be covered: the only cloud in the clear-sky value."""
    time = np.asarray(time_s, dtype=np.float64)
    covered = np.zeros(time.shape, dtype=np.bool_)
    for one in cloud.observed:
        during = (time >= one.time_start) & (time <= one.time_end)
        covered[during] = one.cover >= OVERCAST
    return covered


def _check(cameras: Sequence[CameraClass], visibility_km: float) -> None:
    if not cameras:
        raise InputError("there is no camera", field="cameras", remedy="Give one class at least.")
    if not 0.0 < visibility_km <= 300.0:
        raise InputError(
            f"{visibility_km!r} km cannot be",
            field="visibility_km",
            remedy="Give kilometres, above 0 to 300: 23 is clear, 5 haze.",
        )


def grade(
    camera: CameraClass, pieces: Pieces, visibility_km: float
) -> tuple[Float64s, npt.NDArray[np.int8], Float64s]:
    """Return grade, status and ground sample distance (N,) of the pictures of pieces under a clear sky."""
    quality = image_quality(
        camera.camera,
        pieces.range_m,
        pieces.elevation_deg,
        pieces.sun_elevation_deg,
        visibility_m=visibility_km * 1e3,
        smear_px=camera.smear_px,
    )
    niirs = np.where(pieces.in_sight, quality.niirs, np.nan)
    return niirs, quality.status, quality.gsd_m


# What a block of members tells of one camera, in the order of `_block`.
_Told = tuple[Float64s, Float64s, Float64s, Float64s, Float64s, Float64s, Float64s, Float64s, Float64s]


def _block(
    looks: MemberLooks,
    cameras: Sequence[CameraClass],
    visibility_km: float,
    cloud: Cloud,
    level: float,
    piece_s: float,
) -> list[_Told]:
    pieces = pieces_of(looks, reach_m=reach_m(looks), step_s=piece_s)
    covered = overcast(cloud, pieces.time_s)
    open_ = 1.0 - cloud_chance(cloud, pieces.time_s)
    told: list[_Told] = []
    for camera in cameras:
        niirs, status, gsd = grade(camera, pieces, visibility_km)
        niirs = np.where(covered, np.nan, niirs)
        best, when = best_by_member(pieces, niirs)
        good = niirs >= level
        sharpest = np.full(looks.weight.size, np.nan)
        at_best = niirs == best[pieces.member]
        sharpest[pieces.member[at_best]] = gsd[at_best]
        clear = np.zeros(looks.weight.size)
        np.maximum.at(clear, pieces.member, np.where(good, open_, 0.0))
        lit = pieces.in_sight & (pieces.sun_elevation_deg >= LEAST_SUN_DEG)
        # Hours by reason, (reasons, M): only what is not assessed.
        by_reason = np.stack(
            [pieces.hours(lit & (status == code) & (code >= TOO_LOW)) for code in range(len(QUALITY_STATUS))]
        )
        told.append(
            (
                pieces.hours(good),
                pieces.hours(good * open_),
                pieces.hours(niirs >= level - NIIRS_BAND),
                best,
                when,
                sharpest,
                clear,
                pieces.hours(lit & (status < TOO_LOW)),
                by_reason,
            )
        )
    return told


def _joined(camera: CameraClass, level: float, blocks: Sequence[_Told], looks: MemberLooks) -> CameraImages:
    clear, cloudy, generous, best, when, gsd, chance, assessed, reasons = (
        np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)
    )
    daylight = _daylight_h(looks)
    mean = reasons @ looks.weight / looks.weight.sum()
    left = np.maximum(daylight - assessed, 0.0)
    # What lies out of the pieces' reach is seen lower than 8.9 degrees.
    mean[TOO_LOW] += max(float(left @ looks.weight / looks.weight.sum() - mean.sum()), 0.0)
    named = {QUALITY_STATUS[i]: float(mean[i]) for i in np.argsort(-mean) if mean[i] > 1e-9}
    return CameraImages(
        camera=camera,
        level=level,
        clear_h=clear,
        cloudy_h=cloudy,
        generous_h=generous,
        best_niirs=best,
        best_s=when,
        best_gsd_m=gsd,
        clear_share=chance,
        left_h=left,
        reasons=MappingProxyType(named),
    )


def _daylight_h(looks: MemberLooks) -> Float64s:
    """Hours (M,) in sight with the sun up: samples, each for half of the steps beside it."""
    steps = np.diff(looks.time_s)
    length = 0.5 * (np.concatenate([[0.0], steps]) + np.concatenate([steps, [0.0]]))
    lit = looks.visible & (looks.sun_elevation_deg >= LEAST_SUN_DEG)
    return np.asarray(lit @ length / HOUR_S, dtype=np.float64)


# --- findings ---------------------------------------------------------------------------------------------


def _given(looks: MemberLooks, visibility: str, cloud: Cloud, level: float) -> dict[str, str]:
    return {
        "niirs": f"{level:g}",
        "visibility_km": visibility,
        "cloud": f"{cloud.probability:.2f} ({cloud.source})",
        "cloud_observed": f"{len(cloud.observed)} intervals",
        "terrain": "level horizon" if looks.mask is None else looks.mask.source or "mask",
    }


def _not_assessed(one: CameraImages, in_sight: Bools) -> str:
    """Why nothing can be said, empty where something can: a site out of sight has no pictures for certain."""
    if not one.camera.in_range:
        return QUALITY_STATUS[Q_OUTSIDE]
    if one.assessed.any() or not in_sight.any():
        return ""
    if float(one.left_h.sum()) > 0.0:
        return next(iter(one.reasons), QUALITY_STATUS[TOO_LOW])
    return ""


def _findings(
    one: CameraImages,
    looks: MemberLooks,
    in_sight: Bools,
    under: str,
    cloud: Cloud,
    part: str,
    given: Mapping[str, str],
) -> list[Finding]:
    name, camera, weight = looks.site.name, one.camera.name, looks.weight
    head = f"{finding_head(part, looks.site.id)}.images_{one.camera.id}"
    why = _not_assessed(one, in_sight)
    basis = f"under {under}, where assessed; {weight.size} members; {one.camera.source}"
    left = float(one.left_h @ weight / weight.sum())
    if left > 0.05:
        basis += f"; {left:.1f} h of daylight in sight, on average, are not assessed and not counted"
    level = f"NIIRS {one.level:g}"
    wanted = (
        (
            "possible",
            f"Could {name} have been seen at {level} or better under a clear sky, by {camera}?",
            share(one.clear_h > 0.0, weight),
            "clear sky",
        ),
        (
            "possible_cloud",
            f"Could {name} have been seen so with the cloud as given, by {camera}?",
            float(one.clear_share @ weight / weight.sum()),
            f"cloud-weighted, as one state of the sky that lasts: {cloud.source}",
        ),
    )
    findings = [
        _probability(f"{head}_{q}", text, p, given, f"{how}; {basis}", why) for q, text, p, how in wanted
    ]
    for quantity, text, unit, values, how in (
        (
            "hours_clear",
            f"How long could {name} have been seen at {level} or better under a clear sky, by {camera}?",
            "h",
            one.clear_h,
            "clear sky",
        ),
        (
            "hours_cloud",
            f"How long could {name} have been seen so, weighted by cloud, by {camera}?",
            "h",
            one.cloudy_h,
            f"cloud-weighted: {cloud.source}",
        ),
        (
            "best_niirs",
            f"What grade could the best picture of {name} have had under a clear sky, by {camera}?",
            "NIIRS",
            one.best_niirs,
            f"clear sky, of members with a picture that can be graded; ± {NIIRS_BAND:g} beside it",
        ),
        (
            "best_time",
            f"When could the best picture of {name} have been taken, by {camera}?",
            "posix_s",
            one.best_s,
            "of members with a picture that can be graded",
        ),
    ):
        findings.append(
            interval_finding(
                f"{head}_{quantity}", text, unit, values, weight, given, f"{how}; {basis}", why_not=why
            )
        )
    return findings


def _probability(
    id_: str, question: str, p: float, given: Mapping[str, str], reason: str, why: str
) -> Finding:
    if why:
        return Finding(
            id=id_, question=question, kind="undetermined", unit="1", value=None, given=given, reason=why
        )
    value = {"p": min(max(p, 0.0), 1.0)}
    return Finding(
        id=id_, question=question, kind="probability", unit="1", value=value, given=given, reason=reason
    )


def _row(
    one: CameraImages, looks: MemberLooks, in_sight: Bools, under: str, findings: Sequence[Finding]
) -> dict[str, Any]:
    weight, why = looks.weight, _not_assessed(one, in_sight)
    hours = None if why else spread(one.clear_h, weight)
    cloudy = None if why else spread(one.cloudy_h, weight)
    best = spread(one.best_niirs, weight)
    row: dict[str, Any] = {
        "site": looks.site.id,
        "name": looks.site.name,
        "camera": one.camera.id,
        "camera_name": one.camera.name,
        "assumed": one.camera.assumed,
        "level": one.level,
        "level_words": level_words(one.level),
        "under": under,
        "p_in_sight": share(in_sight, weight),
        "p_assessed": share(one.assessed, weight),
        "p_clear": None if why else share(one.clear_h > 0.0, weight),
        "p_cloud": None if why else float(one.clear_share @ weight / weight.sum()),
        "hours_clear": hours,
        "hours_cloud": cloudy,
        "hours_generous": None if why else spread(one.generous_h, weight),
        "best_niirs": best,
        "best_time": spread(one.best_s, weight),
        "best_gsd_m": spread(one.best_gsd_m, weight),
        "best_words": grade_words(float(best["p50"]) if best else math.nan),
        "diffraction_m": _diffraction(one, looks, best),
        "not_assessed": {reason: round(value, 3) for reason, value in one.reasons.items()},
        "status": why or "assessed",
        "finding_ids": [f.id for f in findings],
    }
    row["text"] = _sentence(row, under)
    return row


def _diffraction(
    one: CameraImages, looks: MemberLooks, best: Mapping[str, float | str] | None
) -> float | None:
    """Rayleigh's distance where the flight was nearest in sight, metres; None where nothing is graded."""
    if best is None or not looks.visible.any():
        return None
    near = float(np.nanmin(np.where(looks.visible, looks.range_m, np.nan)))
    camera = one.camera.camera
    return float(rayleigh_m(camera.wavelength_m, camera.aperture_m, near))


def _sentence(row: Mapping[str, Any], under: str) -> str:
    who, name, level = row["camera_name"], row["name"], f"NIIRS {row['level']:g}"
    if row["status"] != "assessed":
        return f"By {who}: what could have been seen of {name} is {row['status']}."
    if row["p_clear"] == 0.0:
        return (
            f"By {who}: {name} could not have been seen at {level} or better under {under}, where assessed."
        )
    hours, cloudy = row["hours_clear"], row["hours_cloud"]
    text = (
        f"By {who}: {name} could have been seen at {level} or better under a clear sky and {under}, "
        f"{likelihood(row['p_clear'])} ({percent(row['p_clear'])})"
    )
    if hours is not None and cloudy is not None:
        text += (
            f", for {hours['p50']:.1f} h ({hours['p05']:.1f} to {hours['p95']:.1f}) where assessed; "
            f"weighted by cloud, {cloudy['p50']:.1f} h ({cloudy['p05']:.1f} to {cloudy['p95']:.1f})"
        )
    return f"{text}."

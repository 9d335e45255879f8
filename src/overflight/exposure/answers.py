"""Exposure of sites to a flight: sight, pictures, signals, what stays open, and the schedule, in one section.

ensemble, sites, horizons → looks of each site → could it have been seen · pictured · heard → findings

Each site is looked from twice, through the air of light and through that of radio, and its looks are let go
before the next: memory holds one site at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from overflight.exposure import cameras as camera_classes
from overflight.exposure import emitters as emitter_classes
from overflight.exposure.cameras import CameraClass
from overflight.exposure.emitters import EmitterClass
from overflight.exposure.geometry import LIGHT, RADIO, Refractivity, horizon_m
from overflight.exposure.images import SiteImages, image_site, images_section
from overflight.exposure.looks import member_looks
from overflight.exposure.residual import (
    VISIBILITIES_KM,
    Residual,
    residual_findings,
    unknown_images,
    unknown_section,
    unknown_signals,
)
from overflight.exposure.schedule import LEVEL, Schedule, schedule, schedule_findings, schedule_rows
from overflight.exposure.settings import ExposureSettings
from overflight.exposure.sight import PARTS, SightResult, sight_windows
from overflight.exposure.signals import SiteSignals, signal_site, signals_section
from overflight.geo import mean_lonlat
from overflight.places.masks import SiteMask, check_known, higher_mask, masks_from_files, read_masks
from overflight.places.sites import Site
from overflight.records import Finding

if TYPE_CHECKING:
    import xarray as xr

Progress = Callable[[str, float], None]
Masks = Mapping[str, SiteMask]

# What stays open is told over so many members at most: it takes the product of all inputs.
OPEN_MEMBERS: Final = 200
FIGURE_POINTS: Final = 160
MASK_NOTE: Final = (
    "Horizons are those of the terrain or the table given; no buildings beside, no cloud or night."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizons:
    """Masks of sites by their ids, as light meets them and as radio does; empty where all are level."""

    light: Masks
    radio: Masks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExposureAnswer:
    """The answer: `findings` and the `section` of the result, and what they were made from."""

    findings: tuple[Finding, ...]
    section: Mapping[str, Any]
    sight: SightResult
    images: tuple[SiteImages, ...]
    signals: tuple[SiteSignals, ...]
    schedule: Schedule


def read_horizons(
    sites: Sequence[Site], *, dem: Sequence[Path] = (), tables: Sequence[Path] = ()
) -> Horizons:
    """Make the horizons of sites from elevation files, from tables, or the highest of all.

    Raises InputError where a file cannot be read or a table names a site that is not there.
    """
    known: dict[str, SiteMask] = {}
    for table in tables:
        told = read_masks(table)
        check_known(told, sites, table.name)
        known |= {id_: higher_mask(known[id_], mask) if id_ in known else mask for id_, mask in told.items()}
    light, radio = (_over(known, sites, dem, air) for air in (LIGHT, RADIO))
    return Horizons(light=light, radio=radio)


def _over(known: Masks, sites: Sequence[Site], dem: Sequence[Path], air: Refractivity) -> Masks:
    if not dem:
        return dict(known)
    ground = masks_from_files(dem, sites, surface=air.surface, scale_m=air.scale_m)
    return {id_: higher_mask(known[id_], mask) if id_ in known else mask for id_, mask in ground.items()}


def expose(
    ensemble: xr.Dataset,
    sites: Sequence[Site],
    *,
    settings: ExposureSettings | None = None,
    horizons: Horizons | None = None,
    cameras: Sequence[CameraClass] | None = None,
    emitters: Sequence[EmitterClass] | None = None,
    unknown: bool = True,
    progress: Progress | None = None,
) -> ExposureAnswer:
    """Say what could have been seen and heard of sites from a flight, and when each was in view.

    Parameters
    ----------
    ensemble : a flight ensemble of any kind; the ids of the findings begin with its word (`sight.PARTS`).
    horizons : of `read_horizons`; level when None.
    cameras, emitters : classes; the built-in, assumed ones when None, none of them when empty.
    unknown : whether to tell what stays open, which takes most of the time.
    progress : called with what is being done and the share of it that is done.
    """
    s, tell = settings or ExposureSettings(), progress or (lambda _text, _share: None)
    over = horizons or Horizons(light={}, radio={})
    part = PARTS[str(ensemble.attrs["kind"])]
    classes = camera_classes.BUILT_IN if cameras is None else tuple(cameras)
    sources = emitter_classes.BUILT_IN if emitters is None else tuple(emitters)
    tell("lines of sight", 0.0)
    masks = over.radio if s.refraction == "radio" else over.light
    sight = sight_windows(
        ensemble, sites, min_elevation_deg=s.min_elevation_deg, refraction=s.refraction, masks=masks
    )
    plan = schedule(
        ensemble, sites, min_elevation_deg=s.min_elevation_deg, refraction=s.refraction, masks=masks,
        least_probability=s.schedule_probability,
    )  # fmt: skip
    images: list[SiteImages] = []
    signals: list[SiteSignals] = []
    open_: list[Residual] = []
    few = _few(ensemble)
    visibilities = VISIBILITIES_KM if s.visibility_km is None else (s.visibility_km, s.visibility_km)
    for n, site in enumerate(sites):
        grade = s.level(site)
        tell(f"pictures and signals of {site.name}", n / len(sites))
        if classes:
            looks = _looks(ensemble, site, s, over.light, LIGHT)
            images.append(
                image_site(
                    looks, classes, visibility_km=s.visibility_km, cloud=s.cloud, niirs=grade, part=part
                )
            )
            if unknown and looks.visible.any():
                some = _looks(few, site, s, over.light, LIGHT)
                open_ += unknown_images(
                    some, classes, visibilities_km=visibilities, cloud=s.cloud, niirs=grade
                )
        if sources:
            looks = _looks(ensemble, site, s, over.radio, RADIO)
            signals.append(signal_site(looks, sources, part=part))
            # What is loud is heard from past the horizon, where nothing is seen.
            if unknown and any(row["p_bound"] > 0.0 for row in signals[-1].rows):
                open_ += unknown_signals(_looks(few, site, s, over.radio, RADIO), sources)
    section: dict[str, Any] = {
        "rows": [dict(row) for row in sight.rows],
        "notes": [MASK_NOTE if masks else f"{LEVEL}."],
        "schedule": schedule_rows(plan),
        "figure": _figure(ensemble, sight),
    }
    findings = [*sight.findings, *schedule_findings(plan)]
    if images:
        section["images"] = images_section(images)
        findings += [f for one in images for f in one.findings]
    if signals:
        section["signals"] = signals_section(signals)
        findings += [f for one in signals for f in one.findings]
    if open_:
        section["unknown"] = unknown_section(open_, part=part)
        findings += residual_findings(open_, part=part)
    return ExposureAnswer(
        findings=tuple(findings),
        section=section,
        sight=sight,
        images=tuple(images),
        signals=tuple(signals),
        schedule=plan,
    )


def _figure(ensemble: xr.Dataset, sight: SightResult) -> dict[str, Any]:
    """Return the mean path, how far its horizon reaches, and the sites with their probabilities."""
    time_s = ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
    some = np.unique(np.linspace(0, time_s.size - 1, min(time_s.size, FIGURE_POINTS)).round().astype(int))
    lon, lat, alt = (ensemble[n].values[:, some].astype(np.float64) for n in ("lon", "lat", "alt_m"))
    weight = ensemble["weight"].values
    middle_lon, middle_lat = mean_lonlat(lon, lat, weight)
    known = np.where(np.isfinite(alt), weight[:, None], 0.0)
    total = known.sum(axis=0)
    middle = (np.nan_to_num(alt) * known).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    keep = np.flatnonzero(np.isfinite(middle_lon) & (total > 0.0))
    return {
        "time_s": [round(float(t)) for t in time_s[some][keep]],
        "lon_deg": [round(float(v), 3) for v in middle_lon[keep]],
        "lat_deg": [round(float(v), 3) for v in middle_lat[keep]],
        "horizon_m": [round(float(v), -2) for v in horizon_m(np.maximum(middle[keep], 0.0), air=LIGHT)],
        "sites": [
            {
                "id": row["site"], "name": row["name"], "lon_deg": row["lon_deg"], "lat_deg": row["lat_deg"],
                "p": row["p_in_view"], "finding_ids": row["finding_ids"][:1],
            }
            for row in sight.rows
        ],
    }  # fmt: skip


def _looks(ensemble: xr.Dataset, site: Site, s: ExposureSettings, masks: Masks, air: Refractivity) -> Any:
    return member_looks(
        ensemble, site, min_elevation_deg=s.min_elevation_deg, air=air, mask=masks.get(site.id)
    )


def _few(ensemble: xr.Dataset) -> xr.Dataset:
    """Every so many members of an ensemble, their weights anew; all of a small one."""
    step = -(-int(ensemble.sizes["member"]) // OPEN_MEMBERS)
    if step == 1:
        return ensemble
    some = ensemble.isel(member=slice(None, None, step))
    weight = some["weight"].values
    if weight.sum() <= 0.0:
        return ensemble
    return some.assign(weight=("member", weight / weight.sum(), some["weight"].attrs))

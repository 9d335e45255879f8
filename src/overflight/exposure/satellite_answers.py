"""The satellites' part of a case: element sets, passes over the sites, and the comparison with a flight.

case files, store → sets → coverage → comparisons → findings and the section
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overflight.exposure.answers import ExposureAnswer, Horizons
from overflight.exposure.compare import (
    BalloonView,
    Comparison,
    balloon_alone,
    balloon_view,
    compare_site,
    fitness_of,
    sharpest_words,
)
from overflight.exposure.compare_section import satellite_section, section_without
from overflight.exposure.geometry import LIGHT, RADIO
from overflight.exposure.looks import member_looks
from overflight.exposure.settings import ExposureSettings
from overflight.places.sites import Site
from overflight.records import Finding
from overflight.satellites.coverage import Coverage, cover
from overflight.satellites.elements import ElementSet, Reading, Refusal, read_elements
from overflight.satellites.sensors import Sensor
from overflight.satellites.settings import SatelliteSettings
from overflight.satellites.store import name_fits, open_store, store_path
from overflight.times import iso_utc
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Progress = Callable[[str, float], None]

# More than there have been satellites.
ANY_AGE_S = 100.0 * 365.25 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SatelliteAnswer:
    """Findings, the section of the result, and what they were made from (None where there was nothing)."""

    findings: tuple[Finding, ...]
    section: Mapping[str, Any]
    coverage: Coverage | None = None
    comparisons: tuple[Comparison, ...] = ()


def gather_sets(
    files: Sequence[Path],
    time_start: float,
    time_end: float,
    settings: SatelliteSettings,
    *,
    store: Path | None = None,
) -> Reading:
    """Return the sets of files and, where there is one, of the store, as of a window. Opens no socket.

    `store` is the user's own when None. Files are held to the names of the settings as the store is.
    """
    reading = read_elements(files)
    sets = [one for one in reading.sets if name_fits(one.name, settings.names)]
    place = store or store_path()
    if place.is_file():
        with open_store(place) as held:
            # Those too far in time come too, so that what is left out is counted.
            sets += held.choose(time_start, time_end, max_age_s=ANY_AGE_S, names=settings.names)
    return Reading(tuple(sets), reading.refused, reading.kind)


def flight_views(
    ensemble: xr.Dataset,
    sites: Sequence[Site],
    exposed: ExposureAnswer,
    settings: ExposureSettings,
    horizons: Horizons,
) -> list[BalloonView]:
    """Return what a flight had of sites, under the horizons, with the hours and pictures of exposure.

    Parameters
    ----------
    exposed : `answers.expose` of the same ensemble and sites, with these settings and horizons.
    """
    radio = settings.refraction == "radio"
    masks, air = (horizons.radio, RADIO) if radio else (horizons.light, LIGHT)
    pictures = {one.site.id: one for one in exposed.images}
    return [
        balloon_view(
            member_looks(
                ensemble, site, min_elevation_deg=settings.min_elevation_deg, air=air, mask=masks.get(site.id)
            ),
            pictures.get(site.id),
            hours=exposed.sight.by_site[site.id].in_view_s / HOUR_S,
        )
        for site in sites
    ]


def satellite_answers(
    sets: Sequence[ElementSet],
    sites: Sequence[Site],
    time_start: float,
    time_end: float,
    tables: Sequence[Sequence[Sensor]],
    *,
    views: Sequence[BalloonView] = (),
    refused: Sequence[Refusal] = (),
    settings: SatelliteSettings | None = None,
    progress: Progress | None = None,
) -> SatelliteAnswer:
    """Answer what satellites could have seen of sites and, with `views`, what only a balloon could.

    Parameters
    ----------
    views : of sites among `sites`, by `compare.balloon_view`; a site without one has its passes alone.
    """
    settings = settings or SatelliteSettings()
    if not sites or not sets:
        return _without(sites, "", tables, views, refused)
    coverage = cover(
        sets, sites, time_start, time_end, min_elevation_deg=settings.min_elevation_deg,
        max_age_s=settings.max_age_s, draws=settings.draws, seed=settings.seed, progress=progress,
    )  # fmt: skip
    if not coverage.computed.orbits:
        found = _too_far(sets, time_start, time_end, settings)
        return _without(sites, found, tables, views, refused)
    by_site = {view.site.id: view for view in views}
    fits = fitness_of(coverage, tables)
    comparisons = tuple(
        compare_site(by_site.get(site.id), coverage, index, tables, fits=fits)
        for index, site in enumerate(sites)
    )
    section = satellite_section(
        comparisons, coverage, tables, views=views, refused=[str(one) for one in refused]
    )
    findings = tuple(f for one in comparisons for f in one.findings)
    return SatelliteAnswer(findings=findings, section=section, coverage=coverage, comparisons=comparisons)


def _too_far(
    sets: Sequence[ElementSet], time_start: float, time_end: float, settings: SatelliteSettings
) -> str:
    """Return that sets are at hand and how far they lie from the window."""
    away = {max(time_start - one.epoch_s, one.epoch_s - time_end): one.epoch_s for one in sets}
    objects = len({one.catalog for one in sets})
    return (
        f"The element sets at hand, of {objects} object{'s' if objects > 1 else ''}, lie more than "
        f"{settings.max_age_s / DAY_S:g} days from the window, the nearest at {iso_utc(away[min(away)])}, "
        f"{int(min(away) / DAY_S)} days off: a place in the orbit cannot be told from them. Fetch those of "
        "the time, or raise `max_age_days` under `[ask.satellites]`. "
    )


def _without(
    sites: Sequence[Site], found: str, tables: Sequence[Sequence[Sensor]], views: Sequence[BalloonView],
    refused: Sequence[Refusal],
) -> SatelliteAnswer:  # fmt: skip
    """Say that nothing is known of passes and why, and what is known without them."""
    if not sites:
        return SatelliteAnswer(findings=(), section=section_without("The case names no sites."))
    reason = (
        (found or "There are no element sets near the window. ")
        + "Name files of them in the case, `[inputs] elements`. "
        "`overflight satellites passes` and `compare` also take what `overflight satellites import` and "
        "`fetch` put into the store; `overflight assess` does not read it."
    )
    finding = Finding(
        id="satellites.sites.passes", question="Which satellites passed over the sites?", kind="undetermined",
        unit="1", value=None, reason=reason,
    )  # fmt: skip
    alone = [balloon_alone(view) for view in views]
    section = section_without(reason)
    sharpest = sharpest_words(tables)
    section |= {
        "finding_ids": [finding.id],
        "rows": [row for _, row in alone],
        "refused": [str(one) for one in refused],
        "notes": [*section["notes"], *([sharpest] if sharpest else [])],
    }
    return SatelliteAnswer(findings=(finding, *(one for told, _ in alone for one in told)), section=section)

"""All that is said about the programme: findings, and the section of the result.

catalogue (+ claims, ensembles flown backward) ──► kinds · counts · likenesses · common origin
                                                   ──► findings, `sections.programme`
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from overflight.programme.backward import BackFlights, back_flights
from overflight.programme.counts import AreaCount, count_area
from overflight.programme.findings import (
    area_findings,
    kind_findings,
    like_findings,
    origin_findings,
    time_findings,
    world_findings,
)
from overflight.programme.origins import PRIOR_SMOOTH_KM, OriginMap, combine, make_grid, origin_density
from overflight.programme.places import place_rows, where_flights
from overflight.programme.records import Catalogue
from overflight.programme.resemblance import likenesses
from overflight.programme.section import make_section
from overflight.programme.settings import ProgrammeSettings
from overflight.programme.statements import Said, count_statements
from overflight.records import Finding
from overflight.winds.grid import Grid

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True)
class ProgrammeAnswer:
    """Findings `programme.<subject>.<quantity>`, and the section of the result."""

    findings: tuple[Finding, ...]
    section: dict[str, Any]
    area: AreaCount
    origins: OriginMap | None = None


def answer_programme(
    catalogue: Catalogue,
    *,
    claims: Iterable[Said] = (),
    origins: Mapping[str, xr.Dataset] | None = None,
    settings: ProgrammeSettings | None = None,
    winds: Grid | None = None,
    wind_notes: Sequence[str] = (),
) -> ProgrammeAnswer:
    """Answer what can be asked of a catalogue.

    Parameters
    ----------
    catalogue : as `read_catalogue` gives it.
    claims : what was said, for the counts in it; see `statements.Said`.
    origins : ensembles of kind `origin` by the name of their flight; from two on they are combined. With
        `settings.origins` the flights of the catalogue are flown back besides.
    winds : of the time, for these; the climatological prior where they do not reach.
    wind_notes : what the reader should know of the winds, such as a file that could not be used.

    Raises
    ------
    OverflightError
        When the area is no country, or an ensemble was not flown backward.
    """
    asked = settings or ProgrammeSettings()
    statements = count_statements(claims, catalogue.statements)
    where = where_flights(catalogue.flights, asked.area)
    area = count_area(catalogue, where, asked.area, statements, own=asked.own_flights)
    places = place_rows(catalogue.rows)
    alike = likenesses(catalogue.flights, prior=asked.prior_alike, most=asked.pairs)
    flown = back_flights(catalogue, asked, winds) if asked.origins else BackFlights({}, {}, {})
    flown = replace(flown, notes=tuple(wind_notes)).without(set(origins or {}))
    found = _origins({**flown.ensembles, **(origins or {})}, asked, flown.on_prior)
    findings = [
        *time_findings(catalogue),
        *kind_findings(catalogue),
        *area_findings(area, catalogue),
        *world_findings(catalogue, places, statements, own=asked.own_flights),
        *like_findings(alike),
        *(origin_findings(found) if found is not None else ()),
    ]
    section = make_section(catalogue, area, where, places, statements, alike, found, asked, flown)
    return ProgrammeAnswer(tuple(findings), section, area, found)


def _origins(
    ensembles: Mapping[str, xr.Dataset], asked: ProgrammeSettings, vague: Collection[str] = ()
) -> OriginMap | None:
    """Combine flights; those of `vague`, some hundred balloons over a continent, are smoothed by more."""
    if len(ensembles) < 2:
        return None
    grid = make_grid(land_only=asked.launches == "land")
    wide = max(asked.smooth_km, PRIOR_SMOOTH_KM)
    seen = {
        name: origin_density(e, grid, smooth_km=wide if name in vague else asked.smooth_km)
        for name, e in ensembles.items()
    }
    return combine(seen, grid, apart=asked.apart, prior=asked.prior_common)


def bad_times(catalogue: Catalogue) -> Sequence[tuple[str, str]]:
    """Return the rows whose time is not used, with the reasons."""
    return [(r.id, m.reason) for r in catalogue.rows for m in r.marks if m.severity == "unusable"]

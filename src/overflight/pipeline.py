"""Assess a case, end to end. The only module that knows all parts.

case folder → sightings, winds, places, claims → reconstruct → ensembles → crossings, exposure of sites,
satellites over them, the account of the data → drift or steer → findings → result.json, report.html,
flight.nc, forecast.nc, origin.nc, track.geojson, track.kml, ledger.db
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overflight import __version__
from overflight.case import Case, check_keys, check_sighting_ids, read_case
from overflight.claims import stray_flights
from overflight.claims.answers import answer_claims
from overflight.claims.stray_flights import StrayAnswer, answer_strayed
from overflight.claims.table import Claim, read_claims
from overflight.claims.timeline import Event, answer_timeline, read_events
from overflight.crossings import crossings, lead_time
from overflight.custody import custody_settings
from overflight.custody.custody_section import CustodyAnswer, case_account, custody_answers
from overflight.custody.evidence import Account
from overflight.custody.received import Copies, case_stream
from overflight.errors import CaseError, CoverageError, InputError
from overflight.exports.geojson import write_track_geojson
from overflight.exports.kml import write_track_kml
from overflight.exports.ledger import record_result
from overflight.exports.netcdf import write_ensemble
from overflight.exposure import settings as exposure_settings
from overflight.exposure.answers import ExposureAnswer, Horizons, expose, read_horizons
from overflight.exposure.cameras import CameraClass, read_cameras
from overflight.exposure.emitters import EmitterClass, read_emitters
from overflight.exposure.satellite_answers import SatelliteAnswer, flight_views, satellite_answers
from overflight.geo import distance_m, mean_lonlat
from overflight.places.areafile import read_areas
from overflight.places.areas import Area
from overflight.places.borders import (
    countries_met,
    country,
    country_codes,
    has_coast,
    outlines,
    sovereign_airspace,
    territorial_sea,
)
from overflight.places.sites import read_sites
from overflight.programme import settings as programme_settings
from overflight.programme.answers import answer_programme
from overflight.programme.backward import back_winds
from overflight.programme.catalogue import read_catalogue
from overflight.programme.records import Catalogue
from overflight.reconstruct.answers import last_place, reading_rows, reconstruction_findings, unknowns
from overflight.reconstruct.likelihood import Scenario
from overflight.reconstruct.posterior import (
    Reconstruction,
    Settings,
    forecast,
    origin,
    reconstruct,
)
from overflight.reconstruct.readings import read_back
from overflight.records import Finding, Sighting, weighted_quantile
from overflight.report.page import write_report
from overflight.report.result import record_dict, result_json
from overflight.report.schema import VERSION as SCHEMA_VERSION
from overflight.satellites import settings as satellite_settings
from overflight.satellites.elements import Reading, read_elements
from overflight.satellites.sensors import Sensor, read_sensors
from overflight.satellites.store import name_fits
from overflight.sightings import read_sightings
from overflight.sightings.extent import flight_box
from overflight.sightings.plausibility import require_observations
from overflight.steer.answers import SteerAnswer, case_accounts, steer_answers
from overflight.steer.settings import read_settings
from overflight.times import from_datetime64, iso_utc
from overflight.units import HOUR_S
from overflight.winds.choose import CaseWinds, choose_winds

if TYPE_CHECKING:
    import xarray as xr

Progress = Callable[[str, float], None]

ENSEMBLE_FILES = {"posterior": "flight.nc", "forecast": "forecast.nc", "origin": "origin.nc"}
ASK_KEYS = {
    "reconstruct": ("members", "seed", "step_minutes", "float_alt_m", "float_alt_sd_m"),
    "forecast": ("hours",),
    "origin": ("hours",),
    "crossings": ("countries", "territorial_sea", "areas"),
}
FORECAST_HOURS, ORIGIN_HOURS = 48.0, 48.0
# Where a case gives no terrain: level.
NO_HORIZONS = Horizons(light={}, radio={})
# The report's path table needs no more than this many rows.
PATH_ROWS = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """Everything a case holds, read and checked."""

    case: Case
    sightings: tuple[Sighting, ...]
    scenarios: tuple[Scenario, ...]
    sites: tuple[Any, ...] = ()
    claims: tuple[Claim, ...] = ()
    areas: tuple[Area, ...] = ()
    horizons: Horizons = NO_HORIZONS
    cameras: tuple[CameraClass, ...] | None = None
    emitters: tuple[EmitterClass, ...] | None = None
    elements: Reading | None = None
    sensors: tuple[tuple[Sensor, ...], ...] = ()
    catalogues: tuple[Catalogue, ...] = ()
    events: tuple[Event, ...] = ()
    account: Account | None = None
    stream: Copies | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """The answer: `result` as in `result.json`, the ensembles by kind, and what made them."""

    result: Mapping[str, Any]
    ensembles: Mapping[str, xr.Dataset]
    findings: tuple[Finding, ...]
    reconstruction: Reconstruction
    inputs: Inputs


def read_inputs(folder: str | Path) -> Inputs:
    """Read and check a case folder without working on it; InputError where something cannot be used."""
    case = read_case(Path(folder))
    for part, table in case.ask.items():
        if part in ASK_KEYS:
            check_keys(table, ASK_KEYS[part], f"ask.{part}", case.folder)
    read_settings(case.ask.get("steer", {}), case.folder)
    exposure_settings.read_settings(case.ask.get("exposure", {}), case.folder)
    satellite_settings.read_settings(case.ask.get("satellites", {}), case.folder)
    programme_settings.read_settings(case.ask.get("programme", {}), case.folder)
    keeping = custody_settings.read_settings(case.ask.get("custody", {}), case.folder)
    strays = stray_flights.read_settings(case.ask.get("strayed", {}), case.folder)
    sightings = read_sightings(case.inputs["sightings"], time_start=case.time_start, time_end=case.time_end)
    check_sighting_ids(case, [s.id for s in sightings])
    require_observations(sightings, case.time_start, case.time_end)
    case_settings(case)
    run_hours(case)
    areas = tuple(area for path in case.inputs["areas"] for area in read_areas(path))
    _check_areas(case, areas)
    if strays is not None:
        stray_flights.check_asked(strays, areas, case.folder, own_files=bool(_wind_files(case)))
    sites = read_sites(case.inputs["sites"])
    return Inputs(
        case=case,
        sightings=sightings,
        scenarios=case_accounts(case),
        sites=sites,
        horizons=read_horizons(sites, dem=case.inputs["terrain"], tables=case.inputs["horizons"]),
        cameras=read_cameras(case.inputs["cameras"]) or None,
        emitters=read_emitters(case.inputs["emitters"]) or None,
        elements=read_elements(case.inputs["elements"]) if case.inputs["elements"] else None,
        sensors=read_sensors(case.inputs["sensors"]),
        catalogues=_catalogues(case),
        events=tuple(event for path in case.inputs["events"] for event in read_events(path)),
        account=case_account(case),
        stream=case_stream(case, keeping),
        claims=tuple(claim for path in case.inputs["claims"] for claim in read_claims(path)),
        areas=areas,
    )


def _catalogues(case: Case) -> tuple[Catalogue, ...]:
    paths = case.inputs["catalogue"]
    if len(paths) > 1:
        raise CaseError(
            "there is more than one catalogue",
            file="case.toml",
            field="inputs.catalogue",
            remedy="Put the flights into one table.",
        )
    return tuple(read_catalogue(path) for path in paths)


def assess(
    folder: str | Path,
    *,
    seed: int | None = None,
    members: int | None = None,
    winds_source: str | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Assess a case folder. Opens no socket.

    Parameters
    ----------
    folder : the case folder, holding `case.toml`.
    seed, members, winds_source : override `ask.reconstruct.seed`, `.members` and `winds.source`.
    cache_dir : where fetched winds lie; the user's own cache when None.
    progress : called with what is being done and the share of it that is done.

    Raises
    ------
    OverflightError
        A subclass that says what cannot be used, where, and what to do.
    """
    begun = time.time()
    tell = progress or (lambda _text, _share: None)
    tell("reading the case", 0.0)
    inputs = read_inputs(folder)
    if winds_source is not None:
        inputs = replace(inputs, case=_with_winds(inputs.case, winds_source))
    case = inputs.case
    settings = case_settings(case, seed, members)
    tell("reading the winds", 0.0)
    winds = case_winds(inputs, cache_dir)
    provenance = _provenance(inputs, winds)
    r = reconstruct(
        inputs.sightings,
        winds,
        time_start=case.time_start,
        time_end=case.time_end,
        scenarios=inputs.scenarios,
        settings=settings,
        provenance=provenance,
        progress=progress,
    )
    ensembles = {"posterior": r.ensemble}
    before_h, after_h = run_hours(case)
    if after_h > 0:
        ensembles["forecast"] = forecast(r, hours=after_h, provenance=provenance)
    if before_h > 0:
        ensembles["origin"] = origin(r, hours=before_h, provenance=provenance)
    tell("asking the questions", 0.0)
    findings, sections = _answers(inputs, winds, r, ensembles)
    tell("weighing drift against steering", 0.0)
    steered = _steer(inputs, winds, r, progress)
    findings += steered.findings
    sections["steer"] = dict(steered.section)
    sections["unknown"] += [
        {"text": f"Whether it drifted or was steered: {one.reason}", "finding_id": one.id}
        for one in steered.findings
        if one.id == "steer.flight.side" and one.kind == "undetermined"
    ]
    _beside(inputs, winds, r.ensemble, findings, sections)
    strayed = _strayed(inputs, winds, tell)
    findings += strayed.findings
    sections["unknown"] += [
        {"text": f"How often one that nobody steers gets there: {one.reason}", "finding_id": one.id}
        for one in strayed.findings
        if one.kind == "undetermined"
    ]
    said = answer_claims(inputs.claims, ensemble=r.ensemble, findings=findings)
    findings += said.findings
    sections["claims"] = {**said.section, "strayed": strayed.section or None}
    sections["summary"] += [dict(row) for row in steered.section["sentences"][:1]]
    result = {
        "schema_version": SCHEMA_VERSION,
        "run": {
            "version": __version__,
            "started": iso_utc(begun),
            "seconds": time.time() - begun,
            "python": platform.python_version(),
        },
        "inputs": {
            "files": dict(case.hashes),
            "cached_winds": dict(winds.hashes),
            "winds": list(winds.files),
            "winds_source": case.winds.source,
            "seed": r.settings.seed,
            "members": int(r.weight.size),
        },
        "sightings": [record_dict(s) for s in inputs.sightings],
        "findings": [record_dict(f) for f in findings],
        "sections": sections,
    }
    return Assessment(
        result=result, ensembles=ensembles, findings=tuple(findings), reconstruction=r, inputs=inputs
    )


def write_outputs(
    assessment: Assessment, out: str | Path, *, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write every output into a folder, made if need be; return the paths, the report first."""
    tell = progress or (lambda _text, _share: None)
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError("it is a file", file=str(folder), remedy="Give a folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    # An older answer in the folder must not pass for part of this one, nor for the whole of it.
    for name in ("result.json", *ENSEMBLE_FILES.values()):
        (folder / name).unlink(missing_ok=True)
    written = [folder / "report.html"]
    tell("writing the report", 0.0)
    write_report(assessment.result, assessment.ensembles, list(outlines()), written[0])
    for kind, dataset in assessment.ensembles.items():
        written.append(folder / ENSEMBLE_FILES[kind])
        tell(f"writing {written[-1].name}", 0.4)
        write_ensemble(dataset, written[-1])
    for name, write in (("track.geojson", write_track_geojson), ("track.kml", write_track_kml)):
        written.append(folder / name)
        tell(f"writing {name}", 0.6)
        write(assessment.ensembles, assessment.result, written[-1])
    # Never taken away: a later run into the same folder adds to it.
    written.append(folder / "ledger.db")
    tell("writing ledger.db", 0.8)
    data = result_json(assessment.result)
    record_result(json.loads(data), written[-1], recorded_s=time.time())
    # Last, so that a folder with a result.json is complete.
    written.append(folder / "result.json")
    partial = folder / "result.json.part"
    partial.write_bytes(data)
    partial.replace(written[-1])
    return tuple(written)


def _answers(
    inputs: Inputs, winds: CaseWinds, r: Reconstruction, ensembles: Mapping[str, xr.Dataset]
) -> tuple[list[Finding], dict[str, Any]]:
    """Ask every question of the ensembles; return findings and the sections of the result."""
    case = inputs.case
    given = {"winds": winds.title}
    readings = read_back(r, inputs.sightings)
    findings = reconstruction_findings(r, readings, inputs.sightings, given)
    used = [s.id for s in r.sightings]
    areas = _areas(inputs, ensembles)
    crossed = crossings(r.ensemble, areas, evidence=used)
    leads = lead_time(crossed, inputs.sightings)
    findings += [*crossed.findings, *leads.findings]
    further: dict[str, list[Mapping[str, Any]]] = {}
    for kind in ("origin", "forecast"):
        if kind in ensembles:
            other = crossings(ensembles[kind], areas, evidence=used)
            findings += other.findings
            further[kind] = [row for row in other.table if float(row["probability"]) >= 0.005]
    exposed = _exposure(inputs, r.ensemble)
    findings += exposed.findings
    above = _satellites(inputs, r.ensemble, exposed)
    findings += above.findings
    accounted = _custody(inputs, r.ensemble)
    findings += accounted.findings
    open_rows, open_findings = unknowns(r, given)
    ends = last_place(r, given)
    findings += [ends, *open_findings]
    winds_row = _winds_section(winds, r)
    findings += _winds_findings(winds_row, given)
    sections: dict[str, Any] = {
        "case": {
            "title": case.title,
            "time_start": case.time_start,
            "time_end": case.time_end,
            "folder_name": case.folder.name,
        },
        "winds": winds_row,
        "reconstruction": {
            "scenarios": _scenario_rows(r),
            "path": _path_rows(r.ensemble),
            "readings": reading_rows(r, readings, inputs.sightings),
            "members": int(r.weight.size),
            "effective_members": float(1.0 / np.sum(r.weight**2)),
            "notes": [],
        },
        "crossings": {
            "rows": list(crossed.table),
            "further": further,
            "lead_times": list(leads.table),
            "notes": ["Borders are Natural Earth 1:50 million: approximate, and no statement of law."],
        },
        "exposure": dict(exposed.section),
        "satellites": dict(above.section),
        "custody": dict(accounted.section),
        "claims": {},  # what was said is held against all that was found, so it comes last
        "unknown": open_rows,
        "summary": [{"text": ends.reason, "finding_ids": [ends.id]}],
    }
    return findings, sections


def _beside(
    inputs: Inputs, winds: CaseWinds, ensemble: xr.Dataset, findings: list[Finding], sections: dict[str, Any]
) -> None:
    """Add what a catalogue says of the programme, and events beside the path, where a case has them."""
    case = inputs.case
    asked = programme_settings.read_settings(case.ask.get("programme", {}), case.folder)
    files = _wind_files(case)
    for catalogue in inputs.catalogues[:1]:
        own, notes = back_winds(files, catalogue, asked) if files else (winds.own, ())
        told = answer_programme(catalogue, claims=inputs.claims, settings=asked, winds=own, wind_notes=notes)
        findings += told.findings
        sections["programme"] = dict(told.section)
    if inputs.events:
        followed = answer_timeline(inputs.events, inputs.claims, ensemble=ensemble)
        findings += followed.findings
        sections["consequences"] = dict(followed.section)


def _strayed(inputs: Inputs, winds: CaseWinds, tell: Progress) -> StrayAnswer:
    """Say how often a flight that nobody steers gets where the case asks, in its winds or the prior."""
    case = inputs.case
    settings = stray_flights.read_settings(case.ask.get("strayed", {}), case.folder)
    if settings is None:
        return StrayAnswer((), {})
    tell("flying passive balloons", 0.0)
    try:
        files = _wind_files(case)
        own, notes = stray_flights.month_winds(files, settings) if files else (winds.own, ())
        return answer_strayed(settings, own, areas=inputs.areas, claims=inputs.claims, wind_notes=notes)
    except (CoverageError, InputError) as error:
        # What is found so late must not cost the assessment.
        return stray_flights.not_flown(settings, stray_flights.asked_area(settings.area, inputs.areas), error)


def _wind_files(case: Case) -> tuple[Path, ...]:
    """The wind files of a case, whose window is not that of the months flown beside it."""
    return () if case.winds.source == "prior-only" else case.winds.files


def _exposure(inputs: Inputs, ensemble: xr.Dataset) -> ExposureAnswer:
    """Say what could have been seen and heard of the case's sites."""
    return expose(
        ensemble,
        inputs.sites,
        settings=exposure_settings.read_settings(inputs.case.ask.get("exposure", {}), inputs.case.folder),
        horizons=inputs.horizons,
        cameras=inputs.cameras,
        emitters=inputs.emitters,
    )


def _satellites(inputs: Inputs, ensemble: xr.Dataset, exposed: ExposureAnswer) -> SatelliteAnswer:
    """Hold what the flight had of the sites against what satellites of the case's element sets had.

    The user's own store is left aside: the answer of a case is the same on every machine.
    """
    case = inputs.case
    settings = satellite_settings.read_settings(case.ask.get("satellites", {}), case.folder)
    seeing = exposure_settings.read_settings(case.ask.get("exposure", {}), case.folder)
    read = inputs.elements or Reading()
    sets = [one for one in read.sets if name_fits(one.name, settings.names)]
    views = flight_views(ensemble, inputs.sites, exposed, seeing, inputs.horizons)
    time_s = from_datetime64(ensemble["time"].values)
    return satellite_answers(
        sets, inputs.sites, float(time_s[0]), float(time_s[-1]), inputs.sensors, views=views,
        refused=read.refused, settings=settings,
    )  # fmt: skip


def _custody(inputs: Inputs, ensemble: xr.Dataset) -> CustodyAnswer:
    """Say what could have been collected and sent along the flight, and what the case's account bounds."""
    case = inputs.case
    return custody_answers(
        custody_settings.read_settings(case.ask.get("custody", {}), case.folder),
        ensemble,
        inputs.sites,
        account=inputs.account,
        stream=inputs.stream,
    )


def _steer(inputs: Inputs, winds: CaseWinds, r: Reconstruction, progress: Progress | None) -> SteerAnswer:
    """Weigh whether it drifted, under the likeliest of the accounts that the reconstruction weighed."""
    case = inputs.case
    table = case.ask.get("steer", {})
    return steer_answers(
        inputs.sightings,
        winds,
        inputs.sites,
        time_start=case.time_start,
        time_end=case.time_end,
        scenarios=inputs.scenarios,
        scenario_weights={s.scenario.id: s.weight for s in r.scenarios},
        settings=read_settings(table, case.folder, seed=table.get("seed", r.settings.seed)),
        progress=progress,
    )


def _areas(inputs: Inputs, ensembles: Mapping[str, xr.Dataset]) -> list[Area]:
    """The countries asked for, or those the posterior meets; their seas and airspace; the user's own."""
    table = inputs.case.ask.get("crossings", {})
    codes = [str(c) for c in table.get("countries", ())] or _met(ensembles)
    with_sea = bool(table.get("territorial_sea", True))
    chosen: list[Area] = []
    for code in codes:
        chosen.append(country(code))
        if with_sea and has_coast(code):
            chosen += [sovereign_airspace(code), territorial_sea(code)]
    wanted = table.get("areas")
    return chosen + [a for a in inputs.areas if wanted is None or a.id in wanted]


def _met(ensembles: Mapping[str, xr.Dataset]) -> list[str]:
    """Codes of the countries that any of the ensembles meets, the posterior's first."""
    met = [countries_met(e["lon"].values, e["lat"].values) for e in ensembles.values()]
    return list(dict.fromkeys(code for codes in met for code in codes))


def _check_areas(case: Case, areas: Iterable[Area]) -> None:
    """Raise CaseError for an ask of crossings or exposure that cannot be answered."""
    table = case.ask.get("crossings", {})
    for key in ("countries", "areas"):
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise CaseError(
                f"{value!r} is no list of names",
                file="case.toml",
                field=f"ask.crossings.{key}",
                remedy='Give a list, such as ["USA", "CAN"].',
            )
    if not isinstance(table.get("territorial_sea", True), bool):
        raise CaseError(
            f"{table['territorial_sea']!r} is neither true nor false",
            file="case.toml",
            field="ask.crossings.territorial_sea",
            remedy="Write true or false, without quotes.",
        )
    known = {a.id for a in areas}
    for wanted in case.ask.get("crossings", {}).get("areas") or ():
        if wanted not in known:
            raise CaseError(
                f"there is no area '{wanted}'",
                file="case.toml",
                field="ask.crossings.areas",
                remedy=f"The areas read are: {', '.join(sorted(known)) or 'none'}.",
            )
    for code in case.ask.get("crossings", {}).get("countries") or ():
        if code not in country_codes():
            raise CaseError(
                f"there is no country '{code}'",
                file="case.toml",
                field="ask.crossings.countries",
                remedy="Use ISO 3166-1 three-letter codes such as USA, CAN, CHN.",
            )


def case_settings(case: Case, seed: int | None = None, members: int | None = None) -> Settings:
    """Return the settings of `[ask.reconstruct]`, overridden where given. Raises CaseError out of range."""
    default = Settings()
    level = _number(case, "reconstruct", "float_alt_m", default.float_alt_m[0])
    level_sd = _number(case, "reconstruct", "float_alt_sd_m", default.float_alt_m[1])
    asked_members = (
        members if members is not None else _number(case, "reconstruct", "members", default.members)
    )
    asked_seed = seed if seed is not None else _number(case, "reconstruct", "seed", default.seed)
    step_min = _number(case, "reconstruct", "step_minutes", default.step_s / 60.0)
    for name, value, low, high in (
        ("members", asked_members, 16, 20_000),
        ("step_minutes", step_min, 1, 720),
        ("seed", asked_seed, 0, 2**63),
        ("float_alt_m", level, 1_000, 45_000),
        ("float_alt_sd_m", level_sd, 50, 15_000),
    ):
        if name in ("members", "seed") and value != int(value):
            raise CaseError(
                f"{value:g} is no whole number", file="case.toml", field=f"ask.reconstruct.{name}"
            )
        if not low <= value <= high:
            raise CaseError(
                f"{value:g} is outside {low:g} to {high:g}", file="case.toml", field=f"ask.reconstruct.{name}"
            )
    return replace(
        default,
        members=int(asked_members),
        seed=int(asked_seed),
        step_s=step_min * 60.0,
        float_alt_m=(level, level_sd),
    )


def _number(case: Case, part: str, key: str, default: float) -> float:
    value = case.ask.get(part, {}).get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise CaseError(
            f"{value!r} is no number", file="case.toml", field=f"ask.{part}.{key}", remedy="Give a number."
        )
    return value


def run_hours(case: Case) -> tuple[float, float]:
    """Return the hours of the backward run and of the forecast that a case asks for."""
    return _hours(case, "origin", ORIGIN_HOURS), _hours(case, "forecast", FORECAST_HOURS)


def winds_window(case: Case) -> tuple[float, float]:
    """Return first and last time, POSIX seconds, that an assessment asks winds for."""
    before_h, after_h = run_hours(case)
    return case.time_start - before_h * HOUR_S, case.time_end + after_h * HOUR_S


def case_winds(inputs: Inputs, cache_dir: Path | None = None) -> CaseWinds:
    """Choose the winds that an assessment of a case runs on."""
    box = flight_box([s for s in inputs.sightings if s.fitted])
    return choose_winds(inputs.case, winds_window(inputs.case), box=box, cache_dir=cache_dir)


def _hours(case: Case, part: str, default: float) -> float:
    hours = _number(case, part, "hours", default)
    if not 0.0 <= hours <= 1000.0:
        raise CaseError(
            f"{hours:g} h is outside 0 to 1000",
            file="case.toml",
            field=f"ask.{part}.hours",
            remedy="Give hours; 0 leaves it out.",
        )
    return hours


def _with_winds(case: Case, source: str) -> Case:
    if source not in ("auto", "prior", "prior-only", "files"):
        raise InputError(
            f"'{source}' is no source of winds", field="winds", remedy="Use auto, prior, prior-only or files."
        )
    return replace(case, winds=replace(case.winds, source=source))  # type: ignore[arg-type]  # checked above


def _provenance(inputs: Inputs, winds: CaseWinds) -> dict[str, str]:
    known = {**inputs.case.hashes, **winds.hashes}
    hashes = ", ".join(f"{name} {digest}" for name, digest in sorted(known.items()))
    return {
        "title": inputs.case.title,
        "source": f"overflight {__version__}",
        "inputs": hashes,
        "winds_used": winds.used,
    }


def _winds_section(winds: CaseWinds, r: Reconstruction) -> dict[str, Any]:
    status, weight = r.ensemble["status"].values, r.weight[:, None]
    aloft = np.isin(status, (0, 3))
    outside = float(np.sum((status == 3) * weight) / np.sum(aloft * weight))
    own = winds.own is not None
    # Winds that state all of their error have none added.
    added = own and any(winds.error_mps)
    sd = winds.error_mps if added else tuple(_sd_along(r))
    hours = winds.error_time_s / HOUR_S
    text = (
        f"{sd[0]:.1f} m/s eastward and {sd[1]:.1f} m/s northward beyond what the field states"
        if added
        else f"the winds' own spread, here {sd[0]:.1f} m/s eastward and {sd[1]:.1f} northward"
        if own
        else f"the climatology's own spread, here {sd[0]:.0f} m/s eastward and {sd[1]:.0f} northward"
    )
    return {
        "used": winds.used,
        "title": winds.title,
        "sources": [
            {
                "name": name,
                "detail": "fetched into the cache" if winds.used == "cache" else "file of the case",
            }
            for name in winds.files
        ]
        or [{"name": winds.prior.name, "detail": str(winds.prior.provenance.get("source", ""))}],
        "error": {
            "sd_u_mps": sd[0],
            "sd_v_mps": sd[1],
            "lagrangian_hours": hours,
            "text": f"{text}, correlated over {hours:.0f} h along the flight",
            "finding_ids": ["winds.error.u_sd", "winds.error.v_sd"],
        },
        "notes": list(winds.notes),
        "outside_share": outside,
        "outside_finding_ids": ["winds.outside.share"],
    }


def _winds_findings(row: Mapping[str, Any], given: Mapping[str, str]) -> list[Finding]:
    """Findings of the winds' section: the error's size, and how much of the path lay outside the data."""
    error = row["error"]
    sizes = [
        Finding(
            id=f"winds.error.{name}_sd",
            question=f"How large is the error of the {word} wind taken to be, one standard deviation?",
            kind="interval",
            unit="m/s",
            value={"lo": error[f"sd_{name}_mps"], "hi": error[f"sd_{name}_mps"]},
            given=dict(given),
            reason=str(error["text"]),
        )
        for name, word in (("u", "eastward"), ("v", "northward"))
    ]
    share = Finding(
        id="winds.outside.share",
        question="What share of the path's time lay outside the winds' data, where the prior stood in?",
        kind="probability",
        unit="1",
        value={"p": min(1.0, max(0.0, float(row["outside_share"])))},
        given=dict(given),
    )
    return [*sizes, share]


def _sd_along(r: Reconstruction) -> list[float]:
    """Root mean square of the spread of u and v (m/s) that the winds state along the members."""
    from overflight.winds.interpolate import sample

    flight = r.ensemble
    time_s = np.broadcast_to(from_datetime64(flight["time"].values), flight["lon"].shape)
    there = sample(
        r.winds.own or r.winds.prior,
        time_s,
        flight["pressure_pa"].values,
        flight["lat"].values,
        flight["lon"].values,
    )
    weight = np.broadcast_to(r.weight[:, None], time_s.shape)
    known = there.status == 0
    return [
        float(np.sqrt(np.average(np.square(sd[known]), weights=weight[known]))) if known.any() else 0.0
        for sd in (there.u_sd_mps, there.v_sd_mps)
    ]


def _scenario_rows(r: Reconstruction) -> list[dict[str, Any]]:
    return [
        {
            "id": s.scenario.id,
            "title": s.scenario.title,
            "prior": s.scenario.weight,
            "weight": s.weight,
            "log_evidence": s.log_evidence,
            "finding_ids": [f"scenario.{s.scenario.id}.weight"],
        }
        for s in r.scenarios
    ]


def _path_rows(ensemble: xr.Dataset) -> list[dict[str, Any]]:
    """The path through time: mean place, radii that hold 50 and 90 % of the weight about it, heights."""
    time_s = from_datetime64(ensemble["time"].values)
    lon, lat = ensemble["lon"].values.astype(float), ensemble["lat"].values.astype(float)
    alt, weight = ensemble["alt_m"].values.astype(float), ensemble["weight"].values
    rows = []
    for k in range(0, time_s.size, max(1, time_s.size // PATH_ROWS)):
        aloft = np.isfinite(lon[:, k])
        if not aloft.any():
            continue
        w = weight[aloft]
        clon, clat = mean_lonlat(lon[aloft, k], lat[aloft, k], w)
        away = np.asarray(distance_m(clon, clat, lon[aloft, k], lat[aloft, k])) / 1e3
        r50, r90 = weighted_quantile(away, w, (0.5, 0.9))
        low, mid, high = weighted_quantile(alt[aloft, k], w, (0.05, 0.5, 0.95))
        rows.append(
            {
                "time_s": float(time_s[k]),
                "lon": float(clon),
                "lat": float(clat),
                "r50_km": float(r50),
                "r90_km": float(r90),
                "alt_p05": float(low),
                "alt_p50": float(mid),
                "alt_p95": float(high),
                "aloft_share": float(w.sum()),
            }
        )
    return rows


__all__: Sequence[str] = ("Assessment", "Inputs", "assess", "read_inputs", "write_outputs")

"""`overflight expose`: what could have been seen and heard of sites from a flight, and when."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli.assess import Winds
from overflight.cli.options import AsJson
from overflight.cli.screen import Progress, note, on_terminal, say, say_json, share_bar
from overflight.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from overflight.exposure.answers import ExposureAnswer
    from overflight.exposure.settings import ExposureSettings
    from overflight.pipeline import Inputs
    from overflight.places.sites import Site

SHOWN_WINDOWS = 40
SCHEDULES = (".csv", ".geojson", ".ics")


class Of(StrEnum):
    """Which flight of a case is asked about."""

    POSTERIOR = "posterior"
    FORECAST = "forecast"
    ORIGIN = "origin"


def expose(
    flight: Annotated[
        Path,
        typer.Argument(
            metavar="CASE|FLIGHT", help="A case folder, or an ensemble: flight.nc, forecast.nc, .zarr."
        ),
    ],
    sites: Annotated[
        list[Path] | None, typer.Option("--sites", metavar="CSV", help="The sites; else those of the case.")
    ] = None,
    of: Annotated[
        Of, typer.Option("--of", help="Which flight of a case: where it was, or will be.")
    ] = Of.POSTERIOR,
    cameras: Annotated[
        list[Path] | None,
        typer.Option("--cameras", metavar="FILE", help="Classes of cameras in place of the assumed ones."),
    ] = None,
    emitters: Annotated[
        list[Path] | None,
        typer.Option("--emitters", metavar="FILE", help="Classes of emitters in place of the assumed ones."),
    ] = None,
    dem: Annotated[
        list[Path] | None,
        typer.Option(
            "--dem", metavar="FILE", help="Heights of the ground: .hgt or GeoTIFF; can be repeated."
        ),
    ] = None,
    horizons: Annotated[
        Path | None,
        typer.Option(
            "--horizons", metavar="CSV", help="Horizons by azimuth: site, azimuth_deg, elevation_deg."
        ),
    ] = None,
    min_elevation: Annotated[
        float | None, typer.Option(help="Degrees from which it counts as in view; else the horizon.")
    ] = None,
    niirs: Annotated[
        float | None,
        typer.Option(help="Grade from which a picture matters, for every site; else the site's own, or 5."),
    ] = None,
    visibility_km: Annotated[
        float | None, typer.Option("--visibility-km", help="Visibility near the ground; 23 is assumed.")
    ] = None,
    cloud: Annotated[
        float | None,
        typer.Option(help="Chance from 0 to 1 that cloud hides a site; the globe's mean is assumed."),
    ] = None,
    schedule: Annotated[
        list[Path] | None,
        typer.Option(
            "--schedule", metavar="FILE", help="Write when each site is in view: .ics, .geojson or .csv."
        ),
    ] = None,
    least: Annotated[
        float | None, typer.Option("--least", help="Probability below which no window is told; 0.05.")
    ] = None,
    no_unknown: Annotated[
        bool, typer.Option("--no-unknown", help="Leave out what stays open, which takes most of the time.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for exposure.json and exposure.png; made if need be."),
    ] = None,
    winds: Annotated[Winds | None, typer.Option(help="Of a case: which winds to take.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what could have been seen and heard of sites from a flight, and when each was in its view.

    All of it is what could have been, not what was. Lines of sight through air that bends rays, over the
    horizons of --dem or --horizons; pictures by classes of cameras, signals by classes of emitters, both
    assumed unless they are given. With --of forecast and --schedule, a site's operator can act before.

    \b
    overflight expose my-case
    overflight expose answer/flight.nc --sites sites.csv --dem N47W112.hgt --out answer
    overflight expose my-case --of forecast --schedule windows.ics --schedule windows.geojson
    """
    from overflight.exposure.answers import expose as ask
    from overflight.exposure.answers import read_horizons

    for path in schedule or ():
        if path.suffix.lower() not in SCHEDULES:
            raise InputError(
                "a schedule is not written in that format",
                file=path.name,
                remedy=f"Name a file that ends in {', '.join(SCHEDULES)}.",
            )
    begun = time.monotonic()
    asked = {
        "min_elevation_deg": min_elevation, "niirs": niirs, "visibility_km": visibility_km, "cloud": cloud,
        "schedule_probability": least,
    }  # fmt: skip
    with share_bar() as tell:
        ensemble, places, settings, files = _flight(flight, sites or (), of, asked, winds, tell)
        classes = _classes(cameras or files.get("cameras", ()), emitters or files.get("emitters", ()))
        tell("horizons", 0.0)
        tables = (horizons,) if horizons else tuple(files.get("horizons", ()))
        over = read_horizons(places, dem=tuple(dem or files.get("terrain", ())), tables=tables)
        answer = ask(
            ensemble, places, settings=settings, horizons=over, cameras=classes[0], emitters=classes[1],
            unknown=not no_unknown, progress=tell,
        )  # fmt: skip
        written = [] if out is None else write_answer(answer, out)
        written += write_schedules(answer, schedule or ())
    seconds = time.monotonic() - begun
    if as_json:
        paths = {path.name: str(path) for path in written}
        say_json({**told(answer), "seconds": round(seconds, 2), "paths": paths})
        return
    for line in lines(answer.section):
        say(line)
    if on_terminal():
        note(f"  {seconds:.0f} s. What is assumed and what is left out: docs/exposure.md")
    for path in written:
        say(str(path))


def _flight(
    path: Path, sites: Sequence[Path], of: Of, asked: Mapping[str, float | None], winds: Winds | None,
    tell: Progress,
) -> tuple[xr.Dataset, tuple[Site, ...], ExposureSettings, Mapping[str, tuple[Path, ...]]]:  # fmt: skip
    """Return the ensemble, the sites, the settings, and the files that a case brings with it."""
    from overflight.exposure.settings import read_settings
    from overflight.places.sites import read_sites

    if not path.exists():
        raise InputError("there is no such file", file=str(path), remedy="Give a case folder or a flight.nc.")
    if path.is_dir() and path.suffix.lower() != ".zarr":
        return _case(path, sites, of, asked, winds, tell)
    if not sites:
        raise InputError("no sites are given", file=path.name, remedy="Give them with --sites.")
    tell("reading the flight", 0.0)
    return _read(path), read_sites(sites), read_settings({}, None, **asked), {}


def _read(path: Path) -> xr.Dataset:
    if path.is_dir():
        from overflight.exports.zarr import read_ensemble_zarr

        return read_ensemble_zarr(path)
    from overflight.exports.netcdf import read_ensemble

    return read_ensemble(path)


def _case(
    folder: Path, sites: Sequence[Path], of: Of, asked: Mapping[str, float | None], winds: Winds | None,
    tell: Progress,
) -> tuple[xr.Dataset, tuple[Site, ...], ExposureSettings, Mapping[str, tuple[Path, ...]]]:  # fmt: skip
    from overflight.exposure.settings import read_settings
    from overflight.pipeline import read_inputs
    from overflight.places.sites import read_sites

    tell("reading the case", 0.0)
    inputs = read_inputs(folder)
    case = inputs.case
    places = read_sites(sites) if sites else inputs.sites
    if not places:
        raise InputError("the case names no sites", file=str(folder), remedy="Give them with --sites.")
    settings = read_settings(case.ask.get("exposure", {}), case.folder, **asked)
    return _fly(inputs, of, winds, tell), places, settings, case.inputs


def _fly(inputs: Inputs, of: Of, winds: Winds | None, tell: Progress) -> xr.Dataset:
    """Reconstruct the flight of a case, and fly it on or back where that is asked."""
    from dataclasses import replace

    from overflight.pipeline import case_settings, case_winds, run_hours
    from overflight.reconstruct.posterior import forecast, origin, reconstruct

    if winds is not None:
        asked = replace(inputs.case.winds, source=winds.value)
        inputs = replace(inputs, case=replace(inputs.case, winds=asked))
    case = inputs.case
    before_h, after_h = run_hours(case)
    hours = {Of.POSTERIOR: 1.0, Of.FORECAST: after_h, Of.ORIGIN: before_h}[of]
    if hours <= 0.0:
        raise InputError(
            f"the case asks for no {of.value}", file="case.toml", field=f"ask.{of.value}.hours",
            remedy="Give hours above zero.",
        )  # fmt: skip
    tell("reading the winds", 0.0)
    found = case_winds(inputs)
    provenance = {"winds": found.title}
    r = reconstruct(
        inputs.sightings, found, time_start=case.time_start, time_end=case.time_end,
        scenarios=inputs.scenarios, settings=case_settings(case), provenance=provenance, progress=tell,
    )  # fmt: skip
    if of is Of.POSTERIOR:
        return r.ensemble
    run = forecast if of is Of.FORECAST else origin
    return run(r, hours=hours, provenance=provenance)


def _classes(cameras: Sequence[Path], emitters: Sequence[Path]) -> tuple[Any, Any]:
    """Return the classes of cameras and emitters from files; None where the built-in ones are meant."""
    from overflight.exposure.cameras import read_cameras
    from overflight.exposure.emitters import read_emitters

    return read_cameras(cameras) if cameras else None, read_emitters(emitters) if emitters else None


def told(answer: ExposureAnswer) -> dict[str, Any]:
    """Return the answer as values for JSON."""
    from overflight.report.result import record_dict

    return {
        "overflight": __version__,
        "section": dict(answer.section),
        "findings": [record_dict(finding) for finding in answer.findings],
    }


def write_answer(answer: ExposureAnswer, out: Path) -> list[Path]:
    """Write exposure.json and, where there is something to draw, exposure.png into a folder."""
    from overflight.exports.atomic import replace_bytes
    from overflight.report.exposure_plots import draw_exposure
    from overflight.report.result import result_json

    if out.exists() and not out.is_dir():
        raise InputError("it is a file", file=str(out), remedy="Give a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "exposure.json"]
    replace_bytes(written[0], result_json(told(answer)))
    drawn = draw_exposure(answer.section, out / "exposure.png", title="Sites in line of sight")
    return written + ([drawn] if drawn else [])


def write_schedules(answer: ExposureAnswer, paths: Sequence[Path]) -> list[Path]:
    """Write the schedule in the format that each file's name asks for."""
    from overflight.exports.atomic import replace_bytes
    from overflight.exposure.schedule_files import schedule_bytes

    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, schedule_bytes(answer.schedule, path))
    return list(paths)


def lines(section: Mapping[str, Any]) -> list[str]:
    """Return the section as lines for a terminal."""
    from overflight.report.text import interval
    from overflight.words import likelihood, percent

    outlook = section["schedule"]["kind"] == "forecast"
    had = "to come into line of sight" if outlook else "to have been in line of sight"
    told = (
        ("hours", "h", "for"),
        ("closest_range_km", "km", "nearest"),
        ("max_elevation_deg", "deg", "highest"),
    )
    out = []
    for row in section["rows"]:
        p = float(row["p_in_view"])
        parts = [f"{what} {interval(row[key], unit)}" for key, unit, what in told if row[key]]
        # Spaces that hold numbers and units together on a page are no characters for a terminal.
        parts = [part.replace("\u00a0", " ").replace("\u2009", " ") for part in parts]
        out.append("; ".join([f"{row['name']}: {likelihood(p)} ({percent(p)}) {had}", *parts]))
        out += [f"  {one}" for one in row.get("notes", ())]
    windows = section["schedule"]["windows"]
    out += ["", "When it could be in view:"] if windows else []
    out += [f"  {row['text']}" for row in windows[:SHOWN_WINDOWS]]
    if len(windows) > SHOWN_WINDOWS:
        out.append(f"  and {len(windows) - SHOWN_WINDOWS} more: --json has them")
    for key, title in (("images", "Pictures"), ("signals", "Signals"), ("unknown", "What stays open")):
        rows = section.get(key, {}).get("rows", ())
        out += ["", f"{title}:"] if rows else []
        out += [f"  {row['text']}" for row in rows if row.get("text")]
    notes = list(section["notes"])
    for key in ("images", "signals", "unknown"):
        notes += section.get(key, {}).get("notes", ())
    notes += section["schedule"]["notes"]
    return [*out, "", *[f"Note: {text}" for text in dict.fromkeys(notes)]]

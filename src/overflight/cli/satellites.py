"""`overflight satellites`: element sets in a store, passes over sites, the balloon beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli.options import AsJson, CaseFolder
from overflight.cli.screen import Progress, note, on_terminal, say, say_json, share_bar
from overflight.errors import InputError

if TYPE_CHECKING:
    from overflight.case import Case
    from overflight.exposure.compare import BalloonView
    from overflight.exposure.satellite_answers import SatelliteAnswer
    from overflight.places.sites import Site
    from overflight.satellites.fetch import Fetched
    from overflight.satellites.settings import SatelliteSettings

DAY_S = 86_400.0
# Epochs this far on both sides of a window are fetched with it, so that each moment has a near one.
AROUND_S = 3 * DAY_S
SHOWN_REFUSALS = 20
SHOWN_PASSES = 30

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keep element sets, and say what satellites could have seen beside a balloon.",
)

StorePath = Annotated[
    Path | None,
    typer.Option("--store", metavar="FILE", help="The store; else OVERFLIGHT_ELEMENTS, else your own."),
]
Names = Annotated[
    list[str] | None, typer.Option("--name", help="Only satellites whose name fits; can be repeated.")
]
LeastElevation = Annotated[
    float | None, typer.Option(help="Degrees from which a pass counts; the case's own, or 10.")
]


class Service(StrEnum):
    """Where element sets come from: CelesTrak has the newest, Space-Track the history."""

    CELESTRAK = "celestrak"
    SPACE_TRACK = "space-track"


@app.command("import")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of TLE, 3LE, or OMM in JSON, CSV or XML.")
    ],
    store: StorePath = None,
    as_json: AsJson = False,
) -> None:
    """Take element sets from files into the store.

    A set whose checksum or numbers are wrong is refused with its file and line, and the others are kept. What
    is there already is not taken twice.

    \b
    overflight satellites import history.json active.tle
    """
    from overflight.rows import read_text
    from overflight.satellites.elements import MAX_BYTES
    from overflight.satellites.store import open_store, store_path

    place = store or store_path()
    texts = [(path.name, read_text(path, limit_bytes=MAX_BYTES)) for path in files]
    with open_store(place, make=True) as held:
        brought = [held.add_text(text, name) for name, text in texts]
    refused = [str(one) for got in brought for one in got.reading.refused]
    if as_json:
        rows = [{"name": b.name, "new": b.new, "known": b.known, "refused": b.refused} for b in brought]
        say_json({"store": str(place), "files": rows, "refused": refused})
        return
    for got in brought:
        say(f"{got.name}: {got.new} new, {got.known} known, {got.refused} refused")
    _note_refused(refused)


@app.command("list")
def list_store(
    name: Names = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Tell how old the nearest set is at a time.")
    ] = None,
    store: StorePath = None,
    as_json: AsJson = False,
) -> None:
    """Say which satellites the store has, how many sets of each, and of when.

    \b
    overflight satellites list --name GAOFEN
    overflight satellites list --at 2023-02-01T12:00Z
    """
    from overflight.satellites.store import name_fits, open_store, store_path
    from overflight.times import iso_utc, parse_utc

    time_s = None if at is None else parse_utc(at)
    with open_store(store or store_path()) as held:
        rows: list[dict[str, Any]] = []
        nearest = {} if time_s is None else _nearest(held, time_s)
        for one in held.held():
            if name_fits(one.name, name or ()):
                row = {
                    "catalog": one.catalog, "name": one.name, "sets": one.sets,
                    "first": iso_utc(one.first_s), "last": iso_utc(one.last_s),
                }  # fmt: skip
                if one.catalog in nearest:
                    row["age_days"] = round(nearest[one.catalog], 2)
                rows.append(row)
        sources = held.sources()
    if as_json:
        say_json({"satellites": rows, "sources": sources})
        return
    for row in rows:
        age = f"  {row['age_days']:+8.1f} d" if "age_days" in row else ""
        say(f"{row['catalog']:>9}  {row['sets']:5} sets  {row['first']} to {row['last']}{age}  {row['name']}")
    note(f"{len(rows)} satellites from {len(sources)} imports.")


@app.command("fetch")
def fetch(
    source: Annotated[
        Service, typer.Option(help="celestrak: the newest sets. space-track: history, with your login.")
    ] = Service.CELESTRAK,
    group: Annotated[
        str | None, typer.Option(help="A group of CelesTrak, such as resource, weather or active.")
    ] = None,
    number: Annotated[
        list[int] | None, typer.Option("--number", help="A catalogue number; can be repeated.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Start of the window (space-track).")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End of the window (space-track).")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another server with the same interface.")
    ] = None,
    store: StorePath = None,
    as_json: AsJson = False,
) -> None:
    """Fetch element sets into the store. The only one of these commands that goes to the network.

    CelesTrak needs no login and is not asked for the same within two hours. Space-Track needs yours, in
    OVERFLIGHT_SPACETRACK_USER and OVERFLIGHT_SPACETRACK_PASSWORD or in the system's keyring; its limits are
    kept, and what was fetched once is not fetched again. A fetch that was cut off goes on where it stopped.
    Without numbers, space-track asks for the satellites that the store knows.

    Needs the extra `fetch`: pip install 'overflight[fetch]'

    \b
    overflight satellites fetch --group resource
    overflight satellites fetch --source space-track --from 2023-01-28T00:00Z --to 2023-02-05T00:00Z
    """
    from overflight.satellites.store import open_store, store_path

    with open_store(store or store_path(), make=True) as held:
        if source is Service.CELESTRAK:
            got = _from_celestrak(held, group, number or [], base_url)
        else:
            got = _from_space_track(held, number or [], begin, end, base_url)
    refused = [str(one) for brought in got for i in brought.imports for one in i.reading.refused]
    if as_json:
        say_json({
            "new": sum(one.new for one in got), "skipped": [s for one in got for s in one.skipped],
            "refused": refused,
        })  # fmt: skip
        return
    for one in got:
        for brought in one.imports:
            say(f"{brought.new} new, {brought.known} known, {brought.refused} refused: {brought.name[:80]}")
        for skipped in one.skipped:
            say(f"not asked for: {skipped[:160]}")
    _note_refused(refused)


@app.command("passes")
def passes(
    case: CaseFolder,
    name: Names = None,
    min_elevation: LeastElevation = None,
    store: StorePath = None,
    as_json: AsJson = False,
) -> None:
    """Say which satellites passed over the sites of a case, when, how high, and how sure the times are.

    Takes the element sets of the case (inputs.elements) and of the store whose epochs are nearest. Where they
    are too old for a satellite's height to say where in its orbit it was, it is counted and no time is given.

    \b
    overflight satellites passes my-case
    overflight satellites passes my-case --name GAOFEN --name JILIN
    """
    answer = _asked(case, None, name, min_elevation, store)
    if as_json:
        say_json(told(answer))
        return
    for line in lines(answer.section, listed=True):
        say(line)


@app.command("compare")
def compare(
    case: CaseFolder,
    flight: Annotated[
        Path, typer.Option("--flight", "-f", help="The flight to compare with: flight.nc of `assess`.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for satellites.json and satellites.png.")
    ] = None,
    name: Names = None,
    min_elevation: LeastElevation = None,
    store: StorePath = None,
    as_json: AsJson = False,
) -> None:
    """Hold what the balloon could have seen of each site against what satellites could have.

    Hours, sharpness and gaps from both, over the time of the flight, and what only the balloon could add.
    That something could have looked is not that it did.

    \b
    overflight satellites compare my-case --flight answer/flight.nc --out answer
    """
    answer = _asked(case, flight, name, min_elevation, store)
    written = [] if out is None else write_answer(answer, out)
    if as_json:
        say_json({**told(answer), "paths": {path.name: str(path) for path in written}})
        return
    for line in lines(answer.section, listed=False):
        say(line)
    if on_terminal():
        note("  What counts as a pass, sensors and their sources, ages and bands: docs/satellites.md")
    for path in written:
        say(str(path))


def _asked(
    folder: Path, flight: Path | None, names: Sequence[str] | None, min_elevation: float | None,
    store: Path | None,
) -> SatelliteAnswer:  # fmt: skip
    from overflight.case import read_case
    from overflight.exposure.satellite_answers import gather_sets, satellite_answers
    from overflight.places.sites import read_sites
    from overflight.satellites.sensors import read_sensors

    case = read_case(folder)
    sites = read_sites(case.inputs["sites"])
    settings = _settings(case, names, min_elevation)
    with share_bar() as tell:
        views: list[BalloonView] = []
        window = (case.time_start, case.time_end)
        if flight is not None:
            views, window = _flight_views(flight, sites, case, tell)
        reading = gather_sets(case.inputs.get("elements", ()), *window, settings, store=store)
        return satellite_answers(
            reading.sets, sites, *window, read_sensors(case.inputs.get("sensors", ())), views=views,
            refused=reading.refused, settings=settings, progress=tell,
        )  # fmt: skip


def _settings(case: Case, names: Sequence[str] | None, min_elevation: float | None) -> SatelliteSettings:
    from dataclasses import replace

    from overflight.satellites.settings import read_settings

    settings = read_settings(case.ask.get("satellites", {}), case.folder, min_elevation_deg=min_elevation)
    return replace(settings, names=tuple(names)) if names else settings


def _flight_views(
    flight: Path, sites: Sequence[Site], case: Case, tell: Progress
) -> tuple[list[BalloonView], tuple[float, float]]:
    """Return what a flight had of sites, under the case's settings, and its first and last time."""
    from overflight.exports.netcdf import read_ensemble
    from overflight.exposure.answers import expose, read_horizons
    from overflight.exposure.cameras import read_cameras
    from overflight.exposure.satellite_answers import flight_views
    from overflight.exposure.settings import read_settings
    from overflight.times import from_datetime64

    if not flight.is_file():
        raise InputError("there is no such file", file=str(flight), remedy="`overflight assess` writes it.")
    tell("reading the flight", 0.0)
    ensemble = read_ensemble(flight)
    settings = read_settings(case.ask.get("exposure", {}), case.folder)
    inputs = case.inputs
    horizons = read_horizons(sites, dem=inputs.get("terrain", ()), tables=inputs.get("horizons", ()))
    exposed = expose(
        ensemble, sites, settings=settings, horizons=horizons, emitters=(), unknown=False,
        cameras=read_cameras(inputs.get("cameras", ())) or None, progress=tell,
    )  # fmt: skip
    time_s = from_datetime64(ensemble["time"].values)
    views = flight_views(ensemble, sites, exposed, settings, horizons)
    return views, (float(time_s[0]), float(time_s[-1]))


def told(answer: SatelliteAnswer) -> dict[str, Any]:
    """Return the answer as values for JSON."""
    from overflight.report.result import record_dict

    return {
        "overflight": __version__,
        "section": dict(answer.section),
        "findings": [record_dict(finding) for finding in answer.findings],
    }


def write_answer(answer: SatelliteAnswer, out: Path) -> list[Path]:
    """Write satellites.json and, where there is something to draw, satellites.png into a folder."""
    from overflight.exports.atomic import replace_bytes
    from overflight.report.result import result_json
    from overflight.report.satellite_plots import draw_satellites

    if out.exists() and not out.is_dir():
        raise InputError("it is a file", file=str(out), remedy="Give a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "satellites.json"]
    replace_bytes(written[0], result_json(told(answer)))
    drawn = draw_satellites(answer.section, out / "satellites.png", title="In view, by site")
    return written + ([drawn] if drawn else [])


def lines(section: Mapping[str, Any], *, listed: bool) -> list[str]:
    """Return the section as lines for a terminal; `listed` brings the passes with their times."""
    from overflight.times import short_utc

    out: list[str] = []
    for row in section["rows"]:
        if row["sentences"]:
            out += [*(str(sentence["text"]) for sentence in row["sentences"]), ""]
    shown = section["passes"] if listed else []
    if shown:
        out.append("  rise          set           ±     top  NIIRS  satellite, site")
    for one in sorted(shown, key=lambda p: float(p["rise_s"]))[:SHOWN_PASSES]:
        grade = "radar" if one["niirs"] is None and one["radar"] else "    –"
        grade = f"{one['niirs']:5.1f}" if one["niirs"] is not None else grade
        out.append(
            f"  {short_utc(one['rise_s'])}  {short_utc(one['set_s'])}  {one['band_s']:4.0f} s  "
            f"{one['elevation_deg']:3.0f}°  {grade}  {one['name']}, {one['site']}"
        )
    if len(shown) > SHOWN_PASSES:
        out.append(f"  and {len(shown) - SHOWN_PASSES} more: --json has them")
    out += [f"  Refused: {text}" for text in section["refused"][:SHOWN_REFUSALS]]
    return [*out, *[f"  Note: {text}" for text in section["notes"]]]


def _nearest(held: Any, time_s: float) -> dict[int, float]:
    """Age in days of each object's nearest set at a time."""
    ages: dict[int, float] = {}
    for one in held.choose(time_s, time_s, max_age_s=100 * 365.25 * DAY_S):
        age = (time_s - one.epoch_s) / DAY_S
        if abs(age) < abs(ages.get(one.catalog, float("inf"))):
            ages[one.catalog] = age
    return ages


def _from_celestrak(
    held: Any, group: str | None, numbers: Sequence[int], base_url: str | None
) -> list[Fetched]:
    from overflight.satellites.fetch import CELESTRAK, fetch_celestrak

    asked = [("GROUP", group)] if group else []
    asked += [("CATNR", str(number)) for number in numbers]
    if not asked:
        raise InputError("nothing is asked for", remedy="Give --group or --number.")
    return [fetch_celestrak(held, *one, base_url=base_url or CELESTRAK) for one in asked]


def _from_space_track(
    held: Any, numbers: Sequence[int], begin: str | None, end: str | None, base_url: str | None
) -> list[Fetched]:
    from overflight.satellites.fetch import SPACE_TRACK, fetch_space_track, login_from
    from overflight.times import parse_utc

    if begin is None or end is None:
        raise InputError("no window is given", remedy="Give --from and --to, such as 2023-01-28T00:00Z.")
    wanted = list(numbers) or [one.catalog for one in held.held()]
    with share_bar() as tell:
        return [
            fetch_space_track(
                held, wanted, parse_utc(begin) - AROUND_S, parse_utc(end) + AROUND_S, login_from(),
                base_url=base_url or SPACE_TRACK, progress=tell,
            )
        ]  # fmt: skip


def _note_refused(refused: Sequence[str]) -> None:
    for text in refused[:SHOWN_REFUSALS]:
        note(f"refused: {text}")
    if len(refused) > SHOWN_REFUSALS:
        note(f"and {len(refused) - SHOWN_REFUSALS} more: --json has them all")

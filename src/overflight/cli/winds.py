"""`overflight winds`: get and info are here, show and verify beside it."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight.cli import winds_show, winds_verify
from overflight.cli.options import AsJson
from overflight.cli.screen import bytes_bar, note, on_terminal, say, say_json
from overflight.errors import CoverageError, InputError, OverflightError

if TYPE_CHECKING:
    from overflight.pipeline import Inputs
    from overflight.winds.fetch_plan import FetchPlan

HOUR_S, DAY_S = 3600.0, 86_400.0
# Public ERA5 comes with a delay; nearer to the present than this, GFS is asked.
ERA5_DELAY_S = 10 * DAY_S
# A window longer than this is brought every six hours: half the bytes, and winds change little in between.
LONG_WINDOW_S = 10 * DAY_S
# Half the span of heights about the reported ones.
HALF_SPAN_M = 4_000.0

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Fetch gridded winds, and look at what there is."
)


class Source(StrEnum):
    """Where winds come from. 'auto' takes ERA5 for the past, GFS for the last days and what is to come."""

    AUTO = "auto"
    GFS = "gfs"
    GEFS = "gefs"
    ERA5 = "era5"


@app.command("get")
def get(
    case: Annotated[
        Path, typer.Argument(metavar="CASE", help="The case whose window, places and heights are wanted.")
    ],
    source: Annotated[
        Source, typer.Option(help="auto: ERA5 for the past, GFS for the last ten days and what is to come.")
    ] = Source.AUTO,
    step: Annotated[
        int | None, typer.Option(min=1, max=24, help="Hours between fields; 3, or 6 for more than ten days.")
    ] = None,
    store: Annotated[
        bool | None,
        typer.Option(
            "--store/--no-store",
            help="Keep a store that is read in windows of time, or the file as it comes; by size if unsaid.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the download.")] = False,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another server with the same layout, such as a mirror.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of paths.")] = False,
) -> None:
    """Fetch gridded winds for a case into the cache.

    Says first how much it will bring, and asks. A download that was cut off goes on where it stopped; what
    comes is verified. `assess` finds it there where the case says `source = "auto"`. The cache is the
    folder that OVERFLIGHT_CACHE names, or the system's own.

    Winds that take more than 2 GB of memory to be read whole are kept as a Zarr store, cut for runs that read
    them in windows of time; --store and --no-store say otherwise. Members of GEFS stay in the file.

    Needs the extra `fetch`: pip install 'overflight[fetch]'

    \b
    overflight winds get my-case
    overflight winds get my-case --source gefs --yes
    overflight winds get my-case --base-url https://mirror.example/gfs --source gfs
    """
    entry, paths = bring(case, source=source, step_h=step, base_url=base_url, yes=yes, store=store)
    if as_json:
        say_json({"id": entry.id, "source": entry.source, "title": entry.title, "paths": [*map(str, paths)]})
        return
    for path in paths:
        say(str(path))


app.command("show")(winds_show.show)
app.command("verify")(winds_verify.verify)


@app.command("info")
def info(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH|CASE", help="A file of gridded winds (or Zarr folder), or a case folder."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what a file of winds holds, or which winds a case has and would use.

    Reads NetCDF, Zarr and GRIB, told apart by content. Opens no socket.

    \b
    overflight winds info era5.nc
    overflight winds info my-case
    """
    if (path / "case.toml").is_file() or path.name == "case.toml":
        _case_info(path, as_json)
        return
    facts = file_facts(path)
    if as_json:
        say_json(facts)
        return
    for line in file_lines(facts):
        say(line)


def bring(
    folder: Path,
    *,
    source: Source = Source.AUTO,
    step_h: int | None = None,
    base_url: str | None = None,
    yes: bool = False,
    store: bool | None = None,
) -> tuple[Any, tuple[Path, ...]]:
    """Plan, tell, ask and download the winds of a case; return the cache's entry and its files."""
    from overflight.pipeline import read_inputs
    from overflight.winds.cache import cache_folder, entry_files
    from overflight.winds.fetch import execute
    from overflight.winds.fetch_plan import describe

    inputs = read_inputs(folder)
    made = _planned(inputs, source, step_h, base_url)
    note(describe(made))
    if not yes and not _agreed():
        note("Nothing was fetched.")
        raise typer.Exit(1)
    cache = cache_folder()
    with bytes_bar() as tell:
        entry = execute(made, cache, progress=tell, store=store)
    if inputs.case.winds.source != "auto":
        note(
            f'The case says winds.source = "{inputs.case.winds.source}" and does not look into the cache: '
            "assess it with --winds auto."
        )
    return entry, entry_files(cache, entry)


def _agreed() -> bool:
    try:
        return typer.confirm("Fetch it?", err=True)
    except typer.Abort:
        raise typer.BadParameter("nobody is there to ask: say --yes", param_hint="--yes") from None


def _planned(inputs: Inputs, source: Source, step_h: int | None, base_url: str | None) -> FetchPlan:
    from overflight.pipeline import winds_window
    from overflight.sightings.extent import flight_box
    from overflight.winds.fetch import plan

    window, now_s = winds_window(inputs.case), time.time()
    fitted = [s for s in inputs.sightings if s.fitted]
    options: dict[str, Any] = {"base_url": base_url} if base_url else {}
    if step_h is not None or window[1] - window[0] > LONG_WINDOW_S:
        options["step_s"] = (step_h or 6) * HOUR_S
    if source is Source.AUTO:
        source = Source.ERA5 if window[1] < now_s - ERA5_DELAY_S else Source.GFS
    if on_terminal():
        note(f"Asking {source} what it has ...")
    return plan(source, window, flight_box(fitted), flight_levels(inputs), now_s=now_s, **options)


def flight_levels(inputs: Inputs) -> tuple[float, float]:
    """Return the lowest and highest pressure, Pa, that the flight may have been at.

    Four kilometres about the middle of the reported heights; one and a half standard deviations of the float
    level that the reconstruction starts from, where fewer than three reports give one, and about that level
    where none does.
    """
    from overflight.atmosphere import alt_m, pressure_pa
    from overflight.reconstruct.posterior import FLOAT_ALT_M

    ask = inputs.case.ask.get("reconstruct", {})
    middle = float(ask.get("float_alt_m", FLOAT_ALT_M[0]))
    half = 1.5 * float(ask.get("float_alt_sd_m", FLOAT_ALT_M[1]))
    heights = sorted(
        # A pressure altitude is a height of the standard atmosphere, as the levels asked for are.
        float(alt_m(0.5 * (s.alt_low_m + s.alt_high_m))) if s.alt_kind == "pressure"
        else 0.5 * (s.alt_low_m + s.alt_high_m)
        for s in inputs.sightings
        if s.fitted and s.phase == "float" and s.alt_low_m is not None and s.alt_high_m is not None
    )  # fmt: skip
    if heights:
        middle = heights[len(heights) // 2]
    if len(heights) >= 3:
        half = HALF_SPAN_M
    return float(pressure_pa(middle + half)), float(pressure_pa(max(0.0, middle - half)))


def file_facts(path: Path) -> dict[str, Any]:
    """Return what a file of gridded winds holds, ready for JSON."""
    from overflight.times import iso_utc
    from overflight.winds.gridded import describe

    if not path.exists():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    held = describe(path)
    return {
        "file": held.file,
        "format": held.format,
        "naming": held.naming,
        "times": held.times,
        "time_start": iso_utc(held.time_start),
        "time_end": iso_utc(held.time_end),
        "levels_hpa": [round(p / 100.0, 6) for p in held.pressure_pa],
        "box": [held.lon_west_deg, held.lat_south_deg, held.lon_east_deg, held.lat_north_deg],
        "rows": held.rows,
        "columns": held.columns,
        "all_round": held.periodic,
        "members": held.members,
        "beside": list(held.air),
        "file_bytes": held.file_bytes,
        "memory_bytes": held.memory_bytes,
        "notes": list(held.notes),
    }


def file_lines(facts: dict[str, Any]) -> list[str]:
    """Return the lines that tell a person what `file_facts` found."""
    from overflight.winds.fetch_plan import human_bytes

    west, south, east, north = facts["box"]
    levels = facts["levels_hpa"]
    round_ = " (all round)" if facts["all_round"] else ""
    lines = [
        f"{facts['file']}: {facts['format']}, named as {facts['naming']}",
        f"  time       {facts['times']} from {facts['time_start']} to {facts['time_end']}",
        f"  levels     {len(levels)} from {min(levels):g} to {max(levels):g} hPa",
        f"  latitude   {facts['rows']} from {south:g} to {north:g}",
        f"  longitude  {facts['columns']} from {west:g} to {east:g}{round_}",
    ]
    if facts["beside"]:
        lines.append(f"  beside     {' and '.join(facts['beside'])}")
    if facts["members"]:
        lines.append(f"  members    {facts['members']}")
    size, memory = human_bytes(facts["file_bytes"]), human_bytes(facts["memory_bytes"])
    lines.append(f"  size       {size}; reading all of it takes {memory} of memory")
    return lines + [f"  note       {text}" for text in facts["notes"]]


def chosen_facts(inputs: Inputs) -> dict[str, Any]:
    """Read the winds that an assessment would use, as it would, and say which they are."""
    from overflight.pipeline import case_winds, winds_window
    from overflight.times import iso_utc

    first, last = winds_window(inputs.case)
    chosen = case_winds(inputs)
    return {
        "source": inputs.case.winds.source,
        "window": [iso_utc(first), iso_utc(last)],
        "used": chosen.used,
        "title": chosen.title,
        "files": list(chosen.files),
        "notes": list(chosen.notes),
    }


def _case_info(folder: Path, as_json: bool) -> None:
    from overflight.pipeline import read_inputs, winds_window
    from overflight.winds.cache import cache_folder, find

    inputs = read_inputs(folder)
    case = inputs.case
    facts = chosen_facts(inputs)
    files = [_file_or_problem(path) for path in case.winds.files]
    cached = find(cache_folder(), winds_window(case))
    if as_json:
        say_json({**facts, "case_files": files, "cached": [entry.id for entry in cached]})
        return
    say(f"{case.title}: winds are wanted from {facts['window'][0]} to {facts['window'][1]}")
    say(f'Would use: {facts["title"]} (source = "{facts["source"]}")')
    for text in facts["notes"]:
        say(f"  note       {text}")
    say(f"In the case: {len(files) or 'none'}")
    for held in files:
        for line in [f"{held['file']}: {held['problem']}"] if "problem" in held else file_lines(held):
            say(f"  {line}")
    say(f"In the cache, for this window: {len(cached) or 'none'} ({cache_folder()})")
    for entry in cached:
        say(f"  {entry.id}: {entry.title}")


def _file_or_problem(path: Path) -> dict[str, Any]:
    try:
        return file_facts(path)
    except OverflightError as error:
        return {"file": path.name, "problem": str(error), "covers": not isinstance(error, CoverageError)}

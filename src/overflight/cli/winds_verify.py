"""`overflight winds verify`: are wind files whole, and how far are they from soundings and flights?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import note, say, say_json
from overflight.errors import CoverageError, InputError, OverflightError
from overflight.units import HPA_PA

if TYPE_CHECKING:
    from overflight.winds.compare import Differences
    from overflight.winds.grid import Grid
    from overflight.winds.soundings import Sounding

# Files that may be read from one folder of soundings.
MOST_FILES = 10_000
# Read about a sounding beyond its own places, degrees.
MARGIN_DEG = 1.0


def verify(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|CASE", help="A file of gridded winds, a store, an entry of the cache, or a case."
        ),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[SOUNDINGS]...", help="More files for --against.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", "-a", metavar="SOUNDINGS", help="Soundings or balloon flights, files or folders."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A picture of the errors, PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that winds are whole, and compare them with soundings.

    Reads all there is: of the cache, checksums are compared; of stores, those of every chunk; a plain file is
    read from end to end. With --against the winds are compared, row by row, with radiosondes (ARM netCDF,
    RS41 CSV, IGRA text) and balloon flights (APRS and logger CSV): bias, root mean square, and whether the
    stated spread holds, by layer. Exits with 1 when something is damaged.

    \b
    overflight winds verify my-case
    overflight winds verify era5.nc --against sondes/
    overflight winds verify era5.nc --against flight-1.csv flight-2.csv --json
    """
    named = [*(against or []), *(more or [])]
    if more and not against:
        raise typer.BadParameter("soundings stand behind --against", param_hint="SOUNDINGS")
    if out is not None and not named:
        raise typer.BadParameter("there is a picture only of a comparison: say --against", param_hint="--out")
    soundings, problems = read_all(named)
    checked = check_whole(path)
    sound = all("problem" not in one for one in checked)
    answer: dict[str, Any] = {"whole": sound, "files": checked}
    if named and sound:
        answer["comparison"] = compared(path, soundings, problems, out)
    if as_json:
        say_json(answer)
    else:
        for line in lines_of(answer):
            say(line)
    if not sound:
        raise typer.Exit(1)


def check_whole(path: Path) -> list[dict[str, Any]]:
    """Read everything that stands behind a path, and say of each file what was checked or what is wrong."""
    if (path / "case.toml").is_file() or path.name == "case.toml":
        return _case_whole(path)
    if (path / "entry.json").is_file():
        return [_entry_whole(path)]
    if (path.parent / "entry.json").is_file():
        return [_entry_whole(path.parent)]
    if not path.exists():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    return [_file_whole(path)]


def _case_whole(folder: Path) -> list[dict[str, Any]]:
    from overflight.pipeline import read_inputs, winds_window
    from overflight.winds.cache import cache_folder, covers, entries

    case = read_inputs(folder).case
    cache, window = cache_folder(), winds_window(case)
    held, problems = entries(cache)
    checked = [_file_whole(file) for file in case.winds.files]
    checked += [_entry_whole(cache / entry.id) for entry in held if covers(entry, window)]
    return checked + [{"file": str(cache), "problem": problem} for problem in problems]


def _entry_whole(folder: Path) -> dict[str, Any]:
    from overflight.winds.cache import read_entry, size_of
    from overflight.winds.cache import verify as verify_entry

    try:
        entry = read_entry(folder)
        verify_entry(folder.parent, entry)
    except OverflightError as error:
        return {"file": str(folder), "problem": str(error)}
    size = sum(size_of(folder / file.name) for file in entry.files)
    return {"file": entry.id, "checked": "SHA-256", "bytes": size, "files": len(entry.files)}


def _file_whole(path: Path) -> dict[str, Any]:
    from overflight.winds.cache import size_of
    from overflight.winds.gridded import read_pieces
    from overflight.winds.store import verify_store
    from overflight.winds.store_format import is_store

    try:
        if path.is_dir() and is_store(path):
            count = verify_store(path)
            return {"file": path.name, "checked": f"CRC-32C of {count} chunks", "bytes": size_of(path)}
        times, missing = 0, 0.0
        for grid in read_pieces(path):
            times += grid.time_s.size
            missing += float(grid.provenance["missing_share"]) * grid.time_s.size
    except OverflightError as error:
        return {"file": path.name, "problem": str(error)}
    share = missing / times
    return {
        "file": path.name,
        "checked": f"{times} times read",
        "missing_share": share,
        "bytes": size_of(path),
    }


def read_all(paths: Sequence[Path]) -> tuple[list[Sounding], list[str]]:
    """Read soundings and flights from files and folders; what else a folder holds is told, not fatal."""
    soundings: list[Sounding] = []
    problems: list[str] = []
    for path in paths:
        if not path.is_dir():
            soundings += _read_one(path)
            continue
        files = sorted(file for file in path.iterdir() if file.is_file())[:MOST_FILES]
        for file in files:
            try:
                soundings += _read_one(file)
            except OverflightError as error:
                problems.append(f"{file.name}: {error.what}")
    if paths and not soundings:
        raise InputError(
            "no sounding can be read" + (f" ({problems[0]})" if problems else ""),
            file=", ".join(path.name for path in paths),
            remedy="Give ARM netCDF, RS41 CSV, IGRA text, or a balloon's track as CSV.",
        )
    return soundings, problems


def _read_one(path: Path) -> tuple[Sounding, ...]:
    """Read a file as soundings or, where it is none, as a flight."""
    from overflight.winds.flights import read_flights
    from overflight.winds.soundings import read_soundings

    try:
        return read_soundings(path)
    except InputError as error:
        try:
            return read_flights(path)
        except InputError:
            raise error from None


def compared(
    path: Path, soundings: Sequence[Sounding], problems: Sequence[str], out: Path | None
) -> dict[str, Any]:
    """Compare the winds behind a path with soundings; the answer is ready for JSON."""
    from overflight.report.wind_plots import draw_scores
    from overflight.times import iso_utc
    from overflight.winds.compare import LAYERS_PA, layer_score, scores
    from overflight.winds.error import ANALYSIS_ERROR

    found: list[Differences] = []
    left_out = list(problems)
    stated: set[bool] = set()
    for sounding, grid in zip(soundings, _grids(path, soundings), strict=True):
        one = _differences(sounding, grid, left_out)
        if one is not None and not isinstance(grid, OverflightError):
            found.append(one)
            stated.add(grid.u_sd_mps is not None)
    if not found:
        raise CoverageError(
            f"the winds reach none of the {len(soundings)} soundings ({left_out[-1]})",
            where=path.name,
            remedy="Give winds of the soundings' times and places.",
        )
    layers = scores(found)
    total = layer_score(found, LAYERS_PA[0], LAYERS_PA[-1])
    size = f"{ANALYSIS_ERROR.sd_u_mps:g} and {ANALYSIS_ERROR.sd_v_mps:g} m/s"
    spread = "as the winds state it" if stated == {True} else f"of the error model for analyses: {size}"
    if out is not None:
        draw_scores(layers, f"{path.name} against {len(found)} soundings", out)
    return {
        "soundings": [
            {
                "file": Path(d.file).name,
                "station": d.station,
                "time": iso_utc(d.time_s),
                "rows": d.pressure_pa.size,
            }
            for d in found
        ],
        "left_out": left_out,
        "spread": spread,
        "layers": [_plain(asdict(score)) for score in layers],
        "all": None if total is None else _plain(asdict(total)),
        "picture": None if out is None else str(out),
    }


def _grids(path: Path, soundings: Sequence[Sounding]) -> list[Grid | OverflightError]:
    """Return the winds about each sounding, or why there are none."""
    from overflight.winds.cache import entry_files, read_entry

    if (path / "case.toml").is_file() or path.name == "case.toml":
        from overflight.pipeline import case_winds, read_inputs

        chosen = case_winds(read_inputs(path))
        note(f"Winds of the case: {chosen.title}")
        return [chosen.prior if chosen.own is None else chosen.own] * len(soundings)
    files: tuple[Path, ...] = (path,)
    if (path / "entry.json").is_file():
        files = entry_files(path.parent, read_entry(path))
    return [_about(files, sounding) for sounding in soundings]


def _about(files: Sequence[Path], sounding: Sounding) -> Grid | OverflightError:
    """Read the winds about a sounding from the first file that has them."""
    import numpy as np

    from overflight.winds.gridded import read_grid
    from overflight.winds.soundings import fill_heights

    if not sounding.time_s.size:
        return InputError("no row can be used", file=Path(sounding.file).name)
    whole = fill_heights(sounding)
    west, east = _span(whole.lon_deg)
    box = (
        west - MARGIN_DEG,
        max(float(whole.lat_deg.min()) - MARGIN_DEG, -90.0),
        east + MARGIN_DEG,
        min(float(whole.lat_deg.max()) + MARGIN_DEG, 90.0),
    )
    window = float(whole.time_s.min()), float(whole.time_s.max())
    levels = float(np.nanmin(whole.pressure_pa)), float(np.nanmax(whole.pressure_pa))
    problem: OverflightError = CoverageError("there is no file of winds")
    for file in files:
        try:
            return read_grid(file, window=window, levels_pa=levels, box=box)
        except CoverageError as error:
            problem = error
    return problem


def _span(lon_deg: Any) -> tuple[float, float]:
    """Return west and east of longitudes that may cross the antimeridian."""
    from overflight.geo import unwrap_lon

    turned = unwrap_lon(lon_deg)
    return float(turned.min()), float(turned.max())


def _differences(sounding: Sounding, grid: Grid | OverflightError, left_out: list[str]) -> Differences | None:
    from overflight.winds.compare import differences
    from overflight.winds.error import ANALYSIS_ERROR

    name = Path(sounding.file).name
    if isinstance(grid, OverflightError):
        left_out.append(f"{name}: {grid.what}")
        return None
    one = differences(grid, sounding, ANALYSIS_ERROR)
    if one.pressure_pa.size == 0:
        reasons = ", ".join(f"{count} rows {reason}" for reason, count in one.outside.items()) or "no rows"
        left_out.append(f"{name}: {reasons}")
        return None
    return one


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Return null where a number is not known."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}


def lines_of(answer: dict[str, Any]) -> list[str]:
    """Return the lines that tell a person what was found."""
    from overflight.winds.fetch_plan import human_bytes

    lines = []
    for one in answer["files"]:
        if "problem" in one:
            lines.append(f"damaged  {one['problem']}")
            continue
        missing = f", {one['missing_share']:.1%} missing" if one.get("missing_share") else ""
        lines.append(f"whole    {one['file']}: {one['checked']}, {human_bytes(one['bytes'])}{missing}")
    if not answer["files"]:
        lines.append("There are no wind files of its own and none in the cache; nothing to check.")
    if "comparison" not in answer:
        return lines
    made = answer["comparison"]
    lines.append(f"Field minus sounding, {len(made['soundings'])} soundings, m/s; spread {made['spread']}")
    lines.append("         hPa   n    rows  bias E  bias N   rms E   rms N  vector  spread  in 50 %  in 90 %")
    for score in [*made["layers"], made["all"]]:
        name = (
            "all" if score is made["all"] else f"{score['high_pa'] / HPA_PA:g}-{score['low_pa'] / HPA_PA:g}"
        )
        numbers = "".join(
            f"{score[key]:8.1f}"
            for key in ("bias_u_mps", "bias_v_mps", "rms_u_mps", "rms_v_mps", "rms_vector_mps")
        )
        spread = "       -" if score["spread_mps"] is None else f"{score['spread_mps']:8.1f}"
        shares = "".join(
            "        -" if score[key] is None else f"{score[key]:9.0%}" for key in ("within_50", "within_90")
        )
        lines.append(f"{name:>12}{score['soundings']:4d}{score['rows']:8d}{numbers}{spread}{shares}")
    return lines + [f"left out: {text}" for text in made["left_out"]]

"""`overflight programme`: how many flights there were, which are alike, and where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli.options import AsJson
from overflight.cli.screen import say, say_json
from overflight.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from overflight.programme.answers import ProgrammeAnswer
    from overflight.programme.records import Catalogue


def programme(
    catalogue: Annotated[
        Path, typer.Argument(metavar="CATALOGUE", help="A table of flights and objects (CSV).")
    ],
    claims: Annotated[
        Path | None, typer.Option("--claims", help="A claims table (CSV), for the counts that it states.")
    ] = None,
    typed: Annotated[
        Path | None,
        typer.Option("--typed", help="A table by id (CSV) whose cells go before the catalogue's."),
    ] = None,
    origin: Annotated[
        list[Path] | None,
        typer.Option("--origin", help="A flight flown backward (origin.nc); give two or more."),
    ] = None,
    origins: Annotated[
        bool, typer.Option("--origins", help="Fly every flight backward and combine where they came from.")
    ] = False,
    days: Annotated[
        float, typer.Option("--days", metavar="D", min=1, max=40, help="How far back they fly, days.")
    ] = 12.0,
    members: Annotated[
        int, typer.Option("--members", "-n", min=20, max=5000, help="Balloons for each flight flown back.")
    ] = 120,
    winds: Annotated[
        list[Path] | None,
        typer.Option(
            "--winds", "-w", metavar="FILE", help="Winds for those flown back; repeat it. Else the prior."
        ),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", metavar="THEIRS=OURS", help="A column under another name.")
    ] = None,
    area: Annotated[str, typer.Option("--area", help="The country whose flights are counted.")] = "USA",
    own: Annotated[
        int, typer.Option("--own", min=0, max=1000, help="Flights there that the catalogue leaves out.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for programme.json; made if need be.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count flights by every definition, set sources beside one another, and weigh likeness and origin.

    Hobby, weather and private balloons are kept apart and never counted. Nothing is averaged: each count
    keeps its definition, and times that cannot be right are named.

    \b
    overflight programme catalogue.csv --claims claims.csv --own 1
    overflight programme catalogue.csv --origin a.nc --origin b.nc --out answer
    overflight programme catalogue.csv --origins --days 12
    """
    from overflight.claims.table import read_claims
    from overflight.programme.answers import answer_programme
    from overflight.programme.backward import back_winds
    from overflight.programme.settings import ProgrammeSettings
    from overflight.report.programme_section import programme_lines

    read = _catalogue(catalogue, typed, _columns(column or []))
    settings = ProgrammeSettings(
        area=area.strip().upper(), own_flights=own, origins=origins, days_back=days, origin_members=members
    )
    grid, left = back_winds(winds or [], read, settings)
    answer = answer_programme(
        read,
        claims=() if claims is None else read_claims(claims),
        origins=_origins(origin or []),
        settings=settings,
        winds=grid,
        wind_notes=left,
    )
    written = [] if out is None else write_answer(answer, out)
    if as_json:
        say_json({**told(answer), "paths": {path.name: str(path) for path in written}})
        return
    for line in programme_lines(answer.section):
        say(line)
    for path in written:
        say(str(path))


def _catalogue(path: Path, typed: Path | None, columns: dict[str, str]) -> Catalogue:
    from overflight.programme.catalogue import MOST_BYTES, overlaid, parse_catalogue, read_catalogue
    from overflight.rows import read_text

    if typed is None:
        return read_catalogue(path, columns=columns)
    text = overlaid(
        read_text(path, limit_bytes=MOST_BYTES), read_text(typed, limit_bytes=MOST_BYTES),
        file=path.name, typed_file=typed.name, columns=columns,
    )  # fmt: skip
    return parse_catalogue(text, file=path.name, columns=columns)


def _columns(given: Sequence[str]) -> dict[str, str]:
    out = {}
    for one in given:
        theirs, is_pair, ours = one.partition("=")
        if not is_pair or not theirs.strip() or not ours.strip():
            raise InputError(f"'{one[:60]}' maps no column", remedy="Write --column THEIRS=OURS.")
        out[theirs.strip()] = ours.strip()
    return out


def _origins(paths: Sequence[Path]) -> dict[str, xr.Dataset]:
    from overflight.exports.netcdf import read_ensemble

    if len(paths) == 1:
        raise InputError(
            "one flight has nothing to share a place with", file=str(paths[0]),
            remedy="Give --origin twice or more, one file a flight.",
        )  # fmt: skip
    out: dict[str, xr.Dataset] = {}
    for path in paths:
        # origin.nc of several answers: the folder tells them apart.
        name = path.stem if path.stem not in ("origin", *out) else f"{path.resolve().parent.name}-{path.stem}"
        if name in out:
            raise InputError("two flights have one name", file=str(path), remedy="Rename one of the files.")
        out[name] = read_ensemble(path)
    return out


def told(answer: ProgrammeAnswer) -> dict[str, Any]:
    """Return the answer as values for JSON."""
    from overflight.report.result import record_dict

    return {
        "overflight": __version__,
        "section": answer.section,
        "findings": [record_dict(finding) for finding in answer.findings],
    }


def write_answer(answer: ProgrammeAnswer, out: Path) -> list[Path]:
    """Write programme.json into a folder."""
    from overflight.exports.atomic import replace_bytes
    from overflight.report.result import result_json

    if out.exists() and not out.is_dir():
        raise InputError("it is a file", file=str(out), remedy="Give a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "programme.json"]
    replace_bytes(written[0], result_json(told(answer)))
    return written

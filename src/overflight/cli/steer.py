"""`overflight steer`: did it drift, was it steered, or did no wind move it, and what would decide."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli.assess import Winds
from overflight.cli.options import AsJson, CaseFolder
from overflight.cli.screen import note, on_terminal, say, say_json, share_bar
from overflight.errors import InputError

if TYPE_CHECKING:
    from overflight.steer.answers import SteerAnswer


def steer(
    case: CaseFolder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for steer.json and steer.png; made if need be.")
    ] = None,
    particles: Annotated[
        int | None,
        typer.Option(
            "--particles",
            "-n",
            min=100,
            max=1_000_000,
            help="Particles a hypothesis, and no more; else the case's own, or by the length of the flight, "
            "and more where the verdict is open.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the random numbers; the case's own when left out.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Posterior that a verdict asks for; the case's own, or 0.8 (0.95 on the prior)."),
    ] = None,
    winds: Annotated[
        Winds | None, typer.Option(help="Which winds to take, whatever the case says; docs/case.md.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a balloon drifted or was steered, how surely, and why it cannot be told where it cannot.

    Weighs hypotheses that docs/steer.md states in words, with the winds that the case has and an error of
    them that is not taken as known. Tells what steering it would have taken, when, and which observation
    would decide. What was meant by it no path can show.

    \b
    overflight steer my-case
    overflight steer my-case --out answer --particles 20000
    overflight steer my-case --winds prior-only --json | jq .verdict
    """
    from overflight.steer.answers import steer_case

    begun = time.monotonic()
    with share_bar() as tell:
        answer = steer_case(
            case, particles=particles, seed=seed, threshold=threshold,
            winds_source=None if winds is None else winds.value, progress=tell,
        )  # fmt: skip
        seconds = time.monotonic() - begun
        written = [] if out is None else write_answer(answer, out)
    if as_json:
        say_json(
            {
                **told(answer),
                "seconds": round(seconds, 2),
                "paths": {path.name: str(path) for path in written},
            }
        )
        return
    for line in lines(answer.section):
        say(line)
    if on_terminal():
        note(f"  {seconds:.0f} s. Prior odds, hypotheses and limits: docs/steer.md")
    for path in written:
        say(str(path))


def told(answer: SteerAnswer) -> dict[str, Any]:
    """Return the answer as values for JSON."""
    from overflight.report.result import record_dict

    return {
        "overflight": __version__,
        "verdict": answer.section["verdict"],
        "section": dict(answer.section),
        "findings": [record_dict(finding) for finding in answer.findings],
    }


def write_answer(answer: SteerAnswer, out: Path) -> list[Path]:
    """Write steer.json and, where there is something to draw, steer.png into a folder."""
    from overflight.exports.atomic import replace_bytes
    from overflight.report.result import result_json
    from overflight.report.steer_plots import draw_steer

    if out.exists() and not out.is_dir():
        raise InputError("it is a file", file=str(out), remedy="Give a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "steer.json"]
    replace_bytes(written[0], result_json(told(answer)))
    drawn = draw_steer(answer.section, out / "steer.png", title="The path among drifting flights")
    return written + ([drawn] if drawn else [])


def lines(section: Mapping[str, Any]) -> list[str]:
    """Return the section as lines for a terminal."""
    from overflight.report.text import interval
    from overflight.times import short_utc
    from overflight.words import percent, percent_range

    out = [str(row["text"]) for row in section["sentences"]]
    # A middle beside a verdict that cannot tell would be read as one.
    open_ = section["verdict"] == "cannot tell"
    if section.get("hypotheses"):
        out += ["", "  prior      posterior  log evidence  hypothesis"]
    for row in section.get("hypotheses", ()):
        out.append(
            f"  {percent(row['prior']):>5}  "
            f"{percent_range(row['low'], row['high']) if open_ else percent(row['posterior']):>13}  "
            f"{row['log_evidence']:8.1f} "
            f"±{row['se']:3.1f}  {row['title']}"
        )
    if section.get("misses"):
        out += ["", "  The closest passive explanation misses most:"]
    for row in section.get("misses", ())[:5]:
        out.append(
            f"  {row['id']:>12}  {short_utc(row['time_s'])}  {row['miss_km']:6.0f} km  "
            f"{row['miss_sigma']:4.1f} sigma"
        )
    for row in section.get("commands", ()):
        out.append(
            f"  if its height was controlled: {row['from_m'] / 1e3:.1f} to {row['to_m'] / 1e3:.1f} km at "
            f"{interval(row['time'], 'posix_s')}, in {percent(row['p'])} of the draws"
        )
    for row in section.get("stations", ()):
        out.append(
            f"  stayed about {row['place']} from {short_utc(row['time_start'])} to "
            f"{short_utc(row['time_end'])} ({percent(row['p'])})"
        )
    for row in section.get("decide", ()):
        out.append(f"  {row['text']}")
    return [*out, *[f"  Note: {text}" for text in section.get("notes", ())]]

"""`overflight assess` and `overflight demo`: a case in, a report and data out."""

from __future__ import annotations

import shutil
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli import winds as wind_commands
from overflight.cli.options import CaseFolder
from overflight.cli.screen import note, on_terminal, say, say_json, share_bar
from overflight.errors import CaseError

if TYPE_CHECKING:
    from overflight.pipeline import Assessment

EXAMPLES = Path(__file__).parents[1] / "examples"


class Example(StrEnum):
    """The cases that come with the package."""

    FLIGHT_2023 = "2023"
    K9YO = "k9yo-15"


class Winds(StrEnum):
    """What `winds.source` of a case may say."""

    AUTO = "auto"
    PRIOR = "prior"
    PRIOR_ONLY = "prior-only"
    FILES = "files"


OutOption = Annotated[Path, typer.Option(help="The folder for the report and the data; made if need be.")]
SeedOption = Annotated[
    int | None, typer.Option(min=0, help="Seed of the random numbers; the case's own when left out.")
]
MembersOption = Annotated[
    int | None,
    typer.Option(
        min=16,
        max=20_000,
        help="Number of paths: more are smoother and slower; the case's own when left out.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of paths.")]


def assess_case(
    case: CaseFolder,
    out: OutOption,
    seed: SeedOption = None,
    members: MembersOption = None,
    winds: Annotated[
        Winds | None, typer.Option(help="Which winds to take, whatever the case says; docs/case.md.")
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="First fetch winds for the case from the network; takes 'auto'.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --fetch: do not ask before it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Assess a case: where it came from and went, what it crossed and when, and what stays unknown.

    Prints the paths of what it wrote, the report first. Opens no socket without --fetch. The same case and
    seed give the same answer, and the report says which winds it rests on.

    \b
    overflight assess my-case --out answer
    overflight assess my-case --out answer --winds prior-only    as if there were no winds
    overflight assess my-case --out answer --fetch               asks before it downloads
    overflight assess my-case --out answer --json | jq .headlines
    """
    if fetch and winds not in (None, Winds.AUTO):
        raise typer.BadParameter(f"with --fetch the winds are 'auto', not '{winds}'", param_hint="--winds")
    if yes and not fetch:
        raise typer.BadParameter("there is nothing to agree to without --fetch", param_hint="--yes")
    seconds = {}
    if fetch:
        begun = time.monotonic()
        wind_commands.bring(case, yes=yes)
        seconds["fetch"] = time.monotonic() - begun
        winds = Winds.AUTO
    answer(case, out, seed, members, None if winds is None else winds.value, as_json, seconds)


def demo(
    out: OutOption = Path("overflight-demo"),
    example: Annotated[Example, typer.Option(help="Which of the cases that come with the package.")] = (
        Example.FLIGHT_2023
    ),
    members: MembersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assess an example that comes with the package: the balloon of January and February 2023.

    Needs no network and no files of yours. The first run compiles the kernels, which takes about a minute
    once. `overflight new FOLDER --example 2023` gives you the case to change.

    \b
    overflight demo
    overflight demo --example k9yo-15 --out k9yo
    """
    answer(EXAMPLES / example.value, out, None, members, None, as_json, {})


def copy_example(example: Example, folder: Path) -> tuple[Path, ...]:
    """Copy an example into a new folder; return the files written.

    Raises
    ------
    CaseError
        When the folder has something in it already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CaseError(
            "the folder is there already and is not empty",
            file=str(folder),
            remedy="Give another folder; nothing was written.",
        )
    shutil.copytree(EXAMPLES / example.value, folder, dirs_exist_ok=True)
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def answer(
    case: Path,
    out: Path,
    seed: int | None,
    members: int | None,
    winds: str | None,
    as_json: bool,
    seconds: dict[str, float],
) -> None:
    """Assess a case, write the outputs and print what was written."""
    from overflight.pipeline import assess, write_outputs

    begun = time.monotonic()
    with share_bar() as tell:
        assessment = assess(case, seed=seed, members=members, winds_source=winds, progress=tell)
        seconds["assess"] = time.monotonic() - begun
        written = write_outputs(assessment, out, progress=tell)
        seconds["write"] = time.monotonic() - begun - seconds["assess"]
    headlines = headlines_of(assessment)
    if as_json:
        say_json(_as_json(assessment, written, headlines, seconds))
        return
    if on_terminal():
        for headline in headlines:
            note(f"  {headline['text']}")
        note(f"  Winds: {assessment.result['sections']['winds']['title']}. Written:")
    for path in written:
        say(str(path))


def headlines_of(assessment: Assessment) -> list[dict[str, Any]]:
    """Return the sentences that head the report, each with the ids of the findings it prints."""
    from overflight.report.summary import summary

    return [{"text": text, "findings": ids} for text, ids in summary(assessment.result["sections"])]


def _as_json(
    assessment: Assessment,
    written: tuple[Path, ...],
    headlines: list[dict[str, Any]],
    seconds: dict[str, float],
) -> dict[str, Any]:
    winds = assessment.result["sections"]["winds"]
    return {
        "overflight": __version__,
        "case": assessment.inputs.case.title,
        "paths": {path.name: str(path) for path in written},
        "headlines": headlines,
        "winds": {"used": winds["used"], "title": winds["title"]},
        "seed": assessment.result["inputs"]["seed"],
        "members": assessment.result["inputs"]["members"],
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }

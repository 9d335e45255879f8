"""`overflight exercise` and `overflight score`: cases with known truth, and what an assessment is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import note, say, say_json, share_bar
from overflight.errors import InputError

if TYPE_CHECKING:
    from overflight.twin.score import Score

# Columns of the table of lines.
WIDTHS = (46, 34, 34)


def exercise(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A name of --list, or a scenario.toml.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Decides weather and errors; take many digits and keep it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The case folder to make.")] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the truth goes; beside OUT, as OUT.truth.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Tell what each scenario is; for the trainer.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a case whose truth is known: for training, and to prove the assessment.

    Makes weather, flies a balloon through it, has people and sensors report it with their errors, and writes
    a case folder that gives nothing away; apart from it the sealed truth, for `score`. The same scenario and
    seed give the same bytes.

    \b
    overflight exercise --list
    overflight exercise station-keeper --seed 20310705 --out case
    overflight assess case --out answer
    overflight score answer case.truth
    """
    if listed:
        _list(as_json)
        return
    if scenario is None or seed is None or out is None:
        raise InputError(
            "a scenario, a seed and a folder are needed",
            field="SCENARIO",
            remedy="Give SCENARIO --seed N --out DIR; --list tells the scenarios.",
        )
    from overflight.twin.exercise import write_exercise
    from overflight.twin.scenarios import load_scenario

    with share_bar() as tell:
        tell("making weather, flights and reports", 0.0)
        written = write_exercise(load_scenario(scenario), seed, out, truth)
    if as_json:
        say_json(
            {
                "case": str(written.case), "truth": str(written.truth), "seal": written.seal,
                "sightings": written.sightings,
            }
        )  # fmt: skip
        return
    say(str(written.case))
    note(f"  {written.sightings} reports. The truth is in {written.truth}: keep it from the analyst.")
    note(f"  Seal: {written.seal}")


def _list(as_json: bool) -> None:
    from overflight.twin.scenarios import load_scenario, scenario_names

    scenarios = [load_scenario(name) for name in scenario_names()]
    if as_json:
        say_json(
            {
                "scenarios": [
                    {
                        "name": s.name, "title": s.title, "level": s.level, "moved": s.moved,
                        "about": " ".join(s.about.split()), "teaches": s.teaches,
                    }
                    for s in scenarios
                ]
            }
        )  # fmt: skip
        return
    for level in ("first", "second", "third"):
        for one in (s for s in scenarios if s.level == level):
            say(f"{one.name:27} {level:7} {one.title}")


def score(
    answer: Annotated[
        Path, typer.Argument(metavar="DIR", help="What `assess` wrote: the folder, or its result.json.")
    ],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The folder of the truth.")],
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Score although the case's title carries no seal of it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare an assessment with the truth of its exercise, line by line.

    Reads result.json and the truth, nothing else. An answer that is missing costs nothing; false certainty
    costs most. The rules are in docs/exercises.md.

    \b
    overflight score answer case.truth
    overflight score answer case.truth --json | jq .points
    """
    from overflight.twin.score import score as scored
    from overflight.twin.score import score_dict

    found = scored(answer, truth, unsealed=unsealed)
    if as_json:
        say_json(score_dict(found))
        return
    for line in score_table(found):
        say(line)


def score_table(found: Score) -> Iterator[str]:
    """Yield the lines of the printed table: every question, then each part, then the sum."""
    yield f"{found.scenario.get('title', '')} ({found.scenario.get('name', '')}, seed {found.seed})"
    for remark in found.notes:
        yield f"  {remark}"
    part = ""
    for line in found.lines:
        if line.part != part:
            part = line.part
            yield ""
            yield part.upper()
        cells = zip((line.question, line.answer, line.truth), WIDTHS, strict=True)
        points = "" if line.points is None else f"{line.points:+6.2f}"
        yield "  ".join(
            [*(_fit(text, width) for text, width in cells), f"{line.verdict:16}{points}"]
        ).rstrip()
    yield ""
    yield from _parts(found)


def _parts(found: Score) -> Iterator[str]:
    path = found.path
    if path.get("times"):
        yield (
            f"Path: {path['inside_50']:.0%} of {path['times']} times within the 50 % circle, "
            f"{path['inside_90']:.0%} within the 90 %; median miss {path['miss_median_km']:.0f} km, "
            f"90 % circle {path['r90_median_km']:.0f} km."
        )
    for part, row in found.parts.items():
        words = [f"{part}: {row['answered']} of {row['lines']} lines answered, {row['points']:+.2f} points"]
        if row["falsely certain"]:
            words.append(f"{row['falsely certain']} falsely certain")
        if row["brier"] is not None:
            words.append(f"mean Brier score {row['brier']:.2f}")
        if row["inside_90"] is not None:
            words.append(f"{row['inside_90']:.0%} of intervals hold")
        yield "; ".join(words) + "."
    yield f"Points: {found.points:+.2f}"


def _fit(text: str, width: int) -> str:
    return f"{text:{width}}" if len(text) <= width else text[: width - 1] + "…"

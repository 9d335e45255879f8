"""The commands `exercise` and `score`: what they print, and their errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from overflight.cli.exercise import exercise, score
from overflight.errors import InputError
from overflight.twin.scenarios import scenario_names

app = typer.Typer()
app.command("exercise")(exercise)
app.command("score")(score)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    done = run("exercise", "false-report", "--seed", "77123", "--out", str(folder / "case"), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["case"] == str(folder / "case")
    assert len(told["seal"]) == 64
    return folder


def test_the_list_names_every_scenario() -> None:
    done = run("exercise", "--list")
    assert done.exit_code == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(scenario_names())
    told = json.loads(run("exercise", "--list", "--json").stdout)["scenarios"]
    assert {s["name"]: s["moved"] for s in told}["station-keeper"] == "steered"


def test_the_case_is_printed_and_the_truth_lies_beside_it(made: Path) -> None:
    assert (made / "case" / "case.toml").is_file()
    assert (made / "case.truth" / "truth.json").is_file()


def test_the_truth_goes_where_it_is_told(tmp_path: Path) -> None:
    out, apart = tmp_path / "a", tmp_path / "b" / "t"
    done = run("exercise", "false-report", "--seed", "5", "--out", str(out), "--truth", str(apart))
    assert done.exit_code == 0
    assert done.stdout.strip() == str(tmp_path / "a")
    assert (tmp_path / "b" / "t" / "truth.nc").is_file()


def test_what_is_missing_is_said() -> None:
    for arguments in ((), ("false-report",), ("false-report", "--seed", "1")):
        done = run("exercise", *arguments)
        assert isinstance(done.exception, InputError)
        assert "--list" in str(done.exception)
    assert run("exercise", "false-report", "--seed", "-1", "--out", "x").exit_code == 2


def test_a_score_is_a_table_or_json(made: Path, tmp_path: Path) -> None:
    title = (made / "case" / "case.toml").read_text().split('title = "')[1].split('"')[0]
    result = {"findings": [], "sections": {"case": {"title": title}}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    done = run("score", str(tmp_path), str(made / "case.truth"))
    assert done.exit_code == 0, done.output
    assert "There was no balloon (false-report, seed 77123)" in done.stdout
    assert "REPORTS" in done.stdout
    assert done.stdout.rstrip().endswith("Points: +0.00")
    assert max(len(line) for line in done.stdout.splitlines()) < 160
    told = json.loads(run("score", str(tmp_path), str(made / "case.truth"), "--json").stdout)
    assert told["points"] == 0.0
    assert {line["verdict"] for line in told["lines"]} == {"not answered"}


def test_another_exercises_truth_is_refused_unless_asked(made: Path, tmp_path: Path) -> None:
    result = {"findings": [], "sections": {"case": {"title": "Exercise 0000000000000000"}}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    done = run("score", str(tmp_path), str(made / "case.truth"))
    assert isinstance(done.exception, InputError)
    assert run("score", str(tmp_path), str(made / "case.truth"), "--unsealed").exit_code == 0

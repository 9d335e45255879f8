"""`overflight steer` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from overflight.cli.steer import steer
from overflight.errors import InputError
from overflight.words import TERMS

RUNNER = CliRunner()
APP = typer.Typer()
APP.command("steer")(steer)

CASE = """version = 1
[case]
title = "made"
start = 2023-02-01T00:00:00Z
end = 2023-02-02T12:00:00Z
[winds]
source = "prior-only"
[inputs]
sightings = "sightings.csv"
{extra}
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return write_case(tmp_path / "case")


def write_case(folder: Path, extra: str = "") -> Path:
    folder.mkdir()
    (folder / "case.toml").write_text(CASE.format(extra=extra), encoding="utf-8")
    rows = ["id,time_utc_start,time_utc_end,lat,lon,radius_km,kind,source,reliability"]
    for k in range(7):
        time = f"2023-02-0{1 + k // 4}T{6 * (k % 4):02d}:00Z"
        rows.append(
            f"S{k},{time},{time},{45 + 0.1 * k:.2f},{-110 + 2.0 * k:.2f},20,radar_detection,test,high"
        )
    (folder / "sightings.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def run(*words: object):
    return RUNNER.invoke(APP, [str(w) for w in words])


def test_it_says_that_the_climatology_cannot_tell_and_why(case: Path) -> None:
    result = run(case, "--particles", 200)
    assert result.exit_code == 0, result.output
    assert "these data cannot tell" in result.stdout
    assert "No winds of these days were at hand" in result.stdout
    # Winds of the season allow neither side to be named, and of such a side no ratio is told.
    assert "times as probable" not in result.stdout
    posterior = result.stdout.splitlines()[0]
    assert "within the error of the computation" in posterior
    assert not any(word in posterior for word in TERMS), posterior
    assert "propelled through the air" in result.stdout
    assert "stays a claim" in result.stdout


def test_json_is_one_object_and_files_are_written(case: Path, tmp_path: Path) -> None:
    result = run(case, "--particles", 200, "--seed", 3, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["verdict"] == "cannot tell"
    assert set(told["paths"]) == {"steer.json", "steer.png"}
    assert all(Path(path).is_file() for path in told["paths"].values())
    written = json.loads((tmp_path / "out" / "steer.json").read_text("utf-8"))
    assert written["section"]["seed"] == 3
    assert written["section"]["particles"] == 200


def test_the_written_answer_has_the_same_bytes_again(case: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run(case, "--particles", 200, "--out", tmp_path / name).exit_code == 0
    assert (tmp_path / "a" / "steer.json").read_bytes() == (tmp_path / "b" / "steer.json").read_bytes()


def test_a_low_threshold_makes_no_verdict_out_of_a_climatology(case: Path) -> None:
    told = json.loads(run(case, "--particles", 200, "--threshold", 0.55, "--json").stdout)
    assert told["verdict"] == "cannot tell"


def test_a_file_is_no_folder(case: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(case, "--particles", 200, "--out", tmp_path / "file")
    assert isinstance(result.exception, InputError)
    assert "it is a file" in str(result.exception)


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "bad", "[ask.steer]\nthreshhold = 0.9")
    result = run(folder)
    assert "ask.steer.threshhold" in str(result.exception)

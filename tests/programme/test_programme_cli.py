"""`overflight programme`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import made_programme as made
import pytest
import typer
from typer.testing import CliRunner

from overflight.cli.programme import programme
from overflight.exports.netcdf import write_ensemble


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.csv"
    path.write_text(made.HEAD + made.ROWS, encoding="utf-8")
    return path


def run(*words: str | Path) -> tuple[int, str, BaseException | None]:
    app = typer.Typer()
    app.command()(programme)
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output, done.exception


def test_it_prints_the_counts_and_what_is_kept_apart(catalogue: Path) -> None:
    code, text, _ = run(catalogue, "--own", "1")
    assert code == 0
    assert "over land, attributed: 2" in text
    assert "gamma: a hobby balloon" in text


def test_json_and_folder_agree(catalogue: Path, tmp_path: Path) -> None:
    code, text, _ = run(catalogue, "--json", "--out", tmp_path / "answer")
    assert code == 0
    printed = json.loads(text)
    written = json.loads((tmp_path / "answer" / "programme.json").read_text("utf-8"))
    assert [f["id"] for f in printed["findings"]] == [f["id"] for f in written["findings"]]
    assert printed["paths"] == {"programme.json": str(tmp_path / "answer" / "programme.json")}


def test_flights_flown_backward_are_combined(catalogue: Path, tmp_path: Path) -> None:
    for n, name in enumerate(("one", "two")):
        write_ensemble(made.backward(110.0, 23.5, seed=n), tmp_path / f"{name}.nc")
    code, text, error = run(
        catalogue, "--json", "--origin", tmp_path / "one.nc", "--origin", tmp_path / "two.nc"
    )
    assert code == 0, error
    origins = json.loads(text)["section"]["origins"]
    assert [f["name"] for f in origins["flights"]] == ["one", "two"]
    assert 0 < origins["p_common"] <= 1


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--origin", "one.nc"), "Give --origin twice"),
        (("--column", "text"), "THEIRS=OURS"),
        (("--area", "nowhere"), "ISO 3166-1"),
    ],
)
def test_what_cannot_be_used_says_the_remedy(catalogue: Path, words: tuple[str, ...], remedy: str) -> None:
    code, _, error = run(catalogue, *words)
    assert code != 0
    assert remedy in str(error)

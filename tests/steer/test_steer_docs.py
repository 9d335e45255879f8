"""docs/steer.md: its code runs, its paragraphs are those that are computed, its keys those that are read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, KEYS, read_hypotheses
from overflight.steer.settings import KEYS as SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "steer.md").read_text("utf-8")
CASE = """version = 1
case = { title = "made", start = 2023-02-01T00:00:00Z, end = 2023-02-02T00:00:00Z }
inputs = { sightings = "sightings.csv" }
winds = { source = "prior-only" }
"""
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("one", DEFAULT_HYPOTHESES, ids=lambda one: one.id)
def test_the_paragraphs_are_those_of_the_code(one) -> None:
    assert f"| `{one.id}` | {100 * one.prior:g} % | {one.statement} |" in PAGE


def test_every_key_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE))))
    assert (set(SETTINGS) - {"hypotheses"}) | set(KEYS) <= described


def test_the_table_of_accounts_can_be_read() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    found = {h.id: h for h in read_hypotheses(tomllib.loads(block)["ask"]["steer"])}
    assert set(found) == {"passive_level", "passive_daynight", "altitude_controlled", "propelled", "both"}
    assert found["both"].model.horizontal == "propelled"


@pytest.mark.parametrize("code", BLOCKS, ids=["a case", "a track"])
def test_the_code_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my-case").mkdir()
    (tmp_path / "my-case" / "case.toml").write_text(CASE, encoding="utf-8")
    rows = ["id,time_utc_start,time_utc_end,lat,lon,radius_km,kind,source"]
    for k in range(4):
        time = f"2023-02-01T{6 * k:02d}:00Z"
        rows.append(f"S{k},{time},{time},45,{-110 + 2 * k},20,radar_detection,test")
    (tmp_path / "my-case" / "sightings.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert "cannot tell" in capsys.readouterr().out

"""What a case says of passive flights: its own winds of the whole month, and what is refused beforehand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from made_winds import write_winds
from overflight import pipeline
from overflight.cli.claims import app
from overflight.cli.programme import programme
from overflight.errors import CaseError, InputError
from overflight.pipeline import case_winds, read_inputs
from overflight.times import parse_utc
from overflight.winds.choose import CaseWinds

CASE = """\
version = 1
[case]
title = "A made case"
start = 2023-01-10T00:00:00Z
end = 2023-01-11T00:00:00Z
[inputs]
sightings = "sightings.csv"
catalogue = "catalogue.csv"
[ask.programme]
origins = true
days_back = 2
origin_members = 20
[ask.strayed]
from = [-100.0, 40.0]
place = "Kansas"
radius_km = 10
month = "2023-01"
area = "USA"
days = 2
members = 16
launches = 2
"""
SIGHTINGS = """\
id,time_utc_start,time_utc_end,lat,lon,radius_km,alt_m_low,alt_m_high,kind,source,reliability,text
S1,2023-01-10T00:00Z,2023-01-10T00:20Z,50.0,-135.0,40,18000,18600,satellite_detection,made,high,first
"""
# Two flights whose days lie before and after those of the case.
CATALOGUE = """\
id,group,event,flight,time_start,time_end,lat_deg,lon_deg,radius_km,alt_low_m,alt_high_m,standing,kind,text
A,a,sighting,a,2023-01-05T00:00Z,2023-01-05T00:00Z,40,-100,10,18000,18000,attributed,mission,One
B,b,sighting,b,2023-01-28T00:00Z,2023-01-28T00:00Z,45,-90,10,18000,18000,attributed,mission,Two
"""
BEGIN, MIDDLE, END = (parse_utc(f"2023-{day}T00:00Z") for day in ("01-01", "01-16", "02-03"))


def silent(_text: str, _share: float) -> None:
    """Progress that nobody follows."""


def made_case(folder: Path, *, old: str = "", new: str = "") -> Path:
    folder.mkdir()
    (folder / "case.toml").write_text(CASE.replace(old, new) if old else CASE, encoding="utf-8")
    (folder / "sightings.csv").write_text(SIGHTINGS, encoding="utf-8")
    (folder / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    return folder


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """A case with winds of the whole month, in two files."""
    folder = made_case(tmp_path / "case")
    write_winds(folder / "winds" / "early.nc", BEGIN, MIDDLE - 6 * 3600.0)
    write_winds(folder / "winds" / "late.nc", MIDDLE, END)
    return folder


def told(*words: str | Path) -> dict:
    done = CliRunner().invoke(app, ["strayed", *map(str, words), "--json"])
    assert done.exit_code == 0, done.exception
    return json.loads(done.output)["strayed"]


def flown_in_case(folder: Path) -> tuple[CaseWinds, dict]:
    inputs = read_inputs(folder)
    winds = case_winds(inputs, folder / "no-cache")
    return winds, pipeline._strayed(inputs, winds, silent).section


def test_winds_of_the_month_are_used_whatever_the_days_of_the_case(month: Path) -> None:
    """The assessment and the command fly in the same winds, and count the same."""
    winds, section = flown_in_case(month)
    assert winds.own is not None
    assert winds.own.time_s[-1] < END - 10 * 86_400.0  # what the case itself needs of them
    assert section["own_winds"]
    assert "January 2023" in section["sentences"][0]["text"]
    assert told(month) == section


def test_flights_of_a_catalogue_go_back_in_all_winds_of_the_case(month: Path) -> None:
    inputs = read_inputs(month)
    winds = case_winds(inputs, month / "no-cache")
    sections: dict = {}
    pipeline._beside(inputs, winds, None, [], sections)
    flights = sections["programme"]["origins"]["flights"]
    assert [f["name"] for f in flights] == ["a", "b"]
    assert all("winds of the time" in f["how"] for f in flights)

    # And on the command line from the same files; from one of them one flies in it.
    command = typer.Typer()
    command.command()(programme)
    words = [str(month / "catalogue.csv"), "--origins", "--days", "2", "--members", "20", "--json"]
    files = [month / "winds" / name for name in ("early.nc", "late.nc")]
    for some, own in ((files, 2), (files[:1], 1)):
        done = CliRunner().invoke(command, [*words, *(w for f in some for w in ("--winds", str(f)))])
        assert done.exit_code == 0, done.exception
        hows = [f["how"] for f in json.loads(done.output)["section"]["origins"]["flights"]]
        assert sum("winds of the time" in how for how in hows) == own


def test_winds_that_end_before_the_month_are_left_out_with_a_note(tmp_path: Path) -> None:
    folder = made_case(tmp_path / "case")
    write_winds(folder / "winds" / "early.nc", BEGIN, MIDDLE)
    _, section = flown_in_case(folder)
    assert not section["own_winds"]
    assert "early.nc" in section["notes"][0]
    assert "were left out" in section["notes"][0]
    write_winds(folder / "winds" / "early.nc", BEGIN - 60 * 86_400.0, BEGIN - 50 * 86_400.0)
    assert "early.nc was left out" in told(folder)["notes"][0]


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('area = "USA"', 'area = "Atlantis"', "area", "neither an area of the case nor a country"),
        ("from = [-100.0, 40.0]", 'from = "Atlantis"', "from", "no country"),
        ("days = 2\nmembers", "days = 2\nlevel_m = [2000, 3000]\nmembers", "level_m", "no winds at"),
        ("days = 2\nmembers", "days = 2\nlevel_m = [39000, 40000]\nmembers", "level_m", "no winds at"),
    ],
)
def test_what_cannot_be_flown_is_named_before_any_work(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    with pytest.raises(CaseError, match=said) as caught:
        read_inputs(made_case(tmp_path / "case", old=old, new=new))
    assert caught.value.field == f"ask.strayed.{key}"
    assert caught.value.line == 1 + (tmp_path / "case" / "case.toml").read_text("utf-8").splitlines().index(
        next(line for line in new.splitlines() if line.startswith(key))
    )


def test_levels_that_the_files_do_not_hold_are_a_note(month: Path) -> None:
    """Of files it is found only when they are read: the assessment goes on, and it cannot be told."""
    text = (month / "case.toml").read_text("utf-8")
    levels = text.replace("days = 2\nmembers", "days = 2\nlevel_m = [2000, 3000]\nmembers")
    (month / "case.toml").write_text(levels, encoding="utf-8")
    inputs = read_inputs(month)
    answer = pipeline._strayed(inputs, case_winds(inputs, month / "no-cache"), silent)
    (found,) = answer.findings
    assert (found.id, found.kind) == ("claims.strayed.reach_USA_airspace", "undetermined")
    assert "2000 to 3000 m" in found.reason
    assert not answer.section
    alone = replace(inputs, case=replace(inputs.case, winds=replace(inputs.case.winds, source="prior-only")))
    assert pipeline._strayed(alone, CaseWinds(prior=case_winds(inputs).prior), silent).findings == (found,)


def test_another_place_does_not_keep_the_name_of_the_case(tmp_path: Path) -> None:
    folder = made_case(tmp_path / "case")
    assert told(folder)["from"] == "Kansas"
    other = told(folder, "--from", "0,50")
    assert other["from"] == "50° N 0° E"
    assert other["place"] == [0.0, 50.0, 50.0]
    named = told(folder, "--from", "0,50", "--place", "Kent", "--radius-km", "7")
    assert (named["from"], named["place"]) == ("Kent", [0.0, 50.0, 7.0])


def test_an_option_is_named_as_it_was_typed() -> None:
    words = ["strayed", "--from", "110,19", "--month", "2023", "--area", "USA"]
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert caught.value.field == "--month"
    assert "case.toml" not in str(caught.value)


@pytest.mark.parametrize("part", ["strayed", "programme"])
def test_a_number_that_no_float_holds_is_refused(tmp_path: Path, part: str) -> None:
    key = "seed" if part == "strayed" else "origin_seed"
    folder = made_case(tmp_path / "case", old=f"[ask.{part}]", new=f"[ask.{part}]\n{key} = 1{'0' * 400}")
    with pytest.raises(CaseError, match="no number") as caught:
        read_inputs(folder)
    assert caught.value.field == f"ask.{part}.{key}"

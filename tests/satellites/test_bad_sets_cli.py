"""Element sets that cannot be used, through `overflight satellites`: told, and the rest is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made_sets import CASE, made, tle_lines, tle_text
from typer.testing import CliRunner, Result

from overflight.cli import satellites
from overflight.satellites.tle import checksum


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE)
    (folder / "sites.csv").write_text("id,name,lat_deg,lon_deg,source\nPOLE,Pole,90,0,by eye\n")
    (folder / "sightings.csv").write_text("id,time_start,time_end,kind,role,source\n")
    return folder


def run(*words: object) -> Result:
    done = CliRunner().invoke(satellites.app, [str(w) for w in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def taken(folder: Path, text: str) -> Path:
    (folder / "sets.tle").write_text(text)
    run("import", folder / "sets.tle", "--store", folder / "e.db")
    return folder / "e.db"


def sealed(line: str) -> str:
    return f"{line[:68]}{checksum(line)}"


def test_a_wrong_checksum_and_words_for_numbers_are_told_with_file_line_and_remedy(tmp_path: Path) -> None:
    one, two = tle_lines(made())
    damaged = one[:68] + str((int(one[68]) + 1) % 10)
    rows = [
        "SUM", damaged, two,
        "MEAN", one, sealed(two[:52] + "        nan" + two[63:]),
        "TURN", one, sealed(two[:8] + "     inf" + two[16:]),
        "WHEN", sealed(one[:18] + "           nan" + one[32:]), two,
        "FAST", one, sealed(two[:52] + "99.00000000" + two[63:]),
        "GOOD", *tle_lines(made(90_009)),
    ]  # fmt: skip
    (tmp_path / "bad.tle").write_text("\n".join(rows))
    done = run("import", tmp_path / "bad.tle", "--store", tmp_path / "e.db")
    assert "bad.tle: 1 new, 0 known, 5 refused" in done.stdout
    told = [line for line in done.stderr.splitlines() if "bad.tle, line" in line]
    for line, name, word in (
        (2, "SUM", "the line adds up to"),
        (5, "MEAN", "the mean motion"),
        (8, "TURN", "the inclination"),
        (11, "WHEN", "the epoch"),
        (14, "FAST", "not within 0.018 to 18"),
    ):
        (row,) = (one for one in told if f"bad.tle, line {line} (" in one)
        assert name in row
        assert word in row
        assert "Fetch the set again" in row


def notes(case: Path, store: Path) -> str:
    return " ".join(run("passes", case, "--store", store).output.split())


def section(case: Path, store: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("passes", case, "--store", store, "--json").stdout)
    return told


def test_sets_a_decade_from_the_flight_say_how_far_and_what_to_do(case: Path, tmp_path: Path) -> None:
    store = taken(
        tmp_path, tle_text(made(epoch="2012-02-01T00:00Z"), made(90_002, epoch="2012-03-01T00:00Z"))
    )
    told = notes(case, store)
    assert "of 2 objects, lie more than 200 days from the window" in told
    assert "the nearest at 2012-03-01T00:00:00Z, 3989 days off" in told
    assert "`max_age_days`" in told
    assert "overflight satellites import" in told
    (finding,) = section(case, store)["findings"]
    assert (finding["kind"], finding["value"]) == ("undetermined", None)
    assert "3989 days off" in finding["reason"]


def test_of_mixed_epochs_the_nearest_count_and_what_is_left_out_is_told(case: Path, tmp_path: Path) -> None:
    """One object over eleven years, another of 1999 alone."""
    near = made(epoch="2023-02-01T00:00Z", number=3)
    others = [made(epoch=f"{year}-02-01T00:00Z") for year in (2012, 2020)]
    store = taken(tmp_path, tle_text(others[0], near, others[1], made(90_002, epoch="1999-01-01T00:00Z")))
    alone = taken(tmp_path / "case", tle_text(near))
    told = section(case, store)["section"]
    assert told["rows"] == section(case, alone)["section"]["rows"]
    assert [one["catalog"] for one in told["satellites"]] == [90_001]
    assert told["elements"]["too_old"] == ["90002 MADE 1"]
    assert "1 object was left out: all element sets at hand lie more than `max_age_days`" in notes(
        case, store
    )

"""`overflight satellites` at its own door: import, list, passes, compare, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_sets import CASE, made, tle_text
from typer.testing import CliRunner

from overflight.cli import satellites
from overflight.errors import InputError
from overflight.records import make_ensemble
from overflight.times import parse_utc

START = parse_utc("2023-02-01T12:00Z")
SITES = """id,name,lat_deg,lon_deg,alt_m,source
MALM,Malmstrom,47.5,-111.2,1057,published
POLE,Pole,90,0,,by eye
"""
CAMERAS = """id,name,focal_m,aperture_m,pitch_m,columns,rows,source
own,its own,1.5,0.15,4.6e-6,9576,6388,made for this test
"""
SIGHTINGS = "id,time_start,time_end,kind,role,source\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three made satellites, one of them refused."""
    sets = [made(epoch="2023-02-01T00:00Z", name="GAOFEN 2"), made(90_002, name="RELAY", node_deg=30.0)]
    text = tle_text(*sets) + tle_text(made(90_003)).replace("97.6000", "97.6001")
    (tmp_path / "made.tle").write_text(text)
    return tmp_path / "elements.db"


def run(*words: object) -> str:
    done = CliRunner().invoke(satellites.app, [str(w) for w in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE)
    (folder / "sites.csv").write_text(SITES)
    (folder / "sightings.csv").write_text(SIGHTINGS)
    return folder


def test_import_tells_new_known_and_refused(store: Path, tmp_path: Path) -> None:
    first = run("import", tmp_path / "made.tle", "--store", store)
    assert "made.tle: 2 new, 0 known, 1 refused" in first
    assert "line 9" in first
    assert "checksum" in first
    again = json.loads(run("import", tmp_path / "made.tle", "--store", store, "--json"))
    assert again["files"] == [{"name": "made.tle", "new": 0, "known": 2, "refused": 1}]


def test_list_tells_what_is_there_and_how_old(store: Path, tmp_path: Path) -> None:
    run("import", tmp_path / "made.tle", "--store", store)
    told = json.loads(
        run("list", "--store", store, "--at", "2023-02-11T00:00Z", "--name", "gaofen", "--json")
    )
    (row,) = told["satellites"]
    assert (row["catalog"], row["sets"], row["age_days"]) == (90_001, 1, 10.0)
    assert "RELAY" in run("list", "--store", store)


def test_passes_over_the_sites_of_a_case(store: Path, case: Path, tmp_path: Path) -> None:
    run("import", tmp_path / "made.tle", "--store", store)
    told = json.loads(run("passes", case, "--store", store, "--json"))
    assert [row["id"] for row in told["section"]["rows"]] == ["MALM", "POLE"]
    assert told["section"]["elements"]["objects"] == 2
    assert {f["id"].split(".")[0] for f in told["findings"]} == {"satellites"}
    text = run("passes", case, "--store", store, "--name", "GAOFEN")
    assert "GAOFEN 2, MALM" in text
    assert "Note:" in text


def test_compare_with_a_flight_writes_answer_and_picture(store: Path, case: Path, tmp_path: Path) -> None:
    run("import", tmp_path / "made.tle", "--store", store)
    time_s = START + 1800.0 * np.arange(20)
    lon = np.linspace(-115.0, -105.0, 20) + np.linspace(-0.2, 0.2, 8)[:, None]
    flight = make_ensemble(
        kind="posterior", time_s=time_s, lon_deg=lon, lat_deg=np.full(lon.shape, 47.5),
        alt_m=np.full(lon.shape, 18_300.0), pressure_pa=np.full(lon.shape, 7_000.0),
        status=np.zeros(lon.shape, int),
    )  # fmt: skip
    flight.to_netcdf(tmp_path / "flight.nc")
    out = tmp_path / "out"
    text = run("compare", case, "--flight", tmp_path / "flight.nc", "--store", store, "--out", out)
    assert "The balloon could have seen it for" in text
    told = json.loads((out / "satellites.json").read_text())
    assert told["section"]["rows"][0]["balloon"]["hours"] is not None
    assert (out / "satellites.png").read_bytes()[:4] == b"\x89PNG"
    # What the case says of seeing counts: from 20 degrees up, by one camera of its own.
    (case / "cameras.csv").write_text(CAMERAS)
    more = CASE + 'cameras = "cameras.csv"\n[ask.exposure]\nmin_elevation_deg = 20\n'
    (case / "case.toml").write_text(more)
    run("compare", case, "--flight", tmp_path / "flight.nc", "--store", store, "--out", out)
    again = json.loads((out / "satellites.json").read_text())["section"]["rows"][0]["balloon"]
    assert again["hours"]["p50"] < told["section"]["rows"][0]["balloon"]["hours"]["p50"]
    assert [one["camera"] for one in again["cameras"]] == ["own"]


def test_without_elements_the_answer_says_what_to_do(case: Path, tmp_path: Path) -> None:
    assert "overflight satellites import" in run("passes", case, "--store", tmp_path / "none.db")


def test_what_cannot_be_asked(case: Path, store: Path, tmp_path: Path) -> None:
    for words in (
        ("fetch", "--store", store),
        ("fetch", "--store", store, "--source", "space-track"),
        ("compare", case, "--flight", tmp_path / "none.nc", "--store", store),
        ("list", "--store", tmp_path / "none.db"),
    ):
        with pytest.raises(InputError):
            run(*words)

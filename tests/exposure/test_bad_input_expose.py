"""`overflight expose` on what cannot be or is there in part: file, line, field and remedy, or the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from overflight.cli.expose import expose
from overflight.errors import OverflightError
from overflight.exports.netcdf import write_ensemble
from overflight.records import make_ensemble
from overflight.times import parse_utc

NOON_S = parse_utc("2023-06-21T19:24Z")
SITES = "id,name,lat_deg,lon_deg,alt_m,source\nHERE,A place,47.5,-111.2,1000,made\n"
CAMERA = "id,name,focal_m,aperture_m,pitch_m,columns,rows,source"
EMITTER = "id,name,frequency_hz,eirp_dbm,bandwidth_hz,height_m,duty,source"
Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    lon = np.linspace(-113.0, -109.0, 13)[None] + np.array([[0.0], [0.1], [0.2]])
    ensemble = make_ensemble(
        kind="posterior", time_s=NOON_S + 1800.0 * np.arange(13), lon_deg=lon,
        lat_deg=np.full(lon.shape, 47.4), alt_m=np.full(lon.shape, 18_300.0),
        pressure_pa=np.full(lon.shape, 7e3), status=np.zeros(lon.shape),
    )  # fmt: skip
    write_ensemble(ensemble, tmp_path / "flight.nc")
    app = typer.Typer()
    app.command()(expose)

    def run(*words: object, sites: str = SITES) -> Result:
        (tmp_path / "sites.csv").write_text(sites)
        given = [tmp_path / "flight.nc", "--sites", tmp_path / "sites.csv", "--no-unknown", "--json", *words]
        return CliRunner().invoke(app, [str(w) for w in given])

    return run


def refused(done: Result) -> OverflightError:
    assert done.exit_code != 0
    assert isinstance(done.exception, OverflightError), done.output
    return done.exception


def section(done: Result) -> dict[str, Any]:
    assert done.exit_code == 0, (done.output, done.exception)
    told: dict[str, Any] = json.loads(done.stdout)["section"]
    return told


@pytest.mark.parametrize(
    ("extra", "row", "where", "remedy"),
    [
        ("", "z,none,1.5,0,4.6e-6,9576,6388,made", "field 'aperture_m'", "above zero"),
        ("", "z,none,1.5,nan,4.6e-6,9576,6388,made", "field 'aperture_m'", "SI units"),
        ("", "z,none,1.5,-0.1,4.6e-6,9576,6388,made", "field 'aperture_m'", "above zero"),
        (",wavelength_m", "z,heat,1.5,0.15,4.6e-6,9576,6388,made,10e-6", "field 'wavelength_m'", "thermal"),
    ],
)
def test_a_camera_that_cannot_be(
    ask: Ask, tmp_path: Path, extra: str, row: str, where: str, remedy: str
) -> None:
    (tmp_path / "cameras.csv").write_text(f"{CAMERA}{extra}\n{row}\n")
    error = str(refused(ask("--cameras", tmp_path / "cameras.csv")))
    for word in ("cameras.csv, line 2", where, remedy):
        assert word in error


@pytest.mark.parametrize(
    ("row", "where", "remedy"),
    [
        ("e,loud,1e9,inf,1e6,10,1,made", "field 'eirp_dbm'", "Give a number"),
        ("e,loud,1e9,1e6,1e6,10,1,made", "field 'eirp_dbm'", "-300 to 300"),
        ("e,light,5e14,50,1e6,10,1,made", "field 'frequency_hz'", "Radio ends at 3 THz"),
        ("e,none,0,50,1e6,10,1,made", "field 'frequency_hz'", "above zero"),
    ],
)
def test_an_emitter_that_cannot_be(ask: Ask, tmp_path: Path, row: str, where: str, remedy: str) -> None:
    (tmp_path / "emitters.csv").write_text(f"{EMITTER}\n{row}\n")
    error = str(refused(ask("--emitters", tmp_path / "emitters.csv")))
    for word in ("emitters.csv, line 2", where, remedy):
        assert word in error


def test_an_emitter_of_a_terahertz_is_out_of_tune_and_told_so(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "emitters.csv").write_text(f"{EMITTER}\ne,far infrared,1e12,50,1e9,10,1,made\n")
    told = section(ask("--emitters", tmp_path / "emitters.csv"))
    (row,) = told["signals"]["rows"]
    assert row["p_bound"] == 0.0
    assert "does not tune to it, but from 30 MHz to 40 GHz" in row["text"]


@pytest.mark.parametrize("lat", [90.0, -90.0])
def test_a_site_at_a_pole_is_answered_and_no_number_is_missing(ask: Ask, lat: float) -> None:
    """Under its horizon for a flight at 47 N: nothing of it in view, and every other site as without it."""
    head, here = SITES.splitlines()
    told = section(ask(sites=f"{head}\n{here}\nPOLE,The pole,{lat},0,,made\n"))
    alone = section(ask())
    by_id = {row["site"]: row for row in told["rows"]}
    assert by_id["POLE"]["p_in_view"] == 0.0
    assert by_id["HERE"] == alone["rows"][0]


@pytest.mark.parametrize("holes", [0.1, 1.0])
def test_ground_with_holes_is_used_and_what_is_not_known_is_told(
    ask: Ask, tmp_path: Path, holes: float
) -> None:
    values = np.full((1201, 1201), 900, dtype=">i2")
    values[np.random.default_rng(2).random(values.shape) < holes] = -32_768
    (tmp_path / "N47W112.hgt").write_bytes(values.tobytes())
    told = section(ask("--dem", tmp_path / "N47W112.hgt"))
    said = json.dumps(told)
    if holes < 1.0:
        assert "the terrain has holes on 720 of 720 azimuths" in said
        assert "% of the ground looked at)" in said
        assert "what stands there may hide more" in said
    else:
        assert "no elevation file reaches the site with a height; its horizon is taken as level" in said
    (row,) = told["rows"]
    # Level ground of 900 m and less under a site at 1000: the flight overhead is in view all the same.
    assert row["p_in_view"] == 1.0


def test_a_million_sites_end_at_the_limit(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is 100,000 rows; here it is put lower, which takes less time and goes the same way."""
    monkeypatch.setattr("overflight.rows.MAX_ROWS", 200)
    rows = "".join(f"s{n},a place,47,-111,,made\n" for n in range(300))
    error = str(refused(ask(sites=f"{SITES.splitlines()[0]}\n{rows}")))
    assert "sites.csv, line 202: has more than 200 rows. Split the file." in error

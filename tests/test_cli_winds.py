"""`winds show` and `winds verify`: what they print and draw, and what they say of bad input."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from made_winds import write_winds
from overflight.cli import app
from overflight.cli.winds import flight_levels
from overflight.cli.winds_show import wind_word
from overflight.pipeline import read_inputs
from overflight.records import Sighting
from overflight.times import parse_utc
from overflight.winds.cache import CacheFile, Entry, sha256_of, size_of, write_entry
from overflight.winds.gridded import read_grid
from overflight.winds.store import write_store

T0 = parse_utc("2023-02-10T18:00Z")
HOUR = 3600.0
# Towards east and north; from 270 - atan2(5, 20)... as the winds of `write_winds` are even everywhere.
U_MPS, V_MPS = 20.0, 5.0
FROM_DEG, KNOTS = 256, 40

CASE = """
version = 1
[case]
title = "Twelve hours"
start = 2023-02-10T20:00:00Z
end = 2023-02-11T08:00:00Z
[winds]
source = "files"
files = ["winds/even.nc"]
[inputs]
sightings = "sightings.csv"
[ask.origin]
hours = 0
[ask.forecast]
hours = 0
"""
SIGHTINGS = """id,time_utc_start,time_utc_end,lat,lon,radius_km,alt_m_low,alt_m_high,alt_kind,kind,source
S1,2023-02-10T21:00Z,2023-02-10T21:00Z,46.0,-110.0,20,12000,12000,pressure,telemetry,a test
S2,2023-02-11T03:00Z,2023-02-11T03:00Z,46.5,-105.0,20,12000,12000,pressure,telemetry,a test
S3,2023-02-11T06:00Z,2023-02-11T06:00Z,46.5,-102.0,20,12000,12000,pressure,telemetry,a test
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def winds(tmp_path: Path) -> Path:
    return write_winds(tmp_path / "even.nc", T0, T0 + 18 * HOUR, u_mps=U_MPS, v_mps=V_MPS)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OVERFLIGHT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "case"
    write_winds(folder / "winds" / "even.nc", T0, T0 + 18 * HOUR, u_mps=U_MPS, v_mps=V_MPS)
    (folder / "case.toml").write_text(CASE, "utf-8")
    (folder / "sightings.csv").write_text(SIGHTINGS, "utf-8")
    return folder


def sounding(path: Path, *, u_off: float = 0.0, v_off: float = 0.0, start: float = T0 + HOUR) -> Path:
    """A balloon's track, straight up through the even wind and a known amount off it."""
    rows = ["time,lat,lon,alt_m,pressure_pa"]
    for i in range(0, 5400, 20):
        alt = 200.0 + 5.0 * i
        east, north = (U_MPS - u_off) * i, (V_MPS - v_off) * i
        lat = 40.0 + north / 111_045.0
        lon = -100.0 + east / (111_415.0 * math.cos(math.radians(lat)) * 1.0008)
        moment = np.datetime64(int(start + i), "s")
        rows.append(f"{moment}Z,{lat:.6f},{lon:.6f},{alt:.1f},{101325.0 * math.exp(-alt / 7000.0):.1f}")
    path.write_text("\n".join(rows) + "\n")
    return path


def is_png(path: Path) -> bool:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    return data.startswith(b"\x89PNG\r\n\x1a\n") and min(width, height) > 300


# --- show ----------------------------------------------------------------------------------------------


def test_show_draws_a_map(winds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("winds", "show", winds)
    assert result.exit_code == 0, result.output
    # The held level nearest to 50 hPa, at the first time.
    assert result.stdout.strip() == "winds-50hPa-20230210T1800Z.png"
    assert is_png(tmp_path / result.stdout.strip())


def test_show_prints_direction_and_knots(winds: Path) -> None:
    result = run(
        "winds", "show", winds, "-l", 60, "--time", "2023-02-10T21:00Z", "--text", "--box", "-120,30,-60,60"
    )
    assert result.exit_code == 0, result.output
    assert "60 hPa, 2023-02-10T21:00:00Z, interpolated; direction from, degrees / knots" in result.stdout
    cells = [word for line in result.stdout.splitlines()[2:] for word in line.split()[1:]]
    assert len(cells) == 4 * 4
    assert set(cells) == {f"{FROM_DEG}/{KNOTS}"}


def test_show_draws_and_tells_in_json(winds: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    told = json.loads(run("winds", "show", winds, "--level", 70, "-o", out, "--json").stdout)
    assert is_png(out)
    assert (told["level_hpa"], told["interpolated"], told["missing_share"]) == (70.0, False, 0.0)
    assert told["speed_mps"]["max"] == pytest.approx(math.hypot(U_MPS, V_MPS), rel=1e-5)
    assert told["box"] == [0.0, -90.0, 360.0, 90.0]


def test_show_a_profile(winds: Path, tmp_path: Path) -> None:
    text = run("winds", "show", winds, "--at", 46.8, -108.5, "--text")
    assert text.exit_code == 0, text.output
    lines = text.stdout.splitlines()
    assert "46.8°, -108.5°, 2023-02-10T18:00:00Z; heights: standard atmosphere" in lines[0]
    # 100 hPa in the standard atmosphere: 16.22 km (table 1 of the standard has 16.18 km for 100.5 hPa).
    row = next(line.split() for line in lines if line.split()[0] == "100")
    assert float(row[1]) == pytest.approx(16_222, abs=15)
    assert row[2:] == [f"{FROM_DEG}/{KNOTS}", "20.6", "20.0", "5.0"]
    assert [line.split()[0] for line in lines[2:]] == ["10", "30", "50", "70", "100", "150", "300"]
    out = tmp_path / "p.png"
    told = json.loads(run("winds", "show", winds, "--at", 46.8, -108.5, "--json", "-o", out).stdout)
    assert told["u_mps"] == pytest.approx([U_MPS] * 7)
    assert told["u_sd_mps"] == [None] * 7
    assert is_png(out)


def test_show_a_store_and_a_case(winds: Path, case: Path, tmp_path: Path) -> None:
    store = write_store(tmp_path / "s.zarr", [read_grid(winds)])
    assert f"{FROM_DEG}/{KNOTS}" in run("winds", "show", store, "--text").stdout
    of_case = run("winds", "show", case, "--text")
    assert of_case.exit_code == 0, of_case.output
    # The middle of the case; the flight at 12 km is nearest to 150 hPa.
    assert "even.nc: 150 hPa, 2023-02-11T02:00:00Z" in of_case.stdout
    assert "Winds of the case: gridded winds (even.nc)" in of_case.stderr
    out = tmp_path / "c.png"
    assert run("winds", "show", case, "-o", out).exit_code == 0
    assert is_png(out)
    assert run("winds", "show", case, "--at", 46, -105, "--text").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--level", "5"], "nothing of 5 to 5 hPa"),
        (["--level", "-5"], "no pressure"),
        (["--time", "2024-01-01T00:00Z"], "holds time 2023-02-10T18:00:00Z"),
        (["--time", "2023-02-10T18:00"], "zone"),
        (["--box", "1,2,3"], "west,south,east,north"),
        (["--box", "0,60,10,50"], "is not a box"),
        (["--at", "95", "0"], "no place"),
        (["--out", "no/such/folder/a.png"], "folder"),
    ],
)
def test_show_says_what_cannot_be_shown(winds: Path, words: list[str], told: str) -> None:
    result = run("winds", "show", winds, *words)
    assert result.exit_code == 1, result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words", [["--at", "1", "2", "--level", "50"], ["--text", "--json"], ["--text", "-o", "a"]]
)
def test_show_refuses_flags_that_exclude_each_other(winds: Path, words: list[str]) -> None:
    assert run("winds", "show", winds, *words).exit_code == 2


def test_show_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("winds", "show", tmp_path / "no.nc")
    assert (result.exit_code, "there is no such file" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("origin", "knots", "word"),
    [
        (269.6, 45.2, "270/45"),
        (0.2, 10.0, "360/10"),
        (359.8, 9.7, "360/10"),
        (123.0, 0.3, "000/00"),
        (0.0, math.nan, "-"),
    ],
)
def test_winds_are_written_as_pilots_read_them(origin: float, knots: float, word: str) -> None:
    assert wind_word(origin, knots) == word


# --- verify --------------------------------------------------------------------------------------------


def test_verify_reads_a_file_from_end_to_end(winds: Path) -> None:
    result = run("winds", "verify", winds)
    assert result.exit_code == 0, result.output
    assert "whole    even.nc: 4 times read" in result.stdout
    told = json.loads(run("winds", "verify", winds, "--json").stdout)
    assert told["whole"] is True
    assert told["files"][0]["missing_share"] == 0.0
    winds.write_bytes(winds.read_bytes()[:-3000])
    broken = run("winds", "verify", winds, "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["whole"] is False


def test_verify_compares_checksums_of_stores_and_of_the_cache(
    winds: Path, case: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "one"
    store = write_store(folder / "wind.zarr", [read_grid(winds)])
    entry = Entry(
        id="one", source="gfs", title="made", time_start=T0, time_end=T0 + 18 * HOUR,
        box=(-180.0, -90.0, 180.0, 90.0), levels_pa=(1000.0, 30_000.0),
        files=(CacheFile(name=store.name, bytes=size_of(store), sha256=sha256_of(store)),),
    )  # fmt: skip
    write_entry(tmp_path / "cache", entry)
    for path, words in ((store, "SHA-256"), (folder, "SHA-256"), (case, "whole    one: SHA-256")):
        result = run("winds", "verify", path)
        assert result.exit_code == 0, result.output
        assert words in result.stdout
    lone = write_store(tmp_path / "lone.zarr", [read_grid(winds)])
    assert "CRC-32C of 8 chunks" in run("winds", "verify", lone).stdout
    for damaged in (store, lone):
        chunk = damaged / "u" / "c" / "2" / "0" / "0" / "0"
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 4
        chunk.write_bytes(data)
    for path, words in ((folder, "has changed"), (lone, "chunk is damaged"), (case, "has changed")):
        result = run("winds", "verify", path)
        assert result.exit_code == 1
        assert "damaged" in result.stdout
        assert words in result.stdout


def test_verify_finds_a_known_error_and_the_share_inside_the_spread(winds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sondes"
    folder.mkdir()
    sounding(folder / "a.csv", u_off=3.0)
    sounding(folder / "b.csv", u_off=-1.0, v_off=8.0)
    (folder / "notes.txt").write_text("weather was fine")
    out = tmp_path / "errors.png"
    result = run("winds", "verify", winds, "--against", folder, "--json", "--out", out)
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)["comparison"]
    assert is_png(out)
    assert [one["station"] for one in made["soundings"]] == ["a", "b"]
    assert any("notes.txt" in text for text in made["left_out"])
    total = made["all"]
    # Field minus sounding is what was taken off: 3 and -1, 0 and 8; GPS steps leave 0.1 m/s.
    assert total["bias_u_mps"] == pytest.approx(1.0, abs=0.1)
    assert total["bias_v_mps"] == pytest.approx(4.0, abs=0.1)
    assert total["rms_u_mps"] == pytest.approx(math.sqrt(5.0), abs=0.1)
    assert total["rms_v_mps"] == pytest.approx(math.sqrt(32.0), abs=0.1)
    # Spread of the model for analyses: 3.76 and 3.24 m/s; of four components 8 m/s alone is outside 1.645 of
    # them, and 0.674 of them holds -1 and 0.
    assert total["within_90"] == pytest.approx(0.75, abs=0.01)
    assert total["within_50"] == pytest.approx(0.5, abs=0.01)
    assert {layer["soundings"] for layer in made["layers"]} == {2}
    assert made["layers"][0]["high_pa"] == 30_000.0


def test_verify_prints_a_table_for_a_case_against_files_named_one_after_the_other(
    case: Path, tmp_path: Path
) -> None:
    files = [sounding(tmp_path / f"{name}.csv", start=T0 + 4 * HOUR) for name in "ab"]
    result = run("winds", "verify", case, "--against", *files)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("whole    even.nc")
    assert "2 soundings, m/s" in lines[1]
    last = lines[-1].split()
    assert last[:2] == ["all", "2"]
    assert [abs(float(x)) < 0.15 for x in last[3:8]] == [True] * 5
    assert last[-2:] == ["100%", "100%"]


def test_verify_says_what_cannot_be_compared(winds: Path, tmp_path: Path) -> None:
    late = sounding(tmp_path / "late.csv", start=T0 + 500 * HOUR)
    result = run("winds", "verify", winds, "--against", late)
    assert result.exit_code == 1
    assert "the winds reach none of the 1 soundings (late.csv: holds time" in result.stderr
    (tmp_path / "x.csv").write_text("hello\n")
    assert "x.csv" in run("winds", "verify", winds, "--against", tmp_path / "x.csv").stderr
    assert run("winds", "verify", winds, late).exit_code == 2
    assert run("winds", "verify", winds, "--out", "a.png").exit_code == 2
    absent = run("winds", "verify", tmp_path / "no.nc")
    assert (absent.exit_code, "no such file" in absent.stderr) == (1, True)


# --- the real ones -------------------------------------------------------------------------------------


def test_real_winds_are_shown_and_compared(test_data: Path, tmp_path: Path) -> None:
    florida = test_data / "wind" / "gfs_0p5_florida_20170424.nc"
    profile = run("winds", "show", florida, "--at", 28.5, -80.6, "--text")
    assert "heights: of the data" in profile.stdout
    out = tmp_path / "m.png"
    made = run("winds", "show", test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc", "-l", 70, "-o", out)
    assert made.exit_code == 0, made.output
    assert is_png(out)


# --- get: the levels -----------------------------------------------------------------------------------


def test_the_levels_heed_the_kind_of_altitude(case: Path) -> None:
    # 12 km of pressure altitude is the standard's 193.3 hPa, and 4 km about it 103.3 to 356.0 hPa.
    low, high = flight_levels(read_inputs(case))
    inputs = read_inputs(case)
    plain = [Sighting(**{**_fields(s), "alt_kind": "geometric"}) for s in inputs.sightings]
    low_geometric, _ = flight_levels(replace(inputs, sightings=tuple(plain)))
    # 12 km geopotential is 12 023 m geometric: 0.36 % less pressure.
    assert low / low_geometric == pytest.approx(math.exp(-22.7 / 6342.0), rel=1e-4)
    assert low / 100.0 == pytest.approx(103.3, abs=0.7)
    assert high / 100.0 == pytest.approx(356.0, abs=1.5)


def _fields(sighting: Sighting) -> dict[str, object]:
    return {name: getattr(sighting, name) for name in Sighting.__dataclass_fields__}

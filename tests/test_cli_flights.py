"""forecast, backtrack and landing through the real command: what they print, write and refuse."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

import made_winds
from overflight.cli import app
from overflight.exports.netcdf import read_ensemble, write_ensemble
from overflight.exports.zarr import read_ensemble_zarr
from overflight.geo import distance_m
from overflight.records import check_ensemble
from overflight.times import iso_utc, parse_utc
from overflight.winds.store import store_files

PAGE = (Path(__file__).parents[1] / "docs" / "forecast.md").read_text("utf-8")
BEGIN = "2023-02-01T18:00Z"
PLACE = ("--at", 46.8, -108.5, "--time", BEGIN)
FLOAT = (*PLACE, "--altitude", "18km")
KML = {"k": "http://www.opengis.net/kml/2.2"}
U_MPS = 20.0


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def done(*words: object) -> dict[str, Any]:
    """What a command prints with --json."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture(scope="module")
def winds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of an even wind to the east, from the ground to 10 hPa."""
    start = parse_utc("2023-02-01T00:00Z")
    levels = np.array([10.0, 30.0, 50.0, 70.0, 100.0, 150.0, 300.0, 500.0, 850.0, 1000.0])
    path = tmp_path_factory.mktemp("winds") / "even.nc"
    return made_winds.write_winds(path, start, start + 2 * 86400.0, u_mps=U_MPS, levels_hpa=levels)


@pytest.fixture(scope="module")
def flown(winds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A day of floats in all formats."""
    out = tmp_path_factory.mktemp("flown")
    answer = done(
        "forecast", *FLOAT, "--hours", 24, "-n", 40, "-w", winds, "-o", out,
        "-f", "nc,zarr,geojson,kml,czml", "--keep", "1h", "--spread-km", 5,
    )  # fmt: skip
    return answer, out


# --- forecast: numbers


def test_a_float_without_errors_drifts_as_far_as_the_wind_says(winds: Path, tmp_path: Path) -> None:
    words = ("--error", "none", "-n", 1, "--hours", 12, "-f", "nc", "--no-plot", "-w", winds)
    answer = done("forecast", *FLOAT, *words, "-o", tmp_path)
    last = answer["positions"][-1]
    assert last["lat_deg"] == pytest.approx(46.8, abs=0.001)
    # The radius of the parallel is that of the ellipsoid at 46.8° N plus the height of 18 km.
    east_m = np.radians(last["lon_deg"] + 108.5) * (6_389_500.0 + 18_000.0) * np.cos(np.radians(46.8))
    assert east_m == pytest.approx(U_MPS * 12 * 3600.0, rel=2e-3)
    assert last["radius90_m"] < 1.0
    assert answer["members"] == 1


def test_back_and_forth_meet(winds: Path, tmp_path: Path) -> None:
    words = ("--error", "none", "-n", 1, "--hours", 10, "-f", "nc", "--no-plot", "-w", winds)
    back = done("backtrack", *FLOAT, *words, "-o", tmp_path / "back")
    first = back["positions"][-1]
    assert first["time"] == "2023-02-01T08:00:00Z"
    assert sorted(back["paths"]) == ["origin.json", "origin.nc"]
    again = done(
        "forecast", "--lat", first["lat_deg"], "--lon", first["lon_deg"], "-t", first["time"], "-z", "18km",
        *words, "-o", tmp_path / "forth",
    )  # fmt: skip
    last = again["positions"][-1]
    assert distance_m(last["lon_deg"], last["lat_deg"], -108.5, 46.8) < 20.0


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(winds: Path, tmp_path: Path) -> None:
    words = (
        "forecast",
        *FLOAT,
        "--hours",
        6,
        "-n",
        30,
        "-w",
        winds,
        "--no-plot",
        "-f",
        "nc,geojson,kml,czml",
    )
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        done(*words, "--seed", seed, "-o", tmp_path / name)
    for name in ("forecast.nc", "forecast.geojson", "forecast.kml", "forecast.czml"):
        a, b, c = ((tmp_path / run_ / name).read_bytes() for run_ in "abc")
        assert a == b
        assert a != c


def test_heights_are_taken_with_their_units(winds: Path, tmp_path: Path) -> None:
    words = ("-n", 2, "--hours", 1, "-f", "nc", "--no-plot", "-w", winds, "-o", tmp_path, "--error", "none")
    heights = {"18000": 18000.0, "18 km": 18000.0, "60000ft": 18288.0, "60,000 ft": 18288.0}
    for text, alt_m in heights.items():
        answer = done("forecast", *PLACE, "--altitude", text, *words)
        assert answer["positions"][0]["alt_m"]["p50"] == pytest.approx(alt_m, abs=1.0)
    answer = done("forecast", *PLACE, "--pressure", 70, *words)
    # 70 hPa of the standard is 18 442 m of geopotential height, 18 496 m of geometric height.
    assert answer["positions"][0]["alt_m"]["p50"] == pytest.approx(18_496.0, abs=10.0)


def test_a_sounding_climbs_bursts_and_lands(winds: Path, tmp_path: Path) -> None:
    words = ("--kind", "sounding", "--burst", "20km", "--ascent-rate", 5, "--parachute", 6, "--spread-alt", 0)
    answer = done(
        "forecast", *PLACE, *words, "--spread-rate", 0, "-n", 20, "-w", winds, "-o", tmp_path, "-f", "nc",
        "--no-plot",
    )  # fmt: skip
    (end,) = answer["ends"]
    assert end["end"] == "stopped: ground"
    assert end["share"] == pytest.approx(1.0)
    ensemble = read_ensemble(tmp_path / "forecast.nc")
    assert float(ensemble["alt_m"].max()) == pytest.approx(20e3, abs=310.0)
    # Up 20 km at 5 m/s; down slower than in the thin air above, faster than at the ground's 6 m/s.
    up_s = 20e3 / 5.0
    down_s = end["time_s"]["p50"] - parse_utc(BEGIN) - up_s
    assert 20e3 / 6.0 / 2.4 < down_s < 20e3 / 6.0


def test_a_sounding_back_in_time_finds_where_it_was_let_go(winds: Path, tmp_path: Path) -> None:
    words = ("-k", "sounding", "--burst", "20km", "--spread-alt", 0, "--spread-rate", 0, "--error", "none",
             "-n", 1, "-w", winds, "-f", "nc", "--no-plot")  # fmt: skip
    up = done("forecast", *PLACE, *words, "-o", tmp_path / "up")["ends"][0]
    back = done(
        "backtrack", "--at", up["lat_deg"], up["lon_deg"], "-t", iso_utc(up["time_s"]["p50"]), *words,
        "-o", tmp_path / "back",
    )["ends"][0]  # fmt: skip
    assert back["end"] == "stopped: ground"
    assert distance_m(back["lon_deg"], back["lat_deg"], -108.5, 46.8) < 500.0
    assert back["time_s"]["p50"] == pytest.approx(parse_utc(BEGIN), abs=20.0)


def test_a_float_with_a_rate_of_ascent_climbs_to_its_level_first(winds: Path, tmp_path: Path) -> None:
    answer = done(
        "forecast", *FLOAT, "--ascent-rate", 4, "--hours", 3, "-n", 5, "-w", winds, "-o", tmp_path,
        "-f", "nc", "--no-plot",
    )  # fmt: skip
    heights = [row["alt_m"]["p50"] for row in answer["positions"]]
    assert abs(heights[0]) < 10.0
    assert heights[-1] == pytest.approx(18_000.0, abs=60.0)


def test_settings_reach_the_balloon(winds: Path, tmp_path: Path) -> None:
    words = ("forecast", *PLACE, "--kind", "descent", "--altitude", "10km", "-n", 3, "-w", winds, "-f", "nc",
             "--no-plot", "--error", "none")  # fmt: skip
    slow = done(*words, "--set", "mass_kg=1", "--set", "drag_area_m2=4", "-o", tmp_path / "slow")
    fast = done(*words, "--set", "mass_kg=4", "--set", "drag_area_m2=4", "-o", tmp_path / "fast")
    begin = parse_utc(BEGIN)
    lasted = [one["ends"][0]["time_s"]["p50"] - begin for one in (slow, fast)]
    # Terminal speed goes as the root of the mass.
    assert lasted[0] / lasted[1] == pytest.approx(2.0, rel=0.01)


def test_until_ends_at_the_border(winds: Path, tmp_path: Path) -> None:
    answer = done(
        "forecast", "--at", 46.0, -2.5, "-t", BEGIN, "-z", "18km", "--until", "FRA", "-n", 8, "--error",
        "none", "--hours", 12, "-w", winds, "-o", tmp_path, "-f", "nc", "--no-plot",
    )  # fmt: skip
    (end,) = answer["ends"]
    assert end["end"] == "stopped: signed"
    # The coast of the Vendée.
    assert -2.1 < end["lon_deg"] < -1.0


# --- forecast: what is said


def test_winds_that_end_early_end_the_members_and_it_is_said(winds: Path, tmp_path: Path) -> None:
    answer = done(
        "forecast", *FLOAT, "--hours", 72, "-n", 10, "-w", winds, "-o", tmp_path, "-f", "nc", "--no-plot"
    )
    (end,) = answer["ends"]
    assert end["end"] == "lost the wind: outside time"
    assert end["lost"] is True
    assert any(note.startswith("10 of 10 members left the winds") for note in answer["notes"])
    assert answer["positions"][-1]["hours"] == pytest.approx(30.0, abs=1.1)


def test_without_winds_the_prior_is_flown_and_named(tmp_path: Path) -> None:
    result = run("forecast", *FLOAT, "--hours", 24, "-n", 30, "-o", tmp_path, "-f", "geojson")
    assert result.exit_code == 0, result.output
    assert "winds: climatological prior" in result.stdout
    assert "No winds of the day were given" in result.stderr
    assert [Path(line).name for line in result.stdout.splitlines()[-4:]] == [
        "forecast.geojson", "forecast.json", "forecast-map.png", "forecast-height.png",
    ]  # fmt: skip
    told = json.loads((tmp_path / "forecast.json").read_text("utf-8"))
    assert told["winds"]["prior"] is True
    day = next(row for row in told["positions"] if row["hours"] == 24.0)
    # Some hundred kilometres: the spread of a winter's wind over a day.
    assert 100e3 < day["radius50_m"] < day["radius90_m"] < 3_000e3


def test_the_summary_tells_places_countries_and_ends(flown: tuple[dict[str, Any], Path]) -> None:
    answer, _ = flown
    assert [row["hours"] for row in answer["positions"]][:3] == [0.0, 1.0, 2.0]
    assert all(row["radius50_m"] <= row["radius90_m"] for row in answer["positions"])
    america = answer["countries"][0]
    assert (america["area"], america["probability"]) == ("USA", 1.0)
    assert america["starts_inside"] == 1.0
    assert answer["ends"][0]["end"] == "reached the end of the run"
    assert "ANALYSIS" in answer["wind_error"] or "WindError" in answer["wind_error"]
    assert any(note.startswith("ground:") for note in answer["notes"])


# --- forecast: what is written


def test_all_formats_open_again(flown: tuple[dict[str, Any], Path]) -> None:
    answer, out = flown
    assert set(answer["paths"]) == {
        "forecast.nc", "forecast.zarr", "forecast.geojson", "forecast.kml", "forecast.czml", "forecast.json",
        "forecast-map.png", "forecast-height.png",
    }  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == sorted(answer["paths"])
    plain = read_ensemble(out / "forecast.nc")
    with xr.open_zarr(out / "forecast.zarr", consolidated=False, chunks=None) as held:
        check_ensemble(held.load())
        for name in ("lon", "lat", "alt_m", "end_code", "stage"):
            np.testing.assert_array_equal(held[name].values, plain[name].values)
    xr.testing.assert_equal(read_ensemble_zarr(out / "forecast.zarr")["lon"], plain["lon"])
    for name in ("forecast-map.png", "forecast-height.png"):
        data = (out / name).read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(data) > 20_000


def test_geojson_and_kml_hold_path_and_regions(flown: tuple[dict[str, Any], Path]) -> None:
    _, out = flown
    features = json.loads((out / "forecast.geojson").read_text("utf-8"))["features"]
    kinds = {f["properties"]["feature"] for f in features}
    assert kinds == {"path", "region"}
    assert {f["properties"]["level"] for f in features if f["properties"]["feature"] == "region"} == {
        0.5,
        0.9,
    }
    root = ET.parse(out / "forecast.kml").getroot()
    names = [node.text or "" for node in root.iterfind(".//k:Placemark/k:name", KML)]
    assert any(name.startswith("90 % at ") for name in names)


def test_czml_is_of_version_1_and_moves_with_the_clock(flown: tuple[dict[str, Any], Path]) -> None:
    _, out = flown
    packets = json.loads((out / "forecast.czml").read_text("ascii"))
    assert packets[0]["id"] == "document"
    assert packets[0]["version"] == "1.0"
    assert packets[0]["clock"]["interval"] == "2023-02-01T18:00:00Z/2023-02-02T18:00:00Z"
    assert len({packet["id"] for packet in packets}) == len(packets)
    median = next(packet for packet in packets if packet["id"].startswith("median."))
    rows = np.array(median["position"]["cartographicDegrees"]).reshape(-1, 4)
    assert rows[0, 0] == 0.0
    assert (np.diff(rows[:, 0]) > 0.0).all()
    assert rows[0, 1:3] == pytest.approx([-108.5, 46.8], abs=0.1)
    assert rows[:, 3] == pytest.approx(18_000.0, abs=100.0)
    regions = [packet for packet in packets if packet["id"].startswith("region.")]
    assert regions
    for packet in regions:
        begin, end = packet["availability"].split("/")
        assert begin < end
        assert len(packet["polygon"]["positions"]["cartographicDegrees"]) % 3 == 0
    assert sum(packet["id"].startswith("member.") for packet in packets) == 40


def test_zarr_alone_is_written_as_it_is_flown_and_goes_on(winds: Path, tmp_path: Path) -> None:
    words = ("forecast", *FLOAT, "--hours", 6, "-n", 20, "-w", winds, "--no-plot")
    done(*words, "-f", "zarr", "-o", tmp_path / "a")
    again = done(*words, "-f", "zarr", "-o", tmp_path / "a")
    done(*words, "-f", "nc", "-o", tmp_path / "b")
    stored = read_ensemble_zarr(tmp_path / "a" / "forecast.zarr")
    np.testing.assert_array_equal(
        stored["lon"].values, read_ensemble(tmp_path / "b" / "forecast.nc")["lon"].values
    )
    assert again["members"] == 20


# --- plans


def plans_in_the_page() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_plan_of_the_page_flies(winds: Path, tmp_path: Path) -> None:
    (text,) = plans_in_the_page()
    (tmp_path / "flight.toml").write_text(text, "utf-8")
    answer = done(
        "forecast", *PLACE, "--plan", tmp_path / "flight.toml", "--hours", 29, "-n", 5, "-w", winds,
        "-o", tmp_path / "out", "-f", "nc", "--no-plot",
    )  # fmt: skip
    (end,) = answer["ends"]
    assert end["end"] == "stopped: ground"
    stages = read_ensemble(tmp_path / "out" / "forecast.nc")["stage"].values
    assert set(np.unique(stages)) >= {0, 1, 2}


def test_commands_of_the_page_that_need_no_file_run(tmp_path: Path) -> None:
    lines = [line for line in re.findall(r"^overflight (.*)$", PAGE, re.MULTILINE) if ".nc" not in line]
    assert lines
    for line in lines:
        result = run(*line.split(), "-n", 5, "--no-plot", "-o", tmp_path)
        assert result.exit_code == 0, result.output


# --- refusals


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--time", BEGIN, "-z", "18km"), "the place is missing"),
        (("--at", 46.8, -108.5, "-z", "18km", "--time", "2023-02-01T18:00"), "--time"),
        (("--at", 146.8, -108.5, "-z", "18km", "-t", BEGIN), "146.8 -108.5 is no place"),
        ((*PLACE,), "the height is missing"),
        ((*PLACE, "-z", "18 miles"), "is no height"),
        ((*FLOAT, "--pressure", 70), "the height is given twice"),
        ((*FLOAT, "--kind", "sounding"), "the burst is missing"),
        ((*FLOAT, "--burst", "30km"), "has no burst"),
        ((*FLOAT, "--kind", "solar", "--ascent-rate", 5), "has no rate of ascent"),
        ((*FLOAT, "--set", "mass"), "is no setting"),
        ((*FLOAT, "--set", "mas_kg=3"), "--set.mas_kg"),
        ((*FLOAT, "--set", "max_mps=900"), "max_mps"),
        ((*FLOAT, "--kind", "zero-pressure"), "volume_m3"),
        ((*FLOAT, "--hours", 0), "--hours"),
        ((*FLOAT, "--keep", "5"), "is no duration"),
        ((*FLOAT, "--format", "nc,shp"), "'shp' is no format"),
        ((*FLOAT, "--winds", "nothing.nc"), "nothing.nc"),
        ((*FLOAT, "--until", "XYZ"), "XYZ"),
        ((*FLOAT, "--spread-km", -1), "--spread-km"),
        ((*PLACE, "--kind", "sounding", "--burst", "30km"), "The prior has nothing below"),
        ((*FLOAT, "--plan", "no.toml"), "no.toml"),
    ],
)  # fmt: skip
def test_bad_input_is_told_with_its_name_and_nothing_is_written(
    words: tuple[object, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("forecast", *words, "-n", 3)
    assert result.exit_code == 1, result.output
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-z", "45km"), ("even.nc: holds level", "--altitude")),
        (("-z", "18km", "-t", "2024-02-01T18:00Z"), ("even.nc: holds time", "--time", "--winds")),
        (("-z", "18km", "--hours", -5), ("-5 h is no length", "--hours")),
    ],
)
def test_winds_that_do_not_meet_the_flight_name_the_file_and_the_options(
    words: tuple[object, ...], says: tuple[str, ...], winds: Path, tmp_path: Path
) -> None:
    result = run("forecast", "--at", 46.8, -108.5, "-t", BEGIN, *words, "-n", 3, "-w", winds, "-o", tmp_path)
    assert result.exit_code == 1, result.output
    assert all(part in result.stderr for part in says), result.stderr


def test_a_start_above_the_prior_is_not_sent_to_the_ground(tmp_path: Path) -> None:
    result = run("forecast", *PLACE, "-z", "45km", "-n", 3, "-o", tmp_path)
    assert result.exit_code == 1
    assert "the winds have nothing of its height" in result.stderr
    assert "what begins at the ground" not in result.stderr


def test_backtrack_refuses_what_has_no_way_back(tmp_path: Path) -> None:
    result = run("backtrack", *FLOAT, "--kind", "solar", "-n", 3, "-o", tmp_path)
    assert result.exit_code == 1
    assert "cannot run backward" in result.stderr


def test_a_case_lends_its_winds(winds: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert run("new", case).exit_code == 0
    (case / "winds").mkdir(exist_ok=True)
    (case / "winds" / "even.nc").write_bytes(winds.read_bytes())
    answer = done("forecast", *FLOAT, "--hours", 3, "-n", 3, "-w", case, "-o", tmp_path / "o", "--no-plot")
    assert answer["winds"]["prior"] is False
    assert any("of the case's files" in note for note in answer["notes"])


def test_a_store_serves_as_the_file_does(winds: Path, tmp_path: Path) -> None:
    store_files(tmp_path / "even.store", [winds])
    words = ("forecast", *FLOAT, "--hours", 9, "-n", 4, "-f", "nc", "--no-plot", "--error", "analysis")
    stored = done(*words, "-w", tmp_path / "even.store", "-o", tmp_path / "a")
    plain = done(*words, "-w", winds, "-o", tmp_path / "b")
    for one, other in zip(stored["positions"], plain["positions"], strict=True):
        assert distance_m(one["lon_deg"], one["lat_deg"], other["lon_deg"], other["lat_deg"]) < 5.0


def test_members_of_a_weather_ensemble_are_flown_in_turn_without_an_error_added(
    winds: Path, tmp_path: Path
) -> None:
    with xr.open_dataset(winds) as source:
        one = source.load()
    members = xr.concat([one, 0.5 * one, 1.5 * one], dim="number").assign_coords(number=[0, 4, 9])
    members = members.transpose("valid_time", "number", ...)
    for name in ("u", "v"):
        members[name].attrs = one[name].attrs
    members.to_netcdf(tmp_path / "gefs.nc")
    answer = done(
        "forecast", *FLOAT, "--hours", 10, "-n", 6, "-w", tmp_path / "gefs.nc", "-o", tmp_path / "o",
        "-f", "nc", "--no-plot",
    )  # fmt: skip
    assert answer["wind_error"] == "none added"
    assert any("3 members of a weather ensemble are flown in turn" in note for note in answer["notes"])
    ensemble = read_ensemble(tmp_path / "o" / "forecast.nc")
    away = ensemble["lon"].values[:, -1] + 108.5
    np.testing.assert_allclose(away / away[0], [1.0, 0.5, 1.5, 1.0, 0.5, 1.5], rtol=2e-3)


def test_files_that_follow_in_time_are_joined(winds: Path, tmp_path: Path) -> None:
    later = parse_utc("2023-02-03T00:00Z")
    levels = np.array([10.0, 30.0, 50.0, 70.0, 100.0, 150.0, 300.0, 500.0, 850.0, 1000.0])
    made_winds.write_winds(tmp_path / "next.nc", later, later + 86400.0, u_mps=U_MPS, levels_hpa=levels)
    answer = done(
        "forecast", *FLOAT, "--hours", 48, "-n", 3, "-w", winds, "-w", tmp_path / "next.nc",
        "-o", tmp_path / "o", "-f", "nc", "--no-plot",
    )  # fmt: skip
    assert answer["ends"][0]["end"] == "reached the end of the run"


def test_times_far_apart_are_pointed_at(tmp_path: Path) -> None:
    start = parse_utc("2023-02-01T00:00Z")
    made_winds.write_winds(tmp_path / "rare.nc", start, start + 2 * 86400.0, step_s=86400.0)
    answer = done(
        "forecast", *FLOAT, "--hours", 3, "-n", 3, "-w", tmp_path / "rare.nc", "-o", tmp_path / "o",
        "-f", "nc", "--no-plot",
    )  # fmt: skip
    assert any("24 h apart" in note for note in answer["notes"])


# --- landing


@pytest.fixture(scope="module")
def landed(flown: tuple[dict[str, Any], Path], winds: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("landed")
    words = ("-t", "2023-02-02T00:00Z", "-w", winds, "-n", 200, "--fragments", "sounding", "-o", out)
    return done("landing", flown[1] / "forecast.nc", *words), out


def test_a_landing_says_where_with_chances_and_their_error(landed: Any) -> None:
    answer, out = landed
    assert [row["name"] for row in answer["fragments"]] == ["payload", "envelope"]
    payload, envelope = answer["fragments"]
    # 5 and 3.5 m/s near the ground: the slower piece is carried farther.
    assert payload["distance"]["p50"] < envelope["distance"]["p50"]
    for row in (payload, envelope):
        assert row["followed"]["p"] == 1.0
        assert 0.0 <= row["land"]["p"] <= 1.0
        assert row["land"]["sd"] > 0.0
        assert row["regions"][0]["area_km2"] < row["regions"][1]["area_km2"]
    assert "the pieces are assumed" in " ".join(answer["notes"])
    assert sorted(path.name for path in out.iterdir()) == [
        "landing-map.png", "landing.geojson", "landing.json", "landing.kml",
    ]  # fmt: skip


def test_a_landing_is_written_as_regions_and_a_map_of_cells(landed: Any) -> None:
    _, out = landed
    features = json.loads((out / "landing.geojson").read_text("utf-8"))["features"]
    for name in ("payload", "envelope"):
        mine = [f for f in features if f["properties"].get("fragment") == name]
        total = sum(f["properties"]["p"] for f in mine if f["properties"]["feature"] == "cell")
        assert total == pytest.approx(1.0, abs=0.01)
        assert {f["properties"]["level"] for f in mine if f["properties"]["feature"] == "region"} == {
            0.5,
            0.9,
        }
    root = ET.parse(out / "landing.kml").getroot()
    names = {node.text for node in root.iterfind(".//k:Placemark/k:name", KML)}
    assert {"payload: 50 %", "payload: 90 %", "envelope: middle"} <= names


def test_windows_of_least_risk_are_found_from_a_zarr(
    flown: tuple[dict[str, Any], Path], winds: Path, tmp_path: Path
) -> None:
    words = (
        "--from",
        "2023-02-01T20:00Z",
        "--to",
        "2023-02-02T02:00Z",
        "--every",
        "2h",
        "-n",
        60,
        "-w",
        winds,
    )
    answer = done("landing", flown[1] / "forecast.zarr", *words, "-o", tmp_path)
    assert [row["time"][11:16] for row in answer["windows"]["times"]] == ["20:00", "22:00", "00:00", "02:00"]
    assert answer["time"] is not None
    assert {"landing-risk.png", "landing-map.png"} <= set(answer["paths"])
    plain = run("landing", flown[1] / "forecast.zarr", *words, "-o", tmp_path, "--no-plot")
    assert "Least chance that any class of pieces comes down on land, over 4 times" in plain.stdout


def test_a_place_with_own_pieces_from_a_table(winds: Path, tmp_path: Path) -> None:
    table = re.findall(
        r"```\n(name,mass_kg.*?)```", (Path(__file__).parents[1] / "docs/cli.md").read_text(), re.DOTALL
    )
    (tmp_path / "pieces.csv").write_text(table[0], "utf-8")
    words = ("--at", 46.8, -108.5, "-z", "60000ft", "-t", BEGIN, "--spread-km", 2, "-w", winds, "-n", 100)
    result = run("landing", *words, "--fragments", tmp_path / "pieces.csv", "-o", tmp_path / "o", "--no-plot")
    assert result.exit_code == 0, result.output
    assert "  payload: about 46." in result.stdout
    assert re.search(r"on land: >99 % ± \d", result.stdout)
    assert "assumed" not in result.stderr


def test_with_the_prior_alone_a_landing_is_not_to_be_told(tmp_path: Path) -> None:
    words = ("--at", 46.8, -108.5, "-z", "18km", "-t", BEGIN, "-n", 20, "-o", tmp_path)
    result = run("landing", *words)
    assert result.exit_code == 0, result.output
    assert "payload: not to be told" in result.stdout
    assert "none of the members come down" in result.stdout
    assert "Give winds that reach from the flight to the ground" in result.stdout
    assert "--hold-below" in result.stdout
    assert not (tmp_path / "landing-map.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "when the flight ends is missing"),
        (("--at", 46.8, -108.5, "-t", BEGIN), "the height is missing"),
        (("--from", BEGIN, "--to", "2023-02-02T00:00Z"), "windows are of a flight"),
        (("none.nc", "-t", BEGIN), "there is no such file"),
        (("none.nc", "-t", BEGIN, "--at", 1, 2), "a place stands beside"),
        (("--at", 46.8, -108.5, "-z", "18km", "-t", BEGIN, "--fragments", "none.csv"), "no file and no set"),
        (("--at", 46.8, -108.5, "-z", "18km", "-t", BEGIN, "--population", "none.tif"), "none.tif"),
    ],
)
def test_landing_tells_bad_input(
    words: tuple[object, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("landing", *words)
    assert result.exit_code == 1, result.output
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_flight_that_is_none_is_refused(tmp_path: Path, flown: tuple[dict[str, Any], Path]) -> None:
    (tmp_path / "broken.nc").write_bytes(b"CDF\x01 nothing")
    assert "broken.nc" in run("landing", tmp_path / "broken.nc", "-t", BEGIN).stderr
    (tmp_path / "empty.zarr").mkdir()
    assert "empty.zarr" in run("landing", tmp_path / "empty.zarr", "-t", BEGIN).stderr
    late = run("landing", flown[1] / "forecast.nc", "-t", "2023-02-09T00:00Z", "-o", tmp_path / "o")
    assert "the flight is not known at that time" in late.stderr


def test_an_ensemble_of_an_assessment_serves_too(
    flown: tuple[dict[str, Any], Path], winds: Path, tmp_path: Path
) -> None:
    """One without ends and stages, with weights."""
    held = read_ensemble(flown[1] / "forecast.nc")
    bare = held.drop_vars(
        [name for name in held.data_vars if str(name).startswith(("end", "stage", "wind", "ball"))]
    )
    bare.attrs["kind"] = "posterior"
    write_ensemble(bare, tmp_path / "flight.nc")
    answer = done("landing", tmp_path / "flight.nc", "-t", "2023-02-02T00:00Z", "-w", winds, "-n", 50,
                  "-o", tmp_path / "o", "--no-plot")  # fmt: skip
    assert answer["fragments"][0]["followed"]["p"] == 1.0

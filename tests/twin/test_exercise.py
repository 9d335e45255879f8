"""Exercises: what is written, that it is sealed, gives nothing away, and is the same each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from exercise_helpers import SMALL

from overflight.atmosphere import pressure_pa
from overflight.claims.table import read_claims
from overflight.custody.chain import verify
from overflight.custody.frames import decode_stream
from overflight.errors import InputError
from overflight.geo import distance_m
from overflight.pipeline import assess, read_inputs, write_outputs
from overflight.twin.exercise import Written, truth_data, write_exercise
from overflight.twin.made import make_exercise
from overflight.twin.scenario import parse_scenario
from overflight.twin.scenarios import load_scenario
from overflight.twin.score import score
from overflight.twin.sondes import sondes
from overflight.twin.truth import check_seal, read_truth, seal_in
from overflight.winds.flights import read_flights
from overflight.winds.gridded import read_grid
from overflight.winds.sounding_rs41 import parse_rs41
from overflight.winds.soundings import read_soundings


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_exercise(parse_scenario(SMALL), 11, tmp_path_factory.mktemp("exercise") / "case")


def digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_the_case_is_whole_and_the_program_reads_it(small: Written) -> None:
    names = set(digests(small.case))
    assert {"case.toml", "README.md", "sightings.csv", "sites.csv", "areas.geojson", "claims.csv"} <= names
    assert {"plots.csv", "winds/analysis.nc"} <= names
    inputs = read_inputs(small.case)
    assert len(inputs.sightings) == small.sightings > 10
    assert not [m for s in inputs.sightings for m in s.marks if m.severity == "unusable"]
    assert [s.id for s in inputs.sites] == ["NEAR"]
    assert [a.id for a in inputs.areas] == ["ZONE"]
    assert [c.id for c in read_claims(small.case / "claims.csv")] == ["C1"]


def test_the_same_scenario_and_seed_give_the_same_bytes(small: Written, tmp_path: Path) -> None:
    again = write_exercise(parse_scenario(SMALL), 11, tmp_path / "case")
    assert digests(again.case) == digests(small.case)
    assert digests(again.truth) == digests(small.truth)


def test_another_seed_is_another_exercise(small: Written) -> None:
    other = make_exercise(parse_scenario(SMALL), 12)
    truth = read_truth(small.truth)
    start = truth.data["objects"][0]["start"]
    assert abs(other.tracks[0].lat_deg[0] - start["lat_deg"]) > 1e-3


def test_the_case_gives_nothing_away(small: Written) -> None:
    truth = json.loads((small.truth / "truth.json").read_text())
    secret = ["small", "drifter", "A small drift", "Nothing.", "mistaken", "afar", "another_time", "fault"]
    for path in small.case.rglob("*"):
        if path.suffix in (".csv", ".toml", ".md", ".geojson"):
            text = path.read_text()
            assert not [word for word in secret if word in text], path.name
    start = truth["objects"][0]["start"]["time_s"]
    window = read_inputs(small.case).case
    assert window.time_start % 21600.0 == window.time_end % 21600.0 == 0.0
    assert window.time_start != start


def test_the_title_carries_the_seal_of_the_truth(small: Written) -> None:
    digest = hashlib.sha256((small.truth / "truth.json").read_bytes()).hexdigest()
    assert digest == small.seal
    assert seal_in(read_inputs(small.case).case.title) == digest[:16]
    assert digest in (small.case / "README.md").read_text()
    check_seal(read_truth(small.truth), read_inputs(small.case).case.title)


def test_a_truth_that_was_changed_is_refused(small: Written, tmp_path: Path) -> None:
    title = read_inputs(small.case).case.title
    for name in ("truth.json", "truth.nc"):
        (tmp_path / name).write_bytes((small.truth / name).read_bytes())
    text = (tmp_path / "truth.json").read_text()
    (tmp_path / "truth.json").write_text(text.replace('"drifted"', '"steered"'))
    with pytest.raises(InputError, match="seal"):
        check_seal(read_truth(tmp_path), title)
    (tmp_path / "truth.json").write_text(text)
    data = bytearray((tmp_path / "truth.nc").read_bytes())
    data[-1] ^= 1
    (tmp_path / "truth.nc").write_bytes(bytes(data))
    with pytest.raises(InputError, match="not the file that was sealed"):
        read_truth(tmp_path)


def test_the_truth_is_a_flight_of_the_twin(small: Written) -> None:
    truth = read_truth(small.truth)
    assert truth.ensemble.attrs["kind"] == "twin"
    time_s, _, lat, alt = truth.track("A")
    (one,) = truth.data["objects"]
    assert (one["moved"], one["real"], one["balloon"]) == ("drifted", True, "drifter")
    assert lat[np.isfinite(lat)][0] == pytest.approx(one["start"]["lat_deg"], abs=1e-4)
    assert alt[np.isfinite(alt)].max() == pytest.approx(17e3, abs=60.0)
    assert np.diff(time_s).max() <= 60.0
    assert truth.data["claims"] == {"C1": True}


def test_reports_without_fault_hold_where_they_say(small: Written) -> None:
    truth = read_truth(small.truth)
    time_s, lon, lat, _ = truth.track("A")
    for one in read_inputs(small.case).sightings:
        key = truth.data["sightings"][one.id]
        if key["fault"] != "none" or one.radius_km is None:
            continue
        within = (time_s >= one.time_start - 60.0) & (time_s <= one.time_end + 60.0)
        away = distance_m(one.lon_deg, one.lat_deg, lon[within], lat[within])
        # The circle is 3.5 standard deviations; the time of an official is drawn as well.
        assert np.nanmin(away) <= 1.5e3 * one.radius_km, one.id


def test_soundings_and_sisters_are_in_formats_that_are_read(small: Written) -> None:
    sondes = sorted((small.case / "soundings").glob("*.csv"))
    assert sondes
    (one,) = read_soundings(sondes[0])
    assert one.alt_msl_m.max() > 24e3
    assert one.rejects == {}
    (flight,) = sorted((small.case / "flights").glob("*.csv"))
    (winds,) = read_flights(flight)
    assert winds.time_s.size > 20


def test_a_sonde_measures_the_true_wind() -> None:
    """Against the analyst's own sampling of the true field: the sonde's rows are right to their digits."""
    made = make_exercise(parse_scenario(SMALL), 11)
    window = (made.scene.time_start, made.scene.time_end)
    _, text = next(iter(sondes(made.weather, made.tracks[0], window, 1, np.random.default_rng(1))))
    (one,) = parse_rs41(text.encode())
    k = one.time_s.size // 2
    u, v = made.weather.wind(
        one.time_s[k], float(pressure_pa(one.alt_msl_m[k])), one.lat_deg[k], one.lon_deg[k]
    )
    assert one.u_mps[k] == pytest.approx(float(u), abs=0.4)
    assert one.v_mps[k] == pytest.approx(float(v), abs=0.4)


def test_the_analysts_winds_cover_the_case(small: Written) -> None:
    grid = read_grid(small.case / "winds" / "analysis.nc")
    case = read_inputs(small.case).case
    assert grid.time_s[0] <= case.time_start
    assert grid.time_s[-1] >= case.time_end


def test_false_reports_have_no_flight(tmp_path: Path) -> None:
    written = write_exercise(load_scenario("false-report"), 5, tmp_path / "case")
    truth = read_truth(written.truth)
    assert truth.data["subject"] is None
    assert truth.data["objects"] == []
    assert {row["fault"] for row in truth.data["sightings"].values()} == {"mistaken"}
    assert np.isnan(truth.ensemble["lon"].values).all()


def test_reports_of_another_balloon_are_mistaken_for_the_subject() -> None:
    made = make_exercise(load_scenario("two-balloons"), 5)
    rows = truth_data(made, {})["sightings"].values()
    others = [row for row in rows if row["object"] == "B"]
    assert others
    assert {row["fault"] for row in others} == {"mistaken"}


def test_lost_data_balance_and_received_copies_stand_against_the_recorder(tmp_path: Path) -> None:
    text = SMALL.replace(
        "[weather]\n",
        "[recorder]\nkeyed = true\nkey_given = true\nrecovered = 0.6\nshare = 0.05\n"
        'recovered_by = ["owner"]\n'
        "picture_s = 60\ncapacity_bytes = 5e7\n\n[weather]\n",
    )
    written = write_exercise(parse_scenario(text), 11, tmp_path / "case")
    data = read_truth(written.truth).data["data"]
    account = data["account"]
    by_sensor = data["sensors"].values()
    parts = ("sent_only", "stored_only", "both", "lost")
    assert account["collected"] == sum(row[part] for row in by_sensor for part in parts) > 0
    assert (
        account["recovered"] + account["unread"] + account["deleted"] + account["altered"] == account["kept"]
    )
    # Of two sets, what is in neither is the whole without one, without the other, and with both once more.
    found = account["recovered"] + account["altered"]
    assert account["unaccounted"] == account["collected"] - account["sent"] - found + account["both"]
    assert 0 < account["both"] <= found
    key = bytes.fromhex((written.case / "stream.key").read_text().strip())
    received = decode_stream((written.case / "received.frames").read_bytes())
    recovered = decode_stream((written.case / "recovered.frames").read_bytes())
    assert not verify(received.frames, key).altered
    tags = {f.sequence: f.tag for f in received.frames}
    assert [f for f in recovered.frames if f.sequence in tags and tags[f.sequence] != f.tag]


def test_folders_that_are_not_empty_or_lie_in_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        write_exercise(parse_scenario(SMALL), 1, tmp_path / "case")
    with pytest.raises(InputError, match="truth would lie in the case"):
        write_exercise(parse_scenario(SMALL), 1, tmp_path / "new", tmp_path / "new" / "truth")
    with pytest.raises(InputError, match="seed"):
        write_exercise(parse_scenario(SMALL), -1, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_exercise_is_assessed_and_scored_from_end_to_end(small: Written, tmp_path: Path) -> None:
    """The whole way, with few members: a drift by good winds is found, and its score says so."""
    write_outputs(assess(small.case, members=64), tmp_path / "answer")
    found = score(tmp_path / "answer", small.truth)
    assert found.path["times"] > 20
    assert found.path["miss_median_km"] < 60.0
    lines = {line.id: line for line in found.lines}
    assert lines["crossing.DEU.probability"].verdict == "right"
    assert lines["crossing.ZONE.probability"].verdict == "right"
    assert lines["exposure.NEAR.in_view_probability"].verdict == "right"
    assert found.parts["reports"]["lines"] >= 2
    assert not found.notes

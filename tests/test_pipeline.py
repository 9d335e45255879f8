"""A case from end to end: the result, its findings, the winds it used, and the files it writes."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import overflight
from made_winds import write_winds
from overflight import pipeline
from overflight.errors import CaseError, InputError, OverflightError
from overflight.geo import distance_m
from overflight.pipeline import Assessment, assess, read_inputs, write_outputs
from overflight.records import check_ensemble
from overflight.report.result import result_json
from overflight.report.schema import schema
from overflight.times import from_datetime64, parse_utc
from overflight.units import HOUR_S
from overflight.winds.gridded import read_grid
from overflight.winds.source import WHOLE_ERROR
from overflight.winds.store import write_store

EXAMPLES = Path(overflight.__file__).parent / "examples"
MEMBERS = 64
T0 = parse_utc("2023-01-31T00:00Z")

CASE = """\
version = 1
[case]
title = "A made case"
start = 2023-01-31T00:00:00Z
end = 2023-02-01T12:00:00Z
[winds]
source = "auto"
[inputs]
sightings = "sightings.csv"
sites = "sites.csv"
[[hypotheses]]
id = "believes"
group = "witness"
title = "The witness is right"
weight = 1.0
accepts = ["S2"]
[[hypotheses]]
id = "doubts"
group = "witness"
title = "The witness is wrong"
weight = 1.0
rejects = ["S2"]
[ask.reconstruct]
seed = 5
[ask.forecast]
hours = 12
[ask.origin]
hours = 12
[ask.crossings]
countries = ["USA", "CAN"]
[ask.steer]
particles = 200
"""
# A flight along 50 N at 30 m/s, which the made file of winds agrees with.
SIGHTINGS = """\
id,time_utc_start,time_utc_end,lat,lon,radius_km,alt_m_low,alt_m_high,kind,source,reliability,text
S1,2023-01-31T00:00Z,2023-01-31T00:20Z,50.0,-135.0,40,18000,18600,satellite_detection,made,high,first
S2,2023-01-31T12:00Z,2023-01-31T12:20Z,50.0,-117.0,40,,,eyewitness_photo,made,medium,second
S3,2023-02-01T00:00Z,2023-02-01T00:20Z,50.0,-99.0,40,18000,18600,satellite_detection,made,high,third
S4,2023-02-01T10:00Z,2023-02-01T10:20Z,50.0,-85.0,60,,,model_estimate,made,low,not an observation
"""
SITES = "id,name,lat_deg,lon_deg,source\nX,Somewhere,49.0,-112.0,made\n"


def made_case(folder: Path, **winds: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "case.toml").write_text(CASE)
    (folder / "sightings.csv").write_text(SIGHTINGS)
    (folder / "sites.csv").write_text(SITES)
    if winds:
        write_winds(folder / "winds" / "made.nc", T0 - winds["before"] * HOUR_S, T0 + winds["after"] * HOUR_S,
                    u_mps=winds.get("u_mps", 30.0))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cases")


@pytest.fixture(scope="module")
def on_prior(work) -> Assessment:
    return assess(made_case(work / "prior"), members=MEMBERS, cache_dir=work / "no-cache")


@pytest.fixture(scope="module")
def on_files(work) -> Assessment:
    folder = made_case(work / "files", before=24.0, after=60.0)
    return assess(folder, members=MEMBERS, cache_dir=work / "no-cache")


@pytest.fixture(scope="module")
def founding() -> Assessment:
    return assess(EXAMPLES / "2023", members=MEMBERS)


@pytest.fixture(scope="module", params=["made", "2023", "k9yo-15"])
def answer(request, work) -> Assessment:
    if request.param == "made":
        return request.getfixturevalue("on_prior")
    if request.param == "2023":
        return request.getfixturevalue("founding")
    return assess(EXAMPLES / request.param, members=MEMBERS, cache_dir=work / "no-cache")


def finding_ids_in(value: object) -> set[str]:
    """All ids of findings that the sections of a result name, at any depth."""
    if isinstance(value, dict):
        found = {str(i) for i in value.get("finding_ids", ())}
        found |= {str(value["finding_id"])} if value.get("finding_id") else set()
        return found.union(*(finding_ids_in(v) for v in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(finding_ids_in(v) for v in value))
    return set()


def test_the_result_keeps_its_schema(answer):
    result = json.loads(result_json(answer.result))
    jsonschema.Draft202012Validator(schema()).validate(result)
    assert result["inputs"]["members"] >= MEMBERS
    assert result["inputs"]["files"]


def test_ids_of_findings_are_unique_and_every_one_named_exists(answer):
    ids = [f.id for f in answer.findings]
    assert len(set(ids)) == len(ids)
    named = finding_ids_in(dict(answer.result["sections"]))
    assert named
    assert named <= set(ids)


def test_evidence_names_sightings_claims_or_findings(answer):
    known = {s.id for s in answer.inputs.sightings} | {c.id for c in answer.inputs.claims}
    known |= {f.id for f in answer.findings}
    for finding in answer.findings:
        assert set(finding.evidence) <= known, finding.id


def test_every_sighting_has_its_row_and_weights_sum_to_one(answer):
    section = answer.result["sections"]["reconstruction"]
    assert [row["id"] for row in section["readings"]] == [s.id for s in answer.inputs.sightings]
    assert sum(row["weight"] for row in section["scenarios"]) == pytest.approx(1.0)
    assert 1.0 <= section["effective_members"] <= section["members"]
    for row in section["readings"]:
        if row["used"]:
            four = [row[f"p_{name}"] for name in ("stated", "afar", "other_time", "mistaken")]
            assert sum(four) == pytest.approx(1.0)


def test_ensembles_are_whole(answer):
    assert set(answer.ensembles) == {"posterior", "forecast", "origin"}
    for kind, ensemble in answer.ensembles.items():
        check_ensemble(ensemble)
        assert ensemble.attrs["kind"] == kind
        assert ensemble.attrs["inputs"]


def test_same_case_same_bytes_but_for_the_run(on_prior, work):
    again = assess(work / "prior", members=MEMBERS, cache_dir=work / "no-cache")
    one, two = (json.loads(result_json(a.result)) for a in (on_prior, again))
    assert one.pop("run")["seconds"] != two.pop("run")["seconds"]
    assert json.dumps(one) == json.dumps(two)
    paths = [write_outputs(a, work / name) for a, name in ((on_prior, "out-1"), (again, "out-2"))]
    for first, second in zip(*paths, strict=True):
        if first.name in ("flight.nc", "forecast.nc", "origin.nc", "track.geojson"):
            assert first.read_bytes() == second.read_bytes(), first.name


def test_another_seed_is_another_draw(on_prior, work):
    other = assess(work / "prior", members=MEMBERS, seed=6, cache_dir=work / "no-cache")
    assert other.result["inputs"]["seed"] == 6
    assert not np.array_equal(
        other.ensembles["posterior"]["lon"].values, on_prior.ensembles["posterior"]["lon"].values
    )


def test_outputs_are_all_there_and_the_result_comes_last(on_prior, work):
    written = write_outputs(on_prior, work / "out" / "deep")
    assert [p.name for p in written] == [
        "report.html", "flight.nc", "forecast.nc", "origin.nc", "track.geojson", "track.kml", "ledger.db",
        "result.json",
    ]  # fmt: skip
    assert all(p.stat().st_size > 500 for p in written)
    assert not list((work / "out" / "deep").glob("*.part"))
    with pytest.raises(InputError, match="--out"):
        write_outputs(on_prior, written[0])


def mean_place(a: Assessment, kind: str, k: int) -> tuple[float, float]:
    ensemble, weight = a.ensembles[kind], a.reconstruction.weight
    lon, lat = (ensemble[name].values[:, k].astype(float) for name in ("lon", "lat"))
    return float(np.average(lon, weights=weight)), float(np.average(lat, weights=weight))


def test_a_file_of_winds_changes_the_answer_and_says_so(on_prior, on_files):
    assert on_prior.result["sections"]["winds"]["used"] == "prior"
    winds = on_files.result["sections"]["winds"]
    assert winds["used"] == "files"
    assert "made.nc" in winds["title"]
    # A member that distrusts both heights may float past the levels of the file; others never leave it.
    assert winds["outside_share"] < 0.03
    assert winds["error"]["sd_u_mps"] < 6.0
    assert any("made.nc" in name for name in on_files.result["inputs"]["files"])
    # 30 m/s eastward for the 12 hours of the forecast: 1296 km, give or take what the wind error adds.
    spread = {}
    for a in (on_files, on_prior):
        begin, end = (mean_place(a, "forecast", k) for k in (0, -1))
        lon, lat = (a.ensembles["forecast"][name].values[:, -1].astype(float) for name in ("lon", "lat"))
        spread[a.result["sections"]["winds"]["used"]] = float(np.median(distance_m(*end, lon, lat)))
        if a is on_files:
            assert float(distance_m(*begin, *end)) == pytest.approx(1296e3, rel=0.12)
            assert abs(end[1] - begin[1]) < 2.0
            assert end[0] > begin[0]
    assert spread["prior"] > 1.7 * spread["files"]


def test_prior_only_ignores_the_file_and_says_so(on_files, work):
    a = assess(work / "files", members=MEMBERS, winds_source="prior-only", cache_dir=work / "no-cache")
    winds = a.result["sections"]["winds"]
    assert winds["used"] == "prior"
    assert any("left alone" in note for note in winds["notes"])
    assert a.reconstruction.winds.own is None


def test_a_grid_that_ends_in_flight_gives_way_to_the_prior_and_status_3_says_where(work):
    folder = made_case(work / "short", before=24.0, after=12.0)
    a = assess(folder, members=MEMBERS, cache_dir=work / "no-cache")
    flight = a.ensembles["posterior"]
    time_s, status = from_datetime64(flight["time"].values), flight["status"].values
    inside = time_s <= T0 + 12 * HOUR_S
    aloft = np.isin(status, (0, 3))
    assert (status[:, inside][aloft[:, inside]] == 0).all()
    assert (status[:, ~inside][aloft[:, ~inside]] == 3).all()
    winds = a.result["sections"]["winds"]
    assert 0.3 < winds["outside_share"] < 0.7
    assert any("the prior stands in" in note for note in winds["notes"])


def test_no_socket_is_opened(monkeypatch, work):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assess(work / "prior", members=16, cache_dir=work / "no-cache")


def test_progress_is_told(work):
    told: list[tuple[str, float]] = []
    assess(
        work / "prior",
        members=16,
        cache_dir=work / "no-cache",
        progress=lambda text, done: told.append((text, done)),
    )
    assert {"reading the case", "reading the winds", "reconstructing", "asking the questions"} <= {
        text for text, _ in told
    }
    assert all(0.0 <= done <= 1.0 for _, done in told)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("seed = 5", "seed = -1", r"ask\.reconstruct\.seed"),
        ("seed = 5", "members = 3", r"ask\.reconstruct\.members"),
        ("seed = 5", 'float_alt_m = "high"', r"ask\.reconstruct\.float_alt_m"),
        ("seed = 5", "sede = 5", "sede"),
        ("hours = 12", "hours = 1e9", r"ask\.forecast\.hours"),
        ('countries = ["USA", "CAN"]', 'countries = ["ZZZ"]', "ZZZ"),
        ('countries = ["USA", "CAN"]', 'areas = ["nowhere"]', "nowhere"),
        ('rejects = ["S2"]', 'rejects = ["S9"]', "S9"),
    ],
)
def test_what_a_case_asks_wrongly_is_named(tmp_path, old, new, field):
    folder = made_case(tmp_path / "case")
    text = (folder / "case.toml").read_text()
    assert old in text
    (folder / "case.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(CaseError, match=field):
        assess(folder, cache_dir=tmp_path)


def test_the_spread_that_a_store_of_winds_states_reaches_reconstruction_and_verdict(work, tmp_path, on_files):
    folder = made_case(work / "stated")
    grid = read_grid(write_winds(tmp_path / "made.nc", T0 - 24 * HOUR_S, T0 + 60 * HOUR_S))
    sd = np.full_like(grid.u_mps, 1.5)
    stating = replace(grid, u_sd_mps=sd, v_sd_mps=0.5 * sd, provenance={"spread": WHOLE_ERROR})
    write_store(folder / "winds" / "made.zarr", [stating])
    a = assess(folder, members=MEMBERS, cache_dir=work / "no-cache")
    error = a.result["sections"]["winds"]["error"]
    assert (error["sd_u_mps"], error["sd_v_mps"]) == pytest.approx((1.5, 0.75), abs=1e-3)
    assert "the winds' own spread, here 1.5 m/s eastward and 0.8 northward" in error["text"]
    # What the verdict's filters take for the wind's error, both components together.
    told = a.result["sections"]["steer"]["figure"]["airspeed"]["wind_error_mps"]
    assert told == pytest.approx(np.hypot(1.5, 0.75), rel=1e-3)
    # A smaller error of the wind leaves the reconstruction less room between the sightings.
    room = {}
    for name, one in (("stated", a), ("default", on_files)):
        lat = one.ensembles["posterior"]["lat"].values
        room[name] = float(np.nanmedian(np.nanstd(lat, axis=0)))
    assert room["stated"] < 0.8 * room["default"]


def test_a_wrong_source_of_winds_is_refused(work):
    with pytest.raises(OverflightError, match="guess"):
        assess(work / "prior", winds_source="guess")


def test_no_forecast_and_no_origin_when_none_is_asked(tmp_path):
    folder = made_case(tmp_path / "case")
    text = (folder / "case.toml").read_text().replace("hours = 12", "hours = 0")
    (folder / "case.toml").write_text(text)
    a = assess(folder, members=16, cache_dir=tmp_path)
    assert set(a.ensembles) == {"posterior"}
    assert write_outputs(a, tmp_path / "out")


def test_the_founding_case_says_what_it_must(founding):
    """Entry off Alaska on 27-28 January, the end at 19:39Z on 4 February off South Carolina, prior winds."""
    values = {f.id: f.value for f in founding.findings}
    entry = values["crossing.USA.entry"]
    assert parse_utc("2023-01-26T12:00Z") < entry["p50"] < parse_utc("2023-01-29T00:00Z")
    flight = founding.ensembles["posterior"]
    assert from_datetime64(flight["time"].values)[-1] == parse_utc("2023-02-04T19:39Z")
    lon, lat = mean_place(founding, "posterior", -1)
    assert float(distance_m(lon, lat, -78.5, 33.6)) < 60e3
    assert {f.id for f in founding.findings} >= {"steer.flight.side", "flight.path.widest"}
    # Launch on 15 January against 20-22: the detection off Hainan speaks for the first.
    weight = {s.scenario.id: s.weight for s in founding.reconstruction.scenarios}
    assert sum(w for name, w in weight.items() if name.startswith("launch-15")) > 0.5


def test_without_element_sets_the_balloons_side_of_a_site_stands(founding):
    by_id = {f.id: f for f in founding.findings}
    assert by_id["satellites.MALMSTROM.balloon_hours"].kind == "interval"
    assert by_id["satellites.MALMSTROM.only_balloon_hours"].kind == "undetermined"


def test_in_the_gap_of_february_the_region_grows_then_shrinks(founding):
    rows = founding.result["sections"]["reconstruction"]["path"]
    begin, end = parse_utc("2023-02-02T01:00Z"), parse_utc("2023-02-03T13:00Z")
    gap = [row for row in rows if begin <= row["time_s"] <= end]
    radius = [row["r90_km"] for row in gap]
    widest = int(np.argmax(radius))
    assert 0.2 * len(gap) < widest < 0.8 * len(gap)
    assert radius[widest] > 2.5 * max(radius[0], radius[-1])


@pytest.mark.parametrize(
    ("sighting", "finding", "least"),
    [
        ("P057", "seen_from_afar", 0.5),  # Hendersonville at 15:22Z: far below the horizon that "over" means
        ("P069", "another_time", 0.5),  # over the sea two hours before the end
        ("P017", "altitude_mistaken", 0.8),  # 39,000 ft
    ],
)
def test_reports_that_cannot_be_taken_at_their_word(founding, sighting, finding, least):
    rows = {row["id"]: row for row in founding.result["sections"]["reconstruction"]["readings"]}
    found = {one.id: one for one in founding.findings}
    assert rows[sighting]["verdict"] == "not at its word"
    assert rows[sighting]["reading"]
    assert found[f"reading.{sighting}.{finding}"].value["p"] > least
    for name in ("distance", "elevation"):
        assert set(found[f"reading.{sighting}.{name}"].value) == {"p05", "p50", "p95"}
    assert f"reading.{sighting}.bearing" in found  # undetermined, with the reason, where it was overhead


def test_the_two_times_at_sabetha_are_held_against_each_other(founding):
    rows = {row["id"]: row for row in founding.result["sections"]["reconstruction"]["readings"]}
    assert "P033" in rows["P032"]["reading"]
    assert "P032" in rows["P033"]["reading"]
    both = {one.id: one for one in founding.findings}["reading.P032.both_at_their_word"]
    assert 0.0 < both.value["p"] < 1.0
    assert set(both.evidence) == {"P032", "P033"}


def test_reading_a_case_is_not_working_on_it(work):
    inputs = read_inputs(work / "prior")
    assert [s.id for s in inputs.sightings] == ["S1", "S2", "S3", "S4"]
    assert [s.id for s in inputs.scenarios] == ["believes", "doubts"]
    assert replace(inputs.case, title="x").title == "x"
    shutil.copytree(work / "prior", work / "copy")
    assert read_inputs(work / "copy").case.hashes == inputs.case.hashes
    assert set(pipeline.ENSEMBLE_FILES) == {"posterior", "forecast", "origin"}

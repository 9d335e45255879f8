"""A balloon beside satellites, on made passes whose counts and hours are known by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from overflight.exposure.compare import (
    BalloonView,
    balloon_view,
    compare_site,
    fitness,
    only_balloon_h,
    sharpest_words,
)
from overflight.exposure.compare_section import satellite_section
from overflight.exposure.looks import member_looks
from overflight.exposure.optics import niirs_giqe5
from overflight.exposure.satellite_answers import gather_sets, satellite_answers
from overflight.places.sites import Site
from overflight.records import Finding, make_ensemble
from overflight.report.satellite_plots import draw_satellites
from overflight.report.satellite_section import satellite_parts, span
from overflight.satellites.ages import Timing
from overflight.satellites.coverage import Coverage, counts_at
from overflight.satellites.elements import ElementSet, Refusal
from overflight.satellites.orbits import Orbit
from overflight.satellites.passes import Passes
from overflight.satellites.sensors import builtin_sensors, parse_sensors, read_sensors
from overflight.satellites.settings import SatelliteSettings, read_settings
from overflight.satellites.store import open_store
from overflight.times import parse_utc
from overflight.units import DAY_S, HOUR_S

# Noon at 111° W on the day of the founding case, when the sun stands 25° high at Malmstrom.
NOON = parse_utc("2023-02-01T19:25Z")
SITE = Site(id="MALMSTROM", name="Malmstrom", lon_deg=-111.1872, lat_deg=47.5047, alt_m=1057.0)
POLE = Site(id="POLE", name="North pole", lon_deg=0.0, lat_deg=90.0)
TABLE = parse_sensors(
    "pattern,class,sensor,gsd_m,swath_m,off_nadir_deg,certainty,source\n"
    "SHARP,optical,camera,0.5,10000,30,assumed,made\n"
    "COARSE,optical,weather,1000,3000000,,assumed,made\n"
    "WAVES,radar,radar,1,,50,assumed,made\n"
    "RELAY,none,talks,,,,assumed,made\n",
    "made.csv",
)


def orbit(catalog: int, name: str, per_day: float = 15.0) -> Orbit:
    one = ElementSet(
        catalog=catalog, name=name, designator="", epoch_s=NOON, mean_motion_degps=per_day * 360.0 / DAY_S,
        eccentricity=0.001, inclination_deg=97.0, node_deg=0.0, perigee_deg=0.0, anomaly_deg=0.0, bstar=0.0,
    )  # fmt: skip
    return Orbit(catalog, name, (one,))


ORBITS = (orbit(1, "SHARP"), orbit(2, "COARSE"), orbit(3, "WAVES"), orbit(4, "RELAY"), orbit(5, "WHO KNOWS"))


def passes(rows: list[tuple[int, float, float, float]], site: Site = SITE) -> Passes:
    """Rows of satellite, hours from noon, minutes, degrees off nadir; 10 minutes at 40 degrees and 800 km."""
    rows = sorted(rows)
    rise = NOON + HOUR_S * np.array([r[1] for r in rows])
    fall = rise + 60.0 * np.array([r[2] for r in rows])
    count = len(rows)
    return Passes(
        orbits=ORBITS, sites=(site,), time_start=NOON - 12 * HOUR_S, time_end=NOON + 12 * HOUR_S,
        min_elevation_deg=10.0, satellite=np.array([r[0] for r in rows], np.int32),
        site=np.zeros(count, np.int32), rise_s=rise, set_s=fall, peak_s=0.5 * (rise + fall),
        elevation_deg=np.full(count, 40.0), range_m=np.full(count, 800e3),
        off_nadir_deg=np.array([r[3] for r in rows], dtype=float), edge=np.zeros(count, np.int8),
    )  # fmt: skip


def coverage_of(found: Passes) -> Coverage:
    known = tuple(Timing(0.0, 1.0, True) for _ in found.orbits)
    return Coverage(found, known, np.empty(0, np.intp), ())


# SHARP at noon, at noon too far to the side, and at night; COARSE, WAVES at night, RELAY and a stranger.
ROWS = [
    (0, 0.0, 10.0, 20.0),
    (0, 1.5, 10.0, 40.0),
    (0, -11.0, 10.0, 20.0),
    (1, 2.0, 10.0, 20.0),
    (2, -11.0, 10.0, 45.0),
    (3, 3.0, 10.0, 0.0),
    (4, 4.0, 10.0, 0.0),
]


# How long SHARP could have looked at noon.
LOOK_S = 106.5
WIDE = parse_sensors(
    "pattern,class,sensor,gsd_m,swath_m,off_nadir_deg,certainty,source\n"
    "SHARP,optical,camera,0.5,10000,75,assumed,made\n",
    "wide.csv",
)


def view(
    hours_each: tuple[float, ...] = (6.0, 0.0), niirs: tuple[float, ...] = (6.0, math.nan)
) -> BalloonView:
    """Members that are in view from noon on for so many hours, on a grid of half an hour."""
    time_s = NOON + HOUR_S * np.arange(-12.0, 12.01, 0.5)
    after = (time_s[:-1] - NOON) / HOUR_S
    share = np.array([[float(0.0 <= h < hours) for h in after] for hours in hours_each])
    many = np.repeat(share, 10, axis=0)
    return BalloonView(
        site=SITE, time_s=time_s, weight=np.full(many.shape[0], 1.0 / many.shape[0]), share=many,
        hours=many @ np.diff(time_s) / HOUR_S,
        niirs=MappingProxyType({"cam": np.repeat(np.array(niirs), 10)}),
        picture_h=MappingProxyType({"cam": np.repeat(np.array(niirs) / 2.0, 10)}), level=4.0,
    )  # fmt: skip


def test_only_what_the_sensor_and_the_sun_allow_counts() -> None:
    fit = fitness(passes(ROWS), [TABLE])
    optical, radar, candidate = (np.isfinite(s[0]) for s in (fit.optical_s, fit.radar_s, fit.candidate_s))
    assert optical.tolist() == [False, True, False, False, False, False, False]
    assert radar.tolist() == [False, False, False, False, True, False, False]
    # What may carry an imager: not the relay; the stranger may.
    assert candidate.tolist() == [True, True, True, True, True, False, True]
    assert np.isfinite(fit.niirs).tolist() == optical.tolist()


def test_a_pass_counts_while_the_site_is_within_reach() -> None:
    """By hand for SHARP at noon: 742 km high, 274 km to the side, its 30.5° reach 449 km: 713 km.

    WAVES: 537 km high, 567 km to the side, its 50° reach 690 km: 790 km. Over the ground 6.69 and
    7.09 km/s.
    """
    fit = fitness(passes(ROWS), [TABLE])
    assert np.diff(fit.optical_s[:, 1], axis=0)[0] == pytest.approx(LOOK_S, abs=0.5)
    assert fit.optical_s[:, 1].mean() == pytest.approx(NOON + 300.0)
    assert np.diff(fit.radar_s[:, 4], axis=0)[0] == pytest.approx(111.4, abs=1.0)
    assert np.diff(fit.candidate_s[:, 1], axis=0)[0] == pytest.approx(600.0)


def test_a_camera_in_orbit_sees_by_day_only() -> None:
    """A pass whose middle the sunrise of that day is counts from then on.

    NOAA's solar calculator gives 14:51 UTC with refraction and the sun's half, which are left out: 5 min.
    """
    rise = (parse_utc("2023-02-01T14:56Z") - NOON) / HOUR_S
    fit = fitness(passes([(0, rise - 5.0 / 60.0, 10.0, 20.0)]), [WIDE])
    begin, end = fit.optical_s[:, 0] - NOON - HOUR_S * rise
    assert begin == pytest.approx(0.0, abs=90.0)
    assert end == pytest.approx(300.0)


def test_high_orbits_are_no_passes() -> None:
    high = passes([(0, 0.0, 10.0, 20.0)])
    moved = Passes(**{f: getattr(high, f) for f in high.__slots__} | {"orbits": (orbit(1, "SHARP", 1.0),)})
    assert fitness(moved, [TABLE]).candidate_s[0].tolist() == [pytest.approx(math.nan, nan_ok=True)]


def test_sharpness_from_orbit_is_that_of_the_image_quality_equation() -> None:
    """GIQE 5 at an edge response of 0.35 and a signal to noise of 50: 0.5 m gives 5.09, 1 m gives 4.10.

    Here 0.5 m straight down from the height of 15 revolutions a day, 574 km above the mean Earth, at 800 km:
    0.697 m, over sin(40°)^0.25 = 0.895, is 0.778 m; between the two by 3.32 of its logarithm.
    """
    fit = fitness(passes(ROWS), [TABLE])
    alt_m = ORBITS[0].sets[0].mean_alt_m
    assert alt_m == pytest.approx(574e3, abs=1e3)
    expected = 4.10 + 3.32 * math.log10(1.0 / (0.5 * 800e3 / alt_m / math.sin(math.radians(40.0)) ** 0.25))
    assert fit.niirs[1] == pytest.approx(expected, abs=0.01)


def test_hours_that_only_the_balloon_had() -> None:
    counts = counts_at(coverage_of(passes(ROWS)), 0)
    alone = only_balloon_h(view(), counts)
    # Six hours from noon, less five passes of ten minutes in them: at 0, 1.5, 2, 3 and 4 h.
    assert alone[:10, 0] == pytest.approx(np.full(10, 6.0 - 50.0 / 60.0))
    assert alone[10:, 0] == pytest.approx(np.zeros(10))


def test_the_findings_of_a_site() -> None:
    coverage = coverage_of(passes(ROWS))
    told = compare_site(view(), coverage, 0, [TABLE])
    values = {f.id.split(".", 2)[2]: f for f in told.findings}

    def middle(name: str) -> float:
        value = values[name].value
        assert value is not None
        return float(value["p50"])

    assert all(f.id.startswith("satellites.MALMSTROM.") for f in told.findings)
    assert middle("passes") == 6
    assert middle("optical_passes") == 1
    assert middle("radar_passes") == 1
    assert middle("longest_pass") == 600.0
    # Twelve hours before noon, and until the site is within reach of the pass after it.
    assert middle("optical_gap") == pytest.approx(12.0 + (300.0 - LOOK_S / 2.0) / 3600.0, abs=1e-3)
    assert middle("hours_in_view") == pytest.approx(1.0 - 10.0 / 60.0)
    assert middle("balloon_hours") == pytest.approx(6.0)
    # Line of sight against line of sight: four passes in these hours of what may carry an imager.
    assert middle("only_balloon_hours") == pytest.approx(6.0 - 40.0 / 60.0)
    # Six hours against fifty minutes with one or more of them above.
    assert middle("persistence") == pytest.approx(7.2)
    # Pictures against pictures: three hours at NIIRS 4 or better, and one camera in orbit that reaches it.
    assert middle("picture_hours-cam") == pytest.approx(3.0)
    assert middle("orbit_picture_hours") == pytest.approx(LOOK_S / 3600.0, rel=0.01)
    assert middle("picture_persistence-cam") == pytest.approx(3.0 * 3600.0 / LOOK_S, rel=0.01)
    sharper = values["sharper-cam"].value
    assert sharper is not None
    # Half of the members have a picture that is graded, each of NIIRS 6 against 4.4; the others do not count.
    assert sharper["p"] == pytest.approx(1.0)
    assert "50 %" in values["sharper-cam"].reason
    assert told.row["balloon"]["cameras"][0]["p_compared"] == pytest.approx(0.5)
    for finding in told.findings:
        assert any(w in finding.reason for w in ("not that it did", "line of sight", "camera assumed"))
        if " seen " in finding.question or "picture" in finding.question:
            assert "ould " in finding.question, finding.question


def test_without_a_balloon_the_passes_are_told_and_nothing_else() -> None:
    told = compare_site(None, coverage_of(passes(ROWS)), 0, [TABLE])
    assert {f.id.split(".")[2] for f in told.findings} == {
        "passes", "hours_in_view", "longest_pass", "optical_passes", "optical_gap", "radar_passes",
        "best_niirs",
    }  # fmt: skip
    assert told.row["balloon"] is None


def test_what_nothing_tells_is_undetermined_not_zero() -> None:
    """No camera ever over the site; a balloon that never was in view."""
    told = compare_site(view((0.0, 0.0), (math.nan, math.nan)), coverage_of(passes(ROWS[3:])), 0, [TABLE])
    kinds = {f.id.split(".", 2)[2]: f.kind for f in told.findings}
    for name in (
        "best_niirs", "balloon_hours", "only_balloon_hours", "persistence", "niirs_gain-cam", "sharper-cam",
        "picture_hours-cam", "picture_persistence-cam",
    ):  # fmt: skip
        assert kinds[name] == "undetermined", name
    none = compare_site(None, coverage_of(passes([])), 0, [TABLE])
    assert next(f for f in none.findings if f.id.endswith(".passes")).value == {"p05": 0, "p50": 0, "p95": 0}


def test_sentences_name_their_findings_and_the_section_is_plain_json(tmp_path: object) -> None:
    coverage = coverage_of(passes(ROWS))
    told = compare_site(view(), coverage, 0, [TABLE])
    section = satellite_section([told], coverage, [TABLE], views=[view()])
    json.dumps(section, allow_nan=False)
    ids = {f.id for f in told.findings}
    for row in section["rows"]:
        for sentence in row["sentences"]:
            assert sentence["finding_ids"]
            assert set(sentence["finding_ids"]) <= ids
    last = section["rows"][0]["sentences"][-1]["text"]
    assert "almost certain (>99 %), where both are assessed (50 %)" in last
    (listed,) = [p for p in section["passes"] if p["optical"]]
    assert (listed["name"], listed["rise_s"]) == ("SHARP", NOON)


def flight() -> object:
    time_s = NOON + 1800.0 * np.arange(9)
    lon = np.linspace(-114.0, -108.0, 9) + np.linspace(-0.5, 0.5, 8)[:, None]
    return make_ensemble(
        kind="posterior", time_s=time_s, lon_deg=lon, lat_deg=np.full(lon.shape, 47.5),
        alt_m=np.full(lon.shape, 18_300.0), pressure_pa=np.full(lon.shape, 7_000.0),
        status=np.zeros(lon.shape, int),
    )  # fmt: skip


def test_a_balloons_view_is_its_looks() -> None:
    looks = member_looks(flight(), SITE)
    seen = balloon_view(looks)
    assert seen.hours == pytest.approx(np.full(8, 4.0))
    assert seen.share.shape == (8, 8)
    assert balloon_view(looks, hours=np.arange(8.0)).hours.tolist() == list(range(8))


def test_views_are_taken_as_exposure_was_told() -> None:
    """Above 20 degrees, behind a ridge of 25 degrees in the west: the hours are those of the exposure."""
    from overflight.exposure.answers import Horizons, expose
    from overflight.exposure.satellite_answers import flight_views
    from overflight.exposure.settings import ExposureSettings
    from overflight.places.masks import SiteMask

    mask = SiteMask(
        azimuth_deg=np.array([0.0, 179.0, 181.0, 359.0]), elevation_deg=np.array([0.0, 0.0, 25.0, 25.0])
    )
    settings = ExposureSettings(min_elevation_deg=20.0)
    horizons = Horizons(light={SITE.id: mask}, radio={})
    exposed = expose(
        flight(), [SITE], settings=settings, horizons=horizons, cameras=(), emitters=(), unknown=False
    )
    (seen,) = flight_views(flight(), [SITE], exposed, settings, horizons)
    assert seen.hours == pytest.approx(exposed.sight.by_site[SITE.id].in_view_s / HOUR_S)
    assert 0.0 < seen.hours.max() < 2.0
    # The looks of the samples are under the same horizon: half a step apart at most.
    assert seen.share @ np.diff(seen.time_s) / HOUR_S == pytest.approx(seen.hours, abs=0.5)


def made_set(catalog: int, name: str, epoch_s: float, per_day: float = 15.0) -> ElementSet:
    return ElementSet(
        catalog=catalog, name=name, designator="", epoch_s=epoch_s, mean_motion_degps=per_day * 360.0 / DAY_S,
        eccentricity=0.001, inclination_deg=97.0, node_deg=40.0 * catalog, perigee_deg=10.0,
        anomaly_deg=30.0 * catalog, bstar=1e-5,
    )  # fmt: skip


def test_a_whole_answer_with_the_pole_among_the_sites(tmp_path: object) -> None:
    from pathlib import Path

    sets = [made_set(i, "SHARP", NOON) for i in range(1, 6)]
    sets.append(made_set(9, "WAVES", NOON - 60 * DAY_S, 15.4))
    looks = member_looks(flight(), SITE)
    told = satellite_answers(
        sets, [SITE, POLE], NOON, NOON + DAY_S, [TABLE], views=[balloon_view(looks)],
        refused=[Refusal("bad.tle", 3, "X", "the checksum is 1")], settings=SatelliteSettings(draws=4),
    )  # fmt: skip
    assert {f.id.split(".")[1] for f in told.findings} == {"MALMSTROM", "POLE"}
    by_id = {f.id: f for f in told.findings}
    # In February the sun is down at the north pole; a polar orbit passes it every revolution.
    polar = by_id["satellites.POLE.optical_passes"].value
    assert polar == {"p05": 0.0, "p50": 0.0, "p95": 0.0}
    passed = by_id["satellites.POLE.passes"].value
    assert passed is not None
    assert 6 * 14 <= float(passed["p50"]) <= 6 * 16
    assert told.section["elements"]["objects"] == 6
    assert told.section["elements"]["timed"] == 5
    assert told.section["refused"] == ["bad.tle, line 3 (X): the checksum is 1"]
    assert any("too old" in note for note in told.section["notes"])
    parts = satellite_parts(told.section)
    assert parts is not None
    assert "<svg" in str(parts["plot"])
    assert "Malmstrom" in str(parts["plot"])
    assert [row["name"] for row in parts["table"]] == ["Malmstrom", "North pole"]
    assert isinstance(tmp_path, Path)
    drawn = draw_satellites(told.section, tmp_path / "satellites.png", title="made")
    assert drawn is not None
    assert drawn.read_bytes()[:4] == b"\x89PNG"


def test_nothing_to_ask_is_said() -> None:
    none = satellite_answers([], [SITE], NOON, NOON + DAY_S, [TABLE])
    assert [f.kind for f in none.findings] == ["undetermined"]
    assert "inputs] elements" in none.section["notes"][0]
    assert "assess` does not read" in none.section["notes"][0]
    assert satellite_answers([made_set(1, "SHARP", NOON)], [], NOON, NOON + DAY_S, [TABLE]).findings == ()
    parts = satellite_parts(none.section)
    assert parts is not None
    assert parts["plot"] is None
    assert satellite_parts(None) is None
    old = satellite_answers([made_set(1, "SHARP", NOON - 999 * DAY_S)], [SITE], NOON, NOON + DAY_S, [TABLE])
    assert isinstance(old.findings[0], Finding)
    assert old.findings[0].kind == "undetermined"


def test_without_elements_the_balloons_side_stands_and_what_only_it_could_add_is_open() -> None:
    view = balloon_view(member_looks(flight(), SITE))
    bad = Refusal("bad.tle", 3, "X", "the checksum is 1")
    stated = [replace(one, certainty="stated") for one in TABLE]
    told = satellite_answers([], [SITE], NOON, NOON + DAY_S, [stated], views=[view], refused=[bad])
    by_id = {f.id: f for f in told.findings}
    assert by_id["satellites.MALMSTROM.balloon_hours"].kind == "interval"
    alone = by_id["satellites.MALMSTROM.only_balloon_hours"]
    assert (alone.kind, alone.value) == ("undetermined", None)
    assert "no element sets" in alone.reason
    assert told.section["refused"] == [str(bad)]
    assert "sharpest" in told.section["notes"][1]
    parts = satellite_parts(told.section)
    assert parts is not None
    (row,) = parts["table"]
    assert row["balloon_h"] != "–"
    (sentence,) = told.section["rows"][0]["sentences"]
    assert "no element sets of these days" in sentence["text"]
    assert {row[key] for key in ("only_h", "passes", "optical", "gap_h", "radar", "orbit_niirs")} == {"–"}
    assert set(row["finding_ids"]) <= set(by_id)


def test_the_sharpest_camera_in_orbit_is_told_with_its_grade() -> None:
    # GIQE 5 at 0.31 m with the edge and noise of `EDGE` and `SNR`, as for a pass straight overhead.
    text = sharpest_words(read_sensors())
    size = min(s.gsd_m for s in builtin_sensors() if s.sensor_class == "optical" and s.gsd_m is not None)
    assert f"{size:g} m" in text
    assert f"NIIRS {float(niirs_giqe5(size, 0.35, 50.0)):.1f}" in text
    assert sharpest_words([]) == ""
    # What a user assumes is published by nobody.
    assumed = replace(next(s for s in builtin_sensors() if s.gsd_m == size), gsd_m=0.01, certainty="assumed")
    assert sharpest_words([[assumed], *read_sensors()]) == text


def test_sets_come_from_files_and_store_by_name(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    message = {
        "OBJECT_NAME": "SHARP", "NORAD_CAT_ID": 7, "EPOCH": "2023-02-01T00:00:00", "MEAN_MOTION": 15.0,
        "ECCENTRICITY": 0.001, "INCLINATION": 97.0, "RA_OF_ASC_NODE": 1.0, "ARG_OF_PERICENTER": 2.0,
        "MEAN_ANOMALY": 3.0, "BSTAR": 1e-5,
    }  # fmt: skip
    other = {**message, "NORAD_CAT_ID": 8, "OBJECT_NAME": "RELAY"}
    (tmp_path / "case.json").write_text(json.dumps([message, {**message, "ECCENTRICITY": 2.0}]))
    with open_store(tmp_path / "e.db", make=True) as store:
        store.add_text(json.dumps([other, {**message, "NORAD_CAT_ID": 9}]), "store.json")
    settings = SatelliteSettings(names=("sharp",))
    got = gather_sets([tmp_path / "case.json"], NOON, NOON + 1.0, settings, store=tmp_path / "e.db")
    assert [s.catalog for s in got.sets] == [7, 9]
    assert len(got.refused) == 1


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"min_elevation_deg": 95}, "outside"),
        ({"draws": 0}, "outside"),
        ({"draws": 2.5}, "whole"),
        ({"max_age_days": "old"}, "no number"),
        ({"names": "GAOFEN"}, "no list"),
        ({"elevation": 5}, "elevation"),
    ],
)
def test_settings_that_cannot_be_are_told_by_key(table: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        read_settings(table)


def test_settings_of_a_case() -> None:
    got = read_settings({"names": ["GAOFEN *"], "max_age_days": 30}, min_elevation_deg=20.0)
    assert got == SatelliteSettings(names=("GAOFEN *",), max_age_s=30 * DAY_S, min_elevation_deg=20.0)


def test_intervals_as_text() -> None:
    assert span({"p05": 3.0, "p50": 4.0, "p95": 5.0}) == "3 to 5"
    assert span({"p05": 3.04, "p50": 3.0, "p95": 3.0}, 1) == "3.0"
    assert span(None) == "–"

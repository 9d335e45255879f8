"""Pictures that could have been taken: grades, dwell, light, cloud, and where there is no number.

"Reference" is the project's table of reference numbers, section 2.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_looks import NOON_S, SITE, hovering, looks_at, passing

from overflight.errors import InputError
from overflight.exposure.cameras import BUILT_IN, CameraClass, parse_cameras, read_cameras
from overflight.exposure.finer import pieces_of
from overflight.exposure.images import (
    VISIBILITY_KM,
    Cloud,
    ObservedCloud,
    cloud_chance,
    image_site,
    images_section,
    overcast,
)
from overflight.exposure.looks import MemberLooks
from overflight.exposure.niirs_words import (
    check_level,
    grade_words,
    level_words,
    resolved_words,
    scale_rows,
)
from overflight.exposure.optics import (
    TASKS,
    Camera,
    combined_edge_response,
    gsd_weighted_m,
    image_quality,
    niirs_giqe5,
    rayleigh_m,
)
from overflight.places.masks import SiteMask
from overflight.times import parse_utc

# The band that is printed beside a grade, and half of it: what haze by two numbers is allowed.
HALF_BAND = 0.25
CLEAR = Cloud(probability=0.0, source="made")
FIFTEEN = next(one for one in BUILT_IN if one.camera.aperture_m == 0.15)


def best(looks: MemberLooks, camera: CameraClass = FIFTEEN, **keywords: Any) -> float:
    return float(np.nanmedian(image_site(looks, (camera,), **keywords).by_camera[0].best_niirs))


# --- grades -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aperture", "ground_km", "expected"),
    [
        (0.15, 0, 8.47),
        (0.15, 20, 7.68),
        (0.15, 50, 6.20),
        (0.05, 0, 6.89),
        (0.05, 20, 6.11),
        (0.05, 50, 4.66),
    ],
)
def test_the_full_radiative_run_of_section_2_2(aperture: float, ground_km: float, expected: float) -> None:
    """18 km up, 23 km of visibility, f/10. The sun of that run stands 40° high: an afternoon."""
    camera = next(one for one in BUILT_IN if one.camera.aperture_m == aperture)
    east = np.degrees(ground_km * 1e3 / (6_378_137.0 * np.cos(np.radians(SITE.lat_deg))))
    afternoon = parse_utc("2023-06-21T23:15Z")
    looks = hovering(east, alt_m=18_000.0, time_s=afternoon, hours=0.4)
    assert float(looks.sun_elevation_deg[0]) == pytest.approx(40.0, abs=3.0)
    assert best(looks, camera) == pytest.approx(expected, abs=HALF_BAND)


def test_the_built_in_classes_are_assumed_and_within_the_sampling_that_was_tried() -> None:
    for one in BUILT_IN:
        assert one.assumed
        assert "assumed" in one.name
        assert "assumed" in one.source
        assert one.in_range
        assert one.camera.q == pytest.approx(0.55 * 10 / 3.76)


# Elevation, ground sample distance, the two edge responses, signal to noise; grade by pyBSM 0.16.1.
PYBSM = [
    (10.0, 0.3, 0.3, 0.3, 20.0),
    (30.0, 0.3, 0.3, 0.3, 20.0),
    (90.0, 0.3, 0.3, 0.3, 20.0),
    (10.0, 0.08, 0.45, 0.25, 6.0),
    (90.0, 0.08, 0.45, 0.25, 6.0),
]
GRADES = (4.982109, 5.363328, 5.613183, 6.376003, 7.007077)


@pytest.mark.parametrize(("row", "expected"), list(zip(PYBSM, GRADES, strict=True)))
def test_the_equation_with_the_slant_against_pybsm(
    row: tuple[float, float, float, float, float], expected: float
) -> None:
    elevation, gsd, along, across, snr = row
    found = niirs_giqe5(gsd_weighted_m(gsd, elevation), combined_edge_response(along, across), snr)
    assert float(found) == pytest.approx(expected, abs=1e-5)
    if importlib.util.find_spec("pybsm") is None:
        return
    functional = importlib.import_module("pybsm.metrics.functional")
    theirs = functional.giqe5(rer_1=along, rer_2=across, gsd=gsd, snr=snr, elev_angle=np.radians(elevation))
    assert float(found) == pytest.approx(theirs[0], abs=1e-6)


@given(st.floats(8_000.0, 200e3), st.floats(1.001, 3.0), st.floats(15.0, 90.0))
def test_a_grade_falls_with_range(away: float, factor: float, elevation: float) -> None:
    near = image_quality(FIFTEEN.camera, away, elevation, 50.0).niirs
    far = image_quality(FIFTEEN.camera, away * factor, elevation, 50.0).niirs
    assert float(far) <= float(near)
    if float(near) < 9.0:
        assert float(far) < float(near)


@given(st.floats(0.0, 1.0), st.floats(0.0, 2.5))
def test_a_site_that_is_farther_off_has_no_better_a_grade(near: float, more: float) -> None:
    here, there = hovering(near, hours=0.4), hovering(near + more, hours=0.4)
    one, two = (image_site(x, (FIFTEEN,)).by_camera[0].best_niirs for x in (here, there))
    assert not (np.nan_to_num(two, nan=-1.0) > np.nan_to_num(one, nan=-1.0) + 1e-6).any()


# --- dwell ------------------------------------------------------------------------------------------------


def test_hours_of_a_flight_that_hovers() -> None:
    result = image_site(hovering(0.1, members=8, hours=2.0), (FIFTEEN,), cloud=CLEAR, niirs=6.0)
    one = result.by_camera[0]
    np.testing.assert_allclose(one.clear_h, 2.0, atol=1e-9)
    np.testing.assert_allclose(one.cloudy_h, 2.0, atol=1e-9)
    hours = {f.id: f for f in result.findings}["exposure.made.images_assumed-15cm_hours_clear"]
    assert hours.value == pytest.approx({"p05": 2.0, "p50": 2.0, "p95": 2.0})


def test_dwell_of_a_pass_is_the_way_within_the_range_of_a_grade() -> None:
    """By the grade of single points: the ends lie where the level is crossed, to a piece of two minutes."""
    looks = passing(span_deg=3.0, hours=6.0)
    level = 6.5
    east = np.linspace(-3.0, 3.0, 6 * 720 + 1)
    fine = looks_at(east, step_s=5.0)
    niirs = image_quality(
        FIFTEEN.camera, fine.range_m[0], fine.elevation_deg[0], fine.sun_elevation_deg
    ).niirs
    expected = float((niirs >= level).sum()) * 5.0 / 3600.0
    assert 0.5 < expected < 5.0
    found = image_site(looks, (FIFTEEN,), niirs=level).by_camera[0].clear_h
    np.testing.assert_allclose(found, expected, atol=2 * 120.0 / 3600.0)


def test_a_pass_between_two_samples_is_not_missed() -> None:
    """Samples three hours apart, 225 km either side: neither stands at 8.9 degrees, the flight does."""
    looks = looks_at(np.broadcast_to([-3.0, 3.0], (8, 2)), step_s=3 * 3600.0)
    assert float(np.nanmax(looks.elevation_deg)) < 8.9
    one = image_site(looks, (FIFTEEN,), niirs=7.0).by_camera[0]
    assert (one.clear_h > 0.3).all()
    assert np.nanmax(one.best_niirs) > 8.0
    np.testing.assert_allclose(one.best_s, NOON_S, atol=200.0)


def test_members_that_end_count_until_they_end() -> None:
    east = np.full((8, 13), 0.1)
    east[4:, 7:] = np.nan
    one = image_site(looks_at(east), (FIFTEEN,), niirs=6.0).by_camera[0]
    np.testing.assert_allclose(one.clear_h, [2.0] * 4 + [1.0] * 4, atol=1e-9)


def test_what_the_mask_hides_is_not_seen() -> None:
    high = SiteMask(np.array([0.0]), np.array([85.0]), source="a made wall")
    looks = hovering(0.3, mask=high)
    result = image_site(looks, (FIFTEEN,))
    assert result.by_camera[0].clear_h.max() == 0.0
    assert not result.in_sight.any()
    assert "a made wall" in result.findings[0].given["terrain"]


def test_pieces_hold_the_time_of_a_flight() -> None:
    looks = passing(span_deg=1.0, hours=2.0)
    pieces = pieces_of(looks, reach_m=1e6, step_s=90.0)
    assert float(pieces.hours(1.0)[0]) == pytest.approx(2.0)
    # Overhead in the middle of the pass: the nearest piece is half a step off.
    assert float(pieces.elevation_deg.max()) > 85.0
    assert pieces_of(looks, reach_m=1.0).member.size == 0


# --- light, haze, season ----------------------------------------------------------------------------------


def test_at_night_there_is_no_picture() -> None:
    result = image_site(hovering(0.1, time_s=parse_utc("2023-06-21T07:24Z")), (FIFTEEN,))
    assert result.by_camera[0].clear_h.max() == 0.0
    assert np.isnan(result.by_camera[0].best_niirs).all()
    # Night is no gap of the model: nothing is left unassessed, and the chance is zero, not unknown.
    row = result.rows[0]
    assert row["status"] == "assessed"
    assert row["p_clear"] == 0.0
    assert row["best_words"] == "not assessed"


def test_a_low_sun_grades_worse_and_winter_has_less_of_the_day() -> None:
    summer = image_site(hovering(0.2, hours=24.0), (FIFTEEN,), niirs=6.0).by_camera[0]
    winter = image_site(
        hovering(0.2, hours=24.0, time_s=parse_utc("2023-12-21T19:24Z")), (FIFTEEN,), niirs=6.0
    ).by_camera[0]
    # Daylight of 47° N: 15.9 and 8.5 h between sunrises without refraction.
    assert 12.0 < summer.clear_h[0] < 15.9
    assert winter.clear_h[0] < 8.5 < summer.clear_h[0]
    assert np.nanmax(winter.best_niirs) < np.nanmax(summer.best_niirs)


def test_haze_costs_grade_and_reach() -> None:
    looks = passing(span_deg=3.0)
    clear, hazy = (
        image_site(looks, (FIFTEEN,), visibility_km=v, niirs=5.0).by_camera[0] for v in (23.0, 5.0)
    )
    assert np.nanmax(hazy.best_niirs) < np.nanmax(clear.best_niirs)
    assert hazy.clear_h[0] < 0.7 * clear.clear_h[0]


# --- not assessed -----------------------------------------------------------------------------------------


def test_far_off_it_says_not_assessed_and_no_number() -> None:
    """At 3° east, 228 km, 18.3 km stands 4° high: in sight, and below what the equation was tried for."""
    result = image_site(hovering(3.0), BUILT_IN)
    assert result.in_sight.all()
    for row in result.rows:
        assert row["status"].startswith("not assessed: seen at less than 8.9")
        assert row["p_clear"] is None
        assert row["hours_clear"] is None
        assert row["best_niirs"] is None
        assert "not assessed" in row["text"]
        assert not any(character.isdigit() for character in row["best_words"])
    assert {f.kind for f in result.findings} == {"undetermined"}


def test_a_camera_outside_the_sampling_is_not_assessed_even_overhead() -> None:
    odd = dataclasses.replace(FIFTEEN, camera=dataclasses.replace(FIFTEEN.camera, aperture_m=0.6))
    result = image_site(hovering(0.0), (odd,))
    assert {f.kind for f in result.findings} == {"undetermined"}
    assert "f-number" in result.findings[0].reason


def test_daylight_that_is_not_assessed_is_said_beside_what_is() -> None:
    result = image_site(passing(span_deg=5.0, hours=10.0), (FIFTEEN,), niirs=5.0)
    one = result.by_camera[0]
    assert one.left_h[0] > 1.0
    assert sum(one.reasons.values()) == pytest.approx(float(one.left_h.mean()), abs=0.2)
    hours = {f.id: f for f in result.findings}["exposure.made.images_assumed-15cm_hours_clear"]
    assert "are not assessed and not counted" in hours.reason


def test_a_site_out_of_sight_could_not_have_been_seen() -> None:
    result = image_site(hovering(20.0), (FIFTEEN,))
    assert not result.in_sight.any()
    assert result.findings[0].value == {"p": 0.0}
    assert "could not have been seen" in result.rows[0]["text"]


def test_few_members_give_no_quantiles() -> None:
    result = image_site(hovering(0.1, members=3), (FIFTEEN,))
    hours = {f.id: f for f in result.findings}["exposure.made.images_assumed-15cm_hours_clear"]
    assert hours.kind == "undetermined"
    assert "too few" in hours.reason


# --- cloud ------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.5))
def test_a_chance_of_cloud_never_lowers_the_bound(chance: float, east: float) -> None:
    looks = hovering(east, hours=0.6)
    under = image_site(looks, (FIFTEEN,), cloud=Cloud(probability=chance, source="made")).by_camera[0]
    open_ = image_site(looks, (FIFTEEN,), cloud=CLEAR).by_camera[0]
    np.testing.assert_array_equal(under.clear_h, open_.clear_h)
    np.testing.assert_array_equal(under.best_niirs, open_.best_niirs)
    assert (under.cloudy_h <= under.clear_h + 1e-12).all()
    np.testing.assert_allclose(under.cloudy_h, (1.0 - chance) * under.clear_h)


@given(st.lists(st.tuples(st.floats(-4e3, 4e3), st.floats(1.0, 8e3), st.floats(0.0, 1.0)), max_size=4))
def test_the_bound_holds_the_weighted_value_whatever_was_observed(
    seen: list[tuple[float, float, float]],
) -> None:
    observed = tuple(
        ObservedCloud(time_start=NOON_S + a, time_end=NOON_S + a + d, cover=c, source="made")
        for a, d, c in seen
    )
    cloud = Cloud(probability=0.4, source="made", observed=observed)
    one = image_site(hovering(0.2, hours=2.0), (FIFTEEN,), cloud=cloud, niirs=5.0).by_camera[0]
    assert (one.cloudy_h <= one.clear_h + 1e-12).all()
    assert (one.clear_share <= 1.0).all()


def test_only_an_observed_overcast_lowers_the_bound() -> None:
    def hour(cover: float) -> Cloud:
        seen = ObservedCloud(time_start=NOON_S - 3600, time_end=NOON_S, cover=cover, source="a made station")
        return Cloud(probability=0.5, source="made", observed=(seen,))

    looks = hovering(0.2, hours=2.0)
    broken, covered = (image_site(looks, (FIFTEEN,), cloud=hour(c)).by_camera[0] for c in (0.9, 1.0))
    np.testing.assert_allclose(broken.clear_h, 2.0)
    np.testing.assert_allclose(broken.cloudy_h, 0.1 + 0.5)
    np.testing.assert_allclose(covered.clear_h, 1.0, atol=0.04)
    np.testing.assert_allclose(covered.cloudy_h, 0.5, atol=0.02)


def test_cloud_as_given_and_as_seen() -> None:
    seen = ObservedCloud(time_start=10.0, time_end=20.0, cover=0.96, source="made")
    cloud = Cloud(probability=0.3, source="made", observed=(seen,))
    np.testing.assert_allclose(cloud_chance(cloud, [0.0, 15.0, 30.0]), [0.3, 1.0, 0.3])
    assert overcast(cloud, [0.0, 15.0, 30.0]).tolist() == [False, True, False]


def test_the_default_cloud_says_where_it_is_from() -> None:
    result = image_site(hovering(0.1), (FIFTEEN,))
    assert result.cloud.probability == 0.67
    assert "assumed" in result.findings[0].given["cloud"]


# --- words ------------------------------------------------------------------------------------------------


def test_sentences_say_could_and_never_did() -> None:
    result = image_site(passing(), BUILT_IN, niirs=5.0)
    for row in result.rows:
        assert "could" in row["text"]
        assert "confidence" not in row["text"]
    for finding in result.findings:
        assert "could" in finding.question.lower()


def test_what_hangs_on_a_visibility_is_called_no_bound_and_names_it() -> None:
    """Clearer air gives more hours than those that are told: they are none "at most"."""
    looks = passing(span_deg=3.0)
    assumed, clear = (image_site(looks, (FIFTEEN,), visibility_km=v) for v in (None, 100.0))
    assert (clear.by_camera[0].clear_h > assumed.by_camera[0].generous_h).all()
    assert assumed.visibility_km == VISIBILITY_KM
    assert (assumed.visibility_assumed, clear.visibility_assumed) == (True, False)
    for result, words in (
        (assumed, "a visibility of 23 km (assumed)"), (clear, "a visibility of 100 km"),
    ):  # fmt: skip
        (row,) = result.rows
        assert f"under a clear sky and {words}, " in row["text"]
        assert "where assessed" in row["text"]
        for said in (row["text"], *(f.reason for f in result.findings)):
            assert "at most" not in said
            assert "bound" not in said
        assert all(words in f.reason for f in result.findings)
    assert (
        "under a visibility of 23 km (assumed), where assessed"
        in (image_site(looks, (FIFTEEN,), niirs=9.0).rows[0]["text"])
    )


def test_the_words_of_the_scale_of_section_2_3() -> None:
    assert len(scale_rows()) == 10
    assert [row["tells"] for row in scale_rows()] == list(TASKS)
    assert resolved_words(1.2) == "9 m or more"
    assert resolved_words(5.5) == "0.75 to 1.2 m"
    assert resolved_words(9.0) == "less than 0.1 m"
    assert resolved_words(0.5) == "nothing"
    assert grade_words(np.nan) == resolved_words(np.nan) == "not assessed"
    assert grade_words(6.24).startswith("NIIRS 6.2 ± 0.5")
    assert "rail cars" in level_words(5.0)


@pytest.mark.parametrize("level", [-1.0, 9.5, np.nan, "six", None, True])
def test_a_level_that_is_none_is_refused(level: object) -> None:
    with pytest.raises(InputError, match="NIIRS from 0 to 9"):
        check_level(level, file="sites.csv", line=3)


def test_the_section_is_plain_and_its_findings_are_there() -> None:
    import json

    result = image_site(passing(), BUILT_IN)
    section = images_section([result])
    text = json.dumps(section, allow_nan=False)
    assert "assumed" in text
    ids = {f.id for f in result.findings}
    assert {i for row in section["rows"] for i in row["finding_ids"]} == ids
    assert len(section["cameras"]) == len(BUILT_IN)


@pytest.mark.parametrize("visibility", [0.0, -5.0, np.nan, 400.0])
def test_a_visibility_that_cannot_be_is_refused(visibility: float) -> None:
    with pytest.raises(InputError, match="visibility_km"):
        image_site(hovering(0.1), (FIFTEEN,), visibility_km=visibility)


def test_no_camera_and_no_chance_are_refused() -> None:
    with pytest.raises(InputError, match="no camera"):
        image_site(hovering(0.1), ())
    with pytest.raises(InputError, match="no probability"):
        Cloud(probability=1.2, source="made")
    with pytest.raises(InputError, match="cannot be"):
        ObservedCloud(time_start=1.0, time_end=0.0, cover=0.5, source="made")


# --- a user's own cameras ---------------------------------------------------------------------------------

HEAD = "id,name,focal_m,aperture_m,pitch_m,columns,rows,source"
GOOD = "big,a made camera,1.5,0.15,3.76e-6,9576,6388,made up"


def test_a_table_of_cameras_as_csv_and_as_toml(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEAD},smear_px,assumed\n{GOOD},0.5,\nfound,from the debris,0.5,0.05,"
                                    "3.76e-6,100,100,a report,0,false\n")  # fmt: skip
    (tmp_path / "b.toml").write_text(
        '[[camera]]\nid = "tom"\nname = "another"\nfocal_m = 1.5\naperture_m = 0.15\npitch_m = 3.76e-6\n'
        'columns = 9576\nrows = 6388\nsource = "made up"\nread_noise = 2\n'
    )
    big, found, tom = read_cameras([tmp_path / "a.csv", tmp_path / "b.toml"])
    assert big.camera == dataclasses.replace(FIFTEEN.camera, id="big")
    assert (big.assumed, big.smear_px, big.file, big.line) == (True, 0.5, "a.csv", 2)
    assert not found.assumed
    assert tom.camera == Camera(
        id="tom", focal_m=1.5, aperture_m=0.15, pitch_m=3.76e-6, columns=9576, rows=6388, read_noise=2.0
    )


def toml(**changed: object) -> str:
    cells: dict[str, object] = {
        "id": '"x"', "name": '"y"', "focal_m": 1.5, "aperture_m": 0.15, "pitch_m": 3.76e-6, "columns": 100,
        "rows": 100, "source": '"made"',
    }  # fmt: skip
    cells.update(changed)
    return "[[camera]]\n" + "\n".join(f"{k} = {v}" for k, v in cells.items() if v is not None) + "\n"


@pytest.mark.parametrize(
    ("text", "file", "expected"),
    [
        (f"{HEAD}\n{GOOD.replace('0.15', '0')}", "c.csv", "c.csv, line 2, field 'aperture_m': camera 'big'"),
        (f"{HEAD}\n{GOOD.replace('1.5', '-1')}", "c.csv", "line 2, field 'focal_m'"),
        (
            f"{HEAD}\n{GOOD.replace('1.5', 'long')}",
            "c.csv",
            "line 2, field 'focal_m': 'long' is not a number",
        ),
        (f"{HEAD}\n{GOOD.replace('9576', '95.5')}", "c.csv", "line 2, field 'columns': 95.5 is no whole"),
        (f"{HEAD}\n{GOOD}\n{GOOD}", "c.csv", "line 3, field 'id': 'big' is there already (line 2)"),
        (f"{HEAD}\n{GOOD.replace('big', 'a b')}", "c.csv", "line 2, field 'id': 'a b' is not an id"),
        (f"{HEAD.replace('aperture_m', 'apperture_m')}\n{GOOD}", "c.csv", "Did you mean 'aperture_m'?"),
        (f"{HEAD},colour\n{GOOD},red", "c.csv", "field 'colour': is not a known column"),
        (f"{HEAD},assumed\n{GOOD},maybe", "c.csv", "field 'assumed': 'maybe' is neither"),
        (HEAD, "c.csv", "holds no camera"),
        (toml(aperture_m=0), "c.toml", "c.toml, line 5, field 'aperture_m'"),
        (toml(aperture_m='"wide"'), "c.toml", "line 5, field 'aperture_m': 'wide' is not a number"),
        (toml(aperture_m="inf"), "c.toml", "line 5, field 'aperture_m'"),
        (toml(aperture_m=None), "c.toml", "line 1, field 'aperture_m': is missing"),
        (toml(lens=3), "c.toml", "line 10, field 'lens': is not a known key"),
        (toml(name=3), "c.toml", "line 3, field 'name': '3' cannot be used"),
        ("[[camera]\n", "c.toml", "is not TOML"),
        ("[[lens]]\nid = 'x'\n", "c.toml", "field 'lens': is not a known key"),
        ("camera = 3\n", "c.toml", "is not a list of tables"),
    ],
)
def test_a_camera_that_cannot_be_is_refused_by_file_line_and_field(
    text: str, file: str, expected: str
) -> None:
    with pytest.raises(InputError) as error:
        parse_cameras(text, file)
    message = str(error.value)
    assert expected in message
    assert file in message


def test_an_id_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"{HEAD}\n{GOOD}\n")
    with pytest.raises(InputError, match=r"b\.csv, line 2, field 'id'.*a\.csv, line 2"):
        read_cameras([tmp_path / "a.csv", tmp_path / "b.csv"])


@given(st.text(max_size=200), st.sampled_from(["c.csv", "c.toml"]))
def test_no_text_crashes_the_reader(text: str, file: str) -> None:
    for body in (text, f"{HEAD}\n{text}", f"[[camera]]\n{text}"):
        with contextlib.suppress(InputError):
            parse_cameras(body, file)


def test_diffraction_is_told_for_the_nearest_look() -> None:
    row = image_site(hovering(0.0, alt_m=18_300.0), (FIFTEEN,)).rows[0]
    assert row["diffraction_m"] == pytest.approx(float(rayleigh_m(0.55e-6, 0.15, 18_300.0)), rel=1e-3)
    # Section 2.1: 0.0459 m a pixel, and 0.0819 m by Rayleigh, straight down.
    assert row["best_gsd_m"]["p50"] == pytest.approx(0.0459, abs=2e-4)
    assert row["diffraction_m"] == pytest.approx(0.0819, abs=2e-4)

"""Signals that could have been heard: margins, hours, horizons, and the same emitter from orbit.

"Reference" is the project's table of reference numbers, section 3.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_looks import hovering, passing

from overflight.errors import InputError
from overflight.exposure.emitters import (
    BUILT_IN,
    RECEIVER,
    EmitterClass,
    emitter_at,
    parse_emitters,
    read_emitters,
)
from overflight.exposure.finer import pieces_of
from overflight.exposure.geometry import slant_m
from overflight.exposure.p528 import curves
from overflight.exposure.radio import Receiver, free_space_loss_db, range_for_loss_m, sensitivity_dbm
from overflight.exposure.signals import (
    HOPELESS_DB,
    LOUD,
    Heard,
    area_heard_m2,
    beside_orbit,
    hear,
    signal_site,
    signals_section,
)
from overflight.places.masks import SiteMask

HUNDREDTH_DB = 0.0051
# What the reference rounds on the way: 32.4 for 32.45, and k T to -174 dBm/Hz.
ROUNDED_DB = 0.051 + 0.048 + 0.025
BARE = Receiver(id="bare", low_hz=1e6, high_hz=1e11, needed_db=0.0)


def emitter(id_: str) -> EmitterClass:
    return next(one for one in BUILT_IN if one.id == id_)


def exact(id_: str, **changed: float) -> EmitterClass:
    """A class whose power is known, so that the bound is at it."""
    return dataclasses.replace(emitter(id_), eirp_spread_db=0.0, **changed)


def heard(one: EmitterClass, east_deg: float, receiver: Receiver = BARE, **keywords: object) -> Heard:
    looks = hovering(east_deg, hours=0.4, radio=True, **keywords)
    return hear(one, receiver, pieces_of(looks, reach_m=2e6), looks.site_alt_m, masked=looks.mask is not None)


# Section 3.3, straight down from 18.3 km: signal to noise in the emitter's own band.
OVERHEAD = [
    ("handset", 18.2), ("wifi", -7.4), ("vhf-handheld", 65.8), ("adsb", 39.9), ("radar-main-beam", 107.8),
    ("radar-back-lobe", 64.8), ("microwave-side-lobe", -17.3),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "expected"), OVERHEAD)
def test_the_classes_of_section_3_3_overhead(id_: str, expected: float) -> None:
    found = heard(emitter(id_), 0.0)
    np.testing.assert_allclose(found.free_db, expected, atol=ROUNDED_DB)
    # Where the ground hardly matters P.528 is free space and the gases: under a decibel overhead, but for
    # the hand-held aerials of 1.5 m, whose reflection counts.
    np.testing.assert_allclose(found.median_db, expected, atol=1.5)


def test_every_built_in_class_is_assumed() -> None:
    for one in BUILT_IN:
        assert one.assumed
        assert "assumed" in one.name
        assert "assumed" in one.source


@pytest.mark.parametrize(
    ("elevation", "same", "overhead"),
    [
        (0, 14.14, -0.09), (1, None, 1.81), (2, None, 3.62), (5, 20.53, 8.16), (10, 23.76, 13.16),
        (20, 26.29, 18.74), (30, 27.17, 21.98), (45, 27.67, 24.96), (60, 27.86, None), (90, 27.96, 27.96),
    ],
)  # fmt: skip
def test_beside_an_orbit_of_500_km(elevation: float, same: float | None, overhead: float | None) -> None:
    """Section 3: 28 dB is the limit straight down; at its horizon a balloon is no louder than overhead."""
    (row,) = beside_orbit(20e3, 500e3, (elevation,))
    if same is not None:
        assert row["same_db"] == pytest.approx(same, abs=HUNDREDTH_DB)
    if overhead is not None:
        assert row["overhead_db"] == pytest.approx(overhead, abs=HUNDREDTH_DB)


def test_the_same_emitter_from_orbit_side_by_side() -> None:
    looks = hovering(0.0, radio=True)
    result = signal_site(looks, (emitter("adsb"),), BARE, orbits_km=(500.0, 1000.0))
    low, high = result.orbits
    # Section 3.3: 39.9 dB from 18.3 km, 11.2 from a satellite overhead at 500 km, 5.2 at 1000.
    assert low["balloon_margin_db"] == pytest.approx(39.9, abs=ROUNDED_DB)
    assert low["orbit_overhead_margin_db"] == pytest.approx(11.2, abs=ROUNDED_DB)
    assert high["orbit_overhead_margin_db"] == pytest.approx(5.2, abs=ROUNDED_DB)
    assert low["advantage_same_elevation_db"] == pytest.approx(low["advantage_over_overhead_db"], abs=0.01)
    off = signal_site(hovering(1.5, radio=True), (emitter("adsb"),), BARE).orbits[0]
    assert off["balloon_elevation_deg"] == pytest.approx(8.8, abs=0.5)
    away = float(slant_m(500e3, off["balloon_elevation_deg"]))
    same = 54.0 - float(sensitivity_dbm(BARE, 4.6e6)) - float(free_space_loss_db(1.09e9, away))
    assert off["orbit_same_elevation_margin_db"] == pytest.approx(same, abs=1e-6)
    assert 0.0 < off["advantage_over_overhead_db"] < off["advantage_same_elevation_db"] < 28.7


# --- hours ------------------------------------------------------------------------------------------------


def test_hours_of_a_flight_that_hovers_within_and_beyond_reach() -> None:
    """A handset has 8.2 dB over what is needed at 18.3 km: heard to 47 km, and not from 60."""
    one = exact("handset")
    edge = float(range_for_loss_m(one.frequency_hz, 23.0 - float(sensitivity_dbm(RECEIVER, 180e3))))
    assert edge == pytest.approx(47e3, rel=0.02)
    near, far = (
        signal_site(hovering(east, radio=True), (one,)).by_emitter[0] for east in (0.1, np.degrees(60 / 4360))
    )
    np.testing.assert_allclose(near.bound_h, 2.0)
    np.testing.assert_allclose(near.on_air_h, 0.1)
    assert far.bound_h.max() == 0.0


def test_a_pass_is_heard_over_its_horizon() -> None:
    """Free space of a strong emitter ends at the radio horizon of 18.3 km over the antenna's: 540 km."""
    looks = passing(span_deg=9.0, hours=18.0, radio=True)
    # 30 dB over free space at the horizon, and 30 dB under what P.528 takes past it.
    weak = exact("adsb", eirp_dbm=63.0, height_m=1.5)
    one = signal_site(looks, (weak,)).by_emitter[0]
    km_h = 18.0 * np.cos(np.radians(47.0)) * 6388.0 * np.pi / 180.0 / 18.0
    assert one.bound_h[0] * km_h / 2.0 == pytest.approx(541.0, rel=0.03)
    assert one.past_h[0] < 0.7


def test_a_strong_radar_is_heard_past_the_horizon() -> None:
    """Section 3.1: no hard end at the horizon for megawatts; 620 km away P.528 takes 190 dB at 1 GHz."""
    looks = hovering(np.degrees(620.0 / (6388.0 * np.cos(np.radians(47.0)))), radio=True)
    assert float(looks.elevation_deg[0, 0]) < 0.0
    radar, weak = (signal_site(looks, (emitter(x),)) for x in ("radar-main-beam", "adsb"))
    assert radar.by_emitter[0].bound_h[0] == pytest.approx(2.0)
    assert radar.by_emitter[0].past_h[0] == pytest.approx(2.0)
    assert weak.by_emitter[0].bound_h[0] == 0.0
    # Over free space nothing is said there.
    assert np.isnan(radar.by_emitter[0].best_db).all()


def test_the_bound_takes_the_most_power_of_a_class() -> None:
    """60 km off a handset lacks 2.6 dB, which a spread of 10 dB may give; 200 km off it lacks 12.7, for which
    it takes some of what P.528 has over free space one time in ten; and 350 km off 17.6, more than both.
    """
    one = emitter("handset")
    near, middle, far = (
        signal_site(hovering(np.degrees(away / 4360), radio=True), (one,)) for away in (60.0, 200.0, 350.0)
    )
    np.testing.assert_allclose(near.by_emitter[0].bound_h, 2.0)
    np.testing.assert_allclose(middle.by_emitter[0].bound_h, 2.0)
    np.testing.assert_allclose(middle.by_emitter[0].best_db, -12.7, atol=0.3)
    assert near.by_emitter[0].median_h.max() == 0.0
    np.testing.assert_allclose(near.by_emitter[0].best_db, -2.6, atol=0.1)
    assert far.by_emitter[0].bound_h.max() == 0.0
    text = far.rows[0]["text"]
    assert "(assumed-receiver: 0 dBi, noise figure 3 dB, 10 dB needed) could not have heard it" in text
    assert "even with 10 dB more power than the class has" in text
    assert "past the horizon it may carry farther one time in ten" in text
    high = signal_site(hovering(2.0, alt_m=24_000.0, radio=True), (one,))
    assert "past the horizon it is assessed only up to 20 km over the ground" in high.rows[0]["text"]


@pytest.mark.parametrize("alt_m", [18_300.0, 24_000.0])
def test_below_the_level_plane_a_tall_antenna_still_has_its_horizon(alt_m: float) -> None:
    """An antenna of 15 m sees 16 km past the plane, sqrt(8/3 R h): 0.1 degrees under it."""
    for east in np.arange(7.0, 9.0, 0.01):
        looks = hovering(east, hours=0.4, alt_m=alt_m, radio=True)
        if float(looks.elevation_deg[0, 0]) < -0.03:
            break
    assert float(looks.elevation_deg[0, 0]) > -0.1
    one = signal_site(looks, (emitter("radar-main-beam"),)).by_emitter[0]
    np.testing.assert_allclose(one.bound_h, 0.4, atol=0.1)


def test_the_bound_holds_the_median_and_a_mask_only_lowers_the_median() -> None:
    looks = passing(span_deg=6.0, hours=12.0, radio=True)
    wall = SiteMask(np.array([0.0]), np.array([5.0]), source="a made ridge")
    masked = passing(span_deg=6.0, hours=12.0, radio=True, mask=wall)
    for id_ in ("adsb", "radar-back-lobe", "vhf-handheld"):
        open_, hidden = (signal_site(x, (emitter(id_),)).by_emitter[0] for x in (looks, masked))
        assert (open_.bound_h >= open_.median_h).all()
        assert (hidden.bound_h >= hidden.median_h).all()
        assert (hidden.median_h < open_.median_h).all()
        np.testing.assert_allclose(hidden.bound_h, open_.bound_h, atol=0.4)


def test_inside_the_horizon_the_bound_holds_one_time_in_ten() -> None:
    """P.528 at 1 GHz, 10 m to 20 km: a tenth of the time the loss lies 2.5 to 4.7 dB under free space's."""
    looks = hovering(np.degrees(200.0 / 4360.0), alt_m=19_900.0, hours=0.4, radio=True)
    pieces = pieces_of(looks, reach_m=2e6)
    lacking = float(free_space_loss_db(1e9, pieces.range_m[0])) + float(sensitivity_dbm(BARE, 1e6)) - 2.0
    one = exact("adsb", frequency_hz=1e9, bandwidth_hz=1e6, height_m=10.0, eirp_dbm=lacking)
    found = hear(one, BARE, pieces, 0.0, percent=LOUD, every=False)
    np.testing.assert_allclose(found.free_db, -2.0, atol=0.1)
    assert (found.reached & (found.median_db >= 0.0)).all()
    assert found.bound.all()
    assert not found.past.any()
    np.testing.assert_array_equal(found.loud_db, found.median_db)


@given(st.sampled_from([one.id for one in BUILT_IN]), st.floats(0.0, 9.0), st.floats(-40.0, 40.0))
def test_the_bound_holds_one_time_in_ten_everywhere(id_: str, east: float, more_db: float) -> None:
    """Where the power of a class is known, nothing is left of the spread to make up for it."""
    one = exact(id_, eirp_dbm=emitter(id_).eirp_dbm + more_db)
    looks = hovering(east, hours=0.4, radio=True)
    pieces = pieces_of(looks, reach_m=2e6)
    bound_h = signal_site(looks, (one,)).by_emitter[0].bound_h
    for percent in (10.0, 50.0, 90.0):
        found = hear(one, RECEIVER, pieces, looks.site_alt_m, percent=percent)
        assert (pieces.hours(found.reached & (found.median_db >= 0.0)) <= bound_h + 1e-9).all()


def test_no_loss_of_p528_is_so_far_under_free_space_that_it_is_not_asked() -> None:
    """The table's deepest place is 6.16 dB under free space: 8 GHz between 15 and 20 km."""
    deepest = min(
        float(curves(mhz * 1e6, high, LOUD, way).excess_db.min())
        for mhz in (100.0, 300.0, 1000.0, 3000.0, 8000.0, 15_000.0, 30_000.0)
        for high in (1.5, 10.0, 100.0, 1000.0, 10_000.0, 15_000.0, 20_000.0)
        for way in ("vertical", "horizontal")
    )
    assert deepest == pytest.approx(-6.16, abs=0.01)
    assert deepest > -HOPELESS_DB


def test_above_twenty_kilometres_free_space_stands_for_both_and_it_says_so() -> None:
    result = signal_site(hovering(2.0, alt_m=24_000.0, radio=True), (emitter("adsb"),))
    one = result.by_emitter[0]
    assert one.fallen_back == 1.0
    np.testing.assert_array_equal(one.bound_h, one.median_h)
    median = {f.id: f for f in result.findings}["exposure.made.signals_adsb_hours_median"]
    assert "P.528 does not reach" in median.reason
    assert result.rows[0]["model"] == "free space (P.525)"
    below = signal_site(hovering(2.0, alt_m=19_000.0, radio=True), (emitter("adsb"),))
    assert below.by_emitter[0].fallen_back == 0.0
    assert below.rows[0]["model"] == "P.528-5"


def test_an_emitter_out_of_tune_is_not_heard() -> None:
    deaf = dataclasses.replace(RECEIVER, high_hz=1e9)
    result = signal_site(hovering(0.0, radio=True), (emitter("adsb"),), deaf)
    assert result.by_emitter[0].bound_h.max() == 0.0
    assert "does not tune" in result.findings[0].reason
    assert result.orbits == ()
    assert result.rows[0]["tuned"] is False
    assert signal_site(hovering(0.0, radio=True), (emitter("adsb"),)).rows[0]["tuned"] is True


def test_the_ground_whose_emitters_are_heard() -> None:
    """Section 3.3: some 800,000 km² from 20 km by the straight horizon; with refraction a fifth more."""
    assert area_heard_m2(20e3) / 1e12 == pytest.approx(np.pi * 0.5627**2, rel=0.005)


# --- properties -------------------------------------------------------------------------------------------


@given(st.sampled_from([one.id for one in BUILT_IN]), st.floats(0.2, 5.0), st.floats(1.05, 2.0))
def test_a_margin_falls_with_range(id_: str, east: float, factor: float) -> None:
    near, far = (heard(emitter(id_), x) for x in (east, east * factor))
    over = np.isfinite(far.free_db)
    assert (far.free_db[over] < near.free_db[over]).all()
    # P.528 may give back tenths between its nodes, near the antenna.
    assert (far.median_db < near.median_db + 0.5).all()


@given(st.sampled_from([one.id for one in BUILT_IN]), st.floats(0.0, 9.0))
def test_the_bound_holds_the_median_everywhere(id_: str, east: float) -> None:
    one = signal_site(hovering(east, hours=0.4, radio=True), (emitter(id_),)).by_emitter[0]
    assert (one.bound_h >= one.median_h).all()
    assert (one.bound_h >= one.past_h).all()
    assert (one.on_air_h <= one.bound_h).all()


# --- words ------------------------------------------------------------------------------------------------


def test_sentences_say_could_and_call_a_bound_a_bound() -> None:
    result = signal_site(passing(radio=True))
    for row in result.rows:
        assert "could" in row["text"]
        assert "assumed-receiver" in row["text"]
    assert any("That is a bound, with 10 dB more power" in row["text"] for row in result.rows)
    for finding in result.findings:
        assert "could" in finding.question.lower()
        if finding.kind != "undetermined" and finding.id.endswith(("possible", "bound")):
            assert "bound: 10 dB more power than the class has" in finding.reason
            assert "no clutter" in finding.reason
        if finding.id.endswith("_hours_bound"):
            assert "the stronger of free space and P.528's 10 %" in finding.reason


def test_a_row_names_its_receiver_and_what_is_known_past_the_horizon() -> None:
    low, high, below = (
        signal_site(hovering(0.0, alt_m=alt_m, radio=True), (dataclasses.replace(emitter("adsb"), **x),))
        for alt_m, x in ((18_300.0, {}), (24_000.0, {}), (18_300.0, {"frequency_hz": 50e6}))
    )
    assert low.rows[0]["receiver"] == "assumed-receiver: 0 dBi, noise figure 3 dB, 10 dB needed"
    assert low.rows[0]["past"] == "past the horizon it may carry farther one time in ten"
    assert high.rows[0]["past"] == "past the horizon it is assessed only up to 20 km over the ground"
    assert below.rows[0]["past"] == "past the horizon it is not assessed"


def test_hours_on_the_air_are_a_finding() -> None:
    """A handset is on the air for a twentieth of the time: of two hours in reach, six minutes."""
    result = signal_site(hovering(0.1, radio=True), (emitter("handset"),))
    (finding,) = (f for f in result.findings if f.id == "exposure.made.signals_handset_hours_on_air")
    assert finding.unit == "h"
    assert isinstance(finding.value, dict)
    assert finding.value["p50"] == pytest.approx(0.1)
    assert "on the air 0.05 of the time" in finding.reason
    assert result.rows[0]["hours_on_air"]["p50"] == pytest.approx(0.1)


def test_the_section_is_plain_and_its_findings_are_there() -> None:
    result = signal_site(passing(radio=True))
    section = signals_section([result])
    json.dumps(section, allow_nan=False)
    ids = {f.id for f in result.findings}
    assert {i for row in section["rows"] for i in row["finding_ids"]} == ids
    assert all(one["assumed"] for one in section["emitters"])


# --- a user's own emitters --------------------------------------------------------------------------------

HEAD = "id,name,frequency_hz,eirp_dbm,bandwidth_hz,height_m,duty,source"
GOOD = "e1,a made beacon,1.09e9,54,4.6e6,10,0.5,made up"


def test_a_table_of_emitters_as_csv_and_as_toml(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f"{HEAD},eirp_spread_db,assumed,polarisation\n{GOOD},2,false,horizontal\n"
    )
    (tmp_path / "b.toml").write_text(
        '[[emitter]]\nid = "e2"\nname = "b"\nfrequency_hz = 150e6\neirp_dbm = 37\nbandwidth_hz = 12500\n'
        'height_m = 1.5\nduty = 1\nsource = "made up"\n'
    )
    one, two = read_emitters([tmp_path / "a.csv", tmp_path / "b.toml"])
    assert (one.eirp_spread_db, one.assumed, one.duty, one.line) == (2.0, False, 0.5, 2)
    assert (two.eirp_spread_db, two.assumed, two.frequency_hz) == (10.0, True, 150e6)
    assert (one.polarisation, two.polarisation) == ("horizontal", "vertical")
    placed = emitter_at(one, hovering(0.0).site, 1000.0)
    assert (placed.alt_m, placed.lat_deg, placed.duty) == (1010.0, 47.0, 0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}\n{GOOD.replace('1.09e9', '0')}", "e.csv, line 2, field 'frequency_hz'"),
        (f"{HEAD}\n{GOOD.replace('0.5', '1.5')}", "line 2, field 'duty'"),
        (f"{HEAD}\n{GOOD.replace('4.6e6', '-1')}", "line 2, field 'bandwidth_hz'"),
        (f"{HEAD}\n{GOOD.replace(',10,', ',-3,')}", "line 2, field 'height_m'"),
        (f"{HEAD}\n{GOOD.replace('54', 'loud')}", "line 2, field 'eirp_dbm': 'loud' is not a number"),
        (f"{HEAD}\n{GOOD.replace('54', '')}", "line 2, field 'eirp_dbm': is missing"),
        (f"{HEAD},eirp_spread_db\n{GOOD},-1", "field 'eirp_spread_db'"),
        (f"{HEAD},polarisation\n{GOOD},round", "line 2, field 'polarisation': emitter 'e1': it is 'round'"),
        (f"{HEAD}\n{GOOD}\n{GOOD}", "line 3, field 'id': 'e1' is there already"),
        (f"{HEAD.replace('duty', 'dutty')}\n{GOOD}", "Did you mean 'duty'?"),
    ],
)
def test_an_emitter_that_cannot_be_is_refused_by_file_line_and_field(text: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        parse_emitters(text, "e.csv")
    assert expected in str(error.value)


TOML = (
    '[[emitter]]\nid = "e2"\nname = "b"\nfrequency_hz = 150e6\neirp_dbm = 37\nbandwidth_hz = 12500\n'
    'height_m = 1.5\nduty = 1\nsource = "made up"\n'
)


@pytest.mark.parametrize("value", ["false", "true", "0", "[]", "{}", '["vertical"]', '"upright"'])
def test_a_polarisation_that_is_no_word_is_refused_and_not_taken_for_vertical(value: str) -> None:
    with pytest.raises(InputError) as error:
        parse_emitters(f"{TOML}polarisation = {value}\n", "e.toml")
    said = str(error.value)
    assert "e.toml, line 10, field 'polarisation': emitter 'e2'" in said
    assert "Write vertical or horizontal, or leave it empty." in said
    (empty,) = parse_emitters(f'{TOML}polarisation = ""\n', "e.toml")
    assert empty.polarisation == "vertical"


@given(st.text(max_size=200), st.sampled_from(["e.csv", "e.toml"]))
def test_no_text_crashes_the_reader_of_emitters(text: str, file: str) -> None:
    for body in (text, f"{HEAD}\n{text}", f"[[emitter]]\n{text}"):
        with contextlib.suppress(InputError):
            parse_emitters(body, file)


def test_no_emitter_and_no_orbit_are_refused() -> None:
    looks = hovering(0.0, radio=True)
    with pytest.raises(InputError, match="no emitter"):
        signal_site(looks, ())
    with pytest.raises(InputError, match="no orbit"):
        signal_site(looks, orbits_km=(18.0,))

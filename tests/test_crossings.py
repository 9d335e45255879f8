"""Crossings of boxes whose entry and exit are known in closed form, and of real borders."""

import numpy as np
import pytest
import shapely
from pyproj import Geod

from overflight.crossings import crossings, lead_time, visit_times
from overflight.errors import OverflightError
from overflight.places.areas import Area
from overflight.places.borders import country, sovereign_airspace, territorial_sea
from overflight.places.frame import into_one_frame
from overflight.records import Mark, Sighting, make_ensemble

GEOD = Geod(ellps="WGS84")
T0 = 1_674_777_600.0  # 2023-01-27T00:00Z
HOUR = 3600.0

# float32 holds 180 degrees to 1.5e-5, 1.7 m; at the speeds here that is less than a second.
SECOND = 1.0
# The great circle between samples strays from the parallel that the closed form supposes.
MINUTE = 60.0


def area(west, south, east, north, id="box", kind="user"):
    geometry = into_one_frame([shapely.box(west, south, east, north)])
    return Area(id=id, name=id, kind=kind, geometry=geometry, basis="a box")


def fly(lon, lat, *, hours=None, **keywords):
    """An ensemble of paths (M, T) in hourly steps; NaN where a member is not aloft."""
    lon, lat = np.atleast_2d(np.asarray(lon, float)), np.atleast_2d(np.asarray(lat, float))
    hours = np.arange(lon.shape[1]) if hours is None else hours
    aloft = np.isfinite(lon)
    keywords = {"kind": "posterior", **keywords}
    return make_ensemble(
        time_s=T0 + np.asarray(hours, float) * HOUR,
        lon_deg=lon,
        lat_deg=lat,
        alt_m=np.where(aloft, 18e3, np.nan),
        pressure_pa=np.where(aloft, 7e3, np.nan),
        status=np.where(aloft, 0, 2),
        **keywords,
    )


def eastward(start, *, members=10, steps=24, step_deg=1.0, lat=0.0):
    """`members` paths along a parallel, each a tenth of a degree behind the one before."""
    lon = start + step_deg * np.arange(steps) - 0.1 * np.arange(members)[:, None]
    return fly(lon, np.full(lon.shape, lat))


def finding(result, quantity):
    return {f.id: f for f in result.findings}[quantity]


def test_along_the_equator_entry_exit_and_stay_are_the_closed_form():
    """Member m is at -5.5 - m/10 + t (degrees, hours); the box is 0 to 10 E."""
    result = crossings(eastward(-5.5), [area(0, -1, 10, 1)])
    box = result.by_area["box"]
    hours = 5.5 + 0.1 * np.arange(10)
    assert box.entry_s - T0 == pytest.approx(hours * HOUR, abs=SECOND)
    assert box.exit_s - T0 == pytest.approx((hours + 10) * HOUR, abs=SECOND)
    assert box.inside_s == pytest.approx(np.full(10, 10 * HOUR), abs=2 * SECOND)
    assert box.entry_lon_deg == pytest.approx(np.zeros(10), abs=1e-4)
    assert box.entry_course_deg == pytest.approx(np.full(10, 90.0), abs=1e-6)
    entry = finding(result, "crossing.box.entry")
    assert entry.unit == "posix_s"
    # Ten equal weights have mid-points 0.05 ... 0.95, so the median is midway and p05, p95 the extremes.
    assert entry.value["p05"] - T0 == pytest.approx(5.5 * HOUR, abs=SECOND)
    assert entry.value["p50"] - T0 == pytest.approx(5.95 * HOUR, abs=SECOND)
    assert entry.value["p95"] - T0 == pytest.approx(6.4 * HOUR, abs=SECOND)
    assert finding(result, "crossing.box.hours_inside").value["p50"] == pytest.approx(10.0, abs=1e-3)
    assert finding(result, "crossing.box.probability").value == {"p": 1.0}


@pytest.mark.parametrize("start", [170.0, 350.0, -15.0, 90.0])
def test_the_seam_and_the_greenwich_meridian_change_nothing(start):
    """The same flight over the same box, anywhere round the equator."""
    box = area(start + 5.25, -1, start + 9.75, 1)
    found = crossings(eastward(start), [box]).by_area["box"]
    assert found.entry_s - T0 == pytest.approx((5.25 + 0.1 * np.arange(10)) * HOUR, abs=SECOND)
    assert found.exit_s - T0 == pytest.approx((9.75 + 0.1 * np.arange(10)) * HOUR, abs=SECOND)


def test_quantiles_of_the_place_of_entry_do_not_average_across_the_seam():
    # The western edge is oblique: members at different latitudes come in on both sides of 180°.
    wedge = shapely.Polygon([(178, -10), (195, -10), (195, 10), (182, 10)])
    box = Area(id="w", name="w", kind="user", geometry=into_one_frame([wedge]), basis="a wedge")
    lat = np.linspace(-8, 8, 9)[:, None]
    lon = 175.0 + np.arange(16) * np.ones((9, 1))
    value = finding(crossings(fly(lon, lat + 0 * lon), [box]), "crossing.w.entry_lon").value
    assert -180.5 < value["p50"] < -179.5 or 179.5 < value["p50"] < 180.5
    assert 2.0 < value["p95"] - value["p05"] < 4.0


def test_over_the_pole():
    """Up the meridian of 20 E, over the pole, down that of 160 W; the cap begins at 80 N."""
    cap = Area(
        id="cap",
        name="cap",
        kind="user",
        geometry=into_one_frame([shapely.box(-180, 80, 180, 90)]),
        basis="a cap",
    )
    angle = 70.0 + 2.0 * np.arange(21) + np.linspace(0, 0.9, 10)[:, None]
    over = angle > 90
    result = crossings(fly(np.where(over, -160.0, 20.0), np.where(over, 180.0 - angle, angle)), [cap])
    found = result.by_area["cap"]
    entry = (10.0 - np.linspace(0, 0.9, 10)) / 2.0
    assert found.entry_s - T0 == pytest.approx(entry * HOUR, abs=5 * SECOND)
    assert found.exit_s - T0 == pytest.approx((entry + 10.0) * HOUR, abs=5 * SECOND)
    assert found.inside_s == pytest.approx(np.full(10, 10 * HOUR), abs=10 * SECOND)
    assert not found.starts_inside.any()


def test_past_the_pole_at_a_distance_uses_the_great_circle_between_far_samples():
    """From 85 N 0 E to 85 N 90 E: the arc passes 86.46 N, where the parallel would stay at 85."""
    top = np.degrees(np.arctan(np.tan(np.radians(85.0)) / np.cos(np.radians(45.0))))
    assert top == pytest.approx(86.46, abs=0.01)
    for south, expected in [(top - 0.05, 1.0), (top + 0.05, 0.0)]:
        box = area(30, south, 60, 89)
        result = crossings(fly(np.tile([0.0, 90.0], (6, 1)), np.tile([85.0, 85.0], (6, 1))), [box])
        assert finding(result, "crossing.box.probability").value == {"p": expected}


def test_a_clip_of_a_corner_between_two_samples_is_found():
    """From 9 N to 10.4 N in an hour, across a box that spans 0.025 degrees of it: no sample is inside."""
    lon, lat = np.tile([-1.0, 0.5], (6, 1)), np.tile([9.0, 10.4], (6, 1))
    box = area(-0.6, 9.455, 20, 9.48)
    found = crossings(fly(lon, lat), [box]).by_area["box"]
    assert found.ever.all()
    # Latitude 9.455 to 9.48 of a climb of 1.4 degrees in an hour.
    assert found.inside_s == pytest.approx(np.full(6, 0.025 / 1.4 * HOUR), rel=0.02)
    assert found.entry_s - T0 == pytest.approx(np.full(6, 0.455 / 1.4 * HOUR), abs=10 * SECOND)


def test_starting_inside_is_no_entry_and_ending_inside_no_exit():
    box = area(0, -1, 10, 1)
    begins = crossings(eastward(5.0, steps=12), [box])
    assert np.isnan(begins.by_area["box"].entry_s).all()
    assert begins.by_area["box"].starts_inside.all()
    assert finding(begins, "crossing.box.starts_inside").value == {"p": 1.0}
    assert finding(begins, "crossing.box.entry").kind == "undetermined"
    assert "0 of 10 members come in from outside" in finding(begins, "crossing.box.entry").reason
    assert finding(begins, "crossing.box.exit").value["p50"] - T0 == pytest.approx(5.45 * HOUR, abs=SECOND)
    ends = crossings(eastward(-5.0, steps=8), [box])
    assert ends.by_area["box"].ends_inside.all()
    assert finding(ends, "crossing.box.exit").kind == "undetermined"
    assert finding(ends, "crossing.box.hours_inside").value["p50"] == pytest.approx(7 - 5.45, abs=1e-3)


def test_members_that_die_inside_have_stayed_till_their_last_sample():
    lon = -2.5 + np.arange(8.0) * np.ones((6, 1))
    lon[:, 5:] = np.nan  # last sample at 1.5 E, four hours after the start
    found = crossings(fly(lon, np.where(np.isfinite(lon), 0.0, np.nan)), [area(0, -1, 10, 1)]).by_area["box"]
    assert found.entry_s - T0 == pytest.approx(np.full(6, 2.5 * HOUR), abs=SECOND)
    assert np.isnan(found.exit_s).all()
    assert found.ends_inside.all()
    assert found.inside_s == pytest.approx(np.full(6, 1.5 * HOUR), abs=SECOND)


def test_a_gap_in_a_life_is_not_flown_across():
    lon = np.tile([-2.0, -1.0, np.nan, 20.0, 21.0], (6, 1))
    result = crossings(fly(lon, np.where(np.isfinite(lon), 0.0, np.nan)), [area(0, -1, 10, 1)])
    assert finding(result, "crossing.box.probability").value == {"p": 0.0}


def test_members_never_aloft_and_lives_of_one_sample():
    lon = np.full((3, 4), np.nan)
    lon[0] = [-2, -1, 1, 2]
    lon[1, 2] = 5.0
    found = crossings(fly(lon, np.where(np.isfinite(lon), 0.0, np.nan)), [area(0, -1, 10, 1)]).by_area["box"]
    assert found.ever.tolist() == [True, True, False]
    assert found.starts_inside.tolist() == [False, True, False]
    assert found.inside_s[1:].tolist() == [0.0, 0.0]


def test_no_crossing_says_how_little_that_excludes():
    result = crossings(eastward(-5.0, members=30), [area(0, 20, 10, 21)])
    probability = finding(result, "crossing.box.probability")
    assert probability.value == {"p": 0.0}
    # Rule of three for 30 members.
    assert "below about 0.1 with 95 %" in probability.reason
    assert result.table[0]["entry"] is None


def test_weights_decide_probability_and_quantiles():
    lat = np.repeat([0.0, 5.0], 10)[:, None] + np.zeros(24)
    lon = -5.5 + np.arange(24.0) + np.zeros((20, 1))
    weight = np.repeat([3.0, 1.0], 10)
    result = crossings(fly(lon, lat, weight=weight), [area(0, -1, 10, 1)])
    assert finding(result, "crossing.box.probability").value["p"] == pytest.approx(0.75)


def test_few_effective_members_leave_the_time_undetermined():
    weight = np.array([1.0] + [1e-6] * 19)
    lon = -5.5 + np.arange(24.0) + np.zeros((20, 1))
    result = crossings(fly(lon, 0 * lon, weight=weight), [area(0, -1, 10, 1)])
    entry = finding(result, "crossing.box.entry")
    assert entry.kind == "undetermined"
    assert "1.0 effective" in entry.reason
    assert finding(result, "crossing.box.probability").value["p"] == pytest.approx(1.0)


def test_scenarios_answer_for_themselves():
    lat = np.repeat([0.0, 5.0], 10)[:, None] + np.zeros(24)
    lon = -5.5 + np.arange(24.0) + np.zeros((20, 1))
    ensemble = fly(
        lon,
        lat,
        scenario=np.repeat([0, 1], 10),
        scenario_names=("by Yukon", "by-NWT"),
        attrs={"winds": "prior"},
    )
    result = crossings(ensemble, [area(0, -1, 10, 1)])
    assert finding(result, "crossing.box.probability").value["p"] == pytest.approx(0.5)
    yukon = finding(result, "crossing.box.probability.by_Yukon")
    assert yukon.value["p"] == pytest.approx(1.0)
    assert yukon.given == {"ensemble": "posterior", "winds": "prior", "scenario": "by_Yukon"}
    assert finding(result, "crossing.box.probability.by-NWT").value == {"p": 0.0}
    assert finding(result, "crossing.box.entry.by-NWT").kind == "undetermined"


def test_returns_are_visits_and_short_absences_are_not():
    """Two boxes 3 degrees apart (3 h) are one visit, 20 degrees apart (20 h) two."""
    for gap, visits in [(3, 1), (20, 2)]:
        parts = [shapely.box(0, -1, 5, 1), shapely.box(5 + gap, -1, 10 + gap, 1)]
        both = Area(id="box", name="box", kind="user", geometry=into_one_frame(parts), basis="two boxes")
        result = crossings(eastward(-5.5, steps=48), [both])
        found = result.by_area["box"]
        assert found.inside_s == pytest.approx(np.full(10, 10 * HOUR), abs=3 * SECOND)
        assert [row["visit"] for row in result.table[0]["visits"]] == list(range(1, visits + 1))
        begin, end = visit_times(found, visits)
        assert end - T0 == pytest.approx((15.5 + gap + 0.1 * np.arange(10)) * HOUR, abs=SECOND)
        if visits == 2:
            assert begin - T0 == pytest.approx((10.5 + gap + 0.1 * np.arange(10)) * HOUR, abs=SECOND)
            assert finding(result, "crossing.box.visit2_probability").value == {"p": 1.0}
            assert finding(result, "crossing.box.visit1_exit").value["p50"] - T0 == pytest.approx(
                10.95 * HOUR, abs=1
            )
        # Exit is the last one, whatever the number of visits.
        assert finding(result, "crossing.box.exit").value["p50"] - T0 == pytest.approx(
            (15.95 + gap) * HOUR, abs=SECOND
        )


def test_a_flight_backwards_in_longitude_swaps_entry_and_exit():
    lon = 15.0 - np.arange(24.0) + np.zeros((8, 1))
    found = crossings(fly(lon, 0 * lon), [area(0, -1, 10, 1)]).by_area["box"]
    assert found.entry_lon_deg == pytest.approx(np.full(8, 10.0), abs=1e-4)
    assert found.entry_course_deg == pytest.approx(np.full(8, 270.0), abs=1e-6)


def test_the_kind_of_ensemble_is_in_the_id_so_a_forecast_never_answers_for_the_past():
    ensemble = fly(-5.5 + np.arange(24.0) + np.zeros((8, 1)), np.zeros((8, 24)), kind="forecast")
    ids = {f.id for f in crossings(ensemble, [area(0, -1, 10, 1)]).findings}
    assert "crossing_forecast.box.entry" in ids
    assert not any(i.startswith("crossing.") for i in ids)


def test_ids_are_unique_and_two_areas_may_not_share_one():
    box = area(0, -1, 10, 1)
    result = crossings(eastward(-5.0), [box, area(0, -1, 10, 1, id="fir", kind="fir")])
    ids = [f.id for f in result.findings]
    assert len(ids) == len(set(ids))
    assert all(set(row["finding_ids"]) <= set(ids) for row in result.table)
    with pytest.raises(OverflightError, match="share an id"):
        crossings(eastward(-5.0), [box, box])


def test_land_sea_and_airspace_are_entered_in_their_order():
    """Due east at 40 N from 80 W: New Jersey's coast at 74.1 W, its limit 12 NM beyond; and the way back."""
    lon = -66.0 - 0.5 * np.arange(24.0) + np.zeros((8, 1))
    ensemble = fly(lon, np.full(lon.shape, 40.0))
    result = crossings(ensemble, [country("USA"), territorial_sea("USA"), sovereign_airspace("USA")])
    land, sea, air = (result.by_area[i] for i in ("USA", "USA_sea", "USA_airspace"))
    assert air.entry_s == pytest.approx(sea.entry_s, abs=SECOND)
    # Speed is half a degree of longitude an hour at 40 N; the coast there runs north-north-east.
    speed = GEOD.inv(-74.0, 40.0, -73.5, 40.0)[2] / HOUR
    across_m = (land.entry_s - air.entry_s) * speed
    assert (across_m >= 12 * 1852.0).all()
    assert (across_m < 13.5 * 1852.0).all()
    assert sea.inside_s == pytest.approx(land.entry_s - air.entry_s, abs=2 * MINUTE)
    assert {row["area_kind"] for row in result.table} == {
        "sovereign",
        "territorial_sea",
        "sovereign_airspace",
    }


def test_the_49th_parallel_is_crossed_at_49_north():
    """Due south at 105 W, half a degree an hour: from Canada into the United States at 49 N."""
    lat = 52.25 - 0.5 * np.arange(12.0) + np.zeros((8, 1))
    result = crossings(fly(np.full(lat.shape, -105.0), lat), [country("CAN"), country("USA")])
    canada, usa = result.by_area["CAN"], result.by_area["USA"]
    # The border as surveyed and drawn lies within a few hundred metres of 49 N.
    assert usa.entry_lat_deg == pytest.approx(np.full(8, 49.0), abs=0.01)
    assert canada.exit_s == pytest.approx(usa.entry_s, abs=SECOND)
    assert canada.starts_inside.all()


def sighting(id, hours, **keywords):
    return Sighting(
        id=id,
        time_start=T0 + hours * HOUR - 600,
        time_end=T0 + hours * HOUR,
        kind="eyewitness",
        role=keywords.pop("role", "observation"),
        source="test",
        **keywords,
    )


def test_lead_time_is_entry_less_the_end_of_the_sighting():
    result = crossings(eastward(-5.5), [area(0, -1, 10, 1)])
    seen = [
        sighting("a.1", 2.0),
        sighting("late", 9.0),
        sighting("model", 1.0, role="context"),
        sighting("bad", 1.0, marks=(Mark("x", "y", "unusable"),)),
    ]
    leads = lead_time(result, seen)
    (lead,) = leads.findings
    assert [row["sighting"] for row in leads.table] == ["a.1"]
    assert leads.table[0]["lead_hours"] == lead.value
    assert lead.id == "crossing.box.lead_time_a_1"
    assert lead.unit == "h"
    assert lead.evidence == ("a.1",)
    assert lead.value["p05"] == pytest.approx(3.5, abs=1e-3)
    assert lead.value["p50"] == pytest.approx(3.95, abs=1e-3)
    assert lead.value["p95"] == pytest.approx(4.4, abs=1e-3)


def test_lead_time_without_an_entry_is_undetermined():
    leads = lead_time(crossings(eastward(3.0), [area(0, -1, 10, 1)]), [sighting("a", 0.0)])
    (lead,) = leads.findings
    assert leads.table == ()
    assert lead.kind == "undetermined"
    assert lead.id == "crossing.box.lead_time"


def test_an_ensemble_that_never_flies_and_one_of_a_single_time():
    nowhere = np.full((6, 3), np.nan)
    result = crossings(fly(nowhere, nowhere), [area(0, -1, 10, 1)])
    assert finding(result, "crossing.box.probability").value == {"p": 0.0}
    once = crossings(fly(np.full((6, 1), 5.0), np.zeros((6, 1))), [area(0, -1, 10, 1)])
    assert finding(once, "crossing.box.probability").value == {"p": 1.0}
    assert finding(once, "crossing.box.hours_inside").value["p95"] == 0.0

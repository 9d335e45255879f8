"""What reports told: distances and elevations in closed form, shares of readings, rivals, bits learnt.

The members here are placed by hand, so that every number is known beforehand.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from made_air import PLAIN, even_air

from overflight.geo import bearing_deg, destination, distance_m, look
from overflight.reconstruct.likelihood import (
    AFAR,
    MISTAKEN,
    OTHER_TIME,
    STATED,
    Scenario,
    make_candidates,
)
from overflight.reconstruct.motion import STATE, Wander
from overflight.reconstruct.posterior import Reconstruction, ScenarioResult, Settings
from overflight.reconstruct.readings import Reading, read_back, report_log_density
from overflight.reconstruct.sampler import Sample
from overflight.records import Sighting, make_ensemble
from overflight.winds.choose import CaseWinds

HOUR = 3600.0
NODES = np.arange(0.0, 10 * HOUR + 1, HOUR / 3)
MEMBERS = 40


def seen(id="A", hour=5.0, lon=0.0, lat=0.0, kind="eyewitness_photo", **more) -> Sighting:
    values = {"radius_km": 30.0, "time_start": hour * HOUR, "time_end": hour * HOUR} | more
    return Sighting(
        id=id,
        kind=kind,
        role=values.pop("role", "observation"),
        source="made",
        lon_deg=lon,
        lat_deg=lat,
        **values,
    )


def placed(
    sightings, places, *, picks=None, right=1, scenarios=None, spread_km=0.0, z_km=18.0
) -> Reconstruction:
    """Make a reconstruction whose members stand at `places` (one longitude and latitude per scenario)."""
    fitted = tuple(s for s in sightings if s.fitted)
    scenarios = scenarios or [(Scenario("only", "only"), 1.0)]
    rng = np.random.default_rng(1)
    results, all_lon = [], []
    for (scenario, weight), (lon, lat) in zip(scenarios, places, strict=True):
        c = make_candidates(fitted, PLAIN, NODES, scenario)
        paths = np.zeros((MEMBERS, NODES.size, STATE))
        x_m, y_m = PLAIN.to_plane(lon, lat)
        off = spread_km * rng.standard_normal((MEMBERS, 1, 2))
        paths[:, :, :2] = np.array([float(x_m), float(y_m)]) / 1e3 + off
        paths[:, :, 4] = z_km
        pick = np.tile(c.first[:-1], (MEMBERS, 1)) if picks is None else picks(c)
        sample = Sample(paths, np.full(MEMBERS, z_km), pick, np.full(pick.shape, right, np.int8), 0.0, 1.0, 1)
        results.append(ScenarioResult(scenario, weight, 0.0, c, sample))
        all_lon.append(np.full((MEMBERS, 2), lon))
    lon = np.concatenate(all_lon)
    shape = lon.shape
    ensemble = make_ensemble(
        kind="posterior", time_s=NODES[[0, -1]], lon_deg=lon, lat_deg=np.zeros(shape),
        alt_m=np.full(shape, 18e3), pressure_pa=np.full(shape, 7e3), status=np.zeros(shape, np.int8),
        weight=np.concatenate([np.full(MEMBERS, w / MEMBERS) for _, w in scenarios]),
        scenario=np.repeat(np.arange(len(results)), MEMBERS),
        scenario_names=tuple(s.id for s, _ in scenarios), attrs={},
    )  # fmt: skip
    return Reconstruction(
        ensemble, fitted, tuple(results), NODES, PLAIN, even_air(), Wander(HOUR, HOUR, 0.5, 3.0),
        Settings(), CaseWinds(prior=None),
    )  # fmt: skip


def first_of(c, j, reading) -> int:
    rows = np.arange(c.first[j], c.first[j + 1])
    return int(rows[c.reading[rows] == reading][0])


def with_reading(*codes):
    """Give members readings in turn."""

    def picks(c):
        sightings = c.first.size - 1
        return np.array(
            [[first_of(c, j, codes[m % len(codes)]) for j in range(sightings)] for m in range(MEMBERS)]
        )

    return picks


def test_distance_bearing_and_elevation_from_the_place_named():
    watcher = seen(lon=10.0, lat=3.0)
    lon, lat = destination(10.0, 3.0, 60.0, 80e3)
    (one,) = read_back(placed([watcher], [(lon, lat)]), [watcher])
    assert one.used
    assert one.distance_km == pytest.approx([float(distance_m(10.0, 3.0, lon, lat)) / 1e3] * 3, rel=1e-6)
    assert one.bearing_deg == pytest.approx([60.0] * 3, abs=0.01)
    wanted = look(10.0, 3.0, 0.0, lon, lat, 18e3)[1]
    assert one.elevation_deg == pytest.approx([float(wanted)] * 3, abs=1e-3)
    assert 11.0 < wanted < 13.0


def test_a_bearing_due_north_is_not_averaged_to_south():
    watcher = seen(lon=10.0, lat=0.0)
    r = placed([watcher], [(10.0, 1.0)], spread_km=8.0)
    (one,) = read_back(r, [watcher])
    low, mid, high = one.bearing_deg
    assert low < mid < high
    assert math.cos(math.radians(mid)) > 0.99
    assert high - low < 30.0
    around = placed([watcher], [(10.0, 0.0)], spread_km=8.0)
    assert read_back(around, [watcher])[0].bearing_deg is None


def test_readings_are_the_shares_of_the_members_and_sum_to_one():
    report = seen(kind="geolocated_photo")  # no watcher: elevation does not matter
    r = placed([report], [(0.0, 0.0)], picks=with_reading(STATED, OTHER_TIME, MISTAKEN, STATED))
    (one,) = read_back(r, [report])
    assert (one.p_stated, one.p_afar, one.p_other_time, one.p_mistaken) == pytest.approx(
        (0.5, 0.0, 0.25, 0.25)
    )
    assert one.hours_off == pytest.approx(-1.0)
    assert one.verdict == "undecided"
    assert one.p_alt_mistaken is None


@pytest.mark.parametrize(("code", "verdict"), [(STATED, "at its word"), (MISTAKEN, "not at its word")])
def test_verdicts(code, verdict):
    report = seen(kind="geolocated_photo")
    (one,) = read_back(placed([report], [(0.0, 0.0)], picks=with_reading(code)), [report])
    assert one.verdict == verdict


def test_overhead_from_far_below_the_horizon_is_seen_from_afar():
    """A watcher's "over X" with the balloon 150 km off and 6 degrees up is not right as stated."""
    watcher, sensor = seen("A"), seen("B", kind="satellite_detection")
    lon, lat = destination(0.0, 0.0, 90.0, 150e3)
    near, far = read_back(placed([watcher, sensor], [(lon, lat)]), [watcher, sensor])
    assert (near.p_stated, near.p_afar) == (0.0, 1.0)
    assert far.p_stated == 1.0
    assert near.verdict == "not at its word"
    lon, lat = destination(0.0, 0.0, 90.0, 60e3)
    assert read_back(placed([watcher], [(lon, lat)]), [watcher])[0].p_stated == 1.0


def test_scenarios_count_by_their_weights():
    report = seen(kind="geolocated_photo")
    pair = [
        (Scenario("a", "", accepts=frozenset("A")), 0.7),
        (Scenario("b", "", rejects=frozenset("A")), 0.3),
    ]
    r = placed([report], [(0.0, 0.0), (1.0, 0.0)], scenarios=pair)
    (one,) = read_back(r, [report])
    assert (one.p_stated, one.p_mistaken) == pytest.approx((0.7, 0.3))
    assert one.distance_km[0] < 0.1 < 110.0 < one.distance_km[2]


def test_a_height_is_mistaken_where_members_distrust_it_or_the_report():
    report = seen(kind="satellite_detection", alt_low_m=12e3, alt_high_m=12e3, alt_kind="geometric")
    for right, codes, wanted in ((1, (STATED,), 0.0), (0, (STATED,), 1.0), (1, (STATED, MISTAKEN), 0.5)):
        r = placed([report], [(0.0, 0.0)], picks=with_reading(*codes), right=right)
        assert read_back(r, [report])[0].p_alt_mistaken == pytest.approx(wanted)


def test_context_and_rows_without_a_place_are_read_and_not_used():
    fitted = seen("A")
    context = seen("B", role="context", lon=1.0)
    nowhere = replace(seen("C"), lon_deg=None, lat_deg=None)
    late = seen("D", hour=99.0, role="context")
    a, b, c, d = read_back(placed([fitted], [(0.0, 0.0)]), [fitted, context, nowhere, late])
    assert [one.used for one in (a, b, c, d)] == [True, False, False, False]
    assert b.distance_km[1] == pytest.approx(111.2, abs=0.3)
    assert b.p_stated is None
    assert c.text == "It names no place."
    assert "outside the time" in d.text
    assert [one.id for one in (a, b, c, d)] == ["A", "B", "C", "D"]


def test_two_reports_of_one_place_at_two_times_are_rivals():
    rows = [seen("A", 5.0), seen("B", 5.8, lat=0.05), seen("C", 9.0), seen("D", 5.8, lon=3.0)]
    readings = {one.id: one for one in read_back(placed(rows, [(0.0, 0.0)]), rows)}
    assert (readings["A"].rival, readings["B"].rival) == ("B", "A")
    assert readings["A"].p_both_stated == readings["B"].p_both_stated == 1.0
    assert readings["C"].rival is None
    assert readings["D"].rival is None


def test_report_density_sums_readings_and_minutes():
    report = seen(kind="eyewitness_photo", time_end=6.0 * HOUR)
    r = placed([report], [(0.3, 0.1)])
    c = r.scenarios[0].candidates
    total = 0.0
    for i in range(c.node.size):
        if c.node[i] < 0:
            total += math.exp(c.log_prior[i] + c.log_norm[i])
            continue
        x, y = r.paths[0, c.node[i], :2]
        a = c.whiten[i, 0] * (c.x_km[0] - x)
        b = c.whiten[i, 1] * (c.x_km[0] - x) + c.whiten[i, 2] * (c.y_km[0] - y)
        total += math.exp(c.log_prior[i] + c.log_norm[i] - 0.5 * (a * a + b * b))
    assert report_log_density(c, 0, r.paths) == pytest.approx([math.log(total)] * MEMBERS)


def test_a_mistaken_report_weighs_its_height_too():
    report = seen(kind="satellite_detection", alt_low_m=18e3, alt_high_m=18e3, alt_kind="geometric")
    far = placed([report], [(40.0, 0.0)])  # so far off that only a mistake is left
    c = far.scenarios[0].candidates
    plain, high = (report_log_density(c, 0, far.paths, heights=h)[0] for h in (False, True))
    assert high - plain == pytest.approx(-math.log(20.0), abs=1e-6)


def test_bits_learnt_are_the_divergence_of_gaussians():
    """A report twice as wide as what was known before: the divergence of two Gaussians in closed form."""
    report = seen(kind="geolocated_photo", radius_km=700.0, lon=1.0)
    base = placed([report], [(0.0, 0.0)], scenarios=[(Scenario("s", "", accepts=frozenset("A")), 1.0)])
    c = base.scenarios[0].candidates
    c = c._replace(log_prior=np.where(c.reading == STATED, 0.0, -800.0))
    sd = 1.0 / c.whiten[0, 0]
    prior = 0.5 * sd
    post = 1.0 / math.sqrt(1.0 / prior**2 + 1.0 / sd**2)
    gain = prior**2 / (prior**2 + sd**2)
    rng = np.random.default_rng(3)
    # The bits are a small mean of large numbers: many members, one report.
    paths = np.zeros((20_000, NODES.size, STATE))
    middle = gain * np.array([c.x_km[0], c.y_km[0]])
    paths[:, :, :2] = middle + post * rng.standard_normal((20_000, 1, 2))
    sample = replace(base.scenarios[0].sample, paths=paths, pick=np.zeros((20_000, 1), np.int64),
                     height_right=np.ones((20_000, 1), np.int8))  # fmt: skip
    r = replace(base, scenarios=(replace(base.scenarios[0], candidates=c, sample=sample),))
    per_axis = post**2 / prior**2 - 1.0 + 2.0 * math.log(prior / post)
    wanted = 0.5 * (2.0 * per_axis + float(middle @ middle) / prior**2) / math.log(2.0)
    (one,) = read_back(r, [report])
    assert one.information_bits == pytest.approx(wanted, rel=0.05)
    assert wanted > 0.05


def test_a_reading_starts_as_context():
    assert Reading(id="x", used=False).verdict == "context"
    assert float(bearing_deg(0.0, 0.0, 0.0, 1.0)) == 0.0
    assert [b - a for a, b in pairwise((STATED, AFAR, OTHER_TIME, MISTAKEN))] == [1, 1, 1]

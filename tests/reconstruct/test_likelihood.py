"""The likelihood of sightings: prior shares, windows, places anywhere on the sphere, heights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_air import PLAIN
from scipy.stats import multivariate_normal, norm, truncnorm

from overflight.geo import unit_vector
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.likelihood import (
    AFAR,
    AFAR_SD_KM,
    LOG_MISTAKEN,
    MISTAKEN,
    MISTAKEN_ALT_RANGE_KM,
    OTHER_TIME,
    SLIP_WINDOW_S,
    SLIPS_H,
    STATED,
    TURN_KM,
    Scenario,
    candidate_log_density,
    height_log_densities,
    make_candidates,
    make_nodes,
    minutes_in,
    nodes_in,
)
from overflight.records import RELIABILITIES, Sighting
from overflight.sightings.kinds import KINDS, kind_info, p_mistaken
from overflight.sightings.witness import SD_PER_RADIUS, sighting_region
from overflight.units import EARTH_RADIUS_M

HOUR = 3600.0
NODES = np.arange(0.0, 48 * HOUR + 1, HOUR / 3)
ONLY = Scenario("only", "all as it stands")
RADIUS_KM = EARTH_RADIUS_M / 1e3


def seen(kind="eyewitness_photo", start_h=20.0, end_h=20.5, **more) -> Sighting:
    values = {"id": "A", "lon_deg": 0.0, "lat_deg": 0.0, "radius_km": 30.0, **more}
    return Sighting(
        time_start=start_h * HOUR,
        time_end=end_h * HOUR,
        kind=kind,
        role="observation",
        source="made",
        **values,
    )


def laid_out(*sightings: Sighting, scenario=ONLY, frame=PLAIN, nodes=NODES):
    return make_candidates(sightings, frame, nodes, scenario)


def shares(c, j=0) -> dict[int, float]:
    rows = slice(c.first[j], c.first[j + 1])
    prior = np.exp(c.log_prior[rows])
    return {
        code: float(prior[c.reading[rows] == code].sum()) for code in (STATED, AFAR, OTHER_TIME, MISTAKEN)
    }


def hours_of(c, reading) -> list[float]:
    return sorted(set((NODES[c.node[(c.reading == reading) & (c.node >= 0)]] / HOUR).round(4)))


@pytest.mark.parametrize("reliability", RELIABILITIES)
@pytest.mark.parametrize("kind", [k for k, info in KINDS.items() if info.role == "observation"])
def test_readings_of_every_kind_share_one(kind, reliability):
    info = kind_info(kind)
    share = shares(laid_out(seen(kind, reliability=reliability)))
    assert sum(share.values()) == pytest.approx(1.0)
    assert share[AFAR] == pytest.approx(info.p_afar)
    assert share[MISTAKEN] == pytest.approx(p_mistaken(kind, reliability))
    assert share[OTHER_TIME] == pytest.approx(info.p_time_slip if info.has_clock else 0.0)
    assert share[STATED] > 0.1


def test_an_account_can_take_a_report_as_true_or_as_mistaken():
    sightings = [seen(id=i) for i in "ABC"]
    c = laid_out(*sightings, scenario=Scenario("s", "", accepts=frozenset("A"), rejects=frozenset("B")))
    assert shares(c, 0)[MISTAKEN] == 0.0
    assert shares(c, 1) == {STATED: 0.0, AFAR: 0.0, OTHER_TIME: 0.0, MISTAKEN: 1.0}
    assert 0.0 < shares(c, 2)[MISTAKEN] < 1.0
    for j in range(3):
        assert sum(shares(c, j).values()) == pytest.approx(1.0)


def test_the_time_of_a_report_is_rather_in_the_middle_of_its_window():
    """Gaussian with two standard deviations to either end; a node stands for the time about it."""
    c = laid_out(seen(start_h=20.0, end_h=22.0))
    assert hours_of(c, STATED) == pytest.approx([20 + k / 3 for k in range(7)], abs=1e-3)
    stated = np.exp(c.log_prior[c.reading == STATED])
    edges = np.array([20, *(20 + (k + 0.5) / 3 for k in range(6)), 22])
    wanted = np.diff(truncnorm.cdf(edges, -2.0, 2.0, loc=21.0, scale=0.5))
    np.testing.assert_allclose(stated / stated.sum(), wanted, rtol=1e-9)
    assert hours_of(c, AFAR) == hours_of(c, STATED)


def test_crowded_nodes_make_no_hour_more_likely():
    """Nodes that another report brought do not draw the time of this one to themselves."""
    crowded = np.unique(np.concatenate([NODES, 20.9 * HOUR + np.arange(5) * 70.0]))
    nodes, chance = minutes_in(crowded, 20 * HOUR, 22 * HOUR)
    even_nodes, even = minutes_in(NODES, 20 * HOUR, 22 * HOUR)
    assert chance.sum() == pytest.approx(1.0)
    late = chance[crowded[nodes] >= 21.5 * HOUR].sum()
    assert late == pytest.approx(even[NODES[even_nodes] >= 21.5 * HOUR].sum(), rel=1e-9)


def test_a_window_between_nodes_takes_the_nearest():
    assert nodes_in(NODES, 20.1 * HOUR, 20.15 * HOUR).tolist() == [60]
    assert nodes_in(NODES, 20.25 * HOUR, 20.30 * HOUR).tolist() == [61]
    assert nodes_in(NODES, 20.0 * HOUR, 20.0 * HOUR).tolist() == [60]
    assert nodes_in(NODES, -5 * HOUR, -4 * HOUR).tolist() == [0]


def test_slips_are_whole_hours_with_their_shares():
    c = laid_out(seen(start_h=20.0, end_h=20.0))
    share = kind_info("eyewitness_photo").p_time_slip
    slips = {round(NODES[n] / HOUR - 20.0, 6): p for n, p in zip(c.node, c.log_prior, strict=True) if n >= 0}
    for hours, part in SLIPS_H:
        assert math.exp(slips[hours]) == pytest.approx(share * part)
    assert sum(part for _, part in SLIPS_H) == pytest.approx(1.0)
    assert hours_of(c, OTHER_TIME) == [17.0, 18.0, 19.0, 21.0, 22.0, 23.0]


def test_slips_out_of_the_time_reconstructed_are_not_considered():
    """At the first node only later slips remain, and the readings that remain share one."""
    c = laid_out(seen(start_h=0.0, end_h=0.0))
    assert hours_of(c, OTHER_TIME) == [1.0, 2.0, 3.0]
    assert hours_of(laid_out(seen(start_h=48.0, end_h=48.0)), OTHER_TIME) == [45.0, 46.0, 47.0]
    share, info = shares(c), kind_info("eyewitness_photo")
    assert sum(share.values()) == pytest.approx(1.0)
    assert share[OTHER_TIME] == pytest.approx(info.p_time_slip * 0.5 / (1.0 - 0.5 * info.p_time_slip))


def test_dates_and_long_windows_do_not_slip():
    assert shares(laid_out(seen("launch")))[OTHER_TIME] == 0.0
    hours = SLIP_WINDOW_S / HOUR
    assert shares(laid_out(seen(start_h=10.0, end_h=10.0 + hours)))[OTHER_TIME] > 0.0
    assert shares(laid_out(seen(start_h=10.0, end_h=10.1 + hours)))[OTHER_TIME] == 0.0


def density(c, i, j, x, y, beta=1.0):
    return candidate_log_density(c, i, j, float(x), float(y), beta)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-180, 180), st.floats(-90, 90), st.floats(0, 360), st.floats(1.0, 80.0), st.floats(-40, 40),
    st.floats(-40, 40),
)  # fmt: skip
def test_a_round_report_falls_off_with_distance_anywhere(lon, lat, bearing, radius_km, dx, dy):
    """Through the seam and over the poles: the density depends on the distance on the ground alone."""
    ahead = (lon + bearing, max(-90.0, min(90.0, lat + 20.0 * math.cos(bearing))))
    frame = fit_frame([lon, ahead[0]], [lat, ahead[1]])
    sighting = seen(lon_deg=lon, lat_deg=lat, radius_km=radius_km)
    c = laid_out(sighting, frame=frame)
    sd = radius_km * SD_PER_RADIUS
    x, y = c.x_km[0] + dx, c.y_km[0] + dy
    here = unit_vector(*frame.to_lonlat(x * 1e3, y * 1e3))
    chord = float(np.linalg.norm(here - unit_vector(lon, lat)))
    distance = 2.0 * RADIUS_KM * math.asin(0.5 * chord)
    wanted = -0.5 * (distance / sd) ** 2 - math.log(2.0 * math.pi * sd**2)
    # Off the equator of the frame a circle is stretched as its middle is: a few kilometres in ten thousand.
    steepness = 1.0 + (distance / sd) ** 2
    assert density(c, 0, 0, x, y) == pytest.approx(wanted, abs=0.05 * steepness * (1 + abs(y) / 500))
    assert density(c, 0, 0, c.x_km[0], c.y_km[0]) == pytest.approx(-math.log(2 * math.pi * sd**2), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(0, 359), st.floats(2, 60), st.floats(-60, 60))
def test_whitening_is_the_dense_covariance_of_a_slanted_report(lon, lat, bearing, elevation, off):
    frame = fit_frame([lon, lon + 30.0], [lat, 0.3 * lat])
    sighting = seen(
        lon_deg=lon, lat_deg=lat, radius_km=None, bearing_deg=bearing, bearing_sd_deg=5.0,
        elevation_deg=elevation, elevation_sd_deg=2.0,
    )  # fmt: skip
    c = laid_out(sighting, frame=frame)
    region = sighting_region(sighting, 18_000.0, 4_000.0)
    assert region is not None
    cov = np.array([[region.cov_ee_m2, region.cov_en_m2], [region.cov_en_m2, region.cov_nn_m2]]) / 1e6
    angle = float(frame.east_angle_rad(region.lon_deg, region.lat_deg))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cos_y = math.cos(c.y_km[0] / RADIUS_KM)
    for reading, extra in ((STATED, 0.0), (AFAR, AFAR_SD_KM**2)):
        i = int(np.flatnonzero(c.reading == reading)[0])
        ground = turn @ (cov + extra * np.eye(2)) @ turn.T
        x, y = c.x_km[0] + off, c.y_km[0] - 0.5 * off
        away = np.array([(c.x_km[0] - x) * cos_y, c.y_km[0] - y])
        wanted = multivariate_normal.logpdf(away, cov=ground)
        assert density(c, i, 0, x, y) == pytest.approx(wanted, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("y_km", [0.0, 3000.0, 6000.0])
def test_the_density_of_a_report_is_one_over_the_ground(y_km):
    """Per square kilometre of ground, in the frame's plane off its equator too."""
    lon, lat = PLAIN.to_lonlat(2e6, y_km * 1e3)
    c = laid_out(seen(lon_deg=float(lon), lat_deg=float(lat), radius_km=60.0))
    cos_y = math.cos(y_km / RADIUS_KM)
    reach = np.linspace(-130.0, 130.0, 131)
    step = reach[1] - reach[0]
    total = sum(
        math.exp(density(c, 0, 0, c.x_km[0] + dx / cos_y, c.y_km[0] + dy)) * step * step
        for dx in reach
        for dy in reach
    )
    assert total == pytest.approx(1.0, abs=1e-3)


def test_a_mistaken_report_says_nothing_of_the_balloon():
    c = laid_out(seen())
    i = int(np.flatnonzero(c.reading == MISTAKEN)[0])
    assert c.node[i] == -1
    assert density(c, i, 0, 0.0, 0.0) == density(c, i, 0, 9000.0, -3000.0) == LOG_MISTAKEN
    assert density(c, i, 0, 0.0, 0.0, 0.5) == LOG_MISTAKEN


@pytest.mark.parametrize("beta", [1.0, 0.3, 1e-3, 1e-5, 0.0])
def test_let_in_by_degrees_a_report_widens_down_to_the_density_of_a_mistake(beta):
    """Its area holds on the way, so that no reading gains on another by the way alone."""
    c = laid_out(seen(radius_km=60.0))
    sd = 60.0 * SD_PER_RADIUS
    for off in (0.0, 30.0, 500.0):
        wanted = -0.5 * beta * (off / sd) ** 2
        widened = -math.log(2 * math.pi * sd**2) + (math.log(beta) if beta else -math.inf)
        wanted += max(widened, LOG_MISTAKEN)
        assert density(c, 0, 0, off, 0.0, beta) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("turns", [-3, 1, 2])
def test_a_report_does_not_say_how_often_the_balloon_went_round(turns):
    c = laid_out(seen(lon_deg=179.9, lat_deg=5.0))
    assert density(c, 0, 0, c.x_km[0] + 12.0 + turns * TURN_KM, 500.0) == pytest.approx(
        density(c, 0, 0, c.x_km[0] + 12.0, 500.0), abs=1e-6
    )


def test_a_height_is_right_or_anything():
    c = laid_out(seen("satellite_detection", alt_low_m=18_000.0, alt_high_m=18_600.0, alt_kind="geometric"))
    info = kind_info("satellite_detection")
    sd = math.hypot(info.alt_sd_m, 600.0 / math.sqrt(12.0)) / 1e3
    assert c.alt_km[0] == pytest.approx(18.3)
    assert c.alt_sd_km[0] == pytest.approx(sd)
    right, wrong = height_log_densities(c, 0, 17.0, 1.0)
    assert right == pytest.approx(math.log(1 - info.p_alt_mistaken) + norm.logpdf(18.3, 17.0, sd))
    assert wrong == pytest.approx(math.log(info.p_alt_mistaken) - math.log(MISTAKEN_ALT_RANGE_KM))
    # Let in by a half it is wider, as long as its peak stands above what a wrong height is worth.
    half = height_log_densities(c, 0, 17.0, 0.5)
    wide = norm.logpdf(18.3, 17.0, sd / math.sqrt(0.5))
    assert half == pytest.approx((math.log(1 - info.p_alt_mistaken) + wide, wrong))
    none = height_log_densities(c, 0, 17.0, 0.0)
    assert none == pytest.approx((math.log(1 - info.p_alt_mistaken) - math.log(MISTAKEN_ALT_RANGE_KM), wrong))


@pytest.mark.parametrize(
    ("more", "alt_km"),
    [
        ({"alt_low_m": 18_000.0, "alt_high_m": None}, 19.5),  # "and more": three kilometres of it
        ({"alt_low_m": None, "alt_high_m": 18_000.0}, 16.5),
        ({"alt_low_m": 18_000.0, "alt_high_m": 18_000.0, "phase": "ascent"}, math.nan),
        ({}, math.nan),
    ],
)
def test_open_and_missing_heights(more, alt_km):
    c = laid_out(seen(alt_kind="geometric", **more))
    assert c.alt_km[0] == pytest.approx(alt_km, nan_ok=True)
    if math.isnan(alt_km):
        assert height_log_densities(c, 0, 12.0, 1.0) == (0.0, -math.inf)


def test_nodes_are_fine_where_clocks_speak_and_hold_both_ends():
    rows = [
        seen(start_h=20.0, end_h=20.2),
        seen(start_h=100.0, end_h=124.0),
        seen(start_h=200.0, end_h=300.0),
    ]
    start, end = 1234.0, 320.3 * HOUR
    nodes = make_nodes(rows, start, end)
    step = np.diff(nodes) / HOUR
    assert nodes[0] == start
    assert nodes[-1] == end
    assert step.min() >= 60.0 / HOUR - 1e-9
    assert step.max() <= 3.001
    middle = 0.5 * (nodes[1:] + nodes[:-1]) / HOUR
    assert step[(middle > 19.6) & (middle < 20.6)].max() <= 1 / 3 + 1e-6
    # A report sharper than the steps has its own nodes, to the second.
    for hour in (20.0, 20.2):
        assert np.abs(nodes - hour * HOUR).min() < 1e-6
    assert step[(middle > 101.0) & (middle < 123.0)].max() == pytest.approx(1.0, abs=1e-6)
    assert step[(middle > 210.0) & (middle < 290.0)].min() == pytest.approx(3.0, abs=1e-6)


def test_frequent_fixes_each_have_their_time():
    rows = [seen(start_h=10.0 + k / 6.0, end_h=10.0 + k / 6.0) for k in range(13)]
    nodes = make_nodes(rows, 9.9 * HOUR, 12.1 * HOUR)
    for row in rows:
        (node,) = nodes_in(nodes, row.time_start, row.time_end)
        assert nodes[node] == pytest.approx(row.time_start, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 60)), max_size=5), st.floats(0.4, 200.0))
def test_nodes_always_increase(windows, span_h):
    rows = [seen(start_h=a, end_h=a + b) for a, b in windows]
    nodes = make_nodes(rows, 0.0, span_h * HOUR)
    assert nodes[0] == 0.0
    assert nodes[-1] == span_h * HOUR
    assert (np.diff(nodes) > 0).all()
    assert np.diff(nodes).max() <= 3 * HOUR + 1200.0


def test_a_sighting_without_a_place_is_refused_by_name():
    with pytest.raises(ValueError, match="sighting lost"):
        laid_out(seen("launch", id="lost", lon_deg=None, lat_deg=None))

"""Regions: closed forms of the normal distribution, membership, seam, poles, cutting."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_result as made
from overflight.geo import distance_m
from overflight.regions import (
    Ring,
    cut_line,
    cut_polygon,
    from_plane,
    median_track,
    region,
    scenario_tracks,
    timed_regions,
    to_plane,
)

METRE_DEG = 1e-5  # about one metre of latitude


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 179), st.floats(-89, 89), st.floats(-180, 179), st.floats(-89.5, 89.5))
def test_plane_and_back_is_the_identity(lon0: float, lat0: float, lon: float, lat: float) -> None:
    x, y = to_plane(lon, lat, (lon0, lat0))
    if np.hypot(x, y) > 1.99 * 6371008.8:  # the antipode is a circle there
        return
    back = from_plane(x, y, (lon0, lat0))
    assert float(distance_m(back[0], back[1], lon, lat)) < 1.0


def test_the_antipode_is_as_far_as_it_gets() -> None:
    x, y = to_plane([0.0, 30.0], [0.0, -50.0], (-180.0, 0.0))
    assert np.hypot(x[0], y[0]) == pytest.approx(2 * 6371008.8)
    assert np.hypot(x[1], y[1]) < 2 * 6371008.8


def test_plane_is_that_of_snyder() -> None:
    """Snyder (1987), USGS Prof. Paper 1395, numerical example p. 332: sphere of radius 3."""
    # Centre 100° W 40° N, point 100° E 20° S.
    x, y = to_plane(100.0, -20.0, (-100.0, 40.0))
    assert x / 6371008.8 * 3.0 == pytest.approx(-4.2339303, abs=1e-6)
    assert y / 6371008.8 * 3.0 == pytest.approx(4.0257775, abs=1e-6)


CENTRES = [(0.0, 0.0), (179.9, 55.0), (-179.95, -60.0), (10.0, 89.9), (-100.0, 45.0), (50.0, -90.0)]


@pytest.mark.parametrize("centre", CENTRES)
def test_region_of_a_normal_cloud_has_the_area_of_its_ellipse(centre: tuple[float, float]) -> None:
    """The share q of a bivariate normal lies in an ellipse of area -2 ln(1 - q) pi s1 s2."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 4000)) * np.array([[200e3], [50e3]])
    lon, lat = from_plane(x, y, centre)
    for found in region(lon, lat, 1.0, (0.5, 0.9)):
        exact = -2.0 * math.log(1.0 - found.level) * math.pi * 200.0 * 50.0
        assert found.area_km2 == pytest.approx(exact, rel=0.10)


@pytest.mark.parametrize("centre", CENTRES)
def test_region_holds_the_share_of_the_weight_it_names(centre: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    x, y = np.concatenate(
        [rng.normal(size=(2, 300)) * 30e3, rng.normal(size=(2, 300)) * 20e3 + 300e3], axis=1
    )
    weight = rng.uniform(0.2, 1.0, 600)
    lon, lat = from_plane(x, y, centre)
    for found in region(lon, lat, weight, (0.5, 0.9)):
        held = _inside(found.polygons, x, y, centre)
        assert weight[held].sum() / weight.sum() == pytest.approx(found.level, abs=0.03)


def _inside(
    polygons: tuple[tuple[Ring, ...], ...], x: np.ndarray, y: np.ndarray, centre: tuple[float, float]
) -> np.ndarray:
    held = np.zeros(x.size, bool)
    for rings in polygons:
        flat = [np.stack(to_plane(ring[0], ring[1], centre), axis=1) for ring in rings]
        held |= shapely.contains_xy(shapely.Polygon(flat[0], flat[1:]), x, y)
    return held


def test_two_clumps_give_two_polygons() -> None:
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.normal(size=400) * 20e3, rng.normal(size=400) * 20e3 + 900e3])
    lon, lat = from_plane(x, rng.normal(size=800) * 20e3, (-100.0, 45.0))
    assert len(region(lon, lat, 1.0, (0.9,))[0].polygons) == 2


@pytest.mark.parametrize("members", [1, 2, 5])
def test_few_members_give_an_ellipse_around_them(members: int) -> None:
    lon, lat = np.linspace(10.0, 10.1, members), np.full(members, 50.0)
    (found,) = region(lon, lat, 1.0, (0.9,))
    ring = found.polygons[0][0]
    assert len(found.polygons) == 1
    assert ring[0].min() < 10.0
    assert ring[0].max() > lon.max()
    assert 0.0 < found.area_km2 < 1000.0


def test_members_that_are_nowhere_give_no_region() -> None:
    assert region([np.nan, np.nan], [1.0, np.nan], [1.0, 1.0]) == ()


def test_identical_members_do_not_break_the_density() -> None:
    (found,) = region(np.full(100, 179.999), np.full(100, 60.0), 1.0, (0.5,))
    assert 0.01 < found.area_km2 < 10.0


def test_median_track_across_the_seam_and_at_the_pole() -> None:
    lon = np.array([[179.0, 0.0], [-179.0, 120.0], [179.9, -120.0]])
    lat = np.array([[10.0, 89.0], [10.0, 89.0], [10.2, 89.0]])
    track = median_track(lon, lat, np.ones(3))
    assert abs(track[0, 0]) > 178.0
    assert track[1, 1] == pytest.approx(90.0, abs=METRE_DEG)


def test_median_track_needs_half_of_the_weight() -> None:
    lon = np.array([[5.0], [np.nan], [np.nan]])
    assert np.isnan(median_track(lon, lon, np.ones(3))).all()
    assert median_track(lon, lon, np.array([2.0, 1.0, 1.0]))[0, 0] == pytest.approx(5.0)


def test_a_changed_ensemble_has_other_tracks() -> None:
    """What was found before is given again for the same numbers only."""
    ensemble = made.ensemble().copy(deep=True)
    first = scenario_tracks(ensemble)
    assert [t.lat_deg.tolist() for t in scenario_tracks(ensemble)] == [t.lat_deg.tolist() for t in first]
    ensemble["lat"].values += np.float32(0.5)
    for before, after in zip(first, scenario_tracks(ensemble), strict=True):
        assert after.lat_deg == pytest.approx(before.lat_deg + 0.5, abs=0.01)
    ensemble["alt_m"].values += np.float32(100.0)
    assert scenario_tracks(ensemble)[0].alt_m == pytest.approx(first[0].alt_m + 100.0, abs=0.1)


def test_timed_regions_follow_the_steps_and_say_how_much_is_aloft() -> None:
    moments = list(timed_regions(made.ensemble(), step_s=24 * 3600.0))
    assert len(moments) == 22  # 21 midnights and the last time
    assert moments[0].aloft_share == pytest.approx(0.8)
    assert moments[-1].aloft_share == pytest.approx(1.0)


def test_cut_line_puts_the_crossing_on_both_sides() -> None:
    west, east = cut_line([170.0, -170.0], [0.0, 10.0], [0.0, 100.0])
    assert west[:, -1] == pytest.approx([180.0, 5.0, 50.0])
    assert east[:, 0] == pytest.approx([-180.0, 5.0, 50.0])
    assert east[:, 1] == pytest.approx([-170.0, 10.0, 100.0])


def test_cut_line_leaves_a_line_that_does_not_cross() -> None:
    (line,) = cut_line([10.0, 20.0], [0.0, 10.0])
    assert line[0] == pytest.approx([10.0, 20.0])


def test_cut_polygon_across_the_seam_keeps_its_area_and_orientation() -> None:
    ring = np.array([[170.0, 190.0, 190.0, 170.0, 170.0], [0.0, 0.0, 10.0, 10.0, 0.0]])
    parts = cut_polygon([ring])
    shapes = [shapely.Polygon(rings[0].T) for rings in parts]
    assert sum(shape.area for shape in shapes) == pytest.approx(200.0)
    assert all(shape.exterior.is_ccw for shape in shapes)
    assert all(abs(rings[0][0]).max() <= 180.0 for rings in parts)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_cut_polygon_closes_over_the_pole_it_contains(pole: float) -> None:
    lon = np.linspace(-30.0, 330.0, 73)
    parts = cut_polygon([np.stack([lon, np.full(73, math.copysign(80.0, pole))])])
    shapes = [shapely.Polygon(rings[0].T) for rings in parts]
    assert sum(shape.area for shape in shapes) == pytest.approx(3600.0)
    assert any(shape.intersects(shapely.Point(100.0, math.copysign(89.9, pole))) for shape in shapes)


def test_cut_polygon_keeps_a_hole() -> None:
    outer = np.array([[0.0, 10.0, 10.0, 0.0, 0.0], [0.0, 0.0, 10.0, 10.0, 0.0]])
    hole = np.array([[364.0, 366.0, 366.0, 364.0, 364.0], [4.0, 4.0, 6.0, 6.0, 4.0]])
    ((_, inner),) = cut_polygon([outer, hole])
    assert inner[0].min() == pytest.approx(4.0)
    assert not shapely.LinearRing(inner.T).is_ccw

"""The oblique frame: there and back over the seam and the poles, and the direction of east."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.geo import distance_m, unit_vector
from overflight.reconstruct.frame import fit_frame, plane_to_earth
from overflight.units import EARTH_RADIUS_M

LONS = st.floats(-180.0, 180.0)
LATS = st.floats(-90.0, 90.0)
POINTS = st.lists(st.tuples(LONS, LATS), min_size=1, max_size=6)
QUARTER_M = 0.5 * np.pi * EARTH_RADIUS_M

# Over the seam, over the pole, along the equator, and a single place.
FLIGHTS = {
    "date line": ([165.0, 178.0, -179.0, -160.0], [48.0, 52.0, 54.0, 57.0]),
    "pole": ([20.0, 20.0, -160.0, -160.0], [70.0, 88.0, 85.0, 60.0]),
    "equator": ([-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]),
    "one place": ([12.0], [-33.0]),
    "south pole": ([0.0, 90.0, 180.0], [-89.0, -89.5, -89.0]),
}


@given(POINTS, LONS, LATS)
def test_plane_and_back(points, lon, lat):
    frame = fit_frame(*zip(*points, strict=True))
    back = frame.to_lonlat(*frame.to_plane(lon, lat))
    # Unit vectors compare without a seam. asin loses half the digits at the frame's own poles.
    np.testing.assert_allclose(unit_vector(*back), unit_vector(lon, lat), atol=3e-8)


@given(POINTS)
def test_the_rotation_is_one(points):
    frame = fit_frame(*zip(*points, strict=True))
    np.testing.assert_allclose(frame.rotation @ frame.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame.rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("name", FLIGHTS)
def test_places_come_back_to_micrometres_near_the_flight(name):
    lon, lat = (np.array(a) for a in FLIGHTS[name])
    frame = fit_frame(lon, lat)
    x_m, y_m = frame.to_plane(lon, lat)
    assert np.abs(y_m).max() < 0.4 * QUARTER_M
    back = unit_vector(*frame.to_lonlat(x_m, y_m))
    np.testing.assert_allclose(back * EARTH_RADIUS_M, unit_vector(lon, lat) * EARTH_RADIUS_M, atol=1e-5)


@pytest.mark.parametrize("turns", [-2, 1, 3])
def test_x_may_go_round(turns):
    frame = fit_frame(*FLIGHTS["date line"])
    once = frame.to_lonlat(1e6, 2e5)
    again = frame.to_lonlat(1e6 + turns * 2 * np.pi * EARTH_RADIUS_M, 2e5)
    np.testing.assert_allclose(once, again, atol=1e-9)


def test_a_great_circle_becomes_the_equator():
    t = np.linspace(0.0, 1.5, 30)
    a, b = np.array([0.6, 0.0, 0.8]), np.array([0.0, 1.0, 0.0])
    points = np.cos(t)[None] * a[:, None] + np.sin(t)[None] * b[:, None]
    lon, lat = np.degrees(np.arctan2(points[1], points[0])), np.degrees(np.arcsin(points[2]))
    x_m, y_m = fit_frame(lon, lat).to_plane(lon, lat)
    np.testing.assert_allclose(y_m, 0.0, atol=1e-6)
    np.testing.assert_allclose(np.abs(np.diff(x_m)), EARTH_RADIUS_M * 1.5 / 29, atol=1e-6)


def test_near_the_flight_the_plane_keeps_distances():
    frame = fit_frame(*FLIGHTS["date line"])
    lon, lat = frame.to_lonlat([0.0, 3e5, 0.0], [0.0, 0.0, 3e5])
    # The ellipsoid differs from the sphere by at most half a percent of a distance.
    assert float(distance_m(lon[0], lat[0], lon[1], lat[1])) == pytest.approx(3e5, rel=6e-3)
    assert float(distance_m(lon[0], lat[0], lon[2], lat[2])) == pytest.approx(3e5, rel=6e-3)


def test_antipodal_places_still_make_a_frame():
    frame = fit_frame([0.0, 180.0], [0.0, 0.0])
    assert np.isfinite(frame.rotation).all()
    np.testing.assert_allclose(np.abs(frame.to_plane([0.0, 180.0], [0.0, 0.0])[1]), 0.0, atol=1e-6)


@pytest.mark.parametrize("name", FLIGHTS)
def test_the_compiled_way_agrees(name):
    frame = fit_frame(*FLIGHTS[name])
    rng = np.random.default_rng(4)
    x_m, y_m = rng.uniform(-3e7, 3e7, 200), rng.uniform(-0.9, 0.9, 200) * QUARTER_M
    lon, lat = frame.to_lonlat(x_m, y_m)
    for i in range(x_m.size):
        a, b, _, cos_y = plane_to_earth(frame.rotation, x_m[i], y_m[i])
        np.testing.assert_allclose(unit_vector(a, b), unit_vector(lon[i], lat[i]), atol=1e-12)
        assert cos_y == pytest.approx(np.cos(y_m[i] / EARTH_RADIUS_M), abs=1e-12)


@pytest.mark.parametrize("name", FLIGHTS)
def test_east_is_where_the_longitude_grows(name):
    frame = fit_frame(*FLIGHTS[name])
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(-180, 180, 100), rng.uniform(-89, 89, 100)
    _, y_m = frame.to_plane(lon, lat)
    keep = np.abs(y_m) < 0.9 * QUARTER_M  # where the plane is no plane, no direction is asked
    step = 1e-4
    x0, y0 = frame.to_plane(lon - step, lat)
    x1, y1 = frame.to_plane(lon + step, lat)
    dx = (x1 - x0 + np.pi * EARTH_RADIUS_M) % (2 * np.pi * EARTH_RADIUS_M) - np.pi * EARTH_RADIUS_M
    wanted = np.arctan2(y1 - y0, dx * np.cos(y_m / EARTH_RADIUS_M))
    off = frame.east_angle_rad(lon, lat) - wanted
    np.testing.assert_allclose(np.exp(1j * off[keep]), 1.0, atol=1e-6)


def test_east_angle_keeps_the_shape():
    frame = fit_frame(*FLIGHTS["equator"])
    assert frame.east_angle_rad(np.zeros((2, 3)), 10.0).shape == (2, 3)
    assert float(frame.east_angle_rad(0.0, 0.0)) == pytest.approx(0.0, abs=1e-12)

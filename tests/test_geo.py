"""Geometry against published geodesics, closed forms and PROJ's own frames, across the seam and the poles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from overflight import geo
from overflight.errors import OverflightError
from overflight.units import EARTH_RADIUS_M, WGS84_A_M

MICROMETRE, MILLIMETRE, METRE, KILOMETRE = 1e-6, 1e-3, 1.0, 1e3
# A millionth of a second of arc at the equator is 0.03 mm.
MICROARCSECOND = 1e-6 / 3600

proof = settings(deadline=None, derandomize=True, max_examples=200)
longitudes = st.floats(min_value=-720.0, max_value=720.0)
latitudes = st.floats(min_value=-90.0, max_value=90.0)
bearings = st.floats(min_value=0.0, max_value=359.999)


def dms(degrees: float, minutes: float, seconds: float) -> float:
    return degrees + minutes / 60 + seconds / 3600


def turn_apart(a: float, b: float) -> float:
    """Return how far apart two angles are, in degrees, whatever their turns."""
    return float(abs((a - b + 180.0) % 360.0 - 180.0))


# --- longitudes


@pytest.mark.parametrize(
    ("lon", "wrapped"),
    [
        (0.0, 0.0),
        (180.0, -180.0),
        (-180.0, -180.0),
        (190.0, -170.0),
        (-190.0, 170.0),
        (360.0, 0.0),
        (540.0, -180.0),
        (-540.0, -180.0),
        (179.99999999999997, 179.99999999999997),
        (0.1, 0.1),
    ],
)
def test_wrap(lon: float, wrapped: float) -> None:
    assert geo.wrap_lon(lon) == wrapped


@given(st.floats(min_value=-1e6, max_value=1e6))
@proof
def test_wrap_stays_in_range_and_keeps_the_place(lon: float) -> None:
    wrapped = float(geo.wrap_lon(lon))
    assert -180.0 <= wrapped < 180.0
    assert turn_apart(wrapped, lon) < 1e-9
    assert geo.wrap_lon(wrapped) == wrapped


def test_wrap_a_hair_west_of_the_seam() -> None:
    hair = np.nextafter(-180.0, -181.0)
    assert -180.0 <= geo.wrap_lon(hair) < 180.0
    assert -180.0 <= geo.wrap_lon(-540.0000000000001) < 180.0


def test_wrap_leaves_gaps() -> None:
    assert np.isnan(geo.wrap_lon([np.nan, 1.0])).tolist() == [True, False]


def test_unwrap_over_the_seam_both_ways_and_through_gaps() -> None:
    nan = np.nan
    lon = [[170, 179, -179, -170], [-170, -179, 179, 170], [nan, 179, nan, -179], [nan, nan, nan, nan]]
    expected = [[170, 179, 181, 190], [-170, -179, -181, -190], [nan, 179, nan, 181], [nan, nan, nan, nan]]
    np.testing.assert_array_equal(geo.unwrap_lon(lon), expected)


def test_unwrap_keeps_the_first_finite_longitude_as_it_is() -> None:
    np.testing.assert_array_equal(geo.unwrap_lon([np.nan, 350.0, 10.0]), [np.nan, 350.0, 370.0])


def test_unwrap_goes_round_the_world_more_than_once() -> None:
    path = np.arange(0.0, 1000.0, 7.0)
    np.testing.assert_allclose(geo.unwrap_lon(geo.wrap_lon(path)), path, atol=1e-9)


@given(st.lists(st.floats(min_value=-179.0, max_value=179.0), min_size=1, max_size=12), longitudes)
@proof
def test_unwrap_undoes_wrap(steps: list[float], start: float) -> None:
    path = start + np.cumsum([0.0, *steps])
    turned = path[0] - geo.wrap_lon(path[0])
    np.testing.assert_allclose(geo.unwrap_lon(geo.wrap_lon(path)) + turned, path, atol=1e-8)


def test_unwrap_of_nothing_and_of_one() -> None:
    assert geo.unwrap_lon(np.empty((2, 0))).shape == (2, 0)
    assert geo.unwrap_lon(np.empty((0, 3))).shape == (0, 3)
    assert geo.unwrap_lon(190.0) == 190.0


# --- geodesics


def test_flinders_peak_to_buninyong() -> None:
    # Geocentric Datum of Australia Technical Manual (ICSM), Vincenty's formulae: the sample line, on GRS80.
    # WGS-84 differs from that ellipsoid by 0.1 mm in the minor axis.
    flinders = dms(144, 25, 29.52440), -dms(37, 57, 3.72030)
    buninyong = dms(143, 55, 35.38390), -dms(37, 39, 10.15610)
    assert geo.distance_m(*flinders, *buninyong) == pytest.approx(54972.271, abs=MILLIMETRE)
    assert geo.bearing_deg(*flinders, *buninyong) == pytest.approx(dms(306, 52, 5.37), abs=0.005 / 3600)
    assert geo.bearing_deg(*buninyong, *flinders) == pytest.approx(dms(127, 10, 25.07), abs=0.005 / 3600)


def test_direct_problem_of_karney() -> None:
    # Karney, Algorithms for geodesics, J. Geodesy 87 (2013), table 2: 10 000 km from 40 N on a bearing of 30.
    lon, lat = geo.destination(0.0, 40.0, 30.0, 1e7)
    assert lat == pytest.approx(41.79331020506, abs=MICROARCSECOND)
    assert lon == pytest.approx(137.84490004377, abs=MICROARCSECOND)


def test_nearly_antipodal_problem_of_karney() -> None:
    # The same, table 4, where Vincenty's iteration does not converge.
    assert geo.distance_m(0.0, -30.0, 179.8, 29.9) == pytest.approx(19989832.827610, abs=MICROMETRE)
    assert geo.bearing_deg(0.0, -30.0, 179.8, 29.9) == pytest.approx(161.890524736, abs=1e-9)


def test_closed_forms_on_the_equator_and_the_meridian() -> None:
    assert geo.distance_m(179.5, 0.0, -179.5, 0.0) == pytest.approx(
        np.radians(1.0) * WGS84_A_M, abs=MICROMETRE
    )
    # The quarter meridian of WGS-84 is 10 001 965.729 m (series of Helmert).
    assert geo.distance_m(12.0, 0.0, 99.0, 90.0) == pytest.approx(10001965.729, abs=MILLIMETRE)
    assert geo.distance_m(0.0, 90.0, 77.0, -90.0) == pytest.approx(2 * 10001965.7293, abs=MILLIMETRE)


def test_the_seam_is_no_place_of_its_own() -> None:
    for lat in (-89.9, -60.0, 0.0, 52.0, 89.9):
        across = geo.distance_m(179.0, lat, -179.0, lat + 0.05)
        assert geo.distance_m(-1.0, lat, 1.0, lat + 0.05) == pytest.approx(across, abs=MICROMETRE)
        assert geo.distance_m(179.0, lat, 181.0, lat + 0.05) == pytest.approx(across, abs=MICROMETRE)
        assert geo.bearing_deg(179.0, lat, -179.0, lat + 0.05) == pytest.approx(
            geo.bearing_deg(-1.0, lat, 1.0, lat + 0.05), abs=1e-9
        )
    lon, lat_end = geo.destination(179.9, 52.0, 90.0, 50e3)
    assert -180.0 <= lon < -179.0
    assert lat_end == pytest.approx(52.0, abs=0.01)


def test_bearings_by_the_compass() -> None:
    assert geo.bearing_deg(0, 10, [0, 1, 0, -1], [11, 10, 9, 10]) == pytest.approx([0, 90, 180, 270], abs=0.1)
    # Below north by less than the last digit of 360.
    assert (geo.look(0.0, 0.0, 0.0, -np.logspace(-18, -10, 50), 1.0, 0.0)[2] < 360.0).all()


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_every_way_from_a_pole_leads_away_from_it(pole: float) -> None:
    lon, lat = geo.destination(20.0, pole, np.arange(0.0, 360.0, 30.0), 100e3)
    np.testing.assert_allclose(lat, lat[0])
    assert abs(lat[0]) == pytest.approx(90.0 - 100e3 / 111694.0, abs=1e-5)  # 111 694 m a degree at the pole.
    np.testing.assert_allclose(np.sort(np.diff(np.sort(geo.wrap_lon(lon)))), 30.0, atol=1e-6)
    np.testing.assert_allclose(geo.distance_m(0.0, pole, lon, lat), 100e3, atol=MICROMETRE)


def test_a_step_over_the_pole_comes_down_on_the_other_side() -> None:
    lon, lat = geo.destination(10.0, 89.9, 0.0, 30e3)
    assert lon == pytest.approx(-170.0, abs=1e-9)
    assert geo.distance_m(10.0, 89.9, 0.0, 90.0) + geo.distance_m(0.0, 90.0, lon, lat) == pytest.approx(
        30e3, abs=MICROMETRE
    )


@given(longitudes, latitudes, bearings, st.floats(min_value=1.0, max_value=1.9e7))
@proof
def test_destination_distance_and_bearing_agree(
    lon: float, lat: float, bearing: float, distance: float
) -> None:
    end_lon, end_lat = geo.destination(lon, lat, bearing, distance)
    assert -180.0 <= end_lon < 180.0
    # A geodesic is the shortest way up to half the shortest circumference, 20 003 931 m less 1/300.
    assert geo.distance_m(lon, lat, end_lon, end_lat) == pytest.approx(distance, abs=10 * MICROMETRE, rel=0)
    # Closer than a kilometre to a pole, or to the start, longitude or place leaves the bearing few digits.
    assume(abs(lat) < 89.9 and distance > 100.0)
    assert turn_apart(float(geo.bearing_deg(lon, lat, end_lon, end_lat)), bearing) < 1e-5


@given(longitudes, latitudes, longitudes, latitudes)
@proof
def test_distance_is_the_same_both_ways(lon1: float, lat1: float, lon2: float, lat2: float) -> None:
    there, back = geo.distance_m([lon1, lon2], [lat1, lat2], [lon2, lon1], [lat2, lat1])
    assert there == pytest.approx(back, abs=MICROMETRE, rel=0)


def test_geodesics_broadcast_and_carry_gaps() -> None:
    nan = np.nan
    distance = geo.distance_m([[0.0], [nan]], 0.0, [1.0, 2.0, np.inf], 0.0)
    assert np.isnan(distance).tolist() == [[False, False, True], [True, True, True]]
    lon, lat = geo.destination([0.0, nan, 0.0], [0.0, 0.0, nan], 90.0, [[1e3], [nan]])
    assert lon.shape == lat.shape == (2, 3)
    assert np.isnan(lon).tolist() == np.isnan(lat).tolist() == [[False, True, True], [True, True, True]]
    assert geo.distance_m(np.empty(0), 0.0, np.empty(0), 0.0).shape == (0,)


def test_geodesics_leave_their_arguments_alone() -> None:
    lon, lat = np.array([190.0, 10.0]), np.array([50.0, 60.0])
    geo.distance_m(lon, lat, lon[::-1], lat[::-1])
    geo.destination(lon, lat, 10.0, 1e5)
    assert lon.tolist() == [190.0, 10.0]
    assert lat.tolist() == [50.0, 60.0]


def test_a_latitude_beyond_the_pole_is_refused() -> None:
    for call in (
        lambda: geo.distance_m(0.0, 0.0, 50.0, [10.0, 110.0]),
        lambda: geo.bearing_deg(50.0, -90.5, 0.0, 0.0),
        lambda: geo.destination(50.0, 110.0, 0.0, 1.0),
        lambda: geo.look(50.0, 110.0, 0.0, 0.0, 0.0, 0.0),
    ):
        with pytest.raises(OverflightError, match="longitude comes first"):
            call()


# --- vectors and means


def test_unit_vectors_of_the_axes() -> None:
    vector = geo.unit_vector([0.0, 90.0, 123.0], [0.0, 0.0, 90.0])
    np.testing.assert_allclose(vector, np.eye(3), atol=1e-15)


@given(longitudes, latitudes, st.floats(min_value=1e-3, max_value=1e9))
@proof
def test_lonlat_undoes_unit_vector(lon: float, lat: float, length: float) -> None:
    back_lon, back_lat = geo.lonlat(length * geo.unit_vector(lon, lat))
    assert back_lat == pytest.approx(lat, abs=1e-12)
    assert -180.0 <= back_lon < 180.0
    if abs(lat) < 89.9999:
        assert turn_apart(float(back_lon), lon) < 1e-8


def test_vectors_keep_shapes_and_gaps() -> None:
    vector = geo.unit_vector(np.zeros((4, 1)), np.array([0.0, 45.0, np.nan]))
    assert vector.shape == (3, 4, 3)
    lon, lat = geo.lonlat(vector)
    assert lon.shape == (4, 3)
    assert np.isnan(lat).all(axis=0).tolist() == [False, False, True]
    assert np.isnan(geo.lonlat([0.0, 0.0, 0.0])).all()


def test_mean_on_the_seam_is_on_the_seam() -> None:
    lon, lat = geo.mean_lonlat([179.0, -179.0], [10.0, 10.0])
    assert abs(lon) == pytest.approx(180.0, abs=1e-9)
    # The great circle between the two runs north of their parallel: tan(lat) = tan(10) / cos(1).
    assert lat == pytest.approx(
        np.degrees(np.arctan(np.tan(np.radians(10)) / np.cos(np.radians(1)))), abs=1e-9
    )


def test_mean_round_the_pole_is_the_pole() -> None:
    lat = geo.mean_lonlat(np.arange(0.0, 360.0, 45.0), np.full(8, 80.0))[1]
    assert lat == pytest.approx(90.0, abs=1e-6)


def test_mean_obeys_weights_and_leaves_out_gaps() -> None:
    lon, lat = geo.mean_lonlat([0.0, 90.0, np.nan], [0.0, 0.0, 50.0], [3.0, np.sqrt(3.0), 5.0])
    assert (lon, lat) == (pytest.approx(30.0), pytest.approx(0.0))
    members = np.array([[10.0, np.nan, np.nan], [12.0, 179.0, np.nan], [14.0, -177.0, np.nan]])
    lon, lat = geo.mean_lonlat(members, np.zeros((3, 3)), np.array([1.0, 1.0, 1.0]))
    assert lon[:2] == pytest.approx([12.0, -179.0])
    assert np.isnan(lon[2])
    assert np.isnan(lat[2])


def test_mean_of_opposites_has_no_direction() -> None:
    assert np.isnan(geo.mean_lonlat([0.0, 180.0], [0.0, 0.0])).all()
    assert np.isnan(geo.mean_lonlat([0.0, 120.0, 240.0], [0.0, 0.0, 0.0])).all()
    assert np.isnan(geo.mean_lonlat([1.0, 2.0], [0.0, 0.0], [0.0, 0.0])).all()


def test_mean_of_near_places_is_the_middle_of_the_geodesic() -> None:
    lon, lat = geo.mean_lonlat([-110.0, -109.0], [47.0, 47.5])
    middle = geo.destination(
        -110.0, 47.0, geo.bearing_deg(-110, 47, -109, 47.5), geo.distance_m(-110, 47, -109, 47.5) / 2
    )
    # The sphere's mean stands off the ellipsoid's by far less than the places are apart (93 km).
    assert geo.distance_m(lon, lat, *middle) < 0.2 * KILOMETRE


# --- circles


@pytest.mark.parametrize(
    ("lon", "lat"), [(-110.0, 47.0), (179.9, 52.0), (540.0, -10.0), (0.0, 89.5), (7.0, -90.0)]
)
def test_circle_is_where_it_says_and_continuous(lon: float, lat: float) -> None:
    ring_lon, ring_lat = geo.circle(lon, lat, 120e3)
    assert ring_lon.shape == ring_lat.shape == (72,)
    np.testing.assert_allclose(geo.distance_m(lon, lat, ring_lon, ring_lat), 120e3, atol=MILLIMETRE)
    assert np.abs(np.diff(ring_lon)).max() < 180.0
    assert abs(ring_lon[0] - lon) <= 180.0


def test_circle_round_a_pole_runs_through_the_whole_turn() -> None:
    ring_lon, _ = geo.circle(0.0, 89.5, 120e3, n=36)
    assert abs(ring_lon[-1] - ring_lon[0]) == pytest.approx(350.0, abs=10.0)


def test_circle_that_is_not_round_a_pole_closes() -> None:
    ring_lon, _ = geo.circle(179.9, 52.0, 120e3, n=360)
    assert abs(ring_lon[-1] - ring_lon[0]) < 0.1
    assert ring_lon.max() > 180.0


# --- lines of sight


def proj_look(
    lon0: float, lat0: float, alt0: float, lon1: float, lat1: float, alt1: float
) -> tuple[float, ...]:
    """Return range, elevation and bearing from PROJ's own topocentric frame."""
    frame = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 +lon_0={lon0!r} +lat_0={lat0!r} +h_0={alt0!r}"
    )
    east, north, up = frame.transform(lon1, lat1, alt1)
    level = np.hypot(east, north)
    return (
        float(np.hypot(level, up)),
        float(np.degrees(np.arctan2(up, level))),
        float(np.degrees(np.arctan2(east, north)) % 360.0),
    )


@pytest.mark.parametrize(
    "points",
    [
        (-111.18, 47.51, 1065.0, -110.0, 46.0, 18300.0),
        (179.9, 52.0, 0.0, -179.5, 52.3, 20000.0),
        (-179.9, -16.0, 10.0, 179.5, -17.0, 15000.0),
        (25.0, 89.9, 0.0, -155.0, 89.8, 18000.0),
        (0.0, 90.0, 0.0, 45.0, 89.0, 18000.0),
        (0.0, -90.0, 2800.0, -120.0, -89.5, 30000.0),
        (10.0, 0.0, 20000.0, 11.0, -1.0, 0.0),
    ],
)
def test_look_is_that_of_proj(points: tuple[float, ...]) -> None:
    range_m, elevation, bearing = geo.look(*points)
    peer_range, peer_elevation, peer_bearing = proj_look(*points)
    assert range_m == pytest.approx(peer_range, abs=MILLIMETRE)
    assert elevation == pytest.approx(peer_elevation, abs=1e-8)
    assert turn_apart(float(bearing), peer_bearing) < 1e-7


def test_ecef_is_that_of_proj() -> None:
    lon, lat, alt = (
        np.array([-110.0, 180.0, 5.0]),
        np.array([47.0, -90.0, 0.0]),
        np.array([18e3, 0.0, -100.0]),
    )
    peer = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(lon, lat, alt)
    np.testing.assert_allclose(geo.ecef(lon, lat, alt), peer, atol=MICROMETRE)


def test_look_in_the_plane_of_the_equator() -> None:
    # The equator is a circle of radius a, where the triangle has a closed form.
    angle, alt = np.radians(1.5), 18e3
    up, east = (WGS84_A_M + alt) * np.cos(angle) - WGS84_A_M, (WGS84_A_M + alt) * np.sin(angle)
    range_m, elevation, bearing = geo.look(179.0, 0.0, 0.0, -179.5, 0.0, alt)
    assert range_m == pytest.approx(np.hypot(up, east), abs=MICROMETRE)
    assert elevation == pytest.approx(np.degrees(np.arctan2(up, east)), abs=1e-10)
    assert bearing == pytest.approx(90.0, abs=1e-9)


def test_ten_degrees_up_at_18_km_is_100_km_away() -> None:
    elevation = np.radians(10.0)
    angle = np.arccos(EARTH_RADIUS_M * np.cos(elevation) / (EARTH_RADIUS_M + 18e3)) - elevation
    ground_m = EARTH_RADIUS_M * angle
    assert ground_m == pytest.approx(98.3 * KILOMETRE, abs=1 * KILOMETRE)
    lon, lat = geo.destination(-110.0, 47.0, 123.0, ground_m)
    _, seen, bearing = geo.look(-110.0, 47.0, 0.0, lon, lat, 18e3)
    assert seen == pytest.approx(10.0, abs=0.02)  # The ellipsoid is not the sphere of the closed form.
    assert bearing == pytest.approx(123.0, abs=0.01)


def test_look_straight_up_and_down() -> None:
    assert geo.look(5.0, 52.0, 10.0, 5.0, 52.0, 18010.0)[:2] == (
        pytest.approx(18e3),
        pytest.approx(90.0, abs=1e-6),
    )
    assert geo.look(5.0, 52.0, 18010.0, 5.0, 52.0, 10.0)[1] == pytest.approx(-90.0, abs=1e-6)


def test_look_broadcasts_sites_against_members() -> None:
    member_lon = np.linspace(-115.0, -105.0, 7)
    member_lon[3] = np.nan
    range_m, elevation, bearing = geo.look(
        [[-111.0], [-104.0]], [[47.5], [41.1]], 1000.0, member_lon, 47.0, np.full(7, 18e3)
    )
    assert range_m.shape == elevation.shape == bearing.shape == (2, 7)
    assert np.isnan(elevation[:, 3]).all()
    assert np.isfinite(np.delete(bearing, 3, axis=1)).all()


@given(longitudes, latitudes, longitudes, latitudes)
@proof
def test_range_is_the_same_both_ways(lon0: float, lat0: float, lon1: float, lat1: float) -> None:
    there = geo.look(lon0, lat0, 100.0, lon1, lat1, 18e3)[0]
    back = geo.look(lon1, lat1, 18e3, lon0, lat0, 100.0)[0]
    assert there == pytest.approx(back, abs=10 * MICROMETRE)


# --- horizon


def test_horizon_of_a_balloon_is_480_km_away() -> None:
    # sqrt(2 R h) for 18.3 km: 483 km along the line, 482 km along the ground.
    assert geo.horizon_distance_m(18.3e3) == pytest.approx(482.3 * KILOMETRE, abs=0.2 * KILOMETRE)


def test_horizon_is_where_the_elevation_is_nought() -> None:
    # On the equator going east the radius is a, a thousandth more than the mean: half of that in distance.
    distance = geo.horizon_distance_m(18.3e3) * np.sqrt(WGS84_A_M / EARTH_RADIUS_M)
    lon, lat = geo.destination(-0.5, 0.0, 90.0, distance)
    assert geo.look(-0.5, 0.0, 0.0, lon, lat, 18.3e3)[1] == pytest.approx(0.0, abs=1e-3)


def test_horizon_with_the_radio_s_refraction() -> None:
    # Radio horizon rule of thumb, 4.12 sqrt(h) km with heights in metres (four thirds of the radius).
    assert geo.horizon_distance_m(100.0, 0.0, 4 / 3) == pytest.approx(41.2 * KILOMETRE, abs=0.1 * KILOMETRE)
    assert geo.horizon_distance_m(18.3e3, 0.0, 4 / 3) == pytest.approx(
        np.sqrt(4 / 3) * geo.horizon_distance_m(18.3e3), rel=1e-3
    )


def test_horizons_of_two_heights_add() -> None:
    both = geo.horizon_distance_m([0.0, 18e3, np.nan], 2000.0)
    apart = geo.horizon_distance_m([0.0, 18e3]) + geo.horizon_distance_m(2000.0)
    np.testing.assert_allclose(both[:2], apart)
    assert np.isnan(both[2])
    assert geo.horizon_distance_m(-50.0) == 0.0
    assert geo.horizon_distance_m(1e-6) == pytest.approx(np.sqrt(2 * EARTH_RADIUS_M * 1e-6), rel=1e-6)


@pytest.mark.parametrize("k", [0.0, -1.0, float("nan")])
def test_horizon_refuses_a_refraction_that_is_none(k: float) -> None:
    with pytest.raises(OverflightError, match="refraction"):
        geo.horizon_distance_m(18e3, 0.0, k)

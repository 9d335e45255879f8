"""The simple solver against closed forms, PROJ's geodesics, a solid-body rotation and real soundings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyproj
import pytest

from overflight import geo
from overflight.errors import LimitError, OverflightError
from overflight.trajectories import drift
from overflight.trajectories.drift import Track, WindFn, advect, drift_sounding, integrate
from overflight.winds.grid import Grid
from overflight.winds.soundings import read_soundings

Floats = npt.NDArray[np.float64]

GEOD = pyproj.Geod(ellps="WGS84")
HOUR = 3600.0
A_M, B_M = GEOD.a, GEOD.b

metre = 1.0


def good(lon: Floats) -> npt.NDArray[np.int8]:
    return np.zeros(lon.shape, dtype=np.int8)


def steady(u_mps: float, v_mps: float) -> WindFn:
    return lambda _t, lon, _lat: (np.full(lon.shape, u_mps), np.full(lon.shape, v_mps), good(lon))


def apart_m(track: Track, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    """Distance from the last kept place of each particle."""
    return np.atleast_1d(geo.distance_m(track.lon_deg[:, -1], track.lat_deg[:, -1], lon, lat))


def rotation(pole_lon: float, pole_lat: float, period_s: float) -> WindFn:
    """The wind that turns every normal of the ellipsoid about one axis.

    Speeds come from PROJ's radii of curvature, not from the solver's: N is that of a parallel of known
    length, M is that of a short piece of meridian.
    """
    axis = geo.unit_vector(pole_lon, pole_lat)

    def wind(_t: float, lon: Floats, lat: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int8]]:
        normal = geo.unit_vector(lon, lat)
        turn = 2.0 * np.pi / period_s * np.cross(axis, normal, axisb=0, axisc=0)
        east = np.stack([-np.sin(np.radians(lon)), np.cos(np.radians(lon)), np.zeros_like(lon)])
        north = np.cross(normal, east, axisa=0, axisb=0, axisc=0)
        reduced = np.hypot(A_M * np.cos(np.radians(lat)), B_M * np.sin(np.radians(lat)))
        # Radii of an ellipse by its semi-axes: N = a^2 / w and M = a^2 b^2 / w^3, w = |(a cos, b sin)|.
        prime, meridian = A_M**2 / reduced, A_M**2 * B_M**2 / reduced**3
        return (turn * east).sum(axis=0) * prime, (turn * north).sum(axis=0) * meridian, good(lon)

    return wind


# --- geometry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lat", [-89.9, -60.0, 0.0, 45.0])
def test_a_northward_wind_covers_its_distance_on_the_meridian(lat: float) -> None:
    track = integrate(steady(0.0, 20.0), 30.0, lat, 0.0, 24 * HOUR, step_s=600.0)
    lon_p, lat_p, _ = GEOD.fwd(30.0, lat, 0.0, 20.0 * 24 * HOUR)
    assert apart_m(track, lon_p, lat_p)[0] < 0.01 * metre


def test_a_wind_straight_over_the_pole_goes_down_the_other_side() -> None:
    def wind(_t: float, lon: Floats, lat: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int8]]:
        # Along the great circle of the meridians 30 and -150: north on the one, south on the other.
        return np.zeros(lon.shape), np.where(np.cos(np.radians(lon - 30.0)) > 0, 25.0, -25.0), good(lon)

    track = integrate(wind, 30.0, 88.0, 0.0, 24 * HOUR, step_s=600.0)
    lon_p, lat_p, _ = GEOD.fwd(30.0, 88.0, 0.0, 25.0 * 24 * HOUR)
    # One step crosses the pole, where north turns to south; the stages there see both signs.
    assert apart_m(track, lon_p, lat_p)[0] < 25.0 * 600.0
    assert track.lon_deg[0, -1] == pytest.approx(-150.0, abs=1e-6)


@pytest.mark.parametrize("lat", [-75.0, 0.0, 52.0])
def test_an_eastward_wind_covers_its_distance_on_the_parallel(lat: float) -> None:
    track = integrate(steady(30.0, 0.0), 0.0, lat, 0.0, 12 * HOUR, step_s=600.0)
    # The length of a degree of a parallel, from PROJ: many short geodesics hardly differ from it.
    _, _, tiny = GEOD.inv(0.0, lat, 1e-4, lat)
    assert track.lat_deg[0, -1] == pytest.approx(lat, abs=1e-8)
    assert track.lon_deg[0, -1] == pytest.approx(30.0 * 12 * HOUR / (tiny / 1e-4), rel=1e-6)


def test_a_wind_aloft_moves_the_point_below_by_less() -> None:
    low = integrate(steady(30.0, 0.0), 0.0, 0.0, 0.0, 12 * HOUR)
    high = integrate(steady(30.0, 0.0), 0.0, 0.0, 0.0, 12 * HOUR, alt_m=20_000.0)
    assert high.lon_deg[0, -1] / low.lon_deg[0, -1] == pytest.approx(A_M / (A_M + 20_000.0), rel=1e-9)


def test_on_a_sphere_a_degree_has_its_length() -> None:
    track = integrate(steady(0.0, 10.0), 0.0, 0.0, 0.0, 11_113.7, radius_m=np.degrees(111_137.0), alt_m=2e4)
    assert track.lat_deg[0, -1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("u", "start"), [(40.0, 179.9), (-40.0, -179.9)])
def test_the_date_line_is_an_ordinary_place(u: float, start: float) -> None:
    crossing = integrate(steady(u, 5.0), start, 60.0, 0.0, 6 * HOUR)
    elsewhere = integrate(steady(u, 5.0), 0.0, 60.0, 0.0, 6 * HOUR)
    assert crossing.lat_deg[0, -1] == pytest.approx(elsewhere.lat_deg[0, -1], abs=1e-10)
    gone = (crossing.lon_deg[0, -1] - start + 180.0) % 360.0 - 180.0
    assert gone == pytest.approx(elsewhere.lon_deg[0, -1], abs=1e-10)
    assert np.sign(crossing.lon_deg[0, -1]) == -np.sign(start)


# --- closed forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pole", [(0.0, 90.0), (40.0, 60.0), (-120.0, 0.0), (10.0, -35.0), (179.0, 5.0)])
def test_solid_body_rotation_returns_to_the_start(pole: tuple[float, float]) -> None:
    lon, lat = (
        np.array([-180.0, -90.0, 0.0, 77.0, 179.99, 10.0]),
        np.array([0.0, 45.0, 89.9, -60.0, 10.0, -89.5]),
    )
    track = integrate(rotation(*pole, 5 * 24 * HOUR), lon, lat, 0.0, 5 * 24 * HOUR, step_s=300.0)
    assert (apart_m(track, lon, lat) < 0.1 * metre).all()


def test_solid_body_rotation_goes_over_the_geographic_poles_and_back() -> None:
    # The axis lies in the equator at 90° E, so the meridians 0 and 180 are the path.
    period = 4 * 24 * HOUR
    track = integrate(
        rotation(90.0, 0.0, period),
        0.0,
        0.0,
        0.0,
        period,
        step_s=300.0,
        keep_s=np.array([1, 2, 3, 4]) * period / 4,
    )
    assert np.abs(track.lat_deg[0]) == pytest.approx([90.0, 0.0, 90.0, 0.0], abs=1e-6)
    assert apart_m(track, 0.0, 0.0)[0] < 0.1 * metre


def test_the_step_is_of_fourth_order() -> None:
    # Error after one turn, against steps that halve: the closed form is the start itself.
    period = 24 * HOUR
    errors = []
    for step in (4800.0, 2400.0, 1200.0, 600.0):
        track = integrate(rotation(35.0, 50.0, period), 10.0, 20.0, 0.0, period, step_s=step)
        errors.append(apart_m(track, 10.0, 20.0)[0])
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 3.8).all()
    assert (orders < 4.4).all()


def test_an_inertial_circle_closes() -> None:
    # u and v turn with time; on a small scale the path is a circle that closes after one period.
    period = 12 * HOUR

    def wind(t: float, lon: Floats, _lat: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int8]]:
        phase = 2 * np.pi * t / period
        return np.full(lon.shape, np.cos(phase)), np.full(lon.shape, np.sin(phase)), good(lon)

    track = integrate(wind, 5.0, 0.0, 0.0, period, step_s=600.0, keep_s=[period / 2, period])
    # Half way it is one diameter, V T / pi, to the north.
    north = geo.distance_m(5.0, 0.0, track.lon_deg[0, 0], track.lat_deg[0, 0])
    assert north == pytest.approx(period / np.pi, rel=1e-5)
    assert apart_m(track, 5.0, 0.0)[0] < 1.0 * metre


# --- forward and back ----------------------------------------------------------------------------------


def wavy(t: float, lon: Floats, lat: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int8]]:
    x, y = np.radians(lon), np.radians(lat)
    u = 30.0 * np.cos(y) + 10.0 * np.sin(3 * x + t / 4e4) * np.cos(y)
    v = 15.0 * np.cos(3 * x - t / 3e4) * np.cos(y) ** 2
    return u, v, good(lon)


@pytest.mark.parametrize("days", [3.0, -3.0])
@pytest.mark.parametrize("step_s", [450.0, -450.0])
def test_forward_then_back_is_the_identity(days: float, step_s: float) -> None:
    # All over the globe, with both poles, their surroundings and the date line among them.
    rng = np.random.default_rng(7)
    lon = np.concatenate([rng.uniform(-180.0, 180.0, 300), [180.0, -180.0, 0.0, 33.0, 179.999]])
    lat = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, 300))), [0.0, 60.0, 90.0, -90.0, 89.999]])
    end = days * 24 * HOUR
    there = integrate(wavy, lon, lat, 0.0, end, step_s=step_s)
    assert (there.status[:, -1] == 0).all()
    back = integrate(wavy, there.lon_deg[:, -1], there.lat_deg[:, -1], end, 0.0, step_s=step_s)
    assert apart_m(back, lon, lat).max() < 2.0 * metre
    assert np.median(apart_m(there, lon, lat)) > 500e3 * metre


def smooth_grid() -> Grid:
    time = np.arange(0.0, 49.0, 3.0) * HOUR
    lat, lon = np.arange(20.0, 81.0), np.arange(-170.0, -59.0)
    pressure = np.array([3000.0, 5000.0, 7000.0])
    t, _, y, x = np.meshgrid(time, pressure, lat, lon, indexing="ij")
    u = 25.0 + 10.0 * np.sin(np.radians(4 * x) + t / 8e4)
    v = 8.0 * np.cos(np.radians(5 * y) - t / 9e4)
    return Grid(
        time_s=time,
        pressure_pa=pressure,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u.astype("f4"),
        v_mps=v.astype("f4"),
    )


def test_forward_then_back_through_a_grid_to_its_very_ends_in_time() -> None:
    grid = smooth_grid()
    lon, lat = np.linspace(-160.0, -140.0, 6), np.linspace(35.0, 60.0, 6)
    first, last = grid.time_s[0], grid.time_s[-1]
    there = advect(grid, lon, lat, first, last, 5000.0, step_s=250.0)
    assert (there.status[:, -1] == 0).all()
    assert (apart_m(there, lon, lat) > 1e6).all()
    back = advect(grid, there.lon_deg[:, -1], there.lat_deg[:, -1], last, first, 5000.0, step_s=250.0)
    assert (apart_m(back, lon, lat) < 10.0 * metre).all()


def test_a_particle_that_leaves_the_grid_stops_and_says_so_while_others_go_on() -> None:
    grid = smooth_grid()
    track = advect(
        grid, [-61.0, -150.0], [50.0, 50.0], 0.0, 48 * HOUR, 5000.0, keep_s=np.arange(0, 49, 6) * HOUR
    )
    assert track.status[0, 0] == 0
    assert track.status[0, -1] == 4  # outside longitudes
    assert np.isnan(track.lon_deg[0, -1])
    assert np.isfinite(track.lon_deg[1]).all()
    assert 0.0 < track.stopped_time_s[0] < 6 * HOUR
    assert np.isnan(track.stopped_time_s[1])


@pytest.mark.parametrize(("when", "code"), [(49 * HOUR, 1), (-HOUR, 1)])
def test_a_run_beyond_the_times_of_the_grid_is_not_extrapolated(when: float, code: int) -> None:
    track = advect(smooth_grid(), -120.0, 50.0, 24 * HOUR, when, 5000.0)
    assert track.status[0, -1] == code
    assert np.isnan(track.lat_deg[0, -1])


def test_a_wind_that_is_not_finite_stops_even_with_a_good_code() -> None:
    track = integrate(steady(np.nan, 0.0), 0.0, 0.0, 0.0, HOUR)
    assert track.status[0].tolist() == [0, drift.NO_WIND]


# --- real winds ----------------------------------------------------------------------------------------


def test_own_winds_of_all_arm_soundings_end_at_their_own_positions(test_data: Path) -> None:
    files = sorted((test_data / "arm").glob("*.cdf"))
    assert len(files) >= 17
    for file in files:
        (one,) = read_soundings(file)
        track = drift_sounding(one)
        end = geo.distance_m(one.lon_deg[0], one.lat_deg[0], one.lon_deg[-1], one.lat_deg[-1])
        assert 9e3 < end < 130e3
        assert apart_m(track, one.lon_deg[-1], one.lat_deg[-1])[0] < 100.0 * metre, file.name


def test_own_winds_of_sparse_rs41_flights_go_the_right_way(test_data: Path) -> None:
    files = sorted((test_data / "rs41_oak").glob("*.csv"))
    assert files
    for file in files:
        (one,) = read_soundings(file)
        track = drift_sounding(one)
        gone = geo.distance_m(one.lon_deg[0], one.lat_deg[0], one.lon_deg[-1], one.lat_deg[-1])
        # Gaps of minutes, also over the top of the flight, leave up to a tenth; a wrong sign, twice it all.
        assert apart_m(track, one.lon_deg[-1], one.lat_deg[-1])[0] < 0.15 * gone


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"step_s": 0.0},
        {"step_s": np.nan},
        {"lat_deg": 91.0},
        {"lat_deg": np.nan},
        {"lon_deg": np.inf},
        {"time_end": np.nan},
        {"keep_s": [3600.0, 1800.0]},
        {"keep_s": [7200.0]},
        {"keep_s": []},
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, object]) -> None:
    usable: dict[str, object] = {"lon_deg": 0.0, "lat_deg": 0.0, "time_start": 0.0, "time_end": 3600.0}
    with pytest.raises(OverflightError):
        integrate(steady(1.0, 1.0), **(usable | arguments))


def test_an_endless_run_is_refused_before_it_starts() -> None:
    with pytest.raises(LimitError):
        integrate(steady(1.0, 1.0), 0.0, 0.0, 0.0, 1e9, step_s=1.0)


def test_a_run_of_no_length_stays() -> None:
    track = integrate(steady(10.0, 10.0), 5.0, 6.0, 100.0, 100.0)
    assert track.lon_deg[0] == pytest.approx([5.0, 5.0])


def test_kept_times_are_hit_exactly_whatever_the_step() -> None:
    keep = np.array([0.0, 1.0, 1000.0, 3599.0, 3600.0])
    coarse = integrate(steady(10.0, 0.0), 0.0, 0.0, 0.0, 3600.0, step_s=1e6, keep_s=keep)
    fine = integrate(steady(10.0, 0.0), 0.0, 0.0, 0.0, 3600.0, step_s=7.0, keep_s=keep)
    np.testing.assert_allclose(coarse.lon_deg, fine.lon_deg, atol=1e-10)
    assert coarse.time_s.tolist() == keep.tolist()

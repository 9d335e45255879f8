"""The fast path at constant pressure against closed forms and the general solver."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyproj
import pytest

from overflight import geo
from overflight.errors import LimitError, OverflightError
from overflight.trajectories import isobaric
from overflight.trajectories.isobaric import Carried, advect_isobaric
from overflight.trajectories.solve import advect
from overflight.winds.grid import Grid

Floats = npt.NDArray[np.float64]

HOUR = 3600.0
DAY = 24 * HOUR
metre = 1.0
RADIUS_M = 6_371_000.0
LEVELS_PA = np.array([1000.0, 3000.0, 7000.0, 20000.0])


def make_grid(
    wind: tuple[Floats, Floats] | None = None,
    *,
    time_s: Floats | None = None,
    spacing: float = 2.0,
    lat: Floats | None = None,
    lon: Floats | None = None,
    seed: int = 0,
    steady: bool = False,
) -> Grid:
    """Return a smooth random grid, or one with the wind given on (lat, lon)."""
    times = np.arange(5) * 6 * HOUR if time_s is None else time_s
    lats = np.arange(-90.0, 90.1, spacing) if lat is None else lat
    lons = np.arange(0.0, 360.0, spacing) if lon is None else lon
    shape = (times.size, LEVELS_PA.size, lats.size, lons.size)
    if wind is None:
        u, v = _waves(times, lats, lons, seed)
    else:
        u, v = (np.broadcast_to(part, shape).astype(np.float32) for part in wind)
    periodic = bool(abs(lons.size * (lons[1] - lons[0]) - 360.0) < 1e-6)
    return Grid(
        time_s=times,
        pressure_pa=LEVELS_PA,
        lat_deg=lats,
        lon_deg=lons,
        u_mps=u,
        v_mps=v,
        periodic=periodic,
        steady=steady,
    )


def _waves(time_s: Floats, lat: Floats, lon: Floats, seed: int) -> tuple[npt.NDArray[np.float32], ...]:
    """Winds of a few waves on the sphere, as vectors in space, so that the poles are ordinary places."""
    rng = np.random.default_rng(seed)
    la, lo = np.radians(lat)[:, None], np.radians(lon)[None, :]
    normal = np.stack(np.broadcast_arrays(np.cos(la) * np.cos(lo), np.cos(la) * np.sin(lo), np.sin(la)))
    east = np.stack(np.broadcast_arrays(-np.sin(lo), np.cos(lo), np.zeros_like(la * lo)))
    north = np.cross(normal, east, axisa=0, axisb=0, axisc=0)
    shape = (time_s.size, LEVELS_PA.size, lat.size, lon.size)
    u, v = np.zeros(shape), np.zeros(shape)
    for _ in range(6):
        wave, axis = rng.normal(size=3) * 3.0, rng.normal(size=3)
        phase = np.tensordot(wave, normal, 1) + rng.uniform(0, 6.0)
        for t, time in enumerate(time_s):
            for level in range(LEVELS_PA.size):
                vector = 12.0 * axis[:, None, None] * np.cos(phase + time / DAY + 0.3 * level)
                u[t, level] += (vector * east).sum(axis=0)
                v[t, level] += (vector * north).sum(axis=0)
    return u.astype(np.float32), v.astype(np.float32)


def rotation(pole_lon: float, pole_lat: float, period_s: float, spacing: float) -> Grid:
    """Return the wind that turns a sphere about one axis, steady."""
    lat, lon = np.arange(-90.0, 90.1, spacing), np.arange(0.0, 360.0, spacing)
    la, lo = np.radians(lat)[:, None], np.radians(lon - pole_lon)[None, :]
    tilt, speed = np.radians(90.0 - pole_lat), 2.0 * np.pi / period_s * RADIUS_M
    u = speed * (np.cos(tilt) * np.cos(la) - np.sin(tilt) * np.sin(la) * np.cos(lo))
    v = speed * np.sin(tilt) * np.sin(lo) + 0.0 * la
    return make_grid((u, v), time_s=np.zeros(1), lat=lat, lon=lon, steady=True)


def many(n: int, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    """Places over the whole globe, the poles included, and pressures within the levels."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, n)))
    return rng.uniform(-180.0, 180.0, n), lat, np.exp(rng.uniform(np.log(1000.0), np.log(20000.0), n))


def apart_m(carried: Carried, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    return np.atleast_1d(geo.distance_m(carried.lon_deg[:, -1], carried.lat_deg[:, -1], lon, lat))


# --- closed forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pole", [(0.0, 90.0), (40.0, 60.0), (-120.0, 0.0), (10.0, -35.0)])
def test_a_rotation_brings_particles_back(pole: tuple[float, float]) -> None:
    grid = rotation(*pole, 5 * DAY, 0.5)
    lon, lat = np.array([-180.0, 0.0, 77.0, 179.99, 10.0]), np.array([0.0, 89.9, -60.0, 10.0, -89.5])
    back = advect_isobaric(grid, lon, lat, 5000.0, 0.0, 5 * DAY, radius_m=RADIUS_M)
    # What remains is the grid's: linear interpolation cuts the corners of a wave by (half a degree)^2 / 8.
    assert (apart_m(back, lon, lat) < 1e-5 * 2.0 * np.pi * RADIUS_M).all()


def test_a_rotation_goes_over_both_poles() -> None:
    grid = rotation(90.0, 0.0, 4 * DAY, 0.5)
    quarter = np.array([1, 2, 3, 4]) * DAY
    path = advect_isobaric(grid, 0.0, 0.0, 5000.0, 0.0, 4 * DAY, keep_s=quarter, radius_m=RADIUS_M)
    assert np.abs(path.lat_deg[0]) == pytest.approx([90.0, 0.0, 90.0, 0.0], abs=0.01)
    assert path.lat_deg[0, 0] * path.lat_deg[0, 2] < 0.0


def test_a_finer_grid_brings_a_rotation_nearer() -> None:
    errors = []
    for spacing in (2.0, 1.0):
        grid = rotation(40.0, 60.0, 5 * DAY, spacing)
        errors.append(
            apart_m(advect_isobaric(grid, 10.0, 20.0, 5000.0, 0.0, 5 * DAY, radius_m=RADIUS_M), 10.0, 20.0)[0]
        )
    assert errors[1] < 0.35 * errors[0]


@pytest.mark.parametrize(("u", "start"), [(40.0, 179.9), (-40.0, -179.9), (40.0, 359.9), (-40.0, 0.1)])
def test_date_line_and_seam_are_ordinary_places(u: float, start: float) -> None:
    grid = make_grid((np.array(u), np.array(0.0)))
    there = advect_isobaric(grid, [start, 77.0], [60.0, 60.0], 5000.0, 0.0, 6 * HOUR)
    gone = (there.lon_deg[:, -1] - [start, 77.0] + 180.0) % 360.0 - 180.0
    assert gone[0] == pytest.approx(gone[1], abs=1e-6)
    assert (np.abs(there.lon_deg) <= 180.0).all()


def test_an_eastward_wind_covers_its_distance_on_the_parallel_aloft() -> None:
    grid = make_grid((np.array(30.0), np.array(0.0)))
    path = advect_isobaric(grid, 0.0, 52.0, 5000.0, 0.0, 12 * HOUR, alt_m=20_000.0)
    # The length of a degree of the parallel: PROJ's on the ground, and the height's share.
    _, _, tiny = pyproj.Geod(ellps="WGS84").inv(0.0, 52.0, 1e-4, 52.0)
    degree_m = tiny / 1e-4 + np.radians(1.0) * 20_000.0 * np.cos(np.radians(52.0))
    # The cubic of the row errs by 7e-8, and the sum is in single precision.
    assert path.lon_deg[0, -1] == pytest.approx(30.0 * 12 * HOUR / degree_m, rel=3e-7)


def test_the_step_is_of_fourth_order() -> None:
    # Within one cell the wind is a polynomial; the truth is the same path in very short steps.
    lat, lon = np.arange(-60.0, 61.0, 60.0), np.arange(0.0, 360.0, 60.0)
    rng = np.random.default_rng(3)
    u, v = rng.normal(0.0, 60.0, (2, 2, 1, lat.size, lon.size))
    grid = make_grid((u, v), time_s=np.array([0.0, 16 * HOUR]), lat=lat, lon=lon)
    ends = [
        advect_isobaric(grid, 20.0, -25.0, 5000.0, 0.0, 16 * HOUR, step_s=step)
        for step in (16 * HOUR, 8 * HOUR, 4 * HOUR, 60.0)
    ]
    error = [apart_m(end, ends[-1].lon_deg[:, -1], ends[-1].lat_deg[:, -1])[0] for end in ends[:-1]]
    orders = np.log2(np.array(error[:-1]) / error[1:])
    assert (orders > 3.4).all()
    assert (orders < 5.6).all()


# --- the general solver --------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", [True, False])
def test_it_agrees_with_the_general_solver_everywhere(forward: bool) -> None:
    grid, (lon, lat, pressure) = make_grid(), many(150)
    begin, end = (0.0, DAY) if forward else (DAY, 0.0)
    keep = np.linspace(begin, end, 9)
    fast = advect_isobaric(grid, lon, lat, pressure, begin, end, keep_s=keep)
    slow = advect(grid, lon, lat, begin, end, pressure, keep_s=keep)
    assert np.array_equal(fast.status, slow.status)
    assert (geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg) < 2.0 * metre).all()


@pytest.mark.parametrize("axis", ["lat", "lon", "both"])
def test_uneven_axes_are_carried_exactly(axis: str) -> None:
    rows = (
        89.0 * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 61))
        if axis != "lon"
        else np.arange(-88.0, 89.0, 4.0)
    )
    cols = (
        np.sort(np.random.default_rng(4).uniform(0.0, 359.0, 90))
        if axis != "lat"
        else np.arange(0.0, 360.0, 4.0)
    )
    grid = make_grid(lat=rows, lon=cols)
    lon, lat, pressure = many(20)
    fast = advect_isobaric(grid, lon, lat, pressure, 0.0, 12 * HOUR)
    slow = advect(grid, lon, lat, 0.0, 12 * HOUR, pressure)
    assert np.array_equal(fast.status, slow.status)
    good = fast.status[:, -1] == 0
    assert good.any()
    apart = geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg)[good]
    assert (apart < 1e-3 * metre).all()


def test_rows_that_stop_short_of_the_poles_reach_them() -> None:
    grid = make_grid(lat=np.arange(-89.0, 89.1, 2.0))
    lon, lat = np.linspace(0.0, 350.0, 12), np.repeat([89.6, -89.6], 6)
    fast = advect_isobaric(grid, lon, lat, 5000.0, 0.0, DAY)
    slow = advect(grid, lon, lat, 0.0, DAY, 5000.0)
    assert (fast.status == 0).all()
    assert (geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg) < 0.5 * metre).all()


def test_times_that_do_not_meet_the_grid_agree() -> None:
    grid, (lon, lat, pressure) = make_grid(), many(60)
    keep = np.array([1234.5, 5 * HOUR + 1.0, 7 * HOUR, 19 * HOUR + 77.0])
    fast = advect_isobaric(grid, lon, lat, pressure, 777.0, 20 * HOUR, keep_s=keep, step_s=240.0)
    slow = advect(grid, lon, lat, 777.0, 20 * HOUR, pressure, keep_s=keep, step_s=60.0)
    assert (geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg) < 3.0 * metre).all()


# --- ends of the data ----------------------------------------------------------------------------------


def test_each_edge_of_the_data_gives_its_code() -> None:
    grid = make_grid((np.array(20.0), np.array(20.0)), lat=np.arange(30.0, 51.0), lon=np.arange(10.0, 31.0))
    lon, lat = [29.5, 20.0, 20.0, 50.0], [31.0, 49.5, 40.0, 40.0]
    out = advect_isobaric(
        grid, lon, lat, [5000.0, 5000.0, 500.0, 5000.0], 0.0, 6 * HOUR, keep_s=[0.0, 600.0, 6 * HOUR]
    )
    assert out.status[:, -1].tolist() == [4, 3, 2, 4]
    assert out.status[:2, 1].tolist() == [0, 0]
    assert np.isnan(out.lon_deg[:, -1]).all()
    assert np.isfinite(out.lon_deg[:, 0]).all()
    slow = advect(grid, lon, lat, 0.0, 6 * HOUR, [5000.0, 5000.0, 500.0, 5000.0])
    assert out.end_time_s.tolist() == slow.stopped_time_s.tolist()
    assert np.isfinite(out.end_lat_deg).all()


@pytest.mark.parametrize("forward", [True, False])
def test_what_leaves_the_data_is_kept_until_then_and_coded_after(forward: bool) -> None:
    grid = make_grid(lat=np.arange(30.0, 51.0, 2.0), lon=np.arange(10.0, 31.0, 2.0))
    lon, lat = np.random.default_rng(8).uniform([[8.0], [28.0]], [[32.0], [52.0]], (2, 200))
    begin, end = (0.0, DAY) if forward else (DAY, 0.0)
    keep = np.linspace(begin, end, 25)
    fast = advect_isobaric(grid, lon, lat, 5000.0, begin, end, keep_s=keep)
    slow = advect(grid, lon, lat, begin, end, 5000.0, keep_s=keep)
    parts = [(fast.status == 0).any(axis=1), (fast.status != 0).any(axis=1)]
    assert (parts[0] & parts[1]).sum() > 50
    assert np.array_equal(fast.status, slow.status)
    assert np.array_equal(np.isnan(fast.lon_deg), fast.status != 0)
    good = fast.status == 0
    apart = geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg)[good]
    assert (apart < 2.0 * metre).all()


@pytest.mark.parametrize("forward", [True, False])
def test_a_run_that_outlasts_the_data_stops_there(forward: bool) -> None:
    grid = make_grid()
    begin, end = (18 * HOUR, 30 * HOUR) if forward else (6 * HOUR, -6 * HOUR)
    edge = 24 * HOUR if forward else 0.0
    out = advect_isobaric(grid, 0.0, 50.0, 5000.0, begin, end, keep_s=[edge, end])
    assert out.status.tolist() == [[0, 1]]
    assert np.isfinite(out.lon_deg[0]).tolist() == [True, False]
    assert out.end_time_s.tolist() == [edge]


def test_a_start_outside_time_keeps_its_place_and_says_so() -> None:
    out = advect_isobaric(make_grid(), 0.0, 50.0, 5000.0, -10 * HOUR, 0.0)
    assert out.status.tolist() == [[0, 1]]
    assert out.lat_deg[0, 0] == 50.0
    assert np.isnan(out.lat_deg[0, 1])


def test_missing_values_stop_those_beside_them_only() -> None:
    grid = make_grid((np.array(25.0), np.array(0.0)))
    grid.u_mps[:, :, :, 10] = np.nan  # the meridian of 20 deg
    out = advect_isobaric(grid, [10.0, 25.0], [0.0, 0.0], 5000.0, 0.0, DAY)
    slow = advect(grid, [10.0, 25.0], [0.0, 0.0], 0.0, DAY, 5000.0)
    assert out.status[:, -1].tolist() == [5, 0]
    assert out.end_time_s[0] == slow.stopped_time_s[0]


def test_a_particle_on_the_highest_level_needs_nothing_above() -> None:
    grid = make_grid()
    grid.u_mps[:, 1] = np.nan
    out = advect_isobaric(grid, 0.0, 40.0, [1000.0, 20000.0], 0.0, DAY)
    assert out.status[:, -1].tolist() == [0, 0]


# --- runs ----------------------------------------------------------------------------------------------


def test_back_again_closes_within_metres() -> None:
    grid, (lon, lat, pressure) = make_grid(), many(200)
    there = advect_isobaric(grid, lon, lat, pressure, 0.0, DAY)
    back = advect_isobaric(grid, there.end_lon_deg, there.end_lat_deg, pressure, DAY, 0.0)
    assert (apart_m(back, lon, lat) < 2.0 * metre).all()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_any_number_of_workers_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    grid, (lon, lat, pressure) = make_grid(), many(333)

    def run(workers: int) -> Carried:
        monkeypatch.setattr("overflight.compiled.workers", lambda: workers)
        return advect_isobaric(grid, lon, lat, pressure, 0.0, DAY)

    for one, other in zip(run(1), run(count), strict=True):
        assert one.tobytes() == other.tobytes()


def test_company_does_not_change_a_particle() -> None:
    grid, (lon, lat, pressure) = make_grid(), many(100)
    together = advect_isobaric(grid, lon, lat, pressure, 0.0, DAY)
    alone = [
        advect_isobaric(grid, *one, 0.0, DAY).lon_deg[0, -1]
        for one in zip(lon[:9], lat[:9], pressure[:9], strict=True)
    ]
    assert alone == together.lon_deg[:9, -1].tolist()


@pytest.mark.parametrize("forward", [True, False])
def test_windows_give_the_bytes_of_the_whole(forward: bool) -> None:
    whole, (lon, lat, pressure) = make_grid(), many(64)
    taken = []

    def windows() -> Iterator[Grid]:
        for a, b in pairwise(range(5)) if forward else [(i, i + 1) for i in (3, 2, 1, 0)]:
            taken.append(a)
            yield Grid(
                time_s=whole.time_s[a : b + 1],
                pressure_pa=whole.pressure_pa,
                lat_deg=whole.lat_deg,
                lon_deg=whole.lon_deg,
                u_mps=whole.u_mps[a : b + 1],
                v_mps=whole.v_mps[a : b + 1],
                periodic=True,
            )

    begin, end = (0.0, 17 * HOUR) if forward else (DAY, 7 * HOUR)
    at_once = advect_isobaric(whole, lon, lat, pressure, begin, end)
    streamed = advect_isobaric(windows(), lon, lat, pressure, begin, end)
    assert len(taken) == 3
    for one, other in zip(at_once, streamed, strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_long_steady_run_comes_back_from_the_pole_to_the_fast_path() -> None:
    grid = rotation(90.0, 0.0, 4 * DAY, 2.0)
    fast = advect_isobaric(grid, 3.0, 80.0, 5000.0, 0.0, 2 * DAY, keep_s=[DAY, 2 * DAY])
    slow = advect(grid, 3.0, 80.0, 0.0, 2 * DAY, 5000.0, keep_s=[DAY, 2 * DAY])
    apart = geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg)
    assert (apart < 2.0 * metre).all()


def test_a_wind_of_no_sense_does_not_break_the_run() -> None:
    grid = make_grid((np.array(1e30), np.array(-1e30)))
    out = advect_isobaric(grid, [0.0, 100.0], [0.0, 60.0], 5000.0, 0.0, 6 * HOUR)
    assert (np.isfinite(out.lon_deg[:, -1]) | (out.status[:, -1] != 0)).all()


def test_the_rows_round_the_poles_are_not_fast() -> None:
    rows = isobaric._row_table(make_grid(spacing=1.0), None)
    fast = rows[:, 11] > 0.0
    assert fast[6:-6].all()
    assert not fast[[0, 1, 2, 3, -4, -3, -2, -1]].any()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"step_s": 0.0}, OverflightError),
        ({"step_s": float("nan")}, OverflightError),
        ({"step_s": 1e-3}, LimitError),
        ({"lat_deg": 91.0}, OverflightError),
        ({"lon_deg": float("nan")}, OverflightError),
        ({"pressure_pa": 0.0}, OverflightError),
        ({"time_end": float("inf")}, OverflightError),
        ({"keep_s": [2 * HOUR, HOUR]}, OverflightError),
        ({"keep_s": [2 * DAY]}, OverflightError),
    ],
)
def test_input_that_cannot_be_used_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    given: dict[str, object] = {
        "winds": make_grid(),
        "lon_deg": 0.0,
        "lat_deg": 0.0,
        "pressure_pa": 5000.0,
        "time_start": 0.0,
        "time_end": DAY,
    }
    with pytest.raises(error):
        advect_isobaric(**{**given, **change})  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "lon", [np.nextafter(180.0, 0.0), np.nextafter(-180.0, -360.0), 180.0, 540.0, -180.0]
)
def test_longitudes_stay_within_the_circle_also_a_hair_from_its_end(lon: float) -> None:
    still = make_grid((np.zeros((1, 1)), np.zeros((1, 1))))
    path = advect_isobaric(still, lon, 10.0, 5000.0, 0.0, HOUR)
    for found in (path.lon_deg, path.end_lon_deg):
        assert ((found >= -180.0) & (found < 180.0)).all()
        assert np.abs(found) == pytest.approx(180.0)

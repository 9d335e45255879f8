"""The kernel against closed forms and scipy's RegularGridInterpolator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from overflight.errors import InputError
from overflight.winds.grid import Grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import WIND_STATUS, pack, sample, wind_at

Array = npt.NDArray[np.float64]

# Fields are stored as float32, which holds winds up to 128 m/s to 4e-6 m/s.
FLOAT32_MPS = 2e-5
HOUR = 3600.0


def grid_of(time, pressure, lat, lon, wind, **more) -> Grid:
    """Build a grid from a function of broadcast (t, p, lat, lon) that returns u, v."""
    axes = [np.asarray(a, float) for a in (time, pressure, lat, lon)]
    mesh = np.meshgrid(*axes, indexing="ij")
    u, v = (np.broadcast_to(part, mesh[0].shape).astype(np.float32) for part in wind(*mesh))
    return Grid(
        time_s=axes[0], pressure_pa=axes[1], lat_deg=axes[2], lon_deg=axes[3], u_mps=u, v_mps=v, **more
    )


def linear_wind(t, p, lat, lon):
    """A field that the scheme must reproduce exactly away from the poles."""
    u = 3.0 + t / HOUR + 4.0 * np.log(p / 1e4) + 0.2 * lat - 0.1 * lon
    return u, -u + 1e-4 * t


def regional(**more) -> Grid:
    return grid_of(
        [0.0, HOUR, 4 * HOUR],  # uneven
        [2000.0, 5000.0, 7000.0, 20000.0],
        [-10.0, -4.0, 3.0, 20.0],
        [170.0, 175.0, 185.0, 200.0],
        linear_wind,
        **more,
    )


def test_a_linear_field_comes_back_on_uneven_axes():
    rng = np.random.default_rng(1)
    t, la = rng.uniform(0, 4 * HOUR, 500), rng.uniform(-10, 20, 500)
    p, lo = np.exp(rng.uniform(np.log(2000), np.log(20000), 500)), rng.uniform(170, 200, 500)
    wind = sample(regional(), t, p, la, lo)
    u, v = linear_wind(t, p, la, lo)
    assert not wind.status.any()
    np.testing.assert_allclose(wind.u_mps, u, atol=FLOAT32_MPS)
    np.testing.assert_allclose(wind.v_mps, v, atol=FLOAT32_MPS)


def test_longitudes_may_be_given_in_any_turn():
    for lo in (-175.0, 185.0, 545.0, -535.0):
        wind = sample(regional(), 0.0, 5000.0, 0.0, lo)
        assert wind.u_mps == pytest.approx(linear_wind(0.0, 5000.0, 0.0, 185.0)[0], abs=FLOAT32_MPS)


def test_nodes_come_back_exactly():
    grid = regional()
    mesh = np.meshgrid(grid.time_s, grid.pressure_pa, grid.lat_deg, grid.lon_deg - 360.0, indexing="ij")
    wind = sample(grid, *mesh)
    np.testing.assert_array_equal(wind.u_mps, grid.u_mps)
    np.testing.assert_array_equal(wind.v_mps, grid.v_mps)


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ((-1.0, 5e3, 0.0, 180.0), 1),
        ((4 * HOUR + 1.0, 5e3, 0.0, 180.0), 1),
        ((np.nan, 5e3, 0.0, 180.0), 1),
        ((0.0, 1999.0, 0.0, 180.0), 2),
        ((0.0, 20001.0, 0.0, 180.0), 2),
        ((0.0, -5e3, 0.0, 180.0), 2),
        ((0.0, 0.0, 0.0, 180.0), 2),
        ((0.0, 5e3, -10.001, 180.0), 3),
        ((0.0, 5e3, 95.0, 180.0), 3),
        ((0.0, 5e3, 0.0, 169.999), 4),
        ((0.0, 5e3, 0.0, 200.001), 4),
        ((0.0, 5e3, 0.0, np.inf), 4),
        ((0.0, 5e3, 0.0, 180.0), 0),
    ],
)
def test_outside_is_nan_with_its_code(point, code):
    wind = sample(regional(), *point)
    assert wind.status == code
    assert WIND_STATUS[int(wind.status)]
    assert np.isnan([wind.u_mps, wind.v_mps, wind.u_sd_mps, wind.v_sd_mps]).all() == (code != 0)


def test_positions_rounded_to_float32_stay_on_the_edge():
    grid = regional()
    edge = np.float32(np.log(2000.0))
    wind = wind_at(*pack(grid), 0.0, float(edge), -10.0 - 1e-7, 200.0 + 1e-7)
    assert wind[4] == 0
    assert wind[0] == grid.u_mps[0, 0, 0, -1]  # the value of the edge itself, not beyond it


def test_a_missing_node_speaks_only_where_it_weighs():
    grid = regional()
    u = grid.u_mps.copy()
    u[1, 1, 1, 1] = np.nan
    holed = replace(grid, u_mps=u)
    at = (grid.time_s[1], grid.pressure_pa[1], grid.lat_deg[1], grid.lon_deg[1])
    assert sample(holed, *at).status == 5
    for axis, (other, beside) in enumerate(((HOUR * 4, 1.0), (7e3, 1.0), (3.0, 0.1), (185.0, 0.1))):
        neighbour = list(at)
        neighbour[axis] = other
        assert sample(holed, *neighbour).status == 0  # the next node, one step away
        neighbour[axis] = at[axis] + beside
        assert sample(holed, *neighbour).status == 5
        assert np.isnan(sample(holed, *neighbour).v_mps)


def test_a_missing_spread_is_missing_too():
    grid = regional()
    sd = np.full(grid.u_mps.shape, 2.0, np.float32)
    holed = sd.copy()
    holed[0] = np.nan
    spread = replace(grid, u_sd_mps=sd, v_sd_mps=holed)
    known = sample(spread, HOUR, 5e3, 0.0, 180.0)
    assert known.u_mps == sample(grid, HOUR, 5e3, 0.0, 180.0).u_mps
    assert (known.u_sd_mps, known.v_sd_mps, known.status) == (2.0, 2.0, 0)
    assert sample(spread, 0.0, 5e3, 0.0, 180.0).status == 5


def test_one_time_is_an_instant_unless_steady():
    grid = grid_of([HOUR], [5e3, 1e4], [0.0, 1.0], [0.0, 1.0], linear_wind)
    assert sample(grid, [HOUR, HOUR + 1.0, 0.0], 7e3, 0.5, 0.5).status.tolist() == [0, 1, 1]
    steady = replace(grid, steady=True)
    wind = sample(steady, [HOUR, -1e9, 1e12], 7e3, 0.5, 0.5)
    assert wind.status.tolist() == [0, 0, 0]
    assert np.ptp(wind.u_mps) == 0.0
    assert sample(steady, np.nan, 7e3, 0.5, 0.5).status == 1


def test_one_level_holds_at_that_level_alone():
    grid = grid_of([0.0, HOUR], [7e3], [0.0, 1.0], [0.0, 1.0], linear_wind)
    assert sample(grid, 60.0, [7e3, 6990.0, 7010.0], 0.5, 0.5).status.tolist() == [0, 2, 2]


def test_steadiness_of_several_times_is_not_believed():
    grid = regional(steady=True)
    assert sample(grid, 5 * HOUR, 5e3, 0.0, 180.0).status == 1


@pytest.mark.parametrize("first", [0.0, -180.0, 20.0])
def test_the_seam_closes_wherever_the_columns_begin(first):
    lon = first + np.arange(0.0, 360.0, 10.0)

    def wave(t, p, lat, lon):
        return 20.0 * np.cos(np.radians(lon)), 20.0 * np.sin(np.radians(lon))

    grid = grid_of([0.0, HOUR], [5e3, 1e4], [-10.0, 10.0], lon, wave, periodic=True)
    seam = np.array([first - 4.0, first - 1e-12, first, first + 356.0, first + 360.0, first - 360.0])
    wind = sample(grid, 0.0, 5e3, 0.0, seam)
    # By hand: linear between the two columns around each.
    low = np.floor((seam + 1e-9 - first) / 10.0) * 10.0 + first
    share = (seam - low) / 10.0
    expected = (1 - share) * wave(0, 0, 0, low)[0] + share * wave(0, 0, 0, low + 10.0)[0]
    assert not wind.status.any()
    np.testing.assert_allclose(wind.u_mps, expected, atol=FLOAT32_MPS)


def polar_flow(lat: Array, lon: Array, toward_x: float, toward_y: float) -> tuple[Array, Array]:
    """East and north components of one vector in the plane touching a pole, at any place near it.

    x points along the Greenwich meridian and y along 90° east. Unit vectors at longitude l: east is
    (-sin l, cos l) at both poles; north is toward the north pole, -(cos l, sin l), and away from the south.
    """
    east, ahead = np.radians(lon), np.where(lat > 0, -1.0, 1.0)
    u = -np.sin(east) * toward_x + np.cos(east) * toward_y
    v = ahead * (np.cos(east) * toward_x + np.sin(east) * toward_y)
    return u, v


@pytest.mark.parametrize("rows", [np.arange(-90.0, 90.1, 5.0), np.arange(-87.5, 90.0, 5.0)])
@pytest.mark.parametrize("step", [5.0, 30.0])
def test_a_uniform_flow_over_the_pole_comes_back(rows, step):
    """Exact on rows that reach the pole and on rows that stop short of it, even with coarse columns."""
    grid = grid_of(
        [0.0, HOUR],
        [5e3, 1e4],
        rows,
        np.arange(0.0, 360.0, step),
        lambda t, p, lat, lon: polar_flow(lat, lon, 30.0, -12.0),
        periodic=True,
    )
    rng = np.random.default_rng(2)
    la = rng.uniform(72.0, 90.0, 400) * rng.choice([-1.0, 1.0], 400)
    la[:2] = 90.0, -90.0
    lo = rng.uniform(-720.0, 720.0, 400)
    wind = sample(grid, 600.0, 6e3, la, lo)
    u, v = polar_flow(la, lo, 30.0, -12.0)
    assert not wind.status.any()
    np.testing.assert_allclose(wind.u_mps, u, atol=FLOAT32_MPS)
    np.testing.assert_allclose(wind.v_mps, v, atol=FLOAT32_MPS)


def test_without_turning_the_same_flow_would_be_wrong():
    """Plain interpolation of components, as the peers do it, misses by metres a second at 30° columns."""
    lon = np.arange(0.0, 361.0, 30.0)
    lat = np.array([80.0, 90.0])
    u, _ = polar_flow(*np.meshgrid(lat, lon, indexing="ij"), 30.0, 0.0)
    plain = RegularGridInterpolator((lat, lon), u)([(85.0, 255.0)])[0]
    truth = polar_flow(np.array(85.0), np.array(255.0), 30.0, 0.0)[0]
    assert abs(plain - truth) > 0.9


def test_solid_rotation_over_the_pole_crosses_it():
    """A turn of the sphere about an axis in the equator's plane: speed R·w at the pole, seamless across it.

    With the axis at 0° E, 0° N and W = R·w: u = -W sin(lat) cos(lon), v = W sin(lon).
    """
    speed = 40.0

    def wind(t, p, lat, lon):
        return -speed * np.sin(np.radians(lat)) * np.cos(np.radians(lon)), speed * np.sin(np.radians(lon))

    grid = grid_of([0.0], [5e3], np.arange(-90.0, 91.0), np.arange(360.0), wind, periodic=True, steady=True)
    # Along the great circle that the pole lies on, at right angles to the axis: lon 90 then 270.
    across = np.concatenate([np.arange(85.0, 90.0, 0.05), np.arange(90.0, 85.0, -0.05)])
    meridian = np.where(np.arange(across.size) < across.size // 2, 90.0, 270.0)
    result = sample(grid, 0.0, 5e3, across, meridian)
    # Northward on the way in, southward on the way out, and never slower.
    sign = np.where(meridian == 90.0, 1.0, -1.0)
    np.testing.assert_allclose(result.v_mps, sign * speed, rtol=1e-6)
    np.testing.assert_allclose(result.u_mps, 0.0, atol=1e-4)
    rng = np.random.default_rng(3)
    la, lo = rng.uniform(-90, 90, 2000), rng.uniform(0, 360, 2000)
    anywhere = sample(grid, 0.0, 5e3, la, lo)
    u, v = wind(0, 0, la, lo)
    # Second-order error of 1° cells: 40 m/s · (pi/180)² / 8 an axis, twice.
    np.testing.assert_allclose(anywhere.u_mps, u, atol=4e-3)
    np.testing.assert_allclose(anywhere.v_mps, v, atol=4e-3)


def test_the_pole_is_reached_only_where_rows_surround_it():
    def still(t, p, lat, lon):
        return lat * 0.0, lat * 0.0

    ask = (0.0, 5e3, [89.9, -89.9], 10.0)
    columns = np.arange(0.0, 360.0, 10.0)
    near = grid_of([0.0], [5e3], np.arange(-85.0, 86.0, 10.0), columns, still, periodic=True)
    assert sample(near, *ask).status.tolist() == [0, 0]
    far = grid_of([0.0], [5e3], np.arange(-75.0, 76.0, 10.0), columns, still, periodic=True)
    assert sample(far, *ask).status.tolist() == [3, 3]
    half = grid_of([0.0], [5e3], np.arange(-75.0, 86.0, 10.0), columns, still, periodic=True)
    assert sample(half, *ask).status.tolist() == [0, 3]
    part = grid_of([0.0], [5e3], np.arange(-85.0, 86.0, 10.0), columns[:20], still)
    assert sample(part, *ask).status.tolist() == [3, 3]


def test_a_missing_value_in_the_last_row_leaves_the_cap_missing():
    grid = grid_of(
        [0.0], [5e3], [75.0, 85.0], np.arange(0.0, 360.0, 10.0), lambda t, p, a, o: (a, o), periodic=True
    )
    u = grid.u_mps.copy()
    u[0, 0, -1, 7] = np.nan
    holed = replace(grid, u_mps=u)
    assert sample(grid, 0.0, 5e3, 87.0, 200.0).status == 0
    assert sample(holed, 0.0, 5e3, 87.0, 200.0).status == 5


def test_spread_at_the_made_pole_is_the_root_mean_square():
    grid = grid_of([0.0], [5e3], [75.0, 85.0], np.arange(0.0, 360.0, 90.0), lambda t, p, a, o: (a * 0, a * 0))
    u_sd, v_sd = np.full(grid.u_mps.shape, 3.0, np.float32), np.full(grid.u_mps.shape, 4.0, np.float32)
    wind = sample(replace(grid, u_sd_mps=u_sd, v_sd_mps=v_sd, periodic=True), 0.0, 5e3, 90.0, 12.0)
    # (9 + 16) / 2 = 12.5
    assert wind.u_sd_mps == pytest.approx(np.sqrt(12.5), rel=1e-6)
    assert wind.v_sd_mps == pytest.approx(np.sqrt(12.5), rel=1e-6)


def test_the_field_is_continuous_where_the_turning_fades_in():
    rng = np.random.default_rng(4)
    noise = rng.normal(0.0, 20.0, (2, 1, 1, 37, 12))
    grid = Grid(
        time_s=np.array([0.0]),
        pressure_pa=np.array([5e3]),
        lat_deg=np.linspace(-90, 90, 37),
        lon_deg=np.arange(0.0, 360.0, 30.0),
        u_mps=noise[0].astype(np.float32),
        v_mps=noise[1].astype(np.float32),
        periodic=True,
    )
    la = np.concatenate([np.arange(60.0, 89.99, 1e-3), -np.arange(60.0, 89.99, 1e-3)])
    wind = sample(grid, 0.0, 5e3, la, 44.0)
    jumps = np.abs(np.diff(wind.u_mps[: la.size // 2]))
    # Neighbouring rows differ by up to 100 m/s in 5°: 0.02 m/s in a thousandth of a degree.
    assert jumps.max() < 0.05


def test_real_analyses_agree_with_scipy_away_from_the_poles(test_data: Path):
    grid = read_grid(test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc")
    rng = np.random.default_rng(5)
    n = 3000
    t = rng.uniform(grid.time_s[0], grid.time_s[-1], n)
    p = np.exp(rng.uniform(*np.log(grid.pressure_pa[[0, -1]]), n))
    la, lo = rng.uniform(-65.0, 65.0, n), rng.uniform(0.0, 359.0, n)
    wind = sample(grid, t, p, la, lo)
    axes = (grid.time_s, np.log(grid.pressure_pa), grid.lat_deg, grid.lon_deg)
    points = np.stack([t, np.log(p), la, lo], axis=-1)
    for ours, field in ((wind.u_mps, grid.u_mps), (wind.v_mps, grid.v_mps)):
        peer = RegularGridInterpolator(axes, field.astype(np.float64))(points)
        np.testing.assert_allclose(ours, peer, atol=1e-8)


def test_real_analyses_meet_at_the_pole_from_all_meridians(test_data: Path):
    """GFS writes one vector at the pole, seen from every meridian; between, ours must find the same one."""
    grid = read_grid(test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc", levels_pa=(7000.0, 7000.0))
    lo = np.arange(0.5, 360.0, 10.0)
    for la in (90.0, -90.0):
        wind = sample(grid, grid.time_s[0], 7000.0, la, lo)
        seen = (
            polar_flow(np.full(lo.shape, la), lo, 1.0, 0.0),
            polar_flow(np.full(lo.shape, la), lo, 0.0, 1.0),
        )
        x, y = (wind.u_mps * u + wind.v_mps * v for u, v in seen)
        # The file packs winds to a fraction of 0.1 m/s, and rounds each meridian by itself.
        assert np.hypot(x, y).mean() > 1.0
        assert np.ptp(x) < 0.1
        assert np.ptp(y) < 0.1


def test_rows_cut_short_of_the_pole_find_the_wind_that_was_there(test_data: Path):
    """Take GFS's own pole rows away: what the row at 89° says of the pole is near what they said."""
    grid = read_grid(test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc")
    cut = replace(
        grid, lat_deg=grid.lat_deg[1:-1], u_mps=grid.u_mps[:, :, 1:-1], v_mps=grid.v_mps[:, :, 1:-1]
    )
    for la in (90.0, -90.0):
        ask = (grid.time_s[:, None], grid.pressure_pa, la, 40.0)
        a, b = sample(grid, *ask), sample(cut, *ask)
        assert not b.status.any()
        miss = np.hypot(a.u_mps - b.u_mps, a.v_mps - b.v_mps)
        # The wind changes by more from one node of the row to the pole, 111 km away.
        node = sample(grid, grid.time_s[:, None], grid.pressure_pa, np.sign(la) * 89.0, 40.0)
        change = np.hypot(a.u_mps - node.u_mps, a.v_mps - node.v_mps)
        assert np.median(miss) < 0.5 * np.median(change)
        assert np.median(miss) < 1.0


numbers = st.floats(allow_nan=False, allow_infinity=False)
mostly_inside = st.tuples(
    st.one_of(st.floats(-1e3, 5 * HOUR), numbers),
    st.one_of(st.floats(1e3, 3e4), numbers),
    st.one_of(st.floats(-91.0, 91.0), numbers),
    st.one_of(st.floats(-400.0, 400.0), numbers),
)


@settings(max_examples=300, deadline=None)
@given(point=mostly_inside, whole=st.booleans())
def test_no_nan_without_a_status(point, whole):
    grid = HOLED_GLOBE if whole else regional()
    wind = sample(grid, *point)
    values = np.array([wind.u_mps, wind.v_mps, wind.u_sd_mps, wind.v_sd_mps])
    assert np.isfinite(values).all() == (wind.status == 0)
    assert np.isnan(values).all() == (wind.status != 0)


def _holed_globe() -> Grid:
    grid = grid_of(
        [0.0, HOUR, 4 * HOUR],
        [2000.0, 7000.0, 20000.0],
        np.arange(-87.5, 90.0, 5.0),
        np.arange(-180.0, 180.0, 20.0),
        linear_wind,
        periodic=True,
    )
    u = grid.u_mps.copy()
    u[:, 1, 20:25, 3:6] = np.nan
    u[:, 1, 0, 3:6] = np.inf
    return replace(grid, u_mps=u)


HOLED_GLOBE = _holed_globe()


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("pressure_pa", [-1.0, 5e3, 7e3, 2e4]),
        ("pressure_pa", [0.0, 5e3, 7e3, 2e4]),
        ("lat_deg", [-10.0, 0.0, 10.0, 90.1]),
        ("lat_deg", [-10.0, 10.0, 0.0, 20.0]),
        ("lon_deg", [0.0, 120.0, 240.0, 360.0]),
        ("lon_deg", [0.0, np.nan, 240.0, 300.0]),
        ("time_s", [0.0, 1.0]),
    ],
)
def test_a_grid_that_interpolation_would_misread_is_not_made(axis, values):
    with pytest.raises(InputError):
        replace(regional(), **{axis: np.array(values)})


def test_shapes_broadcast_and_scalars_stay_scalars():
    wind = sample(regional(), np.array([[0.0], [HOUR]]), [5e3, 6e3, 7e3], 0.0, 180.0)
    assert wind.u_mps.shape == wind.status.shape == (2, 3)
    assert sample(regional(), 0.0, 5e3, 0.0, 180.0).u_mps.shape == ()
    assert sample(regional(), [], 5e3, 0.0, 180.0).u_mps.shape == (0,)


def test_packing_once_gives_the_same_as_packing_each_time():
    grid = regional()
    ask = (100.0, 6e3, [1.0, 2.0], [180.0, 190.0])
    np.testing.assert_array_equal(sample(pack(grid), *ask), sample(grid, *ask))

"""Cubic interpolation of winds against closed forms, scipy, and held-out nodes of real analyses."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BarycentricInterpolator, CubicHermiteSpline

from overflight.errors import InputError
from overflight.winds.grid import Grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import WIND_STATUS, pack, sample, wind_at
from overflight.winds.schemes import (
    CUBIC,
    CUBIC_LEVEL_MAX,
    KINDS,
    LAGRANGE,
    Scheme,
    cell_weights,
    default_scheme,
    sample_scheme,
    scheme_wind_at,
)

HOUR = 3600.0
# Fields are stored as float32, which holds winds up to 128 m/s to 4e-6 m/s; cubics amplify it by up to 1.6
# an axis.
FLOAT32_MPS = 3e-5
ALL_CUBIC = Scheme("cubic", "cubic", "cubic")
ALL_LAGRANGE = Scheme("lagrange", "lagrange", "lagrange")
CHANGED = [Scheme(*kinds) for kinds in product(KINDS, KINDS, KINDS) if set(kinds) != {"linear"}]

# Uneven axes, none with a node close enough to be left out. The rows lie where no vector is turned.
TIME = np.array([0.0, 1.0, 4.0, 6.0, 7.5]) * HOUR
PRESSURE = np.array([1000.0, 2000.0, 5000.0, 7000.0, 20000.0])
LAT = np.array([-10.0, -4.0, 3.0, 12.0, 20.0])
LON = np.array([170.0, 175.0, 185.0, 200.0, 206.0])


def grid_of(wind, time=TIME, pressure=PRESSURE, lat=LAT, lon=LON, **more) -> Grid:
    """Build a grid from a function of broadcast (t, p, lat, lon) that returns u, v."""
    axes = [np.asarray(a, float) for a in (time, pressure, lat, lon)]
    mesh = np.meshgrid(*axes, indexing="ij")
    u, v = (np.broadcast_to(part, mesh[0].shape).astype(np.float32) for part in wind(*mesh))
    return Grid(
        time_s=axes[0], pressure_pa=axes[1], lat_deg=axes[2], lon_deg=axes[3], u_mps=u, v_mps=v, **more
    )


def noise(seed: int = 3):
    """A field without any shape: every node its own number."""
    return lambda t, *_: tuple(np.random.default_rng(seed).normal(0.0, 20.0, (2, *t.shape)))


def power(degree: int):
    """A polynomial of a degree in every axis, crossed."""

    def wind(t, p, lat, lon):
        a, b = t / (8 * HOUR), np.log(p / 4000.0) / 2.0
        c, d = lat / 20.0, (lon - 188.0) / 18.0
        u = (1 + a**degree) * (2 - b**degree) + 3 * c**degree * d - 2 * d**degree * a
        return 5 * u, 4 * a * b * c * d - 6 * (b - c**degree)

    return wind


def inside(count: int, seed: int, cells: slice = slice(None)):
    """Points within the regional grid, or within its inner cells."""
    rng = np.random.default_rng(seed)
    t, lp, la, lo = (
        rng.uniform(a[cells][0], a[cells][-1], count) for a in (TIME, np.log(PRESSURE), LAT, LON)
    )
    return t, np.exp(lp), la, lo


# --- weights ---------------------------------------------------------------------------------------------

WIDTHS = st.floats(0.2, 5.0)
SHARE = st.floats(0.001, 0.999)


def test_the_weights_halfway_are_the_published_ones() -> None:
    """-1/16 and 9/16: Catmull and Rom (1974); the same for Lagrange at the middle of an even axis."""
    for kind in (CUBIC, LAGRANGE):
        weights = cell_weights(kind, 2.0, 2.0, 2.0, 0.5)
        np.testing.assert_allclose(weights, [-1 / 16, 9 / 16, 9 / 16, -1 / 16], atol=1e-15)


@given(kind=st.sampled_from([CUBIC, LAGRANGE]), a=WIDTHS, b=WIDTHS, s=SHARE, ends=st.integers(0, 3))
def test_weights_hold_the_moments_they_promise(kind: int, a: float, b: float, s: float, ends: int) -> None:
    """Sums of w x**n are those of the point: n to 2, or 3 for Lagrange, or 1 with no outer node."""
    before, after = a * (ends & 1), b * ((ends & 2) // 2)
    weights = np.array(cell_weights(kind, before, 1.0, after, s))
    x = np.array([-a, 0.0, 1.0, 1.0 + b])
    exact = 1 if ends == 0 else 3 if kind == LAGRANGE and ends == 3 else 2
    for n in range(exact + 1):
        assert np.dot(weights, x**n) == pytest.approx(s**n, abs=1e-10)
    assert weights[0] == 0.0 or ends & 1
    assert weights[3] == 0.0 or ends & 2


@given(a=st.floats(0.0, 1e6), b=st.floats(0.0, 1e6), s=SHARE)
def test_no_spacing_blows_an_error_up(a: float, b: float, s: float) -> None:
    """An outer node next to an inner one would else have a weight without bound."""
    for kind in (CUBIC, LAGRANGE):
        assert np.abs(cell_weights(kind, a, 1.0, b, s)).sum() < 4.0


# --- values ----------------------------------------------------------------------------------------------


def test_all_linear_is_the_plain_scheme_to_the_bit() -> None:
    grid = grid_of(noise())
    points = inside(500, 1)
    plain, scheme = sample(grid, *points), sample_scheme(grid, *points, Scheme())
    for a, b in zip(plain, scheme, strict=True):
        np.testing.assert_array_equal(a, b)
    packed = pack(grid)
    assert scheme_wind_at(0, 0, 0, *packed, HOUR, 8.0, 1.0, 190.0) == wind_at(*packed, HOUR, 8.0, 1.0, 190.0)


@pytest.mark.parametrize("scheme", CHANGED, ids=lambda s: f"{s.space}-{s.level}-{s.time}")
def test_nodes_come_back_exactly(scheme: Scheme) -> None:
    grid = grid_of(noise())
    mesh = np.meshgrid(TIME, PRESSURE, LAT, LON - 360.0, indexing="ij")
    wind = sample_scheme(grid, *mesh, scheme)
    np.testing.assert_array_equal(wind.u_mps, grid.u_mps)
    np.testing.assert_array_equal(wind.v_mps, grid.v_mps)


@pytest.mark.parametrize("scheme", [ALL_CUBIC, ALL_LAGRANGE], ids=["cubic", "lagrange"])
def test_parabolas_come_back_on_uneven_axes_and_at_the_borders(scheme: Scheme) -> None:
    points = inside(2000, 2)
    wind = sample_scheme(grid_of(power(2)), *points, scheme)
    u, v = power(2)(*points)
    assert not wind.status.any()
    np.testing.assert_allclose(wind.u_mps, u, atol=FLOAT32_MPS)
    np.testing.assert_allclose(wind.v_mps, v, atol=FLOAT32_MPS)


def test_lagrange_holds_cubics_on_uneven_axes_inside() -> None:
    points = inside(2000, 3, slice(1, -1))
    wind = sample_scheme(grid_of(power(3)), *points, ALL_LAGRANGE)
    u, v = power(3)(*points)
    np.testing.assert_allclose(wind.u_mps, u, atol=FLOAT32_MPS)
    np.testing.assert_allclose(wind.v_mps, v, atol=FLOAT32_MPS)
    assert np.abs(sample_scheme(grid_of(power(3)), *points, ALL_CUBIC).u_mps - u).max() > 0.01


def _line(axis: int, count: int = 200):
    """Points along one axis through one node of the others, that axis, and the node's index."""
    axes = [TIME, np.log(PRESSURE), LAT, LON]
    along = np.linspace(axes[axis][0], axes[axis][-1], count)
    points = [np.full(count, a[2]) for a in axes]
    points[axis] = along
    points[1] = np.exp(points[1])
    index: list[int | slice] = [2, 2, 2, 2]
    index[axis] = slice(None)
    return points, axes[axis], along, tuple(index)


@pytest.mark.parametrize("axis", range(4))
def test_a_line_of_the_cubic_is_scipys_hermite_spline(axis: int) -> None:
    """With numpy's second-order differences as slopes, to the borders."""
    grid = grid_of(noise())
    points, nodes, along, index = _line(axis)
    values = grid.u_mps[index].astype(float)
    spline = CubicHermiteSpline(nodes, values, np.gradient(values, nodes, edge_order=2))
    found = sample_scheme(grid, *points, ALL_CUBIC)
    np.testing.assert_allclose(found.u_mps, spline(along), atol=FLOAT32_MPS)


@pytest.mark.parametrize("axis", range(4))
def test_a_line_of_lagrange_is_scipys_polynomial_cell_by_cell(axis: int) -> None:
    grid = grid_of(noise())
    points, nodes, along, index = _line(axis)
    values = grid.v_mps[index].astype(float)
    found = sample_scheme(grid, *points, ALL_LAGRANGE).v_mps
    for low in range(nodes.size - 1):
        near = slice(max(low - 1, 0), low + 3)
        cell = (along >= nodes[low]) & (along <= nodes[low + 1])
        assert cell.sum() > 10
        polynomial = BarycentricInterpolator(nodes[near], values[near])
        np.testing.assert_allclose(found[cell], polynomial(along[cell]), atol=FLOAT32_MPS)


@pytest.mark.parametrize(("kind", "least"), [("linear", 1.9), ("cubic", 2.9), ("lagrange", 3.8)])
def test_the_error_falls_with_the_order_of_the_scheme(kind, least: float) -> None:
    """Halving the spacing of a smooth field; the order is the logarithm of the gain."""

    def wind(t, p, lat, lon):
        a, b = np.radians(3 * lon), np.radians(5 * lat)
        return 30 * np.cos(a + b + t / (5 * HOUR)), 30 * np.sin(a - b + 2 * np.log(p))

    rng = np.random.default_rng(4)
    points = (
        rng.uniform(5, 15, 4000) * HOUR, np.exp(rng.uniform(8.5, 9.5, 4000)),
        rng.uniform(-10, 10, 4000), rng.uniform(0, 360, 4000),
    )  # fmt: skip
    errors = []
    for n in (1, 2):
        grid = grid_of(
            wind, np.linspace(0, 20, 10 * n + 1) * HOUR, np.exp(np.linspace(7.5, 10.5, 12 * n + 1)),
            np.linspace(-40, 40, 20 * n + 1), np.arange(0, 360, 4 / n), periodic=True,
        )  # fmt: skip
        found = sample_scheme(grid, *points, Scheme(kind, kind, kind))
        u, v = wind(*points)
        errors.append(np.sqrt(np.mean((found.u_mps - u) ** 2 + (found.v_mps - v) ** 2)))
    assert np.log2(errors[0] / errors[1]) > least


@pytest.mark.parametrize("scheme", [ALL_CUBIC, ALL_LAGRANGE], ids=["cubic", "lagrange"])
def test_the_field_is_continuous_across_every_line_of_the_grid(scheme: Scheme) -> None:
    packed = pack(grid_of(noise()))
    axes = [TIME, np.log(PRESSURE), LAT, LON]
    others = inside(300, 5)
    for axis, nodes in enumerate(axes):
        gap = 2e-8 * (nodes[-1] - nodes[0])
        for node in nodes[1:-1]:
            sides = []
            for side in (-gap, 0.0, gap):
                points = list(others)
                points[axis] = np.full(300, np.exp(node + side) if axis == 1 else node + side)
                sides.append(sample_scheme(packed, *points, scheme).u_mps)
            # The field changes by at most some 100 m/s over the least cell, a twentieth of the axis.
            assert np.abs(np.diff(sides, axis=0)).max() < 1e-3


def test_the_cubic_has_no_kink_at_the_lines_and_the_line_has() -> None:
    packed = pack(grid_of(noise()))
    others = inside(100, 6)
    for axis, nodes in enumerate((TIME, None, LAT, LON)):
        if nodes is None:
            continue
        step = 1e-4 * (nodes[-1] - nodes[0])
        kinks = {}
        for kind in ("linear", "cubic"):
            values = []
            for side in (-step, 0.0, step):
                points = list(others)
                points[axis] = np.full(100, nodes[2] + side)
                values.append(sample_scheme(packed, *points, Scheme(kind, kind, kind)).u_mps)
            kinks[kind] = np.abs(values[0] - 2 * values[1] + values[2]).max()
        assert kinks["cubic"] < 0.01 * kinks["linear"]


# --- poles and seam ---------------------------------------------------------------------------------------


def uniform(t, p, lat, lon):
    """A flow of 10 m/s that crosses both poles along the meridians of 30 and 210 degrees."""
    a = np.radians(lon - 30.0)
    return -10 * np.sin(a), -10 * np.sin(np.radians(lat)) * np.cos(a)


GLOBES = {
    "rows at the poles": (np.linspace(-90, 90, 37), np.arange(0.0, 360.0, 5.0)),
    "rows short of the poles": (np.arange(-88.75, 89.0, 2.5), np.arange(-180.0, 180.0, 5.0)),
    "no column opposite": (np.linspace(-90, 90, 37), np.arange(75) * 4.8),
    "uneven columns": (np.linspace(-90, 90, 37), np.cumsum(np.tile([3.0, 5.0, 4.0], 30))),
}


@pytest.mark.parametrize("globe", GLOBES)
@pytest.mark.parametrize("scheme", [ALL_CUBIC, ALL_LAGRANGE], ids=["cubic", "lagrange"])
def test_a_uniform_flow_crosses_the_poles_exactly(globe: str, scheme: Scheme) -> None:
    lat, lon = GLOBES[globe]
    grid = grid_of(uniform, lat=lat, lon=lon, periodic=True)
    rng = np.random.default_rng(7)
    la = np.concatenate([rng.uniform(82, 90, 2000), rng.uniform(-90, -82, 2000), [90.0, -90.0]])
    lo = rng.uniform(-720, 720, la.size)
    wind = sample_scheme(grid, HOUR * 2, 6000.0, la, lo, scheme)
    u, v = uniform(0, 0, la, lo)
    assert not wind.status.any()
    # The northward part is flat to the second order of colatitude only; cubics of a 5-degree column spacing
    # and 5-degree rows hold it to millimetres a second.
    np.testing.assert_allclose(wind.u_mps, u, atol=5e-3)
    np.testing.assert_allclose(wind.v_mps, v, atol=5e-3)


@pytest.mark.parametrize("pole", [1, -1])
def test_the_row_beyond_a_pole_is_the_opposite_meridian_turned_about(pole: int) -> None:
    """Where the rows carry noise, only the right row with the right sign gives scipy's value."""
    lat, lon = np.linspace(-90, 90, 19), np.arange(0.0, 360.0, 10.0)
    grid = grid_of(noise(), lat=lat, lon=lon, periodic=True)
    for part in (grid.u_mps, grid.v_mps):
        part[:, :, [0, -1]] = 0.0  # one value at a pole, in every frame
    column, across = 4, 22
    rows = [-3, -2, -1] if pole > 0 else [2, 1, 0]
    back = rows[1::-1]
    for values, name in ((grid.u_mps, "u_mps"), (grid.v_mps, "v_mps")):
        line = np.concatenate([values[0, 0, rows, column], -values[0, 0, back, across]]).astype(float)
        x = np.array([70.0, 80.0, 90.0, 100.0, 110.0])
        spline = CubicHermiteSpline(x, line, np.gradient(line, x))
        at = np.linspace(80.5, 89.5, 10)
        wind = sample_scheme(grid, 0.0, 1000.0, pole * at, lon[column], ALL_CUBIC)
        np.testing.assert_allclose(getattr(wind, name), spline(at), atol=FLOAT32_MPS)


@pytest.mark.parametrize("scheme", [ALL_CUBIC, ALL_LAGRANGE], ids=["cubic", "lagrange"])
def test_the_values_do_not_depend_on_where_the_seam_lies(scheme: Scheme) -> None:
    lat, lon = np.linspace(-90, 90, 19), np.arange(0.0, 360.0, 10.0)
    grid = grid_of(noise(), lat=lat, lon=lon, periodic=True)
    rng = np.random.default_rng(8)
    points = (3 * HOUR, 6000.0, rng.uniform(-90, 90, 500), rng.uniform(-360, 360, 500))
    found = sample_scheme(grid, *points, scheme)
    for shift in (1, 2, 17, 35):
        rolled = replace(
            grid,
            lon_deg=lon - 180.0,
            u_mps=np.roll(grid.u_mps, shift, axis=3),
            v_mps=np.roll(grid.v_mps, shift, axis=3),
        )
        moved = sample_scheme(rolled, *points[:3], points[3] + 10.0 * shift - 180.0, scheme)
        np.testing.assert_allclose(moved.u_mps, found.u_mps, atol=1e-9)
        np.testing.assert_allclose(moved.v_mps, found.v_mps, atol=1e-9)


# --- borders, missing values, spread ---------------------------------------------------------------------


def test_next_to_a_missing_value_the_wind_is_linear_and_then_missing() -> None:
    grid = grid_of(noise())
    u = grid.u_mps.copy()
    u[2, 2, 0, 2] = np.nan
    holed = replace(grid, u_mps=u)
    at = (TIME[2], PRESSURE[2])
    for la, status in ((-9.0, 5), (-1.0, 0), (5.0, 0)):
        points = (*at, la, LON[2])
        cubic, linear = sample_scheme(holed, *points, ALL_CUBIC), sample(holed, *points)
        assert cubic.status == linear.status == status
        # The parabola of the second cell needs the node, that of the third does not.
        expected = linear if la < 3.0 else sample_scheme(grid, *points, ALL_CUBIC)
        np.testing.assert_array_equal(cubic.u_mps, expected.u_mps)
        np.testing.assert_array_equal(cubic.v_mps, expected.v_mps)
    assert sample_scheme(holed, *at, LAT[0], LON[2], ALL_CUBIC).status == 5
    # A node whose weight is nought does not count: along the next column, and at the next row.
    for point in ((*at, LAT[1], LON[2]), (*at, -9.0, LON[3])):
        whole = sample_scheme(grid, *point, ALL_CUBIC)
        assert sample_scheme(holed, *point, ALL_CUBIC).u_mps == whole.u_mps


def test_spreads_are_linear_and_never_negative() -> None:
    rng = np.random.default_rng(9)
    sd = rng.choice([0.0, 5.0], (5, 5, 5, 5)).astype(np.float32)
    grid = grid_of(noise(), u_sd_mps=sd, v_sd_mps=2 * sd)
    points = inside(500, 10)
    cubic, linear = sample_scheme(grid, *points, ALL_CUBIC), sample(grid, *points)
    np.testing.assert_array_equal(cubic.u_sd_mps, linear.u_sd_mps)
    np.testing.assert_array_equal(cubic.v_sd_mps, linear.v_sd_mps)
    assert cubic.u_sd_mps.min() >= 0.0


def test_axes_of_one_and_two_nodes_do_what_they_can() -> None:
    one = grid_of(noise(), [HOUR], [5e3], [0.0, 1.0], [0.0, 1.0])
    found, plain = sample_scheme(one, HOUR, 5e3, 0.3, 0.6, ALL_CUBIC), sample(one, HOUR, 5e3, 0.3, 0.6)
    assert found.u_mps == pytest.approx(plain.u_mps, rel=1e-12)
    steady = replace(one, steady=True)
    assert sample_scheme(steady, 1e9, 5e3, 0.3, 0.6, ALL_CUBIC).status == 0
    ring = grid_of(noise(), lat=[10.0, 11.0, 12.0, 13.0], lon=[0.0, 180.0], periodic=True)
    assert np.isfinite(sample_scheme(ring, 0.0, 5e3, 11.5, [10.0, 200.0, 350.0], ALL_CUBIC).u_mps).all()


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=200, deadline=None)
@given(
    point=st.tuples(
        st.one_of(st.floats(-HOUR, 9 * HOUR), NUMBERS),
        st.one_of(st.floats(900.0, 21000.0), NUMBERS),
        st.one_of(st.floats(-95.0, 95.0), NUMBERS),
        st.one_of(st.floats(-800.0, 800.0), NUMBERS),
    ),
    scheme=st.sampled_from(CHANGED),
    globe=st.sampled_from([None, *GLOBES]),
)
def test_a_wind_is_finite_or_has_the_status_of_the_plain_scheme(point, scheme, globe) -> None:
    packed = _packed(globe)
    wind, plain = sample_scheme(packed, *point, scheme), sample(packed, *point)
    assert wind.status == plain.status
    assert int(wind.status) in WIND_STATUS
    assert np.isfinite(wind.u_mps) == np.isfinite(wind.v_mps) == (wind.status == 0)
    assert wind.status != 0 or abs(wind.u_mps) < 1e4


_PACKED: dict = {}


def _packed(globe):
    if globe not in _PACKED:
        lat, lon = GLOBES[globe] if globe else (LAT, LON)
        _PACKED[globe] = pack(grid_of(noise(), lat=lat, lon=lon, periodic=globe is not None))
    return _PACKED[globe]


# --- choosing ---------------------------------------------------------------------------------------------


def test_the_default_follows_the_widest_gap_of_the_levels() -> None:
    fine = [1000.0, 2000.0, 3000.0]  # the widest gap there is among the standard levels
    coarse = 1000.0 * np.exp([0.0, 0.1, 0.1 + 1.01 * CUBIC_LEVEL_MAX])
    assert default_scheme(pack(grid_of(noise(), pressure=fine))) == Scheme("cubic", "cubic", "linear")
    grid = grid_of(noise(), pressure=coarse)
    assert default_scheme(pack(grid)) == Scheme("cubic", "linear", "linear")
    point = (HOUR, 1050.0, 1.0, 180.0)
    assert sample_scheme(grid, *point) == sample_scheme(grid, *point, Scheme("cubic"))


def test_an_unknown_kind_is_refused_by_its_axis() -> None:
    with pytest.raises(InputError, match=r"level.*Choose one of linear, cubic, lagrange"):
        Scheme("cubic", "quintic")  # type: ignore[arg-type]  # the fault that is tested
    assert Scheme("cubic", "lagrange", "linear").codes == (1, 2, 0)


# --- real analyses ----------------------------------------------------------------------------------------


def _held_out(grid: Grid, every: int, times: list[int], levels: list[int]) -> tuple[float, float]:
    """Rms error per component, linear and default, of the nodes left between every so manieth row."""
    thin = pack(
        replace(
            grid,
            lat_deg=grid.lat_deg[::every],
            lon_deg=grid.lon_deg[::every],
            u_mps=grid.u_mps[:, :, ::every, ::every],
            v_mps=grid.v_mps[:, :, ::every, ::every],
        )
    )
    la, lo = np.meshgrid(grid.lat_deg, grid.lon_deg, indexing="ij")
    sums = []
    for scheme in (Scheme(), default_scheme(thin)):
        error = []
        for t, level in product(times, levels):
            found = sample_scheme(thin, grid.time_s[t], grid.pressure_pa[level], la, lo, scheme)
            square = (found.u_mps - grid.u_mps[t, level]) ** 2 + (found.v_mps - grid.v_mps[t, level]) ** 2
            inner = np.isfinite(square) & (np.abs(la) < 90.0)
            weight = np.cos(np.radians(la[inner]))
            error.append(0.5 * np.sum(square[inner] * weight) / weight.sum())
        sums.append(float(np.sqrt(np.mean(error))))
    return sums[0], sums[1]


def test_on_the_global_analyses_the_default_is_closer(test_data: Path) -> None:
    grid = read_grid(test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc")
    assert default_scheme(pack(grid)) == Scheme("cubic", "linear", "linear")
    linear, default = _held_out(grid, 2, [0, 3, 6], [0, 1, 2])
    assert default < 0.97 * linear


def test_on_the_regional_forecast_the_default_is_closer(test_data: Path) -> None:
    grid = read_grid(test_data / "wind" / "gfs_0p5_florida_20170424.nc")
    assert default_scheme(pack(grid)) == Scheme("cubic", "cubic", "linear")
    linear, default = _held_out(grid, 2, [0, 3], list(range(13)))  # 1 to 150 hPa
    assert default < 0.85 * linear

"""The wind with its slopes: the values of `interpolate`, and slopes against differences of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overflight.winds.grid import Grid
from overflight.winds.interpolate import WIND_STATUS, pack, wind_at
from overflight.winds.slopes import SLOPES, lay_out, wind_slopes_at

HOUR = 3600.0
PRESSURE = [2000.0, 5000.0, 7000.0, 20000.0]  # uneven
ROUNDING = 2e-5  # of float32 winds below 128 m/s, and of differences of them
REGION = ([0.0, HOUR, 4 * HOUR], PRESSURE, [-10.0, -4.0, 3.0, 20.0], [170.0, 175.0, 185.0, 200.0])
GLOBE = ([0.0, 6 * HOUR], PRESSURE, np.arange(-90, 91, 10.0), np.arange(0, 360, 20.0))
SHORT = ([0.0, 6 * HOUR], PRESSURE, np.arange(-85, 86, 10.0), np.arange(-180, 180, 20.0))


def random_grid(axes, *, periodic=False, steady=False, seed=0) -> Grid:
    """Random values at every node: the hardest field there is for an interpolant."""
    t, p, la, lo = (np.asarray(a, float) for a in axes)
    rng = np.random.default_rng(seed)
    shape = (t.size, p.size, la.size, lo.size)
    u, v = rng.normal(0, 20, (2, *shape)).astype(np.float32)
    su, sv = rng.uniform(1, 9, (2, *shape)).astype(np.float32)
    return Grid(
        time_s=t, pressure_pa=p, lat_deg=la, lon_deg=lo, u_mps=u, v_mps=v, u_sd_mps=su, v_sd_mps=sv,
        periodic=periodic, steady=steady,
    )  # fmt: skip


GRIDS = {
    "region": random_grid(REGION),
    "globe": random_grid(GLOBE, periodic=True, seed=1),
    "globe that stops short of the poles": random_grid(SHORT, periodic=True, seed=2),
    "steady": random_grid(([0.0], *REGION[1:]), steady=True, seed=3),
}


def ask(grid: Grid, t, logp, la, lo):
    out = np.full(SLOPES, -777.0)
    status = wind_slopes_at(*lay_out(pack(grid)), t, logp, la, lo, out)
    return status, out


def points(grid: Grid, count: int, seed: int):
    """Draw points inside, on nodes, on edges, over the seam, and outside."""
    rng = np.random.default_rng(seed)
    axes = (grid.time_s, np.log(grid.pressure_pa), grid.lat_deg, grid.lon_deg)
    for _ in range(count):
        point = []
        for i, a in enumerate(axes):
            kind = rng.integers(5)
            span = max(a[-1] - a[0], 1.0)
            if kind == 0:
                value = rng.choice(a)
            elif kind == 1 and i < 3:
                value = rng.uniform(a[0] - 0.1 * span, a[-1] + 0.1 * span)
            else:
                value = rng.uniform(a[0], a[-1] + (360.0 - span if i == 3 and grid.periodic else 0.0))
            point.append(float(value + (360.0 * rng.integers(-2, 3) if i == 3 else 0.0)))
        yield point


@pytest.mark.parametrize("name", GRIDS)
def test_values_are_those_of_the_plain_kernel(name):
    grid = GRIDS[name]
    packed, seen = pack(grid), set()
    laid = lay_out(packed)
    for t, logp, la, lo in points(grid, 800, 7):
        out = np.full(SLOPES, -777.0)
        status = wind_slopes_at(*laid, t, logp, la, lo, out)
        *wanted, code = wind_at(*packed, t, logp, la, lo)
        assert status == code
        seen.add(code)
        if code == 0:
            np.testing.assert_allclose(out[:4], wanted, atol=ROUNDING)
            assert np.isfinite(out).all()
        else:
            assert (out == -777.0).all()
    assert {0, 2} <= seen


@pytest.mark.parametrize("name", GRIDS)
def test_slopes_are_differences_of_the_values(name):
    """Inside a cell the interpolant is linear in each direction: a difference is exact but for rounding."""
    grid = GRIDS[name]
    packed = pack(grid)
    laid = lay_out(packed)
    rng = np.random.default_rng(8)
    steps = (1e-3, 1e-3, 1e-3)  # degrees, degrees, ln(pressure)
    checked = 0
    for _ in range(300):
        t = float(rng.uniform(grid.time_s[0], grid.time_s[-1]))
        logp = float(rng.uniform(*np.log(grid.pressure_pa[[0, -1]])))
        # Nearer to the poles the corner vectors are turned; that is the next test.
        la = float(rng.uniform(max(-64.9, grid.lat_deg[0]), min(64.9, grid.lat_deg[-1])))
        lo = float(rng.uniform(grid.lon_deg[0], grid.lon_deg[-1] + (19.0 if grid.periodic else 0.0)))
        edges = (np.abs(packed.lat_deg - la).min(), np.abs((packed.lon_deg - lo + 180) % 360 - 180).min())
        if min(*edges, np.abs(packed.log_p - logp).min()) < 2e-3:
            continue
        out = np.empty(SLOPES)
        assert wind_slopes_at(*laid, t, logp, la, lo, out) == 0
        h = steps
        for i, (dlo, dla, dp) in enumerate(((h[0], 0, 0), (0, h[1], 0), (0, 0, h[2]))):
            up = wind_at(*packed, t, logp + dp, la + dla, lo + dlo)
            down = wind_at(*packed, t, logp - dp, la - dla, lo - dlo)
            for part in range(2):
                slope = (up[part] - down[part]) / (2 * h[i])
                # Values of 60 m/s are summed in double; corners are differenced in float32.
                assert out[4 + 2 * i + part] == pytest.approx(slope, abs=2e-5, rel=1e-5)
        checked += 1
    assert checked > 200


@pytest.mark.parametrize("pole", [-1.0, 1.0])
def test_near_a_pole_the_slope_is_that_of_the_vector_not_of_its_components(pole):
    """There the meridians turn under the point; neighbours are turned to its own meridian first."""
    grid = GRIDS["globe"]
    packed = pack(grid)
    h = 1e-3
    for lo in (3.0, 91.0, 189.0, 355.0):
        la, logp, t = pole * 77.0, math.log(6e3), HOUR
        _, out = ask(grid, t, logp, la, lo)

        def vector(dlo, t=t, logp=logp, la=la, lo=lo):
            u, v, *_ = wind_at(*packed, t, logp, la, lo + dlo)
            return (u + 1j * v) * np.exp(1j * pole * math.radians(dlo))

        slope = (vector(h) - vector(-h)) / (2 * h)
        assert out[4] + 1j * out[5] == pytest.approx(slope, abs=2e-5)


def test_a_uniform_flow_over_the_pole_has_no_slope():
    la, lo = np.arange(70.0, 91.0, 5.0), np.arange(0.0, 360.0, 15.0)
    shape = (1, 2, la.size, lo.size)
    angle = np.radians(lo)
    u = np.broadcast_to(-10 * np.sin(angle), shape).astype(np.float32)
    v = np.broadcast_to(-10 * np.cos(angle), shape).astype(np.float32)
    grid = Grid(
        time_s=np.zeros(1), pressure_pa=np.array([5e3, 9e3]), lat_deg=la, lon_deg=lo, u_mps=u, v_mps=v,
        periodic=True, steady=True,
    )  # fmt: skip
    for lat, lon in ((71.0, 7.0), (88.0, 200.0), (89.9, 359.0)):
        status, out = ask(grid, 0.0, math.log(7e3), lat, lon)
        assert status == 0
        assert math.hypot(out[0], out[1]) == pytest.approx(10.0, abs=1e-5)
        np.testing.assert_allclose(out[4:], 0.0, atol=1e-5)


def test_over_the_seam_the_slope_is_that_of_the_last_cell():
    grid = GRIDS["globe"]
    _, out = ask(grid, 0.0, math.log(5e3), 0.0, 350.0)
    u = grid.u_mps[0, 1, 9]
    assert out[4] == pytest.approx((float(u[0]) - float(u[-1])) / 20.0, abs=1e-6)
    assert out[0] == pytest.approx(0.5 * (float(u[0]) + float(u[-1])), abs=1e-5)


def test_a_missing_value_is_no_wind_and_next_to_one_there_is_no_slope():
    base = GRIDS["region"]
    u = base.u_mps.copy()
    u[1, 1, 1, 1] = np.nan
    grid = Grid(
        time_s=base.time_s, pressure_pa=base.pressure_pa, lat_deg=base.lat_deg, lon_deg=base.lon_deg,
        u_mps=u, v_mps=base.v_mps, u_sd_mps=base.u_sd_mps, v_sd_mps=base.v_sd_mps,
    )  # fmt: skip
    inside = ask(grid, 2 * HOUR, math.log(5500.0), -2.0, 178.0)
    assert inside[0] == 5
    assert (inside[1] == -777.0).all()
    assert WIND_STATUS[5] == "missing value"
    # On the row of nodes above it the missing one has no weight: a value, but no slope across.
    status, out = ask(grid, HOUR, math.log(7000.0), -4.0, 175.0)
    assert status == 0
    assert out[0] == pytest.approx(float(base.u_mps[1, 2, 1, 1]))
    assert np.isfinite(out).all()
    # Time nodes either side of the gap: exactly on a whole one all is well.
    assert ask(grid, 0.0, math.log(5500.0), -2.0, 178.0)[0] == 0
    assert ask(grid, 4 * HOUR, math.log(5500.0), -2.0, 178.0)[0] == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(3))
def test_what_is_no_number_is_outside(bad, place):
    point = [HOUR, math.log(5e3), 0.0, 180.0]
    point[place] = bad
    status, out = ask(GRIDS["region"], *point)
    assert status == place + 1
    assert (out == -777.0).all()


def test_the_layout_is_one_row_and_one_table():
    packed = pack(GRIDS["globe"])
    axes, cells = lay_out(packed)
    assert axes[:6].tolist() == [2, 4, 19, 18, 1, 0]
    assert axes.size == 6 + 2 + 4 + 19 + 18
    assert cells.shape == (2 * 4 * 19 * 18, 4)
    assert cells.flags.c_contiguous

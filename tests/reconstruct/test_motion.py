"""The motion: its derivative against differences, and whole runs against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_air import KM_PER_DEG, PLAIN, even_air, made_grid, wavy

from overflight.atmosphere import pressure_pa
from overflight.geo import distance_m
from overflight.reconstruct.frame import fit_frame, plane_to_earth
from overflight.reconstruct.motion import (
    LIN,
    RADIUS_KM,
    STATE,
    Air,
    Wander,
    air_codes,
    linearise,
    log_pressure,
    make_air,
    pressure_table,
)
from overflight.reconstruct.sampler import simulate
from overflight.units import EARTH_RADIUS_M
from overflight.winds.interpolate import sample
from overflight.winds.slopes import SLOPES

HOUR, DAY = 3600.0, 86400.0
FRAMES = {
    "plain": PLAIN,
    "oblique": fit_frame([160.0, -170.0, -120.0], [35.0, 58.0, 45.0]),
    "over the pole": fit_frame([20.0, 20.0, -160.0], [55.0, 85.0, 60.0]),
}
WAVES = made_grid(wavy, sd=(6.0, 4.0), time=(0.0, DAY))
STILL = Wander(DAY, 12 * HOUR, 0.0, 0.0)


def lin_at(air: Air, t, x, y, z, nu=0.0, nv=0.0):
    out = np.empty(LIN)
    return linearise(*air, t, x, y, z, nu, nv, out, np.empty(SLOPES)), out


def calm(members: int, z_km: float = 18.0) -> np.ndarray:
    state = np.zeros((members, STATE))
    state[:, 4] = z_km
    return state


def run(air, wander, node_s, state, *, quiet=True, seed=0):
    """Run members; without noise when `quiet`, through the sampler's own entrance otherwise."""
    rng = Silence() if quiet else np.random.default_rng(seed)
    return simulate(air, wander, np.asarray(node_s, float), state, state[:, 4].copy(), rng)


class Silence:
    """Stands in for a generator: every normal is zero."""

    def standard_normal(self, shape):
        return np.zeros(shape)


@pytest.mark.parametrize("name", FRAMES)
def test_velocity_is_the_sampled_wind_turned_into_the_frame(name):
    frame = FRAMES[name]
    air = make_air(frame, WAVES)
    rng = np.random.default_rng(2)
    for _ in range(100):
        t, x, y, z = rng.uniform(0, DAY), rng.uniform(-9e3, 9e3), rng.uniform(-4e3, 4e3), rng.uniform(16, 20)
        nu, nv = rng.normal(size=2)
        status, out = lin_at(air, t, x, y, z, nu, nv)
        lon, lat = (float(a) for a in frame.to_lonlat(x * 1e3, y * 1e3))
        wind = sample(WAVES, t, pressure_pa(z * 1e3), lat, lon)
        angle = float(frame.east_angle_rad(lon, lat))
        # The error lives in the frame's directions: seen from there, the spread is that of east and north.
        error = complex(nu, nv) * np.exp(-1j * angle)
        u, v = wind.u_mps + wind.u_sd_mps * error.real, wind.v_mps + wind.v_sd_mps * error.imag
        ground = (u + 1j * v) * np.exp(1j * angle) / 1e3
        wanted = complex(ground.real / math.cos(y * 1e3 / EARTH_RADIUS_M), ground.imag)
        assert status == 0
        # ln(pressure) comes from a table every 100 m: 1e-5 of it, times the slope of the wind with it.
        assert complex(out[0], out[1]) == pytest.approx(wanted, abs=2e-7)


def off_nodes(lon, lat, z, h) -> bool:
    """Whether a step of `h` km stays within one cell of `WAVES`, where its interpolant is smooth."""
    by_lat = abs((lat + 1.25) % 2.5 - 1.25) * KM_PER_DEG
    by_lon = abs((lon + 1.25) % 2.5 - 1.25) * KM_PER_DEG * math.cos(math.radians(lat))
    return min(by_lat, by_lon) > 3 * h and min(abs(z - a) for a in (15.0, 18.0, 21.0)) > 0.01


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("band", [(0.0, 64.5), (70.5, 89.9)])
def test_derivative_by_place_is_the_difference_of_the_velocity(name, band):
    """All of it: slopes, turning of east and of the frame. Left out is the change of the spread alone.

    Between 65 and 70 degrees the interpolant's own turning fades in, which no slope tells of.
    """
    frame = FRAMES[name]
    even = make_air(frame, made_grid(wavy, sd=5.0, time=(0.0, DAY)))
    rng = np.random.default_rng(3)
    h, checked = 0.1, 0
    for _ in range(4000):
        x, y, z = rng.uniform(-5e3, 5e3), rng.uniform(-4e3, 4e3), rng.uniform(16, 20)
        if name == "plain" and band[0] > 60:
            y = rng.choice([-1, 1]) * rng.uniform(*band) * KM_PER_DEG
        lon, lat, _, cos_y = plane_to_earth(frame.rotation, x * 1e3, y * 1e3)
        if not band[0] < abs(lat) < band[1] or not off_nodes(lon, lat, z, h) or cos_y < 0.06:
            continue
        _, out = lin_at(even, HOUR, x, y, z, 0.5, -1.0)
        for i, (dx, dy) in enumerate(((h, 0.0), (0.0, h))):
            up, down = (lin_at(even, HOUR, x + s * dx, y + s * dy, z, 0.5, -1.0)[1] for s in (1, -1))
            slope = (up[:2] - down[:2]) / (2 * h)
            np.testing.assert_allclose(out[2:6].reshape(2, 2)[:, i], slope, atol=5e-9, rtol=2e-3)
        checked += 1
        if checked == 80:
            break
    assert checked >= 20


@pytest.mark.parametrize("name", FRAMES)
def test_derivatives_by_wind_error_and_height_are_differences(name):
    air = make_air(FRAMES[name], WAVES)
    rng = np.random.default_rng(4)
    for _ in range(40):
        x, y, z = rng.uniform(-5e3, 5e3), rng.uniform(-3e3, 3e3), rng.uniform(18.2, 20.8)
        _, out = lin_at(air, HOUR, x, y, z, 0.3, 0.7)
        for i, step in enumerate(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.05))):
            up, down = (
                lin_at(air, HOUR, x, y, z + s * step[2], 0.3 + s * step[0], 0.7 + s * step[1])[1][:2]
                for s in (1, -1)
            )
            wanted = (up - down) / (2 * max(step))
            got = out[[6, 8]] if i == 0 else out[[7, 9]] if i == 1 else out[[10, 11]]
            np.testing.assert_allclose(got, wanted, atol=1e-8 if i < 2 else 2e-6)


def test_solid_body_rotation_returns_and_the_step_is_of_second_order():
    """A turn about the pole, seen from a frame that is not the pole's own, at the latitude of a grid row."""
    period = 10 * DAY
    speed = 2 * math.pi * EARTH_RADIUS_M / period
    air = make_air(
        FRAMES["oblique"], made_grid(lambda t, p, la, lo: (speed * np.cos(np.radians(la)), 0.0), sd=0.0)
    )
    lon0, lat0 = 170.0, 30.0
    x_m, y_m = FRAMES["oblique"].to_plane(lon0, lat0)
    state = calm(1)
    state[0, :2] = float(x_m) / 1e3, float(y_m) / 1e3
    misses = []
    for steps in (240, 480, 960):
        path = run(air, STILL, np.linspace(0.0, period, steps + 1), state)[0]
        lon, lat = FRAMES["oblique"].to_lonlat(path[-1, 0] * 1e3, path[-1, 1] * 1e3)
        misses.append(float(distance_m(lon0, lat0, lon, lat)) / 1e3)
    # 34,700 km with hourly steps; the wind between rows 2.5 degrees apart is 0.1 % off where it drifts to.
    assert misses[0] < 15.0
    assert misses[1] < misses[0] / 2.5
    assert misses[2] < 2.0


def test_forward_then_backward_returns_to_metres():
    air = make_air(FRAMES["over the pole"], WAVES)
    state = calm(4)
    state[:, 0] = [-3000.0, 0.0, 800.0, 2500.0]
    state[:, 1] = [100.0, -900.0, 1500.0, 0.0]
    node_s = np.arange(0.0, DAY + 1, 1200.0)
    there = run(air, STILL, node_s, state)
    assert np.hypot(*(there[:, -1, :2] - state[:, :2]).T).min() > 200.0
    back = run(air, STILL, node_s[::-1].copy(), there[:, -1].copy())
    metre = 1e-3
    np.testing.assert_allclose(back[:, -1, :2], state[:, :2], atol=3 * metre)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_spread_grows_as_taylor_says(share):
    """Displacement by a wind error that forgets: 2 s² T² (x - 1 + exp(-x)), x = t / T (Taylor 1921).

    The slow and the fast part are independent: their variances add.
    """
    s_mps, memory = 5.0, 12 * HOUR
    air = even_air(sd_mps=s_mps)
    members = 6000
    state = calm(members)
    state[:, 2:4] = np.random.default_rng(1).standard_normal((members, 2))
    state[:, 5:] = np.random.default_rng(9).standard_normal((members, 2))
    node_s = np.linspace(0.0, 2 * DAY, 289)
    wander = Wander(memory, 12 * HOUR, 0.0, 0.0, 3 * HOUR, share)
    paths = run(air, wander, node_s, state, quiet=False, seed=2)

    def taylor(t: float, time_s: float) -> float:
        x = t / time_s
        return 2.0 * (s_mps / 1e3 * time_s) ** 2 * (x - 1.0 + math.exp(-x))

    for k in (18, 72, 288):
        wanted = (1.0 - share) * taylor(node_s[k], memory) + share * taylor(node_s[k], 3 * HOUR)
        for axis in range(2):
            # Four standard errors of a variance of 6000 draws: 7 %.
            assert paths[:, k, axis].var() == pytest.approx(wanted, rel=0.073)
    corr = np.mean(paths[:, 72, 2] * paths[:, 144, 2])
    assert corr == pytest.approx(math.exp(-1.0), abs=0.055)
    assert paths[:, -1, 2:4].var() == pytest.approx(1.0, rel=0.06)


def test_mixing_and_height_wander_as_their_scales_say():
    air = even_air()
    wander = Wander(DAY, 6 * HOUR, 0.6, 2.0)
    state = calm(5000)
    # Uneven steps: the scales are per hour, not per step.
    node_s = np.cumsum([0.0, 600.0, 3600.0, 1200.0, 9000.0, 7200.0])
    paths = run(air, wander, node_s, state, quiet=False, seed=3)
    hours = node_s[-1] / HOUR
    for axis in range(2):
        assert paths[:, -1, axis].var() == pytest.approx(4.0 * hours, rel=0.08)
    assert paths[:, -1, 4].mean() == pytest.approx(18.0, abs=0.04)
    wanted = 0.36 * (1.0 - math.exp(-2.0 * node_s[-1] / (6 * HOUR)))
    assert paths[:, -1, 4].var() == pytest.approx(wanted, rel=0.08)


def test_runs_look_the_same_in_either_direction_of_time():
    air = even_air(sd_mps=5.0)
    wander = Wander(12 * HOUR, 12 * HOUR, 0.6, 3.0)
    spread = []
    for node_s in (np.linspace(0.0, DAY, 25), np.linspace(DAY, 0.0, 25)):
        state = calm(5000)
        state[:, 2:4] = np.random.default_rng(6).standard_normal((5000, 2))
        spread.append(run(air, wander, node_s, state, quiet=False, seed=5)[:, -1].var(axis=0))
    np.testing.assert_allclose(spread[0], spread[1], rtol=0.08)


def test_the_error_of_a_balloon_that_crosses_the_pole_keeps_its_direction():
    """East and north swap at the pole; a wind error that followed them would throw the balloon about."""
    frame = FRAMES["over the pole"]
    air = make_air(frame, made_grid(lambda t, p, la, lo: (0.0, 0.0), sd=10.0))
    x_m, y_m = frame.to_plane(0.0, 90.0)
    state = calm(1)
    state[0, :2] = float(x_m) / 1e3 - 400.0, float(y_m) / 1e3 + 3.0
    state[0, 2] = 1.0
    steady = Wander(1e9, 12 * HOUR, 0.0, 0.0)
    path = run(air, steady, np.arange(0.0, 24 * HOUR, 1200.0), state)[0]
    np.testing.assert_allclose(path[:, 1], state[0, 1], atol=0.01)
    cos_y = math.cos(state[0, 1] / RADIUS_KM)
    np.testing.assert_allclose(np.diff(path[:, 0]), 12.0 / cos_y, atol=0.01)


def test_own_winds_come_first_then_the_prior_and_the_code_says_which():
    prior = made_grid(lambda t, p, la, lo: (-7.0, 0.0), sd=9.0)
    own = made_grid(
        lambda t, p, la, lo: (30.0, 0.0), sd=1.0,
        lat=[-5.0, 5.0], lon=[-5.0, 5.0], time=(0.0, DAY), levels_m=(16e3, 20e3),
    )  # fmt: skip
    air = make_air(PLAIN, prior, own, (3.0, 4.0))
    code, out = lin_at(air, HOUR, 0.0, 0.0, 18.0)
    assert code == 0
    assert out[0] * 1e3 == pytest.approx(30.0, abs=1e-4)
    # The error beyond what the field states adds to the field's own spread.
    assert out[6] * 1e3 == pytest.approx(math.hypot(1.0, 3.0), abs=1e-5)
    assert out[9] * 1e3 == pytest.approx(math.hypot(1.0, 4.0), abs=1e-5)
    for t, x, z in ((2 * DAY, 0.0, 18.0), (HOUR, 6 * KM_PER_DEG, 18.0), (HOUR, 0.0, 15.5)):
        code, out = lin_at(air, t, x, 0.0, z)
        assert code == 1
        assert out[0] * 1e3 == pytest.approx(-7.0, abs=1e-4)
        assert out[6] * 1e3 == pytest.approx(9.0, abs=1e-4)
    # Above everything: the highest wind known, no slope with height, and code 2.
    code, out = lin_at(air, HOUR, 0.0, 0.0, 30.0)
    assert code == 2
    assert out[0] * 1e3 == pytest.approx(-7.0, abs=1e-4)
    assert out[10] == out[11] == 0.0
    lon = np.array([[0.0, 6.0, np.nan]])
    codes = air_codes(air, np.array([0.0, HOUR, DAY]), lon, np.zeros((1, 3)), np.full((1, 3), 18.0))
    assert codes.tolist() == [[0, 1, 0]]
    assert not air_codes(
        even_air(), np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)), np.full((1, 1), 18.0)
    ).any()


def test_pressure_table_follows_the_standard_atmosphere():
    table = pressure_table()
    for z_km in (0.0, 0.05, 5.03, 11.0, 17.77, 24.96, 49.99):
        assert log_pressure(table, z_km) == pytest.approx(math.log(pressure_pa(z_km * 1e3)), abs=3e-5)
    assert log_pressure(table, -3.0) == table[0]
    assert log_pressure(table, 80.0) == pytest.approx(table[-1], abs=1e-6)
    assert RADIUS_KM * 1e3 == EARTH_RADIUS_M

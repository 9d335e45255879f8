"""Redrawn stretches: against dense Gaussian algebra where all is linear, importance sampling where not.

A draw is a fixed path plus a matrix times the standard normals that go in, so where the motion is linear its
mean and covariance can be read off exactly, without sampling: zeros give the mean, unit vectors the columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from made_air import PLAIN, even_air, made_grid, sloping_air
from scipy.stats import multivariate_normal

from overflight.reconstruct.motion import LIN, STATE, Air, Wander, linearise, make_air
from overflight.reconstruct.sampler import simulate
from overflight.reconstruct.smoother import filter_stretch, linearise_path, redraw
from overflight.winds.slopes import SLOPES

WANDER = Wander(1800.0, 900.0, 0.05, 0.4, 400.0, 0.3)
NODES = np.cumsum([0.0, 120.0, 200.0, 60.0, 240.0, 150.0])
LEVEL = 18.02
# x0, y0, their spread, the level; nothing pinned.
START = np.array([0.3, -0.2, 1.5, LEVEL, 0.0, 0.0])
# Node, then weights on x, y, z, value and variance of the noise.
OBSERVATIONS = (
    (0, (1.0, 0.0, 0.0, 0.9, 0.3)),
    (2, (0.5, 1.0, 0.0, 1.7, 0.1)),
    (2, (0.0, 0.0, 1.0, 18.05, 0.001)),
    (3, (0.0, 1.0, 0.0, -0.4, 0.2)),
    (5, (1.0, -0.3, 0.0, 4.0, 0.4)),
    (5, (0.0, 1.0, 0.0, 0.3, 0.4)),
)
# The winds are linear; 1 / cos(y) over a few kilometres is not, by less than 1e-6.
NEARLY_LINEAR = 2e-5


@dataclass
class Dense:
    """All of a linear problem at once: path = mean + columns @ standard normals."""

    mean: np.ndarray
    columns: np.ndarray

    @property
    def cov(self) -> np.ndarray:
        return self.columns @ self.columns.T


def linear_winds(air: Air, z: float):
    """V at the origin and its derivatives, taken once; `z` is where C is taken."""
    out = np.empty(LIN)
    linearise(*air, 0.0, 0.0, 0.0, z, 0.0, 0.0, out, np.empty(SLOPES))
    return (
        out[:2].copy(),
        out[2:6].reshape(2, 2),
        np.array([[out[6], out[7], out[10]], [out[8], out[9], out[11]]]),
    )


def dense_model(air: Air, start: np.ndarray, node_s=NODES, wander: Wander = WANDER) -> Dense:
    """Build the joint Gaussian of the whole path (7 N values) by plain matrix algebra."""
    n, wide = node_s.size, STATE * node_s.size
    v0, jac, by_ez = linear_winds(air, 18.0)
    # Columns of n_u, n_v, z, f_u, f_v: the wind error is the sum of a slow and a fast part.
    slow, fast = math.sqrt(1.0 - wander.fast_share), math.sqrt(wander.fast_share)
    by_rest = np.column_stack([slow * by_ez[:, :2], by_ez[:, 2], fast * by_ez[:, :2]])
    mean, columns = np.zeros((n, STATE)), np.zeros((n, STATE, wide))
    mean[0, [0, 1, 4]] = start[0], start[1], start[3]
    np.fill_diagonal(columns[0, :, :STATE], [start[2], start[2], 1.0, 1.0, wander.height_sd_km, 1.0, 1.0])
    shift = np.array([0.0, 0.0, 18.0, 0.0, 0.0])
    memory = np.array(
        [wander.wind_time_s, wander.wind_time_s, wander.height_time_s] + 2 * [wander.fast_time_s]
    )
    for k in range(n - 1):
        dt = node_s[k + 1] - node_s[k]
        phi = np.exp(-dt / memory)
        scale = np.sqrt(1.0 - phi**2) * np.array([1.0, 1.0, wander.height_sd_km, 1.0, 1.0])
        rest = np.array([0.0, 0.0, start[3], 0.0, 0.0])
        fresh = slice(STATE * (k + 1), STATE * (k + 2))
        mean[k + 1, 2:] = rest + phi * (mean[k, 2:] - rest)
        columns[k + 1, 2:] = phi[:, None] * columns[k, 2:]
        columns[k + 1, 2:, fresh] += np.diag(scale) @ np.eye(STATE)[2:]
        left, right = np.eye(2) - 0.5 * dt * jac, np.eye(2) + 0.5 * dt * jac
        drive = v0 + by_rest @ (0.5 * (mean[k, 2:] + mean[k + 1, 2:]) - shift)
        mean[k + 1, :2] = np.linalg.solve(left, right @ mean[k, :2] + dt * drive)
        pushed = right @ columns[k, :2] + dt * by_rest @ (0.5 * (columns[k, 2:] + columns[k + 1, 2:]))
        pushed[:, fresh] += wander.mixing_km * math.sqrt(dt / 3600.0) * np.eye(STATE)[:2]
        columns[k + 1, :2] = np.linalg.solve(left, pushed)
    return Dense(mean.ravel(), columns.reshape(wide, wide))


def observed(observations=OBSERVATIONS, nodes=NODES.size):
    """Rows for the smoother, and the dense weights, values and noise."""
    first = np.zeros(nodes + 1, np.int64)
    rows, weights = [], np.zeros((len(observations), STATE * nodes))
    for i, (node, row) in enumerate(sorted(observations, key=lambda o: o[0])):
        first[node + 1 :] += 1
        rows.append(row)
        weights[i, STATE * node + np.array([0, 1, 4])] = row[:3]
    table = np.array(rows) if rows else np.zeros((0, 5))
    return first, table, weights, table[:, 3].copy(), np.diag(table[:, 4])


def condition(dense: Dense, weights, values, noise) -> tuple[np.ndarray, np.ndarray]:
    """Textbook Gaussian conditioning."""
    inner = weights @ dense.cov @ weights.T + noise
    gain = dense.cov @ weights.T @ np.linalg.inv(inner)
    return dense.mean + gain @ (values - weights @ dense.mean), dense.cov - gain @ weights @ dense.cov


def reference_path(air, node_s=NODES, seed=1):
    """Some path of the motion to linearise about, and its linearisation."""
    rng = np.random.default_rng(seed)
    state = np.array([[0.2, 0.1, 0.4, -0.7, LEVEL + 0.03, -0.5, 0.6]])
    path = simulate(air, WANDER, node_s, state, np.array([LEVEL]), rng)[0]
    lin = np.empty((node_s.size - 1, LIN))
    linearise_path(*air, np.array(WANDER), node_s, path, lin)
    return path, lin


def draw(
    air,
    start,
    path,
    lin,
    first,
    obs,
    normals,
    obs_normals,
    log_uniform=-math.inf,
    node_s=NODES,
    wander=WANDER,
):
    new, new_lin = path.copy(), lin.copy()
    accepted = redraw(
        *air, np.array(wander), node_s, start, new, new_lin, first, obs, normals, obs_normals, log_uniform
    )
    return accepted, new, new_lin


def log_evidence(air, start, path, lin, first, obs, node_s=NODES):
    n, rows = node_s.size, obs.shape[0]
    return filter_stretch(
        np.array(WANDER), node_s, start, path, lin, first, obs, np.zeros((n, STATE)), np.zeros(rows + STATE),
        np.empty((n, STATE)), np.empty((n, STATE)), np.empty((n, STATE, STATE)),
        np.empty((rows + STATE, STATE)), np.empty(rows + STATE),
    )  # fmt: skip


AIRS = {"even": even_air(9.0, -4.0, 3.0), "sloping": sloping_air()}


@pytest.mark.parametrize("name", AIRS)
def test_log_evidence_is_the_dense_gaussian_density(name):
    air = AIRS[name]
    first, obs, weights, values, noise = observed()
    dense = dense_model(air, START)
    wanted = multivariate_normal.logpdf(values, weights @ dense.mean, weights @ dense.cov @ weights.T + noise)
    for seed in (1, 2):  # the same about any path
        path, lin = reference_path(air, seed=seed)
        assert log_evidence(air, START, path, lin, first, obs) == pytest.approx(wanted, abs=NEARLY_LINEAR)


def posterior_of_draws(air, start, path, lin, first, obs):
    """Mean and covariance of `redraw`, read off with zeros and unit vectors for its normals."""
    n, rows = NODES.size, obs.shape[0]
    zero, none = np.zeros((n, STATE)), np.zeros(rows + 1)
    mean = draw(air, start, path, lin, first, obs, zero, none)[1].ravel()
    columns = []
    for i in range(zero.size + rows):
        unit = np.zeros(zero.size + rows)
        unit[i] = 1.0
        normals, made = unit[: zero.size].reshape(n, STATE), np.append(unit[zero.size :], 0.0)
        columns.append(draw(air, start, path, lin, first, obs, normals, made)[1].ravel() - mean)
    columns = np.array(columns).T
    return mean, columns @ columns.T


@pytest.mark.parametrize("name", AIRS)
def test_draws_have_the_mean_and_covariance_of_the_dense_posterior(name):
    air = AIRS[name]
    first, obs, *dense_obs = observed()
    path, lin = reference_path(air)
    wanted_mean, wanted_cov = condition(dense_model(air, START), *dense_obs)
    mean, cov = posterior_of_draws(air, START, path, lin, first, obs)
    np.testing.assert_allclose(mean, wanted_mean, atol=NEARLY_LINEAR)
    np.testing.assert_allclose(cov, wanted_cov, atol=NEARLY_LINEAR)


@pytest.mark.parametrize("name", AIRS)
def test_without_observations_draws_are_the_motion_itself(name):
    air = AIRS[name]
    first, obs, *_ = observed(())
    path, lin = reference_path(air)
    dense = dense_model(air, START)
    mean, cov = posterior_of_draws(air, START, path, lin, first, obs)
    np.testing.assert_allclose(mean, dense.mean, atol=NEARLY_LINEAR)
    np.testing.assert_allclose(cov, dense.cov, atol=NEARLY_LINEAR)


@pytest.mark.parametrize(("pin_first", "pin_last"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("name", AIRS)
def test_pins_hold_and_the_rest_is_the_dense_conditional(name, pin_first, pin_last):
    air = AIRS[name]
    first, obs, weights, values, noise = observed()
    path, lin = reference_path(air)
    start = np.append(START[:4], [pin_first, pin_last])
    dense = dense_model(air, start)
    # A pinned node is seven observations without noise.
    for pinned, node in ((pin_first, 0), (pin_last, NODES.size - 1)):
        if pinned:
            extra = np.eye(STATE * NODES.size)[STATE * node : STATE * (node + 1)]
            weights = np.vstack([weights, extra])
            values = np.concatenate([values, path[node]])
            noise = np.diag(np.concatenate([np.diag(noise), np.full(STATE, 1e-12)]))
    wanted_mean, wanted_cov = condition(dense, weights, values, noise)
    mean, cov = posterior_of_draws(air, start, path, lin, first, obs)
    np.testing.assert_allclose(mean, wanted_mean, atol=1e-4)
    np.testing.assert_allclose(cov, wanted_cov, atol=1e-4)
    rng = np.random.default_rng(3)
    new = draw(air, start, path, lin, first, obs, rng.normal(size=(NODES.size, STATE)), rng.normal(size=7))[1]
    if pin_first:
        assert (new[0] == path[0]).all()
    if pin_last:
        assert (new[-1] == path[-1]).all()
    assert np.abs(new[2] - path[2]).max() > 1e-3


@pytest.mark.parametrize("pins", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
@pytest.mark.parametrize("name", AIRS)
def test_where_all_is_linear_every_draw_is_accepted(name, pins):
    """The log ratio is zero to rounding: just below it all is refused, just above all taken."""
    air = AIRS[name]
    first, obs, *_ = observed()
    path, lin = reference_path(air)
    rng = np.random.default_rng(4)
    start = np.append(START[:4], pins)
    for _ in range(20):
        noise = rng.normal(size=(NODES.size, STATE)), rng.normal(size=obs.shape[0] + 1)
        taken, new, new_lin = draw(air, start, path, lin, first, obs, *noise, log_uniform=-3e-4)
        assert taken
        refused, same, same_lin = draw(air, start, path, lin, first, obs, *noise, log_uniform=3e-4)
        assert not refused
        assert (same == path).all()
        assert (same_lin == lin).all()
        again = np.empty_like(new_lin)
        linearise_path(*air, np.array(WANDER), NODES, new, again)
        np.testing.assert_array_equal(new_lin, again)


def test_rows_of_a_stretch_may_start_past_the_first():
    """A stretch of a path carries its own slice of the observations."""
    air = AIRS["sloping"]
    first, obs, *_ = observed()
    path, lin = reference_path(air)
    padded = np.vstack([np.full((3, 5), 9e9), obs])
    rng = np.random.default_rng(5)
    normals, made = rng.normal(size=(NODES.size, STATE)), rng.normal(size=obs.shape[0] + 4)
    plain = draw(air, START, path, lin, first, obs, normals, made[3:])[1]
    shifted = draw(air, START, path, lin, first + 3, padded, normals, made)[1]
    np.testing.assert_array_equal(plain, shifted)


def shear_air() -> Air:
    """A jet a few kilometres wide with winds across it that turn: far from linear over a step."""
    return make_air(
        PLAIN,
        made_grid(
            lambda t, p, la, lo: (
                12.0 * np.cos(la / 0.06) + 3.0 * np.sin(lo / 0.09),
                5.0 * np.sin(lo / 0.05 + 0.5),
            ),
            sd=(5.0, 5.0),
            lat=np.linspace(-0.3, 0.3, 31),
            lon=np.linspace(-0.3, 0.7, 51),
            levels_m=(16e3, 20e3),
        ),
    )


SHEAR_NODES = np.array([0.0, 500.0, 1000.0, 1500.0])
SHEAR_WANDER = Wander(1500.0, 900.0, 0.05, 1.5, 500.0, 0.4)
SHEAR_START = np.array([0.0, 0.0, 3.0, 18.0, 0.0, 0.0])
SHEAR_OBSERVATIONS = (
    (1, (0.0, 1.0, 0.0, 4.0, 4.0)),
    (3, (1.0, 0.0, 0.0, 12.0, 6.0)),
    (3, (0.0, 1.0, 0.0, -3.0, 6.0)),
)


def prior_draws(air, members, rng):
    state = np.zeros((members, STATE))
    state[:, :2] = 3.0 * rng.standard_normal((members, 2))
    state[:, 2:4] = rng.standard_normal((members, 2))
    state[:, 4] = 18.0 + 0.05 * rng.standard_normal(members)
    state[:, 5:] = rng.standard_normal((members, 2))
    return simulate(air, SHEAR_WANDER, SHEAR_NODES, state, np.full(members, 18.0), rng)


def statistics(paths) -> np.ndarray:
    """Per path: means, squares and a shape of the distribution that no Gaussian would give."""
    x, y, n_u = paths[:, :, 0], paths[:, :, 1], paths[:, :, 2]
    far = (np.abs(y[:, 2]) > 4.0).astype(float)
    return np.stack(
        [x[:, 1], y[:, 0], y[:, 2], x[:, 0] ** 2, y[:, 2] ** 2, n_u[:, 2], x[:, 3] * y[:, 0], far], 1
    )


def test_in_a_sheared_wind_the_chain_keeps_the_posterior():
    """Metropolis over linear draws against importance sampling with 400,000 paths of the prior."""
    air, rng = shear_air(), np.random.default_rng(6)
    first, obs, weights, values, noise = observed(SHEAR_OBSERVATIONS, 4)
    drawn = prior_draws(air, 400_000, rng)
    off = values - drawn.reshape(len(drawn), -1) @ weights.T
    log_weight = -0.5 * np.sum(off**2 / np.diag(noise), axis=1)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    values_is = statistics(drawn)
    wanted = weight @ values_is
    error_is = np.sqrt(weight**2 @ (values_is - wanted) ** 2)
    # Chains start from the posterior by resampling; sweeps of whole and of pinned stretches must keep it.
    chains = drawn[rng.choice(len(drawn), 1500, p=weight)]
    accepted = moved = 0
    for m in range(len(chains)):
        path, lin = chains[m].copy(), np.empty((3, LIN))
        linearise_path(*air, np.array(SHEAR_WANDER), SHEAR_NODES, path, lin)
        for turn in range(12):
            a, b = ((0, 3), (0, 2), (1, 3))[turn % 3]
            start = np.append(SHEAR_START[:4], [float(a > 0), float(b < 3)])
            accepted += redraw(
                *air, np.array(SHEAR_WANDER), SHEAR_NODES[a : b + 1], start, path[a : b + 1], lin[a:b],
                first[a : b + 2], obs, rng.normal(size=(b - a + 1, STATE)), rng.normal(size=len(obs) + 1),
                math.log(rng.random()),
            )  # fmt: skip
        moved += not np.array_equal(path, chains[m])
        chains[m] = path
    rate = accepted / (12 * len(chains))
    assert 0.15 < rate < 0.95  # neither stuck nor linear
    assert moved > 0.9 * len(chains)
    values_mc = statistics(chains)
    error = np.hypot(error_is, values_mc.std(axis=0) / math.sqrt(len(chains)))
    np.testing.assert_array_less(np.abs(values_mc.mean(axis=0) - wanted) / error, 4.0)


def test_without_the_test_the_same_chain_drifts_off():
    """What the test is for: untested linear draws settle on another distribution."""
    air, rng = shear_air(), np.random.default_rng(7)
    first, obs, weights, values, noise = observed(SHEAR_OBSERVATIONS, 4)
    drawn = prior_draws(air, 100_000, rng)
    off = values - drawn.reshape(len(drawn), -1) @ weights.T
    weight = np.exp(-0.5 * np.sum(off**2 / np.diag(noise), axis=1))
    weight /= weight.sum()
    wanted = weight @ statistics(drawn)
    chains = drawn[rng.choice(len(drawn), 5000, p=weight)]
    for m in range(len(chains)):
        lin = np.empty((3, LIN))
        linearise_path(*air, np.array(SHEAR_WANDER), SHEAR_NODES, chains[m], lin)
        for _ in range(6):
            redraw(
                *air, np.array(SHEAR_WANDER), SHEAR_NODES, SHEAR_START, chains[m], lin, first, obs,
                rng.normal(size=(4, STATE)), rng.normal(size=len(obs) + 1), -math.inf,
            )  # fmt: skip
    values_mc = statistics(chains)
    error = values_mc.std(axis=0) / math.sqrt(len(chains))
    assert (np.abs(values_mc.mean(axis=0) - wanted) / error).max() > 6.0

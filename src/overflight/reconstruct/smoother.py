"""Draw a whole path at once: one conditionally linear pass over the motion and the sightings.

Given which reading of each sighting holds, and when in its window, sightings are Gaussian; given the
path as it stands, the motion is linear about it. `draw_path` then samples the path from its posterior
by the simulation smoother of Durbin and Koopman (Biometrika 89, 603, 2002): simulate motion and sightings
without data, and correct the simulation by the smoothed difference to the data. Sightings enter one scalar
at a time (Koopman and Durbin, J. Time Series Anal. 21, 281, 2000), so nothing is inverted but numbers.

State order: x_km, y_km, n_u, n_v, z_km. Everything is compiled and takes rows of plain arrays.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.reconstruct.motion import Air, Wander, linear_step

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Columns of the scalar-observation table: weights on x, y and z, the value, and its noise variance.
OBS_COLUMNS = 5


@compiled
def transition(
    lin: Float64s, dt: float, wander: Wander, f: Float64s, noise: Float64s
) -> None:
    """Fill the 5x5 transition `f` and the 5x5 noise factor of one step from its derivatives."""
    hours = dt / 3600.0
    phi_n = math.exp(-dt / wander.wind_time_s)
    phi_z = math.exp(-dt / wander.height_time_s)
    q_n = math.sqrt(1.0 - phi_n * phi_n)
    q_z = math.sqrt(1.0 - phi_z * phi_z) * wander.height_sd_km
    mixing = wander.mixing_km_per_sqrt_h * math.sqrt(hours)
    f[:, :] = 0.0
    noise[:, :] = 0.0
    for row in range(2):
        base = 2 + 5 * row
        f[row, 0], f[row, 1] = lin[base], lin[base + 1]
        for k in range(2):
            # The step sees the mean of the wind error at its two ends.
            f[row, 2 + k] = lin[base + 2 + k] * 0.5 * (1.0 + phi_n)
            noise[row, 2 + k] = lin[base + 2 + k] * 0.5 * q_n
        f[row, 4] = lin[base + 4] * 0.5 * (1.0 + phi_z)
        noise[row, 4] = lin[base + 4] * 0.5 * q_z
        noise[row, row] = mixing
    f[2, 2], f[3, 3], f[4, 4] = phi_n, phi_n, phi_z
    noise[2, 2], noise[3, 3], noise[4, 4] = q_n, q_n, q_z


@compiled
def draw_path(
    air: Air,
    wander: Wander,
    time_s: Float64s,
    start: Float64s,
    path: Float64s,
    obs_first: Int64s,
    obs: Float64s,
    normals: Float64s,
    obs_normals: Float64s,
) -> float:
    """Replace `path` (N, 5) by a draw given the scalar observations; return the squared step residual.

    `start` holds the mean and the standard deviation of x and y at the first node, then the float level
    (km): x0, y0, sd_x, sd_y, level. Observations of node k are rows `obs_first[k]:obs_first[k + 1]` of
    `obs`. `normals` (N, 5) and `obs_normals` (number of rows) are standard normal draws.

    The return value is the mean over steps of the squared curvature the linear model missed, in units of
    the mixing noise: far below one, the linear step is as good as the true one.
    """
    n = time_s.size
    lin = np.empty((n, 12))
    sim = np.empty((n, 5))
    f, noise = np.empty((5, 5)), np.empty((5, 5))
    sim[0, 0] = start[0] + start[2] * normals[0, 0]
    sim[0, 1] = start[1] + start[3] * normals[0, 1]
    sim[0, 2], sim[0, 3] = normals[0, 2], normals[0, 3]
    sim[0, 4] = start[4] + wander.height_sd_km * normals[0, 4]
    for k in range(n - 1):
        dt = time_s[k + 1] - time_s[k]
        zb = 0.5 * (path[k, 4] + path[k + 1, 4])
        ub, vb = 0.5 * (path[k, 2] + path[k + 1, 2]), 0.5 * (path[k, 3] + path[k + 1, 3])
        linear_step(air, time_s[k], dt, path[k, 0], path[k, 1], zb, ub, vb, lin[k])
        transition(lin[k], dt, wander, f, noise)
        level = start[4]
        for i in range(2, 5):
            value = level if i == 4 else 0.0
            value += f[i, i] * (sim[k, i] - value) + noise[i, i] * normals[k + 1, i]
            sim[k + 1, i] = value
        du = 0.5 * (sim[k, 2] + sim[k + 1, 2]) - ub
        dv = 0.5 * (sim[k, 3] + sim[k + 1, 3]) - vb
        dz = 0.5 * (sim[k, 4] + sim[k + 1, 4]) - zb
        dx, dy = sim[k, 0] - path[k, 0], sim[k, 1] - path[k, 1]
        for i in range(2):
            b = 2 + 5 * i
            sim[k + 1, i] = (
                lin[k, i] + lin[k, b] * dx + lin[k, b + 1] * dy
                + lin[k, b + 2] * du + lin[k, b + 3] * dv + lin[k, b + 4] * dz
                + noise[i, i] * normals[k + 1, i]
            )  # fmt: skip
    _smooth_difference(wander, time_s, start, lin, sim, obs_first, obs, obs_normals)
    residual = _curvature(air, wander, time_s, lin, path, sim)
    path[:, :] = sim
    return residual


@compiled
def _smooth_difference(
    wander: Wander,
    time_s: Float64s,
    start: Float64s,
    lin: Float64s,
    sim: Float64s,
    obs_first: Int64s,
    obs: Float64s,
    obs_normals: Float64s,
) -> None:
    """Add to the simulation the smoothed difference between the data and its own made-up data."""
    n, rows = time_s.size, obs.shape[0]
    means, covs = np.empty((n, 5)), np.empty((n, 5, 5))
    gains, innovations = np.empty((rows, 5)), np.empty(rows)
    f, noise, work = np.empty((5, 5)), np.empty((5, 5)), np.empty((5, 5))
    a, p, ph = np.zeros(5), np.zeros((5, 5)), np.empty(5)
    p[0, 0], p[1, 1] = start[2] * start[2], start[3] * start[3]
    p[2, 2], p[3, 3], p[4, 4] = 1.0, 1.0, wander.height_sd_km**2
    for k in range(n):
        means[k] = a
        covs[k] = p
        for j in range(obs_first[k], obs_first[k + 1]):
            hx, hy, hz = obs[j, 0], obs[j, 1], obs[j, 2]
            made = hx * sim[k, 0] + hy * sim[k, 1] + hz * sim[k, 4] + math.sqrt(obs[j, 4]) * obs_normals[j]
            for i in range(5):
                ph[i] = p[i, 0] * hx + p[i, 1] * hy + p[i, 4] * hz
            variance = hx * ph[0] + hy * ph[1] + hz * ph[4] + obs[j, 4]
            v = obs[j, 3] - made - (hx * a[0] + hy * a[1] + hz * a[4])
            innovations[j] = v / variance
            for i in range(5):
                gains[j, i] = ph[i] / variance
                a[i] += gains[j, i] * v
            for i in range(5):
                for m in range(5):
                    p[i, m] -= gains[j, i] * ph[m]
        if k == n - 1:
            break
        transition(lin[k], time_s[k + 1] - time_s[k], wander, f, noise)
        _predict(f, noise, a, p, work)
    r, q = np.zeros(5), np.empty(5)
    for k in range(n - 1, -1, -1):
        for j in range(obs_first[k + 1] - 1, obs_first[k] - 1, -1):
            kr = 0.0
            for i in range(5):
                kr += gains[j, i] * r[i]
            weight = innovations[j] - kr
            r[0] += obs[j, 0] * weight
            r[1] += obs[j, 1] * weight
            r[4] += obs[j, 2] * weight
        for i in range(5):
            value = means[k, i]
            for m in range(5):
                value += covs[k, i, m] * r[m]
            sim[k, i] += value
        if k > 0:
            transition(lin[k - 1], time_s[k] - time_s[k - 1], wander, f, noise)
            for i in range(5):
                q[i] = 0.0
                for m in range(5):
                    q[i] += f[m, i] * r[m]
            r[:] = q


@compiled
def _predict(f: Float64s, noise: Float64s, a: Float64s, p: Float64s, work: Float64s) -> None:
    """Carry mean and covariance over one step, in place; the lower rows of `f` are diagonal."""
    b0, b1 = 0.0, 0.0
    for m in range(5):
        b0 += f[0, m] * a[m]
        b1 += f[1, m] * a[m]
    a[0], a[1] = b0, b1
    for i in range(2, 5):
        a[i] *= f[i, i]
    for m in range(5):
        w0, w1 = 0.0, 0.0
        for i in range(5):
            w0 += f[0, i] * p[i, m]
            w1 += f[1, i] * p[i, m]
        work[0, m], work[1, m] = w0, w1
        for i in range(2, 5):
            work[i, m] = f[i, i] * p[i, m]
    for i in range(5):
        c0, c1 = 0.0, 0.0
        for m in range(5):
            c0 += work[i, m] * f[0, m]
            c1 += work[i, m] * f[1, m]
        p[i, 0], p[i, 1] = c0, c1
        for m in range(2, 5):
            p[i, m] = work[i, m] * f[m, m]
    for i in range(5):
        for m in range(i, 5):
            extra = 0.0
            for j in range(5):
                extra += noise[i, j] * noise[m, j]
            value = 0.5 * (p[i, m] + p[m, i]) + extra
            p[i, m] = value
            p[m, i] = value


@compiled
def _curvature(
    air: Air, wander: Wander, time_s: Float64s, lin: Float64s, old: Float64s, new: Float64s
) -> float:
    """Mean squared gap between the true step and the linear one, in units of the mixing noise."""
    out = np.empty(12)
    total = 0.0
    n = time_s.size
    for k in range(n - 1):
        dt = time_s[k + 1] - time_s[k]
        zb = 0.5 * (new[k, 4] + new[k + 1, 4])
        ub, vb = 0.5 * (new[k, 2] + new[k + 1, 2]), 0.5 * (new[k, 3] + new[k + 1, 3])
        linear_step(air, time_s[k], dt, new[k, 0], new[k, 1], zb, ub, vb, out)
        dx, dy = new[k, 0] - old[k, 0], new[k, 1] - old[k, 1]
        du = ub - 0.5 * (old[k, 2] + old[k + 1, 2])
        dv = vb - 0.5 * (old[k, 3] + old[k + 1, 3])
        dz = zb - 0.5 * (old[k, 4] + old[k + 1, 4])
        scale = wander.mixing_km_per_sqrt_h**2 * dt / 3600.0
        for i in range(2):
            b = 2 + 5 * i
            linear = (
                lin[k, i] + lin[k, b] * dx + lin[k, b + 1] * dy
                + lin[k, b + 2] * du + lin[k, b + 3] * dv + lin[k, b + 4] * dz
            )  # fmt: skip
            total += (out[i] - linear) ** 2 / scale
    return total / max(1, n - 1)

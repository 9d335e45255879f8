"""Redraw a stretch of a member's path given the sightings: a linear draw, then an honest test of it.

Given which reading of each sighting holds, and when in its window, sightings are Gaussian; about the path
as it stands, the motion is nearly linear. A stretch of path is drawn from that linear model by the
simulation smoother of Durbin and Koopman (Biometrika 89, 603, 2002), sightings entering one scalar at a
time (Koopman and Durbin, J. Time Series Anal. 21, 281, 2000), the ends of the stretch pinned. The draw is
accepted or refused by Metropolis and Hastings' rule with the true motion, so what is not linear costs
refusals, not truth.

State order: x_km, y_km, n_u, n_v, z_km, f_u, f_v. All but the place carry themselves alone from step to step.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.reconstruct.motion import LIN, MAX_Y_KM, STATE, linearise
from overflight.winds.grid import Float32s
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Ten turns of the Earth; short of the frame's poles, which lie 10,008 km off the flight; eight sigma.
MAX_X_KM, MAX_N = 4e5, 8.0
LOG_2PI = math.log(2.0 * math.pi)


@compiled
def transition(lin: Float64s, dt: float, wander: Float64s, f: Float64s, noise: Float64s) -> float:
    """Fill the 7x7 transition `f` and noise factor of a step; return log |det(I - dt J / 2)|."""
    mixing = wander[3] * math.sqrt(dt / 3600.0)
    h = 0.5 * dt
    a, b, c, d = 1.0 - h * lin[2], -h * lin[3], -h * lin[4], 1.0 - h * lin[5]
    det = a * d - b * c
    m00, m01, m10, m11 = d / det, -b / det, -c / det, a / det
    f[:, :] = 0.0
    noise[:, :] = 0.0
    p, q, r, s = 1.0 + h * lin[2], h * lin[3], h * lin[4], 1.0 + h * lin[5]
    f[0, 0], f[0, 1] = m00 * p + m01 * r, m00 * q + m01 * s
    f[1, 0], f[1, 1] = m10 * p + m11 * r, m10 * q + m11 * s
    slow, fast = math.sqrt(1.0 - wander[5]), math.sqrt(wander[5])
    for i in range(2, STATE):
        # The step sees the mean of the values at its two ends.
        if i == 4:
            gx, gy, memory, sd = lin[10], lin[11], wander[1], wander[2]
        else:
            part, memory, column = (slow, wander[0], i - 2) if i < 4 else (fast, wander[4], i - 5)
            gx, gy, sd = part * lin[6 + column], part * lin[8 + column], 1.0
        phi = math.exp(-dt / memory)
        scale = math.sqrt(1.0 - phi * phi) * sd
        tx, ty = h * (m00 * gx + m01 * gy), h * (m10 * gx + m11 * gy)
        f[0, i], f[1, i] = tx * (1.0 + phi), ty * (1.0 + phi)
        noise[0, i], noise[1, i] = tx * scale, ty * scale
        f[i, i] = phi
        noise[i, i] = scale
    noise[0, 0], noise[0, 1], noise[1, 0], noise[1, 1] = (
        m00 * mixing,
        m01 * mixing,
        m10 * mixing,
        m11 * mixing,
    )
    return math.log(abs(det))


@compiled
def carry(
    f: Float64s, lin: Float64s, wander: Float64s, dt: float, level: float, here: Float64s, there: Float64s,
    state: Float64s, out: Float64s,
) -> None:  # fmt: skip
    """Carry a state over a step of the linear model about the path from `here` to `there`, without noise."""
    for i in range(2, STATE):
        out[i] = f[i, i] * state[i]
    out[4] = level + f[4, 4] * (state[4] - level)
    # The implicit step solved for its end: M [ (I + hJ) x + dt (V* - J xm* + G (e - e*) + C (z - z*)) ].
    h = 0.5 * dt
    xm, ym = 0.5 * (here[0] + there[0]), 0.5 * (here[1] + there[1])
    du = mean_error(wander, state, out, 0) - mean_error(wander, here, there, 0)
    dv = mean_error(wander, state, out, 1) - mean_error(wander, here, there, 1)
    dz = 0.5 * (state[4] + out[4] - here[4] - there[4])
    vx = lin[0] - lin[2] * xm - lin[3] * ym + lin[6] * du + lin[7] * dv + lin[10] * dz
    vy = lin[1] - lin[4] * xm - lin[5] * ym + lin[8] * du + lin[9] * dv + lin[11] * dz
    rx = state[0] + h * (lin[2] * state[0] + lin[3] * state[1]) + dt * vx
    ry = state[1] + h * (lin[4] * state[0] + lin[5] * state[1]) + dt * vy
    a, b, c, d = 1.0 - h * lin[2], -h * lin[3], -h * lin[4], 1.0 - h * lin[5]
    det = a * d - b * c
    out[0], out[1] = (d * rx - b * ry) / det, (a * ry - c * rx) / det


@compiled
def mean_error(wander: Float64s, here: Float64s, there: Float64s, part: int) -> float:
    """Mean wind error of a step along x (part 0) or y (part 1), in units of the spread."""
    slow, fast = math.sqrt(1.0 - wander[5]), math.sqrt(wander[5])
    return float(
        0.5 * (slow * (here[2 + part] + there[2 + part]) + fast * (here[5 + part] + there[5 + part]))
    )


@compiled
def residual_sq(
    lin: Float64s,
    wander: Float64s,
    dt: float,
    ref: Float64s,
    ref_next: Float64s,
    s: Float64s,
    s_next: Float64s,
) -> float:
    """Squared mismatch (km²) of a step of path `s` under the linear model about path `ref`.

    With `s` and `ref` the same path it is the mismatch under the true motion.
    """
    dx = 0.5 * (s[0] + s_next[0] - ref[0] - ref_next[0])
    dy = 0.5 * (s[1] + s_next[1] - ref[1] - ref_next[1])
    du = mean_error(wander, s, s_next, 0) - mean_error(wander, ref, ref_next, 0)
    dv = mean_error(wander, s, s_next, 1) - mean_error(wander, ref, ref_next, 1)
    dz = 0.5 * (s[4] + s_next[4] - ref[4] - ref_next[4])
    vx = lin[0] + lin[2] * dx + lin[3] * dy + lin[6] * du + lin[7] * dv + lin[10] * dz
    vy = lin[1] + lin[4] * dx + lin[5] * dy + lin[8] * du + lin[9] * dv + lin[11] * dz
    rx, ry = s_next[0] - s[0] - dt * vx, s_next[1] - s[1] - dt * vy
    return float(rx * rx + ry * ry)


@compiled
def linearise_path(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    wander: Float64s,
    node_s: Float64s,
    path: Float64s,
    lin: Float64s,
) -> None:
    """Fill `lin` (N - 1, 12) with the motion at the midpoints of a path (N, 7)."""
    wind = np.empty(SLOPES)
    for k in range(node_s.size - 1):
        s, e = path[k], path[k + 1]
        linearise(
            rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers,
            0.5 * (node_s[k] + node_s[k + 1]), 0.5 * (s[0] + e[0]), 0.5 * (s[1] + e[1]),
            0.5 * (s[4] + e[4]), mean_error(wander, s, e, 0), mean_error(wander, s, e, 1), lin[k], wind,
        )  # fmt: skip


@compiled
def redraw(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    wander: Float64s,
    node_s: Float64s,
    start: Float64s,
    path: Float64s,
    lin: Float64s,
    first: Int64s,
    obs: Float64s,
    normals: Float64s,
    obs_normals: Float64s,
    log_uniform: float,
) -> bool:
    """Propose a new stretch of path and accept or refuse it, in place. Returns whether it was accepted.

    All arrays are of the stretch: `node_s` (N,), `path` (N, 7), `lin` (N - 1, 12), observations of node k
    in rows `first[k]:first[k + 1]` of `obs` (rows may start past 0). `start` is x0, y0, their standard
    deviation, the float level, whether the first node is pinned and whether the last is. `normals` (N, 7)
    and `obs_normals` (at least the rows in use) are standard normal draws. With `log_uniform` minus infinity
    the draw is taken without the test.
    """
    n = node_s.size
    begin = first[0]
    rows = first[n] - begin
    new, gains = np.empty((n, STATE)), np.empty((rows + STATE, STATE))
    innovations = np.empty(rows + STATE)
    means, covs = np.empty((n, STATE)), np.empty((n, STATE, STATE))
    log_z = filter_stretch(
        wander,
        node_s,
        start,
        path,
        lin,
        first,
        obs,
        normals,
        obs_normals,
        new,
        means,
        covs,
        gains,
        innovations,
    )
    smooth_back(wander, node_s, start, lin, first, obs, means, covs, gains, innovations, new)
    if start[4] > 0.5:
        new[0] = path[0]
    if start[5] > 0.5:
        new[n - 1] = path[n - 1]
    for k in range(n):
        # A linear model carried far from its path can lose all sense; such a draw is no proposal.
        calm = abs(new[k, 2]) < MAX_N and abs(new[k, 3]) < MAX_N and -5.0 < new[k, 4] < 60.0
        calm = calm and abs(new[k, 5]) < MAX_N and abs(new[k, 6]) < MAX_N
        if not (calm and abs(new[k, 0]) < MAX_X_KM and abs(new[k, 1]) < MAX_Y_KM):
            return False
    lin_new = np.empty((n - 1, LIN))
    linearise_path(
        rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, wander, node_s, new, lin_new
    )
    if log_uniform == -math.inf:
        path[:, :] = new
        lin[:, :] = lin_new
        return True
    log_ratio = log_z
    for k in range(n - 1):
        dt = node_s[k + 1] - node_s[k]
        variance = wander[3] ** 2 * dt / 3600.0
        gap = (
            residual_sq(lin[k], wander, dt, path[k], path[k + 1], new[k], new[k + 1])
            - residual_sq(lin_new[k], wander, dt, new[k], new[k + 1], new[k], new[k + 1])
            + residual_sq(lin[k], wander, dt, path[k], path[k + 1], path[k], path[k + 1])
            - residual_sq(lin_new[k], wander, dt, new[k], new[k + 1], path[k], path[k + 1])
        )
        log_ratio += 0.5 * gap / variance
        h = 0.5 * dt
        det_new = (1.0 - h * lin_new[k, 2]) * (1.0 - h * lin_new[k, 5]) - h * h * lin_new[k, 3] * lin_new[
            k, 4
        ]
        det_old = (1.0 - h * lin[k, 2]) * (1.0 - h * lin[k, 5]) - h * h * lin[k, 3] * lin[k, 4]
        log_ratio += 2.0 * math.log(abs(det_new / det_old))
    # The same filter about the proposal gives the chance of the way back; its draws are not used.
    log_ratio -= filter_stretch(
        wander, node_s, start, new, lin_new, first, obs, normals, obs_normals,
        np.empty((n, STATE)), means, covs, gains, innovations,
    )  # fmt: skip
    if not log_uniform < log_ratio:
        return False
    path[:, :] = new
    lin[:, :] = lin_new
    return True


@compiled
def filter_stretch(
    wander: Float64s,
    node_s: Float64s,
    start: Float64s,
    path: Float64s,
    lin: Float64s,
    first: Int64s,
    obs: Float64s,
    normals: Float64s,
    obs_normals: Float64s,
    sim: Float64s,
    means: Float64s,
    covs: Float64s,
    gains: Float64s,
    innovations: Float64s,
) -> float:
    """Simulate the linear model, filter the difference of data and simulation; return log evidence.

    Fills `sim` with the simulation, `means` and `covs` with predictions of the difference, and the gains
    and scaled innovations of every scalar observation, the pins of the last node after the others.
    """
    n = node_s.size
    f, noise, work = np.empty((STATE, STATE)), np.empty((STATE, STATE)), np.empty((STATE, STATE))
    a, p, ph = np.zeros(STATE), np.zeros((STATE, STATE)), np.empty(STATE)
    mean, carried, h = np.zeros(STATE), np.empty(STATE), np.zeros(STATE)
    if start[4] > 0.5:
        mean[:] = path[0]
        sim[0] = path[0]
    else:
        mean[0], mean[1], mean[4] = start[0], start[1], start[3]
        for i in range(STATE):
            sd = start[2] if i < 2 else (wander[2] if i == 4 else 1.0)
            p[i, i] = sd * sd
            sim[0, i] = mean[i] + sd * normals[0, i]
    log_z = 0.0
    for k in range(n):
        means[k] = a
        covs[k] = p
        pins = STATE if k == n - 1 and start[5] > 0.5 else 0
        for j in range(first[k] - first[0], first[k + 1] - first[0] + pins):
            row = first[0] + j
            if row < first[k + 1]:
                h[0], h[1], h[4] = obs[row, 0], obs[row, 1], obs[row, 2]
                h[2] = h[3] = h[5] = h[6] = 0.0
                value, variance = obs[row, 3], obs[row, 4]
                made = math.sqrt(variance) * obs_normals[row]
            else:
                i = row - first[k + 1]
                h[:] = 0.0
                h[i] = 1.0
                value, variance, made = path[k, i], 0.0, 0.0
            spread, expected, v = variance, 0.0, value
            for i in range(STATE):
                ph[i] = 0.0
                for m in range(STATE):
                    ph[i] += p[i, m] * h[m]
                spread += h[i] * ph[i]
                made += h[i] * (sim[k, i] + a[i])
                expected += h[i] * mean[i]
            spread = max(spread, 1e-12)
            v = value - made
            actual = value - expected
            log_z -= 0.5 * (LOG_2PI + math.log(spread) + actual * actual / spread)
            innovations[j] = v / spread
            for i in range(STATE):
                g = ph[i] / spread
                gains[j, i] = g
                a[i] += g * v
                mean[i] += g * actual
                for m in range(STATE):
                    p[i, m] -= g * ph[m]
        if k == n - 1:
            break
        dt = node_s[k + 1] - node_s[k]
        transition(lin[k], dt, wander, f, noise)
        carry(f, lin[k], wander, dt, start[3], path[k], path[k + 1], sim[k], carried)
        for i in range(STATE):
            extra = 0.0
            for m in range(STATE):
                extra += noise[i, m] * normals[k + 1, m]
            sim[k + 1, i] = carried[i] + extra
        carry(f, lin[k], wander, dt, start[3], path[k], path[k + 1], mean, carried)
        mean[:] = carried
        predict(f, noise, a, p, work)
    return log_z


@compiled
def smooth_back(
    wander: Float64s,
    node_s: Float64s,
    start: Float64s,
    lin: Float64s,
    first: Int64s,
    obs: Float64s,
    means: Float64s,
    covs: Float64s,
    gains: Float64s,
    innovations: Float64s,
    sim: Float64s,
) -> None:
    """Add to the simulation the smoothed difference between the data and its own made-up data."""
    n = node_s.size
    f, noise = np.empty((STATE, STATE)), np.empty((STATE, STATE))
    r, q = np.zeros(STATE), np.empty(STATE)
    for k in range(n - 1, -1, -1):
        pins = STATE if k == n - 1 and start[5] > 0.5 else 0
        for j in range(first[k + 1] - first[0] + pins - 1, first[k] - first[0] - 1, -1):
            weight = innovations[j]
            for i in range(STATE):
                weight -= gains[j, i] * r[i]
            row = first[0] + j
            if row < first[k + 1]:
                r[0] += obs[row, 0] * weight
                r[1] += obs[row, 1] * weight
                r[4] += obs[row, 2] * weight
            else:
                r[row - first[k + 1]] += weight
        for i in range(STATE):
            value = means[k, i]
            for m in range(STATE):
                value += covs[k, i, m] * r[m]
            sim[k, i] += value
        if k > 0:
            transition(lin[k - 1], node_s[k] - node_s[k - 1], wander, f, noise)
            for i in range(STATE):
                q[i] = f[0, i] * r[0] + f[1, i] * r[1]
                if i > 1:
                    q[i] += f[i, i] * r[i]
            r[:] = q


@compiled
def predict(f: Float64s, noise: Float64s, a: Float64s, p: Float64s, work: Float64s) -> None:
    """Carry mean and covariance over one step, in place; the lower rows of `f` are diagonal."""
    b0, b1 = 0.0, 0.0
    for m in range(STATE):
        b0 += f[0, m] * a[m]
        b1 += f[1, m] * a[m]
    a[0], a[1] = b0, b1
    for i in range(2, STATE):
        a[i] *= f[i, i]
    for m in range(STATE):
        w0, w1 = 0.0, 0.0
        for i in range(STATE):
            w0 += f[0, i] * p[i, m]
            w1 += f[1, i] * p[i, m]
        work[0, m], work[1, m] = w0, w1
        for i in range(2, STATE):
            work[i, m] = f[i, i] * p[i, m]
    for i in range(STATE):
        c0, c1 = 0.0, 0.0
        for m in range(STATE):
            c0 += work[i, m] * f[0, m]
            c1 += work[i, m] * f[1, m]
        p[i, 0], p[i, 1] = c0, c1
        for m in range(2, STATE):
            p[i, m] = work[i, m] * f[m, m]
    for i in range(STATE):
        for m in range(i, STATE):
            value = 0.5 * (p[i, m] + p[m, i])
            if i >= 2:
                value += noise[i, i] * noise[i, i] if i == m else 0.0
            elif m >= 2:
                value += noise[i, m] * noise[m, m]
            else:
                for j in range(STATE):
                    value += noise[i, j] * noise[m, j]
            p[i, m] = value
            p[m, i] = value

"""Draws of places, wind errors and own velocities given all fixes, along the heights that the filter drew."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.reconstruct.guided_columns import (
    AIRSPEED,
    C_FAST_SHARE,
    C_START_SD,
    COURSE,
    COURSE_AXIS,
    ERROR_S,
    F_X,
    F_Y,
    FREE,
    H_BEGAN_X,
    H_BEGAN_Y,
    H_BEGIN,
    H_COMMAND,
    H_END,
    H_HEADS,
    H_SHIFT,
    H_X,
    H_Y,
    H_Z,
    HEIGHT_SCALE,
    I_DIM,
    I_FAST,
    I_HORIZONTAL,
    I_POLE,
    I_PUSH,
    LANDED,
    LEG_KEPT,
    LEG_NEW,
    MEMORY_S,
    MIXING,
    POLES,
    SPEED,
    STATION_SD,
    STRAY,
    WEIGHT_1,
    WEIGHT_2,
)
from overflight.reconstruct.guided_kernel import (
    PARTS,
    along_course,
    is_smooth,
    new_errors,
    new_leg,
    own_dim,
    own_factor,
    predict,
    reading_terms,
    step_matrices,
    still,
    update,
    wind_of_step,
)
from overflight.reconstruct.likelihood import (
    TURN_KM,
)
from overflight.reconstruct.motion import (
    LIN,
    MIN_COS,
    RADIUS_KM,
)
from overflight.winds.grid import Float32s
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]


@compiled
def smooth_members(
    rotation: Float64s, log_p: Float64s, own_axes: Float64s, own_field: Float32s, prior_axes: Float64s,
    prior_field: Float32s, numbers: Float64s, node_s: Float64s, first: Int64s, fixes: Float64s,
    conf: Float64s,
    ints: Int64s, static: Float64s, start: Float64s, history: Float32s, flags: Int8s, readings: Int8s,
    normals: Float64s,
    made_normals: Float64s, paths: Float64s,
) -> None:  # fmt: skip
    """Draw places, errors and velocities of members given all fixes, their heights and readings.

    The simulation smoother of Durbin and Koopman (Biometrika 89, 603, 2002) about the path that the filter
    followed. `normals` (M, N, dim + 2 + 2) and `made_normals` (M, K, 2) are standard normal. `paths` (M, N,
    8).
    """
    n, most, push, fast = node_s.size, ints[I_DIM], ints[I_PUSH], ints[I_FAST]
    lin, one, wind, terms = np.zeros(LIN), np.zeros(LIN), np.zeros(SLOPES), np.zeros(7)
    a, phi, load = np.zeros((n, 2, most)), np.zeros((n, most)), np.zeros((2, most))
    size, rest, work = np.zeros(most), np.zeros(7), np.zeros((2, most))
    r, back, now = np.zeros(most), np.zeros(most), np.zeros(most)
    sim, off, before = np.zeros((n, most)), np.zeros((static.shape[0], most)), np.zeros((n, most))
    cov, cov_before = np.zeros((static.shape[0], most, most)), np.zeros((n, most, most))
    blown, felt = np.zeros((n, LIN)), np.zeros((n, LIN))
    pull, gain = np.zeros((fixes.shape[0], 2)), np.zeros((fixes.shape[0], most, 2))
    free = ints[I_HORIZONTAL] == FREE
    for i in range(static.shape[0]):
        scale = static[i, SPEED] if free else static[i, AIRSPEED]
        factor, smooth, dim = (
            own_factor(i, static, ints),
            is_smooth(i, static, ints),
            own_dim(i, static, ints),
        )
        pole = ints[I_POLE] if smooth else -1
        slack = static[i, COURSE]
        course = slack > 0.0
        cov[:, :, :] = 0.0
        off[:, :] = 0.0
        cov[i, 0, 0] = cov[i, 1, 1] = conf[C_START_SD] ** 2
        sim[0, 0], sim[0, 1] = (
            start[0] + conf[C_START_SD] * normals[i, 0, 0],
            start[1] + conf[C_START_SD] * normals[i, 0, 1],
        )
        new_errors(i, dim, pole, cov)
        for m in range(2, dim):
            sim[0, m] = normals[i, 0, m]
            if m >= pole >= 0:
                sim[0, m] = math.sqrt(1.0 - POLES * POLES) * sim[0, m] + POLES * normals[i, 0, m - pole + 2]
        if push >= 0:
            variance = scale * scale if flags[i, 0] % 4 == LEG_NEW else 0.0
            stays = course and math.isnan(history[i, 0, H_HEADS])
            if course:
                variance = (STATION_SD if stays else COURSE_AXIS * scale) ** 2
            new_leg(i, dim, push, off, cov, variance)
            for m in range(push, push + 2):
                sim[0, m] = math.sqrt(variance) * normals[i, 0, m]
            if course and not stays:
                _begin(sim[0], push, start[1], history[i, 0])
        for k in range(n):
            before[k] = off[i]
            cov_before[k] = cov[i]
            for f in range(first[k], first[k + 1]):
                reading = int(readings[i, f])
                if reading == PARTS - 1:
                    continue
                vx, vy = _passing(i, k, node_s, history)
                reading_terms(reading, fixes, f, vx, vy, terms)
                l00 = math.sqrt(terms[3])
                l10 = terms[4] / l00
                l11 = math.sqrt(max(terms[5] - l10 * l10, 0.0))
                n0, n1 = made_normals[i, f, 0], made_normals[i, f, 1]
                dx = fixes[f, F_X] - terms[1] - sim[k, 0]
                dx -= TURN_KM * np.round(dx / TURN_KM)
                dx -= l00 * n0 + off[i, 0]
                dy = fixes[f, F_Y] - terms[2] - sim[k, 1] - l10 * n0 - l11 * n1 - off[i, 1]
                sxx, sxy, syy = cov[i, 0, 0] + terms[3], cov[i, 0, 1] + terms[4], cov[i, 1, 1] + terms[5]
                det = sxx * syy - sxy * sxy
                pull[f, 0], pull[f, 1] = (syy * dx - sxy * dy) / det, (sxx * dy - sxy * dx) / det
                for m in range(dim):
                    gain[f, m, 0] = (syy * cov[i, m, 0] - sxy * cov[i, m, 1]) / det
                    gain[f, m, 1] = (sxx * cov[i, m, 1] - sxy * cov[i, m, 0]) / det
                update(i, dim, off, cov, dx, dy, terms[3], terms[4], terms[5], work)
            if k == n - 1:
                break
            now[:] = sim[k]
            if push >= 0 and k > 0 and flags[i, k] % 4 != LEG_KEPT:
                variance = scale * scale if flags[i, k] % 4 == LEG_NEW else 0.0
                stays = course and math.isnan(history[i, k, H_HEADS])
                if course:
                    variance = (STATION_SD if stays else COURSE_AXIS * scale) ** 2
                new_leg(i, dim, push, off, cov, variance)
                for m in range(push, push + 2):
                    now[m] = math.sqrt(variance) * normals[i, k + 1, m]
                if course and not stays:
                    _begin(now, push, np.float64(history[i, k, H_Y]), history[i, k])
            dt = node_s[k + 1] - node_s[k]
            x, y = np.float64(history[i, k, H_X]), np.float64(history[i, k, H_Y])
            z0, z1 = np.float64(history[i, k, H_Z]), np.float64(history[i, k + 1, H_Z])
            if free:
                still(lin, y, static[i, STRAY])
            else:
                wind_of_step(
                    rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers,
                    node_s[k] + 0.5 * dt, x, y,
                    z0, z1, np.float64(history[i, k, H_BEGIN]), np.float64(history[i, k, H_END]), one, lin,
                    wind,
                )  # fmt: skip
            blown[k] = lin
            if course:
                along_course(
                    lin, y, slack, np.float64(history[i, k, H_HEADS]), np.float64(history[i, k, H_BEGAN_X]),
                    np.float64(history[i, k, H_BEGAN_Y]),
                )  # fmt: skip
            felt[k] = lin
            time_s = static[i, MEMORY_S] if free else static[i, ERROR_S]
            step_matrices(
                lin, x, y, dt, np.float64(history[i, k, H_SHIFT]) / static[i, HEIGHT_SCALE], factor, time_s,
                static[i, MIXING], conf, ints, smooth, flags[i, k] // 4 != LANDED, a[k], phi[k], load, size,
                rest,
            )  # fmt: skip
            for c in range(2):
                value = (
                    rest[c]
                    + rest[2 + 2 * c] * normals[i, k + 1, most]
                    + rest[3 + 2 * c] * normals[i, k + 1, most + 1]
                )
                for m in range(dim):
                    value += a[k, c, m] * now[m] + load[c, m] * normals[i, k + 1, m]
                sim[k + 1, c] = value
            for m in range(2, dim):
                sim[k + 1, m] = phi[k, m] * now[m] + size[m] * normals[i, k + 1, m]
                if m >= pole >= 0:
                    sim[k + 1, m] += rest[6] * normals[i, k + 1, m - pole + 2]
            rest[0] = rest[1] = 0.0
            predict(i, dim, pole, off, cov, a[k], phi[k], load, size, rest, work)
        r[:] = 0.0
        for k in range(n - 1, -1, -1):
            if k < n - 1:
                for m in range(dim):
                    back[m] = a[k, 0, m] * r[0] + a[k, 1, m] * r[1] + (phi[k, m] * r[m] if m > 1 else 0.0)
                r[:] = back
                if push >= 0 and k > 0 and flags[i, k] % 4 != LEG_KEPT:
                    for m in range(push, push + 2):
                        r[m] = 0.0
            for f in range(first[k + 1] - 1, first[k] - 1, -1):
                if int(readings[i, f]) == PARTS - 1:
                    continue
                u0, u1 = pull[f, 0], pull[f, 1]
                for m in range(dim):
                    u0 -= gain[f, m, 0] * r[m]
                    u1 -= gain[f, m, 1] * r[m]
                r[0] += u0
                r[1] += u1
            for m in range(dim):
                back[m] = sim[k, m] + before[k, m]
                for j in range(dim):
                    back[m] += cov_before[k, m, j] * r[j]
            _put(i, k, n, back, history, conf, ints, fast, push, pole, factor, static[i, STRAY], paths)
            if course and n > 1:
                step = max(k - 1, 0)
                if flags[i, step] // 4 == LANDED:
                    paths[i, step, 5:7] = 0.0
                    continue
                _through_air(i, k, step, history, blown[step], felt[step], paths)
        if course and n > 1:
            paths[i, n - 1, 5:7] = paths[i, n - 2, 5:7]


@compiled
def _begin(state: Float64s, push: int, y: float, history: Float32s) -> None:
    """Add to an airspeed the wind with which a course began, in place."""
    state[push] += history[H_BEGAN_X] * max(math.cos(y / RADIUS_KM), MIN_COS)
    state[push + 1] += history[H_BEGAN_Y]


@compiled
def _through_air(
    i: int, k: int, step: int, history: Float32s, blown: Float64s, felt: Float64s, paths: Float64s
) -> None:
    """Turn the velocity over the ground of who holds a course into that through the air, m/s, in place.

    Of the step that ends at node k, or begins at the first: `blown` is the wind (V, J, G, C) and `felt` what
    the course left of it, where the filter's path was: how the wind differs at the draw's place is left out.
    """
    u, v = paths[i, k, 3], paths[i, k, 4]
    shrink = max(math.cos(history[i, step, H_Y] / RADIUS_KM), MIN_COS)
    x = felt[0] - blown[0] + (felt[6] - blown[6]) * u + (felt[7] - blown[7]) * v
    y = felt[1] - blown[1] + (felt[8] - blown[8]) * u + (felt[9] - blown[9]) * v
    paths[i, step, 5] += 1e3 * x * shrink
    paths[i, step, 6] += 1e3 * y


@compiled
def _passing(i: int, k: int, node_s: Float64s, history: Float32s) -> tuple[float, float]:
    """Return the velocity (km/s) of the path that the filter followed, about a node."""
    n = node_s.size
    if n < 2:
        return 0.0, 0.0
    p = max(k - 1, 0)
    q = p + 1
    t_p = 0.5 * (node_s[p] + node_s[q])
    t_q = node_s[q] if q == n - 1 else 0.5 * (node_s[q] + node_s[q + 1])
    return (
        float(history[i, q, H_X] - history[i, p, H_X]) / (t_q - t_p),
        float(history[i, q, H_Y] - history[i, p, H_Y]) / (t_q - t_p),
    )


@compiled
def _put(
    i: int, k: int, n: int, state: Float64s, history: Float32s, conf: Float64s, ints: Int64s, fast: int,
    push: int, pole: int,
    factor: float, stray: float, paths: Float64s,
) -> None:  # fmt: skip
    """Write a node of a path. A velocity is that of the step before; the first node has that of its own."""
    paths[i, k, 0], paths[i, k, 1], paths[i, k, 2] = state[0], state[1], history[i, k, H_Z]
    paths[i, k, 7] = history[i, k, H_COMMAND]
    for j in range(2):
        error = state[2 + j]
        if pole >= 0:
            error = WEIGHT_1 * error + WEIGHT_2 * state[pole + j]
        if fast >= 0:
            error = (
                math.sqrt(1.0 - conf[C_FAST_SHARE]) * error + math.sqrt(conf[C_FAST_SHARE]) * state[fast + j]
            )
        paths[i, k, 3 + j] = 0.0 if ints[I_HORIZONTAL] == FREE else factor * error
        own = 1e3 * state[push + j] if push >= 0 else 0.0
        if ints[I_HORIZONTAL] == FREE:
            paths[i, k, 5 + j] = own + 1e3 * stray * error
        else:
            paths[i, max(k - 1, 0), 5 + j] = own
            if k == n - 1:
                paths[i, k, 5 + j] = own

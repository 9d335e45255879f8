"""The filter's inner loops: particles that carry a Gaussian each, from node to node of time.

Given the heights (`guided_heights.py`) and the times at which a velocity of its own changes, the wind is
linear about a particle's own mean path, and place and error are Gaussian exactly as far as that holds. All
arrays are flat rows for the sake of compiled code (columns in `guided_columns.py`); `guided.py` lays them
out.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import borrowed, compiled, woven
from overflight.reconstruct.guided_columns import (
    AIRSPEED,
    BEGAN_X,
    BEGAN_Y,
    BLEW_X,
    BLEW_Y,
    C_FAST_S,
    C_FAST_SHARE,
    C_START_SD,
    C_WANDER_S,
    C_WIDE,
    COMMAND,
    COURSE,
    COURSE_AXIS,
    DAY,
    DESCENT,
    DUSK_DEG,
    ERROR_S,
    F_AFAR,
    F_ALT,
    F_ALT_SD,
    F_ALT_WRONG,
    F_LOG_STRETCH,
    F_MISTAKEN,
    F_SLIP,
    F_STRETCH,
    F_TIME_SD,
    F_X,
    F_XX,
    F_XY,
    F_Y,
    F_YY,
    FACTOR,
    FREE,
    G00,
    G01,
    G10,
    G11,
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
    HEADS,
    HEIGHT_SCALE,
    I_DESCENT,
    I_DIM,
    I_FAST,
    I_HORIZONTAL,
    I_POLE,
    I_PUSH,
    LANDED,
    LEG_KEPT,
    LEG_NEW,
    LEG_OFF,
    LEG_S,
    MADE_UP,
    MEMORY_S,
    MIXING,
    MOMENTS,
    ON,
    ON_SHARE,
    PHASE,
    POLE_1,
    POLE_2,
    POLES,
    SHIFT,
    SMOOTH,
    SPEED,
    SPENT,
    STATION_SD,
    STATION_SHARE,
    STRAY,
    WEIGHT_1,
    WEIGHT_2,
    WX,
    WY,
    Z,
)
from overflight.reconstruct.guided_heights import (
    day_share,
    drive_of,
    next_height,
    start_height,
    too_high,
)
from overflight.reconstruct.likelihood import (
    AFAR_SD_KM,
    LOG_2PI,
    LOG_MISTAKEN,
    LOG_MISTAKEN_ALT,
    SLIPS_H,
    TURN_KM,
)
from overflight.reconstruct.motion import (
    LIN,
    MAX_Y_KM,
    MIN_COS,
    RADIUS_KM,
    linearise,
)
from overflight.winds.grid import Float32s

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]

SLIP_S = np.array([hours * 3600.0 for hours, _ in SLIPS_H])
SLIP_SHARE = np.array([share for _, share in SLIPS_H])
# A flight turns and changes speed within an hour or more: a slip's place is out by this part of the way.
SLIP_TURN = 0.3
# A step through more height than this reads the wind at several heights, so far apart, at most so many. The
# levels of analyses lie 0.5 to 1.5 km apart there, and between them the wind is linear.
SHEAR_KM, MAX_HEIGHTS = 0.8, 8
# A Gaussian is cut when it is wider than asked by this much.
WIDE_AGAIN = 1.5
# Speed of the wind's own changes along the way that a guide allows for.
GUIDE_SHARE, GUIDE_MPS = 0.2, 3.0
# Outlook of a member whose height the fixes ahead rule out, short of none at all.
LOG_DOOMED = -12.0
# Readings that a fix may have: stated, afar, six slips, mistaken.
PARTS = 9
# Rows of `low`, past the largest root: how the place at a fix ahead answers to each column.
AHEAD_X, AHEAD_Y = 10, 11
TINY = 1e-300


@compiled
def log_sum(values: Float64s) -> float:
    """Return log of the mean of exp of the values; minus infinity when none is a number above it."""
    top = -np.inf
    for i in range(values.size):
        if values[i] > top:
            top = values[i]
    if not top > -np.inf:
        return -np.inf
    total = 0.0
    for i in range(values.size):
        if values[i] > -np.inf:
            total += math.exp(values[i] - top)
    return top + math.log(total / values.size)


@woven
def wind_of_step(
    rotation: Float64s, log_p: Float64s, own_axes: Float64s, own_field: Float32s, prior_axes: Float64s,
    prior_field: Float32s, numbers: Float64s, t: float, x: float, y: float, z0: float, z1: float,
    begin: float,
    end: float, one: Float64s, lin: Float64s, wind: Float64s,
) -> None:  # fmt: skip
    """Fill `lin` (12,) with V, J, G and C of a step, a mean over its heights where they change much."""
    count = 1 if abs(z1 - z0) <= SHEAR_KM else min(MAX_HEIGHTS, 1 + int(abs(z1 - z0) / SHEAR_KM))
    lin[:] = 0.0
    for n in range(count):
        along = min(max(((n + 0.5) / count - begin) / (end - begin), 0.0), 1.0)
        if count == 1:
            along = 1.0 - 0.5 * (begin + end)
        linearise(
            rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, t, x, y,
            z0 + (z1 - z0) * along,
            0.0, 0.0, one, wind,
        )  # fmt: skip
        for j in range(LIN):
            lin[j] += one[j] if count == 1 else one[j] / count


@woven
def still(lin: Float64s, y: float, speed: float) -> None:
    """Fill `lin` for a flight that no wind moves: the 'error' is its own velocity, of so many km/s."""
    lin[:] = 0.0
    lin[6], lin[9] = speed / max(math.cos(y / RADIUS_KM), MIN_COS), speed


@woven
def along_course(lin: Float64s, y: float, slack: float, heads: float, began_x: float, began_y: float) -> None:
    """Leave in `lin` what a flight that holds a course feels of the wind, in place.

    Over the ground it keeps the direction `heads` (an angle from the frame's x; NaN for a place). Of how the
    wind has changed since the course began, `began_x`, `began_y` (in the frame's plane), what is along the
    course changes its speed; what is across is made good by its engine, but for the share `slack`.
    """
    stretch = 1.0 / max(math.cos(y / RADIUS_KM), MIN_COS)
    tx, ty, kept = 0.0, 0.0, 1.0 - slack
    if not math.isnan(heads):
        tx, ty = math.cos(heads), math.sin(heads)
    p00, p11 = slack + kept * tx * tx, slack + kept * ty * ty
    p01, p10 = kept * tx * ty * stretch, kept * tx * ty / stretch
    lin[0] -= began_x
    lin[1] -= began_y
    # Rows x and y in `lin`: of the wind, its slopes by x and y, the error by its axes, the slope by height.
    for j in range(6):
        u, v = (0, 1) if j == 0 else (j + 1, j + 3) if j < 3 else (j + 3, j + 5) if j < 5 else (10, 11)
        a, b = lin[u], lin[v]
        lin[u], lin[v] = p00 * a + p01 * b, p10 * a + p11 * b


@woven
def step_matrices(
    lin: Float64s, x: float, y: float, dt: float, shift: float, factor: float, time_s: float, mixing: float,
    conf: Float64s, ints: Int64s, smooth: bool, moving: bool, a: Float64s, phi: Float64s, load: Float64s,
    size: Float64s, rest: Float64s,
) -> None:  # fmt: skip
    """Fill the step of the linear part about the place x, y.

    x' = a s + rest[0:2] + load n + rest[2:6] m and s'_j = phi_j s_j + size_j n_j for the other columns j,
    with n and m standard normal; to the second pole of a smooth error comes rest[6] times the noise of the
    first. An implicit midpoint step: the error of a step is the mean of those at its ends.

    The error forgets itself with time and with `shift`, the change of the height but for its wander, in units
    of what leaves 1/e: a wander has no length (the shorter the step, the longer it is) and stays about one
    level, whose error it does not leave behind.
    """
    fast, push, pole = ints[I_FAST], ints[I_PUSH], ints[I_POLE]
    h = 0.5 * dt
    rest[6] = 0.0
    if not moving:
        a[:, :] = 0.0
        load[:, :] = 0.0
        rest[:] = 0.0
        a[0, 0] = a[1, 1] = 1.0
        phi[:] = 1.0
        size[:] = 0.0
        return
    q, r, s, w = 1.0 - h * lin[2], -h * lin[3], -h * lin[4], 1.0 - h * lin[5]
    det = q * w - r * s
    m00, m01, m10, m11 = w / det, -r / det, -s / det, q / det
    b00, b01, b10, b11 = 2.0 - q, -r, -s, 2.0 - w
    a[0, 0], a[0, 1] = m00 * b00 + m01 * b10, m00 * b01 + m01 * b11
    a[1, 0], a[1, 1] = m10 * b00 + m11 * b10, m10 * b01 + m11 * b11
    vx, vy = lin[0] - lin[2] * x - lin[3] * y, lin[1] - lin[4] * x - lin[5] * y
    rest[0], rest[1] = dt * (m00 * vx + m01 * vy), dt * (m10 * vx + m11 * vy)
    forget = shift
    for block in range(2):
        col = 2 if block == 0 else fast
        if col < 0:
            continue
        share = conf[C_FAST_SHARE] if block else 1.0 - conf[C_FAST_SHARE]
        memory = conf[C_FAST_S] if block else time_s
        if ints[I_HORIZONTAL] == FREE:
            share, forget = 1.0, 0.0
        age = dt / memory + forget
        paired = smooth and block == 0
        keep = math.exp(-POLE_1 * age) if paired else math.exp(-age)
        new = math.sqrt(1.0 - keep * keep)
        keep_2 = tie = new_2 = 0.0
        if paired:
            keep_2 = math.exp(-POLE_2 * age)
            tie = POLES * (1.0 - keep * keep_2) / new if new > 0.0 else 0.0
            new_2 = math.sqrt(max(1.0 - keep_2 * keep_2 - tie * tie, 0.0))
            rest[6] = tie
        g = h * factor * math.sqrt(share)
        one = WEIGHT_1 if paired else 1.0
        for j in range(2):
            tx = g * (m00 * lin[6 + j] + m01 * lin[8 + j])
            ty = g * (m10 * lin[6 + j] + m11 * lin[8 + j])
            a[0, col + j], a[1, col + j] = one * (1.0 + keep) * tx, one * (1.0 + keep) * ty
            noise = one * new + WEIGHT_2 * tie if paired else new
            load[0, col + j], load[1, col + j] = noise * tx, noise * ty
            phi[col + j], size[col + j] = keep, new
            if paired:
                c = pole + j
                a[0, c], a[1, c] = WEIGHT_2 * (1.0 + keep_2) * tx, WEIGHT_2 * (1.0 + keep_2) * ty
                load[0, c], load[1, c] = WEIGHT_2 * new_2 * tx, WEIGHT_2 * new_2 * ty
                phi[c], size[c] = keep_2, new_2
    if push >= 0:
        stretch = 1.0 / max(math.cos(y / RADIUS_KM), MIN_COS)
        a[0, push], a[1, push] = dt * m00 * stretch, dt * m10 * stretch
        a[0, push + 1], a[1, push + 1] = dt * m01, dt * m11
        for j in range(push, push + 2):
            phi[j], size[j], load[0, j], load[1, j] = 1.0, 0.0, 0.0, 0.0
    mix = 0.0 if ints[I_HORIZONTAL] == FREE else mixing * math.sqrt(dt / 3600.0)
    rest[2], rest[3], rest[4], rest[5] = m00 * mix, m01 * mix, m10 * mix, m11 * mix


@woven
def predict(
    i: int, dim: int, pole: int, mean: Float64s, cov: Float64s, a: Float64s, phi: Float64s, load: Float64s,
    size: Float64s,
    rest: Float64s, work: Float64s,
) -> None:  # fmt: skip
    """Carry a Gaussian over a step, in place; an error of two poles has its second in column `pole`."""
    x, y = rest[0], rest[1]
    qxx = rest[2] * rest[2] + rest[3] * rest[3]
    qxy = rest[2] * rest[4] + rest[3] * rest[5]
    qyy = rest[4] * rest[4] + rest[5] * rest[5]
    for m in range(dim):
        x += a[0, m] * mean[i, m]
        y += a[1, m] * mean[i, m]
        qxx += load[0, m] * load[0, m]
        qxy += load[0, m] * load[1, m]
        qyy += load[1, m] * load[1, m]
        w0, w1 = 0.0, 0.0
        for n in range(dim):
            w0 += a[0, n] * cov[i, n, m]
            w1 += a[1, n] * cov[i, n, m]
        work[0, m], work[1, m] = w0, w1
    for m in range(dim):
        qxx += work[0, m] * a[0, m]
        qxy += work[0, m] * a[1, m]
        qyy += work[1, m] * a[1, m]
    mean[i, 0], mean[i, 1] = x, min(max(y, -MAX_Y_KM), MAX_Y_KM)
    cov[i, 0, 0], cov[i, 0, 1], cov[i, 1, 0], cov[i, 1, 1] = qxx, qxy, qxy, qyy
    for m in range(2, dim):
        mean[i, m] *= phi[m]
        c0 = work[0, m] * phi[m] + load[0, m] * size[m]
        c1 = work[1, m] * phi[m] + load[1, m] * size[m]
        if m >= pole >= 0:
            c0 += load[0, m - pole + 2] * rest[6]
            c1 += load[1, m - pole + 2] * rest[6]
        cov[i, 0, m] = cov[i, m, 0] = c0
        cov[i, 1, m] = cov[i, m, 1] = c1
        for n in range(2, m + 1):
            value = phi[m] * phi[n] * cov[i, m, n] + (size[m] * size[m] if n == m else 0.0)
            if m >= pole >= 0:
                if n == m:
                    value += rest[6] * rest[6]
                elif n == m - pole + 2:
                    value += rest[6] * size[n]
            cov[i, m, n] = cov[i, n, m] = value


@woven
def update(
    i: int, dim: int, mean: Float64s, cov: Float64s, dx: float, dy: float, rxx: float, rxy: float, ryy: float,
    work: Float64s,
) -> None:  # fmt: skip
    """Let a place, off by dx, dy from the mean and with an error of so much, tell, in place."""
    sxx, sxy, syy = cov[i, 0, 0] + rxx, cov[i, 0, 1] + rxy, cov[i, 1, 1] + ryy
    det = sxx * syy - sxy * sxy
    u0, u1 = (syy * dx - sxy * dy) / det, (sxx * dy - sxy * dx) / det
    for m in range(dim):
        work[0, m], work[1, m] = cov[i, m, 0], cov[i, m, 1]
    for m in range(dim):
        mean[i, m] += work[0, m] * u0 + work[1, m] * u1
        k0 = (syy * work[0, m] - sxy * work[1, m]) / det
        k1 = (sxx * work[1, m] - sxy * work[0, m]) / det
        for n in range(m + 1):
            value = cov[i, m, n] - k0 * work[0, n] - k1 * work[1, n]
            cov[i, m, n] = value
            cov[i, n, m] = value


@woven
def velocity(
    i: int, own: Float64s, mean: Float64s, ints: Int64s, conf: Float64s, factor: float, smooth: bool
) -> tuple[float, float]:
    """Return the velocity in the frame's plane, km/s, by the last wind met and the mean of the rest."""
    fast, push, pole = ints[I_FAST], ints[I_PUSH], ints[I_POLE]
    eu, ev = mean[i, 2], mean[i, 3]
    if smooth:
        eu = WEIGHT_1 * eu + WEIGHT_2 * mean[i, pole]
        ev = WEIGHT_1 * ev + WEIGHT_2 * mean[i, pole + 1]
    if fast >= 0:
        slow_part, fast_part = math.sqrt(1.0 - conf[C_FAST_SHARE]), math.sqrt(conf[C_FAST_SHARE])
        eu = slow_part * eu + fast_part * mean[i, fast]
        ev = slow_part * ev + fast_part * mean[i, fast + 1]
    vx = own[i, WX] + factor * (own[i, G00] * eu + own[i, G01] * ev)
    vy = own[i, WY] + factor * (own[i, G10] * eu + own[i, G11] * ev)
    if push >= 0:
        vx += mean[i, push] / max(math.cos(mean[i, 1] / RADIUS_KM), MIN_COS)
        vy += mean[i, push + 1]
    return vx, vy


@woven
def reading_terms(r: int, fixes: Float64s, f: int, vx: float, vy: float, out: Float64s) -> None:
    """Fill `out` with log prior, shift by dx, dy and covariance xx, xy, yy of reading r of a fix.

    0 as stated, 1 from afar, 2 to 7 at another time, 8 mistaken; minus infinity where it cannot be.
    """
    stated = 1.0 - fixes[f, F_AFAR] - fixes[f, F_SLIP] - fixes[f, F_MISTAKEN]
    spread = fixes[f, F_TIME_SD] ** 2
    xx, xy, yy = (
        fixes[f, F_XX] + vx * vx * spread,
        fixes[f, F_XY] + vx * vy * spread,
        fixes[f, F_YY] + vy * vy * spread,
    )
    shift, share = 0.0, stated
    if r == 1:
        share = fixes[f, F_AFAR]
        xx += (AFAR_SD_KM * fixes[f, F_STRETCH]) ** 2
        yy += AFAR_SD_KM**2
    elif r == 8:
        share = fixes[f, F_MISTAKEN]
    elif r > 1:
        share = fixes[f, F_SLIP] * SLIP_SHARE[r - 2]
        shift = SLIP_S[r - 2]
        turn = SLIP_TURN * SLIP_TURN * shift * shift
        speed = vx * vx + vy * vy
        xx += turn * speed
        yy += turn * speed
    out[0] = math.log(share) if share > 1e-12 else -np.inf
    out[1], out[2], out[3], out[4], out[5] = vx * shift, vy * shift, xx, xy, yy


@woven
def tell(
    i: int, f: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, mean: Float64s,
    cov: Float64s,
    fixes: Float64s, terms: Float64s, work: Float64s, rng: np.random.Generator,
) -> tuple[float, int]:  # fmt: skip
    """Let a fix tell: return its log predictive density and the reading drawn, the Gaussian updated."""
    smooth = is_smooth(i, static, ints)
    dim = own_dim(i, static, ints)
    vx, vy = velocity(i, own, mean, ints, conf, own_factor(i, static, ints), smooth)
    height, flat = 0.0, 0.0
    if not math.isnan(fixes[f, F_ALT]):
        d = (fixes[f, F_ALT] - own[i, Z]) / fixes[f, F_ALT_SD]
        right = (1.0 - fixes[f, F_ALT_WRONG]) * math.exp(-0.5 * d * d - 0.5 * LOG_2PI) / fixes[f, F_ALT_SD]
        wrong = fixes[f, F_ALT_WRONG] * math.exp(LOG_MISTAKEN_ALT)
        if right + wrong > TINY:
            height = math.log(right + wrong)
        else:
            height = -0.5 * d * d - 0.5 * LOG_2PI - math.log(fixes[f, F_ALT_SD])
        flat = LOG_MISTAKEN_ALT
    x_off = fixes[f, F_X] - mean[i, 0]
    if abs(x_off) > 0.5 * TURN_KM:
        x_off -= TURN_KM * np.round(x_off / TURN_KM)
    y_off = fixes[f, F_Y] - mean[i, 1]
    doubted = fixes[f, F_SLIP] + fixes[f, F_AFAR] > 0.0
    if not doubted and fixes[f, F_MISTAKEN] <= 0.0:
        reading_terms(0, fixes, f, vx, vy, terms[0])
        value = _place_density(i, fixes, f, cov, x_off, y_off, terms[0]) + height
        update(i, dim, mean, cov, x_off, y_off, terms[0, 3], terms[0, 4], terms[0, 5], work)
        return value, 0
    top, last = -np.inf, PARTS - 1 if doubted else 1
    for r in range(PARTS):
        terms[r, 6] = -np.inf
        if last <= r < PARTS - 1:
            continue
        reading_terms(r, fixes, f, vx, vy, terms[r])
        if not terms[r, 0] > -np.inf:
            continue
        if r == PARTS - 1:
            value = terms[r, 0] + LOG_MISTAKEN + flat
        else:
            value = _place_density(i, fixes, f, cov, x_off, y_off, terms[r]) + height
        terms[r, 6] = value
        top = max(top, value)
    if not top > -np.inf:
        return -np.inf, PARTS - 1
    total = 0.0
    for r in range(PARTS):
        if terms[r, 6] > -np.inf:
            total += math.exp(terms[r, 6] - top)
    drawn, chosen = rng.random() * total, PARTS - 1
    for r in range(PARTS):
        if terms[r, 6] > -np.inf:
            chosen = r
            drawn -= math.exp(terms[r, 6] - top)
            if drawn <= 0.0:
                break
    if chosen < PARTS - 1:
        dx, dy = x_off - terms[chosen, 1], y_off - terms[chosen, 2]
        update(i, dim, mean, cov, dx, dy, terms[chosen, 3], terms[chosen, 4], terms[chosen, 5], work)
    return top + math.log(total), chosen


@woven
def _place_density(
    i: int, fixes: Float64s, f: int, cov: Float64s, x_off: float, y_off: float, term: Float64s
) -> float:
    """Return log of prior times predictive density (per km² of ground) of a fix under one reading."""
    xx, xy, yy = cov[i, 0, 0] + term[3], cov[i, 0, 1] + term[4], cov[i, 1, 1] + term[5]
    value = _log_density(x_off - term[1], y_off - term[2], xx, xy, yy)
    return float(term[0] + value - LOG_2PI + fixes[f, F_LOG_STRETCH])


@woven
def own_factor(i: int, static: Float64s, ints: Int64s) -> float:
    return 1.0 if ints[I_HORIZONTAL] == FREE else static[i, FACTOR]


@woven
def is_smooth(i: int, static: Float64s, ints: Int64s) -> bool:
    return bool(ints[I_POLE] >= 0 and static[i, SMOOTH] > 0.5)


@woven
def own_dim(i: int, static: Float64s, ints: Int64s) -> int:
    """Return how many columns of the Gaussian a particle uses."""
    if ints[I_POLE] >= 0 and static[i, SMOOTH] <= 0.5:
        return int(ints[I_POLE])
    return int(ints[I_DIM])


@compiled
def new_errors(i: int, dim: int, pole: int, cov: Float64s) -> None:
    """Give all but the place unit variances, and the two poles of an error their correlation."""
    for m in range(2, dim):
        cov[i, m, m] = 1.0
    if pole >= 0:
        for j in range(2):
            cov[i, 2 + j, pole + j] = cov[i, pole + j, 2 + j] = POLES


@compiled
def narrow(
    i: int, f: int, ahead: float, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s,
    mean: Float64s,
    cov: Float64s, fixes: Float64s, low: Float64s, move: Float64s, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Draw part of a Gaussian that has grown too wide for one slope of the wind; log prior over proposal.

    Call it for one wider than `WIDE_AGAIN` times the width that is left.

    What is drawn has the covariance (1 - k) P, what is left k P: together they are what was. The draw is made
    towards fix f, `ahead` seconds on, by what the errors will do until then (Matheron's rule), and weighted.
    """
    widest = max(cov[i, 0, 0], cov[i, 1, 1])
    dim, fast, push, pole = own_dim(i, static, ints), ints[I_FAST], ints[I_PUSH], ints[I_POLE]
    smooth = is_smooth(i, static, ints)
    k = conf[C_WIDE] ** 2 / widest
    _root(i, dim, cov, 1.0 - k, low)
    for m in range(dim):
        move[2, m] = rng.standard_normal()
    for m in range(dim):
        move[0, m] = 0.0
        for n in range(m + 1):
            move[0, m] += low[m, n] * move[2, n]
    if f < 0:
        for m in range(dim):
            mean[i, m] += move[0, m]
            for n in range(dim):
                cov[i, m, n] *= k
        return 0.0
    factor = own_factor(i, static, ints)
    for m in range(dim):
        low[AHEAD_X, m] = low[AHEAD_Y, m] = 0.0
    low[AHEAD_X, 0] = low[AHEAD_Y, 1] = 1.0
    grow = 0.0
    for block in range(2):
        col = 2 if block == 0 else fast
        if col < 0:
            continue
        share = conf[C_FAST_SHARE] if block else 1.0 - conf[C_FAST_SHARE]
        memory = conf[C_FAST_S] if block else static[i, ERROR_S]
        if ints[I_HORIZONTAL] == FREE:
            share, memory = 1.0, static[i, MEMORY_S]
        for part in range(2 if smooth and block == 0 else 1):
            at, weight, rate = col, 1.0, 1.0 / memory
            if smooth and block == 0:
                at = pole if part else col
                weight, rate = (WEIGHT_2, POLE_2 / memory) if part else (WEIGHT_1, POLE_1 / memory)
            lasting = factor * weight * math.sqrt(share) * -math.expm1(-ahead * rate) / rate
            low[AHEAD_X, at], low[AHEAD_X, at + 1] = lasting * own[i, G00], lasting * own[i, G01]
            low[AHEAD_Y, at], low[AHEAD_Y, at + 1] = lasting * own[i, G10], lasting * own[i, G11]
        sd = factor * math.sqrt(share) * max(abs(own[i, G00]), abs(own[i, G11]))
        age = ahead / memory
        grow += sd * sd * memory * memory * (2.0 * age - 3.0 + 4.0 * math.exp(-age) - math.exp(-2.0 * age))
    if push >= 0:
        leg = static[i, LEG_S] * -math.expm1(-ahead / static[i, LEG_S])
        low[AHEAD_X, push] = low[AHEAD_Y, push + 1] = leg
    vx, vy = velocity(i, own, mean, ints, conf, factor, smooth)
    speed = GUIDE_SHARE * math.hypot(vx, vy) + GUIDE_MPS / 1e3
    grow += (speed * ahead) ** 2
    x_off = fixes[f, F_X] - mean[i, 0] - own[i, WX] * ahead
    y_off = fixes[f, F_Y] - mean[i, 1] - own[i, WY] * ahead
    for m in range(2, dim):
        x_off -= low[AHEAD_X, m] * mean[i, m]
        y_off -= low[AHEAD_Y, m] * mean[i, m]
    x_off -= TURN_KM * np.round(x_off / TURN_KM)
    hxx = hxy = hyy = 0.0
    for m in range(dim):
        move[3, m] = move[4, m] = 0.0
        for n in range(dim):
            move[3, m] += cov[i, m, n] * low[AHEAD_X, n]
            move[4, m] += cov[i, m, n] * low[AHEAD_Y, n]
    for m in range(dim):
        hxx += low[AHEAD_X, m] * move[3, m]
        hxy += low[AHEAD_X, m] * move[4, m]
        hyy += low[AHEAD_Y, m] * move[4, m]
    rxx, rxy, ryy = fixes[f, F_XX] + grow + k * hxx, fixes[f, F_XY] + k * hxy, fixes[f, F_YY] + grow + k * hyy
    sxx, sxy, syy = rxx + (1.0 - k) * hxx, rxy + (1.0 - k) * hxy, ryy + (1.0 - k) * hyy
    if rng.random() < 0.8:
        l00 = math.sqrt(rxx)
        l10 = rxy / l00
        l11 = math.sqrt(max(ryy - l10 * l10, 1e-12))
        n0, n1 = rng.standard_normal(), rng.standard_normal()
        dx, dy = x_off - l00 * n0, y_off - l10 * n0 - l11 * n1
        for m in range(dim):
            dx -= low[AHEAD_X, m] * move[0, m]
            dy -= low[AHEAD_Y, m] * move[0, m]
        det = sxx * syy - sxy * sxy
        u0, u1 = (1.0 - k) * (syy * dx - sxy * dy) / det, (1.0 - k) * (sxx * dy - sxy * dx) / det
        for m in range(dim):
            move[0, m] += move[3, m] * u0 + move[4, m] * u1
    dx, dy = x_off, y_off
    for m in range(dim):
        dx -= low[AHEAD_X, m] * move[0, m]
        dy -= low[AHEAD_Y, m] * move[0, m]
        mean[i, m] += move[0, m]
        for n in range(dim):
            cov[i, m, n] *= k
    # By Bayes's rule the guided density is prior x (density of the fix given the draw) / (its mean).
    log_ratio = _log_density(dx, dy, rxx, rxy, ryy) - _log_density(x_off, y_off, sxx, sxy, syy)
    if log_ratio > 600.0:
        return -log_ratio - math.log(0.8)
    return -math.log(0.8 * math.exp(log_ratio) + 0.2)


@woven
def _log_density(dx: float, dy: float, xx: float, xy: float, yy: float) -> float:
    det = max(xx * yy - xy * xy, TINY)
    return -0.5 * (math.log(det) + (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / det)


@compiled
def _root(i: int, dim: int, cov: Float64s, scale: float, low: Float64s) -> None:
    """Cholesky root of a scaled covariance; a column without variance is left at zero."""
    for m in range(dim):
        for n in range(m + 1):
            value = scale * cov[i, m, n]
            for j in range(n):
                value -= low[m, j] * low[n, j]
            if m == n:
                low[m, m] = math.sqrt(value) if value > 1e-14 * scale * cov[i, m, m] else 0.0
            else:
                low[m, n] = value / low[n, n] if low[n, n] > 0.0 else 0.0


@compiled
def new_leg(i: int, dim: int, push: int, mean: Float64s, cov: Float64s, variance: float) -> None:
    """Forget the velocity of the flight's own and start one of such a variance, zero for none."""
    for m in range(push, push + 2):
        mean[i, m] = 0.0
        for n in range(dim):
            cov[i, m, n] = cov[i, n, m] = 0.0
        cov[i, m, m] = variance


@compiled
def new_course(
    i: int, dim: int, push: int, own: Float64s, mean: Float64s, cov: Float64s, airspeed: float, stays: bool
) -> None:
    """Begin a course: the velocity over the ground is the wind's and the engine's.

    Or begin to keep a place, against all of the wind.
    """
    new_leg(i, dim, push, mean, cov, (STATION_SD if stays else COURSE_AXIS * airspeed) ** 2)
    own[i, BEGAN_X], own[i, BEGAN_Y] = own[i, BLEW_X], own[i, BLEW_Y]
    own[i, HEADS] = math.nan
    if not stays:
        mean[i, push] = own[i, BLEW_X] * max(math.cos(mean[i, 1] / RADIUS_KM), MIN_COS)
        mean[i, push + 1] = own[i, BLEW_Y]
        own[i, HEADS] = math.atan2(mean[i, push + 1], mean[i, push])


@compiled
def pick(logw: Float64s, count: int, rng: np.random.Generator, chosen: Int32s) -> None:
    """Fill `chosen` (count,) with members in proportion to their weights, by one even comb."""
    n = logw.size
    top = logw.max()
    total = 0.0
    for i in range(n):
        total += math.exp(logw[i] - top)
    at, passed, i = rng.random() * total / count, math.exp(logw[0] - top), 0
    for j in range(count):
        while passed < at and i < n - 1:
            i += 1
            passed += math.exp(logw[i] - top)
        chosen[j] = i
        at += total / count


@compiled
def effective(logw: Float64s) -> float:
    """Return the effective number of members."""
    top = logw.max()
    one, two = 0.0, 0.0
    for i in range(logw.size):
        w = math.exp(logw[i] - top)
        one += w
        two += w * w
    return one * one / two


@compiled
def run_batch(
    rotation: Float64s, log_p: Float64s, own_axes: Float64s, own_field: Float32s, prior_axes: Float64s,
    prior_field: Float32s, numbers: Float64s, node_s: Float64s, sun: Float64s, first: Int64s, fixes: Float64s,
    next_fix: Int64s, next_alt: Int64s, fix_node: Int64s, far: Int64s, conf: Float64s, ints: Int64s,
    static: Float64s,
    start: Float64s,
    rng: np.random.Generator, history: Float32s, flags: Int8s, parents: Int32s, readings: Int8s,
    log_z: Float64s,
    moments: Float64s, own: Float64s, logw: Float64s, mean: Float64s, cov: Float64s, a: Float64s,
    phi: Float64s,
    load: Float64s, size: Float64s, rest: Float64s, work: Float64s, lin: Float64s, one: Float64s,
    wind: Float64s,
    span: Float64s, terms: Float64s, low: Float64s, move: Float64s,
) -> None:  # fmt: skip
    """Run one batch of particles through all nodes and fixes.

    N nodes, K fixes, n particles. Fixes of node k are `first[k]:first[k + 1]`; `next_fix[f]` and
    `next_alt[f]` (K + 1,) are the first fix from f on at all and with a height, -1 for none; `fix_node` (K,).
    `start` is x and y. Filled: `history` (N, n, 10), `flags` (N, n), `parents` (N, n), `readings` (K, n),
    `log_z` (K,) the log evidence after each fix, `moments` (K, 6) of the place before it, and the last `own`
    (n, 30) and `logw` (n,). What follows is scratch of `scratch_for`.
    """
    rotation, log_p, own_axes, own_field = (
        borrowed(rotation),
        borrowed(log_p),
        borrowed(own_axes),
        borrowed(own_field),
    )
    prior_axes, prior_field, numbers = borrowed(prior_axes), borrowed(prior_field), borrowed(numbers)
    fixes, next_fix, next_alt, sun = borrowed(fixes), borrowed(next_fix), borrowed(next_alt), borrowed(sun)
    conf, ints, static, own = borrowed(conf), borrowed(ints), borrowed(static), borrowed(own)
    mean, cov, a, phi, load = borrowed(mean), borrowed(cov), borrowed(a), borrowed(phi), borrowed(load)
    size, rest, work, lin, one = borrowed(size), borrowed(rest), borrowed(work), borrowed(lin), borrowed(one)
    wind, span, terms, low, move = (
        borrowed(wind),
        borrowed(span),
        borrowed(terms),
        borrowed(low),
        borrowed(move),
    )
    n, dim, push, pole = static.shape[0], ints[I_DIM], ints[I_PUSH], ints[I_POLE]
    chosen, outlook, hoped = np.empty(n, np.int32), np.zeros(n), np.zeros(n)
    free = ints[I_HORIZONTAL] == FREE
    logw[:] = 0.0
    for i in range(n):
        mean[i, 0], mean[i, 1] = start[0], start[1]
        cov[i, 0, 0] = cov[i, 1, 1] = conf[C_START_SD] ** 2
        new_errors(i, dim, pole, cov)
        own[i, MADE_UP] = own[i, DAY] = day_share(sun, 0, start[0], start[1], static[i, DUSK_DEG])
        drive, _, _, _ = drive_of(i, own, static, ints, sun, 0, start[0], start[1], 0.0, 0.0)
        logw[i] += start_height(i, own, static, conf, ints, fixes, drive, rng)
        if free:
            still(lin, start[1], static[i, STRAY])
        else:
            wind_of_step(
                rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, node_s[0], start[0],
                start[1],
                own[i, Z], own[i, Z], 0.0, 1.0, one, lin, wind,
            )  # fmt: skip
        own[i, BLEW_X], own[i, BLEW_Y] = lin[0], lin[1]
        if push >= 0:
            on = rng.random() < static[i, ON_SHARE]
            scale = static[i, SPEED] if free else static[i, AIRSPEED]
            slack = static[i, COURSE]
            if slack > 0.0:
                new_course(i, dim, push, own, mean, cov, scale, rng.random() < STATION_SHARE)
                along_course(lin, start[1], slack, own[i, HEADS], own[i, BEGAN_X], own[i, BEGAN_Y])
            else:
                new_leg(i, dim, push, mean, cov, scale * scale if on else 0.0)
            own[i, ON] = 1.0 if on else 0.0
        own[i, WX], own[i, WY] = lin[0], lin[1]
        for j in range(4):
            own[i, G00 + j] = lin[6 + j]
    for k in range(node_s.size):
        for f in range(first[k], first[k + 1]):
            top = logw.max()
            for j in range(MOMENTS):
                moments[f, j] = 0.0
            for i in range(n):
                w = math.exp(logw[i] - top) if logw[i] > -np.inf else 0.0
                x = mean[i, 0] - fixes[f, F_X]
                x -= TURN_KM * np.round(x / TURN_KM)
                y = mean[i, 1] - fixes[f, F_Y]
                moments[f, 0] += w
                moments[f, 1] += w * x
                moments[f, 2] += w * y
                moments[f, 3] += w * (x * x + cov[i, 0, 0])
                moments[f, 4] += w * (x * y + cov[i, 0, 1])
                moments[f, 5] += w * (y * y + cov[i, 1, 1])
                value, reading = tell(i, f, own, static, conf, ints, mean, cov, fixes, terms, work, rng)
                logw[i] += value
                if not logw[i] > -np.inf:
                    logw[i] = -np.inf
                readings[f, i] = reading
            log_z[f] = log_sum(logw)
            for j in range(1, MOMENTS):
                moments[f, j] /= max(moments[f, 0], TINY)
            if not log_z[f] > -np.inf:
                for g in range(f, fixes.shape[0]):
                    log_z[g] = -np.inf
                return
        for i in range(n):
            parents[k, i] = i
        further = far[k]
        far_wait = node_s[fix_node[further]] - node_s[k] if further >= 0 else 0.0
        if first[k + 1] > first[k] and k < node_s.size - 1:
            # What falls while the heights ahead do not would crowd out the rest before it dies: members are
            # chosen by their weight times an outlook, which the weight then gives back.
            for i in range(n):
                outlook[i] = 0.0
                if own[i, PHASE] == DESCENT and too_high(i, own, conf, further, far_wait, fixes):
                    outlook[i] = LOG_DOOMED
                hoped[i] = logw[i] + outlook[i]
            if effective(hoped) < 0.5 * n:
                pick(hoped, n, rng, chosen)
                level = log_sum(hoped)
                kept_mean, kept_cov = mean.copy(), cov.copy()
                kept_own, kept_static = own.copy(), static.copy()
                for i in range(n):
                    j = chosen[i]
                    parents[k, i] = j
                    mean[i] = kept_mean[j]
                    cov[i] = kept_cov[j]
                    own[i] = kept_own[j]
                    static[i] = kept_static[j]
                    logw[i] = level - outlook[j]
        if k == node_s.size - 1:
            for i in range(n):
                history[k, i, H_Z], history[k, i, H_COMMAND] = own[i, Z], own[i, COMMAND]
                history[k, i, H_X], history[k, i, H_Y] = mean[i, 0], mean[i, 1]
                flags[k, i] = 4 * int(own[i, PHASE])
            return
        dt, since = node_s[k + 1] - node_s[k], node_s[k + 1] - node_s[0]
        f, f_alt = next_fix[first[k + 1]], next_alt[first[k + 1]]
        wait = node_s[fix_node[f_alt]] - node_s[k + 1] if f_alt >= 0 else 0.0
        ahead = node_s[fix_node[f]] - node_s[k] if f >= 0 else 0.0
        keep, keep_f = math.exp(-dt / conf[C_WANDER_S]), math.exp(-wait / conf[C_WANDER_S])
        for i in range(n):
            flag = LEG_KEPT
            if k == 0:
                flag = LEG_NEW if own[i, ON] > 0.5 else LEG_OFF
            elif push >= 0 and rng.random() < -math.expm1(-dt / static[i, LEG_S]):
                on = rng.random() < static[i, ON_SHARE]
                scale = static[i, SPEED] if free else static[i, AIRSPEED]
                if static[i, COURSE] > 0.0:
                    new_course(i, dim, push, own, mean, cov, scale, rng.random() < STATION_SHARE)
                    own[i, WX] = own[i, WY] = 0.0
                else:
                    new_leg(i, dim, push, mean, cov, scale * scale if on else 0.0)
                flag = LEG_NEW if on else LEG_OFF
            if max(cov[i, 0, 0], cov[i, 1, 1]) > (WIDE_AGAIN * conf[C_WIDE]) ** 2:
                logw[i] += narrow(i, f, ahead, own, static, conf, ints, mean, cov, fixes, low, move, rng)
            factor = own_factor(i, static, ints)
            smooth = is_smooth(i, static, ints)
            vx, vy = velocity(i, own, mean, ints, conf, factor, smooth)
            x, y = mean[i, 0] + 0.5 * dt * vx, mean[i, 1] + 0.5 * dt * vy
            x1, y1 = mean[i, 0] + dt * vx, mean[i, 1] + dt * vy
            drive, made_up, spent, day = drive_of(i, own, static, ints, sun, k + 1, x1, y1, dt, since)
            drive_f = drive
            if f_alt >= 0 and wait > 0.0:
                drive_f, _, _, _ = drive_of(
                    i, own, static, ints, sun, fix_node[f_alt], x1, y1, dt + wait, since + wait
                )
            own[i, MADE_UP], own[i, SPENT], own[i, DAY] = made_up, spent, day
            z, phase = own[i, Z], int(own[i, PHASE])
            doomed = ints[I_DESCENT] == 1 and too_high(i, own, conf, further, far_wait, fixes)
            logw[i] += next_height(
                i, own, static, conf, ints, dt, wait, keep, keep_f, drive, drive_f, f_alt, fixes, next_alt,
                since - dt, doomed, span, rng
            )  # fmt: skip
            history[k, i, H_Z], history[k, i, H_COMMAND] = z, own[i, COMMAND]
            history[k, i, H_X], history[k, i, H_Y] = x, y
            history[k, i, H_BEGIN], history[k, i, H_END] = span[0], span[1]
            history[k, i, H_SHIFT] = own[i, SHIFT]
            flags[k, i] = 4 * phase + flag
            if free:
                still(lin, y, static[i, STRAY])
                time_s = static[i, MEMORY_S]
            else:
                wind_of_step(
                    rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers,
                    node_s[k] + 0.5 * dt, x, y,
                    z, own[i, Z], span[0], span[1], one, lin, wind,
                )  # fmt: skip
                time_s = static[i, ERROR_S]
            own[i, BLEW_X], own[i, BLEW_Y] = lin[0], lin[1]
            slack = static[i, COURSE]
            if slack > 0.0:
                if not math.isnan(own[i, HEADS]):
                    own[i, HEADS] = math.atan2(mean[i, push + 1], mean[i, push])
                along_course(lin, y, slack, own[i, HEADS], own[i, BEGAN_X], own[i, BEGAN_Y])
                history[k, i, H_HEADS] = own[i, HEADS]
                history[k, i, H_BEGAN_X], history[k, i, H_BEGAN_Y] = own[i, BEGAN_X], own[i, BEGAN_Y]
            step_matrices(
                lin, x, y, dt, own[i, SHIFT] / static[i, HEIGHT_SCALE], factor, time_s, static[i, MIXING],
                conf, ints, smooth, phase != LANDED, a, phi, load, size, rest,
            )  # fmt: skip
            predict(i, own_dim(i, static, ints), pole, mean, cov, a, phi, load, size, rest, work)
            own[i, WX], own[i, WY] = lin[0], lin[1]
            for j in range(4):
                own[i, G00 + j] = lin[6 + j]


@compiled
def trace(
    chosen: Int32s, parents: Int32s, history: Float32s, flags: Int8s, readings: Int8s, first: Int64s,
    out: Float32s,
    out_flags: Int8s, out_readings: Int8s,
) -> None:  # fmt: skip
    """Follow members back through their parents.

    `out` (M, N, 10), `out_flags` (M, N), `out_readings` (M, K).
    """
    for m in range(chosen.size):
        i = chosen[m]
        for k in range(parents.shape[0] - 1, -1, -1):
            out[m, k] = history[k, i]
            out_flags[m, k] = flags[k, i]
            i = parents[k, i]
            for f in range(first[k], first[k + 1]):
                out_readings[m, f] = readings[f, i]

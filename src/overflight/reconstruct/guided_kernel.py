"""The filter's inner loops: particles that carry a Gaussian each, from node to node of time.

A particle has numbers of its own (`static`, drawn once), a height and what it remembers of it (`own`), and a
Gaussian of the linear part: place, slow and fast wind error, and an air velocity (`mean`, `cov`). Columns of
the linear part are x, y, e_u, e_v, then f_u, f_v where the error has a fast part, then p_x, p_y where the
flight has a velocity of its own. Given the heights and the times at which that velocity changes, the wind is
linear about the particle's own mean path, and place and error are Gaussian exactly as far as that holds.

All arrays are flat rows for the sake of compiled code; `guided.py` lays them out.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import borrowed, compiled
from overflight.reconstruct.likelihood import (
    AFAR_SD_KM,
    LOG_2PI,
    LOG_MISTAKEN,
    LOG_MISTAKEN_ALT,
    SLIPS_H,
    TURN_KM,
)
from overflight.reconstruct.motion import LIN, MAX_Y_KM, MIN_COS, RADIUS_KM, linearise
from overflight.winds.grid import Float32s
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]

# Codes of `models.HORIZONTAL` and `models.VERTICAL`, and the phases of a flight.
WIND, PROPELLED, FREE = 0, 1, 2
HOLD, DAYNIGHT, LEAK, CONTROL = 0, 1, 2, 3
ASCENT, AFLOAT, DESCENT, LANDED = 0, 1, 2, 3

# Columns of `static`: what a particle draws once.
(
    FACTOR,
    ERROR_S,
    COMMAND_S,
    AIRSPEED,
    LEG_S,
    ON_SHARE,
    SPEED,
    MEMORY_S,
    STRAY,
    BURSTS,
    RISES,
    START,
) = range(12)
STATIC = 12
# Columns of `conf`: what all particles share. Kilometres and seconds.
(
    C_FAST_SHARE, C_FAST_S, C_HEIGHT_SCALE, C_MIXING, C_WANDER, C_WANDER_S, C_LEVEL, C_LEVEL_SD, C_SECOND,
    C_SECOND_SD, C_LOW, C_HIGH, C_CLIMB_LOW, C_CLIMB_HIGH, C_UP, C_UP_SD, C_DOWN, C_DOWN_SD, C_UP_LEAST,
    C_DOWN_LEAST, C_FLOAT_LOW, C_FLOAT_HIGH, C_BURST_LOW, C_BURST_HIGH, C_START_SD, C_WIDE,
) = range(26)  # fmt: skip
CONF = 26
# Places in `ints`.
I_HORIZONTAL, I_VERTICAL, I_ASCENT, I_DESCENT, I_DIM, I_FAST, I_PUSH = range(7)
# Columns of `own`: the height's state, and the last wind met with what the error does there.
(
    Z, RAMP, COMMAND, CLIMB, LEVEL, SECOND, V_LL, V_LS, V_SS, DRIVE, RATE, RATE_VAR, PHASE, SINCE, WX, WY, G00, G01,
    G10, G11, ON,
) = range(21)  # fmt: skip
OWN = 21
# Columns of a row of fixes.
(
    F_X, F_Y, F_XX, F_XY, F_YY, F_TIME_SD, F_ALT, F_ALT_SD, F_AFAR, F_SLIP, F_MISTAKEN, F_ALT_WRONG, F_STRETCH, F_WHEN,
) = range(14)  # fmt: skip
FIX = 14
# What is kept of every step: height, command, the place about which it was linearised, the part of the step in
# which the height changed; the flag is 4 x phase + what happened to the leg.
H_Z, H_COMMAND, H_X, H_Y, H_BEGIN, H_END = range(6)
HISTORY = 6
LEG_KEPT, LEG_NEW, LEG_OFF = 0, 1, 2
# Moments of the predicted place: weight, x, y, xx, xy, yy.
MOMENTS = 6

SLIP_S = np.array([hours * 3600.0 for hours, _ in SLIPS_H])
SLIP_SHARE = np.array([share for _, share in SLIPS_H])
# A flight turns and changes speed within an hour or more: a slip's place is out by this part of the way.
SLIP_TURN = 0.3
# A step through more height than this reads the wind at several heights, so far apart, at most so many.
SHEAR_KM, MAX_HEIGHTS = 0.4, 10
# Rises and falls stray by so many km per square root of a second: 120 m in ten minutes; the rate of a rise
# forgets itself in an hour.
RISE_NOISE_KM, RATE_MEMORY_S = 0.005, 3600.0
# E-folding height of the density, for the speed under a parachute.
DENSITY_SCALE_KM = 7.0
# Where a flight levels off, against the level it then holds.
SETTLE_KM = 0.3
# Most of a draw may follow a guide; the rest keeps weights bounded.
MOST_GUIDED = 0.95
# Day as a share: the sun's elevation at which half of it is felt, and the half-width; some 40 minutes in all.
DAWN_DEG, DAWN_WIDTH_DEG = -5.0, 4.0
# Fixes ahead whose heights a command may aim at.
AHEAD = 6
WIDE_AGAIN = 1.5
# Speed of the wind's own changes along the way that a guide allows for.
GUIDE_SHARE, GUIDE_MPS = 0.2, 3.0
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


@compiled
def day_share(sun: Float64s, k: int, x: float, y: float) -> float:
    """Return how far it is day at a place of the frame: 0 by night, 1 by day. `sun` (N, 3) in the frame."""
    a, b = x / RADIUS_KM, y / RADIUS_KM
    up = math.cos(b) * (math.cos(a) * sun[k, 0] + math.sin(a) * sun[k, 1]) + math.sin(b) * sun[k, 2]
    elevation = math.degrees(math.asin(min(1.0, max(-1.0, up))))
    return 0.5 * (1.0 + math.tanh((elevation - DAWN_DEG) / DAWN_WIDTH_DEG))


@compiled
def guided_height(
    m: float, v: float, mean_f: float, cov_f: float, var_f: float, alt: float, alt_sd: float, p_wrong: float,
    rng: np.random.Generator,
) -> tuple[float, float]:  # fmt: skip
    """Draw a height N(m, v), towards a height told later; return it and the log of prior over proposal.

    `mean_f`, `var_f` are what the height at that fix is expected to be, `cov_f` its covariance with this one.
    """
    if v <= 0.0 or math.isnan(alt):
        return m + math.sqrt(max(v, 0.0)) * rng.standard_normal(), 0.0
    spread = var_f + alt_sd * alt_sd
    off = alt - mean_f
    right = (1.0 - p_wrong) * math.exp(-0.5 * off * off / spread) / math.sqrt(2.0 * math.pi * spread)
    wrong = p_wrong * math.exp(LOG_MISTAKEN_ALT)
    share = MOST_GUIDED * right / (right + wrong + TINY)
    gain = cov_f / spread
    to, narrow = m + gain * off, max(v - gain * cov_f, 1e-12)
    if rng.random() < share:
        z = to + math.sqrt(narrow) * rng.standard_normal()
    else:
        z = m + math.sqrt(v) * rng.standard_normal()
    # Prior over mixture; the prior's own density cancels.
    log_ratio = 0.5 * math.log(v / narrow) - 0.5 * (z - to) ** 2 / narrow + 0.5 * (z - m) ** 2 / v
    if log_ratio > 600.0:
        return z, -log_ratio - math.log(share)
    return z, -math.log(share * math.exp(log_ratio) + 1.0 - share)


@compiled
def move_towards(here: float, there: float, reach: float) -> float:
    """Return where something is that moved at most `reach` towards a place."""
    if abs(there - here) <= reach:
        return there
    return here + (reach if there > here else -reach)


@compiled
def fallen(z: float, speed: float, dt: float) -> float:
    """Return the height (km) after a fall under a parachute; `speed` is that at sea level, km/s."""
    u = math.exp(-0.5 * z / DENSITY_SCALE_KM) + 0.5 * speed * dt / DENSITY_SCALE_KM
    return -2.0 * DENSITY_SCALE_KM * math.log(u)


@compiled
def start_height(
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, fixes: Float64s, drive: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Give a particle its first height; return the log of prior over proposal."""
    alt, alt_sd, p_wrong = fixes[0, F_ALT], fixes[0, F_ALT_SD], fixes[0, F_ALT_WRONG]
    own[i, COMMAND] = np.nan
    own[i, DRIVE] = drive
    own[i, PHASE] = AFLOAT
    own[i, LEVEL], own[i, SECOND] = conf[C_LEVEL], conf[C_SECOND]
    own[i, V_LL], own[i, V_LS], own[i, V_SS] = conf[C_LEVEL_SD] ** 2, 0.0, conf[C_SECOND_SD] ** 2
    if ints[I_ASCENT] == 1 and static[i, RISES] > 0.5:
        own[i, PHASE] = ASCENT
        own[i, RATE], own[i, RATE_VAR] = conf[C_UP], conf[C_UP_SD] ** 2
        own[i, Z] = abs(0.5 * static[i, START]) if math.isnan(alt) else max(alt + 0.1 * static[i, START], 0.0)
        return 0.0
    if ints[I_VERTICAL] == CONTROL:
        own[i, CLIMB] = _climb_speed(conf, rng)
        low, high = conf[C_LOW], conf[C_HIGH]
        log_weight, wide = 0.0, math.hypot(alt_sd, conf[C_WANDER]) + 1e-6
        share = 0.0 if math.isnan(alt) or not low - 3.0 * wide < alt < high + 3.0 * wide else 0.9
        level = low + (high - low) * rng.random()
        if rng.random() < share:
            level = alt + wide * rng.standard_normal()
        if share > 0.0:
            if not low <= level <= high:
                log_weight = -np.inf
                level = min(max(level, low), high)
            log_weight -= math.log(1.0 - share + share * (high - low) * _normal(level, alt, wide))
        own[i, RAMP] = own[i, COMMAND] = level
        own[i, LEVEL] = own[i, SECOND] = own[i, V_LL] = own[i, V_SS] = 0.0
        z, ratio = guided_height(
            level, conf[C_WANDER] ** 2, level, conf[C_WANDER] ** 2, conf[C_WANDER] ** 2, alt, alt_sd, p_wrong, rng
        )  # fmt: skip
        own[i, Z] = z
        return log_weight + ratio
    m = conf[C_LEVEL] + conf[C_SECOND] * drive
    ch0, ch1 = own[i, V_LL], own[i, V_SS] * drive
    v = ch0 + ch1 * drive + conf[C_WANDER] ** 2
    if math.isnan(alt):
        # Drawn in strata where nothing guides.
        z, log_weight = m + math.sqrt(v) * static[i, START], 0.0
    else:
        z, log_weight = guided_height(m, v, m, v, v, alt, alt_sd, p_wrong, rng)
    _learn(i, own, ch0, ch1, v, z - m)
    own[i, Z] = z
    return log_weight


@compiled
def _normal(x: float, m: float, sd: float) -> float:
    d = (x - m) / sd
    return math.exp(-0.5 * d * d) / (sd * math.sqrt(2.0 * math.pi))


@compiled
def _climb_speed(conf: Float64s, rng: np.random.Generator) -> float:
    low, high = conf[C_CLIMB_LOW], conf[C_CLIMB_HIGH]
    return low * (high / low) ** rng.random()


@compiled
def _learn(i: int, own: Float64s, ch0: float, ch1: float, v: float, off: float) -> None:
    """Let a height tell of the level and the second number; `ch` is their covariance with the height."""
    if v <= 0.0:
        return
    own[i, LEVEL] += ch0 / v * off
    own[i, SECOND] += ch1 / v * off
    own[i, V_LL] -= ch0 * ch0 / v
    own[i, V_LS] -= ch0 * ch1 / v
    own[i, V_SS] -= ch1 * ch1 / v


@compiled
def next_height(
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float, drive: float,
    drive_f: float, f: int, fixes: Float64s, next_alt: Int64s, since: float, span: Float64s, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Move a particle's height over a step of `dt` and return the log of prior over proposal.

    `f` is the next fix with a height (-1 for none), `wait` the time from the step's end to it. `span` is filled
    with the parts of the step at which the change of height began and ended.
    """
    span[0], span[1] = 0.0, 1.0
    alt, alt_sd, p_wrong = np.nan, 1.0, 0.0
    if f >= 0:
        alt, alt_sd, p_wrong = fixes[f, F_ALT], fixes[f, F_ALT_SD], fixes[f, F_ALT_WRONG]
    phase = int(own[i, PHASE])
    if phase == LANDED:
        return 0.0
    if phase == ASCENT:
        return _rise(i, own, static, conf, ints, dt, wait, drive, f, fixes, next_alt, since, span, rng)
    if phase == DESCENT:
        return _fall(i, own, conf, dt, wait, alt, alt_sd, p_wrong, rng)
    log_weight = 0.0
    if ints[I_DESCENT] == 1:
        falling = f >= 0 and _goes_on(f, fixes, next_alt)
        part, log_weight = _end(
            i, own, conf, ints, dt, wait, since - own[i, SINCE], alt if falling else np.nan, alt_sd, p_wrong, rng
        )  # fmt: skip
        if part >= 0.0:
            own[i, PHASE] = DESCENT
            own[i, RATE], own[i, RATE_VAR] = conf[C_DOWN], conf[C_DOWN_SD] ** 2
            span[0] = part
            return log_weight + _fall(i, own, conf, (1.0 - part) * dt, wait, alt, alt_sd, p_wrong, rng)
    z, phi = own[i, Z], math.exp(-dt / conf[C_WANDER_S])
    phi_f = math.exp(-wait / conf[C_WANDER_S])
    q = conf[C_WANDER] ** 2 * (1.0 - phi * phi)
    q_f = conf[C_WANDER] ** 2 * (1.0 - phi_f * phi_f)
    if ints[I_VERTICAL] == CONTROL:
        ramp = own[i, RAMP]
        log_weight += _command(i, own, static, conf, dt, wait, f, fixes, next_alt, span, rng)
        m = own[i, RAMP] + phi * (z - ramp)
        later = move_towards(own[i, RAMP], own[i, COMMAND], own[i, CLIMB] * wait)
        mean_f = later + phi_f * (m - own[i, RAMP])
        new, ratio = guided_height(
            m, q, mean_f, phi_f * q, phi_f * phi_f * q + q_f, alt, alt_sd, p_wrong, rng
        )
        own[i, Z] = new
        return log_weight + ratio
    h0, h1 = 1.0 - phi, drive - phi * own[i, DRIVE]
    g0, g1 = 1.0 - phi_f, drive_f - phi_f * drive
    ch0, ch1 = own[i, V_LL] * h0 + own[i, V_LS] * h1, own[i, V_LS] * h0 + own[i, V_SS] * h1
    cg0, cg1 = own[i, V_LL] * g0 + own[i, V_LS] * g1, own[i, V_LS] * g0 + own[i, V_SS] * g1
    m = phi * z + h0 * own[i, LEVEL] + h1 * own[i, SECOND]
    v = h0 * ch0 + h1 * ch1 + q
    cross = g0 * ch0 + g1 * ch1
    mean_f = phi_f * m + g0 * own[i, LEVEL] + g1 * own[i, SECOND]
    var_f = phi_f * phi_f * v + 2.0 * phi_f * cross + g0 * cg0 + g1 * cg1 + q_f
    new, ratio = guided_height(m, v, mean_f, phi_f * v + cross, var_f, alt, alt_sd, p_wrong, rng)
    _learn(i, own, ch0, ch1, v, new - m)
    own[i, Z], own[i, DRIVE] = new, drive
    return log_weight + ratio


@compiled
def _goes_on(f: int, fixes: Float64s, next_alt: Int64s) -> bool:
    """Whether the height told after that of fix f is lower still; nothing that falls stays."""
    g = next_alt[f + 1]
    return g < 0 or fixes[g, F_ALT] < fixes[f, F_ALT] - 2.0 * fixes[g, F_ALT_SD]


@compiled
def _end(
    i: int, own: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float, age: float, alt: float,
    alt_sd: float, p_wrong: float, rng: np.random.Generator,
) -> tuple[float, float]:  # fmt: skip
    """Draw whether a flight afloat for `age` seconds comes down in a step: the part at which, -1 for not.

    The time afloat is even in its logarithm. Where the next height lies as far below as only a fall brings a
    flight, a fall is proposed at the time that brings it there. Also returns the log of prior over proposal.
    """
    low, high = conf[C_FLOAT_LOW], conf[C_FLOAT_HIGH]
    left = math.log(high / max(age, low)) if age < high else 0.0
    p = 1.0 if age + dt >= high else 1.0 - math.log(high / max(age + dt, low)) / left
    chance, when, width = p, -1.0, 1.0
    z, ahead = own[i, Z], dt + wait
    if not math.isnan(alt) and alt < z and 0.0 < p < 1.0:
        lowest = max(fallen(z, conf[C_DOWN] + 2.0 * conf[C_DOWN_SD], ahead), 0.0)
        fits = alt > lowest - 2.0 * alt_sd
        fall = (1.0 - p_wrong) / (z - lowest + alt_sd) if fits else p_wrong * math.exp(LOG_MISTAKEN_ALT)
        spread = alt_sd * alt_sd + conf[C_WANDER] ** 2 * -math.expm1(-2.0 * ahead / conf[C_WANDER_S])
        stay = _normal(alt, z, math.sqrt(spread)) + p_wrong * math.exp(LOG_MISTAKEN_ALT) + TINY
        if ints[I_VERTICAL] == CONTROL and z - alt < conf[C_CLIMB_HIGH] * ahead + 3.0 * alt_sd:
            stay += 0.1 / (conf[C_HIGH] - conf[C_LOW])
        some = min(p * ahead / dt, 0.5)
        need = some * fall / (some * fall + (1.0 - some) * stay)
        chance = min(max(need * dt / ahead, 0.5 * p), 0.5)
        u = 0.5 * conf[C_DOWN] / DENSITY_SCALE_KM
        took = (math.exp(-0.5 * alt / DENSITY_SCALE_KM) - math.exp(-0.5 * z / DENSITY_SCALE_KM)) / u
        when = (ahead - took) / dt
        width = 0.5 * took * conf[C_DOWN_SD] / conf[C_DOWN] / dt + 0.05
    if rng.random() >= chance:
        return -1.0, 0.0 if chance == p else math.log1p(-p) - math.log1p(-chance)
    log_weight = 0.0 if chance == p else math.log(p) - math.log(chance)
    part, ratio = _when(when, width, rng)
    return min(part, 0.999), log_weight + ratio


@compiled
def _rise(
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float, drive: float, f: int,
    fixes: Float64s, next_alt: Int64s, since: float, span: Float64s, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Rise over a step, maybe to its end: a level to be held, or a burst."""
    z, rate, var, noise = own[i, Z], own[i, RATE], own[i, RATE_VAR], RISE_NOISE_KM**2
    bursts = static[i, BURSTS] > 0.5 and ints[I_DESCENT] == 1
    alt, alt_sd, p_wrong = np.nan, 1.0, 0.0
    if f >= 0:
        alt, alt_sd, p_wrong = fixes[f, F_ALT], fixes[f, F_ALT_SD], fixes[f, F_ALT_WRONG]
    p = _end_of_rise(z, max(rate * dt, 0.0), bursts, conf, ints)
    chance = p
    if 0.0 < p < 1.0 and f >= 0 and _flattens(f, alt, alt_sd, z, rate, dt + wait, fixes, next_alt):
        chance = max(p, 0.3)
    if rng.random() < chance:
        part = rng.random()
        span[1] = max(part, 1e-3)
        log_weight = 0.0 if chance == p else math.log(p) - math.log(chance)
        top = z + max(rate, 0.0) * part * dt
        if bursts:
            span[0], span[1] = 0.0, 1.0
            own[i, PHASE], own[i, Z] = DESCENT, top
            own[i, RATE], own[i, RATE_VAR] = conf[C_DOWN], conf[C_DOWN_SD] ** 2
            return log_weight + _fall(i, own, conf, (1.0 - part) * dt, wait, alt, alt_sd, p_wrong, rng)
        v = SETTLE_KM**2
        new, ratio = guided_height(top, v, top, v, v, alt, alt_sd, p_wrong, rng)
        own[i, PHASE], own[i, SINCE], own[i, DRIVE], own[i, Z] = AFLOAT, since + part * dt, drive, new
        _float_at(i, own, conf, ints, new, drive, rng)
        return log_weight + ratio
    log_weight = 0.0 if chance == p else math.log1p(-p) - math.log1p(-chance)
    m, v = z + rate * dt, var * dt * dt + noise * dt
    mean_f = m + rate * wait
    cov_f = v + var * dt * wait
    var_f = cov_f + var * dt * wait + var * wait * wait + noise * wait
    new, ratio = guided_height(m, v, mean_f, cov_f, var_f, alt, alt_sd, p_wrong, rng)
    own[i, Z] = max(new, 0.0)
    lasting = _learn_rate(i, own, dt, v, new - m, dt, conf[C_UP], conf[C_UP_SD], conf[C_UP_LEAST])
    if not lasting:
        # A rise that has stopped short of its end is none.
        return -np.inf
    return log_weight + ratio


@compiled
def _learn_rate(
    i: int,
    own: Float64s,
    slope: float,
    v: float,
    off: float,
    dt: float,
    usual: float,
    usual_sd: float,
    least: float,
) -> bool:
    """Let a height tell of the rate of a rise or fall and then forget; false for one surely less than `least`.

    `slope` is what the height answers to the rate, `v` the height's variance, `off` its distance from the mean.
    """
    gain = own[i, RATE_VAR] * slope / v
    rate, var = own[i, RATE] + gain * off, max(own[i, RATE_VAR] * (1.0 - gain * slope), 0.0)
    keep = math.exp(-dt / RATE_MEMORY_S)
    own[i, RATE] = usual + keep * (rate - usual)
    own[i, RATE_VAR] = keep * keep * var + (1.0 - keep * keep) * usual_sd * usual_sd
    return rate + 2.0 * math.sqrt(var) >= least


@compiled
def _end_of_rise(z: float, rise: float, bursts: bool, conf: Float64s, ints: Int64s) -> float:
    """Return the chance that a rise ends in the next `rise` km, given that it came to z."""
    if not bursts and ints[I_VERTICAL] != CONTROL:
        scale = 1.0 / (max(conf[C_LEVEL_SD], 1e-6) * math.sqrt(2.0))
        above = 0.5 * math.erfc((z - conf[C_LEVEL]) * scale)
        return 1.0 if above < 1e-9 else 1.0 - 0.5 * math.erfc((z + rise - conf[C_LEVEL]) * scale) / above
    low, high = (conf[C_BURST_LOW], conf[C_BURST_HIGH]) if bursts else (conf[C_LOW], conf[C_HIGH])
    if z + rise >= high:
        return 1.0
    return max(z + rise - max(z, low), 0.0) / (high - max(z, low))


@compiled
def _flattens(
    f: int, alt: float, alt_sd: float, z: float, rate: float, ahead: float, fixes: Float64s, next_alt: Int64s
) -> bool:
    """Whether the heights told next show that a rise ends."""
    g = next_alt[f + 1]
    if g >= 0:
        return (
            fixes[g, F_ALT] - fixes[f, F_ALT]
            < 0.5 * rate * (fixes[g, F_WHEN] - fixes[f, F_WHEN]) - 0.5 * alt_sd
        )
    return alt < z + 0.3 * rate * ahead


@compiled
def _float_at(
    i: int, own: Float64s, conf: Float64s, ints: Int64s, z: float, drive: float, rng: np.random.Generator
) -> None:
    """Hold the level at which a rise has ended."""
    own[i, RAMP] = z
    if ints[I_VERTICAL] == CONTROL:
        own[i, CLIMB], own[i, COMMAND] = _climb_speed(conf, rng), z
        own[i, LEVEL] = own[i, SECOND] = own[i, V_LL] = own[i, V_SS] = 0.0
        return
    own[i, COMMAND] = np.nan
    own[i, LEVEL] = z - own[i, SECOND] * drive
    own[i, V_LL] = SETTLE_KM**2 + drive * drive * own[i, V_SS]
    own[i, V_LS] = -drive * own[i, V_SS]


@compiled
def _fall(
    i: int, own: Float64s, conf: Float64s, dt: float, wait: float, alt: float, alt_sd: float, p_wrong: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Fall over a step, to the ground."""
    z, rate, var = own[i, Z], own[i, RATE], own[i, RATE_VAR]
    m = fallen(z, rate, dt)
    slope = -dt * math.exp(0.5 * m / DENSITY_SCALE_KM)
    v = slope * slope * var + RISE_NOISE_KM**2 * dt
    new, log_weight = guided_height(m, v, m, v, v, alt if wait <= 0.0 else np.nan, alt_sd, p_wrong, rng)
    own[i, Z] = new
    if dt > 0.0 and not _learn_rate(
        i, own, slope, v, new - m, dt, conf[C_DOWN], conf[C_DOWN_SD], conf[C_DOWN_LEAST]
    ):
        # A flight that sinks so slowly floats.
        return -np.inf
    if new <= 0.0:
        own[i, Z], own[i, PHASE] = 0.0, LANDED
    return log_weight


@compiled
def _command(
    i: int, own: Float64s, static: Float64s, conf: Float64s, dt: float, wait: float, f: int, fixes: Float64s,
    next_alt: Int64s, span: Float64s, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Draw whether and when in the step a new level is commanded, and move the ramp; log prior over proposal.

    Where a height is told ahead, a command is proposed as often as it is needed to come there, at a time that
    brings it there, and to the heights told next; the rest of the draw is the prior's.
    """
    low, high = conf[C_LOW], conf[C_HIGH]
    ramp, rate = own[i, RAMP], own[i, CLIMB]
    p = -math.expm1(-dt / static[i, COMMAND_S])
    chance, log_weight, gap, sd = p, 0.0, 0.0, 1.0
    if f >= 0:
        alt, p_wrong = fixes[f, F_ALT], fixes[f, F_ALT_WRONG]
        ahead = dt + wait
        sd = math.hypot(fixes[f, F_ALT_SD], conf[C_WANDER]) + 1e-6
        kept = move_towards(ramp, own[i, COMMAND], rate * ahead) + math.exp(-ahead / conf[C_WANDER_S]) * (
            own[i, Z] - ramp
        )
        sd_kept = math.sqrt(
            fixes[f, F_ALT_SD] ** 2
            + conf[C_WANDER] ** 2 * (1.0 - math.exp(-2.0 * ahead / conf[C_WANDER_S]))
            + 1e-12
        )
        gap = alt - ramp
        floor = 0.05 + p_wrong
        stay = _normal(alt, kept, sd_kept) * (1.0 - p_wrong) + p_wrong * math.exp(LOG_MISTAKEN_ALT) + TINY
        fits = abs(gap) < conf[C_CLIMB_HIGH] * ahead + 2.0 * sd and low - 2.0 * sd < alt < high + 2.0 * sd
        some = -math.expm1(-ahead / static[i, COMMAND_S])
        new = (1.0 if fits else floor) / (high - low)
        need = some * new / (some * new + (1.0 - some) * stay)
        free = max(ahead - max(abs(gap) - 2.0 * sd, 0.0) / rate, dt)
        chance = min(max(need * dt / free, 0.2 * p), 0.97)
    if rng.random() >= chance:
        new_ramp = move_towards(ramp, own[i, COMMAND], rate * dt)
        travel = abs(new_ramp - ramp)
        span[1] = min(max(travel / (rate * dt), 1e-3), 1.0) if travel > 0.0 else 1.0
        own[i, RAMP] = new_ramp
        return log_weight + math.log1p(-p) - math.log1p(-chance)
    log_weight = math.log(p) - math.log(chance)
    climb, part = _climb_speed(conf, rng), rng.random()
    if f >= 0 and abs(gap) > 2.0 * sd:
        climb, ratio = _climb_there(f, gap, dt + wait, fixes, next_alt, conf, rng)
        log_weight += ratio
        # The time of a command that is still being carried out at the fix.
        part, ratio = _when((dt + wait - abs(gap) / climb) / dt, sd / (climb * dt), rng)
        log_weight += ratio
    before = move_towards(ramp, own[i, COMMAND], rate * part * dt)
    target, ratio = _target(f, fixes, next_alt, low, high, sd, rng)
    log_weight += ratio
    own[i, COMMAND], own[i, CLIMB] = target, climb
    reach = own[i, CLIMB] * (1.0 - part) * dt
    new_ramp = move_towards(before, target, reach)
    own[i, RAMP] = new_ramp
    span[0] = 0.0 if before != ramp else part
    span[1] = min(part + (1.0 - part) * abs(new_ramp - before) / max(reach, 1e-12), 1.0)
    if span[1] <= span[0]:
        span[0], span[1] = 0.0, 1.0
    return log_weight


@compiled
def _climb_there(
    f: int,
    gap: float,
    ahead: float,
    fixes: Float64s,
    next_alt: Int64s,
    conf: Float64s,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Draw a speed of climb (km/s) that the heights told next ask for; log prior over proposal.

    Even in the logarithm, in a part of the prior's range: about the speed between the two fixes to come when
    the flight goes on beyond the first, else fast enough to come there.
    """
    low, high = conf[C_CLIMB_LOW], conf[C_CLIMB_HIGH]
    if not low < high:
        return low, 0.0
    least, most = abs(gap) / ahead / 1.3, high
    g = next_alt[f + 1]
    if g >= 0:
        more = fixes[g, F_ALT] - fixes[f, F_ALT]
        if more * gap > 0.0 and abs(more) > 2.0 * fixes[g, F_ALT_SD] and fixes[g, F_WHEN] > fixes[f, F_WHEN]:
            slope = abs(more) / (fixes[g, F_WHEN] - fixes[f, F_WHEN])
            least, most = slope / 1.4, slope * 1.6
    least, most = min(max(least, low), 0.9 * high), max(min(most, high), 1.1 * low)
    climb = low * (high / low) ** rng.random()
    if rng.random() < 0.7:
        climb = least * (most / least) ** rng.random()
    inside = 0.7 * math.log(high / low) / math.log(most / least) if least <= climb <= most else 0.0
    return climb, -math.log(0.3 + inside)


@compiled
def _when(at: float, width: float, rng: np.random.Generator) -> tuple[float, float]:
    """Draw the part of a step at which a command came, about `at` with half the chance; log prior over it."""
    width = min(max(width, 0.02), 1.0)
    if not -width < at < 1.0 + width:
        return rng.random(), 0.0
    low, high = max(at - 1.5 * width, 0.0), min(at + 1.5 * width, 1.0)
    part = rng.random()
    if rng.random() < 0.7:
        part = low + (high - low) * part
    inside = 0.7 / (high - low) if low <= part <= high else 0.0
    return part, -math.log(0.3 + inside)


@compiled
def _target(
    f: int, fixes: Float64s, next_alt: Int64s, low: float, high: float, sd: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw a commanded level: even, or about one of the heights told next; log prior over proposal."""
    even = low + (high - low) * rng.random()
    if f < 0:
        return even, 0.0
    count, g = 0, f
    while g >= 0 and count < AHEAD:
        count += 1
        g = next_alt[g + 1]
    level = even
    if rng.random() < 0.8:
        choice, g = int(rng.random() * count), f
        for _ in range(choice):
            g = next_alt[g + 1]
        level = fixes[g, F_ALT] + sd * rng.standard_normal()
    if not low <= level <= high:
        return min(max(level, low), high), -np.inf
    density, g = 0.0, f
    for _ in range(count):
        density += _normal(level, fixes[g, F_ALT], sd)
        g = next_alt[g + 1]
    return level, -math.log(0.2 + 0.8 * (high - low) * density / count)


@compiled
def wind_of_step(
    rotation: Float64s, log_p: Float64s, own_axes: Float64s, own_field: Float32s, prior_axes: Float64s,
    prior_field: Float32s, numbers: Float64s, t: float, x: float, y: float, z0: float, z1: float, begin: float,
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
            rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, t, x, y, z0 + (z1 - z0) * along,
            0.0, 0.0, one, wind,
        )  # fmt: skip
        for j in range(LIN):
            lin[j] += one[j] / count


@compiled
def still(lin: Float64s, y: float, speed: float) -> None:
    """Fill `lin` for a flight that no wind moves: the 'error' is its own velocity, of so many km/s."""
    lin[:] = 0.0
    lin[6], lin[9] = speed / max(math.cos(y / RADIUS_KM), MIN_COS), speed


@compiled
def step_matrices(
    lin: Float64s, x: float, y: float, dt: float, rise: float, factor: float, time_s: float, conf: Float64s,
    ints: Int64s, moving: bool, a: Float64s, phi: Float64s, load: Float64s, size: Float64s, rest: Float64s,
) -> None:  # fmt: skip
    """Fill the step of the linear part about the place x, y.

    x' = a s + rest[0:2] + load n + rest[2:6] m and s'_j = phi_j s_j + size_j n_j for the other columns j, with n
    and m standard normal. An implicit midpoint step: the error of a step is the mean of those at its ends.
    """
    dim, fast, push = ints[I_DIM], ints[I_FAST], ints[I_PUSH]
    h = 0.5 * dt
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
    forget = abs(rise) / conf[C_HEIGHT_SCALE]
    for block in range(2):
        col = 2 if block == 0 else fast
        if col < 0:
            continue
        share = conf[C_FAST_SHARE] if block else 1.0 - conf[C_FAST_SHARE]
        memory = conf[C_FAST_S] if block else time_s
        if ints[I_HORIZONTAL] == FREE:
            share, forget = 1.0, 0.0
        keep = math.exp(-dt / memory - forget)
        new = math.sqrt(1.0 - keep * keep)
        g = h * factor * math.sqrt(share)
        for j in range(2):
            tx = g * (m00 * lin[6 + j] + m01 * lin[8 + j])
            ty = g * (m10 * lin[6 + j] + m11 * lin[8 + j])
            a[0, col + j], a[1, col + j] = (1.0 + keep) * tx, (1.0 + keep) * ty
            load[0, col + j], load[1, col + j] = new * tx, new * ty
            phi[col + j], size[col + j] = keep, new
    if push >= 0:
        stretch = 1.0 / max(math.cos(y / RADIUS_KM), MIN_COS)
        a[0, push], a[1, push] = dt * m00 * stretch, dt * m10 * stretch
        a[0, push + 1], a[1, push + 1] = dt * m01, dt * m11
        for j in range(push, dim):
            phi[j], size[j], load[0, j], load[1, j] = 1.0, 0.0, 0.0, 0.0
    mix = 0.0 if ints[I_HORIZONTAL] == FREE else conf[C_MIXING] * math.sqrt(dt / 3600.0)
    rest[2], rest[3], rest[4], rest[5] = m00 * mix, m01 * mix, m10 * mix, m11 * mix


@compiled
def predict(
    i: int, dim: int, mean: Float64s, cov: Float64s, a: Float64s, phi: Float64s, load: Float64s, size: Float64s,
    rest: Float64s, work: Float64s,
) -> None:  # fmt: skip
    """Carry a Gaussian over a step, in place."""
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
        cov[i, 0, m] = cov[i, m, 0] = c0
        cov[i, 1, m] = cov[i, m, 1] = c1
        for n in range(2, m + 1):
            value = phi[m] * phi[n] * cov[i, m, n] + (size[m] * size[m] if n == m else 0.0)
            cov[i, m, n] = cov[i, n, m] = value


@compiled
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


@compiled
def velocity(
    i: int, own: Float64s, mean: Float64s, ints: Int64s, conf: Float64s, factor: float
) -> tuple[float, float]:
    """Return the velocity in the frame's plane, km/s, by the last wind met and the mean of the rest."""
    fast, push = ints[I_FAST], ints[I_PUSH]
    eu, ev = mean[i, 2], mean[i, 3]
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


@compiled
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


# Readings that a fix may have: stated, afar, six slips, mistaken.
PARTS = 9


@compiled
def tell(
    i: int, f: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, mean: Float64s, cov: Float64s,
    fixes: Float64s, terms: Float64s, work: Float64s, rng: np.random.Generator,
) -> tuple[float, int]:  # fmt: skip
    """Let a fix tell: return its log predictive density and the reading drawn, the Gaussian updated."""
    vx, vy = velocity(i, own, mean, ints, conf, _factor(i, static, ints))
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
    x_off -= TURN_KM * np.round(x_off / TURN_KM)
    y_off = fixes[f, F_Y] - mean[i, 1]
    top, last = -np.inf, 1 if fixes[f, F_SLIP] <= 0.0 and fixes[f, F_AFAR] <= 0.0 else PARTS - 1
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
            sxx, sxy, syy = cov[i, 0, 0] + terms[r, 3], cov[i, 0, 1] + terms[r, 4], cov[i, 1, 1] + terms[r, 5]
            det = max(sxx * syy - sxy * sxy, TINY)
            dx, dy = x_off - terms[r, 1], y_off - terms[r, 2]
            miss = (syy * dx * dx - 2.0 * sxy * dx * dy + sxx * dy * dy) / det
            value = (
                terms[r, 0] - 0.5 * (math.log(det) + miss) - LOG_2PI + math.log(fixes[f, F_STRETCH]) + height
            )
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
        update(i, ints[I_DIM], mean, cov, dx, dy, terms[chosen, 3], terms[chosen, 4], terms[chosen, 5], work)
    return top + math.log(total), chosen


@compiled
def _factor(i: int, static: Float64s, ints: Int64s) -> float:
    return 1.0 if ints[I_HORIZONTAL] == FREE else static[i, FACTOR]


@compiled
def narrow(
    i: int, f: int, ahead: float, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, mean: Float64s,
    cov: Float64s, fixes: Float64s, low: Float64s, move: Float64s, rng: np.random.Generator,
) -> float:  # fmt: skip
    """Draw part of a Gaussian that has grown too wide for one slope of the wind; log prior over proposal.

    What is drawn has the covariance (1 - k) P, what is left k P: together they are what was. The draw is made
    towards fix f, `ahead` seconds on, by what the errors will do until then (Matheron's rule), and weighted.
    """
    widest = max(cov[i, 0, 0], cov[i, 1, 1])
    if widest <= (WIDE_AGAIN * conf[C_WIDE]) ** 2:
        return 0.0
    dim, fast, push = ints[I_DIM], ints[I_FAST], ints[I_PUSH]
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
    # Rows of low past the root: how the place at the fix answers to each column.
    factor = _factor(i, static, ints)
    for m in range(dim):
        low[8, m] = low[9, m] = 0.0
    low[8, 0] = low[9, 1] = 1.0
    grow = 0.0
    for block in range(2):
        col = 2 if block == 0 else fast
        if col < 0:
            continue
        share = conf[C_FAST_SHARE] if block else 1.0 - conf[C_FAST_SHARE]
        memory = conf[C_FAST_S] if block else static[i, ERROR_S]
        if ints[I_HORIZONTAL] == FREE:
            share, memory = 1.0, static[i, MEMORY_S]
        lasting = factor * math.sqrt(share) * memory * -math.expm1(-ahead / memory)
        low[8, col], low[8, col + 1] = lasting * own[i, G00], lasting * own[i, G01]
        low[9, col], low[9, col + 1] = lasting * own[i, G10], lasting * own[i, G11]
        sd = factor * math.sqrt(share) * max(abs(own[i, G00]), abs(own[i, G11]))
        age = ahead / memory
        grow += sd * sd * memory * memory * (2.0 * age - 3.0 + 4.0 * math.exp(-age) - math.exp(-2.0 * age))
    if push >= 0:
        leg = static[i, LEG_S] * -math.expm1(-ahead / static[i, LEG_S])
        low[8, push] = low[9, push + 1] = leg
    vx, vy = velocity(i, own, mean, ints, conf, factor)
    speed = GUIDE_SHARE * math.hypot(vx, vy) + GUIDE_MPS / 1e3
    grow += (speed * ahead) ** 2
    x_off = fixes[f, F_X] - mean[i, 0] - own[i, WX] * ahead
    y_off = fixes[f, F_Y] - mean[i, 1] - own[i, WY] * ahead
    for m in range(2, dim):
        x_off -= low[8, m] * mean[i, m]
        y_off -= low[9, m] * mean[i, m]
    x_off -= TURN_KM * np.round(x_off / TURN_KM)
    hxx = hxy = hyy = 0.0
    for m in range(dim):
        move[3, m] = move[4, m] = 0.0
        for n in range(dim):
            move[3, m] += cov[i, m, n] * low[8, n]
            move[4, m] += cov[i, m, n] * low[9, n]
    for m in range(dim):
        hxx += low[8, m] * move[3, m]
        hxy += low[8, m] * move[4, m]
        hyy += low[9, m] * move[4, m]
    rxx, rxy, ryy = fixes[f, F_XX] + grow + k * hxx, fixes[f, F_XY] + k * hxy, fixes[f, F_YY] + grow + k * hyy
    sxx, sxy, syy = rxx + (1.0 - k) * hxx, rxy + (1.0 - k) * hxy, ryy + (1.0 - k) * hyy
    if rng.random() < 0.8:
        l00 = math.sqrt(rxx)
        l10 = rxy / l00
        l11 = math.sqrt(max(ryy - l10 * l10, 1e-12))
        n0, n1 = rng.standard_normal(), rng.standard_normal()
        dx, dy = x_off - l00 * n0, y_off - l10 * n0 - l11 * n1
        for m in range(dim):
            dx -= low[8, m] * move[0, m]
            dy -= low[9, m] * move[0, m]
        det = sxx * syy - sxy * sxy
        u0, u1 = (1.0 - k) * (syy * dx - sxy * dy) / det, (1.0 - k) * (sxx * dy - sxy * dx) / det
        for m in range(dim):
            move[0, m] += move[3, m] * u0 + move[4, m] * u1
    dx, dy = x_off, y_off
    for m in range(dim):
        dx -= low[8, m] * move[0, m]
        dy -= low[9, m] * move[0, m]
        mean[i, m] += move[0, m]
        for n in range(dim):
            cov[i, m, n] *= k
    # By Bayes's rule the guided density is prior x (density of the fix given the draw) / (its mean).
    log_ratio = _log_density(dx, dy, rxx, rxy, ryy) - _log_density(x_off, y_off, sxx, sxy, syy)
    if log_ratio > 600.0:
        return -log_ratio - math.log(0.8)
    return -math.log(0.8 * math.exp(log_ratio) + 0.2)


@compiled
def _log_density(dx: float, dy: float, xx: float, xy: float, yy: float) -> float:
    det = xx * yy - xy * xy
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
    for m in range(push, dim):
        mean[i, m] = 0.0
        for n in range(dim):
            cov[i, m, n] = cov[i, n, m] = 0.0
        cov[i, m, m] = variance


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
    next_fix: Int64s, next_alt: Int64s, fix_node: Int64s, conf: Float64s, ints: Int64s, static: Float64s, start: Float64s,
    rng: np.random.Generator, history: Float32s, flags: Int8s, parents: Int32s, readings: Int8s, log_z: Float64s,
    moments: Float64s, own: Float64s, logw: Float64s, mean: Float64s, cov: Float64s, a: Float64s, phi: Float64s,
    load: Float64s, size: Float64s, rest: Float64s, work: Float64s, lin: Float64s, one: Float64s, wind: Float64s,
    span: Float64s, terms: Float64s, low: Float64s, move: Float64s,
) -> None:  # fmt: skip
    """Run one batch of particles through all nodes and fixes.

    N nodes, K fixes, n particles. Fixes of node k are `first[k]:first[k + 1]`; `next_fix[f]` and
    `next_alt[f]` (K + 1,) are the first fix from f on at all and with a height, -1 for none; `fix_node` (K,). `start` is x and y.
    Filled: `history` (N, n, 6), `flags` (N, n), `parents` (N, n), `readings` (K, n), `log_z` (K,) the log
    evidence after each fix, `moments` (K, 6) of the place before it, and the last `own` (n, 21) and `logw` (n,). What
    follows is scratch of `scratch_for`.
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
    n, dim, push = static.shape[0], ints[I_DIM], ints[I_PUSH]
    chosen = np.empty(n, np.int32)
    free = ints[I_HORIZONTAL] == FREE
    logw[:] = 0.0
    for i in range(n):
        mean[i, 0], mean[i, 1] = start[0], start[1]
        cov[i, 0, 0] = cov[i, 1, 1] = conf[C_START_SD] ** 2
        for m in range(2, dim):
            cov[i, m, m] = 1.0
        drive = day_share(sun, first[0], start[0], start[1]) if ints[I_VERTICAL] == DAYNIGHT else 0.0
        logw[i] += start_height(i, own, static, conf, ints, fixes, drive, rng)
        if free:
            still(lin, start[1], static[i, STRAY])
        else:
            wind_of_step(
                rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, node_s[0], start[0], start[1],
                own[i, Z], own[i, Z], 0.0, 1.0, one, lin, wind,
            )  # fmt: skip
        own[i, WX], own[i, WY] = lin[0], lin[1]
        for j in range(4):
            own[i, G00 + j] = lin[6 + j]
        if push >= 0:
            on = rng.random() < static[i, ON_SHARE]
            scale = static[i, SPEED] if free else static[i, AIRSPEED]
            new_leg(i, dim, push, mean, cov, scale * scale if on else 0.0)
            own[i, ON] = 1.0 if on else 0.0
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
        if first[k + 1] > first[k] and k < node_s.size - 1 and effective(logw) < 0.5 * n:
            pick(logw, n, rng, chosen)
            kept_mean, kept_cov = mean.copy(), cov.copy()
            kept_own, kept_static = own.copy(), static.copy()
            level = log_z[first[k + 1] - 1]
            for i in range(n):
                j = chosen[i]
                parents[k, i] = j
                mean[i] = kept_mean[j]
                cov[i] = kept_cov[j]
                own[i] = kept_own[j]
                static[i] = kept_static[j]
                logw[i] = level
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
        for i in range(n):
            flag = LEG_KEPT
            if k == 0:
                flag = LEG_NEW if own[i, ON] > 0.5 else LEG_OFF
            elif push >= 0 and rng.random() < -math.expm1(-dt / static[i, LEG_S]):
                on = rng.random() < static[i, ON_SHARE]
                scale = static[i, SPEED] if free else static[i, AIRSPEED]
                new_leg(i, dim, push, mean, cov, scale * scale if on else 0.0)
                flag = LEG_NEW if on else LEG_OFF
            logw[i] += narrow(i, f, ahead, own, static, conf, ints, mean, cov, fixes, low, move, rng)
            factor = _factor(i, static, ints)
            vx, vy = velocity(i, own, mean, ints, conf, factor)
            x, y = mean[i, 0] + 0.5 * dt * vx, mean[i, 1] + 0.5 * dt * vy
            drive, drive_f = 0.0, 0.0
            if ints[I_VERTICAL] == DAYNIGHT:
                drive = day_share(sun, k + 1, mean[i, 0] + dt * vx, mean[i, 1] + dt * vy)
                if f_alt >= 0:
                    drive_f = day_share(sun, fix_node[f_alt], mean[i, 0] + dt * vx, mean[i, 1] + dt * vy)
            elif ints[I_VERTICAL] == LEAK:
                drive, drive_f = -since / 86400.0, -(since + wait) / 86400.0
            z, phase = own[i, Z], int(own[i, PHASE])
            logw[i] += next_height(
                i, own, static, conf, ints, dt, wait, drive, drive_f, f_alt, fixes, next_alt, since - dt, span, rng
            )  # fmt: skip
            history[k, i, H_Z], history[k, i, H_COMMAND] = z, own[i, COMMAND]
            history[k, i, H_X], history[k, i, H_Y] = x, y
            history[k, i, H_BEGIN], history[k, i, H_END] = span[0], span[1]
            flags[k, i] = 4 * phase + flag
            if free:
                still(lin, y, static[i, STRAY])
                time_s = static[i, MEMORY_S]
            else:
                wind_of_step(
                    rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, node_s[k] + 0.5 * dt, x, y,
                    z, own[i, Z], span[0], span[1], one, lin, wind,
                )  # fmt: skip
                time_s = static[i, ERROR_S]
            step_matrices(
                lin, x, y, dt, own[i, Z] - z, factor, time_s, conf, ints, phase != LANDED, a, phi, load, size, rest
            )  # fmt: skip
            predict(i, dim, mean, cov, a, phi, load, size, rest, work)
            own[i, WX], own[i, WY] = lin[0], lin[1]
            for j in range(4):
                own[i, G00 + j] = lin[6 + j]


@compiled
def trace(
    chosen: Int32s, parents: Int32s, history: Float32s, flags: Int8s, readings: Int8s, first: Int64s, out: Float32s,
    out_flags: Int8s, out_readings: Int8s,
) -> None:  # fmt: skip
    """Follow members back through their parents; `out` (M, N, 6), `out_flags` (M, N), `out_readings` (M, K)."""
    for m in range(chosen.size):
        i = chosen[m]
        for k in range(parents.shape[0] - 1, -1, -1):
            out[m, k] = history[k, i]
            out_flags[m, k] = flags[k, i]
            i = parents[k, i]
            for f in range(first[k], first[k + 1]):
                out_readings[m, f] = readings[f, i]


@compiled
def smooth_members(
    rotation: Float64s, log_p: Float64s, own_axes: Float64s, own_field: Float32s, prior_axes: Float64s,
    prior_field: Float32s, numbers: Float64s, node_s: Float64s, first: Int64s, fixes: Float64s, conf: Float64s,
    ints: Int64s, static: Float64s, start: Float64s, history: Float32s, flags: Int8s, readings: Int8s, normals: Float64s,
    made_normals: Float64s, paths: Float64s,
) -> None:  # fmt: skip
    """Draw places, errors and velocities of members given all fixes, their heights and readings.

    The simulation smoother of Durbin and Koopman (Biometrika 89, 603, 2002) about the path that the filter
    followed. `normals` (M, N, dim + 2 + 2) and `made_normals` (M, K, 2) are standard normal. `paths` (M, N, 8).
    """
    n, dim, push, fast = node_s.size, ints[I_DIM], ints[I_PUSH], ints[I_FAST]
    lin, one, wind, terms = np.zeros(LIN), np.zeros(LIN), np.zeros(SLOPES), np.zeros(7)
    a, phi, load = np.zeros((n, 2, dim)), np.zeros((n, dim)), np.zeros((2, dim))
    size, rest, work, r, back = np.zeros(dim), np.zeros(6), np.zeros((2, dim)), np.zeros(dim), np.zeros(dim)
    sim, off, before = np.zeros((n, dim)), np.zeros((static.shape[0], dim)), np.zeros((n, dim))
    now = np.zeros(dim)
    cov, cov_before = np.zeros((static.shape[0], dim, dim)), np.zeros((n, dim, dim))
    pull, gain = np.zeros((fixes.shape[0], 2)), np.zeros((fixes.shape[0], dim, 2))
    free = ints[I_HORIZONTAL] == FREE
    for i in range(static.shape[0]):
        scale = static[i, SPEED] if free else static[i, AIRSPEED]
        factor = _factor(i, static, ints)
        cov[:, :, :] = 0.0
        off[:, :] = 0.0
        cov[i, 0, 0] = cov[i, 1, 1] = conf[C_START_SD] ** 2
        sim[0, 0], sim[0, 1] = (
            start[0] + conf[C_START_SD] * normals[i, 0, 0],
            start[1] + conf[C_START_SD] * normals[i, 0, 1],
        )
        for m in range(2, dim):
            cov[i, m, m] = 1.0
            sim[0, m] = normals[i, 0, m]
        if push >= 0:
            variance = scale * scale if flags[i, 0] % 4 == LEG_NEW else 0.0
            new_leg(i, dim, push, off, cov, variance)
            for m in range(push, dim):
                sim[0, m] = math.sqrt(variance) * normals[i, 0, m]
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
                new_leg(i, dim, push, off, cov, variance)
                for m in range(push, dim):
                    now[m] = math.sqrt(variance) * normals[i, k + 1, m]
            dt = node_s[k + 1] - node_s[k]
            x, y = np.float64(history[i, k, H_X]), np.float64(history[i, k, H_Y])
            z0, z1 = np.float64(history[i, k, H_Z]), np.float64(history[i, k + 1, H_Z])
            if free:
                still(lin, y, static[i, STRAY])
            else:
                wind_of_step(
                    rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers, node_s[k] + 0.5 * dt, x, y,
                    z0, z1, np.float64(history[i, k, H_BEGIN]), np.float64(history[i, k, H_END]), one, lin, wind,
                )  # fmt: skip
            time_s = static[i, MEMORY_S] if free else static[i, ERROR_S]
            step_matrices(
                lin, x, y, dt, z1 - z0, factor, time_s, conf, ints, flags[i, k] // 4 != LANDED, a[k], phi[k], load,
                size, rest,
            )  # fmt: skip
            for c in range(2):
                value = (
                    rest[c]
                    + rest[2 + 2 * c] * normals[i, k + 1, dim]
                    + rest[3 + 2 * c] * normals[i, k + 1, dim + 1]
                )
                for m in range(dim):
                    value += a[k, c, m] * now[m] + load[c, m] * normals[i, k + 1, m]
                sim[k + 1, c] = value
            for m in range(2, dim):
                sim[k + 1, m] = phi[k, m] * now[m] + size[m] * normals[i, k + 1, m]
            rest[0] = rest[1] = 0.0
            predict(i, dim, off, cov, a[k], phi[k], load, size, rest, work)
        r[:] = 0.0
        for k in range(n - 1, -1, -1):
            if k < n - 1:
                for m in range(dim):
                    back[m] = a[k, 0, m] * r[0] + a[k, 1, m] * r[1] + (phi[k, m] * r[m] if m > 1 else 0.0)
                r[:] = back
                if push >= 0 and k > 0 and flags[i, k] % 4 != LEG_KEPT:
                    for m in range(push, dim):
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
            _put(i, k, n, back, history, conf, ints, fast, push, factor, static[i, STRAY], paths)


@compiled
def _passing(i: int, k: int, node_s: Float64s, history: Float32s) -> tuple[float, float]:
    """Return the velocity (km/s) of the path that the filter followed, about a node."""
    n = node_s.size
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
    i: int, k: int, n: int, state: Float64s, history: Float32s, conf: Float64s, ints: Int64s, fast: int, push: int,
    factor: float, stray: float, paths: Float64s,
) -> None:  # fmt: skip
    """Write a node of a path. A velocity is that of the step before; the first node has that of its own."""
    paths[i, k, 0], paths[i, k, 1], paths[i, k, 2] = state[0], state[1], history[i, k, H_Z]
    paths[i, k, 7] = history[i, k, H_COMMAND]
    for j in range(2):
        error = state[2 + j]
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

"""Heights of particles: rises, falls, levels, day and night, leaks and commands, for the guided filter.

What is Gaussian is learnt in closed form (the level, the amplitude or the leak, the rate of a rise or a
fall) and never drawn ahead. Where a fix to come tells a height, draws are made towards it, and the ratio of
prior to proposal is returned to be weighed in.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, woven
from overflight.reconstruct.guided_columns import (
    AFLOAT,
    ASCENT,
    BURSTS,
    BY_LEAK,
    BY_SUN,
    C_BURST_HIGH,
    C_BURST_LOW,
    C_CLIMB_HIGH,
    C_CLIMB_LOW,
    C_DOWN,
    C_DOWN_LEAST,
    C_DOWN_SD,
    C_FLOAT_HIGH,
    C_FLOAT_LOW,
    C_HIGH,
    C_LEVEL,
    C_LEVEL_SD,
    C_LOW,
    C_UP,
    C_UP_LEAST,
    C_UP_SD,
    C_WANDER_S,
    CLIMB,
    COMMAND,
    COMMAND_S,
    CONTROL,
    DAY,
    DAYNIGHT,
    DESCENT,
    DRIVE,
    DUSK_DEG,
    F_ALT,
    F_ALT_SD,
    F_ALT_WRONG,
    F_WHEN,
    I_ASCENT,
    I_DESCENT,
    I_VERTICAL,
    LANDED,
    LEAK,
    LEVEL,
    MADE_UP,
    MOVED_BY,
    PHASE,
    RAMP,
    RATE,
    RATE_VAR,
    RECOVERY_S,
    RISE_SHARE,
    RISES,
    SECOND,
    SECOND_MEAN,
    SECOND_SD,
    SHIFT,
    SINCE,
    SPENT,
    START,
    V_LL,
    V_LS,
    V_SS,
    WANDER,
    Z,
)
from overflight.reconstruct.likelihood import LOG_MISTAKEN_ALT
from overflight.reconstruct.motion import RADIUS_KM

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Rises and falls stray by so many km per square root of a second: 120 m in ten minutes; their rate forgets
# itself in an hour.
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
TINY = 1e-300


@woven
def day_share(sun: Float64s, k: int, x: float, y: float, dusk_deg: float) -> float:
    """Return how far it is day at a place of the frame: 0 by night, 1 by day. `sun` as `sun_in_frame` has it.

    `dusk_deg` is the sun's elevation at which half a day is over, when it sinks; when it rises, half of it
    has come at `DAWN_DEG`. Where the sun stays low at noon, or not far down at midnight, both lie so that
    noon is day and midnight night; where it does not set, no day ends.
    """
    a, b = x / RADIUS_KM, y / RADIUS_KM
    ux, uy, uz = math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b)
    up = ux * sun[k, 0] + uy * sun[k, 1] + uz * sun[k, 2]
    elevation, half_deg = _arcsine_deg(up), DAWN_DEG
    if dusk_deg != DAWN_DEG:
        lat = _arcsine_deg(ux * sun[k, 6] + uy * sun[k, 7] + uz * sun[k, 8])
        dec = _arcsine_deg(sun[k, 0] * sun[k, 6] + sun[k, 1] * sun[k, 7] + sun[k, 2] * sun[k, 8])
        noon, midnight = 90.0 - abs(lat - dec), abs(lat + dec) - 90.0
        if midnight < DAWN_DEG:
            rising = ux * sun[k, 3] + uy * sun[k, 4] + uz * sun[k, 5]
            wanted = midnight + 2.0 * DAWN_WIDTH_DEG if rising > 0.0 else dusk_deg
            half_deg = max(DAWN_DEG, min(wanted, noon - 2.0 * DAWN_WIDTH_DEG))
    return 0.5 * (1.0 + math.tanh((elevation - half_deg) / DAWN_WIDTH_DEG))


@woven
def _arcsine_deg(x: float) -> float:
    return math.degrees(math.asin(min(1.0, max(-1.0, x))))


@woven
def drive_of(
    i: int, own: Float64s, static: Float64s, ints: Int64s, sun: Float64s, k: int, x: float, y: float,
    dt: float, since: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Return what multiplies the second number at node k, and how much of day ballast has made up for.

    1 by day and 0 by night; or minus the days of a leak, `since` seconds on; or, where ballast falls, minus 1
    at sunset, less and less until it has made up for the sun. Without that ballast it then floats higher than
    the day before, by a share of the fall. Then come how much of day ballast has been spent on in all, and
    how far it is day. `dt` is the time since `own` was so.
    """
    made_up, spent = own[i, MADE_UP], own[i, SPENT]
    if ints[I_VERTICAL] != DAYNIGHT and ints[I_VERTICAL] != LEAK:
        return 0.0, made_up, spent, 1.0
    if static[i, MOVED_BY] == BY_LEAK:
        return -since / 86400.0, made_up, spent, 1.0
    day = day_share(sun, k, x, y, static[i, DUSK_DEG])
    if static[i, MOVED_BY] == BY_SUN:
        return day, made_up, spent, day
    if dt > 0.0:
        # Ballast makes up for a day that changes evenly over the step. Over the many hours to the next height
        # that is but a guide.
        before, left = made_up, math.exp(-dt / static[i, RECOVERY_S])
        lag = (day - own[i, DAY]) * static[i, RECOVERY_S] / dt
        made_up = day - lag + (before - own[i, DAY] + lag) * left
        spent += max(before - made_up, 0.0)
    return min(day - made_up, 0.0) + static[i, RISE_SHARE] * spent, made_up, spent, day


@woven
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


@woven
def move_towards(here: float, there: float, reach: float) -> float:
    """Return where something is that moved at most `reach` towards a place."""
    if abs(there - here) <= reach:
        return there
    return here + (reach if there > here else -reach)


@woven
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
    own[i, LEVEL], own[i, SECOND] = conf[C_LEVEL], static[i, SECOND_MEAN]
    own[i, V_LL], own[i, V_LS], own[i, V_SS] = conf[C_LEVEL_SD] ** 2, 0.0, static[i, SECOND_SD] ** 2
    if ints[I_ASCENT] == 1 and static[i, RISES] > 0.5:
        own[i, PHASE] = ASCENT
        own[i, RATE], own[i, RATE_VAR] = conf[C_UP], conf[C_UP_SD] ** 2
        own[i, Z] = abs(0.5 * static[i, START]) if math.isnan(alt) else max(alt + 0.1 * static[i, START], 0.0)
        return 0.0
    if ints[I_VERTICAL] == CONTROL:
        own[i, CLIMB] = _climb_speed(conf, rng)
        low, high = conf[C_LOW], conf[C_HIGH]
        log_weight, wide = 0.0, math.hypot(alt_sd, static[i, WANDER]) + 1e-6
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
            level, static[i, WANDER] ** 2, level, static[i, WANDER] ** 2, static[i, WANDER] ** 2, alt, alt_sd,
            p_wrong, rng,
        )  # fmt: skip
        own[i, Z] = z
        return log_weight + ratio
    m = conf[C_LEVEL] + static[i, SECOND_MEAN] * drive
    ch0, ch1 = own[i, V_LL], own[i, V_SS] * drive
    v = ch0 + ch1 * drive + static[i, WANDER] ** 2
    if math.isnan(alt):
        # Drawn in strata where nothing guides.
        z, log_weight = m + math.sqrt(v) * static[i, START], 0.0
    else:
        z, log_weight = guided_height(m, v, m, v, v, alt, alt_sd, p_wrong, rng)
    _learn(i, own, ch0, ch1, v, z - m)
    own[i, Z] = z
    return log_weight


@woven
def _normal(x: float, m: float, sd: float) -> float:
    d = (x - m) / sd
    return math.exp(-0.5 * d * d) / (sd * math.sqrt(2.0 * math.pi))


@woven
def _climb_speed(conf: Float64s, rng: np.random.Generator) -> float:
    low, high = conf[C_CLIMB_LOW], conf[C_CLIMB_HIGH]
    return float(low * (high / low) ** rng.random())


@woven
def _learn(i: int, own: Float64s, ch0: float, ch1: float, v: float, off: float) -> None:
    """Let a height tell of the level and the second number; `ch` is their covariance with the height."""
    if v <= 0.0:
        return
    own[i, LEVEL] += ch0 / v * off
    own[i, SECOND] += ch1 / v * off
    own[i, V_LL] -= ch0 * ch0 / v
    own[i, V_LS] -= ch0 * ch1 / v
    own[i, V_SS] -= ch1 * ch1 / v


@woven
def next_height(
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float, phi: float,
    phi_f: float, drive: float, drive_f: float, f: int, fixes: Float64s, next_alt: Int64s, since: float,
    doomed: bool,
    span: Float64s,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Move a particle's height over a step of `dt` and return the log of prior over proposal.

    `f` is the next fix with a height (-1 for none), `wait` the time from the step's end to it; `phi` and
    `phi_f` are what the wander keeps over the step and from there to the fix. `span` is filled with the parts
    of the step at which the change of height began and ended, own[i, SHIFT] with its size but for the wander.
    """
    span[0], span[1] = 0.0, 1.0
    z = own[i, Z]
    own[i, SHIFT] = 0.0
    alt, alt_sd, p_wrong = np.nan, 1.0, 0.0
    if f >= 0:
        alt, alt_sd, p_wrong = fixes[f, F_ALT], fixes[f, F_ALT_SD], fixes[f, F_ALT_WRONG]
    phase = int(own[i, PHASE])
    if phase == LANDED:
        return 0.0
    if phase == ASCENT:
        log_weight = _rise(i, own, static, conf, ints, dt, wait, drive, f, fixes, next_alt, since, span, rng)
        own[i, SHIFT] = abs(own[i, Z] - z)
        return log_weight
    if phase == DESCENT:
        log_weight = _fall(i, own, conf, dt, wait, alt, alt_sd, p_wrong, rng)
        own[i, SHIFT] = abs(own[i, Z] - z)
        return log_weight
    log_weight = 0.0
    if ints[I_DESCENT] == 1:
        falling = f >= 0 and not doomed and _goes_on(f, fixes, next_alt)
        part, log_weight = _end(
            i, own, static, conf, ints, dt, wait, since - own[i, SINCE], alt if falling else np.nan, alt_sd,
            p_wrong, doomed, rng,
        )  # fmt: skip
        if part >= 0.0:
            own[i, PHASE] = DESCENT
            own[i, RATE], own[i, RATE_VAR] = conf[C_DOWN], conf[C_DOWN_SD] ** 2
            span[0] = part
            log_weight += _fall(i, own, conf, (1.0 - part) * dt, wait, alt, alt_sd, p_wrong, rng)
            own[i, SHIFT] = abs(own[i, Z] - z)
            return log_weight
    q = static[i, WANDER] ** 2 * (1.0 - phi * phi)
    q_f = static[i, WANDER] ** 2 * (1.0 - phi_f * phi_f)
    if ints[I_VERTICAL] == CONTROL:
        ramp = own[i, RAMP]
        log_weight += _command(i, own, static, conf, dt, wait, f, fixes, next_alt, span, rng)
        own[i, SHIFT] = abs(own[i, RAMP] - ramp)
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
    # By day and night, or by a leak, the level moves by a number that the flight's heights have told so far.
    own[i, SHIFT] = abs(own[i, SECOND] * (drive - own[i, DRIVE]))
    own[i, Z], own[i, DRIVE] = new, drive
    return log_weight + ratio


@woven
def too_high(i: int, own: Float64s, conf: Float64s, far: int, wait: float, fixes: Float64s) -> bool:
    """Whether a height told ahead, `wait` seconds on, lies above the slowest fall from here."""
    if far < 0:
        return False
    floor = fallen(own[i, Z], conf[C_DOWN_LEAST], wait)
    return bool(fixes[far, F_ALT] > floor + 3.0 * fixes[far, F_ALT_SD])


@woven
def _goes_on(f: int, fixes: Float64s, next_alt: Int64s) -> bool:
    """Whether the height told after that of fix f is lower still; nothing that falls stays."""
    g = next_alt[f + 1]
    return bool(g < 0 or fixes[g, F_ALT] < fixes[f, F_ALT] - 2.0 * fixes[g, F_ALT_SD])


@woven
def _end(
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float, age: float,
    alt: float, alt_sd: float, p_wrong: float, doomed: bool, rng: np.random.Generator,
) -> tuple[float, float]:  # fmt: skip
    """Draw whether a flight afloat for `age` seconds comes down in a step: the part at which, -1 for not.

    The time afloat is even in its logarithm. Where the next height lies as far below as only a fall brings a
    flight, a fall is proposed at the time that brings it there. Also returns the log of prior over proposal.
    """
    low, high = conf[C_FLOAT_LOW], conf[C_FLOAT_HIGH]
    left = math.log(high / max(age, low)) if age < high else 0.0
    p = 1.0 if age + dt >= high else 1.0 - math.log(high / max(age + dt, low)) / left
    # Where the heights ahead rule a fall out it is drawn now and then only.
    chance, when, width = 0.05 * p if doomed and p < 1.0 else p, -1.0, 1.0
    z, ahead = own[i, Z], dt + wait
    if not math.isnan(alt) and alt < z and 0.0 < p < 1.0:
        lowest = max(fallen(z, conf[C_DOWN] + 2.0 * conf[C_DOWN_SD], ahead), 0.0)
        fits = alt > lowest - 2.0 * alt_sd
        fall = (1.0 - p_wrong) / (z - lowest + alt_sd) if fits else p_wrong * math.exp(LOG_MISTAKEN_ALT)
        spread = alt_sd * alt_sd + static[i, WANDER] ** 2 * -math.expm1(-2.0 * ahead / conf[C_WANDER_S])
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
    i: int, own: Float64s, static: Float64s, conf: Float64s, ints: Int64s, dt: float, wait: float,
    drive: float, f: int,
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
    """Let a height tell of the rate of a rise or fall and then forget; false for one surely less than
    `least`.

    `slope` is what the height answers to the rate, `v` the height's variance, `off` its distance from the
    mean.
    """
    gain = own[i, RATE_VAR] * slope / v
    rate, var = own[i, RATE] + gain * off, max(own[i, RATE_VAR] * (1.0 - gain * slope), 0.0)
    keep = math.exp(-dt / RATE_MEMORY_S)
    own[i, RATE] = usual + keep * (rate - usual)
    own[i, RATE_VAR] = keep * keep * var + (1.0 - keep * keep) * usual_sd * usual_sd
    return bool(rate + 2.0 * math.sqrt(var) >= least)


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
    return float(max(z + rise - max(z, low), 0.0) / (high - max(z, low)))


@compiled
def _flattens(
    f: int, alt: float, alt_sd: float, z: float, rate: float, ahead: float, fixes: Float64s, next_alt: Int64s
) -> bool:
    """Whether the heights told next show that a rise ends."""
    g = next_alt[f + 1]
    if g >= 0:
        more, wait = fixes[g, F_ALT] - fixes[f, F_ALT], fixes[g, F_WHEN] - fixes[f, F_WHEN]
        return bool(more < 0.5 * rate * wait - 0.5 * alt_sd)
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


@woven
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
        sd = math.hypot(fixes[f, F_ALT_SD], static[i, WANDER]) + 1e-6
        kept = move_towards(ramp, own[i, COMMAND], rate * ahead) + math.exp(-ahead / conf[C_WANDER_S]) * (
            own[i, Z] - ramp
        )
        sd_kept = math.sqrt(
            fixes[f, F_ALT_SD] ** 2
            + static[i, WANDER] ** 2 * (1.0 - math.exp(-2.0 * ahead / conf[C_WANDER_S]))
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

"""Carry particles through one window of wind, compiled: steps, marks, stops and stages.

A particle is its own run: `advance` takes each from where it is to its limit and keeps all it needs for the
next window in arrays, so a run through many windows of wind is the run through the whole wind to the last
byte. Steps end exactly on *marks*: kept times, samples of the wind in time (where linear interpolation has a
kink, so a step that straddled one would lose order), stops in time, and the times at which the wind's error
is drawn anew. Between two marks steps are equal, or chosen by their error.

::

    begin stage ─► keep ─► next mark ─► step ─┬─► within the data, no stop met ─► state
                                              ├─► outside ─► as far as the data go, then the end
                                              └─► stop met ─► where, by halving ─► next stage or the end

The error of the wind is held for a while as the vector it has half-way through, at the place where the wind
takes the particle by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.atmosphere import DRY_AIR_J_PER_KG_K, STANDARD_GRAVITY_MPS2
from overflight.balloons.codes import GROUND
from overflight.balloons.rates import begin_stage
from overflight.compiled import borrowed, compiled
from overflight.trajectories.steps import (
    BEGAN,
    DIRECTION,
    ERROR_EVERY_S,
    EX,
    EY,
    EZ,
    FROM,
    HOLD,
    JOB,
    LOG_P,
    NO_AIR,
    ORDER,
    ORIGIN_S,
    SLOPES,
    STEP_S,
    TO,
    TOLERANCE_M,
    VALUES,
    T,
    air_at,
    lonlat_of,
    step_error_m,
)
from overflight.trajectories.stops import (
    EDGE_TOL_S,
    GROUND_UNKNOWN,
    MOVING,
    START_SLACK,
    STOP_TOL_S,
    STOPPED,
    TOO_MANY_STEPS,
    WAITING,
    first_met,
    ground_at,
    timed_end,
    watched,
)
from overflight.winds.error_waves import error_vector
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.thermo import log_p_at, thermo_at

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

# `steps.take_step` by its address: compiled once, not again inside each kernel that steps.
Stepper = Callable[..., int]

# Columns of a particle's row beyond the state of `steps`: when it is, when its stage began (NaN: not yet),
# the length of the step it would try next, and its altitude where it was left.
AT_TIME, AT_BEGAN, AT_TRY, AT_ALT = 7, 8, 9, 10
COLUMNS: Final = 11
# Columns of the wind's error held: a vector, and until when.
HELD_UNTIL: Final = 3

# The shortest step that an error estimate may ask for; it is taken whatever its error.
STEP_LEAST_S: Final = 0.1
# With error control, steps that leave the data are made shorter down to this; then it looks for the border.
LOST_STEP_S: Final = 60.0
# Steps one particle may take in one window.
STEPS_MOST: Final = 5_000_000


@compiled
def next_sample(time_s: Float64s, t: float, direction: float) -> float:
    """Return the next time of the wind's axis beyond t in the direction of the run; ±inf for none."""
    # By hand: numba's own search compiles for a second.
    low, high = 0, time_s.size
    while low < high:
        middle = (low + high) // 2
        if time_s[middle] < t or (direction > 0.0 and time_s[middle] == t):
            low = middle + 1
        else:
            high = middle
    if direction > 0.0:
        return time_s[low] if low < time_s.size else math.inf
    return time_s[low - 1] if low > 0 else -math.inf


@compiled
def nearer(mark: float, other: float, direction: float) -> float:
    """Return the one of two times that a run comes to first."""
    return other if direction * (mark - other) > 0.0 else mark


@compiled
def in_equal_steps(span_s: float, longest_s: float) -> float:
    """Return the step that crosses a span in the fewest equal steps not above a length."""
    count = math.ceil(abs(span_s) / longest_s - 1e-9)
    return span_s if count <= 1 else span_s / count


@compiled
def next_length(trial_s: float, made_s: float, error_m: float, tolerance_m: float, order: float) -> float:
    """Return the length of step to try from the error of one of `made_s`, when `trial_s` was asked for."""
    factor = 5.0
    if error_m > 1e-30:
        factor = min(max(0.9 * (tolerance_m / error_m) ** (1.0 / order), 0.2), 5.0)
    # A step cut short by a mark says little about longer ones.
    return max(made_s * factor, trial_s) if factor >= 5.0 else made_s * factor


@compiled
def start_log_p(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    hold: float,
    t: float,
    alt_m: float,
    la: float,
    lo: float,
) -> tuple[float, int]:
    """Return (ln(Pa), status) at an altitude: `log_p_at`, with the air held below the lowest level."""
    logp, status = log_p_at(time_s, log_p, lat, lon, periodic, steady, thermo, t, alt_m, la, lo)
    if status != 2 or thermo.size == 0:
        return logp, NO_AIR if status != 0 and thermo.size == 0 else status
    temperature, lowest_m, found = thermo_at(
        time_s, log_p, lat, lon, periodic, steady, thermo, t, log_p[-1], la, lo
    )
    if found != 0 or not lowest_m > alt_m:
        return math.nan, max(status, found)
    below = (lowest_m - alt_m) * STANDARD_GRAVITY_MPS2 / (DRY_AIR_J_PER_KG_K * temperature)
    return (log_p[-1] + below, 0) if below <= hold else (math.nan, status)


@compiled
def draw_error(
    stepper: Stepper,
    space: int,
    level: int,
    time: int,
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    settings: Float64s,
    euler: Float64s,
    codes: Int64s,
    rows: Float64s,
    job: Float64s,
    held: Float64s,
    work: Float64s,
) -> int:
    """Write the error to hold from `job[T]` on into `held` (4,); return a status, 0 good."""
    job[EX] = job[EY] = job[EZ] = 0.0
    half = 0.5 * settings[DIRECTION] * settings[ERROR_EVERY_S]
    status = stepper(
        space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings,
        euler, codes, rows, job, half, 0, work,
    )  # fmt: skip
    if status != 0:
        return status
    lo, la = lonlat_of(work[TO, 0], work[TO, 1], work[TO, 2])
    held[0], held[1], held[2] = error_vector(
        waves, cosines, sines, settings[ORIGIN_S], job[T] + half, work[TO, LOG_P], la, lo
    )
    held[HELD_UNTIL] = job[T] + 2.0 * half
    return 0


@compiled
def make_step(
    stepper: Stepper,
    space: int,
    level: int,
    time: int,
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    settings: Float64s,
    table: Float64s,
    codes: Int64s,
    rows: Float64s,
    job: Float64s,
    mark: float,
    trial_s: float,
    work: Float64s,
) -> tuple[float, float, int]:
    """Make one step towards a mark: (dt, length to try next, status).

    With a tolerance, the step is shortened until its error allows it. Where the data end inside the step, it
    is the longest one that they allow, with their status; dt is 0 where they allow none.
    """
    dt = in_equal_steps(mark - job[T], trial_s)
    low = high = 0.0
    lost = 0
    known = 0
    while True:
        status = stepper(
            space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings,
            table, codes, rows, job, dt, known, work,
        )  # fmt: skip
        if status != 0 and settings[TOLERANCE_M] > 0.0 and abs(dt) > LOST_STEP_S:
            trial_s = 0.5 * abs(dt)
            dt = in_equal_steps(mark - job[T], trial_s)
            continue
        if status != 0:
            lost, high = status, dt
        elif settings[TOLERANCE_M] > 0.0 and lost == 0:
            known = 1
            error_m = step_error_m(table, dt, work)
            length = next_length(trial_s, abs(dt), error_m, settings[TOLERANCE_M], settings[ORDER])
            length = min(max(length, STEP_LEAST_S), settings[STEP_S])
            if error_m <= settings[TOLERANCE_M] or abs(dt) <= STEP_LEAST_S:
                return dt, length, 0
            trial_s = min(length, 0.9 * abs(dt))
            dt = in_equal_steps(mark - job[T], trial_s)
            continue
        elif lost == 0:
            return dt, trial_s, 0
        else:
            known, low = 1, dt
        if abs(high - low) <= EDGE_TOL_S:
            if status != 0 and low != 0.0:
                stepper(
                    space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings,
                    table, codes, rows, job, low, known, work,
                )  # fmt: skip
            return low, trial_s, lost
        dt = 0.5 * (low + high)


@compiled
def look_for_stop(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    ground_lat: Float64s,
    ground_lon: Float64s,
    ground_m: Float32s,
    settings: Float64s,
    stop_codes: Int64s,
    stop_rows: Float64s,
    slack: float,
    began: float,
    t: float,
    work: Float64s,
) -> int:
    """Return the index of a stop that is met at `work[TO]` at t, -1 for none."""
    lo, la = lonlat_of(work[TO, 0], work[TO, 1], work[TO, 2])
    temperature, alt, status = air_at(
        time_s, log_p, lat, lon, periodic, steady, thermo, settings[HOLD], t, work[TO, 3], la, lo
    )
    if status != 0:
        return -1
    ground = ground_at(ground_lat, ground_lon, ground_m, la, lo)
    return first_met(
        stop_codes, stop_rows, slack, settings[DIRECTION], t, t - began, lo, la, alt, work[TO, 3],
        temperature, 0.0 if math.isnan(ground) else ground, work[TO, 4], work[TO, 5],
    )  # fmt: skip


@compiled
def halve_to_stop(
    stepper: Stepper,
    space: int,
    level: int,
    time: int,
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    ground_lat: Float64s,
    ground_lon: Float64s,
    ground_m: Float32s,
    settings: Float64s,
    table: Float64s,
    codes: Int64s,
    rows: Float64s,
    stop_codes: Int64s,
    stop_rows: Float64s,
    job: Float64s,
    met: int,
    high: float,
    work: Float64s,
) -> tuple[float, int]:
    """Shorten a step of `high`, at whose end a stop is met, to where it is met first: (dt, stop)."""
    low = 0.0
    while True:
        dt = 0.5 * (low + high)
        last = abs(high - low) <= STOP_TOL_S or dt in (low, high)
        if last:
            dt = high
        status = stepper(
            space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings,
            table, codes, rows, job, dt, 1, work,
        )  # fmt: skip
        if last:
            return dt, met
        found = -1
        # A trial that finds no wind leaves `work[TO]` as the one before did: it says nothing of a stop.
        if status == 0:
            found = look_for_stop(
                time_s, log_p, lat, lon, periodic, steady, thermo, ground_lat, ground_lon, ground_m,
                settings, stop_codes, stop_rows, 0.0, job[BEGAN], job[T] + dt, work,
            )  # fmt: skip
        if found >= 0:
            met, high = found, dt
        else:
            low = dt


@compiled
def air_of(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    hold: float,
    t: float,
    values: Float64s,
) -> tuple[float, float, float, float, int]:
    """Return (lon_deg, lat_deg, temperature_k, alt_m, status) of a state (x, y, z, log_p, ...) at t."""
    lo, la = lonlat_of(values[0], values[1], values[2])
    temperature, alt, status = air_at(
        time_s, log_p, lat, lon, periodic, steady, thermo, hold, t, values[LOG_P], la, lo
    )
    return lo, la, temperature, alt, status


@compiled
def keep_places(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    settings: Float64s,
    keep_s: Float64s,
    state: Float64s,
    stage: Int8s,
    kept: Int32s,
    out: Float64s,
    out_stage: Int8s,
    i: int,
) -> None:
    """Write where particle i is if it is at a time to keep, and pass the times behind it."""
    t = state[i, AT_TIME]
    while kept[i] < keep_s.size and settings[DIRECTION] * (keep_s[kept[i]] - t) <= 0.0:
        column = kept[i]
        if keep_s[column] == t:
            lo, la, _, alt, _ = air_of(
                time_s, log_p, lat, lon, periodic, steady, thermo, settings[HOLD], t, state[i]
            )
            out[0, i, column], out[1, i, column] = lo, la
            out[2, i, column], out[3, i, column] = alt, math.exp(state[i, LOG_P])
            out_stage[i, column] = stage[i]
        kept[i] += 1


@compiled
def open_stage(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    settings: Float64s,
    codes: Int64s,
    rows: Float64s,
    own: Float64s,
    t: float,
    values: Float64s,
) -> int:
    """Copy the rows of a stage and write the targets that are those of its beginning; return a status."""
    for j in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            own[j, k] = rows[j, k]
    lo, la, temperature, alt, status = air_of(
        time_s, log_p, lat, lon, periodic, steady, thermo, settings[HOLD], t, values
    )
    if status == 0:
        begin_stage(codes, own, lo, la, alt, values[LOG_P], temperature)
    return status


@compiled
def advance(
    begin: int,
    end: int,
    stepper: Stepper,
    space: int,
    level: int,
    time: int,
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    ground_lat: Float64s,
    ground_lon: Float64s,
    ground_m: Float32s,
    settings: Float64s,
    table: Float64s,
    codes: Int64s,
    rows: Float64s,
    stop_codes: Int64s,
    stop_rows: Float64s,
    keep_s: Float64s,
    pause: bool,
    steps_most: int,
    limit: Float64s,
    state: Float64s,
    held: Float64s,
    own: Float64s,
    stage: Int8s,
    code: Int8s,
    kept: Int32s,
    out: Float64s,
    out_stage: Int8s,
) -> None:
    """Advance particles begin..end to `limit` (N,) or (1,) for all, or to their ends.

    `stepper` is what `steps.stepper` returns. The wind: a scheme's codes, a `PackedGrid`, `pack_thermo`; its
    errors, of N members, of one, or of none; the terrain (0 x 0 for none). `settings` and the method's table
    as in `steps`. The flight: codes (S, K), rows (N or 1, S, K, P), stop_codes (S, J), stop_rows (N or 1, S,
    J, Q). What is kept: times in the order of the run, written to out (4, N, K) (degrees, degrees, m, Pa) and
    out_stage (N, K).

    With `pause`, a particle returns at each change of stage; after `steps_most` steps all return. State,
    changed in place: state (N, COLUMNS), held (N or 0, 4), own (N or 0, K, P) the rows of the stage with
    targets filled or, to hold less, their first slots (N, K, 1), stage, code (`stops.END_CODES`, `MOVING`;
    `WAITING` with an altitude in place of log p) and kept (N,).
    """
    count = SLOPES + table.shape[0]
    # What a particle is at and the table of one slope lie behind the rows of a step.
    scratch, filled = np.empty((count + 2, JOB)), np.empty(rows.shape[2:])
    work, mine = borrowed(scratch), borrowed(filled)
    job, euler = work[count], work[count + 1 :]
    for k in range(JOB):
        job[k] = euler[0, k] = 0.0
    # One slope for the whole of a step, in the layout of `steps.Method`.
    euler[0, 1] = 1.0
    time_s, log_p, lat, lon = borrowed(time_s), borrowed(log_p), borrowed(lat), borrowed(lon)
    field, thermo, waves, cosines = borrowed(field), borrowed(thermo), borrowed(waves), borrowed(cosines)
    sines, ground_lat, ground_lon, ground_m = (
        borrowed(sines),
        borrowed(ground_lat),
        borrowed(ground_lon),
        borrowed(ground_m),
    )
    settings, table, codes, rows = borrowed(settings), borrowed(table), borrowed(codes), borrowed(rows)
    stop_codes, stop_rows, keep_s, limit = (
        borrowed(stop_codes),
        borrowed(stop_rows),
        borrowed(keep_s),
        borrowed(limit),
    )
    state, held, own, stage = borrowed(state), borrowed(held), borrowed(own), borrowed(stage)
    code, kept, out, out_stage = borrowed(code), borrowed(kept), borrowed(out), borrowed(out_stage)
    direction, hold = settings[DIRECTION], settings[HOLD]
    filling, whole = own.shape[0] > 0, own.shape[2] == rows.shape[3]
    for i in range(begin, end):
        last_s = limit[i] if limit.size > 1 else limit[0]
        if code[i] >= 0 or direction * (last_s - state[i, AT_TIME]) < 0.0:
            continue
        if code[i] == WAITING:
            lo, la = lonlat_of(state[i, 0], state[i, 1], state[i, 2])
            state[i, LOG_P], status = start_log_p(
                time_s, log_p, lat, lon, periodic, steady, thermo, hold,
                state[i, AT_TIME], state[i, LOG_P], la, lo,
            )  # fmt: skip
            code[i] = MOVING if status == 0 else status
        member = i if rows.shape[0] > 1 else 0
        stop_member = i if stop_rows.shape[0] > 1 else 0
        steps = 0
        stale = filling and not whole
        while True:
            t = state[i, AT_TIME]
            # Kept at the end of a particle too: it is there when it ends.
            keep_places(
                time_s, log_p, lat, lon, periodic, steady, thermo, settings, keep_s,
                state, stage, kept, out, out_stage, i,
            )  # fmt: skip
            if code[i] != MOVING or last_s == t or steps >= steps_most:
                break
            now, values = stage[i], state[i]
            stops, stops_rows = stop_codes[now], stop_rows[stop_member, now]
            watching = watched(stops) > 0
            for k in range(VALUES):
                work[FROM, k] = work[TO, k] = values[k]
            lost, met = 0, -1
            terms = rows[member, now]
            if filling:
                terms = own[i] if whole else mine
            if math.isnan(values[AT_BEGAN]):
                values[AT_BEGAN] = t
                if filling:
                    lost = open_stage(
                        time_s, log_p, lat, lon, periodic, steady, thermo, settings,
                        codes[now], rows[member, now], terms, t, values,
                    )  # fmt: skip
                    for k in range(own.shape[1]):
                        own[i, k, 0] = terms[k, 0]
                    stale = False
                if watching and lost == 0:
                    met = look_for_stop(
                        time_s, log_p, lat, lon, periodic, steady, thermo, ground_lat, ground_lon, ground_m,
                        settings, stops, stops_rows, START_SLACK, t, t, work,
                    )  # fmt: skip
            if stale:
                for k in range(own.shape[1]):
                    terms[k, 0] = own[i, k, 0]
                    for j in range(1, rows.shape[3]):
                        terms[k, j] = rows[member, now, k, j]
                stale = False
            job[T], job[BEGAN] = t, values[AT_BEGAN]
            until, which = timed_end(stops, stops_rows, job[BEGAN], direction)
            if met < 0 and direction * (until - t) <= 0.0:
                met = which
            if met < 0 and lost == 0 and held.shape[0] > 0:
                if direction * (held[i, HELD_UNTIL] - t) <= 0.0:
                    one = i if waves.shape[0] > 1 else 0
                    lost = draw_error(
                        stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field,
                        thermo, waves[one], cosines[one], sines[one], settings, euler, codes[now], terms,
                        job, held[i], work,
                    )  # fmt: skip
                job[EX], job[EY], job[EZ] = held[i, 0], held[i, 1], held[i, 2]
            if met < 0 and lost == 0:
                mark = nearer(last_s, until, direction)
                if kept[i] < keep_s.size:
                    mark = nearer(mark, keep_s[kept[i]], direction)
                if held.shape[0] > 0:
                    mark = nearer(mark, held[i, HELD_UNTIL], direction)
                if not steady:
                    mark = nearer(mark, next_sample(time_s, t, direction), direction)
                dt, values[AT_TRY], lost = make_step(
                    stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field,
                    thermo, settings, table, codes[now], terms, job, mark, values[AT_TRY], work,
                )  # fmt: skip
                steps += 1
                if steps == STEPS_MOST and lost == 0:
                    lost = TOO_MANY_STEPS
                if dt != 0.0 and watching:
                    met = look_for_stop(
                        time_s, log_p, lat, lon, periodic, steady, thermo, ground_lat, ground_lon, ground_m,
                        settings, stops, stops_rows, 0.0, job[BEGAN], t + dt, work,
                    )  # fmt: skip
                    if met >= 0:
                        dt, met = halve_to_stop(
                            stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field,
                            thermo, ground_lat, ground_lon, ground_m, settings, table, codes[now], terms,
                            stops, stops_rows, job, met, dt, work,
                        )  # fmt: skip
                if dt != 0.0:
                    for k in range(VALUES):
                        values[k] = work[TO, k]
                    values[AT_TIME] = mark if dt == mark - t else t + dt
            if met >= 0:
                values[AT_BEGAN] = math.nan
                if now + 1 < codes.shape[0]:
                    stage[i] = now + 1
                    steps = steps_most if pause else steps
                else:
                    code[i] = STOPPED + stops[met]
            elif lost != 0:
                code[i] = lost
        lo, la, _, alt, status = air_of(
            time_s, log_p, lat, lon, periodic, steady, thermo, hold, state[i, AT_TIME], state[i]
        )
        if status == 0:
            state[i, AT_ALT] = alt
        if code[i] == STOPPED + GROUND and ground_m.size > 0:
            known = not math.isnan(ground_at(ground_lat, ground_lon, ground_m, la, lo))
            code[i] = code[i] if known else GROUND_UNKNOWN
    # Used last here, so that they live until the end: the borrowed ones do not keep them.
    scratch[0, 0] = filled[0, 0] = 0.0

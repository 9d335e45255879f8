"""The twin's flight, compiled: one loop over its steps, with the pilot's decisions inside.

::

    where and in what wind ─► power for this step ─► order in force ─► propeller ─► height: choose, seek, hold
            ▲                                                                              │
            └── book the energy ◄── one step in the true wind (trajectories.kernels) ◄── write down

The step itself, with its stages, stops and ends of data, is `trajectories.kernels.advance`; a twin that is
told nothing flies to the last byte as `trajectories.fly` does at the same steps. The autopilot speaks to the
engine through the rows of its terms: it puts an altitude control in the place of a hold while it seeks a
height, and writes speed and direction into the row of the propulsion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.balloons.air import clip, scale_height_m
from overflight.balloons.codes import ALTITUDE_CONTROL, PROPULSION
from overflight.balloons.control import FIRST_COMMAND, FREE, WITH_AIR, WITH_BALLAST
from overflight.balloons.holds import held as held_now
from overflight.balloons.holds import is_hold
from overflight.balloons.propulsion import HEADING, PLACE, propulsion_rates
from overflight.compiled import borrowed, compiled
from overflight.trajectories.kernels import AT_ALT, AT_BEGAN, AT_TIME, advance, air_of
from overflight.trajectories.steps import HOLD, LOG_P
from overflight.trajectories.stops import MOVING
from overflight.twin.autopilot import (
    AIM,
    AIR_MPS,
    AIRSPEED,
    ALT,
    ANGLE,
    BEARING,
    BY_WAY,
    CORRIDOR,
    DEADBAND,
    DECIDE,
    DRIFT,
    DRIVE,
    FASTEST,
    FIRST,
    FROM_LAT,
    FROM_LON,
    GO_TO,
    GOAL_LAT,
    GOAL_LON,
    HEIGHT,
    HERE,
    HORIZON,
    KIND,
    LA,
    LAST,
    LAT,
    LEVELS,
    LO,
    LOG_P_HERE,
    LOITER,
    LON,
    LOOK,
    MODE,
    NEVER,
    NOW,
    PANEL_W,
    PROPEL,
    RADIUS,
    REACHED_M,
    SPARE_J,
    START,
    STEP,
    TEMPERATURE,
    TO_ALT,
    WAY,
    WIND_U,
    WIND_V,
    WITHIN,
    along_and_across,
    bearing_and_distance,
    choose_height,
    within_reach,
)
from overflight.twin.budget import book, panel_now_w, to_steer_j
from overflight.winds.error_waves import error_at
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.schemes import scheme_wind_at

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

# Rows of what is written down, (ROWS, T).
(
    R_TIME, R_LON, R_LAT, R_ALT, R_PRESSURE, R_ORDER, R_COMMANDED, R_EAST, R_NORTH, R_BATTERY, R_BALLAST,
    R_GAS_LOST, R_WIND_U, R_WIND_V, R_PANEL, R_LOAD, R_PUMP, R_PROPELLER, R_SPILLED, R_STAGE,
) = range(20)  # fmt: skip
ROWS: Final = 20
# Slots of the balloon's row: what it has (0 or 1) and how much.
(
    B_CONTROL, B_PUMP_W, B_PROPELLER, B_AIRSPEED, B_PROPELLER_W, B_POWER, B_PANEL_W, B_TILT, B_BATTERY_J,
    B_LOAD_W, B_RESERVE_J, B_CHARGE_J,
) = range(12)  # fmt: skip
BALLOON: Final = 12
# What the pilot keeps in mind, one row: the order in force and the leg of its corridor, when to decide next,
# the height commanded; the battery; how many events were noted; the stage it was in; and states, 0 or 1.
(
    ORDER, LEG, NEXT_S, COMMANDED, BATTERY, NOTED, STAGE, ARRIVED, SEEKING, SETTLED, LOW, SHED, NO_BALLAST,
    NO_GAS, BLIND,
) = range(15)  # fmt: skip
MIND: Final = 15
# Events: code, time, value.
(
    E_ORDER, E_ARRIVED, E_STEERING_OFF, E_STEERING_ON, E_LOAD_SHED, E_LOAD_BACK, E_BALLAST_SPENT,
    E_GAS_SPENT, E_NO_FORECAST, E_STAGE,
) = range(10)  # fmt: skip
EVENTS_MOST: Final = 2000
# Steering that stopped at the reserve begins again this share of the battery above it.
RESUME: Final = 0.05
# Steps of the engine within one of ours: stops and draws of the error cut it into a few.
INNER_STEPS: Final = 10_000


@compiled
def note(events: Float64s, mind: Float64s, code: int, t: float, value: float) -> None:
    """Write an event down; those beyond the table are only counted."""
    count = int(mind[NOTED])
    if count < events.shape[0]:
        events[count, 0], events[count, 1], events[count, 2] = code, t, value
    mind[NOTED] += 1.0


@compiled
def term_that(codes: Int64s, code: int) -> int:
    """Return which term of a stage has a code, -1 for none; code 0 asks for what settles the height."""
    for k in range(codes.size):
        if codes[k] == code or (code == 0 and (is_hold(codes[k]) or codes[k] == ALTITUDE_CONTROL)):
            return k
    return -1


@compiled
def look_around(
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
    size: Float64s,
    hold: float,
    state: Float64s,
    here: Float64s,
) -> int:
    """Write where the balloon is and the true wind there into `here`; return the status of the wind."""
    t, logp = state[0, AT_TIME], state[0, LOG_P]
    lo, la, temperature, alt, _ = air_of(time_s, log_p, lat, lon, periodic, steady, thermo, hold, t, state[0])
    level_p = log_p[-1] if 0.0 < logp - log_p[-1] <= hold else logp
    u, v, u_sd, v_sd, status = scheme_wind_at(
        space, level, time, time_s, log_p, lat, lon, periodic, steady, field, t, level_p, la, lo
    )
    if status == 0 and waves.shape[0] > 0:
        east, north = error_at(waves[0], cosines[0], sines[0], size[0], t, logp, la, lo)
        u += east * (u_sd if math.isnan(size[1]) else size[1])
        v += north * (v_sd if math.isnan(size[2]) else size[2])
    here[NOW], here[LO], here[LA], here[HEIGHT], here[LOG_P_HERE] = t, lo, la, alt, logp
    here[TEMPERATURE], here[WIND_U], here[WIND_V] = temperature, u, v
    return status


@compiled
def look_at_power(row: Float64s, here: Float64s, mind: Float64s, events: Float64s) -> None:
    """Write the panels' power and the energy for steering into `here`; stop steering at the reserve."""
    here[PANEL_W], here[SPARE_J] = 0.0, NEVER
    if row[B_POWER] == 0.0:
        return
    here[PANEL_W] = panel_now_w(
        row[B_PANEL_W], row[B_TILT], here[NOW], here[LO], here[LA], here[HEIGHT], here[LOG_P_HERE]
    )
    here[SPARE_J] = to_steer_j(
        mind[BATTERY], row[B_RESERVE_J], here[PANEL_W] * here[STEP], row[B_LOAD_W] * here[STEP]
    )
    steers = row[B_PROPELLER] > 0.0 or row[B_PUMP_W] > 0.0
    # Panels that give more than load and steering take need no battery.
    if mind[LOW] == 0.0 and steers and here[STEP] > 0.0 and here[SPARE_J] <= 0.0:
        mind[LOW] = 1.0
        note(events, mind, E_STEERING_OFF, here[NOW], mind[BATTERY])
    elif (
        mind[LOW] > 0.0
        and mind[BATTERY] >= row[B_RESERVE_J] + RESUME * row[B_BATTERY_J]
        and (here[SPARE_J] > 0.0)
    ):
        mind[LOW] = 0.0
        note(events, mind, E_STEERING_ON, here[NOW], mind[BATTERY])
    if mind[LOW] > 0.0:
        here[SPARE_J] = 0.0


@compiled
def take_orders(
    order_codes: Int64s, order_rows: Float64s, here: Float64s, mind: Float64s, events: Float64s
) -> None:
    """Put the last order whose time has come in force."""
    now = int(mind[ORDER])
    while now + 1 < order_rows.shape[0] and order_rows[now + 1, START] <= here[NOW]:
        now += 1
        note(events, mind, E_ORDER, here[NOW], now)
        mind[ORDER], mind[NEXT_S], mind[COMMANDED] = now, -NEVER, math.nan
        mind[ARRIVED] = mind[SETTLED] = 0.0
        mind[LEG] = order_rows[now, FIRST] if order_codes[now] == CORRIDOR else 0.0


@compiled
def read_order(
    order_codes: Int64s,
    order_rows: Float64s,
    points: Float64s,
    here: Float64s,
    mind: Float64s,
    aim: Float64s,
    events: Float64s,
) -> None:
    """Write what the order in force asks for here and now into `aim`."""
    aim[KIND], aim[BY_WAY], aim[TO_ALT], aim[FASTEST], aim[WITHIN] = DRIFT, 0.0, math.nan, math.nan, 0.0
    now = int(mind[ORDER])
    if now < 0:
        return
    order = order_rows[now]
    aim[KIND], aim[TO_ALT], aim[FASTEST], aim[WITHIN] = (
        order_codes[now],
        order[ALT],
        order[AIRSPEED],
        order[RADIUS],
    )
    if aim[KIND] == DRIFT:
        return
    aim[BY_WAY], aim[DRIVE], aim[BEARING] = order[WAY], order[MODE], order[ANGLE]
    if aim[KIND] == CORRIDOR:
        find_leg(order, points, here, mind, aim)
    else:
        aim[GOAL_LON], aim[GOAL_LAT] = order[LON], order[LAT]
    if aim[KIND] == PROPEL:
        return
    last = aim[KIND] != CORRIDOR or int(mind[LEG]) + 1 == int(order[LAST])
    _, _, far = bearing_and_distance(here[LO], here[LA], aim[GOAL_LON], aim[GOAL_LAT])
    if last and far <= aim[WITHIN] and mind[ARRIVED] == 0.0:
        mind[ARRIVED] = 1.0
        note(events, mind, E_ARRIVED, here[NOW], now)
    if (aim[KIND] == GO_TO and far <= aim[WITHIN]) or (aim[KIND] == CORRIDOR and mind[ARRIVED] > 0.0):
        aim[KIND] = LOITER


@compiled
def find_leg(order: Float64s, points: Float64s, here: Float64s, mind: Float64s, aim: Float64s) -> None:
    """Go on to the leg of a corridor whose end is still ahead."""
    while True:
        leg = int(mind[LEG])
        aim[FROM_LON], aim[FROM_LAT] = points[leg, 0], points[leg, 1]
        aim[GOAL_LON], aim[GOAL_LAT] = points[leg + 1, 0], points[leg + 1, 1]
        east, north, far = bearing_and_distance(here[LO], here[LA], aim[GOAL_LON], aim[GOAL_LAT])
        back_e, back_n, back = bearing_and_distance(here[LO], here[LA], aim[FROM_LON], aim[FROM_LAT])
        x, y = -back_e * back, -back_n * back
        along, _, length = along_and_across(x, y, x + east * far, y + north * far)
        if leg + 1 == int(order[LAST]) or (far > aim[WITHIN] and along < length):
            return
        mind[LEG] += 1.0
        mind[NEXT_S] = -NEVER


@compiled
def drive(row: Float64s, aim: Float64s, here: Float64s, own: Float64s) -> None:
    """Set the propulsion's row: as fast as propeller, order and this step's energy allow."""
    speed = 0.0
    if aim[BY_WAY] > 0.0:
        speed = row[B_AIRSPEED]
        if row[B_POWER] > 0.0 and row[B_PROPELLER_W] > 0.0 and here[STEP] > 0.0:
            share = min(here[SPARE_J] / (row[B_PROPELLER_W] * here[STEP]), 1.0)
            speed *= share ** (1.0 / 3.0)
        if not math.isnan(aim[FASTEST]):
            speed = min(speed, aim[FASTEST])
    here[AIR_MPS] = speed
    own[0] = speed
    if speed == 0.0:
        own[1] = HEADING
        own[2] = own[3] = 0.0
    elif aim[DRIVE] == PLACE:
        own[1], own[2], own[3] = PLACE, aim[GOAL_LON], aim[GOAL_LAT]
    else:
        own[1], own[2], own[3] = aim[DRIVE], aim[BEARING], 0.0


@compiled
def command_order(control: Float64s, aim: Float64s, mind: Float64s) -> None:
    """Command the height that a drift asks for, once."""
    if mind[SETTLED] == 0.0 and mind[ORDER] >= 0.0:
        mind[SETTLED] = 1.0
        mind[COMMANDED] = aim[TO_ALT]
        if not math.isnan(aim[TO_ALT]):
            mind[COMMANDED] = clip(aim[TO_ALT], control[3], control[4])


@compiled
def way_down_m(row: Float64s, control: Float64s, pilot: Float64s, here: Float64s, mind: Float64s) -> float:
    """Return how far down the pump can take the balloon on the energy until the next decision, m."""
    if control[5] != WITH_AIR or row[B_POWER] == 0.0 or row[B_PUMP_W] == 0.0:
        return NEVER
    if mind[LOW] > 0.0:
        return 0.0
    energy_j = (
        max(mind[BATTERY] - row[B_RESERVE_J], 0.0) + max(here[PANEL_W] - row[B_LOAD_W], 0.0) * pilot[DECIDE]
    )
    return float(energy_j / row[B_PUMP_W] * control[2])


@compiled
def seek_or_hold(
    hold_code: int,
    hold_row: Float64s,
    codes: Int64s,
    slot: int,
    row: Float64s,
    control: Float64s,
    pilot: Float64s,
    aim: Float64s,
    here: Float64s,
    mind: Float64s,
    own: Float64s,
) -> None:
    """Put the control in the place of the hold while a height is sought, and the hold back once there."""
    gap = abs(mind[COMMANDED] - here[HEIGHT])
    if mind[SEEKING] == 0.0 and gap > pilot[DEADBAND]:
        mind[SEEKING] = 1.0
        codes[slot] = ALTITUDE_CONTROL
    elif mind[SEEKING] > 0.0 and not gap > REACHED_M:
        mind[SEEKING] = 0.0
        codes[slot] = hold_code
        # One by one: an array put into an array takes numba seconds to compile.
        for i in range(own.size):
            own[i] = hold_row[i]
        own[0] = held_now(hold_code, here[HEIGHT], here[LOG_P_HERE], here[TEMPERATURE])
        if aim[KIND] in (DRIFT, PROPEL):
            # It has been there once; from now on the surface there is its level.
            mind[COMMANDED] = math.nan
    if mind[SEEKING] > 0.0:
        for i in range(control.size):
            own[i] = control[i]
        own[FIRST_COMMAND + 1] = mind[COMMANDED]
        if control[5] == WITH_AIR:
            # The energy is booked here; the engine is told the speed that it allows.
            own[5] = FREE
            own[2] = control[2] * pump_share(row, here)


@compiled
def pump_share(row: Float64s, here: Float64s) -> float:
    """Return the share of the step that the pump can run, after the propeller has had its part."""
    pump_j = row[B_PUMP_W] * here[STEP]
    if row[B_POWER] == 0.0 or pump_j == 0.0:
        return 1.0
    taken = propeller_now_w(row, here[AIR_MPS]) * here[STEP]
    return float(min(max(here[SPARE_J] - taken, 0.0) / pump_j, 1.0))


@compiled
def propeller_now_w(row: Float64s, speed_mps: float) -> float:
    """Return the power that an airspeed takes, W: its cube, as `balloons.propulsion` has it."""
    if row[B_PROPELLER] == 0.0 or row[B_AIRSPEED] == 0.0:
        return 0.0
    return float(row[B_PROPELLER_W] * (speed_mps / row[B_AIRSPEED]) ** 3)


@compiled
def watch_stores(
    control: Float64s, here: Float64s, state: Float64s, mind: Float64s, events: Float64s
) -> None:
    """Note once when ballast or gas is down to what no way worth the name takes."""
    if control[5] != WITH_BALLAST:
        return
    least = control[6] / scale_height_m(here[TEMPERATURE]) * 2.0 * REACHED_M
    if mind[NO_BALLAST] == 0.0 and state[0, 4] < least:
        mind[NO_BALLAST] = 1.0
        note(events, mind, E_BALLAST_SPENT, here[NOW], state[0, 4])
    if mind[NO_GAS] == 0.0 and (control[8] - state[0, 6]) * (control[7] - 1.0) < least:
        mind[NO_GAS] = 1.0
        note(events, mind, E_GAS_SPENT, here[NOW], state[0, 6])


@compiled
def write_down(
    n: int,
    stage: int,
    here: Float64s,
    mind: Float64s,
    state: Float64s,
    east: float,
    north: float,
    track: Float64s,
) -> None:
    """Write row n of the track as the step begins."""
    track[R_TIME, n], track[R_LON, n], track[R_LAT, n] = here[NOW], here[LO], here[LA]
    track[R_ALT, n], track[R_PRESSURE, n] = here[HEIGHT], math.exp(here[LOG_P_HERE])
    track[R_ORDER, n], track[R_COMMANDED, n] = mind[ORDER], mind[COMMANDED]
    track[R_EAST, n], track[R_NORTH, n], track[R_BATTERY, n] = east, north, mind[BATTERY]
    track[R_BALLAST, n], track[R_GAS_LOST, n] = state[0, 4], state[0, 6]
    track[R_WIND_U, n], track[R_WIND_V, n] = here[WIND_U], here[WIND_V]
    track[R_STAGE, n], track[R_PANEL, n] = stage, here[PANEL_W]


@compiled
def book_step(
    n: int,
    row: Float64s,
    control: Float64s,
    here: Float64s,
    mind: Float64s,
    state: Float64s,
    track: Float64s,
    events: Float64s,
) -> None:
    """Book the energy of the step just made, and write it into row n."""
    took = state[0, AT_TIME] - here[NOW]
    sank_m = here[HEIGHT] - state[0, AT_ALT]
    propeller_w = propeller_now_w(row, math.hypot(track[R_EAST, n], track[R_NORTH, n]))
    pump_w = 0.0
    if mind[SEEKING] > 0.0 and control[5] == WITH_AIR and sank_m > 0.0:
        pump_w = row[B_PUMP_W] * min(sank_m / (control[2] * took), 1.0)
    if row[B_POWER] > 0.0:
        # The air that the surface sinks through is not pumped: what was not to be had was not taken.
        asked = (pump_w + propeller_w) * took
        had = min(asked, mind[BATTERY] + here[PANEL_W] * took)
        if asked > had:
            pump_w, propeller_w = pump_w * had / asked, propeller_w * had / asked
        load_j = row[B_LOAD_W] * took
        mind[BATTERY], fed, spilled = book(mind[BATTERY], row[B_BATTERY_J], here[PANEL_W] * took, load_j, had)
        track[R_LOAD, n], track[R_SPILLED, n] = fed / took, spilled / took
        short = 1.0 if fed < load_j * (1.0 - 1e-9) else 0.0
        if short != mind[SHED]:
            mind[SHED] = short
            note(events, mind, E_LOAD_SHED if short > 0.0 else E_LOAD_BACK, here[NOW], mind[BATTERY])
    track[R_PUMP, n], track[R_PROPELLER, n] = pump_w, propeller_w


@compiled
def begin_mind(row: Float64s) -> Float64s:
    """Return what the pilot knows at the start."""
    mind = np.zeros(MIND)
    mind[ORDER] = mind[STAGE] = -1.0
    mind[NEXT_S], mind[COMMANDED], mind[BATTERY] = -NEVER, math.nan, row[B_CHARGE_J]
    return mind


@compiled
def fly_steps(
    stepper: Callable[..., int],
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
    size: Float64s,
    f_time_s: Float64s,
    f_log_p: Float64s,
    f_lat: Float64s,
    f_lon: Float64s,
    f_periodic: bool,
    f_steady: bool,
    f_field: Float32s,
    f_thermo: Float32s,
    f_waves: Float64s,
    f_cosines: Float64s,
    f_sines: Float64s,
    f_size: Float64s,
    row: Float64s,
    control: Float64s,
    pilot: Float64s,
    order_codes: Int64s,
    order_rows: Float64s,
    points: Float64s,
    grid_s: Float64s,
    state: Float64s,
    held: Float64s,
    own: Float64s,
    stage: Int8s,
    code: Int8s,
    kept: Int32s,
    out: Float64s,
    out_stage: Int8s,
    track: Float64s,
    events: Float64s,
) -> tuple[int, int]:
    """Fly one balloon over the times `grid_s` (T,); return how many rows were written and events noted.

    The true wind, ground, flight and state are as in `kernels.advance`, of one member; `size` is the origin
    and the spreads of the true wind's error. The forecast: a `PackedGrid`, its air, one member's waves and
    their `f_size`. `row` (BALLOON,), `control` (a row of `balloons.control`); pilot, orders and points as
    `twin.autopilot` codes them. Written: track (ROWS, T) and events (E, 3); codes and own change.
    """
    # The caller holds these; without their counts they are handed on for nothing.
    time_s, log_p, lat, lon = borrowed(time_s), borrowed(log_p), borrowed(lat), borrowed(lon)
    field, thermo, waves, cosines = borrowed(field), borrowed(thermo), borrowed(waves), borrowed(cosines)
    sines, f_time_s, f_log_p, f_lat = borrowed(sines), borrowed(f_time_s), borrowed(f_log_p), borrowed(f_lat)
    f_lon, f_field, f_thermo = borrowed(f_lon), borrowed(f_field), borrowed(f_thermo)
    f_waves, f_cosines, f_sines = borrowed(f_waves), borrowed(f_cosines), borrowed(f_sines)
    limit, keep, here, aim, mind = np.empty(1), np.empty(0), np.zeros(HERE), np.zeros(AIM), begin_mind(row)
    count = int(pilot[LEVELS]) + 1
    heights, paper = np.empty(count), np.empty((count, 2, max(int(pilot[HORIZON] / pilot[LOOK] + 0.5), 1)))
    first_codes = codes.copy()
    limit[0] = grid_s[0]
    n = 0
    while True:
        # The first call stays where it is and finds the pressure of a start by height.
        advance(
            0, 1, stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo,
            waves, cosines, sines, ground_lat, ground_lon, ground_m, settings, table, codes, rows, stop_codes,
            stop_rows, keep, False, INNER_STEPS, limit, state, held, own, stage, code, kept, out, out_stage,
        )  # fmt: skip
        if n > 0:
            if not state[0, AT_TIME] > here[NOW]:
                break
            book_step(n - 1, row, control, here, mind, state, track, events)
        now = int(stage[0])
        lost = look_around(
            space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, waves, cosines,
            sines, size, settings[HOLD], state, here,
        )  # fmt: skip
        last = code[0] != MOVING or n + 1 >= grid_s.size
        here[STEP] = 0.0 if last else grid_s[n + 1] - here[NOW]
        if now != int(mind[STAGE]):
            if mind[STAGE] >= 0.0:
                note(events, mind, E_STAGE, here[NOW], now)
            mind[STAGE], mind[NEXT_S], mind[COMMANDED] = now, -NEVER, math.nan
            mind[SEEKING] = mind[SETTLED] = 0.0
        look_at_power(row, here, mind, events)
        take_orders(order_codes, order_rows, here, mind, events)
        read_order(order_codes, order_rows, points, here, mind, aim, events)
        east = north = here[AIR_MPS] = 0.0
        # A stage that has not begun has no rows of its own yet.
        if lost == 0 and not last and not math.isnan(state[0, AT_BEGAN]):
            slot = term_that(codes[now], PROPULSION)
            if slot >= 0:
                drive(row, aim, here, own[0, slot])
                east, north, _ = propulsion_rates(
                    own[0, slot], here[NOW], here[LO], here[LA], here[HEIGHT], here[WIND_U], here[WIND_V], 0.0
                )
            slot = term_that(codes[now], 0)
            if slot >= 0 and row[B_CONTROL] > 0.0:
                if aim[KIND] in (DRIFT, PROPEL):
                    command_order(control, aim, mind)
                elif aim[BY_WAY] != 1.0 and here[NOW] >= mind[NEXT_S]:
                    mind[NEXT_S] = here[NOW] + pilot[DECIDE]
                    low, high = within_reach(
                        control, here, state[0, 4], state[0, 6], way_down_m(row, control, pilot, here, mind)
                    )
                    mind[COMMANDED], blind = choose_height(
                        f_time_s, f_log_p, f_lat, f_lon, f_periodic, f_steady, f_field, f_thermo, f_waves,
                        f_cosines, f_sines, f_size, pilot, control, aim, here, mind[COMMANDED], low, high,
                        heights, paper,
                    )  # fmt: skip
                    if blind != 0 and mind[BLIND] == 0.0:
                        note(events, mind, E_NO_FORECAST, here[NOW], 0.0)
                    mind[BLIND] = blind
                seek_or_hold(
                    first_codes[now, slot], rows[0, now, slot], codes[now], slot, row, control, pilot, aim,
                    here, mind, own[0, slot],
                )  # fmt: skip
                watch_stores(control, here, state, mind, events)
        write_down(n, now, here, mind, state, east, north, track)
        n += 1
        if last:
            break
        limit[0] = grid_s[n]
    return n, int(mind[NOTED])

"""The twin's flight, compiled: one loop over its steps, with the pilot's decisions inside.

::

    order in force ─► decide (every so often) ─► seek the height or hold it ─► power for this step
         ▲                    │ forecast                                             │
         └── book energy ◄── advance one step in the true wind (trajectories.kernels) ◄┘

The step itself, with its stages, stops and ends of data, is `trajectories.kernels.advance`, so a twin that is
told nothing flies to the last byte as `trajectories.fly` does at the same steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.balloons.air import scale_height_m
from overflight.balloons.codes import ALTITUDE_CONTROL, PROPULSION
from overflight.balloons.control import FIRST_COMMAND, WITH_AIR, WITH_BALLAST
from overflight.balloons.holds import held as held_now
from overflight.balloons.holds import is_hold
from overflight.balloons.propulsion import PLACE, propulsion_rates
from overflight.compiled import compiled
from overflight.trajectories.kernels import (
    AT_ALT,
    AT_BEGAN,
    AT_TIME,
    advance,
    air_of,
)
from overflight.trajectories.steps import HOLD, LOG_P
from overflight.trajectories.stops import MOVING
from overflight.twin.autopilot import (
    AIRSPEED,
    ALT,
    ANGLE,
    CLIMB,
    CORRIDOR,
    DEADBAND,
    DECIDE,
    DRIFT,
    FIRST,
    GO_TO,
    HORIZON,
    LAST,
    LAT,
    LEVELS,
    LON,
    LOITER,
    LOOK,
    MARGIN,
    MODE,
    PROPEL,
    RADIUS,
    START,
    TRUST_LOG_P,
    TRUST_S,
    WAY,
)
from overflight.twin.budget import book, panel_now_w, to_steer_j
from overflight.units import EARTH_RADIUS_M
from overflight.winds.error_waves import error_at
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.interpolate import wind_at
from overflight.winds.schemes import scheme_wind_at
from overflight.winds.thermo import log_p_at

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]

# Rows of what is written down, (ROWS, T).
(
    R_TIME, R_LON, R_LAT, R_ALT, R_PRESSURE, R_ORDER, R_COMMANDED, R_EAST, R_NORTH, R_BATTERY, R_BALLAST,
    R_GAS_LOST, R_WIND_U, R_WIND_V, R_PANEL, R_LOAD, R_PUMP, R_PROPELLER, R_SPILLED, R_STAGE,
) = range(20)  # fmt: skip
ROWS: Final = 20
# Slots of the balloon's row.
(
    B_HAS_CONTROL, B_PUMP_W, B_HAS_PROPELLER, B_AIRSPEED, B_PROPELLER_W, B_HAS_POWER, B_PANEL_W, B_TILT,
    B_BATTERY_J, B_LOAD_W, B_RESERVE_J, B_CHARGE_J, B_FORECAST_ORIGIN, B_FORECAST_SD_U, B_FORECAST_SD_V,
) = range(15)  # fmt: skip
BALLOON: Final = 15
# Events: code, time, value.
(
    E_ORDER, E_ARRIVED, E_STEERING_OFF, E_STEERING_ON, E_LOAD_SHED, E_LOAD_BACK, E_BALLAST_SPENT,
    E_GAS_SPENT, E_NO_FORECAST, E_STAGE,
) = range(10)  # fmt: skip
EVENTS_MOST: Final = 2000
# Steering that stopped at the reserve begins again this much of the battery above it.
RESUME: Final = 0.05
# A height is reached within this; then the surface there is held, which costs nothing.
REACHED_M: Final = 25.0
# Altitudes are asked of the standard atmosphere or of the forecast's own air within its levels.
NEVER: Final = 1e300


@compiled
def unit_of(lon_deg: float, lat_deg: float) -> tuple[float, float, float]:
    """Return the unit vector of a place."""
    lam, phi = math.radians(lon_deg), math.radians(lat_deg)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


@compiled
def arc_m(x0: float, y0: float, z0: float, x1: float, y1: float, z1: float) -> float:
    """Return the distance between two unit vectors along the sphere, m."""
    a, b, c = y0 * z1 - z0 * y1, z0 * x1 - x0 * z1, x0 * y1 - y0 * x1
    return EARTH_RADIUS_M * math.atan2(math.sqrt(a * a + b * b + c * c), x0 * x1 + y0 * y1 + z0 * z1)


@compiled
def along_and_across(
    x: float, y: float, z: float, a: tuple[float, float, float], b: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return how far along the great circle from a to b a place is, how far off it, and the length, m."""
    length = arc_m(a[0], a[1], a[2], b[0], b[1], b[2])
    nx, ny, nz = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    if size < 1e-12:
        return 0.0, arc_m(x, y, z, a[0], a[1], a[2]), length
    nx, ny, nz = nx / size, ny / size, nz / size
    # The direction along the circle at a.
    tx, ty, tz = ny * a[2] - nz * a[1], nz * a[0] - nx * a[2], nx * a[1] - ny * a[0]
    along = math.atan2(x * tx + y * ty + z * tz, x * a[0] + y * a[1] + z * a[2])
    off = math.asin(min(max(x * nx + y * ny + z * nz, -1.0), 1.0))
    return EARTH_RADIUS_M * along, EARTH_RADIUS_M * abs(off), length


@compiled
def forecast_wind(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    row: Float64s,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, int]:
    """Return what the pilot believes the wind to be, m/s, and a code of `WIND_STATUS`."""
    u, v, u_sd, v_sd, status = wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    if status == 0 and waves.shape[1] > 0:
        east, north = error_at(waves, cosines, sines, row[B_FORECAST_ORIGIN], t, logp, la, lo)
        u += east * (u_sd if math.isnan(row[B_FORECAST_SD_U]) else row[B_FORECAST_SD_U])
        v += north * (v_sd if math.isnan(row[B_FORECAST_SD_V]) else row[B_FORECAST_SD_V])
    return u, v, status


@compiled
def promise_m(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    row: Float64s,
    pilot: Float64s,
    kind: int,
    radius_m: float,
    a: tuple[float, float, float],
    goal: tuple[float, float, float],
    air_mps: float,
    felt_u: float,
    felt_v: float,
    t: float,
    place: tuple[float, float, float],
    from_log_p: float,
    to_log_p: float,
    way_s: float,
) -> tuple[float, int]:
    """Return how well a height does by an order, m (less is better), and 1 where no forecast reaches.

    The balloon is carried on paper from `place` through the forecast, on its way from one level to the other
    for `way_s` and then on it. `felt` is the wind felt less the one forecast, here and now.
    """
    x, y, z = place
    look, count = pilot[LOOK], max(int(pilot[HORIZON] / pilot[LOOK] + 0.5), 1)
    nearest, last, total, off = NEVER, 0.0, 0.0, 0.0
    u = v = 0.0
    for j in range(count):
        since = (j + 0.5) * look
        share = 1.0 if way_s <= 0.0 else min(since / way_s, 1.0)
        level = from_log_p + (to_log_p - from_log_p) * share
        flat = math.sqrt(x * x + y * y)
        lo, la = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, flat))
        new_u, new_v, status = forecast_wind(
            time_s,
            log_p,
            lat,
            lon,
            periodic,
            steady,
            field,
            waves,
            cosines,
            sines,
            row,
            t + since,
            level,
            la,
            lo,
        )
        if status == 0:
            trust = 0.0
            if pilot[TRUST_S] > 0.0:
                trust = math.exp(-since / pilot[TRUST_S] - abs(level - from_log_p) / pilot[TRUST_LOG_P])
            u, v = new_u + trust * felt_u, new_v + trust * felt_v
        elif j == 0:
            return NEVER, 1
        # Beyond the forecast the last wind is taken to go on.
        sin_lo, cos_lo = (y / flat, x / flat) if flat > 0.0 else (0.0, 1.0)
        step = look / EARTH_RADIUS_M
        east, north = u * step, v * step
        x, y, z = (
            x - sin_lo * east - z * cos_lo * north,
            y + cos_lo * east - z * sin_lo * north,
            z + flat * north,
        )
        if air_mps > 0.0:
            far = arc_m(x, y, z, goal[0], goal[1], goal[2])
            pull = min(air_mps * look / far, 1.0) if far > 0.0 else 0.0
            x, y, z = x + pull * (goal[0] - x), y + pull * (goal[1] - y), z + pull * (goal[2] - z)
        size = math.sqrt(x * x + y * y + z * z)
        x, y, z = x / size, y / size, z / size
        last = arc_m(x, y, z, goal[0], goal[1], goal[2])
        if kind == CORRIDOR:
            along, across, length = along_and_across(x, y, z, a, goal)
            last = max(length - along, 0.0)
            off += max(across - radius_m, 0.0)
        nearest = min(nearest, last)
        total += max(last - 0.5 * radius_m, 0.0) + 0.05 * last
    if kind == LOITER:
        return total / count, 0
    return 0.7 * nearest + 0.3 * last + 2.0 * off / count, 0


@compiled
def within_reach(
    row: Float64s,
    control: Float64s,
    alt_m: float,
    temperature_k: float,
    ballast_kg: float,
    lost_kg: float,
    spare_j: float,
) -> tuple[float, float]:
    """Return the lowest and the highest height that the budgets allow now."""
    low, high = control[3], control[4]
    if control[5] == WITH_BALLAST:
        a_metre = control[6] / scale_height_m(temperature_k)
        high = min(high, alt_m + max(ballast_kg, 0.0) / a_metre)
        low = max(low, alt_m - max(control[8] - lost_kg, 0.0) * (control[7] - 1.0) / a_metre)
    elif row[B_HAS_POWER] > 0.0 and row[B_PUMP_W] > 0.0:
        low = max(low, alt_m - spare_j / row[B_PUMP_W] * control[2])
    return min(low, alt_m), max(high, alt_m)


@compiled
def choose_height(
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
    row: Float64s,
    pilot: Float64s,
    control: Float64s,
    kind: int,
    radius_m: float,
    a: tuple[float, float, float],
    goal: tuple[float, float, float],
    air_mps: float,
    wind_u: float,
    wind_v: float,
    t: float,
    lo: float,
    la: float,
    alt_m: float,
    here_log_p: float,
    commanded_m: float,
    low_m: float,
    high_m: float,
) -> tuple[float, int]:
    """Return the height to go to, m, and 1 where the forecast does not reach here."""
    place = unit_of(lo, la)
    u, v, status = forecast_wind(
        time_s, log_p, lat, lon, periodic, steady, field, waves, cosines, sines, row, t, here_log_p, la, lo
    )
    if status != 0:
        return commanded_m, 1
    felt_u, felt_v = wind_u - u, wind_v - v
    stay = alt_m if math.isnan(commanded_m) else commanded_m
    best_m, best, staying = stay, NEVER, NEVER
    count = int(pilot[LEVELS])
    # The first is to stay, or to go where it is going.
    for k in range(count + 1):
        aim = stay
        if k > 0:
            aim = control[3] + (control[4] - control[3]) * ((k - 1.0) / (count - 1.0) if count > 1 else 0.5)
            if not low_m <= aim <= high_m:
                continue
        aim_log_p = here_log_p
        if abs(aim - alt_m) > REACHED_M:
            aim_log_p, status = log_p_at(time_s, log_p, lat, lon, periodic, steady, thermo, t, aim, la, lo)
            if status != 0:
                continue
        way = aim - alt_m
        way_s = way / control[1] if way > 0.0 else -way / control[2]
        found, lost = promise_m(
            time_s, log_p, lat, lon, periodic, steady, field, waves, cosines, sines, row, pilot,
            kind, radius_m, a, goal, air_mps, felt_u, felt_v, t, place, here_log_p, aim_log_p, way_s,
        )  # fmt: skip
        if lost != 0:
            continue
        found += pilot[CLIMB] * abs(way)
        if k == 0:
            staying = found
            found -= pilot[MARGIN]
        if found < best:
            best, best_m = found, aim
    return best_m, 0


@compiled
def note(events: Float64s, count: int, code: int, t: float, value: float) -> int:
    """Write an event down and return how many there are; those beyond the table are only counted."""
    if count < events.shape[0]:
        events[count, 0], events[count, 1], events[count, 2] = code, t, value
    return count + 1


@compiled
def slot_of_hold(codes: Int64s) -> int:
    """Return which term of a stage holds a surface or controls the height, -1 for none."""
    for k in range(codes.size):
        if is_hold(codes[k]) or codes[k] == ALTITUDE_CONTROL:
            return k
    return -1


@compiled
def slot_of(codes: Int64s, code: int) -> int:
    """Return which term of a stage has a code, -1 for none."""
    for k in range(codes.size):
        if codes[k] == code:
            return k
    return -1


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
    errs: Float64s,
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
    """Fly one balloon over the times `grid_s` (T,); return how many rows and events were written.

    The true wind, ground, flight and state are as in `kernels.advance`, of one member; `errs` holds the
    origin and the sizes of the true wind's error. The forecast: a `PackedGrid`, its air, and one
    member's waves. `row` (BALLOON,), `control` (a row of `balloons.control`), `pilot`, orders and points as
    `twin.autopilot` codes them. Written: track (ROWS, T) and events (E, 3).
    """
    limit, keep = np.empty(1), np.empty(0)
    hold_codes, hold_rows = codes.copy(), rows.copy()
    limit[0] = grid_s[0]
    advance(
        0, 1, stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo,
        waves, cosines, sines, ground_lat, ground_lon, ground_m, settings, table, codes, rows, stop_codes,
        stop_rows, keep, False, 1000, limit, state, held, own, stage, code, kept, out, out_stage,
    )  # fmt: skip
    written = count = 0
    order, leg, arrived = -1, 0, False
    decide_s, commanded = -NEVER, math.nan
    seeking = settled = False
    steering, shed, no_ballast, no_gas, blind = True, False, False, False, False
    battery = row[B_CHARGE_J]
    was = -1
    while written < grid_s.size:
        n = written
        t, now = state[0, AT_TIME], int(stage[0])
        lo, la, temperature, alt, status = air_of(
            time_s, log_p, lat, lon, periodic, steady, thermo, settings[HOLD], t, state[0]
        )
        here = state[0, LOG_P]
        wind_log_p = log_p[-1] if 0.0 < here - log_p[-1] <= settings[HOLD] else here
        u, v, u_sd, v_sd, wind_status = scheme_wind_at(
            space, level, time, time_s, log_p, lat, lon, periodic, steady, field, t, wind_log_p, la, lo
        )
        if wind_status == 0 and waves.shape[0] > 0:
            east, north = error_at(waves[0], cosines[0], sines[0], errs[0], t, here, la, lo)
            u += east * (u_sd if math.isnan(errs[1]) else errs[1])
            v += north * (v_sd if math.isnan(errs[2]) else errs[2])
        if now != was:
            if was >= 0:
                count = note(events, count, E_STAGE, t, now)
            seeking = settled = False
            commanded, decide_s, was = math.nan, -NEVER, now
        opened = not math.isnan(state[0, AT_BEGAN]) and code[0] == MOVING
        while order + 1 < order_rows.shape[0] and order_rows[order + 1, START] <= t:
            order += 1
            count = note(events, count, E_ORDER, t, order)
            leg = int(order_rows[order, FIRST]) if order_codes[order] == CORRIDOR else 0
            decide_s, arrived, settled = -NEVER, False, False
            commanded = math.nan
        hold, drive = slot_of_hold(codes[now]), slot_of(codes[now], PROPULSION)
        # What there is to steer with in this step.
        dt = grid_s[n + 1] - t if n + 1 < grid_s.size else 0.0
        panel_w, spare_j = 0.0, NEVER
        if row[B_HAS_POWER] > 0.0:
            panel_w = panel_now_w(row[B_PANEL_W], row[B_TILT], t, lo, la, alt, here)
            spare_j = to_steer_j(battery, row[B_RESERVE_J], panel_w * dt, row[B_LOAD_W] * dt)
            takes = row[B_HAS_PROPELLER] > 0.0 or row[B_PUMP_W] > 0.0
            if takes and steering and battery <= row[B_RESERVE_J] and spare_j <= 0.0 and dt > 0.0:
                steering = False
                count = note(events, count, E_STEERING_OFF, t, battery)
            elif not steering and battery > row[B_RESERVE_J] + RESUME * row[B_BATTERY_J]:
                steering = True
                count = note(events, count, E_STEERING_ON, t, battery)
            if not steering:
                spare_j = 0.0
        kind, way, air_mps = DRIFT, 0.0, 0.0
        mode, angle = 0.0, 0.0
        goal, a = (1.0, 0.0, 0.0), (1.0, 0.0, 0.0)
        goal_lon = goal_lat = 0.0
        radius = 0.0
        if order >= 0:
            kind = order_codes[order]
            if kind != DRIFT:
                way, mode = order_rows[order, WAY], order_rows[order, MODE]
            if kind == CORRIDOR:
                radius = order_rows[order, RADIUS]
                x, y, z = unit_of(lo, la)
                while True:
                    a = unit_of(points[leg, 0], points[leg, 1])
                    goal_lon, goal_lat = points[leg + 1, 0], points[leg + 1, 1]
                    goal = unit_of(goal_lon, goal_lat)
                    along, _, length = along_and_across(x, y, z, a, goal)
                    near = arc_m(x, y, z, goal[0], goal[1], goal[2]) <= radius
                    if not (near or along >= length):
                        break
                    if leg + 1 == int(order_rows[order, LAST]):
                        if not arrived and near:
                            arrived = True
                            count = note(events, count, E_ARRIVED, t, order)
                        break
                    leg += 1
                    decide_s = -NEVER
                if arrived:
                    kind = LOITER
            elif kind in (GO_TO, LOITER) or (kind == PROPEL and mode == PLACE):
                goal_lon, goal_lat = order_rows[order, LON], order_rows[order, LAT]
                goal = unit_of(goal_lon, goal_lat)
                if kind != PROPEL:
                    radius = order_rows[order, RADIUS]
                    x, y, z = unit_of(lo, la)
                    near = arc_m(x, y, z, goal[0], goal[1], goal[2]) <= radius
                    if near and not arrived:
                        arrived = True
                        count = note(events, count, E_ARRIVED, t, order)
                    if kind == GO_TO and near:
                        kind = LOITER
            elif kind == PROPEL:
                angle = order_rows[order, ANGLE]
        # Propulsion: as fast as the propeller goes, the order says, and the energy lasts through the step.
        if drive >= 0 and opened:
            if way > 0.0 and kind != DRIFT:
                air_mps = row[B_AIRSPEED]
                if kind == PROPEL and not math.isnan(order_rows[order, AIRSPEED]):
                    air_mps = min(air_mps, order_rows[order, AIRSPEED])
                if row[B_HAS_POWER] > 0.0 and row[B_PROPELLER_W] > 0.0 and dt > 0.0:
                    share = min(spare_j / (row[B_PROPELLER_W] * dt), 1.0)
                    air_mps = min(air_mps, row[B_AIRSPEED] * share ** (1.0 / 3.0))
            first, second = (goal_lon, goal_lat) if mode == PLACE else (angle, 0.0)
            own[0, drive, 0], own[0, drive, 1] = air_mps, mode
            own[0, drive, 2], own[0, drive, 3] = first, second
        # Height: what the order says, or what the pilot chooses.
        if row[B_HAS_CONTROL] > 0.0 and hold >= 0 and opened and wind_status == 0:
            if kind in (DRIFT, PROPEL):
                if order >= 0 and not settled:
                    commanded = order_rows[order, ALT]
                    if not math.isnan(commanded):
                        commanded = min(max(commanded, control[3]), control[4])
                    settled = True
            elif way != 1.0 and t >= decide_s:
                decide_s = t + pilot[DECIDE]
                energy_j = spare_j
                if row[B_HAS_POWER] > 0.0:
                    energy_j += max(panel_w - row[B_LOAD_W], 0.0) * pilot[DECIDE] if steering else 0.0
                low, high = within_reach(row, control, alt, temperature, state[0, 4], state[0, 6], energy_j)
                commanded, lost = choose_height(
                    f_time_s, f_log_p, f_lat, f_lon, f_periodic, f_steady, f_field, f_thermo, f_waves,
                    f_cosines, f_sines, row, pilot, control, kind, radius, a, goal, air_mps, u, v, t, lo, la,
                    alt, here, commanded, low, high,
                )  # fmt: skip
                if (lost != 0) != blind:
                    blind = lost != 0
                    if blind:
                        count = note(events, count, E_NO_FORECAST, t, 0.0)
            gap = abs(commanded - alt)
            if not seeking and not math.isnan(commanded) and gap > pilot[DEADBAND]:
                # Drift goes to its height once; after that the surface there is its level.
                seeking = True
                codes[now, hold] = ALTITUDE_CONTROL
            elif seeking and (math.isnan(commanded) or gap <= REACHED_M):
                seeking = False
                codes[now, hold] = hold_codes[now, hold]
                for k in range(hold_rows.shape[3]):
                    own[0, hold, k] = hold_rows[0, now, hold, k]
                own[0, hold, 0] = held_now(hold_codes[now, hold], alt, here, temperature)
                if kind in (DRIFT, PROPEL):
                    commanded = math.nan
            if seeking:
                for k in range(control.size):
                    own[0, hold, k] = control[k]
                own[0, hold, FIRST_COMMAND + 1] = commanded
                if control[5] == WITH_AIR:
                    # Energy is booked here, not in the engine.
                    own[0, hold, 5] = 0.0
                    pump_j = row[B_PUMP_W] * dt
                    spent = 0.0
                    if row[B_HAS_PROPELLER] > 0.0 and row[B_AIRSPEED] > 0.0:
                        spent = row[B_PROPELLER_W] * (air_mps / row[B_AIRSPEED]) ** 3 * dt
                    if row[B_HAS_POWER] > 0.0 and pump_j > 0.0:
                        own[0, hold, 2] = control[2] * min(max(spare_j - spent, 0.0) / pump_j, 1.0)
                elif control[5] == WITH_BALLAST:
                    a_metre = control[6] / scale_height_m(temperature)
                    least = a_metre * REACHED_M
                    if not no_ballast and state[0, 4] < least:
                        no_ballast = True
                        count = note(events, count, E_BALLAST_SPENT, t, state[0, 4])
                    if not no_gas and (control[8] - state[0, 6]) * (control[7] - 1.0) < least:
                        no_gas = True
                        count = note(events, count, E_GAS_SPENT, t, state[0, 6])
        east = north = 0.0
        if drive >= 0 and opened and air_mps > 0.0 and wind_status == 0:
            east, north, _ = propulsion_rates(own[0, drive], t, lo, la, alt, u, v, 0.0)
        track[R_TIME, n], track[R_LON, n], track[R_LAT, n], track[R_ALT, n] = t, lo, la, alt
        track[R_PRESSURE, n], track[R_ORDER, n], track[R_COMMANDED, n] = math.exp(here), order, commanded
        track[R_EAST, n], track[R_NORTH, n], track[R_BATTERY, n] = east, north, battery
        track[R_BALLAST, n], track[R_GAS_LOST, n] = state[0, 4], state[0, 6]
        track[R_WIND_U, n], track[R_WIND_V, n], track[R_STAGE, n] = u, v, now
        track[R_PANEL, n] = panel_w
        written += 1
        if code[0] != MOVING or written == grid_s.size:
            break
        limit[0] = grid_s[written]
        advance(
            0, 1, stepper, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo,
            waves, cosines, sines, ground_lat, ground_lon, ground_m, settings, table, codes, rows, stop_codes,
            stop_rows, keep, False, 1000, limit, state, held, own, stage, code, kept, out, out_stage,
        )  # fmt: skip
        took = state[0, AT_TIME] - t
        if took <= 0.0:
            break
        # What the step took.
        pump_w = propeller_w = 0.0
        if row[B_HAS_PROPELLER] > 0.0 and row[B_AIRSPEED] > 0.0:
            propeller_w = row[B_PROPELLER_W] * (math.hypot(east, north) / row[B_AIRSPEED]) ** 3
        if seeking and control[5] == WITH_AIR and state[0, AT_ALT] < alt:
            pump_w = row[B_PUMP_W] * min((alt - state[0, AT_ALT]) / (control[2] * took), 1.0)
        if row[B_HAS_POWER] > 0.0:
            steer_j = min((pump_w + propeller_w) * took, max(battery + panel_w * took, 0.0))
            total = pump_w + propeller_w
            if total > 0.0:
                pump_w, propeller_w = (
                    pump_w * steer_j / (total * took),
                    propeller_w * steer_j / (total * took),
                )
            battery, fed, spilled = book(
                battery, row[B_BATTERY_J], panel_w * took, row[B_LOAD_W] * took, steer_j
            )
            track[R_LOAD, n], track[R_SPILLED, n] = fed / took, spilled / took
            short = fed < row[B_LOAD_W] * took * (1.0 - 1e-9)
            if short != shed:
                shed = short
                count = note(events, count, E_LOAD_SHED if shed else E_LOAD_BACK, t, battery)
        track[R_PUMP, n], track[R_PROPELLER, n] = pump_w, propeller_w
    return written, count

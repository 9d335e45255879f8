"""The compiled rates of a stage: the sum of its terms, dispatched by code.

`up_mps` is relative to pressure surfaces: d ln p / dt = -up g₀ / (R T). Terms add; the sum is limited to
±`UP_MAX_MPS`, which only a fall from far above the stratosphere reaches. No finite input gives NaN: what no
air has (temperatures, pressures, winds out of all range) is taken at the end of the range.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import Float64s
from overflight.balloons.air import clip
from overflight.balloons.codes import (
    ALTITUDE_CONTROL,
    FREE_LIFT,
    LEAK,
    NONE,
    PARACHUTE,
    PROPULSION,
    SOLAR_HOT_AIR,
    STEADY,
    ZERO_PRESSURE,
    Codes,
)
from overflight.balloons.control import control_rates
from overflight.balloons.descent import fall_up
from overflight.balloons.holds import held, hold_up, is_hold
from overflight.balloons.hotair import hot_air_up
from overflight.balloons.leak import leak_rates
from overflight.balloons.lift import lift_up
from overflight.balloons.propulsion import propulsion_rates
from overflight.balloons.zero import zero_rates
from overflight.compiled import compiled

UP_MAX_MPS: Final = 500.0
STORE_MAX: Final = 1e12


@compiled
def rate(
    codes_s: Codes,
    rows_s: Float64s,
    time_s: float,
    elapsed_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    wind_u: float,
    wind_v: float,
    s0: float,
    s1: float,
    s2: float,
) -> tuple[float, float, float, float, float, float]:
    """Return (east, north, up) m/s through the air and the rates of the three stores of one balloon.

    codes_s (K,), rows_s (K, P): one stage of a `CodedFlight`. `elapsed_s` counts from the begin of the
    stage. The wind itself is not in the result: east and north are what the balloon adds to it.
    """
    return sum_of_terms(
        True, codes_s, rows_s, time_s, elapsed_s, lon_deg, lat_deg, alt_m, log_p, temperature_k,
        wind_u, wind_v, s0, s1, s2,
    )  # fmt: skip


@compiled
def sum_of_terms(
    physics: bool | None,
    codes_s: Codes,
    rows_s: Float64s,
    time_s: float,
    elapsed_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    wind_u: float,
    wind_v: float,
    s0: float,
    s1: float,
    s2: float,
) -> tuple[float, float, float, float, float, float]:
    """Return `rate`; with `physics` None, of codes that are `PLAIN`.

    None is a type of its own, so numba leaves the branch out and never compiles what it calls: a third of
    the time that the first flight waits.
    """
    log_p = clip(log_p, -10.0, 13.0)
    temperature_k = clip(temperature_k, 50.0, 1000.0)
    lat_deg = clip(lat_deg, -90.0, 90.0)
    alt_m = clip(alt_m, -1e6, 1e6)
    wind_u = clip(wind_u, -1e3, 1e3)
    wind_v = clip(wind_v, -1e3, 1e3)
    s0, s1, s2 = clip(s0, 0.0, STORE_MAX), clip(s1, 0.0, STORE_MAX), clip(s2, 0.0, STORE_MAX)
    limp = False
    for k in range(codes_s.size):
        # Gone is the spare gas of a balloon that a leak makes sink: no hold holds it.
        if codes_s[k] == LEAK and rows_s[k, 5] > 0.0 and s2 >= rows_s[k, 1]:
            limp = True
    east = north = up = 0.0
    ballast = energy = lost = 0.0
    for k in range(codes_s.size):
        number = codes_s[k]
        if number == NONE:
            continue
        if is_hold(number):
            if not limp:
                target, tau_s, max_mps = rows_s[k, 0], rows_s[k, 1], rows_s[k, 2]
                up += hold_up(number, target, tau_s, max_mps, alt_m, log_p, temperature_k)
        elif number == STEADY:
            up += rows_s[k, 0]
        elif number == PARACHUTE:
            up += fall_up(rows_s[k, 0], log_p, temperature_k)
        elif physics is not None and not (limp and number == ALTITUDE_CONTROL):
            e, n, w, b, j, g = _physics(
                number, rows_s[k], time_s, lon_deg, lat_deg, alt_m, log_p, temperature_k, wind_u, wind_v,
                s0, s1, s2,
            )  # fmt: skip
            east, north, up = east + e, north + n, up + w
            ballast, energy, lost = ballast + b, energy + j, lost + g
    return east, north, clip(up, -UP_MAX_MPS, UP_MAX_MPS), ballast, energy, lost


@compiled
def _physics(
    number: int,
    row: Float64s,
    time_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    wind_u: float,
    wind_v: float,
    s0: float,
    s1: float,
    s2: float,
) -> tuple[float, float, float, float, float, float]:
    """Return the rates of one term that has more than a line of physics.

    Apart from `rate`, so that the plain terms stay small enough for the compiler to put in line: handing
    an array on costs more than they do.
    """
    east = north = up = 0.0
    ballast = energy = lost = 0.0
    if number == FREE_LIFT:
        up = lift_up(row, log_p, temperature_k, s2)
    elif number == ZERO_PRESSURE:
        up, ballast, lost = zero_rates(row, time_s, lon_deg, lat_deg, alt_m, log_p, temperature_k, s0, s2)
    elif number == SOLAR_HOT_AIR:
        up = hot_air_up(row, time_s, lon_deg, lat_deg, alt_m, log_p, temperature_k)
    elif number == LEAK:
        up, lost = leak_rates(row, log_p, temperature_k, s2)
    elif number == ALTITUDE_CONTROL:
        up, ballast, energy, lost = control_rates(row, time_s, alt_m, temperature_k, s0, s1, s2)
    elif number == PROPULSION:
        east, north, energy = propulsion_rates(row, time_s, lon_deg, lat_deg, alt_m, wind_u, wind_v, s1)
    return east, north, up, ballast, energy, lost


@compiled
def begin_stage(
    codes_s: Codes,
    rows_s: Float64s,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
) -> None:
    """Write into slot 0 of holds without a target what the balloon has now. Changes `rows_s` in place."""
    for k in range(codes_s.size):
        if is_hold(codes_s[k]) and math.isnan(rows_s[k, 0]):
            rows_s[k, 0] = held(codes_s[k], alt_m, log_p, temperature_k)

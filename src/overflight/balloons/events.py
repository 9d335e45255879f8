"""Stops as compiled signed functions: negative before a stop is met, zero or more once it is."""

from __future__ import annotations

import math

from overflight.atmosphere import Float64s
from overflight.balloons import codes
from overflight.balloons.air import log_density
from overflight.compiled import compiled
from overflight.sun import solar_elevation_deg


@compiled
def stop_value(
    number: int,
    row: Float64s,
    time_s: float,
    elapsed_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    log_p: float,
    temperature_k: float,
    ground_m: float,
    s0: float,
    s1: float,
    direction: float,
) -> float:
    """Return the signed value of one stop.

    `number`, `row` (Q,): one stop of a `CodedFlight`. `ground_m`: height of the terrain, 0 without one.
    `direction`: 1 when the run goes forward in time, -1 backward. A `Signed` stop and code 0 are never met
    here: -inf. Units differ by stop (m, log-pressure, s, degrees, kg or J); only sign and size near zero
    count.
    """
    value = -math.inf
    if number == codes.ALTITUDE_ABOVE:
        value = alt_m - row[0]
    elif number == codes.ALTITUDE_BELOW:
        value = row[0] - alt_m
    elif number == codes.PRESSURE_ABOVE:
        value = log_p - row[0]
    elif number == codes.PRESSURE_BELOW:
        value = row[0] - log_p
    elif number == codes.DENSITY_BELOW:
        value = row[0] - log_density(log_p, temperature_k)
    elif number == codes.GROUND:
        value = ground_m - alt_m
    elif number == codes.DURATION:
        value = abs(elapsed_s) - row[0]
    elif number == codes.AT:
        value = direction * (time_s - row[0])
    elif number == codes.SUN_ABOVE:
        value = solar_elevation_deg(time_s, lon_deg, lat_deg) - row[0]
    elif number == codes.SUN_BELOW:
        value = row[0] - solar_elevation_deg(time_s, lon_deg, lat_deg)
    elif number == codes.STORE_EMPTY:
        value = row[1] - (s0 if row[0] == 0.0 else s1)
    return value

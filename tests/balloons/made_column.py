"""A column of standard air for balloons to rise and sink in: the vertical part of a flight alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from overflight import atmosphere
from overflight.balloons.coded import code
from overflight.balloons.rates import rate
from overflight.balloons.terms import Flight, Stage, Term
from overflight.times import parse_utc

NOON = parse_utc("2022-08-22T19:00Z")
MIDNIGHT = parse_utc("2022-08-22T07:00Z")
NEW_MEXICO = (-106.0, 34.6)


def rates_at(
    *terms: Term,
    alt_m: float,
    time_s: float = NOON,
    store: Sequence[float] = (0.0, 0.0, 0.0),
    wind: tuple[float, float] = (0.0, 0.0),
    place: tuple[float, float] = NEW_MEXICO,
    backward: bool = False,
) -> tuple[float, float, float, float, float, float]:
    """Rates of one stage in standard air."""
    coded = code(Flight((Stage(terms),)), backward=backward)
    log_p = float(np.log(atmosphere.pressure_pa(alt_m)))
    kelvin = float(atmosphere.temperature_k(alt_m))
    return rate(
        coded.codes[0], coded.rows[0], time_s, 0.0, *place, alt_m, log_p, kelvin, *wind, *map(float, store)
    )


def fly_column(
    *terms: Term,
    alt_m: float,
    time_s: float,
    hours: float,
    store: Sequence[float] = (0.0, 0.0, 0.0),
    place: tuple[float, float] = NEW_MEXICO,
    step_s: float = 60.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Times (K,) and states (K, 4): height and the three stores, until the ground, by RK4."""
    coded = code(Flight((Stage(terms),)), step_s=step_s)

    def slope(time_s: float, y: np.ndarray) -> np.ndarray:
        alt = min(max(float(y[0]), -1000.0), 70e3)
        log_p = float(np.log(atmosphere.pressure_pa(alt)))
        kelvin = float(atmosphere.temperature_k(alt))
        stores = (float(y[1]), float(y[2]), float(y[3]))
        found = rate(
            coded.codes[0], coded.rows[0], time_s, 0.0, *place, alt, log_p, kelvin, 0.0, 0.0, *stores
        )
        return np.array([found[2], *found[3:]])

    y = np.array([alt_m, *store], dtype=np.float64)
    times, states = [time_s], [y]
    for _ in range(int(hours * 3600.0 / step_s)):
        k1 = slope(time_s, y)
        k2 = slope(time_s + step_s / 2, y + step_s / 2 * k1)
        k3 = slope(time_s + step_s / 2, y + step_s / 2 * k2)
        k4 = slope(time_s + step_s, y + step_s * k3)
        y = y + step_s / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        time_s += step_s
        times.append(time_s)
        states.append(y)
        if y[0] < 0.0:
            break
    return np.array(times), np.array(states)

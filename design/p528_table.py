"""Tabulate Recommendation ITU-R P.528-5: python design/p528_table.py OUT.npz

Needs `p528` 0.1.0 (MIT), a port of the implementation that the Institute for Telecommunication Sciences
published beside the Recommendation. Its ray trace through the reference atmosphere takes 0.17 s; here the
refractive index and absorption of the air are tabulated once a frequency, every 10 m, and the trace is
compiled, which changes the loss by less than 0.02 dB (checked below at 60 places) and takes minutes
where the port would take ten hours.

The table holds the loss over that of free space, in hundredths of a decibel, for vertical polarisation, and
what horizontal adds to it (mostly nothing, which packs well): over share of time, frequency, the pair of
heights (lower first, row by row) and distance. Distances are shares of the way to the horizon of both
terminals, and beyond it kilometres past it: there all curves bend.
"""

from __future__ import annotations

import importlib
import math
import sys
import time
from typing import Any

import numba
import numpy as np
from p528.types import Terminal

# The packages hide their modules behind functions of the same name.
LOS = importlib.import_module("p528.los")
MODEL = importlib.import_module("p528.p528")
TRACE = importlib.import_module("p676.ray_trace")

FREQUENCY_MHZ = (100, 130, 170, 220, 300, 400, 600, 900, 1300, 2000, 3000, 5000, 8000, 12000, 16000, 19000)
FREQUENCY_MHZ += (21000, 22235, 23000, 24500, 27000, 30000)
HEIGHT_M = (1.5, 3, 6, 12, 25, 50, 120, 300, 800, 2000, 5000, 9000, 12000, 15000, 18000, 20000)
SHARE = (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
SHARE += (0.84, 0.88, 0.91, 0.93, 0.945, 0.96, 0.97, 0.98, 0.99, 1.0)
PAST_KM = (0.1, 5, 10, 15, 20, 30, 40, 55, 70, 90, 120, 150, 200, 260, 330, 420, 520, 650, 800, 950, 1100)
PERCENT = (10, 50, 90)
# The port's codes of polarisation: vertical, horizontal.
POLARISATION = (1, 0)
RADIUS_KM = 6371.0088
STEP_KM = 0.01

EXACT = TRACE.ray_trace
TERMINAL = MODEL.terminal_geometry
AIR: dict[float, np.ndarray] = {}
TERMINALS: dict[tuple[float, float], tuple[float, ...]] = {}


def air(frequency_ghz: float, config: Any) -> np.ndarray:
    """Index and absorption (2, N) of the air every 10 m."""
    if frequency_ghz not in AIR:
        heights = np.arange(0.0, 21.0, STEP_KM)
        AIR[frequency_ghz] = np.array(
            [TRACE._get_layer_properties(frequency_ghz, h, config) for h in heights]
        ).T.copy()
    return AIR[frequency_ghz]


@numba.njit
def at(row: np.ndarray, height: float) -> float:
    x = height / STEP_KM
    i = min(int(x), row.size - 2)
    return row[i] + (x - i) * (row[i + 1] - row[i])


@numba.njit
def traced(low: float, high: float, beta: float, table: np.ndarray) -> tuple[float, float, float, float]:
    """Absorption, bending, length, angle: layers, Snell and sums as P.676-13 has them, eqs 13 to 22."""
    growth = math.exp(0.01) - 1.0
    first = math.floor(100.0 * math.log(1e4 * low * growth + 1.0) + 1.0)
    last = math.ceil(100.0 * math.log(1e4 * high * growth + 1.0) + 1.0)
    scale = (math.exp(0.02) - math.exp(0.01)) / (math.exp(last / 100.0) - math.exp(first / 100.0))
    scale *= high - low
    thick = scale * math.exp((first - 1) / 100.0)
    h = low
    n, gamma = at(table[0], h + thick / 2.0), at(table[1], h + thick / 2.0)
    start = n * (6371.0 + h) * math.sin(beta)
    loss = bend = length = 0.0
    angle = beta
    for i in range(first, last):
        thick = scale * math.exp((i - 1) / 100.0)
        next_thick = scale * math.exp(i / 100.0)
        next_h = low + scale * (math.exp(i / 100.0) - math.exp((first - 1) / 100.0)) / growth
        next_n = at(table[0], next_h + next_thick / 2.0)
        next_gamma = at(table[1], next_h + next_thick / 2.0)
        r = 6371.0 + h
        into = math.asin(min(1.0, start / (n * r)))
        angle = math.asin(min(1.0, start / (n * (6371.0 + next_h))))
        down = r * math.cos(into)
        part = -down + math.sqrt(down * down + 2.0 * r * thick + thick * thick)
        length += part
        loss += part * gamma
        if i != last - 1:
            bend += math.asin(min(1.0, n / next_n * math.sin(angle))) - angle
        h, n, gamma = next_h, next_n, next_gamma
    return loss, bend, length, angle


def quick(f__ghz: float, h_1__km: float, h_2__km: float, beta_1__rad: float, config: Any) -> Any:
    loss, bend, length, angle = traced(h_1__km, h_2__km, beta_1__rad, air(f__ghz, config))
    return TRACE.SlantPathAttenuationResult(A_gas__db=loss, bending__rad=bend, a__km=length, angle__rad=angle)


def kept(f__mhz: float, terminal: Terminal) -> None:
    """The geometry of a terminal, once a frequency and height."""
    key = (f__mhz, terminal.h_r__km)
    if key not in TERMINALS:
        TERMINAL(f__mhz, terminal)
        TERMINALS[key] = tuple(vars(terminal).values())
    for name, value in zip(vars(terminal), TERMINALS[key], strict=True):
        setattr(terminal, name, value)


def memory(function: Any) -> Any:
    """Keep what a search of the port found for the same terminals; its geometry knows no frequency."""
    found: dict[tuple[float, float, float], float] = {}

    def search(value: float, path: Any, one: Terminal, two: Terminal, *rest: float) -> float:
        key = (value, one.h_r__km, two.h_r__km)
        if key not in found:
            if len(found) > 200_000:
                found.clear()
            found[key] = function(value, path, one, two, *rest)
        return found[key]

    return search


SEARCHES = ("find_psi_at_distance", "find_psi_at_delta_r", "find_distance_at_delta_r")
SLOW = {name: getattr(LOS, name) for name in SEARCHES}


def speed_up(on: bool) -> None:
    trace = quick if on else EXACT
    TRACE.ray_trace = LOS.ray_trace = MODEL.ray_trace = trace
    MODEL.terminal_geometry = kept if on else TERMINAL
    for name in SEARCHES:
        setattr(LOS, name, memory(SLOW[name]) if on else SLOW[name])
    TERMINALS.clear()


def horizon_km(height_m: float) -> float:
    terminal = Terminal(h_r__km=height_m / 1e3)
    kept(1000.0, terminal)
    return terminal.d_r__km


def slant_km(distance_km: float, low_m: float, high_m: float) -> float:
    low, high = RADIUS_KM + low_m / 1e3, RADIUS_KM + high_m / 1e3
    return math.sqrt((high - low) ** 2 + 4.0 * low * high * math.sin(0.5 * distance_km / RADIUS_KM) ** 2)


def excess_db(
    distance_km: float, low_m: float, high_m: float, frequency: float, percent: float, polarisation: int
) -> float:
    if low_m == high_m:  # between equal heights the port's trace has no length
        low_m, high_m = (low_m, low_m * 1.01) if low_m < 10_000 else (high_m / 1.01, high_m)
    loss = MODEL.p528(distance_km, low_m, high_m, frequency, polarisation, percent).A__db
    return loss - 20 * math.log10(frequency * slant_km(distance_km, low_m, high_m)) - 32.4478


def distances_km(low_m: float, high_m: float) -> list[float]:
    edge = horizon_km(low_m) + horizon_km(high_m)
    near = [max(min(u * edge, edge - 0.01), 0.05) for u in SHARE]
    return near + [edge + past for past in PAST_KM]


def check() -> None:
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(60):
        f = float(rng.choice(FREQUENCY_MHZ))
        low, high = sorted(rng.choice(HEIGHT_M, 2))
        d = float(rng.choice(distances_km(low, high)))
        speed_up(True)
        polarisation = int(rng.choice(POLARISATION))
        fast = excess_db(d, low, high, f, 50, polarisation)
        speed_up(False)
        worst = max(worst, abs(fast - excess_db(d, low, high, f, 50, polarisation)))
    print(f"quick against the port itself, 60 places: {worst:.5f} dB at most")
    assert worst < 0.02


def main(out: str) -> None:
    check()
    speed_up(True)
    begin = time.process_time()
    n = len(HEIGHT_M)
    pairs = [(a, b) for a in range(n) for b in range(a, n)]
    cases = [(i, k) for i in range(len(POLARISATION)) for k in range(len(PERCENT))]
    shape = (len(POLARISATION), len(PERCENT), len(FREQUENCY_MHZ), len(pairs), len(SHARE) + len(PAST_KM))
    table = np.zeros(shape, dtype=np.int16)
    for row, (a, b) in enumerate(pairs):
        for k, d in enumerate(distances_km(HEIGHT_M[a], HEIGHT_M[b])):
            for j, f in enumerate(FREQUENCY_MHZ):
                for i, q in cases:
                    ends = HEIGHT_M[a], HEIGHT_M[b]
                    value = excess_db(d, *ends, float(f), PERCENT[q], POLARISATION[i])
                    table[i, q, j, row, k] = round(100 * value)
    print(f"{table.size} losses in {time.process_time() - begin:.0f} s", flush=True)
    heights = np.concatenate([np.geomspace(1.5, 100.0, 20), np.geomspace(120.0, 20_000.0, 60)])
    np.savez_compressed(
        out,
        excess_cdb=table[0],
        horizontal_cdb=table[1] - table[0],
        frequency_hz=np.array(FREQUENCY_MHZ) * 1e6,
        height_m=np.array(HEIGHT_M, dtype=float),
        share=np.array(SHARE),
        past_m=np.array(PAST_KM) * 1e3,
        percent=np.array(PERCENT, dtype=float),
        horizon_height_m=heights,
        horizon_m=np.array([horizon_km(h) for h in heights]) * 1e3,
        provenance=np.array("Recommendation ITU-R P.528-5, by p528 0.1.0 (MIT); design/p528_table.py"),
    )


if __name__ == "__main__":
    main(sys.argv[1])

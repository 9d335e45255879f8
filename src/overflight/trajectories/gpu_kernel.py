"""What one thread of a graphics processor does: carry one particle at constant pressure.

Functions of the processor, compiled for the device: the wind, the air and the waves of its error are those of
`overflight.winds`, the steps those of `overflight.trajectories.kernels`. Imported by `gpu` at the first use,
for it brings numba's CUDA.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import cuda

from overflight.compiled import compiled
from overflight.trajectories.gpu import (
    DIRECTION,
    ERROR_EVERY_S,
    HELD_UNTIL,
    LOG_P,
    ORIGIN_S,
    SD_U,
    SD_V,
    STEP_S,
    TIME,
)
from overflight.trajectories.steps import NOT_FINITE, lonlat_of
from overflight.units import WGS84_A_M, WGS84_F
from overflight.winds.error_waves import TURNS_PER_RADIAN, sine_cosine
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.interpolate import wind_at
from overflight.winds.thermo import thermo_at

# A particle that loses the wind is carried to within this of the border of the data, s.
EDGE_S: Final = 0.1
# First eccentricity squared of WGS-84.
_E2: Final = WGS84_F * (2.0 - WGS84_F)


@compiled
def drift_rate(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    settings: Float64s,
    ex: float,
    ey: float,
    ez: float,
    t: float,
    logp: float,
    x: float,
    y: float,
    z: float,
) -> tuple[float, float, float, int]:
    """Return dn/dt of a particle that drifts at constant pressure, and a status, 0 good.

    The same as `steps.rates_at` with no term; (ex, ey, ez) is the wind's error in unit variance.
    """
    flat = math.hypot(x, y)
    length = math.sqrt(flat * flat + z * z)
    if not 0.5 < length < 2.0:
        return 0.0, 0.0, 0.0, NOT_FINITE
    sin, cos = z / length, flat / length
    sin_lon, cos_lon = 0.0, 1.0
    if flat > 0.0:
        sin_lon, cos_lon = y / flat, x / flat
    lo, la = lonlat_of(x, y, z)
    u, v, u_sd, v_sd, status = wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    if status != 0:
        return 0.0, 0.0, 0.0, status
    _, alt, status = thermo_at(time_s, log_p, lat, lon, periodic, steady, thermo, t, logp, la, lo)
    if status != 0:
        return 0.0, 0.0, 0.0, status
    if not math.isnan(settings[SD_U]):
        u_sd, v_sd = settings[SD_U], settings[SD_V]
    u += (cos_lon * ey - sin_lon * ex) * u_sd
    v += (cos * ez - sin * (cos_lon * ex + sin_lon * ey)) * v_sd
    w2 = 1.0 - _E2 * sin * sin
    w = math.sqrt(w2)
    east = u / (WGS84_A_M / w + alt)
    north = v / (WGS84_A_M * (1.0 - _E2) / (w2 * w) + alt)
    return -sin_lon * east - sin * cos_lon * north, cos_lon * east - sin * sin_lon * north, cos * north, 0


@compiled
def drift_step(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    settings: Float64s,
    ex: float,
    ey: float,
    ez: float,
    t: float,
    dt: float,
    logp: float,
    x: float,
    y: float,
    z: float,
) -> tuple[float, float, float, int]:
    """Make one Runge-Kutta step: the new normal and a status, 0 good."""
    sx = sy = sz = dx = dy = dz = 0.0
    for stage in range(4):
        share = 0.0 if stage == 0 else (1.0 if stage == 3 else 0.5)
        weight = (1.0 if stage == 0 or stage == 3 else 2.0) / 6.0
        dx, dy, dz, status = drift_rate(
            time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, ex, ey, ez,
            t + share * dt, logp, x + share * dt * dx, y + share * dt * dy, z + share * dt * dz,
        )  # fmt: skip
        if status != 0:
            return x, y, z, status
        sx, sy, sz = sx + weight * dx, sy + weight * dy, sz + weight * dz
    x, y, z = x + dt * sx, y + dt * sy, z + dt * sz
    length = math.sqrt(x * x + y * y + z * z)
    if not 0.5 < length < 2.0:
        return x, y, z, NOT_FINITE
    return x / length, y / length, z / length, 0


@compiled
def field_vector(
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    one: int,
    since: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, float]:
    """Return `error_waves.error_vector` of one member, without the scratch that a device has none for."""
    phi, lam = math.radians(la), math.radians(lo)
    x, y, z = math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
    a = b = c = 0.0
    for f in range(waves.shape[2]):
        angle = waves[one, 0, f] * x + waves[one, 1, f] * y + waves[one, 2, f] * z + waves[one, 3, f] * logp
        sin, cos = sine_cosine((angle + waves[one, 4, f] * since) * TURNS_PER_RADIAN)
        a += cos * cosines[one, 0, f] + sin * sines[one, 0, f]
        b += cos * cosines[one, 1, f] + sin * sines[one, 1, f]
        c += cos * cosines[one, 2, f] + sin * sines[one, 2, f]
    return a, b, c


@compiled
def next_sample_at(time_s: Float64s, t: float, direction: float) -> float:
    """Return the next time of the wind's axis beyond t in the direction of the run; ±inf for none."""
    low, high = 0, time_s.size
    while low < high:
        middle = (low + high) // 2
        if time_s[middle] < t or (direction > 0.0 and time_s[middle] == t):
            low = middle + 1
        else:
            high = middle
    at = low if direction > 0.0 else low - 1
    return time_s[at] if 0 <= at < time_s.size else direction * math.inf


@compiled
def drift_to(
    until: float,
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
    i: int,
    state: Float64s,
    held: Float64s,
) -> int:
    """Carry particle i to `until`, changing state (5, N) and held (4, N or 0); return a status, 0 good."""
    direction, every = settings[DIRECTION], settings[ERROR_EVERY_S]
    x, y, z, logp, t = state[0, i], state[1, i], state[2, i], state[LOG_P, i], state[TIME, i]
    status = 0
    while status == 0 and direction * (until - t) > 0.0:
        ex = ey = ez = 0.0
        mark = until
        if held.shape[1] > 0:
            if direction * (held[HELD_UNTIL, i] - t) <= 0.0:
                dx, dy, dz, status = drift_rate(
                    time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, 0.0, 0.0, 0.0,
                    t, logp, x, y, z,
                )  # fmt: skip
                if status != 0:
                    break
                half = 0.5 * direction * every
                lo, la = lonlat_of(x + half * dx, y + half * dy, z + half * dz)
                one = i if waves.shape[0] > 1 else 0
                since = t + half - settings[ORIGIN_S]
                ex, ey, ez = field_vector(waves, cosines, sines, one, since, logp, la, lo)
                held[0, i], held[1, i], held[2, i], held[HELD_UNTIL, i] = ex, ey, ez, t + 2.0 * half
            ex, ey, ez = held[0, i], held[1, i], held[2, i]
            if direction * (mark - held[HELD_UNTIL, i]) > 0.0:
                mark = held[HELD_UNTIL, i]
        if not steady:
            sample = next_sample_at(time_s, t, direction)
            if direction * (mark - sample) > 0.0:
                mark = sample
        count = math.ceil(abs(mark - t) / settings[STEP_S] - 1e-9)
        dt = mark - t if count <= 1 else (mark - t) / count
        nx, ny, nz, status = drift_step(
            time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, ex, ey, ez,
            t, dt, logp, x, y, z,
        )  # fmt: skip
        if status == 0:
            x, y, z = nx, ny, nz
            t = mark if count <= 1 else t + dt
            continue
        # The data end inside the step: halve towards their border.
        low, high = 0.0, dt
        while abs(high - low) > EDGE_S:
            middle = 0.5 * (low + high)
            nx, ny, nz, lost = drift_step(
                time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, ex, ey, ez,
                t, middle, logp, x, y, z,
            )  # fmt: skip
            if lost != 0:
                high = middle
            else:
                low = middle
        if low != 0.0:
            x, y, z, _ = drift_step(
                time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, ex, ey, ez,
                t, low, logp, x, y, z,
            )  # fmt: skip
            t += low
    state[0, i], state[1, i], state[2, i], state[TIME, i] = x, y, z, t
    return status


@cuda.jit  # type: ignore[untyped-decorator]  # numba has no types
def carry(
    until: float,
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
    state: Float64s,
    held: Float64s,
    code: npt.NDArray[np.int32],
) -> None:
    """Carry every particle that moves (code 0) to a time; the kernel. See `drift_to`."""
    i = cuda.grid(1)  # type: ignore[attr-defined]  # made at run time
    if i < code.size and code[i] == 0:
        code[i] = drift_to(
            until, time_s, log_p, lat, lon, periodic, steady, field, thermo, waves, cosines, sines, settings,
            i, state, held,
        )  # fmt: skip

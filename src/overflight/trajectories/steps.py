"""One Runge-Kutta step of one particle, compiled: the rates of motion and the methods.

The state is `(x, y, z, log_p, s0, s1, s2)`: the unit normal of the WGS-84 ellipsoid under the particle (the
"n-vector"; the poles and the date line are ordinary places), the natural logarithm of the pressure, and what
the balloon has in store (ballast in kg, energy in J, a third for a term of its own). With a motion `east` and
`north` over the ground and `up` relative to the surfaces of constant pressure,

    dn/dt     = east_vector * east / (N + h) + north_vector * north / (M + h)
    d log_p/dt = -up * g(h) / (R_d T)

where N and M are the radii of curvature in the prime vertical and in the meridian, h the altitude, g gravity
at it and T the temperature. The pressure of a particle that does not climb is held exactly.

The horizontal motion is the wind, its error, and what the balloon adds; `overflight.balloons.rates.rate`
gives the last. A method is a table of Butcher's: `RK4` for fixed steps; `DP54` (Dormand and Prince 1980), of
fifth order with an error estimate, where the error chooses the step.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from overflight.atmosphere import DRY_AIR_J_PER_KG_K, EFFECTIVE_EARTH_RADIUS_M, STANDARD_GRAVITY_MPS2
from overflight.balloons.codes import PLAIN
from overflight.balloons.rates import sum_of_terms
from overflight.compiled import compiled, inlined
from overflight.units import WGS84_A_M, WGS84_F
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.schemes import scheme_wind_at
from overflight.winds.thermo import thermo_at

Int64s = npt.NDArray[np.int64]

# Size of the state, and its rows in the scratch of a step: where it begins, what comes out, a stage.
VALUES: Final = 7
LOG_P: Final = 3
FROM, TO, STAGE, SLOPES = 0, 1, 2, 3
# Settings of a run, one row of floats: +1 or -1; the longest step; the error a step may have (0: steps are
# fixed) and the order of the result it goes with; how far below the lowest level the air is held, in log p;
# the errors' origin of time, their sizes (NaN: the grid's spread), and how long each is held.
DIRECTION, STEP_S, TOLERANCE_M, ORDER, HOLD, ORIGIN_S, SD_U, SD_V, ERROR_EVERY_S = range(9)
SETTINGS: Final = 9
# What a particle is at: the time, when its stage began, the wind's error as a vector of unit variance, and
# the air at the log p where it was last asked for: a float stays on one.
T, BEGAN, EX, EY, EZ, AIR_LOG_P, AIR_K, AIR_M = range(8)
JOB: Final = 8
# Where the air is still held below the lowest level, a metre is this much of log p (a scale height of 8 km).
HOLD_SCALE_M: Final = 8000.0
# First eccentricity squared of WGS-84.
_E2: Final = WGS84_F * (2.0 - WGS84_F)
# Beyond the codes of `winds.interpolate.WIND_STATUS`: no air, and numbers that ran away.
NO_AIR, NOT_FINITE = 6, 7


class Method(NamedTuple):
    """Butcher's table of S stages as one array (S, S + 3), and the order of its result.

    Row j holds how the slopes so far are mixed for stage j, then how much slope j counts in the result, when
    it is taken (share of the step), and how much it counts in the difference to the embedded result of one
    order less (zero where there is none).
    """

    table: Float64s
    order: int


def _method(a: list[list[float]], b: list[float], c: list[float], low: list[float], order: int) -> Method:
    stages = len(b)
    table = np.zeros((stages, stages + 3))
    for i, row in enumerate(a):
        table[i, : len(row)] = row
    table[:, stages], table[:, stages + 1] = b, c
    table[:, stages + 2] = np.array(b) - np.array(low)
    return Method(table, order)


_RK4_B = [1 / 6, 1 / 3, 1 / 3, 1 / 6]
# The classical method.
RK4: Final = _method([[], [0.5], [0.0, 0.5], [0.0, 0.0, 1.0]], _RK4_B, [0.0, 0.5, 0.5, 1.0], _RK4_B, 4)
# J. R. Dormand, P. J. Prince: A family of embedded Runge-Kutta formulae, J. Comp. Appl. Math. 6 (1980) 19.
DP54: Final = _method(
    [
        [],
        [1 / 5],
        [3 / 40, 9 / 40],
        [44 / 45, -56 / 15, 32 / 9],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
        [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ],
    [35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0],
    [0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0],
    [5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40],
    5,
)


@compiled
def lonlat_of(x: float, y: float, z: float) -> tuple[float, float]:
    """Return longitude and latitude, degrees, of a normal of any length."""
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


@compiled
def air_at(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    hold: float,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, int]:
    """Return (temperature_k, alt_m, status); `thermo_at`, with the air held below the lowest level.

    `hold` is how far, in log p: the temperature of the lowest level goes on and the height falls with it.
    """
    below = logp - log_p[-1]
    if thermo.size == 0 or not 0.0 < below <= hold:
        temperature, alt, status = thermo_at(
            time_s, log_p, lat, lon, periodic, steady, thermo, t, logp, la, lo
        )
        return temperature, alt, (NO_AIR if status != 0 and thermo.size == 0 else status)
    temperature, alt, status = thermo_at(
        time_s, log_p, lat, lon, periodic, steady, thermo, t, log_p[-1], la, lo
    )
    return temperature, alt - below * DRY_AIR_J_PER_KG_K * temperature / STANDARD_GRAVITY_MPS2, status


@compiled
def rates_at(
    physics: bool | None,
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
    codes: Int64s,
    rows: Float64s,
    job: Float64s,
    t: float,
    work: Float64s,
    into: int,
) -> int:
    """Write the rates of the state `work[STAGE]` at t into `work[into]`; return a status, 0 good.

    `physics` is that of `sum_of_terms`. Then come a scheme's codes, a `PackedGrid` and its `pack_thermo`.
    `codes` (K,) and `rows` (K, P) are the terms of a stage; `settings` and `job` as the constants above say.
    """
    x, y, z, logp = work[STAGE, 0], work[STAGE, 1], work[STAGE, 2], work[STAGE, 3]
    flat = math.sqrt(x * x + y * y)
    length = math.sqrt(flat * flat + z * z)
    if not 0.5 < length < 2.0:
        return NOT_FINITE
    sin, cos = z / length, flat / length
    sin_lon, cos_lon = (y / flat, x / flat) if flat > 0.0 else (0.0, 1.0)
    lo, la = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, flat))
    wind_log_p = log_p[-1] if 0.0 < logp - log_p[-1] <= settings[HOLD] else logp
    u, v, u_sd, v_sd, status = scheme_wind_at(
        space, level, time, time_s, log_p, lat, lon, periodic, steady, field, t, wind_log_p, la, lo
    )
    if status != 0:
        return status
    if thermo.size == 0 and job[AIR_LOG_P] == logp and job[AIR_K] > 0.0:
        temperature, alt = job[AIR_K], job[AIR_M]
    else:
        temperature, alt, status = air_at(
            time_s, log_p, lat, lon, periodic, steady, thermo, settings[HOLD], t, logp, la, lo
        )
        if status != 0:
            return status
        job[AIR_LOG_P], job[AIR_K], job[AIR_M] = logp, temperature, alt
    if job[EX] != 0.0 or job[EY] != 0.0 or job[EZ] != 0.0:
        east = cos_lon * job[EY] - sin_lon * job[EX]
        north = cos * job[EZ] - sin * (cos_lon * job[EX] + sin_lon * job[EY])
        u += east * (u_sd if math.isnan(settings[SD_U]) else settings[SD_U])
        v += north * (v_sd if math.isnan(settings[SD_V]) else settings[SD_V])
    east, north, up, d0, d1, d2 = sum_of_terms(
        physics, codes, rows, t, t - job[BEGAN], lo, la, alt, logp, temperature, u, v,
        work[STAGE, 4], work[STAGE, 5], work[STAGE, 6],
    )  # fmt: skip
    w2 = 1.0 - _E2 * sin * sin
    w = math.sqrt(w2)
    east = (u + east) / (WGS84_A_M / w + alt)
    north = (v + north) / (WGS84_A_M * (1.0 - _E2) / (w2 * w) + alt)
    near = EFFECTIVE_EARTH_RADIUS_M / (EFFECTIVE_EARTH_RADIUS_M + alt)
    work[into, 0] = -sin_lon * east - sin * cos_lon * north
    work[into, 1] = cos_lon * east - sin * sin_lon * north
    work[into, 2] = cos * north
    work[into, 3] = -up * STANDARD_GRAVITY_MPS2 * near * near / (DRY_AIR_J_PER_KG_K * temperature)
    work[into, 4], work[into, 5], work[into, 6] = d0, d1, d2
    return 0


@inlined
def _step(
    physics: bool | None,
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
    dt: float,
    begin: int,
    work: Float64s,
) -> int:
    """Make a step as `take_step` says; `physics` is that of `sum_of_terms`."""
    stages = table.shape[0]
    for j in range(begin, stages):
        for k in range(VALUES):
            value = work[FROM, k]
            for i in range(j):
                value += dt * table[j, i] * work[SLOPES + i, k]
            work[STAGE, k] = value
        status = rates_at(
            physics, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings,
            codes, rows, job, job[T] + table[j, stages + 1] * dt, work, SLOPES + j,
        )  # fmt: skip
        if status != 0:
            return status
    total = 0.0
    for k in range(VALUES):
        value = 0.0
        for j in range(stages):
            value += table[j, stages] * work[SLOPES + j, k]
        work[TO, k] = work[FROM, k] + dt * value
        total += work[TO, k]
    length = math.sqrt(work[TO, 0] ** 2 + work[TO, 1] ** 2 + work[TO, 2] ** 2)
    if not (math.isfinite(total) and 0.5 < length < 2.0):
        return NOT_FINITE
    for k in range(3):
        work[TO, k] /= length
    return 0


@compiled
def take_step(
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
    dt: float,
    begin: int,
    work: Float64s,
) -> int:
    """Make a step from `work[FROM]` to `work[TO]`, dt later; return a status, 0 good.

    Slopes are kept in `work[SLOPES + j]`; `begin` is 1 where the first of them is there already.
    """
    return _step(
        True, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, table,
        codes, rows, job, dt, begin, work,
    )  # fmt: skip


@compiled
def take_plain_step(
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
    dt: float,
    begin: int,
    work: Float64s,
) -> int:
    """Make the same step for terms that are `PLAIN`: compiled in two thirds of the time."""
    return _step(
        None, space, level, time, time_s, log_p, lat, lon, periodic, steady, field, thermo, settings, table,
        codes, rows, job, dt, begin, work,
    )  # fmt: skip


@compiled
def step_error_m(table: Float64s, dt: float, work: Float64s) -> float:
    """Return the error estimate of the step just made, metres: the larger of across and up."""
    stages = table.shape[0]
    across = up = 0.0
    for k in range(4):
        value = 0.0
        for j in range(stages):
            value += table[j, stages + 2] * work[SLOPES + j, k]
        if k < 3:
            across += value * value
        else:
            up = abs(value)
    return abs(dt) * max(WGS84_A_M * math.sqrt(across), HOLD_SCALE_M * up)


class _Address(numba.types.WrapperAddressProtocol):
    """A compiled function as a value that other compiled functions call."""

    def __init__(self, compiled_function: Any, signature: Any) -> None:
        self._found = compiled_function.overloads[signature]

    def __wrapper_address__(self) -> int:
        return int(self._found.library.get_pointer_to_function(self._found.fndesc.llvm_cfunc_wrapper_name))

    def signature(self) -> Any:
        return self._found.signature


def stepper(codes: Int64s | None = None) -> _Address:
    """Return `take_step` for kernels to call; for a flight of the terms `codes`, the least that serves it.

    A kernel that calls another compiled function holds all of its code, so each of those that step would
    hold, and compile, all of the interpolation and the physics once more. The address is found again in each
    process; kernels that take it are cached on disk as others are.
    """
    return _stepper(codes is not None and bool(np.isin(codes, PLAIN).all()))


@lru_cache(maxsize=2)
def _stepper(plain: bool) -> _Address:
    of = numba.types
    axis, table, cells = of.float64[::1], of.float64[:, ::1], of.Array(of.float32, 5, "C")
    flag, number = of.boolean, of.int64
    signature = (
        number, number, number, axis, axis, axis, axis, flag, flag, cells, cells, axis, table,
        of.int64[::1], table, axis, of.float64, number, table,
    )  # fmt: skip
    step: Any = take_plain_step if plain else take_step
    step.doors.compile(signature)
    return _Address(step.doors, signature)

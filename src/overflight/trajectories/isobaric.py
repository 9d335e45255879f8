"""Carry particles at constant pressure: the fast path of the general solver.

A particle crosses a cell of the grid in many steps, so reading sixteen corners at each stage of each step is
the wrong cost to pay. Here every particle carries the sixteen numbers of the cell it is in (two columns, two
components, two times, and along the meridian the value and the difference), already interpolated to its
pressure, which never changes. A stage is then plain arithmetic on arrays, `LANES` particles at once, that the
compiler turns into vector instructions; only a particle that left its cell reads the grid again, on average
once in fourteen steps on a 1-degree field.

- **Place.** Each lane holds its cell and, in single precision, the place inside the cell in units of the
  cell, with the rounding of each step carried to the next (Kahan's sum), so that the position has twice the
  digits of its arithmetic.
- **Geometry.** Longitude and latitude move by u / ((N + h) cos lat) and v / (M + h) on WGS-84. Within one row
  of cells the first factor is a cubic in the place, the second is linear: tables instead of sines. A row
  where the cubic is off by more than `FIT_LIMIT` (the rows around a pole) is not fast.
- **Wind.** Linear in time, log-pressure, latitude and longitude with the corner vectors turned at high
  latitudes, as `winds.interpolate.wind_at` does it.
- **All else is exact.** A particle that comes to a row that is not fast, to the edge of the data or beside a
  missing value leaves the fast path at the beginning of that step and goes on by the normal vector in double
  precision with `wind_at` itself, which also says why a particle stops. It comes back to the fast path at
  the next call. A grid with uneven rows or columns is carried that way altogether.

Steps end at the times of the grid, where linear wind has a kink, and at the times to keep. A particle's
numbers depend on no other particle, so any number of threads gives the same bytes.

Agreement with the general solver after five days of 300 s steps through a made 1-degree field of waves down
to 9 degrees: 0.3 m at the median, 2 m at 90 %, 11 m at 99 %; the error of the step itself is 10 m at the
median. Wind arrays that are not contiguous float32 are copied first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.extending import intrinsic

from overflight import atmosphere
from overflight.compiled import borrowed, compiled, over_members
from overflight.errors import LimitError, OverflightError
from overflight.trajectories.drift import kept_times
from overflight.units import WGS84_A_M, WGS84_F
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import (
    ANGLE_EDGE_DEG,
    TIME_EDGE_S,
    TURN_FROM_DEG,
    TURN_FULL_DEG,
    pack,
    wind_at,
)

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int8]
Vector = tuple[float, float, float]
F = TypeVar("F", bound=Callable[..., object])

# Particles that go through the arithmetic together: four vectors of eight hide the latency of one.
LANES = 32

# Steps of one call: a particle that left the fast path comes back to it after at most so many.
CALL_STEPS = 72

# The greatest relative error of the table of 1/cos in a row that is fast. At 1 degree it reaches to 84.
FIT_LIMIT = 1e-5

MAX_STEPS = 2_000_000

# The code of `WIND_STATUS` for a run that outlasts the data.
OUTSIDE_TIME = 1

# Cells a stage may look away from its own; beyond it the wind is no wind of this Earth.
_FAR = 1000.0

_E2 = WGS84_F * (2.0 - WGS84_F)

# Rows of the lanes' scratch, each `LANES` long: place in the cell and what rounding left of it, place of the
# stage, rate of the last stage, weighted sum of rates, ...
FX, FY, CX, CY, WX, WY, KX, KY, SX, SY = (row * LANES for row in range(10))
# ... the wind of the cell: for west and east, u and v, both times: value at the south, difference north, ...
WIND = 10 * LANES
# ... the table of the row (see `_row_table`), the weight of the upper level, and the height.
ROW = 26 * LANES
F0, F1, F2, F3, G0, G1, Q0, Q1, TURN = (ROW + row * LANES for row in range(9))
LEVEL_WEIGHT, HEIGHT = (35 * LANES, 36 * LANES)
SCRATCH = 37 * LANES
# Rows of the lanes' whole numbers.
IX, IY, LEVEL, PARTICLE, PARKED = (row * LANES for row in range(5))

_ZERO, _HALF, _ONE, _SIXTH = (np.float32(x) for x in (0.0, 0.5, 1.0, 1.0 / 6.0))

# The classical Runge-Kutta step: where in the step its four stages lie, and their weights.
_AT = np.array([0.0, 0.5, 0.5, 1.0], np.float32)
_WEIGHT = np.array([1.0, 2.0, 2.0, 1.0], np.float32) * _SIXTH


class Carried(NamedTuple):
    """What became of N particles: positions at the K kept times, and the ends.

    `lon_deg` in [-180, 180), `lat_deg` (N, K), NaN from where a particle stopped; `status` (N, K) int8 is 0
    or a code of `winds.interpolate.WIND_STATUS`. `end_time_s`, `end_lon_deg`, `end_lat_deg` (N,): the last
    place known and its time, which is the end of the run or the beginning of the step that found no wind.
    """

    lon_deg: Float64s
    lat_deg: Float64s
    status: Codes
    end_time_s: Float64s
    end_lon_deg: Float64s
    end_lat_deg: Float64s


class _Plan(NamedTuple):
    """The steps of one call: pieces of equal steps, each ending at a kept time (its column) or not (-1)."""

    time_s: Float64s
    step_s: Float64s
    steps: Int64s
    column: Int64s


class _Field(NamedTuple):
    """A grid as the kernels take it.

    `rows` is the table of `_row_table`; `rim_deg` are the latitudes with the poles that `pack` adds, and
    `south`, `north` (T, L, X, 4) the winds there, of no length where it adds none. `sphere_m` is 0 on the
    ellipsoid.
    """

    u: Float32s
    v: Float32s
    time_s: Float64s
    levels: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    periodic: bool
    rows: Float32s
    rim_deg: Float64s
    south: Float32s
    north: Float32s
    sphere_m: float


class _Particles(NamedTuple):
    """The state, one a particle: written by every call."""

    lon_deg: Float64s
    lat_deg: Float64s
    log_p: Float64s
    alt_m: Float64s
    time_s: Float64s
    status: Codes
    parked: Int32s


class _Kept(NamedTuple):
    lon_deg: Float64s
    lat_deg: Float64s
    status: Codes


def advect_isobaric(
    winds: Grid | Iterable[Grid],
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    time_start: float,
    time_end: float,
    *,
    step_s: float = 300.0,
    keep_s: npt.ArrayLike | None = None,
    alt_m: npt.ArrayLike | None = None,
    radius_m: float | None = None,
) -> Carried:
    """Carry particles at constant pressure from `time_start` to `time_end`, backward when that is earlier.

    Parameters
    ----------
    winds : a grid, or grids that follow one another in the direction of the run, each beginning (in that
        direction) where the one before ends; they are taken from the iterator one at a time, so a field
        larger than memory streams through.
    lon_deg, lat_deg, pressure_pa : starting places, degrees and pascals; they broadcast to (N,).
    step_s : the largest step. Steps are shortened so that each kept time and each time of the grid is hit.
    keep_s : times to keep, in the order of the run and within it; start and end when None.
    alt_m : height above WGS-84 at which the wind acts, one or (N,). That of the pressure in the standard
        atmosphere when None; an error of 1 km in it changes the drift by 0.016 %.
    radius_m : move on a sphere of this radius instead of the ellipsoid, whatever the height.

    Raises
    ------
    OverflightError
        When a time, a place or the step cannot be used.
    LimitError
        When the run would take more than `MAX_STEPS` steps.
    """
    state = _particles(lon_deg, lat_deg, pressure_pa, time_start, alt_m if radius_m is None else 0.0)
    kept_s = kept_times(time_start, time_end, keep_s)
    _check_step(step_s, time_start, time_end, kept_s.size)
    shape = (state.lon_deg.size, kept_s.size)
    kept = _Kept(np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int8))
    if kept_s[0] == time_start:
        kept.lon_deg[:, 0], kept.lat_deg[:, 0] = _wrap(state.lon_deg), state.lat_deg
    reached = float(time_start)
    for grid in (winds,) if isinstance(winds, Grid) else winds:
        reached = _through_grid(grid, reached, time_end, kept_s, abs(step_s), state, kept, radius_m)
        if reached == time_end:
            break
    _write_ends(state, kept, kept_s, reached, time_end, 1.0 if time_end >= time_start else -1.0)
    return Carried(*kept, state.time_s, _wrap(state.lon_deg), state.lat_deg)


def _through_grid(
    grid: Grid,
    begin: float,
    time_end: float,
    kept_s: Float64s,
    step_s: float,
    state: _Particles,
    kept: _Kept,
    radius_m: float | None,
) -> float:
    """Carry the particles as far as a grid reaches; returns the time reached."""
    field = _field(grid, radius_m)
    for pair, until in _pairs(grid, begin, time_end):
        for plan in _plans(begin, until, kept_s, step_s):
            _call(field, pair, plan, state, kept)
        begin = until
    return begin


def _call(field: _Field, pair: tuple[int, int], plan: _Plan, state: _Particles, kept: _Kept) -> None:
    """Carry all particles through one plan: on the fast path, then those that left it exactly."""
    f = field
    first, last = pair
    first_s, last_s = float(f.time_s[first]), float(f.time_s[last])
    u, v = f.u.reshape(-1), f.v.reshape(-1)
    moving = np.flatnonzero(state.status == 0)
    moving = moving[np.argsort(_cell(f, state, moving))]

    def fast(begin: int, end: int) -> None:
        particles, kept_lon, kept_lat = moving[begin:end], kept.lon_deg, kept.lat_deg
        lat, lon, levels, rows, periodic = f.lat_deg, f.lon_deg, f.levels, f.rows, f.periodic
        _fast(
            *(particles, *state, u, v, first, last, first_s, last_s),
            *(lat, lon, levels, rows, periodic, *plan, kept_lon, kept_lat),
        )

    over_members(fast, moving.size)
    left = moving[state.parked[moving] >= 0]

    def exact(begin: int, end: int) -> None:
        particles, kept_lon, kept_lat = left[begin:end], kept.lon_deg, kept.lat_deg
        lat, lon, levels, periodic, sphere_m = f.rim_deg, f.lon_deg, f.levels, f.periodic, f.sphere_m
        _exact(
            *(particles, *state, f.u, f.v, f.south, f.north, first, last, first_s, last_s),
            *(lat, lon, levels, periodic, sphere_m, *plan, kept_lon, kept_lat),
        )

    if left.size:
        over_members(exact, left.size)


def _cell(field: _Field, state: _Particles, which: Int64s) -> Int32s:
    """Number of the cell of each particle: neighbours in the order of it read the same memory."""
    row = np.searchsorted(field.lat_deg, state.lat_deg[which])
    turn = (state.lon_deg[which] - field.lon_deg[0]) % 360.0
    cell: Int32s = (row * field.lon_deg.size + turn * (field.lon_deg.size / 360.0)).astype(np.int32)
    return cell


def _pairs(grid: Grid, begin: float, end: float) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield the two times of the grid about each part of the run, and where the part ends."""
    time, last = grid.time_s, grid.time_s.size - 1
    if grid.steady and last == 0:
        yield (0, 0), end
        return
    forward = end > begin
    if not time[0] - TIME_EDGE_S <= begin <= time[last] + TIME_EDGE_S:
        return
    index = int(np.searchsorted(time, begin, "right" if forward else "left")) - 1
    index = max(index, 0) if forward else min(index, last - 1)
    while begin != end and 0 <= index < last:
        until = min(float(time[index + 1]), end) if forward else max(float(time[index]), end)
        if until != begin:
            yield (index, index + 1), until
        begin = until
        index += 1 if forward else -1


def _plans(begin: float, end: float, kept_s: Float64s, step_s: float) -> Iterator[_Plan]:
    """Yield the steps from `begin` to `end`, not more than `CALL_STEPS` at a time."""
    low, high = min(begin, end), max(begin, end)
    inner = np.flatnonzero(
        (kept_s > low) & (kept_s <= high) if end > begin else (kept_s >= low) & (kept_s < high)
    )
    columns = {float(kept_s[i]): int(i) for i in inner}
    edges = [begin, *(t for t in columns if t != end), end]
    pieces: list[tuple[float, float, int, int]] = []
    for a, b in itertools.pairwise(edges):
        count = math.ceil(abs(b - a) / step_s)
        for done in range(0, count, CALL_STEPS):
            part = min(CALL_STEPS, count - done)
            column = columns.get(b, -1) if done + part == count else -1
            if sum(piece[2] for piece in pieces) + part > CALL_STEPS:
                yield _plan(pieces)
                pieces = []
            pieces.append((a + (b - a) * done / count, (b - a) / count, part, column))
    if pieces:
        yield _plan(pieces)


def _plan(pieces: list[tuple[float, float, int, int]]) -> _Plan:
    time, step, steps, column = zip(*pieces, strict=True)
    return _Plan(np.array(time), np.array(step), np.array(steps, np.int64), np.array(column, np.int64))


def _write_ends(
    state: _Particles, kept: _Kept, kept_s: Float64s, reached: float, end: float, direction: float
) -> None:
    """Write when those still moving ended, and nothing after the end of those that stopped."""
    moving = state.status == 0
    state.time_s[moving] = reached
    if reached != end:
        state.status[moving] = OUTSIDE_TIME
    stopped = np.flatnonzero(state.status)
    for column, time_s in enumerate(kept_s if stopped.size else ()):
        late = stopped[direction * (time_s - state.time_s[stopped]) > 0.0]
        kept.lon_deg[late, column] = kept.lat_deg[late, column] = np.nan
        kept.status[late, column] = state.status[late]


def _particles(
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    time_start: float,
    alt_m: npt.ArrayLike | None,
) -> _Particles:
    given = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (lon_deg, lat_deg, pressure_pa)))
    lon, lat, pressure = (part.ravel() for part in given)
    if not np.isfinite(lon).all() or not (np.abs(lat) <= 90.0).all():
        raise OverflightError(
            "a starting place is not a longitude and a latitude", remedy="Give degrees, latitude within ±90."
        )
    if not (np.isfinite(pressure) & (pressure > 0.0)).all():
        raise OverflightError("a pressure is not above zero", remedy="Give pascals: 50 hPa is 5000.")
    height = atmosphere.alt_from_pressure(pressure) if alt_m is None else np.asarray(alt_m, np.float64)
    n = lon.size
    return _Particles(
        lon.copy(),
        lat.copy(),
        np.log(pressure),
        np.broadcast_to(height, (n,)).astype(np.float64),
        np.full(n, float(time_start)),
        np.zeros(n, np.int8),
        np.zeros(n, np.int32),
    )


def _check_step(step_s: float, time_start: float, time_end: float, kept: int) -> None:
    step = abs(float(step_s))
    if not (math.isfinite(step) and step > 0.0):
        raise OverflightError(f"the step is {step_s} s", remedy="Give a step above zero, such as 300 s.")
    steps = math.ceil(abs(time_end - time_start) / step) + kept
    if steps > MAX_STEPS:
        raise LimitError(
            f"the run takes {steps} steps, the limit is {MAX_STEPS}", remedy="Take a longer step."
        )


def _wrap(lon_deg: Float64s) -> Float64s:
    # The float below 180 rounds up in the sum and would come out below -180.
    wrapped: Float64s = np.maximum(lon_deg - 360.0 * np.floor((lon_deg + 180.0) / 360.0), -180.0)
    return wrapped


def _field(grid: Grid, radius_m: float | None) -> _Field:
    south, north = _pole_row(grid, 0), _pole_row(grid, -1)
    rim = np.concatenate([[-90.0][: south.size], grid.lat_deg, [90.0][: north.size]])
    return _Field(
        np.require(grid.u_mps, np.float32, ("C", "W")),
        np.require(grid.v_mps, np.float32, ("C", "W")),
        grid.time_s,
        np.log(grid.pressure_pa.astype(np.float64)),
        np.require(grid.lat_deg, np.float64, ("C", "W")),
        np.require(grid.lon_deg, np.float64, ("C", "W")),
        bool(grid.periodic),
        _row_table(grid, radius_m),
        rim,
        south,
        north,
        radius_m or 0.0,
    )


def _pole_row(grid: Grid, pole: int) -> Float32s:
    """Return the wind that `winds.interpolate.pack` adds at the first (0) or last (-1) row: (T, L, X, 4)."""
    part = slice(None, 2) if pole == 0 else slice(-2, None)
    cap = Grid(
        time_s=grid.time_s,
        pressure_pa=grid.pressure_pa,
        lat_deg=grid.lat_deg[part],
        lon_deg=grid.lon_deg,
        u_mps=grid.u_mps[:, :, part],
        v_mps=grid.v_mps[:, :, part],
        periodic=grid.periodic,
    )
    packed = pack(cap)
    added = packed.lat_deg.size > cap.lat_deg.size
    return np.ascontiguousarray(packed.field[:, :, pole]) if added else np.zeros((0, 0, 0, 0), np.float32)


def _row_table(grid: Grid, radius_m: float | None) -> Float32s:
    """Return what a lane needs of the row of cells north of each latitude: (Y - 1, 12).

    Columns: columns moved by a metre eastward as a cubic in the place in the cell, rows moved by a metre
    northward as a line, both at no height; the share of the turning at the southern edge and its growth to
    the northern; the angle between two columns, signed by hemisphere; 1 / N and 1 / M; 1 where the fast
    path may go. All zero where rows or columns are uneven.
    """
    lat, lon = grid.lat_deg, grid.lon_deg
    table = np.zeros((max(lat.size - 1, 0), 12), np.float32)
    if not (_even(lat) and _even(lon)) or (
        grid.periodic and abs(360.0 / lon.size - (lon[1] - lon[0])) > ANGLE_EDGE_DEG
    ):
        return table
    dlat, dlon = lat[1] - lat[0], lon[1] - lon[0]
    place = 0.5 - 0.5 * np.cos((2 * np.arange(4) + 1) * np.pi / 8)  # the roots of Chebyshev's polynomial
    south = lat[:-1, None]
    prime, meridian = _radii(south + dlat * place, radius_m)
    cos = np.cos(np.radians(south + dlat * place))
    powers = np.vander(place, 4, increasing=True)
    table[:, :4] = np.degrees(1.0 / (prime * cos)) / dlon @ np.linalg.inv(powers).T
    table[:, 4:6] = np.degrees(1.0 / meridian) / dlat @ np.linalg.pinv(powers[:, :2]).T
    sign = np.where(lat[:-1] + 0.5 * dlat >= 0.0, 1.0, -1.0)
    ramp = TURN_FULL_DEG - TURN_FROM_DEG
    table[:, 6] = (sign * lat[:-1] - TURN_FROM_DEG) / ramp
    table[:, 7] = sign * dlat / ramp
    table[:, 8] = -sign * math.radians(dlon)
    table[:, 9], table[:, 10] = 1.0 / prime.mean(axis=1), 1.0 / meridian.mean(axis=1)
    table[:, 11] = _cubic_error(table[:, :4], south, dlat, dlon, radius_m) < FIT_LIMIT
    return table


def _cubic_error(
    cubic: Float32s, south_deg: Float64s, dlat: float, dlon: float, radius_m: float | None
) -> Float64s:
    """Greatest relative error of each row's cubic."""
    fine = np.linspace(0.0, 1.0, 9)
    lat = south_deg + dlat * fine
    metres = np.radians(dlon) * _radii(lat, radius_m)[0] * np.cos(np.radians(lat))
    error: Float64s = np.abs(cubic @ np.vander(fine, 4, increasing=True).T * metres - 1.0).max(axis=1)
    return error


def _even(axis: Float64s) -> bool:
    return axis.size > 1 and bool(
        np.allclose(np.diff(axis), axis[1] - axis[0], rtol=0.0, atol=ANGLE_EDGE_DEG)
    )


def _radii(lat_deg: Float64s, radius_m: float | None) -> tuple[Float64s, Float64s]:
    """Radii of curvature in the prime vertical and in the meridian, metres."""
    if radius_m is not None:
        return np.full_like(lat_deg, radius_m), np.full_like(lat_deg, radius_m)
    w2 = 1.0 - _E2 * np.sin(np.radians(lat_deg)) ** 2
    return WGS84_A_M / np.sqrt(w2), WGS84_A_M * (1.0 - _E2) / w2**1.5


# --- the fast path -------------------------------------------------------------------------------------


def _inline(function: F) -> F:
    """Paste a function into the kernel that calls it.

    A call would count references to each array that it passes, with locked instructions that take longer
    than the work; measured, they halved the speed.
    """
    return cast(F, numba.njit(inline="always")(function))


def _fma_code(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), build


# a * b + c, rounded once: one instruction, which numba without `fastmath` never makes of the two.
_fma = cast(Callable[[Any, Any, Any], Any], intrinsic(_fma_code))


@_inline
def _move(s: Float32s, part: Any) -> bool:
    """Put the lanes where a stage looks, and return whether any has left its cell."""
    away = False
    for j in range(LANES):
        wx = _fma(part, s[KX + j], s[FX + j])
        wy = _fma(part, s[KY + j], s[FY + j])
        s[WX + j] = wx
        s[WY + j] = wy
        # Written so that a number that is none counts as away.
        away |= not ((wx >= _ZERO) & (wx <= _ONE) & (wy >= _ZERO) & (wy <= _ONE))
    return away


@_inline
def _between(s: Float32s, at: int, wy: Any, share: Any) -> Any:
    """One component at one column: linear in latitude at both times, then in time."""
    before = _fma(wy, s[at + LANES], s[at])
    after = _fma(wy, s[at + 3 * LANES], s[at + 2 * LANES])
    return _fma(share, after - before, before)


@_inline
def _rates(s: Float32s, share: Any, weight: Any, turning: bool) -> None:
    """Write the lanes' speeds at the stage, cells a second, and add them to the sum of the step."""
    for j in range(LANES):
        wx, wy = s[WX + j], s[WY + j]
        west_u = _between(s, WIND + j, wy, share)
        west_v = _between(s, WIND + 4 * LANES + j, wy, share)
        east_u = _between(s, WIND + 8 * LANES + j, wy, share)
        east_v = _between(s, WIND + 12 * LANES + j, wy, share)
        u0, v0, u1, v1 = west_u, west_v, east_u, east_v
        if turning:
            # Both columns are turned to the particle's meridian; sine and cosine of an angle below 0.1.
            turn = s[TURN + j] * min(max(_fma(wy, s[Q1 + j], s[Q0 + j]), _ZERO), _ONE)
            west, east = turn * wx, turn * wx - turn
            west2, east2 = west * west, east * east
            west_cos, west_sin = _fma(west2, -_HALF, _ONE), west * _fma(west2, -_SIXTH, _ONE)
            east_cos, east_sin = _fma(east2, -_HALF, _ONE), east * _fma(east2, -_SIXTH, _ONE)
            u0 = _fma(west_u, west_cos, -west_v * west_sin)
            v0 = _fma(west_u, west_sin, west_v * west_cos)
            u1 = _fma(east_u, east_cos, -east_v * east_sin)
            v1 = _fma(east_u, east_sin, east_v * east_cos)
        eastward = _fma(wy, _fma(wy, _fma(wy, s[F3 + j], s[F2 + j]), s[F1 + j]), s[F0 + j])
        kx = _fma(wx, u1 - u0, u0) * eastward
        ky = _fma(wx, v1 - v0, v0) * _fma(wy, s[G1 + j], s[G0 + j])
        s[KX + j] = kx
        s[KY + j] = ky
        s[SX + j] = _fma(weight, kx, s[SX + j])
        s[SY + j] = _fma(weight, ky, s[SY + j])


@_inline
def _finish(s: Float32s, step: Any) -> None:
    """Make the step, keeping what rounding leaves over, and clear the sums."""
    for j in range(LANES):
        x = _fma(step, s[SX + j], -s[CX + j])
        y = _fma(step, s[SY + j], -s[CY + j])
        to_x, to_y = s[FX + j] + x, s[FY + j] + y
        s[CX + j] = (to_x - s[FX + j]) - x
        s[CY + j] = (to_y - s[FY + j]) - y
        s[FX + j] = to_x
        s[FY + j] = to_y
        s[SX + j] = _ZERO
        s[SY + j] = _ZERO


@_inline
def _column(s: Float32s, at: int, part: Float32s, corner: int, level: int, row: int, upper: Any) -> None:
    """Read one component at one column and time: the value at the south and the step to the north."""
    south = _fma(upper, part[corner + level] - part[corner], part[corner])
    north = _fma(upper, part[corner + row + level] - part[corner + row], part[corner + row])
    s[at] = south
    s[at + LANES] = north - south


@_inline
def _load(
    s: Float32s,
    n: Int64s,
    j: int,
    u: Float32s,
    v: Float32s,
    before: int,
    after: int,
    columns: int,
    level_step: int,
    row: int,
    rows: Float32s,
) -> bool:
    """Read the cell of a lane and the table of its row; returns whether all its winds are there."""
    west = n[LEVEL + j] * (rows.shape[0] + 1) * columns + row * columns + n[IX + j]
    east = west + 1 if n[IX + j] + 1 < columns else west + 1 - columns
    at = WIND + j
    for column in (west, east):
        for part in (u, v):
            for time in (before, after):
                _column(s, at, part, time + column, level_step, columns, s[LEVEL_WEIGHT + j])
                at += 2 * LANES
    prime = _ONE / (_ONE + s[HEIGHT + j] * rows[row, 9])
    meridian = _ONE / (_ONE + s[HEIGHT + j] * rows[row, 10])
    for k in range(4):
        s[F0 + k * LANES + j] = rows[row, k] * prime
    for k in range(4, 6):
        s[F0 + k * LANES + j] = rows[row, k] * meridian
    for k in range(6, 9):
        s[F0 + k * LANES + j] = rows[row, k]
    total = _ZERO
    for k in range(WIND, ROW, LANES):
        total += s[k + j]
    return math.isfinite(total)


@_inline
def _park(s: Float32s, n: Int64s, j: int) -> None:
    """Stop a lane in the middle of a cell without wind."""
    s[FX + j] = s[FY + j] = s[WX + j] = s[WY + j] = _HALF
    s[KX + j] = s[KY + j] = _ZERO
    for row in range(WIND, ROW, LANES):
        s[row + j] = _ZERO
    n[IX + j] = n[IY + j] = 0


@_inline
def _relocate(
    s: Float32s,
    n: Int64s,
    fresh: bool,
    u: Float32s,
    v: Float32s,
    before: int,
    after: int,
    columns: int,
    level_step: int,
    rows: Float32s,
    periodic: bool,
) -> bool:
    """Give each lane that left its cell, or all, the numbers of its new one; returns whether any cannot."""
    lost = False
    for j in range(LANES):
        wx, wy = s[WX + j], s[WY + j]
        inside = (wx >= _ZERO) & (wx <= _ONE) & (wy >= _ZERO) & (wy <= _ONE)
        if inside and not fresh:
            continue
        if n[PARKED + j] >= 0:
            _park(s, n, j)
            continue
        near = (abs(wx) < _FAR) & (abs(wy) < _FAR)
        step_x = np.int64(wx) if near else 0
        step_y = np.int64(wy) if near else 0
        step_x -= wx < step_x
        step_y -= wy < step_y
        ix, iy = n[IX + j] + step_x, n[IY + j] + step_y
        if periodic:
            ix %= columns
        good = near and n[LEVEL + j] >= 0 and 0 <= iy < rows.shape[0] and 0 <= ix < columns
        good = good and (periodic or ix < columns - 1)
        if good:
            good = rows[iy, 11] > _ZERO
        if good:
            s[FX + j] -= np.float32(step_x)
            s[FY + j] -= np.float32(step_y)
            s[WX + j] = wx - np.float32(step_x)
            s[WY + j] = wy - np.float32(step_y)
            n[IX + j], n[IY + j] = ix, iy
            good = _load(s, n, j, u, v, before, after, columns, level_step, iy, rows)
        if not good:
            n[PARKED + j] = 0
            lost = True
    return lost


@_inline
def _turns(s: Float32s) -> bool:
    """Whether any lane is where the corner vectors are turned; elsewhere turning by nothing is left out."""
    found = False
    for j in range(LANES):
        found |= (s[Q0 + j] > _ZERO) | (s[Q0 + j] + s[Q1 + j] > _ZERO)
    return found


@compiled
def _below(axis: Float64s, x: float) -> int:
    """Return the node that begins the cell of x, or of the cell at the edge when x is outside."""
    low, high = 0, axis.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if axis[middle] <= x:
            low = middle
        else:
            high = middle
    return low


@_inline
def _enter(
    s: Float32s,
    n: Int64s,
    j: int,
    i: int,
    lon_deg: float,
    lat_deg: float,
    log_p: float,
    alt_m: float,
    lat: Float64s,
    lon: Float64s,
    levels: Float64s,
) -> None:
    """Put particle `i` in lane `j`; its cell is read by the first `_relocate`."""
    x = ((lon_deg - lon[0]) % 360.0) / (lon[1] - lon[0])
    y = (lat_deg - lat[0]) / (lat[1] - lat[0])
    n[IX + j], n[IY + j] = math.floor(x), math.floor(y)
    n[PARTICLE + j], n[PARKED + j], n[LEVEL + j] = i, -1, -1
    for row in range(WX, WIND, LANES):
        s[row + j] = _ZERO
    s[FX + j], s[FY + j] = x - n[IX + j], y - n[IY + j]
    s[CX + j] = np.float64(s[FX + j]) - (x - n[IX + j])
    s[CY + j] = np.float64(s[FY + j]) - (y - n[IY + j])
    s[HEIGHT + j] = alt_m
    s[LEVEL_WEIGHT + j] = _ZERO
    if levels.size == 1:
        n[LEVEL + j] = 0 if log_p == levels[0] else -1
    elif levels[0] <= log_p <= levels[-1]:
        below = _below(levels, log_p)
        n[LEVEL + j] = below
        s[LEVEL_WEIGHT + j] = (log_p - levels[below]) / (levels[below + 1] - levels[below])


@_inline
def _place(s: Float32s, n: Int64s, j: int, lat: Float64s, lon: Float64s) -> tuple[float, float]:
    """Longitude, in whatever turn, and latitude of a lane at the beginning of the step."""
    x = n[IX + j] + (np.float64(s[FX + j]) - np.float64(s[CX + j]))
    y = n[IY + j] + (np.float64(s[FY + j]) - np.float64(s[CY + j]))
    return lon[0] + x * (lon[1] - lon[0]), lat[0] + y * (lat[1] - lat[0])


@compiled
def _wrapped(lon_deg: float) -> float:
    return max(lon_deg - 360.0 * math.floor((lon_deg + 180.0) / 360.0), -180.0)


@_inline
def _leave(
    s: Float32s,
    n: Int64s,
    step: int,
    lon_deg: Float64s,
    lat_deg: Float64s,
    parked: Int32s,
    lat: Float64s,
    lon: Float64s,
) -> None:
    """Write where the lanes that `_relocate` could not serve began the step, and stop them."""
    for j in range(LANES):
        if n[PARKED + j] == 0:
            i = n[PARTICLE + j]
            lon_deg[i], lat_deg[i] = _place(s, n, j, lat, lon)
            parked[i] = step
            n[PARKED + j] = 1
            _park(s, n, j)


@compiled
def _fast(
    which: Int64s,
    lon_deg: Float64s,
    lat_deg: Float64s,
    log_p: Float64s,
    alt_m: Float64s,
    time_s: Float64s,
    status: Codes,
    parked: Int32s,
    u: Float32s,
    v: Float32s,
    first: int,
    last: int,
    first_s: float,
    last_s: float,
    lat: Float64s,
    lon: Float64s,
    levels: Float64s,
    rows: Float32s,
    periodic: bool,
    piece_time: Float64s,
    piece_step: Float64s,
    piece_steps: Int64s,
    piece_column: Int64s,
    kept_lon: Float64s,
    kept_lat: Float64s,
) -> None:
    """Carry particles through a plan; `parked` becomes -1, or the step before which one left."""
    if rows.shape[0] == 0 or lon.size < 2:
        for i in which:
            parked[i] = 0
        return
    scratch, whole = np.zeros(SCRATCH, np.float32), np.zeros(5 * LANES, np.int64)
    s, n = borrowed(scratch), borrowed(whole)
    u, v, rows = borrowed(u), borrowed(v), borrowed(rows)
    columns = lon.size
    level_step = lat.size * columns if levels.size > 1 else 0
    before, after = first * levels.size * lat.size * columns, last * levels.size * lat.size * columns
    rate = 1.0 / (last_s - first_s) if last_s != first_s else 0.0
    for block in range(0, which.size, LANES):
        for j in range(LANES):
            # The last block is filled up with its last particle, whose copies come out alike.
            i = which[min(block + j, which.size - 1)]
            _enter(s, n, j, i, lon_deg[i], lat_deg[i], log_p[i], alt_m[i], lat, lon, levels)
            parked[i] = -1
        fresh = True
        turning = False
        step = 0
        for piece in range(piece_time.size):
            length = np.float32(piece_step[piece])
            share = (piece_time[piece] - first_s) * rate
            growth = piece_step[piece] * rate
            for done in range(piece_steps[piece]):
                for stage in range(4):
                    if _move(s, _AT[stage] * length) or fresh:
                        lost = _relocate(
                            s, n, fresh, u, v, before, after, columns, level_step, rows, periodic
                        )
                        fresh = False
                        turning |= _turns(s)
                        if lost:
                            _leave(s, n, step, lon_deg, lat_deg, parked, lat, lon)
                    now = np.float32(share + growth * (done + np.float64(_AT[stage])))
                    _rates(s, now, _WEIGHT[stage], turning)
                _finish(s, length)
                step += 1
            column = piece_column[piece]
            if column >= 0:
                for j in range(LANES):
                    if n[PARKED + j] < 0:
                        x, y = _place(s, n, j, lat, lon)
                        kept_lon[n[PARTICLE + j], column] = _wrapped(x)
                        kept_lat[n[PARTICLE + j], column] = y
        for j in range(LANES):
            if n[PARKED + j] < 0:
                i = n[PARTICLE + j]
                lon_deg[i], lat_deg[i] = _place(s, n, j, lat, lon)
    scratch[0] = whole[0]  # the last use: numba may free an array after it


# --- the exact path ------------------------------------------------------------------------------------


class _Near(NamedTuple):
    """One cell of the grid as `wind_at` takes it, and which: the exact path reads the grid through it."""

    time_s: Float64s
    log_p: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    field: Float32s
    cell: Int64s


@compiled
def _column_below(lon: Float64s, periodic: bool, lo: float) -> int:
    """Return the column that begins the cell of a longitude."""
    offset = (lo - lon[0]) % 360.0
    if not periodic and 360.0 - offset <= ANGLE_EDGE_DEG:
        return 0
    if periodic and lon[0] + offset >= lon[-1]:
        return lon.size - 1
    return _below(lon, lon[0] + offset)


@compiled
def _read_cell(
    near: _Near,
    il: int,
    iy: int,
    ix: int,
    u: Float32s,
    v: Float32s,
    south: Float32s,
    north: Float32s,
    first: int,
    last: int,
    lat: Float64s,
    lon: Float64s,
    levels: Float64s,
) -> None:
    """Copy the corners of a cell; `lat` has the rows at the poles, which `u` and `v` have not."""
    near.cell[0], near.cell[1], near.cell[2] = il, iy, ix
    added = south.shape[0] > 0
    for kl in range(near.log_p.size):
        near.log_p[kl] = levels[il + kl]
    for ky in range(near.lat_deg.size):
        near.lat_deg[ky] = lat[iy + ky]
    for kx in range(near.lon_deg.size):
        near.lon_deg[kx] = lon[ix + kx] if ix + kx < lon.size else lon[0] + 360.0
    for kt in range(near.time_s.size):
        t = last if kt else first
        for kl in range(near.log_p.size):
            for ky in range(near.lat_deg.size):
                y = iy + ky - (1 if added else 0)
                for kx in range(near.lon_deg.size):
                    x = (ix + kx) % lon.size
                    for part in range(2):
                        if y < 0:
                            wind = south[t, il + kl, x, part]
                        elif y >= u.shape[2]:
                            wind = north[t, il + kl, x, part]
                        else:
                            wind = v[t, il + kl, y, x] if part else u[t, il + kl, y, x]
                        near.field[kt, kl, ky, kx, part] = wind


@compiled
def _turning(x: float, y: float, z: float, u: float, v: float, alt_m: float, sphere_m: float) -> Vector:
    """Return the rate of the normal vector; the place may be of any length."""
    flat = math.hypot(x, y)
    size = math.hypot(flat, z)
    sin, cos = z / size, flat / size
    sin_lon, cos_lon = (y / flat, x / flat) if flat > 0.0 else (0.0, 1.0)
    if sphere_m > 0.0:
        east, north = u / sphere_m, v / sphere_m
    else:
        w2 = 1.0 - _E2 * sin * sin
        prime = WGS84_A_M / math.sqrt(w2)
        east, north = u / (prime + alt_m), v / (prime * (1.0 - _E2) / w2 + alt_m)
    return -sin_lon * east - sin * cos_lon * north, cos_lon * east - sin * sin_lon * north, cos * north


@compiled
def _exact_step(
    n: Vector,
    t: float,
    h: float,
    logp: float,
    alt_m: float,
    near: _Near,
    u: Float32s,
    v: Float32s,
    south: Float32s,
    north: Float32s,
    first: int,
    last: int,
    lat: Float64s,
    lon: Float64s,
    levels: Float64s,
    periodic: bool,
    sphere_m: float,
) -> tuple[Vector, int]:
    """Return the normal vector one step on, or as it was and the code of the wind that was not there."""
    total = (0.0, 0.0, 0.0)
    k = (0.0, 0.0, 0.0)
    for stage in range(4):
        part = h * float(_AT[stage])
        x, y, z = n[0] + part * k[0], n[1] + part * k[1], n[2] + part * k[2]
        la, lo = math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
        il, iy, ix = _below(levels, logp), _below(lat, la), _column_below(lon, periodic, lo)
        if near.cell[0] != il or near.cell[1] != iy or near.cell[2] != ix:
            _read_cell(near, il, iy, ix, u, v, south, north, first, last, lat, lon, levels)
        u_mps, v_mps, _, _, code = wind_at(
            *(near.time_s, near.log_p, near.lat_deg, near.lon_deg, False, first == last, near.field),
            *(t + part, logp, la, lo),
        )
        if code != 0:
            return n, code
        k = _turning(x, y, z, u_mps, v_mps, alt_m, sphere_m)
        weight = h * (2.0 if stage in (1, 2) else 1.0) / 6.0
        total = (total[0] + weight * k[0], total[1] + weight * k[1], total[2] + weight * k[2])
    x, y, z = n[0] + total[0], n[1] + total[1], n[2] + total[2]
    size = math.sqrt(x * x + y * y + z * z)
    return (x / size, y / size, z / size), 0


@compiled
def _exact(
    which: Int64s,
    lon_deg: Float64s,
    lat_deg: Float64s,
    log_p: Float64s,
    alt_m: Float64s,
    time_s: Float64s,
    status: Codes,
    parked: Int32s,
    u: Float32s,
    v: Float32s,
    south: Float32s,
    north: Float32s,
    first: int,
    last: int,
    first_s: float,
    last_s: float,
    lat: Float64s,
    lon: Float64s,
    levels: Float64s,
    periodic: bool,
    sphere_m: float,
    piece_time: Float64s,
    piece_step: Float64s,
    piece_steps: Int64s,
    piece_column: Int64s,
    kept_lon: Float64s,
    kept_lat: Float64s,
) -> None:
    """Carry particles through the rest of a plan, from step `parked` on."""
    times = 1 if first == last else 2
    near = _Near(
        np.empty(times),
        np.empty(min(levels.size, 2)),
        np.empty(min(lat.size, 2)),
        np.empty(2 if periodic else min(lon.size, 2)),
        np.zeros((2, 2, 2, 2, 4), np.float32),
        np.full(3, -1),
    )
    near.time_s[0], near.time_s[-1] = first_s, last_s
    for i in which:
        near.cell[0] = -1
        la, lo = math.radians(lat_deg[i]), math.radians(lon_deg[i])
        n = (math.cos(la) * math.cos(lo), math.cos(la) * math.sin(lo), math.sin(la))
        step = 0
        for piece in range(piece_time.size):
            for done in range(piece_steps[piece]):
                if step >= parked[i] and status[i] == 0:
                    h = piece_step[piece]
                    t = piece_time[piece] + done * h
                    n, status[i] = _exact_step(
                        *(n, t, h, log_p[i], alt_m[i], near, u, v, south, north, first, last),
                        *(lat, lon, levels, periodic, sphere_m),
                    )
                    time_s[i] = t
                step += 1
            column = piece_column[piece]
            if column >= 0 and step > parked[i] and status[i] == 0:
                kept_lon[i, column] = _wrapped(math.degrees(math.atan2(n[1], n[0])))
                kept_lat[i, column] = math.degrees(math.atan2(n[2], math.hypot(n[0], n[1])))
        lon_deg[i] = math.degrees(math.atan2(n[1], n[0]))
        lat_deg[i] = math.degrees(math.atan2(n[2], math.hypot(n[0], n[1])))

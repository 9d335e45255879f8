"""Fly balloons through winds: the one call for all flights, winds and directions of time.

`fly` takes a flight (stages of terms and stops, `overflight.balloons`), winds (a grid, or anything that
hands out a grid for one window of time after the other), and where the particles start. It checks, lays all
of it out in arrays, and calls the compiled `kernels.advance` once a window. Particles do not know of one
another, so any number of threads, or of blocks, gives the same bytes.

What bounds the error, in the order of size: the wind itself; its interpolation (`winds.schemes`); the step.
Steps end on the samples of the wind, so the classical method keeps its fourth order in time; in space linear
interpolation has kinks that steps straddle, which costs metres in five days at 300 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from overflight import geo
from overflight.balloons.coded import CodedFlight, code, needs_begin
from overflight.balloons.terms import Flight
from overflight.compiled import over_members
from overflight.errors import InputError, LimitError, OverflightError
from overflight.trajectories import kernels, steps
from overflight.trajectories.drift import Track, advect, drift_sounding, integrate
from overflight.trajectories.stops import FINISHED, GROUND_UNKNOWN, MOVING, NOT_BEGUN, WAITING
from overflight.trajectories.tracks import AIR_HELD, NOT_YET, Tracks
from overflight.winds.error_waves import ErrorWaves
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import pack
from overflight.winds.schemes import Scheme, default_scheme
from overflight.winds.thermo import pack_thermo

__all__ = ["Track", "Windows", "advect", "drift_sounding", "fly", "integrate"]

# Steps of a run, fixed ones: of the length that reference 1° winds need, and the longest under a tolerance.
STEP_S: Final = 300.0
STEP_WITH_TOLERANCE_S: Final = 3600.0
STEP_SHORTEST_S: Final = 0.01
# A run of more steps than this a particle is refused.
STEPS_MOST: Final = 2_000_000
TOLERANCE_LEAST_M: Final = 1e-4
# Numbers that `fly` keeps: 5 values for each particle and kept time.
KEPT_MOST: Final = 2_000_000_000
# Particles between two reports of progress.
BLOCK: Final = 20_000


class Windows(Protocol):
    """Winds that come one window of time after the other."""

    def windows(self, begin: float, end: float) -> Iterable[tuple[Grid, float, float]]:
        """Yield (grid, t0, t1) in the order of the run, from `begin` to `end` (earlier for a run backward).

        Each grid holds the samples that its window's scheme needs; windows meet on samples of the wind.
        """
        ...


class HeightMap(Protocol):
    """Terrain: axes that increase and heights (Y, X), m above WGS-84, NaN where unknown."""

    @property
    def lat_deg(self) -> Float64s: ...
    @property
    def lon_deg(self) -> Float64s: ...
    @property
    def height_m(self) -> Float32s: ...


@dataclass(slots=True)
class _Run:
    """Everything of a run that `advance` changes, particle by particle."""

    state: Float64s
    held: Float64s
    own: Float64s
    stage: npt.NDArray[np.int8]
    code: npt.NDArray[np.int8]
    kept: npt.NDArray[np.int32]
    out: npt.NDArray[np.floating]
    out_stage: npt.NDArray[np.int8]

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return (self.state, self.held, self.own, self.stage, self.code, self.kept, self.out, self.out_stage)


def fly(
    flight: Flight,
    winds: Grid | Windows,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    start_time: npt.ArrayLike,
    *,
    time_end: float,
    alt_m: npt.ArrayLike | None = None,
    pressure_pa: npt.ArrayLike | None = None,
    keep_s: npt.ArrayLike | None = None,
    step_s: float | None = None,
    tolerance_m: float | None = None,
    scheme: Scheme | None = None,
    rows: Float64s | None = None,
    stop_rows: Float64s | None = None,
    store: npt.ArrayLike | None = None,
    errors: ErrorWaves | None = None,
    error_every_s: float = 1800.0,
    terrain: HeightMap | None = None,
    hold_below_m: float = 500.0,
    float32: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Tracks:
    """Fly particles from their starts to `time_end`, backward in time when that is earlier.

    Parameters
    ----------
    flight : stages, in the order in which the run meets them.
    winds : a grid, or windows of one for a field larger than memory.
    lon_deg, lat_deg, start_time : starts, degrees and POSIX seconds UTC; broadcast together to (N,).
    alt_m, pressure_pa : the start's altitude above WGS-84 or its pressure; one of the two, broadcast too.
    keep_s : times to keep, in the order of the run. The first start and the end when None.
    step_s : the longest step. 300 s when None; with a tolerance 3600 s.
    tolerance_m : choose steps so that the error of each is below this, metres; fixed steps when None.
    scheme : of interpolation; `winds.schemes.default_scheme` when None.
    rows, stop_rows : (N, S, K, P) and (N, S, J, Q) for members that differ, in place of those of
        `overflight.balloons.coded.code(flight)`. `store` (N, 3) or (3,) likewise.
    errors : errors of the wind, of N members or of one, each held for `error_every_s` seconds.
    terrain : what a `Ground` stop meets; the ellipsoid when None, and where the terrain has no height.
    hold_below_m : below the lowest level of the winds, its wind and temperature go on for this many metres.
    float32 : keep positions as float32: half the memory.
    progress : called with the share done, 0 to 1.

    Returns
    -------
    Tracks
        Particles that leave the winds end there, with a code; nothing is raised for them.

    Raises
    ------
    OverflightError
        When a start, a time, a step or a shape cannot be used.
    LimitError
        When the run would take too many steps or keep too much.
    """
    lon, lat, start = _starts(lon_deg, lat_deg, start_time)
    direction = 1.0 if time_end >= float(start.min()) else -1.0
    if not math.isfinite(time_end):
        raise OverflightError("the run needs a finite end", remedy="Give POSIX seconds UTC.")
    begin = float((start * direction).min() * direction)
    keep = _kept_times(begin, time_end, direction, keep_s)
    step, tolerance = _step_lengths(step_s, tolerance_m, abs(time_end - begin))
    coded = code(flight, backward=direction < 0.0, step_s=step if tolerance == 0.0 else 0.0)
    rows4, stops4 = _rows(coded, rows, stop_rows, lon.size)
    if lon.size * keep.size * 5 > KEPT_MOST:
        raise LimitError(
            f"{lon.size} particles at {keep.size} times are more than the run can keep",
            remedy="Keep fewer times, or fly in blocks.",
        )
    run = _begin(
        coded, lon, lat, start, alt_m, pressure_pa, store,
        step if tolerance == 0.0 else min(step, STEP_S), keep, direction,
        errors is not None, needs_begin(coded) or _lacks_targets(coded, rows4), float32,
    )  # fmt: skip
    settings = _settings(direction, step, tolerance, hold_below_m, errors, error_every_s)
    method = steps.DP54 if tolerance > 0.0 else steps.RK4
    settings[steps.ORDER] = method.order
    fixed = (settings, method.table, coded.codes, rows4, coded.stop_codes, stops4, keep)
    waves = _waves(errors, lon.size)
    ground = _ground(terrain)
    notes, lowest_pa = [], math.inf
    for grid, until, share in _windows(winds, begin, float(time_end), direction):
        packed = pack(grid)
        lowest_pa = min(lowest_pa, float(grid.pressure_pa[-1]))
        codes = (default_scheme(packed) if scheme is None else scheme).codes
        window = (steps.stepper(), *codes, *packed, pack_thermo(grid), *waves, *ground, *fixed)
        limit = np.full(lon.size, until)
        _advance(run, window, limit, share, progress)
        note = "the air is that of the standard atmosphere: the winds bring neither temperature nor height"
        if window[11].size == 0 and note not in notes:
            notes.append(note)
    if terrain is None:
        notes.append("the ground is the WGS-84 ellipsoid: no terrain was given")
    return _tracks(run, keep, start, float(time_end), direction, lowest_pa, tuple(notes))


def _advance(
    run: _Run,
    window: tuple[Any, ...],
    limit: Float64s,
    share: tuple[float, float],
    progress: Callable[[float], None] | None,
) -> None:
    """Take all particles to their limits in one window."""
    members = run.code.size
    block = BLOCK if progress else max(members, 1)
    for first in range(0, members, block):
        count = min(block, members - first)

        def part(a: int, b: int, first: int = first) -> None:
            kernels.advance(first + a, first + b, *window, False, kernels.STEPS_MOST, limit, *run.arrays())

        over_members(part, count)
        if progress:
            progress(share[0] + (share[1] - share[0]) * (first + count) / members)


def _windows(
    winds: Grid | Windows, begin: float, end: float, direction: float
) -> Iterator[tuple[Grid, float, tuple[float, float]]]:
    """Yield (grid, the time to which it serves, shares of the run before and after)."""
    if isinstance(winds, Grid):
        yield winds, end, (0.0, 1.0)
        return
    done = 0.0
    for grid, t0, t1 in winds.windows(begin, end):
        until = direction * min(max(direction * t0, direction * t1), direction * end)
        share = abs(until - begin) / max(abs(end - begin), 1.0)
        yield grid, until, (done, share)
        done = share


def _starts(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, start_time: npt.ArrayLike
) -> tuple[Float64s, Float64s, Float64s]:
    values = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (lon_deg, lat_deg, start_time)))
    lon, lat, start = (np.ascontiguousarray(x).ravel() for x in values)
    if lon.size == 0:
        raise OverflightError("there is no start", remedy="Give one place at least.")
    if not np.isfinite(lon).all() or not (np.abs(lat) <= 90.0).all():
        raise OverflightError(
            "a starting place is not a longitude and a latitude", remedy="Give degrees, latitude within ±90."
        )
    if not np.isfinite(start).all():
        raise OverflightError("a start has no finite time", remedy="Give POSIX seconds UTC.")
    return lon, lat, start


def _kept_times(begin: float, end: float, direction: float, keep_s: npt.ArrayLike | None) -> Float64s:
    if keep_s is None:
        return np.unique([begin, end])[:: int(direction)].copy()
    keep = np.array(keep_s, dtype=np.float64).ravel()
    along = keep * direction
    if keep.size == 0 or not (np.isfinite(keep).all() and (np.diff(along) > 0.0).all()):
        raise OverflightError("the times to keep must follow one another in the direction of the run")
    if along[0] < begin * direction or along[-1] > end * direction:
        raise OverflightError("a time to keep lies outside the run", remedy="Widen the run or drop the time.")
    return keep


def _step_lengths(step_s: float | None, tolerance_m: float | None, length_s: float) -> tuple[float, float]:
    """Return the longest step and the tolerance, 0 for fixed steps."""
    default = STEP_S if tolerance_m is None else STEP_WITH_TOLERANCE_S
    step = default if step_s is None else abs(float(step_s))
    if not (math.isfinite(step) and step >= STEP_SHORTEST_S):
        raise OverflightError(f"the step is {step_s} s", remedy="Give a step above zero, such as 300 s.")
    if length_s / step > STEPS_MOST:
        raise LimitError(
            f"the run takes {length_s / step:.0f} steps, the limit is {STEPS_MOST}",
            remedy="Take a longer step.",
        )
    tolerance = 0.0 if tolerance_m is None else float(tolerance_m)
    if tolerance_m is not None and not (math.isfinite(tolerance) and tolerance >= TOLERANCE_LEAST_M):
        raise OverflightError(
            f"the tolerance is {tolerance_m} m", remedy=f"Give {TOLERANCE_LEAST_M} m or more, such as 10 m."
        )
    return step, tolerance


def _rows(
    coded: CodedFlight, rows: Float64s | None, stop_rows: Float64s | None, members: int
) -> tuple[Float64s, Float64s]:
    """Return rows (1 or N, S, K, P) and those of the stops."""
    found = []
    for name, given, shared in (("rows", rows, coded.rows), ("stop_rows", stop_rows, coded.stop_rows)):
        values = shared[None] if given is None else np.asarray(given, np.float64)
        if values.shape not in ((1, *shared.shape), (members, *shared.shape)):
            raise InputError(
                f"the shape is {values.shape}, not {(members, *shared.shape)}",
                field=name,
                remedy="Start from overflight.balloons.coded.code(flight) and repeat it for each member.",
            )
        found.append(np.ascontiguousarray(values))
    return found[0], found[1]


def _lacks_targets(coded: CodedFlight, rows: Float64s) -> bool:
    """Return whether members' own rows leave a target open."""
    return any(needs_begin(coded._replace(rows=one)) for one in rows) if rows.shape[0] > 1 else False


def _begin(
    coded: CodedFlight,
    lon: Float64s,
    lat: Float64s,
    start: Float64s,
    alt_m: npt.ArrayLike | None,
    pressure_pa: npt.ArrayLike | None,
    store: npt.ArrayLike | None,
    trial_s: float,
    keep: Float64s,
    direction: float,
    erring: bool,
    filling: bool,
    float32: bool,
) -> _Run:
    """Lay out the particles at their starts."""
    members = lon.size
    if (alt_m is None) == (pressure_pa is None):
        raise OverflightError("a start needs an altitude or a pressure", remedy="Give alt_m or pressure_pa.")
    state = np.empty((members, kernels.COLUMNS))
    state[:, :3] = geo.unit_vector(lon, lat).T
    if alt_m is not None:
        state[:, steps.LOG_P] = alt_m
    else:
        pressure = np.asarray(pressure_pa, np.float64)
        if not (np.isfinite(pressure).all() and (pressure > 0.0).all()):
            raise OverflightError("a starting pressure is not above zero", remedy="Give pascals.")
        state[:, steps.LOG_P] = np.log(pressure)
    if not np.isfinite(state[:, steps.LOG_P]).all():
        raise OverflightError("a starting altitude is not finite", remedy="Give metres above WGS-84.")
    state[:, 4:7] = coded.store if store is None else store
    if not np.isfinite(state[:, 4:7]).all():
        raise OverflightError("a store is not finite", remedy="Give kg and J.")
    state[:, kernels.AT_ALT] = np.nan if alt_m is None else alt_m
    state[:, kernels.AT_TIME] = start
    state[:, kernels.AT_BEGAN] = np.nan
    state[:, kernels.AT_TRY] = trial_s
    held = np.zeros((members if erring else 0, 4))
    held[:, kernels.HELD_UNTIL] = start[: held.shape[0]]
    kind = np.float32 if float32 else np.float64
    return _Run(
        state=state,
        held=held,
        own=np.empty((members if filling else 0, *coded.rows.shape[1:])),
        stage=np.zeros(members, np.int8),
        code=np.full(members, MOVING if alt_m is None else WAITING, np.int8),
        kept=np.searchsorted(keep * direction, start * direction).astype(np.int32),
        out=np.full((4, members, keep.size), np.nan, kind),
        out_stage=np.zeros((members, keep.size), np.int8),
    )


def _settings(
    direction: float,
    step: float,
    tolerance: float,
    hold_below_m: float,
    errors: ErrorWaves | None,
    error_every_s: float,
) -> Float64s:
    if not (math.isfinite(hold_below_m) and hold_below_m >= 0.0):
        raise OverflightError(f"hold_below_m is {hold_below_m} m", remedy="Give zero or more.")
    if not (math.isfinite(error_every_s) and error_every_s >= 1.0):
        raise OverflightError(f"error_every_s is {error_every_s} s", remedy="Give a second or more.")
    settings = np.zeros(steps.SETTINGS)
    settings[steps.DIRECTION], settings[steps.STEP_S] = direction, step
    settings[steps.TOLERANCE_M] = tolerance
    settings[steps.HOLD] = hold_below_m / steps.HOLD_SCALE_M
    settings[steps.ERROR_EVERY_S] = error_every_s
    if errors is not None:
        settings[steps.ORIGIN_S], settings[steps.SD_U] = errors.origin_s, errors.sd_u
        settings[steps.SD_V] = errors.sd_v
    return settings


def _waves(errors: ErrorWaves | None, members: int) -> tuple[Float64s, Float64s, Float64s]:
    if errors is None:
        none = np.zeros((0, 0, 0))
        return none, none, none
    if errors.waves.shape[0] not in (1, members):
        raise InputError(
            f"there are errors of {errors.waves.shape[0]} members for {members} particles",
            field="errors",
            remedy="Draw one for each, or one for all.",
        )
    waves, cosines, sines = (np.ascontiguousarray(x) for x in errors[:3])
    return waves, cosines, sines


def _ground(terrain: HeightMap | None) -> tuple[Float64s, Float64s, Float32s]:
    if terrain is None:
        return np.zeros(0), np.zeros(0), np.zeros((0, 0), np.float32)
    return (
        np.ascontiguousarray(terrain.lat_deg, np.float64),
        np.ascontiguousarray(terrain.lon_deg, np.float64),
        np.ascontiguousarray(terrain.height_m, np.float32),
    )


def _tracks(
    run: _Run,
    keep: Float64s,
    start: Float64s,
    time_end: float,
    direction: float,
    lowest_pa: float,
    notes: tuple[str, ...],
) -> Tracks:
    """Read the run's arrays as a record."""
    time_s = run.state[:, kernels.AT_TIME].copy()
    going = run.code < 0
    late = direction * (start - time_end) > 0.0
    code = np.where(going, np.where(time_s == time_end, FINISHED, 1), run.code)
    code = np.where(late, NOT_BEGUN, code).astype(np.int8)
    # At the end of the run a particle is still on its way.
    begun = direction * (keep[None, :] - start[:, None]) >= 0.0
    there = begun & (direction * (keep[None, :] - time_s[:, None]) <= 0.0) & ~late[:, None]
    status = np.where(there, 0, np.where(begun, code[:, None], NOT_YET)).astype(np.int8)
    pressure = run.out[3]
    status[there & (pressure > lowest_pa * (1.0 + 1e-6))] = AIR_HELD
    stage = np.where(begun & ~there, run.stage[:, None], run.out_stage).astype(np.int8)
    end_lon, end_lat = geo.lonlat(run.state[:, :3].T)
    lon = np.where(run.out[0] >= 180.0, run.out[0] - 360.0, run.out[0])
    if (run.code == GROUND_UNKNOWN).any():
        notes += ("the ground is the WGS-84 ellipsoid where the terrain has no height",)
    waiting = run.code == WAITING
    end_p = np.where(waiting, np.nan, np.exp(np.where(waiting, 0.0, run.state[:, steps.LOG_P])))
    return Tracks(
        time_s=keep,
        lon_deg=lon,
        lat_deg=run.out[1],
        alt_m=run.out[2],
        pressure_pa=pressure,
        status=status,
        stage=stage,
        end_time_s=time_s,
        end_lon_deg=end_lon,
        end_lat_deg=end_lat,
        end_alt_m=run.state[:, kernels.AT_ALT].copy(),
        end_pressure_pa=end_p,
        end_code=code,
        end_stage=run.stage.copy(),
        notes=notes,
    )

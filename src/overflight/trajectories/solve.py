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
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from overflight.balloons.coded import CodedFlight, code
from overflight.balloons.codes import HOLDS
from overflight.balloons.terms import Flight
from overflight.errors import InputError, LimitError, OverflightError
from overflight.trajectories import steps
from overflight.trajectories.drift import Track, advect, drift_sounding, integrate
from overflight.trajectories.floating import float_tracks, stays
from overflight.trajectories.particles import StepLog, advance_all, begin_run, read_tracks
from overflight.trajectories.signed import advance_watching, functions_of
from overflight.trajectories.tracks import Tracks
from overflight.winds.error_waves import ErrorWaves
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import PackedGrid, pack
from overflight.winds.schemes import LINEAR, Scheme, default_scheme
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
STANDARD_AIR: Final = (
    "the air is that of the standard atmosphere: the winds bring neither temperature nor height"
)
NO_TERRAIN: Final = "the ground is the WGS-84 ellipsoid: no terrain was given"


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


def fly(
    flight: Flight,
    winds: Grid | Windows,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    start_time: npt.ArrayLike,
    *,
    time_end: float,
    backward: bool | None = None,
    alt_m: npt.ArrayLike | None = None,
    pressure_pa: npt.ArrayLike | None = None,
    keep_s: npt.ArrayLike | Literal["steps"] | None = None,
    step_s: float | None = None,
    tolerance_m: float | None = None,
    scheme: Scheme | None = None,
    rows: Float64s | None = None,
    stop_rows: Float64s | None = None,
    store: npt.ArrayLike | None = None,
    errors: ErrorWaves | None = None,
    error_every_s: float = 1800.0,
    terrain: HeightMap | None = None,
    hold_below_m: float = 1000.0,
    float32: bool = False,
    fast: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Tracks:
    """Fly particles from their starts to `time_end`, backward in time when that is earlier.

    Parameters
    ----------
    flight : stages, in the order in which the run meets them.
    winds : a grid, or windows of one for a field larger than memory.
    lon_deg, lat_deg, start_time : starts, degrees and POSIX seconds UTC; broadcast together to (N,).
    backward : whether time runs back; a particle that starts beyond the end of the run then stays at its
        start. None: backward when the starts are after the end; starts on both sides of it are refused.
    alt_m, pressure_pa : the start's altitude above WGS-84 or its pressure; one of the two, broadcast too.
    keep_s : times to keep, in the order of the run; the first start and the end when None. 'steps' keeps
        every step of each particle, and `time_s` is then (N, K).
    step_s : the longest step. 300 s when None; with a tolerance 3600 s.
    tolerance_m : choose steps so that the estimated error of each is below this, metres; fixed steps when
        None. Errors of steps add up, and at the kinks of linear interpolation the estimate is a weak one.
    scheme : of interpolation; `winds.schemes.default_scheme` when None.
    rows, stop_rows : (N, S, K, P) and (N, S, J, Q) for members that differ, in place of those of
        `overflight.balloons.coded.code(flight)`. `store` (N, 3) or (3,) likewise.
    errors : errors of the wind, of N members or of one, each held for `error_every_s` seconds.
    terrain : what a `Ground` stop meets; the ellipsoid when None, and where the terrain has no height.
    hold_below_m : below the lowest level of the winds, its wind and temperature go on for this many metres.
    float32 : keep positions as float32: half the memory.
    fast : let a flight that can go the fast way of `trajectories.isobaric`. False: every particle goes the
        general way, so that its numbers depend on no other.
    progress : called with the share done, 0 to 1.

    Returns
    -------
    Tracks
        Particles that leave the winds end there, with a code; nothing is raised for them.

    Notes
    -----
    A flight at the constant pressure of its start, with linear interpolation and fixed steps asked for, goes
    the fast way of `trajectories.isobaric` where `fast` and where all particles of the call can: they start
    together, at pressures within the levels of the winds. Particles that fly together thus choose the way
    together, and the two ways differ by metres. With fast=False, particles in blocks, in any order or alone
    give the same bytes.

    Raises
    ------
    OverflightError
        When a start, a time, a step or a shape cannot be used.
    LimitError
        When the run would take too many steps or keep too much.
    """
    level = pressure_pa if alt_m is None else alt_m
    if level is None or (alt_m is not None and pressure_pa is not None):
        raise OverflightError("a start needs an altitude or a pressure", remedy="Give alt_m or pressure_pa.")
    lon, lat, start, level = _starts(lon_deg, lat_deg, start_time, level, alt_m is None)
    if not math.isfinite(time_end):
        raise OverflightError("the run needs a finite end", remedy="Give POSIX seconds UTC.")
    direction = _direction(start, time_end, backward)
    # With every start beyond the end the run has no length.
    begin = direction * min(float((start * direction).min()), direction * float(time_end))
    every = isinstance(keep_s, str)
    if every and keep_s != "steps":
        raise OverflightError(f"keep_s is {keep_s!r}", remedy="Give times, or 'steps'.")
    keep = _kept_times(begin, time_end, direction, None if every else keep_s, every)
    step, tolerance = _step_lengths(step_s, tolerance_m, abs(time_end - begin))
    _check_size(lon.size, keep.size)
    linear = scheme is not None and scheme.codes == (LINEAR, LINEAR, LINEAR)
    plain = all(x is None for x in (rows, stop_rows, store, errors, alt_m, tolerance_m))
    together = not every and time_end != begin and bool((start == begin).all())
    if fast and linear and plain and together and stays(flight, winds, level):
        notes = (STANDARD_AIR, *(NO_TERRAIN,) * (terrain is None))
        tracks = float_tracks(winds, lon, lat, level, begin, float(time_end), step, keep, float32, notes)
        if progress:
            progress(1.0)
        return tracks
    coded = code(flight, backward=direction < 0.0, step_s=step if tolerance == 0.0 else 0.0)
    rows4, stops4 = _rows(coded, rows, stop_rows, lon.size)
    run = begin_run(
        coded, lon, lat, start, level, alt_m is None, store,
        step if tolerance == 0.0 else min(step, STEP_S), keep, direction,
        errors is not None, _lacks_targets(coded, rows4), float32, lean=True,
    )  # fmt: skip
    # From here on a particle is its run: it need not lie in memory twice.
    members = lon.size
    del lon, lat, start, level
    settings = step_settings(direction, step, tolerance, hold_below_m, errors, error_every_s)
    method = steps.DP54 if tolerance > 0.0 else steps.RK4
    settings[steps.ORDER] = method.order
    fixed = (settings, method.table, coded.codes, rows4, coded.stop_codes, stops4, keep)
    waves, ground, functions = _waves(errors, members), ground_arrays(terrain), functions_of(flight)
    standard, lowest_pa, done, at = False, math.inf, 0.0, begin
    log = StepLog(direction, members) if every else None
    for grid, until in windows_of(winds, begin, float(time_end), direction):
        packed, thermo = pack(grid), pack_thermo(grid)
        if scheme is None:
            scheme = default_scheme(_with_all_times(packed, winds))
        standard, lowest_pa = standard or thermo.size == 0, min(lowest_pa, float(grid.pressure_pa[-1]))
        window = (steps.stepper(coded.codes), *scheme.codes, *packed, thermo, *waves, *ground, *fixed)
        share = abs(until - begin) / max(abs(time_end - begin), 1.0)
        limit = np.full(1, until)
        if log is not None:
            if functions:
                raise OverflightError("a run with a Signed stop keeps times, not every step")
            log.advance(run, window, limit)
        elif functions:
            advance_watching(
                run, window, functions, coded.codes.shape[0], at, until, min(step, STEP_S), direction
            )
        else:
            for count in advance_all(run, window, limit, block=BLOCK if progress else None):
                if progress:
                    progress(done + (share - done) * count / members)
        if progress:
            progress(share)
        done, at = share, until
    notes = (STANDARD_AIR,) * standard + (NO_TERRAIN,) * (terrain is None)
    tracks = read_tracks(run, keep, float(time_end), direction, lowest_pa, notes)
    return tracks if log is None else log.tracks(tracks, lowest_pa)


def _direction(start: Float64s, time_end: float, backward: bool | None) -> float:
    """Return +1 or -1; a start at the very end does not turn a run backward into one forward."""
    if backward is None:
        backward = bool((start > time_end).any())
        if backward and (start < time_end).any():
            raise OverflightError(
                "particles start before and after the end of the run",
                remedy="Fly the two apart, or say which way with backward=True or False.",
            )
    return -1.0 if backward else 1.0


def windows_of(
    winds: Grid | Windows, begin: float, end: float, direction: float
) -> Iterator[tuple[Grid, float]]:
    """Yield (grid, the time to which it serves)."""
    if isinstance(winds, Grid):
        yield winds, end
        return
    for grid, t0, t1 in winds.windows(begin, end):
        yield grid, direction * min(max(direction * t0, direction * t1), direction * end)


def _with_all_times(packed: PackedGrid, winds: Grid | Windows) -> PackedGrid:
    """Return a window with the times of all winds, so that its scheme is that of all."""
    times = getattr(winds, "time_s", None)
    return packed if times is None else packed._replace(time_s=np.asarray(times, np.float64))


def _starts(
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    start_time: npt.ArrayLike,
    level: npt.ArrayLike,
    by_pressure: bool,
) -> tuple[Float64s, Float64s, Float64s, Float64s]:
    given = [np.asarray(x, np.float64) for x in (lon_deg, lat_deg, start_time, level)]
    try:
        values = np.broadcast_arrays(*given)
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in given)
        raise OverflightError(f"the starts have shapes that do not go together: {shapes}") from None
    lon, lat, start, height = (np.ravel(x) for x in values)
    if lon.size == 0:
        raise OverflightError("there is no start", remedy="Give one place at least.")
    if not np.isfinite(lon).all() or not (np.abs(lat) <= 90.0).all():
        raise OverflightError(
            "a starting place is not a longitude and a latitude", remedy="Give degrees, latitude within ±90."
        )
    if not np.isfinite(start).all():
        raise OverflightError("a start has no finite time", remedy="Give POSIX seconds UTC.")
    if not np.isfinite(height).all() or (by_pressure and not (height > 0.0).all()):
        raise OverflightError(
            "a start has no finite altitude or no pressure above zero",
            remedy="Give metres above WGS-84 or pascals.",
        )
    return lon, lat, start, height


def _check_size(members: int, times: int) -> None:
    if members * times * 5 > KEPT_MOST:
        raise LimitError(
            f"{members} particles at {times} times are more than the run can keep",
            remedy="Keep fewer times, or fly in blocks.",
        )


def _kept_times(
    begin: float, end: float, direction: float, keep_s: npt.ArrayLike | None, every: bool
) -> Float64s:
    if every:
        return np.zeros(0)
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
        found.append(np.require(values, None, ("C", "W")))
    return found[0], found[1]


def _lacks_targets(coded: CodedFlight, rows: Float64s) -> bool:
    """Return whether rows (N or 1, S, K, P) leave a target to the start of its stage."""
    holds = np.isin(coded.codes, HOLDS)
    return bool(np.isnan(rows[:, holds, 0]).any())


def step_settings(
    direction: float,
    step: float,
    tolerance: float,
    hold_below_m: float,
    errors: ErrorWaves | None,
    error_every_s: float,
) -> Float64s:
    """Return the numbers of a run as the compiled steps take them, in the places that `steps` names.

    `direction` is 1 forward and -1 backward. Raises OverflightError where a height or a time cannot be.
    """
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
    waves, cosines, sines = (np.require(x, None, ("C", "W")) for x in errors[:3])
    return waves, cosines, sines


def ground_arrays(terrain: HeightMap | None) -> tuple[Float64s, Float64s, Float32s]:
    """Return latitudes (Y,), longitudes (X,) and heights (Y, X) for the compiled steps; empty for none."""
    if terrain is None:
        return np.zeros(0), np.zeros(0), np.zeros((0, 0), np.float32)
    return (
        np.require(terrain.lat_deg, np.float64, ("C", "W")),
        np.require(terrain.lon_deg, np.float64, ("C", "W")),
        np.require(terrain.height_m, np.float32, ("C", "W")),
    )

"""The particles of a run as arrays: laid out at their starts, changed by the kernels, read as a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight import geo
from overflight.balloons.coded import CodedFlight
from overflight.compiled import over_members
from overflight.errors import LimitError, OverflightError
from overflight.trajectories import kernels, steps
from overflight.trajectories.stops import FINISHED, GROUND_UNKNOWN, MOVING, NOT_BEGUN, WAITING
from overflight.trajectories.tracks import AIR_HELD, ALOFT, NO_MORE, NOT_YET, Codes, Tracks
from overflight.winds.grid import Float64s

# Of `winds.interpolate.WIND_STATUS`.
MISSING = 5
# Numbers that a log of all steps may hold.
ALL_STEPS_MOST = 400_000_000
# Particles laid out at a time: what geometry needs on the way is small beside them all.
LAID_OUT = 50_000
# In place of a stage at kept times before a particle begins, and the stage that it begins in.
BEFORE, FIRST = np.int8(-1), np.int8(0)


@dataclass(slots=True)
class Run:
    """Everything that `kernels.advance` changes, particle by particle, in the order of its arguments."""

    state: Float64s
    held: Float64s
    own: Float64s
    stage: npt.NDArray[np.int8]
    code: npt.NDArray[np.int8]
    kept: npt.NDArray[np.int32]
    out: npt.NDArray[np.floating]
    out_stage: npt.NDArray[np.int8]

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays as `advance` takes them."""
        return tuple(getattr(self, part.name) for part in fields(self))


def advance_all(
    run: Run,
    window: tuple[Any, ...],
    limit: Float64s,
    *,
    pause: bool = False,
    steps_most: int = kernels.STEPS_MOST,
    block: int | None = None,
) -> Iterator[int]:
    """Take particles to their limits (N,) or (1,) in one window, on all cores; yield how many are done."""
    members = run.code.size
    block = members if block is None else block
    rest = (*window, pause, steps_most, limit, *run.arrays())
    for first in range(0, members, block):

        def part(a: int, b: int, first: int = first) -> None:
            kernels.advance(first + a, first + b, *rest)

        count = min(block, members - first)
        over_members(part, count)
        yield first + count


def begin_run(
    coded: CodedFlight,
    lon: Float64s,
    lat: Float64s,
    start: Float64s,
    level: Float64s,
    by_pressure: bool,
    store: npt.ArrayLike | None,
    trial_s: float,
    keep: Float64s,
    direction: float,
    erring: bool,
    filling: bool,
    float32: bool,
) -> Run:
    """Lay out the particles at their starts; `level` (N,) is an altitude, m, or a pressure, Pa."""
    members = lon.size
    state = np.empty((members, kernels.COLUMNS))
    for first in range(0, members, LAID_OUT):
        some = slice(first, first + LAID_OUT)
        state[some, :3] = geo.unit_vector(lon[some], lat[some]).T
    state[:, steps.LOG_P] = np.log(level) if by_pressure else level
    stores = np.asarray(coded.store if store is None else store, np.float64)
    if stores.shape not in ((3,), (members, 3)):
        raise OverflightError(f"a store of shape {stores.shape}", remedy=f"Give (3,) or ({members}, 3).")
    state[:, 4:7] = stores
    if not np.isfinite(state[:, 4:7]).all():
        raise OverflightError("a store is not finite", remedy="Give kg and J.")
    state[:, kernels.AT_ALT] = np.nan if by_pressure else level
    state[:, kernels.AT_TIME] = start
    state[:, kernels.AT_BEGAN] = np.nan
    state[:, kernels.AT_TRY] = trial_s
    held = np.zeros((members if erring else 0, 4))
    held[:, kernels.HELD_UNTIL] = start[: held.shape[0]]
    kind = np.float32 if float32 else np.float64
    kept = np.searchsorted(keep * direction, start * direction).astype(np.int32)
    return Run(
        state=state,
        held=held,
        own=np.empty((members if filling else 0, *coded.rows.shape[1:])),
        stage=np.zeros(members, np.int8),
        code=np.full(members, MOVING if by_pressure else WAITING, np.int8),
        kept=kept,
        out=np.full((4, members, keep.size), np.nan, kind),
        out_stage=np.where(np.arange(keep.size, dtype=np.int32) < kept[:, None], BEFORE, FIRST),
    )


def read_tracks(
    run: Run,
    keep: Float64s,
    time_end: float,
    direction: float,
    lowest_pa: float,
    notes: tuple[str, ...],
) -> Tracks:
    """Read the run's arrays as a record."""
    time_s = run.state[:, kernels.AT_TIME].copy()
    going = run.code < 0
    # Who begins after the end has stayed at the start.
    late = going & (direction * (time_s - time_end) > 0.0)
    code = np.where(going, np.where(time_s == time_end, FINISHED, 1), run.code)
    code = np.where(late, NOT_BEGUN, code).astype(np.int8)
    # At the end of the run a particle is still on its way.
    begun = run.out_stage != BEFORE
    there = begun & ~late[:, None]
    there &= time_s[:, None] >= keep if direction > 0.0 else time_s[:, None] <= keep
    status = np.full(begun.shape, NOT_YET, np.int8)
    np.copyto(status, code[:, None], where=begun)
    status[there] = ALOFT
    lon, lat, alt, pressure = run.out
    status[there & (pressure > lowest_pa * (1.0 + 1e-6))] = AIR_HELD
    _mark_bare(status, there & np.isnan(alt), code)
    stage = np.where(begun & ~there, run.stage[:, None], np.maximum(run.out_stage, FIRST))
    end_lon, end_lat, end_p = _read_ends(run)
    lon[lon >= 180.0] -= 360.0
    if (run.code == GROUND_UNKNOWN).any():
        notes += ("the ground is the WGS-84 ellipsoid where the terrain has no height",)
    return Tracks(
        time_s=keep,
        lon_deg=lon,
        lat_deg=lat,
        alt_m=alt,
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


def _read_ends(run: Run) -> tuple[Float64s, Float64s, Float64s]:
    """Return longitudes, latitudes and pressures where particles stand; NaN pressure of one not begun."""
    members = run.code.size
    lon, lat, pressure = np.empty(members), np.empty(members), np.full(members, np.nan)
    for first in range(0, members, LAID_OUT):
        some = slice(first, first + LAID_OUT)
        lon[some], lat[some] = geo.lonlat(run.state[some, :3].T)
        np.exp(run.state[some, steps.LOG_P], out=pressure[some], where=run.code[some] != WAITING)
    return lon, lat, pressure


def _mark_bare(status: Codes, bare: npt.NDArray[np.bool_], code: Codes) -> None:
    """Mark where the place is known and the air there is not, by what ended the particle."""
    reason = np.where(code > 0, code, MISSING).astype(np.int8)
    np.copyto(status, reason[:, None], where=bare)


class StepLog:
    """Every step of every particle: the run goes on by one step at a time and is read after each.

    `rows` is all that changes: for each round the particles that moved and where they came to.
    """

    def __init__(self, direction: float, members: int) -> None:
        self.direction = direction
        self.begun = np.zeros(members, bool)
        self.rows: list[tuple[npt.NDArray[np.intp], Float64s, npt.NDArray[np.int8]]] = []
        self.held = 0

    def advance(self, run: Run, window: tuple[Any, ...], limit: Float64s) -> None:
        """Take all particles to their limits in one window."""
        before = run.state[:, kernels.AT_TIME].copy()
        begins = ~self.begun & (self.direction * (limit - before) >= 0.0)
        if begins.any():
            # Starts get their pressure and altitude where they stand, in the first window that they are in.
            for _ in advance_all(run, window, np.where(begins, before, -self.direction * np.inf)):
                pass
            self._note(run, begins)
            self.begun |= begins
        while True:
            before = run.state[:, kernels.AT_TIME].copy()
            for _ in advance_all(run, window, limit, steps_most=1):
                pass
            moved = run.state[:, kernels.AT_TIME] != before
            if not moved.any():
                return
            self._note(run, moved)

    def _note(self, run: Run, which: npt.NDArray[np.bool_]) -> None:
        at = np.flatnonzero(which)
        self.held += at.size
        if self.held * 8 > ALL_STEPS_MOST:
            raise LimitError("the run has more steps than can be kept", remedy="Keep times, or fly fewer.")
        x, y, z = run.state[at, :3].T
        lon, lat = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
        state = run.state[at]
        known = np.where(run.code[at] == WAITING, np.nan, state[:, steps.LOG_P])
        values = np.stack([state[:, kernels.AT_TIME], lon, lat, state[:, kernels.AT_ALT], np.exp(known)])
        self.rows.append((at, values, run.stage[at].copy()))

    def tracks(self, ends: Tracks, lowest_pa: float) -> Tracks:
        """Return the record with all steps, each particle's own on its row."""
        members = ends.end_code.size
        count = np.zeros(members, np.intp)
        for at, _, _ in self.rows:
            count[at] += 1
        shape = (members, int(count.max(initial=0)))
        values, stage = np.full((5, *shape), np.nan), np.broadcast_to(ends.end_stage[:, None], shape).copy()
        place = np.zeros(members, np.intp)
        for at, found, stages in self.rows:
            values[:, at, place[at]], stage[at, place[at]] = found, stages
            place[at] += 1
        made = np.arange(shape[1]) < count[:, None]
        after = np.where(ends.end_code == FINISHED, NO_MORE, ends.end_code)
        status = np.where(made, ALOFT, after[:, None]).astype(np.int8)
        status[values[4] > lowest_pa * (1.0 + 1e-6)] = AIR_HELD
        _mark_bare(status, made & ~np.isfinite(values).all(axis=0), ends.end_code)
        lon = np.where(values[1] >= 180.0, values[1] - 360.0, values[1])
        return replace(
            ends, time_s=values[0], lon_deg=lon, lat_deg=values[2], alt_m=values[3],
            pressure_pa=values[4], status=status, stage=stage,
        )  # fmt: skip

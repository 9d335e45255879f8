"""The particles of a run as arrays: laid out at their starts, changed by the kernels, read as a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

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
# Particles laid out and read at a time: what is needed on the way is small beside them all.
LAID_OUT = 4096
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
    lean: bool = False,
) -> Run:
    """Lay out the particles at their starts; `level` (N,) is an altitude, m, or a pressure, Pa.

    With `lean`, particles whose targets are `filling` keep these and not the rest of their rows: an eighth
    of the memory.
    """
    members = lon.size
    state = np.empty((members, kernels.COLUMNS))
    kept = np.empty(members, np.int32)
    kind = np.float32 if float32 else np.float64
    out, out_stage = np.empty((4, members, keep.size), kind), np.empty((members, keep.size), np.int8)
    columns = np.arange(keep.size)
    for some in _parts(members):
        state[some, :3] = geo.unit_vector(lon[some], lat[some]).T
        state[some, steps.LOG_P] = np.log(level[some]) if by_pressure else level[some]
        kept[some] = np.searchsorted(keep * direction, start[some] * direction)
        out[:, some] = np.nan
        out_stage[some] = np.where(columns < kept[some, None], BEFORE, FIRST)
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
    _, terms, slots = coded.rows.shape
    return Run(
        state=state,
        held=held,
        own=np.empty((members if filling else 0, terms, 1 if lean else slots)),
        stage=np.zeros(members, np.int8),
        code=np.full(members, MOVING if by_pressure else WAITING, np.int8),
        kept=kept,
        out=out,
        out_stage=out_stage,
    )


def _parts(members: int) -> Iterator[slice]:
    """Yield the particles in parts, from the first to the last."""
    for first in range(0, members, LAID_OUT):
        yield slice(first, min(first + LAID_OUT, members))


def read_tracks(
    run: Run,
    keep: Float64s,
    time_end: float,
    direction: float,
    lowest_pa: float,
    notes: tuple[str, ...],
) -> Tracks:
    """Read a run as a record and give it up: what it kept is the record's own, the rest is freed."""
    members = run.code.size
    run.own = np.empty((0, *run.own.shape[1:]))
    time_s, lon, lat, alt, pressure = (np.empty(members) for _ in range(5))
    ends = Ends(time_s, lon, lat, alt, pressure, np.empty(members, np.int8))
    status = np.empty(run.out_stage.shape, np.int8)
    # From the last to the first, so that the state can be given back as it is read.
    for some in reversed(list(_parts(members))):
        _read_ends(run, some, time_end, direction, ends)
        _read_kept(run, some, keep, direction, lowest_pa, ends, status)
        run.state.resize((some.start, kernels.COLUMNS), refcheck=False)
    if (ends.code == GROUND_UNKNOWN).any():
        notes += ("the ground is the WGS-84 ellipsoid where the terrain has no height",)
    return Tracks(
        time_s=keep,
        lon_deg=run.out[0],
        lat_deg=run.out[1],
        alt_m=run.out[2],
        pressure_pa=run.out[3],
        status=status,
        stage=run.out_stage,
        end_time_s=ends.time_s,
        end_lon_deg=ends.lon_deg,
        end_lat_deg=ends.lat_deg,
        end_alt_m=ends.alt_m,
        end_pressure_pa=ends.pressure_pa,
        end_code=ends.code,
        end_stage=run.stage,
        notes=notes,
    )


class Ends(NamedTuple):
    """The ends of N particles, as `Tracks` has them."""

    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    pressure_pa: Float64s
    code: Codes


def _read_ends(run: Run, some: slice, time_end: float, direction: float, ends: Ends) -> None:
    """Read where some particles stand and why; the pressure of one that has not begun is NaN."""
    state, code = run.state[some], run.code[some]
    time_s = state[:, kernels.AT_TIME]
    ends.time_s[some], ends.alt_m[some] = time_s, state[:, kernels.AT_ALT]
    ends.lon_deg[some], ends.lat_deg[some] = geo.lonlat(state[:, :3].T)
    ends.pressure_pa[some] = np.nan
    np.exp(state[:, steps.LOG_P], out=ends.pressure_pa[some], where=code != WAITING)
    # Who begins after the end has stayed at the start.
    late = (code < 0) & (direction * (time_s - time_end) > 0.0)
    ended = np.where(code < 0, np.where(time_s == time_end, FINISHED, 1), code)
    ends.code[some] = np.where(late, NOT_BEGUN, ended)


def _read_kept(
    run: Run, some: slice, keep: Float64s, direction: float, lowest_pa: float, ends: Ends, status: Codes
) -> None:
    """Write the status of some particles at the kept times, and set their longitudes and stages right."""
    time_s, code = ends.time_s[some, None], ends.code[some]
    # At the end of the run a particle is still on its way.
    begun = run.out_stage[some] != BEFORE
    there = begun & (code != NOT_BEGUN)[:, None]
    there &= time_s >= keep if direction > 0.0 else time_s <= keep
    lon, _, alt, pressure = run.out[:, some]
    part = status[some]
    part[:] = NOT_YET
    np.copyto(part, code[:, None], where=begun)
    part[there] = ALOFT
    part[there & (pressure > lowest_pa * (1.0 + 1e-6))] = AIR_HELD
    _mark_bare(part, there & np.isnan(alt), code)
    stage = np.where(begun & ~there, run.stage[some, None], np.maximum(run.out_stage[some], FIRST))
    run.out_stage[some] = stage
    lon[lon >= 180.0] -= 360.0


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

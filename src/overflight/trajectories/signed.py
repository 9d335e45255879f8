"""Stops that are Python functions: looked for between short pieces of the compiled run.

A function cannot go into a kernel, so the run goes on in pieces of one step. Where the function of a
particle's stage reaches zero within a piece, the piece is made again to half of it, and so on, for all such
particles at once, until the time is known within `stops.STOP_TOL_S`. What goes up and down again within one
piece is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.balloons.codes import SIGNED
from overflight.balloons.stops import Signed, SignedFn
from overflight.balloons.terms import Flight
from overflight.errors import InputError
from overflight.trajectories import kernels
from overflight.trajectories.particles import Run, advance_all
from overflight.trajectories.stops import MOVING, START_SLACK, STOP_TOL_S, STOPPED
from overflight.winds.grid import Float64s

Bools = npt.NDArray[np.bool_]
Functions = Mapping[int, Sequence[SignedFn]]


def functions_of(flight: Flight) -> Functions:
    """Return the functions that end each stage that has any."""
    found = {
        i: [stop.fn for stop in stage.stops if isinstance(stop, Signed)]
        for i, stage in enumerate(flight.stages)
    }
    return {i: fns for i, fns in found.items() if fns}


def advance_watching(
    run: Run,
    window: tuple[Any, ...],
    functions: Functions,
    stages: int,
    begin: float,
    until: float,
    piece_s: float,
    direction: float,
) -> None:
    """Take all particles to `until` in one window, or to their ends, stopping where a function says.

    Pieces end on the multiples of `piece_s`, whatever the starts: a particle meets a stop at the same time
    alone and among others.
    """
    count = math.floor(direction * begin / piece_s) + 1
    while direction * (until - begin) >= 0.0:
        to = direction * count * piece_s
        to = to if direction * (until - to) > 0.0 else until
        if direction * (to - begin) > 0.0:
            _one_piece(run, window, functions, stages, begin, to, direction)
        if to == until:
            return
        begin, count = to, count + 1


def _one_piece(
    run: Run,
    window: tuple[Any, ...],
    functions: Functions,
    stages: int,
    begin: float,
    to: float,
    direction: float,
) -> None:
    while True:
        time_s = run.state[:, kernels.AT_TIME]
        active = (run.code < 0) & (direction * (to - time_s) > 0.0)
        if not active.any():
            return
        # To where they are: starts get their pressure and altitude.
        nowhere = begin - direction
        _advance(run, window, np.where(active, time_s, nowhere))
        active &= run.code == MOVING
        fresh = active & np.isnan(run.state[:, kernels.AT_BEGAN])
        met = fresh & (_values(run, functions, run.stage, fresh) >= START_SLACK)
        if met.any():
            _end_stage(run, met, stages)
            continue
        before = _copied(run)
        _advance(run, window, np.where(active, to, nowhere))
        met = active & (_values(run, functions, before.stage, active) >= 0.0)
        if met.any():
            _halve(run, before, window, functions, met, nowhere)
            _end_stage(run, met, stages)


def _halve(
    run: Run, before: Run, window: tuple[Any, ...], functions: Functions, met: Bools, nowhere: float
) -> None:
    """Take the particles that met a function back to where they meet it first."""
    low = before.state[:, kernels.AT_TIME].copy()
    high = run.state[:, kernels.AT_TIME].copy()
    while True:
        middle = 0.5 * (low + high)
        open_ = met & (np.abs(high - low) > STOP_TOL_S) & (middle != low) & (middle != high)
        _restore(run, before, met)
        _advance(run, window, np.where(met, np.where(open_, middle, high), nowhere))
        if not open_.any():
            return
        beyond = _values(run, functions, before.stage, open_) >= 0.0
        high = np.where(open_ & beyond, middle, high)
        low = np.where(open_ & ~beyond, middle, low)


def _values(run: Run, functions: Functions, stage: npt.NDArray[np.int8], which: Bools) -> Float64s:
    """Return the largest value of the functions of the stages of some particles, -inf for the others."""
    found = np.full(which.size, -np.inf)
    for index, fns in functions.items():
        mine = np.flatnonzero(which & (stage == index))
        if mine.size == 0:
            continue
        x, y, z = run.state[mine, :3].T
        lon, lat = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
        for fn in fns:
            at = (run.state[mine, kernels.AT_TIME], lon, lat, run.state[mine, kernels.AT_ALT])
            value = np.asarray(fn(*(a.copy() for a in at)), np.float64)
            if value.shape != mine.shape:
                raise InputError(
                    f"the function of {mine.shape} particles returned shape {value.shape}",
                    field="Signed.fn",
                    remedy="Let it take arrays and return one value for each particle.",
                )
            if (unknown := np.isnan(value) & np.isfinite(at).all(axis=0)).any():
                raise _cannot_say(fn, index, tuple(float(a[unknown][0]) for a in at))
            # Without a place or an altitude a function is not met.
            found[mine] = np.fmax(found[mine], value)
    return found


def _cannot_say(fn: SignedFn, stage: int, at: tuple[float, ...]) -> InputError:
    time_s, lon, lat, alt = at
    name = getattr(fn, "__qualname__", type(fn).__qualname__)
    return InputError(
        f"the function {name} that ends stage {stage} is NaN at {lon:.4f}° E {lat:.4f}° N, {alt:.0f} m, "
        f"{time_s:.0f} s",
        field=f"stages[{stage}], Signed.fn",
        remedy="Let it return a number everywhere: one below zero where the stop is not met.",
    )


def _end_stage(run: Run, met: Bools, stages: int) -> None:
    """Do as the kernel does where a stop is met; what was kept beyond it is taken back."""
    run.state[met, kernels.AT_BEGAN] = np.nan
    last = met & (run.stage == stages - 1)
    run.code[last] = STOPPED + SIGNED
    run.stage[met & ~last] += 1
    columns = np.arange(run.out_stage.shape[1])
    for i in np.flatnonzero(met):
        run.out[:, i, columns >= run.kept[i]] = np.nan


def _advance(run: Run, window: tuple[Any, ...], limit: Float64s) -> None:
    for _ in advance_all(run, window, limit, pause=True):
        pass


def _copied(run: Run) -> Run:
    """Return a copy of what a particle needs to be flown again; what is kept is written over."""
    return replace(
        run,
        state=run.state.copy(),
        held=run.held.copy(),
        own=run.own.copy(),
        stage=run.stage.copy(),
        code=run.code.copy(),
        kept=run.kept.copy(),
    )


def _restore(run: Run, before: Run, which: Bools) -> None:
    for name in ("state", "held", "own", "stage", "code", "kept"):
        now, then = getattr(run, name), getattr(before, name)
        if now.shape[0] == which.size:
            now[which] = then[which]

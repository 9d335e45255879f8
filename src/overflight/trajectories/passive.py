"""Passive flights: balloons that nobody steers, in winds of which only so much is known.

::

    winds of the time, if there are any ─┐
    else the climatological prior ───────┴─► passive_winds ─► made_weathers ─► fly_passive ─► Tracks

A balloon floats where the air has one density, and by day `amplitude_m` higher than by night; zero is a
balloon that keeps its level. The climb to the level is left out. Members that share a weather fly in one
wind, so that what they do together is known to be one case and not many.

The prior knows the usual wind and how far from it a day may be. A made weather strays from it by that much:
`SLOW_SHARE` of the variance stays the same for the month and more, as years differ from one another, and the
rest passes as weather does. The share is a judgement; docs/claims.md says how much hangs on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight import atmosphere
from overflight.balloons.coded import code
from overflight.balloons.stops import SunAbove, SunBelow
from overflight.balloons.terms import ConstantDensity, Flight, Stage
from overflight.errors import CoverageError, LimitError
from overflight.geo import destination
from overflight.sun import solar_position
from overflight.trajectories.ensemble import settled_error
from overflight.trajectories.solve import fly
from overflight.trajectories.tracks import Tracks
from overflight.units import DAY_S, HOUR_S
from overflight.winds.choose import LEVELS_PA, join_in_time
from overflight.winds.error import WindError
from overflight.winds.error_waves import ErrorWaves, draw_waves
from overflight.winds.grid import Float64s, Grid
from overflight.winds.gridded import read_grid
from overflight.winds.prior import prior_grid

# Of the variance about the climatology, what lasts a season: how one January differs from the next.
SLOW_SHARE: Final = 0.25
SLOW_TIME_S: Final = 60.0 * DAY_S
FAST_WAVES, SLOW_WAVES = 24, 8
# How much higher by day than by night a balloon without pressure in reserve floats, even from none.
MOST_AMPLITUDE_M: Final = 2_000.0
# Gas follows the sun when it stands about so high, seen from the balloon.
DAWN_DEG: Final = -5.0
# Steps: the prior has waves of 1500 km and more, analyses have shorter ones.
PRIOR_STEP_S, OWN_STEP_S = 1_800.0, 600.0
PRIOR_ERROR_S, OWN_ERROR_S = 2.0 * HOUR_S, 0.5 * HOUR_S
# Winds reach so far when they end at most this much before the last flight does.
SLACK_S: Final = 6.0 * HOUR_S
# And where they hold so many of the starts; drawn heights have tails.
LEAST_HELD: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassiveWinds:
    """Winds to drift in and their error; `own` tells winds of the time from the climatological prior."""

    grid: Grid
    error: WindError | None
    own: bool
    title: str


def passive_winds(
    own: Grid | None,
    begin: float,
    end: float,
    *,
    lon_deg: npt.ArrayLike = (),
    lat_deg: npt.ArrayLike = (),
    alt_m: npt.ArrayLike = (),
) -> PassiveWinds:
    """Return a grid if it covers begin to end (POSIX seconds) and the starts, else the prior of the time."""
    if own is not None and covers(own, begin, end) and holds(own, lon_deg, lat_deg, alt_m):
        return PassiveWinds(
            grid=own, error=settled_error((own,), "default"), own=True, title=own.name or "gridded winds"
        )
    grid = prior_grid(begin - DAY_S, end + DAY_S)
    return PassiveWinds(grid=grid, error=settled_error((grid,), "default"), own=False, title=grid.name)


def covers(grid: Grid, begin: float, end: float) -> bool:
    """Return whether a grid has winds from begin to end, give or take `SLACK_S`."""
    reaches = grid.time_s[0] <= begin + SLACK_S and grid.time_s[-1] >= end - SLACK_S
    return bool(grid.steady or reaches)


def holds(grid: Grid, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, alt_m: npt.ArrayLike) -> bool:
    """Return whether a grid holds `LEAST_HELD` of some starts, by place and level; true of none at all."""
    lon, lat, pressure = np.broadcast_arrays(lon_deg, lat_deg, atmosphere.pressure_pa(np.asarray(alt_m)))
    if lon.size == 0:
        return True
    span = float(grid.lon_deg[-1] - grid.lon_deg[0])
    inside = (lat >= grid.lat_deg[0]) & (lat <= grid.lat_deg[-1])
    inside &= grid.periodic | ((lon - grid.lon_deg[0]) % 360.0 <= span)
    inside &= (pressure >= grid.pressure_pa[0]) & (pressure <= grid.pressure_pa[-1])
    return bool(inside.mean() >= LEAST_HELD)


def file_winds(
    files: Sequence[Path], window: tuple[float, float], *, levels_pa: tuple[float, float] = LEVELS_PA
) -> tuple[Grid | None, tuple[str, ...]]:
    """Read what files of winds hold of a window (POSIX seconds), joined in time; and say what was left out.

    None where nothing can be used: a file of another time, one too large for this memory, a store. Members of
    a weather ensemble become their mean and spread. Raises InputError for a file that cannot be read.
    """
    grids, notes = [], []
    for path in files:
        try:
            grids.append(read_grid(path, window=window, levels_pa=levels_pa))
        except (CoverageError, LimitError) as error:
            notes.append(f"{path.name} was left out: {error}")
    if not grids:
        return None, tuple(notes)
    joined, other = join_in_time(grids)
    notes += [f"{name} was left out: its grid differs from the others'" for name in other]
    return joined, tuple(notes)


def made_weathers(
    winds: PassiveWinds, rngs: Sequence[np.random.Generator], *, slow_share: float = SLOW_SHARE
) -> ErrorWaves | None:
    """Draw a weather from each generator: what the winds may be wrong by. None where they have no error.

    Of the prior, `slow_share` of the variance is a field of its own that lasts `SLOW_TIME_S`.
    """
    if winds.error is None:
        return None
    if winds.own or slow_share <= 0.0:
        return draw_waves(winds.error, rngs, n_features=FAST_WAVES + SLOW_WAVES)
    fast = draw_waves(winds.error, rngs, n_features=FAST_WAVES)
    slow = draw_waves(replace(winds.error, time_s=SLOW_TIME_S), rngs, n_features=SLOW_WAVES)
    parts = ((fast, math.sqrt(1.0 - slow_share)), (slow, math.sqrt(slow_share)))
    return fast._replace(
        waves=np.concatenate([one.waves for one, _ in parts], axis=2),
        cosines=np.concatenate([size * one.cosines for one, size in parts], axis=2),
        sines=np.concatenate([size * one.sines for one, size in parts], axis=2),
    )


def fly_passive(
    winds: PassiveWinds,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    time_s: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    *,
    time_end: float,
    amplitude_m: npt.ArrayLike = 0.0,
    errors: ErrorWaves | None = None,
    keep_s: npt.ArrayLike | None = None,
) -> Tracks:
    """Fly balloons that keep their density, backward in time when `time_end` is earlier.

    Parameters
    ----------
    lon_deg, lat_deg, time_s, alt_m : starts (N,); the altitude, metres, is the level by night.
    amplitude_m : how much higher the level is by day, (N,) or one.
    errors : as `made_weathers` draws them, of N members.
    keep_s : times to keep, in the order of the run.

    Raises
    ------
    OverflightError
        When a start or a time cannot be used.
    """
    given = np.broadcast_arrays(lon_deg, lat_deg, time_s, alt_m, amplitude_m)
    lon, lat, start, alt, up = (np.ravel(np.asarray(x, np.float64)) for x in given)
    step = OWN_STEP_S if winds.own else PRIOR_STEP_S
    rows = None
    if up.any():
        flight = _day_and_night(float(np.abs(time_end - start).max()) / DAY_S)
        coded = code(flight, backward=bool((start > time_end).any()), step_s=step)
        rows = np.repeat(coded.rows[None], lon.size, axis=0)
        rows[:, 0::2, 0, 0] = np.log(atmosphere.density_kgpm3(alt + up))[:, None]
        rows[:, 1::2, 0, 0] = np.log(atmosphere.density_kgpm3(alt))[:, None]
    else:
        flight = Flight((Stage((ConstantDensity(),)),), name="passive")
    risen = alt + np.where(solar_position(start, lon, lat)[0] > DAWN_DEG, up, 0.0)
    return fly(
        flight, winds.grid, lon, lat, start, alt_m=risen, time_end=time_end, keep_s=keep_s, step_s=step,
        rows=rows, errors=errors, error_every_s=OWN_ERROR_S if winds.own else PRIOR_ERROR_S, fast=False,
    )  # fmt: skip


def _day_and_night(days: float) -> Flight:
    """Return days and nights in turn: more of them than a flight can meet that goes around the globe."""
    day = Stage((ConstantDensity(),), (SunBelow(DAWN_DEG),), "day")
    night = Stage((ConstantDensity(),), (SunAbove(DAWN_DEG),), "night")
    return Flight((*(day, night) * (math.ceil(1.6 * days) + 2), Stage((ConstantDensity(),))), name="passive")


def near(
    lon_deg: float, lat_deg: float, radius_km: float, count: int, rng: np.random.Generator
) -> tuple[Float64s, Float64s]:
    """Draw places evenly over a circle; radius 0 is the place itself."""
    bearing, share = 360.0 * rng.random(count), np.sqrt(rng.random(count))
    lon, lat = destination(lon_deg, lat_deg, bearing, 1e3 * radius_km * share)
    return np.asarray(lon, np.float64), np.asarray(lat, np.float64)

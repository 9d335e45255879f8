"""What passes amount to at a site where some satellites' places in their orbits are not known.

Satellites whose times are known are counted as computed. Each of the others is drawn many times at places of
its orbit that its band leaves open, its plane where it is: counts, minutes and gaps are then what the draws
give, and no clock time is said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.places.sites import Site
from overflight.satellites.ages import Timing, draw_shifts, timing_of
from overflight.satellites.elements import ElementSet
from overflight.satellites.orbits import Orbit, choose_orbits
from overflight.satellites.passes import Passes, find_passes

Float64s = npt.NDArray[np.float64]
# From when to when (2, K) each pass counts; NaN where it does not.
Spans = Callable[[Passes], Float64s]
Progress = Callable[[str, float], None]

# A coarser grid for draws, where times do not count.
DRAW_STEP_S: Final = 90.0


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Passes of a window: `computed` of all satellites at their computed places, and draws of the rest.

    `timing` (satellites) says how well times are known. `drawn` holds one search a draw, of the satellites
    `loose` alone (indices into the orbits of `computed`); it is empty where the times of all are known.
    `too_old` names objects whose elements were too far from the window.
    """

    computed: Passes
    timing: tuple[Timing, ...]
    loose: npt.NDArray[np.intp]
    drawn: tuple[Passes, ...]
    too_old: tuple[str, ...] = ()

    @property
    def draws(self) -> int:
        """Return how many accounts of the window there are: one where all times are known."""
        return max(len(self.drawn), 1)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What one site had in each of D accounts, (D,): passes, seconds, seconds with one or more, and gaps.

    `longest_pass_s` and `longest_gap_s` are zero and the whole window where there is no pass. `intervals`
    holds for each account the times (2, N) with one satellite or more in view, merged.
    """

    passes: Float64s
    view_s: Float64s
    any_s: Float64s
    longest_pass_s: Float64s
    longest_gap_s: Float64s
    highest_deg: Float64s
    intervals: tuple[Float64s, ...]


def cover(
    sets: Sequence[ElementSet],
    sites: Sequence[Site],
    time_start: float,
    time_end: float,
    *,
    min_elevation_deg: float,
    max_age_s: float,
    draws: int,
    seed: int,
    progress: Progress | None = None,
) -> Coverage:
    """Find all passes over sites in a window, with draws of satellites whose phase is not known."""
    tell = progress or (lambda _text, _share: None)
    chosen = choose_orbits(sets, time_start, time_end)
    near = [o for o in chosen if abs(_outside_s(o, time_start, time_end)) <= max_age_s]
    old = tuple(f"{o.catalog} {o.name}".strip() for o in chosen if o not in near)
    timing = tuple(timing_of(o, time_start, time_end) for o in near)
    loose = np.array([i for i, one in enumerate(timing) if not one.timed], dtype=np.intp)
    computed = find_passes(
        near, sites, time_start, time_end, min_elevation_deg=min_elevation_deg,
        progress=lambda text, share: tell(text, 0.3 * share),
    )  # fmt: skip
    drawn = _draw(near, timing, loose, computed, draws if loose.size else 0, seed, tell)
    return Coverage(computed, timing, loose, drawn, old)


def _outside_s(orbit: Orbit, time_start: float, time_end: float) -> float:
    """How far the nearest epoch lies outside the window; zero inside."""
    return min(
        (max(time_start - one.epoch_s, one.epoch_s - time_end, 0.0) for one in orbit.sets), default=0.0
    )


def _draw(
    orbits: Sequence[Orbit],
    timing: Sequence[Timing],
    loose: npt.NDArray[np.intp],
    computed: Passes,
    draws: int,
    seed: int,
    tell: Progress,
) -> tuple[Passes, ...]:
    generator = np.random.default_rng(seed)
    some = [orbits[i] for i in loose]
    shifts = np.array(
        [draw_shifts(timing[i], orbits[i].sets[0].period_s, draws, generator) for i in loose]
    ).reshape(len(some), draws)
    found = []
    for d in range(draws):
        tell("drawing places in the orbit", 0.3 + 0.7 * d / draws)
        found.append(
            find_passes(
                some, computed.sites, computed.time_start, computed.time_end,
                min_elevation_deg=computed.min_elevation_deg, step_s=DRAW_STEP_S, shift_s=shifts[:, d],
            )
        )  # fmt: skip
    return tuple(found)


def counts_at(coverage: Coverage, site: int, spans: Spans | None = None) -> Counts:
    """Count what one site (its index) had, of passes as `spans` cuts them; of all as they are when None."""
    computed = coverage.computed
    sure = (computed.site == site) & ~np.isin(computed.satellite, coverage.loose)
    held = _counted(computed, sure, spans)
    rows = []
    for one in coverage.drawn or (None,):
        found = [held] if one is None else [held, _counted(one, one.site == site, spans)]
        a, b, high = np.concatenate(found, axis=1)
        rows.append((_merged(a, b), a, b, float(high.max()) if high.size else np.nan))
    window = (computed.time_start, computed.time_end)
    return Counts(
        passes=np.array([float(a.size) for _, a, _, _ in rows]),
        view_s=np.array([float((b - a).sum()) for _, a, b, _ in rows]),
        any_s=np.array([float((m[1] - m[0]).sum()) for m, *_ in rows]),
        longest_pass_s=np.array([float((b - a).max(initial=0.0)) for _, a, b, _ in rows]),
        longest_gap_s=np.array([longest_gap_s(m, *window) for m, *_ in rows]),
        highest_deg=np.array([top for *_, top in rows]),
        intervals=tuple(m for m, *_ in rows),
    )


def _counted(passes: Passes, mine: npt.NDArray[np.bool_], spans: Spans | None) -> Float64s:
    """Begin, end and elevation (3, N) of those passes of `mine` that count."""
    begin, end = (passes.rise_s, passes.set_s) if spans is None else spans(passes)
    kept = mine & np.isfinite(begin)
    return np.stack([begin[kept], end[kept], passes.elevation_deg[kept]])


def longest_gap_s(merged: Float64s, time_start: float, time_end: float) -> float:
    """Return the longest time without a satellite in view, the ends of the window included."""
    edges_begin = np.concatenate([[time_start], merged[1]])
    edges_end = np.concatenate([merged[0], [time_end]])
    return float(np.maximum(edges_end - edges_begin, 0.0).max())


def _merged(begin: Float64s, end: Float64s) -> Float64s:
    """Return intervals (2, N) in order that do not touch, from intervals in any order."""
    if not begin.size:
        return np.empty((2, 0))
    order = np.argsort(begin, kind="stable")
    a, b = begin[order], np.maximum.accumulate(end[order])
    fresh = np.concatenate([[True], a[1:] > b[:-1]])
    first = np.flatnonzero(fresh)
    last = np.concatenate([first[1:] - 1, [a.size - 1]])
    return np.stack([a[first], b[last]])


def covered_s(merged: Float64s, time_s: Float64s) -> Float64s:
    """Return how long, of each step between times (T,), merged intervals cover, (T - 1,)."""
    if not merged.shape[1]:
        return np.zeros(time_s.size - 1)
    edges = merged.T.ravel()
    told = np.concatenate([[0.0], np.cumsum(merged[1] - merged[0])])
    grown = np.stack([told[:-1], told[1:]]).T.ravel()
    return np.diff(np.interp(time_s, edges, grown))

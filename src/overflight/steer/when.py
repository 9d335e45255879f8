"""When: the share of time it was propelled, when its height was commanded, where it kept its station.

All of it is read from smoothed draws of the paths under each hypothesis, weighed by the hypotheses'
posteriors, but for commands of height where heights are told close together: those are read from the heights
(`changepoints`). Passive hypotheses count with zero propulsion and no commands; so an answer is no surer than
the verdict is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.guided import Filtered
from overflight.reconstruct.motion import RADIUS_KM
from overflight.records import weighted_quantile
from overflight.steer.changepoints import CHANGE_KM, Levels, tells_commands, told_levels
from overflight.steer.evidence import Weighed
from overflight.steer.hypotheses import Hypothesis
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]

# Columns of `Filtered.paths`.
X, Y, Z, ERROR_U, ERROR_V, PUSH_X, PUSH_Y, COMMANDED = range(8)

# Airspeed from which a draw counts as propelled at a time: less is within a wind's error of an hour.
PROPELLED_MPS: Final = 1.0
# A hypothesis that is less probable changes no answer.
LEAST_ASKED: Final = 1e-3
# Changes of draws within this of one another may be one command; less where nodes lie close, so many steps.
SMOOTH_S: Final = 2 * HOUR_S
SMOOTH_STEPS, LEAST_SMOOTH_S = 6.0, 20 * 60.0
# A command is told when it is so probable.
LEAST_P: Final = 0.5
STATION_RADIUS_KM: Final = 50.0
STATION_HOURS: Final = 6.0
MOST_COMMANDS: Final = 60
# A climb or a descent on command is at least so fast (`climb_mps` of the hypothesis begins there).
SLOWEST_MPS: Final = 0.3
# Draws that share one ancestor agree about its commands and prove nothing; two lineages must, unless the
# heights that were told show the change by themselves.
LEAST_LINEAGES: Final = 2
# A change shows in heights when it is so many of their standard deviations, within `SMOOTH_S`.
SHOWN_SIGMA: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One change of the commanded height: when (5-50-95 %), from and to (medians), how probable.

    `lineages` counts the unlike draws that have it: draws of a filter share ancestors.
    """

    time_s: tuple[float, float, float]
    from_m: float
    to_m: float
    p: float
    lineages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A stretch in which it stayed within a radius: how probable, where, and the mean ground speed."""

    time_start: float
    time_end: float
    p: float
    x_km: float
    y_km: float
    speed_mps: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class When:
    """Over the times `time_s` (N): the probability of propulsion, and changes of height an hour.

    `propelled_share` is the share of the time it was propelled, 5-50-95 %, *if* it was propelled at all;
    None where no hypothesis says so. `commands` are told *if* its height was controlled.
    """

    time_s: Float64s
    p_propelled: Float64s
    commands_per_h: Float64s
    propelled_share: tuple[float, float, float] | None
    commands: tuple[Command, ...]
    command_count: tuple[float, float, float] | None
    stations: tuple[Station, ...]


def when(
    weighed: Weighed,
    fixes: Fixes | None = None,
    *,
    radius_km: float = STATION_RADIUS_KM,
    hours: float = STATION_HOURS,
    seed: int = 0,
) -> When:
    """Read from the draws when it was steered and where it kept its station.

    `fixes` are those weighed: with many heights the draws share their ancestors early on, and commands are
    then read from the heights. `radius_km` and `hours` say what station-keeping is: within the
    radius for at least so long.
    """
    node_s = weighed.filtered[0].node_s
    p_on, rate = np.zeros(node_s.size), np.zeros(node_s.size)
    levels = _levels(weighed, fixes, seed)
    for weight, one, level in zip(weighed.posterior, weighed.filtered, levels, strict=True):
        p_on += weight * _on_nodes(one.node_s, propelled(one.paths).mean(axis=0), node_s)
        # Nothing is commanded while a flight rises or falls.
        each = change_rate(level.time_s, level.level_km)
        rate += weight * np.interp(node_s, level.time_s, each, left=0.0, right=0.0)
    propelling = [i for i, h in enumerate(weighed.hypotheses) if h.model.horizontal == "propelled"]
    controlling = [i for i, h in enumerate(weighed.hypotheses) if h.model.vertical == "control"]
    pushed, commanded = _likeliest(weighed, propelling), _likeliest(weighed, controlling)
    share = None
    if pushed is not None:
        f = weighed.filtered[pushed]
        share = _triple(_time_share(f.node_s, propelled(f.paths)))
    count: tuple[float, float, float] | None = None
    found: tuple[Command, ...] = ()
    if commanded is not None:
        level = levels[commanded]
        count = _triple((changes(level.level_km) != 0.0).sum(axis=1).astype(float))
        found = commands(level, fixes)
    return When(
        time_s=node_s, p_propelled=np.clip(p_on, 0.0, 1.0), commands_per_h=rate, propelled_share=share,
        commands=found, command_count=count, stations=stations(weighed, radius_km=radius_km, hours=hours),
    )  # fmt: skip


def _levels(weighed: Weighed, fixes: Fixes | None, seed: int) -> list[Levels]:
    """Return the heights commanded under each hypothesis; the heights told are asked where that matters."""
    controlling = [i for i, h in enumerate(weighed.hypotheses) if h.model.vertical == "control"]
    best = _likeliest(weighed, controlling)
    asked = [i for i in controlling if i == best or weighed.posterior[i] > LEAST_ASKED]
    return [
        levels_of(h, f, fixes if i in asked else None, seed=seed)
        for i, (h, f) in enumerate(zip(weighed.hypotheses, weighed.filtered, strict=True))
    ]


def levels_of(
    hypothesis: Hypothesis, filtered: Filtered, fixes: Fixes | None = None, *, seed: int = 0
) -> Levels:
    """Return the heights commanded: read from the heights of `fixes`, where those are dense while afloat.

    Else from the filter's draws, which know the winds too.
    """
    afloat = filtered.node_s[filtered.afloat >= 0.5]
    if fixes is not None and afloat.size > 1:
        begin, end = float(afloat[0]), float(afloat[-1])
        if tells_commands(fixes, begin, end):
            return told_levels(hypothesis.model, fixes, begin, end, seed=seed)
    return Levels(filtered.node_s, filtered.paths[:, :, COMMANDED])


def _likeliest(weighed: Weighed, among: list[int]) -> int | None:
    return max(among, key=lambda i: float(weighed.posterior[i])) if among else None


def propelled(paths: Float64s) -> npt.NDArray[np.bool_]:
    """Return whether each draw (M, N) moves through the air of itself."""
    return np.asarray(np.hypot(paths[:, :, PUSH_X], paths[:, :, PUSH_Y]) >= PROPELLED_MPS)


def _time_share(node_s: Float64s, on: npt.NDArray[np.bool_]) -> Float64s:
    """Share of the time (M,) that is on, by the trapezoidal rule."""
    span = node_s[-1] - node_s[0]
    return np.asarray(np.trapezoid(on.astype(float), node_s, axis=1) / span if span > 0 else on[:, 0] * 1.0)


def changes(level_km: Float64s) -> Float64s:
    """Return the changes (M, N - 1), km, of commanded heights (M, N); small ones are zero."""
    step = np.diff(level_km, axis=1)
    return np.asarray(np.where(np.abs(step) >= CHANGE_KM, step, 0.0))


def change_rate(node_s: Float64s, level_km: Float64s) -> Float64s:
    """Return the expected changes an hour (N,) of commanded heights (M, N), smoothed over two hours."""
    if node_s.size < 2:
        return np.zeros(node_s.size)
    each = (changes(level_km) != 0.0).mean(axis=0)
    total = np.concatenate([[0.0], np.cumsum(each)])
    low, high = (
        np.maximum(node_s - 0.5 * SMOOTH_S, node_s[0]),
        np.minimum(node_s + 0.5 * SMOOTH_S, node_s[-1]),
    )
    # The expected count up to a time, taken as even within a step.
    count = np.interp(high, node_s, total) - np.interp(low, node_s, total)
    return np.asarray(count / ((high - low) / HOUR_S))


def commands(levels: Levels, fixes: Fixes | None = None) -> tuple[Command, ...]:
    """Gather the changes of level that draws have into commands, the earliest first.

    Up and down are gathered apart. The window (`SMOOTH_S` at most) in which most draws have a change is one
    command; the changes nearest its middle give its time; then the next window, until none is as probable as
    `LEAST_P`. What goes on the same way while the climb can last is one command, unless draws have climbs as
    one already.
    """
    node_s, step = levels.time_s, changes(levels.level_km)
    middle = 0.5 * (node_s[1:] + node_s[:-1])
    usual = levels.gap_s or (float(np.median(np.diff(node_s))) if node_s.size > 1 else 0.0)
    wide_s = min(max(SMOOTH_STEPS * usual, LEAST_SMOOTH_S), SMOOTH_S)
    found: list[Command] = []
    for way in (step > 0.0, step < 0.0):
        rest = way.copy()
        while len(found) < MOST_COMMANDS:
            one = _strongest(middle, levels.level_km, rest, wide_s)
            if one is None:
                break
            found.append(one)
    found = [one for one in found if one.lineages >= LEAST_LINEAGES or (fixes and shown(one, fixes))]
    found.sort(key=lambda c: c.time_s[1])
    return tuple(found) if levels.climbs else _as_climbs(found)


def _as_climbs(found: Sequence[Command]) -> tuple[Command, ...]:
    """Join commands that go on the same way while the climb of the one before can still last.

    One climb of changing speed is drawn as several levels, and nobody could tell it from them.
    """
    out: list[Command] = []
    for one in found:
        last = out[-1] if out else None
        if last is not None and (one.to_m > one.from_m) == (last.to_m > last.from_m):
            lasts_s = abs(last.to_m - last.from_m) / SLOWEST_MPS
            if one.time_s[1] - last.time_s[1] <= lasts_s:
                p, lineages = max(one.p, last.p), max(one.lineages, last.lineages)
                out[-1] = replace(last, to_m=one.to_m, p=p, lineages=lineages)
                continue
        out.append(one)
    return tuple(out)


def shown(command: Command, fixes: Fixes) -> bool:
    """Whether heights told before and after a command show its change without any draw."""
    known = ~np.isnan(fixes.alt_km)
    time_s, alt_km, sd_km = fixes.time_s[known], fixes.alt_km[known], fixes.alt_sd_km[known]
    at, way = command.time_s[1], math.copysign(1.0, command.to_m - command.from_m)
    before = (time_s <= at) & (time_s > at - SMOOTH_S)
    after = (time_s > at) & (time_s <= at + SMOOTH_S)
    if not before.any() or not after.any():
        return False
    last = int(np.flatnonzero(before)[np.argmax(time_s[before])])
    later = np.flatnonzero(after)
    moved = way * (alt_km[later] - alt_km[last])
    error = np.hypot(sd_km[later], sd_km[last])
    return bool(np.any((moved >= CHANGE_KM) & (moved >= SHOWN_SIGMA * error)))


def _strongest(
    middle: Float64s, level_km: Float64s, rest: npt.NDArray[np.bool_], wide_s: float
) -> Command | None:
    """Take the most probable command out of the draws' changes (M, N - 1); None when there is none."""
    if not rest.size:
        return None
    total = np.concatenate([np.zeros((len(rest), 1), np.int64), np.cumsum(rest, axis=1)], axis=1)
    ends = np.searchsorted(middle, middle + wide_s + 1.0)
    share = (total[:, ends] > total[:, : middle.size]).mean(axis=0)
    if not share.size or share.max() < LEAST_P:
        return None
    # Of windows alike the middle one, so that the command does not lie at their edge.
    alike = np.flatnonzero(share >= share.max() - 1e-9)
    begin = int(alike[len(alike) // 2])
    window = slice(begin, int(ends[begin]))
    centre = middle[begin] + 0.5 * wide_s
    who, at = _nearest(rest[:, window], np.abs(middle[window] - centre))
    at = at + begin
    # What else lies in the window is the same command, met in more than one step.
    rest[:, window] = False
    low, half, high = np.quantile(middle[at], [0.05, 0.5, 0.95])
    commanded = level_km[who]
    rows = np.arange(who.size)
    return Command(
        time_s=(float(low), float(half), float(high)),
        from_m=float(np.median(commanded[rows, at])) * 1e3,
        to_m=float(np.median(commanded[rows, at + 1])) * 1e3,
        p=who.size / len(rest),
        lineages=len(np.unique(commanded[rows, at + 1])),
    )


def _nearest(
    inside: npt.NDArray[np.bool_], away: Float64s
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the draws that have a change in the window, and each one's change nearest its middle."""
    who = np.flatnonzero(inside.any(axis=1))
    at = np.where(inside[who], away[None, :], np.inf).argmin(axis=1)
    return who.astype(np.int64), at.astype(np.int64)


def stations(weighed: Weighed, *, radius_km: float, hours: float) -> tuple[Station, ...]:
    """Find stretches in which it stayed within a radius for hours, with probability at least one half.

    Whether it was wind or will that kept it there is another question: a calm does the same.
    """
    node_s = weighed.filtered[0].node_s
    p = np.zeros(node_s.size)
    place = np.zeros((node_s.size, 2))
    for weight, one in zip(weighed.posterior, weighed.filtered, strict=True):
        on = kept_station(one.node_s, one.paths, radius_km, hours).mean(axis=0)
        p += weight * _on_nodes(one.node_s, on, node_s)
        for i in (X, Y):
            place[:, i] += weight * np.interp(node_s, one.node_s, one.paths[:, :, i].mean(axis=0))
    return tuple(s for s in _stretches(node_s, p, place) if s.time_end - s.time_start >= hours * HOUR_S - 1.0)


def _stretches(node_s: Float64s, p: Float64s, place: Float64s) -> list[Station]:
    on = np.concatenate([[False], p >= LEAST_P, [False]])
    edges = np.flatnonzero(np.diff(on.astype(int)))
    found = []
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        start, end = float(node_s[a]), float(node_s[b - 1])
        if end <= start:
            continue
        gone = _ground_km(place[a:b]).sum()
        middle = place[a:b].mean(axis=0)
        found.append(
            Station(
                time_start=start, time_end=end, p=float(np.clip(p[a:b].mean(), 0.0, 1.0)),
                x_km=float(middle[0]), y_km=float(middle[1]), speed_mps=float(gone) * 1e3 / (end - start),
            )
        )  # fmt: skip
    return found


def kept_station(node_s: Float64s, paths: Float64s, radius_km: float, hours: float) -> npt.NDArray[np.bool_]:
    """Return whether each node of each draw (M, N) lies in a stay: `hours` or more within the radius.

    A stay is a stretch of nodes that all lie within the radius of their mean place.
    """
    kept = np.zeros(paths.shape[:2], bool)
    last = np.searchsorted(node_s, node_s + hours * HOUR_S - 1.0)
    x, y = paths[:, :, X] * math.cos(float(np.mean(paths[:, :, Y])) / RADIUS_KM), paths[:, :, Y]
    for a, b in enumerate(last):
        if b >= node_s.size:
            break
        px, py = x[:, a : b + 1], y[:, a : b + 1]
        away = np.hypot(px - px.mean(axis=1, keepdims=True), py - py.mean(axis=1, keepdims=True))
        kept[away.max(axis=1) <= radius_km, a : b + 1] = True
    return kept


def _ground_km(place: Float64s) -> Float64s:
    step = np.diff(place, axis=0)
    shrink = np.cos(0.5 * (place[1:, 1] + place[:-1, 1]) / RADIUS_KM)
    return np.asarray(np.hypot(step[:, 0] * shrink, step[:, 1]))


def _on_nodes(own_s: Float64s, values: Float64s, node_s: Float64s) -> Float64s:
    """Bring values from a hypothesis's own nodes to the common ones."""
    return np.asarray(np.interp(node_s, own_s, values))


def _triple(values: Float64s) -> tuple[float, float, float]:
    low, middle, high = weighted_quantile(values, np.ones(values.size), (0.05, 0.5, 0.95))
    return float(low), float(middle), float(high)

"""When a flight would best end: the risk on the ground for many end times, and where it is least.

For every time the same members fall with the same pieces and the same errors of the wind, so two times differ
by what differs between them and not by the draw. A time counts as no worse than the best one when the paired
difference is within two of its Monte Carlo standard errors. The best of many times is picked by what it
happened to draw, which flatters it; where that matters, ask for more members.

The risk is that of one piece a class: a flight that comes down in a hundred pieces risks more, at every time.

It is about people and property below a planned cut-down or a failure, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from overflight.errors import CoverageError, InputError, LimitError
from overflight.places.population import Raster
from overflight.records import Finding
from overflight.times import from_datetime64, iso_utc
from overflight.trajectories.ensemble import settled_error
from overflight.trajectories.fragments import LARGE_FRAGMENTS, Fragment, check_fragments
from overflight.trajectories.landing import (
    Fall,
    Surface,
    Winds,
    cloud_at,
    draw,
    falls_of,
    wind_members,
)
from overflight.trajectories.landing_answers import LEAST_LANDED, PART, Chance, chance, spread_of_mean
from overflight.trajectories.solve import HeightMap
from overflight.winds.error import WindError
from overflight.words import percent

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Risk = Literal["land", "populated"]
RISKS: tuple[Risk, ...] = get_args(Risk)
WORDS: dict[Risk, str] = {
    "land": "any class of pieces comes down on land",
    "populated": "any class of pieces comes down on a populated cell",
}

EVERY_S = 1800.0
MEMBERS = 500
TIMES_MOST = 2_000
# Standard errors within which two times are alike.
ALIKE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRisk:
    """The risk if the flight ends at one time.

    `land` and `populated` are the chances that a piece comes down so, by name of the fragment (`populated`
    is empty without a raster); `risk` that of any class. `aloft_share` is the weight of the members still in
    the air, `landed_share` the least share, over the classes, that came down within the winds. `alike` tells
    that no difference to the least risk is seen; None that too few came down to say.
    """

    time_s: float
    risk: Chance
    land: dict[str, Chance]
    populated: dict[str, Chance]
    aloft_share: float
    landed_share: float
    alike: bool | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandingWindows:
    """Risks by time, and the windows (start, end) in which the risk is least, ends being times asked.

    `tied` tells that every time that could be judged is alike.
    """

    by: Risk
    times: tuple[TimeRisk, ...]
    windows: tuple[tuple[float, float], ...]
    tied: bool
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """What happened at one time: which members were hit, whether all of a member's pieces came down."""

    hit: Bools
    landed: Bools
    source: npt.NDArray[np.intp]
    row: TimeRisk


def landing_windows(
    ensemble: xr.Dataset,
    fragments: Sequence[Fragment] | None,
    winds: Winds,
    *,
    seed: int,
    time_start: float | None = None,
    time_end: float | None = None,
    every_s: float = EVERY_S,
    by: Risk | None = None,
    members: int = MEMBERS,
    error: WindError | str | None = "auto",
    terrain: HeightMap | None = None,
    population: Raster | None = None,
    populated_from: float = 1.0,
    hold_below_m: float = 1000.0,
    progress: Callable[[float], None] | None = None,
) -> LandingWindows:
    """Return the risk on the ground for end times every `every_s`, and the windows in which it is least.

    Parameters
    ----------
    ensemble, fragments, winds, and all others not named : as for `landing.landing`.
    time_start, time_end : POSIX seconds UTC; the ensemble's own ends when None.
    by : 'populated' (needs a population raster) or 'land'; the first that can be when None.

    Raises
    ------
    CoverageError
        When the ensemble does not reach the times, or no member is aloft at any of them.
    InputError, LimitError
        When an argument cannot be used, or asks for more than 2000 times.
    """
    checked = check_fragments(LARGE_FRAGMENTS if fragments is None else fragments)
    chosen = _risk(by, population)
    times = _times(ensemble, time_start, time_end, every_s)
    parts = wind_members(winds)
    draws = draw(checked, seed=seed, members=members, error=settled_error(parts, error))
    surface = Surface(
        terrain=terrain, population=population, populated_from=populated_from, hold_below_m=hold_below_m
    )
    trials: list[_Trial] = []
    notes: dict[str, None] = {}
    for number, time_s in enumerate(times):
        try:
            cloud = cloud_at(ensemble, float(time_s))
        except CoverageError:
            notes[f"no member is in the air at {iso_utc(float(time_s))}"] = None
            continue
        falls, said = falls_of(cloud, checked, parts, draws, surface)
        notes |= dict.fromkeys(said)
        trials.append(_trial(float(time_s), falls, chosen, populated_from, cloud.aloft_share))
        if progress:
            progress((number + 1) / times.size)
    if not trials:
        raise CoverageError("no member of the flight is in the air at any of the times asked")
    return _judged(chosen, trials, every_s, tuple(notes))


def _risk(by: Risk | None, population: Raster | None) -> Risk:
    if by is not None and by not in RISKS:
        raise InputError(f"the risk '{by}' is unknown", field="by", remedy=f"Use one of {', '.join(RISKS)}.")
    if by == "populated" and population is None:
        raise InputError("no population raster is given", field="by", remedy="Give one, or ask by 'land'.")
    return by or ("land" if population is None else "populated")


def _times(ensemble: xr.Dataset, start: float | None, end: float | None, every_s: float) -> Float64s:
    axis = from_datetime64(ensemble["time"].values)
    low, high = float(axis[0] if start is None else start), float(axis[-1] if end is None else end)
    if not (axis[0] <= low <= high <= axis[-1]):
        raise CoverageError(
            "the flight is not known over the times asked",
            remedy=f"Ask from {iso_utc(float(axis[0]))} to {iso_utc(float(axis[-1]))}.",
        )
    if not every_s > 0.0:
        raise InputError(f"{every_s!r} s between times", field="every_s", remedy="Give seconds, as 1800.")
    if (high - low) / every_s + 1 > TIMES_MOST:
        raise LimitError(f"more than {TIMES_MOST} times are asked", remedy="Take them farther apart.")
    return np.arange(low, high + 1e-6, every_s, dtype=np.float64)


def _trial(
    time_s: float, falls: Sequence[Fall], by: Risk, populated_from: float, aloft_share: float
) -> _Trial:
    land = {f.fragment.name: chance(f.land[f.landed], f.source[f.landed]) for f in falls}
    populated = {
        f.fragment.name: chance(_populated(f, populated_from)[f.landed], f.source[f.landed])
        for f in falls
        if f.people is not None
    }
    landed = np.all([f.landed for f in falls], axis=0)
    hit = np.any([f.land if by == "land" else _populated(f, populated_from) for f in falls], axis=0)
    if by == "populated":
        # Off the raster nothing is known of people, as for a piece that was lost.
        landed &= ~np.any([f.off_raster for f in falls if f.off_raster is not None], axis=0)
    source = falls[0].source
    row = TimeRisk(
        time_s=time_s,
        risk=chance(hit[landed], source[landed]),
        land=land,
        populated=populated,
        aloft_share=aloft_share,
        landed_share=float(landed.mean()),
        alike=None,
    )
    return _Trial(hit, landed, source, row)


def _populated(fall: Fall, populated_from: float) -> Bools:
    if fall.people is None:
        return np.zeros(fall.landed.shape, np.bool_)
    with np.errstate(invalid="ignore"):
        return np.asarray(fall.people >= populated_from)


def _judged(by: Risk, trials: Sequence[_Trial], every_s: float, notes: tuple[str, ...]) -> LandingWindows:
    """Mark the times that are alike to the one of least risk, and gather them to windows."""
    sure = [trial for trial in trials if trial.row.landed_share >= LEAST_LANDED]
    best = min(sure, key=lambda trial: trial.row.risk.p, default=None)
    rows = tuple(_with_verdict(trial, best) for trial in trials)
    alike = [row.time_s for row in rows if row.alike]
    windows: list[tuple[float, float]] = []
    for time_s in alike:
        if windows and time_s - windows[-1][1] <= 1.001 * every_s:
            windows[-1] = (windows[-1][0], time_s)
        else:
            windows.append((time_s, time_s))
    tied = len(sure) > 1 and len(alike) == len(sure)
    findings = _findings(by, rows, best, tuple(windows), tied, notes)
    return LandingWindows(
        by=by, times=rows, windows=tuple(windows), tied=tied, findings=findings, notes=notes
    )


def _with_verdict(trial: _Trial, best: _Trial | None) -> TimeRisk:
    row = trial.row
    alike = None if best is None or row.landed_share < LEAST_LANDED else _alike(trial, best)
    return replace(row, alike=alike)


def _alike(trial: _Trial, best: _Trial) -> bool:
    both = trial.landed & best.landed
    if trial is best or not both.any():
        return trial is best
    difference = trial.hit[both].astype(np.float64) - best.hit[both]
    return bool(difference.mean() <= ALIKE * spread_of_mean(difference, trial.source[both]))


def _findings(
    by: Risk,
    rows: Sequence[TimeRisk],
    best: _Trial | None,
    windows: Sequence[tuple[float, float]],
    tied: bool,
    notes: Sequence[str],
) -> tuple[Finding, ...]:
    asked = f"When is it least likely that {WORDS[by]}, if the flight is to end?"
    given = {
        "from": iso_utc(rows[0].time_s),
        "to": iso_utc(rows[-1].time_s),
        "times": str(len(rows)),
        "risk": WORDS[by],
    }
    if best is None:
        why = f"at no time do {percent(LEAST_LANDED)} of the members come down within the winds"
        return (
            Finding(
                id=f"{PART}.windows.least",
                question=asked,
                kind="undetermined",
                unit="",
                value=None,
                given=given,
                reason=why,
            ),
        )
    least = best.row.risk
    said = f"Monte Carlo standard error {least.sd:.2g}"
    if tied:
        said += "; no time differs from the best by more than two of it, so none is to be preferred"
    elif len(windows) > 1:
        said += f"; {len(windows)} windows are alike within two of it"
    reason = ". ".join([said, *notes])
    words = "no time is better than another" if tied else "; ".join(_span(*window) for window in windows)
    return (
        Finding(
            id=f"{PART}.windows.least",
            question=asked,
            kind="category",
            unit="",
            value={"category": words},
            given=given,
            reason=reason,
        ),
        Finding(
            id=f"{PART}.windows.risk",
            question=f"How likely is it then that {WORDS[by]}?",
            kind="probability",
            unit="1",
            value={"p": least.p},
            given={**given, "end_of_flight": iso_utc(best.row.time_s), "monte_carlo_sd": f"{least.sd:.2g}"},
            reason=reason,
        ),
    )


def _span(start: float, end: float) -> str:
    return iso_utc(start) if start == end else f"{iso_utc(start)} to {iso_utc(end)}"

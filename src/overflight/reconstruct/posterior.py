"""Reconstruct a flight: sightings and winds in, flight ensembles and scenario weights out.

`reconstruct` samples the posterior path between the first and the last sighting; `forecast` runs its last
state onward and `origin` its first state backward, with the same motion and the same wind error.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, SolveError
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.likelihood import MISTAKEN, Candidates, Scenario, make_candidates, make_nodes
from overflight.reconstruct.motion import KM, STATE, Air, Wander, air_codes, make_air, pressure_table
from overflight.reconstruct.sampler import Sample, Start, sample_paths, simulate
from overflight.records import EnsembleKind, Sighting, make_ensemble
from overflight.sightings.witness import sighting_region
from overflight.units import DAY_S, HOUR_S
from overflight.winds.choose import CaseWinds
from overflight.winds.error import PRIOR_LAGRANGIAN_S, path_error_m

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]

# Nothing is known of the place before the first sighting but that the balloon came from somewhere near it.
START_SD_KM = 2500.0
FLOAT_ALT_M = (18_000.0, 4_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the reconstruction can be told. Defaults are for a stratospheric balloon of unknown make.

    `members` is the number of paths in all, shared out among scenarios. `float_alt_m` is the prior mean
    and standard deviation of the float level above the ellipsoid. `height_sd_m` and `height_time_s` say
    how the height wanders about that level. `step_s` is the step of the ensembles' time axis.
    """

    members: int = 400
    seed: int = 0
    step_s: float = 1800.0
    float_alt_m: tuple[float, float] = FLOAT_ALT_M
    height_sd_m: float = 600.0
    height_time_s: float = 12 * HOUR_S
    sweeps: int = 1
    final_sweeps: int = 12


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioResult:
    """What one scenario came to. `weight` is posterior; `log_evidence` of all sightings."""

    scenario: Scenario
    weight: float
    log_evidence: float
    candidates: Candidates
    sample: Sample


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """The posterior and what other questions of it need.

    `sightings` are those fitted, in the order of the candidates; `air` and `wander` the motion.
    """

    ensemble: xr.Dataset
    sightings: tuple[Sighting, ...]
    scenarios: tuple[ScenarioResult, ...]
    node_s: Float64s
    frame: Frame
    air: Air
    wander: Wander
    settings: Settings
    winds: CaseWinds

    @property
    def paths(self) -> Float64s:
        """All members' paths (M, N, 7) over the nodes, scenarios one after the other."""
        return np.concatenate([s.sample.paths for s in self.scenarios])

    @property
    def weight(self) -> Float64s:
        """Normalised weights (M,) of the members in `paths`."""
        return np.concatenate(
            [np.full(len(s.sample.paths), s.weight / len(s.sample.paths)) for s in self.scenarios]
        )


def scenarios_from(hypotheses: Sequence[tuple[str, Scenario]]) -> tuple[Scenario, ...]:
    """Combine rival accounts (group, account) into scenarios: one account of every group each.

    Their prior weights multiply. No hypotheses make one scenario that believes and rejects nothing.
    """
    groups: dict[str, list[Scenario]] = {}
    for group, account in hypotheses:
        groups.setdefault(group, []).append(account)
    if not groups:
        return (Scenario("only", "The sightings as they stand"),)
    made = []
    for accounts in itertools.product(*groups.values()):
        accepts = frozenset().union(*(a.accepts for a in accounts))
        rejects = frozenset().union(*(a.rejects for a in accounts))
        if both := accepts & rejects:
            raise InputError(
                f"the hypotheses {', '.join(a.id for a in accounts)} both accept and reject {min(both)}",
                field="hypotheses",
                remedy="Put accounts that exclude each other into one group.",
            )
        title = "; ".join(a.title for a in accounts)
        weight = math.prod(a.weight for a in accounts)
        made.append(Scenario("+".join(a.id for a in accounts), title, weight, accepts, rejects))
    total = sum(s.weight for s in made)
    return tuple(Scenario(s.id, s.title, s.weight / total, s.accepts, s.rejects) for s in made)


def reconstruct(
    sightings: Sequence[Sighting],
    winds: CaseWinds,
    *,
    time_start: float,
    time_end: float,
    scenarios: Sequence[Scenario] = (),
    settings: Settings | None = None,
    cover: tuple[float, float] | None = None,
    provenance: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Reconstruction:
    """Sample the posterior of the path between the first and the last fitted sighting.

    `cover` widens that span, so that what lies before or after it can be asked of the same members.
    Sightings that are not fitted get fine time nodes all the same, for the question where the balloon was.

    Raises SolveError when no sighting can be fitted in the window.
    """
    settings = settings or Settings()
    scenarios = tuple(scenarios) or scenarios_from(())
    fitted = tuple(s for s in sightings if s.fitted and s.time_end >= time_start and s.time_start <= time_end)
    if not fitted:
        raise SolveError(
            "no sighting in the window can be fitted",
            remedy="Check the window in case.toml and the kinds and marks of the sightings "
            "(`overflight check CASE` lists them).",
        )
    first = max(time_start, min(s.time_start for s in fitted))
    last = min(time_end, max(s.time_end for s in fitted))
    if cover is not None:
        first, last = min(first, cover[0]), max(last, cover[1])
    # A single instant still needs a span to live on.
    node_s = make_nodes(sightings, first, max(last, first + HOUR_S))
    frame = _frame_of(fitted)
    # A day's path error from the prior must come out right although its errors are given a shorter memory.
    widen = path_error_m(1.0, PRIOR_LAGRANGIAN_S, DAY_S) / path_error_m(1.0, winds.error_time_s, DAY_S)
    air = make_air(frame, winds.prior, winds.own, winds.error_mps, max(1.0, widen))
    wander = Wander(
        winds.error_time_s, settings.height_time_s, settings.height_sd_m / KM, winds.mixing_km,
        winds.fast_time_s, winds.fast_share,
    )  # fmt: skip
    start = _start(fitted, frame, settings)
    samples = []
    share = max(16, settings.members // len(scenarios))
    for index, scenario in enumerate(scenarios):
        candidates = make_candidates(fitted, frame, node_s, scenario, float_alt_m=settings.float_alt_m)
        report = _reporter(progress, index, len(scenarios))
        rng = _rng(settings.seed, scenario.id)
        samples.append(
            (
                candidates,
                sample_paths(
                    air, wander, node_s, candidates, start, members=share, rng=rng,
                    sweeps=settings.sweeps, final_sweeps=settings.final_sweeps, progress=report,
                ),
            )
        )  # fmt: skip
    weights = _posterior_weights(scenarios, [sample.log_evidence for _, sample in samples])
    results = tuple(
        ScenarioResult(scenario, float(weight), sample.log_evidence, candidates, sample)
        for scenario, weight, (candidates, sample) in zip(scenarios, weights, samples, strict=True)
    )
    time_s = _axis(first, node_s[-1], settings.step_s)
    paths = np.concatenate([_resampled(node_s, r.sample.paths, time_s) for r in results])
    begins = np.concatenate([_first_believed(node_s, r) for r in results])
    aloft = time_s[None, :] >= begins[:, None] - 1.0
    ensemble = _ensemble(
        "posterior",
        time_s,
        paths,
        air,
        frame,
        aloft,
        np.concatenate([np.full(share, r.weight / share) for r in results]),
        np.repeat(np.arange(len(results)), share),
        tuple(s.id for s in scenarios),
        _attrs(settings, winds, provenance),
    )
    return Reconstruction(ensemble, fitted, results, node_s, frame, air, wander, settings, winds)


def forecast(
    reconstruction: Reconstruction, *, hours: float, provenance: Mapping[str, str] | None = None
) -> xr.Dataset:
    """Run every member onward from its last state; returns an ensemble of kind 'forecast'."""
    return _extend(reconstruction, hours, "forecast", provenance)


def origin(
    reconstruction: Reconstruction, *, hours: float, provenance: Mapping[str, str] | None = None
) -> xr.Dataset:
    """Run every member backward from its first state; returns an ensemble of kind 'origin'."""
    return _extend(reconstruction, -hours, "origin", provenance)


def _extend(
    r: Reconstruction, hours: float, kind: EnsembleKind, provenance: Mapping[str, str] | None
) -> xr.Dataset:
    if not math.isfinite(hours) or hours == 0.0:
        raise InputError(f"the {kind} is asked for {hours} h", remedy="Ask for a positive number of hours.")
    forward = hours > 0
    begins = np.concatenate([_first_believed(r.node_s, s) for s in r.scenarios])
    # Origins start where each scenario's first believed sighting is, in steps back from its earliest member.
    anchor = r.node_s[-1] if forward else float(begins.min())
    step = r.settings.step_s if forward else -r.settings.step_s
    steps = np.arange(round(abs(hours) * HOUR_S / r.settings.step_s) + 1, dtype=np.float64)
    time_s: Float64s = np.asarray(anchor + step * steps)
    paths, level = r.paths, np.concatenate([s.sample.level_km for s in r.scenarios])
    if forward:
        state = paths[:, -1]
        made = simulate(r.air, r.wander, time_s, state, level, _rng(r.settings.seed, kind))
        aloft = np.ones(made.shape[:2], bool)
    else:
        made, aloft = _backward(r, paths, level, begins, time_s)
    order = slice(None) if forward else slice(None, None, -1)
    counts = [len(s.sample.paths) for s in r.scenarios]
    return _ensemble(
        kind,
        time_s[order],
        made[:, order],
        r.air,
        r.frame,
        aloft[:, order],
        r.weight,
        np.repeat(np.arange(len(counts)), counts),
        tuple(s.scenario.id for s in r.scenarios),
        _attrs(r.settings, r.winds, provenance),
    )


def _backward(
    r: Reconstruction, paths: Float64s, level: Float64s, begins: Float64s, time_s: Float64s
) -> tuple[Float64s, npt.NDArray[np.bool_]]:
    """Run each member back from its own first believed sighting onto the common axis."""
    rng = _rng(r.settings.seed, "origin")
    made = np.full((len(paths), time_s.size, STATE), np.nan)
    for begin in np.unique(begins):
        who = np.flatnonzero(begins == begin)
        node = int(np.argmin(np.abs(r.node_s - begin)))
        ahead = time_s[time_s < begin - 1.0]
        if ahead.size:
            times = np.concatenate([[begin], ahead])
            made[np.ix_(who, np.flatnonzero(time_s < begin - 1.0))] = simulate(
                r.air, r.wander, times, paths[who, node], level[who], rng
            )[:, 1:]
        exact = np.flatnonzero(np.abs(time_s - begin) <= 1.0)
        if exact.size:
            made[who, exact[0]] = paths[who, node]
    return made, np.isfinite(made[:, :, 0])


def _frame_of(fitted: Sequence[Sighting]) -> Frame:
    regions = [sighting_region(s, *FLOAT_ALT_M) for s in fitted]
    return fit_frame([g.lon_deg for g in regions if g], [g.lat_deg for g in regions if g])


def _start(fitted: Sequence[Sighting], frame: Frame, settings: Settings) -> Start:
    """Wide prior about the place of the earliest sighting."""
    earliest = min(fitted, key=lambda s: (s.time_start + s.time_end, s.id))
    region = sighting_region(earliest, *settings.float_alt_m)
    if region is None:
        raise SolveError(f"sighting {earliest.id} has no place")
    x_m, y_m = frame.to_plane(region.lon_deg, region.lat_deg)
    mean, sd = settings.float_alt_m
    return Start(float(x_m) / KM, float(y_m) / KM, START_SD_KM, mean / KM, sd / KM)


def _posterior_weights(scenarios: Sequence[Scenario], log_evidence: Sequence[float]) -> Float64s:
    log_weight = np.log([s.weight for s in scenarios]) + np.asarray(log_evidence)
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


def _first_believed(node_s: Float64s, result: ScenarioResult) -> Float64s:
    """Time (M,) of the earliest sighting that each member does not take for a mistake."""
    pick = result.sample.pick
    node = result.candidates.node[pick]
    believed = result.candidates.reading[pick] != MISTAKEN
    last = node_s.size - 1
    return np.asarray(node_s[np.where(believed, node, last).min(axis=1)])


def _axis(first: float, last: float, step_s: float) -> Float64s:
    """Times every `step_s` on round clock times, with both ends of the flight."""
    inner = np.arange(math.ceil(first / step_s) * step_s, last, step_s)
    return np.unique(np.concatenate([[first], inner, [last]]))


def _resampled(node_s: Float64s, paths: Float64s, time_s: Float64s) -> Float64s:
    """Interpolate paths (M, N, 7) to other times with a shape-preserving cubic."""
    from scipy.interpolate import PchipInterpolator

    return np.asarray(PchipInterpolator(node_s, paths, axis=1)(time_s))


def _ensemble(
    kind: EnsembleKind,
    time_s: Float64s,
    paths: Float64s,
    air: Air,
    frame: Frame,
    aloft: npt.NDArray[np.bool_],
    weight: Float64s,
    scenario: npt.NDArray[np.int_],
    names: tuple[str, ...],
    attrs: Mapping[str, str],
) -> xr.Dataset:
    lon, lat = frame.to_lonlat(paths[:, :, 0] * KM, paths[:, :, 1] * KM)
    z_km = paths[:, :, 4]
    codes = air_codes(air, time_s, lon, lat, z_km)
    before = ~aloft & (np.cumsum(aloft, axis=1) == 0)
    status = np.where(aloft, np.where(codes > 0, 3, 0), np.where(before, 1, 2))
    table = pressure_table()
    pressure = np.exp(np.interp(z_km, np.arange(table.size) * 0.1, table))
    gone = ~aloft
    values = [np.where(gone, np.nan, a) for a in (lon, lat, z_km * KM, pressure)]
    return make_ensemble(
        kind=kind, time_s=time_s,
        lon_deg=values[0], lat_deg=values[1], alt_m=values[2], pressure_pa=values[3],
        status=status, weight=weight, scenario=scenario, scenario_names=names, attrs=attrs,
    )  # fmt: skip


def _attrs(settings: Settings, winds: CaseWinds, provenance: Mapping[str, str] | None) -> dict[str, str]:
    return {"winds": winds.title, "seed": str(settings.seed), **dict(provenance or {})}


def _rng(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for every scenario and run, so that none shifts another's draws."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


def _reporter(progress: Progress | None, index: int, count: int) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda done: progress("reconstructing", (index + done) / count)

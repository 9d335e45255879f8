"""How well each hypothesis explains the sightings: evidence, its Monte Carlo error, posterior.

The evidence of a hypothesis is the probability density of all sightings under it, with everything that is
not known (path, height, size and memory of the wind error, which reports are mistaken, when it steered)
integrated out by a guided particle filter (`overflight.reconstruct.guided`). Posterior = prior × evidence,
normalised. The Monte Carlo error of the evidence is carried into every number that rests on it: posteriors
are means over evidences drawn within their errors, so that a poor computation brings odds nearer to even.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.guided import Filtered, filter_flight
from overflight.reconstruct.models import MEMORY_SHARE, MIXING_SHARE, SCALE_HEIGHT_M, WindErrorBelief
from overflight.reconstruct.motion import Air, make_air
from overflight.steer.hypotheses import SIDES, Hypothesis, Side
from overflight.steer.reach import Reach, reach_of
from overflight.units import DAY_S
from overflight.winds.choose import CaseWinds
from overflight.winds.error import (
    ANALYSIS_ERROR,
    PRIOR_ERROR,
    PRIOR_LAGRANGIAN_S,
    STATED_SIZE_LOG_SD,
    believed_size,
    path_error_m,
)

Float64s = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Progress = Callable[[str, float], None]

# Draws of the evidences within their errors: the ends of a 90 % interval are then right to 1 % of its width.
ERROR_DRAWS: Final = 4000
PARTICLES: Final = 4000
# Where one batch carries all, the gap to the others says how far they fell short, not how far it is off: a
# larger error is taken as this. The law of the logarithm's bias holds for small errors.
LARGEST_SE: Final = 10.0
LARGEST_BIASED_SE: Final = 1.5
# The 95th hundredth of a standard normal.
NORMAL_95: Final = 1.6449
# Wind errors of so many times the stated size do not occur; so many draws are kept at least.
RUNAWAY: Final = 12.0
LEAST_SOUND: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weighed:
    """Hypotheses (H) and what the sightings make of them.

    `log_evidence` (H,) in nats with the standard error `se` (H,); `posterior` (H,) sums to one, the Monte
    Carlo error averaged over.
    """

    hypotheses: tuple[Hypothesis, ...]
    filtered: tuple[Filtered, ...]
    log_evidence: Float64s
    se: Float64s
    posterior: Float64s
    reach: Reach


def weigh(
    hypotheses: Sequence[Hypothesis],
    fixes: Fixes,
    air: Air,
    belief: WindErrorBelief,
    frame: Frame,
    *,
    particles: int = PARTICLES,
    seed: int = 0,
    draws: int = 200,
    step_s: float | None = None,
    progress: Progress | None = None,
) -> Weighed:
    """Filter the fixes under every hypothesis and weigh them.

    `particles` a hypothesis, `step_s` the filter's longest step; cost is linear in particles and steps. The
    same seed gives the same bytes. `progress` is called with the hypothesis at work and the share that is
    done.

    Raises InputError when there are no hypotheses.
    """
    if not hypotheses:
        raise InputError("there is no hypothesis to weigh", remedy="Keep at least two.")
    tell = progress or (lambda _text, _share: None)
    filtered = []
    for index, one in enumerate(hypotheses):
        tell(f"weighing: {one.title}", index / len(hypotheses))
        filtered.append(
            filter_flight(
                one.model,
                fixes,
                air,
                belief,
                frame=frame,
                particles=particles,
                seed=seed,
                step_s=step_s,
                draws=draws,
            )
        )
    return weighed_from(hypotheses, filtered, reach_of(hypotheses, fixes, air, belief, frame))


def sound(filtered: Filtered) -> Filtered:
    """Leave out draws that ran away: over gaps of days the linear smoother can lose its footing.

    A draw that asks for a wind error beyond `RUNAWAY` times the stated size is no path of any hypothesis.
    Where hardly any is sound, the least unsound are kept.
    """
    worst = np.nan_to_num(np.abs(filtered.paths[:, :, 3:5]).max(axis=(1, 2)), nan=np.inf)
    least = np.sort(worst)[min(LEAST_SOUND, len(worst)) - 1]
    keep = worst <= max(RUNAWAY, least)
    return replace(
        filtered,
        paths=filtered.paths[keep],
        readings=filtered.readings[keep],
        parameters=filtered.parameters[keep],
    )


def weighed_from(hypotheses: Sequence[Hypothesis], filtered: Sequence[Filtered], reach: Reach) -> Weighed:
    """Put filtered hypotheses together, their draws sifted."""
    log_evidence = np.array([f.log_evidence for f in filtered])
    se = np.array([f.log_evidence_se for f in filtered])
    prior = [h.prior for h in hypotheses]
    return Weighed(
        hypotheses=tuple(hypotheses),
        filtered=tuple(sound(f) for f in filtered),
        log_evidence=log_evidence,
        se=se,
        posterior=np.asarray(posterior_of(prior, drawn_log_evidence(log_evidence, se)).mean(axis=0)),
        reach=reach,
    )


def posterior_of(prior: npt.ArrayLike, log_evidence: npt.ArrayLike) -> Float64s:
    """Return prior × evidence, normalised along the last axis; the arguments broadcast."""
    with np.errstate(divide="ignore"):
        log_weight = np.log(np.asarray(prior, float)) + np.asarray(log_evidence, float)
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def posterior_draws(weighed: Weighed) -> Float64s:
    """Return posteriors (ERROR_DRAWS, H) with the evidences drawn within their errors."""
    drawn = drawn_log_evidence(weighed.log_evidence, weighed.se)
    return posterior_of([h.prior for h in weighed.hypotheses], drawn)


def unbiased(log_evidence: Float64s, se: Float64s) -> Float64s:
    """Make good that an evidence right in the mean has a logarithm low by half its variance."""
    return np.asarray(log_evidence + 0.5 * np.minimum(_bounded(se), LARGEST_BIASED_SE) ** 2)


def drawn_log_evidence(log_evidence: Float64s, se: Float64s) -> Float64s:
    """Draw log evidences (ERROR_DRAWS, H) within their errors."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(4, len(se))))
    noise = rng.standard_normal((ERROR_DRAWS, len(se)))
    return np.asarray(unbiased(log_evidence, se) + _bounded(se) * noise)


def _bounded(se: Float64s) -> Float64s:
    return np.asarray(np.minimum(np.nan_to_num(se, nan=LARGEST_SE), LARGEST_SE))


def posterior_bounds(weighed: Weighed) -> tuple[Float64s, Float64s]:
    """Return the 5 and 95 % ends (H,) of the posterior by the Monte Carlo error."""
    low, high = np.quantile(posterior_draws(weighed), [0.05, 0.95], axis=0)
    return np.minimum(low, weighed.posterior), np.maximum(high, weighed.posterior)


def side_posterior(weighed: Weighed) -> tuple[Triple, Triple, Triple]:
    """Return posterior, 5 and 95 % of the sides, in the order of `SIDES`."""
    sums = _side_sums(weighed.hypotheses, weighed.posterior)
    drawn = _side_sums(weighed.hypotheses, posterior_draws(weighed))
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    return _triple(sums), _triple(np.minimum(low, sums)), _triple(np.maximum(high, sums))


def side_odds(weighed: Weighed) -> tuple[float, float]:
    """Return ln(steered / passive) and its standard error; infinite and NaN where a side is empty."""
    sides = [h.side for h in weighed.hypotheses]
    if "steered" not in sides or "passive" not in sides:
        return (math.inf if "steered" in sides else -math.inf if "passive" in sides else math.nan), math.nan
    with np.errstate(divide="ignore"):
        log_weight = np.log([h.prior for h in weighed.hypotheses]) + unbiased(
            weighed.log_evidence, weighed.se
        )
    parts = [_log_sum(log_weight, [s == side for s in sides], weighed.se) for side in ("steered", "passive")]
    return parts[0][0] - parts[1][0], math.hypot(parts[0][1], parts[1][1])


def _log_sum(log_weight: Float64s, chosen: Sequence[bool], se: Float64s) -> tuple[float, float]:
    """Return ln of the sum of chosen weights and its error, to first order."""
    part, error = log_weight[np.asarray(chosen)], se[np.asarray(chosen)]
    top = float(part.max())
    share = np.exp(part - top)
    total = float(share.sum())
    return top + math.log(total), float(np.sqrt(np.sum((share / total * error) ** 2)))


def _side_sums(hypotheses: Sequence[Hypothesis], posterior: Float64s) -> Float64s:
    """Return posteriors (..., 3) summed over the hypotheses of each side."""
    sides: list[Side] = [h.side for h in hypotheses]
    columns = [posterior[..., np.array([s == side for s in sides])].sum(axis=-1) for side in SIDES]
    return np.asarray(np.clip(np.stack(columns, axis=-1), 0.0, 1.0))


def _triple(values: Float64s) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])


def belief_of(winds: CaseWinds) -> WindErrorBelief:
    """Return what is believed of the wind error of a case's winds: their own word, and how sure that is.

    The factor on the stated size is log-normal. Winds that state all of their error, and the prior, may be
    off by a factor of 1.65 in one case of three. The size of an analysis' error is what analyses are known to
    have, and what the case states counts beside it (`winds.error.believed_size`). The memory is log-normal
    too, about `MEMORY_SHARE` of what is stated of winds of the day, and about what is stated of the prior;
    and the mixing, about `MIXING_SHARE` of what is stated of winds of the day, which holds for reports hours
    apart and covers what they leave out.
    """
    factor, factor_log_sd = 1.0, STATED_SIZE_LOG_SD
    if winds.own is not None and any(winds.error_mps):
        added_mps = math.sqrt(0.5 * sum(e**2 for e in winds.error_mps))
        size_mps, factor_log_sd = believed_size(added_mps if winds.error_stated else None)
        factor = size_mps / added_mps
    log_pressure = (PRIOR_ERROR if winds.own is None else ANALYSIS_ERROR).log_pressure
    return WindErrorBelief(
        factor=factor,
        factor_log_sd=factor_log_sd,
        time_s=winds.error_time_s * (1.0 if winds.own is None else MEMORY_SHARE),
        fast_share=winds.fast_share,
        fast_time_s=winds.fast_time_s,
        height_scale_m=log_pressure * SCALE_HEIGHT_M,
        mixing_km=winds.mixing_km * (1.0 if winds.own is None else MIXING_SHARE),
        mixing_log_sd=0.5 if winds.own is None else 1.0,
    )


def air_of(winds: CaseWinds, frame: Frame) -> Air:
    """Lay a case's winds out for the kernels, as the reconstruction does.

    Where own winds end the prior stands in, widened so that a day's path error comes out right although its
    errors are given the own winds' shorter memory.
    """
    widen = path_error_m(1.0, PRIOR_LAGRANGIAN_S, DAY_S) / path_error_m(1.0, winds.error_time_s, DAY_S)
    return make_air(frame, winds.prior, winds.own, winds.error_mps, max(1.0, widen))

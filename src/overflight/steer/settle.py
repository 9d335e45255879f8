"""Weigh again, with more particles, where the error of the computation could change the verdict.

Most questions are settled by few particles; some hang on a height or a course that hardly one of them finds.
So a first run is followed by another with four times the particles, of those hypotheses that matter, where a
word could be given or withheld within the error of the computation, and always before a word that says that
it did not drift: where a first run missed what a rival can do, the rival looks steady. Where a word then has
the odds and is still withheld for the computation alone, a third run has four times those of the second. All
runs of a hypothesis count together (`overflight.reconstruct.guided_pool`). To stop where a run has decided
leans a little towards what it decided; docs/steer-calibration.md counts verdicts that were given so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.guided import filter_flight
from overflight.reconstruct.guided_pool import pool_runs
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import Air
from overflight.steer.evidence import LARGEST_SE, NORMAL_95, PARTICLES, Weighed, weigh, weighed_from
from overflight.steer.hypotheses import Hypothesis
from overflight.steer.verdict import (
    ACCUSING,
    Claim,
    behind,
    every_claim,
    out_of_reach,
    passes,
    scattered,
    threshold_of,
)

Progress = Callable[[str, float], None]

GROWTH: Final = 4
# An error of the log odds that changes no posterior by more than a few hundredths.
FINE: Final = 0.25
# A hypothesis so many nats behind, what it may have missed counted in its favour, moves no posterior.
FAR_BEHIND: Final = 4.0


def weigh_until_settled(
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
    threshold: float | None = None,
    winds_used: str = "files",
    further: bool = True,
    accusing_only: bool = False,
    progress: Progress | None = None,
) -> tuple[Weighed, tuple[int, ...]]:
    """Weigh hypotheses, again with more particles where the verdict is open; return what each got in all.

    Arguments are those of `weigh` and `judge`; `particles` are those of the first run, which others may
    follow if `further`. With `accusing_only` nothing is done again for the sake of the word 'drifted'. The
    same seed gives the same bytes.

    Raises InputError when there are no hypotheses, or the threshold is none.
    """
    bar = threshold_of(threshold, winds_used)
    tell = progress or (lambda _text, _share: None)
    asked = (is_open, is_held_back) if further else ()
    whole = sum(GROWTH**k for k in range(1 + len(asked)))
    found = weigh(
        hypotheses, fixes, air, belief, frame, particles=particles, seed=seed, draws=draws, step_s=step_s,
        progress=lambda text, share: tell(text, share / whole),
    )  # fmt: skip
    used, filtered, spent = [particles] * len(hypotheses), list(found.filtered), 1
    for run, asks in enumerate(asked, start=1):
        if not asks(found, bar, winds_used, accusing_only=accusing_only):
            break
        again, growth = in_question(found, bar), GROWTH**run
        count, of_run = particles * growth, _other_seed(seed, run)
        for done, i in enumerate(again):
            tell(f"weighing closer: {hypotheses[i].title}", (spent + growth * done / len(again)) / whole)
            more = filter_flight(
                hypotheses[i].model, fixes, air, belief, frame=frame, particles=count, seed=of_run,
                step_s=step_s, draws=draws,
            )  # fmt: skip
            filtered[i] = pool_runs([filtered[i], more], [used[i], count], seed=seed)
            used[i] += count
        found, spent = weighed_from(hypotheses, filtered, found.reach), spent + growth
    return found, tuple(used)


def is_open(
    weighed: Weighed, threshold: float, winds_used: str = "files", *, accusing_only: bool = False
) -> bool:
    """Whether more particles could give or take a word that winds and data allow, or must confirm one."""
    return any(
        _could_turn(weighed, claim, threshold, winds_used)
        for claim in every_claim(weighed)
        if claim.word in ACCUSING or not accusing_only
    )


def _could_turn(weighed: Weighed, claim: Claim, threshold: float, winds_used: str) -> bool:
    if claim.high < threshold or out_of_reach(weighed, claim, threshold, winds_used):
        return False
    if claim.p >= threshold and (claim.word in ACCUSING or scattered(weighed, claim)):
        return True
    return claim.low < threshold and _nats_wide(claim) > FINE


def is_held_back(
    weighed: Weighed, threshold: float, winds_used: str = "files", *, accusing_only: bool = False
) -> bool:
    """Whether a word that winds and data allow has the odds, and only the computation withholds it."""
    return any(
        claim.p >= threshold
        and not out_of_reach(weighed, claim, threshold, winds_used)
        and (not passes(claim, threshold) or bool(scattered(weighed, claim)))
        for claim in every_claim(weighed)
        if claim.word in ACCUSING or not accusing_only
    )


def _nats_wide(claim: Claim) -> float:
    """Return the standard error of the claim's log odds that its ends speak of."""
    low, high = np.clip([claim.low, claim.high], 1e-12, 1.0 - 1e-12)
    return float((np.log(high / (1.0 - high)) - np.log(low / (1.0 - low))) / (2.0 * NORMAL_95))


def in_question(weighed: Weighed, threshold: float) -> list[int]:
    """Return the hypotheses, by number, whose errors matter to the posteriors.

    Those of drifting are among them where a word against it would be given.
    """
    with np.errstate(divide="ignore"):
        weight = np.log([h.prior for h in weighed.hypotheses]) + weighed.log_evidence
    error = np.minimum(np.nan_to_num(weighed.se, nan=LARGEST_SE), LARGEST_SE)
    # As the verdict does it: the error of the one that leads counts too.
    reach = np.array([behind(math.hypot(float(e), float(error[np.argmax(weight)]))) for e in error])
    asked = (weight + reach > weight.max() - FAR_BEHIND) & (error > 0.5 * FINE)
    if any(c.word in ACCUSING and c.p >= threshold for c in every_claim(weighed)):
        asked |= np.array([h.side == "passive" and h.prior > 0.0 for h in weighed.hypotheses])
    return [int(i) for i in np.flatnonzero(asked)]


def _other_seed(seed: int, run: int) -> int:
    return int(np.random.SeedSequence([seed, run]).generate_state(1, np.uint64)[0] >> 1)

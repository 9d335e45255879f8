"""The verdict: one of four words, its numbers, and the reasons.

A side is named only when its posterior is at or above the threshold, the error of the computation leaves it
more likely than not, its rivals were computed well enough, and, for a drift and on a climatology, the data
could have told at all (`overflight.steer.reach`). Else the word is 'cannot tell', which is an answer: it says
what is missing.

A verdict says how the object moved. It does not say who moved it, or what for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from overflight.errors import InputError
from overflight.steer.evidence import LARGEST_SE, Weighed, side_odds, side_posterior
from overflight.steer.hypotheses import SIDES, Hypothesis, Side
from overflight.words import likelihood, percent, percent_range

Word = Literal["drifted", "steered", "not moved by wind", "cannot tell"]

WORDS: Final[dict[Side, Word]] = {
    "passive": "drifted",
    "steered": "steered",
    "not wind": "not moved by wind",
}
SIDE_WORDS: Final[dict[Side, str]] = {
    "passive": "it drifted",
    "steered": "it was steered",
    "not wind": "no wind moved it",
}
# What a verdict must have been weighed against.
RIVAL: Final[dict[Side, Side]] = {"passive": "steered", "steered": "passive"}
# Were the logarithm of a ratio of likelihoods normal, the wrong side would reach odds of k in at most
# Φ(-√(2 ln k)) of flights: 3 % for the 5.7 of this threshold. That is a guide: how many are falsely accused
# when nothing is so tidy is counted in docs/steer-calibration.md.
THRESHOLD: Final = 0.85
# On a climatology, whose spread is a guess about these days.
PRIOR_THRESHOLD: Final = 0.95
# The lower end of a posterior, by the error of the computation, must stay above even odds.
LEAST_LOW: Final = 0.5
# An evidence that scatters by more than this from batch to batch hangs on a few particles, and what the rest
# missed would add to it. It counts as beaten only where it lies so many of the errors behind.
SCATTERED: Final = 1.0
BEATEN: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the sightings and winds say about the side, and why.

    `p` and `p_low`, `p_high` are the posterior of each side and its 5 and 95 % by the Monte Carlo error, in
    the order of `SIDES`. `log_odds` is ln(steered / passive) and `log_odds_se` its Monte Carlo error; both
    are infinite or NaN where one of the sides has no hypothesis.
    """

    word: Word
    p: tuple[float, float, float]
    p_low: tuple[float, float, float]
    p_high: tuple[float, float, float]
    threshold: float
    log_odds: float
    log_odds_se: float
    reasons: tuple[str, ...]

    @property
    def p_steered(self) -> float:
        """Posterior that it was steered."""
        return self.p[1]

    @property
    def p_not_wind(self) -> float:
        """Posterior that no wind moved it."""
        return self.p[2]


def judge(weighed: Weighed, *, threshold: float | None = None, winds_used: str = "files") -> Verdict:
    """Turn weighed hypotheses into a verdict.

    Parameters
    ----------
    threshold : posterior that a side must reach, Monte Carlo error included; above 1/2, below 1. By default
        `THRESHOLD`, and `PRIOR_THRESHOLD` on the prior.
    winds_used : 'prior' when no winds of the day were at hand (`CaseWinds.used`).

    Raises InputError when the threshold is no such number.
    """
    if threshold is None:
        threshold = PRIOR_THRESHOLD if winds_used == "prior" else THRESHOLD
    if not 0.5 < threshold < 1.0:
        raise InputError(
            f"{threshold!r} is no threshold", field="threshold", remedy="Give a number between 0.5 and 1."
        )
    middle, low, high = side_posterior(weighed)
    odds, odds_se = side_odds(weighed)
    best = max(range(len(SIDES)), key=lambda i: middle[i])
    lacking = _out_of_reach(weighed, SIDES[best], threshold, winds_used)
    passed = middle[best] >= threshold and low[best] >= LEAST_LOW
    if passed:
        lacking += _scattered(weighed, SIDES[best])
    word: Word = WORDS[SIDES[best]] if passed and not lacking else "cannot tell"
    told = _for(SIDES[best], middle[best], low[best], high[best], threshold)
    could = (
        (weighed.reach.told(),) if word == "cannot tell" and not lacking and weighed.reach.middling else ()
    )
    reasons = (told, *lacking, *could, *_winds_reason(winds_used, word))
    return Verdict(
        word=word, p=middle, p_low=low, p_high=high, threshold=threshold,
        log_odds=odds, log_odds_se=odds_se, reasons=reasons,
    )  # fmt: skip


def _out_of_reach(weighed: Weighed, side: Side, threshold: float, winds_used: str) -> tuple[str, ...]:
    """Say why data and winds could not have told a side, if so.

    On winds of the day steering shows itself by its odds, and that it is seldom found where there was none
    has been measured; a drift asks that steering would have shown.
    """
    rival = RIVAL.get(side)
    if rival and not any(h.side == rival and h.prior > 0.0 for h in weighed.hypotheses):
        return (f"Nothing was weighed by which {SIDE_WORDS[rival]}.",)
    if side == "not wind":
        return weighed.reach.within_winds(winds_used)
    if side == "passive":
        return weighed.reach.lacking(threshold, winds_used)
    if winds_used == "prior":
        return weighed.reach.lacking(threshold, winds_used, _leading(weighed, side))
    return ()


def not_beaten(
    hypotheses: Sequence[Hypothesis], log_evidence: Sequence[float], se: Sequence[float], side: Side
) -> tuple[str, ...]:
    """Return the titles of rivals of a side whose evidence was not found well enough to count them beaten."""
    ranked = [
        (math.log(h.prior) + float(value), float(error), h)
        for h, value, error in zip(hypotheses, log_evidence, se, strict=True)
        if h.prior > 0.0
    ]
    top, top_se, _ = max((row for row in ranked if row[2].side == side), key=lambda row: row[0])
    out = []
    for value, error, one in ranked:
        both = math.hypot(min(error, LARGEST_SE), min(top_se, LARGEST_SE))
        if one.side != side and error > SCATTERED and not top - value >= BEATEN * both:
            out.append(one.title)
    return tuple(out)


def _scattered(weighed: Weighed, side: Side) -> tuple[str, ...]:
    """Say which rivals have not been computed well enough, if any."""
    found = not_beaten(weighed.hypotheses, weighed.log_evidence.tolist(), weighed.se.tolist(), side)
    if not found:
        return ()
    return (
        f"Few particles carry the evidence of what it is weighed against ({'; '.join(found)}), and what the "
        "others missed would add to it: a verdict would rest on the computation. More particles would help.",
    )


def _leading(weighed: Weighed, side: Side) -> str | None:
    """Return the likeliest hypothesis of a side."""
    mine = [
        (float(p), h.id) for p, h in zip(weighed.posterior, weighed.hypotheses, strict=True) if h.side == side
    ]
    return max(mine)[1] if mine else None


def _for(side: Side, p: float, low: float, high: float, threshold: float) -> str:
    """Say how the best side stands to the threshold."""
    head = f"That {SIDE_WORDS[side]} is {likelihood(p)} ({percent(p)}; {percent_range(low, high)} "
    head += "by the error of the computation)"
    bar = percent(threshold)
    if p >= threshold and low >= LEAST_LOW:
        return f"{head}, which passes the {bar} that a verdict asks for."
    if p >= threshold:
        return f"{head}: above {bar}, but maybe less than even by that error. More particles narrow it."
    # No word of likelihood below the threshold: it would be read as a weaker verdict.
    return (
        f"What comes nearest is that {SIDE_WORDS[side]}, {percent_range(low, high)} within the error "
        f"of the computation, and a verdict asks for {bar}."
    )


def _winds_reason(winds_used: str, word: Word) -> tuple[str, ...]:
    if winds_used != "prior" or word in ("steered", "not moved by wind"):
        return ()
    return (
        "No winds of these days were at hand: the climatology's spread is what winds of the season do, and "
        "nearly any path lies within it.",
    )

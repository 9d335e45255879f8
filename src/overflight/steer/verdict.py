"""The verdict: one of five words, its numbers, and the reasons.

A side is named only when its posterior is at or above the threshold, the error of the computation leaves it
more likely than not, its rivals were computed well enough, and, for a drift and on a climatology, the data
could have told at all (`overflight.steer.reach`). Where that holds of the two ways not to drift together and
of neither alone, the word is 'did not drift'. Else it is 'cannot tell', which is an answer: it says what is
missing.

A verdict says how the object moved. It does not say who moved it, or what for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from overflight.errors import InputError
from overflight.steer.evidence import LARGEST_SE, Weighed, side_odds, side_posterior
from overflight.steer.hypotheses import SIDES, Hypothesis, Side
from overflight.words import likelihood, percent, percent_range

Word = Literal["drifted", "steered", "not moved by wind", "did not drift", "cannot tell"]

WORDS: Final[dict[Side, Word]] = {
    "passive": "drifted",
    "steered": "steered",
    "not wind": "not moved by wind",
}
# Words that say of an object that drifted what is not so.
ACCUSING: Final[tuple[Word, ...]] = ("steered", "not moved by wind", "did not drift")
SIDE_WORDS: Final[dict[Side, str]] = {
    "passive": "it drifted",
    "steered": "it was steered",
    "not wind": "no wind moved it",
}
# What a verdict must have been weighed against.
RIVAL: Final[dict[Side, Side]] = {"passive": "steered", "steered": "passive", "not wind": "passive"}
# Were the logarithm of a ratio of likelihoods normal, the wrong side would reach odds of k in at most
# Φ(-√(2 ln k)) of flights: 5 % for the 4 of this threshold, where "very likely" begins (ICD 203). That is a
# guide: how many are falsely accused when nothing is so tidy is counted in docs/steer-calibration.md.
THRESHOLD: Final = 0.80
# On a climatology, whose spread is a guess about these days.
PRIOR_THRESHOLD: Final = 0.95
# The lower end of a posterior, by the error of the computation, must stay above even odds.
LEAST_LOW: Final = 0.5
# An evidence that scatters by more than this from batch to batch hangs on a few particles, and what the rest
# missed would add to it. It counts as beaten only where it lies so many of the errors behind, and further
# than what they are likely to have missed. Were the batches' evidences log-normal, with a scatter of s in the
# logarithm, their mean would lie s²/2 above the middle; the error is then about s/2, for it is the gap from
# the best batch to the middle over the root of their number. No more than 100 nats are asked for so.
SCATTERED: Final = 1.0
BEATEN: Final = 3.0
MISSED: Final = 2.0
HOPELESS: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the sightings and winds say about the side, and why.

    `p` and `p_low`, `p_high` are the posterior of each side and its 5 and 95 % by the Monte Carlo error, in
    the order of `SIDES`. `log_odds` is ln(steered / passive) and `log_odds_se` its Monte Carlo error; both
    are infinite or NaN where one of the sides has no hypothesis. `refused` are the sides that winds and data
    do not allow to be named, whatever their posteriors.
    """

    word: Word
    p: tuple[float, float, float]
    p_low: tuple[float, float, float]
    p_high: tuple[float, float, float]
    threshold: float
    log_odds: float
    log_odds_se: float
    reasons: tuple[str, ...]
    refused: tuple[Side, ...] = ()

    @property
    def p_steered(self) -> float:
        """Posterior that it was steered."""
        return self.p[1]

    @property
    def p_not_wind(self) -> float:
        """Posterior that no wind moved it."""
        return self.p[2]


class Claim(NamedTuple):
    """What a verdict would say: its word, the sides it covers, the likeliest of them first, and its chance.

    `low` and `high` are 5 and 95 % by the Monte Carlo error.
    """

    word: Word
    sides: tuple[Side, ...]
    p: float
    low: float
    high: float


def every_claim(weighed: Weighed) -> tuple[Claim, ...]:
    """Return what could be said, the likeliest side first; that it did not drift comes last."""
    p, low, high = side_posterior(weighed)
    order = sorted(range(len(SIDES)), key=lambda i: -p[i])
    single = [Claim(WORDS[SIDES[i]], (SIDES[i],), p[i], low[i], high[i]) for i in order]
    drift = SIDES.index("passive")
    moved = tuple(SIDES[i] for i in order if i != drift)
    return *single, Claim("did not drift", moved, 1.0 - p[drift], 1.0 - high[drift], 1.0 - low[drift])


def passes(claim: Claim, threshold: float) -> bool:
    """Whether a claim is as probable as a verdict asks, and more likely than not for all the error."""
    return claim.p >= threshold and claim.low >= LEAST_LOW


def judge(weighed: Weighed, *, threshold: float | None = None, winds_used: str = "files") -> Verdict:
    """Turn weighed hypotheses into a verdict.

    Parameters
    ----------
    threshold : posterior that a side must reach; above 1/2, below 1. By default `THRESHOLD`, and
        `PRIOR_THRESHOLD` on the prior.
    winds_used : 'prior' when no winds of the day were at hand (`CaseWinds.used`).

    Raises InputError when the threshold is no such number.
    """
    threshold = threshold_of(threshold, winds_used)
    p, low, high = side_posterior(weighed)
    odds, odds_se = side_odds(weighed)
    claims = every_claim(weighed)
    word, reasons = _word(weighed, claims, threshold, winds_used)
    refused = tuple(
        claim.sides[0] for claim in claims[:-1] if out_of_reach(weighed, claim, threshold, winds_used)
    )
    return Verdict(
        word=word, p=p, p_low=low, p_high=high, threshold=threshold, log_odds=odds, log_odds_se=odds_se,
        reasons=(*reasons, *_winds_reason(winds_used, word)), refused=refused,
    )  # fmt: skip


def threshold_of(threshold: float | None, winds_used: str) -> float:
    """Return the posterior that a verdict asks for; raise InputError where the one given cannot be it."""
    if threshold is None:
        return PRIOR_THRESHOLD if winds_used == "prior" else THRESHOLD
    if not 0.5 < threshold < 1.0:
        raise InputError(
            f"{threshold!r} is no threshold", field="threshold", remedy="Give a number between 0.5 and 1."
        )
    return threshold


def _word(
    weighed: Weighed, claims: Sequence[Claim], threshold: float, winds_used: str
) -> tuple[Word, tuple[str, ...]]:
    """Return the word of the likeliest side, else of both ways not to drift, and why; or what is lacking."""
    best, moved = claims[0], claims[-1]
    tried = (best,) if best.word == "drifted" else (best, moved)
    against = {claim: _against(weighed, claim, threshold, winds_used) for claim in tried}
    for claim in tried:
        if passes(claim, threshold) and not against[claim]:
            how = () if claim is best else (_which(best, threshold), *against[best])
            return claim.word, (_for(claim, threshold), *how)
    told = next((claim for claim in tried if passes(claim, threshold)), best)
    could = (weighed.reach.told(),) if not against[told] and weighed.reach.middling else ()
    return "cannot tell", (_for(told, threshold, held_back=bool(against[told])), *against[told], *could)


def _against(weighed: Weighed, claim: Claim, threshold: float, winds_used: str) -> tuple[str, ...]:
    """Say what stands against a claim, its chance aside: winds and data, or the computation."""
    lacking = out_of_reach(weighed, claim, threshold, winds_used)
    return lacking + (scattered(weighed, claim) if passes(claim, threshold) else ())


def out_of_reach(weighed: Weighed, claim: Claim, threshold: float, winds_used: str) -> tuple[str, ...]:
    """Say why data and winds could not have told what a claim says, of any side that it covers."""
    found = [r for side in claim.sides for r in _out_of_reach(weighed, side, threshold, winds_used)]
    return tuple(dict.fromkeys(found))


def _out_of_reach(weighed: Weighed, side: Side, threshold: float, winds_used: str) -> tuple[str, ...]:
    """Say why data and winds could not have told a side, if so.

    On winds of the day steering shows itself by its odds, and that it is seldom found where there was none
    has been measured, on flights of hours; a drift asks that steering would have shown.
    """
    rival = RIVAL[side]
    if not any(h.side == rival and h.prior > 0.0 for h in weighed.hypotheses):
        return (f"Nothing was weighed by which {SIDE_WORDS[rival]}.",)
    if side == "not wind":
        return weighed.reach.within_winds(winds_used)
    if side == "passive":
        return weighed.reach.lacking(threshold, winds_used)
    short = weighed.reach.too_short()
    if winds_used == "prior":
        short += weighed.reach.lacking(threshold, winds_used, _leading(weighed, side))
    return short


def not_beaten(
    hypotheses: Sequence[Hypothesis],
    log_evidence: Sequence[float],
    se: Sequence[float],
    sides: Sequence[Side],
) -> tuple[str, ...]:
    """Return the titles of rivals of sides whose evidence was not found well enough to count them beaten.

    An error beyond `LARGEST_SE` says that the evidence is not known. Winds and heights that no particle can
    follow are common on dense fixes of real balloons, so that a rival is then beaten by hundreds of nats
    only; but that no wind moved it has to stand against the winds themselves too (`Reach.within_winds`).
    """
    cap = LARGEST_SE if tuple(sides) == ("not wind",) else math.inf
    ranked = [
        (math.log(h.prior) + float(value), float(error), h)
        for h, value, error in zip(hypotheses, log_evidence, se, strict=True)
        if h.prior > 0.0
    ]
    top, top_se, _ = max((row for row in ranked if row[2].side in sides), key=lambda row: row[0])
    out = []
    for value, error, one in ranked:
        both = math.hypot(min(error, cap), min(top_se, cap))
        if one.side not in sides and error > SCATTERED and not top - value >= behind(both):
            out.append(one.title)
    return tuple(out)


def behind(error: float) -> float:
    """Return by how many nats a rival must lie behind whose evidence has such an error."""
    return max(BEATEN * error, min(MISSED * error**2, HOPELESS))


def scattered(weighed: Weighed, claim: Claim) -> tuple[str, ...]:
    """Say which rivals have not been computed well enough, if any."""
    found = not_beaten(weighed.hypotheses, weighed.log_evidence.tolist(), weighed.se.tolist(), claim.sides)
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


def _for(claim: Claim, threshold: float, *, held_back: bool = False) -> str:
    """Say how a claim stands to the threshold; of one held back no more than the range."""
    text, between = _clause(claim), percent_range(claim.low, claim.high)
    bar = percent(threshold)
    if claim.p < threshold:
        # No word of likelihood below the threshold: it would be read as a weaker verdict.
        return (
            f"What comes nearest is that {text}, {between} within the error of the computation, and a "
            f"verdict asks for {bar}."
        )
    if held_back:
        return f"By the computation alone the probability that {text} is {between}, but it does not stand."
    head = f"That {text} is {likelihood(claim.p)} ({percent(claim.p)}; {between} "
    head += "by the error of the computation)"
    if passes(claim, threshold):
        return f"{head}, which passes the {bar} that a verdict asks for."
    return f"{head}: above {bar}, but maybe less than even by that error. More particles narrow it."


def _which(claim: Claim, threshold: float) -> str:
    """Say why the likelier of two ways not to drift is not named."""
    between = percent_range(claim.low, claim.high)
    why = "" if passes(claim, threshold) else f", short of the {percent(threshold)} that naming it asks for"
    return (
        f"How it moved instead these data do not settle: the probability that {_clause(claim)} is "
        f"{between}{why}."
    )


def _clause(claim: Claim) -> str:
    return SIDE_WORDS[claim.sides[0]] if len(claim.sides) == 1 else "it did not drift"


def _winds_reason(winds_used: str, word: Word) -> tuple[str, ...]:
    if winds_used != "prior" or word in ACCUSING:
        return ()
    return (
        "No winds of these days were at hand: the climatology's spread is what winds of the season do, and "
        "nearly any path lies within it.",
    )

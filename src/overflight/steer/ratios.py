"""How many times as probable the sightings are under one side as under drifting: ratios of likelihoods.

A posterior rests on the prior odds of the sides, which are a choice; a ratio of likelihoods (a Bayes factor)
does not. Posterior odds of two sides are their prior odds times it, so that whoever holds other odds can
reckon with his own (Kass and Raftery, J. Am. Stat. Assoc. 90, 1995). Within a side the likelihood is the mean
over its hypotheses' evidences with their prior shares as weights, so that those shares do count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.steer.evidence import Weighed, drawn_log_evidence
from overflight.steer.hypotheses import SIDES, Side

Float64s = npt.NDArray[np.float64]

AGAINST: Final[Side] = "passive"
# Past this a number says no more than that it is large, and the evidences are not known as finely.
MOST_TIMES: Final = 1e6
# e to the power of this is the largest ratio that a number of JSON holds.
LARGEST_LOG: Final = 690.0
_CLAUSES: Final[dict[Side, str]] = {
    "passive": "if it drifted",
    "steered": "if it was steered",
    "not wind": "if no wind moved it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """ln of the likelihood of a side over that of drifting, with 5 and 95 % by the Monte Carlo error."""

    side: Side
    log: float
    log_low: float
    log_high: float


def ratios_of(weighed: Weighed) -> tuple[Ratio, ...]:
    """Return the ratio of every side that was weighed, but drifting itself, against drifting.

    There is none where no hypothesis of drifting has a prior above zero, nor of a side without one. The error
    is that of the posteriors, whose draws of the evidences are taken.
    """
    drawn = drawn_log_evidence(weighed.log_evidence, weighed.se)
    base = _log_likelihood(weighed, AGAINST, drawn)
    if base is None:
        return ()
    out = []
    for side in SIDES:
        top = None if side == AGAINST else _log_likelihood(weighed, side, drawn)
        if top is None:
            continue
        low, middle, high = np.quantile(top - base, [0.05, 0.5, 0.95])
        if math.isfinite(low) and math.isfinite(high):
            out.append(Ratio(side=side, log=float(middle), log_low=float(low), log_high=float(high)))
    return tuple(out)


def _log_likelihood(weighed: Weighed, side: Side, drawn: Float64s) -> Float64s | None:
    """Ln of the mean evidence (ERROR_DRAWS,) of a side, by the prior shares within it; None without any."""
    mine = np.array([h.side == side and h.prior > 0.0 for h in weighed.hypotheses])
    if not mine.any():
        return None
    prior = np.array([h.prior for h in weighed.hypotheses])[mine]
    return np.asarray(np.logaddexp.reduce(drawn[:, mine] + np.log(prior / prior.sum()), axis=1))


def ratio_row(ratio: Ratio) -> dict[str, object]:
    """Return a ratio for JSON: `times` and its 5 and 95 %, and their natural logarithms, which never end."""
    logs = {"p05": ratio.log_low, "p50": ratio.log, "p95": ratio.log_high}
    return {
        "side": ratio.side,
        "against": AGAINST,
        "times": {name: math.exp(min(max(x, -LARGEST_LOG), LARGEST_LOG)) for name, x in logs.items()},
        "log": logs,
    }


def told(ratios: Sequence[Ratio], *, range_only: bool) -> str:
    """Say the ratios in one sentence; `range_only` where a middle would be read as an answer."""
    clauses = [_clause(one, range_only) for one in ratios]
    if not clauses:
        return ""
    within = " and within the error of the computation" if range_only else ""
    note = "; in brackets the error of the computation" if any("(" in one for one in clauses) else ""
    said = ", and ".join(clauses)
    return f"Whatever the odds of the sides were before{within}, the sightings are {said}{note}."


def _clause(ratio: Ratio, range_only: bool) -> str:
    """Return '12 times (8 to 19) as probable if it was steered as if it drifted', the likelier side first."""
    logs = (ratio.log_low, ratio.log, ratio.log_high)
    first, second = _CLAUSES[ratio.side], _CLAUSES[AGAINST]
    if (logs[1] < 0.0 and not range_only) or logs[2] <= 0.0:
        logs = (-logs[2], -logs[1], -logs[0])
        first, second = second, first
    low, middle, high = (math.exp(min(max(x, -LARGEST_LOG), LARGEST_LOG)) for x in logs)
    if range_only:
        return f"{_range(low, high)} times as probable {first} as {second}"
    about = "about as probable" if _number(middle) == "1" else f"{_number(middle)} times"
    if _number(low) != _number(high):
        about += f" ({_range(low, high)})"
    return f"{about}{'' if about.startswith('about') else ' as probable'} {first} as {second}"


def _range(low: float, high: float) -> str:
    if _number(low) == _number(high):
        return _number(low)
    if low < 1.0 / MOST_TIMES:
        return f"anything to {_number(high)}" if high > MOST_TIMES else f"up to {_number(high)}"
    return f"{_number(low)} or more" if high > MOST_TIMES else f"{_number(low)} to {_number(high)}"


def _number(times: float) -> str:
    """Write a ratio to two digits, '0.35', '1.5', '12', '3,400'."""
    if times > MOST_TIMES:
        return "more than a million"
    if times < 1.0 / MOST_TIMES:
        return "less than a millionth"
    digits = 1 - math.floor(math.log10(times))
    text = f"{round(times, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if digits > 0 else text

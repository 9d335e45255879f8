"""How an answer is scored: lines, points, and what is false certainty.

Points come from two proper rules, under which nobody gains by saying anything but what he believes:

- a probability p of what turned out to be so: 1 + log2 p. Certainty of the truth is worth 1, an even chance
  0, the same as no answer; at p = 1/1000 and below it is −9, where it is cut;
- an interval of 90 %: 1 − S / scale, with the interval score S = width + 20 × what the truth lies outside
  (Gneiting and Raftery, J. Am. Stat. Assoc. 102, 2007, equation 43, α = 0.1), cut at −9. The scale is the
  width that helps nobody any more: 12 h, 300 km, and so on (`SCALES`).

What is not answered, and what is said to be undecidable, is worth nothing and costs nothing. *Falsely
certain* is a chance below 5 % given to what happened, or an interval that the truth misses by more than its
own width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from overflight.times import short_utc
from overflight.units import HOUR_S
from overflight.words import percent

Verdict = Literal["right", "wrong", "falsely certain", "cannot tell", "not answered", "not scored"]
VERDICTS: Final[tuple[Verdict, ...]] = (
    *("right", "wrong", "falsely certain", "cannot tell", "not answered", "not scored"),
)
WORST: Final = -9.0
LEAST_P: Final = 2.0 ** (WORST - 1.0)
CERTAIN: Final = 0.05
MISS_WEIGHT: Final = 20.0
# Of amounts of data the scale is the amount, and this much where it is nothing.
LEAST_SCALE: Final = 1e6
# By the unit of a finding: the width of an interval that tells nothing, and what counts as no width at all
# (the digits that are printed).
SCALES: Final[Mapping[str, tuple[float, float]]] = {
    "posix_s": (12.0 * HOUR_S, 600.0),
    "h": (12.0, 0.2),
    "m": (300e3, 2e3),
    "km": (300.0, 2.0),
    "deg": (45.0, 1.0),
    "1": (1.0, 0.01),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question of an exercise: what was answered, what was so, and what that is worth.

    `points` is None where nothing was answered or scored. `detail` holds numbers for the JSON.
    """

    part: str
    id: str
    question: str
    answer: str
    truth: str
    verdict: Verdict
    points: float | None = None
    detail: Mapping[str, Any] | None = None


def chance_line(
    part: str, id_: str, question: str, p: float | None, happened: bool, *, truth: str = ""
) -> Line:
    """Score the probability `p` of an event; None is not answered."""
    told = truth or ("yes" if happened else "no")
    if p is None:
        return unanswered(part, id_, question, told)
    of_truth = p if happened else 1.0 - p
    verdict: Verdict = "right" if of_truth >= 0.5 else "falsely certain" if of_truth < CERTAIN else "wrong"
    bits = -math.log2(max(of_truth, LEAST_P))
    return Line(
        part=part, id=id_, question=question, answer=percent(p), truth=told, verdict=verdict,
        points=log_points(of_truth),
        detail={"p": p, "happened": happened, "brier": (p - float(happened)) ** 2, "bits": bits},
    )  # fmt: skip


def log_points(p_of_truth: float) -> float:
    """Return 1 + log2 of the probability that was given to what is so, not below −9."""
    return 1.0 + math.log2(max(p_of_truth, LEAST_P))


def interval_line(
    part: str, id_: str, question: str, value: Mapping[str, Any] | None, unit: str, true: float | None
) -> Line:
    """Score an interval of 90 % (`p05`, `p50`, `p95`) or hard bounds (`lo`, `hi`) against a number.

    A question that has no true answer (the exit of what never left) is not scored.
    """
    told = "there is none" if true is None else show(true, unit)
    ends = bounds(value)
    if ends is None:
        return unanswered(part, id_, question, told)
    low, high = ends
    answer = f"{show(low, unit)} to {show(high, unit)}"
    if true is None:
        return Line(part=part, id=id_, question=question, answer=answer, truth=told, verdict="not scored")
    scale, slack = SCALES.get(unit, (max(abs(true), LEAST_SCALE), 0.0))
    miss = max(low - true, true - high, 0.0)
    width = high - low
    inside = miss <= slack
    certain = miss > max(width, slack)
    return Line(
        part=part, id=id_, question=question, answer=answer, truth=told,
        verdict="right" if inside else "falsely certain" if certain else "wrong",
        points=interval_points(width, 0.0 if inside else miss, scale),
        detail={"low": low, "high": high, "true": true, "inside": inside, "unit": unit},
    )  # fmt: skip


def interval_points(width: float, miss: float, scale: float) -> float:
    """Return 1 − (width + 20 × miss) / scale, not below −9."""
    return max(1.0 - (width + MISS_WEIGHT * miss) / scale, WORST)


def bounds(value: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Return the ends of a finding's interval, None where it has none."""
    for low, high in (("p05", "p95"), ("lo", "hi")):
        if value and number(value.get(low)) is not None and number(value.get(high)) is not None:
            return float(value[low]), float(value[high])
    return None


def number(value: Any) -> float | None:
    """Return a finite number of a document that anybody may have written, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def unanswered(part: str, id_: str, question: str, truth: str) -> Line:
    """Return the line of a question that the assessment leaves out."""
    return Line(part=part, id=id_, question=question, answer="–", truth=truth, verdict="not answered")


def show(value: float, unit: str) -> str:
    """Write a number with its unit for people."""
    if unit == "posix_s":
        return short_utc(value)
    if unit == "m" and abs(value) >= 1e3:
        return f"{value / 1e3:.0f} km"
    if unit == "byte":
        return f"{value / 1e6:,.1f} MB"
    digits = 2 if unit == "1" else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}" + ("" if unit == "1" else f" {unit}")

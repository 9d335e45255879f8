"""Words for likelihood, and how percentages are printed.

The terms and bands are those of Intelligence Community Directive 203, Analytic Standards (Office of the
Director of National Intelligence, 2 January 2015), section D.6.e(2)(a). They speak of how likely an event is.
*Confidence*, which speaks of the evidence, is another scale; the directive forbids both in one sentence, and
nothing here gives a word for it.
"""

from __future__ import annotations

from typing import Final

from overflight.errors import OverflightError

# Upper end of each band and its term. The directive's bands share their ends (05 is in 01-05 and in
# 05-20); we give an end to the band nearer to even, so that the weaker word is used on both sides.
_BELOW_EVEN: Final = ((0.05, "almost no chance"), (0.20, "very unlikely"), (0.45, "unlikely"))
_ABOVE_EVEN: Final = ((0.95, "almost certain"), (0.80, "very likely"), (0.55, "likely"))

TERMS: Final[tuple[str, ...]] = (
    "almost no chance",
    "very unlikely",
    "unlikely",
    "roughly even chance",
    "likely",
    "very likely",
    "almost certain",
)


def likelihood(p: float) -> str:
    """Return the ICD 203 term for a probability in [0, 1].

    The directive's bands end at 01 and 99 percent. What lies beyond takes the outermost term too: nothing
    that is estimated from samples is called impossible or certain.
    """
    _check(p)
    for limit, term in _BELOW_EVEN:
        if p < limit:
            return term
    for limit, term in _ABOVE_EVEN:
        if p > limit:
            return term
    return "roughly even chance"


def percent(p: float) -> str:
    """Write a probability in [0, 1] as a whole percentage; the ends as `<1 %` and `>99 %`."""
    _check(p)
    if p < 0.01:
        return "<1 %"
    if p > 0.99:
        return ">99 %"
    return f"{100.0 * p:.0f} %"


def percent_range(low: float, high: float) -> str:
    """Write two probabilities as a range of whole percentages, `3 % to 40 %`; one where they read alike."""
    return percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise OverflightError(
            f"{p} is not a probability", remedy="Give a number from 0 to 1, not a percentage."
        )

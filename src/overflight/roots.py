"""Event search: when a signed function of time crosses zero.

Sunrise, the horizon, entry into an airspace, radio reach: each is a function that is positive inside and
negative outside, and all of them are searched here. A *rising* crossing goes from negative to positive.

What is and is not a crossing:

- A touch (the function reaches zero and turns back) is not one, and neither is starting or ending at zero.
- Where the function rests at zero and then goes on to the other side, the crossing is when it leaves zero.
- NaN is a gap. A change of sign across a gap is not a crossing, because nobody saw it; nor, for the same
  reason, is one that lies less than a step beside a gap sure to be found.
- A jump from one sign to the other is a crossing at the jump.
- Two crossings between two neighbouring samples cancel and go unseen: choose the step accordingly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.errors import LimitError, OverflightError

Float64s = npt.NDArray[np.float64]
SignedFunction = Callable[[Float64s], npt.ArrayLike]

# Samples a search may take: 8 bytes each in a handful of arrays, and a wrong step shows at once.
MAX_SAMPLES = 10_000_000


@dataclass(frozen=True, slots=True)
class Crossing:
    """One crossing: POSIX seconds UTC, and whether the function goes from negative to positive."""

    time_s: float
    rising: bool


@dataclass(frozen=True, slots=True, eq=False)
class SampledCrossings:
    """Crossings of many sampled functions, K in all, ordered by row, then by time.

    `row` (K,) is the flat index into the leading axes of the values, `segment` (K,) the index of the sample
    before the crossing and `fraction` (K,) in [0, 1] how far it lies towards the next, so that whatever
    else is sampled on the same axis can be read at the crossing.
    """

    row: npt.NDArray[np.intp]
    time_s: Float64s
    rising: npt.NDArray[np.bool_]
    segment: npt.NDArray[np.intp]
    fraction: Float64s


def find_crossings(
    signed_fn: SignedFunction, t0: float, t1: float, step: float, tol: float
) -> list[Crossing]:
    """Find the crossings of a function of time in [t0, t1], in order of time.

    Parameters
    ----------
    signed_fn : takes times (N,) in POSIX seconds and returns values (N,), NaN where it cannot say.
    step : the longest distance between samples, s.
    tol : every crossing is bracketed within this, s, and then placed by linear interpolation.

    Raises
    ------
    OverflightError
        When the interval, step or tolerance is not usable, or the function returns another shape.
    LimitError
        When the interval holds more than `MAX_SAMPLES` steps.
    """
    time_s = _samples(t0, t1, step, tol)
    value = _evaluate(signed_fn, time_s)
    side = _side(value)
    at = np.flatnonzero(side[:-1] * side[1:] < 0)
    rising = side[at + 1] > 0
    found = _bisect(signed_fn, time_s[at], time_s[at + 1], value[at], value[at + 1], rising, tol)
    return [Crossing(float(t), bool(r)) for t, r in zip(found, rising, strict=True) if np.isfinite(t)]


def sampled_crossings(time_s: npt.ArrayLike, value: npt.ArrayLike) -> SampledCrossings:
    """Find the crossings of sampled functions by linear interpolation between samples.

    Parameters
    ----------
    time_s : (T,) increasing.
    value : (..., T), such as (member, time); NaN is a gap.
    """
    time = np.asarray(time_s, dtype=np.float64)
    values = np.asarray(value, dtype=np.float64)
    if time.ndim != 1 or values.ndim < 1 or values.shape[-1] != time.size:
        raise OverflightError(
            f"values of shape {values.shape} do not lie on a time axis of shape {time.shape}",
            remedy="Put time last: values (..., T) on time_s (T,).",
        )
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise OverflightError("the times of the samples must be finite and increase", where="time_s")
    rows = values.reshape(math.prod(values.shape[:-1]), time.size)
    side = _side(rows)
    row, segment = np.nonzero(side[:, :-1] * side[:, 1:] < 0)
    before, after = rows[row, segment], rows[row, segment + 1]
    fraction = _fraction(before, after)
    return SampledCrossings(
        row=row,
        time_s=time[segment] + fraction * (time[segment + 1] - time[segment]),
        rising=side[row, segment + 1] > 0,
        segment=segment,
        fraction=fraction,
    )


def _samples(t0: float, t1: float, step: float, tol: float) -> Float64s:
    if not (np.isfinite([t0, t1, step, tol]).all() and t1 >= t0 and step > 0 and tol > 0):
        raise OverflightError(
            f"cannot search from {t0} to {t1} by steps of {step} to within {tol}",
            remedy="Give finite times with t1 >= t0, and a positive step and tolerance.",
        )
    count = int(np.ceil((t1 - t0) / step)) + 1
    if count > MAX_SAMPLES:
        raise LimitError(
            f"the search would take {count} samples", remedy="Use a longer step or search in pieces."
        )
    return np.linspace(t0, t1, max(count, 2))


def _evaluate(signed_fn: SignedFunction, time_s: Float64s) -> Float64s:
    value = np.asarray(signed_fn(time_s), dtype=np.float64)
    if value.shape != time_s.shape:
        raise OverflightError(
            f"the function of {time_s.shape} times returned shape {value.shape}",
            remedy="Let it take an array of times and return one value for each.",
        )
    return value


def _side(value: Float64s) -> Float64s:
    """Sign along the last axis, where a zero keeps the side that it was reached from."""
    sign = np.sign(value)
    index = np.arange(sign.shape[-1])
    # NaN differs from zero, so a zero after a gap has no side either.
    reached = np.maximum.accumulate(np.where(sign != 0, index, 0), axis=-1)
    return np.asarray(np.take_along_axis(sign, reached, axis=-1))


def _bisect(
    signed_fn: SignedFunction,
    low: Float64s,
    high: Float64s,
    low_value: Float64s,
    high_value: Float64s,
    rising: npt.NDArray[np.bool_],
    tol: float,
) -> Float64s:
    """Halve all brackets at once until they are within `tol`; NaN where the function has a gap inside."""
    lost = np.zeros(low.shape, dtype=np.bool_)
    while low.size and (high - low).max() > tol:
        middle = 0.5 * (low + high)
        if ((middle <= low) | (middle >= high)).all():
            break  # Neighbouring floats: the tolerance is finer than the clock.
        value = _evaluate(signed_fn, middle)
        beyond = np.where(rising, value > 0, value < 0)
        lost |= np.isnan(value)
        low, low_value = np.where(beyond, low, middle), np.where(beyond, low_value, value)
        # A lost bracket closes at once, so that the function is never asked about a time that is NaN.
        high, high_value = np.where(beyond | lost, middle, high), np.where(beyond, value, high_value)
    return np.where(lost, np.nan, low + _fraction(low_value, high_value) * (high - low))


def _fraction(before: Float64s, after: Float64s) -> Float64s:
    """Where a line between two values of opposite sign (the first may be zero) crosses zero."""
    # Scaled first, so that neither the largest nor the smallest floats spoil the sum.
    scale = np.maximum(np.abs(before), np.abs(after))
    before, after = np.abs(before / scale), np.abs(after / scale)
    return before / (before + after)

"""Refuse what no balloon has: numbers out of range, named, with what to give instead."""

from __future__ import annotations

import math
from numbers import Real

from overflight.errors import InputError


def within(field: str, value: float, low: float, high: float, unit: str = "") -> float:
    """Return the value as a float when it lies in [low, high].

    Raises
    ------
    InputError
        When it is not a finite number in the range; it names the field and the range.
    """
    # Text that reads as a number is refused too: it would reach the kernels as text.
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if math.isfinite(number) and low <= number <= high:
        return number
    unit = f" {unit}" if unit else ""
    raise InputError(
        f"{value!r} is out of range", field=field, remedy=f"Give a number from {low:g} to {high:g}{unit}."
    )


def within_or_none(field: str, value: float | None, low: float, high: float, unit: str = "") -> None:
    """Check like `within`, and let None through: it stands for what the balloon has at the start."""
    if value is not None:
        within(field, value, low, high, unit)


def one_of(field: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among the choices."""
    if value not in choices:
        raise InputError(f"{value!r} is not known", field=field, remedy=f"Give one of {', '.join(choices)}.")

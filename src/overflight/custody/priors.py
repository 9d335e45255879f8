"""Priors that a user states: what a quantity was believed to be before the evidence.

Written in TOML as a number, which is then certain, or as a table::

    { dist = "uniform", low = 0.1, high = 0.9 }
    { dist = "loguniform", low = 1e6, high = 1e8 }
    { dist = "lognormal", median = 1e9, factor = 2.0 }     factor: what one standard deviation multiplies by
    { dist = "choice", of = ["stop", "oldest"], weights = [1, 3] }

A prior is asked for its quantiles, so that samplers may work with standard normal numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]
Dist = Literal["fixed", "uniform", "loguniform", "lognormal", "choice"]

# Keys of the table of each distribution, beside `dist`.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "uniform": ("low", "high"),
    "loguniform": ("low", "high"),
    "lognormal": ("median", "factor"),
    "choice": ("of", "weights"),
}


@dataclass(frozen=True, slots=True)
class Prior:
    """A distribution: its two numbers, or the words that it chooses from with weights that sum to one."""

    dist: Dist
    a: float = 0.0
    b: float = 0.0
    of: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


def fixed(value: float) -> Prior:
    """Return a prior that is certain of a value."""
    return Prior("fixed", value, value)


def quantile(prior: Prior, p: npt.ArrayLike) -> Float64s:
    """Return quantiles at probabilities in [0, 1]; of a choice the index of what is chosen."""
    u = np.asarray(p, dtype=np.float64)
    if prior.dist == "uniform":
        return np.asarray(prior.a + u * (prior.b - prior.a))
    if prior.dist == "loguniform":
        return np.asarray(prior.a * (prior.b / prior.a) ** u)
    if prior.dist == "lognormal":
        from scipy.special import ndtri

        # Six standard deviations: beyond them a product of rates would leave what a float can hold.
        return np.asarray(prior.a * prior.b ** np.clip(ndtri(u), -6.0, 6.0))
    if prior.dist == "choice":
        edges = np.cumsum(prior.weights)[:-1]
        return np.searchsorted(edges, u, side="right").astype(np.float64)
    return np.full(u.shape, prior.a)


def log_density(prior: Prior, x: npt.ArrayLike) -> Float64s:
    """Return the log of the density of log x, for a number above zero; -inf outside the prior."""
    value = np.asarray(x, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_x = np.log(value)
        if prior.dist == "lognormal":
            return np.asarray(-0.5 * ((log_x - math.log(prior.a)) / math.log(prior.b)) ** 2)
        found = log_x if prior.dist == "uniform" else np.zeros_like(log_x)
    return np.where((value >= prior.a) & (value <= prior.b), found, -math.inf)


def words(prior: Prior) -> str:
    """Write a prior for people: '0.1 to 0.9', '1e+09 within a factor of 2', 'stop or oldest'."""
    if prior.dist in ("uniform", "loguniform"):
        how = ", even in its logarithm" if prior.dist == "loguniform" else ""
        return f"{prior.a:g} to {prior.b:g}{how}"
    if prior.dist == "lognormal":
        return f"{prior.a:g} within a factor of {prior.b:g} (one standard deviation)"
    if prior.dist == "choice":
        shares = zip(prior.of, prior.weights, strict=True)
        return ", ".join(f"{name} ({100.0 * share:.0f} %)" for name, share in shares)
    return f"{prior.a:g}"


def parse_prior(value: Any, low: float, high: float) -> Prior:
    """Return the prior that a TOML value states, of a number within `low` and `high`.

    Raises ValueError that says what is wrong.
    """
    if not isinstance(value, Mapping):
        return fixed(_number(value, low, high))
    dist = value.get("dist")
    if dist not in ("uniform", "loguniform", "lognormal"):
        raise ValueError(f"dist is {dist!r}, not uniform, loguniform or lognormal")
    _known(value, dist)
    first, second = KEYS[dist]
    a = _number(value.get(first), low, high)
    ends = (1.001, 1e6) if dist == "lognormal" else (low, high)
    b = _number(value.get(second), *ends)
    if dist != "lognormal" and not a <= b:
        raise ValueError(f"low is {a:g}, above high, {b:g}")
    if dist != "uniform" and a <= 0.0:
        raise ValueError(f"{first} is {a:g}; a {dist} prior lies above zero")
    # An interval without a width is a number that is certain.
    return Prior(dist, a, b) if a != b or dist == "lognormal" else fixed(a)


def parse_choice(value: Any, names: tuple[str, ...]) -> Prior:
    """Return the prior over words that a TOML value states: one word, or a table of a choice.

    Raises ValueError that says what is wrong.
    """
    if not isinstance(value, Mapping):
        value = {"dist": "choice", "of": [value]}
    if value.get("dist") != "choice":
        raise ValueError(f"dist is {value.get('dist')!r}, not choice")
    _known(value, "choice")
    of = value.get("of")
    if not isinstance(of, list) or not of or not all(name in names for name in of):
        raise ValueError(f"it chooses from {of!r}; known are {', '.join(names)}")
    weights = value.get("weights", [1] * len(of))
    if not isinstance(weights, list) or len(weights) != len(of):
        raise ValueError(f"{len(of)} words have the weights {weights!r}")
    shares = [_number(w, 0.0, 1e9) for w in weights]
    if not sum(shares) > 0.0:
        raise ValueError("all weights are zero")
    return Prior("choice", of=tuple(of), weights=tuple(w / sum(shares) for w in shares))


def _known(value: Mapping[str, Any], dist: str) -> None:
    extra = sorted(set(value) - {"dist", *KEYS[dist]})
    if extra:
        raise ValueError(f"a {dist} prior has no '{extra[0]}', only {', '.join(KEYS[dist])}")


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    if not low <= value <= high:
        raise ValueError(f"{value:g} is outside {low:g} to {high:g}")
    return float(value)

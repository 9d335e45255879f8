"""Correlation of the wind between points, and its scales fitted by marginal likelihood.

The covariance of one component between two points is a sum of terms. A term is the product of a size at
both points and of falls with the lag in time, in log-pressure and in distance, each of one of the two
shapes of `overflight.winds.error`; a term with a period is multiplied by a cosine of the lag in time, so
that what happened at this hour yesterday counts today, and one with a `cycle` by a cosine of the lag in
log-pressure: what blows east below blows west above, in weather (the lowest baroclinic mode) and in waves.
Every such product is a covariance: a Matérn correlation of the chord holds in space and so on the sphere,
and a cosine has a spectrum of one line.

`TERMS` are the four kinds of motion a sounding meets: what lasts, weather, the daily tide, and waves.
Both components share the scales and have sizes of their own. Sizes may lean with height (`tilt`).

The scales and sizes are those that make the observations most probable (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, chapter 5), with the gradient in closed form (their equation 5.9).
One station cannot tell how far weather reaches, nor one day how long it lasts. Each parameter therefore has
a wide log-normal expectation about a measured value, and `Fit.told` says what the data added to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from overflight.compiled import compiled, over_members
from overflight.errors import InputError, SolveError
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S
from overflight.winds.error import SMOOTH_RATE

Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Fall = Literal["held", "rough", "smooth"]

FALLS: Final[tuple[Fall, ...]] = ("held", "rough", "smooth")
COLUMNS: Final = ("time_s", "log_pressure", "distance_m", "cycle", "sd_u_mps", "sd_v_mps", "tilt")
# Where a tilted size is the one stated: 100 hPa, in the middle of the heights balloons use.
LOG_P_REFERENCE: Final = math.log(10_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One kind of motion: the shape of its falls, and what is expected of its numbers.

    Each number is a pair: the middle of the expectation and its width, in units of the natural logarithm
    (for `tilt`, of itself); width 0 holds it fixed. `time_s`, `log_pressure` and `distance_m` are
    e-folding lags, `cycle` the lag in ln p after which the motion has turned round and back. Sizes are
    standard deviations in m/s at 100 hPa, growing by exp(`tilt`) for each unit by which ln p falls. With
    `period_s` the fall in time is the decay of the cycle.
    """

    name: str
    fall: Fall = "smooth"
    period_s: float | None = None
    time_s: tuple[float, float]
    log_pressure: tuple[float, float]
    distance_m: tuple[float, float]
    sd_mps: tuple[float, float]
    cycle: tuple[float, float] | None = None
    tilt: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.fall not in FALLS:
            raise InputError(
                f"the fall is {self.fall!r}", field=self.name, remedy=f"Use one of {', '.join(FALLS)}."
            )
        pairs = (self.time_s, self.log_pressure, self.distance_m, self.sd_mps, self.cycle or (1.0, 0.0))
        if any(not math.isfinite(m) or m <= 0.0 or not w >= 0.0 for m, w in pairs):
            raise InputError("an expected scale or size is not positive", field=self.name)
        if self.period_s is not None and not self.period_s > 0.0:
            raise InputError(
                f"the period is {self.period_s} s", field=self.name, remedy="Give one above zero."
            )


# Expectations. Weather: docs/winds-prior.md ('How far the error reaches'). Waves: inertia-gravity waves of
# some hours and kilometres. A width of 1 is a factor of e either way, at one standard deviation.
TERMS: Final = (
    Term(
        name="lasting",
        fall="held",
        time_s=(DAY_S, 0.0),
        log_pressure=(1.0, 1.0),
        distance_m=(3000e3, 0.5),
        sd_mps=(6.0, 1.0),
        tilt=(0.0, 0.3),
    ),
    Term(
        name="weather",
        time_s=(60 * HOUR_S, 1.0),
        log_pressure=(0.5, 0.7),
        distance_m=(1200e3, 0.5),
        cycle=(2.0, 0.7),
        sd_mps=(6.0, 0.7),
        tilt=(0.0, 0.3),
    ),
    Term(
        name="daily",
        period_s=DAY_S,
        time_s=(5 * DAY_S, 0.7),
        log_pressure=(0.5, 0.7),
        distance_m=(1500e3, 0.5),
        sd_mps=(1.0, 1.0),
        tilt=(0.0, 0.3),
    ),
    Term(
        name="waves",
        time_s=(6 * HOUR_S, 0.7),
        log_pressure=(0.15, 0.7),
        distance_m=(250e3, 0.7),
        cycle=(0.6, 0.7),
        sd_mps=(2.0, 1.0),
        tilt=(0.0, 0.3),
    ),
)
# What a layer's mean does not share with its neighbours, m/s.
NOISE_MPS: Final = (0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Terms with their fitted numbers.

    `numbers` (M, 7) has the columns of `COLUMNS`; `noise_mps` is what a layer's mean does not share with
    its neighbours, by component. `told` (M, 7) is the share of the expectation's variance that the data
    took away: 0 where they said nothing and the number is the expectation, near 1 where they decided, NaN
    where it was held fixed. `log_evidence` is that of the fit, expectations included. `unit` says that
    the sizes are shares of a background's spread. `log_p_low`, `log_p_high` bound where sizes lean.
    `found` (P,) is the fit as the vector that was searched, and `root` (P, P) a root of the covariance of
    what the data leave open about it, for `vary`; both None where nothing was fitted.
    """

    terms: tuple[Term, ...]
    numbers: Float64s
    noise_mps: tuple[float, float]
    told: Float64s
    log_evidence: float
    observations: int
    unit: bool = False
    log_p_low: float = -math.inf
    log_p_high: float = math.inf
    noise_expected: tuple[float, float] = NOISE_MPS
    found: Float64s | None = None
    root: Float64s | None = None

    def codes(self) -> tuple[Ints, Float64s, Ints]:
        """Return the falls (M,) and periods in seconds (M,), 0 for none, as the kernels take them."""
        return _codes(self.terms)


@dataclass(frozen=True, slots=True)
class Points:
    """Points as the kernels take them: (N, 5) of seconds, ln Pa, and the unit vector of the place."""

    rows: Float64s

    @property
    def size(self) -> int:
        return len(self.rows)


def points(
    time_s: npt.ArrayLike, pressure_pa: npt.ArrayLike, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike
) -> Points:
    """Return points for `covariance`; the arguments broadcast and are flattened. NaN gives NaN."""
    parts = np.broadcast_arrays(*(np.asarray(a, float) for a in (time_s, pressure_pa, lat_deg, lon_deg)))
    time, pressure, lat, lon = (p.ravel() for p in parts)
    lat, lon = np.radians(lat), np.radians(lon)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_p = np.log(pressure)
    place = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    return Points(np.ascontiguousarray(np.stack([time, log_p, *place], axis=1)))


def covariance(fit: Fit, one: Points, other: Points | None = None) -> Float64s:
    """Return the covariance (2, N, M) of u and of v between points, without the noise of observations."""
    other = one if other is None else other
    out = np.empty((2, one.size, other.size))
    sizes = (size_at(fit, one), size_at(fit, other))

    def rows(begin: int, end: int) -> None:
        _fill(begin, end, one.rows, other.rows, *fit.codes(), fit.numbers, *sizes, out)

    over_members(rows, one.size)
    return out


def variance(fit: Fit, at: Points) -> Float64s:
    """Return the variance (2, N) of u and of v before any observation."""
    return np.asarray(np.square(size_at(fit, at)).sum(axis=1))


def size_at(fit: Fit, at: Points) -> Float64s:
    """Return the size (2, M, N) of each term at points: it leans with height within the data's heights."""
    lean = LOG_P_REFERENCE - np.clip(at.rows[:, 1], fit.log_p_low, fit.log_p_high)
    size = fit.numbers[:, 4:6].T[:, :, None] * np.exp(fit.numbers[:, 6, None] * lean)[None]
    return np.ascontiguousarray(size)


def fit_scales(
    at: Points,
    wind: Float64s,
    floor_mps: Float64s,
    *,
    terms: Sequence[Term] = TERMS,
    unit: bool = False,
    noise_mps: tuple[float, float] = NOISE_MPS,
    group: npt.ArrayLike | None = None,
) -> Fit:
    """Fit the numbers of the terms to anomalies `wind` (N, 2) observed at points.

    `floor_mps` (N,) is the known error of each observation. With `unit` the anomalies are in units of a
    spread that the background states, and the sizes of the terms are made to add up to it. Observations of
    different `group` (N,) have nothing in common but the numbers: flights months apart.

    Raises
    ------
    InputError
        When there is no observation, or a value is not finite.
    SolveError
        When no set of numbers gives the observations a probability.
    """
    if at.size == 0 or not (np.isfinite(at.rows).all() and np.isfinite(wind).all()):
        raise InputError(
            f"{at.size} observations, or one that is not finite", remedy="Give finite winds, at least one."
        )
    start = _Vector(tuple(terms), noise_mps, unit)
    low, high = float(at.rows[:, 1].min()), float(at.rows[:, 1].max())
    kinds = np.zeros(at.size) if group is None else np.asarray(group)
    floor = np.square(np.broadcast_to(floor_mps, (at.size,)))
    parts = [kinds == kind for kind in np.unique(kinds)]
    problem = _Problem(start, [_Part(at.rows[k], wind[k], floor[k]) for k in parts])
    found = optimize.minimize(
        problem.cost, start.middle, jac=True, method="L-BFGS-B", options={"maxiter": 200, "maxfun": 300}
    )
    if not np.isfinite(found.fun) or found.fun >= _REFUSED:
        raise SolveError(
            "no scales fit the observations", remedy="Check them for repeated or contradictory rows."
        )
    left = start.left_open(problem.curvature(found.x))
    numbers, noise = start.unpack(found.x)
    return Fit(
        terms=start.terms,
        numbers=start.scaled(numbers),
        noise_mps=noise,
        told=start.told(left),
        log_evidence=-float(found.fun),
        observations=at.size,
        unit=unit,
        log_p_low=low,
        log_p_high=high,
        noise_expected=noise_mps,
        found=found.x,
        root=_root(left),
    )


def vary(fit: Fit, count: int, rng: np.random.Generator) -> tuple[Fit, ...]:
    """Return fits drawn from what the data leave open about the numbers, in opposite pairs.

    The posterior of the logarithms is taken as normal about its top (Laplace's approximation). One sounding
    cannot tell what lasts from what passes; over these fits the answer is both, and the spread says so.
    """
    if fit.found is None or fit.root is None or count < 2:
        return (fit,)
    vector = _Vector(fit.terms, fit.noise_expected, fit.unit)
    steps = rng.standard_normal((count // 2, fit.found.size)) @ fit.root.T
    out = []
    for step in np.concatenate([steps, -steps]):
        numbers, noise = vector.unpack(fit.found + step)
        out.append(replace(fit, numbers=vector.scaled(numbers), noise_mps=noise))
    return tuple(out)


def set_scales(
    terms: Sequence[Term], *, noise_mps: float = NOISE_MPS[0], unit: bool = False, observations: int = 0
) -> Fit:
    """Return the expectations of the terms as if they had been fitted: for made fields and comparisons."""
    vector = _Vector(tuple(terms), (noise_mps, 0.0), unit)
    numbers, noise = vector.unpack(vector.middle)
    return Fit(
        terms=tuple(terms),
        numbers=vector.scaled(numbers),
        noise_mps=noise,
        told=np.full(numbers.shape, np.nan),
        log_evidence=math.nan,
        observations=observations,
        unit=unit,
    )


def describe(fit: Fit) -> list[Mapping[str, float | str]]:
    """Return the fitted numbers as rows for printing: hours, kilometres, ln p and m/s, and what told them."""
    rows: list[Mapping[str, float | str]] = []
    for term, n, told in zip(fit.terms, fit.numbers, fit.told, strict=True):
        rows.append(
            {
                "term": term.name,
                "time h": math.inf if term.fall == "held" else n[0] / HOUR_S,
                "ln p": float(n[1]),
                "km": float(n[2] / 1e3),
                "cycle ln p": float(n[3]) if term.cycle else math.inf,
                "u m/s": float(n[4]),
                "v m/s": float(n[5]),
                "tilt": float(n[6]),
                "told time": float(told[0]),
                "told ln p": float(told[1]),
                "told km": float(told[2]),
            }
        )
    return rows


# --- the numbers as one vector -------------------------------------------------------------------------


class _Vector:
    """Which numbers are free, and the way between them and the vector that is searched."""

    def __init__(self, terms: tuple[Term, ...], noise_mps: tuple[float, float], unit: bool) -> None:
        self.terms, self.unit = terms, unit
        rows = [
            (t.time_s, t.log_pressure, t.distance_m, t.cycle or (1.0, 0.0), t.sd_mps, t.sd_mps, t.tilt)
            for t in terms
        ]
        pairs = np.array(rows, dtype=np.float64)
        self.base = pairs[..., 0].copy()
        self.base[:, :6] = np.log(self.base[:, :6])
        width = pairs[..., 1].copy()
        if unit:
            width[:, 6], self.base[:, 6] = 0.0, 0.0
        self.free = width > 0.0
        self.noise_free = noise_mps[1] > 0.0
        self.noise = math.log(noise_mps[0])
        extra = [self.noise] * 2 if self.noise_free else []
        self.middle = np.concatenate([self.base[self.free], extra])
        self.width = np.concatenate([width[self.free], [noise_mps[1]] * len(extra)])

    def unpack(self, x: Float64s) -> tuple[Float64s, tuple[float, float]]:
        numbers = self.base.copy()
        numbers[self.free] = x[: int(self.free.sum())]
        numbers[:, :6] = np.exp(numbers[:, :6])
        noise = np.exp(x[-2:]) if self.noise_free else np.exp([self.noise] * 2)
        return numbers, (float(noise[0]), float(noise[1]))

    def scaled(self, numbers: Float64s) -> Float64s:
        """Make the sizes add up to one where they are shares of a spread."""
        if self.unit:
            numbers = numbers.copy()
            numbers[:, 4:6] /= np.sqrt(np.square(numbers[:, 4:6]).sum(axis=0))
        return numbers

    def pack(self, slope: Float64s, noise_slope: Float64s) -> Float64s:
        return np.concatenate([slope[self.free], noise_slope if self.noise_free else []])

    def left_open(self, curvature: Float64s) -> Float64s:
        """Return the covariance of what is left open: no direction wider than expected."""
        scaled = curvature * self.width[:, None] * self.width
        value, vector = linalg.eigh(0.5 * (scaled + scaled.T))
        inverse = (vector / np.maximum(value, 1.0)) @ vector.T
        return np.asarray(inverse * self.width[:, None] * self.width)

    def told(self, left: Float64s) -> Float64s:
        """Return 1 - variance left over variance expected, for each number."""
        out = np.full(self.free.shape, np.nan)
        share = 1.0 - np.diag(left) / np.square(self.width)
        out[self.free] = np.clip(share[: int(self.free.sum())], 0.0, 1.0)
        return out


def _root(covariance: Float64s) -> Float64s:
    value, vector = linalg.eigh(covariance)
    return np.asarray(vector * np.sqrt(np.maximum(value, 0.0)))


_REFUSED = 1e15


class _Part:
    """Observations that hang together, and the slope of what they cost."""

    def __init__(self, rows: Float64s, wind: Float64s, floor: Float64s) -> None:
        self.rows, self.wind, self.floor = np.ascontiguousarray(rows), wind, floor
        self.lean = LOG_P_REFERENCE - rows[:, 1]

    def cost(
        self, terms: tuple[Term, ...], numbers: Float64s, noise: tuple[float, float]
    ) -> tuple[float, Float64s, Float64s]:
        """Return -log p(wind), its slope (M, 7) by the numbers and (2,) by the noise.

        Raises numpy's LinAlgError when the covariance is not positive.
        """
        n, codes = len(self.rows), _codes(terms)
        size = numbers[:, 4:6].T[:, :, None] * np.exp(numbers[:, 6, None] * self.lean)[None]
        size = np.ascontiguousarray(size)
        k, kept = np.zeros((2, n, n)), np.empty((len(terms), n, n))

        def fill(begin: int, end: int) -> None:
            _fill_half(begin, end, self.rows, *codes, numbers, size, kept, k)

        over_members(fill, n)
        value, left, noise_slope = 0.0, np.empty((2, n, n)), np.empty(2)
        for c in range(2):
            k[c][np.diag_indices(n)] += noise[c] ** 2 + self.floor
            cost, left[c] = _evidence(k[c], self.wind[:, c])
            value += cost
            noise_slope[c] = np.trace(left[c]) * noise[c] ** 2
        part = np.empty((n, len(terms), len(COLUMNS)))

        def slopes(begin: int, end: int) -> None:
            _slopes(begin, end, self.rows, *codes, numbers, size, self.lean, kept, left, part)

        over_members(slopes, n)
        return value, part.sum(axis=0), noise_slope


class _Problem:
    """Negative logarithm of the posterior of the numbers, and its slope."""

    def __init__(self, vector: _Vector, parts: Sequence[_Part]) -> None:
        self.vector, self.parts = vector, parts

    def cost(self, x: Float64s) -> tuple[float, Float64s]:
        vector = self.vector
        away = (x - vector.middle) / vector.width
        raw, noise = vector.unpack(x)
        numbers = vector.scaled(raw)
        value = 0.5 * float(away @ away)
        slope, noise_slope = np.zeros(numbers.shape), np.zeros(2)
        for part in self.parts:
            try:
                cost, one, two = part.cost(vector.terms, numbers, noise)
            except linalg.LinAlgError:
                return _REFUSED, np.zeros_like(x)
            value, slope, noise_slope = value + cost, slope + one, noise_slope + two
        if vector.unit:
            # Sizes that add up to one: raising one lowers all.
            slope[:, 4:6] -= np.square(numbers[:, 4:6]) * slope[:, 4:6].sum(axis=0)
        return value, vector.pack(slope, noise_slope) + away / vector.width

    def curvature(self, x: Float64s) -> Float64s:
        """Return the matrix of second derivatives, by differences of the slope."""
        step, here = 1e-4, self.cost(x)[1]
        rows = []
        for i in range(x.size):
            e = np.zeros_like(x)
            e[i] = step
            rows.append((self.cost(x + e)[1] - here) / step)
        h = np.array(rows)
        return np.asarray(0.5 * (h + h.T))


def _evidence(k: Float64s, y: Float64s) -> tuple[float, Float64s]:
    """Return -log p(y) under the covariance k, and K^-1 - (K^-1 y)(K^-1 y)^T."""
    root = linalg.cholesky(k, lower=True, check_finite=False)
    inverse, _ = linalg.lapack.dpotri(root, lower=1)
    a = linalg.cho_solve((root, True), y, check_finite=False)
    cost = 0.5 * float(y @ a) + float(np.log(np.diag(root)).sum()) + 0.5 * y.size * math.log(2 * math.pi)
    return cost, inverse - np.outer(a, a)


def _codes(terms: Sequence[Term]) -> tuple[Ints, Float64s, Ints]:
    return (
        np.array([FALLS.index(t.fall) for t in terms], dtype=np.int64),
        np.array([t.period_s or 0.0 for t in terms], dtype=np.float64),
        np.array([t.cycle is not None for t in terms], dtype=np.int64),
    )


# --- kernels -------------------------------------------------------------------------------------------


@compiled
def _fall(fall: int, period_s: float, time_s: float, log_p: float, distance_m: float, row: Float64s) -> float:
    """Correlation of one term at lags, but for its cycle in height; `row` has the columns of `COLUMNS`."""
    a = SMOOTH_RATE * log_p / row[1]
    b = SMOOTH_RATE * distance_m / row[2]
    k = (1.0 + a) * (1.0 + b)
    power = a + b
    if fall == 1:
        power += time_s / row[0]
    elif fall == 2:
        c = SMOOTH_RATE * time_s / row[0]
        k *= 1.0 + c
        power += c
    if power > 40.0:
        return 0.0
    cycle = math.cos(2.0 * math.pi * time_s / period_s) if period_s > 0.0 else 1.0
    return float(k * math.exp(-power) * cycle)


@compiled
def _chord_m(one: Float64s, i: int, other: Float64s, j: int) -> float:
    x, y, z = one[i, 2] - other[j, 2], one[i, 3] - other[j, 3], one[i, 4] - other[j, 4]
    return EARTH_RADIUS_M * math.sqrt(x * x + y * y + z * z)


@compiled
def _fill(
    begin: int,
    end: int,
    one: Float64s,
    other: Float64s,
    falls: Ints,
    periods: Float64s,
    cycles: Ints,
    numbers: Float64s,
    size: Float64s,
    other_size: Float64s,
    out: Float64s,
) -> None:
    """Fill rows begin..end of the covariances (2, N, M) of u and v."""
    for i in range(begin, end):
        for j in range(len(other)):
            dt = abs(one[i, 0] - other[j, 0])
            dp = abs(one[i, 1] - other[j, 1])
            d = _chord_m(one, i, other, j)
            u = v = 0.0
            for m in range(falls.size):
                k = _fall(falls[m], periods[m], dt, dp, d, numbers[m])
                if cycles[m]:
                    k *= math.cos(2.0 * math.pi * dp / numbers[m, 3])
                u += k * size[0, m, i] * other_size[0, m, j]
                v += k * size[1, m, i] * other_size[1, m, j]
            out[0, i, j] = u
            out[1, i, j] = v


@compiled
def _fill_half(
    begin: int,
    end: int,
    rows: Float64s,
    falls: Ints,
    periods: Float64s,
    cycles: Ints,
    numbers: Float64s,
    size: Float64s,
    kept: Float64s,
    out: Float64s,
) -> None:
    """Fill the lower triangles of the covariances, and keep each term's fall for `_slopes`."""
    for i in range(begin, end):
        for j in range(i + 1):
            dt = abs(rows[i, 0] - rows[j, 0])
            dp = abs(rows[i, 1] - rows[j, 1])
            d = _chord_m(rows, i, rows, j)
            u = v = 0.0
            for m in range(falls.size):
                k = _fall(falls[m], periods[m], dt, dp, d, numbers[m])
                kept[m, i, j] = k
                if cycles[m]:
                    k *= math.cos(2.0 * math.pi * dp / numbers[m, 3])
                u += k * size[0, m, i] * size[0, m, j]
                v += k * size[1, m, i] * size[1, m, j]
            out[0, i, j] = u
            out[1, i, j] = v


@compiled
def _slopes(
    begin: int,
    end: int,
    rows: Float64s,
    falls: Ints,
    periods: Float64s,
    cycles: Ints,
    numbers: Float64s,
    size: Float64s,
    lean: Float64s,
    kept: Float64s,
    left: Float64s,
    part: Float64s,
) -> None:
    """Fill `part` (N, M, 7): each row's share in the slope of the cost by ln of each number (and by tilt)."""
    for i in range(begin, end):
        part[i] = 0.0
        for j in range(i + 1):
            share = 0.5 if i == j else 1.0
            dt = abs(rows[i, 0] - rows[j, 0])
            dp = abs(rows[i, 1] - rows[j, 1])
            d = _chord_m(rows, i, rows, j)
            for m in range(falls.size):
                u = share * kept[m, i, j] * left[0, i, j] * size[0, m, i] * size[0, m, j]
                v = share * kept[m, i, j] * left[1, i, j] * size[1, m, i] * size[1, m, j]
                if cycles[m]:
                    turn = 2.0 * math.pi * dp / numbers[m, 3]
                    part[i, m, 3] += (u + v) * math.sin(turn) * turn
                    turned = math.cos(turn)
                    u *= turned
                    v *= turned
                both = u + v
                # d ln k / d ln scale is x for exp(-x) and a² / (1 + a) for (1 + a) exp(-a).
                if falls[m] == 1:
                    part[i, m, 0] += both * dt / numbers[m, 0]
                elif falls[m] == 2:
                    a = SMOOTH_RATE * dt / numbers[m, 0]
                    part[i, m, 0] += both * a * a / (1.0 + a)
                a = SMOOTH_RATE * dp / numbers[m, 1]
                part[i, m, 1] += both * a * a / (1.0 + a)
                a = SMOOTH_RATE * d / numbers[m, 2]
                part[i, m, 2] += both * a * a / (1.0 + a)
                part[i, m, 4] += 2.0 * u
                part[i, m, 5] += 2.0 * v
                part[i, m, 6] += both * (lean[i] + lean[j])

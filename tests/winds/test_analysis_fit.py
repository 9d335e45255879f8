"""The covariance against its formula, its slope against differences, and made scales found again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from overflight import geo
from overflight.errors import InputError
from overflight.units import EARTH_RADIUS_M, HOUR_S
from overflight.winds import analysis_fit
from overflight.winds.analysis_fit import (
    COLUMNS,
    TERMS,
    Fit,
    Points,
    Term,
    covariance,
    describe,
    fit_scales,
    points,
    set_scales,
    variance,
    vary,
)

# Matérn 3/2 with its e-folding lag for scale: the root of (1 + c) exp(-c) = 1/e.
RATE = 2.1461932206205825


def some_points(count: int, seed: int = 1) -> Points:
    rng = np.random.default_rng(seed)
    return points(
        rng.uniform(0, 48 * HOUR_S, count),
        np.exp(rng.uniform(np.log(2000), np.log(90000), count)),
        rng.uniform(-14, -10, count),
        rng.uniform(129, 133, count),
    )


def smooth(x: np.ndarray) -> np.ndarray:
    return (1 + RATE * x) * np.exp(-RATE * x)


def by_hand(fit: Fit, one: Points, component: int) -> np.ndarray:
    """The covariance in plain numpy, term by term, from the words of the module's docstring."""
    a, b = one.rows[:, None], one.rows[None]
    dt, dz = np.abs(a[..., 0] - b[..., 0]), np.abs(a[..., 1] - b[..., 1])
    chord = EARTH_RADIUS_M * np.linalg.norm(a[..., 2:] - b[..., 2:], axis=-1)
    total = np.zeros(dt.shape)
    for term, n in zip(fit.terms, fit.numbers, strict=True):
        k = smooth(dz / n[1]) * smooth(chord / n[2])
        k = k * {"held": 1.0, "rough": np.exp(-dt / n[0]), "smooth": smooth(dt / n[0])}[term.fall]
        if term.period_s:
            k = k * np.cos(2 * np.pi * dt / term.period_s)
        if term.cycle:
            k = k * np.cos(2 * np.pi * dz / n[3])
        size = n[4 + component] * np.exp(n[6] * (np.log(1e4) - one.rows[:, 1]))
        total += k * size[:, None] * size[None]
    return total


ALL_KINDS = (*TERMS, dataclasses.replace(TERMS[1], name="rough", fall="rough", tilt=(0.2, 0.3)))


def test_covariance_is_the_sum_of_the_terms() -> None:
    fit, at = set_scales(ALL_KINDS), some_points(30)
    found = covariance(fit, at)
    for c in range(2):
        assert found[c] == pytest.approx(by_hand(fit, at, c), rel=1e-9, abs=1e-9)
    assert variance(fit, at) == pytest.approx(np.stack([np.diag(found[0]), np.diag(found[1])]))


def test_covariance_is_positive_even_across_the_globe() -> None:
    rng = np.random.default_rng(5)
    at = points(
        rng.uniform(0, 1e6, 150),
        rng.uniform(1e3, 1e5, 150),
        np.degrees(np.arcsin(rng.uniform(-1, 1, 150))),
        rng.uniform(-180, 180, 150),
    )
    for k in covariance(set_scales(ALL_KINDS), at):
        assert np.linalg.eigvalsh(k).min() > -1e-9 * np.trace(k)


def test_distance_is_the_chord() -> None:
    one, other = points(0.0, 1e4, 0.0, 179.9), points(0.0, 1e4, 0.0, -179.9)
    lasting = set_scales(
        (Term(name="a", fall="held", time_s=(1, 0), log_pressure=(1, 0), distance_m=(1e5, 0), sd_mps=(1, 0)),)
    )
    apart = geo.distance_m(179.9, 0.0, -179.9, 0.0) * EARTH_RADIUS_M / 6378137.0
    assert covariance(lasting, one, other)[0, 0, 0] == pytest.approx(smooth(apart / 1e5), rel=1e-6)


@pytest.mark.parametrize("unit", [False, True])
def test_the_slope_is_the_slope_of_the_cost(unit: bool) -> None:
    at, rng = some_points(40), np.random.default_rng(2)
    vector = analysis_fit._Vector(ALL_KINDS, (0.5, 1.0), unit)
    wind = rng.standard_normal((40, 2)) * (1.0 if unit else 6.0)
    parts = [
        analysis_fit._Part(at.rows[k], wind[k], np.full(k.stop - k.start, 0.1))
        for k in (slice(0, 25), slice(25, 40))
    ]
    problem = analysis_fit._Problem(vector, parts)
    x = vector.middle + rng.uniform(-0.2, 0.2, vector.middle.size)
    slope = problem.cost(x)[1]
    for i in range(x.size):
        step = np.zeros(x.size)
        step[i] = 1e-5
        measured = (problem.cost(x + step)[0] - problem.cost(x - step)[0]) / 2e-5
        assert slope[i] == pytest.approx(measured, rel=1e-4, abs=1e-4)


def test_the_cost_is_the_likelihood_of_the_textbook() -> None:
    """Rasmussen and Williams, equation 2.30, written out."""
    at, rng = some_points(20), np.random.default_rng(3)
    wind = rng.standard_normal((20, 2)) * 5
    vector = analysis_fit._Vector(TERMS, (0.5, 1.0), False)
    fit = set_scales(TERMS, noise_mps=0.5)
    expected = 0.0
    for c in range(2):
        k = by_hand(fit, at, c) + np.eye(20) * (0.25 + 0.09)
        expected += 0.5 * wind[:, c] @ np.linalg.solve(k, wind[:, c])
        expected += 0.5 * np.linalg.slogdet(2 * np.pi * k)[1]
    part = analysis_fit._Part(at.rows, wind, np.full(20, 0.09))
    assert analysis_fit._Problem(vector, [part]).cost(vector.middle)[0] == pytest.approx(expected)


def one_term(time_s: float, log_pressure: float, sd_mps: float) -> Term:
    """Expectations a factor of two or three off what is made, and wide."""
    return Term(
        name="made",
        time_s=(time_s, 1.5),
        log_pressure=(log_pressure, 1.5),
        distance_m=(1000e3, 0.0),
        sd_mps=(sd_mps, 1.5),
    )


def made(at: Points, truth: Fit, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    k = covariance(truth, at)
    noise = truth.noise_mps[0]
    return np.stack(
        [
            np.linalg.cholesky(k[c] + 1e-9 * np.eye(at.size)) @ rng.standard_normal(at.size)
            + noise * rng.standard_normal(at.size)
            for c in range(2)
        ],
        axis=1,
    )


def test_made_scales_are_found_again() -> None:
    """Twenty soundings over ten days of a field with known scales: each within a third, most far nearer."""
    time = np.repeat(np.arange(20) * 12 * HOUR_S, 20)
    pressure = np.tile(np.geomspace(9e4, 1e3, 20), 20)
    at = points(time, pressure, 40.0, -100.0)
    truth = set_scales((one_term(30 * HOUR_S, 0.6, 5.0),), noise_mps=0.7)
    fit = fit_scales(at, made(at, truth, 4), np.zeros(at.size), terms=(one_term(70 * HOUR_S, 0.25, 12.0),))
    assert fit.numbers[0, :2] == pytest.approx(truth.numbers[0, :2], rel=0.33)
    assert fit.numbers[0, 4:6] == pytest.approx([5.0, 5.0], rel=0.33)
    assert fit.noise_mps == pytest.approx((0.7, 0.7), rel=0.33)
    assert (fit.told[0, [0, 1, 4, 5]] > 0.9).all()


def test_what_the_data_do_not_tell_stays_as_expected_and_says_so() -> None:
    at = points(0.0, np.geomspace(9e4, 1e3, 30), 40.0, -100.0)
    truth = set_scales((one_term(30 * HOUR_S, 0.6, 5.0),))
    fit = fit_scales(at, made(at, truth, 5), np.zeros(30), terms=(one_term(70 * HOUR_S, 0.5, 5.0),))
    assert fit.numbers[0, 0] == pytest.approx(70 * HOUR_S, rel=1e-3)
    assert fit.told[0, 0] == pytest.approx(0.0, abs=1e-3)
    assert fit.told[0, 1] > 0.5
    assert np.isnan(fit.told[0, 2])


def test_varied_fits_spread_as_far_as_the_data_leave_open() -> None:
    at = points(0.0, np.geomspace(9e4, 1e3, 30), 40.0, -100.0)
    truth = set_scales((one_term(30 * HOUR_S, 0.6, 5.0),))
    fit = fit_scales(at, made(at, truth, 5), np.zeros(30), terms=(one_term(70 * HOUR_S, 0.5, 5.0),))
    many = vary(fit, 2000, np.random.default_rng(1))
    times = np.log([f.numbers[0, 0] for f in many])
    assert times.std() == pytest.approx(1.5, rel=0.08)
    assert np.log([f.numbers[0, 1] for f in many]).std() < 0.8
    assert times.mean() == pytest.approx(np.log(70 * HOUR_S), abs=0.01)


def test_shares_of_a_spread_add_up_to_it() -> None:
    at = some_points(60)
    fit = fit_scales(at, np.random.default_rng(1).standard_normal((60, 2)), np.zeros(60), unit=True)
    assert np.square(fit.numbers[:, 4:6]).sum(axis=0) == pytest.approx([1.0, 1.0])
    assert variance(fit, some_points(9, 2)) == pytest.approx(np.ones((2, 9)))


def test_groups_share_numbers_and_nothing_else() -> None:
    """Two copies of the same data a year apart, and of one time in two groups, have the same evidence."""
    at, wind = some_points(30), np.random.default_rng(3).standard_normal((30, 2)) * 5
    twice = Points(np.concatenate([at.rows, at.rows]))
    both = np.concatenate([wind, wind])
    moving = tuple(t for t in TERMS if t.fall != "held")
    later = Points(twice.rows + np.repeat([[0.0], [3e9]], 30, axis=0) * np.array([1, 0, 0, 0, 0]))
    apart = fit_scales(later, both, np.full(60, 0.3), terms=moving)
    groups = fit_scales(twice, both, np.full(60, 0.3), terms=moving, group=np.repeat([0, 1], 30))
    assert groups.log_evidence == pytest.approx(apart.log_evidence, abs=0.02)
    assert groups.numbers[:, :6] == pytest.approx(apart.numbers[:, :6], rel=0.05)


def test_describe_names_every_term() -> None:
    rows = describe(set_scales(TERMS))
    assert [row["term"] for row in rows] == ["lasting", "weather", "daily", "waves"]
    assert rows[0]["time h"] == np.inf
    assert rows[1]["km"] == pytest.approx(1200.0)
    assert len(COLUMNS) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"fall": "gauss"},
        {"time_s": (0.0, 1.0)},
        {"sd_mps": (np.nan, 1.0)},
        {"period_s": -1.0},
        {"cycle": (-1.0, 1.0)},
    ],
)
def test_a_term_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(TERMS[1], **change)


def test_observations_that_are_none_are_refused() -> None:
    none = Points(np.empty((0, 5)))
    with pytest.raises(InputError, match="0 observations"):
        fit_scales(none, np.empty((0, 2)), np.empty(0))
    with pytest.raises(InputError, match="finite"):
        fit_scales(some_points(2), np.array([[1.0, np.nan], [1.0, 1.0]]), np.zeros(2))

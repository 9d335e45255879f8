"""The wind-error model: closed forms, and that drawn fields have the covariance they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from overflight.errors import InputError
from overflight.winds import error as wind_error
from overflight.winds.error import (
    ANALYSIS_ERROR,
    ANALYSIS_LAGRANGIAN_S,
    ANALYSIS_SIZE_LOG_SD,
    ANALYSIS_SIZE_MPS,
    PRIOR_ERROR,
    PRIOR_LAGRANGIAN_S,
    STATED_SIZE_LOG_SD,
    WindError,
    believed_size,
    lagrangian_time_from_path,
    path_error_m,
    random_field,
)

HOUR_S = 3600.0
SHAPES = ("rough", "smooth")


def make(shape="smooth", **changes):
    values = {
        "sd_u_mps": 3.0,
        "sd_v_mps": 3.0,
        "time_s": 40 * HOUR_S,
        "distance_m": 1000e3,
        "log_pressure": 0.5,
        "shape": shape,
    }
    return WindError(**(values | changes))


@pytest.mark.parametrize("stated", [0.7, 2.8, 8.0])
def test_what_is_stated_and_what_analyses_have_are_two_densities_multiplied(stated) -> None:
    def density(x: float) -> float:
        known = norm.pdf(x, math.log(ANALYSIS_SIZE_MPS), ANALYSIS_SIZE_LOG_SD)
        return float(known * norm.pdf(x, math.log(stated), STATED_SIZE_LOG_SD))

    mass, mean, square = (quad(lambda x, n=n: x**n * density(x), -4.0, 6.0)[0] for n in range(3))
    size_mps, log_sd = believed_size(stated)
    assert math.log(size_mps) == pytest.approx(mean / mass, abs=1e-7)
    assert log_sd == pytest.approx(math.sqrt(square / mass - (mean / mass) ** 2), rel=1e-6)


def test_the_size_believed_where_nothing_is_stated_holds_what_balloons_met() -> None:
    size_mps, log_sd = believed_size()
    # Loon against MERRA-2 2.5 to 3.5 m/s, Strateole-2 against ERA5 3.24 and 3.76 (ANALYSIS_ERROR's sources).
    assert all(abs(math.log(met / size_mps)) < log_sd for met in (2.5, 3.24, 3.5, 3.76))
    with pytest.raises(InputError, match="stated_mps"):
        believed_size(0.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_scales_are_e_folding_lags(shape):
    error = make(shape)
    assert error.correlation() == 1.0
    for lag in ({"time_s": 40 * HOUR_S}, {"distance_m": 1000e3}, {"log_pressure": -0.5}):
        assert error.correlation(**lag) == pytest.approx(math.exp(-1), rel=1e-12)
    both = error.correlation(time_s=-40 * HOUR_S, distance_m=1000e3)
    assert both == pytest.approx(math.exp(-2), rel=1e-12)


def test_lagrangian_time_of_the_rough_shape_in_closed_form():
    error = make("rough")
    expected = 1.0 / (1.0 / (40 * HOUR_S) + 12.0 / 1000e3)
    assert error.lagrangian_time_s(12.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_lagrangian_time_is_where_the_correlation_e_folds(shape):
    error = make(shape)
    assert error.lagrangian_time_s(0.0) == pytest.approx(40 * HOUR_S)
    for speed in (3.0, 30.0):
        t = error.lagrangian_time_s(speed)
        assert error.correlation(time_s=t, distance_m=speed * t) == pytest.approx(math.exp(-1), rel=1e-9)


@pytest.mark.parametrize("speed", [-1.0, math.nan, math.inf])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(InputError, match="relative speed"):
        make().lagrangian_time_s(speed)


@pytest.mark.parametrize("hours", [0.0001, 1.0, 24.0, 400.0])
def test_path_error_is_the_double_integral_of_the_correlation(hours):
    """Taylor 1921: the variance of the path is twice the integral of (t - s) R(s)."""
    sd, scale, t = 3.5, 10.5 * HOUR_S, hours * HOUR_S
    integral, _ = quad(lambda s: (t - s) * math.exp(-s / scale), 0.0, t, epsrel=1e-11)
    assert path_error_m(sd, scale, t) == pytest.approx(sd * math.sqrt(2 * integral), rel=1e-6)


def test_path_error_limits():
    assert path_error_m(3.0, 1e12, 100.0) == pytest.approx(300.0)
    # Long after, a random walk: sd sqrt(2 T t).
    assert path_error_m(3.0, 100.0, 1e8) == pytest.approx(3.0 * math.sqrt(2 * 100.0 * 1e8), rel=1e-5)


def test_analysis_error_gives_the_published_path_error():
    """Strateole-2 against ERA5: 3.76 and 3.24 m/s, median 260 km after 24 h. Walked here step by step."""
    assert (ANALYSIS_ERROR.sd_u_mps, ANALYSIS_ERROR.sd_v_mps) == (3.76, 3.24)
    rng = np.random.default_rng(11)
    step, walkers = 600.0, 20_000
    fall = math.exp(-step / ANALYSIS_LAGRANGIAN_S)
    sd = np.array([[3.76], [3.24]])
    wind = sd * rng.standard_normal((2, walkers))
    place = np.zeros((2, walkers))
    for _ in range(144):
        place += wind * step
        wind = fall * wind + math.sqrt(1 - fall**2) * sd * rng.standard_normal((2, walkers))
    assert np.median(np.hypot(*place)) == pytest.approx(260e3, rel=0.03)
    assert ANALYSIS_ERROR.lagrangian_time_s(10.0) == pytest.approx(ANALYSIS_LAGRANGIAN_S, rel=1e-9)


def test_lagrangian_time_inverts_the_path_error():
    for scale in (2 * HOUR_S, 50 * HOUR_S):
        median = math.sqrt(2 * math.log(2)) * path_error_m(3.0, scale, 86400.0)
        assert lagrangian_time_from_path(3.0, median, 86400.0) == pytest.approx(scale, rel=1e-6)


def test_unreachable_path_errors_are_refused():
    with pytest.raises(InputError, match="needs more than 3 m/s"):
        lagrangian_time_from_path(3.0, 1e6, 86400.0)


def test_the_prior_takes_its_size_from_the_grid_and_drifts_as_measured():
    assert PRIOR_ERROR.sd_u_mps is None
    assert PRIOR_ERROR.sd_v_mps is None
    # The separate scales and the drift measured by itself agree where the pattern is passed at 8 m/s.
    assert PRIOR_ERROR.lagrangian_time_s(8.0) == pytest.approx(PRIOR_LAGRANGIAN_S, rel=0.05)


LAGS = [
    {},
    {"time_s": 20 * HOUR_S},
    {"time_s": 80 * HOUR_S},
    {"distance_m": 500e3},
    {"distance_m": 1500e3},
    {"log_pressure": 0.25},
    {"log_pressure": 0.8},
    {"time_s": 20 * HOUR_S, "distance_m": 500e3, "log_pressure": 0.25},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_drawn_fields_have_the_stated_covariance(shape):
    """600 draws, lags along a meridian; the tolerance is four standard errors of a covariance."""
    error, rng = make(shape), np.random.default_rng(5)
    time = np.array([0.0, *(lag.get("time_s", 0.0) for lag in LAGS)])
    lat = 40.0 + np.degrees(np.array([0.0, *(lag.get("distance_m", 0.0) for lag in LAGS)]) / 6371008.8)
    pressure = 7000.0 * np.exp([0.0, *(lag.get("log_pressure", 0.0) for lag in LAGS)])
    draws = np.array([random_field(error, rng, 64).evaluate(time, pressure, lat, -100.0) for _ in range(600)])
    stated = np.array([float(error.correlation(**lag)) for lag in LAGS])
    for k in (0, 1):
        np.testing.assert_allclose((draws[:, k, :1] * draws[:, k, 1:]).mean(axis=0), stated, atol=0.17)
        np.testing.assert_allclose(draws[:, k].std(axis=0), 1.0, atol=0.12)
    pooled = (draws[:, :, :1] * draws[:, :, 1:]).mean(axis=(0, 1))
    np.testing.assert_allclose(pooled, stated, atol=0.12)
    assert np.abs((draws[:, 0] * draws[:, 1]).mean(axis=0)).max() < 0.17


def test_many_waves_in_one_draw_resemble_the_ensemble():
    """One field, sampled at places far apart, has unit variance and the stated fall with time."""
    error = make("smooth")
    field = random_field(error, np.random.default_rng(3), 600)
    rng = np.random.default_rng(4)
    time = rng.uniform(0, 4e8, 5_000)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, 5_000))), rng.uniform(-180, 180, 5_000)
    now = np.array(field.evaluate(time, 7000.0, lat, lon))
    then = np.array(field.evaluate(time + 40 * HOUR_S, 7000.0, lat, lon))
    assert now.std() == pytest.approx(1.0, abs=0.06)
    assert (now * then).mean() / now.var() == pytest.approx(math.exp(-1), abs=0.06)


def test_fields_are_regular_over_the_pole():
    field = random_field(make(), np.random.default_rng(1), 64)
    lon = np.array([-180.0, -90.0, 0.0, 77.0, 180.0])
    for pole in (90.0, -90.0):
        u, v = field.evaluate(0.0, 7000.0, pole, lon)
        turn, sign = np.radians(lon), math.copysign(1.0, pole)
        x = -u * np.sin(turn) - sign * v * np.cos(turn)
        y = u * np.cos(turn) - sign * v * np.sin(turn)
        assert np.ptp(x) < 1e-12
        assert np.ptp(y) < 1e-12


def test_fields_know_no_seam():
    field = random_field(make(), np.random.default_rng(1), 64)
    west, east = (np.array(field.evaluate(0.0, 7000.0, 60.0, lon)) for lon in (-179.5, 180.5))
    np.testing.assert_allclose(west, east, atol=1e-12)


def test_same_seed_same_bytes(monkeypatch):
    place = (np.linspace(0, 1e5, 50), 7000.0, np.linspace(-80, 80, 50), np.linspace(0, 350, 50))
    first = np.array(random_field(make(), np.random.default_rng(9)).evaluate(*place))
    second = np.array(random_field(make(), np.random.default_rng(9)).evaluate(*place))
    other = np.array(random_field(make(), np.random.default_rng(10)).evaluate(*place))
    assert first.tobytes() == second.tobytes()
    assert not np.allclose(first, other)
    monkeypatch.setattr(wind_error, "BLOCK_VALUES", 256 * 7)
    in_blocks = np.array(random_field(make(), np.random.default_rng(9)).evaluate(*place))
    np.testing.assert_allclose(in_blocks, first, atol=1e-12)


def test_shapes_broadcast():
    field = random_field(make(), np.random.default_rng(2), 8)
    u, v = field.evaluate(np.zeros((3, 1)), 7000.0, np.zeros(4), 0.0)
    assert u.shape == v.shape == (3, 4)
    single, _ = field.evaluate(0.0, 7000.0, 0.0, 0.0)
    assert float(single) == pytest.approx(float(u[0, 0]))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"time_s": 0.0}, "time_s"),
        ({"distance_m": math.nan}, "distance_m"),
        ({"log_pressure": math.inf}, "log_pressure"),
        ({"sd_u_mps": -1.0}, "sd_u_mps"),
        ({"sd_u_mps": None}, "neither"),
        ({"shape": "wavy"}, "rough"),
    ],
)
def test_impossible_errors_are_refused(changes, match):
    with pytest.raises(InputError, match=match):
        make(**changes)


def test_no_waves_are_refused():
    with pytest.raises(InputError, match="n_features"):
        random_field(make(), np.random.default_rng(0), 0)

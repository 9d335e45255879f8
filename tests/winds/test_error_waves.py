"""Errors of members for the kernels: the same field as `random_field`, and the stated covariance."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from overflight.errors import InputError
from overflight.winds.error import WindError, path_error_m, random_field
from overflight.winds.error_waves import draw_waves, error_at, sine_cosine, take_members

HOUR_S = 3600.0
RADIUS_M = 6371008.8
MEMBERS = 1200
START_S = 1_675_000_000.0


def make(shape="smooth", **changes):
    values = {
        "sd_u_mps": 3.0,
        "sd_v_mps": 2.0,
        "time_s": 40 * HOUR_S,
        "distance_m": 1000e3,
        "log_pressure": 0.5,
        "shape": shape,
    }
    return WindError(**(values | changes))


def rngs(count, seed=7):
    return [np.random.default_rng([seed, i]) for i in range(count)]


def ask(errors, member, time_s, pressure_pa, lat_deg, lon_deg):
    rows = errors.waves[member], errors.cosines[member], errors.sines[member], errors.origin_s
    return error_at(*rows, time_s, math.log(pressure_pa), lat_deg, lon_deg)


@pytest.mark.parametrize("place", [(0.0, 0.0), (47.0, -122.5), (-33.0, 181.0), (90.0, 40.0), (-90.0, 0.0)])
def test_the_compiled_sum_is_the_field_of_random_field(place):
    error, (lat, lon) = make(), place
    errors = draw_waves(error, rngs(2), n_features=16)
    field = random_field(error, rngs(2)[1], 16)
    expected = np.array(field.evaluate(START_S, 5000.0, lat, lon)).ravel()
    np.testing.assert_allclose(ask(errors, 1, START_S, 5000.0, lat, lon), expected, atol=1e-6)


def test_the_size_is_the_errors_own_or_left_to_the_grid():
    stated = draw_waves(make(), rngs(1))
    assert (stated.sd_u, stated.sd_v) == (3.0, 2.0)
    left = draw_waves(make(sd_u_mps=None, sd_v_mps=None), rngs(1))
    assert math.isnan(left.sd_u)
    assert math.isnan(left.sd_v)


LAGS = [
    {},
    {"time_s": 10 * HOUR_S},
    {"time_s": 60 * HOUR_S},
    {"distance_m": 300e3},
    {"distance_m": 1500e3},
    {"log_pressure": 0.2},
    {"log_pressure": -0.8},
    {"time_s": 10 * HOUR_S, "distance_m": 300e3, "log_pressure": 0.2},
]


@pytest.mark.parametrize("shape", ["rough", "smooth"])
def test_the_covariance_over_members_is_the_stated_one(shape):
    """1200 members, both components pooled: four standard errors of a covariance are 0.11 at most."""
    error = make(shape)
    errors = draw_waves(error, rngs(MEMBERS), n_features=32)
    here = np.array([ask(errors, m, START_S, 7000.0, 35.0, -90.0) for m in range(MEMBERS)])
    np.testing.assert_allclose(here.var(axis=0), 1.0, atol=0.2)
    assert abs((here[:, 0] * here[:, 1]).mean()) < 0.12
    for lag in LAGS:
        lat = 35.0 + math.degrees(lag.get("distance_m", 0.0) / RADIUS_M)
        place = (START_S + lag.get("time_s", 0.0), 7000.0 * math.exp(lag.get("log_pressure", 0.0)), lat)
        there = np.array([ask(errors, m, *place, -90.0) for m in range(MEMBERS)])
        found = (here * there).mean()
        assert found == pytest.approx(float(error.correlation(**lag)), abs=0.11), lag


@numba.njit
def _paths(waves, cosines, sines, begin_s, step_s, steps, out):
    for m in range(out.shape[0]):
        for k in range(steps):
            now = begin_s + (k + 0.5) * step_s
            east, north = error_at(waves[m], cosines[m], sines[m], 0.0, now, 9.0, 10.0, 30.0)
            out[m, 0] += step_s * east
            out[m, 1] += step_s * north


def test_the_path_of_a_fixed_point_spreads_as_taylor_says_and_is_nearly_normal():
    """Rough errors summed over a day at one place; the kurtosis has a standard error of 0.035."""
    members = 10_000
    errors = draw_waves(make("rough", time_s=10 * HOUR_S), rngs(members))
    path = np.zeros((members, 2))
    _paths(errors.waves, errors.cosines, errors.sines, START_S, HOUR_S / 2, 48, path)
    assert path.std() == pytest.approx(path_error_m(1.0, 10 * HOUR_S, 24 * HOUR_S), rel=0.025)
    kurtosis = (path**4).mean() / (path**2).mean() ** 2 - 3.0
    assert abs(kurtosis) < 0.3


@pytest.mark.parametrize("turns", [0.0, 0.25, -0.5, 0.124999, 3.3, -1e6 - 0.7])
def test_the_series_is_the_librarys_sine(turns):
    expected = (math.sin(2 * math.pi * turns), math.cos(2 * math.pi * turns))
    assert sine_cosine(turns) == pytest.approx(expected, abs=3e-9)


def test_members_are_independent_and_a_shared_field_is_one():
    error = make()
    apart = draw_waves(error, rngs(400), n_features=16)
    here = np.array([ask(apart, m, START_S, 7000.0, 10.0, 20.0) for m in range(400)])
    assert abs((here[:200] * here[200:]).mean()) < 0.2
    one = draw_waves(error, rngs(1), n_features=16, shared=True, members=3)
    assert one.waves.shape == (3, 5, 16)
    assert len({ask(one, m, START_S, 7000.0, 10.0, 20.0) for m in range(3)}) == 1


def test_balloons_launched_together_see_nearly_one_error_and_distant_ones_do_not():
    """100 km apart the stated correlation of the rough shape is exp(-0.1) = 0.90; 5000 km apart 0.007."""
    errors = draw_waves(make("rough"), rngs(MEMBERS), n_features=32)
    first, near, far = (
        np.array([ask(errors, m, START_S, 7000.0, lat, 0.0)[0] for m in range(MEMBERS)])
        for lat in (0.0, math.degrees(100e3 / RADIUS_M), math.degrees(5000e3 / RADIUS_M))
    )
    assert np.corrcoef(first, near)[0, 1] == pytest.approx(math.exp(-0.1), abs=0.03)
    assert abs(np.corrcoef(first, far)[0, 1]) < 0.12


def test_a_member_depends_on_its_generator_alone():
    error = make()
    whole = draw_waves(error, rngs(5))
    part = draw_waves(error, rngs(5)[3:])
    assert part.waves.tobytes() == whole.waves[3:].tobytes()
    assert part.sines.tobytes() == take_members(whole, [3, 4]).sines.tobytes()
    assert take_members(whole, [2]).cosines.tobytes() != take_members(whole, [1]).cosines.tobytes()


@pytest.mark.parametrize(("count", "members", "shared"), [(0, None, False), (2, 3, False), (1, 0, True)])
def test_too_few_generators_are_refused(count, members, shared):
    with pytest.raises(InputError, match="random generators"):
        draw_waves(make(), rngs(count), members=members, shared=shared)


def test_a_point_that_is_not_finite_gives_no_number():
    errors = draw_waves(make(), rngs(1), n_features=4)
    assert all(math.isnan(x) for x in ask(errors, 0, START_S, 7000.0, math.nan, 0.0))

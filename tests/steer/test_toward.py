"""Toward what: p-values are even under drift, and corrected for how many places were named."""

from __future__ import annotations

import numpy as np
import pytest
from made_steering import HOUR, PLAIN, even_air, made_fixes
from made_weighed import made_filtered, made_weighed

from overflight.places.sites import Site
from overflight.reconstruct.models import WindErrorBelief
from overflight.steer.toward import passive_ensemble, surprise, toward
from overflight.steer.when import X, Y, Z
from overflight.winds.error import path_error_m

BELIEF = WindErrorBelief(factor_log_sd=0.0, mixing_km=0.0)


def test_p_values_are_even_under_chance() -> None:
    # 500 flights that drift as the members do, five places that go together: the corrected p-value of the
    # most surprising is even by construction of ranks; a share of 0.1 within four standard errors.
    rng = np.random.default_rng(11)
    least, single = [], []
    for _ in range(500):
        both = rng.standard_normal((5, 200)) + rng.standard_normal(200)
        found = surprise(both[:, :-1], both[:, -1])
        least.append(found.corrected.min())
        single.append(found.p[0])
    for p in (np.array(least), np.array(single)):
        assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 500))
        assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 500))


def test_naming_many_places_is_paid_for() -> None:
    rng = np.random.default_rng(12)
    chance = rng.standard_normal((30, 999))
    seen = np.zeros(30)
    seen[7] = 3.2
    found = surprise(chance, seen)
    alone = surprise(chance[7:8], seen[7:8])
    assert alone.corrected[0] == alone.p[0] == found.p[7]
    # Of 30 independent places one is so surprising with 1 - (1 - p)^30.
    assert found.corrected[7] == pytest.approx(1.0 - (1.0 - found.p[7]) ** 30, abs=0.03)
    assert (found.corrected >= found.p - 1e-12).all()


def test_ties_count_against_surprise() -> None:
    assert surprise(np.zeros((1, 99)), np.zeros(1)).p[0] == 1.0


def moving(u_km_s: float) -> list:
    """The same path for every hypothesis: eastward along the equator for a day."""
    node_s = np.arange(25) * HOUR
    paths = np.zeros((20, 25, 8))
    paths[:, :, X] = u_km_s * node_s
    paths[:, :, Z] = 18.0
    return [made_filtered(paths=paths, node_s=node_s)] * 5


def test_the_members_scatter_as_the_wind_error_says() -> None:
    fixes = made_fixes([0.0, 24 * HOUR], [0.0, 864.0], [0.0, 0.0], sd_km=1.0)
    weighed = made_weighed(filtered=moving(10e-3))
    time_s, paths = passive_ensemble(weighed, fixes, even_air(10.0, sd_mps=3.0), BELIEF, members=2000, seed=1)
    assert time_s[-1] == 24 * HOUR
    expected_km = path_error_m(3.0, BELIEF.time_s, 24 * HOUR) / 1e3
    assert paths[:, -1, X].std() == pytest.approx(expected_km, rel=0.06)
    assert paths[:, -1, Y].std() == pytest.approx(expected_km, rel=0.06)
    assert paths[:, -1, X].mean() == pytest.approx(864.0, abs=4 * expected_km / np.sqrt(2000))


def test_a_place_that_drifting_does_not_reach_is_surprising() -> None:
    # The wind blows eastward at 10 m/s with an error of 1; the flight went north of east, to a place there.
    node_s = np.arange(25) * HOUR
    paths = np.zeros((20, 25, 8))
    paths[:, :, X], paths[:, :, Y], paths[:, :, Z] = 10e-3 * node_s, 8e-3 * node_s, 18.0
    weighed = made_weighed(filtered=[made_filtered(paths=paths, node_s=node_s)] * 5)
    fixes = made_fixes([0.0, 24 * HOUR], [0.0, 864.0], [0.0, 691.0], sd_km=1.0)
    lon, lat = (float(v) for v in PLAIN.to_lonlat(864e3, 691e3))
    beside, ahead = (
        Site(id="a", name="A", lon_deg=lon, lat_deg=lat),
        Site(id="b", name="B", lon_deg=7.8, lat_deg=0.0),
    )
    found = toward([beside, ahead], weighed, fixes, even_air(10.0), BELIEF, PLAIN, members=200, seed=2)
    near, far = found.approaches
    assert near.closest_km[1] < 5.0
    assert near.p_close == pytest.approx(1 / 201)
    assert near.p_close_corrected <= 3 / 201
    assert far.p_close > 0.5
    assert found.p_any <= 5 / 201


def test_without_places_the_drifting_flights_remain() -> None:
    fixes = made_fixes([0.0, 24 * HOUR], [0.0, 864.0], [0.0, 0.0])
    found = toward([], made_weighed(filtered=moving(10e-3)), fixes, even_air(10.0), BELIEF, PLAIN, members=50)
    assert found.approaches == ()
    assert found.p_any == 1.0
    assert found.lon_deg.shape == (50, found.time_s.size)


def test_the_same_seed_gives_the_same_members() -> None:
    fixes = made_fixes([0.0, 24 * HOUR], [0.0, 864.0], [0.0, 0.0])
    weighed = made_weighed(filtered=moving(10e-3))
    first, again, other = (
        passive_ensemble(weighed, fixes, even_air(10.0), BELIEF, members=30, seed=s)[1] for s in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)

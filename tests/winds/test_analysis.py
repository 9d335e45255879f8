"""The analysis against dense formulas, its spread near and far, its calibration, and hostile input."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from overflight.errors import CoverageError, InputError, LimitError
from overflight.units import HOUR_S
from overflight.winds import analysis
from overflight.winds.analysis import Observations, analyse, observe, wind_error
from overflight.winds.analysis_fit import TERMS, Fit, covariance, points, set_scales
from overflight.winds.flights import read_flights
from overflight.winds.grid import Grid
from overflight.winds.interpolate import sample
from overflight.winds.soundings import make_sounding

NO_NOISE = set_scales(TERMS, noise_mps=1e-4)
PLAIN = set_scales(TERMS)


def observed(
    count: int = 40,
    *,
    fit: Fit = PLAIN,
    seed: int = 1,
    sd_mps: float = 0.0,
    lat: float = -12.0,
    lon: float = 131.0,
) -> Observations:
    """Draw observations of a field with the covariance of `fit`."""
    rng = np.random.default_rng(seed)
    place = {
        "time_s": rng.uniform(0, 48 * HOUR_S, count),
        "pressure_pa": np.exp(rng.uniform(np.log(2e3), np.log(9e4), count)),
        "lat_deg": lat + rng.uniform(-1, 1, count),
        "lon_deg": lon + rng.uniform(-1, 1, count),
    }
    k = covariance(fit, points(**place))
    wind = [np.linalg.cholesky(k[c] + 1e-9 * np.eye(count)) @ rng.standard_normal(count) for c in range(2)]
    return Observations(
        **place,
        u_mps=wind[0],
        v_mps=wind[1],
        sd_mps=np.full(count, sd_mps),
        flight=np.zeros(count, np.int64),
        names=("made",),
    )


def here(o: Observations) -> tuple[np.ndarray, ...]:
    return o.time_s, o.pressure_pa, o.lat_deg, o.lon_deg


def prior_like(sd_u: float | None = 8.0, sd_v: float | None = 5.0) -> Grid:
    """A global background of 10 m/s from the west, at two times and three levels."""
    shape = (2, 3, 19, 36)
    return Grid(
        time_s=np.array([-1e6, 1e6]),
        pressure_pa=np.array([1e3, 1e4, 1e5]),
        lat_deg=np.linspace(-90, 90, 19),
        lon_deg=np.arange(-180.0, 180.0, 10.0),
        u_mps=np.full(shape, 10.0, np.float32),
        v_mps=np.zeros(shape, np.float32),
        u_sd_mps=None if sd_u is None else np.full(shape, sd_u, np.float32),
        v_sd_mps=None if sd_v is None else np.full(shape, sd_v, np.float32),
        periodic=True,
        name="made background",
    )


# --- the algebra ---------------------------------------------------------------------------------------


def test_mean_and_spread_are_those_of_the_dense_formulas() -> None:
    """Rasmussen and Williams, equations 2.25 and 2.26, with numpy's general solver.

    On the equator, where carrying vectors to the middle turns them by less than 2e-4.
    """
    o = observed(sd_mps=0.4, lat=0.0)
    found = analyse(o, fit=PLAIN)
    rng = np.random.default_rng(2)
    asked = (
        rng.uniform(0, 2e5, 9),
        rng.uniform(3e3, 8e4, 9),
        rng.uniform(-1, 1, 9),
        rng.uniform(129, 133, 9),
    )
    got = found.sample(*asked)
    at, to = points(*here(o)), points(*asked)
    cross, own, known = covariance(PLAIN, to, at), covariance(PLAIN, to), covariance(PLAIN, at)
    for c, (mean, sd, wind) in enumerate(
        ((got.u_mps, got.u_sd_mps, o.u_mps), (got.v_mps, got.v_sd_mps, o.v_mps))
    ):
        k = known[c] + np.eye(40) * (0.16 + 0.25)
        assert mean == pytest.approx(cross[c] @ np.linalg.solve(k, wind), abs=0.01)
        expected = np.diag(own[c] - cross[c] @ np.linalg.solve(k, cross[c].T))
        assert sd == pytest.approx(np.sqrt(expected), abs=0.01)


def test_noiseless_observations_come_back_exactly_with_no_spread() -> None:
    o = observed()
    found = analyse(o, fit=NO_NOISE).sample(*here(o))
    assert found.u_mps == pytest.approx(o.u_mps, abs=0.05)
    assert found.v_mps == pytest.approx(o.v_mps, abs=0.05)
    assert found.u_sd_mps.max() < 0.05
    assert (found.status == 0).all()


def test_the_spread_grows_away_from_the_data_to_that_of_the_wind() -> None:
    o = observed()
    found = analyse(o, fit=PLAIN)
    hours = np.array([48.0, 54.0, 72.0, 150.0, 1000.0])
    away = found.sample(hours * HOUR_S, 2e4, -12.0, 131.0)
    assert (np.diff(away.u_sd_mps) > 0).all()
    far = found.sample(1e9, 2e4, 40.0, -60.0)
    assert float(far.u_sd_mps) == pytest.approx(np.sqrt(np.square(PLAIN.numbers[:, 4]).sum()), rel=0.02)
    assert float(far.u_mps) == pytest.approx(0.0, abs=0.3)


def test_far_from_data_the_background_and_its_spread_come_back() -> None:
    o = observed()
    fit = set_scales(TERMS, unit=True, noise_mps=0.1)
    found = analyse(o, prior_like(), fit=fit).sample(5e5, 2e4, 60.0, [-60.0, -150.0])
    assert found.u_mps == pytest.approx([10.0, 10.0], abs=0.2)
    assert found.u_sd_mps == pytest.approx([8.0, 8.0], rel=0.02)
    assert found.v_sd_mps == pytest.approx([5.0, 5.0], rel=0.02)


def test_observations_correct_a_background_near_them_only() -> None:
    base = prior_like(None, None)
    o = observed(30)
    o = dataclasses.replace(o, u_mps=np.full(30, 14.0), v_mps=np.full(30, -3.0))
    corrected = analyse(o, base, fit=PLAIN)
    near = corrected.sample(*(x[:5] for x in here(o)))
    assert near.u_mps == pytest.approx(np.full(5, 14.0), abs=0.5)
    assert near.v_mps == pytest.approx(np.full(5, -3.0), abs=0.5)
    far = corrected.sample(0.0, 2e4, 60.0, -60.0)
    assert float(far.u_mps) == pytest.approx(10.0, abs=0.1)


def test_vectors_are_carried_over_the_pole() -> None:
    """A uniform flow across the pole, seen from two meridians, is one flow on the others."""
    lon = np.array([0.0, 90.0, 180.0, -90.0])
    o = Observations(
        time_s=np.zeros(4),
        pressure_pa=np.full(4, 5e3),
        lat_deg=np.full(4, 89.0),
        lon_deg=lon,
        # Towards 90° E everywhere: east at 0°, north at -90°.
        u_mps=10.0 * np.cos(np.radians(lon)),
        v_mps=-10.0 * np.sin(np.radians(lon)),
        sd_mps=np.zeros(4),
        flight=np.zeros(4, np.int64),
        names=("made",),
    )
    found = analyse(o, fit=NO_NOISE).sample(0.0, 5e3, 89.0, [45.0, -135.0])
    assert found.u_mps == pytest.approx([7.07, -7.07], abs=0.1)
    assert found.v_mps == pytest.approx([-7.07, 7.07], abs=0.1)


# --- drawing and calibration ---------------------------------------------------------------------------


def test_drawn_winds_have_the_mean_and_the_joint_spread_of_the_analysis() -> None:
    found = analyse(observed(20), fit=PLAIN)
    t = np.linspace(0, 60 * HOUR_S, 12)
    u, v = found.draw(t, 2e4, -12.0, 131.0, 6000, np.random.default_rng(1))
    exact = found.sample(t, 2e4, -12.0, 131.0)
    assert u.mean(axis=0) == pytest.approx(exact.u_mps, abs=0.35)
    assert u.std(axis=0) == pytest.approx(exact.u_sd_mps, rel=0.06)
    assert v.std(axis=0) == pytest.approx(exact.v_sd_mps, rel=0.06)
    # Neighbours in time hang together: the difference is far smaller than if drawn apart.
    apart = np.hypot(exact.u_sd_mps[-1], exact.u_sd_mps[-2])
    assert (u[:, -1] - u[:, -2]).std() < 0.8 * apart


def test_the_same_seed_draws_the_same_winds() -> None:
    found = analyse(observed(20))
    first, second = (
        found.draw([0.0, 9e4], 2e4, -12.0, 131.0, 10, np.random.default_rng(7)) for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_stated_spread_holds_as_often_as_it_says_on_made_fields() -> None:
    """Scales fitted on one half of made fields, the other half predicted: 90 % hold 90 %."""
    inside = []
    for seed in range(6):
        o = observed(120, seed=seed, sd_mps=0.0)
        known, asked = np.arange(120) % 2 == 0, np.arange(120) % 2 == 1
        found = analyse(o.take(known), varied=4).sample(*(x[asked] for x in here(o)))
        inside.append(np.abs(o.u_mps[asked] - found.u_mps) / found.u_sd_mps)
        inside.append(np.abs(o.v_mps[asked] - found.v_mps) / found.v_sd_mps)
    share = np.mean(np.concatenate(inside) < stats.norm.ppf(0.95))
    assert 0.85 < share < 0.95


# --- grids and errors ----------------------------------------------------------------------------------


def test_a_grid_of_the_analysis_is_the_analysis_at_its_nodes() -> None:
    found = analyse(observed(), fit=PLAIN)
    axes = ([0.0, 6 * HOUR_S], [5e3, 2e4], [-13.0, -12.0, -11.0], [130.0, 131.0])
    grid = found.to_grid(*axes)
    exact = found.sample(6 * HOUR_S, 2e4, -12.0, 131.0)
    node = sample(grid, 6 * HOUR_S, 2e4, -12.0, 131.0)
    assert float(node.u_mps) == pytest.approx(float(exact.u_mps), abs=1e-4)
    assert float(node.u_sd_mps) == pytest.approx(float(exact.u_sd_mps), abs=1e-4)
    assert grid.provenance["observations"] == "40"
    assert "weather 60 h" in grid.provenance["scales"]


def test_the_error_of_the_grid_takes_its_spread_and_reaches_as_far_as_the_fit() -> None:
    error = wind_error(analyse(observed(), fit=PLAIN))
    assert error.sd_u_mps is None
    # Between the waves and the weather that make it up, weather having most of the variance.
    assert 6 * HOUR_S < error.time_s < 60 * HOUR_S
    assert 250e3 < error.distance_m < 1200e3
    assert 0.15 < error.log_pressure < 0.5


# --- layers --------------------------------------------------------------------------------------------


def ascent(rows: int = 3000, *, lon: float = 131.0) -> object:
    time = 2.0 * np.arange(rows)
    return make_sounding(
        station="made",
        source="made",
        file="/some/where/made.csv",
        time_s=time,
        lat_deg=np.full(rows, -12.0),
        lon_deg=lon + time * 1e-5,
        alt_msl_m=5.0 * time,
        pressure_pa=1e5 * np.exp(-5.0 * time / 7000.0),
        u_mps=0.001 * time,
        v_mps=-0.002 * time,
    )


def test_layers_hold_the_means_of_their_rows() -> None:
    o = observe([ascent()])
    # 6000 s at 5 m/s: 4.28 in ln p, layers of 0.15.
    assert o.time_s.size == 29
    assert o.u_mps == pytest.approx(0.001 * o.time_s)
    assert o.pressure_pa == pytest.approx(1e5 * np.exp(-5.0 * o.time_s / 7000.0), rel=1e-9)
    assert np.max(np.diff(-np.log(o.pressure_pa))) < 0.17
    assert o.names == ("made made.csv",)


def test_layers_average_longitudes_across_the_seam() -> None:
    o = observe([ascent(lon=179.99)])
    assert (np.abs((o.lon_deg - 179.99 - o.time_s * 1e-5 + 180) % 360 - 180) < 1e-6).all()


def test_a_float_is_cut_by_time() -> None:
    time = 60.0 * np.arange(100)
    still = dataclasses.replace(
        ascent(100), time_s=time, pressure_pa=np.full(100, 6e3), alt_msl_m=np.full(100, 2e4)
    )
    assert observe([still]).time_s.size == 10


# --- hostile input -------------------------------------------------------------------------------------


def test_points_without_a_wind_say_why() -> None:
    found = analyse(observed(), fit=PLAIN)
    got = found.sample(
        [np.nan, 0.0, 0.0, 0.0, 0.0],
        [1e4, 10.0, 1e4, 1e4, -5.0],
        [0.0, 0.0, 91.0, 0.0, 0.0],
        [0, 0, 0, np.inf, 0],
    )
    assert got.status.tolist() == [1, 2, 3, 4, 2]
    assert np.isnan(got.u_mps).all()
    assert np.isnan(got.v_sd_mps).all()
    with pytest.raises(CoverageError, match="1 of 1"):
        found.draw(0.0, 10.0, 0.0, 0.0, 5, np.random.default_rng(1))


def test_points_outside_the_background_have_its_status() -> None:
    found = analyse(observed(), prior_like(), fit=set_scales(TERMS, unit=True))
    assert found.sample([1e9, 0.0], [1e4, 5e2], 0.0, 0.0).status.tolist() == [1, 2]


def test_observations_outside_the_background_are_counted() -> None:
    base = prior_like()
    o = observed(30)
    late = dataclasses.replace(o, time_s=np.where(np.arange(30) < 10, 2e6, o.time_s))
    found = analyse(late, base, fit=set_scales(TERMS, unit=True))
    assert found.notes == ("10 of 30 observations lie outside the background",)
    with pytest.raises(CoverageError, match="none of 30"):
        analyse(dataclasses.replace(o, time_s=o.time_s + 1e8), base)


def test_too_many_observations_are_refused_with_a_remedy() -> None:
    one = observed(1)
    many = one.take(np.zeros(analysis.MAX_OBSERVATIONS + 1, np.int64))
    with pytest.raises(LimitError, match="thicker layers"):
        analyse(many)


def test_scales_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="another kind"):
        analyse(observed(), prior_like(), fit=PLAIN)


@pytest.mark.parametrize(
    ("column", "value"), [("u_mps", np.nan), ("pressure_pa", 0.0), ("lat_deg", 95.0), ("sd_mps", -1.0)]
)
def test_observations_that_are_none_are_refused(column: str, value: float) -> None:
    o = observed(3)
    broken = getattr(o, column).copy()
    broken[1] = value
    with pytest.raises(InputError):
        dataclasses.replace(o, **{column: broken})


def test_repeated_observations_do_not_break_the_algebra() -> None:
    o = observed(20)
    twice = o.take(np.repeat(np.arange(20), 3))
    found = analyse(twice, fit=NO_NOISE).sample(*here(o))
    assert np.isfinite(found.u_mps).all()
    assert found.u_mps == pytest.approx(o.u_mps, abs=0.1)


def test_no_usable_sounding_is_an_error() -> None:
    empty = dataclasses.replace(
        ascent(2),
        **{
            n: np.empty(0)
            for n in ("time_s", "lat_deg", "lon_deg", "alt_msl_m", "pressure_pa", "u_mps", "v_mps")
        },
    )
    with pytest.raises(InputError, match="no sounding"):
        observe([empty])
    with pytest.raises(InputError, match="above zero"):
        observe([ascent(9)], layer=0.0)


# --- real flights --------------------------------------------------------------------------------------


def test_spread_grows_at_heights_that_the_other_balloon_did_not_sample(test_data: Path) -> None:
    """SHAB 14V floated at 50 hPa; 12V was there for a few minutes and then kept below 56 hPa."""
    steered = read_flights(test_data / "shab" / "SHAB12V-APRS.csv")[0]
    free = read_flights(test_data / "shab" / "SHAB14V-APRS.csv")[0]
    found = analyse(observe([steered], layer=0.25, every_s=1200.0))
    floating = free.pressure_pa < 5.3e3
    k = np.flatnonzero(floating)[::20]
    missed = found.sample(free.time_s[k], free.pressure_pa[k], free.lat_deg[k], free.lon_deg[k])
    same = found.sample(
        steered.time_s[::20], steered.pressure_pa[::20], steered.lat_deg[::20], steered.lon_deg[::20]
    )
    assert missed.u_sd_mps.mean() > 1.5 * same.u_sd_mps.mean()
    assert missed.v_sd_mps.mean() > 1.5 * same.v_sd_mps.mean()
    # What the free balloon met is within the stated spread (one path: a few independent numbers).
    z = np.concatenate(
        [(free.u_mps[k] - missed.u_mps) / missed.u_sd_mps, (free.v_mps[k] - missed.v_mps) / missed.v_sd_mps]
    )
    assert np.sqrt(np.mean(z**2)) < 1.8

"""Reconstructions of made flights: regions hold what they say, wrong reports and true accounts are found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_flights import HOUR, Flight, made_flight, settings_for, share_nearer
from scipy.stats import binom

from overflight.errors import InputError, SolveError
from overflight.geo import destination, distance_m
from overflight.reconstruct.likelihood import AFAR, MISTAKEN, OTHER_TIME, STATED, Scenario
from overflight.reconstruct.posterior import (
    Reconstruction,
    forecast,
    origin,
    reconstruct,
    scenarios_from,
)
from overflight.records import Sighting, check_ensemble
from overflight.times import from_datetime64, parse_utc
from overflight.winds.choose import CaseWinds
from overflight.winds.prior import prior_grid

T0 = parse_utc("2023-01-28T00:00Z")
WINDS = CaseWinds(prior=prior_grid(T0 - 2 * 86400, T0 + 4 * 86400))
FLIGHTS = 20


def solve(sightings, *, members=160, seed=1, **more) -> Reconstruction:
    return reconstruct(
        sightings, WINDS, time_start=T0 - 6 * HOUR, time_end=T0 + 30 * HOUR,
        settings=settings_for(members, seed), **more,
    )  # fmt: skip


def shares_of(r: Reconstruction) -> np.ndarray:
    """Posterior probability (J, 4) of each reading of each fitted sighting."""
    s = r.scenarios[0]
    return np.stack([(s.candidates.reading[s.sample.pick] == code).mean(axis=0) for code in range(4)], axis=1)


@pytest.fixture(scope="module")
def solved() -> list[tuple[Flight, Reconstruction]]:
    out = []
    for seed in range(FLIGHTS):
        flight = made_flight(WINDS, T0, np.random.default_rng([2023, seed]))
        out.append((flight, solve(flight.sightings, seed=seed)))
    return out


def test_regions_hold_the_true_place_as_often_as_they_say(solved):
    """Two hours of each of twenty flights; bounds that a right reconstruction breaks once in a thousand."""
    shares = np.array([[share_nearer(r, f, T0 + h * HOUR) for h in (8.0, 17.0)] for f, r in solved])
    for level in (0.5, 0.9):
        # Hours of one flight hang together, so each hour is judged by itself.
        held = (shares <= level).sum(axis=0)
        low, high = binom.ppf((5e-4, 1 - 5e-4), FLIGHTS, level)
        assert ((held >= low) & (held <= high)).all(), (level, held)
    # And neither all in the middle nor all at the rim.
    assert 0.3 < shares.mean() < 0.7


def test_wrong_reports_are_found_more_often_than_not(solved):
    found: dict[int, list[float]] = {STATED: [], AFAR: [], OTHER_TIME: [], MISTAKEN: []}
    for flight, r in solved:
        for truth, share in zip(flight.readings, shares_of(r), strict=True):
            found[truth].append(float(share[STATED]))
    assert np.mean(found[STATED]) > 0.8
    not_as_stated = found[AFAR] + found[MISTAKEN]
    assert len(not_as_stated) >= 10
    assert np.mean(np.array(not_as_stated) < 0.5) > 0.6
    # What is called probable happens about as often: the mean probability of the true reading is high.
    truth = [share[t] for f, r in solved for t, share in zip(f.readings, shares_of(r), strict=True)]
    assert np.mean(truth) > 0.75


def test_probabilities_of_readings_are_kept(solved):
    """Of all reports said to be right as stated with p, a share of p is (summed over all of them)."""
    said = np.concatenate([shares_of(r)[:, STATED] for _, r in solved])
    true = np.concatenate([np.array(f.readings) == STATED for f, _ in solved])
    noise = math.sqrt(float(np.sum(said * (1.0 - said))) + 1.0)
    assert abs(float(said.sum()) - float(true.sum())) < 4.0 * noise


def test_heights_come_back(solved):
    off = []
    for flight, r in solved:
        k = int(np.argmin(np.abs(r.node_s - (T0 + 12 * HOUR))))
        i = int(np.argmin(np.abs(flight.time_s - r.node_s[k])))
        z = r.paths[:, k, 4]
        off.append((1e-3 * flight.alt_m[i] - z.mean()) / z.std())
    assert abs(np.mean(off)) < 4.0 / math.sqrt(FLIGHTS)
    assert 0.5 < np.std(off) < 1.6


def test_the_true_account_outweighs_a_false_one():
    """A made pair: one account takes a report 900 km off as true, the other rejects it."""
    wins = []
    for seed in range(5):
        flight = made_flight(WINDS, T0, np.random.default_rng([7, seed]))
        liar = flight.sightings[3]
        lon, lat = destination(liar.lon_deg, liar.lat_deg, 40.0 * seed, 900e3)
        rows = list(flight.sightings)
        rows[3] = replace(liar, lon_deg=float(lon), lat_deg=float(lat))
        pair = scenarios_from(
            [
                ("who", Scenario("false", "believes it", 1.0, accepts=frozenset({liar.id}))),
                ("who", Scenario("true", "does not", 1.0, rejects=frozenset({liar.id}))),
            ]
        )
        r = solve(rows, members=200, scenarios=pair)
        weight = {s.scenario.id: s.weight for s in r.scenarios}
        assert sum(weight.values()) == pytest.approx(1.0)
        wins.append(weight["true"])
    assert min(wins) > 0.5
    assert np.mean(wins) > 0.9


def test_equal_accounts_share_the_weight_by_their_priors():
    flight = made_flight(WINDS, T0, np.random.default_rng(11))
    pair = scenarios_from([("g", Scenario("a", "", 3.0)), ("g", Scenario("b", "", 1.0))])
    r = solve(flight.sightings, members=320, scenarios=pair)
    assert [s.scenario.weight for s in r.scenarios] == [0.75, 0.25]
    # The same account twice: what differs is the noise of the evidence.
    log_odds = math.log(r.scenarios[0].weight / r.scenarios[1].weight) - math.log(3.0)
    assert abs(log_odds) < 2.5
    assert set(np.unique(r.ensemble["scenario"].values)) == {0, 1}


def test_ensembles_are_whole_and_the_same_bytes_twice(solved):
    flight, r = solved[0]
    again = solve(flight.sightings, seed=0)
    for one, two in (
        (r.ensemble, again.ensemble),
        (forecast(r, hours=12.0), forecast(again, hours=12.0)),
        (origin(r, hours=12.0), origin(again, hours=12.0)),
    ):
        check_ensemble(one)
        assert one.attrs == two.attrs
        for name in one.variables:
            assert one[name].values.tobytes() == two[name].values.tobytes()


def test_forecast_and_origin_go_on_where_the_posterior_ends(solved):
    flight, r = solved[1]
    after, before = forecast(r, hours=24.0), origin(r, hours=24.0)
    assert (after.attrs["kind"], before.attrs["kind"]) == ("forecast", "origin")
    last, first = from_datetime64(r.ensemble["time"].values)[-1], from_datetime64(before["time"].values)[-1]
    assert from_datetime64(after["time"].values)[0] == pytest.approx(last, abs=1.0)
    assert from_datetime64(after["time"].values)[-1] == pytest.approx(last + 24 * HOUR, abs=1.0)
    assert from_datetime64(before["time"].values)[0] == pytest.approx(first - 24 * HOUR, abs=1.0)
    np.testing.assert_allclose(after["lon"].values[:, 0], r.ensemble["lon"].values[:, -1], atol=1e-4)

    def radius(ensemble, k):
        lon, lat = ensemble["lon"].values[:, k].astype(float), ensemble["lat"].values[:, k].astype(float)
        away = distance_m(lon[:, None], lat[:, None], lon[None], lat[None])
        return float(np.median(away))

    assert radius(after, -1) > 3.0 * radius(after, 0)
    assert radius(before, 0) > 3.0 * radius(before, -1)
    place = flight.sightings[0]
    lon, lat = (before[name].values[:, -1] for name in ("lon", "lat"))
    assert np.nanmedian(distance_m(place.lon_deg, place.lat_deg, lon, lat)) < 80e3


def fix(id: str, hour: float, lon: float, lat: float, **more) -> Sighting:
    return Sighting(
        id=id, time_start=T0 + hour * HOUR, time_end=T0 + hour * HOUR, kind="telemetry", role="observation",
        source="made", reliability="high", lon_deg=lon, lat_deg=lat, radius_km=20.0, **more,
    )  # fmt: skip


def test_between_two_fixes_the_region_grows_then_shrinks():
    r = solve([fix("A", 0.0, -150.0, 60.0), fix("B", 24.0, -128.0, 58.0)])
    spread = r.paths[:, :, :2].std(axis=0).max(axis=1)
    middle = int(np.argmin(np.abs(r.node_s - (T0 + 12 * HOUR))))
    assert spread[middle] > 5.0 * max(spread[0], spread[-1])
    assert int(np.argmax(spread)) == pytest.approx(middle, abs=0.3 * r.node_s.size)


def test_one_report_is_enough_and_a_flight_may_cross_the_date_line():
    one = solve([fix("A", 3.0, 10.0, 50.0)], members=32)
    lon, lat = one.ensemble["lon"].values.astype(float), one.ensemble["lat"].values.astype(float)
    # A few members take the report for a mistake, and begin nowhere.
    assert np.isfinite(lon[:, 0]).mean() > 0.8
    assert np.nanmedian(distance_m(10.0, 50.0, lon[:, 0], lat[:, 0])) < 30e3
    both = solve([fix("A", 0.0, 175.0, 52.0), fix("B", 12.0, -172.0, 53.0)], members=64)
    check_ensemble(both.ensemble)
    k = both.ensemble.sizes["time"] // 2
    lon, lat = (
        both.ensemble["lon"].values[:, k].astype(float),
        both.ensemble["lat"].values[:, k].astype(float),
    )
    assert np.nanmedian(distance_m(-178.5, 52.5, lon, lat)) < 250e3


def test_over_the_pole():
    r = solve([fix("A", 0.0, 30.0, 85.0), fix("B", 12.0, -150.0, 86.0)], members=64)
    check_ensemble(r.ensemble)
    assert shares_of(r)[:, STATED].min() > 0.9
    assert float(np.nanmedian(r.ensemble["lat"].values[:, r.ensemble.sizes["time"] // 2])) > 87.5


def test_nothing_to_fit_says_what_to_do():
    context = replace(fix("A", 0.0, 0.0, 0.0), role="context")
    late = fix("B", 500.0, 0.0, 0.0)
    with pytest.raises(SolveError, match="overflight check"):
        solve([context, late])


def test_accounts_that_contradict_themselves_are_refused():
    with pytest.raises(InputError, match="P1"):
        scenarios_from(
            [
                ("a", Scenario("x", "", accepts=frozenset({"P1"}))),
                ("b", Scenario("y", "", rejects=frozenset({"P1"}))),
            ]
        )


def test_groups_multiply_and_weights_sum_to_one():
    made = scenarios_from(
        [
            ("a", Scenario("a1", "A1", 2.0, accepts=frozenset({"P1"}))),
            ("a", Scenario("a2", "A2", 1.0)),
            ("b", Scenario("b1", "B1", 1.0, rejects=frozenset({"P2"}))),
            ("b", Scenario("b2", "B2", 3.0)),
        ]
    )
    assert {s.id: round(s.weight, 9) for s in made} == {
        "a1+b1": round(2 / 12, 9),
        "a1+b2": round(6 / 12, 9),
        "a2+b1": round(1 / 12, 9),
        "a2+b2": round(3 / 12, 9),
    }
    first = next(s for s in made if s.id == "a1+b1")
    assert (first.accepts, first.rejects) == (frozenset({"P1"}), frozenset({"P2"}))
    assert [s.id for s in scenarios_from(())] == ["only"]


@pytest.mark.parametrize("hours", [0.0, math.nan, math.inf])
def test_a_forecast_of_no_hours_is_refused(solved, hours):
    with pytest.raises(InputError, match="hours"):
        forecast(solved[0][1], hours=hours)

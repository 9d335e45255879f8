"""The records: what a sighting, a finding and a flight ensemble hold, and everything they refuse."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.errors import OverflightError
from overflight.records import (
    STATUS,
    Finding,
    Mark,
    Sighting,
    check_ensemble,
    effective_members,
    make_ensemble,
    quantile_value,
    spread,
    weighted_quantile,
)
from overflight.times import from_datetime64, parse_utc

T0 = parse_utc("2023-01-28T05:00Z")
NAN = np.nan
proof = settings(deadline=None, derandomize=True, max_examples=150)


# --- sightings


def sighting(**changes: Any) -> Sighting:
    fields: dict[str, Any] = {
        "id": "s1",
        "time_start": T0,
        "time_end": T0 + 600,
        "kind": "pilot",
        "role": "observation",
        "source": "FAA",
        "lon_deg": -110.0,
        "lat_deg": 47.0,
        "radius_km": 50.0,
    }
    return Sighting(**{**fields, **changes})


def test_a_sighting_with_a_place_is_fitted() -> None:
    assert sighting().fitted


def test_context_unusable_and_placeless_rows_are_not_fitted() -> None:
    assert not sighting(role="context").fitted
    assert not sighting(lon_deg=None, lat_deg=None).fitted
    assert not sighting(marks=(Mark("time", "a year late", "unusable"),)).fitted
    assert sighting(marks=(Mark("alt", "feet for metres?"), Mark("far", "a note", "note"))).fitted


def test_records_are_frozen() -> None:
    for record, name in ((sighting(), "lat_deg"), (Mark("a", "b"), "code"), (finding(), "value")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, 0)


# --- findings


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "id": "crossing.CAN.entry",
        "question": "When did it enter Canada?",
        "kind": "interval",
        "unit": "posix_s",
        "value": {"p05": T0, "p50": T0 + 1, "p95": T0 + 2},
    }
    return Finding(**{**fields, **changes})


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"value": {"p05": 1.0, "p50": 1.0, "p95": 1.0}},
        {"value": {"lo": -2, "hi": 7}},
        {"value": {"lo": np.float32(1), "hi": np.float64(2)}},
        {"kind": "probability", "value": {"p": 0.0}},
        {"kind": "probability", "value": {"p": 1.0}},
        {"kind": "category", "value": {"category": "balloon"}},
        {"kind": "undetermined", "value": None, "reason": "no winds"},
        {"id": "exposure.malmstrom.first.los"},
    ],
)
def test_findings_that_are_right(good: dict[str, Any]) -> None:
    assert finding(**good).question


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"id": "entry"}, "part.subject.quantity"),
        ({"id": "crossing.CAN"}, "part.subject.quantity"),
        ({"id": "crossing..entry"}, "part.subject.quantity"),
        ({"id": ".CAN.entry"}, "part.subject.quantity"),
        ({"kind": "undetermined"}, "undetermined"),
        ({"kind": "undetermined", "value": None}, "no reason"),
        ({"kind": "guess"}, "unknown kind"),
        ({"value": None}, "value keys"),
        ({"value": {}}, "value keys"),
        ({"value": {"p": 0.5}}, "value keys"),
        ({"value": {"p05": 1.0, "p50": 2.0}}, "value keys"),
        ({"value": {"lo": 1.0, "hi": 2.0, "p": 0.1}}, "value keys"),
        ({"value": {"p05": 1.0, "p50": NAN, "p95": 2.0}}, "not finite"),
        ({"value": {"lo": 1.0, "hi": float("inf")}}, "not finite"),
        ({"value": {"lo": "low", "hi": 2.0}}, "not finite"),
        ({"value": {"lo": 2.0, "hi": 1.0}}, "out of order"),
        ({"value": {"p05": 1.0, "p50": 3.0, "p95": 2.0}}, "out of order"),
        ({"kind": "probability", "value": {"p": 1.01}}, "probability 1.01"),
        ({"kind": "probability", "value": {"p": -0.01}}, "probability -0.01"),
        ({"kind": "probability", "value": {"p": "likely"}}, "not finite"),
        ({"kind": "category", "value": {"category": 3}}, "not a word"),
        ({"kind": "category", "value": {"category": ""}}, "not a word"),
    ],
)
def test_findings_that_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(OverflightError, match=message):
        finding(**bad)


# --- quantiles


def test_equal_weights_give_the_hazen_quantiles() -> None:
    # Mid-points of weights at (i - 0.5) / n are Hazen's plotting positions, numpy's method of that name.
    x = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    probs = np.linspace(0.0, 1.0, 21)
    np.testing.assert_allclose(weighted_quantile(x, 1.0, probs), np.quantile(x, probs, method="hazen"))


def test_the_scale_of_the_weights_and_samples_of_no_weight_do_not_matter() -> None:
    x, w = np.array([5.0, 1.0, 3.0, 100.0]), np.array([1.0, 2.0, 3.0, 0.0])
    np.testing.assert_allclose(weighted_quantile(x, 7 * w, 0.4), weighted_quantile(x[:3], w[:3], 0.4))


def test_gaps_are_left_out_and_nothing_gives_nan() -> None:
    assert weighted_quantile([1.0, NAN, 3.0], [1.0, 9.0, 1.0], 0.5) == pytest.approx(2.0)
    assert np.isnan(weighted_quantile([NAN, NAN], [1.0, 1.0], [0.1, 0.5])).all()
    assert np.isnan(weighted_quantile([], [], 0.5))
    assert np.isnan(weighted_quantile([1.0], [0.0], 0.5))


def test_members_of_equal_weight_count_as_many_and_others_as_fewer() -> None:
    """Kish, Survey Sampling (1965), section 11.7: (Σw)² / Σw²; of weights 2, 1, 1 it is 16/6."""
    assert effective_members(np.full(7, 0.3)) == pytest.approx(7.0)
    assert effective_members([2.0, 1.0, 1.0]) == pytest.approx(16.0 / 6.0)
    assert effective_members([1.0, 0.0]) == 1.0
    assert effective_members([0.0, 0.0]) == effective_members([]) == 0.0


def test_quantiles_are_told_from_five_effective_members_on() -> None:
    weight = np.ones(6)
    values = np.array([1.0, 2.0, 3.0, 4.0, NAN, NAN])
    assert spread(values, weight) is None
    assert spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0, NAN]), weight) == pytest.approx(
        {"p05": 1.0, "p50": 3.0, "p95": 5.0}
    )
    assert spread(np.full(6, NAN), weight) is None


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(1e-3, 1.0)), min_size=1, max_size=30))
@proof
def test_quantile_values_are_ordered_and_make_a_finding(samples: list[tuple[float, float]]) -> None:
    x, w = np.array(samples).T
    value = quantile_value(x, w, offset=T0)
    assert x.min() + T0 <= value["p05"] <= value["p50"] <= value["p95"] <= x.max() + T0
    assert finding(value=value).value == value


# --- ensembles


def parts(**changes: Any) -> dict[str, Any]:
    """Return the arguments of a small ensemble that crosses the seam, with one member that lands."""
    fields: dict[str, Any] = {
        "kind": "posterior",
        "time_s": T0 + np.arange(4) * 600.0,
        "lon_deg": np.array([[179.0, 179.8, 180.6, 181.4], [-179.0, -178.5, NAN, NAN]]),
        "lat_deg": np.array([[52.0, 52.1, 52.2, 52.3], [53.0, 90.0, NAN, NAN]]),
        "alt_m": np.array([[18e3, 18.1e3, 18.2e3, 18.3e3], [17e3, 9e3, NAN, NAN]]),
        "pressure_pa": np.array([[7500.0, 7400.0, 7300.0, 7200.0], [8800.0, 30e3, NAN, NAN]]),
        "status": np.array([[0, 0, 3, 0], [0, 0, 2, 2]]),
        "weight": [3.0, 1.0],
        "scenario": [1, 0],
        "scenario_names": ("launch 15 Jan", "launch 20-22 Jan"),
        "attrs": {"winds": "prior", "seed": "7"},
    }
    return {**fields, **changes}


def test_an_ensemble_holds_what_was_given() -> None:
    flight = make_ensemble(**parts())
    assert flight["weight"].values.tolist() == [0.75, 0.25]
    assert flight["scenario"].values.tolist() == [1, 0]
    assert flight["lon"].dtype == flight["alt_m"].dtype == np.float32
    assert flight["status"].dtype == np.int8
    np.testing.assert_allclose(flight["lon"].values[0], [179.0, 179.8, -179.4, -178.6], atol=1e-4)
    np.testing.assert_array_equal(from_datetime64(flight["time"].values), T0 + np.arange(4) * 600.0)
    assert flight.attrs["kind"] == "posterior"
    assert flight.attrs["seed"] == "7"
    assert flight["status"].attrs["flag_meanings"].split() == list(STATUS.values())
    assert flight["scenario"].attrs["flag_meanings"] == "launch_15_Jan launch_20-22_Jan"


def test_weights_and_scenarios_have_defaults() -> None:
    flight = make_ensemble(**parts(weight=None, scenario=None, scenario_names=("only",)))
    assert flight["weight"].values.tolist() == [0.5, 0.5]
    assert flight["scenario"].values.tolist() == [0, 0]


def test_longitudes_stay_below_180_in_single_precision() -> None:
    near = np.full((2, 4), 179.99999999)
    near[1, 2:] = NAN
    lon = make_ensemble(**parts(lon_deg=near))["lon"].values
    assert np.nanmax(lon) < 180.0


def test_an_ensemble_survives_a_netcdf_file(tmp_path: Path) -> None:
    flight = make_ensemble(**parts(time_s=T0 + np.array([0.0, 0.001, 7.25, 86400.5])))
    file = tmp_path / "flight.nc"
    flight.to_netcdf(file, engine="netcdf4")
    with xr.open_dataset(file, engine="netcdf4") as back:
        check_ensemble(back)
        xr.testing.assert_identical(back.load(), flight)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"kind": "guess"}, "ensemble kind is 'guess'"),
        ({"time_s": T0 + np.array([0.0, 600.0, 600.0, 1200.0])}, "must increase"),
        ({"time_s": T0 - np.arange(4) * 600.0}, "must increase"),
        ({"time_s": T0 + np.array([0.0, NAN, 1200.0, 1800.0])}, "no gap"),
        ({"time_s": T0 + np.arange(4) * 1e-4}, "must increase"),
        ({"time_s": (T0 + np.arange(4)) * 1e9}, "POSIX seconds"),
        ({"time_s": T0 + np.arange(3) * 600.0}, "shape is"),
        ({"time_s": T0}, "dimensions"),
        ({"lon_deg": np.zeros(4)}, "shape is"),
        ({"lat_deg": np.zeros((4, 2))}, "lat: the shape"),
        ({"alt_m": np.zeros((1, 4))}, "alt_m: the shape"),
        ({"status": np.zeros((2, 3))}, "status: the shape"),
        ({"status": np.array([[0, 0, 3, 0], [0, 0, 9, 2]])}, "status code"),
        ({"status": np.array([[0, 0, 256, 0], [0, 0, 2, 2]])}, "status code"),
        ({"status": np.array([[0, 0, NAN, 0], [0, 0, 2, 2]])}, "status code"),
        ({"status": np.array([[0, 0, 3, 0], [0, 0, 0, 2]])}, "finite while aloft"),
        ({"status": np.array([[0, 0, 2, 0], [0, 0, 2, 2]])}, "finite while aloft"),
        ({"weight": [1.0, -0.1]}, "weights"),
        ({"weight": [0.0, 0.0]}, "weights"),
        ({"weight": [1.0, NAN]}, "weights"),
        ({"weight": [1.0]}, "weights"),
        ({"scenario": [0, 2]}, "scenario"),
        ({"scenario": [-1, 0]}, "scenario"),
        ({"scenario": [0]}, "scenario"),
    ],
)
def test_ensembles_that_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(OverflightError, match=message):
        make_ensemble(**parts(**bad))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lat_deg", 90.1),
        ("lat_deg", -110.0),
        ("alt_m", -600.0),
        ("alt_m", 60_500.0),
        ("pressure_pa", 75.0 * 100e3),
        ("pressure_pa", 1.0),
        ("lon_deg", np.inf),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: float) -> None:
    values = parts()[name].copy()
    values[0, 0] = value
    with np.errstate(invalid="ignore"), pytest.raises(OverflightError, match=r"leave|finite"):
        make_ensemble(**parts(**{name: values}))


def test_an_ensemble_of_nobody_or_of_no_time_is_refused() -> None:
    nobody = np.zeros((0, 4))
    state = dict.fromkeys(("lon_deg", "lat_deg", "alt_m", "pressure_pa", "status"), nobody)
    with pytest.raises(OverflightError, match="weights"):
        make_ensemble(**parts(**state, weight=None, scenario=None))
    state = dict.fromkeys(state, np.zeros((2, 0)))
    with pytest.raises(OverflightError, match="not empty"):
        make_ensemble(**parts(**state, time_s=[]))


def test_check_names_what_a_foreign_file_lacks() -> None:
    flight = make_ensemble(**parts())
    for name in ("time", "lon", "lat", "alt_m", "pressure_pa", "status", "weight", "scenario"):
        with pytest.raises(OverflightError, match=rf"lacks .*{name}"):
            check_ensemble(flight.drop_vars(name))


def test_check_refuses_a_file_that_was_changed() -> None:
    flight = make_ensemble(**parts())
    changed = [
        (flight.assign_attrs(kind="guess"), "kind"),
        (flight.transpose("time", "member"), "dims"),
        (flight.assign(weight=flight["weight"] * 2), "sum to one"),
        (flight.assign(weight=flight["weight"] * NAN), "sum to one"),
        (flight.assign(weight=flight["lon"][0].drop_vars("member")), "dims"),
        (flight.assign(scenario=flight["status"]), "dims"),
        (flight.assign(status=flight["status"] + 5), "status"),
        (flight.assign_coords(time=np.arange(4.0)), "time axis"),
        (flight.assign(lon=flight["lon"].fillna(0.0)), "finite while aloft"),
    ]
    for dataset, message in changed:
        with pytest.raises(OverflightError, match=message):
            check_ensemble(dataset)

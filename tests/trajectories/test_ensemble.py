"""Ensembles: bytes from the seed alone, spread as stated, ends and provenance said."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_ensembles import BEGIN_S, FLOAT, START, make_winds

from overflight import atmosphere
from overflight.balloons.stops import AltitudeAbove, Ground
from overflight.balloons.terms import Ascent, ConstantHeight, ConstantPressure, Flight, Parachute, Stage
from overflight.errors import CoverageError, InputError, LimitError, OverflightError
from overflight.records import check_ensemble
from overflight.trajectories import ensemble
from overflight.trajectories.ensemble import Spread, Start, settled_error, simulate
from overflight.trajectories.stops import END_CODES
from overflight.winds.error import ANALYSIS_ERROR, PRIOR_ERROR, WindError, path_error_m
from overflight.winds.schemes import Scheme
from overflight.winds.store import WindStore, open_store, write_store

HOUR_S, DAY_S, RADIUS_M = 3600.0, 86400.0, 6371008.8
SOUNDING = Flight(
    (Stage((Ascent(5.0),), (AltitudeAbove(20e3),)), Stage((Parachute(sea_level_mps=5.0),), (Ground(),)))
)
LAUNCH = Start(lon_deg=10.0, lat_deg=50.0, time_s=BEGIN_S, alt_m=100.0)
# Rough errors that hold for hours and everywhere: Taylor's closed form applies to the path.
BROAD = WindError(
    sd_u_mps=3.0, sd_v_mps=2.0, time_s=10 * HOUR_S, distance_m=1e9, log_pressure=50.0, shape="rough"
)


def values(dataset):
    return {name: dataset[name].values.tobytes() for name in dataset.variables}


@pytest.mark.parametrize("block", [1, 3, 50])
def test_the_same_seed_gives_the_same_bytes_in_blocks_of_any_size(block):
    spread = Spread(place_m=2e3, time_s=900.0, alt_m=300.0)
    asked = {"members": 7, "seed": 5, "time_end": BEGIN_S + DAY_S, "spread": spread}
    whole = simulate(FLOAT, make_winds(wavy=True), START, **asked)
    parts = simulate(FLOAT, make_winds(wavy=True), START, **asked, block=block)
    assert values(parts) == values(whole)
    assert parts.attrs == whole.attrs
    other = simulate(FLOAT, make_winds(wavy=True), START, **(asked | {"seed": 6}))
    assert other["lon"].values.tobytes() != whole["lon"].values.tobytes()


HOUR_LATER = Start(lon_deg=170.0, lat_deg=40.0, time_s=BEGIN_S + HOUR_S, pressure_pa=6000.0)


@pytest.mark.parametrize(
    ("start", "spread"), [([START, HOUR_LATER], None), (START, Spread(time_s=300.0)), (START, None)]
)
def test_blocks_change_no_byte_where_floats_could_go_the_fast_way(start, spread):
    """Without an error and linear, a block whose members start together could be flown another way."""
    asked = {
        "members": 8, "seed": 5, "time_end": BEGIN_S + DAY_S, "error": None, "scheme": Scheme(),
        "spread": spread,
    }  # fmt: skip
    winds = make_winds(wavy=True)
    whole = simulate(FLOAT, winds, start, **asked, block=16)
    for block in (1, 4, 8):
        assert values(simulate(FLOAT, winds, start, **asked, block=block)) == values(whole), block


def test_who_flies_below_the_winds_is_marked():
    """Winds down to 900 hPa: what lies below is flown in their lowest wind."""
    whole = make_winds()
    cut = replace(whole, pressure_pa=np.append(whole.pressure_pa[:-1], 9e4))
    found = simulate(
        SOUNDING, cut, Start(lon_deg=10.0, lat_deg=50.0, time_s=BEGIN_S, alt_m=400.0), members=2, seed=1,
        time_end=BEGIN_S + HOUR_S, error=None, keep_s=60.0,
    )  # fmt: skip
    check_ensemble(found)
    status, pressure = found["status"].values, found["pressure_pa"].values
    assert ((status == 3) == (pressure > 9e4)).all()
    assert (status[:, 0] == 3).all()
    assert (status[:, 30] == 0).all()
    meaning = found["status"].attrs["flag_meanings"].split()
    assert meaning[3] == "aloft_outside_wind_data_other_wind_used"


def test_a_member_is_the_same_however_many_there_are():
    asked = {"seed": 5, "time_end": BEGIN_S + DAY_S, "spread": Spread(place_m=2e3, rate=0.1, level_m=400.0)}
    few = simulate(SOUNDING, make_winds(wavy=True), LAUNCH, members=3, **asked)
    many = simulate(SOUNDING, make_winds(wavy=True), LAUNCH, members=8, **asked)
    for name in ("lon", "lat", "alt_m", "end_lon", "end_time_s", "end_code"):
        assert many[name].values[:3].tobytes() == few[name].values.tobytes(), name


def test_the_path_spreads_as_taylor_says():
    """Still air, 600 members: the standard error of the spread is 2.9 %; four of them."""
    found = simulate(
        FLOAT, make_winds(0.0), Start(lon_deg=0.0, lat_deg=0.0, time_s=BEGIN_S, pressure_pa=6000.0),
        members=600, seed=1, time_end=BEGIN_S + DAY_S, error=BROAD, keep_s=6 * HOUR_S,
    )  # fmt: skip
    check_ensemble(found)
    for k, hours in ((1, 6), (4, 24)):
        for name, sd in (("lon", 3.0), ("lat", 2.0)):
            spread_m = np.radians(found[name].values[:, k]).std() * RADIUS_M
            expected = path_error_m(sd, 10 * HOUR_S, hours * HOUR_S)
            assert spread_m == pytest.approx(expected, rel=0.12), (name, hours)


def test_the_grids_own_spread_is_the_size_where_the_error_leaves_it_to_the_grid():
    error = WindError(
        sd_u_mps=None, sd_v_mps=None, time_s=1e9, distance_m=1e9, log_pressure=50.0, shape="rough"
    )
    start = Start(lon_deg=0.0, lat_deg=0.0, time_s=BEGIN_S, pressure_pa=6000.0)
    found = simulate(
        FLOAT, make_winds(0.0, sd_mps=4.0), start, members=400, seed=1, time_end=BEGIN_S + DAY_S, error=error
    )
    spread_m = np.radians(found["end_lat"].values).std() * RADIUS_M
    assert spread_m == pytest.approx(4.0 * DAY_S, rel=0.15)
    with pytest.raises(InputError, match="state no spread"):
        simulate(FLOAT, make_winds(0.0), start, members=2, seed=1, time_end=BEGIN_S + DAY_S, error=error)


def test_members_of_a_forecast_are_flown_in_turn_and_get_no_error_of_ours():
    winds = [make_winds(u) for u in (10.0, -10.0, 30.0)]
    start = Start(lon_deg=0.0, lat_deg=0.0, time_s=BEGIN_S, pressure_pa=6000.0)
    found = simulate(FLOAT, winds, start, members=5, seed=1, time_end=BEGIN_S + 6 * HOUR_S)
    travel_m = np.radians(found["end_lon"].values) * (6378137.0 + 19.5e3)
    np.testing.assert_allclose(travel_m / (6 * HOUR_S), [10, -10, 30, 10, -10], rtol=1e-3)
    assert found["wind_member"].values.tolist() == [0, 1, 2, 0, 1]
    assert "3 members of a forecast" in found.attrs["winds"]
    assert found.attrs["wind_error"] == "none added"


@pytest.mark.parametrize(
    ("winds", "said"), [(make_winds(), ANALYSIS_ERROR.source), (make_winds(sd_mps=3.0), PRIOR_ERROR.source)]
)
def test_the_error_that_is_added_follows_the_winds(winds, said):
    found = simulate(FLOAT, winds, START, members=2, seed=1, time_end=BEGIN_S + HOUR_S)
    assert said in found.attrs["wind_error"]


def test_a_store_states_its_spread_as_a_grid_does(tmp_path):
    bare, stated = (
        open_store(write_store(tmp_path / name, [make_winds(sd_mps=sd)]))
        for name, sd in (("bare", None), ("stated", 3.0))
    )
    assert settled_error([stated], "default") is PRIOR_ERROR
    assert settled_error([bare], "default") is ANALYSIS_ERROR
    assert settled_error([stated, stated], "auto") is None
    assert settled_error([stated, stated], PRIOR_ERROR) is PRIOR_ERROR
    with pytest.raises(InputError, match="state no spread"):
        settled_error([stated, bare], PRIOR_ERROR)


def test_what_an_ensemble_was_made_from_is_told_without_reading_a_store(tmp_path, monkeypatch):
    store = open_store(write_store(tmp_path / "w", [make_winds()]))
    asked = {"members": 2, "seed": 1, "time_end": BEGIN_S + HOUR_S}
    expected = ensemble.provenance(ensemble.make_plan(FLOAT, make_winds(), START, **asked))

    def read(*_args):
        raise AssertionError("the store was read")

    monkeypatch.setattr(WindStore, "read", read)
    assert ensemble.provenance(ensemble.make_plan(FLOAT, store, START, **asked)) == expected
    early = Start(lon_deg=0.0, lat_deg=0.0, time_s=0.0, pressure_pa=6000.0)
    with pytest.raises(CoverageError, match="holds time"):
        ensemble.provenance(ensemble.make_plan(FLOAT, store, early, **(asked | {"time_end": HOUR_S})))


def test_balloons_launched_together_stay_as_alike_as_their_winds():
    """100 km apart under errors of 600 km reach they drift alike; on the other side of the Earth not."""
    together = [
        Start(lon_deg=lon, lat_deg=0.0, time_s=BEGIN_S, pressure_pa=6000.0, name=name)
        for lon, name in ((0.0, "first"), (0.9, "second"), (180.0, "far"))
    ]
    found = simulate(FLOAT, make_winds(0.0), together, members=300, seed=2, time_end=BEGIN_S + DAY_S)
    lat = found["end_lat"].values.reshape(3, 300)
    assert np.corrcoef(lat[0], lat[1])[0, 1] > 0.75
    assert abs(np.corrcoef(lat[0], lat[2])[0, 1]) < 0.25
    assert found["balloon"].values.tolist() == [0] * 300 + [1] * 300 + [2] * 300
    assert "second: 0.9°, 0°" in found.attrs["starts"]
    alone = simulate(FLOAT, make_winds(0.0), together[0], members=300, seed=2, time_end=BEGIN_S + DAY_S)
    assert alone["end_lat"].values.tobytes() == lat[0].tobytes()


def test_a_run_backward_is_an_origin_with_rising_times():
    found = simulate(FLOAT, make_winds(), START, members=3, seed=1, time_end=BEGIN_S - DAY_S)
    assert found.attrs["kind"] == "origin"
    assert (np.diff(found["time"].values) > np.timedelta64(0)).all()
    np.testing.assert_allclose(found["lon"].values[:, -1], 179.0, atol=1e-5)
    assert (found["lon"].values[:, 0] < 179.0).all()
    assert (found["end_time_s"].values == BEGIN_S - DAY_S).all()


def test_members_that_leave_the_winds_end_and_say_where_and_why():
    lon = np.arange(170.0, 191.0, 5.0)
    found = simulate(FLOAT, make_winds(30.0, lon=lon), START, members=4, seed=1, time_end=BEGIN_S + 2 * DAY_S)
    check_ensemble(found)
    ended = found["status"].values == 2
    assert ended[:, -1].all()
    assert np.isnan(found["lon"].values[ended]).all()
    assert {END_CODES[int(code)] for code in found["end_code"].values} == {
        "lost the wind: outside longitudes"
    }
    np.testing.assert_allclose(found["end_lon"].values % 360.0, 190.0, atol=0.05)
    meaning = found["end_code"].attrs["flag_meanings"].split()
    assert len(meaning) == len(END_CODES)
    assert meaning[4] == "lost_the_wind_outside_longitudes"


def test_a_sounding_climbs_bursts_and_lands():
    found = simulate(
        SOUNDING, make_winds(), LAUNCH, members=3, seed=1, time_end=BEGIN_S + 4 * HOUR_S, keep_s=600.0
    )
    assert {END_CODES[int(code)] for code in found["end_code"].values} == {"stopped: ground"}
    np.testing.assert_allclose(found["end_alt_m"].values, 0.0, atol=0.05)
    assert "ellipsoid" in found.attrs["ground"]
    assert set(np.unique(found["stage"].values)) == {-1, 0, 1}


def test_starts_spread_as_stated():
    spread = Spread(place_m=5e3, time_s=600.0, alt_m=200.0)
    start = Start(lon_deg=20.0, lat_deg=60.0, time_s=BEGIN_S, alt_m=20e3)
    found = simulate(
        FLOAT, make_winds(0.0), start, members=600, seed=1, time_end=BEGIN_S + HOUR_S, spread=spread,
        error=None, keep_s=[BEGIN_S, BEGIN_S + HOUR_S],
    )  # fmt: skip
    east = np.radians(found["end_lon"].values - 20.0) * RADIUS_M * math.cos(math.radians(60.0))
    north = np.radians(found["end_lat"].values - 60.0) * RADIUS_M
    for metres in (east, north):
        assert metres.std() == pytest.approx(5e3, rel=0.12)
        assert abs(metres.mean()) < 900.0
    assert found["end_alt_m"].values.std() == pytest.approx(200.0, rel=0.12)
    # Half of them have not begun at the nominal time.
    begun = (found["status"].values[:, 0] == 0).mean()
    assert begun == pytest.approx(0.5, abs=0.09)


def test_levels_and_rates_spread_as_stated():
    spread = Spread(level_m=400.0, rate=0.1)
    found = simulate(
        SOUNDING, make_winds(0.0), LAUNCH, members=300, seed=1, time_end=BEGIN_S + 3 * HOUR_S, spread=spread,
        error=None, keep_s=60.0,
    )  # fmt: skip
    top = np.nanmax(found["alt_m"].values, axis=1)
    assert top.mean() == pytest.approx(20e3, abs=300.0)
    assert top.std() == pytest.approx(400.0, rel=0.2)
    climb = (found["alt_m"].values[:, 30] - 100.0) / 1800.0
    assert np.log(climb / 5.0).std() == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("term", [ConstantPressure(pressure_pa=5529.3), ConstantHeight(alt_m=20e3)])
def test_levels_of_holds_are_raised_in_metres(term):
    """5529.3 Pa is 20 km in the standard atmosphere (U.S. Standard Atmosphere 1976, table I: 55.293 hPa)."""
    assert atmosphere.alt_from_pressure(5529.3) == pytest.approx(20e3, abs=1.0)
    start = Start(lon_deg=0.0, lat_deg=0.0, time_s=BEGIN_S, alt_m=20e3)
    found = simulate(
        Flight((Stage((term,)),)), make_winds(0.0), start, members=200, seed=1, time_end=BEGIN_S + 3 * HOUR_S,
        spread=Spread(level_m=300.0), error=None,
    )  # fmt: skip
    assert found["end_alt_m"].values.mean() == pytest.approx(20e3, abs=80.0)
    assert found["end_alt_m"].values.std() == pytest.approx(300.0, rel=0.2)


def test_provenance_says_what_it_was_made_from():
    found = simulate(
        FLOAT, make_winds(), START, members=2, seed=77, time_end=BEGIN_S + HOUR_S, attrs={"case": "x"}
    )
    said = found.attrs
    assert said["seed"] == "77"
    assert said["winds"] == "made winds"
    assert said["source"].startswith("overflight ")
    assert said["step"] == "300 s"
    assert said["interpolation"].startswith("cubic in space")
    assert "standard atmosphere" in said["air"].lower()
    assert said["case"] == "x"


def test_descriptions_depend_on_content_alone():
    def border(*_):
        return 0.0

    assert ensemble.described(border) == ensemble.described(border)
    assert " at 0x" not in ensemble.described((border, START, np.zeros(3)))
    assert ensemble.described(np.zeros(3)) != ensemble.described(np.ones(3))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"members": 0}, "members"),
        ({"seed": -1}, "seed"),
        ({"time_end": math.nan}, "time_end"),
        ({"time_end": BEGIN_S + 60.0, "spread": Spread(time_s=600.0)}, "may end before"),
        ({"block": 0}, "block"),
        ({"keep_s": 0.0}, "keep_s"),
        ({"keep_s": [BEGIN_S + HOUR_S, BEGIN_S]}, "follow one another"),
        ({"keep_s": [BEGIN_S, BEGIN_S + 9 * DAY_S]}, "outside the run"),
        ({"error": "some"}, "the error is 'some'"),
        ({"device": "abacus"}, "device"),
    ],
)
def test_what_cannot_be_flown_is_refused(changes, match):
    asked = {"members": 2, "seed": 1, "time_end": BEGIN_S + DAY_S} | changes
    with pytest.raises(OverflightError, match=match):
        simulate(FLOAT, make_winds(), START, **asked)


def test_starts_on_both_sides_of_the_end_are_refused():
    late = Start(lon_deg=0.0, lat_deg=0.0, time_s=BEGIN_S + 2 * DAY_S, pressure_pa=6000.0)
    with pytest.raises(InputError, match="between the starts"):
        simulate(FLOAT, make_winds(), [START, late], members=2, seed=1, time_end=BEGIN_S + DAY_S)


@pytest.mark.parametrize(
    "place", [{"lat_deg": 91.0}, {"lon_deg": math.nan}, {"alt_m": 5.0}, {"pressure_pa": None}]
)
def test_starts_that_are_none_are_refused(place):
    whole = {"lon_deg": 0.0, "lat_deg": 0.0, "time_s": BEGIN_S, "pressure_pa": 6000.0} | place
    with pytest.raises(InputError, match="start"):
        Start(**whole)
    with pytest.raises(InputError, match="spread"):
        Spread(rate=-1.0)


def test_an_ensemble_too_large_for_memory_is_sent_to_disk(monkeypatch):
    monkeypatch.setattr(ensemble, "MEMORY_BYTES", 1000)
    with pytest.raises(LimitError, match="simulate_to"):
        simulate(FLOAT, make_winds(), START, members=10, seed=1, time_end=BEGIN_S + DAY_S)

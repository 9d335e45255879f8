"""The made flights of the benches: the truth is what it says, or no calibration on it means anything."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from overflight import geo
from overflight.atmosphere import pressure_pa
from overflight.units import HOUR_S
from overflight.winds.interpolate import pack
from overflight.winds.schemes import default_scheme, sample_scheme

BENCH = Path(__file__).parents[2] / "bench"
if not (BENCH / "made_drift.py").exists():
    pytest.skip("the benches are not part of a source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

made_drift = importlib.import_module("made_drift")
KINDS, Condition, make_flight = made_drift.KINDS, made_drift.Condition, made_drift.make_flight
error_along, gfs_pair, made_field = made_drift.error_along, made_drift.gfs_pair, made_drift.made_field

HOURLY = Condition(name="test", every_h=0.5, error_mps=3.0, hours=24.0)
# Half-hourly differences of positions against the mean of the errors at their ends: a rough error has no
# slope, and strays in between. Root mean square.
WIND_MPS = 0.7


def _motion(flight):
    """East and north velocity (m/s) between fixes, and time, place and height of their middles."""
    lon, lat = flight.true_lon_deg, flight.true_lat_deg
    bearing = np.radians(geo.bearing_deg(lon[:-1], lat[:-1], lon[1:], lat[1:]))
    speed = geo.distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) / np.diff(flight.time_s)
    middle = [0.5 * (a[1:] + a[:-1]) for a in (flight.time_s, geo.unwrap_lon(lon), lat, flight.true_alt_m)]
    # A degree at the balloon's height is longer than on the ground.
    higher = 1.0 + middle[3] / 6.371e6
    return np.stack([speed * np.sin(bearing), speed * np.cos(bearing)]) * higher, middle


def _through_air(flight, condition):
    """Velocity through the air: over the ground less analysis and true error."""
    motion, (time_s, lon, lat, alt) = _motion(flight)
    grid = flight.analysis
    wind = sample_scheme(grid, time_s, pressure_pa(alt), lat, lon, default_scheme(pack(grid)))
    error = np.stack(error_along(flight, condition))
    return motion - np.stack([wind.u_mps, wind.v_mps]) - 0.5 * (error[:, 1:] + error[:, :-1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_flight_and_another_seed_another(kind: str) -> None:
    one, same, other = (make_flight(kind, HOURLY, seed) for seed in (3, 3, 4))
    assert one.lon_deg.tobytes() == same.lon_deg.tobytes()
    assert one.alt_m.tobytes() == same.alt_m.tobytes()
    assert abs(one.lon_deg[0] - other.lon_deg[0]) > 1e-6


def test_conditions_share_no_errors() -> None:
    other = Condition(name="another", every_h=0.5, hours=24.0)
    one, two = (make_flight("passive_level", c, 0) for c in (HOURLY, other))
    assert abs(one.true_lat_deg[0] - two.true_lat_deg[0]) > 1e-6


@pytest.mark.parametrize("seed", [0, 11])
def test_a_passive_flight_goes_where_analysis_and_error_take_it_at_its_level(seed: int) -> None:
    flight = make_flight("passive_level", HOURLY, seed)
    assert np.ptp(flight.true_alt_m) < 1.0
    assert np.sqrt(np.mean(_through_air(flight, HOURLY) ** 2)) < WIND_MPS


def test_a_propelled_flight_has_its_airspeed_for_the_hours_that_it_says() -> None:
    condition = Condition(name="test", every_h=0.5, hours=24.0, airspeed_mps=8.0, dwell_h=9.0)
    flight = make_flight("propelled", condition, 2)
    speed = np.hypot(*_through_air(flight, condition))
    assert flight.numbers["steered_h"] == 9.0
    assert np.abs(speed[speed > 4.0] - 8.0).max() < 3.0
    assert (speed > 4.0).sum() * 0.5 == pytest.approx(9.0, abs=0.6)


@pytest.mark.parametrize("seed", range(4))
def test_a_controlled_flight_keeps_to_its_range_and_its_rate_and_is_moved_by_wind_alone(seed: int) -> None:
    flight = make_flight("altitude_controlled", HOURLY, seed)
    assert np.ptp(flight.true_alt_m) < flight.numbers["range_m"] + 5.0
    rate = np.abs(np.diff(flight.true_alt_m) / np.diff(flight.time_s))
    assert rate.max() < flight.numbers["climb_mps"] * 1.001
    still = rate < 0.01
    assert np.sqrt(np.mean(_through_air(flight, HOURLY)[:, still] ** 2)) < WIND_MPS


def test_a_day_and_night_balloon_follows_the_sun_or_sinks() -> None:
    seen = set()
    for seed in range(12):
        flight = make_flight("passive_daynight", HOURLY, seed)
        seen.add(flight.variant)
        if flight.variant == "leak":
            gone = flight.true_alt_m[0] - flight.true_alt_m[-1]
            assert gone == pytest.approx(flight.numbers["leak_m_day"], rel=0.02)
        else:
            assert 150.0 < np.ptp(flight.true_alt_m) < 3500.0
    assert seen == {"leak", "zero-pressure"}


def test_a_typed_track_has_one_speed() -> None:
    typed = [f for f in (make_flight("not_wind", HOURLY, s) for s in range(8)) if f.variant == "typed"]
    assert typed
    for flight in typed:
        gone = geo.distance_m(
            flight.true_lon_deg[:-1],
            flight.true_lat_deg[:-1],
            flight.true_lon_deg[1:],
            flight.true_lat_deg[1:],
        )
        assert gone / 1800.0 == pytest.approx(flight.numbers["speed_mps"], rel=1e-6)


def test_the_errors_have_the_size_and_the_memory_that_the_ideal_detector_is_told() -> None:
    flights = [make_flight("passive_level", HOURLY, seed) for seed in range(60)]
    errors = np.array([np.stack(error_along(f, HOURLY)) for f in flights])
    # 60 flights of 24 h and 2 components are some 250 independent numbers: 4.5 % on a standard deviation.
    assert np.sqrt((errors**2).mean()) == pytest.approx(3.0, rel=0.14)
    lag = round(float(np.median([f.error_time_s for f in flights])) / (0.5 * HOUR_S))
    kept = (errors[..., lag:] * errors[..., :-lag]).mean() / (errors**2).mean()
    assert kept == pytest.approx(np.exp(-1.0), abs=0.15)


def test_fixes_are_off_by_the_error_that_is_said() -> None:
    flights = [make_flight("passive_level", HOURLY, seed) for seed in range(20)]
    off = np.concatenate(
        [geo.distance_m(f.lon_deg, f.lat_deg, f.true_lon_deg, f.true_lat_deg) for f in flights]
    )
    # 980 distances, two components each: 2.3 % on the root mean square.
    assert np.sqrt((off**2).mean() / 2.0) == pytest.approx(5000.0, rel=0.08)


def test_the_made_field_is_like_a_stratosphere() -> None:
    """Speeds and shear of the lower stratosphere in mid latitudes: 5 to 30 m/s, 1 to 6 m/s per km."""
    grids = [made_field(seed) for seed in range(3)]
    for grid in grids:
        middle = (grid.pressure_pa > 3000.0) & (grid.pressure_pa < 12_000.0)
        north = (grid.lat_deg > 25.0) & (grid.lat_deg < 60.0)
        u, v = (w[:, middle][:, :, north].astype(float) for w in (grid.u_mps, grid.v_mps))
        assert 5.0 < np.sqrt((u**2 + v**2).mean()) < 35.0
        km = 6.4 * np.diff(np.log(grid.pressure_pa[middle]))
        shear = np.hypot(np.diff(u, axis=1), np.diff(v, axis=1)) / km[None, :, None, None]
        assert 1.0 < np.sqrt((shear**2).mean()) < 6.0
    assert not np.array_equal(grids[0].u_mps, grids[1].u_mps)


def test_the_analyser_has_every_second_of_the_real_analyses(test_data: Path) -> None:
    truth, analysis, size = gfs_pair(str(test_data))
    assert list(analysis.time_s) == list(truth.time_s[::2])
    assert (analysis.u_mps == truth.u_mps[::2]).all()
    # README of the data: linear interpolation over 48 h errs 2.1 m/s at 70 hPa at the middle; a root of three
    # less over all times, and more above.
    assert 1.0 < min(size) <= max(size) < 2.5

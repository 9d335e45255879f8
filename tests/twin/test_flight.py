"""The twin in winds whose answers are known: drift, steering, budgets, ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from made_twin_air import DAY, HOUR, by_height, everywhere, opposing, turning

from overflight import geo
from overflight.balloons.stops import Duration
from overflight.balloons.terms import AltitudeControl, ConstantDensity, Flight, Stage
from overflight.errors import InputError, LimitError
from overflight.records import check_ensemble
from overflight.times import parse_utc
from overflight.trajectories.solve import fly
from overflight.twin.autopilot import (
    Autopilot,
    Behaviour,
    Corridor,
    Drift,
    GoTo,
    Loiter,
    Order,
    Orders,
    Propel,
)
from overflight.twin.budget import Balloon, Control, Power, Propeller, balloon
from overflight.twin.flight import Start, TwinFlight, fly_twin
from overflight.winds.error import ANALYSIS_ERROR, PRIOR_ERROR, WindError
from overflight.winds.grid import Grid

# Of the size that ANALYSIS_ERROR has, and larger: a forecast of days ago.
FORECAST_ERROR = replace(ANALYSIS_ERROR, sd_u_mps=5.0, sd_v_mps=5.0)
NOON = parse_utc("2023-06-21T12:00Z")
FREE = Balloon(name="free", flight=balloon("superpressure").flight, control=Control(means="free"))
DRIVEN = Balloon(
    name="driven",
    flight=balloon("superpressure").flight,
    propeller=Propeller(airspeed_mps=8.0, power_w=1000.0),
)


def start(lon_deg: float = 10.0, lat_deg: float = 45.0, time_s: float = NOON, alt_m: float = 18e3) -> Start:
    return Start(lon_deg=lon_deg, lat_deg=lat_deg, time_s=time_s, alt_m=alt_m)


def flown(one: Balloon, orders: Orders, wind: Grid, days: float = 1.0, **more: object) -> TwinFlight:
    at = more.pop("start", start())
    assert isinstance(at, Start)
    return fly_twin(one, orders, wind, None, at, at.time_s + days * DAY, **more)


def off_m(flight: TwinFlight, lon_deg: float, lat_deg: float) -> npt.NDArray[np.float64]:
    there = np.full_like(flight.lon_deg, lon_deg), np.full_like(flight.lat_deg, lat_deg)
    return np.asarray(geo.distance_m(flight.lon_deg, flight.lat_deg, *there))


# --- drift ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("erring", [False, True])
def test_a_drift_is_the_flight_of_the_engine(erring: bool) -> None:
    """A twin told nothing is `trajectories.fly` at the same steps, to the byte."""
    wind = by_height(lambda t, p: (20.0 + t / 4e4, 30.0 * (p - 9.0)), time_s=NOON + np.arange(5) * 6 * HOUR)
    from overflight.winds.error_waves import draw_waves

    waves = draw_waves(ANALYSIS_ERROR, [np.random.default_rng(3)]) if erring else None
    flight = flown(FREE, Drift(), wind, truth_error=waves)
    tracks = fly(
        Flight((Stage((ConstantDensity(),)),)), wind, 10.0, 45.0, NOON, time_end=NOON + DAY, alt_m=18e3,
        keep_s=flight.time_s, step_s=60.0, errors=waves, error_every_s=300.0,
    )  # fmt: skip
    assert flight.time_s.size == 1441
    assert flight.end == "reached the end of the run"
    assert np.array_equal(tracks.lon_deg[0], flight.lon_deg)
    assert np.array_equal(tracks.lat_deg[0], flight.lat_deg)
    assert np.array_equal(tracks.alt_m[0], flight.alt_m)


def test_a_drift_across_the_date_line_in_closed_form() -> None:
    flight = flown(FREE, Drift(), everywhere(20.0), start=start(lon_deg=175.0, lat_deg=0.0))
    # On the equator of WGS-84, 18 km up: 6396.137 km from the axis.
    turned = math.degrees(20.0 * DAY / (6_378_137.0 + 18_000.0))
    assert flight.lon_deg[-1] == pytest.approx(175.0 + turned - 360.0, abs=1e-4)
    assert np.all((flight.lon_deg >= -180.0) & (flight.lon_deg < 180.0))
    assert np.allclose(flight.wind_u_mps, 20.0)
    assert np.allclose(flight.wind_v_mps, 0.0)
    assert np.all(flight.airspeed_east_mps == 0.0)


def test_a_drift_to_a_height_goes_there_once() -> None:
    flight = flown(FREE, Drift(alt_m=16e3), opposing())
    assert flight.alt_m[-1] == pytest.approx(16e3, abs=30.0)
    # At 1 m/s down: 2000 m take 33 minutes, and the last of it comes slowly.
    assert flight.alt_m[20] == pytest.approx(18e3 - 20 * 60.0, abs=70.0)
    assert np.isnan(flight.commanded_alt_m[-1])
    assert flight.commanded_alt_m[1] == 16e3
    below = flown(FREE, Drift(alt_m=3e3), opposing())
    assert below.alt_m.min() > 15e3 - 30.0


# --- steering by height --------------------------------------------------------------------------------


def test_opposing_winds_lead_to_a_place_that_a_drifter_leaves() -> None:
    goal = 3.0
    drifts = flown(FREE, Drift(), opposing(), days=2.0)
    goes = flown(FREE, GoTo(lon_deg=goal, lat_deg=45.0), opposing(), days=2.0)
    assert off_m(drifts, goal, 45.0).min() > 500e3
    assert off_m(goes, goal, 45.0).min() < 50e3
    # 552 km at 10 m/s: 15.3 hours, and some for the way down and what was lost before it.
    arrived = goes.time_s[np.argmax(off_m(goes, goal, 45.0) < 50e3)] - NOON
    assert 13.5 * HOUR < arrived < 17.0 * HOUR
    # Having come there it stays: the winds allow it.
    assert np.all(off_m(goes, goal, 45.0)[goes.time_s > NOON + 18 * HOUR] < 60e3)
    assert any("arrived" in note for note in goes.notes)


@pytest.mark.parametrize("wind", [opposing(), turning()], ids=["opposing", "turning"])
def test_a_station_is_kept_where_the_winds_allow_it(wind: Grid) -> None:
    flight = flown(FREE, Loiter(lon_deg=10.0, lat_deg=45.0, radius_m=50e3), wind, days=3.0)
    assert (off_m(flight, 10.0, 45.0) < 50e3).mean() > 0.98


def test_a_station_is_kept_for_as_long_as_the_winds_allow() -> None:
    """After a day all winds blow one way: it is lost within the time that the diameter takes, not before."""

    def wind(t: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        same = np.clip((t - NOON - DAY) / HOUR, 0.0, 1.0)
        return (1.0 - same) * 10.0 * np.tanh((np.log(8500.0) - p) / 0.05) + same * 15.0, 0.0 * t

    field = by_height(wind, time_s=NOON + np.arange(49) * HOUR)
    inside = off_m(flown(FREE, Loiter(lon_deg=10.0, lat_deg=45.0), field, days=2.0), 10.0, 45.0) < 50e3
    assert inside[: 24 * 60].all()
    assert 24.0 < inside.sum() / 60.0 < 24.0 + 1.0 + 100e3 / 15.0 / HOUR


def test_without_choice_of_winds_the_station_is_lost_honestly() -> None:
    flight = flown(FREE, Loiter(lon_deg=10.0, lat_deg=45.0), everywhere(15.0))
    away = off_m(flight, 10.0, 45.0)
    # 15 m/s and no more: 55.6 minutes inside.
    assert (away < 50e3).sum() == pytest.approx(50e3 / 15.0 / 60.0, abs=2.0)
    assert away[-1] == pytest.approx(15.0 * DAY, rel=0.01)
    # To climb would change nothing, so it does not.
    assert np.ptp(flight.alt_m) < 20.0


def test_a_corridor_is_followed_leg_by_leg() -> None:
    # East along 45 N with the upper wind, back west with the lower one.
    there_and_back = Corridor(points=((10.0, 45.0), (16.0, 45.0), (8.0, 45.0)), half_width_m=60e3)
    flight = flown(FREE, there_and_back, opposing(), days=3.0)
    east, west = off_m(flight, 16.0, 45.0), off_m(flight, 8.0, 45.0)
    assert east.min() < 60e3
    assert west.min() < 60e3
    assert east.argmin() < west.argmin()
    assert np.abs(flight.lat_deg - 45.0).max() < 0.7


def test_across_the_date_line_and_near_the_pole() -> None:
    west = flown(FREE, GoTo(lon_deg=178.0, lat_deg=-20.0), opposing(), start=start(-178.0, -20.0), days=2.0)
    assert off_m(west, 178.0, -20.0).min() < 50e3
    # Over the pole in calm air: 4.0 degrees of latitude at 8 m/s, 15.5 hours.
    over = flown(
        DRIVEN, GoTo(lon_deg=180.0, lat_deg=88.0, by="propulsion"), everywhere(0.0), start=start(0.0, 88.0)
    )
    assert over.lat_deg.max() > 89.95
    assert off_m(over, 180.0, 88.0)[-1] < 1e3
    assert over.time_s[np.argmax(off_m(over, 180.0, 88.0) < 50e3)] - NOON == pytest.approx(
        (446.8e3 - 50e3) * 1.0028 / 8.0, rel=0.01
    )


def test_orders_switch_at_their_times() -> None:
    orders = [
        Order(NOON + 2 * HOUR, Drift(alt_m=16e3)),
        Order(NOON + 6 * HOUR, Loiter(lon_deg=10.0, lat_deg=45.0)),
        Order(NOON + 12 * HOUR, Drift()),
    ]
    flight = flown(FREE, orders, opposing())
    since = (flight.time_s - NOON) / HOUR
    assert np.array_equal(flight.order, np.select([since < 2, since < 6, since < 12], [-1, 0, 1], 2))
    assert np.ptp(flight.alt_m[since < 2]) < 20.0
    assert flight.alt_m[since == 6.0] == pytest.approx(16e3, abs=40.0)
    assert np.ptp(flight.alt_m[since > 12.2]) < 20.0
    assert [note for note in flight.notes if "order 2: Loiter" in note] == ["21 Jun 18:00Z: order 2: Loiter"]


# --- forecasts that err --------------------------------------------------------------------------------


def shares(error: WindError | None, count: int = 8, **settings: float) -> float:
    """Return the mean share of two days within 50 km of a station in a turning wind."""
    order, pilot = Loiter(lon_deg=10.0, lat_deg=45.0), Autopilot(**settings)
    flights = [
        flown(FREE, order, turning(5.0), 2.0, forecast_error=error, autopilot=pilot, seed=seed)
        for seed in range(count)
    ]
    return float(np.mean([(off_m(flight, 10.0, 45.0) < 50e3).mean() for flight in flights]))


def test_the_truth_is_the_best_forecast_and_what_is_felt_mends_a_bad_one() -> None:
    true, erring, blind = shares(None, count=1), shares(FORECAST_ERROR), shares(FORECAST_ERROR, trust_s=0.0)
    assert true > 0.98
    assert true > erring > blind


def test_the_pilot_knows_the_forecast_alone() -> None:
    """Told that all winds blow alike it does not move, in a truth that would let it stay."""
    at = start()
    order = Loiter(lon_deg=10.0, lat_deg=45.0)
    pilot = Autopilot(trust_s=0.0)
    misled = fly_twin(FREE, order, opposing(), everywhere(15.0), at, NOON + DAY, autopilot=pilot)
    assert np.ptp(misled.alt_m) < 20.0
    assert np.allclose(misled.wind_u_mps, 10.0, atol=0.2)


def test_same_seed_same_bytes() -> None:
    def run(seed: int) -> TwinFlight:
        errors = {"truth_error": ANALYSIS_ERROR, "forecast_error": FORECAST_ERROR}
        return flown(FREE, Loiter(lon_deg=10.0, lat_deg=45.0), turning(), 1.0, seed=seed, **errors)

    one, two, other = run(5), run(5), run(6)
    for name in ("lon_deg", "lat_deg", "alt_m", "commanded_alt_m", "wind_u_mps"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert one.notes == two.notes
    assert not np.array_equal(one.lon_deg, other.lon_deg)


def test_where_the_forecast_ends_the_height_is_kept() -> None:
    at, short = start(), by_height(lambda t, p: (0.0 * t, 0.0 * t), time_s=NOON + np.array([0.0, 3 * HOUR]))
    flight = fly_twin(FREE, Loiter(lon_deg=10.0, lat_deg=45.0), opposing(), short, at, NOON + DAY)
    late = flight.time_s > NOON + 5 * HOUR
    assert np.ptp(flight.alt_m[late]) < 40.0
    assert any("forecast does not reach" in note for note in flight.notes)


# --- budgets -------------------------------------------------------------------------------------------


def energy_is_booked(flight: TwinFlight) -> bool:
    dt = np.diff(flight.time_s)
    used = flight.load_w + flight.pump_w + flight.propeller_w + flight.spilled_w
    gained = (dt * (flight.panel_w - used)[:-1]).cumsum()
    return bool(np.allclose(flight.battery_j[1:] - flight.battery_j[0], gained, atol=1.0))


@pytest.mark.parametrize("name", ["superpressure", "propelled", "loon", "drifter", "pico"])
@pytest.mark.parametrize(
    "order",
    [
        Loiter(lon_deg=10.0, lat_deg=45.0, by="both"),
        GoTo(lon_deg=0.0, lat_deg=45.0),
        Propel(heading_deg=200.0),
    ],
)
def test_energy_in_is_energy_out_and_stored(name: str, order: Behaviour) -> None:
    one = balloon(name)
    assert one.power is not None
    flight = flown(one, order, turning(), days=3.0)
    assert energy_is_booked(flight)
    assert flight.battery_j.min() >= 0.0
    assert flight.battery_j.max() <= one.power.battery_j
    for watts in (flight.load_w, flight.pump_w, flight.propeller_w, flight.spilled_w):
        assert watts.min() >= 0.0
    assert flight.load_w.max() <= one.power.load_w * (1.0 + 1e-9)
    if one.control is not None:
        assert flight.pump_w.max() <= one.control.pump_w * (1.0 + 1e-9)
        assert one.control.low_alt_m - 100.0 < flight.alt_m.min()
        assert flight.alt_m.max() < one.control.high_alt_m + 100.0
    else:
        assert np.ptp(flight.alt_m) < 20.0
    # The pump takes the balloon down, never up.
    assert np.all(np.diff(flight.alt_m)[flight.pump_w[:-1] > 1.0] < 0.0)


def test_a_pump_runs_for_the_way_down() -> None:
    one = replace(balloon("superpressure"), power=Power(panel_w=0.0, battery_j=1e8, load_w=0.0, reserve=0.0))
    flight = flown(one, Drift(alt_m=16e3), opposing())
    assert one.control is not None
    # 2000 m at the 400 W that 1 m/s takes, whatever the pace: 0.8 MJ.
    assert flight.battery_j[0] - flight.battery_j[-1] == pytest.approx(400.0 * 2000.0, rel=0.03)


def test_at_the_reserve_the_pump_stops_and_a_note_says_when() -> None:
    one = replace(
        balloon("superpressure"),
        power=Power(panel_w=0.0, battery_j=1e6, load_w=10.0, reserve=0.5, charge=0.9),
    )
    flight = flown(one, Drift(alt_m=15e3), opposing())
    # 0.4 MJ above the reserve at 410 W: 16 minutes of pumping, 976 m.
    assert flight.alt_m.min() == pytest.approx(18e3 - 400e3 / 410.0, abs=40.0)
    assert any("battery is at its reserve" in note for note in flight.notes)
    # The load goes on until nothing is left: 0.5 MJ at 10 W are 13.9 hours more.
    shed = flight.time_s[np.argmax(flight.load_w < 9.9)] - NOON
    assert shed == pytest.approx(400e3 / 410.0 + 500e3 / 10.0, abs=300.0)
    assert any("load is shed" in note for note in flight.notes)


def test_ballast_pays_for_the_way_up_and_gas_for_the_way_down() -> None:
    one = balloon("ballast")
    at = start(alt_m=16e3)
    orders = [Order(NOON, Drift(alt_m=17e3)), Order(NOON + 6 * HOUR, Drift(alt_m=16e3))]
    flight = flown(one, orders, opposing(), start=at)
    # Where it floats, density goes with mass: of 500 kg, dz / H with H = 6341.6 m at 216.65 K.
    assert flight.ballast_kg[0] - flight.ballast_kg[-1] == pytest.approx(500.0 * 1000.0 / 6341.6, rel=0.04)
    lost = flight.gas_kg[0] - flight.gas_kg[-1]
    # Heights are reached within 25 m, at both ends of the way down.
    assert lost == pytest.approx(500.0 * 1000.0 / 6341.6 / (28.9644 / 4.0026 - 1.0), rel=0.06)
    assert np.all(np.diff(flight.ballast_kg) <= 0.0)
    assert np.all(np.diff(flight.gas_kg) <= 0.0)


def test_without_ballast_there_is_no_way_up() -> None:
    one = balloon("ballast")
    poor = replace(one, flight=replace(one.flight, store=(20.0, 0.0, 0.0)))
    flight = flown(poor, Drift(alt_m=19e3), opposing(), start=start(alt_m=16e3))
    assert flight.alt_m[-1] == pytest.approx(16e3 + 20.0 / 500.0 * 6341.6, abs=10.0)
    assert 0.0 <= flight.ballast_kg.min() < 0.5
    assert any("ballast is spent" in note for note in flight.notes)


# --- propulsion ----------------------------------------------------------------------------------------


def test_a_heading_adds_to_the_wind() -> None:
    flight = flown(DRIVEN, Propel(heading_deg=180.0), everywhere(5.0, 3.0), start=start(lat_deg=0.0))
    assert np.allclose(flight.airspeed_north_mps[2:-1], -8.0)
    assert np.allclose(flight.airspeed_east_mps[2:-1], 0.0, atol=1e-9)
    # South at 8 - 3 m/s; on WGS-84 a degree at the equator is 110.574 km, and 18 km up a 1.0028th more.
    assert flight.lat_deg[-1] == pytest.approx(
        -(5.0 * (DAY - 60.0) - 3.0 * 60.0) / (110_574.0 * 1.0028), rel=2e-3
    )


def test_a_place_is_held_against_a_wind_below_the_airspeed() -> None:
    hold = Loiter(lon_deg=10.0, lat_deg=45.0, by="propulsion")
    held = flown(DRIVEN, hold, everywhere(6.0))
    assert off_m(held, 10.0, 45.0).max() < 5e3
    assert np.hypot(held.airspeed_east_mps, held.airspeed_north_mps)[60:-1] == pytest.approx(6.0, abs=0.05)
    lost = flown(DRIVEN, hold, everywhere(12.0))
    assert off_m(lost, 10.0, 45.0)[-1] == pytest.approx(4.0 * DAY, rel=0.02)


def test_airspeed_and_power_stay_within_limits() -> None:
    powered = replace(DRIVEN, power=Power(panel_w=2500.0, battery_j=2e7, load_w=100.0, reserve=0.2))
    flight = flown(powered, Propel(heading_deg=90.0), everywhere(0.0), days=3.0)
    speed = np.hypot(flight.airspeed_east_mps, flight.airspeed_north_mps)
    assert speed.max() <= 8.0 + 1e-9
    assert flight.propeller_w == pytest.approx(1000.0 * (speed / 8.0) ** 3, abs=1e-6)
    assert energy_is_booked(flight)


def test_night_stops_the_propeller_and_day_starts_it_again() -> None:
    dusk = parse_utc("2023-03-20T18:40Z")
    power = Power(panel_w=4000.0, battery_j=1.5e7, load_w=100.0, reserve=0.2)
    flight = flown(
        replace(DRIVEN, power=power), Propel(heading_deg=0.0), everywhere(0.0),
        start=start(0.0, 0.0, time_s=dusk),
    )  # fmt: skip
    speed = np.hypot(flight.airspeed_east_mps, flight.airspeed_north_mps)
    # 0.8 of 15 MJ at 1100 W: 3 h 2 min after the start, with some last light of the sun.
    stopped = flight.time_s[1:][np.argmax(speed[1:] < 1.0)] - dusk
    assert stopped == pytest.approx(1.2e7 / 1100.0, rel=0.03)
    assert np.all(speed[(flight.time_s > dusk + 3.5 * HOUR) & (flight.time_s < dusk + 10 * HOUR)] == 0.0)
    assert np.all(speed[(flight.time_s > dusk + 15 * HOUR) & (flight.time_s < dusk + 22 * HOUR)] > 7.9)
    assert any("battery is at its reserve" in note for note in flight.notes)
    assert any("battery has recovered" in note for note in flight.notes)


# --- ends, and what cannot be --------------------------------------------------------------------------


def test_a_sounding_balloon_climbs_bursts_and_lands() -> None:
    wind = everywhere(10.0, levels_pa=np.geomspace(500.0, 102000.0, 20))
    flight = flown(balloon("sounding"), Drift(), wind, start=start(alt_m=100.0), days=1.0)
    assert flight.end == "stopped: ground"
    assert abs(flight.alt_m[-1]) < 1.0
    # Totex of 600 g: burst at 6.02 m; the maker's tables say some 30 km.
    assert 28e3 < flight.alt_m.max() < 33e3
    assert list(np.unique(flight.stage)) == [0, 1]
    assert 1.5 * HOUR < flight.time_s[-1] - NOON < 3.0 * HOUR
    assert flight.time_s[-1] % 60.0 != 0.0


def test_the_data_end_and_so_does_the_flight() -> None:
    short = by_height(lambda t, p: (10.0 + 0.0 * t, 0.0 * t), time_s=NOON + np.array([0.0, 6 * HOUR]))
    flight = flown(FREE, Drift(), short)
    assert flight.end == "lost the wind: outside time"
    assert flight.time_s[-1] == NOON + 6 * HOUR
    assert flight.notes[-1] == "2023-06-21T18:00:00Z: lost the wind: outside time"
    high = flown(FREE, Drift(), everywhere(5.0), start=start(alt_m=30e3))
    assert high.end == "lost the wind: outside levels"
    assert high.time_s.size == 1


def test_stages_follow_one_another() -> None:
    two = Flight(
        (Stage((ConstantDensity(),), (Duration(2.5 * HOUR),)), Stage((ConstantDensity(),), name="after"))
    )
    flight = flown(replace(FREE, flight=two), Loiter(lon_deg=10.0, lat_deg=45.0), opposing())
    assert np.array_equal(flight.stage, (flight.time_s > NOON + 2.5 * HOUR).astype(int))
    assert any("stage 2 begins: after" in note for note in flight.notes)
    assert (off_m(flight, 10.0, 45.0) < 50e3).all()


def test_a_zero_pressure_balloon_spends_its_ballast_by_night() -> None:
    flight = flown(balloon("zero-pressure"), Drift(), everywhere(5.0), days=3.0)
    assert np.all(np.diff(flight.ballast_kg) <= 0.0)
    assert flight.ballast_kg[-1] < flight.ballast_kg[0]
    assert flight.ballast_kg.min() >= 0.0


def test_an_order_that_the_balloon_cannot_obey_is_said() -> None:
    flight = flown(balloon("pico"), Loiter(lon_deg=10.0, lat_deg=45.0, by="both"), opposing(), days=0.1)
    assert any("asks for propulsion" in note for note in flight.notes)
    assert any("no control of it" in note for note in flight.notes)
    assert np.ptp(flight.alt_m) < 20.0


def test_the_flight_is_an_ensemble_of_one() -> None:
    ensemble = flown(FREE, Drift(), everywhere(5.0), days=0.2).ensemble()
    check_ensemble(ensemble)
    assert ensemble.attrs["kind"] == "twin"
    assert ensemble.sizes == {"member": 1, "time": 289}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"time_end": NOON - 1.0}, InputError),
        ({"time_end": math.nan}, InputError),
        ({"time_end": NOON + 1000 * DAY}, LimitError),
        ({"step_s": 0.1}, InputError),
        ({"seed": -1, "truth_error": ANALYSIS_ERROR}, InputError),
    ],
)
def test_what_cannot_be_flown_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    given = {"time_end": NOON + DAY, **change}
    with pytest.raises(error):
        fly_twin(FREE, Drift(), everywhere(5.0), None, start(), **given)


def test_an_error_without_a_size_is_refused() -> None:
    with pytest.raises(InputError, match="states none"):
        flown(FREE, Drift(), everywhere(5.0), truth_error=PRIOR_ERROR)


def test_a_flight_that_steers_by_itself_is_refused() -> None:
    own = Flight((Stage((AltitudeControl(target=18e3),)),))
    with pytest.raises(InputError, match="steers by itself"):
        flown(replace(FREE, flight=own), Drift(), everywhere(5.0))

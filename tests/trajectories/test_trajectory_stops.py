"""Where stages end: every stop against a closed form, to the tolerance that `stops` states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from made_fields import DAY, HOUR, Sliced, radii_m, uniform, wavy_grid

from overflight import atmosphere, sun
from overflight.balloons.stops import (
    AltitudeAbove,
    AltitudeBelow,
    At,
    DensityBelow,
    Duration,
    Ground,
    PressureAbove,
    PressureBelow,
    Signed,
    Stop,
    StoreEmpty,
    SunAbove,
    SunBelow,
)
from overflight.balloons.terms import (
    Ascent,
    ConstantHeight,
    ConstantPressure,
    Descent,
    Flight,
    Stage,
)
from overflight.errors import InputError, OverflightError
from overflight.trajectories.solve import fly
from overflight.trajectories.stops import (
    END_CODES,
    GROUND_UNKNOWN,
    STOP_TOL_S,
    ground_at,
)
from overflight.trajectories.tracks import Tracks

Floats = npt.NDArray[np.float64]

second, metre = 1.0, 1.0
U = 20.0
EAST = uniform(U)


def until(*stops: Stop, term: Any = None, **named: Any) -> Tracks:
    """Fly one stage through an even eastward wind along the equator until a stop."""
    flight = Flight((Stage((term or ConstantPressure(),), stops),))
    start = {"pressure_pa": 5000.0} if "alt_m" not in named else {}
    return fly(flight, EAST, 0.0, 0.0, 0.0, **({"time_end": 2 * DAY} | start | named))


def word(track: Tracks) -> str:
    return END_CODES[int(track.end_code[0])]


# --- one stop ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [None, 0.1])
def test_altitudes_are_met_within_the_tolerance_in_time(tolerance: float | None) -> None:
    up = until(AltitudeAbove(20e3), term=Ascent(5.0), alt_m=500.0, step_s=300.0, tolerance_m=tolerance)
    assert word(up) == "stopped: altitude above"
    assert 20e3 <= up.end_alt_m[0] <= 20e3 + 5.0 * STOP_TOL_S + 1e-6
    # The rate is of geometric height: what is left is the error of the step, under a metre.
    assert up.end_time_s[0] == pytest.approx(19500 / 5.0, abs=0.2 * second)
    down = until(AltitudeBelow(15e3), term=Descent(5.0), alt_m=20e3, step_s=60.0)
    assert 15e3 - 5.0 * STOP_TOL_S - 1e-6 <= down.end_alt_m[0] <= 15e3
    assert down.end_time_s[0] == pytest.approx(1000.0, abs=0.2 * second)


def test_pressures_and_densities_are_met() -> None:
    above = until(PressureAbove(3e4), term=Descent(10.0), alt_m=20e3)
    assert above.end_pressure_pa[0] == pytest.approx(3e4, rel=1e-5)
    assert above.end_pressure_pa[0] >= 3e4
    below = until(PressureBelow(2e4), term=Ascent(10.0), alt_m=1e3)
    assert below.end_pressure_pa[0] == pytest.approx(2e4, rel=1e-5)
    thin = until(DensityBelow(0.1), term=Ascent(5.0), alt_m=1e3)
    assert atmosphere.density_kgpm3(thin.end_alt_m[0]) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_stops_in_time_are_met_exactly_in_both_directions(direction: float) -> None:
    span = until(Duration(12345.678), time_end=direction * DAY)
    assert span.end_time_s[0] == direction * 12345.678
    at = until(At(direction * 7777.25), time_end=direction * DAY)
    assert at.end_time_s[0] == direction * 7777.25
    assert until(At(-direction * 5.0), time_end=direction * DAY).end_time_s[0] == 0.0


@pytest.mark.parametrize(("stop", "rising"), [(SunBelow(-3.0), False), (SunAbove(-3.0), True)])
def test_the_sun_is_met_where_it_stands(stop: Stop, rising: bool) -> None:
    # 6 March 2023, about noon or midnight at Greenwich.
    begin = 1678104000.0 + (0.0 if not rising else 12 * HOUR)
    flight = Flight((Stage((ConstantPressure(),), (stop,)),))
    track = fly(flight, EAST, 0.0, 0.0, begin, pressure_pa=5000.0, time_end=begin + DAY)
    height = sun.solar_elevation_deg(track.end_time_s[0], track.end_lon_deg[0], track.end_lat_deg[0])
    assert height == pytest.approx(-3.0, abs=1e-5)
    assert 5 * HOUR < track.end_time_s[0] - begin < 8 * HOUR


def test_an_empty_store_ends_a_stage_at_once_or_never() -> None:
    empty = until(StoreEmpty(0))
    assert empty.end_time_s[0] <= 2 * STOP_TOL_S
    flight = Flight((Stage((ConstantPressure(),), (StoreEmpty(0),)),), store=(1.0, 0.0, 0.0))
    assert fly(flight, EAST, 0.0, 0.0, 0.0, pressure_pa=5000.0, time_end=HOUR).end_code[0] == 0


def test_the_earliest_of_several_stops_counts() -> None:
    stops = (AltitudeAbove(12e3), PressureBelow(7e4), Duration(1e4))
    track = until(*stops, term=Ascent(5.0), alt_m=1e3, step_s=5000.0)
    assert word(track) == "stopped: pressure below"
    track = until(*stops[::-1], term=Ascent(5.0), alt_m=1e3, step_s=5000.0)
    assert word(track) == "stopped: pressure below"


def test_a_stage_that_begins_beyond_its_stop_ends_at_once() -> None:
    track = until(AltitudeAbove(10e3), term=Descent(5.0), alt_m=12e3)
    assert track.end_time_s[0] == 0.0
    assert word(track) == "stopped: altitude above"


# --- stages --------------------------------------------------------------------------------------------


def test_ascent_burst_and_descent_in_an_even_wind_are_the_closed_form() -> None:
    up, down, burst = 5.0, 8.0, 30e3
    flight = Flight((Stage((Ascent(up),), (AltitudeAbove(burst),)), Stage((Descent(down),), (Ground(),))))
    track = fly(
        flight, EAST, 170.0, 0.0, 0.0, alt_m=0.0, time_end=DAY, step_s=60.0, keep_s=[0.0, 3000.0, 7000.0]
    )
    top_s, prime = burst / up, float(radii_m(0.0)[1])
    assert word(track) == "stopped: ground"
    assert track.end_time_s[0] == pytest.approx(top_s + burst / down, abs=0.05 * second)
    assert track.end_alt_m[0] == pytest.approx(0.0, abs=0.01 * metre)
    assert track.stage[0].tolist() == [0, 0, 1]
    assert track.alt_m[0, 1] == pytest.approx(3000.0 * up, abs=0.2 * metre)
    assert track.alt_m[0, 2] == pytest.approx(burst - (7000.0 - top_s) * down, abs=0.2 * metre)
    # d lon/dt = U / (N + h) and h is linear in time on each leg.
    legs = U * np.log((prime + burst) / prime) * (1 / up + 1 / down)
    gone = (track.end_lon_deg[0] - 170.0) % 360.0
    assert np.radians(gone) * prime == pytest.approx(legs * prime, abs=2.0 * metre)


def test_that_flight_lists_its_legs_backward_to_run_backward() -> None:
    # From the landing up to the burst and down to the launch: in reverse a descent gains height.
    there = fly(
        Flight((Stage((Ascent(5.0),), (AltitudeAbove(25e3),)), Stage((Descent(8.0),), (Ground(),)))),
        wavy_grid_low(), 10.0, 50.0, HOUR, alt_m=0.0, time_end=DAY, step_s=30.0,
    )  # fmt: skip
    back = fly(
        Flight((Stage((Descent(8.0),), (AltitudeAbove(25e3),)), Stage((Ascent(5.0),), (Ground(),)))),
        wavy_grid_low(), there.end_lon_deg, there.end_lat_deg, there.end_time_s, alt_m=0.0, time_end=0.0,
        step_s=30.0,
    )  # fmt: skip
    assert word(back) == "stopped: ground"
    assert back.end_time_s[0] == pytest.approx(HOUR, abs=0.1 * second)
    assert back.end_lon_deg[0] == pytest.approx(10.0, abs=1e-4)
    assert back.end_lat_deg[0] == pytest.approx(50.0, abs=1e-4)


def wavy_grid_low() -> Any:
    from dataclasses import replace

    grid = wavy_grid(4.0)
    return replace(grid, pressure_pa=np.array([500.0, 30000.0, 101000.0]))


def test_a_float_takes_the_level_at_which_its_stage_begins() -> None:
    flight = Flight((Stage((Ascent(5.0),), (AltitudeAbove(18e3),)), Stage((ConstantHeight(),), ())))
    track = fly(flight, EAST, [0.0, 1.0], 0.0, 0.0, alt_m=[500.0, 9e3], time_end=DAY, keep_s=[DAY / 2, DAY])
    assert track.alt_m == pytest.approx(np.full((2, 2), 18e3), abs=0.1 * metre)
    assert track.end_stage.tolist() == [1, 1]


def test_members_may_have_stops_of_their_own() -> None:
    from overflight.balloons.coded import code

    flight = Flight((Stage((Ascent(5.0),), (AltitudeAbove(20e3),)),))
    heights = np.array([10e3, 15e3, 22e3])
    rows = np.repeat(code(flight).stop_rows[None], 3, axis=0)
    rows[:, 0, 0, 0] = heights
    track = fly(flight, EAST, np.zeros(3), 0.0, 0.0, alt_m=1e3, time_end=DAY, stop_rows=rows)
    assert track.end_alt_m == pytest.approx(heights, abs=0.01 * metre)


# --- the ground ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slope:
    """Ground that rises by 100 m a degree of longitude; nothing known beyond 15° E."""

    lat_deg: Floats
    lon_deg: Floats
    height_m: npt.NDArray[np.float32]


def slope() -> Slope:
    lat, lon = np.arange(-3.0, 4.0), np.arange(-10.0, 16.0)
    return Slope(lat, lon, np.tile((1000.0 + 100.0 * lon).astype(np.float32), (lat.size, 1)))


def test_terrain_ends_a_descent_where_the_two_meet() -> None:
    track = until(Ground(), term=Descent(5.0), alt_m=5000.0, terrain=slope(), step_s=60.0)
    assert word(track) == "stopped: ground"
    assert track.end_alt_m[0] == pytest.approx(1000.0 + 100.0 * track.end_lon_deg[0], abs=0.01 * metre)
    assert track.end_time_s[0] == pytest.approx((5000.0 - track.end_alt_m[0]) / 5.0, abs=0.2 * second)
    assert not any("ellipsoid" in note for note in track.notes)


def test_where_the_terrain_has_no_height_the_ground_is_the_ellipsoid_and_said_so() -> None:
    flight = Flight((Stage((Descent(5.0),), (Ground(),)),))
    track = fly(flight, EAST, [14.9, 5.0], 0.0, 0.0, alt_m=5000.0, time_end=DAY, terrain=slope())
    assert track.end_code.tolist() == [GROUND_UNKNOWN, 26]
    assert track.end_alt_m[0] == pytest.approx(0.0, abs=0.01 * metre)
    assert any("ellipsoid" in note for note in track.notes)
    none = fly(flight, EAST, 5.0, 0.0, 0.0, alt_m=5000.0, time_end=DAY)
    assert any("ellipsoid" in note for note in none.notes)


def test_the_height_of_the_ground_is_bilinear_in_any_turn_and_over_the_seam() -> None:
    lat, lon = np.array([0.0, 1.0]), np.arange(-180.0, 180.0, 90.0)
    height = np.array([[0.0, 10.0, 20.0, 30.0], [40.0, 50.0, 60.0, 70.0]], np.float32)
    assert ground_at(lat, lon, height, 0.5, -135.0) == pytest.approx(25.0)
    assert ground_at(lat, lon, height, 0.25, 225.0) == pytest.approx(15.0)
    # Between the last column at 90° and the first at 180°.
    assert ground_at(lat, lon, height, 0.0, 135.0) == pytest.approx(15.0)
    assert np.isnan(ground_at(lat, lon[:3], height[:, :3].copy(), 0.0, 100.0))
    assert np.isnan(ground_at(lat, lon, height, 1.01, 0.0))
    assert np.isnan(ground_at(np.zeros(0), np.zeros(0), np.zeros((0, 0), np.float32), 0.0, 0.0))


# --- functions of Python -------------------------------------------------------------------------------


def east_of(lon_deg: float) -> Signed:
    return Signed(lambda _t, lon, _lat, _alt: lon - lon_deg)


@pytest.mark.parametrize("named", [{}, {"tolerance_m": 0.01}, {"step_s": 1000.0}], ids=str)
def test_a_function_is_met_where_the_closed_form_says(named: dict[str, float]) -> None:
    track = until(east_of(7.5), keep_s=np.arange(0.0, DAY, HOUR), time_end=DAY, **named)
    alt = float(atmosphere.alt_from_pressure(5000.0))
    when = np.radians(7.5) * (float(radii_m(0.0)[1]) + alt) / U
    assert word(track) == "stopped: signed"
    assert track.end_time_s[0] == pytest.approx(when, abs=2 * STOP_TOL_S)
    assert track.end_lon_deg[0] >= 7.5
    beyond = track.time_s > track.end_time_s[0]
    assert (np.isnan(track.lon_deg[0]) == beyond).all()
    assert (track.status[0] == np.where(beyond, track.end_code[0], 0)).all()


def test_a_function_and_a_compiled_stop_of_the_same_height_agree() -> None:
    height = Signed(lambda _t, _lon, _lat, alt: alt - 12e3)
    after = Stage((Descent(4.0),), (Ground(),))
    starts = {"alt_m": np.array([500.0, 3e3, 11e3]), "time_end": DAY, "step_s": 20.0}
    one, other = (
        fly(
            Flight((Stage((Ascent(5.0),), (stop,)), after)),
            EAST,
            [0.0, 5.0, 10.0],
            0.0,
            [0.0, 70.0, 900.0],
            **starts,
        )
        for stop in (height, AltitudeAbove(12e3))
    )
    assert one.end_code.tolist() == other.end_code.tolist() == [26] * 3
    assert one.end_time_s == pytest.approx(other.end_time_s, abs=0.1 * second)
    assert one.end_lon_deg == pytest.approx(other.end_lon_deg, abs=1e-4)


def test_functions_chain_and_share_a_stage_with_other_stops() -> None:
    flight = Flight(
        (
            Stage((ConstantPressure(),), (east_of(2.0), Duration(5 * HOUR))),
            Stage((ConstantPressure(),), (east_of(4.0),)),
            Stage((ConstantPressure(),), (east_of(-999.0),)),
        )
    )
    track = fly(flight, EAST, [0.0, -20.0], 0.0, 0.0, pressure_pa=5000.0, time_end=5 * DAY, keep_s=[2e4, 6e4])
    # The third stage is met as it begins, so the flight ends where the second did.
    assert track.end_lon_deg == pytest.approx([4.0, 4.0], abs=1e-5)
    assert track.stage[:, 0].tolist() == [1, 1]
    assert track.end_stage.tolist() == [2, 2]


def test_functions_work_backward_and_through_windows_of_wind() -> None:
    grid = wavy_grid(4.0)
    flight = Flight(
        (Stage((ConstantPressure(),), (Signed(lambda _t, _lon, lat, _alt: np.abs(lat - 40.0) - 1.0),)),)
    )
    args = {"pressure_pa": 5000.0, "time_end": 0.0}
    whole = fly(flight, grid, np.arange(0.0, 360.0, 40.0), 40.0, 2 * DAY, **args)
    parts = fly(flight, Sliced(grid, 1), np.arange(0.0, 360.0, 40.0), 40.0, 2 * DAY, **args)
    assert (whole.end_code == 32).sum() > 4
    assert whole.end_code.tolist() == parts.end_code.tolist()
    assert whole.end_time_s == pytest.approx(parts.end_time_s, abs=3 * STOP_TOL_S)
    met = whole.end_code == 32
    assert np.abs(whole.end_lat_deg[met] - 40.0) == pytest.approx(np.ones(met.sum()), abs=1e-5)


def test_a_function_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        until(Signed(lambda _t, _lon, _lat, _alt: np.zeros(5)), time_end=HOUR)
    with pytest.raises(OverflightError, match="every step"):
        until(east_of(1.0), time_end=HOUR, keep_s="steps")

"""Flights as arrays: shapes, what fills them, and what cannot run backward."""

from __future__ import annotations

import numpy as np
import pytest

from overflight.balloons import codes
from overflight.balloons.coded import SLOTS, code, needs_begin
from overflight.balloons.events import stop_value
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
    AltitudeControl,
    Ascent,
    ConstantPressure,
    Flight,
    Leak,
    Parachute,
    Propulsion,
    SolarHotAir,
    Stage,
    Term,
    ZeroPressure,
)
from overflight.errors import InputError
from overflight.times import parse_utc

CLIMB = Stage((Ascent(5.0),), (AltitudeAbove(20e3),), "climb")
DRIFT = Stage(
    (ConstantPressure(), Propulsion(airspeed_mps=2.0, course_deg=90.0)), (Duration(3600.0), Ground())
)
FALL = Stage((Parachute(),), (Ground(),))


def test_stages_lie_side_by_side() -> None:
    coded = code(Flight((CLIMB, DRIFT, FALL), store=(10.0, 2.0, 0.0)))
    assert coded.codes.tolist() == [
        [codes.STEADY, codes.NONE],
        [codes.CONSTANT_PRESSURE, codes.PROPULSION],
        [codes.PARACHUTE, codes.NONE],
    ]
    assert coded.rows.shape == (3, 2, SLOTS)
    assert coded.rows[0, 0, 0] == coded.rows[2, 0, 0] == 5.0
    assert coded.stop_codes.tolist() == [
        [codes.ALTITUDE_ABOVE, codes.NONE],
        [codes.DURATION, codes.GROUND],
        [codes.GROUND, codes.NONE],
    ]
    assert coded.stop_rows[:2, 0, 0].tolist() == [20e3, 3600.0]
    assert coded.store.tolist() == [10.0, 2.0, 0.0]
    assert needs_begin(coded)
    assert not needs_begin(code(Flight((CLIMB, FALL))))


def test_a_long_schedule_makes_room_for_itself() -> None:
    schedule = tuple((1.6e9 + i, 15e3 + i) for i in range(40))
    coded = code(Flight((Stage((AltitudeControl(target=schedule),)), FALL)))
    assert coded.rows.shape == (2, 1, 12 + 80)


def test_a_stage_without_terms_is_a_drift_on_its_pressure() -> None:
    coded = code(Flight((Stage(()),)))
    assert coded.codes.tolist() == [[codes.NONE]]


@pytest.mark.parametrize(
    "term",
    [
        ZeroPressure(volume_m3=1e5, gas_kg=400.0, mass_kg=2000.0),
        SolarHotAir(),
        AltitudeControl(target=18e3, means="air"),
        Propulsion(airspeed_mps=5.0, heading_deg=0.0, power_w=10.0),
        Leak(loss_kgps=1e-5, gas_kg=1.0),
    ],
    ids=lambda term: type(term).__name__,
)
def test_what_spends_has_no_way_back(term: Term) -> None:
    flight = Flight((Stage((term,)),))
    code(flight)
    with pytest.raises(InputError, match="cannot run backward") as caught:
        code(flight, backward=True)
    assert caught.value.remedy


NOON = parse_utc("2022-08-22T19:00Z")
# Each stop with a state just before and just after it is met: (name of the argument, before, after).
MET: list[tuple[Stop, str, float, float]] = [
    (AltitudeAbove(20e3), "alt_m", 19_999.0, 20_001.0),
    (AltitudeBelow(5e3), "alt_m", 5_001.0, 4_999.0),
    (PressureAbove(9e3), "log_p", np.log(8.9e3), np.log(9.1e3)),
    (PressureBelow(9e3), "log_p", np.log(9.1e3), np.log(8.9e3)),
    # ρ = p/(R T): 5529.3 Pa at 216.65 K are 0.08891 kg/m³ (U.S. Standard Atmosphere 1976, 20 km).
    (DensityBelow(0.08891), "log_p", np.log(5535.0), np.log(5523.0)),
    (Ground(), "alt_m", 301.0, 299.0),
    (Duration(60.0), "elapsed_s", 59.0, 61.0),
    (Duration(60.0), "elapsed_s", -59.0, -61.0),
    (At(NOON), "time_s", NOON - 1.0, NOON + 1.0),
    # New Mexico: the sun rises and sets at 12:30 and 01:45 UTC, give or take.
    (SunAbove(0.0), "time_s", parse_utc("2022-08-22T12:20Z"), parse_utc("2022-08-22T12:50Z")),
    (SunBelow(0.0), "time_s", parse_utc("2022-08-23T01:20Z"), parse_utc("2022-08-23T02:00Z")),
    (StoreEmpty(0), "s0", 0.1, 0.0),
    (StoreEmpty(1), "s1", 0.1, -0.1),
]


def value(stop: Stop, **changed: float) -> float:
    coded = code(Flight((Stage((), (stop,)),)))
    state = {
        "time_s": NOON,
        "elapsed_s": 0.0,
        "lon_deg": -106.0,
        "lat_deg": 34.6,
        "alt_m": 18e3,
        "log_p": np.log(5529.3),
        "temperature_k": 216.65,
        "ground_m": 300.0,
        "s0": 5.0,
        "s1": 5.0,
        "direction": 1.0,
    }
    return stop_value(coded.stop_codes[0, 0], coded.stop_rows[0, 0], *(state | changed).values())


@pytest.mark.parametrize(("stop", "name", "before", "after"), MET)
def test_a_stop_rises_through_zero_where_it_is_met(
    stop: Stop, name: str, before: float, after: float
) -> None:
    assert value(stop, **{name: before}) < 0.0
    assert value(stop, **{name: after}) >= 0.0


def test_an_instant_is_met_from_the_other_side_in_a_run_backward() -> None:
    assert value(At(NOON), time_s=NOON + 1.0, direction=-1.0) < 0.0
    assert value(At(NOON), time_s=NOON - 1.0, direction=-1.0) > 0.0


def test_a_function_of_the_user_is_not_met_in_the_kernel() -> None:
    assert value(Signed(lambda time_s, lon_deg, lat_deg, alt_m: alt_m)) == -np.inf
    tried = {type(stop) for stop, *_ in MET} | {Signed}
    assert tried == set(Stop.__args__)

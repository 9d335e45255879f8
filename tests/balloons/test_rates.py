"""The one compiled entry: sums of terms, and no finite input that gives what is no number."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_column import rates_at

from overflight.balloons.coded import code
from overflight.balloons.rates import UP_MAX_MPS, begin_stage, rate
from overflight.balloons.sounding import inflated
from overflight.balloons.terms import (
    AltitudeControl,
    Ascent,
    ConstantDensity,
    ConstantHeight,
    ConstantPressure,
    ConstantTheta,
    Descent,
    Flight,
    FreeLift,
    Leak,
    Parachute,
    Propulsion,
    SolarHotAir,
    Stage,
    Term,
    ZeroPressure,
)

GASBAG = ZeroPressure(volume_m3=3e5, gas_kg=440.0, mass_kg=2200.0, ballast_kgps=0.1, ballast_below_m=34e3)
LEAK = Leak(loss_kgps=1e-4, spare_kg=2.0, gas_kg=20.0)
PUSH = Propulsion(
    airspeed_mps=8.0, toward=(10.0, 80.0), power_w=500.0, solar_w=800.0, battery_j=1e7, load_w=20.0
)
TERMS: list[Term] = [
    ConstantPressure(5000.0),
    ConstantPressure(),
    ConstantDensity(0.09),
    ConstantTheta(500.0),
    ConstantHeight(20e3),
    Ascent(5.0),
    Descent(5.0),
    Parachute(),
    Parachute(mass_kg=1000.0, drag_area_m2=0.01),
    inflated(mass_kg=1.5),
    FreeLift(gas_kg=1.0, mass_kg=2.0, gas="hydrogen"),
    GASBAG,
    SolarHotAir(),
    AltitudeControl(target=18e3),
    AltitudeControl(target=((0.0, 20e3), (1e9, 16e3)), means="ballast", mass_kg=900.0, gas_budget_kg=9.0),
    AltitudeControl(target=18e3, means="air", pump_w=200.0),
    AltitudeControl(target=18e3, means="air"),
]
CODED = [code(Flight((Stage((term,)),))) for term in TERMS]
CODED += [
    code(Flight((Stage(terms),)))
    for terms in (
        (),
        (ConstantDensity(0.09), LEAK, PUSH),
        (GASBAG, Leak(loss_kgps=1e-3)),
        (Propulsion(airspeed_mps=5.0, course_deg=40.0),),
        (Propulsion(airspeed_mps=0.0, toward=(0.0, 90.0), power_w=1.0),),
    )
]
ANY = st.floats(allow_nan=False, allow_infinity=False)
REAL = st.fixed_dictionaries(
    {
        "time_s": st.floats(-1e9, 5e9),
        "elapsed_s": st.floats(-1e7, 1e7),
        "lon_deg": st.floats(-720, 720),
        "lat_deg": st.floats(-90, 90),
        "alt_m": st.floats(-500, 86e3),
        "log_p": st.floats(0, 12),
        "temperature_k": st.floats(150, 330),
        "wind_u": st.floats(-150, 150),
        "wind_v": st.floats(-150, 150),
        "s0": st.floats(-1, 1e4),
        "s1": st.floats(-1, 1e9),
        "s2": st.floats(-1, 1e4),
    }
)
NAMES = ("time_s", "elapsed_s", "lon_deg", "lat_deg", "alt_m", "log_p", "temperature_k")
NAMES += ("wind_u", "wind_v", "s0", "s1", "s2")
ABSURD = st.fixed_dictionaries(dict.fromkeys(NAMES, ANY))


def in_order(state: dict[str, float]) -> list[float]:
    return [state[name] for name in NAMES]


@settings(max_examples=600)
@given(st.sampled_from(CODED), st.one_of(REAL, ABSURD))
def test_finite_in_finite_out(coded: object, state: dict[str, float]) -> None:
    found = rate(coded.codes[0], coded.rows[0], *in_order(state))
    assert all(math.isfinite(x) for x in found), (found, state)
    assert abs(found[2]) <= UP_MAX_MPS
    assert math.hypot(found[0], found[1]) <= 8.0 + 1e-9


@settings(max_examples=200)
@given(st.sampled_from(CODED), REAL)
def test_stores_do_not_go_on_falling_below_zero(coded: object, state: dict[str, float]) -> None:
    found = rate(coded.codes[0], coded.rows[0], *in_order(state | {"s0": 0.0, "s1": 0.0}))
    assert found[3] >= 0.0
    assert found[4] >= 0.0
    assert found[5] >= 0.0


def test_terms_add_up() -> None:
    density = ConstantDensity(0.09)
    parts = [rates_at(density, alt_m=19e3), rates_at(PUSH, alt_m=19e3, store=(0, 1e6, 0), wind=(5.0, 0.0))]
    whole = rates_at(density, PUSH, LEAK, alt_m=19e3, store=(0, 1e6, 0), wind=(5.0, 0.0))
    assert np.allclose(whole[:5], np.sum(parts, axis=0)[:5], rtol=1e-12)
    assert whole[5] == 1e-4


def test_a_drift_adds_nothing() -> None:
    assert rates_at(alt_m=19e3, wind=(30.0, 5.0)) == (0.0,) * 6


def test_beginning_a_stage_changes_nothing_but_open_targets() -> None:
    for coded in CODED:
        rows = coded.rows.copy()
        begin_stage(coded.codes[0], rows[0], 0.0, 0.0, 18e3, 9.0, 220.0)
        changed = np.flatnonzero(~((rows == coded.rows) | (np.isnan(rows) & np.isnan(coded.rows))))
        assert changed.tolist() == ([0] if np.isnan(coded.rows).any() else [])

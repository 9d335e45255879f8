"""Terms, stages and flights: what no balloon has is refused, with the field and the remedy."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.balloons import stops, terms
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
    ZeroPressure,
)
from overflight.errors import InputError

GOOD: dict[type, dict[str, Any]] = {
    ConstantPressure: {"pressure_pa": 5000.0},
    ConstantDensity: {"density_kgpm3": 0.09},
    ConstantTheta: {"theta_k": 500.0},
    ConstantHeight: {"alt_m": 20e3},
    Ascent: {"rate_mps": 5.0},
    Descent: {"rate_mps": 5.0},
    Parachute: {"mass_kg": 1.0, "drag_area_m2": 1.0},
    FreeLift: {"gas_kg": 1.0, "mass_kg": 2.0},
    ZeroPressure: {"volume_m3": 1e5, "gas_kg": 400.0, "mass_kg": 2000.0},
    SolarHotAir: {},
    Leak: {"loss_kgps": 1e-5, "spare_kg": 1.0, "gas_kg": 10.0},
    AltitudeControl: {"target": 18e3, "mass_kg": 100.0, "means": "ballast"},
    Propulsion: {"airspeed_mps": 5.0, "toward": (0.0, 0.0), "power_w": 100.0},
    stops.AltitudeAbove: {"alt_m": 30e3},
    stops.AltitudeBelow: {"alt_m": 30e3},
    stops.PressureAbove: {"pressure_pa": 5000.0},
    stops.PressureBelow: {"pressure_pa": 5000.0},
    stops.DensityBelow: {"density_kgpm3": 0.01},
    stops.Duration: {"duration_s": 60.0},
    stops.At: {"time_s": 1.6e9},
    stops.SunAbove: {"elevation_deg": -5.0},
    stops.SunBelow: {"elevation_deg": -5.0},
    stops.StoreEmpty: {"index": 1},
}
NUMBERS = [
    (kind, field.name)
    for kind in GOOD
    for field in dataclasses.fields(kind)
    if field.type in ("float", "float | None")
]


def test_every_term_and_stop_is_tried() -> None:
    named = {kind for kind in vars(terms).values() if dataclasses.is_dataclass(kind)}
    named |= {kind for kind in vars(stops).values() if dataclasses.is_dataclass(kind)}
    rest = {terms._Hold, Stage, Flight, stops.Ground, stops.Signed}
    assert named - rest == set(GOOD)
    assert len(NUMBERS) > 40


@pytest.mark.parametrize(("kind", "name"), NUMBERS, ids=lambda x: x if isinstance(x, str) else x.__name__)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, -1e15, "ten"])
def test_what_no_balloon_has_is_refused_by_name(kind: type, name: str, bad: object) -> None:
    with pytest.raises(InputError) as caught:
        kind(**(GOOD[kind] | {name: bad}))
    assert caught.value.remedy
    assert caught.value.field == name or name in caught.value.remedy


@given(st.sampled_from(NUMBERS), st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3)))
def test_any_value_is_taken_or_refused(which: tuple[type, str], value: object) -> None:
    kind, name = which
    try:
        made = kind(**(GOOD[kind] | {name: value}))
    except InputError:
        return
    kept = getattr(made, name)
    assert kept is None or math.isfinite(kept)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Parachute(mass_kg=1.0), "mass_kg"),
        (lambda: Parachute(mass_kg=1.0, drag_area_m2=1.0, sea_level_mps=5.0), "mass_kg"),
        (lambda: FreeLift(gas_kg=1.0, mass_kg=2.0, gas="argon"), "gas"),
        (lambda: AltitudeControl(target=()), "target"),
        (lambda: AltitudeControl(target=((10.0, 18e3), (10.0, 19e3))), "target"),
        (lambda: AltitudeControl(target=18e3, low_alt_m=19e3), "target (alt_m)"),
        (lambda: AltitudeControl(target=18e3, low_alt_m=26e3), "high_alt_m"),
        (lambda: AltitudeControl(target=18e3, means="ballast"), "mass_kg"),
        (lambda: AltitudeControl(target=18e3, means="magic"), "means"),
        (lambda: Propulsion(airspeed_mps=5.0), "heading_deg"),
        (lambda: Propulsion(airspeed_mps=5.0, heading_deg=1.0, course_deg=1.0), "heading_deg"),
        (lambda: Propulsion(airspeed_mps=5.0, toward=(0.0, 91.0)), "toward (latitude)"),
        (lambda: Stage((ConstantPressure(5e3), Ascent(5.0))), "terms"),
        (lambda: Stage((Ascent(5.0), Leak(loss_kgps=1e-5))), "terms"),
        (lambda: Stage((ConstantDensity(), Leak(loss_kgps=1e-5))), "gas_kg"),
        (lambda: Flight(()), "stages"),
        (lambda: Flight((Stage(()),), store=(-1.0, 0.0, 0.0)), "store (ballast kg)"),
        (lambda: Flight((Stage(()),), store=(1.0, 0.0)), "store"),
    ],
)
def test_what_does_not_fit_together_is_refused(make: Any, field: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.remedy


def test_terms_that_go_together_are_taken() -> None:
    leak = Leak(loss_kgps=1e-5, spare_kg=1.0, gas_kg=10.0)
    Stage((ConstantDensity(), leak, Propulsion(airspeed_mps=3.0, heading_deg=0.0)))
    Stage((ZeroPressure(volume_m3=1e5, gas_kg=400.0, mass_kg=2000.0), Leak(loss_kgps=1e-4)))

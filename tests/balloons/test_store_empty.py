"""A store runs out when an even drain has emptied it, at the steps of a real run."""

from __future__ import annotations

import numpy as np
import pytest

from overflight.balloons.stops import StoreEmpty
from overflight.balloons.terms import AltitudeControl, ConstantPressure, Flight, Propulsion, Stage, Term
from overflight.trajectories.solve import fly
from overflight.trajectories.stops import END_CODES
from overflight.trajectories.tracks import Tracks
from overflight.winds.grid import Grid

DAY = 86400.0
FIXED = {"step_s": 300.0}
CHOSEN = {"tolerance_m": 10.0, "step_s": 300.0}


def still_air() -> Grid:
    shape = (1, 3, 7, 12)
    return Grid(
        name="still",
        time_s=np.zeros(1),
        pressure_pa=np.array([1e3, 5e3, 20e3]),
        lat_deg=np.arange(-90.0, 91.0, 30.0),
        lon_deg=np.arange(0.0, 360.0, 30.0),
        u_mps=np.zeros(shape, np.float32),
        v_mps=np.zeros(shape, np.float32),
        periodic=True,
        steady=True,
    )


def emptied(*terms: Term, index: int, store: float, alt_m: float, **steps: float) -> Tracks:
    stores = (store, 0.0, 0.0) if index == 0 else (0.0, store, 0.0)
    flight = Flight((Stage(terms, (StoreEmpty(index),)),), stores)
    tracks = fly(flight, still_air(), 0.0, 10.0, 0.0, alt_m=alt_m, time_end=DAY, **steps)
    assert END_CODES[int(tracks.end_code[0])] == "stopped: store empty"
    return tracks


@pytest.mark.parametrize("steps", [FIXED, CHOSEN, {"step_s": 900.0}])
@pytest.mark.parametrize("energy_j", [4e5, 1e6])
def test_a_battery_lasts_as_long_as_its_energy_over_its_power(
    energy_j: float, steps: dict[str, float]
) -> None:
    push = Propulsion(airspeed_mps=5.0, heading_deg=90.0, power_w=60.0, load_w=40.0, battery_j=energy_j)
    tracks = emptied(ConstantPressure(), push, index=1, store=energy_j, alt_m=20e3, **steps)
    assert tracks.end_time_s[0] == pytest.approx(energy_j / 100.0, rel=0.03)


def test_a_battery_of_some_steps_is_met_too() -> None:
    load = Propulsion(airspeed_mps=0.1, heading_deg=0.0, power_w=1e-3, load_w=100.0, battery_j=1e5)
    tracks = emptied(ConstantPressure(), load, index=1, store=1e5, alt_m=20e3, **FIXED)
    assert tracks.end_time_s[0] == pytest.approx(1000.0, rel=0.05)


def test_a_pump_runs_as_long_as_its_energy_over_its_power() -> None:
    down = AltitudeControl(target=15e3, down_mps=1.0, means="air", pump_w=200.0)
    tracks = emptied(down, index=1, store=1e6, alt_m=24e3, **FIXED)
    assert tracks.end_time_s[0] == pytest.approx(5000.0, rel=0.03)


# A way up of dz takes mass dz / H; H is 287.05 × 216.65 K / 9.80665 m/s² = 6342 m from 11 to 20 km.
@pytest.mark.parametrize("steps", [FIXED, CHOSEN])
def test_ballast_lasts_for_the_climb_that_it_pays(steps: dict[str, float]) -> None:
    climb = AltitudeControl(target=20e3, up_mps=0.5, means="ballast", mass_kg=1000.0)
    tracks = emptied(climb, index=0, store=200.0, alt_m=16e3, **steps)
    assert tracks.end_time_s[0] == pytest.approx(0.2 * 6342.0 / 0.5, rel=0.04)


def test_little_ballast_is_gone_within_minutes() -> None:
    climb = AltitudeControl(target=20e3, up_mps=0.5, means="ballast", mass_kg=1000.0)
    # 5 kg pay for 32 m, a minute's way.
    assert emptied(climb, index=0, store=5.0, alt_m=16e3, **FIXED).end_time_s[0] <= 300.0

"""The balloon of the twin and what it can spend: energy by daylight, ballast, gas.

A `Balloon` is a flight of the engine (stages of terms and stops) with what an autopilot may add to it: a
control of its height while it floats, a propeller, and the power that both take.

Energy is booked a step at a time, so that nothing is lost between the lines:

::

    panels ─► load first ─► pump and propeller, down to the reserve ─► battery ─► spilled when it is full

The load is the payload, the radio and the computer. It is fed first and shed only when panels and battery
together cannot feed it; the pump and the propeller stop at the reserve. Panels give what `balloons.radiation`
says of direct sunlight at the height, by the cosine of incidence on a panel that leans `panel_tilt_deg` from
level and turns to the sun's bearing. Ballast and gas are the stores of the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from overflight.balloons.gases import GASES
from overflight.balloons.limits import one_of, within
from overflight.balloons.radiation import SOLAR_WPM2, sunlight
from overflight.balloons.sounding import totex
from overflight.balloons.stops import AltitudeAbove
from overflight.balloons.terms import (
    MEANS,
    Ascent,
    ConstantDensity,
    Flight,
    Leak,
    Stage,
    ZeroPressure,
)
from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.sun import RAD
from overflight.units import HOUR_S

# A watt-hour.
WATT_HOUR_J: Final = HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How the height is changed while the balloon floats; see `balloons.control` for what each way costs.

    `means` is "air" (a pump of `pump_w` takes air in to go down), "ballast" (ballast up, gas down) or "free".
    `mass_kg` is that of the whole system, `gas_budget_kg` what may be let out on purpose.
    """

    means: Literal["free", "ballast", "air"] = "air"
    low_alt_m: float = 15e3
    high_alt_m: float = 20e3
    up_mps: float = 1.5
    down_mps: float = 1.0
    pump_w: float = 300.0
    mass_kg: float | None = None
    gas_budget_kg: float = 0.0
    gas: str = "helium"

    def __post_init__(self) -> None:
        one_of("means", self.means, MEANS)
        one_of("gas", self.gas, GASES)
        within("low_alt_m", self.low_alt_m, 0.0, 60e3, "m")
        within("high_alt_m", self.high_alt_m, self.low_alt_m, 60e3, "m, not under low_alt_m")
        within("up_mps", self.up_mps, 0.01, 30.0, "m/s")
        within("down_mps", self.down_mps, 0.01, 30.0, "m/s")
        within("pump_w", self.pump_w, 0.0, 1e6, "W")
        within("gas_budget_kg", self.gas_budget_kg, 0.0, 1e5, "kg")
        if self.means == "ballast":
            within("mass_kg", self.mass_kg or 0.0, 1e-3, 1e6, "kg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Propeller:
    """Greatest speed through the air and the power that takes; drag makes it the cube of the speed."""

    airspeed_mps: float
    power_w: float

    def __post_init__(self) -> None:
        within("airspeed_mps", self.airspeed_mps, 0.0, 60.0, "m/s")
        within("power_w", self.power_w, 0.0, 1e6, "W")


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Panels, battery and load.

    `panel_w` is what the panels give where sunlight of 1361 W/m² falls straight on them. `reserve` is the
    share of the battery that steering leaves to the load, `charge` the share of it at the start.
    """

    panel_w: float
    battery_j: float
    load_w: float
    panel_tilt_deg: float = 0.0
    reserve: float = 0.3
    charge: float = 1.0

    def __post_init__(self) -> None:
        within("panel_w", self.panel_w, 0.0, 1e6, "W")
        within("battery_j", self.battery_j, 0.0, 1e12, "J")
        within("load_w", self.load_w, 0.0, 1e6, "W")
        within("panel_tilt_deg", self.panel_tilt_deg, 0.0, 90.0, "deg")
        within("reserve", self.reserve, 0.0, 1.0)
        within("charge", self.charge, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balloon:
    """A flight of the engine, and what its autopilot has to steer with.

    The autopilot changes heights in stages that hold a surface (`ConstantDensity` and its like) where there
    is a `control`, and drives the `propeller` in stages that hold one or have a `ZeroPressure`. Without
    `power` energy costs nothing. Ballast is the first entry of the flight's `store`; `gas_kg` is the whole
    gas, for the record.
    """

    name: str
    flight: Flight
    control: Control | None = None
    propeller: Propeller | None = None
    power: Power | None = None
    gas_kg: float = 0.0

    def __post_init__(self) -> None:
        within("gas_kg", self.gas_kg, 0.0, 1e6, "kg")


def balloon(name: str) -> Balloon:
    """Return a balloon by name; see `BALLOONS`.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    one_of("balloon", name, tuple(BALLOONS))
    return BALLOONS[name]


def launched(one: Balloon, *, float_alt_m: float, ascent_mps: float = 5.0) -> Balloon:
    """Return the balloon with a climb to its float before its other stages.

    Raises
    ------
    InputError
        When a value is out of range.
    """
    climb = Stage((Ascent(ascent_mps),), (AltitudeAbove(float_alt_m),), "ascent")
    return replace(one, flight=replace(one.flight, stages=(climb, *one.flight.stages)))


def _floating(name: str, *more: Leak) -> Flight:
    return Flight((Stage((ConstantDensity(), *more), name="float"),), name=name)


# Made, not measured, unless a line says so.
BALLOONS: Final[dict[str, Balloon]] = {
    one.name: one
    for one in (
        # Of the size that was told of in 2023, 60 m high with a truss of panels; all numbers made.
        Balloon(
            name="superpressure",
            flight=_floating("superpressure balloon with a pump"),
            control=Control(means="air", low_alt_m=15e3, high_alt_m=20e3, pump_w=400.0),
            power=Power(panel_w=1000.0, battery_j=5000.0 * WATT_HOUR_J, load_w=200.0, panel_tilt_deg=45.0),
            gas_kg=250.0,
        ),
        # Of Loon's size, as the Balloon Learning Environment has it (google/balloon-learning-environment:
        # balloon.py, power_table.py, solar.py): battery, load by night, 6830 mol of helium, 5 to 14 kPa, and
        # six panels of 210 W that lean 35 and 65 degrees, shaded in part. Rates of climb are made.
        Balloon(
            name="loon",
            flight=_floating("superpressure balloon of Loon's size"),
            control=Control(means="air", low_alt_m=14.2e3, high_alt_m=20.5e3, pump_w=250.0),
            power=Power(panel_w=1000.0, battery_j=3058.56 * WATT_HOUR_J, load_w=183.7, panel_tilt_deg=45.0),
            gas_kg=27.3,
        ),
        # The first with propellers: at 8 m/s a sphere of 30 m with a drag coefficient of 0.15 in 0.12 kg/m³
        # of air takes 3.3 kW of thrust × speed, and propellers of 60 % 5.5 kW.
        Balloon(
            name="propelled",
            flight=_floating("superpressure balloon with propellers"),
            control=Control(means="air", low_alt_m=15e3, high_alt_m=20e3, pump_w=400.0),
            propeller=Propeller(airspeed_mps=8.0, power_w=5500.0),
            power=Power(panel_w=10000.0, battery_j=30000.0 * WATT_HOUR_J, load_w=300.0, panel_tilt_deg=45.0),
            gas_kg=250.0,
        ),
        # A float that nobody steers, such as those of Strateole-2.
        Balloon(
            name="drifter",
            flight=_floating("superpressure balloon"),
            power=Power(panel_w=60.0, battery_j=300.0 * WATT_HOUR_J, load_w=10.0),
            gas_kg=10.0,
        ),
        # Gas and ballast, as balloons of the Gordon Bennett race have: 0.35 of the mass is sand.
        Balloon(
            name="ballast",
            flight=Flight(
                (Stage((ConstantDensity(),), name="float"),), (150.0, 0.0, 0.0), "balloon with ballast"
            ),
            control=Control(
                means="ballast", low_alt_m=10e3, high_alt_m=20e3, mass_kg=500.0, gas_budget_kg=20.0
            ),
            gas_kg=80.0,
        ),
        # An open balloon: by night it sinks unless ballast goes.
        Balloon(
            name="zero-pressure",
            flight=Flight(
                (
                    Stage(
                        (
                            ZeroPressure(
                                volume_m3=5000.0,
                                gas_kg=85.0,
                                mass_kg=350.0,
                                ballast_kgps=0.02,
                                ballast_below_m=16e3,
                            ),
                        ),
                        name="float",
                    ),
                ),
                (100.0, 0.0, 0.0),
                "zero-pressure balloon",
            ),
            power=Power(panel_w=200.0, battery_j=1000.0 * WATT_HOUR_J, load_w=50.0),
            gas_kg=85.0,
        ),
        # A weather service's balloon: 600 g of rubber under which hangs some 250 g of sonde and line.
        Balloon(name="sounding", flight=totex(600, 0.25), gas_kg=1.0),
        # A foil balloon of a hobbyist: a tracker of 15 g that the sun alone feeds.
        Balloon(
            name="pico",
            flight=_floating("foil balloon of a hobbyist"),
            power=Power(panel_w=0.5, battery_j=0.0, load_w=0.1),
            gas_kg=0.02,
        ),
    )
}


@compiled
def panel_now_w(
    panel_w: float, tilt_deg: float, time_s: float, lon_deg: float, lat_deg: float, alt_m: float, log_p: float
) -> float:
    """Return what panels give, W: leaning from level and turned to the sun's bearing."""
    if panel_w <= 0.0:
        return 0.0
    beam_wpm2, elevation_deg = sunlight(time_s, lon_deg, lat_deg, alt_m, log_p)
    return panel_w * beam_wpm2 / SOLAR_WPM2 * max(math.sin((elevation_deg + tilt_deg) * RAD), 0.0)


@compiled
def to_steer_j(battery_j: float, reserve_j: float, panel_j: float, load_j: float) -> float:
    """Return the energy that pump and propeller may take in a step, J: what is above load and reserve."""
    return max(battery_j + panel_j - load_j - reserve_j, 0.0)


@compiled
def book(
    battery_j: float, most_j: float, panel_j: float, load_j: float, steer_j: float
) -> tuple[float, float, float]:
    """Return the battery after a step, what the load got, and what was spilled, J.

    battery + panel = battery after + steer + load + spilled, to the rounding of one sum; the caller keeps
    `steer_j` within `to_steer_j`.
    """
    left = battery_j + panel_j - steer_j
    fed = min(load_j, max(left, 0.0))
    left = max(left - fed, 0.0)
    kept = min(left, most_j)
    return kept, fed, left - kept


def check_power(one: Balloon) -> None:
    """Refuse a balloon whose steering takes power and has none.

    Raises
    ------
    InputError
        When a pump or propeller needs watts and there is no battery and no panel.
    """
    takes = (one.propeller.power_w if one.propeller else 0.0) + (
        one.control.pump_w if one.control and one.control.means == "air" else 0.0
    )
    if one.power is not None and takes > 0.0 and one.power.panel_w + one.power.battery_j <= 0.0:
        raise InputError(
            f"'{one.name}' steers with {takes:g} W and has neither panels nor a battery",
            field="power",
            remedy="Give panel_w or battery_j, or power=None for energy that costs nothing.",
        )

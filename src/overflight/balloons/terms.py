"""What moves a balloon: frozen records of terms, and the stages and flights built from them.

The terms of a stage add up: `Stage((ConstantPressure(5000.0), Propulsion(...)))` floats and steers. The
records hold what a practitioner knows; `coded.code` turns them into the rows that the kernels read, and
the module that each docstring names has the physics and its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from overflight.balloons.gases import GASES, lift_ratio
from overflight.balloons.limits import one_of, within, within_or_none
from overflight.balloons.stops import Stop
from overflight.errors import InputError

# A hold comes to its surface with this time constant: quick beside the hours of a flight, slow beside the
# steps of a kernel.
HOLD_TIME_S = 600.0
# Faster than any float climbs or sinks to its level, slower than a fall.
HOLD_MAX_MPS = 5.0
# What an altitude control spends, in the order of `control`'s numbers.
MEANS = ("free", "ballast", "air")
# A schedule longer than this belongs into stages.
MOST_COMMANDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    tau_s: float = HOLD_TIME_S
    max_mps: float = HOLD_MAX_MPS

    def _check(self) -> None:
        within("tau_s", self.tau_s, 1.0, 86400.0, "s")
        within("max_mps", self.max_mps, 0.01, 50.0, "m/s")


@dataclass(frozen=True, slots=True)
class ConstantPressure(_Hold):
    """Float on a pressure surface; None takes the pressure at the start of the stage. See `holds`."""

    pressure_pa: float | None = None

    def __post_init__(self) -> None:
        self._check()
        within_or_none("pressure_pa", self.pressure_pa, 10.0, 110e3, "Pa")


@dataclass(frozen=True, slots=True)
class ConstantDensity(_Hold):
    """Float where the air has one density, as a superpressure balloon does; None: that at the start."""

    density_kgpm3: float | None = None

    def __post_init__(self) -> None:
        self._check()
        within_or_none("density_kgpm3", self.density_kgpm3, 1e-4, 1.6, "kg/m³")


@dataclass(frozen=True, slots=True)
class ConstantTheta(_Hold):
    """Follow a surface of potential temperature, as air itself does; None: that at the start."""

    theta_k: float | None = None

    def __post_init__(self) -> None:
        self._check()
        within_or_none("theta_k", self.theta_k, 150.0, 4000.0, "K")


@dataclass(frozen=True, slots=True)
class ConstantHeight(_Hold):
    """Stay at a geometric height; None: that at the start."""

    alt_m: float | None = None

    def __post_init__(self) -> None:
        self._check()
        within_or_none("alt_m", self.alt_m, -500.0, 60e3, "m")


@dataclass(frozen=True, slots=True)
class Ascent:
    """Climb at a constant speed; 5 m/s is what weather services aim at (WMO-No. 8, vol. III, ch. 8).

    The burst is a stop of the stage: `AltitudeAbove`, `PressureBelow` or `DensityBelow`.
    """

    rate_mps: float = 5.0

    def __post_init__(self) -> None:
        within("rate_mps", self.rate_mps, 0.01, 30.0, "m/s; for a way down take Descent")


@dataclass(frozen=True, slots=True)
class Descent:
    """Sink at a constant speed; under a parachute take `Parachute`, which slows in thicker air."""

    rate_mps: float = 5.0

    def __post_init__(self) -> None:
        within("rate_mps", self.rate_mps, 0.01, 200.0, "m/s, positive downward")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parachute:
    """Fall at terminal speed, by mass and drag area (drag coefficient × area) or by the speed at sea level.

    Give `mass_kg` and `drag_area_m2`, or `sea_level_mps`; neither means 5 m/s at sea level, what
    practitioners build sounding payloads for. See `descent`.
    """

    mass_kg: float | None = None
    drag_area_m2: float | None = None
    sea_level_mps: float | None = None

    def __post_init__(self) -> None:
        within_or_none("mass_kg", self.mass_kg, 1e-6, 1e5, "kg")
        within_or_none("drag_area_m2", self.drag_area_m2, 1e-8, 1e5, "m²")
        within_or_none("sea_level_mps", self.sea_level_mps, 0.05, 500.0, "m/s")
        whole = (self.mass_kg is None) == (self.drag_area_m2 is None)
        if not whole or (self.mass_kg is not None and self.sea_level_mps is not None):
            raise InputError(
                "the fall is given twice or by half",
                field="mass_kg",
                remedy="Give mass_kg and drag_area_m2, or sea_level_mps alone.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeLift:
    """Climb by the free lift of a rubber balloon: gas, and everything it lifts, rubber included. See `lift`.

    `sounding.inflated` finds the gas for a rate of climb, and `sounding.burst` the stop for a diameter.
    The drag coefficient of 0.25 to 0.3 is what the calculators of sounding balloons take.
    """

    gas_kg: float
    mass_kg: float
    gas: str = "helium"
    drag: float = 0.25

    def __post_init__(self) -> None:
        one_of("gas", self.gas, GASES)
        within("gas_kg", self.gas_kg, 1e-3, 1e4, "kg")
        within("mass_kg", self.mass_kg, 1e-3, 1e5, "kg")
        within("drag", self.drag, 0.01, 2.0)
        if self.gas_kg * (lift_ratio(self.gas) - 1.0) <= self.mass_kg:
            raise InputError(
                f"{self.gas_kg:g} kg of {self.gas} do not lift {self.mass_kg:g} kg",
                field="gas_kg",
                remedy=f"Give more than {self.mass_kg / (lift_ratio(self.gas) - 1.0):.4g} kg of gas.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroPressure:
    """Fly an open balloon that spills by day and sinks by night. See `zero`.

    `mass_kg` is everything but gas and ballast; the ballast is the flight's store. `ballast_kgps` of it go
    while the balloon sinks below `ballast_below_m`. The superheats are kelvins of gas above air, by full
    sun and by night.
    """

    volume_m3: float
    gas_kg: float
    mass_kg: float
    gas: str = "helium"
    drag: float = 0.5
    day_superheat_k: float = 10.0
    night_superheat_k: float = -6.0
    heat_s: float = 600.0
    ballast_kgps: float = 0.0
    ballast_below_m: float = 60e3
    tau_s: float = HOLD_TIME_S

    def __post_init__(self) -> None:
        one_of("gas", self.gas, GASES)
        within("volume_m3", self.volume_m3, 0.1, 5e6, "m³")
        within("gas_kg", self.gas_kg, 1e-3, 1e5, "kg")
        within("mass_kg", self.mass_kg, 1e-3, 1e5, "kg")
        within("drag", self.drag, 0.01, 2.0)
        within("day_superheat_k", self.day_superheat_k, -60.0, 120.0, "K")
        within("night_superheat_k", self.night_superheat_k, -60.0, 120.0, "K")
        within("heat_s", self.heat_s, 0.0, 1e5, "s")
        within("ballast_kgps", self.ballast_kgps, 0.0, 100.0, "kg/s")
        within("ballast_below_m", self.ballast_below_m, -500.0, 60e3, "m")
        within("tau_s", self.tau_s, 1.0, 86400.0, "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SolarHotAir:
    """Fly a dark balloon of air that the sun heats, full from the start. See `hotair`."""

    diameter_m: float = 5.8
    mass_kg: float = 2.2
    absorptivity: float = 0.93
    emissivity: float = 0.92
    albedo: float = 0.2
    ground_k: float = 288.0
    drag: float = 2.25
    tau_s: float = HOLD_TIME_S
    sink_drag: float = 0.5

    def __post_init__(self) -> None:
        within("diameter_m", self.diameter_m, 0.5, 100.0, "m")
        within("mass_kg", self.mass_kg, 0.01, 1e4, "kg")
        for name in ("absorptivity", "emissivity"):
            within(name, getattr(self, name), 0.01, 1.0)
        within("albedo", self.albedo, 0.0, 1.0)
        within("ground_k", self.ground_k, 180.0, 350.0, "K")
        within("drag", self.drag, 0.01, 10.0)
        within("tau_s", self.tau_s, 1.0, 86400.0, "s")
        within("sink_drag", self.sink_drag, 0.01, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Lose gas at a steady rate, beside the term that floats. See `leak`.

    `spare_kg` is what a superpressure balloon can lose before it is limp: its gas × overpressure over
    pressure, some 5 to 20 %. `gas_kg` is its whole gas. Beside ZeroPressure and FreeLift give the loss
    alone.
    """

    loss_kgps: float
    spare_kg: float = 0.0
    gas_kg: float | None = None
    gas: str = "helium"
    drag: float = 0.5

    def __post_init__(self) -> None:
        one_of("gas", self.gas, GASES)
        within("loss_kgps", self.loss_kgps, 0.0, 10.0, "kg/s")
        within("spare_kg", self.spare_kg, 0.0, 1e5, "kg")
        within_or_none("gas_kg", self.gas_kg, 1e-3, 1e5, "kg")
        within("drag", self.drag, 0.01, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AltitudeControl:
    """Go to a height, or to each of a schedule of (time_s, alt_m), within limits. See `control`.

    `means` says what the way costs: "free"; "ballast" (the flight's ballast up, gas down, both by
    `mass_kg` of the whole system); or "air" (energy of the flight's store, `pump_w` at full speed down).
    """

    target: float | tuple[tuple[float, float], ...]
    up_mps: float = 1.0
    down_mps: float = 1.0
    low_alt_m: float = 15e3
    high_alt_m: float = 25e3
    means: str = "free"
    mass_kg: float | None = None
    gas_budget_kg: float = 0.0
    gas: str = "helium"
    pump_w: float = 0.0
    tau_s: float = HOLD_TIME_S

    def __post_init__(self) -> None:
        one_of("means", self.means, MEANS)
        one_of("gas", self.gas, GASES)
        within("up_mps", self.up_mps, 1e-3, 30.0, "m/s")
        within("down_mps", self.down_mps, 1e-3, 30.0, "m/s")
        within("low_alt_m", self.low_alt_m, -500.0, 60e3, "m")
        within("high_alt_m", self.high_alt_m, self.low_alt_m, 60e3, "m, not under low_alt_m")
        within_or_none("mass_kg", self.mass_kg, 1e-3, 1e6, "kg")
        within("gas_budget_kg", self.gas_budget_kg, 0.0, 1e5, "kg")
        within("pump_w", self.pump_w, 0.0, 1e6, "W")
        within("tau_s", self.tau_s, 1.0, 86400.0, "s")
        if self.means == "ballast" and self.mass_kg is None:
            raise InputError(
                "what a climb takes is unknown", field="mass_kg", remedy="Give the mass of the system, kg."
            )
        self._check_commands()

    def _check_commands(self) -> None:
        commands = self.commands
        if not 0 < len(commands) <= MOST_COMMANDS:
            raise InputError(
                f"{len(commands)} commands", field="target", remedy=f"Give from 1 to {MOST_COMMANDS}."
            )
        for time_s, alt_m in commands:
            within("target (time_s)", time_s, -2.3e9, 7.3e9, "s POSIX")
            within("target (alt_m)", alt_m, self.low_alt_m, self.high_alt_m, "m, low_alt_m to high_alt_m")
        if any(later[0] <= early[0] for early, later in pairwise(commands)):
            raise InputError("the commands do not follow one another", field="target", remedy="Sort by time.")

    @property
    def commands(self) -> tuple[tuple[float, float], ...]:
        """The schedule, also when one height stands for it."""
        return self.target if isinstance(self.target, tuple) else ((0.0, self.target),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Propulsion:
    """Move through the air: on a heading, along a course, or to a place and stay there. See `propulsion`.

    Give one of `heading_deg`, `course_deg`, `toward` (longitude, latitude). Without `power_w` the airspeed is
    always there; with it, energy comes from panels by day and from the flight's store.
    """

    airspeed_mps: float
    heading_deg: float | None = None
    course_deg: float | None = None
    toward: tuple[float, float] | None = None
    power_w: float | None = None
    solar_w: float = 0.0
    battery_j: float = 0.0
    load_w: float = 0.0
    tau_s: float = HOLD_TIME_S

    def __post_init__(self) -> None:
        within("airspeed_mps", self.airspeed_mps, 0.0, 60.0, "m/s")
        within_or_none("heading_deg", self.heading_deg, -360.0, 360.0, "deg")
        within_or_none("course_deg", self.course_deg, -360.0, 360.0, "deg")
        if self.toward is not None:
            within("toward (longitude)", self.toward[0], -360.0, 360.0, "deg")
            within("toward (latitude)", self.toward[1], -90.0, 90.0, "deg")
        if sum(x is not None for x in (self.heading_deg, self.course_deg, self.toward)) != 1:
            raise InputError(
                "the direction is not given once",
                field="heading_deg",
                remedy="Give one of heading_deg, course_deg, toward.",
            )
        within_or_none("power_w", self.power_w, 1e-3, 1e6, "W")
        within("solar_w", self.solar_w, 0.0, 1e6, "W")
        within("battery_j", self.battery_j, 0.0, 1e12, "J")
        within("load_w", self.load_w, 0.0, 1e6, "W")
        within("tau_s", self.tau_s, 1.0, 86400.0, "s")


Hold = ConstantPressure | ConstantDensity | ConstantTheta | ConstantHeight
# Terms that settle the height by themselves; a stage has one of them at most.
Mover = Hold | Ascent | Descent | FreeLift | Parachute | ZeroPressure | SolarHotAir | AltitudeControl
Term = Mover | Leak | Propulsion


@dataclass(frozen=True, slots=True)
class Stage:
    """Terms that add up until a stop is met; without a stop, until the end of the run.

    One term at most settles the height (a hold, an ascent, a descent, a balloon's own physics, a
    control): two would pull against each other, at a height that neither means. Leak and Propulsion go with
    any of them. Without terms the balloon stays on its pressure surface.
    """

    terms: tuple[Term, ...]
    stops: tuple[Stop, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        movers = [type(term).__name__ for term in self.terms if isinstance(term, Mover)]
        if len(movers) > 1:
            raise InputError(
                f"{' and '.join(movers)} both settle the height",
                field="terms",
                remedy="Keep one, or put them into stages that follow one another.",
            )
        for leak in (term for term in self.terms if isinstance(term, Leak)):
            self._check_leak(leak)

    def _check_leak(self, leak: Leak) -> None:
        if any(isinstance(term, SolarHotAir | Parachute | Ascent | Descent) for term in self.terms):
            raise InputError(
                "a leak changes nothing here",
                field="terms",
                remedy="Put Leak beside a hold, ZeroPressure, FreeLift or AltitudeControl.",
            )
        own = any(isinstance(term, ZeroPressure | FreeLift) for term in self.terms)
        if not own and (leak.gas_kg is None or leak.spare_kg >= leak.gas_kg):
            raise InputError(
                "how much gas can be lost is unknown",
                field="gas_kg",
                remedy="Give gas_kg of the Leak, more than its spare_kg.",
            )


@dataclass(frozen=True, slots=True)
class Flight:
    """Stages one after the other, and what is aboard at the start: ballast kg, energy J, and gas lost, kg.

    The order of the stages is that in which the run meets them: a run backward lists the last part of the
    flight first.
    """

    stages: tuple[Stage, ...]
    store: tuple[float, float, float] = (0.0, 0.0, 0.0)
    name: str = ""

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("a flight has no stage", field="stages", remedy="Give one Stage at least.")
        if len(self.store) != 3:
            raise InputError(
                f"the store has {len(self.store)} entries",
                field="store",
                remedy="Give ballast kg, energy J and gas lost kg.",
            )
        for name, value in zip(("ballast kg", "energy J", "gas lost kg"), self.store, strict=True):
            within(f"store ({name})", value, 0.0, 1e12)

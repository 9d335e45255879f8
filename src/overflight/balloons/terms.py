"""What moves a balloon: frozen records of terms, and the stages and flights built from them.

The terms of a stage add up: `Stage((ConstantPressure(5000.0), Propulsion(...)))` floats and steers. The
records hold what a practitioner knows; `coded.code` turns them into the rows that the kernels read, and
the module that each docstring names has the physics and its source.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from overflight.balloons.limits import within, within_or_none
from overflight.balloons.stops import Stop
from overflight.errors import InputError

# A hold comes to its surface with this time constant: quick beside the hours of a flight, slow beside the
# steps of a kernel.
HOLD_TIME_S = 600.0
# Faster than any float climbs or sinks to its level, slower than a fall.
HOLD_MAX_MPS = 5.0


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


Term = ConstantPressure | ConstantDensity | ConstantTheta | ConstantHeight | Ascent | Descent | Parachute


@dataclass(frozen=True, slots=True)
class Stage:
    """Terms that add up until a stop is met; without a stop, until the end of the run."""

    terms: tuple[Term, ...]
    stops: tuple[Stop, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Flight:
    """Stages one after the other, and what is aboard at the start: ballast kg, energy J, and gas lost, kg.

    The order of the stages is that in which the run meets them: a run backward lists the last part of the
    flight first.
    """

    stages: tuple[Stage, ...]
    store: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))
    name: str = ""

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("a flight has no stage", field="stages", remedy="Give one Stage at least.")
        for name, value in zip(("ballast kg", "energy J", "gas lost kg"), self.store, strict=True):
            within(f"store ({name})", value, 0.0, 1e12)

"""What ends a stage: frozen records of stops.

Every stop is a signed function of the state, negative before it is met and zero or more when it is, and is
located where the function rises through zero. `events.stop_value` has the functions. A stop that is met
already when its stage begins is met at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.balloons.limits import within
from overflight.errors import InputError

# (time_s, lon_deg, lat_deg, alt_m) arrays -> signed array.
SignedFn = Callable[
    [
        npt.NDArray[np.float64],
        npt.NDArray[np.float64],
        npt.NDArray[np.float64],
        npt.NDArray[np.float64],
    ],
    npt.NDArray[np.float64],
]


@dataclass(frozen=True, slots=True)
class AltitudeAbove:
    """Stop at a geometric height on the way up, such as the burst."""

    alt_m: float

    def __post_init__(self) -> None:
        within("alt_m", self.alt_m, -500.0, 80e3, "m")


@dataclass(frozen=True, slots=True)
class AltitudeBelow:
    """Stop at a geometric height on the way down."""

    alt_m: float

    def __post_init__(self) -> None:
        within("alt_m", self.alt_m, -500.0, 80e3, "m")


@dataclass(frozen=True, slots=True)
class PressureAbove:
    """Stop where the pressure exceeds a value, on the way down."""

    pressure_pa: float

    def __post_init__(self) -> None:
        within("pressure_pa", self.pressure_pa, 1.0, 110e3, "Pa")


@dataclass(frozen=True, slots=True)
class PressureBelow:
    """Stop where the pressure falls under a value, on the way up."""

    pressure_pa: float

    def __post_init__(self) -> None:
        within("pressure_pa", self.pressure_pa, 1.0, 110e3, "Pa")


@dataclass(frozen=True, slots=True)
class DensityBelow:
    """Stop where the air is thinner than a value: the burst of a balloon by its diameter."""

    density_kgpm3: float

    def __post_init__(self) -> None:
        within("density_kgpm3", self.density_kgpm3, 1e-5, 2.0, "kg/m³")


@dataclass(frozen=True, slots=True)
class Ground:
    """Stop at the ground: the terrain where the run has one, else the ellipsoid."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Stop a time after the stage began, in either direction of the run."""

    duration_s: float

    def __post_init__(self) -> None:
        within("duration_s", self.duration_s, 0.0, 4e8, "s")


@dataclass(frozen=True, slots=True)
class At:
    """Stop at an instant, POSIX seconds UTC, in either direction of the run."""

    time_s: float

    def __post_init__(self) -> None:
        # 1900 to 2200: a date in other units does not pass for seconds.
        within("time_s", self.time_s, -2.3e9, 7.3e9, "s POSIX")


@dataclass(frozen=True, slots=True)
class SunAbove:
    """Stop when the sun's centre stands higher than an elevation, geometric, seen from the balloon."""

    elevation_deg: float = 0.0

    def __post_init__(self) -> None:
        within("elevation_deg", self.elevation_deg, -90.0, 90.0, "deg")


@dataclass(frozen=True, slots=True)
class SunBelow:
    """Stop when the sun's centre stands lower than an elevation, geometric, seen from the balloon."""

    elevation_deg: float = 0.0

    def __post_init__(self) -> None:
        within("elevation_deg", self.elevation_deg, -90.0, 90.0, "deg")


@dataclass(frozen=True, slots=True)
class StoreEmpty:
    """Stop when the ballast (index 0) or the energy (index 1) is spent.

    The last of a store goes ever more slowly (`coded.TRICKLE_S`) and never to nothing, so the stop is met
    with a little left: what the stage's terms take at most in 110 s (0.37 of a fixed step that is longer
    than 300 s). A store that drains at that full rate gets there when an even drain would have emptied it,
    to a few per cent at fixed steps. A tolerance bounds places, not stores: beside one give a `step_s` of
    minutes.
    """

    index: int = 0

    def __post_init__(self) -> None:
        if self.index not in (0, 1):
            raise InputError(
                f"{self.index!r} is no store that empties",
                field="index",
                remedy="Give 0 (ballast) or 1 (energy).",
            )


@dataclass(frozen=True, slots=True)
class Signed:
    """Stop where a function of (time_s, lon_deg, lat_deg, alt_m) arrays rises through zero.

    Not compiled: the run is made first and the crossing is then looked for.
    """

    fn: SignedFn


Stop = (
    AltitudeAbove
    | AltitudeBelow
    | PressureAbove
    | PressureBelow
    | DensityBelow
    | Ground
    | Duration
    | At
    | SunAbove
    | SunBelow
    | StoreEmpty
    | Signed
)

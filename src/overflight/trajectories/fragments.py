"""What a flight comes down as: classes of pieces by mass and drag area.

A piece falls at the speed where its drag carries its weight, so only the ratio of mass to drag area (drag
coefficient times area) matters to where it lands. Both are given with a spread, because nobody knows how a
torn envelope folds: a member's piece has `mass × exp(mass_spread × normal)`, and the drag area likewise.

The sets below are assumptions, for want of better: replace them by what is known of the flight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight.balloons.descent import SEA_LEVEL_DENSITY_KGPM3, terminal_speed_mps
from overflight.errors import InputError

Float64s = npt.NDArray[np.float64]

_NAME = re.compile(r"[A-Za-z][\w-]{0,40}", re.ASCII)
# Where the model ends: slower pieces are carried by every draught, faster ones meet compressible air.
SLOWEST_MPS, FASTEST_MPS = 0.05, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A class of pieces.

    `drag_area_m2` is the drag coefficient times the area it is for. `mass_spread` and `drag_spread` are
    standard deviations of the logarithms: 0.2 is about a fifth either way. `basis` says where the numbers
    are from.
    """

    name: str
    mass_kg: float
    drag_area_m2: float
    mass_spread: float = 0.1
    drag_spread: float = 0.3
    basis: str = "given by the user"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"fragment name {self.name[:50]!r} cannot name findings",
                remedy="Use letters, digits, '_' and '-', beginning with a letter.",
            )
        for field, low, high in (
            ("mass_kg", 1e-6, 1e5),
            ("drag_area_m2", 1e-8, 1e5),
            ("mass_spread", 0.0, 2.0),
            ("drag_spread", 0.0, 2.0),
        ):
            value = getattr(self, field)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(
                    f"fragment '{self.name}' has {value!r}",
                    field=field,
                    remedy=f"Give a number from {low:g} to {high:g}.",
                )
        speed = self.sea_level_mps
        if not SLOWEST_MPS <= speed <= FASTEST_MPS:
            raise InputError(
                f"fragment '{self.name}' would fall at {speed:.3g} m/s near the ground",
                field="drag_area_m2",
                remedy=f"Mass and drag area must give {SLOWEST_MPS:g} to {FASTEST_MPS:g} m/s.",
            )

    @property
    def sea_level_mps(self) -> float:
        """Terminal speed at the standard's sea level, without spread."""
        return terminal_speed_mps(self.mass_kg, self.drag_area_m2)


# A balloon of some 60 m with a payload of a tonne, as the one of 2023 was described (General VanHerck,
# 6 February 2023: up to 200 ft tall, a payload of over a couple of thousand pounds). The payload is a frame
# with panels, tumbling without a parachute: 20 m2. The envelope, 11,000 m2 of film of 40 µm, comes down torn
# and folded to some 2 % of that. Debris are pieces of panels and film of 1 kg/m2.
_LARGE = "assumed, for a balloon of 60 m with a payload of a tonne"
LARGE_FRAGMENTS: tuple[Fragment, ...] = (
    Fragment(
        name="payload", mass_kg=900.0, drag_area_m2=20.0, mass_spread=0.2, drag_spread=0.5, basis=_LARGE
    ),
    Fragment(
        name="envelope", mass_kg=450.0, drag_area_m2=250.0, mass_spread=0.3, drag_spread=0.7, basis=_LARGE
    ),
    Fragment(
        name="debris",
        mass_kg=1.0,
        drag_area_m2=1.0,
        mass_spread=0.7,
        drag_spread=0.7,
        basis=_LARGE,
    ),
)
# A sounding balloon: 0.3 kg under a parachute that is meant for 5 m/s, and the burst latex.
_SOUNDING = "assumed, for a sounding balloon with a parachute"
SOUNDING_FRAGMENTS: tuple[Fragment, ...] = (
    Fragment(
        name="payload", mass_kg=0.3, drag_area_m2=0.19, mass_spread=0.1, drag_spread=0.3, basis=_SOUNDING
    ),
    Fragment(
        name="envelope", mass_kg=0.3, drag_area_m2=0.4, mass_spread=0.5, drag_spread=0.7, basis=_SOUNDING
    ),
)


def draw_speeds(fragment: Fragment, rngs: Sequence[np.random.Generator]) -> Float64s:
    """Draw the terminal speed at sea level of one piece a generator, m/s, within what the model holds for."""
    normal = np.array([rng.standard_normal(2) for rng in rngs])
    mass = fragment.mass_kg * np.exp(fragment.mass_spread * normal[:, 0])
    area = fragment.drag_area_m2 * np.exp(fragment.drag_spread * normal[:, 1])
    speed = terminal_speed_mps(1.0, 1.0) * np.sqrt(mass / area)
    return np.asarray(np.clip(speed, SLOWEST_MPS, FASTEST_MPS))


def speed_at_mps(sea_level_mps: Float64s, density_kgpm3: Float64s) -> Float64s:
    """Return terminal speed in air of another density: v = v0 √(ρ0 / ρ)."""
    return np.asarray(sea_level_mps * np.sqrt(SEA_LEVEL_DENSITY_KGPM3 / density_kgpm3))


def check_fragments(fragments: Sequence[Fragment]) -> tuple[Fragment, ...]:
    """Return the fragments, or raise InputError where there are none or two share a name."""
    names = [fragment.name for fragment in fragments]
    if not names or len(set(names)) < len(names):
        raise InputError(
            "no fragment is given" if not names else "two fragments share a name",
            field="fragments",
            remedy="Give classes of pieces with different names, or LARGE_FRAGMENTS.",
        )
    return tuple(fragments)

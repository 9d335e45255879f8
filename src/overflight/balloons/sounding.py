"""Sounding balloons: gas for a rate of climb, where they burst, and the whole flight up and down.

The gas fills a sphere; drag gives the rate (`lift`), and the balloon bursts where the sphere has its burst
diameter. Both as in the calculators that amateurs and services use (CUSF balloon burst calculator), with the
U.S. Standard Atmosphere 1976 at the release and the air of the run at the burst.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.balloons.air import GRAVITY_MPS2
from overflight.balloons.descent import SEA_LEVEL_DENSITY_KGPM3
from overflight.balloons.gases import GASES, lift_ratio, sphere_m3
from overflight.balloons.limits import one_of, within
from overflight.balloons.stops import DensityBelow, Ground
from overflight.balloons.terms import Flight, FreeLift, Parachute, Stage
from overflight.errors import InputError

# Diameter at burst by the rubber's mass in grams: Totex, as Kaymont sells them (ukhas.org.uk, "Balloon
# data"). Makers call them averages; bursts scatter by some 10 % in diameter.
TOTEX_BURST_M: Final = {
    200: 3.00,
    300: 3.78,
    350: 4.12,
    450: 4.72,
    500: 4.99,
    600: 6.02,
    700: 6.53,
    800: 7.00,
    1000: 7.86,
    1200: 8.63,
    1500: 9.44,
    2000: 10.54,
    3000: 13.00,
}
_BISECTIONS: Final = 200


def inflated(*, rate_mps: float = 5.0, mass_kg: float, gas: str = "helium", drag: float = 0.25) -> FreeLift:
    """Return the balloon that climbs at a rate when released at sea level.

    `mass_kg` is everything that it lifts, rubber included.

    Raises
    ------
    InputError
        When a value is out of range.
    """
    one_of("gas", gas, GASES)
    within("rate_mps", rate_mps, 0.1, 20.0, "m/s")
    within("mass_kg", mass_kg, 1e-3, 1e3, "kg")
    within("drag", drag, 0.01, 2.0)
    ratio = lift_ratio(gas)
    low, high = mass_kg / (ratio - 1.0), 1e5
    # The rate grows with the gas throughout, so halving finds the one.
    for _ in range(_BISECTIONS):
        middle = math.sqrt(low * high)
        too_slow = _rate_mps(middle, mass_kg, ratio, drag) < rate_mps
        low, high = (middle, high) if too_slow else (low, middle)
    return FreeLift(gas_kg=high, mass_kg=mass_kg, gas=gas, drag=drag)


def burst(balloon: FreeLift, diameter_m: float) -> DensityBelow:
    """Return the stop at which a balloon reaches a diameter.

    Raises
    ------
    InputError
        When it has that diameter on the ground already.
    """
    within("diameter_m", diameter_m, 0.2, 50.0, "m")
    density = balloon.gas_kg * lift_ratio(balloon.gas) / sphere_m3(diameter_m)
    if density >= SEA_LEVEL_DENSITY_KGPM3:
        raise InputError(
            f"{balloon.gas_kg:.3g} kg of {balloon.gas} fill {diameter_m:g} m at the ground",
            field="diameter_m",
            remedy="Give a larger balloon, a lower rate or less to lift.",
        )
    return DensityBelow(density)


def totex(
    rubber_g: int,
    payload_kg: float,
    *,
    rate_mps: float = 5.0,
    gas: str = "helium",
    parachute_mps: float = 5.0,
) -> Flight:
    """Return the flight of a Totex balloon: climb, burst, fall to the ground under a parachute.

    Raises
    ------
    InputError
        When there is no balloon of that mass, or a value is out of range.
    """
    if rubber_g not in TOTEX_BURST_M:
        sizes = ", ".join(str(size) for size in TOTEX_BURST_M)
        raise InputError(f"no balloon of {rubber_g} g is known", field="rubber_g", remedy=f"Give {sizes}.")
    within("payload_kg", payload_kg, 0.01, 50.0, "kg")
    balloon = inflated(rate_mps=rate_mps, mass_kg=rubber_g / 1000.0 + payload_kg, gas=gas)
    up = Stage((balloon,), (burst(balloon, TOTEX_BURST_M[rubber_g]),), "ascent")
    down = Stage((Parachute(sea_level_mps=parachute_mps),), (Ground(),), "descent")
    return Flight((up, down), name=f"sounding balloon, {rubber_g} g")


def _rate_mps(gas_kg: float, mass_kg: float, ratio: float, drag: float) -> float:
    """Rate of climb at sea level of the standard."""
    net = gas_kg * (ratio - 1.0) - mass_kg
    area = math.pi * (0.75 * gas_kg * ratio / SEA_LEVEL_DENSITY_KGPM3 / math.pi) ** (2.0 / 3.0)
    return math.sqrt(max(2.0 * net * GRAVITY_MPS2 / (SEA_LEVEL_DENSITY_KGPM3 * drag * area), 0.0))

"""The integers that compiled rates know terms and stops by."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]

NONE: Final = 0
# Terms. The four holds are in a row: `is_hold` counts on it.
CONSTANT_PRESSURE: Final = 1
CONSTANT_DENSITY: Final = 2
CONSTANT_THETA: Final = 3
CONSTANT_HEIGHT: Final = 4
STEADY: Final = 5  # Ascent and Descent: a constant vertical speed
FREE_LIFT: Final = 6
PARACHUTE: Final = 7
ZERO_PRESSURE: Final = 8
SOLAR_HOT_AIR: Final = 9
LEAK: Final = 10
ALTITUDE_CONTROL: Final = 11
PROPULSION: Final = 12

# Terms whose slot 0 is a target (ln Pa, ln kg/m³, ln K, m).
HOLDS: Final = (CONSTANT_PRESSURE, CONSTANT_DENSITY, CONSTANT_THETA, CONSTANT_HEIGHT)
# Terms whose rate is a line of arithmetic; kernels for flights of these alone hold no other physics.
PLAIN: Final = (NONE, *HOLDS, STEADY, PARACHUTE)
# Terms whose slot 0 scales their vertical speed, so that a spread of rates multiplies it.
SPEEDS: Final = (STEADY, FREE_LIFT, PARACHUTE)

# Stops.
ALTITUDE_ABOVE: Final = 1
ALTITUDE_BELOW: Final = 2
PRESSURE_ABOVE: Final = 3
PRESSURE_BELOW: Final = 4
DENSITY_BELOW: Final = 5
GROUND: Final = 6
DURATION: Final = 7
AT: Final = 8
SUN_ABOVE: Final = 9
SUN_BELOW: Final = 10
STORE_EMPTY: Final = 11
SIGNED: Final = 12

# Slots of the store.
BALLAST: Final = 0
ENERGY: Final = 1
GAS_LOST: Final = 2

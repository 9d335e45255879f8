"""Units that enter and leave the package, as factors to SI.

Inside, everything is SI and degrees. Convert on the line where a value enters: `alt_m = alt_ft * FOOT_M`.
"""

from __future__ import annotations

from typing import Final

# International foot, exact since the 1959 yard and pound agreement.
FOOT_M: Final = 0.3048
# International nautical mile, exact: First International Extraordinary Hydrographic Conference, 1929.
NAUTICAL_MILE_M: Final = 1852.0
# International statute mile, exact: 5280 international feet.
MILE_M: Final = 1609.344
HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
# One nautical mile an hour.
KNOT_MPS: Final = NAUTICAL_MILE_M / HOUR_S
# One hectopascal is one millibar.
HPA_PA: Final = 100.0
# Kelvin at 0 degrees Celsius, exact: SI Brochure (9th edition), 2.3.1.
ZERO_CELSIUS_K: Final = 273.15
# Mean radius (2a + b) / 3 of the WGS-84 ellipsoid: H. Moritz, Geodetic Reference System 1980,
# J. Geodesy 74 (2000) 128; the two ellipsoids agree in it to a decimetre.
EARTH_RADIUS_M: Final = 6371008.8
# Axes of WGS-84: NGA.STND.0036 (2014), table 3.1; b follows from a and 1/f = 298.257223563.
WGS84_A_M: Final = 6378137.0
WGS84_F: Final = 1.0 / 298.257223563

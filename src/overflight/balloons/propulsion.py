"""Propulsion: a limited speed through the air, on a power budget that daylight fills.

Where to: a heading (the bearing of the nose), a course (the bearing of the track over the ground, holding up
against the wind across it as far as the airspeed reaches), or a place (the course to it, and keeping
station over it once there). Against a wind across the course that is stronger than itself, the balloon
points straight into that part of the wind.

Power: drag takes the cube of the airspeed, `power_w` at full speed. Panels lie flat and give
`solar_w × sin(elevation)` of the sun, nothing by night. What panels do not give comes from the
battery (store 1, J), which holds `battery_j` and also feeds `load_w`. With the battery empty the airspeed is
what the panels allow. `power_w` of zero stands for no limit of power.

Row: [0] airspeed, m/s, [1] 0 heading, 1 course, 2 place, [2] heading or course, or longitude, degrees,
[3] latitude, degrees, [4] power at full airspeed, W, [5] power of the panels under the zenith sun, W,
[6] battery, J, [7] load, W, [8] time constant of keeping station, s, [9] time over which the last of the
battery goes, s.
"""

from __future__ import annotations

import math
from typing import Final

from overflight.atmosphere import Float64s
from overflight.compiled import compiled
from overflight.sun import RAD, solar_elevation_deg
from overflight.units import EARTH_RADIUS_M

HEADING: Final = 0.0
COURSE: Final = 1.0
PLACE: Final = 2.0


@compiled
def propulsion_rates(
    row: Float64s,
    time_s: float,
    lon_deg: float,
    lat_deg: float,
    alt_m: float,
    wind_u: float,
    wind_v: float,
    energy_j: float,
) -> tuple[float, float, float]:
    """Return the velocity through the air (east, north; m/s) and the rate of energy, W."""
    energy_j = max(energy_j, 0.0)
    sun_w = 0.0
    if row[5] > 0.0:
        sun_w = row[5] * max(math.sin(solar_elevation_deg(time_s, lon_deg, lat_deg) * RAD), 0.0)
    fastest = row[0]
    if row[4] > 0.0:
        spare = max(sun_w - row[7] + energy_j / row[9], 0.0)
        fastest *= min(spare / row[4], 1.0) ** (1.0 / 3.0)
    east, north = _through_air(row, lon_deg, lat_deg, wind_u, wind_v, fastest)
    used = row[7]
    if row[4] > 0.0 and row[0] > 0.0:
        used += row[4] * (math.hypot(east, north) / row[0]) ** 3
    gain = sun_w - used
    # A battery neither overfills nor gives more than it has.
    most, least = max(row[6] - energy_j, 0.0) / row[9], -energy_j / row[9]
    return east, north, min(max(gain, least), most)


@compiled
def _through_air(
    row: Float64s, lon_deg: float, lat_deg: float, wind_u: float, wind_v: float, speed: float
) -> tuple[float, float]:
    if row[1] == HEADING:
        bearing = row[2] * RAD
        return speed * math.sin(bearing), speed * math.cos(bearing)
    if row[1] == COURSE:
        bearing = row[2] * RAD
        return _along(math.sin(bearing), math.cos(bearing), wind_u, wind_v, speed, False)
    east, north, distance = _towards(lon_deg, lat_deg, row[2], row[3])
    ground = distance / row[8]
    # Near the place: be over it, against the whole wind, when the airspeed reaches.
    need_east, need_north = east * ground - wind_u, north * ground - wind_v
    if math.hypot(need_east, need_north) <= speed:
        return need_east, need_north
    # With the wind astern and near, ahead of the wind is too fast: full speed astern.
    astern = need_east * east + need_north * north < 0.0
    return _along(east, north, wind_u, wind_v, speed, astern)


@compiled
def _along(
    east: float, north: float, wind_u: float, wind_v: float, speed: float, astern: bool
) -> tuple[float, float]:
    """Return the air velocity of a size whose sum with the wind lies along (east, north), a unit vector."""
    across = wind_u * north - wind_v * east
    # The part against the wind across, to the right of the course, and what is left for the course.
    right = min(max(-across, -speed), speed)
    ahead = math.sqrt(max(speed * speed - right * right, 0.0))
    ahead = -ahead if astern else ahead
    return ahead * east + right * north, ahead * north - right * east


@compiled
def _towards(lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[float, float, float]:
    """Return the unit vector (east, north) and the distance to a place on the sphere, m."""
    turn = (lon1 - lon0) * RAD
    sin0, cos0 = math.sin(lat0 * RAD), math.cos(lat0 * RAD)
    sin1, cos1 = math.sin(lat1 * RAD), math.cos(lat1 * RAD)
    east = cos1 * math.sin(turn)
    north = cos0 * sin1 - sin0 * cos1 * math.cos(turn)
    size = math.hypot(east, north)
    distance = EARTH_RADIUS_M * math.atan2(size, sin0 * sin1 + cos0 * cos1 * math.cos(turn))
    if size < 1e-12:
        return 0.0, 1.0, distance
    return east / size, north / size, distance

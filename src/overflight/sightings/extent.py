"""How far the sightings of a flight reach, for asking winds about it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from overflight.records import Sighting

Box = tuple[float, float, float, float]

# A day and a half at 20 m/s from the outermost report.
MARGIN_DEG = 20.0


def flight_box(sightings: Sequence[Sighting], margin_deg: float = MARGIN_DEG) -> Box:
    """Return the box (west, south, east, north; degrees) about the sightings and a margin of arc.

    The shortest span of longitude is taken, over the antimeridian if need be (west above east then); near
    a pole it is the whole circle.
    """
    places = [(s.lon_deg, s.lat_deg) for s in sightings if s.lon_deg is not None and s.lat_deg is not None]
    if not places:
        return (-180.0, -90.0, 180.0, 90.0)
    lat = [place[1] for place in places]
    south, north = max(-90.0, min(lat) - margin_deg), min(90.0, max(lat) + margin_deg)
    lon = sorted({place[0] % 360.0 for place in places})
    gaps = [(b - a, b) for a, b in zip(lon, [*lon[1:], lon[0] + 360.0], strict=True)]
    widest, west = max(gaps)
    beside = margin_deg / max(math.cos(math.radians(max(abs(south), abs(north)))), 1e-9)
    width = 360.0 - widest + 2.0 * beside
    if width >= 360.0:
        return (-180.0, south, 180.0, north)
    west = (west - beside + 180.0) % 360.0 - 180.0
    return (west, south, (west + width + 180.0) % 360.0 - 180.0, north)

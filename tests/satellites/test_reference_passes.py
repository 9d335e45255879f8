"""How often satellites pass: section 4.1 of the project's table of reference numbers, on its element sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overflight.places.sites import Site
from overflight.satellites.elements import read_elements
from overflight.satellites.orbits import choose_orbits
from overflight.satellites.passes import find_passes
from overflight.times import parse_utc
from overflight.units import DAY_S

# Least elevation, then passes a satellite, site and day and their mean length in minutes, and how close. The
# reference has 273 payloads, 15 days and 100 sites of 30 to 60 degrees north, but not which of the 298 low
# ones and which sites: here all, 3 days and 12 sites, which pass 3 to 10 % more often, for as long.
MEASURED = [
    (10.0, 4.03, 7.81, 0.05, 0.02),
    (30.0, 2.02, 4.07, 0.05, 0.02),
    (40.0, 1.48, 2.99, 0.06, 0.02),
    (60.0, 0.71, 1.61, 0.12, 0.07),
]
START = parse_utc("2023-03-26T00:00Z")
DAYS, SITES = 3.0, 12


@pytest.mark.parametrize(("least_deg", "a_day", "minutes", "close", "as_long"), MEASURED)
def test_passes_a_day_and_their_length(
    test_data: Path, least_deg: float, a_day: float, minutes: float, close: float, as_long: float
) -> None:
    sets = read_elements([test_data / "tle" / "cn_payloads_2023-03-26.tle"]).sets
    low = [one for one in sets if one.mean_alt_m < 2000e3]
    lon = np.random.default_rng(6).uniform(-180.0, 180.0, SITES)
    lat = 30.0 + 30.0 * (np.arange(SITES) + 0.5) / SITES
    sites = [Site(id=f"s{n}", name="", lon_deg=float(lon[n]), lat_deg=float(lat[n])) for n in range(SITES)]
    orbits = choose_orbits(low, START, START + DAYS * DAY_S)
    found = find_passes(orbits, sites, START, START + DAYS * DAY_S, min_elevation_deg=least_deg)
    assert found.rise_s.size / (len(orbits) * SITES * DAYS) == pytest.approx(a_day, rel=close)
    assert (found.set_s - found.rise_s).mean() / 60.0 == pytest.approx(minutes, rel=as_long)

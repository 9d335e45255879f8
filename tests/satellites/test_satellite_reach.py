"""When a sensor reaches a site within a pass: beside places from SGP4, second by second."""

from __future__ import annotations

import numpy as np
import pytest
from made_sets import made

from overflight.places.sites import Site
from overflight.satellites.orbits import choose_orbits, earth_fixed, teme_states
from overflight.satellites.passes import find_passes, site_basis
from overflight.satellites.reach import by_day_s, within_reach_s
from overflight.times import parse_utc
from overflight.units import DAY_S

START = parse_utc("2023-02-01T00:00Z")
SITES = tuple(
    Site(id=f"S{lat}", name="made", lon_deg=-111.2, lat_deg=float(lat)) for lat in (-70, -30, 0, 47, 89)
)


@pytest.mark.parametrize("reach_deg", [7.4, 30.0, 45.0])
@pytest.mark.parametrize(("inclination_deg", "eccentricity"), [(97.6, 0.001), (51.6, 0.001), (97.6, 0.02)])
def test_it_is_when_sgp4_has_the_site_within_the_angle(
    reach_deg: float, inclination_deg: float, eccentricity: float
) -> None:
    """A direct search of the angle between straight down and the site, each second; to 3 s and 1.5 %."""
    sets = [made(inclination_deg=inclination_deg, eccentricity=eccentricity, per_day=14.5)]
    orbits = choose_orbits(sets, START, START + 6 * DAY_S)
    found = find_passes(orbits, SITES, START + 0.3 * DAY_S, START + 6 * DAY_S)
    span = within_reach_s(found, 0, slice(0, found.peak_s.size), reach_deg)
    basis, seen = site_basis(SITES), 0
    for k in np.flatnonzero(found.edge == 0):
        time_s = np.arange(found.rise_s[k], found.set_s[k], 1.0)
        place = earth_fixed(teme_states(orbits[0], time_s), time_s)
        line = place - basis[found.site[k], :3]
        cosine = (line * place).sum(1) / np.linalg.norm(line, axis=1) / np.linalg.norm(place, axis=1)
        near = time_s[np.degrees(np.arccos(cosine)) <= reach_deg]
        if near.size > 2:
            seen += 1
            assert span[1, k] - span[0, k] == pytest.approx(near.size, rel=0.015, abs=3.0)
            assert span[:, k].mean() == pytest.approx(near.mean(), abs=2.5 + 120.0 * eccentricity)
        else:
            assert np.isnan(span[0, k]) or span[1, k] - span[0, k] < 12.0
    assert seen >= 1


def test_landsat_has_its_site_for_half_a_minute() -> None:
    """Its swath of 185 km (USGS, Landsat 8 Data Users Handbook) at 6.8 km/s is 27 s at most."""
    orbits = choose_orbits([made(per_day=14.571, inclination_deg=98.2)], START, START + 16 * DAY_S)
    found = find_passes(orbits, SITES[3:4], START, START + 16 * DAY_S)
    lasts = np.diff(within_reach_s(found, 0, slice(0, found.peak_s.size), 7.46), axis=0)[0]
    assert np.isfinite(lasts).sum() >= 1
    assert 1.0 < np.nanmax(lasts) < 28.0
    assert (found.set_s - found.rise_s).max() > 500.0


def test_no_reach_no_look_and_a_reach_past_the_limb_is_the_pass() -> None:
    orbits = choose_orbits([made()], START, START + DAY_S)
    found = find_passes(orbits, SITES, START, START + DAY_S)
    rows = slice(0, found.peak_s.size)
    assert np.isnan(within_reach_s(found, 0, rows, np.nan)).all()
    assert np.array_equal(within_reach_s(found, 0, rows, 89.0), [found.rise_s, found.set_s])
    assert np.isnan(by_day_s(np.full((2, found.peak_s.size), np.nan), found)).all()

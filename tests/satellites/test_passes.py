"""The search for passes: against every grid point, against closed form, against skyfield."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_sets import made

from overflight.errors import InputError, LimitError
from overflight.places.sites import Site
from overflight.satellites import pass_kernel as kernel
from overflight.satellites.elements import ElementSet, read_elements
from overflight.satellites.orbits import Orbit, choose_orbits, earth_fixed, satrec, teme_states
from overflight.satellites.passes import Passes, find_passes, site_basis
from overflight.times import parse_utc, to_datetime
from overflight.units import DAY_S

START = parse_utc("2023-02-01T00:00Z")
# Rise and set by us and by another: nodes 240 s apart cost 12 ms, and skyfield turns the Earth by UT1 with
# nutation, which moves a pass by up to 0.2 s.
SECOND = 1.0
SITE = Site(id="MALMSTROM", name="Malmstrom", lon_deg=-111.1872, lat_deg=47.5047, alt_m=1057.0)
POLE = Site(id="POLE", name="North pole", lon_deg=0.0, lat_deg=90.0)
SOUTH = Site(id="SOUTH", name="South pole", lon_deg=77.0, lat_deg=-90.0, alt_m=2835.0)
SEAM = Site(id="SEAM", name="On the seam", lon_deg=-180.0, lat_deg=-16.5)


def orbit(one: ElementSet) -> Orbit:
    return Orbit(one.catalog, one.name, (one,))


def elevations_deg(one: ElementSet, site: Site, times: np.ndarray) -> np.ndarray:
    """Elevation at every time, from SGP4 without interpolation, by plain numpy."""
    place = earth_fixed(teme_states(orbit(one), times)[:, :3], times)
    basis = site_basis([site])[0]
    away = place - basis[:3]
    return np.degrees(np.arcsin(away @ basis[3:] / np.linalg.norm(away, axis=1)))


@pytest.mark.parametrize("site", [SITE, POLE, SOUTH, SEAM], ids=lambda s: s.id)
@pytest.mark.parametrize(
    ("least_deg", "one"),
    [
        (10.0, made()),
        (0.0, made()),
        (60.0, made(per_day=14.0)),
        (10.0, made(per_day=2.0, inclination_deg=63.4, eccentricity=0.7)),
        (10.0, made(per_day=15.9, inclination_deg=51.6)),
    ],
)
def test_passes_are_those_of_a_second_by_second_search(site: Site, least_deg: float, one: ElementSet) -> None:
    end = START + 2.0 * DAY_S
    times = np.arange(START, end, 1.0)
    up = elevations_deg(one, site, times) >= least_deg
    change = np.flatnonzero(np.diff(up.astype(int)))
    found = find_passes([orbit(one)], [site], START, end, min_elevation_deg=least_deg)
    edges = np.sort(np.concatenate([found.rise_s, found.set_s]))
    edges = edges[(edges > START) & (edges < end - 1.0)]
    assert edges.size == change.size
    assert edges == pytest.approx(times[change] + 0.5, abs=0.6)
    for begin, fall, peak, high in zip(
        found.rise_s, found.set_s, found.peak_s, found.elevation_deg, strict=True
    ):
        inside = (times >= begin) & (times <= fall)
        seen = elevations_deg(one, site, times[inside])
        assert begin <= peak <= fall
        assert high == pytest.approx(seen.max(), abs=0.05)


def test_the_grid_does_not_decide_what_is_found() -> None:
    """Grazing passes shorter than a step are found too: 30, 60 and 120 s give the same passes."""
    orbits = [orbit(made(90_000 + i, node_deg=17.0 * i % 360, anomaly_deg=31.0 * i % 360)) for i in range(20)]
    runs = [
        find_passes(orbits, [SITE, POLE], START, START + 10 * DAY_S, min_elevation_deg=35.0, step_s=step)
        for step in (10.0, 30.0, 60.0)
    ]
    for run in runs[1:]:
        assert run.rise_s.size == runs[0].rise_s.size
        assert np.abs(run.rise_s - runs[0].rise_s).max() < 0.1
    assert (runs[0].set_s - runs[0].rise_s).min() < 60.0


def test_a_geostationary_satellite_is_in_view_all_the_time_or_never() -> None:
    over = made(per_day=1.00273791, inclination_deg=0.01, eccentricity=0.0, anomaly_deg=0.0)
    place = earth_fixed(teme_states(orbit(over), np.array([START]))[:, :3], np.array([START]))[0]
    lon = float(np.degrees(np.arctan2(place[1], place[0])))
    below = Site(id="A", name="below", lon_deg=lon, lat_deg=0.0)
    across = Site(id="B", name="across", lon_deg=lon + 120.0, lat_deg=0.0)
    found = find_passes([orbit(over)], [below, across], START, START + DAY_S)
    assert found.site.tolist() == [0]
    assert (found.rise_s[0], found.set_s[0]) == (START, START + DAY_S)
    assert found.edge[0] == kernel.BEGINS_BEFORE | kernel.ENDS_AFTER
    # Its height: 35,786 km above the equator, for which the mean motion of a sidereal day stands.
    assert found.range_m.max() == pytest.approx(35_786e3, rel=2e-3)
    assert found.off_nadir_deg[0] < 0.1


def test_the_highest_a_pass_of_a_polar_orbit_stands_over_the_pole() -> None:
    """On a sphere: a circular orbit of inclination i comes within 90° - i of the pole, once a revolution."""
    one = made(inclination_deg=80.0, eccentricity=0.0)
    found = find_passes([orbit(one)], [POLE], START, START + DAY_S, min_elevation_deg=5.0)
    assert found.rise_s.size in (15, 16)
    place = teme_states(orbit(one), found.peak_s)[:, :3]
    radius = np.linalg.norm(place, axis=1)
    angle = np.radians(10.0)
    polar = 6_356_752.3
    expected = np.degrees(np.arctan2(radius * np.cos(angle) - polar, radius * np.sin(angle)))
    whole = found.edge == 0
    assert found.elevation_deg[whole] == pytest.approx(expected[whole], abs=0.15)


def test_a_shift_moves_the_satellite_and_leaves_the_earth() -> None:
    """A satellite that is late by a revolution is where it would be, over an Earth not yet turned."""
    one = made()
    end = START + DAY_S
    plain = find_passes([orbit(one)], [SITE], START, end)
    none = find_passes([orbit(one)], [SITE], START, end, shift_s=[0.0])
    period = find_passes([orbit(one)], [SITE], START, end, shift_s=[one.period_s])
    half = find_passes([orbit(one)], [SITE], START, end, shift_s=[0.5 * one.period_s])
    assert np.array_equal(plain.rise_s, none.rise_s)
    # J2 makes a nodal revolution some seconds shorter than the period of the mean motion.
    assert period.rise_s == pytest.approx(plain.rise_s, abs=40.0)
    assert half.rise_s.size > 0
    assert np.abs(half.rise_s[:, None] - plain.rise_s).min() > 300.0


def test_an_orbit_that_ends_ends_its_passes() -> None:
    falling = replace(made(per_day=16.4), bstar=0.002)
    lines = find_passes([orbit(falling)], [SITE, POLE], START, START + 60 * DAY_S)
    states = teme_states(orbit(falling), START + np.arange(0, 60 * DAY_S, 600.0))
    assert np.isnan(states).any(), "it was to decay"
    last = START + 600.0 * np.flatnonzero(np.isfinite(states[:, 0]))[-1]
    assert lines.set_s.max() <= last + 1200.0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"end": START}, InputError),
        ({"end": START + 500 * DAY_S}, InputError),
        ({"end": float("nan")}, InputError),
        ({"min_elevation_deg": 90.0}, InputError),
        ({"min_elevation_deg": -1.0}, InputError),
        ({"step_s": 0.0}, InputError),
        ({"sites": [Site(id="X", name="x", lon_deg=0.0, lat_deg=91.0)]}, InputError),
        ({"count": 2_000, "end": START + 300 * DAY_S}, LimitError),
    ],
)
def test_what_cannot_be_searched_says_so(changes: dict[str, object], error: type[Exception]) -> None:
    asked: dict[str, object] = {"end": START + DAY_S, "sites": [SITE], "count": 1, **changes}
    end, sites, count = asked.pop("end"), asked.pop("sites"), asked.pop("count")
    assert isinstance(end, float)
    assert isinstance(sites, list)
    assert isinstance(count, int)
    with pytest.raises(error):
        find_passes([orbit(made())] * count, sites, START, end, **asked)


def test_nothing_to_search_gives_nothing() -> None:
    for found in (
        find_passes([], [SITE], START, START + 60.0),
        find_passes([orbit(made())], [], START, START + 60.0),
    ):
        assert found.rise_s.size == 0
        assert found.timed().size == 0


def skyfield_passes(one: ElementSet, site: Site, start: float, end: float, least_deg: float) -> np.ndarray:
    """Rise and set (2, N) of whole passes by skyfield's own search."""
    api = pytest.importorskip("skyfield.api", reason="skyfield, the oracle, is not installed")
    scale = api.load.timescale(builtin=True)
    satellite = api.EarthSatellite.from_satrec(satrec(one), scale)
    place = api.wgs84.latlon(site.lat_deg, site.lon_deg, elevation_m=site.alt_m or 0.0)
    times, events = satellite.find_events(
        place, scale.from_datetime(to_datetime(start)), scale.from_datetime(to_datetime(end)),
        altitude_degrees=least_deg,
    )  # fmt: skip
    seconds = np.array([t.timestamp() for t in times.utc_datetime()])
    rows, rise = [], None
    for event, when in zip(events, seconds, strict=True):
        if event == 0:
            rise = when
        elif event == 2 and rise is not None:
            rows.append((rise, when))
            rise = None
    return np.array(rows).T if rows else np.empty((2, 0))


def whole(found: Passes) -> np.ndarray:
    keep = found.edge == 0
    return np.stack([found.rise_s[keep], found.set_s[keep]])


@pytest.mark.parametrize("site", [SITE, SOUTH, SEAM], ids=lambda s: s.id)
@pytest.mark.parametrize("one", [made(), made(per_day=14.2, inclination_deg=84.0)], ids=["low", "higher"])
def test_passes_are_skyfields(site: Site, one: ElementSet) -> None:
    end = START + 3.0 * DAY_S
    ours = whole(find_passes([orbit(one)], [site], START, end))
    theirs = skyfield_passes(one, site, START, end, 10.0)
    assert ours.shape == theirs.shape
    assert ours.shape[1] > 5
    assert np.abs(ours - theirs).max() < SECOND


def test_passes_of_real_sets_are_skyfields(test_data: Path) -> None:
    sets = read_elements([test_data / "tle" / "cn_payloads_2023-03-26.tle"]).sets
    start = parse_utc("2023-03-26T00:00Z")
    low = [o for o in choose_orbits(sets, start, start + DAY_S) if o.sets[0].mean_alt_m < 1.5e6][::60]
    assert len(low) >= 4
    for one in low:
        ours = whole(find_passes([one], [SITE], start, start + 3.0 * DAY_S))
        theirs = skyfield_passes(one.sets[0], SITE, start, start + 3.0 * DAY_S, 10.0)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < SECOND

"""The streamed views against looks at a fine clock, closed forms, and themselves in other blocks."""

import numpy as np
import pytest

from overflight.compiled import threads
from overflight.errors import OverflightError
from overflight.exposure.geometry import LIGHT, RADIO, STRAIGHT
from overflight.exposure.looks import member_looks
from overflight.exposure.view import Block, ensemble_blocks, view_sites
from overflight.geo import lonlat, unit_vector
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import make_ensemble

T0 = 1_675_000_000.0
# On the equator the surface curves east-west with the radius of the equator.
EQUATOR_M = 6378137.0


def site(lon=0.0, lat=0.0, alt=0.0, id="S"):
    return Site(id=id, name=id, lon_deg=lon, lat_deg=lat, alt_m=alt, source="test")


def block(lon, lat, alt=18_000.0, weight=None):
    lon, lat, alt = (np.atleast_2d(a).astype(float) for a in np.broadcast_arrays(lon, lat, alt))
    return Block(lon, lat, alt, np.full(len(lon), 1.0 / len(lon)) if weight is None else np.asarray(weight))


def wandering(members, times, seed, *, step_deg=0.6):
    """Random smooth paths about a place, kept as float32 as an ensemble keeps them."""
    rng = np.random.default_rng(seed)
    turn = np.cumsum(rng.normal(0.0, 0.3, (members, times)), axis=1) + rng.uniform(0, 6.3, (members, 1))
    lon = 10.0 + np.cumsum(step_deg * np.cos(turn), axis=1)
    lat = 45.0 + np.clip(np.cumsum(0.7 * step_deg * np.sin(turn), axis=1), -30, 40)
    alt = 18_000.0 + np.cumsum(rng.normal(0, 150, (members, times)), axis=1)
    return tuple(a.astype(np.float32).astype(float) for a in (lon, lat, alt))


def ensemble_of(time_s, lon, lat, alt):
    aloft = np.isfinite(lon)
    return make_ensemble(
        kind="posterior",
        time_s=time_s,
        lon_deg=lon,
        lat_deg=lat,
        alt_m=alt,
        pressure_pa=np.where(aloft, 7e3, np.nan),
        status=np.where(aloft, 0, 2),
    )


def finely(values, between):
    """Linear between samples, (M, T) to (M, (T - 1) * between + 1)."""
    times = np.arange(values.shape[1], dtype=float)
    fine = np.linspace(0, times[-1], (times.size - 1) * between + 1)
    return np.array([np.interp(fine, times, row) for row in values])


def great_circles(lon, lat, between):
    """Places at even times along the great circles between samples."""
    a, b = unit_vector(lon[:, :-1], lat[:, :-1]), unit_vector(lon[:, 1:], lat[:, 1:])
    angle = np.arccos(np.clip((a * b).sum(0), -1, 1))[..., None]
    f = np.arange(between) / between
    way = np.sin((1 - f) * angle) * a[..., None] + np.sin(f * angle) * b[..., None]
    fine_lon, fine_lat = lonlat(way.reshape(3, len(lon), -1))
    return (
        np.concatenate([fine_lon, lon[:, -1:]], axis=1),
        np.concatenate([fine_lat, lat[:, -1:]], axis=1),
    )


def rough_mask(seed):
    rng = np.random.default_rng(seed)
    azimuth = np.arange(0.0, 360.0, 5.0)
    return SiteMask(azimuth, rng.uniform(-0.3, 4.0, azimuth.size))


def test_entry_and_exit_are_found_to_the_second_between_hourly_samples():
    """At h above a circle of radius R the horizon is acos(R / (R + h)) away; a degree takes ten hours."""
    lon = np.linspace(-10, 10, 201)
    views = view_sites(T0 + 3600.0 * np.arange(201), [block(lon, 0.0)], [site()], air=STRAIGHT)
    horizon_deg = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))
    assert views.first_s[0, 0] == pytest.approx(T0 + (10 - horizon_deg) * 36_000, abs=1.0)
    assert views.last_s[0, 0] == pytest.approx(T0 + (10 + horizon_deg) * 36_000, abs=1.0)
    assert views.in_view_s[0, 0] == pytest.approx(20 * horizon_deg * 3600, abs=2.0)
    assert views.range_m[0, 0] == pytest.approx(18_000.0, abs=0.01)
    # 42.99 hours either side of the middle: the samples from -42 to 42.
    assert views.probability[0].sum() == pytest.approx(2 * int(horizon_deg * 10) + 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("air", [LIGHT, RADIO])
def test_hours_are_those_of_looks_at_a_fine_clock(seed, air):
    """Ten-minute samples against looks every five seconds on the same great circles; a rough horizon."""
    lon, lat, alt = wandering(6, 40, seed, step_deg=0.15)
    time_s = T0 + 600.0 * np.arange(40)
    mask = rough_mask(seed)
    place = site(10.0, 45.5, 400.0)
    views = view_sites(time_s, [block(lon, lat, alt)], [place], air=air, masks={"S": mask})
    every = 120
    fine_lon, fine_lat = great_circles(lon, lat, every)
    fine = np.linspace(time_s[0], time_s[-1], fine_lon.shape[1])
    looks = member_looks(ensemble_of(fine, fine_lon, fine_lat, finely(alt, every)), place, air=air, mask=mask)
    seen = looks.visible
    step = fine[1] - fine[0]
    hours = (0.5 * (seen[:, 1:].astype(float) + seen[:, :-1])).sum(1) * step
    assert seen.any()
    np.testing.assert_array_equal(views.seen[0], seen.any(1))
    # float32 longitudes of the fine ensemble are 0.1 m, a moment; a notch of the mask may be cut short.
    np.testing.assert_allclose(np.nan_to_num(views.in_view_s[0]), hours, atol=30.0)
    rows = np.flatnonzero(seen.any(1))
    first = fine[np.argmax(seen, axis=1)][rows]
    last = fine[seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)][rows]
    np.testing.assert_allclose(views.first_s[0, rows], first, atol=1.5 * step)
    np.testing.assert_allclose(views.last_s[0, rows], last, atol=1.5 * step)
    np.testing.assert_allclose(views.highest_deg[0], np.nanmax(looks.elevation_deg, axis=1), atol=0.1)
    np.testing.assert_allclose(views.range_m[0], np.nanmin(looks.range_m, axis=1), rtol=1e-4, atol=5.0)


def test_the_probability_at_each_time_is_that_of_the_looks():
    lon, lat, alt = wandering(90, 50, 3)
    lon[::7, 30:], lat[::7, 30:], alt[::7, 30:] = np.nan, np.nan, np.nan
    time_s = T0 + 1800.0 * np.arange(50)
    ensemble = ensemble_of(time_s, lon, lat, alt)
    sites = [site(10.0 + n, 44.0 + n, 300.0 * n, id=f"s{n}") for n in range(4)]
    masks = {"s1": rough_mask(1), "s3": rough_mask(2)}
    views = view_sites(time_s, ensemble_blocks(ensemble), sites, masks=masks)
    for n, place in enumerate(sites):
        looks = member_looks(ensemble, place, mask=masks.get(place.id))
        np.testing.assert_allclose(views.probability[n], looks.probability, atol=1e-12)
        assert looks.probability.max() > 0.1
        ends = np.maximum(looks.visible[:, 1:], looks.visible[:, :-1])
        whole = np.isfinite(lon[:, 1:]) & np.isfinite(lon[:, :-1])
        assert (views.during[n] >= (ends & whole).mean(0) - 1e-12).all()
    assert views.aloft[0] == pytest.approx(1.0)
    assert views.aloft[-1] == pytest.approx(1.0 - 13 / 90)


def test_blocks_and_cores_do_not_change_the_answer():
    lon, lat, alt = wandering(70, 60, 5)
    time_s = T0 + 900.0 * np.arange(60)
    ensemble = ensemble_of(time_s, lon, lat, alt)
    places, masks = [site(10.0, 45.0), site(12.0, 46.0, id="T")], {"S": rough_mask(9)}
    answers = []
    for count, size in ((1, 64), (2, 64), (2, 7)):
        with threads(count):
            answers.append(view_sites(time_s, ensemble_blocks(ensemble, size), places, masks=masks))
    for other in answers[1:]:
        np.testing.assert_array_equal(answers[0].in_view_s, other.in_view_s)
        np.testing.assert_array_equal(answers[0].near_s, other.near_s)
    np.testing.assert_array_equal(answers[0].probability, answers[1].probability)
    np.testing.assert_allclose(answers[0].probability, answers[2].probability, rtol=1e-13)


def test_a_notch_of_the_horizon_between_two_samples_is_found():
    """Hourly samples either side of a gap of ten degrees in a ridge: in view for the part of the hour that
    the bearing is in the gap.
    """
    ridge = SiteMask(np.array([0.0, 354.9, 355.0]), np.array([-1.0, 20.0, -1.0]))
    azimuth = np.array([0.0, 5.0, 5.1, 354.9, 355.0])
    ridge = SiteMask(azimuth, np.array([0.0, 0.0, 40.0, 40.0, 0.0]))
    # Passes 100 km north of the site: bearings from -45 to 45 degrees in two hours.
    lon = np.array([[-0.9, 0.9]])
    time_s = T0 + np.array([0.0, 7200.0])
    views = view_sites(time_s, [block(lon, 0.9)], [site()], masks={"S": ridge})
    assert views.seen.all()
    gap_s = 2 * np.tan(np.radians(5.0)) * 7200.0 / 2.0
    assert views.in_view_s[0, 0] == pytest.approx(gap_s, rel=0.03)
    assert views.probability[0].tolist() == [0.0, 0.0]
    assert views.during[0].tolist() == [1.0]
    assert views.first_s[0, 0] + views.last_s[0, 0] == pytest.approx(2 * T0 + 7200.0, abs=5.0)


def test_a_pass_between_two_samples_below_the_horizon_is_found():
    """Six degrees either side, 1 degree off: neither sample has it, the closest approach does."""
    views = view_sites(T0 + np.array([0.0, 7200.0]), [block([[-6.0, 6.0]], 1.0)], [site()], air=STRAIGHT)
    angle = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))
    half = np.degrees(np.arccos(np.cos(np.radians(angle)) / np.cos(np.radians(1.0))))
    assert views.in_view_s[0, 0] == pytest.approx(2 * half / 12.0 * 7200.0, rel=5e-3)
    assert views.probability[0].tolist() == [0.0, 0.0]


def test_members_that_rest_or_have_gaps():
    lon = np.array([[1.0, 1.0, np.nan, 1.0, 1.0], [np.nan] * 5])
    lat = np.where(np.isfinite(lon), 0.0, np.nan)
    views = view_sites(T0 + 60.0 * np.arange(5), [block(lon, lat)], [site()])
    assert views.in_view_s[0, 0] == pytest.approx(120.0)
    assert views.first_s[0, 0] == T0
    assert views.last_s[0, 0] == T0 + 240.0
    assert not views.seen[0, 1]
    assert np.isnan([views.in_view_s[0, 1], views.highest_deg[0, 1], views.near_s[0, 1]]).all()
    assert views.aloft.tolist() == [0.5, 0.5, 0.0, 0.5, 0.5]


def test_no_members_and_no_sites():
    time_s = T0 + 60.0 * np.arange(3)
    assert view_sites(time_s, [], [site()]).probability.tolist() == [[0.0, 0.0, 0.0]]
    assert view_sites(time_s, [block(np.zeros((2, 3)), 0.0)], []).in_view_s.shape == (0, 2)


@pytest.mark.parametrize(
    "bad",
    [block(np.zeros((2, 4)), 0.0), block(np.zeros((2, 3)), 0.0, weight=[1.0]), block(np.zeros((2, 3)), 91.0)],
)
def test_blocks_that_do_not_fit_are_refused(bad):
    with pytest.raises(OverflightError):
        view_sites(T0 + 60.0 * np.arange(3), [bad], [site()])

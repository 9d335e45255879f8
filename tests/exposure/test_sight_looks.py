"""Looks of members from a site: three libraries' vectors, traced horizons, and what hides."""

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.exposure.geometry import LIGHT, RADIO, STRAIGHT, horizon_m, trace
from overflight.exposure.looks import (
    BEHIND_TERRAIN,
    BELOW_LEAST,
    BELOW_LEVEL,
    IN_VIEW,
    NOT_ALOFT,
    member_looks,
)
from overflight.geo import destination
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import make_ensemble

T0 = 1_675_000_000.0


def site(lon=0.0, lat=0.0, alt=0.0):
    return Site(id="S", name="S", lon_deg=lon, lat_deg=lat, alt_m=alt, source="test")


def places(lon, lat, alt, **keywords):
    lon, lat, alt = (np.atleast_2d(a).astype(float) for a in np.broadcast_arrays(lon, lat, alt))
    aloft = np.isfinite(lon)
    return make_ensemble(
        kind="posterior",
        time_s=T0 + 60.0 * np.arange(lon.shape[1]),
        lon_deg=lon,
        lat_deg=lat,
        alt_m=alt,
        pressure_pa=np.where(aloft, 7e3, np.nan),
        status=np.where(aloft, 0, 2),
        **keywords,
    )


# exposure.md 1.3: a balloon at 46 N, 110 W, 18,300 m; pymap3d 3.2.0 = skyfield 1.55 = pyproj 3.7.2.
TABLE = [
    ((-111.1872, 47.5047, 1057.0), 151.095621, 4.314626, 191338.513),
    ((-103.1036, 44.1450, 1000.0), 293.206315, -0.902009, 581575.730),
    ((-95.9125, 41.1183, 319.0), 300.229833, -4.833275, 1258387.265),
]


@pytest.mark.parametrize(("place", "bearing", "elevation", "away"), TABLE)
def test_straight_lines_are_those_of_three_libraries(place, bearing, elevation, away):
    looks = member_looks(places(-110.0, 46.0, 18_300.0), site(*place), air=STRAIGHT)
    assert looks.bearing_deg[0, 0] == pytest.approx(bearing, abs=1e-6)
    assert looks.elevation_deg[0, 0] == pytest.approx(elevation, abs=1e-6)
    assert looks.range_m[0, 0] == pytest.approx(away, abs=1e-3)
    assert looks.above_site_m[0, 0] == pytest.approx(18_300.0 - place[2])


def random_looks(count=200, seed=5):
    rng = np.random.default_rng(seed)
    lon0, lat0 = rng.uniform(-180, 180), rng.uniform(-89, 89)
    lon, lat = destination(lon0, lat0, rng.uniform(0, 360, count), rng.uniform(1e3, 9e5, count))
    alt = rng.uniform(2e3, 4e4, count)
    ensemble = places(lon, lat, alt)
    kept = (ensemble[n].values[0].astype(float) for n in ("lon", "lat", "alt_m"))
    return site(lon0, lat0, 700.0), ensemble, *kept


@pytest.mark.parametrize("seed", range(5))
def test_straight_lines_are_those_of_pymap3d(seed):
    pymap3d = pytest.importorskip("pymap3d", reason="pymap3d (the extra oracles) is not installed")
    place, ensemble, lon, lat, alt = random_looks(seed=seed)
    looks = member_looks(ensemble, place, air=STRAIGHT)
    az, el, away = pymap3d.geodetic2aer(lat, lon, alt, place.lat_deg, place.lon_deg, 700.0)
    turn = (looks.bearing_deg[0] - az + 180.0) % 360.0 - 180.0
    assert np.abs(turn).max() < 1e-7
    assert np.abs(looks.elevation_deg[0] - el).max() < 1e-9
    assert np.abs(looks.range_m[0] - away).max() < 1e-4


def test_straight_lines_are_those_of_skyfield():
    api = pytest.importorskip("skyfield.api", reason="skyfield (the extra oracles) is not installed")
    place, ensemble, lon, lat, alt = random_looks(count=20)
    looks = member_looks(ensemble, place, air=STRAIGHT)
    time = api.load.timescale(builtin=True).utc(2023, 1, 29)
    there = api.wgs84.latlon(place.lat_deg, place.lon_deg, 700.0)
    for n in range(20):
        balloon = api.wgs84.latlon(lat[n], lon[n], alt[n])
        el, az, away = (balloon - there).at(time).altaz()
        # Skyfield turns through the inertial frame, and keeps a few digits less.
        assert looks.elevation_deg[0, n] == pytest.approx(el.degrees, abs=1e-5)
        assert looks.bearing_deg[0, n] == pytest.approx(az.degrees, abs=1e-5)
        assert looks.range_m[0, n] == pytest.approx(away.m, abs=1.0)


# exposure.md 1.1: ray-traced horizons over sea level, km.
HORIZONS = [(10e3, 405.51, 395.11), (18e3, 535.52, 523.77), (20e3, 562.70, 550.75), (30e3, 680.36, 667.75)]


@pytest.mark.parametrize(("alt", "radio_km", "light_km"), HORIZONS)
@pytest.mark.parametrize("air", [RADIO, LIGHT])
def test_a_flight_is_in_view_up_to_the_traced_horizon(alt, radio_km, light_km, air):
    """On the ellipsoid, whose radius of curvature eastward at 30 N is 6383 km: within 0.3 % of the sphere."""
    away = (radio_km if air is RADIO else light_km) * 1e3
    lon, lat = destination(0.0, 30.0, 90.0, away * np.array([0.995, 1.005]))
    looks = member_looks(places(lon, lat, alt), site(lat=30.0), air=air)
    assert looks.visible.tolist() == [[True, False]]
    assert looks.status.tolist() == [[IN_VIEW, BELOW_LEVEL]]


def test_the_trap_of_a_site_on_high_ground():
    """exposure.md 1.3, middle site: -0.9 degrees below its level plane. It is in view only if the ground
    between falls away, as a horizon that is seen below the level plane says.
    """
    ensemble, place = places(-110.0, 46.0, 18_300.0), site(-103.1036, 44.1450, 1000.0)
    assert horizon_m(17_300.0, air=RADIO) < 580_641.824 < horizon_m(18_300.0, 1000.0, air=RADIO)
    assert not member_looks(ensemble, place, air=RADIO).visible.any()
    falls = SiteMask(np.array([0.0]), np.array([-1.0]))
    assert member_looks(ensemble, place, air=RADIO, mask=falls).visible.all()
    # A least elevation that is asked for holds all the same.
    assert not member_looks(ensemble, place, air=RADIO, mask=falls, min_elevation_deg=0.0).visible.any()


@pytest.mark.parametrize("air", [RADIO, LIGHT])
@pytest.mark.parametrize("leaving", [0.0, 0.5, 3.0, 20.0])
def test_apparent_elevations_are_those_of_a_traced_ray(air, leaving):
    """The ray says under which straight elevation it arrives; the table of bending must give it back."""
    ray = trace(leaving, 20_000.0, 300.0, air=air)
    # On the sphere of the trace: from the straight line's range and elevation, put on the ellipsoid's level.
    e = np.radians(float(ray.elevation_deg))
    level, up = float(ray.range_m) * np.cos(e), float(ray.range_m) * np.sin(e)
    from overflight.geo import ecef, lonlat

    # At the pole the ellipsoid is nearest a sphere about its own centre of curvature: take what stands there.
    base = ecef(0.0, 90.0, 300.0) + np.array([level, 0.0, up])
    radius = np.hypot(base[0], base[2])
    lon, lat = lonlat(base)
    # Geodetic from geocentric by iteration.
    for _ in range(20):
        here = ecef(lon, lat, 20_000.0)
        lat = lat + np.degrees(np.arctan2(base[2], base[0]) - np.arctan2(here[2], here[0]))
    alt = 20_000.0 + radius - np.hypot(here[0], here[2])
    looks = member_looks(places(float(lon), float(lat), float(alt)), site(0.0, 90.0, 300.0), air=air)
    assert looks.elevation_deg[0, 0] == pytest.approx(leaving, abs=0.01)


def test_a_site_at_the_pole_has_its_meridian_for_north():
    ensemble = places([0.0, 90.0, -90.0, 180.0], 88.0, 18_000.0)
    looks = member_looks(ensemble, site(lon=0.0, lat=90.0))
    # North of a place at the pole is along its meridian, away over the top: what stands on it is south.
    assert looks.bearing_deg[0] == pytest.approx([180.0, 90.0, 270.0, 0.0], abs=1e-6)
    assert looks.visible.all()
    assert np.ptp(looks.elevation_deg) < 1e-9


def test_members_that_do_not_fly_have_no_looks():
    lon = np.array([[0.5, np.nan], [np.nan, np.nan]])
    looks = member_looks(
        places(lon, np.where(np.isfinite(lon), 0, np.nan), np.where(np.isfinite(lon), 18e3, np.nan)), site()
    )
    assert looks.status.tolist() == [[IN_VIEW, NOT_ALOFT], [NOT_ALOFT, NOT_ALOFT]]
    assert np.isnan(looks.elevation_deg[1]).all()
    assert not looks.visible[1].any()
    assert looks.probability.tolist() == [0.5, 0.0]


def test_a_site_above_the_balloon_looks_down_at_it():
    """A balloon at 2 km from a place at 4 km, 50 km away: -2.29 straight, -0.22 more for the curve of the
    Earth, lifted by half its angle at the centre times the bending of a ray (0.13 at 4 km), 0.03.
    """
    lon, lat = destination(0.0, 0.0, 90.0, 50_000.0)
    ensemble, high = places(lon, lat, 2_000.0), site(alt=4_000.0)
    looks = member_looks(ensemble, high)
    straight = member_looks(ensemble, high, air=STRAIGHT).elevation_deg[0, 0]
    assert straight == pytest.approx(-2.29 - 0.225, abs=0.02)
    # By reciprocity the whole bending of the ray between them, traced upward from the lower one.
    rays = trace(np.linspace(1.9, 2.2, 301), 4_000.0, 2_000.0, air=LIGHT)
    n = int(np.argmin(np.abs(rays.ground_m - 50_000.0)))
    whole = np.degrees(rays.ground_m[n] / 6371008.8) * 0.22 * np.exp(-3000 / 8000)
    assert looks.elevation_deg[0, 0] - straight == pytest.approx(0.5 * whole, abs=0.01)
    assert not looks.visible.any()
    assert member_looks(ensemble, high, min_elevation_deg=-3.0).visible.all()


def test_why_a_member_is_not_in_view():
    lon, lat = destination(0.0, 0.0, 90.0, np.array([50e3, 200e3, 400e3, 900e3]))
    ensemble = places(lon, lat, 18_000.0)
    ridge = SiteMask(np.array([0.0]), np.array([3.0]))
    looks = member_looks(ensemble, site(), mask=ridge, min_elevation_deg=10.0)
    assert looks.status.tolist() == [[IN_VIEW, BELOW_LEAST, BEHIND_TERRAIN, BELOW_LEVEL]]


@pytest.mark.parametrize("least", [-5.1, 90.1, float("nan")])
def test_a_least_elevation_that_is_none_is_refused(least):
    with pytest.raises(InputError, match="Give"):
        member_looks(places(0.0, 0.0, 18e3), site(), min_elevation_deg=least)


def test_the_sun_stands_where_nrel_has_it():
    """NREL SPA case: 2003-10-17 12:30:30 UTC-7, 39.742476 N 105.1786 W: zenith 50.111622 with refraction.

    Refraction lifts by 0.0165 degrees there, so 39.872 straight; ours is good to 0.01.
    """
    ensemble = places(-105.0, 39.7, 18e3).assign_coords(
        time=("time", np.array(["2003-10-17T19:30:30"], "datetime64[ns]"))
    )
    looks = member_looks(ensemble, site(-105.1786, 39.742476, 1830.14))
    assert looks.sun_elevation_deg[0] == pytest.approx(90.0 - 50.111622 - 0.0165, abs=0.01)

"""Line of sight against closed forms: the horizon of a sphere, a pass overhead, a pass at a distance."""

import numpy as np
import pytest
from pyproj import Geod

from overflight.errors import OverflightError
from overflight.exposure import sight
from overflight.exposure.geometry import LIGHT, RADIO, STRAIGHT, horizon_m
from overflight.exposure.looks import member_looks
from overflight.places.sites import Site
from overflight.records import make_ensemble

GEOD = Geod(ellps="WGS84")
T0 = 1_675_000_000.0
HOUR = 3600.0
RADIUS_M = 6371008.8

# On the equator the surface curves east-west with the radius of the equator.
EQUATOR_M = 6378137.0


def site(lon=0.0, lat=0.0, alt=0.0, id="S"):
    return Site(id=id, name=id, lon_deg=lon, lat_deg=lat, alt_m=alt, source="test")


def fly(lon, lat, *, alt=18_000.0, step_s=HOUR, **keywords):
    lon, lat = np.atleast_2d(np.asarray(lon, float)), np.atleast_2d(np.asarray(lat, float))
    aloft = np.isfinite(lon)
    return make_ensemble(
        kind=keywords.pop("kind", "posterior"),
        time_s=T0 + step_s * np.arange(lon.shape[1]),
        lon_deg=lon,
        lat_deg=lat,
        alt_m=np.where(aloft, alt, np.nan),
        pressure_pa=np.where(aloft, 7e3, np.nan),
        status=np.where(aloft, 0, 2),
        **keywords,
    )


def along_equator(*, members=6, span=10.0, steps=201, lon0=0.0, lat=0.0, **keywords):
    """`members` equal paths from `span` degrees west of a place to as far east of it."""
    lon = lon0 + np.linspace(-span, span, steps) + np.zeros((members, 1))
    return fly(lon, np.full(lon.shape, lat), **keywords)


def sight_windows(ensemble, sites, *, refraction="geometric", **keywords):
    """Straight lines, which closed forms are of."""
    return sight.sight_windows(ensemble, sites, refraction=refraction, **keywords)


def finding(result, quantity):
    return {f.id: f for f in result.findings}[quantity]


def test_the_window_of_a_pass_overhead_is_the_horizon_in_closed_form():
    """At h above a circle of radius R the horizon is acos(R / (R + h)) away; a degree takes ten hours."""
    result = sight_windows(along_equator(), [site()])
    view = result.by_site["S"]
    horizon_deg = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))
    assert horizon_deg * np.pi / 180 * EQUATOR_M == pytest.approx(478.4e3, rel=1e-3)
    first, last = T0 + (10.0 - horizon_deg) * 10 * HOUR, T0 + (10.0 + horizon_deg) * 10 * HOUR
    # Samples are an hour apart; the elevation is interpolated linearly between them, good to seconds.
    assert view.first_s == pytest.approx(np.full(6, first), abs=20.0)
    assert view.last_s == pytest.approx(np.full(6, last), abs=20.0)
    assert view.in_view_s == pytest.approx(np.full(6, 20 * horizon_deg * HOUR), abs=40.0)
    assert view.closest_m == pytest.approx(np.zeros(6), abs=2.0)
    assert view.highest_deg == pytest.approx(np.full(6, 90.0), abs=0.01)
    assert finding(result, "exposure.S.in_view_probability").value["p"] == pytest.approx(1.0)
    assert finding(result, "exposure.S.hours_in_view").value["p50"] == pytest.approx(
        20 * horizon_deg, abs=0.02
    )


@pytest.mark.parametrize("lon0", [0.0, 180.0, -179.5, 90.0])
def test_the_seam_changes_nothing(lon0):
    view = sight_windows(along_equator(lon0=lon0), [site(lon=lon0)]).by_site["S"]
    horizon_deg = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))
    assert view.in_view_s == pytest.approx(np.full(6, 20 * horizon_deg * HOUR), abs=40.0)


def test_a_pass_over_a_site_at_the_pole():
    angle = 80.0 + 0.1 * np.arange(201) + np.zeros((6, 1))
    lat, lon = np.where(angle > 90, 180.0 - angle, angle), np.where(angle > 90, -150.0, 30.0)
    view = sight_windows(fly(lon, lat), [site(lon=77.0, lat=90.0)]).by_site["S"]
    # The curvature radius at the pole is a²/b.
    radius = 6378137.0**2 / 6356752.314245
    horizon_deg = np.degrees(np.arccos(radius / (radius + 18_000.0)))
    assert view.in_view_s == pytest.approx(np.full(6, 20 * horizon_deg * HOUR), rel=2e-3)
    assert view.closest_m == pytest.approx(np.zeros(6), abs=5.0)


def test_closest_approach_lies_between_samples():
    """Five degrees a step past a site half-way between samples and 1 degree north of the path."""
    lon = np.array([-7.5, -2.5, 2.5, 7.5]) + np.zeros((6, 1))
    result = sight_windows(fly(lon, 0 * lon), [site(lat=1.0)])
    view = result.by_site["S"]
    assert view.closest_m == pytest.approx(np.full(6, GEOD.inv(0, 0, 0, 1)[2]), abs=5.0)
    assert view.closest_s == pytest.approx(np.full(6, T0 + 1.5 * HOUR), abs=5.0)
    # In the triangle of site, Earth's centre and balloon.
    angle = np.radians(1.0)
    ratio = RADIUS_M / (RADIUS_M + 18_000.0)
    high = np.degrees(np.arctan2(np.cos(angle) - ratio, np.sin(angle)))
    assert view.highest_deg == pytest.approx(np.full(6, high), abs=0.1)
    assert finding(result, "exposure.S.closest_range").unit == "m"


def test_a_site_beyond_the_horizon_is_never_in_view():
    result = sight_windows(along_equator(), [site(lat=5.0)])
    probability = finding(result, "exposure.S.in_view_probability")
    assert probability.value == {"p": 0.0}
    assert finding(result, "exposure.S.hours_in_view").kind == "undetermined"
    closest = finding(result, "exposure.S.closest_range").value["p50"]
    assert closest == pytest.approx(GEOD.inv(0, 0, 0, 5)[2], rel=1e-6)
    assert result.rows[0]["hours"] is None
    assert finding(result, "exposure.S.max_elevation").value["p50"] < 0
    assert result.rows[0]["closest_range_km"]["p50"] == pytest.approx(closest / 1e3)
    assert set(result.rows[0]["finding_ids"]) <= {f.id for f in result.findings}


@pytest.mark.parametrize(("refraction", "air", "longer"), [("light", LIGHT, 1.095), ("radio", RADIO, 1.1195)])
def test_the_air_widens_the_window_to_the_traced_horizon(refraction, air, longer):
    """exposure.md 1.1, 18 km: 478.35 km straight, 523.77 km light, 535.52 km radio; 1.155 for a 4/3 earth."""
    plain = sight_windows(along_equator(), [site()]).by_site["S"].in_view_s
    lifted = sight_windows(along_equator(), [site()], refraction=refraction).by_site["S"].in_view_s
    assert lifted / plain == pytest.approx(np.full(6, longer), rel=2e-3)
    traced = horizon_m(18_000.0, air=air) / horizon_m(18_000.0, air=STRAIGHT)
    assert lifted / plain == pytest.approx(np.full(6, traced), rel=1e-3)


def test_light_is_what_is_taken_and_a_4_3_earth_is_refused():
    given = finding(sight.sight_windows(along_equator(), [site()]), "exposure.S.hours_in_view").given
    assert given["refraction"] == "light"
    with pytest.raises(OverflightError, match="too far"):
        sight.sight_windows(along_equator(), [site()], refraction="4/3")


def test_a_least_elevation_narrows_the_window():
    """Elevation e of a balloon at h: angle = acos(R cos e / (R + h)) - e."""
    least = np.radians(20.0)
    angle = np.degrees(np.arccos(EQUATOR_M * np.cos(least) / (EQUATOR_M + 18_000.0)) - least)
    ensemble = along_equator(span=2.0, steps=401)
    view = sight_windows(ensemble, [site()], min_elevation_deg=20.0).by_site["S"]
    # 400 hours for 4 degrees.
    assert view.in_view_s == pytest.approx(np.full(6, 2 * angle * 100 * HOUR), rel=2e-3)


def test_a_high_plateau_has_the_horizon_of_its_own_level_plane():
    """From a site at s the angle to the horizon is acos((R + s) / (R + h)): a plateau sees less far."""
    angle = np.degrees(np.arccos((EQUATOR_M + 2000.0) / (EQUATOR_M + 18_000.0)))
    view = sight_windows(along_equator(), [site(alt=2000.0)]).by_site["S"]
    assert view.in_view_s == pytest.approx(np.full(6, 20 * angle * HOUR), abs=40.0)
    there = fly([[angle]], [[0.0]])
    looks = member_looks(there, site(alt=2000.0), air=STRAIGHT)
    # The ensemble keeps float32 longitudes: 2e-7 of 4 degrees.
    assert looks.elevation_deg[0, 0] == pytest.approx(0.0, abs=2e-6)


def test_members_that_end_or_never_fly():
    lon = np.linspace(-10, 10, 201) + np.zeros((8, 1))
    lon[:, 101:] = np.nan
    lon[7] = np.nan
    ensemble = fly(lon, np.where(np.isfinite(lon), 0.0, np.nan))
    view = sight_windows(ensemble, [site()]).by_site["S"]
    horizon_deg = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))
    assert view.in_view_s[:7] == pytest.approx(np.full(7, 10 * horizon_deg * HOUR), abs=40.0)
    assert view.last_s[:7] == pytest.approx(np.full(7, T0 + 100 * HOUR), abs=1.0)
    assert not view.seen[7]
    assert np.isnan(view.closest_m[7])


def test_a_life_of_one_sample_is_seen_for_a_moment():
    lon = np.full((6, 3), np.nan)
    lon[:, 1] = 1.0
    view = sight_windows(fly(lon, np.where(np.isfinite(lon), 0.0, np.nan)), [site()]).by_site["S"]
    assert view.seen.all()
    assert view.in_view_s.tolist() == [0.0] * 6
    assert view.first_s.tolist() == [T0 + HOUR] * 6
    assert view.closest_m == pytest.approx(np.full(6, GEOD.inv(0, 0, 1, 0)[2]), abs=2.0)


def test_weights_and_few_members():
    lat = np.repeat([0.0, 30.0], 10)[:, None] + np.zeros(201)
    lon = np.linspace(-10, 10, 201) + np.zeros((20, 1))
    weight = np.repeat([1.0, 3.0], 10)
    result = sight_windows(fly(lon, lat, weight=weight), [site()])
    assert finding(result, "exposure.S.in_view_probability").value["p"] == pytest.approx(0.25)
    two = sight_windows(along_equator(members=2), [site()])
    assert finding(two, "exposure.S.closest_time").kind == "undetermined"


def test_what_is_left_out_is_said_and_an_unknown_altitude_too():
    unknown = Site(id="U", name="U", lon_deg=0.0, lat_deg=0.0, alt_m=None, source="x")
    result = sight_windows(along_equator(), [site(), unknown])
    known, assumed = (finding(result, f"exposure.{i}.in_view_probability").reason for i in "SU")
    assert "no terrain" in known
    assert "sea level" not in known
    assert "sea level" in assumed


def test_a_forecast_has_its_own_ids():
    result = sight_windows(along_equator(kind="forecast"), [site()])
    assert {f.id.split(".")[0] for f in result.findings} == {"exposure_forecast"}


@pytest.mark.parametrize(
    "keywords", [{"refraction": "7/6"}, {"min_elevation_deg": 91.0}, {"min_elevation_deg": float("nan")}]
)
def test_settings_out_of_range_are_refused(keywords):
    with pytest.raises(OverflightError, match=r"Use|Give"):
        sight_windows(along_equator(), [site()], **keywords)


def test_an_ensemble_that_never_flies_and_one_of_a_single_time():
    nowhere = np.full((6, 3), np.nan)
    result = sight_windows(fly(nowhere, nowhere), [site()])
    assert finding(result, "exposure.S.in_view_probability").value == {"p": 0.0}
    assert finding(result, "exposure.S.closest_range").kind == "undetermined"
    once = sight_windows(fly(np.full((6, 1), 1.0), np.zeros((6, 1))), [site()])
    assert once.by_site["S"].seen.all()
    assert once.by_site["S"].in_view_s.tolist() == [0.0] * 6

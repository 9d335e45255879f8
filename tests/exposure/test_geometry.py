"""Horizons, ranges and elevations against published and second computations.

"Reference" is the project's table of reference numbers: computed by one implementation and checked against
another, or read in the source named beside.
"""

from __future__ import annotations

import numpy as np
import pytest

from overflight.errors import InputError, OverflightError
from overflight.exposure import geometry
from overflight.exposure.geometry import (
    BELOW_HORIZON,
    LIGHT,
    OUTSIDE_TABLE,
    RADIO,
    SEEN,
    STRAIGHT,
    UNKNOWN_PLACE,
    Refractivity,
    dip_deg,
    effective_k,
    ground_m,
    horizon_m,
    look,
    sky_refraction_deg,
    sky_refraction_from_true_deg,
    slant_m,
    trace,
)
from overflight.geo import horizon_distance_m

# Half a unit of the last digit of the reference, which took R as 6371.0088 km.
LAST_DIGIT_KM = 0.0051

# Section 1.1, target at sea level: height, straight arc, slant, dip, traced radio, traced light, all km.
HORIZON = [
    (1, 112.87, None, None, 131.84, 127.48),
    (5, 252.33, None, None, 290.66, 282.20),
    (10, 356.73, 357.10, 3.208, 405.51, 395.11),
    (15, 436.76, 437.44, 3.928, 491.45, 480.08),
    (18, 478.35, 479.25, 4.302, 535.52, 523.77),
    (18.3, 482.31, 483.23, 4.338, None, None),
    (20, 504.16, 505.21, 4.534, 562.70, 550.75),
    (24, 552.13, 553.52, 4.965, 612.92, 600.65),
    (30, 617.06, 619.00, 5.549, 680.36, 667.75),
    (500, 2445.50, 2573.13, 21.993, 2524.80, 2510.21),
    (600, 2662.66, 2829.35, 23.946, None, None),
]


@pytest.mark.parametrize(("alt_km", "arc", "slant", "dip", "radio", "light"), HORIZON)
def test_the_horizon_of_section_1_1(
    alt_km: float,
    arc: float,
    slant: float | None,
    dip: float | None,
    radio: float | None,
    light: float | None,
) -> None:
    alt = alt_km * 1e3
    assert float(horizon_m(alt, air=STRAIGHT)) / 1e3 == pytest.approx(arc, abs=LAST_DIGIT_KM)
    if slant is not None:
        assert float(slant_m(alt, 0.0)) / 1e3 == pytest.approx(slant, abs=LAST_DIGIT_KM)
        assert float(dip_deg(alt)) == pytest.approx(dip, abs=0.00051)
    if radio is not None:
        assert float(horizon_m(alt, air=RADIO)) / 1e3 == pytest.approx(radio, abs=2 * LAST_DIGIT_KM)
        assert float(horizon_m(alt, air=LIGHT)) / 1e3 == pytest.approx(light, abs=2 * LAST_DIGIT_KM)


@pytest.mark.parametrize(
    ("alt_km", "published"),
    [(5, 293.92), (10, 408.42), (15, 494.29), (18.3, 542.59), (20, 565.62)],
)
def test_the_radio_horizon_against_the_ray_trace_of_p528(alt_km: float, published: float) -> None:
    """Section 1.1, from NTIA's P.528-5 in another atmosphere: the 1 % that climate makes."""
    assert float(horizon_m(alt_km * 1e3)) / 1e3 == pytest.approx(published, rel=0.012)


@pytest.mark.parametrize("alt_km", [18, 20, 24, 30, 500])
def test_four_thirds_is_wrong_at_a_balloons_height(alt_km: float) -> None:
    """Finding 1 of the reference: 582.3 against 562.7 km at 20 km."""
    traced = float(horizon_m(alt_km * 1e3))
    assert float(horizon_distance_m(alt_km * 1e3, refraction_k=4 / 3)) > 1.025 * traced


@pytest.mark.parametrize(
    ("alt_km", "radio", "light"),
    [(10, 1.292, 1.227), (18, 1.253, 1.199), (20, 1.245, 1.193), (30, 1.215, 1.170)],
)
def test_the_effective_radius_of_section_1_1(alt_km: float, radio: float, light: float) -> None:
    # A thousandth of the radius is 0.2 km of horizon.
    assert float(effective_k(alt_km * 1e3)) == pytest.approx(radio, abs=0.001)
    assert float(effective_k(alt_km * 1e3, air=LIGHT)) == pytest.approx(light, abs=0.001)


def test_near_the_ground_the_effective_radius_is_that_of_the_gradient() -> None:
    """k = 1 / (1 - R N0 / h0 / 10⁶) for an even gradient: 1.376 for the mean atmosphere."""
    k = 1.0 / (1.0 - 6371008.8 * 315e-6 / 7350.0)
    assert float(effective_k(1.0)) == pytest.approx(k, abs=0.001)
    assert np.isnan(effective_k([0.0, -1.0, np.nan])).all()


# Section 1.2, straight: elevation, then slant and arc in km for 18, 20, 500 and 600 km.
SLANT = [
    (0, (479.25, 478.35), (505.21, 504.16), (2573.13, 2445.50), (2829.35, 2662.66)),
    (1, (380.79, 379.88), (406.11, 405.05), (2464.34, 2336.70), (2720.34, 2553.65)),
    (2, (305.97, 305.04), (329.63, 328.55), (2360.38, 2232.70), (2615.73, 2449.00)),
    (5, (178.22, 177.06), (195.44, 194.12), (2077.09, 1948.87), (2328.05, 2160.76)),
    (10, (99.34, 97.56), (109.90, 107.89), (1694.57, 1563.02), (1931.64, 1760.89)),
    (20, (52.08, 48.80), (57.80, 54.15), (1192.80, 1043.96), (1392.16, 1202.74)),
    (30, (35.85, 30.96), (39.81, 34.37), (909.43, 731.88), (1075.09, 853.47)),
    (45, (25.42, 17.92), (28.24, 19.91), (683.07, 448.22), (814.80, 527.16)),
    (60, (20.77, 10.36), (23.08, 11.50), (570.51, 264.57), (683.15, 312.30)),
]


@pytest.mark.parametrize("row", SLANT, ids=lambda row: f"{row[0]} deg")
def test_slant_ranges_of_section_1_2(row: tuple[float, ...]) -> None:
    heights = np.array([18e3, 20e3, 500e3, 600e3])
    expected = np.array(row[1:])
    np.testing.assert_allclose(slant_m(heights, row[0]) / 1e3, expected[:, 0], atol=LAST_DIGIT_KM)
    np.testing.assert_allclose(ground_m(heights, row[0]) / 1e3, expected[:, 1], atol=LAST_DIGIT_KM)


def test_a_ray_without_air_is_the_straight_line() -> None:
    elevation = np.array([0.0, 0.01, 1.0, 30.0, 89.0, 90.0])
    ray = trace(elevation, 20e3, 700.0, air=STRAIGHT)
    np.testing.assert_allclose(ray.elevation_deg, elevation, atol=1e-9)
    np.testing.assert_allclose(ray.range_m, slant_m(20e3, elevation, 700.0), rtol=1e-12)
    np.testing.assert_allclose(ray.ground_m, ground_m(20e3, elevation, 700.0), atol=1e-6)


def test_a_ray_obeys_the_law_against_small_steps() -> None:
    """Bouguer's law stepped in height by a million plain trapezia, an elevation where nothing is singular."""
    leaving, low, high = np.radians(3.0), 200.0, 18_300.0
    h = np.linspace(low, high, 1_000_001)
    r = geometry.EARTH_RADIUS_M + h
    n = 1.0 + 315e-6 * np.exp(-h / 7350.0)
    constant = n[0] * r[0] * np.cos(leaving)
    angle = np.trapezoid(constant / (r * np.sqrt((n * r) ** 2 - constant**2)), h)
    assert float(trace(3.0, high, low).ground_m) == pytest.approx(geometry.EARTH_RADIUS_M * angle, abs=0.01)


def test_a_ray_that_dips_is_two_that_rise() -> None:
    """From 1 km down to graze lower ground and up again: the horizons of both ends."""
    ray = trace(-0.5, 18e3, 1000.0)
    lowest = geometry._lowest(np.radians(-0.5), 1000.0, 315e-6, 7350.0)
    both = horizon_m(18e3, 1000.0, terrain_alt_m=lowest)
    assert 500.0 < lowest < 1000.0
    assert float(ray.ground_m) == pytest.approx(float(both), abs=0.01)


def test_rays_outside_their_ground_are_not_numbers() -> None:
    assert np.isnan(trace([-2.1, 90.5, np.nan], 20e3).ground_m).all()
    assert np.isnan(trace(5.0, [100.0, np.nan, np.inf], 200.0).range_m).all()
    assert np.isnan(horizon_m([np.nan, 1e4], [0.0, np.nan])).all()


def test_heights_add_up_and_terrain_counts() -> None:
    assert float(horizon_m(18e3, 500.0)) == pytest.approx(float(horizon_m(18e3) + horizon_m(500.0)), abs=1e-6)
    assert float(horizon_m(18e3, 900.0, terrain_alt_m=1000.0)) < float(horizon_m(18e3))
    # On the ground there is no dip.
    assert float(horizon_m(0.0, 0.0)) == 0.0


def test_refraction_of_the_sky_section_1() -> None:
    """Bennett's 34.48' and 5.39' at 0 and 10 degrees apparent, Saemundsson's 28.98' at 0 true."""
    np.testing.assert_allclose(60.0 * sky_refraction_deg([0.0, 10.0]), [34.48, 5.39], atol=0.0051)
    assert 60.0 * float(sky_refraction_from_true_deg(0.0)) == pytest.approx(28.98, abs=0.0051)
    # At the zenith the fit itself is a second of arc off zero.
    assert abs(float(sky_refraction_deg(90.0))) < 1.5 / 3600.0
    assert np.isnan(sky_refraction_deg([-1.0, 91.0, np.nan])).all()


def test_a_traced_star_is_lifted_as_bennett_says() -> None:
    """Light from beyond the air, high enough that only the air's index at the ground counts: to 5 %."""
    elevation = np.array([5.0, 10.0, 20.0, 45.0])
    ray = trace(elevation, 9e7, air=LIGHT)
    # The ray turns by what its elevation at the top falls short of that of a straight one.
    leaving, angle = np.radians(elevation), ray.ground_m / geometry.EARTH_RADIUS_M
    top = np.arccos(
        (1 + 277e-6) * geometry.EARTH_RADIUS_M * np.cos(leaving) / (geometry.EARTH_RADIUS_M + 9e7)
    )
    bending = leaving + angle - top
    np.testing.assert_allclose(np.degrees(bending), sky_refraction_deg(elevation), rtol=0.05)


# --- from sites ------------------------------------------------------------------------------------------

# Section 1.3: lat, lon, height, elevation, slant; balloon at 46 N, 110 W, 18,300 m. Three libraries agree.
LOOKS = [
    (47.5047, -111.1872, 1057.0, 4.314626, 191338.513),
    (44.1450, -103.1036, 1000.0, -0.902009, 581575.730),
    (41.1183, -95.9125, 319.0, -4.833275, 1258387.265),
]


def test_straight_looks_of_section_1_3() -> None:
    lat, lon, alt, elevation, slant = np.array(LOOKS).T
    seen = look([-110.0], [46.0], [18_300.0], lon, lat, alt)
    np.testing.assert_allclose(seen.elevation_deg[:, 0], elevation, atol=1e-6)
    np.testing.assert_allclose(seen.range_m[:, 0], slant, atol=1e-3)


def test_the_site_that_is_masked_by_ground_of_its_own_height_only() -> None:
    """Section 1.3: seen if the ground between falls to sea level, not if it stays at 1000 m."""
    lat, lon, alt, _, _ = LOOKS[1]
    level = look([-110.0], [46.0], [18_300.0], [lon], [lat], [alt])
    assert level.status[0, 0] == BELOW_HORIZON
    assert level.apparent_elevation_deg[0, 0] < 0.0
    # Over ground at sea level the horizon of 1000 m dips by 0.87 degrees, refraction taken off.
    lower = look([-110.0], [46.0], [18_300.0], [lon], [lat], [alt], horizon_deg=-0.87)
    assert lower.status[0, 0] == SEEN
    assert float(horizon_m(18_300.0, 1000.0)) > 580_641.8
    assert float(horizon_m(18_300.0, 1000.0, terrain_alt_m=1000.0)) < 580_641.8


@pytest.mark.parametrize("air", [RADIO, LIGHT])
@pytest.mark.parametrize("site_alt_m", [0.0, 350.0, 1500.0, 3620.0])
def test_the_table_of_bending_against_traced_rays(air: Refractivity, site_alt_m: float) -> None:
    """To 0.003 degrees: 50 m at 1000 km, and far below what the weather changes."""
    table = geometry.bending_of(np.array([site_alt_m]), air)[0]
    elevation = np.linspace(-1.0, 89.0, 400)
    for above in (400.0, 5e3, 18e3, 37e3):
        ray = trace(elevation, site_alt_m + above, site_alt_m, air=air)
        found = [geometry.bending_deg(table, e, above) for e in ray.elevation_deg]
        np.testing.assert_allclose(found, ray.bending_deg, atol=0.003)


def test_a_look_at_the_traced_horizon_is_level() -> None:
    """A place beyond the equator's horizon distance: the ellipsoid's radius there is within 0.1 % of R."""
    arc = np.degrees(float(horizon_m(18_300.0)) / geometry.EARTH_RADIUS_M)
    seen = look([arc * 0.998, arc * 1.002], [0.0, 0.0], [18_300.0, 18_300.0], [0.0], [0.0], [0.0])
    assert abs(seen.apparent_elevation_deg[0]).max() < 0.03


def test_looks_at_the_poles_over_the_date_line_and_overhead() -> None:
    seen = look(
        [0.0, 179.9, -180.0], [90.0, 0.0, 0.0], [2e4, 2e4, 2e4], [77.0, -179.9], [90.0, 0.0], [0.0, 0.0]
    )
    assert seen.elevation_deg[0, 0] == pytest.approx(90.0, abs=1e-5)
    assert seen.range_m[0, 0] == pytest.approx(2e4, abs=1e-3)
    assert seen.status[0].tolist() == [SEEN, BELOW_HORIZON, BELOW_HORIZON]
    assert seen.status[1].tolist() == [BELOW_HORIZON, SEEN, SEEN]
    # On the spot itself.
    assert look([5.0], [5.0], [0.0], [5.0], [5.0], [0.0]).elevation_deg[0, 0] == 90.0


def test_places_that_cannot_be_looked_at_have_a_status() -> None:
    seen = look([np.nan, 0.0, 0.0, 0.0], [0.0, 91.0, 0.0, 0.0], [2e4, 2e4, 7e4, -50.0], [0.0], [0.0], [0.0])
    assert seen.status[0].tolist() == [UNKNOWN_PLACE, UNKNOWN_PLACE, OUTSIDE_TABLE, OUTSIDE_TABLE]
    assert np.isnan(seen.elevation_deg).all()
    assert np.isnan(seen.apparent_elevation_deg).all()


def test_what_is_too_low_to_matter_is_left_out_and_nothing_else() -> None:
    lon = np.linspace(-20.0, 20.0, 201)
    whole = look(lon, np.zeros(201), np.full(201, 2e4), [0.0], [0.0], [0.0])
    part = look(lon, np.zeros(201), np.full(201, 2e4), [0.0], [0.0], [0.0], lowest_deg=-2.0)
    kept = whole.elevation_deg >= -2.0
    assert 0 < kept.sum() < 201
    np.testing.assert_array_equal(np.isfinite(part.elevation_deg), kept)
    np.testing.assert_array_equal(part.apparent_elevation_deg[kept], whole.apparent_elevation_deg[kept])
    np.testing.assert_array_equal(part.status, whole.status)


def test_no_places_and_no_sites() -> None:
    none: list[float] = []
    assert look(none, none, none, [0.0], [0.0], [0.0]).status.shape == (1, 0)
    assert look([0.0], [0.0], [1e4], none, none, none).status.shape == (0, 1)


@pytest.mark.parametrize(
    ("lon", "lat", "alt"), [(np.nan, 0.0, 0.0), (0.0, 90.1, 0.0), (0.0, 0.0, 9500.0), (0.0, 0.0, np.nan)]
)
def test_sites_that_cannot_be_used_are_refused(lon: float, lat: float, alt: float) -> None:
    with pytest.raises(InputError, match="site 1"):
        look([0.0], [0.0], [1e4], [0.0, lon], [0.0, lat], [0.0, alt])


def test_places_in_more_than_a_row_are_refused() -> None:
    with pytest.raises(OverflightError, match="one row"):
        look([[0.0]], [[0.0]], [[1e4]], [0.0], [0.0], [0.0])


@pytest.mark.parametrize(
    ("surface", "scale_m"), [(-1.0, 7350.0), (np.nan, 7350.0), (315.0, 0.0), (600.0, 7000.0)]
)
def test_air_that_cannot_be_is_refused(surface: float, scale_m: float) -> None:
    with pytest.raises(InputError):
        Refractivity(name="odd", surface=surface, scale_m=scale_m)


def test_pymap3d_agrees() -> None:
    oracle = pytest.importorskip("pymap3d", reason="pymap3d is of the oracles")
    for lat, lon, alt, _, _ in LOOKS:
        _, elevation, slant = oracle.geodetic2aer(46.0, -110.0, 18_300.0, lat, lon, alt)
        seen = look([-110.0], [46.0], [18_300.0], [lon], [lat], [alt])
        assert seen.elevation_deg[0, 0] == pytest.approx(elevation, abs=1e-7)
        assert seen.range_m[0, 0] == pytest.approx(slant, abs=1e-3)

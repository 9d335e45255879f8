"""Horizons over made ground against closed forms and traced rays; holes, edges and tables."""

import math

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.exposure.geometry import LIGHT, RADIO, trace
from overflight.geo import bearing_deg, destination, distance_m
from overflight.places.masks import (
    EYE_M,
    GRID,
    SiteMask,
    box_about,
    check_known,
    grid_elevation_deg,
    higher_mask,
    mask_at,
    mask_grid,
    masks_from_files,
    parse_masks,
    read_masks,
    terrain_mask,
    terrain_masks,
)
from overflight.places.sites import Site
from overflight.places.terrain import Terrain

RADIUS_M = 6371008.8


def ground(height=0.0, *, lon=(9.0, 11.0), lat=(44.0, 46.0), step=0.01, name="made"):
    """Even ground about 10 E, 45 N, with `height(lon, lat)` where it is a function."""
    x = np.arange(lon[0], lon[1] + 0.5 * step, step)
    y = np.arange(lat[0], lat[1] + 0.5 * step, step)
    values = np.broadcast_to(height(x, y[:, None]) if callable(height) else height, (y.size, x.size))
    return Terrain(lat_deg=y, lon_deg=x, height_m=values.astype(np.float32), name=name)


def bend(air, height_m):
    """Share of the Earth's curvature that rays have at a height."""
    return RADIUS_M * air.surface * 1e-6 / air.scale_m * math.exp(-height_m / air.scale_m)


@pytest.mark.parametrize("air", [LIGHT, RADIO])
@pytest.mark.parametrize("eye_m", [2.0, 50.0, 300.0])
def test_over_even_ground_the_horizon_dips_as_the_sea_s_does(air, eye_m):
    """Dip = sqrt(2 h (1 - k) / R); with k = 1/6 the almanac's 1.76' sqrt(h)."""
    mask = terrain_mask(
        ground(), 10.0, 45.0, 0.0, eye_m=eye_m, azimuths=36, surface=air.surface, scale_m=air.scale_m
    )
    dip = math.degrees(math.sqrt(2 * eye_m * (1 - bend(air, 0.0)) / RADIUS_M))
    assert -mask.elevation_deg == pytest.approx(np.full(36, dip), rel=6e-3)
    assert mask.alt_m == eye_m


def wall(azimuth, away, height, *, width_deg=0.02):
    """Ground at zero with a block of `height` about the place an azimuth and distance from 10 E, 45 N."""
    lon, lat = destination(10.0, 45.0, azimuth, away)

    def shape(x, y):
        return np.where((np.abs(x - lon) < width_deg) & (np.abs(y - lat) < width_deg), height, 0.0)

    return shape


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 90.0, 200.0, 305.0])
@pytest.mark.parametrize(("away", "height"), [(20_000.0, 800.0), (60_000.0, 3_000.0)])
def test_a_mountain_stands_where_it_is_and_as_high_as_a_ray_says(azimuth, away, height):
    mask = terrain_mask(ground(wall(azimuth, away, height)), 10.0, 45.0, 0.0)
    assert mask_at(mask, azimuth) == pytest.approx(mask.elevation_deg.max(), abs=0.05)
    # The near edge of the block makes the horizon: it rises within a cell, 1 km of 20.
    edge = away - 0.02 * 111_000.0
    rays = trace(np.linspace(0.1, 6.0, 5901), height, EYE_M, air=LIGHT)
    low, high = (
        float(np.interp(-d, -rays.ground_m, np.linspace(0.1, 6.0, 5901))) for d in (away, edge - 1_800.0)
    )
    assert low < mask.elevation_deg.max() < high
    # Away from it the ground is even.
    assert mask_at(mask, azimuth + 90.0) < 0.0
    wide = np.degrees(0.03 * 111_000.0 * math.sqrt(2) / away)
    assert mask_at(mask, azimuth + wide + 3.0) < 0.0


def test_the_elevation_of_a_ridge_is_that_of_a_traced_ray_to_a_hundredth():
    """A single high point of the grid, met by a ray that goes exactly over it."""
    lon, lat, height = 10.6, 45.0, 2_500.0
    far = float(distance_m(10.0, 45.0, lon, lat))
    azimuth = float(bearing_deg(10.0, 45.0, lon, lat))
    land = ground(lambda x, y: np.where((np.abs(x - lon) < 0.004) & (np.abs(y - lat) < 0.25), height, 0.0))
    for air in (LIGHT, RADIO):
        mask = terrain_mask(
            land, 10.0, 45.0, 0.0, azimuths=3600, surface=air.surface, scale_m=air.scale_m, eye_m=1.0
        )
        leaving = np.linspace(1.0, 5.0, 8001)
        rays = trace(leaving, height, 1.0, air=air)
        # The table of heights is bilinear: the crest is a line of points, each 79 m wide at the top.
        expected = float(np.interp(-far, -rays.ground_m, leaving))
        assert mask_at(mask, azimuth) == pytest.approx(expected, abs=0.025)
    assert mask_at(mask, azimuth + 180.0) < 0.0


def test_ground_over_the_curve_of_the_earth_is_hidden_and_a_higher_eye_sees_less_of_it():
    """2000 m, 150 km away: 0.76 degrees straight, -0.15 for the curve, 0.59 with refraction."""
    land = ground(
        lambda x, y: np.where(x > 11.9, 2_000.0, 0.0) + 0.0 * y, lon=(9.9, 13.5), lat=(44.5, 45.5), step=0.005
    )
    away = float(distance_m(10.0, 45.0, 11.9025, 45.0))
    angle = away / RADIUS_M
    gradient = bend(LIGHT, 2_000.0 / 3.0)
    expected = math.degrees(2_000.0 / away - 0.5 * angle * (1.0 - gradient))
    mask = terrain_mask(land, 10.0, 45.0, 0.0, eye_m=0.0)
    # East of the site along the parallel, whose great circle leaves it by 0.7 degrees.
    assert mask_at(mask, 90.0) == pytest.approx(expected, abs=0.02)
    higher = terrain_mask(land, 10.0, 45.0, 1_000.0, eye_m=0.0)
    assert mask_at(higher, 90.0) == pytest.approx(expected - math.degrees(1_000.0 / away), abs=0.03)


def test_a_place_is_not_inside_a_hill():
    land = ground(700.0)
    assert terrain_mask(land, 10.0, 45.0).alt_m == pytest.approx(700.0 + EYE_M)
    assert terrain_mask(land, 10.0, 45.0, 690.0).alt_m == pytest.approx(700.0 + EYE_M)
    below = terrain_mask(land, 10.0, 45.0, 200.0)
    assert below.alt_m == pytest.approx(700.0 + EYE_M)
    assert any("200 m" in n and "700 m" in n for n in below.notes)
    tower = terrain_mask(land, 10.0, 45.0, 900.0)
    assert tower.alt_m == pytest.approx(900.0 + EYE_M)
    assert any("900 m" in n for n in tower.notes)


def test_holes_give_a_lower_bound_that_says_so():
    ridge = wall(90.0, 20_000.0, 1_500.0)
    whole = ground(ridge, step=0.004)
    holes = ground(
        lambda x, y: np.where((x > 10.15) & (y > 44.9) & (y < 45.1), np.nan, ridge(x, y)), step=0.004
    )
    full, part = terrain_mask(whole, 10.0, 45.0, 0.0), terrain_mask(holes, 10.0, 45.0, 0.0)
    assert not any("holes" in n for n in full.notes)
    assert full.known.min() == 1.0
    assert any("holes on" in n and "may hide more" in n for n in part.notes)
    assert not part.complete
    assert (part.elevation_deg <= full.elevation_deg + 1e-12).all()
    assert mask_at(full, 90.0) > 3.0
    assert mask_at(part, 90.0) < 0.1
    assert part.known[180] < 0.5 < 1.0 == part.known[540]


@pytest.mark.parametrize("ends", ["hole", "edge"])
def test_an_azimuth_without_ground_has_no_horizon_that_is_too_high(ends):
    """From 1000 m above a plain the horizon dips by 0.9 degrees; 0 there would hide what is seen."""
    hill = wall(0.0, 0.0, 1_000.0, width_deg=0.003)
    whole = ground(lambda x, y: np.where(np.abs(x - 10.0) < 0.3, hill(x, y), 0.0), step=0.002)
    if ends == "hole":
        part = ground(lambda x, y: np.where(x < 9.9999, np.nan, whole.height_m), step=0.002)
    else:
        part = ground(hill, step=0.002, lon=(10.0, 11.0))
    full, some = (terrain_mask(g, 10.0, 45.0, 1_000.0) for g in (whole, part))
    assert mask_at(full, 270.0) < -0.8
    assert some.known[540] == 0.0
    assert (some.elevation_deg <= full.elevation_deg + 1e-9).all()
    # sqrt(2 · 1502 m / R), in no air: 1.24 degrees.
    assert mask_at(some, 270.0) == pytest.approx(-1.24, abs=0.01)
    assert not some.complete


def test_ground_that_ends_is_told_with_its_distance():
    land = ground(lambda x, y: 3000.0 * (y > 45.9) + 0.0 * x, lon=(9.9, 11.0), step=0.004)
    mask = terrain_mask(land, 10.0, 45.0, 0.0)
    told = [n for n in mask.notes if "ends before" in n]
    assert len(told) == 1
    # Seven kilometres and nine hundred metres to the western edge.
    assert "first 8 km away" in told[0]
    assert mask.ends_m[540] == pytest.approx(distance_m(10.0, 45.0, 9.9, 45.0), abs=300.0)


def test_a_site_off_the_ground_has_a_level_horizon_and_says_so():
    mask = terrain_mask(ground(1000.0), 50.0, 10.0, 120.0)
    assert mask.elevation_deg.tolist() == [0.0] * 720
    assert any("does not reach the site" in n for n in mask.notes)
    assert any("no height at the site" in n for n in mask.notes)
    assert mask.alt_m == 120.0 + EYE_M


def test_wide_cells_are_called_coarse_and_stated():
    fine, coarse = ground(step=0.002), ground(step=1.0 / 12.0, lat=(44.0, 46.0), lon=(9.0, 11.0))
    assert terrain_mask(fine, 10.0, 45.0).step_m == pytest.approx(222.6, abs=0.5)
    mask = terrain_mask(coarse, 10.0, 45.0)
    assert any("cells of 9.3 km are coarse" in n for n in mask.notes)
    assert "cells of 9277 m" in mask.source
    assert not any("coarse" in n for n in terrain_mask(fine, 10.0, 45.0).notes)


def test_at_the_pole_and_across_the_date_line():
    """Ground about the pole; a meridian of mountains is seen on its own bearing."""
    x, y = np.arange(-180.0, 180.0, 0.5), np.arange(88.0, 90.001, 0.02)
    height = np.where((np.abs(x - 40.0) < 3.0) & (y[:, None] < 89.8) & (y[:, None] > 89.6), 1500.0, 0.0)
    polar = Terrain(lat_deg=np.minimum(y, 90.0), lon_deg=x, height_m=height.astype(np.float32), name="pole")
    mask = terrain_mask(polar, 0.0, 90.0, 0.0)
    # From the pole, with the meridian of Greenwich for south: 40 E lies at an azimuth of 140.
    assert mask.azimuth_deg[np.argmax(mask.elevation_deg)] == pytest.approx(140.0, abs=4.0)
    assert mask.elevation_deg.max() > 3.0
    seam = ground(lambda x, y: np.where(x > 180.2, 2000.0, 0.0) + 0.0 * y, lon=(179.0, 181.0))
    for lon in (179.9, -180.1, 539.9):
        over = terrain_mask(seam, lon, 45.0, 0.0)
        assert mask_at(over, 90.0) > 3.0
        assert mask_at(over, 270.0) < 0.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((float("nan"), 45.0, 0.0), "not a place"),
        ((10.0, 91.0, 0.0), "not a place"),
        ((10.0, 45.0, float("inf")), "not a place"),
    ],
)
def test_what_is_no_place_is_refused(arguments, named):
    with pytest.raises(InputError, match=named):
        terrain_mask(ground(), *arguments)


def test_masks_of_many_sites_are_by_their_ids():
    sites = [
        Site(id=i, name=i, lon_deg=lon, lat_deg=45.0, alt_m=0.0) for i, lon in (("a", 10.0), ("b", 10.3))
    ]
    masks = terrain_masks(ground(wall(90.0, 20_000.0, 900.0)), sites)
    assert set(masks) == {"a", "b"}
    # 10.254 E is the block: east of one, west of the other.
    assert mask_at(masks["a"], 90.0) > 1.0 > 0.0 > mask_at(masks["a"], 270.0)
    assert mask_at(masks["b"], 270.0) > 5.0 > 0.0 > mask_at(masks["b"], 90.0)


# --- from files


def write_hgt(folder, name, values):
    """An SRTM tile of three seconds: 1201 rows from the north, big-endian metres."""
    path = folder / name
    path.write_bytes(np.asarray(values, dtype=">i2").tobytes())
    return path


def test_horizons_from_files_and_a_site_that_none_reaches(tmp_path):
    height = np.zeros((1201, 1201))
    # 45 to 46 N, 10 to 11 E: a wall of 1200 m along 10.75 E, and a hole in the south-west corner.
    height[:, 900:903] = 1200.0
    height[1180:, :20] = -32768
    path = write_hgt(tmp_path, "N45E010.hgt", height)
    sites = [
        Site(id="in", name="in", lon_deg=10.5, lat_deg=45.5, alt_m=0.0),
        Site(id="out", name="out", lon_deg=-100.0, lat_deg=20.0, alt_m=5.0),
    ]
    masks = masks_from_files([path], sites)
    assert mask_at(masks["in"], 90.0) == pytest.approx(
        math.degrees(1200.0 / distance_m(10.5, 45.5, 10.75, 45.5)), abs=0.15
    )
    assert masks["in"].step_m == pytest.approx(92.8, abs=0.2)
    assert any("ends before" in n for n in masks["in"].notes)
    assert masks["out"].elevation_deg.tolist() == [0.0]
    assert masks["out"].alt_m == 5.0
    assert "no elevation file reaches the site" in masks["out"].notes[0]
    near = masks_from_files([path], sites[:1], reach_m=10_000.0)["in"]
    assert mask_at(near, 90.0) < 0.0
    assert near.source.endswith("cells of 93 m, within 10 km")


def test_a_file_that_is_broken_is_an_error_and_no_level_horizon(tmp_path):
    path = tmp_path / "N45E010.hgt"
    path.write_bytes(b"not a tile")
    with pytest.raises(InputError):
        masks_from_files([path], [Site(id="in", name="in", lon_deg=10.5, lat_deg=45.5, alt_m=0.0)])


@pytest.mark.parametrize("lat", [-90.0, -88.9, 0.0, 60.0, 89.5])
def test_a_box_holds_the_circle_about_a_place(lat):
    west, south, east, north = box_about(170.0, lat, 150_000.0)
    lon, there = destination(170.0, lat, np.arange(0.0, 360.0, 5.0), 149_000.0)
    assert (there >= south).all()
    assert (there <= north).all()
    assert (((lon - west) % 360.0) <= east - west).all()


# --- masks as tables


def test_between_azimuths_it_is_linear_and_round_the_circle():
    mask = SiteMask(np.array([10.0, 100.0, 350.0]), np.array([2.0, 20.0, 0.0]))
    assert mask_at(mask, [10.0, 55.0, 100.0, 350.0, 0.0, 360.0, -5.0]) == pytest.approx(
        [2.0, 11.0, 20.0, 0.0, 1.0, 1.0, 0.5]
    )
    grid = mask_grid(mask)
    asked = np.linspace(0.0, 360.0, 1441)
    for azimuth, expected in zip(asked, mask_at(mask, asked), strict=True):
        assert grid_elevation_deg(grid, azimuth) == pytest.approx(expected, abs=1e-9)
    assert mask_grid(None, -1.0).tolist() == [-1.0] * GRID


def test_the_higher_of_two_horizons_counts():
    terrain = terrain_mask(ground(wall(90.0, 20_000.0, 900.0)), 10.0, 45.0, 0.0)
    trees = SiteMask(np.array([0.0]), np.array([1.5]), source="table trees.csv")
    both = higher_mask(trees, terrain)
    assert mask_at(both, 90.0) == pytest.approx(mask_at(terrain, 90.0))
    assert mask_at(both, 270.0) == 1.5
    assert both.alt_m == terrain.alt_m
    assert both.notes == terrain.notes
    assert both.source.startswith("table trees.csv; terrain made")


@pytest.mark.parametrize(
    ("azimuth", "elevation"),
    [
        ([], []),
        ([0.0, 10.0], [1.0]),
        ([10.0, 0.0], [1.0, 1.0]),
        ([0.0, 360.0], [1.0, 1.0]),
        ([0.0], [91.0]),
        ([0.0, float("nan")], [1.0, 1.0]),
    ],
)
def test_a_mask_that_is_none_is_refused(azimuth, elevation):
    with pytest.raises(InputError):
        SiteMask(np.array(azimuth, dtype=float), np.array(elevation, dtype=float))


TABLE = "site,azimuth_deg,elevation_deg\nA,90,4.5\nA,0,1\n# a note\nB,360,2\nA,270,-0.5\n"


def test_a_table_of_horizons(tmp_path):
    path = tmp_path / "horizons.csv"
    path.write_text(TABLE)
    masks = read_masks(path)
    assert masks["A"].azimuth_deg.tolist() == [0.0, 90.0, 270.0]
    assert masks["A"].elevation_deg.tolist() == [1.0, 4.5, -0.5]
    assert mask_at(masks["B"], [0.0, 123.0]).tolist() == [2.0, 2.0]
    assert masks["A"].source == "table horizons.csv"
    assert masks["A"].complete


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("site,azimuth_deg\nA,0\n", "elevation_deg"),
        ("site,azimuth_deg,elevation_deg\nA,400,1\n", "line 2.*azimuth_deg"),
        ("site,azimuth_deg,elevation_deg\nA,0,1\nA,nan,1\n", "line 3"),
        ("site,azimuth_deg,elevation_deg\nA,0,1\nA,0,2\n", "twice"),
        ("site,azimuth_deg,elevation_deg\nA,0,1\nA,360,2\n", "twice"),
        ("site,azimuth_deg,elevation_deg\n,0,1\n", "empty"),
        ("site,azimuth_deg,elevation_deg\nA,0,95\n", "-10 to 90"),
        ("site,azimuth_deg,elevation_deg\n", "no horizon"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(text, named):
    with pytest.raises(InputError, match=named):
        parse_masks(text, "h.csv")


def test_a_horizon_of_a_site_that_is_not_there_is_an_error():
    sites = [Site(id="A", name="A", lon_deg=0.0, lat_deg=0.0)]
    with pytest.raises(InputError, match="'B' is not among"):
        check_known(parse_masks(TABLE, "h.csv"), sites, "h.csv")

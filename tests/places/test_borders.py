"""Country outlines: decoded by hand, checked against places everybody can look up and against geodesics."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest
import shapely
from pyproj import Geod

from overflight.errors import InputError
from overflight.places.areas import inside, signed_distance_m
from overflight.places.borders import (
    countries_met,
    country,
    country_codes,
    has_coast,
    sovereign_airspace,
    territorial_sea,
)
from overflight.places.topojson import parse_topojson, ring_coordinates

GEOD = Geod(ellps="WGS84")
NM_12_M = 12 * 1852.0

# The buffer's arcs are 16 straight pieces a quarter turn: at most 27 m inside 12 NM.
BUFFER_M = 30.0

# City centres, from their published coordinates to 0.1 degree, all well inside the outline.
CITIES = [
    ("USA", -149.9, 61.2, "Anchorage"),
    ("USA", -111.3, 47.5, "Great Falls"),
    ("CAN", -135.1, 60.7, "Whitehorse"),
    ("CAN", -113.5, 53.5, "Edmonton"),
    ("RUS", 37.6, 55.8, "Moscow"),
    ("RUS", -173.2, 65.6, "Chukotka, east of the seam"),
    ("CHN", 110.0, 19.5, "Hainan"),
    ("GRL", -50.0, 67.0, "Kangerlussuaq"),
    ("NZL", 175.6, -40.3, "Palmerston North"),
    ("ZAF", 26.2, -29.1, "Bloemfontein"),
    ("XXX", -160.0, 30.0, "the Pacific"),
]

# Landlocked states (United Nations list of landlocked developing countries, and the twelve others), without
# those on the Caspian (Azerbaijan, Kazakhstan, Turkmenistan), which counts as sea here.
LANDLOCKED = """
AFG AND ARM AUT BDI BFA BLR BOL BTN BWA CAF CHE CZE ETH HUN KGZ LAO LIE LSO LUX MDA MKD MLI MNG MWI NER NPL
PRY RWA SMR SRB SSD SVK SWZ TCD TJK UGA UZB VAT ZMB ZWE
"""
# Shapes without an ISO number that have no coast either.
LANDLOCKED_UNNUMBERED = "KAS KOS"


def test_the_file_is_the_one_the_notice_names():
    data = files("overflight.places").joinpath("data", "countries-50m.json").read_bytes()
    assert (
        hashlib.sha256(data).hexdigest() == "04342cdc1e3016bcd7db1630de95684d67b79fe3c8c460321e87aef469502394"
    )


@pytest.mark.parametrize(("code", "lon_deg", "lat_deg", "place"), CITIES)
def test_a_city_is_in_its_country_and_in_no_other(code, lon_deg, lat_deg, place):
    found = [c for c in country_codes() if inside(country(c), lon_deg, lat_deg)]
    assert found == ([] if code == "XXX" else [code]), place


def test_every_code_gives_a_valid_outline_and_a_name():
    codes = country_codes()
    # 241 shapes; Australia and Ashmore and Cartier Islands share the number 036.
    assert len(codes) == 240
    for code in codes:
        area = country(code)
        assert len(code) == 3
        assert area.geometry.is_valid
        assert area.name
        assert "not a legal boundary" in area.basis


@pytest.mark.parametrize("name", ["usa", "840", "United States of America", " USA "])
def test_a_country_is_found_by_code_number_and_name(name):
    assert country(name).id == "USA"


@pytest.mark.parametrize("name", ["", "XXX", "Atlantis", "../etc"])
def test_an_unknown_country_is_refused_with_the_remedy(name):
    with pytest.raises(InputError, match="country_codes"):
        country(name)


@pytest.mark.parametrize(
    ("code", "area_km2"),
    # Land and inland water, United Nations Demographic Yearbook 2021, table 3, km² (Antarctica: British
    # Antarctic Survey). A map at 1:50 million is good to 3 %.
    [("USA", 9_525_067), ("CAN", 9_984_670), ("RUS", 17_098_242), ("FJI", 18_274), ("ATA", 14_200_000)],
)
def test_the_area_of_countries_across_the_seam_and_the_pole(code, area_km2):
    total = 0.0
    for part in shapely.get_parts(country(code).geometry):
        clipped = part.intersection(shapely.box(-180, -90, 180, 90)) if code == "ATA" else part
        total += sum(abs(GEOD.geometry_area_perimeter(p)[0]) for p in shapely.get_parts(clipped))
    # Natural Earth draws Antarctica without its ice shelves, about 1.6 million km² of the 14.2.
    tolerance = 0.15 if code == "ATA" else 0.03 if code != "FJI" else 0.1
    assert total / 1e6 == pytest.approx(area_km2, rel=tolerance)


@pytest.mark.parametrize("lon_deg", [180.0, -180.0, 179.9999999, -179.9999999, 540.0])
def test_the_seam_is_no_border_of_russia(lon_deg):
    russia = country("RUS")
    assert inside(russia, lon_deg, 68.0)
    # The Chukchi coast is nearest, about 80 km away; a cut along 180° would be at no distance.
    assert signed_distance_m(russia, lon_deg, 68.0) > 50e3


@pytest.mark.parametrize("lon_deg", [-180.0, -90.0, 0.0, 33.3, 179.99])
def test_the_south_pole_is_in_antarctica_far_from_its_edge(lon_deg):
    antarctica = country("ATA")
    assert inside(antarctica, lon_deg, -90.0)
    assert inside(antarctica, lon_deg, -89.9995)
    # From the pole to the ice front of the Filchner or Ross ice shelves: 400 to 800 km.
    assert 400e3 < signed_distance_m(antarctica, lon_deg, -90.0) < 800e3


def test_the_aleutians_are_american_on_both_sides_of_the_seam():
    # Attu (173.0 E, 52.9 N) and Unalaska (166.7 W, 53.6 N).
    assert inside(country("USA"), [173.0, -166.7], [52.9, 53.6]).all()
    west, _, east, _ = country("USA").geometry.bounds
    assert east - west < 125


def test_inside_takes_any_shape_and_calls_nan_outside():
    lon, lat = np.meshgrid([-100.0, np.nan, 260.0], [40.0, np.nan])
    found = inside(country("USA"), lon, lat)
    assert found.tolist() == [[True, False, True], [False, False, False]]
    assert np.isnan(signed_distance_m(country("USA"), np.nan, 40.0))


def test_the_coarse_cells_change_no_answer():
    """The path for many places gives what the outline itself gives, coast and islands included."""
    rng = np.random.default_rng(3)
    for code, west, east, south, north in [("CAN", -142, -52, 41, 84), ("FJI", 174, 184, -22, -12)]:
        area = country(code)
        lon, lat = rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000)
        exact = shapely.intersects_xy(area.geometry, lon, lat)
        assert 0 < exact.sum() < exact.size
        assert (inside(area, lon, lat) == exact).all()


def test_landlocked_countries_have_no_coast_and_no_sea():
    expected = sorted([*LANDLOCKED.split(), *LANDLOCKED_UNNUMBERED.split()])
    assert [c for c in country_codes() if not has_coast(c)] == expected
    with pytest.raises(InputError, match="no coast"):
        territorial_sea("CHE")
    assert sovereign_airspace("CHE").geometry.area == pytest.approx(country("CHE").geometry.area)


@pytest.mark.parametrize(
    ("code", "lon_deg", "lat_deg"),
    [
        ("GRL", -33.0, 83.0),  # high latitude
        ("USA", 173.0, 52.5),  # Attu, west of the seam
        ("FJI", 180.0, -17.2),  # on the seam
        ("RUS", -175.0, 67.0),  # Chukotka
        ("ATA", 140.0, -66.5),
        ("CHN", 110.0, 18.2),  # Hainan
    ],
)
def test_the_outer_edge_of_the_sea_is_twelve_miles_from_the_coast(code, lon_deg, lat_deg):
    """Vertices of the edge within 400 km of a place, by Karney's geodesic to the nearest coast."""
    land, air = country(code), sovereign_airspace(code)
    xy = shapely.get_coordinates(air.geometry)
    xy = xy[np.abs(xy[:, 1]) < 90.0]
    away = GEOD.inv(np.full(len(xy), lon_deg), np.full(len(xy), lat_deg), xy[:, 0], xy[:, 1])[2]
    out = -signed_distance_m(land, *xy[away < 400e3].T)
    assert (out > 1e3).sum() > 50
    assert out.max() < NM_12_M + 5.0
    # What is nearer than 12 NM is the land border or the shore of a neighbour.
    assert np.median(out[out > 1e3]) > NM_12_M - BUFFER_M


def test_places_just_within_and_just_beyond_twelve_miles():
    """Off a straight coast the limit is found on the geodesic at right angles to it."""
    # Point Barrow, the northernmost point of Alaska in the file; due north of it is open sea.
    xy = shapely.get_coordinates(country("USA").geometry)
    top = xy[np.argmax(xy[:, 1])]
    for distance, expected in [(NM_12_M - BUFFER_M, True), (NM_12_M + BUFFER_M, False)]:
        lon, lat, _ = GEOD.fwd(top[0], top[1], 0.0, distance)
        assert inside(sovereign_airspace("USA"), lon, lat) == expected
        assert inside(territorial_sea("USA"), lon, lat) == expected


def test_sea_and_land_and_airspace_are_different_kinds_that_never_share_an_id():
    areas = [country("USA"), territorial_sea("USA"), sovereign_airspace("USA")]
    assert len({a.id for a in areas}) == 3
    assert [a.kind for a in areas] == ["sovereign", "territorial_sea", "sovereign_airspace"]
    assert "approximate" in areas[1].basis
    assert "no median lines" in areas[1].basis


def test_a_sea_holds_no_land_and_an_airspace_no_land_of_others():
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(-133, -129, 4000), rng.uniform(54, 57, 4000)  # Dixon Entrance
    usa, canada = inside(country("USA"), lon, lat), inside(country("CAN"), lon, lat)
    sea, air = inside(territorial_sea("USA"), lon, lat), inside(sovereign_airspace("USA"), lon, lat)
    assert usa.any()
    assert canada.any()
    assert sea.any()
    assert not (sea & (usa | canada)).any()
    assert not (air & canada).any()
    assert (air == (sea | usa)).all()


def test_the_great_lakes_are_land_and_no_sea():
    # The middle of Lake Superior's American part, some 90 km from the shore of Michigan.
    assert inside(country("USA"), -87.5, 47.9)
    assert not inside(territorial_sea("USA"), -87.5, 47.9)


def test_countries_met_are_those_under_the_places():
    assert countries_met([-100.0, -100.0, -110.0, -150.0, np.nan], [40.0, 41.0, 60.0, 20.0, 3.0]) == (
        "USA",
        "CAN",
    )
    assert countries_met([], []) == ()


def test_topojson_without_transform_and_with_arcs_backwards():
    raw = {
        "objects": {
            "countries": {
                "geometries": [{"type": "Polygon", "arcs": [[0, ~1]], "id": "1", "properties": {"name": "A"}}]
            }
        },
        "arcs": [[[0, 0], [1, 0], [1, 1]], [[0, 0], [0, 1], [1, 1]]],
    }
    topology = parse_topojson(json.dumps(raw).encode())
    ring = ring_coordinates(topology, topology.shapes[0].polygons[0][0])
    assert ring.tolist() == [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"arcs": 3, "objects": {}}', b"\xff\xfe"])
def test_bytes_that_are_no_topojson_are_refused(data):
    with pytest.raises(InputError, match="not TopoJSON"):
        parse_topojson(data)

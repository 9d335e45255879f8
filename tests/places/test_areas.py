"""Areas of the user: both conventions at the antimeridian, repairs, refusals, limits, hostile values."""

import json
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from overflight.errors import InputError, LimitError
from overflight.places import areafile
from overflight.places.areafile import parse_areas, read_areas
from overflight.places.areas import edge_cuts, inside, signed_distance_m

GEOD = Geod(ellps="WGS84")
SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


def geojson(coordinates, geometry="Polygon", **properties):
    properties.setdefault("id", "A")
    feature = {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": geometry, "coordinates": coordinates},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def one(coordinates, geometry="Polygon", **properties):
    return parse_areas(geojson(coordinates, geometry, **properties))[0]


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def test_id_name_and_kind_are_read():
    area = one([SQUARE], id="KZAK", name="Oakland Oceanic", kind="fir")
    assert (area.id, area.name, area.kind, area.marks) == ("KZAK", "Oakland Oceanic", "fir", ())
    assert one([SQUARE]).kind == "user"


def test_a_hole_is_outside():
    area = one([SQUARE, box(4, 4, 6, 6)[::-1]])
    assert inside(area, [1.0, 5.0, 11.0], [1.0, 5.0, 5.0]).tolist() == [True, False, False]
    # The nearest edge is a degree of latitude to the south: 110 575 m of meridian.
    assert signed_distance_m(area, 5.0, 5.0) == pytest.approx(-GEOD.inv(5, 5, 5, 4)[2], abs=1.0)


@pytest.mark.parametrize(
    ("coordinates", "kind"),
    [
        ([[box(170, -10, 180, 10)], [box(-180, -10, -170, 10)]], "MultiPolygon"),
        ([box(170, -10, 190, 10)], "Polygon"),
        ([box(-190, -10, -170, 10)], "Polygon"),
    ],
    ids=["cut", "past 180", "past -180"],
)
def test_both_conventions_at_the_antimeridian_mean_the_same(coordinates, kind):
    area = one(coordinates, kind)
    lon = [179.0, 180.0, -180.0, -179.0, 169.0, -169.0, 0.0, 541.0]
    assert inside(area, lon, 0.0).tolist() == [True, True, True, True, False, False, False, True]
    # The nearest edge is 10 degrees of meridian away; the cut at 180 is no edge.
    assert signed_distance_m(area, 180.0, 0.0) == pytest.approx(GEOD.inv(180, 0, 180, 10)[2], rel=1e-6)


def test_a_ring_that_jumps_across_the_seam_is_refused_with_the_two_ways_to_write_it():
    with pytest.raises(InputError, match="MultiPolygon, or let longitudes run on past 180"):
        one([[[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]]])


def test_a_cap_over_the_pole_holds_the_pole_and_every_longitude():
    area = one([box(-180, 60, 180, 90)])
    lon = np.linspace(-180, 180, 73)
    assert inside(area, lon, 75.0).all()
    assert inside(area, lon, 90.0).all()
    assert not inside(area, lon, 59.0).any()
    # 30 degrees of meridian from the pole to 60 N.
    assert signed_distance_m(area, 12.0, 90.0) == pytest.approx(GEOD.inv(0, 60, 0, 90)[2], rel=1e-6)


def test_an_open_ring_is_closed_with_a_mark_and_a_clockwise_one_is_marked():
    area = one([SQUARE[::-1][:-1]])
    assert inside(area, 5.0, 5.0)
    assert {m.code for m in area.marks} == {"ring_closed", "winding"}


def test_a_spike_is_repaired_with_a_mark():
    area = one([[[0, 0], [10, 0], [10, 10], [12, 12], [10, 10], [0, 10], [0, 0]]])
    assert [m.code for m in area.marks if m.severity == "doubtful"] == ["outline_repaired"]
    assert inside(area, 5.0, 5.0)
    assert not inside(area, 11.0, 11.0)


def test_a_bow_tie_is_refused():
    with pytest.raises(InputError, match="crosses itself"):
        one([[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]])


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        ([[[0, 0], [10, 0], [0, 0]]], "fewer than four"),
        ([[[0, 0], [10, 95], [10, 10], [0, 0]]], "swapped"),
        ([[[0, 0], [float("nan"), 5], [10, 10], [0, 0]]], "not finite"),
        ([[[0, 0], [1e9, 5], [10, 10], [0, 0]]], "more than a turn"),
        ([[[0, 0], ["x", 5], [10, 10], [0, 0]]], "not \\[longitude, latitude\\]"),
        ([[[0, 0], [1], [10, 10], [0, 0]]], "not \\[longitude, latitude\\]"),
        ([[[0, 0], [1, 1], [2, 2], [0, 0]]], "no area"),
        ([], "without rings"),
        (7, "without rings"),
        ([[]], "fewer than four"),
    ],
)
def test_bad_rings_are_refused_and_the_field_is_named(coordinates, message):
    with pytest.raises(InputError, match=message) as caught:
        one(coordinates)
    assert "features[0].geometry" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[1]",
        b"{}",
        b'{"type": "FeatureCollection", "features": []}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_feature_collection_is_refused(data):
    with pytest.raises(InputError, match=r"areas\.geojson"):
        parse_areas(data)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"id": "a b"}, "cannot name findings"),
        ({"id": "<script>"}, "cannot name findings"),
        ({"id": "a.b"}, "cannot name findings"),
        ({"id": None}, "missing"),
        ({"id": "x" * 65}, "cannot name findings"),
        ({"kind": "no-fly"}, "Use one of sovereign"),
        ({"kind": ["fir"]}, "Use one of sovereign"),
        ({"name": {"en": "x"}}, "not a text"),
    ],
)
def test_bad_properties_are_refused(properties, message):
    with pytest.raises(InputError, match=message):
        one([SQUARE], **properties)


def test_lines_and_points_are_refused_not_dropped():
    with pytest.raises(InputError, match="Use Polygon or MultiPolygon"):
        one([[0, 0], [1, 1]], geometry="LineString")


def test_an_id_used_twice_is_refused():
    raw = json.loads(geojson([SQUARE]))
    raw["features"] *= 2
    with pytest.raises(InputError, match="used twice"):
        parse_areas(json.dumps(raw).encode())


def test_limits_on_bytes_areas_and_vertices(tmp_path: Path, monkeypatch):
    path = tmp_path / "areas.geojson"
    path.write_bytes(geojson([SQUARE]))
    assert read_areas(path)[0].basis.endswith("in areas.geojson; taken as it is")
    monkeypatch.setattr(areafile, "MAX_VERTICES", 4)
    with pytest.raises(LimitError, match="positions"):
        read_areas(path)
    monkeypatch.setattr(areafile, "MAX_AREAS", 0)
    with pytest.raises(LimitError, match="areas"):
        read_areas(path)
    monkeypatch.setattr(areafile, "MAX_BYTES", 10)
    with pytest.raises(LimitError, match="larger"):
        read_areas(path)


def test_a_missing_file_names_itself(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere\.geojson"):
        read_areas(tmp_path / "nowhere.geojson")


def test_real_regions_read_and_keep_the_seam(test_data: Path):
    """990 regions of a flight-simulation network; the oceanic ones are cut at 180°."""
    raw = json.loads((test_data / "boundaries" / "Boundaries.geojson").read_bytes())
    for number, feature in enumerate(raw["features"]):
        feature["properties"] |= {"id": f"R{number}", "name": feature["properties"]["id"], "kind": "fir"}
    areas = parse_areas(json.dumps(raw).encode())
    assert len(areas) == len(raw["features"]) > 900
    anchorage = next(a for a in areas if a.name == "PAZA")
    assert inside(anchorage, [180.0, -180.0, -150.0], [50.0, 50.0, 60.0]).all()


def test_cuts_of_a_box_are_where_arithmetic_puts_them():
    area = one([SQUARE])
    lon0, lat0 = np.array([-5.0, 5.0, -5.0, 20.0]), np.array([5.0, 5.0, -5.0, 20.0])
    lon1, lat1 = np.array([15.0, 5.0, -1.0, 21.0]), np.array([5.0, 15.0, 15.0, 21.0])
    line, fraction = edge_cuts(area, lon0, lat0, lon1, lat1)
    assert line.tolist() == [0, 0, 1]
    assert fraction == pytest.approx([0.25, 0.75, 0.5])


def test_many_lines_are_cut_as_few_are():
    """Beyond a few thousand lines coarse cells rule most out; the cuts must be the same."""
    area = one([[[0, 0], [10, 0], [10, 10], [5, 2], [0, 10], [0, 0]]])
    rng = np.random.default_rng(1)
    lon0, lat0 = rng.uniform(-2, 12, 12_000), rng.uniform(-2, 12, 12_000)
    lon1, lat1 = lon0 + rng.normal(0, 0.1, 12_000), lat0 + rng.normal(0, 0.1, 12_000)
    line, fraction = edge_cuts(area, lon0, lat0, lon1, lat1)
    few = [edge_cuts(area, *(v[i : i + 4000] for v in (lon0, lat0, lon1, lat1))) for i in (0, 4000, 8000)]
    assert line.size > 100
    assert line.tolist() == np.concatenate([at + 4000 * k for k, (at, _) in enumerate(few)]).tolist()
    assert fraction == pytest.approx(np.concatenate([f for _, f in few]))

"""Sightings as GeoJSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from overflight.errors import InputError
from overflight.records import Sighting
from overflight.sightings.geojson import parse_geojson

PROPERTIES: dict[str, Any] = {
    "id": "G1",
    "time_utc_start": "2023-02-03T13:20Z",
    "time_utc_end": "2023-02-03T13:40Z",
    "radius_km": 150,
    "kind": "eyewitness_photo",
    "source": "Paper",
    "confidence": "high",
}
POINT = {"type": "Point", "coordinates": [-95.85, 40.5]}
SQUARE = {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 2], [179, 2], [179, 0]]]}


def collection(geometry: Any, **more: Any) -> str:
    feature = {"type": "Feature", "geometry": geometry, "properties": {**PROPERTIES, **more}}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def one(geometry: Any, **more: Any) -> Sighting:
    (sighting,) = parse_geojson(collection(geometry, **more), "s.geojson")
    return sighting


def complaint(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_geojson(text, "s.geojson")
    return caught.value


def test_point() -> None:
    s = one(POINT, alt_m_low=18288.0)
    assert (s.lon_deg, s.lat_deg, s.radius_km, s.alt_low_m, s.reliability) == (
        -95.85,
        40.5,
        150.0,
        18288.0,
        "high",
    )


def test_polygon_over_the_seam_has_its_middle() -> None:
    s = one(SQUARE, radius_km=None)
    assert s.fitted
    assert abs(s.lon_deg or 0.0) == pytest.approx(180.0)
    assert s.lat_deg == pytest.approx(1.0, abs=1e-3)
    assert len(s.polygon) == 5


def test_id_may_stand_on_the_feature() -> None:
    document = json.loads(collection(POINT))
    del document["features"][0]["properties"]["id"]
    document["features"][0]["id"] = 7
    assert parse_geojson(json.dumps(document), "s.geojson")[0].id == "7"


def test_no_geometry_is_no_place() -> None:
    assert one(None, radius_km=None).lat_deg is None


def test_property_problem_names_the_feature() -> None:
    error = complaint(collection(POINT, time_utc_start="2023-02-03T13:20"))
    assert error.field == "features[0].properties.time_utc_start"
    assert "no time zone" in str(error)


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "not a Point or Polygon"),
        ({"type": "Point", "coordinates": ["a", 1]}, "not a Point or Polygon"),
        ({"type": "Point", "coordinates": [40.5, -95.85]}, "swapped"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}, "4 to 10000"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "end where it begins"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "Self-intersection"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]}, "cannot be used"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 99], [2, 0], [0, 0]]]}, "longitude and latitude"),
        ({"type": "Polygon", "coordinates": [SQUARE["coordinates"][0]] * 2}, "holes"),
        ({"type": ["Point"]}, "not a Point or Polygon"),
        (7, "not a Point or Polygon"),
    ],
)
def test_bad_geometry(geometry: Any, says: str) -> None:
    assert says in str(complaint(collection(geometry, radius_km=100)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "FeatureCollection"),
        ('{"type": "FeatureCollection", "features": {}}', "FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [3]}', "not a Feature"),
        ("[" * 100_000, "nested too deeply"),
        ('{"x": NaN}', "NaN"),
        ('{"x": ' + "9" * 5000 + "}", "limit"),
        (collection(POINT, source={"a": 1}), "not a plain value"),
        (collection(POINT).replace("Paper", "\\ud800"), "surrogate"),
        (collection(POINT, text="x" * 30_000), "longer than"),
    ],
)
def test_hostile_documents(text: str, says: str) -> None:
    assert says in str(complaint(text))

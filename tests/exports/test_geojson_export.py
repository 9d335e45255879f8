from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

import synthetic_result as made
from overflight.exports.geojson import track_geojson, write_track_geojson
from overflight.geo import distance_m
from overflight.times import parse_utc


@pytest.fixture(scope="module")
def features() -> list[dict[str, Any]]:
    document = track_geojson({"posterior": made.ensemble()}, made.result(), step_s=12 * 3600.0)
    return list(document["features"])


def of(features: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [f for f in features if f["properties"]["feature"] == kind]


def test_ids_are_unique_and_every_geometry_is_valid(features: list[dict[str, Any]]) -> None:
    assert len({f["id"] for f in features}) == len(features)
    for feature in features:
        if feature["geometry"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            assert shape.is_valid, feature["id"]
            west, south, east, north = shape.bounds
            assert -180 <= west <= east <= 180
            assert -90 <= south <= north <= 90


def test_no_line_jumps_across_the_map(features: list[dict[str, Any]]) -> None:
    """RFC 7946, 3.1.9: a line that crosses the antimeridian is cut there."""
    paths = of(features, "path")
    assert {f["properties"]["scenario"] for f in paths} == {"early_launch", "late_launch"}
    for path in paths:
        assert path["geometry"]["type"] == "MultiLineString"
        for line in path["geometry"]["coordinates"]:
            assert np.abs(np.diff([p[0] for p in line])).max() < 30.0
        ends = [line[-1][0] for line in path["geometry"]["coordinates"]]
        assert ends[0] == 180.0


def test_times_are_as_many_as_positions_and_increase(features: list[dict[str, Any]]) -> None:
    for path in of(features, "path"):
        for line, times in zip(path["geometry"]["coordinates"], path["properties"]["times"], strict=True):
            assert len(line) == len(times)
            seconds = [parse_utc(t) for t in times]
            assert (np.diff(seconds) > 0).all()


def test_outer_rings_run_counterclockwise(features: list[dict[str, Any]]) -> None:
    for feature in of(features, "region"):
        for outer, *_ in feature["geometry"]["coordinates"]:
            assert outer[0] == outer[-1]
            assert shapely.LinearRing(outer).is_ccw


def test_the_path_goes_where_the_flight_went(features: list[dict[str, Any]]) -> None:
    early = next(f for f in of(features, "path") if f["properties"]["scenario"] == "early_launch")
    lon, lat, alt = early["geometry"]["coordinates"][-1][-1]
    assert float(distance_m(lon, lat, made.WAYPOINTS[-1, 1] - 360.0, made.WAYPOINTS[-1, 2])) < 100e3
    assert 17e3 < alt < 20e3


def test_a_sighting_without_a_place_has_no_geometry(features: list[dict[str, Any]]) -> None:
    sightings = {f["id"]: f for f in of(features, "sighting")}
    assert sightings["sighting.X002"]["geometry"] is None
    assert sightings["sighting.X002"]["properties"]["marks"] == ["gives no place"]
    assert len(sightings) == len(made.sightings())


def test_a_polygon_region_of_a_sighting_is_cut_at_the_seam() -> None:
    row = {**made.sightings()[0], "lon_deg": None, "lat_deg": None}
    row["polygon"] = [[170.0, 50.0], [-170.0, 50.0], [-170.0, 60.0], [170.0, 60.0]]
    (feature,) = track_geojson({}, {"sightings": [row]})["features"]
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    assert shape.area == pytest.approx(200.0)


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_track_geojson({"posterior": made.ensemble(members=40)}, made.result(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_hostile_text_stays_a_string(tmp_path: Path) -> None:
    write_track_geojson({}, made.result(), tmp_path / "t.geojson")
    document = json.loads((tmp_path / "t.geojson").read_text(encoding="utf-8"))
    assert document["features"][7]["properties"]["text"] == made.HOSTILE

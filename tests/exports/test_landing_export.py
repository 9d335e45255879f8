"""A landing as GeoJSON and KML: over the antimeridian, names, cells that add up."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import shape

from overflight.exports.landing import landing_geojson, landing_kml, write_landing_geojson, write_landing_kml
from overflight.report.landing_plots import draw_landing
from overflight.trajectories.fragments import Fragment
from overflight.trajectories.landing import Cloud, Landing, landing
from overflight.winds.grid import Grid

TIME_S = 1_675_000_800.0
KML = "{http://www.opengis.net/kml/2.2}"


@pytest.fixture(scope="module")
def fallen() -> Landing:
    """Pieces that fall over the Pacific at 180°, in an even wind to the east."""
    axes = {
        "time_s": TIME_S + np.array([-86400.0, 86400.0]), "pressure_pa": np.array([3e3, 1e4, 5e4, 1.05e5]),
        "lat_deg": np.arange(-90.0, 91.0, 30.0), "lon_deg": np.arange(0.0, 360.0, 30.0),
    }  # fmt: skip
    shape_ = tuple(axis.size for axis in axes.values())
    winds = Grid(
        **axes, u_mps=np.full(shape_, 12.0, np.float32), v_mps=np.zeros(shape_, np.float32), periodic=True
    )  # fmt: skip
    rng = np.random.default_rng(2)
    cloud = Cloud(
        time_s=TIME_S, lon_deg=(179.95 + rng.normal(0.0, 0.1, 60) + 180.0) % 360.0 - 180.0,
        lat_deg=40.0 + rng.normal(0.0, 0.1, 60), pressure_pa=np.full(60, 6e3), weight=np.full(60, 1 / 60),
    )  # fmt: skip
    pieces = [
        Fragment(name="payload", mass_kg=4.0, drag_area_m2=1.0),
        Fragment(name="film", mass_kg=1.0, drag_area_m2=1.0),
    ]
    return landing(cloud, TIME_S, pieces, winds, seed=1, members=120, error=None)


def test_regions_and_cells_lie_within_the_seam(fallen: Landing) -> None:
    features = landing_geojson(fallen)["features"]
    assert features[0]["id"] == "flight"
    assert len({feature["id"] for feature in features}) == len(features)
    for feature in features:
        geometry = shape(feature["geometry"])
        assert geometry.is_valid
        west, _, east, _ = geometry.bounds
        assert -180.0 <= west <= east <= 180.0
        if feature["properties"]["feature"] == "cell":
            assert east - west < 1.0
    both = [f for f in features if f["id"] == "region.payload.90"]
    assert len(both[0]["geometry"]["coordinates"]) == 2


def test_the_regions_hold_their_share_of_the_pieces(fallen: Landing) -> None:
    from shapely.geometry import Point

    regions = {f["id"]: shape(f["geometry"]) for f in landing_geojson(fallen)["features"]}
    for fall in fallen.falls:
        places = [Point(x, y) for x, y in zip(fall.lon_deg, fall.lat_deg, strict=True)]
        for share in (50, 90):
            held = regions[f"region.{fall.fragment.name}.{share}"]
            inside = np.mean([held.contains(place) for place in places])
            assert inside == pytest.approx(share / 100, abs=0.08)


def test_the_cells_add_up(fallen: Landing) -> None:
    for fall in fallen.falls:
        cells = [
            f["properties"]["p"]
            for f in landing_geojson(fallen)["features"]
            if f["properties"]["feature"] == "cell" and f["properties"]["fragment"] == fall.fragment.name
        ]
        assert sum(cells) == pytest.approx(fall.landed.mean(), abs=1e-3)


def test_files_are_written_whole_and_the_same_twice(fallen: Landing, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_landing_geojson(fallen, tmp_path / f"{name}.geojson")
        write_landing_kml(fallen, tmp_path / f"{name}.kml", title="<b>&\x07")
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()
    assert (tmp_path / "a.kml").read_bytes() == (tmp_path / "b.kml").read_bytes()
    assert len(list(tmp_path.iterdir())) == 4
    json.loads((tmp_path / "a.geojson").read_text("utf-8"))
    root = ET.fromstring((tmp_path / "a.kml").read_bytes())
    assert root.findtext(f"{KML}Document/{KML}name") == "<b>&"


def test_kml_has_a_folder_for_each_class(fallen: Landing) -> None:
    root = ET.fromstring(landing_kml(fallen))
    assert [node.findtext(f"{KML}name") for node in root.iter(f"{KML}Folder")] == ["payload", "film"]


def test_the_picture_is_drawn(fallen: Landing, tmp_path: Path) -> None:
    path = draw_landing(fallen, tmp_path / "map.png", title="a $ in the name")
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert [file.name for file in tmp_path.iterdir()] == ["map.png"]

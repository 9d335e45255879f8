from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest

import synthetic_result as made
from overflight.exports.kml import NAMESPACE, track_kml
from overflight.times import parse_utc

KML = f"{{{NAMESPACE}}}"


@pytest.fixture(scope="module")
def root() -> ET.Element:
    return ET.fromstring(track_kml({"posterior": made.ensemble(members=60)}, made.result()))


def test_folders_and_title(root: ET.Element) -> None:
    assert root.tag == f"{KML}kml"
    assert root.findtext(f"{KML}Document/{KML}name") == "An example flight"
    names = [f.findtext(f"{KML}name") for f in root.findall(f"{KML}Document/{KML}Folder")]
    assert names == ["Reconstruction", "Sightings"]


def test_every_placemark_has_a_time_and_a_geometry(root: ET.Element) -> None:
    placemarks = root.findall(f".//{KML}Placemark")
    assert len(placemarks) > 200
    for placemark in placemarks:
        when = placemark.find(f"{KML}TimeSpan/{KML}begin")
        when = when if when is not None else placemark.find(f"{KML}TimeStamp/{KML}when")
        assert when is not None
        parse_utc(str(when.text))
        assert placemark.find(f".//{KML}coordinates") is not None


def test_children_of_a_placemark_stand_in_the_order_of_the_schema(root: ET.Element) -> None:
    """OGC 07-147r2: name, description, time, styleUrl, geometry."""
    order = ["name", "description", "TimeStamp", "TimeSpan", "styleUrl", "Point", "MultiGeometry"]
    for placemark in root.findall(f".//{KML}Placemark"):
        places = [order.index(child.tag.removeprefix(KML)) for child in placemark]
        assert places == sorted(places)


def test_no_line_jumps_across_the_map(root: ET.Element) -> None:
    for text in root.findall(f".//{KML}LineString/{KML}coordinates"):
        lon = [float(p.split(",")[0]) for p in str(text.text).split()]
        assert max(abs(a - b) for a, b in itertools.pairwise(lon)) < 30.0


def test_hostile_text_is_inert_html(root: ET.Element) -> None:
    """Viewers render a description as HTML: after XML is undone it must still be escaped."""
    descriptions = [d.text or "" for d in root.findall(f".//{KML}description")]
    hostile = [d for d in descriptions if "script" in d]
    assert hostile
    assert all("<script" not in d and "&lt;script&gt;" in d for d in hostile)


def test_characters_that_xml_refuses_are_left_out() -> None:
    row = {**made.sightings()[0], "text": "bell\u0007 null\u0000 lone\ud800 end"}
    ET.fromstring(track_kml({}, {"sightings": [row]}))


def test_same_input_gives_same_bytes() -> None:
    first, second = (track_kml({"posterior": made.ensemble(members=40)}, made.result()) for _ in range(2))
    assert first == second

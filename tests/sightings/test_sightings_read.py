"""Reading sightings files from disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from overflight.errors import InputError
from overflight.sightings import read_sightings
from overflight.times import parse_utc

HEADER = "id,time_utc_start,time_utc_end,lat,lon,radius_km,kind,source\n"
ROW = "S1,2023-02-03T13:20Z,2023-02-03T13:40Z,40.5,-95.85,150,eyewitness_photo,Paper\n"
FEATURE = (
    '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [-95, 40]}, "properties": {"id": "G1",'
    '"time_utc_start": "2023-02-03T14:00Z", "radius_km": 50, "kind": "sighting", "source": "x"}}'
)


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_formats_by_ending_in_order(tmp_path: Path) -> None:
    paths = [write(tmp_path, "b.geojson", FEATURE), write(tmp_path, "a.CSV", "\ufeff" + HEADER + ROW)]
    assert [s.id for s in read_sightings(paths)] == ["G1", "S1"]


def test_window_is_marked(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", HEADER + ROW)
    (s,) = read_sightings(
        [path], time_start=parse_utc("2023-01-01T00:00Z"), time_end=parse_utc("2023-01-02T00:00Z")
    )
    assert s.marks[0].code == "outside_window"


def test_ids_are_unique_over_files(tmp_path: Path) -> None:
    paths = [write(tmp_path, "a.csv", HEADER + ROW), write(tmp_path, "b.csv", HEADER + ROW)]
    with pytest.raises(
        InputError, match=r"b.csv, line 2, field 'id': 'S1' is there already \(a.csv, line 2\)"
    ):
        read_sightings(paths)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.txt", HEADER, "not a format for sightings"),
        ("a.csv", HEADER.encode() + b"S\xe9", "line 2: is not UTF-8"),
        ("a.csv", HEADER + "S\0", "NUL"),
        ("a.csv", b"\xff\xfe" + HEADER.encode("utf-16-le"), "not UTF-8"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, data: str | bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_sightings([write(tmp_path, name, data)])


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: cannot be read"):
        read_sightings([tmp_path / "none.csv"])


def test_the_dataset_the_example_is_made_from_reads_as_it_is(test_data: Path) -> None:
    path = test_data.parent / "incident-2023" / "positions.csv"
    if not path.exists():
        pytest.skip("the dataset of the 2023 flight does not lie beside the test data")
    sightings = {s.id: s for s in read_sightings([path])}
    assert len(sightings) == 74
    context = {i for i, s in sightings.items() if s.role == "context"}
    assert context == {"P002", "P006", "P007", "P022", "P050", "P051", "P074"}
    assert {i for i, s in sightings.items() if not s.fitted} - context == {"P008"}
    assert "alt_contradicts" in {m.code for m in sightings["P017"].marks}  # the pilot's 39,000 ft

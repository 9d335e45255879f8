"""The case folder: what is read, what is refused, and where messages point."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from overflight import case as case_module
from overflight.case import (
    CASE_FILE,
    check_keys,
    check_sighting_ids,
    find_line,
    new_case_template,
    read_case,
    write_new_case,
)
from overflight.errors import CaseError
from overflight.sightings import read_sightings
from overflight.times import parse_utc

TOML = """\
version = 1

[case]
title = "A flight"
start = 2023-01-15T00:00:00Z
end = 2023-02-04T20:39:00+01:00

[winds]
source = "prior"
files = "era5.nc"

[inputs]
sightings = ["a.csv", "b.geojson"]
sites = "sites.csv"

[[hypotheses]]
id = "one"
group = "launch"
title = "First"
accepts = ["P1"]

[[hypotheses]]
id = "two"
group = "launch"
title = "Second"
weight = 3
rejects = ["P1"]

[ask.forecast]
hours = 48
"""
FILES = ("a.csv", "b.geojson", "sites.csv", "era5.nc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "case"
    home.mkdir()
    (home / CASE_FILE).write_text(TOML)
    for name in FILES:
        (home / name).write_text(name)
    return home


def complaint(folder: Path, old: str, new: str) -> CaseError:
    assert old in TOML
    (folder / CASE_FILE).write_text(TOML.replace(old, new, 1))
    with pytest.raises(CaseError) as caught:
        read_case(folder)
    assert caught.value.remedy
    return caught.value


def test_case_is_read(folder: Path) -> None:
    case = read_case(folder)
    assert case.title == "A flight"
    assert case.time_start == parse_utc("2023-01-15T00:00Z")
    assert case.time_end == parse_utc("2023-02-04T19:39Z")
    assert case.winds.source == "prior"
    assert case.winds.files == (case.folder / "era5.nc",)
    assert case.inputs["sightings"] == (case.folder / "a.csv", case.folder / "b.geojson")
    assert case.inputs["claims"] == ()
    assert [(h.id, h.group, h.weight, h.accepts, h.rejects) for h in case.hypotheses] == [
        ("one", "launch", 1.0, ("P1",), ()),
        ("two", "launch", 3.0, (), ("P1",)),
    ]
    assert case.ask == {"forecast": {"hours": 48}}


def test_the_file_itself_may_be_given(folder: Path) -> None:
    assert read_case(folder / CASE_FILE) == read_case(folder)


def test_every_input_has_its_hash(folder: Path) -> None:
    hashes = read_case(folder).hashes
    assert set(hashes) == {CASE_FILE, *FILES}
    assert hashes["a.csv"] == hashlib.sha256(b"a.csv").hexdigest()


def test_winds_in_the_folder_are_found_by_their_endings(folder: Path) -> None:
    winds = folder / "winds"
    (winds / "z.zarr").mkdir(parents=True)
    (winds / "z.zarr" / "zarr.json").write_text("{}")
    for name in ("b.grib2", "a.NC", "c.grb2", "d.grib", "e.nc.part", "notes.txt", "._a.nc"):
        (winds / name).write_text("x")
    case = read_case(folder)
    names = [p.name for p in case.winds.files]
    assert names == ["era5.nc", "a.NC", "b.grib2", "c.grb2", "d.grib", "z.zarr"]
    assert case.hashes["winds/z.zarr"].startswith("listing-sha256:")
    (winds / "z.zarr" / "more").write_text("x")
    assert read_case(folder).hashes["winds/z.zarr"] != case.hashes["winds/z.zarr"]


def test_very_large_winds_are_known_by_their_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_module, "MAX_HASHED_BYTES", 3_000_000)
    data = bytearray(4_000_000)
    (folder / "era5.nc").write_bytes(data)
    before = read_case(folder).hashes["era5.nc"]
    data[-1] = 1
    (folder / "era5.nc").write_bytes(data)
    after = read_case(folder).hashes["era5.nc"]
    assert before.startswith("ends-sha256:")
    assert after != before


def test_a_stream_and_its_anchors_may_be_large_and_are_hashed_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_module, "MAX_HASHED_BYTES", 3_000_000)
    more = 'sites = "sites.csv"\nstream = "big.frames"\nanchors = "big.db"'
    (folder / CASE_FILE).write_text(TOML.replace('sites = "sites.csv"', more))
    for name in ("big.frames", "big.db"):
        with (folder / name).open("wb") as sparse:
            sparse.truncate(40_000_000)
    case = read_case(folder)
    # openssl: head -c 40000000 /dev/zero | openssl dgst -sha256
    zeros = "c0e6623abfbed73c146be81338cff1e8e4c06dd05eb98721163dc79fbbd20562"
    assert (case.hashes["big.frames"], case.hashes["big.db"]) == (zeros, zeros)
    with (folder / "big.frames").open("r+b") as sparse:
        sparse.seek(20_000_000)
        sparse.write(b"x")
    assert read_case(folder).hashes["big.frames"] != zeros


def test_a_stream_that_its_reader_would_refuse_is_not_read_to_be_hashed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_module, "MAX_STREAM_HASHED_BYTES", 3_000_000)
    (folder / CASE_FILE).write_text(TOML.replace('"sites.csv"', '"sites.csv"\nstream = "big.frames"'))
    (folder / "big.frames").write_bytes(bytes(4_000_000))
    assert read_case(folder).hashes["big.frames"].startswith("ends-sha256:")


def test_what_is_no_plain_file_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / "sites.csv").unlink()
    os.mkfifo(folder / "sites.csv")
    assert "no plain file" in complaint(folder, "A flight", "B flight").what


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ("version = 1", "version = 2", 1, "version", "reads version 1"),
        ("version = 1", "version = true", 1, "version", "true or false"),
        ("version = 1", "", None, "version", "is missing"),
        ("title = ", "titel = ", 4, "case.titel", "Did you mean 'title'?"),
        ("[ask.forecast]", "[ask.forcast]", 29, "ask.forcast", "Did you mean 'forecast'?"),
        ("[winds]", "[wind]", 8, "wind", "Did you mean 'winds'?"),
        ("weight = 3", "wieght = 3", 26, "hypotheses[1].wieght", "Did you mean 'weight'?"),
        ("weight = 3", "weight = 0", 26, "hypotheses[1].weight", "positive"),
        ("weight = 3", "weight = nan", 26, "hypotheses[1].weight", "positive"),
        ("weight = 3", "weight = 1" + "0" * 400, 26, "hypotheses[1].weight", "positive"),
        ('id = "two"', 'id = "one"', 23, "hypotheses[1].id", "there twice"),
        ('id = "two"', 'id = "t.wo"', 23, "hypotheses[1].id", "not an id"),
        ('rejects = ["P1"]', 'rejects = "P1"', 27, "hypotheses[1].rejects", "not a list"),
        (
            'accepts = ["P1"]',
            'accepts = ["P1"]\nrejects = ["P1"]',
            21,
            "hypotheses[0].rejects",
            "accepted too",
        ),
        ("2023-01-15T00:00:00Z", "2023-01-15T00:00:00", 5, "case.start", "no time zone"),
        ("2023-01-15T00:00:00Z", "2023-01-15", 5, "case.start", "is a date"),
        ("2023-01-15T00:00:00Z", '"2023-01-15T00:00"', 5, "case.start", "no time zone"),
        ("2023-01-15T00:00:00Z", "3", 5, "case.start", "whole number"),
        ("2023-01-15T00:00:00Z", "2024-01-15T00:00:00Z", 6, "case.end", "not after start"),
        ("2023-01-15T00:00:00Z", "2013-01-15T00:00:00Z", 6, "case.end", "400 days"),
        ('"prior"', '"best"', 9, "winds.source", "auto, prior, prior-only, files"),
        ('"prior"', '"prior"\nerror_mps = "2"', 10, "winds.error_mps", "Write a number, in m/s"),
        ('"prior"', '"prior"\nerror_mps = true', 10, "winds.error_mps", "Write a number, in m/s"),
        ('"prior"', '"prior"\nerror_mps = 0', 10, "winds.error_mps", "0.1 to 30"),
        ('"prior"', '"prior"\nerror_mps = nan', 10, "winds.error_mps", "0.1 to 30"),
        ('"A flight"', '"  "', 4, "case.title", "is empty"),
        ('"sites.csv"', '"site.csv"', 14, "inputs.sites", "Did you mean 'sites.csv'?"),
        ('"sites.csv"', '"a.xlsx"', 14, "inputs.sites", "does not end in .csv"),
        ('"b.geojson"', '"a.csv"', 13, "inputs.sightings", "there twice"),
        ('sightings = ["a.csv", "b.geojson"]', "", 12, "inputs.sightings", "is missing"),
        ("[inputs]", "[inputs", 12, "", "not valid TOML"),
        ("[ask.forecast]\nhours = 48", "[ask]\nforecast = 48", 30, "ask.forecast", "whole number"),
        ("version = 1", "version = 1\nx = " + "[" * 2000, None, "", "nested too deeply"),
        ("version = 1", "version = 1" + "0" * 5000, None, "", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(
    folder: Path, old: str, new: str, line: int | None, key: str, says: str
) -> None:
    error = complaint(folder, old, new)
    assert (error.file, error.line, error.field) == (CASE_FILE, line, key)
    assert says in str(error)


@pytest.mark.parametrize(
    "path", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "C:/a.csv", "..\\\\a.csv", "\\\\\\\\host\\\\a.csv"]
)
def test_paths_that_leave_the_folder_are_refused(folder: Path, path: str) -> None:
    (folder.parent / "a.csv").write_text("outside")
    assert "leaves the case folder" in str(complaint(folder, "sites.csv", path))


def test_links_that_leave_the_folder_are_refused(folder: Path) -> None:
    outside = folder.parent / "secret.csv"
    outside.write_text("outside")
    (folder / "link.csv").symlink_to(outside)
    error = complaint(folder, "sites.csv", "link.csv")
    assert error.field == "inputs.sites"
    assert "link that leaves" in str(error)


def test_a_winds_folder_that_leads_outside_is_refused(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "winds").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(CaseError, match="link that leaves"):
        read_case(folder)


def test_a_link_inside_a_zarr_folder_that_leads_outside_is_refused(folder: Path) -> None:
    (folder / "winds" / "z.zarr").mkdir(parents=True)
    (folder / "winds" / "z.zarr" / "0").symlink_to(folder.parent)
    with pytest.raises(CaseError, match="link that leaves"):
        read_case(folder)


def test_a_link_in_a_circle_is_refused(folder: Path) -> None:
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    error = complaint(folder, "sites.csv", "loop.csv")
    assert error.field == "inputs.sites"


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "link.csv").symlink_to(folder / "sites.csv")
    (folder / CASE_FILE).write_text(TOML.replace('"sites.csv"', '"link.csv"'))
    assert [p.name for p in read_case(folder).inputs["sites"]] == ["sites.csv"]


def test_a_file_over_the_limit_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_module, "MAX_TEXT_BYTES", 4)
    error = complaint(folder, "A flight", "B flight")
    assert error.field == "inputs.sightings"
    assert "larger than" in str(error)


def test_a_case_toml_over_the_limit_or_not_text_is_refused(folder: Path) -> None:
    (folder / CASE_FILE).write_text("#" * 1_000_001)
    with pytest.raises(CaseError, match="larger than"):
        read_case(folder)
    (folder / CASE_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(CaseError, match="not UTF-8"):
        read_case(folder)


def test_a_folder_without_a_case_says_how_to_make_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(CaseError, match="overflight new CASE"):
            read_case(folder)


def test_parts_check_their_own_tables(folder: Path) -> None:
    case = read_case(folder)
    check_keys(case.ask["forecast"], ("hours",), "ask.forecast", folder)
    with pytest.raises(CaseError, match="Did you mean 'hour'") as caught:
        check_keys(case.ask["forecast"], ("hour",), "ask.forecast", folder)
    assert (caught.value.field, caught.value.line) == ("ask.forecast.hours", 30)


def test_hypotheses_name_sightings_that_are_there(folder: Path) -> None:
    case = read_case(folder)
    check_sighting_ids(case, ["P1", "P2"])
    with pytest.raises(CaseError, match="'P1', which the case does not have") as caught:
        check_sighting_ids(case, ["P11"])
    assert (caught.value.field, caught.value.line) == ("hypotheses[0].accepts", 20)
    assert "Did you mean 'P11'?" in str(caught.value)


def test_find_line_gives_none_for_what_is_not_there() -> None:
    assert find_line(TOML, "nothing.here") is None
    assert find_line(TOML, "winds") == 8


def test_a_new_case_can_be_read_and_is_not_overwritten(tmp_path: Path) -> None:
    files = write_new_case(tmp_path / "new")
    case = read_case(tmp_path / "new")
    assert (tmp_path / "new" / CASE_FILE).read_text() == new_case_template()
    assert [p.name for p in files] == [CASE_FILE, "sightings.csv", "sites.csv"]
    assert read_sightings(case.inputs["sightings"]) == ()
    (tmp_path / "new" / CASE_FILE).write_text("mine")
    with pytest.raises(CaseError, match="nothing was written"):
        write_new_case(tmp_path / "new")
    assert (tmp_path / "new" / CASE_FILE).read_text() == "mine"


def test_the_template_shows_keys_that_are_known(tmp_path: Path) -> None:
    write_new_case(tmp_path)
    shown = new_case_template().replace("# ", "")
    for key in (*case_module.CASE_KEYS, *case_module.WINDS_KEYS, *case_module.INPUT_KEYS):
        assert f"\n{key} = " in shown
    for key in case_module.HYPOTHESIS_KEYS:
        assert f"\n{key} = " in shown
    for part in case_module.ASK_PARTS:
        assert f"[ask.{part}]" in shown


def test_the_examples_row_of_the_template_is_a_sighting(tmp_path: Path) -> None:
    write_new_case(tmp_path)
    path = tmp_path / "sightings.csv"
    rows = [line[2:] for line in path.read_text().splitlines() if line.startswith("# S001")]
    path.write_text(path.read_text() + "\n".join(rows) + "\n")
    (sighting,) = read_sightings([path])
    assert sighting.fitted
    assert not sighting.marks

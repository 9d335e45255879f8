"""The cache of winds: where it is, what covers a case, and damaged entries."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from overflight.errors import FetchError
from overflight.winds.cache import (
    GLOBE,
    CacheFile,
    Entry,
    cache_folder,
    covers,
    entries,
    entry_files,
    find,
    missing_files,
    read_entry,
    verify,
    write_entry,
)

DATA = b"winds"


def entry(name: str = "era5-a", **changes: object) -> Entry:
    known: dict[str, object] = {
        "id": name,
        "source": "era5",
        "title": "ERA5 0.25°",
        "time_start": 1000.0,
        "time_end": 5000.0,
        "box": GLOBE,
        "levels_pa": (1000.0, 5000.0, 20_000.0),
        "files": (CacheFile(name="wind.nc", bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest()),),
    }
    return Entry(**(known | changes))


def put(cache: Path, one: Entry, data: bytes = DATA) -> Entry:
    write_entry(cache, one)
    entry_files(cache, one)[0].write_bytes(data)
    return one


def test_the_folder_is_the_variable_or_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder({"OVERFLIGHT_CACHE": "/somewhere"}) == Path("/somewhere")
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/overflight")
    # The XDG specification: relative paths there are invalid.
    assert cache_folder({"XDG_CACHE_HOME": "x"}) == Path.home() / ".cache" / "overflight"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder({}) == Path.home() / "Library" / "Caches" / "overflight"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache_folder({"LOCALAPPDATA": "/local"}) == Path("/local/overflight/cache")


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path) -> None:
    one = put(tmp_path, entry())
    assert read_entry(tmp_path / one.id) == one
    assert entries(tmp_path) == ([one], [])
    assert entries(tmp_path / "absent") == ([], [])


def test_find_returns_what_covers_the_smallest_first(tmp_path: Path) -> None:
    large = put(tmp_path, entry("a", files=(CacheFile(name="wind.nc", bytes=9, sha256=""),)), b"123456789")
    small = put(tmp_path, entry("b"))
    put(tmp_path, entry("c", time_end=3000.0))
    assert find(tmp_path, (1000.0, 4000.0)) == [small, large]
    assert find(tmp_path, (1000.0, 4000.0), levels_pa=(500.0, 5000.0)) == []


@pytest.mark.parametrize(
    ("box", "inside", "expected"),
    [
        (GLOBE, (-170.0, -90.0, 170.0, 90.0), True),
        ((170.0, 40.0, -120.0, 80.0), (175.0, 50.0, -130.0, 70.0), True),
        ((170.0, 40.0, -120.0, 80.0), (165.0, 50.0, -130.0, 70.0), False),
        ((170.0, 40.0, -120.0, 80.0), (175.0, 50.0, -110.0, 70.0), False),
        ((170.0, 40.0, -120.0, 80.0), (175.0, 30.0, -130.0, 70.0), False),
        ((170.0, 40.0, -120.0, 80.0), (-170.0, 50.0, -130.0, 70.0), True),
        ((170.0, 40.0, -120.0, 80.0), (-180.0, 50.0, 180.0, 70.0), False),
        ((0.0, 40.0, 359.75, 80.0), (10.0, 50.0, 20.0, 70.0), True),
        ((350.0, 40.0, 370.0, 80.0), (-5.0, 50.0, 5.0, 70.0), True),
    ],
)
def test_boxes_over_the_date_line(
    box: tuple[float, float, float, float], inside: tuple[float, float, float, float], expected: bool
) -> None:
    assert covers(entry(box=box), (2000.0, 3000.0), inside) is expected


@pytest.mark.parametrize(
    ("window", "expected"), [((1000.0, 5000.0), True), ((900.0, 5000.0), False), ((1000.0, 5100.0), False)]
)
def test_windows(window: tuple[float, float], expected: bool) -> None:
    assert covers(entry(), window) is expected


def test_files_that_are_gone_or_cut_are_not_offered_and_changed_ones_fail_to_verify(tmp_path: Path) -> None:
    one = put(tmp_path, entry())
    verify(tmp_path, one)
    (path,) = entry_files(tmp_path, one)
    path.write_bytes(b"Winds")
    assert missing_files(tmp_path, one) == []
    with pytest.raises(FetchError, match="has changed"):
        verify(tmp_path, one)
    path.write_bytes(b"win")
    assert missing_files(tmp_path, one) == ["wind.nc"]
    assert find(tmp_path, (2000.0, 3000.0)) == []
    path.unlink()
    with pytest.raises(FetchError, match="gone"):
        verify(tmp_path, one)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"id": "other"},
        {"files": [{"name": "../../secret", "bytes": 1, "sha256": ""}]},
        {"files": []},
        {"files": 3},
        {"box": [1, 2, 3]},
        {"levels_pa": []},
        {"time_start": "noon"},
    ],
)
def test_damaged_entries_are_named_and_the_others_still_found(
    tmp_path: Path, change: dict[str, object]
) -> None:
    good = put(tmp_path, entry("good"))
    bad = put(tmp_path, entry("bad"))
    path = tmp_path / bad.id / "entry.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    found, problems = entries(tmp_path)
    assert found == [good]
    assert len(problems) == 1
    assert "bad" in problems[0]
    assert find(tmp_path, (2000.0, 3000.0)) == [good]


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "null"])
def test_an_index_that_is_no_json_object_is_a_fetch_error(tmp_path: Path, text: str) -> None:
    one = put(tmp_path, entry())
    (tmp_path / one.id / "entry.json").write_text(text)
    with pytest.raises(FetchError, match=r"entry\.json"):
        read_entry(tmp_path / one.id)

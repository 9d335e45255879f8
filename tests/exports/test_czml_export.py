"""CZML and Zarr of ensembles: shape, the seam, names that would break out, replacing in one step."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from overflight.errors import InputError, OverflightError
from overflight.exports import zarr as zarr_export
from overflight.exports.czml import czml, write_czml
from overflight.exports.zarr import read_ensemble_zarr, write_ensemble_zarr
from overflight.records import make_ensemble

HOSTILE = '</script><img src=x onerror="alert(1)">\x1b[2J\u202e'


def ensemble(scenario: str = "only", members: int = 12, times: int = 9) -> xr.Dataset:
    """Members that cross the antimeridian eastward; one begins late, one ends early."""
    rng = np.random.default_rng(5)
    lon = 176.0 + np.arange(times) + rng.normal(0.0, 0.5, (members, 1))
    lat = 50.0 + rng.normal(0.0, 0.5, (members, times))
    status = np.zeros((members, times), np.int8)
    status[0, :2], status[1, 6:] = 1, 2
    gone = status > 0
    state = [np.where(gone, np.nan, v) for v in (lon, lat, np.full(lon.shape, 18e3), np.full(lon.shape, 7e3))]
    return make_ensemble(
        kind="forecast", time_s=1.675e9 + 3600.0 * np.arange(times), lon_deg=state[0], lat_deg=state[1],
        alt_m=state[2], pressure_pa=state[3], status=status, scenario_names=(scenario,),
    )  # fmt: skip


def positions(packet: dict[str, Any]) -> np.ndarray:
    return np.array(packet["position"]["cartographicDegrees"]).reshape(-1, 4)


def test_members_have_their_own_lives() -> None:
    packets = {packet["id"]: packet for packet in czml(ensemble(), step_s=7200.0)}
    assert packets["member.0"]["position"]["epoch"] == "2023-01-29T15:46:40Z"
    assert len(positions(packets["member.0"])) == 7
    assert len(positions(packets["member.1"])) == 6
    assert packets["member.1"]["availability"].endswith("2023-01-29T18:46:40Z")
    for packet in packets.values():
        if "position" in packet:
            rows = positions(packet)
            assert np.isfinite(rows).all()
            assert (np.abs(rows[:, 1]) <= 180.0).all()


def test_regions_follow_one_another_and_cover_the_run() -> None:
    packets = [p for p in czml(ensemble(), step_s=7200.0) if p["id"].startswith("region.")]
    spans = sorted({tuple(p["availability"].split("/")) for p in packets})
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert spans[-1][1] == "2023-01-29T21:46:40Z"
    for packet in packets:
        ring = np.array(packet["polygon"]["positions"]["cartographicDegrees"]).reshape(-1, 3)
        assert len(ring) >= 3
        assert (np.abs(ring[:, 0]) <= 180.0).all()
        assert not (ring[0] == ring[-1]).all()


def test_names_from_outside_are_text_and_nothing_else(tmp_path: Path) -> None:
    write_czml(ensemble(HOSTILE), tmp_path / "a.czml", title=HOSTILE)
    data = (tmp_path / "a.czml").read_bytes()
    assert b"<" not in data
    assert b"\x1b" not in data
    assert data.isascii()
    names = [packet["name"] for packet in json.loads(data)]
    assert names[0].startswith("&lt;/script&gt;")
    assert "\x1b" not in names[0]
    assert "\u202e" not in names[0]


def test_the_same_ensemble_gives_the_same_bytes_and_no_half_file_stays(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_czml(ensemble(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_many_members_are_thinned() -> None:
    packets = czml(ensemble(members=200))
    assert 20 <= sum(packet["id"].startswith("member.") for packet in packets) <= 40


# --- zarr


def test_a_store_opens_as_it_was_written(tmp_path: Path) -> None:
    flown = ensemble()
    write_ensemble_zarr(flown, tmp_path / "a.zarr")
    xr.testing.assert_identical(
        read_ensemble_zarr(tmp_path / "a.zarr").drop_attrs(), flown.drop_attrs()
    )  # fmt: skip
    assert read_ensemble_zarr(tmp_path / "a.zarr").attrs["kind"] == "forecast"


def test_a_store_is_replaced_whole(tmp_path: Path) -> None:
    write_ensemble_zarr(ensemble(members=12), tmp_path / "a.zarr")
    write_ensemble_zarr(ensemble(members=4), tmp_path / "a.zarr")
    assert read_ensemble_zarr(tmp_path / "a.zarr").sizes["member"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_what_is_no_store_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "letters.txt").write_text("dear", "utf-8")
    with pytest.raises(InputError, match=r"is no Zarr store"):
        write_ensemble_zarr(ensemble(), tmp_path / "a.zarr")
    assert (tmp_path / "a.zarr" / "letters.txt").read_text("utf-8") == "dear"


def test_what_is_no_ensemble_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OverflightError):
        write_ensemble_zarr(xr.Dataset(), tmp_path / "a.zarr")
    xr.Dataset({"a": ("x", [1.0])}).to_zarr(tmp_path / "b.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(InputError, match=r"b\.zarr"):
        read_ensemble_zarr(tmp_path / "b.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    write_ensemble_zarr(ensemble(), tmp_path / "a.zarr")
    chunk = next(
        path
        for path in (tmp_path / "a.zarr" / "lon").rglob("*")
        if path.is_file() and path.name != "zarr.json"
    )
    chunk.write_bytes(b"not a chunk")
    with pytest.raises(InputError, match=r"a\.zarr"):
        read_ensemble_zarr(tmp_path / "a.zarr")


def test_a_store_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ensemble_zarr(ensemble(), tmp_path / "a.zarr")
    monkeypatch.setattr(zarr_export, "MOST_BYTES", 100)
    with pytest.raises(OverflightError, match="Fly fewer members"):
        read_ensemble_zarr(tmp_path / "a.zarr")

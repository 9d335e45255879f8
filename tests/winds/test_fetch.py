"""Fetching from a server on loopback that speaks the protocols of the stores, with made data.

The GRIB messages come from eccodes and the Zarr store from zarr, so both ends are checked by foreign
programs: what arrives is read back with `read_grid` and compared with what was put in.
"""

from __future__ import annotations

import builtins
import hashlib
import http.server
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import eccodes
import numcodecs
import numpy as np
import pytest
import xarray as xr

from overflight.errors import CoverageError, FetchError, LimitError
from overflight.times import parse_utc
from overflight.winds import fetch, web
from overflight.winds.blosc_part import blocks_for, parse_frame, rebuild
from overflight.winds.cache import find, verify
from overflight.winds.fetch import check_grib, execute, plan
from overflight.winds.fetch_gfs import parse_index, times_and_cycles
from overflight.winds.fetch_plan import FetchPlan, Part, bracket_levels, describe, human_bytes
from overflight.winds.gridded import read_grid
from overflight.winds.store import open_store, store_files
from overflight.winds.web import Limits

HOUR = 3600.0
START = parse_utc("2023-01-28T00:00:00Z")
WINDOW = (START, START + 6 * HOUR)
NOW = parse_utc("2023-02-10T00:00:00Z")
BOX = (-170.0, 40.0, -120.0, 70.0)

QUICK = Limits(connect_s=2.0, read_s=2.0, retries=2, backoff_s=0.01, workers=3)


# --- the server ----------------------------------------------------------------------------------------


@dataclass
class Remote:
    """Files by path, how each misbehaves (a list of turns, used up), and the requests that came."""

    files: dict[str, bytes] = field(default_factory=dict)
    turns: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, path: str) -> str:
        with self.lock:
            waiting = self.turns.get(path, [])
            return waiting.pop(0) if waiting else ""

    def ranges(self, path: str) -> list[str]:
        return [value for asked, value in self.asked if asked == path]


class Handler(http.server.BaseHTTPRequestHandler):
    """Byte ranges and ETags as RFC 9110 has them, and the faults of `Remote.turns`."""

    protocol_version = "HTTP/1.1"
    remote: Remote

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        remote, value = self.remote, self.headers.get("Range", "")
        remote.asked.append((self.path, value))
        turn = remote.turn(self.path)
        if turn.startswith("status "):
            self._empty(int(turn.split()[1]))
        elif turn.startswith("redirect "):
            self._empty(302, turn.split()[1])
        elif self.path not in remote.files:
            self._empty(404)
        else:
            self._send(remote.files[self.path], value, turn)

    def _empty(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data: bytes, value: str, turn: str) -> None:
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        body, status = data, 200
        if self.headers.get("If-Range", etag) != etag or turn == "no ranges":
            value = ""
        if value:
            first, _, last = value.removeprefix("bytes=").partition("-")
            end = min(int(last), len(data) - 1)
            body, status = data[int(first) : end + 1], 206
        if turn == "more":
            body += bytes(100)
        if turn == "corrupt":
            body = bytes([*body[:-4], 0, 0, 0, 0])
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{end}/{len(data)}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) + (1000 if turn == "lie" else 0)))
        self.end_headers()
        if turn.startswith("cut"):
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if turn == "stall":
            self.wfile.write(body[:10])
            self.wfile.flush()
            time.sleep(1.0)
            self.close_connection = True
            return
        self.wfile.write(body)
        if turn == "lie":
            self.close_connection = True


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    one = Remote()
    handler = type("BoundHandler", (Handler,), {"remote": one})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        one.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield one
        server.shutdown()
        thread.join()


# --- made GFS ------------------------------------------------------------------------------------------

LEVELS_HPA = (20, 50, 70, 100)


def grib_message(variable: str, hpa: int, cycle: float, hour: int, member: int | None, value: float) -> bytes:
    """A global 5° field of one value, made by eccodes."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
    try:
        if member is not None:
            eccodes.codes_set(handle, "productDefinitionTemplateNumber", 1)
            eccodes.codes_set(handle, "perturbationNumber", member)
            eccodes.codes_set(handle, "numberOfForecastsInEnsemble", 2)
        when = time.gmtime(cycle)
        settings: dict[str, Any] = {
            "centre": "kwbc",
            "dataDate": int(time.strftime("%Y%m%d", when)),
            "dataTime": when.tm_hour * 100,
            "forecastTime": hour,
            "Ni": 72,
            "Nj": 37,
            "latitudeOfFirstGridPointInDegrees": 90.0,
            "latitudeOfLastGridPointInDegrees": -90.0,
            "longitudeOfFirstGridPointInDegrees": 0.0,
            "longitudeOfLastGridPointInDegrees": 355.0,
            "iDirectionIncrementInDegrees": 5.0,
            "jDirectionIncrementInDegrees": 5.0,
            "discipline": 0,
            "parameterCategory": 2,
            "parameterNumber": 2 if variable == "UGRD" else 3,
            "typeOfFirstFixedSurface": 100,
            "level": hpa,
            "bitsPerValue": 16,
        }
        for key, setting in settings.items():
            eccodes.codes_set(handle, key, setting)
        field_ = value + np.linspace(0.0, 5.0, 72 * 37)
        eccodes.codes_set_values(handle, field_)
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


def wind_value(variable: str, hpa: int, valid: float) -> float:
    return (10.0 if variable == "UGRD" else -5.0) + hpa / 10.0 + (valid - START) / HOUR


def grib_file(
    cycle: float, hour: int, levels: tuple[int, ...], member: int | None = None
) -> tuple[bytes, bytes]:
    """A file with other variables between the winds, and its index, as wgrib2 writes it."""
    data, lines = b"", []
    stamp = time.strftime("%Y%m%d%H", time.gmtime(cycle))
    number = 0
    for hpa in levels:
        for variable in ("HGT", "UGRD", "VGRD"):
            number += 1
            step = "anl" if hour == 0 else f"{hour} hour fcst"
            lines.append(f"{number}:{len(data)}:d={stamp}:{variable}:{hpa} mb:{step}:")
            if variable == "HGT":
                data += b"GRIB\0\0\0\2" + (5000).to_bytes(8, "big") + bytes(4980) + b"7777"
            else:
                value = wind_value(variable, hpa, cycle + hour * HOUR)
                data += grib_message(variable, hpa, cycle, hour, member, value)
    return data, ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def gfs_files() -> dict[str, bytes]:
    files = {}
    for cycle, hour in ((START, 0), (START, 3), (START + 6 * HOUR, 0)):
        stamp = time.gmtime(cycle)
        path = time.strftime("/gfs.%Y%m%d/%H/atmos/gfs.t%Hz.pgrb2.0p25", stamp) + f".f{hour:03d}"
        files[path], files[path + ".idx"] = grib_file(cycle, hour, LEVELS_HPA)
    return files


@pytest.fixture
def gfs(remote: Remote, gfs_files: dict[str, bytes]) -> Remote:
    remote.files.update(gfs_files)
    return remote


F000 = "/gfs.20230128/00/atmos/gfs.t00z.pgrb2.0p25.f000"


def gfs_plan(remote: Remote, **changes: Any) -> FetchPlan:
    asked: dict[str, Any] = {"now_s": NOW, "limits": QUICK, "base_url": remote.url}
    return plan("gfs", WINDOW, BOX, (5000.0, 8000.0), **(asked | changes))


def test_gfs_plan_says_what_and_how_much_before_any_of_it_comes(gfs: Remote) -> None:
    made = gfs_plan(gfs)
    assert made.window == WINDOW
    assert made.levels_pa == (5000.0, 7000.0, 10_000.0)
    # u and v of a level stand together: three times, three levels.
    assert len(made.parts) == 9
    one = len(grib_message("UGRD", 50, START, 0, None, 1.0))
    assert made.total_bytes == 18 * one
    text = describe(made)
    assert "GFS 0.25°, 2023-01-28T00:00:00Z to 2023-01-28T06:00:00Z, 3 levels from 50 to 100 hPa" in text
    assert human_bytes(made.total_bytes) in text
    # Besides the indexes, only the length of a file whose last message is a wanted one.
    assert all(path.endswith(".idx") or value == "bytes=0-15" for path, value in gfs.asked)


def test_gfs_arrives_whole_and_reads_back(gfs: Remote, tmp_path: Path) -> None:
    made, seen = gfs_plan(gfs), []
    entry = execute(made, tmp_path, limits=QUICK, progress=lambda here, total: seen.append((here, total)))
    assert seen[0] == (0, made.total_bytes)
    assert seen[-1] == (made.total_bytes, made.total_bytes)
    assert find(tmp_path, WINDOW, BOX, (5000.0, 8000.0)) == [entry]
    verify(tmp_path, entry)
    assert not (tmp_path / entry.id / "parts").exists()
    grid = read_grid(tmp_path / entry.id / "wind.grib2")
    assert grid.time_s.tolist() == [START, START + 3 * HOUR, START + 6 * HOUR]
    assert grid.pressure_pa.tolist() == [5000.0, 7000.0, 10_000.0]
    for i, t in enumerate(grid.time_s):
        for j, hpa in enumerate((50, 70, 100)):
            # The first point of the file is the north pole at 0° E, the last the south pole at 355° E.
            assert grid.u_mps[i, j].min() == pytest.approx(wind_value("UGRD", hpa, t), abs=1e-3)
            assert grid.v_mps[i, j].max() == pytest.approx(wind_value("VGRD", hpa, t) + 5.0, abs=1e-3)
    gfs.asked.clear()
    assert execute(made, tmp_path, limits=QUICK) == entry
    assert gfs.asked == []


def test_a_transfer_that_breaks_off_goes_on_by_range(gfs: Remote, tmp_path: Path) -> None:
    gfs.turns[F000] = ["cut"]
    made = gfs_plan(gfs)
    execute(made, tmp_path, limits=QUICK)
    part = made.parts[0]
    last = part.first + part.size - 1
    mine = [r for r in gfs.ranges(F000) if r.endswith(f"-{last}")]
    starts = {int(r.removeprefix("bytes=").split("-")[0]) for p in made.parts for r in gfs.ranges(F000) if r}
    assert len(starts) == 4  # three parts and one beginning in the middle of one
    assert len(mine) in (1, 2)


def test_a_stopped_download_keeps_what_came_and_the_next_run_brings_the_rest(
    gfs: Remote, tmp_path: Path
) -> None:
    made = gfs_plan(gfs)
    slow = Limits(connect_s=2, read_s=2, retries=0, backoff_s=0.01, workers=1)

    def stop_half_way(here: int, total: int) -> None:
        if here > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(made, tmp_path, limits=slow, progress=stop_half_way)
    assert find(tmp_path, WINDOW) == []
    kept = sum(p.stat().st_size for p in (tmp_path / made.id / "parts").iterdir() if p.suffix != ".etag")
    assert kept > made.total_bytes // 2
    gfs.asked.clear()
    seen: list[int] = []
    execute(made, tmp_path, limits=QUICK, progress=lambda here, _: seen.append(here))
    assert seen[0] == kept
    brought = 0
    for _, value in gfs.asked:
        first, last = value.removeprefix("bytes=").split("-")
        brought += int(last) - int(first) + 1
    assert kept + brought == made.total_bytes


def test_a_run_cut_off_mid_part_resumes_in_the_middle_of_the_part(gfs: Remote, tmp_path: Path) -> None:
    made = gfs_plan(gfs)
    gfs.turns[F000] = ["cut"]
    with pytest.raises(FetchError):
        execute(made, tmp_path, limits=Limits(retries=0, workers=1, read_s=2.0))
    gfs.asked.clear()
    execute(made, tmp_path, limits=QUICK)
    middle = f"bytes={made.parts[0].first + made.parts[0].size // 2}-"
    assert any(value.startswith(middle) for value in gfs.ranges(F000))
    assert read_grid(next(tmp_path.glob("*/wind.grib2"))).u_mps.shape[:2] == (3, 3)


def test_a_file_that_changed_between_two_runs_is_not_mixed(gfs: Remote, tmp_path: Path) -> None:
    made = gfs_plan(gfs)
    gfs.turns[F000] = ["cut"]
    with pytest.raises(FetchError):
        execute(made, tmp_path, limits=Limits(retries=0, workers=1, read_s=2.0))
    # A byte of another variable, so that only the version tells.
    gfs.files[F000] = gfs.files[F000][:100] + b"8" + gfs.files[F000][101:]
    with pytest.raises(FetchError, match="has changed at the source"):
        execute(made, tmp_path, limits=QUICK)
    # The old pieces are gone, so the run after that is of one version.
    execute(made, tmp_path, limits=QUICK)


def test_a_damaged_message_is_brought_once_more_and_then_an_error(gfs: Remote, tmp_path: Path) -> None:
    made = gfs_plan(gfs)
    gfs.turns[F000] = ["corrupt"]
    execute(made, tmp_path / "a", limits=QUICK)
    gfs.turns[F000] = ["corrupt"] * 20
    with pytest.raises(FetchError, match="does not end with 7777"):
        execute(made, tmp_path / "b", limits=QUICK)
    assert find(tmp_path / "b", WINDOW) == []


@pytest.mark.parametrize("turn", ["lie", "stall", "status 503", "status 429"])
def test_passing_faults_are_tried_again_and_lasting_ones_end(gfs: Remote, tmp_path: Path, turn: str) -> None:
    limits = Limits(connect_s=2.0, read_s=0.3, retries=2, backoff_s=0.01, workers=3)
    made = gfs_plan(gfs)
    gfs.turns[F000] = [turn]
    execute(made, tmp_path / "a", limits=limits)
    if turn == "lie":
        return  # whole parts come although the server promises more
    gfs.turns[F000] = [turn] * 50
    with pytest.raises(FetchError) as caught:
        execute(made, tmp_path / "b", limits=limits)
    assert F000 in str(caught.value)


def test_a_server_that_sends_the_whole_file_for_a_part_is_refused(gfs: Remote, tmp_path: Path) -> None:
    made = gfs_plan(gfs)
    gfs.turns[F000] = ["no ranges"] * 20
    with pytest.raises(FetchError, match="whole file instead of the part"):
        execute(made, tmp_path, limits=QUICK)


def test_a_server_that_sends_more_than_the_part_is_refused(gfs: Remote, tmp_path: Path) -> None:
    made = gfs_plan(gfs)
    gfs.turns[F000] = ["more"]
    with pytest.raises(FetchError, match="sends more than was asked for"):
        execute(made, tmp_path, limits=QUICK)


def test_a_body_that_trickles_is_given_up(gfs: Remote, tmp_path: Path) -> None:
    limits = Limits(read_s=2.0, retries=0, slow_bps=1e12, slow_after_s=0.0)
    with pytest.raises(FetchError, match="too slowly"):
        execute(gfs_plan(gfs), tmp_path, limits=limits)


def test_a_date_that_is_gone_names_era5(gfs: Remote) -> None:
    del gfs.files[F000 + ".idx"]
    with pytest.raises(FetchError, match=r"404 .* fetch ERA5 instead"):
        gfs_plan(gfs)


def test_missing_levels_and_components_are_named(gfs: Remote) -> None:
    with pytest.raises(CoverageError, match="from 20 to 100 hPa"):
        plan("gfs", WINDOW, BOX, (500.0, 8000.0), now_s=NOW, limits=QUICK, base_url=gfs.url)
    lines = gfs.files[F000 + ".idx"].split(b"\n")
    gfs.files[F000 + ".idx"] = b"\n".join(line for line in lines if b"VGRD:70 mb" not in line)
    with pytest.raises(FetchError, match="no wind at 70 hPa"):
        gfs_plan(gfs)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"1:abc:d=2023012800:UGRD:10 mb:anl:",
        b"1:9:d=2023012800:U:a:b:\n2:3:d=2023012800:U:a:b:",
    ],
)
def test_an_index_that_is_none_is_refused(gfs: Remote, text: bytes) -> None:
    gfs.files[F000 + ".idx"] = text
    with pytest.raises(FetchError, match=r"\.idx"):
        gfs_plan(gfs)


def test_index_lines_as_noaa_writes_them() -> None:
    # Lines of real inventories: GFS of 2015 and GEFS of 2017 with a member, and submessages.
    text = (
        b"1:0:d=2015073106:UGRD:planetary boundary layer:anl:\n8:266290:d=2015073106:UGRD:10 mb:anl:\n"
        b"9.1:291237:d=2017010100:VGRD:0.4 mb:6 hour fcst:ENS=low-res ctl\n"
        b"9.2:291237:d=2017010100:ABSV:10 mb:anl:\n"
    )
    found = parse_index(text)
    assert [(m.first, m.end, m.pressure_pa) for m in found] == [
        (0, 266290, None),
        (266290, 291237, 1000.0),
        (291237, None, pytest.approx(40.0)),
        (291237, None, 1000.0),
    ]


def test_redirects_to_another_place_and_other_schemes_are_refused(gfs: Remote, tmp_path: Path) -> None:
    gfs.turns[F000 + ".idx"] = ["redirect http://127.0.0.2:1/elsewhere"]
    with pytest.raises(FetchError, match="redirects to another place"):
        gfs_plan(gfs)
    gfs.turns[F000 + ".idx"] = ["redirect file:///etc/passwd"]
    with pytest.raises(FetchError, match="redirects to another place"):
        gfs_plan(gfs)
    gfs.turns[F000 + ".idx"] = [f"redirect {F000}.idx"]
    assert gfs_plan(gfs).total_bytes > 0
    gfs.turns[F000 + ".idx"] = [f"redirect {F000}.idx"] * 10
    with pytest.raises(FetchError, match="in circles"):
        gfs_plan(gfs)


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://127.0.0.1", "file:///etc/hosts", "https://", "gs://bucket", ""]
)
def test_addresses_that_are_not_https_are_refused_before_any_request(url: str) -> None:
    with pytest.raises(FetchError, match="not HTTPS"):
        web.check_url(url)


def test_https_and_plain_http_to_this_machine_are_allowed() -> None:
    for url in ("https://example.org/a", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost/"):
        web.check_url(url)


def test_limits_of_size_and_disk_stop_before_the_first_byte(
    gfs: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = gfs_plan(gfs)
    gfs.asked.clear()
    with pytest.raises(LimitError, match="the limit is 100 bytes"):
        execute(made, tmp_path, max_bytes=100)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(LimitError, match="free"):
        execute(made, tmp_path)
    assert gfs.asked == []


def test_without_httpx_the_message_has_the_line_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "httpx":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FetchError, match=r"pip install 'overflight\[fetch\]'"), web.open_web():
        pass


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(FetchError, match="gfs, gefs, era5"):
        plan("icon", WINDOW, BOX, (1.0, 2.0), now_s=NOW)


def test_future_times_come_from_the_newest_complete_cycle() -> None:
    now = parse_utc("2023-01-28T07:00:00Z")  # the cycle of 06Z is not complete yet
    times, cycles = times_and_cycles("gfs", (START + 1 * HOUR, START + 13 * HOUR), now, 3 * HOUR)
    assert (times[0], times[-1]) == (START, START + 15 * HOUR)
    assert {cycle for cycle, _ in cycles} == {START}
    assert [hour for _, hour in cycles] == [0, 3, 6, 9, 12, 15]
    with pytest.raises(CoverageError, match="newest cycle"):
        times_and_cycles("gfs", (START, START + 20 * 24 * HOUR), now, 3 * HOUR)
    with pytest.raises(FetchError, match="whole hours"):
        times_and_cycles("gfs", WINDOW, now, 100.0)
    with pytest.raises(LimitError):
        times_and_cycles("gfs", (START, START + 1e12), now, HOUR)


def test_gefs_members_arrive_as_an_ensemble(remote: Remote, tmp_path: Path) -> None:
    # 50 and 100 hPa are in the primary files, 70 hPa in the secondary ones.
    for member, name in ((0, "gec00"), (1, "gep01")):
        for product, levels in (("a", (50, 100)), ("b", (20, 70))):
            for cycle, hh in ((START, "00"), (START + 6 * HOUR, "06")):
                path = f"/gefs.20230128/{hh}/atmos/pgrb2{product}p5/{name}.t{hh}z.pgrb2{product}.0p50.f000"
                data, index = grib_file(cycle, 0, levels, member)
                remote.files[path], remote.files[path + ".idx"] = data, index
    made = plan(
        "gefs", WINDOW, BOX, (5000.0, 8000.0), now_s=NOW, limits=QUICK, base_url=remote.url, members=(0, 1)
    )
    assert made.levels_pa == (5000.0, 7000.0, 10_000.0)
    # A store holds one field, so members stay as they came.
    entry = execute(made, tmp_path, limits=QUICK, store=True)
    one = read_grid(tmp_path / entry.id / "wind.grib2", member=1)
    assert one.u_mps.shape[:2] == (2, 3)
    both = read_grid(tmp_path / entry.id / "wind.grib2")
    assert both.u_sd_mps is not None
    for members in ((), (31,)):
        with pytest.raises(FetchError, match="0 \\(control\\) to 30"):
            plan("gefs", WINDOW, BOX, (5e3, 8e3), now_s=NOW, base_url=remote.url, members=members)


# --- made ERA5 -----------------------------------------------------------------------------------------

LEVELS = np.array([10, 20, 30, 50, 70, 100, 125, 150], dtype="i8")
LATITUDES = np.arange(90.0, -91.0, -2.0, dtype="f4")
LONGITUDES = np.arange(0.0, 360.0, 2.0, dtype="f4")
HOURS = 7


def era5_winds() -> xr.Dataset:
    rng = np.random.default_rng(3)
    shape = (HOURS, LEVELS.size, LATITUDES.size, LONGITUDES.size)
    times = np.datetime64("2023-01-28T00", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    dims = ("time", "level", "latitude", "longitude")
    coords = {"time": times, "level": LEVELS, "latitude": LATITUDES, "longitude": LONGITUDES}
    winds = {f"{part}_component_of_wind": (dims, rng.normal(0.0, 20.0, shape).astype("f4")) for part in "uv"}
    return xr.Dataset(winds, coords)


def era5_store(folder: Path, winds: xr.Dataset, compressor: Any) -> dict[str, bytes]:
    """The store as zarr writes it, in format 2, one hour a chunk, hours counted from its first."""
    encoding: dict[str, dict[str, Any]] = {
        name: {"chunks": (1, *winds[name].shape[1:]), "compressors": compressor} for name in winds.data_vars
    }
    encoding["time"] = {"units": "hours since 2023-01-28", "dtype": "int64", "chunks": (5,)}
    winds.to_zarr(folder, zarr_format=2, consolidated=False, encoding=encoding)
    return {f"/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def winds() -> xr.Dataset:
    return era5_winds()


SMALL_BLOCKS = numcodecs.Blosc(cname="lz4", clevel=5, shuffle=1, blocksize=16_384)


@pytest.fixture(scope="module")
def era5_files(tmp_path_factory: pytest.TempPathFactory, winds: xr.Dataset) -> dict[str, bytes]:
    return era5_store(tmp_path_factory.mktemp("store") / "era5", winds, SMALL_BLOCKS)


def era5_plan(remote: Remote, **changes: Any) -> FetchPlan:
    asked: dict[str, Any] = {"now_s": NOW, "limits": QUICK, "base_url": remote.url, "step_s": 3 * HOUR}
    asked |= changes
    levels = asked.pop("levels_pa", (4000.0, 6000.0))
    return plan("era5", asked.pop("window", WINDOW), asked.pop("box", BOX), levels, **asked)


def check_era5(grid: Any, winds: xr.Dataset, hours: list[int], levels: list[int]) -> None:
    expected = winds.isel(time=hours).sel(level=levels).sortby("latitude")
    expected = expected.assign_coords(longitude=(expected.longitude + 180.0) % 360.0 - 180.0)
    lon = (np.asarray(grid.lon_deg) + 180.0) % 360.0 - 180.0
    expected = expected.sel(latitude=grid.lat_deg, longitude=lon)
    np.testing.assert_array_equal(grid.u_mps, expected["u_component_of_wind"].values)
    np.testing.assert_array_equal(grid.v_mps, expected["v_component_of_wind"].values)


def test_era5_brings_the_blocks_of_the_wanted_levels_alone(
    remote: Remote,
    era5_files: dict[str, bytes],
    winds: xr.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("overflight.winds.fetch_era5.GAP_BYTES", 0)
    monkeypatch.setattr("overflight.winds.fetch_era5.FIRST_READ_BYTES", 64)
    remote.files.update(era5_files)
    made = era5_plan(remote)
    assert made.levels_pa == (3000.0, 5000.0, 7000.0)
    whole = sum(len(era5_files[f"/{p}_component_of_wind/{t}.0.0.0"]) for p in "uv" for t in (0, 3, 6))
    assert made.total_bytes < 0.7 * whole  # three levels of eight, and the blocks they share with others
    entry = execute(made, tmp_path, limits=QUICK)
    grid = read_grid(tmp_path / entry.id / "wind.nc")
    assert grid.time_s.tolist() == [START, START + 3 * HOUR, START + 6 * HOUR]
    assert grid.pressure_pa.tolist() == [3000.0, 5000.0, 7000.0]
    assert (grid.lat_deg.min(), grid.lat_deg.max()) == (40.0, 70.0)
    check_era5(grid, winds, [0, 3, 6], [30, 50, 70])
    assert find(tmp_path, WINDOW, BOX, (4000.0, 6000.0)) == [entry]
    # The file holds the box alone, and the cache knows it.
    assert find(tmp_path, WINDOW, (-100.0, 40.0, -90.0, 50.0)) == []


@pytest.mark.parametrize(
    "box", [(160.0, 30.0, -150.0, 60.0), (-20.0, -90.0, 20.0, 90.0), (-180.0, -90.0, 180.0, 90.0)]
)
def test_era5_boxes_over_the_seams(
    remote: Remote,
    era5_files: dict[str, bytes],
    winds: xr.Dataset,
    tmp_path: Path,
    box: tuple[float, float, float, float],
) -> None:
    remote.files.update(era5_files)
    entry = execute(era5_plan(remote, box=box), tmp_path, limits=QUICK)
    grid = read_grid(tmp_path / entry.id / "wind.nc")
    check_era5(grid, winds, [0, 3, 6], [30, 50, 70])
    assert find(tmp_path, WINDOW, box) == [entry]
    assert grid.periodic == (box[2] - box[0] == 360.0)


@pytest.mark.parametrize("compressor", [None, numcodecs.Zstd(level=1)])
def test_era5_with_another_packing_brings_whole_chunks(
    remote: Remote, winds: xr.Dataset, tmp_path: Path, compressor: Any
) -> None:
    remote.files.update(era5_store(tmp_path / "store", winds, compressor))
    entry = execute(era5_plan(remote), tmp_path / "cache", limits=QUICK)
    check_era5(read_grid(tmp_path / "cache" / entry.id / "wind.nc"), winds, [0, 3, 6], [30, 50, 70])


def test_era5_damage_inside_a_block_or_beyond_all_winds_is_found(
    remote: Remote, winds: xr.Dataset, tmp_path: Path
) -> None:
    broken = winds.copy(deep=True)
    broken["u_component_of_wind"][0, 3] = 9e9
    remote.files.update(era5_store(tmp_path / "store", broken, SMALL_BLOCKS))
    with pytest.raises(FetchError, match="exceed 250 m/s"):
        execute(era5_plan(remote), tmp_path / "cache", limits=QUICK)
    key = "/u_component_of_wind/0.0.0.0"
    remote.files[key] = remote.files[key][:200] + bytes(len(remote.files[key]) - 200)
    with pytest.raises(FetchError):
        execute(era5_plan(remote), tmp_path / "cache", limits=QUICK)
    assert find(tmp_path / "cache", WINDOW) == []


def test_era5_refuses_what_it_does_not_reach(remote: Remote, era5_files: dict[str, bytes]) -> None:
    remote.files.update(era5_files)
    with pytest.raises(CoverageError, match="Fetch GFS for the present"):
        era5_plan(remote, now_s=START)
    with pytest.raises(CoverageError, match="do not reach"):
        era5_plan(remote, window=(START, START + 48 * HOUR))
    with pytest.raises(CoverageError, match="from 10 to 150 hPa"):
        era5_plan(remote, levels_pa=(4000.0, 50_000.0))
    del remote.files["/v_component_of_wind/3.0.0.0"]
    with pytest.raises(CoverageError, match="no ERA5 for 2023-01-28T03:00:00Z"):
        era5_plan(remote)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("/u_component_of_wind/.zarray", b'"order": "C"', b'"order": "F"'),
        ("/u_component_of_wind/.zarray", b'"zarr_format": 2', b'"zarr_format": 3'),
        ("/u_component_of_wind/.zattrs", b"level", b"hybrid"),
        ("/level/.zarray", b'"shape"', b'"form"'),
        ("/time/.zattrs", b"hours since", b"days since"),
        ("/time/.zattrs", b"2023-01-28", b"2023-01-27"),
        ("/time/.zattrs", b"{", b"["),
    ],
)
def test_era5_in_another_layout_is_refused(
    remote: Remote, era5_files: dict[str, bytes], path: str, old: bytes, new: bytes
) -> None:
    assert old in era5_files[path]
    remote.files.update(era5_files | {path: era5_files[path].replace(old, new)})
    with pytest.raises((FetchError, CoverageError)):
        era5_plan(remote)


# --- the pieces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [0, 1, 2])
@pytest.mark.parametrize("size", [100_000, 65_536 * 3, 65_536 * 5 + 4])
@pytest.mark.parametrize("noise", [True, False])
def test_a_frame_rebuilt_from_some_blocks_unpacks_to_those_bytes(
    shuffle: int, size: int, noise: bool
) -> None:
    rng = np.random.default_rng(1)
    raw = (rng.bytes(size) if noise else np.arange(size // 4, dtype="f4").tobytes())[: size // 4 * 4]
    codec = numcodecs.Blosc(cname="lz4", clevel=5, shuffle=shuffle, blocksize=65_536)
    packed = codec.encode(np.frombuffer(raw, "f4"))
    frame = parse_frame(packed)
    for first, count in ((0, 4), (20_000, 30_000), (len(raw) - 5000, 5000), (0, len(raw))):
        blocks = list(blocks_for(frame, first, count))
        small = rebuild(frame, blocks, {b: packed[slice(*frame.blocks[b])] for b in blocks})
        start = blocks[0] * frame.blocksize
        assert bytes(codec.decode(small)) == raw[start : start + len(blocks) * frame.blocksize]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda head: head[:10],
        lambda head: b"\x09" + head[1:],
        lambda head: head[:8] + bytes(4) + head[12:],
        lambda head: head[:16] + b"\xff\xff\xff\x7f" + head[20:],
        lambda head: head[:4] + b"\xff\xff\xff\xff\x01\0\0\0" + head[12:],
    ],
)
def test_a_spoiled_frame_is_a_fetch_error(spoil: Callable[[bytes], bytes]) -> None:
    packed = bytes(SMALL_BLOCKS.encode(np.arange(20_000, dtype="f4")))
    with pytest.raises(FetchError):
        parse_frame(spoil(packed))


def test_grib_messages_are_walked_to_the_end() -> None:
    good = grib_message("UGRD", 50, START, 0, None, 1.0)
    assert check_grib(good + good) == ""
    assert "does not end with 7777" in check_grib(good[:-1] + b"8")
    assert "does not fit" in check_grib(good[:-1])
    assert "no GRIB 2 message at byte" in check_grib(good + b"junk")
    assert check_grib(b"") == "it is empty"
    assert "says 3 bytes" in check_grib(good[:8] + (3).to_bytes(8, "big") + good[16:])


def test_levels_are_those_inside_and_the_next_on_each_side() -> None:
    held = [1000.0, 2000.0, 5000.0, 7000.0, 10_000.0]
    assert bracket_levels(held, (2500.0, 6000.0)) == (2000.0, 5000.0, 7000.0)
    assert bracket_levels(held, (5000.0, 5000.0)) == (5000.0,)
    assert bracket_levels(held, (500.0, 1500.0)) == (1000.0, 2000.0)
    assert bracket_levels([], (1.0, 2.0)) == ()


def test_part_names_differ_by_place_and_sizes_read_well() -> None:
    parts = {Part(url="https://a/b", first=f, size=s).name for f in (0, 1) for s in (1, 2)}
    assert len(parts) == 4
    assert [human_bytes(n) for n in (12, 1500, 25_000_000, 3_210_000_000)] == [
        "12 bytes",
        "1.5 kB",
        "25 MB",
        "3.2 GB",
    ]


# --- stores --------------------------------------------------------------------------------------------


def test_what_came_may_be_kept_as_a_store(gfs: Remote, tmp_path: Path) -> None:
    plain = execute(gfs_plan(gfs), tmp_path / "a", limits=QUICK)
    entry = execute(gfs_plan(gfs), tmp_path / "b", limits=QUICK, store=True)
    folder = tmp_path / "b" / entry.id
    assert sorted(path.name for path in folder.iterdir()) == ["entry.json", "wind.zarr"]
    assert find(tmp_path / "b", WINDOW, BOX, (5000.0, 8000.0)) == [entry]
    verify(tmp_path / "b", entry)
    ours, theirs = read_grid(folder / "wind.zarr"), read_grid(tmp_path / "a" / plain.id / "wind.grib2")
    np.testing.assert_array_equal(ours.u_mps, theirs.u_mps)
    np.testing.assert_array_equal(ours.time_s, theirs.time_s)
    grid, begin, end = next(open_store(folder / "wind.zarr").windows(*WINDOW))
    assert (begin, end) == WINDOW
    np.testing.assert_array_equal(grid.v_mps, theirs.v_mps)
    made = gfs_plan(gfs)
    gfs.asked.clear()
    assert execute(made, tmp_path / "b", limits=QUICK, store=True) == entry
    assert gfs.asked == []


def test_a_changed_chunk_in_the_cache_is_found(gfs: Remote, tmp_path: Path) -> None:
    entry = execute(gfs_plan(gfs), tmp_path, limits=QUICK, store=True)
    chunk = tmp_path / entry.id / "wind.zarr" / "u" / "c" / "1" / "0" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)
    with pytest.raises(FetchError, match="has changed"):
        verify(tmp_path, entry)
    chunk.unlink()
    assert find(tmp_path, WINDOW) == []
    # And it is made anew from what is fetched again.
    again_ = execute(gfs_plan(gfs), tmp_path, limits=QUICK, store=True)
    verify(tmp_path, again_)


def test_a_store_is_chosen_for_what_is_too_large_to_hold(
    gfs: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = execute(gfs_plan(gfs), tmp_path / "a", limits=QUICK, store=None)
    assert [file.name for file in small.files] == ["wind.grib2"]
    monkeypatch.setattr(fetch, "STORE_BYTES", 1000)
    large = execute(gfs_plan(gfs), tmp_path / "b", limits=QUICK, store=None)
    assert [file.name for file in large.files] == ["wind.zarr"]


def test_a_store_that_was_cut_off_is_gone_on_with(
    gfs: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, files: list[Path], **options: Any) -> Path:
        def stop(moment: float, count: int) -> None:
            raise KeyboardInterrupt

        return store_files(path, files, progress=stop)

    monkeypatch.setattr(fetch, "store_files", killed)
    with pytest.raises(KeyboardInterrupt):
        execute(gfs_plan(gfs), tmp_path, limits=QUICK, store=True)
    assert find(tmp_path, WINDOW) == []
    monkeypatch.undo()
    gfs.asked.clear()
    made = gfs_plan(gfs)
    gfs.asked.clear()
    entry = execute(made, tmp_path, limits=QUICK, store=True)
    assert gfs.asked == []
    assert open_store(tmp_path / entry.id / "wind.zarr").time_s.size == 3

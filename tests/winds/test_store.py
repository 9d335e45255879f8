"""Stores of winds: what is written comes back, in windows, after a kill, and damage is told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from overflight.errors import CoverageError, InputError, LimitError, OverflightError
from overflight.winds.grid import FIELDS, Grid
from overflight.winds.gridded import describe, read_grid
from overflight.winds.interpolate import sample
from overflight.winds.store import (
    WindStore,
    open_store,
    store_files,
    verify_store,
    window_plan,
    write_store,
)
from overflight.winds.thermo import sample_thermo

HOUR = 3600.0
LAT, LON = np.linspace(-90.0, 90.0, 10), np.arange(0.0, 360.0, 30.0)
LEVELS_PA = np.array([1000.0, 3000.0, 5000.0, 7000.0])


def field(hours, *, air: bool = False, seed: int = 4, **more) -> Grid:
    """Random winds; the same hour has the same values in every grid."""
    shape = (LEVELS_PA.size, LAT.size, LON.size)

    def made(part: int, low: float, high: float):
        rows = [np.random.default_rng([seed, part, int(h)]).uniform(low, high, shape) for h in hours]
        return np.array(rows, np.float32)

    heights = np.linspace(31e3, 18e3, 4)[:, None, None] + np.zeros((len(hours), *shape))
    return Grid(
        time_s=np.asarray(hours, float) * HOUR, pressure_pa=LEVELS_PA, lat_deg=LAT, lon_deg=LON,
        u_mps=made(0, -30.0, 30.0), v_mps=made(1, -10.0, 10.0), periodic=True, name="made",
        temperature_k=made(2, 200.0, 240.0) if air else None,
        geopotential_m=heights.astype(np.float32) if air else None,
        provenance={"file": "made"}, **more,
    )  # fmt: skip


def same(a: Grid, b: Grid) -> None:
    for name in ("time_s", "pressure_pa", "lat_deg", "lon_deg", *FIELDS):
        if getattr(b, name) is None:
            assert getattr(a, name) is None, name
        else:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert (a.periodic, a.steady) == (b.periodic, b.steady)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_store(tmp_path / "w.zarr", [field(range(0, 5)), field(range(5, 13))])


def test_what_is_written_comes_back(path: Path) -> None:
    store = open_store(path)
    same(store.read(0, 12), field(range(13)))
    assert (store.name, store.provenance) == ("made", {"file": "made"})
    assert store.nbytes == field(range(13)).nbytes
    assert verify_store(path) == 26


def test_temperature_height_and_spread_come_back(tmp_path: Path) -> None:
    grid = field(range(3), air=True)
    grid = replace(grid, u_sd_mps=np.abs(grid.u_mps), v_sd_mps=np.abs(grid.v_mps))
    path = write_store(tmp_path / "w", [grid])
    same(open_store(path).read(0, 2), grid)
    same(read_grid(path, thermo=True), grid)
    same(open_store(store_files(tmp_path / "again", [path], thermo=True)).read(0, 2), grid)
    assert describe(path).air == ("temperature", "height", "spread")


def test_other_readers_of_zarr_read_it(tmp_path: Path) -> None:
    grid = field(range(3), air=True)
    path = write_store(tmp_path / "w.zarr", [grid])
    with xr.open_dataset(path, engine="zarr", consolidated=False, chunks=None) as peer:
        np.testing.assert_array_equal(peer["u"].values, grid.u_mps)
        np.testing.assert_array_equal(peer["level"].values, LEVELS_PA)
        assert peer["time"].values[1] == np.datetime64("1970-01-01T01:00:00")
    same(read_grid(path, thermo=True), grid)


def test_a_steady_field_stays_steady(tmp_path: Path) -> None:
    store = open_store(write_store(tmp_path / "w", [field([0], steady=True)]))
    windows = list(store.windows(5 * HOUR, 90 * HOUR))
    assert [(w[1], w[2]) for w in windows] == [(5 * HOUR, 90 * HOUR)]
    assert windows[0][0].steady


def test_a_store_is_told_by_its_content(path: Path, tmp_path: Path) -> None:
    known = open_store(path).content_id()
    copy = shutil.copytree(path, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    assert open_store(copy).content_id() == known
    assert open_store(path, levels_pa=(3500.0, 4000.0)).content_id() != known
    grid = field(range(13))
    grid.u_mps[7, 1, 2, 3] += 1.0
    write_store(path, [grid], overwrite=True)
    assert open_store(path).content_id() != known
    other = open_store(copy)
    (copy / "v" / "c" / "3" / "0" / "0" / "0").unlink()
    with pytest.raises(InputError, match="chunk cannot be read"):
        other.content_id()


# --- windows -------------------------------------------------------------------------------------------


def cost(store: WindStore, times: int) -> int:
    """Memory of a window of some times as the store reckons it."""
    return 2 * store.cells * times * (4 * len(store.fields) + 16)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize(("begin", "end"), [(1.5, 10.2), (10.2, 1.5), (0.0, 12.0), (12.0, 0.0), (3.2, 3.4)])
def test_windows_chain_in_the_direction_of_the_run_and_hold_the_same_wind(path, begin, end, ahead) -> None:
    store, whole = open_store(path), field(range(13))
    begin, end = begin * HOUR, end * HOUR
    now = begin
    rng = np.random.default_rng(0)
    for grid, t0, t1 in store.windows(begin, end, max_bytes=cost(store, 5), ahead=ahead):
        assert t0 == now
        assert (t1 - t0) * (end - begin) > 0
        assert grid.time_s.size <= 5
        t = rng.uniform(min(t0, t1), max(t0, t1), 50)
        p, la, lo = rng.uniform(1e3, 7e3, 50), rng.uniform(-90, 90, 50), rng.uniform(-180, 180, 50)
        ours, theirs = sample(grid, t, p, la, lo), sample(whole, t, p, la, lo)
        assert not ours.status.any()
        np.testing.assert_array_equal(ours.u_mps, theirs.u_mps)
        # The halo: a time before and one after, unless the store ends there.
        assert grid.time_s[0] <= max(min(t0, t1) // HOUR * HOUR - HOUR, 0.0)
        assert grid.time_s[-1] >= min(-(-max(t0, t1) // HOUR) * HOUR + HOUR, 12 * HOUR)
        now = t1
    assert now == end


def test_one_window_where_memory_allows(path: Path) -> None:
    windows = list(open_store(path).windows(0.0, 12 * HOUR))
    assert len(windows) == 1
    same(windows[0][0], field(range(13)))


def test_windows_carry_temperature_and_height(tmp_path: Path) -> None:
    store = open_store(write_store(tmp_path / "w", [field(range(6), air=True)]))
    whole = field(range(6), air=True)
    for grid, t0, t1 in store.windows(0.0, 5 * HOUR, max_bytes=2 * store.cells * 4 * 40):
        t = 0.5 * (t0 + t1)
        ours, theirs = (sample_thermo(g, t, 4e3, 10.0, 10.0) for g in (grid, whole))
        assert ours.temperature_k == theirs.temperature_k
        assert ours.alt_m == theirs.alt_m


def test_only_some_levels(path: Path) -> None:
    store = open_store(path, levels_pa=(3500.0, 4000.0))
    np.testing.assert_array_equal(store.pressure_pa, [3000.0, 5000.0])
    np.testing.assert_array_equal(store.read(2, 3).u_mps, field([2, 3]).u_mps[:, 1:3])
    with pytest.raises(CoverageError, match="1000 to 7000 Pa, nothing of 8000"):
        open_store(path, levels_pa=(8000.0, 9000.0))


def test_a_run_that_begins_before_the_store_is_yielded_whole(path: Path) -> None:
    windows = list(open_store(path).windows(-5 * HOUR, 20 * HOUR))
    assert (windows[0][1], windows[-1][2]) == (-5 * HOUR, 20 * HOUR)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"begin": 20 * HOUR, "end": 30 * HOUR}, CoverageError, "holds time 1970-01-01T00:00:00Z"),
        ({"begin": np.nan, "end": 0.0}, InputError, "not finite"),
        ({"begin": 0.0, "end": HOUR, "halo": -1}, InputError, "halo"),
        ({"begin": 0.0, "end": HOUR, "max_bytes": 1000}, LimitError, "one step of time needs"),
        ({"begin": 0.0, "end": HOUR, "max_bytes": 0}, LimitError, "one step of time needs"),
    ],
)
def test_asks_that_cannot_be_met(path: Path, asked, error, words) -> None:
    with pytest.raises(error, match=words):
        open_store(path).windows(**asked)


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=20, unique=True),
    st.floats(-5, 65),
    st.floats(-5, 65),
    st.integers(1, 7),
    st.integers(0, 2),
)
def test_plans_cover_the_run_and_nothing_twice(hours, begin, end, steps, halo) -> None:
    axis = np.sort(np.asarray(hours, float))
    try:
        plan = window_plan(axis, begin, end, steps, halo)
    except CoverageError:
        assert axis.size > 1
        assert max(begin, end) < axis[0] or min(begin, end) > axis[-1]
        return
    assert (plan[0].t0, plan[-1].t1) == (begin, end)
    for a, b in pairwise(plan):
        assert a.t1 == b.t0
    for w in plan:
        assert 0 <= w.first <= w.last < axis.size
        assert w.last - w.first + 1 <= steps + 1 + 2 * halo
        low, high = max(min(w.t0, w.t1), axis[0]), min(max(w.t0, w.t1), axis[-1])
        if axis.size > 1 and low <= high:
            assert axis[w.first] <= low
            assert axis[w.last] >= high


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system does not tell the peak")
def test_memory_of_windows_is_bounded(tmp_path: Path) -> None:
    """In a process of its own: what it takes beyond opening the store stays within what was allowed."""
    rng = np.random.default_rng(1)
    lat, lon = np.linspace(-90, 90, 91), np.arange(0, 360, 2.0)
    shape = (1, 8, 91, 180)
    levels = np.linspace(1e3, 2e4, 8)

    def hours():
        for i in range(80):
            u, v = rng.normal(0, 20, (2, *shape)).astype(np.float32)
            yield Grid(
                time_s=np.array([i * HOUR]), pressure_pa=levels, lat_deg=lat, lon_deg=lon, u_mps=u, v_mps=v
            )

    path = write_store(tmp_path / "w", hours())
    # 84 MB in all; 40 MB allowed, two thirds of it for packed copies, which are not made here.
    code = (
        "import sys; from pathlib import Path; from overflight.winds.store import open_store\n"
        "store = open_store(sys.argv[1]); list(store.windows(0.0, 60.0, max_bytes=40_000_000))\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM:'))\n"
        "before = peak(); total = 0\n"
        "for grid, a, b in store.windows(0.0, 79 * 3600.0, max_bytes=40_000_000): total += grid.u_mps.size\n"
        "print(store.nbytes, (peak() - before) * 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    size, grown = map(int, done.stdout.split())
    assert size > 80_000_000
    assert grown < 30_000_000


# --- writing -------------------------------------------------------------------------------------------


def cut_after(grids: list[Grid], count: int):
    yield from grids[:count]
    raise KeyboardInterrupt


def test_a_writer_that_was_cut_off_leaves_a_store_that_says_so_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "w.zarr"
    grids = [field([h]) for h in range(5)]
    with pytest.raises(KeyboardInterrupt):
        write_store(path, cut_after(grids, 3))
    for reader in (open_store, read_grid, verify_store):
        with pytest.raises(InputError, match="incomplete: its writing was cut off after 3 times"):
            reader(path)
    written = {f: f.stat().st_mtime_ns for f in path.rglob("c/*/0/0/0")}
    seen: list[int] = []
    write_store(path, grids, progress=lambda _, count: seen.append(count))
    assert seen == [4, 5]
    assert all(f.stat().st_mtime_ns == then for f, then in written.items())
    same(open_store(path).read(0, 4), field(range(5)))
    assert not (path / "progress.txt").exists()


def test_a_killed_process_loses_at_most_the_time_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "w.zarr"
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_store import field; from overflight.winds.store import write_store\n"
        "def told(moment, count):\n"
        "    if count == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_store(sys.argv[1], (field([h]) for h in range(8)), progress=told)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), os.fspath(Path(__file__).parent)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    # And half a chunk beside, as a kill in the middle of a write leaves it.
    (path / "u" / "c" / "4" / "0" / "0").mkdir(parents=True)
    (path / "u" / "c" / "4" / "0" / "0" / "0").write_bytes(b"half")
    with (path / "progress.txt").open("a") as out:
        out.write("1440")
    write_store(path, [field([h]) for h in range(8)])
    same(open_store(path).read(0, 7), field(range(8)))
    verify_store(path)


def test_one_cut_off_before_its_first_time_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "w"
    write_store(path, [field([0])])
    shutil.rmtree(path / "u")
    meta = json.loads((path / "zarr.json").read_text())
    meta["attributes"]["complete"] = False
    (path / "zarr.json").write_text(json.dumps(meta))
    write_store(path, [field(range(3))])
    same(open_store(path).read(0, 2), field(range(3)))


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    one = field([0])
    other = replace(field([1]), lat_deg=LAT * 0.5)
    with pytest.raises(InputError, match="latitude axis differs"):
        write_store(tmp_path / "a", [one, other])
    with pytest.raises(InputError, match="same fields"):
        write_store(tmp_path / "b", [one, field([1], air=True)])
    with pytest.raises(InputError, match="order of time"):
        write_store(tmp_path / "c", [field([3]), field([1])])
    with pytest.raises(InputError, match="no winds to write"):
        write_store(tmp_path / "d", [])
    with pytest.raises(InputError, match="unfinished store of other"):
        write_store(tmp_path / "a", [replace(one, lat_deg=LAT * 0.5)])


def test_nothing_is_overwritten_unasked(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="complete"):
        write_store(path, [field([0])])
    same(open_store(write_store(path, [field([7])], overwrite=True)).read(0, 0), field([7]))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="something else"):
            write_store(tmp_path / "mine", [field([0])], overwrite=overwrite)


def test_a_file_becomes_a_store_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from overflight.winds import gridded

    first, second = write_store(tmp_path / "a", [field(range(5))]), tmp_path / "b"
    write_store(second, [field(range(3, 9))])
    # Room for two times a piece.
    monkeypatch.setattr(gridded, "PIECE_BYTES", 2 * 8 * LEVELS_PA.size * LAT.size * LON.size)
    made = open_store(store_files(tmp_path / "c", [first, second], levels_pa=(3e3, 5e3)))
    np.testing.assert_array_equal(made.read(0, 8).u_mps, field(range(9)).u_mps[:, 1:3])


def test_the_levels_of_large_fields_stand_in_chunks_of_their_own(tmp_path: Path) -> None:
    path = write_store(tmp_path / "w", [field(range(3))], chunk_bytes=4 * LAT.size * LON.size * 2)
    assert len(list((path / "u" / "c" / "0").iterdir())) == 2
    same(open_store(path).read(0, 2), field(range(3)))
    assert verify_store(path) == 12


# --- hostile stores ------------------------------------------------------------------------------------


def edit(path: Path, array: str, change) -> None:
    file = path / array / "zarr.json"
    meta = json.loads(file.read_text())
    change(meta)
    file.write_text(json.dumps(meta))


def chunked(*shape: int):
    return lambda meta: meta["chunk_grid"]["configuration"].update(chunk_shape=list(shape))


def test_a_missing_chunk_is_told_by_every_reader(path: Path) -> None:
    store = open_store(path)
    (path / "v" / "c" / "7" / "0" / "0" / "0").unlink()
    with pytest.raises(InputError, match=r"v at 1970-01-01T07:00:00Z: a chunk is missing"):
        store.read(5, 8)
    for reader in (open_store, read_grid, verify_store):
        with pytest.raises(InputError, match="chunk of time number 8 is missing"):
            reader(path)


def test_a_changed_byte_is_told_with_its_time(path: Path) -> None:
    file = path / "u" / "c" / "7" / "0" / "0" / "0"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    store = open_store(path)
    store.read(0, 6)
    with pytest.raises(InputError, match=r"u at 1970-01-01T07:00:00Z: a chunk is damaged"):
        list(store.windows(0.0, 12 * HOUR, max_bytes=cost(store, 5)))
    with pytest.raises(InputError, match="damaged"):
        verify_store(path)


@pytest.mark.parametrize(
    ("array", "change", "words"),
    [
        ("u", lambda m: m.update(shape=[13, 4, 10**9, 12]), "claims the shape"),
        ("u", lambda m: m.update(shape=[10**5, 4, 10, 12]), "a chunk of time number 14 is missing"),
        ("u", chunked(1, 4, 10**5, 10**5), "MiB a chunk"),
        ("u", chunked(13, 4, 10, 12), "one time a chunk"),
        ("u", chunked(1, 4, 0, 12), "metadata are damaged"),
        ("u", lambda m: m.update(shape=[13, 4, -1, 12]), "metadata are damaged"),
        ("u", lambda m: m.update(shape="many"), "metadata are damaged"),
        ("u", lambda m: m.update(data_type="complex64"), "not a float"),
        ("u", lambda m: m["codecs"].append({"name": "numcodecs.pickle"}), "packed with 'numcodecs.pickle'"),
        ("u", lambda m: m.pop("codecs"), "metadata are damaged"),
        ("level", lambda m: m.update(shape=[10**12]), "claims the shape"),
        ("level", lambda m: m.update(shape=[3]), "the axes say"),
        ("time", lambda m: m.update(shape=[2, 2]), "not of dims"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_right_are_refused(path: Path, array, change, words) -> None:
    edit(path, array, change)
    with pytest.raises(OverflightError, match=words):
        open_store(path)


@pytest.mark.parametrize("bad", [[np.nan] * 13, [0.0] * 13, list(range(13, 0, -1))])
def test_axes_that_are_no_axes_are_refused(path: Path, bad) -> None:
    import zarr

    zarr.open_array(path / "time", mode="r+")[:] = np.array(bad, float)
    with pytest.raises(InputError, match="finite and increase strictly"):
        open_store(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"attributes": 3}'])
def test_what_is_no_store_is_told(path: Path, tmp_path: Path, text: str) -> None:
    (path / "zarr.json").write_text(text)
    with pytest.raises(InputError, match="not a wind store"):
        open_store(path)
    with pytest.raises(InputError, match="no such folder"):
        open_store(tmp_path / "none")


def test_a_store_of_another_version_is_refused(path: Path) -> None:
    meta = json.loads((path / "zarr.json").read_text())
    meta["attributes"]["overflight_wind_store"] = 9
    (path / "zarr.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match="version 9"):
        open_store(path)


def test_a_store_without_one_component_is_refused(path: Path) -> None:
    shutil.rmtree(path / "v")
    with pytest.raises(InputError, match="field 'v'"):
        open_store(path)

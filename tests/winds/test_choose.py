"""The choice of winds: files of the case, the cache, the prior; and joining files along time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from made_winds import write_winds
from overflight.case import Case, WindsAsk
from overflight.errors import CaseError, CoverageError, InputError
from overflight.times import parse_utc
from overflight.winds.analysis import Observations, analyse
from overflight.winds.analysis_fit import TERMS, set_scales
from overflight.winds.cache import CacheFile, Entry, write_entry
from overflight.winds.choose import OWN_MIXING_KM, PRIOR_MIXING_KM, choose_winds, join_in_time
from overflight.winds.error import ANALYSIS_ERROR, ANALYSIS_LAGRANGIAN_S, PRIOR_LAGRANGIAN_S
from overflight.winds.grid import FIELDS, Grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import sample
from overflight.winds.store import store_files, write_store

T0, T1 = parse_utc("2023-01-30T00:00Z"), parse_utc("2023-01-31T00:00Z")
HOUR = 3600.0


def case_with(source: str, *files: Path, folder: Path = Path("case")) -> Case:
    return Case(
        folder=folder, title="made", time_start=T0, time_end=T1, winds=WindsAsk(source=source, files=files),
        inputs={}, hypotheses=(), ask={}, hashes={},
    )  # fmt: skip


def stating(case: Case, error_mps: float) -> Case:
    return replace(case, winds=replace(case.winds, error_mps=error_mps))


@pytest.fixture
def empty(tmp_path) -> Path:
    return tmp_path / "empty-cache"


def wind_at_noon(grid) -> float:
    return float(sample(grid, 0.5 * (T0 + T1), 7000.0, 50.0, -120.0).u_mps)


def test_without_files_and_cache_the_prior_answers(empty):
    for source in ("auto", "prior", "prior-only"):
        chosen = choose_winds(case_with(source), cache_dir=empty)
        assert (chosen.used, chosen.own, chosen.files) == ("prior", None, ())
        assert (chosen.error_time_s, chosen.mixing_km) == (PRIOR_LAGRANGIAN_S, PRIOR_MIXING_KM)
        assert sample(chosen.prior, [T0, T1], 7000.0, 50.0, -120.0).status.tolist() == [0, 0]


@pytest.mark.parametrize("source", ["auto", "prior", "files"])
def test_a_file_of_the_case_comes_first(tmp_path, empty, source):
    file = write_winds(tmp_path / "winds" / "made.nc", T0, T1)
    chosen = choose_winds(case_with(source, file), cache_dir=empty)
    assert chosen.used == "files"
    assert chosen.files == (chosen.own.name,)
    assert "made.nc" in chosen.title
    assert wind_at_noon(chosen.own) == pytest.approx(30.0)
    assert chosen.error_mps == (ANALYSIS_ERROR.sd_u_mps, ANALYSIS_ERROR.sd_v_mps)
    assert (chosen.error_time_s, chosen.mixing_km) == (ANALYSIS_LAGRANGIAN_S, OWN_MIXING_KM)
    assert chosen.notes == ()


def test_an_error_that_the_case_states_is_that_of_its_files(tmp_path, empty):
    file = write_winds(tmp_path / "made.nc", T0, T1)
    stated = stating(case_with("files", file), 2.5)
    chosen = choose_winds(stated, cache_dir=empty)
    assert (chosen.error_mps, chosen.error_stated) == ((2.5, 2.5), True)
    assert "states an error of 2.5 m/s" in chosen.notes[-1]
    assert not choose_winds(case_with("files", file), cache_dir=empty).error_stated


def test_an_error_that_is_stated_of_the_climatology_is_left_alone_by_name(empty):
    chosen = choose_winds(stating(case_with("auto"), 2.5), cache_dir=empty)
    assert (chosen.error_mps, chosen.error_stated) == ((0.0, 0.0), False)
    assert "winds.error_mps = 2.5 of the case was left alone" in chosen.notes[-1]


def test_prior_only_leaves_files_alone_and_says_so(tmp_path, empty):
    file = write_winds(tmp_path / "made.nc", T0, T1)
    chosen = choose_winds(case_with("prior-only", file), cache_dir=empty)
    assert (chosen.used, chosen.own) == ("prior", None)
    assert "prior-only" in chosen.notes[0]
    assert choose_winds(case_with("prior-only"), cache_dir=empty).notes == ()


def test_files_asked_for_and_none_there_is_an_error_with_a_remedy(empty):
    with pytest.raises(CaseError, match=r"winds\.source.*Put a NetCDF"):
        choose_winds(case_with("files"), cache_dir=empty)


def test_a_file_of_other_days_is_left_out_by_name(tmp_path, empty):
    file = write_winds(tmp_path / "old.nc", T0 - 90 * 86400.0, T0 - 89 * 86400.0)
    with pytest.raises(CoverageError, match=r"old\.nc was left out.*Fetch winds"):
        choose_winds(case_with("files", file), cache_dir=empty)
    chosen = choose_winds(case_with("prior", file), cache_dir=empty)
    assert (chosen.used, chosen.own) == ("prior", None)
    assert "old.nc was left out" in chosen.notes[0]


def test_auto_still_says_that_a_file_was_of_no_use(tmp_path, empty):
    file = write_winds(tmp_path / "old.nc", T0 - 90 * 86400.0, T0 - 89 * 86400.0)
    chosen = choose_winds(case_with("auto", file), cache_dir=empty)
    assert chosen.used == "prior"
    assert any("old.nc was left out" in note for note in chosen.notes)


def test_a_broken_file_is_an_error_not_a_silent_prior(tmp_path, empty):
    file = tmp_path / "broken.nc"
    file.write_bytes(b"CDF\x05 and then nothing of use")
    with pytest.raises(InputError, match=r"broken\.nc"):
        choose_winds(case_with("auto", file), cache_dir=empty)


def test_a_file_that_ends_early_is_used_and_its_end_is_told(tmp_path, empty):
    file = write_winds(tmp_path / "short.nc", T0, T0 + 12 * HOUR, lat=(20.0, 80.0))
    chosen = choose_winds(case_with("auto", file), cache_dir=empty)
    assert chosen.used == "files"
    assert any("30 Jan 12:00Z" in note and "prior" in note for note in chosen.notes)


def test_a_wider_window_is_asked_of_the_file(tmp_path, empty):
    file = write_winds(tmp_path / "made.nc", T0, T1)
    chosen = choose_winds(case_with("auto", file), (T0 - 24 * HOUR, T1 + 48 * HOUR), cache_dir=empty)
    assert any("before and after" in note for note in chosen.notes)
    assert chosen.prior.time_s[0] <= T0 - 24 * HOUR
    assert chosen.prior.time_s[-1] >= T1 + 48 * HOUR


def put_into(cache: Path, source: Path, **more) -> Entry:
    data = source.read_bytes()
    values = {
        "id": "made", "source": "era5", "title": "made", "time_start": T0, "time_end": T1,
        "box": (-180.0, -90.0, 180.0, 90.0), "levels_pa": (1e3, 3e4),
        "files": (CacheFile(name="made.nc", bytes=len(data), sha256=hashlib.sha256(data).hexdigest()),),
    } | more  # fmt: skip
    entry = Entry(**values)
    write_entry(cache, entry)
    (cache / entry.id / "made.nc").write_bytes(data)
    return entry


def test_the_cache_answers_auto_only(tmp_path):
    cache = tmp_path / "cache"
    put_into(cache, write_winds(tmp_path / "made.nc", T0, T1, u_mps=17.0))
    chosen = choose_winds(case_with("auto"), cache_dir=cache)
    assert chosen.used == "cache"
    assert wind_at_noon(chosen.own) == pytest.approx(17.0)
    # The answer can be traced to the very bytes that were fetched.
    assert list(chosen.hashes.values()) == [hashlib.sha256((tmp_path / "made.nc").read_bytes()).hexdigest()]
    assert choose_winds(case_with("prior"), cache_dir=cache).used == "prior"
    own = write_winds(tmp_path / "own.nc", T0, T1)
    assert choose_winds(case_with("auto", own), cache_dir=cache).used == "files"


def test_a_damaged_entry_of_the_cache_gives_way_to_the_prior(tmp_path):
    cache = tmp_path / "cache"
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"CDF\x05 and then nothing of use")
    put_into(cache, broken)
    assert choose_winds(case_with("auto"), cache_dir=cache).used == "prior"


def test_files_join_along_time_in_any_order(tmp_path):
    one = read_grid(write_winds(tmp_path / "one.nc", T0, T0 + 12 * HOUR, u_mps=10.0))
    two = read_grid(write_winds(tmp_path / "two.nc", T0 + 12 * HOUR, T1, u_mps=20.0))
    for pair in ((one, two), (two, one)):
        joined, left_out = join_in_time(pair)
        assert left_out == ()
        assert (np.diff(joined.time_s) > 0).all()
        assert joined.time_s[[0, -1]].tolist() == [T0, T1]
        assert joined.periodic
        u = sample(joined, [T0 + 6 * HOUR, T0 + 18 * HOUR], 7000.0, 10.0, 10.0).u_mps
        assert u == pytest.approx([10.0, 20.0])
        # Both hold noon: the first file named is taken.
        assert float(sample(joined, T0 + 12 * HOUR, 7000.0, 10.0, 10.0).u_mps) == pytest.approx(
            10.0 if pair[0] is one else 20.0
        )
    assert join_in_time([one]) == (one, ())


def test_a_file_on_another_grid_is_left_out_by_name(tmp_path):
    one = read_grid(write_winds(tmp_path / "one.nc", T0, T1))
    odd = read_grid(write_winds(tmp_path / "odd.nc", T0, T0 + 6 * HOUR, lat=(0.0, 80.0)))
    joined, left_out = join_in_time([odd, one])
    assert joined is one
    assert left_out == (odd.name,)


def test_a_stated_spread_is_kept_only_when_all_files_state_one(tmp_path):
    one = read_grid(write_winds(tmp_path / "one.nc", T0, T0 + 6 * HOUR))
    two = read_grid(write_winds(tmp_path / "two.nc", T0 + 12 * HOUR, T1))
    sd = np.full_like(one.u_mps, 2.0)
    stated = replace(one, u_sd_mps=sd, v_sd_mps=sd)
    also = replace(two, u_sd_mps=np.full_like(two.u_mps, 3.0), v_sd_mps=np.full_like(two.u_mps, 3.0))
    joined, left_out = join_in_time([stated, also])
    assert left_out == ()
    assert sample(joined, [T0, T1], 7000.0, 0.0, 0.0).u_sd_mps == pytest.approx([2.0, 3.0])
    assert join_in_time([stated, two])[1] != ()


# --- a spread that winds state -------------------------------------------------------------------------


def made_analysis() -> Grid:
    """What four balloons tell of the wind over Tasmania, on a grid about them, with its spread."""
    rng = np.random.default_rng(3)
    seen = Observations(
        time_s=rng.uniform(T0, T1, 12), pressure_pa=rng.uniform(2e3, 9e3, 12),
        lat_deg=rng.uniform(-43.0, -41.0, 12), lon_deg=rng.uniform(145.0, 148.0, 12),
        u_mps=rng.normal(20.0, 4.0, 12), v_mps=rng.normal(0.0, 4.0, 12), sd_mps=np.full(12, 0.5),
        flight=np.repeat(np.arange(4), 3), names=("a", "b", "c", "d"),
    )  # fmt: skip
    hours, levels = np.arange(T0, T1 + HOUR, 6 * HOUR), np.array([2e3, 4e3, 7e3])
    return analyse(seen, fit=set_scales(TERMS)).to_grid(hours, levels, [-44.0, -42.0, -40.0], [144.0, 149.0])


def test_a_stored_analysis_comes_back_with_its_spread_and_has_no_other_error_added(tmp_path, empty):
    grid = made_analysis()
    store = write_store(tmp_path / "winds" / "sisters.zarr", [grid])
    chosen = choose_winds(case_with("files", store), cache_dir=empty)
    for name in ("u_mps", "v_mps", "u_sd_mps", "v_sd_mps"):
        np.testing.assert_array_equal(getattr(chosen.own, name), getattr(grid, name))
    # The balloons know the wind over Hobart better than at the corners, so this is no constant.
    assert np.ptp(chosen.own.u_sd_mps) > 0.3
    assert chosen.error_mps == (0.0, 0.0)
    assert "with their own spread" in chosen.title
    middle = np.mean([np.median(grid.u_sd_mps), np.median(grid.v_sd_mps)])
    assert chosen.notes[-1].startswith(f"The winds state their own error, {middle:.1f} m/s in the median")


def test_two_stores_join_with_their_spreads(tmp_path, empty):
    grid = made_analysis()
    parts = [
        replace(grid, time_s=grid.time_s[s], **{f: getattr(grid, f)[s] for f in FIELDS[:4]})
        for s in (slice(0, 3), slice(3, None))
    ]
    stores = [write_store(tmp_path / f"{k}.zarr", [part]) for k, part in enumerate(parts)]
    chosen = choose_winds(case_with("files", *stores), cache_dir=empty)
    np.testing.assert_array_equal(chosen.own.u_sd_mps, grid.u_sd_mps)
    assert chosen.error_mps == (0.0, 0.0)


def test_the_spread_of_members_leaves_the_error_that_they_share(tmp_path, empty):
    members = []
    for k in range(4):
        with xr.open_dataset(write_winds(tmp_path / f"{k}.nc", T0, T1, u_mps=30.0 + k)) as one:
            members.append(one.load())
    file = tmp_path / "ensemble.nc"
    xr.concat(members, dim="number").assign_coords(number=range(4)).to_netcdf(file)
    store = store_files(tmp_path / "mean.zarr", [file])
    again = store_files(tmp_path / "again.zarr", [store])
    for path in (file, store, again):
        chosen = choose_winds(case_with("files", path), cache_dir=empty)
        assert chosen.own.u_sd_mps == pytest.approx(np.full_like(chosen.own.u_mps, np.std(range(4), ddof=1)))
        assert chosen.error_mps == (ANALYSIS_ERROR.sd_u_mps, ANALYSIS_ERROR.sd_v_mps), path.name


@pytest.mark.parametrize("where", [(...,), (0, 0, 0, 0)])
def test_a_spread_that_is_nothing_somewhere_is_not_the_whole_error(tmp_path, empty, where):
    grid = made_analysis()
    u_sd = grid.u_sd_mps.copy()
    u_sd[where] = 0.0
    store = write_store(tmp_path / "s.zarr", [replace(grid, u_sd_mps=u_sd)])
    chosen = choose_winds(case_with("files", store), cache_dir=empty)
    assert chosen.error_mps == (ANALYSIS_ERROR.sd_u_mps, ANALYSIS_ERROR.sd_v_mps)


def test_an_uncertainty_that_another_file_states_is_not_its_whole_error(tmp_path, empty):
    # As a reanalysis comes with: what its members have in common is not in it.
    with xr.open_dataset(write_winds(tmp_path / "plain.nc", T0, T1)) as one:
        stating = one.load()
    for name in ("u", "v"):
        stating[f"{name}_sd"] = xr.full_like(stating[name], 0.4)
    stating.to_netcdf(tmp_path / "stating.nc")
    chosen = choose_winds(case_with("files", tmp_path / "stating.nc"), cache_dir=empty)
    assert float(chosen.own.u_sd_mps[0, 0, 0, 0]) == pytest.approx(0.4)
    assert chosen.error_mps == (ANALYSIS_ERROR.sd_u_mps, ANALYSIS_ERROR.sd_v_mps)

"""Ensembles on disk: the values of those in memory, and what a run that was cut off leaves."""

from __future__ import annotations

import shutil
import tracemalloc

import numpy as np
import pytest
from made_ensembles import BEGIN_S, FLOAT, START, digest_of, make_winds

from overflight.balloons.stops import Signed
from overflight.balloons.terms import ConstantPressure, Flight, Stage
from overflight.errors import InputError, OverflightError
from overflight.records import check_ensemble
from overflight.trajectories import ensemble_store
from overflight.trajectories.ensemble import Spread, simulate
from overflight.trajectories.ensemble_store import blocks_done, open_ensemble, simulate_to
from overflight.winds.store import open_store, write_store

DAY_S = 86400.0
ASKED = {"members": 11, "seed": 4, "time_end": BEGIN_S + DAY_S, "spread": Spread(place_m=1e3, time_s=300.0)}


class CutOff(Exception):
    """What stops a run in these tests."""


def fly(path, **changes):
    return simulate_to(path, FLOAT, make_winds(wavy=True), START, **(ASKED | {"block": 3} | changes))


def cut_after(blocks):
    done = []

    def progress(share):
        done.append(share)
        if len(done) == blocks:
            raise CutOff

    return progress


def test_the_stored_ensemble_is_the_one_in_memory(tmp_path):
    shares = []
    stored = open_ensemble(fly(tmp_path / "flight.zarr", progress=shares.append)).load()
    check_ensemble(stored)
    expected = simulate(FLOAT, make_winds(wavy=True), START, **ASKED)
    assert set(stored.variables) == set(expected.variables)
    for name in expected.variables:
        assert stored[name].dtype == expected[name].dtype, name
        assert stored[name].values.tobytes() == expected[name].values.tobytes(), name
    assert expected.attrs.items() <= stored.attrs.items()
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.75, 1.0])


def test_a_run_that_was_cut_off_goes_on_and_gives_the_same_bytes(tmp_path, monkeypatch):
    whole = digest_of(fly(tmp_path / "whole.zarr"))
    path = tmp_path / "cut.zarr"
    with pytest.raises(CutOff):
        fly(path, progress=cut_after(2))
    assert blocks_done(path) == [True, True, False, False]
    with pytest.raises(InputError, match="2 blocks of the ensemble are not flown"):
        open_ensemble(path)
    assert int(np.isfinite(open_ensemble(path, whole=False)["lon"].values[:, -1]).sum()) == 6
    flown, fly_block = [], ensemble_store.fly_block

    def counted(plan, first, last):
        flown.append(first)
        return fly_block(plan, first, last)

    monkeypatch.setattr(ensemble_store, "fly_block", counted)
    fly(path, block=None)
    assert flown == [6, 9]
    assert digest_of(path) == whole
    fly(path)
    assert flown == [6, 9]


def test_a_block_cut_off_while_it_is_written_is_flown_again(tmp_path):
    """Arrays without a mark count for nothing: here some are there, one is not, one is damaged."""
    whole = digest_of(fly(tmp_path / "whole.zarr"))
    path = fly(tmp_path / "cut.zarr")
    (path / "done" / "c" / "1").unlink()
    (path / "lon" / "c" / "1" / "0").write_bytes(b"half")
    (path / "end_lat" / "c" / "1").unlink()
    fly(path)
    assert digest_of(path) == whole


@pytest.mark.parametrize("changes", [{"seed": 5}, {"members": 12}, {"time_end": BEGIN_S + 3600.0}])
def test_another_ensemble_is_refused(tmp_path, changes):
    path = fly(tmp_path / "flight.zarr")
    with pytest.raises(InputError, match="of another call"):
        fly(path, **changes)


def test_other_winds_are_another_ensemble(tmp_path):
    path = fly(tmp_path / "flight.zarr")
    with pytest.raises(InputError, match="of another call"):
        simulate_to(path, FLOAT, make_winds(11.0, wavy=True), START, **ASKED)


def test_a_store_of_winds_is_told_by_what_it_holds(tmp_path):
    """The same winds elsewhere go on with the run; other winds in the same place do not."""
    winds = write_store(tmp_path / "winds", [make_winds(wavy=True)])
    path = simulate_to(tmp_path / "flight.zarr", FLOAT, open_store(winds), START, **ASKED)
    shutil.copytree(winds, tmp_path / "copy")
    simulate_to(path, FLOAT, open_store(tmp_path / "copy"), START, **ASKED)
    write_store(winds, [make_winds(11.0, wavy=True)], overwrite=True)
    with pytest.raises(InputError, match="of another call"):
        simulate_to(path, FLOAT, open_store(winds), START, **ASKED)


def stop_at(lon_deg, extra=None):
    def fn(_time, lon, _lat, _alt):
        return lon - lon_deg if extra is None else lon - extra.lon_deg

    return Flight((Stage((ConstantPressure(),), (Signed(fn),)),))


def test_functions_are_told_by_what_they_enclose(tmp_path):
    asked = ASKED | {"time_end": BEGIN_S + 3600.0}
    path = simulate_to(tmp_path / "flight.zarr", stop_at(190.0), make_winds(), START, **asked)
    simulate_to(path, stop_at(190.0), make_winds(), START, **asked)
    with pytest.raises(InputError, match="of another call"):
        simulate_to(path, stop_at(191.0), make_winds(), START, **asked)
    with pytest.raises(InputError, match=r"cannot tell .* at 0x.*content_id"):
        simulate_to(tmp_path / "other.zarr", stop_at(0.0, object()), make_winds(), START, **asked)
    assert not (tmp_path / "other.zarr").exists()


def test_blocks_of_another_size_are_refused(tmp_path):
    path = fly(tmp_path / "flight.zarr")
    with pytest.raises(InputError, match="blocks of 3 members"):
        fly(path, block=4)


def test_what_is_no_ensemble_is_left_alone(tmp_path):
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds no ensemble"):
        fly(folder)
    with pytest.raises(InputError, match="not there"):
        open_ensemble(tmp_path / "nowhere.zarr")
    assert (folder / "letter.txt").read_text() == "dear"


def test_the_leftovers_of_a_store_that_was_never_made_are_cleared(tmp_path):
    (tmp_path / "flight.zarr.part" / "lon").mkdir(parents=True)
    path = fly(tmp_path / "flight.zarr")
    assert not (tmp_path / "flight.zarr.part").exists()
    assert all(blocks_done(path))


def test_what_cannot_be_an_ensemble_is_not_marked_done(tmp_path):
    with pytest.raises(OverflightError):
        simulate_to(tmp_path / "flight.zarr", FLOAT, make_winds(), START, **(ASKED | {"step_s": -0.0}))
    assert not any(blocks_done(tmp_path / "flight.zarr"))


def test_memory_is_that_of_a_block_not_of_the_ensemble(tmp_path):
    winds, count, times = make_winds(), 6000, np.linspace(BEGIN_S, BEGIN_S + 3600.0, 361)
    asked = {"members": count, "seed": 1, "time_end": BEGIN_S + 3600.0, "keep_s": times, "error": None}
    simulate_to(tmp_path / "warm.zarr", FLOAT, winds, START, **(asked | {"members": 10}))
    tracemalloc.start()
    path = simulate_to(tmp_path / "flight.zarr", FLOAT, winds, START, block=250, **asked)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = count * times.size * 18
    assert all(blocks_done(path))
    assert size > 38e6
    assert peak < 0.4 * size

"""Ensembles on a Dask cluster of this machine: the same bytes, also when a worker is killed on the way."""

from __future__ import annotations

import os
import signal

import pytest
from made_ensembles import BEGIN_S, FLOAT, START, digest_of, make_winds

from overflight.errors import InputError, OverflightError
from overflight.trajectories import cluster
from overflight.trajectories.ensemble import Spread
from overflight.trajectories.ensemble_store import blocks_done, simulate_to

distributed = pytest.importorskip(
    "distributed", reason="Dask is not installed: pip install 'overflight[dask]'"
)

DAY_S = 86400.0
ASKED = {
    "members": 24, "seed": 4, "time_end": BEGIN_S + DAY_S, "block": 2,
    "spread": Spread(place_m=1e3, time_s=300.0),
}  # fmt: skip


def fly(path, **changes):
    return simulate_to(path, FLOAT, make_winds(wavy=True), START, **(ASKED | changes))


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Return a client of two workers, a process of one thread each."""
    folder = str(tmp_path_factory.mktemp("dask"))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            local_directory=folder, silence_logs=50,
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):  # fmt: skip
        yield client


def test_workers_write_the_bytes_that_one_process_writes(tmp_path, workers):
    shares = []
    alone = digest_of(fly(tmp_path / "alone.zarr"))
    both = fly(tmp_path / "both.zarr", client=workers, progress=shares.append)
    assert digest_of(both) == alone
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_worker_killed_on_the_way_changes_no_byte(tmp_path, workers):
    alone = digest_of(fly(tmp_path / "alone.zarr"))
    pids = workers.run(os.getpid)
    killed = []

    def kill(_share):
        if not killed:
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    path = fly(tmp_path / "both.zarr", client=workers, progress=kill)
    assert killed
    assert all(blocks_done(path))
    assert digest_of(path) == alone
    workers.wait_for_workers(2, timeout=60)
    assert killed[0] not in workers.run(os.getpid).values()


def test_a_run_cut_off_here_goes_on_there(tmp_path, workers):
    alone = digest_of(fly(tmp_path / "alone.zarr"))

    class CutOff(Exception):
        pass

    def cut(share):
        if share > 0.3:
            raise CutOff

    with pytest.raises(CutOff):
        fly(tmp_path / "cut.zarr", progress=cut)
    path = fly(tmp_path / "cut.zarr", cluster=workers.scheduler.address)
    assert digest_of(path) == alone


def test_what_a_worker_refuses_is_raised_here(tmp_path, workers):
    with pytest.raises(OverflightError, match="the step is 1e-09 s"):
        fly(tmp_path / "flight.zarr", client=workers, step_s=1e-9)
    with pytest.raises(InputError, match="of another call"):
        fly(tmp_path / "flight.zarr", client=workers, step_s=60.0)


def test_a_cluster_that_loses_all_workers_is_given_up(tmp_path, monkeypatch):
    """Workers without a nanny, which would start them again; the blocks in hand are lost with them."""
    monkeypatch.setattr(cluster, "WORKERS_WAIT_S", 3.0)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0",
            local_directory=str(tmp_path / "dask"), silence_logs=50,
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):  # fmt: skip

        def lose(_share):
            made.scale(0)

        with pytest.raises(OverflightError, match=r"no worker for 3 s.*Start workers"):
            fly(tmp_path / "flight.zarr", client=client, progress=lose)
        assert any(blocks_done(tmp_path / "flight.zarr"))
        with pytest.raises(OverflightError, match="no worker for 3 s"):
            fly(tmp_path / "flight.zarr", client=client)


def test_a_cluster_without_dask_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OverflightError, match=r"overflight\[dask\]"):
        cluster.fly_on_cluster(None, tmp_path, [], [], client=None, cluster="tcp://nowhere", report=print)

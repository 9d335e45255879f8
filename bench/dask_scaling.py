"""Two Dask workers against one: seconds to fly and write the same ensemble, and whether its bytes agree.

    python bench/dask_scaling.py [--members 4000] [--days 5] [--rounds 3] [--out bench/dask_scaling.json]

Each worker is a process of one thread. The workers are started and have compiled their kernels before the
clock starts. Rounds alternate, and the least time of each counts: other work on the machine only adds. Needs
two idle cores and the extra `dask`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import overflight
from overflight.balloons.terms import ConstantPressure, Flight, Stage
from overflight.trajectories.ensemble import Spread, Start
from overflight.trajectories.ensemble_store import simulate_to
from overflight.winds.grid import Grid

BEGIN_S = 1_675_000_800.0
FLOAT = Flight((Stage((ConstantPressure(),)),))
START = Start(lon_deg=-140.0, lat_deg=45.0, time_s=BEGIN_S, pressure_pa=6000.0)
BLOCK = 100


def make_winds(days: float) -> Grid:
    """Return a global 2° field of a jet and waves, 6-hourly on 6 levels."""
    time_s = BEGIN_S + np.arange(0.0, days * 86400.0 + 21601.0, 21600.0)
    pressure = np.array([2e3, 3e3, 5e3, 7e3, 1e4, 1.5e4])
    lat, lon = np.arange(-90.0, 91.0, 2.0), np.arange(0.0, 360.0, 2.0)
    rng, shape = np.random.default_rng(1), (time_s.size, pressure.size, lat.size, lon.size)
    cos, east = np.cos(np.radians(lat))[:, None], np.radians(lon)[None, :]
    u = np.zeros(shape) + 20.0 * cos
    v = np.zeros(shape)
    turn = (time_s - BEGIN_S)[:, None, None, None] / 86400.0
    for k in range(1, 9):
        phase = k * east - rng.uniform(0.5, 4.0) * turn + rng.uniform(0.0, 6.0)
        u += 8.0 / np.sqrt(k) * np.sin(phase) * cos
        v += 8.0 / np.sqrt(k) * np.cos(phase + 1.0) * cos
    return Grid(
        time_s=time_s, pressure_pa=pressure, lat_deg=lat, lon_deg=lon, u_mps=u.astype(np.float32),
        v_mps=v.astype(np.float32), periodic=True, name="made winds of bench/dask_scaling.py",
    )  # fmt: skip


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def timed(client: Any, winds: Grid, folder: Path, members: int, days: float) -> tuple[float, str]:
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    simulate_to(
        folder, FLOAT, winds, START, members=members, seed=1, time_end=BEGIN_S + days * 86400.0,
        spread=Spread(place_m=5e3, alt_m=300.0), block=BLOCK, client=client,
    )  # fmt: skip
    return time.perf_counter() - begin, digest_of(folder)


def commit() -> str:
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=4000)
    parser.add_argument("--days", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    asked = parser.parse_args()
    from distributed import Client, LocalCluster

    winds = make_winds(asked.days)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    digests = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for _ in range(asked.rounds):
            for count in (1, 2):
                with (
                    LocalCluster(
                        n_workers=count, threads_per_worker=1, processes=True, dashboard_address=":0",
                        local_directory=temporary, silence_logs=40,
                    ) as cluster,
                    Client(cluster, set_as_default=False) as client,
                ):  # fmt: skip
                    timed(client, winds, folder / "warm.zarr", 8 * BLOCK, asked.days)
                    spent, digest = timed(client, winds, folder / "timed.zarr", asked.members, asked.days)
                seconds[count].append(spent)
                digests.add(digest)
                print(f"{count} worker(s): {spent:.2f} s")
    ratio = min(seconds[1]) / min(seconds[2])
    result = {
        "version": overflight.__version__,
        "commit": commit(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "members": asked.members,
        "days": asked.days,
        "seconds_one_worker": seconds[1],
        "seconds_two_workers": seconds[2],
        "ratio_of_least_times": ratio,
        "same_bytes": len(digests) == 1,
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"two workers are {ratio:.2f} times one; same bytes: {result['same_bytes']}; {asked.out}")


if __name__ == "__main__":
    main()

"""A field larger than memory: is it made, streamed and flown within bounds?

Usage: python bench/out_of_core.py [--gb 20] [--particles 10000] [--window-gb 2] [--folder DIR] [--json FILE]

Makes a store of winds on a global grid of 0.25°, eight levels (10 to 200 hPa), hourly, as many times as fill
the size (unpacked float32), in a temporary folder that is removed afterwards; then, each in a process of its
own so that its peak of memory is its own, only reads it, and flies particles at constant pressure through all
of it. Prints bytes on disk, seconds, rate of reading, particle-steps a second, and the peak of
resident memory against that of the same process before the winds were opened.

The field is jets and travelling waves, with noise that is rolled round the globe from time to time, so that
it packs no better than an analysis does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overflight import __version__
from overflight.winds.fetch_plan import human_bytes
from overflight.winds.grid import Float32s, Grid
from overflight.winds.store import open_store, write_store

HOUR = 3600.0
LEVELS_PA = np.array([10.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0]) * 100.0
LAT, LON = np.linspace(-90.0, 90.0, 721), np.arange(0.0, 360.0, 0.25)
WAVES = 6
STEP_S = 300.0


def times_of(size_bytes: float) -> int:
    """Return how many times fill a size."""
    return max(4, round(size_bytes / (8.0 * LEVELS_PA.size * LAT.size * LON.size)))


def made(times: int) -> Iterator[Grid]:
    """Yield the field one time after the other."""
    rng = np.random.default_rng(20)
    shape = (LEVELS_PA.size, LAT.size, LON.size)
    noise = rng.normal(0.0, 0.5, (2, *shape)).astype(np.float32)
    number, speed = rng.integers(1, 20, WAVES), rng.uniform(-8.0, 8.0, WAVES)  # wavenumbers, degrees a day
    phase = rng.uniform(0.0, 360.0, (WAVES, LEVELS_PA.size))
    lat = np.radians(LAT)[:, None]
    jet = 25.0 * (np.exp(-(((LAT - 45) / 15) ** 2)) + np.exp(-(((LAT + 48) / 15) ** 2)))
    height = 1.0 + 0.5 * np.cos(np.linspace(0.0, 3.0, LEVELS_PA.size))
    for i in range(times):
        u = np.empty(shape, np.float32)
        v = np.empty(shape, np.float32)
        for level in range(LEVELS_PA.size):
            u[level] = (jet * height[level])[:, None]
            v[level] = 0.0
            for k, drift, start in zip(number, speed, phase[:, level], strict=True):
                angle = np.radians(k * (LON[None, :] - drift * i / 24.0) + start).astype(np.float32)
                size = (14.0 / np.sqrt(k) * np.cos(lat) ** 2).astype(np.float32)
                u[level] += size * np.sin(angle)
                v[level] += size * np.cos(angle)
        wind = [part + np.roll(n, 37 * i, axis=2) for part, n in zip((u, v), noise, strict=True)]
        yield _grid(i * HOUR, wind[0], wind[1])


def _grid(moment: float, u: Float32s, v: Float32s) -> Grid:
    return Grid(
        time_s=np.array([moment]), pressure_pa=LEVELS_PA, lat_deg=LAT, lon_deg=LON,
        u_mps=u[None], v_mps=v[None], periodic=True, name="made field",
    )  # fmt: skip


def peak_bytes() -> int:
    """Return the most memory that this process has had resident.

    From /proc where there is one: `ru_maxrss` of a process begins with that of the one which started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def streamed(path: Path, window_bytes: int) -> dict[str, float]:
    """Read every window and touch it."""
    store = open_store(path)
    end, count, total = float(store.time_s[-1]), 0, 0.0
    began = time.perf_counter()
    for grid, _, _ in store.windows(0.0, end, max_bytes=window_bytes):
        count += 1
        total += float(grid.u_mps[0, 0, 0, 0])
    spent = time.perf_counter() - began
    return {"seconds": spent, "windows": count, "bytes_per_second": store.nbytes / spent, "sum": total}


class _Bounded:
    """A store whose windows keep to the memory that the bench was given."""

    def __init__(self, path: Path, window_bytes: int) -> None:
        self.store, self.bytes, self.count = open_store(path), window_bytes, 0

    def windows(self, begin: float, end: float) -> Iterator[tuple[Grid, float, float]]:
        """Yield the windows and count them."""
        for window in self.store.windows(begin, end, max_bytes=self.bytes):
            self.count += 1
            yield window


def flight(winds: Any, end: float, particles: int) -> Any:
    """Fly particles from time zero to an end at constant pressure, keeping positions every six hours."""
    from overflight.balloons.terms import ConstantPressure, Flight, Stage
    from overflight.trajectories.solve import fly

    rng = np.random.default_rng(3)
    start = (rng.uniform(-180, 180, particles), rng.uniform(-60, 60, particles))
    return fly(
        Flight((Stage((ConstantPressure(),)),)), winds, *start, 0.0,
        pressure_pa=rng.uniform(1500.0, 18_000.0, particles), time_end=end, step_s=STEP_S,
        keep_s=np.arange(0.0, end + 1.0, 6 * HOUR),
    )  # fmt: skip


def warmed() -> None:
    """Compile the kernels on a still field: compiling takes memory of its own."""
    still = np.zeros((2, 3, 5, 8), np.float32)
    grid = Grid(
        time_s=np.array([0.0, HOUR]), pressure_pa=LEVELS_PA[[0, 4, 7]], lat_deg=np.linspace(-90, 90, 5),
        lon_deg=np.arange(0, 360, 45.0), u_mps=still, v_mps=still, periodic=True,
    )  # fmt: skip
    flight(grid, HOUR, 10)


def flown(path: Path, window_bytes: int, particles: int) -> dict[str, float]:
    """Fly through a store from its first time to its last."""
    winds = _Bounded(path, window_bytes)
    end = float(winds.store.time_s[-1])
    began = time.perf_counter()
    tracks = flight(winds, end, particles)
    spent = time.perf_counter() - began
    steps = particles * end / STEP_S
    arrived = float(np.mean(tracks.end_time_s == end))
    return {"seconds": spent, "windows": winds.count, "steps_per_second": steps / spent, "arrived": arrived}


def alone(kind: str, path: Path, options: argparse.Namespace) -> dict[str, float]:
    """Run a part in a process of its own; its answer comes back as JSON."""
    words = [sys.executable, __file__, "--part", kind, "--folder", str(path)]
    words += ["--particles", str(options.particles), "--window-gb", str(options.window_gb)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the part '{kind}' failed:\n{done.stderr}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def part(options: argparse.Namespace) -> None:
    """Do one part in this process and print what it took."""
    window_bytes = int(options.window_gb * 1e9)
    if options.part == "fly":
        warmed()
    before = peak_bytes()
    answer = (
        flown(options.folder, window_bytes, options.particles)
        if options.part == "fly"
        else streamed(options.folder, window_bytes)
    )
    print(json.dumps({**answer, "peak_bytes": peak_bytes(), "before_bytes": before}))


def main() -> None:
    """Make the field, stream it, fly through it, say what it took, and remove it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gb", type=float, default=20.0, help="size of the field, unpacked")
    parser.add_argument("--particles", type=int, default=10_000)
    parser.add_argument("--window-gb", type=float, default=2.0, help="memory that windows may take")
    parser.add_argument("--folder", type=Path, help="where the field is made; the system's temporary folder")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--part", choices=("read", "fly"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part(options)
        return
    times = times_of(options.gb * 1e9)
    folder = Path(tempfile.mkdtemp(prefix="overflight-bench-", dir=options.folder))
    try:
        began = time.perf_counter()
        path = write_store(folder / "made.zarr", made(times))
        writing = time.perf_counter() - began
        on_disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        parts = {kind: alone(kind, path, options) for kind in ("read", "fly")}
    finally:
        shutil.rmtree(folder)
    unpacked = times * 8 * LEVELS_PA.size * LAT.size * LON.size
    facts = {
        "version": __version__, "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "times": times, "unpacked_bytes": unpacked, "disk_bytes": on_disk, "writing_seconds": writing,
        "window_bytes": int(options.window_gb * 1e9), "particles": options.particles, **parts,
    }  # fmt: skip
    report(facts, parts)
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def report(facts: dict[str, object], parts: dict[str, dict[str, float]]) -> None:
    """Print the figures for people."""
    unpacked, disk = (human_bytes(int(str(facts[k]))) for k in ("unpacked_bytes", "disk_bytes"))
    print(f"field: {facts['times']} times of 0.25°, {unpacked} unpacked, {disk} on disk")
    print(f"made and written in {float(str(facts['writing_seconds'])):.0f} s")
    for kind, taken in parts.items():
        rate = (
            f"{taken['bytes_per_second'] / 1e6:.0f} MB/s"
            if kind == "read"
            else f"{taken['steps_per_second'] / 1e6:.2f} M particle-steps/s, {taken['arrived']:.1%} arrived"
        )
        print(
            f"{kind}: {taken['windows']:.0f} windows in {taken['seconds']:.1f} s, {rate}; peak "
            f"{human_bytes(int(taken['peak_bytes']))} of which "
            f"{human_bytes(int(taken['before_bytes']))} before the winds"
        )


if __name__ == "__main__":
    main()

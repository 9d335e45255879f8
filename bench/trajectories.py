"""Particle-steps a second: our two paths, hand-written arrays, scipy, Parcels 4 and OpenDrift, in one table.

    python bench/trajectories.py [--quick] [--work .bench] [--json bench/trajectories.json] [--only NAME ...]

The task: particles at constant pressure, 5 days of 5-minute fourth-order steps through a global 1° field of
8 levels, 6-hourly for 10 days, positions kept hourly, at 10,000 and at 100,000 particles. Every row is a
process of its own; the clock runs over the integration alone (fields read, kernels compiled), and the seconds
of the processor stand beside those of the wall, for other work on the machine slows the second far more than
the first. A row that was run for less than 5 days is scaled up and says so. Peers are installed from the
registry into environments of their own under `--work`; one that does not install is left out with the reason.

"error" is the distance after 5 days from the truth on the same grid (150 s steps in double precision, arrays
of numpy, linear interpolation); "of the field", from the truth in the field before it was put on the grid.
The field is jets and travelling waves, seeded, so it is smooth; real winds are in `interpolation.py`.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HOUR, DAY = 3600.0, 86400.0
DAYS = 5.0
STEP_S = 300.0
TASKS = (10_000, 100_000)
# Particles followed for errors, the first of the starts.
FOLLOWED = 1000
# Metres a degree of Parcels: a minute of arc is a nautical mile.
PARCELS_RADIUS_M = math.degrees(1852.0 * 60.0)
HERE = Path(__file__).parent


# --- the field -----------------------------------------------------------------------------------------


def draw_waves(seed: int) -> Floats:
    """Forty waves: zonal and meridional number, speed, frequency (1/s), tilt (rad per ln p), two phases."""
    rng = np.random.default_rng([3, seed])
    k = np.arange(1.0, 41.0)
    period = np.exp(rng.uniform(np.log(1.5 * DAY), np.log(12.0 * DAY), 40)) * rng.choice([-1.0, 1.0], 40)
    across, phases = rng.integers(1, 21, 40), rng.uniform(0.0, 2.0 * np.pi, (2, 40))
    return np.stack(
        [k, across, 14.0 / np.sqrt(k), 2.0 * np.pi / period, rng.uniform(-2, 2, 40), *phases], axis=1
    )


def field_wind(waves: Floats, t: Any, log_p: Any, lat: Any, lon: Any) -> tuple[Any, Any]:
    """Wind of the field, m/s: jets at 45 N and 48 S, and waves of a stream function; places in radians."""
    above = math.log(1e5) - log_p
    u = (22.0 + 4.0 * above) * np.exp(-(((lat - 0.785) / 0.21) ** 2))
    u = u + (16.0 + 8.0 * above) * np.exp(-(((lat + 0.838) / 0.24) ** 2)) + 0.0 * (lon + t)
    v = 0.0 * u
    cos, sin = np.cos(lat), np.sin(lat)
    for k, across, speed, omega, tilt, b, c in waves:
        size = speed / math.hypot(k, across)
        phase = k * lon - omega * t + tilt * log_p + c
        cb, sb = np.cos(across * lat + b), np.sin(across * lat + b)
        u = u + size * (2.0 * cos * sin * cb + across * cos * cos * sb) * np.cos(phase)
        v = v - size * k * cos * cb * np.sin(phase)
    return u, v


def make_field(folder: Path, seed: int = 0) -> None:
    """Write the field on the grid of the task, and the starts, as files that every process reads."""
    if (folder / "starts.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    axes = {
        "time_s": np.arange(41) * 6.0 * HOUR,
        "pressure_pa": np.array([10.0, 20, 30, 50, 70, 100, 150, 200]) * 100.0,
        "lat_deg": np.linspace(-90.0, 90.0, 181),
        "lon_deg": np.arange(360.0),
    }
    lat, lon = np.radians(axes["lat_deg"])[:, None], np.radians(axes["lon_deg"])[None, :]
    waves = draw_waves(seed)
    u = np.empty((41, 8, 181, 360), np.float32)
    v = np.empty_like(u)
    for i, t in enumerate(axes["time_s"]):
        for j, p in enumerate(axes["pressure_pa"]):
            u[i, j], v[i, j] = field_wind(waves, t, math.log(p), lat, lon)
    np.save(folder / "u.npy", u)
    np.save(folder / "v.npy", v)
    np.savez(folder / "axes.npz", **axes)
    rng, n = np.random.default_rng([4, seed]), max(TASKS)
    np.savez(
        folder / "starts.npz",
        lon_deg=rng.uniform(-180.0, 180.0, n),
        lat_deg=rng.uniform(-60.0, 60.0, n),
        pressure_pa=rng.uniform(1500.0, 18000.0, n),
    )


def read_starts(folder: Path, count: int) -> tuple[Floats, Floats, Floats]:
    starts = np.load(folder / "starts.npz")
    return starts["lon_deg"][:count], starts["lat_deg"][:count], starts["pressure_pa"][:count]


# --- Runge-Kutta with arrays, for the truths and the array rows ------------------------------------------

# (time_s, lat_deg, lon_deg) -> u, v
Look = Callable[[float, Floats, Floats], tuple[Any, Any]]


def carry(
    look: Look, start: tuple[Floats, Floats, Floats], seconds: float, step: float, keep: int = 12
) -> tuple[Floats, Floats]:
    """Integrate longitude and latitude on WGS-84 at the height of the pressure; keep every `keep` steps."""
    from overflight import atmosphere
    from overflight.trajectories.isobaric import _radii

    lon, lat, pressure = start
    alt = atmosphere.alt_from_pressure(pressure)
    kept = []

    def rate(t: float, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        u, v = look(t, y, x)
        prime, meridian = _radii(y, None)
        return np.degrees(u / ((prime + alt) * np.cos(np.radians(y)))), np.degrees(v / (meridian + alt))

    for i in range(round(seconds / step)):
        t = i * step
        ax, ay = rate(t, lon, lat)
        bx, by = rate(t + step / 2, lon + step / 2 * ax, lat + step / 2 * ay)
        cx, cy = rate(t + step / 2, lon + step / 2 * bx, lat + step / 2 * by)
        dx, dy = rate(t + step, lon + step * cx, lat + step * cy)
        lon = lon + step / 6 * (ax + 2 * bx + 2 * cx + dx)
        lat = lat + step / 6 * (ay + 2 * by + 2 * cy + dy)
        if (i + 1) % keep == 0:
            kept.append((lon, lat))
    return lon, lat


def in_numpy(folder: Path, pressure: Floats) -> Look:
    """Quadrilinear interpolation by hand."""
    axes, u, v = np.load(folder / "axes.npz"), np.load(folder / "u.npy"), np.load(folder / "v.npy")
    levels, columns = np.log(axes["pressure_pa"]), axes["lon_deg"].size
    il = np.clip(np.searchsorted(levels, np.log(pressure)) - 1, 0, levels.size - 2)
    wl = (np.log(pressure) - levels[il]) / (levels[il + 1] - levels[il])

    def look(t: float, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        it = min(int(t / (6 * HOUR)), 39)
        wt = t / (6 * HOUR) - it
        x, y = lon % 360.0, lat + 90.0
        ix, iy = x.astype(np.int64), np.minimum(y.astype(np.int64), 179)
        wx, wy = x - ix, y - iy
        ix = ix % columns
        found_u = found_v = 0.0
        for kt, kl, ky, kx in np.ndindex(2, 2, 2, 2):
            share = (wt if kt else 1 - wt) * (wl if kl else 1 - wl)
            share = share * (wy if ky else 1 - wy) * (wx if kx else 1 - wx)
            at = (it + kt, il + kl, iy + ky, (ix + kx) % columns)
            found_u, found_v = found_u + share * u[at], found_v + share * v[at]
        return found_u, found_v

    return look


def in_scipy(folder: Path, pressure: Floats, which: str) -> Look:
    """Look the wind up with `RegularGridInterpolator` or `map_coordinates`, one column more at the seam."""
    from scipy.interpolate import RegularGridInterpolator
    from scipy.ndimage import map_coordinates

    axes = np.load(folder / "axes.npz")
    u, v = (
        np.concatenate([x, x[..., :1]], axis=-1)
        for x in (np.load(folder / "u.npy"), np.load(folder / "v.npy"))
    )
    levels = np.log(axes["pressure_pa"])
    log_p = np.log(pressure)
    level = np.interp(log_p, levels, np.arange(levels.size))
    points = (axes["time_s"], levels, axes["lat_deg"], np.arange(361.0))
    grids = [RegularGridInterpolator(points, x) for x in (u, v)] if which == "regular" else []

    def look(t: float, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
        if grids:
            at = np.stack([np.full(lat.shape, t), log_p, lat, lon % 360.0], axis=-1)
            return grids[0](at), grids[1](at)
        index = np.stack([np.full(lat.shape, t / (6 * HOUR)), level, lat + 90.0, lon % 360.0])
        return map_coordinates(u, index, order=1), map_coordinates(v, index, order=1)

    return look


def write_truths(folder: Path) -> None:
    """Write where the followed particles truly end: on the grid, and in the field itself."""
    if (folder / "truths.npz").exists():
        return
    start = read_starts(folder, FOLLOWED)
    waves, log_p = draw_waves(0), np.log(start[2])

    def exact(t: float, lat: Floats, lon: Floats) -> tuple[Any, Any]:
        return field_wind(waves, t, log_p, np.radians(lat), np.radians(lon))

    grid = carry(in_numpy(folder, start[2]), start, DAYS * DAY, 150.0)
    field = carry(exact, start, DAYS * DAY, 600.0)
    np.savez(folder / "truths.npz", grid=np.stack(grid), field=np.stack(field))


# --- rows: each in a process of its own ------------------------------------------------------------------


def read_field(folder: Path) -> Any:
    from overflight.winds.grid import Grid

    axes = np.load(folder / "axes.npz")
    return Grid(**axes, u_mps=np.load(folder / "u.npy"), v_mps=np.load(folder / "v.npy"), periodic=True)


def resident() -> int:
    """Bytes of memory held now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """The most bytes held since `forget_peak`."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Begin the peak anew, with freed memory given back so that none of it is used again unseen."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def timed(run: Callable[[], Any], rounds: int) -> tuple[dict[str, Any], Any]:
    """Run it `rounds` times; the least seconds count, for other work on the machine only adds."""
    wall, cpu = [], []
    result = None
    for _ in range(rounds):
        result = None
        begin, begin_cpu = time.perf_counter(), time.process_time()
        result = run()
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - begin_cpu)
    return {"wall_s": min(wall), "cpu_s": min(cpu), "rounds": rounds}, result


def run_isobaric(folder: Path, count: int, hours: float, rounds: int) -> tuple[dict[str, Any], Any]:
    from overflight.trajectories.isobaric import advect_isobaric

    winds, starts = read_field(folder), read_starts(folder, count)
    keep = np.arange(0.0, hours * HOUR + 1.0, HOUR)
    advect_isobaric(winds, *(x[:10] for x in starts), 0.0, HOUR)
    forget_peak()
    before = resident()
    row, out = timed(lambda: advect_isobaric(winds, *starts, 0.0, hours * HOUR, keep_s=keep), rounds)
    kept = sum(part.nbytes for part in out[:3])
    row["bytes_a_particle"] = (peak() - before - kept) / count
    row["wind_bytes"] = winds.nbytes
    return row, (out.lon_deg[:, -1], out.lat_deg[:, -1])


def run_general(
    folder: Path, count: int, hours: float, rounds: int, default: bool
) -> tuple[dict[str, Any], Any]:
    from overflight.balloons.stops import PressureAbove
    from overflight.balloons.terms import ConstantPressure, Flight, Stage
    from overflight.trajectories.solve import fly
    from overflight.winds.interpolate import pack
    from overflight.winds.schemes import Scheme

    winds, (lon, lat, pressure) = read_field(folder), read_starts(folder, count)
    # A stop that is never met keeps `fly` from handing the flight to the fast path.
    flight = Flight((Stage((ConstantPressure(),), (PressureAbove(100e3),)),))

    def run(n: int, end: float) -> Any:
        return fly(
            flight, winds, lon[:n], lat[:n], 0.0, pressure_pa=pressure[:n], time_end=end,
            keep_s=np.arange(0.0, end + 1.0, HOUR), step_s=STEP_S, scheme=None if default else Scheme(),
        )  # fmt: skip

    run(10, HOUR)
    packed = pack(winds).field.nbytes
    forget_peak()
    before = resident()
    row, out = timed(lambda: run(count, hours * HOUR), rounds)
    values = (getattr(out, part.name) for part in fields(out))
    kept = sum(part.nbytes for part in values if isinstance(part, np.ndarray))
    # `fly` lays the winds out for its kernels, beside the grid that it is given.
    row["bytes_a_particle"] = (peak() - before - kept - packed) / count
    row["wind_bytes"] = winds.nbytes + packed
    return row, (out.lon_deg[:, -1], out.lat_deg[:, -1])


def run_arrays(
    folder: Path, count: int, hours: float, rounds: int, look: Callable[[Path, Floats], Look]
) -> tuple[dict[str, Any], Any]:
    start = read_starts(folder, count)
    found = look(folder, start[2])
    return timed(lambda: carry(found, start, hours * HOUR, STEP_S), rounds)


Runner = Callable[[Path, int, float, int], tuple[dict[str, Any], Any]]
RUNNERS: dict[str, Runner] = {
    "isobaric": run_isobaric,
    "general": lambda *ask: run_general(*ask, default=False),
    "default": lambda *ask: run_general(*ask, default=True),
    "numpy": lambda *ask: run_arrays(*ask, look=in_numpy),
    "map_coordinates": lambda *ask: run_arrays(*ask, look=lambda f, p: in_scipy(f, p, "map")),
    "regular_grid": lambda *ask: run_arrays(*ask, look=lambda f, p: in_scipy(f, p, "regular")),
}


def child(name: str, folder: Path, count: int, hours: float, rounds: int, out: Path) -> None:
    """Run one row in this process, print what it took, and leave the ends in a file."""
    row, (lon, lat) = RUNNERS[name](folder, count, hours, rounds)
    np.savez(out, lon_deg=lon, lat_deg=lat)
    print(json.dumps({**row, "peak_bytes": peak()}))


# --- the parent ------------------------------------------------------------------------------------------

PEERS = {
    "parcels": ("parcels>=4", "trajectories_parcels.py"),
    "parcels double": ("parcels>=4", "trajectories_parcels.py"),
    "opendrift": ("opendrift", "trajectories_opendrift.py"),
}
TITLES = {
    "isobaric": "overflight, constant pressure (linear)",
    "general": "overflight, any flight, linear",
    "default": "overflight, any flight, default scheme",
    "numpy": "numpy, arrays by hand",
    "map_coordinates": "scipy map_coordinates",
    "regular_grid": "scipy RegularGridInterpolator",
    "parcels": "Parcels 4, RK4",
    "parcels double": "Parcels 4, double precision",
    "opendrift": "OpenDrift, 'runge-kutta4'",
}


class LeftOut(Exception):
    """A row that cannot be run here; the message says why."""


def peer_python(work: Path, name: str) -> Path:
    """Return the Python of a peer's environment, making it when there is none."""
    wanted = PEERS[name][0]
    place = work / ("env-" + "".join(c for c in wanted if c.isalpha()))
    python = place / "bin" / "python"
    if not (place / "installed").exists():
        print(f"installing {wanted} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        asked = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LeftOut(f"{wanted} did not install: {done.stderr.strip().splitlines()[-1]}")
        (place / "installed").touch()
    return python


def command_of(name: str, work: Path, count: int, hours: float, rounds: int, out: Path) -> list[Any]:
    folder = work / "field"
    if name in PEERS:
        more = ["double"] if name.endswith("double") else []
        return [peer_python(work, name), HERE / PEERS[name][1], folder, count, hours, out, *more]
    return [sys.executable, __file__, "--work", work, "--child", name, count, hours, rounds, out]


def measure(name: str, work: Path, count: int, hours: float, rounds: int) -> dict[str, Any]:
    """Run one row in its process, and score it when it went the whole way."""
    out = work / f"ends-{name.replace(' ', '-')}-{count}.npz"
    row: dict[str, Any] = {"name": name, "particles": count, "hours": hours}
    try:
        command = [str(part) for part in command_of(name, work, count, hours, rounds, out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        printed, complaint = process.communicate()
        if process.returncode:
            raise LeftOut((complaint.strip().splitlines() or ["no word"])[-1])
        row |= json.loads(printed.strip().splitlines()[-1])
    except LeftOut as reason:
        return row | {"left_out": str(reason)}
    steps = count * hours * HOUR / STEP_S
    row["million_steps_a_second"] = steps / row["wall_s"] / 1e6
    row["million_steps_a_cpu_second"] = steps / row["cpu_s"] / 1e6
    row["task_s"] = row["wall_s"] * DAYS * 24.0 / hours
    if hours == DAYS * 24.0:
        row |= score(work, out)
    return row


def apart_km(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> Floats:
    from overflight import geo

    return np.asarray(geo.distance_m(a[0], a[1], b[0], b[1])) / 1000.0


def ends(file: Path) -> tuple[Floats, Floats]:
    found = np.load(file)
    return found["lon_deg"][:FOLLOWED].astype(float), found["lat_deg"][:FOLLOWED].astype(float)


def score(work: Path, out: Path) -> dict[str, Any]:
    """Median and 90 % of the distance to the truths."""
    truths, found = np.load(work / "field" / "truths.npz"), ends(out)
    row = {}
    for name in ("grid", "field"):
        lon, lat = truths[name]
        low, high = np.nanpercentile(apart_km(found, (lon[: len(found[0])], lat[: len(found[0])])), [50, 90])
        row |= {f"{name}_error_median_km": float(low), f"{name}_error_p90_km": float(high)}
    return row


def parcels_agreement(work: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How far Parcels and we end apart with its metres a degree, in its single precision and in double."""
    from overflight.trajectories.isobaric import advect_isobaric

    winds, starts = read_field(work / "field"), read_starts(work / "field", FOLLOWED)
    found: dict[str, Any] = {}
    for row in rows:
        if not row["name"].startswith("parcels") or "left_out" in row or row["particles"] < FOLLOWED:
            continue
        if row["particles"] != TASKS[0] and row["name"] == "parcels":
            continue
        theirs = ends(work / f"ends-{row['name'].replace(' ', '-')}-{row['particles']}.npz")
        for radius, key in ((PARCELS_RADIUS_M, "its metres a degree"), (None, "WGS-84 at the height")):
            ours = advect_isobaric(winds, *starts, 0.0, row["hours"] * HOUR, radius_m=radius)
            km = apart_km((ours.end_lon_deg, ours.end_lat_deg), theirs)
            low, high = np.percentile(km, [50, 90])
            found[f"{row['name']}, {row['hours']:g} h, {key}"] = {
                "median_km": float(low),
                "p90_km": float(high),
            }
    return found


FIRST_CALL = """
import time
begin = time.perf_counter()
import numpy as np
import overflight
from overflight.winds.grid import Grid
{imports}
imported = time.perf_counter()
wind = np.ones((2, 2, 19, 36), np.float32)
axes = dict(time_s=np.array([0.0, 21600.0]), pressure_pa=np.array([5e3, 1e5]),
            lat_deg=np.linspace(-90, 90, 19), lon_deg=np.arange(36) * 10.0)
grid = Grid(**axes, u_mps=wind, v_mps=wind, periodic=True)
{call}
called, cpu = time.perf_counter(), time.process_time()
print(imported - begin, called - imported, cpu)
"""
FIRST_CALLS = {
    "constant pressure": FIRST_CALL.format(
        imports="from overflight.trajectories.isobaric import advect_isobaric",
        call="advect_isobaric(grid, [0.0, 10.0], [0.0, 89.0], 7e3, 0.0, 21600.0)",
    ),
    "any flight": FIRST_CALL.format(
        imports="from overflight.api import AltitudeAbove, Ascent, Descent, Flight, Ground, Stage, fly",
        call="up = Stage((Ascent(5.0),), (AltitudeAbove(16e3),))\n"
        "down = Stage((Descent(8.0),), (Ground(),))\n"
        "fly(Flight((up, down)), grid, [0.0], [40.0], 0.0, alt_m=2000.0, time_end=21600.0)",
    ),
}


def first_calls(work: Path) -> dict[str, Any]:
    """Seconds to import and to call for the first time, with the cache of kernels empty and full."""
    found: dict[str, Any] = {}
    for way, code in FIRST_CALLS.items():
        cache = work / f"cache-{time.time_ns()}"
        for state in ("empty", "full"):
            done = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "XDG_CACHE_HOME": str(cache)},
                capture_output=True,
                text=True,
                check=True,
            )
            imported, called, cpu = map(float, done.stdout.split())
            found[f"{way}, {state}"] = {"import_s": imported, "first_call_s": called, "cpu_s": cpu}
    return found


def asks(quick: bool) -> Iterator[tuple[str, int, float, int]]:
    """Yield rows: name, particles, hours, rounds. Slow ones are run in part and scaled."""
    small, large = TASKS
    whole = DAYS * 24.0
    yield "isobaric", small, whole, 5
    yield "isobaric", large, whole, 2 if quick else 5
    yield "general", small, whole if not quick else 24.0, 1
    yield "default", small, whole if not quick else 24.0, 1
    yield "general", large, 24.0 if not quick else 6.0, 1
    yield "default", large, 24.0 if not quick else 6.0, 1
    yield "numpy", small, 12.0 if not quick else 3.0, 1
    yield "map_coordinates", small, 6.0 if not quick else 1.0, 1
    yield "regular_grid", small, 6.0 if not quick else 1.0, 1
    yield "parcels", small, whole if not quick else 6.0, 1
    yield "parcels", large, 12.0 if not quick else 2.0, 1
    yield "parcels double", 1000, whole if not quick else 24.0, 1
    yield "opendrift", small, 12.0 if not quick else 2.0, 1
    yield "opendrift", large, 3.0 if not quick else 1.0, 1


def print_rows(rows: list[dict[str, Any]]) -> None:
    best = {r["particles"]: r for r in rows if r["name"] == "isobaric" and "left_out" not in r}
    print(
        f"\n{'':40s}{'particles':>10s}{'run, h':>7s}{'task, s':>9s}{'M steps/s':>10s}{'M/cpu-s':>9s}"
        f"{'ours is':>9s}{'per cpu':>9s}{'peak, GB':>9s}{'error km, 50 and 90 %':>24s}{'of the field':>16s}"
    )
    for row in rows:
        title = f"{TITLES[row['name']]:40s}{row['particles']:10,d}"
        if "left_out" in row:
            print(f"{title}  left out: {row['left_out']}")
            continue
        ours = best.get(row["particles"]) or next(iter(best.values()), row)
        wall = ours["million_steps_a_second"] / row["million_steps_a_second"]
        cpu = ours["million_steps_a_cpu_second"] / row["million_steps_a_cpu_second"]
        memory = f"{row['peak_bytes'] / 1e9:9.2f}" if "peak_bytes" in row else " " * 9
        error, field = "", ""
        if "grid_error_median_km" in row:
            error = f"{row['grid_error_median_km']:.4f} {row['grid_error_p90_km']:.3f}"
            field = f"{row['field_error_median_km']:.0f} {row['field_error_p90_km']:.0f}"
        scaled = " " if row["hours"] == DAYS * 24.0 else "*"
        print(
            f"{title}{row['hours']:7g}{row['task_s']:8.2f}{scaled}{row['million_steps_a_second']:10.3f}"
            f"{row['million_steps_a_cpu_second']:9.3f}{wall:8.1f}x{cpu:8.1f}x{memory}{error:>24s}{field:>16s}"
        )
    print(
        "* scaled up from the hours run. 'ours is', 'per cpu': how many times as fast as the row our path\n"
        "at constant pressure is, by the wall and by seconds of the processor."
    )


def print_memory(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if "bytes_a_particle" in row:
            count, each, winds = row["particles"], row["bytes_a_particle"], row["wind_bytes"] / 1e6
            print(
                f"memory, {TITLES[row['name']]}: {count:,} particles held {each * count / 1e6:.1f} MB "
                f"at the peak ({each:.0f} bytes each), beside the winds ({winds:.0f} MB) and what is kept"
            )


def commit() -> str:
    asked = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.processor())


def bench(asked: argparse.Namespace) -> dict[str, Any]:
    work = asked.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    (work / ".gitignore").write_text("*\n")
    print("making the field and the truths ...", flush=True)
    make_field(work / "field")
    write_truths(work / "field")
    rows = []
    for ask in asks(asked.quick):
        if not asked.only or ask[0] in asked.only:
            print(f"{TITLES[ask[0]]}, {ask[1]:,} particles, {ask[2]:g} h ...", flush=True)
            rows.append(measure(ask[0], work, *ask[1:]))
    result = {
        "commit": commit(),
        "machine": f"{processor()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "load_at_the_end": os.getloadavg()[0],
        "quick": asked.quick,
        "rows": rows,
        "first_calls": first_calls(work),
        "parcels_agreement": parcels_agreement(work, rows),
    }
    print_rows(rows)
    print_memory(rows)
    for state, took in result["first_calls"].items():
        print(
            f"first call, cache of kernels: {state}: import {took['import_s']:.2f} s, first call "
            f"{took['first_call_s']:.2f} s ({took['cpu_s']:.2f} s of processor in all)"
        )
    for what, km in result["parcels_agreement"].items():
        print(f"{what}: apart {km['median_km']:.4f} km median, {km['p90_km']:.3f} km at 90 %")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, more scaling up")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="field, environments, ends")
    parser.add_argument("--json", type=Path, default=HERE / "trajectories.json")
    parser.add_argument("--only", nargs="*", choices=TITLES, help="rows to run")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        name, count, hours, rounds, out = asked.child
        child(name, asked.work / "field", int(count), float(hours), int(rounds), Path(out))
        return
    result = bench(asked)
    asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

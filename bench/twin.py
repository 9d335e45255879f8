"""Microseconds a step of the twin, beside the simulator of the Balloon Learning Environment, in one run.

    python bench/twin.py [--work .bench] [--json bench/twin.json] [--days 8] [--rounds 5] [--skip-ble]

Ours: eight days at steps of a minute through a made global field of 2.5°, 20 levels, 12-hourly, cubic
interpolation, Runge-Kutta of fourth order, with an error field of 64 waves on the truth and another on the
forecast, decisions every half an hour among pairs of 17 heights (16 look-aheads each), power booked; alone,
and with a payload (a camera, a receiver, 20 places, a recorder, a satellite link) along it.

Theirs: `balloon-learning-environment` from the registry in an environment of its own under `--work`, with an
interpreter from 3.8 to 3.10 and the libraries of its time (`PINS`): its arena steps 3 minutes at a time (18
strides of 10 s of a balloon's physics and two looks at the wind), here without its features, which cost more
than the simulator. Where its generative wind field does not load (it wants TensorFlow), still air stands in,
and says so. The wind look-up that its field spends its time in, one `scipy.interpolate.interpn` on a grid of
21 x 21 x 10 x 9 points, is timed here with this environment's scipy whether or not the simulator runs.

Least of `--rounds`, for other work on the machine only adds, and of the wall and the processor whichever is
less: waiting adds to the first, idle threads to the second. A step of theirs is three of ours; both ratios
stand in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DAY = 86400.0
INTERPRETERS = ("python3.9", "python3.8", "python3.10")
# Of the days of version 1.0.1, 2022: later libraries dropped what it calls.
PINS = (
    "numpy==1.23.5", "scipy==1.9.3", "jax==0.4.13", "jaxlib==0.4.13", "ml-dtypes<0.3", "flax==0.6.11",
    "orbax-checkpoint==0.2.3", "opensimplex==0.3", "s2sphere", "transitions", "scikit-learn<1.4",
    "gin-config", "absl-py", "tensorflow-probability==0.20.1",
)  # fmt: skip
INSTALL_S = 1200.0


def least(run: Callable[[], object], rounds: int) -> float:
    """Return the least seconds of some runs, of the wall or of the processor, whichever is less."""
    took = []
    for _ in range(rounds):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        run()
        took += [time.perf_counter() - begin, time.process_time() - begin_cpu]
    return min(took)


# --- ours ------------------------------------------------------------------------------------------------


def ours(days: float, rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Return microseconds a step by what flies, and what it flew."""
    from overflight.times import parse_utc
    from overflight.twin.autopilot import Behaviour, Drift, Loiter
    from overflight.twin.budget import balloon
    from overflight.twin.flight import Start, TwinFlight, fly_twin
    from overflight.twin.weather import make_weather

    begin = parse_utc("2023-07-10T00:00Z")
    end = begin + days * DAY
    weather = make_weather(begin, end, seed=(1,))
    at = Start(lon_deg=-100.0, lat_deg=2.0, time_s=begin, alt_m=18e3)
    station = Loiter(lon_deg=-100.0, lat_deg=2.0, radius_m=100e3)

    def fly(orders: Behaviour) -> TwinFlight:
        return fly_twin(
            balloon("superpressure"), orders, weather.truth, None, at, end,
            truth_error=weather.subgrid, forecast_error=weather.forecast_error,
        )  # fmt: skip

    flight = fly(station)
    steps = flight.time_s.size - 1
    payload = with_payload(flight)
    found = {
        "drift": least(lambda: fly(Drift()), rounds) / steps * 1e6,
        "station": least(lambda: fly(station), rounds) / steps * 1e6,
    }
    found["station with payload"] = found["station"] + least(payload, rounds) / steps * 1e6
    return found, {"steps": steps, "end": flight.end, "items": int(payload().time_s.size)}


def with_payload(flight: Any) -> Callable[[], Any]:
    """Return a call that runs a payload along a flight."""
    from overflight.custody.links import SERVICES
    from overflight.custody.storage import Recorder
    from overflight.exposure.optics import Camera
    from overflight.exposure.radio import Emitter, Receiver
    from overflight.places.sites import Site
    from overflight.twin.payload import Housekeeping, Imager, Listener, Payload, run_payload
    from overflight.twin.sky import CloudField, Sky

    rng = np.random.default_rng([7, 1])
    at = rng.integers(0, flight.time_s.size, 20)
    lon = flight.lon_deg[at] + rng.normal(0.0, 0.5, 20)
    lat = flight.lat_deg[at] + rng.normal(0.0, 0.5, 20)
    sites = [
        Site(id=f"s{i}", name=f"place {i}", lon_deg=float(lon[i]), lat_deg=float(lat[i]), alt_m=0.0)
        for i in range(20)
    ]
    emitters = [
        Emitter(
            id=f"e{i}", name=f"emitter {i}", lon_deg=float(lon[i]), lat_deg=float(lat[i]),
            frequency_hz=1.09e9, eirp_dbm=54.0, bandwidth_hz=4.6e6,
        )
        for i in range(20)
    ]  # fmt: skip
    camera = Camera(id="camera", focal_m=1.5, aperture_m=0.15, pitch_m=3.76e-6, columns=9576, rows=6388)
    payload = Payload(
        imagers=(Imager(camera=camera, picture_bytes=20_000_000),),
        listeners=(Listener(receiver=Receiver(id="receiver", low_hz=1e8, high_hz=6e9)),),
        housekeeping=Housekeeping(period_s=60.0),
        recorder=Recorder(capacity_bytes=1e12, policy="oldest"),
        links=(SERVICES["certus_350"],),
    )
    sky = Sky(clouds=CloudField(mean_cover=0.5))
    return lambda: run_payload(payload, flight, sites, emitters, sky, seed=1)


def look_up(rounds: int, count: int = 500) -> float:
    """Return microseconds of one `interpn` look-up on a field of the shape that theirs has."""
    import scipy.interpolate

    rng = np.random.default_rng([7, 2])
    along = np.linspace(-500.0, 500.0, 21)
    grid = (along, along, np.linspace(5000.0, 14000.0, 10), np.linspace(0.0, 48.0, 9))
    field = rng.normal(size=(21, 21, 10, 9, 2)).astype(np.float32)
    low, high = (np.array([axis[end] for axis in grid]) for end in (0, -1))
    points = rng.uniform(low, high, (count, 4)).astype(np.float32)

    def run() -> None:
        for point in points:
            scipy.interpolate.interpn(grid, field, point, fill_value=True)

    return least(run, rounds) / count * 1e6


# --- theirs ----------------------------------------------------------------------------------------------


def theirs(work: Path, rounds: int) -> dict[str, Any]:
    """Install and run the Balloon Learning Environment; return its row, or the reason why there is none."""
    python, reason = environment(work)
    if python is None:
        return {"reason": reason}
    environ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    run = subprocess.run(
        [str(python), __file__, "--ble", "--rounds", str(rounds)],
        capture_output=True, text=True, env=environ, check=False,
    )  # fmt: skip
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode != 0 or not lines:
        return {"reason": f"it does not run: {(run.stderr.strip().splitlines() or ['no output'])[-1]}"}
    row: dict[str, Any] = json.loads(lines[-1])
    return row


def environment(work: Path) -> tuple[Path | None, str]:
    """Return the interpreter of an environment that has the simulator, or None and why not."""
    folder = work / "balloon-learning-environment"
    python = folder / "bin" / "python"
    if (folder / "installed").exists():
        return python, ""
    base = find_interpreter()
    if base is None:
        return None, f"none of {', '.join(INTERPRETERS)} is here; it does not import on later ones"
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "-q"]
    steps = [
        [base, "-m", "venv", str(folder)],
        # The metadata of this are older than what pip accepts from 24.1 on; the environment begins with less.
        [*pip, "setuptools<66", "wheel<0.39"],
        [*pip, "--no-build-isolation", "gym==0.21.0", "numpy==1.23.5"],
        [*pip, "--upgrade", "pip"],
        [*pip, *PINS],
        [*pip, "--no-deps", "balloon-learning-environment==1.0.1"],
    ]
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            return None, f"the installation took longer than {INSTALL_S:.0f} s"
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            return None, f"it does not install: {(errors or ['no output'])[-1]}"
    # For its generative wind field only; half a gigabyte, and the rest runs without.
    subprocess.run(
        [*pip, "tensorflow-cpu==2.12.0", *PINS], capture_output=True, timeout=INSTALL_S, check=False
    )
    (folder / "installed").touch()
    return python, ""


def find_interpreter() -> str | None:
    """Return an interpreter old enough for it."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in INTERPRETERS:
        kept = sorted(versions.glob(f"{name.replace('python', '')}.*"))
        for found in (shutil.which(name), *(str(folder / "bin" / "python") for folder in kept)):
            # A shim may be there without what it stands for.
            if found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
                return found
    return None


def run_ble(rounds: int) -> None:
    """Time their arena; run by their interpreter."""
    import warnings

    warnings.simplefilter("ignore")
    from balloon_learning_environment.env import balloon_arena, wind_field
    from balloon_learning_environment.env.balloon import control

    class NoFeatures:
        def __init__(self, *given: object) -> None:
            pass

        def observe(self, seen: object) -> None:
            pass

        def get_features(self) -> Any:
            return np.zeros(0)

    try:
        from balloon_learning_environment.env import generative_wind_field

        field, wind = generative_wind_field.GenerativeWindField(), "generative wind field"
    except Exception as error:  # whatever is missing of what it wants, it runs without
        field, wind = wind_field.SimpleStaticWindField(), f"still air ({type(error).__name__}: {error})"
    arena = balloon_arena.BalloonArena(NoFeatures, field, seed=1)
    turn = [0]

    def run() -> None:
        for _ in range(100):
            turn[0] += 1
            arena.step(control.AltitudeControlCommand(turn[0] % 3))

    run()
    row = {"step_us": least(run, rounds) / 100 * 1e6, "wind": wind, "step_s": 180.0}
    if wind.startswith("generative"):
        state = arena.get_balloon_state()
        at = (state.x, state.y, state.pressure, state.time_elapsed)
        row["look_up_us"] = least(lambda: [field.get_forecast(*at) for _ in range(100)], rounds) / 100 * 1e6
    print(json.dumps(row))


# --- the table -------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--days", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-ble", action="store_true", help="the look-up alone")
    parser.add_argument("--ble", action="store_true", help=argparse.SUPPRESS)
    ask = parser.parse_args()
    if ask.ble:
        run_ble(ask.rounds)
        return
    ask.work.mkdir(parents=True, exist_ok=True)
    row, flown = ours(ask.days, ask.rounds)
    peer = {"reason": "left out"} if ask.skip_ble else theirs(ask.work.resolve(), ask.rounds)
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "flight": flown,
        "ours_us_a_step": row,
        "interpn_us": look_up(ask.rounds),
        "balloon_learning_environment": peer,
    }
    print_table(found)
    if ask.json:
        ask.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def print_table(found: dict[str, Any]) -> None:
    """Print a line a row: microseconds, and how many times ours with payload."""
    mine, peer = found["ours_us_a_step"], found["balloon_learning_environment"]
    whole = mine["station with payload"]

    def line(name: str, took_us: float, times: float) -> None:
        print(f"{name:<52}{took_us:>10.1f} us{times:>8.1f} x")

    print(f"{found['flight']['steps']} steps of a minute, {found['flight']['items']} items of the payload")
    for name, value in mine.items():
        line(f"ours, {name}, a step", value, value / whole)
    line("scipy interpn, one look-up", found["interpn_us"], found["interpn_us"] / whole)
    if "step_us" not in peer:
        print(f"Balloon Learning Environment: {peer['reason']}")
        return
    step, minutes = peer["step_us"], peer["step_s"] / 60.0
    print(f"Balloon Learning Environment in its {peer['wind']}:")
    line("  its step, of 3 minutes", step, step / whole)
    line("  a minute flown", step / minutes, step / minutes / whole)
    if "look_up_us" in peer:
        line("  its look-up of the wind", peer["look_up_us"], peer["look_up_us"] / whole)


if __name__ == "__main__":
    main()

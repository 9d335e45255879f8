"""The GPU path gives the processor's numbers: on a device where there is one, else on numba's simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from made_ensembles import BEGIN_S, FLOAT, START, make_winds

from overflight import geo
from overflight.balloons.stops import Duration
from overflight.balloons.terms import Ascent, ConstantPressure, Flight, Stage
from overflight.errors import OverflightError
from overflight.trajectories import gpu
from overflight.trajectories.ensemble import Spread, Start, simulate
from overflight.winds.schemes import Scheme

HOUR_S = 3600.0
# The two differ in the last bits of sines and sums, which the flow then carries apart; float32 holds a
# position to 1 m or so (180° / 2^24 is 1.2 m).
SAME_M = 3.0
NAMES = (
    "lon", "lat", "alt_m", "pressure_pa", "status", "end_code", "end_time_s", "end_lon", "end_lat",
    "end_alt_m",
)  # fmt: skip


class Pieces:
    """Winds in windows of one step: each knows of its own time only."""

    def __init__(self, grid):
        self.grid = grid

    def windows(self, begin, end):
        times, turn = self.grid.time_s, 1 if end > begin else -1
        inner = times[(times > min(begin, end)) & (times < max(begin, end))][::turn]
        edges = [begin, *inner.tolist(), end]
        for t0, t1 in pairwise(edges):
            low = np.searchsorted(times, min(t0, t1), "right") - 1
            high = np.searchsorted(times, max(t0, t1), "left") + 1
            values = {
                name: getattr(self.grid, name)[low:high]
                for name in ("time_s", "u_mps", "v_mps", "temperature_k")
            }
            yield replace(self.grid, **values), t0, t1


def warm(grid):
    """Air of 290 K throughout: its levels stand kilometres above those of the standard atmosphere."""
    return replace(grid, temperature_k=np.full(grid.u_mps.shape, 290.0, np.float32))


def fly(device, *, hours, members=3, winds=None, start=START, **changes):
    asked = {
        "members": members, "seed": 9, "time_end": BEGIN_S + hours * HOUR_S,
        "spread": Spread(place_m=1e3, time_s=300.0), "scheme": Scheme(), "device": device,
    } | changes  # fmt: skip
    return simulate(FLOAT, winds or make_winds(wavy=True), start, **asked)


CASES = {
    "forward": {"hours": 7.0},
    "backward": {"hours": -7.0},
    "no error": {"hours": 3.0, "error": None},
    "out of the winds": {"hours": 12.0, "winds": make_winds(60.0, lon=np.arange(170.0, 181.0, 5.0))},
    "warm air, altitudes, windows": {
        "hours": 7.0,
        "winds": Pieces(warm(make_winds(60.0, lon=np.arange(175.0, 181.0, 5.0)))),
        "start": Start(lon_deg=179.0, lat_deg=40.0, time_s=BEGIN_S, alt_m=19e3),
        "spread": Spread(place_m=1e3, time_s=300.0, alt_m=200.0),
    },
}


def check_same(found, expected):
    for name in ("status", "end_code"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    aloft = expected["status"] == 0
    assert aloft.any()
    apart = geo.distance_m(
        found["lon"][aloft], found["lat"][aloft], expected["lon"][aloft], expected["lat"][aloft]
    )
    assert apart.max() < SAME_M
    np.testing.assert_allclose(found["alt_m"][aloft], expected["alt_m"][aloft], atol=0.01)
    np.testing.assert_allclose(found["pressure_pa"][aloft], expected["pressure_pa"][aloft], rtol=1e-6)
    # Both halve towards the border of the data, to 0.1 s.
    np.testing.assert_allclose(found["end_time_s"], expected["end_time_s"], atol=0.3)
    ends = (found["end_lon"], found["end_lat"], expected["end_lon"], expected["end_lat"])
    assert geo.distance_m(*ends).max() < 20.0
    np.testing.assert_allclose(found["end_alt_m"], expected["end_alt_m"], atol=0.5)


def check_starts_below_the_winds_are_refused():
    """By pressure, and by altitude in air that stands elsewhere than the standard's."""
    winds = make_winds()
    for grid, changes in (
        (winds, {"pressure_pa": 1.03e5}),
        (warm(winds), {"alt_m": -300.0, "pressure_pa": None}),
    ):
        with pytest.raises(OverflightError, match="start below the lowest level"):
            fly("gpu", hours=1.0, winds=grid, start=replace(START, **changes), spread=None)


def on_device() -> bool:
    try:
        gpu.require_gpu()
    except OverflightError:
        return False
    return True


@pytest.mark.parametrize("case", CASES)
def test_a_device_gives_the_processors_numbers(case):
    if not on_device():
        pytest.skip("there is no CUDA device; the simulator's test below runs everywhere")
    found, expected = fly("gpu", members=1000, **CASES[case]), fly("cpu", members=1000, **CASES[case])
    check_same(*({name: one[name].values for name in NAMES} for one in (found, expected)))


def test_the_simulator_gives_the_processors_numbers(tmp_path):
    """In a process of its own: the simulator is chosen when numba is imported, and runs plain Python."""
    code = (
        "import numpy as np, test_gpu\n"
        "for i, case in enumerate(test_gpu.CASES.values()):\n"
        "    found = test_gpu.fly('gpu', **case)\n"
        f"    np.savez({str(tmp_path)!r} + f'/{{i}}.npz', **{{n: found[n].values for n in test_gpu.NAMES}})\n"
        "test_gpu.check_starts_below_the_winds_are_refused()\n"
    )
    here = str(Path(__file__).parent)
    chosen = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    paths = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env={**os.environ, **chosen, "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for i, case in enumerate(CASES.values()):
        expected = fly("cpu", **case)
        check_same(np.load(tmp_path / f"{i}.npz"), {name: expected[name].values for name in NAMES})


def test_without_a_device_the_call_says_what_to_do(monkeypatch):
    class NoCuda:
        implementation = "NVIDIA"

        @staticmethod
        def is_available():
            return False

    monkeypatch.setattr(gpu, "_cuda", lambda: NoCuda)
    with pytest.raises(OverflightError, match=r"no CUDA device.*overflight\[gpu\]"):
        fly("gpu", hours=1.0)

    class Old(NoCuda):
        implementation = "Built-in"

        @staticmethod
        def is_available():
            return True

    monkeypatch.setattr(gpu, "_cuda", lambda: Old)
    with pytest.raises(OverflightError, match="numba-cuda"):
        fly("gpu", hours=1.0)

    class Broken(NoCuda):
        @staticmethod
        def is_available():
            raise RuntimeError("driver and library differ")

    monkeypatch.setattr(gpu, "_cuda", lambda: Broken)
    with pytest.raises(OverflightError, match="driver and library differ"):
        fly("gpu", hours=1.0)


def float_at(pressure_pa):
    return Flight((Stage((ConstantPressure(pressure_pa=pressure_pa),)),))


@pytest.mark.parametrize(
    ("flight", "changes", "match"),
    [
        (Flight((Stage((Ascent(),)),)), {}, "one stage at constant pressure"),
        (Flight((Stage(FLOAT.stages[0].terms, (Duration(60.0),)),)), {}, "one stage at constant pressure"),
        (FLOAT, {"scheme": Scheme("cubic")}, "linear interpolation"),
        (FLOAT, {"scheme": None}, r"linear interpolation.*scheme=Scheme\(\)"),
        (float_at(5000.0), {}, "it is to go elsewhere"),
        (float_at(6000.0), {"spread": Spread(alt_m=50.0)}, "it is to go elsewhere"),
        (float_at(6000.0), {"spread": Spread(level_m=50.0)}, "it is to go elsewhere"),
        (FLOAT, {"spread": Spread(level_m=50.0)}, "it is to go elsewhere"),
        (FLOAT, {"tolerance_m": 10.0}, "fixed steps"),
    ],
)
def test_what_the_device_does_not_fly_is_refused(flight, changes, match):
    asked = {"members": 2, "seed": 9, "time_end": BEGIN_S + HOUR_S, "device": "gpu", "scheme": Scheme()}
    with pytest.raises(OverflightError, match=match):
        simulate(flight, make_winds(), START, **(asked | changes))

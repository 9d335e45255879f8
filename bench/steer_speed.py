"""How long the verdict takes: nine days, all hypotheses, by particles and by days.

Usage: python bench/steer_speed.py [--json bench/steer_speed.json] [--particles 100000]

A made flight of nine days with a fix every six hours in gridded winds is weighed under all hypotheses. The
first run compiles and is not counted. Cost should be a straight line through zero in particles and in days:
the table shows seconds for each and the seconds a particle and a day.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_drift import T0, Condition, make_flight

from overflight import __version__
from overflight.compiled import workers
from overflight.reconstruct.fixes import fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import make_air
from overflight.steer.evidence import weigh
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.units import DAY_S, HOUR_S
from overflight.winds.grid import Grid
from overflight.winds.prior import prior_grid

DAYS = (2.25, 4.5, 9.0)
SHARES = (0.1, 0.25, 0.5, 1.0)


def long_winds(grid: Grid, days: float) -> Grid:
    """Make a field of 4.5 days longer by flying it backward in time after its end: there is no seam."""
    step = float(grid.time_s[1] - grid.time_s[0])
    times = int(days * DAY_S / step) + 3
    count = grid.time_s.size
    there_and_back = np.concatenate([np.arange(count), np.arange(count - 2, 0, -1)])
    rows = np.resize(there_and_back, times)
    return replace(grid, time_s=T0 + step * np.arange(times), u_mps=grid.u_mps[rows], v_mps=grid.v_mps[rows])


def seconds(days: float, particles: int, every_h: float) -> float:
    """Return the wall seconds of weighing all hypotheses."""
    made = make_flight("passive_level", Condition(name="speed", every_h=every_h, hours=96.0), 1)
    winds = long_winds(made.analysis, days)
    time_s = made.time_s[0] + np.arange(0.0, days * DAY_S + 1.0, every_h * HOUR_S)
    # The path goes back and forth as the winds do: places matter little to the time it takes.
    back = np.resize(
        np.concatenate([np.arange(made.time_s.size), np.arange(made.time_s.size - 2, 0, -1)]), time_s.size
    )
    lon, lat = made.lon_deg[back], made.lat_deg[back]
    frame = fit_frame(lon, lat)
    fixes = fixes_from_track(frame, time_s, lon, lat, sd_m=5000.0)
    air = make_air(frame, prior_grid(T0 - DAY_S, T0 + 12 * DAY_S), winds, (3.0, 3.0))
    begun = time.perf_counter()
    weigh(DEFAULT_HYPOTHESES, fixes, air, WindErrorBelief(), frame, particles=particles)
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--every", type=float, default=6.0, help="hours between fixes")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    seconds(2.25, 200, asked.every)
    result: dict[str, Any] = {
        "version": __version__, "machine": f"{platform.machine()}, {workers()} cores used",
        "hypotheses": len(DEFAULT_HYPOTHESES), "fix_every_h": asked.every, "rows": [],
    }  # fmt: skip
    print(f"{'days':>6}{'particles':>11}{'seconds':>9}{'µs a particle and day':>24}")
    sizes = [(9.0, int(s * asked.particles)) for s in SHARES] + [(d, asked.particles) for d in DAYS[:-1]]
    for days, particles in sizes:
        took = seconds(days, particles, asked.every)
        unit = 1e6 * took / days / particles
        result["rows"].append(
            {
                "days": days,
                "particles": particles,
                "seconds": round(took, 2),
                "us_per_particle_day": round(unit, 2),
            }
        )
        print(f"{days:6.2f}{particles:11d}{took:9.1f}{unit:24.2f}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

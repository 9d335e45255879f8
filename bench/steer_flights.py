"""Real flights under the verdict: sounding balloons and a free float must not be called steered; 12V was.

Usage: python bench/steer_flights.py DATA [--particles 4000] [--only 12V ...]
       [--json bench/steer_flights.json]

DATA holds the folders `arm`, `rs41_oak`, `shab` and `pyballoon`, as `real_pairs.py` reads them. The winds of
a flight are those of its sisters: balloons of at most 26 h before or after, analysed by `winds.analysis`,
with the spread that it states; never of the flight itself. Where there is no sister there are no winds of
the day, and the climatological prior stands in.

Every flight is weighed twice: with its heights, and with heights hidden, as a watcher on the ground would
have it. What stays above 13 km for three hours is weighed afloat too, without its climb and its fall. Fixes
are taken every five minutes. SHAB 12V carries its commanded height in a column of the file; the commands that
the verdict finds are compared with the times at which that column changes.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from real_pairs import read_all

from overflight import __version__, geo
from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.models import SCALE_HEIGHT_M, WindErrorBelief
from overflight.reconstruct.motion import make_air
from overflight.steer.evidence import Weighed, weigh
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.verdict import Verdict, judge
from overflight.steer.when import when
from overflight.times import parse_utc, short_utc
from overflight.units import DAY_S, HOUR_S
from overflight.winds.analysis import analyse, observe, wind_error
from overflight.winds.choose import PRIOR_FAST_SHARE, PRIOR_MIXING_KM
from overflight.winds.error import PRIOR_LAGRANGIAN_S
from overflight.winds.flights import read_flights
from overflight.winds.grid import Grid
from overflight.winds.prior import prior_grid
from overflight.winds.soundings import Sounding, read_soundings

Ints = npt.NDArray[np.int64]

SISTER_S = 26 * HOUR_S
EVERY_S = 300.0
# Receivers of satellite navigation on balloons: metres; places in the files are given to some 15 m.
FIX_SD_M, ALT_SD_M = 200.0, 100.0
LEVELS_PA = np.geomspace(500.0, 92_000.0, 36)
AFLOAT_M = 13_000.0
# At most so much time of a command's statement may be off.
COMMAND_S = 20 * 60.0


def flights_of(data: Path) -> list[tuple[str, Sounding]]:
    """Return the flights with their kind, in order of time within a kind."""
    parts = (
        ("ARM", "arm", "*.cdf", read_soundings),
        ("Oakland", "rs41_oak", "*.csv", read_soundings),
        ("pyBalloon", "pyballoon", "*.csv", read_flights),
        ("SHAB", "shab", "*.csv", read_flights),
    )
    return [(kind, s) for kind, folder, match, read in parts for s in read_all(data / folder, match, read)]


def sisters_of(flight: Sounding, kind: str, flights: Sequence[tuple[str, Sounding]]) -> list[Sounding]:
    """Return the flights of the same kind, near in time and place."""
    return [
        s
        for k, s in flights
        if k == kind
        and s is not flight
        and abs(s.time_s[0] - flight.time_s[0]) < SISTER_S
        and geo.distance_m(s.lon_deg[0], s.lat_deg[0], flight.lon_deg[0], flight.lat_deg[0]) < 300e3
    ]


def gridded(flight: Sounding, sisters: Sequence[Sounding]) -> tuple[Grid, WindErrorBelief]:
    """Return the sisters' winds about the flight, with their spread, and what to believe of their error."""
    analysis = analyse(observe(sisters))
    lat, lon = flight.lat_deg, geo.unwrap_lon(flight.lon_deg)
    grid = analysis.to_grid(
        np.arange(flight.time_s[0] - 0.5 * HOUR_S, flight.time_s[-1] + HOUR_S, HOUR_S),
        LEVELS_PA,
        np.linspace(lat.min() - 1.5, lat.max() + 1.5, 5),
        np.linspace(lon.min() - 2.0, lon.max() + 2.0, 5),
    )
    reach = wind_error(analysis)
    speed = float(geo.distance_m(lon[0], lat[0], lon[-1], lat[-1])) / float(np.ptp(flight.time_s))
    return grid, WindErrorBelief(
        time_s=max(reach.lagrangian_time_s(speed), 0.5 * HOUR_S),
        height_scale_m=reach.log_pressure * SCALE_HEIGHT_M,
        mixing_km=0.5,
    )


def thinned(flight: Sounding) -> Ints:
    """Rows five minutes apart, the first and the last too."""
    asked = np.append(np.arange(flight.time_s[0], flight.time_s[-1], EVERY_S), flight.time_s[-1])
    return np.unique(np.abs(flight.time_s[:, None] - asked).argmin(axis=0))


def afloat(flight: Sounding, rows: Ints) -> Ints | None:
    """Rows between the first and the last above 13 km; None where they span less than three hours."""
    height = flight.alt_msl_m[rows]
    # A free float is told from its climb by its level; what moves up and down, by 13 km.
    level = np.quantile(height, 0.75)
    steady = np.abs(height - level) < 800.0
    floor = level - 1500.0 if steady.mean() > 0.5 else AFLOAT_M
    high = np.flatnonzero(height > floor)
    if not high.size or level < AFLOAT_M:
        return None
    inside = rows[high[0] : high[-1] + 1]
    return inside if np.ptp(flight.time_s[inside]) >= 3.0 * HOUR_S else None


def told(
    flight: Sounding,
    rows: Ints,
    winds: tuple[Grid, WindErrorBelief] | None,
    heights: bool,
    particles: int,
    seed: int,
) -> tuple[Fixes, Weighed, Verdict]:
    """Return the fixes, the weighed hypotheses and the verdict on some rows of a flight."""
    lon, lat, time_s = flight.lon_deg[rows], flight.lat_deg[rows], flight.time_s[rows]
    frame = fit_frame(lon, lat)
    given = {"alt_m": flight.alt_msl_m[rows], "alt_sd_m": ALT_SD_M} if heights else {}
    fixes = fixes_from_track(frame, time_s, lon, lat, sd_m=FIX_SD_M, **given)
    prior = prior_grid(time_s[0] - DAY_S, time_s[-1] + DAY_S)
    if winds:
        belief = winds[1]
        air, used = make_air(frame, prior, winds[0]), "files"
    else:
        belief = WindErrorBelief(
            time_s=PRIOR_LAGRANGIAN_S, fast_share=PRIOR_FAST_SHARE, mixing_km=PRIOR_MIXING_KM
        )
        air, used = make_air(frame, prior), "prior"
    weighed = weigh(DEFAULT_HYPOTHESES, fixes, air, belief, frame, particles=particles, seed=seed)
    return fixes, weighed, judge(weighed, winds_used=used)


def row_of(weighed: Weighed, verdict: Verdict) -> dict[str, Any]:
    names = [h.id for h in weighed.hypotheses]
    return {
        "word": verdict.word,
        "p": dict(zip(("passive", "steered", "not wind"), (round(p, 4) for p in verdict.p), strict=True)),
        "log_evidence": dict(zip(names, (round(float(x), 2) for x in weighed.log_evidence), strict=True)),
        "se": dict(zip(names, (round(float(x), 2) for x in weighed.se), strict=True)),
        "reasons": list(verdict.reasons),
    }


def commanded(path: Path) -> list[tuple[float, float]]:
    """Return the times at which the commanded height of a SHAB file changes, and the new heights, m."""
    out: list[tuple[float, float]] = []
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [
            (parse_utc(f"{r['time'].replace(' ', 'T')}Z"), float(r["alt_sp"])) for r in csv.DictReader(lines)
        ]
    last = rows[0][1]
    for time_s, height in sorted(rows):
        if height != last:
            out.append((time_s, height))
            last = height
    return out


def matched(true: Sequence[tuple[float, float]], found: Sequence[Any]) -> list[dict[str, Any]]:
    """Return for every true command the nearest one found in the same direction, and how far off it is."""
    rows, before = [], 20_000.0
    for time_s, height in true:
        same = [c for c in found if (c.to_m > c.from_m) == (height > before)]
        near = min(same, key=lambda c: abs(c.time_s[1] - time_s), default=None)
        off = None if near is None else round((near.time_s[1] - time_s) / 60.0, 1)
        rows.append(
            {
                "true": short_utc(time_s), "from_m": before, "to_m": height, "off_min": off,
                "within": off is not None and abs(off) * 60.0 <= COMMAND_S,
                "found_to_m": None if near is None else round(near.to_m),
                "window_min": None if near is None else round((near.time_s[2] - near.time_s[0]) / 60.0, 1),
            }
        )  # fmt: skip
        before = height
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--particles", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of files")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(argv)
    begun = clock.monotonic()
    flights = flights_of(asked.data)
    result: dict[str, Any] = {
        "version": __version__, "python": platform.python_version(), "particles": asked.particles,
        "fixes": f"every {EVERY_S:.0f} s, {FIX_SD_M:.0f} m", "flights": {},
    }  # fmt: skip
    print(f"{'flight':34}{'sisters':>8}{'hours':>7}  {'with heights':38}{'heights hidden':38}")
    for kind, flight in flights:
        name = Path(flight.file).name
        if asked.only and not any(o in name for o in asked.only):
            continue
        sisters = sisters_of(flight, kind, flights)
        row: dict[str, Any] = {
            "kind": kind, "sisters": [Path(s.file).name for s in sisters],
            "hours": round(float(np.ptp(flight.time_s)) / HOUR_S, 2),
        }  # fmt: skip
        winds = gridded(flight, sisters) if sisters else None
        whole = thinned(flight)
        cases = {"heights": (whole, True), "hidden": (whole, False)}
        if (part := afloat(flight, whole)) is not None:
            cases |= {"afloat, heights": (part, True), "afloat, hidden": (part, False)}
        cells = []
        for label, (rows, heights) in cases.items():
            fixes, weighed, verdict = told(flight, rows, winds, heights, asked.particles, asked.seed)
            row[label] = row_of(weighed, verdict)
            cells.append(f"{verdict.word} ({', '.join(f'{p:.2f}' for p in verdict.p)})")
            if "12V" in name:
                found = when(weighed, fixes)
                row[label]["commands"] = matched(commanded(Path(flight.file)), found.commands)
                row[label]["commands_found"] = [
                    {
                        "at": short_utc(c.time_s[1]),
                        "from_m": round(c.from_m),
                        "to_m": round(c.to_m),
                        "p": round(c.p, 2),
                    }
                    for c in found.commands
                ]
        result["flights"][name] = row
        print(f"{name[:33]:34}{len(sisters):8d}{row['hours']:7.1f}  {cells[0]:28}{cells[1]:28}", flush=True)
        for label in ("heights", "hidden"):
            for c in row[label].get("commands", ()):
                print(
                    f"    {label}: commanded {c['true']} to {c['to_m']:.0f} m, found {c['off_min']} min off"
                )
    wrong = [
        f"{name}, {label}: {one['word']}"
        for name, row in result["flights"].items()
        for label, one in row.items()
        if "12V" not in name and isinstance(one, dict) and one["word"] in ("steered", "not moved by wind")
    ]
    result["accused"] = wrong
    result["seconds"] = round(clock.monotonic() - begun)
    print("\n".join(wrong) or "No flight but 12V is called steered or not moved by wind.")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

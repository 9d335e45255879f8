"""Real flights under the verdict: sounding balloons and a free float must not be called steered; 12V was.

Usage: python bench/steer_flights.py DATA [--particles 4000] [--only 12V ...]
       [--json bench/steer_flights.json]

DATA holds the folders `arm`, `rs41_oak`, `shab` and `pyballoon`, as `real_pairs.py` reads them. The winds of
a flight are those of its sisters: balloons of at most 26 h before or after, analysed by `winds.analysis`,
with the spread that it states; never of the flight itself. What is believed of the error's size, memory and
mixing is what `overflight steer` believes of any winds of the day (`evidence.belief_of`). Where there is no
sister there are no winds of the day, and the climatological prior stands in.

Every flight is weighed twice: with its heights, and with heights hidden, as a watcher on the ground would
have it. What stays above 13 km for three hours is weighed afloat too, without its climb and its fall. Fixes
are taken every five minutes. SHAB 12V carries its commanded height in a column of the file; the commands that
the verdict finds are matched one to one with the times at which that column changes, in the same direction
and within 20 minutes; what is left over on either side is missed or spurious, and printed.

The exit status is 1 when any balloon but 12V is called steered or not drifting, when any is called not moved
by wind, when 12V with its heights is not called steered, or when a command of it is missed then.
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
from scipy.optimize import linear_sum_assignment

from overflight import __version__, geo
from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.steer.evidence import Weighed, air_of, belief_of
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.settle import weigh_until_settled
from overflight.steer.verdict import ACCUSING, Verdict, judge
from overflight.steer.when import when
from overflight.times import parse_utc, short_utc
from overflight.units import DAY_S, HOUR_S
from overflight.winds.analysis import analyse, observe
from overflight.winds.choose import OWN_FAST_SHARE, OWN_MIXING_KM, CaseWinds
from overflight.winds.error import ANALYSIS_LAGRANGIAN_S
from overflight.winds.flights import read_flights
from overflight.winds.prior import prior_grid
from overflight.winds.soundings import Sounding, read_soundings

Ints = npt.NDArray[np.int64]

SISTER_S = 26 * HOUR_S
EVERY_S = 300.0
# Receivers of satellite navigation on balloons: metres; places in the files are given to some 15 m.
FIX_SD_M, ALT_SD_M = 200.0, 100.0
LEVELS_PA = np.geomspace(500.0, 92_000.0, 36)
AFLOAT_M = 13_000.0
# A command is found when it is told within so much of its time.
COMMAND_S = 20 * 60.0
STEERED, WRONG_OF_STEERED = "12V", ("not moved by wind",)


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


def sister_winds(flight: Sounding, sisters: Sequence[Sounding]) -> CaseWinds:
    """Return the sisters' winds about the flight, as a case has winds of the day; else the prior.

    The analysis states all of its spread, so nothing is added to it.
    """
    start, end = float(flight.time_s[0]), float(flight.time_s[-1])
    prior = prior_grid(start - DAY_S, end + DAY_S)
    if not sisters:
        return CaseWinds(prior=prior)
    lat, lon = flight.lat_deg, geo.unwrap_lon(flight.lon_deg)
    grid = analyse(observe(sisters)).to_grid(
        np.arange(start - 0.5 * HOUR_S, end + HOUR_S, HOUR_S),
        LEVELS_PA,
        np.linspace(lat.min() - 1.5, lat.max() + 1.5, 5),
        np.linspace(lon.min() - 2.0, lon.max() + 2.0, 5),
    )
    return CaseWinds(
        prior=prior, own=grid, error_time_s=ANALYSIS_LAGRANGIAN_S, mixing_km=OWN_MIXING_KM,
        fast_share=OWN_FAST_SHARE, used="files", title="winds of sister balloons with their spread",
    )  # fmt: skip


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
    winds: CaseWinds,
    heights: bool,
    particles: int,
    seed: int,
) -> tuple[Fixes, Weighed, Verdict]:
    """Return the fixes, the weighed hypotheses and the verdict on some rows of a flight."""
    lon, lat, time_s = flight.lon_deg[rows], flight.lat_deg[rows], flight.time_s[rows]
    frame = fit_frame(lon, lat)
    given = {"alt_m": flight.alt_msl_m[rows], "alt_sd_m": ALT_SD_M} if heights else {}
    fixes = fixes_from_track(frame, time_s, lon, lat, sd_m=FIX_SD_M, **given)
    weighed, _ = weigh_until_settled(
        DEFAULT_HYPOTHESES, fixes, air_of(winds, frame), belief_of(winds), frame,
        particles=particles, seed=seed, winds_used=winds.used,
    )  # fmt: skip
    return fixes, weighed, judge(weighed, winds_used=winds.used)


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


def matched(true: Sequence[tuple[float, float]], found: Sequence[Any]) -> list[tuple[int, int]]:
    """Pair true commands with those found, one to one: as many as can be, and then as near in time.

    A pair goes the same way, up or down, and lies within `COMMAND_S`.
    """
    if not true or not found:
        return []
    before = np.array([20_000.0, *(height for _, height in true)])
    up = np.diff(before) > 0.0
    off = np.abs(np.array([t for t, _ in true])[:, None] - np.array([c.time_s[1] for c in found]))
    alike = (off <= COMMAND_S) & (up[:, None] == np.array([c.to_m > c.from_m for c in found]))
    # No sum of offsets of pairs costs as much as one pair more is worth.
    rows, columns = linear_sum_assignment(np.where(alike, off, 2.0 * COMMAND_S * (1 + min(alike.shape))))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if alike[i, j]]


def command_rows(true: Sequence[tuple[float, float]], found: Sequence[Any]) -> dict[str, Any]:
    """Return the commands given with what was found of each, and those found that none was given for."""
    pairs = dict(matched(true, found))
    rows, before = [], 20_000.0
    for i, (time_s, height) in enumerate(true):
        row: dict[str, Any] = {"true": short_utc(time_s), "from_m": before, "to_m": height, "off_min": None}
        if i in pairs:
            one = found[pairs[i]]
            row["off_min"] = round((one.time_s[1] - time_s) / 60.0, 1)
            row |= {"found_to_m": round(one.to_m), "p": round(one.p, 2), "lineages": one.lineages}
            row["window_min"] = round((one.time_s[2] - one.time_s[0]) / 60.0, 1)
        rows.append(row)
        before = height
    spurious = [
        {"at": short_utc(c.time_s[1]), "from_m": round(c.from_m), "to_m": round(c.to_m), "p": round(c.p, 2)}
        for j, c in enumerate(found)
        if j not in pairs.values()
    ]
    return {"given": rows, "missed": sum(r["off_min"] is None for r in rows), "spurious": spurious}


def print_commands(label: str, told_of: dict[str, Any]) -> None:
    for c in told_of["given"]:
        what = "missed" if c["off_min"] is None else f"found {c['off_min']} min off"
        print(f"    {label}: commanded {c['true']} to {c['to_m']:.0f} m, {what}")
    for c in told_of["spurious"]:
        print(f"    {label}: spurious {c['at']}, {c['from_m']} to {c['to_m']} m, p = {c['p']}")


def failures(flights: dict[str, Any]) -> list[str]:
    """Return what must not be: a balloon accused that nobody steered, or 12V's commands not found."""
    out = []
    for name, row in flights.items():
        told_of = {label: one for label, one in row.items() if isinstance(one, dict)}
        accusing = WRONG_OF_STEERED if STEERED in name else ACCUSING
        out += [f"{name}, {k}: {one['word']}" for k, one in told_of.items() if one["word"] in accusing]
        if STEERED not in name:
            continue
        one = told_of["heights"]
        if one["word"] != "steered":
            out.append(f"{name}, heights: {one['word']}, although it was steered")
        if one["commands"]["missed"]:
            out.append(f"{name}, heights: {one['commands']['missed']} commands not found within 20 minutes")
    return out


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--particles", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of files")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(argv)
    if asked.json and asked.only:
        parser.error("--json is of all flights: leave --only out")
    begun = clock.monotonic()
    flights = flights_of(asked.data)
    result: dict[str, Any] = {
        "version": __version__, "python": platform.python_version(), "particles": asked.particles,
        "fixes": f"every {EVERY_S:.0f} s, {FIX_SD_M:.0f} m", "flights": {},
    }  # fmt: skip
    print(f"{asked.particles} particles a hypothesis; passive, steered, not moved by wind")
    for kind, flight in flights:
        name = Path(flight.file).name
        if asked.only and not any(o in name for o in asked.only):
            continue
        row = weigh_flight(flight, kind, flights, asked.particles, asked.seed)
        result["flights"][name] = row
        print_flight(name, row)
    result["failures"] = failures(result["flights"])
    result["seconds"] = round(clock.monotonic() - begun)
    print("\n".join(result["failures"]) or "12V is steered, with its commands; no other flight is accused.")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if result["failures"] else 0


def weigh_flight(
    flight: Sounding, kind: str, flights: Sequence[tuple[str, Sounding]], particles: int, seed: int
) -> dict[str, Any]:
    """Weigh one flight with heights and without, whole and afloat."""
    sisters = sisters_of(flight, kind, flights)
    winds = sister_winds(flight, sisters)
    row: dict[str, Any] = {
        "kind": kind, "sisters": [Path(s.file).name for s in sisters], "winds": winds.used,
        "hours": round(float(np.ptp(flight.time_s)) / HOUR_S, 2), "particles": particles,
    }  # fmt: skip
    whole = thinned(flight)
    cases = {"heights": (whole, True), "hidden": (whole, False)}
    if (part := afloat(flight, whole)) is not None:
        cases |= {"afloat, heights": (part, True), "afloat, hidden": (part, False)}
    for label, (rows, heights) in cases.items():
        fixes, weighed, verdict = told(flight, rows, winds, heights, particles, seed)
        row[label] = row_of(weighed, verdict)
        if STEERED in Path(flight.file).name:
            given = commanded(Path(flight.file))
            inside = [c for c in given if fixes.time_s[0] <= c[0] <= fixes.time_s[-1]]
            row[label]["commands"] = command_rows(inside, when(weighed, fixes).commands)
    return row


def print_flight(name: str, row: dict[str, Any]) -> None:
    cells = {k: one for k, one in row.items() if isinstance(one, dict)}
    print(f"{name[:44]:45}{len(row['sisters']):2d} sisters, {row['hours']:5.1f} h")
    for label, one in cells.items():
        p = ", ".join(f"{x:.2f}" for x in one["p"].values())
        print(f"    {label:18}{one['word']:20}({p})", flush=True)
        if "commands" in one:
            print_commands(label, one["commands"])


if __name__ == "__main__":
    sys.exit(main())

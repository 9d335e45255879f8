"""Calibration: do the regions hold what they say, and are wrong reports found?

Usage: python bench/calibration.py [--flights 120] [--members 200] [--json bench/calibration.json]

Flights are drawn from the motion model on the climatological prior (seven reports in 24 hours: the first and
the last the balloon's own, the others witnesses' photographs), and reports from the likelihood, with readings
in their prior shares: right, seen from afar, an hour or more out, mistaken; two in five state a height, right
or wrong. So what the reconstruction assumes is true, and what is left to find are the errors of its sampler.

Prints, against what would be perfect: the share of true places inside the 50 and 90 % regions at four hours,
each over flights; the share of true reports per band of stated probability; the mean log probability of the
true reading, and of its prior; the time it took.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "reconstruct"))
from made_flights import HOUR, made_flight, settings_for, share_nearer

from overflight import __version__
from overflight.reconstruct.likelihood import AFAR, MISTAKEN, OTHER_TIME, READINGS, STATED
from overflight.reconstruct.posterior import reconstruct
from overflight.sightings.kinds import kind_info, p_mistaken
from overflight.times import parse_utc
from overflight.winds.choose import CaseWinds
from overflight.winds.prior import prior_grid

T0 = parse_utc("2023-01-28T00:00Z")
HOURS = (4.0, 9.0, 14.0, 19.0)
BANDS = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)


def prior_of(kind: str, code: int) -> float:
    """Return the prior probability of a reading of one of the made reports."""
    info = kind_info(kind)
    wrong = p_mistaken(kind, "medium")
    slip = info.p_time_slip if info.has_clock else 0.0
    return {AFAR: info.p_afar, OTHER_TIME: slip, MISTAKEN: wrong, STATED: 1 - info.p_afar - slip - wrong}[
        code
    ]


def run_flight(winds: CaseWinds, seed: int, members: int):
    """Fly, reconstruct, and return shares nearer, readings said and true, prior of the true readings."""
    flight = made_flight(winds, T0, np.random.default_rng([2023, seed]))
    r = reconstruct(
        flight.sightings, winds, time_start=T0 - 6 * HOUR, time_end=T0 + 30 * HOUR,
        settings=settings_for(members, seed),
    )  # fmt: skip
    s = r.scenarios[0]
    reading = s.candidates.reading[s.sample.pick]
    # A report is as likely as one more member would have made it: no probability of nought.
    said = np.stack([(np.sum(reading == code, axis=0) + 0.25) / (members + 1.0) for code in range(4)], axis=1)
    prior = [prior_of(one.kind, code) for one, code in zip(flight.sightings, flight.readings, strict=True)]
    shares = [share_nearer(r, flight, T0 + h * HOUR) for h in HOURS]
    return shares, said, np.array(flight.readings), np.array(prior), s.sample.accepted


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flights", type=int, default=120)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    winds = CaseWinds(prior=prior_grid(T0 - 2 * 86400, T0 + 4 * 86400))
    begun = time.time()
    rows = [run_flight(winds, seed, args.members) for seed in range(args.flights)]
    seconds = time.time() - begun
    shares = np.array([row[0] for row in rows])
    said, true = np.concatenate([row[1] for row in rows]), np.concatenate([row[2] for row in rows])
    result = {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "flights": args.flights,
        "members": args.members,
        "seconds": round(seconds, 1),
        "regions": {},
        "readings": {},
    }
    for level in (0.5, 0.9):
        inside = (shares <= level).mean(axis=0)
        low, high = (float(v) / args.flights for v in binom.ppf((0.025, 0.975), args.flights, level))
        result["regions"][f"{level:g}"] = {
            "inside": [round(float(v), 3) for v in inside], "hours": HOURS, "95 % of right ones": [low, high],
        }  # fmt: skip
    for code, name in enumerate(READINGS):
        of = true == code
        result["readings"][name] = {
            "true": int(of.sum()),
            "expected": round(float(said[:, code].sum()), 1),
            "mean_p_where_true": round(float(said[of, code].mean()), 3) if of.any() else None,
            "likeliest_where_true": round(float((said[of].argmax(axis=1) == code).mean()), 3)
            if of.any()
            else None,
        }
    bands = []
    for low, high in pairwise(BANDS):
        inside = (said >= low) & ((said < high) | (high == 1.0))
        hit = (np.arange(4)[None] == true[:, None])[inside]
        rates = {"said": round(float(said[inside].mean()), 3), "true": round(float(hit.mean()), 3)}
        bands.append({"from": low, "to": high, "n": int(inside.sum()), **rates})
    result["bands"] = bands
    at = np.log(said[np.arange(true.size), true])
    result["log_p_true_reading"] = round(float(at.mean()), 3)
    result["log_p_true_reading_by_prior"] = round(
        float(np.log(np.concatenate([r[3] for r in rows])).mean()), 3
    )
    result["accepted"] = round(float(np.mean([row[4] for row in rows])), 3)
    print(json.dumps(result, indent=1))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Calibration of the verdict on made flights: false accusations, power, ranks.

Usage: python bench/steer_calibration.py [--work work/steer] [--data FOLDER] [--flights 300]
       [--curve-flights 40] [--rank-flights 200] [--particles 600] [--parts table curves ranks] [--workers 2]
       [--quick] [--json bench/steer_calibration.json] [--plots docs/steer]

For every condition and kind of flight (`made_drift`) so many flights are made; the analyser weighs all
hypotheses of `overflight.steer` and gives its verdict. He is told the right size of the wind error, half of
it and double (the last two on passive flights; what is asked of them is that nobody is accused). Beside it
runs the *ideal* detector: the same evidence, told the true size, memory, shape and height scale of that
flight's error (`ideal_error`) and that winds mix no further, as the ratio of the true class to the passive
ones, with 1000 particles at least. Its threshold is the 95th hundredth of passive flights, so its rate of
false accusation is 5 % by making.

The analyser begins with --particles and weighs again with more where the verdict is open, as the command
does (`steer.settle`), but not for the sake of the word 'drifted', which no demand counts.

*False accusation*: the truth is passive and the verdict 'steered', 'not moved by wind' or 'did not drift'.
*Power*: the truth is one of the other kinds and the verdict names its side or says that it did not drift,
which is all that the ideal says. The bounds are Clopper and Pearson's, as if flights were independent. Those
in one field of weather are not, the less so where the field is a real one, so bounds of a bootstrap by fields
stand beside them; where the fields are few (`MANY_FIELDS`) those are too narrow too.

Every flight's result is a line in a file under --work, by condition, kind and seed: a run that was stopped
goes on. A line says with what particles, belief and rule it was made, the rule by the code that makes
flights, weighs them and judges them; lines of another are refused, not mixed in. Flights of the tables have
the seeds 0, 1, ...; what was tried while the bench and the models were built had seeds from 100,000 on
(--first). The bench needs no data but for the conditions of real errors, which are left out without --data.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import hashlib
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ideal_error import true_error
from made_drift import KINDS, PASSIVE, Condition, MadeFlight, make_flight
from scipy.stats import beta, binom, chisquare

from overflight import __version__, reconstruct, steer
from overflight.compiled import threads
from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.guided import filter_flight
from overflight.reconstruct.guided_columns import POLE_1, POLE_2, POLES, WEIGHT_1, WEIGHT_2
from overflight.reconstruct.guided_kernel import day_share
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import LIN, RADIUS_KM, Air, linearise, make_air
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, KNOWN_HYPOTHESES, Hypothesis
from overflight.steer.settle import weigh_until_settled
from overflight.steer.verdict import ACCUSING, THRESHOLD, judge
from overflight.sun import solar_place
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]

SIDE = {h.id: h.side for h in KNOWN_HYPOTHESES.values()}
WORD = {"steered": "steered", "not wind": "not moved by wind"}
NOT_DRIFTED = "did not drift"
TELLINGS = {"right": 1.0, "half": 0.5, "double": 2.0}
TABLE = (
    Condition(name="1 h, 2 m/s", every_h=1.0, error_mps=2.0),
    Condition(name="1 h, 4 m/s", every_h=1.0, error_mps=4.0),
    Condition(name="6 h, 2 m/s", every_h=6.0, error_mps=2.0),
    Condition(name="6 h, 4 m/s", every_h=6.0, error_mps=4.0),
    Condition(name="6 h, 3 m/s, heights", every_h=6.0, error_mps=3.0, alt_sd_m=200.0),
    Condition(name="6 h, analyses", field="gfs", every_h=6.0),
    Condition(name="3 h, soundings", field="darwin", every_h=3.0, hours=45.0),
)
BASE = Condition(name="base", every_h=3.0, error_mps=3.0)
CURVES: dict[str, tuple[tuple[str, ...], str, tuple[float, ...]]] = {
    "airspeed": (("propelled",), "airspeed_mps", (1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 14.0)),
    "range": (("altitude_controlled",), "range_m", (1000.0, 2000.0, 3000.0, 4500.0, 6500.0, 9000.0)),
    "shear": (("altitude_controlled",), "shear", (0.3, 0.7, 1.0, 1.5, 2.2, 3.0)),
    "dwell": (("altitude_controlled", "propelled"), "dwell_h", (6.0, 12.0, 24.0, 48.0, 72.0)),
    "interval": (("altitude_controlled", "propelled"), "every_h", (0.5, 1.0, 3.0, 6.0, 12.0)),
    "fix_error": (
        ("altitude_controlled", "propelled"),
        "fix_sd_m",
        (500.0, 2000.0, 5000.0, 15000.0, 40000.0),
    ),
    "duration": (("altitude_controlled", "propelled"), "hours", (12.0, 24.0, 48.0, 72.0, 96.0)),
    "wind_error": (("altitude_controlled", "propelled"), "error_mps", (1.0, 2.0, 3.0, 4.0, 6.0)),
}
LABELS = {
    "airspeed": "airspeed, m/s", "range": "range of heights, m", "shear": "shear, times the field's own",
    "dwell": "hours steered, of 72", "interval": "hours between fixes", "fix_error": "error of a fix, m",
    "duration": "hours of flight", "wind_error": "wind error, m/s",
}  # fmt: skip
ALPHA = 0.05
IDEAL_PARTICLES = 1000
# Fewer fields than these give no bounds by a bootstrap worth the name.
MANY_FIELDS, BOOTSTRAPS = 20, 2000
PARTS = ("table", "curves", "ranks")
RANKED = ("passive_level", "passive_daynight", "altitude_controlled", "propelled")
DRAWS, RANK_BINS = 127, 16


# --- one flight ---------------------------------------------------------------------------------------------


def hypotheses_of(names: str) -> tuple[Hypothesis, ...]:
    """Return the default hypotheses, or those named (with commas), their priors even within a side."""
    if not names:
        return DEFAULT_HYPOTHESES
    chosen = [KNOWN_HYPOTHESES[n] for n in names.split(",")]
    side = {s: sum(h.prior for h in DEFAULT_HYPOTHESES if h.side == s) for s in {h.side for h in chosen}}
    count = {s: sum(h.side == s for h in chosen) for s in side}
    total = sum(side.values())
    return tuple(replace(h, prior=side[h.side] / count[h.side] / total) for h in chosen)


def laid_out(flight: MadeFlight, fix_sd_m: float, alt_sd_m: float) -> tuple[Frame, Fixes]:
    """Return the frame and the fixes that the analyser makes of a made flight."""
    frame = fit_frame(flight.lon_deg, flight.lat_deg)
    heights = {} if math.isnan(alt_sd_m) else {"alt_m": flight.alt_m, "alt_sd_m": alt_sd_m}
    fixes = fixes_from_track(frame, flight.time_s, flight.lon_deg, flight.lat_deg, sd_m=fix_sd_m, **heights)
    return frame, fixes


_AIR: dict[int, tuple[MadeFlight, Air]] = {}


def air_of(flight: MadeFlight, frame: Frame, factor: float) -> Air:
    """Lay the analysis out for the kernel, once for flights that share it."""
    key = id(flight.analysis)
    if key not in _AIR:
        _AIR.clear()
        _AIR[key] = (flight, make_air(frame, flight.prior, flight.analysis))
    size = [s * factor for s in flight.error_mps]
    air = _AIR[key][1]
    numbers = air.numbers.copy()
    numbers[1:3] = size
    return air._replace(rotation=frame.rotation, numbers=numbers)


def belief_of(options: dict[str, Any]) -> WindErrorBelief:
    """Return what is believed of the wind error: the default, with options for trials."""
    names = ("factor_log_sd", "time_log_sd", "time_s", "height_scale_m", "mixing_km", "fast_share")
    names += ("smooth_share", "factor")
    return WindErrorBelief(**{n: options[n] for n in names if options.get(n) is not None})


def run_flight(task: tuple[Condition, str, int, dict[str, Any]]) -> dict[str, Any]:
    """Make, weigh and judge one flight; return its line."""
    condition, kind, seed, options = task
    begun = time.process_time()
    with threads(1):
        flight = make_flight(kind, condition, seed, options["data"])
        frame, fixes = laid_out(flight, condition.fix_sd_m, condition.alt_sd_m)
        hypotheses, belief = hypotheses_of(options["hypotheses"]), belief_of(options)
        row: dict[str, Any] = {
            "condition": condition.name, "kind": kind, "seed": seed, **options["stamp"],
            "variant": flight.variant, "weather": flight.weather,
            "numbers": {k: round(float(v), 2) for k, v in flight.numbers.items()}, "told": {},
        }  # fmt: skip
        for name in options["tellings"] if kind in PASSIVE else ("right",):
            air = air_of(flight, frame, TELLINGS[name])
            found, used = weigh_until_settled(
                hypotheses, fixes, air, belief, frame, particles=options["particles"], seed=seed, draws=8,
                accusing_only=True,
            )  # fmt: skip
            verdict = judge(found)
            row["told"][name] = {
                "word": verdict.word,
                "p": [round(x, 5) for x in verdict.p],
                "log_evidence": [round(float(x), 3) for x in found.log_evidence],
                "se": [round(float(x), 3) for x in found.se],
                "particles": used,
            }
        if seed < options["ideal_below"]:
            particles = max(options["particles"], IDEAL_PARTICLES)
            row["ideal"] = ideal_scores(flight, condition, hypotheses, fixes, frame, particles)
    row["cpu_s"] = round(time.process_time() - begun, 3)
    return row


def ideal_scores(
    flight: MadeFlight,
    condition: Condition,
    hypotheses: Sequence[Hypothesis],
    fixes: Fixes,
    frame: Frame,
    particles: int,
) -> dict[str, float]:
    """Return ln of the likelihood ratio of each class (of the true one, where not passive) to the passive."""
    belief, air = true_error(flight, condition).belief, air_of(flight, frame, 1.0)
    wanted = [h for h in hypotheses if h.side == "passive" or flight.kind in PASSIVE or h.id == flight.kind]
    found = {
        h.id: filter_flight(
            h.model, fixes, air, belief, frame=frame, particles=particles, seed=flight.seed, draws=8
        ).log_evidence
        for h in wanted
    }
    passive = np.logaddexp.reduce([found[h.id] for h in wanted if h.side == "passive"])
    return {h.id: round(float(found[h.id] - passive), 3) for h in wanted if h.side != "passive"}


# --- what a line was made with ------------------------------------------------------------------------------


def code_hash(paths: Iterable[Path]) -> str:
    """Return a hash of what the sources do: comments, layout and docstrings do not count."""
    found = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                body[:1] = [ast.Pass()]
        found.update(f"{path.name}\n{ast.dump(tree)}\n".encode())
    return found.hexdigest()[:12]


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def sources() -> list[Path]:
    """Return the sources that evidences and words come from, this one included."""
    package, here = Path(reconstruct.__file__).parent, Path(__file__).parent
    named = [package / f"{name}.py" for name in ("models", "motion", "likelihood", "fixes", "frame")]
    winds = [package.parent / "winds" / f"{name}.py" for name in ("slopes", "error", "error_waves")]
    bench = [here / "made_drift.py", here / "ideal_error.py", Path(__file__)]
    verdict = ("along", "evidence", "hypotheses", "reach", "settle", "verdict")
    judged = [Path(steer.__file__).parent / f"{name}.py" for name in verdict]
    return [*package.glob("guided*.py"), *judged, *named, *winds, *bench]


def stamp_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return what every line carries: particles, and hashes of belief (priors too) and of the rule."""
    belief = dataclasses.asdict(belief_of(options)) | {
        h.id: h.prior for h in hypotheses_of(options["hypotheses"])
    }
    told = json.dumps(belief, sort_keys=True).encode()
    return {
        "particles": options["particles"],
        "belief": hashlib.sha256(told).hexdigest()[:12],
        "rule": code_hash(sources()),
    }


class OtherRunError(Exception):
    """Lines of a run with other particles, another belief or another rule."""


def check_stamps(rows: Iterable[dict[str, Any]], stamp: dict[str, Any], path: Path) -> None:
    """Refuse lines that were made with anything else.

    Raises OtherRunError with the first difference, how many lines there are, and the remedy.
    """
    other = [r for r in rows if any(r.get(key) != value for key, value in stamp.items())]
    if not other:
        return
    key = next(k for k, v in stamp.items() if other[0].get(k) != v)
    raise OtherRunError(
        f"{path}: {len(other)} lines were made with another {key} ({other[0].get(key, 'none stated')}, now "
        f"{stamp[key]}). Lines of two runs are not one table: give another folder with --work, or move that "
        "file away."
    )


# --- running ------------------------------------------------------------------------------------------------


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read results; a line cut off by a stop is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def run_all(
    name: str, tasks: Sequence[tuple[Condition, str, int, dict[str, Any]]], work: Path, workers: int
) -> list[dict[str, Any]]:
    """Run the tasks that the file of results lacks; return all results of the tasks."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"{name}.jsonl"
    lines = read_lines(path)
    if tasks:
        check_stamps(lines, tasks[0][3]["stamp"], path)
    done = {(r["condition"], r["kind"], r["seed"]) for r in lines}
    todo = [t for t in tasks if (t[0].name, t[1], t[2]) not in done]
    begun, cpu, count = time.monotonic(), 0.0, 0
    with path.open("a", encoding="utf-8") as out:
        for row in results_of(todo, workers):
            out.write(json.dumps(row) + "\n")
            cpu, count = cpu + row.get("cpu_s", 0.0), count + 1
            if count % 50 == 0 or count == len(todo):
                out.flush()
                left = cpu / count * (len(todo) - count) / max(workers, 1)
                print(
                    f"{name}: {count} of {len(todo)} flights in {time.monotonic() - begun:.0f} s, "
                    f"{cpu / count:.2f} CPU s each, some {left / 60:.0f} min left",
                    flush=True,
                )
    wanted = {(t[0].name, t[1], t[2]) for t in tasks}
    return [r for r in read_lines(path) if (r["condition"], r["kind"], r["seed"]) in wanted]


def results_of(tasks: Sequence[Any], workers: int) -> Iterator[dict[str, Any]]:
    if workers <= 1:
        yield from map(try_flight, tasks)
        return
    with ProcessPoolExecutor(workers) as pool:
        # Chunks keep flights of one field together; few at a time, for every waiting task holds memory.
        size = 10
        chunks = [tasks[i : i + size] for i in range(0, len(tasks), size)]
        for first in range(0, len(chunks), 8 * workers):
            for job in as_completed(
                [pool.submit(try_flights, c) for c in chunks[first : first + 8 * workers]]
            ):
                yield from job.result()


def try_flights(tasks: Sequence[Any]) -> list[dict[str, Any]]:
    return [try_flight(task) for task in tasks]


def try_flight(task: tuple[Condition, str, int, dict[str, Any]]) -> dict[str, Any]:
    """Run a flight; one that leaves its winds is counted, not passed over."""
    try:
        return run_flight(task)
    except RuntimeError as error:
        return {
            "condition": task[0].name, "kind": task[1], "seed": task[2], **task[3]["stamp"],
            "left_out": str(error), "cpu_s": 0.0,
        }  # fmt: skip


def tasks_of(
    conditions: Sequence[Condition], kinds: Sequence[str], seeds: range, options: dict[str, Any]
) -> list[tuple[Condition, str, int, dict[str, Any]]]:
    """All flights, those of one field together; what is stopped early has something of every condition."""
    return [
        (c, kind, seed, options)
        for seed0 in range(seeds.start, seeds.stop, 10)
        for c in conditions
        for kind in kinds
        for seed in range(seed0, min(seed0 + 10, seeds.stop))
    ]


# --- the table ----------------------------------------------------------------------------------------------


def bounds(hits: int, count: int) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % bounds of a rate, below and above: each is missed by 5 %."""
    if count == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else float(beta.ppf(0.05, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(0.95, hits + 1, count - hits))
    return low, high


def rate(hits: int, count: int) -> dict[str, Any]:
    low, high = bounds(hits, count)
    return {
        "of": count, "hits": hits, "rate": round(hits / max(count, 1), 4), "low": round(low, 4),
        "high": round(high, 4),
    }  # fmt: skip


def accusations(rows: Sequence[dict[str, Any]], telling: str) -> dict[str, Any]:
    some = [r for r in rows if r["kind"] in PASSIVE and telling in r.get("told", {})]
    hit = [r["told"][telling]["word"] in ACCUSING for r in some]
    by_field = field_bounds(hit, [f"{r['condition']}: {r.get('weather', r['seed'])}" for r in some])
    return rate(sum(hit), len(hit)) | {"by_field": by_field}


def field_bounds(hit: Sequence[bool], fields: Sequence[str]) -> dict[str, Any]:
    """Return one-sided 95 % bounds of a rate by drawing whole fields of weather with replacement.

    Where chance makes them narrower than bounds of independent flights, these stand.
    """
    names, at = np.unique(np.array(fields, str), return_inverse=True)
    hits, of = np.bincount(at, hit, names.size), np.bincount(at, minlength=names.size)
    if not names.size:
        return {"fields": 0, "low": 0.0, "high": 1.0, "enough": False}
    picks = np.random.default_rng(2).integers(0, names.size, (BOOTSTRAPS, names.size))
    drawn = np.quantile(hits[picks].sum(axis=1) / of[picks].sum(axis=1), (0.05, 0.95))
    low, high = bounds(sum(hit), len(hit))
    low, high = min(low, float(drawn[0])), max(high, float(drawn[1]))
    return {
        "fields": int(names.size), "low": round(low, 4), "high": round(high, 4),
        "enough": bool(names.size >= MANY_FIELDS),
    }  # fmt: skip


def area(passive: Sequence[float], other: Sequence[float]) -> float:
    """Return the area under the curve: how often the other has the higher score, ties half."""
    a, b = np.sort(np.asarray(passive)), np.asarray(other)
    below = np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")
    return float(below.mean() / (2 * a.size)) if a.size and b.size else math.nan


def score(row: dict[str, Any], hypotheses: Sequence[Hypothesis], telling: str = "right") -> float:
    """Return ln of the odds that it did not drift, from the evidences."""
    weight = np.log([h.prior for h in hypotheses]) + np.array(row["told"][telling]["log_evidence"])
    drifted = np.array([h.side == "passive" for h in hypotheses])
    return float(np.logaddexp.reduce(weight[~drifted]) - np.logaddexp.reduce(weight[drifted]))


def own_score(row: dict[str, Any], kind: str, hypotheses: Sequence[Hypothesis]) -> float:
    """Return ln of the ratio of likelihoods of one kind and of the passive side, as the ideal's."""
    found = dict(zip((h.id for h in hypotheses), row["told"]["right"]["log_evidence"], strict=True))
    passive = [found[h.id] for h in hypotheses if h.side == "passive"]
    return float(found[kind] - np.logaddexp.reduce(passive))


def power(rows: Sequence[dict[str, Any]], kind: str, hypotheses: Sequence[Hypothesis]) -> dict[str, Any]:
    """Return the verdict's power, the ideal detector's at 5 %, and the areas under both curves."""
    side = SIDE[kind]
    true = [r for r in rows if r["kind"] == kind and "told" in r]
    passive = [r for r in rows if r["kind"] in PASSIVE and "told" in r]
    said = [r["told"]["right"]["word"] for r in true]
    found = rate(sum(w in (WORD[side], NOT_DRIFTED) for w in said), len(true))
    ours = area(
        [own_score(r, kind, hypotheses) for r in passive], [own_score(r, kind, hypotheses) for r in true]
    )
    odds = [[score(r, hypotheses) for r in group] for group in (passive, true)]
    sides = area(*odds)
    out: dict[str, Any] = {"power": found, "area": round(ours, 4), "side_area": round(sides, 4)}
    none, some = ([r["ideal"][kind] for r in group if "ideal" in r] for group in (passive, true))
    if none and some:
        limit = float(np.quantile(none, 1.0 - ALPHA))
        ideal = rate(int(np.sum(np.array(some) > limit)), len(some))
        best = area(none, some)
        out |= {
            "ideal": ideal,
            "share_of_ideal": round(found["rate"] / max(ideal["rate"], 1e-9), 3),
            "ideal_area": round(best, 4),
            "area_short": round(best - ours, 4),
            "side_area_short": round(best - sides, 4),
            "ideal_threshold": round(limit, 2),
        }
        # Our evidence at the ideal's own rate of false accusation: what the prior and the threshold cost.
        ours_limit = float(np.quantile(odds[0], 1.0 - ALPHA))
        out["power_at_5"] = round(float(np.mean(np.array(odds[1]) > ours_limit)), 4)
    return out


def table(rows: Sequence[dict[str, Any]], hypotheses: Sequence[Hypothesis]) -> dict[str, Any]:
    out: dict[str, Any] = {"conditions": {}, "pooled": {}}
    for name in dict.fromkeys(r["condition"] for r in rows):
        part = [r for r in rows if r["condition"] == name]
        out["conditions"][name] = {
            "left_out": sum("left_out" in r for r in part),
            "flights": {k: sum(r["kind"] == k and "told" in r for r in part) for k in KINDS},
            "false_accusation": {t: accusations(part, t) for t in TELLINGS},
            "by_kind": {
                t: {k: accusations([r for r in part if r["kind"] == k], t)["rate"] for k in PASSIVE}
                for t in TELLINGS
            },
            "power": {k: power(part, k, hypotheses) for k in KINDS if k not in PASSIVE},
            "words": {k: words(part, k) for k in KINDS},
        }
    out["pooled"] = {t: accusations(rows, t) for t in TELLINGS}
    counts = [out["pooled"][t] for t in TELLINGS]
    out["pooled"]["all"] = rate(sum(c["hits"] for c in counts), sum(c["of"] for c in counts))
    return out


def words(rows: Sequence[dict[str, Any]], kind: str) -> dict[str, int]:
    found = [r["told"]["right"]["word"] for r in rows if r["kind"] == kind and "right" in r.get("told", {})]
    return {w: found.count(w) for w in dict.fromkeys(found)}


def failures(found: dict[str, Any]) -> list[str]:
    """Return which of the demands are not met, in words."""
    out = []
    for name, part in found["conditions"].items():
        for telling, one in part["false_accusation"].items():
            if one["low"] > ALPHA:
                out.append(f"{name}, told {telling}: {one['rate']:.1%} accused, at least {one['low']:.1%}")
        for kind, one in part["power"].items():
            if one.get("share_of_ideal", 1.0) < 0.5:
                out.append(f"{name}: power on {kind} {one['share_of_ideal']:.2f} of the ideal's")
            if one.get("area_short", 0.0) > 0.05:
                out.append(f"{name}: area on {kind} {one['area_short']:.3f} short of the ideal's")
            elif one.get("side_area_short", 0.0) > 0.05:
                short = one["side_area_short"]
                out.append(f"{name}: area of the odds on {kind} {short:.3f} short of the ideal's")
    for telling in (*TELLINGS, "all"):
        if found["pooled"][telling]["rate"] > ALPHA:
            out.append(f"pooled, told {telling}: {found['pooled'][telling]['rate']:.1%} accused")
    return out


def print_table(found: dict[str, Any]) -> None:
    print(f"\n{'condition':24}{'told':8}{'accused':>14}{'95 %':>16}{'by fields':>16}{'fields':>8}")
    for name, part in [*found["conditions"].items(), ("pooled", {"false_accusation": found["pooled"]})]:
        for telling, one in part["false_accusation"].items():
            line = (
                f"{name:24}{telling:8}{one['hits']:5d} of {one['of']:5d}{one['low']:9.1%}-{one['high']:.1%}"
            )
            if fields := one.get("by_field"):
                few = "" if fields["enough"] else ", too few"
                line += f"{fields['low']:9.1%}-{fields['high']:.1%}{fields['fields']:8d}{few}"
            print(line)
    print(f"\n{'condition':24}{'kind':22}{'power':>7}{'ideal':>7}{'at 5 %':>8}{'area':>8}{'ideal':>8}")
    for name, part in found["conditions"].items():
        for kind, one in part["power"].items():
            ideal = one.get("ideal", {"rate": math.nan})
            print(
                f"{name:24}{kind:22}{one['power']['rate']:7.2f}{ideal['rate']:7.2f}"
                f"{one.get('power_at_5', math.nan):8.2f}{one['area']:8.3f}"
                f"{one.get('ideal_area', math.nan):8.3f}"
            )
    for line in failures(found) or ["All demands are met."]:
        print(line)


# --- reliability --------------------------------------------------------------------------------------------

BANDS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)


def reliability(rows: Sequence[dict[str, Any]], hypotheses: Sequence[Hypothesis]) -> list[dict[str, Any]]:
    """Return, by bands of the posterior that it was steered, how often it was: truth drawn from the prior.

    Flights are made in equal numbers of each kind and count by the prior of the kind; the error bars are
    from 500 draws of the flights with replacement.
    """
    prior = {h.id: h.prior for h in hypotheses}
    some = [r for r in rows if "right" in r.get("told", {})]
    count = {k: sum(r["kind"] == k for r in some) for k in KINDS}
    weight = np.array([prior[r["kind"]] / count[r["kind"]] for r in some])
    said = np.array([r["told"]["right"]["p"][1] for r in some])
    true = np.array([SIDE[r["kind"]] == "steered" for r in some])
    rng = np.random.default_rng(1)
    picks = rng.integers(0, len(some), (500, len(some)))
    out = []
    for low, high in pairwise(BANDS):
        inside = (said >= low) & ((said < high) | (high == 1.0))
        if not inside.any():
            continue
        w = weight * inside
        drawn = w[picks]
        total = drawn.sum(axis=1)
        rates = (drawn * true[picks]).sum(axis=1)[total > 0] / total[total > 0]
        out.append(
            {
                "from": low, "to": high, "n": int(inside.sum()),
                "said": round(float((w * said).sum() / w.sum()), 4),
                "true": round(float((w * true).sum() / w.sum()), 4),
                "low": round(float(np.quantile(rates, 0.025)), 4),
                "high": round(float(np.quantile(rates, 0.975)), 4),
            }
        )  # fmt: skip
    return out


# --- curves -------------------------------------------------------------------------------------------------


def curve_conditions(curve: str) -> list[Condition]:
    name, values = CURVES[curve][1], CURVES[curve][2]
    return [replace(BASE, name=f"{curve} {v:g}", **{name: v}) for v in values]


def curve(rows: Sequence[dict[str, Any]], which: str) -> list[dict[str, Any]]:
    """Return the verdict's power, kind by kind, at the values of one thing that changes."""
    out = []
    for condition, value in zip(curve_conditions(which), CURVES[which][2], strict=True):
        part = [r for r in rows if r["condition"] == condition.name and "told" in r]
        row: dict[str, Any] = {"value": value}
        for kind in CURVES[which][0]:
            said = [r["told"]["right"]["word"] for r in part if r["kind"] == kind]
            row[kind] = rate(sum(w in (WORD[SIDE[kind]], NOT_DRIFTED) for w in said), len(said))
        out.append(row)
    return out


# --- ranks --------------------------------------------------------------------------------------------------


# The filter's steps are an hour and a half; these are fine enough that a flight owes nothing to them.
OWN_STEP_S = 120.0


def own_flight(
    model: MotionModel,
    belief: WindErrorBelief,
    air: Air,
    sun: Float64s,
    node_s: Float64s,
    place_km: Float64s,
    rng: np.random.Generator,
) -> tuple[Float64s, dict[str, float]]:
    """Draw a flight from a motion model: path (N, 5) of x, y, z, and the error's u and v; and its parameters.

    Written from the equations of the models, apart from the filter: in steps of two minutes, without
    linearisation. For `smooth_share` of flights the error is smooth, two Ornstein-Uhlenbeck processes of one
    noise. It forgets with time and with the level's changes, not with the wander about it. `sun` (N, 3) is
    the direction to the sun in the frame.
    """

    def even(pair: tuple[float, float]) -> float:
        return float(rng.uniform(*pair))

    def log_even(pair: tuple[float, float]) -> float:
        return float(pair[0] * (pair[1] / pair[0]) ** rng.random())

    drawn = {
        "factor": belief.factor * math.exp(belief.factor_log_sd * rng.standard_normal()),
        "error_time_s": belief.time_s * math.exp(belief.time_log_sd * rng.standard_normal()),
    }
    mixing_km = belief.mixing_km * math.exp(belief.mixing_log_sd * rng.standard_normal())
    moved_by = _moved_by(model, rng.random())
    pair = model.leak_m_per_day if moved_by == "leak" else model.amplitude_m
    second = 0.5 * sum(pair) + np.ptp(pair) / math.sqrt(12.0) * rng.standard_normal()
    second_km, recovery_s = second / 1e3, log_even(model.recovery_h) * HOUR_S
    level = (model.level_m[0] + model.level_m[1] * rng.standard_normal()) / 1e3
    ramp = command = even(model.control_m) / 1e3
    control = model.vertical == "control"
    climb, command_s = log_even(model.climb_mps) / 1e3, log_even(model.command_h) * HOUR_S
    airspeed, leg_s, share = (
        log_even(model.airspeed_mps),
        log_even(model.leg_h) * HOUR_S,
        even(model.on_share),
    )
    if control:
        drawn["command_s"] = command_s
    else:
        drawn["level_m"] = level * 1e3
    if moved_by:
        drawn["second"] = second
    if model.horizontal == "propelled":
        drawn |= {"airspeed_mps": airspeed, "leg_s": leg_s, "on_share": share}

    def leg() -> Float64s:
        pushed = model.horizontal == "propelled" and rng.random() < share
        return airspeed / 1e3 * rng.standard_normal(2) if pushed else np.zeros(2)

    drawn["smooth"] = float(rng.random() < belief.smooth_share)
    smooth, poles = bool(drawn["smooth"]), _first_poles(rng)
    loose_m = model.leak_wander_m if moved_by == "leak" and model.vertical != "leak" else model.wander_m
    wander_sd, (x, y), error, push = loose_m / 1e3, place_km, _error(poles, smooth), leg()
    wander = wander_sd * rng.standard_normal()
    out, lin, wind = np.empty((node_s.size, 5)), np.empty(LIN), np.empty(SLOPES)
    made_up = float(day_share(sun, 0, x, y))  # the part of day that ballast has made up for
    drive, made_up = _drive(moved_by, sun[0], x, y, 0.0, made_up, 0.0)
    held = ramp if control else level + second_km * drive
    z = held + wander
    for k in range(node_s.size):
        out[k] = (x, y, z, *(drawn["factor"] * error))
        if k == node_s.size - 1:
            break
        dt = float(node_s[k + 1] - node_s[k])
        if control:
            if rng.random() < -math.expm1(-dt / command_s):
                command, climb = even(model.control_m) / 1e3, log_even(model.climb_mps) / 1e3
            ramp += math.copysign(min(abs(command - ramp), climb * dt), command - ramp)
        if rng.random() < -math.expm1(-dt / leg_s):
            push = leg()
        keep = math.exp(-dt / (model.wander_h * HOUR_S))
        wander = keep * wander + math.sqrt(1.0 - keep * keep) * wander_sd * rng.standard_normal()
        since_days = (node_s[k + 1] - node_s[0]) / DAY_S
        drive, made_up = _drive(moved_by, sun[k + 1], x, y, since_days, made_up, math.exp(-dt / recovery_s))
        new_held = ramp if control else level + second_km * drive
        age = dt / drawn["error_time_s"] + abs(new_held - held) * 1e3 / belief.height_scale_m
        held, new_z = new_held, new_held + wander
        poles = _next_poles(poles, age, smooth, rng)
        new_error = _error(poles, smooth)
        mix = mixing_km * math.sqrt(dt / HOUR_S) * rng.standard_normal(2)
        middle = 0.5 * drawn["factor"] * (error + new_error)
        to_x, to_y = x, y
        for _ in range(2):
            linearise(
                *air,
                node_s[k] + 0.5 * dt,
                0.5 * (x + to_x),
                0.5 * (y + to_y),
                0.5 * (z + new_z),
                *middle,
                lin,
                wind,
            )
            stretch = 1.0 / math.cos(0.5 * (y + to_y) / RADIUS_KM)
            to_x = x + dt * (lin[0] + push[0] * stretch) + mix[0]
            to_y = y + dt * (lin[1] + push[1]) + mix[1]
        x, y, z, error = to_x, to_y, new_z, new_error
    return out, drawn


def _first_poles(rng: np.random.Generator) -> Float64s:
    """Draw both poles of an error's components (2, 2), of unit variance and tied; a rough one has one."""
    one, two = rng.standard_normal((2, 2))
    return np.stack([one, POLES * one + math.sqrt(1.0 - POLES**2) * two])


def _next_poles(poles: Float64s, age: float, smooth: bool, rng: np.random.Generator) -> Float64s:
    """Age the poles: each forgets at its own rate; what comes anew leaves variances and tie as they are."""
    rates = np.array([POLE_1, POLE_2]) if smooth else np.ones(2)
    keep = np.exp(-rates * age)
    tie = np.array([[1.0, POLES], [POLES, 1.0]])
    cov = tie * (1.0 - keep[:, None] * keep[None])
    low = np.array([[math.sqrt(cov[0, 0]), 0.0], [0.0, 0.0]])
    if low[0, 0] > 0.0:
        low[1, 0] = cov[0, 1] / low[0, 0]
        low[1, 1] = math.sqrt(max(cov[1, 1] - low[1, 0] ** 2, 0.0))
    return np.asarray(keep[:, None] * poles + low @ rng.standard_normal((2, 2)))


def _error(poles: Float64s, smooth: bool) -> Float64s:
    return np.asarray(WEIGHT_1 * poles[0] + WEIGHT_2 * poles[1] if smooth else poles[0])


def _moved_by(model: MotionModel, u: float) -> str:
    """Return what moves a flight's level, by an even draw: the sun, a sunset, a leak, or nothing ('')."""
    if model.vertical != "daynight":
        return "leak" if model.vertical == "leak" else ""
    return "leak" if u < model.leak_share else "sunset" if u >= 1.0 - model.ballast_share else "sun"


def _drive(
    moved_by: str, sun: Float64s, x: float, y: float, days: float, made_up: float, keep: float
) -> tuple[float, float]:
    """Return what multiplies the second number, and the part of day that ballast has made up for."""
    if moved_by in ("", "leak"):
        return -days if moved_by else 0.0, made_up
    day = float(day_share(sun[None], 0, x, y))
    if moved_by == "sun":
        return day, made_up
    made_up = day + (made_up - day) * keep
    return min(day - made_up, 0.0), made_up


def sun_in_frame(node_s: Float64s, frame: Frame) -> Float64s:
    """Return unit vectors to the sun (N, 3) in the frame."""
    ascension, declination, sidereal = np.array([solar_place(float(t))[:3] for t in node_s]).T
    lon, flat = ascension - sidereal, np.cos(declination)
    vectors = np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(declination)])
    return np.ascontiguousarray((frame.rotation @ vectors).T)


def ranks_of(task: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
    """Draw a flight from the analyser's own model, fix it, and rank the truth among draws of the posterior.

    Ranks of the truth among independent draws are even when the posterior is right (Talts and others 2018,
    arXiv 1804.06788). The flight starts at the place of a made one; that place has no rank.
    """
    kind, seed, options = task
    condition = replace(BASE, name="ranks")
    begun = time.process_time()
    rng = np.random.default_rng([42, KINDS.index(kind), seed])
    with threads(1):
        made = make_flight("passive_level", condition, seed, options["data"])
        frame = fit_frame(made.lon_deg, made.lat_deg)
        air, belief, model = air_of(made, frame, 1.0), belief_of(options), KNOWN_HYPOTHESES[kind].model
        node_s = np.arange(made.time_s[0], made.time_s[-1] + 1.0, OWN_STEP_S)
        at = nearest_nodes(node_s, made.time_s)
        start = np.array([float(v[0]) / 1e3 for v in frame.to_plane(made.lon_deg[:1], made.lat_deg[:1])])
        path, drawn = own_flight(model, belief, air, sun_in_frame(node_s, frame), node_s, start, rng)
        lon, lat = frame.to_lonlat(path[at, 0] * 1e3, path[at, 1] * 1e3)
        off = rng.standard_normal((2, lon.size)) * condition.fix_sd_m
        lat = lat + np.degrees(off[0] / EARTH_RADIUS_M)
        lon = lon + np.degrees(off[1] / EARTH_RADIUS_M) / np.cos(np.radians(lat))
        fixes = fixes_from_track(frame, made.time_s, lon, lat, sd_m=condition.fix_sd_m)
        found = filter_flight(
            model,
            fixes,
            air,
            belief,
            frame=frame,
            particles=options["rank_particles"],
            seed=seed,
            draws=DRAWS,
        )
    names = found.parameter_names
    ranks = {n: (value, found.parameters[:, names.index(n)]) for n, value in drawn.items()}
    for label, when in (("middle", made.time_s[made.time_s.size // 2]), ("end", made.time_s[-1])):
        k, j = (int(nearest_nodes(f, np.array([when]))[0]) for f in (node_s, found.node_s))
        for i, name in enumerate(("x", "y", "height", "error u", "error v")):
            ranks[f"{name}, {label}"] = (float(path[k, i]), found.paths[:, j, i])
    row: dict[str, Any] = {"condition": "ranks", "kind": kind, "seed": seed, **options["stamp"]}
    # Draws that are copies of one another share a value: their rank among ties is by chance.
    row["ranks"] = {
        n: int((d < t).sum() + rng.integers(0, (d == t).sum() + 1)) for n, (t, d) in ranks.items()
    }
    row["cpu_s"] = round(time.process_time() - begun, 3)
    return row


def nearest_nodes(node_s: Float64s, time_s: Float64s) -> npt.NDArray[np.int64]:
    return np.abs(node_s[None, :] - time_s[:, None]).argmin(axis=1)


def evenness(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return histograms of ranks with the chance (chi-squared) of one as uneven, were they even."""
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(r["kind"] for r in rows):
        part = [r for r in rows if r["kind"] == kind]
        for name in part[0]["ranks"]:
            found = np.array([r["ranks"][name] for r in part if name in r["ranks"]])
            counts = np.histogram(found, bins=np.linspace(-0.5, DRAWS + 0.5, RANK_BINS + 1))[0]
            if found.size >= 5 * RANK_BINS:
                chance = float(chisquare(counts).pvalue)
                out[f"{kind}: {name}"] = {"counts": counts.tolist(), "p": round(chance, 4)}
    return out


# --- pictures -----------------------------------------------------------------------------------------------


def pictures(result: dict[str, Any], folder: Path) -> None:
    """Draw what is in the result."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {
        "svg.hashsalt": "overflight",
        "svg.fonttype": "none",
        "font.size": 9,
        "path.simplify": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    drawers = {"table": picture_table, "curves": picture_curves, "ranks": picture_ranks}
    for name, draw in drawers.items():
        if name in result and (name != "ranks" or result["ranks"]["of"]):
            draw(result, folder)


def saved(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(path, metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    plt.close(figure)


def picture_table(result: dict[str, Any], folder: Path) -> None:
    import matplotlib.pyplot as plt

    conditions = result["table"]["conditions"]
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.4), width_ratios=(3, 2))
    for j, telling in enumerate(TELLINGS):
        found = [c["false_accusation"][telling] for c in conditions.values()]
        y, middle = np.arange(len(found)) + 0.22 * (1 - j), np.array([f["rate"] for f in found]) * 100
        ends = np.array([[f["low"], f["high"]] for f in found]).T * 100
        axes[0].errorbar(
            middle,
            y,
            xerr=[middle - ends[0], ends[1] - middle],
            fmt="o",
            ms=4,
            lw=1.2,
            label=f"told {telling}",
        )
    axes[0].axvline(5.0, color="0.4", lw=0.8, ls="--")
    axes[0].set_yticks(np.arange(len(conditions)), list(conditions))
    axes[0].invert_yaxis()
    axes[0].set(xlabel="passive flights accused, %, with 95 % bounds", xlim=(0, None))
    axes[0].legend(frameon=False, fontsize=8)
    rows = result["reliability"]
    said, true = ([r[k] for r in rows] for k in ("said", "true"))
    error = [[r["true"] - r["low"] for r in rows], [r["high"] - r["true"] for r in rows]]
    axes[1].plot([0, 1], [0, 1], color="0.4", lw=0.8, ls="--")
    axes[1].errorbar(said, true, yerr=np.maximum(error, 0.0), fmt="o", ms=4, lw=1.2, color="C3")
    axes[1].set(xlabel="posterior that it was steered", ylabel="how often it was", xlim=(0, 1), ylim=(0, 1))
    saved(figure, folder / "calibration.svg")


def picture_curves(result: dict[str, Any], folder: Path) -> None:
    import matplotlib.pyplot as plt

    found = result["curves"]
    figure, axes = plt.subplots(2, 4, figsize=(10.0, 4.8), sharey=True)
    colours = {"altitude_controlled": "C0", "propelled": "C1"}
    for axis, (name, rows) in zip(axes.flat, found.items(), strict=False):
        for kind in CURVES[name][0]:
            at, part = [r["value"] for r in rows], [r[kind] for r in rows]
            middle = np.array([p["rate"] for p in part])
            ends = np.array([[p["low"], p["high"]] for p in part]).T
            axis.errorbar(
                at, middle, yerr=[middle - ends[0], ends[1] - middle], fmt="o-", ms=3, lw=1.0,
                color=colours[kind], label=kind.replace("_", " "),
            )  # fmt: skip
        axis.set(xlabel=LABELS[name], ylim=(0, 1))
        if max(CURVES[name][2]) / min(CURVES[name][2]) > 20:
            axis.set_xscale("log")
    for row in axes:
        row[0].set_ylabel("called steered, or not drifting")
    figure.legend(*axes[1][0].get_legend_handles_labels(), frameon=False, loc="upper center", ncols=2)
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    saved(figure, folder / "power.svg")


def picture_ranks(result: dict[str, Any], folder: Path) -> None:
    import matplotlib.pyplot as plt

    found = result["ranks"]["of"]
    columns = 6
    figure, axes = plt.subplots(
        -(-len(found) // columns), columns, figsize=(11.0, 1.15 * (-(-len(found) // columns)))
    )
    for axis in axes.flat[len(found) :]:
        axis.axis("off")
    for axis, (name, one) in zip(axes.flat, found.items(), strict=False):
        counts = np.array(one["counts"])
        low, high = binom.ppf((0.025, 0.975), counts.sum(), 1.0 / counts.size)
        axis.axhspan(low, high, color="0.9")
        axis.bar(np.arange(counts.size), counts, width=0.9, color="C0" if one["p"] > 0.01 else "C3")
        axis.set_title(f"{name} ({one['p']:.2f})", fontsize=5.5, pad=2)
        axis.set(xticks=[], yticks=[])
    figure.tight_layout(pad=0.4)
    saved(figure, folder / "ranks.svg")


# --- all of it ----------------------------------------------------------------------------------------------


def options_of(asked: argparse.Namespace) -> dict[str, Any]:
    names = (
        "particles",
        "rank_particles",
        "hypotheses",
        "factor_log_sd",
        "time_log_sd",
        "time_s",
        "mixing_km",
    )
    names += ("height_scale_m", "fast_share", "smooth_share", "factor")
    options = {n: getattr(asked, n) for n in names}
    return options | {
        "stamp": stamp_of(options),
        "data": str(asked.data or ""),
        "tellings": tuple(asked.tellings),
        "ideal_below": asked.first + asked.ideal_flights,
    }


def run_part(name: str, asked: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """Run one part and return what it adds to the result."""
    hypotheses = hypotheses_of(options["hypotheses"])
    if name == "table":
        conditions = [c for c in TABLE if (asked.data or c.field == "made") and wanted(c, asked.conditions)]
        seeds = range(asked.first, asked.first + asked.flights)
        rows = run_all(name, tasks_of(conditions, asked.kinds, seeds, options), asked.work, asked.workers)
        rows = sorted(rows, key=lambda r: (r["condition"], r["seed"]))
        found = table(rows, hypotheses)
        print_table(found)
        return {"table": found, "reliability": reliability(rows, hypotheses), "failures": failures(found)}
    if name == "curves":
        some = options | {"ideal_below": 0, "tellings": ("right",)}
        out = {}
        for which in CURVES:
            seeds = range(asked.first + 50_000, asked.first + 50_000 + asked.curve_flights)
            tasks = tasks_of(curve_conditions(which), CURVES[which][0], seeds, some)
            out[which] = curve(run_all(name, tasks, asked.work, asked.workers), which)
            for row in out[which]:
                kinds = ", ".join(f"{k} {row[k]['rate']:.2f}" for k in CURVES[which][0])
                print(f"{which} {row['value']:g}: {kinds}")
        return {"curves": out}
    stamp = options["stamp"] | {"particles": options["rank_particles"]}
    options = options | {"stamp": stamp}
    tasks_ranks = [(k, asked.first + s, options) for k in RANKED for s in range(asked.rank_flights)]
    rows = run_ranks(tasks_ranks, asked.work, asked.workers)
    of = evenness(rows)
    if not of:
        print(f"\nranks: fewer than {5 * RANK_BINS} flights are no test")
        return {"ranks": {"flights": asked.rank_flights, "draws": DRAWS, "of": of}}
    chances = np.array([one["p"] for one in of.values()])
    print(f"\nranks: {len(of)} of {asked.rank_flights} flights each, least chance {chances.min():.4f},")
    print(f"{(chances < 0.05).sum()} below 0.05 where {0.05 * chances.size:.1f} are expected")
    for n, one in of.items():
        if one["p"] < 0.01:
            print(f"  {n}: {one['counts']}, p = {one['p']}")
    return {"ranks": {"flights": asked.rank_flights, "draws": DRAWS, "of": of}}


def wanted(condition: Condition, names: Sequence[str]) -> bool:
    return not names or condition.name in names


def run_ranks(
    tasks: Sequence[tuple[str, int, dict[str, Any]]], work: Path, workers: int
) -> list[dict[str, Any]]:
    work.mkdir(parents=True, exist_ok=True)
    path = work / "ranks.jsonl"
    lines = read_lines(path)
    if tasks:
        check_stamps(lines, tasks[0][2]["stamp"], path)
    done = {(r["kind"], r["seed"]) for r in lines}
    todo = [t for t in tasks if (t[0], t[1]) not in done]
    with ProcessPoolExecutor(workers) as pool, path.open("a", encoding="utf-8") as out:
        for row in pool.map(ranks_of, todo, chunksize=10):
            out.write(json.dumps(row) + "\n")
    keys = {(t[0], t[1]) for t in tasks}
    return [r for r in read_lines(path) if (r["kind"], r["seed"]) in keys]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("work/steer"))
    parser.add_argument("--data", type=Path, help="folder of real winds (OVERFLIGHT_TEST_DATA)")
    parser.add_argument("--flights", type=int, default=300)
    parser.add_argument("--curve-flights", type=int, default=40)
    parser.add_argument("--rank-flights", type=int, default=200)
    parser.add_argument("--particles", type=int, default=600)
    parser.add_argument("--rank-particles", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="first seed: 100000 and above for trials")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--conditions", nargs="*", default=[], help="names of conditions, all when none")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--tellings", nargs="*", default=list(TELLINGS), choices=list(TELLINGS))
    parser.add_argument("--hypotheses", default="", help="ids with commas, the defaults when empty")
    for name in (
        "factor-log-sd",
        "time-log-sd",
        "time-s",
        "height-scale-m",
        "mixing-km",
        "fast-share",
        "smooth-share",
        "factor",
    ):
        parser.add_argument(f"--{name}", type=float, help="in place of the default belief, for trials")
    parser.add_argument("--ideal-flights", type=int, default=150, help="flights that the ideal weighs too")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="20 flights, 6 for curves, 40 for ranks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plots", type=Path)
    asked = parser.parse_args(argv)
    if asked.quick:
        asked.flights, asked.curve_flights, asked.rank_flights = 20, 6, 40
    if asked.data is None and os.environ.get("OVERFLIGHT_TEST_DATA"):
        asked.data = Path(os.environ["OVERFLIGHT_TEST_DATA"])
    options = options_of(asked)
    result: dict[str, Any] = {}
    if asked.json and asked.json.exists():
        result = json.loads(asked.json.read_text(encoding="utf-8"))
    if result.get("rule", "") != options["stamp"]["rule"]:
        result = {}
    result |= {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "flights": asked.flights, "particles": asked.particles, "seeds_from": asked.first,
        "hypotheses": {h.id: h.prior for h in hypotheses_of(options["hypotheses"])},
        "belief": dataclasses.asdict(belief_of(options)), "threshold": THRESHOLD,
    }  # fmt: skip
    begun = time.monotonic()
    result["rule"] = options["stamp"]["rule"]
    for name in asked.parts:
        try:
            result |= run_part(name, asked, options)
        except OtherRunError as error:
            print(error, file=sys.stderr)
            return 2
        result.setdefault("seconds", {})[name] = round(time.monotonic() - begun)
        begun = time.monotonic()
        if asked.json:
            asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if asked.plots:
        pictures(result, asked.plots)
    return 1 if result.get("failures") else 0


if __name__ == "__main__":
    sys.exit(main())

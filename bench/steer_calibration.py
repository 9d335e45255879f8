"""Calibration of the verdict on made flights: false accusations, power, ranks.

Usage: python bench/steer_calibration.py [--work work/steer] [--data FOLDER] [--flights 300]
       [--curve-flights 40] [--rank-flights 200] [--particles 400] [--parts table curves ranks] [--workers 2]
       [--quick] [--json bench/steer_calibration.json] [--plots docs/steer]

For every condition and kind of flight (`made_drift`) so many flights are made; the analyser weighs all
hypotheses of `overflight.steer` and gives its verdict. He is told the right size of the wind error, half of
it and double (the last two on passive flights; what is asked of them is that nobody is accused). Beside it
runs the *ideal* detector: the same evidence, told the true size, memory, shape and height scale of that
flight's error (`ideal_error`) and that winds mix no further, as the ratio of the true class to the passive
ones, with 2000 particles. Its threshold is the 95th hundredth of passive flights, so its rate of
false accusation is 5 % by making. It knows which kind of steering it is to look for, too, and told half the
size it would accuse many more. The *held* ideal answers the analyser's question under a promise like his: it
weighs the sides, knows all that the ideal does of the error but that the size it is told is the right one or
half of it, and accuses no more than 5 % of passive flights either way: of those of the condition, and of
those of the condition whose error is twice as large and of which it is told half. No detector that keeps that
has more power on the sides' mixture (Neyman and Pearson, with the weights that are least in favour of a
finding); it stands beside the conditions that have such a double.

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
import dataclasses
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from made_drift import KINDS, PASSIVE, Condition
from own_flights import DRAWS, ranks_of
from scipy.stats import beta, binom, chisquare
from steer_lines import (
    BASE,
    SIDE,
    TABLE,
    TELLINGS,
    OtherRunError,
    belief_of,
    check_stamps,
    hypotheses_of,
    run_flight,
    sizes_believed,
    stamp_of,
)

from overflight import __version__
from overflight.steer.hypotheses import Hypothesis
from overflight.steer.verdict import ACCUSING, THRESHOLD

Float64s = npt.NDArray[np.float64]

WORD = {"steered": "steered", "not wind": "not moved by wind"}
NOT_DRIFTED = "did not drift"
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
# Conditions with those of twice their error: who is told half of the latter is told the same.
DOUBLES = {"1 h, 2 m/s": "1 h, 4 m/s", "6 h, 2 m/s": "6 h, 4 m/s"}
# Fewer fields than these give no bounds by a bootstrap worth the name.
MANY_FIELDS, BOOTSTRAPS = 20, 2000
PARTS = ("table", "curves", "ranks")
RANKED = ("passive_level", "passive_daynight", "altitude_controlled", "propelled")
RANK_BINS = 16
THRESHOLDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


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


def own_score(
    row: dict[str, Any], kind: str, hypotheses: Sequence[Hypothesis], telling: str = "right"
) -> float:
    """Return ln of the ratio of likelihoods of one kind and of the passive side, as the ideal's."""
    found = dict(zip((h.id for h in hypotheses), row["told"][telling]["log_evidence"], strict=True))
    passive = [found[h.id] for h in hypotheses if h.side == "passive"]
    return float(found[kind] - np.logaddexp.reduce(passive))


def power(
    rows: Sequence[dict[str, Any]],
    kind: str,
    hypotheses: Sequence[Hypothesis],
    doubled: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the verdict's power, the ideal detector's at 5 %, and the areas under both curves.

    `doubled` are flights of the condition with twice the error, for the held ideal.
    """
    side = SIDE[kind]
    true = [r for r in rows if r["kind"] == kind and "told" in r]
    passive = [r for r in rows if r["kind"] in PASSIVE and "told" in r]
    said = [r["told"]["right"]["word"] for r in true]
    found = rate(sum(w in (WORD[side], NOT_DRIFTED) for w in said), len(true))
    named = rate(said.count(WORD[side]), len(true))
    ours = area(
        [own_score(r, kind, hypotheses) for r in passive], [own_score(r, kind, hypotheses) for r in true]
    )
    odds = [[score(r, hypotheses) for r in group] for group in (passive, true)]
    sides = area(*odds)
    out: dict[str, Any] = {
        "power": found,
        "named": named,
        "area": round(ours, 4),
        "side_area": round(sides, 4),
    }
    weighed = [[r for r in group if "ideal" in r] for group in (passive, true)]
    if all(weighed):
        none, some = ([ideal_score(r, kind) for r in group] for group in weighed)
        limit = float(np.quantile(none, 1.0 - ALPHA))
        best = {"power": rate(int(np.sum(np.array(some) > limit)), len(some)), "area": area(none, some)}
        same = area(*([own_ratio(r, kind) for r in group] for group in weighed))
        odds_same = area(*([score(r, hypotheses) for r in group] for group in weighed))
        out |= {
            "ideal": best["power"],
            "share_of_ideal": share(found, best["power"]),
            "ideal_area": round(best["area"], 4),
            # Areas on the flights that the ideal weighed, with as many particles as the ideal's.
            "area_same_flights": round(same, 4),
            "area_short": round(best["area"] - same, 4),
            "side_area_short": round(best["area"] - odds_same, 4),
            "ideal_threshold": round(limit, 2),
        }
        if twice := [r for r in doubled if r["kind"] in PASSIVE and "ideal" in r]:
            kept = held(weighed[0], twice, weighed[1], side)
            out |= {"held": kept, "share_of_held": share(found, kept)}
        # Our evidence at the ideal's own rate of false accusation: what the prior and the threshold cost.
        ours_limit = float(np.quantile(odds[0], 1.0 - ALPHA))
        out["power_at_5"] = round(float(np.mean(np.array(odds[1]) > ours_limit)), 4)
    return out


def share(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    return round(float(ours["rate"] / max(theirs["rate"], 1e-9)), 3)


def ideal_score(row: dict[str, Any], kind: str) -> float:
    """Return ln of the ratio of likelihoods of a kind and of the passive ones, told the truth."""
    return float(row["ideal"]["true"][kind] - passive_evidence(row, "true"))


def own_ratio(row: dict[str, Any], kind: str) -> float:
    """Return the same ratio as the analyser has it who is told the size, with the ideal's particles."""
    return float(row["own"][kind] - np.logaddexp.reduce([row["own"][k] for k in PASSIVE]))


def passive_evidence(row: dict[str, Any], size: str) -> float:
    return float(np.logaddexp.reduce([row["ideal"][size][k] for k in PASSIVE]))


def held_scores(rows: Sequence[dict[str, Any]], side: str, telling: str, weight: float) -> Float64s:
    """Return ln of the ratio of a side and the passive one, of who was told a size that may be half the true.

    The side is as likely as it is at the size told; drifting has `weight` on twice that size.
    """
    told, twice = {"right": ("true", "double"), "half": ("half", "true")}[telling]
    kinds = [k for k in KINDS if SIDE[k] == side]
    # What no wind moves has one likelihood, whatever the size.
    other = [[r["ideal"][told].get(k, r["ideal"]["true"][k]) for k in kinds] for r in rows]
    some = [[passive_evidence(r, size) for r in rows] for size in (told, twice)]
    with np.errstate(divide="ignore"):
        drifting = np.logaddexp(some[0] + np.log1p(-weight), some[1] + np.log(weight))
    return np.asarray(np.logaddexp.reduce(np.array(other), axis=1) - drifting)


def held(
    passive: Sequence[dict[str, Any]],
    doubled: Sequence[dict[str, Any]],
    true: Sequence[dict[str, Any]],
    side: str,
) -> dict[str, Any]:
    """Return the power of the best detector that accuses 5 % at most, whether it was told right or half.

    `doubled` are passive flights with twice the error, of which it is told the same. The weight is the best
    on these very flights: that flatters the detector, if anything.
    """
    most = 0
    for weight in np.linspace(0.0, 1.0, 41):
        none = [held_scores(passive, side, "right", weight), held_scores(doubled, side, "half", weight)]
        limit = max(float(np.quantile(scores, 1.0 - ALPHA)) for scores in none)
        most = max(most, int(np.sum(held_scores(true, side, "right", weight) > limit)))
    return rate(most, len(true))


def table(rows: Sequence[dict[str, Any]], hypotheses: Sequence[Hypothesis]) -> dict[str, Any]:
    out: dict[str, Any] = {"conditions": {}, "pooled": {}}
    for name in dict.fromkeys(r["condition"] for r in rows):
        part = [r for r in rows if r["condition"] == name]
        doubled = [r for r in rows if r["condition"] == DOUBLES.get(name)]
        out["conditions"][name] = {
            "left_out": sum("left_out" in r for r in part),
            "flights": {k: sum(r["kind"] == k and "told" in r for r in part) for k in KINDS},
            "false_accusation": {t: accusations(part, t) for t in TELLINGS},
            "by_kind": {
                t: {k: accusations([r for r in part if r["kind"] == k], t)["rate"] for k in PASSIVE}
                for t in TELLINGS
            },
            "power": {k: power(part, k, hypotheses, doubled) for k in KINDS if k not in PASSIVE},
            "words": {k: words(part, k) for k in KINDS},
            "by_threshold": by_threshold(part, hypotheses),
        }
    out["pooled"] = {t: accusations(rows, t) for t in TELLINGS}
    counts = [out["pooled"][t] for t in TELLINGS]
    out["pooled"]["all"] = rate(sum(c["hits"] for c in counts), sum(c["of"] for c in counts))
    return out


def by_threshold(rows: Sequence[dict[str, Any]], hypotheses: Sequence[Hypothesis]) -> dict[str, Any]:
    """Return what other thresholds would do, by the odds that it did not drift and nothing else.

    For each threshold the share of passive flights accused, by how they were told, and the power on commanded
    and propelled flights as a share of the ideal's.
    """
    passive = [r for r in rows if r["kind"] in PASSIVE and "told" in r]
    out: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        odds = math.log(threshold / (1.0 - threshold))
        row: dict[str, Any] = {
            t: round(float(np.mean([score(r, hypotheses, t) > odds for r in passive if t in r["told"]])), 4)
            for t in TELLINGS
            if any(t in r["told"] for r in passive)
        }
        for kind in ("altitude_controlled", "propelled"):
            best = power(rows, kind, hypotheses).get("ideal")
            own = [score(r, hypotheses) > odds for r in rows if r["kind"] == kind and "told" in r]
            if best and own:
                row[kind] = round(float(np.mean(own)) / max(best["rate"], 1e-9), 3)
        out[f"{threshold:g}"] = row
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
                fields = one["by_field"]
                few = "" if fields["enough"] else f", but of {fields['fields']} fields only"
                out.append(
                    f"{name}, told {telling}: {one['rate']:.1%} accused, at least {one['low']:.1%}, "
                    f"by fields {fields['low']:.1%}{few}"
                )
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


def held_failures(found: dict[str, Any]) -> list[str]:
    """Return where less is reached than half the power of the held ideal."""
    out = []
    for name, part in found["conditions"].items():
        for kind, one in part["power"].items():
            if one.get("share_of_held", 1.0) < 0.5:
                out.append(f"{name}: power on {kind} {one['share_of_held']:.2f} of the held ideal's")
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
    heads = ("power", "ideal", "held", "at 5 %", "area", "ideal")
    print(f"\n{'condition':24}{'kind':22}" + "".join(f"{head:>8}" for head in heads))
    for name, part in found["conditions"].items():
        for kind, one in part["power"].items():
            rates = [one.get(k, {"rate": math.nan})["rate"] for k in ("power", "ideal", "held")]
            areas = [one.get(k, math.nan) for k in ("area_same_flights", "ideal_area")]
            print(
                f"{name:24}{kind:22}"
                + "".join(f"{r:8.2f}" for r in (*rates, one.get("power_at_5", math.nan)))
                + "".join(f"{a:8.3f}" for a in areas)
            )
    for line in failures(found) or ["All demands are met."]:
        print(line)
    for line in held_failures(found) or ["Half the power of the held ideal is reached beside it."]:
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
        return {
            "table": found,
            "reliability": reliability(rows, hypotheses),
            "failures": failures(found),
            "held_failures": held_failures(found),
        }
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


def run_of(name: str, asked: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a part was made with."""
    flights = {"table": asked.flights, "curves": asked.curve_flights, "ranks": asked.rank_flights}
    particles = asked.rank_particles if name == "ranks" else asked.particles
    return {
        "rule": options["stamp"]["rule"], "flights": flights[name], "particles": particles,
        "seeds_from": asked.first, "ideal_flights": asked.ideal_flights if name == "table" else 0,
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("work/steer"))
    parser.add_argument("--data", type=Path, help="folder of real winds (OVERFLIGHT_TEST_DATA)")
    parser.add_argument("--flights", type=int, default=300)
    parser.add_argument("--curve-flights", type=int, default=40)
    parser.add_argument("--rank-flights", type=int, default=200)
    parser.add_argument("--particles", type=int, default=400)
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
    result |= {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "hypotheses": {h.id: h.prior for h in hypotheses_of(options["hypotheses"])},
        "belief": dataclasses.asdict(belief_of(options)), "sizes": sizes_believed(), "threshold": THRESHOLD,
    }  # fmt: skip
    for name in asked.parts:
        begun = time.monotonic()
        try:
            result |= run_part(name, asked, options)
        except OtherRunError as error:
            print(error, file=sys.stderr)
            return 2
        # A part keeps the rule that it was made with: one that is run again leaves the others as they were.
        result.setdefault("runs", {})[name] = run_of(name, asked, options) | {
            "seconds": round(time.monotonic() - begun)
        }
        if asked.json:
            asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if asked.plots:
        pictures(result, asked.plots)
    return 1 if result.get("failures") else 0


if __name__ == "__main__":
    sys.exit(main())

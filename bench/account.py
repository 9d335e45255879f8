"""Do the hard bounds of the account always hold on the twin, and its intervals as often as they say?

    nice -n 10 python bench/account.py [--exercises 204] [--samples 2000] [--json bench/account.json]

Each exercise flies a balloon of the twin through made winds past made sites, with a payload of the twin (a
camera that pictures sites in its reach by day, a receiver that records radars it hears, housekeeping, a
recorder, links that fail). The analyst has: the flight to some 14 km, sites, sensors and links by name,
priors, and true statements: what was read of a recorder that came down, how many of its blocks that was, its
size, messages caught on their way, by chance each. The model of the payload (`custody.posterior_account`)
is not the twin's: no camera, no pictures one by one, no radio, hours instead of minutes.

Two exercises of three draw their parameters from the priors that the analyst states; the third of three puts
one or more of them outside. The hard bounds must hold in all. Posterior intervals of 90 % are counted for the
quantities that are neither zero nor certain, in those inside the priors and in the others apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from overflight.custody.account import ceiling_rows, evidence_rows, solve_account
from overflight.custody.ceilings import aloft_hours, link_ceilings
from overflight.custody.evidence import (
    CLASSES,
    QUANTITIES,
    Account,
    Evidence,
    LinkPlan,
    Sensor,
    Storage,
)
from overflight.custody.links import BITS, service
from overflight.custody.posterior_account import LEAST_EFFECTIVE, draw_account, make_setting
from overflight.custody.priors import Prior, quantile
from overflight.custody.storage import POLICIES, Policy, Recorder
from overflight.places.sites import Site
from overflight.records import make_ensemble
from overflight.twin.fate import BLOCK_FRAMES
from overflight.twin.flight import TwinFlight
from overflight.twin.made import make_exercise, settled_sites
from overflight.twin.memory import payload_of, site_radars
from overflight.twin.payload import HOUSEKEEPING, PICTURE, PayloadLog, run_payload
from overflight.twin.scenario import RecorderPlan
from overflight.twin.scenarios import load_scenario
from overflight.twin.sky import CloudField, Sky
from overflight.units import EARTH_RADIUS_M, HOUR_S

# What the analyst believes; the exercises inside draw from it.
PRIORS = {
    "picture_bps": Prior("loguniform", 3e5, 1e7),
    "signal_bps": Prior("loguniform", 1e3, 1e5),
    "housekeeping_bps": Prior("loguniform", 1.0, 100.0),
    "camera_duty": Prior("uniform", 0.1, 0.9),
    "receiver_duty": Prior("uniform", 0.1, 0.9),
    "capacity_bytes": Prior("loguniform", 2e8, 2e10),
    "availability": Prior("uniform", 0.2, 0.95),
    "recovered_share": Prior("uniform", 0.1, 1.0),
}
# Multiplied or replaced, outside: beyond either end of the prior.
OUTSIDE = {
    "picture_bps": (6e4, 4e7),
    "signal_bps": (100.0, 1e6),
    "camera_duty": (0.02, 1.0),
    "receiver_duty": (0.02, 1.0),
    "capacity_bytes": (2e7, 2e11),
    "availability": (0.03, 1.0),
}
LINKS = {"certus_100": 0.7, "iridium_rudics": 0.5}
SHARE_KNOWN = 0.05
# Where nothing of a class was found: a block of items at the middle of the prior.
UNSEEN_LUMP = (4e8, 2.4e6, 1500.0)
CYCLE_H, LINK_CYCLE_H, EMITTER_DUTY = 12.0, 8.0, 0.6
POLICY = Prior("choice", of=POLICIES, weights=(0.2, 0.5, 0.3))
# The most that the twin's camera and receiver can make: whole pictures of every site each 20 s; every radar.
CAMERA_MAX_BPS, RECEIVER_MAX_BPS, HOUSEKEEPING_MAX_BPS = 5 * 8 * 72e6 / 20.0, 5 * 1e7, 1e4
# A picture each minute and one look each minute, and what is said each ten minutes.
PICTURE_S, HOUSEKEEPING_S = 60.0, 600.0
PATHS, PATH_ERROR_M = 12, 10e3


@dataclass(frozen=True)
class Sortie:
    """A flight with its sites, for several exercises."""

    flight: TwinFlight
    sites: tuple[Site, ...]
    ensemble: xr.Dataset


def sortie(seed: int) -> Sortie:
    """Fly one scenario of the twin, and make the analyst's ensemble of it."""
    names = ("lost-and-recovered", "altitude-steered-crossing", "superpressure-drifter")
    base = load_scenario("lost-and-recovered")
    other = load_scenario(names[seed % len(names)])
    scenario = replace(
        base,
        flights=other.flights,
        subject=other.subject,
        start=other.start,
        recorder=None,
        observers=base.observers[:1],
    )
    made = make_exercise(scenario, seed)
    flight = made.flights[scenario.subject]
    sites = tuple(settled_sites(scenario, made.scene, seed))
    return Sortie(flight, sites, members_of(flight, np.random.default_rng((seed, 5))))


def members_of(flight: TwinFlight, rng: np.random.Generator) -> xr.Dataset:
    """Return paths about the true one, displaced by a few kilometres that change over half a day."""
    time_s = flight.time_s[::10]
    hours = (time_s - time_s[0]) / HOUR_S
    nodes = np.arange(0.0, hours[-1] + 12.0, 12.0)
    # The middle of the members is as far from the truth as they are from it: the truth might be one of them.
    off = rng.normal(0.0, PATH_ERROR_M, (2, PATHS, nodes.size))
    off += rng.normal(0.0, PATH_ERROR_M, (2, 1, nodes.size))
    east, north = (np.array([np.interp(hours, nodes, row) for row in one]) for one in off)
    lat = flight.lat_deg[::10] + np.degrees(north / EARTH_RADIUS_M)
    lon = flight.lon_deg[::10] + np.degrees(east / EARTH_RADIUS_M / np.cos(np.radians(lat)))
    alt = np.broadcast_to(flight.alt_m[::10], lat.shape)
    aloft = np.isfinite(lat + lon + alt)
    return make_ensemble(
        kind="posterior", time_s=time_s, lon_deg=lon, lat_deg=lat, alt_m=alt,
        pressure_pa=np.where(aloft, 7000.0, np.nan), status=np.where(aloft, 0, 2),
    )  # fmt: skip


def truth_of(sortie_: Sortie, rng: np.random.Generator, outside: bool) -> dict[str, Any]:
    """Draw a payload's parameters: from the priors, or with one to three of them beyond."""
    drawn: dict[str, Any] = {name: float(quantile(p, rng.random())) for name, p in PRIORS.items()}
    if outside:
        names = list(OUTSIDE)
        for n in rng.choice(len(names), int(rng.integers(1, 4)), replace=False):
            ends = OUTSIDE[names[int(n)]]
            drawn[names[int(n)]] = float(ends[int(rng.integers(2))])
    drawn["policy"] = POLICY.of[int(quantile(POLICY, rng.random()))]
    drawn["links"] = [name for name, p in LINKS.items() if rng.random() < p]
    return drawn


def windows(
    share: float, span: tuple[float, float], rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:
    """Draw when a sensor works: spells with exponential lengths."""
    begin, end = span
    if share >= 1.0:
        return ((begin, end + 1.0),)
    out, at, on = [], begin, bool(rng.random() < share)
    while at < end:
        length = float(rng.exponential(CYCLE_H * HOUR_S * (share if on else 1.0 - share)))
        if on:
            out.append((at, at + length))
        at, on = at + length, not on
    return tuple(out)


def fly_payload(sortie_: Sortie, drawn: dict[str, Any], rng: np.random.Generator, seed: int) -> PayloadLog:
    """Run the twin's payload with these parameters along the flight."""
    span = (float(sortie_.flight.time_s[0]), float(sortie_.flight.time_s[-1]))
    policies: dict[str, Policy] = {str(p): p for p in POLICIES}
    base = payload_of(RecorderPlan(picture_s=PICTURE_S))
    picture = max(int(drawn["picture_bps"] * PICTURE_S / BITS), 1)
    up = LINK_CYCLE_H * HOUR_S * drawn["availability"]
    failing = LINK_CYCLE_H * HOUR_S - up
    links = tuple(
        service(name) if failing <= 0.0 else replace(service(name), time_up_s=up, time_down_s=failing)
        for name in drawn["links"]
    )
    payload = replace(
        base,
        imagers=tuple(
            replace(i, picture_bytes=picture, active=windows(drawn["camera_duty"], span, rng))
            for i in base.imagers
        ),
        listeners=tuple(
            replace(
                one, rate_bps=drawn["signal_bps"] / EMITTER_DUTY,
                active=windows(drawn["receiver_duty"], span, rng),
            )
            for one in base.listeners
        ),
        housekeeping=replace(
            base.housekeeping, period_s=HOUSEKEEPING_S,
            size_bytes=max(round(drawn["housekeeping_bps"] * HOUSEKEEPING_S / BITS), 1),
        ) if base.housekeeping else None,
        recorder=Recorder(capacity_bytes=drawn["capacity_bytes"], policy=policies[drawn["policy"]]),
        links=links,
    )  # fmt: skip
    sky = Sky(clouds=CloudField(mean_cover=0.5))
    emitters = [replace(e, duty=EMITTER_DUTY) for e in site_radars(sortie_.sites)]
    return run_payload(payload, sortie_.flight, sortie_.sites, emitters, sky, seed=seed)


def classes_of(log: PayloadLog) -> Any:
    """Return the index of each item's class."""
    return np.where(log.kind == PICTURE, 0, np.where(log.kind == HOUSEKEEPING, 2, 1))


def fate_of(log: PayloadLog, share: float, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """Read some blocks of the recorder; return true amounts (classes, quantities), and lumps of them."""
    kept = np.flatnonzero(np.isfinite(log.stored_at) & np.isnan(log.lost_at))
    blocks = -(-kept.size // BLOCK_FRAMES)
    read = set(rng.permutation(blocks)[: round(share * blocks)].tolist())
    found = kept[[i // BLOCK_FRAMES in read for i in range(kept.size)]] if kept.size else kept
    kind = classes_of(log)
    size, sent = log.size_bytes.astype(float), log.sent_bytes.astype(float)

    def sums(rows: Any, amount: Any) -> Any:
        return np.bincount(kind[rows], weights=amount[rows], minlength=len(CLASSES))

    every = np.arange(size.size)
    out = np.setdiff1d(every, found)
    table = {
        "collected": sums(every, size), "sent": sums(every, sent), "kept": sums(kept, size),
        "deleted": sums(np.setdiff1d(every, kept), size), "recovered": sums(found, size),
        "altered": np.zeros(len(CLASSES)), "unaccounted": sums(out, size - sent), "both": sums(found, sent),
    }  # fmt: skip
    # What came in each block that was read tells how large the lumps are that reading gains or loses.
    lumps = np.zeros(len(CLASSES))
    for k in range(len(CLASSES)):
        mine = [
            size[kept[b * BLOCK_FRAMES : (b + 1) * BLOCK_FRAMES]][
                kind[kept[b * BLOCK_FRAMES : (b + 1) * BLOCK_FRAMES]] == k
            ].sum()
            for b in sorted(read)
        ]
        lumps[k] = float(np.square(mine).sum() / np.sum(mine)) if np.sum(mine) > 0.0 else UNSEEN_LUMP[k]
    return np.array([table[q] for q in QUANTITIES]).T, {"lumps": lumps}


def account_of(
    sortie_: Sortie, drawn: dict[str, Any], amounts: Any, seen: dict[str, Any], rng: np.random.Generator
) -> Account:
    """Return what the analyst has: sensors and links by name, his priors, and true statements."""
    at = {q: n for n, q in enumerate(QUANTITIES)}
    sensors = (
        Sensor(
            id="camera", artefact="images", max_bps=CAMERA_MAX_BPS, rate_bps=PRIORS["picture_bps"],
            duty=PRIORS["camera_duty"], cycle_h=CYCLE_H, per="site", least_elevation_deg=20.0, daylight=True,
        ),
        Sensor(
            id="receiver", artefact="signals", max_bps=RECEIVER_MAX_BPS, rate_bps=PRIORS["signal_bps"],
            duty=PRIORS["receiver_duty"], cycle_h=CYCLE_H, per="site", priority=2,
        ),
        Sensor(
            id="housekeeping", artefact="telemetry", max_bps=HOUSEKEEPING_MAX_BPS,
            rate_bps=PRIORS["housekeeping_bps"], priority=3, item_s=HOUSEKEEPING_S,
        ),
    )  # fmt: skip
    rows: list[Evidence] = []
    share = PRIORS["recovered_share"]
    if rng.random() < 0.5:
        # The laboratory knows how many of the memory's blocks it could read, to a twentieth; it does not know
        # what was in the others.
        read = drawn["recovered_share"] + SHARE_KNOWN * rng.uniform(-1.0, 1.0)
        share = Prior("uniform", max(read - SHARE_KNOWN, 0.01), min(read + SHARE_KNOWN, 1.0))
        rows += [
            Evidence(
                id=f"recovered-{name}", kind="recovered_exactly", artefact=name, source="the laboratory",
                amount=float(amounts[k, at["recovered"]]), sd=0.02,
                grain_bytes=float(max(seen["lumps"][k], 1.0)),
            )
            for k, name in enumerate(CLASSES)
        ]  # fmt: skip
        rows.append(
            Evidence(id="recorder", kind="recorder_size", amount=drawn["capacity_bytes"], source="its label")
        )
    if rng.random() < 0.6:
        # Messages caught on their way: some share of what was sent, of any class.
        caught = np.floor(rng.uniform(0.2, 0.9) * amounts[:, at["sent"]].sum())
        rows.append(Evidence(id="caught", kind="sent_at_least", amount=float(caught), source="a listener"))
    plans = tuple(
        LinkPlan(link=service(name), used=p, availability=PRIORS["availability"], cycle_h=LINK_CYCLE_H)
        for name, p in LINKS.items()
    )
    return Account(
        complete=(*CLASSES, "links"), sensors=sensors,
        storage=Storage(most_bytes=1e12, capacity_bytes=PRIORS["capacity_bytes"], policy=POLICY),
        links=plans, evidence=tuple(rows), recovered_share=share,
    )  # fmt: skip


def exercise(sortie_: Sortie, seed: int, outside: bool, samples: int) -> dict[str, Any]:
    """Fly, ask, and compare with the truth."""
    rng = np.random.default_rng((seed, 9))
    drawn = truth_of(sortie_, rng, outside)
    log = fly_payload(sortie_, drawn, rng, seed)
    amounts, seen = fate_of(log, drawn["recovered_share"], rng)
    account = account_of(sortie_, drawn, amounts, seen, rng)
    hours = aloft_hours(sortie_.ensemble)
    most = sum(c.most for c in link_ceilings([p.link for p in account.links], sortie_.ensemble))
    hard = solve_account((*evidence_rows(account.evidence), *ceiling_rows(account, hours, most)))
    begun = time.perf_counter()
    draws = draw_account(
        account, make_setting(account, sortie_.ensemble, sortie_.sites, hours), samples=samples, seed=seed
    )
    took = time.perf_counter() - begun
    rows = []
    for scope in (*CLASSES, "all"):
        for n, quantity in enumerate(QUANTITIES):
            true = float(amounts[:, n].sum() if scope == "all" else amounts[CLASSES.index(scope), n])
            bound = hard.of(scope, quantity)
            low, high = bound.low.value or 0.0, bound.high.value
            holds = low * (1.0 - 1e-9) - 1.0 <= true and (high is None or true <= high * (1.0 + 1e-9) + 1.0)
            row: dict[str, Any] = {"scope": scope, "quantity": quantity, "true": true, "hard": holds}
            told = draws.interval(scope, quantity)
            certain = (scope, quantity) in draws.given or (high is not None and high - low <= 1.0)
            if told is not None and true > 0.0 and not certain:
                row |= {"told": told, "inside": told[0] <= true <= told[2]}
            rows.append(row)
    return {
        "seed": seed, "outside": outside, "evidence": [e.kind for e in account.evidence],
        "effective": draws.effective, "log_evidence": draws.log_evidence, "seconds": took, "rows": rows,
    }  # fmt: skip


def summary(done: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count what held."""
    out: dict[str, Any] = {}
    for name, wanted in (("inside", False), ("outside", True)):
        some = [one for one in done if one["outside"] is wanted]
        rows = [row for one in some for row in one["rows"]]
        asked = [row for row in rows if "inside" in row]
        out[name] = {
            "exercises": len(some),
            "hard_bounds": len(rows),
            "hard_held": sum(row["hard"] for row in rows),
            "intervals": len(asked),
            "held": sum(row["inside"] for row in asked),
            "share": sum(row["inside"] for row in asked) / max(len(asked), 1),
            "few_draws": sum(one["effective"] < LEAST_EFFECTIVE for one in some),
            "by_quantity": _shares(asked, "quantity"),
            "by_class": _shares(asked, "scope"),
            "with_recovery": _share(some, True),
            "without_recovery": _share(some, False),
        }
    return out


def _share(some: Sequence[dict[str, Any]], recovered: bool) -> list[float]:
    rows = [
        row
        for one in some
        if ("recorder_size" in one["evidence"]) is recovered
        for row in one["rows"]
        if "inside" in row
    ]
    return [len(rows), sum(row["inside"] for row in rows) / max(len(rows), 1)]


def _shares(rows: Sequence[dict[str, Any]], key: str) -> dict[str, list[float]]:
    names = dict.fromkeys(str(row[key]) for row in rows)
    out = {}
    for name in names:
        mine = [row["inside"] for row in rows if row[key] == name]
        out[name] = [len(mine), sum(mine) / len(mine)]
    return out


def main() -> None:
    """Run the exercises, print the table, store it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exercises", type=int, default=204)
    parser.add_argument("--each", type=int, default=4, help="exercises a flight")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begun, cpu = time.perf_counter(), time.process_time()
    done: list[dict[str, Any]] = []
    flown: Sortie | None = None
    for n in range(given.exercises):
        if n % given.each == 0 or flown is None:
            flown = sortie(1000 * given.seed + n // given.each)
        done.append(exercise(flown, 100_000 * given.seed + n, n % 3 == 2, given.samples))
        if n % 20 == 19:
            print(f"{n + 1} exercises, {time.perf_counter() - begun:.0f} s", flush=True)
    found = summary(done)
    for name, row in found.items():
        print(
            f"{name} the priors: {row['exercises']} exercises, hard bounds held {row['hard_held']} of "
            f"{row['hard_bounds']}, intervals of 90 % held {row['held']} of {row['intervals']} "
            f"({100 * row['share']:.1f} %), too few draws in {row['few_draws']}"
        )
        for kind in ("by_quantity", "by_class"):
            print("   ", ", ".join(f"{k} {100 * v[1]:.0f} % of {v[0]}" for k, v in row[kind].items()))
        for kind in ("with_recovery", "without_recovery"):
            print("   ", kind, f"{100 * row[kind][1]:.1f} % of {row[kind][0]}")
    print(f"{time.perf_counter() - begun:.0f} s, {time.process_time() - cpu:.0f} s of processor")
    if given.json:
        about = {
            "exercises": given.exercises, "samples": given.samples, "seed": given.seed,
            "seconds": round(time.perf_counter() - begun), "python": platform.python_version(),
            "cpu": os.cpu_count(), "numpy": np.__version__,
        }  # fmt: skip
        given.json.write_text(json.dumps({"run": about, "result": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""One made flight, weighed and judged, as a line of the calibration; and what lines were made with.

`steer_calibration.py` runs these and counts. What is in here, in `own_flights.py`, `made_drift.py` and
`ideal_error.py` and in the modules of the package named in `sources` decides what a line says: its hash is in
every line.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ideal_error import true_error
from made_drift import PASSIVE, Condition, MadeFlight, make_flight

from overflight import reconstruct, steer
from overflight.compiled import threads
from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.guided import filter_flight
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import Air, make_air
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, KNOWN_HYPOTHESES, Hypothesis
from overflight.steer.settle import weigh_until_settled
from overflight.steer.verdict import judge
from overflight.winds.error import (
    ANALYSIS_SIZE_LOG_SD,
    ANALYSIS_SIZE_MPS,
    STATED_SIZE_LOG_SD,
    believed_size,
)

Float64s = npt.NDArray[np.float64]

SIDE = {h.id: h.side for h in KNOWN_HYPOTHESES.values()}
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
# What the ideal is told of the size, as a multiple of the true one. The first is the truth; with the others
# an ideal can be made that keeps a promise for any telling (`steer_calibration.held`).
SIZES = {"true": 1.0, "half": 0.5, "double": 2.0}
# As many as the analyser gets where the verdict is open.
IDEAL_PARTICLES = 2000


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


def belief_of(options: dict[str, Any], stated_mps: float | None = None) -> WindErrorBelief:
    """Return what is believed of the wind error: the default, with options for trials.

    A stated size is that of an analysis, beside which counts what analyses are known to have; without one the
    winds state all of their error themselves (`steer.evidence.belief_of`).
    """
    names = ("factor_log_sd", "time_log_sd", "time_s", "height_scale_m", "mixing_km", "fast_share")
    names += ("smooth_share", "factor")
    size = {}
    if stated_mps is not None:
        size_mps, log_sd = believed_size(stated_mps)
        size = {"factor": size_mps / stated_mps, "factor_log_sd": log_sd}
    return WindErrorBelief(**size | {n: options[n] for n in names if options.get(n) is not None})


def sizes_believed() -> dict[str, float]:
    """Return what is believed of the size of an analysis' error, in place of the belief's own factor."""
    return {
        "median_mps": ANALYSIS_SIZE_MPS,
        "log_sd": ANALYSIS_SIZE_LOG_SD,
        "stated_log_sd": STATED_SIZE_LOG_SD,
    }


def stated_mps(flight: MadeFlight, condition: Condition, telling: float) -> float | None:
    """Return the size of the error that is told of an analysis; soundings state theirs at every place."""
    if condition.field == "darwin":
        return None
    return telling * math.sqrt(0.5 * sum(e**2 for e in flight.error_mps))


def run_flight(task: tuple[Condition, str, int, dict[str, Any]]) -> dict[str, Any]:
    """Make, weigh and judge one flight; return its line."""
    condition, kind, seed, options = task
    begun = time.process_time()
    with threads(1):
        flight = make_flight(kind, condition, seed, options["data"])
        frame, fixes = laid_out(flight, condition.fix_sd_m, condition.alt_sd_m)
        hypotheses = hypotheses_of(options["hypotheses"])
        row: dict[str, Any] = {
            "condition": condition.name, "kind": kind, "seed": seed, **options["stamp"],
            "variant": flight.variant, "weather": flight.weather,
            "numbers": {k: round(float(v), 2) for k, v in flight.numbers.items()}, "told": {},
        }  # fmt: skip
        for name in options["tellings"] if kind in PASSIVE else ("right",):
            air = air_of(flight, frame, TELLINGS[name])
            belief = belief_of(options, stated_mps(flight, condition, TELLINGS[name]))
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
            row["ideal"] = ideal_evidences(flight, true_error(flight, condition).belief, fixes, frame)
            belief = belief_of(options, stated_mps(flight, condition, 1.0))
            row["own"] = evidences(asked_of(kind), flight, 1.0, belief, fixes, frame)
    row["cpu_s"] = round(time.process_time() - begun, 3)
    return row


def asked_of(kind: str) -> list[Hypothesis]:
    """Return the hypotheses that ratios of likelihoods take: all of a passive flight, else of its side."""
    return [h for h in DEFAULT_HYPOTHESES if SIDE[kind] == "passive" or h.side in ("passive", SIDE[kind])]


def evidences(
    hypotheses: Iterable[Hypothesis],
    flight: MadeFlight,
    telling: float,
    belief: WindErrorBelief,
    fixes: Fixes,
    frame: Frame,
) -> dict[str, float]:
    """Return log evidences with the particles of the ideal, for who is told so many times the true size."""
    air = air_of(flight, frame, telling)
    return {
        h.id: round(
            filter_flight(
                h.model, fixes, air, belief, frame=frame, particles=IDEAL_PARTICLES, seed=flight.seed, draws=8
            ).log_evidence,
            3,
        )
        for h in hypotheses
    }


def ideal_evidences(
    flight: MadeFlight, belief: WindErrorBelief, fixes: Fixes, frame: Frame
) -> dict[str, dict[str, float]]:
    """Return by size told the log evidences of who knows all else of the error.

    Those that a likelihood ratio takes: of the true side, where that is not passive, and of the passive ones
    at the true size and, for who must think the true size twice what he is told, at double. Of passive
    flights also all that those ratios take who was told half.
    """
    passive = [h for h in DEFAULT_HYPOTHESES if h.side == "passive"]
    wanted = {"true": asked_of(flight.kind), "double": passive}
    if flight.kind in PASSIVE:
        wanted["half"] = [h for h in DEFAULT_HYPOTHESES if h.side in ("passive", "steered")]
    return {told: evidences(some, flight, SIZES[told], belief, fixes, frame) for told, some in wanted.items()}


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
    bench = [here / "made_drift.py", here / "ideal_error.py", here / "own_flights.py", Path(__file__)]
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

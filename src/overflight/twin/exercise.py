"""Write an exercise: a case folder for the analyst and, apart, the sealed truth.

::

    Scenario + seed ─► weather ─► flights ─► observers ─► sightings.csv, sites, areas, claims ─┐
                          │          │                                                         ├─► case folder
                          │          └─► payload ─► frames ─► their fate ─► *.frames ──────────┤
                          └─► analyst's winds, sondes, other balloons ─────────────────────────┘
                                     └─► truth.json, truth.nc ─► seal ─► the case's title

The same scenario and seed give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from overflight.errors import InputError
from overflight.twin.casefile import case_toml, case_window, place_rows, readme, write_case, write_text, zones
from overflight.twin.flight import TwinFlight
from overflight.twin.made import Made, make_exercise
from overflight.twin.reports import Track, true_row
from overflight.twin.scenario import FlightPlan, Invented, Scenario
from overflight.twin.truth import VERSION, truth_ensemble, write_truth

COMMAND_M: Final = 150.0
OWN_SPEED_MPS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where an exercise was written, and its seal."""

    case: Path
    truth: Path
    seal: str
    sightings: int


def write_exercise(
    scenario: Scenario, seed: int, out: str | Path, truth: str | Path | None = None
) -> Written:
    """Write a case folder and the sealed truth.

    Parameters
    ----------
    seed : zero or above; decides weather, starts and everybody's errors.
    out : the case folder, made if need be, empty.
    truth : the folder of the truth; `out` with `.truth` behind it when None.

    Raises
    ------
    InputError
        When a folder is not empty, the truth would lie in the case, or a scenario cannot be flown.
    """
    case = Path(out)
    apart = case.with_name(case.name + ".truth") if truth is None else Path(truth)
    _check_folders(case, apart)
    made = make_exercise(scenario, seed)
    case.mkdir(parents=True, exist_ok=True)
    hashes = write_case(made, case)
    seal = write_truth(apart, truth_data(made, hashes), _ensemble(made))
    write_text(case / "case.toml", case_toml(made, seal, case))
    write_text(case / "README.md", readme(case, seal))
    return Written(case=case, truth=apart, seal=seal, sightings=len(made.reports))


def _check_folders(case: Path, apart: Path) -> None:
    for folder in (case, apart):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(
                "the folder is there already and is not empty",
                file=str(folder),
                remedy="Give another folder; nothing was written.",
            )
    if apart.resolve().is_relative_to(case.resolve()):
        raise InputError("the truth would lie in the case", file=str(apart), remedy="Keep it apart.")


# --- what was true


def truth_data(made: Made, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return everything of the truth but the paths; see docs/exercises.md."""
    plan = made.scenario
    by_id = {t.id: t for t in made.tracks}
    sightings = {
        id_: true_row(r, by_id.get(r.object or plan.subject), made.ids, plan.subject)
        for r, id_ in zip(made.reports, made.ids, strict=True)
    }
    return {
        "schema_version": VERSION,
        "scenario": {"name": plan.name, "title": plan.title, "about": plan.about, "level": plan.level},
        "seed": made.seed,
        "subject": plan.subject or None,
        "moved": plan.moved,
        "objects": [_object(made, one, track) for one, track in zip(plan.flights, made.tracks, strict=True)],
        "sightings": sightings,
        "claims": {c.id: c.holds for c in plan.claims},
        "areas": zones(made),
        "sites": _sites(made),
        "data": None if made.memory is None else made.memory.truth,
        "weather": asdict(plan.weather),
        "observers": [{"type": type(o).__name__, **_settings(o)} for o in plan.observers],
        "case_files": dict(hashes),
    }


def _settings(observer: Any) -> dict[str, Any]:
    return {k: v for k, v in asdict(observer).items() if v is not None}


def _object(made: Made, one: FlightPlan | Invented, track: Track) -> dict[str, Any]:
    flight = made.flights.get(one.id)
    row: dict[str, Any] = {
        "id": one.id,
        "real": track.real,
        "moved": one.moved,
        "balloon": one.balloon if isinstance(one, FlightPlan) else None,
        "start": _state(track, 0),
        "end": _state(track, -1),
        "ended": flight.end if flight is not None else "the track ends",
        "lost": isinstance(one, FlightPlan) and one.lost_h is not None,
        "orders": [],
        "commands": [],
        "own_speed_s": [],
        "notes": [],
    }
    if flight is not None:
        row["orders"] = [
            {"start_s": o.start_s, "behaviour": type(o.behaviour).__name__, **_settings(o.behaviour)}
            for o in flight.orders
        ]
        row["commands"] = commands(flight)
        row["own_speed_s"] = own_speed(flight)
        row["notes"] = list(flight.notes)
    return row


def _state(track: Track, at: int) -> dict[str, float] | None:
    if track.time_s.size == 0:
        return None
    return {
        "time_s": float(track.time_s[at]), "lon_deg": float((track.lon_deg[at] + 180.0) % 360.0 - 180.0),
        "lat_deg": float(track.lat_deg[at]), "alt_m": float(track.alt_m[at]),
    }  # fmt: skip


def commands(flight: TwinFlight) -> list[dict[str, float]]:
    """Return the heights that the pilot asked for, each from its time on: changes over 150 m."""
    asked, last = [], math.nan
    for time_s, alt_m in zip(flight.time_s, flight.commanded_alt_m, strict=True):
        if math.isfinite(alt_m) and not abs(alt_m - last) <= COMMAND_M:
            asked.append({"time_s": float(time_s), "alt_m": float(alt_m)})
            last = float(alt_m)
    return asked


def own_speed(flight: TwinFlight) -> list[list[float]]:
    """Return the stretches [from, to], POSIX seconds, in which it moved through the air by itself."""
    on = np.hypot(flight.airspeed_east_mps, flight.airspeed_north_mps) > OWN_SPEED_MPS
    edge = np.diff(np.concatenate([[0], on.astype(int), [0]]))
    first, last = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1
    return [[float(flight.time_s[a]), float(flight.time_s[b])] for a, b in zip(first, last, strict=True)]


def _sites(made: Made) -> list[dict[str, Any]]:
    numbers = ("lon_deg", "lat_deg", "alt_m")
    return [{"id": r["id"], "name": r["name"], **{k: float(r[k]) for k in numbers}} for r in place_rows(made)]


def _ensemble(made: Made) -> Any:
    attrs = {"title": "Truth of an exercise", "source": "overflight twin", "seed": str(made.seed)}
    return truth_ensemble(made.tracks, case_window(made), attrs)

"""A made-up flight across the Pacific and the United States, in the shapes that the pipeline hands over.

Nothing in it is a result: the path is a polyline with noise, and the names and texts are invented, some of
them hostile on purpose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from overflight.records import Finding, Mark, Sighting, make_ensemble
from overflight.report.result import record_dict
from overflight.times import parse_utc

AREAS = (
    ("USA_AK", "Alaska", 0.997, 318),
    ("CAN", "Canada", 0.99, 372),
    ("USA", "the contiguous United States", 0.999, 413),
    ("MEX", "Mexico", 0.02, 0),
)
HOSTILE = "<script>alert('x')</script>\"'&\u202egnp.exe\u0007"
VERDICTS = {7: "not at its word", 9: "not at its word", 20: "undecided"}
START, END = parse_utc("2023-01-15T00:00Z"), parse_utc("2023-02-04T19:00Z")
WAYPOINTS = np.array(
    [  # hours from START, longitude (unwrapped), latitude, spread in km
        (0, 111, 19, 150),
        (48, 119, 17, 250),
        (120, 131, 20, 500),
        (216, 145, 30, 700),
        (264, 165, 45, 600),
        (317, 192, 55.5, 180),
        (360, 207, 64, 220),
        (400, 235, 56, 150),
        (414, 244, 48.4, 40),
        (430, 250, 47, 25),
        (455, 257, 43.5, 160),
        (469.5, 263.5, 40, 30),
        (475.6, 267.7, 38.9, 15),
        (493.5, 277.5, 35.6, 12),
        (499, 281.1, 33.6, 8),
    ]
)


def ensemble(kind: Any = "posterior", members: int = 160, step_h: float = 3.0, seed: int = 3) -> xr.Dataset:
    """A flight ensemble around `WAYPOINTS`; the last fifth of the members begins five days later."""
    rng = np.random.default_rng(seed)
    hours = np.arange(0.0, 499.0, step_h)
    lon, lat, sd_km = (np.interp(hours, WAYPOINTS[:, 0], WAYPOINTS[:, k]) for k in (1, 2, 3))
    wave = rng.normal(size=(2, members, 1)) * np.sqrt(0.7) + np.sqrt(0.3) * np.sin(
        hours / 30.0 + rng.uniform(0, 6.3, size=(2, members, 1))
    )
    north, east = wave * sd_km / 111.2
    lats = lat + north
    lons = lon + east / np.cos(np.radians(lats))
    alt = 18_300.0 + 400.0 * rng.normal(size=(members, 1)) + 200.0 * np.sin(hours / 20.0)
    pressure = 101_325.0 * np.exp(-alt / 6_600.0)
    scenario = (np.arange(members) >= 0.8 * members).astype(int)
    begun = (hours[None, :] >= 120.0) | (scenario[:, None] == 0)
    return make_ensemble(
        kind=kind,
        time_s=START + hours * 3600.0,
        lon_deg=np.where(begun, lons, np.nan),
        lat_deg=np.where(begun, lats, np.nan),
        alt_m=np.where(begun, alt, np.nan),
        pressure_pa=np.where(begun, pressure, np.nan),
        status=np.where(begun, 0, 1),
        scenario=scenario,
        scenario_names=("early_launch", "late_launch"),
        attrs={"winds": "prior", "seed": "3"},
    )


def sightings() -> list[dict[str, Any]]:
    """Reports along the path, some wrong, one without a place, one hostile, one with a polygon."""
    rows = []
    kinds = (
        "eyewitness_photo",
        "eyewitness_video",
        "official_statement_named",
        "satellite_detection",
        "pilot_report",
    )
    dense = np.concatenate(
        [[2.0, 48.0, 317.0, 325.0, 405.0], np.linspace(418, 434, 14), np.linspace(469, 498, 26)]
    )
    for n, hour in enumerate(dense):
        lon, lat = (float(np.interp(hour, WAYPOINTS[:, 0], WAYPOINTS[:, k])) for k in (1, 2))
        radius = float(np.interp(hour, WAYPOINTS[:, 0], WAYPOINTS[:, 3]))
        rows.append(
            Sighting(
                id=f"S{n:03d}",
                time_start=START + 3600.0 * hour,
                time_end=START + 3600.0 * (hour + (0.2 if hour > 410 else 12.0)),
                kind=kinds[n % 5],
                role="observation",
                source=HOSTILE if n == 7 else f"Example Gazette {n}",
                reliability="medium",
                lon_deg=(lon + 180.0) % 360.0 - 180.0 + 0.3 * np.sin(9.0 * n),
                lat_deg=lat + 0.2 * np.cos(7.0 * n),
                radius_km=max(radius, 15.0),
                alt_low_m=(11_887.0 if n == 9 else 18_288.0) if n % 4 == 1 else None,
                alt_high_m=(11_887.0 if n == 9 else 19_812.0) if n % 4 == 1 else None,
                place=HOSTILE if n == 7 else f"Town {n}",
                text=HOSTILE if n == 7 else "A bright round object, high and slow, seen for some minutes.",
                url="javascript:alert(1)" if n == 7 else f"https://example.org/report/{n}",
                marks=(Mark("clock", "the clock is said to be an hour off"),) if n == 20 else (),
            )
        )
    context = Sighting(
        id="X001",
        time_start=START,
        time_end=START + 86400.0,
        kind="model_estimate",
        role="context",
        source="A model",
        lon_deg=135.0,
        lat_deg=19.0,
        radius_km=600.0,
        place="south of Japan",
        text="A model run.",
    )
    nowhere = Sighting(
        id="X002",
        time_start=START,
        time_end=START + 86400.0,
        kind="official_account_named",
        role="observation",
        source="An official",
        place="",
        text="Tracked for ten days.",
        marks=(Mark("no_place", "gives no place", "unusable"),),
    )
    return [record_dict(s) for s in (*rows, context, nowhere)]


def _q(low: float, middle: float, high: float) -> dict[str, float]:
    return {"p05": low, "p50": middle, "p95": high}


def result() -> dict[str, Any]:
    """A whole result with every section, in which each row cites the finding that it prints."""
    rows = sightings()
    findings: list[Finding] = []

    def add(finding_id: str, question: str, kind: Any, unit: str, value: Any, **more: Any) -> list[str]:
        findings.append(Finding(id=finding_id, question=question, kind=kind, unit=unit, value=value, **more))
        return [finding_id]

    sections = {
        "case": {
            "title": "An example flight",
            "time_start": START,
            "time_end": END,
            "folder_name": "example",
        },
        "winds": {
            "used": "prior",
            "title": "Climatological prior",
            "sources": [{"name": "Prior", "detail": "monthly means and spread by latitude and height"}],
            "error": {
                "sd_u_mps": 9.2,
                "sd_v_mps": 6.6,
                "lagrangian_hours": 30.0,
                "text": "Fitted to stations.",
            },
            "notes": ["The prior knows no single day's weather."],
            "outside_share": 0.0,
        },
        "reconstruction": _reconstruction(rows, add),
        "crossings": _crossings(add),
        "exposure": _exposure(add),
        "claims": _claims(),
        "unknown": [
            {
                "text": "Whether the balloon steered is undetermined: the prior winds cannot tell.",
                "finding_id": add(
                    "steer.flight.control",
                    "Did it steer?",
                    "undetermined",
                    "",
                    None,
                    reason="prior winds only",
                )[0],
            }
        ],
    }
    return {
        "schema_version": "1.0",
        "run": {"version": "0.1.0", "seed": 7, "seconds": 31.5, "started": "2023-03-01T00:00:00Z"},
        "inputs": {"sightings.csv": "sha256:0123456789abcdef"},
        "sightings": rows,
        "findings": [record_dict(f) for f in findings],
        "sections": sections,
    }


def _reconstruction(rows: list[dict[str, Any]], add: Any) -> dict[str, Any]:
    readings = []
    for n, row in enumerate(rows):
        placed = row["lat_deg"] is not None and row["role"] == "observation"
        verdict = (
            "context"
            if not placed
            else {9: "not at its word", 20: "undecided", 7: "not at its word"}.get(n, "at its word")
        )
        stated = {"at its word": 0.93, "undecided": 0.5, "not at its word": 0.04, "context": 0.0}[verdict]
        distance = 135.0 if verdict == "not at its word" else 22.0 + n
        ids = (
            add(
                f"reconstruct.{row['id']}.distance",
                f"How far was the balloon from {row['id']}?",
                "interval",
                "km",
                _q(0.8 * distance, distance, 1.3 * distance),
                evidence=(row["id"],),
            )
            if placed
            else []
        )
        readings.append(
            {
                **{
                    k: row[k]
                    for k in (
                        "id",
                        "time_start",
                        "time_end",
                        "place",
                        "kind",
                        "source",
                        "text",
                        "role",
                        "marks",
                    )
                },
                "used": placed,
                "distance_km": _q(0.8 * distance, distance, 1.3 * distance) if placed else None,
                "elevation_deg": _q(4.0, 8.0, 12.0) if placed else None,
                "bearing_deg": _q(200.0, 231.0, 250.0) if placed and n % 3 == 0 else None,
                "p_stated": stated,
                "p_afar": 0.7 * (1 - stated),
                "p_other_time": 0.2 * (1 - stated),
                "p_mistaken": 0.1 * (1 - stated),
                "p_alt_mistaken": 0.97 if n == 9 else None,
                "verdict": verdict,
                "reading": "Seen low in the south-west from far off, not overhead."
                if verdict == "not at its word"
                else "",
                "finding_ids": ids,
            }
        )
    hours = np.arange(0.0, 499.1, 3.0)
    lon, lat, sd = (np.interp(hours, WAYPOINTS[:, 0], WAYPOINTS[:, k]) for k in (1, 2, 3))
    path = [
        {
            "time_s": START + 3600.0 * h,
            "lon": (x + 180.0) % 360.0 - 180.0,
            "lat": y,
            "r50_km": 1.2 * s,
            "r90_km": 2.1 * s,
            "alt_p05": 17_400.0 - s,
            "alt_p50": 18_300.0,
            "alt_p95": 19_200.0 + s,
            "spread_km": s,
        }
        for h, x, y, s in zip(hours, lon, lat, sd, strict=True)
    ]
    scenarios = [
        {
            "id": i,
            "title": t,
            "weight": w,
            "log_evidence": -100.0 - w,
            "log_evidence_sd": 0.4,
            "finding_ids": add(
                f"reconstruct.{i}.weight", f"How likely is it that {t}?", "probability", "1", {"p": w}
            ),
        }
        for i, t, w in (
            ("early_launch", "launched on 15 January", 0.8),
            ("late_launch", "launched on 20 January", 0.2),
        )
    ]
    return {
        "scenarios": scenarios,
        "path": path,
        "readings": readings,
        "members": 160,
        "effective_members": 131.2,
        "notes": ["Between the sightings the path follows the prior."],
    }


def _crossings(add: Any) -> dict[str, Any]:
    rows = []
    for area, name, p, hour in AREAS:
        at = START + 3600.0 * hour
        ids = add(f"crossing.{area}.probability", f"Did it cross {name}?", "probability", "1", {"p": p})
        entry = _q(at - 9e3, at, at + 2e4) if hour else None
        if entry:
            ids = ids + add(
                f"crossing.{area}.entry", f"When did it enter {name}?", "interval", "posix_s", entry
            )
        rows.append(
            {
                "area": area,
                "area_kind": "sovereign",
                "name": name,
                "probability": p,
                "entry": entry,
                "exit": _q(at + 1e5, at + 1.3e5, at + 1.6e5) if hour else None,
                "hours_inside": _q(20.0, 36.0, 44.0) if hour else None,
                "finding_ids": ids,
            }
        )
    return {"rows": rows, "lead_times": [], "notes": []}


def _exposure(add: Any) -> dict[str, Any]:
    rows = []
    for n, name in enumerate(("Example Base", "Sample Field")):
        at = START + 3600.0 * (428 + 30 * n)
        ids = add(f"sight.{n}.in_view", f"Was {name} in view?", "probability", "1", {"p": 0.98 - 0.4 * n})
        rows.append(
            {
                "site": str(n),
                "name": name,
                "source": "a public report",
                "p_in_view": 0.98 - 0.4 * n,
                "hours": _q(6.0, 9.0, 14.0),
                "closest_range_km": _q(20.0, 64.0, 130.0),
                "closest_time": _q(at - 7e3, at, at + 8e3),
                "max_elevation_deg": _q(8.0, 16.0, 41.0),
                "finding_ids": ids,
            }
        )
    return {"rows": rows, "notes": []}


def _claims() -> dict[str, Any]:
    text = ("It was a weather balloon.", "It was not a weather balloon.", HOSTILE)
    rows = [
        {
            "id": f"C{n}",
            "date": "2023-02-03",
            "claimant": "A ministry",
            "attribution": "agency_statement",
            "claim": text[n],
            "topic": "purpose",
            "status": "denied",
            "contradicts": ["C1"] if n == 0 else [],
            "tension": [],
            "contradicted_by": ["C0"] if n == 1 else [],
            "url": "javascript:alert(2)" if n == 2 else "https://example.org/c",
        }
        for n in range(3)
    ]
    return {"rows": rows, "groups": [], "unknown_ids": []}


def box_borders() -> list[tuple[str, list[tuple[Any, Any]]]]:
    """Two countries made of boxes, one across the antimeridian, one with a hole."""
    return [
        (
            "Westland",
            [
                (np.array([-125.0, -65.0, -65.0, -125.0]), np.array([30.0, 30.0, 49.0, 49.0])),
                (np.array([-90.0, -85.0, -85.0, -90.0]), np.array([42.0, 42.0, 46.0, 46.0])),
            ],
        ),
        ("Eastland", [(np.array([140.0, 190.0, 190.0, 140.0]), np.array([60.0, 60.0, 70.0, 70.0]))]),
    ]

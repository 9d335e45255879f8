"""A small exercise, and a made-up answer to it, for the tests of exercises and scores."""

from __future__ import annotations

from typing import Any

SMALL = """
name = "small"
title = "A small drift"
level = "first"
about = "A float for a day."
teaches = "Nothing."
start = 2031-06-01T00:00:00Z
subject = "A"

[weather]
stations = 1
sisters = 1

[[flight]]
id = "A"
balloon = "drifter"
lon_deg = 10.0
lat_deg = 50.0
spread_m = 50e3
start_spread_h = 1
hours = 20
float_alt_m = 17000

[[observer]]
type = "radar"
name = "Radar"
spot = { along = 0.6, off_m = 60e3 }
clutter_per_day = 2.0

[[observer]]
type = "watchers"
count = 10
p_afar = 0.3

[[observer]]
type = "officials"
at_h = [10]
height = true

[[observer]]
type = "press"
count = 4

[[site]]
id = "NEAR"
name = "Near site"
spot = { along = 0.5, off_m = 50e3 }

[[zone]]
id = "ZONE"
name = "The zone"
spot = { along = 0.5 }
radius_m = 40e3

[[claim]]
id = "C1"
day = 1
claimant = "A ministry"
claim = "It was carried by the wind."
topic = "steering"
holds = true
"""


def finding(id_: str, kind: str, value: dict[str, Any] | None, unit: str = "1") -> dict[str, Any]:
    return {
        "id": id_, "question": "?", "kind": kind, "unit": unit, "value": value, "given": {}, "evidence": [],
        "reason": "made",
    }  # fmt: skip


def answer(
    title: str, path: list[dict[str, float]], findings: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """A result in the shape of `result.json`, with what a score looks at."""
    return {
        "schema_version": "1.0",
        "run": {},
        "inputs": {"files": {}},
        "sightings": [],
        "findings": findings,
        "sections": {
            "case": {"title": title},
            "reconstruction": {"path": path, "readings": more.get("readings", [])},
        },
    }

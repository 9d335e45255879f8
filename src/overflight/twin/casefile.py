"""The analyst's side of an exercise: the files of the case folder, which give nothing away."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from overflight.geo import circle
from overflight.records import Sighting
from overflight.sightings.extent import flight_box
from overflight.sightings.table import parse_table
from overflight.times import iso_utc, to_datetime
from overflight.twin.made import PLACES, SISTERS, SONDES, Made, settled_sites
from overflight.twin.observers import settle
from overflight.twin.reports import COLUMNS, cells
from overflight.twin.sondes import sisters, sondes
from overflight.twin.truth import SHORT
from overflight.twin.weather import cut_box, erring, write_winds
from overflight.units import DAY_S, HOUR_S

# The window of the case is rounded to this, so that it tells nothing of the start.
ROUND_S: Final = 6.0 * HOUR_S
BEFORE_H, AFTER_H = 48, 24


def write_case(made: Made, case: Path) -> dict[str, str]:
    """Write the files that the case names and those beside it; return their hashes by name."""
    rows = [cells(r, i) for r, i in zip(made.reports, made.ids, strict=True)]
    write_text(case / "sightings.csv", csv_text(COLUMNS, rows))
    if made.scenario.sites:
        write_text(
            case / "sites.csv",
            csv_text(("id", "name", "lat_deg", "lon_deg", "alt_m", "source"), place_rows(made)),
        )
    if made.scenario.zones:
        write_text(case / "areas.geojson", json.dumps(zones(made), indent=1) + "\n")
    if made.scenario.claims:
        write_text(case / "claims.csv", csv_text(CLAIM_COLUMNS, _claims(made)))
    if made.plots:
        write_text(
            case / "plots.csv", csv_text(("radar", "time_utc", "range_m", "bearing_deg"), _plots(made))
        )
    _write_frames(made, case)
    _write_winds(made, case)
    names = sorted(p.relative_to(case).as_posix() for p in case.rglob("*") if p.is_file())
    return {name: hashlib.sha256((case / name).read_bytes()).hexdigest() for name in names}


def place_rows(made: Made) -> list[dict[str, str]]:
    """Return the rows of `sites.csv`."""
    return [
        {
            "id": site.id, "name": site.name, "lat_deg": f"{site.lat_deg:.4f}",
            "lon_deg": f"{site.lon_deg:.4f}", "alt_m": f"{site.alt_m or 0.0:.0f}", "source": site.source,
        }
        for site in settled_sites(made.scenario, made.scene, made.seed)
    ]  # fmt: skip


def zones(made: Made) -> dict[str, Any]:
    """Return the zones as GeoJSON, where they were settled."""
    features = []
    for k, zone in enumerate(made.scenario.zones):
        rng = np.random.default_rng((made.seed, PLACES, 1, k))
        lon, lat = circle(*settle(zone.spot, made.scene, rng), zone.radius_m, n=48)
        ring = [[round(float(x), 4), round(float(y), 4)] for x, y in zip(lon, lat, strict=True)][::-1]
        features.append(
            {
                "type": "Feature",
                "properties": {"id": zone.id, "name": zone.name},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
    return {"type": "FeatureCollection", "features": features}


CLAIM_COLUMNS: Final = (
    *("id", "date", "claimant", "attribution", "claim", "topic", "status", "relation", "related_ids", "url"),
)


def _claims(made: Made) -> list[dict[str, str]]:
    return [
        {
            "id": c.id, "date": to_datetime(made.scenario.start + c.day * DAY_S).strftime("%Y-%m-%d"),
            "claimant": c.claimant, "attribution": c.attribution, "claim": c.claim, "topic": c.topic,
            "status": "standing", "relation": c.relation, "related_ids": c.related_ids, "url": "",
        }
        for c in made.scenario.claims
    ]  # fmt: skip


def _plots(made: Made) -> list[dict[str, str]]:
    return [
        {**{k: v for k, v in row.items() if k != "time_s"}, "time_utc": iso_utc(float(row["time_s"]))}
        for row in made.plots
    ]


def _write_frames(made: Made, case: Path) -> None:
    if made.memory is None or made.scenario.recorder is None:
        return
    for name, data in (("received", made.memory.received), ("recovered", made.memory.recovered)):
        if data is not None:
            (case / f"{name}.frames").write_bytes(data)
    if made.memory.key is not None and made.scenario.recorder.key_given:
        write_text(case / "stream.key", made.memory.key.hex() + "\n")


def _write_winds(made: Made, case: Path) -> None:
    plan, window = made.scenario.weather, case_window(made)
    reach = (window[0] - BEFORE_H * HOUR_S, window[1] + AFTER_H * HOUR_S)
    if plan.given:
        (case / "winds").mkdir(exist_ok=True)
        grid = cut_box(made.weather.truth, flight_box(_read_back(made)), reach)
        write_winds(erring(grid, made.weather.analysis_error), case / "winds" / "analysis.nc")
    track = made.subject
    if track is None:
        return
    files = [
        *((f"soundings/{n}", t) for n, t in sondes(
            made.weather, track, window, plan.stations, np.random.default_rng((made.seed, SONDES))
        )),
        *((f"flights/{n}", t) for n, t in sisters(
            made.weather, track, plan.sisters, np.random.default_rng((made.seed, SISTERS))
        )),
    ]  # fmt: skip
    for name, text in files:
        write_text(case / name, text)


def _read_back(made: Made) -> tuple[Sighting, ...]:
    """The sightings as the analyst's program reads them."""
    rows = [cells(r, i) for r, i in zip(made.reports, made.ids, strict=True)]
    return parse_table(csv_text(COLUMNS, rows), "sightings.csv")


def case_window(made: Made) -> tuple[float, float]:
    """Return the case's window: what is reported, with some hours about it, rounded outward."""
    begin = min(r.time_start for r in made.reports) - 3.0 * HOUR_S
    end = max(r.time_end for r in made.reports) + 3.0 * HOUR_S
    return math.floor(begin / ROUND_S) * ROUND_S, math.ceil(end / ROUND_S) * ROUND_S


def case_toml(made: Made, seal: str, case: Path) -> str:
    """Return the text of `case.toml`: its title carries the seal, and nothing names the scenario."""
    begin, end = case_window(made)
    inputs = [
        f'{key} = "{name}"\n'
        for key, name in (("sites", "sites.csv"), ("claims", "claims.csv"), ("areas", "areas.geojson"))
        if (case / name).is_file()
    ]
    return (
        f'version = 1\n\n[case]\ntitle = "Exercise {seal[:SHORT]}"\n'
        f"start = {iso_utc(begin)}\nend = {iso_utc(end)}\n"
        '\n[winds]\nsource = "prior"\n\n[inputs]\nsightings = "sightings.csv"\n' + "".join(inputs) +
        "\n[ask.reconstruct]\nseed = 1\n"
        f"\n[ask.origin]\nhours = {BEFORE_H}\n\n[ask.forecast]\nhours = {AFTER_H}\n"
    )  # fmt: skip


FILES: Final = (
    ("sightings.csv", "reports of people and sensors, as they came in; some of them are wrong"),
    ("plots.csv", "raw plots of the radars: slant range and bearing"),
    ("sites.csv", "places whose owners ask whether they were in view"),
    ("areas.geojson", "areas whose owners ask whether they were crossed"),
    ("claims.csv", "what was said about it"),
    ("winds", "analysed winds: right but for the errors that an analysis has"),
    ("soundings", "radiosondes of stations in the region, CSV as receivers decode them"),
    ("flights", "tracks of other balloons, which went with the wind"),
    ("received.frames", "frames of a data stream that was received; docs/frames.md has the format"),
    ("recovered.frames", "frames read from what was found"),
    ("stream.key", "the key of the stream's tags, hexadecimal, as its owner gave it"),
)


def readme(case: Path, seal: str) -> str:
    """Return the analyst's page: what lies here and what is asked; nothing of what happened."""
    there = [f"| `{name}` | {what} |" for name, what in FILES if (case / name).exists()]
    return README.format(files="\n".join(there), seal=seal)


README: Final = """# An exercise

Nothing in this folder happened. Weather, flights and reports are made, and somebody holds the truth.

| file | what it is |
|---|---|
{files}

Find out where the object was and when, what it crossed, whether it drifted or was steered or is no balloon at
all, which reports are wrong and how, and what can be said of its data. Say how sure you are: what you do not
answer costs nothing, what you are wrongly sure of costs most.

```
overflight check .
overflight assess . --out answer
```

You may change `case.toml`, add rival accounts and mark down reports. Leave the title: it carries the seal of
the truth, by which your answer will be known.

The truth was sealed when this was written. SHA-256 of `truth.json`: `{seal}`.
"""


def csv_text(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as the text of a CSV table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a text file with its folder, the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")

"""Findings and rows of the reconstruction: scenarios, readings of the reports, and what stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from overflight.geo import distance_m, mean_lonlat
from overflight.reconstruct.posterior import Reconstruction
from overflight.reconstruct.readings import UNLIKELY, Reading
from overflight.records import Finding, Mark, Sighting, weighted_quantile
from overflight.times import from_datetime64, short_utc
from overflight.words import likelihood, percent

Triple = tuple[float, float, float]

# A reading this probable needs no words.
CLEAR = 0.8


def reconstruction_findings(
    r: Reconstruction, readings: Sequence[Reading], sightings: Sequence[Sighting], given: Mapping[str, str]
) -> list[Finding]:
    """Return the findings of scenarios and readings."""
    findings = [
        Finding(
            id=f"scenario.{s.scenario.id}.weight",
            question=f"How probable is it, among the rival accounts: {s.scenario.title}?",
            kind="probability",
            unit="1",
            value={"p": s.weight},
            given={**given, "prior": f"{s.scenario.weight:.3f}"},
            evidence=tuple(sorted(s.scenario.accepts | s.scenario.rejects)),
            reason=f"Log evidence {s.log_evidence:.1f} of all sightings under the account, by tempered "
            "sampling (uncertain by about one unit).",
        )
        for s in r.scenarios
    ]
    by_id = {s.id: s for s in sightings}
    for reading in readings:
        findings += _reading_findings(reading, by_id[reading.id], given)
    return findings


def _reading_findings(reading: Reading, sighting: Sighting, given: Mapping[str, str]) -> list[Finding]:
    where = f"{sighting.place or sighting.kind} ({reading.id})"
    out = []
    for name, unit, values in (
        ("distance", "km", reading.distance_km),
        ("elevation", "deg", reading.elevation_deg),
        ("bearing", "deg", reading.bearing_deg),
    ):
        if values is not None:
            out.append(
                Finding(
                    id=f"reading.{reading.id}.{name}",
                    question=f"At the time stated, {_ASKED[name]} from the place named in {where}?",
                    kind="interval",
                    unit=unit,
                    value=dict(zip(("p05", "p50", "p95"), values, strict=True)),
                    given=dict(given),
                    evidence=(reading.id,),
                )
            )
    if reading.distance_km is not None and reading.bearing_deg is None:
        out.append(
            Finding(
                id=f"reading.{reading.id}.bearing",
                question=f"At the time stated, {_ASKED['bearing']} from the place named in {where}?",
                kind="undetermined",
                unit="deg",
                value=None,
                given=dict(given),
                evidence=(reading.id,),
                reason="The directions that the members give are spread over more than half the compass.",
            )
        )
    for name, p, question in (
        ("at_its_word", reading.p_stated, "Is the report right as stated?"),
        ("seen_from_afar", reading.p_afar, "Was the balloon seen from afar, low above the horizon?"),
        ("another_time", reading.p_other_time, "Was it there at another time?"),
        ("mistaken", reading.p_mistaken, "Is the report mistaken?"),
        ("altitude_mistaken", reading.p_alt_mistaken, "Is the stated altitude mistaken?"),
        ("both_at_their_word", reading.p_both_stated, f"Are this report and {reading.rival} both right?"),
    ):
        if p is not None:
            out.append(
                Finding(
                    id=f"reading.{reading.id}.{name}",
                    question=f"{where}: {question}",
                    kind="probability",
                    unit="1",
                    value={"p": min(1.0, max(0.0, p))},
                    given=dict(given),
                    evidence=(reading.id,)
                    + ((reading.rival,) if name.startswith("both") and reading.rival else ()),
                )
            )
    return out


_ASKED = {
    "distance": "how far was the balloon, along the ground,",
    "elevation": "how high above the horizon did the balloon stand",
    "bearing": "in which direction was the balloon",
}


def reading_rows(
    r: Reconstruction, readings: Sequence[Reading], sightings: Sequence[Sighting]
) -> list[dict[str, Any]]:
    """Return `sections.reconstruction.readings`, in the order of the sightings."""
    by_id = {s.id: s for s in sightings}
    return [_row(one, by_id[one.id]) for one in readings]


def _row(reading: Reading, s: Sighting) -> dict[str, Any]:
    names = {
        "distance": reading.distance_km,
        "elevation": reading.elevation_deg,
        "bearing": reading.bearing_deg,
        "at_its_word": reading.p_stated,
        "seen_from_afar": reading.p_afar,
        "another_time": reading.p_other_time,
        "mistaken": reading.p_mistaken,
        "altitude_mistaken": reading.p_alt_mistaken,
        "both_at_their_word": reading.p_both_stated,
    }
    return {
        "id": s.id,
        "time_start": s.time_start,
        "time_end": s.time_end,
        "place": s.place,
        "kind": s.kind,
        "source": s.source,
        "text": s.text,
        "used": reading.used,
        "role": s.role,
        "marks": [_mark(m) for m in s.marks],
        "distance_km": _dict(reading.distance_km),
        "elevation_deg": _dict(reading.elevation_deg),
        "bearing_deg": _dict(reading.bearing_deg),
        "p_stated": reading.p_stated,
        "p_afar": reading.p_afar,
        "p_other_time": reading.p_other_time,
        "p_mistaken": reading.p_mistaken,
        "p_alt_mistaken": reading.p_alt_mistaken,
        "information_bits": reading.information_bits,
        "verdict": verdict(reading),
        "reading": reconciled(reading),
        "finding_ids": [f"reading.{s.id}.{name}" for name, value in names.items() if value is not None],
    }


def verdict(reading: Reading) -> str:
    """Word for whether a report can be taken at its word, its height and its rival included."""
    if not reading.used:
        return "context"
    if reading.p_alt_mistaken is not None and reading.p_alt_mistaken > 1.0 - UNLIKELY:
        return "not at its word"
    if (
        reading.p_both_stated is not None
        and reading.p_both_stated < UNLIKELY
        and reading.verdict == "at its word"
    ):
        return "undecided"
    return reading.verdict


def reconciled(reading: Reading) -> str:
    """Say in words which reading reconciles a report with the rest, and how probable it is.

    Empty where the report is at its word and nothing speaks against it.
    """
    if not reading.used:
        return reading.text
    parts = []
    if (reading.p_stated or 0.0) < CLEAR:
        parts.append(_best_reading(reading))
    if reading.p_alt_mistaken is not None and reading.p_alt_mistaken >= 1.0 - CLEAR:
        word = likelihood(reading.p_alt_mistaken)
        parts.append(f"That the altitude is wrong is {word} ({percent(reading.p_alt_mistaken)}).")
    if reading.rival and reading.p_both_stated is not None:
        parts.append(
            f"{reading.rival} puts it over the same place at another time; that both are right is "
            f"{likelihood(reading.p_both_stated)} ({percent(reading.p_both_stated)})."
        )
    return " ".join(parts)


def _best_reading(reading: Reading) -> str:
    shift = ""
    if reading.hours_off is not None:
        later = "later" if reading.hours_off > 0 else "earlier"
        shift = f", about {abs(reading.hours_off):.1f} h {later}"
    options = [
        (reading.p_stated or 0.0, "right as stated"),
        (reading.p_afar or 0.0, "right about the hour, but seen from afar and low above the horizon"),
        (reading.p_other_time or 0.0, f"right about the place, but at another time{shift}"),
        (reading.p_mistaken or 0.0, "mistaken"),
    ]
    options.sort(key=lambda pair: -pair[0])
    first = f"Best read as {options[0][1]} ({percent(options[0][0])})"
    rest = [f"{text} ({percent(p)})" for p, text in options[1:] if p >= 0.05]
    return f"{first}; else {', or '.join(rest)}." if rest else f"{first}."


def _mark(mark: Mark) -> dict[str, str]:
    return {"code": mark.code, "reason": mark.reason, "severity": mark.severity}


def _dict(values: Triple | None) -> dict[str, float] | None:
    return None if values is None else dict(zip(("p05", "p50", "p95"), values, strict=True))


def unknowns(r: Reconstruction, given: Mapping[str, str]) -> tuple[list[dict[str, str]], list[Finding]]:
    """Return what the data leave open: rows for the report, and the findings they print."""
    findings = [_widest(r, given), _rival_accounts(r, given)]
    return [{"text": f.reason, "finding_id": f.id} for f in findings if f is not None], [
        f for f in findings if f is not None
    ]


def last_place(r: Reconstruction, given: Mapping[str, str]) -> Finding:
    """Where the reconstruction ends, and how well that is known."""
    time_s = float(from_datetime64(r.ensemble["time"].values[-1:])[0])
    lon, lat = (r.ensemble[name].values[:, -1].astype(float) for name in ("lon", "lat"))
    clon, clat = (float(v) for v in mean_lonlat(lon, lat, r.weight))
    radius_km = float(weighted_quantile(distance_m(clon, clat, lon, lat), r.weight, [0.9])[0]) / 1e3
    place = f"{abs(clat):.1f}° {'N' if clat >= 0 else 'S'}, {abs(clon):.1f}° {'E' if clon >= 0 else 'W'}"
    return Finding(
        id="flight.end.radius",
        question="Within what distance of its mean last place was the balloon, nine times in ten?",
        kind="interval",
        unit="km",
        value={"lo": 0.0, "hi": radius_km},
        given=dict(given),
        evidence=tuple(s.id for s in r.sightings),
        reason=f"It was last placed on {short_utc(time_s)} at {place}, nine times in ten within "
        f"{radius_km:.0f} km.",
    )


def _widest(r: Reconstruction, given: Mapping[str, str]) -> Finding:
    """Where, between first and last sighting, the path is known least."""
    time_s = from_datetime64(r.ensemble["time"].values)
    lon, lat = r.ensemble["lon"].values.astype(float), r.ensemble["lat"].values.astype(float)
    radius = np.zeros(time_s.size)
    for k in range(time_s.size):
        aloft = np.isfinite(lon[:, k])
        if r.weight[aloft].sum() > 0.5:
            clon, clat = mean_lonlat(lon[aloft, k], lat[aloft, k], r.weight[aloft])
            away = distance_m(clon, clat, lon[aloft, k], lat[aloft, k])
            radius[k] = float(weighted_quantile(away, r.weight[aloft], [0.9])[0])
    worst = int(np.argmax(radius))
    return Finding(
        id="flight.path.widest",
        question="Where between the first and the last sighting is the path known least?",
        kind="interval",
        unit="km",
        value={"lo": 0.0, "hi": float(radius[worst]) / 1e3},
        given=dict(given),
        evidence=tuple(s.id for s in r.sightings),
        reason=f"The path is known least on {short_utc(float(time_s[worst]))}: nine times in ten within "
        f"{radius[worst] / 1e3:.0f} km of the mean place, no better. A dated sighting near that time would "
        "help most.",
    )


def _rival_accounts(r: Reconstruction, given: Mapping[str, str]) -> Finding | None:
    if len(r.scenarios) < 2:
        return None
    best = max(r.scenarios, key=lambda s: s.weight)
    common: dict[str, Any] = {
        "id": "scenario.rivals.decided",
        "question": "Do the reports decide between the rival accounts?",
        "given": dict(given),
        "evidence": tuple(sorted({i for s in r.scenarios for i in s.scenario.accepts})),
    }
    if best.weight >= 0.95:
        return Finding(
            **common, kind="category", unit="", value={"category": "yes"},
            reason=f"The reports and the prior weights leave {percent(best.weight)} to one account: "
            f"{best.scenario.title}.",
        )  # fmt: skip
    return Finding(
        **common, kind="undetermined", unit="", value=None,
        reason="The reports do not decide between the rival accounts; the likeliest, "
        f"“{best.scenario.title}”, has {percent(best.weight)}.",
    )  # fmt: skip

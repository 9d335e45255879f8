"""Consequences: what was done and said because of a flight, beside its path on one timeline.

Events come from a table that a person keeps (`read_events`) and from dated claims, whose kind is read from
their words: a notice, a closure, something put off, else a statement. That one thing followed another is
shown; that it followed *from* it is for the sources to say. Where an event has a place, its distance from
the flight in its time is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import numpy as np

from overflight.claims.dates import read_span
from overflight.claims.records import Claim
from overflight.errors import InputError
from overflight.geo import distance_m
from overflight.records import Finding, quantile_value
from overflight.regions import median_track
from overflight.rows import Problems, Row, nearest, number_in, parse_rows, read_text, shorten, valid_id
from overflight.times import from_datetime64

if TYPE_CHECKING:
    import xarray as xr

EventKind = Literal[
    "notice", "closure", "interception", "postponement", "statement", "sanction", "recovery", "other"
]
KINDS: Final[Mapping[EventKind, str]] = {
    "notice": "notices and warnings",
    "closure": "airspace closed",
    "interception": "aircraft sent, shots",
    "postponement": "put off or called off",
    "statement": "statements",
    "sanction": "sanctions and listings",
    "recovery": "search and recovery",
    "other": "other",
}
REQUIRED: Final = ("id", "when", "kind", "event")
OPTIONAL: Final = ("place", "lon_deg", "lat_deg", "radius_km", "source", "url", "claims", "note")
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_EVENTS: Final = 5_000
# The first that matches gives the kind of a claim's event.
_WORDS: Final[tuple[tuple[EventKind, re.Pattern[str]], ...]] = (
    ("postponement", re.compile(r"\b(?:postpon\w+|put off|called? off|cancel\w*)\b", re.I)),
    ("closure", re.compile(r"\b(?:ground stop|airspace (?:was )?(?:closed|shut))\b", re.I)),
    ("sanction", re.compile(r"\b(?:sanction\w*|firms listed|entity list)\b", re.I)),
    ("interception", re.compile(r"\b(?:missile|shot down|shoot-?down|downed|scrambled)\b", re.I)),
    ("recovery", re.compile(r"\b(?:recover(?:y|ed)|debris)\b", re.I)),
    ("notice", re.compile(r"\b(?:NOTAM|notified|warned of)\b", re.I)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Something done or said, in [time_start, time_end) of POSIX seconds UTC, and where if it has a place.

    `claims` are the ids it rests on. `from_claim` marks that it was read from a claim.
    """

    id: str
    time_start: float
    time_end: float
    kind: EventKind
    title: str
    place: str = ""
    lon_deg: float | None = None
    lat_deg: float | None = None
    radius_km: float = 0.0
    source: str = ""
    url: str = ""
    claims: tuple[str, ...] = ()
    note: str = ""
    from_claim: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TimelineAnswer:
    """Findings `consequence.<event>.distance`, and the section of the result."""

    findings: tuple[Finding, ...]
    section: dict[str, Any]


def read_events(path: str | Path) -> tuple[Event, ...]:
    """Read a table of events: CSV in UTF-8, at most 4 MB and 5000 rows.

    Raises InputError with file, line and field for all that is wrong.
    """
    path = Path(path)
    return parse_events(read_text(path, limit_bytes=MOST_BYTES), file=path.name)


def parse_events(text: str, *, file: str = "events") -> tuple[Event, ...]:
    """Read the text of a table of events. See `read_events`."""
    rows = parse_rows(text, file, required=REQUIRED, optional=OPTIONAL)
    if len(rows) > MOST_EVENTS:
        raise InputError(f"has more than {MOST_EVENTS} rows", file=file, remedy="Split the file.")
    problems = Problems(file)
    seen: set[str] = set()
    events = [event for row in rows if (event := _event(row, problems, seen)) is not None]
    problems.raise_any()
    return tuple(events)


def _event(row: Row, problems: Problems, seen: set[str]) -> Event | None:
    before = len(problems.found)
    cell = row.cells
    name = cell["id"]
    if not valid_id(name):
        problems.add(
            row.line, "id", f"the id is '{shorten(name)}'", "Give 1 to 64 letters, digits, '_' or '-'."
        )
    elif name in seen:
        problems.add(row.line, "id", f"'{name}' is there twice", "Give every event its own id.")
    seen.add(name)
    kind = cell["kind"]
    if kind not in get_args(EventKind):
        listed = ", ".join(get_args(EventKind))
        problems.add(row.line, "kind", f"'{shorten(kind)}' is not one of {listed}",
                     nearest(kind[:80], get_args(EventKind)) or "Take one of them.")  # fmt: skip
    start = end = 0.0
    try:
        span = read_span(cell["when"])
        start, end = span.start_s, span.end_s
    except InputError as error:
        problems.add(row.line, "when", error.what, error.remedy)
    if not cell["event"]:
        problems.add(row.line, "event", "is empty", "Say what happened.")
    limits = {"lon_deg": (-360.0, 360.0), "lat_deg": (-90.0, 90.0), "radius_km": (0.0, 20_040.0)}
    numbers = {key: number_in(row, key, low, high, problems) for key, (low, high) in limits.items()}
    if bool(cell.get("lon_deg")) != bool(cell.get("lat_deg")):
        problems.add(row.line, "lat_deg", "half a place", "Give both lon_deg and lat_deg, or neither.")
    if len(problems.found) > before:
        return None
    return Event(
        name, start, end, cast(EventKind, kind), cell["event"],
        cell.get("place", ""), numbers["lon_deg"], numbers["lat_deg"], numbers["radius_km"] or 0.0,
        cell.get("source", ""), cell.get("url", ""),
        tuple(part.strip() for part in cell.get("claims", "").split("|") if part.strip()),
        cell.get("note", ""), line=row.line,
    )  # fmt: skip


def claim_events(claims: Iterable[Claim]) -> tuple[Event, ...]:
    """Return an event for each dated claim, its kind by its words; undated claims have none."""
    return tuple(
        Event(
            claim.id, said.start_s, said.end_s, _kind_of(claim.claim), claim.claim, claim.place,
            source=claim.claimant, url=claim.url, claims=(claim.id,), from_claim=True,
        )
        for claim in claims
        if (said := claim.said) is not None
    )  # fmt: skip


def _kind_of(text: str) -> EventKind:
    return next((kind for kind, words in _WORDS if words.search(text)), "statement")


def answer_timeline(
    events: Sequence[Event], claims: Sequence[Claim] = (), *, ensemble: xr.Dataset | None = None
) -> TimelineAnswer:
    """Set events and dated claims beside the path of a flight.

    Parameters
    ----------
    events : as `read_events` gives them; one that names a claim stands in its place.
    ensemble : the flight; without it there are no distances and no path.

    Returns
    -------
    The section has `events` in order of time, `undated` claims, and `path` (time_s, lon_deg, lat_deg).
    """
    told = {claim_id for event in events for claim_id in event.claims}
    rest = [event for event in claim_events(claims) if event.id not in told]
    every = sorted((*events, *rest), key=lambda e: (e.time_start, e.time_end, e.id))
    path = None if ensemble is None else _path(ensemble)
    findings: list[Finding] = []
    rows = []
    for event in every:
        near = None if ensemble is None else _distance(event, ensemble)
        findings += [] if near is None else [near]
        rows.append(_row(event, path, near))
    section = {
        "events": rows,
        "undated": [claim.id for claim in claims if claim.said is None],
        "path": path,
        "kinds": dict(KINDS),
    }
    return TimelineAnswer(tuple(findings), section)


def _row(event: Event, path: Mapping[str, Sequence[float]] | None, near: Finding | None) -> dict[str, Any]:
    return {
        "id": event.id,
        "time_start": event.time_start,
        "time_end": event.time_end,
        "kind": event.kind,
        "kind_words": KINDS[event.kind],
        "title": event.title,
        "place": event.place,
        "source": event.source,
        "url": event.url,
        "claims": list(event.claims),
        "note": event.note,
        "from_claim": event.from_claim,
        "phase": "" if path is None else _phase(event, path["time_s"]),
        "distance_km": None if near is None else dict(near.value or {}),
        "finding_ids": [] if near is None else [near.id],
    }


def _phase(event: Event, time_s: Sequence[float]) -> str:
    if event.time_end <= time_s[0]:
        return "before the flight"
    return "after the flight" if event.time_start >= time_s[-1] else "during the flight"


def _path(ensemble: xr.Dataset) -> dict[str, list[float]] | None:
    time_s = from_datetime64(ensemble["time"].values)
    lon, lat = median_track(
        ensemble["lon"].values, ensemble["lat"].values, ensemble["weight"].values.astype(float)
    )
    known = np.isfinite(lon)
    if not known.any():
        return None
    return {
        "time_s": [float(t) for t in time_s[known]],
        "lon_deg": [float(v) for v in lon[known]],
        "lat_deg": [float(v) for v in lat[known]],
    }


def _distance(event: Event, ensemble: xr.Dataset) -> Finding | None:
    """Return how near the flight came to an event's place in its time; None where it has none."""
    if event.lon_deg is None or event.lat_deg is None:
        return None
    time_s = from_datetime64(ensemble["time"].values)
    during = (time_s >= event.time_start) & (time_s <= event.time_end)
    if not during.any() and time_s[0] <= event.time_start <= time_s[-1]:
        during[int(np.abs(time_s - event.time_start).argmin())] = True
    lon, lat = (ensemble[name].values[:, during].astype(float) for name in ("lon", "lat"))
    aloft = np.isfinite(lon).any(axis=1) if during.any() else np.zeros(0, dtype=bool)
    question = f"How near did the flight come to the place of event {event.id} in its time?"
    if not aloft.any():
        return None
    away = distance_m(event.lon_deg, event.lat_deg, lon[aloft], lat[aloft]) / 1e3
    weight = ensemble["weight"].values.astype(float)[aloft]
    return Finding(
        id=f"consequence.{event.id}.distance", question=question, kind="interval", unit="km",
        value=quantile_value(np.nanmin(away, axis=1), weight), evidence=(event.id, *event.claims),
        reason="The least distance over the time of the event, by member of the ensemble.",
    )  # fmt: skip

"""Put a run into a log: what went in, what was reported, what was claimed and what was found.

A second run into the same log adds to it. What is there already with the same content is not put down again;
a report or a claim that has changed comes as a correction of the entry before, which stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overflight import __version__
from overflight.ledger.entry import Entry, Kind, content_bytes, content_hash, entry_bytes, read_entry
from overflight.ledger.log import Ledger, open_ledger
from overflight.ledger.merkle import leaf_hash
from overflight.times import iso_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """Something to put down. `content` is None where only its hash is known; `rests_on` names subjects."""

    kind: Kind
    subject: str
    hash: str
    content: bytes | None = None
    source: str = ""
    method: str = ""
    about_s: tuple[float, float] | None = None
    text: str = ""
    rests_on: tuple[str, ...] = ()


def record_result(result: Mapping[str, Any], path: Path, *, recorded_s: float) -> int:
    """Put a result (as in `result.json`) into the log at `path`, made if need be; return how many were added.

    `recorded_s` is when, POSIX seconds UTC.
    """
    # A folder's name may be no text at all.
    folder = result["sections"]["case"]["folder_name"].encode("utf-8", "replace").decode()
    origin = f"overflight/{folder}"
    with open_ledger(path, make=True, origin=" ".join(origin.split())) as log:
        there = _latest(log)
        added = []
        for item in _items(result):
            # A correction of a report stands in the place of the report.
            earlier = there.get(item.subject)
            if earlier and earlier[1] == item.hash:
                continue
            entry = _entry(item, there, iso_utc(recorded_s))
            there[item.subject] = (leaf_hash(entry_bytes(entry)).hex(), item.hash)
            added.append((entry, item.content))
        log.append(added)
        return len(added)


def _latest(log: Ledger) -> dict[str, tuple[str, str]]:
    """Return id and content of the last entry about each subject."""
    entries = ((data, read_entry(data)) for _, data in log.rows())
    return {entry.subject: (leaf_hash(data).hex(), entry.content) for data, entry in entries}


def _entry(item: _Item, there: Mapping[str, tuple[str, str]], recorded: str) -> Entry:
    rests_on = [there[subject][0] for subject in item.rests_on if subject in there]
    earlier = [there[item.subject][0]] if item.subject in there else []
    begin, end = (iso_utc(t) for t in item.about_s) if item.about_s else ("", "")
    return Entry(
        kind="correction" if earlier and item.kind in ("input", "sighting", "claim") else item.kind,
        subject=item.subject,
        content=item.hash,
        source=item.source,
        recorded=recorded,
        about_start=begin,
        about_end=end,
        actor="overflight assess",
        method=item.method,
        version=__version__,
        parents=tuple(dict.fromkeys([*earlier, *rests_on])),
        text=item.text,
    )


def _items(result: Mapping[str, Any]) -> Iterator[_Item]:
    """Yield what a result holds, each after what it rests on."""
    inputs = result["inputs"]
    files = {**inputs["files"], **inputs.get("cached_winds", {})}
    for name, digest in sorted(files.items()):
        yield _Item(kind="input", subject=f"file {name}", hash=digest, source=name, method="sha256")
    for row in result["sightings"]:
        yield _kept(
            "sighting", f"sighting {row['id']}", row,
            source=row["source"], method="sightings", about_s=(row["time_start"], row["time_end"]),
            text=row["text"] or row["place"], rests_on=(f"file {row['file']}",),
        )  # fmt: skip
    for row in (result["sections"].get("claims") or {}).get("rows") or ():
        yield _kept(
            "claim", f"claim {row['id']}", row, source=row["claimant"], method="claims", text=row["claim"]
        )
    run = _kept(
        "note", "run", {**inputs, "schema_version": result["schema_version"]}, method="pipeline.assess",
        text="what a run was made with", rests_on=tuple(f"file {name}" for name in sorted(files)),
    )  # fmt: skip
    yield run
    for row in result["findings"]:
        evidence = [f"{kind} {id_}" for id_ in row["evidence"] for kind in ("sighting", "claim", "finding")]
        yield _kept(
            "finding", f"finding {row['id']}", row, method=row["id"].split(".")[0], text=row["question"],
            rests_on=("run", *evidence),
        )  # fmt: skip


def _kept(kind: Kind, subject: str, row: Mapping[str, Any], **more: Any) -> _Item:
    content = content_bytes(row)
    return _Item(kind=kind, subject=subject, hash=content_hash(content), content=content, **more)

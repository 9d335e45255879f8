"""Claims as STIX 2.1 bundles, out and in.

    claim      → report (description, published, confidence), claimant → identity, circle → location
    relation   → relationship; supports, contradicts and tension also → opinion of the claimant
    topic that is contested → grouping;  Admiralty rating, check by physics → note

STIX has no place for hedges, verbs and the rest, so every report carries its row of the claims table in a
property extension, and a bundle of ours comes back without loss. From a foreign bundle each report, note
and opinion becomes a claim and each relationship between them a relation; what else is in it is counted,
not dropped in silence. Confidence follows the Admiralty scale of STIX 2.1, Appendix A; it differs from the
bands of ICD 203, so no word of likelihood is made of it. What is not valid STIX 2.1 is refused.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from overflight.claims.cells import read_cells, write_cells
from overflight.claims.contradictions import contradictions
from overflight.claims.physics import Check
from overflight.claims.records import CREDIBILITIES, RELIABILITIES, Claim, Credibility, Relation
from overflight.claims.relations import VERB_KINDS, Edge, edges
from overflight.claims.table import MOST_BYTES, MOST_CHARACTERS, MOST_ROWS, read_limited
from overflight.errors import InputError, LimitError, OverflightError
from overflight.times import to_datetime

# Ids are deterministic: the same claims give the same bundle.
NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://overflight.invalid/claims")
EXTENSION: Final = f"extension-definition--{uuid.uuid5(NAMESPACE, 'claims table row')}"
DERIVED: Final = "overflight-derived"
MOST_OBJECTS: Final = 5 * MOST_ROWS
MOST_DEPTH: Final = 40
# STIX 2.1, Appendix A, Admiralty credibility: value written, and least value read.
_CONFIDENCE: Final[Mapping[int, int]] = {1: 90, 2: 70, 3: 50, 4: 30, 5: 10}
_LEAST: Final[tuple[tuple[int, Credibility], ...]] = ((80, 1), (60, 2), (40, 3), (20, 4), (0, 5))
_CLASSES: Final[Mapping[str, str]] = {
    "named_official": "individual",
    "politician": "individual",
    "independent_expert": "individual",
    "witness": "individual",
    "anonymous_official": "class",
    "agency_statement": "organization",
    "official_document": "organization",
    "state_denial": "organization",
    "company": "organization",
    "media_analysis": "organization",
    "media_report": "organization",
}
_ATTRIBUTIONS: Final[Mapping[str, str]] = {"individual": "witness", "organization": "agency_statement"}
_OPINIONS: Final[Mapping[tuple[str, bool], str]] = {
    ("contradicts", True): "strongly-disagree",
    ("qualifies", False): "disagree",
    ("supports", True): "strongly-agree",
    ("supports", False): "agree",
}
_OPINION_VERBS: Final[Mapping[str, str]] = {
    "strongly-disagree": "contradicts",
    "disagree": "contradicts",
    "neutral": "related",
    "agree": "supports",
    "strongly-agree": "supports",
}


@dataclass(frozen=True, slots=True)
class StixImport:
    """What a bundle held: claims, and how many objects of each type were not made claims of."""

    claims: tuple[Claim, ...]
    ignored: Mapping[str, int]


# --- out


def to_stix(claims: Sequence[Claim], *, checks: Sequence[Check] = (), created_s: float = 0.0) -> str:
    """Return claims as the JSON text of a STIX 2.1 bundle, validated by the stix2 library.

    `checks` are put beside them as notes. `created_s` (POSIX seconds) stands for objects that have no time
    of their own; the same arguments give the same text.

    Raises
    ------
    OverflightError
        When the library is not installed, or refuses what was made.
    """
    stix2 = _library()
    if not claims:
        raise OverflightError("there are no claims to write", remedy="STIX knows no empty bundle.")
    made = [*_frame(created_s), *_identities(claims, created_s), *_locations(claims, created_s)]
    made += [_report(c, created_s) for c in claims]
    there = {c.id for c in claims}
    found = [e for e in edges(claims) if e.source in there and e.target in there]
    made += [_relationship(e, created_s) for e in found]
    by_id = {c.id: c for c in claims}
    made += [_opinion(e, by_id, created_s) for e in found if (e.kind, e.full) in _OPINIONS]
    made += [*_groupings(claims, created_s), *_ratings(claims, created_s)]
    made += [_check_note(c, created_s) for c in checks if c.claim in there]
    bundle = {"type": "bundle", "id": f"bundle--{_uuid('bundle', *(o['id'] for o in made))}", "objects": made}
    try:
        parsed = stix2.parse(bundle, allow_custom=False, version="2.1")
    except (stix2.exceptions.STIXError, ValueError, TypeError) as error:
        raise OverflightError(f"the claims cannot be written as STIX 2.1 ({error})") from error
    return str(parsed.serialize(indent=1)) + "\n"


def _library() -> Any:
    try:
        import stix2
    except ImportError as error:
        raise OverflightError(
            "STIX needs the library stix2, which is not installed",
            remedy="Run: pip install 'overflight[stix]'",
        ) from error
    return stix2


def _uuid(*words: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, "\n".join(words))


def _stamp(time_s: float) -> str:
    return to_datetime(time_s).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _object(kind: str, key: Sequence[str], created_s: float, **fields: Any) -> dict[str, Any]:
    stamp = _stamp(created_s)
    kept = {name: value for name, value in fields.items() if value not in (None, "", [], ())}
    head = {"type": kind, "spec_version": "2.1", "id": f"{kind}--{_uuid(kind, *key)}"}
    return {**head, "created": stamp, "modified": stamp, **kept}


def _producer() -> str:
    return f"identity--{_uuid('identity', 'producer')}"


def _frame(created_s: float) -> list[dict[str, Any]]:
    return [
        _object("identity", ("producer",), created_s, name="Overflight", identity_class="system"),
        {
            **_object("extension-definition", (), created_s),
            "id": EXTENSION,
            "created_by_ref": _producer(),
            "name": "Row of a claims table",
            "description": "The cells of a claim, by column, as in the table of claims of Overflight.",
            "schema": "cells: list of {column, text}; the columns are those of Overflight's docs/claims.md",
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        },
    ]


def _claimant(claim: Claim) -> str:
    return (
        f"identity--{_uuid('identity', claim.claimant, claim.attribution)}" if claim.claimant else _producer()
    )


def _identities(claims: Iterable[Claim], created_s: float) -> list[dict[str, Any]]:
    known = {(c.claimant, c.attribution) for c in claims if c.claimant}
    return [
        _object(
            "identity", pair, created_s, name=pair[0], identity_class=_CLASSES.get(pair[1], "unknown"),
            labels=[pair[1]] if pair[1] else None,
        )
        for pair in sorted(known)
    ]  # fmt: skip


def _place_key(claim: Claim) -> tuple[str, ...]:
    return (repr(claim.lon_deg), repr(claim.lat_deg), repr(claim.radius_km), claim.place)


def _locations(claims: Iterable[Claim], created_s: float) -> list[dict[str, Any]]:
    placed = {_place_key(c): c for c in claims if c.lon_deg is not None}
    return [
        _object(
            "location", key, created_s, name=c.place or None, latitude=c.lat_deg,
            longitude=((c.lon_deg or 0.0) + 180.0) % 360.0 - 180.0,
            precision=c.radius_km * 1e3 if c.radius_km else None,
        )
        for key, c in placed.items()
    ]  # fmt: skip


def _report_id(claim_id: str) -> str:
    return f"report--{_uuid('report', claim_id)}"


def _report(claim: Claim, created_s: float) -> dict[str, Any]:
    said_s = claim.said.start_s if claim.said else created_s
    cells = [{"column": k, "text": v} for k, v in write_cells(claim).items() if v]
    places = [f"location--{_uuid('location', *_place_key(claim))}"] if claim.lon_deg is not None else []
    labels = [claim.topic, *claim.verbs, *(() if claim.said else ("undated",))]
    made = _object(
        "report", (claim.id,), said_s,
        created_by_ref=_producer(), name=claim.id, description=claim.claim, published=_stamp(said_s),
        labels=[label for label in labels if label], external_references=_references(claim),
        object_refs=[_claimant(claim), *places],
        extensions={EXTENSION: {"extension_type": "property-extension", "cells": cells}},
    )  # fmt: skip
    if claim.credibility in _CONFIDENCE:
        made["confidence"] = _CONFIDENCE[claim.credibility]
    return made


def _references(claim: Claim) -> list[dict[str, Any]]:
    name = claim.source or claim.claimant or claim.id
    if claim.url.startswith(("https://", "http://")):
        hashes = {"hashes": {"SHA-256": claim.sha256}} if claim.sha256 else {}
        return [{"source_name": name, "url": claim.url, **hashes}]
    if claim.url or claim.document:
        return [{"source_name": name, "external_id": claim.url or claim.document}]
    return []


def _relationship(edge: Edge, created_s: float) -> dict[str, Any]:
    return _object(
        "relationship", (edge.kind, edge.source, edge.target), created_s,
        created_by_ref=_producer(), relationship_type=edge.kind, labels=[DERIVED],
        description=f"{edge.by}: {edge.verb}",
        source_ref=_report_id(edge.source), target_ref=_report_id(edge.target),
    )  # fmt: skip


def _opinion(edge: Edge, by_id: Mapping[str, Claim], created_s: float) -> dict[str, Any]:
    claim = by_id[edge.source]
    return _object(
        "opinion", (edge.kind, edge.source, edge.target), created_s,
        created_by_ref=_claimant(claim), authors=[claim.claimant] if claim.claimant else None,
        opinion=_OPINIONS[edge.kind, edge.full], explanation=f"{edge.source}: {claim.claim}",
        labels=[DERIVED], object_refs=[_report_id(edge.target)],
    )  # fmt: skip


def _groupings(claims: Sequence[Claim], created_s: float) -> list[dict[str, Any]]:
    stances = contradictions(claims)
    topics = sorted({c.topic for c in claims if c.topic and stances[c.id].opposed})
    return [
        _object(
            "grouping", (topic,), created_s, created_by_ref=_producer(), name=topic.replace("_", " "),
            description="Claims that contradict one another, and those on the same matter.",
            context="unspecified", labels=[DERIVED],
            object_refs=[_report_id(c.id) for c in claims if c.topic == topic],
        )
        for topic in topics
    ]  # fmt: skip


def _ratings(claims: Iterable[Claim], created_s: float) -> list[dict[str, Any]]:
    return [
        _object(
            "note", ("rating", c.id), created_s, created_by_ref=_producer(), labels=[DERIVED],
            abstract=f"{c.reliability}{c.credibility} on the Admiralty scale",
            content=f"Source: {RELIABILITIES[c.reliability]}. Information: {CREDIBILITIES[c.credibility]}.",
            object_refs=[_report_id(c.id)],
        )
        for c in claims
        if c.reliability != "F" or c.credibility != 6
    ]  # fmt: skip


def _check_note(check: Check, created_s: float) -> dict[str, Any]:
    p = f" (p = {check.p:.3g})" if check.p is not None else ""
    return _object(
        "note", ("check", check.finding_id), created_s, created_by_ref=_producer(), labels=[DERIVED],
        abstract=f"{check.finding_id}: {check.verdict}{p}",
        content=" ".join(t for t in (check.reason, check.hint, *check.basis) if t) or check.verdict,
        object_refs=[_report_id(check.claim)],
    )  # fmt: skip


# --- in


def read_stix(path: str | Path, *, allow_custom: bool = False) -> StixImport:
    """Read claims from a STIX 2.1 bundle. See `parse_stix`."""
    path = Path(path)
    try:
        text = read_limited(path, MOST_BYTES, "the bundle").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8", file=path.name, remedy="STIX is JSON in UTF-8.") from error
    return parse_stix(text, file=path.name, allow_custom=allow_custom)


def parse_stix(text: str, *, file: str = "bundle", allow_custom: bool = False) -> StixImport:
    """Return the claims of a STIX 2.1 bundle, in its order.

    `allow_custom` lets properties and objects pass that are not of the standard.

    Raises
    ------
    InputError
        When it is no JSON, no bundle, or not valid STIX 2.1; when a row of ours in it is no claim.
    LimitError
        When it is nested too deep or holds too many objects.
    """
    stix2 = _library()
    bundle = _json(text, file)
    objects = _objects(bundle, file)
    for one in objects:
        _validate(stix2, one, file, allow_custom)
    try:
        stix2.parse({**bundle, "objects": []}, allow_custom=allow_custom, version="2.1")
    except Exception as error:
        raise _invalid(str(bundle.get("id", "bundle")), error, file) from error
    return _claims(_newest(objects), file)


def _json(text: str, file: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError as error:
        raise LimitError("it is nested too deep", where=file, remedy="STIX bundles are flat.") from error
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise InputError(
            f"is not JSON ({getattr(error, 'msg', error)})", file=file, line=line, remedy="Write it anew."
        ) from error
    _check_depth(found, file)
    if not isinstance(found, dict) or found.get("type") != "bundle":
        raise InputError("is not a STIX bundle", file=file, field="type", remedy="Its type must be 'bundle'.")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _check_depth(found: Any, file: str) -> None:
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise LimitError("it is nested too deep", where=file, remedy="STIX bundles are flat.")
        inner = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list))
        level = [v for values in inner for v in values]


def _objects(bundle: Mapping[str, Any], file: str) -> list[dict[str, Any]]:
    objects = bundle.get("objects")
    if not isinstance(objects, list) or not objects or not all(isinstance(o, dict) for o in objects):
        raise InputError(
            "the bundle has no list of objects", file=file, field="objects", remedy="Put the objects there."
        )
    if len(objects) > MOST_OBJECTS:
        raise LimitError(f"{len(objects)} objects; at most {MOST_OBJECTS}", where=file, remedy="Split it.")
    return objects


def _validate(stix2: Any, one: Mapping[str, Any], file: str, allow_custom: bool) -> None:
    name = str(one.get("id", one.get("type", "an object")))
    if one.get("spec_version") != "2.1" and "created" in one:
        raise InputError(
            f"{_clean(name)} is not of STIX 2.1", file=file, field="spec_version",
            remedy="Convert the bundle (stix2-elevator does) and read it again.",
        )  # fmt: skip
    confidence = one.get("confidence", 0)
    if type(confidence) is not int or not 0 <= confidence <= 100:
        # The library checks it for some types of object only.
        raise _invalid(name, ValueError(f"confidence {confidence!r:.40} is not within 0 to 100"), file)
    try:
        # The library raises more than its own errors at what nobody would write.
        stix2.parse(dict(one), allow_custom=allow_custom, version="2.1")
    except Exception as error:
        raise _invalid(name, error, file) from error


def _invalid(name: str, error: Exception, file: str) -> InputError:
    return InputError(
        f"{_clean(name)} is not valid STIX 2.1: {_clean(str(error), 300)}",
        file=file,
        remedy="Correct the object, or take it out.",
    )


def _clean(text: str, limit: int = 80) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:limit])


def _newest(objects: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of several versions of an object the newest, where the first stood."""
    kept: dict[str, Mapping[str, Any]] = {}
    for one in objects:
        before = kept.get(one["id"])
        if before is None or str(one.get("modified", "")) > str(before.get("modified", "")):
            kept[one["id"]] = one
    return list(kept.values())


def _claims(objects: Sequence[Mapping[str, Any]], file: str) -> StixImport:
    names = {o["id"]: o for o in objects if o["type"] == "identity"}
    claims: dict[str, Claim] = {}
    used = {EXTENSION}
    for one in objects:
        if DERIVED in one.get("labels", ()):
            used.add(one["id"])
        elif one["type"] in ("report", "note", "opinion"):
            claims[one["id"]] = _claim(one, names, file)
            used.add(one["id"])
    _relate(objects, claims, used)
    used |= {o["id"] for o in objects if o["type"] in ("identity", "location")}
    ignored: dict[str, int] = {}
    for one in objects:
        if one["id"] not in used:
            ignored[one["type"]] = ignored.get(one["type"], 0) + 1
    if len({c.id for c in claims.values()}) < len(claims):
        raise InputError("two of its claims share an id", file=file, remedy="Give every claim its own id.")
    return StixImport(tuple(claims.values()), ignored)


def _claim(one: Mapping[str, Any], names: Mapping[str, Mapping[str, Any]], file: str) -> Claim:
    row = one.get("extensions", {}).get(EXTENSION)
    if row is not None:
        return _own_claim(one, row, file)
    author = names.get(one.get("created_by_ref", ""), {})
    text = str(
        one.get("description") or one.get("content") or one.get("explanation") or one.get("name") or ""
    )
    if len(text) > MOST_CHARACTERS:
        raise LimitError(
            f"the text has {len(text)} characters, more than {MOST_CHARACTERS}", where=f"{file}, {one['id']}"
        )
    references = one.get("external_references") or [{}]
    return Claim(
        id=one["id"],
        date=str(one.get("published") or one.get("created"))[:10],
        claimant=str(author.get("name") or ", ".join(one.get("authors", ()))),
        attribution=_ATTRIBUTIONS.get(str(author.get("identity_class", "")), ""),
        claim=text.strip(),
        url=str(references[0].get("url", "")),
        source=str(references[0].get("source_name", "")),
        credibility=_credibility(one.get("confidence")),
    )


def _own_claim(one: Mapping[str, Any], row: Any, file: str) -> Claim:
    where = f"{file}, {one['id']}"
    cells = row.get("cells") if isinstance(row, dict) else None
    good = isinstance(cells, list) and all(
        isinstance(c, dict) and isinstance(c.get("column"), str) and isinstance(c.get("text"), str)
        for c in cells
    )
    named = {c["column"]: c["text"] for c in cells or ()} if good else {}
    if not good or "id" not in named or any(len(v) > MOST_CHARACTERS for v in named.values()):
        raise InputError("its row of a claims table is malformed", file=where, remedy="Export it anew.")
    return read_cells(named, file=where)


def _credibility(confidence: Any) -> Credibility:
    """Read a confidence back as credibility; 0 and absent are 'cannot be judged' (STIX: not specified)."""
    if not isinstance(confidence, int) or confidence == 0:
        return 6
    return next(grade for least, grade in _LEAST if confidence >= least)


def _relate(objects: Iterable[Mapping[str, Any]], claims: dict[str, Claim], used: set[str]) -> None:
    """Put foreign relationships and opinions down as relations of their claims."""
    for one in objects:
        if DERIVED in one.get("labels", ()):
            continue
        if one["type"] == "relationship" and {one["source_ref"], one["target_ref"]} <= set(claims):
            verb = str(one["relationship_type"]).replace("-", "_")
            known = verb if verb in VERB_KINDS else "related"
            _add(claims, one["source_ref"], known, one["target_ref"])
            used.add(one["id"])
        elif one["type"] == "opinion" and one["id"] in claims:
            for target in one["object_refs"]:
                if target in claims:
                    _add(claims, one["id"], _OPINION_VERBS[one["opinion"]], target)


def _add(claims: dict[str, Claim], source: str, verb: str, target: str) -> None:
    claim = claims[source]
    relation = Relation(verb, claims[target].id)
    if relation not in claim.relations:
        claims[source] = replace(claim, relations=(*claim.relations, relation))

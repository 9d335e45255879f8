"""Which claims speak against which, read both ways.

A table says a contradiction once, on either side ("contradicts" or "contradicted_by"); here it is an
edge that both ends see. Tension (it may be reconciled) is kept apart from contradiction. An id that the
table does not hold stays in the answer and is listed as unknown. Nothing here says who is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overflight.claims.records import Claim
from overflight.records import Finding

AGAINST = frozenset({"contradicts", "denies", "disputes", "refutes"})
AGAINST_ME = frozenset({"contradicted_by", "denied_by", "disputed_by", "refuted_by"})
IN_TENSION = frozenset({"tension", "in_tension_with"})


@dataclass(frozen=True, slots=True)
class Stance:
    """What one claim speaks against, what speaks against it, and what it is in tension with."""

    contradicts: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()
    tension: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def opposed(self) -> bool:
        """Whether anything speaks against the claim or it against anything."""
        return bool(self.contradicts or self.contradicted_by)


def contradictions(claims: Sequence[Claim]) -> dict[str, Stance]:
    """Return the stance of every claim, in the order of `claims`; ids sorted, unknown ids kept."""
    known = {claim.id for claim in claims}
    against: set[tuple[str, str]] = set()
    tension: set[tuple[str, str]] = set()
    related: dict[str, set[str]] = {claim.id: set() for claim in claims}
    for claim in claims:
        for relation in claim.relations:
            related[claim.id].add(relation.claim_id)
            if relation.verb in AGAINST:
                against.add((claim.id, relation.claim_id))
            elif relation.verb in AGAINST_ME:
                against.add((relation.claim_id, claim.id))
            elif relation.verb in IN_TENSION:
                tension |= {(claim.id, relation.claim_id), (relation.claim_id, claim.id)}
    ahead, behind = _by_first(against), _by_first((b, a) for a, b in against)
    beside = _by_first(tension)
    return {
        claim.id: Stance(
            contradicts=_sorted(ahead.get(claim.id, ())),
            contradicted_by=_sorted(behind.get(claim.id, ())),
            tension=_sorted(beside.get(claim.id, ())),
            unknown=_sorted(related[claim.id] - known),
        )
        for claim in claims
    }


def _by_first(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for a, b in pairs:
        found.setdefault(a, []).append(b)
    return found


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


def claims_section(claims: Sequence[Claim]) -> dict[str, Any]:
    """Return `sections.claims` of the result: `rows`, `groups` by topic, and `unknown_ids`."""
    stances = contradictions(claims)
    rows = [_row(claim, stances[claim.id]) for claim in claims]
    unknown = sorted({i for stance in stances.values() for i in stance.unknown})
    return {"rows": rows, "groups": _groups(claims, stances), "unknown_ids": unknown}


def _row(claim: Claim, stance: Stance) -> dict[str, Any]:
    names = ("id", "date", "claimant", "attribution", "claim", "topic", "status", "url", "note")
    return {
        **{name: getattr(claim, name) for name in names},
        "relations": [{"verb": r.verb, "id": r.claim_id} for r in claim.relations],
        "contradicts": list(stance.contradicts),
        "contradicted_by": list(stance.contradicted_by),
        "tension": list(stance.tension),
        "unknown_ids": list(stance.unknown),
    }


def _groups(claims: Sequence[Claim], stances: Mapping[str, Stance]) -> list[dict[str, Any]]:
    topics: dict[str, list[Claim]] = {}
    for claim in claims:
        topics.setdefault(claim.topic or "other", []).append(claim)
    return [
        {
            "topic": topic,
            "ids": [claim.id for claim in members],
            "contested": [claim.id for claim in members if stances[claim.id].opposed],
        }
        for topic, members in sorted(topics.items())
    ]


def contradiction_findings(claims: Sequence[Claim]) -> list[Finding]:
    """Return one finding a topic, `claims.<topic>.agreement`: contested, or no contradiction recorded."""
    stances = contradictions(claims)
    return [
        Finding(
            id=f"claims.{_subject(group['topic'])}.agreement",
            question=f"Do the claims about {group['topic'].replace('_', ' ')} contradict each other?",
            kind="category",
            unit="",
            value={"category": "contested" if group["contested"] else "no contradiction recorded"},
            evidence=tuple(_parties(group, stances) or group["ids"]),
            reason="Read from the relations in the claims table; nothing is weighed.",
        )
        for group in _groups(claims, stances)
    ]


def _parties(group: Mapping[str, Any], stances: Mapping[str, Stance]) -> list[str]:
    opponents = {i for me in group["contested"] for i in _opponents(stances[me])}
    return sorted(set(group["contested"]) | opponents)


def _opponents(stance: Stance) -> tuple[str, ...]:
    return stance.contradicts + stance.contradicted_by


def _subject(topic: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else "_" for c in topic)

"""What a person should look at: merged questions, what a retelling changed, odd relations, odd dates.

A retelling is compared with what it repeats by their typed fields alone: nothing is flagged that nobody
typed. Owners are compared along every relation, since a swapped owner comes as a contradiction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from overflight.claims.questions import merged_questions
from overflight.claims.records import ATTRIBUTIONS, QUESTIONS, Claim, Flag
from overflight.claims.relations import Edge, edges, relation_flags

FLAGS: Final[Mapping[str, str]] = {
    "merged_questions": "one claim speaks to two of the four questions",
    "swapped_owner": "two linked claims name different owners",
    "changed_question": "a retelling speaks to another question than its source",
    "changed_answer": "a retelling gives another answer",
    "changed_subject": "a retelling speaks of another subject",
    "changed_object": "a retelling speaks of another object",
    "changed_quantity": "a retelling gives another quantity",
    "changed_place": "a retelling gives another place",
    "changed_time": "a retelling gives another time",
    "changed_attribution": "a retelling gives it to somebody else",
    "lost_attribution": "a retelling says in its own voice what somebody said",
    "lost_hedge": "a retelling is surer than its source",
    "added_hedge": "a retelling doubts what its source did not",
    "lost_qualifier": "a retelling leaves a limit out",
    "cycle": "claims supersede or repeat one another in a circle",
    "relates_to_itself": "a claim stands in relation to itself",
    "absent_claim": "a relation points at an id that is not there",
    "unknown_relation": "the verb of a relation is not known",
    "supersedes_what_came_later": "a claim overtakes one that was said after it",
    "unknown_attribution": "the kind of attribution is not one of ours",
    "local_time_of_nowhere": "a clock time has no zone",
    "said_before": "it was said before the time that it tells of",
}
_OWN_VOICE: Final = frozenset({"media_report", "article_voice"})


def all_flags(claims: Sequence[Claim]) -> tuple[Flag, ...]:
    """Return every flag of a table: merged questions, retellings, relations, then single rows."""
    merged = (flag for c in claims if (flag := merged_questions(c)) is not None)
    own = (flag for c in claims for flag in _row_flags(c))
    return (*merged, *retelling_flags(claims), *relation_flags(claims), *own)


def retelling_flags(claims: Sequence[Claim]) -> tuple[Flag, ...]:
    """Return what retellings changed against the claims that they repeat, and swapped owners."""
    by_id = {c.id: c for c in claims}
    found: dict[tuple[str, str, str], Flag] = {}
    for edge in edges(claims):
        told, source = by_id.get(edge.source), by_id.get(edge.target)
        if told is None or source is None:
            continue
        for code, why in (*_owner(told, source), *(_changes(told, source) if edge.kind == "repeats" else ())):
            pair = sorted((told.id, source.id)) if code == "swapped_owner" else [told.id, source.id]
            reason = f"{told.id} against {source.id}: {why}"
            found.setdefault(
                (code, pair[0], pair[1] + ("" if code == "swapped_owner" else why)),
                Flag(code, _who(edge), reason),
            )
    return tuple(found.values())


def _who(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


def _owner(told: Claim, source: Claim) -> Iterator[tuple[str, str]]:
    if "owned" in told.verbs and "owned" in source.verbs and _differ(told.subject, source.subject):
        yield "swapped_owner", f"owner “{told.subject}”, there “{source.subject}”"


def _changes(told: Claim, source: Claim) -> Iterator[tuple[str, str]]:
    differ = bool(told.verbs and source.verbs) and set(told.verbs) != set(source.verbs)
    if differ and {*told.verbs, *source.verbs} & set(QUESTIONS):
        yield "changed_question", f"{' and '.join(told.verbs)}, there {' and '.join(source.verbs)}"
    if told.answer and source.answer and told.answer != source.answer:
        yield "changed_answer", f"{told.answer}, there {source.answer}"
    owned = "owned" in told.verbs and "owned" in source.verbs
    fields: tuple[tuple[str, Callable[[Claim], str]], ...] = (
        *(() if owned else (("changed_subject", lambda c: c.subject),)),
        ("changed_object", lambda c: c.object),
        ("changed_place", lambda c: c.area or c.place),
        ("changed_time", lambda c: c.about),
    )
    for code, read in fields:
        if _differ(read(told), read(source)):
            yield code, f"“{read(told)}”, there “{read(source)}”"
    if told.quantity and source.quantity and told.quantity != source.quantity:
        yield "changed_quantity", "the quantity differs"
    yield from _voice(told, source)
    yield from _limits(told, source)


def _voice(told: Claim, source: Claim) -> Iterator[tuple[str, str]]:
    if not told.attribution or not source.attribution or source.attribution in _OWN_VOICE:
        return
    if told.attribution in _OWN_VOICE:
        yield "lost_attribution", f"there it is said by {source.claimant}"
    elif told.attribution != source.attribution or _differ(told.origin, source.origin):
        yield "changed_attribution", f"by {told.claimant}, there by {source.claimant}"


def _limits(told: Claim, source: Claim) -> Iterator[tuple[str, str]]:
    if source.hedge and not told.hedge:
        yield "lost_hedge", f"there “{source.hedge}”"
    elif told.hedge and not source.hedge and (source.quote or source.verbs):
        yield "added_hedge", f"“{told.hedge}”"
    kept = {_folded(q) for q in told.qualifiers}
    for qualifier in source.qualifiers:
        if _folded(qualifier) not in kept:
            yield "lost_qualifier", f"there “{qualifier}”"


def _row_flags(claim: Claim) -> Iterator[Flag]:
    if claim.attribution and claim.attribution not in ATTRIBUTIONS:
        known = ", ".join(ATTRIBUTIONS)
        reason = f"attribution '{claim.attribution}' is kept; known are {known}"
        yield Flag("unknown_attribution", (claim.id,), reason)
    said, about = claim.said, claim.about_time
    for name, span in (("date", said), ("about", about)):
        if span is not None and span.naive:
            reason = f"{name} '{getattr(claim, name)}' has no zone and is taken as any on Earth"
            yield Flag("local_time_of_nowhere", (claim.id,), reason)
    if said is not None and about is not None and said.widened()[1] <= about.widened()[0]:
        reason = f"said {claim.date} of {claim.about}"
        yield Flag("said_before", (claim.id,), reason)


def _differ(a: str, b: str) -> bool:
    return bool(a and b) and _folded(a) != _folded(b)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

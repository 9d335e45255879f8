"""All that is said about the claims of a case: findings, and the section of the result.

claims (+ ensemble, findings of other parts) ──► contradictions · questions · independence · flags · checks
                                                  · weighing ──► findings, `sections.claims`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from overflight.claims.contradictions import claims_section, contradiction_findings
from overflight.claims.flags import all_flags
from overflight.claims.independence import Sources, independent_sources
from overflight.claims.physics import Check, check_claims, word
from overflight.claims.questions import ANSWER_WORDS, QuestionState, state
from overflight.claims.records import QUESTION_WORDS, QUESTIONS, Claim, Flag, Verb
from overflight.claims.relations import edges
from overflight.claims.weighing import Weighing, balance, question_matrix, weigh, weighing_lines
from overflight.claims.wording import touches
from overflight.records import Finding
from overflight.times import iso_utc

if TYPE_CHECKING:
    import xarray as xr

_MORE = (
    "answer", "hedge", "subject", "object", "about", "place", "area", "side", "source", "origin", "quote",
    "sha256", "reliability", "credibility", "document",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClaimsAnswer:
    """Findings, the section of the result, and the checks by physics that are in both."""

    findings: tuple[Finding, ...]
    section: dict[str, Any]
    checks: tuple[Check, ...] = ()


def answer_claims(
    claims: Sequence[Claim],
    *,
    ensemble: xr.Dataset | None = None,
    findings: Sequence[Finding] = (),
    on_s: float | None = None,
) -> ClaimsAnswer:
    """Answer what can be asked of the claims of a case.

    Parameters
    ----------
    claims : as `table.read_claims` gives them.
    ensemble : the flight that typed claims are tested against; none is tested on places without it.
    findings : those of other parts (crossings, steer, custody, programme); tested against by id.
    on_s : when the state of the questions is asked for, POSIX seconds; after the last claim when None.

    Returns
    -------
    Findings `claims.<topic>.agreement` and `.independent_sources`; `claims.<question>.held`, `.sources_yes`,
    `.sources_no`; `claims.<claim>.<aspect>`, `.<aspect>_p` and `.place_distance`. The section has the keys
    `rows`, `groups`, `unknown_ids`, `questions`, `balance`, `points`, `edges`, `flags`, `checks`, `weighing`.
    """
    when = _last_said(claims) if on_s is None else on_s
    states = [state(claims, question, when) for question in QUESTIONS] if when is not None else []
    checks = check_claims(claims, ensemble=ensemble, findings=findings)
    flags = all_flags(claims)
    topics = _topics(claims)
    made = [
        *contradiction_findings(claims),
        *(_sources_finding(topic, found, ids) for topic, (ids, found) in topics.items()),
        *(finding for one in states for finding in state_findings(one)),
        *(finding for check in checks for finding in check_findings(check)),
    ]
    section = _section(claims, states, checks, flags, {t: found for t, (_, found) in topics.items()})
    return ClaimsAnswer(tuple(made), section, checks)


def _last_said(claims: Iterable[Claim]) -> float | None:
    return max((c.said.end_s for c in claims if c.said is not None), default=None)


def _topics(claims: Sequence[Claim]) -> dict[str, tuple[list[str], Sources]]:
    ids: dict[str, list[str]] = {}
    for claim in claims:
        ids.setdefault(claim.topic or "other", []).append(claim.id)
    return {topic: (own, independent_sources(claims, own)) for topic, own in sorted(ids.items())}


# --- findings


def _sources_finding(topic: str, found: Sources, ids: Sequence[str]) -> Finding:
    return Finding(
        id=f"claims.{word(topic)}.independent_sources",
        question=f"How many independent sources speak about {topic.replace('_', ' ')}?",
        kind="interval",
        unit="1",
        value={"lo": float(found.low), "hi": float(found.high)},
        evidence=tuple(ids),
        reason=_why(found),
    )


def _why(found: Sources) -> str:
    """Say what was taken together; at most a few reasons, for a reader."""
    reasons = [reason for group in found.groups for reason in group.reasons]
    if not reasons:
        return "Nothing links these claims."
    more = f"; and {len(reasons) - 6} more" if len(reasons) > 6 else ""
    return f"{'; '.join(reasons[:6])}{more}."


def state_findings(found: QuestionState) -> list[Finding]:
    """Return what was held on a question, and on how many independent sources each way."""
    asked = QUESTION_WORDS[found.question]
    on = iso_utc(found.on_s)
    given = {"on": on}
    word_of = _held_word(found)
    ids = tuple(i for held in found.held for i in held.claims)
    overtaken = f" Overtaken by then: {', '.join(i for i, _ in found.overtaken)}." if found.overtaken else ""
    by_words = [i for held in found.held for i in held.by_words]
    read = f" Read from the words, not typed: {', '.join(by_words)}." if by_words else ""
    head = Finding(
        id=f"claims.{found.question}.held",
        question=f"{asked} What was held at {on}?",
        kind="category" if found.held else "undetermined",
        unit="",
        value={"category": word_of} if found.held else None,
        given=given,
        evidence=ids,
        reason=f"{'What was said, not what is so.' if found.held else 'Nobody had said anything of it.'}"
        f"{overtaken}{read}",
    )
    counts = [
        Finding(
            id=f"claims.{found.question}.sources_{held.answer}",
            question=f"{asked} How many independent sources said “{ANSWER_WORDS[held.answer]}” at {on}?",
            kind="interval",
            unit="1",
            value={"lo": float(held.sources.low), "hi": float(held.sources.high)},
            given=given,
            evidence=held.claims,
            reason=_why(held.sources),
        )
        for held in found.held
    ]
    return [head, *counts]


def _held_word(found: QuestionState) -> str:
    if found.contested:
        return "contested"
    told = [held.answer for held in found.held if held.answer != "open"]
    return ANSWER_WORDS[told[0]] if told else ANSWER_WORDS["open"]


def check_findings(check: Check) -> list[Finding]:
    """Return the verdict of physics on a claim, its probability if any, and the distance of a place."""
    evidence = (check.claim, *check.basis)
    tested = check.verdict != "untestable"
    asked = f"Does claim {check.claim} fit the flight ({check.aspect})?"
    reason = f"{check.reason}; {check.hint}" if check.hint and check.hint != check.reason else check.reason
    out = [
        Finding(
            id=check.finding_id, question=asked, kind="category" if tested else "undetermined", unit="",
            value={"category": check.verdict} if tested else None, evidence=evidence, reason=reason,
        )
    ]  # fmt: skip
    if check.p is not None:
        how = _P_WORDS.get(
            check.aspect, "how often would the flight lie at least so far from what was found?"
        )
        out.append(
            Finding(
                id=f"{check.finding_id}_p", question=f"Were claim {check.claim} right, {how}",
                kind="probability", unit="1", value={"p": check.p}, evidence=evidence, reason=reason,
            )
        )  # fmt: skip
    if check.distance_km is not None:
        values = dict(zip(("p05", "p50", "p95"), check.distance_km, strict=True))
        out.append(
            Finding(
                id=f"{check.finding_id}_distance", kind="interval", unit="km", value={**values},
                question=f"How near did the flight come to the place of claim {check.claim} in its time?",
                evidence=evidence, reason=reason,
            )
        )  # fmt: skip
    return out


_P_WORDS: Mapping[str, str] = {
    "place": "how often would a report of it lie at least as far out of the flight's ensemble?",
    "height": "how often would the flight's heights lie at least as far off?",
    "speed": "how often would the flight's speeds lie at least as far off?",
    "entry": "how often would the entry lie at least as far off?",
    "manoeuvre": "how probable is the motion that it speaks of?",
    "reach": "how often does a flight that nobody steers get there?",
}


# --- the section


def _section(
    claims: Sequence[Claim],
    states: Sequence[QuestionState],
    checks: Sequence[Check],
    flags: Sequence[Flag],
    topics: Mapping[str, Sources],
) -> dict[str, Any]:
    section = claims_section(claims)
    codes: dict[str, set[str]] = {}
    for flag in flags:
        for i in flag.claims:
            codes.setdefault(i, set()).add(flag.code)
    tested: dict[str, list[dict[str, Any]]] = {}
    for check in checks:
        tested.setdefault(check.claim, []).append(_check_row(check))
    section["rows"] = [
        {**row, **_more(c), "flags": sorted(codes.get(c.id, ())), "checks": tested.get(c.id, [])}
        for row, c in zip(section["rows"], claims, strict=True)
    ]
    section["groups"] = [{**g, **_count(topics[g["topic"]])} for g in section["groups"]]
    section["questions"] = [state_row(found) for found in states]
    section["balance"] = [
        {
            "question": q,
            "steps": [{"time_s": t, **{a: list(n) for a, n in held.items()}} for t, held in moved],
        }
        for q in QUESTIONS
        if (moved := balance(claims, q))
    ]
    section["points"] = _points(claims)
    section["edges"] = [
        {"kind": e.kind, "source": e.source, "target": e.target, "verb": e.verb, "full": e.full}
        for e in edges(claims)
    ]
    section["flags"] = [{"code": f.code, "claims": list(f.claims), "reason": f.reason} for f in flags]
    section["checks"] = [_check_row(check) for check in checks]
    section["weighing"] = [row for q in QUESTIONS if (row := _weighing_row(claims, q)) is not None]
    return section


def _more(claim: Claim) -> dict[str, Any]:
    said, quantity = claim.said, claim.quantity
    return {
        **{name: getattr(claim, name) for name in _MORE},
        "verbs": list(claim.verbs),
        "qualifiers": list(claim.qualifiers),
        "quantity": [quantity.low, quantity.high, quantity.unit] if quantity else None,
        "said": [said.start_s, said.end_s] if said else None,
    }


def _count(found: Sources) -> dict[str, Any]:
    return {"sources": [found.low, found.high], "reasons": [r for g in found.groups for r in g.reasons]}


def state_row(found: QuestionState) -> dict[str, Any]:
    """Return the state of a question as plain data."""
    return {
        "question": found.question,
        "words": QUESTION_WORDS[found.question],
        "on_s": found.on_s,
        "contested": found.contested,
        "held": [
            {
                "answer": held.answer,
                "claims": list(held.claims),
                "claimants": list(held.claimants),
                "by_words": list(held.by_words),
                **_count(held.sources),
            }
            for held in found.held
        ],
        "overtaken": [{"id": i, "by": list(by)} for i, by in found.overtaken],
        "repeating": [{"id": i, "of": list(of)} for i, of in found.repeating],
        "undated": list(found.undated),
        "perhaps": list(found.perhaps),
        "merged": list(found.merged),
        "finding_ids": [finding.id for finding in state_findings(found)],
    }


def _points(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Every dated statement on a question: when, which, what, by which side."""
    return [
        {"id": c.id, "time_s": c.said.start_s, "question": t.verb, "answer": t.answer, "side": c.side}
        for c in claims
        if c.said is not None
        for t in touches(c)
        if t.verb in QUESTIONS and not t.granted
    ]


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "claim": check.claim,
        "aspect": check.aspect,
        "verdict": check.verdict,
        "p": check.p,
        "reason": check.reason,
        "hint": check.hint,
        "finding_ids": [finding.id for finding in check_findings(check)],
        "basis": list(check.basis),
    }


def _weighing_row(claims: Sequence[Claim], question: Verb) -> dict[str, Any] | None:
    matrix = question_matrix(claims, question)
    if not any("I" in item.scores for item in matrix.items):
        return None
    return {"question": question, **weighing_row(weigh(matrix))}


def weighing_row(found: Weighing) -> dict[str, Any]:
    """Return an analysis of competing hypotheses as plain data."""
    return {
        "hypotheses": list(found.matrix.hypotheses),
        "items": [
            {"id": i.id, "scores": list(i.scores), "weight": [i.weight, i.low, i.high], "said_s": i.said_s}
            for i in found.matrix.items
        ],
        "ranked": [
            {"hypothesis": r.hypothesis, "score": [r.score, r.low, r.high], "against": list(r.against)}
            for r in found.ranked
        ],
        "leaders": list(found.leaders),
        "diagnosticity": [{"item": name, "value": value} for name, value in found.diagnosticity],
        "sensitive": [
            {"item": s.item, "without": list(s.leaders_without), "turned": list(s.leaders_turned)}
            for s in found.sensitive
            if s.changes
        ],
        "steps": [{"time_s": s.said_s, "item": s.item, "scores": list(s.scores)} for s in found.steps],
        "undated": list(found.undated),
        "weights_decide": found.weights_decide,
        "lines": weighing_lines(found),
    }

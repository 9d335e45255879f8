"""What was held on a day: the state of each of the four questions, by whom, on how many sources.

Could it collect, did it collect, could it send, did it send: four questions that retellings merge. A claim
that was overtaken by then is not held any more; one that repeats another adds no source; one without a date
is listed and not counted. The state says what was held, not what is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from overflight.claims.dates import read_span
from overflight.claims.independence import Sources, independent_sources, institution, person, repeated
from overflight.claims.records import ANSWERS, QUESTION_WORDS, QUESTIONS, Answer, Claim, Flag, Verb
from overflight.claims.relations import overtaken
from overflight.claims.wording import Touch, read_words, touches

ANSWER_WORDS: Final[Mapping[Answer, str]] = {"yes": "yes", "no": "no", "open": "not known"}


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that was held: the claims that give it, who made them, and the sources that they come to.

    `by_words` are the claims whose verb was read from their words, since nobody typed one.
    """

    answer: Answer
    claims: tuple[str, ...]
    claimants: tuple[str, ...]
    sources: Sources
    by_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionState:
    """The state of one question at `on_s` (POSIX seconds UTC).

    `overtaken` pairs a claim with those that overtook it by then; `repeating` with those that it repeats;
    `undated` speak to the question and have no date; `perhaps` were said at a time that the date leaves open.
    """

    question: Verb
    on_s: float
    held: tuple[Held, ...]
    overtaken: tuple[tuple[str, tuple[str, ...]], ...] = ()
    repeating: tuple[tuple[str, tuple[str, ...]], ...] = ()
    undated: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()

    @property
    def contested(self) -> bool:
        """Whether both yes and no are held."""
        return {"yes", "no"} <= {held.answer for held in self.held}


def states(claims: Sequence[Claim], on: str) -> tuple[QuestionState, ...]:
    """Return the state of the four questions at the end of the day or the time `on` ('2023-05-01')."""
    end_s = read_span(on).end_s
    return tuple(state(claims, question, end_s) for question in QUESTIONS)


def state(claims: Sequence[Claim], question: Verb, on_s: float) -> QuestionState:
    """Return the state of a question at `on_s`, from what was said until then."""
    touching = {c.id: touch for c in claims if (touch := _on(c, question)) is not None}
    said, perhaps = _said_by(claims, on_s)
    later = _overtaken_by(claims, touching, said)
    standing = [c for c in claims if c.id in touching and c.id in said and c.id not in later]
    repeats = repeated(claims)
    return QuestionState(
        question,
        on_s,
        tuple(h for a in ANSWERS if (h := _held(claims, standing, touching, a, said)) is not None),
        overtaken=tuple((i, later[i]) for i in touching if i in later and i in said),
        repeating=tuple((c.id, repeats[c.id]) for c in standing if c.id in repeats),
        undated=tuple(c.id for c in claims if c.id in touching and c.said is None),
        perhaps=tuple(i for i in touching if i in perhaps),
        merged=tuple(c.id for c in standing if merged_questions(c) is not None),
    )


def _on(claim: Claim, question: Verb) -> Touch | None:
    return next((t for t in touches(claim) if t.verb == question and not t.granted), None)


def _said_by(claims: Iterable[Claim], on_s: float) -> tuple[set[str], set[str]]:
    """Return the ids of what was said by a time for certain, and of what may have been."""
    spans = {c.id: c.said for c in claims}
    said = {i for i, span in spans.items() if span is not None and span.end_s <= on_s}
    perhaps = {i for i, span in spans.items() if span is not None and span.start_s < on_s < span.end_s}
    return said, perhaps


def _overtaken_by(
    claims: Sequence[Claim], touching: Mapping[str, Touch], said: set[str]
) -> dict[str, tuple[str, ...]]:
    """Return what was overtaken: by the table, or because the same voice later answered otherwise."""
    later = {i: tuple(b for b in by if b in said) for i, by in overtaken(claims).items()}
    out = {i: by for i, by in later.items() if by}
    voices: dict[str, list[Claim]] = {}
    for claim in claims:
        name = person(claim) or institution(claim)
        if name and claim.id in touching and claim.id in said:
            voices.setdefault(name, []).append(claim)
    for own in voices.values():
        for claim in own:
            newer = tuple(c.id for c in own if _changed_mind(claim, c, touching))
            if newer:
                out[claim.id] = tuple(dict.fromkeys((*out.get(claim.id, ()), *newer)))
    return out


def _changed_mind(before: Claim, after: Claim, touching: Mapping[str, Touch]) -> bool:
    if before.said is None or after.said is None or before.said.end_s > after.said.start_s:
        return False
    return touching[before.id].answer != touching[after.id].answer


def _held(
    claims: Sequence[Claim],
    standing: Sequence[Claim],
    touching: Mapping[str, Touch],
    answer: Answer,
    said: set[str],
) -> Held | None:
    own = [c for c in standing if touching[c.id].answer == answer]
    if not own:
        return None
    known = [c for c in _with_what_they_repeat(claims, standing) if c.id in said]
    # A retelling of something else is no source of what it turned it into.
    ids, repeats = {c.id for c in own}, repeated(claims)
    sources = [c.id for c in own if c.id not in repeats or ids & set(repeats[c.id])]
    return Held(
        answer,
        tuple(c.id for c in own),
        tuple(dict.fromkeys(c.claimant for c in own)),
        independent_sources(known, sources),
        tuple(c.id for c in own if not c.verbs),
    )


def _with_what_they_repeat(claims: Sequence[Claim], standing: Sequence[Claim]) -> list[Claim]:
    """Return the standing claims and all that they repeat, directly or through others; no others matter."""
    repeats = repeated(claims)
    wanted, queue = {c.id for c in standing}, [c.id for c in standing]
    for i in queue:
        more = [j for j in repeats.get(i, ()) if j not in wanted]
        wanted.update(more)
        queue += more
    return [c for c in claims if c.id in wanted]


def state_lines(found: QuestionState, claims: Sequence[Claim]) -> list[str]:
    """Return a state in words: each answer with its sources, then what was overtaken or repeats."""
    by_id = {c.id: c for c in claims}
    lines = [QUESTION_WORDS[found.question]]
    if not found.held:
        lines.append("  nothing was held")
    for held in found.held:
        many = "independent source" if held.sources.words == "1" else "independent sources"
        lines.append(f"  {ANSWER_WORDS[held.answer]}: {held.sources.words} {many}")
        lines += [
            f"    {i}  {by_id[i].date}  {by_id[i].claimant}{_marks(i, held, found)}" for i in held.claims
        ]
        lines += [f"      {reason}" for group in held.sources.groups for reason in group.reasons]
    for i, by in found.overtaken:
        lines.append(f"  overtaken: {i} ({by_id[i].date}, {by_id[i].claimant}) by {', '.join(by)}")
    if found.undated:
        lines.append(f"  without a date, not counted: {', '.join(found.undated)}")
    if found.perhaps:
        lines.append(f"  said about then, not counted: {', '.join(found.perhaps)}")
    return lines


def _marks(i: str, held: Held, found: QuestionState) -> str:
    marks = [f"repeats {', '.join(of)}" for j, of in found.repeating if j == i]
    marks += ["merges questions"] if i in found.merged else []
    marks += ["read from the words"] if i in held.by_words else []
    return f"  [{'; '.join(marks)}]" if marks else ""


# --- merged questions


def merged_questions(claim: Claim) -> Flag | None:
    """Return a flag if a claim speaks to more than one of the four questions at once.

    Its typed verbs count, and its words: a claim typed as one question whose words touch another is
    flagged too, since one of the two is wrong.
    """
    typed = {v for v in claim.verbs if v in QUESTIONS}
    words = {t.verb: t for t in (read_words(claim.claim) if typed else touches(claim))}
    every = [q for q in QUESTIONS if q in typed or q in words]
    if len(every) < 2:
        return None
    told = [f"{q} ({_where(q, typed, words)})" for q in every]
    return Flag(
        "merged_questions",
        (claim.id,),
        f"speaks to {' and '.join(told)}; make a claim of each, or say in the note which one is meant",
    )


def _where(question: Verb, typed: set[Verb], words: Mapping[Verb, Touch]) -> str:
    if question not in words:
        return "typed"
    touch = words[question]
    how = "taken for granted in" if touch.granted else "read in"
    return f"{'typed, and ' if question in typed else ''}{how} “{touch.words}”"

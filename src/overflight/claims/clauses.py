"""Clauses of a sentence, one statement each, by rules: where a statement of its own begins and ends.

A sentence is cut at conjunctions between clauses, at relative clauses behind a comma, at clauses of time that
have a subject or name a place or a number, at participles behind a comma, at ', with the loss of …', and
between counts of different things. What was put in to make a piece readable stands in square brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from overflight.claims.attribution import has_finite, strip_lead
from overflight.claims.lexicon import (
    AUX,
    BASE,
    HOLD,
    NATIONS,
    NOT_PAST,
    PAST,
    PRESENT,
    SAY,
    SAYING,
    THINGS,
    any_of,
    words,
)
from overflight.claims.mentions import named_places, named_times
from overflight.claims.quantities import find_quantities
from overflight.claims.wording import read_words

_COORDINATE = re.compile(
    r";\s|\s?—\s?|\s[–-]{1,2}\s|,\s(?:and|but|while|whereas|although|though|yet|so|or|nor)\s|"
    r"\s(?:but|whereas|although|though)\s|\sand\s"
)
_SUBJECT_VERB = re.compile(rf"\b(?:{any_of((*AUX, *PAST, *PRESENT))}|[a-z]{{2,}}ed)\b")
_ADVERB_VERB = re.compile(
    r"^(?:(?:\w+ly|also|then|later|never|not|still|even|now|once|twice|again)\s)*"
    rf"(?:{any_of((*AUX, *PAST))}|[a-z]{{2,}}ed)\b"
)
_NOT_SUBJECT = re.compile(
    r"^(?!at\s(?:least|most)\b)(?:which|who|whom|whose|where|when|that|because|if|in|on|at|of|for|with|"
    r"from|by|to|over|as|into|than|"
    r"including|such|[a-z]+ing\b(?!\s(?:was|is|has|had|were)))\b"
)
_BASE = re.compile(rf"(?:also\s|then\s)?(?:{any_of(BASE)})\b(?!['’-])")
_MODAL = re.compile(r"^.*\b(?:could|can|may|might|would|will|must|should|able to|did|to)\b")
_SPEAKS = re.compile(rf"(?:also\s|later\s|\w+ly\s)?(?:{any_of((*SAY, *HOLD))})\s(?!by\b|to\b|from\b|in\b)")
_RELATIVE = re.compile(
    r",\s(?:(?:one|some|all|most|many|none|several|the last) of |(?:of|by|from|in|through|with|for|on|at|"
    r"under|during|after) (?=which|whom))?(?P<pronoun>which|who|whom|whose|where|when)\s"
)
_TIME = re.compile(r"\s(?P<word>before|after|while|when|until|since|once|as)\s")
_FRONT = re.compile(
    r"^(?P<word>after|before|when|while|as|since|once|despite|although|though|because|until|following|"
    r"whereas)\s(?!(?:far|long|early|soon|many|much|well|late)\b)",
    re.IGNORECASE,
)
_PARTICIPLE = re.compile(
    r",\s(?:(?:and|thus|thereby|also|later|\w+ly)\s)?(?:(?P<each>each|both|all|most)\s(?:of (?:them|"
    r"which)\s)?)?(?P<verb>[a-z]{2,}ing)\s"
)
_NOT_ACT: Final = frozenset(
    words(
        """
        including according following regarding during concerning being having everything something nothing
        anything morning evening depending excluding notwithstanding
        """
    )
)
_EVENT = re.compile(
    r",\s(?:and\s)?(?:with|amid|despite|after|following|prompting|including)\s(?:the\s|a\s|an\s|its\s|"
    r"his\s|her\s|their\s)?"
    r"(?:[\w-]+\s){0,2}?(?:\w+(?:ment|tion|sion|ance|ence|ing|ure|als?|ery)|loss|delay|visit|launch|strike|"
    r"crash|"
    r"collapse|closure|end|death|start|halt|return|release|withdrawal)\s(?:of|in|over|for|by|to|from)\s"
)
_NO_NOUN = re.compile(
    r"(?:whether|how|what|that|if|why|being|it['’]s|there|this|these|those|it|he|she|they|we|i)\b",
    re.IGNORECASE,
)
_ELLIPTIC = re.compile(
    r"\b(?:do|did|done|does)\s(?:so|the same)\b|\b(?:did|does|do|has|have|had|was|were)(?:\snot|n['’]t)?$"
)
_NOMINAL = (
    r"(?:abilit|attempt|capab|capacit|effort|intent|plan|desire|attempt|means|power|use|need|failure|wish)"
)
_PAIRED = re.compile(
    rf"\s(?:and|as well as)\s(?=(?:an?\s|the\s|to\s|some\s|any\s|its\s)?(?:\w+\s)?{_NOMINAL})"
)
_OWNED = re.compile(
    rf"(?<![\w-])(?P<phrase>(?:(?P<det>[Aa]n?|[Tt]he|[Tt]his|[Tt]hat|[Oo]ne|"
    rf"[Aa]nother)\s(?!an?\s)(?P<doubt>(?:[a-z][\w-]*\s){{0,2}}?))?"
    rf"(?P<owner>{any_of(w.title() if '.' not in w and len(w) > 3 else w.upper() for w in NATIONS)}|"
    r"[A-Z][a-z]+(?:ian|ean|ese|ish))(?:['’]s)?\s"
    rf"(?:[a-z][\w-]*\s){{0,3}}?(?P<thing>{any_of(THINGS)}))\b"
    r"(?!\s(?:program(?:me)?|technolog\w+|fleet|pilot|carrier|base)s?\b)"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement: `text` for a reader, `own` the words that are its own (hedges are looked for there).

    `saying` is the participle when it is a statement of the subject of the sentence ('…, claiming it was').
    `owner` and `thing` are given where the statement is whose something is.
    """

    text: str
    own: str
    subject: str = ""
    saying: str = ""
    owner: str = ""
    thing: str = ""


def top_clauses(sentence: str) -> list[str]:
    """Cut a sentence at the conjunctions between its clauses; elliptic ones stay with what they lean on."""
    pieces, start = [], 0
    for match in _COORDINATE.finditer(sentence):
        left, right = sentence[start : match.start()], sentence[match.end() :]
        if _quoted(sentence, match.start()) or not _parts(left, right, match[0]):
            continue
        pieces.append(left.strip(" ,"))
        start = match.end()
    pieces.append(sentence[start:].strip(" ,"))
    joined: list[str] = []
    for piece in pieces:
        if joined and _ELLIPTIC.search(piece.rstrip(" .")):
            at = sentence.index(joined[-1])
            joined[-1] = sentence[at : sentence.index(piece, at + len(joined[-1])) + len(piece)]
        else:
            joined.append(piece)
    return joined


def _parts(left: str, right: str, conjunction: str) -> bool:
    """Whether both sides of a conjunction are clauses; the right one may lean on the subject of the left."""
    if not has_finite(left) or len(left.split()) < 3:
        return False
    # Behind 'whether', 'how', and before the verb of a fronted clause, the conjunction joins within.
    if _FRONT.match(strip_lead(left)) and not _fronted(strip_lead(left)):
        return False
    if begins_clause(right.removeprefix("that ")):
        return conjunction != " and " or not re.search(
            r"\b(?:between|both|of|from|that)\s\S+(?:\s\S+)?$", left
        )
    if re.match(r"(?:what|how|why|whatever)\b", right):
        return False
    # ', who kept it and was old, has it': the relative clause is still open.
    if re.search(r",\s(?:which|who|whose)\b[^,]*$", left):
        return False
    if _BASE.match(right) and "," in conjunction and _MODAL.search(left):
        return True
    if _SPEAKS.match(right) and conjunction.strip(", ") in ("and", "but", "yet"):
        return True
    predicate = _ADVERB_VERB.match(right)
    if not predicate or predicate[0].split()[-1] in NOT_PAST:
        return False
    # 'Would be cut loose and snatched': participles of one auxiliary are one statement.
    if conjunction == " and " and _BE_BEFORE.search(left) and predicate[0].split()[-1] not in AUX:
        return False
    last = [m.end() for m in _SUBJECT_VERB.finditer(left) if m[0] not in _NOUNS_TOO]
    return (
        bool(last)
        and len(left[last[-1] :].split()) >= 3
        and len(right.split()) >= 3
        and "," in conjunction + "," * (conjunction == " and ")
    )


_BE_BEFORE = re.compile(
    r"\b(?:be|been|being|is|are|was|were)\s(?:\w+ly\s)?(?:[a-z]+(?:ed|en)|cut|shot|sent|brought|taken|"
    r"found|made|held|put)\b"
)
_NOUNS_TOO: Final = frozenset(
    words(
        "means lies needs reports claims states fears doubts notes plans drops tracks launches tests flights"
    )
)


def begins_clause(text: str) -> bool:
    """Whether a text begins with a subject and a finite verb."""
    bare = strip_lead(text)
    if _NOT_SUBJECT.match(bare) or _ADVERB_VERB.match(bare) or _BASE.match(bare):
        return False
    for match in _SUBJECT_VERB.finditer(bare):
        before = bare[: match.start()]
        if match[0] in NOT_PAST:
            continue
        subject = before.split()
        if not subject or len(subject) > 12 or "," in before.replace(", ", " ,", 1)[:-2]:
            return False
        # 'data collected over': a participle behind its noun needs a verb after it.
        if match[0].endswith("ed") and re.match(r"\s(?:by|from|over|in|at|on|during)\b", bare[match.end() :]):
            if not _SUBJECT_VERB.search(bare, match.end()) and "," not in bare:
                return bool(
                    re.fullmatch(r"(?:it|he|she|they|we|the [\w-]+(?: [\w-]+)?|[A-Z][\w.]*) ", before)
                )
            continue
        if re.search(r"\b(?:which|who|that|whose|where)\s", before):
            # 'A balloon that could be held ought to reach': the verb of the subject comes after.
            behind = [m for m in _SUBJECT_VERB.finditer(bare, match.end()) if m[0] not in NOT_PAST]
            return any(
                not re.match(r"be|been", m[0])
                and len(bare[: m.start()].split()) <= 14
                and _after_relative(bare, match.end(), m.start())
                for m in behind
            )
        return not re.search(r"\bto\s", before)
    return False


def _after_relative(text: str, verb_end: int, at: int) -> bool:
    """Whether a verb can be that of the subject whose relative clause ended before it."""
    between = text[verb_end:at]
    return (
        len(between.split()) >= 2
        and not re.search(r"\b(?:and|or|which|who|that|,)\s$", between)
        and "," not in between
    )


def _quoted(text: str, at: int) -> bool:
    return text.count("“", 0, at) > text.count("”", 0, at) or text.count('"', 0, at) % 2 == 1


def fronted(clause: str) -> tuple[str, str]:
    """Return (the fronted clause of time or concession, the rest); ('', clause) when there is none."""
    bare = strip_lead(clause)
    found = _fronted(bare)
    return found if found else ("", clause)


def _fronted(bare: str) -> tuple[str, str] | None:
    if not _FRONT.match(bare):
        return None
    for match in re.finditer(r",\s", bare):
        if begins_clause(bare[match.end() :]):
            return bare[: match.start()], bare[match.end() :]
    return None


def subject_of(clause: str) -> str:
    """Return the words before the first finite verb, '' when they are no short subject."""
    bare = strip_lead(clause)
    for match in _SUBJECT_VERB.finditer(bare):
        if match[0] not in NOT_PAST:
            subject = re.split(r",\s(?:which|who|whose|where|when)\b", bare[: match.start()])[0].strip(
                ' ,"“”‘’'
            )
            subject = re.sub(r"\s(?:\w+ly|also|first|still|then|later|never)$", "", subject)
            return subject if 0 < len(subject.split()) <= 8 and not _NO_NOUN.match(subject) else ""
    return ""


def statements(text: str, *, voiced: bool = False) -> list[Clause]:
    """Return the statements of a clause: the main one first, then those that hang on it.

    `voiced`: it is what somebody said, so it may be a noun alone ('any attempt', after 'denied').
    """
    main, hanging = _without_relatives(text.strip().rstrip(" .!?"))
    main, more = _without_participles(main, voiced)
    subject = subject_of(main)
    made: list[Clause] = []
    for body in _paired(main):
        cut, times = _times(body, subject)
        made += [*_counts(body, cut, subject), *times]
    for piece, antecedent, pronoun in hanging:
        made += _relative(piece, antecedent, pronoun)
    made += [_with_subject(c, subject) for c in more]
    return [c for k, c in enumerate(made) if len(c.own.split()) >= (2 if voiced or k else 3)]


def _without_relatives(text: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Take relative clauses behind commas out: what is left, and (clause, antecedent, pronoun) of each."""
    found: list[tuple[str, str, str]] = []
    while (match := _RELATIVE.search(text)) is not None:
        end, resume = len(text), ""
        for comma in re.finditer(r",\s", text[match.end() :]):
            after = text[match.end() + comma.end() :]
            if _ADVERB_VERB.match(after) or begins_clause(after) or not has_finite(text[: match.start()]):
                end, resume = match.end() + comma.start(), after
                break
        before = text[: match.start()]
        if not has_finite(text[match.end() : end]):
            break
        found.append((text[match.end() : end], _antecedent(before), match["pronoun"]))
        text = f"{before} {resume}".strip()
    return text, found


def _antecedent(before: str) -> str:
    """Return the noun phrase that a relative clause hangs on: the last words with a capital or an article."""
    found = re.findall(
        r"(?:\b(?:[Aa]n?|[Tt]he|[Ii]ts|[Tt]heir|[Tt]his)\s(?:[\w.’'-]+\s?){1,5}|"
        r"\b[A-Z][\w’'.-]*(?:\s[A-Z][\w’'.-]*)*)$",
        before,
    )
    return found[-1].strip() if found else ""


def _relative(piece: str, antecedent: str, pronoun: str) -> list[Clause]:
    if pronoun == "who" and not _tells(piece):
        return []
    if pronoun == "which" and _PRESENT_VERB.match(piece) and not _tells(piece):
        return []
    made = statements(piece) if not (_ADVERB_VERB.match(piece) and pronoun in ("which", "who")) else []
    if made and antecedent and pronoun == "which" and begins_clause(piece):
        return [Clause(f"{made[0].text} [{antecedent}]", made[0].own, made[0].subject), *made[1:]]
    if made:
        return made
    lead = f"[{antecedent or pronoun}] "
    cut, times = _times(piece, antecedent)
    return [Clause(lead + piece, cut, antecedent), *times]


# 'Which carries solar cells' says what such a thing is, 'which has seen it' what happened.
_PRESENT_VERB = re.compile(rf"(?:{any_of(PRESENT)})\b")


def _without_participles(text: str, voiced: bool = False) -> tuple[str, list[Clause]]:
    """Take participles behind commas and ', with the loss of …' off the end of a clause."""
    made: list[Clause] = []
    for match in reversed(list(_PARTICIPLE.finditer(text))):
        verb, rest = match["verb"], text[match.end("verb") :].strip()
        stands = has_finite(text[: match.start()]) or (voiced and verb in SAYING)
        if verb in _NOT_ACT or not stands or _quoted(text, match.start()):
            continue
        if verb in SAYING:
            made.insert(0, Clause(re.sub(r"^that\s", "", rest), rest, saying=verb))
        elif match["each"] or _tells(f"{verb} {rest}"):
            lead = f"[{match['each']}] " if match["each"] else ""
            made.insert(0, Clause(f"{lead}{verb} {rest}", f"{verb} {rest}"))
        else:
            continue
        text = text[: match.start()]
    for match in reversed(list(_EVENT.finditer(text))):
        if has_finite(text[: match.start()]) and not has_finite(
            re.split(r"\sby\s|\sthat\s", text[match.end() :])[0]
        ):
            rest = text[match.start() + 2 :]
            made.insert(0, Clause(rest, rest))
            text = text[: match.start()]
    return text, made


def _with_subject(clause: Clause, subject: str) -> Clause:
    if clause.saying or not re.match(r"[a-z]+ing\b", clause.text) or not subject:
        return clause
    return Clause(f"[{subject}] {clause.text}", clause.own, subject)


def _times(body: str, subject: str) -> tuple[str, list[Clause]]:
    """Return the words of a clause without its clauses of time, and those as statements of their own."""
    for match in _TIME.finditer(body):
        rest = body[match.end() :].strip(" ,")
        if _quoted(body, match.start()) or not has_finite(body[: match.start()]):
            continue
        if begins_clause(rest) and _locates(rest):
            inner, more = _times(rest, subject_of(rest))
            return body[: match.start()], [Clause(rest, inner, subject_of(rest)), *more]
        if re.match(r"(?:being\s)?\w+(?:ing|ed)\b", rest) and _locates(rest):
            lead = f"[{subject}] " if subject else ""
            return body[: match.start()], [Clause(lead + rest, rest, subject)]
    return body, []


def _locates(text: str) -> bool:
    """Whether a clause without subject says where, when or how much."""
    return bool(
        named_places(text) or any(t.about for t in named_times(text, "2000-12-31")) or find_quantities(text)
    )


def _tells(text: str) -> bool:
    return _locates(text) or bool(read_words(text))


def _paired(text: str) -> list[str]:
    """Cut 'some ability to steer and attempt to collect' into its two nouns, where there is no verb."""
    if has_finite(text):
        return [text]
    return [piece for piece in _PAIRED.split(text) if piece.strip()]


def _counts(body: str, own: str, subject: str) -> list[Clause]:
    """Cut a clause that counts two things at the second, with the phrase that it stands in."""
    counts = [q for q in find_quantities(own) if q.quantity.unit == "count" and q.noun]
    if len(counts) < 2 or len({q.noun for q in counts}) < 2:
        return [Clause(body, own, subject)]
    cuts = []
    for q in counts[1:]:
        before = re.search(
            r"(?:,?\s(?:and\s)?(?:across|over|in|to|on|of|from|through|above|by|at|with|into)|,?\sand|,)\s$",
            own[: q.start],
        )
        if before:
            cuts.append(before.start())
    if not cuts:
        return [Clause(body, own, subject)]
    ends = [*cuts, len(own)]
    head = own[: ends[0]]
    made = [Clause(head if own == body else body, head, subject)]
    for a, b in pairwise(ends):
        piece = own[a:b].strip(" ,")
        made.append(Clause(f"[{head.strip(' ,')}] {piece}", piece, subject))
    return made


def owners(sentence: str) -> Iterator[Clause]:
    """Yield what a sentence says in passing of whose something is: 'a Ruritanian balloon'."""
    for match in _OWNED.finditer(sentence):
        phrase = match["phrase"]
        within = phrase[match.end("owner") - match.start() :]
        if has_finite(within) or re.search(r"\s(?:that|the|an?|of|to|in|and|or|for|on|with)\s", within):
            continue
        before = sentence[max(0, match.start() - 40) : match.start()]
        doubt = re.search(
            r"(?:what (?:appear(?:s|ed)|seem(?:s|ed)|(?:is|was) believed) to be|possibly|a suspected)\s$",
            before,
        )
        own = f"{doubt[0] if doubt else ''}{phrase}"
        yield Clause(f"[it is] {own}", own, "", owner=match["owner"], thing=match["thing"])


def speaks(clause: str) -> bool:
    """Whether a clause begins with a verb of saying, and so leans on whoever spoke before."""
    return bool(_SPEAKS.match(clause))


def leaning(clause: str, last: Clause, claimant: str) -> str:
    """Return a clause without subject with the one that it leans on in brackets.

    'could fly over and send' gives '[it could] send'; 'denied it and said' is of the same claimant.
    """
    if begins_clause(clause.removeprefix("that ")) or clause.startswith("that "):
        return ""
    if _SPEAKS.match(clause):
        return claimant
    if _BASE.match(clause) and (modal := _MODAL.search(last.text)):
        return modal[0].strip("[]")
    return last.subject.strip("[]")

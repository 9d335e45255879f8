"""Candidate claims of articles: who says what of which time and place, with hedges and quantities.

documents ──► copies ──► voices ──► clauses ──► typed fields ──► candidates

Extraction proposes and a person decides (`overflight claims review`). It reads by rules of English words: it
does not understand, and neither what it proposes nor what it leaves out is a judgement. A sentence that is
there twice makes one candidate with all its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from overflight.claims.attribution import (
    Said,
    Voice,
    has_finite,
    inner_voice,
    is_voice,
    kind_of,
    mentioned,
    outer_voice,
    resolved,
    strip_connectives,
)
from overflight.claims.clauses import (
    Clause,
    begins_clause,
    fronted,
    leaning,
    owners,
    speaks,
    statements,
    subject_of,
    top_clauses,
)
from overflight.claims.copied import Copy, Passage, Place, copies, passages
from overflight.claims.documents import Document
from overflight.claims.hedges import find_hedges, find_qualifiers, unique
from overflight.claims.mentions import named_places, named_times
from overflight.claims.quantities import find_quantities
from overflight.claims.records import Answer, Claim, Relation, Verb
from overflight.claims.sentences import QUESTION, Sentence
from overflight.claims.wording import read_words
from overflight.errors import InputError, LimitError

MOST_PROPOSALS: Final = 20_000
ARTICLE: Final = "article"
# The other verbs of `records.Verb`, where the four questions are not touched; the first that fits.
_WORDS: Final[tuple[tuple[Verb, str], ...]] = (
    ("altered", r"(?:alter|delet|eras|wip|tamper|doctor|falsif)(?:e|es|ed|ing|s)?"),
    (
        "manoeuvred",
        r"man(?:oe|e)uv\w+|steer\w*|loiter\w*|propel\w*|propulsion|hover\w*|changed? (?:course|direction)|"
        r"rudders?|"
        r"engines?|motors?|self-steering|stationary|motionless|sit still|(?:did|does)(?: not|n['’]t) move",
    ),
    (
        "strayed",
        r"stray\w*|off[- ]course|blown off|drifted off|force majeure|by accident|unintend\w+",
    ),
    (
        "entered",
        r"enter\w*|cross(?:ed|es|ing)? into|crossed|intru\w+|violat\w+|passed into|incursion|"
        r"drift\w* into|came into|flew into",
    ),
    (
        "located",
        r"appear\w* (?:over|above|off|near)|spotted|sighted|seen|detected|tracked|passed|passing|flew|flying|"
        r"float\w*|drift\w*|shot down|downed|landed|crashed|launched from|released (?:from|in|off)|fell|"
        r"over|above|came down|"
        r"disappeared|vanished|hung|travel(?:l)?(?:ing|ed)|altitude|at a height|continued (?:to|in|"
        r"towards?)|position",
    ),
)
_VERBS: Final = tuple((verb, re.compile(rf"\b(?:{each})\b", re.IGNORECASE)) for verb, each in _WORDS)
_NO = re.compile(
    r"\b(?:no|not|never|none|nor|neither|nothing|without|unable)\b|n['’]t\b|\bden(?:y|ies|ied)\b"
)
_OPEN = re.compile(
    r"\b(?:whether|unclear|unsure|unknown|uncertain)\b|\bnot (?:yet )?(?:clear|known|sure|certain)\b"
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found in documents: candidates, copied passages, how many sentences, and notes."""

    claims: tuple[Claim, ...]
    passages: tuple[Passage, ...]
    sentences: int
    repeated: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """A statement with its voice (None is the article's own), as it is read in one sentence."""

    clause: Clause
    voice: Voice | None
    hedges: tuple[str, ...]
    whole: str


def extract(documents: Sequence[Document]) -> Extraction:
    """Return the candidate claims of documents; the oldest document should come first.

    Claims carry `document`, `sentences` (every place in that document), `quote`, `sha256`, and the extra
    columns `said_with` (the verb of saying), `named_times`, `named_places`, `found_again` (places in other
    documents). A sentence that repeats another in nearly its words, but differs in hedges, numbers, names or
    negation, is a candidate of its own that `repeats` the other's.

    Raises LimitError beyond 20 000 candidates, InputError when two documents share a name.
    """
    names = [d.name for d in documents]
    if len(set(names)) < len(names):
        raise InputError(
            f"two documents are called '{next(n for n in names if names.count(n) > 1)}'", remedy="Rename one."
        )
    found = copies(documents)
    texts = {(d.name, s.number): s for d in documents for s in d.sentences}
    same = {place: copy for place, copy in found.items() if _says_the_same(copy, texts)}
    again: dict[Place, list[Place]] = {}
    for place in same:
        again.setdefault(_root(place, same), []).append(place)
    made: list[Claim] = []
    first: dict[Place, list[str]] = {}
    for k, document in enumerate(documents, start=1):
        for claim in _of_document(document, same, f"D{k}" if len(documents) > 1 else "D"):
            place = (document.name, claim.sentences[0])
            claim = _placed(claim, place, again.get(place, ()))
            near = found.get(place)
            if near is not None and (targets := first.get(_root(near.source, same))):
                nth = len(first.get(place, ()))
                target = targets[min(nth, len(targets) - 1)]
                claim = replace(claim, relations=(Relation("repeats", target),))
            first.setdefault(place, []).append(claim.id)
            made.append(claim)
            if len(made) > MOST_PROPOSALS:
                raise LimitError(
                    f"more than {MOST_PROPOSALS} candidates", where=document.name, remedy="Split the article."
                )
    notes = tuple(f"{d.name}: {note}" for d in documents for note in d.notes)
    return Extraction(_in_order(made), passages(found.values()), len(texts), len(same), notes)


def _in_order(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Put the extra cells of each claim into the order in which a table will have their columns."""
    order = {name: k for k, name in enumerate(dict.fromkeys(n for c in claims for n, _ in c.extra))}
    return tuple(replace(c, extra=tuple(sorted(c.extra, key=lambda cell: order[cell[0]]))) for c in claims)


def _root(place: Place, same: dict[Place, Copy]) -> Place:
    while place in same:
        place = same[place].source
    return place


def _says_the_same(copy: Copy, texts: dict[Place, Sentence]) -> bool:
    if copy.share == 1.0 and _folded(texts[copy.place].text) == _folded(texts[copy.source].text):
        return True
    return _stance(texts[copy.place].text) == _stance(texts[copy.source].text)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _stance(text: str) -> tuple[object, ...]:
    """Return what a near copy must share to say the same: hedges, numbers, negations, names, limits."""
    return (
        tuple(h.lower() for h in find_hedges(text)), tuple(q.quantity for q in find_quantities(text)),
        len(_NO.findall(text)), find_qualifiers(text), frozenset(re.findall(r"\b[A-Z][\w.]+", text[1:])),
        tuple(t.words for t in named_times(text)),
    )  # fmt: skip


def _placed(claim: Claim, place: Place, again: Sequence[Place]) -> Claim:
    here = [n for name, n in again if name == place[0]]
    there = [f"{name}#{n}" for name, n in again if name != place[0]]
    extra = (*claim.extra, ("found_again", " ; ".join(there))) if there else claim.extra
    return replace(claim, sentences=(place[1], *here), extra=extra)


def _of_document(document: Document, same: dict[Place, Copy], prefix: str) -> Iterator[Claim]:
    people: list[Voice] = []
    owned: set[tuple[str, str]] = set()
    quoting = _Quoting(document.sentences)
    count = 0
    for sentence in document.sentences:
        text = sentence.text
        if (document.name, sentence.number) in same or sentence.heading or sentence.speaker == QUESTION:
            continue
        if quoting.is_pulled(sentence) or not _is_statement(text):
            continue
        going_on = quoting.voice(sentence)
        told: list[_Told] = []
        for one in _told(text, going_on, owned):
            named = _by_name(one, (*people, *mentioned("", [t.clause.subject for t in told])))
            told.append(named)
            if named.voice is not None and "[" not in named.voice.claimant:
                people.append(named.voice)
        quoting.goes_on(sentence, [one.voice for one in told if one.voice is not None])
        for one in told:
            if _is_matter(one, sentence):
                count += 1
                yield _claim(f"{prefix}-{count:03d}", one, sentence, document)
        people += mentioned(text, [] if going_on else [t.clause.subject for t in told if t.voice is None])
        people += [t.voice for t in told[-1:] if t.voice is not None and "[" not in t.voice.claimant]
        del people[:-60]


_MARKS: Final = '"“”'
_FIRST: Final = frozenset({"i", "we"})


def _by_name(told: _Told, people: Sequence[Voice]) -> _Told:
    """Put the name for a pronoun that speaks."""
    return told if told.voice is None else replace(told, voice=resolved(told.voice, people))


def _is_statement(text: str) -> bool:
    bare = text.rstrip("\"'”’)")
    return (
        len(text.split()) >= 4
        and not bare.endswith("?")
        and not _ASIDE.match(text)
        and (
            has_finite(text.lower())
            or inner_voice(text) is not None
            or re.match(r"(?:we|they|i|these|those)\s(?:\w+ly\s|also\s)?[a-z]{3,}\b", text.lower())
            is not None
        )
    )


# What pages and programmes of a talk say of themselves, and calls to the reader.
_ASIDE: Final = re.compile(
    r"(?:(?:read|see|learn|find out|watch|listen|hear) (?:more|also|on|to)\b|related:|more on this|sign up|"
    r"subscribe|"
    r"follow us|share (?:this|on)|click|tap|scroll|advertisement|copyright|©|all rights reserved|"
    r"photo(?:graph)?s?:|"
    r"image:|credit:|(?:first |last )?(?:published|updated)(?: on)? \w+ \w+|reporting by|edit(?:ed|ing) by|"
    r"this (?:article|story|transcript|post|page|translation|content) (?:was|is|has been|may|appear)|"
    r"(?:reproduction|republication|no part)\b.*\b(?:prohibited|permission|permitted)|we use cookies|"
    r"(?:by continuing|you can (?:withdraw|unsubscribe|change|manage)|thank you|thanks|good (?:morning|"
    r"afternoon|evening))\b|"
    r"(?:let me|let us|let's)\b|the following is a (?:transcript|translation)|(?:what follows|below|the "
    r"text below) is\b|"
    r"here (?:is|are|goes)\b|for more\b|download\b|register\b|log in\b|join (?:us|our)\b)",
    re.IGNORECASE,
)


class _Quoting:
    """Who speaks where a quotation or a turn of a transcript goes on over sentences without a voice."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._sentences = sentences
        self._words = {s.number: f" {_folded(s.text)} " for s in sentences}
        self._at = {s.number: k for k, s in enumerate(sentences)}
        self._open = _open_states(sentences)
        self._running: tuple[Sentence, Voice, bool] | None = None

    def is_pulled(self, sentence: Sentence) -> bool:
        """Whether it is a quotation alone that stands in a longer sentence too: a pull quote."""
        text = sentence.text.strip()
        words = self._words[sentence.number]
        if text[:1] not in _MARKS or text[-1:] not in _MARKS or len(words.split()) < LEAST_PULLED:
            return False
        near = range(max(0, self._at[sentence.number] - 60), self._at[sentence.number] + 60)
        return any(
            len(words) < len(self._words[other.number]) and words in self._words[other.number]
            for other in (self._sentences[k] for k in near if k < len(self._sentences))
        )

    def voice(self, sentence: Sentence) -> Voice | None:
        """Return who goes on speaking in a sentence that has no voice of its own around it."""
        if sentence.speaker:
            return Voice(sentence.speaker, kind_of(sentence.speaker, "") or "named_official", "(speaks)")
        if outer_voice(sentence.text) is not None:
            return None
        return self._going_on(sentence) or self._later(sentence)

    def _going_on(self, sentence: Sentence) -> Voice | None:
        if self._running is None:
            return None
        last, voice, is_open = self._running
        text = sentence.text
        near = sentence.paragraph == last.paragraph
        follows = sentence.paragraph == last.paragraph + 1 and (is_open or text[-1] in _MARKS)
        inside = text[0] in _MARKS or (
            near and (text.count("”") > text.count("“") or text.count('"') % 2 == 1)
        )
        # Within a quotation that is not closed yet, sentences have no marks of their own.
        inside = inside or (near and is_open)
        return replace(voice, said_with="(goes on)", hedge="") if inside and (near or follows) else None

    def _later(self, sentence: Sentence) -> Voice | None:
        """Return the voice at the end of a quotation of several sentences: '“A. B,” he said.'"""
        if not self._open[sentence.number][1] or sentence.text[0] not in _MARKS:
            return None
        k = self._at[sentence.number]
        for after in self._sentences[k + 1 : k + 8]:
            if after.paragraph != sentence.paragraph:
                return None
            if (said := outer_voice(after.text)) is not None and said.voice is not None:
                return replace(said.voice, said_with="(begins)", hedge="")
            if not self._open[after.number][1]:
                return None
        return None

    def goes_on(self, sentence: Sentence, voices: Sequence[Voice]) -> None:
        """Take in who spoke in a sentence."""
        is_open = self._open[sentence.number][1]
        quoted = any(mark in sentence.text for mark in _MARKS) or is_open
        self._running = (
            (sentence, voices[-1], is_open) if voices and quoted and not sentence.speaker else None
        )


LEAST_PULLED: Final = 3  # words


def _open_states(sentences: Sequence[Sentence]) -> dict[int, tuple[bool, bool]]:
    """Return for each sentence whether a quotation is open before and behind it.

    A paragraph begins with none, since each paragraph of a long quotation opens it again.
    """
    states: dict[int, tuple[bool, bool]] = {}
    paragraph, is_open = 0, False
    for sentence in sentences:
        if sentence.paragraph != paragraph:
            paragraph, is_open = sentence.paragraph, False
        before = is_open
        for mark in sentence.text:
            if mark in _MARKS:
                is_open = mark == "“" or (mark == '"' and not is_open)
        states[sentence.number] = (before, is_open)
    return states


# --- one sentence


def _told(sentence: str, running: Voice | None, owned: set[tuple[str, str]]) -> Iterator[_Told]:
    sentence = _DATELINE.sub("", sentence)
    if (parted := _at_colon(sentence)) is not None:
        yield from _told(parted[0], running, owned)
        yield from _told(parted[1], running, owned)
        return
    outer = outer_voice(sentence)
    text, voice = (outer.content, outer.voice) if outer else (sentence, running)
    told: list[_Told] = []
    at = 0
    for top in top_clauses(text):
        start = text.find(top, at)
        link, at = text[at:start] if start >= 0 else "", max(start, at) + len(top)
        speaker = _speaker(link, top, told, voice)
        last = told[-1] if told else None
        subject = leaning(top, last.clause, last.voice.claimant if last.voice else "") if last else ""
        if subject and speaks(top):
            top, speaker, subject = f"{subject} {top}", voice, ""
        front, main = fronted(top)
        lead = (speaker.hedge,) if speaker else ()
        if front:
            told += [_Told(c, speaker, lead, front) for c in _of_front(front)]
        made = list(_of_clause(main.removeprefix("that "), speaker, lead))
        if subject and made:
            clause = made[0].clause
            made[0] = replace(made[0], clause=replace(clause, text=f"[{subject}] {clause.text}"))
        told += made
    yield from _owned(sentence, told, owned)
    yield from told


_DATELINE: Final = re.compile(
    r"^[A-Z][A-Z .'’/-]{2,40}(?:,\s[A-Za-z0-9 .,]{2,30}?)?(?:\s?\([^()]{2,40}\))?\s?[—–-]+\s"
)


_SAYS_AT_END: Final = re.compile(
    r"\b(?:said|says|read|reads|wrote|writes|added|adds|asked|replied|answered|stated|states|announced|"
    r"declared|"
    r"tweeted|posted|as follows|this|these|told \w+|question|answer)$"
)


def _at_colon(sentence: str) -> tuple[str, str] | None:
    """Part 'One contradicts him: the box, he insists, held two' where nobody is speaking before the colon."""
    left, colon, right = sentence.partition(": ")
    if (
        not colon
        or any(mark in sentence for mark in _MARKS)
        or not begins_clause(left)
        or not has_finite(right)
    ):
        return None
    return None if inner_voice(left) or outer_voice(left) or _SAYS_AT_END.search(left) else (left, right)


def _speaker(link: str, top: str, told: Sequence[_Told], voice: Voice | None) -> Voice | None:
    """Return the voice of a clause, which may be that of the last one.

    'X said A, and that B', 'X said it flew and could send': B and the sending are X's too.
    """
    last = told[-1] if told else None
    if last is None:
        return voice
    if not begins_clause(top):
        return last.voice or voice
    plainly = last.voice is not None and not last.voice.hedge and "and" in link.split()
    return last.voice if plainly else voice


def _owned(sentence: str, told: Sequence[_Told], owned: set[tuple[str, str]]) -> Iterator[_Told]:
    for clause in owners(sentence):
        key = (clause.owner.lower().strip("."), clause.thing.rstrip("s"))
        if key in owned:
            continue
        owned.add(key)
        within = next((t for t in told if clause.own in t.clause.text), None)
        yield _Told(clause, within.voice if within else None, find_hedges(clause.own), sentence)


def _of_front(front: str) -> list[Clause]:
    _, _, rest = front.partition(" ")
    if has_finite(rest) and subject_of(rest):
        return statements(rest)
    if not re.match(r"(?:being\s)?\w+(?:ing|ed)\b", rest) or not (
        named_places(rest) or find_quantities(rest) or read_words(rest)
    ):
        return []
    return [Clause(f"[it] {rest}", rest)]


def _of_clause(main: str, voice: Voice | None, lead: tuple[str, ...]) -> Iterator[_Told]:
    said = inner_voice(main)
    if said is None or said.voice is None:
        yield from _statements(main, voice, lead, main)
        return
    if re.sub(r"['’]\w+$", "", said.voice.claimant.lower()) in _FIRST:
        # 'We deny that' is of who speaks; in an article it is of its writer.
        before = main[: main.find(said.content)]
        hedges = (*lead, *find_hedges(before), said.voice.hedge)
        yield from _statements(said.content, voice, hedges, said.content)
        return
    yield from _statements(said.content, said.voice, (said.voice.hedge,), _whole(said))


def _whole(said: Said) -> str:
    """Return the text for the reader: with its voice where the verb turns what is said."""
    voice = said.voice
    return said.whole if voice is not None and voice.hedge else said.content


def _statements(text: str, voice: Voice | None, lead: tuple[str, ...], whole: str) -> Iterator[_Told]:
    for k, clause in enumerate(statements(text, voiced=voice is not None)):
        hedges = find_hedges(clause.own)
        if clause.saying:
            speaker = _participle_voice(clause.saying, voice, whole)
            yield _Told(clause, speaker, unique((speaker.hedge if speaker else "", *hedges)), whole)
            continue
        shown = clause
        leads = (
            whole != text and voice is not None and voice.hedge and (k == 0 or not has_finite(clause.text))
        )
        if voice is not None and leads and (_reads_badly(clause.text) or _DENIES.match(voice.said_with)):
            shown = replace(clause, text=f"[{voice.claimant}: {voice.said_with}] {clause.text}")
        yield _Told(shown, voice, unique((*lead, *hedges)), whole)


# What a sentence must touch to be of the matter: it says where, when, how many, of what flies or who acts.
_SMALL_TALK: Final = re.compile(
    r"^(?:such|that|this|so)\s(?:is|was|were|are)\b|^(?:these days\s)?(?:everyone|everybody|nobody|"
    r"anyone)\s(?:seems?|knows?|remembers)\b|"
    r"^(?:mr|mrs|ms|madam|dear)\.? (?:speaker|chair\w*|president|reader)s?\b|"
    r"^[\[]?i[\]]?\s(?:am|live|had to|like|love|wish|wonder|will|shall|would|should like|can['’]t (?:speak|"
    r"comment|say)|"
    r"cannot (?:speak|comment|say)|won['’]t|commend|ask|asked|want to|have to say|have no inside|"
    r"haven['’]t (?:met|heard|read)|have not (?:met|heard|read))\b|"
    r"^[\[]?(?:i|we)[\]]?\s(?:condemn|welcome|thank|regret|congratulate|invite|urge|call on|appreciate|"
    r"hope|will (?:begin|"
    r"come back|get back|take)|would like|should like|can take)\b|"
    r"^what (?:i|we) (?:do have|have|like|want)\b",
    re.IGNORECASE,
)


def _is_matter(told: _Told, sentence: Sentence) -> bool:
    """Whether a statement is of the matter: not small talk, not the writer on the writing."""
    text = strip_connectives(told.clause.text)
    if told.clause.owner or told.clause.saying:
        return True
    if _SMALL_TALK.match(text):
        return False
    if told.voice is not None and not sentence.speaker:
        return True
    return len(text.split()) >= 3


_PLAIN: Final = frozenset(
    {
        "saying",
        "calling",
        "describing",
        "adding",
        "stating",
        "telling",
        "writing",
        "noting",
        "explaining",
        "confirming",
    }
)


def _participle_voice(saying: str, voice: Voice | None, whole: str) -> Voice | None:
    """Return the voice of '…, claiming it was': that of the sentence, else its subject if it can speak."""
    subject = voice.claimant if voice else subject_of(whole)
    if not subject or not is_voice(subject):
        return voice
    kind = voice.kind if voice else kind_of(subject, "")
    return Voice(subject, kind, saying, "" if saying in _PLAIN else saying)


# Without its verb a denial would say what was denied.
_DENIES: Final = re.compile(r"den(?:y|ie)|reject|refut|disput")


def _reads_badly(text: str) -> bool:
    """Whether a content needs its verb to be understood: 'any attempt', 'whether it was'."""
    return bool(re.match(r"(?:whether|how|what|if|why|any|some|the|an?)\b", text)) or not has_finite(text)


# --- typed fields


def _claim(claim_id: str, told: _Told, sentence: Sentence, document: Document) -> Claim:
    clause, voice = told.clause, told.voice
    times = named_times(clause.own, document.published)
    places = named_places(clause.own)
    counts = find_quantities(clause.own)
    verbs, answer = _verbs(told)
    extra = {
        "said_with": voice.said_with if voice else "",
        "named_times": " ; ".join(t.words for t in times),
        "named_places": " ; ".join(places),
    }
    return Claim(
        id=claim_id,
        date=document.published,
        claimant=_clean(voice.claimant) if voice else document.outlet or ARTICLE,
        attribution=voice.kind if voice else "article_voice",
        claim=_clean(strip_connectives(clause.text)),
        verbs=verbs,
        answer=answer,
        subject=clause.owner or _clean(clause.subject.strip("[] ")),
        object=clause.thing or (counts[0].noun if counts else ""),
        about=next((t.about for t in times if t.about), ""),
        place=places[0] if places else "",
        quantity=counts[0].quantity if counts else None,
        hedge="; ".join(unique(_clean(h) for h in told.hedges)),
        qualifiers=find_qualifiers(clause.own),
        source=document.outlet,
        quote=_clean(sentence.text),
        sha256=document.sha256,
        document=document.name,
        sentences=(sentence.number,),
        extra=tuple((name, _clean(value)) for name, value in extra.items() if value),
    )


def _clean(text: str) -> str:
    """Return text as a cell can hold it: no bars, no spaces at the ends."""
    return " ".join(text.replace("|", "/").split())


def _verbs(told: _Told) -> tuple[tuple[Verb, ...], Answer | None]:
    text = told.clause.text
    if told.clause.owner:
        return ("owned",), "yes"
    found = [t for t in read_words(f"{told.clause.text}") if not t.granted]
    if found:
        answers = {t.answer for t in found}
        answer: Answer | None = answers.pop() if len(answers) == 1 else None
        return tuple(dict.fromkeys(t.verb for t in found)), answer
    for verb, pattern in _VERBS:
        if pattern.search(told.clause.own):
            return (verb,), _answer(text)
    if any(q.quantity.unit == "count" and q.noun for q in find_quantities(told.clause.own)):
        return ("counted",), _answer(text)
    return (), None


def _answer(text: str) -> Answer:
    if _OPEN.search(text):
        return "open"
    return "no" if _NO.search(text) else "yes"

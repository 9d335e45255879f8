"""Sentences of English text, by rules: full stops of abbreviations, initials and numbers end none.

The rules are a list, not an understanding. Nothing is lost: the sentences joined by spaces are the text. In a
transcript the paragraphs begin with who speaks ('SPOKESPERSON: …'), which is taken off and kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from overflight.claims.lexicon import OUTLETS

MOST_SENTENCES: Final = 20_000
MOST_CHARACTERS: Final = 2_000  # of a sentence; a longer one is cut at a space, since no rule can read it

_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)")
_ABBREVIATIONS: Final = frozenset(
    re.findall(
        r"\S+",
        """
    adm amb apr assn asst aug ave brig capt cf cmdr co col comdr corp cpl dec dept det dir dist dr est etc feb
    fig fr ft gen gov hon inc jan jr jul jun lt ltd maj mar messrs mr mrs ms mt nov oct op pres prof rep reps
    rev sec sen sens sep sept sgt spc sr st supt u.k u.n u.s v vol vs a.m p.m e.g i.e e.u u.s.a d.c approx
    """,
    )
)
# After these a capital may well begin the next sentence, so the word after decides.
_BOTH: Final = frozenset(
    {"u.s", "u.k", "u.n", "u.s.a", "e.u", "d.c", "a.m", "p.m", "inc", "ltd", "co", "corp", "etc", "jr", "sr"}
)
_STARTERS: Final = frozenset(
    re.findall(
        r"\S+",
        """
    a after although an and as at according beijing both but by despite during earlier even every for from
    he her his how however i if in instead it its later many meanwhile military more most no nobody not now
    of officials on one our she since so some still such that the their then there these they this those
    though three two under until washington we what when where whether which while who with yet you
    """,
    )
)
_OPENERS: Final = "\"'“‘([—–-•"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: its number in the document from 1, its text, its paragraph from 1.

    `speaker` is who says it by the label of a paragraph of a transcript, `QUESTION` for one who only asks.
    """

    number: int
    text: str
    paragraph: int = 1
    heading: bool = False
    speaker: str = ""


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph, in order, none empty and none longer than `MOST_CHARACTERS`."""
    start = 0
    for match in _END.finditer(text):
        if _ends_here(text, match, start):
            yield from _cut(text[start : match.end()].strip())
            start = match.end()
    yield from _cut(text[start:].strip())


def _ends_here(text: str, match: re.Match[str], start: int) -> bool:
    after = text[match.end() : match.end() + 80].lstrip()
    if not after:
        return True
    first = after.lstrip(_OPENERS)[:1]
    if not first or first.islower():
        return False
    if match[0][0] != "." or match[0].startswith("..") or len(match[0]) > 1:
        return True
    before = text[max(start, match.start() - 40) : match.start()].split()
    word = before[-1].lstrip(_OPENERS).lower() if before else ""
    following = re.match(r"[\w']*", after.lstrip(_OPENERS))
    begins = following is not None and following[0].lower() in _STARTERS
    # The number of a paragraph: '3. The object was …'.
    if match.start() <= 4 and word.isdigit() and start == 0:
        return False
    if word in _BOTH:
        return begins
    if word == "no":
        return not first.isdigit()
    # 'May.' and 'Mar.' end sentences too; a day of the month follows them otherwise.
    if word in _ABBREVIATIONS:
        return False
    return not (len(word) == 1 and word.isalpha() and word != "i") or begins


def _cut(text: str) -> Iterator[str]:
    while len(text) > MOST_CHARACTERS:
        at = text.rfind(" ", 0, MOST_CHARACTERS)
        at = at if at > 0 else MOST_CHARACTERS
        yield text[:at].rstrip()
        text = text[at:].lstrip()
    if text:
        yield text


# --- transcripts

QUESTION: Final = "?"
_LABEL = re.compile(
    r"(?P<label>(?:Q|A|[A-Z][\w.'’-]*(?:[ ,]{1,2}(?:of|for|the|and|to|"
    r"[A-Z][\w.'’-]*)){0,7})(?:\s\([^()]{1,60}\))?)"
    r"(?::|\.(?=\s+[A-Z])(?<=\b[QA]\.))\s+(?=\S)"
)
_ASKS: Final = frozenset(
    (
        "Q",
        "QUESTION",
        "QUESTIONER",
        "REPORTER",
        "JOURNALIST",
        "MODERATOR",
        "INTERVIEWER",
        "HOST",
        "PRESS",
        "MEDIA",
    )
)
# What stands before a colon and is nobody.
_NOBODY: Final = re.compile(
    r"(?:editor['’]?s? )?(?:note|update|updated|correction|read|related|see|more|source|sources|photo|"
    r"image|picture|"
    r"caption|video|watch|listen|advertisement|published|by|tags|topics|share|contact|credit|also|breaking|"
    r"analysis|opinion|explainer|timeline|summary|background|subject|from|date|to|re|location|place|time)\b",
    re.IGNORECASE,
)
_RANK: Final = re.compile(
    r"\b(?:mr|mrs|ms|dr|sen|rep|gen|col|adm|capt|maj|sgt|chairman|chairwoman|chair|minister|secretary|"
    r"spokes\w+|"
    r"president|director|chief|commander|officials?|general|colonel|admiral|ambassador|professor|"
    r"representative)\b",
    re.IGNORECASE,
)
MOST_LABEL: Final = 80  # characters


def speakers(paragraphs: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Return (speaker, length of the label) of the paragraphs of a transcript that begin with a label.

    It is a transcript when labels come back, or two of them have a rank or an office. Empty when it is none.
    """
    found: dict[int, tuple[str, int]] = {}
    for k, text in enumerate(paragraphs):
        match = _LABEL.match(text[: 2 * MOST_LABEL])
        if match and len(match[0]) <= MOST_LABEL and not _NOBODY.match(match["label"]):
            found[k] = (match["label"], match.end())
    labels = [label for label, _ in found.values()]
    back = {label for label in labels if labels.count(label) > 1}
    ranked = {label for label in labels if _RANK.search(label)}
    if len(back | ranked) < 2 and not (back and any(_asks(label) for label in labels)):
        return {}
    kept = {k: v for k, v in found.items() if v[0] in back or v[0].isupper() or v[0] in ranked or _asks(v[0])}
    return {k: (QUESTION if _asks(label) else _named(label), end) for k, (label, end) in kept.items()}


def _asks(label: str) -> bool:
    bare = label.split(" (")[0].rstrip(".0123456789 ")
    return bare.upper() in _ASKS or bare.lower() in OUTLETS


def _named(label: str) -> str:
    """Return a label as a name: 'LT. GEN. DOE' is 'Lt. Gen. Doe'; 'A' is who answers."""
    if label.rstrip(".") == "A":
        return "the one who answers [A]"
    if not label.isupper():
        return label
    small = {"OF", "FOR", "THE", "AND", "TO"}
    return " ".join(w.lower() if k and w in small else w.title() for k, w in enumerate(label.split()))

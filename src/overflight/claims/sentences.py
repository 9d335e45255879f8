"""Sentences of English text, by rules: full stops of abbreviations, initials and numbers end none.

The rules are a list, not an understanding. Nothing is lost: the sentences joined by spaces are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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
    """A sentence: its number in the document from 1, its text, its paragraph from 1."""

    number: int
    text: str
    paragraph: int = 1
    heading: bool = False


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

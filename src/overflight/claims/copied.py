"""Copied passages, inside a document and between documents: the same words are one source.

Sentences are compared in order. *Exact* is the same words whatever their signs and case; *near* is that the
shorter one's runs of four words are in the longer one to four fifths (as claims are compared). Neighbours
that are copied from neighbours make one passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from overflight.claims.documents import Document
from overflight.claims.independence import LEAST_WORDS, SHINGLE, SURE_SHARE

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# A run of words in so many sentences is a formula, and comparing by it would take the square of their count.
_COMMON: Final = 40
LEAST_EXACT: Final = 4  # words; 'He did not elaborate.' is nobody's own

Place = tuple[str, int]  # document, number of the sentence


@dataclass(frozen=True, slots=True)
class Copy:
    """A sentence that stands at `source` too; `share` is 1 for the same words."""

    place: Place
    source: Place
    share: float


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring sentences that repeat neighbours: where they stand, and where they come from."""

    document: str
    first: int
    last: int
    source: str
    source_first: int
    source_last: int
    exact: bool

    @property
    def sentences(self) -> int:
        """How many sentences it has."""
        return self.last - self.first + 1


def copies(documents: Sequence[Document]) -> dict[Place, Copy]:
    """Return, for each sentence that repeats an earlier one, the first that it repeats.

    Earlier is in the order of the documents and then of sentences; give the oldest document first.
    """
    exact: dict[tuple[str, ...], Place] = {}
    seen: dict[tuple[str, ...], list[int]] = {}
    kept: list[tuple[Place, int]] = []
    found: dict[Place, Copy] = {}
    for document in documents:
        for sentence in document.sentences:
            place = (document.name, sentence.number)
            words = tuple(_WORD.findall(sentence.text.lower().replace("’", "'")))
            if len(words) < LEAST_EXACT:
                continue
            if words in exact:
                found[place] = Copy(place, exact[words], 1.0)
                continue
            exact[words] = place
            near = _near(words, seen, kept)
            if near is not None:
                found[place] = Copy(place, near[0], near[1])
            _keep(words, place, seen, kept)
    return found


def _shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    if len(words) < LEAST_WORDS:
        return set()
    return {tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}


def _near(
    words: Sequence[str], seen: dict[tuple[str, ...], list[int]], kept: Sequence[tuple[Place, int]]
) -> tuple[Place, float] | None:
    own = _shingles(words)
    shared: dict[int, int] = {}
    for run in own:
        for k in seen.get(run, ()):
            shared[k] = shared.get(k, 0) + 1
    best: tuple[float, int] | None = None
    for k, count in shared.items():
        share = count / min(len(own), kept[k][1])
        if share >= SURE_SHARE and (best is None or (share, -k) > best):
            best = (share, -k)
    return None if best is None else (kept[-best[1]][0], best[0])


def _keep(
    words: Sequence[str], place: Place, seen: dict[tuple[str, ...], list[int]], kept: list[tuple[Place, int]]
) -> None:
    own = _shingles(words)
    for run in own:
        there = seen.setdefault(run, [])
        if len(there) < _COMMON:
            there.append(len(kept))
    if own:
        kept.append((place, len(own)))


def passages(found: Iterable[Copy]) -> tuple[Passage, ...]:
    """Join copies of neighbours from neighbours; in the order of the copies."""
    made: list[Passage] = []
    for copy in found:
        document, number = copy.place
        source, origin = copy.source
        exact = copy.share == 1.0
        last = made[-1] if made else None
        if (
            last is not None
            and (last.document, last.source) == (document, source)
            and (number, origin) == (last.last + 1, last.source_last + 1)
        ):
            made[-1] = Passage(
                document, last.first, number, source, last.source_first, origin, last.exact and exact
            )
        else:
            made.append(Passage(document, number, number, source, origin, origin, exact))
    return tuple(made)

"""A lint of generated sentences: words of likelihood as ICD 203 has them, and never beside a confidence.

Intelligence Community Directive 203 (2 January 2015), section D.6.e(2): two rows of terms, not to be mixed;
a confidence in the judgement is another thing and must not stand in the same sentence. What a source said is
not ours: text in quotation marks, and elements of class `quoted`, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

from overflight.records import Finding
from overflight.words import likelihood

# The directive's second row, beside the one that `overflight.words` takes.
SECOND_ROW: Final = (
    "remote", "highly improbable", "improbable", "roughly even odds", "probable", "highly probable",
    "nearly certain",
)  # fmt: skip
FIRST_ROW: Final = (
    "almost no chance", "very unlikely", "unlikely", "roughly even chance", "very likely", "likely",
    "almost certain",
)  # fmt: skip
# Words that say how likely something is and stand in neither row.
FOREIGN: Final = (
    "probably", "improbably", "possibly", "perhaps", "maybe", "conceivably", "presumably", "undoubtedly",
    "doubtless", "in all likelihood", "a good chance", "a small chance", "highly likely", "highly unlikely",
    "extremely likely", "extremely unlikely", "most likely", "quite likely", "virtually certain",
)  # fmt: skip


def _any(words: Iterable[str]) -> re.Pattern[str]:
    longest = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest))})\b", re.IGNORECASE)


_FIRST, _SECOND, _FOREIGN = _any(FIRST_ROW), _any(SECOND_ROW), _any(FOREIGN)
_CONFIDENCE: Final = re.compile(
    r"\b(?:low|moderate|medium|high|higher|lower|little|some|full|great|good|no|our|with) "
    r"(?:to \w+ )?confidence\b|\bconfident(?:ly)?\b|\bconfidence (?:level|in|that|is|of)\b|\bwe are sure\b",
    re.IGNORECASE,
)
_WORD_AND_NUMBER: Final = re.compile(rf"({_FIRST.pattern})\s*\((<|>)?\s?(\d+(?:\.\d+)?) ?%\)", re.IGNORECASE)
_QUOTED: Final = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»")
_END: Final = re.compile(r"(?<=[.!?])[\s)]+(?=[A-Z“\"(\d])|\n+")
_BLOCKS: Final = frozenset(
    re.findall(
        r"\w+",
        """p div section article h1 h2 h3 h4 h5 h6 li dt dd td th tr table caption figcaption text title
    header footer nav summary details main ul ol dl option button label""",
    )
)
_SILENT: Final = frozenset({"script", "style", "q", "blockquote", "cite"})
_VOID: Final = frozenset(
    ("meta", "br", "link", "img", "input", "hr", "rect", "path", "circle", "col", "line", "use", "wbr")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A sentence that breaks a rule: `code` is the rule."""

    code: str
    sentence: str
    words: str


def lint_text(text: str) -> tuple[Fault, ...]:
    """Return the faults of a generated text, sentence by sentence, then that of two rows in one text."""
    faults = [fault for sentence in sentences(text) for fault in _faults(sentence)]
    bare = _QUOTED.sub(" ", text)
    first, second = _FIRST.search(bare), _SECOND.search(bare)
    if first and second:
        faults.append(Fault("two_rows", text[:200], f"{first[0]}, {second[0]}"))
    return tuple(faults)


def lint_findings(findings: Iterable[Finding]) -> tuple[Fault, ...]:
    """Return the faults of findings' questions and reasons."""
    return tuple(fault for f in findings for text in (f.question, f.reason) for fault in lint_text(text))


def lint_html(html: str, *, quoted: str = "quoted") -> tuple[Fault, ...]:
    """Return the faults of a page; elements of the class `quoted` hold what sources said and are left out."""
    reader = _Reader(quoted)
    reader.feed(html)
    reader.close()
    reader.end_block()
    return tuple(fault for block in reader.blocks for fault in lint_text(block))


def sentences(text: str) -> list[str]:
    """Split a text into sentences, without what stands in quotation marks."""
    return [s.strip() for s in _END.split(_QUOTED.sub(" ", text)) if s.strip()]


def _faults(sentence: str) -> list[Fault]:
    faults = []
    foreign = _FOREIGN.search(sentence)
    likely = _FIRST.search(sentence) or _SECOND.search(sentence) or foreign
    sure = _CONFIDENCE.search(sentence)
    if likely and sure:
        faults.append(Fault("likelihood_and_confidence", sentence, f"{likely[0]}, {sure[0]}"))
    if foreign:
        faults.append(Fault("not_a_term", sentence, foreign[0]))
    for match in _WORD_AND_NUMBER.finditer(sentence):
        p = min(1.0, float(match[3]) / 100.0)
        # The number is rounded to a whole percentage, so a neighbour within half a percent is right too.
        near = {likelihood(min(1.0, max(0.0, p + off))) for off in (-0.005, 0.0, 0.005)}
        if match[1].lower() not in near:
            faults.append(Fault("word_against_number", sentence, match[0]))
    return faults


class _Reader(HTMLParser):
    """Collects the text of a page by blocks. State: the blocks, the open one, and the open elements."""

    def __init__(self, quoted: str) -> None:
        super().__init__(convert_charrefs=True)
        self.quoted = quoted
        self.blocks: list[str] = []
        self.open: list[str] = []
        self.stack: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; a silent one silences all in it."""
        if tag in _BLOCKS:
            self.end_block()
        if tag not in _VOID:
            silent = tag in _SILENT or self.quoted in (dict(attrs).get("class") or "").split()
            self.stack.append((tag, silent or bool(self.stack and self.stack[-1][1])))

    def handle_endtag(self, tag: str) -> None:
        """Close the nearest element of that name, and what was left open in it."""
        if tag in _BLOCKS:
            self.end_block()
        if any(name == tag for name, _ in self.stack):
            while self.stack.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Take a piece of text, unless it is silenced."""
        if not (self.stack and self.stack[-1][1]):
            self.open.append(data)

    def end_block(self) -> None:
        """Put the open block down."""
        text = " ".join("".join(self.open).split())
        if text:
            self.blocks.append(text)
        self.open = []

"""The record of a claim: who said what, when, how, about which time and place, and how it stands to others.

A claim is what somebody said; nothing here says that it is so. What a source left open stays open: times,
places and quantities are None where they are unknown, reliability F and credibility 6 are *cannot be
judged*, which is not zero.

The scales are those of NATO's AJP-2.1 (the Admiralty code): reliability of the source A to F, credibility
of the information 1 to 6, rated apart from each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

from overflight.claims.dates import Span, read_span

Verb = Literal[
    "could_collect", "did_collect", "could_send", "did_send",
    "located", "entered", "manoeuvred", "counted", "owned", "strayed", "altered", "other",
]  # fmt: skip
Answer = Literal["yes", "no", "open"]
Reliability = Literal["A", "B", "C", "D", "E", "F"]
Credibility = Literal[1, 2, 3, 4, 5, 6]

VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)
# The four questions that retellings merge; each is a verb of its own.
QUESTIONS: Final[tuple[Verb, ...]] = ("could_collect", "did_collect", "could_send", "did_send")
QUESTION_WORDS: Final[Mapping[Verb, str]] = MappingProxyType(
    {
        "could_collect": "Could it collect?",
        "did_collect": "Did it collect?",
        "could_send": "Could it send?",
        "did_send": "Did it send?",
    }
)
RELIABILITIES: Final[Mapping[Reliability, str]] = MappingProxyType(
    {
        "A": "completely reliable",
        "B": "usually reliable",
        "C": "fairly reliable",
        "D": "not usually reliable",
        "E": "unreliable",
        "F": "reliability cannot be judged",
    }
)
CREDIBILITIES: Final[Mapping[Credibility, str]] = MappingProxyType(
    {
        1: "confirmed by other sources",
        2: "probably true",
        3: "possibly true",
        4: "doubtful",
        5: "improbable",
        6: "truth cannot be judged",
    }
)
# How the claimant is known. Another word is kept as it is and flagged, since tables come from many hands.
ATTRIBUTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "named_official": "an official who gave a name",
        "anonymous_official": "officials or sources who gave none",
        "agency_statement": "an agency or a ministry, as such",
        "official_document": "a document of an authority",
        "state_denial": "the owner or its state denies",
        "politician": "a politician who does not speak for an agency",
        "company": "a company or a club",
        "independent_expert": "somebody who knows the subject and was not part of it",
        "witness": "somebody who was there",
        "media_analysis": "a newsroom's own work on data",
        "media_report": "a report that does not say where it has it from",
        "article_voice": "the article itself, without attribution",
    }
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A verb toward another claim, as the table has it; `overflight.claims.relations` reads the verbs."""

    verb: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that somebody gave, as an interval: 'at least two dozen' is low 24, high None.

    `low` or `high` None is an open end, not zero. `unit` as in the table ('ft', 'count', 'bit/s').
    """

    low: float | None
    high: float | None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim. Texts are as the table or the document has them; '' and None are 'not given'.

    `date` is when it was said and `about` the time that it speaks of, as text: `said` and `about_time` read
    them as intervals. `verbs` has more than one entry when the claim merges what should be kept apart;
    `answer` is what it says to its verb: yes, no, or open. For `owned` the `subject` is the owner. `area` is
    the id of a country or an area of the case, (`lon_deg`, `lat_deg`, `radius_km`) a circle on the ground.
    `hedge` is doubt ('is believed'), a qualifier a limit of what is said ('in part'). `source` is the outlet
    or document, `origin` whose knowledge it is at root, `quote` the source's own words, `sha256` the
    digest of the archived source. `document` and `sentences` say where extraction found it. `finding`
    names the finding that it is to be tested against. `extra` holds (column, cell) of what we do not know.
    """

    id: str
    date: str = ""
    claimant: str = ""
    attribution: str = ""
    claim: str = ""
    topic: str = ""
    status: str = ""
    relations: tuple[Relation, ...] = ()
    url: str = ""
    note: str = ""
    key: str = ""
    verbs: tuple[Verb, ...] = ()
    answer: Answer | None = None
    subject: str = ""
    object: str = ""
    about: str = ""
    place: str = ""
    area: str = ""
    lon_deg: float | None = None
    lat_deg: float | None = None
    radius_km: float | None = None
    quantity: Quantity | None = None
    hedge: str = ""
    qualifiers: tuple[str, ...] = ()
    side: str = ""
    source: str = ""
    origin: str = ""
    quote: str = ""
    sha256: str = ""
    reliability: Reliability = "F"
    credibility: Credibility = 6
    document: str = ""
    sentences: tuple[int, ...] = ()
    finding: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def said(self) -> Span | None:
        """When it was said; None when not known."""
        return read_span(self.date) if self.date else None

    @property
    def about_time(self) -> Span | None:
        """The time that it speaks of; None when not given."""
        return read_span(self.about) if self.about else None


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that a person should look at: a code, the claims concerned, and why."""

    code: str
    claims: tuple[str, ...]
    reason: str

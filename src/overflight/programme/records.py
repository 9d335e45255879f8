"""The records of the programme: what a row of the catalogue says, and the flights that rows add up to.

A row is evidence: that somebody saw, shot down, launched, or counted something. A flight is what rows of one
thing come to. A row that only says how many there were, and names no flight, is a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from overflight.records import Mark

Standing = Literal["acknowledged", "attributed", "suspected", "unattributed", ""]
Kind = Literal["mission", "suspected", "hobby", "weather", "private", "unknown", ""]
Where = Literal["land", "sea", "zone", "near", "outside", ""]
Role = Literal["event", "statement"]

STANDINGS: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        "acknowledged": "its owner says that it was theirs",
        "attributed": "a government or its forces say whose it was",
        "suspected": "unnamed people, analysts or a likeness point to an owner",
        "unattributed": "nobody says whose it was",
    }
)
KINDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "mission": "attributed to the programme",
        "suspected": "suspected to be of the programme",
        "hobby": "a hobby balloon",
        "weather": "a weather balloon",
        "private": "a private, company or research balloon",
        "unknown": "nobody says what it was",
    }
)
# Never counted as a mission, however sure: what would tell is said beside them.
APART: Final[tuple[Kind, ...]] = ("hobby", "weather", "private")
WHERES: Final[tuple[Where, ...]] = get_args(Where)
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Number:
    """How many, from `low` to `high`; `high` None where no upper end was given."""

    low: float
    high: float | None

    @property
    def text(self) -> str:
        """The interval in words."""
        if self.high is None:
            return f"at least {self.low:g}"
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRecord:
    """One row of the catalogue.

    Times are POSIX seconds UTC, `minute` tells that a single minute was given. Altitudes are as reported.
    `text`, `attribution`, `source` and the like are as the table has them. `flight` names the flight that
    the row is about, `named` tells that a person typed it. What was not typed and was read from the words
    stands in `by_words`, by its column. `where` is the place of the flight with respect to `area`, an ISO
    code. None is not known.
    """

    id: str
    group: str
    event: str
    flight: str
    role: Role
    time_start: float | None
    time_end: float | None
    minute: bool
    lon_deg: float | None
    lat_deg: float | None
    radius_km: float | None
    alt_low_m: float | None
    alt_high_m: float | None
    attribution: str
    source: str
    url: str
    text: str
    confidence: str
    notes: str
    standing: Standing = ""
    kind: Kind = ""
    sure: bool = True
    area: str = ""
    where: Where = ""
    number: Number = Number(1.0, 1.0)
    size_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    behaviour: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()
    named: bool = False
    by_words: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    line: int = 0

    @property
    def dated(self) -> bool:
        """Whether its time may be used."""
        return self.time_start is not None and not any(m.severity == "unusable" for m in self.marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRecord:
    """What the rows of one flight come to.

    `kind` is what it is taken for and `sure` whether the rows say so firmly; `why` gives the rows and words.
    `time_start`, `time_end` bound its usable times. `number` is more than one where the rows speak of several
    flights that they do not tell apart. `what_would_tell` names what would settle an open kind.
    """

    id: str
    rows: tuple[ObjectRecord, ...]
    kind: Kind
    sure: bool
    why: str
    standing: Standing
    number: Number
    time_start: float | None
    time_end: float | None
    what_would_tell: str = ""

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The ids of its rows."""
        return tuple(row.id for row in self.rows)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The rows of a catalogue in their order, the flights they come to, and the statements among them."""

    rows: tuple[ObjectRecord, ...]
    flights: tuple[FlightRecord, ...]
    statements: tuple[ObjectRecord, ...]
    file: str = "catalogue"

"""Element sets: what SGP4 needs to say where a satellite is, and the reading of files that hold them.

An element set is read from two-line elements (with or without a line of name) or from an Orbit Mean-Elements
Message in JSON, CSV or XML; which of them a file is, its content tells. A set that cannot be used is refused
by itself, with file and line, and the others are kept: `Reading` holds both. Sets of many epochs and of one
object many times may stand in one file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from overflight.errors import InputError
from overflight.rows import read_text, shorten
from overflight.times import iso_utc, parse_utc
from overflight.units import DAY_S, EARTH_RADIUS_M

# The whole catalogue as JSON is 25 MB; a year of one object's history is less.
MAX_BYTES: Final = 128 * 1024 * 1024
MAX_SETS: Final = 500_000
MAX_NAME_CHARS: Final = 100
MAX_CATALOG: Final = 999_999_999
# WGS-72, with which element sets are fitted: Hoots and Roehrich, Spacetrack Report No. 3 (1980).
MU_M3PS2: Final = 398_600.8e9
# What helps with a set that cannot be used.
FETCH: Final = "Fetch the set again; a damaged set is not mended by guessing."
FIRST_EPOCH_S: Final = parse_utc("1957-10-04T00:00Z")
LAST_EPOCH_S: Final = parse_utc("2057-01-01T00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementSet:
    """Mean elements of one object at one epoch, for SGP4, in the frame TEME.

    `catalog` is the number in the US catalogue, `designator` the international one ('1998-067A'), `epoch_s`
    POSIX seconds UTC. `mean_motion_degps` is Kozai's, as published. `bstar` is in inverse Earth radii.
    `number` and `revolution` count element sets and revolutions. `file` and `line` say where it was read.
    """

    catalog: int
    name: str
    designator: str
    epoch_s: float
    mean_motion_degps: float
    eccentricity: float
    inclination_deg: float
    node_deg: float
    perigee_deg: float
    anomaly_deg: float
    bstar: float
    number: int = 0
    revolution: int = 0
    file: str = ""
    line: int = 0

    @property
    def period_s(self) -> float:
        """Time of one revolution."""
        return 360.0 / self.mean_motion_degps

    @property
    def axis_m(self) -> float:
        """Half the long axis of the orbit."""
        return float((MU_M3PS2 / math.radians(self.mean_motion_degps) ** 2) ** (1.0 / 3.0))

    @property
    def mean_alt_m(self) -> float:
        """Height of a circle with the same axis above the mean Earth."""
        return self.axis_m - EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Refusal:
    """An element set that was not taken: which, where, why, and what to do."""

    file: str
    line: int
    name: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return one line for people."""
        who = f" ({self.name})" if self.name else ""
        tail = f". {self.remedy}" if self.remedy else ""
        return f"{self.file}, line {self.line}{who}: {self.reason}{tail}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one or more files hold: the sets in order, and those refused."""

    sets: tuple[ElementSet, ...] = ()
    refused: tuple[Refusal, ...] = ()
    kind: str = ""


@dataclass(slots=True)
class Taken:
    """Collects sets and refusals of one file. Changed by `add` and `refuse` only."""

    file: str
    sets: list[ElementSet] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def add(self, one: ElementSet) -> None:
        """Take a set, unless its numbers are outside what an orbit about the Earth can be."""
        wrong = fault_of(one)
        if wrong:
            self.refuse(one.line, label(one.catalog, one.name), wrong, FETCH)
        else:
            self.sets.append(one)
        self._limit(one.line)

    def refuse(self, line: int, name: str, reason: str, remedy: str = "") -> None:
        """Leave a set out and say why."""
        self.refused.append(Refusal(self.file, line, name, reason, remedy))
        self._limit(line)

    def _limit(self, line: int) -> None:
        if len(self.sets) + len(self.refused) > MAX_SETS:
            raise InputError(
                f"holds more than {MAX_SETS} element sets", file=self.file, line=line,
                remedy="Split the file.",
            )  # fmt: skip


def label(catalog: int, name: str) -> str:
    """Return number and name of an object for messages."""
    return f"{catalog} {name}".strip()


def fault_of(one: ElementSet) -> str:
    """Return what is wrong with a set's numbers, or an empty string."""
    limits = (
        ("catalogue number", one.catalog, 1, MAX_CATALOG),
        ("eccentricity", one.eccentricity, 0.0, 0.999999999),
        ("inclination", one.inclination_deg, 0.0, 180.0),
        ("node", one.node_deg, 0.0, 360.0),
        ("argument of perigee", one.perigee_deg, 0.0, 360.0),
        ("mean anomaly", one.anomaly_deg, 0.0, 360.0),
        # Once in 55 days, half as far as the moon, to 18 a day, below which there is no orbit.
        ("mean motion", one.mean_motion_degps * DAY_S / 360.0, 0.018, 18.0),
        ("B*", one.bstar, -100.0, 100.0),
    )
    for name, value, low, high in limits:
        if not low <= value <= high:
            return f"the {name} is {value:g}, not within {low:g} to {high:g}"
    if not FIRST_EPOCH_S <= one.epoch_s < LAST_EPOCH_S:
        return f"the epoch {iso_utc(one.epoch_s)} is not within 1957 to 2056"
    return ""


def read_elements(paths: Iterable[Path]) -> Reading:
    """Read element sets from files in order.

    Raises InputError when a file cannot be read at all: missing, too large, not text, of no known format.
    Sets that cannot be used are in `Reading.refused`.
    """
    readings = [parse_elements(read_text(path, limit_bytes=MAX_BYTES), path.name) for path in paths]
    return Reading(
        tuple(one for r in readings for one in r.sets),
        tuple(one for r in readings for one in r.refused),
        ", ".join(dict.fromkeys(r.kind for r in readings)),
    )


def parse_elements(text: str, file: str) -> Reading:
    """Parse element sets of any known format; `file` names the text in messages."""
    from overflight.satellites import omm, tle

    kind = kind_of(text)
    taken = Taken(file)
    if kind == "tle":
        tle.parse_tle(text, taken)
    elif kind == "json":
        omm.parse_json(text, taken)
    elif kind == "xml":
        omm.parse_xml(text, taken)
    elif kind == "csv":
        omm.parse_csv(text, taken)
    else:
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        raise InputError(
            f"it begins with '{shorten(first)}'" if first else "it is empty", file=file,
            remedy="Give two-line elements, or an OMM in JSON, CSV or XML, as CelesTrak and Space-Track do.",
        )  # fmt: skip
    return Reading(tuple(taken.sets), tuple(taken.refused), kind)


def kind_of(text: str) -> str:
    """Return 'tle', 'json', 'xml' or 'csv' for text that holds element sets, '' for other text."""
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        return "json"
    if start == "<":
        return "xml"
    lines = text.splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    if "NORAD_CAT_ID" in first.upper() and "," in first:
        return "csv"
    return "tle" if any(line.startswith(("1 ", "2 ")) for line in lines) else ""


def age_s(one: ElementSet, time_s: float) -> float:
    """Return how long after the epoch a time is; negative before it."""
    return time_s - one.epoch_s

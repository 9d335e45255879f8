"""What satellites carry: a curated table with provenance, and the user's own before it.

A row holds for every satellite whose name fits its pattern. Of the patterns that fit, the one with most
letters counts, and where it has several rows the satellite carries several sensors; a table given by the user
counts before that of the package. A satellite that no row fits is not known to carry anything: its passes are
counted, and nothing is said of pictures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np
import numpy.typing as npt

from overflight.rows import Problems, Row, number_in, parse_rows, read_text, shorten
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
SensorClass = Literal["optical", "radar", "infrared", "undisclosed", "none"]
Certainty = Literal["stated", "reported", "assumed"]

CLASSES: Final[tuple[SensorClass, ...]] = ("optical", "radar", "infrared", "undisclosed", "none")
CERTAINTIES: Final[tuple[Certainty, ...]] = ("stated", "reported", "assumed")
REQUIRED: Final = ("pattern", "class", "certainty", "source")
OPTIONAL: Final = ("sensor", "gsd_m", "swath_m", "off_nadir_deg")
_PATTERN = re.compile(r"[A-Z0-9 *?.+/&']{1,64}")
_BRACKETS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A row of the table. None where nothing is published or it does not apply.

    `gsd_m` is the ground sample distance straight down, for radar the finest resolution; `swath_m` the width
    of ground seen at once; `off_nadir_deg` how far it is turned from straight down, None where it is not.
    """

    pattern: str
    sensor_class: SensorClass
    name: str = ""
    gsd_m: float | None = None
    swath_m: float | None = None
    off_nadir_deg: float | None = None
    certainty: Certainty = "assumed"
    source: str = ""
    file: str = ""
    line: int = 0


def read_sensors(paths: Iterable[Path] = ()) -> tuple[tuple[Sensor, ...], ...]:
    """Return the tables in the order in which they count: the user's files, then the package's own.

    Raises InputError that lists every problem of a file with line and field.
    """
    own = tuple(parse_sensors(read_text(path), path.name) for path in paths)
    return (*own, builtin_sensors())


# As the catalogue ends the names of what is left of launches and collisions.
REMAINS: Final = tuple(
    Sensor(pattern=pattern, sensor_class="none", name=what, certainty="stated",
           source="18th and 19th Space Defense Squadrons, names of the satellite catalogue")
    for pattern, what in (("* DEB", "debris"), ("* R/B*", "rocket body"))
)  # fmt: skip


@lru_cache(maxsize=1)
def builtin_sensors() -> tuple[Sensor, ...]:
    """Return the table of the package."""
    source = resources.files("overflight.satellites").joinpath("data", "sensors.csv")
    return parse_sensors(source.read_text(encoding="utf-8"), "sensors.csv of the package")


def parse_sensors(text: str, file: str) -> tuple[Sensor, ...]:
    """Parse a table of sensors; `file` names it in messages."""
    problems = Problems(file)
    rows = parse_rows(text, file, required=REQUIRED, optional=OPTIONAL)
    found = [_sensor(row, file, problems) for row in rows]
    problems.raise_any()
    return tuple(found)


def plain_name(name: str) -> str:
    """Return a name as patterns have it: capitals, '-' and '_' as spaces, without what is in brackets."""
    return " ".join(re.sub(r"[-_]", " ", _BRACKETS.sub(" ", name.upper())).split())


def sensors_of(name: str, tables: Sequence[Sequence[Sensor]]) -> tuple[Sensor, ...]:
    """Return the rows that hold for a satellite; none where nothing is known of it.

    What the catalogue names as debris or the body of a rocket carries nothing, whatever the tables say of the
    satellite it came from.
    """
    plain = plain_name(name)
    for table in (REMAINS, *tables):
        fits = [s for s in table if fnmatchcase(plain, s.pattern)]
        if fits:
            most = max(_letters(s.pattern) for s in fits)
            return tuple(s for s in fits if _letters(s.pattern) == most)
    return ()


def reach_off_nadir_deg(sensor: Sensor, alt_m: npt.ArrayLike) -> Float64s:
    """Return how far from straight down a sensor sees from a height, degrees.

    What it is turned by and half its swath; half its swath alone where it is not turned. NaN where neither is
    published.
    """
    alt = np.asarray(alt_m, dtype=np.float64)
    half = np.zeros(alt.shape)
    if sensor.swath_m is not None:
        # The angle at the satellite of a point half a swath away on a round Earth.
        angle = 0.5 * sensor.swath_m / EARTH_RADIUS_M
        away = EARTH_RADIUS_M * np.sin(angle)
        half = np.degrees(np.arctan2(away, alt + EARTH_RADIUS_M * (1.0 - np.cos(angle))))
    elif sensor.off_nadir_deg is None:
        return np.full(alt.shape, np.nan)
    return np.asarray((sensor.off_nadir_deg or 0.0) + half)


def _letters(pattern: str) -> int:
    return sum(c not in "*?" for c in pattern)


def _sensor(row: Row, file: str, problems: Problems) -> Sensor:
    cells = row.cells
    pattern = cells["pattern"].upper()
    if not _PATTERN.fullmatch(pattern) or plain_name(pattern) != pattern:
        problems.add(
            row.line, "pattern", f"'{shorten(cells['pattern'])}' fits no name",
            "Write the name in capitals with spaces for '-', and * or ? for other letters.",
        )  # fmt: skip
    for name, known in (("class", CLASSES), ("certainty", CERTAINTIES)):
        if cells[name] not in known:
            problems.add(row.line, name, f"'{shorten(cells[name])}' is unknown", f"Use {', '.join(known)}.")
    if not cells["source"]:
        problems.add(row.line, "source", "is empty", "Say who published the numbers, and when.")
    return Sensor(
        pattern=pattern,
        sensor_class=cast(SensorClass, cells["class"]),
        name=cells.get("sensor", ""),
        gsd_m=number_in(row, "gsd_m", 0.01, 100_000.0, problems, remedy="Check the unit."),
        swath_m=number_in(row, "swath_m", 100.0, 10_000_000.0, problems, remedy="Check the unit."),
        off_nadir_deg=number_in(row, "off_nadir_deg", 0.0, 75.0, problems, remedy="Check the unit."),
        certainty=cast(Certainty, cells["certainty"]),
        source=cells["source"],
        file=file,
        line=row.line,
    )

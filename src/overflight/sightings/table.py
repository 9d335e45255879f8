"""The sightings table as CSV. `docs/sightings.md` describes the columns.

`sighting_from_cells` turns the text of one row into a Sighting; GeoJSON properties go through it too, so the
two formats mean the same. What cannot be read is an error and all such errors come together; what can be
read but is hard to believe is the business of `plausibility`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from overflight.errors import OverflightError
from overflight.records import RELIABILITIES, Mark, Reliability, Sighting
from overflight.rows import Problems, parse_number, parse_rows, shorten, valid_id
from overflight.sightings.kinds import KINDS, kind_info
from overflight.times import parse_utc

REQUIRED = ("id", "time_utc_start", "time_utc_end", "lat", "lon", "radius_km", "kind", "source")
OPTIONAL = (
    "alt_m_low",
    "alt_m_high",
    "url",
    "text",
    "reliability",
    "alt_kind",
    "phase",
    "place",
    "bearing_deg",
    "bearing_sd_deg",
    "elevation_deg",
    "elevation_sd_deg",
    "coord_basis",
    "time_basis",
)
ALIASES: Mapping[str, str] = MappingProxyType({"quote_paraphrase": "text", "confidence": "reliability"})

# How far a reading by eye or phone is off when the report does not say.
DEFAULT_BEARING_SD_DEG = 15.0
DEFAULT_ELEVATION_SD_DEG = 10.0

HALF_EARTH_KM = 20_038.0

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Reader:
    """One row while it is read: its cells, and where its problems go."""

    cells: Cells
    line: int | None
    prefix: str
    problems: Problems

    def text(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def problem(self, name: str, what: str, remedy: str) -> None:
        self.problems.add(self.line, self.prefix + name, what, remedy)

    def number(self, name: str, low: float, high: float, remedy: str = "") -> float | None:
        text = self.text(name)
        if not text:
            return None
        try:
            value = parse_number(text)
        except ValueError as error:
            self.problem(name, str(error), "Write a plain decimal number or leave it empty.")
            return None
        if not low <= value <= high:
            self.problem(name, f"{value:g} is not within {low:g} to {high:g}", remedy)
            return None
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        text = self.text(name).lower() or default
        if text not in allowed:
            self.problem(name, f"'{shorten(text)}' is not known", f"Use one of {', '.join(allowed)}.")
            return default
        return text


def parse_table(text: str, file: str) -> tuple[Sighting, ...]:
    """Parse a sightings table; `file` names it in messages and in the records.

    Raises
    ------
    InputError
        Naming file, line and field of every problem found (the first 20): missing columns, naive times,
        numbers that are not, doubled ids, an end before its start, a latitude beyond 90 degrees.
    """
    rows = parse_rows(text, file, required=REQUIRED, optional=OPTIONAL, aliases=ALIASES)
    problems = Problems(file)
    sightings = [sighting_from_cells(row.cells, file=file, line=row.line, problems=problems) for row in rows]
    problems.raise_any()
    return tuple(s for s in sightings if s is not None)


def sighting_from_cells(
    cells: Cells,
    *,
    file: str,
    line: int | None,
    problems: Problems,
    prefix: str = "",
    polygon: tuple[tuple[float, float], ...] = (),
) -> Sighting | None:
    """Read one row of text into a Sighting, or add to `problems` and return None.

    `prefix` goes before the names of fields in messages. With a `polygon` (longitude, latitude; degrees),
    `lat` and `lon` are its middle and a radius is not needed.
    """
    before = len(problems.found)
    row = _Reader(cells, line, prefix, problems)
    identity = row.text("id")
    if not valid_id(identity):
        row.problem("id", f"'{shorten(identity)}' is not an id", "Use 1 to 64 letters, digits, '_' or '-'.")
    time_start, time_end = _times(row)
    lat, lon = _place(row)
    kind = row.text("kind")
    if not kind:
        row.problem("kind", "is empty", f"Say what it is, such as {', '.join(list(KINDS)[:3])}.")
    if not row.text("source"):
        row.problem("source", "is empty", "Say who reported it.")
    radius = row.number("radius_km", 1e-3, HALF_EARTH_KM, "Give the circle that it was in, in km.")
    bearing = row.number("bearing_deg", -360.0, 360.0, "Give degrees clockwise from true north.")
    bearing_sd = row.number("bearing_sd_deg", 0.01, 180.0)
    elevation = row.number("elevation_deg", 0.0, 90.0, "Give degrees above the horizon.")
    elevation_sd = row.number("elevation_sd_deg", 0.01, 90.0)
    low = row.number("alt_m_low", -1e6, 1e6, "Give metres.")
    high = row.number("alt_m_high", -1e6, 1e6, "Give metres.")
    alt_kind = row.choice("alt_kind", ("unspecified", "geometric", "msl", "pressure"), "unspecified")
    phase = row.choice("phase", ("float", "ascent", "descent"), "float")
    reliability, notes = _reliability(row)
    info = kind_info(kind)
    pointed = bearing is not None or elevation is not None
    if lat is not None and radius is None and not (polygon or pointed or info.is_watcher):
        row.problem("radius_km", "is empty", "Give the radius of the circle the balloon was in, in km.")
    if pointed and lat is None:
        row.problem("lat", "is empty, but a bearing or elevation is given", "Give the watcher's place.")
    if len(problems.found) > before or time_start is None or time_end is None:
        return None
    if kind not in KINDS:
        notes.append(
            Mark(
                "unknown_kind",
                f"the kind '{shorten(kind)}' is not in the table; taken as {info.label}",
                "note",
            )
        )
    return Sighting(
        id=identity,
        time_start=time_start,
        time_end=time_end,
        kind=kind,
        role=info.role,
        source=row.text("source"),
        reliability=reliability,
        lon_deg=lon,
        lat_deg=lat,
        radius_km=radius,
        polygon=polygon,
        bearing_deg=None if bearing is None else bearing % 360.0,
        bearing_sd_deg=bearing_sd if bearing_sd or bearing is None else DEFAULT_BEARING_SD_DEG,
        elevation_deg=elevation,
        elevation_sd_deg=elevation_sd if elevation_sd or elevation is None else DEFAULT_ELEVATION_SD_DEG,
        alt_low_m=low,
        alt_high_m=high,
        alt_kind=cast('Literal["unspecified", "geometric", "msl", "pressure"]', alt_kind),
        phase=cast('Literal["float", "ascent", "descent"]', phase),
        place=row.text("place"),
        text=row.text("text"),
        url=row.text("url"),
        marks=tuple(notes),
        raw=MappingProxyType(dict(cells)),
        file=file,
        line=line or 0,
    )


def _times(row: _Reader) -> tuple[float | None, float | None]:
    start = _time(row, "time_utc_start")
    end = start if not row.text("time_utc_end") else _time(row, "time_utc_end")
    if start is not None and end is not None and end < start:
        row.problem("time_utc_end", "is before time_utc_start", "Exchange them, or correct one.")
        return None, None
    return start, end


def _time(row: _Reader, name: str) -> float | None:
    text = row.text(name)
    if not text:
        row.problem(name, "is empty", "Write it as 2023-01-28T05:00Z.")
        return None
    try:
        return parse_utc(text)
    except OverflightError as error:
        row.problem(name, error.what, error.remedy)
        return None


def _place(row: _Reader) -> tuple[float | None, float | None]:
    lat = row.number("lat", -360.0, 360.0)
    lon = row.number("lon", -360.0, 360.0, "Give degrees east, -180 to 180.")
    if lat is not None and abs(lat) > 90.0:
        swapped = lon is not None and abs(lon) <= 90.0
        remedy = "Are lat and lon swapped?" if swapped else "Latitudes run from -90 to 90."
        row.problem("lat", f"{lat:g} is beyond the pole", remedy)
        return None, None
    if (row.text("lat") == "") != (row.text("lon") == ""):
        name = "lat" if row.text("lat") == "" else "lon"
        row.problem(name, "is empty while the other is given", "Give both or neither.")
        return None, None
    return lat, lon if lon is None else (lon + 180.0) % 360.0 - 180.0


def _reliability(row: _Reader) -> tuple[Reliability, list[Mark]]:
    """Take the first word ('high for place; low for altitude' is 'high'), and note what was left out."""
    text = row.text("reliability").lower()
    word = text.replace(";", " ").replace(",", " ").split(" ")[0] if text else "unknown"
    if word not in RELIABILITIES:
        row.problem(
            "reliability", f"'{shorten(text)}' is not known", f"Use one of {', '.join(RELIABILITIES)}."
        )
        return "unknown", []
    if text in ("", word):
        return word, []
    return word, [Mark("reliability_qualified", f"taken as {word}: '{shorten(text)}'", "note")]

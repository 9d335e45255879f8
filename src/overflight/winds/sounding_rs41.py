"""RS41 radiosondes as decoded by amateur receivers, CSV.

Layout: a header and one row a received frame: `time` (UTC, `YYYY-MM-DD HH:MM:SS`), `lat`, `lon`
(degrees), `alt` (metres, from the sonde's GNSS solution), `vel_v` (m/s, up), `vel_h` (m/s), `heading`
(degrees, the direction of *motion*, so the wind blows *towards* it). Columns may stand in any order and
others are passed over. The sonde is taken to drift with the air.

The height is above the WGS-84 ellipsoid. Without a geoid it is taken as above mean sea level, which is
off by less than 107 m everywhere; the mark says so. The files carry no pressure.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from overflight.errors import InputError
from overflight.records import Mark
from overflight.times import parse_utc
from overflight.winds.soundings import Sounding, make_sounding, read_bytes, wind_from

_NUMBERS = ("lat", "lon", "alt", "vel_h", "heading")

_MARKS = (
    Mark("alt_ellipsoid", "height above WGS-84 taken as above mean sea level (within 107 m)", "note"),
    Mark("no_pressure", "the source carries no pressure", "note"),
)


def read_rs41(path: Path) -> tuple[Sounding, ...]:
    """Read one decoded RS41 flight. Returns a tuple of one; see `parse_rs41`."""
    return parse_rs41(read_bytes(path), file=str(path))


def parse_rs41(data: bytes, *, file: str = "rs41.csv", station: str = "") -> tuple[Sounding, ...]:
    """Parse one decoded RS41 flight. Returns a tuple of one.

    `station` defaults to the file's name without its ending. Empty cells are missing values.

    Raises
    ------
    InputError
        When a column is missing or a cell is no number or no time; names line and field.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} is not UTF-8", file=file, remedy="Save the file as UTF-8 text."
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in ("time", *_NUMBERS) if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"the header lacks {', '.join(missing)}",
            file=file,
            line=1,
            field=missing[0],
            remedy="Expected the columns time, lat, lon, alt, vel_h and heading.",
        )
    table = np.array(_table(reader, file), dtype=np.float64).reshape(-1, 1 + len(_NUMBERS))
    time_s, lat, lon, alt, speed, heading = table.T
    # A heading is where the sonde goes; the wind comes from the opposite side.
    u, v = wind_from(heading + 180.0, speed)
    return (
        make_sounding(
            station=station or Path(file).stem,
            source="rs41",
            file=file,
            time_s=time_s,
            lat_deg=lat,
            lon_deg=lon,
            alt_msl_m=alt,
            pressure_pa=np.full(time_s.shape, np.nan),
            u_mps=u,
            v_mps=v,
            marks=_MARKS,
        ),
    )


def _table(reader: csv.DictReader[str], file: str) -> list[list[float]]:
    rows = []
    try:
        for row in reader:
            line = reader.line_num
            rows.append([_time(row["time"], file, line), *(_number(row[n], file, line, n) for n in _NUMBERS)])
    except csv.Error as error:
        raise InputError(f"not readable as CSV: {error}", file=file, line=reader.line_num) from error
    return rows


def _time(cell: str | None, file: str, line: int) -> float:
    text = (cell or "").strip()
    try:
        # The receiver writes UTC without a zone; the format says so, the reader may add it.
        has_zone = text.endswith("Z") or "+" in text
        return parse_utc((text if has_zone else text + "Z").replace(" ", "T", 1))
    except ValueError as error:
        raise InputError(
            f"'{text[:40]}' is no time",
            file=file,
            line=line,
            field="time",
            remedy="Use YYYY-MM-DD HH:MM:SS, UTC.",
        ) from error


def _number(cell: str | None, file: str, line: int, name: str) -> float:
    text = (cell or "").strip()
    if not text:
        return float("nan")
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            f"'{text[:40]}' is no number",
            file=file,
            line=line,
            field=name,
            remedy="Correct the cell or leave it empty.",
        ) from error

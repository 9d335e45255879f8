"""Balloon flights as observers of the wind: tracks of fixes become winds by smoothed differences.

Three layouts:

- *APRS* as exported by aprs.fi: header `time,lasttime,lat,lng,speed,course,altitude,comment` (others are
  passed over). Times are UTC `YYYY-MM-DD HH:MM:SS`; `time` is when the place was first heard of, `lasttime`
  when it was last repeated. Altitude in metres; the pressure stands in the comment, in pascals (`84656Pa`).
  Speed and course are those of the receiver's last second, in km/h, and are not used. A packet that was
  held back on its way has the time of its arrival: it is followed by the next one too soon, and is dropped.
- *Logger* as the `pyBalloon` flights have it, without a header: `DD/MM/YYYY,HH:MM:SS,lat,lon,alt,...`, with
  or without the logger's name in front; seven columns after the height stands the pressure in pascals
  (speed, course, dilution of precision and satellites between). Times are UTC. Commas at the end vary.
- *Table*: header with `time,lat,lon,alt_m` and, if known, `pressure_pa`; time in ISO 8601 with zone, height
  in metres above the sea.

The wind at a fix is the slope of a straight line through the fixes within `WINDOW_S`, at least one before
and one after; no line is drawn across more than `MAX_GAP_S`. The balloon is taken to drift with the air, so
rows on the ground before the start and after the landing are left out. A balloon that is propelled or on a
parachute that glides is no observer.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight import atmosphere, geo
from overflight.errors import InputError
from overflight.records import Mark
from overflight.rows import MAX_ROWS, parse_number, parse_rows, shorten
from overflight.times import parse_utc
from overflight.units import WGS84_A_M, WGS84_F
from overflight.winds.soundings import Float64s, Sounding, make_sounding, read_bytes

Bools = npt.NDArray[np.bool_]

# Positions are given to 1-18 m; over three minutes that is 0.1 m/s.
WINDOW_S: Final = 90.0
# Across a longer gap the mean wind belongs to no height.
MAX_GAP_S: Final = 600.0
# A packet followed sooner than this share of the usual interval was late itself.
SOON: Final = 0.8
# Faster than any wind or climb: a broken fix.
MAX_STEP_MPS: Final = 150.0
MAX_CLIMB_MPS: Final = 120.0
# Pressure against the standard atmosphere's at the height: 3.5 km apart in the stratosphere.
MAX_LOG_P_OFF: Final = 0.5
# On the ground: below this share of the way up, and neither rising nor sinking by this much.
GROUND_SHARE: Final = 0.3
GROUND_CLIMB_MPS: Final = 0.7

_PRESSURE = re.compile(r"(?<![\d.])(\d{2,6})\s?Pa\b")
_DATE = re.compile(r"\d{2}/\d{2}/\d{4}")
_DIFFERENCES = Mark("differences", "winds are smoothed differences of positions", "note")

# time_s, lat, lon, alt, pressure
Fix = tuple[float, float, float, float, float]


def read_flights(path: Path) -> tuple[Sounding, ...]:
    """Read one balloon flight of any of the layouts, told by its first line. Returns a tuple of one."""
    return parse_flight(read_bytes(path), file=str(path))


def parse_flight(data: bytes, *, file: str = "flight.csv", station: str = "") -> tuple[Sounding, ...]:
    """Parse the bytes of one balloon flight; returns a tuple of one, its winds by differences.

    Raises
    ------
    InputError
        When the layout is not known, a column is missing, or a cell is no number or no time; names line
        and field.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} is not UTF-8", file=file, remedy="Save the file as UTF-8 text."
        ) from error
    fixes, late = _parser(text, file)(text, file)
    return (_flight(fixes, late, file, station or Path(file).stem),)


def flight_winds(
    time_s: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    alt_msl_m: npt.ArrayLike,
    pressure_pa: npt.ArrayLike | None = None,
    *,
    station: str = "",
    file: str = "",
) -> Sounding:
    """Return the winds along a track given as columns (N,); pressure NaN or None where not measured.

    Rows that cannot be used are counted in `rejects`.
    """
    columns = [np.asarray(c, np.float64) for c in (time_s, lat_deg, lon_deg, alt_msl_m)]
    pressure = np.full(columns[0].shape, np.nan) if pressure_pa is None else np.asarray(pressure_pa, float)
    fixes = np.stack([*columns, pressure], axis=1).reshape(-1, 5)
    return _flight(fixes, 0, file, station)


def _parser(text: str, file: str) -> Callable[[str, str], tuple[Float64s, int]]:
    first = text[:2000].lstrip().split("\n", 1)[0].strip()
    cells = [c.strip() for c in first.split(",")]
    if cells[:2] == ["time", "lasttime"]:
        return _parse_aprs
    if any(_DATE.fullmatch(c) for c in cells[:2]):
        return _parse_logger
    if {"time", "lat", "lon"} <= set(cells):
        return _parse_table
    raise InputError(
        f"the first line is '{shorten(first)}': no layout of a flight that is known",
        file=file,
        line=1,
        remedy="Give the header time,lat,lon,alt_m with rows below it.",
    )


def _parse_table(text: str, file: str) -> tuple[Float64s, int]:
    rows = parse_rows(text, file, required=("time", "lat", "lon", "alt_m"), optional=("pressure_pa",))
    names = ("lat", "lon", "alt_m", "pressure_pa")
    fixes = [
        (
            _utc(row.cells["time"], file, row.line),
            *(_number(row.cells.get(name, ""), file, row.line, name) for name in names),
        )
        for row in rows
    ]
    return _table(fixes), 0


def _parse_aprs(text: str, file: str) -> tuple[Float64s, int]:
    fixes: list[Fix] = []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [c for c in ("lat", "lng", "altitude", "comment") if c not in (reader.fieldnames or ())]
    if missing:
        raise InputError("the column is missing", file=file, line=1, field=missing[0])
    for row, line in _rows(reader, file):
        pressure = _PRESSURE.search(row["comment"] or "")
        place = (_number(row[name], file, line, name) for name in ("lat", "lng", "altitude"))
        lat, lon, alt = place
        time = _utc(f"{(row['time'] or '').strip().replace(' ', 'T', 1)}Z", file, line)
        fixes.append((time, lat, lon, alt, float(pressure[1]) if pressure else math.nan))
    table = _table(fixes)
    kept = _on_time(table)
    return kept, len(table) - len(kept)


def _rows(reader: csv.DictReader[str], file: str) -> list[tuple[dict[str, str | None], int]]:
    rows: list[tuple[dict[str, str | None], int]] = []
    try:
        for row in reader:
            rows.append((dict(row), reader.line_num))
            if len(rows) > MAX_ROWS:
                raise InputError(f"has more than {MAX_ROWS} rows", file=file, remedy="Split the file.")
    except csv.Error as error:
        raise InputError(f"not readable as CSV: {error}", file=file, line=reader.line_num) from error
    return rows


def _parse_logger(text: str, file: str) -> tuple[Float64s, int]:
    fixes: list[Fix] = []
    for line, raw in enumerate(text.splitlines(), start=1):
        cells = [c.strip() for c in raw.split(",")]
        if not any(cells):
            continue
        begin = 0 if _DATE.fullmatch(cells[0]) else 1
        if len(cells) < begin + 10 or not _DATE.fullmatch(cells[begin]):
            raise InputError(
                f"'{shorten(raw)}' is no row of DD/MM/YYYY,HH:MM:SS,lat,lon,alt,speed,course,dop,"
                "satellites,pressure",
                file=file,
                line=line,
            )
        day, month, year = cells[begin].split("/")
        time = _utc(f"{year}-{month}-{day}T{cells[begin + 1]}Z", file, line)
        names = ("lat", "lon", "alt", "pressure")
        numbers = (cells[begin + k] for k in (2, 3, 4, 9))
        lat, lon, alt, pressure = (
            _number(c, file, line, name) for c, name in zip(numbers, names, strict=True)
        )
        fixes.append((time, lat, lon, alt, pressure if pressure > 0.0 else math.nan))
        if len(fixes) > MAX_ROWS:
            raise InputError(f"has more than {MAX_ROWS} rows", file=file, remedy="Split the file.")
    return _table(fixes), 0


def _table(fixes: Sequence[Fix] | list[tuple[float, ...]]) -> Float64s:
    return np.array(fixes, dtype=np.float64).reshape(-1, 5)


def _utc(text: str, file: str, line: int) -> float:
    try:
        return parse_utc(text)
    except ValueError as error:
        raise InputError(
            f"'{shorten(text)}' is no time", file=file, line=line, field="time", remedy=str(error)
        ) from error


def _number(text: str | None, file: str, line: int, name: str) -> float:
    if not (text or "").strip():
        return math.nan
    try:
        return parse_number((text or "").strip())
    except ValueError as error:
        raise InputError(str(error), file=file, line=line, field=name) from error


def _on_time(fixes: Float64s) -> Float64s:
    """Drop packets that the next one follows too soon: they were held back on their way."""
    fixes = fixes[np.argsort(fixes[:, 0], kind="stable")]
    gap = np.diff(fixes[:, 0])
    if gap.size < 3:
        return fixes
    late = np.zeros(len(fixes), dtype=bool)
    late[:-1] = gap < SOON * float(np.median(gap))
    return fixes[~late]


# --- from fixes to winds -------------------------------------------------------------------------------


def _flight(fixes: Float64s, late: int, file: str, station: str) -> Sounding:
    """Order, clean, cut to the time in the air, and difference."""
    usable = np.isfinite(fixes[:, :4]).all(axis=1) & (np.abs(fixes[:, 1]) <= 90.0)
    usable &= np.abs(fixes[:, 2]) <= 360.0
    counts = {"late packet": late, "no time, place or height": int((~usable).sum())}
    fixes = fixes[usable]
    fixes = fixes[np.argsort(fixes[:, 0], kind="stable")]
    fresh = np.ones(len(fixes), dtype=bool)
    fresh[1:] = np.diff(fixes[:, 0]) > 0.0
    counts["repeated time"] = int((~fresh).sum())
    fixes = fixes[fresh]
    counts["implausible pressure"] = _strike_pressure(fixes)
    sound = _plausible(fixes)
    counts["implausible jump"] = int((~sound).sum())
    fixes = fixes[sound]
    begin, end = _airborne(fixes)
    counts["on the ground"] = len(fixes) - (end - begin)
    fixes = fixes[begin:end]
    u, v = _slopes(fixes)
    sounding = make_sounding(
        station=station,
        source="flight",
        file=file,
        time_s=fixes[:, 0],
        lat_deg=fixes[:, 1],
        lon_deg=fixes[:, 2],
        alt_msl_m=fixes[:, 3],
        pressure_pa=fixes[:, 4],
        u_mps=u,
        v_mps=v,
        marks=(_DIFFERENCES,),
    )
    ours = {reason: count for reason, count in counts.items() if count}
    return replace(sounding, rejects={**ours, **sounding.rejects})


def _strike_pressure(fixes: Float64s) -> int:
    """Blank pressures that no weather gives at that height (telemetry cut short); return how many."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(np.log(fixes[:, 4] / atmosphere.pressure_pa(fixes[:, 3]))) > MAX_LOG_P_OFF
    off |= fixes[:, 4] <= 0.0
    fixes[off, 4] = np.nan
    return int(off.sum())


def _plausible(fixes: Float64s) -> Bools:
    """Strike fixes that lie too far from the last good one, and too far from the next as well."""
    good = np.ones(len(fixes), dtype=bool)
    if len(fixes) < 3:
        return good
    gap = np.diff(fixes[:, 0])
    far = geo.distance_m(fixes[:-1, 2], fixes[:-1, 1], fixes[1:, 2], fixes[1:, 1]) / gap > MAX_STEP_MPS
    far |= np.abs(np.diff(fixes[:, 3])) / gap > MAX_CLIMB_MPS
    good[1:-1] = ~(far[:-1] & far[1:])
    good[0] = not (far[0] and not far[1])
    good[-1] = not (far[-1] and not far[-2])
    return good


def _airborne(fixes: Float64s) -> tuple[int, int]:
    """Return first and past-the-last row in the air: by climb, low down, before and after the flight."""
    alt = fixes[:, 3]
    if len(fixes) < 3:
        return 0, len(fixes)
    low = float(min(alt[0], alt[-1]))
    high = np.flatnonzero(alt > low + GROUND_SHARE * (float(alt.max()) - low))
    if high.size == 0:
        return 0, 0
    still = np.abs(np.diff(alt) / np.diff(fixes[:, 0])) < GROUND_CLIMB_MPS
    before = np.flatnonzero(still[: high[0]])
    after = np.flatnonzero(still[high[-1] :])
    begin = int(before[-1]) + 1 if before.size else 0
    end = int(high[-1] + after[0]) + 1 if after.size else len(fixes)
    return begin, end


def _slopes(fixes: Float64s) -> tuple[Float64s, Float64s]:
    """Return u, v (N,), NaN at the ends and beside gaps."""
    out = np.full((2, len(fixes)), np.nan)
    time = fixes[:, 0]
    for i in range(1, len(fixes) - 1):
        if max(time[i] - time[i - 1], time[i + 1] - time[i]) > MAX_GAP_S:
            continue
        first = min(int(np.searchsorted(time, time[i] - WINDOW_S)), i - 1)
        last = max(int(np.searchsorted(time, time[i] + WINDOW_S, side="right")), i + 2)
        near = fixes[first:last]
        dt = near[:, 0] - near[:, 0].mean()
        slope = dt / float(dt @ dt)
        lat, alt = math.radians(float(fixes[i, 1])), float(fixes[i, 3])
        meridian, prime = _radii(lat)
        lon = np.radians((near[:, 2] - fixes[i, 2] + 180.0) % 360.0 - 180.0)
        out[0, i] = float(slope @ lon) * (prime + alt) * math.cos(lat)
        out[1, i] = float(slope @ np.radians(near[:, 1])) * (meridian + alt)
    return out[0], out[1]


def _radii(lat: float) -> tuple[float, float]:
    """Radii of curvature of WGS-84 in the meridian and in the prime vertical, metres."""
    e2 = WGS84_F * (2.0 - WGS84_F)
    w2 = 1.0 - e2 * math.sin(lat) ** 2
    return WGS84_A_M * (1.0 - e2) / w2**1.5, WGS84_A_M / math.sqrt(w2)

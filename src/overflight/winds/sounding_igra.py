"""IGRA v2 sounding data, fixed-column text (NOAA NCEI, `igra2-data-format.txt`, versions 2.0 to 2.2).

A file holds the soundings of one station: a header record, then as many data records as it says. Columns
count from 1::

    header  1 '#'   2-12 ID   14-17 YEAR   19-20 MONTH   22-23 DAY   25-26 HOUR (99 missing)
            28-31 RELTIME (HHMM, 9999 missing)   33-36 NUMLEV   56-62 LAT   64-71 LON (degrees x 10000)
    data    1 LVLTYP1   2 LVLTYP2   4-8 ETIME (MMMSS since release)   10-15 PRESS (Pa)   16 PFLAG
            17-21 GPH (geopotential m)   22 ZFLAG   41-45 WDIR (degrees, from)   47-51 WSPD (m/s x 10)

-9999 is missing and -8888 removed by NCEI's quality control. ETIME, PRESS, GPH, WDIR, WSPD only are used;
temperature and humidity are left out.

The archive carries no drift: every row gets the station's position, marked. Where ETIME is missing the
time is that of a 5 m/s ascent, and where RELTIME is missing the nominal hour; both are marked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from overflight import atmosphere
from overflight.errors import InputError
from overflight.records import Mark
from overflight.units import DAY_S, HOUR_S
from overflight.winds.soundings import Sounding, make_sounding, read_bytes, wind_from

MISSING = -9999
REMOVED = -8888

# Operational radiosondes are filled to climb at about 5 m/s (WMO-No. 8, Guide to Instruments).
ASCENT_MPS = 5.0

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class _Header:
    station: str
    day: datetime
    hour: int | None
    release: tuple[int, int] | None
    levels: int
    lat_deg: float
    lon_deg: float


def read_igra(
    path: Path, *, time_start: float = -math.inf, time_end: float = math.inf
) -> tuple[Sounding, ...]:
    """Read the soundings of one station; see `parse_igra`."""
    return parse_igra(read_bytes(path), file=str(path), time_start=time_start, time_end=time_end)


def parse_igra(
    data: bytes, *, file: str = "igra.txt", time_start: float = -math.inf, time_end: float = math.inf
) -> tuple[Sounding, ...]:
    """Parse IGRA v2 text; keep the soundings released within [`time_start`, `time_end`], POSIX seconds.

    Raises
    ------
    InputError
        When a record is cut short, out of place or holds no number; names line and field.
    """
    try:
        lines = data.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} is not ASCII",
            file=file,
            remedy="Unzip the file from NCEI and give the text inside.",
        ) from error
    soundings: list[Sounding] = []
    at = 0
    while at < len(lines):
        header = _header(lines[at], file, at + 1)
        first, at = at + 1, at + 1 + header.levels
        if at > len(lines):
            raise InputError(
                f"the sounding says {header.levels} levels and the file ends after {len(lines) - first}",
                file=file,
                line=first,
                field="NUMLEV",
                remedy="Fetch the file again; it is cut short.",
            )
        release_s, _ = _release(header)
        if release_s is None or time_start <= release_s <= time_end:
            soundings.append(_sounding(header, lines[first:at], file, first + 1))
    return tuple(soundings)


def _sounding(header: _Header, lines: list[str], file: str, first_line: int) -> Sounding:
    release_s, marks = _release(header)
    levels = [_level(line, file, first_line + i) for i, line in enumerate(lines)]
    removed = sum(level.count(float(REMOVED)) > 0 for level in levels)
    table = np.array(levels, dtype=np.float64).reshape(-1, 5).T
    elapsed, pressure, gph, direction, speed = np.where((table == MISSING) | (table == REMOVED), NAN, table)
    alt = np.full(gph.shape, NAN)
    known = np.isfinite(gph)
    alt[known] = atmosphere.alt_m(gph[known])
    u, v = wind_from(np.where((direction >= 0.0) & (direction <= 360.0), direction, NAN), speed / 10.0)
    time_s, estimated = _times(release_s, elapsed, pressure, alt)
    if estimated:
        marks = (
            *marks,
            Mark("time_estimated", f"{estimated} rows timed by a {ASCENT_MPS:g} m/s ascent", "note"),
        )
    marks = (*marks, Mark("position_station", "every row has the station's position", "note"))
    if removed:
        marks = (*marks, Mark("removed_values", f"{removed} rows hold values that NCEI removed", "note"))
    return make_sounding(
        station=header.station,
        source="igra",
        file=file,
        time_s=time_s,
        lat_deg=np.full(time_s.shape, header.lat_deg),
        lon_deg=np.full(time_s.shape, header.lon_deg),
        alt_msl_m=alt,
        pressure_pa=pressure,
        u_mps=u,
        v_mps=v,
        marks=marks,
    )


def _times(
    release_s: float | None, elapsed: np.ndarray, pressure: np.ndarray, alt: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return the time of each row and how many were estimated from the height."""
    if release_s is None:
        return np.full(elapsed.shape, NAN), 0
    since = np.floor(elapsed / 100.0) * 60.0 + elapsed % 100.0
    gap = ~np.isfinite(since)
    height = alt.copy()
    bare = gap & ~np.isfinite(height) & (pressure > 0.0)
    height[bare] = atmosphere.alt_from_pressure(pressure[bare])
    if gap.any() and np.isfinite(height).any():
        since[gap] = (height[gap] - np.nanmin(height)) / ASCENT_MPS
    return release_s + since, int((gap & np.isfinite(since)).sum())


def _release(header: _Header) -> tuple[float | None, tuple[Mark, ...]]:
    """Return when the balloon was let go; the release may fall on the day before or after."""
    midnight = header.day.timestamp()
    nominal = None if header.hour is None else midnight + header.hour * HOUR_S
    if header.release is None:
        if nominal is None:
            return None, (Mark("no_time", "neither the hour nor the release time is known", "unusable"),)
        return nominal, (Mark("release_nominal", "release time unknown, nominal hour used", "note"),)
    release = midnight + header.release[0] * HOUR_S + header.release[1] * 60.0
    if nominal is not None:
        release += round((nominal - release) / DAY_S) * DAY_S
    return release, ()


def _header(line: str, file: str, number: int) -> _Header:
    if not line.startswith("#") or len(line) < 71:
        raise InputError(
            "a header record was expected: '#' and at least 71 columns",
            file=file,
            line=number,
            field="HEADREC",
            remedy="The count of levels in the header before may be wrong; fetch the file again.",
        )

    def whole(name: str, start: int, stop: int) -> int:
        return _integer(line, start, stop, file, number, name)

    year, month, day = whole("YEAR", 14, 17), whole("MONTH", 19, 20), whole("DAY", 22, 23)
    try:
        date = datetime(year, month, 1, tzinfo=UTC) + timedelta(days=day - 1)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{year}-{month}-{day} is no date", file=file, line=number, field="YEAR MONTH DAY"
        ) from error
    hour, reltime, levels = whole("HOUR", 25, 26), whole("RELTIME", 28, 31), whole("NUMLEV", 33, 36)
    if date.month != month or not (0 <= hour <= 23 or hour == 99) or levels < 0:
        field = "DAY" if date.month != month else "NUMLEV" if levels < 0 else "HOUR"
        raise InputError("the value is out of range", file=file, line=number, field=field)
    # RELTIME may know the hour alone, with 99 for the minutes.
    minutes = 0 if reltime % 100 == 99 else reltime % 100
    known = 0 <= reltime // 100 <= 23 and minutes < 60
    lat, lon = whole("LAT", 56, 62) / 1e4, whole("LON", 64, 71) / 1e4
    return _Header(
        station=line[1:12].strip(),
        day=date,
        hour=None if hour == 99 else hour,
        release=(reltime // 100, minutes) if known else None,
        levels=levels,
        # Moving stations say -99.8888 and -998.8888 where a position is unknown.
        lat_deg=lat if abs(lat) <= 90.0 else NAN,
        lon_deg=lon if abs(lon) <= 180.0 else NAN,
    )


_LEVEL = (("ETIME", 4, 8), ("PRESS", 10, 15), ("GPH", 17, 21), ("WDIR", 41, 45), ("WSPD", 47, 51))


def _level(line: str, file: str, number: int) -> list[float]:
    if line.startswith("#") or len(line) < 51:
        raise InputError(
            "a data record of at least 51 columns was expected",
            file=file,
            line=number,
            field="NUMLEV" if line.startswith("#") else "WSPD",
            remedy="The file may be cut short or changed; fetch it again.",
        )
    return [float(_integer(line, start, stop, file, number, name)) for name, start, stop in _LEVEL]


def _integer(line: str, start: int, stop: int, file: str, number: int, name: str) -> int:
    cell = line[start - 1 : stop]
    # int() alone would take '1_0' and such.
    if not cell.strip().removeprefix("-").isdecimal():
        raise InputError(
            f"columns {start}-{stop} hold '{cell}', no whole number",
            file=file,
            line=number,
            field=name,
            remedy="Fetch the file again; it may be damaged.",
        )
    return int(cell)

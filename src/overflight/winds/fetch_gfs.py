"""Plan downloads of GFS and GEFS winds from NOAA's open-data buckets.

Layout (registry.opendata.aws/noaa-gfs-bdp-pds and noaa-gefs-pds; NCEP product inventories)::

    gfs.YYYYMMDD/HH/atmos/gfs.tHHz.pgrb2.0p25.fFFF                  0.25°, cycles 00 06 12 18
    gefs.YYYYMMDD/HH/atmos/pgrb2ap5/gecNN|gepNN.tHHz.pgrb2a.0p50.fFFF   0.5°, 3-hourly
    gefs.YYYYMMDD/HH/atmos/pgrb2bp5/…pgrb2b.0p50.fFFF                   the other levels

and beside each file `….idx`, one line a message: `number:first byte:d=YYYYMMDDHH:UGRD:10 mb:anl:…`. Only
the messages of u and v at the wanted levels are asked for. A message is global: the box cannot shrink it.

Each time of the window comes from the newest cycle at or before it, so past times are analyses or
forecasts of a few hours. How far back the buckets reach is not promised; past dates are ERA5's business.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from overflight.errors import CoverageError, FetchError, LimitError
from overflight.times import iso_utc, to_datetime
from overflight.units import HOUR_S, HPA_PA
from overflight.winds.cache import GLOBE
from overflight.winds.fetch_plan import Box, FetchPlan, Part, Window, bracket_levels
from overflight.winds.web import NotThereError, Web, get_all, get_small

GFS_URL = "https://noaa-gfs-bdp-pds.s3.amazonaws.com"
GEFS_URL = "https://noaa-gefs-pds.s3.amazonaws.com"

CYCLE_S = 6 * HOUR_S
# A cycle is on the bucket in full some 5 hours after its nominal time.
READY_S = 5.5 * HOUR_S
LAST_HOUR = {"gfs": 384, "gefs": 384}

GEFS_MEMBERS = tuple(range(31))

MAX_IDX_BYTES = 5_000_000
MAX_FILES = 20_000
# A message of a global 0.25° field is about 1 MB; this is far above any.
MAX_MESSAGE_BYTES = 50_000_000

_PAST = (
    "How long NOAA's bucket keeps a date is not promised: for past dates fetch ERA5 instead "
    "(`overflight winds get CASE --source era5`)."
)


@dataclass(frozen=True, slots=True)
class Message:
    """A line of an index: where a message begins and ends (None for the last) and what it holds."""

    first: int
    end: int | None
    reference: str
    variable: str
    pressure_pa: float | None


def plan_gfs(
    web: Web,
    window: Window,
    box: Box,
    levels_pa: tuple[float, float],
    *,
    now_s: float,
    step_s: float = 3 * HOUR_S,
    base_url: str = GFS_URL,
) -> FetchPlan:
    """Plan GFS winds for a window, every `step_s` (a multiple of an hour).

    Parameters
    ----------
    window : first and last time, POSIX seconds UTC; widened to the fields around it.
    box : west, south, east, north, degrees; only noted, for the messages are global.
    levels_pa : lowest and highest pressure; the levels inside and the next on each side are taken.
    now_s : the present, POSIX seconds: what is later comes from the newest complete cycle.

    Raises
    ------
    CoverageError
        When the window goes beyond what the newest cycle forecasts, or lacks a level.
    FetchError
        When an index is not there or not to be understood.
    """

    def urls(cycle_s: float, hour: int) -> list[str]:
        cycle = to_datetime(cycle_s)
        return [f"{base_url}/gfs.{cycle:%Y%m%d/%H}/atmos/gfs.t{cycle:%H}z.pgrb2.0p25.f{hour:03d}"]

    return _plan(web, "gfs", "GFS 0.25°", window, levels_pa, now_s, step_s, urls)


def plan_gefs(
    web: Web,
    window: Window,
    box: Box,
    levels_pa: tuple[float, float],
    *,
    now_s: float,
    step_s: float = 6 * HOUR_S,
    members: Sequence[int] = GEFS_MEMBERS,
    base_url: str = GEFS_URL,
) -> FetchPlan:
    """Plan GEFS winds of some members (0 is the control, 1 to 30 are perturbed); see `plan_gfs`.

    `step_s` is a multiple of three hours.
    """
    if not members or not all(0 <= m <= 30 for m in members):
        raise FetchError("the members of GEFS are 0 (control) to 30", remedy="Name at least one of them.")
    if step_s % (3 * HOUR_S):
        raise FetchError("GEFS has fields every 3 hours", remedy="Give a step of 3, 6 or more hours.")

    def urls(cycle_s: float, hour: int) -> list[str]:
        cycle = to_datetime(cycle_s)
        return [
            f"{base_url}/gefs.{cycle:%Y%m%d/%H}/atmos/pgrb2{product}p5/"
            f"ge{'c' if member == 0 else 'p'}{member:02d}.t{cycle:%H}z.pgrb2{product}.0p50.f{hour:03d}"
            for member in members
            for product in "ab"
        ]

    title = f"GEFS 0.5°, {len(members)} members"
    return _plan(web, "gefs", title, window, levels_pa, now_s, step_s, urls)


def times_and_cycles(
    source: str, window: Window, now_s: float, step_s: float
) -> tuple[list[float], list[tuple[float, int]]]:
    """Return the times that surround a window, and for each the cycle and forecast hour it comes from."""
    if not (step_s > 0 and step_s % HOUR_S == 0) or not all(map(math.isfinite, (*window, now_s))):
        raise FetchError(
            "the step must be whole hours and the window finite", remedy="Give hours, such as 3."
        )
    first, last = math.floor(window[0] / step_s) * step_s, math.ceil(window[1] / step_s) * step_s
    count = round((last - first) / step_s) + 1
    if window[1] < window[0] or count > MAX_FILES:
        raise LimitError(f"the window asks for {count} times", remedy="Shorten it, or take a longer step.")
    newest = math.floor((now_s - READY_S) / CYCLE_S) * CYCLE_S
    times = [first + i * step_s for i in range(count)]
    cycles = [min(math.floor(t / CYCLE_S) * CYCLE_S, newest) for t in times]
    hours = [round((t - c) / HOUR_S) for t, c in zip(times, cycles, strict=True)]
    # GFS is hourly to 120 h and 3-hourly from there on.
    for t, hour in zip(times, hours, strict=True):
        if hour > LAST_HOUR[source] or (hour > 120 and hour % 3):
            raise CoverageError(
                f"the newest cycle ({iso_utc(newest)}) has no field for {iso_utc(t)}",
                remedy=f"End the window within {LAST_HOUR[source]} h of it; steps of 3 h after 120 h.",
            )
    return times, list(zip(cycles, hours, strict=True))


def _plan(
    web: Web,
    source: str,
    title: str,
    window: Window,
    levels_pa: tuple[float, float],
    now_s: float,
    step_s: float,
    urls_of: Callable[[float, int], list[str]],
) -> FetchPlan:
    times, cycles = times_and_cycles(source, window, now_s, step_s)
    urls = [url for cycle, hour in cycles for url in urls_of(cycle, hour)]
    if len(urls) > MAX_FILES:
        raise LimitError(f"the plan needs {len(urls)} indexes", remedy="Take fewer members or a longer step.")
    indexes = get_all(web, [partial(_index, web, url) for url in urls])
    available = sorted({m.pressure_pa for index in indexes for m in index if m.pressure_pa is not None})
    levels = bracket_levels(available, levels_pa)
    if not levels or levels[0] > min(levels_pa) or levels[-1] < max(levels_pa):
        raise CoverageError(
            f"the levels go from {min(available, default=0) / HPA_PA:g} to "
            f"{max(available, default=0) / HPA_PA:g} hPa, the case from {min(levels_pa) / HPA_PA:g} to "
            f"{max(levels_pa) / HPA_PA:g}",
            where=urls[0],
        )
    _check_whole(indexes, urls, levels, files_a_field=1 if source == "gfs" else 2)
    parts = [part for url, index in zip(urls, indexes, strict=True) for part in _parts(url, index, levels)]
    return FetchPlan(
        source=source,
        title=title,
        window=(times[0], times[-1]),
        box=GLOBE,
        levels_pa=levels,
        parts=tuple(parts),
        file_name="wind.grib2",
        assemble=concatenate,
    )


def concatenate(parts: Sequence[Path], target: Path) -> None:
    """Put GRIB messages one after the other: a GRIB file is nothing more."""
    with target.open("wb") as out:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, out, 1 << 20)


def _index(web: Web, url: str) -> list[Message]:
    try:
        reply = get_small(web, url + ".idx", max_bytes=MAX_IDX_BYTES)
    except NotThereError as error:
        raise NotThereError(error.what, where=url + ".idx", remedy=_PAST) from error
    messages = parse_index(reply.content, url + ".idx")
    if any(m.end is None and m.variable in ("UGRD", "VGRD") for m in messages):
        # An index does not say where its last message ends; the length of the file does.
        total = get_small(web, url, max_bytes=64, first=0, size=16).total
        messages = [replace(m, end=total) if m.end is None else m for m in messages]
    return messages


def parse_index(data: bytes, where: str = "index") -> list[Message]:
    """Parse a wgrib2 inventory (`.idx`).

    Submessages (`4.1`, `4.2`) share a first byte. Lines that name no pressure level keep None there.

    Raises
    ------
    FetchError
        When a line is not of the form or the bytes do not increase; names the line.
    """
    rows: list[tuple[int, str, str, str]] = []
    for number, line in enumerate(data.decode("ascii", errors="replace").splitlines(), 1):
        match = re.match(r"\d+(?:\.\d+)?:(\d{1,18}):d=(\d{10}):([^:]+):([^:]*):", line)
        if match is None:
            raise FetchError(
                f"line {number} is no line of a GRIB index: '{line[:80]}'",
                where=where,
                remedy="The store may have changed its layout.",
            )
        rows.append((int(match[1]), match[2], match[3], match[4]))
    starts = sorted({row[0] for row in rows})
    if [row[0] for row in rows] != sorted(row[0] for row in rows) or not rows:
        raise FetchError("the bytes of the index do not increase, or it is empty", where=where)
    ends: dict[int, int | None] = dict(zip(starts, [*starts[1:], None], strict=True))
    return [
        Message(first, ends[first], reference, variable, _pressure(level))
        for first, reference, variable, level in rows
    ]


def _pressure(level: str) -> float | None:
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,4})?) mb", level)
    return float(match[1]) * HPA_PA if match else None


def _wanted(index: list[Message], levels: tuple[float, ...]) -> list[Message]:
    return [m for m in index if m.variable in ("UGRD", "VGRD") and m.pressure_pa in levels]


def _check_whole(
    indexes: list[list[Message]], urls: list[str], levels: tuple[float, ...], files_a_field: int
) -> None:
    """Every time must have both components at every level, in one or the other of its files."""
    for at in range(0, len(indexes), files_a_field):
        field = indexes[at : at + files_a_field]
        held = {(m.variable, m.pressure_pa) for index in field for m in _wanted(index, levels)}
        if len(held) != 2 * len(levels):
            lacking = [p / HPA_PA for p in levels if not {("UGRD", p), ("VGRD", p)} <= held]
            raise FetchError(
                f"the file has no wind at {', '.join(f'{p:g}' for p in lacking)} hPa",
                where=urls[at],
                remedy="It may still be written; try again later, or ask for an earlier window.",
            )


def _parts(url: str, index: list[Message], levels: tuple[float, ...]) -> list[Part]:
    """Return the byte ranges of the wanted messages, neighbours joined."""
    ranges: list[list[int]] = []
    for message in _wanted(index, levels):
        end = message.first if message.end is None else message.end
        if not 0 < end - message.first <= MAX_MESSAGE_BYTES:
            raise LimitError(f"a message of {end - message.first} bytes cannot be right", where=url + ".idx")
        if ranges and message.first <= ranges[-1][1]:
            ranges[-1][1] = max(ranges[-1][1], end)
        else:
            ranges.append([message.first, end])
    return [Part(url=url, first=a, size=b - a, check="grib") for a, b in ranges]

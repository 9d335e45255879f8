"""Dates as people write them, as intervals; what is ambiguous is refused.

Read are ISO 8601 (year, month, day, week, ordinal day, time with or without zone, `A/B`) and English dates
with the month in letters and a year of four digits. A time without zone is local to nobody knows where: it
becomes the interval of all the instants it can be, and is marked `naive`. Days of the kind 02/03/2023 are
refused, since half the world reads them the other way round.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn

from overflight.errors import InputError
from overflight.times import from_datetime, parse_utc
from overflight.units import DAY_S, HOUR_S

# Civil time is kept from UTC-12 (Baker Island) to UTC+14 (Line Islands).
EARLIEST_ZONE_H: Final = -12.0
LATEST_ZONE_H: Final = 14.0
MOST_CHARACTERS: Final = 100
REMEDY: Final = "Write it as 2023-02-03, 2023-02, 2023 or 2023-02-03T14:39-05:00, or leave it empty."

_MONTHS: Final = {
    name.lower(): number
    for number in range(1, 13)
    for name in (
        ("", "January", "February", "March", "April", "May", "June", "July", "August", "September",
         "October", "November", "December")[number],
        ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[number],
    )
} | {"sept": 9}  # fmt: skip
_YEAR = re.compile(r"(\d{4})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}|\d{4}-?W\d{2}-?\d", re.ASCII)
_ORDINAL = re.compile(r"(\d{4})-(\d{3})", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})? ?(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_WORDS_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)? ([A-Za-z]+)\.?,? (\d{4})", re.ASCII)
_WORDS_MONTH_FIRST = re.compile(r"([A-Za-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII)
_WORDS_MONTH = re.compile(r"([A-Za-z]+)\.?,? (\d{4})", re.ASCII)
_SLASHED = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", re.ASCII)
_ZONE_NAME = re.compile(r"\d[^/]* ?\b([A-Z]{2,5})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of time [start_s, end_s), POSIX seconds UTC, and how it was written.

    `grain` is year, month, day, minute, second or interval. `zoned` tells whether the text said which zone
    it is in: the days of a date without zone are taken as those of UTC, and `widened` gives all they can be.
    `naive` marks a clock time without zone, whose interval is already all that it can be.
    """

    start_s: float
    end_s: float
    grain: str
    zoned: bool
    naive: bool = False

    def widened(self) -> tuple[float, float]:
        """Return the ends when the zone may be any on Earth; those given where it was said."""
        if self.zoned or self.naive:
            return self.start_s, self.end_s
        return self.start_s - LATEST_ZONE_H * HOUR_S, self.end_s - EARLIEST_ZONE_H * HOUR_S


@lru_cache(maxsize=4096)
def read_span(text: str) -> Span:
    """Read a date, a time or an interval `A/B` of two of them.

    Raises
    ------
    InputError
        With a remedy: ambiguous days, years of two digits, days without a year, days that do not exist,
        names of zones, counts of seconds, anything else.
    """
    stamp = " ".join(text[: MOST_CHARACTERS + 1].split())
    if len(stamp) > MOST_CHARACTERS:
        _refuse(stamp, "is too long for a date")
    if stamp.count("/") == 1 and not _SLASHED.fullmatch(stamp):
        return _interval(*stamp.split("/"))
    return _one(stamp)


def _interval(left: str, right: str) -> Span:
    if left.strip() in ("", "..") or right.strip() in ("", ".."):
        _refuse(f"{left}/{right}", "has an open end", "Give both ends; nothing reaches for ever.")
    a, b = _one(left.strip()), _one(right.strip())
    if b.end_s <= a.start_s:
        _refuse(f"{left}/{right}", "ends before it begins", "Put the earlier date first.")
    return Span(a.start_s, b.end_s, "interval", a.zoned and b.zoned, a.naive or b.naive)


def _one(stamp: str) -> Span:
    if match := _TIME.fullmatch(stamp):
        return _clock(stamp, *match.groups())
    try:
        return _calendar(stamp)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        _refuse(stamp, f"is not on the calendar ({error})", "Correct the date.")


def _calendar(stamp: str) -> Span:
    if match := _YEAR.fullmatch(stamp):
        year = int(match[1])
        return _days(dt.date(year, 1, 1), dt.date(year, 12, 31), "year")
    if match := _MONTH.fullmatch(stamp):
        return _month(int(match[1]), int(match[2]))
    if _DAY.fullmatch(stamp):
        day = dt.date.fromisoformat(stamp)
        return _days(day, day, "day")
    if match := _ORDINAL.fullmatch(stamp):
        first = dt.date(int(match[1]), 1, 1)
        day = first + dt.timedelta(days=int(match[2]) - 1)
        if day.year != first.year:
            raise ValueError("day of the year out of range")
        return _days(day, day, "day")
    if match := _WORDS_DAY_FIRST.fullmatch(stamp):
        return _worded(stamp, match[2], match[3], match[1])
    if match := _WORDS_MONTH_FIRST.fullmatch(stamp):
        return _worded(stamp, match[1], match[3], match[2])
    if match := _WORDS_MONTH.fullmatch(stamp):
        return _worded(stamp, match[1], match[2], "")
    _unknown(stamp)


def _worded(stamp: str, month: str, year: str, day: str) -> Span:
    number = _MONTHS.get(month.lower())
    if number is None:
        _unknown(stamp)
    if not day:
        return _month(int(year), number)
    date = dt.date(int(year), number, int(day))
    return _days(date, date, "day")


def _month(year: int, month: int) -> Span:
    first = dt.date(year, month, 1)
    return _days(first, first.replace(day=calendar.monthrange(year, month)[1]), "month")


def _days(first: dt.date, last: dt.date, grain: str) -> Span:
    start = from_datetime(dt.datetime.combine(first, dt.time(), dt.UTC))
    end = from_datetime(dt.datetime.combine(last, dt.time(), dt.UTC)) + DAY_S
    return Span(start, end, grain, zoned=False)


def _clock(stamp: str, day: str, minute: str, second: str | None, part: str | None, zone: str | None) -> Span:
    grain, step = ("second", 1.0) if second else ("minute", 60.0)
    digits = f"{day}T{minute}{second or ''}{(part or '') if second else ''}"
    if zone is None:
        start = _utc(stamp, digits + "Z")
        return Span(
            start - LATEST_ZONE_H * HOUR_S, start - EARLIEST_ZONE_H * HOUR_S + step, grain, False, naive=True
        )
    if zone in ("Z", "UTC", "GMT"):
        offset = "Z"
    else:
        bare = zone[1:].replace(":", "").ljust(4, "0")
        offset = f"{zone[0]}{bare[:2]}:{bare[2:]}"
    start = _utc(stamp, digits + offset)
    return Span(start, start + step, grain, True)


def _utc(stamp: str, iso: str) -> float:
    try:
        return parse_utc(iso)
    except InputError as error:
        _refuse(stamp, f"cannot be read ({error.what})", error.remedy)


def _unknown(stamp: str) -> NoReturn:
    if _SLASHED.fullmatch(stamp):
        _refuse(stamp, "may be read in more than one way", "Write year-month-day, such as 2023-02-03.")
    if re.fullmatch(r"\d{9,}", stamp):
        _refuse(stamp, "looks like a count of seconds", "Write it as 2023-02-03T14:39Z.")
    if match := _ZONE_NAME.search(stamp):
        _refuse(
            stamp, f"has the name of a zone, {match[1]}", "Names of zones are used twice; write -05:00 or Z."
        )
    if re.fullmatch(r"\d{1,2} [A-Za-z]+\.?|[A-Za-z]+\.? \d{1,2}", stamp, re.ASCII):
        _refuse(stamp, "has no year", "Add the year, with four digits.")
    _refuse(stamp, "is not a day or a time that we read")


def _refuse(stamp: str, what: str, remedy: str = REMEDY) -> NoReturn:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in stamp[:60])
    raise InputError(f"'{shown}' {what}", remedy=remedy)

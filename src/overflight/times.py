"""Time: POSIX seconds UTC inside, ISO 8601 text and aware datetimes at the edges.

POSIX seconds count every day as 86 400 s, so they have no place for a leap second: 23:59:60 is refused,
and an interval that spans one is a second short. The last leap second was inserted at the end of 2016.

A float holds present-day POSIX seconds to 0.24 microseconds; conversions round to whole microseconds.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError

Float64s = npt.NDArray[np.float64]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Years that fit whole into datetime64[ns], the time axis of the flight ensemble.
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_FIRST_S = (datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()
_LAST_S = (datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()
# Names of our own, because strftime's follow the locale of the machine.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Offsets kept by civil time: UTC-12 (Baker Island) to UTC+14 (Line Islands).
_OFFSET_MIN, _OFFSET_MAX = timedelta(hours=-12), timedelta(hours=14)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAIVE = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?", re.ASCII)
_AWARE = re.compile(_NAIVE.pattern + r"(Z|[+-]\d{2}:\d{2})", re.ASCII)
_EXAMPLE: Final = "such as 2023-01-28T05:00Z or 2023-01-27T20:00-09:00"


def parse_utc(text: str) -> float:
    """Read an ISO 8601 time with zone as POSIX seconds UTC.

    Takes date and time to the minute or finer, then `Z` or an offset `+hh:mm`. Digits beyond the
    microsecond are dropped.

    Raises
    ------
    InputError
        For anything else: a date alone, a time without zone, a leap second, a day that does not exist.
    """
    stamp = text.strip()
    if not _AWARE.fullmatch(stamp):
        raise _refusal(stamp)
    if stamp[17:19] == "60":
        raise _bad(stamp, "is a leap second, which POSIX time cannot hold", "Write second 59 instead.")
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise _bad(
            stamp, f"is not a time on the calendar ({error})", "Correct the date or the time."
        ) from error
    offset = moment.utcoffset() or timedelta()
    if not _OFFSET_MIN <= offset <= _OFFSET_MAX:
        raise _bad(stamp, "has an offset outside -12:00 to +14:00", "Correct the offset.")
    return from_datetime(moment)


def from_datetime(moment: datetime) -> float:
    """Return POSIX seconds of an aware datetime; a naive one raises InputError."""
    if moment.utcoffset() is None:
        raise _bad(moment.isoformat(), "has no time zone", "Give it one, such as tzinfo=datetime.UTC.")
    time_s = (moment - _EPOCH) / timedelta(seconds=1)
    return _within_years(time_s)


def to_datetime(time_s: float) -> datetime:
    """Return the aware UTC datetime of POSIX seconds, to the microsecond."""
    return _EPOCH + timedelta(seconds=_within_years(float(time_s)))


def to_datetime64(time_s: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """Return datetime64[ns] of POSIX seconds of any shape, rounded to the microsecond; NaN gives NaT."""
    seconds = np.asarray(time_s, dtype=np.float64)
    known = np.isfinite(seconds)
    if np.isinf(seconds).any() or (seconds[known] < _FIRST_S).any() or (seconds[known] >= _LAST_S).any():
        raise _out_of_years(float(np.nanmax(np.abs(seconds))))
    # Whole seconds and the rest apart, since their sum in microseconds would leave a float's 53 bits.
    whole = np.floor(np.where(known, seconds, 0.0))
    micros = np.rint((np.where(known, seconds, 0.0) - whole) * 1e6)
    nanos = whole.astype(np.int64) * 1_000_000_000 + micros.astype(np.int64) * 1_000
    return np.where(known, nanos.astype("datetime64[ns]"), np.datetime64("NaT", "ns"))


def from_datetime64(time: npt.ArrayLike) -> Float64s:
    """Return POSIX seconds of a datetime64 array of any unit and shape; NaT gives NaN."""
    nanos = np.asarray(time).astype("datetime64[ns]")
    count = nanos.astype(np.int64)
    seconds = (count // 1_000_000_000) + (count % 1_000_000_000) * 1e-9
    return np.where(np.isnat(nanos), np.nan, seconds)


def iso_utc(time_s: float) -> str:
    """Write POSIX seconds as `2023-01-28T05:00:00Z`, to the nearest second."""
    moment = to_datetime(math.floor(_within_years(float(time_s)) + 0.5))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def short_utc(time_s: float) -> str:
    """Write POSIX seconds as `28 Jan 05:00Z`, to the nearest minute, for people."""
    moment = to_datetime(60.0 * math.floor(_within_years(float(time_s)) / 60.0 + 0.5))
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment:%H:%M}Z"


def _within_years(time_s: float) -> float:
    if not (_FIRST_S <= time_s < _LAST_S):
        raise _out_of_years(time_s)
    return time_s


def _out_of_years(time_s: float) -> InputError:
    return InputError(
        f"time {time_s:g} s is not within the years {_FIRST_YEAR} to {_LAST_YEAR}",
        remedy="Give POSIX seconds UTC (not milliseconds, not nanoseconds).",
    )


def _refusal(stamp: str) -> InputError:
    if _DATE.fullmatch(stamp):
        return _bad(
            stamp,
            "is a date without a time",
            f"Say which instant is meant, {_EXAMPLE}; for a whole day give its start and its end.",
        )
    if _NAIVE.fullmatch(stamp):
        return _bad(stamp, "has no time zone", f"Add Z for UTC or the local offset, {_EXAMPLE}.")
    return _bad(stamp, "is not an ISO 8601 time", f"Write date, time and zone, {_EXAMPLE}.")


def _bad(stamp: str, what: str, remedy: str) -> InputError:
    return InputError(f"time {stamp[:60]!r} {what}", remedy=remedy)

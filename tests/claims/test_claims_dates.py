from __future__ import annotations

import datetime as dt

import pytest

from overflight.claims.dates import read_span
from overflight.errors import InputError


def utc(*parts: int) -> float:
    return dt.datetime(*parts, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "start", "end", "grain"),
    [
        ("2023", (2023, 1, 1), (2024, 1, 1), "year"),
        ("2024-02", (2024, 2, 1), (2024, 3, 1), "month"),
        ("2023-02-03", (2023, 2, 3), (2023, 2, 4), "day"),
        ("20230203", (2023, 2, 3), (2023, 2, 4), "day"),
        ("2023-W05-5", (2023, 2, 3), (2023, 2, 4), "day"),
        ("2023-034", (2023, 2, 3), (2023, 2, 4), "day"),
        ("3 Feb 2023", (2023, 2, 3), (2023, 2, 4), "day"),
        ("3rd February, 2023", (2023, 2, 3), (2023, 2, 4), "day"),
        ("February 3, 2023", (2023, 2, 3), (2023, 2, 4), "day"),
        ("Sept. 3rd 2023", (2023, 9, 3), (2023, 9, 4), "day"),
        ("March 2023", (2023, 3, 1), (2023, 4, 1), "month"),
        ("2023-02-04T14:39-05:00", (2023, 2, 4, 19, 39), (2023, 2, 4, 19, 40), "minute"),
        ("2023-02-04 14:39 -0500", (2023, 2, 4, 19, 39), (2023, 2, 4, 19, 40), "minute"),
        ("2023-02-04T19:39:00 UTC", (2023, 2, 4, 19, 39), (2023, 2, 4, 19, 39, 1), "second"),
        ("2023-02-04T19:39+00", (2023, 2, 4, 19, 39), (2023, 2, 4, 19, 40), "minute"),
        ("2023-01-28/2023-02-04", (2023, 1, 28), (2023, 2, 5), "interval"),
        ("2023-01/2 Feb 2023", (2023, 1, 1), (2023, 2, 3), "interval"),
    ],
)
def test_dates_become_intervals(text: str, start: tuple[int, ...], end: tuple[int, ...], grain: str) -> None:
    span = read_span(text)
    assert (span.start_s, span.end_s, span.grain) == (utc(*start), utc(*end), grain)
    assert not span.naive


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("02/03/2023", "more than one way"),
        ("3.2.2023", "more than one way"),
        ("03-02-23", "more than one way"),
        ("3 Feb", "no year"),
        ("February 3", "no year"),
        ("3 Feb 23", "not a day"),
        ("2023-02-30", "calendar"),
        ("2023-13", "calendar"),
        ("2023-366", "calendar"),
        ("30 Feb 2023", "calendar"),
        ("2023-02-04T25:00Z", "cannot be read"),
        ("2016-12-31T23:59:60Z", "leap second"),
        ("2023-02-04T14:39+19:00", "offset"),
        ("1675539540", "count of seconds"),
        ("2023-02-04 14:39 EST", "name of a zone"),
        ("2023-02-04/2023-02-03", "before it begins"),
        ("2023-02-04/..", "open end"),
        ("yesterday", "not a day"),
        ("٢٠٢٣-٠٢-٠٣", "not a day"),
        ("0000-01-01", "calendar"),
        ("x" * 5000, "too long"),
        ("1/2/3/4", "not a day"),
        ("", "not a day"),
        ("2023-02-03\x1b[2J", "not a day"),
    ],
)
def test_what_is_ambiguous_or_wrong_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_span(text)
    assert caught.value.remedy
    assert "\x1b" not in str(caught.value)


def test_a_local_time_of_nowhere_is_all_that_it_can_be() -> None:
    """Civil zones reach from UTC-12 to UTC+14, so a clock time stands for 26 hours and its minute."""
    span = read_span("2023-02-04T14:39")
    assert span.naive
    assert (span.start_s, span.end_s) == (utc(2023, 2, 4, 0, 39), utc(2023, 2, 5, 2, 40))
    assert span.widened() == (span.start_s, span.end_s)


def test_a_day_without_zone_can_be_widened_to_all_zones() -> None:
    assert read_span("2023-01-28").widened() == (utc(2023, 1, 27, 10), utc(2023, 1, 29, 12))
    zoned = read_span("2023-01-28T05:00Z")
    assert zoned.widened() == (zoned.start_s, zoned.end_s)

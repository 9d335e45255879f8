"""Times: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.errors import InputError
from overflight.times import (
    from_datetime,
    from_datetime64,
    iso_utc,
    parse_utc,
    short_utc,
    to_datetime,
    to_datetime64,
)

# timegm is the standard library's own count of days, apart from the datetime arithmetic under test.
T0 = float(calendar.timegm((2023, 1, 28, 5, 0, 0)))
MICROSECOND_S = 1e-6

proof = settings(deadline=None, derandomize=True, max_examples=200)
instants = st.floats(min_value=-9.2e9, max_value=9.2e9, allow_nan=False)


@pytest.mark.parametrize(
    "text",
    [
        "2023-01-28T05:00Z",
        "2023-01-28T05:00:00Z",
        "2023-01-28 05:00:00.000Z",
        "2023-01-28T05:00:00+00:00",
        "2023-01-27T20:00-09:00",
        "2023-01-28T10:45+05:45",
        "2023-01-28T19:00+14:00",
        "  2023-01-28T05:00Z\n",
    ],
)
def test_parse_reads_the_same_instant_in_every_spelling(text: str) -> None:
    assert parse_utc(text) == T0


def test_parse_keeps_seconds_and_fractions() -> None:
    assert parse_utc("2023-01-28T05:00:17Z") == T0 + 17
    assert parse_utc("2023-01-28T05:00:17.25Z") == T0 + 17.25
    assert parse_utc("2023-01-28T05:00:00.123456789Z") == pytest.approx(T0 + 0.123456, abs=MICROSECOND_S)


def test_parse_knows_the_epoch_and_the_time_before_it() -> None:
    assert parse_utc("1970-01-01T00:00Z") == 0.0
    assert parse_utc("1969-12-31T23:59:59Z") == -1.0


def test_parse_counts_leap_days() -> None:
    assert parse_utc("2024-03-01T00:00Z") - parse_utc("2024-02-28T00:00Z") == 2 * 86400.0
    assert parse_utc("2023-03-01T00:00Z") - parse_utc("2023-02-28T00:00Z") == 86400.0


def test_posix_time_passes_over_the_leap_second_of_2016() -> None:
    assert parse_utc("2017-01-01T00:00:00Z") - parse_utc("2016-12-31T23:59:59Z") == 1.0


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("2023-01-28", "date without a time", "start and its end"),
        ("2023-01-28T05:00", "no time zone", "Add Z"),
        ("2023-01-28 05:00:00", "no time zone", "Add Z"),
        ("2016-12-31T23:59:60Z", "leap second", "59"),
        ("2023-02-29T00:00Z", "calendar", "Correct"),
        ("2023-13-01T00:00Z", "calendar", "Correct"),
        ("2023-01-28T24:01Z", "calendar", "Correct"),
        ("2023-01-28T05:00+15:00", "offset", "Correct"),
        ("2023-01-28T05:00-12:30", "offset", "Correct"),
        ("2023-01-28T05Z", "not an ISO 8601 time", "zone"),
        ("28.01.2023 05:00 UTC", "not an ISO 8601 time", "zone"),
        ("1674882000", "not an ISO 8601 time", "zone"),
        ("20230128T0500Z", "not an ISO 8601 time", "zone"),
        ("2023-W04-6T05:00Z", "not an ISO 8601 time", "zone"),
        ("٢٠٢٣-01-28T05:00Z", "not an ISO 8601 time", "zone"),
        ("", "not an ISO 8601 time", "zone"),
        ("0001-01-01T00:00Z", "years 1678 to 2261", "POSIX"),
        ("0001-01-01T00:00+14:00", "years 1678 to 2261", "POSIX"),
        ("9999-12-31T23:59-12:00", "years 1678 to 2261", "POSIX"),
        ("2262-01-01T00:00Z", "years 1678 to 2261", "POSIX"),
    ],
)
def test_parse_refuses_and_says_what_to_do(text: str, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_utc(text)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_refusal_of_a_hostile_string_is_short_and_in_one_line() -> None:
    with pytest.raises(InputError) as caught:
        parse_utc("2023\n\x1b[31m" + "9" * 100_000)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_from_datetime_refuses_naive() -> None:
    with pytest.raises(InputError, match="no time zone"):
        from_datetime(datetime(2023, 1, 28, 5))  # noqa: DTZ001  (a naive one is the point)


def test_from_datetime_takes_any_zone() -> None:
    alaska = timezone(timedelta(hours=-9))
    assert from_datetime(datetime(2023, 1, 27, 20, tzinfo=alaska)) == T0


def test_to_datetime_is_aware_and_utc() -> None:
    assert to_datetime(T0) == datetime(2023, 1, 28, 5, tzinfo=UTC)
    assert to_datetime(T0).tzinfo is UTC


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), -float("inf"), T0 * 1e3, T0 * 1e9])
def test_what_is_not_posix_seconds_is_refused(time_s: float) -> None:
    for function in (to_datetime, iso_utc, short_utc):
        with pytest.raises(InputError, match="not milliseconds"):
            function(time_s)


@given(instants)
@proof
def test_datetime_round_trip(time_s: float) -> None:
    assert from_datetime(to_datetime(time_s)) == pytest.approx(time_s, abs=2 * MICROSECOND_S, rel=0)


@given(instants)
@proof
def test_iso_round_trip_to_the_second(time_s: float) -> None:
    assert abs(parse_utc(iso_utc(time_s)) - time_s) <= 0.5 + MICROSECOND_S


@given(st.lists(instants, max_size=5))
@proof
def test_datetime64_round_trip(times: list[float]) -> None:
    back = from_datetime64(to_datetime64(times))
    np.testing.assert_allclose(back, times, rtol=0, atol=2 * MICROSECOND_S)


def test_iso_and_short_round_to_the_nearest() -> None:
    assert iso_utc(T0 - 0.4) == "2023-01-28T05:00:00Z"
    assert iso_utc(T0 + 59.6) == "2023-01-28T05:01:00Z"
    assert short_utc(T0 + 29.0) == "28 Jan 05:00Z"
    assert short_utc(T0 + 31.0) == "28 Jan 05:01Z"
    assert short_utc(parse_utc("2023-02-04T23:59:40Z")) == "5 Feb 00:00Z"


def test_datetime64_is_exact_to_the_nanosecond_for_whole_seconds() -> None:
    stamp = to_datetime64(T0)
    assert stamp.dtype == np.dtype("datetime64[ns]")
    assert stamp == np.datetime64("2023-01-28T05:00:00.000000000")
    assert from_datetime64(np.datetime64("2023-01-28T05:00", "m")) == T0
    assert from_datetime64(np.array(["1969-12-31T23:59:58.5"], "datetime64[ms]")) == [-1.5]


def test_datetime64_carries_gaps_and_shapes() -> None:
    stamps = to_datetime64([[T0, np.nan], [0.0, -1.0]])
    assert stamps.shape == (2, 2)
    assert np.isnat(stamps).tolist() == [[False, True], [False, False]]
    assert np.isnan(from_datetime64(stamps)).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("bad", [[T0 * 1e3], [np.inf], [0.0, -1e10]])
def test_datetime64_refuses_what_would_overflow(bad: list[float]) -> None:
    with pytest.raises(InputError, match="years 1678 to 2261"):
        to_datetime64(bad)

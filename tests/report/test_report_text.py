from __future__ import annotations

import pytest

from overflight.report.text import anchor, clean, interval, number, safe_url, span
from overflight.times import parse_utc

T = parse_utc("2023-01-28T05:00Z")


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (0.123, "0.12"), (8.04, "8.0"), (12.6, "13"), (135.4, "135"), (18288.0, "18\u2009300"),
     (-4.5, "\u22124.5"), (float("nan"), "–")],
)  # fmt: skip
def test_numbers_are_written_as_finely_as_they_deserve(value: float, written: str) -> None:
    assert number(value) == written


def test_ranges_of_time_name_a_day_once_and_coarse_ones_drop_the_minutes() -> None:
    fine = {"p05": T, "p50": T + 1800, "p95": T + 3600}
    coarse = {"p05": T, "p50": T + 4 * 3600, "p95": T + 30 * 3600}
    assert interval(fine, "posix_s") == "28 Jan 05:30Z (28 Jan 05:00Z–06:00Z)"
    assert interval(coarse, "posix_s") == "28 Jan 09Z (28 Jan 05Z – 29 Jan 11Z)"


def test_heights_are_printed_in_kilometres() -> None:
    assert span(17_400.0, 19_200.0, "m") == "17.4–19.2\u00a0km"
    assert interval({"lo": 300.0, "hi": 900.0}, "m") == "between 300–900\u00a0m"


@pytest.mark.parametrize("text", ["\u202e", "\u2066", "\u200f", "\u0000", "\u001b[31m", "\ufeff", "\ud800"])
def test_characters_that_change_what_is_read_are_shown(text: str) -> None:
    assert text[0] not in clean(f"a{text}b")
    assert f"[U+{ord(text[0]):04X}]" in clean(f"a{text}b")


def test_ordinary_writing_is_left_alone() -> None:
    for text in ("Große Höhe, 平流层", "می\u200cخواهم", "👩\u200d🚀", "line\nbreak"):
        assert clean(text) == text


def test_a_text_without_end_is_cut_and_says_so() -> None:
    assert "cut: 100000 characters" in clean("x" * 100_000)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "file:///etc/passwd", "//evil.org",
     "https://",
     "http:", "", "seed/000.txt", "https://a b.org", "https://a.org/\u202e", "http://[::1",
     " \tjavascript:x"],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert safe_url(url) is None


def test_web_addresses_are_links() -> None:
    assert safe_url(" https://example.org/a?b=c#d ") == "https://example.org/a?b=c#d"
    assert safe_url("http://tr.china-embassy.gov.cn/x.htm")


def test_anchors_differ_wherever_names_do() -> None:
    names = ["a b", "a.b", "a.20.b", "a_b", 'a"b', "ä"]
    assert len({anchor("s", name) for name in names}) == len(names)
    assert all(c.isascii() and (c.isalnum() or c in "-_.") for n in names for c in anchor("s", n))

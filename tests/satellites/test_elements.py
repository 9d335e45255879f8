"""Element sets from every format; what is damaged is refused by itself, with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_sets import made, omm, omm_csv, omm_json, omm_xml, tle_lines, tle_text

from overflight.errors import InputError
from overflight.satellites import elements
from overflight.satellites.elements import parse_elements, read_elements
from overflight.satellites.tle import checksum
from overflight.times import parse_utc

# The set of the ISS that CelesTrak's "Frequently Asked Questions: Two-Line Element Set Format" takes apart.
ISS = """ISS (ZARYA)
1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927
2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537
"""


def test_the_published_example_reads_as_published() -> None:
    (one,) = parse_elements(ISS, "iss.tle").sets
    assert (one.catalog, one.name, one.designator) == (25544, "ISS (ZARYA)", "1998-067A")
    # Day 264.51782528 of 2008 is 20 September 12:25:40.104.
    assert one.epoch_s == pytest.approx(parse_utc("2008-09-20T12:25:40Z") + 0.104192, abs=1e-4)
    assert one.mean_motion_degps * 240.0 == pytest.approx(15.72125391, abs=1e-12)
    assert (one.inclination_deg, one.node_deg) == (51.6416, 247.4627)
    assert one.eccentricity == pytest.approx(0.0006703)
    assert one.bstar == pytest.approx(-1.1606e-5)
    assert (one.number, one.revolution) == (292, 56353)


def test_the_same_set_reads_alike_from_every_format() -> None:
    given_sets = (made(), made(270_001, name="MADE 2", epoch="2023-01-15T06:30:15.250Z"))
    texts = (tle_text(*given_sets), omm_json(*given_sets), omm_csv(*given_sets), omm_xml(*given_sets))
    for text in texts:
        reading = parse_elements(text, "made")
        assert not reading.refused
        assert [s.catalog for s in reading.sets] == [90_001, 270_001]
        for one, asked in zip(reading.sets, given_sets, strict=True):
            assert one.epoch_s == pytest.approx(asked.epoch_s, abs=5e-4)
            assert one.anomaly_deg == pytest.approx(asked.anomaly_deg)
            assert one.mean_motion_degps == pytest.approx(asked.mean_motion_degps, rel=1e-9)
            assert one.eccentricity == pytest.approx(asked.eccentricity)
            assert one.bstar == pytest.approx(asked.bstar)
    assert {parse_elements(t, "made").kind for t in texts} == {"tle", "json", "csv", "xml"}


def test_a_bad_checksum_refuses_its_set_names_the_line_and_keeps_the_rest() -> None:
    lines = tle_text(made(), made(90_002, name="MADE 2"), made(90_003, name="MADE 3")).splitlines()
    lines[5] = lines[5].replace("97.6", "98.6")
    reading = parse_elements("\n".join(lines), "bad.tle")
    assert [s.name for s in reading.sets] == ["MADE 1", "MADE 3"]
    (refusal,) = reading.refused
    assert (refusal.file, refusal.line, refusal.name) == ("bad.tle", 6, "MADE 2")
    assert "checksum" in refusal.reason
    assert "adds up to" in str(refusal)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda a, b: (a[:-1], b), "characters"),
        (lambda a, b: (a + "7", b), "characters"),
        (lambda a, b: (a, ""), "no line 2"),
        (lambda a, b: ("", b), "no line 1"),
        (lambda a, b: (sealed(a[:18] + "23400.00000000" + a[32:]), b), "no day"),
        (lambda a, b: (a, sealed(b[:52] + "99.00000000" + b[63:])), "mean motion"),
        (lambda a, b: (a, sealed(b[:2] + "90009" + b[7:])), "line 2 of"),
        (lambda a, b: (a, sealed(b[:8] + "197.6000" + b[16:])), "inclination"),
        (lambda a, b: (sealed(a[:53] + "  nan-4 " + a[61:]), b), "B*"),
        (lambda a, b: (a[:-1] + "x", b), "no checksum"),
    ],
)
def test_what_cannot_be_used_is_refused_and_never_dropped(change: object, word: str) -> None:
    assert callable(change)
    one, two = change(*tle_lines(made()))
    text = "\n".join(x for x in ("MADE 1", one, two, *tle_lines(made(90_002))) if x)
    reading = parse_elements(text, "bad.tle")
    assert [s.catalog for s in reading.sets] == [90_002]
    assert any(word in refusal.reason for refusal in reading.refused)
    assert all(refusal.line > 0 for refusal in reading.refused)


def sealed(line: str) -> str:
    """A line with the checksum that its digits have."""
    return f"{line[:68]}{checksum(line)}"


def test_a_name_without_lines_and_a_space_track_name() -> None:
    text = "LONELY\n0 MADE 1\n" + "\n".join(tle_lines(made())) + "\nTAIL\n"
    reading = parse_elements(text, "names.tle")
    assert [s.name for s in reading.sets] == ["MADE 1"]
    assert [(r.line, r.name) for r in reading.refused] == [(1, "LONELY"), (5, "TAIL")]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"REF_FRAME": "ICRF"}, "REF_FRAME"),
        ({"CENTER_NAME": "MARS"}, "CENTER_NAME"),
        ({"MEAN_ELEMENT_THEORY": "DSST"}, "MEAN_ELEMENT_THEORY"),
        ({"EPOCH": "yesterday"}, "epoch"),
        ({"EPOCH": "2023-02-30T00:00:00"}, "calendar"),
        ({"ECCENTRICITY": 1.5}, "eccentricity"),
        ({"MEAN_MOTION": "fast"}, "MEAN_MOTION"),
        ({"BSTAR": None}, "lacks BSTAR"),
        ({"NORAD_CAT_ID": 0}, "catalogue number"),
        ({"TLE_LINE1": ISS.splitlines()[1][:-1] + "0"}, "checksum"),
    ],
)
def test_a_message_of_another_kind_is_refused_by_itself(changes: dict[str, object], word: str) -> None:
    text = json.dumps([omm(made(), **changes), omm(made(90_002))], indent=1)
    reading = parse_elements(text, "bad.json")
    assert [s.catalog for s in reading.sets] == [90_002]
    assert len(reading.refused) == 1
    assert word in reading.refused[0].reason
    assert reading.refused[0].line >= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\nworld\n",
        '[{"NORAD_CAT_ID": 1,',
        '[{"NORAD_CAT_ID": NaN}]',
        "[" * 100_000,
        "<omm><body>",
        '<!DOCTYPE x [<!ENTITY a "b">]><ndm><omm>&a;</omm></ndm>',
        "<ndm>" + "<a>" * 100 + "</a>" * 100 + "</ndm>",
        "NORAD_CAT_ID,EPOCH\n1,2\n",
    ],
)
def test_a_file_that_holds_no_sets_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(InputError, match="hostile"):
        parse_elements(text, "hostile.txt")


def test_more_sets_than_the_limit_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_SETS", 2)
    with pytest.raises(InputError, match="more than 2"):
        parse_elements(tle_text(made(), made(90_002), made(90_003)), "many.tle")


@given(st.text(max_size=400))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        parse_elements(text, "any.txt")
    except InputError:
        return


@given(st.integers(0, 137), st.characters(codec="ascii", exclude_characters="\r\n"))
def test_no_single_wrong_character_goes_through_unnoticed(place: int, letter: str) -> None:
    """The checksum finds a digit; what is no digit where one must be is found by its field."""
    lines = list(tle_lines(made()))
    line, column = divmod(place, 69)
    before = lines[line]
    lines[line] = before[:column] + letter + before[column + 1 :]
    try:
        reading = parse_elements("\n".join(lines), "one.tle")
    except InputError:
        return
    told = {(s.catalog, s.epoch_s, s.anomaly_deg, s.inclination_deg, s.node_deg) for s in reading.sets}
    one = made()
    assert told <= {(one.catalog, one.epoch_s, one.anomaly_deg, one.inclination_deg, one.node_deg)}


def test_the_data_of_two_dates_are_all_read(test_data: Path) -> None:
    """405 and 432 sets, no checksum wrong: as counted when the files were put together."""
    for name, count in (("cn_payloads_2022-10-28.tle", 405), ("cn_payloads_2023-03-26.tle", 432)):
        reading = read_elements([test_data / "tle" / name])
        assert (len(reading.sets), len(reading.refused)) == (count, 0)

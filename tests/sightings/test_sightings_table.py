"""The CSV table: what is read, and what every kind of bad input says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.errors import InputError, OverflightError
from overflight.records import Sighting
from overflight.rows import check_unique
from overflight.sightings.table import parse_table
from overflight.times import parse_utc

HEADER = (
    "id,time_utc_start,time_utc_end,lat,lon,radius_km,alt_m_low,alt_m_high,kind,source,url,text,reliability"
)
ROW = "S1,2023-02-03T13:20Z,2023-02-03T13:40Z,40.5,-95.85,150,18000,18600,eyewitness_photo,Paper,u,Seen.,high"


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def one(row: str = ROW, header: str = HEADER) -> Sighting:
    (sighting,) = parse_table(table(row, header=header), "s.csv")
    return sighting


def complaint(*rows: str, header: str = HEADER) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_table(table(*rows, header=header), "s.csv")
    return caught.value


def test_row_is_read() -> None:
    s = one()
    assert (s.id, s.kind, s.role, s.source, s.reliability) == (
        "S1",
        "eyewitness_photo",
        "observation",
        "Paper",
        "high",
    )
    assert s.time_start == parse_utc("2023-02-03T13:20Z")
    assert s.time_end - s.time_start == 1200.0
    assert (s.lat_deg, s.lon_deg, s.radius_km) == (40.5, -95.85, 150.0)
    assert (s.alt_low_m, s.alt_high_m) == (18000.0, 18600.0)
    assert (s.file, s.line) == ("s.csv", 2)
    assert s.raw["radius_km"] == "150"
    assert s.fitted


def test_other_spellings_of_columns() -> None:
    s = one(header=HEADER.replace("text", "quote_paraphrase").replace("reliability", "confidence"))
    assert (s.text, s.reliability) == ("Seen.", "high")


def test_comments_blank_lines_and_quoted_line_breaks_keep_line_numbers() -> None:
    text = '# a "comment", with a quote\n\n' + table(
        ROW.replace("Seen.", '"Seen,\n# not a comment"'), "# between", ROW.replace("S1", "S2")
    )
    first, second = parse_table(text, "s.csv")
    assert (first.line, second.line) == (4, 7)
    assert first.text == "Seen,\n# not a comment"


def test_byte_order_mark_free_text_and_crlf() -> None:
    assert parse_table(table(ROW).replace("\n", "\r\n"), "s.csv")[0].reliability == "high"


def test_longitudes_are_brought_into_range() -> None:
    assert one(ROW.replace("-95.85", "264.15")).lon_deg == pytest.approx(-95.85)
    assert one(ROW.replace("-95.85", "180")).lon_deg == -180.0


def test_missing_column_names_it() -> None:
    error = complaint(ROW, header=HEADER.replace("radius_km", "note"))
    assert error.field == "radius_km"
    assert "missing" in str(error)


def test_misspelt_column_asks() -> None:
    error = complaint(ROW, header=HEADER.replace("radius_km", "radius"))
    assert "Did you mean 'radius_km'?" in str(error)
    assert "bearing_deg" in str(complaint(ROW + ",3", header=HEADER + ",bering_deg"))


def test_doubled_column() -> None:
    assert "twice" in str(complaint(ROW + ",x", header=HEADER + ",source"))


def test_empty_text() -> None:
    with pytest.raises(InputError, match="no header"):
        parse_table("", "s.csv")
    assert parse_table(HEADER, "s.csv") == ()


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("13:20Z", "13:20", "time_utc_start", "no time zone"),
        ("2023-02-03T13:20Z", "2023-02-30T13:20Z", "time_utc_start", "calendar"),
        ("2023-02-03T13:20Z", "", "time_utc_start", "is empty"),
        ("13:40Z", "13:10Z", "time_utc_end", "before time_utc_start"),
        ("40.5,-95.85", "-95.85,40.5", "lat", "Are lat and lon swapped?"),
        ("40.5,-95.85", "95.85,140.0", "lat", "Latitudes run from -90 to 90"),
        ("40.5", "forty", "lat", "not a number"),
        ("40.5", "nan", "lat", "not a number"),
        ("40.5", '"40,5"', "lat", "write 40.5"),
        ("40.5,", ",", "lat", "Give both or neither"),
        ("-95.85", "1e400", "lon", "too large"),
        ("150", "-5", "radius_km", "not within"),
        ("150", "0", "radius_km", "not within"),
        ("150", "30000", "radius_km", "not within"),
        ("18000", "1_8000", "alt_m_low", "not a number"),
        ("18000", "inf", "alt_m_low", "not a number"),
        ("S1", "a.b", "id", "not an id"),
        ("S1", "", "id", "not an id"),
        ("eyewitness_photo", "", "kind", "is empty"),
        ("Paper", "", "source", "is empty"),
        ("high", "certain", "reliability", "high, medium, low, unknown"),
    ],
)
def test_bad_cell_names_file_line_field_and_remedy(old: str, new: str, field: str, says: str) -> None:
    error = complaint(ROW.replace(old, new, 1))
    assert (error.file, error.line, error.field) == ("s.csv", 2, field)
    assert says in str(error)
    assert error.remedy


def test_all_problems_come_together_up_to_twenty() -> None:
    bad = ROW.replace("40.5", "x")
    two = complaint(bad, bad.replace("high", "no"))
    assert "3 problems" in str(two)
    assert "line 2, field 'lat'" in str(two)
    assert "line 3, field 'reliability'" in str(two)
    many = complaint(*[bad] * 25)
    assert str(many).count("field 'lat'") == 20
    assert "and 5 more" in str(many)


def test_rows_of_another_length_and_bad_quotes() -> None:
    assert "14 cells, the header has 13" in str(complaint(ROW + ",extra"))
    assert complaint(ROW, ROW.replace("Seen.", '"Seen.')).line == 3


def test_radius_may_be_empty_for_a_watcher_only() -> None:
    assert one(ROW.replace(",150,", ",,")).radius_km is None
    error = complaint(ROW.replace(",150,", ",,").replace("eyewitness_photo", "radar_detection"))
    assert error.field == "radius_km"


def test_bearing_has_a_default_error_and_needs_a_place() -> None:
    header = HEADER + ",bearing_deg,elevation_deg,elevation_sd_deg"
    s = one(ROW + ",-90,30,2", header=header)
    assert (s.bearing_deg, s.bearing_sd_deg, s.elevation_deg, s.elevation_sd_deg) == (270.0, 15.0, 30.0, 2.0)
    assert complaint(ROW.replace("40.5,-95.85", ",") + ",90,,", header=header).field == "lat"


def test_phase_and_altitude_kind() -> None:
    header = HEADER + ",phase,alt_kind"
    s = one(ROW + ",ascent,pressure", header=header)
    assert (s.phase, s.alt_kind) == ("ascent", "pressure")
    assert "float, ascent, descent" in str(complaint(ROW + ",up,", header=header))


def test_reliability_with_more_words_is_noted() -> None:
    s = one(ROW.replace(",high", ",high for place; low for altitude"))
    assert s.reliability == "high"
    assert [m.code for m in s.marks] == ["reliability_qualified"]


def test_unknown_kind_is_read_and_noted() -> None:
    s = one(ROW.replace("eyewitness_photo", "dream"))
    assert (s.kind, s.role, s.marks[0].code, s.marks[0].severity) == (
        "dream",
        "observation",
        "unknown_kind",
        "note",
    )


def test_no_place_is_read_and_not_fitted() -> None:
    s = one(ROW.replace("40.5,-95.85,150", ",,"))
    assert s.lat_deg is None
    assert not s.fitted


def test_same_id_twice_names_both_places() -> None:
    rows = parse_table(table(ROW, ROW), "a.csv")
    with pytest.raises(
        InputError, match=r"a.csv, line 3, field 'id': 'S1' is there already \(a.csv, line 2\)"
    ):
        check_unique(rows, "row")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE sightings; --",
        "=HYPERLINK(1)",
        "{{ 7*7 }}",
        "\u202egnp.exe",
        "Ωλ 气球 🎈",
        "../../etc/passwd",
        "]]>",
    ],
)
def test_hostile_source_passes_through_as_text(hostile: str) -> None:
    assert one(ROW.replace("Paper", f'"{hostile}"')).source == hostile


def test_messages_do_not_carry_control_characters() -> None:
    error = complaint(ROW.replace("40.5", "\x1b[31m40"))
    assert "\x1b" not in str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for whole in (text, table(text), table(ROW.replace("40.5", text))):
        try:
            parse_table(whole, "s.csv")
        except OverflightError:
            continue

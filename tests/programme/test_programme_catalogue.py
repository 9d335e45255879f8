"""The catalogue: every row read, bad times found, hostile files refused with file, line, field and remedy."""

from __future__ import annotations

from pathlib import Path

import made_programme as made
import pytest

from overflight.errors import InputError
from overflight.programme.catalogue import MOST_BYTES, overlaid, parse_catalogue, read_catalogue
from overflight.programme.records import Number
from overflight.programme.wording import number_of, standing_of, where_of

EXAMPLE = Path(__file__).parents[2] / "src" / "overflight" / "examples" / "programme" / "catalogue.csv"


@pytest.fixture
def incident(test_data: Path) -> Path:
    path = test_data.parent / "incident-2023" / "other_objects.csv"
    if not path.is_file():
        pytest.skip("incident-2023 does not lie beside the test data")
    return path


def test_all_67_records_are_read_and_the_bad_times_are_flagged(incident: Path) -> None:
    found = read_catalogue(incident)
    assert len(found.rows) == 67
    marked = {r.id for r in found.rows if any(m.severity == "unusable" for m in r.marks)}
    # The README of the data names these two: Alaska and Yukon.
    assert marked == {"X003", "X010"}
    kinds = {flight.id: flight.kind for flight in found.flights}
    assert kinds["k9yo15"] == kinds["us_later/utah_2024"] == "hobby"
    assert kinds["huron_2023"] == "weather"
    assert kinds["latam_2023"] == kinds["japan/sendai_2020"] == "mission"
    assert kinds["yukon_2023"] == "unknown"
    assert kinds["taiwan/dec17_2023_a"] == "weather"
    assert not any(row.event == "count" for flight in found.flights for row in flight.rows)


def test_the_example_is_read() -> None:
    found = read_catalogue(EXAMPLE)
    assert len(found.rows) == 10
    assert len(found.flights) == 8
    assert [r.id for r in found.rows if r.marks and r.marks[0].severity == "unusable"] == ["F10"]


@pytest.mark.parametrize(
    ("hours", "cause"),
    [(12, "a.m."), (-9, "a local time was taken for UTC"), (4, "an hour or a zone slipped")],
)
def test_a_time_that_is_whole_hours_off_is_not_used(hours: int, cause: str) -> None:
    when = f"2023-02-{10 + (15 + hours) // 24:02d}T{(15 + hours) % 24:02d}:41Z"
    rows = (
        "A,g,shot_down,2023-02-10T15:41Z,2023-02-10T15:41Z,64,-137,10,,u,Shot,high,,,,,,\n"
        f"B,g,sighting,{when},,,,,,v,Shot,low,,,,,,\n"
    )
    first, second = made.catalogue(rows).rows
    assert second.marks[0].severity == "unusable"
    assert cause in second.marks[0].reason
    assert not second.dated
    assert first.dated


@pytest.mark.parametrize("minute", ["00", "30"])
def test_round_times_may_agree_by_chance(minute: str) -> None:
    row = "{},g,exit,2023-02-10T{}:{}Z,,,,,,u,x,high,,,,,,\n"
    rows = row.format("A", 15, minute) + row.format("B", 12, minute)
    assert not any(row.marks for row in made.catalogue(rows).rows)


@pytest.mark.parametrize(
    ("cell", "field"),
    [
        ("02/03/2023", "time_start"),
        ("2023-02-30", "time_start"),
        ("2023-02-03T14:39", "time_start"),
        ("3 Feb", "time_start"),
        ("1675400000", "time_start"),
        ("=cmd|' /C calc'!A0", "time_start"),
        ("99999-01-01", "time_start"),
    ],
)
def test_dates_that_may_be_misread_are_refused(cell: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        made.catalogue(f'A,g,exit,"{cell}",,,,,,u,x,high,,,,,,\n')
    assert (caught.value.file, caught.value.line, caught.value.field) == ("catalogue", 2, field)
    assert caught.value.remedy


def test_days_months_and_years_are_intervals() -> None:
    rows = made.catalogue(
        "A,g,e1,2020,,,,,,u,x,high,,,,,,\nB,g,e2,2020-02,2020-03-01,,,,,u,x,high,,,,,,\n"
    ).rows
    assert [(r.time_end or 0) - (r.time_start or 0) for r in rows] == [366 * 86400 - 60, 30 * 86400 - 60]
    assert not any(r.minute for r in rows)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("A,g,e,,,91,0,1,,u,x,high,,,,,,", "lat_deg"),
        ("A,g,e,,,1,,1,,u,x,high,,,,,,", "lat_deg"),
        ("A,g,e,,,1_0,0,1,,u,x,high,,,,,,", "lat_deg"),
        ("A,g,e,2020-02-02,2020-02-01,,,,,u,x,high,,,,,,", "time_end"),
        ("A,g,e,,2020-02-01,,,,,u,x,high,,,,,,", "time_start"),
        ("A,g,e,,,,,,,u,x,high,guilty,,,,,", "standing"),
        ("A,g,e,,,,,,,u,x,high,,,,,7..5,", "number"),
        ("A b,g,e,,,,,,,u,x,high,,,,,,", "id"),
        (",g,e,,,,,,,u,x,high,,,,,,", "id"),
        ("A,,e,,,,,,,u,x,high,,,,,,", "group"),
    ],
)
def test_what_is_wrong_is_named(row: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        made.catalogue(row + "\n")
    assert (caught.value.line, caught.value.field) == (2, field)


def test_a_repeated_id_and_a_misspelt_column_are_refused() -> None:
    with pytest.raises(InputError, match="line 2"):
        made.catalogue("A,g,e,,,,,,,u,x,high,,,,,,\nA,g,e,,,,,,,u,x,high,,,,,,\n")
    with pytest.raises(InputError, match="Did you mean 'time_start'"):
        parse_catalogue("id,group,event,text,time_strat\nA,g,e,x,2020\n")


def test_a_huge_file_and_a_packed_one_are_refused(tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    huge.write_bytes(b"id,group,event,text\n" + b"x" * MOST_BYTES)
    with pytest.raises(InputError, match="larger than the limit"):
        read_catalogue(huge)
    packed = tmp_path / "packed.csv"
    packed.write_bytes(b"\x1f\x8b\x08\x00" + bytes(range(256)))
    with pytest.raises(InputError):
        read_catalogue(packed)


def test_columns_are_mapped_and_typed_cells_go_first() -> None:
    text = "id,group,event,was\nA,us_x,florida,Two incidents near Florida\n"
    first = parse_catalogue(text, columns={"was": "text"}).rows[0]
    assert (first.area, first.where, first.number) == ("USA", "near", Number(2.0, 2.0))
    assert {"area", "where", "number"} <= set(first.by_words)
    typed = overlaid(text, "id,where,area,number\nA,outside,CUB,3..\n", columns={"was": "text"})
    second = parse_catalogue(typed).rows[0]
    assert (second.area, second.where, second.number) == ("CUB", "outside", Number(3.0, None))
    assert not {"area", "where", "number"} & set(second.by_words)
    with pytest.raises(InputError, match="is not in catalogue"):
        overlaid(text, "id,where\nB,land\n")
    with pytest.raises(InputError, match="no column of a catalogue"):
        parse_catalogue(text, columns={"was": "txt"})


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("at least two dozen missions", 24, None),
        ("About half a dozen flights in the airspace", 5, 7),
        ("Three passes under one and one early in the next", 4, 4),
        ("more than 40 flights", 41, None),
        ("Six in a day over the island", 6, 6),
        ("One of four balloons on 2 Jan", 1, 1),
        ("At least one each near Hawaii and Guam", 2, None),
        ("No such flight happened", 0, 0),
        ("In 2019 a balloon went round", 1, 1),
    ],
)
def test_numbers_are_read_as_intervals(text: str, low: float, high: float | None) -> None:
    assert number_of(text) == Number(low, high)


def test_words_say_who_and_where() -> None:
    assert standing_of("unattributed; suspected balloon") == "unattributed"
    assert standing_of("anonymous officials: X") == "suspected"
    assert standing_of("Ministry of Defence: strongly presumed") == "attributed"
    assert standing_of("acknowledged later") == "acknowledged"
    assert where_of("over international waters near Hawaii") == ("USA", "outside")
    assert where_of("went across Florida") == ("USA", "land")


def test_many_rows_of_one_minute_are_no_trap() -> None:
    row = "R{},g,sighting,2023-02-10T{:02d}:41Z,,,,,,u,x,{},,,,,,\n"
    rows = "".join(row.format(n, n % 14, "high" if n == 5 else "low") for n in range(3_000))
    found = made.catalogue(rows)
    assert len(found.rows) == 3_000
    assert found.rows[5].dated
    assert not found.rows[6].dated

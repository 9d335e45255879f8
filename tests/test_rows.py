"""What the tables of a case share: numbers within limits, and ids that several files may not share."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from overflight.errors import InputError
from overflight.rows import Problems, Row, is_number, number_in, parse_rows, read_unique


def read(cell: str, *, needed: bool = False) -> tuple[float | None, Problems]:
    problems = Problems("made.csv")
    value = number_in(Row(7, {"lat_deg": cell}), "lat_deg", -90.0, 90.0, problems, needed=needed)
    return value, problems


@pytest.mark.parametrize(("cell", "value"), [("-90", -90.0), ("90", 90.0), ("4.55e1", 45.5)])
def test_a_number_within_its_limits_is_taken(cell: str, value: float) -> None:
    assert read(cell) == (value, Problems("made.csv"))


@pytest.mark.parametrize("cell", ["90.01", "-91", "nan", "1e999", "1,5", "\u0664\u0665", "west"])
def test_what_is_no_such_number_is_noted_and_not_taken(cell: str) -> None:
    value, problems = read(cell)
    assert value is None
    ((line, name, what, remedy),) = problems.found
    assert (line, name) == (7, "lat_deg")
    assert cell in what
    assert remedy


def test_an_empty_cell_is_a_problem_only_where_it_is_needed() -> None:
    assert read("") == (None, Problems("made.csv"))
    assert number_in(Row(7, {}), "alt_m", 0.0, 1.0, Problems("made.csv")) is None
    value, problems = read("", needed=True)
    assert value is None
    assert len(problems.found) == 1


class Named(NamedTuple):
    """A record as the parts have them."""

    id: str
    file: str
    line: int


def parse(text: str, file: str) -> tuple[Named, ...]:
    return tuple(Named(row.cells["id"], file, row.line) for row in parse_rows(text, file, required=("id",)))


def test_files_are_read_in_order_and_every_shared_id_is_named(tmp_path: Path) -> None:
    paths = [tmp_path / "b.csv", tmp_path / "a.csv"]
    paths[0].write_text("id\nB1\nB2\n")
    paths[1].write_text("id\nA1\n")
    assert [one.id for one in read_unique(paths, parse, "thing")] == ["B1", "B2", "A1"]
    paths[1].write_text("id\nA1\nB2\nB1\n")
    with pytest.raises(InputError) as caught:
        read_unique(paths, parse, "thing")
    assert "line 3, field 'id': 'B2' is there already (b.csv, line 3)" in str(caught.value)
    assert "line 4, field 'id': 'B1' is there already (b.csv, line 2)" in str(caught.value)
    assert "Give every thing its own id." in str(caught.value)


@pytest.mark.parametrize("value", [0, -3, 2.5, 10**299])
def test_numbers_are_numbers(value: object) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, "3", None, float("nan"), float("inf"), 10**400, [1]])
def test_what_no_float_holds_is_no_number(value: object) -> None:
    assert not is_number(value)

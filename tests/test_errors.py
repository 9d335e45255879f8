"""The error tree: where, what and remedy end up in the message and stay as attributes."""

from __future__ import annotations

import pytest

from overflight import errors
from overflight.errors import CaseError, InputError, OverflightError

CLASSES = [
    errors.OverflightError,
    errors.InputError,
    errors.CaseError,
    errors.CoverageError,
    errors.LimitError,
    errors.FetchError,
    errors.SolveError,
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_caught_as_the_root_and_as_a_value_error(kind: type[OverflightError]) -> None:
    with pytest.raises(ValueError, match="what was wrong"):
        raise kind("what was wrong")
    assert issubclass(kind, OverflightError)


def test_the_tree_is_the_one_that_the_docstring_draws() -> None:
    defined = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, OverflightError)}
    assert defined == {kind.__name__ for kind in CLASSES}
    assert all(name in (errors.__doc__ or "") for name in defined)
    assert CaseError.__mro__[1:3] == (InputError, OverflightError)


def test_the_message_says_where_what_and_what_to_do() -> None:
    error = OverflightError("the axis falls.", where="time", remedy="Sort it.")
    assert str(error) == "time: the axis falls. Sort it."
    assert (error.what, error.where, error.remedy) == ("the axis falls.", "time", "Sort it.")


def test_the_message_without_place_or_remedy_is_the_sentence() -> None:
    assert str(OverflightError("nothing to fit")) == "nothing to fit"


def test_an_input_error_names_file_line_and_field() -> None:
    error = InputError("no time zone", file="sightings.csv", line=7, field="time_start", remedy="Add Z.")
    assert str(error) == "sightings.csv, line 7, field 'time_start': no time zone. Add Z."
    assert (error.file, error.line, error.field) == ("sightings.csv", 7, "time_start")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"file": "a.csv"}, "a.csv: bad"),
        ({"line": 0}, "line 0: bad"),
        ({"field": "lat"}, "field 'lat': bad"),
        ({"file": "a.csv", "field": "lat"}, "a.csv, field 'lat': bad"),
        ({}, "bad"),
    ],
)
def test_an_input_error_names_what_is_known(place: dict[str, object], expected: str) -> None:
    assert str(InputError("bad", **place)) == expected

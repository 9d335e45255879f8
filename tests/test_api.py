"""The names for scripts: there, sorted, documented, and the same objects as in the parts."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import overflight
from overflight import api
from overflight.api import crossings, example, read_inputs, read_sightings, sample_wind
from overflight.errors import InputError

SOURCE = Path(api.__file__).read_text("utf-8")


def test_all_names_are_there_once_and_sorted() -> None:
    assert api.__all__ == sorted(set(api.__all__))
    for name in api.__all__:
        assert getattr(api, name) is not None


def test_what_is_imported_is_offered_and_what_is_offered_is_public() -> None:
    imported = {name for name, value in vars(api).items() if _from_the_package(value) and name[0] != "_"}
    # An error that `example` raises; scripts catch its root.
    assert imported - {"InputError"} == set(api.__all__)


def _from_the_package(value: object) -> bool:
    module = getattr(value, "__module__", "")
    return (inspect.isfunction(value) or inspect.isclass(value)) and module.startswith("overflight")


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_is_documented(name: str) -> None:
    doc = inspect.getdoc(getattr(api, name))
    assert doc
    assert len(doc.splitlines()[0]) > 15


def test_the_names_are_those_of_the_parts() -> None:
    from overflight.crossings import crossings as own
    from overflight.winds.interpolate import sample

    assert crossings is own
    assert sample_wind is sample


def test_examples_by_name() -> None:
    for name in ("2023", "k9yo-15"):
        folder = example(name)
        assert folder.parent == Path(overflight.__file__).parent / "examples"
        inputs = read_inputs(folder)
        assert inputs.sightings == read_sightings(
            inputs.case.inputs["sightings"],
            time_start=inputs.case.time_start,
            time_end=inputs.case.time_end,
        )


@pytest.mark.parametrize("name", ["2024", "../examples/2023", "", "."])
def test_an_example_that_is_not_there_names_those_that_are(name: str) -> None:
    with pytest.raises(InputError, match=r"Use one of 2023, k9yo-15\."):
        example(name)


def test_the_docstring_of_the_module_names_what_there_is() -> None:
    for name in re.findall(r"import ([\w, ]+)\n", api.__doc__ or ""):
        assert set(name.split(", ")) <= set(api.__all__)

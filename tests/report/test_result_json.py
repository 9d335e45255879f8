from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import synthetic_result as made
from overflight.errors import OverflightError
from overflight.records import Finding
from overflight.report.result import record_dict, result_json, rounded
from overflight.report.schema import schema, schema_json

PUBLISHED = Path(__file__).parents[2] / "docs" / "result.schema.json"


def test_same_result_gives_same_bytes_whatever_the_order_of_keys() -> None:
    result = made.result()
    turned = dict(reversed(list(result.items())))
    assert result_json(result) == result_json(turned)


def test_numbers_are_rounded_and_times_keep_their_milliseconds() -> None:
    assert rounded(1.23456789) == 1.23457
    assert rounded(123456.789) == 123457.0
    assert rounded(1675534740.1239) == 1675534740.124
    assert str(rounded(-0.0)) == "0.0"


def test_numpy_values_become_plain() -> None:
    data = json.loads(
        result_json({"a": np.float32(0.1), "b": np.int64(3), "c": np.array([1.0, 2.0]), "d": np.bool_(True)})
    )
    assert data == {"a": 0.1, "b": 3, "c": [1.0, 2.0], "d": True}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float64("nan")])
def test_a_number_that_is_not_finite_is_named_by_its_place(bad: float) -> None:
    with pytest.raises(OverflightError, match=r"result\.sections\.rows\[1\]\.p"):
        result_json({"sections": {"rows": [{"p": 1.0}, {"p": bad}]}})


@pytest.mark.parametrize("bad", [{1: "a"}, {"a": object()}, {"a": {1, 2}}, {"a": b"x"}])
def test_what_json_has_no_form_for_is_refused(bad: Any) -> None:
    with pytest.raises(OverflightError):
        result_json(bad)


def test_a_lone_surrogate_is_written_as_its_code() -> None:
    assert b"\\ud800" in result_json({"a": "x\ud800"})


def test_the_published_schema_is_up_to_date() -> None:
    assert PUBLISHED.read_bytes() == schema_json(), (
        "docs/result.schema.json is old: write overflight.report.schema.schema_json() to it"
    )


def validate(result: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    jsonschema.Draft202012Validator.check_schema(schema())
    validator.validate(json.loads(result_json(result)))


def test_a_result_validates() -> None:
    validate(made.result())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("findings"),
        lambda r: r["sections"].pop("claims"),
        lambda r: r["sightings"][0].pop("marks"),
        lambda r: r["sightings"][0].update(role="guess"),
        lambda r: r["findings"][0].update(value={"p50": 1.0}),
        lambda r: r["findings"][0].update(value={"p": 0.5}),
        lambda r: r["findings"][0].update(extra=1),
        lambda r: r.update(schema_version="2.0"),
    ],
)
def test_the_schema_refuses_what_the_records_refuse(spoil: Any) -> None:
    result = made.result()
    spoil(result)
    with pytest.raises(jsonschema.ValidationError):
        validate(result)


def test_an_undetermined_finding_has_no_value() -> None:
    finding = Finding(id="a.b.c", question="?", kind="undetermined", unit="", value=None, reason="no data")
    result = made.result()
    result["findings"].append(record_dict(finding))
    validate(result)
    result["findings"][-1]["value"] = {"p": 0.5}
    with pytest.raises(jsonschema.ValidationError):
        validate(result)

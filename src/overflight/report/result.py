"""`result.json`: the whole answer as one document, the same bytes for the same answer.

Keys are sorted. Numbers are rounded to what they mean: six significant digits, and a millisecond for
times. A value that is not finite is an error that names its place, never a `NaN` that other readers refuse.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from overflight.errors import OverflightError

DIGITS = 6
_TIME_FROM = 1e8  # numbers from here on are POSIX seconds (1973 and later), kept to the millisecond
DEEPEST = 40


def result_json(result: Mapping[str, Any]) -> bytes:
    """Return a result as UTF-8 JSON with a final newline.

    Raises
    ------
    OverflightError
        Naming the place in the document (`sections.crossings.rows[3].probability`) of a number that is
        not finite, a key that is not text, or a value that JSON has no form for.
    """
    text = json.dumps(
        _plain(result, "result", 0), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    # A lone surrogate (half a character from a damaged file) has no UTF-8 form; it is shown as its code.
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def record_dict(record: Any) -> dict[str, Any]:
    """Return a record (`Sighting`, `Finding`, `Mark`) as plain dicts and lists, fields in their order."""
    return {field.name: _unpacked(getattr(record, field.name)) for field in dataclasses.fields(record)}


def _unpacked(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return record_dict(value)
    if isinstance(value, Mapping):
        return {key: _unpacked(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_unpacked(item) for item in value]
    return value


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise OverflightError(f"the result is nested deeper than {DEEPEST}", where=where)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = record_dict(value)
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
    return _scalar(value, where)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise OverflightError(f"the key {key!r} is not text", where=where)
    return key


def _scalar(value: Any, where: str) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return rounded(float(value), where)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, PurePath):
        return value.as_posix()
    raise OverflightError(f"a value of type {type(value).__name__} has no form in JSON", where=where)


def rounded(value: float, where: str = "") -> float:
    """Round a number as `result.json` does; raise OverflightError when it is not finite."""
    if not math.isfinite(value):
        raise OverflightError(
            f"the number is {value}",
            where=where,
            remedy="Use null, or an undetermined finding with a reason.",
        )
    if abs(value) >= _TIME_FROM:
        return round(value, 3)
    return float(f"{value:.{DIGITS}g}") + 0.0  # adding zero turns -0.0 into 0.0

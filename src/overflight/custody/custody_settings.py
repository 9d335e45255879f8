"""`[ask.custody]` of `case.toml`: how finely the account is drawn, and how its stream is read.

`[inputs]` names the account and the stream.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from overflight.case import case_file, check_keys, setting_error

PART: Final = "ask.custody"
KEYS: Final = ("samples", "seed", "format", "key")
FORMATS: Final = ("frames", "ccsds")
_LIMITS: Final = {"samples": (100.0, 200_000.0), "seed": (0.0, 2.0**53)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodySettings:
    """What the account of a case can be told.

    `samples` and `seed` stand in for the account's own where they are not None. `format` is that of the
    stream, None where its ending tells it. `key` is the file with the key of its frames: a secret, which
    goes into no result, no hash and no log.
    """

    samples: int | None = None
    seed: int | None = None
    format: Literal["frames", "ccsds"] | None = None
    key: Path | None = None


def read_settings(
    table: Mapping[str, Any], folder: Path | None = None, **overrides: int | None
) -> CustodySettings:
    """Return the settings of an `[ask.custody]` table; `overrides` that are not None stand in for its keys.

    Raises CaseError with the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    given = {**table, **{key: value for key, value in overrides.items() if value is not None}}
    format = given.get("format")
    if format is not None and format not in FORMATS:
        raise setting_error(
            folder, PART, "format", f"{format!r} is no format of a stream", f"Use {' or '.join(FORMATS)}."
        )
    return CustodySettings(
        samples=_whole(given.get("samples"), "samples", folder),
        seed=_whole(given.get("seed"), "seed", folder),
        format=format,
        key=_file(given.get("key"), "key", folder),
    )


def _file(value: Any, key: str, folder: Path | None) -> Path | None:
    """Return the path of a file inside the case folder."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise setting_error(folder, PART, key, f"{value!r} is no name of a file", "Write it in quotes.")
    return case_file(folder, PART, key, value)


def _whole(value: Any, key: str, folder: Path | None) -> int | None:
    if value is None:
        return None
    low, high = _LIMITS[key]
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value != int(value) or not low <= value <= high:
        raise setting_error(
            folder, PART, key, f"{value!r} is no whole number of {low:g} to {high:g}", "Change it."
        )
    return int(value)

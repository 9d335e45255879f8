"""`[ask.custody]` of `case.toml`: how finely the account of a case is drawn. `[inputs]` names the account."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.case import check_keys, setting_error

PART: Final = "ask.custody"
KEYS: Final = ("samples", "seed")
_LIMITS: Final = {"samples": (100.0, 200_000.0), "seed": (0.0, 2.0**53)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodySettings:
    """What the account of a case can be told.

    `samples` and `seed` stand in for the account's own where they are not None.
    """

    samples: int | None = None
    seed: int | None = None


def read_settings(
    table: Mapping[str, Any], folder: Path | None = None, **overrides: int | None
) -> CustodySettings:
    """Return the settings of an `[ask.custody]` table; `overrides` that are not None stand in for its keys.

    Raises CaseError with the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    given = {**table, **{key: value for key, value in overrides.items() if value is not None}}
    return CustodySettings(**{key: _whole(given.get(key), key, folder) for key in _LIMITS})


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

"""`[ask.satellites]` of `case.toml`: what the passes are told. `docs/satellites.md` describes every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.case import check_keys, setting_error
from overflight.rows import is_number
from overflight.satellites.passes import LEAST_ELEVATION_DEG
from overflight.units import DAY_S

PART: Final = "ask.satellites"
MAX_NAMES: Final = 200
# Key, default, lowest, highest, whole.
_NUMBERS: Final[tuple[tuple[str, float, float, float, bool], ...]] = (
    ("min_elevation_deg", LEAST_ELEVATION_DEG, 0.0, 89.0, False),
    ("max_age_days", 200.0, 0.1, 4_000.0, False),
    ("draws", 20, 1, 1_000, True),
    ("seed", 0, 0, 2**63, True),
)
KEYS: Final = (*(row[0] for row in _NUMBERS), "names")


@dataclass(frozen=True, slots=True, kw_only=True)
class SatelliteSettings:
    """What the passes are told.

    `min_elevation_deg` from which a pass counts; `max_age_s` how far outside the window the epoch of elements
    may lie; `names` patterns of which a satellite's name must fit one (any when empty); `draws` of the places
    in their orbits of satellites whose phase is not known, from `seed`.
    """

    min_elevation_deg: float = LEAST_ELEVATION_DEG
    max_age_s: float = 200.0 * DAY_S
    draws: int = 20
    seed: int = 0
    names: tuple[str, ...] = ()


def read_settings(
    table: Mapping[str, Any], folder: Path | None = None, **overrides: float | None
) -> SatelliteSettings:
    """Return the settings of an `[ask.satellites]` table; `overrides` that are not None stand in for keys.

    Raises CaseError with the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    given = {**table, **{key: value for key, value in overrides.items() if value is not None}}
    values: dict[str, float] = {}
    for key, default, low, high, whole in _NUMBERS:
        value = given.get(key, default)
        if not is_number(value):
            raise setting_error(folder, PART, key, f"{value!r} is no number", "Give a number.")
        if not low <= value <= high:
            raise setting_error(folder, PART, key, f"{value:g} is outside {low:g} to {high:g}", "")
        if whole and value != int(value):
            raise setting_error(folder, PART, key, f"{value:g} is no whole number", "Give a whole number.")
        values[key] = float(value)
    return SatelliteSettings(
        min_elevation_deg=values["min_elevation_deg"],
        max_age_s=values["max_age_days"] * DAY_S,
        draws=int(values["draws"]),
        seed=int(values["seed"]),
        names=_names(given.get("names", ()), folder),
    )


def _names(value: Any, folder: Path | None) -> tuple[str, ...]:
    good = isinstance(value, list | tuple) and all(isinstance(v, str) and v.strip() for v in value)
    if not good or len(value) > MAX_NAMES:
        raise setting_error(
            folder, PART, "names", "it is no list of names", 'Give a list such as ["GAOFEN *", "JILIN"].'
        )
    return tuple(v.strip() for v in value)

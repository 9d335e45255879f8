"""`[ask.steer]` of `case.toml`: what the verdict can be told. `docs/steer.md` describes every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.case import check_keys, setting_error
from overflight.rows import is_number, shorten
from overflight.steer.effort import NAMED_MPS
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, Hypothesis, read_hypotheses
from overflight.steer.toward import MEMBERS, RADIUS_KM
from overflight.steer.when import STATION_HOURS, STATION_RADIUS_KM

PART: Final = "ask.steer"
# Key, default, lowest, highest, whole.
_NUMBERS: Final[tuple[tuple[str, float, float, float, bool], ...]] = (
    ("particles", 0, 0, 1_000_000, True),
    ("seed", 0, 0, 2**63, True),
    ("airspeed_mps", NAMED_MPS, 0.1, 300.0, False),
    ("radius_km", RADIUS_KM, 1.0, 2_000.0, False),
    ("station_radius_km", STATION_RADIUS_KM, 1.0, 2_000.0, False),
    ("station_hours", STATION_HOURS, 0.1, 1_000.0, False),
    ("members", MEMBERS, 20, 20_000, True),
)
# By the winds where it is not given.
_THRESHOLD: Final = (0.501, 0.9999)
KEYS: Final = (*(row[0] for row in _NUMBERS), "threshold", "hypotheses")


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerSettings:
    """What the verdict can be told.

    `particles` a hypothesis, by the length of the flight where zero; `threshold` that a side's posterior
    must pass, by the winds where None; `airspeed_mps` whose hours are counted; `radius_km` about a place
    within which time is dwell; a station is kept within `station_radius_km` for `station_hours`; `members` of
    the drifting flights that approaches are judged by.
    """

    particles: int = 0
    seed: int = 0
    threshold: float | None = None
    airspeed_mps: float = NAMED_MPS
    radius_km: float = RADIUS_KM
    station_radius_km: float = STATION_RADIUS_KM
    station_hours: float = STATION_HOURS
    members: int = MEMBERS
    hypotheses: tuple[Hypothesis, ...] = DEFAULT_HYPOTHESES


def read_settings(
    table: Mapping[str, Any], folder: Path | None = None, **overrides: float | None
) -> SteerSettings:
    """Return the settings of an `[ask.steer]` table; `overrides` that are not None stand in for its keys.

    Raises CaseError with the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    given = {**table, **{key: value for key, value in overrides.items() if value is not None}}
    values: dict[str, Any] = {}
    for key, default, low, high, whole in _NUMBERS:
        value = _number(folder, key, given.get(key, default), low, high)
        if whole and value != int(value):
            raise setting_error(folder, PART, key, f"{value:g} is no whole number", "Give a whole number.")
        values[key] = int(value) if whole else float(value)
    if "threshold" in given:
        values["threshold"] = float(_number(folder, "threshold", given["threshold"], *_THRESHOLD))
    return SteerSettings(**values, hypotheses=read_hypotheses(table, folder))


def _number(folder: Path | None, key: str, value: Any, low: float, high: float) -> float:
    if not is_number(value):
        raise setting_error(folder, PART, key, f"{value!r} is no number", "Give a number.")
    if not low <= value <= high:
        what = f"{shorten(str(value))} is outside {low:g} to {high:g}"
        raise setting_error(folder, PART, key, what, "Give a number within.")
    return value

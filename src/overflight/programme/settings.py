"""`[ask.programme]` of `case.toml`: what the programme can be told; `docs/programme.md` has every key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.case import check_keys, setting_error
from overflight.programme.origins import APART, SMOOTH_KM
from overflight.rows import is_number, shorten

PART: Final = "ask.programme"
LAUNCHES: Final = ("land", "anywhere")
# Key, default, lowest, highest, whole.
_NUMBERS: Final[tuple[tuple[str, float, float, float, bool], ...]] = (
    ("own_flights", 0, 0, 1_000, True),
    ("prior_alike", 0.5, 0.001, 0.999, False),
    ("pairs", 12, 0, 200, True),
    ("prior_common", 0.5, 0.001, 0.999, False),
    ("apart", APART, 0.0, 0.9, False),
    ("smooth_km", SMOOTH_KM, 10.0, 1_000.0, False),
    ("days_back", 12.0, 1.0, 40.0, False),
    ("origin_members", 120, 20, 5_000, True),
    ("origin_seed", 1, 0, 2**63 - 1, True),
)
KEYS: Final = ("area", "launches", "origins", *(row[0] for row in _NUMBERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeSettings:
    """What the programme can be told.

    `area` is the country whose flights are counted; `own_flights` are there and not in the catalogue, such as
    the one that the case is about. `prior_alike` and `prior_common` are probabilities before anything was
    compared, `pairs` how many of the most alike are told. `apart` is the share of flights from elsewhere,
    `smooth_km` what a back-trajectory leaves unsaid, `launches` where they may be. `origins` asks for every
    flight to be flown back for `days_back`, by `origin_members` balloons each.
    """

    area: str = "USA"
    launches: str = "land"
    own_flights: int = 0
    prior_alike: float = 0.5
    pairs: int = 12
    prior_common: float = 0.5
    apart: float = APART
    smooth_km: float = SMOOTH_KM
    origins: bool = False
    days_back: float = 12.0
    origin_members: int = 120
    origin_seed: int = 1


def read_settings(table: Mapping[str, Any], folder: Path | None = None) -> ProgrammeSettings:
    """Return the settings of an `[ask.programme]` table.

    Raises CaseError with the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    values: dict[str, Any] = {}
    for key, default, low, high, whole in _NUMBERS:
        value = table.get(key, default)
        if not is_number(value):
            raise setting_error(folder, PART, key, f"{shorten(repr(value))} is no number", "Give a number.")
        if not low <= value <= high or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise setting_error(
                folder, PART, key, f"{value:g} cannot be used", f"Give {kind} from {low:g} to {high:g}."
            )
        values[key] = int(value) if whole else float(value)
    area, launches = table.get("area", "USA"), table.get("launches", "land")
    if not (isinstance(area, str) and len(area) == 3 and area.isascii() and area.isupper()):
        raise setting_error(
            folder, PART, "area", f"{shorten(repr(area))} is no country", "Give an ISO 3166-1 code: 'USA'."
        )
    if launches not in LAUNCHES:
        what = f"{shorten(repr(launches))} is not one of {', '.join(LAUNCHES)}"
        raise setting_error(folder, PART, "launches", what, "Give one of them.")
    origins = table.get("origins", False)
    if not isinstance(origins, bool):
        what = f"{shorten(repr(origins))} is neither true nor false"
        raise setting_error(folder, PART, "origins", what, "Write true or false, without quotes.")
    return ProgrammeSettings(area=area, launches=launches, origins=origins, **values)

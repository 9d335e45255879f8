"""`[ask.exposure]` of `case.toml`: what could be seen and heard, and what is assumed. `docs/exposure.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from overflight.case import check_keys, setting_error
from overflight.exposure.images import DEFAULT_CLOUD, LEVEL, Cloud
from overflight.exposure.looks import LEAST_DEG
from overflight.exposure.schedule import LEAST_PROBABILITY
from overflight.exposure.sight import Refraction
from overflight.places.sites import Site
from overflight.rows import is_number

PART: Final = "ask.exposure"
# Key, default, lowest, highest. None: not asked for.
_NUMBERS: Final[tuple[tuple[str, float | None, float, float], ...]] = (
    ("min_elevation_deg", None, *LEAST_DEG),
    ("niirs", LEVEL, 0.0, 9.0),
    ("visibility_km", None, 0.1, 300.0),
    ("cloud", None, 0.0, 1.0),
    ("schedule_probability", LEAST_PROBABILITY, 0.001, 1.0),
)
KEYS: Final = (*(row[0] for row in _NUMBERS), "refraction")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSettings:
    """What exposure is told.

    `min_elevation_deg` from which a flight is in view (None: from the horizon); `refraction` of sight;
    `niirs` the grade from which the owner of a site counts, where the site names none of its own or
    `niirs_for_all`; `visibility_km` near the ground (None: nobody gave one); `cloud` the chance that it hides
    a site; `schedule_probability` below which no window is told.
    """

    min_elevation_deg: float | None = None
    refraction: Refraction = "light"
    niirs: float = LEVEL
    visibility_km: float | None = None
    cloud: Cloud = DEFAULT_CLOUD
    schedule_probability: float = LEAST_PROBABILITY
    niirs_for_all: bool = False

    def level(self, site: Site) -> float:
        """Return the grade from which pictures of a site count."""
        return self.niirs if self.niirs_for_all or site.niirs is None else site.niirs


def read_settings(
    table: Mapping[str, Any], folder: Path | None = None, **overrides: float | None
) -> ExposureSettings:
    """Return the settings of an `[ask.exposure]` table; `overrides` that are not None stand in for its keys.

    A `niirs` among the overrides is for all sites, also for those that name their own. Raises CaseError with
    the path of a key that is unknown or has a value that cannot be used.
    """
    check_keys(table, KEYS, PART, folder)
    given = {**table, **{key: value for key, value in overrides.items() if value is not None}}
    values: dict[str, Any] = {}
    for key, default, low, high in _NUMBERS:
        values[key] = _number(given, key, default, low, high, folder)
    chance = values.pop("cloud")
    refraction = given.get("refraction", "light")
    if refraction not in get_args(Refraction):
        raise setting_error(
            folder, PART, "refraction", f"{refraction!r} is unknown", "Use light, radio or geometric."
        )
    return ExposureSettings(
        **values,
        refraction=refraction,
        niirs_for_all=overrides.get("niirs") is not None,
        cloud=DEFAULT_CLOUD if chance is None else Cloud(probability=chance, source="as given by the user"),
    )


def _number(
    given: Mapping[str, Any], key: str, default: float | None, low: float, high: float, folder: Path | None
) -> float | None:
    value = given.get(key, default)
    if value is None:
        return None
    if not is_number(value):
        raise setting_error(folder, PART, key, f"{value!r} is no number", "Give a number.")
    if not low <= value <= high:
        raise setting_error(folder, PART, key, f"{value:g} is outside {low:g} to {high:g}", "")
    return float(value)

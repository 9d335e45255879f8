"""The scenarios that come with the package: TOML files under `overflight/exercises`, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from overflight.errors import InputError
from overflight.rows import nearest, shorten
from overflight.twin.scenario import Scenario, read_scenario

FOLDER: Final = Path(__file__).parents[1] / "exercises"


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the package, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_scenario(name: str) -> Scenario:
    """Return a scenario of the package by name, or of a file by path (ending in `.toml`).

    Raises
    ------
    InputError
        When there is none of that name, or a file is no scenario.
    """
    if name.endswith(".toml"):
        return read_scenario(name)
    if name not in scenario_names():
        raise InputError(
            f"there is no scenario '{shorten(name)}'",
            field="SCENARIO",
            remedy=nearest(name, scenario_names()) or "List them with: overflight exercise --list",
        )
    return read_scenario(FOLDER / f"{name}.toml")

"""docs/nomenclature.md is law: the names in it exist, and no name brings a foreign unit in."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import overflight
from overflight.records import Sighting, make_ensemble
from overflight.winds.grid import Grid

PACKAGE = Path(overflight.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "nomenclature.md").read_text("utf-8")
NAMES = set(re.findall(r"[A-Za-z_]\w*", " ".join(re.findall(r"`([^`]+)`", PAGE))))

# Endings of units that are converted where they come in.
FOREIGN = {"ft", "feet", "kft", "hpa", "mb", "mbar", "kt", "kts", "knot", "knots", "kmh", "kph", "mph"}
FOREIGN |= {
    "nm",
    "nmi",
    "mi",
    "miles",
    "min",
    "mins",
    "minutes",
    "ms",
    "ns",
    "rad",
    "celsius",
    "degc",
    "days",
}
FOREIGN_END = re.compile(rf"_({'|'.join(sorted(FOREIGN))})$")
UNIT = re.compile(r"_(m|km|m2|deg|mps|mps2|pa|k|kgpm3|s|h)$")


def names(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of every argument and annotated field or variable."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.lineno, node.target.id


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_no_argument_or_field_carries_a_foreign_unit(file: Path) -> None:
    # Constants such as FOOT_M are factors to SI and name both sides.
    lower = [(line, name) for line, name in names(file) if not name.isupper()]
    foreign = [f"line {line}: {name}" for line, name in lower if FOREIGN_END.search(name)]
    assert not foreign, f"convert these where they come in (docs/nomenclature.md): {foreign}"


@pytest.mark.parametrize("record", [Sighting, Grid])
def test_every_quantity_of_a_shared_record_is_on_the_page(record: type) -> None:
    quantities = {field.name for field in dataclasses.fields(record) if UNIT.search(field.name)}
    built = {re.sub(r"_(sd|low|high)_", "_", name) for name in quantities}
    assert quantities
    assert built <= NAMES, f"not on the page: {sorted(built - NAMES)}"


def test_every_variable_of_the_ensemble_is_on_the_page() -> None:
    one = np.ones((1, 1))
    flight = make_ensemble(
        kind="twin",
        time_s=[0.0],
        lon_deg=one,
        lat_deg=one,
        alt_m=one,
        pressure_pa=one * 1e4,
        status=one * 0,
    )
    assert set(map(str, flight.variables)) <= NAMES


@pytest.mark.parametrize("module", ["geo", "atmosphere", "times"])
def test_every_quantity_of_the_primitives_is_on_the_page(module: str) -> None:
    used = {re.sub(r"\d", "", name) for _, name in names(PACKAGE / f"{module}.py") if UNIT.search(name)}
    # Which one is meant stands in front, as the page says: observer_alt_m is an alt_m.
    missing = {name for name in used if not any(name == n or name.endswith(f"_{n}") for n in NAMES)}
    private = {"above_base_m"}
    assert not missing - private, f"not on the page: {sorted(missing - private)}"


def test_the_four_altitudes_are_defined_on_the_page() -> None:
    for name in ("alt_m", "alt_msl_m", "geopotential_m", "pressure_alt_m"):
        assert re.search(rf"^\| `{name}` \| m \|", PAGE, re.MULTILINE)

"""Imports point one way: the bands of docs/architecture.md, read from every module's source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import overflight

PACKAGE = Path(overflight.__file__).parent
ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"

# The lowest band, in order: a primitive imports only primitives to its left.
PRIMITIVES = (
    "errors",
    "units",
    "compiled",
    "times",
    "geo",
    "atmosphere",
    "roots",
    "records",
    "words",
    "rows",
    "regions",
    "sun",
)
# Above them, as docs/architecture.md draws it: a part imports only from bands before its own.
BANDS = (
    ("balloons", "places", "case"),
    ("winds", "ledger", "satellites", "sightings"),
    ("trajectories", "exposure"),
    ("reconstruct", "crossings", "custody"),
    ("claims", "programme", "steer", "twin"),
    ("report", "exports"),
    ("pipeline",),
    ("cli",),
)
# The doors to the package: they gather names and start the command line, and no part knows them.
DOORS = ("api", "__main__")

RANK: dict[str, tuple[int, int]] = {
    **{name: (0, order) for order, name in enumerate(PRIMITIVES)},
    **{name: (band, 0) for band, names in enumerate(BANDS, start=1) for name in names},
    **{name: (len(BANDS) + 1, 0) for name in DOORS},
}
HEAVY = ("xarray", "matplotlib", "numba", "pyproj", "shapely", "scipy", "netCDF4", "cfgrib", "zarr", "httpx")


def allowed(importer: str, imported: str) -> bool:
    """Return whether one part may import another: always itself, else only what ranks below it."""
    if importer == imported:
        return True
    band, order = RANK[importer]
    other_band, other_order = RANK[imported]
    return other_band < band or (band == other_band == 0 and other_order < order)


def part_of(module: str) -> str:
    """Return the part that a module of the package belongs to, '' for the package root."""
    return module.split(".")[1] if "." in module else ""


def name_of(file: Path) -> str:
    names = ["overflight", *file.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for each import of the package, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*up, base]).rstrip(".")
            # `from overflight import geo` names a part; `from overflight.geo import x` does not.
            found = [f"{base}.{alias.name}" for alias in node.names] if base == "overflight" else [base]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        else:
            continue
        for name in found:
            if str(name).split(".")[0] == "overflight" and name != "overflight.__version__":
                yield node.lineno, str(name)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: name_of(file))
def test_imports_point_one_way(file: Path) -> None:
    module = name_of(file)
    part = part_of(module)
    assert not part or part in RANK, f"{part} has no band: give it one here and in docs/architecture.md"
    wrong = [
        f"{file.name}:{line} imports {imported}"
        for line, imported in imports(file.read_text("utf-8"), module, file.name == "__init__.py")
        if part_of(imported) not in RANK or not part or not allowed(part, part_of(imported))
    ]
    assert not wrong, f"against the bands of docs/architecture.md: {'; '.join(wrong)}"


def test_the_package_was_read() -> None:
    assert {name_of(file) for file in FILES} >= {"overflight", "overflight.records", "overflight.winds.grid"}


def test_no_part_is_deeper_than_one_folder() -> None:
    assert all(len(file.relative_to(PACKAGE).parts) <= 2 for file in FILES)


def test_the_bands_are_those_of_the_architecture() -> None:
    """The sentence with the arrows and the bands here are the same."""
    text = ARCHITECTURE.read_text("utf-8")
    sentence = re.search(r"primitives →(.+?)\.\s", text, re.DOTALL)
    assert sentence, "docs/architecture.md no longer holds the sentence 'primitives → ...'"
    bands = [set(" ".join(re.findall(r"`([^`]+)`", band)).split()) for band in sentence.group(1).split("→")]
    assert bands == [set(names) for names in BANDS]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_each_primitive_is_in_the_architecture(name: str) -> None:
    assert re.search(rf"\b{name}\b", ARCHITECTURE.read_text("utf-8"))


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [
        ("winds", "winds", True),
        ("winds", "records", True),
        ("winds", "places", True),
        ("winds", "sightings", False),
        ("winds", "reconstruct", False),
        ("places", "case", False),
        ("records", "times", True),
        ("times", "records", False),
        ("errors", "units", False),
        ("cli", "pipeline", True),
        ("pipeline", "cli", False),
        ("report", "exports", False),
        ("cli", "api", False),
        ("api", "pipeline", True),
    ],
)
def test_the_rule_itself(importer: str, imported: str, verdict: bool) -> None:
    assert allowed(importer, imported) is verdict


def test_the_reader_finds_imports_of_every_kind() -> None:
    source = """
import numpy
import overflight.geo as g
from overflight import atmosphere, times
from overflight.winds.grid import Grid
from . import grid
from .grid import Grid
from ..records import Mark
from .. import words
def f():
    from overflight.sightings import kinds
    importlib.import_module("overflight.report")
"""
    found = [name for _, name in imports(source, "overflight.winds.prior")]
    assert sorted(found) == sorted(
        [
            "overflight.geo",
            "overflight.atmosphere",
            "overflight.times",
            "overflight.winds.grid",
            "overflight.winds",
            "overflight.winds.grid",
            "overflight.records",
            "overflight.words",
            "overflight.sightings",
            "overflight.report",
        ]
    )
    assert [n for _, n in imports("from . import grid", "overflight.winds", True)] == ["overflight.winds"]


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_package_root_loads_nothing_heavy() -> None:
    loaded = loaded_after("import overflight")
    assert "overflight" in loaded
    assert not loaded & {*HEAVY, "numpy"}


def test_light_primitives_load_numpy_only() -> None:
    light = [name for name in PRIMITIVES if name not in ("compiled", "geo", "regions", "atmosphere", "sun")]
    loaded = loaded_after("\n".join(f"import overflight.{name}" for name in light))
    assert {"numpy", "overflight.records"} <= loaded
    assert not loaded & set(HEAVY)

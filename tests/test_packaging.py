"""The wheel: it builds, holds all of the package, and runs without the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import overflight

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "overflight"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without the network."""
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as an installation lays it out."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("overflight/")}
    here = {
        path.relative_to(ROOT / "src").as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    for name in (
        "py.typed",
        "examples/2023/sightings.csv",
        "examples/k9yo-15/areas.geojson",
        "templates/case/case.toml",
        "places/data/countries-50m.json",
        "winds/data/prior.npz",
        "report/templates/report.html.j2",
        "report/templates/report.css",
    ):
        assert f"overflight/{name}" in held


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    assert wheel.name == f"overflight-{overflight.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (meta,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        text = archive.read(meta).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in text
    assert "\nRequires-Python: >=3.11\n" in text
    for extra in ("fetch", "test", "lint"):
        assert f"\nProvides-Extra: {extra}\n" in text
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 5_000_000


def run(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python outside the checkout, where `overflight` is what the wheel held."""
    env = {**os.environ, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(installed.parent / "cache")}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=600
    )


def test_the_installed_program_reads_its_own_data(installed: Path, tmp_path: Path) -> None:
    """Template, example, borders, prior and the report's templates, all from the wheel."""
    where = run(installed, tmp_path, "-c", "import overflight; print(overflight.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed)
    assert run(installed, tmp_path, "-m", "overflight", "new", "fresh").returncode == 0
    made = run(installed, tmp_path, "-m", "overflight", "new", "copy", "--example", "k9yo-15")
    assert made.returncode == 0, made.stderr
    done = run(installed, tmp_path, "-m", "overflight", "check", "copy")
    assert done.returncode == 0, done.stderr
    assert "Winds: climatological prior" in done.stdout
    code = (
        "from overflight.places.borders import territorial_sea\n"
        "from overflight.report.page import _environment\n"
        "print(territorial_sea('ISL').id, _environment().get_template('report.html.j2').name)"
    )
    data = run(installed, tmp_path, "-c", code)
    assert data.stdout.split() == ["ISL_sea", "report.html.j2"], data.stderr


@pytest.mark.slow
def test_the_installed_program_assesses_its_example(installed: Path, tmp_path: Path) -> None:
    """Compiles the kernels anew, which takes a minute."""
    words = ["-m", "overflight", "demo", "--example", "k9yo-15", "--members", "64", "--out", "out"]
    done = run(installed, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == str(Path("out") / "report.html")
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000


def test_the_command_and_the_extras_are_declared() -> None:
    assert PROJECT["scripts"] == {"overflight": "overflight.cli:main"}
    for line in PROJECT["dependencies"]:
        assert re.fullmatch(r"[a-z0-9]+>=[\d.]+", line), f"{line}: a floor, and no cap"


def test_the_continuous_run_ends_with_the_tests_of_make() -> None:
    """.ci/run repeats the line of `make test`, so that pytest has the last word."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = re.search(r"^test: .*\n\t\$\(BIN\)/(.+)$", makefile, re.MULTILINE)
    assert recipe
    script = ROOT / ".ci" / "run"
    assert script.read_text("utf-8").rstrip().splitlines()[-1] == f"exec .venv/bin/{recipe[1]}"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], timeout=20).returncode == 0

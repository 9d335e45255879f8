"""docs/sightings.md and docs/case.md name every column, kind, mark and key, with the numbers in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from overflight import case
from overflight.sightings import plausibility, table
from overflight.sightings.kinds import KINDS, P_MISTAKEN

DOCS = Path(__file__).parents[2] / "docs"
SIGHTINGS = (DOCS / "sightings.md").read_text(encoding="utf-8")
CASE = (DOCS / "case.md").read_text(encoding="utf-8")
SOURCES = "".join(Path(str(m.__file__)).read_text(encoding="utf-8") for m in (plausibility, table))
CODES = sorted(set(re.findall(r'Mark\(\s*"(\w+)"', SOURCES)) | {"too_fast", "lat_lon_swapped"})


@pytest.mark.parametrize("name", [*table.REQUIRED, *table.OPTIONAL, *table.ALIASES])
def test_column_is_described(name: str) -> None:
    assert f"`{name}`" in SIGHTINGS


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_described_with_its_numbers(kind: str) -> None:
    info = KINDS[kind]
    assert f"`{kind}`" in SIGHTINGS
    if info.role == "observation":
        (row,) = [line for line in SIGHTINGS.splitlines() if line.startswith(f"| `{kind}` |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        numbers = [0.0 if c == "–" else float(c) for c in cells[4:]]
        assert numbers == [info.p_afar, info.p_time_slip, info.alt_sd_m, info.p_alt_mistaken]


def test_chances_of_being_mistaken_are_described() -> None:
    assert "high 0.01, medium 0.04,\nlow 0.15, unknown 0.08" in SIGHTINGS
    assert dict(P_MISTAKEN) == {"high": 0.01, "medium": 0.04, "low": 0.15, "unknown": 0.08}


def test_marks_were_found() -> None:
    assert len(CODES) >= 12


@pytest.mark.parametrize("code", CODES)
def test_mark_is_described(code: str) -> None:
    assert f"| `{code}` |" in SIGHTINGS


@pytest.mark.parametrize(
    "key",
    [
        *(f"`case.{k}`" for k in case.CASE_KEYS),
        *(f"`winds.{k}`" for k in case.WINDS_KEYS),
        *(f"`inputs.{k}`" for k in case.INPUT_KEYS),
        *(f"`[ask.{p}]`" for p in case.ASK_PARTS),
        *(f"\n{k} = " for k in case.HYPOTHESIS_KEYS),
        *(f"| `{s}` |" for s in case.WIND_SOURCES),
        *(f"`*{s}`" for s in case.WIND_SUFFIXES),
    ],
)
def test_key_of_a_case_is_described(key: str) -> None:
    assert key in CASE

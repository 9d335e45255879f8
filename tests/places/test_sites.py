"""The sites table."""

from __future__ import annotations

from pathlib import Path

import pytest

from overflight.errors import InputError
from overflight.places.sites import parse_sites, read_sites

HEADER = "id,name,lat_deg,lon_deg,alt_m,source"
ROW = "H1,Town hall,45.7833,-108.5007,950,city"


def complaint(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_sites(text, "sites.csv")
    return caught.value


def test_site_is_read() -> None:
    (site,) = parse_sites(f"# places\n{HEADER}\n{ROW}\n", "sites.csv")
    assert (site.id, site.name, site.lat_deg, site.lon_deg, site.alt_m, site.source, site.line) == (
        "H1",
        "Town hall",
        45.7833,
        -108.5007,
        950.0,
        "city",
        3,
    )


def test_altitude_is_optional_and_then_unknown() -> None:
    assert parse_sites(f"{HEADER}\n{ROW.replace('950', '')}\n", "s")[0].alt_m is None
    short = HEADER.replace(",alt_m", "") + "\n" + ROW.replace("950,", "") + "\n"
    assert parse_sites(short, "s")[0].alt_m is None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("45.7833", "145.7833", "lat_deg"),
        ("45.7833", "", "lat_deg"),
        ("-108.5007", "west", "lon_deg"),
        ("950", "99999", "alt_m"),
        ("H1", "a b", "id"),
        ("Town hall", "", "name"),
        ("city", "", "source"),
    ],
)
def test_bad_cell(old: str, new: str, field: str) -> None:
    error = complaint(f"{HEADER}\n{ROW.replace(old, new)}\n")
    assert (error.file, error.line, error.field) == ("sites.csv", 2, field)
    assert error.remedy


def test_missing_column() -> None:
    assert complaint(HEADER.replace("lat_deg", "x") + "\n" + ROW).field == "lat_deg"


def test_doubled_id_names_both_places(tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text(f"{HEADER}\n{ROW}\n{ROW}\n")
    with pytest.raises(InputError, match=r"line 3, field 'id': 'H1' is there already \(sites.csv, line 2\)"):
        read_sites([path])


def test_no_files_no_sites() -> None:
    assert read_sites([]) == ()

"""The sites of a case: places whose line of sight to the balloon the user asks about.

A CSV file with the columns `id, name, lat_deg, lon_deg, alt_m, niirs, source`; `alt_m` may be missing or
empty, and is then unknown, not zero; `niirs` is the grade of pictures from which its owner counts them. The
package carries no sites of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from overflight.rows import Problems, Row, number_in, parse_rows, read_unique, shorten, valid_id

REQUIRED = ("id", "name", "lat_deg", "lon_deg", "source")
OPTIONAL = ("alt_m", "niirs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place. `alt_m` is metres above sea level, taken as above WGS-84 (±107 m); None for unknown."""

    id: str
    name: str
    lon_deg: float
    lat_deg: float
    alt_m: float | None = None
    niirs: float | None = None
    source: str = ""
    file: str = ""
    line: int = 0


def read_sites(paths: Iterable[Path]) -> tuple[Site, ...]:
    """Read sites files in order. Raises InputError as `parse_sites`, and where two sites share an id."""
    return read_unique(paths, parse_sites, "site")


def parse_sites(text: str, file: str) -> tuple[Site, ...]:
    """Parse a sites table; `file` names it in messages.

    Raises InputError that lists every problem (the first 20) with line and field.
    """
    problems = Problems(file)
    rows = parse_rows(text, file, required=REQUIRED, optional=OPTIONAL)
    sites = [_site(row, file, problems) for row in rows]
    problems.raise_any()
    return tuple(site for site in sites if site is not None)


def _site(row: Row, file: str, problems: Problems) -> Site | None:
    before = len(problems.found)
    cells = row.cells
    if not valid_id(cells["id"]):
        problems.add(
            row.line,
            "id",
            f"'{shorten(cells['id'])}' is not an id",
            "Use 1 to 64 letters, digits, '_' or '-'.",
        )
    for name in ("name", "source"):
        if not cells[name]:
            problems.add(
                row.line, name, "is empty", "Say what the place is and where its coordinates are from."
            )
    swapped = "Are lat and lon swapped?"
    lat = number_in(row, "lat_deg", -90.0, 90.0, problems, needed=True, remedy=swapped)
    lon = number_in(row, "lon_deg", -360.0, 360.0, problems, needed=True, remedy=swapped)
    alt = number_in(row, "alt_m", -500.0, 9_000.0, problems)
    niirs = number_in(row, "niirs", 0.0, 9.0, problems)
    if len(problems.found) > before or lat is None or lon is None:
        return None
    return Site(
        id=cells["id"],
        name=cells["name"],
        lon_deg=(lon + 180.0) % 360.0 - 180.0,
        lat_deg=lat,
        alt_m=alt,
        niirs=niirs,
        source=cells["source"],
        file=file,
        line=row.line,
    )

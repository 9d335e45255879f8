"""Reading the sightings of a case, whatever their format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from overflight.errors import InputError
from overflight.records import Sighting
from overflight.rows import check_unique, read_text
from overflight.sightings.geojson import parse_geojson
from overflight.sightings.plausibility import mark_sightings
from overflight.sightings.table import parse_table

PARSERS = {".csv": parse_table, ".geojson": parse_geojson, ".json": parse_geojson}


def read_sightings(
    paths: Iterable[Path], *, time_start: float | None = None, time_end: float | None = None
) -> tuple[Sighting, ...]:
    """Read sightings files (CSV or GeoJSON by their endings), in order, with plausibility marks.

    `time_start` and `time_end` are the case's window in POSIX seconds; rows outside it are marked.

    Raises
    ------
    InputError
        When a file cannot be read or used, or two rows share an id.
    """
    sightings: tuple[Sighting, ...] = ()
    for path in paths:
        parse = PARSERS.get(path.suffix.lower())
        if parse is None:
            raise InputError(
                f"'{path.suffix}' is not a format for sightings",
                file=path.name,
                remedy=f"Use one of {', '.join(PARSERS)}.",
            )
        sightings += parse(read_text(path), path.name)
    check_unique(sightings, "row")
    return mark_sightings(sightings, time_start=time_start, time_end=time_end)

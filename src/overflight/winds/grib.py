"""Gridded wind from GRIB files, editions 1 and 2, through eccodes.

The file is passed over once for the headers: only u, v, temperature and height on pressure levels are
remembered, by place in the file, and only those of the chosen block are unpacked later. Nothing is written
beside the file. Height is geopotential height, or geopotential divided by standard gravity.

Read: regular and regular Gaussian latitude-longitude grids; GFS, GEFS (members by perturbation number),
ECMWF open data, ERA5; one or many runs and steps (time of validity counts; where two runs are valid at
one time the shorter step is taken); u and v packed into one message, as NCEP does.

Left out and counted: statistics over members or over time (means, spreads, maxima). Refused: spectral,
reduced, rotated and projected grids. Tables: WMO Manual on Codes I.2, FM 92 GRIB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

# Before eccodes: each brings its own PROJ, and pyproj crashes when it comes second.
# isort: off
import pyproj  # noqa: F401  # for its side effect
import eccodes

# isort: on
from overflight.atmosphere import STANDARD_GRAVITY_MPS2
from overflight.errors import InputError, LimitError
from overflight.units import HPA_PA
from overflight.winds.messages import split_fields, split_file
from overflight.winds.source import (
    MAX_AXIS,
    MAX_PRESSURE_PA,
    MIN_PRESSURE_PA,
    Float64s,
    Part,
    Source,
    clean_text,
    speed_factor,
)

# GRIB 2 code table 4.2, discipline 0, category 2 (momentum): 2 is u, 3 is v; category 0: 0 is temperature;
# category 3 (mass): 4 is geopotential, 5 geopotential height. Short names for edition 1. The factors make
# kelvins and metres; the unit of wind is looked at.
_G0 = STANDARD_GRAVITY_MPS2
_PARTS_GRIB2: dict[tuple[int, int, int], tuple[Part, float]] = {
    (0, 2, 2): ("u", 1.0), (0, 2, 3): ("v", 1.0),
    (0, 0, 0): ("t", 1.0), (0, 3, 4): ("h", 1.0 / _G0), (0, 3, 5): ("h", 1.0),
}  # fmt: skip
_PARTS_GRIB1: dict[str, tuple[Part, float]] = {
    "u": ("u", 1.0), "v": ("v", 1.0), "t": ("t", 1.0), "z": ("h", 1.0 / _G0), "gh": ("h", 1.0),
}  # fmt: skip
_AIR: tuple[Part, ...] = ("t", "h")
_LEVEL_UNITS = {"isobaricInhPa": HPA_PA, "isobaricInPa": 1.0}
# Templates 4.0 and 4.1: a deterministic field and a member, at one instant; 4.60, 4.61 are reforecasts.
_INSTANT_TEMPLATES = (0, 1, 60, 61)
_GRIDS = ("regular_ll", "regular_gg")
# A year of hourly winds on 37 levels has 650 000; a file with more is not for one flight.
_MAX_FIELDS = 2_000_000

_GEOMETRY = (
    "gridType",
    "Ni",
    "Nj",
    "latitudeOfFirstGridPointInDegrees",
    "latitudeOfLastGridPointInDegrees",
    "longitudeOfFirstGridPointInDegrees",
    "longitudeOfLastGridPointInDegrees",
    "iScansNegatively",
    "jScansPositively",
    "jPointsAreConsecutive",
    "alternativeRowScanning",
    "numberOfDataPoints",
)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field in the file: what it is, and its message's offset and number in that message."""

    part: Part
    time_s: float
    pressure_pa: float
    member: int | None
    step: int
    offset: int
    sub: int
    factor: float
    geometry: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Scan:
    """What the pass over the headers found."""

    fields: tuple[_Field, ...]
    geometry: tuple[Any, ...]
    lat_deg: Float64s
    centre: str
    left_out: int


@contextmanager
def open_grib(path: Path) -> Iterator[Source]:
    """Open a GRIB file of gridded wind on pressure levels.

    Raises
    ------
    InputError
        When it is truncated or damaged, or holds no u and v on pressure levels of one regular grid.
    """
    try:
        yield _source(path, _scan(path))
    except eccodes.CodesInternalError as error:
        raise InputError(
            f"a GRIB message cannot be unpacked ({clean_text(error)})",
            file=path.name,
            remedy="Fetch it again.",
        ) from error


def _scan(path: Path) -> _Scan:
    fields: list[_Field] = []
    geometry: tuple[Any, ...] | None = None
    lat, centre, left_out = np.empty(0), "", 0
    with path.open("rb") as stream:
        for handle, offset, sub in _handles(stream, path.name):
            what = _part(handle)
            if what is None:
                continue
            part, factor = what
            is_wind = part in ("u", "v")
            if not _is_instant(handle):
                left_out += is_wind
                continue
            if not is_wind:
                fields.append(_field(handle, part, factor, offset, sub, path.name))
                continue
            if geometry is None:
                geometry = _checked_geometry(handle, path.name)
                lat, centre = _latitudes(handle, geometry), str(_get(handle, "centre", ""))
            elif geometry != _geometry(handle):
                raise InputError(
                    f"the fields stand on different grids ({_words(geometry)}; {_words(_geometry(handle))})",
                    file=path.name,
                    remedy="Split the file by grid and give one of them.",
                )
            fields.append(_field(handle, part, factor, offset, sub, path.name))
    if geometry is None:
        raise InputError(
            "the GRIB file holds no u or v on pressure levels",
            file=path.name,
            remedy="Ask the supplier for UGRD and VGRD (short names u and v) on isobaric levels.",
        )
    # Temperature and height on another grid than the wind's are of no use beside it.
    kept = tuple(f for f in fields if f.geometry == geometry)
    return _Scan(kept, geometry, lat, centre, left_out)


def _handles(stream: IO[bytes], file: str) -> Iterator[tuple[Any, int, int]]:
    """Yield every field of the file with its message's offset and its number in that message."""
    count = 0
    for offset, message in split_file(stream, file):
        for sub, content in enumerate(split_fields(message, file)):
            count += 1
            if count > _MAX_FIELDS:
                raise LimitError(
                    f"more than {_MAX_FIELDS} fields",
                    where=file,
                    remedy="Cut the file to the period of the flight.",
                )
            with _decoded(content) as handle:
                yield handle, offset, sub


@contextmanager
def _decoded(content: bytes) -> Iterator[Any]:
    handle = eccodes.codes_new_from_message(content)
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


def _get(handle: Any, key: str, default: Any = None) -> Any:
    try:
        return eccodes.codes_get(handle, key)
    except eccodes.KeyValueNotFoundError:
        return default


def _part(handle: Any) -> tuple[Part, float] | None:
    if _get(handle, "typeOfLevel") not in _LEVEL_UNITS:
        return None
    if _get(handle, "edition") == 1:
        return _PARTS_GRIB1.get(str(_get(handle, "shortName")))
    keys = ("discipline", "parameterCategory", "parameterNumber")
    return _PARTS_GRIB2.get(tuple(_get(handle, key, -1) for key in keys))


def _is_instant(handle: Any) -> bool:
    if _get(handle, "edition") == 1:
        return bool(_get(handle, "stepType", "instant") == "instant")
    return _get(handle, "productDefinitionTemplateNumber") in _INSTANT_TEMPLATES


def _field(handle: Any, part: Part, factor: float, offset: int, sub: int, file: str) -> _Field:
    kind = str(_get(handle, "typeOfLevel"))
    pressure = float(eccodes.codes_get(handle, "level")) * _LEVEL_UNITS[kind]
    if not MIN_PRESSURE_PA <= pressure <= MAX_PRESSURE_PA:
        raise InputError(f"a field stands at {pressure:g} Pa", file=file, field="level")
    if part in ("u", "v"):
        factor, _ = speed_factor(_get(handle, "units"), file=file, name=part)
    member = _get(handle, "perturbationNumber", _get(handle, "number"))
    return _Field(
        part,
        _valid_time(handle, file),
        pressure,
        None if member is None else int(member),
        int(_get(handle, "endStep", 0)),
        offset,
        sub,
        factor,
        _geometry(handle),
    )


def _valid_time(handle: Any, file: str) -> float:
    day, clock = (int(eccodes.codes_get(handle, key)) for key in ("validityDate", "validityTime"))
    try:
        moment = datetime(day // 10000, day // 100 % 100, day % 100, clock // 100, clock % 100, tzinfo=UTC)
    except ValueError as error:
        raise InputError(
            f"a field is valid at {day} {clock:04d}, which is no date", file=file, field="validityDate"
        ) from error
    return moment.timestamp()


def _geometry(handle: Any) -> tuple[Any, ...]:
    return tuple(_get(handle, key) for key in _GEOMETRY)


def _words(geometry: tuple[Any, ...]) -> str:
    return f"{geometry[0]} {geometry[1]} × {geometry[2]}"


def _checked_geometry(handle: Any, file: str) -> tuple[Any, ...]:
    geometry = _geometry(handle)
    kind, columns, rows = geometry[:3]
    if kind not in _GRIDS:
        raise InputError(
            f"the wind stands on a grid of type '{kind}'",
            file=file,
            remedy="Ask for a regular latitude-longitude grid, or `cdo remapbil,r1440x721 IN OUT`.",
        )
    if None in geometry or not 1 <= columns <= MAX_AXIS or not 1 <= rows <= MAX_AXIS:
        raise InputError(
            f"the header claims {columns} × {rows} nodes",
            file=file,
            remedy="The file is damaged: fetch it again.",
        )
    if geometry[-2]:
        raise InputError("rows are scanned in alternating directions", file=file, remedy="Regrid the file.")
    return geometry


def _latitudes(handle: Any, geometry: tuple[Any, ...]) -> Float64s:
    """Return the rows in the file's order."""
    if geometry[0] == "regular_gg":
        lat = np.sort(np.asarray(eccodes.codes_get_array(handle, "distinctLatitudes"), dtype=float))
        return lat if geometry[8] else lat[::-1].copy()
    return np.linspace(geometry[3], geometry[4], geometry[2])


def _longitudes(geometry: tuple[Any, ...]) -> Float64s:
    """Return the columns in the file's order."""
    first, last = geometry[5], geometry[6]
    if geometry[7] and last > first:
        last -= 360.0
    elif not geometry[7] and last < first:
        last += 360.0
    return np.linspace(first, last, geometry[1])


def _source(path: Path, scan: _Scan) -> Source:
    fields, notes = _one_each(scan, path.name)
    wind = [f for f in fields.values() if f.part in ("u", "v")]
    members = tuple(sorted({f.member for f in wind if f.member is not None}))
    times = np.array(sorted({f.time_s for f in wind}))
    levels = np.array(sorted({f.pressure_pa for f in wind}))
    for part in ("u", "v"):
        if not any(f.part == part for f in fields.values()):
            raise InputError(
                f"the GRIB file holds no {part} on pressure levels, only the other component",
                file=path.name,
                remedy="Ask the supplier for both UGRD and VGRD (short names u and v).",
            )
    holes = 2 * times.size * levels.size * max(len(members), 1) - len(wind)
    if holes:
        notes.append(f"{holes} combinations of time, level and component are not in the file: left missing")
    if scan.left_out:
        notes.append(f"{scan.left_out} fields of means, spreads or extremes left out")
    return Source(
        file=path.name,
        format="GRIB",
        naming=f"{scan.centre or 'unknown centre'}: u, v on {_words(scan.geometry)}",
        time_s=times,
        pressure_pa=levels,
        lat_deg=scan.lat_deg,
        lon_deg=_longitudes(scan.geometry),
        air=tuple(part for part in _AIR if any(f.part == part for f in fields.values())),
        members=members,
        read=_reader(path, fields, times, levels, members, scan.geometry),
        read_cost=16 * int(scan.geometry[1]) * int(scan.geometry[2]),
        notes=tuple(notes),
        attrs={"centre": scan.centre},
    )


_Key = tuple[str, float, float, int | None]


def _one_each(scan: _Scan, file: str) -> tuple[dict[_Key, _Field], list[str]]:
    """Keep one field for each component, time, level and member: that of the shortest step."""
    kept: dict[_Key, _Field] = {}
    for field in sorted(scan.fields, key=lambda f: (f.step, f.offset, f.sub)):
        kept.setdefault((field.part, field.time_s, field.pressure_pa, field.member), field)
    notes = []
    twice = sum(f.part in ("u", "v") for f in scan.fields) - sum(f.part in ("u", "v") for f in kept.values())
    if twice:
        notes.append(f"{twice} fields valid at the same time from longer steps left out")
    kinds = {field.member is None for field in kept.values() if field.part in ("u", "v")}
    if len(kinds) == 2:
        raise InputError(
            "the file mixes members of an ensemble with a deterministic run",
            file=file,
            remedy="Split it, such as `grib_copy -w type=pf IN OUT`, and give one of them.",
        )
    return kept, notes


def _reader(
    path: Path,
    fields: dict[_Key, _Field],
    time_s: Float64s,
    pressure_pa: Float64s,
    members: tuple[int, ...],
    geometry: tuple[Any, ...],
) -> Any:
    """Return the `ReadBlock` of a GRIB file; fields that are not there are NaN."""

    def read(
        part: Part, member: int | None, times: slice, levels: slice, rows: slice, columns: slice
    ) -> Float64s:
        label = None if member is None else members[member]
        blocks = np.full(
            (
                len(time_s[times]),
                len(pressure_pa[levels]),
                len(range(geometry[2])[rows]),
                len(range(geometry[1])[columns]),
            ),
            np.nan,
        )
        with path.open("rb") as stream:
            for i, moment in enumerate(time_s[times]):
                for j, pressure in enumerate(pressure_pa[levels]):
                    field = fields.get((part, float(moment), float(pressure), label))
                    if field is not None:
                        blocks[i, j] = _unpacked(stream, field, geometry, path.name)[rows, columns]
        return blocks

    return read


def _unpacked(stream: IO[bytes], field: _Field, geometry: tuple[Any, ...], file: str) -> Float64s:
    """Return one field as (rows, columns) in m/s, NaN where its bitmap says missing."""
    for _, message in split_file(stream, file, field.offset):
        content = split_fields(message, file)[field.sub]
        with _decoded(content) as handle:
            return _values(handle, geometry, file) * field.factor
    raise InputError("the file changed while it was read", file=file, remedy="Read it again.")


def _values(handle: Any, geometry: tuple[Any, ...], file: str) -> Float64s:
    columns, rows = geometry[1], geometry[2]
    count = eccodes.codes_get_size(handle, "values")
    if count != columns * rows:
        raise InputError(
            f"a field holds {count} values for {columns} × {rows} nodes",
            file=file,
            remedy="Fetch it again.",
        )
    values = np.array(eccodes.codes_get_values(handle), dtype=np.float64)
    if _get(handle, "bitmapPresent", 0):
        values[values == eccodes.codes_get(handle, "missingValue")] = np.nan
    return values.reshape(columns, rows).T if geometry[9] else values.reshape(rows, columns)

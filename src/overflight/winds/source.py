"""An opened file of gridded wind, before any wind is read; what all its formats have in common.

A reader (`netcdf.py`, `grib.py`) opens a file and returns a `Source`: the axes as they stand in the file,
in our units, and a function that reads one block. `gridded.py` chooses the block and builds the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.units import HOUR_S, HPA_PA, KNOT_MPS

Float64s = npt.NDArray[np.float64]
Part = Literal["u", "v"]
# part, member (an index, None where the file has no members), times, levels, rows, columns (raw order)
# -> (t, l, y, x) in m/s, NaN where missing.
ReadBlock = Callable[[Part, int | None, slice, slice, slice, slice], Float64s]

# Factors to SI by the names that units go by, lower case without blanks, dots and stars.
SPEED_UNITS: dict[str, float] = {
    **dict.fromkeys(("ms-1", "m/s", "m/sec", "ms^-1", "meters/second", "metres/second", "meter/second"), 1.0),
    **dict.fromkeys(("meterspersecond", "metrespersecond", "mps", "meterpersecond", "metrepersecond"), 1.0),
    **dict.fromkeys(("knot", "knots", "kt", "kts", "kn", "kt_us"), KNOT_MPS),
    **dict.fromkeys(("km/h", "kmh-1", "km/hr", "kph"), 1000.0 / HOUR_S),
    **dict.fromkeys(("cms-1", "cm/s"), 0.01),
}
PRESSURE_UNITS: dict[str, float] = {
    **dict.fromkeys(("hpa", "hectopascal", "hectopascals", "mb", "mbar", "millibar", "millibars"), HPA_PA),
    **dict.fromkeys(("pa", "pascal", "pascals"), 1.0),
    **dict.fromkeys(("kpa", "kilopascal", "kilopascals"), 1000.0),
}

# No analysis has had faster winds below 80 km; a greater value is an undeclared fill value or a wrong unit.
MAX_SPEED_MPS = 350.0
# The highest surface pressure on record is below 109 kPa; models put levels up to 1050 hPa.
MAX_PRESSURE_PA = 110_000.0
MIN_PRESSURE_PA = 0.1
# The longest axis of any global analysis has some ten thousand nodes; more is damage or malice.
MAX_AXIS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Axes of an opened file in raw order and our units, and how to read a block of it.

    `members` holds the labels of an ensemble's members, empty where the file is none. `read_cost` is the
    memory in bytes that the format needs beside the block (a compressed chunk is unpacked as a whole).
    """

    file: str
    format: str
    naming: str
    time_s: Float64s
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    read: ReadBlock
    members: tuple[int, ...] = ()
    read_cost: int = 0
    notes: tuple[str, ...] = ()
    attrs: Mapping[str, str] = field(default_factory=dict)


def plain_unit(unit: object) -> str:
    """Return a unit's name in the form that the tables of units are keyed by."""
    return "".join(c for c in str(unit).lower() if c not in " .*_()") if unit is not None else ""


def speed_factor(unit: object, *, file: str, name: str) -> tuple[float, str]:
    """Return the factor to m/s, and a note when the file names no unit.

    Raises
    ------
    InputError
        When the unit is not one of a speed.
    """
    key = plain_unit(unit)
    if key in SPEED_UNITS:
        factor = SPEED_UNITS[key]
        return factor, "" if factor == 1.0 else f"{name} converted from {unit}"
    if key in ("", "1", "none", "unknown"):
        return 1.0, f"{name} names no unit: taken as m/s"
    raise InputError(
        f"the unit is '{unit}', which is not a speed",
        file=file,
        field=name,
        remedy="Set the variable's units attribute to 'm s-1' (or 'knots') if that is what it holds.",
    )


def pressures_pa(values: Float64s, unit: object, *, file: str, name: str) -> tuple[Float64s, str]:
    """Convert a level axis to pascals; a note tells what was assumed.

    Without a unit, values up to 1100 are hectopascals and larger ones pascals, unless they count 1, 2, 3
    as model levels do. With a unit the values must be possible: 850 and 925 are standard levels in
    hectopascals, so an axis in 'Pa' that holds them was labelled wrongly.

    Raises
    ------
    InputError
        When the levels are not pressures, or their unit cannot be right.
    """
    key = plain_unit(unit)
    note = ""
    if key in PRESSURE_UNITS:
        factor = PRESSURE_UNITS[key]
    elif key in ("", "1", "none", "unknown", "level", "levels"):
        if values.size > 2 and np.all(np.abs(np.diff(values)) == 1.0):
            raise _not_pressure(file, name, "counts 1, 2, 3 without a unit, as model levels do")
        factor = HPA_PA if values.max() <= 1100.0 else 1.0
        note = f"{name} names no unit: taken as {'hPa' if factor == HPA_PA else 'Pa'}"
    else:
        raise _not_pressure(file, name, f"has the unit '{unit}'")
    if factor == 1.0 and np.isin(values, (850.0, 925.0)).any():
        raise _not_pressure(file, name, "says Pa but holds the standard levels of hPa", swapped=True)
    pressure = values * factor
    if pressure.min() < MIN_PRESSURE_PA or pressure.max() > MAX_PRESSURE_PA:
        raise _not_pressure(
            file, name, f"runs from {values.min():g} to {values.max():g} {unit or ''}".rstrip(), swapped=True
        )
    return pressure, note


def _not_pressure(file: str, name: str, what: str, *, swapped: bool = False) -> InputError:
    remedy = (
        "Set the axis' units attribute to what it holds, 'hPa' or 'Pa'."
        if swapped
        else "Ask for the same data on pressure levels, with units 'hPa' or 'Pa' on the axis."
    )
    return InputError(f"the level axis {what}; it must be pressure", file=file, field=name, remedy=remedy)


def checked_axis(values: Float64s, *, file: str, name: str) -> Float64s:
    """Return the axis as float64, refusing one that is empty, not one-dimensional, or not finite."""
    axis = np.asarray(values, dtype=np.float64)
    if axis.ndim != 1 or axis.size == 0:
        raise InputError(
            f"the axis has shape {axis.shape}; it must be one-dimensional and not empty",
            file=file,
            field=name,
            remedy="Regrid to a regular latitude-longitude grid.",
        )
    if not np.isfinite(axis).all():
        raise InputError("the axis holds values that are not finite", file=file, field=name)
    return axis


def clean_text(value: object, limit: int = 200) -> str:
    """Return a file's attribute as one short printable line."""
    text = " ".join(str(value).split())
    return "".join(c for c in text if c.isprintable())[:limit]

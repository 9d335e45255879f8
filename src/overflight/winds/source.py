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

from overflight.atmosphere import STANDARD_GRAVITY_MPS2, pressure_alt_m
from overflight.errors import InputError
from overflight.units import HOUR_S, HPA_PA, KNOT_MPS, ZERO_CELSIUS_K

Float64s = npt.NDArray[np.float64]
# Wind towards east and north, temperature, geopotential height, and the spread that is stated of the wind.
Part = Literal["u", "v", "t", "h", "u_sd", "v_sd"]
# part, member (an index, None where the file has no members), times, levels, rows, columns (raw order)
# -> (t, l, y, x) in m/s, K or m, NaN where missing.
ReadBlock = Callable[[Part, int | None, slice, slice, slice, slice], Float64s]

# Factors to SI by the names that units go by, lower case without blanks, dots and stars.
SPEED_UNITS: dict[str, float] = {
    **dict.fromkeys(("ms-1", "m/s", "m/sec", "ms^-1", "meters/second", "metres/second", "meter/second"), 1.0),
    **dict.fromkeys(("meterspersecond", "metrespersecond", "mps", "meterpersecond", "metrepersecond"), 1.0),
    **dict.fromkeys(("knot", "knots", "kt", "kts", "kn", "kt_us"), KNOT_MPS),
    **dict.fromkeys(("km/h", "kmh-1", "km/hr", "kph"), 1000.0 / HOUR_S),
    **dict.fromkeys(("cms-1", "cm/s"), 0.01),
}
# Of temperature, with what is added after; of height, where a geopotential is divided by standard gravity.
TEMPERATURE_UNITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("k", "kelvin", "degk", "degreesk"), (1.0, 0.0)),
    **dict.fromkeys(("c", "degc", "°c", "celsius", "degreecelsius", "degreescelsius"), (1.0, ZERO_CELSIUS_K)),
}
HEIGHT_UNITS: dict[str, float] = {
    **dict.fromkeys(("m", "gpm", "meter", "meters", "metre", "metres", "geopotentialmeter"), 1.0),
    **dict.fromkeys(("geopotentialmetre", "geopotentialmeters", "geopotentialmetres"), 1.0),
    **dict.fromkeys(("m2s-2", "m^2s^-2", "m2/s2", "m^2/s^2", "jkg-1", "j/kg"), 1.0 / STANDARD_GRAVITY_MPS2),
    **dict.fromkeys(("dam", "gpdam"), 10.0),
    **dict.fromkeys(("km", "gpkm"), 1000.0),
}
PRESSURE_UNITS: dict[str, float] = {
    **dict.fromkeys(("hpa", "hectopascal", "hectopascals", "mb", "mbar", "millibar", "millibars"), HPA_PA),
    **dict.fromkeys(("pa", "pascal", "pascals"), 1.0),
    **dict.fromkeys(("kpa", "kilopascal", "kilopascals"), 1000.0),
}

# No analysis has had faster winds below 80 km; a greater value is an undeclared fill value or a wrong unit.
MAX_SPEED_MPS = 350.0
# The polar winter stratosphere falls to 170 K and the mesopause to 130; the hottest air is near the ground.
TEMPERATURE_RANGE_K = (110.0, 400.0)
# The highest surface pressure on record is below 109 kPa; models put levels up to 1050 hPa.
MAX_PRESSURE_PA = 110_000.0
MIN_PRESSURE_PA = 0.1
# How the provenance of a grid begins that holds the mean and the spread of an ensemble's members.
AVERAGED = "mean and standard deviation of "
# What it says of a spread that is all that the wind may be wrong by.
WHOLE_ERROR = "the whole error of the wind"
# The longest axis of any global analysis has some ten thousand nodes; more is damage or malice.
MAX_AXIS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Axes of an opened file in raw order and our units, and how to read a block of it.

    `members` holds the labels of an ensemble's members, empty where the file is none. `read_cost` is the
    memory in bytes that the format needs beside the block (a compressed chunk is unpacked as a whole).
    `air` names what there is beside the wind: "t" and "h". With `spread` the file states the spread of u and
    v; `averaged` says of how many members that is, empty where it is not that of an ensemble, and with
    `whole_error` the file says that it is all that the wind may be wrong by.
    """

    file: str
    format: str
    naming: str
    time_s: Float64s
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    read: ReadBlock
    air: tuple[Part, ...] = ()
    spread: bool = False
    averaged: str = ""
    whole_error: bool = False
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


def air_scale(part: Part, unit: object, *, file: str, name: str) -> tuple[float, float, str]:
    """Return factor and offset to kelvins or metres, and a note when the file names no unit.

    Without a unit a temperature is taken as kelvins and a height as metres, but a variable called 'z' or
    'geopotential' as m² s⁻².

    Raises
    ------
    InputError
        When the unit is not one of a temperature or a height.
    """
    key = plain_unit(unit)
    if key in ("", "1", "none", "unknown"):
        divided = part == "h" and name.lower() in ("z", "geopotential")
        words = "K" if part == "t" else "m² s⁻²" if divided else "m"
        return 1.0 / STANDARD_GRAVITY_MPS2 if divided else 1.0, 0.0, f"{name} names no unit: taken as {words}"
    if part == "t" and key in TEMPERATURE_UNITS:
        return *TEMPERATURE_UNITS[key], ""
    if part == "h" and key in HEIGHT_UNITS:
        return HEIGHT_UNITS[key], 0.0, ""
    kind, good = ("temperature", "'K'") if part == "t" else ("geopotential height", "'m' or 'm2 s-2'")
    raise InputError(
        f"the unit is '{unit}', which is not one of {kind}",
        file=file,
        field=name,
        remedy=f"Set the variable's units attribute to {good} if that is what it holds.",
    )


def check_values(part: Part, values: Float64s, pressure_pa: Float64s, file: str) -> None:
    """Refuse a block (t, l, y, x) whose values cannot be what they are called.

    Heights may differ from the standard's at their pressure by a fifth and 2 km; air never does.

    Raises
    ------
    InputError
        When a value is impossible: an undeclared fill value or a wrong unit.
    """
    if part in ("u", "v"):
        top = float(np.max(np.abs(values), where=~np.isnan(values), initial=0.0))
        if top > MAX_SPEED_MPS:
            raise _impossible(f"a wind of {top:g} m/s", file, part)
        return
    if part in ("u_sd", "v_sd"):
        beyond = values[(values < 0.0) | (values > MAX_SPEED_MPS)]
        if beyond.size:
            raise _impossible(f"a spread of {beyond[0]:g} m/s", file, part)
        return
    known = ~np.isnan(values)
    if part == "t":
        low, high = (np.full(1, x) for x in TEMPERATURE_RANGE_K)
    else:
        standard = pressure_alt_m(pressure_pa)
        # Beyond the standard, above 86 km, nothing is known to compare with.
        room = 2000.0 + 0.2 * np.abs(standard)
        low, high = np.nan_to_num(standard - room, nan=-np.inf), np.nan_to_num(standard + room, nan=np.inf)
    wrong = known & ~((values >= low[:, None, None]) & (values <= high[:, None, None]))
    if wrong.any():
        value = float(values[wrong][0])
        name = f"a temperature of {value:g} K" if part == "t" else f"a geopotential height of {value:g} m"
        level = float(np.broadcast_to(pressure_pa[:, None, None], values.shape)[wrong][0])
        raise _impossible(
            f"{name} at {level / HPA_PA:g} hPa", file, "temperature" if part == "t" else "height"
        )


def _impossible(what: str, file: str, field: str) -> InputError:
    return InputError(
        f"{what} is impossible",
        file=file,
        field=field,
        remedy="Declare the fill value as _FillValue, or correct the unit of the variable.",
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

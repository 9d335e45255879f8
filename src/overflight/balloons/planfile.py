"""Flight plans as TOML: stages of terms and stops, named as in `terms` and `stops`.

::

    name = "up, two days afloat, down"

    [[stage]]
    name = "climb"
    terms = [{ type = "ascent", rate_mps = 5.0 }]
    stops = [{ type = "altitude_above", alt_m = 18000 }]

    [[stage]]
    terms = [{ type = "constant_density" }]
    stops = [{ type = "duration", duration_s = 172800 }]

    [[stage]]
    terms = [{ type = "parachute", sea_level_mps = 5.0 }]
    stops = [{ type = "ground" }]

Keys are the fields of the records, in SI units; times are TOML times with an offset or ISO 8601 text. Beside
the stages a plan has `name`, `ballast_kg` and `energy_j`. The stop `Signed` is a function and has no place in
a file. An unknown key is an error that names its path.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from overflight.balloons import stops, terms
from overflight.balloons.stops import Stop
from overflight.balloons.terms import Flight, Stage, Term
from overflight.errors import InputError
from overflight.rows import nearest, read_text, shorten
from overflight.times import from_datetime, parse_utc

MOST_STAGES: Final = 50
MOST_PARTS: Final = 20
PLAN_KEYS: Final = ("name", "ballast_kg", "energy_j", "stage")
STAGE_KEYS: Final = ("name", "terms", "stops")


def snake(name: str) -> str:
    """Return the name of a record as a plan has it: 'ConstantPressure' is 'constant_pressure'."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


TERMS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        snake(kind.__name__): kind
        for kind in (
            terms.ConstantPressure, terms.ConstantDensity, terms.ConstantTheta, terms.ConstantHeight,
            terms.Ascent, terms.Descent, terms.Parachute, terms.FreeLift, terms.ZeroPressure,
            terms.SolarHotAir, terms.Leak, terms.AltitudeControl, terms.Propulsion,
        )
    }
)  # fmt: skip
STOPS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        snake(kind.__name__): kind
        for kind in (
            stops.AltitudeAbove, stops.AltitudeBelow, stops.PressureAbove, stops.PressureBelow,
            stops.DensityBelow, stops.Ground, stops.Duration, stops.At, stops.SunAbove, stops.SunBelow,
            stops.StoreEmpty,
        )
    }
)  # fmt: skip


def read_plan(path: str | Path) -> Flight:
    """Read a flight plan.

    Raises
    ------
    InputError
        When the file cannot be read or is no plan; the message names the key.
    """
    path = Path(path)
    return parse_plan(read_text(path), file=path.name)


def parse_plan(text: str, *, file: str = "plan.toml") -> Flight:
    """Parse the text of a flight plan; see `read_plan`."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not TOML ({shorten(str(error))})", file=file, remedy="See docs/forecast.md for a plan."
        ) from error
    _known(data, PLAN_KEYS, file, "")
    rows = _list(data, "stage", file, "", MOST_STAGES)
    if not rows:
        raise InputError(
            "the plan has no stage", file=file, field="stage", remedy="Write one [[stage]] at least."
        )
    stages = tuple(_stage(row, file, f"stage[{i}]") for i, row in enumerate(rows, 1))
    store = tuple(_number(data, key, file) for key in ("ballast_kg", "energy_j"))
    flight: Flight = _made(Flight, file, "", stages, (*store, 0.0), _word(data, "name", file, ""))
    return flight


def build_term(kind: str, values: Mapping[str, Any], *, file: str = "", where: str = "") -> Term:
    """Return the term of a name with some of its fields.

    Raises
    ------
    InputError
        When there is no such term or field, or a value cannot be.
    """
    term: Term = _record(TERMS, kind, values, file, where)
    return term


def _stage(row: Mapping[str, Any], file: str, where: str) -> Stage:
    _known(row, STAGE_KEYS, file, where)
    made: dict[str, list[Any]] = {"terms": [], "stops": []}
    for key, kinds in (("terms", TERMS), ("stops", STOPS)):
        for i, part in enumerate(_list(row, key, file, where, MOST_PARTS), 1):
            at = f"{where}.{key}[{i}]"
            kind = part.get("type")
            if not isinstance(kind, str):
                raise InputError(
                    "has no type", file=file, field=f"{at}.type", remedy=f"Give one of {', '.join(kinds)}."
                )
            values = {name: value for name, value in part.items() if name != "type"}
            made[key].append(_record(kinds, kind, values, file, at))
    own_terms: tuple[Term, ...] = tuple(made["terms"])
    own_stops: tuple[Stop, ...] = tuple(made["stops"])
    stage: Stage = _made(Stage, file, where, own_terms, own_stops, _word(row, "name", file, where))
    return stage


def _record(
    kinds: Mapping[str, type[Any]], kind: str, values: Mapping[str, Any], file: str, where: str
) -> Any:
    if kind not in kinds:
        hint = nearest(kind, tuple(kinds)) or f"Give one of {', '.join(kinds)}."
        raise InputError(
            f"'{shorten(kind)}' is not known", file=file, field=_path(where, "type"), remedy=hint
        )
    record = kinds[kind]
    names = {one.name: one for one in fields(record)}
    _known(values, tuple(names), file, where)
    for name, one in names.items():
        if name not in values and _required(one):
            raise InputError(
                "is missing", file=file, field=_path(where, name), remedy=f"'{kind}' needs a {name}."
            )
    settled = {name: _value(name, value, file, _path(where, name)) for name, value in values.items()}
    return _made(record, file, where, **settled)


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _made(record: type[Any], file: str, where: str, *parts: Any, **named: Any) -> Any:
    """Make a record; what it refuses is told with the path of the key."""
    try:
        return record(*parts, **named)
    except InputError as error:
        field = _path(where, error.field or error.where)
        raise InputError(error.what, file=file, field=field, remedy=error.remedy) from error


def _value(name: str, value: Any, file: str, where: str) -> Any:
    """Return a value of TOML as the record takes it."""
    if name == "time_s":
        return _time_s(value, file, where)
    if name == "toward":
        if not (isinstance(value, list) and len(value) == 2):
            raise InputError(
                "is no place", file=file, field=where, remedy="Write [longitude, latitude], degrees."
            )
        return tuple(value)
    if name == "target" and isinstance(value, list):
        return tuple(_command(one, file, f"{where}[{i}]") for i, one in enumerate(value, 1))
    return value


def _command(one: Any, file: str, where: str) -> tuple[float, Any]:
    if not (isinstance(one, list) and len(one) == 2):
        raise InputError(
            "is no command", file=file, field=where, remedy="Write [2023-01-28T06:00:00Z, 18000]."
        )
    return _time_s(one[0], file, where), one[1]


def _time_s(value: Any, file: str, where: str) -> float:
    try:
        if isinstance(value, dt.datetime):
            return from_datetime(value)
        if isinstance(value, str):
            return parse_utc(value)
    except InputError as error:
        raise InputError(error.what, file=file, field=where, remedy=error.remedy) from error
    raise InputError(
        f"{shorten(repr(value))} is no time",
        file=file,
        field=where,
        remedy="Write a time with its zone, such as 2023-01-28T06:00:00Z.",
    )


def _list(table: Mapping[str, Any], key: str, file: str, where: str, most: int) -> list[Mapping[str, Any]]:
    rows = table.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            "is no list of tables", file=file, field=_path(where, key), remedy="See docs/forecast.md."
        )
    if len(rows) > most:
        raise InputError(f"has {len(rows)} entries; the limit is {most}", file=file, field=_path(where, key))
    return rows


def _word(table: Mapping[str, Any], key: str, file: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise InputError("is no text", file=file, field=_path(where, key), remedy="Put it in quotes.")
    return shorten(value)


def _number(table: Mapping[str, Any], key: str, file: str) -> float:
    value = table.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(
            f"{shorten(repr(value))} is no number", file=file, field=key, remedy="Write a number."
        )
    return float(value)


def _known(table: Mapping[str, Any], names: tuple[str, ...], file: str, where: str) -> None:
    for name in table:
        if name not in names:
            hint = nearest(name, names) or f"Known here are: {', '.join(names) or 'none'}."
            raise InputError("is not a known key", file=file, field=_path(where, shorten(name)), remedy=hint)


def _path(where: str, key: str) -> str:
    return ".".join(part for part in (where, key) if part)

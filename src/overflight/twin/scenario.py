"""A scenario: everything an exercise is made from, but its seed. TOML, as `docs/exercises.md` lists it.

A scenario names what flies (of the twin, or invented), who watches and how they err, what winds the analyst
gets, what is claimed, and what becomes of the recorder. Hours count from the start of the exercise for
flights and observers' gates, from the start of a flight for what belongs to it. Places are fixed, or hang on
the true path of the subject, which the seed's weather decides.
"""

from __future__ import annotations

import datetime as dt
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from overflight.balloons.limits import one_of, within, within_or_none
from overflight.custody.links import SERVICES
from overflight.custody.storage import POLICIES
from overflight.errors import InputError
from overflight.rows import nearest, read_text, shorten, valid_id
from overflight.times import from_datetime
from overflight.twin.autopilot import Behaviour, Corridor, Drift, GoTo, Loiter, Propel
from overflight.twin.budget import BALLOONS
from overflight.twin.fate import BY
from overflight.twin.observers import (
    Images,
    Observer,
    Officials,
    Press,
    Radar,
    Spot,
    Strays,
    Transponder,
    Watchers,
)

Moved = Literal["drifted", "steered", "not moved by wind"]
LEVELS: Final = ("first", "second", "third")
MOST_BYTES: Final = 200_000
MOST_ROWS: Final = 200

BEHAVIOURS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {"drift": Drift, "go_to": GoTo, "corridor": Corridor, "loiter": Loiter, "propel": Propel}
)
OBSERVERS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "radar": Radar,
        "transponder": Transponder,
        "watchers": Watchers,
        "images": Images,
        "officials": Officials,
        "strays": Strays,
        "press": Press,
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """A behaviour from an hour of the flight on."""

    at_h: float
    behaviour: Behaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightPlan:
    """A flight of the twin, from the ground or already afloat.

    `balloon` is one of `budget.BALLOONS`; `float_alt_m` where it floats, drawn with `float_spread_m`. The
    start is drawn within `spread_m` of the place and `start_spread_h` of the time. It flies `hours`, or falls
    at `falls_h` under a parachute, or is lost there and then at `lost_h`. `leak_kgps` is lost from `spare_kg`
    of overpressure, of `gas_kg` in all. `ascent_mps` None begins afloat.
    """

    id: str
    balloon: str
    lon_deg: float
    lat_deg: float
    hours: float
    start_h: float = 0.0
    spread_m: float = 100e3
    start_spread_h: float = 3.0
    float_alt_m: float | None = None
    float_spread_m: float = 0.0
    ascent_mps: float | None = 5.0
    falls_h: float | None = None
    lost_h: float | None = None
    leak_kgps: float = 0.0
    spare_kg: float = 0.0
    gas_kg: float = 0.0
    orders: tuple[Command, ...] = ()

    def __post_init__(self) -> None:
        if not valid_id(self.id):
            raise InputError(
                f"'{shorten(self.id)}' is not an id", field="id", remedy="Use letters, digits, _ or -."
            )
        one_of("balloon", self.balloon, tuple(BALLOONS))
        within("lon_deg", self.lon_deg, -360.0, 360.0, "deg")
        within("lat_deg", self.lat_deg, -88.0, 88.0, "deg")
        within("hours", self.hours, 0.5, 720.0, "h")
        within("start_h", self.start_h, 0.0, 720.0, "h")
        within("spread_m", self.spread_m, 0.0, 2e6, "m")
        within("start_spread_h", self.start_spread_h, 0.0, 48.0, "h")
        within_or_none("float_alt_m", self.float_alt_m, 1e3, 34e3, "m")
        within("float_spread_m", self.float_spread_m, 0.0, 5e3, "m")
        within_or_none("ascent_mps", self.ascent_mps, 0.1, 20.0, "m/s")
        within_or_none("falls_h", self.falls_h, 0.1, 720.0, "h")
        within_or_none("lost_h", self.lost_h, 0.1, 720.0, "h")
        if self.ascent_mps is None and self.float_alt_m is None:
            raise InputError("begins afloat at no height", field="float_alt_m", remedy="Give float_alt_m.")

    @property
    def moved(self) -> Moved:
        """What moved it: orders to do more than drift where it floats are steering."""
        idle = all(isinstance(o.behaviour, Drift) and o.behaviour.alt_m is None for o in self.orders)
        return "drifted" if idle else "steered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """A track that somebody made up: (hours, longitude, latitude, altitude m) joined by great circles.

    Neither a balloon nor a wind had part in it. `spread_m` moves the whole track a little by the seed.
    """

    id: str
    points: tuple[tuple[float, float, float, float], ...]
    spread_m: float = 50e3

    def __post_init__(self) -> None:
        if not valid_id(self.id):
            raise InputError(
                f"'{shorten(self.id)}' is not an id", field="id", remedy="Use letters, digits, _ or -."
            )
        if not 2 <= len(self.points) <= 500:
            raise InputError(f"{len(self.points)} points", field="points", remedy="Give 2 to 500.")
        for before, after in zip(self.points, self.points[1:], strict=False):
            if not after[0] > before[0] >= 0.0:
                raise InputError("the hours do not rise from zero", field="points", remedy="Sort them.")
        for _, lon_deg, lat_deg, alt_m in self.points:
            within("lon_deg", lon_deg, -360.0, 360.0, "deg")
            within("lat_deg", lat_deg, -88.0, 88.0, "deg")
            within("alt_m", alt_m, 0.0, 40e3, "m")

    @property
    def moved(self) -> Moved:
        """No wind moved it."""
        return "not moved by wind"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherPlan:
    """How wrong the pilot's forecast and the analyst's winds are, and which winds the case holds.

    Sizes are m/s, one component. `stations` are sounding stations about the path, every 12 h; `sisters`
    other balloons afloat near the subject's height whose tracks are in the case.
    """

    forecast_sd_mps: float = 3.0
    analysis_sd_mps: float = 3.5
    subgrid_sd_mps: float = 1.0
    given: bool = True
    stations: int = 0
    sisters: int = 0

    def __post_init__(self) -> None:
        for name in ("forecast_sd_mps", "analysis_sd_mps", "subgrid_sd_mps"):
            within(name, getattr(self, name), 0.01, 30.0, "m/s")
        within("stations", self.stations, 0, 20)
        within("sisters", self.sisters, 0, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """A place whose owner asks whether it was in view."""

    id: str
    name: str
    spot: Spot
    alt_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePlan:
    """A round area whose crossing is asked for."""

    id: str
    name: str
    spot: Spot
    radius_m: float = 150e3

    def __post_init__(self) -> None:
        within("radius_m", self.radius_m, 1e3, 2e6, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlan:
    """What somebody said, on a day after the start; `holds` is whether it is so, None where nobody knows."""

    id: str
    day: int
    claimant: str
    claim: str
    topic: str
    attribution: str = "named_official"
    relation: str = ""
    related_ids: str = ""
    holds: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderPlan:
    """The payload of the subject, and what becomes of its data.

    A camera, a receiver and housekeeping fill a recorder of `capacity_bytes`; `link` is a service of
    `custody.links`, failing for `outage_h` at a time where that is not zero. Of the recorder the share
    `recovered` is found and read. `received_by` and `recovered_by` say whose hands were at the frames that
    came by the link and at those that were found (`fate.BY`), each touching `share` of them. `keyed` frames
    carry tags that need a key, which the case holds where `key_given`.
    """

    focal_m: float = 0.5
    aperture_m: float = 0.1
    picture_s: float = 300.0
    picture_bytes: int = 4_000_000
    capacity_bytes: float = 2e9
    policy: Literal["stop", "oldest", "priority"] = "oldest"
    link: str = "certus_100"
    outage_h: float = 0.0
    keyed: bool = False
    key_given: bool = False
    recovered: float = 0.0
    received_by: tuple[str, ...] = ()
    recovered_by: tuple[str, ...] = ()
    share: float = 0.01

    def __post_init__(self) -> None:
        within("focal_m", self.focal_m, 0.005, 10.0, "m")
        within("aperture_m", self.aperture_m, 0.001, 2.0, "m")
        within("picture_s", self.picture_s, 10.0, 86400.0, "s")
        within("picture_bytes", self.picture_bytes, 1, 10**9)
        within("capacity_bytes", self.capacity_bytes, 0.0, 1e15)
        one_of("policy", self.policy, POLICIES)
        one_of("link", self.link, tuple(SERVICES))
        within("outage_h", self.outage_h, 0.0, 240.0, "h")
        within("recovered", self.recovered, 0.0, 1.0)
        within("share", self.share, 0.0, 1.0)
        for name in ("received_by", "recovered_by"):
            for who in getattr(self, name):
                one_of(name, who, BY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An exercise without its seed. `subject` is the flight in question, empty where there is none.

    `start` is POSIX seconds. `about` and `teaches` are for the trainer alone.
    """

    name: str
    title: str
    about: str
    teaches: str
    level: str
    start: float
    subject: str
    weather: WeatherPlan
    flights: tuple[FlightPlan | Invented, ...] = ()
    observers: tuple[Observer, ...] = ()
    sites: tuple[SitePlan, ...] = ()
    zones: tuple[ZonePlan, ...] = ()
    claims: tuple[ClaimPlan, ...] = ()
    recorder: RecorderPlan | None = None

    def __post_init__(self) -> None:
        one_of("level", self.level, LEVELS)
        ids = [f.id for f in self.flights]
        if len(set(ids)) < len(ids):
            raise InputError("two flights share an id", field="flight", remedy="Give each its own.")
        if self.subject and self.subject not in ids:
            raise InputError(
                f"the subject '{shorten(self.subject)}' is none of the flights",
                field="subject",
                remedy=f"The flights are: {', '.join(ids) or 'none'}.",
            )
        if not self.observers:
            raise InputError("nobody watches", field="observer", remedy="Write one [[observer]] at least.")

    @property
    def moved(self) -> Moved | None:
        """What moved the subject; None where there is none."""
        return next((f.moved for f in self.flights if f.id == self.subject), None)


TOP_KEYS: Final = (
    *("name", "title", "about", "teaches", "level", "start", "subject", "weather", "flight", "invented"),
    *("observer", "site", "zone", "claim", "recorder"),
)


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file.

    Raises
    ------
    InputError
        When it cannot be read or is no scenario; the message names the key.
    """
    path = Path(path)
    return parse_scenario(read_text(path, limit_bytes=MOST_BYTES), file=path.name)


def parse_scenario(text: str, *, file: str = "scenario.toml") -> Scenario:
    """Parse the text of a scenario; see `read_scenario`."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not TOML ({shorten(str(error))})", file=file, remedy="See docs/exercises.md for a scenario."
        ) from error
    _known(data, TOP_KEYS, file, "")
    plain: dict[str, Any] = {
        key: data[key] for key in ("name", "title", "about", "teaches", "level", "subject") if key in data
    }
    start = data.get("start")
    if not isinstance(start, dt.datetime) or start.tzinfo is None:
        raise InputError(
            "is no time with its zone", file=file, field="start", remedy="Write 2031-01-20T00:00:00Z."
        )
    flights = (
        *_records(FlightPlan, data, "flight", file),
        *_records(Invented, data, "invented", file),
    )
    values: dict[str, Any] = {
        "subject": "",
        **plain,
        "start": from_datetime(start),
        "weather": build(WeatherPlan, _table(data, "weather", file), file, "weather"),
        "flights": flights,
        "observers": _observers(data, file),
        "sites": _records(SitePlan, data, "site", file),
        "zones": _records(ZonePlan, data, "zone", file),
        "claims": _records(ClaimPlan, data, "claim", file),
        "recorder": build(RecorderPlan, data["recorder"], file, "recorder") if "recorder" in data else None,
    }
    scenario: Scenario = _made(Scenario, values, file, "")
    return scenario


def _observers(data: Mapping[str, Any], file: str) -> tuple[Any, ...]:
    rows = _list(data, "observer", file)
    return tuple(_typed(OBSERVERS, row, file, f"observer[{i}]") for i, row in enumerate(rows, 1))


def _typed(kinds: Mapping[str, type[Any]], row: Mapping[str, Any], file: str, where: str) -> Any:
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(
            f"the type is {shorten(repr(kind))}", file=file, field=f"{where}.type",
            remedy=nearest(str(kind), tuple(kinds)) or f"Give one of {', '.join(kinds)}.",
        )  # fmt: skip
    return build(kinds[kind], {k: v for k, v in row.items() if k != "type"}, file, where)


def _records(record: type[Any], data: Mapping[str, Any], key: str, file: str) -> tuple[Any, ...]:
    return tuple(build(record, row, file, f"{key}[{i}]") for i, row in enumerate(_list(data, key, file), 1))


def build(record: type[Any], row: Mapping[str, Any], file: str, where: str) -> Any:
    """Make a record of a table of TOML; raise for a key that is no field or a value of another type."""
    known = {one.name: one for one in fields(record)}
    _known(row, tuple(known), file, where)
    for name, one in known.items():
        if name not in row and one.default is MISSING and one.default_factory is MISSING:
            raise InputError("is missing", file=file, field=_path(where, name), remedy="Write it.")
    hints = typing.get_type_hints(record)
    values = {name: _value(hints[name], value, file, _path(where, name)) for name, value in row.items()}
    return _made(record, values, file, where)


def _made(record: type[Any], values: Mapping[str, Any], file: str, where: str) -> Any:
    try:
        return record(**values)
    except InputError as error:
        raise InputError(
            error.what, file=file, field=_path(where, error.field or error.where), remedy=error.remedy
        ) from error
    except TypeError as error:
        raise InputError(
            shorten(str(error)), file=file, field=where, remedy="See docs/exercises.md."
        ) from error


def _value(hint: Any, value: Any, file: str, where: str) -> Any:
    """Return a value of TOML as a field takes it, or raise naming the key."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _value(next(a for a in arguments if a is not type(None)), value, file, where)
    if origin is Literal:
        hint = str
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint in (int, str, bool) and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    if is_dataclass(hint) and isinstance(value, dict):
        if hint is Command:
            return _command(value, file, where)
        return build(typing.cast("type[Any]", hint), value, file, where)
    if origin is tuple and isinstance(value, list) and len(value) <= MOST_ROWS:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_value(arguments[0], v, file, f"{where}[{i}]") for i, v in enumerate(value, 1))
        if len(arguments) == len(value):
            pairs = enumerate(zip(arguments, value, strict=True), 1)
            return tuple(_value(a, v, file, f"{where}[{i}]") for i, (a, v) in pairs)
    raise InputError(
        f"{shorten(repr(value))} is of the wrong kind",
        file=file,
        field=where,
        remedy=f"Write a {_word(hint)}.",
    )


def _command(row: Mapping[str, Any], file: str, where: str) -> Command:
    at_h = _value(float, row.get("at_h", 0.0), file, f"{where}.at_h")
    within("at_h", at_h, 0.0, 720.0, "h")
    behaviour = _typed(BEHAVIOURS, {k: v for k, v in row.items() if k != "at_h"}, file, where)
    return Command(at_h, behaviour)


def _word(hint: Any) -> str:
    words = {float: "number", int: "whole number", str: "text in quotes", bool: "true or false"}
    return words.get(hint, "list" if typing.get_origin(hint) is tuple else "table")


def _table(data: Mapping[str, Any], key: str, file: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise InputError("is no table", file=file, field=key, remedy=f"Write [{key}].")
    return value


def _list(data: Mapping[str, Any], key: str, file: str) -> list[Mapping[str, Any]]:
    rows = data.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("is no list of tables", file=file, field=key, remedy=f"Write [[{key}]].")
    if len(rows) > MOST_ROWS:
        raise InputError(f"has {len(rows)} entries; the limit is {MOST_ROWS}", file=file, field=key)
    return rows


def _known(table: Mapping[str, Any], names: tuple[str, ...], file: str, where: str) -> None:
    for name in table:
        if name not in names:
            hint = nearest(name, names) or f"Known here are: {', '.join(names)}."
            raise InputError("is not a known key", file=file, field=_path(where, shorten(name)), remedy=hint)


def _path(where: str, key: str) -> str:
    return ".".join(part for part in (where, key) if part)

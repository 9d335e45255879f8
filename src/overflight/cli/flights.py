"""What is flown, from where, when and how: the options that forecast, backtrack and landing share.

Words of the command line become records of the engine here, and units SI.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overflight.errors import InputError
from overflight.units import FOOT_M, HPA_PA

if TYPE_CHECKING:
    from overflight.balloons.stops import Stop
    from overflight.balloons.terms import Flight
    from overflight.trajectories.ensemble import Spread, Start
    from overflight.trajectories.solve import HeightMap
    from overflight.winds.error import WindError

LENGTHS_M = {"": 1.0, "m": 1.0, "km": 1000.0, "ft": FOOT_M, "kft": 1000.0 * FOOT_M}
DURATIONS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# Heights about its level that a balloon which holds one may come to, beyond the spread asked for.
HALF_SPAN_M = 4_000.0
# What practice says of a sounding whose balloon is not described: bursts scatter by a kilometre or more (10 %
# in the diameter of the burst), speeds of ascent and descent by a twentieth.
SOUNDING_LEVEL_M, SOUNDING_RATE = 1_000.0, 0.05
CUT_SD = 4.0


class Kind(StrEnum):
    """What the balloon does. 'float' keeps its pressure; 'sounding' climbs, bursts and comes down."""

    FLOAT = "float"
    DENSITY = "density"
    THETA = "theta"
    HEIGHT = "height"
    SOUNDING = "sounding"
    ASCENT = "ascent"
    DESCENT = "descent"
    ZERO_PRESSURE = "zero-pressure"
    SOLAR = "solar"
    CONTROL = "control"


class Error(StrEnum):
    """Whose error the winds get: 'auto' by what the winds are."""

    AUTO = "auto"
    ANALYSIS = "analysis"
    PRIOR = "prior"
    NONE = "none"


TERM_OF = {
    Kind.FLOAT: "constant_pressure",
    Kind.DENSITY: "constant_density",
    Kind.THETA: "constant_theta",
    Kind.HEIGHT: "constant_height",
    Kind.ASCENT: "ascent",
    Kind.DESCENT: "parachute",
    Kind.ZERO_PRESSURE: "zero_pressure",
    Kind.SOLAR: "solar_hot_air",
    Kind.CONTROL: "altitude_control",
}
HOLDS = (Kind.FLOAT, Kind.DENSITY, Kind.THETA, Kind.HEIGHT)
FROM_GROUND = (Kind.SOUNDING, Kind.SOLAR, Kind.ZERO_PRESSURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was said of the balloon, in SI units; None where nothing was said."""

    kind: Kind = Kind.FLOAT
    alt_m: float | None = None
    pressure_pa: float | None = None
    ascent_mps: float | None = None
    burst_m: float | None = None
    descent_mps: float | None = None
    settings: tuple[str, ...] = ()
    plan: Path | None = None
    backward: bool = False


def length_m(text: str | None, option: str) -> float | None:
    """Read a height with its unit, metres when it has none: '18000', '18km', '60000ft'.

    Raises
    ------
    InputError
        When it is none.
    """
    if text is None:
        return None
    found = re.fullmatch(
        r"\s*(-?\d+(?:\.\d*)?|-?\.\d+)\s*([a-z]*)\s*", text.lower().replace(",", ""), re.ASCII
    )
    if not found or found[2] not in LENGTHS_M:
        raise InputError(
            f"'{text[:40]}' is no height",
            field=option,
            remedy="Write 18000, 18km or 60000ft; metres if bare.",
        )
    return float(found[1]) * LENGTHS_M[found[2]]


def duration_s(text: str | None, option: str) -> float | None:
    """Read a duration with its unit: '30s', '10min', '1h', '2d'.

    Raises
    ------
    InputError
        When it is none.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(s|min|h|d)\s*", text.lower(), re.ASCII)
    if not found or float(found[1]) <= 0.0:
        raise InputError(
            f"'{text[:40]}' is no duration", field=option, remedy="Write 30s, 10min, 1h or 2d, above zero."
        )
    return float(found[1]) * DURATIONS_S[found[2]]


def place(at: tuple[float, float] | None, lat: float | None, lon: float | None) -> tuple[float, float]:
    """Return longitude and latitude, given as --at LAT LON or as --lat and --lon."""
    if at is not None and (lat is not None or lon is not None):
        raise InputError("the place is given twice", field="--at", remedy="Give --at, or --lat and --lon.")
    if at is not None:
        lat, lon = at
    if lat is None or lon is None:
        raise InputError("the place is missing", field="--lat, --lon", remedy="Give --lat 46.8 --lon -108.5.")
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90.0 and abs(lon) <= 360.0):
        raise InputError(
            f"{lat:g} {lon:g} is no place",
            field="--at" if at else "--lat, --lon",
            remedy="Latitude first, within ±90; west is negative.",
        )
    return (lon + 180.0) % 360.0 - 180.0, lat


def pressure_pa(value: float | None) -> float | None:
    """Return --pressure in pascals."""
    if value is None:
        return None
    if not (math.isfinite(value) and 0.1 <= value <= 1100.0):
        raise InputError(f"{value:g} hPa is no pressure", field="--pressure", remedy="Give hPa, such as 50.")
    return value * HPA_PA


def moment(text: str, option: str = "--time") -> float:
    """Read a time with its zone as POSIX seconds."""
    from overflight.times import parse_utc

    try:
        return parse_utc(text)
    except InputError as error:
        raise InputError(error.what, field=option, remedy=error.remedy) from error


def start_of(asked: Asked, where: tuple[float, float], time_s: float, terrain: HeightMap | None) -> Start:
    """Return the start. What begins at the ground begins at the terrain's height where no height is given."""
    from overflight.trajectories.ensemble import Start

    if asked.alt_m is not None and asked.pressure_pa is not None:
        raise InputError(
            "the height is given twice", field="--altitude", remedy="Give --altitude or --pressure."
        )
    alt = asked.alt_m
    climbs = asked.kind in HOLDS and asked.ascent_mps is not None
    if climbs or (alt is None and asked.pressure_pa is None):
        ground = asked.plan is not None or asked.kind in FROM_GROUND or climbs
        ground = ground or (asked.backward and asked.kind in (Kind.DESCENT,))
        if not ground:
            raise InputError(
                "the height is missing", field="--altitude", remedy="Give --altitude 18km or --pressure 70."
            )
        alt = _ground_m(terrain, *where)
    if climbs:
        return Start(lon_deg=where[0], lat_deg=where[1], time_s=time_s, alt_m=alt)
    pressure = asked.pressure_pa if alt is None else None
    return Start(lon_deg=where[0], lat_deg=where[1], time_s=time_s, alt_m=alt, pressure_pa=pressure)


def _ground_m(terrain: HeightMap | None, lon: float, lat: float) -> float:
    """Return the height of the ground, that of the ellipsoid where no terrain tells it."""
    from overflight.trajectories.stops import ground_at

    if terrain is None:
        return 0.0
    height = ground_at(terrain.lat_deg, terrain.lon_deg, terrain.height_m, lat, lon)
    return float(height) if math.isfinite(height) else 0.0


def flight_of(asked: Asked, until: Stop | None = None) -> Flight:
    """Return the flight that is asked for; `until` ends each of its stages besides.

    Raises
    ------
    InputError
        When something the kind needs is missing, or something is given that it does not take.
    """
    from overflight.balloons.planfile import read_plan
    from overflight.balloons.terms import Flight, Stage

    if asked.plan is not None:
        _refuse_beside_plan(asked)
        flight = read_plan(asked.plan)
    else:
        stages, store = _stages(asked)
        flight = Flight(tuple(stages), store, name=asked.kind.value)
    if until is None:
        return flight
    # The last stop of the last stage ends the flight; of an earlier one it would begin the next stage.
    if len(flight.stages) > 1:
        raise InputError(
            "a flight of several stages cannot end at a border",
            field="--until",
            remedy="Give a flight of one stage, or see the countries in the summary.",
        )
    only = flight.stages[0]
    return Flight((Stage(only.terms, (*only.stops, until), only.name),), flight.store, flight.name)


def _refuse_beside_plan(asked: Asked) -> None:
    beside = {
        "--ascent-rate": asked.ascent_mps,
        "--burst": asked.burst_m,
        "--descent-rate": asked.descent_mps,
        "--set": asked.settings or None,
    }
    given = [name for name, value in beside.items() if value is not None]
    if given:
        raise InputError(
            f"{', '.join(given)} stands beside --plan", field="--plan", remedy="Write it into the plan."
        )


def _stages(asked: Asked) -> tuple[list[Any], tuple[float, float, float]]:
    """Return the stages in the order in which the run meets them, and the store."""
    from overflight.balloons.planfile import build_term
    from overflight.balloons.stops import AltitudeAbove, Ground
    from overflight.balloons.terms import Stage

    settings = _settings(asked.settings)
    store = (settings.pop("ballast_kg", 0.0), settings.pop("energy_j", 0.0), 0.0)
    _refuse_idle(asked)
    climb = Stage((build_term("ascent", {"rate_mps": asked.ascent_mps or 5.0}, where="--ascent-rate"),))
    fall = {} if asked.descent_mps is None else {"sea_level_mps": asked.descent_mps}
    if asked.kind is Kind.SOUNDING:
        if asked.burst_m is None:
            raise InputError(
                "the burst is missing", field="--burst", remedy="Give the height of the burst, as 30km."
            )
        burst = (AltitudeAbove(asked.burst_m),)
        down = build_term("parachute", {**fall, **settings}, where="--set")
        if asked.backward:
            return [Stage((down,), burst, "descent"), Stage(climb.terms, (Ground(),), "ascent")], store
        return [Stage(climb.terms, burst, "ascent"), Stage((down,), (Ground(),), "descent")], store
    if asked.kind is Kind.ASCENT:
        top = () if asked.burst_m is None else (AltitudeAbove(asked.burst_m),)
        return [Stage(climb.terms, (Ground(),) if asked.backward else top, "ascent")], store
    if asked.kind is Kind.DESCENT:
        down = build_term("parachute", {**fall, **settings}, where="--set")
        top = () if asked.burst_m is None else (AltitudeAbove(asked.burst_m),)
        return [Stage((down,), top if asked.backward else (Ground(),), "descent")], store
    if asked.kind is Kind.CONTROL and "target" not in settings:
        if asked.alt_m is None:
            raise InputError("the height to go to is missing", field="--altitude", remedy="Give one.")
        settings["target"] = asked.alt_m
    term = build_term(TERM_OF[asked.kind], settings, where="--set")
    main = Stage((term,), (Ground(),) if asked.kind in FROM_GROUND else (), asked.kind.value)
    if asked.kind in HOLDS and asked.ascent_mps is not None:
        return _climb_first(asked, climb, main), store
    return [main], store


def _climb_first(asked: Asked, climb: Any, hold: Any) -> list[Any]:
    """Return the climb from the ground to the level, then the hold there."""
    from overflight.balloons.stops import AltitudeAbove, PressureBelow
    from overflight.balloons.terms import Stage

    if asked.backward:
        raise InputError(
            "a run backward does not know when the climb ended",
            field="--ascent-rate",
            remedy="Leave it out, or write a --plan whose first stage is the float with a duration.",
        )
    if asked.alt_m is None and asked.pressure_pa is None:
        raise InputError("the level to climb to is missing", field="--altitude", remedy="Give one.")
    top = (
        PressureBelow(asked.pressure_pa)
        if asked.pressure_pa is not None
        else AltitudeAbove(asked.alt_m or 0.0)
    )
    return [Stage(climb.terms, (top,), "ascent"), hold]


def _refuse_idle(asked: Asked) -> None:
    """Refuse options that the kind would leave unread."""
    moves = (Kind.SOUNDING, Kind.ASCENT, Kind.DESCENT)
    if asked.burst_m is not None and asked.kind not in moves:
        raise InputError(f"'{asked.kind}' has no burst", field="--burst", remedy="Take --kind sounding.")
    if asked.descent_mps is not None and asked.kind not in (Kind.SOUNDING, Kind.DESCENT):
        raise InputError(
            f"'{asked.kind}' has no descent",
            field="--descent-rate",
            remedy="Take --kind sounding, or a --plan.",
        )
    if asked.ascent_mps is not None and asked.kind not in (Kind.SOUNDING, Kind.ASCENT, *HOLDS):
        raise InputError(
            f"'{asked.kind}' has no rate of ascent", field="--ascent-rate", remedy="Take --kind sounding."
        )
    if asked.settings and asked.kind is Kind.ASCENT:
        raise InputError("'ascent' has nothing to set", field="--set", remedy="Take --ascent-rate.")


def _settings(words: Sequence[str]) -> dict[str, Any]:
    """Read 'key=value' words; numbers become numbers."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip() or not text.strip():
            raise InputError(f"'{word[:40]}' is no setting", field="--set", remedy="Write mass_kg=2.2.")
        try:
            found[key.strip()] = float(text)
        except ValueError:
            found[key.strip()] = text.strip()
    for key in ("ballast_kg", "energy_j"):
        if isinstance(found.get(key, 0.0), str):
            raise InputError(f"'{found[key]}' is no number", field=f"--set {key}", remedy="Give a number.")
    return found


def spread_of(
    asked: Asked, flight: Flight, place_km: float, alt_m: float | None, rate: float | None, time_s: float
) -> Spread:
    """Return how members differ, with what practice says of a sounding where nothing is said.

    The spread of height is that of levels, bursts and targets; of the start where the flight holds the
    level that it starts on.
    """
    from overflight.balloons.terms import Hold
    from overflight.trajectories.ensemble import Spread

    moving = asked.plan is None and asked.kind is Kind.SOUNDING
    level = (SOUNDING_LEVEL_M if moving else 0.0) if alt_m is None else alt_m
    scale = (SOUNDING_RATE if moving else 0.0) if rate is None else rate / 100.0
    for name, value in (("--spread-km", place_km), ("--spread-alt", level), ("--spread-rate", scale)):
        if not (math.isfinite(value) and value >= 0.0):
            raise InputError(f"{value:g} is no spread", field=name, remedy="Give zero or more.")
    first = flight.stages[0].terms
    on_start = not first or any(isinstance(term, Hold) and _target(term) is None for term in first)
    return Spread(
        place_m=place_km * 1000.0,
        time_s=time_s,
        alt_m=level if on_start else 0.0,
        level_m=level,
        rate=scale,
    )


def _target(hold: Any) -> float | None:
    names = ("pressure_pa", "density_kgpm3", "theta_k", "alt_m")
    return next((getattr(hold, name) for name in names if getattr(hold, name, None) is not None), None)


def moves_vertically(asked: Asked) -> bool:
    """Tell whether the flight crosses the air instead of resting on a level."""
    return asked.plan is not None or asked.kind not in (*HOLDS, Kind.CONTROL) or asked.ascent_mps is not None


def levels_pa(asked: Asked, level_sd_m: float) -> tuple[float, float] | None:
    """Return the span of pressure that a flight on one level may meet; None for one that crosses the air."""
    from overflight.atmosphere import alt_from_pressure
    from overflight.atmosphere import pressure_pa as pressure_at

    if moves_vertically(asked) or asked.kind is Kind.CONTROL:
        return None
    alt = asked.alt_m
    if alt is None and asked.pressure_pa is not None:
        alt = float(alt_from_pressure(asked.pressure_pa))
    if alt is None:
        return None
    half = HALF_SPAN_M + CUT_SD * level_sd_m
    return float(pressure_at(min(alt + half, 75e3))), float(pressure_at(max(alt - half, -400.0)))


def error_of(error: Error) -> WindError | Any:
    """Return the error of the winds as the engine takes it."""
    from overflight.winds.error import ANALYSIS_ERROR, PRIOR_ERROR

    return {
        Error.AUTO: "default",
        Error.ANALYSIS: ANALYSIS_ERROR,
        Error.PRIOR: PRIOR_ERROR,
        Error.NONE: None,
    }[error]


def border(word: str, start: Start) -> Stop:
    """Return the stop at the border of a country, or of the areas of a GeoJSON file, on the way in or out."""
    from overflight.balloons.stops import Signed
    from overflight.places.areafile import read_areas
    from overflight.places.areas import inside
    from overflight.places.borders import country

    path = Path(word)
    areas = read_areas(path) if path.suffix.lower() in (".geojson", ".json") else (country(word),)

    def side(lon: Any, lat: Any) -> Any:
        """Return 1 inside and -1 outside, NaN for no place: halving to the stop asks for no distance."""
        import numpy as np

        within = np.any([inside(area, lon, lat) for area in areas], axis=0)
        return np.where(np.isfinite(np.add(lon, lat)), np.where(within, 1.0, -1.0), np.nan)

    # Who starts inside stops on the way out.
    sign = -float(side([start.lon_deg], [start.lat_deg])[0])

    def fn(_time: Any, lon: Any, lat: Any, _alt: Any) -> Any:
        return sign * side(lon, lat)

    return Signed(fn)

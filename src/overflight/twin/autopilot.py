"""What a balloon is told to do: behaviours, orders that switch between them, and how the pilot decides.

::

    Order(t0, GoTo(...)) ─ Order(t1, Loiter(...)) ─ Order(t2, Drift())     the last one given is in force

Steering by height means choosing a wind. The pilot knows a *forecast*, not the truth: every `decide_s` seconds
it carries itself on paper through the forecast at each height within reach, and goes to the one that does
best by the order in force, when that is better than staying by a margin. What it feels where it is corrects
the forecast: the difference between the wind felt and the wind forecast is added, less the further off in
time and in height. Such corrections are what practitioners do by hand; the idea of scoring heights by their
wind's bearing to the station is that of Loon's controller (Bellemare and others 2020, Nature 588, 77).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.balloons.limits import one_of, within, within_or_none
from overflight.balloons.propulsion import COURSE, HEADING, PLACE
from overflight.errors import InputError

By = Literal["altitude", "propulsion", "both"]
BY: Final[tuple[By, ...]] = ("altitude", "propulsion", "both")
POINTS_MOST: Final = 1000
ORDERS_MOST: Final = 1000

# Codes of behaviours, and slots of an order's row.
DRIFT, GO_TO, CORRIDOR, LOITER, PROPEL = range(5)
START, WAY, LON, LAT, RADIUS, ALT, MODE, ANGLE, AIRSPEED, FIRST, LAST = range(11)
SLOTS: Final = 11
# Slots of the pilot's row.
DECIDE, HORIZON, LOOK, LEVELS, MARGIN, CLIMB, TRUST_S, TRUST_LOG_P, DEADBAND = range(9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Go with the wind at a height: `alt_m`, or where the balloon is. With a height it goes there once."""

    alt_m: float | None = None

    def __post_init__(self) -> None:
        within_or_none("alt_m", self.alt_m, 0.0, 60e3, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Go to a place by choosing heights, by propulsion or by both; having come within `radius_m`, stay near."""

    lon_deg: float
    lat_deg: float
    by: By = "altitude"
    radius_m: float = 50e3

    def __post_init__(self) -> None:
        _check_place(self.lon_deg, self.lat_deg)
        one_of("by", self.by, BY)
        within("radius_m", self.radius_m, 1.0, 2e7, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corridor:
    """Follow a line of (longitude, latitude) points in order, within `half_width_m` of it where winds allow."""

    points: tuple[tuple[float, float], ...]
    half_width_m: float = 100e3
    by: By = "altitude"

    def __post_init__(self) -> None:
        if not 2 <= len(self.points) <= POINTS_MOST:
            raise InputError(
                f"a corridor of {len(self.points)} points", field="points", remedy=f"Give 2 to {POINTS_MOST}."
            )
        for lon_deg, lat_deg in self.points:
            _check_place(lon_deg, lat_deg)
        one_of("by", self.by, BY)
        within("half_width_m", self.half_width_m, 1.0, 2e7, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loiter:
    """Stay within `radius_m` of a place, coming to it first."""

    lon_deg: float
    lat_deg: float
    radius_m: float = 50e3
    by: By = "altitude"

    def __post_init__(self) -> None:
        _check_place(self.lon_deg, self.lat_deg)
        one_of("by", self.by, BY)
        within("radius_m", self.radius_m, 1.0, 2e7, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Propel:
    """Drive on a heading, along a course over ground, or toward a place, at the height where the balloon is.

    Give one of the three. `airspeed_mps` is a limit below that of the propeller; its whole speed when None.
    """

    heading_deg: float | None = None
    course_deg: float | None = None
    toward: tuple[float, float] | None = None
    airspeed_mps: float | None = None
    alt_m: float | None = None

    def __post_init__(self) -> None:
        within_or_none("heading_deg", self.heading_deg, -360.0, 360.0, "deg")
        within_or_none("course_deg", self.course_deg, -360.0, 360.0, "deg")
        within_or_none("airspeed_mps", self.airspeed_mps, 0.0, 60.0, "m/s")
        within_or_none("alt_m", self.alt_m, 0.0, 60e3, "m")
        if self.toward is not None:
            _check_place(*self.toward)
        if sum(x is not None for x in (self.heading_deg, self.course_deg, self.toward)) != 1:
            raise InputError(
                "the direction is not given once",
                field="heading_deg",
                remedy="Give one of heading_deg, course_deg, toward.",
            )


Behaviour = Drift | GoTo | Corridor | Loiter | Propel


@dataclass(frozen=True, slots=True)
class Order:
    """A behaviour from a time on, POSIX seconds UTC."""

    start_s: float
    behaviour: Behaviour

    def __post_init__(self) -> None:
        # 1900 to 2200: a date in other units does not pass for seconds.
        within("start_s", self.start_s, -2.3e9, 7.3e9, "s POSIX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopilot:
    """How heights are chosen.

    Every `decide_s` the pilot looks `horizon_s` ahead in steps of `look_s` at `levels` heights. Another height
    must promise to be `margin_m` better (distances of the path on paper), and each metre of the way up or down
    costs `climb_cost` metres. The wind felt corrects the forecast with e-folding `trust_s` in time and
    `trust_log_p` in the logarithm of pressure; `trust_s` 0 trusts the forecast alone. Off its height by more
    than `deadband_m` the balloon goes back to it.
    """

    decide_s: float = 1800.0
    horizon_s: float = 8 * 3600.0
    look_s: float = 1800.0
    levels: int = 16
    margin_m: float = 3000.0
    climb_cost: float = 1.0
    trust_s: float = 6 * 3600.0
    trust_log_p: float = 0.25
    deadband_m: float = 150.0

    def __post_init__(self) -> None:
        within("decide_s", self.decide_s, 60.0, 86400.0, "s")
        within("look_s", self.look_s, 60.0, 86400.0, "s")
        within("horizon_s", self.horizon_s, self.look_s, 10 * 86400.0, "s, not under look_s")
        within("levels", self.levels, 1, 200)
        within("margin_m", self.margin_m, 0.0, 1e7, "m")
        within("climb_cost", self.climb_cost, 0.0, 1e4)
        within("trust_s", self.trust_s, 0.0, 1e7, "s")
        within("trust_log_p", self.trust_log_p, 1e-3, 100.0)
        within("deadband_m", self.deadband_m, 10.0, 1e4, "m")


Orders = Behaviour | Order | Sequence[Order]


def orders_of(orders: Orders, start_s: float) -> tuple[Order, ...]:
    """Return orders in the order of their times; one behaviour alone counts from `start_s`.

    Raises
    ------
    InputError
        When there is none or too many, or their times do not rise.
    """
    if not isinstance(orders, Sequence):
        orders = (orders if isinstance(orders, Order) else Order(start_s, orders),)
    given = tuple(orders)
    if not 1 <= len(given) <= ORDERS_MOST:
        raise InputError(f"{len(given)} orders", field="orders", remedy=f"Give 1 to {ORDERS_MOST}.")
    if any(later.start_s <= early.start_s for early, later in pairwise(given)):
        raise InputError("the orders do not follow one another", field="orders", remedy="Sort by start_s.")
    return given


def code_orders(
    orders: Sequence[Order],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return orders as kernels read them: codes (O,), rows (O, SLOTS), points of corridors (P, 2)."""
    codes, rows = np.zeros(len(orders), np.int64), np.full((len(orders), SLOTS), math.nan)
    points: list[tuple[float, float]] = []
    for i, order in enumerate(orders):
        codes[i] = _code(order.behaviour, rows[i], points)
        rows[i, START] = order.start_s
    return codes, rows, np.array(points, np.float64).reshape(-1, 2)


def code_pilot(pilot: Autopilot) -> npt.NDArray[np.float64]:
    """Return the pilot as kernels read it."""
    return np.array(
        [
            pilot.decide_s, pilot.horizon_s, pilot.look_s, pilot.levels, pilot.margin_m, pilot.climb_cost,
            pilot.trust_s, pilot.trust_log_p, pilot.deadband_m,
        ],
        np.float64,
    )  # fmt: skip


def _code(what: Behaviour, row: npt.NDArray[np.float64], points: list[tuple[float, float]]) -> int:
    match what:
        case Drift():
            row[ALT] = math.nan if what.alt_m is None else what.alt_m
            return DRIFT
        case GoTo() | Loiter():
            row[WAY], row[LON], row[LAT], row[RADIUS] = (
                BY.index(what.by),
                what.lon_deg,
                what.lat_deg,
                what.radius_m,
            )
            row[MODE] = PLACE
            return GO_TO if isinstance(what, GoTo) else LOITER
        case Corridor():
            row[WAY], row[RADIUS], row[MODE] = BY.index(what.by), what.half_width_m, PLACE
            row[FIRST], row[LAST] = len(points), len(points) + len(what.points) - 1
            points.extend(what.points)
            return CORRIDOR
        case Propel():
            row[ALT] = math.nan if what.alt_m is None else what.alt_m
            row[AIRSPEED] = math.nan if what.airspeed_mps is None else what.airspeed_mps
            row[WAY] = BY.index("propulsion")
            if what.toward is not None:
                row[MODE], row[LON], row[LAT] = PLACE, *what.toward
            elif what.course_deg is not None:
                row[MODE], row[ANGLE] = COURSE, what.course_deg
            else:
                row[MODE], row[ANGLE] = HEADING, what.heading_deg
            return PROPEL


def _check_place(lon_deg: float, lat_deg: float) -> None:
    within("lon_deg", lon_deg, -540.0, 540.0, "deg")
    within("lat_deg", lat_deg, -90.0, 90.0, "deg")

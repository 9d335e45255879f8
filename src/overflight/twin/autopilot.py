"""What a balloon is told to do: behaviours, orders that switch between them, and how the pilot decides.

::

    Order(t0, GoTo(...)) ─ Order(t1, Loiter(...)) ─ Order(t2, Drift())     the last one given is in force

Steering by height means choosing a wind. The pilot knows a *forecast*, not the truth. Every `decide_s`
seconds it carries itself on paper through the forecast at each height within reach, then tries all pairs of
heights, the first for a part of the horizon and the second for the rest, and goes to the first height of the
pair that does best by the order in force, when that is better than staying by a margin. What it feels where
it is corrects the forecast: the difference between the wind felt and the wind forecast is added, less the
further off in time and in height. Such corrections are what practitioners do by hand; to score heights by
what their wind does for the station is the idea of Loon's controllers (Bellemare and others 2020, Nature
588, 77).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.balloons.air import scale_height_m
from overflight.balloons.control import WITH_BALLAST
from overflight.balloons.limits import one_of, within, within_or_none
from overflight.balloons.propulsion import COURSE, HEADING, PLACE
from overflight.compiled import borrowed, compiled
from overflight.errors import InputError
from overflight.units import EARTH_RADIUS_M
from overflight.winds.error_waves import error_at
from overflight.winds.grid import Float32s, Float64s
from overflight.winds.interpolate import wind_at
from overflight.winds.thermo import log_p_at

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
# What the order in force asks for now, one row: its kind, by what, how it drives, and the goal. Of a corridor
# the goal is the end of the leg, and `FROM` its begin. `FASTEST` is a limit of airspeed, m/s.
KIND, BY_WAY, DRIVE, BEARING, FASTEST, WITHIN, GOAL_LON, GOAL_LAT, FROM_LON, FROM_LAT, TO_ALT = range(11)
AIM: Final = 11
# Where the balloon is and what it feels, one row: time, degrees, m, ln Pa, K, m/s, s, W, J, m/s. `SPARE_J` is
# the energy for steering in this step, `AIR_MPS` what the propeller does with it.
(
    NOW, LO, LA, HEIGHT, LOG_P_HERE, TEMPERATURE, WIND_U, WIND_V, STEP, PANEL_W, SPARE_J, AIR_MPS,
) = range(12)  # fmt: skip
HERE: Final = 12
NEVER: Final = 1e300
# Within this a height is reached, and two heights are one.
REACHED_M: Final = 25.0
# What a metre of the way costs that ballast and gas pay for, over one that the pump does.
BALLAST_COST: Final = 20.0
# Near a station the pilot aims at this share of its radius, and a little at its middle; what lies beyond
# counts as the logarithm of it over the last share of the radius.
INNER, PULL, EDGE = 0.6, 0.05, 0.5
# On the way to a place: what counts is how near the path comes, where it is at the horizon, and, so that what
# can be done now is not put off, where it is on the whole.
NEAREST_SHARE, LAST_SHARE = 0.6, 0.2
# A metre outside a corridor weighs as so many metres of the way.
OUTSIDE_COST: Final = 2.0
# The shares of the horizon after which the second height of a pair may begin.
SWITCHES: Final = (0.25, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Go with the wind at a height: `alt_m`, or where the balloon is. With a height it goes there once."""

    alt_m: float | None = None

    def __post_init__(self) -> None:
        within_or_none("alt_m", self.alt_m, 0.0, 60e3, "m")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Go to a place by heights, by propulsion or by both; having come within `radius_m`, stay near."""

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
    """Follow a line of (longitude, latitude) points, within `half_width_m` of it where winds allow."""

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

    Every `decide_s` the pilot looks `horizon_s` ahead in steps of `look_s` at `levels` heights. Another
    height must promise to be `margin_m` better (distances of the path on paper), and each metre of the way up
    or down costs `climb_cost` metres, 20 times that where ballast pays for it. The wind felt corrects the
    forecast with e-folding `trust_s` in time and `trust_log_p` in the logarithm of pressure; `trust_s` 0
    trusts the forecast alone. Off its height by more than `deadband_m` the balloon goes back to it. The
    defaults were tried on made weather (docs/twin.md).
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
) -> tuple[npt.NDArray[np.int64], Float64s, Float64s]:
    """Return orders as kernels read them: codes (O,), rows (O, SLOTS), points of corridors (P, 2)."""
    codes, rows = np.zeros(len(orders), np.int64), np.full((len(orders), SLOTS), math.nan)
    points: list[tuple[float, float]] = []
    for i, order in enumerate(orders):
        codes[i] = _code(order.behaviour, rows[i], points)
        rows[i, START] = order.start_s
    return codes, rows, np.array(points, np.float64).reshape(-1, 2)


def code_pilot(pilot: Autopilot) -> Float64s:
    """Return the pilot as kernels read it."""
    return np.array(
        [
            pilot.decide_s, pilot.horizon_s, pilot.look_s, pilot.levels, pilot.margin_m, pilot.climb_cost,
            pilot.trust_s, pilot.trust_log_p, pilot.deadband_m,
        ],
        np.float64,
    )  # fmt: skip


def _code(what: Behaviour, row: Float64s, points: list[tuple[float, float]]) -> int:
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


# --- on paper ------------------------------------------------------------------------------------------


@compiled
def unit_of(lon_deg: float, lat_deg: float) -> tuple[float, float, float]:
    """Return the unit vector of a place."""
    lam, phi = math.radians(lon_deg), math.radians(lat_deg)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


@compiled
def bearing_and_distance(lon0: float, lat0: float, lon1: float, lat1: float) -> tuple[float, float, float]:
    """Return the way from one place to another: east and north of its first direction, and its length, m."""
    turn = math.radians(lon1 - lon0)
    sin0, cos0 = math.sin(math.radians(lat0)), math.cos(math.radians(lat0))
    sin1, cos1 = math.sin(math.radians(lat1)), math.cos(math.radians(lat1))
    east, north = cos1 * math.sin(turn), cos0 * sin1 - sin0 * cos1 * math.cos(turn)
    size = math.hypot(east, north)
    far = EARTH_RADIUS_M * math.atan2(size, sin0 * sin1 + cos0 * cos1 * math.cos(turn))
    return (east / size, north / size, far) if size > 0.0 else (0.0, 1.0, far)


@compiled
def along_and_across(x: float, y: float, to_x: float, to_y: float) -> tuple[float, float, float]:
    """Return how far along the line from the origin to a point a place is, how far off, and the length."""
    length = math.hypot(to_x, to_y)
    if length == 0.0:
        return 0.0, math.hypot(x, y), 0.0
    return (x * to_x + y * to_y) / length, abs(x * to_y - y * to_x) / length, length


@compiled
def forecast_wind(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    size: Float64s,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, int]:
    """Return what the pilot believes the wind to be, m/s, and a code of `WIND_STATUS`.

    `waves` (5, F) and amplitudes (3, F) are one member's; `size` is their origin of time and their spreads.
    """
    u, v, u_sd, v_sd, status = wind_at(time_s, log_p, lat, lon, periodic, steady, field, t, logp, la, lo)
    if status == 0 and waves.shape[1] > 0:
        east, north = error_at(waves, cosines, sines, size[0], t, logp, la, lo)
        u += east * (u_sd if math.isnan(size[1]) else size[1])
        v += north * (v_sd if math.isnan(size[2]) else size[2])
    return u, v, status


@compiled
def winds_on_paper(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    size: Float64s,
    pilot: Float64s,
    here: Float64s,
    felt_u: float,
    felt_v: float,
    to_log_p: float,
    way_s: float,
    paper: Float64s,
) -> int:
    """Carry the balloon through the forecast to a level and on it; write the winds met (2, M); status.

    `felt` is the wind felt less the one forecast. Where the forecast ends on the way, its last wind goes on.
    """
    x, y, z = unit_of(here[LO], here[LA])
    u = v = 0.0
    for j in range(paper.shape[1]):
        since = (j + 0.5) * pilot[LOOK]
        share = 1.0 if way_s <= 0.0 else min(since / way_s, 1.0)
        level = here[LOG_P_HERE] + (to_log_p - here[LOG_P_HERE]) * share
        flat = math.sqrt(x * x + y * y)
        lo, la = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, flat))
        ahead_u, ahead_v, status = forecast_wind(
            time_s, log_p, lat, lon, periodic, steady, field, waves, cosines, sines, size,
            here[NOW] + since, level, la, lo,
        )  # fmt: skip
        if status == 0:
            trust = 0.0
            if pilot[TRUST_S] > 0.0:
                off = abs(level - here[LOG_P_HERE])
                trust = math.exp(-since / pilot[TRUST_S] - off / pilot[TRUST_LOG_P])
            u, v = ahead_u + trust * felt_u, ahead_v + trust * felt_v
        elif j == 0:
            return status
        paper[0, j], paper[1, j] = u, v
        sin_lo, cos_lo = (y / flat, x / flat) if flat > 0.0 else (0.0, 1.0)
        east, north = u * pilot[LOOK] / EARTH_RADIUS_M, v * pilot[LOOK] / EARTH_RADIUS_M
        x, y, z = (
            x - sin_lo * east - z * cos_lo * north,
            y + cos_lo * east - z * sin_lo * north,
            z + flat * north,
        )
        length = math.sqrt(x * x + y * y + z * z)
        x, y, z = x / length, y / length, z / length
    return 0


@compiled
def walk(
    winds: Float64s,
    begin: int,
    end: int,
    look_s: float,
    kind: int,
    radius_m: float,
    goal_x: float,
    goal_y: float,
    from_x: float,
    from_y: float,
    air_mps: float,
    path: tuple[float, float, float, float, float, float],
) -> tuple[float, float, float, float, float, float]:
    """Go on along a path on paper in the winds of a level (2, M), from one of its steps to another.

    A path is where it is (x east, y north of the balloon, m), how far it is from the goal and was at the
    nearest, and the sums over its steps of what counts there: distances, and metres outside a corridor.
    """
    x, y, last, nearest, total, outside = path
    for j in range(begin, end):
        x, y = x + winds[0, j] * look_s, y + winds[1, j] * look_s
        # Not hypot: nothing here is near its limits, and it costs more than all the rest.
        last = math.sqrt((goal_x - x) ** 2 + (goal_y - y) ** 2)
        if air_mps > 0.0 and last > 0.0:
            pull = min(air_mps * look_s / last, 1.0)
            x, y, last = x + pull * (goal_x - x), y + pull * (goal_y - y), last * (1.0 - pull)
        if kind == CORRIDOR:
            along, across, length = along_and_across(x - from_x, y - from_y, goal_x - from_x, goal_y - from_y)
            last = max(length - along, 0.0)
            outside += max(across - radius_m, 0.0)
        nearest = min(nearest, last)
        if kind == LOITER:
            # How far outside counts less and less: what is lost must not spoil what can be kept.
            beyond = last - INNER * radius_m
            total += PULL * last
            if beyond > 0.0:
                total += radius_m * math.log(1.0 + beyond / (EDGE * radius_m))
        else:
            total += last
    return x, y, last, nearest, total, outside


@compiled
def cost_m(kind: int, count: int, path: tuple[float, float, float, float, float, float]) -> float:
    """Return how badly a path of so many steps does, m."""
    _, _, last, nearest, total, outside = path
    if kind == LOITER:
        return float(total / count)
    there = NEAREST_SHARE * nearest + LAST_SHARE * last
    return float(there + ((1.0 - NEAREST_SHARE - LAST_SHARE) * total + OUTSIDE_COST * outside) / count)


@compiled
def within_reach(
    control: Float64s, here: Float64s, ballast_kg: float, lost_kg: float, way_down_m: float
) -> tuple[float, float]:
    """Return the lowest and the highest height that the budgets allow now; `way_down_m` is the pump's."""
    alt_m = here[HEIGHT]
    low, high = max(control[3], alt_m - way_down_m), control[4]
    if control[5] == WITH_BALLAST:
        a_metre = control[6] / scale_height_m(here[TEMPERATURE])
        high = min(high, alt_m + max(ballast_kg, 0.0) / a_metre)
        low = max(low, alt_m - max(control[8] - lost_kg, 0.0) * (control[7] - 1.0) / a_metre)
    return low, high


@compiled
def choose_height(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    field: Float32s,
    thermo: Float32s,
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    size: Float64s,
    pilot: Float64s,
    control: Float64s,
    aim: Float64s,
    here: Float64s,
    commanded_m: float,
    low_m: float,
    high_m: float,
    heights: Float64s,
    paper: Float64s,
) -> tuple[float, int]:
    """Return the height to go to, m, and 1 where no forecast reaches the balloon.

    The forecast: a `PackedGrid`, its air, and one member's waves. Scratch: heights (K + 1,), paper
    (K + 1, 2, M). The first of the heights is to stay, or to go on to where the balloon is going.
    """
    t, alt_m, la, lo = here[NOW], here[HEIGHT], here[LA], here[LO]
    u, v, status = forecast_wind(
        time_s, log_p, lat, lon, periodic, steady, field, waves, cosines, sines, size,
        t, here[LOG_P_HERE], la, lo,
    )  # fmt: skip
    if status != 0:
        return commanded_m, 1
    count = int(pilot[LEVELS])
    for k in range(count + 1):
        height = alt_m if math.isnan(commanded_m) else commanded_m
        if k > 0:
            height = control[3] + (control[4] - control[3]) * (
                (k - 1.0) / (count - 1.0) if count > 1 else 0.5
            )
        level, status = here[LOG_P_HERE], 0
        if k > 0 and not low_m <= height <= high_m:
            status = 1
        elif abs(height - alt_m) > REACHED_M:
            level, status = log_p_at(time_s, log_p, lat, lon, periodic, steady, thermo, t, height, la, lo)
        if status == 0:
            way_s = max((height - alt_m) / control[1], (alt_m - height) / control[2])
            status = winds_on_paper(
                time_s, log_p, lat, lon, periodic, steady, field, waves, cosines, sines, size, pilot,
                here, here[WIND_U] - u, here[WIND_V] - v, level, way_s, paper[k],
            )  # fmt: skip
        heights[k] = math.nan if status != 0 else height
    best_m = best_height_m(pilot, control, aim, here, heights, paper)
    if math.isnan(best_m):
        return commanded_m, 1
    # To stay where no height is commanded is to hold the surface.
    return (commanded_m if best_m == heights[0] else best_m), 0


@compiled
def best_height_m(
    pilot: Float64s, control: Float64s, aim: Float64s, here: Float64s, heights: Float64s, paper: Float64s
) -> float:
    """Return the first height of the pair that does best; the one that stays, unless another is better."""
    east, north, far = bearing_and_distance(here[LO], here[LA], aim[GOAL_LON], aim[GOAL_LAT])
    goal_x, goal_y = east * far, north * far
    from_x = from_y = 0.0
    if aim[KIND] == CORRIDOR:
        east, north, far = bearing_and_distance(here[LO], here[LA], aim[FROM_LON], aim[FROM_LAT])
        from_x, from_y = east * far, north * far
    kind, within, look, air = int(aim[KIND]), aim[WITHIN], pilot[LOOK], here[AIR_MPS]
    a_metre = pilot[CLIMB] * (BALLAST_COST if control[5] == WITH_BALLAST else 1.0)
    best_m, best, count = math.nan, NEVER, paper.shape[2]
    begun = (0.0, 0.0, 0.0, NEVER, 0.0, 0.0)
    # The caller holds them.
    paper, heights = borrowed(paper), borrowed(heights)
    for first in range(heights.size):
        if math.isnan(heights[first]):
            continue
        # Less for the height that is kept: to change for nothing costs, and the forecast errs.
        way = a_metre * abs(heights[first] - here[HEIGHT]) - (pilot[MARGIN] if first == 0 else 0.0)
        for share in SWITCHES:
            # The first level as far as every pair goes with it, then the rest of each.
            least = min(int(share * count + 0.5), count)
            path = walk(
                paper[first], 0, least, look, kind, within, goal_x, goal_y, from_x, from_y, air, begun
            )
            # What has been met by then is met by all; a pair that has lost already is not walked to its end.
            floor = way + (1.0 if kind == LOITER else 1.0 - NEAREST_SHARE - LAST_SHARE) * path[4] / count
            for second in range(heights.size):
                after_m = abs(heights[second] - heights[first])
                if not floor + a_metre * after_m < best:
                    continue
                # Half of the way between two levels is made in the winds of each.
                switch = min(int(share * count + 0.5 * after_m / control[1] / look + 0.5), count)
                whole = walk(
                    paper[first], least, switch, look, kind, within, goal_x, goal_y, from_x, from_y, air, path
                )
                whole = walk(
                    paper[second],
                    switch,
                    count,
                    look,
                    kind,
                    within,
                    goal_x,
                    goal_y,
                    from_x,
                    from_y,
                    air,
                    whole,
                )
                cost = way + a_metre * after_m + cost_m(kind, count, whole)
                if cost < best:
                    best_m, best = heights[first], cost
    return best_m

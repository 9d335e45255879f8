"""Orders and the pilot on paper: distances, paths, choices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overflight import geo
from overflight.errors import InputError
from overflight.twin import autopilot as pilot
from overflight.twin.autopilot import (
    Autopilot,
    Corridor,
    Drift,
    GoTo,
    Loiter,
    Order,
    Propel,
    along_and_across,
    bearing_and_distance,
    best_height_m,
    code_orders,
    code_pilot,
    cost_m,
    orders_of,
    walk,
    within_reach,
)

KM = 1e3


@pytest.mark.parametrize(
    ("lon0", "lat0", "lon1", "lat1"),
    [(10, 45, 25, 50), (179, -20, -178, -18), (0, 88, 180, 88), (30, 0, 30, 10)],
)
def test_ways_agree_with_the_geodesic(lon0: float, lat0: float, lon1: float, lat1: float) -> None:
    east, north, far = bearing_and_distance(lon0, lat0, lon1, lat1)
    # A sphere for the ellipsoid: 0.6 % at most.
    assert far == pytest.approx(float(geo.distance_m(lon0, lat0, lon1, lat1)), rel=6e-3)
    turn = math.degrees(math.atan2(east, north)) - float(geo.bearing_deg(lon0, lat0, lon1, lat1))
    assert abs((turn + 180.0) % 360.0 - 180.0) < 0.3
    assert math.hypot(east, north) == pytest.approx(1.0)


def test_along_and_across_a_line() -> None:
    assert along_and_across(3.0, 4.0, 10.0, 0.0) == pytest.approx((3.0, 4.0, 10.0))
    assert along_and_across(3.0, 4.0, 0.0, 0.0) == pytest.approx((0.0, 5.0, 0.0))


def path_cost_m(paper: np.ndarray, second: int, switch: int, *asked: float) -> float:
    """Return the cost of a path in the winds of the first level and from a step on of another."""
    path = (0.0, 0.0, 0.0, pilot.NEVER, 0.0, 0.0)
    path = walk(paper[0], 0, switch, 3600.0, *asked, path)
    path = walk(paper[second], switch, paper.shape[2], 3600.0, *asked, path)
    return cost_m(int(asked[0]), paper.shape[2], path)


def papers(*winds: tuple[float, float], count: int = 4) -> np.ndarray:
    return np.array([[[u] * count, [v] * count] for u, v in winds], float)


def test_the_cost_of_a_path() -> None:
    paper = papers((10.0, 0.0), (-10.0, 0.0))
    # Four hours at 10 m/s towards a place 100 km off: 64, 28, 8 and 44 km left.
    cost = path_cost_m(paper, 0, 4, pilot.GO_TO, 0.0, 100 * KM, 0.0, 0.0, 0.0, 0.0)
    assert cost == pytest.approx(0.6 * 8 * KM + 0.2 * 44 * KM + 0.2 * 36 * KM)
    # There and back again: 64, 28, 64 and 100 km.
    cost = path_cost_m(paper, 1, 2, pilot.GO_TO, 0.0, 100 * KM, 0.0, 0.0, 0.0, 0.0)
    assert cost == pytest.approx(0.6 * 28 * KM + 0.2 * 100 * KM + 0.2 * 64 * KM)
    # A station of 100 km radius: outside its inner 60 km by 12 km after two hours, then back.
    cost = path_cost_m(paper, 1, 2, pilot.LOITER, 100 * KM, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert cost == pytest.approx((100 * KM * math.log(1.24) + 0.05 * (36 + 72 + 36 + 0) * KM) / 4)
    # A corridor that goes north: 44 km outside its 100 km after four hours at 10 m/s east.
    cost = path_cost_m(paper, 0, 4, pilot.CORRIDOR, 100 * KM, 0.0, 500 * KM, 0.0, 0.0, 0.0)
    assert cost == pytest.approx(500 * KM + 2.0 * (8 + 44) * KM / 4)
    # Its own speed of 10 m/s holds the balloon on the station against the wind.
    cost = path_cost_m(paper, 0, 4, pilot.LOITER, 100 * KM, 0.0, 0.0, 0.0, 0.0, 10.0)
    assert cost == pytest.approx(0.0)


def row_here(alt_m: float = 18e3) -> np.ndarray:
    here = np.zeros(pilot.HERE)
    here[pilot.HEIGHT], here[pilot.TEMPERATURE] = alt_m, 216.65
    return here


CONTROL = np.array([1.0, 1.5, 1.0, 15e3, 20e3, 2.0, 500.0, 7.24, 10.0, 0.0, 600.0, 300.0, 0.0, 18e3])


def choose(goal_lon: float, heights: list[float], paper: np.ndarray, **settings: float) -> float:
    aim = np.zeros(pilot.AIM)
    aim[pilot.KIND], aim[pilot.GOAL_LON], aim[pilot.WITHIN] = pilot.GO_TO, goal_lon, 50e3
    row = code_pilot(Autopilot(**settings))
    return float(best_height_m(row, CONTROL, aim, row_here(), np.array(heights), paper))


def test_the_pilot_takes_the_wind_that_leads_there() -> None:
    paper, heights = papers((5.0, 0.0), (-8.0, 0.0), (12.0, 0.0), count=16), [18e3, 16e3, 19e3]
    assert choose(-30.0, heights, paper) == 16e3
    assert choose(30.0, heights, paper) == 19e3
    # Neither for a little, nor where the way costs more than it brings, nor where no wind is known.
    assert choose(30.0, heights, paper, margin_m=1e6) == 18e3
    assert choose(30.0, heights, paper, climb_cost=1000.0) == 18e3
    assert choose(30.0, [18e3, 16e3, math.nan], paper) == 18e3
    assert math.isnan(choose(30.0, [math.nan] * 3, paper))


def test_what_budgets_leave_within_reach() -> None:
    air = CONTROL.copy()
    assert within_reach(air, row_here(), 0.0, 0.0, 500.0) == (17.5e3, 20e3)
    assert within_reach(air, row_here(), 0.0, 0.0, 1e300) == (15e3, 20e3)
    air[5] = 1.0
    # Scale height of 216.65 K: 6341.6 m. 20 kg of 500 kg: 253.7 m up; 4 kg of gas lift 6.24 times as much.
    low, high = within_reach(air, row_here(), 20.0, 6.0, 1e300)
    assert high - 18e3 == pytest.approx(20.0 / 500.0 * 6341.6, rel=1e-3)
    assert 18e3 - low == pytest.approx(4.0 * 6.24 / 500.0 * 6341.6, rel=1e-3)


def test_orders_become_rows() -> None:
    orders = orders_of([Order(0.0, Drift()), Order(5.0, Corridor(points=((1, 2), (3, 4), (5, 6))))], 0.0)
    codes, rows, points = code_orders(orders)
    assert list(codes) == [pilot.DRIFT, pilot.CORRIDOR]
    assert list(rows[:, pilot.START]) == [0.0, 5.0]
    assert (rows[1, pilot.FIRST], rows[1, pilot.LAST], points.shape) == (0.0, 2.0, (3, 2))
    assert orders_of(Drift(), 7.0) == (Order(7.0, Drift()),)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GoTo(lon_deg=0.0, lat_deg=91.0),
        lambda: GoTo(lon_deg=math.nan, lat_deg=0.0),
        lambda: GoTo(lon_deg=0.0, lat_deg=0.0, by="magic"),
        lambda: Loiter(lon_deg=0.0, lat_deg=0.0, radius_m=0.0),
        lambda: Corridor(points=((0.0, 0.0),)),
        lambda: Propel(),
        lambda: Propel(heading_deg=0.0, course_deg=0.0),
        lambda: Drift(alt_m=-5.0),
        lambda: Order(math.inf, Drift()),
        lambda: Autopilot(levels=0),
        lambda: Autopilot(horizon_s=60.0),
        lambda: orders_of([], 0.0),
        lambda: orders_of([Order(5.0, Drift()), Order(5.0, Drift())], 0.0),
    ],
)
def test_what_is_no_order_is_refused(make: object) -> None:
    with pytest.raises(InputError):
        make()

"""Windows of least risk: a flight across a coast and across a made town, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from overflight.errors import CoverageError, InputError, LimitError
from overflight.places.population import Raster
from overflight.records import make_ensemble
from overflight.times import parse_utc
from overflight.trajectories.fragments import Fragment
from overflight.trajectories.landing_windows import landing_windows
from overflight.winds.error import WindError
from overflight.winds.grid import Grid

START = parse_utc("2023-02-04T12:00Z")
HOUR = 3600.0
LEVELS_PA = 100.0 * np.array([30.0, 100.0, 300.0, 1000.0])
STONE = Fragment(name="stone", mass_kg=50.0, drag_area_m2=1.0, mass_spread=0.0, drag_spread=0.0)
ERROR = WindError(sd_u_mps=2.0, sd_v_mps=2.0, time_s=1e5, distance_m=5e5, log_pressure=0.5, source="made")


def calm(lon: tuple[float, float] = (-90.0, -60.0)) -> Grid:
    lat, lons = np.array([20.0, 35.0, 50.0]), np.linspace(*lon, 3)
    zero = np.zeros((1, LEVELS_PA.size, 3, 3), np.float32)
    return Grid(
        time_s=np.array([START]), pressure_pa=LEVELS_PA, lat_deg=lat, lon_deg=lons, u_mps=zero,
        v_mps=zero.copy(), steady=True, name="calm",
    )  # fmt: skip


def eastward(members: int = 60, hours: int = 8, last_aloft: int | None = None) -> object:
    """Members about 34° N that go from 82° W a degree east an hour: over the coast near 79° W to the sea."""
    rng = np.random.default_rng(0)
    time = START + HOUR * np.arange(hours + 1.0)
    lon = -82.0 + 0.02 * rng.standard_normal((members, 1)) + np.arange(hours + 1.0)
    lat = 34.0 + 0.02 * rng.standard_normal((members, 1)) + np.zeros(hours + 1)
    alive = np.ones((members, hours + 1), bool)
    if last_aloft is not None:
        alive[:, last_aloft + 1 :] = False
    nan = np.where(alive, 1.0, np.nan)
    return make_ensemble(
        kind="forecast", time_s=time, lon_deg=lon * nan, lat_deg=lat * nan, alt_m=19_000.0 * nan,
        pressure_pa=6_000.0 * nan, status=np.where(alive, 0, 2),
    )  # fmt: skip


def ask(**more: object):
    given = {"ensemble": eastward(), "fragments": [STONE], "winds": calm(), "seed": 1, "every_s": HOUR}
    return landing_windows(**{**given, "members": 120, "error": ERROR, **more})


def test_over_a_coast_the_window_is_the_time_over_the_sea() -> None:
    found = ask()
    risk = [row.risk.p for row in found.times]
    # 82 to 80° W is land at 34° N, 77° W on is sea; the coast is near 78 (Cape Fear).
    assert risk[:3] == [1.0, 1.0, 1.0]
    assert risk[6:] == [0.0, 0.0, 0.0]
    ((begin, end),) = found.windows
    assert START + 4 * HOUR <= begin <= START + 6 * HOUR
    assert end == START + 8 * HOUR
    assert not found.tied
    assert [row.alike for row in found.times][:3] == [False] * 3
    least, chance = found.findings
    assert least.id == "landing.windows.least"
    assert least.value["category"].endswith("to 2023-02-04T20:00:00Z")
    assert chance.value["p"] == 0.0
    assert "Monte Carlo" in least.reason


def test_a_town_under_the_way_is_avoided_on_both_sides() -> None:
    people = np.zeros((1, 12), np.float32)
    people[0, 5:7] = 9000.0  # from 77.5 to 76.5° W
    raster = Raster(x_edge=np.linspace(-83.0, -71.0, 13) + 0.5, y_edge=np.array([33.0, 35.0]), people=people)
    found = ask(population=raster, populated_from=100.0)
    assert found.by == "populated"
    assert [row.risk.p for row in found.times] == [0, 0, 0, 0, 0, 1, 1, 0, 0]
    assert found.windows == ((START, START + 4 * HOUR), (START + 7 * HOUR, START + 8 * HOUR))
    assert "2 windows are alike" in found.findings[0].reason
    assert found.times[5].populated["stone"].p == 1.0
    assert found.times[5].land["stone"].p < 1.0
    # The same raster, asked for land alone.
    assert ask(population=raster, by="land").by == "land"


def test_where_no_time_is_better_that_is_said() -> None:
    found = ask(time_start=START, time_end=START + 2 * HOUR, every_s=HOUR / 2)
    assert found.tied
    assert found.windows == ((START, START + 2 * HOUR),)
    assert found.findings[0].value["category"] == "no time is better than another"
    assert "none is to be preferred" in found.findings[0].reason


def test_a_difference_within_the_noise_is_a_tie_and_one_beyond_it_is_not() -> None:
    """Half of the members land on a strip; moving the strip by a hair changes nothing that can be seen."""
    raster = Raster(
        x_edge=np.array([-83.0, -80.0, -77.0]), y_edge=np.array([33.0, 35.0]),
        people=np.array([[5.0, 0.0]], np.float32),
    )  # fmt: skip
    # At 80° W, where the strip ends, about half are hit; three seconds later as many.
    found = ask(population=raster, time_start=START + 2 * HOUR, time_end=START + 2 * HOUR + 3.0, every_s=3.0)
    first, second = (row.risk.p for row in found.times)
    assert 0.2 < first < 0.8
    assert abs(first - second) < 0.1
    assert found.tied
    apart = ask(
        population=raster, time_start=START + 2 * HOUR, time_end=START + 2.5 * HOUR, every_s=0.5 * HOUR
    )
    assert [row.alike for row in apart.times] == [False, True]


def test_times_after_the_flight_came_down_are_left_out_and_said() -> None:
    found = ask(ensemble=eastward(last_aloft=5))
    assert len(found.times) == 6
    assert sum("no member is in the air" in note for note in found.notes) == 3


def test_winds_that_lose_the_pieces_decide_nothing() -> None:
    found = ask(winds=calm((0.0, 20.0)))
    assert found.windows == ()
    assert found.findings[0].kind == "undetermined"
    assert all(row.alike is None for row in found.times)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(CoverageError, match="times asked"):
        ask(time_start=START - HOUR)
    with pytest.raises(CoverageError, match="times asked"):
        ask(time_start=START + 2 * HOUR, time_end=START + HOUR)
    with pytest.raises(InputError, match="every_s"):
        ask(every_s=0.0)
    with pytest.raises(LimitError, match="2000"):
        ask(every_s=1.0)
    with pytest.raises(InputError, match="raster"):
        ask(by="populated")
    with pytest.raises(InputError, match="unknown"):
        ask(by="cost")


def test_the_same_seed_gives_the_same_answer() -> None:
    times = {"time_start": START + 4 * HOUR, "time_end": START + 5 * HOUR, "every_s": HOUR / 2}
    assert ask(**times).times == ask(**times).times

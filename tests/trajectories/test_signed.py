"""Stops that are functions of Python: the same alone as among others, and no answer is no silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from made_fields import DAY, HOUR, Sliced, uniform, wavy_grid

from overflight.balloons.stops import Signed
from overflight.balloons.terms import Ascent, ConstantPressure, Flight, Stage
from overflight.errors import OverflightError
from overflight.trajectories.solve import fly

Floats = npt.NDArray[np.float64]


def ending(fn: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Flight:
    return Flight((Stage((ConstantPressure(),), (Signed(fn),)),))


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize("step_s", [300.0, 77.7])
def test_a_particle_meets_a_function_at_the_same_time_alone_and_among_others(
    direction: float, step_s: float
) -> None:
    flight = ending(lambda _t, _lon, lat, _alt: np.abs(lat - 40.0) - 1.0)
    begin, lon = (DAY if direction < 0.0 else 0.0), np.arange(0.0, 360.0, 60.0)
    start = begin + direction * np.array([0.0, 11.1, 299.9, 1000.0, 7777.7, 0.0])
    args = {"pressure_pa": 5000.0, "time_end": begin + direction * DAY, "step_s": step_s}
    args["keep_s"] = [begin + direction * k * HOUR for k in (3.0, 9.5)]
    grid = wavy_grid(4.0)
    together = fly(flight, grid, lon, 40.0, start, **args)
    assert (together.end_code == 32).sum() > 3
    for i in range(lon.size):
        alone = fly(flight, grid, lon[i], 40.0, start[i], **args)
        assert alone.end_time_s[0] == together.end_time_s[i]
        assert alone.end_lon_deg[0] == together.end_lon_deg[i]
        assert alone.lat_deg.tobytes() == together.lat_deg[i].tobytes()


def far_from_the_lake(_t: Floats, lon: Floats, _lat: Floats, _alt: Floats) -> Floats:
    return np.where(lon > 3.0, np.nan, -1.0)


def test_a_function_that_cannot_say_is_refused_by_name_place_and_stage() -> None:
    up = Stage((Ascent(5.0),), (Signed(lambda _t, _lon, _lat, alt: alt - 12e3),))
    flight = Flight((up, Stage((ConstantPressure(),), (Signed(far_from_the_lake),))))
    with pytest.raises(OverflightError, match=r"stages\[1\].*far_from_the_lake.*NaN at 3\.\d+° E.*Let it"):
        fly(flight, uniform(20.0), 0.0, 0.0, 0.0, alt_m=11e3, time_end=2 * DAY)
    track = fly(flight, uniform(20.0), 0.0, 0.0, 0.0, alt_m=11e3, time_end=HOUR)
    assert track.end_code[0] == 0


def test_a_start_without_air_asks_nothing_of_a_function() -> None:
    # The second start lies above the winds and the air they bring: it has no altitude to ask at.
    grid = wavy_grid(4.0)
    height = -6.4e3 * np.log(grid.pressure_pa / 101325.0)[None, :, None, None]
    air = {
        "temperature_k": np.full(grid.u_mps.shape, 220.0, np.float32),
        "geopotential_m": np.broadcast_to(height, grid.u_mps.shape).astype(np.float32),
    }
    flight = ending(lambda _t, _lon, _lat, alt: alt - 1e6)
    for winds in (replace(grid, **air), Sliced(grid, 3)):
        track = fly(flight, winds, [0.0, 0.0], 40.0, 0.0, pressure_pa=[5e3, 2e3], time_end=DAY)
        assert track.end_code.tolist() == [0, 2]

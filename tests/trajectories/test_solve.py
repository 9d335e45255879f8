"""The engine against closed forms, scipy's solver and itself backward, in parts and in pieces."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_fields import (
    DAY,
    HOUR,
    LEVELS_PA,
    Sliced,
    made,
    radii_m,
    rotation,
    sheared,
    sheared_grid,
    uniform,
    wavy_grid,
)
from scipy.integrate import solve_ivp

from overflight import atmosphere, compiled, geo
from overflight.balloons.coded import code
from overflight.balloons.stops import AltitudeAbove, AltitudeBelow, Duration, Ground, StoreEmpty, SunBelow
from overflight.balloons.terms import (
    AltitudeControl,
    Ascent,
    ConstantDensity,
    ConstantHeight,
    ConstantPressure,
    ConstantTheta,
    Descent,
    Flight,
    Leak,
    Parachute,
    Propulsion,
    SolarHotAir,
    Stage,
    ZeroPressure,
)
from overflight.errors import LimitError, OverflightError
from overflight.trajectories.solve import fly
from overflight.trajectories.stops import END_CODES, NOT_BEGUN
from overflight.trajectories.tracks import AIR_HELD, ALOFT, NO_MORE, NOT_YET, STATUS, Tracks
from overflight.winds.error_waves import ErrorWaves
from overflight.winds.grid import Grid
from overflight.winds.schemes import Scheme

Floats = npt.NDArray[np.float64]

LINEAR = Scheme("linear", "linear", "linear")
CUBIC = Scheme("cubic", "linear", "cubic")
FLOAT = Flight((Stage((ConstantPressure(),)),))
BURST = Flight((Stage((Ascent(5.0),), (AltitudeAbove(25e3),)), Stage((Descent(8.0),), (Ground(),))))
metre = 1.0


def general(flight: Flight, winds: Any, *args: Any, **named: Any) -> Tracks:
    """Fly by the general kernel also what has a faster way."""
    return fly(flight, winds, *args, store=(0.0, 0.0, 0.0), **named)


def apart_m(track: Tracks, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
    return np.atleast_1d(geo.distance_m(track.end_lon_deg, track.end_lat_deg, lon, lat))


def assert_same_bytes(one: Tracks, other: Tracks) -> None:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes(), field.name


# --- the path ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pole", [(0.0, 90.0), (40.0, 60.0), (-120.0, 0.0), (10.0, -35.0)])
def test_solid_body_rotation_returns_to_the_start_also_over_the_poles(pole: tuple[float, float]) -> None:
    # Cubics through whole degrees miss a wave of 360° by 1e-7 of it: metres in five days of 92 m/s.
    alt = float(atmosphere.alt_from_pressure(5000.0))
    grid = rotation(*pole, 5 * DAY, alt, 1.0)
    lon = np.array([-180.0, -90.0, 0.0, 77.0, 179.99, 10.0])
    lat = np.array([0.0, 45.0, 89.9, -60.0, 10.0, -89.5])
    track = fly(FLOAT, grid, lon, lat, 0.0, pressure_pa=5000.0, time_end=5 * DAY, scheme=CUBIC)
    assert track.end_code.tolist() == [0] * 6
    assert apart_m(track, lon, lat).max() < 100 * metre


def test_half_a_turn_about_an_axis_in_the_equator_goes_over_the_pole() -> None:
    alt = float(atmosphere.alt_from_pressure(5000.0))
    grid = rotation(90.0, 0.0, 4 * DAY, alt, 1.0)
    track = general(
        FLOAT, grid, 0.0, 0.0, 0.0, pressure_pa=5000.0, time_end=4 * DAY, scheme=CUBIC,
        keep_s=np.array([1, 2, 3, 4]) * DAY,
    )  # fmt: skip
    assert np.abs(track.lat_deg[0]) == pytest.approx([90.0, 0.0, 90.0, 0.0], abs=1e-3)


def truth(start: tuple[float, float], time_end: float, alt_m: float) -> tuple[float, float]:
    """Solve the sheared wind in longitude and latitude by scipy, to a millimetre."""

    def rate(t: float, place: Floats) -> list[float]:
        u, v = sheared(np.float64(t), place[0], place[1])
        meridian, prime = radii_m(place[1])
        cos = np.cos(np.radians(place[1]))
        return [
            float(np.degrees(u / ((prime + alt_m) * cos))),
            float(np.degrees(v / (meridian + alt_m))),
        ]

    found = solve_ivp(rate, (0.0, time_end), start, method="DOP853", rtol=1e-13, atol=1e-13)
    return float(found.y[0, -1]), float(found.y[1, -1])


ALT_50 = float(atmosphere.alt_from_pressure(5000.0))


def test_fixed_steps_are_of_fourth_order_where_the_wind_is_smooth() -> None:
    # The wind is linear along every axis: interpolation is exact and has no kinks, so only the step errs.
    lon, lat = truth((30.0, 20.0), DAY, ALT_50)
    errors = [
        apart_m(
            general(
                FLOAT, sheared_grid(), 30.0, 20.0, 0.0, pressure_pa=5000.0, time_end=DAY,
                step_s=step, scheme=LINEAR,
            ),
            lon, lat,
        )[0]
        for step in (21600.0, 10800.0, 5400.0, 2700.0)
    ]  # fmt: skip
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 3.7).all()
    assert (orders < 4.5).all()
    assert errors[-1] < 1.0 * metre


def test_the_error_of_controlled_steps_follows_the_tolerance() -> None:
    lon, lat = truth((30.0, 20.0), DAY, ALT_50)
    tolerances = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.001)
    errors = [
        apart_m(
            fly(
                FLOAT, sheared_grid(), 30.0, 20.0, 0.0, pressure_pa=5000.0, time_end=DAY,
                step_s=DAY, tolerance_m=tolerance, scheme=LINEAR,
            ),
            lon, lat,
        )[0]
        for tolerance in tolerances
    ]  # fmt: skip
    # A step's error is held, and a day has at least four (the wind's samples end steps).
    assert (np.array(errors) < 10 * np.array(tolerances)).all()
    assert errors[-1] < 1e-3 * metre


def test_a_tolerance_takes_short_steps_only_where_they_are_needed() -> None:
    grid = uniform(20.0, 5.0)
    loose = fly(
        FLOAT, grid, 0.0, 20.0, 0.0, pressure_pa=5000.0, time_end=DAY, tolerance_m=10.0, keep_s="steps"
    )
    tight = fly(BURST, grid, 0.0, 20.0, 0.0, alt_m=500.0, time_end=DAY, tolerance_m=1e-3, keep_s="steps")
    assert loose.time_s.shape[1] < 40
    assert np.diff(tight.time_s[0]).min() < 0.2 * np.diff(loose.time_s[0]).max()


@pytest.mark.parametrize("end", [2 * DAY, -2 * DAY])
def test_forward_then_back_closes_within_a_metre(end: float) -> None:
    rng = np.random.default_rng(7)
    lon = np.concatenate([rng.uniform(-180.0, 180.0, 60), [180.0, -180.0, 0.0, 33.0, 179.999]])
    lat = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, 60))), [0.0, 60.0, 90.0, -90.0, 89.999]])
    first, last = (0.0, 2 * DAY) if end > 0 else (2 * DAY, 0.0)
    grid = wavy_grid()
    there = fly(FLOAT, grid, lon, lat, first, pressure_pa=5000.0, time_end=last, scheme=CUBIC)
    back = fly(
        FLOAT,
        grid,
        there.end_lon_deg,
        there.end_lat_deg,
        last,
        pressure_pa=5000.0,
        time_end=first,
        scheme=CUBIC,
    )
    assert (there.end_code == 0).all()
    assert np.median(apart_m(there, lon, lat)) > 1e6 * metre
    assert apart_m(back, lon, lat).max() < 1.0 * metre


@pytest.mark.parametrize("turn", [-180.0, -360.0, 90.0])
def test_the_seam_of_the_grid_and_the_date_line_are_ordinary_places(turn: float) -> None:
    lon, lat = (
        np.array([179.9, -179.9, 359.9, 0.0, -0.1, 89.5]),
        np.array([50.0, -40.0, 10.0, 0.0, 80.0, -5.0]),
    )
    args = {"pressure_pa": 5000.0, "time_end": DAY, "scheme": LINEAR}
    one = general(FLOAT, wavy_grid(), lon, lat, 0.0, **args)
    other = general(FLOAT, wavy_grid(turn_deg=turn), lon + 360.0, lat, 0.0, **args)
    # Whole degrees of a turn: the fields differ by the rounding of single precision alone.
    assert (
        np.asarray(
            geo.distance_m(one.end_lon_deg, one.end_lat_deg, other.end_lon_deg, other.end_lat_deg)
        ).max()
        < 1.0
    )
    assert (np.abs(one.lon_deg) <= 180.0).all()
    assert (apart_m(one, lon, lat) > 1e5).all()


def test_constant_pressure_is_held_to_the_last_bit() -> None:
    keep = np.arange(0.0, DAY + 1, HOUR)
    track = general(
        FLOAT,
        wavy_grid(),
        [0.0, 90.0],
        [10.0, 80.0],
        0.0,
        pressure_pa=[4321.0, 6789.0],
        time_end=DAY,
        keep_s=keep,
    )
    assert (track.pressure_pa == track.pressure_pa[:, :1]).all()
    assert track.pressure_pa[:, 0] == pytest.approx([4321.0, 6789.0], rel=1e-14)


def test_the_fast_way_of_a_float_is_the_general_one() -> None:
    rng = np.random.default_rng(3)
    lon, lat, p = rng.uniform(-180, 180, 40), rng.uniform(-85, 85, 40), rng.uniform(3000, 8000, 40)
    args = {"pressure_pa": p, "time_end": 2 * DAY, "scheme": LINEAR, "keep_s": np.arange(0, 9) * 21600.0}
    fast, slow = (
        fly(FLOAT, wavy_grid(), lon, lat, 0.0, **args),
        general(FLOAT, wavy_grid(), lon, lat, 0.0, **args),
    )
    gap = np.asarray(geo.distance_m(fast.lon_deg, fast.lat_deg, slow.lon_deg, slow.lat_deg))
    assert gap.max() < 10.0 * metre
    np.testing.assert_allclose(fast.alt_m, slow.alt_m, atol=1e-6)
    np.testing.assert_array_equal(fast.status, slow.status)


def test_without_the_fast_way_a_float_flies_the_same_alone_and_among_others() -> None:
    grid, lon = wavy_grid(4.0), np.linspace(-170, 170, 5)
    args = {"time_end": DAY, "scheme": LINEAR, "keep_s": [0.0, HOUR, DAY], "fast": False}
    # The third start comes later and the last is above the winds: neither could go the fast way.
    start, pressure = [0.0, 0.0, HOUR, 0.0, 0.0], np.array([4e3, 5e3, 5e3, 6e3, 2e3])
    together = fly(FLOAT, grid, lon, lon / 3, start, pressure_pa=pressure, **args)
    for some in ([0], [1, 3], [3]):
        alone = fly(FLOAT, grid, lon[some], lon[some] / 3, 0.0, pressure_pa=pressure[some], **args)
        assert alone.lon_deg.tobytes() == together.lon_deg[some].tobytes()
        assert alone.end_lat_deg.tobytes() == together.end_lat_deg[some].tobytes()
    assert together.end_code.tolist() == [0, 0, 0, 0, 2]


def test_asking_for_progress_does_not_choose_the_way() -> None:
    seen: list[float] = []
    args = {"pressure_pa": [4e3, 6e3], "time_end": DAY, "scheme": LINEAR}
    silent = fly(FLOAT, wavy_grid(4.0), [0.0, 90.0], 40.0, 0.0, **args)
    asked = fly(FLOAT, wavy_grid(4.0), [0.0, 90.0], 40.0, 0.0, progress=seen.append, **args)
    slow = fly(FLOAT, wavy_grid(4.0), [0.0, 90.0], 40.0, 0.0, fast=False, **args)
    assert_same_bytes(silent, asked)
    assert seen == [1.0]
    assert (slow.end_lon_deg != silent.end_lon_deg).all()


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("lon", [179.9999999, np.nextafter(180.0, 0.0), 180.0, -180.0])
def test_single_precision_keeps_longitudes_in_the_circle(lon: float, fast: bool) -> None:
    track = fly(
        FLOAT, uniform(0.0), lon, 0.0, 0.0, pressure_pa=5000.0, time_end=HOUR, scheme=LINEAR,
        float32=True, fast=fast,
    )  # fmt: skip
    assert ((track.lon_deg >= -180.0) & (track.lon_deg < 180.0)).all()
    assert np.cos(np.radians(track.lon_deg)) == pytest.approx(-1.0)


# --- members, pieces and parts -------------------------------------------------------------------------


def drawn_errors(members: int, seed: int) -> ErrorWaves:
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(members, 5, 8)) * np.array([5.0, 5.0, 5.0, 2.0, 1e-5])[:, None]
    return ErrorWaves(
        waves, rng.normal(size=(members, 3, 8)), rng.normal(size=(members, 3, 8)), 0.0, 2.0, 2.0
    )


KINDS: dict[str, dict[str, Any]] = {
    "fixed": {"scheme": LINEAR},
    "cubic in time": {"scheme": CUBIC, "step_s": 700.0},
    "controlled": {"tolerance_m": 1.0},
    "with errors": {"errors": drawn_errors(7, 1), "error_every_s": 5000.0},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [2 * DAY, 0.0])
def test_windows_of_the_wind_give_the_bytes_of_the_whole(kind: str, end: float) -> None:
    grid, begin = wavy_grid(4.0), 2 * DAY - end
    start = begin + np.sign(end - begin) * np.array([0.0, 100.0, 21600.0, 40000.0, 50000.0, 0.0, 86400.0])
    flight = Flight(
        (
            Stage((ConstantPressure(),), (Duration(20 * HOUR),)),
            Stage((ConstantHeight(21e3),), (AltitudeAbove(20.5e3),)),
            Stage((ConstantHeight(),)),
        )
    )
    args = {
        "pressure_pa": 6000.0, "time_end": end, "keep_s": np.linspace(begin, end, 14), **KINDS[kind]
    }  # fmt: skip
    lon, lat = np.linspace(-170, 170, 7), np.linspace(-80, 88, 7)
    whole = general(flight, grid, lon, lat, start, **args)
    assert (whole.end_code == 0).all()
    assert set(whole.end_stage.tolist()) == {2}
    for samples in (1, 3):
        assert_same_bytes(whole, general(flight, Sliced(grid, samples), lon, lat, start, **args))


def test_any_number_of_threads_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, lon = wavy_grid(4.0), np.linspace(-180, 179, 23)
    args = {"alt_m": 18e3, "time_end": DAY, "keep_s": [0.0, HOUR, DAY], "errors": drawn_errors(23, 2)}
    tracks = []
    for count in (1, 2, 5):
        monkeypatch.setattr(compiled, "workers", lambda count=count: count)
        tracks.append(fly(BURST, grid, lon, lon / 2, 0.0, **args))
    assert_same_bytes(tracks[0], tracks[1])
    assert_same_bytes(tracks[0], tracks[2])


def test_a_particle_flies_the_same_alone_and_among_others() -> None:
    grid, lon = wavy_grid(4.0), np.linspace(-180, 179, 5)
    together = fly(BURST, grid, lon, lon / 2, 0.0, alt_m=18e3, time_end=DAY)
    alone = fly(BURST, grid, lon[3], lon[3] / 2, 0.0, alt_m=18e3, time_end=DAY)
    assert together.end_lon_deg[3] == alone.end_lon_deg[0]


def test_members_may_have_rows_of_their_own() -> None:
    rates = np.array([2.0, 5.0, 7.5])
    flight = Flight((Stage((Ascent(5.0),)),))
    rows = np.repeat(code(flight).rows[None], 3, axis=0)
    rows[:, 0, 0, 0] = rates
    track = fly(flight, uniform(0.0), 0.0, 0.0, 0.0, alt_m=500.0, time_end=HOUR, rows=rows[:1])
    assert track.end_alt_m.tolist() == pytest.approx([500.0 + 2.0 * HOUR], abs=0.5)
    track = fly(
        flight, uniform(0.0), np.zeros(3), 0.0, 0.0, alt_m=500.0, time_end=2000.0, step_s=50.0, rows=rows
    )
    assert track.end_alt_m == pytest.approx(500.0 + rates * 2000.0, abs=0.5)


def test_an_error_that_is_the_same_everywhere_adds_to_the_wind() -> None:
    # No waves: the vector (0, 1, 0), which points east on the meridian of Greenwich.
    waves, ones = np.zeros((1, 5, 1)), np.zeros((1, 3, 1))
    ones[0, 1] = 1.0
    errors = ErrorWaves(waves, ones, np.zeros((1, 3, 1)), 0.0, 5.0, 5.0)
    args = {"pressure_pa": 5000.0, "time_end": HOUR}
    track = fly(FLOAT, uniform(20.0), 0.0, 0.0, 0.0, errors=errors, **args)
    plain = fly(FLOAT, uniform(25.0), 0.0, 0.0, 0.0, **args)
    assert track.end_lon_deg[0] == pytest.approx(plain.end_lon_deg[0], rel=1e-4)


@pytest.mark.parametrize("start", [0.0, 9000.0])
def test_a_particle_that_starts_beyond_the_end_flies_the_same_way_in_any_company(start: float) -> None:
    args = {"pressure_pa": 5000.0, "time_end": 7200.0, "keep_s": [7200.0], "scheme": LINEAR, "fast": False}
    for backward in (False, True):
        pair = fly(FLOAT, uniform(10.0), 0.0, 0.0, [start, 9000.0 - start], backward=backward, **args)
        alone = fly(FLOAT, uniform(10.0), 0.0, 0.0, start, backward=backward, **args)
        assert alone.end_code[0] == (NOT_BEGUN if backward == (start == 0.0) else 0)
        assert alone.end_code[0] == pair.end_code[0]
        assert alone.end_lon_deg[0] == pair.end_lon_deg[0]
        assert alone.status.tolist() == pair.status[:1].tolist()


# --- what is kept --------------------------------------------------------------------------------------


def test_starts_at_different_times_and_the_time_before_them() -> None:
    track = fly(
        FLOAT, uniform(10.0), 0.0, 0.0, [0.0, 1800.0, 9000.0], pressure_pa=5000.0, time_end=7200.0,
        backward=False, keep_s=[0.0, 3600.0, 7200.0],
    )  # fmt: skip
    assert track.status.tolist() == [[0, 0, 0], [NOT_YET, 0, 0], [NOT_YET] * 3]
    assert track.end_code.tolist() == [0, 0, NOT_BEGUN]
    gone = track.lon_deg[0] / track.lon_deg[0, 1]
    assert gone == pytest.approx([0.0, 1.0, 2.0])
    assert track.lon_deg[1, 1:] == pytest.approx(track.lon_deg[0, 1] * np.array([0.5, 1.5]))


def test_every_step_is_kept_when_asked_for() -> None:
    track = fly(FLOAT, uniform(10.0), [0.0, 90.0], 0.0, [0.0, 1000.0], pressure_pa=5000.0, time_end=2000.0,
                step_s=500.0, keep_s="steps")  # fmt: skip
    assert track.time_s[0].tolist() == [0.0, 500.0, 1000.0, 1500.0, 2000.0]
    assert track.time_s[1, :3].tolist() == [1000.0, 1500.0, 2000.0]
    assert np.isnan(track.lon_deg[1, 3:]).all()
    assert np.diff(track.lon_deg[0]) == pytest.approx(track.lon_deg[0, 1], rel=1e-9)


def test_after_its_last_step_a_particle_has_a_status_that_says_so() -> None:
    track = fly(
        FLOAT, region(), [-10.0, -10.0, 15.0, 0.0], 45.0, [0.0, 20 * HOUR, 0.0, 2 * DAY],
        pressure_pa=5000.0, time_end=DAY, backward=False, keep_s="steps", scheme=CUBIC, step_s=HOUR,
    )  # fmt: skip
    made = np.isfinite(track.time_s)
    assert made.sum(axis=1).tolist()[:2] == [25, 5]
    after = np.array([NO_MORE, NO_MORE, track.end_code[2], NOT_BEGUN])
    assert track.end_code.tolist() == [0, 0, 4, NOT_BEGUN]
    assert (track.status == np.where(made, ALOFT, after[:, None])).all()
    assert (np.isnan(track.lon_deg) == ~made).all()


@pytest.mark.parametrize("end", [2 * DAY, 0.0])
def test_the_steps_of_windows_are_those_of_the_whole_also_from_later_starts(end: float) -> None:
    grid, begin = wavy_grid(4.0), 2 * DAY - end
    start = begin + np.sign(end - begin) * np.array([0.0, 21600.0, 50000.0, 86400.0, 172800.0])
    flight = Flight((Stage((ConstantHeight(18e3),)),))
    args = {"alt_m": 18.1e3, "time_end": end, "keep_s": "steps"}
    whole = fly(flight, grid, np.linspace(-170, 170, 5), 40.0, start, **args)
    parts = fly(flight, Sliced(grid, 1), np.linspace(-170, 170, 5), 40.0, start, **args)
    assert_same_bytes(whole, parts)
    assert (whole.time_s[:, 0] == start).all()
    assert np.isfinite(whole.pressure_pa[:, 0]).all()


def test_kept_times_are_hit_exactly_whatever_the_step() -> None:
    keep = np.array([0.0, 1.0, 1000.0, 3599.0, 3600.0])
    args = {"pressure_pa": 5000.0, "time_end": 3600.0, "keep_s": keep}
    coarse = fly(FLOAT, uniform(10.0), 0.0, 0.0, 0.0, step_s=1e6, **args)
    fine = fly(FLOAT, uniform(10.0), 0.0, 0.0, 0.0, step_s=7.0, **args)
    np.testing.assert_allclose(coarse.lon_deg, fine.lon_deg, atol=1e-10)


def test_positions_may_be_kept_in_single_precision() -> None:
    args = {"alt_m": 1000.0, "time_end": HOUR, "keep_s": [0.0, HOUR]}
    half, full = (fly(BURST, uniform(10.0), 5.0, 6.0, 0.0, float32=f, **args) for f in (True, False))
    assert half.lon_deg.dtype == np.float32
    np.testing.assert_array_equal(half.lon_deg, full.lon_deg.astype(np.float32))
    assert half.end_lon_deg[0] == full.end_lon_deg[0]


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    fly(
        FLOAT,
        Sliced(wavy_grid(4.0), 2),
        0.0,
        0.0,
        0.0,
        pressure_pa=5000.0,
        time_end=2 * DAY,
        progress=seen.append,
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 3


# --- the border of the data ----------------------------------------------------------------------------


def region() -> Grid:
    return uniform(
        20.0, 0.0, time_s=np.arange(5) * 21600.0, lat_deg=np.arange(30.0, 61.0, 2.0),
        lon_deg=np.arange(-20.0, 21.0, 2.0), periodic=False,
    )  # fmt: skip


def test_a_particle_ends_at_the_border_of_the_data_and_not_before() -> None:
    track = fly(FLOAT, region(), [10.0, -10.0], 45.0, 0.0, pressure_pa=5000.0, time_end=DAY, scheme=CUBIC,
                keep_s=np.arange(0, DAY + 1, HOUR))  # fmt: skip
    assert track.end_code.tolist() == [4, 0]
    # Within the tenth of a second that the border is searched to, at 20 m/s.
    assert track.end_lon_deg[0] == pytest.approx(20.0, abs=1e-4)
    assert track.end_lon_deg[0] < 20.0 + 1e-6
    ended = track.time_s > track.end_time_s[0]
    assert (track.status[0] == np.where(ended, 4, 0)).all()
    assert (np.isnan(track.lon_deg[0]) == ended).all()
    assert 0.9 * DAY > track.end_time_s[0] > 6 * HOUR


@pytest.mark.parametrize(("start", "end", "at"), [(0.0, 2 * DAY, DAY), (DAY, -DAY, 0.0)])
def test_the_wind_of_the_last_sample_is_the_last(start: float, end: float, at: float) -> None:
    lon = -10.0 if end > start else 15.0
    track = fly(FLOAT, region(), lon, 45.0, start, pressure_pa=5000.0, time_end=end, scheme=CUBIC)
    assert track.end_code[0] == 1
    assert track.end_time_s[0] == at
    assert np.isfinite(track.end_lon_deg[0])


def test_an_ascent_ends_at_the_top_of_the_model() -> None:
    top = float(atmosphere.alt_from_pressure(LEVELS_PA[0]))
    track = fly(Flight((Stage((Ascent(5.0),)),)), uniform(10.0), 0.0, 0.0, 0.0, alt_m=1000.0, time_end=DAY)
    assert track.end_code[0] == 2
    assert top - 1.0 < track.end_alt_m[0] <= top + 1e-2


def test_below_the_lowest_level_the_air_is_held_as_far_as_allowed_and_said_so() -> None:
    lowest = float(atmosphere.alt_from_pressure(1e5))
    flight, args = Flight((Stage((Descent(5.0),), (Ground(),)),)), {"alt_m": 300.0, "time_end": HOUR}
    held = fly(flight, uniform(10.0), 0.0, 0.0, 0.0, keep_s=[0.0, 50.0], **args)
    assert END_CODES[int(held.end_code[0])] == "stopped: ground"
    assert held.status[0].tolist() == [0, AIR_HELD]
    never = fly(flight, uniform(10.0), 0.0, 0.0, 0.0, hold_below_m=0.0, **args)
    assert never.end_code[0] == 2
    assert never.end_alt_m[0] == pytest.approx(lowest, abs=1.0)


def test_a_start_outside_the_data_ends_where_it_is() -> None:
    track = fly(FLOAT, region(), [0.0, 100.0, 0.0], [80.0, 45.0, 45.0], [0.0, 0.0, -5.0], pressure_pa=5000.0,
                time_end=DAY, scheme=CUBIC)  # fmt: skip
    assert track.end_code.tolist() == [3, 4, 1]
    assert track.end_lon_deg.tolist() == pytest.approx([0.0, 100.0, 0.0])
    assert track.end_time_s.tolist() == [0.0, 0.0, -5.0]


def test_a_hole_in_the_data_ends_a_particle() -> None:
    grid = made(lambda t, x, y: (np.where((x >= 40) & (x <= 60), np.nan, 50.0), np.zeros(t.shape)))
    track = fly(FLOAT, grid, 10.0, 5.0, 0.0, pressure_pa=5000.0, time_end=5 * DAY, scheme=LINEAR)
    assert track.end_code[0] == 5
    assert track.end_lon_deg[0] == pytest.approx(38.0, abs=0.2)


def test_a_trial_that_finds_no_wind_is_not_taken_for_a_stop() -> None:
    # The first trial of the search for the stop, half of the step, looks for wind in the hole that all of
    # the step leaps over: an eighth and a quarter of it lie 15° and 30° east.
    grid = made(
        lambda t, x, y: (np.where(x == 30.0, np.nan, 120.0 * 111.5e3 / DAY), np.zeros(t.shape)),
        lat_deg=np.arange(-10.0, 11.0, 2.0),
    )
    flight = Flight((Stage((Ascent(0.1),), (AltitudeAbove(15e3 + 0.09 * DAY),)),))
    track = fly(
        flight, grid, 0.0, 0.0, 0.0, alt_m=15e3, time_end=DAY, step_s=DAY, scheme=LINEAR, hold_below_m=0.0
    )
    assert END_CODES[int(track.end_code[0])] == "stopped: altitude above"
    # A step of a day errs by some metres in height; the time of the stop is that of the same step.
    assert track.end_time_s[0] == pytest.approx(0.9 * DAY, abs=0.01 * DAY)
    assert track.end_alt_m[0] == pytest.approx(15e3 + 0.09 * DAY, abs=0.01)


# --- anything at all -----------------------------------------------------------------------------------

FLIGHTS = (
    FLOAT,
    BURST,
    Flight((Stage((ConstantDensity(),)),)),
    Flight((Stage((ConstantTheta(),), (SunBelow(0.0),)), Stage((Parachute(),), (Ground(),)))),
    Flight((Stage((ConstantHeight(20e3),), (AltitudeBelow(100.0), Duration(5e4))), Stage((Ascent(3.0),)))),
    Flight((Stage((Descent(50.0),)),)),
)
SINK = AltitudeControl(target=((0.0, 15e3), (DAY, 25e3)), means="ballast", mass_kg=50.0, gas_budget_kg=1.0)
# With gas, ballast, heat and power: these know no way back.
POWERED = (
    Flight((Stage((ZeroPressure(volume_m3=1000.0, gas_kg=20.0, mass_kg=60.0, ballast_kgps=0.01),)),)),
    Flight((Stage((SolarHotAir(),), (StoreEmpty(0),)), Stage((Parachute(),), (Ground(),)))),
    Flight((Stage((ConstantPressure(), Leak(loss_kgps=1e-4, spare_kg=0.2, gas_kg=8.0)),),)),
    Flight(
        (
            Stage(
                (
                    ConstantHeight(),
                    Propulsion(
                        airspeed_mps=9.0, toward=(10.0, 20.0), power_w=200.0, solar_w=500.0, battery_j=1e6,
                        load_w=10.0,
                    ),
                ),
                (StoreEmpty(1),),
            ),
            Stage((Descent(5.0),), (Ground(),)),
        )
    ),
    Flight((Stage((SINK,), (StoreEmpty(0),)),)),
)  # fmt: skip


@dataclass(frozen=True)
class Heights:
    lat_deg: Floats
    lon_deg: Floats
    height_m: npt.NDArray[np.float32]


def hills(seed: int) -> Heights:
    lat, lon = np.arange(-90.0, 91.0, 30.0), np.arange(-180.0, 180.0, 30.0)
    height = np.random.default_rng(seed).normal(1e3, 3e3, (lat.size, lon.size))
    height[height > 5e3] = np.nan
    return Heights(lat, lon, height.astype(np.float32))


def storm(seed: int, speed: float, holes: float, globe: bool) -> Grid:
    rng = np.random.default_rng(seed)

    def wind(t: Floats, _x: Floats, _y: Floats) -> tuple[Floats, Floats]:
        u, v = speed * rng.normal(size=(2, *t.shape))
        u[rng.uniform(size=t.shape) < holes] = np.nan
        return u, v

    lon = np.arange(0.0, 360.0, 20.0) if globe else np.arange(-50.0, 51.0, 10.0)
    lat = np.arange(-80.0, 81.0, 20.0) if globe else np.arange(40.0, 90.0, 10.0)
    return made(wind, time_s=np.arange(4) * 43200.0, lat_deg=lat, lon_deg=lon, periodic=globe)


def assert_sound(track: Tracks, begin: float, end: float) -> None:
    """Every number is there or a code says why not; ends lie within the run and on the Earth."""
    assert set(track.end_code.tolist()) <= set(END_CODES)
    assert set(track.status.ravel().tolist()) <= set(STATUS)
    fine = np.isin(track.status, (ALOFT, AIR_HELD))
    time_s = np.broadcast_to(track.time_s, track.status.shape)
    for values in (time_s, track.lon_deg, track.lat_deg, track.alt_m, track.pressure_pa):
        assert np.isfinite(values[fine]).all()
    assert not (track.lon_deg >= 180.0).any()
    assert not (track.lon_deg < -180.0).any()
    assert np.isfinite(track.end_lon_deg + track.end_lat_deg + track.end_time_s).all()
    low, high = sorted((begin, end))
    assert ((track.end_time_s >= low) & (track.end_time_s <= high)).all()
    assert (np.abs(track.end_lat_deg) <= 90.0).all()


angle = st.one_of(st.sampled_from([-180.0, 0.0, 180.0, 359.999, 720.0]), st.floats(-400, 400))
parallel = st.one_of(st.sampled_from([-90.0, 0.0, 90.0, 89.9999]), st.floats(-90, 90))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**16),
    flight=st.sampled_from(FLIGHTS),
    starts=st.lists(st.tuples(angle, parallel), min_size=1, max_size=4),
    alt=st.one_of(st.floats(-1e4, 1e5), st.sampled_from([0.0, 86e3, 1e7, -1e8])),
    begin=st.floats(-DAY, 2 * DAY),
    length=st.one_of(st.floats(-2 * DAY, 2 * DAY), st.sampled_from([0.0, 1e-6, -1e-6])),
    step=st.floats(60.0, 1e5),
    tolerance=st.one_of(st.none(), st.sampled_from([1.0, 1e4])),
    scheme=st.sampled_from([LINEAR, CUBIC, Scheme("cubic", "lagrange", "cubic")]),
    speed=st.sampled_from([0.0, 30.0, 1e4, 1e30]),
    holes=st.sampled_from([0.0, 0.02]),
    globe=st.booleans(),
    terrain=st.booleans(),
    keep=st.sampled_from([None, "steps"]),
    errors=st.sampled_from([None, 2.0, np.nan, 1e4, 1e30]),
    every=st.floats(60.0, 1e5),
)
def test_nothing_hangs_and_no_number_is_missing_without_a_code(
    seed: int, flight: Flight, starts: list[tuple[float, float]], alt: float, begin: float, length: float,
    step: float, tolerance: float | None, scheme: Scheme, speed: float, holes: float, globe: bool,
    terrain: bool, keep: Any, errors: float | None, every: float,
) -> None:  # fmt: skip
    grid, places = storm(seed, speed, holes, globe), np.array(starts)
    track = fly(
        flight, grid, places[:, 0], places[:, 1], begin, alt_m=alt, time_end=begin + length, step_s=step,
        tolerance_m=tolerance, scheme=scheme, terrain=hills(seed) if terrain else None, keep_s=keep,
        errors=of_size(errors, len(starts), seed), error_every_s=every,
    )  # fmt: skip
    assert_sound(track, begin, begin + length)


def of_size(size: float | None, members: int, seed: int) -> ErrorWaves | None:
    return None if size is None else drawn_errors(members, seed)._replace(sd_u=size, sd_v=size)


kilos = st.one_of(st.sampled_from([0.0, 1e-9, 1e9]), st.floats(0.0, 100.0))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**16),
    flight=st.sampled_from(POWERED),
    starts=st.lists(st.tuples(angle, parallel), min_size=1, max_size=4),
    alt=st.floats(-1e3, 4e4),
    store=st.tuples(kilos, st.one_of(st.sampled_from([0.0, 1e30]), st.floats(0.0, 1e7)), kilos),
    begin=st.floats(0.0, DAY),
    length=st.floats(0.0, 2 * DAY),
    step=st.floats(60.0, 3600.0),
    tolerance=st.one_of(st.none(), st.sampled_from([100.0])),
    speed=st.sampled_from([0.0, 30.0, 1e4]),
    errors=st.sampled_from([None, 2.0]),
)
def test_nothing_hangs_and_no_store_runs_away_with_gas_heat_and_power(
    seed: int, flight: Flight, starts: list[tuple[float, float]], alt: float,
    store: tuple[float, float, float], begin: float, length: float, step: float, tolerance: float | None,
    speed: float, errors: float | None,
) -> None:  # fmt: skip
    grid, places = storm(seed, speed, 0.0, True), np.array(starts)
    track = fly(
        flight, grid, places[:, 0], places[:, 1], begin, alt_m=alt, time_end=begin + length, step_s=step,
        tolerance_m=tolerance, scheme=LINEAR, store=store, errors=of_size(errors, len(starts), seed),
    )  # fmt: skip
    assert_sound(track, begin, begin + length)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**16),
    starts=st.lists(st.tuples(angle, parallel), min_size=1, max_size=4),
    pressure=st.one_of(st.floats(500.0, 1e5), st.sampled_from([500.0, 1e5, 1.0, 1e9])),
    begin=st.floats(-DAY, 2 * DAY),
    length=st.one_of(st.floats(-2 * DAY, 2 * DAY), st.sampled_from([0.0, 1e-6, -1e-6])),
    step=st.floats(60.0, 1e5),
    speed=st.sampled_from([0.0, 30.0, 1e4, 1e30]),
    holes=st.sampled_from([0.0, 0.02]),
    globe=st.booleans(),
    fast=st.booleans(),
    float32=st.booleans(),
)
def test_nothing_hangs_and_no_number_is_missing_on_one_pressure_surface(
    seed: int, starts: list[tuple[float, float]], pressure: float, begin: float, length: float, step: float,
    speed: float, holes: float, globe: bool, fast: bool, float32: bool,
) -> None:  # fmt: skip
    grid, places = storm(seed, speed, holes, globe), np.array(starts)
    track = fly(
        FLOAT, grid, places[:, 0], places[:, 1], begin, pressure_pa=pressure, time_end=begin + length,
        step_s=step, scheme=LINEAR, fast=fast, float32=float32,
        keep_s=np.unique([begin, begin + 0.3 * length, begin + length])[:: -1 if length < 0.0 else 1],
    )  # fmt: skip
    assert_sound(track, begin, begin + length)


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"step_s": 0.0},
        {"step_s": np.nan},
        {"tolerance_m": 0.0},
        {"tolerance_m": np.nan},
        {"lat_deg": 91.0},
        {"lat_deg": np.nan},
        {"lon_deg": np.inf},
        {"lon_deg": [0.0, 1.0, 2.0], "lat_deg": [0.0, 1.0]},
        {"lon_deg": []},
        {"time_end": np.nan},
        {"start_time": np.nan},
        {"pressure_pa": 0.0},
        {"pressure_pa": np.nan},
        {"pressure_pa": None},
        {"alt_m": 5.0},
        {"keep_s": [3600.0, 1800.0]},
        {"keep_s": [7200.0]},
        {"keep_s": []},
        {"keep_s": "hours"},
        {"lon_deg": [0.0, 0.0], "start_time": [0.0, 9000.0]},
        {"rows": np.zeros((2, 1, 1, 1))},
        {"store": (1.0, 2.0)},
        {"store": (1.0, np.nan, 0.0)},
        {"errors": drawn_errors(2, 0)},
        {"error_every_s": 0.0},
        {"hold_below_m": -1.0},
    ],
    ids=str,
)
def test_unusable_arguments_are_refused(wrong: dict[str, Any]) -> None:
    usable = {"lon_deg": 0.0, "lat_deg": 0.0, "start_time": 0.0, "time_end": 3600.0, "pressure_pa": 5000.0}
    with pytest.raises(OverflightError):
        fly(FLOAT, uniform(1.0), **(usable | wrong))


@pytest.mark.parametrize(
    "wrong", [{"step_s": 0.01, "time_end": 1e9}, {"keep_s": np.linspace(0, 3600, 1_000_000)}]
)
def test_a_run_beyond_all_measure_is_refused_before_it_starts(wrong: dict[str, Any]) -> None:
    usable = {
        "lon_deg": np.zeros(500),
        "lat_deg": 0.0,
        "start_time": 0.0,
        "time_end": 3600.0,
        "pressure_pa": 5000.0,
    }
    with pytest.raises(LimitError):
        fly(FLOAT, uniform(1.0), **(usable | wrong))

"""The least control: closed forms in an even wind, and schedules of height that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_steering import HOUR, PLAIN, even_air, made_fixes, made_grid, turning

from overflight.atmosphere import density_kgpm3
from overflight.reconstruct.motion import make_air
from overflight.steer.along import winds_along
from overflight.steer.effort import least_airspeed, least_altitude


def at_18_km(t):  # a height as a function of time
    return np.full(np.shape(t), 18.0)


def test_a_straight_gap_takes_a_constant_push() -> None:
    # Along the frame's equator, where the plane is the sphere: 48 h, wind 10 m/s, flown at 13.
    span = 48 * HOUR
    fixes = made_fixes([0.0, span], [0.0, 13e-3 * span], [0.0, 0.0], sd_km=1e-3)
    effort = least_airspeed(fixes, even_air(10.0), at_18_km, named_mps=2.5)
    assert effort is not None
    assert effort.explained
    np.testing.assert_allclose(effort.push_mps[:, 0], 3.0, rtol=2e-4)
    np.testing.assert_allclose(effort.push_mps[:, 1], 0.0, atol=1e-6)
    assert effort.rms_mps == pytest.approx(3.0, rel=2e-4)
    assert effort.integral_m2ps == pytest.approx(9.0 * span, rel=5e-4)
    assert effort.hours_above == pytest.approx(48.0)
    assert effort.drag_jpm2 == pytest.approx(0.5 * float(density_kgpm3(18e3)) * 27.0 * span, rel=1e-3)


def test_each_gap_takes_its_own_push() -> None:
    # 24 h at +4 m/s, then 12 h at -2: with fixes that are hard the pushes are those of the gaps.
    times = np.array([0.0, 24.0, 36.0]) * HOUR
    x = np.cumsum([0.0, 14e-3 * 24 * HOUR, 8e-3 * 12 * HOUR])
    effort = least_airspeed(made_fixes(times, x, 0.0, sd_km=1e-3), even_air(10.0), at_18_km)
    assert effort is not None
    speed = effort.push_mps[:, 0]
    middle = 0.5 * (effort.time_s[1:] + effort.time_s[:-1])
    np.testing.assert_allclose(speed[middle < 24 * HOUR], 4.0, rtol=1e-3)
    np.testing.assert_allclose(speed[middle > 24 * HOUR], -2.0, rtol=1e-3)
    assert effort.peak_mps == pytest.approx(4.0, rel=1e-3)


def test_drifting_takes_nothing() -> None:
    air = make_air(PLAIN, made_grid(turning, 1.0))
    place, places = np.zeros(2), [np.zeros(2)]
    for n in range(96):
        half = place + winds_along(air, n * 900.0, *place, 18.0).velocity[0] * 450.0
        place = place + winds_along(air, n * 900.0, *half, 18.0).velocity[0] * 900.0
        places.append(place)
    path = np.array(places)[::8]
    effort = least_airspeed(made_fixes(np.arange(13) * 7200.0, *path.T, sd_km=1.0), air, at_18_km)
    assert effort is not None
    assert effort.explained
    assert effort.rms_mps < 0.02


def test_wide_errors_excuse_a_push() -> None:
    span = 24 * HOUR
    near = made_fixes([0.0, span], [0.0, 10e-3 * span + 50.0], [0.0, 0.0], sd_km=100.0)
    effort = least_airspeed(near, even_air(10.0), at_18_km)
    assert effort is not None
    assert effort.rms_mps < 0.01


def test_fixes_left_out_do_not_count() -> None:
    times = np.array([0.0, 12.0, 24.0]) * HOUR
    fixes = made_fixes(times, [0.0, 5000.0, 10e-3 * 24 * HOUR], 0.0, sd_km=1.0)
    effort = least_airspeed(fixes, even_air(10.0), at_18_km, used=np.array([True, False, True]))
    assert effort is not None
    assert effort.fixes == 2
    assert effort.rms_mps < 0.1


def test_one_fix_takes_no_effort_that_could_be_told() -> None:
    fixes = made_fixes([0.0], [0.0], [0.0])
    assert least_airspeed(fixes, even_air(10.0), at_18_km) is None
    assert least_altitude(fixes, even_air(10.0), (16.0, 20.0), error_time_s=10 * HOUR) is None


def shearing(z, la, lo):
    """Eastward at 10 m/s below, northward at 10 m/s above, turning evenly from 16 to 22 km."""
    angle = np.clip((z - 16.0) / 6.0, 0.0, 1.0) * np.pi / 2.0
    return 10.0 * np.cos(angle) + 0.0 * la, 10.0 * np.sin(angle) + 0.0 * la


def carried(air, schedule):
    """Places at the ends of legs of six hours, each at a height of its own."""
    place, places = np.zeros(2), [np.zeros(2)]
    for alt_km in schedule:
        for n in range(24):
            place = place + winds_along(air, n * 900.0, *place, alt_km).velocity[0] * 900.0
        places.append(place)
    return np.array(places)


def test_the_least_changes_are_those_that_were_flown() -> None:
    air = make_air(PLAIN, made_grid(shearing, 0.2))
    schedule = [17.0, 17.0, 17.0, 21.0, 21.0, 18.0, 18.0]
    places = carried(air, schedule)
    fixes = made_fixes(np.arange(8) * 6 * HOUR, *places.T, sd_km=1.0)
    effort = least_altitude(fixes, air, (16.0, 22.0), error_time_s=10 * HOUR)
    assert effort is not None
    assert effort.explained
    assert effort.changes == 2
    # Within the errors a little less than the 7 km flown will do.
    assert 5.5e3 <= effort.total_m <= 7.2e3
    np.testing.assert_allclose(effort.alt_m / 1e3, schedule, atol=0.8)


def test_one_height_takes_no_change() -> None:
    air = make_air(PLAIN, made_grid(shearing, 0.2))
    fixes = made_fixes(np.arange(6) * 6 * HOUR, *carried(air, [19.0] * 5).T, sd_km=1.0)
    effort = least_altitude(fixes, air, (16.0, 22.0), error_time_s=10 * HOUR)
    assert effort is not None
    assert (effort.changes, effort.total_m) == (0, 0.0)
    assert effort.explained


def test_what_no_height_explains_is_said() -> None:
    span = 24 * HOUR
    fixes = made_fixes([0.0, span], [0.0, -30e-3 * span], [0.0, 0.0], sd_km=1.0)
    effort = least_altitude(fixes, even_air(10.0, sd_mps=0.5), (16.0, 22.0), error_time_s=10 * HOUR)
    assert effort is not None
    assert not effort.explained
    assert effort.miss_sigma[0] > 10.0


def test_known_heights_bind() -> None:
    air = even_air(10.0, sd_mps=0.5)
    alt = [17.0, 17.0, 20.0, 20.0, 20.0]
    fixes = made_fixes(np.arange(5) * 6 * HOUR, 10e-3 * np.arange(5) * 6 * HOUR, 0.0, alt_km=alt)
    effort = least_altitude(fixes, air, (16.0, 22.0), error_time_s=10 * HOUR)
    assert effort is not None
    assert effort.changes == 1
    assert math.isclose(effort.total_m, 3000.0, abs_tol=600.0)

"""The guided filter against closed forms, sums over all cases, and plain Monte Carlo."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from free_flights import SHEARED, free_log_evidence, made_wind
from made_air import PLAIN, even_air, made_grid, wavy

from overflight.atmosphere import pressure_pa
from overflight.compiled import threads
from overflight.errors import InputError, SolveError
from overflight.reconstruct import guided
from overflight.reconstruct import guided_columns as col
from overflight.reconstruct.fixes import fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.guided import PARAMETERS, choose_nodes, describe, evidence_error, filter_flight
from overflight.reconstruct.guided_heights import day_share
from overflight.reconstruct.likelihood import LOG_MISTAKEN, MISTAKEN, STATED
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import RADIUS_KM, make_air
from overflight.winds.error import SMOOTH_RATE

KM_PER_DEG = math.pi / 180.0 * 6371.0088
HOUR = 3600.0
# Parameters known: what is left is Gaussian.
KNOWN = WindErrorBelief(
    factor_log_sd=0.0,
    time_log_sd=0.0,
    height_log_sd=0.0,
    time_s=10 * HOUR,
    mixing_km=5.0,
    mixing_log_sd=0.0,
    smooth_share=0.0,
)
STILL = {"level_m": (18_000.0, 0.0), "wander_m": 0.0}
LEVEL = MotionModel(id="level", **STILL)
START_SD_KM = 2500.0


def along_x(x_km, time_s, **given):
    """Fixes on the equator of the plain frame, where the plane is flat."""
    x = np.asarray(x_km, float)
    return fixes_from_track(PLAIN, time_s, x / KM_PER_DEG, np.zeros(x.size), **{"sd_m": 2000.0, **given})


def dense_log_evidence(x_km, mean_km, time_s, sd_km, *, own_sd=0.0, resets=(), sd_mps=3.0, belief=KNOWN):
    """Log density of fixes on one axis, from the covariance of all of them written out.

    `own_sd` (km/s) is the size of a constant velocity of its own, drawn anew at the nodes `resets` (0 and
    on): those
    with True are on, with False off.
    """
    n, dt = len(time_s), float(np.diff(time_s)[0])
    phi = math.exp(-dt / belief.time_s)
    error = np.zeros((n, n))
    error[0, 0] = 1.0
    for k in range(1, n):
        error[k] = phi * error[k - 1]
        error[k, k] = math.sqrt(1.0 - phi**2)
    place = np.zeros((n, 1 + 3 * n))
    place[0, 0] = START_SD_KM
    leg = 0
    for k in range(1, n):
        leg = k - 1 if k - 1 in dict(resets) else leg
        on = own_sd if dict(resets).get(leg, False) else 0.0
        place[k] = place[k - 1]
        place[k, 1 : 1 + n] += dt * sd_mps / 1e3 * 0.5 * (error[k - 1] + error[k])
        place[k, 1 + n + k] = belief.mixing_km * math.sqrt(dt / HOUR)
        place[k, 1 + 2 * n + leg] += dt * on
    cov = place @ place.T + np.eye(n) * sd_km**2
    off = np.asarray(x_km) - mean_km
    return float(-0.5 * (off @ np.linalg.solve(cov, off) + np.linalg.slogdet(2.0 * math.pi * cov)[1]))


def test_nodes_are_those_of_the_fixes_with_even_steps_between() -> None:
    fixes = along_x([0.0, 10.0, 20.0, 200.0], [0.0, HOUR, 2 * HOUR, 7.5 * HOUR])
    assert choose_nodes(fixes) == pytest.approx(
        np.concatenate([[0.0, HOUR], 2 * HOUR + 5.5 * HOUR / 6 * np.arange(7)])
    )
    assert choose_nodes(fixes, 2 * HOUR).size == 6


def test_in_even_winds_the_evidence_is_the_closed_form() -> None:
    time_s = np.arange(10) * HOUR
    x = 36.0 * np.arange(10) + np.random.default_rng(0).normal(0.0, 20.0, 10)
    r = filter_flight(LEVEL, along_x(x, time_s), even_air(10.0, 0.0, 3.0), KNOWN, frame=PLAIN, particles=16)
    mean = x[0] + 36.0 * np.arange(10)
    expected = dense_log_evidence(x, mean, time_s, 2.0) + dense_log_evidence(0 * x, 0 * x, time_s, 2.0)
    assert r.log_evidence == pytest.approx(expected, abs=1e-6)
    assert r.log_evidence_se < 1e-9
    assert r.fix_log_density.sum() == pytest.approx(r.log_evidence)


def test_misses_are_those_of_the_closed_form() -> None:
    # Two fixes: the second is foretold by the wind, give or take the first, the error and the mixing.
    r = filter_flight(
        LEVEL, along_x([0.0, 66.0], [0.0, HOUR]), even_air(10.0, 0.0, 3.0), KNOWN, frame=PLAIN, particles=16
    )
    phi = math.exp(-0.1)
    error = 10.8**2 * 0.25 * ((1.0 + phi) ** 2 + 1.0 - phi**2)
    sd = math.sqrt(1.0 / (1.0 / 2.0**2 + 1.0 / START_SD_KM**2) + error + 5.0**2 + 2.0**2)
    assert r.miss_km[1] == pytest.approx(30.0, rel=1e-6)
    assert r.miss_sigma[1] == pytest.approx(30.0 / sd, rel=1e-6)
    assert np.isnan(r.miss_km[0])


def test_two_parts_of_the_error_have_the_sum_of_their_covariances() -> None:
    belief = dataclasses.replace(KNOWN, fast_share=0.3, fast_time_s=2 * HOUR)
    fixes = along_x([0.0, 36.0], [0.0, HOUR])
    r = filter_flight(LEVEL, fixes, even_air(10.0, 0.0, 3.0), belief, frame=PLAIN, particles=16)
    total = 1.0 / (1.0 / 2.0**2 + 1.0 / START_SD_KM**2) + 5.0**2 + 2.0**2
    for share, memory_h in ((0.7, 10.0), (0.3, 2.0)):
        phi = math.exp(-1.0 / memory_h)
        total += share * 10.8**2 * 0.25 * ((1.0 + phi) ** 2 + 1.0 - phi**2)
    assert r.fix_log_density[1] == pytest.approx(-math.log(2.0 * math.pi * total), abs=1e-6)


def smooth_log_evidence(x_km, mean_km, time_s, sd_km, *, fast_share=0.0, sd_mps=3.0, belief=KNOWN):
    """As `dense_log_evidence`, with a slow error of two poles."""
    lag = np.abs(np.subtract.outer(time_s, time_s))
    a, b = col.POLE_1 / belief.time_s, col.POLE_2 / belief.time_s
    slow = (b * np.exp(-a * lag) - a * np.exp(-b * lag)) / (b - a)
    error = (1.0 - fast_share) * slow + fast_share * np.exp(-lag / belief.fast_time_s)
    n, dt = len(time_s), float(np.diff(time_s)[0])
    means = np.zeros((n, n))
    for k in range(1, n):
        means[k] = means[k - 1]
        means[k, k - 1 : k + 1] += 0.5 * dt * sd_mps / 1e3
    steps = np.minimum.outer(np.arange(n), np.arange(n)) * belief.mixing_km**2 * dt / HOUR
    cov = means @ error @ means.T + steps + START_SD_KM**2 + np.eye(n) * sd_km**2
    off = np.asarray(x_km) - mean_km
    return float(-0.5 * (off @ np.linalg.solve(cov, off) + np.linalg.slogdet(2.0 * math.pi * cov)[1]))


@pytest.mark.parametrize("fast_share", [0.0, 0.3])
def test_a_smooth_error_has_the_covariance_of_its_two_poles(fast_share: float) -> None:
    belief = dataclasses.replace(KNOWN, smooth_share=1.0, fast_share=fast_share, fast_time_s=2 * HOUR)
    time_s = np.arange(10) * HOUR
    x = 36.0 * np.arange(10) + np.random.default_rng(0).normal(0.0, 20.0, 10)
    r = filter_flight(LEVEL, along_x(x, time_s), even_air(10.0, 0.0, 3.0), belief, frame=PLAIN, particles=16)
    expected = sum(
        smooth_log_evidence(a, b, time_s, 2.0, fast_share=fast_share, belief=belief)
        for a, b in ((x, x[0] + 36.0 * np.arange(10)), (0 * x, 0 * x))
    )
    assert r.log_evidence == pytest.approx(expected, abs=1e-6)
    assert r.log_evidence_se < 1e-9


def test_the_two_poles_of_a_smooth_error_nearly_are_matern_three_halves() -> None:
    t = np.linspace(0.0, 4.0, 100)
    ours = (col.POLE_2 * np.exp(-col.POLE_1 * t) - col.POLE_1 * np.exp(-col.POLE_2 * t)) / (
        col.POLE_2 - col.POLE_1
    )
    matern = (1.0 + SMOOTH_RATE * t) * np.exp(-SMOOTH_RATE * t)
    assert np.abs(ours - matern).max() < 0.02
    assert np.interp(1.0, t, ours) == pytest.approx(math.exp(-1.0), abs=1e-3)


def test_rough_and_smooth_errors_share_the_evidence() -> None:
    belief = dataclasses.replace(KNOWN, smooth_share=0.25)
    time_s = np.arange(8) * HOUR
    x, mean = 36.0 * np.arange(8) + 1.5 * np.arange(8) ** 2, 36.0 * np.arange(8)
    r = filter_flight(
        LEVEL, along_x(x, time_s), even_air(10.0, 0.0, 3.0), belief, frame=PLAIN, particles=4000
    )
    rough = dense_log_evidence(x, mean, time_s, 2.0) + dense_log_evidence(0 * x, 0 * x, time_s, 2.0)
    smooth = smooth_log_evidence(x, mean, time_s, 2.0) + smooth_log_evidence(0 * x, 0 * x, time_s, 2.0)
    assert r.log_evidence == pytest.approx(
        np.logaddexp(math.log(0.75) + rough, math.log(0.25) + smooth), abs=0.02
    )
    named = r.parameters[:, r.parameter_names.index("smooth")]
    share = math.exp(math.log(0.25) + smooth - r.log_evidence)
    assert named.mean() == pytest.approx(
        share, abs=4.0 * math.sqrt(share * (1.0 - share) / named.size) + 0.01
    )


def test_a_smooth_error_is_drawn_as_the_fixes_have_it() -> None:
    """Draws of the error at the nodes against its Gaussian given the fixes, written out."""
    belief = dataclasses.replace(KNOWN, smooth_share=1.0, mixing_km=0.5)
    time_s = np.arange(7) * HOUR
    x = 36.0 * np.arange(7) + 4.0 * np.sin(np.arange(7))
    r = filter_flight(
        LEVEL, along_x(x, time_s), even_air(10.0, 0.0, 3.0), belief, frame=PLAIN, particles=16, draws=3000
    )
    lag = np.abs(np.subtract.outer(time_s, time_s)) / belief.time_s
    cov = (col.POLE_2 * np.exp(-col.POLE_1 * lag) - col.POLE_1 * np.exp(-col.POLE_2 * lag)) / (
        col.POLE_2 - col.POLE_1
    )
    means = np.zeros((7, 7))
    for k in range(1, 7):
        means[k] = means[k - 1]
        means[k, k - 1 : k + 1] += 0.5 * 10.8
    steps = np.minimum.outer(np.arange(7), np.arange(7)) * 0.25
    fixes_cov = means @ cov @ means.T + steps + START_SD_KM**2 + 4.0 * np.eye(7)
    gain = cov @ means.T @ np.linalg.inv(fixes_cov)
    expected = gain @ (x - x[0] - 36.0 * np.arange(7))
    spread = np.sqrt(np.diag(cov - gain @ means @ cov))
    drawn = r.paths[:, :, 3]
    assert np.abs(drawn.mean(axis=0) - expected).max() < 5.0 * spread.max() / math.sqrt(3000)
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.06)


def test_a_level_that_is_not_known_is_summed_over() -> None:
    """Shear and a level N(19 km, 1 km) that the height keeps: a sum over levels of closed forms."""
    time_s, x = np.arange(6) * HOUR, np.array([0.0, 40.0, 85.0, 120.0, 160.0, 205.0])
    fixes = along_x(x, time_s)
    model = MotionModel(id="level", level_m=(19_000.0, 1_000.0), wander_m=0.0)
    r = filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=8000, seed=3)
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    across = dense_log_evidence(0 * x, 0 * x, time_s, 2.0, sd_mps=2.0)
    logs = [
        dense_log_evidence(
            x,
            x[0] + 3.6 * made_wind(np.log(pressure_pa(19e3 + 1e3 * z))) * np.arange(6),
            time_s,
            2.0,
            sd_mps=2.0,
        )
        for z in node
    ]
    expected = math.log(np.sum(weight / weight.sum() * np.exp(logs))) + across
    assert r.log_evidence == pytest.approx(expected, abs=0.02)
    assert abs(r.log_evidence - expected) < 4.0 * r.log_evidence_se


def test_what_the_error_is_multiplied_by_is_summed_over() -> None:
    time_s, x = np.arange(8) * HOUR, 36.0 * np.arange(8) + np.array([0, 5, -9, 14, 30, 22, 8, 3.0])
    belief = dataclasses.replace(KNOWN, factor_log_sd=0.5)
    r = filter_flight(
        LEVEL, along_x(x, time_s), even_air(10.0, 0.0, 3.0), belief, frame=PLAIN, particles=4000
    )
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    mean = x[0] + 36.0 * np.arange(8)
    logs = [
        sum(
            dense_log_evidence(a, b, time_s, 2.0, sd_mps=3.0 * math.exp(0.5 * s))
            for a, b in ((x, mean), (0 * x, 0 * x))
        )
        for s in node
    ]
    assert r.log_evidence == pytest.approx(math.log(np.sum(weight / weight.sum() * np.exp(logs))), abs=0.02)


def test_mixing_that_is_not_known_is_summed_over() -> None:
    time_s = np.arange(0.0, 11.0, 1.0) * HOUR
    x_km = 36.0 * time_s / HOUR + np.array([0, 2, -1, 3, 4, 1, -2, 0, 2, 1, -1.0])
    fixes, air = along_x(x_km, time_s, sd_m=500.0), even_air(10.0, 0.0, 3.0)
    model = MotionModel(id="level", **STILL)
    sizes, chance = 2.0 * np.exp(np.linspace(-4.0, 4.0, 81)), np.exp(-0.5 * np.linspace(-4.0, 4.0, 81) ** 2)
    each = [
        dense_log_evidence(
            x_km, 36.0 * time_s / HOUR, time_s, 0.5, belief=dataclasses.replace(KNOWN, mixing_km=float(m))
        )
        + dense_log_evidence(
            0.0 * x_km, 0.0 * time_s, time_s, 0.5, belief=dataclasses.replace(KNOWN, mixing_km=float(m))
        )
        for m in sizes
    ]
    expected = float(np.logaddexp.reduce(np.array(each) + np.log(chance / chance.sum())))
    belief = dataclasses.replace(KNOWN, mixing_km=2.0, mixing_log_sd=1.0)
    r = filter_flight(model, fixes, air, belief, frame=PLAIN, particles=4000)
    assert r.log_evidence == pytest.approx(expected, abs=0.1)


def test_legs_of_an_engine_are_summed_over_all_cases() -> None:
    """Four steps, on or off and kept or drawn anew at each: all cases, each a closed form."""
    time_s, x = np.arange(5) * HOUR, np.array([0.0, 55.0, 110.0, 168.0, 190.0])
    model = MotionModel(
        id="engine",
        horizontal="propelled",
        airspeed_mps=(6.0, 6.0),
        leg_h=(3.0, 3.0),
        on_share=(0.6, 0.6),
        **STILL,
    )
    r = filter_flight(
        model, along_x(x, time_s), even_air(10.0, 0.0, 3.0), KNOWN, frame=PLAIN, particles=40_000
    )
    p, mean = -math.expm1(-1.0 / 3.0), x[0] + 36.0 * np.arange(5)
    total = 0.0
    for case in itertools.product((None, True, False), repeat=3):
        for first in (True, False):
            resets = [(0, first)] + [(k + 1, on) for k, on in enumerate(case) if on is not None]
            prior = 0.6 if first else 0.4
            for on in case:
                prior *= 1.0 - p if on is None else p * (0.6 if on else 0.4)
            logs = [
                dense_log_evidence(a, b, time_s, 2.0, own_sd=6e-3, resets=resets)
                for a, b in ((x, mean), (0 * x, 0 * x))
            ]
            total += prior * math.exp(sum(logs))
    assert r.log_evidence == pytest.approx(math.log(total), abs=0.03)


def test_without_legs_an_engine_that_is_off_is_the_wind_alone() -> None:
    fixes = along_x([0.0, 36.0, 80.0], np.arange(3) * HOUR)
    off = MotionModel(id="off", horizontal="propelled", on_share=(0.0, 0.0), **STILL)
    air = even_air(10.0, 0.0, 3.0)
    a, b = (filter_flight(m, fixes, air, KNOWN, frame=PLAIN, particles=16).log_evidence for m in (off, LEVEL))
    assert a == pytest.approx(b, abs=1e-9)


def test_a_course_held_against_a_turning_wind_is_told_with_the_airspeed_that_it_took() -> None:
    """Wind 8 m/s along x, 5 sin across, in 20 hours; over the ground 12 m/s along x, at ten hours a stop."""
    period_s = 20.0 * HOUR
    grid = made_grid(
        lambda t, p, la, lo: (8.0 + 0.0 * p, 5.0 * np.sin(2.0 * math.pi * t / period_s) + 0.0 * p),
        sd=0.5, lat=np.arange(-10.0, 10.1, 5.0), time=np.arange(0.0, 21.0) * HOUR,
    )  # fmt: skip
    time_s = np.arange(0.0, 20.5, 1.0) * HOUR
    x_km = 43.2 * np.minimum(time_s, 10.0 * HOUR) / HOUR
    fixes = fixes_from_track(PLAIN, time_s, x_km / KM_PER_DEG, 0.0 * x_km, sd_m=500.0)
    air = make_air(PLAIN, grid)
    through, over = (
        filter_flight(
            MotionModel(id="engine", horizontal="propelled", course_share=share, **STILL), fixes, air,
            dataclasses.replace(KNOWN, mixing_km=0.5), frame=PLAIN, particles=2000, draws=40,
        )
        for share in (0.0, 1.0)
    )  # fmt: skip
    assert over.log_evidence > through.log_evidence + 20.0
    air_mps = over.paths[:, :, 5:7].mean(axis=0)
    middle_s = over.node_s + 0.5 * HOUR
    expected = np.column_stack(
        [np.where(middle_s < 10.0 * HOUR, 4.0, -8.0), -5.0 * np.sin(2.0 * math.pi * middle_s / period_s)]
    )
    known = (np.abs(middle_s - 10.0 * HOUR) > HOUR) & (middle_s < time_s[-1])
    assert np.abs(air_mps - expected)[known].max() < 1.0
    slack = over.parameters[:, over.parameter_names.index("course_slack")]
    assert np.all((slack >= 0.03) & (slack <= 0.5))


FREE_CASES = {
    "level": MotionModel(id="level", level_m=(19e3, 2e3)),
    "leak": MotionModel(id="leak", vertical="leak", level_m=(19e3, 2e3)),
    "control": MotionModel(id="control", vertical="control", wander_m=200.0, command_h=(3.0, 24.0)),
    "propelled": MotionModel(id="propelled", horizontal="propelled", level_m=(19e3, 2e3)),
    "course": MotionModel(
        id="course", horizontal="propelled", level_m=(19e3, 2e3), airspeed_mps=(1.0, 4.0), course_share=0.8
    ),
    "free": MotionModel(
        id="free", horizontal="free", level_m=(19e3, 2e3), speed_mps=(5.0, 15.0), stray_share=(0.2, 0.5)
    ),
}


@pytest.mark.parametrize("name", FREE_CASES)
@pytest.mark.parametrize("with_heights", [False, True])
def test_evidence_is_that_of_free_flights(name: str, with_heights: bool) -> None:
    time_s, x = np.array([0.0, 4.0, 8.0, 12.0]) * HOUR, np.array([0.0, 100.0, 230.0, 330.0])
    given = {"alt_m": [18_500.0, 19_000.0, 20_500.0, 20_300.0], "alt_sd_m": 800.0, "p_alt_wrong": 0.05}
    fixes = fixes_from_track(
        PLAIN, time_s, x / KM_PER_DEG, [0.0, 0.1, -0.1, 0.2], sd_m=40e3, **(given if with_heights else {})
    )
    model = FREE_CASES[name]
    expected, error = free_log_evidence(model, fixes, KNOWN, 150_000, 1)
    r = filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=8000, seed=2, step_s=HOUR)
    assert abs(r.log_evidence - expected) < 4.0 * math.hypot(error, r.log_evidence_se) + 0.01
    assert error < 0.15


@pytest.mark.parametrize("name", ["level", "control"])
def test_evidence_does_not_hang_on_the_length_of_the_step(name: str) -> None:
    """A wander has no length: were the error to forget with it, short steps would forget the most."""
    time_s, x = np.arange(0.0, 37.0, 6.0) * HOUR, np.array([0.0, 170.0, 310.0, 500.0, 650.0, 800.0, 990.0])
    fixes = fixes_from_track(PLAIN, time_s, x / KM_PER_DEG, 0.0 * x, sd_m=5e3)
    model = replace(FREE_CASES[name], level_m=(19e3, 300.0), control_m=(18.5e3, 19.5e3), wander_m=400.0)
    found = [
        filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=8000, seed=3, step_s=step_s)
        for step_s in (600.0, HOUR)
    ]
    spread = math.hypot(found[0].log_evidence_se, found[1].log_evidence_se)
    assert spread < 0.1
    assert abs(found[0].log_evidence - found[1].log_evidence) < 3.0 * spread + 0.1


def test_day_and_night_raise_and_lower_a_flight() -> None:
    """Heights that follow the sun by a kilometre are told from heights that do not."""
    time_s = 1.6e9 + np.arange(48) * HOUR  # 2020-09-13 12:26Z; the sun rises there at 06 and sets at 18
    day = (np.abs((time_s / HOUR) % 24.0 - 12.0) < 6.0).astype(float)
    fixes = along_x(np.zeros(48), time_s, alt_m=18e3 + 1e3 * day, alt_sd_m=100.0)
    air = even_air(0.0, 0.0, 3.0)
    told = {
        m.vertical: filter_flight(m, fixes, air, KNOWN, frame=PLAIN, particles=1000)
        for m in (
            MotionModel(id="d", vertical="daynight", wander_m=200.0),
            MotionModel(id="h", wander_m=200.0),
        )
    }
    assert told["daynight"].log_evidence > told["hold"].log_evidence + 10.0
    low, mid, high = describe(told["daynight"])["second"]
    assert low < 1000.0 < high
    assert abs(mid - 1000.0) < 150.0


def test_flights_that_leak_are_a_share_of_those_the_sun_moves() -> None:
    """The evidence of a mixture is the mixture of the evidences."""
    time_s = 1.6e9 + np.arange(0.0, 49.0, 4.0) * HOUR
    z = 18e3 - 600.0 * (time_s - time_s[0]) / 86400.0
    fixes = along_x(0.0 * time_s, time_s, alt_m=z, alt_sd_m=300.0)
    air = even_air(0.0, 0.0, 3.0)

    def weighed(**given) -> float:
        model = MotionModel(id="m", level_m=(18e3, 2e3), **given)
        return filter_flight(model, fixes, air, KNOWN, frame=PLAIN, particles=4000).log_evidence

    sun, leak = weighed(vertical="daynight"), weighed(vertical="leak", wander_m=200.0)
    mixed = weighed(vertical="daynight", leak_share=0.25)
    assert leak > sun + 2.0
    assert mixed == pytest.approx(np.logaddexp(math.log(0.75) + sun, math.log(0.25) + leak), abs=0.1)


def test_a_flight_that_ballast_brings_back_is_told_from_one_that_stays_low_by_night() -> None:
    time_s = 1.6e9 + np.arange(0.0, 61.0, 1.0) * HOUR  # 2020-09-13 12:26Z; the sun sets at 18 and rises at 6
    since_sunset_h = (time_s / HOUR - 18.0) % 24.0
    dip = np.where(since_sunset_h < 12.0, 1.5e3 * np.exp(-since_sunset_h / 2.0), 0.0)
    fixes = along_x(0.0 * time_s, time_s, alt_m=18e3 - dip, alt_sd_m=200.0)
    air = even_air(0.0, 0.0, 3.0)

    def weighed(**given) -> float:
        model = MotionModel(id="m", level_m=(18e3, 2e3), vertical="daynight", wander_m=200.0, **given)
        return filter_flight(model, fixes, air, KNOWN, frame=PLAIN, particles=2000).log_evidence

    assert weighed(ballast_share=1.0) > weighed() + 5.0


def test_a_flight_that_floats_higher_after_each_sunset_is_told_from_one_that_comes_back() -> None:
    time_s = 1.6e9 + np.arange(0.0, 85.0, 1.0) * HOUR
    from_sunset_h = time_s / HOUR - 18.0
    night = from_sunset_h % 24.0 < 12.0
    spent = np.where(night, -np.expm1(-(from_sunset_h % 24.0) / 2.0), 1.0) + np.floor(from_sunset_h / 24.0)
    dip = np.where(night, 1.5e3 * np.exp(-(from_sunset_h % 24.0) / 2.0), 0.0)
    height = 17e3 - dip + 0.3 * 1.5e3 * (spent - spent[0])
    fixes = along_x(0.0 * time_s, time_s, alt_m=height, alt_sd_m=200.0)
    air = even_air(0.0, 0.0, 3.0)

    def weighed(rise_share: tuple[float, float]) -> float:
        model = MotionModel(
            id="m", level_m=(18e3, 2e3), vertical="daynight", wander_m=200.0, ballast_share=1.0,
            rise_share=rise_share,
        )  # fmt: skip
        return filter_flight(model, fixes, air, KNOWN, frame=PLAIN, particles=2000).log_evidence

    assert weighed((0.1, 0.5)) > weighed((1e-6, 1e-5)) + 5.0


def test_a_flight_that_sinks_in_the_afternoon_is_told_from_one_that_waits_for_sunset() -> None:
    # 20 March 2023 on the equator: the sun stands at 10° at 17:27, a quarter of an hour after it is half way.
    time_s = 1679313600.0 + np.arange(0.0, 49.0, 0.5) * HOUR
    since_h = (time_s / HOUR - 17.2) % 24.0
    dip = 1.2e3 * np.where(since_h < 14.0, np.minimum(since_h + 1.0, 1.0) * np.exp(-since_h / 2.0), 0.0)
    dip += 1.2e3 * np.where(since_h > 23.0, since_h - 23.0, 0.0)
    fixes = along_x(0.0 * time_s, time_s, alt_m=18e3 - dip, alt_sd_m=200.0)

    def weighed(dusk_deg: tuple[float, float]) -> float:
        model = MotionModel(
            id="m", level_m=(18e3, 2e3), vertical="daynight", ballast_share=1.0, rise_share=(1e-6, 1e-5),
            dusk_deg=dusk_deg,
        )  # fmt: skip
        air = even_air(0.0, 0.0, 3.0)
        return filter_flight(model, fixes, air, KNOWN, frame=PLAIN, particles=2000).log_evidence

    assert weighed((-5.0, 12.0)) > weighed((-5.0, -5.0)) + 5.0


@pytest.mark.parametrize("lat_deg", [0.0, 45.0, 55.0, 60.0, 64.0, 67.0, 70.0, 80.0, 89.9, -60.0])
@pytest.mark.parametrize("month", [3, 6, 9, 12])
def test_no_day_begins_or_ends_at_a_stroke(lat_deg: float, month: int) -> None:
    begin = datetime(2023, month, 21, tzinfo=UTC).timestamp()
    time_s = begin + np.arange(0.0, 2 * 86400.0, 120.0)
    sun = guided.sun_in_frame(time_s, np.eye(3))
    y = math.radians(lat_deg) * RADIUS_KM
    for dusk_deg in (-5.0, 3.0, 12.0):
        day = np.array([day_share(sun, k, 0.0, y, dusk_deg) for k in range(len(time_s))])
        # The sun rises and sinks by half a degree in two minutes at most, of the 4° that are an e-fold or so.
        assert np.abs(np.diff(day)).max() < 0.09
    if abs(lat_deg) <= 45.0:
        assert day.max() > 0.99
        assert day.min() < 0.01


@pytest.mark.parametrize("dusk_deg", [(12.0, -5.0), (-91.0, 0.0), (0.0, math.inf)])
def test_a_dusk_that_is_none_is_refused(dusk_deg: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="dusk_deg"):
        MotionModel(id="m", dusk_deg=dusk_deg)


def test_commands_are_found_at_their_times() -> None:
    time_s = np.arange(0.0, 24.5, 0.5) * HOUR
    hours = time_s / HOUR
    z = np.interp(hours, [0.0, 8.0, 8.6, 16.0, 16.4, 24.0], [18e3, 18e3, 20e3, 20e3, 16.5e3, 16.5e3])
    fixes = along_x(np.cumsum(1.8 * made_wind(np.log(pressure_pa(z)))), time_s, alt_m=z, alt_sd_m=100.0)
    model = MotionModel(id="control", vertical="control", wander_m=100.0)
    r = filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=2000, draws=100)
    command = r.paths[:, :, 7]
    for at, level in ((4.0, 18.0), (12.0, 20.0), (20.0, 16.5)):
        k = int(np.argmin(np.abs(r.node_s / HOUR - at)))
        assert np.median(command[:, k]) == pytest.approx(level, abs=0.2)
    for before, after, begin in ((18.0, 20.0, 8.0), (20.0, 16.5, 16.0)):
        first = np.argmax(np.abs(command - after) < 0.35, axis=1)
        assert abs(np.median(r.node_s[first]) / HOUR - begin) <= 0.5, (before, after)


def test_a_launch_a_burst_and_a_fall_are_followed() -> None:
    minutes = np.arange(0.0, 130.0, 5.0)
    up = np.minimum(minutes, 90.0) * 60.0 * 5.0
    u = np.exp(-27.0 / 14.0) + 6e-3 * 60.0 * np.maximum(minutes - 90.0, 0.0) / 14.0
    z = np.where(minutes > 90.0, np.maximum(-14.0e3 * np.log(u), 0.0), up)
    keep = z > 0.0
    keep[0] = True
    fixes = along_x(np.zeros(int(keep.sum())), minutes[keep] * 60.0, alt_m=z[keep], alt_sd_m=50.0)
    r = filter_flight(MotionModel(id="s"), fixes, even_air(0.0, 0.0, 1.0), KNOWN, frame=PLAIN, particles=2000)
    assert np.abs(r.paths[:, :, 2].mean(axis=0) - z[keep] / 1e3).max() < 0.15
    assert np.isfinite(r.log_evidence)
    assert r.log_evidence_se < 1.0


def test_the_evidence_is_unbiased_and_its_error_is_what_it_says() -> None:
    fixes = fixes_from_track(
        PLAIN,
        np.arange(0.0, 13.0, 4.0) * HOUR,
        np.array([0.0, 1.0, 2.2, 3.1]),
        [0.0, 0.1, -0.1, 0.2],
        sd_m=10e3,
    )
    model = FREE_CASES["control"]
    large = filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=60_000, seed=99, step_s=HOUR)
    small = [
        filter_flight(model, fixes, SHEARED, KNOWN, frame=PLAIN, particles=400, seed=s, step_s=HOUR, draws=1)
        for s in range(60)
    ]
    off = np.array([r.log_evidence for r in small]) - large.log_evidence
    scatter = off.std()
    assert np.exp(off).mean() == pytest.approx(1.0, abs=4.0 * np.exp(off).std() / math.sqrt(60))
    # The error comes from four batches: it scatters by 40 %, its mean square much less.
    stated = math.sqrt(np.mean([r.log_evidence_se**2 for r in small]))
    assert 0.6 < stated / scatter < 1.6
    assert scatter > 0.02


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_threads() -> None:
    fixes = along_x([0.0, 40.0, 90.0], np.arange(3) * HOUR, alt_m=18e3, alt_sd_m=200.0)
    made = []
    for count in (1, 2, 5):
        with threads(count):
            r = filter_flight(
                FREE_CASES["control"], fixes, SHEARED, KNOWN, frame=PLAIN, particles=200, seed=5
            )
        made.append((r.log_evidence, r.paths.tobytes(), r.readings.tobytes(), r.parameters.tobytes()))
    assert made[0] == made[1] == made[2]
    other = filter_flight(FREE_CASES["control"], fixes, SHEARED, KNOWN, frame=PLAIN, particles=200, seed=6)
    assert other.log_evidence != made[0][0]


def test_draws_cover_the_truth() -> None:
    """Flights drawn from the model: the rank of the truth among the draws is even."""
    frame = fit_frame([-150.0, -120.0, -90.0], [60.0, 52.0, 40.0])
    air = make_air(frame, made_grid(wavy, sd=3.0, levels_m=(12e3, 15e3, 18e3, 21e3, 24e3), time=(0.0, 864e3)))
    model = MotionModel(id="level", level_m=(18e3, 500.0), wander_m=300.0)
    ranks = [rank for seed in range(12) for rank in _ranks(frame, air, model, seed)]
    counts = np.histogram(ranks, bins=4, range=(0.0, 1.0))[0]
    # 144 ranks, about 60 of them free: a quarter is 36 give or take 8.
    assert counts.sum() == 144
    assert (np.abs(counts - 36) < 24).all()
    assert abs(np.mean(ranks) - 0.5) < 0.12


def _ranks(frame, air, model, seed):
    from overflight.reconstruct.motion import STATE, Wander
    from overflight.reconstruct.sampler import simulate

    rng = np.random.default_rng(seed)
    time_s = np.arange(0.0, 36.1, 0.5) * HOUR
    state = np.zeros((1, STATE))
    state[0, :2] = [float(v) / 1e3 for v in frame.to_plane(-140.0 + 5.0 * seed, 55.0)]
    state[0, 2:4] = rng.standard_normal(2)
    level = np.array([18.0 + 0.5 * rng.standard_normal()])
    state[0, 4] = level[0] + 0.3 * rng.standard_normal()
    wander = Wander(10 * HOUR, 12 * HOUR, 0.3, 5.0)
    path = simulate(air, wander, time_s, state, level, rng)[0]
    told = np.arange(0, 73, 12)
    x, y = path[told, 0] + 8.0 * rng.standard_normal(7), path[told, 1] + 8.0 * rng.standard_normal(7)
    lon, lat = frame.to_lonlat(1e3 * x, 1e3 * y)
    fixes = fixes_from_track(frame, time_s[told], lon, lat, sd_m=8e3)
    belief = dataclasses.replace(KNOWN, height_scale_m=1e9)
    r = filter_flight(model, fixes, air, belief, frame=frame, particles=400, seed=seed, draws=100)
    for hour in (9.0, 21.0, 33.0):
        k, i = int(np.argmin(np.abs(r.node_s - hour * HOUR))), int(hour * 2)
        for column, true in ((0, path[i, 0]), (1, path[i, 1]), (3, path[i, 2]), (4, path[i, 3])):
            yield float(np.mean(r.paths[:, k, column] < true))


def test_a_fix_that_is_far_out_is_called_mistaken() -> None:
    time_s = np.arange(6) * HOUR
    x = 36.0 * np.arange(6)
    x[3] += 900.0
    fixes = along_x(x, time_s, p_mistaken=0.05)
    r = filter_flight(LEVEL, fixes, even_air(10.0, 0.0, 3.0), KNOWN, frame=PLAIN, particles=2000)
    assert (r.readings[:, 3] == MISTAKEN).mean() > 0.99
    assert (r.readings[:, [1, 2, 4, 5]] == STATED).mean() > 0.95
    assert r.fix_log_density[3] == pytest.approx(math.log(0.05) + LOG_MISTAKEN, abs=0.05)
    assert np.abs(r.paths[:, 3, 0] - 108.0).mean() < 10.0


def test_cutting_wide_gaussians_changes_nothing_but_noise(monkeypatch) -> None:
    """Where winds are even nothing needs to be cut; cut all the same, the evidence is the closed form."""
    time_s = np.arange(25) * HOUR
    told = np.array([0, 1, 24])
    x = np.array([0.0, 40.0, 700.0])
    fixes = along_x(x, time_s[told])
    air = even_air(10.0, 0.0, 3.0)
    uncut = filter_flight(LEVEL, fixes, air, KNOWN, frame=PLAIN, particles=16, step_s=HOUR)
    monkeypatch.setattr(guided, "WIDE_KM", 20.0)
    cut = filter_flight(LEVEL, fixes, air, KNOWN, frame=PLAIN, particles=4000, step_s=HOUR)
    assert 0.0 < cut.log_evidence_se < 0.1
    assert abs(cut.log_evidence - uncut.log_evidence) < 4.0 * cut.log_evidence_se
    ends = [np.abs(r.paths[:, -1, 0] - 700.0).mean() for r in (uncut, cut)]
    assert max(ends) < 3.0


@pytest.mark.parametrize(
    ("log_z", "least"),
    [([0.0, -20.0, -20.0, -20.0], 9.9), ([0.0, -10.0, -10.5, -11.0], 5.0), ([0.0, *3 * [-np.inf]], 99.0)],
)
def test_one_batch_that_has_all_the_weight_is_no_small_error(log_z: list[float], least: float) -> None:
    assert evidence_error(np.array(log_z), np.full(4, 100)) >= least


def test_even_batches_have_the_error_of_their_mean() -> None:
    weight = np.array([0.9, 1.1, 1.0, 1.0])
    error = evidence_error(np.log(weight / 4), np.full(4, 100))
    assert error == pytest.approx(weight.std(ddof=1) / 2.0)


def test_sightings_at_one_instant_are_weighed() -> None:
    fixes = along_x([0.0, 0.5], [0.0, 0.0])
    r = filter_flight(LEVEL, fixes, even_air(10.0, 0.0, 3.0), KNOWN, frame=PLAIN, particles=16)
    assert math.isfinite(r.log_evidence)
    assert np.isfinite(r.paths[:, :, :2]).all()


def test_a_gap_of_days_is_bridged_where_winds_bend() -> None:
    """Three days between fixes in waves: two seeds and two sizes agree within their errors."""
    frame = fit_frame([-150.0, -120.0, -90.0], [60.0, 52.0, 40.0])
    air = make_air(frame, made_grid(wavy, sd=6.0, levels_m=(12e3, 15e3, 18e3, 21e3, 24e3), time=(0.0, 864e3)))
    lon, lat = frame.to_lonlat(
        np.array([-1500e3, -1460e3, 2400e3, 2440e3]), np.array([0.0, 5e3, -500e3, -490e3])
    )
    fixes = fixes_from_track(frame, np.array([0.0, 1.0, 73.0, 74.0]) * HOUR, lon, lat, sd_m=20e3)
    model = MotionModel(id="level", level_m=(18e3, 1e3))
    runs = [
        filter_flight(model, fixes, air, KNOWN, frame=frame, particles=n, seed=s)
        for n, s in ((2000, 1), (2000, 2), (20_000, 3))
    ]
    for r in runs[:2]:
        assert (
            abs(r.log_evidence - runs[2].log_evidence)
            < 4.0 * math.hypot(r.log_evidence_se, runs[2].log_evidence_se) + 0.05
        )
    assert np.mean([r.log_evidence_se for r in runs[:2]]) < 0.6
    k = int(np.argmin(np.abs(runs[0].node_s - 73.0 * HOUR)))
    assert (
        np.hypot(runs[0].paths[:, k, 0] - fixes.x_km[2], runs[0].paths[:, k, 1] - fixes.y_km[2]).mean() < 50.0
    )


@pytest.mark.parametrize("model", FREE_CASES.values(), ids=FREE_CASES)
def test_hostile_fixes_are_survived(model: MotionModel) -> None:
    """Doubles, the date line, the pole, places thousands of km from what any wind does."""
    for lon, lat in (
        ([179.9, -179.9, -179.9, 179.5], [10.0, 10.1, 10.1, 10.2]),
        ([0.0, 90.0, 180.0, -90.0], [89.9, 89.95, 89.9, 89.99]),
        ([0.0, 60.0, -60.0, 0.0], [0.0, 40.0, -40.0, 80.0]),
    ):
        frame = fit_frame(lon, lat)
        air = make_air(frame, made_grid(wavy, sd=3.0))
        fixes = fixes_from_track(
            frame,
            [0.0, HOUR, HOUR, 3 * HOUR],
            lon,
            lat,
            sd_m=1000.0,
            alt_m=[1e3, 18e3, np.nan, 40e3],
            alt_sd_m=100.0,
        )
        r = filter_flight(model, fixes, air, WindErrorBelief(), frame=frame, particles=200, draws=20)
        assert np.isfinite(r.log_evidence)
        assert np.isfinite(r.paths[:, :, :7]).all()
        assert r.parameters.shape == (20, len(PARAMETERS))


def test_what_cannot_be_asked_is_refused() -> None:
    fixes, air = along_x([0.0, 40.0], [0.0, HOUR]), even_air(10.0, 0.0, 3.0)
    with pytest.raises(InputError, match="particles"):
        filter_flight(LEVEL, fixes, air, KNOWN, frame=PLAIN, particles=1)
    with pytest.raises(InputError, match="frame"):
        filter_flight(LEVEL, fixes, air, KNOWN, frame=fit_frame([0.0, 10.0], [50.0, 60.0]))
    with pytest.raises(InputError, match="order"):
        filter_flight(LEVEL, fixes._replace(time_s=np.array([HOUR, 0.0])), air, KNOWN, frame=PLAIN)
    nowhere = fixes._replace(alt_km=np.full(2, 20.0), alt_sd_km=np.full(2, 1e-200), p_alt_wrong=np.zeros(2))
    with pytest.raises(SolveError, match="no particle"):
        filter_flight(LEVEL, nowhere, air, KNOWN, frame=PLAIN, particles=16)


def test_the_lines_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "motion-models.md"
    (code,) = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(code, page.name, "exec"), {})  # the page's own lines
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["drifted", "free"]
    # Both make five fixes 200 km apart, to 10 km: some -9 to -12 each.
    assert all(-75.0 < float(line.split()[1]) < -45.0 for line in lines)

"""Commands read from told heights: the law before the data in closed form, and heights made from commands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_weighed import made_filtered, made_weighed
from scipy.integrate import quad

from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.models import MotionModel
from overflight.steer.changepoints import tells_commands, told_levels
from overflight.steer.hypotheses import ALTITUDE_CONTROLLED, DEFAULT_HYPOTHESES
from overflight.steer.when import changes, commands, levels_of, when

HOUR = 3600.0
MODEL = ALTITUDE_CONTROLLED.model
PLAIN = fit_frame([0.0, 1.0], [0.0, 0.0])


def told(hours: np.ndarray, alt_m: np.ndarray, sd_m: float = 100.0, *, p_wrong: float = 0.01) -> Fixes:
    zero = np.zeros(hours.size)
    return fixes_from_track(
        PLAIN, hours * HOUR, zero, zero, sd_m=1e3, alt_m=alt_m, alt_sd_m=sd_m, p_alt_wrong=p_wrong
    )


def wandering(hours: np.ndarray, seed: int) -> np.ndarray:
    """Wander about a level as the model has it, and errors of 100 m, m."""
    rng, off, out = np.random.default_rng(seed), 0.0, []
    off = 200.0 * rng.standard_normal()
    for step in np.diff(hours, prepend=hours[0]):
        keep = math.exp(-step / 12.0)
        off = keep * off + 200.0 * math.sqrt(1.0 - keep * keep) * rng.standard_normal()
        out.append(off + 100.0 * rng.standard_normal())
    return np.array(out)


def test_heights_that_tell_nothing_leave_the_number_of_commands_as_it_was_believed() -> None:
    hours = np.linspace(0.0, 24.0, 12)
    levels = told_levels(MODEL, told(hours, np.full(12, 18e3), 1e8, p_wrong=0.0), steps=200_000)
    # Levels are even in the range, whatever their number.
    first = levels.level_km[:, 0]
    assert first.min() > 14.0
    assert first.max() < 24.0
    assert first.mean() == pytest.approx(19.0, abs=0.6)
    assert first.std() == pytest.approx(10.0 / math.sqrt(12.0), rel=0.12)
    # A climb of changing speed counts once, so commands are counted where they turn: none is as believed.
    short, long = MODEL.command_h
    none = quad(lambda m: math.exp(-24.0 / m) / m, short, long)[0] / math.log(long / short)
    still = (changes(levels.level_km) == 0.0).all(axis=1).mean()
    assert still == pytest.approx(none, abs=0.07)


@pytest.mark.parametrize("seed", range(3))
def test_each_command_is_found_within_its_interval_and_nothing_else(seed: int) -> None:
    hours = np.arange(0.0, 24.01, 0.25)
    ramp = np.interp(hours, [0, 6, 6.4, 13, 14, 19, 19.5, 24], np.array([18, 18, 20, 20, 16, 16, 17.5, 17.5]))
    levels = told_levels(MODEL, told(hours, 1e3 * ramp + wandering(hours, seed)))
    found = commands(levels.time_s, levels.level_km, climbs=levels.climbs)
    assert [c.to_m > c.from_m for c in found] == [True, False, True]
    for one, at, to_m in zip(found, (6.0, 13.0, 19.0), (20e3, 16e3, 17.5e3), strict=True):
        assert one.p > 0.9
        assert abs(one.time_s[1] / HOUR - at) < 0.4
        assert one.to_m == pytest.approx(to_m, abs=350.0)


def test_a_wander_about_a_level_is_no_command() -> None:
    hours = np.arange(0.0, 36.01, 0.25)
    for seed in range(3):
        levels = told_levels(MODEL, told(hours, 18e3 + wandering(hours, seed)))
        assert commands(levels.time_s, levels.level_km, climbs=True) == ()
        assert (changes(levels.level_km) != 0.0).sum(axis=1).mean() < 1.0


def test_two_ways_down_are_one_command_unless_it_stood_still_between() -> None:
    hours = np.arange(0.0, 16.01, 1.0 / 12.0)
    without = np.interp(hours, [0, 6, 6.5, 8, 16], [20e3, 20e3, 18e3, 16e3, 16e3])
    halted = np.interp(hours, [0, 6, 6.5, 8, 8.5, 16], [20e3, 20e3, 18e3, 18e3, 16e3, 16e3])
    for height, count in ((without, 1), (halted, 2)):
        levels = told_levels(MODEL, told(hours, height + wandering(hours, 4)))
        found = commands(levels.time_s, levels.level_km, climbs=True)
        assert len(found) == count, found
        assert all(c.to_m < c.from_m for c in found)


def test_a_launch_and_a_fall_are_no_commands() -> None:
    hours = np.arange(0.0, 11.01, 1.0 / 12.0)
    height = np.interp(hours, [0, 1.5, 6, 6.3, 10, 11], [0.5e3, 18e3, 18e3, 16e3, 16e3, 1e3])
    levels = told_levels(MODEL, told(hours, height + wandering(hours, 5)))
    (found,) = commands(levels.time_s, levels.level_km, climbs=True)
    assert found.time_s[1] / HOUR == pytest.approx(6.0, abs=0.25)
    inside = np.isfinite(levels.level_km).mean(axis=0)
    at = levels.time_s / HOUR
    assert inside[(at > 2.0) & (at < 9.5)].min() > 0.9
    assert inside[at < 1.0].max() == inside[at > 10.5].max() == 0.0


def test_one_wrong_height_is_no_command() -> None:
    hours = np.arange(0.0, 12.01, 0.25)
    height = 18e3 + wandering(hours, 6)
    height[20] += 2_500.0
    levels = told_levels(MODEL, told(hours, height))
    assert commands(levels.time_s, levels.level_km, climbs=True) == ()


def test_the_same_seed_gives_the_same_draws() -> None:
    hours = np.arange(0.0, 6.01, 0.5)
    fixes = told(hours, 18e3 + wandering(hours, 7))
    one, two = (told_levels(MODEL, fixes, seed=3, steps=2_000) for _ in range(2))
    assert np.array_equal(one.level_km, two.level_km)


def test_only_dense_heights_of_a_controlled_flight_tell_by_themselves() -> None:
    dense, sparse = np.arange(0.0, 12.01, 0.5), np.arange(0.0, 73.0, 6.0)
    assert tells_commands(told(dense, np.full(dense.size, 18e3)))
    assert not tells_commands(told(sparse, np.full(sparse.size, 18e3)))
    assert not tells_commands(told(dense[:9], np.full(9, 18e3)))
    hidden = fixes_from_track(PLAIN, dense * HOUR, 0.0 * dense, 0.0 * dense, sd_m=1e3)
    assert not tells_commands(hidden)
    passive = DEFAULT_HYPOTHESES[0]
    found = made_filtered()
    assert levels_of(passive, found, told(dense, np.full(dense.size, 18e3))).time_s is found.node_s


def test_when_reads_dense_heights_in_place_of_the_draws() -> None:
    hours = np.arange(0.0, 12.01, 0.25)
    height = np.where(hours < 6.0, 18e3, np.minimum(18e3 + 3.6e3 * (hours - 6.0), 20e3))
    weighed = made_weighed((0, 0, 0, 0, 0))
    fixes = told(hours, height + wandering(hours, 8))
    (found,) = when(weighed, fixes).commands
    assert found.time_s[1] / HOUR == pytest.approx(6.0, abs=0.3)
    assert when(weighed).commands == ()


def test_a_flight_that_was_not_launched_has_no_rise() -> None:
    # Two kilometres up at 4 m/s, told from the first minute on: a command, for nothing came before it.
    hours = np.arange(0.0, 6.01, 1.0 / 12.0)
    height = np.interp(hours, [0.0, 2.0, 2.0 + 1.0 / 7.2, 6.0], [16e3, 16e3, 18e3, 18e3])
    model = MotionModel(id="control", vertical="control", wander_m=100.0)
    levels = told_levels(model, told(hours, height))
    (found,) = commands(levels.time_s, levels.level_km, climbs=True)
    assert found.time_s[1] / HOUR == pytest.approx(2.0, abs=0.15)

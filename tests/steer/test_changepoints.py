"""Commands read from told heights: the law before the data in closed form, and heights made from commands."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from made_steering import PLAIN, even_air
from made_weighed import made_filtered, made_weighed
from scipy.integrate import quad

from overflight.errors import InputError
from overflight.reconstruct.fixes import Fixes, fixes_from_track
from overflight.reconstruct.guided import filter_flight
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.steer.changepoints import (
    Levels,
    conf_of,
    lay_out,
    sample_levels,
    tells_commands,
    told_levels,
)
from overflight.steer.hypotheses import ALTITUDE_CONTROLLED
from overflight.steer.when import changes, commands, levels_of, when

HOUR = 3600.0
MODEL = ALTITUDE_CONTROLLED.model


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


def levels_told(model: MotionModel, fixes: Fixes, **more: int) -> Levels:
    return told_levels(model, fixes, float(fixes.time_s[0]), float(fixes.time_s[-1]), **more)


def test_heights_that_tell_nothing_leave_all_as_it_was_believed() -> None:
    hours = np.linspace(0.0, 24.0, 12)
    nothing = np.stack([hours * HOUR, np.full(12, 18.0), np.full(12, 1e6), np.zeros(12)], axis=1)
    conf, grid = conf_of(MODEL, 0.0, 24.0 * HOUR), np.linspace(0.0, 24.0 * HOUR, 25)
    level_km, counts = sample_levels(nothing, conf, grid, seed=1, steps=200_000)
    # Levels are even in the range, whatever their number.
    for k in (0, 12, 24):
        assert level_km[:, k].mean() == pytest.approx(19.0, abs=0.5)
        assert level_km[:, k].std() == pytest.approx(10.0 / math.sqrt(12.0), rel=0.1)
    # The number is Poisson about a mean time that is even in its logarithm.
    short, long = MODEL.command_h

    def over_memory(of: Callable[[float], float]) -> float:
        return float(quad(lambda m: of(24.0 / m) / m, short, long)[0] / math.log(long / short))

    assert counts.mean() == pytest.approx(over_memory(lambda mean: mean), rel=0.2)
    for number in (0, 1, 2):
        chance = over_memory(lambda mean, n=number: math.exp(-mean) * mean**n / math.factorial(n))
        assert (counts == number).mean() == pytest.approx(chance, abs=0.06)


def laid_out(*commands_h: tuple[float, float, float]) -> np.ndarray:
    """Levels at minutes of eight hours of commands (hour, km, m/s); the first is the level held before."""
    given = np.array([[h * HOUR, level, speed / 1e3] for h, level, speed in commands_h])
    grid, out = np.arange(0.0, 8.0 * HOUR, 60.0), np.empty(480)
    lay_out(given, len(given), grid, np.zeros((20, 3)), out)
    return out


@pytest.mark.parametrize(
    ("given", "changes_at"),
    [
        (((0, 16, 1), (2, 18, 1)), {2.0: 2.0}),
        # On the same way without a halt: one.
        (((0, 16, 1), (2, 18, 1), (2.3, 20, 1)), {2.0: 4.0}),
        # After a halt of an hour and more: two.
        (((0, 16, 1), (2, 18, 1), (4, 20, 1)), {2.0: 2.0, 4.0: 2.0}),
        # For 22 km at 1 m/s, and at 18 km the aim is 19: the height only ever rises.
        (((0, 16, 1), (2, 22, 1), (2 + 2 / 3.6, 19, 1)), {2.0: 3.0}),
        # Turned back at 18 km: it made for no more than that.
        (((0, 16, 1), (2, 22, 1), (2 + 2 / 3.6, 17, 1)), {2.0: 2.0, 2 + 2 / 3.6: -1.0}),
        # What is too small is none, nor does it date the change that follows.
        (((0, 16, 1), (2, 16.05, 1), (2.3, 18, 1)), {2.3: 2.0}),
        (((0, 16, 1), (2, 16.05, 1)), {}),
    ],
)
def test_a_change_is_of_the_way_that_was_gone(given, changes_at: dict[float, float]) -> None:
    level = laid_out(*given)
    at = np.flatnonzero(np.diff(level))
    assert (at + 1) / 60.0 == pytest.approx(list(changes_at), abs=0.02)
    assert level[at + 1] - level[at] == pytest.approx(list(changes_at.values()), abs=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_each_command_is_found_within_its_interval_and_nothing_else(seed: int) -> None:
    hours = np.arange(0.0, 24.01, 0.25)
    ramp = np.interp(hours, [0, 6, 6.4, 13, 14, 19, 19.5, 24], np.array([18, 18, 20, 20, 16, 16, 17.5, 17.5]))
    levels = levels_told(MODEL, told(hours, 1e3 * ramp + wandering(hours, seed)))
    found = commands(levels)
    assert [c.to_m > c.from_m for c in found] == [True, False, True]
    for one, at, to_m in zip(found, (6.0, 13.0, 19.0), (20e3, 16e3, 17.5e3), strict=True):
        assert one.p > 0.9
        assert one.time_s[0] / HOUR - 0.1 < at < one.time_s[2] / HOUR + 0.1
        assert one.time_s[2] - one.time_s[0] < HOUR
        assert one.to_m == pytest.approx(to_m, abs=350.0)


def test_a_wander_about_a_level_is_no_command() -> None:
    hours = np.arange(0.0, 36.01, 0.25)
    for seed in range(3):
        levels = levels_told(MODEL, told(hours, 18e3 + wandering(hours, seed)))
        assert commands(levels) == ()
        assert (changes(levels.level_km) != 0.0).sum(axis=1).mean() < 1.0


def test_two_ways_down_are_one_command_unless_it_stood_still_between() -> None:
    hours = np.arange(0.0, 16.01, 1.0 / 12.0)
    without = np.interp(hours, [0, 6, 6.5, 8, 16], [20e3, 20e3, 18e3, 16e3, 16e3])
    halted = np.interp(hours, [0, 6, 6.5, 8, 8.5, 16], [20e3, 20e3, 18e3, 18e3, 16e3, 16e3])
    for height, count in ((without, 1), (halted, 2)):
        levels = levels_told(MODEL, told(hours, height + wandering(hours, 4)))
        found = commands(levels)
        assert len(found) == count, found
        assert all(c.to_m < c.from_m for c in found)


def test_a_launch_and_a_fall_are_no_commands() -> None:
    hours = np.arange(0.0, 11.01, 1.0 / 12.0)
    height = np.interp(hours, [0, 1.5, 6, 6.3, 10, 11], [0.5e3, 18e3, 18e3, 16e3, 16e3, 1e3])
    fixes = told(hours, height + wandering(hours, 5))
    run = {"frame": PLAIN, "particles": 1000, "draws": 20}
    filtered = filter_flight(MODEL, fixes, even_air(0.0, 0.0, sd_mps=2.0), WindErrorBelief(), **run)
    at = filtered.node_s / HOUR
    assert filtered.afloat[(at > 2.2) & (at < 9.5)].min() > 0.9
    assert filtered.afloat[(at < 1.0) | (at > 10.6)].max() < 0.1
    (found,) = commands(levels_of(ALTITUDE_CONTROLLED, filtered, fixes))
    assert found.time_s[1] / HOUR == pytest.approx(6.0, abs=0.25)


def test_one_wrong_height_is_no_command() -> None:
    hours = np.arange(0.0, 12.01, 0.25)
    height = 18e3 + wandering(hours, 6)
    height[20] += 2_500.0
    levels = levels_told(MODEL, told(hours, height))
    assert commands(levels) == ()


def test_the_same_seed_gives_the_same_draws() -> None:
    hours = np.arange(0.0, 6.01, 0.5)
    fixes = told(hours, 18e3 + wandering(hours, 7))
    one, two = (levels_told(MODEL, fixes, seed=3, steps=2_000) for _ in range(2))
    assert np.array_equal(one.level_km, two.level_km)


def test_too_few_steps_are_refused() -> None:
    hours = np.arange(0.0, 6.01, 0.5)
    with pytest.raises(InputError, match="steps"):
        levels_told(MODEL, told(hours, np.full(hours.size, 18e3)), steps=99)


def test_only_dense_heights_all_along_tell_by_themselves() -> None:
    def tells(hours: np.ndarray, end_h: float, **more: object) -> bool:
        fixes = told(hours, np.full(hours.size, 18e3))._replace(**more)
        return tells_commands(fixes, 0.0, end_h * HOUR)

    dense = np.arange(0.0, 12.01, 0.5)
    assert tells(dense, 12.0)
    assert not tells(np.arange(0.0, 73.0, 6.0), 72.0)
    assert not tells(dense[:9], 4.0)
    # Six hours of nine days leave the rest to the winds.
    assert not tells(dense, 216.0)
    # Heights that are not known, doubted, or of reports with a window of hours.
    assert not tells(dense, 12.0, alt_km=np.full(dense.size, np.nan))
    assert not tells(dense, 12.0, p_mistaken=np.full(dense.size, 0.9))
    assert not tells(dense, 12.0, time_sd_s=np.full(dense.size, HOUR))


def test_of_many_heights_medians_are_taken() -> None:
    hours = np.arange(0.0, 24.0, 1.0 / 240.0)
    height = np.where(hours < 9.0, 18e3, 20e3) + wandering(hours, 9)
    height[::7] += 3e3  # every seventh is wrong; in a bin of eleven they are outvoted
    (found,) = commands(levels_told(MODEL, told(hours, height)))
    assert found.time_s[1] / HOUR == pytest.approx(9.0, abs=0.25)


def test_when_reads_dense_heights_in_place_of_the_draws() -> None:
    hours = np.arange(0.0, 12.01, 0.25)
    height = np.where(hours < 6.0, 18e3, np.minimum(18e3 + 3.6e3 * (hours - 6.0), 20e3))
    weighed = made_weighed(filtered=[made_filtered(paths=np.zeros((20, 13, 8)))] * 5)
    fixes = told(hours, height + wandering(hours, 8))
    (found,) = when(weighed, fixes).commands
    assert found.time_s[1] / HOUR == pytest.approx(6.0, abs=0.3)
    assert when(weighed).commands == ()


def test_a_flight_that_was_not_launched_has_no_rise() -> None:
    # Two kilometres up at 4 m/s, told from the first minute on: a command, for nothing came before it.
    hours = np.arange(0.0, 6.01, 1.0 / 12.0)
    height = np.interp(hours, [0.0, 2.0, 2.0 + 1.0 / 7.2, 6.0], [16e3, 16e3, 18e3, 18e3])
    model = MotionModel(id="control", vertical="control", wander_m=100.0)
    levels = levels_told(model, told(hours, height))
    (found,) = commands(levels)
    assert found.time_s[1] / HOUR == pytest.approx(2.0, abs=0.15)

"""Commands of height that told heights show, by reversible jumps over their number, times and levels.

Where heights are told close together they say by themselves when the level was changed. The filter's draws
cannot: all but their last hours they share an ancestor, and what small change that one happened to have is
then said with a probability of one. So the commands of a flight afloat are sampled here from the heights
alone, under the filter's model of them (`MotionModel`, vertical 'control'): commands come at random, with a
mean time between them that is not known; each has a level within the range and a speed, and is held until the
next; about the level the height wanders. When the flight was afloat, between a launch and a fall, the filter
says.

Green 1995, Reversible jump Markov chain Monte Carlo computation and Bayesian model determination, Biometrika
82, 711. The wander is integrated out by a Kalman filter; a height that is taken for wrong does not move it.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, over_members, woven
from overflight.errors import InputError
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.guided_heights import move_towards
from overflight.reconstruct.likelihood import LOG_MISTAKEN_ALT
from overflight.reconstruct.models import MotionModel
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Heights at least so many and so dense, for so much of the time afloat, tell of commands by themselves; where
# they are fewer the winds have as much to say.
LEAST_HEIGHTS: Final = 10
WIDEST_S: Final = HOUR_S
COVERED: Final = 0.95
# A height of a report with a longer window than this (one standard deviation) tells no time of a command, nor
# does one that is rather wrong than right.
VAGUE_S: Final = 600.0
DOUBTED: Final = 0.5
# Of more heights the medians of so many even parts of the time: each costs every step of every chain.
MOST_HEIGHTS: Final = 500
CHAINS: Final = 8
STEPS: Final = 80_000
# States kept of the second half of a chain. In the first the heights come to count little by little.
KEPT: Final = 50
MOST_COMMANDS: Final = 400
# A command is looked for at levels told up to so long after its time, and so near to them.
LOOK_S: Final = 2 * HOUR_S
NEAR_KM: Final = 0.15
# Times at which levels are given: so many for each height, and this many at most.
GRID_A_HEIGHT, GRID = 8, 4000
# A climb that stood still for less than this, and then went on, is one.
HALT_S: Final = 20 * 60.0
# A change of level smaller than this, km, is none.
CHANGE_KM: Final = 0.1
# Columns of a command, of the numbers that all share, and of the heights told.
TIME, LEVEL, SPEED = range(3)
LOW, HIGH, SLOW, FAST, SHORT, LONG, WANDER, WANDER_S, BEGIN, END = range(10)
T_TIME, T_ALT, T_SD, T_WRONG = range(4)


class Levels(NamedTuple):
    """Commanded levels (M, N), km, drawn at the times `time_s` (N).

    `climbs` says that a climb of changing speed is one command in each draw, `gap_s` how far the times lie
    apart at which a change could have been told: zero for as far as `time_s` do.
    """

    time_s: Float64s
    level_km: Float64s
    climbs: bool = False
    gap_s: float = 0.0


def tells_commands(fixes: Fixes, begin_s: float, end_s: float) -> bool:
    """Whether heights are told so densely from begin to end that they tell of commands by themselves."""
    time_s = _told(fixes, begin_s, end_s)[:, T_TIME]
    if time_s.size < LEAST_HEIGHTS:
        return False
    gaps = np.diff(np.concatenate([[begin_s], time_s, [end_s]]))
    return bool(gaps[gaps <= WIDEST_S].sum() >= COVERED * (end_s - begin_s))


def told_levels(
    model: MotionModel, fixes: Fixes, begin_s: float, end_s: float, *, seed: int = 0, steps: int = STEPS
) -> Levels:
    """Draw the levels of a controlled flight, afloat from begin to end, from the heights of its fixes.

    `CHAINS` chains of so many `steps`; of each `KEPT` states after the first half, evenly spaced. The same
    seed gives the same draws. Raises InputError for fewer steps than that takes.
    """
    if steps < 2 * KEPT:
        raise InputError(f"{steps} steps are too few", field="steps", remedy=f"Give {2 * KEPT} or more.")
    told = _told(fixes, begin_s, end_s)
    grid = np.linspace(begin_s, end_s, min(GRID, GRID_A_HEIGHT * len(told)) + 1)
    level_km, _ = sample_levels(told, conf_of(model, begin_s, end_s), grid, seed=seed, steps=steps)
    return Levels(grid, level_km, climbs=True, gap_s=float(np.median(np.diff(told[:, T_TIME]))))


def sample_levels(
    told: Float64s, conf: Float64s, grid: Float64s, *, seed: int, steps: int
) -> tuple[Float64s, Int64s]:
    """Run the chains; return levels (M, N) at the times of the grid and the number of commands (M)."""
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed, spawn_key=(44,)).spawn(CHAINS)]
    out, counts = np.empty((CHAINS * KEPT, grid.size)), np.zeros(CHAINS * KEPT, np.int64)

    def some(first: int, past: int) -> None:
        for chain in range(first, past):
            rows = slice(chain * KEPT, (chain + 1) * KEPT)
            run_chain(told, conf, steps, steps // 2, grid, out[rows], counts[rows], rngs[chain])

    over_members(some, CHAINS)
    return out, counts


def conf_of(model: MotionModel, begin_s: float, end_s: float) -> Float64s:
    """Return what all chains share: kilometres and seconds."""
    return np.array(
        [
            *(v / 1e3 for v in model.control_m), *(v / 1e3 for v in model.climb_mps),
            *(v * HOUR_S for v in model.command_h), model.wander_m / 1e3, model.wander_h * HOUR_S,
            begin_s, end_s,
        ]
    )  # fmt: skip


def _told(fixes: Fixes, begin_s: float, end_s: float) -> Float64s:
    """Return time, height, its error and the chance that it is wrong (K, 4), in order of time."""
    wrong = 1.0 - (1.0 - fixes.p_alt_wrong) * (1.0 - fixes.p_mistaken)
    used = ~np.isnan(fixes.alt_km) & (fixes.time_sd_s <= VAGUE_S) & (wrong < DOUBTED)
    used &= (fixes.time_s >= begin_s) & (fixes.time_s <= end_s)
    told = np.stack([fixes.time_s, fixes.alt_km, fixes.alt_sd_km, wrong], axis=1)[used]
    told = told[np.argsort(told[:, T_TIME], kind="stable")]
    if len(told) > MOST_HEIGHTS:
        part = (told[:, T_TIME] - begin_s) / (end_s - begin_s) * MOST_HEIGHTS
        parts = np.split(told, np.flatnonzero(np.diff(part.astype(int))) + 1)
        told = np.array([np.median(some, axis=0) for some in parts])
    return np.ascontiguousarray(told)


@compiled
def log_likelihood(told: Float64s, conf: Float64s, commands: Float64s, count: int) -> float:
    """Return the log density of the heights, km⁻¹ each, under commands in order of time.

    The first of them is the level held in the beginning.
    """
    total, at, last = 0.0, 0, conf[BEGIN]
    ramp = goal = commands[0, LEVEL]
    speed = 1.0
    off, var = 0.0, conf[WANDER] ** 2
    for k in range(told.shape[0]):
        now = told[k, T_TIME]
        keep = math.exp(-(now - last) / conf[WANDER_S])
        begin = last
        while at + 1 < count and commands[at + 1, TIME] <= now:
            ramp = move_towards(ramp, goal, speed * (commands[at + 1, TIME] - begin))
            at += 1
            begin, goal, speed = commands[at, TIME], commands[at, LEVEL], commands[at, SPEED]
        ramp = move_towards(ramp, goal, speed * (now - begin))
        last = now
        off *= keep
        var = keep * keep * var + (1.0 - keep * keep) * conf[WANDER] ** 2
        spread, miss, p_wrong = var + told[k, T_SD] ** 2, told[k, T_ALT] - ramp - off, told[k, T_WRONG]
        right = (1.0 - p_wrong) * math.exp(-0.5 * miss * miss / spread) / math.sqrt(2.0 * math.pi * spread)
        wrong = p_wrong * math.exp(LOG_MISTAKEN_ALT)
        total += math.log(right + wrong + 1e-300)
        if right > wrong:
            gain = var / spread
            off += gain * miss
            var *= 1.0 - gain
    return total


@woven
def _log_even(low: float, high: float, rng: np.random.Generator) -> float:
    return float(low * (high / low) ** rng.random())


@compiled
def _level_near(told: Float64s, conf: Float64s, time_s: float, rng: np.random.Generator) -> float:
    """Draw a level for a command: half of them even, half about a height told soon after."""
    first, past = _soon(told, time_s)
    if past > first and rng.random() < 0.5:
        k = first + int(rng.random() * (past - first))
        return float(told[k, T_ALT] + NEAR_KM * rng.standard_normal())
    return float(conf[LOW] + (conf[HIGH] - conf[LOW]) * rng.random())


@compiled
def _log_near(told: Float64s, conf: Float64s, time_s: float, level: float) -> float:
    """Return the log density with which `_level_near` draws a level."""
    first, past = _soon(told, time_s)
    even = 1.0 / (conf[HIGH] - conf[LOW]) if conf[LOW] <= level <= conf[HIGH] else 0.0
    if past <= first:
        return math.log(even + 1e-300)
    near = 0.0
    for k in range(first, past):
        d = (level - told[k, T_ALT]) / NEAR_KM
        near += math.exp(-0.5 * d * d) / (NEAR_KM * math.sqrt(2.0 * math.pi))
    return math.log(0.5 * even + 0.5 * near / (past - first) + 1e-300)


@compiled
def _soon(told: Float64s, time_s: float) -> tuple[int, int]:
    """Return the rows of heights told within `LOOK_S` after a time."""
    first = np.searchsorted(told[:, T_TIME], time_s)
    return int(first), int(np.searchsorted(told[:, T_TIME], time_s + LOOK_S))


@woven
def _put(row: Float64s, time_s: float, level: float, speed: float) -> None:
    row[TIME], row[LEVEL], row[SPEED] = time_s, level, speed


@compiled
def run_chain(
    told: Float64s, conf: Float64s, steps: int, burnt: int, grid: Float64s, out: Float64s, counts: Int64s,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Run one chain; the rows of `out` (KEPT, N) become levels at the times of the grid."""
    now, new = np.zeros((MOST_COMMANDS, 3)), np.zeros((MOST_COMMANDS, 3))
    _put(now[0], conf[BEGIN], min(max(told[0, T_ALT], conf[LOW]), conf[HIGH]), 1.0)
    count, memory_s = 1, math.sqrt(conf[SHORT] * conf[LONG])
    found = log_likelihood(told, conf, now, count)
    kept, every = 0, (steps - burnt) // out.shape[0]
    for step in range(steps):
        # In the beginning heights count for little, so that a chain finds its way between ways to explain.
        heat = 1.0 if step >= burnt else min(max(step / (0.7 * burnt), 0.02), 1.0)
        move, new_count, log_ratio = rng.random(), count, -math.inf
        new[:count] = now[:count]
        if move < 0.25:
            new_count, log_ratio = _bear(told, conf, new, count, memory_s, rng)
        elif move < 0.5:
            new_count, log_ratio = _bury(told, conf, new, count, memory_s, rng)
        elif move < 0.95:
            log_ratio = _shift(told, conf, new, count, rng)
        else:
            memory_s = _renew_memory(conf, count, memory_s, rng)
        if log_ratio > -math.inf:
            value = log_likelihood(told, conf, new, new_count)
            if math.log(rng.random() + 1e-300) < heat * (value - found) + log_ratio:
                now[:new_count] = new[:new_count]
                count, found = new_count, value
        if step >= burnt and (step - burnt) % every == every - 1 and kept < out.shape[0]:
            counts[kept] = count - 1
            lay_out(now, count, grid, new, out[kept])
            kept += 1


@compiled
def lay_out(commands: Float64s, count: int, grid: Float64s, climbs: Float64s, out: Float64s) -> None:
    """Write the level that is made for at each time of the grid; `climbs` is overwritten.

    What goes on the same way, after a halt shorter than `HALT_S`, is one command, and one that is turned back
    made for no more than it reached. A change too small to be one is none.
    """
    climbs[0] = commands[0]
    left, ramp, reached, way = 1, commands[0, LEVEL], commands[0, TIME], 0.0
    for i in range(1, count):
        begin, goal = commands[i, TIME], commands[i, LEVEL]
        # Where the one before has brought it by now.
        gone = commands[i - 1, SPEED] * (begin - commands[i - 1, TIME])
        ramp = move_towards(ramp, commands[i - 1, LEVEL], gone)
        if begin < reached:
            climbs[left - 1, LEVEL] = ramp
        new_way = 1.0 if goal > ramp else -1.0
        base = climbs[left - 2, LEVEL] if left > 1 else ramp
        if new_way == way and begin - reached < HALT_S and abs(ramp - base) >= CHANGE_KM:
            climbs[left - 1, LEVEL] = goal
        elif new_way == way and begin - reached < HALT_S:
            # What came before was too little to be the beginning.
            _put(climbs[left - 1], begin, goal, 1.0)
        elif abs(goal - climbs[left - 1, LEVEL]) >= CHANGE_KM:
            _put(climbs[left], begin, goal, 1.0)
            left, way = left + 1, new_way
        reached = begin + abs(goal - ramp) / commands[i, SPEED]
    at = 0
    for k in range(grid.size):
        while at + 1 < left and climbs[at + 1, TIME] <= grid[k]:
            at += 1
        out[k] = climbs[at, LEVEL]


@compiled
def _bear(
    told: Float64s, conf: Float64s, commands: Float64s, count: int, memory_s: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Add a command; return the count and the log of prior over proposal."""
    time_s = conf[BEGIN] + (conf[END] - conf[BEGIN]) * rng.random()
    level = _level_near(told, conf, time_s, rng)
    if count == MOST_COMMANDS or not conf[LOW] <= level <= conf[HIGH]:
        return count, -math.inf
    at = count
    while at > 1 and commands[at - 1, TIME] > time_s:
        commands[at] = commands[at - 1]
        at -= 1
    _put(commands[at], time_s, level, _log_even(conf[SLOW], conf[FAST], rng))
    return count + 1, _log_birth(told, conf, time_s, level, count, memory_s)


@compiled
def _log_birth(
    told: Float64s, conf: Float64s, time_s: float, level: float, others: int, memory_s: float
) -> float:
    """Return the log of prior over proposal for a command that joins `others` (the first level is one)."""
    prior = math.log((conf[END] - conf[BEGIN]) / memory_s) - math.log(conf[HIGH] - conf[LOW])
    return prior - _log_near(told, conf, time_s, level) - math.log(others)


@compiled
def _bury(
    told: Float64s, conf: Float64s, commands: Float64s, count: int, memory_s: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Take a command out; return the count and the log of prior over proposal."""
    if count < 2:
        return count, -math.inf
    at = 1 + int(rng.random() * (count - 1))
    ratio = _log_birth(told, conf, commands[at, TIME], commands[at, LEVEL], count - 1, memory_s)
    for i in range(at, count - 1):
        commands[i] = commands[i + 1]
    return count - 1, -ratio


@compiled
def _shift(told: Float64s, conf: Float64s, commands: Float64s, count: int, rng: np.random.Generator) -> float:
    """Change a command's time, level or speed, or two of them; return the log of prior over proposal."""
    at, which, ratio = int(rng.random() * count), rng.random(), 0.0
    if which < 0.35 and at > 0:
        size = (conf[END] - conf[BEGIN]) * 10.0 ** (-4.0 + 3.0 * rng.random())
        time_s = commands[at, TIME] + size * rng.standard_normal()
        after = commands[at + 1, TIME] if at + 1 < count else conf[END]
        if not commands[at - 1, TIME] < time_s < after:
            return -math.inf
        commands[at, TIME] = time_s
    elif which < 0.7 or at == 0:
        level = commands[at, LEVEL]
        if rng.random() < 0.3:
            ratio = _log_near(told, conf, commands[at, TIME], level)
            level = _level_near(told, conf, commands[at, TIME], rng)
            ratio -= _log_near(told, conf, commands[at, TIME], level)
        else:
            level += 10.0 ** (-2.0 + 2.0 * rng.random()) * rng.standard_normal()
        if not conf[LOW] <= level <= conf[HIGH]:
            return -math.inf
        commands[at, LEVEL] = level
    if at > 0 and which >= 0.55:
        # Even in its logarithm, and so is the step.
        speed = commands[at, SPEED] * math.exp(0.5 * rng.standard_normal())
        if not conf[SLOW] <= speed <= conf[FAST]:
            return -math.inf
        commands[at, SPEED] = speed
    return ratio


@compiled
def _renew_memory(conf: Float64s, count: int, memory_s: float, rng: np.random.Generator) -> float:
    """Draw the mean time between commands anew, given their number."""
    other = _log_even(conf[SHORT], conf[LONG], rng)
    ratio = (count - 1) * math.log(memory_s / other)
    ratio += (conf[END] - conf[BEGIN]) * (1.0 / memory_s - 1.0 / other)
    return other if math.log(rng.random() + 1e-300) < ratio else memory_s

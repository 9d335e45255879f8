"""Commands of height that told heights show, by reversible jumps over their number, times and levels.

Where heights are told close together they say by themselves when the level was changed. The filter's draws
cannot: all but their last hours they share an ancestor, and what small change that one happened to have is
then said with a probability of one. So the commands are sampled here from the heights alone, under the same
model as the filter has (`MotionModel`, vertical 'control'): commands come at random, with a mean time between
them that is not known; each has a level within the range and a speed, and is held until the next; about the
level the height wanders. A flight that was launched rises before that and may fall after it, at times that
are sampled too.

Green 1995, Reversible jump Markov chain Monte Carlo computation and Bayesian model determination, Biometrika
82, 711. The wander is integrated out by a Kalman filter; a height that is taken for wrong does not move it.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled, over_members, woven
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.guided import GROUND_ALT_KM
from overflight.reconstruct.likelihood import LOG_MISTAKEN_ALT
from overflight.reconstruct.models import MotionModel
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Heights at least so dense tell of commands by themselves; fewer of them leave it to the winds as well.
LEAST_HEIGHTS: Final = 10
WIDEST_S: Final = HOUR_S
CHAINS: Final = 8
STEPS: Final = 80_000
# States kept of the second half of a chain. In the first the heights come to count little by little.
KEPT: Final = 50
MOST_COMMANDS: Final = 200
# A command is looked for at levels told up to so long after its time, and so near to them.
LOOK_S: Final = 2 * HOUR_S
NEAR_KM: Final = 0.15
GRID: Final = 2000
# A rise or a fall of a launched flight, km/s: slower ones are not told from a change of level.
LEAST_RISE: Final = 0.0005
MOST_RISE: Final = 0.04
# A climb that stood still for less than this, and then went on, is one.
HALT_S: Final = 20 * 60.0
# Columns of a command and of the numbers that all share.
TIME, LEVEL, SPEED = range(3)
LOW, HIGH, SLOW, FAST, SHORT, LONG, WANDER, WANDER_S, RISES, FALLS = range(10)


class Levels(NamedTuple):
    """Commanded levels (M, N), km, drawn at the times `time_s` (N); NaN while a flight rises or falls.

    `climbs` says that a climb of changing speed is one command in each draw.
    """

    time_s: Float64s
    level_km: Float64s
    climbs: bool = False


def tells_commands(fixes: Fixes) -> bool:
    """Whether heights are told so close together that they tell of commands by themselves."""
    time_s = fixes.time_s[~np.isnan(fixes.alt_km)]
    return time_s.size >= LEAST_HEIGHTS and float(np.median(np.diff(time_s))) <= WIDEST_S


def told_levels(model: MotionModel, fixes: Fixes, *, seed: int = 0, steps: int = STEPS) -> Levels:
    """Draw the commanded levels of a controlled flight from the heights of its fixes.

    `CHAINS` chains of so many `steps`; of each `KEPT` states after the first half, evenly spaced. The same
    seed gives the same draws.
    """
    known = ~np.isnan(fixes.alt_km)
    told = np.stack([fixes.time_s, fixes.alt_km, fixes.alt_sd_km, fixes.p_alt_wrong], axis=1)[known]
    told = np.ascontiguousarray(told[np.argsort(told[:, 0], kind="stable")])
    conf = _conf(model, told)
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed, spawn_key=(44,)).spawn(CHAINS)]
    begin, end = float(told[0, 0]), float(told[-1, 0])
    grid = np.linspace(begin, end, min(GRID, 4 * len(told) + 1))
    out = np.full((CHAINS * KEPT, grid.size), np.nan)

    def some(first: int, past: int) -> None:
        for chain in range(first, past):
            rows = out[chain * KEPT : (chain + 1) * KEPT]
            run_chain(told, conf, steps, steps // 2, grid, rows, rngs[chain])

    over_members(some, CHAINS)
    return Levels(grid, out, climbs=True)


def _conf(model: MotionModel, told: Float64s) -> Float64s:
    """What all chains share: kilometres and seconds. A flight that was launched may rise, and may fall."""
    rises = told[0, 1] < GROUND_ALT_KM
    falls = rises or bool((told[:, 1] < GROUND_ALT_KM).any())
    return np.array(
        [
            *(v / 1e3 for v in model.control_m), *(v / 1e3 for v in model.climb_mps),
            *(v * HOUR_S for v in model.command_h), model.wander_m / 1e3, model.wander_h * HOUR_S,
            rises, falls,
        ]
    )  # fmt: skip


@compiled
def log_likelihood(told: Float64s, conf: Float64s, ends: Float64s, commands: Float64s, count: int) -> float:
    """Return the log density of the heights, km⁻¹ each, under commands in order of time.

    The first command is the level held from ends[0] on; after ends[1] the flight falls. Of a rise and a fall
    it is known that they are no slower than `LEAST_RISE`, and no more.
    """
    total, at, last = 0.0, 0, ends[0]
    ramp = goal = commands[0, LEVEL]
    speed = 1.0
    off, var = 0.0, conf[WANDER] ** 2
    for k in range(told.shape[0]):
        now = told[k, 0]
        if now < ends[0]:
            total += _log_rising(told, k, 1.0)
            continue
        if now > ends[1]:
            total += _log_rising(told, k, -1.0)
            continue
        keep = math.exp(-(now - last) / conf[WANDER_S])
        begin = last
        while at + 1 < count and commands[at + 1, TIME] <= now:
            ramp = _towards(ramp, goal, speed * (commands[at + 1, TIME] - begin))
            at += 1
            begin, goal, speed = commands[at, TIME], commands[at, LEVEL], commands[at, SPEED]
        ramp = _towards(ramp, goal, speed * (now - begin))
        last = now
        off *= keep
        var = keep * keep * var + (1.0 - keep * keep) * conf[WANDER] ** 2
        spread, miss = var + told[k, 2] ** 2, told[k, 1] - ramp - off
        right = (1.0 - told[k, 3]) * math.exp(-0.5 * miss * miss / spread) / math.sqrt(2.0 * math.pi * spread)
        wrong = told[k, 3] * math.exp(LOG_MISTAKEN_ALT)
        total += math.log(right + wrong + 1e-300)
        if right > wrong:
            gain = var / spread
            off += gain * miss
            var *= 1.0 - gain
    return total


@compiled
def _log_rising(told: Float64s, k: int, way: float) -> float:
    """Return the log density of a height of a rise (`way` 1) or a fall (-1), given that before it."""
    if k == 0:
        return LOG_MISTAKEN_ALT
    gone = told[k, 0] - told[k - 1, 0]
    if way * (told[k, 1] - told[k - 1, 1]) < LEAST_RISE * gone:
        return LOG_MISTAKEN_ALT + math.log(told[k, 3] + 1e-300)
    return -math.log(MOST_RISE * gone + 1.0)


@woven
def _towards(here: float, there: float, reach: float) -> float:
    if abs(there - here) <= reach:
        return there
    return here + (reach if there > here else -reach)


@woven
def _log_even(low: float, high: float, rng: np.random.Generator) -> float:
    return float(low * (high / low) ** rng.random())


@compiled
def _level_near(told: Float64s, conf: Float64s, time_s: float, rng: np.random.Generator) -> float:
    """Draw a level for a command: half of them even, half about a height told soon after."""
    first, past = _soon(told, time_s)
    if past > first and rng.random() < 0.5:
        k = first + int(rng.random() * (past - first))
        return float(told[k, 1] + NEAR_KM * rng.standard_normal())
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
        d = (level - told[k, 1]) / NEAR_KM
        near += math.exp(-0.5 * d * d) / (NEAR_KM * math.sqrt(2.0 * math.pi))
    return math.log(0.5 * even + 0.5 * near / (past - first) + 1e-300)


@compiled
def _soon(told: Float64s, time_s: float) -> tuple[int, int]:
    """Return the rows of heights told within `LOOK_S` after a time."""
    first = np.searchsorted(told[:, 0], time_s)
    return int(first), int(np.searchsorted(told[:, 0], time_s + LOOK_S))


@compiled
def _copy(source: Float64s, target: Float64s, count: int) -> None:
    for i in range(count):
        for j in range(3):
            target[i, j] = source[i, j]


@compiled
def run_chain(
    told: Float64s,
    conf: Float64s,
    steps: int,
    burnt: int,
    grid: Float64s,
    out: Float64s,
    rng: np.random.Generator,
) -> None:
    """Run one chain; the rows of `out` (KEPT, N) become levels at the times of the grid."""
    begin, end = told[0, 0], told[-1, 0]
    middle = told.shape[0] // 2
    ends = np.array([begin - 1.0, end + 1.0])
    span = end - begin
    now, new = np.zeros((MOST_COMMANDS, 3)), np.zeros((MOST_COMMANDS, 3))
    now[0, LEVEL] = min(max(told[middle, 1], conf[LOW]), conf[HIGH])
    count, memory_s = 1, math.sqrt(conf[SHORT] * conf[LONG])
    found = log_likelihood(told, conf, ends, now, count)
    kept, every = 0, max((steps - burnt) // out.shape[0], 1)
    for step in range(steps):
        # In the beginning heights count for little, so that a chain finds its way between ways to explain.
        heat = 1.0 if step >= burnt else max(step / (0.7 * burnt), 0.02)
        heat = min(heat, 1.0)
        move = rng.random()
        new_ends = ends.copy()
        _copy(now, new, count)
        new_count, log_ratio = count, 0.0
        if move < 0.25:
            new_count, log_ratio = _bear(told, conf, ends, new, count, memory_s, rng)
        elif move < 0.5:
            new_count, log_ratio = _bury(told, conf, ends, new, count, memory_s, rng)
        elif move < 0.9:
            log_ratio = _shift(told, conf, ends, new, count, span, rng)
        elif move < 0.95:
            log_ratio = _move_ends(conf, new_ends, begin, end, new, count, memory_s, rng)
        else:
            memory_s = _renew_memory(conf, ends, count, memory_s, rng)
            continue
        if log_ratio > -1e299:
            value = log_likelihood(told, conf, new_ends, new, new_count)
            if math.log(rng.random() + 1e-300) < heat * (value - found) + log_ratio:
                _copy(new, now, new_count)
                ends[:], count, found = new_ends, new_count, value
        if step >= burnt and (step - burnt) % every == every - 1 and kept < out.shape[0]:
            _lay_out(ends, now, count, grid, new, out, kept)
            kept += 1
    while kept < out.shape[0]:
        _lay_out(ends, now, count, grid, new, out, kept)
        kept += 1


@compiled
def _lay_out(
    ends: Float64s, commands: Float64s, count: int, grid: Float64s, climbs: Float64s, out: Float64s, row: int
) -> None:
    """Write the level commanded at each time of the grid; a climb of changing speed is one command.

    `climbs` is filled with the commands that are left.
    """
    left, ramp, reached = 1, commands[0, LEVEL], ends[0]
    for j in range(3):
        climbs[0, j] = commands[0, j]
    for i in range(1, count):
        begin, goal = commands[i, TIME], commands[i, LEVEL]
        before = climbs[left - 1, LEVEL]
        onward = left > 1 and (goal > before) == (before > climbs[left - 2, LEVEL])
        if not (onward and begin - reached < HALT_S):
            for j in range(3):
                climbs[left, j] = commands[i, j]
            left += 1
        climbs[left - 1, LEVEL] = goal
        # Where the climb before is cut short, the next begins from there.
        last = commands[i - 1, LEVEL]
        if reached > begin and i > 1:
            ramp = _towards(ramp, last, commands[i - 1, SPEED] * (begin - commands[i - 1, TIME]))
        else:
            ramp = last
        reached = begin + abs(goal - ramp) / commands[i, SPEED]
    at = 0
    for k in range(grid.size):
        while at + 1 < left and climbs[at + 1, TIME] <= grid[k]:
            at += 1
        inside = ends[0] <= grid[k] <= ends[1]
        out[row, k] = climbs[at, LEVEL] if inside else np.nan


@compiled
def _bear(
    told: Float64s, conf: Float64s, ends: Float64s, commands: Float64s, count: int, memory_s: float,
    rng: np.random.Generator,
) -> tuple[int, float]:  # fmt: skip
    """Add a command; return the count and the log of prior over proposal."""
    if count >= MOST_COMMANDS - 1:
        return count, -1e300
    time_s = ends[0] + (ends[1] - ends[0]) * rng.random()
    level = _level_near(told, conf, time_s, rng)
    if not conf[LOW] <= level <= conf[HIGH]:
        return count, -1e300
    at = count
    while at > 1 and commands[at - 1, TIME] > time_s:
        for j in range(3):
            commands[at, j] = commands[at - 1, j]
        at -= 1
    commands[at, TIME], commands[at, LEVEL] = time_s, level
    commands[at, SPEED] = _log_even(conf[SLOW], conf[FAST], rng)
    return count + 1, _log_birth(told, conf, ends, time_s, level, count, memory_s)


@compiled
def _log_birth(
    told: Float64s, conf: Float64s, ends: Float64s, time_s: float, level: float, others: int, memory_s: float
) -> float:
    """Return the log of prior over proposal for a command that joins `others` (the first level is one)."""
    prior = math.log((ends[1] - ends[0]) / memory_s) - math.log(conf[HIGH] - conf[LOW])
    return prior - _log_near(told, conf, time_s, level) - math.log(others)


@compiled
def _bury(
    told: Float64s, conf: Float64s, ends: Float64s, commands: Float64s, count: int, memory_s: float,
    rng: np.random.Generator,
) -> tuple[int, float]:  # fmt: skip
    """Take a command out; return the count and the log of prior over proposal."""
    if count < 2:
        return count, -1e300
    at = 1 + int(rng.random() * (count - 1))
    ratio = _log_birth(told, conf, ends, commands[at, TIME], commands[at, LEVEL], count - 1, memory_s)
    for i in range(at, count - 1):
        for j in range(3):
            commands[i, j] = commands[i + 1, j]
    return count - 1, -ratio


@compiled
def _shift(
    told: Float64s, conf: Float64s, ends: Float64s, commands: Float64s, count: int, span: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Change a command's time, level or speed, or two of them; return the log of prior over proposal."""
    at = int(rng.random() * count)
    which = rng.random()
    ratio = 0.0
    if which < 0.35 and at > 0:
        size = span * 10.0 ** (-4.0 + 3.0 * rng.random())
        time_s = commands[at, TIME] + size * rng.standard_normal()
        before = commands[at - 1, TIME] if at > 1 else ends[0]
        after = commands[at + 1, TIME] if at + 1 < count else ends[1]
        if not before < time_s < after:
            return -1e300
        commands[at, TIME] = time_s
    elif which < 0.7 or at == 0:
        level = commands[at, LEVEL]
        if rng.random() < 0.3:
            time_s = commands[at, TIME] if at > 0 else ends[0]
            ratio = _log_near(told, conf, time_s, level)
            level = _level_near(told, conf, time_s, rng)
            ratio -= _log_near(told, conf, time_s, level)
        else:
            level += 10.0 ** (-2.0 + 2.0 * rng.random()) * rng.standard_normal()
        if not conf[LOW] <= level <= conf[HIGH]:
            return -1e300
        commands[at, LEVEL] = level
    if at > 0 and which >= 0.55:
        # Even in its logarithm, and so is the step.
        speed = commands[at, SPEED] * math.exp(0.5 * rng.standard_normal())
        if not conf[SLOW] <= speed <= conf[FAST]:
            return -1e300
        commands[at, SPEED] = speed
    return ratio


@compiled
def _move_ends(
    conf: Float64s, ends: Float64s, begin: float, end: float, commands: Float64s, count: int,
    memory_s: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Change when a launched flight levels off or falls; return the log of prior over proposal.

    Both times are believed to be even; commands lie between them, as rare as ever.
    """
    before = ends[1] - ends[0]
    size = (end - begin) * 10.0 ** (-4.0 + 3.5 * rng.random())
    if rng.random() < 0.5:
        if conf[RISES] < 0.5:
            return -1e300
        ends[0] += size * rng.standard_normal()
    else:
        if conf[FALLS] < 0.5:
            return -1e300
        ends[1] += size * rng.standard_normal()
    first = commands[1, TIME] if count > 1 else ends[1]
    last = commands[count - 1, TIME] if count > 1 else ends[0]
    inside = begin - 1.0 <= ends[0] < first and last < ends[1] <= end + 1.0 and ends[0] < ends[1]
    return (before - (ends[1] - ends[0])) / memory_s if inside else -1e300


@compiled
def _renew_memory(
    conf: Float64s, ends: Float64s, count: int, memory_s: float, rng: np.random.Generator
) -> float:
    """Draw the mean time between commands anew, given their number."""
    other = _log_even(conf[SHORT], conf[LONG], rng)
    span, commands = ends[1] - ends[0], count - 1
    ratio = commands * math.log(memory_s / other) + span * (1.0 / memory_s - 1.0 / other)
    return other if math.log(rng.random() + 1e-300) < ratio else memory_s

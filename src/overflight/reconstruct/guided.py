"""Log evidence and smoothed draws of a flight under any model of motion, by a guided particle filter.

    fixes + winds + model → batches of particles (guided_kernel) → evidence, misses; draws traced and smoothed

What is linear given the rest (place, wind error, an air velocity) is a Gaussian of each particle; heights,
commands and the times of legs are drawn, towards the fixes to come where these tell of them, and weighted.
Batches are independent: their scatter is the error of the evidence, and threads share them out.
docs/motion-models.md has the equations and what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from overflight.compiled import over_members
from overflight.errors import InputError, LimitError, SolveError
from overflight.reconstruct import guided_columns as col
from overflight.reconstruct import guided_kernel as kernel
from overflight.reconstruct.fixes import Fixes, check_fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.guided_heights import DAWN_DEG
from overflight.reconstruct.guided_smooth import smooth_members
from overflight.reconstruct.likelihood import AFAR, MISTAKEN, OTHER_TIME, STATED
from overflight.reconstruct.models import ROW, CodedModel, MotionModel, WindErrorBelief, coded_model
from overflight.reconstruct.motion import LIN, MIN_COS, Air
from overflight.sun import solar_place
from overflight.units import EARTH_RADIUS_M, HOUR_S
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

# Nothing is known of the place before the first fix: the same width as in `posterior.py`, so that evidences
# of one set of fixes compare.
START_SD_KM = 2500.0
# A Gaussian wider than this is cut into narrower ones: winds bend over a few hundred kilometres.
WIDE_KM = 150.0
# A flight that starts below this rises, one that comes below it has come down.
GROUND_ALT_KM = 10.0
# Fixes nearer in time than this show a rise or a fall, which take an hour or two, by their speeds alone.
SHOWS_PHASES_S = 45 * 60.0
# How far ahead heights are looked at to see whether a fall goes on.
OUTLOOK_S = 45 * 60.0
MIN_STEP_S, MAX_STEP_S = 600.0, 1.5 * HOUR_S
LEAST_BATCHES, MOST_BATCHES, BATCH, LARGEST_BATCH = 4, 8, 500, 8192
MOST_BYTES = 4e9
# A scatter of the batches beyond which their weights no longer measure it; an error that only says 'large'.
WIDE_SCATTER, LARGEST_ERROR = 0.7, 100.0
# Columns of a path.
PATH = ("x_km", "y_km", "z_km", "error_u", "error_v", "push_x_mps", "push_y_mps", "commanded_km")
PARAMETERS = (
    "factor", "error_time_s", "command_s", "airspeed_mps", "leg_s", "on_share", "speed_mps", "memory_s",
    "stray_mps",
    "bursts", "rises", "smooth", "level_m", "second", "moved_by", "recovery_s", "rise_share", "wander_m",
    "made_up", "spent", "phase", "dusk_deg", "course_slack", "height_scale_m",
)  # fmt: skip
# Of the wind across, who holds a course over the ground lets so much pass: an engine that is not always
# strong enough, and turns late.
COURSE_SLACK = (0.03, 0.5)
_READINGS = np.array([STATED, AFAR, *[OTHER_TIME] * 6, MISTAKEN], np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """What the filter makes of a flight under one model. K fixes, N nodes, M draws.

    `log_evidence` is the log density of all fixes (per km² of ground, and per km where they have heights),
    and
    `log_evidence_se` its Monte Carlo standard error. `fix_log_density` (K,) is what each fix adds, given
    those before. `miss_km`, `miss_sigma` (K,) are how far each lies from what those before foretold, in km
    and
    in standard deviations; NaN for the first. `paths` (M, N, 8) are equally weighted draws given all fixes,
    the columns
    `PATH`: a velocity holds from its node to the next. `readings` (M, K) are codes of `likelihood.READINGS`,
    `afloat` (N,) is the share of them that neither rises nor falls, `parameters` (M, P) are named by
    `parameter_names`: `second` is by how many metres the level moves by day
    and night, or in a day of a leak, and `moved_by`, `made_up`, `spent` and `phase` are the codes and the
    shares of `guided_columns` at the last node; `dusk_deg` is the sun's elevation in the middle of a dusk.
    """

    log_evidence: float
    log_evidence_se: float
    fix_log_density: Float64s
    miss_km: Float64s
    miss_sigma: Float64s
    node_s: Float64s
    paths: Float64s
    readings: Int8s
    parameters: Float64s
    afloat: Float64s
    parameter_names: tuple[str, ...] = PARAMETERS


class _Plan(NamedTuple):
    """What all batches share, laid out for the kernel."""

    node_s: Float64s
    sun: Float64s
    first: Int64s
    fixes: Float64s
    next_fix: Int64s
    next_alt: Int64s
    fix_node: Int64s
    far: Int64s
    conf: Float64s
    ints: Int64s
    start: Float64s


class _Batch(NamedTuple):
    """What one batch came to: log evidence after each fix, moments before it, and members drawn."""

    log_z: Float64s
    moments: Float64s
    history: Float32s
    flags: Int8s
    readings: Int8s
    static: Float64s
    level: Float64s


def filter_flight(
    model: MotionModel,
    fixes: Fixes,
    air: Air,
    belief: WindErrorBelief,
    *,
    frame: Frame,
    particles: int = 4000,
    seed: int = 0,
    step_s: float | None = None,
    draws: int = 200,
) -> Filtered:
    """Return the evidence of the fixes under a model, and draws of the flight.

    `step_s` is the longest step; by default the median interval of the fixes, from ten minutes to an hour and
    a half. The same seed gives the same bytes with any number of threads. Cost is linear in particles and
    nodes.

    Raises
    ------
    InputError
        The fixes cannot be used, or a number asked for is not one.
    LimitError
        Particles times nodes would not fit the memory.
    SolveError
        No particle can explain the fixes at all.
    """
    check_fixes(fixes)
    if particles < LEAST_BATCHES or draws < 1 or (step_s is not None and not step_s > 0.0):
        raise InputError(
            f"asked for {particles} particles, {draws} draws and steps of {step_s} s",
            remedy=f"Give at least {LEAST_BATCHES} particles, one draw and a step above zero.",
        )
    if not np.allclose(frame.rotation, air.rotation):
        raise InputError(
            "the winds are laid out for another frame", field="air", remedy="Use make_air(frame, ...)."
        )
    if model.ascent == "auto" and _phases_hidden(fixes):
        model = replace(model, ascent="maybe")
    plan = _plan(coded_model(model), fixes, belief, frame, step_s)
    shares = _shares(particles)
    if max(shares) * plan.node_s.size * (4.0 * col.HISTORY + 5.0) * 2.0 > MOST_BYTES:
        raise LimitError(
            f"{particles} particles at {plan.node_s.size} nodes do not fit the memory",
            remedy="Ask for fewer particles or longer steps.",
        )
    batches: list[_Batch | None] = [None] * len(shares)

    def run(begin: int, end: int) -> None:
        for b in range(begin, end):
            rng = np.random.default_rng([seed, 71, b])
            batches[b] = _run_batch(model, belief, air, plan, shares[b], draws, rng)

    over_members(run, len(shares))
    done = [batch for batch in batches if batch is not None]
    return _gathered(done, np.array(shares), air, plan, draws, np.random.default_rng([seed, 72]))


def _shares(particles: int) -> list[int]:
    """Sizes of the batches: few enough to be large, and never so large as to fill the memory."""
    count = min(max(particles // BATCH, LEAST_BATCHES), MOST_BATCHES)
    count = max(count, -(-particles // LARGEST_BATCH))
    return [particles * (b + 1) // count - particles * b // count for b in range(count)]


def choose_nodes(fixes: Fixes, step_s: float | None = None) -> Float64s:
    """Return the times of the steps: those of the fixes, and even ones in between of at most `step_s`."""
    at = np.unique(fixes.time_s)
    gaps = np.diff(at)
    if not gaps.size:
        return at
    step = step_s or min(max(float(np.median(gaps)), MIN_STEP_S), MAX_STEP_S)
    counts = np.maximum(np.ceil(gaps / step - 1e-9), 1.0)
    if counts.sum() > 1e6:
        raise LimitError(
            f"{counts.sum():.0f} steps lie between the fixes",
            remedy="Give fixes of one flight, or a longer step.",
        )
    parts = [t + gap * np.arange(n) / n for t, gap, n in zip(at[:-1], gaps, counts, strict=True)]
    return np.concatenate([*parts, at[-1:]])


def _plan(
    coded: CodedModel, fixes: Fixes, belief: WindErrorBelief, frame: Frame, step_s: float | None
) -> _Plan:
    node_s = choose_nodes(fixes, step_s)
    fix_node = np.searchsorted(node_s, fixes.time_s).astype(np.int64)
    count = fixes.time_s.size
    stretch = 1.0 / np.maximum(np.cos(fixes.y_km * 1e3 / EARTH_RADIUS_M), MIN_COS)
    rows = np.column_stack(
        [
            fixes.x_km, fixes.y_km, fixes.cov_km2, fixes.time_sd_s, fixes.alt_km, fixes.alt_sd_km,
            fixes.p_afar,
            fixes.p_slip, fixes.p_mistaken, fixes.p_alt_wrong,
            stretch, np.log(stretch), fixes.time_s,
        ]
    )  # fmt: skip
    next_fix = np.append(np.arange(count), -1)
    has_alt = np.append(~np.isnan(fixes.alt_km), False)
    next_alt = np.full(count + 1, -1)
    for f in range(count - 1, -1, -1):
        next_alt[f] = f if has_alt[f] else next_alt[f + 1]
    return _Plan(
        node_s,
        sun_in_frame(node_s, frame.rotation),
        np.searchsorted(fix_node, np.arange(node_s.size + 1)).astype(np.int64),
        np.ascontiguousarray(rows),
        next_fix.astype(np.int64),
        next_alt.astype(np.int64),
        fix_node,
        _far(node_s, fix_node, next_alt),
        _conf(coded.ranges, belief),
        _ints(coded, fixes, belief),
        np.array([fixes.x_km[0], fixes.y_km[0]]),
    )


def _far(node_s: Float64s, fix_node: Int64s, next_alt: Int64s) -> Int64s:
    """Return for each node the last fix with a height within `OUTLOOK_S`, or the next one; -1 for none."""
    told = np.flatnonzero(next_alt[:-1] == np.arange(next_alt.size - 1))
    if not told.size:
        return np.full(node_s.size, -1, np.int64)
    at = node_s[fix_node[told]]
    following = np.searchsorted(at, node_s, side="right")
    last = np.searchsorted(at, node_s + OUTLOOK_S, side="right") - 1
    chosen = np.maximum(following, last)
    return np.where(chosen < told.size, told[np.minimum(chosen, told.size - 1)], -1).astype(np.int64)


def sun_in_frame(node_s: Float64s, rotation: Float64s) -> Float64s:
    """Return unit vectors to the sun at times in a frame of such a `rotation`, how they move, and the pole.

    (N, 9). The middle three are the derivative by the hour angle: their part along a place's vertical is
    above zero while the sun rises there. The last three are the Earth's north pole.
    """
    place = np.array([solar_place(float(t))[:3] for t in node_s])
    lon = place[:, 0] - place[:, 2]
    flat = np.cos(place[:, 1])
    vectors = np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(place[:, 1])])
    moves = np.stack([flat * np.sin(lon), -flat * np.cos(lon), np.zeros_like(lon)])
    pole = np.tile([[0.0], [0.0], [1.0]], lon.size)
    return np.ascontiguousarray(np.concatenate([rotation @ part for part in (vectors, moves, pole)]).T)


def _ints(coded: CodedModel, fixes: Fixes, belief: WindErrorBelief) -> Int64s:
    horizontal, vertical, ascent, descent = (int(v) for v in coded.ints)
    known = fixes.alt_km[~np.isnan(fixes.alt_km)]
    low = not math.isnan(fixes.alt_km[0]) and fixes.alt_km[0] < GROUND_ALT_KM
    rises = (low, True, False, True)[ascent]
    above = np.flatnonzero(known > GROUND_ALT_KM)
    back = above.size > 0 and bool((known[above[0] :] < GROUND_ALT_KM).any())
    falls = (rises or back, True, False, True)[descent]  # what has been launched comes down
    dim, fast, push, pole = 4, -1, -1, -1
    if belief.fast_share > 0.0 and horizontal != col.FREE:
        fast, dim = dim, dim + 2
    if horizontal != col.WIND:
        push, dim = dim, dim + 2
    if belief.smooth_share > 0.0 and horizontal != col.FREE:
        pole, dim = dim, dim + 2
    return np.array([horizontal, vertical, int(rises), int(falls), dim, fast, push, pole], np.int64)


def _phases_hidden(fixes: Fixes) -> bool:
    """Whether a rise or a fall would show in the fixes although no height is told."""
    if fixes.time_s.size < 2 or not np.isnan(fixes.alt_km).all():
        return False
    return float(np.median(np.diff(np.sort(fixes.time_s)))) < SHOWS_PHASES_S


def _conf(ranges: Float64s, belief: WindErrorBelief) -> Float64s:
    """What all particles share, in kilometres and seconds."""

    def row(name: str) -> tuple[float, float]:
        return float(ranges[ROW[name], 0]), float(ranges[ROW[name], 1])

    up, down = _even(row("ascent_mps")), _even(row("descent_mps"))
    low, high = row("control_m")
    metres = [row("wander_h")[0] * HOUR_S * 1e3, *row("level_m"), low, high]
    metres += [*row("climb_mps"), *up, *down, row("ascent_mps")[0], row("descent_mps")[0]]
    metres += [*(v * HOUR_S * 1e3 for v in row("float_h")), *row("burst_m")]
    return np.array(
        [
            belief.fast_share, belief.fast_time_s,
            *(v / 1e3 for v in metres), START_SD_KM, WIDE_KM,
        ]
    )  # fmt: skip


def _even(pair: tuple[float, float]) -> tuple[float, float]:
    """Mean and standard deviation of an even range."""
    return 0.5 * (pair[0] + pair[1]), (pair[1] - pair[0]) / math.sqrt(12.0)


def _draw_static(
    model: MotionModel, belief: WindErrorBelief, count: int, rng: np.random.Generator
) -> Float64s:
    """Draw what is drawn once a particle, each number in even strata of its own."""
    u = (
        rng.permuted(np.tile(np.arange(count), (col.STATIC, 1)), axis=1) + rng.random((col.STATIC, count))
    ) / count

    def log_even(column: int, pair: tuple[float, float], unit: float = 1.0) -> Float64s:
        return np.asarray(unit * pair[0] * (pair[1] / pair[0]) ** u[column])

    def even(column: int, pair: tuple[float, float], unit: float = 1.0) -> Float64s:
        return np.asarray(unit * (pair[0] + (pair[1] - pair[0]) * u[column]))

    normal = ndtri(np.clip(u, 1e-12, 1.0 - 1e-12))
    out = np.empty((count, col.STATIC))
    out[:, col.FACTOR] = belief.factor * np.exp(belief.factor_log_sd * normal[col.FACTOR])
    out[:, col.ERROR_S] = belief.time_s * np.exp(belief.time_log_sd * normal[col.ERROR_S])
    out[:, col.MIXING] = belief.mixing_km * np.exp(belief.mixing_log_sd * normal[col.MIXING])
    heights = np.exp(belief.height_log_sd * normal[col.HEIGHT_SCALE])
    out[:, col.HEIGHT_SCALE] = belief.height_scale_m / 1e3 * heights
    out[:, col.COMMAND_S] = log_even(col.COMMAND_S, model.command_h, HOUR_S)
    out[:, col.AIRSPEED] = log_even(col.AIRSPEED, model.airspeed_mps, 1e-3)
    out[:, col.LEG_S] = log_even(col.LEG_S, model.leg_h, HOUR_S)
    out[:, col.ON_SHARE] = 1.0 if model.horizontal == "free" else even(col.ON_SHARE, model.on_share)
    out[:, col.SPEED] = log_even(col.SPEED, model.speed_mps, 1e-3)
    out[:, col.MEMORY_S] = log_even(col.MEMORY_S, model.memory_h, HOUR_S)
    out[:, col.STRAY] = out[:, col.SPEED] * log_even(col.STRAY, model.stray_share)
    out[:, col.BURSTS] = u[col.BURSTS] < model.burst_share
    out[:, col.RISES] = u[col.RISES] < (model.launch_share if model.ascent == "maybe" else 1.0)
    out[:, col.SMOOTH] = u[col.SMOOTH] < belief.smooth_share
    holds = model.course_share if model.horizontal == "propelled" else 0.0
    held = u[col.COURSE] < holds
    out[:, col.COURSE] = 0.0
    out[held, col.COURSE] = COURSE_SLACK[0] * (COURSE_SLACK[1] / COURSE_SLACK[0]) ** (
        u[col.COURSE, held] / holds
    )
    out[held, col.ON_SHARE] = 1.0
    out[:, col.START] = normal[col.START]
    _draw_second(model, u[col.MOVED_BY], out)
    by_sunset = out[:, col.MOVED_BY] == col.BY_SUNSET
    out[:, col.DUSK_DEG] = np.where(by_sunset, even(col.DUSK_DEG, model.dusk_deg), DAWN_DEG)
    out[:, col.RECOVERY_S] = log_even(col.RECOVERY_S, model.recovery_h, HOUR_S)
    out[:, col.RISE_SHARE] = log_even(col.RISE_SHARE, model.rise_share)
    return out


def _draw_second(model: MotionModel, u: Float64s, out: Float64s) -> None:
    """Fill what moves the level, what is believed of by how much, and the wander."""
    leak_share = {"leak": 1.0, "daynight": model.leak_share}.get(model.vertical, 0.0)
    by = np.where(u < leak_share, col.BY_LEAK, col.BY_SUN)
    if model.vertical == "daynight":
        by[u >= 1.0 - model.ballast_share] = col.BY_SUNSET
    leaks = by == col.BY_LEAK
    sun = _even(model.amplitude_m) if model.vertical == "daynight" else (0.0, 0.0)
    leak = _even(model.leak_m_per_day)
    out[:, col.MOVED_BY] = by
    out[:, col.SECOND_MEAN] = np.where(leaks, leak[0], sun[0]) / 1e3
    out[:, col.SECOND_SD] = np.where(leaks, leak[1], sun[1]) / 1e3
    held = (by != col.BY_SUN) & (model.vertical == "daynight")
    out[:, col.WANDER] = np.where(held, model.held_wander_m, model.wander_m) / 1e3


def _scratch(count: int, dim: int) -> tuple[Float64s, ...]:
    """Arrays that the kernel works in: Gaussians, a step's matrices, the wind, and what draws need."""
    shapes: tuple[tuple[int, ...], ...] = (
        (count, dim), (count, dim, dim), (2, dim), (dim,), (2, dim), (dim,), (7,), (2, dim), (LIN,), (LIN,),
        (SLOPES,),
        (2,), (kernel.PARTS, 7), (kernel.AHEAD_Y + 1, kernel.AHEAD_X),
        (5, kernel.AHEAD_X),
    )  # fmt: skip
    return tuple(np.zeros(shape) for shape in shapes)


def _run_batch(
    model: MotionModel,
    belief: WindErrorBelief,
    air: Air,
    plan: _Plan,
    count: int,
    draws: int,
    rng: np.random.Generator,
) -> _Batch:
    nodes, fixes = plan.node_s.size, plan.fixes.shape[0]
    static = _draw_static(model, belief, count, rng)
    history = np.zeros((nodes, count, col.HISTORY), np.float32)
    flags, parents = np.zeros((nodes, count), np.int8), np.zeros((nodes, count), np.int32)
    readings = np.zeros((fixes, count), np.int8)
    log_z, moments = np.full(fixes, -np.inf), np.zeros((fixes, col.MOMENTS))
    own, logw = np.zeros((count, col.OWN)), np.zeros(count)
    kernel.run_batch(
        *air, plan.node_s, plan.sun, plan.first, plan.fixes, plan.next_fix, plan.next_alt, plan.fix_node,
        plan.far,
        plan.conf, plan.ints, static, plan.start, rng, history, flags, parents, readings, log_z, moments,
        own, logw,
        *_scratch(count, int(plan.ints[col.I_DIM])),
    )  # fmt: skip
    out = np.zeros((draws, nodes, col.HISTORY), np.float32)
    out_flags, out_readings = np.zeros((draws, nodes), np.int8), np.zeros((draws, fixes), np.int8)
    chosen = np.zeros(draws, np.int32)
    if log_z[-1] > -np.inf:
        kernel.pick(logw, draws, rng, chosen)
        kernel.trace(chosen, parents, history, flags, readings, plan.first, out, out_flags, out_readings)
    return _Batch(log_z, moments, out, out_flags, out_readings, static[chosen], _levels(own[chosen], rng))


def _levels(own: Float64s, rng: np.random.Generator) -> Float64s:
    """Draw the level and the second number (m) of members from what their heights leave open.

    Beside them stand how much of day ballast has made up for and was spent on in all, and the phase.
    """
    n0, n1 = rng.standard_normal((2, len(own)))
    root = np.sqrt(np.maximum(own[:, col.V_LL], 0.0))
    slope = np.divide(own[:, col.V_LS], root, out=np.zeros_like(root), where=root > 0.0)
    rest = np.sqrt(np.maximum(own[:, col.V_SS] - slope**2, 0.0))
    drawn = [own[:, col.LEVEL] + root * n0, own[:, col.SECOND] + slope * n0 + rest * n1]
    return np.column_stack([*(1e3 * d for d in drawn), own[:, [col.MADE_UP, col.SPENT, col.PHASE]]])


def _gathered(
    batches: list[_Batch], shares: Int64s, air: Air, plan: _Plan, draws: int, rng: np.random.Generator
) -> Filtered:
    """Put the batches together: each weighs by its size times its evidence."""
    log_z = np.stack([batch.log_z for batch in batches]) + np.log(shares / shares.sum())[:, None]
    if not np.isfinite(log_z[:, -1]).any():
        raise SolveError(
            "no particle can explain the fixes",
            remedy="Check fixes that contradict one another, allow for mistakes, or use more particles.",
        )
    total = _log_total(log_z)
    before = np.concatenate([np.log(shares / shares.sum())[:, None], log_z[:, :-1]], axis=1)
    miss_km, miss_sigma = _misses(np.stack([b.moments for b in batches]), before, plan.fixes)
    weight = np.exp(log_z[:, -1] - total[-1])
    spread = evidence_error(log_z[:, -1], shares)
    members = _members(batches, weight, draws, rng)
    return Filtered(
        float(total[-1]),
        spread,
        np.diff(total, prepend=0.0),
        miss_km,
        miss_sigma,
        plan.node_s,
        *_smoothed(members, air, plan, rng),
        # A flag is four times the phase and what happened to the leg.
        (members.flags // 4 == col.AFLOAT).mean(axis=0),
    )


def evidence_error(log_z: Float64s, shares: Int64s) -> float:
    """Return the standard error of the log evidence from what batches (B,) of such shares came to.

    `log_z` has the shares in it. To first order that is the scatter of the batches' weights, which ends at
    one when one batch has all of it; then the gap from that batch to the middle one tells, `LARGEST_ERROR` at
    most, and that where half the batches died out.
    """
    count = len(shares)
    top = log_z.max()
    weight = np.exp(log_z - top)
    relative = weight / weight.sum() / (shares / shares.sum())
    spread = math.sqrt(float(np.sum((relative - 1.0) ** 2)) / (count * (count - 1)))
    if spread <= WIDE_SCATTER:
        return spread
    return min(max(spread, float(top - np.median(log_z)) / math.sqrt(count)), LARGEST_ERROR)


def _log_total(log_z: Float64s) -> Float64s:
    top = log_z.max(axis=0)
    return np.asarray(top + np.log(np.exp(log_z - top).sum(axis=0)))


def _misses(moments: Float64s, before: Float64s, fixes: Float64s) -> tuple[Float64s, Float64s]:
    """Distance (km on the ground) and standard deviations of each fix from what was foretold."""
    share = np.exp(before - _log_total(before))
    mean = np.einsum("bk,bkj->kj", share, moments)
    cov = np.array([[mean[:, 3], mean[:, 4]], [mean[:, 4], mean[:, 5]]]).transpose(2, 0, 1)
    off = mean[:, 1:3]
    cov = cov - off[:, :, None] * off[:, None, :]
    cov = cov + fixes[:, [[col.F_XX, col.F_XY], [col.F_XY, col.F_YY]]]
    sigma = np.sqrt(np.einsum("ki,ki->k", off, np.linalg.solve(cov, off[:, :, None])[:, :, 0]))
    km = np.hypot(off[:, 0] / fixes[:, col.F_STRETCH], off[:, 1])
    km[0] = sigma[0] = np.nan
    return km, sigma


def _members(batches: list[_Batch], weight: Float64s, draws: int, rng: np.random.Generator) -> _Batch:
    """Take members of the batches in proportion to their weights."""
    edges = np.floor(np.cumsum(np.append(0.0, weight / weight.sum())) * draws + rng.random())
    counts = np.diff(np.minimum(edges, draws)).astype(int)
    counts[int(np.argmax(weight))] += draws - int(counts.sum())
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    for batch, count in zip(batches, counts, strict=True):
        take = np.sort(rng.permutation(draws)[:count])
        parts.append(tuple(a[take] for a in batch[2:]))
    return _Batch(
        batches[0].log_z, batches[0].moments, *(np.concatenate(c) for c in zip(*parts, strict=True))
    )


def _smoothed(
    members: _Batch, air: Air, plan: _Plan, rng: np.random.Generator
) -> tuple[Float64s, Int8s, Float64s]:
    draws, nodes = members.flags.shape
    dim = int(plan.ints[col.I_DIM])
    paths = np.zeros((draws, nodes, len(PATH)))
    for m in range(draws):
        normals = rng.standard_normal((1, nodes, dim + 2))
        made = rng.standard_normal((1, plan.fixes.shape[0], 2))
        one = slice(m, m + 1)
        smooth_members(
            *air, plan.node_s, plan.first, plan.fixes, plan.conf, plan.ints, members.static[one], plan.start,
            members.history[one], members.flags[one], members.readings[one], normals, made, paths[one],
        )  # fmt: skip
    static = members.static.copy()
    for column in (col.AIRSPEED, col.SPEED, col.STRAY, col.WANDER, col.HEIGHT_SCALE):
        static[:, column] *= 1e3
    drawn = static[:, [col.MOVED_BY, col.RECOVERY_S, col.RISE_SHARE, col.WANDER]]
    heights = [members.level[:, :2], drawn]
    last = [members.level[:, 2:], static[:, [col.DUSK_DEG, col.COURSE, col.HEIGHT_SCALE]]]
    parameters = np.column_stack([static[:, : col.START], *heights, *last])
    return paths, _READINGS[members.readings], parameters


def describe(filtered: Filtered) -> Mapping[str, tuple[float, float, float]]:
    """Return 5, 50 and 95 % of every parameter over the draws."""
    low, mid, high = np.quantile(filtered.parameters, (0.05, 0.5, 0.95), axis=0)
    return {
        name: (float(low[i]), float(mid[i]), float(high[i]))
        for i, name in enumerate(filtered.parameter_names)
    }

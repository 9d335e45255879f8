"""Carry the draws of a hypothesis on after the last fix, under its own motion.

Winds as the filter has them; the wind error forgets itself with the belief's median memory, and with changes
of the height as in the filter; an airspeed or a free velocity is kept for legs that end by chance, a
commanded height until the next command. Heights of flights that nobody controls go on by the filter's own
law, each with the numbers of its draw: they stray about the level, which the sun moves, or a leak, or a
sunset until ballast has made up for it. What has landed stays.

What is approximate: the scales of legs, commands and wind errors are the middles of the model's ranges,
commanded heights do not stray, and a step is half an hour, over which the height and, for the sun, the place
are one. A course over the ground goes on with the airspeed that it had at the last fix, and what follows it
is through the air. A flight that rises or falls at the last fix keeps its height, and none comes down later.
It serves to rank observations, where that does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.reconstruct import guided_columns as col
from overflight.reconstruct.guided import Filtered, sun_in_frame
from overflight.reconstruct.guided_heights import drive_of
from overflight.reconstruct.models import VERTICAL, MotionModel, WindErrorBelief
from overflight.reconstruct.motion import RADIUS_KM, Air
from overflight.steer.along import winds_along
from overflight.steer.when import COMMANDED, ERROR_U, ERROR_V, PUSH_X, PUSH_Y, X, Y, Z
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

STEP_S: Final = 1800.0


@dataclass(frozen=True, slots=True, eq=False)
class _Floats:
    """What the heights of draws (M) go on by: tables as the filter's (`guided_columns`), kilometres.

    `own` is changed step by step: height, what moves the level, and what ballast has made up for.
    """

    own: Float64s
    static: Float64s
    ints: Int64s
    begin: float
    wander_s: float


def run_onward(
    model: MotionModel,
    filtered: Filtered,
    air: Air,
    belief: WindErrorBelief,
    *,
    hours: Sequence[float],
    seed: int = 0,
) -> Float64s:
    """Return the draws' states (M, len(hours), PATH) so many hours after the last node; `hours` increase."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(43,)))
    state = filtered.paths[:, -1].copy()
    floats = _floats(model, filtered, air)
    begin = float(filtered.node_s[-1])
    out, done_s = [], 0.0
    for wanted in hours:
        while done_s < wanted * HOUR_S - 1.0:
            step_s = min(STEP_S, wanted * HOUR_S - done_s)
            state = _step(model, state, floats, begin + done_s, step_s, air, belief, rng)
            done_s += step_s
        out.append(state.copy())
    return np.stack(out, axis=1)


def _floats(model: MotionModel, filtered: Filtered, air: Air) -> _Floats:
    """Lay out what the draws' heights were at the last node, as the filter has it there."""
    named = dict(zip(filtered.parameter_names, filtered.parameters.T, strict=True))
    last = filtered.paths[:, -1]
    static, own = np.zeros((len(last), col.STATIC)), np.zeros((len(last), col.OWN))
    static[:, col.MOVED_BY], static[:, col.RECOVERY_S] = named["moved_by"], named["recovery_s"]
    static[:, col.RISE_SHARE], static[:, col.WANDER] = named["rise_share"], named["wander_m"] / 1e3
    static[:, col.DUSK_DEG] = named["dusk_deg"]
    own[:, col.Z], own[:, col.PHASE] = last[:, Z], named["phase"]
    own[:, col.MADE_UP], own[:, col.SPENT] = named["made_up"], named["spent"]
    own[:, col.LEVEL], own[:, col.SECOND] = named["level_m"] / 1e3, named["second"] / 1e3
    ints = np.zeros(col.I_POLE + 1, np.int64)
    ints[col.I_VERTICAL] = VERTICAL.index(model.vertical)
    begin, end = float(filtered.node_s[0]), float(filtered.node_s[-1])
    floats = _Floats(own, static, ints, begin, model.wander_h * HOUR_S)
    sun = sun_in_frame(np.array([end]), air.rotation)
    x, y = last[:, X].copy(), last[:, Y].copy()
    _float_on(own, static, ints, sun, x, y, 0.0, end - begin, 1.0, np.zeros(len(last)))
    own[:, col.Z] = last[:, Z]
    return floats


def _step(
    model: MotionModel,
    state: Float64s,
    floats: _Floats,
    time_s: float,
    step_s: float,
    air: Air,
    belief: WindErrorBelief,
    rng: np.random.Generator,
) -> Float64s:
    """Advance all draws by one step: controls first, then the place by the midpoint rule."""
    new = state.copy()
    _renew_push(model, new, step_s, rng)
    if model.vertical == "control":
        _renew_height(model, new, step_s, rng)
        shift = np.abs(new[:, Z] - state[:, Z])
    else:
        shift = _renew_float(floats, new, time_s, step_s, air, rng)
    keep = np.exp(-step_s / belief.time_s - shift / (belief.height_scale_m / 1e3))[:, None]
    noise = rng.standard_normal((len(new), 2)) * np.sqrt(1.0 - keep * keep) * belief.factor
    new[:, [ERROR_U, ERROR_V]] = keep * new[:, [ERROR_U, ERROR_V]] + noise
    mixing = rng.standard_normal((len(new), 2)) * belief.mixing_rms_km * math.sqrt(step_s / HOUR_S)
    half = new[:, [X, Y]] + 0.5 * step_s * _velocity(model, new, time_s, air)
    middle = new.copy()
    middle[:, [X, Y]] = half
    new[:, [X, Y]] += step_s * _velocity(model, middle, time_s + 0.5 * step_s, air)
    if model.horizontal != "free":
        new[:, [X, Y]] += mixing
    landed = floats.own[:, col.PHASE] == col.LANDED
    new[landed] = state[landed]
    return new


def _velocity(model: MotionModel, state: Float64s, time_s: float, air: Air) -> Float64s:
    """Velocity (M, 2) in frame coordinates, km/s."""
    own = state[:, [PUSH_X, PUSH_Y]] / 1e3
    shrink = np.maximum(np.cos(state[:, Y] / RADIUS_KM), 0.05)
    if model.horizontal == "free":
        return np.asarray(own / np.stack([shrink, np.ones_like(shrink)], axis=1))
    wind = winds_along(air, time_s, state[:, X], state[:, Y], state[:, Z])
    beside = wind.spread_mps * state[:, [ERROR_U, ERROR_V]] / 1e3 + own
    return np.asarray(wind.velocity + beside / np.stack([shrink, np.ones_like(shrink)], axis=1))


def _renew_push(model: MotionModel, state: Float64s, step_s: float, rng: np.random.Generator) -> None:
    """Begin new legs by chance, in place."""
    if model.horizontal == "wind":
        return
    scale = _middle(model.airspeed_mps if model.horizontal == "propelled" else model.speed_mps)
    on = 1.0 if model.horizontal == "free" else 0.5 * sum(model.on_share)
    ends = rng.random(len(state)) < -math.expm1(-step_s / (_middle(model.leg_h) * HOUR_S))
    drawn = rng.standard_normal((len(state), 2)) * scale
    drawn[rng.random(len(state)) >= on] = 0.0
    state[ends, PUSH_X], state[ends, PUSH_Y] = drawn[ends, 0], drawn[ends, 1]


def _renew_height(model: MotionModel, state: Float64s, step_s: float, rng: np.random.Generator) -> None:
    """Command new heights by chance and go towards them, in place."""
    ends = rng.random(len(state)) < -math.expm1(-step_s / (_middle(model.command_h) * HOUR_S))
    drawn = rng.uniform(*model.control_m, len(state)) / 1e3
    state[ends, COMMANDED] = drawn[ends]
    most = _middle(model.climb_mps) * step_s / 1e3
    state[:, Z] += np.clip(state[:, COMMANDED] - state[:, Z], -most, most)


def _renew_float(
    floats: _Floats, state: Float64s, time_s: float, step_s: float, air: Air, rng: np.random.Generator
) -> Float64s:
    """Let heights that nobody controls go on, in place; return how far (km) their levels moved."""
    end = time_s + step_s
    _float_on(
        floats.own, floats.static, floats.ints, sun_in_frame(np.array([end]), air.rotation),
        state[:, X].copy(), state[:, Y].copy(), step_s, end - floats.begin,
        math.exp(-step_s / floats.wander_s), rng.standard_normal(len(state)),
    )  # fmt: skip
    state[:, Z] = floats.own[:, col.Z]
    return floats.own[:, col.SHIFT].copy()


@compiled
def _float_on(
    own: Float64s, static: Float64s, ints: Int64s, sun: Float64s, x: Float64s, y: Float64s, dt: float,
    since: float, phi: float, normals: Float64s,
) -> None:  # fmt: skip
    """Advance heights afloat as `guided_heights.next_height` does where the level and the rest are known."""
    for i in range(own.shape[0]):
        if own[i, col.PHASE] != col.AFLOAT:
            own[i, col.SHIFT] = 0.0
            continue
        drive, made_up, spent, own[i, col.DAY] = drive_of(i, own, static, ints, sun, 0, x[i], y[i], dt, since)
        stray = own[i, col.Z] - own[i, col.LEVEL] - own[i, col.SECOND] * own[i, col.DRIVE]
        stray = phi * stray + math.sqrt(1.0 - phi * phi) * static[i, col.WANDER] * normals[i]
        own[i, col.Z] = own[i, col.LEVEL] + own[i, col.SECOND] * drive + stray
        own[i, col.SHIFT] = abs(own[i, col.SECOND] * (drive - own[i, col.DRIVE]))
        own[i, col.DRIVE], own[i, col.MADE_UP], own[i, col.SPENT] = drive, made_up, spent


def _middle(pair: tuple[float, float]) -> float:
    return math.sqrt(pair[0] * pair[1])

"""Carry the draws of a hypothesis on after the last fix, under its own motion.

Winds as the filter has them; the wind error forgets itself with the belief's median memory; an airspeed or a
free velocity is kept for legs that end by chance, a commanded height until the next command. Scales are the
middles of the model's ranges. It serves to rank observations, where half an hour's step and middling scales
do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.guided import Filtered
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import RADIUS_KM, Air
from overflight.steer.along import winds_along
from overflight.steer.when import COMMANDED, ERROR_U, ERROR_V, PUSH_X, PUSH_Y, X, Y, Z
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]

STEP_S: Final = 1800.0


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
    begin = float(filtered.node_s[-1])
    out, done_s = [], 0.0
    for wanted in hours:
        while done_s < wanted * HOUR_S - 1.0:
            step_s = min(STEP_S, wanted * HOUR_S - done_s)
            state = _step(model, state, begin + done_s, step_s, air, belief, rng)
            done_s += step_s
        out.append(state.copy())
    return np.stack(out, axis=1)


def _step(
    model: MotionModel,
    state: Float64s,
    time_s: float,
    step_s: float,
    air: Air,
    belief: WindErrorBelief,
    rng: np.random.Generator,
) -> Float64s:
    """Advance all draws by one step: controls first, then the place by the midpoint rule."""
    new = state.copy()
    _renew_push(model, new, step_s, rng)
    _renew_height(model, new, step_s, rng)
    keep = math.exp(-step_s / belief.time_s)
    noise = rng.standard_normal((len(new), 2)) * math.sqrt(1.0 - keep * keep) * belief.factor
    new[:, [ERROR_U, ERROR_V]] = keep * new[:, [ERROR_U, ERROR_V]] + noise
    mixing = rng.standard_normal((len(new), 2)) * belief.mixing_rms_km * math.sqrt(step_s / HOUR_S)
    half = new[:, [X, Y]] + 0.5 * step_s * _velocity(model, new, time_s, air)
    middle = new.copy()
    middle[:, [X, Y]] = half
    new[:, [X, Y]] += step_s * _velocity(model, middle, time_s + 0.5 * step_s, air)
    if model.horizontal != "free":
        new[:, [X, Y]] += mixing
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
    if model.vertical != "control":
        return
    ends = rng.random(len(state)) < -math.expm1(-step_s / (_middle(model.command_h) * HOUR_S))
    drawn = rng.uniform(*model.control_m, len(state)) / 1e3
    state[ends, COMMANDED] = drawn[ends]
    most = _middle(model.climb_mps) * step_s / 1e3
    state[:, Z] += np.clip(state[:, COMMANDED] - state[:, Z], -most, most)


def _middle(pair: tuple[float, float]) -> float:
    return math.sqrt(pair[0] * pair[1])

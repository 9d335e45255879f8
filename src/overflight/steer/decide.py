"""Which observation would decide most: the information to be expected about the side, in bits.

For a further observation Y the gain is the mutual information of the side (drifted, steered, not wind) and
Y: how much the entropy of the posterior is expected to fall. Each hypothesis predicts Y by its smoothed
draws, in flight, and by running them onward, after the last fix. The predictions are taken as normal, with
the draws' mean and covariance and the error of the observation; the integral over their mixture is by
Gauss-Hermite quadrature. Means and covariances of few draws differ by chance; what that adds to the gain is
taken off.

Three kinds of observation:

- a *fix*: place at a time, good to `FIX_SD_KM`;
- an *altitude* at a time, good to `ALT_SD_KM`;
- a *sounding* near the balloon at a time. It measures the error of the analysed wind there, which a drifting
  balloon must have met if it is to explain the path and a steered one need not have. It is taken to be
  `SOUNDING_AWAY_KM` off, so that the error it meets is not quite the balloon's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import Air
from overflight.steer.along import winds_along
from overflight.steer.evidence import Weighed
from overflight.steer.hypotheses import SIDES, Side
from overflight.steer.onward import run_onward
from overflight.steer.when import ERROR_U, ERROR_V, X, Y, Z
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Kind = Literal["fix", "altitude", "sounding"]

FIX_SD_KM: Final = 20.0
ALT_SD_KM: Final = 0.3
SOUNDING_SD_MPS: Final = 1.0
SOUNDING_AWAY_KM: Final = 150.0
# Distance at which errors of an analysis are alike by 1/e (`winds.error.ANALYSIS_ERROR`).
ERROR_DISTANCE_KM: Final = 600.0
AFTER_H: Final = (3.0, 6.0, 12.0, 24.0)
IN_FLIGHT: Final = 24
QUADRATURE: Final = 9
# Where a side expects the balloon is told from this posterior on.
LEAST_SIDE: Final = 0.01
LOG_2PI: Final = math.log(2.0 * math.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One observation that could be made: its expected gain about the side in bits, and where to look.

    `places` holds, for each side that is not as good as ruled out, (side, x_km, y_km, sd_km) of where it
    expects the balloon.
    """

    kind: Kind
    time_s: float
    gain_bits: float
    places: tuple[tuple[Side, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """What is open about the side, in bits, and the options, the most telling first."""

    open_bits: float
    options: tuple[Option, ...]

    def best(self, kind: Kind) -> Option | None:
        """Return the most telling option of a kind."""
        return next((o for o in self.options if o.kind == kind), None)


def decide(weighed: Weighed, air: Air, belief: WindErrorBelief, *, seed: int = 0) -> Decide:
    """Rank further observations by what they are expected to tell of the side."""
    node_s = weighed.filtered[0].node_s
    asked = np.linspace(node_s[0], node_s[-1], min(IN_FLIGHT, node_s.size))
    options: list[Option] = []
    for time_s in asked:
        states = [_state(f.node_s, f.paths, float(time_s)) for f in weighed.filtered]
        options += _options(weighed, states, float(time_s), air, belief, in_flight=True)
    onward = [
        run_onward(h.model, f, air, belief, hours=AFTER_H, seed=seed)
        for h, f in zip(weighed.hypotheses, weighed.filtered, strict=True)
    ]
    for i, hours in enumerate(AFTER_H):
        states = [paths[:, i] for paths in onward]
        options += _options(weighed, states, float(node_s[-1] + hours * HOUR_S), air, belief, in_flight=False)
    options.sort(key=lambda o: (-o.gain_bits, o.time_s, o.kind))
    return Decide(open_bits=entropy_bits(side_shares(weighed)), options=tuple(options))


def side_shares(weighed: Weighed) -> Float64s:
    """Return the posterior (3,) of the sides."""
    sides = np.array([SIDES.index(h.side) for h in weighed.hypotheses])
    return np.array([weighed.posterior[sides == i].sum() for i in range(len(SIDES))])


def entropy_bits(p: npt.ArrayLike) -> float:
    """Return the entropy of probabilities in bits."""
    q = np.asarray(p, float)
    q = q[q > 0.0]
    return float(max(0.0, -np.sum(q * np.log2(q))))


def _state(node_s: Float64s, paths: Float64s, time_s: float) -> Float64s:
    """Return the draws (M, PATH) at a time, straight between nodes."""
    k = int(np.clip(np.searchsorted(node_s, time_s) - 1, 0, max(node_s.size - 2, 0)))
    if node_s.size == 1:
        return paths[:, 0]
    share = float(np.clip((time_s - node_s[k]) / (node_s[k + 1] - node_s[k]), 0.0, 1.0))
    return np.asarray((1.0 - share) * paths[:, k] + share * paths[:, k + 1])


def _options(
    weighed: Weighed,
    states: Sequence[Float64s],
    time_s: float,
    air: Air,
    belief: WindErrorBelief,
    *,
    in_flight: bool,
) -> list[Option]:
    sides = [h.side for h in weighed.hypotheses]
    places = tuple(_places(weighed, states))
    seen: list[tuple[Kind, list[Float64s], float | Float64s]] = [
        ("fix", [s[:, [X, Y]] for s in states], FIX_SD_KM),
        ("altitude", [s[:, [Z]] for s in states], ALT_SD_KM),
    ]
    if in_flight:
        errors = [_wind_error(s, time_s, air) for s in states]
        spread = math.sqrt(float(np.mean([np.mean(e**2) for e in errors]))) * belief.factor
        alike = math.exp(-SOUNDING_AWAY_KM / ERROR_DISTANCE_KM)
        seen.append(("sounding", errors, math.hypot(SOUNDING_SD_MPS, spread * math.sqrt(1.0 - alike**2))))
    return [
        Option(
            kind=kind, time_s=time_s, gain_bits=gain_bits(weighed.posterior, sides, drawn, sd), places=places
        )
        for kind, drawn, sd in seen
    ]


def _wind_error(state: Float64s, time_s: float, air: Air) -> Float64s:
    """Return the wind error (M, 2), m/s, that each draw met."""
    spread = winds_along(air, time_s, state[:, X], state[:, Y], state[:, Z]).spread_mps
    return np.asarray(state[:, [ERROR_U, ERROR_V]] * spread)


def _places(weighed: Weighed, states: Sequence[Float64s]) -> list[tuple[Side, float, float, float]]:
    """Where each side expects the balloon, the hypotheses of a side by their posteriors."""
    out: list[tuple[Side, float, float, float]] = []
    for side in SIDES:
        rows = [i for i, h in enumerate(weighed.hypotheses) if h.side == side]
        if sum(float(weighed.posterior[i]) for i in rows) < LEAST_SIDE:
            continue
        weight = np.concatenate(
            [np.full(len(states[i]), (weighed.posterior[i] + 1e-12) / len(states[i])) for i in rows]
        )
        place = np.concatenate([states[i][:, [X, Y]] for i in rows])
        mean = np.average(place, axis=0, weights=weight)
        spread = np.average((place - mean) ** 2, axis=0, weights=weight)
        out.append((side, float(mean[0]), float(mean[1]), math.sqrt(0.5 * float(spread.sum()))))
    return out


def gain_bits(
    posterior: Float64s, sides: Sequence[str], drawn: Sequence[Float64s], sd: float | Float64s
) -> float:
    """Return the mutual information of the side and an observation, in bits; never below zero.

    Parameters
    ----------
    posterior : (H,) of the hypotheses; `sides` names the side of each.
    drawn : for each hypothesis draws (M, D) of what would be observed.
    sd : standard deviation of the observation's error on each axis.
    """
    fits = [_fit(d, sd) for d in drawn]
    open_bits = entropy_bits([posterior[np.array([s == side for s in sides])].sum() for side in set(sides)])
    told = mixture_information(posterior, sides, fits) / math.log(2.0)
    return min(max(0.0, told - _by_chance(posterior, drawn, fits)), open_bits)


def _fit(drawn: Float64s, sd: float | Float64s) -> tuple[Float64s, Float64s]:
    """Return mean (D,) and covariance (D, D) of an observation."""
    mean = drawn.mean(axis=0)
    off = drawn - mean
    return mean, off.T @ off / max(len(drawn) - 1, 1) + np.eye(drawn.shape[1]) * sd**2


def _by_chance(
    posterior: Float64s, drawn: Sequence[Float64s], fits: Sequence[tuple[Float64s, Float64s]]
) -> float:
    """Bits that hypotheses alike would seem to differ by, since their moments come from few draws.

    A mean and a covariance fitted to n draws are off by a divergence of (numbers fitted) / 2n. Draws of a
    filter share ancestors: n counts those that differ. The error of the observation blurs the draws, which
    lowers it: by the share of the variance that is theirs.
    """
    bits = 0.0
    for p, d, (_, cov) in zip(posterior, drawn, fits, strict=True):
        dims = d.shape[1]
        unlike = len(np.unique(d[:, 0]))
        own = float(np.mean(np.var(d, axis=0) / np.diag(cov)))
        bits += float(p) * (1.0 - float(p)) * own * (dims + dims * (dims + 1) / 2) / (2.0 * max(unlike, 1))
    same = all(np.array_equal(d, drawn[0]) for d in drawn)
    return 0.0 if same else bits / math.log(2.0)


def mixture_information(
    posterior: Float64s, sides: Sequence[str], fits: Sequence[tuple[Float64s, Float64s]]
) -> float:
    """Return the mutual information of side and observation, nats, for normal predictions."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    dims = len(fits[0][0])
    grid = np.stack(np.meshgrid(*[nodes] * dims, indexing="ij"), axis=-1).reshape(-1, dims)
    weight = np.prod(np.meshgrid(*[weights / weights.sum()] * dims, indexing="ij"), axis=0).ravel()
    with np.errstate(divide="ignore"):
        log_prior = np.log(posterior)
    total = 0.0
    for h, (mean, cov) in enumerate(fits):
        if posterior[h] <= 0.0:
            continue
        points = mean + grid @ np.linalg.cholesky(cov).T
        log_joint = np.stack([log_prior[j] + _log_normal(points, *fits[j]) for j in range(len(fits))])
        mine = np.array([s == sides[h] for s in sides])
        own = np.logaddexp.reduce(log_joint[mine], axis=0) - math.log(posterior[mine].sum())
        every = np.logaddexp.reduce(log_joint, axis=0)
        total += float(posterior[h]) * float(weight @ (own - every))
    return max(0.0, total)


def _log_normal(points: Float64s, mean: Float64s, cov: Float64s) -> Float64s:
    root = np.linalg.cholesky(cov)
    z = np.linalg.solve(root, (points - mean).T)
    return np.asarray(-0.5 * np.sum(z * z, axis=0) - np.log(np.diag(root)).sum() - 0.5 * len(mean) * LOG_2PI)

"""Could these data have told? The evidence to be expected if it had been steered, before the data are read.

Two Gaussian models of where the fixes fall about the analysed wind's path. If it drifted, fixes scatter by
their own error, by the wind's error (an Ornstein-Uhlenbeck process of stated size and memory, integrated
over the gaps), by mixing, and by the shear between the heights it may have floated at. If it was steered,
the control adds to that: of an airspeed kept for hours, or of the spread of winds over the range of heights
that it commands. The expected log odds in favour of steering, if it was steered, is the Kullback-Leibler
divergence between the two, in nats. Since the size of the wind error is not known, the drifting model may
take the size that suits it best, at the price of that size's own improbability.

Sums over all fixes, in closed form; the wind's slopes are left out. It says what it was *possible to tell*,
with control as strong as the middle of the hypotheses' ranges and with the strongest of them; the odds
themselves are the filter's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import RADIUS_KM, Air
from overflight.steer.along import winds_along
from overflight.steer.hypotheses import Hypothesis
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]

MOST_FIXES: Final = 240
START_SD_KM: Final = 1e4
# Sizes of the wind error, in units of the stated one, that the drifting model may choose from.
FACTORS: Final = np.exp(np.linspace(-1.5, 1.5, 13))
LEVEL_STEP_KM: Final = 0.5
# A velocity within so many of the wind's standard deviations on an axis is one that the wind may have.
NEAR_WIND: Final = 2.0
# Winds are analysed every few hours, and what they leave out lasts as long: in a track that is shorter an
# eddy or a wave is not told from a push. Verdicts were counted on flights of 12 hours and more.
SHORTEST_H: Final = 6.0
# Heights are commanded and levels chosen within the air that winds are known for.
LOWEST_KM: Final = 8.0
HIGHEST_KM: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the data could tell: expected log odds against drifting for each way of steering, nats.

    `middling` and `strongest` hold (hypothesis, nats) for control in the middle and at the top of its range.
    `fixes` counts them, `gap_h` is the median time between them, `wind_km` and `steer_km` how far, over that
    gap, the wind's error carries (one standard deviation on an axis) and middling control. `wind_mps`
    is the stated spread of the wind along the fixes and `shear_mps` the standard deviation of winds over the
    heights that can be commanded. `track_mps` is the speed over ground that a tenth of the legs exceed,
    `winds_reach_mps` the strongest wind along the track at any height, with three times its spread.
    `off_wind_mps` is how far the velocity of half of the legs stays from the wind at the one height, in km,
    that suits the track best, `level_km`. `hours` lie between the first sighting and the last.
    """

    middling: tuple[tuple[str, float], ...]
    strongest: tuple[tuple[str, float], ...]
    fixes: int
    gap_h: float
    wind_km: float
    steer_km: float
    wind_mps: float
    shear_mps: float
    track_mps: float = math.inf
    winds_reach_mps: float = 0.0
    off_wind_mps: float = math.inf
    level_km: float = math.nan
    hours: float = math.inf

    def too_short(self) -> tuple[str, ...]:
        """Return why it cannot be said that it was steered; empty where it can."""
        if self.hours >= SHORTEST_H:
            return ()
        return (
            f"The sightings span {self.hours:.1f} h. Winds leave out what lasts a few hours, and within "
            f"{SHORTEST_H:.0f} h it is not told from steering.",
        )

    def lacking(self, threshold: float, winds_used: str, leading: str | None = None) -> tuple[str, ...]:
        """Return why the data cannot tell; empty where they can.

        `leading` is the steered hypothesis that a verdict would rest on. Without it, as for a drift, the one
        that tells least counts: what cannot be told from a drift is not ruled out by one.

        On winds of the day the strongest control thought possible must be expected to bring the odds to the
        threshold. On a climatology, whose spread is itself a guess about these days, middling control must.
        """
        prior = winds_used == "prior"
        needed = math.log(threshold / (1.0 - threshold))
        table = dict(self.middling if prior else self.strongest)
        most = table[leading] if leading in table else min(table.values(), default=math.inf)
        if most >= needed:
            return ()
        strength = "middling strength" if prior else "the greatest strength that is thought possible"
        return (
            f"The data could hardly have told: with {self.fixes} sightings, {self.gap_h:.1f} h apart in the "
            f"median, the error of the wind ({self.wind_mps:.1f} m/s) carries a drifting balloon "
            f"{self.wind_km:.0f} km astray from one to the next, steering of middling strength "
            f"{self.steer_km:.0f} km. Had it been steered with {strength}, the odds could be expected to "
            f"rise by a factor of {math.exp(most):.1f}, where {math.exp(needed):.1f} is asked for.",
        )

    def within_winds(self, winds_used: str) -> tuple[str, ...]:
        """Return why it cannot be said that no wind moved it; empty where it can.

        Against what winds may do at a season a track can only fail by its speed. Winds of the day it can
        fail by its shape; but where it keeps to the wind of one height within what those winds are wrong by,
        what it fails by is smaller than the winds were analysed for.
        """
        if winds_used == "prior":
            if self.track_mps > self.winds_reach_mps:
                return ()
            return (
                f"The track goes at up to {self.track_mps:.0f} m/s, and winds of the season reach "
                f"{self.winds_reach_mps:.0f} m/s there: without winds of these days it cannot be told that "
                "none moved it.",
            )
        if self.off_wind_mps > NEAR_WIND * self.wind_mps:
            return ()
        return (
            f"Half of the time the track keeps within {self.off_wind_mps:.1f} m/s of the wind at "
            f"{self.level_km:.0f} km, and these winds are known to {self.wind_mps:.1f} m/s: what is not wind "
            "in it is too small for them to tell.",
        )

    def told(self) -> str:
        """Say what the data could have told, for each way of steering."""
        parts = [
            f"{name.replace('_', ' ')}, by a factor of {_factor(nats)} at middling strength and "
            f"{_factor(dict(self.strongest)[name])} at the greatest"
            for name, nats in self.middling
        ]
        return (
            f"With {self.fixes} sightings, {self.gap_h:.1f} h apart in the median, and winds known to "
            f"{self.wind_mps:.1f} m/s, the odds could have been expected to rise, had it been steered: "
            f"{'; '.join(parts)}."
        )


def _factor(nats: float) -> str:
    return f"{math.exp(nats):.2g}" if nats < math.log(1000.0) else "over 1000"


def reach_of(
    hypotheses: Sequence[Hypothesis], fixes: Fixes, air: Air, belief: WindErrorBelief, frame: Frame
) -> Reach:
    """Return what fixes and winds could tell under each steered hypothesis; `frame` is that of the fixes."""
    del frame  # the fixes and the air are in it already
    order = np.argsort(fixes.time_s, kind="stable")
    order = order[np.unique(np.linspace(0, order.size - 1, min(order.size, MOST_FIXES)).round().astype(int))]
    time_s = fixes.time_s[order] - fixes.time_s[order][0]
    steered = [h for h in hypotheses if h.side == "steered"]
    gap_s = float(np.median(np.diff(time_s))) if time_s.size > 1 else 0.0
    wind_mps, shear = _winds(fixes, order, air, [h.model for h in steered])
    level_mps = _level_shear(fixes, order, air, hypotheses)
    noise = _fix_error(fixes, order, air) + START_SD_KM**2
    base = noise + (belief.mixing_rms_km**2 / HOUR_S) * np.minimum.outer(time_s, time_s)
    base = base + level_mps**2 * np.multiply.outer(time_s, time_s) / 1e6
    slow = (1.0 - belief.fast_share) * _dispersion(time_s, belief.time_s)
    wind = wind_mps**2 * (slow + belief.fast_share * _dispersion(time_s, belief.fast_time_s)) / 1e6
    middling, strongest, steer_km = [], [], 0.0
    for one, shear_mps in zip(steered, shear, strict=True):
        speed_mps, most_mps, memory_s = control_strength(one.model, shear_mps)
        control = _dispersion(time_s, memory_s) / 1e6
        heights = _height_nats(one.model, fixes, order)
        middling.append((one.id, heights + _expected_nats(base, wind, speed_mps**2 * control, belief)))
        strongest.append((one.id, heights + _expected_nats(base, wind, most_mps**2 * control, belief)))
        steer_km = max(steer_km, speed_mps * math.sqrt(_one(gap_s, memory_s)) / 1e3)
    off_wind_mps, level_km = _off_wind(fixes, order, air)
    return Reach(
        middling=tuple(middling),
        strongest=tuple(strongest),
        fixes=int(fixes.time_s.size),
        gap_h=gap_s / HOUR_S,
        wind_km=belief.factor * wind_mps * math.sqrt(_one(gap_s, belief.time_s)) / 1e3,
        steer_km=steer_km,
        wind_mps=belief.factor * wind_mps,
        shear_mps=max(shear, default=0.0),
        track_mps=_track_speed(fixes, order),
        winds_reach_mps=_strongest_wind(fixes, order, air),
        off_wind_mps=off_wind_mps,
        hours=float(np.ptp(time_s)) / HOUR_S if time_s.size else 0.0,
        level_km=level_km,
    )


def control_strength(model: MotionModel, shear_mps: float) -> tuple[float, float, float]:
    """Return the velocity that control adds on an axis, middling and strongest (m/s), and its memory, s."""
    speed, most, memory_s = 0.0, 0.0, HOUR_S
    if model.horizontal == "propelled":
        on = 0.5 * sum(model.on_share)
        speed = math.sqrt(model.airspeed_mps[0] * model.airspeed_mps[1] * on)
        most = model.airspeed_mps[1] * math.sqrt(model.on_share[1])
        memory_s = math.sqrt(model.leg_h[0] * model.leg_h[1]) * HOUR_S
    if model.vertical == "control" and shear_mps > speed:
        # Heights drawn evenly from a range; the winds at its ends are sqrt(3) standard deviations off.
        speed, most = shear_mps, max(most, math.sqrt(3.0) * shear_mps)
        memory_s = math.sqrt(model.command_h[0] * model.command_h[1]) * HOUR_S
    return speed, most, memory_s


def _expected_nats(base: Float64s, wind: Float64s, control: Float64s, belief: WindErrorBelief) -> float:
    """Divergence from the drifting to the steered model, two axes, the drifting one's error its best."""
    steered = base + belief.factor**2 * wind + control
    best = math.inf
    for factor in FACTORS if belief.factor_log_sd > 0 else (1.0,):
        price = 0.5 * (math.log(factor) / belief.factor_log_sd) ** 2 if belief.factor_log_sd > 0 else 0.0
        drifting = base + (factor * belief.factor) ** 2 * wind
        best = min(best, 2.0 * _divergence(steered, drifting) + price)
    return max(best, 0.0)


def _height_nats(model: MotionModel, fixes: Fixes, order: npt.NDArray[np.int64]) -> float:
    """What known heights are expected to tell of commanded ones against a level that is held."""
    known = order[np.isfinite(fixes.alt_km[order])]
    if model.vertical != "control" or known.size < 2:
        return 0.0
    lag_h = np.abs(np.subtract.outer(fixes.time_s[known], fixes.time_s[known])) / HOUR_S
    own = np.diag(fixes.alt_sd_km[known] ** 2 / (1.0 - np.clip(fixes.p_alt_wrong[known], 0.0, 0.99))) + (
        model.wander_m / 1e3
    ) ** 2 * np.exp(-lag_h / model.wander_h)
    held = own + (model.level_m[1] / 1e3) ** 2
    low, high = model.control_m
    memory_h = math.sqrt(model.command_h[0] * model.command_h[1])
    commanded = own + ((high - low) / 1e3) ** 2 / 12.0 * np.exp(-lag_h / memory_h)
    return max(_divergence(commanded, held), 0.0)


def _divergence(p: Float64s, q: Float64s) -> float:
    """Kullback-Leibler divergence of zero-mean normals with covariances p from q, in nats."""
    ratio = np.linalg.solve(q, p)
    sign, log_det = np.linalg.slogdet(ratio)
    return 0.5 * float(np.trace(ratio) - len(p) - log_det) if sign > 0 else 0.0


def _dispersion(time_s: Float64s, memory_s: float) -> Float64s:
    """Covariance (K, K), s², of the integrals to two times of an OU process of unit variance."""
    a, b = time_s[:, None] / memory_s, time_s[None, :] / memory_s
    cross = np.exp(-a) + np.exp(-b) - np.exp(-np.abs(a - b))
    return np.asarray(memory_s**2 * (2.0 * np.minimum(a, b) - 1.0 + cross))


def _one(elapsed_s: float, memory_s: float) -> float:
    return float(_dispersion(np.array([elapsed_s]), memory_s)[0, 0])


def _fix_error(fixes: Fixes, order: npt.NDArray[np.int64], air: Air) -> Float64s:
    """Variances (K, K diagonal), km², of the fixes on an axis: half the trace, and what the clock adds."""
    z_km = np.where(np.isfinite(fixes.alt_km[order]), fixes.alt_km[order], 18.0)
    wind = winds_along(air, fixes.time_s[order], fixes.x_km[order], fixes.y_km[order], z_km)
    speed2 = np.sum(wind.velocity**2, axis=1)
    place = 0.5 * (fixes.cov_km2[order, 0] + fixes.cov_km2[order, 2])
    # A report that may have been made from afar, or be wrong, tells that much less.
    doubt = 1.0 - np.clip(fixes.p_afar + fixes.p_slip + fixes.p_mistaken, 0.0, 0.99)[order]
    return np.diag((place + 0.5 * speed2 * fixes.time_sd_s[order] ** 2) / doubt + 1e-6)


def _winds(
    fixes: Fixes, order: npt.NDArray[np.int64], air: Air, models: Sequence[MotionModel]
) -> tuple[float, list[float]]:
    """Return the stated spread along the fixes (m/s on an axis), and the sd of winds over each range."""
    z_km = np.where(np.isfinite(fixes.alt_km[order]), fixes.alt_km[order], 18.0)
    here = winds_along(air, fixes.time_s[order], fixes.x_km[order], fixes.y_km[order], z_km)
    wind_mps = math.sqrt(0.5 * float(np.mean(np.sum(here.spread_mps**2, axis=1))))
    return wind_mps, [
        0.0 if m.vertical != "control" else _shear(fixes, order, air, m.control_m) for m in models
    ]


def _shear(fixes: Fixes, order: npt.NDArray[np.int64], air: Air, range_m: tuple[float, float]) -> float:
    levels = np.arange(range_m[0] / 1e3, range_m[1] / 1e3 + 1e-9, LEVEL_STEP_KM)
    shape = (order.size, levels.size)
    time_s, x_km, y_km = (
        np.broadcast_to(a[order][:, None], shape) for a in (fixes.time_s, fixes.x_km, fixes.y_km)
    )
    there = winds_along(air, time_s, x_km, y_km, np.broadcast_to(levels[None, :], shape))
    varies = there.velocity.reshape(*shape, 2).var(axis=1)
    return 1e3 * math.sqrt(0.5 * float(np.mean(np.sum(varies, axis=1))))


def _legs(fixes: Fixes, order: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the legs of an hour or more, as pairs of places in `order`."""
    legs, a = [], 0
    for b in range(1, order.size):
        if fixes.time_s[order[b]] - fixes.time_s[order[a]] >= HOUR_S:
            legs.append((a, b))
            a = b
    return legs


def _track_speed(fixes: Fixes, order: npt.NDArray[np.int64]) -> float:
    """Return the speed over ground, m/s, that a tenth of the legs exceed.

    A leg counts as short as the errors of its ends let it be.
    """
    place = np.stack([fixes.x_km[order] * np.cos(fixes.y_km[order] / RADIUS_KM), fixes.y_km[order]], axis=1)
    sd_km = np.sqrt(0.5 * (fixes.cov_km2[order, 0] + fixes.cov_km2[order, 2]))
    speeds = []
    for a, b in _legs(fixes, order):
        away = float(np.hypot(*(place[b] - place[a]))) - 2.0 * math.hypot(sd_km[a], sd_km[b])
        span = float(fixes.time_s[order[b]] - fixes.time_s[order[a]])
        slack = float(fixes.time_sd_s[order[a]] + fixes.time_sd_s[order[b]])
        speeds.append(max(away, 0.0) * 1e3 / (span + 2.0 * slack))
    return float(np.quantile(speeds, 0.9)) if speeds else 0.0


def _off_wind(fixes: Fixes, order: npt.NDArray[np.int64], air: Air) -> tuple[float, float]:
    """Return how far legs stay from the wind, m/s in their median, at the level (km) that suits best.

    Infinite without a leg. What the errors of a leg's ends could have made of it is taken off.
    """
    legs = np.array(_legs(fixes, order))
    if not legs.size:
        return math.inf, math.nan
    a, b = order[legs[:, 0]], order[legs[:, 1]]
    span_s = fixes.time_s[b] - fixes.time_s[a]
    x_km, y_km = 0.5 * (fixes.x_km[a] + fixes.x_km[b]), 0.5 * (fixes.y_km[a] + fixes.y_km[b])
    cos = np.cos(y_km / RADIUS_KM)
    made = np.stack([(fixes.x_km[b] - fixes.x_km[a]) * cos, fixes.y_km[b] - fixes.y_km[a]]) / span_s
    error_km = np.sqrt(0.5 * (fixes.cov_km2[a] + fixes.cov_km2[b])[:, [0, 2]].sum(axis=1))
    levels = np.arange(LOWEST_KM, HIGHEST_KM + 1e-9, LEVEL_STEP_KM)
    shape = (levels.size, span_s.size)
    time_s = fixes.time_s[a] + 0.5 * span_s
    there = winds_along(air, time_s[None], x_km[None], y_km[None], levels[:, None]).velocity.reshape(
        *shape, 2
    )
    off = np.hypot(made[0] - there[:, :, 0] * cos, made[1] - there[:, :, 1])
    median = np.median(1e3 * np.maximum(off - error_km / span_s, 0.0), axis=1)
    best = int(np.argmin(median))
    return float(median[best]), float(levels[best])


def _strongest_wind(fixes: Fixes, order: npt.NDArray[np.int64], air: Air) -> float:
    levels = np.arange(LOWEST_KM, HIGHEST_KM + 1e-9, 2.0 * LEVEL_STEP_KM)
    shape = (order.size, levels.size)
    time_s, x_km, y_km = (
        np.broadcast_to(a[order][:, None], shape) for a in (fixes.time_s, fixes.x_km, fixes.y_km)
    )
    there = winds_along(air, time_s, x_km, y_km, np.broadcast_to(levels[None, :], shape))
    speed = 1e3 * np.hypot(there.velocity[:, 0], there.velocity[:, 1])
    return float((speed + 3.0 * there.spread_mps.max(axis=1)).max())


def _level_shear(
    fixes: Fixes, order: npt.NDArray[np.int64], air: Air, hypotheses: Sequence[Hypothesis]
) -> float:
    """Velocity (m/s on an axis) that not knowing the level of a drifting balloon leaves open."""
    passive = [h.model.level_m for h in hypotheses if h.side == "passive"]
    if not passive:
        return 0.0
    mean_m, sd_m = passive[0]
    known = np.isfinite(fixes.alt_km)
    if known.any():
        precision = sd_m**-2 + float(np.sum((fixes.alt_sd_km[known] * 1e3) ** -2.0))
        mean_m = float(np.median(fixes.alt_km[known])) * 1e3
        # A level held wanders by some hundred metres, however well single heights are known.
        sd_m = math.hypot(precision**-0.5, 200.0)
    half = min(1.7 * sd_m, mean_m - LOWEST_KM * 1e3) if mean_m > LOWEST_KM * 1e3 else sd_m
    if half < 0.5 * LEVEL_STEP_KM * 1e3:
        step = (mean_m, mean_m + 500.0)
        return _shear(fixes, order, air, step) * sd_m / 250.0
    # Even over ±1.7 sd has the normal's standard deviation.
    return _shear(fixes, order, air, (mean_m - half, mean_m + half))

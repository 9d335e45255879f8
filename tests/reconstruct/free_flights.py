"""Flights of the motion models by plain Monte Carlo: no Gaussian, no guide, no compiled code.

Every random number of a model is drawn from its prior, and the evidence is the mean of the likelihood over
free flights. The wind blows along x, by `made_wind`, and its spread is SD_MPS. Steps are of an hour.
"""

from __future__ import annotations

import math

import numpy as np
from made_air import PLAIN, made_grid

from overflight.atmosphere import pressure_pa
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import make_air

STEP_S = 3600.0
SD_MPS = 2.0
START_SD_KM = 2500.0
LN_P_18 = float(np.log(pressure_pa(18e3)))
PARTS = 10


def made_wind(log_p):
    """Wind along x, m/s: 5 at 18 km and some 4.6 more every km up."""
    return 5.0 - 30.0 * (log_p - LN_P_18)


# The motion's own table of heights is linear between tenths of a kilometre, and so is this.
_Z_KM = np.arange(0.0, 50.0, 0.1)
_U_KMPS = made_wind(np.log(pressure_pa(_Z_KM * 1e3))) / 1e3
SHEARED = make_air(
    PLAIN,
    made_grid(lambda t, p, la, lo: (made_wind(p), 0.0 * p), sd=SD_MPS, levels_m=np.arange(10e3, 30.1e3, 1e3)),
)


def log_even(rng, n, pair, unit=1.0):
    return unit * pair[0] * (pair[1] / pair[0]) ** rng.random(n)


class _Heights:
    """Heights of n free flights: a base that moves as the model says, and a wander about it."""

    def __init__(self, model: MotionModel, n: int, rng) -> None:
        self.model, self.n, self.rng = model, n, rng
        low, high = (v / 1e3 for v in model.control_m)
        self.any_level = lambda: low + (high - low) * rng.random(n)
        self.any_rate = lambda: log_even(rng, n, model.climb_mps, 1e-3)
        self.base = (model.level_m[0] + model.level_m[1] * rng.standard_normal(n)) / 1e3
        if model.vertical == "control":
            self.base = self.any_level()
        self.command, self.rate = self.base.copy(), self.any_rate()
        self.wait_s = log_even(rng, n, model.command_h, 3600.0)
        least, most = model.leak_m_per_day
        self.sink = 0.5 * (least + most) + (most - least) / math.sqrt(12.0) * rng.standard_normal(n)
        self.sink = self.sink / 1e3 / 86400.0 if model.vertical == "leak" else np.zeros(n)
        self.wander = model.wander_m / 1e3 * rng.standard_normal(n)

    def step(self) -> np.ndarray:
        """Move on by a step; return the mean wind (km/s) met in it. `shift` (km) is what the base moved."""
        keep = math.exp(-STEP_S / (3600.0 * self.model.wander_h))
        fresh = self.model.wander_m / 1e3 * math.sqrt(1.0 - keep**2) * self.rng.standard_normal(self.n)
        stray, self.wander = self.wander, keep * self.wander + fresh
        before, at = self.base, self._bases()
        wind = np.zeros(self.n)
        for j in range(PARTS):
            part = (j + 0.5) / PARTS
            wind += np.interp(at(part) + stray + part * (self.wander - stray), _Z_KM, _U_KMPS) / PARTS
        self.base = at(1.0)
        self.shift = np.abs(self.base - before)
        return wind

    def _bases(self):
        begin, rate, command = self.base, self.rate, self.command
        if self.model.vertical != "control":
            return lambda part: begin - self.sink * STEP_S * part
        switch = self.rng.random(self.n) < -np.expm1(-STEP_S / self.wait_s)
        when = np.where(switch, self.rng.random(self.n), 1.0)
        level, speed = self.any_level(), self.any_rate()
        self.command, self.rate = np.where(switch, level, command), np.where(switch, speed, rate)

        def at(part):
            first = rate * STEP_S * np.minimum(part, when)
            then = speed * STEP_S * np.maximum(part - when, 0.0)
            here = begin + np.clip(command - begin, -first, first)
            return here + np.clip(level - here, -then, then)

        return at

    @property
    def z_km(self) -> np.ndarray:
        return self.base + self.wander


def free_log_evidence(
    model: MotionModel, fixes: Fixes, belief: WindErrorBelief, n: int, seed: int
) -> tuple[float, float]:
    """Return log evidence and its relative standard error, by n free flights."""
    rng = np.random.default_rng(seed)
    heights = _Heights(model, n, rng)
    free = model.horizontal == "free"
    scale = log_even(rng, n, model.speed_mps if free else model.airspeed_mps, 1e-3)
    leg_s = log_even(rng, n, model.leg_h, 3600.0)
    share = (
        np.ones(n) if free else model.on_share[0] + (model.on_share[1] - model.on_share[0]) * rng.random(n)
    )
    share = share if model.horizontal != "wind" else np.zeros(n)
    size = scale * log_even(rng, n, model.stray_share) if free else SD_MPS / 1e3 * belief.factor
    memory_s = log_even(rng, n, model.memory_h, 3600.0) if free else belief.time_s

    # Who holds courses over the ground lets `slack` of the wind across pass; a quarter of his legs are places
    # that he keeps to within 0.3 m/s.
    holds = rng.random(n) < (model.course_share if model.horizontal == "propelled" else 0.0)
    slack, wind = log_even(rng, n, (0.03, 0.5)), np.interp(heights.z_km, _Z_KM, _U_KMPS)

    def leg():
        through_air = np.where(rng.random(n) < np.where(holds, 1.0, share), scale, 0.0)
        stays = holds & (rng.random(n) < 0.25)
        own = np.where(
            stays, 0.3e-3, through_air * np.where(holds, math.sqrt(0.5), 1.0)
        ) * rng.standard_normal((2, n))
        own[0] += np.where(holds & ~stays, wind, 0.0)
        towards = own / np.maximum(np.hypot(*own), 1e-12)
        return own, np.where(stays, 0.0, towards), wind.copy()

    def passed(u, v, towards):
        """What a course lets pass of a velocity: all that is along it, and the slack's share of the rest."""
        along = u * towards[0] + v * towards[1]
        across = np.stack([u, v]) - along * towards
        return np.where(holds, along * towards + slack * across, np.stack([u, v]))

    (push, towards, began), error = leg(), rng.standard_normal((2, n))
    variance = float(fixes.cov_km2[0, 0])
    narrow = 1.0 / (1.0 / variance + 1.0 / START_SD_KM**2)
    place = np.array([[fixes.x_km[0]], [fixes.y_km[0]]]) + math.sqrt(narrow) * rng.standard_normal((2, n))
    log_w = height_log_density(fixes, 0, heights.z_km) - math.log(2.0 * math.pi * (variance + START_SD_KM**2))
    for f in range(1, fixes.time_s.size):
        for k in range(round((fixes.time_s[f] - fixes.time_s[f - 1]) / STEP_S)):
            if f > 1 or k > 0:
                ends, new_leg = rng.random(n) < -np.expm1(-STEP_S / leg_s), leg()
                push, towards = np.where(ends, new_leg[0], push), np.where(ends, new_leg[1], towards)
                began = np.where(ends, new_leg[2], began)
            wind = heights.step()
            rise = 0.0 if free else heights.shift * 1e3 / belief.height_scale_m
            keep = np.exp(-STEP_S / memory_s - rise)
            new = keep * error + np.sqrt(1.0 - keep**2) * rng.standard_normal((2, n))
            place = place + STEP_S * (push + passed(*(size * 0.5 * (error + new)), towards))
            error = new
            if not free:
                place = place + STEP_S * passed(wind - np.where(holds, began, 0.0), np.zeros(n), towards)
                place = place + belief.mixing_km * rng.standard_normal((2, n))
        variance = float(fixes.cov_km2[f, 0])
        off = np.array([[fixes.x_km[f]], [fixes.y_km[f]]]) - place
        log_w = log_w - 0.5 * (off**2).sum(axis=0) / variance - math.log(2.0 * math.pi * variance)
        log_w = log_w + height_log_density(fixes, f, heights.z_km)
    top = float(log_w.max())
    weight = np.exp(log_w - top)
    return top + math.log(weight.mean()), float(weight.std() / weight.mean() / math.sqrt(n))


def height_log_density(fixes: Fixes, f: int, z_km: np.ndarray) -> np.ndarray:
    """Log density per km of a height that is right or a mistake, even over 20 km; zero where there is
    none."""
    if np.isnan(fixes.alt_km[f]):
        return np.zeros_like(z_km)
    sd, wrong = fixes.alt_sd_km[f], fixes.p_alt_wrong[f]
    right = np.exp(-0.5 * ((fixes.alt_km[f] - z_km) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))
    return np.log((1.0 - wrong) * right + wrong / 20.0)

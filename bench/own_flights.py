"""Flights drawn from the analyser's own models, and the ranks of the truth among its draws.

Written from the equations of the models, apart from the filter, so that what the filter gets wrong shows.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from made_drift import KINDS, make_flight
from steer_lines import BASE, air_of, belief_of

from overflight.compiled import threads
from overflight.reconstruct.fixes import fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.guided import COURSE_SLACK, filter_flight, sun_in_frame
from overflight.reconstruct.guided_columns import (
    POLE_1,
    POLE_2,
    POLES,
    STATION_SD,
    STATION_SHARE,
    WEIGHT_1,
    WEIGHT_2,
)
from overflight.reconstruct.guided_heights import DAWN_DEG, day_share
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.reconstruct.motion import LIN, RADIUS_KM, Air, linearise
from overflight.steer.hypotheses import KNOWN_HYPOTHESES
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]

DRAWS = 127


# The filter's steps are an hour and a half; these are fine enough that a flight owes nothing to them.
OWN_STEP_S = 120.0


def own_flight(
    model: MotionModel,
    belief: WindErrorBelief,
    air: Air,
    sun: Float64s,
    node_s: Float64s,
    place_km: Float64s,
    rng: np.random.Generator,
) -> tuple[Float64s, dict[str, float]]:
    """Draw a flight from a motion model: path (N, 5) of x, y, z, and the error's u and v; and its parameters.

    Written from the equations of the models, apart from the filter: in steps of two minutes, without
    linearisation. For `smooth_share` of flights the error is smooth, two Ornstein-Uhlenbeck processes of one
    noise. It forgets with time and with the level's changes, not with the wander about it. `sun` is
    as `sun_in_frame` has it.
    """

    def even(pair: tuple[float, float]) -> float:
        return float(rng.uniform(*pair))

    def log_even(pair: tuple[float, float]) -> float:
        return float(pair[0] * (pair[1] / pair[0]) ** rng.random())

    drawn = {
        "factor": belief.factor * math.exp(belief.factor_log_sd * rng.standard_normal()),
        "error_time_s": belief.time_s * math.exp(belief.time_log_sd * rng.standard_normal()),
    }
    drawn["height_scale_m"] = belief.height_scale_m * math.exp(belief.height_log_sd * rng.standard_normal())
    mixing_km = belief.mixing_km * math.exp(belief.mixing_log_sd * rng.standard_normal())
    moved_by = _moved_by(model, rng.random())
    pair = model.leak_m_per_day if moved_by == "leak" else model.amplitude_m
    second = 0.5 * sum(pair) + np.ptp(pair) / math.sqrt(12.0) * rng.standard_normal()
    second_km, recovery_s = second / 1e3, log_even(model.recovery_h) * HOUR_S
    rise_share, spent = log_even(model.rise_share) if moved_by == "sunset" else 0.0, 0.0
    level = (model.level_m[0] + model.level_m[1] * rng.standard_normal()) / 1e3
    ramp = command = even(model.control_m) / 1e3
    control = model.vertical == "control"
    climb, command_s = log_even(model.climb_mps) / 1e3, log_even(model.command_h) * HOUR_S
    airspeed, leg_s, share = (
        log_even(model.airspeed_mps),
        log_even(model.leg_h) * HOUR_S,
        even(model.on_share),
    )
    if control:
        drawn["command_s"] = command_s
    else:
        drawn["level_m"] = level * 1e3
    if moved_by:
        drawn["second"] = second
    holds = model.horizontal == "propelled" and rng.random() < model.course_share
    slack, share = (log_even(COURSE_SLACK), 1.0) if holds else (0.0, share)
    if model.horizontal == "propelled":
        drawn |= {"airspeed_mps": airspeed, "leg_s": leg_s, "on_share": share, "course_slack": slack}
    lin, wind = np.empty(LIN), np.empty(SLOPES)

    def leg(time_s: float, x: float, y: float, z: float) -> tuple[Float64s, Float64s, Float64s]:
        """Return a velocity, and of a course the wind at its beginning and what it lets pass, a matrix."""
        pushed = model.horizontal == "propelled" and rng.random() < share
        own = airspeed / 1e3 * rng.standard_normal(2) if pushed else np.zeros(2)
        own *= math.sqrt(0.5) if holds else 1.0
        if not holds:
            return own, np.zeros(2), np.eye(2)
        linearise(*air, time_s, x, y, z, 0.0, 0.0, lin, wind)
        began, stretch = lin[:2].copy(), 1.0 / math.cos(y / RADIUS_KM)
        if rng.random() < STATION_SHARE:
            return STATION_SD * rng.standard_normal(2), began, slack * np.eye(2)
        own += began / np.array([stretch, 1.0])
        towards = own / np.hypot(*own)
        return own, began, slack * np.eye(2) + (1.0 - slack) * np.outer(towards, towards)

    drawn["smooth"] = float(rng.random() < belief.smooth_share)
    smooth, poles = bool(drawn["smooth"]), _first_poles(rng)
    quiet = moved_by in ("leak", "sunset") and model.vertical == "daynight"
    loose_m = model.held_wander_m if quiet else model.wander_m
    dusk_deg = even(model.dusk_deg) if moved_by == "sunset" else DAWN_DEG
    wander_sd, (x, y), error = loose_m / 1e3, place_km, _error(poles, smooth)
    wander = wander_sd * rng.standard_normal()
    out = np.empty((node_s.size, 5))
    made_up = float(day_share(sun, 0, x, y, dusk_deg))  # the part of day that ballast has made up for
    drive, made_up = _drive(moved_by, sun[0], x, y, dusk_deg, 0.0, made_up, 0.0)
    held = ramp if control else level + second_km * drive
    z = held + wander
    push, began, passes = leg(node_s[0], x, y, z)
    for k in range(node_s.size):
        out[k] = (x, y, z, *(drawn["factor"] * error))
        if k == node_s.size - 1:
            break
        dt = float(node_s[k + 1] - node_s[k])
        if control:
            if rng.random() < -math.expm1(-dt / command_s):
                command, climb = even(model.control_m) / 1e3, log_even(model.climb_mps) / 1e3
            ramp += math.copysign(min(abs(command - ramp), climb * dt), command - ramp)
        if rng.random() < -math.expm1(-dt / leg_s):
            push, began, passes = leg(node_s[k], x, y, z)
        keep = math.exp(-dt / (model.wander_h * HOUR_S))
        wander = keep * wander + math.sqrt(1.0 - keep * keep) * wander_sd * rng.standard_normal()
        since_days = (node_s[k + 1] - node_s[0]) / DAY_S
        before = made_up
        left = math.exp(-dt / recovery_s)
        drive, made_up = _drive(moved_by, sun[k + 1], x, y, dusk_deg, since_days, made_up, left)
        spent += max(before - made_up, 0.0)
        new_held = ramp if control else level + second_km * (drive + rise_share * spent)
        age = dt / drawn["error_time_s"] + abs(new_held - held) * 1e3 / drawn["height_scale_m"]
        held, new_z = new_held, new_held + wander
        poles = _next_poles(poles, age, smooth, rng)
        new_error = _error(poles, smooth)
        mix = mixing_km * math.sqrt(dt / HOUR_S) * rng.standard_normal(2)
        middle = 0.5 * drawn["factor"] * (error + new_error)
        to_x, to_y = x, y
        for _ in range(2):
            linearise(
                *air,
                node_s[k] + 0.5 * dt,
                0.5 * (x + to_x),
                0.5 * (y + to_y),
                0.5 * (z + new_z),
                *middle,
                lin,
                wind,
            )
            stretch = 1.0 / math.cos(0.5 * (y + to_y) / RADIUS_KM)
            passed = passes @ ((lin[:2] - began) / (stretch, 1.0))
            to_x = x + dt * (passed[0] + push[0]) * stretch + mix[0]
            to_y = y + dt * (passed[1] + push[1]) + mix[1]
        x, y, z, error = to_x, to_y, new_z, new_error
    return out, drawn


def _first_poles(rng: np.random.Generator) -> Float64s:
    """Draw both poles of an error's components (2, 2), of unit variance and tied; a rough one has one."""
    one, two = rng.standard_normal((2, 2))
    return np.stack([one, POLES * one + math.sqrt(1.0 - POLES**2) * two])


def _next_poles(poles: Float64s, age: float, smooth: bool, rng: np.random.Generator) -> Float64s:
    """Age the poles: each forgets at its own rate; what comes anew leaves variances and tie as they are."""
    rates = np.array([POLE_1, POLE_2]) if smooth else np.ones(2)
    keep = np.exp(-rates * age)
    tie = np.array([[1.0, POLES], [POLES, 1.0]])
    cov = tie * (1.0 - keep[:, None] * keep[None])
    low = np.array([[math.sqrt(cov[0, 0]), 0.0], [0.0, 0.0]])
    if low[0, 0] > 0.0:
        low[1, 0] = cov[0, 1] / low[0, 0]
        low[1, 1] = math.sqrt(max(cov[1, 1] - low[1, 0] ** 2, 0.0))
    return np.asarray(keep[:, None] * poles + low @ rng.standard_normal((2, 2)))


def _error(poles: Float64s, smooth: bool) -> Float64s:
    return np.asarray(WEIGHT_1 * poles[0] + WEIGHT_2 * poles[1] if smooth else poles[0])


def _moved_by(model: MotionModel, u: float) -> str:
    """Return what moves a flight's level, by an even draw: the sun, a sunset, a leak, or nothing ('')."""
    if model.vertical != "daynight":
        return "leak" if model.vertical == "leak" else ""
    return "leak" if u < model.leak_share else "sunset" if u >= 1.0 - model.ballast_share else "sun"


def _drive(
    moved_by: str,
    sun: Float64s,
    x: float,
    y: float,
    dusk_deg: float,
    days: float,
    made_up: float,
    left: float,
) -> tuple[float, float]:
    """Return what multiplies the second number, and the part of day that ballast has made up for.

    Without what is gained for good by ballast that is spent: that is a share of all falls of the latter.
    """
    if moved_by in ("", "leak"):
        return -days if moved_by else 0.0, made_up
    day = float(day_share(sun[None], 0, x, y, dusk_deg))
    if moved_by == "sun":
        return day, made_up
    made_up = day + (made_up - day) * left
    return min(day - made_up, 0.0), made_up


def ranks_of(task: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
    """Draw a flight from the analyser's own model, fix it, and rank the truth among draws of the posterior.

    Ranks of the truth among independent draws are even when the posterior is right (Talts and others 2018,
    arXiv 1804.06788). The flight starts at the place of a made one; that place has no rank.
    """
    kind, seed, options = task
    condition = replace(BASE, name="ranks")
    begun = time.process_time()
    rng = np.random.default_rng([42, KINDS.index(kind), seed])
    with threads(1):
        made = make_flight("passive_level", condition, seed, options["data"])
        frame = fit_frame(made.lon_deg, made.lat_deg)
        air, belief, model = air_of(made, frame, 1.0), belief_of(options), KNOWN_HYPOTHESES[kind].model
        node_s = np.arange(made.time_s[0], made.time_s[-1] + 1.0, OWN_STEP_S)
        at = nearest_nodes(node_s, made.time_s)
        start = np.array([float(v[0]) / 1e3 for v in frame.to_plane(made.lon_deg[:1], made.lat_deg[:1])])
        path, drawn = own_flight(model, belief, air, sun_in_frame(node_s, frame.rotation), node_s, start, rng)
        lon, lat = frame.to_lonlat(path[at, 0] * 1e3, path[at, 1] * 1e3)
        off = rng.standard_normal((2, lon.size)) * condition.fix_sd_m
        lat = lat + np.degrees(off[0] / EARTH_RADIUS_M)
        lon = lon + np.degrees(off[1] / EARTH_RADIUS_M) / np.cos(np.radians(lat))
        fixes = fixes_from_track(frame, made.time_s, lon, lat, sd_m=condition.fix_sd_m)
        found = filter_flight(
            model,
            fixes,
            air,
            belief,
            frame=frame,
            particles=options["rank_particles"],
            seed=seed,
            draws=DRAWS,
        )
    names = found.parameter_names
    ranks = {n: (value, found.parameters[:, names.index(n)]) for n, value in drawn.items()}
    for label, when in (("middle", made.time_s[made.time_s.size // 2]), ("end", made.time_s[-1])):
        k, j = (int(nearest_nodes(f, np.array([when]))[0]) for f in (node_s, found.node_s))
        for i, name in enumerate(("x", "y", "height", "error u", "error v")):
            ranks[f"{name}, {label}"] = (float(path[k, i]), found.paths[:, j, i])
    row: dict[str, Any] = {"condition": "ranks", "kind": kind, "seed": seed, **options["stamp"]}
    # Draws that are copies of one another share a value: their rank among ties is by chance.
    row["ranks"] = {
        n: int((d < t).sum() + rng.integers(0, (d == t).sum() + 1)) for n, (t, d) in ranks.items()
    }
    row["cpu_s"] = round(time.process_time() - begun, 3)
    return row


def nearest_nodes(node_s: Float64s, time_s: Float64s) -> npt.NDArray[np.int64]:
    return np.abs(node_s[None, :] - time_s[:, None]).argmin(axis=1)

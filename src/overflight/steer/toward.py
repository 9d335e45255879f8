"""Toward what: how near it came to the places the user names, and how surprising that is by chance.

"By chance" is an ensemble of drifting flights: from the first fix, at the heights the drifting hypotheses
give it, through the same winds with errors of the same size and memory. For each place two numbers: the
closest approach, and the time within a radius. The p-value of a place is the share of drifting flights that
do as much or more. Whoever names many places will find one that was passed closely, so p-values are
corrected for the number of places by the distribution of the *least* p-value over all places (Westfall and
Young, "Resampling-Based Multiple Testing", 1993, the max-statistic).

A small p-value says that drifting seldom does this. It does not say that it was meant: that stays a claim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import over_members
from overflight.geo import distance_m
from overflight.places.sites import Site
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import KM, STATE, Air, Wander, run_forward
from overflight.steer.evidence import Weighed
from overflight.steer.when import X, Y, Z
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Triple = tuple[float, float, float]

MEMBERS: Final = 400
RADIUS_KM: Final = 100.0
STEP_S: Final = 1800.0
MOST_STEPS: Final = 300
# Columns of a member's state that hold the wind error, slow and fast.
ERRORS: Final = (2, 3, 5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """One place. Distances and hours of the flight are 5-50-95 %; `chance_*` those of drifting flights.

    `p_close` and `p_dwell` are the shares of drifting flights that come as close, or stay as long; the
    `_corrected` ones those of drifting flights that do as surprising a thing at *any* of the places.
    """

    id: str
    name: str
    closest_km: Triple
    closest_s: float
    dwell_h: Triple
    chance_closest_km: Triple
    chance_dwell_h: Triple
    p_close: float
    p_dwell: float
    p_close_corrected: float
    p_dwell_corrected: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Toward:
    """All places, and the drifting flights they were judged by: lon, lat (M, T), degrees, at `time_s` (T,).

    `p_any` is the share of drifting flights that are somewhere, in either number, as surprising as the flight
    was where it was most so.
    """

    approaches: tuple[Approach, ...]
    p_any: float
    places: int
    radius_km: float
    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s


def toward(
    sites: Sequence[Site],
    weighed: Weighed,
    fixes: Fixes,
    air: Air,
    belief: WindErrorBelief,
    frame: Frame,
    *,
    radius_km: float = RADIUS_KM,
    members: int = MEMBERS,
    seed: int = 0,
) -> Toward:
    """Judge the flight's approaches to places against drifting flights from its first fix.

    With no places it still returns the drifting flights, for the picture.
    """
    time_s, chance = passive_ensemble(weighed, fixes, air, belief, members=members, seed=seed)
    lon, lat = frame.to_lonlat(chance[:, :, 0] * KM, chance[:, :, 1] * KM)
    own_s, own = _draws(weighed, seed)
    own = np.stack([_on_times(own_s, own[:, :, i], time_s) for i in (0, 1)], axis=-1)
    own_lon, own_lat = frame.to_lonlat(own[:, :, 0] * KM, own[:, :, 1] * KM)
    if not sites:
        return Toward(
            approaches=(), p_any=1.0, places=0, radius_km=radius_km, time_s=time_s, lon_deg=lon, lat_deg=lat
        )
    drifted = [_near(lon, lat, time_s, site, radius_km) for site in sites]
    flown = [_near(own_lon, own_lat, time_s, site, radius_km) for site in sites]
    close = surprise(np.array([-d for d, _ in drifted]), np.array([-np.median(d) for d, _ in flown]))
    dwell = surprise(np.array([h for _, h in drifted]), np.array([np.median(h) for _, h in flown]))
    approaches = tuple(
        Approach(
            id=site.id, name=site.name,
            closest_km=_triple(flown[i][0]), closest_s=_closest_time(own_lon, own_lat, time_s, site),
            dwell_h=_triple(flown[i][1]), chance_closest_km=_triple(drifted[i][0]),
            chance_dwell_h=_triple(drifted[i][1]),
            p_close=float(close.p[i]), p_dwell=float(dwell.p[i]),
            p_close_corrected=float(close.corrected[i]), p_dwell_corrected=float(dwell.corrected[i]),
        )
        for i, site in enumerate(sites)
    )  # fmt: skip
    both = surprise(
        np.concatenate([np.array([-d for d, _ in drifted]), np.array([h for _, h in drifted])]),
        np.array([*(-np.median(d) for d, _ in flown), *(np.median(h) for _, h in flown)]),
    )
    return Toward(
        approaches=approaches, p_any=float(both.corrected.min()), places=len(sites), radius_km=radius_km,
        time_s=time_s, lon_deg=lon, lat_deg=lat,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """p-values (S,) of S statistics and the same corrected for there being S of them."""

    p: Float64s
    corrected: Float64s


def surprise(chance: Float64s, seen: Float64s) -> Surprise:
    """Return how surprising statistics (S,) are, large ones most, against M draws of chance (S, M).

    The flight counts as one more draw, so that no p-value is zero and each is valid at any number of draws.
    """
    table = np.concatenate([chance, seen[:, None]], axis=1)
    draws = table.shape[1]
    # Of ties all count as "as much or more".
    order = np.sort(-table, axis=1)
    rank = np.array([np.searchsorted(o, row, side="right") for o, row in zip(order, -table, strict=True)])
    p = rank / draws
    least = np.sort(p.min(axis=0))
    own = p[:, -1]
    return Surprise(own, np.searchsorted(least, own, side="right") / draws)


def passive_ensemble(
    weighed: Weighed,
    fixes: Fixes,
    air: Air,
    belief: WindErrorBelief,
    *,
    members: int = MEMBERS,
    seed: int = 0,
) -> tuple[Float64s, Float64s]:
    """Fly drifting members from the first fix to the last; return times (T,) and paths (M, T, 7).

    Heights come from the drifting hypotheses' draws, by their posteriors; each member has a wind error of
    its own size, as unsure as the belief says, that owes nothing to the fixes after the first. Its
    memory is the belief's median.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(41,)))
    first, last = float(fixes.time_s.min()), float(fixes.time_s.max())
    steps = min(MOST_STEPS, max(2, math.ceil((last - first) / STEP_S)))
    time_s = np.linspace(first, last, steps + 1)
    level = _levels(weighed, members, rng)
    k = int(np.argmin(fixes.time_s))
    cov = np.array([[fixes.cov_km2[k, 0], fixes.cov_km2[k, 1]], [fixes.cov_km2[k, 1], fixes.cov_km2[k, 2]]])
    place = np.array([fixes.x_km[k], fixes.y_km[k]])
    factor = belief.factor * np.exp(belief.factor_log_sd * rng.standard_normal(members))
    state = np.zeros((members, 7))
    state[:, :2] = place + rng.standard_normal((members, 2)) @ np.linalg.cholesky(cov + 1e-9 * np.eye(2)).T
    state[:, 2:4] = rng.standard_normal((members, 2))
    state[:, 5:7] = rng.standard_normal((members, 2))
    state[:, 4] = level
    wander = Wander(
        belief.time_s, 12 * HOUR_S, 0.2, belief.mixing_rms_km, belief.fast_time_s, belief.fast_share
    )
    return time_s, _flown(air, wander, time_s, state, level, factor, rng)


def _flown(
    air: Air,
    wander: Wander,
    time_s: Float64s,
    state: Float64s,
    level: Float64s,
    factor: Float64s,
    rng: np.random.Generator,
) -> Float64s:
    """Fly members whose wind errors differ in size; the error is linear in its draws, so these are scaled."""
    normals = rng.standard_normal((len(state), time_s.size, STATE))
    paths = np.empty(normals.shape)
    paths[:, 0] = state
    for i in ERRORS:
        normals[:, :, i] *= factor[:, None]
        paths[:, 0, i] *= factor
    scales = np.array(wander)

    def run(a: int, b: int) -> None:
        run_forward(*air, scales, time_s, level[a:b], normals[a:b], paths[a:b])

    over_members(run, len(state))
    return paths


def _levels(weighed: Weighed, members: int, rng: np.random.Generator) -> Float64s:
    """Draw mean heights (M,), km, from the drifting hypotheses by posterior; from all if none drifts."""
    sides = [i for i, h in enumerate(weighed.hypotheses) if h.side == "passive"]
    chosen = sides or list(range(len(weighed.hypotheses)))
    # Evidences far apart must not leave a hypothesis with a weight that underflows.
    weight = weighed.posterior[chosen] + 1e-12
    counts = rng.multinomial(members, weight / weight.sum())
    drawn = []
    for i, count in zip(chosen, counts, strict=True):
        heights = weighed.filtered[i].paths[:, :, Z].mean(axis=1)
        drawn.append(rng.choice(heights, count))
    return np.concatenate(drawn)


def _draws(weighed: Weighed, seed: int) -> tuple[Float64s, Float64s]:
    """Draw paths (M, N, 2) of the flight from all hypotheses by their posteriors."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(42,)))
    node_s = weighed.filtered[0].node_s
    total = max(len(f.paths) for f in weighed.filtered)
    counts = rng.multinomial(total, weighed.posterior / weighed.posterior.sum())
    drawn = []
    for f, count in zip(weighed.filtered, counts, strict=True):
        who = rng.choice(len(f.paths), count)
        places = f.paths[who][:, :, [X, Y]]
        if not np.array_equal(f.node_s, node_s):
            places = np.stack([_on_times(f.node_s, places[:, :, i], node_s) for i in (0, 1)], axis=-1)
        drawn.append(places)
    return node_s, np.concatenate(drawn)


def _on_times(own_s: Float64s, values: Float64s, time_s: Float64s) -> Float64s:
    """Interpolate rows (M, N) to other times (T,)."""
    return np.array([np.interp(time_s, own_s, row) for row in values])


def _near(
    lon: Float64s, lat: Float64s, time_s: Float64s, site: Site, radius_km: float
) -> tuple[Float64s, Float64s]:
    """Return the closest approach (M,), km, and the hours (M,) within the radius."""
    km = np.asarray(distance_m(site.lon_deg, site.lat_deg, lon, lat)) / 1e3
    return km.min(axis=1), np.trapezoid((km <= radius_km).astype(float), time_s, axis=1) / HOUR_S


def _closest_time(lon: Float64s, lat: Float64s, time_s: Float64s, site: Site) -> float:
    """Time at which the draws' median distance is least."""
    km = np.median(np.asarray(distance_m(site.lon_deg, site.lat_deg, lon, lat)), axis=0)
    return float(time_s[int(km.argmin())])


def _triple(values: Float64s) -> Triple:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)

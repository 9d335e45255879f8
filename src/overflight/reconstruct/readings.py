"""What each report says, whether it can be taken at its word, and what it told.

For every sighting the posterior knows where the balloon stood from the place named: distance, bearing, and
elevation above the watcher's horizon. It also knows how the members read the report. A watcher's "over X"
is at its word only when the balloon stood high enough above X to be called so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.geo import bearing_deg, distance_m, look
from overflight.reconstruct.likelihood import (
    AFAR,
    LOG_MISTAKEN_ALT,
    MISTAKEN,
    OTHER_TIME,
    STATED,
    Candidates,
    candidate_log_density,
    height_log_densities,
    minutes_in,
)
from overflight.reconstruct.motion import KM
from overflight.reconstruct.posterior import Reconstruction
from overflight.records import Sighting, weighted_quantile
from overflight.sightings.kinds import kind_info

Float64s = npt.NDArray[np.float64]

# A balloon at 18 km stands 10 degrees above the horizon from 98 km away. Lower than that, nobody who chose
# his words would call it overhead.
OVERHEAD_ELEVATION_DEG = 10.0
LIKELY, UNLIKELY = 0.55, 0.45
RIVAL_WAIT_S = (20 * 60.0, 90 * 60.0)
RIVAL_DISTANCE_M = 20e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the posterior makes of one sighting. Triples are 5, 50 and 95 %.

    Probabilities sum to one over the four readings; None where the sighting was not fitted.
    `distance_km`, `bearing_deg` and `elevation_deg` are from the place named to the balloon at the time
    stated; the bearing is None when it is spread over more than half the compass. `hours_off` is the shift of
    the clock, where another time is the reading. `rival` is another report of the same place at another
    time, with the probability that both are at their word. `information_bits` is what the path
    distribution learnt from the report, the others given.
    """

    id: str
    used: bool
    distance_km: tuple[float, float, float] | None = None
    bearing_deg: tuple[float, float, float] | None = None
    elevation_deg: tuple[float, float, float] | None = None
    p_stated: float | None = None
    p_afar: float | None = None
    p_other_time: float | None = None
    p_mistaken: float | None = None
    p_alt_mistaken: float | None = None
    hours_off: float | None = None
    rival: str | None = None
    p_both_stated: float | None = None
    information_bits: float | None = None
    verdict: str = "context"
    text: str = ""


def read_back(r: Reconstruction, sightings: Sequence[Sighting]) -> tuple[Reading, ...]:
    """Return the reading of every sighting, in order, the unfitted ones with distances only."""
    index = {s.id: j for j, s in enumerate(r.sightings)}
    rng = np.random.default_rng([r.settings.seed, 7])
    made = [_reading(r, s, index.get(s.id), rng) for s in sightings]
    rivals = _rivals(r)
    stated = {one.id: one.p_stated or 0.0 for one in made}
    for id_, rival in rivals.items():
        # A report seen low above the horizon is not at its word, so neither are the two of them.
        rival["p_both_stated"] = min(rival["p_both_stated"], stated[id_], stated[rival["rival"]])
    return tuple(replace(one, **rivals.get(one.id, {})) for one in made)


def _rivals(r: Reconstruction) -> dict[str, dict[str, Any]]:
    """Pairs of watchers who name one place at different hours, and whether both can be right."""
    watchers = [(j, s) for j, s in enumerate(r.sightings) if kind_info(s.kind).is_watcher]
    found: dict[str, dict[str, Any]] = {}
    for n, (j, a) in enumerate(watchers):
        for k, b in watchers[n + 1 :]:
            early, late = (a, b) if a.time_end <= b.time_start else (b, a)
            wait = late.time_start - early.time_end
            # Reports that overlap, or lie further apart than a balloon stays in view, are no rivals.
            if not RIVAL_WAIT_S[0] <= wait <= RIVAL_WAIT_S[1]:
                continue
            if _apart_m(a, b) > RIVAL_DISTANCE_M:
                continue
            both = 0.0
            for x in r.scenarios:
                stated = x.candidates.reading[x.sample.pick[:, [j, k]]] == STATED
                both += x.weight * float(stated.all(axis=1).mean())
            for one, other in ((a, b), (b, a)):
                # Of several rivals the one that is hardest to reconcile is told.
                if one.id not in found or both < found[one.id]["p_both_stated"]:
                    found[one.id] = {"rival": other.id, "p_both_stated": both}
    return found


def _apart_m(a: Sighting, b: Sighting) -> float:
    if a.lon_deg is None or a.lat_deg is None or b.lon_deg is None or b.lat_deg is None:
        return math.inf
    return float(distance_m(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg))


def _reading(r: Reconstruction, s: Sighting, j: int | None, rng: np.random.Generator) -> Reading:
    if s.lat_deg is None or s.lon_deg is None:
        return Reading(id=s.id, used=False, text="It names no place.")
    seen = _seen_from(r, s, (s.lon_deg, s.lat_deg), j, rng)
    if seen is None:
        return Reading(id=s.id, used=False, text="It lies outside the time of the reconstruction.")
    distance, bearing, elevation = seen
    weight = r.weight
    where: dict[str, Any] = {
        "distance_km": _triple(distance / KM, weight),
        "bearing_deg": _bearings(bearing, weight),
        "elevation_deg": _triple(elevation, weight),
    }
    if j is None:
        return Reading(id=s.id, used=False, **where)
    return _fitted_reading(r, s, j, distance, elevation, weight, where)


def _fitted_reading(
    r: Reconstruction,
    s: Sighting,
    j: int,
    distance: Float64s,
    elevation: Float64s,
    weight: Float64s,
    where: dict[str, Any],
) -> Reading:
    picked = [(x.candidates, x.sample.pick[:, j], x.sample.height_right[:, j]) for x in r.scenarios]
    reading = np.concatenate([c.reading[pick] for c, pick, _ in picked])
    node = np.concatenate([c.node[pick] for c, pick, _ in picked])
    right = np.concatenate([h for _, _, h in picked])
    stated = reading == STATED
    if kind_info(s.kind).is_watcher:
        low = stated & (elevation < OVERHEAD_ELEVATION_DEG)
        reading = np.where(low, AFAR, reading)
    share = [float(weight[reading == code].sum()) for code in (STATED, AFAR, OTHER_TIME, MISTAKEN)]
    shifts = r.node_s[node] - np.clip(r.node_s[node], s.time_start, s.time_end)
    other = reading == OTHER_TIME
    hours_off = (
        float(weighted_quantile(shifts[other], weight[other], [0.5])[0]) / 3600.0 if other.any() else None
    )
    has_height = not math.isnan(float(r.scenarios[0].candidates.alt_km[j]))
    placed = node >= 0
    wrong_height = None
    if has_height:
        wrong_height = float(weight[placed & (right == 0)].sum() + weight[~placed].sum())
    verdict = (
        "at its word" if share[0] >= LIKELY else "not at its word" if share[0] <= UNLIKELY else "undecided"
    )
    return Reading(
        id=s.id, used=True, **where, p_stated=share[0], p_afar=share[1], p_other_time=share[2],
        p_mistaken=share[3], p_alt_mistaken=wrong_height, hours_off=hours_off,
        information_bits=_information(r, j), verdict=verdict,
    )  # fmt: skip


def _seen_from(
    r: Reconstruction,
    s: Sighting,
    place: tuple[float, float],
    j: int | None,
    rng: np.random.Generator,
) -> tuple[Float64s, Float64s, Float64s] | None:
    """Distance (m), bearing and elevation (deg) of every member at the stated time, from the place named."""
    if s.time_end < r.node_s[0] or s.time_start > r.node_s[-1]:
        return None
    allowed, chances = minutes_in(r.node_s, s.time_start, s.time_end)
    paths = r.paths
    when = rng.choice(allowed, len(paths), p=chances)
    if j is not None:
        picked = np.concatenate([x.candidates.node[x.sample.pick[:, j]] for x in r.scenarios])
        reading = np.concatenate([x.candidates.reading[x.sample.pick[:, j]] for x in r.scenarios])
        when = np.where((reading == STATED) | (reading == AFAR), picked, when)
    state = paths[np.arange(len(paths)), when]
    lon, lat = r.frame.to_lonlat(state[:, 0] * KM, state[:, 1] * KM)
    distance = np.asarray(distance_m(*place, lon, lat))
    bearing = np.asarray(bearing_deg(*place, lon, lat))
    _, elevation, _ = look(*place, 0.0, lon, lat, state[:, 4] * KM)
    return distance, bearing, np.asarray(elevation)


def _triple(values: Float64s, weight: Float64s) -> tuple[float, float, float]:
    low, mid, high = weighted_quantile(values, weight, (0.05, 0.5, 0.95))
    return float(low), float(mid), float(high)


def _bearings(bearing: Float64s, weight: Float64s) -> tuple[float, float, float] | None:
    """Quantiles about the mean direction, or None when directions are all over the compass."""
    east = float(np.sum(weight * np.sin(np.radians(bearing))))
    north = float(np.sum(weight * np.cos(np.radians(bearing))))
    centre = math.degrees(math.atan2(east, north))
    off = (bearing - centre + 180.0) % 360.0 - 180.0
    low, mid, high = _triple(off, weight)
    if high - low > 180.0:
        return None
    turn = 360.0 if centre + mid < 0.0 else 0.0
    return centre + low + turn, centre + mid + turn, centre + high + turn


def _information(r: Reconstruction, j: int) -> float:
    """Bits the path learnt from a report given the others: KL of the posterior from leaving it out.

    With L the report's likelihood along a posterior path, leaving it out weighs paths by 1 / L, so the
    divergence is E[log L] + log E[1 / L] over the posterior.
    """
    logs = np.concatenate(
        [report_log_density(x.candidates, j, x.sample.paths, heights=True) for x in r.scenarios]
    )
    weight = r.weight
    top = float((-logs).max())
    inverse = math.log(float(np.sum(weight * np.exp(-logs - top)))) + top
    return max(0.0, (float(np.sum(weight * logs)) + inverse) / math.log(2.0))


def report_log_density(c: Candidates, j: int, paths: Float64s, *, heights: bool = False) -> Float64s:
    """Log density (M,) per km² of report j along paths (M, N, 7), summed over its readings and minutes."""
    out = np.empty(len(paths))
    _report_log_density(c, j, paths, heights, out)
    return out


@compiled
def _report_log_density(c: Candidates, j: int, paths: Float64s, heights: bool, out: Float64s) -> None:
    for m in range(paths.shape[0]):
        total = -np.inf
        for i in range(c.first[j], c.first[j + 1]):
            k = c.node[i]
            value = c.log_prior[i]
            if k < 0:
                value += candidate_log_density(c, i, j, 0.0, 0.0, 1.0)
                if heights and not np.isnan(c.alt_km[j]):
                    value += LOG_MISTAKEN_ALT
            else:
                value += candidate_log_density(c, i, j, paths[m, k, 0], paths[m, k, 1], 1.0)
                if heights:
                    good, bad = height_log_densities(c, j, paths[m, k, 4], 1.0)
                    value += np.logaddexp(good, bad)
            total = np.logaddexp(total, value)
        out[m] = total

"""A flight ensemble as arrays, and how far out a place lies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.geo import bearing_deg, distance_m, lonlat, unit_vector
from overflight.records import check_ensemble
from overflight.times import from_datetime64

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]

_MOST_TIMES: Final = 49
_MOST_DRAWS: Final = 200
_BLURS: Final = 12
_FINEST_S: Final = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A flight ensemble as arrays: time_s (T,), lon_deg lat_deg alt_m (M, T), weight (M,)."""

    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    weight: Float64s


def path_of(ensemble: xr.Dataset) -> Path:
    """Return the arrays of a flight ensemble, checked."""
    check_ensemble(ensemble)
    lon, lat, alt, weight = (
        ensemble[name].values.astype(np.float64) for name in ("lon", "lat", "alt_m", "weight")
    )
    return Path(from_datetime64(ensemble["time"].values), lon, lat, alt, weight)


def times_in(path: Path, span: tuple[float, float]) -> Float64s:
    """Return times (K,) through a span, as far as the axis reaches; none where it does not."""
    start, end = max(span[0], path.time_s[0]), min(span[1], path.time_s[-1])
    if end < start:
        return np.zeros(0)
    count = int(np.clip(math.ceil((end - start) / _FINEST_S) + 1, 1, _MOST_TIMES))
    return np.linspace(start, end, count)


def at(path: Path, times: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Return lon, lat, alt (M, K) at times, along great circles; NaN where a neighbouring sample is."""
    if path.time_s.size == 1:
        one = np.zeros(times.size, np.intp)
        return path.lon_deg[:, one], path.lat_deg[:, one], path.alt_m[:, one]
    after = np.clip(np.searchsorted(path.time_s, times, side="left"), 1, path.time_s.size - 1)
    before = after - 1
    share = (times - path.time_s[before]) / (path.time_s[after] - path.time_s[before])
    # A sample at the very time stands alone, so that a life's last one is not lost.
    left, right = np.where(share >= 1.0, after, before), np.where(share <= 0.0, before, after)
    a = unit_vector(path.lon_deg[:, left], path.lat_deg[:, left])
    b = unit_vector(path.lon_deg[:, right], path.lat_deg[:, right])
    lon, lat = lonlat(a + share * (b - a))
    alt = path.alt_m[:, left] + share * (path.alt_m[:, right] - path.alt_m[:, left])
    return np.asarray(lon), np.asarray(lat), alt


def plane_km(lon: Float64s, lat: Float64s, lon0: float, lat0: float) -> tuple[Float64s, Float64s]:
    """Azimuthal equidistant about a place: true distances and directions from it."""
    away = np.asarray(distance_m(lon0, lat0, lon, lat)) / 1e3
    angle = np.radians(np.asarray(bearing_deg(lon0, lat0, lon, lat)))
    return away * np.sin(angle), away * np.cos(angle)


def tail(x: Float64s, y: Float64s, weight: Float64s, radius_km: float) -> float:
    """How often a true report would lie where it is no denser than at the origin: 0 to 1.

    `x`, `y` (M,) are the members in km about the place reported, NaN where not aloft; `radius_km` is what the
    report is good to, two standard deviations. A true report lies at a member, blurred by its radius.
    """
    alive = np.isfinite(x) & (weight > 0)
    if not alive.any():
        return 0.0
    share = float(weight[alive].sum())
    points, w = _thinned(np.stack([x[alive], y[alive]]), weight[alive] / share)
    sd = max(radius_km / 2.0, 0.03)
    blur = _local_spread(points, w) + np.eye(2) * sd**2
    reports = _blurred(points, sd)
    root = np.linalg.cholesky(blur)
    to = np.linalg.solve(root, np.column_stack([np.zeros(2), reports]))
    centres = np.linalg.solve(root, points)
    apart = (to**2).sum(axis=0)[:, None] + (centres**2).sum(axis=0) - 2.0 * to.T @ centres
    density = np.exp(-0.5 * np.maximum(apart, 0.0)) @ w
    here, there = float(density[0]), density[1:].reshape(w.size, _BLURS)
    return share * float(w @ (there <= here * (1.0 + 1e-9)).mean(axis=1)) if here > 0.0 else 0.0


def _local_spread(points: Float64s, w: Float64s) -> Float64s:
    """Mean covariance of each point's neighbourhood, which two branches of a flight do not widen.

    Neighbours are n^(2/3) of the n points, near in coordinates that the whole spread makes round.
    """
    n = w.size
    if n < 3:
        return np.zeros((2, 2))
    whole = np.cov(points, aweights=w, bias=True) + np.eye(2) * 1e-9
    round_ = np.linalg.solve(np.linalg.cholesky(whole), points)
    apart = ((round_[:, :, None] - round_[:, None, :]) ** 2).sum(axis=0)
    count = max(3, math.ceil(n ** (2.0 / 3.0)))
    near = np.argsort(apart, axis=1, kind="stable")[:, :count]
    weight = w[near] / w[near].sum(axis=1, keepdims=True)
    local = points[:, near]
    local = local - (local * weight).sum(axis=2, keepdims=True)
    return np.asarray(np.einsum("imk,jmk,mk,m->ij", local, local, weight, w))


def _blurred(points: Float64s, sd: float) -> Float64s:
    """Each point `_BLURS` times, spread about itself as a normal deviate; evenly, with no chance in it."""
    k = np.arange(points.shape[1] * _BLURS)
    radius = sd * np.sqrt(-2.0 * np.log1p(-((k % _BLURS) + 0.5) / _BLURS))
    turn = k * np.pi * (3.0 - np.sqrt(5.0))  # the golden angle
    about = radius * np.stack([np.sin(turn), np.cos(turn)])
    return np.asarray(np.repeat(points, _BLURS, axis=1) + about)


def _thinned(points: Float64s, w: Float64s) -> tuple[Float64s, Float64s]:
    """At most `_MOST_DRAWS` draws of equal weight, taken evenly through the weights; no chance in it."""
    if w.size <= _MOST_DRAWS:
        return points, w
    where = (np.arange(_MOST_DRAWS) + 0.5) / _MOST_DRAWS
    taken = np.clip(np.searchsorted(np.cumsum(w), where), 0, w.size - 1)
    return points[:, taken], np.full(_MOST_DRAWS, 1.0 / _MOST_DRAWS)

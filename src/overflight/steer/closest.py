"""The closest passive explanation, and where it fails: sighting by sighting, in km and in sigma.

Of the drifting hypotheses the one with the highest posterior. Two misses for every fix: of the *prediction*
from all fixes before it, in standard deviations of prediction and fix together; and of the *path* that fits
all of them best (the mean of the smoothed draws), in standard deviations of the fix. A drifting path can
always be bent to the fixes by an error of the wind; so the third number is what it asks of the wind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.likelihood import STATED
from overflight.reconstruct.motion import RADIUS_KM, Air
from overflight.steer.along import winds_along
from overflight.steer.evidence import Weighed
from overflight.steer.when import ERROR_U, ERROR_V, X, Y, Z
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# A fix that misses by more than this, in two dimensions, does so once in 80 times by chance.
FAILS_SIGMA: Final = 3.0
# The wind error is counted as large from so many times its stated size.
LARGE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Closest:
    """The best drifting path. K fixes.

    `miss_km, miss_sigma` (K,) are of the prediction, `off_km, off_sigma` (K,) of the path; `p_stated` (K,) is
    how far the hypothesis takes each fix at its word. `alt_m` is the mean height, `x_km, y_km` the start.
    `error_mps` is the root mean square of the wind error that the path asks for, `error_ratio` the same in
    units of its stated size, `large_h` the hours in which it is beyond twice that.
    """

    id: str
    alt_m: float
    x_km: float
    y_km: float
    miss_km: Float64s
    miss_sigma: Float64s
    off_km: Float64s
    off_sigma: Float64s
    p_stated: Float64s
    error_mps: float
    error_ratio: float
    large_h: float

    @property
    def fails(self) -> npt.NDArray[np.int64]:
        """Indices of the fixes it fails at, the worst first."""
        order = np.argsort(-self.miss_sigma, kind="stable")
        return np.asarray(order[self.miss_sigma[order] >= FAILS_SIGMA])


def closest_passive(weighed: Weighed, fixes: Fixes, air: Air) -> Closest | None:
    """Return the closest passive explanation; None when no hypothesis drifts."""
    drifting = [i for i, h in enumerate(weighed.hypotheses) if h.side == "passive"]
    if not drifting:
        return None
    best = max(drifting, key=lambda i: float(weighed.posterior[i]))
    filtered = weighed.filtered[best]
    node_s, mean = filtered.node_s, filtered.paths.mean(axis=0)
    off = np.stack(
        [np.interp(fixes.time_s, node_s, mean[:, i]) - at for i, at in ((X, fixes.x_km), (Y, fixes.y_km))],
        axis=1,
    )
    shrink = np.stack([np.cos(fixes.y_km / RADIUS_KM), np.ones(len(off))], axis=1)
    error_mps, ratio, large_h = _asked_of_wind(node_s, filtered.paths, mean, air)
    return Closest(
        id=weighed.hypotheses[best].id,
        alt_m=float(mean[:, Z].mean()) * 1e3,
        x_km=float(mean[0, X]),
        y_km=float(mean[0, Y]),
        miss_km=np.asarray(filtered.miss_km),
        miss_sigma=np.asarray(filtered.miss_sigma),
        off_km=np.hypot(*(off * shrink).T),
        off_sigma=np.sqrt(np.einsum("ki,kij,kj->k", off, np.linalg.inv(_covariance(fixes)), off)),
        p_stated=stated_share([filtered.readings], [1.0]),
        error_mps=error_mps,
        error_ratio=ratio,
        large_h=large_h,
    )


def _asked_of_wind(node_s: Float64s, paths: Float64s, mean: Float64s, air: Air) -> tuple[float, float, float]:
    """Return rms of the draws' mean wind error (m/s, and in units of its size) and the hours it is large."""
    if node_s.size < 2:
        return 0.0, 0.0, 0.0
    size = mean[:, [ERROR_U, ERROR_V]]
    spread = winds_along(air, node_s, mean[:, X], mean[:, Y], mean[:, Z]).spread_mps
    span = node_s[-1] - node_s[0]
    square = np.sum((size * spread) ** 2, axis=1)
    # Two components: a vector of the stated size has a square of two.
    ratio2 = 0.5 * np.sum(size**2, axis=1)
    large = (np.sqrt(ratio2) > LARGE).astype(float)
    return (
        math.sqrt(float(np.trapezoid(square, node_s)) / span),
        math.sqrt(float(np.trapezoid(ratio2, node_s)) / span),
        float(np.trapezoid(large, node_s)) / HOUR_S,
    )


def stated_share(readings: Sequence[npt.NDArray[np.int8]], weight: Sequence[float]) -> Float64s:
    """Return how far (K,) each fix is taken at its word, over hypotheses of given weights."""
    total = sum(weight)
    parts = [w / total * (r == STATED).mean(axis=0) for w, r in zip(weight, readings, strict=True)]
    return np.asarray(np.sum(parts, axis=0))


def believed(weighed: Weighed) -> Bools:
    """Return which fixes (K,) are more likely than not at their word, over all hypotheses."""
    readings = [f.readings for f in weighed.filtered]
    weight = [float(p) + 1e-12 for p in weighed.posterior]
    return np.asarray(stated_share(readings, weight) >= 0.5)


def _covariance(fixes: Fixes) -> Float64s:
    xx, xy, yy = fixes.cov_km2.T
    cov = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    return np.asarray(cov + 1e-6 * np.eye(2))

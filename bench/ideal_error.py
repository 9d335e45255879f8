"""What a detector with perfect knowledge of the wind error would be told of it: size, memory, shape, height.

The filter takes an error to be a process that follows the balloon and forgets itself with time and with
changes of height (docs/motion-models.md). The made errors are fields, whose law along a path is known: the
memory told is the one under which the true law is likeliest on the average, that is the nearest of the
filter's own processes by Kullback and Leibler's divergence along that flight's true track. Of a real
difference only one realisation is known: its memory and shape are the likeliest of series met by passive
flights of trial seeds, and its height scale is that of the difference itself. The errors told are stationary;
a real difference need not be, and then no memory tells all of it.

Usage: python bench/ideal_error.py DATA, for the numbers of the real differences.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from made_drift import (
    LEVEL_M,
    Condition,
    MadeFlight,
    darwin_pair,
    error_along,
    gfs_pair,
    make_flight,
)
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar

from overflight import geo
from overflight.atmosphere import pressure_pa
from overflight.reconstruct.guided_columns import POLE_1, POLE_2, POLES, WEIGHT_1, WEIGHT_2
from overflight.reconstruct.models import SCALE_HEIGHT_M, WindErrorBelief
from overflight.units import HOUR_S
from overflight.winds.error import WindError
from overflight.winds.interpolate import pack, sample

Float64s = npt.NDArray[np.float64]

# A memory is looked for between these, hours.
SHORTEST_H, LONGEST_H = 1.0, 240.0
STEP_S = HOUR_S
# A smooth law at close times is all but singular; so much variance is added to the diagonal.
NUGGET = 1e-6
TRIAL_FLIGHTS, TRIAL_SEED = 24, 150_000
# Lags of height at which two differences are compared, and how many places.
LAGS_M = np.arange(0.0, 9001.0, 250.0)
PLACES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueError:
    """What is told: memory, whether smooth, and the change of height that leaves 1/e."""

    time_s: float
    smooth: bool
    height_m: float

    @property
    def belief(self) -> WindErrorBelief:
        """The belief of who knows: nothing is open, and the winds mix no further."""
        return WindErrorBelief(
            factor_log_sd=0.0,
            time_s=self.time_s,
            time_log_sd=0.0,
            smooth_share=float(self.smooth),
            height_scale_m=self.height_m,
            height_log_sd=0.0,
            mixing_km=0.0,
        )


# What `python bench/ideal_error.py DATA` prints (three minutes): likeliest of 24 passive flights.
REAL = {
    "gfs": TrueError(time_s=8.09 * HOUR_S, smooth=True, height_m=6820.0),
    "darwin": TrueError(time_s=19.38 * HOUR_S, smooth=True, height_m=659.0),
}


def kernel(age: npt.ArrayLike, smooth: bool) -> Float64s:
    """Return the correlation of the filter's error at ages (lags over the memory)."""
    lag = np.abs(np.asarray(age, float))
    if not smooth:
        return np.asarray(np.exp(-lag))
    tie = WEIGHT_1 * WEIGHT_2 * POLES
    return np.asarray(
        (WEIGHT_1**2 + tie) * np.exp(-POLE_1 * lag) + (WEIGHT_2**2 + tie) * np.exp(-POLE_2 * lag)
    )


def misfit(cov: Float64s, time_s: Float64s, memory_s: float, smooth: bool) -> float:
    """Return minus twice the mean log density, but for a constant, of unit errors of covariance `cov`."""
    model = kernel((time_s[:, None] - time_s[None]) / memory_s, smooth) + NUGGET * np.eye(time_s.size)
    root = cho_factor(model, lower=True)
    log_det = 2.0 * float(np.log(np.diag(root[0])).sum())
    return log_det + float(np.trace(cho_solve(root, cov)))


def likeliest_memory(pairs: list[tuple[Float64s, Float64s]], smooth: bool) -> tuple[float, float]:
    """Return the memory (s) at which covariances at times (K, K), (K,) fit best together, and the misfit."""

    def total(log_s: float) -> float:
        return sum(misfit(cov, time_s, math.exp(log_s), smooth) for cov, time_s in pairs)

    ends = (math.log(SHORTEST_H * HOUR_S), math.log(LONGEST_H * HOUR_S))
    found = minimize_scalar(total, bounds=ends, method="bounded", options={"xatol": 1e-3})
    return math.exp(float(found.x)), float(found.fun)


def law_along(error: WindError, time_s: Float64s, lon_deg: Float64s, lat_deg: Float64s) -> Float64s:
    """Return the true correlation (K, K) of a field's error at places and times of one height."""
    apart = geo.distance_m(lon_deg[:, None], lat_deg[:, None], lon_deg[None], lat_deg[None])
    return error.correlation(time_s[:, None] - time_s[None], apart)


def true_error(flight: MadeFlight, condition: Condition) -> TrueError:
    """Return what is true of the error that a made flight met."""
    if flight.error is None:
        return REAL[condition.field]
    time_s = np.arange(flight.time_s[0], flight.time_s[-1] + 1.0, STEP_S)
    lon = np.interp(time_s, flight.time_s, geo.unwrap_lon(flight.true_lon_deg))
    lat = np.interp(time_s, flight.time_s, flight.true_lat_deg)
    smooth = flight.error.shape == "smooth"
    memory, _ = likeliest_memory([(law_along(flight.error, time_s, lon, lat), time_s)], smooth)
    return TrueError(time_s=memory, smooth=smooth, height_m=flight.error.log_pressure * SCALE_HEIGHT_M)


def real_error(field: str, data: str) -> TrueError:
    """Return memory, shape and height scale of a real difference, as passive flights meet it."""
    hours = 72.0 if field == "gfs" else 45.0
    condition = Condition(name="memory of a real difference", field=field, every_h=1.0, hours=hours)
    pairs = []
    for seed in range(TRIAL_SEED, TRIAL_SEED + TRIAL_FLIGHTS):
        try:
            flight = make_flight("passive_level", condition, seed, data)
        except RuntimeError:
            continue
        for met, size in zip(error_along(flight, condition, data), flight.error_mps, strict=True):
            known = np.isfinite(met)
            unit = met[known] / size
            pairs.append((np.outer(unit, unit), flight.time_s[known]))
    fits = {smooth: likeliest_memory(pairs, smooth) for smooth in (False, True)}
    smooth = fits[True][1] < fits[False][1]
    return TrueError(time_s=fits[smooth][0], smooth=smooth, height_m=real_height_m(field, data))


def real_height_m(field: str, data: str) -> float:
    """Return the lag of height, m, at which a real difference keeps 1/e of itself."""
    truth, analysis, _ = (gfs_pair if field == "gfs" else darwin_pair)(data)
    rng = np.random.default_rng(6)
    time_s = rng.uniform(max(truth.time_s[0], analysis.time_s[0]), truth.time_s[-1], PLACES)
    lat = rng.uniform(25.0, 60.0, PLACES) if field == "gfs" else np.full(PLACES, -12.4)
    lon = rng.uniform(-180.0, 180.0, PLACES) if field == "gfs" else np.full(PLACES, 130.5)
    middle = np.clip(LEVEL_M[0] + LEVEL_M[1] * rng.standard_normal(PLACES), 16_000.0, 20_000.0)
    packed = pack(truth), pack(analysis)

    def difference(height_m: Float64s) -> Float64s:
        a, b = (sample(p, time_s, pressure_pa(height_m), lat, lon) for p in packed)
        return np.stack([a.u_mps - b.u_mps, a.v_mps - b.v_mps])

    last = 1.0
    for lag in LAGS_M[1:]:
        a, b = difference(middle - 0.5 * lag), difference(middle + 0.5 * lag)
        both = np.isfinite(a) & np.isfinite(b)
        kept = float((a * b)[both].sum() / math.sqrt((a**2)[both].sum() * (b**2)[both].sum()))
        if kept < math.exp(-1.0):
            return float(lag - (LAGS_M[1] - LAGS_M[0]) * (math.exp(-1.0) - kept) / (last - kept))
        last = kept
    return float(LAGS_M[-1])


def main() -> int:
    for field in REAL:
        print(field, real_error(field, str(Path(sys.argv[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

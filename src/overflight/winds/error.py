"""The one model of wind error: how large it is, and how far it reaches in time, distance and height.

The error is a random vector field on the sphere. Its correlation is a product of three functions of one
shape: of the lag in time, of the distance, and of the lag in the logarithm of pressure. Scales are
*e-folding lags*: where the correlation has fallen to 1/e. Two shapes:

- 'rough', exp(-x/s): the Ornstein-Uhlenbeck process of the textbooks;
- 'smooth', (1 + cx/s) exp(-cx/s) with c = 2.146: Matérn 3/2, whose field has a derivative. Differences
  between the day's wind and a climatology look like that (docs/winds-prior.md).

`PRIOR_ERROR` was measured by `design/fit_wind_error.py`; `ANALYSIS_ERROR` is derived from published
comparisons of balloons with analyses, below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S

Float64s = npt.NDArray[np.float64]
Shape = Literal["rough", "smooth"]

# Root of (1 + c) exp(-c) = 1/e: makes the scale of the smooth shape its e-folding lag.
SMOOTH_RATE: Final = 2.1461932206205825
# Values of one realisation held at once, 8 bytes each, twice.
BLOCK_VALUES: Final = 2_000_000
MEDIAN_OF_RAYLEIGH: Final = math.sqrt(2.0 * math.log(2.0))


def _check_positive(name: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"the value is {value!r}", field=name, remedy="Give a finite number above zero.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindError:
    """Size and reach of the error of a wind.

    `sd_u_mps` and `sd_v_mps` are the standard deviations of the components; None says that the grid's
    own spread (`u_sd_mps`, `v_sd_mps`) is the size. `time_s` (at a fixed place), `distance_m` and
    `log_pressure` are e-folding lags. `source` says where the numbers are from.
    """

    sd_u_mps: float | None
    sd_v_mps: float | None
    time_s: float
    distance_m: float
    log_pressure: float
    shape: Shape = "smooth"
    source: str = ""

    def __post_init__(self) -> None:
        if self.shape not in ("rough", "smooth"):
            raise InputError(f"the shape is {self.shape!r}", field="shape", remedy="Use 'rough' or 'smooth'.")
        for name in ("time_s", "distance_m", "log_pressure"):
            _check_positive(name, getattr(self, name))
        if (self.sd_u_mps is None) != (self.sd_v_mps is None):
            raise InputError(
                "one component has a size and the other takes the grid's",
                remedy="Give both sizes or neither.",
            )
        for name in ("sd_u_mps", "sd_v_mps"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))

    def correlation(
        self, time_s: npt.ArrayLike = 0.0, distance_m: npt.ArrayLike = 0.0, log_pressure: npt.ArrayLike = 0.0
    ) -> Float64s:
        """Return the correlation of one component at lags that broadcast.

        It holds for vectors carried along a meridian; between places whose north directions differ the
        vectors turn with the sphere.
        """
        lags = ((time_s, self.time_s), (distance_m, self.distance_m), (log_pressure, self.log_pressure))
        parts = [_fall(np.abs(np.asarray(lag, dtype=float)) / scale, self.shape) for lag, scale in lags]
        return np.asarray(parts[0] * parts[1] * parts[2])

    def lagrangian_time_s(self, relative_mps: float) -> float:
        """Return the e-folding time of the error met by a balloon at constant pressure.

        `relative_mps` is the balloon's speed relative to the *pattern* of errors: its speed over ground
        where the pattern stands still, less where the wind carries the pattern along. In time t the
        balloon is `relative_mps` t away, so the correlation is the product of both falls. The rough
        shape has 1/T + U/L in closed form, the smooth one is solved by bisection.
        """
        if not math.isfinite(relative_mps) or relative_mps < 0:
            raise InputError(f"the relative speed is {relative_mps!r} m/s", remedy="Give zero or more.")
        low, high = 0.0, self.time_s
        for _ in range(100):
            middle = 0.5 * (low + high)
            if self.correlation(middle, relative_mps * middle) > math.exp(-1.0):
                low = middle
            else:
                high = middle
        return high


def path_error_m(sd_mps: float, lagrangian_time_s: float, elapsed_s: float) -> float:
    """Return the standard deviation of one coordinate of the path error, for a rough (OU) velocity error.

    The integral of an Ornstein-Uhlenbeck velocity of variance s² and time T has the variance
    2 s² T² (x - 1 + exp(-x)) with x = elapsed / T: Taylor's dispersion (Proc. London Math. Soc. 20,
    1921). The median distance from the path is 1.177 times the result where both coordinates have it.
    """
    x = elapsed_s / lagrangian_time_s
    # Below 1e-4 the closed form loses its digits; two terms of its series are exact there.
    shape = x * x * (1.0 - x / 3.0) if x < 1e-4 else 2.0 * (x + math.expm1(-x))
    return sd_mps * lagrangian_time_s * math.sqrt(shape)


def lagrangian_time_from_path(sd_mps: float, median_error_m: float, elapsed_s: float) -> float:
    """Return the Lagrangian time that gives a median path error after `elapsed_s`; inverse of the above.

    Raises InputError where no time can: the error cannot grow faster than the speed's own.
    """
    target = median_error_m / MEDIAN_OF_RAYLEIGH
    if not 0 < target < sd_mps * elapsed_s:
        raise InputError(
            f"a median error of {median_error_m:g} m needs more than {sd_mps:g} m/s",
            remedy="Give a larger wind error or a smaller path error.",
        )
    low, high = 1e-6 * elapsed_s, 1e6 * elapsed_s
    for _ in range(200):
        middle = math.sqrt(low * high)
        if path_error_m(sd_mps, middle, elapsed_s) < target:
            low = middle
        else:
            high = middle
    return high


def believed_size(stated_mps: float | None = None) -> tuple[float, float]:
    """Return median (m/s) and standard deviation of the logarithm of the size of an analysis' error.

    The size is that of one component. Without a statement it is what analyses are known to have; a stated
    size counts beside that, each by its precision: the product of two log-normal densities. Raises InputError
    when the stated size is no number above zero.
    """
    if stated_mps is None:
        return ANALYSIS_SIZE_MPS, ANALYSIS_SIZE_LOG_SD
    _check_positive("stated_mps", stated_mps)
    known, stated = ANALYSIS_SIZE_LOG_SD**-2, STATED_SIZE_LOG_SD**-2
    middle = (known * math.log(ANALYSIS_SIZE_MPS) + stated * math.log(stated_mps)) / (known + stated)
    return math.exp(middle), 1.0 / math.sqrt(known + stated)


# Strateole-2 balloons at 18-21 km in the tropics against ERA5: 3.76 m/s zonal, 3.24 m/s meridional, and a
# median path error of 260 km after 24 h (EGUsphere preprint 2025-3208, 2025). Loon against MERRA-2, 2014:
# 2.5-3.5 m/s (Friedrich et al., Atmos. Chem. Phys. 17, 855, 2017).
STRATEOLE_SD_U_MPS: Final = 3.76
STRATEOLE_SD_V_MPS: Final = 3.24
STRATEOLE_MEDIAN_M: Final = 260e3
# Solves 1.177 s T sqrt(2 (x - 1 + exp(-x))) = 260 km for T with s = 3.51 m/s, x = 24 h / T: 10.5 h.
ANALYSIS_LAGRANGIAN_S: Final = lagrangian_time_from_path(
    math.sqrt(0.5 * (STRATEOLE_SD_U_MPS**2 + STRATEOLE_SD_V_MPS**2)), STRATEOLE_MEDIAN_M, DAY_S
)
# The sources give no split of that time into distance and a fixed place's time. We take 600 km, a wave that
# an analysis of sparse soundings misses, met at 10 m/s, and what remains for the time: 28.2 h.
_ANALYSIS_DISTANCE_M: Final = 600e3
_ANALYSIS_SPEED_MPS: Final = 10.0

ANALYSIS_ERROR: Final = WindError(
    sd_u_mps=STRATEOLE_SD_U_MPS,
    sd_v_mps=STRATEOLE_SD_V_MPS,
    time_s=1.0 / (1.0 / ANALYSIS_LAGRANGIAN_S - _ANALYSIS_SPEED_MPS / _ANALYSIS_DISTANCE_M),
    distance_m=_ANALYSIS_DISTANCE_M,
    log_pressure=0.25,
    shape="rough",
    source="size and 24 h path error of Strateole-2 balloons against ERA5 (EGUsphere 2025-3208); "
    "distance and height assumed",
)

# How large the error of an analysis is where nobody says: between what the balloons above met (2.5 m/s of
# Loon to 3.76 of Strateole), less where soundings are dense and more in waves over mountains. Two of three
# analyses are taken to lie between 2 and 4.5 m/s. Who states a size of his own is off by a factor of 1.65
# in one case of three: both count (`believed_size`).
ANALYSIS_SIZE_MPS: Final = 3.0
ANALYSIS_SIZE_LOG_SD: Final = 0.4
STATED_SIZE_LOG_SD: Final = 0.5

# docs/winds-prior.md, 'How far the error reaches'.
PRIOR_ERROR: Final = WindError(
    sd_u_mps=None,
    sd_v_mps=None,
    time_s=80.0 * HOUR_S,
    distance_m=1500e3,
    log_pressure=0.6,
    shape="smooth",
    source="anomalies of GFS analyses, soundings and a year of directions about the prior; "
    "design/fit_wind_error.py",
)

# E-folding time of the anomaly about the prior along a drift at 70 hPa, 30-60° of latitude, measured in
# both hemispheres (39 and 38 h); `PRIOR_ERROR` gives it where the pattern is passed at 8 m/s.
PRIOR_LAGRANGIAN_S: Final = 39.0 * HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RandomField:
    """One realisation of a wind error with unit variance, defined everywhere.

    `waves` (F, 5) are angular rates by x, y, z on the unit sphere, by log-pressure and by second;
    `cosines` and `sines` (F, 3) the amplitudes of a vector in space. `origin_s` is where time is
    counted from. `evaluate` projects the vector on east and north, so that nothing happens at a pole.
    """

    waves: Float64s
    cosines: Float64s
    sines: Float64s
    origin_s: float

    def evaluate(
        self,
        time_s: npt.ArrayLike,
        pressure_pa: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
    ) -> tuple[Float64s, Float64s]:
        """Return east and north components at points; the arguments broadcast. Multiply by the spread."""
        parts = np.broadcast_arrays(
            *(np.asarray(a, dtype=float) for a in (time_s, pressure_pa, lat_deg, lon_deg))
        )
        time, pressure, lat, lon = (p.ravel() for p in parts)
        lat, lon = np.radians(lat), np.radians(lon)
        place = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
        points = np.column_stack([place, np.log(pressure), time - self.origin_s])
        east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], axis=1)
        north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=1)
        vector = self._vector(points)
        shape = parts[0].shape
        return np.sum(vector * east, axis=1).reshape(shape), np.sum(vector * north, axis=1).reshape(shape)

    def _vector(self, points: Float64s) -> Float64s:
        out = np.empty((len(points), 3))
        step = max(1, BLOCK_VALUES // len(self.waves))
        for first in range(0, len(points), step):
            angle = points[first : first + step] @ self.waves.T
            out[first : first + step] = np.cos(angle) @ self.cosines + np.sin(angle) @ self.sines
        return out


def random_field(
    error: WindError, rng: np.random.Generator, n_features: int = 256, *, origin_s: float = 0.0
) -> RandomField:
    """Draw a field with the correlation of `error`, as a sum of random waves.

    Random Fourier features (Rahimi and Recht, NIPS 20, 2007): waves drawn from the spectrum of the
    correlation, with normal amplitudes. Over many draws the covariance is exact for any number of
    waves; within one draw the fewer waves, the less normal. Distance is taken along the chord, which is
    0.2 % short at 1500 km. Use one `origin_s` near the times asked, or digits are lost in long phases.

    Raises InputError when `n_features` is not positive.
    """
    if n_features < 1:
        raise InputError(f"asked for {n_features} waves", field="n_features", remedy="Ask for one or more.")
    scales = (error.distance_m / EARTH_RADIUS_M, error.log_pressure, error.time_s)
    rates = [_rates(rng, n_features, d, error.shape) / s for d, s in zip((3, 1, 1), scales, strict=True)]
    amplitude = rng.standard_normal((2, n_features, 3)) / math.sqrt(n_features)
    return RandomField(
        waves=np.concatenate(rates, axis=1), cosines=amplitude[0], sines=amplitude[1], origin_s=origin_s
    )


def _fall(x: Float64s, shape: Shape) -> Float64s:
    """Correlation at a lag of x e-folding lags."""
    if shape == "rough":
        return np.exp(-x)
    return (1.0 + SMOOTH_RATE * x) * np.exp(-SMOOTH_RATE * x)


def _rates(rng: np.random.Generator, count: int, dims: int, shape: Shape) -> Float64s:
    """Draw waves of a field whose correlation e-folds at one: (count, dims).

    The spectrum of a Matérn correlation of order k is a multivariate t with 2k degrees of freedom
    (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equation 4.15).
    """
    freedom, rate = (1, 1.0) if shape == "rough" else (3, SMOOTH_RATE)
    normal = rng.standard_normal((count, dims))
    square = rng.chisquare(freedom, (count, 1))
    return np.asarray(normal * rate / np.sqrt(square))

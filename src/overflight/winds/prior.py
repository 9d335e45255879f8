"""The climatological prior: what the wind usually is, and how far from that it may be.

A smooth fit to published monthly statistics of soundings and to a reanalysis climatology, evaluated
on any grid. `design/fit_prior.py` makes it, `docs/winds-prior.md` says how well it does, and
`data/prior.md` cites the sources.

The mean is a stream function and a velocity potential in spherical harmonics, so the vector is regular
at the poles, and the logarithm of the spread is a scalar in the same harmonics. Both are products with
two harmonics of the year and cubic splines of log-pressure.
"""

from __future__ import annotations

import functools
import importlib.resources
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from numpy.polynomial.legendre import Legendre
from scipy.interpolate import BSpline

from overflight.errors import CoverageError, InputError, LimitError
from overflight.units import DAY_S, HPA_PA
from overflight.winds.grid import Float32s, Float64s, Grid

NAME = "climatological prior"

# Statistics reach from 10 km (about 265 hPa) to 30 km (about 12 hPa), the reanalysis to 10 hPa.
# Between 10 and 5 hPa the value at 10 hPa is held and its spread grows; beyond, nothing is known.
LOWEST_LEVEL_PA, HIGHEST_FITTED_PA, HIGHEST_LEVEL_PA = 300 * HPA_PA, 10 * HPA_PA, 5 * HPA_PA

YEAR_S = 365.2425 * DAY_S
EPOCH_S = 1577836800.0  # 2020-01-01T00:00Z: the phase of the year is counted from here
LAT_STEP_DEG, LON_STEP_DEG, LEVELS, TIME_STEP_S = 2.5, 5.0, 19, 5 * DAY_S
LIMIT_BYTES = 512 * 2**20

Mode = tuple[str, int, int, str]
"""Kind ('psi', 'chi' or 'scalar'), degree, order, and 'cos' or 'sin' of the longitude."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriorFit:
    """The coefficients of the fit. Arrays have shape (modes, harmonics of the year, splines).

    `mean` holds wind in m/s on `vector_modes`; the others are logarithms on `scalar_modes`: of the
    spread (`log_sd`) and of the error of the fitted mean in m/s (`log_error`), with the ratios of zonal
    to meridional (`log_sd_ratio`, `log_error_ratio`), which are damped to nothing at the poles.
    `log_sd_error` is the standard error of the fitted log-spread; `beyond_mps` the error added per unit
    of log-pressure above the highest fitted level.
    """

    vector_modes: tuple[Mode, ...]
    scalar_modes: tuple[Mode, ...]
    knots: Float64s
    mean: Float64s
    log_sd: Float64s
    log_sd_ratio: Float64s
    log_error: Float64s
    log_error_ratio: Float64s
    log_sd_error: float
    beyond_mps: float


def prior_grid(
    time_start: float,
    time_end: float,
    *,
    box: tuple[float, float, float, float] | None = None,
) -> Grid:
    """Return the climatological wind and its spread, global unless `box` is given.

    Parameters
    ----------
    time_start, time_end : POSIX seconds UTC; the grid has times at most five days apart, ends included.
    box : west, south, east, north in degrees; it crosses 180° when east < west. The grid covers it,
        rounded outward to whole steps.

    Returns
    -------
    Grid
        19 levels from 300 to 5 hPa, even in log-pressure; 2.5° of latitude by 5° of longitude. The
        spread is that of an instantaneous wind about the climatological mean, with the error of the fit.

    Raises
    ------
    InputError
        When the times are reversed or not finite, or the box is not one.
    LimitError
        When the grid would need more than 512 MiB.
    """
    time_s = _times(time_start, time_end)
    lat, lon = _axes(box)
    pressure_pa = np.geomspace(HIGHEST_LEVEL_PA, LOWEST_LEVEL_PA, LEVELS)
    need = 4 * 4 * time_s.size * LEVELS * lat.size * lon.size
    if need > LIMIT_BYTES:
        raise LimitError(
            f"the prior for {(time_end - time_start) / DAY_S:.0f} days needs {need / 2**20:.0f} MiB",
            remedy="Ask for a shorter window or a box.",
        )
    u, v, u_sd, v_sd = evaluate_prior(time_s, pressure_pa, lat, lon)
    return Grid(
        time_s=time_s,
        pressure_pa=pressure_pa,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u,
        v_mps=v,
        u_sd_mps=u_sd,
        v_sd_mps=v_sd,
        periodic=box is None,
        name=NAME,
        provenance=PROVENANCE,
    )


PROVENANCE: Mapping[str, str] = MappingProxyType(
    {
        "kind": "climatology: the usual wind of the place and season, not the wind of the day",
        "source": "US Range Reference Atmospheres, 24 stations; NCEP-DOE Reanalysis 2 of 1981-2010 at "
        "0, 15, 45 and 75° N",
        "fit": "design/fit_prior.py; errors in docs/winds-prior.md",
        "limits": "south of 8° S the zonal mean is the northern one half a year later, with a wider spread; "
        "between 10 and 5 hPa the value at 10 hPa with a growing spread",
    }
)


def evaluate_prior(
    time_s: Float64s, pressure_pa: Float64s, lat_deg: Float64s, lon_deg: Float64s
) -> tuple[Float32s, Float32s, Float32s, Float32s]:
    """Return mean u, mean v, spread of u and spread of v in m/s, each of shape (T, L, Y, X).

    The four axes are one-dimensional. Raises CoverageError where a level is outside 300 to 5 hPa.
    """
    if (pressure_pa < HIGHEST_LEVEL_PA * (1 - 1e-9)).any() or (
        pressure_pa > LOWEST_LEVEL_PA * (1 + 1e-9)
    ).any():
        raise CoverageError(
            f"the prior holds from {LOWEST_LEVEL_PA / HPA_PA:g} to {HIGHEST_LEVEL_PA / HPA_PA:g} hPa, "
            f"asked for {pressure_pa.max() / HPA_PA:g} to {pressure_pa.min() / HPA_PA:g} hPa",
            remedy="Bring gridded winds or soundings for the levels beyond.",
        )
    fit = load_fit()
    year, level = year_harmonics(time_s), level_splines(pressure_pa, fit.knots)
    shape = (time_s.size, pressure_pa.size, lat_deg.size, lon_deg.size)
    east, north = vector_harmonics(fit.vector_modes, lat_deg, lon_deg)
    flat = scalar_harmonics(fit.scalar_modes, lat_deg, lon_deg)

    def field(coefficients: Float64s, harmonics: Float64s) -> Float64s:
        weights = np.einsum("hts,Tt,Ls->TLh", coefficients, year, level)
        return np.asarray(weights @ harmonics.reshape(len(harmonics), -1)).reshape(shape)

    # East and north are one and the same at a pole, and so must be their spreads.
    half = 0.5 * np.cos(np.radians(lat_deg))[:, None] ** 2
    log_sd, sd_ratio = field(fit.log_sd, flat), half * field(fit.log_sd_ratio, flat)
    log_error, error_ratio = field(fit.log_error, flat), half * field(fit.log_error_ratio, flat)
    beyond = fit.beyond_mps * np.maximum(0.0, np.log(HIGHEST_FITTED_PA / pressure_pa))[:, None, None]

    def spread(sign: float) -> Float32s:
        # The second moment of a log-normal: the spread itself is uncertain by `log_sd_error`.
        usual = np.exp(log_sd + sign * sd_ratio + fit.log_sd_error**2)
        error = np.exp(log_error + sign * error_ratio)
        return np.asarray(np.sqrt(usual**2 + error**2 + beyond**2), dtype=np.float32)

    u, v = field(fit.mean, east), field(fit.mean, north)
    return u.astype(np.float32), v.astype(np.float32), spread(1.0), spread(-1.0)


@functools.cache
def load_fit() -> PriorFit:
    """Read the coefficients that ship with the package."""
    raw = importlib.resources.files("overflight.winds").joinpath("data/prior.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    numbers = ("knots", "mean", "log_sd", "log_sd_ratio", "log_error", "log_error_ratio")
    return PriorFit(
        vector_modes=_read_modes(arrays["vector_modes"]),
        scalar_modes=_read_modes(arrays["scalar_modes"]),
        **{name: arrays[name].astype(float) for name in numbers},
        log_sd_error=float(arrays["log_sd_error"]),
        beyond_mps=float(arrays["beyond_mps"]),
    )


def _read_modes(table: npt.NDArray[np.str_]) -> tuple[Mode, ...]:
    return tuple((str(kind), int(degree), int(order), str(phase)) for kind, degree, order, phase in table)


def year_harmonics(time_s: npt.ArrayLike) -> Float64s:
    """Return 1 and the cosine and sine of one and two cycles a year, shape (T, 5)."""
    phase = 2 * math.pi * (np.asarray(time_s, dtype=float) - EPOCH_S) / YEAR_S
    waves = [wave(k * phase) for k in (1, 2) for wave in (np.cos, np.sin)]
    return np.stack([np.ones_like(phase), *waves], axis=-1)


def level_splines(pressure_pa: npt.ArrayLike, knots: Float64s) -> Float64s:
    """Return cubic splines of the logarithm of pressure, shape (L, splines).

    `knots` are natural logarithms of pascals; levels outside them are held at the nearest end.
    """
    x = np.clip(np.log(np.asarray(pressure_pa, dtype=float)), knots[0], knots[-1])
    return np.asarray(BSpline.design_matrix(x, knots, 3).toarray())


def vector_harmonics(
    modes: Iterable[Mode], lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike, *, pairs: bool = False
) -> tuple[Float64s, Float64s]:
    """Return east and north components of unit modes, each of shape (modes, Y, X).

    A mode 'psi' is the flow around a spherical harmonic, 'chi' the flow down its slope, both scaled to
    a mean square of one over the sphere. With `pairs`, latitudes and longitudes are those of single
    points and the shape is (modes, N).
    """
    lat, lon = _mesh(lat_deg, lon_deg, pairs)
    east, north = [], []
    for kind, degree, order, phase in modes:
        scale = _norm(degree, order) / math.sqrt(degree * (degree + 1))
        slope, ratio = (scale * part for part in _legendre_slope(degree, order, lat))
        wave, turned = _waves(order, phase, lon)
        # Gradient of the harmonic: (1/cos lat) d/dlon eastward, d/dlat northward.
        along, across = order * ratio * turned, slope * wave
        east.append(-across if kind == "psi" else along)
        north.append(along if kind == "psi" else across)
    return np.array(east), np.array(north)


def scalar_harmonics(
    modes: Iterable[Mode], lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike, *, pairs: bool = False
) -> Float64s:
    """Return spherical harmonics scaled to a mean square of one, shape (modes, Y, X), or (modes, N)."""
    lat, lon = _mesh(lat_deg, lon_deg, pairs)
    rows = []
    for _, degree, order, phase in modes:
        polynomial = Legendre.basis(degree).deriv(order)
        values = _norm(degree, order) * polynomial(np.sin(lat)) * np.cos(lat) ** order
        rows.append(values * _waves(order, phase, lon)[0])
    return np.array(rows)


def _mesh(lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike, pairs: bool) -> tuple[Float64s, Float64s]:
    lat, lon = np.radians(np.asarray(lat_deg, dtype=float)), np.radians(np.asarray(lon_deg, dtype=float))
    return (lat, lon) if pairs else (lat[:, None], lon[None, :])


def _waves(order: int, phase: str, lon: Float64s) -> tuple[Float64s, Float64s]:
    """The wave in longitude, and its derivative divided by the order."""
    if phase == "cos":
        return np.cos(order * lon), -np.sin(order * lon)
    return np.sin(order * lon), np.cos(order * lon)


def _norm(degree: int, order: int) -> float:
    """Scale of an associated Legendre function to a mean square of one over the sphere."""
    factorials = math.factorial(degree - order) / math.factorial(degree + order)
    return math.sqrt((2 * degree + 1) * factorials * (1 if order == 0 else 2))


def _legendre_slope(degree: int, order: int, lat: Float64s) -> tuple[Float64s, Float64s]:
    """Derivative by latitude, and value over cos lat, of an associated Legendre function.

    Both are written without a division, so that they hold at the poles: with Q the derivative of the
    Legendre polynomial of that order, the function is Q(sin lat) cos(lat)**order.
    """
    sine, cosine = np.sin(lat), np.cos(lat)
    value, slope = (Legendre.basis(degree).deriv(order + k)(sine) for k in (0, 1))
    if order == 0:
        return slope * cosine, np.zeros_like(sine)
    ratio = value * cosine ** (order - 1)
    return slope * cosine ** (order + 1) - order * sine * ratio, ratio


def _times(time_start: float, time_end: float) -> Float64s:
    if not (math.isfinite(time_start) and math.isfinite(time_end)) or time_end < time_start:
        raise InputError(
            f"the window from {time_start!r} to {time_end!r} is not an interval of POSIX seconds",
            remedy="Give a start before its end.",
        )
    steps = max(1, math.ceil((time_end - time_start) / TIME_STEP_S))
    if steps > 100_000:
        raise LimitError("the window is longer than a thousand years", remedy="Ask for a shorter window.")
    # An instant gets a second time five days on, so that it too lies inside the grid.
    end = time_end if time_end > time_start else time_start + TIME_STEP_S
    return np.linspace(time_start, end, steps + 1)


def _axes(box: tuple[float, float, float, float] | None) -> tuple[Float64s, Float64s]:
    if box is None:
        return np.arange(-90.0, 90.1, LAT_STEP_DEG), np.arange(-180.0, 180.0, LON_STEP_DEG)
    west, south, east, north = box
    if (
        not all(map(math.isfinite, box))
        or not -90 <= south <= north <= 90
        or abs(west) > 360
        or abs(east) > 360
    ):
        raise InputError(
            f"the box {box} is not west, south, east, north in degrees",
            remedy="Latitudes run from -90 to 90 with south first.",
        )
    east = east + 360.0 if east < west else east
    lat = _steps(south, north, LAT_STEP_DEG)
    lon = _steps(west, min(east, west + 355.0), LON_STEP_DEG)
    return lat[(lat >= -90) & (lat <= 90)], lon[lon < lon[0] + 360]


def _steps(low: float, high: float, step: float) -> Float64s:
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return step * np.arange(first, last + 1, dtype=float)

"""Wind from soundings and flights: a Gaussian process, alone or as a correction to a gridded field.

A balloon tells the wind where it is, and something of the wind near it in time, height and distance. The
process of `analysis_fit` says how much: given the layers that were sounded it returns the mean and the
spread of the wind anywhere (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006,
equations 2.22-2.24). Where nobody sounded, the spread is that of the wind itself, or of the background.

- *Alone*, the process is about a calm: what lasts over the flights is one of its terms.
- *On a background* the observations less the background are analysed. Where the background states a
  spread (the prior, an ensemble), anomalies are counted in it, so that far from every balloon the spread
  is the background's own. Points outside the background have no wind and say so.

u and v are analysed apart, in a frame carried along great circles to the middle of the observations, so
that nothing happens at a pole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg

from overflight import geo
from overflight.errors import CoverageError, InputError, LimitError, SolveError
from overflight.units import DAY_S, EARTH_RADIUS_M, HOUR_S
from overflight.winds.analysis_fit import (
    LOG_P_REFERENCE,
    TERMS,
    Fit,
    Points,
    Term,
    covariance,
    fit_scales,
    points,
    variance,
    vary,
)
from overflight.winds.error import WindError
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import WindSample, pack, sample
from overflight.winds.soundings import Sounding, fill_heights
from overflight.winds.source import WHOLE_ERROR

Ints = npt.NDArray[np.int64]

# A layer of 0.15 in ln p is about 1 km: half the height scale of waves as fitted, and a few hundred rows
# for four days of soundings. A float is cut every ten minutes.
LAYER: Final = 0.15
EVERY_S: Final = 600.0
# Error of a layer's mean that its neighbours do not share, before the fitted noise: a radiosonde's wind.
OBSERVED_SD_MPS: Final = 0.3
# Cholesky factors of 3000 rows: 2 x 72 MB and some seconds. The scales need far fewer.
MAX_OBSERVATIONS: Final = 3000
FIT_OBSERVATIONS: Final = 900
# Beyond this lag in ln p (a factor of 2.7 in pressure) above or below all data, even the size of the
# wind is unknown: nothing is said there.
REACH_LOG_P: Final = 1.0
BLOCK_POINTS: Final = 2000
# Sets of scales, and the values their factors may hold together.
VARIED: Final = 8
FACTOR_VALUES: Final = 40_000_000
MAX_JOINT_POINTS: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    """Winds of layers: (N,) arrays, SI and degrees.

    `sd_mps` is the known error of each; `flight` (N,) numbers the sounding in `names`. `notes` say what
    was left out or thinned.
    """

    time_s: Float64s
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    u_mps: Float64s
    v_mps: Float64s
    sd_mps: Float64s
    flight: Ints
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.time_s.shape
        for name in ("time_s", "pressure_pa", "lat_deg", "lon_deg", "u_mps", "v_mps", "sd_mps"):
            values = getattr(self, name)
            if values.shape != shape or values.ndim != 1 or not np.isfinite(values).all():
                raise InputError("must be one finite number for each observation", field=name)
        if (
            (self.pressure_pa <= 0.0).any()
            or (np.abs(self.lat_deg) > 90.0).any()
            or (self.sd_mps < 0.0).any()
        ):
            raise InputError(
                "an observation has no pressure above zero, no latitude within ±90°, or a negative spread"
            )

    def take(self, keep: npt.NDArray[np.bool_] | Ints) -> Observations:
        """Return those where `keep` (N,) is true, or at the indices `keep`."""
        names = ("time_s", "pressure_pa", "lat_deg", "lon_deg", "u_mps", "v_mps", "sd_mps", "flight")
        columns = {name: getattr(self, name)[keep] for name in names}
        return Observations(**columns, names=self.names, notes=self.notes)


def observe(
    flights: Sequence[Sounding],
    *,
    layer: float = LAYER,
    every_s: float = EVERY_S,
    sd_mps: float = OBSERVED_SD_MPS,
) -> Observations:
    """Cut soundings and flights into layers and take the mean wind, place and time of each.

    A layer ends where ln p has moved by `layer` or `every_s` seconds have passed. The vertical detail
    within it is lost; what it leaves is the noise that the fit finds.

    Raises
    ------
    InputError
        When no flight has a usable row, or the layer or the time is not positive.
    """
    if not (layer > 0.0 and every_s > 0.0):
        raise InputError(f"a layer of {layer} in ln p and {every_s} s", remedy="Give both above zero.")
    tables, flight, notes = [], [], []
    for number, sounding in enumerate(flights):
        if sounding.time_s.size == 0:
            notes.append(f"{sounding.station}: no usable row")
            continue
        table = _layers(fill_heights(sounding), layer, every_s)
        tables.append(table)
        flight.append(np.full(table.shape[1], number, np.int64))
    if not tables:
        raise InputError("no sounding has a usable wind", remedy="See the marks and rejects of each.")
    time, log_p, lat, lon, u, v = np.concatenate(tables, axis=1)
    return Observations(
        time_s=time,
        pressure_pa=np.exp(log_p),
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u,
        v_mps=v,
        sd_mps=np.full(time.shape, float(sd_mps)),
        flight=np.concatenate(flight),
        names=tuple(f"{s.station} {Path(s.file).name}".strip() for s in flights),
        notes=tuple(notes),
    )


def _layers(sounding: Sounding, layer: float, every_s: float) -> Float64s:
    """Means (6, layers) of time, ln p, latitude, longitude, u and v."""
    log_p, time = np.log(sounding.pressure_pa), sounding.time_s
    first = [0]
    for k in range(1, time.size):
        if abs(log_p[k] - log_p[first[-1]]) >= layer or time[k] - time[first[-1]] >= every_s:
            first.append(k)
    counts = np.diff([*first, time.size])
    # Degrees are averaged as degrees within one layer, some kilometres, after unwrapping.
    lon = geo.unwrap_lon(sounding.lon_deg)
    rows = np.stack([time, log_p, sounding.lat_deg, lon, sounding.u_mps, sounding.v_mps])
    return np.asarray(np.add.reduceat(rows, first, axis=1) / counts)


class Solved(NamedTuple):
    """One set of scales, with the factors (2, N, N) and the weights (2, N) of the observations."""

    fit: Fit
    factors: Float64s
    weights: Float64s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindAnalysis:
    """A wind with its spread, known anywhere; `analyse` makes it.

    `fit` holds the fitted scales, `observations` what went in. `notes` say what was left out. The rest is
    the algebra, at the points (N) of the observations: for each of several sets of scales that the data
    leave possible, the factors (2, N, N) of the covariance and its inverse times the anomalies (2, N).
    Mean and spread are those of the mixture.
    """

    fit: Fit
    observations: Observations
    background: Grid | None
    centre: Float64s
    at: Points
    solved: tuple[Solved, ...]
    notes: tuple[str, ...] = field(default=())

    def sample(
        self,
        time_s: npt.ArrayLike,
        pressure_pa: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
    ) -> WindSample:
        """Return mean, spread and status at points; arguments broadcast and give the shape.

        The spread is that of the wind of a layer, without the noise of an observation. Status as in
        `overflight.winds.interpolate.WIND_STATUS`; values are NaN where it is not 0: outside the
        background, or alone, further than 1 in ln p above or below all data.
        """
        shape, flat = _flat(time_s, pressure_pa, lat_deg, lon_deg)
        base = _base(self, *flat)
        mean, var = np.full((2, flat[0].size), np.nan), np.full((2, flat[0].size), np.nan)
        good = np.flatnonzero(base.status == 0)
        for first in range(0, good.size, BLOCK_POINTS):
            k = good[first : first + BLOCK_POINTS]
            mean[:, k], var[:, k] = _predict(self, points(*(x[k] for x in flat)))
        turn = np.full(flat[0].size, np.nan)
        turn[good] = _turn(flat[2][good], flat[3][good], self.centre)
        u, v = _turned(mean[0], mean[1], -turn)
        size = np.square(np.cos(turn)), np.square(np.sin(turn))
        sd_u = np.sqrt(size[0] * var[0] + size[1] * var[1]) * base.u_sd_mps
        sd_v = np.sqrt(size[0] * var[1] + size[1] * var[0]) * base.v_sd_mps
        return WindSample(
            (base.u_mps + u * base.u_sd_mps).reshape(shape),
            (base.v_mps + v * base.v_sd_mps).reshape(shape),
            sd_u.reshape(shape),
            sd_v.reshape(shape),
            base.status.reshape(shape),
        )

    def draw(
        self,
        time_s: npt.ArrayLike,
        pressure_pa: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
        members: int,
        rng: np.random.Generator,
    ) -> tuple[Float64s, Float64s]:
        """Return u and v (members, K) drawn at K points *jointly*: winds that could be, each of one piece.

        Raises
        ------
        CoverageError
            When a point has no wind; ask `sample` first.
        LimitError
            When there are more than 4000 points.
        """
        _, flat = _flat(time_s, pressure_pa, lat_deg, lon_deg)
        if flat[0].size > MAX_JOINT_POINTS:
            raise LimitError(
                f"{flat[0].size} points jointly; the limit is {MAX_JOINT_POINTS}", remedy="Ask for fewer."
            )
        base = _base(self, *flat)
        if base.status.any():
            raise CoverageError(
                f"{np.count_nonzero(base.status)} of {base.status.size} points have no wind",
                remedy="Leave out what `sample` gives a status.",
            )
        drawn = _joint(self, points(*flat), members, rng)
        u, v = _turned(drawn[0], drawn[1], -_turn(flat[2], flat[3], self.centre))
        return base.u_mps + u * base.u_sd_mps, base.v_mps + v * base.v_sd_mps

    def to_grid(
        self,
        time_s: npt.ArrayLike,
        pressure_pa: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
        *,
        periodic: bool = False,
        name: str = "analysis of soundings and flights",
    ) -> Grid:
        """Return the analysis on the axes of a grid, with its spread; NaN where there is no wind."""
        axes = [np.atleast_1d(np.asarray(a, np.float64)) for a in (time_s, pressure_pa, lat_deg, lon_deg)]
        found = self.sample(*np.meshgrid(*axes, indexing="ij"))
        u, v, u_sd, v_sd = (x.astype(np.float32) for x in found[:4])
        return Grid(
            time_s=axes[0],
            pressure_pa=axes[1],
            lat_deg=axes[2],
            lon_deg=axes[3],
            u_mps=u,
            v_mps=v,
            u_sd_mps=u_sd,
            v_sd_mps=v_sd,
            periodic=periodic,
            name=name,
            provenance=_provenance(self),
        )


def analyse(
    observations: Observations,
    background: Grid | None = None,
    *,
    fit: Fit | None = None,
    terms: Sequence[Term] = TERMS,
    varied: int = VARIED,
) -> WindAnalysis:
    """Analyse winds of balloons, alone or as a correction to a gridded field.

    Parameters
    ----------
    observations : from `observe`.
    background : a grid that the observations correct; its spread, where stated, is the size of its error.
    fit : scales from an earlier fit, such as one on the days before. They are fitted here when None, on
        at most 900 observations drawn evenly by chance (and `notes` say so).
    terms : what is expected of the scales before the fit.
    varied : sets of scales drawn from what the data leave open, an even number; below 2 the best set alone.
        Fewer where their factors would need more than 320 MB, and `notes` say so.

    Raises
    ------
    CoverageError
        When no observation lies within the background.
    LimitError
        When there are more than 3000 observations.
    SolveError
        When the observations contradict one another beyond what the algebra can hold.
    """
    unit = background is not None and background.u_sd_mps is not None
    if fit is not None and fit.unit != unit:
        raise InputError(
            "the scales were fitted to anomalies of another kind",
            field="fit",
            remedy="Use a fit made with a background that states a spread for one that does, and so on.",
        )
    if observations.time_s.size > MAX_OBSERVATIONS:
        raise LimitError(
            f"{observations.time_s.size} observations; the limit is {MAX_OBSERVATIONS}",
            remedy="Use thicker layers in `observe`, or fewer flights.",
        )
    kept, wind, floor, notes = _anomalies(observations, background)
    centre = _centre(kept)
    wind = np.stack(_turned(wind[0], wind[1], _turn(kept.lat_deg, kept.lon_deg, centre)))
    at = points(kept.time_s, kept.pressure_pa, kept.lat_deg, kept.lon_deg)
    if fit is None:
        some = _some(at.size)
        if some.size < at.size:
            notes.append(f"scales fitted on {some.size} of {at.size} observations")
        fit = fit_scales(Points(at.rows[some]), wind.T[some], floor[some], terms=terms, unit=unit)
    count = min(varied, FACTOR_VALUES // (2 * at.size**2))
    if count < varied and fit.found is not None:
        notes.append(f"{max(count, 1)} sets of scales in place of {varied}")
    sets = vary(fit, count, np.random.default_rng(0))
    return WindAnalysis(
        fit=fit,
        observations=kept,
        background=background,
        centre=centre,
        at=at,
        solved=tuple(_solve(one, at, wind, floor) for one in sets),
        notes=(*observations.notes, *notes),
    )


def wind_error(analysis: WindAnalysis) -> WindError:
    """Return the error of a grid made from an analysis: its own spread, and how far that reaches.

    The reach is where the fitted correlation, without what lasts, has fallen to 1/e. Close to the balloons
    the error left over is made of shorter pieces than this says.
    """
    fit = analysis.fit
    lags = {0: 30 * DAY_S, 1: 5.0, 2: 10_000e3}
    reach = [_reach(fit, axis, longest) for axis, longest in lags.items()]
    return WindError(
        sd_u_mps=None,
        sd_v_mps=None,
        time_s=reach[0],
        log_pressure=reach[1],
        distance_m=reach[2],
        source="fitted to soundings and flights",
    )


# --- the algebra ---------------------------------------------------------------------------------------


def _predict(analysis: WindAnalysis, at: Points) -> tuple[Float64s, Float64s]:
    """Mean and variance (2, K) of the anomaly, in the frame of the middle."""
    parts = [_predict_one(one, analysis.at, at) for one in analysis.solved]
    means, variances = np.stack([m for m, _ in parts]), np.stack([v for _, v in parts])
    return means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0)


def _predict_one(solved: Solved, known: Points, at: Points) -> tuple[Float64s, Float64s]:
    cross = covariance(solved.fit, at, known)
    mean, var = np.empty((2, at.size)), variance(solved.fit, at)
    for c in range(2):
        mean[c] = cross[c] @ solved.weights[c]
        half = linalg.solve_triangular(solved.factors[c], cross[c].T, lower=True, check_finite=False)
        var[c] -= np.square(half).sum(axis=0)
    return mean, np.maximum(var, 0.0)


def _joint(analysis: WindAnalysis, at: Points, members: int, rng: np.random.Generator) -> Float64s:
    """Anomalies (2, members, K) drawn jointly, in the frame of the middle; members take turns at the sets."""
    out = np.empty((2, members, at.size))
    for k, one in enumerate(analysis.solved):
        mine = out[:, k :: len(analysis.solved)]
        cross, own = covariance(one.fit, at, analysis.at), covariance(one.fit, at)
        for c in range(2):
            half = linalg.solve_triangular(one.factors[c], cross[c].T, lower=True, check_finite=False)
            value, vector = linalg.eigh(own[c] - half.T @ half)
            # Rounding makes eigenvalues of well-known points slightly negative; they are zero.
            root = vector * np.sqrt(np.maximum(value, 0.0))
            mine[c] = cross[c] @ one.weights[c] + rng.standard_normal(mine[c].shape) @ root.T
    return out


def _solve(fit: Fit, at: Points, wind: Float64s, floor: Float64s) -> Solved:
    factors, weights = covariance(fit, at), np.empty(wind.shape)
    diagonal = np.diag_indices(at.size)
    for c in range(2):
        # A millionth of the variance keeps repeated noiseless points apart.
        ridge = fit.noise_mps[c] ** 2 + np.square(floor) + 1e-6 * np.mean(factors[c][diagonal])
        factors[c][diagonal] += ridge
        try:
            factors[c] = linalg.cholesky(factors[c], lower=True, check_finite=False)
        except linalg.LinAlgError as error:
            raise SolveError(
                "the covariance of the observations is singular", remedy="Thin them with a thicker layer."
            ) from error
        weights[c] = linalg.cho_solve((factors[c], True), wind[c], check_finite=False)
    return Solved(fit, factors, weights)


def _anomalies(
    observations: Observations, background: Grid | None
) -> tuple[Observations, Float64s, Float64s, list[str]]:
    """The observations used, their anomalies (2, N) and known errors (N,) in units of the spread, notes."""
    if background is None:
        return observations, np.stack([observations.u_mps, observations.v_mps]), observations.sd_mps, []
    o = observations
    found = sample(background, o.time_s, o.pressure_pa, o.lat_deg, o.lon_deg)
    inside = found.status == 0
    if not inside.any():
        raise CoverageError(
            f"none of {o.time_s.size} observations lies within '{background.name}'",
            remedy="Give a background of the same time, place and heights.",
        )
    size_u, size_v = _sizes(background, found)
    if (size_u[inside] <= 0.0).any() or (size_v[inside] <= 0.0).any():
        raise InputError("the background states a spread of zero", file=background.name, field="u_sd_mps")
    kept = o.take(inside)
    u = (o.u_mps - found.u_mps)[inside] / size_u[inside]
    v = (o.v_mps - found.v_mps)[inside] / size_v[inside]
    floor = 2.0 * kept.sd_mps / (size_u + size_v)[inside]
    outside = int((~inside).sum())
    notes = [f"{outside} of {o.time_s.size} observations lie outside the background"] if outside else []
    return kept, np.stack([u, v]), floor, notes


def _sizes(background: Grid, found: WindSample) -> tuple[Float64s, Float64s]:
    if background.u_sd_mps is None or background.v_sd_mps is None:
        return np.ones(found.u_mps.shape), np.ones(found.v_mps.shape)
    return found.u_sd_mps, found.v_sd_mps


def _base(
    analysis: WindAnalysis, time: Float64s, pressure: Float64s, lat: Float64s, lon: Float64s
) -> WindSample:
    """What stands under the anomaly: the background and its spread, or a calm with a spread of one."""
    if analysis.background is not None:
        found = sample(pack(analysis.background), time, pressure, lat, lon)
        size_u, size_v = _sizes(analysis.background, found)
        return found._replace(u_sd_mps=size_u, v_sd_mps=size_v)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_p = np.log(pressure)
    known = analysis.at.rows[:, 1]
    high = (log_p >= known.min() - REACH_LOG_P) & (log_p <= known.max() + REACH_LOG_P)
    status = np.zeros(time.shape, np.int8)
    for code, good in (
        (4, np.isfinite(lon)),
        (3, np.abs(lat) <= 90.0),
        (2, high),
        (1, np.isfinite(time)),
    ):
        status[~good] = code
    calm = np.where(status == 0, 0.0, np.nan)
    return WindSample(calm, calm, calm + 1.0, calm + 1.0, status)


def _flat(*arguments: npt.ArrayLike) -> tuple[tuple[int, ...], tuple[Float64s, ...]]:
    parts = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in arguments))
    return parts[0].shape, tuple(np.ascontiguousarray(p).ravel() for p in parts)


def _some(count: int) -> Ints:
    """Indices to fit on: all, or an even draw, the same each time."""
    if count <= FIT_OBSERVATIONS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, FIT_OBSERVATIONS, replace=False))


def _reach(fit: Fit, axis: int, longest: float) -> float:
    """Lag along one axis at which the correlation of all but what lasts is 1/e."""
    rows = np.zeros((2, 5))
    rows[:, 1:3] = LOG_P_REFERENCE, 1.0
    moving = np.array([t.fall != "held" for t in fit.terms])
    numbers = fit.numbers.copy()
    numbers[~moving, 4:6] = 0.0
    part = replace(fit, numbers=numbers)
    lags = np.geomspace(longest * 1e-4, longest, 400)
    other = np.repeat(rows[:1], lags.size, axis=0)
    if axis == 2:
        angle = lags / EARTH_RADIUS_M
        other[:, 2], other[:, 3] = np.cos(angle), np.sin(angle)
    else:
        other[:, axis] += lags
    k = covariance(part, Points(rows[:1].copy()), Points(other)).sum(axis=0)[0]
    below = np.flatnonzero(k < variance(part, Points(rows[:1].copy())).sum() / math.e)
    return float(lags[below[0]] if below.size else longest)


# --- the frame -----------------------------------------------------------------------------------------


def _centre(observations: Observations) -> Float64s:
    vector = geo.unit_vector(observations.lon_deg, observations.lat_deg).mean(axis=1)
    length = float(np.linalg.norm(vector))
    # Balloons all around the globe have no middle: any place will do.
    return vector / length if length > 1e-6 else np.array([1.0, 0.0, 0.0])


def _turn(lat_deg: Float64s, lon_deg: Float64s, centre: Float64s) -> Float64s:
    """Angle by which east at a place is turned when it is carried along the great circle to the middle."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    place = geo.unit_vector(lon_deg, lat_deg)
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lat)])
    dot, along = centre @ place, centre @ east
    carried = east - along / np.maximum(1.0 + dot, 1e-9) * (place + centre[:, None])
    flat = math.hypot(centre[0], centre[1])
    here_east = np.array([-centre[1], centre[0], 0.0]) / flat if flat > 1e-12 else np.array([0.0, 1.0, 0.0])
    here_north = np.cross(centre, here_east)
    return np.asarray(np.arctan2(here_north @ carried, here_east @ carried))


def _turned(u: Float64s, v: Float64s, angle: Float64s) -> tuple[Float64s, Float64s]:
    return u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)


def _provenance(analysis: WindAnalysis) -> Mapping[str, str]:
    base = analysis.background.name if analysis.background is not None else "none"
    scales = "; ".join(
        f"{t.name} {n[0] / HOUR_S:.0f} h, {n[1]:.2f} ln p, {n[2] / 1e3:.0f} km"
        for t, n in zip(analysis.fit.terms, analysis.fit.numbers, strict=True)
    )
    return {
        "kind": "Gaussian process of soundings and flights",
        "spread": WHOLE_ERROR,
        "background": base,
        "flights": ", ".join(analysis.observations.names),
        "observations": str(analysis.observations.time_s.size),
        "scales": scales,
        "notes": "; ".join(analysis.notes),
    }

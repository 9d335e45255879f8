"""Where several flights came from: their back-trajectories combined into a map of launch places.

Each flight comes as an ensemble flown backward (kind `origin`). It says how probable a launch in a cell of
a grid is, if it was as likely at any time of the backward flight. If all came from one place, that place has
the product of their densities; a share is left for a flight that did not. Against it stands that each came
from a place of its own, drawn from the same prior: half the land of the Earth, half where these very flights
may have come from. So flights that only share a continent gain little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, SolveError
from overflight.places.borders import countries_met
from overflight.places.land import on_land
from overflight.units import EARTH_RADIUS_M

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]

STEP_DEG: Final = 1.0
LAT_DEG: Final = (-75.0, 75.0)
SMOOTH_KM: Final = 100.0  # what a back-trajectory of some days leaves unsaid, beside its own spread
# Of flights flown back in the climatology: between the places of a hundred balloons, 2500 km apart in all.
PRIOR_SMOOTH_KM: Final = 500.0
APART: Final = 0.1  # share of flights that come from elsewhere though the others share a place
PRIOR: Final = 0.5
MOST_FLIGHTS: Final = 50
TELLING: Final = 3.0  # odds from which one of two accounts is called favoured
VAGUE: Final = 0.15  # a region of more of the land than this says where nothing is
_KM_PER_DEG: Final = 111.2


@dataclass(frozen=True, slots=True, eq=False)
class OriginGrid:
    """Cells of a map: middles (Y,), (X,) in degrees, and the share of the prior's area in each (Y, X)."""

    lat_deg: Float64s
    lon_deg: Float64s
    area: Float64s


@dataclass(frozen=True, slots=True, eq=False)
class OriginMap:
    """Where the flights came from.

    `common` (Y, X) is the probability of each cell if they share a place, `each` (K, Y, X) that of each
    flight alone. `p_common` is the probability that they share one, `log_ratio` the logarithm of its
    evidence over that of separate places, `p_member` (K,) how probable each is of the shared place.
    """

    flights: tuple[str, ...]
    grid: OriginGrid
    common: Float64s
    each: Float64s
    p_common: float
    log_ratio: float
    p_member: Float64s


def make_grid(*, step_deg: float = STEP_DEG, land_only: bool = True) -> OriginGrid:
    """Return a grid of the Earth between 75° S and 75° N, its area that of land unless `land_only` is off."""
    if not 0.25 <= step_deg <= 10.0:
        raise InputError(f"a cell of {step_deg:g} degrees", remedy="Give a step from 0.25 to 10.")
    lat = np.arange(LAT_DEG[0] + step_deg / 2.0, LAT_DEG[1], step_deg)
    lon = np.arange(-180.0 + step_deg / 2.0, 180.0, step_deg)
    area = np.repeat(np.cos(np.radians(lat))[:, None], lon.size, axis=1)
    if land_only:
        area = area * on_land(lon[None, :], lat[:, None])
    return OriginGrid(lat, lon, area / area.sum())


def origin_density(ensemble: xr.Dataset, grid: OriginGrid, *, smooth_km: float = SMOOTH_KM) -> Float64s:
    """Return the likelihood (Y, X) of a launch in each cell, for one flight flown backward.

    Each member counts by its weight, spread evenly over the times at which it is aloft; smoothed by
    `smooth_km`. It is a density over area: the same number where a launch is as likely on a square kilometre.

    Raises
    ------
    InputError
        When the ensemble was not flown backward.
    SolveError
        When no member is aloft on the grid.
    """
    if ensemble.attrs.get("kind") != "origin":
        raise InputError(
            f"the ensemble is a {ensemble.attrs.get('kind')}, not an origin",
            remedy="Fly it backward: `overflight backtrack`, or take origin.nc of `assess`.",
        )
    lon, lat = (ensemble[name].values.astype(float) for name in ("lon", "lat"))
    aloft = np.isfinite(lon) & np.isfinite(lat)
    weight = ensemble["weight"].values.astype(float)[:, None] / np.maximum(aloft.sum(axis=1), 1)[:, None]
    counts = _binned(lon[aloft], lat[aloft], np.broadcast_to(weight, lon.shape)[aloft], grid)
    if counts.sum() <= 0:
        raise SolveError("no member of the ensemble is aloft between 75° S and 75° N")
    smooth = _smoothed(counts, grid, smooth_km)
    density = smooth / np.cos(np.radians(grid.lat_deg))[:, None]
    return np.asarray(density / density.sum())


def _binned(lon: Float64s, lat: Float64s, weight: Float64s, grid: OriginGrid) -> Float64s:
    step = float(grid.lat_deg[1] - grid.lat_deg[0])
    row = np.floor((lat - (grid.lat_deg[0] - step / 2.0)) / step).astype(int)
    column = np.floor((lon + 180.0) / step).astype(int) % grid.lon_deg.size
    kept = (row >= 0) & (row < grid.lat_deg.size)
    counts = np.zeros(grid.area.shape)
    np.add.at(counts, (row[kept], column[kept]), weight[kept])
    return counts


def _smoothed(counts: Float64s, grid: OriginGrid, smooth_km: float) -> Float64s:
    from scipy.ndimage import gaussian_filter1d

    step_km = float(grid.lat_deg[1] - grid.lat_deg[0]) * _KM_PER_DEG
    out = gaussian_filter1d(counts, smooth_km / step_km, axis=0, mode="constant")
    for n, lat in enumerate(grid.lat_deg):
        if out[n].any():
            sigma = smooth_km / (step_km * math.cos(math.radians(float(lat))))
            out[n] = gaussian_filter1d(out[n], sigma, mode="wrap")
    return np.asarray(out)


def combine(
    likelihoods: Mapping[str, Float64s],
    grid: OriginGrid,
    *,
    apart: float = APART,
    prior: float = PRIOR,
    places: Float64s | None = None,
) -> OriginMap:
    """Combine the launch densities of several flights.

    Parameters
    ----------
    likelihoods : (Y, X) by flight, as `origin_density` gives them; two flights or more.
    apart : share of flights that come from elsewhere though the others share a place.
    prior : probability of a shared place before.
    places : (Y, X) prior of launch places; half the grid's area, half the mean of these flights when None.

    Raises
    ------
    InputError
        For fewer than two flights, more than 50, or shares that are none.
    SolveError
        When a flight cannot have come from anywhere in the prior.
    """
    if not 2 <= len(likelihoods) <= MOST_FLIGHTS:
        raise InputError(
            f"{len(likelihoods)} flights were given", remedy=f"Give from 2 to {MOST_FLIGHTS} of them."
        )
    if not (0.0 <= apart < 1.0 and 0.0 < prior < 1.0):
        raise InputError(
            "the shares are not between 0 and 1", remedy="Give probabilities such as 0.1 and 0.5."
        )
    seen = np.stack([np.asarray(f, dtype=float) for f in likelihoods.values()])
    where = _prior_places(seen, grid) if places is None else places / places.sum()
    alone = np.einsum("kyx,yx->k", seen, where)
    if (alone <= 0).any():
        name = list(likelihoods)[int(np.argmin(alone))]
        raise SolveError(f"flight {name} cannot have come from any place of the prior")
    # Relative to each flight's own evidence, so that one from elsewhere counts as 1.
    ratio = (1.0 - apart) * seen / alone[:, None, None] + apart
    log_shared = np.log(np.maximum(ratio, 1e-300)).sum(axis=0) + np.log(np.maximum(where, 1e-300))
    top = float(log_shared.max())
    total = float(np.exp(log_shared - top).sum())
    log_ratio = top + math.log(total)
    common = np.exp(log_shared - top) / total
    shared = (1.0 - apart) * seen / alone[:, None, None] / np.maximum(ratio, 1e-300)
    member = (shared * common[None]).sum(axis=(1, 2))
    odds = log_ratio + math.log(prior / (1.0 - prior))
    p_common = 1.0 / (1.0 + math.exp(-min(max(odds, -700.0), 700.0)))
    each = seen * where
    each /= each.sum(axis=(1, 2), keepdims=True)
    return OriginMap(
        tuple(likelihoods), grid, common, each, p_common, log_ratio, member
    )  # fmt: skip


def _prior_places(seen: Float64s, grid: OriginGrid) -> Float64s:
    own = (seen * (grid.area > 0)).mean(axis=0)
    if own.sum() <= 0:
        raise SolveError("none of the flights can have come from land", remedy="Allow launches at sea.")
    return np.asarray(0.5 * grid.area + 0.5 * own / own.sum())


@dataclass(frozen=True, slots=True)
class RegionWords:
    """What the launch map says, for a reader.

    `ratio` is how many times better one place explains the flights than places of their own; `share` what
    part of the prior's area the region of 90 % covers. `verdict` is 'common', 'apart' or 'cannot tell', of
    whether they share a place; `vague` tells that where it is cannot be told either.
    """

    verdict: str
    vague: bool
    ratio: float
    share: float
    area_km2: float
    countries: tuple[str, ...]


def region_words(found: OriginMap, *, share: float = 0.9) -> RegionWords:
    """Say whether the flights share a place and where, as far as the winds tell.

    'cannot tell' between odds of one to `TELLING` and `TELLING` to one; a region is vague that covers more
    than `VAGUE` of the area where launches may be.
    """
    region = top_region(found, share)
    step = math.radians(float(found.grid.lat_deg[1] - found.grid.lat_deg[0]))
    cell = (EARTH_RADIUS_M / 1e3 * step) ** 2 * np.cos(np.radians(found.grid.lat_deg))[:, None]
    covered = float(found.grid.area[region].sum())
    ratio = math.exp(min(max(found.log_ratio, -60.0), 60.0))
    rows, columns = np.nonzero(region)
    order = np.argsort(-found.common[rows, columns])
    met = countries_met(found.grid.lon_deg[columns[order]], found.grid.lat_deg[rows[order]])
    verdict = "common" if ratio >= TELLING else "apart" if ratio <= 1.0 / TELLING else "cannot tell"
    return RegionWords(verdict, covered > VAGUE, ratio, covered, float((region * cell).sum()), tuple(met))


def top_region(found: OriginMap, share: float = 0.9) -> npt.NDArray[np.bool_]:
    """Return the cells (Y, X), fewest first, that hold `share` of the shared launch place."""
    order = np.argsort(-found.common, axis=None)
    held = np.cumsum(found.common.ravel()[order])
    inside = np.zeros(found.common.size, dtype=np.bool_)
    inside[order[: int(np.searchsorted(held, share)) + 1]] = True
    return inside.reshape(found.common.shape)

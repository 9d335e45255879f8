"""The sky over the sites: how clear the air is, and which cloud is in the way.

Cloud is made or given. A `CloudField` is a random field with a mean cover, drawn from a seed: weather of
some hundreds of kilometres and hours, and single clouds in it. A place is under cloud where the sum of two
Gaussian fields, large and fine, is above a threshold; given the large one, the chance of that is the cover.
The mean of the cover over many skies is the mean asked for, whatever the shares. A `CloudGrid` brings the
cover as a field over time, latitude and longitude, and only the single clouds are drawn.

Cloud is looked through straight down: slanted lines of sight meet more of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from overflight.compiled import compiled
from overflight.errors import CoverageError, InputError
from overflight.exposure.optics import MOST_VISIBILITY_M
from overflight.geo import unit_vector
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Waves of one field: the sum of so many cosines is Gaussian to 1 % of its percentiles.
WAVES: Final = 48
# Streams of random numbers under the seed that is handed in.
LARGE, FINE = 11, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudField:
    """Made cloud: `share` of the variance is weather of `reach_m` and `time_s`, the rest single clouds."""

    mean_cover: float
    reach_m: float = 300e3
    time_s: float = 6 * 3600.0
    share: float = 0.7
    fine_reach_m: float = 5e3
    fine_time_s: float = 1200.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.mean_cover <= 1.0:
            raise InputError(f"it is {self.mean_cover!r}", field="mean_cover", remedy="Give 0 to 1.")
        if not 0.0 <= self.share < 1.0:
            raise InputError(f"it is {self.share!r}", field="share", remedy="Give 0 to less than 1.")
        for name in ("reach_m", "time_s", "fine_reach_m", "fine_time_s"):
            value = getattr(self, name)
            if not (value > 0.0 and math.isfinite(value)):
                raise InputError(f"it is {value!r}", field=name, remedy="Give a finite number above zero.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloudGrid:
    """Cloud cover (T, J, I), 0 to 1, over rising `time_s`, `lat_deg` and `lon_deg`; linear between."""

    time_s: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    cover: Float64s
    fine_reach_m: float = 5e3
    fine_time_s: float = 1200.0

    def __post_init__(self) -> None:
        axes = (self.time_s, self.lat_deg, self.lon_deg)
        if self.cover.shape != tuple(a.size for a in axes) or 0 in self.cover.shape:
            raise InputError(
                f"its shape is {self.cover.shape}",
                field="cover",
                remedy="Give (times, latitudes, longitudes).",
            )
        for name, axis in zip(("time_s", "lat_deg", "lon_deg"), axes, strict=True):
            if not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
                raise InputError("it does not rise", field=name, remedy="Sort the field along it.")
        if not ((self.cover >= 0.0) & (self.cover <= 1.0)).all():
            raise InputError(
                "a value is not from 0 to 1", field="cover", remedy="Fill holes; give shares, not percent."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """Cloud (none when None) and the visibility near the ground."""

    clouds: CloudField | CloudGrid | None = None
    visibility_m: float = 23_000.0

    def __post_init__(self) -> None:
        if not 0.0 < self.visibility_m <= MOST_VISIBILITY_M:
            raise InputError(
                f"it is {self.visibility_m!r}", field="visibility_m", remedy="Give 1 to 300000 m."
            )


class Overhead(NamedTuple):
    """Cover 0 to 1 and whether a cloud hides the place from above: arrays of one shape."""

    cover: Float64s
    hidden: Bools


def overhead(
    sky: Sky, time_s: npt.ArrayLike, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, *, seed: int
) -> Overhead:
    """Return the cloud over places and times (N,): the same for the same seed, place and time.

    Raises CoverageError where a grid of cover does not reach.
    """
    time, lon, lat = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(time_s, lon_deg, lat_deg))
    clouds = sky.clouds
    if clouds is None or time.size == 0:
        return Overhead(np.zeros(time.shape), np.zeros(time.shape, dtype=np.bool_))
    place = unit_vector(lon, lat) * EARTH_RADIUS_M
    fine = _field(clouds.fine_reach_m, clouds.fine_time_s, time, place, seed, FINE)
    if isinstance(clouds, CloudGrid):
        cover = _on_grid(clouds, time, lon, lat)
    else:
        large = _field(clouds.reach_m, clouds.time_s, time, place, seed, LARGE)
        bound = ndtri(1.0 - clouds.mean_cover)
        cover = ndtr((math.sqrt(clouds.share) * large - bound) / math.sqrt(1.0 - clouds.share))
    return Overhead(np.asarray(cover), np.asarray(ndtr(-fine) < cover))


def _field(
    reach_m: float, time_s: float, time: Float64s, place: Float64s, seed: int, stream: int
) -> Float64s:
    """A Gaussian field of correlation exp(-(d/reach)²/2 - (t/time)²/2), as a sum of waves."""
    rng = np.random.default_rng([seed, stream])
    number = rng.standard_normal((3, WAVES)) / reach_m
    rate = rng.standard_normal(WAVES) / time_s
    phase = rng.uniform(0.0, 2.0 * math.pi, WAVES)
    found = np.empty(time.size)
    _sum_waves(number, rate, phase, np.ascontiguousarray(place.reshape(3, -1)), time.ravel(), found)
    return found.reshape(time.shape)


@compiled
def _sum_waves(
    number: Float64s, rate: Float64s, phase: Float64s, place: Float64s, time: Float64s, found: Float64s
) -> None:
    size = math.sqrt(2.0 / rate.size)
    for i in range(time.size):
        total = 0.0
        for w in range(rate.size):
            at = number[0, w] * place[0, i] + number[1, w] * place[1, i] + number[2, w] * place[2, i]
            total += math.cos(at + rate[w] * time[i] + phase[w])
        found[i] = size * total


def _on_grid(grid: CloudGrid, time: Float64s, lon: Float64s, lat: Float64s) -> Float64s:
    # The turn of the longitude that the grid's own axis is in.
    east = grid.lon_deg[0] + (lon - grid.lon_deg[0]) % 360.0
    cover = np.zeros(time.shape)
    corners = [
        _between(axis, value, name)
        for axis, value, name in (
            (grid.time_s, time, "time"),
            (grid.lat_deg, lat, "lat"),
            (grid.lon_deg, east, "lon"),
        )
    ]
    for corner in range(8):
        picked = [corners[a][corner >> a & 1] for a in range(3)]
        weight = picked[0][1] * picked[1][1] * picked[2][1]
        cover = cover + weight * grid.cover[picked[0][0], picked[1][0], picked[2][0]]
    return np.asarray(cover)


def _between(
    axis: Float64s, value: Float64s, name: str
) -> tuple[tuple[npt.NDArray[np.intp], Float64s], tuple[npt.NDArray[np.intp], Float64s]]:
    """Index and weight of the nodes below and above."""
    if not ((value >= axis[0]) & (value <= axis[-1])).all():
        raise CoverageError(
            f"the cloud is for {name} {axis[0]:g} to {axis[-1]:g}, not {value.min():g} to {value.max():g}",
            remedy="Give a larger field, or fly within it.",
        )
    low = np.clip(np.searchsorted(axis, value, side="right") - 1, 0, max(axis.size - 2, 0))
    high = np.minimum(low + 1, axis.size - 1)
    width = np.where(high > low, axis[high] - axis[low], 1.0)
    part = (value - axis[low]) / width
    return (low, 1.0 - part), (high, part)

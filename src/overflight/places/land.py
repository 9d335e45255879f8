"""Whether a place is land or water, as Natural Earth draws the coast at 1:50 million, and how sure that is.

Limits are those of `borders`: a coast is good to a kilometre or two, an island under a few kilometres may be
missing, and inland lakes are land. So a place near the drawn coast is told apart from one clear of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from overflight.geo import destination
from overflight.places.areas import inside
from overflight.places.borders import country, country_codes

Bools = npt.NDArray[np.bool_]

# How far the drawn coast may lie from the real one, m; `places.borders` says why.
COAST_ERROR_M = 2_000.0
BASIS = (
    "Natural Earth 4.1 at 1:50 million: coasts good to 1-2 km, small islands missing, lakes counted as land"
)
_AROUND = 8


def on_land(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> Bools:
    """Tell whether places are on land; NaN is not. The arguments broadcast, longitudes in any turn."""
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    flat_lon, flat_lat = lon.ravel(), lat.ravel()
    found = np.zeros(flat_lon.size, dtype=np.bool_)
    left = np.flatnonzero(np.isfinite(flat_lon) & np.isfinite(flat_lat))
    for code in country_codes():
        if left.size == 0:
            break
        here = inside(country(code), flat_lon[left], flat_lat[left])
        found[left[here]] = True
        left = left[~here]
    return found.reshape(lon.shape)


def near_coast(
    lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, within_m: float = COAST_ERROR_M
) -> tuple[Bools, Bools]:
    """Return whether places are on land, and whether the drawn coast is about as near as `within_m`.

    Near is a place that differs from one of eight places around it at that distance, so a spit narrower than
    it may be passed over.
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    known = np.isfinite(lon) & np.isfinite(lat)
    bearing = np.arange(_AROUND)[:, None] * (360.0 / _AROUND)
    around_lon, around_lat = destination(lon[known][None, :], lat[known][None, :], bearing, within_m)
    middle = np.stack([lon[known], lat[known]])[:, None, :]
    both = np.concatenate([middle, np.stack([around_lon, around_lat])], axis=1)
    land = on_land(both[0], both[1])
    result, near = np.zeros(lon.shape, np.bool_), np.zeros(lon.shape, np.bool_)
    result[known], near[known] = land[0], (land != land[0]).any(axis=0)
    return result, near

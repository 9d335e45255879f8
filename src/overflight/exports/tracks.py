"""The median path of each scenario of an ensemble, as the exports draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from overflight.records import weighted_quantile
from overflight.regions import median_track
from overflight.times import from_datetime64

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioTrack:
    """Arrays (T,) of a scenario's median path, where at least half of its weight is aloft."""

    scenario: str
    weight: float
    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s


def scenario_tracks(ensemble: xr.Dataset) -> list[ScenarioTrack]:
    """Return the median paths of the scenarios that hold weight, in the order of their flags."""
    names = str(ensemble["scenario"].attrs.get("flag_meanings", "only")).split()
    index, weight = ensemble["scenario"].values, ensemble["weight"].values.astype(float)
    time_s = from_datetime64(ensemble["time"].values)
    tracks = []
    for value in np.unique(index):
        own = index == value
        share = float(weight[own].sum())
        if share <= 0:
            continue
        lon, lat = median_track(ensemble["lon"].values[own], ensemble["lat"].values[own], weight[own])
        known = np.isfinite(lon)
        alt = [weighted_quantile(column, weight[own], 0.5) for column in ensemble["alt_m"].values[own].T]
        if known.sum() > 1:
            name = names[value] if value < len(names) else str(value)
            rows = (row[known] for row in (time_s, lon, lat, np.asarray(alt, dtype=float)))
            tracks.append(ScenarioTrack(name, share, *rows))
    return tracks

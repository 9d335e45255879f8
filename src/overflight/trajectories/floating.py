"""Flights that stay on one pressure surface all the way: which they are, and the fast way to fly them.

Such a flight has one stage of one term, `ConstantPressure` at the pressure of the start, and no stop; its
wind is interpolated linearly and brings no air of its own, so the altitude is that of the pressure in the
standard atmosphere. `isobaric` carries it some hundred times as fast as the general kernel and within metres
of it. At a border of the data it ends a particle at the beginning of the step that finds no wind, so up to
one step before the general kernel, which goes on as far as the data do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overflight.atmosphere import alt_from_pressure
from overflight.balloons.terms import ConstantPressure, Flight
from overflight.trajectories.tracks import Codes, Floats, Tracks
from overflight.winds.grid import Float64s, Grid

if TYPE_CHECKING:
    from overflight.trajectories.solve import Windows


def stays(flight: Flight, winds: Grid | Windows, pressure_pa: Float64s) -> bool:
    """Return whether a flight from these pressures keeps them, inside the levels of winds without air."""
    if len(flight.stages) != 1 or flight.stages[0].stops or len(flight.stages[0].terms) != 1:
        return False
    term = flight.stages[0].terms[0]
    if not isinstance(term, ConstantPressure):
        return False
    if term.pressure_pa is not None and not (pressure_pa == term.pressure_pa).all():
        return False
    levels = getattr(winds, "pressure_pa", None)
    if levels is None or not ((pressure_pa >= levels[0]) & (pressure_pa <= levels[-1])).all():
        return False
    if isinstance(winds, Grid):
        return winds.temperature_k is None and winds.geopotential_m is None
    return not {"temperature_k", "geopotential_m"} & set(getattr(winds, "fields", ("temperature_k",)))


def float_tracks(
    winds: Grid | Windows,
    lon_deg: Float64s,
    lat_deg: Float64s,
    pressure_pa: Float64s,
    begin: float,
    time_end: float,
    step_s: float,
    keep: Float64s,
    float32: bool,
    notes: tuple[str, ...],
) -> Tracks:
    """Fly particles that `stays`; arguments and result are those of `solve.fly`."""
    from overflight.trajectories.isobaric import advect_isobaric

    grids = winds if isinstance(winds, Grid) else (grid for grid, _, _ in winds.windows(begin, time_end))
    times = keep if keep[-1] == time_end else np.append(keep, time_end)
    found = advect_isobaric(
        grids, lon_deg, lat_deg, pressure_pa, begin, time_end, step_s=step_s, keep_s=times
    )
    kind = np.float32 if float32 else np.float64
    lon, lat = found.lon_deg[:, : keep.size], found.lat_deg[:, : keep.size]
    status: Codes = found.status[:, : keep.size]
    alt = alt_from_pressure(pressure_pa)
    height: Floats = np.where(status == 0, alt[:, None], np.nan).astype(kind)
    pressure: Floats = np.where(status == 0, pressure_pa[:, None], np.nan).astype(kind)
    return Tracks(
        time_s=keep,
        lon_deg=_in_circle(lon.astype(kind, copy=False)),
        lat_deg=lat.astype(kind, copy=False),
        alt_m=height,
        pressure_pa=pressure,
        status=status,
        stage=np.zeros(status.shape, np.int8),
        end_time_s=found.end_time_s,
        end_lon_deg=found.end_lon_deg,
        end_lat_deg=found.end_lat_deg,
        end_alt_m=alt,
        end_pressure_pa=pressure_pa.copy(),
        end_code=found.status[:, -1].copy(),
        end_stage=np.zeros(alt.size, np.int8),
        notes=notes,
    )


def _in_circle(lon_deg: Floats) -> Floats:
    """Return longitudes in [-180, 180) again: single precision rounds 179.9999999 up to 180."""
    return np.where(lon_deg >= 180.0, lon_deg - 360.0, lon_deg)

"""A small made-up file of winds, in the layout of ERA5: an even eastward flow around the globe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from overflight.times import to_datetime64

LEVELS_HPA = np.array([10.0, 30.0, 50.0, 70.0, 100.0, 150.0, 300.0])


def write_winds(
    path: Path, time_start: float, time_end: float, *, u_mps: float = 30.0, v_mps: float = 0.0,
    step_s: float = 6 * 3600.0, lat=(-90.0, 90.0), levels_hpa=LEVELS_HPA,
) -> Path:  # fmt: skip
    """Write u and v every `step_s` on a grid of 10 by 20 degrees; both ends are on the time axis."""
    time_s = np.unique(np.append(np.arange(time_start, time_end, step_s), time_end))
    lats, lons = np.arange(lat[1], lat[0] - 1.0, -10.0), np.arange(0.0, 360.0, 20.0)
    shape = (time_s.size, len(levels_hpa), lats.size, lons.size)
    dims = ("valid_time", "pressure_level", "latitude", "longitude")
    names = {"u": ("eastward_wind", u_mps), "v": ("northward_wind", v_mps)}
    data = xr.Dataset(
        {
            name: (dims, np.full(shape, value, np.float32), {"units": "m s**-1", "standard_name": standard})
            for name, (standard, value) in names.items()
        },
        coords={
            "valid_time": to_datetime64(time_s),
            "pressure_level": ("pressure_level", np.asarray(levels_hpa, float), {"units": "hPa"}),
            "latitude": ("latitude", lats, {"units": "degrees_north"}),
            "longitude": ("longitude", lons, {"units": "degrees_east"}),
        },
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(path)
    return path

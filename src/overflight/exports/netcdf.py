"""Flight ensembles as NetCDF-4 files: `flight.nc`, `forecast.nc`, `origin.nc`.

CF-1.11 trajectories with dims member and time; lon, lat, alt_m and pressure_pa as compressed float32,
NaN outside a member's life; time as seconds since 1970-01-01 UTC. The same dataset gives the same bytes:
the NetCDF-4 library writes no times of its own into the file, and everything here has a fixed order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overflight.errors import InputError, LimitError, OverflightError
from overflight.records import check_ensemble

if TYPE_CHECKING:
    import xarray as xr

MOST_BYTES = 4 * 1024**3  # unpacked; a hundred times the largest ensemble this version makes
_STATE = ("lon", "lat", "alt_m", "pressure_pa")
_TIME_UNITS = "seconds since 1970-01-01"


def write_ensemble(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a flight ensemble, replacing `path` in one step once the file is complete.

    Raises `OverflightError` when the dataset is not a flight ensemble (see `records.check_ensemble`).
    """
    check_ensemble(dataset)
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    ordered = dataset[sorted(str(name) for name in dataset.data_vars)]
    ordered.attrs = dict(sorted(dataset.attrs.items()))
    try:
        ordered.to_netcdf(partial, engine="netcdf4", format="NETCDF4", encoding=_encoding(dataset))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _encoding(dataset: xr.Dataset) -> dict[str, dict[str, Any]]:
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding: dict[str, dict[str, Any]] = {
        name: {**packed, "dtype": "float32", "_FillValue": np.float32(np.nan)} for name in _STATE
    }
    encoding["status"] = {**packed, "dtype": "int8", "_FillValue": None}
    encoding["weight"] = {"dtype": "float64", "_FillValue": None}
    encoding["scenario"] = {"dtype": "int16", "_FillValue": None}
    encoding["time"] = {
        "dtype": "float64",
        "units": _TIME_UNITS,
        "calendar": "proleptic_gregorian",
        "_FillValue": None,
    }
    return encoding


def read_ensemble(path: str | Path) -> xr.Dataset:
    """Read a flight ensemble into memory and check it.

    Raises
    ------
    InputError
        When the file is missing, truncated, not NetCDF, or not a flight ensemble; names the variable.
    LimitError
        When it would unpack to more than `MOST_BYTES`.
    """
    import xarray as xr

    path = Path(path)
    try:
        with xr.open_dataset(path, engine="netcdf4") as source:
            if source.nbytes > MOST_BYTES:
                raise LimitError(
                    f"unpacks to {source.nbytes} bytes, more than {MOST_BYTES}",
                    where=path.name,
                    remedy="Thin its members or times first.",
                )
            dataset = source.load()
    except OverflightError:
        raise
    # The NetCDF and HDF5 libraries signal a damaged file with any of these.
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(
            f"cannot be read as NetCDF ({error})",
            file=path.name,
            remedy="Write it again with `overflight assess`.",
        ) from error
    return _checked(dataset, path.name)


def _checked(dataset: xr.Dataset, file: str) -> xr.Dataset:
    if "time" not in dataset or not np.issubdtype(dataset["time"].dtype, np.datetime64):
        raise InputError(
            "has no time axis in a CF calendar",
            file=file,
            field="time",
            remedy="See docs/report.md for the layout.",
        )
    dataset = dataset.assign_coords(time=dataset["time"].astype("datetime64[ns]"))
    for name in dataset.variables:
        dataset[name].encoding = {}
    try:
        check_ensemble(dataset)
    except OverflightError as error:
        raise InputError(
            error.what,
            file=file,
            field=error.where,
            remedy=error.remedy or "Write it again with `overflight assess`.",
        ) from error
    return dataset

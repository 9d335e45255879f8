"""Flight ensembles as Zarr stores (format 3), for what reads ensembles in pieces.

The dataset is that of the NetCDF file (`exports.netcdf`), in chunks of some thousand members by all times. It
opens with `xarray.open_zarr`. The store of an ensemble larger than memory is written as it is flown:
`trajectories.ensemble_store`.
"""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overflight.errors import InputError, LimitError, OverflightError
from overflight.records import check_ensemble

if TYPE_CHECKING:
    import xarray as xr

# Members in a chunk: four megabytes of one variable at 500 times.
CHUNK_MEMBERS = 2_000
MOST_BYTES = 4 * 1024**3
_REMEDY = "Write it again with `overflight forecast --format zarr`."
TIME_UNITS = "milliseconds since 1970-01-01"


def write_ensemble_zarr(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a flight ensemble as a Zarr store; the folder appears, or is replaced, once it is complete.

    Raises
    ------
    OverflightError
        When the dataset is not a flight ensemble.
    InputError
        When something that is no Zarr store stands at the path.
    """
    check_ensemble(dataset)
    path = Path(path)
    if path.exists() and not (path / "zarr.json").is_file():
        raise InputError("is there and is no Zarr store", file=str(path), remedy="Give another folder.")
    partial, old = path.with_name(path.name + ".part"), path.with_name(path.name + ".old")
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)
    ordered = dataset[sorted(str(name) for name in dataset.data_vars)]
    ordered.attrs = dict(sorted(dataset.attrs.items()))
    try:
        with warnings.catch_warnings():
            # Consolidated metadata are not in the standard of format 3, which the writer warns of.
            warnings.simplefilter("ignore")
            ordered.to_zarr(partial, mode="w", zarr_format=3, consolidated=False, encoding=_encoding(ordered))
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
    finally:
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)


def read_ensemble_zarr(path: str | Path) -> xr.Dataset:
    """Read a Zarr store of an ensemble into memory and check it, whichever of ours wrote it.

    Raises
    ------
    InputError
        When it is no flight ensemble, is damaged, or is not finished.
    LimitError
        When it would take more than `MOST_BYTES` of memory.
    """
    from overflight.trajectories.ensemble_store import LAYOUT, open_ensemble

    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = _opened(path)
            if dataset.attrs.get("layout") == LAYOUT:
                dataset = open_ensemble(path)
            if dataset.nbytes > MOST_BYTES:
                raise LimitError(
                    f"takes {dataset.nbytes} bytes of memory, more than {MOST_BYTES}",
                    where=path.name,
                    remedy="Fly fewer members, or thin the store.",
                )
            dataset = dataset.load()
        dataset = dataset.assign_coords(time=dataset["time"].astype("datetime64[ns]"))
        check_ensemble(dataset)
    except (InputError, LimitError):
        raise
    except OverflightError as error:
        raise InputError(error.what, file=path.name, field=error.where, remedy=_REMEDY) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(
            f"cannot be read as a Zarr store ({error})", file=path.name, remedy=_REMEDY
        ) from error
    return dataset


def _opened(path: Path) -> xr.Dataset:
    import xarray as xr

    dataset: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None)
    return dataset


def _encoding(dataset: xr.Dataset) -> dict[str, dict[str, Any]]:
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        sizes = [min(CHUNK_MEMBERS, n) if dim == "member" else n for dim, n in dataset[name].sizes.items()]
        encoding[str(name)] = {"chunks": tuple(max(1, n) for n in sizes)}
        if variable.dtype.kind == "f":
            encoding[str(name)]["_FillValue"] = np.nan
    encoding["time"] |= {"units": TIME_UNITS, "calendar": "proleptic_gregorian", "dtype": "int64"}
    return encoding

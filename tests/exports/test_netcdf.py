from __future__ import annotations

import time
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

import synthetic_result as made
from overflight.errors import InputError, OverflightError
from overflight.exports.netcdf import read_ensemble, write_ensemble


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    ensemble = made.ensemble(members=20)
    write_ensemble(ensemble, tmp_path / "flight.nc")
    back = read_ensemble(tmp_path / "flight.nc")
    xr.testing.assert_identical(back.drop_attrs(), ensemble.drop_attrs())
    assert back.attrs == ensemble.attrs
    assert back["time"].dtype == np.dtype("datetime64[ns]")
    assert back["status"].attrs["flag_meanings"] == ensemble["status"].attrs["flag_meanings"]


def test_same_dataset_gives_same_bytes_at_another_second(tmp_path: Path) -> None:
    write_ensemble(made.ensemble(members=20), tmp_path / "a.nc")
    time.sleep(1.1)  # HDF5 could keep times of creation, to the second
    write_ensemble(made.ensemble(members=20), tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_the_file_is_cf_and_small(tmp_path: Path) -> None:
    path = tmp_path / "flight.nc"
    write_ensemble(made.ensemble(members=20), path)
    with netCDF4.Dataset(path) as file:
        assert file.Conventions == "CF-1.11"
        assert file.variables["lon"].dtype == np.float32
        assert file.variables["lon"].standard_name == "longitude"
        assert file.variables["time"].units == "seconds since 1970-01-01"
        assert file.variables["lat"].filters()["zlib"]


def test_a_dataset_that_is_no_ensemble_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OverflightError, match="lacks"):
        write_ensemble(xr.Dataset(), tmp_path / "flight.nc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    whole = tmp_path / "flight.nc"
    write_ensemble(made.ensemble(members=40), whole)
    data = whole.read_bytes()
    cut = tmp_path / f"cut{share}.nc"
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=cut.name):
        read_ensemble(cut)


def test_another_netcdf_is_refused_by_name_of_what_it_lacks(tmp_path: Path) -> None:
    xr.Dataset({"u": ("time", [1.0])}, {"time": [np.datetime64("2023-01-01", "ns")]}).to_netcdf(
        tmp_path / "w.nc"
    )
    with pytest.raises(InputError, match="lacks lon"):
        read_ensemble(tmp_path / "w.nc")


def test_a_value_outside_its_range_is_refused_with_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "flight.nc"
    write_ensemble(made.ensemble(members=5), path)
    with netCDF4.Dataset(path, "a") as file:
        file.variables["lat"][3, 60] = 95.0
    with pytest.raises(InputError) as caught:
        read_ensemble(path)
    assert caught.value.field == "lat"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_ensemble(tmp_path / "absent.nc")

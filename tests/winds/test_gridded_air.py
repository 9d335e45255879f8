"""Temperature and height from files: the suppliers' names and units, and a real file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import eccodes
import numpy as np
import pytest
import xarray as xr

from overflight import atmosphere
from overflight.errors import InputError, LimitError
from overflight.times import parse_utc
from overflight.winds.gridded import describe, read_grid
from overflight.winds.thermo import SCALE_M_PER_K, hydrostatic_geopotential_m, pack_thermo, sample_thermo

T0 = parse_utc("2023-01-28T00:00Z")
LEVELS_HPA = np.array([20.0, 50.0, 70.0, 100.0])
LAT, LON = np.arange(90.0, -91.0, -30.0), np.arange(0.0, 360.0, 30.0)
SHAPE = (2, 4, LAT.size, LON.size)
# Standard gravity, m/s²: 3rd General Conference on Weights and Measures, 1901.
G0 = 9.80665
FLOAT32_K, FLOAT32_M = 2e-5, 0.01


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Temperature and height on (time, level, lat, lon) of the file, rows from north to south."""
    _, logp, lat, lon = np.meshgrid([0, 1], np.log(LEVELS_HPA), LAT, LON, indexing="ij")
    kelvin = 215.0 + 5.0 * logp + 0.1 * lat
    return kelvin, 15_000.0 + SCALE_M_PER_K * 220.0 * (np.log(100.0) - logp) + 2.0 * lat + lon / 36.0


def write(
    path: Path, names: tuple[str, str], units: tuple[str | None, str | None], dims=None, **fields
) -> Path:
    dims = dims or ("time", "level", "latitude", "longitude")
    kelvin, metres = truth()
    values = {"t": fields.get("t", kelvin), "h": fields.get("h", metres)}
    data = {n: (dims, np.full(SHAPE, 10.0), {"units": "m s-1"}) for n in ("u", "v")}
    for key, name, unit in zip("th", names, units, strict=True):
        if name:
            data[name] = (dims, values[key], {} if unit is None else {"units": unit})
    coords = {
        dims[0]: (dims[0], [0.0, 6.0], {"units": "hours since 2023-01-28"}),
        dims[1]: (dims[1], LEVELS_HPA, {"units": "hPa"}),
        dims[2]: (dims[2], LAT),
        dims[3]: (dims[3], LON),
    }
    xr.Dataset(data, coords).to_netcdf(path)
    return path


def check(grid) -> None:
    kelvin, metres = truth()
    np.testing.assert_allclose(grid.temperature_k, kelvin[:, :, ::-1], atol=FLOAT32_K)
    np.testing.assert_allclose(grid.geopotential_m, metres[:, :, ::-1], atol=FLOAT32_M)


@pytest.mark.parametrize(
    ("names", "units", "given"),
    [
        (("t", "z"), ("K", "m**2 s**-2"), {"h": truth()[1] * G0}),  # ERA5
        (("t", "gh"), ("K", "gpm"), {}),  # ECMWF open data through cfgrib
        (("temperature", "geopotential"), ("K", "m**2 s**-2"), {"h": truth()[1] * G0}),  # ARCO ERA5
        (("TMP", "HGT"), ("K", "gpm"), {}),  # wgrib2
        (("Temperature_isobaric", "Geopotential_height_isobaric"), ("K", "gpm"), {}),  # THREDDS
        (("tmpprs", "hgtprs"), (None, None), {}),  # OPeNDAP
        (("ta", "zg"), ("K", "m"), {}),  # CF
        (("air", "hgt"), ("degC", "m"), {"t": truth()[0] - 273.15}),  # NCEP reanalyses
        (("t", "z"), (None, None), {"h": truth()[1] * G0}),
    ],
)
def test_every_name_and_unit(tmp_path: Path, names, units, given):
    path = write(tmp_path / "a.nc", names, units, **given)
    check(read_grid(path, thermo=True))
    assert describe(path).air == ("temperature", "height")


def test_without_asking_there_is_only_wind(tmp_path: Path):
    grid = read_grid(write(tmp_path / "a.nc", ("t", "gh"), ("K", "gpm")))
    assert grid.temperature_k is None
    assert grid.geopotential_m is None


def test_a_box_and_a_level_range_cut_the_air_like_the_wind(tmp_path: Path):
    path = write(tmp_path / "a.nc", ("t", "gh"), ("K", "gpm"))
    grid = read_grid(path, thermo=True, box=(-40.0, 0.0, 20.0, 40.0), levels_pa=(6e3, 8e3))
    assert grid.geopotential_m.shape == grid.u_mps.shape
    metres = truth()[1]
    columns = [int(x // 30) for x in grid.lon_deg % 360]
    rows = [int(np.flatnonzero(y == LAT)[0]) for y in grid.lat_deg]
    np.testing.assert_allclose(grid.geopotential_m, metres[:, 1:][:, :, rows][..., columns], atol=FLOAT32_M)


def test_one_of_the_two_is_enough(tmp_path: Path):
    grid = read_grid(write(tmp_path / "a.nc", ("", "gh"), ("", "gpm")), thermo=True)
    assert grid.temperature_k is None
    assert grid.provenance["air"] == "height"
    # 220 K throughout, with what float32 leaves of it.
    got = sample_thermo(grid, T0, 6e3, 10.0, 10.0)
    assert float(got.temperature_k) == pytest.approx(220.0, abs=0.02)


def test_neither_is_told(tmp_path: Path):
    grid = read_grid(write(tmp_path / "a.nc", ("", ""), ("", "")), thermo=True)
    assert grid.geopotential_m is None
    assert "standard atmosphere" in grid.provenance["air"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"h": truth()[1] * G0}, "geopotential height of .* m at .* hPa is impossible"),
        ({"t": truth()[0] - 273.15}, "temperature of .* K at .* hPa is impossible"),
        ({"t": np.full(SHAPE, 9.96e36)}, "temperature"),
    ],
)
def test_values_that_cannot_be_what_they_are_called_are_refused(tmp_path: Path, given, words):
    path = write(tmp_path / "a.nc", ("t", "gh"), ("K", "gpm"), **given)
    with pytest.raises(InputError, match=words):
        read_grid(path, thermo=True)
    assert read_grid(path).temperature_k is None


def test_a_wrong_unit_leaves_the_wind_and_is_told(tmp_path: Path):
    grid = read_grid(write(tmp_path / "a.nc", ("t", "gh"), ("furlong", "gpm")), thermo=True)
    assert grid.temperature_k is None
    assert grid.geopotential_m is not None
    assert "t left out: the unit is 'furlong'" in grid.provenance["notes"]


def test_the_memory_of_the_air_is_reckoned(tmp_path: Path):
    path = write(tmp_path / "a.nc", ("t", "gh"), ("K", "gpm"))
    needed = describe(path).memory_bytes
    read_grid(path, max_bytes=needed)
    with pytest.raises(LimitError):
        read_grid(path, max_bytes=needed, thermo=True)


def grib_message(short_name: str, level: int, values: np.ndarray, edition: int = 2) -> bytes:
    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_pl_grib{edition}")
    rows, columns = values.shape
    keys = {
        "Ni": columns, "Nj": rows, "latitudeOfFirstGridPointInDegrees": 90.0,
        "latitudeOfLastGridPointInDegrees": -90.0, "longitudeOfFirstGridPointInDegrees": 0.0,
        "longitudeOfLastGridPointInDegrees": 360.0 - 360.0 / columns,
        "iDirectionIncrementInDegrees": 360.0 / columns, "jDirectionIncrementInDegrees": 180.0 / (rows - 1),
        "jScansPositively": 0, "dataDate": 20230128, "dataTime": 0, "level": level, "shortName": short_name,
        "bitsPerValue": 24,
    }  # fmt: skip
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, values.astype(float).ravel())
    content = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return content


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize(("name", "factor"), [("gh", 1.0), ("z", G0)])
def test_grib_has_both(tmp_path: Path, edition: int, name: str, factor: float):
    kelvin, metres = truth()
    parts = {"u": np.full(SHAPE, 7.0), "v": np.full(SHAPE, -3.0), "t": kelvin, name: metres * factor}
    content = [
        grib_message(short, int(level), values[0, i], edition)
        for i, level in enumerate(LEVELS_HPA)
        for short, values in parts.items()
    ]
    # A temperature on another grid, before the wind and after it, and one on a level without wind.
    other = grib_message("t", 50, np.full((5, 10), 200.0), edition)
    alone = grib_message("t", 300, kelvin[0, 0], edition)
    (tmp_path / "a.grib").write_bytes(other + b"".join(content) + alone + other)
    grid = read_grid(tmp_path / "a.grib", thermo=True)
    np.testing.assert_array_equal(grid.pressure_pa, LEVELS_HPA * 100.0)
    np.testing.assert_allclose(grid.temperature_k[0], kelvin[0, :, ::-1], atol=1e-3)
    np.testing.assert_allclose(grid.geopotential_m[0], metres[0, :, ::-1], atol=0.02)
    np.testing.assert_allclose(grid.u_mps, 7.0, atol=1e-4)
    assert read_grid(tmp_path / "a.grib").temperature_k is None


def test_the_florida_file_is_in_hydrostatic_balance(test_data: Path):
    """GFS's own temperatures and heights, one made from the other: 47 levels from 1000 to 1 hPa."""
    grid = read_grid(test_data / "wind" / "gfs_0p5_florida_20170424.nc", thermo=True)
    assert grid.geopotential_m is not None
    assert grid.temperature_k is not None
    upper = (grid.pressure_pa >= 500.0) & (grid.pressure_pa <= 50_000.0)
    from_temperature = hydrostatic_geopotential_m(grid.temperature_k[0], grid.pressure_pa)
    stated = grid.geopotential_m[0].astype(float)
    levels = np.flatnonzero(upper)
    # Thickness from 500 to 5 hPa, 30 km: within 0.3 %; moist air below is left out.
    low, high = levels[-1], levels[0]
    thickness = (stated[high] - stated[low], from_temperature[high] - from_temperature[low])
    np.testing.assert_allclose(thickness[1], thickness[0], rtol=3e-3)
    packed = pack_thermo(replace(grid, temperature_k=None))
    difference = packed[0, levels, :, :, 0] - grid.temperature_k[0, levels]
    assert float(np.sqrt(np.mean(difference**2))) < 1.5
    # And the height between two levels, left out and put back, against linear height.
    got = sample_thermo(_without_level(grid, 40), grid.time_s[0], grid.pressure_pa[40], 29.0, 280.0)
    true = float(atmosphere.alt_m(grid.geopotential_m[0, 40, 7, 15]))
    assert (grid.lat_deg[7], grid.lon_deg[15] % 360.0) == (29.0, 280.0)
    assert float(got.alt_m) == pytest.approx(true, abs=5.0)


def _without_level(grid, level: int):
    keep = np.arange(grid.pressure_pa.size) != level
    cut = {n: getattr(grid, n)[:, keep] for n in ("u_mps", "v_mps", "temperature_k", "geopotential_m")}
    return replace(grid, pressure_pa=grid.pressure_pa[keep], **cut)

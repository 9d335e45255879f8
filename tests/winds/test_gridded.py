"""Readers of NetCDF and Zarr: every naming, every order of axes, and input that is wrong.

The files are made here, from one closed-form wind, in the layout that each supplier documents; the two
real ones come from the test data.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from overflight.errors import CoverageError, InputError, LimitError
from overflight.times import parse_utc
from overflight.winds import gridded
from overflight.winds.gridded import describe, read_grid
from overflight.winds.interpolate import sample

T0 = parse_utc("2023-01-28T00:00Z")
HOUR = 3600.0
LEVELS_HPA = np.array([20.0, 50.0, 70.0, 100.0])
LAT = np.arange(-90.0, 91.0, 10.0)
LON = np.arange(0.0, 360.0, 10.0)
HOURS = np.array([0.0, 6.0, 12.0])

# ERA5 in int16 spans about 100 m/s in 65 536 steps.
PACKING_MPS = 0.002
FLOAT32_MPS = 1e-5


def wind(hour, hpa, lat, lon):
    """A smooth field in which every axis counts."""
    u = 0.5 * hour + 10.0 * np.log(hpa / 50.0) + 0.2 * lat + 5.0 * np.cos(np.radians(lon))
    v = -0.3 * hour + 0.1 * lat + 4.0 * np.sin(np.radians(lon))
    return u, v


def fields(hours=HOURS, hpa=LEVELS_HPA, lat=LAT, lon=LON):
    """u and v on (time, level, lat, lon) in the order of the axes given."""
    return wind(*np.meshgrid(hours, hpa, lat, lon, indexing="ij"))


def dataset(
    names=("u", "v"),
    dims=("time", "level", "latitude", "longitude"),
    *,
    hours=HOURS,
    levels=LEVELS_HPA,
    level_unit: str | None = "hPa",
    hpa=None,
    lat=LAT[::-1],
    lon=LON,
    unit: str | None = "m s-1",
    epoch="hours since 2023-01-28",
    factor=1.0,
) -> xr.Dataset:
    """Build a file's content; `levels` as written, `hpa` what they mean."""
    parts = fields(hours, levels if hpa is None else hpa, lat, lon)
    attrs = {} if unit is None else {"units": unit}
    data = {name: (dims, part * factor, attrs) for name, part in zip(names, parts, strict=True)}
    level_attrs = {} if level_unit is None else {"units": level_unit}
    coords = {
        dims[0]: (dims[0], np.asarray(hours, float), {"units": epoch}),
        dims[1]: (dims[1], np.asarray(levels), level_attrs),
        dims[2]: (dims[2], np.asarray(lat, np.float32), {"units": "degrees_north"}),
        dims[3]: (dims[3], np.asarray(lon, np.float32), {"units": "degrees_east"}),
    }
    return xr.Dataset(data, coords)


def check(grid, tolerance=FLOAT32_MPS, *, hours=HOURS, hpa=LEVELS_HPA, lat=LAT, lon=LON, periodic=True):
    """Assert that a grid is the closed-form wind on these axes."""
    np.testing.assert_allclose(grid.time_s, T0 + np.asarray(hours) * HOUR, atol=1e-3)
    np.testing.assert_allclose(grid.pressure_pa, np.asarray(hpa) * 100.0, rtol=1e-12)
    np.testing.assert_allclose(grid.lat_deg, lat, atol=1e-5)
    np.testing.assert_allclose(grid.lon_deg, lon, atol=1e-5)
    assert grid.periodic == periodic
    u, v = fields(hours, hpa, lat, lon)
    np.testing.assert_allclose(grid.u_mps, u, atol=tolerance)
    np.testing.assert_allclose(grid.v_mps, v, atol=tolerance)


def era5_until_2024(path: Path) -> None:
    packed = {
        n: {"dtype": "int16", "scale_factor": 0.0015, "add_offset": 3.0, "_FillValue": -32767} for n in "uv"
    }
    made = dataset(
        level_unit="millibars",
        levels=LEVELS_HPA.astype(np.int32),
        unit="m s**-1",
        epoch="hours since 1900-01-01 00:00:00.0",
        hours=HOURS + T0 / HOUR + 25567 * 24,  # 25 567 days from 1900 to 1970
        hpa=LEVELS_HPA,
    )
    u, v = fields(lat=LAT[::-1])
    made["u"].values[:], made["v"].values[:] = u, v
    made.to_netcdf(path, format="NETCDF3_64BIT", encoding=packed)


def era5_since_2024(path: Path) -> None:
    dims = ("valid_time", "pressure_level", "latitude", "longitude")
    made = dataset(
        dims=dims,
        levels=LEVELS_HPA[::-1],
        unit="m s**-1",
        epoch="seconds since 1970-01-01",
        hours=T0 + HOURS * HOUR,
    )
    u, v = fields(hpa=LEVELS_HPA[::-1], lat=LAT[::-1])
    made["u"].values[:], made["v"].values[:] = u, v
    made = made.assign_coords(number=0, expver=("valid_time", ["0001", "0001", "0005"]))
    made.to_netcdf(path)


def gfs_thredds(path: Path) -> None:
    names = ("u-component_of_wind_isobaric", "v-component_of_wind_isobaric")
    made = dataset(
        names,
        ("time1", "isobaric3", "lat", "lon"),
        levels=LEVELS_HPA * 100.0,
        hpa=LEVELS_HPA,
        level_unit="Pa",
        unit="m/s",
        epoch="Hour since 2023-01-28T00:00:00Z",
    )
    run = (0.0, {"units": "Hour since 2023-01-28T00:00:00Z", "standard_name": "forecast_reference_time"})
    made.assign_coords(reftime=((), *run)).to_netcdf(path)


def gfs_opendap(path: Path) -> None:
    days = (T0 / 86400.0) + 719164.0  # days since 0001-01-01 with the two days that its calendar adds
    made = dataset(
        ("ugrdprs", "vgrdprs"),
        ("time", "lev", "lat", "lon"),
        levels=LEVELS_HPA[::-1],
        level_unit="millibar",
        unit=None,
        lat=LAT,
        epoch="days since 1-1-1 00:00:0.0",
        hours=days + HOURS / 24.0,
    )
    u, v = fields(hpa=LEVELS_HPA[::-1])
    made["ugrdprs"].values[:], made["vgrdprs"].values[:] = u, v
    made.to_netcdf(path)


def wgrib2(path: Path) -> None:
    dataset(("UGRD", "VGRD"), unit="m/s", level_unit="mb").to_netcdf(path)


def cfgrib_steps(path: Path) -> None:
    made = dataset(dims=("step", "isobaricInhPa", "latitude", "longitude"), epoch="hours")
    run = {"units": "seconds since 1970-01-01", "standard_name": "forecast_reference_time"}
    made.assign_coords(time=((), T0, run)).to_netcdf(path)


def arco_zarr(path: Path) -> None:
    names = ("u_component_of_wind", "v_component_of_wind")
    made = dataset(names, levels=LEVELS_HPA.astype(np.int64), level_unit=None, unit="m s**-1")
    made.to_zarr(path, zarr_format=2, consolidated=True)


def zarr_3(path: Path) -> None:
    dataset(("eastward_wind", "northward_wind"), unit="knots", factor=3600.0 / 1852.0).to_zarr(
        path, zarr_format=3, consolidated=False
    )


LAYOUTS = {
    "era5_until_2024.nc": (era5_until_2024, PACKING_MPS),
    "era5_since_2024.nc": (era5_since_2024, FLOAT32_MPS),
    "gfs_thredds.nc": (gfs_thredds, FLOAT32_MPS),
    "gfs_opendap.nc": (gfs_opendap, FLOAT32_MPS),
    "wgrib2.nc": (wgrib2, FLOAT32_MPS),
    "cfgrib_steps.nc": (cfgrib_steps, FLOAT32_MPS),
    "arco.zarr": (arco_zarr, FLOAT32_MPS),
    "zarr_3_in_knots": (zarr_3, FLOAT32_MPS),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_grid(tmp_path: Path, name: str):
    write, tolerance = LAYOUTS[name]
    path = tmp_path / name
    write(path)
    check(read_grid(path), tolerance)
    info = describe(path)
    assert (info.times, len(info.pressure_pa), info.rows, info.columns) == (3, 4, 19, 36)
    assert (info.time_start, info.time_end) == pytest.approx((T0, T0 + 12 * HOUR), abs=1e-3)
    assert info.periodic
    assert info.file_bytes > 1000
    assert info.memory_bytes >= 3 * 4 * 19 * 36 * 24


def test_the_layout_is_named_for_people(tmp_path: Path):
    era5_since_2024(tmp_path / "a.nc")
    arco_zarr(tmp_path / "b.zarr")
    assert "since 2024" in describe(tmp_path / "a.nc").naming
    assert "ARCO" in describe(tmp_path / "b.zarr").naming
    assert "preliminary" in "".join(describe(tmp_path / "a.nc").notes)
    assert "taken as hPa" in read_grid(tmp_path / "b.zarr").provenance["notes"]


def write(tmp_path: Path, made: xr.Dataset) -> Path:
    path = tmp_path / "made.nc"
    made.to_netcdf(path)
    return path


@pytest.mark.parametrize(
    ("lon", "expected", "periodic"),
    [
        (np.arange(0.0, 361.0, 10.0), LON, True),  # a repeated seam column
        (np.arange(-180.0, 180.0, 10.0), np.arange(-180.0, 180.0, 10.0), True),
        (np.arange(-180.0, 181.0, 10.0), np.arange(-180.0, 180.0, 10.0), True),
        (np.concatenate([np.arange(0.0, 180.0, 10.0), np.arange(-180.0, 0.0, 10.0)]), LON, True),
        (np.arange(350.0, -1.0, -10.0), LON, True),  # falling
        (np.array([170.0, 175.0, 180.0, -175.0, -170.0]), np.arange(170.0, 191.0, 5.0), False),
        (np.arange(200.0, 291.0, 10.0), np.arange(200.0, 291.0, 10.0), False),
        (np.array([10.0]), np.array([10.0]), False),
    ],
)
def test_longitudes_in_any_order(tmp_path: Path, lon, expected, periodic):
    check(read_grid(write(tmp_path, dataset(lon=lon))), lon=expected, periodic=periodic)


def test_dimensions_in_any_order_and_ones_that_mean_nothing(tmp_path: Path):
    made = dataset().transpose("longitude", "time", "latitude", "level").expand_dims("surface")
    check(read_grid(write(tmp_path, made)))


def test_one_time_and_one_level_as_scalars(tmp_path: Path):
    made = dataset().isel(time=1, level=2)
    path = write(tmp_path, made)
    grid = read_grid(path)
    check(grid, hours=[6.0], hpa=[70.0])
    assert not grid.steady
    assert sample(grid, T0 + 6 * HOUR, 7000.0, 5.0, 5.0).status == 0
    assert sample(grid, T0 + 7 * HOUR, 7000.0, 5.0, 5.0).status == 1


def test_valid_time_wins_over_the_run_time(tmp_path: Path):
    made = dataset(hours=[0.0]).isel(time=0)
    made = made.assign_coords(valid_time=((), 6.0, {"units": "hours since 2023-01-28"}))
    assert read_grid(write(tmp_path, made)).time_s.tolist() == [T0 + 6 * HOUR]


def test_window_levels_and_box_read_only_what_surrounds_them(tmp_path: Path):
    path = write(tmp_path, dataset())
    grid = read_grid(
        path, window=(T0 + 7 * HOUR, T0 + 8 * HOUR), levels_pa=(5500.0, 6500.0), box=(12.0, -24.0, 48.0, 21.0)
    )
    check(
        grid,
        hours=[6.0, 12.0],
        hpa=[50.0, 70.0],
        lat=np.arange(-30.0, 31.0, 10.0),
        lon=np.arange(10.0, 51.0, 10.0),
        periodic=False,
    )


@pytest.mark.parametrize(
    ("box", "expected", "periodic"),
    [
        ((-15.0, 0.0, 15.0, 10.0), np.arange(-20.0, 21.0, 10.0), False),  # over Greenwich, the file's seam
        ((170.0, 0.0, -165.0, 10.0), np.arange(170.0, 201.0, 10.0), False),  # over the antimeridian
        ((355.0, 0.0, 365.0, 10.0), np.arange(-10.0, 11.0, 10.0), False),
        ((20.0, 0.0, 20.0, 10.0), np.array([20.0]), False),
        ((23.0, 0.0, 24.0, 10.0), np.array([20.0, 30.0]), False),
        ((-180.0, 0.0, 180.0, 10.0), LON, True),
        ((12.0, 0.0, 8.0, 10.0), LON, True),
    ],
)
@pytest.mark.parametrize("falling", [False, True])
def test_boxes_across_seams(tmp_path: Path, box, expected, periodic, falling):
    path = write(tmp_path, dataset(lon=LON[::-1] if falling else LON))
    grid = read_grid(path, box=box)
    check(grid, lat=[0.0, 10.0], lon=expected, periodic=periodic)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-150.0, 0.0, -120.0, 10.0), np.arange(210.0, 241.0, 10.0)),
        ((-300.0, 0.0, -140.0, 10.0), np.arange(200.0, 221.0, 10.0)),
        ((-133.0, 0.0, -132.0, 10.0), np.array([220.0, 230.0])),
        ((283.0, 0.0, 20.0, 10.0), np.array([280.0, 290.0])),
    ],
)
def test_boxes_in_a_regional_file(tmp_path: Path, box, expected):
    path = write(tmp_path, dataset(lon=np.arange(200.0, 291.0, 10.0)))
    check(read_grid(path, box=box), lat=[0.0, 10.0], lon=expected, periodic=False)


def test_a_box_changes_no_value_inside_it(tmp_path: Path):
    path = write(tmp_path, dataset())
    rng = np.random.default_rng(7)
    ask = (T0 + rng.uniform(0, 12 * HOUR, 200), 6e3, rng.uniform(40, 89, 200), rng.uniform(-35, 20, 200))
    whole, part = sample(read_grid(path), *ask), sample(read_grid(path, box=(-35.0, 40.0, 20.0, 89.0)), *ask)
    np.testing.assert_allclose(whole, part, rtol=0, atol=1e-12)


def test_nothing_in_the_window_is_a_coverage_error(tmp_path: Path):
    path = write(tmp_path, dataset(lon=np.arange(200.0, 291.0, 10.0), lat=np.arange(10.0, 50.0, 10.0)))
    for ask, words in (
        ({"window": (T0 - 9 * HOUR, T0 - HOUR)}, "2023-01-28T00:00:00Z"),
        ({"levels_pa": (200.0, 300.0)}, "20 to 100 hPa"),
        ({"box": (-150.0, -40.0, -120.0, -10.0)}, "latitude"),
        ({"box": (10.0, 10.0, 20.0, 20.0)}, "longitudes 200 to 290"),
    ):
        with pytest.raises(CoverageError, match=words):
            read_grid(path, **ask)


@pytest.mark.parametrize(
    "ask",
    [
        {"window": (2.0, 1.0)},
        {"window": (np.nan, 1.0)},
        {"levels_pa": (9e3, 1e3)},
        {"box": (0.0, 50.0, 10.0, 40.0)},
        {"box": (0.0, -95.0, 10.0, 40.0)},
    ],
)
def test_a_request_that_is_no_range_is_refused(tmp_path: Path, ask):
    with pytest.raises(InputError):
        read_grid(write(tmp_path, dataset()), **ask)


def test_blocks_of_time_give_the_same_as_one_read(tmp_path: Path, monkeypatch):
    made = dataset().isel(time=slice(None, None, -1))  # falling times as well
    path = write(tmp_path, made)
    monkeypatch.setattr(gridded, "BLOCK_BYTES", 1)
    check(read_grid(path))


def ensemble(tmp_path: Path) -> tuple[Path, np.ndarray]:
    offset = np.array([-2.0, 0.5, 1.0, 4.0])
    members = [dataset(hours=HOURS[:2]) for _ in offset]
    for made, more in zip(members, offset, strict=True):
        made["u"] = made["u"] + more
        made["v"] = made["v"] - 2.0 * more
        for name in "uv":
            made[name].attrs["units"] = "m s-1"
    joined = xr.concat(members, dim="number").assign_coords(number=[0, 3, 7, 9])
    return write(tmp_path, joined.transpose("time", "number", ...)), offset


def test_an_ensemble_becomes_mean_and_spread(tmp_path: Path):
    path, offset = ensemble(tmp_path)
    grid = read_grid(path)
    u, v = fields(hours=HOURS[:2])
    np.testing.assert_allclose(grid.u_mps, u + offset.mean(), atol=FLOAT32_MPS)
    np.testing.assert_allclose(grid.v_mps, v - 2 * offset.mean(), atol=FLOAT32_MPS)
    np.testing.assert_allclose(grid.u_sd_mps, offset.std(ddof=1), rtol=1e-5)
    np.testing.assert_allclose(grid.v_sd_mps, 2 * offset.std(ddof=1), rtol=1e-5)
    assert describe(path).members == 4


def stating(
    u_name: str = "u_sd", v_name: str = "v_sd", *, unit="m s-1", standard: bool = False
) -> xr.Dataset:
    """A file that states a spread of 2 m/s and, of v, 3 m/s at its second time."""
    made = dataset()
    for name, of in ((u_name, "eastward_wind"), (v_name, "northward_wind")):
        attrs = {"units": unit} | ({"standard_name": f"{of} standard_error"} if standard else {})
        made[name] = (made["u"].dims, np.full(made["u"].shape, 2.0, np.float32), attrs)
    made[v_name][1] = 3.0
    return made


@pytest.mark.parametrize("made", [stating(), stating("U_SD", "V_SD"), stating("eu", "ev", standard=True)])
def test_a_spread_that_the_file_states_is_read(tmp_path: Path, made):
    path = write(tmp_path, made)
    grid = read_grid(path, window=(T0, T0), box=(0.0, -20.0, 40.0, 20.0))
    assert grid.u_sd_mps.shape == grid.u_mps.shape
    assert np.unique(grid.u_sd_mps).tolist() == [2.0]
    assert [np.unique(one).tolist() for one in read_grid(path).v_sd_mps] == [[2.0], [3.0], [2.0]]
    assert describe(path).air == ("spread",)


def test_a_spread_in_knots_is_converted(tmp_path: Path):
    grid = read_grid(write(tmp_path, stating(unit="knots")))
    assert float(grid.u_sd_mps[0, 0, 0, 0]) == pytest.approx(2.0 * 1852.0 / 3600.0)


def test_a_spread_that_cannot_be_used_is_left_out_and_told(tmp_path: Path):
    cut = stating()
    cut["v_sd"] = cut["v_sd"].isel(level=0, drop=True)
    for made, words in (
        (stating(unit="K"), "u_sd left out: the unit is 'K'"),
        (stating().drop_vars("v_sd"), "the other component"),
        (cut, "v_sd stands on other dimensions"),
    ):
        path = write(tmp_path, made)
        assert read_grid(path).u_sd_mps is None
        assert words in "; ".join(describe(path).notes)
        path.unlink()


@pytest.mark.parametrize("bad", [-0.5, 9999.0])
def test_a_spread_that_is_impossible_is_refused(tmp_path: Path, bad: float):
    made = stating()
    made["u_sd"][1, 2, 3, 4] = bad
    with pytest.raises(InputError, match=r"a spread of .* is impossible"):
        read_grid(write(tmp_path, made))


def test_members_make_the_spread_where_both_are_there(tmp_path: Path):
    members = [stating(), stating()]
    members[1]["u"] = members[1]["u"] + 4.0
    path = write(tmp_path, xr.concat(members, dim="number").assign_coords(number=[0, 1]))
    grid = read_grid(path)
    np.testing.assert_allclose(grid.u_sd_mps, 8.0**0.5, rtol=1e-4)
    assert "was left out" in grid.provenance["spread"]


def test_one_member_of_an_ensemble(tmp_path: Path):
    path, offset = ensemble(tmp_path)
    grid = read_grid(path, member=7)
    np.testing.assert_allclose(grid.u_mps, fields(hours=HOURS[:2])[0] + offset[2], atol=FLOAT32_MPS)
    assert grid.u_sd_mps is None
    with pytest.raises(InputError, match="Members: 0, 3, 7, 9"):
        read_grid(path, member=2)


def test_a_member_is_refused_where_there_is_no_ensemble(tmp_path: Path):
    with pytest.raises(InputError, match="Members: none"):
        read_grid(write(tmp_path, dataset()), member=1)


def test_preliminary_era5_fills_where_the_final_ends(tmp_path: Path):
    made = dataset()
    both = xr.concat([made, made], dim="expver").assign_coords(expver=[1, 5])
    both["u"][0, 2], both["v"][0, 2] = np.nan, np.nan
    both["u"][1, :2], both["v"][1, :2] = np.nan, np.nan
    path = write(tmp_path, both.transpose("time", "expver", ...))
    check(read_grid(path))


def test_missing_values_stay_missing_and_are_counted(tmp_path: Path):
    made = dataset()
    made["u"][0, 1, 3, 5] = np.nan
    made["v"][1, 0, :, 0] = np.nan
    path = tmp_path / "made.nc"
    made.to_netcdf(path, encoding={n: {"dtype": "float32", "_FillValue": 9.999e20} for n in "uv"})
    grid = read_grid(path)
    assert np.isnan(grid.u_mps[0, 1, 15, 5])
    assert np.isnan(grid.u_mps).sum() == 1
    assert np.isnan(grid.v_mps).sum() == 19
    assert float(grid.provenance["missing_share"]) == pytest.approx(20 / (3 * 4 * 19 * 36), rel=1e-4)


WRONG = {
    "v is missing": (dataset().drop_vars("v"), "not the other component"),
    "no wind": (xr.Dataset({"t": dataset()["u"]}), "the file holds t"),
    "different dims": (dataset().assign(v=dataset()["v"].isel(level=0, drop=True)), "has dimensions"),
    "no latitude": (dataset().rename(latitude="y"), "dimension 'y'"),
    "curvilinear": (
        dataset(dims=("time", "level", "y", "x")).rename(y="south_north", x="west_east"),
        "dimension 'south_north'",
    ),
    "no coordinate values": (dataset().drop_vars("longitude"), "no coordinate values"),
    "no level at all": (dataset().isel(level=0, drop=True), "no pressure level"),
    "no time at all": (dataset().isel(time=0, drop=True), "no time of validity"),
    "time without epoch": (dataset(epoch="hours"), "no time of validity"),
    "time in a model calendar": (
        dataset().assign_coords(
            time=("time", HOURS, {"units": "hours since 2023-01-28", "calendar": "360_day"})
        ),
        "calendar",
    ),
    "time impossible": (dataset(epoch="hours since the flood"), "times cannot be read"),
    "model levels": (dataset(levels=np.arange(1.0, 5.0), hpa=LEVELS_HPA, level_unit=None), "model levels"),
    "heights": (dataset(levels=np.arange(1e3, 5e3, 1e3), hpa=LEVELS_HPA, level_unit="m"), "the unit 'm'"),
    "Pa called hPa": (dataset(levels=LEVELS_HPA * 100, hpa=LEVELS_HPA, level_unit="hPa"), "to 10000 hPa"),
    "hPa called Pa": (
        dataset(levels=np.array([1000.0, 850.0, 500.0, 70.0]), hpa=LEVELS_HPA, level_unit="Pa"),
        "standard levels",
    ),
    "latitudes and longitudes swapped": (
        dataset().rename(latitude="longitude", longitude="latitude"),
        "latitudes run from 0 to 350",
    ),
    "latitudes out of order": (dataset(lat=np.array([0.0, 20.0, 10.0])), "20 is followed by 10"),
    "levels repeated": (dataset(levels=np.array([20.0, 50.0, 50.0, 100.0])), "50 is followed by 50|5000"),
    "times out of order": (dataset(hours=[0.0, 12.0, 6.0]), "out of order"),
    "longitudes beyond a turn": (dataset(lon=np.arange(0.0, 400.0, 10.0)), "more than the circle"),
    "longitudes in metres": (dataset(lon=np.arange(0.0, 5e5, 1e5)), "longitudes reach"),
    "axis not finite": (dataset(lat=np.array([0.0, np.nan, 20.0])), "not finite"),
    "temperature called u": (dataset(unit="K"), "not a speed"),
    "undeclared fill": (dataset(factor=1e4), "impossible"),
    "infinite": (dataset(factor=1e300), "impossible"),
    "all missing": (dataset(factor=np.nan), "every value is missing"),
    "two times": (
        dataset(dims=("time", "level", "latitude", "step")),
        "second axis of time|no axis of lon",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_with_the_reason(tmp_path: Path, name: str):
    made, words = WRONG[name]
    path = write(tmp_path, made)
    with pytest.raises(InputError, match=words) as caught:
        read_grid(path)
    assert "made.nc" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x1f\x8b" + b"x" * 50, "gzip"),
        (b"PK\x03\x04" + b"x" * 50, "ZIP"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b'{"error": "no such file"}', "JSON"),
        (b"BUFR" + b"\x00" * 50, "soundings"),
        (b"time,lat,lon\n1,2,3\n", "unknown content"),
    ],
)
def test_what_is_not_a_grid_is_named(tmp_path: Path, content: bytes, words: str):
    path = tmp_path / "winds.nc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_grid(path)


def test_paths_that_are_not_there_or_not_stores(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be opened"):
        read_grid(tmp_path / "absent.nc")
    with pytest.raises(InputError, match="not a Zarr store"):
        read_grid(tmp_path)


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"])
@pytest.mark.parametrize("record", [False, True])
def test_truncated_netcdf_is_refused_in_every_form(tmp_path: Path, form: str, record: bool):
    """The library would read the lost end of a classic file as winds of zero."""
    whole, cut = tmp_path / "whole.nc", tmp_path / "cut.nc"
    dataset().to_netcdf(whole, engine="netcdf4", format=form, unlimited_dims=["time"] if record else [])
    check(read_grid(whole))
    content = whole.read_bytes()
    for keep in (len(content) - 8, len(content) // 2, 200, 9):
        cut.write_bytes(content[:keep])
        with pytest.raises(InputError):
            read_grid(cut)


def test_a_damaged_chunk_is_an_error(tmp_path: Path):
    path = tmp_path / "made.nc"
    dataset().to_netcdf(path, encoding={n: {"zlib": True, "shuffle": False} for n in "uv"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = b"\xa5" * 4000
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be read|impossible"):
        read_grid(path)


def test_zarr_metadata_that_runs_code_is_refused(tmp_path: Path):
    path = tmp_path / "made.zarr"
    dataset().to_zarr(path, zarr_format=2, consolidated=False)
    meta = path / "u" / ".zarray"
    fields_of = json.loads(meta.read_text())
    meta.write_text(json.dumps(fields_of | {"filters": [{"id": "pickle", "protocol": 5}]}))
    with pytest.raises(InputError, match="pickle"):
        read_grid(path)


def test_damaged_zarr_metadata_is_an_error(tmp_path: Path):
    path = tmp_path / "made.zarr"
    dataset().to_zarr(path, zarr_format=3, consolidated=False)
    (path / "u" / "zarr.json").write_text("{")
    with pytest.raises(InputError):
        read_grid(path)


def huge(path: Path, hours: int, chunk: tuple[int, ...] | None = None) -> None:
    """Declare 0.25° global winds on 37 levels without writing any: small on disk, huge unpacked."""
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        sizes = {"time": hours, "level": 37, "latitude": 721, "longitude": 1440}
        for name, size in sizes.items():
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))
        file["time"].units, file["level"].units = "hours since 2023-01-28", "hPa"
        file["time"][:], file["level"][:] = np.arange(hours), np.linspace(1, 1000, 37)
        file["latitude"][:], file["longitude"][:] = np.linspace(90, -90, 721), np.arange(1440) * 0.25
        chunk = chunk or (1, 1, 721, 1440)
        for name in "uv":
            file.createVariable(name, "f4", tuple(sizes), zlib=True, chunksizes=chunk, fill_value=7.0)
            file[name].units = "m s-1"


def test_a_grid_larger_than_memory_is_refused_before_reading(tmp_path: Path, monkeypatch):
    path = tmp_path / "big.nc"
    huge(path, 24 * 30)
    monkeypatch.setattr(gridded, "free_memory_bytes", lambda: 4 * 10**9)
    # 720 · 37 · 721 · 1440 nodes at 24 bytes.
    assert describe(path).memory_bytes == pytest.approx(664e9, rel=0.01)
    with pytest.raises(LimitError, match=r"needs 664 GB.*2\.4 GB may be used.*window") as caught:
        read_grid(path)
    assert "box" in str(caught.value)


def test_a_small_part_of_a_huge_grid_is_read(tmp_path: Path, monkeypatch):
    path = tmp_path / "big.nc"
    huge(path, 24 * 30)
    monkeypatch.setattr(gridded, "free_memory_bytes", lambda: 4 * 10**8)
    with pytest.raises(InputError, match="every value is missing"):  # it was never written
        read_grid(path, window=(T0, T0 + HOUR), levels_pa=(5e3, 5.1e3), box=(-100.0, 40.0, -99.0, 41.0))


def test_a_chunk_that_unpacks_to_more_than_memory_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.nc"
    huge(path, 24, chunk=(24, 37, 721, 1440 // 4))
    with pytest.raises(LimitError):
        read_grid(
            path,
            window=(T0, T0),
            levels_pa=(1e2, 1e2),
            box=(0.0, 0.0, 1.0, 1.0),
            max_bytes=10**9,
        )


def test_an_axis_that_claims_a_thousand_million_nodes_is_refused(tmp_path: Path):
    import netCDF4

    path = tmp_path / "bomb.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name in ("time", "level", "latitude", "longitude"):
            file.createDimension(name, 10**9 if name == "latitude" else 1)
        for name in "uv":
            file.createVariable(
                name, "f4", ("time", "level", "latitude", "longitude"), chunksizes=(1, 1, 10**4, 1)
            )
    assert path.stat().st_size < 100_000
    with pytest.raises(LimitError, match="claims 1000000000 nodes"):
        describe(path)


def test_free_memory_is_a_plausible_number():
    assert 10**7 < gridded.free_memory_bytes() < 10**15


def test_the_real_analyses_read_as_their_file_says(test_data: Path):
    """Against a plain read of the same file by xarray: other code for scale, order and level."""
    path = test_data / "wind" / "gfs_uv_1p0_20190926-20191005.nc"
    grid = read_grid(path)
    assert grid.periodic
    assert grid.lat_deg.tolist() == list(range(-90, 91))
    with xr.open_dataset(path) as plain:
        column = plain.sel(level=70, latitude=47, longitude=251)
        i, k = int(np.searchsorted(grid.lat_deg, 47)), int(np.searchsorted(grid.lon_deg, 251))
        j = int(np.searchsorted(grid.pressure_pa, 7000))
        np.testing.assert_allclose(grid.u_mps[:, j, i, k], column["u"], rtol=1e-6)
        np.testing.assert_allclose(grid.v_mps[:, j, i, k], column["v"], rtol=1e-6)
        stamps = (plain["time"].values - np.datetime64("1970-01-01")) / np.timedelta64(1, "s")
        np.testing.assert_array_equal(grid.time_s, stamps)
    part = read_grid(path, window=(grid.time_s[1] + 1, grid.time_s[2]), box=(-130.0, 40.0, -60.0, 60.0))
    assert part.u_mps.shape == (2, 7, 21, 71)


def test_the_real_forecast_over_florida_agrees_with_scipy(test_data: Path):
    path = test_data / "wind" / "gfs_0p5_florida_20170424.nc"
    grid = read_grid(path)
    assert not grid.periodic
    assert grid.u_mps.shape == (4, 47, 15, 27)
    rng = np.random.default_rng(6)
    t, p = rng.uniform(*grid.time_s[[0, -1]], 500), np.exp(rng.uniform(np.log(100), np.log(1e5), 500))
    la, lo = rng.uniform(25.5, 32.5, 500), rng.uniform(-87.5, -74.5, 500)
    with xr.open_dataset(path) as plain:
        turned = plain.sortby(["level", "latitude"])
        axes = (grid.time_s, np.log(turned["level"].values * 100.0), turned["latitude"], turned["longitude"])
        peer = RegularGridInterpolator([np.asarray(a) for a in axes], turned["v"].values.astype(float))
        expected = peer(np.stack([t, np.log(p), la, lo + 360.0], axis=-1))
    np.testing.assert_allclose(sample(grid, t, p, la, lo).v_mps, expected, atol=1e-6)
    # The flights that ASTRA made with this field leave it; the reader must not follow them.
    assert sample(grid, t[0], 5e3, 28.0, -70.0).status == 4

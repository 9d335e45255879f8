"""The climatological prior: known seasons, regularity at the poles, coverage, calibration on 2023."""

from __future__ import annotations

import csv
import importlib.resources
import math

import numpy as np
import pytest
from scipy.special import ndtr, sph_harm_y

from overflight import atmosphere
from overflight.errors import CoverageError, InputError, LimitError
from overflight.times import parse_utc
from overflight.winds import interpolate
from overflight.winds.prior import (
    evaluate_prior,
    load_fit,
    prior_grid,
    scalar_harmonics,
    vector_harmonics,
)

JANUARY, APRIL, JULY = (parse_utc(f"2023-{month}-16T00:00Z") for month in ("01", "04", "07"))
DAY_S = 86400.0


def zonal_mean(time_s, lat_deg, hpa):
    """Mean eastward wind around a circle of latitude."""
    fields = evaluate_prior(
        np.array([time_s]), np.array([hpa * 100.0]), np.array([lat_deg]), np.arange(-180.0, 180.0, 5.0)
    )
    return float(fields[0].mean())


# Zonal means of NCEP-DOE Reanalysis 2, 1981-2010 (monthly climatology), m/s. The fit saw these circles:
# it must follow them, within the error it states for a mean.
@pytest.mark.parametrize(
    ("time_s", "lat_deg", "hpa", "u_mps"),
    [
        (JANUARY, 45.0, 50.0, 15.2),
        (JANUARY, 45.0, 20.0, 13.1),
        (JULY, 45.0, 50.0, -2.5),
        (JULY, 45.0, 20.0, -10.0),
        (JANUARY, 75.0, 50.0, 15.5),
        (JULY, 75.0, 20.0, -4.9),
        (JULY, 15.0, 20.0, -23.1),
        (JULY, 15.0, 70.0, -14.0),
    ],
)
def test_zonal_means_follow_the_reanalysis(time_s, lat_deg, hpa, u_mps):
    assert zonal_mean(time_s, lat_deg, hpa) == pytest.approx(u_mps, abs=3.0)


# US Range Reference Atmospheres, 18 km above sea level: mean and standard deviation of u, then of v, m/s.
@pytest.mark.parametrize(
    ("lat_deg", "lon_deg", "time_s", "u", "u_sd", "v", "v_sd"),
    [
        (64.80, -147.88, JANUARY, 17.37, 10.81, -0.41, 9.87),  # Fairbanks
        (64.80, -147.88, JULY, -0.17, 2.59, 0.64, 2.75),
        (47.47, -111.38, JANUARY, 10.87, 7.87, -6.97, 5.23),  # Great Falls
        (37.85, -75.48, JANUARY, 22.76, 8.83, 1.18, 7.04),  # Wallops Island
        (13.55, 144.85, JULY, -11.94, 3.53, -1.67, 2.70),  # Guam
    ],
)
def test_stations_are_reproduced(lat_deg, lon_deg, time_s, u, u_sd, v, v_sd):
    pressure = atmosphere.pressure_pa(np.array([18e3]))
    fields = evaluate_prior(np.array([time_s]), pressure, np.array([lat_deg]), np.array([lon_deg]))
    u_fit, v_fit, u_sd_fit, v_sd_fit = (float(f.squeeze()) for f in fields)
    assert u_fit == pytest.approx(u, abs=4.0)
    assert v_fit == pytest.approx(v, abs=4.0)
    # The stated spread holds the error of the fit besides, so it may exceed the station's, not fall short.
    assert 0.8 * u_sd < u_sd_fit < math.hypot(1.5 * u_sd, 3.5)
    assert 0.8 * v_sd < v_sd_fit < math.hypot(1.5 * v_sd, 3.5)


def test_default_grid_is_global_small_and_repeatable():
    grid = prior_grid(JANUARY, JANUARY + 21 * DAY_S)
    assert grid.periodic
    assert grid.name == "climatological prior"
    assert (grid.time_s[0], grid.time_s[-1]) == (JANUARY, JANUARY + 21 * DAY_S)
    assert np.diff(grid.time_s).max() <= 5 * DAY_S
    assert (grid.lat_deg[0], grid.lat_deg[-1]) == (-90.0, 90.0)
    assert (grid.pressure_pa[0], grid.pressure_pa[-1]) == (pytest.approx(500.0), pytest.approx(30000.0))
    assert np.ptp(np.diff(np.log(grid.pressure_pa))) < 1e-9
    assert grid.nbytes < 30e6
    again = prior_grid(JANUARY, JANUARY + 21 * DAY_S)
    for name in ("u_mps", "v_mps", "u_sd_mps", "v_sd_mps"):
        values = getattr(grid, name)
        assert np.isfinite(values).all()
        assert values.tobytes() == getattr(again, name).tobytes()
    assert min(grid.u_sd_mps.min(), grid.v_sd_mps.min()) > 1.0


def test_an_instant_lies_inside_its_grid():
    grid = prior_grid(JULY, JULY, box=(-120.0, 30.0, -60.0, 60.0))
    found = interpolate.sample(grid, JULY, 7000.0, 45.0, -100.0)
    assert int(found.status) == 0


def test_the_year_closes():
    time_s = JANUARY + np.array([0.0, 365.2425 * DAY_S])
    u = evaluate_prior(time_s, np.array([5000.0]), np.array([50.0]), np.array([-90.0]))[0]
    assert u[0] == pytest.approx(u[1], abs=1e-4)


def test_box_across_the_antimeridian_equals_the_globe():
    box = prior_grid(JANUARY, JANUARY + DAY_S, box=(170.0, 41.0, -160.0, 62.0))
    globe = prior_grid(JANUARY, JANUARY + DAY_S)
    assert not box.periodic
    assert (box.lon_deg[0], box.lon_deg[-1]) == (170.0, 200.0)
    assert box.lat_deg[0] <= 41.0
    assert box.lat_deg[-1] >= 62.0
    column = np.flatnonzero(globe.lon_deg == -175.0)[0]
    row = np.flatnonzero(globe.lat_deg == 50.0)[0]
    here = box.u_mps[:, :, box.lat_deg == 50.0, box.lon_deg == 185.0].squeeze()
    np.testing.assert_allclose(here, globe.u_mps[:, :, row, column], atol=1e-4)


def test_box_of_the_whole_circle_has_no_seam_column():
    grid = prior_grid(JANUARY, JANUARY + DAY_S, box=(-180.0, -90.0, 180.0, 90.0))
    assert np.ptp(grid.lon_deg) < 360.0
    assert grid.lat_deg[-1] == 90.0


@pytest.mark.parametrize(
    "box",
    [(0.0, 50.0, 10.0, 40.0), (0.0, -91.0, 10.0, 40.0), (math.nan, 0.0, 1.0, 1.0), (0.0, 0.0, 1e9, 1.0)],
)
def test_impossible_boxes_are_refused(box):
    with pytest.raises(InputError, match="west, south, east, north"):
        prior_grid(JANUARY, JANUARY + DAY_S, box=box)


@pytest.mark.parametrize("window", [(JULY, JANUARY), (JANUARY, math.inf), (math.nan, JANUARY)])
def test_impossible_windows_are_refused(window):
    with pytest.raises(InputError, match="not an interval"):
        prior_grid(*window)


def test_windows_beyond_the_limit_are_refused_before_work():
    with pytest.raises(LimitError, match="MiB"):
        prior_grid(JANUARY, JANUARY + 20 * 365 * DAY_S)
    with pytest.raises(LimitError, match="thousand years"):
        prior_grid(0.0, 1e15)


@pytest.mark.parametrize("hpa", [301.0, 4.9])
def test_levels_beyond_are_refused(hpa):
    with pytest.raises(CoverageError, match="300 to 5 hPa"):
        evaluate_prior(np.array([JANUARY]), np.array([hpa * 100]), np.array([45.0]), np.array([0.0]))


def test_spread_grows_above_the_highest_fitted_level():
    levels = np.array([500.0, 700.0, 1000.0])
    u, _, u_sd, _ = evaluate_prior(np.array([JANUARY]), levels, np.array([45.0]), np.array([0.0]))
    assert np.ptp(u) == 0.0
    assert (np.diff(u_sd.squeeze()) < 0).all()


def test_the_south_is_the_north_half_a_year_later_and_wider():
    north, south = zonal_mean(JANUARY, 55.0, 50.0), zonal_mean(JULY, -55.0, 50.0)
    assert north > 5.0
    assert south > 3.0
    fields = evaluate_prior(np.array([JULY]), np.array([7000.0]), np.array([-60.0]), np.array([0.0]))
    mirror = evaluate_prior(np.array([JANUARY]), np.array([7000.0]), np.array([60.0]), np.array([0.0]))
    assert fields[2].item() > 1.5 * mirror[2].item()


@pytest.mark.parametrize("pole", [-90.0, 90.0])
def test_one_vector_and_one_spread_at_a_pole(pole):
    lon = np.arange(-180.0, 180.0, 15.0)
    u, v, u_sd, v_sd = (
        f.squeeze().astype(float)
        for f in evaluate_prior(np.array([JANUARY]), np.array([5000.0]), np.array([pole]), lon)
    )
    turn, sign = np.radians(lon), np.sign(pole)
    # East is (-sin, cos) and north (-s cos, -s sin) in the plane of the pole, s its sign.
    x = -u * np.sin(turn) - sign * v * np.cos(turn)
    y = u * np.cos(turn) - sign * v * np.sin(turn)
    assert np.ptp(x) < 1e-4
    assert np.ptp(y) < 1e-4
    assert np.hypot(x, y).max() > 0.1
    np.testing.assert_allclose(u_sd, v_sd, rtol=1e-6)
    assert np.ptp(u_sd) < 1e-4


@pytest.mark.parametrize(("degree", "order"), [(1, 0), (5, 0), (3, 1), (7, 2), (11, 4)])
def test_modes_are_gradients_of_scipys_harmonics(degree, order):
    lat, lon = np.array([-71.0, -20.0, 3.0, 48.0, 88.0]), np.array([-170.0, 0.0, 33.0, 121.0, 60.0])

    def peer(lat_rad, lon_rad):
        scale = math.sqrt(4 * math.pi * (1 if order == 0 else 2)) * (-1) ** order
        return scale * sph_harm_y(degree, order, math.pi / 2 - lat_rad, lon_rad).real

    step, phi, lam = 1e-5, np.radians(lat), np.radians(lon)
    northward = (peer(phi + step, lam) - peer(phi - step, lam)) / (2 * step)
    eastward = (peer(phi, lam + step) - peer(phi, lam - step)) / (2 * step) / np.cos(phi)
    size = math.sqrt(degree * (degree + 1))
    flat = scalar_harmonics([("scalar", degree, order, "cos")], lat, lon, pairs=True)[0]
    np.testing.assert_allclose(flat, peer(phi, lam), atol=1e-9)
    east, north = vector_harmonics([("chi", degree, order, "cos")], lat, lon, pairs=True)
    np.testing.assert_allclose(east[0], eastward / size, atol=1e-5)
    np.testing.assert_allclose(north[0], northward / size, atol=1e-5)
    around = vector_harmonics([("psi", degree, order, "cos")], lat, lon, pairs=True)
    np.testing.assert_allclose(around[0][0], -northward / size, atol=1e-5)
    np.testing.assert_allclose(around[1][0], eastward / size, atol=1e-5)


def test_the_fit_ships_small_and_without_surprises():
    data = importlib.resources.files("overflight.winds").joinpath("data")
    assert len(data.joinpath("prior.npz").read_bytes()) < 400_000
    fit = load_fit()
    assert fit.mean.shape == (len(fit.vector_modes), 5, fit.knots.size - 4)
    assert fit.log_sd.shape == (len(fit.scalar_modes), 5, fit.knots.size - 4)
    assert 0.0 < fit.log_sd_error < 0.5


@pytest.mark.parametrize(("place", "lat_deg", "lon_deg"), [("SLC", 40.77, -111.97), ("PAFA", 64.8, -147.88)])
def test_a_year_of_directions_is_as_likely_as_stated(test_data, place, lat_deg, lon_deg):
    """Independent data: radiosonde directions of 2023. Of the winds to which the prior gives a chance p of
    a westerly part, a share p has one, and likewise for a southerly part."""
    path = test_data / "dir2023" / f"{place}-2023-radiosonde.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    alt = np.array([float(x) for x in rows[0][1:]])
    time = np.array([parse_utc(row[0].replace(" ", "T") + "Z") for row in rows[1:]])
    direction = np.array([[float(x) if x else np.nan for x in row[1:]] for row in rows[1:]])
    pressure = atmosphere.pressure_pa(alt)[::-1]
    u, v, u_sd, v_sd = (
        f[:, ::-1, 0, 0] for f in evaluate_prior(time, pressure, np.array([lat_deg]), np.array([lon_deg]))
    )
    good = np.isfinite(direction)
    spell = np.broadcast_to(((time - time[0]) // (10 * DAY_S)).astype(int)[:, None], good.shape)
    for mean, spread, component in ((u, u_sd, np.sin), (v, v_sd, np.cos)):
        chance = ndtr(mean / spread)
        # Directions are those the wind comes from.
        happened = component(np.radians(direction)) < 0
        for low in (0.0, 0.2, 0.4, 0.6, 0.8):
            pick = good & (chance >= low) & (chance < low + 0.2)
            if pick.sum() < 1000:
                continue
            excess = happened[pick] - chance[pick]
            # Winds within ten days are one spell. One year differs from the climate by more than its spells
            # tell, so that an error of the share below 0.05 is not believed.
            error = np.sqrt((np.bincount(spell[pick], excess) ** 2).sum()) / pick.sum()
            assert abs(excess.mean()) < 3.0 * max(error, 0.05)
        if component is np.sin:
            # The season tells the eastward sign: far better than the year's share of westerlies alone.
            share = happened[good].mean()
            assert np.mean((chance - happened)[good] ** 2) < 0.7 * share * (1.0 - share)


@pytest.mark.parametrize(("south", "north"), [(30, 60), (60, 85), (-15, 15), (-60, -30), (-85, -60)])
def test_analyses_of_2019_lie_inside_the_spread(test_data, south, north):
    import xarray as xr

    with xr.open_dataset(test_data / "wind/gfs_uv_1p0_20190926-20191005.nc") as file:
        part = file.sel(level=70.0).sortby("latitude").sel(latitude=slice(south, north))
        part = part.isel(latitude=slice(None, None, 3), longitude=slice(None, None, 5))
        time = part["time"].values.astype("datetime64[s]").astype(np.int64).astype(float)
        lat, lon = part["latitude"].values, part["longitude"].values
        u, v = part["u"].values, part["v"].values
    mean_u, mean_v, sd_u, sd_v = (
        f[:, 0].astype(float) for f in evaluate_prior(time, np.array([7000.0]), lat, lon)
    )
    for value, mean, spread in ((u, mean_u, sd_u), (v, mean_v, sd_v)):
        inside = np.abs(value - mean) < 1.6449 * spread
        assert 0.80 <= inside.mean() <= 0.999

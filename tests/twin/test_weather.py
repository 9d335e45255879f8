"""The made weather: no divergence, reversal, errors of the size asked for, the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.times import parse_utc
from overflight.twin.weather import (
    LEVELS_HPA,
    Weather,
    cut_box,
    draw_wave_list,
    erring,
    made_wind,
    make_weather,
    mean_wind,
    wave_wind,
    write_winds,
)
from overflight.units import DAY_S, EARTH_RADIUS_M
from overflight.winds.gridded import read_grid

WINTER, SUMMER = parse_utc("2031-01-15T00:00Z"), parse_utc("2031-07-15T00:00Z")


@pytest.fixture(scope="module")
def weather() -> Weather:
    return make_weather(WINTER, WINTER + 2 * DAY_S, seed=(7,))


def test_the_waves_have_no_divergence() -> None:
    lat, lon = np.arange(20.0, 70.01, 0.25), np.arange(0.0, 360.0, 0.25)
    waves = draw_wave_list(np.random.default_rng(1), 1.0)
    u, v = (x[0, 0] for x in wave_wind(waves, np.zeros(1), np.array([18e3]), lat, lon))
    phi = np.radians(lat)[:, None]
    step = np.radians(0.25)
    du = (np.roll(u, -1, 1) - np.roll(u, 1, 1)) / (2 * step)
    dv = np.gradient(v * np.cos(phi), step, axis=0)
    divergence = (du + dv) / (EARTH_RADIUS_M * np.cos(phi))
    vorticity = (np.roll(v, -1, 1) - np.roll(v, 1, 1)) / (2 * step) / (EARTH_RADIUS_M * np.cos(phi))
    # Of central differences at a quarter of a degree what is left is the error of the differences.
    assert np.abs(divergence[2:-2]).max() < 0.02 * np.abs(vorticity).max()


def test_the_stratosphere_turns_from_winter_westerlies_to_summer_easterlies() -> None:
    z, lat = np.array([30e3]), np.array([60.0, 40.0])
    winter = mean_wind(z, lat, 1.0, oscillation_height_m=0.0)
    summer = mean_wind(z, lat, -1.0, oscillation_height_m=0.0)
    assert winter[0, 0] > 20.0
    assert summer[0, 1] < -8.0


def test_the_tropical_wind_changes_its_sign_with_height() -> None:
    z = np.linspace(20e3, 34e3, 40)
    u = mean_wind(z, np.array([0.0]), 0.0, oscillation_height_m=5e3)[:, 0]
    assert u.max() > 10.0
    assert u.min() < -10.0


def test_a_field_is_made_of_plausible_winds(weather: Weather) -> None:
    speed = np.hypot(weather.truth.u_mps, weather.truth.v_mps)
    assert 30.0 < speed.max() < 110.0
    assert weather.truth.u_mps.dtype == np.float32
    assert weather.truth.periodic
    assert speed[:, :, [0, -1]].max() < 1e-3  # at the poles, where east and north have no meaning


def test_the_same_seed_makes_the_same_field_and_another_another() -> None:
    time_s = WINTER + np.arange(2) * 43200.0
    one, same, other = (made_wind(time_s, seed=(seed,)) for seed in (1, 1, 2))
    assert one.u_mps.tobytes() == same.u_mps.tobytes()
    assert np.abs(one.u_mps - other.u_mps).max() > 5.0


def test_the_analysts_winds_err_by_the_size_asked_for(weather: Weather) -> None:
    box = cut_box(weather.truth, (-60.0, 20.0, 60.0, 70.0), (WINTER, WINTER + DAY_S))
    wrong = erring(box, weather.analysis_error)
    off = np.concatenate([(wrong.u_mps - box.u_mps).ravel(), (wrong.v_mps - box.v_mps).ravel()])
    # 3.5 m/s asked; one draw over some correlation lengths scatters by a fifth.
    assert float(np.sqrt(np.mean(off**2))) == pytest.approx(3.5, rel=0.25)


def test_the_error_at_nodes_is_that_of_the_field(weather: Weather) -> None:
    from overflight.twin.weather import waves_field

    box = cut_box(weather.truth, (0.0, 40.0, 10.0, 50.0), (WINTER, WINTER + DAY_S))
    wrong = erring(box, weather.analysis_error)
    east, north = waves_field(weather.analysis_error).evaluate(
        box.time_s[1], box.pressure_pa[3], box.lat_deg[2], box.lon_deg[1]
    )
    assert float(wrong.u_mps[1, 3, 2, 1] - box.u_mps[1, 3, 2, 1]) == pytest.approx(
        weather.analysis_error.sd_u * float(east), abs=1e-4
    )
    assert float(wrong.v_mps[1, 3, 2, 1] - box.v_mps[1, 3, 2, 1]) == pytest.approx(
        weather.analysis_error.sd_v * float(north), abs=1e-4
    )


def test_a_box_over_the_date_line_keeps_its_columns(weather: Weather) -> None:
    box = cut_box(weather.truth, (170.0, 30.0, -160.0, 50.0), (WINTER, WINTER + DAY_S))
    assert box.lon_deg[0] <= 170.0
    assert box.lon_deg[-1] >= 200.0
    j = int(np.flatnonzero(box.lon_deg == 180.0)[0])
    i = int(np.flatnonzero(weather.truth.lon_deg == -180.0)[0])
    k = int(np.flatnonzero(weather.truth.lat_deg == box.lat_deg[0])[0])
    assert (
        box.u_mps[0, 5, 0, j]
        == weather.truth.u_mps[int(np.flatnonzero(weather.truth.time_s == box.time_s[0])[0]), 5, k, i]
    )


def test_winds_are_written_as_the_reader_reads_them(weather: Weather, tmp_path: Path) -> None:
    box = cut_box(weather.truth, (0.0, 30.0, 40.0, 60.0), (WINTER, WINTER + DAY_S))
    for name in ("a.nc", "b.nc"):
        write_winds(box, tmp_path / name)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    read = read_grid(tmp_path / "a.nc")
    assert np.abs(read.u_mps - box.u_mps).max() <= 0.00501  # packed to a hundredth
    assert read.time_s.tolist() == box.time_s.tolist()
    assert read.pressure_pa.tolist() == [100.0 * p for p in LEVELS_HPA]


def test_the_true_wind_holds_small_scales_beside_the_grid(weather: Weather) -> None:
    u, _ = weather.wind(weather.truth.time_s[0], weather.truth.pressure_pa[6], 50.0, 10.0)
    i, j = (
        int(np.flatnonzero(a == x)[0])
        for a, x in ((weather.truth.lat_deg, 50.0), (weather.truth.lon_deg, 10.0))
    )
    beside = float(u) - float(weather.truth.u_mps[0, 6, i, j])
    assert 0.0 < abs(beside) < 5.0
    assert np.isnan(weather.wind(WINTER - 9 * DAY_S, 5000.0, 50.0, 10.0)[0])


@pytest.mark.parametrize("window", [(0.0, 0.0), (0.0, -1.0), (0.0, 50 * DAY_S), (float("nan"), 1.0)])
def test_a_window_that_is_none_is_refused(window: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="window"):
        make_weather(*window, seed=(1,))

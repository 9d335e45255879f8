"""Landing: closed forms of a fall, stops on made ground, made populations, and the case of 2023."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from overflight.atmosphere import DRY_AIR_J_PER_KG_K, STANDARD_GRAVITY_MPS2, alt_from_pressure, density_kgpm3
from overflight.atmosphere import pressure_pa as standard_pressure_pa
from overflight.balloons.descent import SEA_LEVEL_DENSITY_KGPM3
from overflight.errors import CoverageError, InputError, LimitError
from overflight.geo import bearing_deg, distance_m
from overflight.places.land import near_coast, on_land
from overflight.places.population import Raster
from overflight.places.terrain import Terrain
from overflight.records import make_ensemble
from overflight.times import parse_utc
from overflight.trajectories.fragments import LARGE_FRAGMENTS, SOUNDING_FRAGMENTS, Fragment, draw_speeds
from overflight.trajectories.landing import Cloud, cell_map, cloud_at, landing
from overflight.trajectories.landing_answers import chance, spread_of_mean
from overflight.winds.error import PRIOR_ERROR, WindError
from overflight.winds.grid import Grid

START = parse_utc("2023-02-04T19:39Z")
HOUR = 3600.0
LEVELS_PA = 100.0 * np.array(
    [10.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0, 500.0, 700.0, 850.0, 1000.0]
)

# What steps of 250 m of fall leave over against the integral.
second, ten_metres = 1.0, 10.0


def winds(u_mps=0.0, v_mps=0.0, *, temperature_k: float | None = None, lon=(-90.0, -60.0), **more) -> Grid:
    """Steady winds by level over the south-east of the United States, and air of one temperature if asked."""
    lat, lon = np.array([20.0, 30.0, 40.0, 50.0]), np.linspace(*lon, 4)
    shape = (1, LEVELS_PA.size, lat.size, lon.size)
    made = [
        np.broadcast_to(np.asarray(w, np.float32).reshape(1, -1, 1, 1), shape).copy() for w in (u_mps, v_mps)
    ]
    air = {} if temperature_k is None else {"temperature_k": np.full(shape, temperature_k, np.float32)}
    return Grid(
        time_s=np.array([START]), pressure_pa=LEVELS_PA, lat_deg=lat, lon_deg=lon, u_mps=made[0],
        v_mps=made[1], steady=True, name="made", **air, **more,
    )  # fmt: skip


def at(pressure_pa: float, lon: float = -78.888, lat: float = 33.535) -> Cloud:
    return Cloud(
        time_s=START,
        lon_deg=np.array([lon]),
        lat_deg=np.array([lat]),
        pressure_pa=np.array([pressure_pa]),
        weight=np.array([1.0]),
    )


def stone(speed_mps: float, **more: object) -> Fragment:
    """A piece without spread that falls at a speed at the standard's sea level: m = ρ v² CdA / 2 g."""
    mass = SEA_LEVEL_DENSITY_KGPM3 * speed_mps**2 / (2.0 * STANDARD_GRAVITY_MPS2)
    return Fragment(
        name="stone", mass_kg=mass, drag_area_m2=1.0, mass_spread=0.0, drag_spread=0.0, **more
    )  # fmt: skip


def value(found, quantity: str, name: str = "stone"):
    (one,) = [f for f in found.findings if f.id == f"landing.{name}.{quantity}"]
    return one


# --- the fall against closed forms ---------------------------------------------------------------------


@pytest.mark.parametrize("speed_mps", [1.5, 5.0, 27.0])
def test_the_time_of_a_fall_is_the_integral_over_the_standard_atmosphere(speed_mps: float) -> None:
    """T = ∫ dz √(ρ(z)/ρ0) / v0; and an even wind carries the piece u T, on the ellipsoid at its height."""
    top = 18_900.0
    found = landing(
        at(float(standard_pressure_pa(top))), START, [stone(speed_mps)], winds(20.0), seed=0, members=2,
        error=None,
    )  # fmt: skip
    fall = found.falls[0]
    rho0 = float(density_kgpm3(0.0))
    exact, _ = quad(lambda z: math.sqrt(float(density_kgpm3(z)) / rho0) / speed_mps, 0.0, top, limit=200)
    # Pressure is the coordinate of the fall: a metre of it is a metre of geopotential height times g / g(z).
    assert fall.time_s[0] - START == pytest.approx(exact, rel=2e-3)
    drift = 20.0 * (fall.time_s[0] - START)
    assert drift * 0.995 < fall.distance_m[0] < drift
    assert bearing_deg(-78.888, 33.535, fall.lon_deg[0], fall.lat_deg[0]) == pytest.approx(90.0, abs=0.5)


def test_the_time_of_a_fall_in_an_exponential_atmosphere_has_a_closed_form() -> None:
    """Air of one temperature T thins with H = R T / g, and the fall lasts 2 H / v0 (1 - exp(-z / 2 H)).

    v0 is the terminal speed at the ground's own density, v √(ρ0 / ρ(ground)).
    """
    kelvin, speed = 240.0, 8.0
    scale = DRY_AIR_J_PER_KG_K * kelvin / STANDARD_GRAVITY_MPS2
    # The column stands on the standard's height of its lowest level.
    base = float(alt_from_pressure(LEVELS_PA[-1]))
    found = landing(
        at(5_000.0), START, [stone(speed)], winds(temperature_k=kelvin), seed=0, members=2, error=None
    )
    height = scale * math.log(LEVELS_PA[-1] / 5_000.0) + base
    ground_pa = LEVELS_PA[-1] * math.exp(base / scale)
    v0 = speed * math.sqrt(SEA_LEVEL_DENSITY_KGPM3 * DRY_AIR_J_PER_KG_K * kelvin / ground_pa)
    exact = 2.0 * scale / v0 * -math.expm1(-height / (2.0 * scale))
    # Geopotential metres against metres: 0.3 % of the way at 20 km.
    assert found.falls[0].time_s[0] - START == pytest.approx(exact, rel=4e-3)


def test_the_steps_of_a_fall_are_short_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps eight times as short move the impact by metres: kinks of the winds between levels, no more."""
    u = np.linspace(40.0, 5.0, LEVELS_PA.size)
    ask = {"seed": 1, "members": 60, "error": None}
    long = landing(at(6_000.0), START, None, winds(u), **ask)
    monkeypatch.setattr("overflight.trajectories.landing.STEP_M", 30.0)
    monkeypatch.setattr("overflight.trajectories.landing.STEP_LEAST_S", 1.0)
    short = landing(at(6_000.0), START, None, winds(u), **ask)
    for a, b in zip(long.falls, short.falls, strict=True):
        assert distance_m(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg).max() < 2.0 * ten_metres
        assert np.abs(a.time_s - b.time_s).max() < 0.1 * second


def test_it_arrives_at_terminal_speed_by_mass_and_drag_area() -> None:
    piece = Fragment(name="box", mass_kg=12.0, drag_area_m2=0.8, mass_spread=0.0, drag_spread=0.0)
    found = landing(at(6_000.0), START, [piece], winds(), seed=0, members=2, error=None)
    # √(2 · 12 · 9.80665 / (1.225 · 0.8)), with the standard's 1.225 kg/m³ at sea level.
    assert found.falls[0].fall_mps[0] == pytest.approx(15.4972, rel=1e-4)
    assert value(found, "fall_speed", "box").value["p50"] == pytest.approx(15.4972, rel=1e-4)


def test_a_shear_carries_light_pieces_farther_by_the_ratio_of_their_times() -> None:
    u = np.linspace(40.0, 5.0, LEVELS_PA.size)
    heavy, light = stone(20.0), Fragment(
        name="film", mass_kg=stone(2.0).mass_kg, drag_area_m2=1.0, mass_spread=0.0, drag_spread=0.0
    )  # fmt: skip
    found = landing(at(6_000.0), START, [heavy, light], winds(u), seed=0, members=2, error=None)
    assert found.falls[1].distance_m[0] == pytest.approx(10.0 * found.falls[0].distance_m[0], rel=2e-3)


def test_the_error_of_the_wind_spreads_the_landing_as_the_time_of_the_fall() -> None:
    """An error that does not change over the fall displaces by σ T in each direction."""
    error = WindError(
        sd_u_mps=3.0, sd_v_mps=3.0, time_s=1e7, distance_m=2e7, log_pressure=1e3, source="made, constant"
    )
    found = landing(at(6_000.0), START, [stone(6.0)], winds(), seed=4, members=800, error=error)
    fall = found.falls[0]
    duration = fall.time_s.mean() - START
    # Over 800 draws a standard deviation is known to 2.5 %.
    north = distance_m(fall.lon_deg, 33.535, fall.lon_deg, fall.lat_deg) * np.sign(fall.lat_deg - 33.535)
    assert north.std() == pytest.approx(3.0 * duration, rel=0.1)
    assert abs(north.mean()) < 4.0 * 3.0 * duration / math.sqrt(800)


def spread_of(found) -> float:
    return float(np.std(found.falls[0].lat_deg))


def test_the_error_left_to_us_is_the_one_of_a_forecast_of_floats() -> None:
    """None for members of a forecast, the winds' own spread where they state one; else refused."""
    shape = winds().u_mps.shape
    stated = winds(u_sd_mps=np.full(shape, 9.0, np.float32), v_sd_mps=np.full(shape, 9.0, np.float32))
    ask = {"seed": 4, "members": 60}
    piece = [stone(6.0)]
    assert spread_of(landing(at(6_000.0), START, piece, [winds(), winds()], **ask)) < 1e-9
    assert spread_of(landing(at(6_000.0), START, piece, winds(), **ask)) > 1e-3
    own = landing(at(6_000.0), START, piece, stated, **ask)
    same = landing(at(6_000.0), START, piece, stated, error=PRIOR_ERROR, **ask)
    np.testing.assert_array_equal(own.falls[0].lat_deg, same.falls[0].lat_deg)
    with pytest.raises(InputError, match="state no spread"):
        landing(at(6_000.0), START, piece, winds(), error=PRIOR_ERROR, **ask)


def test_the_spread_of_mass_and_drag_area_is_that_of_their_logarithms() -> None:
    piece = Fragment(name="piece", mass_kg=4.0, drag_area_m2=0.5, mass_spread=0.3, drag_spread=0.4)
    speeds = draw_speeds(piece, [np.random.default_rng(i) for i in range(4000)])
    assert np.log(speeds).std() == pytest.approx(0.5 * math.hypot(0.3, 0.4), rel=0.05)
    assert np.median(speeds) == pytest.approx(piece.sea_level_mps, rel=0.02)


# --- the ground, the coast, the people -----------------------------------------------------------------


def test_a_ramp_ends_the_fall_where_it_stands() -> None:
    """Ground that climbs 50 m a hundredth of a degree to the east; the impact lies on it."""
    lon, lat = np.arange(-79.5, -77.5, 0.01), np.arange(33.0, 34.0, 0.01)
    ramp = np.broadcast_to(5_000.0 * (lon + 79.5) / 1.0, (lat.size, lon.size)).astype(np.float32)
    terrain = Terrain(lat_deg=lat, lon_deg=lon, height_m=np.minimum(ramp, 6_000.0))
    flat = landing(at(6_000.0), START, [stone(10.0)], winds(10.0), seed=0, members=2, error=None)
    high = landing(
        at(6_000.0), START, [stone(10.0)], winds(10.0), seed=0, members=2, error=None, terrain=terrain
    )
    fall = high.falls[0]
    assert fall.alt_m[0] == pytest.approx(5_000.0 * (fall.lon_deg[0] + 79.5), abs=1.0)
    assert fall.time_s[0] < flat.falls[0].time_s[0] - 60.0
    assert fall.fall_mps[0] > flat.falls[0].fall_mps[0] * 1.1
    assert any("no terrain" in note for note in flat.notes)
    assert not any("no terrain" in note for note in high.notes)


def test_beyond_the_terrain_the_ground_is_the_ellipsoid_and_it_is_said() -> None:
    far = Terrain(
        lat_deg=np.array([10.0, 11.0]),
        lon_deg=np.array([5.0, 6.0]),
        height_m=np.full((2, 2), 800, np.float32),
    )
    found = landing(at(6_000.0), START, [stone(10.0)], winds(), seed=0, members=2, error=None, terrain=far)
    assert found.falls[0].alt_m[0] == pytest.approx(0.0, abs=0.1)
    assert any("ellipsoid where the terrain has no height" in note for note in found.notes)


def test_land_and_water_are_told_apart_and_the_coast_is_a_belt_of_doubt() -> None:
    # Columbia SC, the open Atlantic, Lake Michigan (land here, as the module says), the seam in Fiji's sea.
    lon, lat = np.array([-81.03, -75.0, -87.0, 180.0, np.nan]), np.array([34.0, 32.0, 43.5, -25.0, 0.0])
    assert on_land(lon, lat).tolist() == [True, False, True, False, False]
    assert on_land(lon + 360.0, lat).tolist() == [True, False, True, False, False]
    # Myrtle Beach lies on the shore.
    land, near = near_coast([-78.886, -81.03, -75.0], [33.689, 34.0, 32.0])
    assert near.tolist() == [True, False, False]
    assert land[1:].tolist() == [True, False]


def town(lon_edge: np.ndarray, people: list[float]) -> Raster:
    """Strips from 33 to 34° N with people in each."""
    return Raster(
        x_edge=lon_edge, y_edge=np.array([33.0, 34.0]), people=np.array([people], np.float32), name="made"
    )


def test_the_chance_of_a_populated_cell_is_the_share_of_members_in_it() -> None:
    """Errors displace normally; a town from the mean on to the east gets half of the pieces."""
    error = WindError(
        sd_u_mps=3.0, sd_v_mps=0.1, time_s=1e7, distance_m=2e7, log_pressure=1e3, source="made, constant"
    )
    raster = town(np.array([-79.888, -78.888, -77.888]), [0.0, 500.0])
    found = landing(
        at(6_000.0), START, [stone(6.0)], winds(), seed=2, members=600, error=error, population=raster,
        populated_from=10.0,
    )  # fmt: skip
    one = value(found, "populated")
    assert one.value["p"] == pytest.approx(0.5, abs=4.0 * 0.5 / math.sqrt(600))
    assert float(one.given["monte_carlo_sd"]) == pytest.approx(0.5 / math.sqrt(600), rel=0.05)
    assert found.falls[0].people_near.max() == pytest.approx(
        500.0 / (111.32e3 * math.cos(math.radians(33.5)) * 110.9e3) * math.pi * 100.0**2, rel=0.02
    )
    nobody = landing(
        at(6_000.0), START, [stone(6.0)], winds(), seed=2, members=50, error=error, population=raster,
        populated_from=1e6,
    )  # fmt: skip
    assert value(nobody, "populated").value["p"] == 0.0
    # Three in n bounds what never came up.
    assert float(value(nobody, "populated").given["monte_carlo_sd"]) == pytest.approx(0.03)


def test_a_raster_that_misses_the_landing_decides_nothing() -> None:
    elsewhere = Raster(
        x_edge=np.array([0.0, 1.0]), y_edge=np.array([0.0, 1.0]), people=np.ones((1, 1), np.float32)
    )
    found = landing(
        at(6_000.0), START, [stone(6.0)], winds(), seed=2, members=4, error=None, population=elsewhere
    )
    assert value(found, "populated").kind == "undetermined"
    assert "outside the population raster" in value(found, "populated").reason


# --- the ensemble --------------------------------------------------------------------------------------


def drifting(members: int = 6) -> object:
    """Members on a meridian, going east 1° an hour; the last one comes down after the first hour."""
    time = START + HOUR * np.arange(4.0)
    lat = 30.0 + np.arange(members)[:, None] + 0.0 * time
    lon = 179.5 + (time - START)[None, :] / HOUR + np.zeros((members, 1))
    alive = np.ones((members, 4), bool)
    alive[-1, 2:] = False
    pressure = np.where(alive, 5_000.0 + 1_000.0 * np.arange(4.0), np.nan)
    nan = np.where(alive, 1.0, np.nan)
    return make_ensemble(
        kind="forecast", time_s=time, lon_deg=lon * nan, lat_deg=lat * nan, alt_m=20_000.0 * nan,
        pressure_pa=pressure, status=np.where(alive, 0, 2), weight=np.arange(1.0, members + 1.0),
    )  # fmt: skip


def test_the_cloud_between_two_samples_lies_between_them_across_the_seam() -> None:
    cloud = cloud_at(drifting(), START + 0.75 * HOUR)
    assert cloud.lon_deg[0] == pytest.approx(-179.75, abs=1e-4)
    # Great circles bow away from the equator by metres over a degree.
    np.testing.assert_allclose(cloud.lat_deg, 30.0 + np.arange(6), atol=0.01)
    np.testing.assert_allclose(cloud.pressure_pa, 5_000.0**0.25 * 6_000.0**0.75, rtol=1e-6)
    np.testing.assert_allclose(cloud.weight, np.arange(1, 7) / 21)


def test_members_that_have_come_down_are_not_in_the_cloud() -> None:
    cloud = cloud_at(drifting(), START + 1.5 * HOUR)
    assert cloud.lon_deg.size == 5
    assert cloud.aloft_share == pytest.approx(15 / 21)
    assert cloud_at(drifting(), START + 1.0 * HOUR).lon_deg.size == 6


def test_times_outside_the_flight_are_refused() -> None:
    for time in (START - 1.0, START + 4 * HOUR, math.nan):
        with pytest.raises(CoverageError, match="not known"):
            cloud_at(drifting(), time)
    with pytest.raises(CoverageError, match="in the air"):
        cloud_at(drifting(1), START + 2 * HOUR)


def test_members_are_taken_by_their_weight() -> None:
    found = landing(
        drifting(), START, [stone(20.0)], winds(lon=(160.0, 210.0)), seed=0, members=210, error=None
    )
    counts = np.bincount(found.falls[0].source)
    np.testing.assert_allclose(counts, 10 * np.arange(1, 7), atol=1)


def test_the_same_seed_gives_the_same_bytes_and_members_do_not_depend_on_their_number() -> None:
    a, b = (landing(at(6_000.0), START, None, winds(10.0), seed=7, members=n) for n in (40, 40))
    for one, two in zip(a.falls, b.falls, strict=True):
        assert one.lon_deg.tobytes() == two.lon_deg.tobytes()
    # Of one place, so the places taken do not depend on the number either.
    more = landing(at(6_000.0), START, None, winds(10.0), seed=7, members=60)
    other = landing(at(6_000.0), START, None, winds(10.0), seed=8, members=40)
    first = LARGE_FRAGMENTS.index(next(f for f in LARGE_FRAGMENTS if f.name == "payload"))
    np.testing.assert_allclose(more.falls[first].lon_deg[:40], a.falls[first].lon_deg, atol=1e-4)
    assert not np.allclose(other.falls[first].lon_deg, a.falls[first].lon_deg, atol=1e-4)


def test_members_of_a_forecast_are_used_in_turn() -> None:
    found = landing(
        at(6_000.0), START, [stone(20.0)], [winds(10.0), winds(-10.0)], seed=0, members=6, error=None
    )
    east = found.falls[0].lon_deg > -78.888
    assert east.tolist() == [True, False] * 3


def test_winds_that_end_high_leave_it_undetermined() -> None:
    """A climatology that ends at 300 hPa says nothing of the way below."""
    grid = winds(10.0)
    top = Grid(
        time_s=grid.time_s, pressure_pa=LEVELS_PA[:8], lat_deg=grid.lat_deg, lon_deg=grid.lon_deg,
        u_mps=grid.u_mps[:, :8].copy(), v_mps=grid.v_mps[:, :8].copy(), steady=True,
    )  # fmt: skip
    found = landing(at(6_000.0), START, [stone(10.0)], top, seed=0, members=4, error=None)
    assert value(found, "place").kind == "undetermined"
    assert value(found, "followed").value["p"] == 0.0
    assert "outside levels" in value(found, "place").reason
    assert found.falls[0].cells is None
    held = landing(at(6_000.0), START, [stone(10.0)], top, seed=0, members=4, error=None, hold_below_m=12e3)
    assert value(held, "followed").value["p"] == 1.0


# --- what it says --------------------------------------------------------------------------------------


def test_the_map_holds_every_piece_that_landed() -> None:
    rng = np.random.default_rng(1)
    lon, lat = 179.9 + 0.2 * rng.standard_normal(500), -16.0 + 0.1 * rng.standard_normal(500)
    lon[:50] = np.nan
    cells = cell_map((lon + 180.0) % 360.0 - 180.0, lat)
    assert cells.p.sum() == pytest.approx(0.9)
    assert cells.p.shape == (cells.lat_edge_deg.size - 1, cells.lon_edge_deg.size - 1)
    # Unwrapped across the seam: the map is two degrees wide and not a turn.
    assert np.ptp(cells.lon_edge_deg) < 3.0
    row = np.unravel_index(cells.p.argmax(), cells.p.shape)[0]
    assert cells.lat_edge_deg[row] == pytest.approx(-16.0, abs=0.3)
    assert cell_map(lon, lat, 1e-3).p.size <= 1_100**2
    with pytest.raises(InputError, match="cell_m"):
        cell_map(lon, lat, -1.0)


def test_the_regions_hold_their_share() -> None:
    from shapely import contains_xy
    from shapely.geometry import Polygon

    found = landing(at(6_000.0), START, [stone(5.0)], winds(10.0), seed=3, members=500)
    fall = found.falls[0]
    for region in fall.regions:
        shapes = [Polygon(rings[0].T, [h.T for h in rings[1:]]) for rings in region.polygons]
        held = np.any([contains_xy(s, fall.lon_deg, fall.lat_deg) for s in shapes], axis=0)
        assert held.mean() == pytest.approx(region.level, abs=0.03)
    assert [r.level for r in fall.regions] == [0.5, 0.9]


def test_the_error_of_a_chance_counts_places_and_not_members() -> None:
    # Ten places of a hundred alike members each: the error is that of ten draws, √(n/(n-1)) the larger.
    source = np.repeat(np.arange(10), 100)
    found = chance(source < 5, source)
    assert found.p == 0.5
    assert found.sd == pytest.approx(0.5 / math.sqrt(9))
    alone = chance(source < 5, np.arange(1000))
    assert alone.sd == pytest.approx(0.5 / math.sqrt(999))
    assert chance(source < 99, source).sd == pytest.approx(1.5 / 10)
    assert spread_of_mean(np.zeros(100), np.zeros(100, int)) == pytest.approx(0.015)


def test_the_ids_of_the_findings_are_names() -> None:
    found = landing(at(6_000.0), START, SOUNDING_FRAGMENTS, winds(10.0), seed=3, members=20)
    ids = [f.id for f in found.findings]
    assert len(set(ids)) == len(ids)
    wanted = {"followed", "place", "time", "distance", "fall_speed", "land", "near_coast"}
    for name in ("payload", "envelope"):
        assert {i.split(".")[2] for i in ids if i.startswith(f"landing.{name}.")} == wanted
    one = value(found, "land", "payload")
    assert one.given["end_of_flight"] == "2023-02-04T19:39:00Z"
    assert "1:50 million" in one.reason
    assert "assumed" in one.given["fragment"]


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"name": "no.dots"},
        {"mass_kg": 0.0},
        {"mass_kg": math.nan},
        {"drag_area_m2": -1.0},
        {"drag_spread": 9.0},
        {"mass_kg": 1e5, "drag_area_m2": 1e-3},
        {"mass_kg": 1e-6, "drag_area_m2": 1e3},
    ],
)
def test_impossible_fragments_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"fragment"):
        Fragment(**{"name": "piece", "mass_kg": 1.0, "drag_area_m2": 1.0, **change})


def test_impossible_runs_are_refused() -> None:
    ask = {"fragments": [stone(5.0)], "winds": winds(), "seed": 0, "members": 4}
    for change, message in (
        ({"fragments": []}, "no fragment"),
        ({"fragments": [stone(5.0), stone(6.0)]}, "share a name"),
        ({"members": 1}, "members"),
        ({"seed": -1}, "seed"),
        ({"error": "some"}, "error"),
        ({"winds": []}, "no member"),
    ):
        with pytest.raises(InputError, match=message):
            landing(at(6_000.0), START, **{**ask, **change})
    with pytest.raises(LimitError, match="members"):
        landing(at(6_000.0), START, **{**ask, "members": 10**7})
    with pytest.raises(InputError, match="another time"):
        landing(at(6_000.0), START + 1.0, **ask)


# --- 4 February 2023 -----------------------------------------------------------------------------------


def test_the_debris_of_2023_comes_down_in_the_sea_within_what_was_reported() -> None:
    """Order of magnitude only: the day's winds are not here, and the pieces are assumed.

    The balloon was hit at 58,000 to 65,000 ft some six nautical miles off Surfside Beach (senior military
    officials, 4 February 2023). The wreck lay some six miles off in about 47 ft of water; its main field was
    some 1.5 by 1.5 km (General VanHerck, 6 February 2023: '15 football fields by 15'), and the first reports
    spoke of debris over seven miles (11 km). Winds here are made: westerly, a winter jet of 45 m/s.
    """
    jet = [5.0, 8.0, 12.0, 16.0, 25.0, 38.0, 45.0, 40.0, 25.0, 15.0, 10.0, 6.0]
    found = landing(
        at(float(standard_pressure_pa(18_900.0))), START, None, winds(jet), seed=2023, members=400
    )
    payload, envelope, debris = found.falls
    # The sea, for certain: six miles off and carried seaward.
    for fall in (payload, envelope, debris):
        assert value(found, "land", fall.fragment.name).value["p"] < 0.01
    # The heavy part comes down within minutes and a few miles, the light ones after it and farther.
    assert 120.0 < np.median(payload.time_s) - START < 1200.0
    assert 2e3 < np.median(payload.distance_m) < 20e3
    assert np.median(payload.distance_m) < np.median(envelope.distance_m) < np.median(debris.distance_m)
    # What is unknown of one piece is wider than the field that one break-up left, by some to some ten times.
    assert 1.5**2 < payload.regions[1].area_km2 < 30.0**2

"""How often a passive flight gets somewhere: made winds whose answer is known, and the error of the share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.stats import t

from overflight import atmosphere
from overflight.claims.physics import check_claim
from overflight.claims.records import Claim
from overflight.claims.stray_flights import (
    BLOCK_S,
    StraySettings,
    answer_strayed,
    asked_area,
    fly_strays,
    read_settings,
)
from overflight.claims.strayed import passive_reach, reach_findings, reach_of
from overflight.crossings import crossings
from overflight.errors import CaseError, CoverageError, InputError
from overflight.geo import distance_m
from overflight.places.areas import Area
from overflight.places.frame import into_one_frame
from overflight.times import parse_utc
from overflight.trajectories.passive import SLOW_TIME_S, fly_passive, made_weathers, passive_winds
from overflight.winds.error import PRIOR_ERROR
from overflight.winds.error_waves import error_vector
from overflight.winds.grid import Grid
from overflight.words import percent

JANUARY, MARCH = parse_utc("2023-01-01T00:00Z"), parse_utc("2023-03-01T00:00Z")
LOW_M, HIGH_M = 16_000.0, 20_000.0


def box(west: float, east: float, id: str = "box") -> Area:
    return Area(
        id=id, name=id, kind="user", basis="a box",
        geometry=into_one_frame([shapely.box(west, -10.0, east, 10.0)]),
    )  # fmt: skip


def winds(low_mps: float, high_mps: float, *, begin: float = JANUARY, end: float = MARCH) -> Grid:
    """An eastward wind around the globe, even but for height: linear in log-pressure from 14 to 24 km."""
    pressure = np.sort(atmosphere.pressure_pa(np.array([14_000.0, 24_000.0])))
    lat, lon, time_s = np.arange(-90.0, 91.0, 10.0), np.arange(-180.0, 180.0, 20.0), np.array([begin, end])
    shape = (2, 2, lat.size, lon.size)
    u = np.empty(shape, np.float32)
    u[:, 0], u[:, 1] = high_mps, low_mps
    none = np.full(shape, 1e-6, np.float32)
    return Grid(
        time_s=time_s, pressure_pa=pressure, lat_deg=lat, lon_deg=lon, u_mps=u, v_mps=np.zeros_like(u),
        u_sd_mps=none, v_sd_mps=none, periodic=True, name="made",
    )  # fmt: skip


def asked(**more: object) -> StraySettings:
    fields = {"days": 2.0, "radius_km": 0.0, "members": 320, "launches": 8, "area": "box", **more}
    return StraySettings(year=2023, month=1, **fields)


def test_a_wind_that_takes_all_of_them_there_and_one_that_takes_none() -> None:
    area = box(20.0, 60.0)
    there = answer_strayed(asked(), winds(30.0, 30.0), areas=[area])
    assert there.section["share"] == 1.0
    assert there.section["own_winds"]
    away = answer_strayed(asked(), winds(-30.0, -30.0), areas=[area])
    assert away.section["share"] == 0.0
    assert away.section["high"] > 0.0  # none of some is not none of all
    # 20 degrees of the equator at 18 km at 30 m/s, to the least and the most of its levels.
    (took,) = (f for f in there.findings if f.id.endswith("_days"))
    days = float(distance_m(0.0, 0.0, 20.0, 0.0)) / 30.0 / 86_400.0 * (1.0 + 18_000.0 / 6_378_137.0)
    assert took.value is not None
    assert took.value["p50"] == pytest.approx(days, rel=1e-3)


def test_the_share_of_a_wind_that_grows_with_height_is_the_share_of_levels() -> None:
    """Flights at one level get there above the height at which the wind covers the way in the time."""
    edge_deg, days = 30.0, 2.0
    way = float(distance_m(0.0, 0.0, edge_deg, 0.0)) * (1.0 + 18_000.0 / 6_378_137.0)
    low, high = 10.0, 30.0
    needed = way / (days * 86_400.0)
    ends = np.log(atmosphere.pressure_pa(np.array([14_000.0, 24_000.0])))
    log_p = ends[0] + (needed - low) / (high - low) * (ends[1] - ends[0])
    closed = (HIGH_M - float(atmosphere.alt_from_pressure(np.exp(log_p)))) / (HIGH_M - LOW_M)
    assert 0.2 < closed < 0.8
    flown = fly_strays(asked(days=days, members=1600), winds(low, high))
    reached = crossings(flown.ensemble, (box(edge_deg, 70.0),)).by_area["box"].ever[~flown.varied]
    assert reached.mean() == pytest.approx(closed, abs=4.0 * np.sqrt(closed * (1 - closed) / reached.size))
    # By day the others float higher, in more wind: more of them arrive.
    other = crossings(flown.ensemble, (box(edge_deg, 70.0),)).by_area["box"].ever[flown.varied]
    assert other.mean() > reached.mean()


def test_half_a_month_of_west_wind_is_half_the_flights() -> None:
    """The wind turns in the middle of the month, so that the launch times before it reach the area."""
    turn = JANUARY + 15.5 * 86_400.0
    steady = winds(30.0, 30.0)
    fields = {name: getattr(steady, name) for name in ("pressure_pa", "lat_deg", "lon_deg")}
    time_s = np.array([JANUARY, turn - 1.0, turn, MARCH])
    u = np.repeat(np.array([30.0, 30.0, -30.0, -30.0], np.float32)[:, None, None, None], 2, axis=1)
    u = np.ascontiguousarray(np.broadcast_to(u, (4, 2, *steady.u_mps.shape[2:])))
    tiny = np.full_like(u, 1e-6)
    grid = Grid(
        time_s=time_s, u_mps=u, v_mps=np.zeros_like(u), u_sd_mps=tiny, v_sd_mps=tiny, periodic=True, **fields
    )  # fmt: skip
    flown = fly_strays(asked(days=1.0, launches=62, members=124, radius_km=0.0), grid)
    found = passive_reach(flown.ensemble, box(10.0, 60.0))
    # The launches of the half day before the turn are brought back short of the area.
    took_s = float(distance_m(0.0, 0.0, 10.0, 0.0)) / 30.0
    assert found.share == pytest.approx((15.5 * 86_400.0 - took_s) / (31 * 86_400.0), abs=1.5 / 62)
    # Launches of one spell of weather are one case: seven spells, not 62 launches.
    assert found.launches == int(np.ceil(31 * 86_400.0 / BLOCK_S))
    assert found.effective < 8.0
    assert found.low < 0.5 < found.high


def test_flights_that_leave_the_winds_may_have_come() -> None:
    """A box of winds that ends before the area: nobody is seen there, and nothing is ruled out."""
    grid = winds(30.0, 30.0)
    half = (grid.lon_deg >= -60.0) & (grid.lon_deg <= 20.0)
    cut = Grid(
        time_s=grid.time_s, pressure_pa=grid.pressure_pa, lat_deg=grid.lat_deg, lon_deg=grid.lon_deg[half],
        u_mps=grid.u_mps[..., half], v_mps=grid.v_mps[..., half], u_sd_mps=grid.u_sd_mps[..., half],
        v_sd_mps=grid.v_sd_mps[..., half],
    )  # fmt: skip
    found = answer_strayed(asked(), cut, areas=[box(40.0, 60.0)]).section
    assert (found["share"], found["lost"], found["high"]) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("clusters", "rho", "p"), [(20, 0.2, 0.3), (20, 0.05, 0.1), (7, 0.3, 0.5), (20, 0.3, 0.03)]
)
def test_the_interval_holds_the_share_of_made_weathers(clusters: int, rho: float, p: float) -> None:
    """200 made cases: weathers whose own share is Beta with the correlation `rho`, 16 flights in each.

    An interval of 90 % holds the truth in 180 of 200 (standard deviation 4); Wilson's errs to the wide side,
    and that of a rare way farther, as none of 20 weathers does not rule it out.
    """
    rng = np.random.default_rng(int(1000 * rho) + clusters)
    scale = (1.0 - rho) / rho
    held = 0
    for _ in range(200):
        own = rng.beta(p * scale, (1.0 - p) * scale, clusters)
        hit = rng.random((clusters, 16)) < own[:, None]
        found = reach_of("USA", hit.ravel(), np.ones(hit.size), np.repeat(np.arange(clusters), 16))
        held += found.low <= p <= found.high
    assert 168 <= held <= 196


def test_made_weathers_have_the_priors_size_and_a_part_that_stays() -> None:
    prior = passive_winds(None, JANUARY, MARCH)
    assert not prior.own
    waves = made_weathers(prior, [np.random.default_rng(n) for n in range(3000)])
    assert waves is not None

    def at(time_s: float) -> np.ndarray:
        return np.array(
            [error_vector(waves.waves[m], waves.cosines[m], waves.sines[m], 0.0, time_s, 8.9, 40.0, 20.0)
             for m in range(3000)]
        )  # fmt: skip

    first = at(JANUARY)
    assert np.mean(first**2) == pytest.approx(1.0, abs=0.05)
    for lag, slow in ((20 * 86_400.0, 0.25), (3.0 * 86_400.0, 0.25)):
        stays = float(PRIOR_ERROR.correlation(lag * PRIOR_ERROR.time_s / SLOW_TIME_S))
        passes = float(PRIOR_ERROR.correlation(lag))
        want = slow * stays + (1.0 - slow) * passes
        assert np.mean(first * at(JANUARY + lag)) == pytest.approx(want, abs=0.05)


def test_flights_forth_and_back_come_home() -> None:
    """A balloon that changes its level with the sun retraces its way when time runs back."""
    field = passive_winds(winds(10.0, 30.0), JANUARY, MARCH)
    end = JANUARY + 3.0 * 86_400.0
    forth = fly_passive(field, 10.0, 20.0, JANUARY, 17_000.0, time_end=end, amplitude_m=800.0)
    lon, lat = forth.end_lon_deg[0], forth.end_lat_deg[0]
    back = fly_passive(field, lon, lat, end, 17_000.0, time_end=JANUARY, amplitude_m=800.0)
    assert float(distance_m(10.0, 20.0, back.end_lon_deg[0], back.end_lat_deg[0])) < 60_000.0
    assert float(distance_m(10.0, 20.0, lon, lat)) > 4_000_000.0


def test_the_climatology_is_a_number_for_januaries_in_general() -> None:
    settings = asked(
        lon_deg=110.4, lat_deg=19.4, place="Hainan", area="USA", days=10.0, members=64, launches=4
    )
    claims = [Claim(id="C001", verbs=("strayed",)), Claim(id="C002", verbs=("entered",))]
    found = answer_strayed(settings, claims=claims)
    head = found.findings[0]
    assert head.id == "claims.strayed.reach_USA_airspace"
    assert "a usual January" in head.question
    assert head.evidence == ("C001",)
    assert "January in general" in found.section["notes"][0]
    assert found.section["groups"] == 16
    again = answer_strayed(settings, claims=claims)
    assert again.section == found.section
    other = answer_strayed(asked(**{name: getattr(settings, name) for name in (
        "lon_deg", "lat_deg", "place", "area", "days", "members", "launches")}, seed=2))  # fmt: skip
    assert other.section["paths"] != found.section["paths"]


def test_winds_that_end_before_the_last_flight_are_not_taken() -> None:
    short = winds(30.0, 30.0, end=JANUARY + 20 * 86_400.0)
    assert not passive_winds(short, JANUARY, JANUARY + 33 * 86_400.0).own


def test_levels_outside_the_winds_are_refused() -> None:
    with pytest.raises(CoverageError, match="levels"):
        answer_strayed(asked(level_m=(2_000.0, 3_000.0), area="USA"))


def test_launches_from_an_area_lie_in_it() -> None:
    area = box(-5.0, 5.0, id="home")
    flown = fly_strays(asked(origin="home", days=0.25), winds(1e-3, 1e-3), areas=[area])
    lon, lat = flown.ensemble["lon"].values[:, 0], flown.ensemble["lat"].values[:, 0]
    assert abs(lon).max() <= 5.0
    assert abs(lat).max() <= 10.0
    assert np.ptp(lon) > 8.0


def test_areas_are_those_of_the_case_or_countries() -> None:
    assert asked_area("box", [box(0.0, 1.0)]).id == "box"
    assert asked_area("usa").id == "USA_airspace"
    assert asked_area("MNG").id == "MNG"
    with pytest.raises(InputError, match="neither"):
        asked_area("Atlantis")


# --- settings


GOOD = {"from": [110.4, 19.4], "month": "2023-01", "area": "USA"}


def test_settings_of_a_case() -> None:
    read = read_settings({**GOOD, "level_m": [15_000, 21_000], "members": 64})
    assert read is not None
    assert (read.lon_deg, read.lat_deg, read.level_m, read.members) == (110.4, 19.4, (15e3, 21e3), 64)
    assert read.end_s - read.begin_s == 31 * 86_400.0
    assert read_settings({}) is None
    west = read_settings({**GOOD, "from": [250.0, 19.4], "month": "2023-12"})
    assert west is not None
    assert west.lon_deg == -110.0
    assert west.end_s == parse_utc("2024-01-01T00:00Z")
    named = read_settings({**GOOD, "from": "CHN"})
    assert named is not None
    assert named.from_words == "CHN"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("from", [110.4]), ("from", [110.4, 99.0]), ("from", ["a", "b"]), ("from", 5), ("from", ""),
        ("month", "2023-13"), ("month", "Jan 2023"), ("month", 202301), ("area", ""), ("area", 7),
        ("days", 0), ("days", float("nan")), ("members", 8), ("members", 20.5), ("launches", 500),
        ("level_m", [20_000, 16_000]), ("level_m", 18_000), ("seed", -1), ("days", True),
        ("dayz", 3), ("place", 4),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_named(key: str, value: object) -> None:
    with pytest.raises(CaseError) as caught:
        read_settings({**GOOD, key: value})
    assert key in str(caught.value)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_what_is_missing_is_named(key: str, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("[ask.strayed]\n", encoding="utf-8")
    with pytest.raises(CaseError, match="is missing") as caught:
        read_settings({name: value for name, value in GOOD.items() if name != key}, tmp_path)
    assert f"ask.strayed.{key}" in str(caught.value)


# --- beside the claims


def reach(hits: int, of: int, groups: int = 20, *, lost: bool = False):
    """Findings of flights in turn of so many weathers, of which the first came."""
    share = reach_of("USA_airspace", np.arange(of) < hits, np.ones(of), np.arange(of) % groups, lost=lost)
    return reach_findings(share, origin="Hainan", month="January", winds="prior")


def check(claim: Claim, hits: int, of: int = 320, groups: int = 20, *, lost: bool = False):
    found = {f.id: f for f in reach(hits, of, groups, lost=lost)}
    (one,) = (c for c in check_claim(claim, None, found) if c.aspect == "reach")
    return one


def test_the_share_stands_beside_the_claim_that_it_strayed() -> None:
    one = check(Claim(id="C001", verbs=("strayed",)), 100)
    assert (one.verdict, one.p) == ("consistent", pytest.approx(100 / 320))
    assert one.basis == ("claims.strayed.reach_USA_airspace", "claims.strayed.reach_USA_airspace_interval")
    assert "31 %" in one.reason


def test_a_rare_way_is_no_contradiction_but_one_that_nobody_takes_is() -> None:
    """None of 20 weathers is 13 % at most, none of 80 is 3 %: by Wilson's with Student's t, z² / (n + z²)."""
    strayed = Claim(id="C001", verbs=("strayed",))
    assert check(strayed, 15).verdict == "consistent"
    one = check(strayed, 0)
    assert one.verdict == "untestable"
    z = float(t.ppf(0.95, 19))
    assert percent(z**2 / (20.0 + z**2)) == "13 %"
    assert "does not rule it out (13 % at most)" in one.reason
    assert check(strayed, 0, groups=80).verdict == "inconsistent"
    assert check(strayed, 0, of=20).verdict == "untestable"


def test_where_all_were_lost_nothing_is_ruled_out() -> None:
    one = check(Claim(id="C001", verbs=("strayed",)), 0, groups=80, lost=True)
    assert one.verdict == "untestable"
    assert "does not rule it out (>99 % at most)" in one.reason


@pytest.mark.parametrize("groups", [1, 4, 20, 80])
@pytest.mark.parametrize("alike", [False, True])
def test_one_that_comes_is_never_worse_than_none(groups: int, alike: bool) -> None:
    """Hits in one weather after another, or all in one: the upper end is at least that of none of them."""
    of = 320
    group = np.arange(of) * groups // of if alike else np.arange(of) % groups
    none = reach_of("USA", np.zeros(of), np.ones(of), group)
    every = reach_of("USA", np.ones(of), np.ones(of), group)
    order = {"inconsistent": 0, "untestable": 1, "consistent": 1}
    strayed = Claim(id="C001", verbs=("strayed",))
    least = order[check(strayed, 0, groups=groups).verdict]
    for hits in (1, 2, 5, 16, 60):
        some = reach_of("USA", np.arange(of) < hits, np.ones(of), group)
        missed = reach_of("USA", np.arange(of) >= hits, np.ones(of), group)
        assert some.high >= none.high
        assert missed.low <= every.low + 1e-12
        assert order[check(strayed, hits, groups=groups).verdict] >= least


def test_a_share_that_rounds_to_less_than_all_is_all() -> None:
    """The weights of 320 flights sum to a little less than one: all came, and weathers count once each."""
    every = reach_of("USA", np.ones(320), np.ones(320), np.arange(320) % 20)
    assert every.effective == pytest.approx(20.0)


def test_that_it_did_not_stray_is_not_tested_by_it() -> None:
    assert check(Claim(id="C001", verbs=("strayed",), answer="no"), 100).verdict == "untestable"


def test_another_area_is_no_test() -> None:
    found = {f.id: f for f in reach(100, 320)}
    claim = Claim(id="C001", verbs=("strayed",), area="CAN")
    assert all(c.aspect != "reach" for c in check_claim(claim, None, found))
    here = Claim(id="C001", verbs=("strayed",), area="USA")
    assert any(c.aspect == "reach" for c in check_claim(here, None, found))

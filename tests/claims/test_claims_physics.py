from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import shapely
from scipy.stats import binomtest, norm

from overflight.claims.path import Path, at, tail
from overflight.claims.physics import HEIGHT_SLACK_M, check_claim, check_claims, path_of
from overflight.claims.records import Claim, Quantity
from overflight.claims.strayed import passive_reach, reach_findings, reach_of
from overflight.errors import OverflightError
from overflight.geo import circle, distance_m
from overflight.places.areas import Area
from overflight.places.frame import into_one_frame
from overflight.records import Finding, make_ensemble
from overflight.times import iso_utc, parse_utc

START = parse_utc("2023-02-01T00:00Z")
HOURS = 24
SPEED_MPS = 20.0


def ensemble(lon0: float = -110.0, spread_deg: float = 0.2, members: int = 400, lat: float = 0.0):
    """Flights eastward along a parallel at 20 m/s, normally spread across it and along it."""
    index = np.arange(members)
    across = norm.ppf((index + 0.5) / members)
    along = norm.ppf(np.mod((index + 0.5) * (math.sqrt(5) - 1) / 2, 1.0))
    hours = np.arange(HOURS + 1.0)
    step_deg = SPEED_MPS * 3600.0 / (float(distance_m(0.0, lat, 1.0, lat)))
    lon = lon0 + spread_deg * along[:, None] + step_deg * hours
    shape = (members, HOURS + 1)
    return make_ensemble(
        kind="twin",
        time_s=START + 3600.0 * hours,
        lon_deg=lon,
        lat_deg=np.broadcast_to(lat + spread_deg * across[:, None], shape),
        alt_m=np.broadcast_to(18_000.0 + 200.0 * along[:, None], shape),
        pressure_pa=np.full(shape, 7000.0),
        status=np.zeros(shape, np.int8),
    )


def located(lon: float, lat: float, hour: float, radius_km: float = 20.0, **more: object) -> Claim:
    fields = {"about": iso_utc(START + 3600.0 * hour), "verbs": ("located",), **more}
    return Claim(id="A", lon_deg=lon, lat_deg=lat, radius_km=radius_km, **fields)


def lon_at(hour: float) -> float:
    return -110.0 + SPEED_MPS * 3600.0 * hour / float(distance_m(0.0, 0.0, 1.0, 0.0))


def test_a_report_where_the_flight_was_is_consistent() -> None:
    (check,) = check_claims([located(lon_at(6.0), 0.0, 6.0)], ensemble=ensemble())
    assert (check.aspect, check.verdict) == ("place", "consistent")
    assert check.p is not None
    assert check.p > 0.9
    assert check.finding_id == "claims.A.place"


@pytest.mark.parametrize("off_sd", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_the_tail_is_that_of_the_normal_distribution(off_sd: float) -> None:
    """Two normal coordinates of one spread: P(beyond d) = exp(-d²/2σ²), σ² of flight and report together."""
    spread_km, radius_km = 30.0, 40.0
    index = np.arange(4000)
    x = spread_km * norm.ppf((index + 0.5) / 4000)
    y = spread_km * norm.ppf(np.mod((index + 0.5) * (math.sqrt(5) - 1) / 2, 1.0))
    sd = math.hypot(spread_km, radius_km / 2.0)
    found = tail(x - off_sd * sd, y, np.full(4000, 1 / 4000), radius_km)
    assert found == pytest.approx(math.exp(-0.5 * off_sd**2), abs=0.04)


def test_a_place_within_the_radius_of_a_sharp_flight_is_consistent() -> None:
    x = np.full(50, 20.0)
    assert tail(x, np.zeros(50), np.full(50, 0.02), 30.0) == pytest.approx(
        math.exp(-0.5 * (20 / 15) ** 2), abs=0.06
    )


def test_between_two_branches_is_inconsistent() -> None:
    x = np.concatenate([np.linspace(-310, -290, 50), np.linspace(290, 310, 50)])
    assert tail(x, np.zeros(100), np.full(100, 0.01), 20.0) < 0.01
    assert tail(x - 300.0, np.zeros(100), np.full(100, 0.01), 20.0) > 0.3


def test_a_wrong_time_is_caught_and_the_right_one_named() -> None:
    (check,) = check_claims([located(lon_at(6.0), 0.0, 12.0)], ensemble=ensemble())
    assert check.verdict == "inconsistent"
    assert "1 Feb 06:00Z" in check.hint
    assert "6.0 h before the time stated" in check.hint
    assert check.distance_km is not None
    assert check.distance_km[1] == pytest.approx(6 * 3600 * SPEED_MPS / 1e3, rel=0.05)


def test_a_wrong_place_is_caught() -> None:
    (check,) = check_claims([located(lon_at(6.0), 5.0, 6.0)], ensemble=ensemble())
    assert check.verdict == "inconsistent"
    assert "nearest at" in check.hint


def test_a_denial_of_the_place_is_turned_round() -> None:
    (check,) = check_claims([located(lon_at(6.0), 0.0, 6.0, 300.0, answer="no")], ensemble=ensemble())
    assert check.verdict == "inconsistent"
    (check,) = check_claims([located(lon_at(6.0), 40.0, 6.0, answer="no")], ensemble=ensemble())
    assert check.verdict == "consistent"


def test_a_day_without_zone_is_any_on_earth() -> None:
    """2 February somewhere begins at 10Z on 1 February, in UTC+14."""
    claim = located(lon_at(11.0), 0.0, 0.0, about="2023-02-02")
    (check,) = check_claims([claim], ensemble=ensemble())
    assert check.verdict == "consistent"
    (check,) = check_claims([located(lon_at(6.0), 0.0, 0.0, about="2023-02-02")], ensemble=ensemble())
    assert check.verdict == "inconsistent"


def test_places_across_the_date_line() -> None:
    moved = ensemble(lon0=179.0)
    hour = 3.0
    lon = 179.0 + lon_at(hour) + 110.0
    (check,) = check_claims([located(lon - 360.0, 0.0, hour)], ensemble=moved)
    assert check.verdict == "consistent"
    (check,) = check_claims([located(lon, 0.0, hour)], ensemble=moved)
    assert check.verdict == "consistent"


def test_between_samples_the_flight_keeps_to_its_great_circle() -> None:
    path = path_of(ensemble())
    lon, lat, _ = at(path, np.array([START + 1800.0, START]))
    assert np.allclose(lon[:, 0], (path.lon_deg[:, 0] + path.lon_deg[:, 1]) / 2.0, atol=1e-5)
    assert np.allclose(lat[:, 1], path.lat_deg[:, 0], atol=1e-6)


def test_a_life_that_ended_is_not_there() -> None:
    path = Path(
        np.array([0.0, 10.0]), np.array([[0.0, 1.0], [0.0, np.nan]]), np.zeros((2, 2)), np.zeros((2, 2)),
        np.array([0.5, 0.5]),
    )  # fmt: skip
    lon, _, _ = at(path, np.array([0.0, 5.0]))
    assert np.isfinite(lon).tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (located(-110.0, 0.0, 0.0, about="2022-01-01"), "outside the flight"),
        (located(-110.0, 0.0, 0.0, about=""), "does not say when"),
        (located(-110.0, 0.0, 0.0, answer="open"), "open"),
        (Claim(id="A", verbs=("located",)), "no place"),
        (Claim(id="A", verbs=("owned",)), "nothing in it"),
        (Claim(id="A", verbs=("entered",)), "no area"),
        (Claim(id="A", verbs=("entered",), area="USA"), "no finding"),
        (Claim(id="A", verbs=("manoeuvred",)), "no finding"),
        (Claim(id="A", verbs=("counted",), quantity=Quantity(6, 6, "count")), "names no finding"),
    ],
)
def test_what_cannot_be_tested_says_why(claim: Claim, reason: str) -> None:
    (check,) = check_claims([claim], ensemble=ensemble(members=20))
    assert (check.verdict, check.p) == ("untestable", None)
    assert reason in check.reason


def test_without_a_flight_nothing_is_tested() -> None:
    (check,) = check_claims([located(-110.0, 0.0, 0.0)])
    assert check.verdict == "untestable"


def height(value: float, unit: str = "ft", **more: object) -> Claim:
    return Claim(id="A", verbs=("other",), topic="altitude", quantity=Quantity(value, value, unit), **more)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (height(60_000), "consistent"),  # 18 288 m
        (height(39_000), "inconsistent"),  # 11 887 m
        (height(18.0, "km"), "consistent"),
        (height(590, "FL"), "consistent"),  # 17 983 m
        (height(65_000), "inconsistent"),  # 19 812 m
    ],
)
def test_heights(claim: Claim, verdict: str) -> None:
    (check,) = check_claims([claim], ensemble=ensemble())
    assert (check.aspect, check.verdict) == ("height", verdict)


def test_the_tail_of_a_height_is_normal() -> None:
    (check,) = check_claims([height(18_000.0 + HEIGHT_SLACK_M + 300.0, "m")], ensemble=ensemble())
    assert check.p == pytest.approx(2.0 * norm.sf(1.5), abs=0.01)


def test_a_size_is_no_height() -> None:
    claim = Claim(id="A", verbs=("other",), topic="size", quantity=Quantity(200, 200, "ft"))
    (check,) = check_claims([claim], ensemble=ensemble(members=20))
    assert check.verdict == "untestable"


def test_speeds() -> None:
    def speed(low: float, unit: str) -> Claim:
        return Claim(
            id="A", verbs=("other",), quantity=Quantity(low, low * 1.05, unit), about="2023-02-01T03:00Z"
        )

    for low, unit, verdict in (
        (38.5, "kt", "consistent"),
        (71, "km/h", "consistent"),
        (60, "kt", "inconsistent"),
    ):
        claim = speed(low, unit)
        claim = Claim(**{**_fields(claim), "about": "2023-02-01T03:00Z/2023-02-01T09:00Z"})
        (check,) = check_claims([claim], ensemble=ensemble(members=50))
        assert (check.aspect, check.verdict) == ("speed", verdict)


def _fields(claim: Claim) -> dict[str, object]:
    return {name: getattr(claim, name) for name in Claim.__slots__}


def interval(id: str, unit: str, **value: float) -> Finding:
    return Finding(id=id, question="?", kind="interval", unit=unit, value=value)


def chance(id: str, p: float) -> Finding:
    return Finding(id=id, question="?", kind="probability", unit="1", value={"p": p})


def one(claim: Claim, *findings: Finding):
    (check,) = check_claim(claim, None, {f.id: f for f in findings})
    return check


def test_entries_against_the_crossing_findings() -> None:
    hour = 3600.0
    findings = (
        chance("crossing.USA.probability", 1.0),
        interval("crossing.USA.entry", "posix_s", p05=START - 2 * hour, p50=START, p95=START + hour),
    )
    good = one(Claim(id="A", verbs=("entered",), area="USA", about="2023-02-01T00:00Z"), *findings)
    assert (good.verdict, good.basis) == ("consistent", ("crossing.USA.probability", "crossing.USA.entry"))
    late = one(Claim(id="A", verbs=("entered",), area="USA", about="2023-02-01T06:00Z"), *findings)
    assert late.verdict == "inconsistent"
    assert "31 Jan" in late.hint or "1 Feb 00:00Z" in late.hint
    # At the 95th percentile the two-sided tail is 10 %.
    edge = one(Claim(id="A", verbs=("entered",), area="USA", about="2023-02-01T01:00:00Z"), *findings)
    assert edge.p == pytest.approx(0.10, abs=0.001)
    never = one(
        Claim(id="A", verbs=("entered",), area="USA", about="2023-02-01T00:00Z"),
        chance("crossing.USA.probability", 0.01),
    )
    assert (never.verdict, never.p) == ("inconsistent", 0.01)
    denied = one(Claim(id="A", verbs=("entered",), area="USA", answer="no"), *findings)
    assert denied.verdict == "inconsistent"


@pytest.mark.parametrize(
    ("verb", "answer", "p"),
    [("manoeuvred", "yes", 0.2), ("manoeuvred", "no", 0.7), ("strayed", "yes", 0.7), ("strayed", "no", 0.2)],
)
def test_manoeuvres_against_steering(verb: str, answer: str, p: float) -> None:
    found = one(
        Claim(id="A", verbs=(verb,), answer=answer),
        chance("steer.flight.p_steered", 0.2),
        chance("steer.flight.p_drifted", 0.7),
    )
    assert (found.aspect, found.p) == ("manoeuvre", p)
    assert "meant is not tested" in found.reason


def side_of(word: str | None) -> Finding:
    value = None if word is None else {"category": word}
    kind = "undetermined" if word is None else "category"
    return Finding(
        id="steer.flight.side",
        question="?",
        kind=kind,
        unit="",
        value=value,
        reason="the winds are too coarse",
    )


def test_a_verdict_that_was_withheld_tests_no_claim() -> None:
    chances = chance("steer.flight.p_steered", 0.99), chance("steer.flight.p_drifted", 0.01)
    strayed = Claim(id="A", verbs=("strayed",), answer="yes")
    assert one(strayed, *chances, side_of("steered")).verdict == "inconsistent"
    held = one(strayed, *chances, side_of(None))
    assert held.verdict == "untestable"
    assert "too coarse" in held.reason


def test_that_it_did_not_drift_is_against_straying_and_says_nothing_of_manoeuvres() -> None:
    told = (
        chance("steer.flight.p_steered", 0.5),
        chance("steer.flight.p_drifted", 0.01),
        side_of("did not drift"),
    )
    assert one(Claim(id="A", verbs=("strayed",), answer="yes"), *told).verdict == "inconsistent"
    assert one(Claim(id="A", verbs=("manoeuvred",), answer="yes"), *told).verdict == "untestable"


def test_quantities_against_named_findings() -> None:
    bounds = interval("custody.link.rate", "Mbit/s", lo=0.0, hi=2.0)
    count = interval("programme.USA.flights", "count", p05=4.0, p50=5.0, p95=7.0)

    def claimed(low: float | None, high: float | None, unit: str, finding: str) -> Claim:
        return Claim(id="A", verbs=("counted",), quantity=Quantity(low, high, unit), finding=finding)

    inside = one(claimed(500, None, "kbit/s", bounds.id), bounds)
    assert (inside.verdict, inside.p, inside.basis) == ("consistent", None, (bounds.id,))
    assert one(claimed(3, None, "Mbit/s", bounds.id), bounds).verdict == "inconsistent"
    assert one(claimed(24, None, "count", count.id), count).verdict == "inconsistent"
    assert one(claimed(5, 7, "count", count.id), count).p == pytest.approx(1.0)
    assert one(claimed(5, 7, "ft", count.id), count).verdict == "untestable"
    assert one(claimed(5, 7, "count", "programme.none.x"), count).verdict == "untestable"
    undetermined = Finding(
        id="programme.X.flights",
        question="?",
        kind="undetermined",
        unit="",
        value=None,
        reason="no catalogue",
    )
    assert one(claimed(1, 1, "count", undetermined.id), undetermined).reason == "no catalogue"


# --- strayed


@pytest.mark.parametrize(("hits", "n"), [(0, 40), (3, 40), (20, 40), (40, 40), (1, 1000)])
def test_the_share_that_strays_has_wilsons_interval(hits: int, n: int) -> None:
    found = reach_of("USA", np.arange(n) < hits, np.full(n, 1.0))
    asked = binomtest(hits, n).proportion_ci(confidence_level=0.9, method="wilson")
    assert (found.low, found.high) == pytest.approx((asked.low, asked.high), abs=1e-12)
    assert found.share == pytest.approx(hits / n)


def test_flights_of_one_launch_time_are_not_independent() -> None:
    """Ten launch times of 100 flights that all do the same are worth ten flights."""
    launch = np.repeat(np.arange(10), 100)
    found = reach_of("USA", launch < 5, np.full(1000, 1.0), launch)
    assert found.share == pytest.approx(0.5)
    assert found.effective == pytest.approx(9.0)  # the unbiased variance of ten means: n - 1
    assert found.launches == 10
    few = reach_of("USA", launch < 3, np.full(1000, 1.0), launch)
    assert few.effective == pytest.approx(10.0)  # three of ten tell nothing of it
    mixed = reach_of("USA", np.arange(1000) % 10 < 3, np.full(1000, 1.0), launch)
    assert mixed.effective == pytest.approx(1000.0)
    none = reach_of("USA", np.zeros(1000), np.full(1000, 1.0), launch)
    assert none.effective == pytest.approx(10.0)


def _area(id: str, lon: float) -> Area:
    ring = np.column_stack(circle(lon, 0.0, 200_000.0))
    return Area(
        id=id, name=id, kind="user", geometry=into_one_frame([shapely.Polygon(ring)]), basis="a circle"
    )


def test_passive_flights_over_an_area_are_counted() -> None:
    flights = ensemble(members=40)
    ahead, behind = _area("ahead", lon_at(10.0)), _area("behind", -150.0)
    assert passive_reach(flights, ahead).share == 1.0
    assert passive_reach(flights, behind).share == 0.0


def test_findings_of_straying() -> None:
    found = reach_of("USA", np.arange(200) < 13, np.full(200, 1.0))
    first, second = reach_findings(
        found, origin="Hainan", month="January", winds="the prior", evidence=("C001",)
    )
    assert first.id == "claims.strayed.reach_USA"
    assert first.value == {"p": pytest.approx(0.065)}
    assert "very unlikely" in first.reason
    assert second.value is not None
    assert second.value["p05"] < 0.065 < second.value["p95"]


def test_no_flights_are_no_share() -> None:
    with pytest.raises(OverflightError):
        reach_of("USA", [], [])


def test_the_reach_stands_beside_the_claim_that_it_strayed() -> None:
    reach = reach_findings(
        reach_of("USA", np.arange(200) < 13, np.full(200, 1.0)),
        origin="Hainan",
        month="January",
        winds="prior",
    )
    findings: Mapping[str, Finding] = {f.id: f for f in (chance("steer.flight.p_drifted", 0.7), *reach)}
    motion, way = check_claim(Claim(id="C001", verbs=("strayed",)), None, findings)
    assert (motion.aspect, motion.p) == ("manoeuvre", 0.7)
    assert "claims.strayed.reach_USA" in way.basis
    assert "6 %" in way.reason or "7 %" in way.reason

"""Draws of the account: closed forms, the recorder's own rules, and evidence that the priors cannot hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from overflight.custody.account_kernel import simulate, spells
from overflight.custody.evidence import (
    CLASSES,
    QUANTITIES,
    Account,
    Evidence,
    LinkPlan,
    Sensor,
    Storage,
)
from overflight.custody.links import service
from overflight.custody.posterior_account import (
    LEAST_EFFECTIVE,
    Setting,
    assessed,
    draw_account,
    log_likelihood,
    make_setting,
)
from overflight.custody.priors import Prior, fixed
from overflight.custody.storage import POLICIES, Recorder, keep_and_send, totals
from overflight.errors import InputError
from overflight.places.sites import Site
from overflight.records import make_ensemble

DAY = 86400.0


def account(**more: object) -> Account:
    """One camera of a known rate, a recorder that holds all, a link that carries a share of it."""
    plain: dict[str, object] = {
        "sensors": (Sensor(id="camera", artefact="images", rate_bps=fixed(80e3)),),
        "complete": CLASSES, "storage": Storage(capacity_bytes=fixed(1e12), policy=OLDEST),
        "links": (LinkPlan(link=service("certus_100")),), "recovered_share": fixed(0.5),
    }  # fmt: skip
    return Account(**(plain | more))


OLDEST = Prior("choice", of=("oldest",), weights=(1.0,))


def drawn(one: Account, hours: float = 24.0, samples: int = 200, seed: int = 1):
    return draw_account(one, make_setting(one, None, (), hours), samples=samples, seed=seed)


def test_what_is_certain_comes_out_as_it_is() -> None:
    """80 kbit/s for a day is 0.864 GB; 22 kbit/s of it are sent, half of it is read."""
    found = drawn(account())
    made, sent = 80e3 / 8 * DAY, 22e3 / 8 * DAY
    expected = {
        "collected": made, "sent": sent, "kept": made, "deleted": 0.0, "recovered": made / 2,
        "both": sent / 2, "unaccounted": made - sent - made / 2 + sent / 2,
    }  # fmt: skip
    for quantity, amount in expected.items():
        low, middle, high = found.interval("all", quantity) or (math.nan,) * 3
        # The link runs ahead of the items of an hour by an hour at most.
        assert (low, middle, high) == pytest.approx((amount,) * 3, rel=0.05, abs=1.0), quantity


def test_without_evidence_draws_are_those_of_the_priors() -> None:
    rate = Prior("loguniform", 1e3, 1e5)
    one = account(sensors=(Sensor(id="c", artefact="images", rate_bps=rate),), links=())
    low, middle, high = drawn(one, samples=2000).interval("images", "collected") or (0.0, 0.0, 0.0)
    expected = [1e3 * 100**p / 8 * DAY for p in (0.05, 0.5, 0.95)]
    np.testing.assert_allclose((low, middle, high), expected, rtol=0.12)


def test_a_measurement_gives_the_posterior_of_the_closed_form() -> None:
    """A rate even in its logarithm, and an amount measured to a tenth."""
    rate = Prior("loguniform", 1e3, 1e6)
    about = Evidence(id="e", kind="collected_about", amount=1e9, sd=0.1, source="x")
    one = account(sensors=(Sensor(id="c", artefact="images", rate_bps=rate),), evidence=(about,))
    found = drawn(one, samples=1500)
    low, middle, high = found.interval("all", "collected") or (0.0, 0.0, 0.0)
    # N(1e9; q, (0.1 q)²) dq/q: by quadrature.
    q = np.linspace(0.5e9, 2.5e9, 20_001)
    density = np.exp(-0.5 * ((1e9 - q) / (0.1 * q)) ** 2) / q**2
    cumulative = np.cumsum(density) / density.sum()
    expected = np.interp((0.05, 0.5, 0.95), cumulative, q)
    np.testing.assert_allclose((low, middle, high), expected, rtol=0.03)
    assert found.effective > 300


def test_spells_are_those_of_a_renewal_process_in_its_steady_state() -> None:
    edges = np.linspace(0.0, 30 * DAY, 721)
    share = np.array([spells(np.uint64(n), 0.3, 0.5 * DAY, edges).mean() for n in range(1500)])
    assert share.mean() == pytest.approx(0.3, abs=0.01)
    # Variance of the share of an alternating process with exponential spells over a long time T:
    # 2 a (1 - a) τ / T with 1/τ = 1/up + 1/down (Cox, Renewal Theory, 1962, chapter 7).
    up, down = 0.3 * 0.5 * DAY, 0.7 * 0.5 * DAY
    tau = 1.0 / (1.0 / up + 1.0 / down)
    assert share.var() == pytest.approx(2 * 0.3 * 0.7 * tau / (30 * DAY), rel=0.15)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_kernel_keeps_and_sends_as_the_storage_does(policy: str) -> None:
    """Small items and a recorder that fills: the same totals as `storage.keep_and_send`, to an item."""
    edges = np.arange(0.0, 49.0) * 3600.0
    rates, capacity = np.array([[8000.0, 800.0]]), 20e6
    link = np.full((1, 1, 48), 1000.0)
    out = np.zeros((1, 3, 4))
    simulate(
        np.array([3], np.uint64), np.zeros(1, np.int64), np.array([POLICIES.index(policy)]),
        np.array([capacity]), rates, np.ones((1, 2)), np.ones((1, 1)), np.ones((1, 1)), edges,
        np.ones((1, 2, 48)), link, np.full(3, 3600.0), np.array([60.0, 60.0]),
        np.array([[0, 0], [1, 1]]), np.array([True, True]), 1e15, out,
    )  # fmt: skip
    minutes = np.repeat(np.arange(0.0, 48 * 60.0) * 60.0, 2)
    sizes = np.tile([60_000, 6_000], 48 * 60)
    kept = keep_and_send(
        Recorder(capacity_bytes=capacity, policy=policy), minutes, sizes, np.tile([0, 1], 48 * 60),
        edges, np.arange(49.0) * 1000.0 / 8.0 * 3600.0,
    )  # fmt: skip
    for k in (0, 1):
        mine = totals(sizes[k::2], type(kept)(*(part[k::2] for part in kept)))
        expected = (mine.collected, mine.sent, mine.stored, mine.both)
        # Hours against minutes: an hour's bytes of a class may lie on the other side.
        tolerance = 3600.0 / 8.0 * (rates[0, k] + 1000.0)
        np.testing.assert_allclose(out[0, k], expected, atol=tolerance)
    assert out[0, :, 2].sum() <= capacity


def test_what_was_recovered_exactly_is_known() -> None:
    one = account(
        recovered_share=Prior("uniform", 0.2, 0.9),
        sensors=(Sensor(id="c", artefact="images", rate_bps=Prior("loguniform", 1e3, 1e6)),),
        evidence=(Evidence(id="r", kind="recovered_exactly", artefact="images", amount=3e8, source="lab"),),
    )
    found = drawn(one, samples=1000)
    assert ("images", "recovered") in found.given
    low, _, high = found.interval("images", "recovered") or (0.0, 0.0, 0.0)
    assert (low, high) == (3e8, 3e8)
    low, _, high = found.interval("images", "kept") or (0.0, 0.0, 0.0)
    # Between what nine tenths and two tenths of it are.
    assert 3e8 / 0.95 < low < high < 3e8 / 0.18


def test_evidence_that_the_priors_cannot_hold_leaves_no_draws() -> None:
    sure = Evidence(id="s", kind="sent_at_least", amount=1e12, p_true=1.0, source="x")
    found = drawn(account(evidence=(sure,)))
    assert found.effective < LEAST_EFFECTIVE
    assert found.log_evidence == -math.inf
    doubted = drawn(account(evidence=(replace(sure, p_true=0.8),)))
    assert doubted.effective > LEAST_EFFECTIVE
    assert doubted.log_evidence == pytest.approx(math.log(0.2))


def amounts_of(**given: float) -> np.ndarray:
    out = np.zeros((1, len(CLASSES), len(QUANTITIES)))
    for name, value in given.items():
        out[0, 0, QUANTITIES.index(name)] = value
    return out


@pytest.mark.parametrize(
    ("kind", "amount", "more", "expected"),
    [
        ("sent_at_least", 5.0, {}, 0.0),
        ("sent_at_least", 50.0, {}, math.log(0.25)),
        ("sent_at_most", 5.0, {}, math.log(0.25)),
        ("recovered_share_at_least", 0.5, {}, math.log(0.25)),
        ("rf_bursts", 5.0, {"high": 20.0}, 0.0),
        ("rf_bursts", 5.0, {"high": 6.0}, math.log(0.25)),
        ("none", None, {}, 0.0),
        ("sent_about", 10.0, {"p_true": 1.0, "sd": 0.1}, -0.5 * math.log(2 * math.pi * 2.0)),
    ],
)
def test_the_likelihood_is_the_one_stated(
    kind: str, amount: float | None, more: dict[str, float], expected: float
) -> None:
    given = {"p_true": 0.75} | more
    one = Evidence(id="e", kind=kind, amount=amount, source="x", **given)
    assert float(log_likelihood(one, amounts_of(sent=10.0), np.array([0.3]))[0]) == pytest.approx(expected)


def test_the_same_seed_gives_the_same_draws() -> None:
    one = account(
        sensors=(Sensor(id="c", artefact="images", rate_bps=Prior("loguniform", 1e3, 1e6)),),
        evidence=(Evidence(id="e", kind="sent_about", amount=1e8, source="x"),),
    )
    a, b, c = (drawn(one, seed=n) for n in (1, 1, 2))
    np.testing.assert_array_equal(a.values["all", "sent"], b.values["all", "sent"])
    assert not np.array_equal(a.values["all", "sent"], c.values["all", "sent"])


def test_only_what_has_priors_is_assessed() -> None:
    one = account(complete=())
    assert assessed(one) == ("images",)
    assert assessed(account()) == ("images", "all")
    assert assessed(account(sensors=(Sensor(id="c", artefact="images"),))) == ()
    bare = drawn(account(storage=Storage(), recovered_share=None, links=(), complete=()))
    assert {quantity for _, quantity in bare.values} == {"collected"}


def flight(lat_deg: float = 47.0):
    time_s = np.arange(0.0, 25.0) * 3600.0 + 1675209600.0
    shape = (2, time_s.size)
    lon = np.broadcast_to(np.linspace(-106.0, -94.0, time_s.size), shape)
    return make_ensemble(
        kind="posterior", time_s=time_s, lon_deg=lon, lat_deg=np.full(shape, lat_deg),
        alt_m=np.full(shape, 18e3), pressure_pa=np.full(shape, 7e3), status=np.zeros(shape),
    )  # fmt: skip


SITE = Site(id="s", name="a made place", lon_deg=-100.0, lat_deg=47.0, alt_m=0.0)


def test_a_site_is_in_reach_while_the_balloon_passes() -> None:
    """18 km high at 20 degrees: 48.8 km to either side, exposure.md 1.2, at half a degree an hour."""
    camera = Sensor(id="c", artefact="images", rate_bps=fixed(8e3), per="site", least_elevation_deg=20.0)
    setting = make_setting(account(sensors=(camera,)), flight(), (SITE,), 24.0)
    hours = setting.in_reach[0, 0].sum()
    speed_m = 0.5 * 111_320.0 * math.cos(math.radians(47.0))
    assert hours == pytest.approx(2 * 48_800.0 / speed_m, rel=0.05)
    # At -100 degrees it passes at noon UTC, which is night there; at -96 degrees by day.
    by_day = account(sensors=(replace(camera, daylight=True),))
    assert make_setting(by_day, flight(), (SITE,), 24.0).in_reach.sum() == 0.0
    east = (replace(SITE, lon_deg=-96.0),)
    lit, all_day = (make_setting(one, flight(), east, 24.0) for one in (by_day, account(sensors=(camera,))))
    np.testing.assert_array_equal(lit.in_reach, all_day.in_reach)


def test_what_needs_a_flight_says_so() -> None:
    camera = Sensor(id="c", artefact="images", rate_bps=fixed(8e3), per="site")
    with pytest.raises(InputError, match="site by site"):
        make_setting(account(sensors=(camera,)), None, (SITE,), 24.0)
    with pytest.raises(InputError, match="no site"):
        make_setting(account(sensors=(camera,)), flight(), (), 24.0)


def test_a_setting_of_a_flight_has_its_links() -> None:
    plan = LinkPlan(link=service("bgan_streaming"))
    south, north = (make_setting(account(links=(plan,)), flight(lat), (), 24.0) for lat in (47.0, 80.0))
    assert isinstance(south, Setting)
    assert south.link_bps.max() == 256e3
    assert north.link_bps.max() == 0.0

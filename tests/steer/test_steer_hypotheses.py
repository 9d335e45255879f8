"""The hypotheses, and how a case changes them."""

from __future__ import annotations

import pytest

from overflight.errors import CaseError, OverflightError
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES, SIDES, check_shares, read_hypotheses
from overflight.steer.settings import read_settings


def test_the_defaults_are_even_between_the_parties_and_sum_to_one() -> None:
    shares = {side: sum(h.prior for h in DEFAULT_HYPOTHESES if h.side == side) for side in SIDES}
    assert shares == pytest.approx({"passive": 0.475, "steered": 0.475, "not wind": 0.05})
    check_shares(DEFAULT_HYPOTHESES)
    assert all(len(h.statement) > 150 and h.model.id == h.id for h in DEFAULT_HYPOTHESES)


def test_an_empty_table_gives_the_defaults() -> None:
    assert [h.id for h in read_hypotheses({})] == [h.id for h in DEFAULT_HYPOTHESES]


def test_a_case_changes_drops_and_adds() -> None:
    rows = [
        {"id": "propelled", "prior": 0.1, "motion": {"airspeed_mps": [2, 4]}},
        {"id": "not_wind", "use": False},
        {"id": "both", "like": "altitude_controlled", "title": "both", "motion": {"horizontal": "propelled"}},
        {"id": "passive_leak", "prior": 0.2},
    ]
    found = {h.id: h for h in read_hypotheses({"hypotheses": rows})}
    assert found["propelled"].model.airspeed_mps == (2.0, 4.0)
    assert "not_wind" not in found
    assert found["both"].side == "steered"
    assert (found["both"].model.horizontal, found["both"].model.vertical) == ("propelled", "control")
    # 0.2375 × 3 (one of them the new one, which stands as high as the average of its side: 0.16875).
    total = 2 * 0.2375 + 0.2375 + 0.1 + 0.5 * (0.2375 + 0.1) + 0.2
    assert found["propelled"].prior == pytest.approx(0.1 / total)
    check_shares(tuple(found.values()))


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"id": "propelled", "speed": 3}, "ask.steer.hypotheses[0].speed"),
        ({"id": "propelled", "motion": {"airspeed": [1, 2]}}, "ask.steer.hypotheses[0].motion.airspeed"),
        ({"id": "propelled", "motion": {"airspeed_mps": 3}}, "ask.steer.hypotheses[0].motion.airspeed_mps"),
        ({"id": "propelled", "motion": {"horizontal": "jet"}}, "ask.steer.hypotheses[0].motion"),
        ({"id": "propelled", "prior": -1}, "ask.steer.hypotheses[0].prior"),
        ({"id": "propelled", "side": "guilty"}, "ask.steer.hypotheses[0].side"),
        ({"id": "new"}, "ask.steer.hypotheses[0].title"),
        ({"id": "new", "like": "propeled"}, "ask.steer.hypotheses[0].like"),
        ({"id": "a b"}, "ask.steer.hypotheses[0].id"),
        ({}, "ask.steer.hypotheses[0].id"),
        ({"id": "propelled", "use": "no"}, "ask.steer.hypotheses[0].use"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_path(row: dict, key: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_hypotheses({"hypotheses": [row]})
    assert key in str(caught.value)


def test_one_hypothesis_is_no_choice() -> None:
    rows = [{"id": h.id, "use": False} for h in DEFAULT_HYPOTHESES[1:]]
    with pytest.raises(CaseError, match="fewer than two"):
        read_hypotheses({"hypotheses": rows})


def test_shares_that_do_not_sum_are_refused() -> None:
    with pytest.raises(OverflightError, match="sum to one"):
        check_shares(DEFAULT_HYPOTHESES[:2])


def test_settings_read_their_table() -> None:
    settings = read_settings({"particles": 1000, "threshold": 0.9, "radius_km": 50}, seed=7)
    assert (settings.particles, settings.threshold, settings.radius_km, settings.seed) == (1000, 0.9, 50.0, 7)
    assert read_settings({"seed": 3}, seed=None).seed == 3


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"threshhold": 0.9}, "ask.steer.threshhold"),
        ({"threshold": 1.5}, "ask.steer.threshold"),
        ({"particles": 10**400}, "ask.steer.particles"),
        ({"particles": 10.5}, "ask.steer.particles"),
        ({"seed": True}, "ask.steer.seed"),
        ({"hypotheses": "all"}, "ask.steer.hypotheses"),
    ],
)
def test_settings_that_cannot_be_used_are_named(table: dict, key: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_settings(table)
    assert key in str(caught.value)

"""Every kind is either fitted or shown; the numbers are probabilities."""

from __future__ import annotations

import pytest

from overflight.records import RELIABILITIES
from overflight.sightings.kinds import KINDS, OTHER, kind_info, p_mistaken

# The list: read and shown, never fitted.
NOT_OBSERVATIONS = (
    "model_estimate",
    "model_start",
    "airspace_event",
    "aircraft_proxy",
    "launch_site_candidate",
    "debris_site",
)


@pytest.mark.parametrize("kind", NOT_OBSERVATIONS)
def test_what_is_not_a_sighting_is_context(kind: str) -> None:
    assert kind_info(kind).role == "context"


def test_unknown_kind_is_a_watchers_report() -> None:
    assert kind_info("seen_by_my_cat") is OTHER
    assert OTHER.role == "observation"
    assert OTHER.is_watcher


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_probabilities(kind: str) -> None:
    info = KINDS[kind]
    chances = [info.p_afar, info.p_time_slip, info.p_alt_mistaken, *info.p_mistaken.values()]
    assert all(0.0 <= p < 0.5 for p in chances)
    assert set(info.p_mistaken) == set(RELIABILITIES)
    assert info.alt_sd_m > 0.0
    assert info.is_watcher or info.p_afar == 0.0


def test_less_reliable_is_more_often_mistaken() -> None:
    chances = [p_mistaken("eyewitness_photo", r) for r in ("high", "medium", "low")]
    assert chances == sorted(chances)
    assert p_mistaken("last_report", "high") < p_mistaken("eyewitness_photo", "high")

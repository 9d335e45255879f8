"""The timeline: events and dated claims in order, beside the path; hostile tables refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import synthetic_result as made
from overflight.claims.table import parse_claims
from overflight.claims.timeline import MOST_BYTES, answer_timeline, claim_events, parse_events, read_events
from overflight.errors import InputError

EVENTS = (
    "id,when,kind,event,place,lon_deg,lat_deg,source,claims\n"
    "E1,2023-02-01T20:00Z/2023-02-01T23:00Z,closure,Ground stop,Billings,-108.5,45.8,FAA,\n"
    "E2,2023-02-03,postponement,Visit put off,,,,State,C2\n"
)
CLAIMS = parse_claims(
    "id,date,claimant,attribution,claim\n"
    "C1,2023-02-09,Commerce,agency_statement,Six firms listed\n"
    "C2,2023-02-03,Secretary,named_official,Postponed the visit\n"
    "C3,,Somebody,media_report,No date\n"
    "C4,2022-12-01,Ministry,agency_statement,All is well\n"
)


def test_events_and_claims_stand_in_order_and_none_twice() -> None:
    answer = answer_timeline(parse_events(EVENTS), CLAIMS, ensemble=made.ensemble())
    rows = answer.section["events"]
    assert [row["id"] for row in rows] == ["C4", "E1", "E2", "C1"]
    assert [row["phase"] for row in rows] == [
        "before the flight", "during the flight", "during the flight", "after the flight",
    ]  # fmt: skip
    assert answer.section["undated"] == ["C3"]


def test_only_an_event_with_a_place_in_the_time_of_the_flight_has_a_distance() -> None:
    answer = answer_timeline(parse_events(EVENTS), CLAIMS, ensemble=made.ensemble())
    assert [finding.id for finding in answer.findings] == ["consequence.E1.distance"]
    value = answer.findings[0].value or {}
    # The made path is at 43-47 N, 250-257 E then: some 200 km from Billings.
    assert 100 < float(value["p50"]) < 400
    assert answer_timeline(parse_events(EVENTS), CLAIMS).findings == ()


def test_words_give_the_kind_of_a_claim() -> None:
    kinds = {event.id: event.kind for event in claim_events(CLAIMS)}
    assert kinds == {"C1": "sanction", "C2": "postponement", "C4": "statement"}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("E,02/03/2023,closure,x,,,,,", "when"),
        ("E,,closure,x,,,,,", "when"),
        ("E,2023-02-03,closing,x,,,,,", "kind"),
        ("E,2023-02-03,closure,,,,,,", "event"),
        ("E,2023-02-03,closure,x,,10,,,", "lat_deg"),
        ("E,2023-02-03,closure,x,,10,95,,", "lat_deg"),
        ("E.1,2023-02-03,closure,x,,,,,", "id"),
    ],
)
def test_what_is_wrong_is_named(row: str, field: str) -> None:
    head = EVENTS.split("\n", 1)[0]
    with pytest.raises(InputError) as caught:
        parse_events(f"{head}\n{row}\n")
    assert (caught.value.line, caught.value.field) == (2, field)
    assert caught.value.remedy


def test_an_id_twice_and_a_huge_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there twice"):
        parse_events(EVENTS + EVENTS.splitlines()[1] + "\n")
    huge = tmp_path / "events.csv"
    huge.write_bytes(b"id,when,kind,event\n" + b"x" * MOST_BYTES)
    with pytest.raises(InputError, match="larger than the limit"):
        read_events(huge)

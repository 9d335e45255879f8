"""Findings and words about readings and accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_readings import placed, seen, with_reading

from overflight.reconstruct.answers import (
    last_place,
    reading_rows,
    reconciled,
    reconstruction_findings,
    unknowns,
    verdict,
)
from overflight.reconstruct.likelihood import MISTAKEN, OTHER_TIME, STATED, Scenario
from overflight.reconstruct.readings import Reading, read_back

GIVEN = {"winds": "made"}
USED = Reading(
    id="A", used=True, distance_km=(1.0, 2.0, 3.0), elevation_deg=(60.0, 70.0, 80.0),
    p_stated=0.9, p_afar=0.05, p_other_time=0.03, p_mistaken=0.02, verdict="at its word",
)  # fmt: skip
PAIR = [
    (Scenario("a", "First", 0.6, accepts=frozenset("A")), 0.97),
    (Scenario("b", "Second", 0.4, rejects=frozenset("A")), 0.03),
]


def solved():
    rows = [
        seen("A", alt_low_m=18e3, alt_high_m=18e3, alt_kind="geometric"),
        seen("B", 5.8, lat=0.05),
        seen("C", role="context", lon=2.0),
    ]
    r = placed(rows, [(0.1, 0.0), (0.2, 0.0)], scenarios=PAIR)
    return rows, r, read_back(r, rows)


def test_every_row_names_findings_that_exist():
    rows, r, readings = solved()
    findings = reconstruction_findings(r, readings, rows, GIVEN)
    ids = [f.id for f in findings]
    assert len(set(ids)) == len(ids)
    made = reading_rows(r, readings, rows)
    assert [row["id"] for row in made] == ["A", "B", "C"]
    for row in made:
        assert row["finding_ids"]
        assert set(row["finding_ids"]) <= set(ids)
    assert {i for row in made for i in row["finding_ids"]} == {i for i in ids if i.startswith("reading.")}
    both = next(f for f in findings if f.id == "reading.A.both_at_their_word")
    assert both.evidence == ("A", "B")


def test_accounts_carry_prior_posterior_and_evidence():
    rows, r, readings = solved()
    findings = {f.id: f for f in reconstruction_findings(r, readings, rows, GIVEN)}
    one = findings["scenario.a.weight"]
    assert one.value == {"p": 0.97}
    assert one.given["prior"] == "0.600"
    assert one.evidence == ("A",)
    assert "First" in one.question


def test_probabilities_stay_between_nought_and_one():
    rows, r, readings = solved()
    over = tuple(replace(one, p_mistaken=1.0 + 1e-12) if one.used else one for one in readings)
    for finding in reconstruction_findings(r, over, rows, GIVEN):
        if finding.kind == "probability":
            assert 0.0 <= finding.value["p"] <= 1.0


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, "at its word"),
        ({"p_alt_mistaken": 0.7}, "not at its word"),
        ({"p_alt_mistaken": 0.3}, "at its word"),
        ({"rival": "B", "p_both_stated": 0.2}, "undecided"),
        ({"rival": "B", "p_both_stated": 0.8}, "at its word"),
        ({"verdict": "not at its word"}, "not at its word"),
        ({"used": False}, "context"),
    ],
)
def test_verdict_takes_height_and_rival_into_account(change, wanted):
    assert verdict(replace(USED, **change)) == wanted


def test_a_report_at_its_word_needs_no_words():
    assert reconciled(USED) == ""


def test_words_name_the_best_reading_first_with_its_probability():
    text = reconciled(
        replace(USED, p_stated=0.1, p_afar=0.2, p_other_time=0.6, p_mistaken=0.1, hours_off=1.2)
    )
    assert text.index("at another time, about 1.2 h later") < text.index("seen from afar")
    assert "60 %" in text
    assert "20 %" in text
    earlier = replace(USED, p_stated=0.1, p_other_time=0.9, p_afar=0.0, p_mistaken=0.0, hours_off=-1.0)
    assert "1.0 h earlier" in reconciled(earlier)


def test_words_tell_of_wrong_heights_and_rivals():
    assert "altitude" in reconciled(replace(USED, p_alt_mistaken=0.6))
    assert "altitude" not in reconciled(replace(USED, p_alt_mistaken=0.1))
    assert "B " in reconciled(replace(USED, rival="B", p_both_stated=0.1))


def test_what_was_not_used_says_why():
    assert reconciled(Reading(id="x", used=False, text="It names no place.")) == "It names no place."


def test_the_unknown_prints_its_findings():
    _, r, _ = solved()
    rows, findings = unknowns(r, GIVEN)
    assert [row["finding_id"] for row in rows] == [f.id for f in findings]
    assert [row["text"] for row in rows] == [f.reason for f in findings]
    kinds = {f.id: f.kind for f in findings}
    assert kinds["scenario.rivals.decided"] == "category"


def test_undecided_accounts_are_undetermined():
    rows = [seen("A")]
    even = [(PAIR[0][0], 0.55), (PAIR[1][0], 0.45)]
    _, findings = unknowns(placed(rows, [(0.1, 0.0), (0.2, 0.0)], scenarios=even), GIVEN)
    rivals = next(f for f in findings if f.id == "scenario.rivals.decided")
    assert rivals.kind == "undetermined"
    assert rivals.value is None
    assert "First" in rivals.reason


def test_one_account_has_no_rivals():
    _, findings = unknowns(placed([seen("A")], [(0.1, 0.0)]), GIVEN)
    assert not any(f.id.startswith("scenario.rivals") for f in findings)


def test_the_last_place_is_given_with_its_radius():
    rows = [seen("A")]
    finding = last_place(placed(rows, [(-100.0, 0.0)]), GIVEN)
    assert "100.0° W" in finding.reason
    assert finding.value["hi"] < 1.0
    wide = last_place(
        placed(rows, [(-100.0, 0.0), (-101.0, 0.0)], scenarios=[(PAIR[0][0], 0.5), (PAIR[1][0], 0.5)]), GIVEN
    )
    assert wide.value["hi"] == pytest.approx(55.7, abs=1.0)


def test_no_certain_mistake_is_called_right():
    rows = [seen("A", kind="geolocated_photo")]
    r = placed(rows, [(0.0, 0.0)], picks=with_reading(MISTAKEN, MISTAKEN, OTHER_TIME, STATED))
    row = reading_rows(r, read_back(r, rows), rows)[0]
    assert row["verdict"] == "not at its word"
    assert row["reading"].startswith("Best read as mistaken (50 %)")

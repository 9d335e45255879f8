from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from overflight.claims.answers import answer_claims
from overflight.claims.lint import lint_findings, lint_text
from overflight.claims.physics import word
from overflight.claims.records import Claim, Quantity, Relation
from overflight.claims.table import read_claims
from overflight.records import Finding
from overflight.times import parse_utc

CLAIMS = (
    Claim(id="A", date="2023-02-03", claimant="x", attribution="anonymous_official",
          claim="It collected data.", topic="collection", side="one",
          relations=(Relation("contradicts", "B"),)),
    Claim(id="B", date="2023-06-29", claimant="y", attribution="named_official",
          claim="It collected nothing.", topic="collection", reliability="B", credibility=2),
    Claim(id="C.1", claimant="z", attribution="media_report", claim="It could send and it collected data.",
          topic="collection", relations=(Relation("repeats", "A"),)),
    Claim(id="D", date="2023-02-04", topic="steering", verbs=("manoeuvred",), answer="yes"),
    Claim(id="E", verbs=("counted",), quantity=Quantity(24.0, None, "count"),
          finding="programme.all.flights"),
    Claim(id="F", verbs=("located",), place="Billings"),
)  # fmt: skip
FINDINGS = (
    Finding(id="steer.flight.p_steered", question="?", kind="probability", unit="1", value={"p": 0.02}),
    Finding(
        id="programme.all.flights",
        question="?",
        kind="interval",
        unit="count",
        value={"lo": 10.0, "hi": 30.0},
    ),
)


def test_the_keys_of_before_are_there_and_new_ones_too() -> None:
    section = answer_claims(CLAIMS, findings=FINDINGS).section
    assert set(section) == {
        *("rows", "groups", "unknown_ids", "questions", "balance", "points", "edges", "flags", "checks"),
        "weighing",
    }
    row = section["rows"][0]
    assert {"id", "date", "claimant", "attribution", "claim", "topic", "status", "url", "note"} <= set(row)
    assert {"relations", "contradicts", "contradicted_by", "tension", "unknown_ids"} <= set(row)
    assert json.loads(json.dumps(section, allow_nan=False)) == section


def test_findings_have_ids_that_do_not_collide_and_evidence_that_exists() -> None:
    answer = answer_claims(CLAIMS, findings=FINDINGS)
    ids = [f.id for f in answer.findings]
    assert len(set(ids)) == len(ids)
    assert all(i.startswith("claims.") and len(i.split(".")) == 3 for i in ids)
    known = {c.id for c in CLAIMS} | {f.id for f in FINDINGS}
    assert {e for f in answer.findings for e in f.evidence} <= known
    cited = {i for row in answer.section["checks"] for i in row["finding_ids"]}
    cited |= {i for row in answer.section["questions"] for i in row["finding_ids"]}
    assert cited <= set(ids)


def test_what_was_held_is_a_finding_with_its_sources() -> None:
    found = {f.id: f for f in answer_claims(CLAIMS).findings}
    held = found["claims.did_collect.held"]
    assert held.value == {"category": "contested"}
    assert held.evidence == ("A", "B")
    assert found["claims.did_collect.sources_yes"].value == {"lo": 1.0, "hi": 1.0}
    assert found["claims.could_send.held"].kind == "undetermined"
    earlier = {f.id: f for f in answer_claims(CLAIMS, on_s=parse_utc("2023-05-01T00:00Z")).findings}
    assert earlier["claims.did_collect.held"].value == {"category": "yes"}


def test_checks_become_findings() -> None:
    found = {f.id: f for f in answer_claims(CLAIMS, findings=FINDINGS).findings}
    assert found["claims.D.manoeuvre"].value == {"category": "inconsistent"}
    assert found["claims.D.manoeuvre_p"].value == {"p": 0.02}
    assert "steer.flight.p_steered" in found["claims.D.manoeuvre"].evidence
    assert found["claims.E.quantity"].value == {"category": "consistent"}
    assert found["claims.F.physics"].kind == "undetermined"


def test_repetition_is_counted_once_by_topic() -> None:
    section = answer_claims(CLAIMS).section
    (group,) = [g for g in section["groups"] if g["topic"] == "collection"]
    assert group["sources"] == [2, 2]
    assert any("C.1 repeats A" in reason for reason in group["reasons"])
    assert [f["code"] for f in section["flags"] if "C.1" in f["claims"]] == [
        "merged_questions",
        "lost_attribution",
    ]


def test_ids_that_differ_stay_different() -> None:
    assert word("C_1") == "C_1"
    assert len({word("C.1"), word("C_1"), word("C 1"), word("")}) == 4


def test_no_claims_give_no_findings() -> None:
    answer = answer_claims(())
    assert answer.findings == ()
    assert answer.section["rows"] == []
    assert answer.section["questions"] == []


def test_every_sentence_keeps_to_the_words_of_likelihood() -> None:
    answer = answer_claims(CLAIMS, findings=FINDINGS)
    assert lint_findings(answer.findings) == ()
    assert lint_text(" ".join(line for w in answer.section["weighing"] for line in w["lines"])) == ()


def test_the_founding_case_is_answered(test_data: Path) -> None:
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    answer = answer_claims(claims)
    found = {f.id: f for f in answer.findings}
    assert found["claims.did_collect.held"].value == {"category": "contested"}
    assert found["claims.did_send.held"].value == {"category": "no"}
    assert lint_findings(answer.findings) == ()
    # Every contradiction that the table lists is seen from both ends.
    rows = {row["id"]: row for row in answer.section["rows"]}
    for claim in claims:
        for relation in claim.relations:
            if relation.verb in ("contradicts", "denies"):
                assert relation.claim_id in rows[claim.id]["contradicts"]
                assert claim.id in rows[relation.claim_id]["contradicted_by"]
            elif relation.verb == "contradicted_by":
                assert relation.claim_id in rows[claim.id]["contradicted_by"]
    assert {e["kind"] for e in answer.section["edges"]} == {
        *("supports", "contradicts", "supersedes", "qualifies", "repeats"),
    }


def test_thousands_of_claims_are_answered() -> None:
    many = [
        replace(
            CLAIMS[k % 2],
            id=f"X{k}",
            relations=(Relation("contradicts", f"X{k - 1}"),),
            url=f"https://e.org/{k}",
        )
        for k in range(1500)
    ]
    section = answer_claims(many).section
    assert len(section["rows"]) == 1500

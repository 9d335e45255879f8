from __future__ import annotations

from pathlib import Path

import pytest

from overflight.claims.flags import FLAGS, all_flags, retelling_flags
from overflight.claims.questions import merged_questions, state, state_lines, states
from overflight.claims.records import Claim, Quantity, Relation
from overflight.claims.table import parse_claims, read_claims
from overflight.claims.wording import read_words
from overflight.times import parse_utc


def claim(id: str, text: str = "", *relations: tuple[str, str], **more: object) -> Claim:
    fields = {"claimant": id, "attribution": "anonymous_official", **more}
    return Claim(id=id, claim=text, relations=tuple(Relation(*r) for r in relations), **fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It took pictures of the base.", [("did_collect", "yes")]),
        ("The payload could gather signals.", [("could_collect", "yes")]),
        ("It was not able to transmit.", [("could_send", "no")]),
        ("It couldn't send anything.", [("could_send", "no")]),
        ("The craft didn't send data.", [("did_send", "no")]),
        ("It sent nothing home.", [("did_send", "no")]),
        ("The ministry denies that it collected anything.", [("did_collect", "no")]),
        ("We cannot confirm that it transmitted.", [("did_send", "open")]),
        ("Unclear whether it could relay pictures.", [("could_send", "open")]),
        ("It was trying to collect intelligence.", []),
        ("Intelligence collection is a worry.", []),
        ("A weather balloon went astray.", []),
        ("It gathered data, but could not send it.", [("did_collect", "yes"), ("could_send", "no")]),
        ("It might relay what it had captured.", [("did_send", "yes"), ("did_collect", "yes")]),
    ],
)
def test_words_are_read_as_the_four_questions(text: str, said: list[tuple[str, str]]) -> None:
    assert sorted((t.verb, t.answer) for t in read_words(text)) == sorted(said)


def test_what_is_taken_for_granted_is_marked() -> None:
    by_verb = {t.verb: t.granted for t in read_words("It could send home what it collected.")}
    assert by_verb == {"could_send": False, "did_collect": True}


def test_a_claim_that_merges_questions_is_flagged() -> None:
    assert merged_questions(claim("A", "It collected data.")) is None
    by_words = merged_questions(claim("A", "It could collect and it sent pictures."))
    assert by_words is not None
    assert "could_collect" in by_words.reason
    assert "did_send" in by_words.reason
    by_type = merged_questions(claim("A", "x", verbs=("could_send", "did_send")))
    assert by_type is not None
    # Typed as the ability, worded as the deed: one of the two is wrong.
    assert merged_questions(claim("A", "It collected data.", verbs=("could_collect",))) is not None
    assert merged_questions(claim("A", "x", verbs=("could_send", "located"))) is None


def day(text: str) -> float:
    return parse_utc(f"{text}T00:00Z")


def test_a_state_holds_what_was_said_by_then_and_not_overtaken() -> None:
    claims = [
        claim("A", "It collected data.", date="2023-02-03"),
        claim("B", "It collected nothing.", ("supersedes", "A"), date="2023-06-01"),
        claim("C", "Open whether it collected data.", date="2023-05"),
        claim("D", "It collected data."),
    ]
    before = state(claims, "did_collect", day("2023-05-15"))
    assert [(h.answer, h.claims) for h in before.held] == [("yes", ("A",))]
    assert (before.perhaps, before.undated) == (("C",), ("D",))
    after = state(claims, "did_collect", day("2023-07-01"))
    assert [(h.answer, h.claims) for h in after.held] == [("no", ("B",)), ("open", ("C",))]
    assert after.overtaken == (("A", ("B",)),)
    assert not after.contested


def test_the_end_of_the_day_asked_for_counts() -> None:
    claims = [claim("A", "It collected data.", date="2023-05-01")]
    assert states(claims, "2023-05-01")[1].held
    assert not states(claims, "2023-04-30")[1].held


def test_a_later_word_of_the_same_person_overtakes_the_earlier() -> None:
    claims = [
        claim("A", "Unclear whether it sent data.", date="2023-04-03", claimant="Gen. Jo Doe",
              attribution="named_official"),
        claim("B", "It sent nothing.", date="2023-06-29", claimant="Doe (NBC)", attribution="named_official"),
    ]  # fmt: skip
    now = state(claims, "did_send", day("2024-01-01"))
    assert [(h.answer, h.claims) for h in now.held] == [("no", ("B",))]
    assert now.overtaken == (("A", ("B",)),)


def test_a_repetition_is_no_source() -> None:
    claims = [
        claim("A", "It collected data.", date="2023-02-03"),
        claim("B", "The craft gathered things.", ("repeats", "A"), date="2023-02-04"),
        claim("C", "It took pictures.", date="2023-02-05"),
    ]
    (held,) = state(claims, "did_collect", day("2024-01-01")).held
    assert held.claims == ("A", "B", "C")
    assert (held.sources.low, held.sources.high) == (2, 2)
    lines = "\n".join(state_lines(state(claims, "did_collect", day("2024-01-01")), claims))
    assert "yes: 2 independent sources" in lines
    assert "B repeats A" in lines


def test_an_overtaking_in_a_circle_overtakes_nothing() -> None:
    claims = [
        claim("A", "It collected data.", ("supersedes", "B"), date="2023-02-03"),
        claim("B", "It collected nothing.", ("supersedes", "A"), date="2023-02-03"),
    ]
    found = state(claims, "did_collect", day("2024-01-01"))
    assert found.contested
    assert found.overtaken == ()


def test_the_founding_case_on_the_first_of_may(test_data: Path) -> None:
    """NBC and CNN of 3 April 2023 stood against the Pentagon, which could not confirm (C056-C068)."""
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    could_collect, did_collect, could_send, did_send = states(claims, "2023-05-01")
    held = {h.answer: (h.claims, h.sources.low, h.sources.high) for h in did_collect.held}
    assert held == {"yes": (("C056", "C057"), 2, 2), "open": (("C060",), 1, 1)}
    assert [(h.answer, h.claims) for h in could_collect.held] == [("yes", ("C049",))]
    assert [(h.answer, h.claims) for h in could_send.held] == [("yes", ("C065", "C066"))]
    assert could_send.merged == ("C065",)
    assert [(h.answer, h.claims) for h in did_send.held] == [("open", ("C068",))]
    later = states(claims, "2024-01-01")
    assert {h.answer: h.claims for h in later[1].held} == {
        "yes": ("C056", "C057", "C061"),
        "no": ("C062", "C063"),
    }
    assert {h.answer: h.claims for h in later[3].held} == {"no": ("C069", "C070")}
    assert dict(later[1].overtaken)["C060"] == ("C062",)


def test_flags_come_from_typed_fields_once_claims_are_linked() -> None:
    source = claim(
        "A", date="2023-02-08", verbs=("counted",), quantity=Quantity(6.0, 6.0, "count"), hedge="about",
        qualifiers=("not necessarily over land",), object="flights", subject="programme",
    )  # fmt: skip
    told = claim(
        "B", "", ("derived_from", "A"), verbs=("counted",), quantity=Quantity(6.0, None, "count"),
        attribution="article_voice", object="flights", subject="programme",
    )  # fmt: skip
    assert {f.code for f in retelling_flags([source, told])} == {
        "lost_hedge",
        "lost_qualifier",
        "changed_quantity",
        "lost_attribution",
    }
    assert retelling_flags([source, claim("B", "", ("supports", "A"))]) == ()


def test_a_swapped_owner_is_seen_along_any_relation() -> None:
    mine = claim("A", verbs=("owned",), subject="China", object="balloon")
    other = claim("B", "", ("contradicts", "A"), verbs=("owned",), subject="The US", object="balloon")
    (flag,) = retelling_flags([mine, other])
    assert flag.code == "swapped_owner"
    assert "The US" in flag.reason
    assert "China" in flag.reason


def test_a_retelling_that_turns_ability_into_deed_is_flagged() -> None:
    source = claim("A", verbs=("could_send",), answer="yes", subject="balloon", object="data")
    told = claim("B", "", ("repeats", "A"), verbs=("did_send",), answer="no", subject="device", object="data")
    codes = [f.code for f in retelling_flags([source, told])]
    assert codes == ["changed_question", "changed_answer", "changed_subject"]


def test_rows_are_flagged_and_every_code_is_explained() -> None:
    claims = [
        claim("A", "It collected and could send.", ("likes", "Z"), attribution="a friend", about="2023-03"),
        claim("B", date="2023-02-04T14:39"),
        claim("C", date="2023-01-01", about="2023-02-03"),
    ]
    found = all_flags(claims)
    assert {f.code for f in found} == {
        *("merged_questions", "absent_claim", "unknown_relation", "unknown_attribution"),
        *("local_time_of_nowhere", "said_before"),
    }
    assert all(flag.code in FLAGS for flag in found)


def test_a_retelling_of_something_else_is_no_source_of_what_it_says() -> None:
    """A headline turns 'could send' into 'did send': it is shown, and nobody stands behind it."""
    told = parse_claims(
        "id,date,claimant,attribution,claim,verb,answer,relation,related_ids\n"
        "A,2023-04-03,Officials,anonymous_official,It could send.,could_send,yes,,\n"
        "B,2023-04-04,Headline,media_report,It sent.,did_send,yes,distorts,A\n"
        "C,2023-04-05,Paper,media_report,It could send.,could_send,yes,repeats,A\n"
    )
    by_name = {found.question: found for found in states(told, "2023-05-01")}
    (sent,) = by_name["did_send"].held
    assert (sent.claims, sent.sources.low, sent.sources.high) == (("B",), 0, 0)
    (could,) = by_name["could_send"].held
    assert (could.claims, could.sources.low, could.sources.high) == (("A", "C"), 1, 1)

"""Candidates of made articles in several styles: who says it, with which doubt, and what it is about."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from overflight.claims.documents import parse_document
from overflight.claims.flags import all_flags
from overflight.claims.proposals import extract
from overflight.claims.records import ATTRIBUTIONS, Claim
from overflight.claims.table import new_table, parse_claims, table_bytes


def of(text: str, published: str = "") -> tuple[Claim, ...]:
    return extract([parse_document(text.encode(), name="a.txt", published=published)]).claims


# The sentence; then (claimant, kind, hedge, words of the claim) of each candidate.
CASES = [
    (
        "A grey airship was seen off the northern coast, the defence ministry said in a statement.",
        [("the defence ministry", "agency_statement", "", "grey airship was seen")],
    ),
    (
        "Three people briefed on the matter said the craft had cameras, but that no signals were heard.",
        [
            ("Three people briefed on the matter", "anonymous_official", "", "had cameras"),
            ("Three people briefed on the matter", "anonymous_official", "", "no signals were heard"),
        ],
    ),
    (
        "The island state rejected the report, insisting the vessel was a research platform.",
        [
            ("The island state", "state_denial", "rejected", "the report"),
            ("The island state", "state_denial", "insisting", "the vessel was a research platform"),
        ],
    ),
    (
        "It is not known whether the airship photographed the yard.",
        [("article", "article_voice", "is not known", "whether the airship photographed")],
    ),
    (
        "According to two officers at sea, the object may have been steered.",
        [("two officers at sea", "anonymous_official", "according to; may have", "may have been steered")],
    ),
    (
        "The airship, which was launched from a lake in the north, is thought to have drifted south.",
        [
            ("article", "article_voice", "is thought", "is thought to have drifted south"),
            ("article", "article_voice", "", "was launched from a lake"),
        ],
    ),
    (
        "A retired pilot, who watched it for an hour, was convinced that it never moved.",
        [("A retired pilot", "witness", "convinced", "it never moved")],
    ),
    (
        "“It could send pictures,” said the admiral who leads the fleet. “We do not know whether it did.”",
        [
            ("the admiral who leads the fleet", "named_official", "", "could send pictures"),
            ("the admiral who leads the fleet", "named_official", "do not know", "whether it did"),
        ],
    ),
    (
        "At least nine flights, officials said on Friday, have crossed over three islands.",
        [
            ("officials", "anonymous_official", "at least", "nine flights"),
            ("officials", "anonymous_official", "", "three islands"),
        ],
    ),
    (
        "It remains unclear how many reached the coast, but roughly a dozen are suspected to have done so.",
        [("article", "article_voice", "unclear; roughly; are suspected", "how many reached the coast")],
    ),
    (
        "The ministry denied that the craft was for spying and said it had been blown off course.",
        [
            ("The ministry", "state_denial", "denied", "was for spying"),
            ("The ministry", "agency_statement", "", "blown off course"),
        ],
    ),
    (
        "Neither ministry has said what the airship collected.",
        [("article", "article_voice", "", "Neither ministry")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[text[:30] for text, _ in CASES])
def test_voice_and_doubt_of_made_sentences(text: str, wanted: list[tuple[str, str, str, str]]) -> None:
    found = of(text)
    assert [(c.claimant, c.attribution, c.hedge) for c in found] == [w[:3] for w in wanted]
    for claim, (_, _, _, words) in zip(found, wanted, strict=True):
        assert words in claim.claim


@pytest.mark.parametrize(
    ("text", "verbs", "answer"),
    [
        ("The airship could photograph two harbours.", ("could_collect",), "yes"),
        ("The airship did not collect any data.", ("did_collect",), "no"),
        ("It was able to transmit pictures to a ship.", ("could_send",), "yes"),
        ("It is not known whether the airship sent anything.", ("did_send",), "open"),
        ("The airship hovered near the harbour for an hour.", ("manoeuvred",), "yes"),
        ("The airship never entered the island state.", ("entered",), "no"),
        ("The vessel had strayed in a storm.", ("strayed",), "yes"),
        ("At least two dozen flights were made.", ("counted",), "yes"),
    ],
)
def test_the_verb_keeps_the_questions_apart(text: str, verbs: tuple[str, ...], answer: str) -> None:
    (found,) = of(text)
    assert (found.verbs, found.answer) == (verbs, answer)


def test_merged_questions_come_out_as_a_flag() -> None:
    found = of(
        "The ship said that the airship collected pictures; it sent them home. It collected and sent data."
    )
    assert "merged_questions" in {f.code for f in all_flags(found)}


def test_an_owner_said_in_passing_is_a_candidate() -> None:
    found = of("A suspected Ruritanian airship was seen over the lake. The Ruritanian airship was lost.")
    owned = [c for c in found if "owned" in c.verbs]
    assert [(c.subject, c.object, c.hedge) for c in owned] == [("Ruritanian", "airship", "suspected")]


def test_a_pronoun_takes_the_last_person() -> None:
    found = of(
        "Gen. Helm, head of the air command, said the craft was lost. The ministry agreed. "
        "He added that it sank."
    )
    assert found[-1].claimant == "Gen. Helm, head of the air command [he]"
    assert found[-1].attribution == "named_official"


def test_times_places_and_numbers_are_typed() -> None:
    (found,) = of("The airship was seen over Port Amber on March 3 at about 18 km.", "2021-05-04")
    assert (found.about, found.place, found.date) == ("2021-03-03", "Port Amber", "2021-05-04")
    assert found.quantity is not None
    assert (found.quantity.low, found.quantity.high, found.quantity.unit) == pytest.approx((16.2, 19.8, "km"))


def test_questions_headings_and_scraps_are_no_claims() -> None:
    assert of("Was it an airship? Lights over the strait! Not again.") == ()


def test_candidates_are_a_claims_table() -> None:
    text = " ".join(t for t, _ in CASES) + " The lights | bars were seen by a miller, “a guest”, in 2001."
    found = of(text, "2021-05-04")
    back = parse_claims(table_bytes(new_table(found)).decode())
    assert back == found
    assert {c.attribution for c in found} <= {*ATTRIBUTIONS, ""}
    assert all(c.sha256 and c.document == "a.txt" and c.sentences and c.quote for c in found)


def test_the_founding_text(test_data: Path) -> None:
    text = next(iter(sorted((test_data.parent / "seed").glob("*.txt"))), None)
    listed = test_data.parent / "incident-2023" / "seed_claims.csv"
    if text is None or not listed.exists():
        pytest.skip("the founding text and the list of its claims are not beside the test data")
    bench = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "extraction.py"))
    found = bench["score_text"](text, listed)
    assert found["right"] >= 22
    assert found["others"] <= 10
    assert found["repeated_claims_counted_once"] == found["repeated_claims_listed"]

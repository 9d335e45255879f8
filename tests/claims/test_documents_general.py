"""The reading of articles on texts of our own, with bounds; `held_out` is not read by any test."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import overflight.claims
from overflight.claims.documents import parse_document
from overflight.claims.mentions import named_times
from overflight.claims.proposals import extract
from overflight.claims.records import Claim

ROOT = Path(__file__).parents[2]
ARTICLES = Path(__file__).parent / "data" / "articles"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = ROOT / "bench" / "extraction.py"
    if not path.exists():
        pytest.skip("bench/ is not beside the tests")
    spec = importlib.util.spec_from_file_location("bench_extraction", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(text: str, **said: str) -> tuple[Claim, ...]:
    return extract([parse_document(text.encode(), **said)]).claims


def told(text: str) -> list[tuple[str, str, str]]:
    return [(c.claimant, c.hedge, c.claim) for c in of(text)]


def test_the_articles_of_development_are_read_as_well_as_before(bench: ModuleType) -> None:
    """As measured, less a little; a change that loses more was no improvement."""
    found = bench.score_set(ARTICLES / "development")
    assert found["listed"] == 165
    assert found["right"] >= 152
    assert found["others"] <= 28
    assert found["voice_rate"] >= 0.96
    assert found["hedge_rate"] >= 0.95


def test_a_wrong_voice_and_a_lost_hedge_are_not_right(bench: ModuleType) -> None:
    (claim,) = of("The navy said the airship may have drifted over the lake.")
    listed = {"sentence": "The navy said", "claim": "The airship drifted over the lake", "verb": "located"}
    for claimant, hedge, right in (("navy", "may have", 1), ("army", "may have", 0), ("navy", "none", 0)):
        row = {**listed, "claimant": claimant, "hedge": hedge, "attribution": "agency_statement"}
        pairs = bench.pairs_of([row], [claim], lambda r, c: bench.begins(r["sentence"], c.quote))
        assert bench.rates([row], pairs, 1)["right"] == right


def test_no_listed_wording_is_in_the_code(test_data: Path) -> None:
    """No run of five words of a listed claim, of the founding text or of ours, stands in the package."""
    files = [test_data.parent / "incident-2023" / "seed_claims.csv", *ARTICLES.glob("*/listed.csv")]
    code = "".join(p.read_text("utf-8") for p in Path(overflight.claims.__file__).parent.glob("*.py"))
    folded = " ".join(re.findall(r"\w+", code.lower()))
    runs = set()
    for file in filter(Path.exists, files):
        for row in csv.DictReader(file.read_text("utf-8").splitlines()):
            said = re.findall(r"\w+", row["claim"].lower())
            runs |= {" ".join(said[k : k + 5]) for k in range(len(said) - 4)}
    assert runs
    assert [run for run in runs if run in folded] == []


def test_a_transcript_gives_who_speaks_and_leaves_questions_out() -> None:
    text = (
        "GEN. DOE: We tracked the airship for three days. It may have carried a camera.\n\n"
        "Q: Did it send pictures home to anybody?\n\n"
        "GEN. DOE: We have no evidence that it sent data.\n\n"
        "REPORTER: A paper said that it was steered from the ground.\n\n"
        "MS. ROE: It drifted with the wind over the lake."
    )
    assert [(c.claimant, c.hedge) for c in of(text)] == [
        ("Gen. Doe", ""),
        ("Gen. Doe", "may have"),
        ("Gen. Doe", "no evidence"),
        ("Ms. Roe", ""),
    ]


def test_a_colon_alone_makes_no_transcript() -> None:
    (claim,) = of("NOTE: The airship was seen over the lake on Monday.")
    assert claim.attribution == "article_voice"


@pytest.mark.parametrize(
    ("text", "claimant", "hedge"),
    [
        ("By May, according to a later history by the army, the airship had crossed the lake.",
         "a later history by the army", "according to"),
        ("It is estimated by observers that the airship measured ten metres.", "observers", "is estimated"),
        ("An unnamed aide was quoted as saying that the airship fell into the sea.", "An unnamed aide", ""),
        ("“Clouds need no lens,” the colonel is reported to have remarked.", "the colonel", "is reported"),
        ("My uncle heard from a shepherd that the airship fell into the lake.", "a shepherd", "heard from"),
        ("The navy does not rule out that the airship was steered.", "The navy", "does not rule out"),
        ("It was no airship, say police.", "police", ""),
        ("The airship was old, as the owner himself admitted later.", "the owner", "admitted"),
        ("The minister expressed doubt that the airship was steered.", "The minister", "expressed doubt"),
        ("If the wind had turned, the airship would have come back to Spain.", "article", "if; would have"),
        ("As far as we know, the airship carried no engine.", "article", "As far as we know"),
    ],
)  # fmt: skip
def test_voices_and_doubts_of_many_forms(text: str, claimant: str, hedge: str) -> None:
    (found,) = told(text)
    assert found[:2] == (claimant, hedge)


def test_a_quotation_of_several_sentences_is_of_one_voice() -> None:
    text = (
        "“The airship came over the lake. It hung there for hours. Then it left for Spain,” said Mrs Jo Doe."
    )
    assert [c.claimant for c in of(text)] == ["Mrs Jo Doe"] * 3


def test_a_pronoun_is_who_can_be_meant() -> None:
    text = (
        "Maj. Gen. Jo Doe put out a message. The range knew of no flight. "
        "He wrote that the airship had crossed the lake. The ministry was asked. "
        "It said that the airship was old."
    )
    found = [c.claimant for c in of(text) if "airship" in c.claim]
    assert found == ["Maj. Gen. Jo Doe [he]", "The ministry [it]"]


def test_notices_captions_and_links_of_a_page_are_no_claims() -> None:
    page = (
        '<html><body class="with-sidebar"><div class="cookie-consent">We store cookies on your device.</div>'
        '<p class="caption">An airship was photographed over the lake.</p>'
        "<p>The airship was seen over the lake on 3 May, the navy said. It drifted to Spain.</p>"
        '<blockquote>“It drifted to Spain”</blockquote><ul><li><a href="/x">The king has signed a new law '
        "on salt</a></li></ul><p>Copyright 2023 The Paper. Reproduction without permission is prohibited.</p>"
        "</body></html>"
    )
    assert [c.claimant for c in of(page)] == ["the navy", "article"]


def test_times_are_reckoned_from_the_day_of_publication() -> None:
    """10 February 2023 was a Friday."""
    wanted = {
        "on Tuesday": "2023-02-07", "last Friday": "2023-02-03", "next Friday": "2023-02-17",
        "yesterday": "2023-02-09", "on the 28th": "2023-01-28", "on the 9th": "2023-02-09",
        "three days ago": "2023-02-07", "last month": "2023-01", "last week": "2023-01-30/2023-02-05",
        "two years ago": "2021", "last year": "2022",
    }  # fmt: skip
    assert {t: named_times(t, "2023-02-10")[0].about for t in wanted} == wanted
    assert named_times("on Tuesday")[0].about == ""
    assert named_times("on the 31st", "2023-03-10")[0].about == ""


def test_a_dateline_says_when_it_was_published() -> None:
    text = "LISBON, May 5, 2023 (Wire) - The airship was seen over the lake on Monday."
    (claim,) = of(text)
    assert (claim.date, claim.about) == ("May 5, 2023", "2023-05-01")
    (claim,) = of(text, published="2023-05-12")
    assert claim.about == "2023-05-08"


def test_a_denial_keeps_its_verb_and_answers_no() -> None:
    (claim,) = of("The minister denied that it had collected data over the lake.")
    assert (claim.verbs, claim.answer, claim.hedge) == (("did_collect",), "no", "denied")
    assert claim.claim == "[The minister: denied] it had collected data over the lake"

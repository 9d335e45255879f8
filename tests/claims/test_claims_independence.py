from __future__ import annotations

from pathlib import Path

import pytest

from overflight.claims.independence import (
    independent_sources,
    institution,
    links,
    outlet,
    page,
    person,
    shared_wording,
)
from overflight.claims.records import Claim, Relation
from overflight.claims.table import read_claims

LONG = "the payload was recovered by divers from water of some fifteen metres off the coast that week"


def claim(id: str, text: str = "", *relations: tuple[str, str], **more: str) -> Claim:
    return Claim(id=id, claim=text, relations=tuple(Relation(*r) for r in relations), **more)


def anonymous(id: str, **more: str) -> Claim:
    return claim(id, attribution="anonymous_official", **more)


def counts(claims: list[Claim], among: list[str] | None = None) -> tuple[int, int]:
    found = independent_sources(claims, among)
    return found.low, found.high


def test_what_nothing_links_is_independent() -> None:
    found = independent_sources([claim("A"), claim("B"), claim("C")])
    assert (found.low, found.high, found.words) == (3, 3, "3")
    assert all(group.reasons == () for group in found.groups)


def test_a_text_repeated_many_times_is_one_source() -> None:
    claims = [claim("A"), *(claim(f"B{i}", "", ("derived_from", "A")) for i in range(50))]
    assert counts(claims) == (1, 1)
    # Two that repeat a third are one, though the third is not among those asked for.
    found = independent_sources(claims, ["B1", "B2"])
    assert (found.low, found.high) == (1, 1)
    assert any("B1 repeats A" in reason for reason in found.groups[0].reasons)


def test_the_same_words_are_one_source_and_like_words_perhaps() -> None:
    assert counts([claim("A", LONG), claim("B", f"Officials said {LONG}.")]) == (1, 1)
    half = " ".join(LONG.split()[:12]) + " and then nobody ever heard of it again at all in spring"
    assert counts([claim("A", LONG), claim("B", half)]) == (1, 2)
    # Few words may be alike by chance.
    assert counts([claim("A", "it could send data"), claim("B", "it could send data")]) == (2, 2)


def test_quotes_count_before_summaries() -> None:
    a, b = claim("A", LONG, quote="one thing " * 5), claim("B", LONG, quote="another matter " * 5)
    assert counts([a, b]) == (2, 2)


def test_shared_wording_is_a_share_of_the_shorter() -> None:
    """Of 'a b c d e f g h' 5 runs of four words; the first five words of it hold two of them."""
    first, second = "a b c d e f g h", "a b c d e x y z q r"
    assert shared_wording(first, second) == pytest.approx(2 / 5)
    assert shared_wording(first, first) == 1.0
    assert shared_wording("a b c", "a b c") == 0.0


def test_one_named_person_is_one_source() -> None:
    a = claim("A", attribution="named_official", claimant="Pentagon press secretary Ryder")
    b = claim("B", attribution="named_official", claimant="Ryder (Pentagon)")
    c = claim("C", attribution="named_official", claimant="Deputy press secretary Singh")
    assert counts([a, b, c]) == (2, 2)
    assert "same person" in independent_sources([a, b]).groups[0].reasons[0]


@pytest.mark.parametrize(
    ("claimant", "name"),
    [
        ("Gen. Mark Milley (CBS)", "milley"),
        ("PRC Foreign Ministry (Wang Wenbin)", "wenbin"),
        ("Secretary of State Blinken", "blinken"),
        ("Air Marshal G. S. Bedi (VIF India)", "bedi"),
        ("Canadian Maj.-Gen. Paul Prevost", "prevost"),
        ("Former President Trump", "trump"),
        ("PRC Foreign Ministry spokesperson", ""),
        ("Senior officials (NBC)", ""),
        ("", ""),
    ],
)
def test_the_last_name_is_found_among_titles(claimant: str, name: str) -> None:
    assert person(claim("A", attribution="named_official", claimant=claimant)) == name


def test_one_institution_may_be_one_source() -> None:
    a = claim("A", attribution="agency_statement", claimant="PRC Foreign Ministry spokesperson")
    b = claim("B", attribution="named_official", claimant="PRC Foreign Ministry (Mao Ning)")
    assert institution(a) == "foreign ministry"
    assert counts([a, b]) == (1, 2)


def test_unnamed_voices_of_one_outlet_cannot_be_told_apart() -> None:
    a = anonymous("A", claimant="Source familiar (CNN)", date="2023-04-03", url="https://e.org/a")
    b = anonymous("B", claimant="US official (CNN)", date="2023-04-03", url="https://e.org/b")
    c = anonymous("C", claimant="Officials (CNN)", date="2023-06-28", url="https://e.org/c")
    assert counts([a, b, c]) == (2, 3)
    # The same voice on the same page is one for certain.
    d = anonymous("D", claimant="source  familiar (CNN)", date="2023-04-03", url="http://www.e.org/a/?utm=x")
    assert counts([a, d]) == (1, 1)


def test_two_named_sides_on_one_page_stay_two() -> None:
    a = claim("A", attribution="named_official", claimant="Adrienne Watson", url="https://e.org/x")
    b = claim("B", attribution="named_official", claimant="Wang Wenbin", url="https://e.org/x")
    assert counts([a, b]) == (2, 2)


def test_a_typed_origin_joins() -> None:
    assert counts([claim("A", origin="FAA notice 4"), claim("B", origin="faa  notice 4"), claim("C")]) == (
        2,
        2,
    )


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://www.e.org/a/b/", "e.org/a/b"),
        ("http://e.org/a/b?utm_source=x#y", "e.org/a/b"),
        ("https://web.archive.org/web/20230401000000/https://e.org/a/b", "e.org/a/b"),
        ("https://e.org/amp/a/b", "e.org/a/b"),
        ("https://e.org/?p=14", "e.org?p=14"),
        ("not a link", ""),
        ("https://[bad", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_pages_are_known_under_their_disguises(url: str, same: str) -> None:
    assert page(url) == same


def test_outlets_and_their_short_names_are_one() -> None:
    assert outlet(claim("A", claimant="US officials (NYT)")) == "new york times"
    assert outlet(claim("A", claimant="New York Times/Synthetaic")) == "new york times"
    assert outlet(claim("A", claimant="Somebody", source="The  Herald")) == "the herald"


def test_the_links_of_the_founding_case(test_data: Path) -> None:
    """Source familiar (CNN, 3 April 2023) speaks in C057, C059, C066 and C067, all on one page."""
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    assert counts(list(claims), ["C057", "C059", "C066", "C067"]) == (1, 1)
    # The seed's five sentences add nothing to what they were taken from.
    assert counts(list(claims), ["C066", "C094"]) == (1, 1)
    assert counts(list(claims), ["C056", "C057"]) == (2, 2)
    assert {link.b for link in links(claims) if link.kind == "person" and link.a == "C010"} == {
        *("C029", "C040", "C062", "C085"),
    }


def test_many_claims_of_the_same_words_are_compared_in_time() -> None:
    claims = [claim(f"C{i}", LONG) for i in range(3000)]
    assert counts(claims) == (1, 1)

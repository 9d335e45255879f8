from __future__ import annotations

from overflight.claims.copied import copies, passages
from overflight.claims.documents import Document, parse_document
from overflight.claims.proposals import extract

A = (
    "The airship crossed the northern lakes shortly before dawn on Tuesday. "
    "It carried two cameras and an antenna of unknown purpose. "
    "Fishermen watched it drift toward the open sea for an hour. "
)


def doc(text: str, name: str = "a.txt") -> Document:
    return parse_document(text.encode(), name=name)


def test_a_repeated_passage_is_one_source() -> None:
    (found,) = passages(copies([doc(f"{A} Nobody else saw it at all that day. {A}")]).values())
    assert (found.first, found.last, found.source_first, found.source_last, found.exact) == (5, 7, 1, 3, True)


def test_case_and_signs_do_not_hide_a_copy() -> None:
    (found,) = copies(
        [doc(A), doc("FISHERMEN watched it drift -- toward the open sea, for an hour!", "b.txt")]
    ).values()
    assert (found.source, found.share) == (("a.txt", 3), 1.0)


def test_a_near_copy_has_a_share() -> None:
    near = "Local fishermen watched it drift toward the open sea for an hour."
    (found,) = copies([doc(A), doc(near, "b.txt")]).values()
    assert found.source == ("a.txt", 3)
    assert 0.8 <= found.share < 1.0 or found.share == 1.0


def test_own_words_are_no_copy() -> None:
    assert copies([doc(A), doc("Before dawn an airship went over some lakes in the north.", "b.txt")]) == {}


def test_candidates_of_a_copy_stand_once_with_all_places() -> None:
    alone = extract([doc(A)]).claims
    both = extract([doc(A + A), doc(A, "b.txt")])
    assert len(both.claims) == len(alone)
    first = both.claims[0]
    assert first.sentences == (1, 4)
    assert dict(first.extra)["found_again"] == "b.txt#1"
    assert (both.sentences, both.repeated) == (9, 6)


def test_a_copy_that_lost_its_hedge_is_a_candidate_that_repeats() -> None:
    said = "The airship may have photographed the two naval yards near the old lighthouse on Tuesday."
    told = "The airship photographed the two naval yards near the old lighthouse on Tuesday."
    one, two = extract([doc(said), doc(told, "b.txt")]).claims
    assert (one.hedge, two.hedge) == ("may have", "")
    assert [(r.verb, r.claim_id) for r in two.relations] == [("repeats", one.id)]

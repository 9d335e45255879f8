from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.claims.matrixfile import parse_matrix, read_matrix
from overflight.claims.records import Claim
from overflight.claims.table import read_claims
from overflight.claims.weighing import (
    SCORES,
    Item,
    Matrix,
    admiralty_weight,
    balance,
    diagnosticity,
    question_matrix,
    weigh,
    weighing_lines,
)
from overflight.errors import InputError, LimitError, OverflightError

# Inconsistency counts 1 and 2 (Heuer; PARC's ACH program): A 0, B 3, C 1 + 2 of three items of weight 1.
THREE = Matrix(
    ("A", "B", "C"),
    (
        Item("e1", ("C", "I", "I"), said_s=1.0),
        Item("e2", ("CC", "II", "N"), said_s=3.0),
        Item("e3", ("N", "N", "II"), said_s=2.0),
        Item("e4", ("C", "C", "C")),
    ),
)


def test_hypotheses_are_ranked_by_what_speaks_against_them() -> None:
    found = weigh(THREE)
    assert [(r.hypothesis, r.score, r.against) for r in found.ranked] == [
        ("A", 0.0, ()),
        ("B", 3.0, ("e1", "e2")),
        ("C", 3.0, ("e1", "e3")),
    ]
    assert found.leaders == ("A",)


def test_support_moves_no_rank() -> None:
    more = replace(THREE, items=(*THREE.items, Item("e5", ("N", "CC", "N"))))
    assert [r.score for r in weigh(more).ranked] == [0.0, 3.0, 3.0]


def test_weights_multiply() -> None:
    heavy = replace(THREE, items=tuple(replace(i, weight=2.0, low=2.0, high=2.0) for i in THREE.items))
    assert [r.score for r in weigh(heavy).ranked] == [0.0, 6.0, 6.0]


def test_an_item_alike_under_all_tells_nothing() -> None:
    assert diagnosticity(Item("x", ("C", "C", "NA"))) == 0.0
    assert diagnosticity(Item("x", ("I", "I", "I"))) == 0.0
    assert diagnosticity(Item("x", ("CC", "II", "N"), weight=0.5)) == 2.0
    found = weigh(THREE)
    assert found.undiagnostic == ("e4",)
    assert found.diagnosticity[0][0] == "e2"


def test_the_item_on_which_the_order_hangs_is_found() -> None:
    matrix = Matrix(("A", "B"), (Item("x", ("C", "II")), Item("y", ("I", "C")), Item("z", ("C", "C"))))
    by_item = {s.item: s for s in weigh(matrix).sensitive}
    assert by_item["x"].changes_first  # without it B has nothing against it, and A has y
    assert by_item["x"].leaders_without == ("B",)
    assert not by_item["y"].changes_first
    assert not by_item["z"].changes


scores = st.sampled_from(SCORES)
items = st.lists(st.tuples(st.tuples(scores, scores, scores), st.floats(0.5, 2.0)), min_size=1, max_size=6)


@given(items)
def test_sensitivity_is_what_doing_it_again_without_the_item_gives(rows: list[tuple]) -> None:
    matrix = Matrix(("A", "B", "C"), tuple(Item(f"e{k}", s, w, w, w) for k, (s, w) in enumerate(rows)))
    found = weigh(matrix)
    for one in found.sensitive:
        rest = tuple(i for i in matrix.items if i.id != one.item)
        if rest:
            assert weigh(replace(matrix, items=rest)).leaders == one.leaders_without


@given(items, st.permutations(range(3)))
def test_the_order_of_hypotheses_and_items_is_no_matter(rows: list[tuple], order: list[int]) -> None:
    names = ("A", "B", "C")
    made = tuple(Item(f"e{k}", s, w, w, w) for k, (s, w) in enumerate(rows))
    turned = tuple(replace(i, scores=tuple(i.scores[k] for k in order)) for i in reversed(made))
    one = {r.hypothesis: r.score for r in weigh(Matrix(names, made)).ranked}
    two = {r.hypothesis: r.score for r in weigh(Matrix(tuple(names[k] for k in order), turned)).ranked}
    assert one == pytest.approx(two)


def test_the_balance_moves_as_items_come() -> None:
    steps = weigh(THREE).steps
    assert [(s.item, s.scores) for s in steps] == [
        ("e1", (0.0, 1.0, 1.0)),
        ("e3", (0.0, 1.0, 3.0)),
        ("e2", (0.0, 3.0, 3.0)),
    ]
    assert weigh(THREE).undated == ("e4",)


def test_unknown_ratings_weigh_the_middle_and_say_so() -> None:
    """Admiralty F and 6 are 'cannot be judged': the middle of the scale, open from its worst to its best."""
    assert admiralty_weight("F", 6) == pytest.approx((1.0, 0.5, 2.0))
    assert admiralty_weight("A", 1) == pytest.approx((2.0, 2.0, 2.0))
    assert admiralty_weight("E", 5) == pytest.approx((0.5, 0.5, 0.5))
    assert admiralty_weight("C", 3) == pytest.approx((1.0, 1.0, 1.0))
    weights = [admiralty_weight(r, 3)[0] for r in "ABCDE"]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] / weights[1] == pytest.approx(math.sqrt(math.sqrt(2.0)))


def test_whether_unknown_weights_decide_is_worked_out_at_their_bounds() -> None:
    def pair(weight: float, low: float, high: float) -> Matrix:
        return Matrix(
            ("A", "B"), (Item("x", ("I", "C"), 1.0, low, high), Item("y", ("C", "I"), weight, weight, weight))
        )

    assert weigh(pair(1.5, 0.5, 2.0)).weights_decide
    assert not weigh(pair(2.5, 0.5, 2.0)).weights_decide
    assert any("cannot be judged" in line for line in weighing_lines(weigh(pair(1.5, 0.5, 2.0)))[-4:])


@settings(max_examples=30)
@given(items, st.lists(st.tuples(st.floats(0.2, 1.0), st.floats(1.0, 3.0)), min_size=6, max_size=6))
def test_the_bounds_of_weights_agree_with_trying_every_corner(rows: list[tuple], ends: list[tuple]) -> None:
    made = tuple(
        Item(f"e{k}", s, 1.0, low, high)
        for k, ((s, _), (low, high)) in enumerate(zip(rows, ends, strict=False))
    )
    found = weigh(Matrix(("A", "B", "C"), made))
    first = found.ranked[0].hypothesis
    corners = itertools.product(*[(i.low, i.high) for i in made])
    rivals = {r.hypothesis for r in found.ranked if r.score > found.ranked[0].score + 1e-9}
    beaten = False
    for corner in corners:
        again = weigh(
            Matrix(("A", "B", "C"), tuple(replace(i, weight=w) for i, w in zip(made, corner, strict=True)))
        )
        by_name = {r.hypothesis: r.score for r in again.ranked}
        beaten |= any(by_name[r] < by_name[first] - 1e-9 for r in rivals)
    assert found.weights_decide == beaten


@pytest.mark.parametrize(
    "matrix",
    [
        Matrix(("A",), THREE.items),
        Matrix(("A", "A"), ()),
        Matrix(("A", "B"), ()),
        Matrix(("A", "B"), (Item("x", ("C",)),)),
        Matrix(tuple(map(str, range(100))), THREE.items),
    ],
)
def test_a_matrix_that_weighs_nothing_is_refused(matrix: Matrix) -> None:
    with pytest.raises(OverflightError):
        weigh(matrix)


TABLE = (
    "item,relevance,reliability,credibility,date,drifted,steered\nC1,high,A,1,2023-02-03,I,C\nC2,,,,,N,II\n"
)


def test_a_matrix_is_read_with_what_its_claims_say() -> None:
    matrix = parse_matrix(
        TABLE, [Claim(id="C2", date="2023-02-04", reliability="B", credibility=2, claim="said")]
    )
    assert matrix.hypotheses == ("drifted", "steered")
    first, second = matrix.items
    assert first.weight == pytest.approx(2.0 * math.sqrt(2.0))
    assert second.weight == pytest.approx(math.sqrt(2.0))
    assert (second.text, second.scores) == ("said", ("N", "II"))
    assert first.said_s is not None
    assert second.said_s == first.said_s + 86400.0


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("item,drifted\nC1,C\n", ""),
        ("drifted,steered\nC,C\n", ""),
        ("", ""),
        (TABLE.replace("N,II", "N,X"), "steered"),
        (TABLE.replace("N,II", "N,"), "steered"),
        (TABLE.replace("high", "huge"), "relevance"),
        (TABLE.replace("A,1", "Z,1"), "reliability"),
        (TABLE.replace("A,1", "A,9"), "credibility"),
        (TABLE.replace("2023-02-03", "02/03/2023"), "date"),
        (TABLE.replace("C2", "C1"), "item"),
        (TABLE.replace("C2", ""), "item"),
        (TABLE + "C3,,\n", ""),
        (TABLE + 'C3,"', ""),
    ],
)
def test_a_bad_matrix_is_refused_with_its_field(text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_matrix(text, file="m.csv")
    assert (caught.value.file, caught.value.field) == ("m.csv", field)


def test_a_huge_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(TABLE + "x" * 9000 + ",,,,,C,I\n", "utf-8")
    with pytest.raises(LimitError):
        read_matrix(path)


def anonymous(id: str, text: str, date: str, **more: object) -> Claim:
    return Claim(id=id, claim=text, date=date, attribution="anonymous_official", claimant=id, **more)


def test_a_question_is_a_matrix_of_its_sources() -> None:
    claims = [
        anonymous("A", "It collected data.", "2023-02-03", reliability="B", credibility=2),
        anonymous("B", "It collected nothing.", "2023-06-29", reliability="A", credibility=1),
        anonymous("C", "Unclear whether it collected data.", "2023-04-01"),
    ]
    matrix = question_matrix(claims, "did_collect")
    assert {i.id: i.scores for i in matrix.items} == {"A": ("C", "I"), "B": ("I", "C"), "C": ("N", "N")}
    assert weigh(matrix).leaders == ("no",)
    with pytest.raises(OverflightError):
        question_matrix(claims, "located")


def test_the_balance_of_the_founding_case_turns_in_june(test_data: Path) -> None:
    """Did it collect: yes by NBC and CNN on 3 April 2023; no by the Pentagon on 29 June."""
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    moved = balance(read_claims(path), "did_collect")
    assert [held for _, held in moved] == [
        {"yes": (2, 2), "open": (1, 1)},
        {"yes": (3, 3), "open": (1, 1)},
        {"yes": (3, 3), "no": (1, 1)},
        {"yes": (3, 3), "no": (2, 2)},
    ]

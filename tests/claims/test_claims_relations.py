from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.claims.records import Claim, Relation
from overflight.claims.relations import (
    LOOSE,
    VERB_KINDS,
    Edge,
    cycles,
    edges,
    of_kind,
    overtaken,
    refuse_cycles,
    relation_flags,
)
from overflight.claims.table import new_table, read_claims
from overflight.errors import InputError


def claim(id: str, *relations: tuple[str, str], date: str = "") -> Claim:
    return Claim(id=id, date=date, relations=tuple(Relation(*r) for r in relations))


def test_a_relation_said_from_either_side_is_one_edge() -> None:
    found = edges([claim("A", ("superseded_by", "B")), claim("B", ("supersedes", "A"))])
    assert found == (Edge("supersedes", "B", "A", "superseded_by", True, "A"),)


def test_mutual_verbs_point_both_ways() -> None:
    assert {(e.source, e.target) for e in edges([claim("A", ("tension", "B")), claim("B")])} == {
        ("A", "B"),
        ("B", "A"),
    }


def test_the_verbs_of_the_founding_case_are_all_known(test_data: Path) -> None:
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    verbs = {r.verb for c in claims for r in c.relations}
    assert verbs <= set(VERB_KINDS) | LOOSE
    assert relation_flags(claims) == ()
    # Read off the table: C068 and C060 and C098 were overtaken by C062, C046 by C047.
    late = overtaken(claims)
    assert (late["C068"], late["C060"], late["C098"]) == (("C062",),) * 3
    assert late["C046"] == ("C047",)
    assert late["C064"] == ("C065", "C069")
    # The seed's statements repeat, some with loss, what they were taken from.
    repeats = of_kind(edges(claims), "repeats")
    assert {i: repeats[i] for i in ("C094", "C095", "C096", "C097", "C098")} == {
        "C094": ("C066",),
        "C095": ("C067",),
        "C096": ("C074",),
        "C097": ("C075",),
        "C098": ("C067",),
    }


def test_cycles_are_named() -> None:
    claims = [
        claim("A", ("supersedes", "B")),
        claim("B", ("supersedes", "C")),
        claim("C", ("supersedes", "A")),
        claim("D", ("supersedes", "A")),
        claim("E", ("superseded_by", "D")),
    ]
    assert cycles(edges(claims), "supersedes") == (("A", "B", "C", "A"),)
    (flag,) = relation_flags(claims)
    assert flag.code == "cycle"
    assert "A → B → C → A" in flag.reason
    # Those in the circle do not overtake each other; what comes from outside it does.
    assert overtaken(claims) == {"A": ("D",), "E": ("D",)}
    with pytest.raises(InputError, match="A → B → C → A") as caught:
        refuse_cycles(new_table(claims, file="claims.csv"))
    assert (caught.value.file, caught.value.field) == ("claims.csv", "relation")


def test_a_long_chain_needs_no_recursion() -> None:
    claims = [claim(f"C{i}", ("supersedes", f"C{i + 1}")) for i in range(20_000)]
    assert cycles(edges(claims), "supersedes") == ()
    ring = [*claims, claim("C20000", ("supersedes", "C0"))]
    assert len(cycles(edges(ring), "supersedes")[0]) == 20_002


def test_what_is_odd_is_flagged() -> None:
    claims = [
        claim("A", ("supersedes", "B"), ("supports", "A"), ("resembles", "B"), date="2023-02-01"),
        claim("B", ("supports", "Z9"), date="2023-02-03"),
    ]
    assert [(f.code, f.claims) for f in relation_flags(claims)] == [
        ("supersedes_what_came_later", ("A", "B")),
        ("relates_to_itself", ("A",)),
        ("unknown_relation", ("A",)),
        ("absent_claim", ("B",)),
    ]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14))
def test_a_claim_is_in_a_cycle_when_it_reaches_itself(pairs: list[tuple[int, int]]) -> None:
    reach = {(a, b) for a, b in pairs}
    for k in range(7):
        reach |= {(a, d) for a, b in reach for c, d in reach if b == c == k}
    found = tuple(Edge("supersedes", str(a), str(b), "supersedes", True, str(a)) for a, b in pairs)
    paths = cycles(found, "supersedes")
    for path in paths:
        assert path[0] == path[-1]
        assert all((int(a), int(b)) in pairs for a, b in itertools.pairwise(path))
    # One path a knot, each from its own knot.
    knots = {frozenset(b for b in range(7) if {(a, b), (b, a)} <= reach) for a in range(7) if (a, a) in reach}
    assert {int(path[0]) for path in paths} == {min(knot) for knot in knots}

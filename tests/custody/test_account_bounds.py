"""Hard bounds: against brute force, against random truths, and what they say binds them."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.custody.account import (
    ATOMS,
    SCOPES,
    Row,
    ceiling_rows,
    conflicts,
    evidence_rows,
    extreme,
    feasible,
    members,
    solve_account,
)
from overflight.custody.evidence import CLASSES, QUANTITIES, Account, Evidence, Sensor, Storage
from overflight.errors import SolveError

GB = 1e9


def row(name: str, kind: str, amount: float, **more: object) -> Evidence:
    return Evidence(id=name, kind=kind, amount=amount, source="a test", **more)


def bounds(*rows: Evidence, account: Account | None = None, hours: float = 192.0, links: float | None = None):
    ceilings = ceiling_rows(account or Account(), hours, links)
    return solve_account((*evidence_rows(rows), *ceilings))


# --- the model of exposure.md 6.1 ------------------------------------------------------------------------


def test_the_sets_are_those_of_the_reference() -> None:
    """T ⊂ C, R ⊂ O ⊂ C, D = C \\ O, U = C \\ (T ∪ R); T and O overlap: exposure.md 6.1."""
    c, t, o, d, r, a, u, b = (members(q, "images") for q in QUANTITIES)
    for inner, outer in ((t, c), (r, o), (o, c), (a, r)):
        assert (inner <= outer).all()
    np.testing.assert_array_equal(d, c - o)
    np.testing.assert_array_equal(u, c - t - r + b)
    np.testing.assert_array_equal(b, t * r)
    assert (t * o).any()


def test_collected_is_at_least_the_larger_of_sent_and_recovered() -> None:
    """C >= max(T_lo, R_lo), not their sum: sending copies, it does not move."""
    found = bounds(row("sent", "sent_at_least", 3 * GB), row("read", "recovered_at_least", 5 * GB))
    low = found.of("all", "collected").low
    assert low.value == 5 * GB
    assert [name for name, _ in low.binding] == ["read"]
    assert dict(low.binding)["read"] == 3 * GB


def test_unaccounted_is_what_neither_was_sent_nor_recovered() -> None:
    """U_lo = max(0, C_lo - R_hi - T_hi), U_hi = C_hi - max(R_lo, T_lo): exposure.md 6.1."""
    rows = (
        row("made-least", "collected_at_least", 100 * GB), row("made-most", "collected_at_most", 120 * GB),
        row("sent-least", "sent_at_least", 2 * GB), row("sent-most", "sent_at_most", 7 * GB),
        row("read-least", "recovered_at_least", 30 * GB), row("read-most", "recovered_at_most", 40 * GB),
    )  # fmt: skip
    found = bounds(*rows).of("all", "unaccounted")
    assert found.low.value == pytest.approx((100 - 40 - 7) * GB, rel=1e-12)
    assert found.high.value == pytest.approx((120 - 30) * GB, rel=1e-12)
    assert {name for name, _ in found.low.binding} == {"made-least", "read-most", "sent-most"}
    assert {name for name, _ in found.high.binding} == {"made-most", "read-least"}


def test_altered_is_a_property_of_what_was_recovered() -> None:
    found = bounds(row("bent", "altered_at_least", 5.0), row("read", "recovered_at_most", 8.0))
    assert found.of("all", "recovered").low.value == 5.0
    assert found.of("all", "altered").high.value == 8.0
    assert found.of("all", "deleted").unconstrained


def test_what_nothing_bounds_is_unconstrained() -> None:
    found = solve_account(())
    assert len(found.bounds) == len(SCOPES) * len(QUANTITIES)
    assert all(bound.unconstrained and not bound.high.binding for bound in found.bounds)


def test_a_row_that_speaks_of_nothing_measured_bounds_nothing() -> None:
    quiet = Evidence(id="n", kind="none", source="x", text="nothing was heard")
    about = row("g", "sent_about", 5 * GB)
    aside = row("s", "sent_at_most", 1.0, use=False)
    assert evidence_rows((quiet, about, aside)) == ()


def test_bursts_and_shares() -> None:
    bursts = Evidence(id="b", kind="rf_bursts", amount=4e5, high=8e5, source="x")
    rows = (bursts, row("size", "recorder_size", 100.0), row("share", "recovered_share_at_least", 0.6))
    found = bounds(*rows, row("read", "recovered_at_most", 30.0))
    assert found.of("all", "sent").low.value == 4e5
    assert found.of("all", "sent").high.value == 8e5
    # No more was kept than what 30 bytes are six tenths of.
    assert found.of("all", "kept").high.value == pytest.approx(50.0)


def test_ceilings_bound_only_what_is_said_to_be_complete() -> None:
    camera = Sensor(id="camera", artefact="images", max_bps=732e6)
    part = Account(sensors=(camera,), storage=Storage(most_bytes=1e12))
    assert bounds(account=part).of("images", "collected").high.value is None
    assert bounds(account=part, links=1e9).of("all", "sent").high.value is None
    whole = Account(sensors=(camera,), complete=("images", "links"))
    found = bounds(account=whole, links=0.207e9)
    # 61 MP of 12 bit once a second for eight days: exposure.md 3.5, 7.9 TB a day.
    assert found.of("images", "collected").high.value == pytest.approx(8 * 7.9056e12)
    assert found.of("signals", "sent").high.value == pytest.approx(0.207e9)
    assert bounds(account=part).of("all", "recovered").high.value == 1e12


def test_the_end_without_a_row_is_told() -> None:
    rows = (row("a", "sent_at_most", 10.0), row("b", "sent_at_most", 25.0))
    high = bounds(*rows).of("all", "sent").high
    assert high == type(high)(10.0, (("a", 25.0),))


def test_small_amounts_are_told_beside_large_ones() -> None:
    """One byte beside nine petabytes: an absolute tolerance would swallow it."""
    rows = (row("one", "sent_at_least", 1.0, artefact="telemetry"), row("big", "collected_at_least", 9e15))
    found = bounds(*rows)
    assert found.of("telemetry", "collected").low.value == 1.0
    assert found.of("all", "collected").low.value == 9e15


# --- contradictions --------------------------------------------------------------------------------------


def test_the_smallest_conflict_is_named() -> None:
    rows = (
        row("fine", "sent_at_most", 5 * GB), row("said", "recovered_at_least", 10 * GB),
        row("size", "recorder_size", 8 * GB), row("other", "collected_at_least", 1.0),
    )  # fmt: skip
    found = bounds(*rows)
    assert found.bounds == ()
    (one,) = found.conflicts
    assert (set(one.ids), one.smallest) == ({"said", "size"}, True)
    with pytest.raises(SolveError, match="contradicts"):
        found.of("all", "sent")


def test_a_conflict_of_three_is_irreducible() -> None:
    rows = (
        row("c", "collected_at_most", 10.0), row("t", "sent_at_least", 6.0),
        row("r", "recovered_at_least", 6.0), row("b", "both_at_most", 1.0), row("x", "kept_at_most", 50.0),
    )  # fmt: skip
    (one,) = conflicts(evidence_rows(rows))
    assert set(one.ids) == {"c", "t", "r", "b"}
    inequalities = evidence_rows(rows)
    for name in one.ids:
        assert feasible([r for r in inequalities if r.id in one.ids and r.id != name])


def test_two_conflicts_that_share_no_row_are_both_named() -> None:
    rows = (
        row("a", "sent_at_least", 2.0), row("b", "sent_at_most", 1.0),
        row("c", "kept_at_least", 9.0), row("d", "recorder_size", 3.0),
    )  # fmt: skip
    assert {frozenset(one.ids) for one in conflicts(evidence_rows(rows))} == {
        frozenset("ab"),
        frozenset("cd"),
    }


def test_evidence_may_contradict_a_ceiling() -> None:
    account = Account(complete=("links",))
    found = bounds(row("heard", "sent_at_least", 1e9), account=account, links=0.2e9)
    assert set(found.conflicts[0].ids) == {"heard", "links"}


# --- against brute force, and invariants -----------------------------------------------------------------

MOST = 3
ONE_SIDED = [f"{q}_{s}" for q in QUANTITIES for s in ("at_least", "at_most", "exactly")]
small_rows = st.lists(st.tuples(st.sampled_from(ONE_SIDED), st.integers(0, MOST)), max_size=4)


def vertices(rows: list[Row], aim: np.ndarray, cap: int) -> Fraction | None:
    """The greatest value by trying every vertex in exact fractions; None where no point is feasible.

    One class, its atoms merged by the columns they have, so that few are left; each is at most `cap`.
    """
    columns = np.array([r.coefficients[:ATOMS] for r in rows]).reshape(len(rows), ATOMS)
    kinds: dict[tuple[float, ...], int] = {}
    for k in range(ATOMS):
        kinds.setdefault((*columns[:, k], aim[k]), k)
    atoms = list(kinds.values())
    a = [[Fraction(int(r.coefficients[k])) for k in atoms] for r in rows]
    b = [Fraction(int(r.limit)) for r in rows]
    for n in range(len(atoms)):
        a.append([Fraction(-1 if m == n else 0) for m in range(len(atoms))])
        b.append(Fraction(0))
    a.append([Fraction(1)] * len(atoms))
    b.append(Fraction(cap))
    best: Fraction | None = None
    for active in itertools.combinations(range(len(a)), len(atoms)):
        x = _solve([a[i] for i in active], [b[i] for i in active])
        good = x is not None and all(
            sum(c * v for c, v in zip(line, x, strict=True)) <= y for line, y in zip(a, b, strict=True)
        )
        if x is not None and good:
            value = sum((Fraction(int(aim[k])) * v for k, v in zip(atoms, x, strict=True)), Fraction(0))
            best = value if best is None else max(best, value)
    return best


def _solve(a: list[list[Fraction]], b: list[Fraction]) -> list[Fraction] | None:
    rows = [[*line, y] for line, y in zip(a, b, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][k]:
                rows[i] = [u - rows[i][k] * v for u, v in zip(rows[i], rows[k], strict=True)]
    return [line[-1] for line in rows]


@settings(max_examples=40, deadline=None)
@given(small_rows, st.sampled_from(QUANTITIES), st.booleans())
def test_bounds_are_those_of_brute_force(told: list[tuple[str, int]], quantity: str, greatest: bool) -> None:
    """Every vertex in exact fractions, beside the linear programme. A cap keeps the brute force bounded."""
    cap = 20
    rows = [
        r
        for n, (kind, x) in enumerate(told)
        for r in evidence_rows((row(f"e{n}", kind, x, artefact="images"),))
    ]
    aim = members(quantity, "images") * (1.0 if greatest else -1.0)
    capped = [*rows, Row("cap", members("collected", "images"), float(cap))]
    brute = vertices(rows, aim, cap)
    if brute is None:
        assert not feasible(capped)
        return
    value, _ = extreme(capped, aim)
    assert value == pytest.approx(float(brute), abs=1e-6)


amounts = st.lists(st.integers(0, 10**6), min_size=24, max_size=24)
asked = st.lists(
    st.tuples(st.sampled_from(QUANTITIES), st.sampled_from(SCOPES), st.booleans(), st.floats(0.0, 1.0)),
    max_size=6,
)


def true_rows(atoms: np.ndarray, told: list[tuple[str, str, bool, float]]) -> tuple[Row, ...]:
    """Statements that hold, some of them sharp."""
    rows = []
    for n, (quantity, scope, least, by) in enumerate(told):
        value = float(members(quantity, scope) @ atoms)
        amount = np.floor(value * by) if least else np.ceil(value * (1.0 + by))
        kind = f"{quantity}_at_{'least' if least else 'most'}"
        rows.append(row(f"e{n}", kind, float(amount), artefact=scope))
    return evidence_rows(rows)


@settings(max_examples=12, deadline=None)
@given(amounts, asked)
def test_bounds_hold_every_truth_that_the_evidence_allows(
    drawn: list[int], told: list[tuple[str, str, bool, float]]
) -> None:
    atoms = np.array(drawn, dtype=float)
    for bound in solve_account(true_rows(atoms, told)).bounds:
        value = float(members(bound.quantity, bound.scope) @ atoms)
        assert (bound.low.value or 0.0) <= value + 1e-3
        assert bound.high.value is None or value <= bound.high.value + 1e-3


@settings(max_examples=12, deadline=None)
@given(amounts, asked.filter(bool))
def test_more_evidence_never_widens_a_bound(
    drawn: list[int], told: list[tuple[str, str, bool, float]]
) -> None:
    rows = true_rows(np.array(drawn, dtype=float), told)
    before = solve_account([r for r in rows if r.id != "e0"])
    after = solve_account(rows)
    for old, new in zip(before.bounds, after.bounds, strict=True):
        assert (new.low.value or 0.0) >= (old.low.value or 0.0) - 1e-3
        assert old.high.value is None or (new.high.value or 0.0) <= old.high.value + 1e-3


@settings(max_examples=8, deadline=None)
@given(amounts, asked)
def test_what_binds_implies_the_bound_and_each_of_it_is_needed(
    drawn: list[int], told: list[tuple[str, str, bool, float]]
) -> None:
    rows = true_rows(np.array(drawn, dtype=float), told)
    for bound in solve_account(rows).bounds:
        names = [name for name, _ in bound.high.binding]
        if bound.high.value is None or not names:
            continue
        aim = members(bound.quantity, bound.scope)
        alone, _ = extreme([r for r in rows if r.id in names], aim)
        assert alone == pytest.approx(bound.high.value, rel=1e-8, abs=1e-2)
        for name in names:
            left, _ = extreme([r for r in rows if r.id in names and r.id != name], aim)
            assert left is None or left > bound.high.value


def test_every_class_has_its_atoms() -> None:
    assert members("collected").sum() == ATOMS * len(CLASSES)

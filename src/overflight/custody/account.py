"""The account: how much was collected, sent, kept, deleted, recovered and never seen again, as hard bounds.

Of each class (images, signals, telemetry) the bytes that were ever collected are cut into eight atoms, by
whether a copy was sent and by what became of the recorded one::

                 gone     kept, not recovered     recovered as written     recovered, altered
    not sent      ·                ·                       ·                       ·
    sent          ·                ·                       ·                       ·

Sending copies, it does not move, so the two are independent. Every quantity is a sum of atoms, and what
relates them needs no further rule: sent ⊂ collected, altered ⊂ recovered ⊂ kept ⊂ collected, deleted =
collected without kept, unaccounted = collected without sent and without recovered, both = sent and recovered.
Deleted is all that was collected and was not on board at the end: refused by a full recorder, written over,
or taken out. Altered is a property of what was recovered, not an amount that is missing.

Evidence and ceilings are linear inequalities on atoms, so a bound is the solution of a linear programme. The
multipliers of its dual are a certificate: the rows with multipliers other than zero imply the bound by
themselves. From them rows are left out as long as the rest implies it still; what remains binds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from overflight.custody.evidence import (
    CLASSES,
    QUANTITIES,
    Account,
    Evidence,
    Quantity,
    Scope,
    quantity_of,
)
from overflight.errors import SolveError
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]

ATOMS: Final = 8
SCOPES: Final[tuple[Scope, ...]] = (*CLASSES, "all")
# Bounds are exact to this share of the largest amount in play, or to a thousandth of a byte.
TOLERANCE: Final = 1e-9
# What amounts differ by after a few sums of floats, as a share of the largest limit.
ROUNDING: Final = 1e-14
# Sets of so many rows are tried for a smallest conflict before the deletion filter takes over.
MOST_TRIALS: Final = 2_000
UNCONSTRAINED: Final = "unconstrained by evidence"

# Atom 4 * sent + fate; fates: gone, kept and not recovered, recovered as written, recovered and altered.
_SENT = np.arange(ATOMS) // 4 == 1
_FATE = np.arange(ATOMS) % 4
_MEMBERS: Final[Mapping[Quantity, npt.NDArray[np.bool_]]] = {
    "collected": np.ones(ATOMS, dtype=np.bool_),
    "sent": _SENT,
    "kept": _FATE > 0,
    "deleted": _FATE == 0,
    "recovered": _FATE > 1,
    "altered": _FATE == 3,
    "unaccounted": ~_SENT & (_FATE < 2),
    "both": _SENT & (_FATE > 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An inequality `coefficients · atoms <= limit`, with the id of the evidence or ceiling that it is."""

    id: str
    coefficients: Float64s
    limit: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """One end of an interval, bytes; None where nothing bounds it.

    `binding` are ids of a smallest set of rows that imply it, each with what the end would be without that
    row and all else in place (None: nothing would bound it).
    """

    value: float | None
    binding: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """Hard bounds of a quantity of a class, or of all."""

    scope: Scope
    quantity: Quantity
    low: End
    high: End

    @property
    def unconstrained(self) -> bool:
        """Whether nothing says more of it than that it is not negative."""
        return self.high.value is None and not self.low.value


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows that cannot all hold, none of which can be left out. `smallest`: no smaller set of them exists."""

    ids: tuple[str, ...]
    smallest: bool


@dataclass(frozen=True, slots=True)
class Bounds:
    """The hard account. `bounds` is empty where the rows contradict each other."""

    bounds: tuple[Bound, ...]
    conflicts: tuple[Conflict, ...] = ()
    rows: tuple[Row, ...] = field(default=(), repr=False, compare=False)

    def of(self, scope: Scope, quantity: Quantity) -> Bound:
        """Return one of the bounds. Raises SolveError where the rows contradict each other."""
        for bound in self.bounds:
            if (bound.scope, bound.quantity) == (scope, quantity):
                return bound
        raise SolveError(
            f"there is no bound on what was {quantity}: the evidence contradicts itself",
            remedy="Set `use = false` for one of the rows of each conflict.",
        )


def members(quantity: Quantity, scope: Scope = "all") -> Float64s:
    """Return the coefficients (24,) that sum a quantity of a class, or of all, from the atoms."""
    picked = _MEMBERS[quantity].astype(np.float64)
    return np.concatenate([picked if scope in ("all", name) else np.zeros(ATOMS) for name in CLASSES])


# --- rows ------------------------------------------------------------------------------------------------


def evidence_rows(evidence: Sequence[Evidence]) -> tuple[Row, ...]:
    """Return the inequalities of the rows that are used; 'about', 'content' and 'none' bound nothing."""
    return tuple(row for one in evidence if one.use for row in _rows_of(one))


def _rows_of(one: Evidence) -> Iterable[Row]:
    if one.kind == "recorder_size":
        yield _at_most(one.id, members("kept"), one.amount)
    elif one.kind == "rf_bursts":
        yield _at_least(one.id, members("sent", one.artefact), one.amount)
        if one.high is not None:
            yield _at_most(one.id, members("sent", one.artefact), one.high)
    elif one.kind.startswith("recovered_share"):
        share = members("recovered", one.artefact) - (one.amount or 0.0) * members("kept", one.artefact)
        yield Row(one.id, -share if one.kind.endswith("least") else share, 0.0)
    elif (named := quantity_of(one.kind)) is not None:
        quantity, side = named
        if side in ("at_least", "exactly"):
            yield _at_least(one.id, members(quantity, one.artefact), one.amount)
        if side in ("at_most", "exactly"):
            yield _at_most(one.id, members(quantity, one.artefact), one.amount)


def _at_least(name: str, coefficients: Float64s, amount: float | None, words: str = "") -> Row:
    return Row(name, -coefficients, -(amount or 0.0), words)


def _at_most(name: str, coefficients: Float64s, amount: float | None, words: str = "") -> Row:
    return Row(name, coefficients, amount or 0.0, words)


def ceiling_rows(account: Account, hours: float | None, links_bytes: float | None) -> tuple[Row, ...]:
    """Return the inequalities of hardware: sensors, recorder, links.

    A class is bounded by its sensors where the account calls it complete and the most of each is known; what
    was sent by `links_bytes`, the ceiling of all links over the flight, where links are complete: that bound
    holds for the paths that the ceiling was taken over. `hours` is how long sensors could work; None: no
    bound from them.
    """
    rows = []
    for name in CLASSES:
        rates = [s.max_bps for s in account.sensors if s.artefact == name]
        if name in account.complete and hours is not None and None not in rates:
            most = sum(rate for rate in rates if rate is not None) / 8.0 * hours * HOUR_S
            words = f"what the {name} sensors of the account can make in {hours:g} h"
            rows.append(_at_most(f"sensors:{name}", members("collected", name), most, words))
    if account.storage.most_bytes is not None:
        words = "the most that the recorder can hold"
        rows.append(_at_most("recorder", members("kept"), account.storage.most_bytes, words))
    if "links" in account.complete and links_bytes is not None:
        words = "what the links of the account can carry over the flight, on any path of its ensemble"
        rows.append(_at_most("links", members("sent"), links_bytes, words))
    return tuple(rows)


# --- solving ---------------------------------------------------------------------------------------------


def solve_account(rows: Sequence[Row]) -> Bounds:
    """Return hard bounds on every quantity of every class and of all, and what binds them.

    Where the rows contradict each other there are no bounds, and the conflicts are named.
    """
    held = tuple(rows)
    if not feasible(held):
        return Bounds((), conflicts(held), held)
    pairs = itertools.product(SCOPES, QUANTITIES)
    return Bounds(tuple(_bound(held, scope, quantity) for scope, quantity in pairs), (), held)


def _bound(rows: tuple[Row, ...], scope: Scope, quantity: Quantity) -> Bound:
    aim = members(quantity, scope)
    return Bound(scope, quantity, _end(rows, aim, -1.0), _end(rows, aim, 1.0))


def _end(rows: tuple[Row, ...], aim: Float64s, sign: float) -> End:
    """Return the greatest (sign 1) or the least (sign -1) of a sum of atoms, and what binds it."""
    value, multipliers = extreme(rows, sign * aim)
    if value is None:
        return End(None)
    # A negative zero prints as one.
    value = abs(max(sign * value, 0.0))
    if sign < 0.0 and value == 0.0:
        # That an amount is not negative is no evidence.
        return End(0.0)
    binding = _irreducible(rows, sign * aim, sign * value, multipliers)
    without = []
    for name in binding:
        left, _ = extreme(tuple(row for row in rows if row.id != name), sign * aim)
        without.append((name, None if left is None else abs(max(sign * left, 0.0))))
    return End(value, tuple(without))


def _irreducible(
    rows: tuple[Row, ...], aim: Float64s, value: float, multipliers: Float64s
) -> tuple[str, ...]:
    """Return ids of a set of rows that imply a bound, from which none can be left out."""
    used = [row.id for row, y in zip(rows, multipliers, strict=True) if y > 1e-12]
    names = list(dict.fromkeys(used))
    for name in tuple(names):
        rest = [other for other in names if other != name]
        left, _ = extreme(tuple(row for row in rows if row.id in rest), aim)
        if left is not None and _same(left, value):
            names = rest
    return tuple(names)


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=1e-3)


def extreme(rows: Sequence[Row], aim: Float64s) -> tuple[float | None, Float64s]:
    """Return the greatest value of a sum of atoms under rows, and the multiplier of each row.

    None where nothing bounds it. The value is that of the dual, which is a bound whatever the rounding.
    Raises SolveError where the rows contradict each other, or the solver and its certificate disagree.
    """
    if not rows:
        return (None, np.zeros(0)) if (aim > 0).any() else (0.0, np.zeros(0))
    found = _linprog(rows, -aim)
    if found.status == 3:
        return None, np.zeros(len(rows))
    if found.status != 0:
        raise SolveError(
            f"the account could not be solved ({found.message})",
            remedy="Check the evidence for amounts that contradict each other.",
        )
    # Marginals are derivatives of the minimum of -aim with respect to the limits, none of them positive.
    multipliers = np.maximum(-np.asarray(found.ineqlin.marginals, dtype=np.float64), 0.0)
    limits = np.array([row.limit for row in rows])
    value = float(multipliers @ limits)
    scale = float(np.abs(multipliers * limits).max(initial=0.0))
    slack = np.stack([row.coefficients for row in rows]).T @ multipliers - aim
    if abs(value + found.fun) > max(1e-7 * scale, 1e-3) or slack.min() < -1e-7:
        raise SolveError("the linear programme and its certificate disagree", remedy="Report the account.")
    return value, multipliers


def feasible(rows: Sequence[Row]) -> bool:
    """Say whether all rows can hold at once."""
    return not rows or _linprog(rows, np.zeros(len(CLASSES) * ATOMS)).status != 2


def _linprog(rows: Sequence[Row], cost: Float64s) -> Any:
    """Minimise a cost. What only rounding contradicts is solved again with limits wider by a rounding."""
    limits = np.array([row.limit for row in rows])
    found = _solved(rows, cost, limits)
    if found.status in (2, 4):
        found = _solved(rows, cost, limits + ROUNDING * float(np.abs(limits).max()), presolve=False)
    return found


def _solved(rows: Sequence[Row], cost: Float64s, limits: Float64s, *, presolve: bool = True) -> Any:
    from scipy.optimize import linprog

    coefficients = np.stack([row.coefficients for row in rows])
    return cast(
        Any,
        linprog(
            cost, A_ub=coefficients, b_ub=limits, bounds=(0.0, None), method="highs",
            options={"presolve": presolve},
        ),
    )  # fmt: skip


# --- contradictions --------------------------------------------------------------------------------------


def conflicts(rows: Sequence[Row]) -> tuple[Conflict, ...]:
    """Return sets of rows that contradict each other and share none, until the rest can hold."""
    found: list[Conflict] = []
    left = list(rows)
    while not feasible(left):
        one = smallest_conflict(left)
        found.append(one)
        left = [row for row in left if row.id not in one.ids]
    return tuple(found)


def smallest_conflict(rows: Sequence[Row]) -> Conflict:
    """Return a smallest set of rows that cannot all hold.

    Sets of one, two, three are tried while that is cheap. Beyond it the deletion filter leaves rows out as
    long as the rest still contradicts itself; what remains is irreducible, though another may be smaller.
    """
    names = list(dict.fromkeys(row.id for row in rows))
    core = _deletion_filter(rows, names)
    for size in range(1, len(core)):
        if math.comb(len(names), size) > MOST_TRIALS:
            return Conflict(core, False)
        for tried in itertools.combinations(names, size):
            if not feasible([row for row in rows if row.id in tried]):
                return Conflict(tried, True)
    return Conflict(core, True)


def _deletion_filter(rows: Sequence[Row], names: Sequence[str]) -> tuple[str, ...]:
    kept = list(names)
    for name in names:
        rest = [other for other in kept if other != name]
        if not feasible([row for row in rows if row.id in rest]):
            kept = rest
    return tuple(kept)

"""How claims stand to each other: the verbs of tables read as five kinds, with a direction.

Tables say the same thing in many words and from either side ('superseded_by', 'derived_from', 'tempers').
Here each verb becomes edges of the kinds supports, contradicts, supersedes, qualifies, repeats. A verb that
is not known, or says no more than that two claims are related, makes no edge; the table keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from overflight.claims.records import Claim, Flag
from overflight.claims.table import ClaimTable
from overflight.errors import InputError

Kind = Literal["supports", "contradicts", "supersedes", "qualifies", "repeats"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_HERE, _THERE, _BOTH = "from", "to", "both"
# Verb → kind, which way it points, and whether it is said in full or in part.
VERB_KINDS: Final[Mapping[str, tuple[Kind, str, bool]]] = MappingProxyType(
    {
        "supports": ("supports", _HERE, True),
        "supported_by": ("supports", _THERE, True),
        "partly_supports": ("supports", _HERE, False),
        "partly_supported_by": ("supports", _THERE, False),
        "consistent_with": ("supports", _BOTH, False),
        "contradicts": ("contradicts", _HERE, True),
        "contradicted_by": ("contradicts", _THERE, True),
        "denies": ("contradicts", _HERE, True),
        "denied_by": ("contradicts", _THERE, True),
        "disputes": ("contradicts", _HERE, True),
        "disputed_by": ("contradicts", _THERE, True),
        "refutes": ("contradicts", _HERE, True),
        "refuted_by": ("contradicts", _THERE, True),
        "supersedes": ("supersedes", _HERE, True),
        "superseded_by": ("supersedes", _THERE, True),
        "answers": ("supersedes", _HERE, True),
        "answered_by": ("supersedes", _THERE, True),
        "corrects": ("supersedes", _HERE, True),
        "corrected_by": ("supersedes", _THERE, True),
        "qualifies": ("qualifies", _HERE, True),
        "qualified_by": ("qualifies", _THERE, True),
        "tempers": ("qualifies", _HERE, True),
        "tempered_by": ("qualifies", _THERE, True),
        "refines": ("qualifies", _HERE, True),
        "refined_by": ("qualifies", _THERE, True),
        "does_not_confirm": ("qualifies", _HERE, True),
        "not_confirmed_by": ("qualifies", _THERE, True),
        "tension": ("qualifies", _BOTH, False),
        "in_tension_with": ("qualifies", _BOTH, False),
        "repeats": ("repeats", _HERE, True),
        "repeated_by": ("repeats", _THERE, True),
        "derived_from": ("repeats", _HERE, True),
        "source_of": ("repeats", _THERE, True),
        "distorts": ("repeats", _HERE, False),
        "distorted_by": ("repeats", _THERE, False),
    }
)
# Verbs that say only that two claims belong together.
LOOSE: Final = frozenset({"related", "parallels", "between"})


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` supports, contradicts, supersedes, qualifies or repeats `target`; `full` False: in part.

    `verb` is the table's word and `by` the claim whose row says it.
    """

    kind: Kind
    source: str
    target: str
    verb: str
    full: bool
    by: str


def edges(claims: Iterable[Claim]) -> tuple[Edge, ...]:
    """Return what the claims' relations say, once each, in the order of the claims.

    A relation that both sides state is one edge, by the first. Ids that no claim has are kept.
    """
    found: dict[tuple[str, str, str], Edge] = {}
    for claim in claims:
        for relation in claim.relations:
            if relation.verb not in VERB_KINDS:
                continue
            kind, way, full = VERB_KINDS[relation.verb]
            here, there = claim.id, relation.claim_id
            pairs = {_HERE: [(here, there)], _THERE: [(there, here)], _BOTH: [(here, there), (there, here)]}
            for a, b in pairs[way]:
                found.setdefault((kind, a, b), Edge(kind, a, b, relation.verb, full, claim.id))
    return tuple(found.values())


def of_kind(found: Iterable[Edge], kind: Kind) -> dict[str, tuple[str, ...]]:
    """Return target ids by source id, for one kind of edge."""
    out: dict[str, list[str]] = {}
    for edge in found:
        if edge.kind == kind:
            out.setdefault(edge.source, []).append(edge.target)
    return {source: tuple(dict.fromkeys(targets)) for source, targets in out.items()}


def cycles(found: Iterable[Edge], kind: Kind) -> tuple[tuple[str, ...], ...]:
    """Return each knot of claims that reach themselves along one kind of edge, as a path that closes.

    A claim cannot be overtaken by what it overtakes, nor repeat what repeats it.
    """
    ahead = of_kind(found, kind)
    knots = _knots(ahead)
    return tuple(_round(knot, ahead) for knot in knots)


def _knots(ahead: Mapping[str, Sequence[str]]) -> list[frozenset[str]]:
    """Strongly connected components with a cycle in them (Tarjan 1972), without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    knots: list[frozenset[str]] = []
    for root in ahead:
        if root in order:
            continue
        work = [(root, iter(ahead.get(root, ())))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    knot = _popped(stack, node)
                    on_stack -= knot
                    if len(knot) > 1 or node in ahead.get(node, ()):
                        knots.append(knot)
            elif following not in order:
                order[following] = low[following] = len(order)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(ahead.get(following, ()))))
            elif following in on_stack:
                low[node] = min(low[node], order[following])
    return knots


def _popped(stack: list[str], node: str) -> frozenset[str]:
    taken = [stack.pop()]
    while taken[-1] != node:
        taken.append(stack.pop())
    return frozenset(taken)


def _round(knot: frozenset[str], ahead: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return a shortest way round from the first id of a knot back to it."""
    start = min(knot)
    before: dict[str, str] = {}
    queue = [start]
    for node in queue:
        for following in ahead.get(node, ()):
            if following == start:
                back = [start, node]
                while back[-1] != start:
                    back.append(before[back[-1]])
                return tuple(reversed(back))
            if following in knot and following not in before:
                before[following] = node
                queue.append(following)
    raise AssertionError("a knot has a way round")


def overtaken(claims: Sequence[Claim]) -> dict[str, tuple[str, ...]]:
    """Return, for each claim that others supersede, the ids of those; claims in a cycle do not count."""
    found = edges(claims)
    looped = {i for knot in cycles(found, "supersedes") for i in knot}
    out: dict[str, list[str]] = {}
    for edge in found:
        if edge.kind == "supersedes" and not {edge.source, edge.target} <= looped:
            out.setdefault(edge.target, []).append(edge.source)
    return {target: tuple(sorted(sources)) for target, sources in out.items()}


def relation_flags(claims: Sequence[Claim]) -> tuple[Flag, ...]:
    """Return what is wrong with the relations: cycles, claims related to themselves, absent ids, odd verbs.

    Also a claim that supersedes one which was said after it.
    """
    found = edges(claims)
    by_id = {claim.id: claim for claim in claims}
    one_way: tuple[Kind, ...] = ("supersedes", "repeats")
    flags = [
        Flag("cycle", path[:-1], f"{kind} in a circle: {' → '.join(path)}")
        for kind in one_way
        for path in cycles(found, kind)
        if len(path) > 2
    ]
    flags += [_late(edge, by_id) for edge in found if edge.kind == "supersedes" and _is_late(edge, by_id)]
    for claim in claims:
        flags += _row_flags(claim, by_id)
    return tuple(flags)


def _row_flags(claim: Claim, by_id: Mapping[str, Claim]) -> list[Flag]:
    flags = []
    for relation in claim.relations:
        if relation.claim_id == claim.id:
            reason = f"it {relation.verb} itself"
            flags.append(Flag("relates_to_itself", (claim.id,), reason))
        elif relation.claim_id not in by_id:
            reason = f"{relation.verb} {relation.claim_id}, which no claim here has for an id"
            flags.append(Flag("absent_claim", (claim.id,), reason))
        if relation.verb not in VERB_KINDS and relation.verb not in LOOSE:
            flags.append(Flag("unknown_relation", (claim.id,), f"the verb '{relation.verb}' is not known"))
    return flags


def _is_late(edge: Edge, by_id: Mapping[str, Claim]) -> bool:
    later, earlier = by_id.get(edge.source), by_id.get(edge.target)
    if later is None or earlier is None or later.said is None or earlier.said is None:
        return False
    return later.said.end_s <= earlier.said.start_s


def _late(edge: Edge, by_id: Mapping[str, Claim]) -> Flag:
    dates = f"{by_id[edge.source].date} against {by_id[edge.target].date}"
    return Flag(
        "supersedes_what_came_later",
        (edge.source, edge.target),
        f"{edge.source} supersedes {edge.target} but was said before it ({dates})",
    )


def refuse_cycles(table: ClaimTable) -> None:
    """Raise InputError when claims supersede or repeat one another in a circle; names the circle."""
    line = {claim.id: claim.line for claim in table.claims}
    for flag in relation_flags(table.claims):
        if flag.code in ("cycle", "relates_to_itself"):
            raise InputError(
                flag.reason,
                file=table.file,
                line=line[flag.claims[0]],
                field="relation",
                remedy="Take one of these relations out.",
            )

"""Analysis of competing hypotheses: what speaks against each, which items tell, and which one decides.

After R. J. Heuer, *Psychology of Intelligence Analysis* (1999), chapter 8, with the weighted inconsistency
score of the ACH program of the Palo Alto Research Center: an inconsistent item counts 1, a very inconsistent
one 2, times the weights of its credibility and relevance. Hypotheses are ranked by what speaks *against*
them; what fits many proves none. The score is no probability, and no word of likelihood is put to it.

    matrix (items x hypotheses) ──► scores, order ──► diagnosticity, sensitivity, balance over time
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from overflight.claims.independence import independent_sources
from overflight.claims.questions import state
from overflight.claims.records import QUESTIONS, Claim, Credibility, Reliability, Verb
from overflight.claims.relations import overtaken
from overflight.claims.wording import touches
from overflight.errors import LimitError, OverflightError

Score = Literal["CC", "C", "N", "I", "II", "NA"]
SCORES: Final[tuple[Score, ...]] = get_args(Score)
# What an item counts against a hypothesis.
AGAINST: Final[Mapping[Score, float]] = {"CC": 0.0, "C": 0.0, "N": 0.0, "NA": 0.0, "I": 1.0, "II": 2.0}
_TURNED: Final[Mapping[Score, Score]] = {"CC": "II", "C": "I", "N": "N", "NA": "NA", "I": "C", "II": "CC"}
# From √2 for the best to 1/√2 for the worst, as PARC's program weighs high and low; even steps of a factor.
_BEST: Final = math.sqrt(2.0)
RELIABILITY_WEIGHT: Final[Mapping[str, float]] = {k: _BEST ** (1.0 - i / 2.0) for i, k in enumerate("ABCDE")}
CREDIBILITY_WEIGHT: Final[Mapping[int, float]] = {
    k: _BEST ** (1.0 - i / 2.0) for i, k in enumerate((1, 2, 3, 4, 5))
}
RELEVANCE_WEIGHT: Final[Mapping[str, float]] = {"high": _BEST, "medium": 1.0, "low": 1.0 / _BEST}
UNKNOWN_WEIGHT: Final = 1.0  # cannot be judged is the middle, not nothing
MOST_ITEMS: Final = 2_000
MOST_HYPOTHESES: Final = 40
MOST_STEPS: Final = 200
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of evidence: how it scores under each hypothesis, and what it weighs.

    `id` is a claim's or a finding's, or a name of its own. `low`, `high` bound the weight where reliability
    or credibility cannot be judged. `said_s` is when it became known, POSIX seconds; None if not known.
    """

    id: str
    scores: tuple[Score, ...]
    weight: float = 1.0
    low: float = 1.0
    high: float = 1.0
    said_s: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Items against hypotheses."""

    hypotheses: tuple[str, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One hypothesis: its weighted inconsistency, and its range over the weights that cannot be judged."""

    hypothesis: str
    score: float
    low: float
    high: float
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sensitive:
    """What would change if one item were wrong: the first hypotheses without it, and with it turned round.

    `leaders_without` and `leaders_turned` are those with the least against them then; `changes` tells
    whether the order of the hypotheses changes in either case, `changes_first` whether the first do.
    """

    item: str
    leaders_without: tuple[str, ...]
    leaders_turned: tuple[str, ...]
    changes: bool
    changes_first: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The balance once an item was known: scores by hypothesis, in the order of the matrix."""

    said_s: float
    item: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weighing:
    """The whole analysis. `ranked` has the least inconsistent hypothesis first; ties share a place."""

    matrix: Matrix
    ranked: tuple[Ranked, ...]
    diagnosticity: tuple[tuple[str, float], ...]
    undiagnostic: tuple[str, ...]
    sensitive: tuple[Sensitive, ...]
    steps: tuple[Step, ...]
    undated: tuple[str, ...]
    weights_decide: bool

    @property
    def leaders(self) -> tuple[str, ...]:
        """The hypotheses with the least against them."""
        return _leaders(self.matrix.hypotheses, [self._score(h) for h in self.matrix.hypotheses])

    def _score(self, hypothesis: str) -> float:
        return next(r.score for r in self.ranked if r.hypothesis == hypothesis)


def weigh(matrix: Matrix) -> Weighing:
    """Return the analysis of a matrix.

    Raises
    ------
    OverflightError
        With fewer than two hypotheses, no items, or scores that do not match the hypotheses.
    """
    _check(matrix)
    ranked = _ranked(matrix)
    told = sorted(((i.id, diagnosticity(i)) for i in matrix.items), key=lambda pair: (-pair[1], pair[0]))
    dated = sorted((i for i in matrix.items if i.said_s is not None), key=lambda i: (i.said_s, i.id))
    return Weighing(
        matrix,
        ranked,
        tuple(told),
        tuple(name for name, value in told if value == 0.0),
        tuple(_sensitive(matrix, item) for item in matrix.items),
        _steps(matrix, dated),
        tuple(i.id for i in matrix.items if i.said_s is None),
        _weights_decide(matrix),
    )


def scores_of(items: Sequence[Item], count: int) -> list[float]:
    """Return the weighted inconsistency of each of `count` hypotheses; the less, the better it stands."""
    return [sum(i.weight * AGAINST[i.scores[h]] for i in items) for h in range(count)]


def diagnosticity(item: Item) -> float:
    """How far an item tells hypotheses apart: its weight times the span of what it counts against them.

    An item that scores alike under all hypotheses tells nothing, however true it is. Support counts here
    as far below neutral as inconsistency above, since it tells too.
    """
    rank = {"CC": -2.0, "C": -1.0, "N": 0.0, "NA": 0.0, "I": 1.0, "II": 2.0}
    values = [rank[s] for s in item.scores if s != "NA"]
    return item.weight * (max(values) - min(values)) if values else 0.0


def _ranked(matrix: Matrix) -> tuple[Ranked, ...]:
    count = len(matrix.hypotheses)
    middle = scores_of(matrix.items, count)
    low = scores_of([replace(i, weight=i.low) for i in matrix.items], count)
    high = scores_of([replace(i, weight=i.high) for i in matrix.items], count)
    rows = [
        Ranked(
            name, middle[h], low[h], high[h], tuple(i.id for i in matrix.items if AGAINST[i.scores[h]] > 0)
        )
        for h, name in enumerate(matrix.hypotheses)
    ]
    return tuple(sorted(rows, key=lambda r: (round(r.score, 9), matrix.hypotheses.index(r.hypothesis))))


def _weights_decide(matrix: Matrix) -> bool:
    """Whether weights that cannot be judged, within their bounds, could put another hypothesis first."""
    now = scores_of(matrix.items, len(matrix.hypotheses))
    first = now.index(min(now))
    return any(
        _least_lead(matrix.items, h, first) < -_TIE for h, score in enumerate(now) if score > min(now) + _TIE
    )


def _least_lead(items: Sequence[Item], other: int, first: int) -> float:
    """The least that the first hypothesis can be ahead of another, over the bounds of the weights."""
    apart = [(AGAINST[i.scores[other]] - AGAINST[i.scores[first]], i) for i in items]
    return sum(by * (i.low if by > 0 else i.high) for by, i in apart)


def _leaders(names: Sequence[str], scores: Sequence[float]) -> tuple[str, ...]:
    least = min(scores)
    return tuple(name for name, score in zip(names, scores, strict=True) if score <= least + _TIE)


def _order(scores: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Hypotheses by place; those that tie share one."""
    levels = sorted({round(s, 9) for s in scores})
    return tuple(tuple(h for h, s in enumerate(scores) if round(s, 9) == level) for level in levels)


def _sensitive(matrix: Matrix, item: Item) -> Sensitive:
    count = len(matrix.hypotheses)
    now = scores_of(matrix.items, count)
    rest = [i for i in matrix.items if i is not item]
    turned = replace(item, scores=tuple(_TURNED[s] for s in item.scores))
    cases = [scores_of(rest, count), scores_of([*rest, turned], count)]
    leaders = [_leaders(matrix.hypotheses, case) for case in cases]
    return Sensitive(
        item.id,
        leaders[0],
        leaders[1],
        any(_order(case) != _order(now) for case in cases),
        any(found != _leaders(matrix.hypotheses, now) for found in leaders),
    )


def _steps(matrix: Matrix, dated: Sequence[Item]) -> tuple[Step, ...]:
    steps = []
    for k, item in enumerate(dated):
        scores = scores_of(dated[: k + 1], len(matrix.hypotheses))
        steps.append(Step(float(item.said_s or 0.0), item.id, tuple(scores)))
    return tuple(steps)


def _check(matrix: Matrix) -> None:
    if len(matrix.hypotheses) < 2 or len(set(matrix.hypotheses)) < len(matrix.hypotheses):
        raise OverflightError("a matrix needs two hypotheses or more, each once", remedy="Add the rivals.")
    if len(matrix.hypotheses) > MOST_HYPOTHESES or len(matrix.items) > MOST_ITEMS:
        raise LimitError(
            f"{len(matrix.items)} items against {len(matrix.hypotheses)} hypotheses",
            remedy=f"At most {MOST_ITEMS} and {MOST_HYPOTHESES}; split the question.",
        )
    if not matrix.items:
        raise OverflightError("a matrix without items weighs nothing", remedy="Add evidence.")
    for item in matrix.items:
        if len(item.scores) != len(matrix.hypotheses):
            raise OverflightError(f"item {item.id} has {len(item.scores)} scores", remedy="One a hypothesis.")


# --- weights


def admiralty_weight(reliability: Reliability, credibility: Credibility) -> tuple[float, float, float]:
    """Return (weight, low, high) of a rating; F and 6 weigh the middle and are open from worst to best."""
    known = (RELIABILITY_WEIGHT.get(reliability), CREDIBILITY_WEIGHT.get(credibility))
    return (
        math.prod(UNKNOWN_WEIGHT if w is None else w for w in known),
        math.prod(1.0 / _BEST if w is None else w for w in known),
        math.prod(_BEST if w is None else w for w in known),
    )


def balance(
    claims: Sequence[Claim], question: Verb
) -> tuple[tuple[float, Mapping[str, tuple[int, int]]], ...]:
    """Return how what was held on a question moved, at each day that something was said of it.

    Each entry is (POSIX seconds, {answer: (independent sources at least, at most)}). Here overtaken claims
    leave, so a balance can go back. Of more days than `MOST_STEPS` that many are taken, the last among them.
    """
    days = sorted({c.said.end_s for c in claims if c.said is not None and _speaks_to(c, question)})
    if len(days) > MOST_STEPS:
        days = [days[-1 - k * (len(days) - 1) // (MOST_STEPS - 1)] for k in range(MOST_STEPS)][::-1]
    out: list[tuple[float, Mapping[str, tuple[int, int]]]] = []
    for day in days:
        held = state(claims, question, day).held
        out.append((day, {h.answer: (h.sources.low, h.sources.high) for h in held}))
    return tuple(out)


def _speaks_to(claim: Claim, question: Verb) -> bool:
    return any(t.verb == question and not t.granted for t in touches(claim))


def question_matrix(claims: Sequence[Claim], question: Verb) -> Matrix:
    """Return the matrix of a question: 'yes' and 'no' as hypotheses, a claim each as item.

    Claims that come to one source are one item, the best rated of them; 'open' is neutral. Overtaken claims
    are out. Claims without a date are in, and have no step in the balance.
    """
    if question not in QUESTIONS:
        raise OverflightError(f"'{question}' is none of {', '.join(QUESTIONS)}")
    gone = overtaken(claims)
    touching = {
        c.id: (c, t.answer)
        for c in claims
        for t in touches(c)
        if t.verb == question and not t.granted and c.id not in gone
    }
    items = []
    for group in independent_sources(claims, touching).groups:
        for answer in ("yes", "no", "open"):
            own = [touching[i][0] for i in group.claims if touching[i][1] == answer]
            if own:
                best = max(own, key=lambda c: admiralty_weight(c.reliability, c.credibility)[0])
                items.append(_item(best, answer, min(_known(c) for c in own)))
    return Matrix(("yes", "no"), tuple(items))


def _known(claim: Claim) -> float:
    return math.inf if claim.said is None else claim.said.end_s


def _item(claim: Claim, answer: str, known_s: float) -> Item:
    scores: dict[str, tuple[Score, ...]] = {"yes": ("C", "I"), "no": ("I", "C"), "open": ("N", "N")}
    weight, low, high = admiralty_weight(claim.reliability, claim.credibility)
    said = known_s if math.isfinite(known_s) else None
    return Item(claim.id, scores[answer], weight, low, high, said, claim.claim)


# --- in words


def weighing_lines(found: Weighing) -> list[str]:
    """Return the analysis in sentences: the order, what tells, what the order hangs on."""
    lines = [
        f"{row.hypothesis}: weighted inconsistency {row.score:.2f} ({row.low:.2f} to {row.high:.2f} over "
        f"weights that cannot be judged), {_items(len(row.against))} against it"
        for row in found.ranked
    ]
    first = " and ".join(found.leaders)
    lines.append(f"The least speaks against {first}. The score ranks; it is no probability.")
    if found.weights_decide:
        lines.append("The order hangs on sources whose rating cannot be judged.")
    told = [name for name, value in found.diagnosticity if value > 0][:5]
    if told:
        lines.append(f"Most telling: {', '.join(told)}.")
    if found.undiagnostic:
        lines.append(f"Tells nothing apart: {', '.join(found.undiagnostic)}.")
    decisive = [s.item for s in found.sensitive if s.changes_first]
    lines.append(
        f"If wrong, each of these alone changes what comes first: {', '.join(decisive)}."
        if decisive
        else "No item alone, if wrong, changes what comes first."
    )
    return lines


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"

"""How many independent sources a statement really has: who repeats whom, and why we think so.

Links between claims are *sure* (the table says that one repeats the other, the same named person, the same
anonymous voice on the same page, the same words) or *possible* (one outlet on one day, one institution, one
page, alike words). Sure links alone give the most sources there can be; all links together the fewest. A
text said a hundred times is one source, and what cannot be told apart is not counted twice at the low end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from overflight.claims.records import Claim
from overflight.claims.relations import cycles, edges
from overflight.errors import LimitError

SHINGLE: Final = 4  # words that stand together
LEAST_WORDS: Final = 8  # fewer words may be alike by chance
SURE_SHARE: Final = 0.8  # of the shorter text's shingles that the longer has
ALIKE_SHARE: Final = 0.4
MOST_CLAIMS: Final = 20_000
# A run of words that so many texts share is a formula ('said on condition of'), not a copy.
_COMMON: Final = 20

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_NAME = re.compile(r"[A-Z][\w'.-]*")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_OUTLETS: Final = (
    "ABC", "AFP", "AP", "BBC", "Bloomberg", "CBS", "CNBC", "CNN", "Financial Times", "Fox", "FT", "Guardian",
    "NBC", "New York Times", "Newsweek", "NPR", "NYT", "Politico", "Reuters", "Telegraph", "Times", "TASS",
    "USA Today", "Wall Street Journal", "Washington Post", "WSJ", "Xinhua",
)  # fmt: skip
_SHORT: Final = {"nyt": "new york times", "wsj": "wall street journal", "ft": "financial times"}
# Words with a capital that are no one's name: ranks, offices, countries, places of offices.
_NOT_NAMES: Final = frozenset(
    re.findall(
        r"\S+",
        """
    a admiral adm administration affairs agency air ambassador american an armed army assistant attorney
    australia australian beijing brig brigadier britain british bureau canada canadian captain capt chair
    chairman chairwoman chief china chinese col colonel commander commerce congress coordinator council
    country crew defence defense department deputy director dod dr editor embassy european fbi federal first
    five force foreign former france french general gen german germany government governor gov head house
    india indian intelligence international japan japanese joint kong korea london maj major marine marshal
    mayor military minister ministry mr mrs ms national navy new nsc officer official officials operations
    paper party pentagon police post prc premier president press prime prof professor public rep
    representative republic royal russia russian sec secretary security sen senate senator senior several sgt
    sheriff source sources south spokesman spokesperson spokeswoman staff state states taiwan the
    three times tokyo treasury two u.k u.s uk under union united university unnamed us vice washington white
    """,
    )
)
_NAMED: Final = frozenset({"named_official", "politician", "independent_expert", "witness"})
_VOICELESS: Final = frozenset({"anonymous_official", "media_report", "article_voice"})


@dataclass(frozen=True, slots=True)
class Link:
    """Two claims that may be one source: `sure` or possible, and the reason."""

    a: str
    b: str
    kind: str
    sure: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """Claims that come to one source, with the reasons; a lone claim has none."""

    claims: tuple[str, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """How many independent sources there are, at least and at most, and the groups for each count."""

    low: int
    high: int
    groups: tuple[SourceGroup, ...]
    sure_groups: tuple[SourceGroup, ...]

    @property
    def words(self) -> str:
        """The count in words: '2', or '1 to 3'."""
        return f"{self.low}" if self.low == self.high else f"{self.low} to {self.high}"


def independent_sources(claims: Sequence[Claim], among: Iterable[str] | None = None) -> Sources:
    """Count the independent sources of some of the claims (of all when `among` is None).

    Links that run through claims outside `among` count too: two texts taken from a third are one source.
    """
    chosen = [c.id for c in claims] if among is None else list(dict.fromkeys(among))
    found = links(claims)
    sure = _groups(chosen, [link for link in found if link.sure])
    wide = _groups(chosen, found)
    return Sources(len(wide), len(sure), wide, sure)


def links(claims: Sequence[Claim]) -> tuple[Link, ...]:
    """Return the links between claims, each pair and kind once, in a fixed order."""
    if len(claims) > MOST_CLAIMS:
        raise LimitError(
            f"{len(claims)} claims; at most {MOST_CLAIMS} are compared", remedy="Compare them by topic."
        )
    found: dict[tuple[str, str, str], Link] = {}
    for link in (*_repeats(claims), *_origins(claims), *_voices(claims), *_pages(claims), *_wording(claims)):
        if link.a != link.b:
            found.setdefault((min(link.a, link.b), max(link.a, link.b), link.kind), link)
    return tuple(found.values())


def _groups(chosen: Sequence[str], found: Iterable[Link]) -> tuple[SourceGroup, ...]:
    listed = tuple(found)
    root = _union([(link.a, link.b) for link in listed])
    members: dict[str, list[str]] = {}
    for i in chosen:
        members.setdefault(root.get(i, i), []).append(i)
    return tuple(
        SourceGroup(tuple(ids), _reasons(set(ids), top, listed, root) if len(ids) > 1 else ())
        for top, ids in members.items()
    )


def _reasons(ids: set[str], top: str, found: Iterable[Link], root: Mapping[str, str]) -> tuple[str, ...]:
    """Return why these claims are one source; links by way of other claims only where no direct one is."""
    own = [link for link in found if root[link.a] == top]
    direct = [link for link in own if {link.a, link.b} <= ids]
    said = direct if _joined(ids, direct) else own
    return tuple(dict.fromkeys(link.reason for link in said))


def _joined(ids: set[str], found: Sequence[Link]) -> bool:
    root = _union([(link.a, link.b) for link in found])
    return len({root.get(i, i) for i in ids}) == 1


def _union(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the root of each id that stands in a pair."""
    parent: dict[str, str] = {}

    def top(i: str) -> str:
        parent.setdefault(i, i)
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        x, y = top(a), top(b)
        parent[max(x, y)] = min(x, y)
    return {i: top(i) for i in list(parent)}


# --- what makes a link


def _repeats(claims: Sequence[Claim]) -> Iterator[Link]:
    for edge in edges(claims):
        if edge.kind == "repeats":
            yield Link(
                edge.source, edge.target, "repeats", True,
                f"{edge.source} repeats {edge.target} ({edge.verb.replace('_', ' ')}, by the table)",
            )  # fmt: skip


def _origins(claims: Sequence[Claim]) -> Iterator[Link]:
    yield from _chain(
        claims,
        lambda c: " ".join(c.origin.lower().split()),
        "origin",
        True,
        lambda a, b: f"{a.id} and {b.id} go back to the same origin, {a.origin}",
    )


def _voices(claims: Sequence[Claim]) -> Iterator[Link]:
    """The same person; the same institution; anonymous voices of one outlet on one day."""
    yield from _chain(
        claims, person, "person", True, lambda a, b: f"{a.id} and {b.id} are the same person, {a.claimant}"
    )
    yield from _chain(
        claims,
        institution,
        "institution",
        False,
        lambda a, b: f"{a.id} and {b.id} speak for the same institution ({institution(a)})",
    )
    yield from _chain(
        [c for c in claims if c.attribution in _VOICELESS],
        lambda c: f"{outlet(c)}|{c.date}" if outlet(c) and c.date else "",
        "outlet",
        False,
        lambda a, b: (
            f"{a.id} and {b.id} are unnamed in the same outlet on the same day ({outlet(a)}, {a.date})"
        ),
    )


def _pages(claims: Sequence[Claim]) -> Iterator[Link]:
    yield from _chain(
        [c for c in claims if c.attribution in _VOICELESS],
        lambda c: f"{page(c.url)}|{_folded(c.claimant)}" if page(c.url) else "",
        "page",
        True,
        lambda a, b: f"{a.id} and {b.id} are the same unnamed voice on one page",
    )
    yield from _chain(
        [c for c in claims if c.attribution in _VOICELESS],
        lambda c: page(c.url),
        "page",
        False,
        lambda a, b: f"{a.id} and {b.id} are unnamed on one page and may be one voice",
    )
    yield from _chain(
        [c for c in claims if c.attribution in _VOICELESS],
        lambda c: c.sha256,
        "document",
        False,
        lambda a, b: f"{a.id} and {b.id} are unnamed in one archived document",
    )


def _chain(
    claims: Iterable[Claim],
    key: Callable[[Claim], str],
    kind: str,
    sure: bool,
    reason: Callable[[Claim, Claim], str],
) -> Iterator[Link]:
    """Link each claim to the first with the same key; an empty key links nothing."""
    first: dict[str, Claim] = {}
    for claim in claims:
        word = key(claim)
        if not word:
            continue
        if word in first:
            yield Link(first[word].id, claim.id, kind, sure, reason(first[word], claim))
        else:
            first[word] = claim


# --- names, pages, outlets


def person(claim: Claim) -> str:
    """Return the last name of a named claimant in small letters, '' when there is none to be found."""
    if claim.attribution not in _NAMED:
        return ""
    outside = _BRACKETS.sub(" ", claim.claimant)
    inside = " ; ".join(_BRACKETS.findall(claim.claimant))
    return _last_name(outside) or _last_name(inside)


def _last_name(text: str) -> str:
    run: list[str] = []
    for word in re.split(r"[\s/]+|(?=[,;])", text):
        bare = word.strip(".,;:'\"").lower()
        is_name = bool(_NAME.match(word.strip("'\""))) and bare not in _NOT_NAMES and not _acronym(word)
        if is_name and word.strip("'\"") not in _OUTLETS:
            run.append(bare)
        elif run:
            break
    # Initials alone are nobody.
    names = [name for name in run if len(name.replace(".", "")) > 1]
    return names[-1] if names else ""


def _acronym(word: str) -> bool:
    bare = word.strip(".,;:'\"()")
    return len(bare) > 1 and bare.isupper() and "." not in bare


def institution(claim: Claim) -> str:
    """Return the institution that a named or official claimant speaks for, '' when none is found."""
    if claim.attribution not in ("named_official", "agency_statement", "state_denial"):
        return ""
    outside = _folded(_BRACKETS.sub(" ", claim.claimant))
    everything = _folded(claim.claimant)
    for name in ("pentagon", "state department", "foreign ministry", "white house", "embassy"):
        if name in everything:
            return ("prc " if "prc" in outside.split() and name == "embassy" else "") + name
    return ""


def outlet(claim: Claim) -> str:
    """Return the outlet that a claim came through: its source, else the one named with the claimant."""
    if claim.source:
        return _folded(claim.source)
    found = [name for name in _OUTLETS if re.search(rf"\b{re.escape(name)}\b", claim.claimant)]
    name = max(found, key=len).lower() if found else ""
    return _SHORT.get(name, name)


def page(url: str) -> str:
    """Return what identifies a page: host and path, without scheme, www, query, fragment and AMP; '' if none.

    Copies in web archives count as the page that they are copies of.
    """
    text = url.strip()
    archived = re.match(r"https?://web\.archive\.org/web/[^/]+/(https?:/.*)", text)
    try:
        parts = urlsplit(archived[1] if archived else text)
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return ""
    path = re.sub(r"/(?:amp|index\.html?)?$", "", parts.path.replace("/amp/", "/").rstrip("/") or "")
    if re.fullmatch(r"[/\w.-]*\.php|", path) and parts.query:
        path += f"?{parts.query}"
    return f"{host}{path}" if host and path else ""


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


# --- shared words


def shared_wording(a: str, b: str, *, size: int = SHINGLE) -> float:
    """Return the share of the shorter text's runs of `size` words that the other has too, 0 to 1.

    Texts shorter than `LEAST_WORDS` words share nothing: they may be alike by chance.
    """
    left, right = _shingles(a, size), _shingles(b, size)
    if not left or not right:
        return 0.0
    return len(left & right) / min(len(left), len(right))


def _shingles(text: str, size: int = SHINGLE) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    if len(words) < LEAST_WORDS:
        return frozenset()
    return frozenset(tuple(words[i : i + size]) for i in range(len(words) - size + 1))


def _wording(claims: Sequence[Claim]) -> Iterator[Link]:
    """Link claims whose quotes, or else summaries, share their words."""
    runs = {c.id: _shingles(c.quote or c.claim) for c in claims}
    seen: dict[tuple[str, ...], list[str]] = {}
    for claim in claims:
        shared: dict[str, int] = {}
        for run in runs[claim.id]:
            there = seen.setdefault(run, [])
            for other in there:
                shared[other] = shared.get(other, 0) + 1
            if len(there) < _COMMON:
                there.append(claim.id)
        for other, count in shared.items():
            share = count / min(len(runs[claim.id]), len(runs[other]))
            if share >= ALIKE_SHARE:
                what = "the same words" if share >= SURE_SHARE else "like words"
                yield Link(
                    other, claim.id, "wording", share >= SURE_SHARE,
                    f"{other} and {claim.id} use {what} ({share:.0%} of the shorter)",
                )  # fmt: skip


def repeated(claims: Sequence[Claim]) -> Mapping[str, tuple[str, ...]]:
    """Return, for each claim that repeats others by the table, those; claims in a circle are left out."""
    found = edges(claims)
    looped = {i for knot in cycles(found, "repeats") for i in knot}
    out: dict[str, list[str]] = {}
    for edge in found:
        if edge.kind == "repeats" and not {edge.source, edge.target} <= looped:
            out.setdefault(edge.source, []).append(edge.target)
    return {source: tuple(targets) for source, targets in out.items()}

"""Verify a chain of frames: what is missing, altered, doubled, out of order, and what nobody can know.

Four adversaries, and what a chain can say of each (docs/frames.md tells why):

- line noise: always found, by the checksums and the tags;
- a third party without the key: what he alters, adds or numbers anew is found on a keyed stream by who holds
  the key; what he withholds looks like loss; without a key he can write the whole chain anew;
- a cut tail: known only from a frame of kind `end`, or from an anchor beyond it;
- the sender who rewrites and re-chains: known only from *anchors*, tags that somebody else held before.

`verify` is for frames at hand. A station follows a stream with a `ChainState`, which grows by `follow` and is
kept as JSON; both end in `report`.
"""

from __future__ import annotations

import bisect
import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from overflight.custody.frames import (
    END,
    GENESIS,
    MAX_SEQUENCE,
    STREAM_BYTES,
    TAG_BYTES,
    Defect,
    Frame,
    tag_holds,
)
from overflight.errors import InputError

# Kept of each list; counts go on.
MAX_KEPT = 1000
# Holes that are followed; a sender who skips numbers on purpose could make one with each frame.
MAX_HOLES = 10_000

TagOf = Callable[[int], bytes | None]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A tag that somebody outside held: proves all frames linked up to it to be those of that moment.

    Without a tag (empty) it is a sealed count: somebody outside noted that the stream had a frame of this
    number, so it shows a tail that was cut and proves no frame.
    """

    sequence: int
    tag: bytes
    source: str = ""
    stream: bytes | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong.

    `kind`: 'altered' (the tag does not hold), 'broken link' (does not hold the tag of the frame before),
    'conflict' (two frames of one number, both with tags that hold), 'foreign' (another stream), 'after end',
    'scattered' (more holes than are followed), 'damaged' (bytes that are no frame), 'rewritten' (not what the
    anchor says), 'cut' (an anchor lies beyond the last frame).
    """

    kind: str
    sequence: int | None
    offset: int | None
    text: str


@dataclass(slots=True)
class Hole:
    """Numbers that have not come: the tag before them, what the frame after them holds, when it was seen."""

    first: int
    last: int
    before: bytes
    after: bytes
    noticed_s: float = 0.0


@dataclass(slots=True)
class ChainState:
    """What is known of one stream so far; `follow` changes it.

    `holes` are in order of their numbers. `counts` has received, accepted, late, duplicate, altered,
    conflict, foreign, scattered and damaged (bytes that were no frame, not in received). Lists are cut at
    MAX_KEPT, counts are not.
    """

    stream: bytes | None = None
    keyed: bool | None = None
    highest: int = -1
    head: bytes = GENESIS
    end: int | None = None
    payload_bytes: int = 0
    last_nanoseconds: int | None = None
    holes: list[Hole] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    altered: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    reordered: list[int] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)
    flaws_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Adversary:
    """What can be said of one of the four: 'found', 'none', 'possible', 'not detectable' or 'not checked'."""

    id: str
    title: str
    verdict: str
    provable: str
    not_provable: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What became of a stream.

    `checked` says what stood behind the tags: 'hmac', 'sha256', 'links' (keyed, and no key at hand).
    Ranges are (first, last) inclusive. `proven` are the ranges that anchors prove to be as they were.
    `missing` are numbers of which nothing came; `altered` those of which only something unsound came.
    """

    stream: bytes | None
    keyed: bool
    checked: str
    closed: bool
    last: int
    counts: Mapping[str, int]
    missing: tuple[tuple[int, int], ...]
    altered: tuple[int, ...]
    duplicates: tuple[int, ...]
    reordered: tuple[int, ...]
    flaws: tuple[Flaw, ...]
    flaws_dropped: int
    proven: tuple[tuple[int, int], ...]
    adversaries: tuple[Adversary, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing is missing or wrong, as far as it can be seen. Order does not matter."""
        return not (self.missing or self.altered or self.flaws or self.flaws_dropped)

    @property
    def complete(self) -> bool:
        """Return whether every number up to the last has come sound, whatever else came."""
        return not (self.missing or self.altered)

    @property
    def missing_count(self) -> int:
        """Return how many numbers are missing."""
        return sum(last - first + 1 for first, last in self.missing)


# --- frames at hand ------------------------------------------------------------------------------------


def verify(
    frames: Iterable[Frame],
    key: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    *,
    offsets: Sequence[int] | None = None,
    defects: Iterable[Defect] = (),
    stream: bytes | None = None,
    tell: Callable[[int, str], None] | None = None,
) -> ChainReport:
    """Verify the frames of one stream in the order in which they were received or stored.

    `stream` is that of the first frame unless given; frames of others are 'foreign' (see `by_stream`).
    `offsets` and `defects` come from `decode_stream` and put places to what is found. With a key, a frame
    that is not keyed counts as altered: else anybody could take the key off. `tell` hears of each frame, by
    its index, what `follow` says it is.
    """
    state = ChainState(stream=stream)
    tags: dict[int, bytes] = {}
    seen: dict[int, int] = {}
    known = tags.get
    places: list[tuple[int, int]] = []
    for index, frame in enumerate(frames):
        offset = None if offsets is None else offsets[index]
        verdict = follow(state, frame, known, key=key, offset=offset)
        if verdict in ("accepted", "late"):
            tags[frame.sequence] = frame.tag
            if frame.keyed and key is None:
                seen[frame.sequence] = hash(frame)
        elif verdict == "duplicate" and seen.get(frame.sequence, hash(frame)) != hash(frame):
            verdict = follow_copy(state, frame)
        if tell is not None:
            tell(index, verdict)
        if offset is not None:
            places.append((offset, frame.sequence))
    return report(state, known, key=key, anchors=anchors, defects=defects, places=places)


def parse_anchors(text: str, file: str = "") -> tuple[Anchor, ...]:
    """Return the anchors of a CSV table: sequence, tag (hex), and stream (hex) and source where known.

    A row without a tag is a sealed count: a frame of that number was there. Raises InputError with the line.
    """
    rows = csv.DictReader(text.splitlines())
    anchors = []
    try:
        if not {"sequence", "tag"} <= set(rows.fieldnames or ()):
            raise InputError("lacks a column", file=file, line=1, remedy="Give sequence and tag.")
        for row in rows:
            stream = bytes.fromhex(row.get("stream") or "") or None
            tag = bytes.fromhex(row["tag"] or "")
            number = int(row["sequence"] or "")
            if len(tag) not in (0, TAG_BYTES) or (stream and len(stream) != STREAM_BYTES):
                raise ValueError
            if not 0 <= number <= MAX_SEQUENCE:
                raise ValueError
            anchors.append(Anchor(number, tag, row.get("source") or "", stream))
    except InputError:
        raise
    except (ValueError, csv.Error) as error:
        raise InputError(
            "is no anchor", file=file, line=rows.line_num,
            remedy="A whole number from 0, and tag (may be empty) and stream in hexadecimal digits.",
        ) from error  # fmt: skip
    return tuple(anchors)


def by_stream(
    frames: Sequence[Frame], offsets: Sequence[int] | None = None
) -> dict[bytes, tuple[list[Frame], list[int]]]:
    """Return the frames and offsets of each stream, streams in the order of their first frames."""
    found: dict[bytes, tuple[list[Frame], list[int]]] = {}
    for index, frame in enumerate(frames):
        mine = found.setdefault(frame.stream, ([], []))
        mine[0].append(frame)
        mine[1].append(index if offsets is None else offsets[index])
    return found


# --- growing with the stream ---------------------------------------------------------------------------


def follow(
    state: ChainState,
    frame: Frame,
    tag_of: TagOf,
    *,
    key: bytes | None = None,
    offset: int | None = None,
    now_s: float = 0.0,
) -> str:
    """Take one frame into the state and return what it is.

    'accepted' (the next), 'late' (fills a hole), 'duplicate', 'altered', 'conflict', 'foreign' or
    'scattered'. `tag_of` returns the tag of an accepted frame by its number, None where there is none.
    """
    _count(state, "received")
    verdict = _judge(state, frame, tag_of, key, offset)
    if verdict == "accepted":
        _advance(state, frame, offset, now_s)
    elif verdict == "late":
        _fill(state, frame, offset)
        _keep(state.reordered, frame.sequence)
    elif verdict == "duplicate":
        _keep(state.duplicates, frame.sequence)
    _count(state, verdict)
    return verdict


def follow_defect(state: ChainState, defect: Defect) -> None:
    """Take bytes that were no frame into the state: that something unsound came for a number counts."""
    _count(state, "damaged")
    if defect.sequence is not None:
        _keep(state.altered, defect.sequence)
    _flaw(state, "damaged", defect.sequence, None, str(defect))


def follow_copy(state: ChainState, frame: Frame) -> str:
    """Take a copy that has the tag of the sound frame and other bytes: without the key, either may be it."""
    _count(state, "conflict")
    text = "two different frames with one tag: one is altered, and without the key neither can be told"
    return _flaw(state, "conflict", frame.sequence, None, text)


def has(state: ChainState, number: int) -> bool:
    """Return whether a sound frame of this number has come."""
    at = bisect.bisect_right(state.holes, number, key=lambda hole: hole.first) - 1
    return 0 <= number <= state.highest and not (at >= 0 and number <= state.holes[at].last)


def wanted(state: ChainState) -> tuple[tuple[tuple[int, int], ...], int]:
    """Return the ranges of which nothing has come, and the first number after all that has.

    What came unsound has come: a sender who has nothing better would send it for ever.
    """
    last = max([state.highest, *state.altered])
    holes = [(hole.first, hole.last) for hole in state.holes]
    if last > state.highest:
        holes.append((state.highest + 1, last))
    return _without(holes, set(state.altered)), last + 1


def _judge(state: ChainState, frame: Frame, tag_of: TagOf, key: bytes | None, offset: int | None) -> str:
    number = frame.sequence
    if state.stream is not None and frame.stream != state.stream:
        return _flaw(state, "foreign", number, offset, f"belongs to stream {frame.stream.hex()}")
    if text := _unsound(state, frame, key):
        _keep(state.altered, number)
        return _flaw(state, "altered", number, offset, text)
    # What names the stream is its first sound frame: a forged one in front must not make the others foreign.
    state.stream, state.keyed = frame.stream, frame.keyed
    if number > state.highest:
        if number > state.highest + 1 and len(state.holes) >= MAX_HOLES:
            return _flaw(state, "scattered", number, offset, f"more than {MAX_HOLES} holes; not followed")
        return "accepted"
    if (known := tag_of(number)) is not None:
        if known == frame.tag:
            return "duplicate"
        return _flaw(state, "conflict", number, offset, "two different frames, both with tags that hold")
    if len(state.holes) >= MAX_HOLES:
        return _flaw(state, "scattered", number, offset, f"more than {MAX_HOLES} holes; not followed")
    return "late"


def _unsound(state: ChainState, frame: Frame, key: bytes | None) -> str:
    """Return why the frame's tag is not to be believed, '' where it holds or cannot be checked."""
    if key is not None:
        if not frame.keyed:
            return "carries no key, and the stream should"
        return "" if tag_holds(frame, key) else "the tag does not hold under the key"
    if state.keyed is not None and frame.keyed != state.keyed:
        return "is keyed and the frames before it are not" if frame.keyed else "carries no key as others do"
    return "" if frame.keyed or tag_holds(frame) else "the tag does not hold"


def _advance(state: ChainState, frame: Frame, offset: int | None, now_s: float) -> None:
    number = frame.sequence
    if number == state.highest + 1:
        _link(state, frame.previous == state.head, number, offset)
    else:
        state.holes.append(Hole(state.highest + 1, number - 1, state.head, frame.previous, now_s))
    state.highest, state.head = number, frame.tag
    state.last_nanoseconds = frame.nanoseconds
    _taken(state, frame, offset)


def _fill(state: ChainState, frame: Frame, offset: int | None) -> None:
    number = frame.sequence
    at = bisect.bisect_right(state.holes, number, key=lambda hole: hole.first) - 1
    hole = state.holes[at]
    rest = []
    if number == hole.first:
        _link(state, frame.previous == hole.before, number, offset)
    else:
        rest.append(Hole(hole.first, number - 1, hole.before, frame.previous, hole.noticed_s))
    if number == hole.last:
        _link(state, frame.tag == hole.after, number + 1, offset)
    else:
        rest.append(Hole(number + 1, hole.last, frame.tag, hole.after, hole.noticed_s))
    state.holes[at : at + 1] = rest
    _taken(state, frame, offset)


def _taken(state: ChainState, frame: Frame, offset: int | None) -> None:
    state.payload_bytes += len(frame.payload)
    if frame.kind == END and state.end is None:
        state.end = frame.sequence
        if state.highest > state.end:
            _flaw(state, "after end", state.highest, offset, f"the stream ended at {state.end}")
    elif state.end is not None and frame.sequence > state.end:
        _flaw(state, "after end", frame.sequence, offset, f"the stream ended at {state.end}")


def _link(state: ChainState, holds: bool, number: int, offset: int | None) -> None:
    if not holds:
        _keep(state.breaks, number)
        text = "does not hold the tag of the frame before: one of the two is not what was chained"
        _flaw(state, "broken link", number, offset, text)


def _flaw(state: ChainState, kind: str, number: int | None, offset: int | None, text: str) -> str:
    # The first of a kind is kept whatever else there is: a flood of one must not hide another.
    if len(state.flaws) < MAX_KEPT or all(flaw.kind != kind for flaw in state.flaws):
        state.flaws.append(Flaw(kind, number, offset, text))
    else:
        state.flaws_dropped += 1
    return kind


def _count(state: ChainState, what: str) -> None:
    state.counts[what] = state.counts.get(what, 0) + 1


def _keep(kept: list[int], number: int) -> None:
    if len(kept) < MAX_KEPT:
        kept.append(number)


def state_json(state: ChainState) -> str:
    """Return the state as JSON, bytes as hex."""

    def plain(value: Any) -> Any:
        return value.hex()

    return json.dumps(asdict(state), default=plain, separators=(",", ":"))


_NUMBERS = ("breaks", "altered", "duplicates", "reordered")
_STATE_TYPES: Mapping[str, Any] = {
    "keyed": bool | None, "highest": int, "end": int | None, "payload_bytes": int,
    "last_nanoseconds": int | None, "holes": list, "counts": dict, "flaws": list, "flaws_dropped": int,
    **dict.fromkeys(_NUMBERS, list),
}  # fmt: skip


def state_from_json(text: str) -> ChainState:
    """Return the state that `state_json` wrote. Raises InputError where the text is not one."""
    try:
        told = json.loads(text)
        if not all(isinstance(told[name], kind) for name, kind in _STATE_TYPES.items()):
            raise TypeError
        if not all(isinstance(n, int) for h in told["holes"] for n in (h["first"], h["last"])):
            raise TypeError
        if not all(isinstance(n, int) for name in _NUMBERS for n in told[name]):
            raise TypeError
        if not all(isinstance(n, int) for n in told["counts"].values()):
            raise TypeError
        holes = [
            Hole(h["first"], h["last"], bytes.fromhex(h["before"]), bytes.fromhex(h["after"]), h["noticed_s"])
            for h in told.pop("holes")
        ]
        flaws = [Flaw(**flaw) for flaw in told.pop("flaws")]
        stream, head = told.pop("stream"), bytes.fromhex(told.pop("head"))
        return ChainState(
            stream=None if stream is None else bytes.fromhex(stream),
            head=head,
            holes=holes,
            flaws=flaws,
            **told,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            "what is kept of the chain cannot be read", remedy="Verify the frames themselves."
        ) from error


# --- the report ----------------------------------------------------------------------------------------


def report(
    state: ChainState,
    tag_of: TagOf,
    *,
    key: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    defects: Iterable[Defect] = (),
    places: Sequence[tuple[int, int]] = (),
) -> ChainReport:
    """Return what the state comes to, against anchors and with the defects of the bytes.

    `places` are (offset, sequence) of the frames as they lay in the bytes.
    """
    mine = [a for a in anchors if a.stream in (None, state.stream)]
    bad = [d for d in defects if d.stream in (None, state.stream)]
    held = [a for a in mine if a.tag and tag_of(a.sequence) == a.tag]
    against = _against(state, tag_of, mine, held)
    flaws = [*state.flaws, *(_damage(d, places) for d in bad), *against[:MAX_KEPT]]
    claimed = {f.sequence for f in flaws if f.kind == "damaged" and f.sequence is not None}
    unsound = {n for n in claimed.union(state.altered) if tag_of(n) is None}
    holes = [(hole.first, hole.last) for hole in state.holes]
    beyond = max((a.sequence for a in mine), default=-1)
    if beyond > state.highest:
        holes.append((state.highest + 1, beyond))
    whole = ChainReport(
        stream=state.stream, keyed=bool(state.keyed or key is not None), checked=_checked(state, key),
        closed=state.end is not None, last=state.highest, counts=dict(state.counts),
        missing=_without(holes, unsound), altered=tuple(sorted(unsound)),
        duplicates=tuple(sorted(state.duplicates)), reordered=tuple(sorted(state.reordered)),
        flaws=tuple(flaws), flaws_dropped=state.flaws_dropped + max(len(against) - MAX_KEPT, 0),
        proven=_proven(state, held, key), adversaries=(),
    )  # fmt: skip
    behind = next((d for d in reversed(bad) if d.offset > _last_place(places)), None)
    found = (_noise(whole), _third_party(whole), _tail(whole, beyond, behind), _sender(whole))
    return replace(whole, adversaries=found)


def _last_place(places: Sequence[tuple[int, int]]) -> int:
    return places[-1][0] if places else -1


def _checked(state: ChainState, key: bytes | None) -> str:
    if key is not None:
        return "hmac"
    return "links" if state.keyed else "sha256"


def _without(holes: Iterable[tuple[int, int]], numbers: set[int]) -> tuple[tuple[int, int], ...]:
    """Return the ranges without some of their numbers."""
    left: list[tuple[int, int]] = []
    ordered = sorted(numbers)
    for first, last in holes:
        start, end = bisect.bisect_left(ordered, first), bisect.bisect_right(ordered, last)
        for number in ordered[start:end]:
            if first < number:
                left.append((first, number - 1))
            first = number + 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


def _damage(defect: Defect, places: Sequence[tuple[int, int]]) -> Flaw:
    """Return a defect as a flaw; where its number cannot be read, what lies before and behind may tell it."""
    number, text = defect.sequence, str(defect)
    if number is None and places:
        at = bisect.bisect_left(places, (defect.offset, -1))
        before = places[at - 1][1] if at else -1
        if at < len(places) and places[at][1] == before + 2:
            number = before + 1
            text += f", where sequence {number} would be"
    return Flaw("damaged", number, defect.offset if defect.offset >= 0 else None, text)


def _against(state: ChainState, tag_of: TagOf, anchors: list[Anchor], held: list[Anchor]) -> list[Flaw]:
    """Compare with the anchors: where the stream was rewritten, and whether its tail is cut."""
    flaws = []
    sound = sorted(a.sequence for a in held)
    for anchor in anchors:
        known = tag_of(anchor.sequence)
        source = f" ({anchor.source})" if anchor.source else ""
        if known is not None and anchor.tag and known != anchor.tag:
            at = bisect.bisect_left(sound, anchor.sequence)
            since = sound[at - 1] + 1 if at else 0
            text = f"not the frame that was anchored{source}: rewritten from {since} on, or later up to here"
            flaws.append(Flaw("rewritten", anchor.sequence, None, text))
        elif anchor.sequence > state.highest:
            text = f"was there when it was anchored{source}; the last frame is {state.highest}"
            flaws.append(Flaw("cut", anchor.sequence, None, text))
    return sorted(flaws, key=lambda flaw: flaw.kind == "cut")


def _proven(state: ChainState, held: list[Anchor], key: bytes | None) -> tuple[tuple[int, int], ...]:
    """Return the ranges that are linked, tag by tag, to an anchor that holds."""
    if (state.keyed and key is None) or len(state.breaks) >= MAX_KEPT:
        # Without the key no tag can be told to belong to its payload; nor is a break known that was not kept.
        return ()
    walls = sorted([*(hole.last + 1 for hole in state.holes), *state.breaks])
    ranges: dict[int, int] = {}
    for anchor in held:
        at = bisect.bisect_right(walls, anchor.sequence)
        first = walls[at - 1] if at else 0
        ranges[first] = max(ranges.get(first, -1), anchor.sequence)
    return tuple(sorted(ranges.items()))


def _kinds(whole: ChainReport, *kinds: str) -> int:
    return sum(flaw.kind in kinds for flaw in whole.flaws)


def _noise(whole: ChainReport) -> Adversary:
    damaged = _kinds(whole, "damaged")
    return Adversary(
        "noise", "line noise", "found" if damaged else "none",
        f"{damaged} places where bytes were changed, cut or put in" if damaged
        else "the checksums of every frame that came hold, which noise leaves so once in 2³²",
        "whether a frame that is missing was lost, or never sent",
    )  # fmt: skip


def _third_party(whole: ChainReport) -> Adversary:
    clumsy = _kinds(whole, "altered", "foreign", "after end")
    title = "a third party without the key"
    if whole.checked == "hmac":
        open_to = whole.missing or _kinds(whole, "damaged")
        verdict = "found" if clumsy else "possible" if open_to else "none"
        provable = f"{clumsy} unsound" if clumsy else "nothing altered, put in or numbered anew"
        return Adversary(
            "third party", title, verdict, provable, "whether what is missing was lost or deleted"
        )
    clumsy += _kinds(whole, "broken link", "conflict")
    if clumsy:
        return Adversary(
            "third party", title, "found", "somebody changed frames and did not chain all of them anew",
            "who; and what a better hand would have left no trace of",
        )  # fmt: skip
    if whole.checked == "links":
        return Adversary(
            "third party", title, "not checked", "that the frames hold one another's tags",
            "without the key, that any tag belongs to its frame",
        )  # fmt: skip
    if whole.proven:
        return Adversary(
            "third party", title, _anchored(whole), _proof(whole), "anything outside those ranges"
        )
    return Adversary(
        "third party", title, "not detectable",
        "nothing, since the stream has no key and nothing outside holds it",
        "that he did not write the whole chain anew",
    )  # fmt: skip


def _tail(whole: ChainReport, beyond: int, behind: Defect | None) -> Adversary:
    title = "a cut tail"
    if beyond > whole.last:
        return Adversary(
            "cut tail", title, "found", f"frames {whole.last + 1} to {beyond} were there and are not here",
            f"what came after {beyond}",
        )  # fmt: skip
    if whole.closed:
        sure = whole.checked == "hmac"
        return Adversary(
            "cut tail", title, "none", "the last frame says that it is the last",
            "nothing more" if sure else "that nobody closed a cut stream anew: anybody could without the key",
        )  # fmt: skip
    if behind is not None:
        inside = behind.kind == "truncated"
        what = "the bytes end inside a frame that begins" if inside else "bytes that are no frame begin"
        return Adversary(
            "cut tail", title, "found" if inside else "possible", f"{what} at {behind.offset}",
            "whether anything came after that, and whether it was cut or the line broke",
        )  # fmt: skip
    known = f"that the stream reached {beyond}" if beyond >= 0 else "nothing"
    if whole.last < 0:
        return Adversary(
            "cut tail", title, "not detectable", known, "whether there was anything: no frame is here"
        )
    return Adversary(
        "cut tail", title, "not detectable", known,
        f"whether anything came after {whole.last}: no frame says that it is the last",
    )  # fmt: skip


def _sender(whole: ChainReport) -> Adversary:
    title = "the sender who rewrites and re-chains"
    rewritten = _kinds(whole, "rewritten")
    twofold = _kinds(whole, "conflict", "broken link") if whole.checked == "hmac" else 0
    if rewritten or twofold:
        provable = "frames are not those that were anchored" if rewritten else "two versions carry the key"
        return Adversary("sender", title, "found", provable, "which version is true")
    if whole.proven:
        return Adversary("sender", title, _anchored(whole), _proof(whole), "anything outside those ranges")
    return Adversary(
        "sender", title, "not detectable", "nothing, since nothing outside the stream anchors it",
        "that this is the stream as it was first recorded",
    )  # fmt: skip


def _anchored(whole: ChainReport) -> str:
    return "none" if whole.proven == ((0, whole.last),) and whole.closed else "not detectable"


def _proof(whole: ChainReport) -> str:
    ranges = ", ".join(f"{first} to {last}" for first, last in whole.proven)
    return f"frames {ranges} are as they were when they were anchored"


# --- in words ------------------------------------------------------------------------------------------


def report_dict(whole: ChainReport) -> dict[str, Any]:
    """Return the report as JSON takes it."""
    stream = None if whole.stream is None else whole.stream.hex()
    told = {"ok": whole.ok, "complete": whole.complete, "missing_count": whole.missing_count}
    return {**asdict(whole), "stream": stream, **told}


def report_lines(whole: ChainReport, shown: int = 20) -> list[str]:
    """Return the report as lines for people, at most `shown` of each list."""
    name = "none" if whole.stream is None else whole.stream.hex()
    tags = {"hmac": "tags hold under the key unless said", "sha256": "no key", "links": "keyed, not checked"}
    lines = [
        f"Stream {name}: {whole.counts.get('received', 0)} frames, {tags[whole.checked]}, "
        f"{'closed' if whole.closed else 'open'} at {whole.last}."
    ]
    lines += _listed("Missing", whole.missing_count, [_range(r) for r in whole.missing], shown)
    lines += _listed("Altered", len(whole.altered), list(map(str, whole.altered)), shown)
    for word, numbers in (("duplicate", whole.duplicates), ("late", whole.reordered)):
        lines += _listed(word.capitalize(), whole.counts.get(word, 0), list(map(str, numbers)), shown)
    for flaw in whole.flaws[:shown]:
        place = "" if flaw.offset is None else f", offset {flaw.offset}"
        number = "" if flaw.sequence is None else f" {flaw.sequence}"
        lines.append(f"  {flaw.kind}{number}{place}: {flaw.text}")
    more = len(whole.flaws) - shown + whole.flaws_dropped
    lines += [f"  and {more} more"] if more > 0 and len(whole.flaws) >= shown else []
    for one in whole.adversaries:
        known = f"Provable: {one.provable}. Not provable: {one.not_provable}."
        lines.append(f"{one.title[0].upper()}{one.title[1:]}: {one.verdict}. {known}")
    return lines


def _range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


def _listed(word: str, count: int, items: list[str], shown: int) -> list[str]:
    if not count:
        return []
    more = " ..." if len(items) > shown else ""
    return [f"{word}: {count} ({', '.join(items[:shown])}{more})"]

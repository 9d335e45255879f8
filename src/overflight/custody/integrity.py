"""What became of a received or recovered stream: gaps, copies, order, deletions, alterations, and where.

::

    frames of custody.frames ─► decode_stream ─► chain.verify ─┐
                                                               ├─► Integrity ─► findings, section, lines
    CCSDS space packets ─► custody.ccsds ──────────────────────┘        │
                                            another copy of the stream ─┴─► Comparison

Each thing that is wrong is a `Spot`: numbers of frames, and where in the bytes. Of each of four adversaries
(line noise, a third party without the key, a cut tail, the sender who rewrites and chains anew) it is said
what is provable and what is not; 'not detectable' is an answer. docs/integrity.md tells why.

A gap says that frames are not here. That they were *deleted* is known only against something outside: another
copy that has them, or an anchor.
"""

from __future__ import annotations

import bisect
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from overflight.custody.chain import MAX_KEPT, Adversary, Anchor, ChainReport, Flaw, by_stream, verify
from overflight.custody.frames import (
    GENESIS,
    MAX_PAYLOAD,
    OVERHEAD_BYTES,
    Decoded,
    Frame,
    decode_stream,
)
from overflight.errors import InputError, LimitError
from overflight.records import Finding
from overflight.times import iso_utc

Format = Literal["frames", "ccsds"]
Ranges = tuple[tuple[int, int], ...]

# A file is examined in memory.
MOST_FILE_BYTES = 2 << 30
# Packets are split and searched for in Python, so their files are smaller; `ccsds` limits the work as well.
MOST_PACKET_FILE_BYTES = 256 << 20
CHUNK_BYTES = 1 << 20
# Whoever writes headers can name a stream with each; the largest are examined, the others counted.
MOST_STREAMS = 256
EMPTY = "It is empty: it holds no stream."
# Of a name that may come from hostile bytes, so much begins a finding's id.
NAME_DIGITS = 8

ADVERSARY_IDS: Mapping[str, str] = {
    "noise": "noise",
    "third party": "third-party",
    "cut tail": "cut-tail",
    "sender": "sender",
}
_QUESTIONS: Mapping[str, str] = {
    "noise": "Did noise on the line or in storage change the stream?",
    "third party": "Did a third party without the key change the stream?",
    "cut tail": "Was the end of the stream cut off?",
    "sender": "Did the sender rewrite the stream and chain it anew?",
}
_WHAT: Mapping[str, str] = {
    "missing": "How many numbers up to the last are missing?",
    "altered": "Of how many numbers came only something altered or damaged?",
    "damaged": "At how many places are bytes that are no sound frame?",
    "duplicate": "How many frames came again?",
    "reordered": "How many frames came after a later one?",
}


@dataclass(frozen=True, slots=True)
class Spot:
    """One thing that is wrong or worth telling, and where.

    `kind`: 'gap' (numbers of which nothing came, and a frame of which was sealed), 'skipped' (numbers that no
    frame was chained under), 'altered', 'damaged' (bytes that are no frame), 'duplicate', 'reordered',
    'conflict', 'broken link', 'foreign', 'after end', 'scattered', 'rewritten', 'cut'; of packets also
    'unfinished' (a group of segments without its end) and 'unread' (bytes that were not examined, and why).
    `first` and `last` are numbers of frames, `offset` and `length` bytes of the input; of what is not there,
    `offset` is the place where it would be.
    """

    kind: str
    first: int | None
    last: int | None
    offset: int | None
    length: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """A frame as one copy holds it: where, its tag (of a packet a hash), whether it is sound.

    `content` is a hash of kind, time and payload, so that a frame that was only chained anew can be told from
    one that says something else.
    """

    offset: int
    length: int
    digest: bytes
    content: bytes
    sound: bool


@dataclass(frozen=True, slots=True)
class Alone:
    """A stream that only one of two files holds: its id, in which, and how many frames of it there are.

    `where`: 'here' or 'there'. `examined` False: the other file has streams that were left out, and it may be
    among those.
    """

    stream: str
    where: Literal["here", "there"]
    received: int
    examined: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """What became of one stream.

    `checked`: 'hmac', 'sha256', 'links' (keyed, no key at hand), 'error control' or 'counts' (CCSDS).
    `counts` has received, sound, missing, altered, damaged, duplicate and reordered. `first` and `last` are
    the numbers of the first and the last sound frame, None without any. `proven` are ranges that something
    outside proves to be as they were. Lists are cut at 1000, counts are not; `spots_dropped` counts what is
    wrong and not listed.
    """

    name: str
    stream: str
    format: Format
    checked: str
    closed: bool
    first: int | None
    last: int | None
    time_start: float | None = None
    time_end: float | None = None
    counts: Mapping[str, int]
    missing: Ranges
    altered: tuple[int, ...]
    proven: Ranges = ()
    spots: tuple[Spot, ...]
    spots_dropped: int = 0
    adversaries: tuple[Adversary, ...]
    notes: tuple[str, ...] = ()
    held: Mapping[int, Held] = field(default_factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Return whether nothing is missing or wrong, as far as can be seen; order and copies are neither."""
        return not self.missing and not self.altered and not self.spots_dropped and not any(
            spot.kind not in ("duplicate", "reordered") for spot in self.spots
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file came to: its streams, how many more there were, and bytes that belong to none of them."""

    format: Format
    bytes_read: int
    streams: tuple[Integrity, ...]
    streams_dropped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether there is something, every stream of it is whole, and none was left out."""
        return bool(self.bytes_read) and not self.streams_dropped and all(one.ok for one in self.streams)


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that two copies hold differently: where in each, and whether it says something else."""

    number: int
    offset: int
    other_offset: int
    content: bool
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two copies of one stream: what each lacks of the other, and where they differ.

    `lacking` are numbers that the other copy has and this one has not, `only_here` those that only this has.
    Of the `differing`, `content` say something else; the rest are chained anew and say the same. `rewritten`:
    some hold in both copies and differ.
    """

    name: str
    stream: str
    same: int
    lacking: Ranges
    only_here: Ranges
    differing: int
    content: int
    differences: tuple[Difference, ...]
    rewritten: bool
    text: str


# --- frames --------------------------------------------------------------------------------------------


def examine_frames(
    data: bytes | bytearray | memoryview | Iterable[bytes],
    *,
    key: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    max_payload: int = MAX_PAYLOAD,
) -> Examined:
    """Examine the frames of `custody.frames` in bytes, or in chunks of bytes, stream by stream.

    Takes anything and never raises on what the bytes hold: what is there in part is told in part.
    """
    decoded = decode_stream(data, max_payload=max_payload)
    streams = by_stream(decoded.frames, decoded.offsets)
    for defect in decoded.defects:
        if defect.stream is not None:
            streams.setdefault(defect.stream, ([], []))
    largest = sorted(streams, key=lambda stream: -len(streams[stream][0]))[:MOST_STREAMS]
    chosen = [stream for stream in streams if stream in set(largest)]
    names = _names([stream.hex() for stream in chosen])
    anchors = tuple(anchors)
    found = tuple(
        examine_chain(*streams[stream], decoded=decoded, stream=stream, name=name, key=key, anchors=anchors)
        for stream, name in zip(chosen, names, strict=True)
    )
    if not found:
        found = (examine_chain([], [], decoded=decoded, name="none", key=key, anchors=anchors),)
    return Examined("frames", decoded.bytes_read, found, len(streams) - len(chosen), _stream_notes(decoded))


def examine_chain(
    frames: Sequence[Frame],
    offsets: Sequence[int],
    *,
    decoded: Decoded,
    stream: bytes | None = None,
    name: str = "",
    key: bytes | None = None,
    anchors: Iterable[Anchor] = (),
) -> Integrity:
    """Examine the frames of one stream as they lay in the bytes. `decoded` gives the defects around them."""
    verdicts: list[str] = [""] * len(frames)

    def tell(index: int, verdict: str) -> None:
        verdicts[index] = verdict

    whole = verify(
        frames, key, anchors, offsets=offsets, defects=decoded.defects, stream=stream, tell=tell
    )  # fmt: skip
    held: dict[int, Held] = {}
    sound: dict[int, int] = {}
    for index, (frame, verdict) in enumerate(zip(frames, verdicts, strict=True)):
        good = verdict in ("accepted", "late")
        if good or frame.sequence not in held:
            size = OVERHEAD_BYTES + len(frame.payload)
            held[frame.sequence] = Held(offsets[index], size, frame.tag, _content(frame), good)
        if good:
            sound[frame.sequence] = index
    lengths = {at: OVERHEAD_BYTES + len(frame.payload) for at, frame in zip(offsets, frames, strict=True)}
    lengths |= {defect.offset: defect.length for defect in decoded.defects}
    lay = _Lay(frames, offsets, verdicts, sound, sorted(sound), lengths, decoded.bytes_read)
    spots, dropped = _spots(whole, lay)
    times = [frames[index].nanoseconds for index in sound.values()]
    name_ = stream.hex() if stream is not None else ""
    return Integrity(
        name=name or name_[:NAME_DIGITS] or "none", stream=name_, format="frames", checked=whole.checked,
        closed=whole.closed, first=min(sound, default=None), last=max(sound, default=None),
        time_start=min(times) / 1e9 if times else None, time_end=max(times) / 1e9 if times else None,
        counts={
            "received": len(frames), "sound": len(sound), "missing": whole.missing_count,
            "altered": len(whole.altered), "damaged": _of_kind(whole.flaws, "damaged"),
            "duplicate": verdicts.count("duplicate"), "reordered": verdicts.count("late"),
        },
        missing=whole.missing[:MAX_KEPT], altered=whole.altered[:MAX_KEPT], proven=whole.proven,
        spots=tuple(spots), spots_dropped=dropped + whole.flaws_dropped + decoded.defects_dropped,
        adversaries=whole.adversaries, held=held,
    )  # fmt: skip


def _content(frame: Frame) -> bytes:
    told = b"%d %d " % (frame.kind, frame.nanoseconds)
    return hashlib.blake2b(told + frame.payload, digest_size=16).digest()


def _names(streams: Sequence[str]) -> list[str]:
    """Return names that are short where that leaves them apart."""
    short = Counter(one[:NAME_DIGITS] for one in streams)
    return [one[:NAME_DIGITS] if short[one[:NAME_DIGITS]] == 1 else one for one in streams]


def _stream_notes(decoded: Decoded) -> tuple[str, ...]:
    if not decoded.bytes_read:
        return (EMPTY,)
    if decoded.frames:
        return ()
    return ("No frame of the format was found; are these CCSDS space packets (format ccsds)?",)


def _of_kind(flaws: Iterable[Flaw], kind: str) -> int:
    return sum(flaw.kind == kind for flaw in flaws)


@dataclass(frozen=True, slots=True)
class _Lay:
    """The frames of one stream as they lay in the bytes: verdicts, and where each sound number is."""

    frames: Sequence[Frame]
    offsets: Sequence[int]
    verdicts: Sequence[str]
    sound: Mapping[int, int]
    numbers: Sequence[int]
    lengths: Mapping[int, int]
    end: int


def _spots(whole: ChainReport, lay: _Lay) -> tuple[list[Spot], int]:
    """Return what is wrong, in the order of the bytes, then order and copies, and how much was left out."""
    wrong = _merged([_flaw_spot(flaw, lay) for flaw in whole.flaws])
    wrong += [_gap_spot(first, last, whole.checked, lay) for first, last in whole.missing[:MAX_KEPT]]
    wrong.sort(key=lambda spot: (lay.end if spot.offset is None else spot.offset, spot.first or 0))
    words = {"duplicate": "came again, the same to the byte", "late": "came after a later frame"}
    told = [
        Spot(
            "duplicate" if verdict == "duplicate" else "reordered", frame.sequence, frame.sequence, at,
            OVERHEAD_BYTES + len(frame.payload), words[verdict],
        )
        for frame, at, verdict in zip(lay.frames, lay.offsets, lay.verdicts, strict=True)
        if verdict in words
    ]  # fmt: skip
    dropped = max(len(wrong) - MAX_KEPT, 0) + max(len(whole.missing) - MAX_KEPT, 0)
    return wrong[:MAX_KEPT] + told[:MAX_KEPT], dropped


def _flaw_spot(flaw: Flaw, lay: _Lay) -> Spot:
    offset, text = flaw.offset, flaw.text
    if flaw.kind == "cut":
        offset = lay.end
    elif offset is None and flaw.sequence is not None and flaw.sequence in lay.sound:
        offset = lay.offsets[lay.sound[flaw.sequence]]
    first = last = flaw.sequence
    if flaw.kind == "damaged" and first is None and offset is not None:
        first, last, words = _between(offset, lay)
        text += words
    length = None if offset is None else lay.lengths.get(offset, 0)
    return Spot(flaw.kind, first, last, offset, length, text)


def _between(offset: int, lay: _Lay) -> tuple[int | None, int | None, str]:
    """Return the numbers that could be at a place, from the frames around it."""
    behind = bisect.bisect_left(lay.offsets, offset)
    before = lay.frames[behind - 1].sequence if behind else -1
    after = lay.frames[behind].sequence if behind < len(lay.frames) else None
    words = f"; after frame {before}" if behind else "; before the first frame"
    if after is not None and after > before + 1:
        return before + 1, after - 1, words
    return None, None, words


def _merged(spots: Sequence[Spot]) -> list[Spot]:
    """Return spots with those of one run of anchors put together."""
    found: list[Spot] = []
    for spot in spots:
        last = found[-1] if found else None
        if (
            last is not None and last.kind == spot.kind and spot.kind in ("rewritten", "cut")
            and last.last is not None and spot.first == last.last + 1
        ):  # fmt: skip
            length = None if spot.kind == "cut" else (last.length or 0) + (spot.length or 0)
            found[-1] = replace(last, last=spot.last, length=length)
        else:
            found.append(spot)
    return found


def _gap_spot(first: int, last: int, checked: str, lay: _Lay) -> Spot:
    """Return a gap with the place where its frames would be: before the frame behind it."""
    count = last - first + 1
    at = bisect.bisect_right(lay.numbers, last)
    place = lay.offsets[lay.sound[lay.numbers[at]]] if at < len(lay.numbers) else lay.end
    behind, before = lay.sound.get(last + 1), lay.sound.get(first - 1)
    if behind is None:
        return Spot("gap", first, last, place, 0, f"{count} not here")
    tag = GENESIS if first == 0 else None if before is None else lay.frames[before].tag
    if checked != "links" and lay.frames[behind].previous == tag:
        follows = f"follows on {first - 1}" if first else "is the first"
        return Spot(
            "skipped", first, last, place, 0, f"{count} never chained: by its tag frame {last + 1} {follows}"
        )
    what = "was sealed" if checked == "hmac" else "is named by the frame behind"
    text = f"{count} not here; number {last} {what}; lost, withheld or deleted: the stream cannot tell"
    return Spot("gap", first, last, place, 0, text)


# --- files ---------------------------------------------------------------------------------------------


def examine_file(
    path: str | Path,
    *,
    key: bytes | None = None,
    anchors: Iterable[Anchor] = (),
    format: Format = "frames",
) -> Examined:
    """Examine a file of frames, a station's store, or a file of CCSDS space packets.

    Raises InputError where the file cannot be read or the extra `ccsds` is not there, LimitError beyond
    2 GiB, of packets beyond 256 MiB.
    """
    path = Path(path)
    _check_file(path, MOST_PACKET_FILE_BYTES if format == "ccsds" else MOST_FILE_BYTES)
    if format == "ccsds":
        from overflight.custody.ccsds import examine_packets

        packets = examine_packets(path.read_bytes())
        return packets if packets.bytes_read else replace(packets, notes=(EMPTY,))
    return examine_frames(_chunks(path), key=key, anchors=anchors)


def _check_file(path: Path, most_bytes: int) -> None:
    if not path.is_file():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    if path.stat().st_size > most_bytes:
        raise LimitError(
            f"is larger than {most_bytes >> 20} MiB", where=str(path),
            remedy="Cut it between frames or packets.",
        )  # fmt: skip


def _chunks(path: Path) -> Iterable[bytes]:
    """Yield the bytes of a file, or the frames of a station's store in the order in which they arrived."""
    from overflight.custody import station

    if station.is_store(path):
        opened = station.read_store(path)
        try:
            for stream in station.stored_streams(opened):
                yield from station.stored_raw(opened, stream)
        finally:
            station.close_store(opened)
        return
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def copy_anchors(data: Examined, source: str) -> tuple[Anchor, ...]:
    """Return the tag of every sound frame of another copy as an anchor for this one."""
    return tuple(
        Anchor(number, one.digest, source, bytes.fromhex(stream.stream))
        for stream in data.streams
        if stream.format == "frames"
        for number, one in stream.held.items()
        if one.sound
    )


# --- two copies ----------------------------------------------------------------------------------------


def compare(here: Integrity, other: Integrity) -> Comparison:
    """Compare two copies of one stream, such as what was received in its time and what was recovered.

    Both are of the same format. Of packets, whose numbers wrap at 16,384, the copies are laid on one another
    where most of them agree.
    """
    mine = here.held
    theirs = other.held if here.format == "frames" else _shifted(here.held, other.held)
    common = mine.keys() & theirs.keys()
    differ = sorted(n for n in common if not _same(mine[n], theirs[n]))
    twofold = [n for n in differ if mine[n].sound and theirs[n].sound]
    content = sum(mine[n].content != theirs[n].content for n in differ)
    kept = tuple(_difference(n, mine[n], theirs[n], here.checked) for n in differ[:MAX_KEPT])
    lacking, only_here = _ranges(theirs.keys() - mine.keys()), _ranges(mine.keys() - theirs.keys())
    return Comparison(
        here.name, here.stream, len(common) - len(differ), lacking, only_here, len(differ), content,
        kept, bool(twofold), _compared_text(lacking, only_here, twofold, len(differ), content),
    )  # fmt: skip


def compare_all(here: Examined, other: Examined) -> tuple[Comparison, ...]:
    """Compare the streams that both files have."""
    theirs = {one.stream: one for one in other.streams}
    return tuple(compare(one, theirs[one.stream]) for one in here.streams if one.stream in theirs)


def compare_streams(here: Examined, other: Examined) -> tuple[Alone, ...]:
    """Return the streams that only one of two files has: what is gone as a whole leaves no gap to be seen.

    Bytes that are no frame or packet belong to no stream and are not told of here.
    """
    found: list[Alone] = []
    ways: tuple[tuple[Examined, Examined, Literal["here", "there"]], ...] = (
        (here, other, "here"), (other, here, "there"),
    )  # fmt: skip
    for one, two, where in ways:
        names = {stream.stream for stream in two.streams}
        found += [
            _alone(stream, where, not two.streams_dropped)
            for stream in one.streams
            if stream.stream not in names and (stream.held or stream.counts["received"])
        ]
    return tuple(found)


def _alone(one: Integrity, where: Literal["here", "there"], examined: bool) -> Alone:
    count = f"{one.counts['received']} {'frames' if one.format == 'frames' else 'packets'}"
    text = (
        f"is in the other file alone ({count}): deleted here as a whole, or never stored here"
        if where == "there"
        else f"is here alone ({count}): lost or withheld as a whole on the other way, or written later"
    )
    if not examined:
        text += "; or among the streams that were not examined"
    return Alone(one.stream, where, one.counts["received"], examined, text)


def _same(one: Held, two: Held) -> bool:
    return (one.digest, one.content, one.sound) == (two.digest, two.content, two.sound)


def _shifted(mine: Mapping[int, Held], theirs: Mapping[int, Held]) -> dict[int, Held]:
    """Return the other copy's packets under the numbers of this one, which agree up to a multiple of 2¹⁴."""
    where = {one.digest: number for number, one in mine.items()}
    steps = Counter(
        where[one.digest] - number
        for number, one in theirs.items()
        if one.digest in where and (where[one.digest] - number) % 16384 == 0
    )
    step = steps.most_common(1)[0][0] if steps else 0
    return {number + step: one for number, one in theirs.items()}


def _ranges(numbers: Iterable[int]) -> Ranges:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple((first, last) for first, last in found)


def _difference(number: int, mine: Held, theirs: Held, checked: str) -> Difference:
    if mine.sound and theirs.sound:
        text = {
            "hmac": "both carry the key: who has it wrote two versions",
            "sha256": "both hold, and no key is in them: anybody may have written either",
        }.get(checked, "two versions; which is the first one cannot be told from them")
    elif mine.sound or theirs.sound:
        text = f"{'the other' if mine.sound else 'this'} copy's is altered; the sound one is what was sealed"
    else:
        text = "neither is sound"
    if mine.content == theirs.content:
        text += "; chained anew, it says the same"
    return Difference(number, mine.offset, theirs.offset, mine.content != theirs.content, text)


def _compared_text(
    lacking: Ranges, only_here: Ranges, twofold: Sequence[int], differing: int, content: int
) -> str:
    parts = []
    if lacking:
        parts.append(
            f"{_size(lacking)} that the other copy has are not here: deleted here, or never stored here"
        )
    if only_here:
        parts.append(f"{_size(only_here)} are only here: lost or withheld on the other way, or written later")
    if twofold:
        parts.append(
            f"{len(twofold)} hold in both and differ, from number {twofold[0]} on: one copy was rewritten; "
            "which one, the copies cannot tell"
        )
    if differing:
        parts.append(f"{content} of the {differing} that differ say something else")
    if differing > len(twofold):
        parts.append(f"{differing - len(twofold)} differ and are sound in one copy at most")
    return f"{'; '.join(parts) or 'nothing differs'}."


def _size(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)


# --- findings ------------------------------------------------------------------------------------------


def integrity_findings(
    one: Integrity, compared: Comparison | None = None, *, evidence: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Return what is known of a stream as findings `custody.stream.<name>.<quantity>`."""
    given = {"checked": one.checked, "format": one.format}
    base = f"custody.stream.{one.name}"
    found = [
        Finding(
            id=f"{base}.{quantity}", question=question, kind="interval", unit="1",
            value={"lo": float(one.counts[quantity]), "hi": float(one.counts[quantity])},
            given=given, evidence=tuple(evidence), reason=_count_reason(one, quantity),
        )
        for quantity, question in _WHAT.items()
    ]  # fmt: skip
    found += [
        Finding(
            id=f"{base}.{ADVERSARY_IDS[adversary.id]}", question=_QUESTIONS[adversary.id], kind="category",
            unit="", value={"category": adversary.verdict}, given=given, evidence=tuple(evidence),
            reason=f"Provable: {adversary.provable}. Not provable: {adversary.not_provable}.",
        )
        for adversary in one.adversaries
    ]  # fmt: skip
    if compared is not None:
        found += _compared_findings(base, compared, given, tuple(evidence))
    return tuple(found)


def findings_of(
    examined: Examined, compared: Sequence[Comparison] = (), alone: Sequence[Alone] = ()
) -> tuple[Finding, ...]:
    """Return the findings of every stream of a file, and of those that only one of two files has."""
    pairs = {one.stream: one for one in compared}
    each = [f for one in examined.streams for f in integrity_findings(one, pairs.get(one.stream))]
    return (*each, *(_alone_finding(one, examined.format) for one in alone))


def _alone_id(one: Alone) -> str:
    # Whole ids: names are short only among the streams of one file.
    return f"custody.stream.{one.stream}.{'only-this-file' if one.where == 'here' else 'only-other-file'}"


def _alone_finding(one: Alone, format: Format) -> Finding:
    count = float(one.received)
    return Finding(
        id=_alone_id(one), question=f"How much of the stream {one.stream} does only one of the files hold?",
        kind="interval", unit="1", value={"lo": count, "hi": count}, given={"format": format},
        reason=f"It {one.text}.",
    )  # fmt: skip


def _count_reason(one: Integrity, quantity: str) -> str:
    if quantity == "missing" and one.format == "ccsds":
        return "Modulo 16,384: a gap of that many, or of a multiple, leaves no trace."
    if quantity == "missing" and not one.closed:
        return "Up to the last frame that is here; no frame says that it is the last."
    return ""


def _compared_findings(
    base: str, compared: Comparison, given: Mapping[str, str], evidence: tuple[str, ...]
) -> list[Finding]:
    rows = (
        ("lacking", "How many frames does another copy have that this one lacks?", _size(compared.lacking)),
        ("only-here", "How many frames are in this copy alone?", _size(compared.only_here)),
        ("differing", "How many frames differ between the copies?", compared.differing),
    )
    return [
        Finding(
            id=f"{base}.{quantity}", question=question, kind="interval", unit="1",
            value={"lo": float(count), "hi": float(count)}, given=given, evidence=evidence,
            reason=compared.text,
        )
        for quantity, question, count in rows
    ]  # fmt: skip


# --- section, JSON and words ---------------------------------------------------------------------------


def section(
    examined: Examined,
    compared: Sequence[Comparison] = (),
    *,
    alone: Sequence[Alone] = (),
    source: str = "",
    other: str = "",
) -> dict[str, Any]:
    """Return `sections.custody.stream` of the result: rows of streams with the ids of their findings.

    `alone` are the streams that only one of two files has, `ok` is of the file examined, which is `source`;
    `other` is the name of the copy that it was held against, '' without one.
    """
    pairs = {one.stream: one for one in compared}
    return {
        "source": source,
        "other": other,
        "format": examined.format,
        "ok": examined.ok,
        "bytes": examined.bytes_read,
        "streams": [_row(one, pairs.get(one.stream)) for one in examined.streams],
        "streams_dropped": examined.streams_dropped,
        "alone": [{**asdict(one), "finding_ids": [_alone_id(one)]} for one in alone],
        "notes": list(examined.notes),
    }


def _row(one: Integrity, compared: Comparison | None) -> dict[str, Any]:
    row = {
        name: getattr(one, name)
        for name in ("name", "stream", "checked", "closed", "first", "last", "time_start", "time_end", "ok")
    }
    findings = integrity_findings(one, compared)
    return {
        **row,
        "counts": dict(one.counts),
        "missing": [list(ends) for ends in one.missing],
        "altered": list(one.altered),
        "proven": [list(ends) for ends in one.proven],
        "spots": [asdict(spot) for spot in one.spots],
        "spots_dropped": one.spots_dropped,
        "adversaries": [
            {**asdict(a), "finding_ids": [f"custody.stream.{one.name}.{ADVERSARY_IDS[a.id]}"]}
            for a in one.adversaries
        ],
        "comparison": None if compared is None else _json_ready(asdict(compared)),
        "notes": list(one.notes),
        "finding_ids": [finding.id for finding in findings],
    }


def _json_ready(row: dict[str, Any]) -> dict[str, Any]:
    return {name: [list(ends) for ends in value] if name in ("lacking", "only_here") else value
            for name, value in row.items()}  # fmt: skip


def integrity_lines(
    one: Integrity, compared: Comparison | None = None, *, shown: int = 20, other: str = ""
) -> list[str]:
    """Return what became of a stream as lines for people, at most `shown` of each list.

    `other` is the name of the copy that it was compared with.
    """
    unit = "frames" if one.format == "frames" else "packets"
    times = "" if one.time_start is None or one.time_end is None else (
        f", {iso_utc(one.time_start)} to {iso_utc(one.time_end)}"
    )  # fmt: skip
    numbers = "no number" if one.first is None else f"numbers {one.first} to {one.last}"
    lines = [
        f"Stream {one.stream or 'none'}: {one.counts['received']} {unit}, {numbers}{times}; {_checked(one)}."
    ]
    told = ((word, one.counts[word]) for word in _WHAT)
    lines.append("  " + ", ".join(f"{word} {count}" for word, count in told))
    lines += [f"  {_spot_line(spot)}" for spot in one.spots[:shown]]
    more = len(one.spots) - shown + one.spots_dropped
    lines += [f"  and {more} more"] if more > 0 else []
    lines += [f"  {note}" for note in one.notes]
    if compared is not None:
        named = f" ({other})" if other else ""
        lines.append(f"  Against the other copy{named}: {compared.same} the same. {compared.text}")
        lines += [
            f"  differs {d.number}, offset {d.offset}, there {d.other_offset}: {d.text}"
            for d in compared.differences[:shown]
        ]
    for adversary in one.adversaries:
        title = adversary.title[0].upper() + adversary.title[1:]
        known = f"Provable: {adversary.provable}. Not provable: {adversary.not_provable}."
        lines.append(f"{title}: {adversary.verdict}. {known}")
    return lines


def _checked(one: Integrity) -> str:
    return {
        "hmac": "the tags were checked under the key",
        "sha256": "no key; the tags are plain hashes",
        "links": "keyed, and no key at hand: the tags were not checked",
        "error control": "numbers and error control were checked; there is no hash",
        "counts": "only numbers could be checked; there is no hash and no error control",
    }[one.checked]


def _spot_line(spot: Spot) -> str:
    numbers = "" if spot.first is None else f" {spot.first}" if spot.first == spot.last else (
        f" {spot.first}–{spot.last}"
    )  # fmt: skip
    place = "" if spot.offset is None else f", offset {spot.offset}"
    return f"{spot.kind}{numbers}{place}: {spot.text}"

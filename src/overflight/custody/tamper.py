"""Tamper with a stream in the ways of the four adversaries, and keep the truth of what was done.

For tests, benchmarks and exercises: each function takes the frames of a stream as they were sealed and
returns bytes and a list of `Harm`, the numbers that are gone or not what they were and where in the bytes.
It knows nothing of how harm is looked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from overflight.custody.frames import Frame, chain, encode, encode_frame, seal
from overflight.errors import InputError

# Of a stream, this share of the frames is touched at most; each is touched in one way.
MOST_SHARE = 0.3
MOST_INSERTED = 200


@dataclass(frozen=True, slots=True)
class Harm:
    """One frame that is gone or not what it was: how, its number, and the bytes where it was, end included.

    `act` 'insert' put bytes between two frames: `number` is then None.
    """

    act: str
    number: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tampered:
    """Bytes of a stream after an adversary, and the truth."""

    adversary: str
    data: bytes
    harms: tuple[Harm, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """The bytes that stand where a frame stood, and what was done; `act` is empty where nothing was."""

    number: int | None
    data: bytes
    act: str = ""


def line_noise(frames: Sequence[Frame], rng: random.Random) -> Tampered:
    """Flip, overwrite, cut and insert bytes, and lose whole frames, anywhere but the tail.

    A frame that is lost at the very end is a cut tail, which is another adversary.
    """
    acts: dict[str, Callable[[bytes, random.Random], bytes]] = {
        "flip": _flip, "burst": _burst, "cut": _cut, "put in": _put_in, "lose": lambda _data, _rng: b"",
    }  # fmt: skip
    chosen = _chosen(frames, rng)
    pieces = []
    for frame in frames:
        data = encode_frame(frame)
        act = rng.choice(list(acts)) if frame.sequence in chosen else ""
        if act == "lose" and frame is frames[-1]:
            act = "flip"
        pieces.append(_Piece(frame.sequence, acts[act](data, rng) if act else data, act))
        if rng.random() < 0.02:
            pieces.append(_Piece(None, rng.randbytes(rng.randint(1, MOST_INSERTED)), "insert"))
    return _laid("noise", pieces)


def third_party(frames: Sequence[Frame], rng: random.Random) -> Tampered:
    """Delete and alter frames as somebody can who has the format and no key: all checksums fit.

    The tail is not cut. Copies and another order, which anybody on the way can make, are made as well and are
    no harm. Needs three frames.
    """
    if len(frames) < 3:
        raise InputError("a stream of three frames at least is needed", field="frames")
    chosen = _chosen(frames, rng)
    pieces = []
    for frame in frames:
        act = rng.choice(FORGERIES) if frame.sequence in chosen else ""
        if act == "delete" and frame is frames[-1]:
            act = "payload"
        data = b"" if act == "delete" else encode_frame(forge(frame, act, frames, rng))
        pieces.append(_Piece(frame.sequence, data, act))
    if rng.random() < 0.3:
        at = rng.randrange(len(pieces))
        pieces.insert(at, replace(pieces[rng.randrange(len(pieces))], act="", number=None))
    return _laid("third party", pieces)


FORGERIES = (
    "delete", "payload", "time", "kind", "renumber", "previous", "tag", "plain", "own key", "other stream",
    "other payload",
)  # fmt: skip


def forge(frame: Frame, act: str, frames: Sequence[Frame], rng: random.Random) -> Frame:
    """Return a frame as somebody without the key can make it of one that he has."""
    other = rng.choice([one for one in frames if one.payload != frame.payload] or [frame])
    sealed = (
        frame.stream,
        frame.sequence,
        frame.nanoseconds,
        frame.kind,
        frame.payload + b" ",
        frame.previous,
    )
    made: dict[str, Callable[[], Frame]] = {
        "": lambda: frame,
        "payload": lambda: replace(frame, payload=frame.payload + b"!"),
        "time": lambda: replace(frame, nanoseconds=frame.nanoseconds + rng.randint(1, 10**12)),
        "kind": lambda: replace(frame, kind=frame.kind ^ 2),
        "renumber": lambda: replace(frame, sequence=frame.sequence + rng.randint(1, 2 * len(frames))),
        "previous": lambda: replace(frame, previous=rng.randbytes(32)),
        "tag": lambda: replace(frame, tag=rng.randbytes(32)),
        "plain": lambda: seal(*sealed),
        "own key": lambda: seal(*sealed, rng.randbytes(32)),
        "other stream": lambda: replace(frame, stream=rng.randbytes(16)),
        "other payload": lambda: replace(frame, payload=other.payload + b"?", tag=other.tag),
    }
    return made[act]()


def cut_tail(frames: Sequence[Frame], rng: random.Random, *, inside: bool = False) -> Tampered:
    """Cut the stream off behind one of its frames, or `inside` the one that follows."""
    kept = rng.randrange(1, len(frames))
    data = encode(frames[:kept])
    if inside:
        data += encode_frame(frames[kept])[: rng.randint(1, len(encode_frame(frames[kept])) - 1)]
    harms = [Harm("cut", frame.sequence, len(encode(frames[:kept])), len(data)) for frame in frames[kept:]]
    return Tampered("cut tail", data, tuple(harms))


def rewrite(frames: Sequence[Frame], key: bytes | None, rng: random.Random) -> Tampered:
    """Let the sender change one frame or leave it out, and seal and chain all behind it anew."""
    first = rng.randrange(len(frames) - 1)
    rest = [(frame.nanoseconds, frame.kind, frame.payload) for frame in frames[first:]]
    if rng.random() < 0.5:
        rest[0] = (rest[0][0], rest[0][1], rest[0][2] + b" rewritten")
    else:
        del rest[0]
    previous = frames[first].previous
    new = list(chain(frames[0].stream, rest, key, sequence=frames[first].sequence, previous=previous))
    whole = [*frames[:first], *new]
    start = len(encode(frames[:first]))
    harms = [Harm("rewrite", frame.sequence, start, len(encode(whole))) for frame in frames[first:]]
    return Tampered("sender", encode(whole), tuple(harms))


def _chosen(frames: Sequence[Frame], rng: random.Random) -> set[int]:
    most = max(1, int(MOST_SHARE * len(frames)))
    return {frame.sequence for frame in rng.sample(list(frames), rng.randint(1, most))}


def _laid(adversary: str, pieces: Sequence[_Piece]) -> Tampered:
    at, harms = 0, []
    for piece in pieces:
        if piece.act:
            harms.append(Harm(piece.act, piece.number, at, at + len(piece.data)))
        at += len(piece.data)
    return Tampered(adversary, b"".join(piece.data for piece in pieces), tuple(harms))


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for at in rng.sample(range(len(data)), rng.randint(1, 4)):
        changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _burst(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.randint(1, 40)
    noise = rng.randbytes(len(data[at : at + size]))
    # Noise that happens to write what was there is none.
    changed = data[:at] + noise + data[at + len(noise) :]
    return changed if changed != data else _flip(data, rng)


def _cut(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    size = rng.randint(1, 60)
    return data[:at] + data[at + size :]


def _put_in(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(1, len(data))
    changed = data[:at] + rng.randbytes(rng.randint(1, 60)) + data[at:]
    # What happens to leave the frame whole would be an insertion behind it.
    return changed if not changed.startswith(data) else _flip(data, rng)

"""What becomes of frames after they were written: lost, half recovered, damaged, deleted, altered.

Four hands may have been at a stream, and what each can do is all that is done here:

- "line noise" turns bits over, wherever they fall; a checksum no longer fits;
- "cut tail": the last frames are missing, with the frame that closes the stream;
- "third party" has no key. It takes frames out, or changes a payload and puts the checksums right. A keyed
  tag it cannot make, and leaves; of a stream without a key it makes every tag anew behind its change;
- "owner" has the key, and makes the whole stream anew behind a deletion or a change, numbers included.

What of it can be proved from the frames alone is the business of `custody.chain`; the deeds returned here
are the truth that an exercise is scored by. Sequences are those of the stream before anybody touched it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from overflight.balloons.limits import one_of, within
from overflight.custody.frames import Frame, encode, encode_frame, seal

By = Literal["line noise", "cut tail", "third party", "owner"]
BY: Final[tuple[By, ...]] = ("line noise", "cut tail", "third party", "owner")
# A memory that fell from the sky is read in pieces: erase blocks of this many frames.
BLOCK_FRAMES: Final = 32


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, by whom, to which frames of the original stream."""

    by: str
    what: Literal["deleted", "altered"]
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fated:
    """The bytes that are left, and what was done to them."""

    data: bytes
    deeds: tuple[Deed, ...]


def lose(frames: Sequence[Frame], time_s: float) -> tuple[Frame, ...]:
    """Return the frames that were written when the recorder stopped, POSIX seconds."""
    return tuple(frame for frame in frames if frame.time_s <= time_s)


def recover(
    frames: Sequence[Frame], share: float, rng: np.random.Generator
) -> tuple[tuple[Frame, ...], tuple[int, ...]]:
    """Return the frames of the blocks of memory that can still be read, and the sequences of those lost.

    A share of the blocks is read, whole; which is drawn.
    """
    within("share", share, 0.0, 1.0)
    blocks = math.ceil(len(frames) / BLOCK_FRAMES)
    read = np.sort(rng.permutation(blocks)[: round(share * blocks)])
    kept = {int(b) for b in read}
    left = tuple(f for i, f in enumerate(frames) if i // BLOCK_FRAMES in kept)
    gone = tuple(f.sequence for i, f in enumerate(frames) if i // BLOCK_FRAMES not in kept)
    return left, gone


def tamper(
    frames: Sequence[Frame],
    hands: Sequence[str],
    *,
    share: float,
    rng: np.random.Generator,
    key: bytes | None = None,
) -> Fated:
    """Let several hands have the frames: the owner first, then a third party, a cut, and the line.

    Parameters
    ----------
    hands : of `BY`, each once. share : of the frames that each of them touches, at least one.
    key : what the owner makes tags with; None for a stream without a key.

    Raises InputError when a hand is not known or the share not a share.
    """
    within("share", share, 0.0, 1.0)
    for hand in hands:
        one_of("by", hand, BY)
    deeds: list[Deed] = []
    # A frame's number of old goes with it: the owner gives new ones.
    held = [(f.sequence, f) for f in frames]
    for hand in ("owner", "third party", "cut tail"):
        if hand in hands and held:
            held, done = _HANDS[hand](held, share, rng, key)
            deeds += done
    data = encode(f for _, f in held)
    if "line noise" in hands and held:
        data, noise = add_noise(held, share, rng)
        deeds.append(noise)
    return Fated(data, tuple(deeds))


_Held = list[tuple[int, Frame]]


def _picked(count: int, share: float, rng: np.random.Generator) -> list[int]:
    return sorted(int(i) for i in rng.permutation(count)[: max(1, round(share * count))])


def _split(picked: list[int]) -> tuple[list[int], list[int]]:
    """Half of them to be deleted, half to be altered; one alone is deleted."""
    half = (len(picked) + 1) // 2
    return picked[:half], picked[half:]


def _changed(frame: Frame, rng: np.random.Generator) -> Frame:
    """A payload that says something else and is as long: bytes of it exchanged for others."""
    payload = bytearray(frame.payload or b"\x00")
    for at in rng.integers(0, len(payload), max(1, len(payload) // 8)):
        payload[int(at)] ^= int(rng.integers(1, 256))
    return replace(frame, payload=bytes(payload))


def _apply(held: _Held, by: str, share: float, rng: np.random.Generator) -> tuple[_Held, list[Deed]]:
    """Delete and alter, tags left as they were; and say what was done."""
    out, change = _split(_picked(len(held), share, rng))
    altered = {i: _changed(held[i][1], rng) for i in change}
    left = [(old, altered.get(i, frame)) for i, (old, frame) in enumerate(held) if i not in set(out)]
    deeds = [Deed(by, "deleted", tuple(held[i][0] for i in out))]
    if change:
        deeds.append(Deed(by, "altered", tuple(held[i][0] for i in change)))
    return left, deeds


def _third_party(
    held: _Held, share: float, rng: np.random.Generator, key: bytes | None
) -> tuple[_Held, list[Deed]]:
    left, deeds = _apply(held, "third party", share, rng)
    # Tags without a key are anybody's to make.
    return (left if key is not None else _rechained(left, held[0][1], None)), deeds


def _owner(
    held: _Held, share: float, rng: np.random.Generator, key: bytes | None
) -> tuple[_Held, list[Deed]]:
    left, deeds = _apply(held, "owner", share, rng)
    return _rechained(left, held[0][1], key), deeds


def _cut_tail(
    held: _Held, share: float, rng: np.random.Generator, key: bytes | None
) -> tuple[_Held, list[Deed]]:
    count = max(1, round(share * len(held)))
    return held[:-count], [Deed("cut tail", "deleted", tuple(old for old, _ in held[-count:]))]


def _rechained(held: _Held, first: Frame, key: bytes | None) -> _Held:
    """Number and chain the frames anew, from where the stream began before anybody touched it."""
    made: _Held = []
    previous, sequence = first.previous, first.sequence
    for old, frame in held:
        new = seal(frame.stream, sequence, frame.nanoseconds, frame.kind, frame.payload, previous, key)
        made.append((old, new))
        previous, sequence = new.tag, sequence + 1
    return made


_HANDS = {"owner": _owner, "third party": _third_party, "cut tail": _cut_tail}


def add_noise(held: _Held, share: float, rng: np.random.Generator) -> tuple[bytes, Deed]:
    """Turn one to eight bits over in a share of the frames, anywhere in their bytes."""
    hit = set(_picked(len(held), share, rng))
    parts = []
    for i, (_, frame) in enumerate(held):
        raw = bytearray(encode_frame(frame))
        if i in hit:
            for bit in rng.choice(8 * len(raw), int(rng.integers(1, 9)), replace=False):
                raw[int(bit) // 8] ^= 1 << (int(bit) % 8)
        parts.append(bytes(raw))
    return b"".join(parts), Deed("line noise", "altered", tuple(held[i][0] for i in sorted(hit)))

"""Take some bytes of a Blosc 1 frame without the rest of it.

A frame is cut into blocks that are compressed one by one, and its head says where each begins (c-blosc,
README_CHUNK_FORMAT)::

    0 version   1 codec version   2 flags   3 item size   4-7 nbytes   8-11 blocksize   12-15 cbytes
    16 …        one little-endian int32 a block: where its compressed bytes begin

So the blocks that hold the wanted bytes can be fetched alone and set into a small frame of their own,
which any Blosc decoder opens. A level of an ERA5 chunk is 1/37 of it.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overflight.errors import FetchError

HEAD_BYTES = 16

# Flags: the frame is stored, not compressed.
_STORED = 0x02

MAX_BLOCKS = 1_000_000


@dataclass(frozen=True, slots=True)
class Frame:
    """The head of a frame: its first four bytes, sizes, and where each block begins and ends."""

    lead: bytes
    nbytes: int
    blocksize: int
    cbytes: int
    blocks: tuple[tuple[int, int], ...]

    @property
    def stored(self) -> bool:
        """Whether the data stand in the frame as they are."""
        return bool(self.lead[2] & _STORED)


def head_bytes(start: bytes) -> int:
    """Return how many bytes the head of a frame takes, from its first 16."""
    if len(start) < HEAD_BYTES or start[0] not in (1, 2):
        raise FetchError("this is no Blosc frame")
    nbytes, blocksize, _ = struct.unpack_from("<III", start, 4)
    count = -(-nbytes // blocksize) if blocksize else 0
    if not 0 < count <= MAX_BLOCKS:
        raise FetchError(f"a Blosc frame of {count} blocks cannot be right")
    return HEAD_BYTES if start[2] & _STORED else HEAD_BYTES + 4 * count


def parse_frame(head: bytes) -> Frame:
    """Parse the head of a frame.

    Raises
    ------
    FetchError
        When it is cut short or places a block outside the frame.
    """
    length = head_bytes(head)
    if len(head) < length:
        raise FetchError("the head of the Blosc frame is cut short")
    nbytes, blocksize, cbytes = struct.unpack_from("<III", head, 4)
    count = -(-nbytes // blocksize)
    if head[2] & _STORED:
        edges = [min(HEAD_BYTES + i * blocksize, HEAD_BYTES + nbytes) for i in range(count + 1)]
        return Frame(head[:4], nbytes, blocksize, cbytes, tuple(itertools.pairwise(edges)))
    starts = struct.unpack_from(f"<{count}i", head, HEAD_BYTES)
    # Threads may have written the blocks in any order, so each ends where the next in the file begins.
    order = sorted(starts)
    ends = dict(zip(order, [*order[1:], cbytes], strict=True))
    if order[0] < length or order[-1] >= cbytes or len(ends) != count:
        raise FetchError("the Blosc frame places a block outside itself")
    return Frame(head[:4], nbytes, blocksize, cbytes, tuple((s, ends[s]) for s in starts))


def blocks_for(frame: Frame, first: int, size: int) -> range:
    """Return the blocks that hold bytes `first` to `first + size - 1` of the unpacked data.

    The last block may be short, and decoders refuse a frame shorter than one block: it never comes alone.
    """
    begin, end = first // frame.blocksize, -(-(first + size) // frame.blocksize)
    return range(max(min(begin, len(frame.blocks) - 2), 0), end)


def rebuild(frame: Frame, wanted: Sequence[int], content: Mapping[int, bytes]) -> bytes:
    """Set blocks, increasing, into a frame of their own; `content` holds each one's bytes."""
    last = len(frame.blocks) - 1
    tail = frame.nbytes - last * frame.blocksize
    nbytes = len(wanted) * frame.blocksize - (frame.blocksize - tail if wanted[-1] == last else 0)
    at = HEAD_BYTES if frame.stored else HEAD_BYTES + 4 * len(wanted)
    starts, body = [], bytearray()
    for block in wanted:
        starts.append(at + len(body))
        body += content[block]
    index = b"" if frame.stored else struct.pack(f"<{len(starts)}i", *starts)
    return frame.lead + struct.pack("<III", nbytes, frame.blocksize, at + len(body)) + index + bytes(body)

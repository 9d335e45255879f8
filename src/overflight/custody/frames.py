"""Frames of a recorded or sent stream: sequenced, hashed, chained, with or without a key.

The layout, byte by byte, with a worked example, is docs/frames.md. All numbers are big-endian.

====== ====== =================================================================
offset  bytes  field
====== ====== =================================================================
0       4      magic, CB 4F 56 46
4       1      version, 1
5       1      flags: 1 keyed; the other bits are zero
6       1      kind: 1 telemetry, 2 data, 3 event, 255 end; others are kept as they are
7       1      zero
8       16     stream id
24      8      sequence, 0 to 2⁶³ − 1, one more for each frame of the stream
32      8      time, signed, nanoseconds of POSIX time
40      4      length L of the payload
44      32     tag of the frame before; zero in frame 0
76      4      CRC-32 of bytes 0 to 75
80      L      payload
80 + L  32     tag: SHA-256, or HMAC-SHA256 where keyed, of bytes 0 to 79 + L
112 + L 4      CRC-32 of payload and tag
====== ====== =================================================================

The checksums find line noise without a key and let a reader find its way after damage; they prove nothing
against a person. The tag does, as far as `overflight.custody.chain` says.

SHA-256: FIPS 180-4. HMAC: RFC 2104, FIPS 198-1. CRC-32: ISO-HDLC, the one of zlib and Ethernet.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from overflight.errors import InputError

MAGIC = b"\xcbOVF"
VERSION = 1
KEYED = 1
TELEMETRY, DATA, EVENT, END = 1, 2, 3, 255
KINDS = {TELEMETRY: "telemetry", DATA: "data", EVENT: "event", END: "end"}
GENESIS = bytes(32)
STREAM_BYTES, TAG_BYTES = 16, 32
HEAD_BYTES, TAIL_BYTES = 80, 36
OVERHEAD_BYTES = HEAD_BYTES + TAIL_BYTES
MAX_SEQUENCE = 2**63 - 1
# What a reader takes unless told otherwise: a length is hostile until its payload is there.
MAX_PAYLOAD = 1 << 20
# Defects that a decoder keeps; more are counted.
MAX_DEFECTS = 10_000
# Bytes that may be read again after damage, in units of the bytes that came: keeps hostile input linear.
REREAD = 8
# The tag of a shorter key could be tried out.
MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 4096

_HEAD = struct.Struct(">4sBBBB16sQqI32s")
_U32 = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is written; nothing in it is checked.

    `nanoseconds` is POSIX time as an integer, which a float of seconds cannot hold to the nanosecond.
    """

    stream: bytes
    sequence: int
    nanoseconds: int
    kind: int
    payload: bytes
    previous: bytes
    tag: bytes
    keyed: bool = False

    @property
    def time_s(self) -> float:
        """Return the time in POSIX seconds, to about 0.2 µs."""
        return self.nanoseconds / 1e9


@dataclass(frozen=True, slots=True)
class Defect:
    """Bytes that are no sound frame.

    `kind` is 'garbage' (no header that holds), 'damaged' (a header that holds, a body that does not),
    'truncated' (the input ends inside the frame), 'oversize' (a payload beyond the limit) or 'unknown'
    (another version, flags or sequences that version 1 does not have). `sequence` is what the header
    claims, None where there is none. An `offset` below zero is that of bytes that were kept apart.
    """

    kind: str
    offset: int
    length: int
    sequence: int | None = None
    stream: bytes | None = None

    def __str__(self) -> str:
        what = "" if self.sequence is None else f", sequence {self.sequence}"
        where = f" at offset {self.offset}" if self.offset >= 0 else ", kept apart"
        return f"{self.kind}: {self.length} bytes{where}{what}"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was found in the bytes: frames with their offsets, defects, and how many more there were."""

    frames: tuple[Frame, ...]
    offsets: tuple[int, ...]
    defects: tuple[Defect, ...]
    defects_dropped: int
    bytes_read: int


class _Head(NamedTuple):
    magic: bytes
    version: int
    flags: int
    kind: int
    zero: int
    stream: bytes
    sequence: int
    nanoseconds: int
    length: int
    previous: bytes


# --- writing -------------------------------------------------------------------------------------------


def stream_id(text: str) -> bytes:
    """Return the 16 bytes that name a stream: the first half of the SHA-256 of the text."""
    return hashlib.sha256(text.encode()).digest()[:STREAM_BYTES]


def check_key(key: bytes | None) -> bytes | None:
    """Return the key, or raise InputError where it is too short to protect anything."""
    if key is not None and len(key) < MIN_KEY_BYTES:
        raise InputError(
            f"a key of {len(key)} bytes can be guessed",
            field="key",
            remedy=f"Take at least {MIN_KEY_BYTES} random bytes, such as `openssl rand 32`.",
        )
    return key


def read_key(path: str | Path) -> bytes:
    """Return the key in a file: 32 or more hexadecimal digits, or else the bytes as they are.

    Raises InputError, which tells nothing of what is in the file.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", file=str(path)) from error
    if len(data) > MAX_KEY_BYTES:
        raise InputError("is too long for a key", file=str(path), remedy=f"At most {MAX_KEY_BYTES} bytes.")
    text = data.strip()
    if len(text) >= 2 * MIN_KEY_BYTES and len(text) % 2 == 0 and not text.strip(b"0123456789abcdefABCDEF"):
        data = bytes.fromhex(text.decode())
    check_key(data)
    return data


def seal(
    stream: bytes,
    sequence: int,
    nanoseconds: int,
    kind: int,
    payload: bytes,
    previous: bytes = GENESIS,
    key: bytes | None = None,
) -> Frame:
    """Return the frame with its tag: SHA-256, or HMAC-SHA256 with a key. Raises InputError."""
    bare = Frame(stream, sequence, nanoseconds, kind, payload, previous, GENESIS, key is not None)
    tag = frame_tag(bare, check_key(key))
    return Frame(stream, sequence, nanoseconds, kind, payload, previous, tag, key is not None)


def chain(
    stream: bytes,
    items: Iterable[tuple[int, int, bytes]],
    key: bytes | None = None,
    *,
    sequence: int = 0,
    previous: bytes = GENESIS,
    close: bool = False,
) -> Iterator[Frame]:
    """Yield the frames of items (nanoseconds, kind, payload), each holding the tag of the one before.

    `close` adds a frame of kind `end` at the time of the last item: after it nothing more belongs to the
    stream, which is how a cut tail can be known. `sequence` and `previous` go on with a stream begun earlier.
    """
    nanoseconds = 0
    for nanoseconds, kind, payload in items:
        frame = seal(stream, sequence, nanoseconds, kind, payload, previous, key)
        yield frame
        sequence, previous = sequence + 1, frame.tag
    if close:
        yield seal(stream, sequence, nanoseconds, END, b"", previous, key)


def frame_tag(frame: Frame, key: bytes | None = None) -> bytes:
    """Return the tag that the frame should carry, whatever it does carry."""
    covered = _head(frame) + frame.payload
    return hashlib.sha256(covered).digest() if key is None else hmac.digest(key, covered, "sha256")


def tag_holds(frame: Frame, key: bytes | None = None) -> bool:
    """Return whether the frame carries its own tag. A frame with a key and one without never agree."""
    if frame.keyed != (key is not None):
        return False
    return hmac.compare_digest(frame_tag(frame, key), frame.tag)


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame, checksums fitting, whatever its tag. Raises InputError."""
    if len(frame.tag) != TAG_BYTES:
        raise InputError(f"a tag has {TAG_BYTES} bytes, not {len(frame.tag)}", field="tag")
    body = frame.payload + frame.tag
    return b"".join((_head(frame), body, _U32.pack(zlib.crc32(body))))


def encode(frames: Iterable[Frame]) -> bytes:
    """Return the bytes of frames, one after the other."""
    return b"".join(map(encode_frame, frames))


def _head(frame: Frame) -> bytes:
    if len(frame.stream) != STREAM_BYTES or len(frame.previous) != TAG_BYTES:
        raise InputError(
            f"a stream id has {STREAM_BYTES} bytes and a tag {TAG_BYTES}", field="stream, previous"
        )
    if not 0 <= frame.sequence <= MAX_SEQUENCE:
        raise InputError(f"{frame.sequence} is no sequence", field="sequence", remedy="Count from 0.")
    try:
        head = _HEAD.pack(
            MAGIC, VERSION, KEYED if frame.keyed else 0, frame.kind, 0, frame.stream, frame.sequence,
            frame.nanoseconds, len(frame.payload), frame.previous,
        )  # fmt: skip
    except struct.error as error:
        raise InputError(
            f"the frame does not fit its fields: {error}", field="kind, nanoseconds, payload"
        ) from error
    return head + _U32.pack(zlib.crc32(head))


# --- reading -------------------------------------------------------------------------------------------


def decode_stream(
    data: bytes | bytearray | memoryview | Iterable[bytes], *, max_payload: int = MAX_PAYLOAD
) -> Decoded:
    """Return the frames of bytes, or of chunks of bytes, with every defect and its offset.

    Never raises on what the bytes hold. Tags and the chain are not looked at: `custody.chain.verify` does.
    """
    decoder = Decoder(max_payload=max_payload)
    frames: list[Frame] = []
    offsets: list[int] = []
    chunks = (data,) if isinstance(data, bytes | bytearray | memoryview) else data
    for chunk in chunks:
        for offset, frame in decoder.feed(chunk):
            offsets.append(offset)
            frames.append(frame)
    for offset, frame in decoder.close():
        offsets.append(offset)
        frames.append(frame)
    defects = tuple(decoder.defects)
    return Decoded(tuple(frames), tuple(offsets), defects, decoder.defects_dropped, decoder.bytes_read)


@dataclass(slots=True)
class Decoder:
    """Bytes in, (offset, frame) out, as they come; finds its way again after damage.

    Changes with each call: `defects` (in order of their offsets, at most MAX_DEFECTS), `defects_dropped`,
    `bytes_read`, and what is held back for the next call: never more than one frame of `max_payload`.

    After damage the next frame is looked for inside the frame that failed, unless another begins where it
    ends. A payload that holds frames itself can then show them; the chain tells them apart.
    """

    max_payload: int = MAX_PAYLOAD
    defects: list[Defect] = field(default_factory=list)
    defects_dropped: int = 0
    bytes_read: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _base: int = 0
    _reread: int = 0
    # Where the region without a sound frame began, and what is known of it.
    _open: Defect | None = None

    def feed(self, chunk: bytes | bytearray | memoryview) -> list[tuple[int, Frame]]:
        """Return the frames that are whole now."""
        self._held += chunk
        self.bytes_read += len(chunk)
        return self._take(final=False)

    def close(self) -> list[tuple[int, Frame]]:
        """Return the frames in what is left, and enter what is no frame as defects."""
        found = self._take(final=True)
        self._shut(self._base)
        return found

    def _take(self, final: bool) -> list[tuple[int, Frame]]:
        found: list[tuple[int, Frame]] = []
        at = 0
        with memoryview(self._held) as view:
            while (step := self._step(view, at, final, found)) is not None:
                at = step
            at = len(view) if final else self._keep_from(view, at)
        del self._held[:at]
        self._base += at
        return found

    def _keep_from(self, view: memoryview, at: int) -> int:
        """Return where the next call must begin: at a magic, or what may be the first bytes of one."""
        start = self._held.find(MAGIC, at)
        if start < 0:
            start = next(
                (i for i in range(max(at, len(view) - 3), len(view)) if MAGIC.startswith(view[i:].tobytes())),
                len(view),
            )
        if start > at:
            self._begin("garbage", self._base + at)
        return start

    def _step(self, view: memoryview, at: int, final: bool, found: list[tuple[int, Frame]]) -> int | None:
        """Look at one place and return the next, None when there are not bytes enough."""
        start = self._held.find(MAGIC, at)
        if start < 0 or len(view) - start < HEAD_BYTES:
            if final and len(view) > at:
                self._rest(at, start)
            return None
        if start > at:
            self._begin("garbage", self._base + at)
        if _U32.unpack_from(view, start + 76)[0] != zlib.crc32(view[start : start + 76]):
            self._begin("garbage", self._base + start)
            return start + 1
        head = _Head._make(_HEAD.unpack_from(view, start))
        wrong = self._wrong(head)
        if wrong:
            self._enter(wrong, start, head)
            return start + HEAD_BYTES
        end = start + OVERHEAD_BYTES + head.length
        if end > len(view):
            if not final:
                return None
            self._enter("truncated", start, head)
            return start + HEAD_BYTES
        return self._body(view, start, end, head, final, found)

    def _body(
        self, view: memoryview, start: int, end: int, head: _Head, final: bool,
        found: list[tuple[int, Frame]],
    ) -> int | None:  # fmt: skip
        if _U32.unpack_from(view, end - 4)[0] == zlib.crc32(view[start + HEAD_BYTES : end - 4]):
            self._shut(self._base + start)
            payload, tag = (
                bytes(view[start + HEAD_BYTES : end - TAIL_BYTES]),
                bytes(view[end - TAIL_BYTES : end - 4]),
            )
            frame = Frame(
                head.stream, head.sequence, head.nanoseconds, head.kind, payload, head.previous, tag,
                bool(head.flags & KEYED),
            )  # fmt: skip
            found.append((self._base + start, frame))
            return end
        if not final and len(view) < end + 4:
            return None
        self._enter("damaged", start, head)
        # Nothing was lost or inserted where the next frame begins just behind: then the body was changed.
        if view[end : end + 4] in (MAGIC, b"") or self._reread > REREAD * (self._base + end):
            self._shut(self._base + end)
            return end
        self._reread += end - start
        return start + HEAD_BYTES

    def _wrong(self, head: _Head) -> str:
        if head.version != VERSION or head.flags & ~KEYED or head.zero or head.sequence > MAX_SEQUENCE:
            return "unknown"
        return "oversize" if head.length > self.max_payload else ""

    def _rest(self, at: int, start: int) -> None:
        """Enter the last bytes: what begins like a frame was one."""
        if start != at:
            self._begin("garbage", self._base + at)
        if start >= 0 and (self._open is None or self._open.kind == "garbage"):
            self._shut(self._base + start)
            self._begin("truncated", self._base + start)

    def _enter(self, kind: str, start: int, head: _Head) -> None:
        self._shut(self._base + start)
        self._open = Defect(kind, self._base + start, 0, head.sequence, head.stream)

    def _begin(self, kind: str, offset: int) -> None:
        if self._open is None:
            self._open = Defect(kind, offset, 0)

    def _shut(self, offset: int) -> None:
        """Close the region that is open, if any: a sound frame, another header or the end is here."""
        begun, self._open = self._open, None
        if begun is None:
            return
        if len(self.defects) >= MAX_DEFECTS:
            self.defects_dropped += 1
            return
        length = offset - begun.offset
        self.defects.append(Defect(begun.kind, begun.offset, length, begun.sequence, begun.stream))

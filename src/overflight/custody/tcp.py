"""Frames over TCP: a few messages up, acknowledgements down. docs/frames.md has the protocol.

A message is its length (4 bytes, big-endian: type and body), its type (1 byte) and its body.

==== ====== ========= ====================================================================
type name   direction body
==== ====== ========= ====================================================================
1    hello  up        JSON: protocol, stream (hex); name, every_s, token where there are any
1    hello  down      JSON: protocol, next, after, wanted (ranges), max_payload
2    frames up        one frame or several, whole, one after the other
3    ack    down      next (8 bytes), messages of this connection that are kept (8 bytes)
4    error  down      why the station hangs up, UTF-8
==== ====== ========= ====================================================================

`next` is the first number of which nothing has come: all before it is on the station's disk. There is no
encryption here: over a network that others share, lay it through a tunnel (SSH, WireGuard, TLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import math
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from overflight.custody.frames import MAX_PAYLOAD, STREAM_BYTES
from overflight.custody.intake import Intake, put
from overflight.custody.station import Arrival, Standing
from overflight.errors import FetchError, InputError

PROTOCOL = 1
HELLO, FRAMES, ACK, ERROR = 1, 2, 3, 4
# A message may hold one frame of the greatest payload, or many small ones of that size together.
MESSAGE_SPARE = 65_536
HELLO_BYTES = 4096
# Ranges that a hello names; what lies beyond is asked for at the next connection.
MAX_WANTED = 1000
NAME_LENGTH = 80
HELLO_S = 10.0
READ_BYTES = 1 << 18
# Acknowledgements that wait for a client who reads none.
UNREAD_BYTES = 1 << 20
LOOPBACK = ("127.0.0.1", "::1", "localhost")

_LENGTH = struct.Struct(">I")
_ACK = struct.Struct(">QQ")


# --- messages ------------------------------------------------------------------------------------------


def message(kind: int, body: bytes) -> bytes:
    """Return the bytes of a message."""
    return _LENGTH.pack(len(body) + 1) + bytes((kind,)) + body


@dataclass(slots=True)
class Splitter:
    """Bytes in, messages out; what is not whole yet is held back, at most `limit` bytes."""

    limit: int
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """Return the (type, body) that are whole now. Raises InputError on a length that cannot be."""
        self._held += chunk
        found, at = [], 0
        while len(self._held) - at >= 4:
            length = _LENGTH.unpack_from(self._held, at)[0]
            if not 1 <= length <= self.limit:
                raise InputError(
                    f"a message of {length} bytes", field="length", remedy=f"Send 1 to {self.limit} bytes."
                )
            if len(self._held) - at < 4 + length:
                break
            found.append((self._held[at + 4], bytes(self._held[at + 5 : at + 4 + length])))
            at += 4 + length
        del self._held[:at]
        return found


@dataclass(frozen=True, slots=True)
class Hello:
    """What a sender says first."""

    stream: bytes
    name: str = ""
    every_s: float | None = None
    token: str = field(default="", repr=False)


def encode_hello(hello: Hello) -> bytes:
    """Return the first message of a sender."""
    told: dict[str, Any] = {"protocol": PROTOCOL, "stream": hello.stream.hex()}
    told |= {"name": hello.name} if hello.name else {}
    told |= {"every_s": hello.every_s} if hello.every_s else {}
    told |= {"token": hello.token} if hello.token else {}
    return message(HELLO, json.dumps(told).encode())


def parse_hello(body: bytes) -> Hello:
    """Return what a sender said first. Raises InputError; nothing of it is in the message."""
    told = _parse_json(body)
    try:
        stream = bytes.fromhex(str(told["stream"]))
        every = float(told.get("every_s") or 0.0)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _bad_hello("stream or every_s") from error
    if told.get("protocol") != PROTOCOL or len(stream) != STREAM_BYTES or not 0.0 <= every < math.inf:
        raise _bad_hello("protocol, stream or every_s")
    name = "".join(c for c in str(told.get("name", "")) if c.isprintable())[:NAME_LENGTH]
    return Hello(stream, name, every or None, str(told.get("token", "")))


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body) if len(body) <= HELLO_BYTES + 64 * MAX_WANTED else None
    except (ValueError, RecursionError) as error:
        raise _bad_hello("no JSON") from error
    if not isinstance(told, dict):
        raise _bad_hello("no JSON object")
    return told


def _bad_hello(what: str) -> InputError:
    return InputError(f"the hello cannot be used: {what}", remedy="docs/frames.md has the protocol.")


def encode_standing(standing: Standing, max_payload: int = MAX_PAYLOAD) -> bytes:
    """Return the station's hello: what it has, and what it wants."""
    told = {
        "protocol": PROTOCOL, "next": standing.next, "after": standing.after,
        "wanted": standing.wanted[:MAX_WANTED], "max_payload": max_payload,
    }  # fmt: skip
    return message(HELLO, json.dumps(told).encode())


def parse_standing(body: bytes) -> Standing:
    """Return what a station has. Raises InputError."""
    told = _parse_json(body)
    try:
        ranges = tuple((int(first), int(last)) for first, last in told["wanted"])
        return Standing(ranges, int(told["after"]))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _bad_hello("wanted or after") from error


def parse_address(text: str, scheme: str = "tcp") -> tuple[str, int]:
    """Return host and port of tcp://host:port. Raises InputError."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        if parts.scheme == scheme and parts.hostname and parts.port is not None and not parts.path.strip("/"):
            return parts.hostname, parts.port
    raise InputError(
        f"'{text[:80]}' is no address",
        field=scheme,
        remedy=f"Give {scheme}://host:port, the host in [] if IPv6.",
    )


# --- the station's side --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Who may come in: how many at a time, with which token, and how long one may be silent."""

    clients: int = 64
    token: str = field(default="", repr=False)
    hello_s: float = HELLO_S
    silent_s: float = 3600.0


@contextlib.asynccontextmanager
async def tcp_door(
    intake: Intake, host: str, port: int, door: Door, note: Callable[[str], None]
) -> AsyncIterator[int]:
    """Take clients in, and give the port; all are sent away at the end.

    Raises InputError where the address cannot be had.
    """
    busy: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        task.add_done_callback(busy.discard)
        await _serve(intake, door, reader, writer, note)

    try:
        server = await asyncio.start_server(meet, host, port, limit=READ_BYTES)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port} ({error.strerror or error})", remedy="Take another address."
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _serve(
    intake: Intake,
    door: Door,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[str], None],
) -> None:
    peer = ":".join(map(str, (writer.get_extra_info("peername") or ("?",))[:2]))
    intake.clients += 1
    try:
        if intake.clients > door.clients:
            raise InputError("the station has as many clients as it may", remedy="Try again later.")
        await _receive(intake, door, reader, writer)
    except InputError as error:
        note(f"{peer}: {error}")
        with contextlib.suppress(OSError):
            if not writer.is_closing():
                writer.write(message(ERROR, str(error).encode()[:1000]))
                await asyncio.wait_for(writer.drain(), 5.0)
    except (OSError, TimeoutError) as error:
        note(f"{peer}: {error or 'silent for too long'}")
    finally:
        intake.clients -= 1
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 5.0)


async def _receive(
    intake: Intake, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    limit = intake.store.limits.payload + MESSAGE_SPARE
    splitter = Splitter(limit)
    async with asyncio.timeout(door.hello_s):
        hello = await _first(reader)
        await _check_token(door, hello)
    answer, failed = _answerer(writer, intake.store.limits.payload)
    await put(intake, Arrival(hello.stream, b"", intake.clock(), hello.name, hello.every_s), answer)
    while True:
        chunk = await asyncio.wait_for(reader.read(READ_BYTES), door.silent_s)
        if failed:
            raise InputError(failed[0])
        if not chunk:
            return
        for kind, body in splitter.feed(chunk):
            if kind != FRAMES:
                raise InputError(f"a message of type {kind}", remedy="Send frames after the hello.")
            await put(intake, Arrival(hello.stream, body, intake.clock()), answer)


async def _first(reader: asyncio.StreamReader) -> Hello:
    """Return the hello. What comes behind it, in the same packet or not, is left for the reader."""
    try:
        length = _LENGTH.unpack(await reader.readexactly(4))[0]
        if not 1 <= length <= HELLO_BYTES:
            raise InputError(
                f"a first message of {length} bytes", field="length", remedy="Send a hello first."
            )
        first = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise InputError("hung up before the hello") from None
    if first[0] != HELLO:
        raise InputError(f"a message of type {first[0]} before the hello")
    return parse_hello(first[1:])


async def _check_token(door: Door, hello: Hello) -> None:
    given = hello.token.encode("utf-8", "replace")
    if door.token and not hmac.compare_digest(door.token.encode(), given):
        # Slows guessing down.
        await asyncio.sleep(0.5)
        raise InputError("the token is not the station's", remedy="Give the one of its --token-file.")


def _answerer(
    writer: asyncio.StreamWriter, max_payload: int
) -> tuple[Callable[[Standing | None, int, str], None], list[str]]:
    """Return what answers one client: the hello first, then acknowledgements; and a list for a refusal."""
    kept = -1
    failed: list[str] = []

    def answer(standing: Standing | None, count: int, refusal: str) -> None:
        nonlocal kept
        if writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            failed.append("acknowledgements are not read")
            writer.transport.abort()
            return
        if standing is None:
            failed.append(refusal)
            if not writer.is_closing():
                writer.write(message(ERROR, refusal.encode()[:1000]))
                writer.close()
            return
        if kept < 0:
            data = encode_standing(standing, max_payload)
            kept, count = 0, count - 1
            if not writer.is_closing():
                writer.write(data)
        kept += count
        if count and not writer.is_closing():
            writer.write(message(ACK, _ACK.pack(standing.next, kept)))

    return answer, failed


# --- the sender's side ---------------------------------------------------------------------------------


@dataclass(slots=True)
class TcpLine:
    """A sender's connection.

    `kept` counts the messages of this connection that the station keeps, `next` is the first number of which
    it has nothing.
    """

    host: str
    port: int
    hello: Hello
    timeout_s: float = 10.0
    kept: int = 0
    next: int = 0
    _socket: socket.socket | None = None
    _splitter: Splitter = field(default_factory=lambda: Splitter(HELLO_BYTES + 64 * MAX_WANTED))

    def connect(self) -> Standing:
        """Connect, and return what the station has. Raises OSError, FetchError; InputError if refused."""
        self.close()
        self.kept, self._splitter = 0, Splitter(HELLO_BYTES + 64 * MAX_WANTED)
        try:
            return self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> Standing:
        self._socket = socket.create_connection((self.host, self.port), self.timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(encode_hello(self.hello))
        end_s = time.monotonic() + self.timeout_s
        while time.monotonic() < end_s:
            for kind, body in self._read(end_s - time.monotonic()):
                if kind == HELLO:
                    standing = parse_standing(body)
                    self.next = standing.next
                    return standing
        raise FetchError("the station does not answer", remedy="Check the address.")

    def send(self, data: bytes) -> None:
        """Send one message of frames. Raises OSError."""
        if self._socket is None:
            raise ConnectionError("not connected")
        self._socket.settimeout(self.timeout_s)
        self._socket.sendall(message(FRAMES, data))

    def poll(self, wait_s: float) -> int:
        """Wait up to a time for acknowledgements and return `kept`. Raises OSError, InputError."""
        for kind, body in self._read(wait_s):
            if kind == ACK and len(body) == _ACK.size:
                self.next, self.kept = _ACK.unpack(body)
        return self.kept

    def settled(self, _sequences: Iterable[int]) -> bool:
        """Return whether what was acknowledged is on the station's disk: over TCP it always is."""
        return True

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, wait_s: float) -> list[tuple[int, bytes]]:
        if self._socket is None:
            raise ConnectionError("not connected")
        self._socket.settimeout(max(wait_s, 1e-3))
        try:
            chunk = self._socket.recv(65_536)
        except TimeoutError:
            return []
        if not chunk:
            raise ConnectionError("the station hung up")
        found = self._splitter.feed(chunk)
        for kind, body in found:
            if kind == ERROR:
                raise InputError(f"the station refuses: {body.decode('utf-8', 'replace')}")
        return found

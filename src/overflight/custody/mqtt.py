"""Frames over MQTT 3.1.1, QoS 1, through a broker that somebody runs.

========================== ======== ====================================================================
topic                      by       payload
========================== ======== ====================================================================
BASE/STREAM/frames         sender   one frame or several, whole, one after the other
BASE/STREAM/hello          sender   JSON as over TCP: protocol, stream, name, every_s; asks for `kept`
BASE/STREAM/kept           station  JSON: protocol, next, after, wanted, as the station's hello over TCP
========================== ======== ====================================================================

STREAM is the stream id in hex. The broker's acknowledgement says that the broker has a message. The station
gives its own to the broker after the commit, so what it did not keep comes again; and what it has kept it
says under `kept`, which is what a sender goes on from. A broker has users and passwords of its own; there is
no token beside them.

Needs the extra `mqtt` (paho-mqtt, EPL-2.0 or EDL-1.0).
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from overflight.custody.frames import STREAM_BYTES
from overflight.custody.intake import Intake, put
from overflight.custody.station import Arrival, Standing
from overflight.custody.tcp import (
    MESSAGE_SPARE,
    Hello,
    encode_hello,
    encode_standing,
    parse_hello,
    parse_standing,
)
from overflight.errors import FetchError, InputError

DEFAULT_PORT = 1883
# Messages on their way at a time; more wait at the broker.
INFLIGHT = 100
# How long a broker may take to answer before a station goes on without.
ANSWER_S = 10.0
# A message's length and type, of which MQTT has its own.
_FRAMING = 5


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, the topic above all of ours, and who we are to it."""

    host: str
    port: int
    base: str
    user: str = ""
    password: str = field(default="", repr=False)


def parse_broker(text: str, password: str = "") -> Broker:
    """Return the broker of mqtt://[user@]host[:port]/topic. Raises InputError."""
    try:
        parts = urlsplit(text)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.password is not None:
        raise InputError(
            "there is a password in the address, which others can see in the list of processes",
            field="mqtt", remedy="Give it in a file.",
        )  # fmt: skip
    base = parts.path.strip("/")
    whole = parts.scheme == "mqtt" and parts.hostname and not set("#?") & set(text)
    if not whole or not re.fullmatch(r"[^#+\0]{1,200}", base):
        raise InputError(
            f"'{text.rpartition('@')[2][:80]}' is no broker and topic",
            field="mqtt", remedy="Give mqtt://[user@]host[:port]/topic.",
        )  # fmt: skip
    return Broker(parts.hostname or "", port, base, parts.username or "", password)


def _client(name: str, broker: Broker, *, clean: bool) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    except ImportError as error:
        raise InputError("MQTT needs paho-mqtt", remedy="pip install 'overflight[mqtt]'") from error
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean,
        protocol=MQTTProtocolVersion.MQTTv311, manual_ack=True,
    )  # fmt: skip
    client.max_inflight_messages_set(INFLIGHT)
    client.reconnect_delay_set(1, 30)
    if broker.user:
        client.username_pw_set(broker.user, broker.password or None)
    return client


def _connect(client: Any, broker: Broker) -> None:
    try:
        client.connect(broker.host, broker.port, keepalive=30)
    except OSError as error:
        raise FetchError(
            f"the broker at {broker.host}:{broker.port} cannot be reached ({error.strerror or error})",
            remedy="Check the address, and that it runs.",
        ) from error
    client.loop_start()


def _stop(client: Any) -> None:
    client.disconnect()
    client.loop_stop()


# --- the station's side --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def mqtt_door(intake: Intake, broker: Broker, note: Callable[[str], None]) -> AsyncIterator[None]:
    """Take frames from a broker until the end; the connection is made again when it breaks.

    Raises InputError without paho-mqtt, FetchError when the broker cannot be reached at first.
    """
    loop = asyncio.get_running_loop()
    # A session that lasts: what comes while the station is away waits at the broker.
    client = _client(f"overflight-station-{intake.store.path.name[:40]}", broker, clean=False)

    answered = asyncio.Event()

    def connected(client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            loop.call_soon_threadsafe(note, f"{broker.host}: the broker refuses: {reason}")
            loop.call_soon_threadsafe(answered.set)
        else:
            client.subscribe([(f"{broker.base}/+/frames", 1), (f"{broker.base}/+/hello", 1)])

    def came(client: Any, _data: Any, got: Any) -> None:
        asyncio.run_coroutine_threadsafe(_take(intake, broker, client, got, note), loop)

    client.on_connect, client.on_message = connected, came
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(answered.set)
    await asyncio.to_thread(_connect, client, broker)
    try:
        # What a sender publishes before the subscription stands, the broker has nobody for.
        try:
            await asyncio.wait_for(answered.wait(), ANSWER_S)
        except TimeoutError:
            note(f"{broker.host}: the broker has not answered yet")
        yield
    finally:
        await asyncio.to_thread(_stop, client)


async def _take(intake: Intake, broker: Broker, client: Any, got: Any, note: Callable[[str], None]) -> None:
    """Queue one message; what cannot be used is told, and given back to the broker as had."""
    try:
        arrival = _arrival(intake, broker, got.topic, bytes(got.payload))
    except InputError as error:
        note(f"{broker.host}: {error}")
        client.ack(got.mid, got.qos)
        return

    def answer(standing: Standing | None, _count: int, refusal: str) -> None:
        if standing is None:
            # Not acknowledged: the broker keeps it and brings it again.
            note(f"{broker.host}: {refusal}")
            return
        client.ack(got.mid, got.qos)
        told = encode_standing(standing)[_FRAMING:]
        client.publish(f"{broker.base}/{arrival.stream.hex()}/kept", told, qos=0, retain=True)

    await put(intake, arrival, answer)


def _arrival(intake: Intake, broker: Broker, topic: str, payload: bytes) -> Arrival:
    if len(payload) > intake.store.limits.payload + MESSAGE_SPARE:
        raise InputError(f"a message of {len(payload)} bytes", remedy="Send fewer frames at a time.")
    name, _, what = topic.removeprefix(f"{broker.base}/").partition("/")
    try:
        stream = bytes.fromhex(name)
    except ValueError:
        stream = b""
    if len(stream) != STREAM_BYTES:
        raise InputError("a topic without a stream id", remedy=f"Publish under {broker.base}/STREAM.")
    now_s = intake.clock()
    if what == "hello":
        hello = parse_hello(payload)
        return Arrival(stream, b"", now_s, hello.name, hello.every_s)
    return Arrival(stream, payload, now_s)


# --- the sender's side ---------------------------------------------------------------------------------


@dataclass(slots=True)
class MqttLine:
    """A sender's connection through a broker.

    `kept` counts the messages that the broker has taken over. What the station keeps is `standing`, which
    grows with what it says; a sender that wants certainty waits until nothing of its own is wanted there.
    """

    broker: Broker
    hello: Hello
    timeout_s: float = 10.0
    kept: int = 0
    standing: Standing | None = None
    _client: Any = None
    _told: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    _sent: list[Any] = field(default_factory=list)

    def connect(self) -> Standing:
        """Connect, ask the station what it has, and return that. Raises FetchError, InputError."""
        self.close()
        self.kept, self._sent, self._told = 0, [], queue.SimpleQueue()
        stream, told = self.hello.stream.hex(), self._told
        client = _client("", self.broker, clean=True)
        # What is retained may be old; the answer to the hello is not.
        client.on_message = lambda _c, _d, got: None if got.retain else told.put(bytes(got.payload))
        client.on_connect = lambda c, *_rest: c.subscribe(f"{self.broker.base}/{stream}/kept", qos=0)
        client.on_subscribe = lambda c, *_rest: c.publish(
            f"{self.broker.base}/{stream}/hello", encode_hello(self.hello)[_FRAMING:], qos=1
        )
        _connect(client, self.broker)
        self._client = client
        try:
            self.standing = parse_standing(told.get(timeout=self.timeout_s))
        except queue.Empty:
            self.close()
            raise FetchError(
                "no station answers through the broker", remedy="Start one with the same topic."
            ) from None
        return self.standing

    def send(self, data: bytes) -> None:
        """Hand one message of frames to the broker. Raises ConnectionError."""
        if self._client is None:
            raise ConnectionError("not connected")
        info = self._client.publish(f"{self.broker.base}/{self.hello.stream.hex()}/frames", data, qos=1)
        if info.rc != 0:
            raise ConnectionError("the broker is gone")
        self._sent.append(info)

    def poll(self, wait_s: float) -> int:
        """Wait up to a time for what the station says and return `kept`. Raises ConnectionError."""
        if self._client is None or not self._client.is_connected():
            raise ConnectionError("the broker is gone")
        with contextlib.suppress(queue.Empty):
            self.standing = parse_standing(self._told.get(timeout=max(wait_s, 1e-3)))
            while True:
                self.standing = parse_standing(self._told.get_nowait())
        done = next((i for i, info in enumerate(self._sent) if not info.is_published()), len(self._sent))
        self.kept, self._sent = self.kept + done, self._sent[done:]
        return self.kept

    def settled(self, sequences: Iterable[int]) -> bool:
        """Return whether the station has said that none of these is wanted any more."""
        standing = self.standing
        return standing is not None and not any(standing.wants(number) for number in sequences)

    def close(self) -> None:
        """Leave the broker."""
        if self._client is not None:
            _stop(self._client)
            self._client = None

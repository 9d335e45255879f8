"""The station: what is acknowledged is kept, what is kept is what came; its TCP door, and MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import sqlite3
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.custody import station as station_module
from overflight.custody import tcp
from overflight.custody.chain import Anchor
from overflight.custody.frames import DATA, Frame, chain, encode, encode_frame, stream_id
from overflight.custody.intake import Intake, drain, keep
from overflight.custody.mqtt import MqttLine, mqtt_door, parse_broker
from overflight.custody.station import (
    Arrival,
    Limits,
    Standing,
    Store,
    close_store,
    commit,
    open_store,
    read_store,
    status,
    stored_anchors,
    stored_frames,
    stored_raw,
    verify_store,
)
from overflight.custody.tcp import Door, Hello, Splitter, TcpLine, message, tcp_door
from overflight.errors import FetchError, InputError, LimitError, OverflightError
from overflight.twin.stream import Outgoing, send

KEY = bytes(range(32))
STREAM = stream_id("a station's test")


def made(count: int, key: bytes | None = None, close: bool = True, stream: bytes = STREAM) -> list[Frame]:
    return list(chain(stream, ((10**9 * i, DATA, b"item %d" % i) for i in range(count)), key, close=close))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "frames.db")
    yield opened
    close_store(opened)


def come(store: Store, frames: list[Frame], at_s: float = 0.0) -> Standing:
    return commit(store, [Arrival(STREAM, encode(frames), at_s)])[STREAM]


# --- the store -----------------------------------------------------------------------------------------


def test_what_came_is_there_byte_for_byte_after_the_file_was_closed(tmp_path: Path) -> None:
    whole, path = made(50), tmp_path / "frames.db"
    opened = open_store(path)
    assert come(opened, whole[:20]) == Standing((), 20)
    assert come(opened, whole[20:]).next == 51
    close_store(opened)
    again = read_store(path)
    assert list(stored_raw(again, STREAM)) == [encode_frame(f) for f in whole]
    assert stored_frames(again, STREAM) == tuple(whole)
    (report,) = verify_store(again).values()
    assert report.ok
    assert report.closed
    close_store(again)


def test_commits_are_on_the_disk_and_logged_ahead(store: Store) -> None:
    # 2 is FULL: the log is synchronised at each commit (https://www.sqlite.org/pragma.html#pragma_synchronous).
    assert store.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_another_station_on_the_same_store_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "frames.db"
    first = open_store(path)
    with pytest.raises(InputError, match="another station"):
        open_store(path)
    # To look is allowed.
    close_store(read_store(path))
    close_store(first)
    close_store(open_store(path))


def test_what_is_late_and_what_is_missing(store: Store) -> None:
    whole = made(20)
    assert come(store, [*whole[:3], *whole[5:8]], 100.0) == Standing(((3, 4),), 8)
    come(store, [whole[12]], 150.0)
    (one,) = status(store, 165.0, late_s=60.0)
    assert (one.late, one.missing) == (((8, 11),), ((3, 4),))
    assert not one.ok
    assert come(store, [whole[4], whole[10]], 170.0) == Standing(((3, 3), (8, 9), (11, 11)), 13)
    (one,) = status(store, 1000.0)
    assert (one.missing, one.late, one.out_of_order) == (((3, 3), (8, 9), (11, 11)), (), 2)
    assert come(store, [whole[i] for i in (3, 8, 9, 11, *range(13, 21))], 1000.0) == Standing((), 21)
    (one,) = status(store, 1000.0)
    assert (one.ok, one.closed, one.arrived, one.highest) == (True, True, 21, 20)


def test_a_sender_that_promised_more_is_overdue(store: Store) -> None:
    commit(store, [Arrival(STREAM, encode(made(3, close=False)), 100.0, "kite 1", 60.0)])
    assert status(store, 150.0)[0].overdue_s is None
    assert status(store, 200.0)[0].overdue_s == pytest.approx(40.0)
    assert status(store, 200.0)[0].name == "kite 1"


def test_copies_are_counted_and_not_kept_again(store: Store) -> None:
    whole = made(5)
    come(store, whole)
    come(store, [whole[1], whole[1], whole[4]])
    assert len(list(stored_raw(store, STREAM))) == 6
    assert status(store, 0.0)[0].duplicates == 3
    assert status(store, 0.0)[0].ok


def test_what_is_unsound_is_kept_beside_and_not_asked_for_again(store: Store) -> None:
    whole = made(5)
    bad = replace(whole[2], payload=b"other")
    assert come(store, [*whole[:2], bad, *whole[3:]]) == Standing((), 6)
    (one,) = status(store, 0.0)
    assert (one.altered, one.missing, one.ok) == ((2,), (), False)
    come(store, [whole[2]])
    assert status(store, 0.0)[0].altered == ()
    assert [f.payload for f in stored_frames(store, STREAM) if f.sequence == 2] == [b"other", b"item 2"]
    (report,) = verify_store(store).values()
    assert report.complete
    assert [f.kind for f in report.flaws] == ["altered"]


def test_damaged_bytes_are_kept_apart_and_told(store: Store) -> None:
    data = bytearray(encode(made(3)))
    data[90] ^= 1
    commit(store, [Arrival(STREAM, bytes(data) + b"noise", 0.0)])
    rows = store.db.execute("SELECT reason, length, raw FROM rejects ORDER BY row").fetchall()
    assert [(r[0], r[1]) for r in rows] == [("damaged", 122), ("garbage", 5)]
    assert rows[0][2] == bytes(data)[:122]
    (report,) = verify_store(store).values()
    assert report.altered == (0,)
    assert [one.verdict for one in report.adversaries if one.id == "noise"] == ["found"]


def test_frames_of_another_stream_do_not_get_into_one(store: Store) -> None:
    other = made(2, stream=stream_id("another"))
    come(store, [*made(3), *other])
    assert len(list(stored_raw(store, STREAM))) == 4
    assert store.db.execute("SELECT count(*) FROM rejects").fetchone() == (3,)
    assert status(store, 0.0)[0].arrived == 4


def test_without_the_key_an_altered_copy_shows_by_its_bytes(store: Store) -> None:
    whole = made(3, KEY)
    come(store, whole)
    come(store, [replace(whole[1], payload=b"x")])
    (one,) = status(store, 0.0)
    assert (one.checked, one.flaws, one.ok) == ("links", 1, False)
    (report,) = verify_store(store).values()
    assert [(f.kind, f.sequence) for f in report.flaws] == [("conflict", 1)]
    assert [(f.kind, f.sequence) for f in verify_store(store, key=KEY)[STREAM].flaws] == [("altered", 1)]


def test_a_station_with_the_key_checks_it(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "keyed.db", key=KEY)
    come(opened, [*made(2, KEY, close=False), made(4)[2]])
    (one,) = status(opened, 0.0)
    assert (one.checked, one.altered) == ("hmac", (2,))
    close_store(opened)


def test_what_was_kept_anchors_what_is_recovered(store: Store) -> None:
    from overflight.custody.chain import verify

    whole = made(10)
    come(store, whole[:6])
    anchors = stored_anchors(store)
    assert anchors[3] == Anchor(3, whole[3].tag, "kept by the station in frames.db", STREAM)
    recovered = list(chain(STREAM, ((f.nanoseconds, f.kind, b"else") for f in whole)))
    found = verify(recovered, None, anchors)
    assert {f.kind for f in found.flaws} == {"rewritten"}


@given(st.lists(st.tuples(st.integers(0, 14), st.booleans()), max_size=40), st.integers(1, 5))
@settings(max_examples=30)
def test_memory_and_file_agree_whatever_comes(moves: list[tuple[int, bool]], batch: int) -> None:
    whole = made(14)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(Path(folder) / "frames.db")
        arrivals = [
            Arrival(STREAM, encode_frame(replace(whole[n], payload=b"bad") if bad else whole[n]), float(i))
            for i, (n, bad) in enumerate(moves)
        ]
        for i in range(0, len(arrivals), batch):
            commit(opened, arrivals[i : i + batch])
        before = status(opened, 100.0)
        close_store(opened)
        again = read_store(Path(folder) / "frames.db")
        assert status(again, 100.0) == before
        sound, bad_ = {n for n, bad in moves if not bad}, {n for n, bad in moves if bad}
        for stream, report in verify_store(again).items():
            assert stream == STREAM
            assert {f.sequence for f in stored_frames(again, STREAM)} == sound | bad_
            assert set(report.altered) == set(before[0].altered) == bad_ - sound
            assert report.missing == (*before[0].late, *before[0].missing)
        close_store(again)


def test_a_commit_that_fails_keeps_nothing_and_the_store_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(6)
    come(store, whole[:2])

    def full(*_args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(station_module, "_write", full)
        with pytest.raises(InputError, match="disk is full"):
            come(store, whole[2:])
    assert status(store, 0.0)[0].arrived == 2
    assert come(store, whole[2:]).next == 7
    assert verify_store(store)[STREAM].ok


def test_limits_of_the_store(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "small.db", limits=Limits(streams=1, frames=4))
    whole = made(9)
    come(opened, whole[:4])
    with pytest.raises(LimitError, match="full"):
        come(opened, whole[4:])
    with pytest.raises(LimitError, match="streams"):
        commit(opened, [Arrival(stream_id("another"), b"", 0.0)])
    assert status(opened, 0.0)[0].arrived == 4
    close_store(opened)


def test_what_is_no_store_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE somebodys (x)")
        db.commit()
    before = other.read_bytes()
    text = tmp_path / "text.db"
    text.write_text("not a database, and longer than one header of it " * 10)
    for path in (other, text):
        with pytest.raises(InputError, match=path.name):
            open_store(path)
        with pytest.raises(InputError, match=path.name):
            read_store(path)
    assert other.read_bytes() == before
    with pytest.raises(InputError, match="no such file"):
        read_store(tmp_path / "none.db")
    with pytest.raises(InputError, match="no such folder"):
        open_store(tmp_path / "none" / "frames.db")


# --- messages ------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=50))), st.lists(st.integers(1, 20)))
def test_messages_come_out_as_they_went_in(messages: list[tuple[int, bytes]], sizes: list[int]) -> None:
    data, splitter, found = b"".join(message(*m) for m in messages), Splitter(100), []
    for size in [*sizes, len(data)]:
        found += splitter.feed(data[:size])
        data = data[size:]
    assert found == messages


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    splitter = Splitter(64)
    try:
        splitter.feed(data)
    except InputError:
        pass
    else:
        assert len(splitter._held) < 4 + 64
    for parse in (tcp.parse_hello, tcp.parse_standing):
        with contextlib.suppress(InputError):
            parse(data)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"protocol": 2, "stream": "00"}', "[" * 5000, "\x00"])
def test_a_hello_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="hello"):
        tcp.parse_hello(text.encode())


def test_hello_and_standing_go_there_and_back() -> None:
    hello = Hello(STREAM, "kite 1", 2.5, "word")
    assert tcp.parse_hello(tcp.encode_hello(hello)[5:]) == hello
    standing = Standing(((3, 4), (7, 7)), 12)
    assert tcp.parse_standing(tcp.encode_standing(standing)[5:]) == standing
    assert [n for n in range(15) if standing.wants(n)] == [3, 4, 7, 12, 13, 14]
    assert standing.next == 3


def test_secrets_are_not_in_what_is_printed_of_the_records() -> None:
    assert "hush" not in repr(Hello(STREAM, token="hush"))
    assert "hush" not in repr(Door(token="hush"))
    assert "hush" not in repr(parse_broker("mqtt://me@h/topic", "hush"))


@pytest.mark.parametrize("text", ["tcp://", "tcp://h", "udp://h:1", "tcp://h:x", "tcp://h:1/path", "h:1"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        tcp.parse_address(text)


@pytest.mark.parametrize("text", ["mqtt://h", "mqtt://h/", "mqtt://h/a/#", "mqtt://me:word@h/a", "tcp://h/a"])
def test_a_broker_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_broker(text)
    assert "word" not in str(caught.value).replace("password", "")


# --- over TCP ------------------------------------------------------------------------------------------


class Running:
    """A station in a thread of its own, with its doors, until `stop`."""

    def __init__(self, path: Path, door: Door, broker: str = "", limits: Limits | None = None) -> None:
        self.notes: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(path, door, broker, limits)), daemon=True
        )
        self._thread.start()
        assert self._ready.wait(20.0)
        if self._failed is not None:
            self._thread.join()
            raise self._failed

    async def _run(self, path: Path, door: Door, broker: str, limits: Limits | None) -> None:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        store = open_store(path, limits=limits)
        intake = Intake(store)
        keeper = asyncio.create_task(keep(intake))
        try:
            async with contextlib.AsyncExitStack() as stack:
                self.port = await stack.enter_async_context(
                    tcp_door(intake, "127.0.0.1", 0, door, self.notes.append)
                )
                if broker:
                    await stack.enter_async_context(
                        mqtt_door(intake, parse_broker(broker), self.notes.append)
                    )
                self._ready.set()
                await self._stop.wait()
        except BaseException as error:
            self._failed = error
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await drain(intake)
            close_store(store)
            self._ready.set()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20.0)
        assert not self._thread.is_alive()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(door: Door | None = None, **options: Any) -> Running:
        running.append(Running(tmp_path / "frames.db", door or Door(), **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def line_to(station: Running, token: str = "", stream: bytes = STREAM) -> TcpLine:
    return TcpLine("127.0.0.1", station.port, Hello(stream, token=token))


def kept_in(path: Path) -> set[int]:
    opened = read_store(path)
    try:
        return {f.sequence for s in opened.streams for f in stored_frames(opened, s)}
    finally:
        close_store(opened)


def test_what_is_acknowledged_over_tcp_is_in_the_file(run: Callable[..., Running], tmp_path: Path) -> None:
    station, whole = run(), made(300)
    line = line_to(station)
    assert line.connect() == Standing((), 0)
    for i in range(0, 301, 7):
        line.send(encode(whole[i : i + 7]))
    until(lambda: line.poll(0.1) == 43)
    assert line.next == 301
    assert kept_in(tmp_path / "frames.db") == set(range(301))
    line.close()


def test_after_a_broken_connection_the_station_says_what_it_wants(run: Callable[..., Running]) -> None:
    station, whole = run(), made(20)
    line = line_to(station)
    line.connect()
    line.send(encode([*whole[:4], *whole[9:12]]))
    until(lambda: line.poll(0.1) == 1)
    line.close()
    assert line.connect() == Standing(((4, 8),), 12)
    line.close()


@pytest.mark.parametrize("word", ["", "wrong"])
def test_without_the_token_nobody_sends(run: Callable[..., Running], tmp_path: Path, word: str) -> None:
    station = run(Door(token="right"))
    with pytest.raises(InputError, match="token"):
        line_to(station, word).connect()
    until(lambda: len(station.notes) == 1)
    assert "right" not in station.notes[0]
    opened = read_store(tmp_path / "frames.db")
    assert not opened.streams
    close_store(opened)
    line = line_to(station, "right")
    assert line.connect().next == 0
    line.close()


def raw_client(station: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", station.port), 10.0)


def answer_of(client: socket.socket) -> bytes:
    """All that the station says before it hangs up."""
    client.settimeout(20.0)
    parts = []
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(4096):
            parts.append(chunk)
    return b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", 2**32 - 1) + b"x" * 100,
        struct.pack(">I", 0),
        message(2, b"frames first"),
        message(1, b"not json"),
        message(1, json.dumps({"protocol": 1, "stream": "00"}).encode()),
        tcp.encode_hello(Hello(STREAM)) + message(9, b""),
        tcp.encode_hello(Hello(STREAM)) + struct.pack(">I", 2**31),
    ],
)
def test_a_client_that_speaks_otherwise_is_told_and_sent_away(
    run: Callable[..., Running], data: bytes
) -> None:
    station = run()
    with raw_client(station) as client:
        client.sendall(data)
        said = Splitter(10_000).feed(answer_of(client))
    assert said[-1][0] == tcp.ERROR
    assert len(station.notes) == 1
    # The station goes on.
    line = line_to(station)
    line.connect()
    line.send(encode(made(2)))
    until(lambda: line.poll(0.1) == 1)
    line.close()


def test_a_client_that_says_nothing_is_not_waited_for(run: Callable[..., Running]) -> None:
    station = run(Door(hello_s=0.2, silent_s=0.2))
    with raw_client(station) as client:
        answer_of(client)
    with raw_client(station) as client:
        client.sendall(tcp.encode_hello(Hello(STREAM)))
        assert Splitter(10_000).feed(answer_of(client))[0][0] == tcp.HELLO
    until(lambda: len(station.notes) == 2)


def test_clients_beyond_the_limit_are_sent_away(run: Callable[..., Running]) -> None:
    station = run(Door(clients=1))
    first = line_to(station)
    first.connect()
    with pytest.raises(InputError, match="as many clients"):
        line_to(station).connect()
    first.close()

    def again() -> bool:
        second = line_to(station)
        with contextlib.suppress(InputError):
            second.connect()
            second.close()
            return True
        return False

    until(again)


def test_a_full_store_refuses_and_lets_the_others_be(run: Callable[..., Running], tmp_path: Path) -> None:
    station = run(limits=Limits(frames=5))
    line = line_to(station)
    line.connect()
    line.send(encode(made(3)))
    until(lambda: line.poll(0.1) == 1)
    line.send(encode(made(9, stream=STREAM)[4:]))
    with pytest.raises((InputError, ConnectionError)):
        until(lambda: line.poll(0.1) == 2)
    line.close()
    assert kept_in(tmp_path / "frames.db") == {0, 1, 2, 3}
    other = line_to(station)
    assert other.connect() == Standing((), 4)
    other.close()


def test_many_at_once_get_their_own_acknowledgements(run: Callable[..., Running], tmp_path: Path) -> None:
    station = run()
    streams = [stream_id(f"one of many {i}") for i in range(6)]
    failed: list[BaseException] = []

    def work(stream: bytes) -> None:
        try:
            line, whole = line_to(station, stream=stream), made(200, stream=stream)
            line.connect()
            for frame in whole:
                line.send(encode_frame(frame))
            until(lambda: line.poll(0.1) == 201)
            assert line.next == 201
            line.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert failed == []
    opened = read_store(tmp_path / "frames.db")
    assert all(report.ok and report.last == 200 for report in verify_store(opened).values())
    assert len(opened.streams) == 6
    close_store(opened)


def test_an_address_in_use_is_one_message(run: Callable[..., Running], tmp_path: Path) -> None:
    station = run()

    async def second() -> None:
        async with tcp_door(None, "127.0.0.1", station.port, Door(), print):
            pass

    with pytest.raises(InputError, match="cannot listen"):
        asyncio.run(second())


# --- over MQTT -----------------------------------------------------------------------------------------


@pytest.fixture
def broker() -> Iterator[str]:
    """A broker of another maker on loopback, and the address of a topic at it."""
    pytest.importorskip("paho.mqtt.client", reason="the extra mqtt is not installed")
    amqtt = pytest.importorskip("amqtt.broker", reason="no broker to test against")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
        one = amqtt.Broker(config)
        await one.start()
        ready.set()
        while not ended.is_set():
            await asyncio.sleep(0.05)
        await one.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(20.0)
    yield f"mqtt://127.0.0.1:{port}/test/overflight"
    ended.set()
    thread.join(20.0)
    with warnings.catch_warnings():
        # Connections that the broker leaves open when it stops are not ours to close.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_frames_through_a_broker_are_kept_and_said_to_be(
    run: Callable[..., Running], tmp_path: Path, broker: str
) -> None:
    station, whole = run(broker=broker), made(60)
    line = MqttLine(parse_broker(broker), Hello(STREAM, "kite 1"))
    assert line.connect() == Standing((), 0)
    for i in (0, 1, 3, 5):
        line.send(encode(whole[10 * i : 10 * (i + 1)]))
    until(lambda: line.poll(0.1) == 4 and line.settled(range(10)) and line.settled(range(50, 60)))
    assert not line.settled([25])
    line.close()
    assert kept_in(tmp_path / "frames.db") == {*range(20), *range(30, 40), *range(50, 60)}
    # Another session of the sender hears what is still wanted.
    assert line.connect() == Standing(((20, 29), (40, 49)), 60)
    line.close()
    assert station.notes == []


def test_a_sender_through_a_broker_is_done_when_the_station_has_all(
    run: Callable[..., Running], tmp_path: Path, broker: str
) -> None:
    run(broker=broker)
    frames = [Outgoing(0.0, frame) for frame in made(500)]
    line = MqttLine(parse_broker(broker), Hello(STREAM))
    sent = send([one for one in frames if one.frame.sequence % 7], line)
    assert kept_in(tmp_path / "frames.db") == {n for n in range(501) if n % 7}
    assert sent.sent == sent.frames == 429
    assert send(frames, line).sent == 72
    assert kept_in(tmp_path / "frames.db") == set(range(501))


def test_what_is_no_frame_through_a_broker_harms_nobody(run: Callable[..., Running], broker: str) -> None:
    import paho.mqtt.publish as publish

    station = run(broker=broker)
    at = parse_broker(broker)
    for topic, data in (
        ("zz/frames", b"x"),
        (f"{STREAM.hex()}/hello", b"no json"),
        (f"{STREAM.hex()}/frames", b"noise"),
    ):
        publish.single(f"{at.base}/{topic}", data, qos=1, hostname=at.host, port=at.port)
    until(lambda: len(station.notes) == 2)
    line = MqttLine(at, Hello(STREAM))
    line.connect()
    line.send(encode(made(3)))
    until(lambda: line.poll(0.1) == 1 and line.settled(range(4)))
    line.close()


def test_a_broker_without_a_station_is_told(broker: str) -> None:
    line = MqttLine(parse_broker(broker), Hello(STREAM), timeout_s=0.5)
    with pytest.raises(FetchError, match="no station"):
        line.connect()


def test_a_broker_that_is_not_there_is_told() -> None:
    pytest.importorskip("paho.mqtt.client", reason="the extra mqtt is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OverflightError, match="cannot be reached"):
        MqttLine(parse_broker(f"mqtt://127.0.0.1:{port}/a"), Hello(STREAM)).connect()

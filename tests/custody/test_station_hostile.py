"""Stations against hostile and unlucky input: stores that somebody changed, floods, hellos of every kind."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from overflight.custody import chain as chain_module
from overflight.custody import intake as intake_module
from overflight.custody import station as station_module
from overflight.custody.chain import ChainState, parse_anchors, state_from_json, state_json
from overflight.custody.frames import DATA, Frame, chain, encode, encode_frame, stream_id
from overflight.custody.intake import Intake, drain, keep, put
from overflight.custody.mqtt import _arrival, parse_broker
from overflight.custody.station import (
    Arrival,
    Store,
    close_store,
    commit,
    open_store,
    read_store,
    status,
    verify_store,
)
from overflight.custody.tcp import (
    ACK,
    ERROR,
    FRAMES,
    HELLO,
    MESSAGE_SPARE,
    Door,
    Hello,
    Splitter,
    encode_hello,
    message,
    parse_hello,
    tcp_door,
)
from overflight.errors import InputError, LimitError

STREAM = stream_id("a hostile test")


def made(count: int) -> list[Frame]:
    return list(chain(STREAM, ((10**9 * i, DATA, b"item %d" % i) for i in range(count)), close=True))


def kept(path: Path, frames: list[Frame]) -> None:
    store = open_store(path)
    commit(store, [Arrival(STREAM, encode(frames), 0.0)])
    close_store(store)


def changed(path: Path, statement: str) -> None:
    base = sqlite3.connect(path)
    base.execute(statement)
    base.commit()
    base.close()


# --- stores --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON frames BEGIN DELETE FROM rejects; END",
        "CREATE VIEW more AS SELECT * FROM frames",
        "DROP TABLE rejects",
        "UPDATE streams SET id = 'text'",
        "UPDATE streams SET frames = 'many'",
        "UPDATE streams SET last_s = 'now'",
        "UPDATE streams SET state = '{}'",
        """UPDATE streams SET state = json_set(state, '$.highest', 'x')""",
        """UPDATE streams SET state = json_set(state, '$.counts', json('{"received": "x"}'))""",
        """UPDATE streams SET state = json_set(state, '$.altered', json('["x"]'))""",
        """UPDATE streams SET state = json_set(state, '$.holes', json('[{"first": "0"}]'))""",
    ],
)
def test_a_store_that_somebody_changed_is_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "frames.db"
    kept(path, made(3))
    changed(path, statement)
    for opened in (read_store, open_store):
        with pytest.raises(InputError):
            opened(path)


def test_frames_that_somebody_changed_in_the_store_are_told(tmp_path: Path) -> None:
    path = tmp_path / "frames.db"
    kept(path, made(3))
    changed(path, "UPDATE frames SET raw = 'text', tag = 7 WHERE sequence = 1")
    store = read_store(path)
    (found,) = verify_store(store).values()
    close_store(store)
    assert found.altered == (1,)
    assert not found.complete


def test_a_store_on_a_medium_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "frames.db"
    kept(path, made(3))
    (tmp_path / "frames.db.lock").unlink(missing_ok=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    store = read_store(path)
    (found,) = verify_store(store).values()
    close_store(store)
    assert found.ok
    assert [p.name for p in tmp_path.iterdir()] == ["frames.db"]


def test_a_lock_that_is_somebody_elses_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "frames.db.lock").write_bytes(b"no database, and longer than a hundred bytes" * 30)
    with pytest.raises(InputError, match=r"frames\.db\.lock"):
        open_store(tmp_path / "frames.db")


def test_a_commit_after_which_memory_is_ahead_of_the_file_ends_the_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path / "frames.db")

    def full(*_: object) -> None:
        # What a station goes on after.
        raise LimitError("the store is full")

    def fail(*_: object) -> None:
        raise InputError("the disk is gone")

    monkeypatch.setattr(station_module, "_write", full)
    monkeypatch.setattr(station_module, "_load", fail)
    with pytest.raises(InputError, match="the disk is gone"):
        commit(store, [Arrival(STREAM, encode(made(2)), 0.0)])
    close_store(store)


def test_what_is_late_and_missing_among_many_holes(tmp_path: Path) -> None:
    # Each number of the second half made ten thousand comparisons with each hole once.
    store = open_store(tmp_path / "frames.db")
    whole = made(8000)
    commit(store, [Arrival(STREAM, encode(whole[0:4000:2]), 0.0)])
    commit(store, [Arrival(STREAM, encode(whole[4000::2]), 90.0)])
    (one,) = status(store, 100.0, late_s=60.0)
    close_store(store)
    assert one.missing == tuple((n, n) for n in range(1, 3999, 2))
    assert one.late == tuple((n, n) for n in range(3999, 8000, 2))


def test_a_state_holds_only_what_it_may() -> None:
    state = ChainState(stream=STREAM)
    assert state_from_json(state_json(state)) == state
    told = json.loads(state_json(state))
    for change in ({"highest": 1.5}, {"keyed": "no"}, {"breaks": [None]}, {"flaws": {}}, {"counts": []}):
        with pytest.raises(InputError):
            state_from_json(json.dumps(told | change))


def test_a_header_too_long_for_a_table_is_no_crash() -> None:
    with pytest.raises(InputError):
        parse_anchors("x" * 200_000 + ",tag\n1,2\n", "anchors.csv")


def test_the_first_of_each_kind_is_kept_in_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "MAX_KEPT", 3)
    state = ChainState()
    for kind in ["altered"] * 9 + ["conflict"] * 9 + ["foreign"]:
        chain_module._flaw(state, kind, 1, None, "")
    assert [f.kind for f in state.flaws] == ["altered"] * 3 + ["conflict", "foreign"]
    assert state.flaws_dropped == 19 - 5


# --- hellos --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"every_s": 10**400}, {"every_s": float("nan")}, {"every_s": [1]}, {"stream": 7}, {"protocol": None}],
)
def test_a_hello_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    told = {"protocol": 1, "stream": STREAM.hex()} | change
    with pytest.raises(InputError, match="hello"):
        parse_hello(json.dumps(told).encode())


async def conversation(
    path: Path, talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter, Intake], Awaitable[Any]],
    door: Door | None = None,
) -> Any:  # fmt: skip
    """Run a station, let a client talk to it, and return what that gives."""
    store = open_store(path)
    intake = Intake(store)
    keeper = asyncio.create_task(keep(intake))
    try:
        async with tcp_door(intake, "127.0.0.1", 0, door or Door(), lambda _text: None) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await asyncio.wait_for(talk(reader, writer, intake), 20.0)
            finally:
                writer.close()
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await drain(intake)
        close_store(store)


async def answers(reader: asyncio.StreamReader, count: int) -> list[tuple[int, bytes]]:
    splitter, found = Splitter(1 << 20), list[tuple[int, bytes]]()
    while len(found) < count and (chunk := await reader.read(65_536)):
        found += splitter.feed(chunk)
    return found


def test_frames_right_behind_the_hello_are_taken_however_large(tmp_path: Path) -> None:
    whole = made(200)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Intake) -> Any:
        # One write: the hello and a message larger than a hello may be.
        writer.write(encode_hello(Hello(STREAM)) + message(FRAMES, encode(whole)))
        return await answers(reader, 2)

    (first, second) = asyncio.run(conversation(tmp_path / "frames.db", talk))
    assert first[0] == HELLO
    assert second[0] == ACK
    assert int.from_bytes(second[1][:8], "big") == 201


@pytest.mark.parametrize(
    "data",
    [
        message(HELLO, json.dumps({"protocol": 1, "stream": STREAM.hex(), "token": "\ud800"}).encode()),
        message(HELLO, json.dumps({"protocol": 1, "stream": STREAM.hex(), "every_s": 10**400}).encode()),
        message(FRAMES, encode_frame(made(1)[0])),
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
    ],
)
def test_what_is_no_hello_is_answered_with_an_error(tmp_path: Path, data: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intake: Intake) -> Any:
        writer.write(data)
        found = await answers(reader, 1)
        while intake.clients:
            await asyncio.sleep(0.01)
        return found

    ((kind, _body),) = asyncio.run(conversation(tmp_path / "frames.db", talk, Door(token="word")))
    assert kind == ERROR


# --- floods --------------------------------------------------------------------------------------------


def test_empty_messages_do_not_wait_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "WAITING_BYTES", 100_000)
    store: Store = open_store(tmp_path / "frames.db")

    async def flood() -> int:
        intake = Intake(store)
        try:
            async with asyncio.timeout(0.5):
                for _ in range(100_000):
                    await put(intake, Arrival(STREAM, b"", 0.0), lambda *_: None)
        except TimeoutError:
            return len(intake.waiting)
        return -1

    assert 0 < asyncio.run(flood()) < 1000
    close_store(store)


def test_a_message_of_a_broker_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "frames.db")
    broker = parse_broker("mqtt://127.0.0.1/base")

    async def take(size: int) -> Arrival:
        return _arrival(Intake(store), broker, f"base/{STREAM.hex()}/frames", bytes(size))

    most = store.limits.payload + MESSAGE_SPARE
    assert len(asyncio.run(take(most)).raw) == most
    with pytest.raises(InputError, match="bytes"):
        asyncio.run(take(most + 1))
    close_store(store)

"""The station's store: what came, kept before it is acknowledged, and what is late or missing.

::

    tcp ──┐
          ├─► Arrival ─► commit (one transaction for all that waits) ─► acknowledgement
    mqtt ─┘                 │
                            ├─► frames as they came, byte for byte     ┐
                            ├─► what was no frame, with the reason     ├ one SQLite file
                            └─► the state of each chain, grown with it ┘

Acknowledged means committed: write-ahead log, `synchronous=FULL`, so that the bytes are on the disk before
`commit` returns. A station that is killed goes on from its file, and its state of the chain is that of the
frames in it, since both are in the same transaction.

Nothing that came is thrown away: an altered frame is kept beside the sound one. A copy of a frame that is
there is counted, not kept again.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overflight.custody.chain import (
    Anchor,
    ChainReport,
    ChainState,
    follow,
    follow_copy,
    follow_defect,
    has,
    report,
    state_from_json,
    state_json,
    verify,
    wanted,
)
from overflight.custody.frames import (
    MAX_PAYLOAD,
    OVERHEAD_BYTES,
    Decoder,
    Defect,
    Frame,
    check_key,
    decode_stream,
)
from overflight.errors import InputError, LimitError

# 'OVFS', so that another program's file is not taken for a store.
APPLICATION_ID = 0x4F564653
VERSION = 1
# Of what was no frame, this much is kept of each piece.
REJECT_BYTES = 65_536
MAX_REJECTS = 1000
# A hole that is older than this is missing, a younger one late.
LATE_S = 60.0
SOUND = ("accepted", "late")

_TABLES = """
CREATE TABLE streams (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, every_s REAL,
    first_s REAL NOT NULL, last_s REAL NOT NULL, frames INTEGER NOT NULL, bytes INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE TABLE frames (
    row INTEGER PRIMARY KEY, stream INTEGER NOT NULL, sequence INTEGER NOT NULL, tag BLOB NOT NULL,
    arrived_s REAL NOT NULL, verdict TEXT NOT NULL, raw BLOB NOT NULL
);
CREATE INDEX frames_by_sequence ON frames (stream, sequence);
CREATE TABLE rejects (
    row INTEGER PRIMARY KEY, stream INTEGER NOT NULL, arrived_s REAL NOT NULL, reason TEXT NOT NULL,
    length INTEGER NOT NULL, raw BLOB NOT NULL
);
"""


_SHAPE = sorted(" ".join(one.split()) for one in _TABLES.split(";") if one.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a station takes: streams, frames and bytes of frames in its store, bytes of one payload."""

    streams: int = 256
    frames: int = 100_000_000
    bytes: int = 64 << 30
    payload: int = MAX_PAYLOAD


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes as they came, any number of frames, for a stream, at a time of the station's clock.

    `name` and `every_s`, how often the sender promises a frame, are set where they are given.
    """

    stream: bytes
    raw: bytes
    arrived_s: float
    name: str = ""
    every_s: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a stream stands after a commit: the ranges that are wanted, and the first number after all."""

    wanted: tuple[tuple[int, int], ...]
    after: int

    @property
    def next(self) -> int:
        """Return the first number of which nothing has come: all before it is kept."""
        return self.wanted[0][0] if self.wanted else self.after

    def wants(self, number: int) -> bool:
        """Return whether nothing of this number has come."""
        at = bisect.bisect_right(self.wanted, number, key=lambda ends: ends[0]) - 1
        return number >= self.after or (at >= 0 and number <= self.wanted[at][1])


@dataclass(slots=True)
class _Kept:
    """A stream in memory, as it stands in the file after each commit."""

    number: int
    name: str
    every_s: float | None
    first_s: float
    last_s: float
    frames: int
    bytes: int
    state: ChainState


@dataclass(slots=True)
class Store:
    """An open store. `commit` changes the file and what is kept of it here."""

    path: Path
    db: sqlite3.Connection
    lock: sqlite3.Connection | None
    key: bytes | None
    limits: Limits
    streams: dict[bytes, _Kept] = field(default_factory=dict)
    frames: int = 0
    bytes: int = 0
    rejects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """What a station says of a stream at a time.

    `arrived` counts sound frames, `out_of_order` those of them that filled a hole. `late` and `missing` are
    ranges that have not come, noticed less or more than `LATE_S` ago. `overdue_s` is how long the next frame
    is over the time that the sender promised, None without a promise or when it is not.
    """

    stream: str
    name: str
    arrived: int
    bytes: int
    first_s: float
    last_s: float
    frame_time_s: float | None
    highest: int
    closed: bool
    checked: str
    late: tuple[tuple[int, int], ...]
    missing: tuple[tuple[int, int], ...]
    out_of_order: int
    duplicates: int
    altered: tuple[int, ...]
    flaws: int
    overdue_s: float | None
    head: str

    @property
    def ok(self) -> bool:
        """Return whether nothing is missing or wrong so far."""
        return not (self.missing or self.altered or self.flaws)


# --- opening -------------------------------------------------------------------------------------------


def open_store(path: str | Path, *, key: bytes | None = None, limits: Limits | None = None) -> Store:
    """Open or make a store for one station; another that has it open makes this refuse.

    Raises InputError where the file is no store, is in use or was kept with another key's verdict.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError("there is no such folder", file=str(path.parent), remedy="Make it first.")
    check_key(key)
    lock = _take_lock(path)
    db: sqlite3.Connection | None = None
    try:
        db = _connect(path)
        store = Store(path, db, lock, key, limits or Limits())
        _prepare(store)
        _load(store)
    except BaseException:
        if db is not None:
            db.close()
        lock.close()
        raise
    return store


def read_store(path: str | Path, *, key: bytes | None = None) -> Store:
    """Open a store to look at it, while a station writes to it or not. Raises InputError."""
    path = Path(path)
    if not path.is_file():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    if not is_store(path):
        raise InputError("is no store of a station", file=str(path), remedy="Give the file of --store.")
    check_key(key)
    store = Store(path, _connect(path, read_only=True), None, key, Limits())
    try:
        with _told(path):
            store.db.execute("PRAGMA query_only = 1")
            _check(store, store.db.execute("PRAGMA application_id").fetchone()[0])
        _load(store)
    except BaseException:
        store.db.close()
        raise
    return store


def close_store(store: Store) -> None:
    """Close the file and let another station have it."""
    store.db.close()
    if store.lock is not None:
        store.lock.close()


def is_store(path: str | Path) -> bool:
    """Return whether the file begins like an SQLite file."""
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    with _told(path):
        if read_only and not os.access(path.parent, os.W_OK):
            return _connect_still(path)
        # One thread at a time uses it: the writer's, or the one that only reads.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        db.execute("PRAGMA synchronous = FULL")
        return db


def _connect_still(path: Path) -> sqlite3.Connection:
    """Open a store on a medium that cannot be written, where nobody else writes it either.

    Otherwise SQLite needs files beside it even to read.
    """
    rest = path.with_name(path.name + "-wal")
    if rest.exists() and rest.stat().st_size:
        raise InputError(
            "was not closed, and its folder cannot be written", file=str(path),
            remedy=f"Copy it together with {rest.name} to where it can.",
        )  # fmt: skip
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None, check_same_thread=False
    )


def _take_lock(path: Path) -> sqlite3.Connection:
    """Hold a second file exclusively. The system lets it go when the process ends, however it ends."""
    lock = sqlite3.connect(
        path.with_name(path.name + ".lock"), isolation_level=None, check_same_thread=False, timeout=0.0
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        lock.close()
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY) != sqlite3.SQLITE_BUSY:
            raise InputError(
                f"the lock beside the store cannot be had ({error})", file=str(path.name + ".lock"),
                remedy="Check that the folder can be written and that the file there is no other's.",
            ) from error  # fmt: skip
        raise InputError(
            "another station has this store open", file=str(path), remedy="Give each station its own store."
        ) from error
    return lock


def _prepare(store: Store) -> None:
    with _told(store.path):
        found = store.db.execute("PRAGMA application_id").fetchone()[0]
        if found == 0 and not store.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            store.db.execute("PRAGMA journal_mode = WAL")
            store.db.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )
            _sync_folder(store.path.parent)
        else:
            _check(store, found)


def _check(store: Store, application_id: int) -> None:
    version = store.db.execute("PRAGMA user_version").fetchone()[0]
    if application_id != APPLICATION_ID or version != VERSION:
        raise InputError(
            "is no store of a station, or one of another version",
            file=str(store.path),
            remedy="Give another path; nothing was changed.",
        )
    # A store may come from anybody: no trigger or view of somebody else's is to run.
    there = store.db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    if sorted(" ".join(str(sql).split()) for (sql,) in there) != _SHAPE:
        raise InputError(
            "the tables are not those of a station's store: somebody changed them", file=str(store.path),
            remedy="Take another copy; do not trust this one.",
        )  # fmt: skip


def _sync_folder(folder: Path) -> None:
    """Write the folder's entry of a new file to the disk, where the system lets folders be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _load(store: Store) -> None:
    """Read what is kept of the streams into memory, as after a commit that failed."""
    columns = "id, number, name, every_s, first_s, last_s, frames, bytes, state"
    with _told(store.path):
        rows = store.db.execute(f"SELECT {columns} FROM streams ORDER BY number").fetchall()
        store.rejects = store.db.execute("SELECT count(*) FROM rejects").fetchone()[0]
    store.streams = {}
    for stream, number, name, every_s, first_s, last_s, frames, size, state in rows:
        values = (stream, name, every_s, first_s, last_s, frames, size)
        if not all(isinstance(value, kind) for value, kind in zip(values, _KEPT_TYPES, strict=True)):
            raise InputError(
                f"what is kept of stream {number} is none that we write", file=str(store.path),
                remedy="Take another copy of the file; its frames may still be sound.",
            )  # fmt: skip
        kept = _Kept(number, name, every_s, first_s, last_s, frames, size, state_from_json(state))
        store.streams[stream] = kept
    store.frames = sum(kept.frames for kept in store.streams.values())
    store.bytes = sum(kept.bytes for kept in store.streams.values())


# Of id, name, every_s, first_s, last_s, frames and bytes, as they stand in the file.
_KEPT_TYPES: tuple[Any, ...] = (bytes, str, float | int | None, float | int, float | int, int, int)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn errors of the database into ours, with the file's name."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"the store cannot be used ({error})", file=str(path), remedy="Check the file and the space left."
        ) from error


# --- keeping -------------------------------------------------------------------------------------------


def commit(store: Store, arrivals: Sequence[Arrival]) -> dict[bytes, Standing]:
    """Keep what came, in one transaction, and return how each stream stands then.

    When this returns the bytes are on the disk; when it raises none of them are. Raises LimitError where the
    store would grow over its limits, InputError where the file cannot be written.
    """
    _check_room(store, arrivals)
    try:
        with _told(store.path):
            store.db.execute("BEGIN IMMEDIATE")
            touched = {arrival.stream: _stream(store, arrival) for arrival in arrivals}
            frames: list[tuple[Any, ...]] = []
            rejects: list[tuple[Any, ...]] = []
            fresh: _Fresh = {}
            for arrival in arrivals:
                _take(store, touched[arrival.stream], arrival, fresh, frames, rejects)
            _write(store, frames, rejects, touched.values())
            store.db.execute("COMMIT")
    except BaseException:
        if store.db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                store.db.execute("ROLLBACK")
        # What memory holds is ahead of the file; gone on with, it would acknowledge what was not kept.
        _load(store)
        raise
    return {stream: Standing(*wanted(kept.state)) for stream, kept in touched.items()}


def _check_room(store: Store, arrivals: Sequence[Arrival]) -> None:
    limits, size = store.limits, sum(len(arrival.raw) for arrival in arrivals)
    if store.bytes + size > limits.bytes or store.frames + size // OVERHEAD_BYTES > limits.frames:
        raise LimitError(
            f"the store is full: it holds {store.frames} frames and {store.bytes} bytes",
            where=str(store.path),
            remedy="Begin another store, or raise the station's limits.",
        )


def _stream(store: Store, arrival: Arrival) -> _Kept:
    if (kept := store.streams.get(arrival.stream)) is not None:
        return kept
    if len(store.streams) >= store.limits.streams:
        raise LimitError(
            f"the store holds {len(store.streams)} streams, as many as it may",
            where=str(store.path),
            remedy="Begin another store, or raise the station's limits.",
        )
    state, at = ChainState(stream=arrival.stream), arrival.arrived_s
    cursor = store.db.execute(
        "INSERT INTO streams (id, name, first_s, last_s, frames, bytes, state) VALUES (?, '', ?, ?, 0, 0, ?)",
        (arrival.stream, at, at, state_json(state)),
    )
    number = cursor.lastrowid or 0
    kept = _Kept(number, "", None, at, at, 0, 0, state)
    store.streams[arrival.stream] = kept
    return kept


# Tag and bytes of the sound frames of a batch that are not in the file yet, by stream and sequence.
_Fresh = dict[tuple[int, int], tuple[bytes, bytes]]


def _take(
    store: Store,
    kept: _Kept,
    arrival: Arrival,
    fresh: _Fresh,
    frames: list[tuple[Any, ...]],
    rejects: list[tuple[Any, ...]],
) -> None:
    """Judge the frames of one arrival and line up the rows to write."""
    found = decode_stream(arrival.raw, max_payload=store.limits.payload)
    at = arrival.arrived_s
    kept.name, kept.every_s = arrival.name or kept.name, arrival.every_s or kept.every_s
    kept.last_s = max(kept.last_s, at) if arrival.raw else kept.last_s

    def tag_of(sequence: int) -> bytes | None:
        sound = _sound(store, kept.number, sequence, fresh)
        return None if sound is None else sound[0]

    for offset, frame in zip(found.offsets, found.frames, strict=True):
        raw = arrival.raw[offset : offset + OVERHEAD_BYTES + len(frame.payload)]
        if frame.stream != arrival.stream:
            _reject(store, kept, at, f"a frame of stream {frame.stream.hex()}", raw, rejects)
            continue
        verdict = follow(kept.state, frame, tag_of, key=store.key, now_s=at)
        if verdict in SOUND:
            fresh[kept.number, frame.sequence] = frame.tag, raw
        if verdict == "duplicate" and frame.keyed and store.key is None:
            sound = _sound(store, kept.number, frame.sequence, fresh)
            verdict = verdict if sound and sound[1] == raw else follow_copy(kept.state, frame)
        if verdict != "duplicate":
            frames.append((kept.number, frame.sequence, frame.tag, at, verdict, raw))
            kept.frames, kept.bytes = kept.frames + 1, kept.bytes + len(raw)
            store.frames, store.bytes = store.frames + 1, store.bytes + len(raw)
    for defect in found.defects:
        follow_defect(kept.state, defect)
        raw = arrival.raw[defect.offset : defect.offset + defect.length]
        _reject(store, kept, at, defect.kind, raw, rejects)


def _sound(store: Store, number: int, sequence: int, fresh: _Fresh) -> tuple[bytes, bytes] | None:
    """Return tag and bytes of the sound frame of a number, in the batch or in the file."""
    if (found := fresh.get((number, sequence))) is not None:
        return found
    row = store.db.execute(
        "SELECT tag, raw FROM frames WHERE stream = ? AND sequence = ? AND verdict IN ('accepted', 'late')",
        (number, sequence),
    ).fetchone()
    return None if row is None else (bytes(row[0]), bytes(row[1]))


def _reject(
    store: Store, kept: _Kept, at: float, reason: str, raw: bytes, rejects: list[tuple[Any, ...]]
) -> None:
    store.rejects += 1
    if store.rejects <= MAX_REJECTS:
        rejects.append((kept.number, at, reason, len(raw), raw[:REJECT_BYTES]))


def _write(
    store: Store, frames: list[tuple[Any, ...]], rejects: list[tuple[Any, ...]], touched: Iterable[_Kept]
) -> None:
    store.db.executemany(
        "INSERT INTO frames (stream, sequence, tag, arrived_s, verdict, raw) VALUES (?, ?, ?, ?, ?, ?)",
        frames,
    )
    store.db.executemany(
        "INSERT INTO rejects (stream, arrived_s, reason, length, raw) VALUES (?, ?, ?, ?, ?)", rejects
    )
    store.db.executemany(
        "UPDATE streams SET name = ?, every_s = ?, last_s = ?, frames = ?, bytes = ?, state = ?"
        " WHERE number = ?",
        [(k.name, k.every_s, k.last_s, k.frames, k.bytes, state_json(k.state), k.number) for k in touched],
    )


# --- looking -------------------------------------------------------------------------------------------


def status(store: Store, now_s: float, *, late_s: float = LATE_S) -> tuple[StreamStatus, ...]:
    """Return how each stream stands at a time, in the order in which they first came."""
    return tuple(_status(store, stream, kept, now_s, late_s) for stream, kept in store.streams.items())


def _status(store: Store, stream: bytes, kept: _Kept, now_s: float, late_s: float) -> StreamStatus:
    state = kept.state
    told = report(state, lambda number: b"" if has(state, number) else None, key=store.key)
    # Holes are in order and may be many: a sender can make one with every frame.
    starts = [hole.first for hole in state.holes]
    young = [now_s - hole.noticed_s < late_s for hole in state.holes]
    late: list[tuple[int, int]] = []
    missing: list[tuple[int, int]] = []
    for ends in told.missing:
        hole = bisect.bisect_right(starts, ends[0]) - 1
        (late if young[hole] else missing).append(ends)
    over = None if kept.every_s is None or told.closed else now_s - kept.last_s - kept.every_s
    counts, at = state.counts, state.last_nanoseconds
    return StreamStatus(
        stream=stream.hex(), name=kept.name, arrived=counts.get("accepted", 0) + counts.get("late", 0),
        bytes=kept.bytes, first_s=kept.first_s, last_s=kept.last_s,
        frame_time_s=None if at is None else at / 1e9, highest=state.highest, closed=told.closed,
        checked=told.checked, late=tuple(late), missing=tuple(missing),
        out_of_order=counts.get("late", 0), duplicates=counts.get("duplicate", 0), altered=told.altered,
        flaws=len(told.flaws) + told.flaws_dropped, overdue_s=over if over and over > 0.0 else None,
        head=state.head.hex() if state.highest >= 0 else "",
    )  # fmt: skip


def stored_streams(store: Store) -> tuple[bytes, ...]:
    """Return the ids of the streams in the store."""
    return tuple(store.streams)


def stored_raw(store: Store, stream: bytes) -> Iterator[bytes]:
    """Yield the bytes of each frame of a stream that is kept, in the order of arrival."""
    kept = store.streams[stream]
    with _told(store.path):
        for (raw,) in store.db.execute(
            "SELECT CAST(raw AS BLOB) FROM frames WHERE stream = ? ORDER BY row", (kept.number,)
        ):
            yield raw


def stored_frames(store: Store, stream: bytes) -> tuple[Frame, ...]:
    """Return the frames of a stream that are kept, in the order of arrival."""
    return tuple(f for raw in stored_raw(store, stream) for f in decode_stream(raw).frames)


def stored_anchors(store: Store) -> tuple[Anchor, ...]:
    """Return the tag of every sound frame as an anchor: what was acknowledged was so at that time."""
    source = f"kept by the station in {store.path.name}"
    with _told(store.path):
        rows = store.db.execute(
            "SELECT s.id, CAST(f.sequence AS INTEGER), CAST(f.tag AS BLOB)"
            " FROM frames f JOIN streams s ON s.number = f.stream WHERE f.verdict IN ('accepted', 'late')"
        )
        return tuple(Anchor(number, bytes(tag), source, bytes(stream)) for stream, number, tag in rows)


def verify_store(
    store: Store, *, key: bytes | None = None, anchors: Sequence[Anchor] = ()
) -> dict[bytes, ChainReport]:
    """Verify every stream from the bytes that are kept, not from what the station noted of them."""
    with _told(store.path):
        told = store.db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if told != "ok":
        raise InputError(f"the file is damaged: {told}", file=str(store.path), remedy="Restore a copy of it.")
    found = {}
    for stream, kept in store.streams.items():
        # A store may be larger than memory: frames go through one by one, offsets and defects grow with them.
        decoder, offsets = Decoder(), list[int]()
        found[stream] = verify(
            _decoding(store, stream, decoder, offsets), key, anchors, offsets=offsets, stream=stream,
            defects=itertools.chain(decoder.defects, _strays(store, kept)),
        )  # fmt: skip
    return found


def _decoding(store: Store, stream: bytes, decoder: Decoder, offsets: list[int]) -> Iterator[Frame]:
    """Yield what is kept of a stream; offsets count through its frames in the order of arrival."""
    for raw in stored_raw(store, stream):
        for offset, frame in decoder.feed(raw):
            offsets.append(offset)
            yield frame
    for offset, frame in decoder.close():
        offsets.append(offset)
        yield frame


def _strays(store: Store, kept: _Kept) -> list[Defect]:
    """Return what was rejected of a stream."""
    with _told(store.path):
        strays = store.db.execute(
            "SELECT CAST(reason AS TEXT), CAST(length AS INTEGER), CAST(raw AS BLOB) FROM rejects"
            " WHERE stream = ? ORDER BY row",
            (kept.number,),
        ).fetchall()
    return [_stray(reason, length, raw) for reason, length, raw in strays]


def _stray(reason: str, length: int, raw: bytes) -> Defect:
    """Return what was rejected as a defect, with the number that its header claims."""
    for defect in decode_stream(raw).defects:
        return Defect(reason, -1, length, defect.sequence, defect.stream)
    return Defect(reason, -1, length)

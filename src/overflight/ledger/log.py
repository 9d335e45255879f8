"""The log on disk: an SQLite file that only grows.

    entry(seq, data)           the canonical bytes of each entry
    node(level, number, hash)  the hash of every complete subtree; level 0 holds the leaves
    content(hash, data)        what entries are about, each once
    checkpoint(size, note)     signed notes about the log as it was
    stamp(size, token)         time stamps (RFC 3161) over such notes

An append is one transaction, and when it returns the bytes are on the disk (WAL, synchronous=FULL): a process
killed at any moment loses nothing that was acknowledged. Writers wait for one another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from overflight.errors import InputError, OverflightError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import Checkpoint
from overflight.ledger.entry import Entry, content_hash, entry_bytes, read_entry

# "OFLG" and the version of the tables.
APPLICATION_ID: Final = 0x4F464C47
VERSION: Final = 1
WAIT_S: Final = 60.0
TABLES: Final = """
CREATE TABLE entry (seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE node (
    level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)
) WITHOUT ROWID;
CREATE INDEX leaf ON node (hash) WHERE level = 0;
CREATE TABLE content (hash BLOB UNIQUE NOT NULL, data BLOB NOT NULL);
CREATE TABLE checkpoint (size INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (size, note)) WITHOUT ROWID;
CREATE TABLE stamp (size INTEGER NOT NULL, token BLOB NOT NULL, PRIMARY KEY (size, token)) WITHOUT ROWID;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Ledger:
    """An open log. Made by `open_ledger`; close it, or use it in a `with` statement."""

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self.path, self._base = path, base

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @property
    def origin(self) -> str:
        """The name that checkpoints give the log, settled when it was made."""
        row = self._base.execute("SELECT value FROM about WHERE name = 'origin'").fetchone()
        return str(row[0])

    def __len__(self) -> int:
        row = self._base.execute("SELECT max(number) FROM node WHERE level = 0").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def append(self, entries: Iterable[tuple[Entry, bytes | None]]) -> tuple[str, ...]:
        """Append entries with their content, all or none; return their ids (leaf hashes in hex).

        When it returns they are on the disk. Content may be None where it is kept elsewhere. Parents must be
        entries of the log, or earlier ones of the same call.

        Raises
        ------
        InputError
            When content is not what the entry says, or a parent is not in the log.
        """
        prepared = [(entry, entry_bytes(entry), content) for entry, content in entries]
        with self._writing():
            size = len(self)
            peaks = merkle.peaks_of(self.node, size)
            ids, rows, contents = [], [], []
            nodes: list[tuple[int, int, bytes]] = []
            new: set[str] = set()
            for entry, data, content in prepared:
                self._check(entry, content, new)
                leaf = merkle.leaf_hash(data)
                nodes.extend(merkle.grow(peaks, size, leaf))
                rows.append((size, data))
                if content is not None:
                    contents.append((bytes.fromhex(entry.content), content))
                ids.append(leaf.hex())
                new.add(ids[-1])
                size += 1
            self._base.executemany("INSERT INTO entry VALUES (?, ?)", rows)
            self._base.executemany("INSERT INTO node VALUES (?, ?, ?)", nodes)
            self._base.executemany("INSERT OR IGNORE INTO content VALUES (?, ?)", contents)
        return tuple(ids)

    def _check(self, entry: Entry, content: bytes | None, new: set[str]) -> None:
        if content is not None and content_hash(content) != entry.content:
            raise InputError("the content is not what the entry says", field=f"content of {entry.subject}")
        for parent in entry.parents:
            if parent not in new and self.find(parent) is None:
                raise InputError(
                    f"there is no entry {parent[:16]}…", field=f"parents of {entry.subject}",
                    remedy="Append what it rests on first.",
                )  # fmt: skip

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a complete subtree."""
        row = self._base.execute(
            "SELECT hash FROM node WHERE level = ? AND number = ?", (level, number)
        ).fetchone()
        if row is None:
            raise OverflightError(
                f"the hash of subtree {number} at level {level} is gone", where=str(self.path),
                remedy="Run `overflight ledger verify` on it.",
            )  # fmt: skip
        return bytes(row[0])

    def find(self, id_: str) -> int | None:
        """Return the number of the entry with an id, the first if it was put down twice; None if none."""
        try:
            leaf = bytes.fromhex(id_)
        except ValueError:
            return None
        row = self._base.execute(
            "SELECT min(number) FROM node WHERE level = 0 AND hash = ?", (leaf,)
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def data(self, seq: int) -> bytes:
        """Return the bytes of an entry. InputError if there is none."""
        row = self._base.execute("SELECT CAST(data AS BLOB) FROM entry WHERE seq = ?", (seq,)).fetchone()
        if row is None:
            raise InputError(
                f"there is no entry {seq}", file=str(self.path), remedy=f"It has {len(self)}, from 0."
            )
        return bytes(row[0])

    def entry(self, seq: int) -> Entry:
        """Return an entry by number."""
        return read_entry(self.data(seq))

    def rows(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield number and bytes of entries in order, as they stand in the file."""
        last = 2**62 if end is None else end
        yield from self._base.execute(
            "SELECT seq, CAST(data AS BLOB) FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", (begin, last)
        )

    def level(self, level: int) -> Iterator[tuple[int, bytes]]:
        """Yield number and hash of the complete subtrees of a level."""
        yield from self._base.execute(
            "SELECT number, CAST(hash AS BLOB) FROM node WHERE level = ? ORDER BY number", (level,)
        )

    def content(self, hash_: str) -> bytes | None:
        """Return content by its SHA-256 in hex, None where it is not kept here."""
        row = self._base.execute(
            "SELECT data FROM content WHERE hash = ?", (bytes.fromhex(hash_),)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield SHA-256 in hex and bytes of all content."""
        for hash_, data in self._base.execute(
            "SELECT CAST(hash AS BLOB), CAST(data AS BLOB) FROM content ORDER BY rowid"
        ):
            yield bytes(hash_).hex(), data

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """Return what the log is, or was when it had `size` entries, ready to be signed."""
        there = len(self)
        at = there if size is None else size
        if not 0 <= at <= there:
            raise InputError(f"the log has {there} entries, not {at}", file=str(self.path))
        return Checkpoint(origin=self.origin, size=at, root=merkle.root(self.node, at))

    def keep_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed note in the log's file."""
        with self._writing():
            self._base.execute("INSERT OR IGNORE INTO checkpoint VALUES (?, ?)", (size, note))

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Yield size and note of the checkpoints kept, oldest first."""
        yield from self._base.execute("SELECT size, note FROM checkpoint ORDER BY size, note")

    def keep_stamp(self, size: int, token: bytes) -> None:
        """Keep a time stamp over the checkpoint of a size."""
        with self._writing():
            self._base.execute("INSERT OR IGNORE INTO stamp VALUES (?, ?)", (size, token))

    def stamps(self) -> Iterator[tuple[int, bytes]]:
        """Yield size and token of the time stamps kept, oldest first."""
        yield from self._base.execute("SELECT size, token FROM stamp ORDER BY size, token")

    def prove_inclusion(self, seq: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that an entry is in the log of `size` entries, all when None."""
        return merkle.inclusion_path(self.node, seq, len(self) if size is None else size)

    def prove_consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the log of `old` entries begins that of `new`, all when None."""
        return merkle.consistency_path(self.node, old, len(self) if new is None else new)


def open_ledger(path: str | Path, *, make: bool = False, origin: str = "") -> Ledger:
    """Open a log; `make` makes it when it is not there, under the name `origin`.

    Raises
    ------
    InputError
        When there is none, it is something else, or it is of a later version.
    """
    path = Path(path)
    if not make and not path.is_file():
        raise InputError("there is no ledger", file=str(path), remedy="`overflight assess` writes one.")
    try:
        base = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        if make:
            _make(base, origin or f"overflight/{path.stem}")
        _check_kind(base, path)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"it cannot be read as a ledger: {error}", file=str(path),
            remedy="Compare it with a copy; `overflight ledger export` writes one that lasts.",
        ) from None  # fmt: skip
    return Ledger(path, base)


def _make(base: sqlite3.Connection, origin: str) -> None:
    if "\n" in origin or not origin.strip():
        raise InputError(f"{origin!r} cannot name a log", field="origin", remedy="Use one line of text.")
    base.execute("BEGIN IMMEDIATE")
    if base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        for statement in filter(str.strip, TABLES.split(";")):
            base.execute(statement)
        base.execute("INSERT INTO about VALUES ('origin', ?)", (origin,))
        base.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        base.execute(f"PRAGMA user_version = {VERSION}")
    base.execute("COMMIT")


def _check_kind(base: sqlite3.Connection, path: Path) -> None:
    kind = base.execute("PRAGMA application_id").fetchone()[0]
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if kind == APPLICATION_ID and version == VERSION:
        return
    base.close()
    what = f"a ledger of version {version}" if kind == APPLICATION_ID else "a database of another kind"
    raise InputError(f"it is {what}", file=str(path), remedy=f"This program reads version {VERSION}.")

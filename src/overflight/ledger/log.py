"""The log on disk: an SQLite file that only grows.

    entry(seq, data)           the canonical bytes of each entry
    node(level, number, hash)  the hash of every complete subtree; level 0 holds the leaves
    content(hash, data)        what entries are about, each once
    checkpoint(size, note)     signed notes about the log as it was
    stamp(size, token)         time stamps (RFC 3161) over such notes, by the size of their checkpoint

An append is one transaction, and when it returns the bytes are on the disk (WAL, synchronous=FULL): a process
killed at any moment loses nothing that was acknowledged. Writers wait for one another.

A log may come from anybody: a file whose tables are not exactly these is refused, so that no trigger or view
of somebody else's runs, and looking at one changes nothing of it. On a medium that cannot be written it is
read as it lies there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError, OverflightError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import Checkpoint
from overflight.ledger.entry import Entry, entry_bytes, read_entry

# "OFLG" and the version of the tables.
APPLICATION_ID: Final = 0x4F464C47
VERSION: Final = 1
WAIT_S: Final = 60.0
# Entries are read so many at a time.
BLOCK: Final = 4096
# Rows are put in so many with one statement.
ROWS: Final = 100
# The indexes over hashes are written all over: in memory as a whole, for some million entries, it is fast.
CACHE_KIB: Final = 256 * 1024
# So that a page that several batches touch goes from the journal into the file once (pages of 4 KiB).
JOURNAL_PAGES: Final = 32 * 1024
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
        row = self._one("SELECT value FROM about WHERE name = 'origin'")
        return "" if row is None else str(row[0])

    def __len__(self) -> int:
        row = self._one("SELECT max(number) FROM node WHERE level = 0 AND typeof(number) = 'integer'")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def _one(self, question: str, values: tuple[object, ...] = ()) -> Any:
        with _told(self.path):
            return self._base.execute(question, values).fetchone()

    def _each(self, question: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        with _told(self.path):
            # No `yield from`: given up half-way it would close a cursor whose log may be closed by then.
            for row in self._base.execute(question, values):  # noqa: UP028
                yield row

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Let all that is read in the `with` statement be the log of one moment, whoever writes meanwhile."""
        if self._base.in_transaction:
            yield
            return
        with _told(self.path):
            self._base.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._base.execute("COMMIT")

    def append(self, entries: Iterable[tuple[Entry, bytes | None]]) -> tuple[str, ...]:
        """Append entries with their content, all or none; return their ids (leaf hashes in hex).

        When it returns they are on the disk. Content may be None where it is kept elsewhere. Parents must be
        entries of the log, or earlier ones of the same call.

        Raises
        ------
        InputError
            When content is not what the entry says, or a parent is not in the log.
        """
        prepared = list(entries)
        rows = [entry_bytes(entry) for entry, _ in prepared]
        leaves = merkle.leaf_hashes(rows)
        ids = tuple(leaf.hex() for leaf in leaves)
        contents = _contents_of(prepared)
        with self._writing():
            size = len(self)
            self._check_parents(prepared, ids)
            self._put("INSERT INTO entry", list(enumerate(rows, size)))
            for level, first, hashes in merkle.grow_by(self.node, size, leaves):
                self._put_nodes(level, first, hashes)
            self._put("INSERT OR IGNORE INTO content", contents)
        return ids

    def _put(self, statement: str, rows: Sequence[tuple[object, bytes]]) -> None:
        # Many in one statement, as fewer calls of the database are faster.
        for begin in range(0, len(rows), ROWS):
            some = rows[begin : begin + ROWS]
            values = [value for row in some for value in row]
            self._base.execute(f"{statement} VALUES {', '.join(['(?, ?)'] * len(some))}", values)

    def _put_nodes(self, level: int, first: int, hashes: list[bytes]) -> None:
        # All in one statement: a third of the time of one for each.
        self._base.execute(
            "WITH RECURSIVE place(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM place WHERE i + 1 < ?) "
            "INSERT INTO node SELECT ?, ? + i, substr(?, 32 * i + 1, 32) FROM place",
            (len(hashes), level, first, b"".join(hashes)),
        )

    def _check_parents(self, entries: list[tuple[Entry, bytes | None]], ids: tuple[str, ...]) -> None:
        new: set[str] = set()
        for (entry, _), id_ in zip(entries, ids, strict=True):
            for parent in entry.parents:
                if parent not in new and self.find(parent) is None:
                    raise InputError(
                        f"there is no entry {parent[:16]}…", field=f"parents of {entry.subject}",
                        remedy="Append what it rests on first.",
                    )  # fmt: skip
            new.add(id_)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _told(self.path):
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back by itself.
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a complete subtree."""
        row = self._one("SELECT hash FROM node WHERE level = ? AND number = ?", (level, number))
        if row is None or not isinstance(row[0], bytes):
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
        row = self._one("SELECT min(number) FROM node WHERE level = 0 AND hash = ?", (leaf,))
        return None if row[0] is None else int(row[0])

    def data(self, seq: int) -> bytes:
        """Return the bytes of an entry. InputError if there is none."""
        row = self._one("SELECT CAST(data AS BLOB) FROM entry WHERE seq = ?", (seq,))
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
        yield from self._each(
            "SELECT seq, CAST(data AS BLOB) FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq", (begin, last)
        )

    def blocks(self) -> Iterator[list[tuple[int, bytes]]]:
        """Yield number and bytes of all entries in order, many at a time."""
        with _told(self.path):
            found = self._base.execute("SELECT seq, CAST(data AS BLOB) FROM entry ORDER BY seq")
            while block := found.fetchmany(BLOCK):
                yield block

    def level(self, level: int) -> list[tuple[int, bytes]]:
        """Return number and hash of the complete subtrees of a level."""
        with _told(self.path):
            return self._base.execute(
                "SELECT number, CAST(hash AS BLOB) FROM node WHERE level = ? ORDER BY number", (level,)
            ).fetchall()

    def content(self, hash_: str) -> bytes | None:
        """Return content by its SHA-256 in hex, None where it is not kept here."""
        row = self._one("SELECT CAST(data AS BLOB) FROM content WHERE hash = ?", (bytes.fromhex(hash_),))
        return None if row is None else bytes(row[0])

    def contents(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield SHA-256 and bytes of all content."""
        yield from self._each("SELECT CAST(hash AS BLOB), CAST(data AS BLOB) FROM content ORDER BY rowid")

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
        yield from self._each("SELECT size, note FROM checkpoint ORDER BY size, note")

    def keep_stamp(self, size: int, token: bytes) -> None:
        """Keep a time stamp over the checkpoint of a size."""
        with self._writing():
            self._base.execute("INSERT OR IGNORE INTO stamp VALUES (?, ?)", (size, token))

    def stamps(self) -> Iterator[tuple[int, bytes]]:
        """Yield size and token of the time stamps kept, oldest first."""
        yield from self._each("SELECT size, CAST(token AS BLOB) FROM stamp ORDER BY size, token")

    def prove_inclusion(self, seq: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that an entry is in the log of `size` entries, all when None."""
        return merkle.inclusion_path(self.node, seq, len(self) if size is None else size)

    def prove_consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the log of `old` entries begins that of `new`, all when None."""
        return merkle.consistency_path(self.node, old, len(self) if new is None else new)


def _contents_of(entries: list[tuple[Entry, bytes | None]]) -> list[tuple[bytes, bytes]]:
    """Return hash and bytes of the content given with entries. InputError where an entry names another."""
    found = []
    for entry, content in entries:
        if content is not None:
            hash_ = sha256(content).digest()
            if hash_.hex() != entry.content:
                raise InputError(
                    "the content is not what the entry says", field=f"content of {entry.subject}"
                )
            found.append((hash_, content))
    return found


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
    if not make and path.stat().st_size == 0:
        raise InputError("it is empty", file=str(path), remedy="Take another copy of the ledger.")
    with _told(path):
        # The files beside it are beside what a link leads to.
        base = _connect(path.resolve())
        try:
            # Nothing is changed, not even how it keeps its journal, before it is known to be ours.
            if make:
                _make(base, origin or f"overflight/{path.stem}")
            _check_kind(base, path)
            base.execute("PRAGMA synchronous = FULL")
            base.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            base.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_PAGES}")
            if make:
                _write_ahead(base)
        except BaseException:
            base.close()
            raise
    return Ledger(path, base)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn errors of the database into ours, with the file's name."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"it cannot be read or written as a ledger: {error}", file=str(path),
            remedy="Check the space left; compare it with a copy. `overflight ledger export` writes one.",
        ) from error  # fmt: skip


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists() or os.access(path.parent, os.W_OK):
        return sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    # The log needs files beside it even to be read, unless it is told that nobody writes it.
    rest = path.with_name(path.name + "-wal")
    if rest.exists() and rest.stat().st_size:
        raise InputError(
            "it was not closed, and its folder cannot be written", file=str(path),
            remedy=f"Copy it together with {rest.name} to where it can.",
        )  # fmt: skip
    return sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, isolation_level=None)


def _make(base: sqlite3.Connection, origin: str) -> None:
    if "\n" in origin or not origin.strip():
        raise InputError(f"{origin!r} cannot name a log", field="origin", remedy="Use one line of text.")
    base.execute("BEGIN IMMEDIATE")
    try:
        fresh = base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if fresh and base.execute("PRAGMA application_id").fetchone()[0] == 0:
            for statement in _statements():
                base.execute(statement)
            base.execute("INSERT INTO about VALUES ('origin', ?)", (origin,))
            base.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            base.execute(f"PRAGMA user_version = {VERSION}")
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:
            base.execute("ROLLBACK")
        raise


def _write_ahead(base: sqlite3.Connection) -> None:
    """Set the journal that lets readers go on beside a writer.

    Somebody else who has the file open can stand in the way; until the next opening the log is then written
    with a rollback journal, which is as safe.
    """
    with suppress(sqlite3.OperationalError):
        base.execute("PRAGMA journal_mode = WAL")


def _statements() -> list[str]:
    return [one.strip() for one in TABLES.split(";") if one.strip()]


def _check_kind(base: sqlite3.Connection, path: Path) -> None:
    kind = base.execute("PRAGMA application_id").fetchone()[0]
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if kind != APPLICATION_ID or version != VERSION:
        what = f"a ledger of version {version}" if kind == APPLICATION_ID else "a database of another kind"
        raise InputError(f"it is {what}", file=str(path), remedy=f"This program reads version {VERSION}.")
    # Those that SQLite makes for itself have no text.
    there = base.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    if sorted(" ".join(str(sql).split()) for (sql,) in there) != _SHAPE:
        raise InputError(
            "its tables are not those of a ledger: somebody changed them", file=str(path),
            remedy="Take another copy; do not trust this one.",
        )  # fmt: skip


_SHAPE: Final = sorted(" ".join(one.split()) for one in _statements())

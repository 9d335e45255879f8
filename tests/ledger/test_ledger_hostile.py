"""Logs from anybody: damaged files, changed tables, writers beside a check, media that cannot be written."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sqlite3
import threading
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overflight.cli.app import app
from overflight.errors import InputError, OverflightError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import (
    Checkpoint,
    PublicKey,
    make_key,
    read_checkpoint,
    read_key,
    sign,
    signed_by,
)
from overflight.ledger.entry import Entry, content_hash
from overflight.ledger.exportfile import check_export, read_export, write_export
from overflight.ledger.log import Ledger, open_ledger
from overflight.ledger.proof import check_proof
from overflight.ledger.verify import verify_ledger

WHEN = "2023-02-04T19:39:00Z"


def card(subject: str, content: bytes = b"") -> tuple[Entry, bytes | None]:
    hash_ = content_hash(content) if content else ""
    return Entry(kind="note", subject=subject, recorded=WHEN, content=hash_), content or None


def filled(path: Path, count: int) -> Ledger:
    log = open_ledger(path, make=True, origin="made")
    log.append([card(f"entry {i}", b"content %d" % i) for i in range(count)])
    return log


def changed(path: Path, *statements: str) -> None:
    base = sqlite3.connect(path)
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.close()


# --- files that are not ours ---------------------------------------------------------------------------


def test_looking_at_a_database_of_somebody_else_changes_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    changed(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()
    for make in (False, True):
        with pytest.raises(InputError, match="another kind"):
            open_ledger(path, make=make)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["theirs.db"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM content; END",
        "CREATE VIEW more AS SELECT * FROM entry",
        "CREATE TABLE more (x)",
        "DROP TABLE about",
        "DROP INDEX leaf",
        "ALTER TABLE checkpoint ADD COLUMN more",
    ],
)
def test_tables_that_somebody_changed_are_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 3).close()
    changed(path, statement)
    for make in (False, True):
        with pytest.raises(InputError, match="somebody changed them"):
            open_ledger(path, make=make)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE node SET number = 'abc' WHERE level = 0 AND number = 2",
        "UPDATE node SET number = 'abc' WHERE level = 1 AND number = 0",
        "UPDATE node SET hash = 'text' WHERE level = 0 AND number = 1",
        "UPDATE node SET level = 0.5 WHERE level = 1 AND number = 1",
        "UPDATE entry SET data = 7 WHERE seq = 1",
        "UPDATE content SET hash = 'x' WHERE rowid = 1",
        "INSERT INTO checkpoint VALUES ('x', x'00ff')",
        "DELETE FROM about",
        "DELETE FROM node WHERE level = 0",
    ],
)
def test_values_that_we_never_write_are_damage_and_no_crash(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 7).close()
    changed(path, statement)
    with open_ledger(path) as log:
        note = Checkpoint(origin="made", size=7, root=bytes(32)).body()
        assert not verify_ledger(log, checkpoints=[note]).ok


def is_good(path: Path) -> bool:
    try:
        with open_ledger(path) as log:
            return verify_ledger(log).ok
    except InputError:
        return False


def test_a_file_that_is_cut_or_empty_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 200).close()
    whole = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(InputError, match="it is empty"):
        open_ledger(path)
    for length in (1, 50, 100, 4096, 5000, len(whole) // 2, len(whole) - 4096):
        path.write_bytes(whole[:length])
        assert not is_good(path), length


def test_a_number_beyond_all_entries_is_damage_and_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 3).close()
    changed(path, f"INSERT INTO node VALUES (0, {2**62}, zeroblob(32))")
    with open_ledger(path) as log:
        assert "tree" in [p.kind for p in verify_ledger(log).problems]
        with pytest.raises(OverflightError):
            log.checkpoint()


def test_a_link_to_a_log_on_a_medium_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    filled(there / "ledger.db", 5).close()
    (here / "link.db").symlink_to(there / "ledger.db")
    monkeypatch.setattr(os, "access", lambda folder, _mode: Path(folder) != there)
    with open_ledger(here / "link.db") as log:
        assert verify_ledger(log).ok
    assert [p.name for p in there.iterdir()] == ["ledger.db"]
    (here / "nowhere.db").symlink_to(there / "none.db")
    with pytest.raises(InputError, match="no ledger"):
        open_ledger(here / "nowhere.db")


@pytest.mark.parametrize("command", ["verify", "show"])
def test_a_pipe_and_a_folder_are_no_log(tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        done = CliRunner().invoke(app, ["ledger", command, str(path)])
        assert done.exit_code == 1, done.output
        assert "no file" in done.output or "no ledger" in done.output


def test_showing_says_which_entry_cannot_be_read_and_which_kinds_there_are(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 3).close()
    changed(path, "UPDATE entry SET data = x'7b7d' WHERE seq = 1")
    done = CliRunner().invoke(app, ["ledger", "show", str(path)])
    assert done.exit_code == 1
    assert "entry 1 cannot be read" in done.output
    done = CliRunner().invoke(app, ["ledger", "show", str(path), "--kind", "rumour"])
    assert done.exit_code == 1
    assert "sighting" in done.output


def test_a_file_with_damaged_pages_is_damaged_or_as_it_was(tmp_path: Path) -> None:
    path, rng = tmp_path / "ledger.db", random.Random(4)
    filled(path, 300).close()
    whole, refused, found = path.read_bytes(), 0, 0
    with open_ledger(path) as log:
        told = verify_ledger(log)
        entries = list(log.rows())
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.sample(range(len(data)), 3):
            data[at] ^= 1 << rng.randrange(8)
        bad = tmp_path / "bad.db"
        bad.write_bytes(data)
        try:
            with open_ledger(bad) as log:
                seen = verify_ledger(log)
                if seen.ok:
                    # Struck where nothing of the log lies: free space, indexes, the header.
                    assert (seen.root, list(log.rows())) == (told.root, entries)
                else:
                    found += 1
        except OverflightError:
            refused += 1
        for rest in tmp_path.glob("bad.db-*"):
            rest.unlink()
    assert found > 50
    assert refused + found > 75


def test_an_entry_put_in_where_the_next_would_go_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 3).close()
    changed(path, "INSERT INTO entry VALUES (3, x'7b7d')")
    with open_ledger(path) as log:
        with pytest.raises(InputError, match="ledger"):
            log.append([card("next")])
        # The connection is not left inside a transaction.
        assert not log._base.in_transaction
        assert len(log) == 3


def test_an_append_that_fails_at_its_commit_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    log = filled(path, 3)
    log._base.set_authorizer(
        lambda action, what, *_: (
            sqlite3.SQLITE_DENY if (action, what) == (sqlite3.SQLITE_TRANSACTION, "COMMIT") else 0
        )
    )
    with pytest.raises(InputError):
        log.append([card("lost")])
    log._base.set_authorizer(None)
    assert not log._base.in_transaction
    log.append([card("kept")])
    assert log.entry(3).subject == "kept"
    assert verify_ledger(log).ok
    log.close()


# --- writers beside readers ----------------------------------------------------------------------------


def test_a_check_and_an_export_beside_a_writer_raise_no_alarm(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 50).close()
    public, private = read_key(_key(tmp_path))
    stop = threading.Event()

    def write() -> None:
        with open_ledger(path) as log:
            while not stop.is_set():
                log.append([card(f"more {len(log)}")])
                there = log.checkpoint()
                log.keep_checkpoint(there.size, sign(there, public, private))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with open_ledger(path) as log:
            for number in range(15):
                found = verify_ledger(log, keys=[public])
                assert found.problems == ()
                write_export(log, tmp_path / f"{number}.ledger")
                problems, _ = check_export(read_export(tmp_path / f"{number}.ledger"), keys=[public])
                assert problems == []
    finally:
        stop.set()
        writer.join()


def _key(folder: Path) -> Path:
    make_key(folder / "key", "watch")
    return folder / "key"


def _make(path: str, gate: Barrier, failed: SimpleQueue[str]) -> None:
    gate.wait()
    try:
        with open_ledger(path, make=True, origin="made") as log:
            log.append([card(f"by {os.getpid()}")])
    except BaseException as error:
        failed.put(repr(error))


def test_writers_that_make_a_log_at_once_all_get_it(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    for number in range(10):
        path, gate, failed = tmp_path / f"{number}.db", spawn.Barrier(4), spawn.SimpleQueue()
        makers = [spawn.Process(target=_make, args=(str(path), gate, failed)) for _ in range(4)]
        for one in makers:
            one.start()
        for one in makers:
            one.join()
        assert failed.empty()
        with open_ledger(path) as log:
            assert len(log) == 4
            assert verify_ledger(log).ok


# --- media that cannot be written ----------------------------------------------------------------------


def test_a_log_on_a_medium_that_cannot_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    filled(path, 5).close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with open_ledger(path) as log:
        assert verify_ledger(log).ok
        assert [p.name for p in tmp_path.iterdir()] == ["ledger.db"]
        with pytest.raises(InputError, match="readonly"):
            log.append([card("more")])


def test_a_log_that_was_not_closed_is_not_read_without_its_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled(tmp_path / "open.db", 5)
    for name in ("open.db", "open.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / name.replace("open", "copy"))
    log.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="not closed"):
        open_ledger(tmp_path / "copy.db")


# --- checkpoints ---------------------------------------------------------------------------------------


def test_entries_that_no_checkpoint_reaches_are_said_to_be_unproven(tmp_path: Path) -> None:
    with filled(tmp_path / "ledger.db", 9) as log:
        public, private = read_key(_key(tmp_path))
        early, last = (sign(log.checkpoint(size), public, private) for size in (4, 9))
        assert any("reach 4 entries" in text for text in verify_ledger(log, checkpoints=[early]).limits)
        found = verify_ledger(log, checkpoints=[early, last], keys=[public])
        assert (found.ok, found.limits) == (True, ())


def test_many_checkpoints_are_held_against_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(tmp_path / "ledger.db", 40) as log:
        public, private = read_key(_key(tmp_path))
        notes = [sign(log.checkpoint(size), public, private) for size in range(41)]
        bad = sign(Checkpoint(origin="made", size=17, root=bytes(32)), public, private)
        readings = []
        rows = log.rows
        monkeypatch.setattr(log, "rows", lambda *ends: readings.append(ends) or rows(*ends))
        found = verify_ledger(log, checkpoints=[*notes, bad], keys=[public])
        assert [p.kind for p in found.problems] == ["fork"]
        assert "before 17" in found.problems[0].text
        # The tree that was checked answers for all of them; where it is damaged, one reading of the entries.
        assert len(readings) == 0
        log._base.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 2 AND number = 3")
        found = verify_ledger(log, checkpoints=[*notes, bad], keys=[public])
        assert sorted(p.kind for p in found.problems) == ["fork", "tree"]
        assert len(readings) == 1
        write_export(log, tmp_path / "x.ledger")
        problems, _ = check_export(read_export(tmp_path / "x.ledger"), checkpoints=[*notes, bad])
        assert problems == ["a checkpoint saw other entries before 17: the log was written anew"]


def whole(leaves: list[bytes]) -> bytes:
    """The root by the definition of RFC 9162, 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(whole(leaves[:half]), whole(leaves[half:]))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 7, 8, 13])
@pytest.mark.parametrize("more", [0, 1, 2, 5, 8, 19])
def test_many_leaves_at_once_make_the_tree_of_one_after_the_other(size: int, more: int) -> None:
    leaves = merkle.leaf_hashes(b"%d" % i for i in range(size + more))
    single: dict[tuple[int, int], bytes] = {}
    before: dict[tuple[int, int], bytes] = {}
    peaks: list[bytes] = []
    for at, leaf in enumerate(leaves):
        single |= {(level, number): value for level, number, value in merkle.grow(peaks, at, leaf)}
        if at == size - 1:
            before = dict(single)

    def lookup(level: int, number: int) -> bytes:
        return before[level, number]

    many = dict(before)
    for level, first, hashes in merkle.grow_by(lookup, size, leaves[size:]):
        grown = {(level, first + i): value for i, value in enumerate(hashes)}
        assert not grown.keys() & many.keys()
        many |= grown
    assert many == single


def test_roots_of_the_first_entries_are_those_of_each_tree() -> None:
    entries = [b"%d" % i for i in range(20)]
    found = merkle.roots_of_entries(entries, {0, 1, 7, 8, 20, 99})
    assert found == {n: whole([merkle.leaf_hash(one) for one in entries[:n]]) for n in (0, 1, 7, 8, 20)}


def test_signatures_that_are_no_ascii_and_half_characters_are_no_crash() -> None:
    key = PublicKey(name="watch", key=bytes(32))
    body = Checkpoint(origin="made", size=1, root=bytes(32)).body()
    assert not signed_by(f"{body}\n— watch Ω=\n", key)
    with pytest.raises(InputError):
        read_checkpoint(body.replace("made", "\ud800") + "\n")
    proof = '{"overflight_proof":1,"entry":"{}","seq":0,"path":[],"checkpoint":"\\ud800\\n1\\nAA==\\n\\n"}'
    with pytest.raises(InputError):
        check_proof(proof, [key])

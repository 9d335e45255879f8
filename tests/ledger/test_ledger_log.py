"""The log on disk: appending, proofs, checks after tampering, killed and rival writers."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.errors import InputError, LimitError
from overflight.ledger.checkpoint import make_key, read_checkpoint, read_key, read_public_key, sign, signed_by
from overflight.ledger.entry import Entry, content_bytes, content_hash, entry_bytes, read_entry, references
from overflight.ledger.exportfile import export_lines, read_export, write_export
from overflight.ledger.log import Ledger, open_ledger
from overflight.ledger.proof import check_proof, make_proof
from overflight.ledger.verify import first_bad, lines, verify_ledger

WHEN = "2023-02-04T19:39:00Z"


def card(subject: str, **more: object) -> Entry:
    values: dict[str, object] = {"kind": "note", "subject": subject, "recorded": WHEN} | more
    return Entry(**values)  # type: ignore[arg-type]  # the tests give bad ones too


def filled(path: Path, count: int) -> Ledger:
    log = open_ledger(path, make=True, origin="made")
    log.append([(card(f"entry {i}", text="x" * (i % 40)), None) for i in range(count)])
    return log


# --- entries -------------------------------------------------------------------------------------------


def test_an_entry_comes_back_as_it_went_in() -> None:
    entry = card('Москва 𝒳 \u2028 " \\', about_start=WHEN, parents=("ab" * 32,), text="a\nb")
    assert read_entry(entry_bytes(entry)) == entry


@given(st.text(min_size=1, max_size=40), st.text(max_size=80))
def test_the_bytes_are_those_of_rfc_8785(subject: str, text: str) -> None:
    from dataclasses import asdict

    import rfc8785

    entry = card(subject, text=text)
    assert entry_bytes(entry) == rfc8785.dumps({**asdict(entry), "parents": []})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "rumour"}, "kind"),
        ({"subject": ""}, "subject"),
        ({"subject": 3}, "subject"),
        ({"content": "ABC"}, "content"),
        ({"recorded": ""}, "recorded"),
        ({"parents": ("ab" * 32, "ab" * 32)}, "parents"),
        ({"parents": ("nothing",)}, "parents"),
        ({"kind": "correction"}, "parents"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(change: dict[str, object], field: str) -> None:
    with pytest.raises(InputError, match=field):
        card("subject", **change) if "subject" not in change else Entry(
            **({"kind": "note", "recorded": WHEN} | change)  # type: ignore[arg-type]  # on purpose
        )


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(InputError, match="zone"):
        card("x", recorded="2023-02-04T19:39:00")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InputError, match="valid Unicode"):
        entry_bytes(card("x", text="\ud800"))


def test_too_long_an_entry_is_refused() -> None:
    with pytest.raises(LimitError, match="Keep the text as content"):
        entry_bytes(card("x", text="y" * 70_000))


@pytest.mark.parametrize("harm", [b" ", b"", b"[]", b'{"kind":"note"}', b"\xff", b"[" * 5000])
def test_bytes_that_are_no_entry_are_refused(harm: bytes) -> None:
    data = entry_bytes(card("x"))
    with pytest.raises(InputError):
        read_entry(data + harm if harm == b" " else harm)


def test_content_without_a_canonical_form_is_refused() -> None:
    assert content_bytes({"b": 1.0, "a": [True, None]}) == b'{"a":[true,null],"b":1}'
    with pytest.raises(InputError, match="canonical"):
        content_bytes({"x": float("nan")})


@pytest.mark.parametrize(
    "harm",
    [
        (b"2023-02-04", b"2023-02-34"), (b"entry x", b""), (b'"parents":[]', b'"parents":["00"]'),
        (b'"note"', b'"correction"'), (b'"note"', b'"rumour"'), (b"entry x", b"\xff"),
        (b'"text":""', b'"text":"\\/"'),
        (b'{"about_end"', b'{ "about_end"'), (b'"content":""', b'"content":"AB"'),
        (b'"parents":[]', b'"parents":["%s","%s"]' % (b"ab" * 32, b"ab" * 32)), (b"entry x", b"x\x01"),
    ],
)  # fmt: skip
def test_what_an_entry_names_is_read_from_entries_alone(harm: tuple[bytes, bytes]) -> None:
    for entry in (
        card("entry x", content="cd" * 32, parents=("ab" * 32, "ef" * 32)),
        card("entry x"),
        card('Ω " \\', about_end=WHEN, content="cd" * 32),
    ):
        assert references(entry_bytes(entry)) == (
            bytes.fromhex(entry.content),
            tuple(map(bytes.fromhex, entry.parents)),
        )
    data = entry_bytes(card("entry x"))
    bad = data.replace(*harm)
    assert bad != data
    for read in (read_entry, references):
        with pytest.raises(InputError):
            read(bad)


# --- appending -----------------------------------------------------------------------------------------


def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    content = content_bytes({"lat": 46.1})
    with open_ledger(tmp_path / "a.db", make=True) as log:
        first = log.append([(card("P001", kind="sighting", content=content_hash(content)), content)])
        second = log.append([(card("P001", kind="correction", parents=first), None), (card("z"), None)])
        root = log.checkpoint().root
    with open_ledger(tmp_path / "a.db", make=True, origin="another name") as log:
        assert len(log) == 3
        assert log.origin == "overflight/a"
        assert log.checkpoint().root == root
        assert log.entry(1).parents == first
        assert log.content(log.entry(0).content) == content
        assert log.find(second[1]) == 2
        assert log.find("00" * 32) is None
        assert verify_ledger(log).ok


def test_all_of_a_call_is_appended_or_nothing(tmp_path: Path) -> None:
    with filled(tmp_path / "a.db", 5) as log:
        before = log.checkpoint()
        with pytest.raises(InputError, match="no entry"):
            log.append([(card("good"), None), (card("bad", parents=("cd" * 32,)), None)])
        with pytest.raises(InputError, match="not what the entry says"):
            log.append([(card("bad", content="ab" * 32), b"other")])
        assert log.checkpoint() == before
        assert verify_ledger(log).ok


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ledger"):
        open_ledger(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is no database, however long it may be" * 30)
    with pytest.raises(InputError, match="cannot be read"):
        open_ledger(tmp_path / "text.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(InputError, match="another kind"):
        open_ledger(tmp_path / "other.db", make=True)


WRITER = """
import sys
from overflight.ledger.entry import Entry
from overflight.ledger.log import open_ledger
log = open_ledger(sys.argv[1], make=True, origin="made")
for i in range(int(sys.argv[3])):
    log.append([(Entry(kind="note", subject=f"{sys.argv[2]} {i}", recorded="2023-02-04T19:39:00Z"), None)])
    print(i, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path, told = tmp_path / "a.db", []
    for run in range(4):
        process = writer(path, f"run {run}", 100_000)
        assert process.stdout is not None
        for _ in range(5 + 7 * run):
            told.append(f"run {run} {process.stdout.readline().strip()}")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with open_ledger(path) as log:
        subjects = [read_entry(data).subject for _, data in log.rows()]
        assert set(told) <= set(subjects)
        assert verify_ledger(log).ok


def test_two_writers_do_not_harm_one_another(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    both = [writer(path, name, 60) for name in ("one", "two")]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    with open_ledger(path) as log:
        assert len(log) == 120
        assert verify_ledger(log).ok


# --- tampering -----------------------------------------------------------------------------------------


def flip(base: sqlite3.Connection, rng: random.Random, size: int) -> int:
    seq = rng.randrange(size)
    data = bytearray(base.execute("SELECT data FROM entry WHERE seq = ?", (seq,)).fetchone()[0])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    base.execute("UPDATE entry SET data = ? WHERE seq = ?", (bytes(data), seq))
    return seq


def drop(base: sqlite3.Connection, rng: random.Random, size: int) -> int:
    seq = rng.randrange(size)
    base.execute("DELETE FROM entry WHERE seq = ?", (seq,))
    if rng.random() < 0.5:
        for later in range(seq + 1, size):
            base.execute("UPDATE entry SET seq = ? WHERE seq = ?", (later - 1, later))
    return seq


def swap(base: sqlite3.Connection, rng: random.Random, size: int) -> int:
    a, b = sorted(rng.sample(range(size), 2))
    base.execute("UPDATE entry SET seq = -1 WHERE seq = ?", (a,))
    base.execute("UPDATE entry SET seq = ? WHERE seq = ?", (a, b))
    base.execute("UPDATE entry SET seq = ? WHERE seq = -1", (b,))
    return a


def insert(base: sqlite3.Connection, rng: random.Random, size: int) -> int:
    seq = rng.randrange(size + 1)
    for later in range(size - 1, seq - 1, -1):
        base.execute("UPDATE entry SET seq = ? WHERE seq = ?", (later + 1, later))
    base.execute("INSERT INTO entry VALUES (?, ?)", (seq, entry_bytes(card("forged"))))
    return seq


@pytest.mark.parametrize("harm", [flip, drop, swap, insert])
def test_tampering_is_found_and_the_first_bad_entry_named(tmp_path: Path, harm: object) -> None:
    rng = random.Random(7)
    for size in (1, 2, 7, 33):
        filled(tmp_path / "whole.db", size).close()
        for _ in range(25):
            if harm is swap and size < 2:
                continue
            path = Path(shutil.copy(tmp_path / "whole.db", tmp_path / "bad.db"))
            base = sqlite3.connect(path)
            seq = harm(base, rng, size)  # type: ignore[operator]  # one of four functions
            base.commit()
            base.close()
            with open_ledger(path) as log:
                found = verify_ledger(log)
            assert not found.ok
            assert first_bad(found) == seq, (harm, size, found.problems)
            assert f"the first entry concerned is {seq}" in lines(found)
        (tmp_path / "whole.db").unlink()


@pytest.mark.parametrize("table", ["node", "content"])
def test_changed_hashes_and_content_are_found(tmp_path: Path, table: str) -> None:
    path = tmp_path / "a.db"
    with open_ledger(path, make=True) as log:
        data = content_bytes({"a": 1})
        log.append([(card(f"{i}", content=content_hash(data)), data) for i in range(9)])
    base = sqlite3.connect(path)
    key, value = ("level, number", "hash") if table == "node" else ("hash", "data")
    rows = base.execute(f"SELECT {key} FROM {table}").fetchall()
    for row in rows:
        where = " AND ".join(f"{name} = ?" for name in key.split(", "))
        [old] = base.execute(f"SELECT {value} FROM {table} WHERE {where}", row).fetchone()
        base.execute(f"UPDATE {table} SET {value} = ? WHERE {where}", (old[:-1] + b"?", *row))
        base.commit()
        with open_ledger(path) as log:
            assert not verify_ledger(log).ok, row
        base.execute(f"UPDATE {table} SET {value} = ? WHERE {where}", (old, *row))
        base.commit()
    base.close()
    with open_ledger(path) as log:
        assert verify_ledger(log).ok


def rewritten(path: Path, subjects: list[str]) -> Ledger:
    log = open_ledger(path, make=True, origin="made")
    log.append([(card(subject), None) for subject in subjects])
    return log


def test_a_log_cut_short_or_forked_is_found_against_a_checkpoint(tmp_path: Path) -> None:
    public, private = make_key(tmp_path / "key", "watch"), read_key(tmp_path / "key")[1]
    names = [f"entry {i}" for i in range(20)]
    with rewritten(tmp_path / "a.db", names) as log:
        note = sign(log.checkpoint(), public, private)
    for size, kind in ((12, "cut short"), (19, "cut short"), (20, None)):
        with rewritten(tmp_path / f"{size}.db", names[:size]) as log:
            alone = verify_ledger(log)
            assert alone.ok
            assert "cannot be known" in " ".join(alone.limits)
            found = verify_ledger(log, checkpoints=[note], keys=[public])
            assert [p.kind for p in found.problems] == ([kind] if kind else [])
            assert not any("cannot be known" in limit for limit in found.limits)
    for at in (0, 11, 19):
        with rewritten(tmp_path / f"fork{at}.db", [*names[:at], "another", *names[at + 1 :], "more"]) as log:
            assert verify_ledger(log).ok
            assert [p.kind for p in verify_ledger(log, checkpoints=[note]).problems] == ["fork"]


# --- checkpoints, proofs, export -----------------------------------------------------------------------


def test_a_checkpoint_is_signed_and_read(tmp_path: Path) -> None:
    public = make_key(tmp_path / "key", "watch")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    again, private = read_key(tmp_path / "key")
    assert again == public == read_public_key(public.text)
    with filled(tmp_path / "a.db", 9) as log:
        note = sign(log.checkpoint(), public, private)
        assert read_checkpoint(note) == log.checkpoint()
    assert signed_by(note, public)
    other = make_key(tmp_path / "other", "watch")
    assert not signed_by(note, other)
    assert not signed_by(note.replace("\n9\n", "\n8\n"), public)
    with pytest.raises(InputError, match="there already"):
        make_key(tmp_path / "key", "watch")


@pytest.mark.parametrize(
    "harm", ["", "a\nb\nc\n", "a\n-1\n" + "A" * 43 + "=\n", "a\n01\n" + "A" * 43 + "=\n", "x" * 20_000]
)
def test_what_is_no_checkpoint_is_refused(harm: str) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        read_checkpoint(harm)


@pytest.mark.parametrize("harm", ["", "a+b", "a+00000000+AAAA", "a b+1+2"])
def test_what_is_no_public_key_is_refused(harm: str) -> None:
    with pytest.raises(InputError, match="no public key"):
        read_public_key(harm)


def test_a_proof_stands_by_itself(tmp_path: Path) -> None:
    import json

    public, private = make_key(tmp_path / "key", "watch"), read_key(tmp_path / "key")[1]
    with filled(tmp_path / "a.db", 21) as log:
        note = sign(log.checkpoint(13), public, private)
        proof = make_proof(log, 12, note)
        with pytest.raises(InputError, match="after the checkpoint"):
            make_proof(log, 13, note)
    shown = check_proof(json.dumps(proof), [public])
    assert (shown.entry.subject, shown.seq, shown.signer) == ("entry 12", 12, "watch")
    assert check_proof(json.dumps(proof)).signer == ""
    for change in (
        {"seq": 11}, {"entry": proof["entry"].replace("entry 12", "entry 13")}, {"path": proof["path"][:-1]},
        {"checkpoint": note.replace("\n13\n", "\n14\n")}, {"overflight_proof": 2}, {"path": "xyz"},
        {"seq": True},
    ):  # fmt: skip
        with pytest.raises(InputError):
            check_proof(json.dumps(proof | change), [public])
    with pytest.raises(InputError, match="no signature"):
        check_proof(json.dumps(proof), [make_key(tmp_path / "stranger", "watch")])


def test_the_exported_file_is_the_log_and_every_byte_counts(tmp_path: Path) -> None:
    public, private = make_key(tmp_path / "key", "watch"), read_key(tmp_path / "key")[1]
    content = content_bytes({"a": "b"})
    with filled(tmp_path / "a.db", 3) as log:
        log.append(
            [
                (card("c", content=content_hash(content)), content),
                (card("d", content=content_hash(content)), content),
            ]
        )
        log.keep_checkpoint(5, sign(log.checkpoint(), public, private))
        write_export(log, tmp_path / "a.ledger")
        assert (tmp_path / "a.ledger").read_bytes() == b"".join(export_lines(log))
        read = read_export(tmp_path / "a.ledger")
        assert list(read.entries) == [data for _, data in log.rows()]
        assert read.root == log.checkpoint().root
        assert read.content == {content_hash(content): content}
        assert [signed_by(note, public) for note in read.notes] == [True]
    whole = (tmp_path / "a.ledger").read_bytes()
    bad = tmp_path / "bad.ledger"
    for at in range(len(whole)):
        for data in (whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[:at] + whole[at + 1 :]):
            bad.write_bytes(data)
            with pytest.raises(InputError):
                read_export(bad)
    for data in (whole + b"\n", whole + b"x", b"", whole[:-1]):
        bad.write_bytes(data)
        with pytest.raises(InputError):
            read_export(bad)

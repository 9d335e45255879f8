"""`overflight ledger` from end to end: what an assessment writes, checked, signed, proved and exported."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import overflight
from overflight.cli.app import app
from overflight.exports.ledger import record_result

K9YO = Path(overflight.__file__).parent / "examples" / "k9yo-15"
T0 = 1675539540.0


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ledger") / "answer"
    done = run("assess", K9YO, "--out", out, "--members", 32, "--winds", "prior-only")
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def log(answer: Path, tmp_path: Path) -> Path:
    source, copy = sqlite3.connect(answer / "ledger.db"), sqlite3.connect(tmp_path / "ledger.db")
    source.backup(copy)
    source.close()
    copy.close()
    return tmp_path / "ledger.db"


def test_the_log_holds_what_went_in_and_what_came_out(answer: Path) -> None:
    result = json.loads((answer / "result.json").read_text())
    entries = json.loads(run("ledger", "show", answer / "ledger.db", "--limit", 9999, "--json").output)[
        "entries"
    ]
    by_subject = {row["subject"]: row for row in entries}
    assert len(by_subject) == len(entries)
    ids = {row["subject"]: row["id"] for row in entries}
    for name, digest in result["inputs"]["files"].items():
        assert by_subject[f"file {name}"]["content"] == digest
    assert {f"sighting {s['id']}" for s in result["sightings"]} <= set(ids)
    for finding in result["findings"]:
        row = by_subject[f"finding {finding['id']}"]
        evidence = {ids[f"sighting {e}"] for e in finding["evidence"] if f"sighting {e}" in ids}
        assert evidence | {ids["run"]} <= set(row["parents"])
    one = run("ledger", "show", answer / "ledger.db", "--seq", by_subject["sighting K001"]["seq"], "--json")
    (row,) = json.loads(one.output)["entries"]
    assert json.loads(row["content_bytes"]) == next(s for s in result["sightings"] if s["id"] == "K001")


def test_a_second_run_adds_only_what_changed(answer: Path, log: Path) -> None:
    result = json.loads((answer / "result.json").read_text())
    assert record_result(result, log, recorded_s=T0) == 0
    result["sightings"][0]["text"] = "it was two balloons"
    assert record_result(result, log, recorded_s=T0) == 1
    entries = json.loads(run("ledger", "show", log, "--limit", 9999, "--json").output)["entries"]
    before = next(row for row in entries if row["subject"] == entries[-1]["subject"])
    assert (entries[-1]["kind"], before["kind"]) == ("correction", "sighting")
    assert before["id"] in entries[-1]["parents"]
    assert entries[-1]["recorded"] == "2023-02-04T19:39:00Z"
    assert run("ledger", "verify", log).exit_code == 0


def test_a_log_is_signed_proved_exported_and_checked(log: Path, tmp_path: Path) -> None:
    public = run("ledger", "key", tmp_path / "watch.key", "--name", "watch").output.strip()
    note, proof, file = tmp_path / "note.txt", tmp_path / "proof.json", tmp_path / "all.ledger"
    for words in (
        ("checkpoint", log, "--key-file", tmp_path / "watch.key", "--out", note),
        ("prove", log, 3, "--checkpoint", note, "--out", proof),
        ("export", log, "--out", file),
    ):
        done = run("ledger", *words)
        assert done.exit_code == 0, done.output
    for path in (log, file):
        done = run("ledger", "verify", path, "--checkpoint", note, "--key", public)
        assert done.exit_code == 0, done.output
        assert "Nothing is wrong" in done.output
        assert "cannot be known" not in done.output
        assert "cannot be known" in run("ledger", "verify", path).output
    shown = run("ledger", "verify", proof, "--key", public, "--json")
    assert "signed by watch" in " ".join(json.loads(shown.output)["lines"])


def test_damage_has_an_exit_code_of_its_own(log: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    run("ledger", "key", tmp_path / "watch.key")
    run("ledger", "checkpoint", log, "--key-file", tmp_path / "watch.key", "--out", note)
    run("ledger", "export", log, "--out", tmp_path / "all.ledger")
    base = sqlite3.connect(log)
    base.execute("UPDATE entry SET data = replace(data, 'K9YO', 'K8YO') WHERE seq = 5")
    base.execute("DELETE FROM entry WHERE seq = 7")
    base.commit()
    base.close()
    done = run("ledger", "verify", log, "--json")
    answer = json.loads(done.output)
    assert done.exit_code == 4
    assert not answer["ok"]
    assert 7 in [problem["seq"] for problem in answer["problems"]]
    # Another log, that knows nothing of the checkpoint.
    other = tmp_path / "other" / "ledger.db"
    other.parent.mkdir()
    result = {"inputs": {"files": {}}, "sightings": [], "findings": [], "schema_version": "1.0"}
    record_result({**result, "sections": {"case": {"folder_name": "k9yo-15"}}}, other, recorded_s=T0)
    done = run("ledger", "verify", other, "--checkpoint", note)
    assert done.exit_code == 4
    assert "cut short" in done.output
    bad = tmp_path / "bad.ledger"
    bad.write_bytes((tmp_path / "all.ledger").read_bytes().replace(b"K001", b"K101", 1))
    done = run("ledger", "verify", bad)
    assert done.exit_code == 1
    assert "line" in done.output


@pytest.mark.parametrize(
    "words", [("verify", "nothing.db"), ("show", "nothing.db"), ("export", "nothing.db", "--out", "x")]
)
def test_what_is_not_there_is_said(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("ledger", *words)
    assert done.exit_code == 1
    assert "nothing.db" in done.output
    assert not list(tmp_path.iterdir())

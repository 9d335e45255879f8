"""A person decides: by keys through a pipe, and again from where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overflight.claims.review import read_review
from overflight.claims.table import read_claims
from overflight.cli.claims import app
from overflight.errors import InputError

ARTICLE = (
    "The airship was seen over the lake by two fishermen. The navy said it may have carried a camera. "
    "It drifted out to sea before dawn. Nobody has claimed the airship so far."
)


def run(*words: object, keys: str = "") -> str:
    result = CliRunner().invoke(app, [str(w) for w in words], input=keys)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text(ARTICLE, "utf-8")
    out = tmp_path / "candidates.csv"
    assert "4 candidates from 4 sentences" in run("extract", tmp_path / "a.txt", "--out", out)
    return out


def test_accept_edit_reject_and_skip(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    keys = "a\ne\nverb=could_collect\nhedge=\n\nr\ns\n"
    assert "2 claims; 1 of 4 candidates are open" in run(
        "review", candidates, "--out", out, "--by", "R", keys=keys
    )
    first, second = read_claims(out)
    assert first == read_claims(candidates)[0]
    assert (second.verbs, second.hedge, second.claimant) == (("could_collect",), "", "The navy")
    decided = read_review(candidates).decided
    assert {d.by for d in decided.values()} == {"R"}
    assert [d.choice for d in decided.values()] == ["accept", "edit", "reject", "skip"]


def test_a_review_goes_on_where_it_stopped(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    run("review", candidates, "--out", out, keys="a\nq\n")
    assert "1/3" in run("review", candidates, "--out", out, keys="r\na\n")
    assert [c.id for c in read_claims(out)] == ["D-001", "D-003"]


def test_back_decides_again_and_bad_edits_decide_nothing(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    shown = run("review", candidates, "--out", out, keys="r\nb\na\ne\nverb=flew\n\n?\nq\n")
    assert [c.id for c in read_claims(out)] == ["D-001"]
    assert "'flew' is not one of" in shown
    assert len(read_review(candidates).open) == 3


def test_a_table_that_somebody_changed_is_not_overwritten(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    run("review", candidates, "--out", out, keys="a\n")
    out.write_bytes(out.read_bytes() + b"\n")
    kept = out.read_bytes()
    with pytest.raises(InputError, match="not what this review wrote"):
        run("review", candidates, "--out", out, keys="a\n")
    assert out.read_bytes() == kept


def test_decisions_do_not_meet_other_candidates(candidates: Path, tmp_path: Path) -> None:
    run("review", candidates, "--out", tmp_path / "claims.csv", keys="a\n")
    candidates.write_bytes(candidates.read_bytes().replace(b"lake", b"pond"))
    with pytest.raises(InputError, match="other candidates"):
        read_review(candidates)


def test_a_line_cut_short_is_passed_over_and_a_forged_one_is_not(candidates: Path, tmp_path: Path) -> None:
    run("review", candidates, "--out", tmp_path / "claims.csv", keys="a\nr\n")
    state = read_review(candidates)
    whole = state.journal.read_bytes()
    state.journal.write_bytes(whole + b'{"id":"D-003","cho')
    assert len(read_review(candidates).decided) == 2
    run("review", candidates, "--out", tmp_path / "claims.csv", keys="a\n")
    assert read_review(candidates).decided["D-003"].choice == "accept"
    for forged in (
        b'{"id":"D-001","choice":"believe"}\n',
        b"[1]\n",
        b"{\n",
        b'{"id":"X","choice":"accept"}\n',
    ):
        state.journal.write_bytes(whole + forged)
        with pytest.raises(InputError, match="line 4"):
            read_review(candidates)


def test_extract_prints_json_and_passages(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{ARTICLE} {ARTICLE}", "utf-8")
    result = CliRunner().invoke(app, ["extract", str(tmp_path / "a.txt"), "--json"])
    found = json.loads(result.stdout)
    assert (found["sentences"], found["repeated"], len(found["claims"])) == (8, 4, 4)
    assert found["passages"][0]["first"] == 5


def test_nothing_is_overwritten_by_extract(candidates: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there already"):
        run("extract", tmp_path / "a.txt", "--out", candidates)

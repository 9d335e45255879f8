from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from overflight.cli.claims import app
from overflight.errors import InputError, OverflightError

TABLE = (
    "id,date,claimant,attribution,claim,topic,relation,related_ids,colour\r\n"
    'A,2023-02-03,"Doe, Jo",named_official,It collected data.,collection,,,red\r\n'
    "B,2023-06-29,Roe,named_official,It collected nothing.,collection,contradicts,A,\r\n"
    "C,,X\x1b[2J,media_report,It could send what it collected.,transmission,,,\r\n"
)


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(w) for w in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*words: object) -> dict[str, Any]:
    return json.loads(run(*words, "--json"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "claims.csv"
    path.write_bytes(TABLE.encode())
    return path


def test_import_of_one_table_keeps_its_bytes(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert "3 claims" in run("import", table, "--out", out)
    assert out.read_bytes() == TABLE.encode()


def test_import_joins_tables_and_bundles(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("stix2", reason="the extra 'stix' is not installed")
    other = tmp_path / "more.csv"
    other.write_text(
        "id,date,claimant,attribution,claim,verb\nD,2023,Z,company,It strayed.,strayed\n", "utf-8"
    )
    bundle, out = tmp_path / "more.json", tmp_path / "out.csv"
    run("export", other, "--out", bundle)
    run("import", table, bundle, "--out", out)
    rows = run_json("show", out)["claims"]
    assert [row["id"] for row in rows] == ["A", "B", "C", "D"]
    assert rows[3]["verb"] == "strayed"
    assert rows[0]["colour"] == "red"


def test_nothing_is_overwritten(table: Path) -> None:
    with pytest.raises(InputError, match="there already"):
        run("import", table, "--out", table)
    assert table.read_bytes() == TABLE.encode()


def test_an_id_in_two_files_and_a_circle_are_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is in claims\.csv too"):
        run("import", table, table, "--out", tmp_path / "out.csv")
    ring = tmp_path / "ring.csv"
    ring.write_text(
        "id,date,claimant,attribution,claim,relation,related_ids\nA,,,,x,supersedes,B\nB,,,,y,supersedes,A\n",
        "utf-8",
    )
    with pytest.raises(InputError, match="A → B → A"):
        run("import", ring, "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_show_prints_claims_and_no_control_characters(table: Path) -> None:
    text = run("show", table)
    assert "A  2023-02-03  Doe, Jo (named official)" in text
    assert "contradicts: A" in text
    assert "contradicted by: B" in text
    assert "\x1b" not in text
    assert "transmission" not in run("show", table, "--topic", "collection")
    assert "colour: red" in run("show", table, "A")
    with pytest.raises(InputError, match="no claim 'Z'"):
        run("show", table, "Z")


def test_show_lists_flags(table: Path) -> None:
    assert "C: merged questions" in run("show", table, "--flags")
    assert run_json("show", table, "--flags")["flags"][0]["code"] == "merged_questions"


def test_edit_changes_one_row_alone(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run("edit", table, "B", "claim=It collected nothing, they say", "date=", "--out", out)
    lines = out.read_bytes().decode().split("\r\n")
    before = TABLE.split("\r\n")
    assert [lines[k] == before[k] for k in range(5)] == [True, True, False, True, True]
    assert run_json("show", out, "B")["claims"][0]["claim"] == "It collected nothing, they say"
    again = tmp_path / "again.csv"
    run("edit", out, "E", "claimant=New", "claim=It sent data.", "verb=did_send", "--out", again)
    assert [row["id"] for row in run_json("show", again)["claims"]] == ["A", "B", "C", "E"]


@pytest.mark.parametrize("cell", ["verb=sent", "vreb=did_send", "nothing", "id=Z", "date=02/03/2023"])
def test_a_bad_edit_is_refused(table: Path, tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError):
        run("edit", table, "A", cell, "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_export_fills_in_verbs_for_a_person_to_check(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run("export", table, "--verbs", "--out", out)
    rows = {row["id"]: row for row in run_json("show", out)["claims"]}
    assert (rows["A"]["verb"], rows["A"]["answer"]) == ("did_collect", "yes")
    assert (rows["B"]["verb"], rows["B"]["answer"]) == ("did_collect", "no")
    assert (rows["C"]["verb"], rows["C"]["answer"]) == ("could_send", "yes")


def test_state_on_a_day(table: Path) -> None:
    text = run("state", table, "--on", "2023-05-01")
    assert "Did it collect?\n  yes: 1 independent source\n    A  2023-02-03  Doe, Jo" in text
    held = run_json("state", table, "--on", "2023-07-01")["questions"][1]["held"]
    assert [(h["answer"], h["claims"]) for h in held] == [("yes", ["A"]), ("no", ["B"])]
    with pytest.raises(InputError, match="more than one way"):
        run("state", table, "--on", "01/05/2023")


def test_ach_of_a_matrix_and_of_a_question(table: Path, tmp_path: Path) -> None:
    matrix = tmp_path / "m.csv"
    matrix.write_text("item,drifted,steered\nA,II,C\nother,C,I\n", "utf-8")
    text = run("ach", matrix, "--claims", table)
    assert "steered: weighted inconsistency 1.00" in text
    assert "The least speaks against steered." in text
    assert "2023-02-04T00:00:00Z  2.00  0.00  A" in text
    found = run_json("ach", "--claims", table, "--question", "did_collect")
    assert found["hypotheses"] == ["yes", "no"]
    assert len(found["items"]) == 2
    for words in (
        [],
        ["--question", "did_collect"],
        [matrix, "--claims", table, "--question", "did_collect"],
    ):
        with pytest.raises(OverflightError):
            run("ach", *words)
    with pytest.raises(InputError, match="no question"):
        run("ach", "--claims", table, "--question", "was_it_nice")


def test_the_founding_case_goes_through_every_door(test_data: Path, tmp_path: Path) -> None:
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    pytest.importorskip("stix2", reason="the extra 'stix' is not installed")
    out, bundle, back = tmp_path / "a.csv", tmp_path / "b.json", tmp_path / "c.csv"
    run("import", path, "--out", out)
    assert out.read_bytes() == path.read_bytes()
    run("export", out, "--out", bundle)
    run("export", bundle, "--out", back)
    assert back.read_bytes() == path.read_bytes().replace(b"\r\n", b"\n")
    text = run("state", path, "--on", "2023-05-01")
    assert "C056" in text
    assert "C062" not in text


def test_passive_flights_are_counted_from_the_command_line(tmp_path: Path) -> None:
    """A few of them in the prior: the number, what it is of, and what it does not say."""
    asked = ("strayed", "--from", "110.4,19.4", "--month", "2023-01", "--area", "USA", "--members", "16")
    told = run_json(*asked, "--launches", "2", "--days", "2", "--level-m", "16000,20000")
    assert told["strayed"]["share"] == 0.0  # in two days nobody crosses the Pacific
    assert told["strayed"]["members"] == 16
    assert told["findings"][0]["id"] == "claims.strayed.reach_USA_airspace"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing was asked"),
        (("--from", "Atlantis", "--month", "2023-01", "--area", "USA"), "no country"),
        (("--from", "a,b", "--month", "2023-01", "--area", "USA"), "no pair"),
        (("--from", "110,19", "--month", "2023", "--area", "USA"), "no month"),
        (("--from", "110,19", "--month", "2023-01"), "is missing"),
        (("--from", "110,19", "--month", "2023-01", "--area", "Atlantis"), "neither"),
    ],
)
def test_what_cannot_be_flown_is_said(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(OverflightError, match=said):
        run("strayed", *words)

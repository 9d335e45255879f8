"""`overflight custody stream`: what it prints, its JSON, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from overflight.cli.custody_stream import stream
from overflight.cli.screen import EXIT_DAMAGED
from overflight.custody.frames import DATA, Frame, chain, encode, stream_id
from overflight.custody.station import Arrival, close_store, commit, open_store

KEY = bytes(range(32))
STREAM = stream_id("a command")

app = typer.Typer()
app.command()(stream)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def made(count: int = 10, word: bytes = b"item") -> list[Frame]:
    return list(chain(STREAM, ((10**9 * i, DATA, word) for i in range(count)), KEY, close=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    whole = made()
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "whole").write_bytes(encode(whole))
    (tmp_path / "gap").write_bytes(encode([*whole[:4], *whole[6:]]))
    (tmp_path / "cut").write_bytes(encode(whole[:7]))
    (tmp_path / "again").write_bytes(encode(made(word=b"else")))
    return tmp_path


def answer(*words: object) -> tuple[dict[str, Any], int]:
    done = run(*words, "--json")
    return json.loads(done.stdout), done.exit_code


def test_an_intact_stream_ends_with_0_and_says_what_nobody_can_know(folder: Path) -> None:
    done = run(folder / "whole", "--key", folder / "key")
    assert done.exit_code == 0
    assert "The sender who rewrites and re-chains: not detectable." in done.stdout
    assert "1970-01-01T00:00:00Z to 1970-01-01T00:00:09Z" in done.stdout
    assert "the tags were checked under the key" in done.stdout


def test_a_gap_is_told_with_its_place_and_ends_with_4(folder: Path) -> None:
    done = run(folder / "gap", "--key-file", folder / "key")
    assert done.exit_code == EXIT_DAMAGED
    assert f"gap 4–5, offset {4 * 120}: 2 not here" in done.stdout
    told, code = answer(folder / "gap", "--key", folder / "key")
    (row,) = told["streams"]
    assert code == EXIT_DAMAGED
    assert (told["ok"], row["missing"], row["counts"]["missing"]) == (False, [[4, 5]], 2)
    assert {f["id"] for f in told["findings"]} == set(row["finding_ids"])


def test_a_cut_tail_is_known_from_a_table_of_anchors(folder: Path) -> None:
    assert run(folder / "cut", "--key", folder / "key").exit_code == 0
    (folder / "anchors.csv").write_text("sequence,tag,source\n10,,noted by the second station\n")
    told, code = answer(folder / "cut", "--key", folder / "key", "--anchors", folder / "anchors.csv")
    assert code == EXIT_DAMAGED
    assert told["streams"][0]["missing"] == [[7, 10]]
    assert "noted by the second station" in json.dumps(told["streams"][0]["spots"])


def test_a_rewritten_copy_is_held_against_what_a_station_received(folder: Path) -> None:
    store = open_store(folder / "received.db", key=KEY)
    commit(store, [Arrival(STREAM, encode(made()), 0.0)])
    close_store(store)
    words = (folder / "again", "--key", folder / "key", "--other", folder / "received.db")
    told, code = answer(*words)
    row = told["streams"][0]
    assert code == EXIT_DAMAGED
    assert row["comparison"]["rewritten"]
    assert row["comparison"]["content"] == 10
    assert {a["id"]: a["verdict"] for a in row["adversaries"]}["sender"] == "found"
    shown = run(*words).stdout
    assert "one copy was rewritten" in shown
    assert "Against the other copy (received.db): " in shown
    assert (told["source"], told["other"]) == ("again", "received.db")
    same, code = answer(folder / "whole", "--key", folder / "key", "--other", folder / "received.db")
    assert (code, same["streams"][0]["proven"]) == (0, [[0, 10]])


def test_files_with_no_stream_in_common_are_told(folder: Path) -> None:
    other = list(chain(stream_id("another"), [(0, DATA, b"x")], KEY, close=True))
    (folder / "other").write_bytes(encode(other))
    done = run(folder / "whole", "--key", folder / "key", "--other", folder / "other")
    assert "no stream in common" in done.stderr
    assert done.exit_code == EXIT_DAMAGED


def test_a_stream_that_was_deleted_whole_is_told_against_the_other_copy(folder: Path) -> None:
    second = stream_id("another")
    both = encode([*made(), *chain(second, [(0, DATA, b"x"), (1, DATA, b"y")], KEY, close=True)])
    (folder / "both").write_bytes(both)
    words = ("--key", folder / "key", "--other")
    done = run(folder / "whole", *words, folder / "both")
    assert done.exit_code == EXIT_DAMAGED
    assert f"Stream {second.hex()} is in the other file alone (3 frames): deleted here" in done.stdout
    told, code = answer(folder / "both", *words, folder / "whole")
    (row,) = told["alone"]
    assert code == EXIT_DAMAGED
    assert (row["stream"], row["where"], row["received"]) == (second.hex(), "here", 3)
    assert set(row["finding_ids"]) <= {f["id"] for f in told["findings"]}
    same, code = answer(folder / "both", *words, folder / "both")
    assert (code, same["alone"]) == (0, [])


def test_space_packets(folder: Path) -> None:
    spacepackets = pytest.importorskip("spacepackets", reason="needs the extra ccsds")
    packets = [bytes(spacepackets.SpacePacketHeader.tm(7, n, 3).pack()) + b"data" for n in (0, 1, 2, 5, 6)]
    (folder / "packets").write_bytes(b"".join(packets))
    told, code = answer(folder / "packets", "--format", "ccsds")
    assert code == EXIT_DAMAGED
    assert (told["format"], told["streams"][0]["missing"]) == ("ccsds", [[3, 4]])

"""`overflight custody stream` on frames cut anywhere and on what is no stream: what is there, and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from overflight.cli.custody_stream import stream
from overflight.cli.screen import EXIT_DAMAGED
from overflight.custody.frames import DATA, chain, encode, stream_id
from overflight.errors import OverflightError

KEY = bytes(range(32))
WHOLE = [
    encode([f]) for f in chain(stream_id("cut"), ((n, DATA, b"item") for n in range(8)), KEY, close=True)
]
ENDS = [len(b"".join(WHOLE[: n + 1])) for n in range(len(WHOLE))]

app = typer.Typer()
app.command()(stream)


def answer(folder: Path, data: bytes, *words: str) -> tuple[dict[str, Any], int]:
    (folder / "key").write_text(KEY.hex())
    (folder / "cut.frames").write_bytes(data)
    given = [str(folder / "cut.frames"), "--key", str(folder / "key"), "--json", *words]
    done = CliRunner().invoke(app, given, catch_exceptions=False)
    return json.loads(done.stdout), done.exit_code


@pytest.mark.parametrize("at", [ENDS[3] + d for d in (1, 7, 40, 80, -1)])
def test_a_stream_cut_inside_a_frame_has_what_came_before_and_says_where(tmp_path: Path, at: int) -> None:
    told, code = answer(tmp_path, b"".join(WHOLE)[:at])
    (row,) = told["streams"]
    sound = sum(end <= at for end in ENDS)
    assert (code, told["ok"]) == (EXIT_DAMAGED, False)
    assert (row["counts"]["sound"], row["closed"]) == (sound, False)
    assert any(s["kind"] == "damaged" and s["offset"] == ENDS[sound - 1] for s in row["spots"])


def test_a_stream_cut_between_frames_is_sound_and_says_that_nobody_knows_of_more(tmp_path: Path) -> None:
    told, code = answer(tmp_path, b"".join(WHOLE[:5]))
    (row,) = told["streams"]
    assert (code, row["counts"]["sound"], row["closed"]) == (0, 5, False)
    (tail,) = (a for a in row["adversaries"] if a["id"] == "cut tail")
    assert tail["verdict"] == "not detectable"


def test_a_stream_whose_head_was_cut_is_read_from_the_next_frame(tmp_path: Path) -> None:
    told, code = answer(tmp_path, b"".join(WHOLE)[ENDS[1] + 9 :])
    (row,) = told["streams"]
    assert code == EXIT_DAMAGED
    assert row["counts"]["sound"] == len(WHOLE) - 3
    assert row["missing"] == [[0, 2]]


@pytest.mark.parametrize("data", [b"", b"\0" * 999, bytes(range(256)) * 9])
def test_what_is_no_stream_is_told_to_be_none(tmp_path: Path, data: bytes) -> None:
    told, code = answer(tmp_path, data)
    (row,) = told["streams"]
    assert (row["name"], row["counts"]["received"], told["bytes"]) == ("none", 0, len(data))
    assert (code, told["ok"]) == (EXIT_DAMAGED, False)
    (tail,) = (a for a in row["adversaries"] if a["id"] == "cut tail")
    assert tail["verdict"] != "none"
    if not data:
        assert tail["not_provable"] == "whether there was anything: no frame is here"
        assert told["notes"] == ["It is empty: it holds no stream."]


def test_an_empty_file_of_packets_is_told_to_be_empty(tmp_path: Path) -> None:
    pytest.importorskip("spacepackets", reason="needs the extra ccsds")
    told, code = answer(tmp_path, b"", "--format", "ccsds")
    assert (code, told["ok"], told["notes"]) == (EXIT_DAMAGED, False, ["It is empty: it holds no stream."])


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / "none.frames")])
    assert done.exit_code != 0
    assert isinstance(done.exception, OverflightError | SystemExit)
    assert "none.frames" in str(done.exception) + done.output

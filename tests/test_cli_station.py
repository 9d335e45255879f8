"""`overflight station` and `overflight twin fly` as programs: what they print, and kill -9."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from overflight.cli import station, twin
from overflight.cli.app import Commands
from overflight.cli.screen import EXIT_DAMAGED
from overflight.custody.frames import DATA, Frame, chain, encode, encode_frame, stream_id
from overflight.custody.station import (
    Arrival,
    StreamStatus,
    close_store,
    commit,
    open_store,
    read_store,
    stored_frames,
    verify_store,
)
from overflight.custody.tcp import Hello, TcpLine
from overflight.twin.stream import Outgoing, send

STREAM = stream_id("a program's test")
# The two groups by themselves: the tests of the whole program have it with all of its commands.
CODE = """
import typer
from overflight.cli import station, twin
from overflight.cli.app import Commands
app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
app.add_typer(station.app, name="station")
app.add_typer(twin.app, name="twin")
app()
"""


def made(count: int, key: bytes | None = None, size: int = 40) -> list[Frame]:
    items = ((10**9 * i, DATA, b"%d" % i * size) for i in range(count))
    return list(chain(STREAM, items, key, close=True))


def run(*words: object) -> Result:
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
    app.add_typer(station.app, name="station")
    app.add_typer(twin.app, name="twin")
    return CliRunner().invoke(app, [str(word) for word in words])


class Program:
    """A station as a program of its own; its lines are read as they come."""

    def __init__(self, *words: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, "station", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        found = re.search(r"tcp://127\.0\.0\.1:(\d+)", first)
        if found is None:
            _, said = self.process.communicate(timeout=60)
            raise AssertionError(first + said)
        self.port = int(found[1])

    def stop(self, how: signal.Signals) -> tuple[str, str]:
        if self.process.poll() is None:
            os.kill(self.process.pid, how)
        return self.process.communicate(timeout=60)


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    running: list[Program] = []

    def one(*words: object) -> Program:
        running.append(Program(*words))
        return running[-1]

    yield one
    for program in running:
        program.stop(signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Watched(TcpLine):
    """A line that remembers the furthest acknowledgement that it ever saw, and can be slowed."""

    acknowledged = 0
    pause_s = 0.002

    def poll(self, wait_s: float) -> int:
        time.sleep(self.pause_s)
        kept = super().poll(wait_s)
        self.acknowledged = max(self.acknowledged, self.next)
        return kept


def kept_numbers(path: Path) -> list[int]:
    store = read_store(path)
    try:
        return [frame.sequence for frame in stored_frames(store, STREAM)]
    finally:
        close_store(store)


def until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_killed_again_and_again_the_station_loses_nothing_that_it_acknowledged(
    tmp_path: Path, start: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small messages, so that there are thousands of acknowledgements to be killed among.
    monkeypatch.setattr("overflight.twin.stream.MESSAGE_BYTES", 300)
    path, frames, port = tmp_path / "frames.db", made(12_000), free_port()
    line = Watched("127.0.0.1", port, Hello(STREAM, "kite 1"))
    done: list[Any] = []

    def sender() -> None:
        try:
            due = [Outgoing(0.0, frame) for frame in frames]
            done.append(send(due, line, patience_s=120.0))
        except BaseException as error:
            done.append(error)

    thread = threading.Thread(target=sender, daemon=True)
    program = start("--listen", f"tcp://127.0.0.1:{port}", "--store", path)
    thread.start()
    for share in (1000, 4000, 7000):
        until(lambda share=share: line.acknowledged > share or bool(done))
        os.kill(program.process.pid, signal.SIGKILL)
        program.process.communicate(timeout=60)
        acknowledged = line.acknowledged
        numbers = kept_numbers(path)
        assert set(range(acknowledged)) <= set(numbers)
        assert len(numbers) == len(set(numbers))
        program = start("--listen", f"tcp://127.0.0.1:{port}", "--store", path)
    thread.join(120.0)
    (sent,) = done
    assert not isinstance(sent, BaseException), sent
    assert sent.connections >= 3
    printed, said = program.stop(signal.SIGTERM)
    assert program.process.returncode == 0, said
    assert "12001 frames to 12000" in printed
    assert printed.strip().endswith("closed")
    store = read_store(path)
    (report,) = verify_store(store).values()
    assert report.ok
    assert report.closed
    assert stored_frames(store, STREAM) == tuple(frames)
    close_store(store)


def test_two_stations_on_one_store_refuse(tmp_path: Path, start: Callable[..., Program]) -> None:
    path = tmp_path / "frames.db"
    start("--listen", "tcp://127.0.0.1:0", "--store", path)
    with pytest.raises(AssertionError, match="another station has this store open"):
        start("--listen", "tcp://127.0.0.1:0", "--store", path)
    # To look at it meanwhile is allowed.
    assert "Nothing has arrived" in run("station", "status", path).stdout


def test_json_lines_tell_what_has_arrived_and_what_has_not(
    tmp_path: Path, start: Callable[..., Program]
) -> None:
    path, key, token = tmp_path / "frames.db", tmp_path / "key", tmp_path / "token"
    key.write_text("ab" * 32)
    token.write_text("a word\n")
    program = start(
        "--listen", "tcp://127.0.0.1:0", "--store", path, "--key-file", key, "--token-file", token, "--json"
    )
    frames = made(10, bytes.fromhex("ab" * 32))
    line = TcpLine("127.0.0.1", program.port, Hello(STREAM, token="a word"))
    line.connect()
    line.send(encode(frames[:4] + frames[6:]))
    until(lambda: line.poll(0.1) == 1)
    line.close()
    printed, said = program.stop(signal.SIGINT)
    assert program.process.returncode == 0
    (one,) = json.loads(printed.splitlines()[-1])["streams"]
    assert (one["arrived"], one["late"], one["missing"]) == (9, [[4, 5]], [])
    assert one["checked"] == "hmac"
    assert "a word" not in printed + said
    assert "abab" not in printed + said


def filled(path: Path, frames: list[Frame]) -> Path:
    store = open_store(path)
    commit(store, [Arrival(STREAM, encode(frames), 100.0, "kite 1")])
    close_store(store)
    return path


def test_status_and_verify_of_a_sound_store(tmp_path: Path) -> None:
    path = filled(tmp_path / "frames.db", made(5))
    result = run("station", "status", path)
    assert result.exit_code == 0
    assert "kite 1: 6 frames to 5" in result.stdout
    verified = run("station", "verify", path)
    assert verified.exit_code == 0
    assert "not detectable" in verified.stdout
    assert json.loads(run("station", "verify", path, "--json").stdout)["ok"] is True
    assert json.loads(run("station", "status", path, "--json").stdout)["streams"][0]["highest"] == 5


def test_status_and_verify_of_a_store_with_defects(tmp_path: Path) -> None:
    frames = made(9)
    path = filled(tmp_path / "frames.db", [*frames[:3], *frames[5:]])
    result = run("station", "status", path)
    assert result.exit_code == EXIT_DAMAGED
    assert "missing 2 (3–4)" in result.stdout
    verified = run("station", "verify", path)
    assert verified.exit_code == EXIT_DAMAGED
    assert "Missing: 2 (3–4)" in verified.stdout


def test_verify_of_a_file_and_what_was_received_as_its_anchors(tmp_path: Path) -> None:
    frames, file = made(9), tmp_path / "recovered.frames"
    store = filled(tmp_path / "frames.db", frames[:6])
    file.write_bytes(encode(frames))
    assert run("station", "verify", file).exit_code == 0
    anchored = run("station", "verify", file, "--anchors", store)
    assert anchored.exit_code == 0
    assert "frames 0 to 5 are as they were when they were anchored" in anchored.stdout
    # The owner of the recorder rewrites frame 3 and chains all anew.
    items = [(f.nanoseconds, f.kind, b"x" if f.sequence == 3 else f.payload) for f in frames]
    file.write_bytes(encode(chain(STREAM, items)))
    assert run("station", "verify", file).exit_code == 0
    caught = run("station", "verify", file, "--anchors", store)
    assert caught.exit_code == EXIT_DAMAGED
    assert "rewritten 3" in caught.stdout
    table = tmp_path / "anchors.csv"
    table.write_text(f"sequence,tag,source\n9,{frames[9].tag.hex()},a letter\n")
    lettered = run("station", "verify", file, "--anchors", table)
    assert "a letter" in lettered.stdout
    table.write_text("sequence,tag\n9,zz\n")
    bad = run("station", "verify", file, "--anchors", table)
    assert bad.exit_code == 1
    assert "line 2" in bad.stderr


def test_verify_of_files_that_are_damaged_cut_or_something_else(tmp_path: Path) -> None:
    file, data = tmp_path / "a.frames", bytearray(encode(made(5)))
    data[200] ^= 1
    file.write_bytes(data[:-7])
    result = run("station", "verify", file)
    assert result.exit_code == EXIT_DAMAGED
    assert "damaged 1, offset 156" in result.stdout
    assert "truncated" in result.stdout
    file.write_bytes(b"\x00" * 5000)
    assert run("station", "verify", file).exit_code == EXIT_DAMAGED
    file.write_bytes(b"")
    assert run("station", "verify", file).exit_code == 0
    assert run("station", "verify", tmp_path / "none").exit_code == 1


def test_the_wrong_key_and_a_short_one(tmp_path: Path) -> None:
    file, key = tmp_path / "a.frames", tmp_path / "key"
    file.write_bytes(encode(made(3, bytes(32))))
    key.write_bytes(bytes(32))
    assert run("station", "verify", file, "--key-file", key).exit_code == 0
    key.write_text("11" * 32)
    assert run("station", "verify", file, "--key-file", key).exit_code == EXIT_DAMAGED
    key.write_text("short")
    assert run("station", "verify", file, "--key-file", key).exit_code == 1


def test_export_writes_what_came(tmp_path: Path) -> None:
    frames = made(5)
    path, out = filled(tmp_path / "frames.db", frames), tmp_path / "out.frames"
    assert run("station", "export", path, "--out", out).exit_code == 0
    assert out.read_bytes() == b"".join(map(encode_frame, frames))
    assert run("station", "export", path, "--out", out).exit_code == 1
    assert run("station", "export", path, "--out", tmp_path / "b", "--stream", "zz").exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--store", "x.db"], "is missing"),
        (["--listen", "tcp://127.0.0.1:0"], "is missing"),
        (["--listen", "tcp://0.0.0.0:0", "--store", "x.db"], "others can reach"),
        (["--listen", "nonsense", "--store", "x.db"], "no address"),
        (["--mqtt", "mqtt://h", "--store", "x.db"], "no broker"),
        (["--listen", "tcp://127.0.0.1:0", "--store", "no/such/x.db"], "no such folder"),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path: Path, words: list[str], said: str) -> None:
    placed = [str(tmp_path / word) if word.endswith(".db") else word for word in words]
    result = run("station", *placed)
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-scenario", "--to", "tcp://127.0.0.1:1"], "no scenario"),
        (["station-keeper", "--to", "nowhere"], "no address"),
        (["station-keeper", "--to", "tcp://127.0.0.1:1", "--rate", "fast"], "no rate"),
    ],
)
def test_what_cannot_be_flown_is_told_before_it_flies(words: list[str], said: str) -> None:
    result = run("twin", "fly", *words)
    assert result.exit_code == 1
    assert said in result.stderr


def status_of(**changes: Any) -> StreamStatus:
    told: dict[str, Any] = {
        "stream": "ab" * 16, "name": "kite\x1b[2J", "arrived": 3, "bytes": 600, "first_s": 0.0, "last_s": 1.0,
        "frame_time_s": 1675274400.0, "highest": 9, "closed": False, "checked": "sha256",
        "late": ((4, 4),), "missing": ((1, 2), (6, 7)), "out_of_order": 1, "duplicates": 0, "altered": (8,),
        "flaws": 1, "overdue_s": 125.0, "head": "",
    }  # fmt: skip
    return StreamStatus(**(told | changes))


def test_the_line_and_the_table_of_a_stream() -> None:
    from rich.console import Console

    assert station.line_of(status_of(name="kite")) == (
        "abababab kite: 3 frames to 9, last of 1 Feb 18:00Z; late 1 (4); missing 4 (1–2, 6–7); "
        "altered 1 (8); 1 out of order; 1 flaws; silent for 120 s more than promised; open"
    )
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(station.table([status_of()], ["tcp://127.0.0.1:1"], 2))
    text = console.export_text()
    assert "2 clients" in text
    assert "\x1b" not in text
    assert re.search(r"1 │ +4 │ +1", text)


def test_a_flight_with_outages_streams_and_a_second_run_sends_nothing(
    tmp_path: Path, start: Callable[..., Program]
) -> None:
    path, key, saved = tmp_path / "frames.db", tmp_path / "key", tmp_path / "all.frames"
    key.write_text("cd" * 16)
    program = start("--listen", "tcp://127.0.0.1:0", "--store", path, "--key-file", key)
    words = ("twin", "fly", "lost-and-recovered", "--to", f"tcp://127.0.0.1:{program.port}", "--rate", "max")
    words += ("--key-file", str(key), "--seed", "1", "--json")
    result = run(*words, "--save", saved)
    assert result.exit_code == 0, result.output
    first = json.loads(result.stdout)
    # A recorder that overwrites and a link that fails: not everything leaves.
    assert 0 < first["sent"] == first["frames"] < first["made"]
    assert json.loads(run(*words).stdout)["sent"] == 0
    program.stop(signal.SIGTERM)
    assert run("station", "verify", saved, "--key-file", key).exit_code == 0
    told = json.loads(run("station", "verify", path, "--key-file", key, "--json").stdout)
    (one,) = told["streams"]
    # What the station lacks is what never left, to the frame; the last that leaves closes nothing behind it.
    assert one["counts"]["received"] == first["sent"]
    assert one["missing_count"] == one["last"] + 1 - first["sent"] > 0
    assert one["altered"] == []
    anchored = run("station", "verify", saved, "--key-file", key, "--anchors", path)
    assert anchored.exit_code == 0

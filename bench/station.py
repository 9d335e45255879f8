"""Frames a second: sealed, read, verified, stored durably, and received over TCP by a station.

    python bench/station.py [--frames 50000] [--payload 200] [--rounds 3] [--json bench/station.json]

One machine, one client, loopback. "stored" and "received" end when the last frame is committed with
`synchronous=FULL`; what that costs is the disk's affair, so the first line is what it takes to synchronise a
small write. Beside them stands the same file written with one transaction a frame, as a station would that
acknowledges each by itself. The best round counts: other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import overflight
from overflight.custody.chain import verify
from overflight.custody.frames import DATA, Frame, chain, decode_stream, encode, encode_frame, stream_id
from overflight.custody.intake import Intake, drain, keep
from overflight.custody.station import Arrival, close_store, commit, open_store, read_store, stored_frames
from overflight.custody.tcp import Door, Hello, TcpLine, tcp_door
from overflight.twin.stream import Outgoing, send

STREAM, KEY = stream_id("a bench"), bytes(range(32))
BATCH = 500


def best(rounds: int, count: int, work: Callable[[], object]) -> float:
    """Return things a second, of the best round."""
    spans = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return count / min(spans)


def synchronised_writes(folder: Path, count: int = 100) -> float:
    """Return how many small writes a second the disk synchronises."""
    with open(folder / "probe", "wb", buffering=0) as file:
        begin = time.perf_counter()
        for _ in range(count):
            file.write(b"x" * 400)
            os.fsync(file.fileno())
    return count / (time.perf_counter() - begin)


def store_batches(folder: Path, frames: list[Frame], size: int, key: bytes | None) -> None:
    path = Path(tempfile.mkdtemp(dir=folder)) / "frames.db"
    store = open_store(path, key=key)
    for at in range(0, len(frames), size):
        commit(store, [Arrival(STREAM, encode(frames[at : at + size]), 0.0)])
    close_store(store)


def receive(folder: Path, frames: list[Frame]) -> tuple[float, int]:
    """Return seconds from the first frame sent to the last acknowledged, and the number of commits."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "frames.db"
    port: list[int] = []
    ready, commits = threading.Event(), [0]

    async def station() -> None:
        store = open_store(path)
        intake = Intake(store)
        keeper = asyncio.create_task(keep(intake))
        async with tcp_door(intake, "127.0.0.1", 0, Door(), print) as where:
            port.append(where)
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, ended.wait)
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await drain(intake)
        commits[0] = intake.commits
        close_store(store)

    ended = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(station()))
    thread.start()
    ready.wait()
    due = [Outgoing(0.0, frame) for frame in frames]
    begin = time.perf_counter()
    send(due, TcpLine("127.0.0.1", port[0], Hello(STREAM)))
    seconds = time.perf_counter() - begin
    ended.set()
    thread.join()
    kept = read_store(path)
    assert stored_frames(kept, STREAM) == tuple(frames)
    close_store(kept)
    return seconds, commits[0]


def measure(count: int, payload: int, rounds: int, folder: Path) -> dict[str, float]:
    found = {"synchronised writes": synchronised_writes(folder)}
    for word, key in (("", None), (", keyed", KEY)):
        items = [(10**9 * i, DATA, os.urandom(payload)) for i in range(count)]
        frames = list(chain(STREAM, items, key))
        data = encode(frames)
        chunks = [data[at : at + 65_536] for at in range(0, len(data), 65_536)]
        found |= {
            f"sealed{word}": best(rounds, count, lambda i=items, k=key: list(chain(STREAM, i, k))),
            f"written{word}": best(rounds, count, lambda f=frames: [encode_frame(one) for one in f]),
            f"read{word}": best(rounds, count, lambda c=chunks: decode_stream(c)),
            f"verified{word}": best(rounds, count, lambda f=frames, k=key: verify(f, k)),
            f"stored, {BATCH} a commit{word}": best(
                rounds, count, lambda f=frames, k=key: store_batches(folder, f, BATCH, k)
            ),
        }
        if not word:
            few = frames[: max(200, count // 50)]
            found["stored, 1 a commit"] = best(
                rounds, len(few), lambda f=few: store_batches(folder, f, 1, None)
            )
            runs = [receive(folder, frames) for _ in range(rounds)]
            seconds, commits = min(runs)
            found["received over TCP"], found["frames a commit there"] = count / seconds, count / commits
    return found


def version() -> str:
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--payload", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked.frames, asked.payload, asked.rounds, Path(folder))
    print(f"{asked.frames} frames of {asked.payload} bytes of payload, per second:")
    for name, value in found.items():
        print(f"  {name:32} {value:12,.0f}")
    if asked.json:
        told = {
            "frames": asked.frames, "payload_bytes": asked.payload, "rounds": asked.rounds,
            "per_second": {name: round(value) for name, value in found.items()},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "version": overflight.__version__, "commit": version(),
        }  # fmt: skip
        asked.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()

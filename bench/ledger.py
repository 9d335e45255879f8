"""A log of a million entries: appending, proving, verifying, exporting; and ten thousand tamperings.

    python bench/ledger.py [--entries 1000000] [--tamperings 10000] [--kills 200] [--json bench/ledger.json]

The demands: 20,000 entries a second in batches, a proof in 5 ms, a check of the million in 15 s; every
tampering found and the first bad entry named; a writer killed 200 times loses nothing it acknowledged.

Beside the time on the clock stands that of the processor (`cpu`), which other work on the machine lengthens
less; `load` is what else waited for a processor when it began.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from overflight.ledger.entry import Entry, content_hash, entry_bytes, read_entry
from overflight.ledger.exportfile import read_export, write_export
from overflight.ledger.log import open_ledger
from overflight.ledger.verify import first_bad, verify_ledger

BATCH = 50_000
WHEN = "2023-02-04T19:39:00Z"
WRITER = """
import sys
from overflight.ledger.entry import Entry
from overflight.ledger.log import open_ledger
log = open_ledger(sys.argv[1], make=True, origin="made")
print("ready", flush=True)
for i in range(10**9):
    log.append([(Entry(kind="note", subject=f"{sys.argv[2]} {i} {k}", recorded="2023-02-04T19:39:00Z"), None)
                for k in range(3)])
    print(f"{sys.argv[2]} {i} 2", flush=True)
"""


def made_entry(i: int) -> tuple[Entry, bytes]:
    content = f'{{"lat":{i % 90},"row":{i}}}'.encode()
    entry = Entry(
        kind="sighting", subject=f"P{i:07d}", content=content_hash(content), source="made", recorded=WHEN,
        about_start=WHEN, about_end=WHEN, actor="bench", method="sightings.table", version="0.1.0",
    )  # fmt: skip
    return entry, content


def fill(path: Path, count: int) -> tuple[float, float]:
    """Append in batches; returns the seconds that it took, on the clock and of the processor."""
    begin, used = time.perf_counter(), time.process_time()
    with open_ledger(path, make=True, origin="made") as log:
        for first in range(0, count, BATCH):
            log.append([made_entry(i) for i in range(first, min(first + BATCH, count))])
    return time.perf_counter() - begin, time.process_time() - used


def speeds(folder: Path, count: int) -> dict[str, Any]:
    path = folder / "big.db"
    seconds, cpu = fill(path, count)
    found: dict[str, Any] = {
        "entries": count, "batch": BATCH, "append_per_s": count / seconds, "append_per_cpu_s": count / cpu,
        "bytes": path.stat().st_size,
    }  # fmt: skip
    rng = random.Random(1)
    with open_ledger(path) as log:
        times = []
        for _ in range(1000):
            seq, begin = rng.randrange(count), time.perf_counter()
            log.prove_inclusion(seq)
            times.append(1e3 * (time.perf_counter() - begin))
        found["proof_ms_median"], found["proof_ms_worst"] = statistics.median(times), max(times)
        begin, used = time.perf_counter(), time.process_time()
        found["intact"] = verify_ledger(log).ok
        found["verify_s"], found["verify_cpu_s"] = time.perf_counter() - begin, time.process_time() - used
        begin = time.perf_counter()
        write_export(log, folder / "big.ledger")
        found["export_s"] = time.perf_counter() - begin
        begin = time.perf_counter()
        read_export(folder / "big.ledger")
        found["read_export_s"] = time.perf_counter() - begin
    return found


def tamper(base: sqlite3.Connection, rng: random.Random, size: int) -> tuple[str, int]:
    """Do one thing to the entries; returns its name and the first entry that it concerns."""
    name, seq = rng.choice(["flip", "drop", "drop and close up", "swap", "insert"]), rng.randrange(size)
    rows = [bytes(data) for (data,) in base.execute("SELECT data FROM entry ORDER BY seq")]
    if name == "flip":
        data = bytearray(rows[seq])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        rows[seq] = bytes(data)
    elif name == "swap":
        seq, other = sorted(rng.sample(range(size), 2))
        rows[seq], rows[other] = rows[other], rows[seq]
    elif name == "insert":
        rows.insert(seq, entry_bytes(Entry(kind="note", subject="forged", recorded=WHEN)))
    elif name == "drop and close up":
        del rows[seq]
    base.execute("DELETE FROM entry")
    gap = seq if name == "drop" else -1
    base.executemany("INSERT INTO entry VALUES (?, ?)", [(i, d) for i, d in enumerate(rows) if i != gap])
    base.commit()
    return name, seq


def tamperings(folder: Path, count: int) -> dict[str, Any]:
    rng, size, whole = random.Random(2), 40, folder / "whole.db"
    fill(whole, size)
    with open_ledger(whole):
        pass
    done: Counter[str] = Counter()
    missed = misplaced = 0
    for _ in range(count):
        path = shutil.copy(whole, folder / "bad.db")
        base = sqlite3.connect(path)
        name, seq = tamper(base, rng, size)
        base.close()
        with open_ledger(path) as log:
            found = verify_ledger(log)
        done[name] += 1
        missed += found.ok
        misplaced += first_bad(found) != seq
    return {"done": dict(done), "missed": missed, "first_bad_entry_wrong": misplaced}


def kills(folder: Path, count: int) -> dict[str, Any]:
    path, rng, told = folder / "killed.db", random.Random(3), []
    for run in range(count):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"run {run}"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        # A line is an acknowledgement once it ends.
        told += [line for line in process.communicate()[0].split("\n")[:-1] if line != "ready"]
    with open_ledger(path) as log:
        there = {read_entry(data).subject for _, data in log.rows()}
        return {
            "kills": count, "acknowledged": len(told), "lost": len(set(told) - there),
            "entries": len(log), "intact": verify_ledger(log).ok,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--tamperings", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load": round(os.getloadavg()[0], 1),
            "speed": speeds(folder, asked.entries),
            "tampering": tamperings(folder, asked.tamperings),
            "killed": kills(folder, asked.kills),
        }
    print(json.dumps(found, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The review on a terminal: driven by keys through a pseudo-terminal, and killed in the middle."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path
from typing import Self

import pytest
from typer.testing import CliRunner

from overflight.claims.review import read_review
from overflight.claims.table import read_claims
from overflight.cli.claims import app

COUNT = 12
PLACE = re.compile(r"(\d+)/\d+  D-")


class Terminal:
    """A `claims review` on a terminal of its own: send keys, wait for words, end it."""

    def __init__(self, candidates: Path, out: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # A runner in the background ignores interrupts, and what it starts would too.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            words = ["-m", "overflight", "claims", "review", str(candidates), "--out", str(out), "--by", "R"]
            os.execv(sys.executable, [sys.executable, *words])
        self.shown = ""
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.kill()
        os.close(self.fd)

    def read(self, seconds: float) -> bool:
        """Take in what is shown within a time; False at the end of it."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def wait(self, words: str) -> None:
        """Wait until the words are shown, after what was waited for before."""
        until = time.monotonic() + 60.0
        while words not in self.shown:
            assert self.read(1.0), f"it ended before '{words}':\n{self.shown}"
            assert time.monotonic() < until, f"'{words}' is not shown:\n{self.shown}"
        self.shown = self.shown.partition(words)[2]

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def end(self) -> int:
        """Wait until it ends of itself, and return its exit status."""
        until = time.monotonic() + 60.0
        while self.read(1.0) and time.monotonic() < until:
            pass
        self.ended = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        while self.read(5.0):
            pass
        os.waitpid(self.pid, 0)
        self.ended = True


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    lines = [f"The airship number {k} was seen over the town of Hill{k} in May." for k in range(1, COUNT + 1)]
    (tmp_path / "a.txt").write_text(" ".join(lines), "utf-8")
    out = tmp_path / "candidates.csv"
    result = CliRunner().invoke(app, ["extract", str(tmp_path / "a.txt"), "--out", str(out)])
    assert f"{COUNT} candidates" in result.output
    return out


def accept_and_edit(screen: Terminal) -> None:
    """Accept the first candidate and begin to edit the second."""
    screen.wait(f"1/{COUNT}")
    screen.send("a")
    screen.wait(f"2/{COUNT}")
    screen.send("e")
    screen.wait("an empty line ends")


def test_keys_on_a_terminal_accept_edit_reject_go_back_and_quit(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    with Terminal(candidates, out) as screen:
        accept_and_edit(screen)
        screen.send("hedge=perhaps\nverb=located\n\n")
        screen.wait(f"3/{COUNT}")
        screen.send("r")
        screen.wait(f"4/{COUNT}")
        screen.send("b")
        screen.wait(f"3/{COUNT}")
        screen.send("a")
        screen.wait(f"4/{COUNT}")
        screen.send("s")
        screen.wait(f"5/{COUNT}")
        screen.send("x")  # no key of ours: help, and the same candidate again
        screen.wait(f"5/{COUNT}")
        screen.send("q")
        screen.wait("3 claims")
        assert screen.end() == 0
    assert [(c.id, c.hedge) for c in read_claims(out)] == [("D-001", ""), ("D-002", "perhaps"), ("D-003", "")]
    assert len(read_review(candidates).open) == COUNT - 3


def test_an_interrupt_in_an_edit_keeps_what_was_decided(candidates: Path, tmp_path: Path) -> None:
    out = tmp_path / "claims.csv"
    with Terminal(candidates, out) as screen:
        accept_and_edit(screen)
        screen.send("hedge=perh\x03")
        screen.wait("nothing changed")
        screen.wait(f"2/{COUNT}")
        screen.send("\x1b[A")  # an arrow, whose last letter is no key of ours
        screen.wait(f"2/{COUNT}")
        screen.send("\x03")
        screen.wait("1 claims")
        assert screen.end() == 0
    decided = read_review(candidates).decided
    assert [(d.claim_id, d.choice) for d in decided.values()] == [("D-001", "accept")]


def test_killed_in_the_middle_nothing_acknowledged_is_lost(candidates: Path, tmp_path: Path) -> None:
    """What the next candidate was shown for is on the disk, wherever the blow falls."""
    out = tmp_path / "claims.csv"
    done = 0
    for delay_s in (0.0, 0.002, 0.01, 0.03):
        with Terminal(candidates, out) as screen:
            screen.wait(f"1/{COUNT - done}")
            screen.send("aaaa"[:3])
            until = time.monotonic() + delay_s
            while time.monotonic() < until:
                screen.read(0.001)
            screen.kill()
            acknowledged = max([0, *(int(n) - 1 for n in PLACE.findall(screen.shown))])
        review = read_review(candidates)
        assert done + acknowledged <= len(review.decided) <= done + 3
        assert {d.choice for d in review.decided.values()} <= {"accept"}
        done = len(review.decided)
    with Terminal(candidates, out) as screen:
        screen.wait(f"1/{COUNT - done}")
        screen.send("q")
        screen.wait(f"{done} claims")
        assert screen.end() == 0
    assert len(read_claims(out)) == done

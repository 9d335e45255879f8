"""What the user sees: results on stdout, everything else on stderr, progress only on a terminal."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

Progress = Callable[[str, float], None]

# What was to be verified is damaged: a log, a stream of frames.
EXIT_DAMAGED = 4


def printable(text: str) -> str:
    """Replace characters that could steer a terminal; a case may come from anywhere."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def say(text: str = "") -> None:
    """Print a line of the result to stdout."""
    typer.echo(printable(text))


def note(text: str) -> None:
    """Print a line for the user to stderr."""
    typer.echo(printable(text), err=True)


def say_json(answer: Mapping[str, Any]) -> None:
    """Print one JSON object to stdout, in ASCII: nothing from a case may reach the terminal as a control."""
    typer.echo(json.dumps(answer, indent=1, ensure_ascii=True, allow_nan=False))


def on_terminal() -> bool:
    """Whether somebody watches stderr."""
    return sys.stderr.isatty()


@contextmanager
def kept_interrupt() -> Iterator[Callable[[], None]]:
    """Yield a check that raises an interrupt which came and was lost.

    Python raises it wherever the signal finds the program; in a destructor, or a callback from compiled code,
    it is printed and forgotten, and a long run would go on to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came = threading.Event()

    def keep(_number: int, _frame: object) -> None:
        came.set()
        raise KeyboardInterrupt

    def check() -> None:
        if came.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, keep)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def share_bar() -> Iterator[Progress]:
    """Show what is being done and the share of it that is done; no more than listen where nobody watches."""
    with kept_interrupt() as check:
        if not on_terminal():
            yield lambda _text, _share: check()
            return
        with _bar() as show:

            def tell(text: str, share: float) -> None:
                check()
                show(text, share)

            yield tell


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(text: str, share: float) -> None:
            # What reports no share yet gets a bar that moves to and fro.
            bar.update(task, description=text, total=1.0 if share > 0.0 else None, completed=share)

        yield tell


@contextmanager
def bytes_bar() -> Iterator[Callable[[int, int], None]]:
    """Show the bytes that have come, the speed and the time left; nothing when stderr is no terminal."""
    if not on_terminal():
        yield lambda _here, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("fetching winds", total=None)
        yield lambda here, total: bar.update(task, completed=here, total=total)

"""`overflight station`: receive frames and keep them; status, verify and export of what was kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight.cli.screen import EXIT_DAMAGED, note, on_terminal, printable, say, say_json
from overflight.errors import InputError, LimitError

if TYPE_CHECKING:
    from rich.table import Table

    from overflight.custody.chain import Anchor, ChainReport
    from overflight.custody.intake import Intake
    from overflight.custody.station import StreamStatus
    from overflight.custody.tcp import Door

# A file of frames is verified in memory.
MOST_FILE_BYTES = 2 << 30
CHUNK_BYTES = 1 << 20
LINES_EVERY_S = 1.0
SHOWN_RANGES = 3

app = typer.Typer(
    rich_markup_mode=None, help="Receive frames, keep them durably, and verify their chain as it grows."
)

StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="The file that a station keeps.")]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="The key of the streams: raw bytes or hexadecimal."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def station(
    ctx: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Take frames over TCP here; port 0 takes a free one."),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="mqtt://[USER@]HOST[:PORT]/TOPIC", help="Take frames from this broker."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to keep them; made if it is not there.")
    ] = None,
    key_file: KeyOption = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only TCP clients that know this word may send.")
    ] = None,
    mqtt_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The password for the broker.")
    ] = None,
    max_clients: Annotated[int, typer.Option(min=1, help="TCP clients at a time.")] = 64,
    max_frames: Annotated[int, typer.Option(min=1, help="Frames in the store.")] = 100_000_000,
    max_gb: Annotated[float, typer.Option(min=0.001, help="Gigabytes of frames in the store.")] = 64.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead.")] = False,
) -> None:
    """Receive frames, keep them durably, and verify their chain as it grows.

    What is acknowledged is on the disk. On a terminal a table shows what has arrived, what is late and what
    is missing; otherwise a line is printed whenever that changed. It ends with Ctrl-C.

    An address that others can reach needs --token-file. Nothing is encrypted here: over a network that others
    share, lay it through a tunnel.

    \b
    overflight station --listen tcp://127.0.0.1:4700 --store frames.db
    overflight station --listen tcp://127.0.0.1:4700 --store frames.db --key-file key --json
    overflight station --mqtt mqtt://127.0.0.1/overflight --store frames.db
    overflight station status frames.db
    overflight station verify frames.db --key-file key
    """
    if ctx.invoked_subcommand is not None:
        return
    if store is None or (listen is None and mqtt is None):
        raise InputError(
            "what to listen to, or where to keep it, is missing",
            field="--listen, --mqtt, --store",
            remedy="Give --store, and --listen or --mqtt.",
        )
    from overflight.custody.intake import Intake
    from overflight.custody.station import Limits, close_store, open_store
    from overflight.custody.tcp import Door

    door = Door(clients=max_clients, token=read_word(token_file))
    limits = Limits(frames=max_frames, bytes=int(max_gb * 1e9))
    opened = open_store(store, key=key_of(key_file), limits=limits)
    try:
        asyncio.run(_run(lambda: Intake(opened), listen, mqtt, door, read_word(mqtt_password_file), as_json))
    finally:
        close_store(opened)


@app.command("status")
def status(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Say what has arrived, what is late and what is missing; exit code 4 if anything is missing or wrong.

    A station may be writing to the store meanwhile.

    \b
    overflight station status frames.db
    overflight station status frames.db --json
    """
    from overflight.custody import station as kept

    opened = kept.read_store(store)
    try:
        streams = kept.status(opened, time.time())
    finally:
        kept.close_store(opened)
    if as_json:
        say_json(told(streams))
    else:
        for line in lines(streams) or ["Nothing has arrived."]:
            say(line)
    if not all(one.ok for one in streams):
        raise typer.Exit(EXIT_DAMAGED)


@app.command("verify")
def verify(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A station's store, or a file of frames one after the other."),
    ],
    key_file: KeyOption = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Tags held by somebody else: a CSV (sequence, tag, stream, source), or a station's store.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the chain of every stream from its bytes; exit code 4 if anything is missing or wrong.

    For each of four adversaries (line noise, a third party without the key, a cut tail, the sender who
    rewrites and re-chains) it says what was found, what is proven, and what is not detectable. With the store
    of a station as anchors, a recovered recording is held against what was received in its time.

    \b
    overflight station verify frames.db --key-file key
    overflight station verify recovered.frames --anchors frames.db
    """
    from overflight.custody.received import read_anchors

    reports = verified(path, key_of(key_file), read_anchors(anchors))
    if as_json:
        from overflight.custody.chain import report_dict

        say_json({"ok": all(r.ok for r in reports), "streams": [report_dict(r) for r in reports]})
    else:
        from overflight.custody.chain import report_lines

        for one in reports:
            for line in report_lines(one):
                say(line)
    if not all(one.ok for one in reports):
        raise typer.Exit(EXIT_DAMAGED)


@app.command("export")
def export(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")],
    stream: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the stream whose id begins so; all if unsaid.")
    ] = None,
) -> None:
    """Write the frames that were kept to one file, byte for byte as they came, in the order of arrival.

    \b
    overflight station export frames.db --out received.frames
    """
    from overflight.custody import station as kept

    if out.exists():
        raise InputError("is there already", file=str(out), remedy="Give another name; nothing was written.")
    opened = kept.read_store(store)
    try:
        chosen = [s for s in kept.stored_streams(opened) if s.hex().startswith((stream or "").lower())]
        if not chosen:
            raise InputError("there is no such stream", field="--stream", remedy="See `station status`.")
        with open(out, "xb") as file:
            for one in chosen:
                file.writelines(kept.stored_raw(opened, one))
    finally:
        kept.close_store(opened)
    say(str(out))


# --- what is read --------------------------------------------------------------------------------------


def key_of(path: Path | None) -> bytes | None:
    """Return the key in a file, None without one."""
    from overflight.custody.frames import read_key

    return None if path is None else read_key(path)


def read_word(path: Path | None) -> str:
    """Return the first line of a file that holds a token or a password, '' without a file."""
    if path is None:
        return ""
    from overflight.rows import read_text

    word = read_text(path, limit_bytes=4096).strip()
    if not word or not word.isprintable():
        raise InputError("holds no word", file=str(path), remedy="One line, without spaces at its ends.")
    return word


def verified(path: Path, key: bytes | None, anchors: Sequence[Anchor]) -> list[ChainReport]:
    """Return the report of each stream in a store or a file of frames."""
    from overflight.custody import station as kept

    if not path.is_file():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    if not kept.is_store(path):
        return _verified_file(path, key, anchors)
    opened = kept.read_store(path)
    try:
        return list(kept.verify_store(opened, key=key, anchors=anchors).values())
    finally:
        kept.close_store(opened)


def _verified_file(path: Path, key: bytes | None, anchors: Sequence[Anchor]) -> list[ChainReport]:
    from overflight.custody.chain import by_stream, verify
    from overflight.custody.frames import decode_stream

    if path.stat().st_size > MOST_FILE_BYTES:
        raise LimitError(
            f"is larger than {MOST_FILE_BYTES >> 30} GiB", where=str(path), remedy="Cut it between frames."
        )
    with path.open("rb") as file:
        found = decode_stream(iter(lambda: file.read(CHUNK_BYTES), b""))
    streams = by_stream(found.frames, found.offsets)
    if not streams:
        return [verify((), key, anchors, defects=found.defects)]
    return [
        verify(frames, key, anchors, offsets=offsets, defects=found.defects, stream=stream)
        for stream, (frames, offsets) in streams.items()
    ]


# --- running -------------------------------------------------------------------------------------------


async def _run(
    make: Callable[[], Intake], listen: str | None, mqtt: str | None, door: Door, password: str, as_json: bool
) -> None:
    """Run until a signal says stop or the store cannot be written."""
    from overflight.custody.intake import drain, keep

    intake = make()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        # Where the system has no handlers, Ctrl-C raises instead.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(one, stop.set)
    keeper = asyncio.create_task(keep(intake))
    try:
        async with _doors(intake, listen, mqtt, door, password) as where:
            await _show(intake, where, stop, keeper, as_json)
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await drain(intake)
    finally:
        keeper.cancel()
    if as_json:
        _say_line(told(intake.status))
    else:
        for line in lines(intake.status):
            say(line)


@contextlib.asynccontextmanager
async def _doors(
    intake: Intake, listen: str | None, mqtt: str | None, door: Door, password: str
) -> AsyncIterator[list[str]]:
    from overflight.custody.mqtt import mqtt_door, parse_broker
    from overflight.custody.tcp import LOOPBACK, parse_address, tcp_door

    where: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        if listen is not None:
            host, port = parse_address(listen)
            if host not in LOOPBACK and not door.token:
                raise InputError(
                    f"others can reach {host}",
                    field="--listen",
                    remedy="Give --token-file, or listen on 127.0.0.1.",
                )
            port = await stack.enter_async_context(tcp_door(intake, host, port, door, note))
            where.append(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
        if mqtt is not None:
            broker = parse_broker(mqtt, password)
            await stack.enter_async_context(mqtt_door(intake, broker, note))
            where.append(f"mqtt://{broker.host}:{broker.port}/{broker.base}")
        yield where


async def _show(
    intake: Intake, where: list[str], stop: asyncio.Event, keeper: asyncio.Task[None], as_json: bool
) -> None:
    """Show what changes until the end; raises what ended the keeper."""
    waiting = asyncio.create_task(stop.wait())
    with _shower(where, as_json) as show:
        while not waiting.done():
            await asyncio.wait({waiting, keeper}, timeout=LINES_EVERY_S, return_when="FIRST_COMPLETED")
            if keeper.done():
                waiting.cancel()
                keeper.result()
            show(intake)


@contextlib.contextmanager
def _shower(where: list[str], as_json: bool) -> Iterator[Callable[[Intake], None]]:
    """Give what shows the state: a table on a terminal, else a line for each stream that changed."""
    if as_json:
        _say_line({"listening": where})
        yield _changes(lambda streams: _say_line(told(streams)))
    elif on_terminal() and sys.stdout.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(), auto_refresh=False) as live:
            yield lambda intake: live.update(table(intake.status, where, intake.clients), refresh=True)
    else:
        say(f"listening on {' and '.join(where)}")
        sys.stdout.flush()
        yield _changes(_say_lines)


def _changes(show: Callable[[Sequence[StreamStatus]], None]) -> Callable[[Intake], None]:
    """Return what shows only the streams that stand otherwise than when they were last shown."""
    shown: dict[str, str] = {}

    def changed(intake: Intake) -> None:
        fresh = [one for one in intake.status if shown.get(one.stream) != line_of(one)]
        shown.update({one.stream: line_of(one) for one in fresh})
        if fresh:
            show(fresh)

    return changed


def _say_lines(streams: Sequence[StreamStatus]) -> None:
    for one in streams:
        say(line_of(one))
    sys.stdout.flush()


def _say_line(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=True, allow_nan=False))
    sys.stdout.flush()


# --- words ---------------------------------------------------------------------------------------------


def told(streams: Sequence[StreamStatus]) -> dict[str, Any]:
    """Return the status as JSON takes it."""
    rows = [{**asdict(one), "ok": one.ok} for one in streams]
    return {"ok": all(one.ok for one in streams), "streams": rows}


def lines(streams: Sequence[StreamStatus]) -> list[str]:
    """Return a line for each stream."""
    return [line_of(one) for one in streams]


def line_of(one: StreamStatus) -> str:
    """Return how a stream stands in one line."""
    from overflight.times import short_utc

    name = f"{one.stream[:8]} {one.name}".strip()
    last = "" if one.frame_time_s is None else f", last of {short_utc(one.frame_time_s)}"
    parts = [f"{name}: {one.arrived} frames to {one.highest}{last}"]
    parts += _ranges("late", one.late) + _ranges("missing", one.missing)
    if one.altered:
        parts.append(f"altered {len(one.altered)} ({', '.join(map(str, one.altered[:SHOWN_RANGES]))})")
    parts += [f"{one.out_of_order} out of order"] if one.out_of_order else []
    parts += [f"{one.flaws} flaws"] if one.flaws else []
    if one.overdue_s is not None:
        # To the ten seconds, so that a line is not printed every second.
        parts.append(f"silent for {10 * (int(one.overdue_s) // 10)} s more than promised")
    parts.append("closed" if one.closed else "open")
    return "; ".join(parts)


def _ranges(word: str, ranges: Sequence[tuple[int, int]]) -> list[str]:
    if not ranges:
        return []
    count = sum(last - first + 1 for first, last in ranges)
    named = [str(a) if a == b else f"{a}–{b}" for a, b in ranges[:SHOWN_RANGES]]
    more = ", ..." if len(ranges) > SHOWN_RANGES else ""
    return [f"{word} {count} ({', '.join(named)}{more})"]


def table(streams: Sequence[StreamStatus], where: Sequence[str], clients: int) -> Table:
    """Return the table that a terminal shows."""
    from rich.table import Table
    from rich.text import Text

    from overflight.times import short_utc

    shown = Table(title=f"{' and '.join(where)}: {clients} clients")
    for head in ("stream", "arrived", "to", "last of", "late", "missing", "unsound", ""):
        shown.add_column(head, justify="left" if head in ("stream", "last of", "") else "right")
    for one in streams:
        when = "" if one.frame_time_s is None else short_utc(one.frame_time_s)
        state = "closed" if one.closed else "silent" if one.overdue_s is not None else "open"
        cells = [
            printable(f"{one.stream[:8]} {one.name}"), str(one.arrived), str(one.highest), when,
            str(_count(one.late)), str(_count(one.missing)), str(one.flaws), state,
        ]  # fmt: skip
        shown.add_row(*(Text(cell) for cell in cells), style="" if one.ok else "red")
    return shown


def _count(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)

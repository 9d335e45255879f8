"""`overflight custody stream`: what is provable of a received or recovered stream, and what is not."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import EXIT_DAMAGED, note, say, say_json
from overflight.cli.station import key_of

if TYPE_CHECKING:
    from overflight.custody.received import Copies


class Format(StrEnum):
    """What the file holds."""

    FRAMES = "frames"
    CCSDS = "ccsds"


def stream(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Frames or packets one after the other, or a station's store."),
    ],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", "--key-file", metavar="FILE", help="The key of the frames: raw bytes or hexadecimal."
        ),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What others held before: a CSV (sequence, tag, stream, source), or a station's store. "
            "A row without a tag says only that a frame of this number was there.",
        ),
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Another copy of the stream, to compare and to anchor with."),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="Frames of docs/frames.md, or CCSDS space packets.")
    ] = Format.FRAMES,
    as_json: AsJson = False,
) -> None:
    """Say what is missing, altered, doubled and out of order in a stream, and what nobody can know.

    For each of four adversaries (line noise, a third party without the key, a cut tail, the sender who
    rewrites and chains anew) it says what was found, what is provable, and what is not detectable. Exit code
    4 if anything is missing or wrong, or differs from the other copy, as does a stream that only one of the
    two files holds; and where the file is empty.

    \b
    overflight custody stream recovered.frames --key key
    overflight custody stream recovered.frames --anchors acknowledged.csv
    overflight custody stream recovered.frames --other received.db --json
    overflight custody stream dump.bin --format ccsds
    """
    from overflight.custody.received import examine_copies

    files = [path] if other is None else [path, other]
    kept = [] if anchors is None else [anchors]
    held = examine_copies(files, key=key_of(key), anchors=kept, format=format.value)
    if other is not None and not held.compared:
        note("The two files have no stream in common.")
    if as_json:
        _say_json(held)
    else:
        _say_lines(held)
    if not held.ok:
        raise typer.Exit(EXIT_DAMAGED)


def _say_json(held: Copies) -> None:
    from dataclasses import asdict

    say_json({**held.section, "findings": [asdict(one) for one in held.findings]})


def _say_lines(held: Copies) -> None:
    from overflight.custody.integrity import integrity_lines

    pairs = {one.stream: one for one in held.compared}
    for one in held.found.streams:
        for line in integrity_lines(one, pairs.get(one.stream), other=held.other):
            say(line)
    for single in held.alone:
        say(f"Stream {single.stream} {single.text}.")
    for text in held.found.notes:
        say(text)
    if held.found.streams_dropped:
        say(f"{held.found.streams_dropped} more streams, the smallest, were not examined.")

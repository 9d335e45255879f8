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
    from overflight.custody.integrity import Alone, Comparison, Examined


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
    from overflight.custody.integrity import compare_all, compare_streams, copy_anchors, examine_file
    from overflight.custody.received import read_anchors

    secret, held = key_of(key), read_anchors(anchors)
    theirs = None if other is None else examine_file(other, key=secret, format=format.value)
    if theirs is not None and other is not None:
        held = (*held, *copy_anchors(theirs, other.name))
    found = examine_file(path, key=secret, anchors=held, format=format.value)
    compared = () if theirs is None else compare_all(found, theirs)
    alone = () if theirs is None else compare_streams(found, theirs)
    if theirs is not None and not compared:
        note("The two files have no stream in common.")
    if as_json:
        _say_json(found, compared, alone, path, other)
    else:
        _say_lines(found, compared, alone, other)
    if not found.ok or alone or any(one.lacking or one.only_here or one.differing for one in compared):
        raise typer.Exit(EXIT_DAMAGED)


def _say_json(
    found: Examined,
    compared: tuple[Comparison, ...],
    alone: tuple[Alone, ...],
    path: Path,
    other: Path | None,
) -> None:
    from dataclasses import asdict

    from overflight.custody.integrity import findings_of, section

    rows = [asdict(one) for one in findings_of(found, compared, alone)]
    told = section(found, compared, alone=alone, source=path.name, other=other.name if other else "")
    say_json({**told, "findings": rows})


def _say_lines(
    found: Examined, compared: tuple[Comparison, ...], alone: tuple[Alone, ...], other: Path | None
) -> None:
    from overflight.custody.integrity import integrity_lines

    pairs = {one.stream: one for one in compared}
    for one in found.streams:
        for line in integrity_lines(one, pairs.get(one.stream), other=other.name if other else ""):
            say(line)
    for single in alone:
        say(f"Stream {single.stream} {single.text}.")
    for text in found.notes:
        say(text)
    if found.streams_dropped:
        say(f"{found.streams_dropped} more streams, the smallest, were not examined.")

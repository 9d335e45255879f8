"""The log as one file in which every byte counts.

    overflight-ledger 1 ORIGIN
    {"about_end":...}          an entry, its canonical bytes
    +BASE64                    its content, where the log keeps it; once, at the first entry that names it
    root SIZE HEX
    checkpoint BASE64          signed notes, by size
    stamp BASE64               time stamps over these notes (tokens of RFC 3161), by size
    sha256 HEX                 of all bytes above

Every line ends with a line feed. A log has one such file: what does not read back to the same bytes is
refused. So a change of any byte is found, but for a rewriting of the whole, which only a checkpoint shows
that was kept elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from overflight.errors import InputError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import PublicKey, read_checkpoint, signed_by
from overflight.ledger.entry import content_hash, read_entry
from overflight.ledger.log import Ledger
from overflight.ledger.verify import UNKNOWN

FIRST: Final = "overflight-ledger 1 "
# Content is held once in memory and as base64; a line above this is no content of ours.
MOST_LINE_BYTES: Final = 512 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a file of a log holds: its entries' bytes in order, content, signed notes and time stamps."""

    origin: str
    entries: tuple[bytes, ...]
    content: dict[str, bytes]
    root: bytes
    notes: tuple[str, ...]
    stamps: tuple[bytes, ...] = ()


def export_lines(log: Ledger) -> Iterator[bytes]:
    """Yield the lines of the canonical file of a log."""
    digest = hashlib.sha256()
    # Of one moment: a checkpoint that is kept meanwhile may be of more entries than were written here.
    with log.unchanging():
        for line in _lines(log):
            digest.update(line)
            yield line
    yield f"sha256 {digest.hexdigest()}\n".encode()


def _lines(log: Ledger) -> Iterator[bytes]:
    yield f"{FIRST}{log.origin}\n".encode()
    written: set[str] = set()
    peaks: list[bytes] = []
    size = 0
    for seq, data in log.rows():
        for _ in merkle.grow(peaks, seq, merkle.leaf_hash(data)):
            pass
        size += 1
        yield data + b"\n"
        name = read_entry(data).content
        content = log.content(name) if name and name not in written else None
        if content is not None:
            written.add(name)
            yield b"+" + base64.b64encode(content) + b"\n"
    yield f"root {size} {merkle.root_of_peaks(peaks).hex()}\n".encode()
    for _, note in log.checkpoints():
        yield b"checkpoint " + base64.b64encode(note.encode()) + b"\n"
    for _, token in log.stamps():
        yield b"stamp " + base64.b64encode(token) + b"\n"


def write_export(log: Ledger, path: Path) -> None:
    """Write the canonical file of a log, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as stream:
            stream.writelines(export_lines(log))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_export(path: Path) -> Exported:
    """Read the canonical file of a log and check every byte of it.

    Raises
    ------
    InputError
        Naming the line, where anything is not as `write_export` would have written it.
    """
    with path.open("rb") as stream:
        reader = _Reader(path.name)
        for number, line in enumerate(_bounded(stream.readline, path.name), start=1):
            reader.take(number, line)
    return reader.finish()


def check_export(
    exported: Exported, *, checkpoints: Sequence[str] = (), keys: Sequence[PublicKey] = ()
) -> tuple[list[str], list[str]]:
    """Hold a file that was read against checkpoints; return what is wrong and what could not be known.

    `checkpoints` are notes kept elsewhere, `keys` the public keys trusted to sign them and those in the file.
    """
    problems = []
    notes = [(note, read_checkpoint(note)) for note in (*exported.notes, *checkpoints)]
    roots = merkle.roots_of_entries(exported.entries, {there.size for _, there in notes})
    for note, there in notes:
        if keys and not any(signed_by(note, key) for key in keys):
            problems.append(f"a checkpoint of {there.size} entries carries no signature of a key given")
        elif there.origin != exported.origin:
            problems.append(f"a checkpoint is of another log ({there.origin!r})")
        elif there.size > len(exported.entries):
            gone = there.size - len(exported.entries)
            problems.append(f"a checkpoint saw {gone} entries that are not here: the log was cut short")
        elif roots[there.size] != there.root:
            problems.append(f"a checkpoint saw other entries before {there.size}: the log was written anew")
    limits = [] if checkpoints else [UNKNOWN]
    if (exported.notes or checkpoints) and not keys:
        limits.append("No key was given: who signed the checkpoints was not checked.")
    return problems, limits


def _bounded(readline: Callable[[int], bytes], name: str) -> Iterator[bytes]:
    while line := readline(MOST_LINE_BYTES):
        if not line.endswith(b"\n"):
            raise InputError("the last line is cut", file=name, remedy="Take another copy of the file.")
        yield line


class _Reader:
    """What of a file has been read; which kinds of line may follow is in `stage`."""

    def __init__(self, name: str) -> None:
        self.name, self.stage, self.digest = name, "first", hashlib.sha256()
        self.origin, self.root = "", b""
        self.entries: list[bytes] = []
        self.content: dict[str, bytes] = {}
        self.notes: list[str] = []
        self.stamps: list[bytes] = []
        self.peaks: list[bytes] = []
        self.named = ""

    def take(self, number: int, line: bytes) -> None:
        try:
            self._take(line)
        except (ValueError, UnicodeDecodeError) as error:
            what = error.what if isinstance(error, InputError) else str(error)
            raise InputError(
                what, file=self.name, line=number, remedy="The file was changed after it was written."
            ) from None
        if self.stage != "done":
            self.digest.update(line)

    def _take(self, line: bytes) -> None:
        text = line[:-1]
        if self.stage == "first":
            self.origin = text.decode().removeprefix(FIRST)
            if f"{FIRST}{self.origin}".encode() != text:
                raise ValueError("it is no exported ledger")
            self.stage = "entries"
        elif self.stage == "entries" and text.startswith(b"{"):
            self.named = read_entry(text).content
            for _ in merkle.grow(self.peaks, len(self.entries), merkle.leaf_hash(text)):
                pass
            self.entries.append(text)
        elif self.stage == "entries" and text.startswith(b"+"):
            data = _decoded(text[1:])
            if content_hash(data) != self.named or self.named in self.content:
                raise ValueError("this is not the content of the entry above")
            self.content[self.named] = data
        elif self.stage == "entries" and text.startswith(b"root "):
            self.root = merkle.root_of_peaks(self.peaks)
            if text != f"root {len(self.entries)} {self.root.hex()}".encode():
                raise ValueError("the entries above have another root")
            self.stage = "notes"
        elif self.stage == "notes" and text.startswith(b"checkpoint "):
            self.notes.append(_decoded(text[11:]).decode())
        elif self.stage in ("notes", "stamps") and text.startswith(b"stamp "):
            self.stamps.append(_decoded(text[6:]))
            self.stage = "stamps"
        elif self.stage in ("notes", "stamps") and text == f"sha256 {self.digest.hexdigest()}".encode():
            self.stage = "done"
        else:
            raise ValueError("this line does not belong here")

    def finish(self) -> Exported:
        if self.stage != "done":
            raise InputError("the end is missing", file=self.name, remedy="Take another copy of the file.")
        return Exported(
            origin=self.origin, entries=tuple(self.entries), content=self.content, root=self.root,
            notes=tuple(self.notes), stamps=tuple(self.stamps),
        )  # fmt: skip


def _decoded(text: bytes) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data) != text:
        raise ValueError("the base64 is not in its canonical form")
    return data

"""The stream of a case: what was received or recovered, examined, and what others held of it before.

`[inputs] stream` names one file, or two copies of which the second is what the first is held against, and
`[inputs] anchors` what others noted of it; `[ask.custody]` says their format and the key of the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overflight.case import CASE_FILE, Case
from overflight.custody import station
from overflight.custody.chain import Anchor, parse_anchors
from overflight.custody.custody_settings import CustodySettings
from overflight.custody.frames import read_key
from overflight.custody.integrity import (
    Alone,
    Comparison,
    Examined,
    Format,
    compare_all,
    compare_streams,
    copy_anchors,
    examine_file,
    findings_of,
    section,
)
from overflight.errors import CaseError, InputError
from overflight.records import Finding
from overflight.rows import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """A stream that was examined, and what another copy of it, `other`, says: '' where there is none."""

    found: Examined
    compared: tuple[Comparison, ...]
    alone: tuple[Alone, ...]
    source: str
    other: str

    @property
    def ok(self) -> bool:
        """Whether nothing is missing or wrong, and the copies are alike."""
        differ = any(one.lacking or one.only_here or one.differing for one in self.compared)
        return self.found.ok and not self.alone and not differ

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is known of every stream, as findings."""
        return findings_of(self.found, self.compared, self.alone)

    @property
    def section(self) -> dict[str, Any]:
        """The `stream` of `sections.custody`."""
        return section(self.found, self.compared, alone=self.alone, source=self.source, other=self.other)


def read_anchors(path: Path | None) -> tuple[Anchor, ...]:
    """Return anchors from a table, or every tag that a station kept; none without a file."""
    if path is None:
        return ()
    if not path.is_file():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    if not station.is_store(path):
        return parse_anchors(read_text(path), str(path))
    opened = station.read_store(path)
    try:
        return station.stored_anchors(opened)
    finally:
        station.close_store(opened)


def case_stream(case: Case, settings: CustodySettings) -> Copies | None:
    """Examine the stream that `[inputs]` of a case names; None where it names none.

    Raises CaseError where there are more than two copies, anchors and no stream, or a key that is an input
    as well, InputError where one cannot be read.
    """
    files, anchors = case.inputs["stream"], case.inputs["anchors"]
    if anchors and not files:
        raise CaseError(
            "has nothing to anchor: the case names no stream", file=CASE_FILE, field="inputs.anchors",
            remedy='Write stream = "recovered.frames", or take the anchors out.',
        )  # fmt: skip
    if len(files) > 2:
        raise CaseError(
            f"names {len(files)} copies of a stream", file=CASE_FILE, field="inputs.stream",
            remedy="Give one, or two to hold against one another.",
        )  # fmt: skip
    if settings.key is not None and settings.key.relative_to(case.folder).as_posix() in case.hashes:
        raise CaseError(
            "is an input of the case, whose hash the result tells", file=CASE_FILE, field="ask.custody.key",
            remedy="Give the key a file of its own.",
        )  # fmt: skip
    if not files:
        return None
    key = None if settings.key is None else read_key(settings.key)
    return examine_copies(files, key=key, anchors=anchors, format=settings.format)


def examine_copies(
    files: Sequence[Path],
    *,
    key: bytes | None = None,
    anchors: Sequence[Path] = (),
    format: Format | None = None,
) -> Copies:
    """Examine a stream, and hold it against another copy and against anchors where there are any.

    Without a format the ending of the first copy tells it.
    """
    kind = format or ("ccsds" if files[0].suffix.lower() == ".ccsds" else "frames")
    held = tuple(anchor for path in anchors for anchor in read_anchors(path))
    other = examine_file(files[1], key=key, format=kind) if len(files) > 1 else None
    if other is not None:
        held = (*held, *copy_anchors(other, files[1].name))
    found = examine_file(files[0], key=key, anchors=held, format=kind)
    return Copies(
        found=found,
        compared=() if other is None else compare_all(found, other),
        alone=() if other is None else compare_streams(found, other),
        source=files[0].name,
        other="" if other is None else files[1].name,
    )

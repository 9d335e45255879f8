"""An entry of the log: what it says of itself, and the bytes that are hashed.

The bytes are JSON in the canonical form of RFC 8785, so that an entry has one form only. What an entry is
about (a file, a row, a finding) is its *content*: kept beside the log under the SHA-256 that the entry gives.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final, Literal, get_args

from overflight.errors import InputError, LimitError
from overflight.times import parse_utc

Kind = Literal["input", "sighting", "claim", "correction", "finding", "note"]
KINDS: Final = get_args(Kind)

# An entry is a card of the index, not the thing itself.
MOST_BYTES: Final = 64 * 1024
MOST_PARENTS: Final = 1000
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. All values are text but `parents`, which names entries by the hex of their leaf hash.

    `content` is the SHA-256, in hex, of what the entry is about, '' where it is about nothing that can be
    kept; `subject` the id of that (of a sighting, a claim, a finding, the name of a file). `recorded` is when
    it was put down, `about_start` and `about_end` the time it speaks of, ISO 8601 with Z or ''. `actor` is
    who put it down, by `method` and `version`. A correction has what it corrects among its parents.
    """

    kind: Kind
    subject: str
    content: str = ""
    source: str = ""
    recorded: str
    about_start: str = ""
    about_end: str = ""
    actor: str = ""
    method: str = ""
    version: str = ""
    parents: tuple[str, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"{self.kind!r} is no kind", field="kind", remedy=f"Use {', '.join(KINDS)}.")
        for name in TEXTS:
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{getattr(self, name)!r} is no text", field=name)
        if not self.subject:
            raise InputError("it is empty", field="subject", remedy="Say what the entry is about.")
        if self.content and not _HEX.fullmatch(self.content):
            raise InputError("it is no SHA-256 in hex", field="content")
        for name in ("recorded", "about_start", "about_end"):
            _check_time(name, getattr(self, name), needed=name == "recorded")
        if len(self.parents) > MOST_PARENTS or len(set(self.parents)) < len(self.parents):
            raise InputError(
                f"{len(self.parents)} parents, some of them twice or too many", field="parents",
                remedy=f"Name each once, {MOST_PARENTS} at most.",
            )  # fmt: skip
        if not all(isinstance(one, str) and _HEX.fullmatch(one) for one in self.parents):
            raise InputError("a parent is no leaf hash in hex", field="parents")
        if self.kind == "correction" and not self.parents:
            raise InputError(
                "a correction names nothing", field="parents", remedy="Name the entry it corrects."
            )


NAMES: Final = tuple(sorted(field.name for field in fields(Entry)))
TEXTS: Final = tuple(name for name in NAMES if name not in ("kind", "parents"))


def _check_time(name: str, value: str, *, needed: bool) -> None:
    if value:
        _parsed(value)
    elif needed:
        raise InputError("it is empty", field=name, remedy="Give the time in UTC.")


_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
# Entries of one run share their times.
_parsed = lru_cache(maxsize=4096)(parse_utc)


def entry_bytes(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry. LimitError above 64 KiB, InputError for half characters."""
    # Keys are ASCII and in order, values text or lists of text: of such the plain encoder writes RFC 8785.
    row = {name: getattr(entry, name) for name in NAMES}
    try:
        data = _ENCODE(row).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"it holds half a character: {error.object[error.start : error.start + 1]!r}",
            field=entry.subject[:80],
            remedy="Give valid Unicode.",
        ) from None
    if len(data) > MOST_BYTES:
        raise LimitError(
            f"an entry of {len(data)} bytes about {entry.subject[:80]!r}",
            remedy="Keep the text as content and its hash in the entry.",
        )
    return data


def read_entry(data: bytes) -> Entry:
    """Return the entry that bytes hold. InputError where they are not the canonical bytes of one."""
    if len(data) > MOST_BYTES:
        raise InputError(f"{len(data)} bytes are no entry")
    try:
        row: Any = json.loads(data)
        entry = Entry(**{**row, "parents": tuple(row["parents"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"the bytes hold no entry: {error}") from None
    if entry_bytes(entry) != data:
        raise InputError("the bytes are an entry, but not in its canonical form")
    return entry


def content_bytes(value: Mapping[str, Any] | bytes) -> bytes:
    """Return the bytes of content: as they are, or a mapping as canonical JSON (RFC 8785).

    InputError for what JSON cannot hold: numbers that are not finite, whole numbers beyond 2^53.
    """
    if isinstance(value, bytes):
        return value
    import rfc8785

    try:
        return rfc8785.dumps(dict(value))
    except rfc8785.CanonicalizationError as error:
        raise InputError(f"the content has no canonical form: {error}") from None


def content_hash(data: bytes) -> str:
    """Return the SHA-256 of content in hex."""
    return hashlib.sha256(data).hexdigest()

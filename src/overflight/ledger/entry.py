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
from json.encoder import encode_basestring
from operator import attrgetter
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
        try:
            "".join(_texts_of(self))
        except TypeError:
            _refuse_no_text(self)
        if not self.subject:
            raise InputError("it is empty", field="subject", remedy="Say what the entry is about.")
        if self.content and not _HEX.fullmatch(self.content):
            raise InputError("it is no SHA-256 in hex", field="content")
        if not self.recorded:
            raise InputError("it is empty", field="recorded", remedy="Give the time in UTC.")
        _parsed(self.recorded)
        if self.about_start:
            _parsed(self.about_start)
        if self.about_end:
            _parsed(self.about_end)
        if self.parents != () or self.kind == "correction":
            _check_parents(self)


NAMES: Final = tuple(sorted(field.name for field in fields(Entry)))
TEXTS: Final = tuple(name for name in NAMES if name not in ("kind", "parents"))
_texts_of: Final = attrgetter(*TEXTS)
# Entries of one run share their times.
_parsed = lru_cache(maxsize=4096)(parse_utc)


def _refuse_no_text(entry: Entry) -> None:
    for name in TEXTS:
        if not isinstance(getattr(entry, name), str):
            raise InputError(f"{getattr(entry, name)!r} is no text", field=name) from None


def _check_parents(entry: Entry) -> None:
    parents = entry.parents
    if len(parents) > MOST_PARENTS or len(set(parents)) < len(parents):
        raise InputError(
            f"{len(parents)} parents, some of them twice or too many", field="parents",
            remedy=f"Name each once, {MOST_PARENTS} at most.",
        )  # fmt: skip
    if not all(isinstance(one, str) and _HEX.fullmatch(one) for one in parents):
        raise InputError("a parent is no leaf hash in hex", field="parents")
    if entry.kind == "correction" and not parents:
        raise InputError("a correction names nothing", field="parents", remedy="Name the entry it corrects.")


def entry_bytes(entry: Entry) -> bytes:
    """Return the canonical bytes of an entry. LimitError above 64 KiB, InputError for half characters."""
    # Keys are in order, values text or lists of text: of such this is RFC 8785. Spelled out, as an encoder
    # that goes through an object takes three times as long.
    quoted = encode_basestring
    text = (
        f'{{"about_end":{quoted(entry.about_end)},"about_start":{quoted(entry.about_start)},'
        f'"actor":{quoted(entry.actor)},"content":{quoted(entry.content)},"kind":{quoted(entry.kind)},'
        f'"method":{quoted(entry.method)},"parents":[{",".join(map(quoted, entry.parents))}],'
        f'"recorded":{quoted(entry.recorded)},"source":{quoted(entry.source)},'
        f'"subject":{quoted(entry.subject)},"text":{quoted(entry.text)},"version":{quoted(entry.version)}}}'
    )
    try:
        data = text.encode()
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


# The bytes of entries whose texts have no escapes. What else an entry may be is read in full.
_TEXT: Final = r'"[^"\\\x00-\x1f]*"'
_TIME: Final = r'"([^"\\\x00-\x1f]*)"'
_SHAPES: Final = {
    "about_end": _TIME,
    "about_start": _TIME,
    "content": '"([0-9a-f]{64}|)"',
    "kind": f'"({"|".join(KINDS)})"',
    "parents": r'\[("[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*|)\]',
    "recorded": _TIME,
    "subject": r'"[^"\\\x00-\x1f]+"',
}
_PLAIN: Final = re.compile(
    (r"\{" + ",".join(f'"{name}":{_SHAPES.get(name, _TEXT)}' for name in NAMES) + r"\}").encode()
)


def references(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the hash of the content that an entry's bytes name, b"" for none, and those of its parents.

    InputError where the bytes are not the canonical ones of an entry.
    """
    plain = _PLAIN.fullmatch(data)
    if plain and data.isascii() and len(data) <= MOST_BYTES:
        end, start, content, kind, named, recorded = plain.groups()
        parents = tuple(map(bytes.fromhex, named.decode()[1:-1].split('","'))) if named else ()
        once = len(set(parents)) == len(parents) <= MOST_PARENTS
        if _are_times(recorded, start, end) and once and (parents or kind != b"correction"):
            return bytes.fromhex(content.decode()), parents
    entry = read_entry(data)
    return bytes.fromhex(entry.content), tuple(map(bytes.fromhex, entry.parents))


@lru_cache(maxsize=4096)
def _are_times(recorded: bytes, start: bytes, end: bytes) -> bool:
    try:
        for one in (recorded, start or recorded, end or recorded):
            parse_utc(one.decode())
    except ValueError:
        return False
    return True


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

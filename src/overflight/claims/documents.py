"""Articles in: plain text or HTML, as a document of numbered sentences with its digest.

file ──► bytes (at most 50 MB) ──► text ──► paragraphs ──► sentences ──► `Document`

A file is text or gzipped text; other archives are refused. Nothing is fetched and nothing executed.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from overflight.claims.dates import read_span
from overflight.claims.htmltext import MOST_TEXT, Page, plain, read_page
from overflight.claims.sentences import MOST_SENTENCES, Sentence, speakers, split_sentences
from overflight.claims.table import read_limited
from overflight.errors import InputError, LimitError

MOST_BYTES: Final = 50_000_000
_HTML = re.compile(
    rb"\s*(?:<!doctype html|<html|<head|<body|<article|<meta|<\?xml[^>]{0,200}>\s*<!doctype html)", re.I
)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.I)
# Encodings that a page may name; each gives one character for a byte or two, none expands.
_ENCODINGS: Final = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "cp1252",
    "latin1": "cp1252", "windows-1252": "cp1252", "iso-8859-15": "iso-8859-15", "windows-1251": "cp1251",
    "iso-8859-2": "iso-8859-2", "windows-1250": "cp1250", "gb2312": "gb18030", "gbk": "gb18030",
    "gb18030": "gb18030", "big5": "big5", "shift_jis": "shift_jis", "euc-jp": "euc-jp", "euc-kr": "euc-kr",
}  # fmt: skip
_WRAPPED: Final = 140  # characters; lines of a text that somebody broke at a width are shorter
_SPEAKS = re.compile(r"(?:[QA]|[A-Z][A-Z .'’-]{2,60}):\s")
_ENDED = re.compile(r"[.!?:;…][\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class Document:
    """An article: `name` of the file, digest of its bytes, what it says of itself, its sentences from 1.

    `published` is a date as `dates.read_span` reads it, '' when not known. `notes` say what was left out.
    """

    name: str
    sha256: str
    kind: str
    sentences: tuple[Sentence, ...]
    title: str = ""
    outlet: str = ""
    published: str = ""
    notes: tuple[str, ...] = ()


def read_document(path: str | Path, *, outlet: str = "", published: str = "") -> Document:
    """Read an article from a file (.txt, .html, each also .gz).

    `outlet` and `published` stand over what the page says of itself.

    Raises
    ------
    InputError
        When the file cannot be read, is an archive or no text, or holds no sentence.
    LimitError
        When it is larger than 50 MB, packed or unpacked, or has more than 20 000 sentences.
    """
    path = Path(path)
    is_gzip = path.suffix.lower() == ".gz"
    data = _unpacked(path) if is_gzip else read_limited(path, MOST_BYTES, "the article")
    inner = path.with_suffix("") if is_gzip else path
    return parse_document(
        data, name=path.name, outlet=outlet, published=published,
        is_html=True if inner.suffix.lower() in (".html", ".htm", ".xhtml") else None,
    )  # fmt: skip


def parse_document(
    data: bytes, *, name: str = "article", outlet: str = "", published: str = "", is_html: bool | None = None
) -> Document:
    """Parse the bytes of an article; whether it is HTML is seen from its beginning when not said."""
    if len(data) > MOST_BYTES:
        raise LimitError(f"the article is larger than {MOST_BYTES} bytes", where=name, remedy="Split it.")
    if is_html is None:
        is_html = bool(_HTML.match(data[:2000].removeprefix(codecs.BOM_UTF8)))
    text = _decoded(data, name, is_html)
    digest = hashlib.sha256(data).hexdigest()
    if not is_html and len(text) > MOST_TEXT:
        raise LimitError(f"more than {MOST_TEXT} characters of text", where=name, remedy="Split the article.")
    if not is_html:
        blocks = list(_paragraphs(text))
        published = published or _dated([block for block, _ in blocks[:4]])
        made = Document(name, digest, "text", _sentences(blocks, name), published=published)
    else:
        page = _page(text, name)
        made = Document(
            name, digest, "html", _sentences(page.blocks, name), page.title, page.outlet,
            _date(published or page.published), page.notes,
        )  # fmt: skip
    if not made.sentences:
        raise InputError("holds no sentence", file=name, remedy="Give an article as text or HTML.")
    return _said_of(made, outlet, published)


def _page(text: str, name: str) -> Page:
    try:
        return read_page(text)
    except LimitError as error:
        raise LimitError(error.what, where=name, remedy=error.remedy) from error


def _said_of(made: Document, outlet: str, published: str) -> Document:
    if published:
        read_span(published)
    return replace(made, outlet=outlet or made.outlet, published=published or made.published)


def _date(text: str) -> str:
    """Return what a page gives as its date if it can be read as one, else ''."""
    try:
        read_span(text)
    except InputError:
        return text[:10] if re.fullmatch(r"\d{4}-\d{2}-\d{2}T.*", text) else ""
    return text


_FULL_DATE = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}|(?:\d{1,2}(?:st|nd|rd|th)? )?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
    r"(?: \d{1,2}(?:st|nd|rd|th)?)?,? (?:19|20)\d\d)\b"
)
_DATELINE = re.compile(r"[A-Z][A-Z .'’/-]{2,40},\s[^()—–]{4,30}?(?:\s?\([^()]{2,40}\))?\s?[—–-]+\s")


def _dated(blocks: Sequence[str]) -> str:
    """Return the day that the head of a text gives: a short line, or a dateline; '' when there is none."""
    for block in blocks:
        line = _DATELINE.match(block)
        head = line[0] if line else block if len(block) <= 90 and not _ENDED.search(block) else ""
        if (said := _FULL_DATE.search(head)) and re.search(r"\d{1,2}\D+\d{4}|\d{4}-", said[0]):
            return _date(said[0])
    return ""


def _unpacked(path: Path) -> bytes:
    """Return what a gzip file holds, never more than the limit, whatever it says that it holds."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path.name, remedy="Check the path."
        ) from error
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, MOST_BYTES + 1)
    except zlib.error as error:
        raise InputError(f"is no gzip ({error})", file=path.name, remedy="Unpack it yourself.") from error
    if len(packed) > MOST_BYTES or len(data) > MOST_BYTES:
        raise LimitError(f"unpacks to more than {MOST_BYTES} bytes", where=path.name, remedy="Split it.")
    if not unpacker.eof or unpacker.unused_data:
        raise InputError(
            "is cut short, or holds more than one file", file=path.name, remedy="Pack one whole article."
        )
    if data.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise InputError("holds another archive", file=path.name, remedy="Give the article itself.")
    return data


def _decoded(data: bytes, name: str, is_html: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        said = _CHARSET.search(data[:4096]) if is_html else None
        encoding = _ENCODINGS.get(said[1].decode("ascii").lower(), "utf-8") if said else "utf-8"
    try:
        text = data.decode(encoding).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        raise InputError(
            f"is not {encoding.upper()} text (byte {error.start})", file=name,
            line=data[: error.start].count(b"\n") + 1, remedy="Save the article as UTF-8.",
        ) from error  # fmt: skip
    if "\x00" in text:
        raise InputError("holds zero bytes; it is no text", file=name, remedy="Give the article as text.")
    return text


def _paragraphs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the paragraphs of plain text: blank lines part them, and so do lines that end a sentence.

    A line that ends none goes on in the next one (text broken at a width), unless it is much shorter than
    the long ones of the text, and then it is a heading.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    longest = _width(text)
    for chunk in re.split(r"\n[ \t\r\f\v]*\n", text):
        lines = [line for raw in chunk.split("\n") if (line := plain(raw))]
        run: list[str] = []
        for k, line in enumerate(lines):
            run.append(line)
            ended = bool(_ENDED.search(line))
            short = len(line) < 0.6 * longest and len(run) == 1
            last = k == len(lines) - 1 or _SPEAKS.match(lines[k + 1]) is not None
            if (ended and (len(line) > 100 or longest > _WRAPPED)) or last or (short and not ended):
                joined = " ".join(run)
                yield joined, not _ENDED.search(joined)
                run = []


def _width(text: str) -> int:
    """Return how long the long lines of a text are: a tenth of them are longer."""
    lengths = sorted(len(line) for line in text.split("\n") if line.strip())
    return lengths[9 * len(lengths) // 10] if lengths else 0


def _sentences(blocks: Iterable[tuple[str, bool]], name: str) -> tuple[Sentence, ...]:
    found: list[Sentence] = []
    listed = list(blocks)
    speaking = speakers([text for text, _ in listed])
    for paragraph, (text, heading) in enumerate(listed, start=1):
        speaker, begin = speaking.get(paragraph - 1, ("", 0))
        for piece in split_sentences(text[begin:]):
            if len(found) == MOST_SENTENCES:
                raise LimitError(
                    f"more than {MOST_SENTENCES} sentences", where=name, remedy="Split the article."
                )
            found.append(Sentence(len(found) + 1, piece, paragraph, heading and not speaker, speaker))
    return tuple(found)

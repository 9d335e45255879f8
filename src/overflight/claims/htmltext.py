"""The readable text of an HTML page, block by block; nothing in it is executed, fetched or expanded.

The page is cut at its tags in one pass, and only small whole tags are handed to the parser of the standard
library, which alone takes a time that grows with the square of what is left open. No tree is built, so depth
costs nothing. Entities are those of HTML, each at most one character or two; a document cannot declare any.

Left out: scripts, styles, forms, navigation, what is hidden by an attribute; what stands outside `article`
or `main` where those hold half of the words; what its class calls a notice, a caption, a link to elsewhere,
unless that is more than what stays. What was left out is counted. A block that is one link is a heading.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from overflight.errors import LimitError

MOST_TAG = 4096  # characters of a tag whose attributes are read; longer ones carry data, such as images
MOST_TEXT: Final = 5_000_000  # characters that are read: eight novels; a page may have scripts beside
MOST_TAGS: Final = 500_000
MOST_ENTITIES: Final = 1_000_000
_RAW: Final = frozenset(
    {"script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title", "template"}
)
_SKIPPED: Final = frozenset(
    {"nav", "footer", "form", "button", "select", "noscript", "svg", "math", "object", "video", "audio",
     "canvas", "dialog", "menu"}
)  # fmt: skip
_BLOCKS: Final = frozenset(
    {"address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div",
     "dl", "dt", "fieldset", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header",
     "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
     "th", "thead", "time", "tr", "ul"}
)  # fmt: skip
_HEADS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "caption", "figcaption", "th", "time"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
# Where a tag, a comment or a declaration may begin; any other '<' is text.
_MARK = re.compile(r"<(?=/?[a-zA-Z]|[!?])")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
# What pages call the parts that are not the article, in their classes, ids and roles.
_FOREIGN: Final = frozenset(
    {"ad", "ads", "advert", "advertisement", "advertising", "banner", "bio", "breadcrumb",
     "breadcrumbs", "byline", "caption", "captions", "comment", "comments", "complementary", "consent",
     "contentinfo", "cookie", "cookies", "copyright", "credit", "credits", "dialog", "disclaimer",
     "dropdown", "footer", "gdpr", "menu", "meta", "metadata", "modal", "nav", "navbar", "navigation",
     "newsletter", "outbrain", "pagination", "paywall", "popular", "popup", "promo", "promotion",
     "pull", "pullquote", "recirc", "recommended", "related", "search", "share", "sharing", "sidebar",
     "signup", "skip", "social", "sponsor", "sponsored", "subscribe", "subscription", "taboola", "tags",
     "teaser", "toc", "toolbar", "tooltip", "trending", "widget"}
)  # fmt: skip
_NAMED = re.compile(
    r"\s(?:class|id|role)\s*=\s*(?:\"([^\"]{0,400})|'([^']{0,400})|([^\s>\"']{1,400}))", re.IGNORECASE
)
_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WHOLE: Final = frozenset({"html", "head", "body", "main", "article", "h1", "a", "meta", "link", "time"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# The library turns digits into an integer, however many there are.
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
_PUBLISHED: Final = (
    "article:published_time",
    "datepublished",
    "date",
    "dc.date",
    "pubdate",
    "parsely-pub-date",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Blocks of text with whether each is a heading, what the page says of itself, and what was left out."""

    blocks: tuple[tuple[str, bool], ...]
    title: str = ""
    outlet: str = ""
    published: str = ""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """The state of one pass: blocks so far (text, heading, inside article), and what is skipped."""

    blocks: list[tuple[str, bool, bool]] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    head: str = ""
    inside: int = 0
    with_foreign: bool = False
    link: int = 0
    linked: int = 0
    foreign: bool = False
    foreign_words: int = 0
    skipping: str = ""
    depth: int = 0
    skipped_words: int = 0
    length: int = 0
    title: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Attributes(HTMLParser):
    """Keeps the attributes of the one tag that it is fed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = {name: value or "" for name, value in attrs}


def read_page(text: str) -> Page:
    """Return the readable text of a page. Takes a time in proportion to its length, whatever is in it."""
    if text.count("&") > MOST_ENTITIES:
        raise LimitError(f"the page has more than {MOST_ENTITIES} entities", remedy="Save its text alone.")
    state = _read(text, _Reading())
    if 2 * state.foreign_words > sum(len(t.split()) for t, _, _ in state.blocks) + state.foreign_words:
        # A class that wraps the article too, such as 'with-sidebar', tells nothing.
        state = _read(text, _Reading(with_foreign=True))
    blocks = _chosen(state)
    if state.skipped_words:
        state.notes.append(f"{state.skipped_words} words in hidden or foreign parts of the page are not read")
    published = next((state.meta[n] for n in _PUBLISHED if state.meta.get(n)), "")
    title = state.title or state.meta.get("og:title", "")
    return Page(blocks, title, state.meta.get("og:site_name", ""), published, tuple(state.notes))


def _read(text: str, state: _Reading) -> _Reading:
    for kind, piece in _pieces(text, state):
        if kind == "text":
            _take_text(state, piece)
        elif kind == "title":
            state.title = state.title or plain(unescape(piece))
        else:
            _take_tag(state, piece)
    _end_block(state)
    if state.skipping:
        state.notes.append(f"the element '{state.skipping}' is never closed; what follows it is not read")
    return state


def unescape(text: str) -> str:
    """Replace the entities of HTML by their characters; numbers beyond Unicode by U+FFFD."""
    return html.unescape(_LONG_NUMBER.sub("\N{REPLACEMENT CHARACTER}", text)) if "&" in text else text


def plain(text: str) -> str:
    """Return text on one line, without characters that steer terminals or the order of reading."""
    return " ".join("".join(c if c.isprintable() else " " * c.isspace() for c in text).split())


def _pieces(text: str, state: _Reading) -> Iterator[tuple[str, str]]:
    """Yield ('text', …), ('tag', …) and ('title', …) from left to right."""
    at, end, tags = 0, len(text), 0
    while at < end:
        mark = _MARK.search(text, at, at + MOST_TEXT + 2)
        if mark is None:
            # More than is ever read goes out in one piece, and is refused there.
            yield "text", text[at:]
            return
        angle = mark.start()
        tags += 1
        if tags > MOST_TAGS:
            raise LimitError(f"the page has more than {MOST_TAGS} tags", remedy="Save its text alone.")
        if angle > at:
            yield "text", text[at:angle]
        if text.startswith("<!--", angle):
            at = _after(text, "-->", angle + 4, state, "a comment")
        elif text.startswith(("<!", "<?"), angle):
            at = _after(text, ">", angle + 2, state, "a declaration")
        elif name := _TAG.match(text, angle):
            close = _tag_end(text, angle)
            if close < 0:
                state.notes.append("the last tag is never closed; what follows it is not read")
                return
            tag, at = text[angle : close + 1], close + 1
            yield "tag", tag
            if (raw := name[1].lower()) in _RAW and not tag.startswith("</"):
                found = re.compile(rf"</{raw}(?=[\s/>])", re.IGNORECASE).search(text, at)
                if raw == "title" and found:
                    yield "title", text[at : min(found.start(), at + MOST_TAG)]
                if found is None:
                    state.notes.append(f"the element '{raw}' is never closed; what follows it is not read")
                at = found.start() if found else end


def _after(text: str, mark: str, at: int, state: _Reading, what: str) -> int:
    found = text.find(mark, at)
    if found < 0:
        state.notes.append(f"{what} is never closed; what follows it is not read")
        return len(text)
    return found + len(mark)


def _tag_end(text: str, start: int) -> int:
    """Return where the tag ends; a '>' inside quotes is stepped over, a few times at most."""
    first = close = text.find(">", start)
    for _ in range(8):
        if close < 0 or close - start > MOST_TAG or text.count('"', start, close) % 2 == 0:
            break
        close = text.find(">", close + 1)
    return close if 0 <= close - start <= MOST_TAG else first


def _take_text(state: _Reading, piece: str) -> None:
    if state.skipping:
        count = len(piece.split())
        state.skipped_words += count
        state.foreign_words += count * state.foreign
    else:
        state.length += len(piece)
        if state.length > MOST_TEXT:
            raise LimitError(f"more than {MOST_TEXT} characters of text", remedy="Split the article.")
        state.run.append(unescape(piece))
        state.linked += len(piece.strip()) if state.link else 0


def _take_tag(state: _Reading, tag: str) -> None:
    found = _TAG.match(tag)
    name = found[1].lower() if found else ""
    closing = tag.startswith("</")
    if state.skipping:
        if name == state.skipping:
            state.depth += -1 if closing else 1
            state.skipping = state.skipping if state.depth else ""
        return
    if name in _BLOCKS:
        _end_block(state)
        state.head = "" if closing or name not in _HEADS else name
    if name == "a":
        state.link = 0 if closing else 1
    if name in ("article", "main"):
        state.inside = max(0, state.inside + (-1 if closing else 1))
    if closing or (name in _VOID and name != "meta"):
        return
    attributes = _attributes(tag) if name == "meta" or "hidden" in tag or "style" in tag else {}
    if name == "meta":
        key = (
            attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        ).lower()
        state.meta.setdefault(key[:80], plain(attributes.get("content", "")[:500]))
    elif name in _SKIPPED or _is_hidden(attributes):
        state.skipping, state.depth, state.foreign = name, 1, False
    elif not state.with_foreign and (name == "aside" or _is_foreign(tag, name)):
        state.skipping, state.depth, state.foreign = name, 1, True


def _attributes(tag: str) -> dict[str, str]:
    if len(tag) > MOST_TAG or ("&#" in tag and _LONG_NUMBER.search(tag)):
        return {}
    parser = _Attributes()
    parser.feed(tag)
    return parser.found


def _is_foreign(tag: str, name: str) -> bool:
    """Whether the class, id or role of an element says that it is no part of the article."""
    if name in _WHOLE or "=" not in tag:
        return False
    said = (each for found in _NAMED.finditer(tag[:MOST_TAG]) for each in found.groups() if each)
    return any(token.lower() in _FOREIGN for each in said for token in _TOKEN.findall(each))


def _is_hidden(attributes: dict[str, str]) -> bool:
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden", "").lower() == "true"
        or bool(_HIDDEN.search(attributes.get("style", "")))
    )


def _end_block(state: _Reading) -> None:
    text = plain("".join(state.run))
    state.run.clear()
    if text:
        is_link = state.linked >= 0.9 * len(text)
        state.blocks.append((text, bool(state.head) or is_link, state.inside > 0))
    state.linked = 0


def _chosen(state: _Reading) -> tuple[tuple[str, bool], ...]:
    """Return the blocks of the article where the page marks one that holds half of the words, else all."""
    words = [len(text.split()) for text, _, _ in state.blocks]
    own = sum(n for n, (_, _, inside) in zip(words, state.blocks, strict=True) if inside)
    if 2 * own < sum(words):
        return tuple((text, head) for text, head, _ in state.blocks)
    state.skipped_words += sum(words) - own
    return tuple((text, head) for text, head, inside in state.blocks if inside)

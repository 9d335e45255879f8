"""Articles in: what is read of text and HTML, and what hostile files meet."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from overflight.claims import documents, htmltext
from overflight.claims.documents import parse_document, read_document
from overflight.errors import InputError, LimitError

PAGE = """<!DOCTYPE html><html><head><title>Lights &amp; shadows</title>
<meta property="article:published_time" content="2021-05-04T10:00:00Z">
<meta property="og:site_name" content="The Strait Courier">
<script>document.write("<p>The airship was ours.</p>"); x = "</p>"</script>
<style>p:before { content: "A forged sentence stood here." }</style></head>
<body><nav><p>Home is where the menu is kept.</p></nav>
<article><h1>Lights over the strait</h1>
<p>The airship crossed the strait at&nbsp;night, the navy said.</p>
<p hidden>A hidden sentence was put here.</p>
<!-- <p>A comment was no sentence.</p> -->
<p>It carried &#x74;wo cameras.<br>It was gone by dawn. 3 < 4 it was said.</p>
</article><footer><p>All rights were reserved by somebody.</p></footer></body></html>"""


def texts(data: str | bytes, **more: bool) -> list[str]:
    raw = data.encode() if isinstance(data, str) else data
    return [s.text for s in parse_document(raw, **more).sentences]


def test_a_page_gives_its_article_alone() -> None:
    found = parse_document(PAGE.encode(), name="page.html")
    assert [s.text for s in found.sentences if not s.heading] == [
        "The airship crossed the strait at night, the navy said.",
        "It carried two cameras.",
        "It was gone by dawn.",
        "3 < 4 it was said.",
    ]
    assert (found.title, found.outlet) == ("Lights & shadows", "The Strait Courier")
    assert found.published == "2021-05-04T10:00:00Z"
    assert any("not read" in note for note in found.notes)


def test_what_is_said_of_an_article_stands_over_what_it_says_itself(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGE, "utf-8")
    found = read_document(path, outlet="Other", published="2020-01-02")
    assert (found.outlet, found.published) == ("Other", "2020-01-02")
    with pytest.raises(InputError, match="more than one way"):
        read_document(path, published="02/03/2020")


def test_lines_broken_at_a_width_are_one_paragraph() -> None:
    text = (
        "The airship was seen by three fishermen over\nthe northern reef. It went\nsouth at noon.\n\n"
        "It was lost.\n"
    )
    found = parse_document(text.encode())
    assert [s.text for s in found.sentences] == [
        "The airship was seen by three fishermen over the northern reef.",
        "It went south at noon.",
        "It was lost.",
    ]
    assert [s.paragraph for s in found.sentences] == [1, 1, 2]


@pytest.mark.parametrize(
    ("tail", "note"),
    [
        ("<!-- and so on", "comment"),
        ("<script>while(1){}", "script"),
        ("<p hidden><p>more", "'p'"),
        ("<a href='", "last tag"),
    ],
)
def test_what_is_never_closed_is_named(tail: str, note: str) -> None:
    found = parse_document(f"<html><p>The airship was seen at sea.</p>{tail}".encode(), is_html=True)
    assert [s.text for s in found.sentences] == ["The airship was seen at sea."]
    assert any(note in line for line in found.notes)


def test_a_million_open_tags_and_huge_numbers_are_met() -> None:
    deep = "<div>" * 20_000 + "<p>The airship was seen at sea.</p>"
    assert texts(deep, is_html=True) == ["The airship was seen at sea."]
    assert texts(f"<p>It was &#{'9' * 6000}; here.</p>", is_html=True) == [
        "It was \N{REPLACEMENT CHARACTER} here."
    ]
    with pytest.raises(LimitError, match="tags"):
        parse_document(b"<p>It was here.</p>" + b"<b>" * 500_001, is_html=True)


def test_entities_cannot_be_declared() -> None:
    bomb = '<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>The airship was &b; there.</p>'
    assert "aaaa" not in " ".join(texts(bomb, is_html=True))


def test_characters_that_steer_a_terminal_are_taken_out() -> None:
    (text,) = texts("The airship\x1b[2J was \N{RIGHT-TO-LEFT OVERRIDE}seen.")
    assert text == "The airship[2J was seen."


def test_gzip_is_unpacked_and_bombs_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"The airship was seen at sea."))
    assert read_document(path).sentences[0].text == "The airship was seen at sea."
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="another archive"):
        read_document(path)
    monkeypatch.setattr(documents, "MOST_BYTES", 10_000)
    path.write_bytes(gzip.compress(b"It was. " * 10_000))
    with pytest.raises(LimitError, match="unpacks to more than"):
        read_document(path)


def test_what_is_no_article_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "It was.")
    cases = {
        "zip.txt": (stream.getvalue(), "ZIP archive"),
        "latin.txt": ("Café was.".encode("latin-1"), "UTF-8"),
        "zero.txt": (b"It was.\x00 So.", "zero bytes"),
        "empty.txt": (b" \n ", "holds no sentence"),
        "cut.txt.gz": (gzip.compress(b"It was. " * 99)[:-9], "cut short"),
        "two.txt.gz": (gzip.compress(b"It was.") * 2, "more than one"),
        "none.txt.gz": (b"plain", "no gzip"),
    }
    for name, (data, why) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=why):
            read_document(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_document(tmp_path / "absent.txt")


def test_a_page_may_name_its_encoding() -> None:
    page = "<html><meta charset='windows-1252'><p>The café was closed.</p>".encode("cp1252")
    assert texts(page) == ["The café was closed."]


def test_more_text_than_an_article_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_TEXT", 1000)
    with pytest.raises(LimitError, match="characters of text"):
        parse_document(b"The airship was seen at sea. " * 100)
    monkeypatch.setattr(htmltext, "MOST_TEXT", 1000)
    with pytest.raises(LimitError, match=r"page\.html.*characters of text"):
        parse_document(b"<p>The airship was seen at sea. " * 100, name="page.html", is_html=True)

"""The page: what it states it proves, what it quotes cannot harm, and it asks nothing of the network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import synthetic_result as made
from overflight.errors import OverflightError
from overflight.report.page import report_html, write_report

SORTS = ("data-finding", "data-evidence", "data-product")
VOID = {"meta", "br", "link", "img", "input", "hr", "rect", "path", "circle"}


class Page(HTMLParser):
    """Collects elements, and each piece of text with the attributes of everything around it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, list[tuple[str, dict[str, str]]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {key: value or "" for key, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert [name for name, _ in self.stack[-1:]] == [tag]
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((data.strip(), list(self.stack)))


@pytest.fixture(scope="module")
def text() -> str:
    return report_html(made.result(), {"posterior": made.ensemble()}, made.box_borders())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    parsed = Page()
    parsed.feed(text)
    parsed.close()
    assert not parsed.stack
    return parsed


def classes(attributes: dict[str, str]) -> set[str]:
    return set(attributes.get("class", "").split())


def test_every_statement_names_findings_that_exist(page: Page) -> None:
    known = {finding["id"] for finding in made.result()["findings"]}
    statements = [a for _, a in page.elements if "statement" in classes(a)]
    assert len(statements) > 60
    for attributes in statements:
        ids = [unquote(i) for i in attributes["data-finding"].split()]
        assert ids
        assert set(ids) <= known


def test_every_finding_stands_in_the_appendix(page: Page) -> None:
    anchors = {a["id"] for _, a in page.elements if re.fullmatch(r"f\d+", a.get("id", ""))}
    assert len(anchors) == len(made.result()["findings"])


def test_no_number_stands_outside_a_sort(page: Page) -> None:
    """A text with a digit is a statement, a quotation, an input, a product, or part of the frame."""
    frame = {"style", "title", "nav", "sup", "h1", "caption", "figcaption", "summary", "footer", "thead"}
    for words, around in page.texts:
        if not re.search(r"\d", words) or frame & {tag for tag, _ in around}:
            continue
        heading = around[-1][0] == "h3" and "card" in classes(around[-2][1])  # the id and place of a report
        legend = any("legend" in classes(a) for _, a in around)
        sort = any(name in a for _, a in around for name in SORTS)
        given = any("given" in classes(a) for _, a in around)
        assert sort or given or heading or legend, f"{words!r} in {[tag for tag, _ in around]}"


def test_a_row_that_cites_an_absent_finding_is_refused() -> None:
    result = made.result()
    result["sections"]["crossings"]["rows"][0]["finding_ids"] = ["crossing.nowhere.entry"]
    with pytest.raises(OverflightError, match=r"crossing\.nowhere\.entry"):
        report_html(result, {"posterior": made.ensemble(members=20)}, [])


def test_a_row_without_a_finding_is_shown_as_unsupported() -> None:
    result = made.result()
    result["sections"]["exposure"]["rows"][0]["finding_ids"] = []
    assert 'class="unsupported"' in report_html(result, {"posterior": made.ensemble(members=20)}, [])


def test_the_page_asks_nothing_of_the_network(page: Page, text: str) -> None:
    assert not [
        tag
        for tag, _ in page.elements
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base")
    ]
    assert not [a for _, a in page.elements if "src" in a or "srcset" in a]
    assert "@import" not in text
    assert "url(http" not in text
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_hostile_strings_are_inert_and_visible(page: Page, text: str) -> None:
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\u0007" not in text
    assert "[U+202E]" in text
    assert not [a for _, a in page.elements if any(name.startswith("on") for name in a)]


def test_only_web_addresses_become_links_and_they_tell_nothing(page: Page) -> None:
    links = [a for tag, a in page.elements if tag == "a"]
    outside = [a for a in links if not a["href"].startswith("#")]
    assert outside
    assert all(a["href"].startswith("https://example.org/") for a in outside)
    assert all("noopener" in a["rel"] for a in outside)


def test_links_within_the_page_lead_somewhere_once(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "a" and attributes["href"].startswith("#"):
            assert attributes["href"][1:] in ids


def test_tables_and_drawings_speak_to_screen_readers(page: Page) -> None:
    tables = sum(tag == "table" for tag, _ in page.elements)
    assert tables == sum(tag == "caption" for tag, _ in page.elements) > 5
    assert all("scope" in a for tag, a in page.elements if tag == "th")
    for tag, attributes in page.elements:
        if tag == "svg":
            assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"


def test_the_answer_uses_words_of_likelihood_and_ranges(page: Page) -> None:
    answer = " ".join(words for words, around in page.texts if any("answer" in classes(a) for _, a in around))
    assert "almost certain" in answer
    assert "Canada" in answer
    assert "Mexico" not in answer
    assert "30 Jan 12Z (30 Jan 10Z–18Z)" in answer


def test_an_id_of_any_characters_makes_a_safe_anchor() -> None:
    result = made.result()
    evil = 'x" onload="y z'
    result["sightings"][0]["id"] = evil
    result["sections"]["reconstruction"]["readings"][0]["id"] = evil
    parsed = Page()
    parsed.feed(report_html(result, {"posterior": made.ensemble(members=20)}, []))
    assert not [a for _, a in parsed.elements if "onload" in a]


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(
            made.result(), {"posterior": made.ensemble(members=30)}, made.box_borders(), tmp_path / name
        )
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_case_with_nothing_but_a_path_still_makes_a_page() -> None:
    result = made.result()
    result["sightings"], result["findings"] = [], []
    result["sections"] |= {
        "crossings": {"rows": [], "lead_times": [], "notes": []},
        "exposure": {"rows": [], "notes": []},
        "claims": {"rows": [], "groups": []},
        "unknown": [],
        "reconstruction": {"scenarios": [], "path": [], "readings": [], "notes": []},
    }
    assert "No areas were asked about" in report_html(result, {"posterior": made.ensemble(members=20)}, [])

"""The pages on the programme, the consequences and the claims: cited, escaped, without script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest

import synthetic_result as made
from overflight.claims.answers import answer_claims
from overflight.claims.table import parse_claims
from overflight.claims.timeline import answer_timeline, parse_events
from overflight.programme.answers import answer_programme
from overflight.programme.catalogue import parse_catalogue
from overflight.report.book import Book
from overflight.report.claims_plots import claims_parts, contradiction_graph
from overflight.report.page import _environment
from overflight.report.programme_section import consequence_parts, programme_lines, programme_parts
from overflight.report.result import record_dict, result_json

HOSTILE = "<script>alert(1)</script>"
CATALOGUE = (
    "id,group,event,time_start,lat_deg,lon_deg,radius_km,attribution,url,text,kind,standing,area,where\n"
    f'A1,"{HOSTILE}",sighting,2020-01-02,39,-98,50,"{HOSTILE}",javascript:alert(1),'
    f'"{HOSTILE} white sphere",,attributed,USA,land\n'
    "B1,toy,sighting,2021-01-02,41,-100,50,a club,https://example.org/,white sphere,hobby,,USA,land\n"
)
CLAIMS = parse_claims(
    "id,date,claimant,attribution,claim,topic,relation,related_ids,verb,answer,side\n"
    f'C1,2023-02-03,"{HOSTILE}",agency_statement,"{HOSTILE}",x,contradicts,C2,did_collect,yes,"{HOSTILE}"\n'
    "C2,2023-02-04,B,named_official,It did not.,x,,,did_collect,no,b\n"
    "C3,2023-02-05,D,named_official,About half a dozen flights in US airspace,programme,,,,,\n"
)
EVENTS = parse_events(
    f'id,when,kind,event,lon_deg,lat_deg,url\nE1,2023-02-01,closure,"{HOSTILE}",-108.5,45.8,javascript:alert(1)\n'
)


class Page(HTMLParser):
    """Collects tags and their attributes; fails on a tag closed out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))


@pytest.fixture(scope="module")
def answers() -> tuple[Any, Any, Any]:
    return (
        answer_programme(parse_catalogue(CATALOGUE), claims=CLAIMS),
        answer_timeline(EVENTS, CLAIMS, ensemble=made.ensemble()),
        answer_claims(CLAIMS),
    )


@pytest.fixture(scope="module")
def text(answers: tuple[Any, Any, Any]) -> str:
    found, followed, said = answers
    findings = [record_dict(f) for answer in answers for f in answer.findings]
    environment = _environment()
    page = environment.loader.get_source(environment, "report.html.j2")[0] if environment.loader else ""
    parts = "{% include 'programme.html.j2' %}{% include 'claims_plots.html.j2' %}"
    return environment.from_string(page[: page.index("<!doctype")] + parts).render(
        programme=programme_parts(found.section, made.box_borders()),
        consequences=consequence_parts(followed.section),
        claims_drawn=claims_parts(said.section),
        book=Book(findings),
        sightings={},
    )


def test_nothing_from_outside_runs(text: str) -> None:
    page = Page()
    page.feed(text)
    assert not [tag for tag, _ in page.elements if tag in ("script", "iframe", "object", "img")]
    assert "&lt;script&gt;" in text
    assert not [a for _, a in page.elements if a.get("href", "").startswith("javascript")]
    assert not [key for _, a in page.elements for key in a if key.startswith("on")]


def test_every_statement_names_findings_and_every_quote_its_source(
    text: str, answers: tuple[Any, Any, Any]
) -> None:
    page = Page()
    page.feed(text)
    known = {f.id for answer in answers for f in answer.findings}
    statements = [a for _, a in page.elements if "statement" in a.get("class", "").split()]
    assert len(statements) > 10
    for attributes in statements:
        ids = {unquote(i) for i in attributes["data-finding"].split()}
        assert ids
        assert ids <= known
    assert "unsupported" not in text
    for _, attributes in page.elements:
        if "quoted" in attributes.get("class", "").split():
            assert attributes["data-evidence"]


def test_the_hobby_balloon_is_told_apart(text: str) -> None:
    assert "Kept apart, never counted" in text
    assert "toy: a hobby balloon" in text


def test_the_graph_joins_the_two_that_contradict(answers: tuple[Any, Any, Any]) -> None:
    drawn = str(contradiction_graph(answers[2].section))
    assert len(re.findall(r'class="effort"', drawn)) == 1
    assert "C1 and C2" in drawn
    assert contradiction_graph({"rows": []}) == ""
    alone = [{"id": "C1", "contradicts": ["C9"]}]
    assert contradiction_graph({"rows": alone}) == ""


def test_nothing_is_drawn_of_nothing() -> None:
    assert programme_parts(None, ()) is None
    assert consequence_parts({"events": []}) is None
    assert claims_parts({"rows": []}) is None


def test_the_section_is_json_and_lines_do_not_guess(answers: tuple[Any, Any, Any]) -> None:
    assert result_json(answers[0].section) == result_json(answers[0].section)
    lines = "\n".join(programme_lines(answers[0].section))
    assert "5 to 7" in lines
    assert "over land or its territorial sea" in lines

"""The stream of a case: read by what `[inputs]` and `[ask.custody]` say, and told in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from overflight.case import Case, read_case
from overflight.custody.custody_section import custody_answers
from overflight.custody.custody_settings import CustodySettings, read_settings
from overflight.custody.frames import DATA, Frame, chain, encode, stream_id
from overflight.custody.received import case_stream
from overflight.errors import CaseError
from overflight.records import Finding
from overflight.report.book import Book
from overflight.report.custody_section import custody_parts
from overflight.report.page import _environment
from overflight.report.result import record_dict

KEY = bytes(range(32))
CASE = """version = 1
[case]
title = "A stream"
start = "2023-01-28T00:00Z"
end = "2023-02-05T00:00Z"
[inputs]
sightings = ["sightings.csv"]
stream = {stream}
[ask.custody]
key = "key"
"""


def made(count: int = 10, word: bytes = b"item") -> list[Frame]:
    return list(chain(stream_id("x"), ((10**9 * i, DATA, word) for i in range(count)), KEY, close=True))


def case_of(folder: Path, *copies: str) -> tuple[Case, CustodySettings]:
    whole = made()
    (folder / "sightings.csv").write_text("id,time,lat,lon,radius_km\nP1,2023-01-28T05:00Z,58,-154,50\n")
    (folder / "key").write_text(KEY.hex())
    (folder / "whole.frames").write_bytes(encode(whole))
    (folder / "gap.frames").write_bytes(encode([*whole[:4], *whole[6:]]))
    (folder / "case.toml").write_text(CASE.format(stream=list(copies)))
    case = read_case(folder)
    return case, read_settings(case.ask["custody"], case.folder)


def value(findings: tuple[Finding, ...], end: str) -> float:
    (one,) = [f for f in findings if f.id.startswith("custody.stream.") and f.id.endswith(end)]
    return one.value["lo"]


def test_a_case_has_its_stream_examined_and_held_against_the_other_copy(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path, "gap.frames", "whole.frames")
    found = case_stream(case, settings)
    assert found is not None
    assert value(found.findings, ".missing") == 2.0
    assert value(found.findings, ".lacking") == 2.0
    assert found.section["source"] == "gap.frames"
    assert found.section["streams"][0]["checked"] == "hmac"


def test_without_a_stream_nothing_is_said_of_one(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path)
    assert case_stream(case, settings) is None
    assert "stream" not in custody_answers(settings, None, hours=192.0).section


def test_the_report_tells_the_four_adversaries_and_what_is_missing(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path, "gap.frames")
    answer = custody_answers(settings, None, hours=192.0, stream=case_stream(case, settings))
    environment = _environment()
    page = environment.loader.get_source(environment, "report.html.j2")[0] if environment.loader else ""
    text = environment.from_string(
        page[: page.index("<!doctype")] + "{% include 'custody.html.j2' %}"
    ).render(
        custody=custody_parts(answer.section),
        book=Book([record_dict(f) for f in answer.findings]),
        account_rows={},
    )
    assert "2 missing" in text
    assert "tags checked under the key" in text
    assert text.count("not detectable") >= 2
    assert "unsupported" not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("format = 'tape'", "no format of a stream"),
        ("key = 'nowhere'", "no file that is there"),
        ("anchors = 3", "no file that is there"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, line: str, said: str) -> None:
    case_of(tmp_path, "whole.frames")
    text = (tmp_path / "case.toml").read_text().replace('key = "key"', line)
    (tmp_path / "case.toml").write_text(text)
    case = read_case(tmp_path)
    with pytest.raises(CaseError, match=said):
        read_settings(case.ask["custody"], case.folder)


def test_three_copies_are_refused(tmp_path: Path) -> None:
    (tmp_path / "third.frames").write_bytes(encode(made()))
    case, settings = case_of(tmp_path, "whole.frames", "gap.frames", "third.frames")
    with pytest.raises(CaseError, match="3 copies"):
        case_stream(case, settings)

"""The stream of a case: read by what `[inputs]` and `[ask.custody]` say, and told in the report."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overflight.case import Case, read_case
from overflight.cli.custody import app
from overflight.custody.custody_section import custody_answers
from overflight.custody.custody_settings import CustodySettings, read_settings
from overflight.custody.frames import DATA, Frame, chain, encode, stream_id
from overflight.custody.received import Copies, case_stream
from overflight.errors import CaseError
from overflight.records import Finding
from overflight.report.book import Book
from overflight.report.custody_section import custody_parts
from overflight.report.integrity_section import shown_streams
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
ADVERSARIES = {
    "line noise": "none",
    "a third party without the key": "possible",
    "a cut tail": "none",
    "the sender who rewrites and re-chains": "not detectable",
}


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
    assert (found.section["source"], found.section["other"]) == ("gap.frames", "whole.frames")
    assert found.section["streams"][0]["checked"] == "hmac"


def test_without_a_stream_nothing_is_said_of_one(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path)
    assert case_stream(case, settings) is None
    assert "stream" not in custody_answers(settings, None, hours=192.0).section


def page_of(found: Copies | None, settings: CustodySettings) -> str:
    """Return the report's section on the account of the data."""
    answer = custody_answers(settings, None, hours=192.0, stream=found)
    environment = _environment()
    page = environment.loader.get_source(environment, "report.html.j2")[0] if environment.loader else ""
    return environment.from_string(
        page[: page.index("<!doctype")] + "{% include 'custody.html.j2' %}"
    ).render(
        custody=custody_parts(answer.section),
        book=Book([record_dict(f) for f in answer.findings]),
        account_rows={},
    )


def cells(row: str) -> list[str]:
    """Return the words of a table row's cells, without the small numbers of findings."""
    bare = re.sub(r"<sup.*?</sup>", "", row, flags=re.S)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", bare, re.S)]


def test_the_report_tells_the_four_adversaries_and_what_is_missing(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path, "gap.frames")
    text = page_of(case_stream(case, settings), settings)
    table = text[text.index("four adversaries") :]
    rows = [cells(row) for row in re.findall(r"<tr.*?</tr>", table[: table.index("</table>")], re.S)]
    assert rows[0] == ["Adversary", "Found", "Provable", "Not provable"]
    assert {row[0]: row[1] for row in rows[1:]} == ADVERSARIES
    assert all(row[2] and row[3] for row in rows[1:])
    assert "2 missing" in text
    assert "tags checked under the key" in text
    assert "unsupported" not in text


def test_each_thing_that_is_wrong_cites_its_own_count_alone(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path, "gap.frames")
    text = page_of(case_stream(case, settings), settings)
    (gap,) = re.findall(r"<li[^>]*>gap, number 4 to 5.*?</li>", text, re.S)
    assert re.findall(r'data-finding="([^"]*)"', gap) == [
        f"custody.stream.{stream_id('x').hex()[:8]}.missing"
    ]


def test_what_no_finding_counts_is_told_without_one(tmp_path: Path) -> None:
    struck = [*made()[:5], *made(word=b"else")[5:]]
    (tmp_path / "struck.frames").write_bytes(encode(struck))
    case, settings = case_of(tmp_path, "struck.frames", "whole.frames")
    text = page_of(case_stream(case, settings), settings)
    assert '<li class="given">rewritten, number 5 to 10' in text
    assert "Against the other copy (whole.frames): " in text
    assert "unsupported" not in text


def test_a_file_of_many_streams_fills_no_report(tmp_path: Path) -> None:
    flood = [one for n in range(40) for one in chain(stream_id(f"x{n}"), [(0, DATA, b"x")], KEY, close=True)]
    # One frame of each of two, and the end of one.
    broken = flood[60:61] + flood[63:64]
    (tmp_path / "flood.frames").write_bytes(encode([*flood[:60], *broken, *flood[64:]]))
    case, settings = case_of(tmp_path, "flood.frames")
    found = case_stream(case, settings)
    assert found is not None
    text = page_of(found, settings)
    assert len(found.section["streams"]) == 40
    assert text.count("four adversaries, what was found") == 12
    first = re.findall(r"Stream ([0-9a-f]{8}): four adversaries", text)[0]
    assert first == stream_id("x31").hex()[:8]
    assert "28 more streams are in the result" in text


def test_streams_that_only_one_copy_holds_fill_no_report(tmp_path: Path) -> None:
    flood = [one for n in range(30) for one in chain(stream_id(f"x{n}"), [(0, DATA, b"x")], KEY, close=True)]
    (tmp_path / "flood.frames").write_bytes(encode(flood))
    case, settings = case_of(tmp_path, "whole.frames", "flood.frames")
    text = page_of(case_stream(case, settings), settings)
    assert text.count("is here alone") == 1
    assert text.count("is in the other file alone") == 11
    assert "19 more streams that only one of the two files holds" in text


def test_a_stream_that_differs_from_its_copy_comes_before_those_that_do_not() -> None:
    whole = {"ok": True, "comparison": None, "name": "whole"}
    apart = {
        "ok": True,
        "comparison": {"lacking": [[3, 4]], "only_here": [], "differing": 0},
        "name": "apart",
    }
    wrong = {"ok": False, "comparison": None, "name": "wrong"}
    rows = shown_streams({"streams": [*[whole] * 12, apart, wrong]})
    assert [row["name"] for row in rows[:3]] == ["apart", "wrong", "whole"]
    assert len(rows) == 12


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("format = 'tape'", "no format of a stream"),
        ("key = 'nowhere'", "not in the case folder"),
        ("key = 3", "no name of a file"),
        ("key = '/etc/passwd'", "leaves the case folder"),
        ("key = '../outside'", "leaves the case folder"),
        ("key = 'link'", "link that leaves the case folder"),
        ("anchors = 'anchors.csv'", "not a known key"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, line: str, said: str) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    case_of(folder, "whole.frames")
    (tmp_path / "outside").write_text(KEY.hex())
    (folder / "link").symlink_to(tmp_path / "outside")
    text = (folder / "case.toml").read_text().replace('key = "key"', line)
    (folder / "case.toml").write_text(text)
    case = read_case(folder)
    with pytest.raises(CaseError, match=said) as caught:
        read_settings(case.ask["custody"], case.folder)
    assert caught.value.field == f"ask.custody.{line.split()[0]}"
    assert caught.value.line == text.splitlines().index(line) + 1


def add_input(folder: Path, line: str) -> Case:
    text = (folder / "case.toml").read_text()
    (folder / "case.toml").write_text(text.replace("[ask.custody]", f"{line}\n[ask.custody]"))
    return read_case(folder)


def test_anchors_are_inputs_and_hashed(tmp_path: Path) -> None:
    case_of(tmp_path, "gap.frames")
    for name, number in (("one.csv", 11), ("two.csv", 12)):
        (tmp_path / name).write_text(f"sequence,tag,source\n{number},,noted in {name}\n")
    case = add_input(tmp_path, 'anchors = ["one.csv", "two.csv"]')
    found = case_stream(case, read_settings(case.ask["custody"], case.folder))
    assert found is not None
    assert {"one.csv", "two.csv", "gap.frames"} <= set(case.hashes)
    assert "key" not in case.hashes
    (row,) = found.section["streams"]
    assert row["missing"] == [[4, 5], [11, 12]]
    assert "noted in one.csv" in str(row["spots"])


def test_anchors_of_a_case_without_a_stream_are_told(tmp_path: Path) -> None:
    case_of(tmp_path)
    (tmp_path / "one.csv").write_text("sequence,tag,source\n11,,noted\n")
    case = add_input(tmp_path, 'anchors = "one.csv"')
    with pytest.raises(CaseError, match="names no stream"):
        case_stream(case, read_settings(case.ask["custody"], case.folder))


def test_a_key_that_is_an_input_as_well_is_refused_for_its_hash_would_be_told(tmp_path: Path) -> None:
    (tmp_path / "key.bin").write_text(KEY.hex())
    case, settings = case_of(tmp_path, "whole.frames", "key.bin")
    assert case_stream(case, settings) is not None
    text = (tmp_path / "case.toml").read_text().replace('key = "key"', 'key = "key.bin"')
    (tmp_path / "case.toml").write_text(text)
    case = read_case(tmp_path)
    with pytest.raises(CaseError, match="whose hash the result tells"):
        case_stream(case, read_settings(case.ask["custody"], case.folder))


def test_the_key_is_in_nothing_that_is_told(tmp_path: Path) -> None:
    case, settings = case_of(tmp_path, "gap.frames", "whole.frames")
    found = case_stream(case, settings)
    assert found is not None
    told = str((found, dict(case.hashes)))
    for secret in (KEY.hex(), str(KEY), hashlib.sha256(KEY).hexdigest()):
        assert secret not in told
    for data in (KEY, KEY.hex().encode()):
        assert hashlib.sha256(data).hexdigest() not in told


def test_a_large_stream_of_a_case_is_read_as_it_is(tmp_path: Path) -> None:
    with (tmp_path / "large.frames").open("wb") as sparse:
        sparse.write(encode(made()))
        sparse.truncate(40_000_000)
    case, settings = case_of(tmp_path, "large.frames")
    found = case_stream(case, settings)
    assert found is not None
    assert found.section["bytes"] == 40_000_000
    assert found.section["streams"][0]["counts"]["sound"] == 11


def test_the_ending_tells_packets_and_the_settings_overrule_it(tmp_path: Path) -> None:
    spacepackets = pytest.importorskip("spacepackets", reason="needs the extra ccsds")
    packets = [bytes(spacepackets.SpacePacketHeader.tm(7, n, 3).pack()) + b"data" for n in (0, 1, 2, 5, 6)]
    (tmp_path / "dump.ccsds").write_bytes(b"".join(packets))
    case, settings = case_of(tmp_path, "dump.ccsds")
    found = case_stream(case, settings)
    assert found is not None
    assert found.section["format"] == "ccsds"
    assert value(found.findings, ".missing") == 2.0
    forced = case_stream(case, replace(settings, format="frames"))
    assert forced is not None
    assert forced.section["format"] == "frames"
    (note,) = forced.section["notes"]
    assert note.endswith("(format ccsds)?")
    assert "--" not in note


def test_the_command_of_the_account_tells_the_stream(tmp_path: Path) -> None:
    case_of(tmp_path, "gap.frames", "whole.frames")
    done = CliRunner().invoke(app, ["account", str(tmp_path)], catch_exceptions=False)
    name = stream_id("x").hex()[:8]
    assert "stream gap.frames, against whole.frames:" in done.output
    (line,) = (line for line in done.output.splitlines() if line.strip().startswith(f"{name}: "))
    assert "received 9, sound 9, missing 2, altered 0, damaged 0" in line
    for verdict in ("noise none", "third party possible", "cut tail none", "sender "):
        assert verdict in line
    case_of(tmp_path)
    assert "stream gap" not in CliRunner().invoke(app, ["account", str(tmp_path)]).output


def test_three_copies_are_refused(tmp_path: Path) -> None:
    (tmp_path / "third.frames").write_bytes(encode(made()))
    case, settings = case_of(tmp_path, "whole.frames", "gap.frames", "third.frames")
    with pytest.raises(CaseError, match="3 copies"):
        case_stream(case, settings)

from __future__ import annotations

from pathlib import Path

import pytest

from overflight.claims.contradictions import claims_section, contradiction_findings, contradictions
from overflight.claims.table import MOST_CHARACTERS, Claim, Relation, parse_claims, read_claims
from overflight.errors import InputError, LimitError

HEADER = "id,date,claimant,attribution,claim,topic,status,relation,related_ids,url,note,key\n"


def row(
    id: str = "C1", date: str = "2023-02-03", relation: str = "", related: str = "", claim: str = "x"
) -> str:
    return f"{id},{date},A ministry,agency_statement,{claim},purpose,standing,{relation},{related},https://e.org/,,\n"


def test_a_table_is_read_with_its_relations() -> None:
    (claim,) = parse_claims(HEADER + row(relation="supports|contradicts", related="C2|C3"))
    assert claim.relations == (Relation("supports", "C2"), Relation("contradicts", "C3"))
    assert (claim.line, claim.date, claim.topic) == (2, "2023-02-03", "purpose")


def test_the_founding_case_reads(test_data: Path) -> None:
    """The claims of the founding case: 98 rows by their README."""
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    assert len(claims) == 98
    stances = contradictions(claims)
    assert "C010" in stances["C001"].contradicted_by
    assert "C001" in stances["C010"].contradicts


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (HEADER + row(date="3 Feb"), 2, "date"),
        (HEADER + row(date="2023-02-30"), 2, "date"),
        (HEADER + row() + row(), 3, "id"),
        (HEADER + row(id=""), 2, "id"),
        (HEADER + row(id="a b"), 2, "id"),
        (HEADER + row(relation="supports|denies", related="C2"), 2, "related_ids"),
        (HEADER + row(relation="supports|", related="C2|C3"), 2, "relation"),
        (HEADER.replace(",url", ""), 1, ""),
        (HEADER.replace("key", "colour"), 1, ""),
        ("", 1, ""),
        (HEADER + row().strip() + ",too,many\n", 2, ""),
    ],
)
def test_errors_name_file_line_and_field(text: str, line: int, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_claims(text, file="claims.csv")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("claims.csv", line, field)
    assert caught.value.remedy


def test_a_field_longer_than_people_write_is_refused() -> None:
    with pytest.raises(LimitError, match="field 'claim'"):
        parse_claims(HEADER + row(claim="x" * (MOST_CHARACTERS + 1)))


def test_a_broken_quote_is_refused() -> None:
    with pytest.raises(InputError, match="well-formed"):
        parse_claims(HEADER + 'C1,"2023')


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    path.write_bytes(HEADER.encode() + b"C1,\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_claims(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_claims(tmp_path / "absent.csv")


def claim(id: str, *relations: tuple[str, str], topic: str = "purpose") -> Claim:
    return Claim(
        id=id,
        date="",
        claimant="",
        attribution="",
        claim="",
        topic=topic,
        status="",
        relations=tuple(Relation(*r) for r in relations),
    )


def test_a_contradiction_said_once_is_seen_from_both_ends() -> None:
    stances = contradictions([claim("A", ("contradicts", "B")), claim("B"), claim("C", ("denied_by", "A"))])
    assert stances["A"].contradicts == ("B", "C")
    assert stances["B"].contradicted_by == ("A",)
    assert stances["C"].contradicted_by == ("A",)


def test_tension_is_mutual_and_no_contradiction() -> None:
    stances = contradictions([claim("A", ("tension", "B")), claim("B")])
    assert stances["A"].tension == ("B",)
    assert stances["B"].tension == ("A",)
    assert not stances["A"].opposed


def test_an_unknown_id_is_kept_and_marked() -> None:
    section = claims_section([claim("A", ("contradicts", "Z9"), ("supports", "Y8"))])
    assert section["rows"][0]["contradicts"] == ["Z9"]
    assert section["rows"][0]["unknown_ids"] == ["Y8", "Z9"]
    assert section["unknown_ids"] == ["Y8", "Z9"]


def test_support_is_not_contradiction() -> None:
    assert not contradictions([claim("A", ("supports", "B")), claim("B")])["A"].opposed


def test_findings_name_the_contested_topics_and_their_parties() -> None:
    claims = [claim("A", ("contradicts", "B")), claim("B"), claim("C", topic="size & shape")]
    first, second = contradiction_findings(claims)
    assert (first.id, first.value, first.evidence) == (
        "claims.purpose.agreement",
        {"category": "contested"},
        ("A", "B"),
    )
    assert second.id == "claims.size___shape.agreement"
    assert second.value == {"category": "no contradiction recorded"}

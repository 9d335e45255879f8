from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.claims.contradictions import claims_section, contradiction_findings, contradictions
from overflight.claims.records import Quantity
from overflight.claims.table import (
    MOST_BYTES,
    MOST_CHARACTERS,
    Claim,
    Relation,
    changed_table,
    new_table,
    parse_claims,
    parse_table,
    read_claims,
    read_table,
    table_bytes,
)
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
        (HEADER.replace(",claim,", ","), 1, ""),
        (HEADER.replace("attribution", "atribution"), 1, ""),
        (HEADER.replace("note,key", "note,note"), 1, ""),
        (HEADER.replace("related_ids,", ""), 1, ""),
        (HEADER.replace("url", ""), 1, ""),
        (HEADER + "C1,2023-02-03\n", 2, ""),
        ("", 1, ""),
        (HEADER + row().strip() + ",too,many\n", 2, ""),
    ],
)
def test_errors_name_file_line_and_field(text: str, line: int, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_claims(text, file="claims.csv")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("claims.csv", line, field)
    assert caught.value.remedy


TYPED = (
    "id,date,claimant,attribution,claim,verb,answer,about,lon_deg,lat_deg,radius_km,quantity,unit,"
    "reliability,credibility,sha256,sentences,qualifiers\n"
)
TYPED_ROW = {
    "id": "C1", "date": "2023-02-03", "claimant": "a", "attribution": "witness", "claim": "x",
    "verb": "located", "answer": "yes", "about": "2023-02-01T21:00Z/2023-02-02T01:00Z", "lon_deg": "-108.5",
    "lat_deg": "45.8", "radius_km": "30", "quantity": "24..", "unit": "count", "reliability": "B",
    "credibility": "2", "sha256": "ab" * 32, "sentences": "3|15", "qualifiers": "in part|at times",
}  # fmt: skip


def typed(**changed: str) -> str:
    return TYPED + ",".join({**TYPED_ROW, **changed}.values()) + "\n"


def test_typed_columns_are_read() -> None:
    (claim,) = parse_claims(typed())
    assert (claim.verbs, claim.answer) == (("located",), "yes")
    assert (claim.lon_deg, claim.lat_deg, claim.radius_km) == (-108.5, 45.8, 30.0)
    assert claim.quantity == Quantity(24.0, None, "count")
    assert (claim.reliability, claim.credibility) == ("B", 2)
    assert (claim.sentences, claim.qualifiers) == ((3, 15), ("in part", "at times"))
    span = claim.about_time
    assert span is not None
    assert span.end_s - span.start_s == 4 * 3600 + 60


def test_what_is_not_given_is_unknown_and_not_zero() -> None:
    empty = dict.fromkeys(list(TYPED_ROW)[5:], "")
    (claim,) = parse_claims(typed(**empty))
    assert (claim.reliability, claim.credibility) == ("F", 6)
    assert (claim.quantity, claim.answer, claim.lon_deg, claim.about_time) == (None, None, None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verb", "could_sned"),
        ("answer", "maybe"),
        ("about", "02/03/2023"),
        ("lat_deg", "91"),
        ("lon_deg", "1e999"),
        ("lat_deg", ""),
        ("radius_km", "-1"),
        ("quantity", "7..5"),
        ("quantity", "two"),
        ("quantity", ".."),
        ("quantity", ""),
        ("reliability", "G"),
        ("credibility", "0"),
        ("sha256", "abc"),
        ("sentences", "0"),
        ("date", "2023-02-03 14:39 EST"),
    ],
)
def test_a_bad_value_names_its_field_and_the_remedy(field: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_claims(typed(**{field: value}), file="claims.csv")
    assert (caught.value.file, caught.value.line) == ("claims.csv", 2)
    assert caught.value.field == ("unit" if (field, value) == ("quantity", "") else field)
    assert caught.value.remedy


def incident(test_data: Path) -> Path:
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    return path


def test_the_founding_case_comes_back_byte_for_byte(test_data: Path) -> None:
    path = incident(test_data)
    table = read_table(path)
    assert table_bytes(table) == path.read_bytes()
    # By way of the records alone too: every row written anew from its claim.
    again = new_table(table.claims, newline="\r\n")
    assert table_bytes(again) == path.read_bytes()


ODD = (
    '\ufeff"id",date,claimant,attribution,claim,colour\r\n'
    'C1,2023-02-03,"A, B",witness,"two\nlines ""quoted""",red\n\r\n'
    "C2 ,,=cmd|x,<script>alert(1)</script>,  y  ,"
)


def test_quotes_spaces_line_ends_and_unknown_columns_come_back() -> None:
    table = parse_table(ODD)
    assert table_bytes(table) == ODD.encode()
    assert table.claims[0].extra == (("colour", "red"),)
    assert table.claims[1].attribution == "<script>alert(1)</script>"
    assert table_bytes(changed_table(table, table.claims)) == ODD.encode()


def test_a_change_touches_its_own_row_only() -> None:
    table = parse_table(ODD)
    first, second = table.claims
    changed = table_bytes(changed_table(table, (first, replace(second, claim="z")))).decode()
    assert changed.startswith(ODD[: ODD.index("C2")])
    assert parse_claims(changed)[1].claim == "z"


def test_a_new_column_leaves_the_old_cells_alone() -> None:
    table = parse_table(ODD)
    first, second = table.claims
    wider = changed_table(table, (first, replace(second, verbs=("did_send",), answer="no")))
    text = table_bytes(wider).decode()
    assert '"two\nlines ""quoted""",red,,\n' in text
    assert parse_claims(text) == (first, replace(second, verbs=("did_send",), answer="no"))


def test_a_claim_can_be_added_and_taken_away() -> None:
    table = parse_table(HEADER + row() + row(id="C2").strip())
    more = changed_table(table, (*table.claims, Claim(id="C3", claimant="x")))
    assert [c.id for c in parse_claims(table_bytes(more).decode())] == ["C1", "C2", "C3"]
    less = changed_table(more, more.claims[1:])
    assert [c.id for c in parse_claims(table_bytes(less).decode())] == ["C2", "C3"]


def test_a_claim_that_a_row_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be written"):
        new_table([Claim(id="C1", claim=" spaced ")])
    with pytest.raises(LimitError):
        new_table([Claim(id="C1", claim="x" * (MOST_CHARACTERS + 1))])
    with pytest.raises(InputError, match="share an id"):
        new_table([Claim(id="C1"), Claim(id="C1")])


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00|"), max_size=20).map(str.strip)


@given(
    st.lists(
        st.builds(Claim, id=st.just("C"), claimant=texts, claim=texts, url=texts, hedge=texts, subject=texts),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_text_comes_back(claims: list[Claim], newline: str) -> None:
    numbered = [replace(c, id=f"C{i}") for i, c in enumerate(claims)]
    data = table_bytes(new_table(numbered, newline=newline))
    table = parse_table(data.decode())
    assert list(table.claims) == numbered
    assert table_bytes(table) == data


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ"])
def test_an_archive_is_not_opened(tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "claims.csv"
    path.write_bytes(magic + b"rest")
    with pytest.raises(InputError, match="not opened"):
        read_claims(path)


def test_a_field_of_a_megabyte_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitError):
        parse_claims(HEADER + row(claim="x" * 1_000_000))
    path = tmp_path / "claims.csv"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(LimitError):
        read_claims(path)


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

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from overflight.claims.physics import Check
from overflight.claims.records import Claim, Quantity, Relation
from overflight.claims.stix import EXTENSION, parse_stix, read_stix, to_stix
from overflight.claims.table import MOST_BYTES, new_table, read_claims, table_bytes
from overflight.errors import InputError, LimitError, OverflightError

stix2 = pytest.importorskip("stix2", reason="the extra 'stix' is not installed")

FULL = Claim(
    id="C1", date="2023-02-03", claimant="A ministry <script>", attribution="agency_statement",
    claim="It strayed.", topic="purpose", status="denied",
    relations=(Relation("contradicts", "C2"), Relation("tension", "C2"), Relation("supports", "C9")),
    url="https://e.org/1", note="n", verbs=("strayed", "owned"), answer="yes", subject="China",
    about="2023-01-28/2023-02-04", place="Billings", lon_deg=-108.5, lat_deg=45.8, radius_km=30.0,
    quantity=Quantity(24.0, None, "count"), hedge="is said", qualifiers=("in part",), sha256="ab" * 32,
    reliability="B", credibility=2, sentences=(3, 15), extra=(("colour", "red"),), origin="wire",
)  # fmt: skip
OTHER = Claim(id="C2", claimant="B", attribution="anonymous_official", claim="It did not.", topic="purpose")


def objects(text: str, kind: str) -> list[dict]:
    return [o for o in json.loads(text)["objects"] if o["type"] == kind]


def bundle(*made: dict) -> str:
    return json.dumps(
        {"type": "bundle", "id": "bundle--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "objects": made}
    )


def report(n: int, **more: object) -> dict:
    return {
        "type": "report", "spec_version": "2.1", "id": f"report--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb{n:02d}",
        "created": "2023-02-03T00:00:00.000Z", "modified": "2023-02-03T00:00:00.000Z", "name": f"R{n}",
        "published": "2023-02-03T00:00:00.000Z",
        "object_refs": ["identity--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"],
        **more,
    }  # fmt: skip


def test_a_claim_goes_out_and_comes_back_whole() -> None:
    text = to_stix([FULL, OTHER])
    assert parse_stix(text).claims == (FULL, OTHER)
    assert to_stix([FULL, OTHER]) == text


def test_the_founding_case_comes_back_byte_for_byte(test_data: Path) -> None:
    path = test_data.parent / "incident-2023" / "claims.csv"
    if not path.exists():
        pytest.skip("the claims of the founding case are not beside the test data")
    claims = read_claims(path)
    back = parse_stix(to_stix(claims))
    assert back.ignored == {}
    assert table_bytes(new_table(back.claims, newline="\r\n")) == path.read_bytes()


def test_what_is_written_is_what_the_standard_has_for_it() -> None:
    check = Check("C1", "place", "inconsistent", 0.01, "far away", ("crossing.X.entry",))
    text = to_stix([FULL, OTHER], checks=[check])
    (first, _) = objects(text, "report")
    assert first["description"] == "It strayed."
    assert first["confidence"] == 70  # Appendix A: credibility 2
    assert first["external_references"][0]["hashes"] == {"SHA-256": "ab" * 32}
    opinions = {o["opinion"] for o in objects(text, "opinion")}
    assert opinions == {"strongly-disagree", "disagree"}
    (grouping,) = objects(text, "grouping")
    assert len(grouping["object_refs"]) == 2
    (place,) = objects(text, "location")
    assert (place["longitude"], place["latitude"], place["precision"]) == (-108.5, 45.8, 30_000.0)
    notes = {o["abstract"] for o in objects(text, "note")}
    assert "B2 on the Admiralty scale" in notes
    assert any("claims.C1.place" in note for note in notes)
    # Unknown is not a low confidence: there is none.
    assert "confidence" not in objects(text, "report")[1]
    assert not any("likely" in json.dumps(o) for o in json.loads(text)["objects"])


def test_a_foreign_bundle_becomes_claims() -> None:
    who = {
        "type": "identity", "spec_version": "2.1", "id": "identity--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "created": "2023-02-03T00:00:00.000Z", "modified": "2023-02-03T00:00:00.000Z", "name": "An agency",
        "identity_class": "organization",
    }  # fmt: skip
    one = report(1, description="It drifted.", created_by_ref=who["id"], confidence=85)
    two = report(2, description="It was steered.")
    says_no = {
        "type": "opinion", "spec_version": "2.1", "id": "opinion--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "created": "2023-02-04T00:00:00.000Z", "modified": "2023-02-04T00:00:00.000Z", "opinion": "disagree",
        "explanation": "no", "object_refs": [one["id"]], "authors": ["Jo"],
    }  # fmt: skip
    link = {
        "type": "relationship", "spec_version": "2.1",
        "id": "relationship--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "relationship_type": "supersedes",
        "created": "2023-02-04T00:00:00.000Z", "modified": "2023-02-04T00:00:00.000Z",
        "source_ref": two["id"], "target_ref": one["id"],
    }  # fmt: skip
    software = {"type": "software", "spec_version": "2.1", "name": "x",
                "id": "software--9b1deb4d-3b7d-5bad-9bdd-2b0d7b3dcb6d"}  # fmt: skip
    found = parse_stix(bundle(who, one, two, says_no, link, software))
    first, second, third = found.claims
    assert (first.claimant, first.attribution, first.credibility) == ("An agency", "agency_statement", 1)
    assert (first.claim, first.date) == ("It drifted.", "2023-02-03")
    assert second.relations == (Relation("supersedes", one["id"]),)
    assert (third.claimant, third.relations) == ("Jo", (Relation("contradicts", one["id"]),))
    assert found.ignored == {"software": 1}


def test_the_newest_version_of_an_object_counts() -> None:
    old = report(1, description="old")
    new = {**old, "description": "new", "modified": "2023-03-01T00:00:00.000Z"}
    (claim,) = parse_stix(bundle(new, old)).claims
    assert claim.claim == "new"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("nan", "not JSON"),
        ('{"type": "bundle", "x": NaN}', "NaN"),
        ('{"type": "bundle", "type": "report"}', "twice"),
        ("[]", "not a STIX bundle"),
        ('{"type": "report"}', "not a STIX bundle"),
        ('{"type": "bundle"}', "no list of objects"),
        (bundle(), "no list of objects"),
        ('{"type": "bundle", "objects": [1]}', "no list of objects"),
        (bundle({"type": "note"}), "not valid"),
        (bundle(report(1, confidence=101)), "not valid"),
        (bundle(report(1, object_refs=[])), "not valid"),
        (bundle(report(1, id="report--1")), "not valid"),
        (bundle(report(1, published="yesterday")), "not valid"),
        (bundle(report(1, spec_version="2.0")), "2.1"),
        (bundle(report(1, colour="red")), "not valid"),
        (bundle({**report(1), "type": "tale"}), "not valid"),
        (bundle(report(1)).replace("bundle--9b1deb4d", "bundle--xx"), "not valid"),
        (
            bundle(report(1, extensions={EXTENSION: {"extension_type": "property-extension", "cells": [1]}})),
            "malformed",
        ),
    ],
)
def test_invalid_stix_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_stix(text, file="b.json")
    assert caught.value.remedy
    assert "b.json" in str(caught.value)


def test_a_row_of_ours_is_checked_like_one_of_the_table() -> None:
    cells = [{"column": "id", "text": "C1"}, {"column": "verb", "text": "flew_off"}]
    extension = {EXTENSION: {"extension_type": "property-extension", "cells": cells}}
    with pytest.raises(InputError, match="flew_off"):
        parse_stix(bundle(report(1, extensions=extension)))


def test_bombs_are_refused(tmp_path: Path) -> None:
    deep = '{"type":"bundle","objects":' + "[" * 200 + "]" * 200 + "}"
    with pytest.raises(LimitError, match="deep"):
        parse_stix(deep)
    with pytest.raises(LimitError, match="deep"):
        parse_stix("[" * 200_000)
    with pytest.raises(LimitError, match="characters"):
        parse_stix(bundle(report(1, description="x" * 9000)))
    path = tmp_path / "b.json"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(LimitError):
        read_stix(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="not opened"):
        read_stix(path)


def test_what_is_not_of_the_standard_can_be_let_pass() -> None:
    (claim,) = parse_stix(bundle(report(1, description="d", x_colour="red")), allow_custom=True).claims
    assert claim.claim == "d"


def test_nothing_is_no_bundle_and_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(OverflightError, match="no claims"):
        to_stix([])
    monkeypatch.setitem(sys.modules, "stix2", None)
    with pytest.raises(OverflightError, match=r"overflight\[stix\]"):
        to_stix([OTHER])

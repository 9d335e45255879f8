"""Which account a case has: the one that `[inputs]` names, for the command and for an assessment alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from overflight.case import read_case
from overflight.custody.custody_section import custody_case
from overflight.errors import CaseError
from overflight.pipeline import read_inputs

CASE = """version = 1
[case]
title = "A made case"
start = "2023-02-03T00:00:00Z"
end = "2023-02-04T00:00:00Z"
[inputs]
sightings = "sightings.csv"
"""
ROWS = """id,time_utc_start,time_utc_end,lat,lon,radius_km,kind,source,reliability
S1,2023-02-03T06:00Z,2023-02-03T06:00Z,42,-104,20,eyewitness_photo,made,high
S2,2023-02-03T18:00Z,2023-02-03T18:00Z,41.8,-96.1,20,eyewitness_photo,made,high
"""


def made(folder: Path, more: str = "") -> Path:
    (folder / "case.toml").write_text(CASE + more)
    (folder / "sightings.csv").write_text(ROWS)
    (folder / "account.toml").write_text("version = 1\n[account]\nhours = 7\n")
    return folder


def test_an_account_that_is_not_named_is_read_by_neither(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert custody_case(folder).account.hours is None
    assert read_inputs(folder).account is None
    assert "account.toml" not in read_case(folder).hashes


def test_an_account_that_is_named_is_read_by_both_and_hashed(tmp_path: Path) -> None:
    folder = made(tmp_path, 'account = "account.toml"\n')
    answer, inputs = custody_case(folder), read_inputs(folder)
    assert answer.account == inputs.account
    assert answer.account.hours == 7.0
    assert answer.section["hours"] == 7.0
    assert "account.toml" in inputs.case.hashes


def test_two_accounts_and_another_way_to_name_one_are_refused_by_both(tmp_path: Path) -> None:
    (tmp_path / "second.toml").write_text("version = 1\n")
    for more, told in (
        ('account = ["account.toml", "second.toml"]\n', "more than one account"),
        ('[ask.custody]\naccount = "account.toml"\n', "ask.custody.account"),
    ):
        folder = made(tmp_path, more)
        for read in (custody_case, read_inputs):
            with pytest.raises(CaseError, match=told):
                read(folder)

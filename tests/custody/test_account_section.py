"""The section, its findings and the command: every sentence cites findings, and could is never did."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import synthetic_result
from overflight.cli.custody import app
from overflight.custody.custody_section import bytes_words, custody_answers, share_words
from overflight.custody.custody_settings import CustodySettings, read_settings
from overflight.custody.evidence import Account, Evidence, parse_account
from overflight.errors import CaseError, InputError
from overflight.report.custody_plots import account_plot, draw_account
from overflight.report.custody_section import custody_parts
from overflight.report.page import report_html
from overflight.report.result import record_dict

NONE = CustodySettings()
MADE = """
version = 1
[account]
hours = 192
complete = ["images", "links"]
[[sensor]]
id = "camera"
class = "images"
max_bps = 732e6
rate_bps = { dist = "loguniform", low = 1e4, high = 1e6 }
[storage]
capacity_bytes = 1e12
[[link]]
service = "iridium_rudics"
[recovery]
share = { dist = "uniform", low = 0.2, high = 0.9 }
[[evidence]]
id = "lab"
kind = "recovered_at_least"
class = "images"
bytes = 1e9
source = "a laboratory"
credibility = "A1"
"""


def found(account: Account | None = None, hours: float | None = 192.0):
    return custody_answers(replace(NONE, samples=200), None, hours=hours, account=account or Account())


def test_a_case_without_an_account_has_ceilings_and_nothing_else() -> None:
    answer = found()
    by_id = {f.id: f for f in answer.findings}
    for scope in ("images", "signals", "telemetry", "all"):
        for quantity in ("collected", "sent", "kept", "deleted", "recovered", "unaccounted"):
            one = by_id[f"custody.{scope}.{quantity}"]
            assert one.kind == "undetermined"
            assert one.reason == "unconstrained by evidence"
    value = by_id["custody.iridium_rudics.could_carry"].value or {}
    assert float(value["p50"]) == pytest.approx(0.2074e9, rel=1e-3)
    share = by_id["custody.iridium_rudics.share_of_camera_61mp"].value or {}
    assert float(share["hi"]) == pytest.approx(2400.0 / 732e6)
    assert by_id["custody.images.content"].kind == "undetermined"


def test_eight_days_are_told_whatever_the_flight() -> None:
    answer = found(hours=24.0)
    (one,) = [f for f in answer.findings if f.id == "custody.iridium_rudics.in_8_days"]
    assert float((one.value or {})["hi"]) == pytest.approx(0.207e9, rel=5e-3)
    assert "0.207 GB" in answer.section["sentences"][0]["text"]


@pytest.mark.parametrize("account", [Account(), parse_account(MADE)], ids=["none", "made"])
def test_every_sentence_and_row_cites_findings_that_there_are(account: Account) -> None:
    answer = found(account)
    held = {f.id for f in answer.findings}
    section = answer.section
    rows = [*section["sentences"], *section["bounds"], *section["ceilings"], *section["unknown"]]
    assert rows
    for row in rows:
        assert set(row["finding_ids"]) <= held, row
        assert row["finding_ids"]
    json.dumps(section, allow_nan=False)


@pytest.mark.parametrize("account", [Account(), parse_account(MADE)], ids=["none", "made"])
def test_could_is_never_did(account: Account) -> None:
    """Findings on ceilings say could; findings on amounts do not; and none mixes the two."""
    for one in found(account).findings:
        if re.search(r"could_|share_of_|in_8_days", one.id):
            assert "ould" in one.question
            assert " was " not in one.question
        elif one.id.split(".")[1] in ("images", "signals", "telemetry", "all"):
            assert "could" not in one.question


def test_hard_bounds_and_what_is_likely_are_apart() -> None:
    answer = found(parse_account(MADE))
    by_id = {f.id: f for f in answer.findings}
    hard, likely = by_id["custody.images.collected"], by_id["custody.images.collected_likely"]
    assert set(hard.value or ()) == {"lo", "hi"}
    assert set(likely.value or ()) == {"p05", "p50", "p95"}
    assert hard.evidence == ("lab", "sensors:images")
    assert "prior" in likely.given
    assert "prior" not in hard.given
    row = next(r for r in answer.section["bounds"] if (r["class"], r["quantity"]) == ("images", "collected"))
    assert [one["id"] for one in row["low_by"]] == ["lab"]
    assert row["high_bytes"] == pytest.approx(732e6 / 8 * 192 * 3600)


def test_half_open_bounds_have_their_closed_end_as_a_finding() -> None:
    row = Evidence(id="e", kind="sent_at_least", amount=5e6, source="x")
    by_id = {f.id: f for f in found(Account(evidence=(row,))).findings}
    assert by_id["custody.all.sent"].kind == "undetermined"
    assert by_id["custody.all.sent"].reason == "at least 5 MB, above that unconstrained by evidence"
    assert by_id["custody.all.sent_at_least"].value == {"lo": 5e6, "hi": 5e6}


def test_a_contradiction_is_told_with_its_sources() -> None:
    rows = (
        Evidence(id="a", kind="sent_at_least", amount=2e9, source="one"),
        Evidence(id="b", kind="sent_at_most", amount=1e6, source="another"),
    )
    answer = found(Account(evidence=rows))
    (one,) = [f for f in answer.findings if f.id == "custody.evidence.conflict"]
    assert set(one.evidence) == {"a", "b"}
    assert "another" in one.reason
    assert any("contradicts itself" in row["text"] for row in answer.section["sentences"])
    assert not answer.section["bounds"]
    assert custody_parts(answer.section) is not None


def test_links_of_eight_days_stand_beside_what_sensors_collect_in_them() -> None:
    section = found(Account(), hours=500.0).section
    by_id = {row["id"]: row for row in section["ceilings"]}
    # 2.4 kbit/s for 8 days is 207 MB; a camera of 61 megapixels of 12 bit a second makes 63.2 TB in them.
    assert by_id["iridium_rudics"]["in_8_days_bytes"] == pytest.approx(2400 / 8 * 8 * 86400)
    camera = next(one for one in section["collectable"] if one["id"] == "camera_61mp")
    assert camera["in_8_days_bytes"] == pytest.approx(61e6 * 12 / 8 * 8 * 86400, rel=0.01)
    assert camera["bytes"] == pytest.approx(camera["in_8_days_bytes"] * 500 / 192)
    assert "custody.iridium_rudics.in_8_days" in by_id["iridium_rudics"]["finding_ids"]


def test_content_is_a_finding_of_its_own() -> None:
    row = Evidence(id="e", kind="content", artefact="images", text="a runway", source="a spokesman")
    by_id = {f.id: f for f in found(Account(evidence=(row,))).findings}
    assert "a runway" in by_id["custody.images.content"].reason
    assert by_id["custody.images.collected"].reason == "unconstrained by evidence"
    assert by_id["custody.signals.content"].kind == "undetermined"


def test_how_long_it_worked_must_be_known() -> None:
    with pytest.raises(InputError, match="how long"):
        found(hours=None)


@pytest.mark.parametrize(
    ("amount", "told"),
    [(12.0, "12 B"), (5e4, "50 kB"), (0.2074e9, "0.207 GB"), (30.4e9, "30.4 GB"), (63.2e12, "63.2 TB")],
)
def test_amounts_in_words(amount: float, told: str) -> None:
    assert bytes_words(amount) == told


def test_shares_in_words() -> None:
    assert (share_words(0.12), share_words(1 / 305000), share_words(0.0)) == (
        "12 %",
        "1 in 305,000",
        "nothing",
    )


# --- drawings and the report's part ----------------------------------------------------------------------


def test_the_drawing_keeps_hard_and_likely_apart(tmp_path: Path) -> None:
    section = found(parse_account(MADE)).section
    drawing = str(account_plot(section["bounds"]))
    assert "hard bounds" in drawing
    assert "under the priors" in drawing
    path = draw_account(section, tmp_path / "account.png", title="made")
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
    parts = custody_parts(section)
    assert parts is not None
    assert {row["class"] for row in parts["rows"]} >= {"all", "images"}


def test_names_of_evidence_cannot_break_the_drawing() -> None:
    row = Evidence(id="e", kind="sent_at_least", amount=5e6, source="<script>", text="</svg>")
    section = found(Account(evidence=(row,))).section
    assert "<script" not in str(account_plot(section["bounds"]))


def test_what_binds_leads_to_where_the_page_shows_it() -> None:
    """The camera's ceiling and the recorder's bind here; neither is a claim, and no link leads nowhere."""
    made = MADE.replace("capacity_bytes = 1e12", "capacity_bytes = 1e12\nmost_bytes = 2e12")
    answer = found(parse_account(made))
    cited = {str(i) for f in answer.findings for i in f.evidence}
    assert {"sensors", "sensors:images", "recorder", "links", "lab"} <= cited
    result = synthetic_result.result()
    result["findings"] = [*result["findings"], *(record_dict(f) for f in answer.findings)]
    result["sections"]["custody"] = dict(answer.section)
    page = report_html(result, {"posterior": synthetic_result.ensemble()}, synthetic_result.box_borders())
    ids = set(re.findall(r'id="([^"]+)"', page))
    links = dict(re.findall(r'<a href="#([^"]+)">([^<]+)</a>', page))
    assert set(links) <= ids
    number = 1 + [f["id"] for f in result["findings"]].index("custody.images.could_collect")
    assert links[f"f{number}"] == "sensors:images"
    assert links["a-lab"] == "lab"
    assert "recorder" not in links.values()


# --- settings and the command ----------------------------------------------------------------------------


def test_settings_stand_in_for_those_of_the_account(tmp_path: Path) -> None:
    assert read_settings({"samples": 500}, tmp_path, seed=3).samples == 500


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"acount": "x"}, "acount"),
        ({"account": "../x.toml"}, "account"),
        ({"account": "none.toml"}, "account"),
        ({"account": 3}, "account"),
        ({"key": "none"}, "key"),
        ({"anchors": "anchors.csv"}, "anchors"),
        ({"samples": 1.5}, "samples"),
        ({"samples": True}, "samples"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path: Path, table: dict[str, object], key: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_settings(table, tmp_path)
    assert caught.value.field == f"ask.custody.{key}"


def test_the_command_bounds_an_account(tmp_path: Path) -> None:
    (tmp_path / "account.toml").write_text(MADE)
    done = CliRunner().invoke(
        app, ["account", str(tmp_path / "account.toml"), "-n", "200", "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "[lab, sensors:images]" in done.output
    assert "unconstrained by evidence" in done.output
    told = json.loads((tmp_path / "out" / "account.json").read_text())
    assert any(f["id"] == "custody.images.collected" for f in told["findings"])
    assert (tmp_path / "out" / "account.png").is_file()


def test_the_command_tells_links() -> None:
    done = CliRunner().invoke(app, ["links"])
    assert "0.207 GB" in done.output
    assert max(len(line) for line in done.output.splitlines()) <= 80
    # What account.toml names a service by; then what it carries, and its share of each sensor.
    assert "\n  iridium_rudics: Iridium circuit or RUDICS, 2.4 kbit/s [source]\n" in done.output
    (row,) = (line for line in done.output.splitlines() if "0.207 GB" in line)
    assert re.split(r"  +", row.strip()) == [
        "0.207 GB", "1 in 305,000", "1 in 1,667", "1 in 266,667", "1 in 13,333",
    ]  # fmt: skip
    told = json.loads(CliRunner().invoke(app, ["links", "--days", "1", "--json"]).output)
    iridium = next(row for row in told["links"] if row["id"] == "iridium_rudics")
    assert iridium["bytes"] == pytest.approx(25.92e6)


def test_the_command_says_what_it_cannot_read(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["account", str(tmp_path / "none.toml")])
    assert done.exit_code != 0
    assert isinstance(done.exception, InputError)

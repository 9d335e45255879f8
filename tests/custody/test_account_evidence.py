"""The reader of account.toml: what it takes, and what it says of what it cannot take."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.custody.evidence import (
    CLASSES,
    OTHER_KINDS,
    QUANTITIES,
    SIDES,
    grade_p,
    kinds,
    parse_account,
    read_account,
)
from overflight.custody.links import LineOfSight
from overflight.custody.priors import Prior, log_density, parse_choice, parse_prior, quantile, words
from overflight.errors import InputError

DOCS = Path(__file__).parents[2] / "docs" / "account.md"
HEAD = "version = 1\n"


def test_an_account_without_anything_is_an_account() -> None:
    account = parse_account(HEAD)
    assert (account.sensors, account.links, account.evidence, account.hours) == ((), (), (), None)


def test_the_example_of_the_page_is_read() -> None:
    text = DOCS.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    account = parse_account(text)
    assert {s.artefact for s in account.sensors} == set(CLASSES)
    assert any(isinstance(plan.link, LineOfSight) for plan in account.links)
    assert {e.kind for e in account.evidence} >= {"rf_bursts", "none", "recorder_size", "content"}
    assert account.recovered_share is not None


def test_every_kind_is_on_the_page() -> None:
    page = DOCS.read_text("utf-8")
    for kind in OTHER_KINDS:
        assert f"`{kind}`" in page
    for word in (*QUANTITIES, *SIDES):
        assert f"`{word}`" in page
    assert len(kinds()) == len(QUANTITIES) * len(SIDES) + len(OTHER_KINDS)


def test_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "account.toml").write_text(HEAD + "[account]\nhours = 5\n")
    assert read_account(tmp_path).hours == read_account(tmp_path / "account.toml").hours == 5.0


def evidence(lines: str) -> str:
    return f'{HEAD}[[evidence]]\nid = "e"\nsource = "s"\n{lines}\n'


def sensor(lines: str) -> str:
    return f'{HEAD}[[sensor]]\nid = "s"\nclass = "images"\n{lines}\n'


@pytest.mark.parametrize(
    ("text", "field", "says", "remedy"),
    [
        ("version = 2", "version", "is 2", "version = 1"),
        ("", "version", "None", "version = 1"),
        (HEAD + "colour = 1", "colour", "not a key", "Known"),
        (HEAD + "[acount]\nhours = 1", "acount", "not a key", "Did you mean 'account'"),
        (HEAD + "[account]\nhours = 0", "account.hours", "outside", "unit"),
        (HEAD + "[account]\nhours = nan", "account.hours", "finite", "number"),
        (HEAD + '[account]\ncomplete = ["pictures"]', "account.complete", "pictures", "images"),
        (HEAD + "sensor = 3", "sensor", "no list of tables", "[[sensor]]"),
        (HEAD + "storage = 3", "storage", "no table", "[storage]"),
        (sensor('max_bps = "fast"'), "sensor[0].max_bps", "no finite number", "without quotes"),
        (sensor("max_bps = -1"), "sensor[0].max_bps", "outside", "unit"),
        (sensor('rate_bps = { dist = "gauss" }'), "sensor[0].rate_bps", "gauss", "prior"),
        (sensor('rate_bps = { dist = "uniform", low = 2, high = 1 }'), "sensor[0].rate_bps", "above", ""),
        (sensor('rate_bps = { dist = "loguniform", low = 0, high = 1 }'), "sensor[0].rate_bps", "zero", ""),
        (sensor('rate_bps = { dist = "lognormal", median = 2, factor = 1 }'), "sensor[0].rate_bps", "1", ""),
        (sensor('duty = { dist = "uniform", low = 0.5, high = 2 }'), "sensor[0].duty", "outside", ""),
        (sensor("daylight = true"), "sensor[0].daylight", "site by site", "per"),
        (sensor("daylight = 1"), "sensor[0].daylight", "neither true nor false", "true or false"),
        (HEAD + '[[sensor]]\nid = "a.b"\nclass = "images"', "sensor[0].id", "a.b", "letters"),
        (HEAD + '[[sensor]]\nid = "a"', "sensor[0].class", "missing", "images"),
        (HEAD + '[storage]\npolicy = "newest"', "storage.policy", "newest", "choice"),
        (HEAD + '[[link]]\nservice = "iridum_sbd"', "link[0].service", "iridum", "iridium_sbd"),
        (HEAD + '[[link]]\nid = "x"', "link[0].service", "missing", "up_bps"),
        (HEAD + '[[link]]\nid = "x"\nsymbols_hz = 1e6', "link[0].lon_deg", "missing", "budget"),
        (evidence('kind = "sent"'), "evidence[0].kind", "sent", ""),
        (evidence('kind = "sent_at_least"'), "evidence[0].bytes", "missing", "needs"),
        (evidence('kind = "sent_at_least"\nbytes = "1 GB"'), "evidence[0].bytes", "no finite", "quotes"),
        (evidence('kind = "sent_at_least"\nbytes = 1e17'), "evidence[0].bytes", "outside", ""),
        (evidence('kind = "sent_at_least"\nshare = 0.5'), "evidence[0].share", "does not belong", "bytes"),
        (evidence('kind = "recovered_share_at_least"\nshare = 60'), "evidence[0].share", "outside", ""),
        (evidence('kind = "rf_bursts"'), "evidence[0].count", "missing", "bursts"),
        (evidence('kind = "rf_bursts"\ncount = 1.5'), "evidence[0].count", "whole", ""),
        (evidence('kind = "none"'), "evidence[0].text", "missing", "looked for"),
        (evidence('kind = "none"\ntext = "x"\ncredibility = "G7"'), "evidence[0].credibility", "G7", "B2"),
        (evidence('kind = "recorder_size"\nbytes = 1\nclass = "images"'), "evidence[0].class", "holds", ""),
        (HEAD + '[[evidence]]\nid = "e"\nkind = "none"\ntext = "x"', "evidence[0].source", "missing", "who"),
        (evidence('kind = "none"\ntext = "x"') + evidence('kind = "none"\ntext = "x"')[12:], "evidence[1].id",
         "twice", "own"),
    ],
)  # fmt: skip
def test_errors_name_file_key_and_remedy(text: str, field: str, says: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_account(text, file="mine.toml")
    assert (caught.value.file, caught.value.field) == ("mine.toml", field)
    assert says in str(caught.value)
    assert remedy in str(caught.value)


def test_an_error_names_the_line() -> None:
    with pytest.raises(InputError) as caught:
        parse_account(evidence('kind = "sent_at_least"\nbytes = -4'))
    assert caught.value.line == 6


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(InputError):
        parse_account(text)
    with pytest.raises(InputError):
        parse_account(f"\x00{text}")


def test_grades_that_cannot_be_judged_are_not_zero() -> None:
    assert grade_p("A1") > grade_p("B2") > grade_p("C3") > grade_p("D4") > grade_p("E5") > 0.0
    assert 0.4 < grade_p("F6") < 0.6


# --- priors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "p", "expected"),
    [
        (7.0, 0.3, 7.0),
        ({"dist": "uniform", "low": 2.0, "high": 4.0}, 0.25, 2.5),
        ({"dist": "loguniform", "low": 1.0, "high": 1e4}, 0.5, 100.0),
        ({"dist": "lognormal", "median": 5.0, "factor": 2.0}, 0.8413447460685429, 10.0),
    ],
)
def test_quantiles_of_priors(value: object, p: float, expected: float) -> None:
    assert float(quantile(parse_prior(value, 0.0, 1e9), p)) == pytest.approx(expected)


def test_choices_by_weight() -> None:
    prior = parse_choice({"dist": "choice", "of": ["a", "b"], "weights": [1, 3]}, ("a", "b", "c"))
    np.testing.assert_array_equal(quantile(prior, [0.0, 0.24, 0.26, 1.0]), [0, 0, 1, 1])
    assert words(prior) == "a (25 %), b (75 %)"


@pytest.mark.parametrize(
    "prior", [Prior("uniform", 2.0, 5.0), Prior("loguniform", 2.0, 50.0), Prior("lognormal", 5.0, 2.0)]
)
def test_densities_are_those_of_the_quantiles(prior: Prior) -> None:
    """Of log x: the derivative of the distribution function, up to a constant."""
    p = np.linspace(0.01, 0.99, 2001)
    x = quantile(prior, p)
    slope = np.log(np.gradient(p, np.log(x)))
    apart = slope - log_density(prior, x)
    assert np.ptp(apart[5:-5]) < 5e-3
    assert np.isneginf(log_density(prior, -1.0)) or prior.dist == "lognormal"

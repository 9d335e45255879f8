"""Flight plans: what they make, what they refuse, and the page that documents them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.balloons.planfile import STOPS, TERMS, build_term, parse_plan, read_plan
from overflight.balloons.stops import AltitudeAbove, At, Ground
from overflight.balloons.terms import AltitudeControl, Ascent, ConstantDensity, Leak, Parachute, Propulsion
from overflight.errors import InputError
from overflight.times import parse_utc

PAGE = (Path(__file__).parents[2] / "docs" / "forecast.md").read_text("utf-8")


def test_the_plan_of_the_page_is_what_it_says() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    flight = parse_plan(text)
    assert flight.name == "up, a day afloat, down"
    assert [stage.name for stage in flight.stages] == ["climb", "float", "descent"]
    assert flight.stages[0].terms == (Ascent(5.0),)
    assert flight.stages[0].stops == (AltitudeAbove(18_000),)
    assert flight.stages[1].terms == (ConstantDensity(),)
    assert flight.stages[2].terms == (Parachute(sea_level_mps=5.0),)
    assert flight.stages[2].stops == (Ground(),)


@pytest.mark.parametrize(("kinds", "head"), [(TERMS, "term"), (STOPS, "stop")])
def test_the_page_has_every_record_with_its_keys(kinds: dict[str, type], head: str) -> None:
    table = re.search(rf"^\| {head} \| keys.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)
    assert table
    rows = {}
    for line in table[0].strip().splitlines()[2:]:
        _, first, second, _ = (cell.strip() for cell in line.split("|"))
        rows |= dict.fromkeys(re.findall(r"`(\w+)`", first), second)
    assert set(rows) == set(kinds)
    for name, record in kinds.items():
        for one in dataclasses.fields(record):
            assert f"`{one.name}`" in rows[name], f"{name}: {one.name}"


def test_times_stores_and_lists_are_read() -> None:
    flight = parse_plan(
        """
        ballast_kg = 12
        energy_j = 3.6e6
        [[stage]]
        terms = [
          {type = "altitude_control", target = [[2023-01-28T06:00:00Z, 18e3], ["2023-01-28T12:00Z", 16000]]},
          { type = "propulsion", airspeed_mps = 4, toward = [-120.5, 45] },
          { type = "leak", loss_kgps = 1e-5, gas_kg = 10 },
        ]
        stops = [{ type = "at", time_s = 2023-01-29T00:00:00Z }]
        """
    )
    control, propulsion, leak = flight.stages[0].terms
    assert isinstance(control, AltitudeControl)
    assert control.commands == (
        (parse_utc("2023-01-28T06:00Z"), 18_000),
        (parse_utc("2023-01-28T12:00Z"), 16_000),
    )
    assert isinstance(propulsion, Propulsion)
    assert propulsion.toward == (-120.5, 45)
    assert isinstance(leak, Leak)
    assert flight.stages[0].stops == (At(parse_utc("2023-01-29T00:00Z")),)
    assert flight.store == (12.0, 3.6e6, 0.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "field 'stage': the plan has no stage"),
        ("stage = 3", "field 'stage': is no list of tables"),
        ("a = ", "is not TOML"),
        ("sage = []", "field 'sage': is not a known key. Did you mean 'stage'?"),
        ("[[stage]]\nterm = []", "field 'stage[1].term': is not a known key. Did you mean 'terms'?"),
        ("[[stage]]\nterms = [{}]", "field 'stage[1].terms[1].type': has no type"),
        ('[[stage]]\nterms = [{type="asent"}]', "Did you mean 'ascent'?"),
        ('[[stage]]\nterms = [{type="ascent", rate=5}]', "field 'stage[1].terms[1].rate'"),
        (
            '[[stage]]\n[[stage]]\nterms = [{type="ascent", rate_mps=500}]',
            "field 'stage[2].terms[1].rate_mps': 500 is out of range",
        ),
        ('[[stage]]\nterms = [{type="ascent", rate_mps="5"}]', "stage[1].terms[1].rate_mps"),
        ('[[stage]]\nterms = [{type="ascent", rate_mps=true}]', "stage[1].terms[1].rate_mps"),
        ('[[stage]]\nterms = [{type="leak"}]', "field 'stage[1].terms[1].loss_kgps': is missing"),
        ('[[stage]]\nstops = [{type="altitude_above"}]', "field 'stage[1].stops[1].alt_m': is missing"),
        ('[[stage]]\nstops = [{type="signed"}]', "'signed' is not known"),
        ('[[stage]]\nstops = [{type="at", time_s=5}]', "5 is no time"),
        ('[[stage]]\nstops = [{type="at", time_s=2023-01-01T00:00:00}]', "has no time zone"),
        (
            '[[stage]]\nterms = [{type="ascent"}, {type="descent"}]',
            "[1].terms': Ascent and Descent",
        ),
        ('[[stage]]\nterms = [{type="propulsion", airspeed_mps=3, toward=[1]}]', "toward': is no place"),
        ('[[stage]]\nterms = [{type="altitude_control", target=[18000]}]', "target[1]': is no command"),
        ('[[stage]]\nterms = [{type="altitude_control", target="high"}]', "target"),
        ('[[stage]]\nterms = [{type="free_lift", gas_kg=1, mass_kg=1, gas=[1]}]', "gas"),
        ("name = 3\n[[stage]]", "field 'name': is no text"),
        ("ballast_kg = 'much'\n[[stage]]", "field 'ballast_kg': 'much'"),
        ("ballast_kg = -1\n[[stage]]", "store (ballast kg)"),
        ("[[stage]]\n" * 51, "has 51 entries; the limit is 50"),
    ],
)
def test_a_wrong_plan_is_told_by_its_key(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_plan(text, file="my.toml")
    assert says in str(error.value)
    assert str(error.value).startswith("my.toml")


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        read_plan(tmp_path / "none.toml")


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        parse_plan(text)
    except InputError:
        return


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TERMS)), st.data())
def test_no_value_crashes_a_term(kind: str, data: st.DataObject) -> None:
    names = [one.name for one in dataclasses.fields(TERMS[kind])]
    given_values = data.draw(st.dictionaries(st.sampled_from(names), values))
    try:
        build_term(kind, given_values)
    except InputError:
        return

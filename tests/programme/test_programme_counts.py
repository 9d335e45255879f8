"""Counts: intervals with their definitions, and no hobby or weather balloon in any of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made_programme as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.claims.table import read_claims
from overflight.errors import InputError
from overflight.programme.answers import answer_programme
from overflight.programme.catalogue import read_catalogue
from overflight.programme.counts import _heaviest, count_flights, until
from overflight.programme.places import where_flights
from overflight.programme.settings import ProgrammeSettings, read_settings
from overflight.programme.statements import count_statements
from overflight.times import parse_utc


def test_hobby_and_weather_balloons_never_count() -> None:
    found = made.catalogue()
    for reach in ("attributed", "suspected"):
        count = count_flights(found, None, "", reach)
        assert not {"gamma", "delta"} & {*count.sure, *count.possible}
        assert set(count.apart) == {"gamma", "delta"}
    assert count_flights(found, None, "", "attributed").low == 2
    assert count_flights(found, None, "", "suspected").low == 3


def test_definitions_nest_and_near_is_possible_only() -> None:
    found = made.catalogue()
    where = where_flights(found.flights, "USA")
    land, sea, zone = (count_flights(found, where, d, "attributed") for d in ("land", "sea", "zone"))
    assert land.sure == sea.sure == zone.sure == ("alpha",)
    # Its circle is far out on the Atlantic, whatever 'near' says.
    assert land.possible == ()
    assert land.low <= sea.low <= zone.low
    assert land.high <= sea.high <= zone.high


def test_flights_whose_times_meet_may_be_one_unless_somebody_tells_them_apart() -> None:
    one = "A1,a,sighting,2020-01-01,2020-01-09,,,,,u1,x,high,attributed,,,,,\n"
    two = "B1,b,sighting,2020-01-05,2020-01-12,,,,,{url},x,high,attributed,,,,,{flight}\n"
    apart = count_flights(made.catalogue(one + two.format(url="u2", flight="")), None, "", "attributed")
    same_page = count_flights(made.catalogue(one + two.format(url="u1", flight="")), None, "", "attributed")
    assert (apart.low, apart.high) == (1, 2)
    assert (same_page.low, same_page.high) == (2, 2)
    named = one.replace("attributed,,,,,", "attributed,,,,,a") + two.format(url="u2", flight="b")
    assert count_flights(made.catalogue(named), None, "", "attributed").low == 2


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=9))
def test_the_least_number_is_the_best_of_all_subsets(raw: list[tuple[int, int, int]]) -> None:
    items = [(float(a), float(a + n), float(w)) for a, n, w in raw]
    best = 0.0
    for mask in range(1 << len(items)):
        chosen = sorted(items[n] for n in range(len(items)) if mask >> n & 1)
        if all(a[1] < b[0] for a, b in pairwise(chosen)):
            best = max(best, sum(item[2] for item in chosen))
    assert _heaviest(items) == best


def test_until_leaves_out_what_came_later() -> None:
    found = until(made.catalogue(), parse_utc("2021-06-01T00:00Z"))
    assert [flight.id for flight in found.flights] == ["alpha", "beta"]


@dataclass(frozen=True)
class Told:
    """A claim, as far as this part reads one."""

    id: str
    claim: str
    relations: tuple[Any, ...] = ()
    verbs: tuple[str, ...] = ()
    quantity: Any = None
    object: str = ""
    area: str = ""
    date: str = "2023-02-08"
    claimant: str = "somebody"
    topic: str = "programme"
    url: str = ""
    qualifiers: tuple[str, ...] = ()
    said: Any = None


def test_every_source_keeps_its_definition() -> None:
    claims = (
        Told("A", "About half a dozen flights in US airspace, not necessarily over US land"),
        Told("B", "Three passes before", relations=(SimpleNamespace(verb="tension", claim_id="A"),)),
        Told("C", "Half a dozen flights", relations=(SimpleNamespace(verb="repeats", claim_id="A"),)),
        Told("D", "No such flight happened", relations=(SimpleNamespace(verb="denies", claim_id="B"),)),
        Told("E", "Many of them", verbs=("counted",), area="USA",
             quantity=SimpleNamespace(low=8.0, high=None, unit="count")),
    )  # fmt: skip
    found = {s.id: s for s in count_statements(claims)}
    assert (found["A"].definition, found["A"].area, found["A"].number.text) == ("sea", "USA", "5 to 7")
    assert (found["B"].definition, found["B"].area) == ("unstated", "USA")
    assert found["C"].repeats == ("A",)
    assert found["D"].denies
    assert not found["E"].by_words
    area = answer_programme(made.catalogue(), claims=claims).area
    assert (area.low, area.high, area.open_above) == (1, 8, True)


def test_the_count_of_2023_stands_beside_every_source(test_data: Path) -> None:
    folder = test_data.parent / "incident-2023"
    if not folder.is_dir():
        pytest.skip("incident-2023 does not lie beside the test data")
    answer = answer_programme(
        read_catalogue(folder / "other_objects.csv"),
        claims=read_claims(folder / "claims.csv"),
        settings=ProgrammeSettings(own_flights=1),
    )
    values = {f.id: f.value for f in answer.findings}
    # Public accounts: about six (C075); three, one and this one (C080); five places (C081).
    low, high = (float((values["programme.USA.flights"] or {})[k]) for k in ("lo", "hi"))
    assert low <= 5 <= high
    assert low <= 6 <= high
    assert {"C075", "C080", "C081", "C082", "C097", "X032"} == {s.id for s in answer.area.statements}
    # A retelling and the same page's number are not counted again.
    assert {s.id for s in answer.area.statements if s.repeats} == {"C097", "X032"}
    apart = answer.area.counts["zone", "suspected"].apart
    assert {"k9yo15", "us_later/utah_2024", "huron_2023"} <= set(apart)
    for (_, _), count in answer.area.counts.items():
        assert not {"k9yo15", "us_later/utah_2024"} & {*count.sure, *count.possible}


def test_findings_are_unique_and_the_section_cites_only_them() -> None:
    answer = answer_programme(made.catalogue(), settings=ProgrammeSettings(own_flights=2))
    ids = [f.id for f in answer.findings]
    assert len(ids) == len(set(ids))

    def cited(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = set(value.get("finding_ids") or ())
            return own.union(*(cited(v) for v in value.values()))
        return set().union(*(cited(v) for v in value)) if isinstance(value, list) else set()

    assert cited(answer.section) <= set(ids)


def test_names_that_differ_in_signs_only_have_findings_of_their_own() -> None:
    rows = (
        "A1,a/b,sighting,2020,,,,,,u,x,high,attributed,,,,,\n"
        "B1,a_b,sighting,2021,,,,,,v,x,high,attributed,,,,,\n"
    )
    ids = [f.id for f in answer_programme(made.catalogue(rows)).findings]
    assert len(ids) == len(set(ids))


def test_settings_name_the_key() -> None:
    assert read_settings({"area": "CAN", "own_flights": 1}).area == "CAN"
    for table in ({"area": "canada"}, {"own_flights": -1}, {"apart": True}, {"launches": "moon"}, {"x": 1}):
        with pytest.raises(InputError, match=r"ask\.programme"):
            read_settings(table)
    with pytest.raises(InputError, match="is no country"):
        answer_programme(made.catalogue(), settings=ProgrammeSettings(area="XXX"))

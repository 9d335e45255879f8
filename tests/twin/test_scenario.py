"""Scenarios: the shipped ones, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from exercise_helpers import SMALL

from overflight.errors import InputError
from overflight.twin.autopilot import Drift, GoTo, Loiter
from overflight.twin.observers import Radar, Watchers
from overflight.twin.scenario import FlightPlan, Invented, parse_scenario
from overflight.twin.scenarios import load_scenario, scenario_names

WANTED = {
    "stray-sounding", "superpressure-drifter", "zero-pressure-day-night", "leaking-drifter",
    "altitude-steered-crossing", "station-keeper", "propelled-crossing", "hobby-pico", "false-report",
    "simulated-feed", "lost-and-recovered", "two-balloons", "press-muddle",
}  # fmt: skip


def test_the_scenarios_that_were_promised_are_there() -> None:
    assert set(scenario_names()) == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_scenario_reads_and_tells_the_trainer_what_it_is(name: str) -> None:
    one = load_scenario(name)
    assert one.name == name
    assert len(one.about.split()) > 15
    assert one.teaches.endswith(".")


def test_what_moved_the_subject_follows_from_its_orders() -> None:
    moved = {name: load_scenario(name).moved for name in WANTED}
    steered = {"altitude-steered-crossing", "station-keeper", "propelled-crossing", "lost-and-recovered"}
    assert {n for n, m in moved.items() if m == "steered"} == steered
    assert moved["simulated-feed"] == "not moved by wind"
    assert moved["false-report"] is None
    assert moved["press-muddle"] == "drifted"


def test_a_scenario_is_read_field_by_field() -> None:
    one = parse_scenario(SMALL)
    (flight,) = one.flights
    assert isinstance(flight, FlightPlan)
    assert (flight.balloon, flight.hours, flight.float_alt_m) == ("drifter", 20.0, 17000.0)
    radar, watchers = one.observers[:2]
    assert isinstance(radar, Radar)
    assert (radar.spot.along, radar.spot.off_m) == (0.6, 60e3)
    assert isinstance(watchers, Watchers)
    assert watchers.p_afar == 0.3


def test_orders_name_behaviours_of_the_autopilot() -> None:
    flight = load_scenario("altitude-steered-crossing").flights[0]
    assert isinstance(flight, FlightPlan)
    assert [type(o.behaviour) for o in flight.orders] == [Drift, GoTo, Loiter, Drift]
    assert [o.at_h for o in flight.orders] == sorted(o.at_h for o in flight.orders)


def test_an_invented_track_is_no_flight() -> None:
    (one,) = load_scenario("simulated-feed").flights
    assert isinstance(one, Invented)
    assert one.moved == "not moved by wind"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('title = "A small drift"', 'titel = "x"', "titel"),
        ("start = 2031-06-01T00:00:00Z", "start = 2031-06-01T00:00:00", "start"),
        ("start = 2031-06-01T00:00:00Z", 'start = "2031"', "start"),
        ('balloon = "drifter"', 'balloon = "zeppelin"', "flight[1].balloon"),
        ("hours = 20", "hours = -1", "flight[1].hours"),
        ("hours = 20", "hours = true", "flight[1].hours"),
        ("hours = 20", "hors = 20", "flight[1].hors"),
        ('type = "radar"', 'type = "sonar"', "observer[1].type"),
        ("count = 10", 'count = "ten"', "observer[2].count"),
        ("p_afar = 0.3", "p_afar = 1.3", "observer[2].p_afar"),
        ("spot = { along = 0.6, off_m = 60e3 }", "spot = { off_m = 60e3 }", "along"),
        ('subject = "A"', 'subject = "Z"', "subject"),
        ("stations = 1", "stations = 1000", "weather.stations"),
        ("at_h = [10]", "at_h = []", "observer[3].at_h"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_key(old: str, new: str, field: str) -> None:
    assert old in SMALL
    with pytest.raises(InputError, match=re.escape(field)):
        parse_scenario(SMALL.replace(old, new))


def test_an_order_that_is_no_behaviour_is_refused() -> None:
    text = SMALL.replace(
        "float_alt_m = 17000", 'float_alt_m = 17000\norders = [{ at_h = 1, type = "hover" }]'
    )
    with pytest.raises(InputError, match=r"flight\[1\]\.orders\[1\]"):
        parse_scenario(text)


@pytest.mark.parametrize("text", ["[", "start = 1", "a" * 10, "[[flight]]\n" * 300])
def test_garbage_is_an_error_of_input(text: str) -> None:
    with pytest.raises(InputError):
        parse_scenario(text)


def test_a_name_that_is_not_there_brings_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="station-keeper"):
        load_scenario("station-keper")
    with pytest.raises(InputError, match="cannot be read"):
        load_scenario(str(tmp_path / "none.toml"))


def test_a_scenario_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL)
    assert load_scenario(str(tmp_path / "mine.toml")).name == "small"

"""Marks: what is implausible is said, and nothing is dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from overflight.errors import InputError
from overflight.records import Sighting
from overflight.sightings.plausibility import altitude_interval, mark_sightings, require_observations
from overflight.times import parse_utc

T0 = parse_utc("2023-02-01T00:00Z")
HOUR = 3600.0


def fix(index: int, **more: object) -> Sighting:
    """A fix every three hours, 10 m/s to the east along 45° N."""
    values: dict[str, object] = {
        "id": f"S{index}",
        "time_start": T0 + 3 * HOUR * index,
        "time_end": T0 + 3 * HOUR * index,
        "kind": "telemetry",
        "role": "observation",
        "source": "x",
        "lat_deg": 45.0,
        "lon_deg": 10.0 + 1.37 * index,
        "radius_km": 10.0,
        "alt_low_m": 18_000.0,
        "alt_high_m": 18_400.0,
    }
    return Sighting(**{**values, **more})  # type: ignore[arg-type]  # a builder for tests


def flight(**odd: object) -> list[Sighting]:
    return [fix(i, **(odd if i == 4 else {})) for i in range(9)]


def codes(sightings: list[Sighting], **window: float) -> dict[str, list[str]]:
    marked = mark_sightings(sightings, **window)
    assert [s.id for s in marked] == [s.id for s in sightings]
    return {s.id: [m.code for m in s.marks] for s in marked if s.marks}


def test_a_good_flight_has_no_marks() -> None:
    assert codes(flight(), time_start=T0, time_end=T0 + 40 * HOUR) == {}


def test_swapped_coordinates_are_told_from_the_neighbours() -> None:
    assert codes(flight(lat_deg=15.48, lon_deg=45.0)) == {"S4": ["lat_lon_swapped"]}


def test_too_fast_is_told_from_the_neighbours_and_once() -> None:
    assert codes(flight(lon_deg=-60.0)) == {"S4": ["too_fast"]}


def test_window_and_radius_are_allowed_for() -> None:
    far = {"lon_deg": 60.0}  # 3,500 km off
    assert codes(flight(**far, radius_km=2_500.0)) == {}
    assert codes(flight(**far, time_start=T0 - 10 * HOUR, time_end=T0 + 30 * HOUR)) == {}


def test_speed_bound_is_about_a_hundred_metres_a_second() -> None:
    # 300 km in 3 h is 28 m/s; 1,500 km less two radii in 3 h 10 min is 130 m/s.
    pair = [fix(0), fix(1, lon_deg=10.0 + 300.0 / 78.8)]
    assert codes(pair) == {}
    pair = [fix(0), fix(1, lon_deg=10.0 + 1_500.0 / 78.8)]
    assert codes(pair) == {"S0": ["too_fast"], "S1": ["too_fast"]}


def test_a_flight_over_the_date_line_is_not_fast() -> None:
    assert codes([fix(i, lon_deg=(178.0 + 1.37 * i + 180.0) % 360.0 - 180.0) for i in range(5)]) == {}


@pytest.mark.parametrize(
    ("low", "high", "code", "interval"),
    [
        (60_000.0, 65_000.0, "alt_feet", None),  # feet above any balloon as metres
        (200_000.0, 200_000.0, "alt_impossible", None),
        (-5_000.0, -5_000.0, "alt_impossible", None),
        (18_600.0, 18_000.0, "alt_reversed", (18_000.0, 18_600.0)),
        (11_887.0, 11_887.0, "alt_contradicts", (11_887.0, 11_887.0)),
    ],
)
def test_altitudes(low: float, high: float, code: str, interval: tuple[float, float] | None) -> None:
    marked = mark_sightings(flight(alt_low_m=low, alt_high_m=high))
    assert [m.code for m in marked[4].marks] == [code]
    assert not any(s.marks for i, s in enumerate(marked) if i != 4)
    assert altitude_interval(marked[4]) == interval
    assert marked[4].alt_low_m == low
    assert marked[4].fitted


def test_feet_below_the_ceiling_are_told_from_the_others() -> None:
    # The hobby balloon of February 2023 flew at 38,910 ft = 11,860 m.
    rows = [fix(i, alt_low_m=11_860.0, alt_high_m=11_860.0) for i in range(5)]
    rows[2] = replace(rows[2], alt_low_m=38_910.0, alt_high_m=38_910.0)
    assert codes(rows) == {"S2": ["alt_feet"]}


def test_ascent_is_not_held_against_the_float_level() -> None:
    assert codes(flight(alt_low_m=9_000.0, alt_high_m=9_000.0, phase="ascent")) == {}


def test_bound_alone_is_kept_as_a_bound() -> None:
    assert altitude_interval(fix(0, alt_high_m=None)) == (18_000.0, None)
    assert altitude_interval(fix(0, alt_low_m=None, alt_high_m=None)) is None


def test_window() -> None:
    marked = mark_sightings(flight(), time_start=T0 + 2 * HOUR, time_end=T0 + 24 * HOUR)
    assert [m.code for m in marked[0].marks] == ["outside_window"]
    assert not marked[0].fitted
    long = fix(1, time_end=T0 + 100 * HOUR)
    assert codes([long], time_start=T0, time_end=T0 + 24 * HOUR) == {"S1": ["beyond_window"]}


def test_places_and_radii() -> None:
    rows = [
        fix(0, lat_deg=None, lon_deg=None),
        fix(1, radius_km=5_000.0),
        fix(2, kind="eyewitness_photo", radius_km=0.05),
    ]
    assert codes(rows) == {"S0": ["no_place"], "S1": ["radius_wide"], "S2": ["radius_narrow"]}


def test_context_is_not_held_against_the_others() -> None:
    assert codes(flight(role="context", kind="model_estimate", lat_deg=-30.0)) == {}


def test_marking_twice_changes_nothing() -> None:
    once = mark_sightings(flight(lon_deg=-60.0, alt_low_m=60e3, alt_high_m=60e3))
    assert mark_sightings(once) == once


def test_no_sightings_at_all() -> None:
    assert mark_sightings([]) == ()


def test_a_window_without_observations_is_an_error_with_the_dates() -> None:
    rows = flight()
    require_observations(rows, T0, T0 + HOUR)
    with pytest.raises(InputError, match="The observations run from 2023-02-01T00:00:00Z"):
        require_observations(rows, T0 + 100 * HOUR, T0 + 200 * HOUR)
    with pytest.raises(InputError, match="context rows are never fitted"):
        require_observations([fix(0, role="context")], T0, T0 + HOUR)
    with pytest.raises(InputError, match="0 rows read"):
        require_observations([], T0, T0 + HOUR)

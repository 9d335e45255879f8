from __future__ import annotations

import pytest

from overflight.claims.mentions import named_places, named_times
from overflight.claims.quantities import find_quantities


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("at least two dozen flights", 24, None, "count"),
        ("no fewer than 12 ships", 12, None, "count"),
        ("more than 40 states", 40, None, "count"),
        ("up to three airships", None, 3, "count"),
        ("as many as 1,200 people", None, 1200, "count"),
        ("fewer than a hundred houses", None, 100, "count"),
        ("roughly half a dozen were lost", 5, 7, "count"),
        ("about thirty-five islands", 31, 39, "count"),
        ("nearly 20 km", 18, 20, "km"),
        ("just over 10 hours", 10, 11, "h"),
        ("between 12 and 15 sightings", 12, 15, "count"),
        ("four or five cameras", 4, 5, "count"),
        ("from 60,000 to 65,000 feet", 60000, 65000, "ft"),
        ("two to three dozen flights", 24, 36, "count"),
        ("2 Mbit/s", 2, 2, "Mbit/s"),
        ("6 nautical miles", 6, 6, "nmi"),
        ("dozens of lights", 24, None, "count"),
        ("a dozen ships", 12, 12, "count"),
        ("some 3.5 million readers", 3.15e6, 3.85e6, "count"),
    ],
)
def test_words_become_intervals(text: str, low: float | None, high: float | None, unit: str) -> None:
    (found,) = find_quantities(f"It was {text}.")
    assert (found.quantity.low, found.quantity.high, found.quantity.unit) == (
        pytest.approx(low) if low is not None else None,
        pytest.approx(high) if high is not None else None,
        unit,
    )


@pytest.mark.parametrize(
    "text",
    [
        "on 4 February 2023",
        "Feb. 4, 2023",
        "in 1987",
        "at 2:39 p.m.",
        "one official",
        "an F-22",
        "the 4th time",
    ],
)
def test_dates_and_determiners_are_no_quantities(text: str) -> None:
    assert find_quantities(f"It was seen {text}.") == ()


def test_the_noun_that_is_counted_is_found() -> None:
    found = find_quantities("At least nine separate flights crossed over three northern islands.")
    assert [q.noun for q in found] == ["flights", "northern islands"]


@pytest.mark.parametrize(
    ("text", "published", "about"),
    [
        ("on March 3", "2021-05-04", "2021-03-03"),
        ("on 3 December", "2021-05-04", "2020-12-03"),
        ("in late January", "2021-05-04", "2021-01-21/2021-01-31"),
        ("in June 1987", "", "1987-06"),
        ("since 2019", "", "2019"),
        ("on March 3", "", ""),
        ("on 31 February 2020", "", ""),
        ("at 2021-03-03T04:05Z", "", "2021-03-03T04:05Z"),
    ],
)
def test_days_take_the_year_of_the_article(text: str, published: str, about: str) -> None:
    (found,) = named_times(f"It was seen {text}.", published)
    assert found.about == about


def test_places_are_names_behind_prepositions() -> None:
    assert named_places("It flew over Lowmere, Port Amber and Saint Orme before entering Ruritania.") == (
        "Lowmere", "Port Amber", "Saint Orme", "Ruritania",
    )  # fmt: skip
    assert named_places("It was seen on Monday by Officials of the ministry in March.") == ()

"""How the answers of a landing are put in words."""

from __future__ import annotations

import pytest

from overflight.trajectories.landing_answers import area_words


@pytest.mark.parametrize(
    ("area_km2", "words"),
    [
        (1582.9, "1,580 km²"),
        (123_456.0, "123,000 km²"),
        (105.4, "105 km²"),
        (99.96, "100 km²"),
        (12.34, "12.3 km²"),
        (1.234, "1.23 km²"),
        (0.0004, "under 0.01 km²"),
    ],
)
def test_areas_are_written_for_people(area_km2: float, words: str) -> None:
    assert area_words(area_km2) == words

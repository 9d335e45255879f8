"""Words of likelihood against the table of ICD 203 (2015), section D.6.e(2)(a)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.errors import OverflightError
from overflight.words import TERMS, likelihood, percent, percent_range

# The directive's row of terms and its percentages.
ICD_203 = [
    ("almost no chance", 0.01, 0.05),
    ("very unlikely", 0.05, 0.20),
    ("unlikely", 0.20, 0.45),
    ("roughly even chance", 0.45, 0.55),
    ("likely", 0.55, 0.80),
    ("very likely", 0.80, 0.95),
    ("almost certain", 0.95, 0.99),
]

proof = settings(deadline=None, derandomize=True, max_examples=200)
probabilities = st.floats(min_value=0.0, max_value=1.0)


@pytest.mark.parametrize(("term", "low", "high"), ICD_203)
def test_inside_each_band_the_directive_s_term(term: str, low: float, high: float) -> None:
    for p in (low + 1e-9, (low + high) / 2, high - 1e-9):
        assert likelihood(p) == term


def test_terms_are_the_directive_s_in_order() -> None:
    assert list(TERMS) == [term for term, _, _ in ICD_203]


@pytest.mark.parametrize(
    ("p", "term"),
    [
        (0.05, "very unlikely"),
        (0.20, "unlikely"),
        (0.45, "roughly even chance"),
        (0.55, "roughly even chance"),
        (0.80, "likely"),
        (0.95, "very likely"),
    ],
)
def test_a_shared_end_goes_to_the_weaker_word(p: float, term: str) -> None:
    assert likelihood(p) == term


def test_beyond_the_bands_nothing_is_impossible_or_certain() -> None:
    assert likelihood(0.0) == likelihood(0.005) == "almost no chance"
    assert likelihood(1.0) == likelihood(0.995) == "almost certain"


@given(probabilities, probabilities)
@proof
def test_a_higher_probability_never_gets_a_lower_word(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert TERMS.index(likelihood(low)) <= TERMS.index(likelihood(high))


def test_the_opposite_gets_the_opposite_word() -> None:
    for thousandths in range(1001):
        word, opposite = likelihood(thousandths / 1000), likelihood((1000 - thousandths) / 1000)
        assert TERMS.index(word) == 6 - TERMS.index(opposite), thousandths


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.374, "37 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (0.9901, ">99 %"),
        (1.0, ">99 %"),
    ],
)
def test_percent(p: float, text: str) -> None:
    assert percent(p) == text


@pytest.mark.parametrize("p", [-0.01, 1.01, 37.0, float("nan"), float("inf")])
def test_what_is_not_a_probability_is_refused(p: float) -> None:
    for function in (likelihood, percent):
        with pytest.raises(OverflightError, match="not a percentage"):
            function(p)


def test_no_term_speaks_of_confidence() -> None:
    assert not any("confiden" in term for term in TERMS)


@pytest.mark.parametrize(
    ("low", "high", "text"), [(0.03, 0.4, "3 % to 40 %"), (0.0, 0.009, "<1 %"), (0.0, 1.0, "<1 % to >99 %")]
)
def test_a_range_that_reads_alike_is_one_number(low: float, high: float, text: str) -> None:
    assert percent_range(low, high) == text

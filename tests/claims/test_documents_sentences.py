from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.claims.sentences import MOST_CHARACTERS, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Gen. A. Helm saw it at 3 p.m. on Tuesday.", "It was over St. Mark."],
        [
            ["The U.S. Navy followed it into the U.S.", "ship was late."][0],
            "The ship was late.",
        ],
        ["It rose 3.5 km.", "Then it fell."],
        ["“We saw it.”", "He left."],
        ["“It fell,” he said.", "Did it?", "It did!"],
        ["It weighed approx. 900 kg, i.e. too much.", "No. 4 was lost."],
        ["Was it ours?” she asked.", "Nobody knew..."],
        ["It left on Feb. 4 and came back on Dec. 1.", "(Nobody saw it.)"],
    ],
)
def test_sentences_are_found_again_in_their_text(sentences: list[str]) -> None:
    assert list(split_sentences(" ".join(sentences))) == sentences


@given(st.text(alphabet='aA.!? "”U1,', max_size=300))
def test_nothing_is_lost(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_a_text_without_end_is_cut() -> None:
    pieces = list(split_sentences("word " * 5000))
    assert max(map(len, pieces)) <= MOST_CHARACTERS
    assert sum(len(p.split()) for p in pieces) == 5000

from __future__ import annotations

import itertools

import pytest

import synthetic_result as made
from overflight.claims.lint import SECOND_ROW, lint_findings, lint_html, lint_text, sentences
from overflight.claims.strayed import reach_findings, reach_of
from overflight.claims.weighing import Item, Matrix, weigh, weighing_lines
from overflight.report.page import report_html
from overflight.words import TERMS, likelihood, percent


def codes(text: str) -> list[str]:
    return [fault.code for fault in lint_text(text)]


@pytest.mark.parametrize("term", [*TERMS, *SECOND_ROW])
@pytest.mark.parametrize(
    "sure", ["with high confidence", "with moderate confidence", "we are confident that"]
)
def test_likelihood_and_confidence_in_one_sentence_are_found(term: str, sure: str) -> None:
    """ICD 203, D.6.e(2)(a): not a confidence level and a degree of likelihood in the same sentence."""
    assert "likelihood_and_confidence" in codes(f"It is {term}, {sure} it drifted.")
    assert codes(f"It is {term} that it drifted.") == []
    assert codes(f"It is {term} that it drifted. We judge so {sure}.") == []


def test_rows_are_not_mixed() -> None:
    assert codes("It is likely to drift. It is probable that it rose.") == ["two_rows"]


@pytest.mark.parametrize("word", ["probably", "perhaps", "highly likely", "possibly", "most likely"])
def test_other_words_of_likelihood_are_found(word: str) -> None:
    assert "not_a_term" in codes(f"It {word} drifted.")


def test_a_word_must_fit_its_number() -> None:
    assert codes("It is likely (37 %) that it drifted.") == ["word_against_number"]
    for p in [k / 1000 for k in range(1001)]:
        assert codes(f"It is {likelihood(p)} ({percent(p)}) that it drifted.") == []


def test_what_a_source_said_is_not_ours() -> None:
    assert codes("C063 says “very likely, with high confidence, probably”.") == []
    page = "<p>It drifted.</p><tr class='x quoted'><td>probably, with high confidence <b>likely</b></td></tr>"
    assert lint_html(page) == ()
    assert [f.code for f in lint_html(page.replace("quoted", "ours"))] != []


def test_a_page_is_read_by_blocks() -> None:
    page = (
        "<p>It is <b>very</b> likely</p><p>with high confidence</p><script>probably</script>"
        "<li>It is <i>likely</i>, with high confidence.</li>"
    )
    (fault,) = lint_html(page)
    assert fault.code == "likelihood_and_confidence"
    assert lint_html("<p>unclosed <b>probably") != ()
    assert lint_html("</p></p></div>") == ()


def test_sentences_are_split() -> None:
    assert sentences("One is 3.5 km. Two? (Three.)\nfour") == ["One is 3.5 km.", "Two?", "(Three.)", "four"]


def test_the_report_of_the_made_case_keeps_the_rules() -> None:
    page = report_html(made.result(), {"posterior": made.ensemble()}, made.box_borders())
    assert lint_html(page) == ()
    # The lint does read the page: a sentence put into it is found.
    marked = page.replace("</main>", "<p>Probably likely with high confidence.</p></main>")
    assert marked != page
    assert len(lint_html(marked)) == 2


def test_the_sentences_of_straying_keep_the_rules() -> None:
    for hits, n in itertools.product((0, 1, 5, 30, 55, 90, 100), (100, 2000)):
        found = reach_of("USA", [k * 100 < hits * n for k in range(n)], [1.0] * n)
        assert lint_findings(reach_findings(found, origin="Hainan", month="January", winds="prior")) == ()


def test_the_sentences_of_weighing_keep_the_rules() -> None:
    matrix = Matrix(("drifted", "steered"), (Item("a", ("I", "C")), Item("b", ("N", "N"))))
    assert lint_text(" ".join(weighing_lines(weigh(matrix)))) == ()

"""Scores: the rules in closed form, and answers that are right, wrong, missing and falsely certain."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exercise_helpers import SMALL, answer, finding

from overflight.errors import InputError
from overflight.twin.exercise import Written, write_exercise
from overflight.twin.rules import chance_line, interval_line, interval_points, log_points
from overflight.twin.scenario import parse_scenario
from overflight.twin.score import Score, _side_line, score, score_dict
from overflight.twin.truth import Truth, read_truth
from overflight.units import HOUR_S

# --- the rules


def test_points_of_chances_are_one_and_the_logarithm() -> None:
    assert log_points(1.0) == 1.0
    assert log_points(0.5) == 0.0
    assert log_points(0.25) == -1.0
    assert log_points(0.0) == -9.0


def test_the_rule_of_chances_is_proper() -> None:
    """Who believes 0.7 has the most to expect of saying 0.7."""
    said = np.linspace(0.01, 0.99, 99)
    expected = [0.7 * log_points(p) + 0.3 * log_points(1.0 - p) for p in said]
    assert said[int(np.argmax(expected))] == pytest.approx(0.7)


def test_the_rule_of_intervals_is_proper() -> None:
    """Of intervals about a normal belief the one of 90 % has the most to expect: 1.645 deviations."""
    draws = np.random.default_rng(1).standard_normal(40_000)
    halves = np.arange(1.0, 2.5, 0.05)
    expected = [
        np.mean([interval_points(2 * h, max(abs(x) - h, 0.0), 40.0) for x in draws[:8000]]) for h in halves
    ]
    assert halves[int(np.argmax(expected))] == pytest.approx(1.645, abs=0.11)


@pytest.mark.parametrize(
    ("p", "happened", "verdict"),
    [
        (0.9, True, "right"),
        (0.9, False, "wrong"),
        (0.96, False, "falsely certain"),
        (0.03, True, "falsely certain"),
        (None, True, "not answered"),
    ],
)
def test_verdicts_of_chances(p: float | None, happened: bool, verdict: str) -> None:
    line = chance_line("x", "x.y.z", "?", p, happened)
    assert line.verdict == verdict
    assert (line.points is None) == (p is None)


def test_the_brier_score_is_the_square() -> None:
    line = chance_line("x", "x.y.z", "?", 0.8, False)
    assert line.detail is not None
    assert line.detail["brier"] == pytest.approx(0.64)
    assert line.detail["bits"] == pytest.approx(-math.log2(0.2))


@pytest.mark.parametrize(
    ("low", "high", "true", "verdict", "points"),
    [
        (0.0, 6.0, 3.0, "right", 0.5),  # 1 - 6/12
        (0.0, 6.0, 7.0, "wrong", 1.0 - (6.0 + 20.0) / 12.0),
        (0.0, 1.0, 7.0, "falsely certain", -9.0),
    ],
)
def test_intervals_of_hours(low: float, high: float, true: float, verdict: str, points: float) -> None:
    line = interval_line("x", "x.y.z", "?", {"p05": low, "p50": low, "p95": high}, "h", true)
    assert (line.verdict, line.points) == (verdict, pytest.approx(points))


def test_a_question_without_an_answer_is_not_scored() -> None:
    assert interval_line("x", "x.y.z", "?", {"lo": 0.0, "hi": 1.0}, "h", None).verdict == "not scored"
    assert interval_line("x", "x.y.z", "?", None, "h", 1.0).verdict == "not answered"
    assert interval_line("x", "x.y.z", "?", {"p05": "low", "p95": 2.0}, "h", 1.0).verdict == "not answered"


# --- answers to an exercise


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_exercise(parse_scenario(SMALL), 11, tmp_path_factory.mktemp("score") / "case")


@pytest.fixture(scope="module")
def truth(small: Written) -> Truth:
    return read_truth(small.truth)


def rows(truth: Truth, *, north_deg: float = 0.0, r90_km: float = 20.0) -> list[dict[str, float]]:
    """A path on the true one, or beside it."""
    time_s, lon, lat, _ = truth.track("A")
    return [
        {
            "time_s": float(time_s[i]), "lon": float(lon[i]), "lat": float(lat[i]) + north_deg,
            "r50_km": 0.5 * r90_km, "r90_km": r90_km, "aloft_share": 1.0,
        }
        for i in range(5, time_s.size - 5, 30)
    ]  # fmt: skip


def scored(
    small: Written, tmp_path: Path, path: list[dict[str, float]], findings: list[dict[str, Any]], **more: Any
) -> Score:
    title = more.pop("title", f"Exercise {small.seal[:16]}")
    (tmp_path / "result.json").write_text(json.dumps(answer(title, path, findings, **more)))
    return score(tmp_path, small.truth)


def by_id(found: Score) -> dict[str, Any]:
    return {line.id: line for line in found.lines}


def test_the_true_path_is_worth_nearly_all(small: Written, truth: Truth, tmp_path: Path) -> None:
    found = scored(small, tmp_path, rows(truth), [])
    lines = [line for line in found.lines if line.part == "path"]
    assert [line.id for line in lines] == ["path.start", *(line.id for line in lines[1:-1]), "path.end"]
    assert all(line.verdict == "right" for line in lines)
    assert all(line.points == pytest.approx(1.0 - 20.0 / 300.0, abs=1e-3) for line in lines)
    assert found.path["inside_90"] == found.path["inside_50"] == 1.0


def test_a_path_beside_the_true_one_with_a_small_circle_is_false_certainty(
    small: Written, truth: Truth, tmp_path: Path
) -> None:
    found = scored(small, tmp_path, rows(truth, north_deg=2.0), [])
    assert all(line.verdict == "falsely certain" for line in found.lines if line.part == "path")
    assert found.path["miss_median_km"] == pytest.approx(222.4, abs=1.0)  # two degrees of a meridian at 50°
    wide = scored(small, tmp_path, rows(truth, north_deg=2.0, r90_km=250.0), [])
    assert all(line.verdict == "right" for line in wide.lines if line.part == "path")
    assert wide.points > found.points


def test_no_answer_is_worth_nothing_and_costs_nothing(small: Written, tmp_path: Path) -> None:
    found = scored(small, tmp_path, [], [])
    assert found.points == 0.0
    assert {line.verdict for line in found.lines} == {"not answered"}
    assert "path" in by_id(found)
    assert by_id(found)["steer.flight.side"].truth == "drifted"


def test_crossings_are_scored_by_the_true_path(small: Written, truth: Truth, tmp_path: Path) -> None:
    from overflight.crossings import crossings
    from overflight.places.areafile import parse_areas

    (zone,) = parse_areas(json.dumps(truth.data["areas"]).encode())
    entry = float(crossings(truth.ensemble, [zone]).by_area["ZONE"].entry_s[0])
    good = {"p05": entry - HOUR_S, "p50": entry, "p95": entry + HOUR_S}
    late = {"p05": entry + 5 * HOUR_S, "p50": entry + 5.5 * HOUR_S, "p95": entry + 6 * HOUR_S}
    told = [
        finding("crossing.ZONE.probability", "probability", {"p": 0.97}),
        finding("crossing.ZONE.entry", "interval", good, "posix_s"),
        finding("crossing.FRA.probability", "probability", {"p": 0.99}),
        finding("crossing.BRA.probability", "probability", {"p": 0.001}),
        finding("crossing.MINE.probability", "probability", {"p": 0.5}),
    ]
    lines = by_id(scored(small, tmp_path, rows(truth), told))
    assert lines["crossing.ZONE.probability"].verdict == "right"
    assert lines["crossing.ZONE.entry"].verdict == "right"
    assert lines["crossing.ZONE.exit"].verdict == "not answered"
    assert lines["crossing.FRA.probability"].verdict == "falsely certain"
    assert "crossing.BRA.probability" not in lines  # far off, and nobody claims it
    assert lines["crossing.MINE"].verdict == "not scored"
    assert lines["crossing.DEU.probability"].verdict == "not answered"  # it was crossed
    told[1] = finding("crossing.ZONE.entry", "interval", late, "posix_s")
    assert (
        by_id(scored(small, tmp_path, rows(truth), told))["crossing.ZONE.entry"].verdict == "falsely certain"
    )


def test_sight_is_scored_by_the_air_and_the_elevation_of_the_answer(
    small: Written, truth: Truth, tmp_path: Path
) -> None:
    """The horizon of light lies beyond the straight one (docs/payload.md): the site is in view for longer."""
    head = "exposure.NEAR"

    def true_hours(**given: str) -> str:
        told = [
            {**finding(f"{head}.in_view_probability", "probability", {"p": 0.9}), "given": given},
            finding(f"{head}.hours_in_view", "interval", {"p05": 1.0, "p50": 2.0, "p95": 3.0}, "h"),
        ]
        lines = by_id(scored(small, tmp_path, rows(truth), told))
        assert lines[f"{head}.in_view_probability"].verdict == "right"
        return str(lines[f"{head}.hours_in_view"].truth)

    light, straight = true_hours(refraction="light"), true_hours(refraction="geometric")
    assert float(light.split()[0]) > float(straight.split()[0]) > 1.0
    # An answer that names no air, or one that is not known, is held against light.
    assert true_hours() == true_hours(refraction="4/3") == light
    # Numbers of a finding's `given` are texts.
    high = true_hours(refraction="light", min_elevation_deg="20")
    assert float(high.split()[0]) < float(light.split()[0])
    assert true_hours(refraction="light", min_elevation_deg="low") == light


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("drifted", "right"),
        ("steered", "falsely certain"),
        ("did not drift", "falsely certain"),
        (None, "cannot tell"),
    ],
)
def test_the_verdict_on_steering(
    small: Written, truth: Truth, tmp_path: Path, word: str | None, verdict: str
) -> None:
    value = None if word is None else {"category": word}
    told = [
        finding("steer.flight.side", "category" if word else "undetermined", value),
        finding("steer.flight.p_steered", "probability", {"p": 0.2}),
    ]
    lines = by_id(scored(small, tmp_path, rows(truth), told))
    assert lines["steer.flight.side"].verdict == verdict
    assert (lines["steer.flight.side"].points is None) == (word is None)
    assert lines["steer.flight.p_steered"].points == pytest.approx(1.0 + math.log2(0.8))
    assert lines["steer.flight.p_drifted"].verdict == "not answered"


@pytest.mark.parametrize(
    ("word", "threshold", "verdict", "points"),
    [
        ("steered", "0.85", "right", 1.0),
        ("did not drift", "0.85", "right", 0.0),
        # Sure to 85 %: 15 % is left to what was so.
        ("drifted", "0.85", "wrong", 1.0 + math.log2(0.15)),
        ("drifted", "0.95", "falsely certain", 1.0 + math.log2(0.05)),
    ],
)
def test_a_verdict_on_what_was_steered_is_worth_what_it_is_sure_to(
    word: str, threshold: str, verdict: str, points: float
) -> None:
    told = finding("steer.flight.side", "category", {"category": word}) | {"given": {"threshold": threshold}}
    line = _side_line({told["id"]: told}, "steered")
    assert line.verdict == verdict
    assert line.points == pytest.approx(points)


def test_wrong_reports_are_worth_recognising(small: Written, truth: Truth, tmp_path: Path) -> None:
    faults = {k: v["fault"] for k, v in truth.data["sightings"].items()}
    wrong = [k for k, v in faults.items() if v != "none"]
    assert wrong
    readings = [{"id": k, "p_stated": 0.05 if k in wrong else 0.95} for k in faults]
    found = scored(small, tmp_path, rows(truth), [], readings=readings)
    lines = [
        line for line in found.lines if line.id.startswith("reading.") and not line.id.endswith("altitude")
    ]
    assert {line.verdict for line in lines} == {"right"}
    assert len(lines) == len(wrong)
    believed = [{"id": k, "p_stated": 0.99} for k in faults]
    taken_in = scored(small, tmp_path, rows(truth), [], readings=believed)
    assert taken_in.parts["reports"]["falsely certain"] == len(wrong)


def test_a_truth_of_another_exercise_and_a_title_without_a_seal_are_refused(
    small: Written, truth: Truth, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="carries no seal"):
        scored(small, tmp_path, rows(truth), [], title="My case")
    with pytest.raises(InputError, match="the case was given 0123456789abcdef"):
        scored(small, tmp_path, rows(truth), [], title="Exercise 0123456789abcdef")
    assert score(tmp_path, small.truth, unsealed=True).notes


# --- data


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """An exercise whose recorder was full, read in part, and tampered with by its owner."""
    recorder = (
        '[recorder]\nkeyed = true\nrecovered = 0.6\nshare = 0.05\nrecovered_by = ["owner"]\n'
        "picture_s = 60\ncapacity_bytes = 5e7\n\n[weather]\n"
    )
    scenario = parse_scenario(SMALL.replace("[weather]\n", recorder))
    return write_exercise(scenario, 11, tmp_path_factory.mktemp("recorded") / "case")


def amount(name: str, true: float) -> dict[str, Any]:
    return finding(f"custody.all.{name}", "interval", {"lo": true - 1.0, "hi": true + 1.0}, "byte")


def test_an_account_is_held_against_where_the_bytes_were(recorded: Written, tmp_path: Path) -> None:
    truth = read_truth(recorded.truth)
    deeds = truth.data["data"]["account"]
    # Hands took frames out and changed others after the flight: the words of truth and account differ.
    assert min(deeds["deleted"], deeds["altered"], deeds["collected"] - deeds["kept"]) > 0
    told = [
        amount("collected", deeds["collected"]),
        amount("kept", deeds["recovered"] + deeds["unread"] + deeds["deleted"] + deeds["altered"]),
        amount("deleted", deeds["collected"] - deeds["kept"]),
        amount("recovered", deeds["kept"] - deeds["unread"] - deeds["deleted"]),
        amount("unaccounted", 2.0 * deeds["collected"]),
        finding("custody.all.sent", "undetermined", None, "byte"),
        amount("sent_likely", deeds["sent"]),
    ]
    lines = by_id(scored(recorded, tmp_path, rows(truth), told))
    assert {k: line.verdict for k, line in lines.items() if line.part == "data"} == {
        "custody.all.collected": "right",
        "custody.all.sent": "not answered",
        "custody.all.sent_likely": "right",
        "custody.all.kept": "right",
        "custody.all.deleted": "right",
        "custody.all.recovered": "right",
        "custody.all.altered": "not answered",
        "custody.all.unaccounted": "falsely certain",
        "custody.all.both": "not answered",
    }


def test_what_hands_deleted_afterwards_is_not_what_the_account_calls_deleted(
    recorded: Written, tmp_path: Path
) -> None:
    truth = read_truth(recorded.truth)
    told = [amount("deleted", truth.data["data"]["account"]["deleted"])]
    assert by_id(scored(recorded, tmp_path, rows(truth), told))["custody.all.deleted"].verdict != "right"


def test_a_case_that_was_changed_is_told(small: Written, truth: Truth, tmp_path: Path) -> None:
    told = answer(f"Exercise {small.seal[:16]}", rows(truth), [])
    told["inputs"]["files"] = {"sightings.csv": "sha256:" + "0" * 64, "mine.csv": "x"}
    (tmp_path / "result.json").write_text(json.dumps(told))
    (note,) = score(tmp_path, small.truth).notes
    assert "sightings.csv" in note


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"findings": 1}', '{"findings": [1, {}, {"id": 3}]}', "[" * 5000]
)
def test_hostile_results_end_in_an_error_or_in_no_answer(small: Written, tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    try:
        found = score(tmp_path, small.truth, unsealed=True)
    except InputError:
        return
    assert found.points == 0.0


def test_numbers_that_are_none_do_not_count(small: Written, truth: Truth, tmp_path: Path) -> None:
    path = rows(truth)
    path[3] = {**path[3], "lon": "east"}  # type: ignore[dict-item]  # hostile on purpose
    told = [finding("crossing.ZONE.probability", "probability", {"p": "sure"})]
    lines = by_id(scored(small, tmp_path, path, told))
    assert lines["crossing.ZONE.probability"].verdict == "not answered"


def test_the_score_is_json(small: Written, truth: Truth, tmp_path: Path) -> None:
    found = scored(
        small, tmp_path, rows(truth), [finding("steer.flight.side", "category", {"category": "drifted"})]
    )
    data = json.loads(json.dumps(score_dict(found), allow_nan=False))
    assert data["points"] == pytest.approx(sum(line["points"] or 0.0 for line in data["lines"]))
    assert data["parts"]["steering"]["right"] == 1


def test_nothing_else_of_the_assessment_is_read(small: Written, truth: Truth, tmp_path: Path) -> None:
    (tmp_path / "flight.nc").write_bytes(b"not a flight")
    assert scored(small, tmp_path, rows(truth), []).path["times"] > 10

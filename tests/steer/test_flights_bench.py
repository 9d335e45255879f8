"""Parts of the bench on real flights: commands are matched one to one, and what must not be fails it."""

from __future__ import annotations

import importlib
import sys
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench"
if not (BENCH / "steer_flights.py").exists():
    pytest.skip("the benches are not part of a source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

bench = importlib.import_module("steer_flights")

# Down at 60 min, up at 150, down at 240: as the file of a balloon has them, from 20 km.
TRUE = [(3600.0, 16_000.0), (9000.0, 18_000.0), (14_400.0, 14_000.0)]


def _found(minutes: float, from_m: float, to_m: float) -> SimpleNamespace:
    at = 60.0 * minutes
    return SimpleNamespace(time_s=(at - 60.0, at, at + 60.0), from_m=from_m, to_m=to_m, p=0.9, lineages=3)


def test_commands_are_matched_by_way_and_time() -> None:
    found = [_found(58, 20e3, 16e3), _found(155, 16e3, 18e3), _found(240, 18e3, 14e3)]
    assert bench.matched(TRUE, found) == [(0, 0), (1, 1), (2, 2)]


def test_one_command_found_is_not_two() -> None:
    """A found one near two true ones of the same way serves the nearer; the other is missed."""
    true = [(3600.0, 16_000.0), (4500.0, 15_000.0)]
    assert bench.matched(true, [_found(74, 20e3, 15e3)]) == [(1, 0)]


def test_as_many_pairs_as_can_be_go_before_nearness() -> None:
    true = [(3600.0, 16_000.0), (4500.0, 15_000.0)]
    found = [_found(62, 20e3, 16e3), _found(42, 20e3, 16e3)]
    # The nearest pair, 2 minutes off, is given up for two pairs of 13 and 18 minutes.
    assert sorted(bench.matched(true, found)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    "found",
    [
        [],
        [_found(60, 16e3, 20e3)],  # the other way
        [_found(81, 20e3, 16e3)],  # 21 minutes off
    ],
)
def test_what_goes_the_other_way_or_is_too_late_is_no_match(found: list[SimpleNamespace]) -> None:
    assert bench.matched(TRUE[:1], found) == []
    told = bench.command_rows(TRUE[:1], found)
    assert told["missed"] == 1
    assert len(told["spurious"]) == len(found)


def test_what_is_left_over_is_spurious() -> None:
    found = [_found(58, 20e3, 16e3), _found(62, 16e3, 15e3), _found(200, 16e3, 18e3)]
    told = bench.command_rows(TRUE, found)
    assert [r["off_min"] for r in told["given"]] == [-2.0, None, None]
    assert told["missed"] == 2
    assert len(told["spurious"]) == 2


def test_no_other_matching_is_better() -> None:
    """Against all matchings of small lists by brute force: most pairs, then the least sum of offsets."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        times = np.sort(rng.uniform(0.0, 6000.0, 3))
        true = [(float(t), 19_000.0 - 1000.0 * k) for k, t in enumerate(times)]
        found = [_found(float(m), 20e3, 16e3) for m in rng.uniform(0.0, 100.0, 3)]
        off = np.abs(times[:, None] - np.array([c.time_s[1] for c in found]))
        best = min(
            (-len(kept), sum(kept))
            for order in permutations(range(3))
            for kept in [[off[i, j] for i, j in enumerate(order) if off[i, j] <= bench.COMMAND_S]]
        )
        pairs = bench.matched(true, found)
        assert (-len(pairs), sum(off[i, j] for i, j in pairs)) == pytest.approx(best)


def _row(word: str, missed: int | None = None) -> dict[str, object]:
    one: dict[str, object] = {"word": word}
    return one if missed is None else one | {"commands": {"missed": missed}}


@pytest.mark.parametrize("word", ["steered", "not moved by wind", "did not drift"])
def test_a_balloon_that_nobody_steered_must_not_be_accused(word: str) -> None:
    flights = {"sonde.csv": {"kind": "ARM", "heights": _row("cannot tell"), "hidden": _row(word)}}
    assert bench.failures(flights) == [f"sonde.csv, hidden: {word}"]


def test_a_drift_and_no_answer_are_no_failures() -> None:
    assert bench.failures({"SHAB14V.csv": {"heights": _row("drifted"), "hidden": _row("cannot tell")}}) == []


def test_the_steered_balloon_is_to_be_found_and_its_commands_with_it() -> None:
    good = {"heights": _row("steered", 0), "hidden": _row("cannot tell", 4)}
    assert bench.failures({"SHAB12V.csv": good}) == []
    assert len(bench.failures({"SHAB12V.csv": good | {"heights": _row("drifted", 2)}})) == 2
    assert bench.failures({"SHAB12V.csv": good | {"hidden": _row("did not drift", 4)}}) == []
    # Moved by wind it was.
    assert len(bench.failures({"SHAB12V.csv": good | {"hidden": _row("not moved by wind", 4)}})) == 1

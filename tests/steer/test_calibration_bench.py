"""Parts of the calibration's bench: what the reference is told, and that lines of two runs do not mix."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from overflight.reconstruct.models import SCALE_HEIGHT_M
from overflight.units import HOUR_S
from overflight.winds.error import WindError

BENCH = Path(__file__).parents[2] / "bench"
if not (BENCH / "steer_calibration.py").exists():
    pytest.skip("the benches are not part of a source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

ideal_error = importlib.import_module("ideal_error")
bench = importlib.import_module("steer_calibration")
lines = importlib.import_module("steer_lines")
own_flights = importlib.import_module("own_flights")
made_drift = importlib.import_module("made_drift")

Float64s = npt.NDArray[np.float64]
HOURLY_S = np.arange(0.0, 72.5, 1.0) * HOUR_S


@pytest.mark.parametrize("smooth", [False, True])
def test_a_kernel_is_one_at_none_and_keeps_a_third_after_its_memory(smooth: bool) -> None:
    assert ideal_error.kernel(0.0, smooth) == pytest.approx(1.0, abs=1e-9)
    assert ideal_error.kernel(1.0, smooth) == pytest.approx(math.exp(-1.0), abs=2e-3)


def test_a_smooth_kernel_is_matern_three_halves_nearly() -> None:
    """Within 0.01 of (1 + cx) exp(-cx), c = 2.1462, as docs/motion-models.md says."""
    age = np.linspace(0.0, 5.0, 200)
    matern = (1.0 + 2.1461932 * age) * np.exp(-2.1461932 * age)
    assert np.abs(ideal_error.kernel(age, True) - matern).max() < 0.01


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("hours", [5.0, 14.0])
def test_the_likeliest_memory_of_a_known_law_is_its_own(smooth: bool, hours: float) -> None:
    law = ideal_error.kernel((HOURLY_S[:, None] - HOURLY_S) / (hours * HOUR_S), smooth)
    found, _ = ideal_error.likeliest_memory([(law, HOURLY_S)], smooth)
    assert found == pytest.approx(hours * HOUR_S, rel=0.01)


def test_the_likeliest_memory_of_drawn_errors_is_the_one_they_were_drawn_with() -> None:
    rng = np.random.default_rng(8)
    law = ideal_error.kernel((HOURLY_S[:, None] - HOURLY_S) / (9.0 * HOUR_S), False)
    drawn = np.linalg.cholesky(law) @ rng.standard_normal((HOURLY_S.size, 80))
    found, misfit = ideal_error.likeliest_memory([(drawn @ drawn.T / 80, HOURLY_S)], False)
    # 80 series of 72 h and 9 h of memory: some 640 independent numbers.
    assert found == pytest.approx(9.0 * HOUR_S, rel=0.1)
    assert misfit < ideal_error.likeliest_memory([(drawn @ drawn.T / 80, HOURLY_S)], True)[1]


def test_a_rough_error_met_on_a_straight_path_is_told_by_its_closed_form() -> None:
    """1/T + U/L: a Lagrangian time, as in `WindError.lagrangian_time_s`."""
    error = WindError(
        sd_u_mps=3.0, sd_v_mps=3.0, time_s=20 * HOUR_S, distance_m=600e3, log_pressure=0.2, shape="rough"
    )
    lon = 10.0 * HOURLY_S / 111_319.49  # 10 m/s along the equator of WGS-84
    law = ideal_error.law_along(error, HOURLY_S, lon, np.zeros_like(lon))
    found, _ = ideal_error.likeliest_memory([(law, HOURLY_S)], False)
    assert found == pytest.approx(1.0 / (1.0 / (20 * HOUR_S) + 10.0 / 600e3), rel=0.01)


def test_the_table_is_made_with_what_the_command_believes_of_a_stated_error() -> None:
    size_mps, log_sd = lines.believed_size(2.0)
    belief = lines.belief_of({}, 2.0)
    assert (2.0 * belief.factor, belief.factor_log_sd) == (pytest.approx(size_mps), log_sd)
    assert lines.belief_of({}).factor_log_sd == lines.sizes_believed()["stated_log_sd"]


def test_who_knows_the_error_has_nothing_open() -> None:
    condition = made_drift.Condition(name="told", every_h=6.0, error_mps=3.0)
    flight = made_drift.make_flight("passive_level", condition, 3)
    belief = ideal_error.true_error(flight, condition).belief
    open_ = (belief.factor_log_sd, belief.time_log_sd, belief.height_log_sd, belief.mixing_km)
    assert open_ == (0.0, 0.0, 0.0, 0.0)
    assert belief.height_scale_m == flight.error.log_pressure * SCALE_HEIGHT_M
    assert belief.smooth_share == flight.error_smooth
    assert belief.time_s == pytest.approx(flight.error_time_s, rel=0.35)


def test_the_real_difference_over_darwin_has_the_height_scale_that_is_told(test_data: Path) -> None:
    told = ideal_error.REAL["darwin"].height_m
    assert ideal_error.real_height_m("darwin", str(test_data)) == pytest.approx(told, rel=0.01)


STAMP = {"particles": 400, "belief": "aa", "rule": "bb"}


def test_lines_of_the_same_run_are_taken() -> None:
    lines.check_stamps([STAMP | {"seed": 1}, STAMP], STAMP, Path("table.jsonl"))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (STAMP | {"particles": 600}, "particles"),
        (STAMP | {"belief": "cc"}, "belief"),
        (STAMP | {"rule": "dd"}, "rule"),
        ({"seed": 3}, "none stated"),
    ],
)
def test_lines_of_another_run_are_refused_with_the_remedy(other: dict[str, object], named: str) -> None:
    with pytest.raises(lines.OtherRunError, match=named) as refused:
        lines.check_stamps([STAMP, other], STAMP, Path("table.jsonl"))
    assert "table.jsonl: 1 lines" in str(refused.value)
    assert "--work" in str(refused.value)


def test_the_code_hash_is_of_what_is_done_and_not_of_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "one.py"

    def hashed(text: str) -> str:
        path.write_text(text, encoding="utf-8")
        return str(lines.code_hash([path]))

    plain = hashed('def f(x):\n    """Say."""\n    return x + 1\n')
    assert hashed('def f(x):\n    """Say more."""\n    # why\n    return (x + 1)\n') == plain
    assert hashed('def f(x):\n    """Say."""\n    return x + 2\n') != plain


def test_a_stopped_run_of_another_rule_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "table.jsonl").write_text(
        '{"condition": "c", "kind": "k", "seed": 0, "rule": "old"}\n', encoding="utf-8"
    )
    condition = made_drift.Condition(name="c")
    with pytest.raises(lines.OtherRunError, match="old"):
        bench.run_all("table", [(condition, "k", 0, {"stamp": {"rule": "new"}})], tmp_path, 1)


def test_bounds_by_fields_are_wider_where_a_field_decides() -> None:
    """Ten of a hundred, all in one field of ten: whole fields drawn give 0 to 20 % and more."""
    fields = [str(k // 10) for k in range(100)]
    one = bench.field_bounds([k < 10 for k in range(100)], fields)
    spread = bench.field_bounds([k % 10 == 0 for k in range(100)], fields)
    assert one["low"] == 0.0
    assert one["high"] >= 0.3
    assert spread["high"] - spread["low"] < one["high"] - one["low"]
    assert (spread["low"], spread["high"]) == tuple(round(b, 4) for b in bench.bounds(10, 100))
    assert not one["enough"]


@pytest.mark.parametrize("smooth", [False, True])
def test_errors_of_made_flights_of_the_rank_test_have_the_kernel_of_the_filter(smooth: bool) -> None:
    rng = np.random.default_rng(11)
    age, steps, flights = 0.1, 20, 1500
    met = np.empty((flights, steps + 1, 2))
    for i in range(flights):
        poles = own_flights._first_poles(rng)
        for k in range(steps + 1):
            met[i, k] = own_flights._error(poles, smooth)
            poles = own_flights._next_poles(poles, age, smooth, rng)
    for lag in (0, 5, 10, 20):
        kept = (met[:, lag] * met[:, 0]).mean()
        # 3000 numbers: 2.6 % on a variance or a correlation near one.
        assert kept == pytest.approx(ideal_error.kernel(age * lag, smooth), abs=0.1)


def sized_rows(kind: str, true_size: float, count: int, rng: np.random.Generator) -> list[dict]:
    """Lines of flights that are one number: N(0, size) when passive, N(1.5, size) when steered.

    The size told is 1, or half of the true one: `told` is that, and evidences are what they would be.
    """

    def evidences(x: float, size: float) -> dict[str, float]:
        some = {k: -0.5 * (x / size) ** 2 - math.log(size) for k in made_drift.PASSIVE}
        return some | {
            k: -0.5 * ((x - 1.5) / size) ** 2 - math.log(size) for k in ("altitude_controlled", "propelled")
        }

    rows = []
    for x in rng.standard_normal(count) * true_size + (0.0 if kind in made_drift.PASSIVE else 1.5):
        ideal = {name: evidences(x, true_size * factor) for name, factor in lines.SIZES.items()}
        rows.append({"kind": kind, "ideal": ideal})
    return rows


def held_by_programme(passive: list[Float64s], other: Float64s) -> float:
    """The most power of any test of a number with 5 % of either null at most: a linear programme on bins."""
    edges = np.linspace(-8.0, 8.0, 321)
    rates = [np.histogram(x, edges)[0] / len(x) for x in (*passive, other)]
    found = linprog(-rates[2], A_ub=np.array(rates[:2]), b_ub=[0.05, 0.05], bounds=(0.0, 1.0))
    return float(-found.fun)


def test_the_held_ideal_has_the_most_power_of_all_that_keep_its_promise() -> None:
    rng = np.random.default_rng(11)
    passive, doubled, steered = (
        sized_rows(kind, size, 4_000, rng)
        for kind, size in (("passive_level", 1.0), ("passive_level", 2.0), ("propelled", 1.0))
    )
    kept = bench.held(passive, doubled, steered, "steered")["rate"]
    nulls = [size * rng.standard_normal(400_000) for size in (1.0, 2.0)]
    best = held_by_programme(nulls, 1.5 + rng.standard_normal(400_000))
    assert kept == pytest.approx(best, abs=0.02)
    # Told the size, x > 1.645 accuses 5 % and has Φ(1.5 - 1.645) of power: three times as much.
    assert kept < 0.5 * float(norm.cdf(1.5 - 1.645))

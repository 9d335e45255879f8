"""The closest passive explanation: which it is, and where it fails."""

from __future__ import annotations

import numpy as np
import pytest
from made_steering import HOUR, even_air, made_fixes
from made_weighed import made_filtered, made_weighed

from overflight.steer.closest import believed, closest_passive
from overflight.steer.evidence import weighed_from
from overflight.steer.hypotheses import ALTITUDE_CONTROLLED, PROPELLED
from overflight.steer.when import ERROR_U, X, Z


def weighed_with_error(error: float):
    node_s = np.arange(25) * HOUR
    paths = np.zeros((20, 25, 8))
    paths[:, :, X], paths[:, :, Z], paths[:, :, ERROR_U] = 10e-3 * node_s, 18.0, error
    one = made_filtered(paths=paths, node_s=node_s, miss_sigma=[np.nan, 0.5, 4.5, 3.5])
    return made_weighed(filtered=[one] * 5)


FIXES = made_fixes(
    np.array([0.0, 8.0, 16.0, 24.0]) * HOUR, np.array([0.0, 288.0, 576.0, 894.0]), 0.0, sd_km=10.0
)


def test_it_names_what_it_misses_the_worst_first() -> None:
    closest = closest_passive(weighed_with_error(0.0), FIXES, even_air(10.0, sd_mps=2.0))
    assert closest is not None
    assert closest.id in ("passive_level", "passive_daynight")
    assert closest.fails.tolist() == [2, 3]
    # The last fix lies 30 km ahead of the path, three times its own error.
    assert closest.off_km[3] == pytest.approx(30.0, abs=0.1)
    assert closest.off_sigma[3] == pytest.approx(3.0, abs=0.01)
    assert closest.alt_m == pytest.approx(18_000.0)
    assert closest.large_h == 0.0


def test_it_tells_what_it_asks_of_the_wind() -> None:
    closest = closest_passive(weighed_with_error(4.0), FIXES, even_air(10.0, sd_mps=2.0))
    assert closest is not None
    # Four times the size on one of two axes; 2 m/s of it is 8 m/s.
    assert closest.error_ratio == pytest.approx(4.0 / np.sqrt(2.0))
    assert closest.error_mps == pytest.approx(8.0, rel=1e-3)
    assert closest.large_h == pytest.approx(24.0)


def test_without_a_drifting_hypothesis_there_is_none() -> None:
    weighed = made_weighed()
    steered = weighed_from((ALTITUDE_CONTROLLED, PROPELLED), weighed.filtered[2:4], weighed.reach)
    assert closest_passive(steered, FIXES, even_air(10.0)) is None


def test_a_fix_that_few_draws_believe_is_not_believed() -> None:
    one = made_filtered(miss_sigma=[np.nan, 1.0])
    one.readings[:15, 1] = 3
    assert believed(made_weighed(filtered=[one] * 5)).tolist() == [True, False]

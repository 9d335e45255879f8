"""Reach: what fixes and winds could tell, against simple cases by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_steering import HOUR, PLAIN, even_air, made_fixes, made_grid, turning

from overflight.reconstruct.models import WindErrorBelief
from overflight.reconstruct.motion import make_air
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.reach import _dispersion, _divergence, reach_of
from overflight.winds.error import path_error_m

SURE = WindErrorBelief(factor_log_sd=0.0, mixing_km=0.0)


def reach(sd_mps: float, hours: float = 72.0, every_h: float = 1.0, belief=SURE, **fixes):
    times = np.arange(0.0, hours + 0.1, every_h) * HOUR
    air = make_air(PLAIN, made_grid(turning, sd_mps))
    return reach_of(DEFAULT_HYPOTHESES, made_fixes(times, 10e-3 * times, 0.0, **fixes), air, belief, PLAIN)


def test_dispersion_is_the_path_error_squared() -> None:
    times = np.array([3.0, 24.0, 90.0]) * HOUR
    expected = [path_error_m(1.0, 10 * HOUR, float(t)) ** 2 for t in times]
    np.testing.assert_allclose(np.diag(_dispersion(times, 10 * HOUR)), expected, rtol=1e-9)


def test_dispersion_is_a_covariance() -> None:
    times = np.linspace(0.1, 200.0, 40) * HOUR
    assert np.linalg.eigvalsh(_dispersion(times, 10 * HOUR)).min() > 0.0


def test_divergence_of_two_normals_by_hand() -> None:
    # ½ (r - 1 - ln r) for variances in the ratio r, twice for two of them.
    assert _divergence(np.eye(2) * 4.0, np.eye(2)) == pytest.approx(4.0 - 1.0 - math.log(4.0))
    assert _divergence(np.eye(3), np.eye(3)) == pytest.approx(0.0, abs=1e-12)


def test_better_winds_and_more_fixes_reach_further() -> None:
    def most(one) -> float:
        return dict(one.strongest)["propelled"]

    assert most(reach(1.0)) > most(reach(3.0)) > most(reach(9.0))
    assert most(reach(3.0, hours=144.0)) > most(reach(3.0, hours=24.0))
    assert most(reach(3.0)) > most(reach(3.0, every_h=12.0))
    assert most(reach(3.0)) > most(reach(3.0, sd_km=100.0))


def test_not_knowing_the_error_costs_reach() -> None:
    unsure = WindErrorBelief(factor_log_sd=0.5, mixing_km=0.0)
    assert dict(reach(3.0, belief=unsure).middling)["propelled"] < dict(reach(3.0).middling)["propelled"]


def test_two_fixes_cannot_tell() -> None:
    few = reach(3.0, hours=24.0, every_h=24.0, belief=WindErrorBelief())
    assert few.lacking(0.95, "files")
    assert not reach(2.0, belief=WindErrorBelief()).lacking(0.95, "files")


def test_a_climatology_is_asked_for_more() -> None:
    middling = reach(3.0, belief=WindErrorBelief())
    assert middling.lacking(0.95, "prior")
    assert not middling.lacking(0.95, "files")


def test_without_shear_heights_do_not_steer_but_known_heights_tell() -> None:
    times = np.arange(0.0, 72.1) * HOUR
    fixes = made_fixes(times, 10e-3 * times, 0.0)
    blind = reach_of(DEFAULT_HYPOTHESES, fixes, even_air(10.0), SURE, PLAIN)
    assert dict(blind.strongest)["altitude_controlled"] == pytest.approx(0.0, abs=1e-6)
    known = made_fixes(times, 10e-3 * times, 0.0, alt_km=18.0)
    seen = reach_of(DEFAULT_HYPOTHESES, known, even_air(10.0), SURE, PLAIN)
    assert dict(seen.strongest)["altitude_controlled"] > 10.0


def test_the_speed_of_the_track_and_of_the_winds() -> None:
    found = reach(3.0, sd_km=1.0)
    # 36 km in an hour, less twice the errors of both ends.
    assert found.track_mps == pytest.approx((36.0 - 2.0 * math.sqrt(2.0)) / 3.6, abs=0.01)
    # The field's strongest wind along the equator is 16 + 4 eastward with 4 across; three times 3 on top.
    assert 16.0 + 9.0 < found.winds_reach_mps < math.hypot(20.0, 14.0) + 9.0


@pytest.mark.parametrize(("u_mps", "off"), [(10.0, 0.0), (25.0, 15.0)])
def test_a_track_is_as_far_off_the_wind_as_it_was_made(u_mps: float, off: float) -> None:
    times = np.arange(0.0, 24.1, 0.25) * HOUR
    fixes = made_fixes(times, u_mps * 1e-3 * times, 0.0, sd_km=0.5)
    found = reach_of(DEFAULT_HYPOTHESES, fixes, even_air(10.0), SURE, PLAIN)
    # Half a kilometre at either end of an hour is 0.2 m/s.
    assert off - 0.25 <= found.off_wind_mps <= off + 0.01

"""Fixes: what sightings and tracks become, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.geo import destination
from overflight.reconstruct.fixes import check_fixes, fixes_from_sightings, fixes_from_track
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.likelihood import Scenario
from overflight.records import Mark, Sighting

FRAME = fit_frame([-10.0, 0.0, 10.0], [50.0, 52.0, 50.0])


def sighting(id: str = "S1", **changes) -> Sighting:
    row = {
        "id": id, "time_start": 0.0, "time_end": 3600.0, "kind": "eyewitness_photo", "role": "observation",
        "source": "made", "reliability": "medium", "lon_deg": 1.0, "lat_deg": 51.0, "radius_km": 35.0,
    }  # fmt: skip
    return Sighting(**{**row, **changes})


def test_a_sighting_becomes_its_place_its_window_and_its_doubts() -> None:
    fixes, ids = fixes_from_sightings([sighting()], FRAME)
    assert ids == ("S1",)
    # A radius is 3.5 standard deviations, a window's end two (docs/reconstruction.md); kinds.py has the rest.
    assert fixes.cov_km2[0] == pytest.approx([100.0, 0.0, 100.0], rel=1e-2, abs=1e-9)
    assert (fixes.time_s[0], fixes.time_sd_s[0]) == (1800.0, 900.0)
    assert (fixes.p_afar[0], fixes.p_slip[0], fixes.p_mistaken[0]) == (0.10, 0.05, 0.04)
    assert math.isnan(fixes.alt_km[0])
    lon, lat = FRAME.to_lonlat(fixes.x_km * 1e3, fixes.y_km * 1e3)
    assert (lon[0], lat[0]) == pytest.approx((1.0, 51.0))


def test_a_scenario_takes_some_as_true_and_some_as_mistaken() -> None:
    rows = [sighting("A"), sighting("B", time_start=1.0)]
    fixes, _ = fixes_from_sightings(rows, FRAME, Scenario("s", "s", 1.0, frozenset({"A"}), frozenset({"B"})))
    assert fixes.p_mistaken.tolist() == [0.0, 1.0]
    assert fixes.p_afar.tolist() == [0.1, 0.0]


def test_what_may_not_be_fitted_is_left_out_and_the_rest_is_in_order() -> None:
    rows = [
        sighting("late", time_start=9e3, time_end=9e3),
        sighting("marked", marks=(Mark("x", "y", "unusable"),)),
        sighting("context", role="context"),
        sighting("early", time_end=60.0),
        sighting("day", time_end=86400.0),
    ]
    fixes, ids = fixes_from_sightings(rows, FRAME)
    assert ids == ("early", "late", "day")
    # A window of a day allows for its slips itself.
    assert fixes.p_slip.tolist() == [0.05, 0.05, 0.0]
    assert (np.diff(fixes.time_s) >= 0).all()


def test_heights_come_with_the_error_of_their_kind() -> None:
    rows = [sighting(kind="telemetry", alt_low_m=18e3, alt_high_m=18e3, alt_kind="geometric")]
    fixes, _ = fixes_from_sightings(rows, FRAME)
    assert (fixes.alt_km[0], fixes.alt_sd_km[0], fixes.p_alt_wrong[0]) == pytest.approx((18.0, 0.1, 0.01))


def test_a_track_off_the_equator_of_the_frame_is_as_wide_on_the_ground_as_stated() -> None:
    lon, lat = destination(0.0, 52.0, 0.0, 3e6)
    fixes = fixes_from_track(FRAME, [0.0, 1.0], [0.0, float(lon)], [52.0, float(lat)], sd_m=2000.0)
    shrunk = np.cos(fixes.y_km / 6371.0088)
    assert shrunk[1] < 0.93
    assert np.sqrt(fixes.cov_km2[:, 0]) * shrunk == pytest.approx([2.0, 2.0])
    assert np.sqrt(fixes.cov_km2[:, 2]) == pytest.approx([2.0, 2.0])


def test_a_track_is_put_in_order_and_nan_heights_are_none() -> None:
    fixes = fixes_from_track(
        FRAME,
        [7200.0, 0.0, 3600.0],
        [2.0, 0.0, 1.0],
        [51.0] * 3,
        sd_m=100.0,
        alt_m=[np.nan, 1e4, 2e4],
        alt_sd_m=50.0,
    )
    assert fixes.time_s.tolist() == [0.0, 3600.0, 7200.0]
    assert fixes.alt_km.tolist()[:2] == [10.0, 20.0]
    assert np.isnan(fixes.alt_km[2])
    assert np.isnan(fixes.alt_sd_km[2])
    assert (np.diff(fixes.x_km) > 0).all()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("time_s", {"time_s": [0.0, np.nan]}),
        ("lon_deg", {"lon_deg": [0.0, np.inf]}),
        ("lat_deg", {"lat_deg": [0.0, 91.0]}),
        ("sd_m", {"sd_m": 0.0}),
        ("sd_m", {"sd_m": [1.0, 2.0, 3.0]}),
        ("alt_sd_m", {"alt_m": [1.0, 2.0]}),
        ("alt_sd_m", {"alt_m": [1.0, 2.0], "alt_sd_m": [1.0, np.nan]}),
    ],
)
def test_rows_that_are_no_fixes_are_refused_by_field(field, changes) -> None:
    track = {"time_s": [0.0, 60.0], "lon_deg": [0.0, 1.0], "lat_deg": [50.0, 50.0], "sd_m": 100.0, **changes}
    with pytest.raises(InputError) as error:
        fixes_from_track(FRAME, track.pop("time_s"), track.pop("lon_deg"), track.pop("lat_deg"), **track)
    assert error.value.field == field


def test_fixes_that_the_filter_cannot_use_are_refused() -> None:
    good = fixes_from_track(FRAME, [0.0, 60.0, 120.0], [0.0, 0.1, 0.2], [50.0] * 3, sd_m=100.0)
    check_fixes(good)
    for wrong in (
        {"time_s": good.time_s[::-1]},
        {"x_km": np.array([0.0, np.nan, 1.0])},
        {"y_km": np.array([0.0, 9900.0, 1.0])},
        {"cov_km2": np.array([[1.0, 1.0, 1.0]] * 3)},
        {"p_mistaken": np.array([0.0, 1.5, 0.0])},
        {"p_afar": np.full(3, 0.6), "p_slip": np.full(3, 0.6)},
        {"time_sd_s": np.array([0.0, 1.0])},
    ):
        with pytest.raises(InputError):
            check_fixes(good._replace(**wrong))
    with pytest.raises(InputError, match="two or more"):
        check_fixes(fixes_from_track(FRAME, [0.0], [0.0], [50.0], sd_m=1.0))

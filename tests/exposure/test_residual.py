"""What stays unknown: shares of a variance against closed forms, and which input a case hangs on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_looks import NOON_S, hovering, looks_at, passing

from overflight.errors import InputError
from overflight.exposure.cameras import BUILT_IN as CAMERAS
from overflight.exposure.cameras import CameraClass
from overflight.exposure.emitters import BUILT_IN as EMITTERS
from overflight.exposure.images import Cloud, ObservedCloud, image_site
from overflight.exposure.looks import MemberLooks
from overflight.exposure.residual import (
    INPUT_WORDS,
    Residual,
    residual_findings,
    unknown_images,
    unknown_section,
    unknown_signals,
    variance_shares,
    widths_known,
)

CLEAR = Cloud(probability=0.0, source="made")
COIN = Cloud(probability=0.5, source="made")
FIFTEEN = CAMERAS[2]
SHARP = (23.0, 23.0)


# --- shares of a variance ---------------------------------------------------------------------------------


def test_shares_of_a_sum_are_the_variances_of_its_parts() -> None:
    """Closed form: of X + Y with variances 4 and 1, four fifths and one fifth."""
    x, y = np.array([-2.0, 2.0]), np.array([-1.0, 1.0])
    variance, shares = variance_shares(x[:, None] + y, ([0.5, 0.5], [0.5, 0.5]))
    assert variance == pytest.approx(5.0)
    assert shares == pytest.approx((0.8, 0.2))


def test_shares_of_a_product_leave_what_is_joint() -> None:
    """Closed form: X Y of two fair coins 0 or 1: variance 3/16, each alone 1/16, a third is joint."""
    coin = np.array([0.0, 1.0])
    variance, shares = variance_shares(np.outer(coin, coin), ([1, 1], [1, 1]))
    assert variance == pytest.approx(3.0 / 16.0)
    assert shares == pytest.approx((1.0 / 3.0, 1.0 / 3.0))


def test_weights_count() -> None:
    variance, shares = variance_shares([[0.0, 0.0], [1.0, 1.0]], ([0.9, 0.1], [0.5, 0.5]))
    assert variance == pytest.approx(0.09)
    assert shares == pytest.approx((1.0, 0.0))


def test_a_table_that_never_changes_has_no_shares() -> None:
    assert variance_shares(np.ones((3, 2)), ([1, 1, 1], [1, 1])) == (0.0, (0.0, 0.0))


def test_a_table_and_weights_that_do_not_pair_are_refused() -> None:
    with pytest.raises(InputError, match="weights"):
        variance_shares(np.ones((3, 2)), ([1, 1], [1, 1]))


def test_widths_that_are_left() -> None:
    """10 X + Y, each 0 or 1: knowing X leaves 1, knowing Y leaves 10."""
    table = np.array([[0.0, 1.0], [10.0, 11.0]])
    assert widths_known(table, ([1, 1], [1, 1])) == pytest.approx((1.0, 10.0))


@given(st.integers(0, 2**32 - 1))
def test_shares_are_shares(seed: int) -> None:
    """First-order indices lie in 0 to 1 and sum to at most 1 (Sobol')."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(3, 4, 2))
    weights = tuple(rng.uniform(0.1, 1.0, size=n) for n in table.shape)
    variance, shares = variance_shares(table, weights)
    assert variance > 0.0
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert sum(shares) <= 1.0 + 1e-9


# --- what a case hangs on ---------------------------------------------------------------------------------


def one_image(looks: MemberLooks, cameras: Sequence[CameraClass] = (FIFTEEN,), **keywords: Any) -> Residual:
    return unknown_images(looks, cameras, **keywords)[0]


def spread_out(near: float = 0.1, far: float = 4.0) -> MemberLooks:
    """Half of the members hover over the site, half far from it."""
    return looks_at(np.repeat([[near], [far]], [8, 8], axis=0) + np.zeros((16, 13)))


def test_where_only_the_path_is_open_it_is_the_path() -> None:
    one = one_image(spread_out(), visibilities_km=SHARP, cloud=CLEAR, niirs=5.0)
    assert one.dominant == "path"
    assert one.shares["path"] == pytest.approx(1.0)
    assert one.width_known_h["path"] == pytest.approx(0.0)
    assert "fixes of the flight" in one.evidence
    assert "21 Jun" in one.evidence


def test_where_all_members_agree_it_is_the_cloud_and_then_an_observation_closes_it() -> None:
    """Two hours with one chance, none with the other: the variance is all the cloud's."""
    looks = hovering(0.1)
    one = one_image(looks, visibilities_km=SHARP, cloud=COIN, niirs=5.0)
    assert one.dominant == "cloud"
    assert one.shares["cloud"] == pytest.approx(1.0)
    assert one.hours == pytest.approx({"p05": 0.0, "p50": one.hours["p50"], "p95": 2.0})
    assert one.p_any == pytest.approx(0.5)
    assert "satellite pictures" in one.evidence
    seen = ObservedCloud(time_start=NOON_S - 9e3, time_end=NOON_S + 9e3, cover=0.0, source="made")
    known = one_image(
        looks, visibilities_km=SHARP, cloud=dataclasses.replace(COIN, observed=(seen,)), niirs=5.0
    )
    assert known.dominant == ""
    assert known.width_h == 0.0
    assert known.hours["p50"] == pytest.approx(2.0)


def test_haze_decides_at_a_slant() -> None:
    """At 100 km and 10 degrees pictures end in haze and not in clear air."""
    one = one_image(hovering(0.9), cloud=CLEAR, niirs=4.0)
    assert one.dominant == "visibility"
    assert "weather stations" in one.evidence


def test_over_all_cameras_the_camera_decides() -> None:
    found = unknown_images(hovering(0.1), CAMERAS, visibilities_km=SHARP, cloud=CLEAR, niirs=6.5)
    assert [one.of for one in found] == [*(one.id for one in CAMERAS), "all"]
    assert found[-1].dominant == "camera"
    # A camera of 1 cm never reaches the grade, one of 30 cm always does.
    assert found[0].dominant == found[3].dominant == ""
    assert (found[0].p_any, found[3].p_any) == (0.0, pytest.approx(1.0))


def test_a_grade_at_the_level_is_open_by_the_error_of_the_equation() -> None:
    looks = hovering(0.1)
    level = float(np.nanmedian(image_site(looks, (FIFTEEN,)).by_camera[0].best_niirs))
    one = one_image(looks, visibilities_km=SHARP, cloud=CLEAR, niirs=round(level, 2))
    assert one.dominant == "grade"


def test_the_power_decides_about_a_weak_emitter() -> None:
    """60 km off, a handset is 2 dB under what is needed; its power is known to 10 dB."""
    handset = next(one for one in EMITTERS if one.id == "handset")
    looks = hovering(np.degrees(60.0 / 4360.0), radio=True)
    (one,) = unknown_signals(looks, (handset,))
    assert one.dominant == "power"
    assert "owner's measure" in one.evidence


def test_propagation_decides_past_the_horizon() -> None:
    """A radar whose power is known, where P.528's loss of 10 and of 90 % of the time lie either side."""
    radar = next(one for one in EMITTERS if one.id == "radar-main-beam")
    looks = hovering(np.degrees(640.0 / 4360.0), radio=True)
    for eirp in np.arange(80.0, 124.0, 2.0):
        exact = dataclasses.replace(radar, eirp_dbm=float(eirp), eirp_spread_db=0.0)
        (one,) = unknown_signals(looks, (exact,))
        if 0.0 < one.p_any < 1.0:
            break
    assert one.dominant == "propagation"
    assert one.shares["propagation"] == pytest.approx(1.0)


def test_over_all_emitters_the_class_decides() -> None:
    found = unknown_signals(hovering(3.0, radio=True))
    assert found[-1].of == "all"
    assert found[-1].dominant == "emitter"


# --- findings and rows ------------------------------------------------------------------------------------


def test_findings_and_rows_of_what_is_open() -> None:
    looks, radio = passing(span_deg=4.0, hours=8.0), passing(span_deg=4.0, hours=8.0, radio=True)
    found = (*unknown_images(looks), *unknown_signals(radio))
    findings = residual_findings(found)
    section = unknown_section(found)
    json.dumps(section, allow_nan=False)
    ids = {f.id for f in findings}
    assert len(ids) == len(findings) == 2 * len(found)
    assert {i for row in section["rows"] for i in row["finding_ids"]} == ids
    for finding in findings:
        if finding.kind == "category":
            assert finding.value is not None
            assert finding.value["category"] in INPUT_WORDS.values()
    for row in section["rows"]:
        assert "could have been" in row["text"]
        assert all(0.0 <= share <= 1.0 for share in row["shares"].values())
        if row["dominant"]:
            assert row["evidence"] in row["text"]


def test_a_range_of_visibilities_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="visibility_km"):
        unknown_images(hovering(0.1), visibilities_km=(30.0, 5.0))

"""Pictures against the GIQE 5 document, its tables, and a full radiative model.

"Reference" is the project's table of reference numbers, section 2: read in NGA's *GIQE version 5.0* of 16
September 2015, or run with pyBSM 0.16.1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from overflight.errors import InputError, OverflightError
from overflight.exposure import optics
from overflight.exposure.optics import (
    ASSESSED,
    LOW_SNR,
    LOW_SUN,
    NO_SIGNAL,
    NO_SUN,
    NOT_KNOWN,
    Q_OUTSIDE,
    TOO_LOW,
    Camera,
    combined_edge_response,
    contrast,
    diffraction_mtf,
    edge_response,
    extinction_per_m,
    footprint_m,
    gsd_ground_m,
    gsd_m,
    gsd_weighted_m,
    image_quality,
    niirs_giqe3,
    niirs_giqe4,
    niirs_giqe5,
    niirs_smear,
    niirs_words,
    rayleigh_m,
    signal_to_noise,
    sun_word,
    sunlight_wpm2,
)

# The sun of pyBSM's run stands at its default, 50 degrees from the zenith.
PYBSM_SUN_DEG = 40.0


@pytest.fixture
def camera() -> Camera:
    """The camera of section 2.2: 15 cm, f/10, 3.76 µm, 1 ms."""
    return Camera(id="made", focal_m=1.5, aperture_m=0.15, pitch_m=3.76e-6, columns=9576, rows=6388)


# --- GIQE ------------------------------------------------------------------------------------------------


def test_the_anchor_of_section_2_1() -> None:
    """20.8 inch, edge response 0.35, signal to noise 50; pyBSM gives the same digits."""
    assert float(niirs_giqe5(20.8 * 0.0254, 0.35, 50.0)) == pytest.approx(5.015165, abs=5e-7)
    assert float(niirs_giqe5(0.52832, 0.329, 50.0)) == pytest.approx(4.98959, abs=5e-6)


def test_niirs_over_ground_sample_distance_of_section_2_1() -> None:
    gsd = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0]
    expected = [8.41, 7.42, 6.42, 5.83, 5.09, 4.10, 3.10, 1.77, 0.78]
    np.testing.assert_allclose(niirs_giqe5(gsd, 0.35, 50.0), expected, atol=0.0051)


def test_weighted_edge_response_of_table_3() -> None:
    along = [0.329, 0.302, 0.247, 0.169, 0.100]
    np.testing.assert_allclose(
        combined_edge_response(along, 0.329), [0.329, 0.311, 0.272, 0.211, 0.149], atol=0.00051
    )


@pytest.mark.parametrize(
    ("snr", "expected"), [(50.0, [-0.03, -0.11, -0.33, -0.87]), (5.0, [-0.05, -0.19, -0.51, -1.19])]
)
def test_what_smear_costs_by_table_6(snr: float, expected: list[float]) -> None:
    """Q of 1; the document gives two digits, so 0.01. Its responses at a Q of 2 are not in the reference."""
    edge = combined_edge_response([0.329, 0.302, 0.247, 0.169, 0.100], 0.329)
    niirs = niirs_giqe5(0.5, edge, snr)
    np.testing.assert_allclose(niirs[1:] - niirs[0], expected, atol=0.01)


def test_smear_by_equation_6() -> None:
    np.testing.assert_allclose(
        niirs_smear([1.0, 2.0, 4.0, 8.0]), [-0.0658, -0.1465, -0.3433, -0.8785], atol=5e-5
    )


def test_giqe_4_and_3_by_hand() -> None:
    """One inch and an edge response of 1 leave the constants: table 1 of the document."""
    assert float(niirs_giqe4(0.0254, 1.0, 1e12)) == pytest.approx(10.251 - 0.656)
    assert float(niirs_giqe4(0.254, 1.0, 1e12)) == pytest.approx(10.251 - 0.656 - 3.32)
    # Below a response of 0.9 the other coefficients: 3.16 for the size and 2.817 for the edge.
    low = niirs_giqe4([0.254, 0.0254], [0.5, 0.5], 1e12, overshoot=0.0)
    np.testing.assert_allclose(low, 10.251 + 2.817 * np.log10(0.5) - np.array([3.16, 0.0]))
    assert float(niirs_giqe4(0.0254, 1.0, 10.0, gain=2.0)) == pytest.approx(10.251 - 0.656 - 0.0688)
    assert float(niirs_giqe3(0.254, 0.1, 10.0)) == pytest.approx(11.81 - 3.32 - 3.32 - 1.48 - 0.1)


def test_the_equations_refuse_what_is_not_above_zero() -> None:
    assert np.isnan(niirs_giqe5([0.0, 1.0, 1.0, np.nan], [0.5, 0.0, 0.5, 0.5], [9.0, 9.0, -1.0, 9.0])).all()


@pytest.mark.parametrize("equation", [niirs_giqe5, niirs_giqe4, niirs_giqe3])
def test_the_faintest_signal_that_a_float_holds_is_no_overflow(equation: Callable[..., Any]) -> None:
    """Warnings are errors: 1.9 / 5e-324 would be one. The limit of all three is that nothing is seen."""
    told = equation(0.5, 0.5, [5e-324, 1e-310, 1e-6])
    assert np.isfinite(told).all()
    assert (told[:2] < told[2]).all()


# --- geometry --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("focal", "aperture", "pitch", "range_m", "gsd", "rayleigh"),
    [
        (0.5, 0.05, 3.76e-6, 18_300.0, 0.1376, 0.2456),
        (1.5, 0.15, 3.76e-6, 18_300.0, 0.0459, 0.0819),
        (8.0, 0.6, 8.75e-6, 500e3, 0.5469, 0.5592),
        (13.3, 1.1, 8e-6, 617e3, 0.3711, 0.3764),
    ],
)
def test_examples_of_section_2_1(
    focal: float, aperture: float, pitch: float, range_m: float, gsd: float, rayleigh: float
) -> None:
    assert float(gsd_m(pitch, focal, range_m)) == pytest.approx(gsd, abs=6e-5)
    assert float(rayleigh_m(0.55e-6, aperture, range_m)) == pytest.approx(rayleigh, abs=6e-5)


@pytest.mark.parametrize(("range_m", "aperture"), [(18_300.0, 0.041), (500e3, 1.118)])
def test_the_aperture_that_parts_three_decimetres(range_m: float, aperture: float) -> None:
    """Section 2.1: 4.1 cm from the balloon, 1.118 m from orbit."""
    assert float(rayleigh_m(0.55e-6, aperture, range_m)) == pytest.approx(0.3, rel=0.003)


def test_slanted_ground_sample_distances() -> None:
    """At 30 degrees the sine is a half: a factor of √2 for version 4, of the fourth root of 2 for 5."""
    assert float(gsd_ground_m(1.0, 30.0)) == pytest.approx(2**0.5)
    assert float(gsd_weighted_m(1.0, 30.0)) == pytest.approx(2**0.25)
    assert float(gsd_weighted_m(1.0, 90.0)) == 1.0
    assert np.isnan(gsd_weighted_m(1.0, [0.0, -5.0])).all()


def test_a_footprint_is_pixels_times_their_distance(camera: Camera) -> None:
    across, along = footprint_m(camera, [18_300.0, 36_600.0], [90.0, 30.0])
    gsd = 3.76e-6 / 1.5 * 18_300.0
    np.testing.assert_allclose(across, [9576 * gsd, 2 * 9576 * gsd])
    np.testing.assert_allclose(along, [6388 * gsd, 4 * 6388 * gsd])


def test_a_picture_of_61_megapixels_at_12_bit(camera: Camera) -> None:
    """Section 3.5: at one a second 7.9 TB a day."""
    assert camera.image_bytes * 86_400 == pytest.approx(7.9e12, rel=0.005)


# --- sharpness -------------------------------------------------------------------------------------------


def test_diffraction_of_a_round_aperture() -> None:
    """Closed form: 1 at zero, 0.3910 at half the cut-off (acos(1/2) - √3/4 over π/2), 0 from there on."""
    half = 2.0 / np.pi * (np.pi / 3.0 - np.sqrt(3.0) / 4.0)
    np.testing.assert_allclose(diffraction_mtf([0.0, 0.25, 0.5, 0.9], 2.0), [1.0, half, 0.0, 0.0], atol=1e-12)


def test_the_edge_response_of_a_square_detector_alone_is_that_of_a_ramp() -> None:
    """With hardly any diffraction an edge is a ramp one pixel wide, and rises by 1 over it."""
    assert edge_response(0.01) == pytest.approx(1.0, abs=0.02)
    # A smear of one pixel more makes a triangle's step response, 3/4 of it within half a pixel.
    assert edge_response(0.01, 1.0) == pytest.approx(0.75, abs=0.01)


def test_the_edge_response_falls_with_everything_that_blurs() -> None:
    sharp = edge_response(1.46)
    assert edge_response(2.0) < sharp < edge_response(1.0)
    assert edge_response(1.46, 2.0) < edge_response(1.46, 1.0) < sharp
    assert edge_response(1.46, 0.0, 0.5) < sharp


# --- air and light ---------------------------------------------------------------------------------------


def test_koschmieder_of_section_2_2() -> None:
    np.testing.assert_allclose(extinction_per_m([23e3, 5e3]) * 1e3, [0.1701, 0.7824], atol=5e-5)
    # By its definition a contrast of one is down to 2 % at the visibility.
    assert float(contrast(1.0, extinction_per_m(23e3), 23e3)) == pytest.approx(0.02, abs=1e-4)


def test_sunlight_by_haurwitz() -> None:
    """1098 exp(-0.057) = 1037 W/m² from the zenith; none at night."""
    np.testing.assert_allclose(sunlight_wpm2([90.0, 0.0, -20.0]), [1037.17, 0.0, 0.0], atol=0.01)
    assert np.isnan(sunlight_wpm2(np.nan))


# Section 2.2: elevation, ground range, then signal to noise and NIIRS at 23 and 5 km of visibility.
PYBSM = [
    (90.0, 0.0, 18.0, 8.47, 6.5, 8.09),
    (42.0, 20e3, 14.5, 7.68, 3.4, 6.88),
    (20.0, 50e3, 7.7, 6.20, None, None),
]


@pytest.mark.parametrize(("elevation", "ground", "snr", "niirs", "hazy_snr", "hazy_niirs"), PYBSM)
def test_haze_and_elevation_against_pybsm(
    camera: Camera,
    elevation: float,
    ground: float,
    snr: float,
    niirs: float,
    hazy_snr: float | None,
    hazy_niirs: float | None,
) -> None:
    """A fit of two numbers against MODTRAN: 30 % of the signal, 0.25 NIIRS, half of the printed band."""
    away = np.hypot(18e3, ground)
    found = image_quality(camera, away, elevation, PYBSM_SUN_DEG, visibility_m=23e3)
    assert float(found.snr) == pytest.approx(snr, rel=0.30)
    assert float(found.niirs) == pytest.approx(niirs, abs=0.25)
    if hazy_snr is not None:
        hazy = image_quality(camera, away, elevation, PYBSM_SUN_DEG, visibility_m=5e3)
        assert float(hazy.snr) == pytest.approx(hazy_snr, rel=0.30)
        assert float(hazy.niirs) == pytest.approx(hazy_niirs, abs=0.25)


def test_a_third_of_the_focal_length_against_pybsm() -> None:
    """Section 2.2: 5 cm and f = 0.5 m give 6.89, 6.11, 4.66."""
    small = Camera(id="small", focal_m=0.5, aperture_m=0.05, pitch_m=3.76e-6, columns=100, rows=100)
    away, up = np.hypot(18e3, [0.0, 20e3, 50e3]), [90.0, 42.0, 20.0]
    np.testing.assert_allclose(
        image_quality(small, away, up, PYBSM_SUN_DEG).niirs, [6.89, 6.11, 4.66], atol=0.25
    )


@pytest.mark.parametrize(("elevation", "ground"), [(10.0, 100e3), (4.0, 200e3)])
def test_pictures_end_long_before_the_horizon(camera: Camera, elevation: float, ground: float) -> None:
    """Section 2.2: in 5 km of visibility there is no signal at 20 degrees, at 23 km none at 4."""
    hazy = image_quality(camera, np.hypot(18e3, ground), elevation, PYBSM_SUN_DEG, visibility_m=5e3)
    assert float(hazy.snr) < 0.5
    assert np.isnan(hazy.niirs)
    assert hazy.status in (NO_SIGNAL, TOO_LOW)


def test_a_full_well_bounds_the_signal(camera: Camera) -> None:
    """Exposed ten times as long the detector would run over: the exposure is shortened to the well."""
    longer = dataclasses.replace(camera, exposure_s=0.1)
    clear = float(signal_to_noise(longer, 60.0, 90.0, 300e3))
    assert clear < np.sqrt(longer.full_well)
    assert float(signal_to_noise(camera, 60.0, 90.0, 300e3)) < clear


# --- validity --------------------------------------------------------------------------------------------


def test_outside_its_ground_there_is_no_number(camera: Camera) -> None:
    elevation = [90.0, 90.0, 25.0, 8.0, 12.0, 90.0, np.nan, 90.0, 90.0]
    sun = [40.0, 10.0, 12.0, 40.0, 5.0, -1.0, 40.0, np.nan, 40.0]
    away = [18e3, 18e3, 45e3, 130e3, 90e3, 18e3, 18e3, 18e3, -1.0]
    found = image_quality(camera, away, elevation, sun)
    expected = [ASSESSED, LOW_SUN, LOW_SNR, TOO_LOW, NO_SIGNAL, NO_SUN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN]
    assert found.status.tolist() == expected
    np.testing.assert_array_equal(np.isfinite(found.niirs), np.array(expected) < TOO_LOW)
    assert len(optics.QUALITY_STATUS) == NOT_KNOWN + 1


@pytest.mark.parametrize("aperture", [0.6, 0.05])
def test_a_camera_outside_the_sampling_that_was_tried_is_not_assessed(
    camera: Camera, aperture: float
) -> None:
    odd = dataclasses.replace(camera, aperture_m=aperture)
    assert not 1.0 <= odd.q <= 2.0
    found = image_quality(odd, 18e3, 90.0, 40.0)
    assert found.status == Q_OUTSIDE
    assert np.isnan(found.niirs)


def test_smear_lowers_the_grade(camera: Camera) -> None:
    niirs = image_quality(camera, 18e3, 90.0, 40.0, smear_px=[0.0, 1.0, 4.0, 30.0]).niirs
    assert (np.diff(niirs) < 0).all()
    assert image_quality(camera, 18e3, 90.0, 40.0, smear_px=-1.0).status == NOT_KNOWN


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aperture_m", 0.0),
        ("focal_m", -1.0),
        ("pitch_m", np.nan),
        ("exposure_s", np.inf),
        ("columns", 0),
        ("efficiency", 1.5),
        ("read_noise", -1.0),
        ("wavelength_m", 10e-6),
    ],
)
def test_a_camera_that_cannot_be_is_refused_by_its_field(camera: Camera, field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        dataclasses.replace(camera, **{field: value})


def test_lenses_and_air_that_cannot_be_are_refused() -> None:
    with pytest.raises(OverflightError, match="aperture"):
        rayleigh_m(0.55e-6, 0.0, 1e4)
    with pytest.raises(OverflightError, match="focal"):
        gsd_m(4e-6, 0.0, 1e4)
    with pytest.raises(OverflightError, match="visibility"):
        extinction_per_m([5e3, 0.0])
    with pytest.raises(OverflightError, match="Q"):
        diffraction_mtf(0.1, 0.0)


def test_the_words_of_the_scale() -> None:
    assert niirs_words(np.nan) == "not assessed"
    assert "runways" in niirs_words(1.9)
    assert "wakes" in niirs_words(2.0)
    assert "utility poles" in niirs_words(6.5)
    assert niirs_words(12.0) == niirs_words(9.0)
    assert "unusable" in niirs_words(-0.5)


def test_the_levels_of_section_2_3_meet() -> None:
    """Ground resolved distance: each level begins where the one above it ends."""
    assert [optics.GRD_M[n][0] for n in range(1, 10)] == [9.0, 4.5, 2.5, 1.2, 0.75, 0.40, 0.20, 0.10, 0.0]
    assert all(optics.GRD_M[n + 1][1] == optics.GRD_M[n][0] for n in range(1, 9))


def test_words_for_the_sun() -> None:
    found = [sun_word(e) for e in (30.0, 15.0, 3.0, -0.8, -5.0, -17.9, -18.1, np.nan)]
    assert found == ["day", "day", "low sun", "low sun", "twilight", "twilight", "night", "unknown"]

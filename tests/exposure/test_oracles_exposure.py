"""Optics against pyBSM, air against ITU-Rpy: libraries that others keep, of the extra `oracles`.

pyBSM (Kitware, Apache-2.0) is the reference implementation of GIQE 3 to 5 and of the optical transfer
functions; ITU-Rpy (MIT) of the Recommendations on gases and on the reference atmosphere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from overflight.atmosphere import pressure_pa, temperature_k
from overflight.exposure.geometry import slant_m
from overflight.exposure.optics import (
    combined_edge_response,
    diffraction_mtf,
    edge_response,
    gsd_ground_m,
    gsd_m,
    gsd_weighted_m,
    niirs_giqe3,
    niirs_giqe4,
    niirs_giqe5,
)
from overflight.exposure.p528 import loss
from overflight.exposure.radio import free_space_loss_db


@pytest.fixture(scope="module")
def metrics() -> Any:
    return pytest.importorskip("pybsm.metrics.functional", reason="pyBSM (extra oracles) is not installed")


@pytest.fixture(scope="module")
def transfer() -> Any:
    return pytest.importorskip("pybsm.otf.functional", reason="pyBSM (extra oracles) is not installed")


# --- pyBSM ------------------------------------------------------------------------------------------------

# Ground sample distance, edge responses along and across, signal to noise, overshoot, gain, elevation.
CASES = [
    (0.52832, 0.35, 0.35, 50.0, 1.0, 1.0, 90.0),
    (0.3, 0.45, 0.25, 6.0, 1.2, 2.0, 30.0),
    (0.05, 0.95, 0.92, 20.0, 0.9, 1.5, 12.0),
    (5.0, 0.2, 0.3, 5.0, 1.0, 1.0, 60.0),
]


@pytest.mark.parametrize("case", CASES)
def test_grades_of_the_three_equations(metrics: Any, case: tuple[float, ...]) -> None:
    """To rounding. Their noise term of GIQE 4 is -0.334, not the document's -0.344; 0.001 of NIIRS."""
    gsd, along, across, snr, overshoot, gain, elevation = case
    up = math.radians(elevation)
    theirs, size, edge = metrics.giqe5(rer_1=along, rer_2=across, gsd=gsd, snr=snr, elev_angle=up)
    assert float(gsd_weighted_m(gsd, elevation)) == pytest.approx(size, rel=1e-12)
    assert float(combined_edge_response(along, across)) == pytest.approx(edge, rel=1e-12)
    assert float(niirs_giqe5(size, edge, snr)) == pytest.approx(theirs, abs=1e-9)
    theirs, size = metrics.giqe4(rer=along, gsd=gsd, eho=overshoot, ng=gain, snr=snr, elev_angle=up)
    assert float(gsd_ground_m(gsd, elevation)) == pytest.approx(size, rel=1e-12)
    found = float(niirs_giqe4(size, along, snr, overshoot=overshoot, gain=gain))
    assert found == pytest.approx(theirs - 0.01 * gain / snr, abs=1e-9)
    theirs = metrics.giqe3(rer=along, gsd=gsd, eho=overshoot, ng=gain, snr=snr)
    assert float(niirs_giqe3(gsd, along, snr, overshoot=overshoot, gain=gain)) == pytest.approx(
        theirs, abs=1e-9
    )


@pytest.mark.parametrize("q", [1.0, 1.46, 2.0])
@pytest.mark.parametrize("smear_px", [0.0, 1.0, 4.0])
def test_sharpness_of_aperture_detector_and_smear(
    metrics: Any, transfer: Any, q: float, smear_px: float
) -> None:
    """Their functions on a line of frequencies, and the edge response they make of it."""
    wavelength, pitch, aperture = 0.55e-6, 4e-6, 0.1
    focal = q * pitch * aperture / wavelength
    pixel = pitch / focal
    # Cycles a radian up to the cut-off, 2001 of them; both arrays of one row.
    u = np.linspace(0.0, aperture / wavelength, 2001)[None, :]
    v = np.zeros_like(u)
    lens = transfer.circular_aperture_OTF(u=u, v=v, lambda0=wavelength, D=aperture, eta=0.0)
    np.testing.assert_allclose(diffraction_mtf(u * pixel, q), lens, atol=1e-9)
    detector = transfer.detector_OTF(u=u, v=v, w_x=pitch, w_y=pitch, f=focal)
    drift = transfer.drift_OTF(u=u, v=v, a_x=smear_px * pixel, a_y=0.0)
    row = (lens * detector * drift)[0]
    theirs = metrics.relative_edge_response(mtf_slice=row, df=float(u[0, 1]), ifov=pixel)
    assert edge_response(q, smear_px) == pytest.approx(theirs, abs=0.001)


def test_pixels_on_the_ground_and_the_way_to_them() -> None:
    geospatial = pytest.importorskip("pybsm.geospatial", reason="pyBSM (extra oracles) is not installed")
    theirs = geospatial.ground_sample_distance(ifov=3.76e-6 / 1.5, slant_range=18_300.0)
    assert float(gsd_m(3.76e-6, 1.5, 18_300.0)) == pytest.approx(theirs, rel=1e-12)
    # From the ground's angle to the range, on a sphere of 6378.164 km there and of 6371.0088 km here.
    for ground in (20e3, 100e3, 200e3):
        away = geospatial.curved_earth_slant_range(h_target=0.0, h_sensor=18e3, ground_range=ground)
        sine = ((geospatial.r_earth + 18e3) ** 2 - geospatial.r_earth**2 - away**2) / (
            2 * geospatial.r_earth * away
        )
        assert float(slant_m(18e3, math.degrees(math.asin(sine)))) == pytest.approx(away, rel=2e-4)


# --- ITU-Rpy ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alt_km", [0.0, 5.0, 11.0, 15.0, 20.0])
def test_the_air_is_that_of_p_835(alt_km: float) -> None:
    """Its mean reference atmosphere is the US Standard Atmosphere of 1976: 20 km 216.65 K, 55.29 hPa."""
    p835 = pytest.importorskip("itur.models.itu835", reason="ITU-Rpy (extra oracles) is not installed")
    assert float(temperature_k(alt_km * 1e3)) == pytest.approx(
        p835.standard_temperature(alt_km).value, abs=0.01
    )
    # Layers there are joined in steps of geopotential height rounded to metres.
    assert float(pressure_pa(alt_km * 1e3)) / 100.0 == pytest.approx(
        p835.standard_pressure(alt_km).value, rel=2e-4
    )


# At the table's own frequencies its hundredths of a decibel, between two of them 0.03 dB.
@pytest.mark.parametrize(
    ("ghz", "close"),
    [(3.0, 0.006), (8.0, 0.006), (10.0, 0.03), (12.0, 0.006), (20.0, 0.03), (22.235, 0.006), (30.0, 0.006)],
)
def test_overhead_p_528_costs_the_gases_of_p_676(ghz: float, close: float) -> None:
    """Straight up from 1.5 m to 20 km nothing but gas is lost: P.676, line by line, for the same air."""
    p676 = pytest.importorskip("itur.models.itu676", reason="ITU-Rpy (extra oracles) is not installed")
    theirs = p676.gaseous_attenuation_slant_path(ghz, 90.0, 7.5, 1013.25, 288.15, mode="exact").value
    found = loss(ghz * 1e9, 1.5, 20_000.0, 0.0, 19_998.5)
    excess = float(found.loss_db - free_space_loss_db(ghz * 1e9, 19_998.5))
    assert excess == pytest.approx(float(theirs), abs=close)


@pytest.mark.parametrize(
    ("ghz", "expected"),
    [(1.0, 0.00543956), (2.0, 0.00692042), (10.0, 0.01420), (12.0, 0.01823365), (20.0, 0.10893086)],
)
def test_ground_air_costs_less_than_the_uncertainty_below_10_ghz(ghz: float, expected: float) -> None:
    """Section 3.2 of the reference, P.676: dB a kilometre at the ground. It is why free space has no gas.

    Over the 2 km in which water and the 7 km in which oxygen falls off that is under 0.1 dB overhead.
    """
    p676 = pytest.importorskip("itur.models.itu676", reason="ITU-Rpy (extra oracles) is not installed")
    found = float(p676.gamma_exact(ghz, 1013.25, 7.5, 288.15).value)
    assert found == pytest.approx(expected, abs=5e-6)
    if ghz <= 10.0:
        assert found * 7.0 < 0.1

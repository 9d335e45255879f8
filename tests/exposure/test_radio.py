"""Radio against Recommendation ITU-R P.525, textbook classes of emitters and published link budgets.

"Reference" is the project's table of reference numbers, section 3.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from overflight.errors import InputError, OverflightError
from overflight.exposure.geometry import slant_m
from overflight.exposure.radio import (
    BEYOND_HORIZON,
    HEARD,
    NOT_KNOWN,
    TOO_WEAK,
    Emitter,
    Receiver,
    advantage_db,
    capacity_bps,
    carrier_to_noise_dbhz,
    free_space_loss_db,
    margin,
    noise_dbm,
    range_for_loss_m,
    received_dbm,
    sensitivity_dbm,
    wideband_capacity_bps,
)

# Half a unit of the last digit of a table in hundredths, and in tenths. ROUNDED_DB adds what the reference
# rounds on the way: P.525's 32.45 to 32.4 and k T to -174 dBm/Hz.
HUNDREDTH_DB, TENTH_DB, ROUNDED_DB = 0.0051, 0.051, 0.051 + 0.048 + 0.025

# Section 3: GHz, then the loss at 18.3, 100, 500, 1000, 2000 and 35786 km.
LOSS = [
    (0.138, 100.49, 115.25, 129.22, 135.25, 141.27, 166.32),
    (0.4, 109.74, 124.49, 138.47, 144.49, 150.51, 175.56),
    (1.0, 117.70, 132.45, 146.43, 152.45, 158.47, 183.52),
    (1.6, 121.78, 136.53, 150.51, 156.53, 162.55, 187.60),
    (2.4, 125.30, 140.05, 154.03, 160.05, 166.07, 191.13),
    (5.8, 132.97, 147.72, 161.70, 167.72, 173.74, 198.79),
    (8.2, 135.97, 150.72, 164.70, 170.72, 176.74, 201.80),
    (14, 140.62, 155.37, 169.35, 175.37, 181.39, 206.44),
    (20, 143.72, 158.47, 172.45, 178.47, 184.49, 209.54),
    (30, 147.24, 161.99, 175.97, 181.99, 188.01, 213.06),
]
DISTANCES_M = np.array([18.3, 100, 500, 1000, 2000, 35786]) * 1e3


@pytest.mark.parametrize("row", LOSS, ids=lambda row: f"{row[0]} GHz")
def test_free_space_of_section_3(row: tuple[float, ...]) -> None:
    np.testing.assert_allclose(free_space_loss_db(row[0] * 1e9, DISTANCES_M), row[1:], atol=HUNDREDTH_DB)


def test_the_constant_of_p525() -> None:
    """32.4478 for megahertz and kilometres (P.525 rounds to 32.4)."""
    assert float(free_space_loss_db(1e6, 1e3)) == pytest.approx(32.4478, abs=5e-5)


def test_the_range_of_a_loss_is_its_inverse() -> None:
    assert float(range_for_loss_m(1.09e9, free_space_loss_db(1.09e9, 123_456.0))) == pytest.approx(123_456.0)


@pytest.mark.parametrize(
    ("elevation", "same", "nadir"),
    [
        (0, 14.14, -0.09),
        (5, 20.53, 8.16),
        (10, 23.76, 13.16),
        (20, 26.29, 18.74),
        (30, 27.17, 21.98),
        (45, 27.67, 24.96),
        (60, 27.86, None),
        (90, 27.96, None),
    ],
)
def test_the_advantage_over_orbit_of_section_3(elevation: float, same: float, nadir: float | None) -> None:
    """20 against 500 km at the same elevation, and against a satellite overhead: 28 dB is the best of it."""
    near, far = slant_m(20e3, elevation), slant_m(500e3, elevation)
    assert float(advantage_db(near, far)) == pytest.approx(same, abs=HUNDREDTH_DB)
    if nadir is not None:
        assert float(advantage_db(near, 500e3)) == pytest.approx(nadir, abs=HUNDREDTH_DB)


@pytest.mark.parametrize(("elevation", "expected"), [(1, 1.81), (2, 3.62)])
def test_the_advantage_over_a_satellite_overhead_near_the_horizon(elevation: float, expected: float) -> None:
    assert float(advantage_db(slant_m(20e3, elevation), 500e3)) == pytest.approx(expected, abs=HUNDREDTH_DB)


# Section 3.3: MHz, EIRP dBm, bandwidth Hz, then signal to noise at the distances below; noise figure 3 dB.
HEARD_AT_M = np.array([18.3, 100, 300, 480, 500, 1000, 2000]) * 1e3
CLASSES = [
    ("cellular handset", 1900, 23, 180e3, (18.2, 3.4, -6.1, -10.2, -10.6, -16.6, -22.6)),
    ("Wi-Fi access point", 2437, 20, 20e6, (-7.4, -22.2, -31.7, -35.8, -36.2, -42.2, -48.2)),
    ("VHF handheld", 150, 37, 12.5e3, (65.8, 51.1, 41.5, 37.4, 37.1, 31.1, 25.0)),
    ("ADS-B", 1090, 54, 4.6e6, (39.9, 25.2, 15.6, 11.6, 11.2, 5.2, -0.8)),
    ("airport radar, main beam", 2800, 123.4, 1e6, (107.8, 93.0, 83.5, 79.4, 79.0, 73.0, 67.0)),
    ("airport radar, back lobe", 2800, 80.4, 1e6, (64.8, 50.0, 40.5, 36.4, 36.0, 30.0, 24.0)),
    ("microwave, far side lobe", 6200, 20, 30e6, (-17.3, -32.1, -41.6, -45.7, -46.0, -52.1, -58.1)),
]


@pytest.mark.parametrize(("name", "megahertz", "eirp", "bandwidth", "expected"), CLASSES)
def test_classes_of_emitters_of_section_3_3(
    name: str, megahertz: float, eirp: float, bandwidth: float, expected: tuple[float, ...]
) -> None:
    """The receiver asks for nothing above the noise, so its margin is the signal to noise."""
    emitter = Emitter(
        id="e",
        name=name,
        lon_deg=0.0,
        lat_deg=0.0,
        frequency_hz=megahertz * 1e6,
        eirp_dbm=eirp,
        bandwidth_hz=bandwidth,
    )
    receiver = Receiver(id="r", low_hz=1e6, high_hz=1e11, needed_db=0.0)
    found = margin(receiver, emitter, HEARD_AT_M, 0.0)
    np.testing.assert_allclose(found.margin_db, expected, atol=ROUNDED_DB)
    np.testing.assert_array_equal(found.status == HEARD, np.array(expected) >= 0)


def test_noise_is_minus_174_dbm_a_hertz() -> None:
    assert float(noise_dbm(1.0)) == pytest.approx(-173.975, abs=0.001)
    # A noise figure of 3.0103 dB doubles it; at 0 K all that is left is the receiver's own half.
    assert float(noise_dbm(1.0, 10 * np.log10(2))) == pytest.approx(-173.975 + 3.0103, abs=0.001)
    assert float(noise_dbm(1.0, 10 * np.log10(2), 0.0)) == pytest.approx(-173.975, abs=0.001)


def test_the_margin_ends_where_the_received_power_is_the_sensitivity() -> None:
    receiver = Receiver(id="r", low_hz=1e9, high_hz=2e9, gain_dbi=6.0, needed_db=10.0)
    emitter = Emitter(
        id="e", name="", lon_deg=0, lat_deg=0, frequency_hz=1.09e9, eirp_dbm=50.0, bandwidth_hz=2e6
    )
    loss = 50.0 + 6.0 - float(sensitivity_dbm(receiver, 2e6))
    edge = float(range_for_loss_m(1.09e9, loss))
    assert float(received_dbm(50.0, 1.09e9, edge, 6.0)) == pytest.approx(
        float(sensitivity_dbm(receiver, 2e6))
    )
    found = margin(receiver, emitter, [edge * 0.999, edge * 1.001], [1.0, 1.0])
    assert found.status.tolist() == [HEARD, TOO_WEAK]


def test_below_the_horizon_nothing_is_assessed() -> None:
    receiver = Receiver(id="r", low_hz=1e8, high_hz=1e10)
    emitter = Emitter(
        id="e", name="", lon_deg=0, lat_deg=0, frequency_hz=2.8e9, eirp_dbm=123.4, bandwidth_hz=1e6
    )
    found = margin(receiver, emitter, [5e5, 5e5, np.nan, 5e5, 0.0], [0.0, -0.1, 5.0, np.nan, 90.0])
    assert found.status.tolist() == [HEARD, BEYOND_HORIZON, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN]
    assert np.isfinite(found.margin_db).tolist() == [True, False, False, False, False]


def test_an_emitter_out_of_tune_is_never_heard() -> None:
    receiver = Receiver(id="r", low_hz=1e8, high_hz=2e8)
    emitter = Emitter(
        id="e", name="", lon_deg=0, lat_deg=0, frequency_hz=2.8e9, eirp_dbm=123.4, bandwidth_hz=1e6
    )
    assert margin(receiver, emitter, 1e4, 90.0).status == TOO_WEAK


# --- links, section 3.4 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("snr_db", "expected"), [(10.0, 3.459432e6), (0.0, 1e6), (-10.0, 0.1375e6)])
def test_shannons_capacity_of_a_megahertz(snr_db: float, expected: float) -> None:
    assert float(capacity_bps(1e6, snr_db)) == pytest.approx(expected, abs=51.0)


def test_the_limit_of_any_bandwidth() -> None:
    assert float(wideband_capacity_bps(60.0)) == pytest.approx(1.4427e6, rel=5e-5)
    assert float(capacity_bps(1e12, 60.0 - 120.0)) == pytest.approx(1.4427e6, rel=1e-4)


@pytest.mark.parametrize(
    ("eirp", "loss", "gain_over_noise", "expected"),
    [
        # J. Wireless Com. Network 2020, s13638-020-01674-9, table 1: 38.3 dBm, 38.2 dBi at 130 K.
        (8.3, 162.2 + 10.0, 38.2 - 10 * np.log10(130.0), 81.8),
        # FCC SAT-LOI-20110809-00148.
        (22.0, 210.2, 37.5, 77.9),
        # FCC SAT-LOA-20051221-00267.
        (17.2, 206.0, 37.0, 76.8),
    ],
)
def test_published_budgets(eirp: float, loss: float, gain_over_noise: float, expected: float) -> None:
    found = float(carrier_to_noise_dbhz(eirp, loss, gain_over_noise))
    assert found == pytest.approx(expected, abs=TENTH_DB)


def test_bit_energy_of_the_first_budget() -> None:
    """3.4 Mbit/s: Eb/N0 16.5 dB in the paper, 16.45 by the reference."""
    found = carrier_to_noise_dbhz(8.3, 172.2, 38.2 - 10 * np.log10(130.0)) - 10 * np.log10(3.4e6)
    assert float(found) == pytest.approx(16.45, abs=0.01)


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frequency_hz", 0.0),
        ("bandwidth_hz", -1.0),
        ("bandwidth_hz", np.nan),
        ("eirp_dbm", np.inf),
        ("eirp_dbm", 1e15),
        ("frequency_hz", 4e12),
        ("duty", 1.1),
        ("lat_deg", 91.0),
        ("lon_deg", np.nan),
    ],
)
def test_an_emitter_that_cannot_be_is_refused_by_its_field(field: str, value: float) -> None:
    good = Emitter(id="e", name="", lon_deg=0, lat_deg=0, frequency_hz=1e9, eirp_dbm=50.0, bandwidth_hz=1e6)
    with pytest.raises(InputError, match="emitter 'e'"):
        dataclasses.replace(good, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("low_hz", 0.0),
        ("high_hz", 1e7),
        ("noise_figure_db", -1.0),
        ("gain_dbi", np.nan),
        ("needed_db", np.inf),
    ],
)
def test_a_receiver_that_cannot_be_is_refused_by_its_field(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        dataclasses.replace(Receiver(id="r", low_hz=1e8, high_hz=1e9), **{field: value})


def test_losses_and_noise_of_nothing_are_refused() -> None:
    with pytest.raises(OverflightError, match="frequency"):
        free_space_loss_db([1e9, 0.0], 1e4)
    with pytest.raises(OverflightError, match="bandwidth"):
        noise_dbm(0.0)
    assert np.isnan(free_space_loss_db(1e9, [0.0, -5.0, np.nan])).all()

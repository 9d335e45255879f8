"""Section 3.4 and 3.5 of the project's table of reference numbers: DVB-S2, capacity, services, typed anew."""

from __future__ import annotations

import numpy as np
import pytest

from overflight.custody.ceilings import REFERENCE_SENSORS
from overflight.custody.links import DVB_S2, SERVICES, dvbs2_efficiency, rate_bps, volume_bytes
from overflight.exposure.geometry import horizon_m
from overflight.exposure.radio import carrier_to_noise_dbhz, free_space_loss_db
from overflight.units import DAY_S

# ETSI EN 302 307-1, table 13: code, bits a symbol, ideal Es/N0.
TABLE_13 = {
    "QPSK": """1/4 .490243 -2.35 | 1/3 .656448 -1.24 | 2/5 .789412 -.30 | 1/2 .988858 1.00 |
        3/5 1.188304 2.23 | 2/3 1.322253 3.10 | 3/4 1.487473 4.03 | 4/5 1.587196 4.68 |
        5/6 1.654663 5.18 | 8/9 1.766451 6.20 | 9/10 1.788612 6.42""",
    "8PSK": """3/5 1.779991 5.50 | 2/3 1.980636 6.62 | 3/4 2.228124 7.91 | 5/6 2.478562 9.35 |
        8/9 2.646012 10.69 | 9/10 2.679207 10.98""",
    "16APSK": """2/3 2.637201 8.97 | 3/4 2.966728 10.21 | 4/5 3.165623 11.03 | 5/6 3.300184 11.61 |
        8/9 3.523143 12.89 | 9/10 3.567342 13.13""",
    "32APSK": """3/4 3.703295 12.73 | 4/5 3.951571 13.64 | 5/6 4.119540 14.28 | 8/9 4.397854 15.69 |
        9/10 4.453027 16.05""",
}
ROWS = [
    (f"{modulation} {cells[0]}", float(cells[1]), float(cells[2]))
    for modulation, text in TABLE_13.items()
    for cells in (row.split() for row in text.split("|"))
]


def test_every_code_of_table_13_to_its_last_digit() -> None:
    assert [(row.name, row.efficiency, row.needed_db) for row in DVB_S2] == ROWS


@pytest.mark.parametrize(("name", "bits", "needed_db"), ROWS, ids=[row[0] for row in ROWS])
def test_at_its_own_strength_a_code_works_or_a_better_one(name: str, bits: float, needed_db: float) -> None:
    at, under = dvbs2_efficiency([needed_db, needed_db - 1e-6])
    assert at >= bits
    assert at >= under


# Section 3.5, bits a second of the user: up, down.
RATES = {
    "iridium_rudics": (2400.0, 2400.0),
    "certus_100": (22e3, 88e3),
    "certus_200": (176e3, 176e3),
    "certus_350": (352e3, 352e3),
    "certus_700": (352e3, 704e3),
    "bgan_streaming": (256e3, 256e3),
    "bgan_background": (492e3, 492e3),
}
# Bytes of the largest message and its least interval.
MESSAGES = {
    "iridium_sbd": (1960, 20.0),
    "beidou_regional": (14_000 // 8, 60.0),
    "beidou_global": (560 // 8, 60.0),
}


def test_services_have_the_rates_of_the_reference() -> None:
    assert {name: (SERVICES[name].up_bps, SERVICES[name].down_bps) for name in RATES} == RATES
    told = {name: (SERVICES[name].message_bytes, SERVICES[name].message_period_s) for name in MESSAGES}
    assert told == MESSAGES
    assert set(SERVICES) == set(RATES) | set(MESSAGES)


def test_bgan_ends_before_the_poles_and_iridium_does_not() -> None:
    assert rate_bps(SERVICES["bgan_streaming"], [0.0], [85.0], [18e3]).tolist() == [0.0]
    assert rate_bps(SERVICES["iridium_rudics"], [0.0], [90.0], [18e3]).tolist() == [2400.0]


@pytest.mark.parametrize(
    ("sensor", "tera_a_day"),
    [("camera_61mp", 7.9), ("iq_20ms", 6.9), ("iq_1ms", 0.35), ("video_1080p", 0.043)],
)
def test_finding_8_the_ratio_of_what_could_be_sent(sensor: str, tera_a_day: float) -> None:
    """Eight days of 2.4 and 352 kbit/s, 0.21 and 30 GB, beside what one sensor collects in one."""
    made = REFERENCE_SENSORS[sensor].rate_bps / 8.0 * DAY_S
    assert made / 1e12 == pytest.approx(tera_a_day, rel=0.02)
    for name, giga in (("iridium_rudics", 0.21), ("certus_100", 1.9), ("certus_350", 30.0)):
        sent = volume_bytes(SERVICES[name], 8 * DAY_S)
        assert sent / 1e9 == pytest.approx(giga, rel=0.02)
        # The ratio is the result: a tenth at most, and that for compressed video on the fastest of them.
        assert sent / (8 * made) < 0.1


def test_no_line_of_sight_to_a_foreign_station_over_a_continent() -> None:
    """Section 3.5: a horizon below 600 km at the heights of the flight of 2023."""
    assert float(horizon_m(20e3)) < 600e3


def test_the_budget_of_the_nanosatellite_over_its_own_loss() -> None:
    """J. Wireless Com. Network 2020, s13638-020-01674-9: 162.2 dB at 2200 MHz, C/N0 81.8, here 81.76.

    The loss is that of free space over 1400 km.
    """
    away = 10 ** ((162.2 - float(free_space_loss_db(2.2e9, 1.0))) / 20.0)
    assert away / 1e3 == pytest.approx(1400.0, rel=0.01)
    loss = float(free_space_loss_db(2.2e9, away)) + 10.0
    found = float(carrier_to_noise_dbhz(38.3 - 30.0, loss, 38.2 - 10.0 * np.log10(130.0)))
    assert found == pytest.approx(81.76, abs=0.01)
    assert found - 10.0 * np.log10(3.4e6) == pytest.approx(16.45, abs=0.01)

"""Ceilings of links and sensors: the numbers of exposure.md 3.3 to 3.5, and flights out of reach."""

from __future__ import annotations

import math

import numpy as np
import pytest

from overflight.custody.ceilings import (
    REFERENCE_SENSORS,
    all_services,
    aloft_hours,
    collected_bytes,
    link_ceiling,
    ratio_rows,
)
from overflight.custody.custody_section import custody_answers
from overflight.custody.custody_settings import CustodySettings
from overflight.custody.evidence import parse_account
from overflight.custody.links import DVB_S2, LineOfSight, service
from overflight.errors import InputError
from overflight.exposure.radio import carrier_to_noise_dbhz
from overflight.records import make_ensemble
from overflight.units import DAY_S

# exposure.md 3.5: eight days without a break, gigabytes, as rounded there.
EIGHT_DAYS = {
    "iridium_rudics": (0.207, 3), "iridium_sbd": (0.068, 3), "certus_100": (1.90, 2), "certus_350": (30.4, 1),
    "certus_700": (30.4, 1), "bgan_streaming": (22.1, 1), "bgan_background": (42.5, 1),
    "beidou_regional": (0.020, 3), "beidou_global": (0.0008, 4),
}  # fmt: skip


def flight(lat: list[float], *, lon: float = -100.0, weight: list[float] | None = None, hours: float = 192.0):
    time_s = np.linspace(0.0, hours * 3600.0, 97)
    lats = np.repeat(np.array(lat)[:, None], time_s.size, axis=1)
    return make_ensemble(
        kind="posterior", time_s=time_s, lon_deg=np.full(lats.shape, lon), lat_deg=lats,
        alt_m=np.full(lats.shape, 18e3), pressure_pa=np.full(lats.shape, 7e3), status=np.zeros(lats.shape),
        weight=weight,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "told"), EIGHT_DAYS.items())
def test_eight_days_of_each_service(name: str, told: tuple[float, int]) -> None:
    gigabytes, digits = told
    found = link_ceiling(service(name), None, 192.0)
    assert round(found.most / 1e9, digits) == gigabytes
    assert (found.p05, found.p95, found.over_path) == (found.most, found.most, False)


@pytest.mark.parametrize(
    ("name", "tera_a_day"), [("camera_61mp", 7.9), ("iq_20ms", 6.9), ("iq_1ms", 0.35), ("video_1080p", 0.043)]
)
def test_what_sensors_collect_in_a_day(name: str, tera_a_day: float) -> None:
    """exposure.md 3.5, collected side."""
    found = collected_bytes(REFERENCE_SENSORS[name].rate_bps, 24.0)
    assert found / 1e12 == pytest.approx(tera_a_day, rel=0.02)


def test_the_ratio_is_the_result() -> None:
    """0.207 GB of 8 × 7.9 TB: one part in three hundred thousand."""
    rows = ratio_rows(all_services(None, 192.0), 192.0)
    one = next(r for r in rows if (r["link"], r["sensor"]) == ("iridium_rudics", "camera_61mp"))
    assert float(one["share"]) == pytest.approx(2400.0 / 732e6)
    assert float(one["live_s"]) == pytest.approx(DAY_S * 2400.0 / 732e6)
    assert len(rows) == 10 * len(REFERENCE_SENSORS)


@pytest.mark.parametrize(
    ("bandwidth_hz", "snr_db", "mbps"), [(1e6, 10.0, 3.459432), (1e6, 0.0, 1.0), (1e6, -10.0, 0.1375)]
)
def test_no_code_of_dvb_s2_passes_shannon(bandwidth_hz: float, snr_db: float, mbps: float) -> None:
    """exposure.md 3.4: C = B log2(1 + S/N), and every code stays below it by a decibel and more."""
    assert bandwidth_hz * math.log2(1.0 + 10.0 ** (snr_db / 10.0)) / 1e6 == pytest.approx(mbps, rel=1e-3)
    for code in DVB_S2:
        needed = 10.0 * math.log10(2.0**code.efficiency - 1.0)
        # The gap to Shannon that exposure.md 3.4 gives.
        assert 1.07 - 0.01 <= code.needed_db - needed <= 3.65 + 0.01


@pytest.mark.parametrize(
    ("eirp_dbw", "loss_db", "gain_over_noise_dbpk", "told"),
    [
        (8.3, 172.2, 38.2 - 10.0 * math.log10(130.0), 81.8),
        (22.0, 210.2, 37.5, 77.9),
        (17.2, 206.0, 37.0, 76.8),
    ],
)
def test_published_budgets(eirp_dbw: float, loss_db: float, gain_over_noise_dbpk: float, told: float) -> None:
    """exposure.md 3.4: JWCN 2020 table 1 (38.3 dBm, depointing 10 dB), and two filings of the FCC; 0.1 dB."""
    assert float(carrier_to_noise_dbhz(eirp_dbw, loss_db, gain_over_noise_dbpk)) == pytest.approx(
        told, abs=0.1
    )


def test_a_service_ends_at_its_latitude() -> None:
    found = link_ceiling(service("bgan_streaming"), flight([50.0, 80.0], weight=[0.5, 0.5]))
    whole = 256e3 / 8.0 * 192.0 * 3600.0
    assert found.most == pytest.approx(whole)
    assert (found.p05, found.p95) == (0.0, pytest.approx(whole))
    assert link_ceiling(service("bgan_streaming"), flight([80.0])).most == 0.0


def test_a_member_without_weight_sets_no_ceiling() -> None:
    assert link_ceiling(service("bgan_streaming"), flight([50.0, 80.0], weight=[0.0, 1.0])).most == 0.0


def test_beidou_regional_carries_nothing_over_north_america() -> None:
    assert link_ceiling(service("beidou_regional"), flight([47.0])).most == 0.0
    assert link_ceiling(service("beidou_regional"), flight([40.0], lon=110.0)).most > 0.0


def station(lon_deg: float) -> LineOfSight:
    return LineOfSight(
        id="station", name="a station", lon_deg=lon_deg, lat_deg=47.0, alt_m=100.0, frequency_hz=8.2e9,
        eirp_dbw=10.0, gain_over_noise_dbpk=20.0, symbols_hz=1e6,
    )  # fmt: skip


def test_a_line_of_sight_ends_at_the_horizon() -> None:
    """18 km high the radio horizon is 535 km away: exposure.md 1.1."""
    assert link_ceiling(station(-100.0), flight([47.0])).most > 1e9
    assert link_ceiling(station(-92.0), flight([47.0])).most == 0.0


def test_without_a_flight_a_line_of_sight_has_the_ceiling_of_its_fastest_code() -> None:
    found = link_ceiling(station(-92.0), None, 1.0)
    assert found.most == pytest.approx(4.453027e6 / 8.0 * 3600.0)
    with pytest.raises(InputError, match="hours"):
        link_ceiling(station(-92.0), None)


def test_hours_that_the_flight_does_not_tell_of_count_at_the_fastest_rate() -> None:
    """240 h at 2400 bit/s are 0.2592 GB, of which a flight of 100 h tells 0.108."""
    path, line = flight([47.0], hours=100.0), service("iridium_rudics")
    assert link_ceiling(line, path).most == pytest.approx(0.108e9)
    found = link_ceiling(line, path, 240.0)
    assert (found.most, found.p50) == (pytest.approx(0.2592e9), pytest.approx(0.2592e9))
    assert found.untold_hours == pytest.approx(140.0)
    # Out of its area on the way, and anywhere in the other hours.
    away = link_ceiling(service("beidou_regional"), path, 101.0)
    assert away.most == pytest.approx(service("beidou_regional").up_bps / 8.0 * 3600.0)
    # It worked for a part of the flight only.
    assert link_ceiling(line, path, 50.0).most == pytest.approx(0.054e9)


def test_the_hours_of_an_account_bound_what_it_sent_beyond_the_flight() -> None:
    account = parse_account(
        'version = 1\n[account]\nhours = 240\ncomplete = ["links"]\n[[link]]\nservice = "iridium_rudics"\n'
    )
    answer = custody_answers(CustodySettings(), flight([47.0], hours=100.0), account=account)
    high = answer.bounds.of("all", "sent").high
    assert high.value == pytest.approx(0.2592e9)
    told = str(answer.section["sentences"][0]["text"])
    assert told.startswith("In 240 hours along the paths of the flight's ensemble, 140 of them not in it")
    hours = next(f for f in answer.findings if f.id == "custody.all.could_send").given["hours"]
    assert hours.startswith("240 along the paths of the flight's ensemble, 140 of them not in it")


def test_a_station_that_rises_within_a_step_counts_for_the_step() -> None:
    """Two samples: out of reach at the first, above the station at the second."""
    path = make_ensemble(
        kind="posterior", time_s=np.array([0.0, 3600.0]), lon_deg=np.array([[-92.0, -100.0]]),
        lat_deg=np.full((1, 2), 47.0), alt_m=np.full((1, 2), 18e3), pressure_pa=np.full((1, 2), 7e3),
        status=np.zeros((1, 2)),
    )  # fmt: skip
    above = link_ceiling(station(-100.0), flight([47.0], hours=1.0)).most
    assert link_ceiling(station(-100.0), path).most == pytest.approx(above)
    assert link_ceiling(station(-92.0), path).most == pytest.approx(above)


def test_how_long_it_was_aloft() -> None:
    assert aloft_hours(flight([47.0], hours=100.0)) == pytest.approx(100.0)

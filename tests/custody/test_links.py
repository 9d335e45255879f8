"""Links: the volumes of eight days, DVB-S2 by its own frames, reach, outages."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from overflight.custody.links import (
    CHINA_REGION,
    DVB_S2,
    NOT_POLAR,
    SERVICES,
    Box,
    LineOfSight,
    Service,
    carried_bytes,
    draw_outages,
    dvbs2_efficiency,
    line_rate_bps,
    rate_bps,
    service,
    volume_bytes,
)
from overflight.errors import InputError, LimitError, OverflightError
from overflight.units import DAY_S

EIGHT_DAYS_S = 8 * DAY_S


@pytest.mark.parametrize(
    ("name", "gigabytes", "digits"),
    [
        ("iridium_rudics", 0.207, 0.0005),
        ("iridium_sbd", 0.068, 0.0005),
        ("certus_100", 1.90, 0.005),
        ("certus_350", 30.4, 0.05),
        ("certus_700", 30.4, 0.05),
        ("bgan_streaming", 22.1, 0.05),
        ("bgan_background", 42.5, 0.05),
        ("beidou_regional", 0.020, 0.0005),
        ("beidou_global", 0.0008, 0.00005),
    ],
)
def test_eight_days_at_the_ceiling(name: str, gigabytes: float, digits: float) -> None:
    """The reference's section 3.5, to its last digit."""
    assert volume_bytes(service(name), EIGHT_DAYS_S) / 1e9 == pytest.approx(gigabytes, abs=digits)


def test_no_service_carries_what_a_wideband_receiver_hears() -> None:
    """Section 3.5: IQ of 20 MS/s at 16 + 16 bit is 6.9 TB a day."""
    heard = 20e6 * 32 / 8 * DAY_S
    assert heard == pytest.approx(6.9e12, rel=0.005)
    assert max(volume_bytes(s, DAY_S) for s in SERVICES.values()) < 1e-3 * heard


def test_every_service_says_how_far_its_number_is_to_be_trusted() -> None:
    assert {s.provenance for s in SERVICES.values()} == {"source", "secondary", "known"}
    assert all(s.source and s.id == name for name, s in SERVICES.items())
    assert SERVICES["certus_100"].provenance == "secondary"
    assert SERVICES["certus_350"].provenance == "known"


def test_a_service_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match="iridium_sbd"):
        service("pigeon")


# --- DVB-S2 ----------------------------------------------------------------------------------------------

# ETSI EN 302 307-1, table 5a: bits of a BCH block before coding, by code rate, normal frames.
KBCH = {
    "1/4": 16008, "1/3": 21408, "2/5": 25728, "1/2": 32208, "3/5": 38688, "2/3": 43040, "3/4": 48408,
    "4/5": 51648, "5/6": 53840, "8/9": 57472, "9/10": 58192,
}  # fmt: skip
BITS_A_SYMBOL = {"QPSK": 2, "8PSK": 3, "16APSK": 4, "32APSK": 5}


def test_efficiencies_follow_from_the_frames() -> None:
    """(Kbch - 80) bits of data in as many symbols as slots of 90 and one for the header: to 4.5e-7."""
    assert len(DVB_S2) == 28
    for row in DVB_S2:
        modulation, code = row.name.split()
        slots = math.ceil(64_800 / BITS_A_SYMBOL[modulation] / 90) + 1
        assert row.efficiency == pytest.approx((KBCH[code] - 80) / (slots * 90), abs=5.1e-7)


def test_every_code_keeps_its_distance_from_shannon() -> None:
    """Section 3.4: 1.07 to 3.65 dB."""
    gap = [row.needed_db - 10 * math.log10(2**row.efficiency - 1) for row in DVB_S2]
    assert min(gap) == pytest.approx(1.07, abs=0.01)
    assert max(gap) == pytest.approx(3.65, abs=0.01)


def test_the_best_code_that_a_signal_bears() -> None:
    strength = [-3.0, -2.35, 1.0, 6.5, 8.97, 40.0, np.nan, -np.inf]
    # At 6.5 dB 9/10 QPSK, not yet 2/3 8PSK; at 8.97 2/3 16APSK.
    expected = [0.0, 0.490243, 0.988858, 1.788612, 2.637201, 4.453027, np.nan, 0.0]
    np.testing.assert_allclose(dvbs2_efficiency(strength), expected)
    assert (np.diff(dvbs2_efficiency(np.linspace(-5.0, 20.0, 500))) >= 0).all()


# --- a link straight to the ground -------------------------------------------------------------------------


@pytest.fixture
def line() -> LineOfSight:
    """A made station: 10 W into a small dish, 5 Msymbol/s at 2.2 GHz."""
    return LineOfSight(
        id="line",
        name="made station",
        lon_deg=10.0,
        lat_deg=45.0,
        alt_m=200.0,
        frequency_hz=2.2e9,
        eirp_dbw=10.0,
        gain_over_noise_dbpk=10.0,
        symbols_hz=5e6,
    )


def test_the_budget_of_a_line(line: LineOfSight) -> None:
    """By hand at 100 km: loss 139.30 + 3, C/N0 106.3, Es/N0 39.3: the fastest code."""
    assert float(line_rate_bps(line, 100e3)) == pytest.approx(5e6 * 4.453027)
    # 30 dB less at 31.6 times the range: Es/N0 9.3 dB, 16APSK 2/3.
    assert float(line_rate_bps(line, 100e3 * 10**1.5)) == pytest.approx(5e6 * 2.637201)
    assert float(line_rate_bps(line, 1e9)) == 0.0


def test_a_line_ends_at_the_horizon(line: LineOfSight) -> None:
    lon = np.linspace(10.0, 25.0, 1501)
    rate = rate_bps(line, lon, np.full(lon.size, 45.0), np.full(lon.size, 18_300.0))
    reach_km = np.radians(lon[rate > 0].max() - 10.0) * 6371.0 * math.cos(math.radians(45.0))
    # The traced radio horizon of 18.1 km over the station is 537 km; a parallel is not quite the way.
    assert reach_km == pytest.approx(537.0, abs=4.0)
    assert (rate[: int((rate > 0).sum())] > 0).all()
    assert rate_bps(line, [10.0, np.nan], [45.0, 45.0], [np.nan, 18e3]).tolist() == [0.0, 0.0]


# --- reach -----------------------------------------------------------------------------------------------


def test_a_geostationary_satellite_is_at_5_degrees_from_the_edge_of_its_box() -> None:
    """Radius ratio 6.611 (GSO 42,164 km over 6378 km): elevation at 76 degrees, on its own meridian."""
    away = math.radians(NOT_POLAR.north_deg)
    elevation = math.degrees(math.atan2(math.cos(away) - 6378.137 / 42_164.0, math.sin(away)))
    assert elevation == pytest.approx(5.0, abs=0.4)


def test_services_work_where_they_reach() -> None:
    lon, lat, alt = [0.0, 0.0, 100.0, 100.0, np.nan], [80.0, 70.0, 30.0, -30.0, 0.0], [2e4] * 5
    iridium = rate_bps(SERVICES["iridium_rudics"], lon, lat, alt)
    assert iridium.tolist() == [2400.0, 2400.0, 2400.0, 2400.0, 0.0]
    assert (rate_bps(SERVICES["bgan_streaming"], lon, lat, alt) > 0).tolist() == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert (rate_bps(SERVICES["beidou_regional"], lon, lat, alt) > 0).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert CHINA_REGION.west_deg == 75.0


def test_a_box_over_the_date_line_and_a_turned_longitude() -> None:
    made = dataclasses.replace(SERVICES["iridium_rudics"], where=Box(west_deg=170.0, east_deg=-170.0))
    found = rate_bps(made, [175.0, -175.0, 185.0, 0.0, 169.0], [0.0] * 5, [2e4] * 5)
    assert (found > 0).tolist() == [True, True, True, False, False]


# --- outages and what is carried ---------------------------------------------------------------------------


def flaky(up_s: float, down_s: float) -> Service:
    return dataclasses.replace(SERVICES["certus_100"], time_up_s=up_s, time_down_s=down_s)


def test_outages_take_the_share_of_time_that_they_are_said_to() -> None:
    """Steady state of the renewal process: down / (up + down), here 0.2; 4000 outages make it to 5 %."""
    outages = draw_outages(flaky(4000.0, 1000.0), 0.0, 2e7, np.random.default_rng(1))
    length = outages[:, 1] - outages[:, 0]
    assert length.sum() / 2e7 == pytest.approx(0.2, rel=0.05)
    assert length.mean() == pytest.approx(1000.0, rel=0.05)
    assert (outages[1:, 0] >= outages[:-1, 1]).all()
    assert outages[:, 0].min() >= 0.0
    assert outages.max() <= 2e7


def test_a_short_flight_begins_in_an_outage_as_often_as_it_should() -> None:
    begun = [
        (o := draw_outages(flaky(300.0, 100.0), 50.0, 51.0, np.random.default_rng(n))).size > 0
        and o[0, 0] == 50.0
        for n in range(800)
    ]
    # A quarter, within four standard errors.
    assert np.mean(begun) == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 800))


def test_the_same_seed_fails_at_the_same_times() -> None:
    first, again = (draw_outages(flaky(3600.0, 60.0), 0.0, 1e6, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert draw_outages(SERVICES["certus_100"], 0.0, 1e6, np.random.default_rng(7)).shape == (0, 2)


def test_what_is_carried_takes_off_outages_to_the_second() -> None:
    time = [0.0, 60.0, 120.0, 180.0]
    outages = np.array([[30.0, 45.0], [110.0, 130.0]])
    # 800 bit/s are 100 bytes a second: 45, 50 and 50 seconds of work.
    found = carried_bytes([800.0] * 4, time, outages)
    np.testing.assert_allclose(found, [0.0, 4500.0, 9500.0, 14_500.0])
    np.testing.assert_allclose(carried_bytes([800.0, 0.0, 1600.0, 9e9], time), [0.0, 6e3, 6e3, 18e3])


def test_what_is_carried_refuses_nonsense() -> None:
    for rate, time, word in (
        ([1.0, -1.0], [0.0, 1.0], "negative"),
        ([1.0, np.nan], [0.0, 1.0], "negative or not"),
        ([1.0, 1.0], [1.0, 1.0], "rising"),
        ([1.0], [0.0, 1.0], "rising"),
        ([], [], "rising"),
    ):
        with pytest.raises(OverflightError, match=word):
            carried_bytes(rate, time)


@pytest.mark.parametrize(
    ("field", "value"), [("up_bps", -1.0), ("down_bps", np.nan), ("time_up_s", 0.0), ("time_down_s", np.inf)]
)
def test_a_service_that_cannot_be_is_refused_by_its_field(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        dataclasses.replace(SERVICES["certus_100"], **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("frequency_hz", 0.0), ("symbols_hz", -1.0), ("eirp_dbw", np.nan), ("margin_db", np.inf)],
)
def test_a_line_that_cannot_be_is_refused_by_its_field(line: LineOfSight, field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        dataclasses.replace(line, **{field: value})


def test_durations_and_outages_that_cannot_be_are_refused() -> None:
    with pytest.raises(OverflightError, match="duration"):
        volume_bytes(SERVICES["certus_100"], -1.0)
    with pytest.raises(OverflightError, match="ends before"):
        draw_outages(SERVICES["certus_100"], 1.0, 0.0, np.random.default_rng(0))
    with pytest.raises(LimitError, match="times"):
        draw_outages(flaky(1e-3, 1e-3), 0.0, 1e6, np.random.default_rng(0))

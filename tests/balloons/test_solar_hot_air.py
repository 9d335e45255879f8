"""Solar hot-air balloons: the balance of heat, and flights that were flown."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from made_column import MIDNIGHT, NOON, fly_column, rates_at

from overflight import atmosphere
from overflight.balloons.coded import code
from overflight.balloons.hotair import inside_temperature_k
from overflight.balloons.radiation import (
    air_mass,
    earth_warmth_wpm2,
    sunlight,
    transmission,
    view_of_earth,
)
from overflight.balloons.terms import Flight, SolarHotAir, Stage
from overflight.sun import dip_deg
from overflight.times import parse_utc


def warmer_k(term: SolarHotAir, alt_m: float, time_s: float) -> float:
    row = code(Flight((Stage((term,)),))).rows[0, 0]
    log_p = float(np.log(atmosphere.pressure_pa(alt_m)))
    kelvin = float(atmosphere.temperature_k(alt_m))
    return inside_temperature_k(row, time_s, -106.0, 34.6, alt_m, log_p, kelvin) - kelvin


def test_a_published_heliotrope_in_words() -> None:
    # D. Bowman, "Predicting the flight path of a solar balloon" (bovineaerospace.wordpress.com, November
    # 2015), a 5.8 m balloon: about 1.5 m/s at first, 2.5 m/s at most, near 15 km, neutral at 22 km.
    term = SolarHotAir()
    assert rates_at(term, alt_m=1500.0)[2] == pytest.approx(1.5, abs=0.3)
    alts = np.arange(1e3, 26e3, 100.0)
    ups = np.array([rates_at(term, alt_m=float(z))[2] for z in alts])
    assert ups.max() == pytest.approx(2.5, abs=0.3)
    assert 10e3 < alts[np.argmax(ups)] < 17e3
    assert np.interp(0.0, -ups[alts > 15e3], alts[alts > 15e3]) == pytest.approx(22e3, abs=2e3)


def test_by_night_it_comes_down() -> None:
    assert rates_at(SolarHotAir(), alt_m=10e3, time_s=MIDNIGHT)[2] < -1.5
    assert abs(warmer_k(SolarHotAir(), 10e3, MIDNIGHT)) < 20.0
    assert warmer_k(SolarHotAir(), 20e3, NOON) > 60.0


def test_without_air_a_grey_ball_has_the_temperature_of_radiation() -> None:
    # At 60 km convection is gone. With absorptivity = emissivity the balance is of fluxes alone, and a
    # ball in sunlight only would have 278.6 K (1361 W/m² / 4 = σ T⁴); the Earth's warmth adds to that.
    term = SolarHotAir(absorptivity=0.9, emissivity=0.9, albedo=0.0)
    alt_m = 60e3
    log_p = float(np.log(atmosphere.pressure_pa(alt_m)))
    direct = sunlight(NOON, -106.0, 34.6, alt_m, log_p)[0]
    view = view_of_earth(alt_m)
    flux = direct / 4.0 + view * earth_warmth_wpm2(288.0, log_p) + (1.0 - view) * 50.0
    expected = (flux / 5.670374419e-8) ** 0.25
    found = warmer_k(term, alt_m, NOON) + float(atmosphere.temperature_k(alt_m))
    assert found == pytest.approx(expected, abs=2.0)
    assert found > 278.6


def test_sunlight_above_the_air_and_at_the_ground() -> None:
    # 1361 W/m² at 1 au (Kopp and Lean 2011); in late August the Earth is at 1.011 au.
    high = sunlight(NOON, -106.0, 34.6, 50e3, float(np.log(80.0)))[0]
    assert high == pytest.approx(1361.0 / 1.011**2, rel=2e-3)
    # ASTM G173: 900 W/m² of direct sunlight at the ground through 1.5 air masses.
    assert 1361.0 * transmission(1.5) == pytest.approx(900.0, rel=0.08)
    # Kasten and Young 1989, Applied Optics 28: air masses at 90°, 30° and 5° of elevation.
    for elevation, mass in ((90.0, 1.0), (30.0, 1.994), (5.0, 10.3)):
        assert air_mass(elevation, 101325.0) == pytest.approx(mass, rel=0.02)


def test_the_sun_sets_at_the_dipped_horizon() -> None:
    # At 20 km the horizon dips by 4.5°: on the equator on an equinox, some 18 minutes of the day's turn.
    log_p = float(np.log(5529.3))
    times = parse_utc("2023-03-20T17:30Z") + np.arange(0.0, 7200.0, 10.0)
    lit = np.array([sunlight(float(t), 0.0, 0.0, 20e3, log_p)[0] > 0.0 for t in times])
    ground = np.array([sunlight(float(t), 0.0, 0.0, 0.0, np.log(101325.0))[0] > 0.0 for t in times])
    late_s = times[lit].max() - times[ground].max()
    assert late_s == pytest.approx(dip_deg(20e3) / 360.0 * 86400.0, abs=20.0)


FLIGHTS = [
    # Free-floating 5.8 m balloons of the SHAB series: file, place, when the climb is under way, and when
    # it is over.
    ("SHAB14V-APRS.csv", (-107.0, 34.6), "2022-08-22T14:38Z", "2022-08-23T03:30Z"),
    ("SHAB3V-APRS.csv", (-112.5, 33.6), "2020-11-20T16:12Z", "2020-11-21T01:20Z"),
]


@pytest.mark.parametrize(("name", "place", "begin", "end"), FLIGHTS)
def test_real_solar_balloons(
    test_data: Path, name: str, place: tuple[float, float], begin: str, end: str
) -> None:
    with (test_data / "shab" / name).open(encoding="utf-8") as lines:
        rows = [
            (parse_utc(r["time"].replace(" ", "T") + "Z"), float(r["altitude"]))
            for r in csv.DictReader(lines)
        ]
    begin_s, end_s = parse_utc(begin), parse_utc(end)
    real = np.array(sorted(row for row in rows if begin_s <= row[0] <= end_s))
    time_s, state = fly_column(
        SolarHotAir(), alt_m=float(real[0, 1]), time_s=float(real[0, 0]), hours=13.0, place=place
    )
    alt = np.interp(real[:, 0], time_s, state[:, 0])
    # Within the half hour that clouds, the day's air and the unknown payload make: float, climb, fall.
    floating = (real[:, 1] > 19e3) & (alt > 19e3)
    assert floating.sum() > 100
    assert np.median(alt[floating] - real[floating, 1]) == pytest.approx(0.0, abs=700.0)
    assert _first(time_s, state[:, 0] > 15e3) - _first(real[:, 0], real[:, 1] > 15e3) == pytest.approx(
        0.0, abs=1800.0
    )
    assert _last(time_s, state[:, 0] > 15e3) - _last(real[:, 0], real[:, 1] > 15e3) == pytest.approx(
        0.0, abs=1800.0
    )


def _first(time_s: np.ndarray, met: np.ndarray) -> float:
    return float(time_s[np.argmax(met)])


def _last(time_s: np.ndarray, met: np.ndarray) -> float:
    return float(time_s[np.flatnonzero(met)[-1]])

"""The band of times by age and height, against what was measured; draws fill it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_sets import made

from overflight.satellites.ages import band_s, draw_shifts, is_timed, timing_of
from overflight.satellites.elements import ElementSet, read_elements
from overflight.satellites.orbits import Orbit, choose_orbits, teme_states
from overflight.units import DAY_S

PERIOD_S = 5_700.0


@pytest.mark.parametrize(
    ("alt_m", "age_d", "measured_s"),
    [
        # The 90 % of 237 payloads over 69 days, by height.
        (460e3, 69.0, 1854.0),
        (570e3, 69.0, 302.0),
        (700e3, 69.0, 89.0),
        # Of 261 over 153 days, backward.
        (570e3, -153.0, 2543.0),
        (700e3, -153.0, 1599.0),
    ],
)
def test_the_band_holds_what_was_measured(alt_m: float, age_d: float, measured_s: float) -> None:
    assert band_s(age_d * DAY_S, alt_m, PERIOD_S) == pytest.approx(measured_s, rel=0.01, abs=1.5)


def test_the_band_after_six_days_is_of_the_size_measured_over_all_heights() -> None:
    """14.3 s held 90 % of 298 payloads; a fifth of them are at 400-520 km and outside most."""
    bands = [float(band_s(5.7 * DAY_S, alt_m, PERIOD_S)) for alt_m in (460e3, 570e3, 700e3)]
    assert bands[0] > 14.3 > bands[1] > bands[2]


def test_the_band_grows_with_age_and_never_passes_half_a_revolution() -> None:
    ages = np.linspace(0.0, 400.0, 200) * DAY_S
    for alt_m in (300e3, 460e3, 570e3, 700e3, 20_000e3):
        bands = band_s(ages, alt_m, PERIOD_S)
        assert (np.diff(bands) >= 0.0).all()
        assert np.array_equal(bands, band_s(-ages, alt_m, PERIOD_S))
        assert bands[0] == 1.0
        assert bands.max() <= 0.5 * PERIOD_S


def test_the_incident_of_2023_has_times_above_620_km_only() -> None:
    """Sets of 26 March for 1 February: 53 days. Below 620 km the phase is not known."""
    for per_day, timed in ((15.4, False), (15.1, False), (14.5, True)):
        one = made(per_day=per_day, epoch="2023-03-26T00:00Z")
        start = one.epoch_s - 53.0 * DAY_S
        timing = timing_of(Orbit(1, "", (one,)), start, start + DAY_S)
        assert timing.age_s == pytest.approx(-53.0 * DAY_S)
        assert timing.timed is timed, one.mean_alt_m
        assert is_timed(timing.band_s, one.period_s) is timed


def test_timing_is_that_of_the_worst_moment() -> None:
    sets = [made(epoch=f"2023-02-{d:02d}T00:00Z") for d in (1, 3, 13)]
    (orbit,) = choose_orbits(sets, sets[0].epoch_s, sets[2].epoch_s)
    # Halfway between the 3rd and the 13th the nearest epoch is five days away.
    assert abs(timing_of(orbit, sets[0].epoch_s, sets[2].epoch_s).age_s) == pytest.approx(5 * DAY_S, rel=1e-4)
    assert abs(timing_of(orbit, sets[0].epoch_s, sets[1].epoch_s).age_s) == pytest.approx(1 * DAY_S, rel=1e-4)


def test_draws_have_the_band_as_their_90_percent_and_fill_an_unknown_orbit() -> None:
    generator = np.random.default_rng(5)
    one = made(per_day=15.0, epoch="2023-03-26T00:00Z")
    timing = timing_of(Orbit(1, "", (one,)), one.epoch_s - 40 * DAY_S, one.epoch_s - 39 * DAY_S)
    shifts = draw_shifts(timing, one.period_s, 4_000, generator)
    assert np.mean(np.abs(shifts) <= timing.band_s) == pytest.approx(0.9, abs=0.005)
    old = timing_of(Orbit(1, "", (one,)), one.epoch_s - 400 * DAY_S, one.epoch_s - 399 * DAY_S)
    shifts = draw_shifts(old, one.period_s, 4_000, generator)
    assert np.histogram(shifts, 8, (-one.period_s / 2, one.period_s / 2))[0] == pytest.approx(500, abs=2)


def phase_rad(one: ElementSet, time_s: float) -> float:
    """Argument of latitude from SGP4."""
    state = teme_states(Orbit(1, "", (one,)), np.array([time_s]))[0]
    place, normal = state[:3], np.cross(state[:3], state[3:])
    node = np.cross((0.0, 0.0, 1.0), normal)
    normal, node = normal / np.linalg.norm(normal), node / np.linalg.norm(node)
    return float(np.arctan2(np.cross(node, place) @ normal, node @ place))


def test_the_band_holds_on_the_two_dates_at_hand(test_data: Path) -> None:
    """October sets flown to March and back: nine tenths within, give or take what 60 objects allow."""
    names = ("cn_payloads_2022-10-28.tle", "cn_payloads_2023-03-26.tle")
    old, new = ({s.catalog: s for s in read_elements([test_data / "tle" / n]).sets} for n in names)
    held: dict[int, list[bool]] = {}
    for catalog in old.keys() & new.keys():
        for used, truth in ((old[catalog], new[catalog]), (new[catalog], old[catalog])):
            if truth.mean_alt_m > 1.3e6 or truth.eccentricity > 0.02:
                continue
            off = phase_rad(used, truth.epoch_s) - phase_rad(truth, truth.epoch_s)
            wrong_s = abs((off + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi) * used.period_s
            band = band_s(truth.epoch_s - used.epoch_s, used.mean_alt_m, used.period_s)
            group = int(np.searchsorted((520e3, 620e3), used.mean_alt_m))
            held.setdefault(group, []).append(bool(wrong_s <= band))
    assert {g: len(v) > 100 for g, v in held.items()} == {0: True, 1: True, 2: True}
    for rows in held.values():
        assert 0.85 <= np.mean(rows) <= 0.98

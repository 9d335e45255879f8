"""Draws carried on after the last fix: heights by their closed forms, and by the filter's own law."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_steering import HOUR, PLAIN, even_air, made_fixes
from made_weighed import made_filtered

from overflight.reconstruct import guided_columns as col
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.guided import PARAMETERS, Filtered, filter_flight
from overflight.reconstruct.guided_heights import DAWN_DEG
from overflight.reconstruct.models import MotionModel, WindErrorBelief
from overflight.steer.hypotheses import DEFAULT_HYPOTHESES
from overflight.steer.onward import run_onward
from overflight.steer.when import ERROR_U, X, Y, Z

# Noon on the meridian of Greenwich at an equinox, when day and night are twelve hours each.
NOON = 1679313600.0  # 20 March 2023, 12Z
CALM = even_air(0.0, 0.0, sd_mps=1e-6)
STILL = WindErrorBelief(mixing_km=0.0, mixing_log_sd=0.0, factor=1e-6)
BY = {"sun": col.BY_SUN, "leak": col.BY_LEAK, "sunset": col.BY_SUNSET}
DAY_HOURS = (3.0, 6.0, 12.0, 18.0, 24.0)


def ended(begin_s: float, *, hours: float = 4.0, z_km: float = 18.0, error: float = 0.0, **more) -> Filtered:
    """Draws over the place 0, 0 whose last node lies `hours` after `begin_s`."""
    paths = np.zeros((50, 5, 8))
    paths[:, :, Z], paths[:, :, ERROR_U] = z_km, error
    made = made_filtered(paths=paths, node_s=begin_s + np.linspace(0.0, hours, 5) * HOUR)
    given = {
        "wander_m": 0.0,
        "made_up": 0.0,
        "spent": 0.0,
        "rise_share": 0.0,
        "second": 0.0,
        "dusk_deg": DAWN_DEG,
    }
    given |= {"phase": col.AFLOAT, **more}
    for name, value in given.items():
        made.parameters[:, PARAMETERS.index(name)] = value
    return made


def heights(filtered: Filtered, vertical: str, hours=DAY_HOURS, **more) -> np.ndarray:
    """Heights in km (M, hours) after the last node, in a calm."""
    model = MotionModel(id="made", vertical=vertical, **more)
    return run_onward(model, filtered, CALM, STILL, hours=hours)[:, :, Z]


@pytest.mark.parametrize(("vertical", "leaks"), [("leak", True), ("daynight", True), ("hold", False)])
def test_a_leak_sinks_as_much_a_day_as_it_did(vertical: str, leaks: bool) -> None:
    # 4 h of the leak have passed: the level it began with lies 4/24 of 900 m above the last height.
    last = ended(NOON, moved_by=BY["leak"], second=900.0, level_m=18_000.0 + (150.0 if leaks else 0.0))
    expected = 18.0 - 0.9 * np.array(DAY_HOURS) / 24.0 if leaks else np.full(5, 18.0)
    assert heights(last, vertical) == pytest.approx(np.tile(expected, (50, 1)), abs=1e-9)


def test_the_sun_lifts_by_day_and_drops_by_night() -> None:
    last = ended(NOON - 4 * HOUR, moved_by=BY["sun"], second=1500.0, level_m=16_500.0)
    z = heights(last, "daynight", (3.0, 9.0, 12.0, 15.0, 24.0))
    # The sun is felt above -5°, some 20 minutes before it rises: by 15, 21, 0, 3 and 12 h it is day or night.
    assert z[0] == pytest.approx([18.0, 16.5, 16.5, 16.5, 18.0], abs=0.01)
    # Half of it is felt at -5°, that is 5/15 h after sunset at 6 h 7 min (the equation of time).
    dusk = heights(last, "daynight", (6.0 + 7.4 / 60 + 5 / 15,))
    assert dusk[0, 0] == pytest.approx(17.25, abs=0.15)


def test_ballast_makes_up_for_a_sunset_with_its_own_time() -> None:
    last = ended(NOON - 4 * HOUR, moved_by=BY["sunset"], second=1200.0, level_m=18_000.0, recovery_s=4 * HOUR,
                 made_up=1.0)  # fmt: skip
    z = heights(last, "daynight", (5.0, 8.0, 12.0, 16.0, 20.0))[0]
    assert z[0] == pytest.approx(18.0, abs=0.01)
    # In the night what is lacking dies away exponentially, whatever the dusk was like.
    lack = 18.0 - z[1:4]
    assert lack[1:] / lack[:-1] == pytest.approx(math.exp(-1.0), rel=0.02)
    assert 0.5 < lack[0] / 1.2 < 0.8
    assert z[4] == pytest.approx(18.0, abs=0.01)


def test_an_open_balloon_sinks_before_the_sun_is_gone() -> None:
    common = {"moved_by": BY["sunset"], "second": 1200.0, "level_m": 18_000.0, "recovery_s": 1000 * HOUR}
    last = ended(NOON - 4 * HOUR, made_up=1.0, dusk_deg=10.0, **common)
    # The sun stands at 10° (80 - 1.85)/15 h after noon, where it is half way down; all the way an hour later;
    # by the next morning's sunrise, not at 10°, it is up again.
    z = heights(last, "daynight", (4.0, 6.0 + 7.4 / 60 - 10 / 15, 6.5, 18.2, 18.6))[0]
    assert z == pytest.approx([18.0, 17.4, 16.8, 17.95, 18.0], abs=0.06)


def test_without_the_ballast_of_a_night_it_floats_higher_by_a_share_of_the_fall() -> None:
    common = {"moved_by": BY["sunset"], "second": 1200.0, "level_m": 18_000.0, "recovery_s": 2 * HOUR}
    last = ended(NOON - 4 * HOUR, made_up=1.0, rise_share=0.25, **common)
    # Two nights, each long enough to spend all but e^-5 of it.
    z = heights(last, "daynight", (5.0, 22.0, 46.0))[0]
    assert z == pytest.approx([18.0, 18.3, 18.6], abs=0.01)
    # What was spent before the last node counts on.
    later = ended(NOON - 4 * HOUR, made_up=1.0, rise_share=0.25, spent=2.0, z_km=18.6, **common)
    assert heights(later, "daynight", (5.0, 22.0))[0] == pytest.approx([18.6, 18.9], abs=0.01)


def test_heights_stray_about_the_level_and_forget_where_they_were() -> None:
    last = ended(NOON, level_m=17_000.0, wander_m=0.0)
    z = heights(last, "hold", (12.0, 24.0), wander_h=12.0)
    assert z[0] == pytest.approx([17.0 + math.exp(-1.0), 17.0 + math.exp(-2.0)], abs=1e-9)
    many = replace(
        last, paths=np.repeat(last.paths, 40, axis=0), parameters=np.repeat(last.parameters, 40, 0)
    )
    many.parameters[:, PARAMETERS.index("wander_m")] = 400.0
    spread = heights(many, "hold", (6.0, 96.0), wander_h=12.0).std(axis=0)
    assert spread == pytest.approx([0.4 * math.sqrt(1.0 - math.exp(-1.0)), 0.4], rel=0.06)


def test_the_wind_error_forgets_itself_with_the_height() -> None:
    last = ended(NOON, hours=1e-6, moved_by=BY["leak"], second=2400.0, level_m=18_000.0, error=1.0)
    kept = [
        run_onward(MotionModel(id="made", vertical=v), last, CALM, STILL, hours=(12.0,))[0, 0, ERROR_U]
        for v in ("hold", "leak")
    ]
    assert kept[0] == pytest.approx(math.exp(-12 * HOUR / STILL.time_s), rel=1e-4)
    assert kept[1] / kept[0] == pytest.approx(math.exp(-1200.0 / STILL.height_scale_m), rel=1e-4)


def test_what_has_landed_stays_and_a_rise_keeps_its_height() -> None:
    blowing = even_air(10.0)
    model = MotionModel(id="made", vertical="leak")
    common = {"moved_by": BY["leak"], "second": 900.0, "level_m": 18_000.0}
    down = run_onward(model, ended(NOON, phase=col.LANDED, z_km=0.0, **common), blowing, STILL, hours=(6.0,))
    assert np.abs(down[:, :, [X, Y, Z]]).max() == 0.0
    up = run_onward(model, ended(NOON, phase=col.ASCENT, z_km=7.0, **common), blowing, STILL, hours=(6.0,))
    assert up[:, 0, Z] == pytest.approx(7.0)
    assert up[:, 0, X] == pytest.approx(216.0, rel=0.01)


def with_far(fixes: Fixes, hours: float) -> Fixes:
    """Add a fix so many hours on that tells nothing: no height, and a place known to 2000 km."""
    row = made_fixes([fixes.time_s[-1] + hours * HOUR], [fixes.x_km[-1]], [0.0], sd_km=2000.0)
    return Fixes(*(np.concatenate([a, b]) for a, b in zip(fixes, row, strict=True)))


FLIGHTS = {
    "level": ("passive_level", 30.0, lambda h: 18.0 + 0.1 * np.sin(h)),
    "sinking": ("passive_daynight", 30.0, lambda h: 18.0 - 0.03 * h),
    # Nine hours of one day leave open what moves the level.
    "open": ("passive_daynight", 9.0, lambda h: 18.0 + 0.0 * h),
}


@pytest.mark.parametrize("flight", FLIGHTS)
def test_the_law_is_the_filters_own(flight: str) -> None:
    """The filter itself, led on by a fix that tells nothing, holds the same heights at the same hour."""
    name, long_h, height = FLIGHTS[flight]
    model = next(h.model for h in DEFAULT_HYPOTHESES if h.id == name)
    air = even_air(5.0, 0.0, sd_mps=1.0)
    since = np.arange(0.0, long_h + 0.1, 3.0)
    fixes = made_fixes(
        NOON + (3.0 - long_h + since) * HOUR, 5.0 * 3.6 * since, 0.0, alt_km=height(since), alt_sd_km=0.15
    )
    belief = WindErrorBelief()
    run = {"frame": PLAIN, "particles": 6000, "seed": 3, "draws": 1500}
    last = filter_flight(model, fixes, air, belief, **run)
    if flight == "open":
        assert np.unique(last.parameters[:, PARAMETERS.index("moved_by")]).size == 3
    held = run_onward(model, last, air, belief, hours=DAY_HOURS)
    for i, hours in enumerate(DAY_HOURS):
        led = filter_flight(model, with_far(fixes, hours), air, belief, **run).paths[:, -1, Z]
        mine = held[:, i, Z]
        assert mine.mean() == pytest.approx(led.mean(), abs=0.12 * led.std() + 0.01), hours
        assert mine.std() == pytest.approx(led.std(), rel=0.15), hours

"""Observers: detection against its formula, gates, horizons, and what each fault does to a report."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from overflight.atmosphere import pressure_pa
from overflight.errors import InputError
from overflight.geo import bearing_deg, destination, distance_m, horizon_distance_m, look
from overflight.rows import parse_rows
from overflight.sightings.table import OPTIONAL, REQUIRED, parse_table
from overflight.times import parse_utc
from overflight.twin.casefile import csv_text
from overflight.twin.observers import (
    Images,
    Officials,
    Press,
    Radar,
    Scene,
    Spot,
    Strays,
    Transponder,
    Watchers,
    detection_chance,
    observe,
    settle,
)
from overflight.twin.reports import COLUMNS, FAULTS, Report, Track, cells, make_track, place_at, true_row
from overflight.units import HOUR_S

START = parse_utc("2031-06-20T00:00Z")


def eastward(hours: float = 36.0, speed_deg_h: float = 0.5, lat: float = 48.0, real: bool = True) -> Track:
    """A track at 18 km, due east over France and Germany."""
    time_s = START + 60.0 * np.arange(60 * hours)
    lon = 0.0 + speed_deg_h * (time_s - START) / HOUR_S
    alt = np.full(time_s.size, 18e3)
    return make_track("A", time_s, lon, np.full(time_s.size, lat), alt, pressure_pa(alt), real=real)


def scene(track: Track | None = None) -> Scene:
    tracks = (eastward() if track is None else track,)
    return Scene(tracks=tracks, subject="A", time_start=START, time_end=START + 36 * HOUR_S)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- radar


def test_the_chance_of_a_plot_is_a_half_at_the_range_that_is_given() -> None:
    assert detection_chance(250e3, 250e3) == pytest.approx(0.5, abs=1e-12)


def test_the_chance_of_a_plot_is_swerlings_at_twice_the_range() -> None:
    # P = Pfa^(1/(1+S)); S at one half is ln Pfa / ln 0.5 - 1 = 18.93, a sixteenth of that at twice the range.
    signal = (math.log(1e-6) / math.log(0.5) - 1.0) / 16.0
    assert detection_chance(500e3, 250e3) == pytest.approx(1e-6 ** (1.0 / (1.0 + signal)))
    assert detection_chance(500e3, 250e3) == pytest.approx(1.8e-3, rel=0.02)


def radar(**more: object) -> Radar:
    settings: dict[str, object] = {"name": "R", "spot": Spot(lon_deg=9.0, lat_deg=47.0), "report_s": 600.0}
    return Radar(**{**settings, **more})  # type: ignore[arg-type]  # settings of the test


def test_a_radar_places_the_object_within_its_errors() -> None:
    track = eastward()
    found = observe(radar(), scene(), rng())
    assert len(found) > 30
    for report in found:
        lon, lat, _ = place_at(track, report.time_start)
        assert float(distance_m(report.lon_deg, report.lat_deg, lon, lat)) < 1.4 * (report.radius_m or 0.0)
        assert report.fault == "none"


def test_nothing_is_seen_beyond_the_radio_horizon() -> None:
    reach = float(horizon_distance_m(18e3, 50.0, 4.0 / 3.0))
    for report in observe(radar(half_range_m=900e3), scene(), rng()):
        assert float(distance_m(9.0, 47.0, report.lon_deg, report.lat_deg)) < reach + 2e3


def test_a_velocity_gate_drops_what_is_slow_until_it_is_opened() -> None:
    # The object does 10 m/s: a gate of 20 m/s holds it back as long as it is closed.
    assert observe(radar(gate_mps=20.0), scene(), rng()) == []
    opened = observe(radar(gate_mps=20.0, gate_opens_h=16.0), scene(), rng())
    assert opened
    assert min(r.time_start for r in opened) >= START + 16 * HOUR_S


def test_a_gate_is_of_the_speed_along_the_line_of_sight() -> None:
    # 10.3 m/s over ground: far out all of it is along the line, at the closest point none.
    found = observe(radar(gate_mps=8.0, half_range_m=400e3), scene(), rng())
    nearest = [r for r in found if abs(r.lon_deg - 9.0) < 0.7]
    assert found
    assert not nearest


def test_clutter_is_mistaken_and_looks_like_the_rest() -> None:
    found = observe(radar(clutter_per_day=20.0), scene(), rng())
    clutter = [r for r in found if r.fault == "mistaken"]
    real = [r for r in found if r.fault == "none"]
    assert clutter
    assert {(r.text, r.reliability, r.kind) for r in clutter} == {
        (r.text, r.reliability, r.kind) for r in real
    }
    assert all(math.isclose((r.time_start - START) % 60.0, 0.0) for r in clutter)


# --- people and others


def test_watchers_see_by_day_and_from_land() -> None:
    from overflight.places.land import on_land
    from overflight.sun import solar_position

    found = observe(
        Watchers(count=40, p_cloud=0.0, p_looks=1.0, p_slip=0.0, p_mistaken=0.0, p_afar=0.0), scene(), rng()
    )
    assert len(found) > 20
    lon, lat = (np.array([getattr(r, n) for r in found]) for n in ("lon_deg", "lat_deg"))
    true = np.array([r.true_time_s for r in found], dtype=float)
    assert (solar_position(true, lon, lat)[0] > -8.0).all()
    assert on_land(lon, lat).mean() > 0.8


def test_who_gives_bearing_and_elevation_gives_those_of_the_balloon() -> None:
    track = eastward()
    exact = Watchers(
        count=60, p_cloud=0.0, p_looks=1.0, p_slip=0.0, p_mistaken=0.0, p_afar=0.0, bearing_sd_deg=0.0,
        elevation_sd_deg=0.0, elevation_bias_deg=0.0,
    )  # fmt: skip
    for report in observe(exact, scene(), rng()):
        lon, lat, alt = place_at(track, report.true_time_s or 0.0)
        true = float(bearing_deg(report.lon_deg, report.lat_deg, lon, lat))
        off = ((report.bearing_deg or 0.0) - true + 180.0) % 360.0 - 180.0
        assert abs(off) <= 2.6  # told in fives
        up = float(look(report.lon_deg, report.lat_deg, 0.0, lon, lat, alt)[1])
        assert abs((report.elevation_deg or 0.0) - up) <= 3.1


def test_those_who_see_from_afar_name_their_own_place() -> None:
    track = eastward()
    found = observe(Watchers(count=40, p_cloud=0.0, p_afar=1.0, p_slip=0.0, p_mistaken=0.0), scene(), rng())
    assert {r.fault for r in found} == {"afar"}
    for report in found:
        lon, lat, _ = place_at(track, report.true_time_s or 0.0)
        away = float(distance_m(report.lon_deg, report.lat_deg, lon, lat))
        assert away > 2.0 * (report.radius_m or 0.0)


def test_a_slipped_clock_is_whole_hours_off() -> None:
    found = observe(Watchers(count=30, p_cloud=0.0, p_slip=1.0, p_afar=0.0, p_mistaken=0.0), scene(), rng())
    assert {r.fault for r in found} == {"another_time"}
    for report in found:
        shift = 0.5 * (report.time_start + report.time_end) - (report.true_time_s or 0.0)
        assert abs(shift) > 0.7 * HOUR_S
        assert abs(shift - HOUR_S * round(shift / HOUR_S)) <= 900.0  # but for rounding to half an hour


def test_an_invented_object_makes_invented_reports() -> None:
    found = observe(Transponder(every_s=3600.0), scene(eastward(real=False)), rng())
    assert found
    assert {r.fault for r in found} == {"invented"}


def test_a_locator_rounds_to_the_middle_of_its_cell() -> None:
    track = eastward()
    found = observe(Transponder(every_s=1800.0, grid_deg=1.0 / 12.0, p_heard=1.0), scene(), rng())
    for report in found:
        lon, lat, _ = place_at(track, report.time_start)
        assert abs(report.lon_deg - float(lon)) <= 1.0 / 24.0 + 1e-9
        assert abs(report.lat_deg - float(lat)) <= 1.0 / 48.0 + 1e-9


def test_a_tracker_without_a_battery_is_silent_at_night() -> None:
    from overflight.sun import solar_position

    found = observe(Transponder(every_s=900.0, daylight=True, p_heard=1.0), scene(), rng())
    assert 30 < len(found) < 36 * 4
    for report in found:
        assert float(solar_position(report.time_start, report.lon_deg, report.lat_deg)[0]) > 5.0


def test_images_are_of_the_day_and_officials_hold_within_their_circle() -> None:
    track = eastward()
    images = observe(Images(every_h=1.0, p_seen=1.0), scene(), rng())
    dated = observe(Images(every_h=1.0, p_seen=1.0, dated=True), scene(), rng())
    assert images
    assert all(r.time_end - r.time_start > 23 * HOUR_S for r in dated)
    (said,) = observe(Officials(at_h=(20.0,), height=True), scene(), rng())
    lon, lat, alt = place_at(track, START + 20 * HOUR_S)
    assert float(distance_m(said.lon_deg, said.lat_deg, lon, lat)) <= 150e3
    assert said.time_start <= START + 20 * HOUR_S <= said.time_end
    assert (said.alt_low_m or 0.0) <= float(alt) <= (said.alt_high_m or 0.0)


def test_strays_need_no_balloon() -> None:
    nobody = Scene(tracks=(), subject="", time_start=START, time_end=START + 86400.0)
    found = observe(Strays(spot=Spot(lon_deg=5.0, lat_deg=50.0), count=9), nobody, rng())
    assert len(found) == 9
    assert {r.fault for r in found} == {"mistaken"}
    with pytest.raises(InputError, match="does not have"):
        observe(Watchers(), nobody, rng())


def base() -> Report:
    return Report(
        time_start=START, time_end=START + 600.0, lon_deg=9.0, lat_deg=48.0, kind="eyewitness_photo",
        source="A reader", text="x", object="A", true_time_s=START + 300.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("press", "fault"),
    [
        (Press(count=20, p_late=1.0, p_zone=0.0, p_elsewhere=0.0, p_copy=0.0), "another_time"),
        (Press(count=20, p_late=0.0, p_zone=1.0, p_elsewhere=0.0, p_copy=0.0), "another_time"),
        (Press(count=20, p_late=0.0, p_zone=0.0, p_elsewhere=1.0, p_copy=0.0), "mistaken"),
        (Press(count=20, p_late=0.0, p_zone=0.0, p_elsewhere=0.0, p_copy=1.0), "none"),
    ],
)
def test_the_press_copies_with_the_fault_that_is_asked_for(press: Press, fault: str) -> None:
    found = observe(press, scene(), rng(), [base()])
    assert len(found) == 20
    assert {r.fault for r in found} == {fault}
    assert {r.copied_from for r in found} == {0}
    if press.p_late:
        assert all(2.9 * HOUR_S < r.time_start - START < 14.3 * HOUR_S for r in found)
    if press.p_elsewhere:
        assert all(float(distance_m(9.0, 48.0, r.lon_deg, r.lat_deg)) > 119e3 for r in found)


def test_a_fault_of_the_original_stays_one_in_the_copy() -> None:
    wrong = replace(base(), fault="mistaken", object="")
    (copy,) = observe(Press(count=1, p_late=1.0, p_zone=0, p_elsewhere=0, p_copy=0), scene(), rng(), [wrong])
    assert copy.fault == "mistaken"


# --- rows


def test_rows_are_a_table_that_the_reader_takes() -> None:
    reports = [
        *observe(Watchers(count=30, p_cloud=0.0), scene(), rng()),
        *observe(radar(clutter_per_day=3.0), scene(), rng()),
        *observe(Transponder(every_s=7200.0), scene(), rng()),
        *observe(Images(every_h=3.0, p_seen=1.0), scene(), rng()),
    ]
    text = csv_text(COLUMNS, [cells(r, f"S{i}") for i, r in enumerate(reports)])
    rows = parse_rows(text, "sightings.csv", required=REQUIRED, optional=OPTIONAL)
    read = parse_table(text, "sightings.csv")
    assert len(rows) == len(read) == len(reports)
    assert not [m for s in read for m in s.marks]
    for report, sighting in zip(reports, read, strict=True):
        assert sighting.lon_deg == pytest.approx(report.lon_deg, abs=1e-4)
        assert sighting.time_start == pytest.approx(report.time_start, abs=1.0)


def test_the_key_to_a_row_says_how_far_off_it_was() -> None:
    track = eastward()
    lon, lat = (float(x) for x in destination(float(place_at(track, START + 300.0)[0]), 48.0, 0.0, 40e3))
    row = true_row(replace(base(), lon_deg=lon, lat_deg=lat), track, ("S1",), "A")
    assert row["distance_km"] == pytest.approx(40.0, abs=0.1)
    assert row["fault"] == "none"
    assert true_row(base(), track, ("S1",), "B")["fault"] == "mistaken"
    assert set(FAULTS) >= {row["fault"]}


def test_a_spot_hangs_on_the_path_at_its_distance() -> None:
    track = eastward()
    lon, lat = settle(Spot(along=0.5, off_m=70e3), scene(), rng())
    at = place_at(track, 0.5 * (track.time_s[0] + track.time_s[-1]))
    assert float(distance_m(lon, lat, at[0], at[1])) == pytest.approx(70e3, rel=1e-6)
    assert settle(Spot(lon_deg=3.0, lat_deg=4.0), scene(), rng()) == pytest.approx((3.0, 4.0))


@pytest.mark.parametrize("given", [{}, {"lon_deg": 1.0}, {"lon_deg": 1.0, "lat_deg": 2.0, "along": 0.5}])
def test_a_spot_is_given_once(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match="twice or not at all"):
        Spot(**given)

"""Schedules: windows of a known flight, their probability, and files that other readers understand."""

import csv
import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from overflight.errors import InputError, OverflightError
from overflight.exposure.schedule import (
    Schedule,
    Window,
    schedule,
    schedule_findings,
    schedule_rows,
    window_words,
)
from overflight.exposure.schedule_files import (
    schedule_bytes,
    schedule_calendar,
    schedule_csv,
    schedule_geojson,
)
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import make_ensemble
from overflight.report.result import result_json

T0 = 1_675_000_000.0
HOUR = 3600.0
EQUATOR_M = 6378137.0
HORIZON_DEG = np.degrees(np.arccos(EQUATOR_M / (EQUATOR_M + 18_000.0)))


def site(id="S", name="Base", lon=0.0, lat=0.0):
    return Site(id=id, name=name, lon_deg=lon, lat_deg=lat, alt_m=0.0, source="test")


def passing(*, lats, step_s=HOUR, kind="forecast", weight=None, span=10.0, times=201, **keywords):
    """Members that cross the meridian of Greenwich eastward along parallels, a degree in ten hours."""
    lats = np.asarray(lats, dtype=float)
    lon = np.linspace(-span, span, times) + np.zeros((lats.size, 1))
    return make_ensemble(
        kind=kind,
        time_s=T0 + step_s * np.arange(times),
        lon_deg=lon,
        lat_deg=lats[:, None] + 0 * lon,
        alt_m=np.full(lon.shape, 18_000.0),
        pressure_pa=np.full(lon.shape, 7e3),
        status=np.zeros(lon.shape),
        weight=weight,
        **keywords,
    )


def test_the_window_of_a_certain_pass_is_that_of_the_horizon():
    found = schedule(passing(lats=np.zeros(20)), [site()], refraction="geometric")
    (window,) = found.windows
    assert window.time_start == pytest.approx(T0 + (10 - HORIZON_DEG) * 10 * HOUR, abs=2.0)
    assert window.time_end == pytest.approx(T0 + (10 + HORIZON_DEG) * 10 * HOUR, abs=2.0)
    assert window.p == pytest.approx(1.0)
    assert window.p_peak == pytest.approx(1.0)
    assert window.hours["p50"] == pytest.approx(20 * HORIZON_DEG, abs=0.01)
    assert window.highest_deg == pytest.approx(90.0, abs=0.1)
    assert found.outlook
    assert window_words(window, outlook=True).startswith("Base: almost certain (>99 %) to have the flight")


def test_members_that_come_at_different_times_add_up():
    """Two halves pass ten hours of drift apart: at no time is it in view of more than the sum tells."""
    near = passing(lats=np.zeros(10), span=1.0, times=41, step_s=600.0)
    lon = near["lon"].values.copy()
    lon[5:] -= 40.0
    lon[:, 20:] = np.where(np.arange(10)[:, None] < 5, lon[:, 20:] + 60.0, lon[:, 20:] + 40.0)
    near["lon"].values[:] = lon
    found = schedule(near, [site()], pause_s=36_000.0)
    (window,) = found.windows
    assert window.p == pytest.approx(1.0)
    assert window.p_peak == pytest.approx(0.5)


def test_what_is_less_probable_than_asked_makes_no_window():
    ensemble = passing(lats=np.repeat([0.0, 30.0], [1, 9]))
    assert len(schedule(ensemble, [site()], least_probability=0.1).windows) == 1
    assert schedule(ensemble, [site()], least_probability=0.11).windows == ()
    (window,) = schedule(ensemble, [site()]).windows
    assert window.p == pytest.approx(0.1)
    assert window.hours is None
    assert "very unlikely (10 %)" in window_words(window, outlook=True)


def test_a_window_begins_when_so_much_has_come_into_view():
    """Twenty members an hour apart: of the first, 5 %; of a quarter, the fifth."""
    ensemble = passing(lats=np.zeros(20))
    ensemble["lon"].values[:] -= 0.1 * np.arange(20)[:, None].astype(np.float32)
    (first,) = schedule(ensemble, [site()], refraction="geometric").windows
    (fifth,) = schedule(ensemble, [site()], refraction="geometric", least_probability=0.25).windows
    assert fifth.time_start - first.time_start == pytest.approx(4 * HOUR, abs=5.0)
    assert first.time_end - fifth.time_end == pytest.approx(4 * HOUR, abs=5.0)


def test_a_pass_between_two_samples_is_scheduled():
    """Six degrees either side of a site in one step of two hours: at no sample is it in view."""
    ensemble = passing(lats=np.zeros(10), span=6.0, times=2, step_s=7200.0)
    (window,) = schedule(ensemble, [site()]).windows
    assert window.p == pytest.approx(1.0)
    assert window.p_peak == 0.0
    assert T0 < window.time_start < T0 + HOUR < window.time_end < T0 + 2 * HOUR


def test_runs_that_a_short_pause_parts_are_one():
    ensemble = passing(lats=np.zeros(10), span=1.0, times=61, step_s=60.0)
    blocked = SiteMask(np.array([0.0, 80.0, 80.1, 99.9, 100.0]), np.array([-1.0, -1.0, 89.0, 89.0, -1.0]))
    # Hidden while it stands due west, then overhead; due east it is hidden again.
    apart = schedule(ensemble, [site(lat=-0.3)], masks={"S": blocked}, pause_s=0.0).windows
    assert len(apart) >= 1
    one = schedule(ensemble, [site(lat=-0.3)], masks={"S": blocked}, pause_s=86_400.0).windows
    assert len(one) == 1
    assert one[0].time_start == apart[0].time_start
    assert one[0].time_end == apart[-1].time_end


def test_findings_and_rows_of_a_forecast_and_of_the_past():
    places = [site(), site(id="T", name="Town", lon=1.0)]
    found = schedule(passing(lats=np.zeros(10)), places)
    findings = schedule_findings(found)
    assert [f.id.split(".")[:2] for f in findings] == [["exposure_forecast", "S"], ["exposure_forecast", "T"]]
    assert all(f.question.startswith("Will ") and f.value == {"p": 1.0} for f in findings)
    rows = schedule_rows(found)
    assert {i for w in rows["windows"] for i in w["finding_ids"]} == {f.id for f in findings}
    assert len(rows["time_s"]) == len(rows["lines"][0]["p"]) == 201
    assert json.loads(result_json(rows))["windows"][0]["likelihood"] == "almost certain"
    past = schedule(passing(lats=np.zeros(10), kind="posterior"), places)
    assert schedule_findings(past)[0].id.startswith("exposure.S.window-")
    assert schedule_findings(past)[0].question.startswith("Did ")
    assert "to have had" in window_words(past.windows[0], outlook=past.outlook)


def test_nothing_in_view_and_one_time():
    empty = schedule(passing(lats=np.full(5, 40.0)), [site()])
    assert empty.windows == ()
    assert schedule_rows(empty)["windows"] == []
    once = schedule(passing(lats=np.zeros(5), times=1, span=0.0), [site()])
    assert once.windows == ()
    assert any("one time only" in n for n in once.notes)


def test_what_a_horizon_was_made_of_is_in_the_notes():
    mask = SiteMask(np.array([0.0]), np.array([1.0]), source="terrain x", notes=("the terrain has holes",))
    found = schedule(passing(lats=np.zeros(5)), [site()], masks={"S": mask})
    assert any(n.startswith("Base: the terrain has holes") for n in found.notes)
    assert found.given["horizons"] == "terrain x"


@pytest.mark.parametrize("least", [0.0, -1.0, 1.1, float("nan")])
def test_a_least_probability_that_is_none_is_refused(least):
    with pytest.raises(OverflightError, match="Give"):
        schedule(passing(lats=np.zeros(5)), [site()], least_probability=least)


# --- files

HOSTILE = 'Söller; "north", \\ gate\r\nBEGIN:VEVENT\nUID:x\x00\x07 ' + "漢字🎈" * 30 + "\ud800"


def made(name=HOSTILE, **keywords):
    window = Window(
        site=site(name=name, lon=-110.123456789, lat=46.5),
        time_start=T0,
        time_end=T0 + 5 * HOUR,
        p=0.83,
        p_peak=0.7,
        peak_s=T0 + HOUR,
        hours={"p05": 1.0, "p50": 3.0, "p95": 5.0},
        highest_deg=34.0,
        **keywords,
    )
    return Schedule(
        kind="forecast",
        sites=(window.site,),
        windows=(window,),
        time_s=T0 + HOUR * np.arange(3),
        probability=np.array([[0.1, 0.7, 0.2]]),
        least_probability=0.05,
        given={},
        notes=("Line of sight only; no cloud, no night.",),
    )


def test_the_calendar_is_read_by_another_program():
    icalendar = pytest.importorskip("icalendar", reason="icalendar (the extra oracles) is not installed")
    calendar = icalendar.Calendar.from_ical(schedule_calendar(made()))
    events = calendar.walk("VEVENT")
    assert len(events) == 1
    (event,) = events
    assert event.errors == []
    assert event["DTSTART"].dt == datetime(2023, 1, 29, 13, 46, 40, tzinfo=UTC)
    assert (event["DTEND"].dt - event["DTSTART"].dt).total_seconds() == 5 * HOUR
    assert event["DTSTAMP"].dt == datetime(2023, 1, 29, 13, 46, 40, tzinfo=UTC)
    shown = HOSTILE.replace("\r\n", "\n").replace("\x00", "").replace("\x07", "").replace("\ud800", "?")
    assert str(event["LOCATION"]) == shown
    assert str(event["SUMMARY"]) == f"{shown}: in line of sight, very likely (83 %)"
    assert str(event["DESCRIPTION"]).endswith("\nLine of sight only; no cloud, no night.")
    assert event["GEO"].to_ical() == "46.5;-110.123457"
    assert event["TRANSP"] == "TRANSPARENT"
    assert float(event["X-OVERFLIGHT-PROBABILITY"]) == pytest.approx(0.83)
    for required in ("PRODID", "VERSION"):
        assert calendar[required]


def test_lines_are_folded_at_75_octets_and_end_as_they_must():
    data = schedule_calendar(made()).encode("utf-8")
    assert data.endswith(b"END:VCALENDAR\r\n")
    lines = data.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert any(len(line) > 70 for line in lines)
    for line in lines:
        line.decode("utf-8")  # no character is cut
        assert b"\n" not in line
        assert b"\r" not in line
        assert not any(octet < 32 or octet == 127 for octet in line)
    # Nothing of the name begins a line.
    assert sum(line == b"BEGIN:VEVENT" for line in lines) == 1
    assert sum(line.startswith(b"UID:") for line in lines) == 1


def test_the_same_schedule_has_the_same_bytes_and_another_window_another_uid():
    assert schedule_calendar(made()) == schedule_calendar(made())
    other = schedule(passing(lats=np.zeros(10)), [site(), site(id="T", lon=1.0)])
    uids = [line for line in schedule_calendar(other).split("\r\n") if line.startswith("UID:")]
    assert len(set(uids)) == 2
    stamped = schedule_calendar(made(), stamp_s=T0 + 60.0)
    assert "DTSTAMP:20230129T134740Z" in stamped


def test_a_calendar_without_windows_is_still_one():
    icalendar = pytest.importorskip("icalendar", reason="icalendar (the extra oracles) is not installed")
    empty = schedule(passing(lats=np.full(5, 40.0)), [site()])
    assert icalendar.Calendar.from_ical(schedule_calendar(empty)).walk("VEVENT") == []


def test_geojson_and_table():
    whole = json.loads(schedule_geojson(made()))
    assert whole["type"] == "FeatureCollection"
    (feature,) = whole["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [-110.123457, 46.5]}
    assert feature["properties"]["begin"] == "2023-01-29T13:46:40Z"
    assert feature["properties"]["probability"] == 0.83
    assert whole["notes"]
    (row,) = csv.DictReader(io.StringIO(schedule_csv(made())))
    assert row["end"] == "2023-01-29T18:46:40Z"
    assert row["likelihood"] == "very likely"
    assert row["name"].startswith('Söller; "north", \\ gate BEGIN:VEVENT UID:x')
    assert "\n" not in row["name"]


def test_a_name_turns_no_writing_and_is_no_formula():
    # U+202E reverses what follows it (Unicode Standard Annex 9); a spreadsheet runs what begins with '='.
    hostile = made(name='=HYPERLINK("x")\u202egnp.evil\u2066 \u0645\u06cc\u200c\u062e')
    (row,) = csv.DictReader(io.StringIO(schedule_csv(hostile)))
    assert row["name"] == '\'=HYPERLINK("x")gnp.evil \u0645\u06cc\u200c\u062e'
    calendar = schedule_calendar(hostile)
    assert not {"\u202e", "\u2066"} & set(calendar)


def test_the_format_is_that_of_the_file_s_name(tmp_path):
    assert schedule_bytes(made(), tmp_path / "x.ICS").startswith(b"BEGIN:VCALENDAR\r\n")
    assert schedule_bytes(made(), tmp_path / "x.geojson").startswith(b"{")
    assert schedule_bytes(made(), tmp_path / "x.csv").startswith(b"site,name,")
    with pytest.raises(InputError, match=r"\.ics"):
        schedule_bytes(made(), tmp_path / "x.txt")

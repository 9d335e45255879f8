"""A payload along made flights: what it sees, hears, keeps and sends, by hand and by balance."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from overflight.custody.links import SERVICES, Service
from overflight.custody.storage import POLICIES, Policy, Recorder
from overflight.errors import CoverageError, InputError, LimitError, OverflightError
from overflight.exposure.geometry import LIGHT, RADIO, horizon_m
from overflight.exposure.optics import NO_SUN, Camera, image_quality
from overflight.exposure.radio import Emitter, Receiver
from overflight.geo import distance_m, look
from overflight.places.sites import Site
from overflight.sun import solar_position
from overflight.times import parse_utc
from overflight.twin.payload import (
    CLOUDED,
    HOUSEKEEPING,
    PICTURE,
    PICTURE_STATUS,
    SIGNAL,
    STREAM,
    Housekeeping,
    Imager,
    Listener,
    Payload,
    PayloadLog,
    fed,
    in_real_time,
    run_payload,
    tally,
)
from overflight.twin.sky import CloudField, CloudGrid, Sky
from overflight.units import DAY_S

# A made place on the equator below local noon at the middle of the flight: 12 h UTC at 0 E.
NOON = parse_utc("2023-03-21T12:00Z")
CAMERA = Camera(id="camera", focal_m=1.5, aperture_m=0.15, pitch_m=3.76e-6, columns=9576, rows=6388)
RECEIVER = Receiver(id="receiver", low_hz=1e8, high_hz=6e9)
BELOW = Site(id="below", name="made place", lon_deg=0.0, lat_deg=0.0, alt_m=0.0)
BEACON = Emitter(
    id="beacon", name="made", lon_deg=0.0, lat_deg=0.0, frequency_hz=1.09e9, eirp_dbm=54.0, bandwidth_hz=4.6e6
)


def flight(hours: float = 16.0, step_s: float = 60.0, speed_deg_h: float = 1.0, **changed: Any) -> Any:
    """Eastward along the equator at 18.3 km, over 0 E at noon."""
    time = NOON + np.arange(-hours * 1800.0, hours * 1800.0 + 1, step_s)
    zero = np.zeros(time.size)
    made = {
        "time_s": time,
        "lon_deg": (time - NOON) / 3600.0 * speed_deg_h,
        "lat_deg": zero,
        "alt_m": zero + 18_300.0,
    }
    return SimpleNamespace(**(made | changed))


def whole(policy: Policy = "oldest", capacity: float = 3e9, link: Service | None = None) -> Payload:
    used = link or dataclasses.replace(SERVICES["certus_350"], time_up_s=1800.0, time_down_s=600.0)
    return Payload(
        imagers=(Imager(camera=CAMERA, picture_bytes=20_000_000, stream_bps=1e5),),
        listeners=(Listener(receiver=RECEIVER),),
        housekeeping=Housekeeping(),
        recorder=Recorder(capacity_bytes=capacity, policy=policy),
        links=(used,),
    )


# --- pictures --------------------------------------------------------------------------------------------


def test_a_camera_takes_what_is_in_its_reach_and_grades_it_as_the_optics_say() -> None:
    flown = flight()
    log = run_payload(Payload(imagers=(Imager(camera=CAMERA, least_elevation_deg=20.0),)), flown, [BELOW], [])
    _, up, _ = look(0.0, 0.0, 0.0, flown.lon_deg, flown.lat_deg, flown.alt_m)
    inside = flown.time_s[up >= 20.0]
    np.testing.assert_array_equal(log.time_s, inside)
    assert set(log.kind) == {PICTURE}
    assert (log.size_bytes == CAMERA.image_bytes).all()
    middle = int(np.argmin(np.abs(log.time_s - NOON)))
    sun = solar_position(NOON, 0.0, 0.0)[0]
    speed = math.radians(1.0) * 6371008.8 / 3600.0
    smear = speed * CAMERA.exposure_s / (CAMERA.pitch_m / CAMERA.focal_m * 18_300.0)
    expected = image_quality(CAMERA, 18_300.0, 90.0, sun, smear_px=smear)
    assert log.quality[middle] == pytest.approx(float(expected.niirs), abs=1e-6)
    assert log.quality[middle] == log.clear_quality[middle]
    assert log.range_m[middle] == pytest.approx(18_300.0, abs=1e-3)


def test_by_night_there_are_no_pictures_unless_asked_for_and_then_no_grade() -> None:
    dark = flight(time_s=flight().time_s + DAY_S / 2)
    by_day = Imager(camera=CAMERA)
    assert run_payload(Payload(imagers=(by_day,)), dark, [BELOW], []).time_s.size == 0
    always = dataclasses.replace(by_day, least_sun_deg=-90.0)
    log = run_payload(Payload(imagers=(always,)), dark, [BELOW], [])
    assert log.time_s.size > 10
    assert (log.quality_status == NO_SUN).all()
    assert np.isnan(log.quality).all()


def test_cloud_takes_the_picture_and_not_the_bound_of_a_clear_sky() -> None:
    payload = Payload(imagers=(Imager(camera=CAMERA),))
    clear = run_payload(payload, flight(), [BELOW], [])
    grey = run_payload(payload, flight(), [BELOW], [], Sky(clouds=CloudField(mean_cover=1.0)))
    np.testing.assert_array_equal(grey.time_s, clear.time_s)
    np.testing.assert_array_equal(grey.clear_quality, clear.quality)
    assert np.isnan(grey.quality).all()
    assert PICTURE_STATUS[CLOUDED] == "hidden by cloud"
    np.testing.assert_array_equal(grey.quality_status == CLOUDED, np.isfinite(clear.quality))
    assert (grey.cover == 1.0).all()


def test_the_clock_of_a_camera_slower_and_faster_than_the_steps() -> None:
    flown = flight(hours=2.0)
    every = run_payload(Payload(imagers=(Imager(camera=CAMERA, period_s=600.0),)), flown, [BELOW], [])
    assert (np.diff(every.time_s) == 600.0).all()
    often = run_payload(Payload(imagers=(Imager(camera=CAMERA, period_s=7.0),)), flown, [BELOW], [])
    # Times of a clock of 7 s in steps of 60 s: 8 or 9 each, 60/7 in the mean.
    assert set(often.pictures) == {8, 9}
    assert often.pictures.mean() == pytest.approx(60.0 / 7.0, rel=0.02)
    np.testing.assert_array_equal(often.size_bytes, often.pictures * CAMERA.image_bytes)


def test_sensors_work_when_they_are_told_to() -> None:
    flown = flight(hours=2.0)
    told = Imager(
        camera=CAMERA, stream_bps=8e3, active=((NOON, NOON + 600.0), (NOON + 1200.0, NOON + 1260.0))
    )
    log = run_payload(Payload(imagers=(told,)), flown, [BELOW], [])
    times = {*(NOON + 60.0 * n for n in range(10)), NOON + 1200.0}
    assert set(log.time_s) == times
    assert (log.size_bytes[log.kind == STREAM] == 60_000).all()


# --- signals ---------------------------------------------------------------------------------------------


def test_a_receiver_hears_from_horizon_to_horizon() -> None:
    """The traced radio horizon of 18.3 km; a step is 1.9 km, the sphere within 0.2 % of the equator."""
    flown = flight()
    log = run_payload(Payload(listeners=(Listener(receiver=RECEIVER),)), flown, [], [BEACON])
    where = np.interp(log.time_s, flown.time_s, flown.lon_deg)
    farthest = distance_m(0.0, 0.0, where, np.zeros(where.size)).max()
    assert farthest == pytest.approx(float(horizon_m(18_300.0, air=RADIO)), abs=5e3)
    assert float(horizon_m(18_300.0, air=LIGHT)) < farthest - 5e3
    assert (np.diff(log.time_s) == 60.0).all()
    # Reference, section 3.3: ADS-B of 54 dBm at 18.3 km, 39.9 dB over noise; 10 of them are needed.
    middle = int(np.argmin(np.abs(log.time_s - NOON)))
    assert log.quality[middle] == pytest.approx(29.9, abs=0.13)
    assert (log.quality >= 0).all()
    assert (log.size_bytes == 75_000).all()


def test_weak_far_and_foreign_emitters_are_not_heard() -> None:
    payload = Payload(listeners=(Listener(receiver=RECEIVER),))
    for change in ({"eirp_dbm": 10.0}, {"lat_deg": 8.0}, {"frequency_hz": 20e9}):
        emitter = dataclasses.replace(BEACON, **change)
        assert run_payload(payload, flight(), [], [emitter]).time_s.size == 0


def test_an_emitter_is_on_for_its_share_of_the_time() -> None:
    payload = Payload(listeners=(Listener(receiver=RECEIVER),))
    always = run_payload(payload, flight(), [], [BEACON])
    half = [
        run_payload(payload, flight(), [], [dataclasses.replace(BEACON, duty=0.3)], seed=n) for n in range(8)
    ]
    assert np.mean([log.time_s.size for log in half]) / always.time_s.size == pytest.approx(0.3, abs=0.04)
    assert set(half[0].time_s) <= set(always.time_s)
    assert set(half[0].time_s) != set(half[1].time_s)
    assert run_payload(payload, flight(), [], [dataclasses.replace(BEACON, duty=0.0)]).time_s.size == 0


def test_a_stream_is_recorded_whatever_is_heard() -> None:
    """IQ of 20 MS/s at 16 + 16 bit is 6.9 TB a day (reference, section 3.5): a day fills any recorder."""
    payload = Payload(
        listeners=(Listener(receiver=RECEIVER, stream_bps=20e6 * 32),), recorder=Recorder(capacity_bytes=1e12)
    )
    log = run_payload(payload, flight(hours=24.0, speed_deg_h=0.0), [], [])
    assert tally(log).collected == pytest.approx(6.9e12, rel=0.005)
    assert tally(log).stored == pytest.approx(1e12, rel=0.01)
    assert set(log.kind) == {STREAM}


# --- the account -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("capacity", [0.0, 4e7, 1e12])
def test_the_account_balances_to_the_byte(policy: Policy, capacity: float) -> None:
    log = run_payload(
        whole(policy, capacity), flight(), [BELOW], [BEACON], Sky(clouds=CloudField(mean_cover=0.5)), seed=2
    )
    found = tally(log)
    assert found.collected == log.size_bytes.sum()
    assert found.collected == found.sent_only + found.stored_only + found.both + found.lost
    assert found.stored <= capacity
    assert 0 < found.sent <= log.carried_bytes[-1]
    for part in range(5):
        assert found[part] == sum(tally(log, sensor)[part] for sensor in log.sensors)
    if capacity == 1e12:
        assert found.lost == 0


def test_the_log_is_in_order_and_says_what_became_of_each_item() -> None:
    log = run_payload(whole(), flight(), [BELOW], [BEACON], seed=2)
    assert (np.diff(log.time_s) >= 0).all()
    np.testing.assert_array_equal(log.id, np.arange(log.time_s.size))
    assert {PICTURE, SIGNAL, STREAM, HOUSEKEEPING} == set(log.kind)
    assert log.targets == ("below", "beacon")
    assert {(int(k), int(t)) for k, t in zip(log.kind, log.target, strict=True)} == {
        (PICTURE, 0), (SIGNAL, 1), (STREAM, -1), (HOUSEKEEPING, -1)
    }  # fmt: skip
    sent = np.isfinite(log.sent_at)
    assert (log.sent_at[sent] >= log.time_s[sent]).all()
    assert (log.sent_bytes[sent] == log.size_bytes[sent]).all()
    assert (log.sent_bytes[~sent] < log.size_bytes[~sent]).all()
    lost = np.isfinite(log.lost_at)
    assert (log.lost_at[lost] >= log.time_s[lost]).all()
    assert (np.isfinite(log.stored_at) | lost).all()
    for name in ("kind", "size_bytes", "quality", "stored_at", "sent_bytes"):
        assert getattr(log, name).shape == log.time_s.shape


def test_housekeeping_goes_in_real_time_and_pictures_wait() -> None:
    """352 kbit/s: 100 bytes in 2 ms, a picture of 20 MB in 7.6 minutes."""
    log = run_payload(whole(link=SERVICES["certus_350"]), flight(), [BELOW], [BEACON])
    soon = in_real_time(log, 60.0)
    assert soon[log.kind == HOUSEKEEPING].all()
    assert not soon[log.kind == PICTURE].any()


def test_what_the_link_could_carry_is_its_ceiling_less_its_outages() -> None:
    log = run_payload(whole(), flight(), [BELOW], [], seed=2)
    (outages,) = log.outages
    failing = (outages[:, 1] - outages[:, 0]).sum()
    assert outages.size > 0
    assert log.carried_bytes[-1] == pytest.approx(352e3 / 8 * (16 * 3600.0 - failing), rel=1e-9)
    # Nothing is finished while the link is down.
    done = log.sent_at[np.isfinite(log.sent_at)]
    inside = (done[:, None] > outages[:, 0] + 1e-3) & (done[:, None] < outages[:, 1] - 1e-3)
    # A step with an outage runs evenly, so only outages of whole steps can be told.
    long = outages[:, 1] - outages[:, 0] > 180.0
    inner = (done[:, None] > outages[long, 0] + 60.0) & (done[:, None] < outages[long, 1] - 60.0)
    assert inside.sum() < done.size
    assert not inner.any()


def test_links_add_up() -> None:
    one, two = SERVICES["certus_100"], SERVICES["iridium_rudics"]
    both = Payload(housekeeping=Housekeeping(), links=(one, two))
    log = run_payload(both, flight(hours=2.0), [], [])
    assert log.carried_bytes[-1] == pytest.approx((22_000 + 2400) / 8 * 7200.0)


def same(first: PayloadLog, second: PayloadLog) -> bool:
    names = [f.name for f in dataclasses.fields(PayloadLog)]
    pairs = [(getattr(first, name), getattr(second, name)) for name in names]
    return all(
        a.tobytes() == b.tobytes() if isinstance(a, np.ndarray) else str(a) == str(b) for a, b in pairs
    )


def test_the_same_seed_gives_the_same_bytes() -> None:
    sky = Sky(clouds=CloudField(mean_cover=0.5))
    duty = dataclasses.replace(BEACON, duty=0.5)
    first, again, other = (run_payload(whole(), flight(), [BELOW], [duty], sky, seed=n) for n in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)


# --- what is missing ---------------------------------------------------------------------------------------


def test_no_sensors_no_places_no_links() -> None:
    log = run_payload(Payload(), flight(hours=1.0), [], [])
    assert log.time_s.size == 0
    assert tally(log) == (0, 0, 0, 0, 0)
    log = run_payload(whole(), flight(hours=1.0), [], [])
    assert set(log.kind) == {STREAM, HOUSEKEEPING}
    mute = dataclasses.replace(whole(), links=())
    assert tally(run_payload(mute, flight(hours=1.0), [], [])).sent == 0


def test_a_balloon_that_is_not_aloft_does_nothing() -> None:
    flown = flight(hours=2.0)
    gone = flown.time_s > NOON
    ended = flight(hours=2.0, alt_m=np.where(gone, np.nan, 18_300.0))
    log = run_payload(whole(), ended, [BELOW], [BEACON])
    assert log.time_s.max() == NOON
    assert log.carried_bytes[-1] == np.interp(NOON + 60.0, log.link_time_s, log.carried_bytes)


def test_without_power_nothing_works() -> None:
    flown = flight(hours=2.0)
    log = run_payload(whole(), flown, [BELOW], [BEACON], powered=flown.time_s < NOON)
    assert log.time_s.max() == NOON - 60.0
    short = np.where(flown.time_s < NOON, 40.0, 12.0)
    wanting = SimpleNamespace(
        **vars(flown), load_w=short, balloon=SimpleNamespace(power=SimpleNamespace(load_w=40.0))
    )
    np.testing.assert_array_equal(fed(wanting), flown.time_s < NOON)
    assert same(run_payload(whole(), wanting, [BELOW], [BEACON]), log)


def test_a_flight_of_one_row_is_no_time() -> None:
    one = SimpleNamespace(**{name: value[:1] for name, value in vars(flight()).items()})
    assert run_payload(whole(), one, [BELOW], [BEACON]).time_s.size == 0


def test_a_site_at_the_pole_and_one_without_altitude() -> None:
    """Local noon is any time there; in June the sun is up."""
    time = parse_utc("2023-06-21T00:00Z") + 60.0 * np.arange(120)
    over = SimpleNamespace(
        time_s=time,
        lon_deg=np.linspace(0.0, 300.0, 120),
        lat_deg=np.full(120, 89.95),
        alt_m=np.full(120, 18_300.0),
    )
    pole = Site(id="pole", name="the pole", lon_deg=123.0, lat_deg=90.0)
    log = run_payload(Payload(imagers=(Imager(camera=CAMERA),)), over, [pole], [])
    assert log.time_s.size == 119
    assert np.isfinite(log.quality).all()


def test_a_cloud_field_that_does_not_reach_is_said_to() -> None:
    short = CloudGrid(
        time_s=np.array([0.0]), lat_deg=np.array([0.0]), lon_deg=np.array([0.0]), cover=np.zeros((1, 1, 1))
    )
    with pytest.raises(CoverageError, match="cloud"):
        run_payload(Payload(imagers=(Imager(camera=CAMERA),)), flight(), [BELOW], [], Sky(clouds=short))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (
            {"time_s": np.zeros(0), "lon_deg": np.zeros(0), "lat_deg": np.zeros(0), "alt_m": np.zeros(0)},
            "no rows",
        ),
        ({"lon_deg": np.zeros(3)}, "differ"),
        ({"time_s": np.zeros(961)}, "rise"),
    ],
)
def test_a_flight_that_cannot_be_is_refused(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(OverflightError, match=word):
        run_payload(whole(), flight(**changed), [BELOW], [])


def test_names_that_are_there_twice_are_refused() -> None:
    with pytest.raises(InputError, match="'below'"):
        run_payload(Payload(), flight(), [BELOW], [dataclasses.replace(BEACON, id="below")])
    imager = Imager(camera=CAMERA)
    with pytest.raises(InputError, match="'camera'"):
        Payload(imagers=(imager, imager))
    with pytest.raises(InputError, match="certus_100"):
        Payload(links=(SERVICES["certus_100"], SERVICES["certus_100"]))


@pytest.mark.parametrize(
    ("sensor", "field", "value"),
    [
        (Imager(camera=CAMERA), "period_s", 0.0),
        (Imager(camera=CAMERA), "least_elevation_deg", 90.0),
        (Imager(camera=CAMERA), "least_sun_deg", math.nan),
        (Imager(camera=CAMERA), "picture_bytes", 0),
        (Imager(camera=CAMERA), "stream_bps", -1.0),
        (Imager(camera=CAMERA), "active", ((2.0, 1.0),)),
        (Listener(receiver=RECEIVER), "rate_bps", -1.0),
        (Listener(receiver=RECEIVER), "period_s", math.inf),
        (Housekeeping(), "size_bytes", 0),
    ],
)
def test_a_sensor_that_cannot_be_is_refused_by_its_field(sensor: Any, field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field):
        dataclasses.replace(sensor, **{field: value})


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overflight.twin.payload.MOST_ITEMS", 100)
    with pytest.raises(LimitError, match="items"):
        run_payload(whole(), flight(), [BELOW], [BEACON])


def test_a_sensor_that_is_not_there_has_no_tally() -> None:
    with pytest.raises(InputError, match="'radar'"):
        tally(run_payload(Payload(), flight(hours=1.0), [], []), "radar")


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "payload.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    time = parse_utc("2023-02-01T15:00Z") + 60.0 * np.arange(601)
    hours = (time - time[0]) / 3600.0
    flown = SimpleNamespace(
        time_s=time, lon_deg=-112.5 + 0.4 * hours, lat_deg=48.0 - 0.2 * hours, alt_m=np.full(601, 18_300.0)
    )
    exec(compile(example, "payload.md", "exec"), {"flight": flown})
    assert "Totals(collected=" in capsys.readouterr().out

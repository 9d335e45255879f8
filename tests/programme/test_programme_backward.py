"""Flights flown back from a catalogue: made flights of one place, of several, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import made_programme as made
import numpy as np
import pytest

from overflight import atmosphere
from overflight.errors import CaseError
from overflight.geo import distance_m
from overflight.programme.answers import answer_programme
from overflight.programme.backward import back_flights
from overflight.programme.origins import combine, make_grid, origin_density, region_words, top_region
from overflight.programme.records import Catalogue
from overflight.programme.settings import ProgrammeSettings, read_settings
from overflight.times import iso_utc, parse_utc
from overflight.trajectories.passive import fly_passive, passive_winds
from overflight.winds.grid import Grid

BEGIN, END = parse_utc("2020-06-01T00:00Z"), parse_utc("2020-06-21T00:00Z")
DAY_S = 86_400.0
ASKED = ProgrammeSettings(origins=True, days_back=5.5, origin_members=40)
# Heights of three flights, each in the middle of a band of its own.
HEIGHTS_M = (15_000.0, 18_000.0, 21_000.0)


def field() -> Grid:
    """Winds of 12 m/s, another way in each band of height, that sway in time; next to no error."""
    time_s = np.arange(BEGIN, END + 1.0, 6 * 3600.0)
    pressure = np.geomspace(2_000.0, 20_000.0, 60)
    lat, lon = np.arange(-90.0, 91.0, 10.0), np.arange(-180.0, 180.0, 20.0)
    band = np.round((atmosphere.alt_from_pressure(pressure) - HEIGHTS_M[0]) / 3_000.0)
    turn = 2.0 * np.pi / 3.0 * band[None, :]
    sway = (2.0 * np.pi * (time_s - BEGIN) / (5.0 * DAY_S))[:, None]
    shape = (time_s.size, pressure.size, lat.size, lon.size)
    u, v = (
        np.ascontiguousarray(np.broadcast_to(part[:, :, None, None], shape), np.float32)
        for part in (12.0 * np.cos(turn) + 3.0 * np.cos(sway), 12.0 * np.sin(turn) + 0.0 * sway)
    )
    tiny = np.full(shape, 1e-6, np.float32)
    return Grid(
        time_s=time_s, pressure_pa=pressure, lat_deg=lat, lon_deg=lon, u_mps=u, v_mps=v, u_sd_mps=tiny,
        v_sd_mps=tiny, periodic=True, name="made",
    )  # fmt: skip


def seen(places: list[tuple[float, float]], grid: Grid) -> Catalogue:
    """Return a catalogue of flights let go at places and seen three to five days later."""
    winds = passive_winds(grid, BEGIN, END)
    rows = []
    for n, ((lon, lat), alt) in enumerate(zip(places, HEIGHTS_M, strict=True)):
        launch = BEGIN + (6.0 + 2.0 * n) * DAY_S
        end = launch + (3.0 + n) * DAY_S
        flown = fly_passive(winds, lon, lat, launch, alt, time_end=end)
        when = iso_utc(end)[:16] + "Z"
        at = f"{flown.end_lat_deg[0]:.3f},{flown.end_lon_deg[0]:.3f},30,{alt:.0f},{alt:.0f}"
        rows.append(f"R{n},g{n},sighting,f{n},{when},{when},{at},attributed,mission,One,high\n")
    head = (
        "id,group,event,flight,time_start,time_end,lat_deg,lon_deg,radius_km,alt_low_m,alt_high_m,standing,"
        "kind,text,confidence\n"
    )
    return made.parse_catalogue(head + "".join(rows))


@pytest.fixture(scope="module")
def winds() -> Grid:
    return field()


def test_three_flights_of_one_place_are_traced_to_it(winds: Grid) -> None:
    """The place (on land) lies in the region of 90 %, and one origin is favoured."""
    lon, lat = 20.0, 15.0
    answer = answer_programme(seen([(lon, lat)] * 3, winds), settings=ASKED, winds=winds)
    found = answer.origins
    assert found is not None
    region = top_region(found)
    row, column = int((lat + 75.0) // 1.0), int((lon + 180.0) // 1.0)
    assert region[row, column]
    words = region_words(found)
    assert not words.vague
    assert words.verdict == "common"
    # Three ways that cross in one cell tell one place from three on these very ways by no more than some.
    assert words.ratio > 2.0
    # Three ways that cross in one place leave little more than it.
    rows, columns = np.nonzero(region)
    away = distance_m(lon, lat, found.grid.lon_deg[columns], found.grid.lat_deg[rows])
    assert np.average(away, weights=found.common[rows, columns]) < 600e3
    origins = answer.section["origins"]
    assert [f["how"] for f in origins["flights"]] == [
        f"from R{n}, at {alt / 1e3:.1f} km as reported, in winds of the time"
        for n, alt in enumerate(HEIGHTS_M)
    ]
    ids = {f.id for f in answer.findings}
    assert {i for s in origins["sentences"] for i in s["finding_ids"]} <= ids
    assert f"{words.ratio:.2g} times as well as" in origins["sentences"][0]["text"]


def test_flights_of_three_places_favour_no_common_origin(winds: Grid) -> None:
    places = [(20.0, 15.0), (75.0, 20.0), (-100.0, 40.0)]
    answer = answer_programme(seen(places, winds), settings=ASKED, winds=winds)
    found = answer.origins
    assert found is not None
    assert region_words(found).verdict == "apart"
    assert found.p_common < 0.2
    (ratio,) = (f for f in answer.findings if f.id == "programme.origin.ratio")
    assert ratio.value is not None
    assert 0.0 < float(ratio.value["lo"]) < 1.0 / 3.0
    # Of a place that they do not share nothing is said.
    (only,) = answer.section["origins"]["sentences"]
    assert "No common origin is favoured" in only["text"]


def test_the_prior_alone_says_that_it_cannot_tell() -> None:
    """Two flights seen over one ocean in other years: the usual winds tell neither whether nor where."""
    rows = (
        "A,a,sighting,2020-01-10,2020-01-11,30,-150,300,,u,One,high,attributed,mission,,,,\n"
        "B,b,sighting,2021-07-10,2021-07-11,10,150,300,,u,Two,high,attributed,mission,,,,\n"
    )
    answer = answer_programme(made.catalogue(rows), settings=ASKED)
    assert answer.origins is not None
    words = region_words(answer.origins)
    assert words.verdict == "cannot tell"
    text = answer.section["origins"]["sentences"][0]["text"]
    assert "cannot tell" in text
    assert any("usual winds" in note for note in answer.section["origins"]["notes"])


def test_a_region_of_much_of_the_land_is_called_vague() -> None:
    grid = make_grid(step_deg=5.0)
    flat = np.ones_like(grid.area) / grid.area.size
    words = region_words(combine({"a": flat, "b": flat}, grid))
    assert words.vague
    assert words.verdict == "cannot tell"
    assert words.ratio == pytest.approx(1.0)


def test_flights_that_cannot_be_flown_say_why(winds: Grid) -> None:
    rows = (
        made.ROWS
        + "F1,zeta,sighting,2020,,40,-100,10,,u6,Vague,high,attributed,mission,USA,land,,\n"
        + "G1,eta,sighting,2020-06-10,2020-06-11,,,,,u7,Nowhere,high,attributed,mission,USA,land,,\n"
        + "H1,theta,sighting,2020-06-10,2020-06-11,40,-100,10,,u8,Many,high,attributed,mission,USA,land,3,\n"
    )
    found = back_flights(made.catalogue(rows), ASKED, winds)
    assert set(found.ensembles) == {"alpha", "beta", "epsilon"}
    assert "hobby" in found.left_out["gamma"]
    assert "weather" in found.left_out["delta"]
    assert "vague" in found.left_out["zeta"]
    assert "no row" in found.left_out["eta"]
    assert "several" in found.left_out["theta"]
    assert "the height of its class" in found.how["alpha"]
    assert "prior" in found.how["alpha"]  # the made winds are of another time


def test_a_flight_that_no_wind_reaches_is_left_out() -> None:
    """2000 m at one instant lie below the winds: that it was seen there is no flight."""
    found = back_flights(one_seen("2023-02-01T12:00Z", 2_000.0), ASKED)
    assert not found.ensembles
    assert "tell nothing of 2.0 km as reported" in found.left_out["f"]


def one_seen(when: str, alt_m: float, *, name: str = "R", place: str = "40,-100,30") -> Catalogue:
    """Return a catalogue of one flight, seen at an instant and a height."""
    return made.parse_catalogue(
        "id,group,event,flight,time_start,time_end,lat_deg,lon_deg,radius_km,alt_low_m,alt_high_m,standing,"
        f"kind,text,confidence\n{name},g,sighting,f,{when},{when},{place},{alt_m},{alt_m},attributed,mission,"
        "One,high\n"
    )


# Noon and midnight by the sun at 100 degrees west.
@pytest.mark.parametrize("when", ["2020-06-12T18:40Z", "2020-06-12T06:40Z"])
def test_a_height_is_that_of_the_hour_at_which_it_was_seen(winds: Grid, when: str) -> None:
    """Those that float higher by day begin at the height reported, by day and by night."""
    (flown,) = back_flights(one_seen(when, 20_000.0), ASKED, winds).ensembles.values()
    last = flown["alt_m"].values[:, -1]
    assert np.isfinite(last).all()
    assert last.min() >= 19_500.0
    assert last.max() <= 20_500.0
    other = flown["alt_m"].values[:, -3] - last  # half a day before
    level, varied = other[: ASKED.origin_members // 2], other[ASKED.origin_members // 2 :]
    assert np.abs(level).max() < 1.0
    assert np.abs(varied).max() > 1_000.0
    assert (varied < 0.0).all() if when.endswith("18:40Z") else (varied > 0.0).all()


def test_regional_winds_that_do_not_hold_the_place_are_not_taken(winds: Grid) -> None:
    """Winds of the time over Asia, or of the air below, say nothing of a flight seen over Kansas."""
    names = ("u_mps", "v_mps", "u_sd_mps", "v_sd_mps")
    catalogue = one_seen("2020-06-12T18:40Z", 20_000.0)
    assert not back_flights(catalogue, ASKED, winds).on_prior
    east = winds.lon_deg >= 60.0
    asia = {name: np.ascontiguousarray(getattr(winds, name)[..., east]) for name in names}
    elsewhere = replace(winds, lon_deg=winds.lon_deg[east], periodic=False, **asia)
    assert back_flights(catalogue, ASKED, elsewhere).on_prior == {"f"}
    thick = winds.pressure_pa > 10_000.0
    low = {name: np.ascontiguousarray(getattr(winds, name)[:, thick]) for name in names}
    below = replace(winds, pressure_pa=winds.pressure_pa[thick], **low)
    assert back_flights(catalogue, ASKED, below).on_prior == {"f"}


def test_what_flew_in_the_prior_is_not_told_by_names(winds: Grid) -> None:
    """A row named prior-1 in winds of the time; and a flight flown elsewhere is not smoothed by more."""
    catalogue = one_seen("2020-06-12T18:40Z", 20_000.0, name="prior-1")
    found = back_flights(catalogue, ASKED, winds)
    assert "prior-1" in found.how["f"]
    assert not found.on_prior
    other = made.backward(110.0, 23.5)
    asked = replace(ASKED, launches="anywhere")
    (section, again) = (
        answer_programme(
            one_seen(when, 20_000.0), settings=asked, winds=winds, origins={"f": other, "g": other}
        ).section["origins"]
        for when in ("2020-06-12T18:40Z", "2023-02-01T12:00Z")
    )
    assert [f["how"] for f in section["flights"]] == ["flown elsewhere"] * 2
    assert again["cells"] == section["cells"]
    assert not any("usual winds" in note for note in again["notes"])


def test_a_flight_back_begins_in_its_circle_and_time(winds: Grid) -> None:
    catalogue = seen([(20.0, 15.0)] * 3, winds)
    flown = back_flights(catalogue, ASKED, winds).ensembles["f0"]
    assert flown.attrs["kind"] == "origin"
    assert flown.sizes["member"] == ASKED.origin_members
    last = flown.isel(time=-1)
    (row,) = (r for r in catalogue.rows if r.id == "R0")
    away = distance_m(row.lon_deg or 0.0, row.lat_deg or 0.0, last["lon"].values, last["lat"].values)
    assert float(away.max()) <= 30.1e3
    again = back_flights(catalogue, ASKED, winds).ensembles["f0"]
    assert again.identical(flown)
    density = origin_density(flown, make_grid(land_only=False))
    assert density.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [("origins", "yes"), ("days_back", 0.5), ("origin_members", 3), ("origin_members", 20.5)],
)
def test_settings_of_origins_that_cannot_be_used(key: str, value: object) -> None:
    with pytest.raises(CaseError, match=key):
        read_settings({key: value})
    assert read_settings({"origins": True}).origins

"""The summary of a forecast: radii and shares against closed forms, the lines, the pictures at odd places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from overflight.geo import destination
from overflight.records import make_ensemble
from overflight.report.flight_plots import LEGEND, draw_flight, draw_heights, free_corner
from overflight.report.outlook import END_WORDS, distance_words, lines, outlook, place_words, share_words
from overflight.report.view import fit_view
from overflight.trajectories.stops import END_CODES, STOPPED

START_S = 1_675_000_800.0


def cloud(lon: float, lat: float, *, members: int = 4000, kind: str = "forecast") -> xr.Dataset:
    """Members about a place: a normal cloud of 10 km times the hours; a quarter ends after two hours."""
    rng = np.random.default_rng(8)
    hours = np.arange(5.0)
    east, north = rng.standard_normal((2, members))
    bearing, away = np.degrees(np.arctan2(east, north)), 10e3 * np.hypot(east, north)
    steps = hours if kind == "forecast" else hours[::-1]
    places = [destination(np.full(members, lon), np.full(members, lat), bearing, away * h) for h in steps]
    x, y = (np.stack([p[k] for p in places], axis=1) for k in (0, 1))
    status = np.zeros(x.shape, np.int8)
    status[: members // 4, 3:] = 2
    gone = status > 0
    values = [np.where(gone, np.nan, v) for v in (x, y, np.full(x.shape, 18e3), np.full(x.shape, 7.5e3))]
    first = START_S if kind == "forecast" else START_S - 4 * 3600.0
    made = make_ensemble(
        kind=kind, time_s=first + 3600.0 * hours, lon_deg=values[0], lat_deg=values[1],
        alt_m=values[2], pressure_pa=values[3], status=status,
    )  # fmt: skip
    ended = gone[:, -1]
    made["end_code"] = ("member", np.where(ended, STOPPED + 6, 0).astype(np.int8))
    made["end_time_s"] = ("member", np.where(ended, START_S + 7200.0, START_S + 4 * 3600.0))
    for name, column in (("end_lon", x), ("end_lat", y)):
        made[name] = ("member", np.where(ended, column[:, 2], column[:, -1]))
    return made


@pytest.mark.parametrize(("lon", "lat"), [(10.0, 45.0), (179.99, -50.0), (0.0, 89.95)])
def test_radii_are_those_of_a_normal_cloud(lon: float, lat: float) -> None:
    rows = {row["hours"]: row for row in outlook(cloud(lon, lat), START_S)["positions"]}
    # Rayleigh: half within 1.1774, nine tenths within 2.1460 standard deviations.
    assert rows[2.0]["radius50_m"] == pytest.approx(1.1774 * 20e3, rel=0.05)
    assert rows[2.0]["radius90_m"] == pytest.approx(2.1460 * 20e3, rel=0.05)
    assert rows[2.0]["aloft_share"] == pytest.approx(1.0)
    assert rows[4.0]["aloft_share"] == pytest.approx(0.75)
    assert rows[0.0]["radius90_m"] < 1.0


def test_ends_have_their_shares_and_places() -> None:
    ends = outlook(cloud(10.0, 45.0), START_S)["ends"]
    assert [(row["end"], row["share"]) for row in ends] == [
        ("reached the end of the run", pytest.approx(0.75)),
        ("stopped: ground", pytest.approx(0.25)),
    ]
    assert ends[1]["time_s"]["p50"] == START_S + 7200.0
    assert ends[1]["radius50_m"] == pytest.approx(1.1774 * 20e3, rel=0.07)
    assert not ends[1]["lost"]


def test_back_in_time_the_hours_count_back() -> None:
    rows = outlook(cloud(10.0, 45.0, kind="origin"), START_S)["positions"]
    assert rows[0]["time"] > rows[-1]["time"]
    assert [row["hours"] for row in rows][:2] == [0.0, 1.0]
    assert rows[1]["radius50_m"] == pytest.approx(1.1774 * 10e3, rel=0.07)


def test_countries_come_with_their_chance() -> None:
    found = outlook(cloud(12.5, 42.0), START_S)["countries"]
    assert found[0]["area"] == "ITA"
    assert found[0]["probability"] == 1.0


def test_lines_say_it_in_words() -> None:
    text = "\n".join(lines(outlook(cloud(12.5, 42.0), START_S)))
    assert "42.00° N, 12.50° E" in text
    assert "all  Italy, from the start" in text
    assert "25 %  came to the ground" in text
    assert "59.1 kft" in text


def test_every_stop_and_loss_is_told_in_words() -> None:
    told = {text: END_WORDS.get(text, text) for text in END_CODES.values()}
    assert not [words for words in told.values() if words.startswith(("stopped:", "lost the wind:"))]
    assert len(set(told.values())) == len(told)
    assert set(END_WORDS) <= set(END_CODES.values())


@pytest.mark.parametrize(
    ("start", "others", "corner"),
    [
        ((500, 300), (900, 100), "lower left"),
        # The start is in the lower left corner, then the flight in the upper left one.
        ((50, 470), (900, 100), "upper left"),
        ((50, 470), (50, 50), "upper right"),
        # Where all are taken, not over the start.
        ((900, 100), (50, 470), "upper left"),
    ],
)
def test_the_legend_takes_a_corner_that_is_free(
    start: tuple[float, float], others: tuple[float, float], corner: str
) -> None:
    view = fit_view([0.0, 60.0], [10.0, 20.0])
    assert (view.width, view.height) == (1000.0, 520.0)
    assert max(LEGEND) < 260.0
    assert free_corner(view, np.array([start, others, others], float)) == corner


def test_words() -> None:
    assert place_words(-108.5, -46.8) == "46.80° S, 108.50° W"
    assert distance_words(1234.0) == "1.2 km"
    assert distance_words(1.2345e6) == "1,234 km"
    assert share_words(1.0) == "all"
    assert share_words(0.999) == ">99 %"


@pytest.mark.parametrize(("lon", "lat", "members"), [(179.99, -50.0, 60), (0.0, 89.95, 60), (10.0, 45.0, 1)])
def test_pictures_are_drawn_wherever_it_is(lon: float, lat: float, members: int, tmp_path: Path) -> None:
    flown = cloud(lon, lat, members=members)
    draw_flight(flown, tmp_path / "map.png", title="a $ sign", start=(lon, lat))
    draw_heights(flown, tmp_path / "height.png", title="a $ sign")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["height.png", "map.png"]
    first = (tmp_path / "map.png").read_bytes()
    draw_flight(flown, tmp_path / "map.png", title="a $ sign", start=(lon, lat))
    assert (tmp_path / "map.png").read_bytes() == first

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import shapely

import synthetic_result as made
from overflight.records import make_ensemble
from overflight.report.map import flight_map, make_layers
from overflight.report.view import View, fit_view, outline


def test_a_sheet_holds_its_places_and_is_equal_area() -> None:
    lon, lat = np.array([110.0, 190.0, 281.0]), np.array([18.0, 56.0, 33.0])
    view = fit_view(lon, lat)
    assert all(view.holds(point, 20.0) for point in view.place(lon, lat))
    # One degree square at 60° covers half of one at the equator, wherever on the sheet.
    equator, north = (_cell(view, 150.0, base) for base in (0.0, 60.0))
    ratio = (np.sin(np.radians(61)) - np.sin(np.radians(60))) / np.sin(np.radians(1))
    assert north / equator == pytest.approx(ratio, rel=0.01)


def _cell(view: View, lon: float, lat: float) -> float:
    edge = np.linspace(0, 1, 20)
    x = np.concatenate([lon + edge, np.full(20, lon + 1), lon + 1 - edge, np.full(20, lon)])
    y = np.concatenate([np.full(20, lat), lat + edge, np.full(20, lat + 1), lat + 1 - edge])
    return float(shapely.Polygon(view.place(x, y)).area)


def test_a_sheet_for_one_place_is_as_wide_as_borders_mean_something() -> None:
    view = fit_view([10.0], [50.0])
    assert view.width / view.per_m == pytest.approx(60e3)


def test_a_country_around_the_antipode_does_not_flood_the_sheet() -> None:
    """Antarctica on a sheet about the north pole: even-odd must leave the sheet's middle dry."""
    view = fit_view([0.0, 90.0, 180.0, 270.0], [20.0, 20.0, 20.0, 20.0])
    lon = np.linspace(-180.0, 179.0, 360)
    rings = outline(view, [(lon, np.full(360, -70.0))])
    middle = shapely.Point(view.origin)
    assert sum(shapely.Polygon(ring).contains(middle) for ring in rings) % 2 == 0


def test_an_area_that_runs_on_past_a_whole_turn_is_drawn_once() -> None:
    """Land all round a pole may come continued past ±180° on both sides, and past the pole."""
    view = fit_view([0.0, 90.0, 180.0, 270.0], [-60.0, -60.0, -60.0, -60.0])
    lon = np.concatenate([np.linspace(-190.0, 190.0, 381), [190.0, -190.0]])
    lat = np.concatenate([np.full(381, -75.0), [-100.0, -100.0]])
    rings = [shapely.Polygon(ring) for ring in outline(view, [(lon, lat)])]
    for place in ((175.0, -80.0), (-175.0, -80.0), (0.0, -80.0)):
        assert sum(ring.contains(shapely.Point(view.place(*place)[0])) for ring in rings) == 1


def test_a_ring_around_the_pole_is_land_at_the_pole() -> None:
    view = fit_view([0.0, 90.0, 180.0, 270.0], [60.0, 60.0, 60.0, 60.0])
    (ring,) = outline(view, [(np.linspace(-180.0, 179.0, 360), np.full(360, 80.0))])
    assert shapely.Polygon(ring).contains(shapely.Point(view.place(0.0, 90.0)[0]))


def drawn(ensemble: Any) -> str:
    layers = make_layers({"posterior": ensemble})
    track = layers[0].tracks[0]
    view = fit_view(track.lon_deg, track.lat_deg)
    return str(
        flight_map(
            view, layers, made.box_borders(), made.sightings(), {}, name="m", title="T", description="D"
        )
    )


def test_the_map_has_corridor_path_dates_and_sightings() -> None:
    svg = drawn(made.ensemble(members=60))
    assert svg.count('class="r90 posterior"') == 1
    assert svg.count('class="median posterior"') == 2
    assert svg.count('class="sight') > 40
    assert "28 Jan</text>" in svg
    assert "180°</text>" in svg
    assert not re.search(r'"[^"]*\bnan\b[^"]*"', svg)


@pytest.mark.parametrize(("lon0", "lat0"), [(-110.0, 47.0), (179.8, -40.0), (0.0, 89.5), (30.0, -89.0)])
def test_a_small_flight_anywhere_stays_on_its_sheet(lon0: float, lat0: float) -> None:
    hours = np.arange(0.0, 13.0)
    rng = np.random.default_rng(1)
    lon = lon0 + 0.2 * hours + rng.normal(size=(40, 1)) * 0.05
    lat = np.clip(lat0 + 0.02 * hours + rng.normal(size=(40, 1)) * 0.05, -90.0, 90.0)
    ensemble = make_ensemble(
        kind="posterior", time_s=made.START + 3600 * hours, lon_deg=lon, lat_deg=lat,
        alt_m=np.full(lon.shape, 15e3), pressure_pa=np.full(lon.shape, 12e3), status=np.zeros(lon.shape),
    )  # fmt: skip
    svg = drawn(ensemble)
    path = re.search(r'd="M([^"]+)" class="median', svg)
    assert path
    numbers = np.array(re.findall(r"-?[\d.]+", path.group(1)), dtype=float).reshape(-1, 2)
    assert (numbers >= 0).all()
    assert (numbers[:, 0] <= 1000).all()
    assert (numbers[:, 1] <= 760).all()


def test_labels_do_not_lie_on_one_another() -> None:
    from overflight.report.labels import Labels

    labels = Labels(400.0, 400.0)
    shown = [labels.put("28 Jan", 200.0, 200.0, "date") for _ in range(2)]
    assert shown[0]
    assert not shown[1]
    beside = labels.beside("29 Jan", 200.0, 200.0, "date")
    assert 'y="200"' not in beside
    assert "fine" in beside

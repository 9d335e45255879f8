"""Population rasters made here: counts where they were put, areas in closed form, hostile files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overflight.errors import InputError, LimitError, OverflightError
from overflight.places import tiles
from overflight.places.asciigrid import parse_ascii_grid
from overflight.places.population import (
    POPULATION_STATUS,
    Raster,
    _row_area_m2,
    people_at,
    people_within,
    read_population,
)

GRID = """ncols 4
nrows 3
xllcorner -79.0
yllcorner 33.0
cellsize 0.5
NODATA_value -9999
1 2 3 4
5 6 7 8
9 10 -9999 12
"""
# Surface of the WGS-84 ellipsoid, km2: Moritz, Geodetic Reference System 1980, J. Geodesy 74 (2000), gives
# the radius of the sphere of equal surface as 6371007.181 m; the two ellipsoids agree in it.
EARTH_KM2 = 4.0 * math.pi * 6371.007181**2


def write(folder: Path, text: str = GRID, name: str = "people.asc") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_an_ascii_grid_has_its_rows_from_the_north(tmp_path: Path) -> None:
    raster = read_population(write(tmp_path))
    lon, lat = [-78.9, -78.9, -77.1, 281.1], [34.4, 33.1, 33.1, 33.1]
    people, status = people_at(raster, lon, lat)
    assert people.tolist() == [1.0, 9.0, 12.0, 9.0]
    assert status.tolist() == [0, 0, 0, 0]


def test_the_middle_of_the_corner_cell_may_be_given_instead(tmp_path: Path) -> None:
    text = GRID.replace("xllcorner -79.0", "XLLCENTER -78.75").replace("yllcorner 33.0", "yllcenter 33.25")
    a, b = read_population(write(tmp_path)), read_population(write(tmp_path, text, "b.asc"))
    np.testing.assert_allclose(a.x_edge, b.x_edge)
    np.testing.assert_allclose(a.y_edge, b.y_edge)
    assert a.x_edge.tolist() == [-79.0, -78.5, -78.0, -77.5, -77.0]


def test_cells_without_a_value_and_places_outside_have_a_status(tmp_path: Path) -> None:
    raster = read_population(write(tmp_path))
    people, status = people_at(raster, [-77.9, -80.0, -78.9, np.nan], [33.1, 33.1, 40.0, 33.1])
    assert status.tolist() == [2, 1, 1, 1]
    assert np.isnan(people).all()
    assert set(status.tolist()) <= set(POPULATION_STATUS)


def test_density_is_turned_into_counts_by_the_area_of_the_cell(tmp_path: Path) -> None:
    raster = read_population(write(tmp_path), per="km2")
    # 0.5° of longitude and latitude at 34.25°: M N cos(lat) dlat dlon, with the radii of curvature there.
    lat, e2 = math.radians(34.25), 0.00669437999014
    w2 = 1 - e2 * math.sin(lat) ** 2
    m, n = 6378137.0 * (1 - e2) / w2**1.5, 6378137.0 / math.sqrt(w2)
    area_km2 = m * n * math.cos(lat) * math.radians(0.5) ** 2 / 1e6
    assert people_at(raster, -78.9, 34.4)[0] == pytest.approx(area_km2, rel=1e-4)


def test_the_cells_of_the_whole_earth_have_its_surface() -> None:
    lat, lon = np.linspace(-90, 90, 181), np.linspace(0, 360, 361)
    assert _row_area_m2(lat, lon).sum() * 360 / 1e6 == pytest.approx(EARTH_KM2, rel=1e-9)


def even_raster(per_km2: float) -> Raster:
    lon, lat = np.linspace(10, 12, 201), np.linspace(45, 46, 101)
    people = np.repeat((_row_area_m2(lat, lon) / 1e6 * per_km2)[:, None], 200, axis=1)
    return Raster(x_edge=lon, y_edge=lat, people=people.astype(np.float32))


@pytest.mark.parametrize("radius_m", [10.0, 500.0, 10_000.0])
def test_within_a_circle_of_even_density_there_are_density_times_area(radius_m: float) -> None:
    found = people_within(even_raster(80.0), 11.0, 45.5, radius_m)
    # The circle is a circle on the ellipsoid to 0.4 %: its curvature is taken as the mean sphere's.
    assert found == pytest.approx(80.0 * math.pi * radius_m**2 / 1e6, rel=0.005)


def test_a_circle_over_the_edge_of_a_town_counts_its_share() -> None:
    raster = even_raster(100.0)
    raster.people[:, :100] = 0.0  # nobody west of 11° E
    half = people_within(raster, 11.0, 45.5, 4000.0)
    assert half == pytest.approx(0.5 * 100.0 * math.pi * 16.0, rel=0.03)


def test_it_survives_the_seam_and_the_pole() -> None:
    lon, lat = np.linspace(0, 360, 37), np.linspace(-90, 90, 19)
    raster = Raster(x_edge=lon, y_edge=lat, people=np.ones((18, 36), np.float32))
    people, status = people_at(raster, [-180.0, 180.0, 359.9999, 0.0, 77.0], [0, 0, 0, 90.0, -90.0])
    assert people.tolist() == [1.0] * 5
    assert status.tolist() == [0] * 5
    assert np.isfinite(people_within(raster, [179.99, 0.0], [0.0, 90.0], 5e4)).all()


def test_a_projected_geotiff_keeps_its_cells(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra terrain) is not installed")
    import pyproj

    values = np.arange(30.0 * 40).reshape(30, 40).astype(np.float32)
    values[0, 0] = -200.0  # as some files mark water
    path = tmp_path / "people.tif"
    # Mollweide, the equal-area projection of the Global Human Settlement Layer, in cells of a kilometre.
    with rasterio.open(
        path, "w", driver="GTiff", height=30, width=40, count=1, dtype="float32", crs="ESRI:54009",
        transform=rasterio.Affine(1000, 0, -7_000_000, 0, -1000, 4_000_000),
    ) as sink:  # fmt: skip
        sink.write(values, 1)
    raster = read_population(path)
    back = pyproj.Transformer.from_crs("ESRI:54009", "EPSG:4326", always_xy=True)
    row, column = np.array([0, 3, 29]), np.array([0, 7, 39])
    lon, lat = back.transform(-7_000_000 + 1000.0 * (column + 0.5), 4_000_000 - 1000.0 * (row + 0.5))
    people, status = people_at(raster, lon, lat)
    assert people[1:].tolist() == [127.0, 1199.0]
    assert status.tolist() == [2, 0, 0]
    assert raster.notes
    assert people_at(raster, 170.0, -80.0)[1] == 1
    part = read_population(path, box=(lon[1] - 0.02, lat[1] - 0.02, lon[1] + 0.02, lat[1] + 0.02))
    assert part.people.size < raster.people.size / 4
    assert people_at(part, lon[1], lat[1])[0] == 127.0
    with pytest.raises(InputError, match="per square kilometre"):
        read_population(path, per="km2")


def test_a_geotiff_in_degrees(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra terrain) is not installed")
    path = tmp_path / "people.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=2, width=3, count=1, dtype="int32", crs="EPSG:4326", nodata=-1,
        transform=rasterio.Affine(0.1, 0, 20.0, 0, -0.1, 50.0),
    ) as sink:  # fmt: skip
        sink.write(np.array([[1, 2, 3], [4, -1, 6]], np.int32), 1)
    people, status = people_at(read_population(path), [20.05, 20.15, 20.25], [49.95, 49.85, 49.85])
    assert status.tolist() == [0, 2, 0]
    assert people[[0, 2]].tolist() == [1.0, 6.0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ncols 4", "ncols 5", "12 values, the header says 15"),
        ("ncols 4", "ncols 3", "more values"),
        ("ncols 4", "ncols x", "not a number"),
        ("ncols 4", "ncols 4.5", "ncols"),
        ("ncols 4", "ncols 4\nncols 4", "twice"),
        ("ncols 4\n", "", "ncols"),
        ("cellsize 0.5\n", "", "cellsize"),
        ("cellsize 0.5", "cellsize 0", "cellsize"),
        ("xllcorner -79.0\n", "", "xllcorner"),
        ("yllcorner 33.0", "yllcorner 3700000", "latitudes"),
        ("xllcorner -79.0", "xllcorner 500000", "longitudes"),
        ("5 6 7 8", "5 six 7 8", "line 8"),
        ("5 6 7 8", "5 6 7 1e99", "not finite"),
        ("5 6 7 8", "5 6 7 1-2", "could not convert"),
        ("5 6 7 8", "5 6 7 1e12", "in one cell"),
    ],
)
def test_bad_grids_are_refused_with_the_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_population(write(tmp_path, GRID.replace(old, new)))
    assert "people.asc" in str(caught.value)


def test_a_grid_of_nothing_and_other_files_are_refused(tmp_path: Path) -> None:
    empty = GRID[: GRID.index("1 2 3 4")] + "-9999 " * 12
    with pytest.raises(InputError, match="no count"):
        read_population(write(tmp_path, empty))
    with pytest.raises(InputError, match="no known kind"):
        read_population(write(tmp_path, GRID, "people.csv"))
    with pytest.raises(InputError, match="per"):
        read_population(write(tmp_path), per="mile")
    with pytest.raises(InputError, match="box"):
        read_population(write(tmp_path), box=(0.0, 0.0, 1.0, 1.0))
    with pytest.raises(InputError, match="radius_m"):
        people_within(even_raster(1.0), 0.0, 0.0, -5.0)


def test_a_header_that_asks_for_too_much_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GRID.replace("ncols 4", "ncols 400000").replace("nrows 3", "nrows 4000000")
    with pytest.raises(LimitError, match="million"):
        read_population(write(tmp_path, text))
    monkeypatch.setattr(tiles, "MAX_PIXELS", 5)
    with pytest.raises(LimitError, match="smaller box"):
        read_population(write(tmp_path))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 200), st.text("0123456789.-+eE \nxyNODA", min_size=1, max_size=6)),
        max_size=5,
    )
)
def test_spoilt_grids_raise_our_errors_or_give_counts(cuts: list[tuple[int, str]]) -> None:
    text = GRID
    for at, patch in cuts:
        at %= len(text)
        text = text[:at] + patch + text[at + len(patch) :]
    try:
        found = parse_ascii_grid(text, "people.asc")
    except OverflightError as error:
        said, found = str(error), None
    assert found.values.size == math.prod(found.values.shape) if found else said.startswith("people.asc")

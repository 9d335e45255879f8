"""Terrain: tiles and GeoTIFFs made here, heights against what was put in, hostile files."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overflight.errors import InputError, LimitError, OverflightError
from overflight.places import terrain as terrain_module
from overflight.places import tiles
from overflight.places.hgt import VOID, parse_hgt
from overflight.places.terrain import TERRAIN_STATUS, Terrain, height_at, read_terrain, terrain_height_m
from overflight.places.tiles import Tile, join

N3 = 1201  # rows of a tile of three arc seconds
CELL3_DEG = 1.0 / 1200.0
# Bilinear interpolation of a plane is exact; float32 holds 1000 m to this.
metre_float32 = 2e-4


def plane(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A ramp of whole metres at the points of a tile: 1 m a column to the east, 1 m a row to the north."""
    return (lon % 1.0 + lat % 1.0) * 1200.0


def hgt_bytes(values: np.ndarray) -> bytes:
    return np.asarray(values, ">i2").tobytes()


def ramp_bytes(n: int = N3) -> bytes:
    """Rows from the north: the first row of the file is the tile's northern edge."""
    north_first = np.arange(n)[::-1]
    return hgt_bytes(north_first[:, None] + np.arange(n)[None, :])


def write_ramp(folder: Path, name: str = "N45W111.hgt") -> Path:
    (folder / name).write_bytes(ramp_bytes())
    return folder / name


def test_an_hgt_tile_stands_on_its_corner_with_rows_from_the_north(tmp_path: Path) -> None:
    t = read_terrain([write_ramp(tmp_path)])
    assert (t.lat_deg[0], t.lat_deg[-1], t.lon_deg[0], t.lon_deg[-1]) == (45.0, 46.0, -111.0, -110.0)
    lon, lat = np.array([-111.0, -110.25, -110.0]), np.array([45.0, 45.5, 46.0])
    height, status = terrain_height_m(t, lon, lat)
    np.testing.assert_allclose(height, [0.0, 1500.0, 2400.0], atol=metre_float32)
    assert (status == 0).all()


def test_between_the_points_it_is_bilinear_and_longitudes_come_in_any_turn(tmp_path: Path) -> None:
    t = read_terrain(write_ramp(tmp_path))
    rng = np.random.default_rng(5)
    lon, lat = -111.0 + rng.random(200), 45.0 + rng.random(200)
    for turn in (-720.0, 0.0, 360.0):
        height, status = terrain_height_m(t, lon + turn, lat)
        np.testing.assert_allclose(height, (lon + 111.0 + lat - 45.0) * 1200.0, atol=1e-3)
        assert (status == 0).all()


def test_one_arc_second_is_told_by_the_size(tmp_path: Path) -> None:
    values = np.zeros((3601, 3601), ">i2")
    values[0, 0] = 77  # north-west corner
    (tmp_path / "s34e018.SRTMGL1.hgt").write_bytes(values.tobytes())
    t = read_terrain([tmp_path / "s34e018.SRTMGL1.hgt"])
    assert t.height_m.shape == (3601, 3601)
    assert terrain_height_m(t, 18.0, -33.0)[0] == 77.0


def test_voids_and_what_lies_outside_have_a_status_and_no_height(tmp_path: Path) -> None:
    values = np.frombuffer(ramp_bytes(), ">i2").reshape(N3, N3).copy()
    values[600, 600] = VOID
    (tmp_path / "N45W111.hgt").write_bytes(values.tobytes())
    t = read_terrain([tmp_path / "N45W111.hgt"])
    lon = np.array([-110.5, -110.5 + 0.5 * CELL3_DEG, -110.5 + CELL3_DEG, -109.9, np.nan, -110.5])
    lat = np.array([45.5, 45.5, 45.5, 45.5, 45.5, 44.9])
    height, status = terrain_height_m(t, lon, lat)
    # A point of the lattice beside a void is not spoilt by it.
    assert status.tolist() == [2, 2, 0, 1, 1, 1]
    assert np.isnan(height).tolist() == [True, True, False, True, True, True]
    assert set(status.tolist()) <= set(TERRAIN_STATUS)


def test_a_zipped_tile_is_the_same(tmp_path: Path) -> None:
    plain = read_terrain(write_ramp(tmp_path))
    with zipfile.ZipFile(tmp_path / "N45W111.SRTMGL3.hgt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("N45W111.hgt", ramp_bytes())
    zipped = read_terrain(tmp_path / "N45W111.SRTMGL3.hgt.zip")
    np.testing.assert_array_equal(zipped.height_m, plain.height_m)


def test_tiles_join_into_one_grid_without_a_seam(tmp_path: Path) -> None:
    paths = [write_ramp(tmp_path, name) for name in ("N45W111.hgt", "N45W110.hgt")]
    t = read_terrain(paths)
    assert t.height_m.shape == (N3, 2 * N3 - 1)
    # The first file's value stands on the shared edge: 1200 m east of the corner.
    height, status = terrain_height_m(t, [-110.0, -109.5], [45.0, 45.25])
    np.testing.assert_allclose(height, [1200.0, 600.0 + 300.0], atol=metre_float32)
    assert (status == 0).all()
    # A tile that is not there stays a hole: outside the files is not sea level.
    gap = read_terrain([paths[0], write_ramp(tmp_path, "N47W111.hgt")])
    assert terrain_height_m(gap, -110.5, 46.5)[1] == 2


def test_tiles_on_both_sides_of_the_antimeridian_are_one_strip(tmp_path: Path) -> None:
    paths = [write_ramp(tmp_path, name) for name in ("N51E179.hgt", "N51W180.hgt")]
    for order in (paths, paths[::-1]):
        t = read_terrain(order)
        assert t.lon_deg[-1] - t.lon_deg[0] == pytest.approx(2.0)
        height, status = terrain_height_m(t, [179.5, -179.5, 180.5], [51.5, 51.5, 51.5])
        np.testing.assert_allclose(height, 1200.0, atol=metre_float32)
        assert (status == 0).all()


def test_a_box_cuts_the_tiles_and_keeps_the_heights(tmp_path: Path) -> None:
    path = write_ramp(tmp_path)
    whole, part = read_terrain(path), read_terrain(path, box=(249.25, 45.25, 249.5, 45.5))
    assert part.height_m.size < 0.1 * whole.height_m.size
    rng = np.random.default_rng(2)
    lon, lat = -110.75 + 0.25 * rng.random(100), 45.25 + 0.25 * rng.random(100)
    np.testing.assert_allclose(
        terrain_height_m(part, lon, lat)[0], terrain_height_m(whole, lon, lat)[0], atol=1e-3
    )
    with pytest.raises(InputError, match="box"):
        read_terrain(path, box=(0.0, 45.0, 1.0, 46.0))


def test_tiles_of_other_steps_are_interpolated_to_the_finest() -> None:
    fine = Tile(10.0, 50.0, 0.01, 0.01, np.zeros((101, 101), np.float32), "fine")
    lat, lon = np.arange(26) * 0.04 + 50.0, np.arange(26) * 0.04 + 11.005
    coarse = Tile(11.005, 50.0, 0.04, 0.04, np.add.outer(lat * 10, lon * 100).astype(np.float32), "coarse")
    whole, moved = join([fine, coarse])
    assert moved == ("coarse",)
    lat, lon = whole.axes
    row, column = np.argmin(abs(lat - 50.5)), np.argmin(abs(lon - 11.5))
    assert whole.values[row, column] == pytest.approx(lat[row] * 10 + lon[column] * 100, abs=1e-2)


def test_a_grid_around_the_earth_has_no_seam() -> None:
    lon = np.arange(-179.5, 180.0)
    height = np.tile(np.abs(lon), (3, 1)).astype(np.float32)
    t = Terrain(lat_deg=np.array([-1.0, 0.0, 1.0]), lon_deg=lon, height_m=height)
    found, status = terrain_height_m(t, [180.0, -179.75, 179.9, 0.0], [0.0] * 4)
    np.testing.assert_allclose(found, [179.5, 179.5, 179.5, 0.5])
    assert (status == 0).all()


def test_no_terrain_is_empty_arrays_and_everything_is_outside() -> None:
    nothing = np.empty(0)
    assert height_at(nothing, nothing, np.empty((0, 0), np.float32), 45.0, 10.0)[1] == 1


def test_sea_bed_is_the_surface_of_the_sea_and_rubbish_is_missing() -> None:
    values = np.array([[-4000.0, -430.0], [9999.0, 8848.0]], np.float32)
    t = terrain_module._terrain(Tile(0.0, 0.0, 1.0, 1.0, values, "made"), ())
    assert t.height_m[0].tolist() == [0.0, -430.0]
    assert np.isnan(t.height_m[1, 0])
    assert len(t.notes) == 2


# --- GeoTIFF -------------------------------------------------------------------------------------------


def write_tiff(
    path: Path, values: np.ndarray, transform: tuple[float, ...], crs: str | None, **more: object
) -> Path:
    rasterio = pytest.importorskip("rasterio", reason="rasterio (the extra terrain) is not installed")
    units = more.pop("units", None)
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype=values.dtype, crs=crs, transform=rasterio.Affine(*transform), **more,
    ) as sink:  # fmt: skip
        sink.write(values, 1)
        if units:
            sink.units = (units,)
    return path


def lonlat_tiff(folder: Path, **more: object) -> Path:
    """Cells of 0.01° whose middles lie on a plane, 10 m a cell eastward and 1 m a cell southward."""
    values = (10.0 * np.arange(120)[None, :] + np.arange(80)[:, None]).astype(np.float32)
    return write_tiff(folder / "dem.tif", values, (0.01, 0, -79.0, 0, -0.01, 34.0), "EPSG:4326", **more)


def test_a_geotiff_in_degrees_has_its_values_in_the_middle_of_the_cells(tmp_path: Path) -> None:
    t = read_terrain(lonlat_tiff(tmp_path))
    assert t.lon_deg[0] == pytest.approx(-78.995)
    assert t.lat_deg[-1] == pytest.approx(33.995)
    height, _ = terrain_height_m(t, [-78.995, -78.990], [33.995, 33.985])
    np.testing.assert_allclose(height, [0.0, 6.0], atol=metre_float32)


def test_a_projected_geotiff_lies_where_the_projection_says(tmp_path: Path) -> None:
    import pyproj

    # A plane in metres of UTM zone 17: height = easting / 100.
    x = 600_000.0 + 100.0 * (np.arange(300) + 0.5)
    values = np.tile(x / 100.0, (300, 1)).astype(np.float32)
    path = write_tiff(
        tmp_path / "utm.tif", values, (100.0, 0, 600_000.0, 0, -100.0, 3_730_000.0), "EPSG:32617"
    )
    t = read_terrain(path)
    to_lonlat = pyproj.Transformer.from_crs("EPSG:32617", "EPSG:4326", always_xy=True)
    east, north = (
        np.array([605_000.0, 615_000.0, 625_000.0]),
        np.array([3_705_000.0, 3_715_000.0, 3_725_000.0]),
    )
    height, status = terrain_height_m(t, *to_lonlat.transform(east, north))
    assert (status == 0).all()
    # Two bilinear interpolations on cells of 100 m, so of 1 m of this plane.
    np.testing.assert_allclose(height, east / 100.0, atol=0.5)
    assert terrain_height_m(t, *to_lonlat.transform(590_000.0, 3_715_000.0))[1] in (1, 2)


def test_nodata_is_missing_and_feet_are_metres(tmp_path: Path) -> None:
    t = read_terrain(lonlat_tiff(tmp_path, nodata=0.0, units="ft"))
    assert np.isnan(t.height_m[-1, 0])
    assert t.height_m[-1, 1] == pytest.approx(10.0 * 0.3048)
    with pytest.raises(InputError, match="fathom"):
        read_terrain(lonlat_tiff(tmp_path, units="fathom"))


def test_a_box_reads_a_part_of_a_geotiff(tmp_path: Path) -> None:
    path = lonlat_tiff(tmp_path)
    whole, part = read_terrain(path), read_terrain(path, box=(281.2, 33.4, 281.4, 33.6))
    assert part.height_m.size < whole.height_m.size / 4
    lon, lat = np.linspace(-78.8, -78.6, 7), np.linspace(33.4, 33.6, 7)
    np.testing.assert_allclose(
        terrain_height_m(part, lon, lat)[0], terrain_height_m(whole, lon, lat)[0], atol=1e-3
    )


def test_a_geotiff_without_a_place_is_refused(tmp_path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rasterio's own, at writing
        path = write_tiff(tmp_path / "bare.tif", np.zeros((4, 4), np.float32), (1, 0, 0, 0, 1, 0), None)
    with pytest.raises(InputError, match="where on the earth"):
        read_terrain(path)


def test_other_formats_do_not_come_in_under_the_name(tmp_path: Path) -> None:
    """A virtual raster names other files; it must not be followed, whatever its name says."""
    pytest.importorskip("rasterio", reason="rasterio (the extra terrain) is not installed")
    inner = lonlat_tiff(tmp_path)
    (tmp_path / "evil.tif").write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>0,1,0,2,0,-1</GeoTransform><VRTRasterBand dataType='Float32' band='1'><SimpleSource>"
        f"<SourceFilename>{inner}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(InputError, match="not a readable GeoTIFF"):
        read_terrain(tmp_path / "evil.tif")


def test_rasterio_and_the_grib_reader_live_in_one_process() -> None:
    """Each brings its own PROJ; in the wrong order one of them crashes the process."""
    pytest.importorskip("rasterio", reason="rasterio (the extra terrain) is not installed")
    code = (
        "import overflight.winds.grib, sys\n"
        "from pathlib import Path\n"
        "import numpy as np, tempfile\n"
        "from overflight.places.geotiff import open_geotiff\n"
        "from overflight.places.terrain import read_terrain\n"
        "assert 'rasterio' not in sys.modules\n"
        "import rasterio\n"
        "p = Path(tempfile.mkdtemp()) / 'a.tif'\n"
        "with rasterio.open(p, 'w', driver='GTiff', height=9, width=9, count=1, dtype='float32',\n"
        "    crs='EPSG:32617', transform=rasterio.Affine(100, 0, 6e5, 0, -100, 37e5)) as f:\n"
        "    f.write(np.ones((9, 9), 'float32'), 1)\n"
        "print(np.nanmax(read_terrain(p).height_m))\n"
        "import pyproj\n"
        "print(round(pyproj.Geod(ellps='WGS84').inv(0, 0, 0, 1)[2]))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["1.0", "110574"]


def test_without_rasterio_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(OverflightError, match=r"pip install 'overflight\[terrain\]'") as caught:
        read_terrain(tmp_path / "a.tif")
    assert isinstance(caught.value.__cause__, ImportError)


# --- limits and hostile files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("N45W111.hgt", b"abc", "bytes long"),
        ("N45W111.hgt", b"", "bytes long"),
        ("ramp.hgt", None, "begin with the corner"),
        ("N95W111.hgt", None, "not on the globe"),
        ("N45W111.xyz", b"", "no known kind"),
        ("N45W111.hgt.zip", b"PK\x03\x04 not a zip", "cannot be read"),
    ],
)
def test_what_is_not_a_tile_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    (tmp_path / name).write_bytes(ramp_bytes() if content is None else content)
    with pytest.raises(InputError, match=message) as caught:
        read_terrain(tmp_path / name)
    assert name in str(caught.value)


def test_missing_files_and_empty_lists_are_refused(tmp_path: Path) -> None:
    for name in ("N45W111.hgt", "dem.tif"):
        with pytest.raises(InputError, match=name):
            read_terrain(tmp_path / name)
    with pytest.raises(InputError, match="no elevation file"):
        read_terrain([])


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "N45W111.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("N45W111.hgt", bytes(200_000_000))
    with pytest.raises(InputError, match="bytes long"):
        read_terrain(tmp_path / "N45W111.zip")


def test_tiles_far_apart_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_ramp(tmp_path, name) for name in ("N45W111.hgt", "S45E030.hgt")]
    with pytest.raises(LimitError, match="million points"):
        read_terrain(paths)
    monkeypatch.setattr(tiles, "MAX_PIXELS", 1_000_000)
    with pytest.raises(LimitError, match="smaller box"):
        read_terrain(paths[:1])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["N10E010.hgt", "N10E010.hgt.zip", "a.tif"]),
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=6),
    keep=st.integers(0, 3000),
)
def test_spoilt_files_raise_our_errors_or_give_a_terrain(
    tmp_path: Path, kind: str, cuts: list[tuple[int, bytes]], keep: int
) -> None:
    if kind == "a.tif":
        data = bytearray(lonlat_tiff(tmp_path, compress="deflate").read_bytes())
    else:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("N10E010.hgt", bytes(2 * N3 * N3))
        data = bytearray(stream.getvalue() if kind.endswith("zip") else bytes(3000))
    for at, patch in cuts:
        data[at % len(data) : at % len(data) + len(patch)] = patch
    path = tmp_path / kind
    path.write_bytes(bytes(data[: len(data) if keep % 3 else keep]))
    try:
        found = read_terrain(path)
    except OverflightError as error:
        said = str(error)
        found = None
    assert np.isfinite(found.height_m).any() if found else path.name in said


@settings(max_examples=200, deadline=None)
@given(
    lon=st.floats(-1e6, 1e6) | st.just(float("nan")),
    lat=st.floats(-100, 100) | st.just(float("inf")),
    west=st.sampled_from([-180.0, -0.5, 0.0, 179.0, 350.0]),
    columns=st.integers(2, 8),
)
def test_a_height_is_finite_exactly_where_the_status_is_zero(
    lon: float, lat: float, west: float, columns: int
) -> None:
    axis = west + np.arange(columns) * 45.0
    height = np.arange(3.0 * columns, dtype=np.float32).reshape(3, columns)
    t = Terrain(lat_deg=np.array([-90.0, 0.0, 90.0]), lon_deg=axis, height_m=height)
    found, status = terrain_height_m(t, lon, lat)
    assert np.isfinite(found) == (status == 0)
    assert not np.isfinite(found) or 0.0 <= found <= height.max()
    if columns == 8 and np.isfinite(lon) and abs(lat) <= 90.0:
        assert status == 0


def test_a_terrain_with_uneven_or_falling_axes_is_refused() -> None:
    good = {"lat_deg": np.arange(3.0), "lon_deg": np.arange(4.0), "height_m": np.zeros((3, 4), np.float32)}
    for bad in (
        {"lat_deg": np.array([0.0, 1.0, 3.0])},
        {"lon_deg": np.arange(4.0)[::-1]},
        {"lat_deg": np.array([89.0, 90.0, 91.0])},
        {"height_m": np.zeros((4, 3), np.float32)},
        {"lon_deg": np.arange(4.0) * 120.0},
    ):
        with pytest.raises(InputError):
            Terrain(**{**good, **bad})


def test_parse_needs_no_file() -> None:
    assert parse_hgt(ramp_bytes(), "made")[0, 0] == 0.0

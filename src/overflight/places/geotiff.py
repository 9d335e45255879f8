"""GeoTIFF through rasterio, an optional package: opened safely, read as a tile of degrees or as it stands.

Nothing but the named file is opened: only GDAL's GeoTIFF driver may take it, no file beside it is looked at,
and sizes are checked before anything is unpacked. Only the first band is read.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overflight.errors import InputError, OverflightError
from overflight.places.tiles import Box, Float32s, Tile, check_pixels, whole_circle
from overflight.rows import shorten

_SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_CACHEMAX": 64,
}
# A strip or tile is unpacked as a whole, and a file of a kilobyte may hold one of any size.
MAX_BLOCK_BYTES = 512 * 2**20


@contextmanager
def open_geotiff(path: Path) -> Iterator[Any]:
    """Open a GeoTIFF for reading; yields rasterio's dataset.

    Raises OverflightError when rasterio is missing (its cause is the ImportError), and InputError when the
    file cannot be read or does not say where it lies, also while the block runs.
    """
    try:
        # Before rasterio: each brings its own PROJ, and pyproj must not come after another's.
        import pyproj  # noqa: F401  # for its side effect
        import rasterio
        from rasterio.errors import RasterioError
    except ImportError as error:
        raise OverflightError(
            "reading GeoTIFF needs rasterio",
            where=path.name,
            remedy="Install it: pip install 'overflight[terrain]'. SRTM .hgt files are read without it.",
        ) from error
    if not path.is_file():
        raise InputError("is not a file", file=path.name, remedy="Give the path of a GeoTIFF.")
    try:
        with rasterio.Env(**_SETTINGS), _opened(rasterio, path) as source:
            _check_source(source, path.name)
            yield source
    except OverflightError:
        raise
    except (RasterioError, OSError, ValueError, ArithmeticError) as error:
        raise InputError(
            f"is not a readable GeoTIFF ({shorten(str(error), 200)})",
            file=path.name,
            remedy="Check it with gdalinfo.",
        ) from error


def _opened(rasterio: Any, path: Path) -> Any:
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        # Said as an error of ours.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(str(path.resolve()), driver="GTiff")


def _check_source(source: Any, file: str) -> None:
    if source.crs is None or source.transform.is_identity:
        raise InputError(
            "does not say where on the earth it lies",
            file=file,
            remedy="Give it a coordinate system and a corner: gdal_translate -a_srs EPSG:4326 -a_ullr ...",
        )
    numbers = np.array(tuple(source.transform)[:6])
    if not np.isfinite(numbers).all() or abs(source.transform.determinant) < 1e-18:
        raise InputError("has a corner or a cell without size", file=file)
    if not (math.isfinite(source.scales[0]) and math.isfinite(source.offsets[0])):
        raise InputError("has a scale that is not a number", file=file)
    if source.dtypes[0].startswith("complex"):
        raise InputError("holds complex numbers", file=file)
    rows, columns = source.block_shapes[0]
    block = rows * columns * np.dtype(source.dtypes[0]).itemsize * max(1, source.count)
    if block > MAX_BLOCK_BYTES:
        raise InputError(
            f"is stored in blocks of {block / 1e6:.0f} MB",
            file=file,
            remedy="Store it in tiles: gdal_translate -co TILED=YES.",
        )


def is_lonlat(source: Any) -> bool:
    """Whether an open raster is on degrees, north up and not turned."""
    t = source.transform
    degrees = source.crs.is_geographic and abs(source.crs.units_factor[1] - math.pi / 180.0) < 1e-6
    return bool(degrees and t.b == 0.0 and t.d == 0.0 and t.a > 0.0 and t.e < 0.0)


def read_geotiff_tile(path: Path, box: Box | None) -> tuple[Tile, str] | None:
    """Read the first band as a tile of degrees, projected files being interpolated, and its unit's name.

    Values stand for the middle of a cell. None when nothing of the file lies in the box.
    """
    with open_geotiff(path) as source:
        unit = (source.units[0] or "").strip()
        if is_lonlat(source):
            tile = _tile(source, box, path.name)
        else:
            from rasterio.enums import Resampling
            from rasterio.vrt import WarpedVRT

            with WarpedVRT(
                source,
                crs="EPSG:4326",
                resampling=Resampling.bilinear,
                src_nodata=source.nodata,
                dtype="float32",
                nodata=np.nan,
            ) as warped:
                # The source's scale, which the warped one does not carry on.
                tile = _tile(warped, box, path.name, source.scales[0], source.offsets[0])
    return None if tile is None else (tile, unit)


def _tile(
    source: Any, box: Box | None, file: str, scale: float | None = None, offset: float | None = None
) -> Tile | None:
    t = source.transform
    north, south = t.f, t.f + source.height * t.e
    if not (south >= -90.0 + t.e and north <= 90.0 - t.e and source.width * t.a <= 360.0 + 1.5 * t.a):
        raise InputError("its corners are not longitudes and latitudes", file=file)
    window = window_of(source, box)
    if window is None:
        return None
    top, left, rows, columns = window
    columns = min(columns, whole_circle(t.a))
    if rows < 2 or columns < 2:
        raise InputError(f"has {columns} by {rows} points; two by two are needed", file=file)
    values = read_window(source, (top, left, rows, columns), file, scale, offset)[::-1]
    first_lat = t.f + (top + rows - 0.5) * t.e
    return Tile(t.c + (left + 0.5) * t.a, first_lat, t.a, -t.e, np.ascontiguousarray(values), file)


def read_window(
    source: Any,
    window: tuple[int, int, int, int],
    file: str,
    scale: float | None = None,
    offset: float | None = None,
) -> Float32s:
    """Return the first band in (top, left, rows, columns), rows from the north, NaN where it has no value."""
    from rasterio.windows import Window

    top, left, rows, columns = window
    check_pixels(float(rows) * columns, file)
    values = source.read(1, window=Window(left, top, columns, rows), masked=True)
    result = values.astype(np.float32).filled(np.nan)
    factor = source.scales[0] if scale is None else scale
    shift = source.offsets[0] if offset is None else offset
    if (factor, shift) != (1.0, 0.0):
        result = result * np.float32(factor) + np.float32(shift)
    result[~np.isfinite(result)] = np.nan
    return np.asarray(result, dtype=np.float32)


def window_of(source: Any, box: Box | None) -> tuple[int, int, int, int] | None:
    """Return (top, left, rows, columns) of a north-up raster that cover a box and two cells more, or None.

    The box is moved by whole turns to where the raster lies; one that would need both ends of a raster all
    round the earth takes its whole rows.
    """
    t = source.transform
    if box is None:
        return 0, 0, source.height, source.width
    west, south, east, north = box
    turn = 360.0 * math.ceil((t.c - east) / 360.0)
    left, right = math.floor((west + turn - t.c) / t.a) - 2, math.ceil((east + turn - t.c) / t.a) + 2
    top, bottom = math.floor((north - t.f) / t.e) - 2, math.ceil((south - t.f) / t.e) + 2
    all_round = source.width * t.a > 360.0 - 1.5 * t.a
    if all_round and (left < 0 or right > source.width):
        left, right = 0, source.width
    left, right, top, bottom = max(left, 0), min(right, source.width), max(top, 0), min(bottom, source.height)
    return (top, left, bottom - top, right - left) if right > left and bottom > top else None

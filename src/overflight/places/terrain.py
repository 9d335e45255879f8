"""The height of the ground, from an operator's elevation files.

Read are SRTM tiles (`.hgt`, see `hgt`) and GeoTIFF (see `geotiff`; the extra `terrain`), brought to one grid
of longitude and latitude.

Heights are taken as they stand in the files, above mean sea level, and mean sea level is taken as the WGS-84
ellipsoid, as everywhere in Overflight (the geoid lies between -107 m and +86 m from it). What lies below
-500 m can only be sea bed and is read as the sea's surface; shallower sea bed cannot be told from low land.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError, LimitError
from overflight.places.geotiff import read_geotiff_tile
from overflight.places.hgt import read_hgt
from overflight.places.tiles import (
    Box,
    Float32s,
    Float64s,
    Tile,
    check_box,
    check_pixels,
    cut,
    join,
    value_at,
    values_at,
)
from overflight.rows import shorten
from overflight.units import FOOT_M

# The meaning of the status beside every height; the height is NaN where it is not zero.
TERRAIN_STATUS: dict[int, str] = {0: "ok", 1: "outside the terrain", 2: "no height in the file"}

MAX_FILES = 1_000
# The lowest land is the Dead Sea's shore at -430 m, the highest 8849 m, and the deepest sea has 11 km.
LOWEST_LAND_M, HIGHEST_LAND_M, DEEPEST_SEA_M = -500.0, 9_000.0, -12_000.0

DATUM = "heights above mean sea level as in the files; mean sea level taken as the WGS-84 ellipsoid"

_METRE = {"", "m", "metre", "metres", "meter", "meters"}
_FOOT = {"ft", "foot", "feet"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """Heights of the ground on a regular grid of latitude and longitude.

    `lat_deg` (Y,) and `lon_deg` (X,) increase in even steps; longitudes are unwrapped and may pass ±180°.
    `height_m` (Y, X) float32 is NaN where the files have none. `datum` says what the heights are above,
    `name` which files they are from, `notes` what was changed at reading.
    """

    lat_deg: Float64s
    lon_deg: Float64s
    height_m: Float32s
    datum: str = DATUM
    name: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("lat_deg", "lon_deg"):
            _check_axis(getattr(self, field), field, self.name)
        if self.lat_deg[0] < -90.0 or self.lat_deg[-1] > 90.0:
            raise InputError("latitude must lie within ±90°", file=self.name, field="lat_deg")
        if self.lon_deg[-1] - self.lon_deg[0] >= 360.0:
            raise InputError("the columns span the whole circle or more", file=self.name, field="lon_deg")
        shape = (self.lat_deg.size, self.lon_deg.size)
        if self.height_m.shape != shape or self.height_m.dtype != np.float32:
            raise InputError(
                f"it has shape {self.height_m.shape}, the axes say {shape}, of float32",
                file=self.name,
                field="height_m",
            )


def read_terrain(paths: Iterable[str | Path] | str | Path, *, box: Box | None = None) -> Terrain:
    """Read elevation files and join them on one grid.

    Parameters
    ----------
    paths : `.hgt`, `.hgt.zip`, `.tif` or `.tiff` files. Where tiles overlap the first that has a height
        counts. Tiles on one lattice are copied; others are interpolated to the finest step among them.
    box : (west, south, east, north) in degrees: leave out what lies beyond.

    Raises
    ------
    InputError
        When a file cannot be read, is not what its name says, or nothing of any lies in the box.
    LimitError
        When the joined grid would have more than 200 million points.
    OverflightError
        When a GeoTIFF is given and rasterio is not installed.
    """
    files = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    if not files:
        raise InputError("no elevation file was given", remedy="Give .hgt or GeoTIFF files.")
    if len(files) > MAX_FILES:
        raise LimitError(f"{len(files)} elevation files are more than {MAX_FILES}", remedy="Give fewer.")
    if box is not None:
        check_box(box)
    tiles: list[Tile] = []
    for path in files:
        tile = _read_tile(path, box)
        if tile is not None:
            tiles.append(tile)
            check_pixels(sum(t.values.size for t in tiles), path.name)
    if not tiles:
        raise InputError(
            "no elevation file reaches into the box",
            file=files[0].name,
            remedy="Give the tiles of the place.",
        )
    return _terrain(*join(tiles))


def terrain_height_m(
    terrain: Terrain, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike
) -> tuple[Float64s, npt.NDArray[np.int8]]:
    """Return heights and status (`TERRAIN_STATUS`) at places; arguments broadcast, longitudes in any turn.

    Bilinear; NaN outside the grid and where a point that counts has no height.
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    height, status = np.empty(lon.size), np.empty(lon.size, np.int8)
    values_at(terrain.lat_deg, terrain.lon_deg, terrain.height_m, lat.ravel(), lon.ravel(), height, status)
    return height.reshape(lon.shape), status.reshape(lon.shape)


@compiled
def height_at(
    lat_axis: Float64s, lon_axis: Float64s, height: Float32s, la: float, lo: float
) -> tuple[float, int]:
    """Return the height of the ground at one place, bilinear, and a code of `TERRAIN_STATUS`.

    Takes the arrays of a `Terrain` flat; arrays of size zero are no terrain, and everything is outside.
    """
    return value_at(lat_axis, lon_axis, height, la, lo)


def _check_axis(values: Float64s, field: str, name: str) -> None:
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise InputError("the axis needs two finite points or more", file=name, field=field)
    mean = (values[-1] - values[0]) / (values.size - 1)
    drift = np.abs(values - (values[0] + mean * np.arange(values.size)))
    # The look-up divides by the mean step; this is the share of a cell by which it may then err.
    if (np.diff(values) <= 0).any() or drift.max() > 0.01 * mean:
        raise InputError("the axis must increase in even steps", file=name, field=field)


def _read_tile(path: Path, box: Box | None) -> Tile | None:
    """Return one file's heights in metres, cut to the box; None where it lies beyond."""
    name = path.name.lower()
    if name.endswith((".hgt", ".zip")):
        return cut(read_hgt(path), box)
    if not name.endswith((".tif", ".tiff")):
        raise InputError(
            "is of no known kind", file=path.name, remedy="Give .hgt, .hgt.zip, .tif or .tiff files."
        )
    found = read_geotiff_tile(path, box)
    if found is None:
        return None
    tile, unit = found
    if unit.lower() in _METRE:
        return tile
    if unit.lower() in _FOOT:
        return tile._replace(values=tile.values * np.float32(FOOT_M))
    raise InputError(
        f"its heights are in '{shorten(unit)}'",
        file=path.name,
        field="unit",
        remedy="Convert them to metres.",
    )


def _terrain(whole: Tile, moved: tuple[str, ...]) -> Terrain:
    lat, lon = whole.axes
    height = whole.values
    notes = _tidy(height)
    if moved:
        notes += (f"interpolated to a common grid: {', '.join(moved[:5])}",)
    if not np.isfinite(height).any():
        raise InputError("holds no height at all", file=whole.file, remedy="Give the tiles of the place.")
    return Terrain(
        lat_deg=np.clip(lat, -90.0, 90.0), lon_deg=lon, height_m=height, name=whole.file, notes=notes
    )


def _tidy(height: Float32s) -> tuple[str, ...]:
    """Put the sea's surface in place of sea bed and NaN in place of rubbish, and say how often."""
    notes: tuple[str, ...] = ()
    rubbish = (height > HIGHEST_LAND_M) | (height < DEEPEST_SEA_M)
    if rubbish.any():
        notes += (f"{int(rubbish.sum())} heights beyond any on earth are read as missing",)
        height[rubbish] = np.nan
    bed = height < LOWEST_LAND_M
    if bed.any():
        notes += (f"{int(bed.sum())} heights below {LOWEST_LAND_M:.0f} m are read as the sea's surface",)
        height[bed] = 0.0
    return notes

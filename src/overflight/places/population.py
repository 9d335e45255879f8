"""How many people live where, from a user's raster: GeoTIFF, or an ESRI ASCII grid in degrees.

The raster keeps its own cells and its own projection; it is the places that are brought to it, because
people cannot be interpolated without making some or losing some. A file does not say whether it counts
people per cell or per square kilometre: the user does.

Limits. A count says where people sleep, in the year of the raster, and nothing of crowds, roads or ships. A
cell without a value (often water) has nobody as far as anybody knows; the share of places in such cells is
given beside every answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.places.asciigrid import read_ascii_grid
from overflight.places.geotiff import is_lonlat, open_geotiff, read_window, window_of
from overflight.places.tiles import Box, Float32s, Float64s, check_box, cut
from overflight.units import EARTH_RADIUS_M, WGS84_A_M, WGS84_F

Per = Literal["cell", "km2"]
PERS: tuple[Per, ...] = get_args(Per)

# The meaning of the status beside every count; the count is NaN where it is not zero.
POPULATION_STATUS: dict[int, str] = {0: "ok", 1: "outside the raster", 2: "no value in the cell"}

# More than any cell of a kilometre holds, by far: beyond it the file counts something else.
MOST_PEOPLE = 1e8
# Points at which a circle is asked; they lie even by area (a Fibonacci disc).
DISC_POINTS = 199
_E2 = WGS84_F * (2.0 - WGS84_F)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raster:
    """People in each cell of a regular grid.

    `x_edge` (X+1,) and `y_edge` (Y+1,) increase in even steps: degrees, or metres of the projection `crs`
    (empty for degrees). `people` (Y, X) float32 is the count in a cell, NaN where the file has no value.
    `name` is the file, `notes` what was changed at reading.
    """

    x_edge: Float64s
    y_edge: Float64s
    people: Float32s
    crs: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (self.y_edge.size - 1, self.x_edge.size - 1)
        if self.people.shape != shape or min(shape) < 1:
            raise InputError(
                f"the shape is {self.people.shape}, the edges say {shape}", file=self.name, field="people"
            )
        for field in ("x_edge", "y_edge"):
            edge = getattr(self, field)
            if not np.isfinite(edge).all() or (np.diff(edge) <= 0).any():
                raise InputError("the edges must increase", file=self.name, field=field)


def read_population(path: str | Path, *, per: Per = "cell", box: Box | None = None) -> Raster:
    """Read a population raster.

    Parameters
    ----------
    path : a `.tif`/`.tiff` in any projection, or an ESRI ASCII grid (`.asc`, `.txt`) in degrees.
    per : 'cell' when the file counts people in a cell, 'km2' when it counts them per square kilometre (in
        degrees only).
    box : (west, south, east, north) in degrees: leave out what lies beyond.

    Raises
    ------
    InputError
        When the file cannot be read, holds no count, or does not reach into the box.
    LimitError
        When it would have more than 200 million cells.
    OverflightError
        When a GeoTIFF is given and rasterio is not installed.
    """
    path = Path(path)
    if per not in PERS:
        raise InputError(f"'{per}' is unknown", field="per", remedy=f"Use one of {', '.join(PERS)}.")
    if box is not None:
        check_box(box)
    name = path.name.lower()
    if name.endswith((".tif", ".tiff")):
        x_edge, y_edge, people, crs = _from_tiff(path, box)
    elif name.endswith((".asc", ".txt", ".grd")):
        x_edge, y_edge, people = _from_ascii(path, box)
        crs = ""
    else:
        raise InputError("is of no known kind", file=path.name, remedy="Give .tif or an ESRI .asc grid.")
    if per == "km2":
        if crs:
            raise InputError(
                "counts per square kilometre on a projection are not read",
                file=path.name,
                remedy="Give the counts per cell, or the density in degrees.",
            )
        people = people * (_row_area_m2(y_edge, x_edge) / 1e6).astype(np.float32)[:, None]
    notes = _tidy(people, path.name)
    return Raster(x_edge=x_edge, y_edge=y_edge, people=people, crs=crs, name=path.name, notes=notes)


def people_at(
    raster: Raster, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike
) -> tuple[Float64s, npt.NDArray[np.int8]]:
    """Return the people in the cell of each place, and status (`POPULATION_STATUS`); arguments broadcast."""
    row, column, status = _cell(raster, lon_deg, lat_deg)
    people = np.where(status == 0, raster.people[row, column], np.nan)
    status = np.where((status == 0) & np.isnan(people), np.int8(2), status)
    return people, status


def people_within(
    raster: Raster, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike, radius_m: float
) -> Float64s:
    """Return the people expected within a distance of each place, spread evenly over their cells.

    Cells without a value and beyond the raster count as empty. The circle is asked at 199 points, so where
    it spans many cells the figure is good to some percent of what varies within it.
    """
    if not 0.0 < radius_m <= 1e6:
        raise InputError(f"a radius of {radius_m!r} m", field="radius_m", remedy="Give metres up to 1e6.")
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    total = np.zeros(lon.shape)
    for i in range(DISC_POINTS):
        away, turn = radius_m * math.sqrt((i + 0.5) / DISC_POINTS), i * math.pi * (3.0 - math.sqrt(5.0))
        north = np.degrees(away * math.cos(turn) / EARTH_RADIUS_M)
        # Within a millidegree of the pole east has no meaning; the cap keeps the division finite.
        cosine = np.maximum(np.cos(np.radians(lat)), 1e-5)
        east = np.degrees(away * math.sin(turn) / EARTH_RADIUS_M) / cosine
        at = np.clip(lat + north, -90.0, 90.0)
        row, column, status = _cell(raster, lon + east, at)
        density = raster.people[row, column] / _cell_area_m2(raster, row)
        total += np.where((status == 0) & np.isfinite(density), density, 0.0)
    return np.where(np.isfinite(lon + lat), total * (math.pi * radius_m**2 / DISC_POINTS), np.nan)


def _cell(
    raster: Raster, lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.int8]]:
    """Return row and column of places (0 where outside) and the status 0 or 1."""
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
    if raster.crs:
        x, y = (np.asarray(v).reshape(lon.shape) for v in _to_crs(raster.crs).transform(lon, lat))
    else:
        x, y = raster.x_edge[0] + np.mod(lon - raster.x_edge[0], 360.0), lat
    rows, columns = raster.people.shape
    with np.errstate(invalid="ignore"):
        across = (x - raster.x_edge[0]) / (raster.x_edge[-1] - raster.x_edge[0]) * columns
        up = (y - raster.y_edge[0]) / (raster.y_edge[-1] - raster.y_edge[0]) * rows
        inside = (across >= 0) & (across <= columns) & (up >= 0) & (up <= rows)
    inside &= np.isfinite(across) & np.isfinite(up)
    column = np.minimum(np.where(inside, across, 0.0).astype(np.intp), columns - 1)
    row = np.minimum(np.where(inside, up, 0.0).astype(np.intp), rows - 1)
    return row, column, np.where(inside, 0, 1).astype(np.int8)


@lru_cache(maxsize=8)
def _to_crs(crs: str) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def _cell_area_m2(raster: Raster, row: npt.NDArray[np.intp]) -> Float64s:
    if raster.crs:
        # True on equal-area projections, within 0.1 % on UTM.
        area = (raster.x_edge[1] - raster.x_edge[0]) * (raster.y_edge[1] - raster.y_edge[0])
        return np.full(row.shape, area)
    return np.asarray(_row_area_m2(raster.y_edge, raster.x_edge)[row])


def _row_area_m2(lat_edge_deg: Float64s, lon_edge_deg: Float64s) -> Float64s:
    """Area of one cell of each row on the ellipsoid (Snyder 1987, USGS Prof. Paper 1395, equation 3-12)."""
    e, sin = math.sqrt(_E2), np.sin(np.radians(np.clip(lat_edge_deg, -90.0, 90.0)))
    q = (1.0 - _E2) * (sin / (1.0 - _E2 * sin**2) + np.arctanh(e * sin) / e)
    width = math.radians((lon_edge_deg[-1] - lon_edge_deg[0]) / (lon_edge_deg.size - 1))
    return np.asarray(0.5 * WGS84_A_M**2 * width * np.diff(q))


def _from_tiff(path: Path, box: Box | None) -> tuple[Float64s, Float64s, Float32s, str]:
    with open_geotiff(path) as source:
        t = source.transform
        degrees = is_lonlat(source)
        if t.b or t.d or t.a <= 0.0 or t.e >= 0.0:
            raise InputError("is turned or upside down", file=path.name, remedy="Warp it: gdalwarp.")
        if not degrees and not source.crs.is_projected:
            raise InputError("is on no projection we know", file=path.name, remedy="Warp it: gdalwarp.")
        if not degrees and abs(source.crs.linear_units_factor[1] - 1.0) > 1e-9:
            raise InputError("its projection is not in metres", file=path.name, remedy="Warp it: gdalwarp.")
        window = window_of(source, box) if degrees else _projected_window(source, box)
        if window is None:
            raise InputError("does not reach into the box", file=path.name, remedy="Give another raster.")
        top, left, rows, columns = window
        people = np.ascontiguousarray(read_window(source, window, path.name)[::-1])
        x_edge = t.c + t.a * np.arange(left, left + columns + 1, dtype=np.float64)
        y_edge = (t.f + t.e * np.arange(top, top + rows + 1, dtype=np.float64))[::-1].copy()
        return x_edge, y_edge, people, "" if degrees else source.crs.to_wkt()


def _projected_window(source: Any, box: Box | None) -> tuple[int, int, int, int] | None:
    if box is None:
        return 0, 0, source.height, source.width
    from rasterio.warp import transform_bounds

    west, south, east, north = box
    low, bottom, high, top = transform_bounds("EPSG:4326", source.crs, west, south, east, north)
    if not np.isfinite([low, bottom, high, top]).all():
        raise InputError("the box is beyond the projection", field="box", remedy="Leave the box out.")
    t = source.transform
    c0, c1 = max(math.floor((low - t.c) / t.a) - 1, 0), min(math.ceil((high - t.c) / t.a) + 1, source.width)
    r0, r1 = (
        max(math.floor((top - t.f) / t.e) - 1, 0),
        min(math.ceil((bottom - t.f) / t.e) + 1, source.height),
    )
    return (r0, c0, r1 - r0, c1 - c0) if r1 > r0 and c1 > c0 else None


def _from_ascii(path: Path, box: Box | None) -> tuple[Float64s, Float64s, Float32s]:
    tile = cut(read_ascii_grid(path), box)
    if tile is None:
        raise InputError("does not reach into the box", file=path.name, remedy="Give another raster.")
    rows, columns = tile.values.shape
    x_edge = tile.west_deg + tile.lon_step_deg * (np.arange(columns + 1, dtype=np.float64) - 0.5)
    y_edge = tile.south_deg + tile.lat_step_deg * (np.arange(rows + 1, dtype=np.float64) - 0.5)
    return x_edge, y_edge, tile.values


def _tidy(people: Float32s, file: str) -> tuple[str, ...]:
    """Make negative values, which files use for water, missing; refuse what counts something else."""
    notes: tuple[str, ...] = ()
    negative = people < 0
    if negative.any():
        notes = (f"{int(negative.sum())} negative values are read as missing",)
        people[negative] = np.nan
    if not np.isfinite(people).any():
        raise InputError("holds no count at all", file=file, remedy="Is its NODATA value right?")
    if np.nanmax(people) > MOST_PEOPLE:
        raise InputError(
            f"has {np.nanmax(people):.3g} people in one cell", file=file, remedy="Does it count people?"
        )
    return notes

"""Tiles of a map of numbers, and how they are cut to a box and joined on one grid.

A tile has values at points, in even steps of longitude and latitude from its south-west point. Tiles that
stand on one lattice are copied; others are interpolated to the finest step among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError, LimitError

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; the east beyond the west by up to 360."""

MAX_PIXELS = 200_000_000  # 0.8 GB; a tile of one arc second has 13 million
# A lattice shifted by less than this share of a cell is rounding of a file's corner.
_ALIGNED = 0.02
_TINY_WEIGHT = 1e-9
_EDGE_CELLS = 1e-6
_EDGE_DEG = 1e-9


class Tile(NamedTuple):
    """Values (Y, X) from the south-west point on, NaN where there are none; steps between points, degrees."""

    west_deg: float
    south_deg: float
    lon_step_deg: float
    lat_step_deg: float
    values: Float32s
    file: str

    @property
    def east_deg(self) -> float:
        """Longitude of the last column, in the turn of the first."""
        return self.west_deg + (len(self.values[0]) - 1) * self.lon_step_deg

    @property
    def north_deg(self) -> float:
        """Latitude of the last row."""
        return self.south_deg + (len(self.values) - 1) * self.lat_step_deg

    @property
    def axes(self) -> tuple[Float64s, Float64s]:
        """Latitudes of the rows and longitudes of the columns."""
        rows, columns = self.values.shape
        lat = np.arange(rows, dtype=np.float64) * self.lat_step_deg + self.south_deg
        return lat, np.arange(columns, dtype=np.float64) * self.lon_step_deg + self.west_deg


def check_box(box: Box) -> None:
    """Raise InputError where a box is not west, south, east, north."""
    west, south, east, north = box
    ordered = west < east <= west + 360.0 and -90.0 <= south < north <= 90.0
    if not (all(math.isfinite(v) for v in box) and ordered):
        raise InputError(
            f"the box {box} is not west, south, east, north in degrees",
            field="box",
            remedy="Across ±180° let the east be the west plus the width.",
        )


def check_pixels(count: float, file: str) -> None:
    """Raise LimitError where a raster would be larger than we hold."""
    if count > MAX_PIXELS:
        raise LimitError(
            f"the raster would have {count / 1e6:.0f} million points; the limit is {MAX_PIXELS / 1e6:.0f}",
            where=file,
            remedy="Give a smaller box, fewer tiles or a coarser file.",
        )


def cut(tile: Tile, box: Box | None) -> Tile | None:
    """Return the part of a tile within a box and one point more on each side; None where that is nothing."""
    if box is None:
        return tile
    west, south, east, north = box
    turn = 360.0 * math.ceil((tile.west_deg - east) / 360.0)
    rows, columns = tile.values.shape
    x0 = max(math.floor((west + turn - tile.west_deg) / tile.lon_step_deg) - 1, 0)
    x1 = min(math.ceil((east + turn - tile.west_deg) / tile.lon_step_deg) + 2, columns)
    y0 = max(math.floor((south - tile.south_deg) / tile.lat_step_deg) - 1, 0)
    y1 = min(math.ceil((north - tile.south_deg) / tile.lat_step_deg) + 2, rows)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    return tile._replace(
        west_deg=tile.west_deg + x0 * tile.lon_step_deg,
        south_deg=tile.south_deg + y0 * tile.lat_step_deg,
        values=tile.values[y0:y1, x0:x1].copy(),
    )


def join(tiles: Sequence[Tile]) -> tuple[Tile, tuple[str, ...]]:
    """Return one tile that holds all, and the names of those that had to be interpolated.

    Where tiles overlap the first that has a value counts. Longitudes are unwrapped: the frame begins after
    the widest gap on the circle. Raises LimitError when the whole would be too large.
    """
    if len(tiles) == 1:
        return tiles[0], ()
    turned = _turned(tiles)
    west, south = min(t.west_deg for t in turned), min(t.south_deg for t in turned)
    east, north = max(t.east_deg for t in turned), max(t.north_deg for t in turned)
    lon_step, lat_step = min(t.lon_step_deg for t in turned), min(t.lat_step_deg for t in turned)
    rows, columns = round((north - south) / lat_step) + 1, round((east - west) / lon_step) + 1
    columns = min(columns, whole_circle(lon_step))
    check_pixels(rows * columns, tiles[0].file)
    grid = np.full((rows, columns), np.nan, np.float32)
    whole = Tile(west, south, lon_step, lat_step, grid, ", ".join(dict.fromkeys(t.file for t in tiles)))
    return whole, tuple(dict.fromkeys(t.file for t in turned if not _lay(whole, t)))


def whole_circle(lon_step_deg: float) -> int:
    """Return the number of columns on the whole circle, without a repeated one."""
    return math.ceil(360.0 / lon_step_deg - 1e-6)


def _turned(tiles: Sequence[Tile]) -> list[Tile]:
    ends = sorted((t.west_deg % 360.0, t.west_deg % 360.0 + t.east_deg - t.west_deg) for t in tiles)
    reach, start, widest = max(high for _, high in ends) - 360.0, ends[0][0], -math.inf
    for low, high in ends:
        if low - reach > widest + _EDGE_DEG:
            start, widest = low, low - reach
        reach = max(reach, high)
    base = start + 360.0 * math.floor((tiles[0].west_deg - start + _EDGE_DEG) / 360.0)
    return [t._replace(west_deg=base + _beyond(t.west_deg - base)) for t in tiles]


def _beyond(angle_deg: float) -> float:
    """Return an angle in [0, 360), a hair below zero being zero and not a turn."""
    turned = angle_deg % 360.0
    return turned if turned < 360.0 - _EDGE_DEG else turned - 360.0


def _lay(whole: Tile, tile: Tile) -> bool:
    """Write a tile where the whole is still empty; True when its points are points of the whole."""
    x = (tile.west_deg - whole.west_deg) / whole.lon_step_deg
    y = (tile.south_deg - whole.south_deg) / whole.lat_step_deg
    rows, columns = tile.values.shape
    drift = abs(tile.lon_step_deg / whole.lon_step_deg - 1.0) * columns
    drift = max(drift, abs(tile.lat_step_deg / whole.lat_step_deg - 1.0) * rows)
    if max(drift, abs(x - round(x)), abs(y - round(y))) < _ALIGNED:
        part = whole.values[round(y) : round(y) + rows, round(x) : round(x) + columns]
        np.copyto(part, tile.values[: part.shape[0], : part.shape[1]], where=np.isnan(part))
        return True
    lat, lon = whole.axes
    r = np.flatnonzero((lat >= tile.south_deg - _EDGE_DEG) & (lat <= tile.north_deg + _EDGE_DEG))
    c = np.flatnonzero((lon >= tile.west_deg - _EDGE_DEG) & (lon <= tile.east_deg + _EDGE_DEG))
    if r.size and c.size:
        part = whole.values[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
        np.copyto(part, _resampled(tile, lat[r], lon[c]), where=np.isnan(part))
    return False


def _resampled(tile: Tile, lat_deg: Float64s, lon_deg: Float64s) -> Float32s:
    block, row = np.empty((lat_deg.size, lon_deg.size), np.float32), np.empty(lon_deg.size)
    status = np.empty(lon_deg.size, np.int8)
    for number, value in enumerate(lat_deg):
        values_at(*tile.axes, tile.values, np.full(lon_deg.size, value), lon_deg, row, status)
        block[number] = row
    return block


@compiled
def values_at(
    lat_axis: Float64s,
    lon_axis: Float64s,
    values: Float32s,
    lat: Float64s,
    lon: Float64s,
    out: Float64s,
    status: npt.NDArray[np.int8],
) -> None:
    """Write values and status at places (N,); see `value_at`."""
    for i in range(lat.size):
        out[i], status[i] = value_at(lat_axis, lon_axis, values, lat[i], lon[i])


@compiled
def value_at(
    lat_axis: Float64s, lon_axis: Float64s, values: Float32s, la: float, lo: float
) -> tuple[float, int]:
    """Return the value at one place, bilinear, and a code.

    0 ok, 1 outside, 2 no value at a point that counts; NaN where it is not 0. Axes increase in even steps.
    Longitudes are taken in any turn, and a grid that closes the circle is interpolated across its seam.
    Arrays of size zero are no grid, and everything is outside.
    """
    rows, columns = values.shape
    if rows < 2 or columns < 2 or not (math.isfinite(la) and math.isfinite(lo)):
        return math.nan, 1
    y = (la - lat_axis[0]) / (lat_axis[rows - 1] - lat_axis[0]) * (rows - 1)
    if y < -_EDGE_CELLS or y > rows - 1 + _EDGE_CELLS:
        return math.nan, 1
    step = (lon_axis[columns - 1] - lon_axis[0]) / (columns - 1)
    x = ((lo - lon_axis[0]) % 360.0) / step
    if x > 360.0 / step - _EDGE_CELLS:
        x = 0.0
    closes = columns * step > 360.0 - 0.5 * step
    if x > columns - 1 + _EDGE_CELLS and not closes:
        return math.nan, 1
    row, column = min(max(int(y), 0), rows - 2), min(int(x), columns - 1)
    if column == columns - 1 and not closes:
        column = columns - 2
    beside = (column + 1) % columns
    fy, fx = min(max(y - row, 0.0), 1.0), min(x - column, 1.0)
    total = 0.0
    # A weight that is rounding must not let a void in.
    for north in range(2):
        for east in range(2):
            weight = (fy if north else 1.0 - fy) * (fx if east else 1.0 - fx)
            if weight > _TINY_WEIGHT:
                total += weight * values[row + north, beside if east else column]
    if math.isnan(total):
        return math.nan, 2
    return total, 0

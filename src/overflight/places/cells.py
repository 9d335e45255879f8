"""A coarse grid over an area that settles most questions without asking the outline.

A cell that no edge comes near is wholly inside or wholly outside, and so is a whole patch of such cells. Only
the cells that an edge may pass through are left to the exact test, so the answers are those of the outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Float64s = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

OUT, IN, EDGE = 0, 1, 2

CELLS_ACROSS = 256
SMALLEST_DEG, LARGEST_DEG = 0.005, 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A grid of square cells from (`west_deg`, `south_deg`), rows northward.

    `state` (Y, X) is OUT, IN or EDGE (ask the outline). `room` (Y, X) is the number of cells, in longitude
    or latitude, to the nearest EDGE cell: a line shorter than `room - 1` cells meets no edge.
    """

    west_deg: float
    south_deg: float
    step_deg: float
    state: npt.NDArray[np.int8]
    room: npt.NDArray[np.int32]


def make_cells(geometry: Any, edges: Float64s) -> Cells:
    """Lay cells over a geometry whose boundary is the edges (K, 4) in its own frame of longitude."""
    from scipy import ndimage

    west, south, east, north = geometry.bounds
    step = float(np.clip(max(east - west, north - south) / CELLS_ACROSS, SMALLEST_DEG, LARGEST_DEG))
    shape = (int((north - south) / step) + 1, int((east - west) / step) + 1)
    touched = np.zeros(shape, dtype=np.bool_)
    points = _points_along(edges, step / 2)
    touched[_rows_columns(points[:, 0], points[:, 1], west, south, step, shape)] = True
    # Points half a cell apart miss a cell only at a corner, next to one they hit.
    near = ndimage.binary_dilation(touched, structure=np.ones((3, 3), dtype=np.bool_))
    patch, count = ndimage.label(~near)
    state = np.full(count + 1, EDGE, dtype=np.int8)
    numbers, first = np.unique(patch, return_index=True)
    row, column = np.unravel_index(first, shape)
    clear = numbers > 0
    middle_lon, middle_lat = west + (column + 0.5) * step, south + (row + 0.5) * step
    held = shapely.intersects_xy(geometry, middle_lon[clear], middle_lat[clear])
    state[numbers[clear]] = np.where(held, IN, OUT)
    room = (
        ndimage.distance_transform_cdt(~near, metric="chessboard")
        if near.any()
        else np.full(shape, max(shape))
    )
    return Cells(west, south, step, state[patch], np.asarray(room, dtype=np.int32))


def look_up(cells: Cells, table: npt.NDArray[Any], lon_deg: Float64s, lat_deg: Float64s) -> npt.NDArray[Any]:
    """Return the values of `cells.state` or `cells.room` at places inside the grid's bounds."""
    shape = cells.state.shape
    return np.asarray(
        table[_rows_columns(lon_deg, lat_deg, cells.west_deg, cells.south_deg, cells.step_deg, shape)]
    )


def _rows_columns(
    lon: Float64s, lat: Float64s, west: float, south: float, step: float, shape: tuple[int, ...]
) -> tuple[Ints, Ints]:
    row = np.clip(((lat - south) / step).astype(np.intp), 0, shape[0] - 1)
    column = np.clip(((lon - west) / step).astype(np.intp), 0, shape[1] - 1)
    return row, column


def _points_along(edges: Float64s, step_deg: float) -> Float64s:
    """Points (N, 2) along edges, at most `step_deg` apart, with both ends of each."""
    reach = np.maximum(np.abs(edges[:, 2] - edges[:, 0]), np.abs(edges[:, 3] - edges[:, 1]))
    count = np.ceil(reach / step_deg).astype(np.intp) + 1
    edge = np.repeat(np.arange(len(edges)), count)
    fraction = (np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)) / np.maximum(
        count[edge] - 1, 1
    )
    return np.asarray(edges[edge, :2] + fraction[:, None] * (edges[edge, 2:] - edges[edge, :2]))

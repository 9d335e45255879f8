"""Made winds whose paths are known in closed form or to another solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyproj

from overflight import geo
from overflight.winds.grid import Grid

Floats = npt.NDArray[np.float64]

HOUR = 3600.0
DAY = 24 * HOUR
GEOD = pyproj.Geod(ellps="WGS84")
A_M, B_M = GEOD.a, GEOD.b
ROWS_DEG, COLUMNS_DEG = np.arange(-90.0, 91.0, 2.0), np.arange(0.0, 360.0, 2.0)
LEVELS_PA = np.array([500.0, 2000.0, 5000.0, 10000.0, 30000.0, 70000.0, 100000.0])


def radii_m(lat_deg: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the radii of curvature in the meridian and in the prime vertical, by the semi-axes."""
    lat = np.radians(lat_deg)
    reduced = np.hypot(A_M * np.cos(lat), B_M * np.sin(lat))
    return A_M**2 * B_M**2 / reduced**3, A_M**2 / reduced


def made(
    wind: Callable[[Floats, Floats, Floats], tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    time_s: npt.ArrayLike = (0.0,),
    lat_deg: npt.ArrayLike = ROWS_DEG,
    lon_deg: npt.ArrayLike = COLUMNS_DEG,
    levels_pa: npt.ArrayLike = LEVELS_PA,
    periodic: bool = True,
) -> Grid:
    """Return a grid of `wind(time_s, lon_deg, lat_deg)`, the same on all levels; steady with one time."""
    time, lat, lon = (np.asarray(x, float) for x in (time_s, lat_deg, lon_deg))
    levels = np.asarray(levels_pa, float)
    t, y, x = np.meshgrid(time, lat, lon, indexing="ij")
    shape = (time.size, levels.size, lat.size, lon.size)
    u, v = (np.broadcast_to(np.asarray(part, np.float32), t.shape)[:, None] for part in wind(t, x, y))
    return Grid(
        time_s=time,
        pressure_pa=levels,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=np.broadcast_to(u, shape).copy(),
        v_mps=np.broadcast_to(v, shape).copy(),
        periodic=periodic,
        steady=time.size == 1,
    )


def uniform(u_mps: float, v_mps: float = 0.0, **axes: npt.ArrayLike) -> Grid:
    """Return the same wind everywhere."""
    return made(lambda t, x, y: (np.full(t.shape, u_mps), np.full(t.shape, v_mps)), **axes)


def rotation(pole_lon: float, pole_lat: float, period_s: float, alt_m: float, spacing_deg: float) -> Grid:
    """Return the wind that turns every normal of the ellipsoid at a height about one axis."""
    axis = geo.unit_vector(pole_lon, pole_lat)

    def wind(_t: Floats, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        normal = geo.unit_vector(lon, lat)
        turn = 2.0 * np.pi / period_s * np.cross(axis, normal, axisb=0, axisc=0)
        east = np.stack([-np.sin(np.radians(lon)), np.cos(np.radians(lon)), np.zeros_like(lon)])
        north = np.cross(normal, east, axisa=0, axisb=0, axisc=0)
        meridian, prime = radii_m(lat)
        return (turn * east).sum(axis=0) * (prime + alt_m), (turn * north).sum(axis=0) * (meridian + alt_m)

    return made(
        wind,
        lat_deg=np.arange(-90.0, 90.0 + spacing_deg / 2, spacing_deg),
        lon_deg=np.arange(0.0, 360.0, spacing_deg),
        levels_pa=(4000.0, 6000.0),
    )


def sheared(t: Floats, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return a wind that is linear along each axis, and exact in single precision on whole degrees."""
    return 10.0 + 0.5 * (lat - 20.0) + t / 10800.0, 4.0 - 0.25 * (lon - 30.0) + t / 21600.0


def sheared_grid() -> Grid:
    """Return `sheared` on a grid: linear interpolation gives it back exactly, without a kink."""
    return made(
        sheared,
        time_s=np.arange(0.0, 9.0) * 21600.0,
        lat_deg=np.arange(-10.0, 61.0, 2.0),
        lon_deg=np.arange(0.0, 91.0, 2.0),
        periodic=False,
    )


def wavy_grid(spacing_deg: float = 2.0, turn_deg: float = 0.0) -> Grid:
    """Return two days of travelling waves over the globe; columns begin at `turn_deg`."""

    def wind(t: Floats, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        x, y = np.radians(lon), np.radians(lat)
        u = 30.0 * np.cos(y) + 10.0 * np.sin(3 * x + t / 4e4) * np.cos(y) ** 3
        return u, 15.0 * np.cos(3 * x - t / 3e4) * np.cos(y) ** 3

    return made(
        wind,
        time_s=np.arange(0.0, 9.0) * 21600.0,
        lat_deg=np.arange(-90.0, 90.0 + spacing_deg / 2, spacing_deg),
        lon_deg=turn_deg + np.arange(0.0, 360.0, spacing_deg),
        levels_pa=(3000.0, 5000.0, 8000.0),
    )


class Sliced:
    """A grid that comes in windows of time, with a sample to spare at each end, as a store gives it."""

    def __init__(self, grid: Grid, samples: int) -> None:
        self.grid, self.samples, self.time_s = grid, samples, grid.time_s

    def windows(self, begin: float, end: float) -> Iterator[tuple[Grid, float, float]]:
        edges = [*range(0, self.time_s.size - 1, self.samples), self.time_s.size - 1]
        parts = list(pairwise(edges))
        for first, last in parts if end >= begin else reversed(parts):
            low, high = max(first - 1, 0), min(last + 2, self.time_s.size)
            grid = Grid(
                time_s=self.time_s[low:high],
                pressure_pa=self.grid.pressure_pa,
                lat_deg=self.grid.lat_deg,
                lon_deg=self.grid.lon_deg,
                u_mps=self.grid.u_mps[low:high],
                v_mps=self.grid.v_mps[low:high],
                periodic=self.grid.periodic,
            )
            times = float(self.time_s[first]), float(self.time_s[last])
            yield grid, *(times if end >= begin else times[::-1])

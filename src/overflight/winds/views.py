"""What a person looks at in a wind field: one level at one time, and the profile over one place.

Values between times, levels and nodes are interpolated as the kernel does it; outside the data an error says
what there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from overflight import atmosphere
from overflight.errors import CoverageError, InputError
from overflight.times import iso_utc
from overflight.units import HPA_PA
from overflight.winds.grid import FIELDS, Float64s, Grid
from overflight.winds.interpolate import WIND_STATUS, pack, sample
from overflight.winds.thermo import sample_thermo

Box = tuple[float, float, float, float]

# No picture shows more columns or rows than this.
MOST_NODES = 1440


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindMap:
    """Wind on one level at one time: `u_mps`, `v_mps` (Y, X) on `lat_deg` (Y,), `lon_deg` (X,) unwrapped.

    `on_node` tells whether time and level are the data's own, not interpolated.
    """

    name: str
    time_s: float
    pressure_pa: float
    lat_deg: Float64s
    lon_deg: Float64s
    u_mps: Float64s
    v_mps: Float64s
    on_node: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindProfile:
    """Wind over one place at one time on the levels of the data (L,), the lowest first.

    `alt_m` is that of the data's heights, or of the standard atmosphere where `standard_heights`. Spread NaN
    where the data state none.
    """

    name: str
    time_s: float
    lat_deg: float
    lon_deg: float
    pressure_pa: Float64s
    alt_m: Float64s
    u_mps: Float64s
    v_mps: Float64s
    u_sd_mps: Float64s
    v_sd_mps: Float64s
    standard_heights: bool


def map_of(grid: Grid, time_s: float, pressure_pa: float, box: Box | None = None) -> WindMap:
    """Cut a level out of a grid.

    `box` is west, south, east, north in degrees; all that the grid holds when None.

    Raises
    ------
    CoverageError
        When the grid does not reach the time, the level or the box.
    """
    _check_time(grid, time_s)
    low, high = float(grid.pressure_pa[0]), float(grid.pressure_pa[-1])
    if not low <= pressure_pa <= high:
        raise CoverageError(
            f"holds levels from {low / HPA_PA:g} to {high / HPA_PA:g} hPa, not {pressure_pa / HPA_PA:g}",
            where=grid.name,
            remedy="Ask for a level between them.",
        )
    lat, lon = _nodes(grid, box)
    wind = sample(pack(_cut_time(grid, time_s)), time_s, pressure_pa, lat[:, None], lon[None, :])
    if not (wind.status == 0).any():
        code = int(np.bincount(wind.status.ravel()).argmax())
        raise CoverageError(f"has no wind there: {WIND_STATUS[code]}", where=grid.name)
    on_node = bool((grid.time_s == time_s).any() or grid.steady) and bool(
        (grid.pressure_pa == pressure_pa).any()
    )
    return WindMap(
        name=grid.name,
        time_s=time_s,
        pressure_pa=pressure_pa,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=wind.u_mps,
        v_mps=wind.v_mps,
        on_node=on_node,
    )


def profile_of(grid: Grid, time_s: float, lat_deg: float, lon_deg: float) -> WindProfile:
    """Cut a profile out of a grid; errors as `map_of`."""
    if not (math.isfinite(lon_deg) and abs(lat_deg) <= 90.0):
        raise InputError(
            f"{lat_deg:g} {lon_deg:g} is no place", field="at", remedy="Give latitude, then longitude."
        )
    _check_time(grid, time_s)
    pressure = grid.pressure_pa[::-1]
    wind = sample(pack(_cut_time(grid, time_s)), time_s, pressure, lat_deg, lon_deg)
    if not (wind.status == 0).any():
        raise CoverageError(
            f"has no wind at {lat_deg:g}° N {lon_deg:g}° E: {WIND_STATUS[int(wind.status[0])]}",
            where=grid.name,
            remedy="Ask for a place inside its box (`overflight winds info` tells it).",
        )
    air = sample_thermo(_cut_time(grid, time_s), time_s, pressure, lat_deg, lon_deg)
    standard = grid.geopotential_m is None and grid.temperature_k is None
    stated = grid.u_sd_mps is not None
    return WindProfile(
        name=grid.name,
        time_s=time_s,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        pressure_pa=pressure,
        alt_m=atmosphere.alt_from_pressure(pressure) if standard else air.alt_m,
        u_mps=wind.u_mps,
        v_mps=wind.v_mps,
        u_sd_mps=wind.u_sd_mps if stated else np.full(pressure.shape, np.nan),
        v_sd_mps=wind.v_sd_mps if stated else np.full(pressure.shape, np.nan),
        standard_heights=standard,
    )


def from_deg(u_mps: Float64s, v_mps: Float64s) -> Float64s:
    """Return the direction that a wind comes from, degrees clockwise from north, [0, 360)."""
    return np.asarray(np.degrees(np.arctan2(-u_mps, -v_mps)) % 360.0)


def _check_time(grid: Grid, time_s: float) -> None:
    first, last = float(grid.time_s[0]), float(grid.time_s[-1])
    if not grid.steady and not first <= time_s <= last:
        raise CoverageError(
            f"holds time {iso_utc(first)} to {iso_utc(last)}, not {iso_utc(time_s)}",
            where=grid.name,
            remedy="Ask for a time between them.",
        )


def _cut_time(grid: Grid, time_s: float) -> Grid:
    """Keep the two times about one, so that packing does not copy the rest."""
    first = max(int(np.searchsorted(grid.time_s, time_s, "right")) - 1, 0)
    last = min(first + 1, grid.time_s.size - 1)
    cut = {n: getattr(grid, n)[first : last + 1] for n in FIELDS if getattr(grid, n) is not None}
    return replace(grid, time_s=grid.time_s[first : last + 1], **cut)


def _nodes(grid: Grid, box: Box | None) -> tuple[Float64s, Float64s]:
    """Return the rows and columns to show: the grid's own inside the box, thinned where they are too many."""
    lat, lon = grid.lat_deg, grid.lon_deg
    if grid.periodic:
        # Over the seam, so that the picture closes.
        lon = np.append(lon, lon[0] + 360.0)
    if box is not None:
        west, south, east, north = box
        span = 360.0 if east - west >= 360.0 else (east - west) % 360.0
        lat = lat[(lat >= south) & (lat <= north)]
        ahead = np.unique((grid.lon_deg - west) % 360.0)
        lon = west + ahead[ahead <= span]
        if not lat.size or not lon.size:
            raise CoverageError(
                f"has no node within {box}",
                where=grid.name,
                remedy="Give a box inside its own, or a larger one.",
            )
    rows, columns = (max(1, -(-axis.size // MOST_NODES)) for axis in (lat, lon))
    return lat[::rows], lon[::columns]

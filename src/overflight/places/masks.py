"""What the ground hides from a place: the apparent elevation of its horizon by azimuth.

From an operator's elevation grid (`places.terrain`) the horizon is marched once per site: rays at even
azimuths, samples half a cell apart, every sample's elevation with the Earth's curvature (the radius of
curvature of the ellipsoid in that azimuth) and with refraction. Along the ground air bends a ray by the
share `gradient` of the Earth's curvature, which for an exponential atmosphere of N0 and h0 is
R N0 10⁻⁶ / h0 exp(-h / h0) (Recommendation ITU-R P.453-14); over terrain that is within 0.01° of a traced
ray.

A mask made from part of the ground is a lower bound of the horizon, and `SiteMask.notes` say why: the grid
has holes, or ends before the ground that could matter, or its cells are so wide that valleys are filled and
ridges are shaved off. An azimuth of which nothing is known has the horizon of the lowest land. A site of
which nothing at all is known is taken as level, which is said, and is a bound neither way: from a height one
sees below the level plane. A mask is one number per azimuth, as for something far behind all terrain: a
balloon that is nearer than the ridge is judged as if it were beyond.

An operator's own horizon, of buildings and trees, comes as a table of azimuths and elevations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError, LimitError
from overflight.places.sites import Site
from overflight.places.terrain import (
    HIGHEST_LAND_M,
    LOWEST_LAND_M,
    Terrain,
    height_at,
    read_terrain,
    terrain_height_m,
)
from overflight.places.tiles import Box
from overflight.rows import Problems, Row, number_in, parse_rows, read_text, shorten
from overflight.units import WGS84_A_M, WGS84_F

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

# Azimuths of a mask from terrain, and those of the even table that kernels read.
AZIMUTHS: Final = 720
GRID: Final = 1440
# Beyond this no ground rises over the level plane of a place at sea level (8849 m, 4/3 earth: 388 km).
MOST_REACH_M: Final = 400_000.0
MOST_SAMPLES: Final = 40_000
# A cell wider than this does not resolve a valley that a site may lie in.
COARSE_M: Final = 500.0
# Eyes, or the sill of a sensor, above the ground.
EYE_M: Final = 2.0
# A site and the ground of the grid beneath it that differ by more are worth a word.
APART_M: Final = 50.0
# Ground files are read to this distance about a site: a hill of 1500 m shows over the plane from there.
FILE_REACH_M: Final = 150_000.0
LEAST_REACH_M: Final = 5_000.0
# What `read_terrain` says where the files have nothing in the box.
NOTHING_THERE: Final = ("no elevation file reaches into the box", "holds no height at all")
# Visible light; see `exposure.geometry.LIGHT`.
SURFACE: Final = 277.0
SCALE_M: Final = 8000.0

_E2 = WGS84_F * (2.0 - WGS84_F)


@dataclass(frozen=True, slots=True, eq=False)
class SiteMask:
    """The horizon of a site: apparent elevations (A,) at increasing azimuths (A,), degrees.

    Between azimuths it is linear, and round the circle. `alt_m` is the height that the horizon was seen from
    (NaN: the site's own). `step_m` is the width of the terrain's cells (NaN: no terrain), `known` (A,) the
    share of each ray that the terrain had heights for, `ends_m` (A,) how far it reached. `notes` say what a
    reader must know; empty where the whole horizon was seen.
    """

    azimuth_deg: Float64s
    elevation_deg: Float64s
    alt_m: float = math.nan
    source: str = ""
    step_m: float = math.nan
    known: Float64s | None = None
    ends_m: Float64s | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        azimuth, elevation = self.azimuth_deg, self.elevation_deg
        if azimuth.ndim != 1 or azimuth.size == 0 or azimuth.shape != elevation.shape:
            raise InputError(
                f"azimuths of shape {azimuth.shape} and elevations of shape {elevation.shape} do not pair",
                field="mask",
                remedy="Give one elevation for each azimuth, at least one.",
            )
        if not (np.isfinite(azimuth).all() and np.isfinite(elevation).all()):
            raise InputError("a horizon holds a value that is not a number", field="mask")
        if azimuth[0] < 0.0 or azimuth[-1] >= 360.0 or (np.diff(azimuth) <= 0.0).any():
            raise InputError("azimuths must increase within 0 to 360", field="azimuth_deg")
        if (np.abs(elevation) > 90.0).any():
            raise InputError("elevations must lie within ±90", field="elevation_deg")

    @property
    def complete(self) -> bool:
        """Whether the whole horizon was seen at a resolution that resolves it."""
        return not self.notes


def mask_at(mask: SiteMask, azimuth_deg: npt.ArrayLike) -> Float64s:
    """Return the elevation of the horizon at azimuths of any turn; NaN for NaN."""
    asked = np.asarray(azimuth_deg, dtype=np.float64) % 360.0
    return np.interp(asked, mask.azimuth_deg, mask.elevation_deg, period=360.0)


def mask_grid(mask: SiteMask | None, level_deg: float = 0.0) -> Float64s:
    """Return the horizon on an even table of `GRID` azimuths from north; level without a mask."""
    if mask is None:
        return np.full(GRID, level_deg)
    return mask_at(mask, 360.0 / GRID * np.arange(GRID))


@compiled
def grid_elevation_deg(grid: Float64s, azimuth_deg: float) -> float:
    """Return the horizon of an even table at an azimuth in [0, 360], linear. Compiled."""
    x = azimuth_deg * grid.size / 360.0
    i = min(int(x), grid.size - 1)
    following = i + 1 if i + 1 < grid.size else 0
    value: float = grid[i] + (x - i) * (grid[following] - grid[i])
    return value


def higher_mask(first: SiteMask, second: SiteMask) -> SiteMask:
    """Return the higher of two horizons of one site, on the even table; notes and heights of both."""
    azimuth = 360.0 / GRID * np.arange(GRID, dtype=np.float64)
    terrain = first if math.isfinite(first.step_m) else second
    return SiteMask(
        azimuth,
        np.maximum(mask_at(first, azimuth), mask_at(second, azimuth)),
        alt_m=first.alt_m if math.isfinite(first.alt_m) else second.alt_m,
        source="; ".join(s for s in (first.source, second.source) if s),
        step_m=terrain.step_m,
        notes=first.notes + second.notes,
    )


# --- from terrain ----------------------------------------------------------------------------------------


def masks_from_files(
    paths: Sequence[Path],
    sites: Iterable[Site],
    *,
    surface: float = SURFACE,
    scale_m: float = SCALE_M,
    reach_m: float = FILE_REACH_M,
) -> dict[str, SiteMask]:
    """Return the horizons of sites by id, reading of the elevation files what lies about each.

    A site that no file reaches has a level horizon, which says so. Where the grid about a site would pass
    the limit of points, the reach is halved, and said. Raises InputError as `read_terrain`.
    """
    masks: dict[str, SiteMask] = {}
    for site in sites:
        terrain, reach = _terrain_about(paths, site, reach_m)
        if terrain is None:
            masks[site.id] = _level(site)
        else:
            masks[site.id] = terrain_mask(
                terrain,
                site.lon_deg,
                site.lat_deg,
                site.alt_m,
                reach_m=reach,
                surface=surface,
                scale_m=scale_m,
            )
    return masks


def _terrain_about(paths: Sequence[Path], site: Site, reach_m: float) -> tuple[Terrain | None, float]:
    """Read the ground within the reach of a site, or half of it and so on; None where no file has any."""
    while True:
        try:
            return read_terrain(paths, box=box_about(site.lon_deg, site.lat_deg, reach_m)), reach_m
        except LimitError:
            if reach_m < LEAST_REACH_M:
                raise
            reach_m *= 0.5
        except InputError as error:
            # Either no file lies there, or what does has no height: nothing is known of the ground.
            if error.what not in NOTHING_THERE:
                raise
            return None, reach_m


def box_about(lon_deg: float, lat_deg: float, reach_m: float) -> Box:
    """Return (west, south, east, north) that holds all within a distance; the whole circle near a pole."""
    high = math.degrees(reach_m / (WGS84_A_M * (1.0 - _E2)))
    south, north = max(lat_deg - high, -90.0), min(lat_deg + high, 90.0)
    edge = max(abs(south), abs(north))
    if edge >= 89.0:
        return -180.0, south, 180.0, north
    wide = min(high / math.cos(math.radians(edge)), 180.0)
    return lon_deg - wide, south, lon_deg + wide, north


def _level(site: Site) -> SiteMask:
    return SiteMask(
        np.zeros(1),
        np.zeros(1),
        alt_m=site.alt_m or 0.0,
        source="level: no terrain",
        notes=("no elevation file reaches the site with a height; its horizon is taken as level",),
    )


def terrain_masks(
    terrain: Terrain,
    sites: Iterable[Site],
    *,
    surface: float = SURFACE,
    scale_m: float = SCALE_M,
    reach_m: float = MOST_REACH_M,
) -> dict[str, SiteMask]:
    """Return the horizons of sites by id; see `terrain_mask`."""
    return {
        s.id: terrain_mask(
            terrain, s.lon_deg, s.lat_deg, s.alt_m, surface=surface, scale_m=scale_m, reach_m=reach_m
        )
        for s in sites
    }


def terrain_mask(
    terrain: Terrain,
    lon_deg: float,
    lat_deg: float,
    alt_m: float | None = None,
    *,
    eye_m: float = EYE_M,
    azimuths: int = AZIMUTHS,
    reach_m: float = MOST_REACH_M,
    surface: float = SURFACE,
    scale_m: float = SCALE_M,
) -> SiteMask:
    """March the horizon of a place over a grid of ground heights.

    Parameters
    ----------
    alt_m : height of the place above sea level, as the grid counts it; None takes the ground of the grid.
        Where the grid's ground lies higher, that counts: a place is not inside a hill.
    eye_m : what looks stands so far above the ground.
    reach_m : march no further; less where no height of the grid could rise over the plane of the place, and
        only what is missing within that is told.
    surface, scale_m : N-units at sea level and scale height of the air.

    Returns
    -------
    A mask that is complete or says in its notes what was missing. A ray that found no ground has the horizon
    of the lowest land (`lowest_deg`); where none found any the horizon is level.
    """
    _check_place(lon_deg, lat_deg, alt_m, azimuths)
    ground = float(terrain_height_m(terrain, lon_deg, lat_deg)[0])
    height, notes = _stand(ground, alt_m, eye_m)
    cell = cell_m(terrain, lat_deg)
    azimuth = 360.0 / azimuths * np.arange(azimuths, dtype=np.float64)
    whole = _could_matter_m(height, _highest(terrain), cell)
    far = min(reach_m, whole)
    step = max(0.5 * cell, far / MOST_SAMPLES)
    found = np.empty((3, azimuths))
    _march(
        terrain.lat_deg,
        terrain.lon_deg,
        terrain.height_m,
        lon_deg,
        lat_deg,
        height,
        azimuth,
        step,
        far,
        surface * 1e-6,
        scale_m,
        found,
    )
    unseen = np.isnan(found[0])
    found[0, unseen] = 0.0 if unseen.all() else lowest_deg(height)
    notes += _missing(found[1], found[2], far, step)
    if far < whole:
        notes += (
            f"the ground is looked at to {far / 1e3:.0f} km; high ground beyond, as far as"
            f" {whole / 1e3:.0f} km, may hide more",
        )
    if cell > COARSE_M:
        notes += (f"cells of {cell / 1e3:.1f} km are coarse: valleys are filled and ridges shaved off",)
    return SiteMask(
        azimuth,
        found[0],
        alt_m=height,
        source=f"terrain {terrain.name}, cells of {cell:.0f} m{_within(reach_m)}",
        step_m=cell,
        known=found[1].copy(),
        ends_m=found[2].copy(),
        notes=notes + terrain.notes,
    )


def lowest_deg(height_m: float) -> float:
    """Return what no horizon seen from a height is below: the dip to the lowest land, in no air, degrees.

    Air lifts it, and the ellipsoid is nowhere rounder than along the meridian at the equator.
    """
    low = WGS84_A_M * (1.0 - _E2) + LOWEST_LAND_M
    return -math.degrees(math.acos(low / (low + max(height_m - LOWEST_LAND_M, 0.0))))


def cell_m(terrain: Terrain, lat_deg: float) -> float:
    """Return the wider side of a cell of the grid near a latitude, metres: the resolution to be stated."""
    north = float(terrain.lat_deg[-1] - terrain.lat_deg[0]) / (terrain.lat_deg.size - 1)
    east = float(terrain.lon_deg[-1] - terrain.lon_deg[0]) / (terrain.lon_deg.size - 1)
    degree = math.pi / 180.0 * WGS84_A_M
    return max(north * degree, east * degree * math.cos(math.radians(lat_deg)))


def _check_place(lon_deg: float, lat_deg: float, alt_m: float | None, azimuths: int) -> None:
    if not (math.isfinite(lon_deg) and abs(lat_deg) <= 90.0 and math.isfinite(alt_m or 0.0)):
        raise InputError(f"{lon_deg}, {lat_deg}, {alt_m} is not a place", field="site")
    if not 4 <= azimuths <= 36_000:
        raise InputError(
            f"{azimuths} azimuths cannot be marched", field="azimuths", remedy="Give 4 to 36000."
        )


def _stand(ground: float, alt_m: float | None, eye_m: float) -> tuple[float, tuple[str, ...]]:
    """Height that the place looks from, and what is to be said of it."""
    if math.isnan(ground):
        said = "not given, taken as sea level" if alt_m is None else f"{alt_m:.0f} m"
        return (alt_m or 0.0) + eye_m, (f"the terrain has no height at the site; its altitude is {said}",)
    if alt_m is None:
        return ground + eye_m, ()
    if abs(alt_m - ground) <= APART_M:
        return max(alt_m, ground) + eye_m, ()
    used = "the ground" if ground > alt_m else "the site's own height"
    return max(alt_m, ground) + eye_m, (
        f"the site is given at {alt_m:.0f} m and its ground in the terrain at {ground:.0f} m; {used} counts",
    )


def _highest(terrain: Terrain) -> float:
    """Height of the highest ground that the grid has or, where it has holes, could have."""
    highest = float(np.max(terrain.height_m))
    return HIGHEST_LAND_M if math.isnan(highest) else highest


def _could_matter_m(height: float, highest: float, cell: float) -> float:
    """Distance beyond which nothing as high as `highest` is above the true horizon of a height."""
    # A k of 1.6 is more bending than any exponential air of our limits has at the ground.
    radius = 1.6 * WGS84_A_M
    dip = [radius * math.acos(radius / (radius + max(h, 0.0))) for h in (highest, height)]
    return max(sum(dip), 4.0 * cell)


def _missing(known: Float64s, ends: Float64s, far: float, step: float) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    blind = ends < step
    if blind.all():
        return ("the terrain does not reach the site; its horizon is taken as level",)
    holes = (known < 1.0) & ~blind
    if holes.any():
        share = 1.0 - float(known[~blind].mean())
        notes += (
            f"the terrain has holes on {holes.sum()} of {known.size} azimuths ({share:.1%} of the ground"
            " looked at); what stands there may hide more",
        )
    short = ends < far - 2.0 * step
    if short.any():
        notes += (
            f"the terrain ends before {far / 1e3:.0f} km on {short.sum()} of {known.size} azimuths, first"
            f" {ends.min() / 1e3:.0f} km away; high ground beyond may hide more",
        )
    return notes


def _within(reach_m: float) -> str:
    return f", within {reach_m / 1e3:.0f} km" if reach_m < MOST_REACH_M else ""


@compiled
def _march(
    lat_axis: Float64s,
    lon_axis: Float64s,
    ground: Float32s,
    lon_deg: float,
    lat_deg: float,
    height: float,
    azimuth: Float64s,
    step: float,
    far: float,
    surface: float,
    scale_m: float,
    found: Float64s,
) -> None:
    """Write elevation (NaN where no ground was found), share of known samples, distance reached, (3, A)."""
    lat = math.radians(lat_deg)
    sine, cosine = math.sin(lat), math.cos(lat)
    squeeze = 1.0 - _E2 * sine * sine
    prime = WGS84_A_M / math.sqrt(squeeze)
    meridian = prime * (1.0 - _E2) / squeeze
    for a in range(azimuth.size):
        along = math.radians(azimuth[a])
        north, east = math.cos(along), math.sin(along)
        # Euler's radius of curvature of the ellipsoid in this azimuth.
        radius = 1.0 / (north * north / meridian + east * east / prime)
        highest, seen, asked, reached = -math.inf, 0, 0, 0.0
        for i in range(1, int(far / step) + 1):
            angle = i * step / radius
            up = sine * math.cos(angle) + cosine * math.sin(angle) * north
            la = math.degrees(math.asin(max(min(up, 1.0), -1.0)))
            # In the form that holds at a pole, where north is along the meridian that was given with it.
            lo = lon_deg + math.degrees(
                math.atan2(east * math.sin(angle), cosine * math.cos(angle) - sine * math.sin(angle) * north)
            )
            here, status = height_at(lat_axis, lon_axis, ground, la, lo)
            if status == 1:
                break
            asked += 1
            reached = i * step
            if status == 0:
                seen += 1
                elevation = _elevation(height, here, angle, radius, surface, scale_m)
                highest = max(highest, elevation)
        found[0, a] = highest if seen > 0 else math.nan
        found[1, a] = seen / asked if asked > 0 else 0.0
        found[2, a] = reached


@compiled
def _elevation(low: float, high: float, angle: float, radius: float, surface: float, scale_m: float) -> float:
    """Apparent elevation of ground an angle away, degrees; `surface` is N0 / 10⁶."""
    # (r1 cos - r0) without the loss of digits.
    half = math.sin(0.5 * angle)
    up = (high - low) - 2.0 * (radius + high) * half * half
    straight = math.atan2(up, (radius + high) * math.sin(angle))
    # A ray turns most where it begins to: the gradient at a third of the way stands for all of it.
    gradient = radius * surface / scale_m * math.exp(-(2.0 * low + high) / (3.0 * scale_m))
    return math.degrees(straight + 0.5 * gradient * angle)


# --- from a table ----------------------------------------------------------------------------------------

COLUMNS: Final = ("site", "azimuth_deg", "elevation_deg")


def read_masks(path: Path) -> dict[str, SiteMask]:
    """Read horizons by site from a CSV file with the columns of `COLUMNS`; see `parse_masks`."""
    return parse_masks(read_text(path), path.name)


def parse_masks(text: str, file: str) -> dict[str, SiteMask]:
    """Parse a table of horizons: rows of a site's id, an azimuth (0 to 360) and an elevation (-10 to 90).

    Rows stand in any order; between azimuths the horizon is linear, and round the circle. Raises InputError
    that lists every problem with line and field.
    """
    problems = Problems(file)
    found: dict[str, dict[float, float]] = {}
    for row in parse_rows(text, file, required=COLUMNS):
        entry = _entry(row, problems)
        if entry is None:
            continue
        azimuth, elevation = entry
        if azimuth in found.setdefault(row.cells["site"], {}):
            problems.add(row.line, "azimuth_deg", f"{azimuth:g} is there twice for this site", "Keep one.")
        found[row.cells["site"]][azimuth] = elevation
    problems.raise_any()
    if not found:
        raise InputError("holds no horizon", file=file, remedy=f"Give rows of {', '.join(COLUMNS)}.")
    return {site: _of_rows(rows, file) for site, rows in found.items()}


def check_known(masks: Mapping[str, SiteMask], sites: Iterable[Site], file: str) -> None:
    """Raise InputError where a horizon is for a site that is not there: a misspelt id hides nothing."""
    ids = [s.id for s in sites]
    for site in masks:
        if site not in ids:
            raise InputError(
                f"'{shorten(site)}' is not among the sites",
                file=file,
                field="site",
                remedy=f"Known are {', '.join(ids[:10])}.",
            )


def _entry(row: Row, problems: Problems) -> tuple[float, float] | None:
    azimuth, elevation = (
        number_in(row, name, low, high, problems, needed=True, remedy="Give degrees.")
        for name, low, high in (("azimuth_deg", 0.0, 360.0), ("elevation_deg", -10.0, 90.0))
    )
    if not row.cells["site"]:
        problems.add(row.line, "site", "is empty", "Give the id of a site.")
        return None
    return None if azimuth is None or elevation is None else (azimuth % 360.0, elevation)


def _of_rows(rows: Mapping[float, float], file: str) -> SiteMask:
    azimuth = np.array(sorted(rows))
    return SiteMask(azimuth, np.array([rows[a] for a in azimuth]), source=f"table {file}")

"""How long, from when to when and how likely sites have a flight in view: members streamed in blocks.

One pass over members x times x sites. For each of them the straight line on WGS-84, the bending of a traced
ray, and the horizon of the site at that azimuth make a signed value: apparent elevation less what hides it.
Nothing of that size is kept; sums by member, by site and by time are.

Between samples a member moves along the great circle at constant speed and climb. Where it comes closest to
a site within a step is a sample more, and a step whose sweep of azimuths has the mask among its elevations
is cut into pieces of a quarter of a degree of azimuth, 64 at most. Where the signed value changes sign
between two of these, the moment is searched on the value itself, to `ROOT_S`. What is missed is a notch or a
peak of the mask that is narrower than such a piece, and a rise and set on one side of the closest approach,
which a smooth path does not make.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from overflight.compiled import borrowed, compiled, workers
from overflight.errors import OverflightError
from overflight.exposure.geometry import LIGHT, Refractivity, bending_of
from overflight.exposure.looks import (
    azimuth_deg,
    frame_of,
    gradient_of,
    least_elevation_deg,
    lifted_deg,
    site_height_m,
)
from overflight.places.masks import GRID, SiteMask, grid_elevation_deg, mask_grid
from overflight.places.sites import Site
from overflight.units import WGS84_A_M, WGS84_F

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
A = TypeVar("A")
B = TypeVar("B")

# Members a block: sums by time are added block after block, so the answer does not depend on the cores.
BLOCK: Final = 64
# Entry and exit are found within this, s.
ROOT_S: Final = 0.5
ROOT_STEPS: Final = 40
PIECE_DEG: Final = 0.25
LEAST_PIECES: Final = 2
MOST_PIECES: Final = 64
# Columns of what is kept of a member and a site.
STAY, FIRST, LAST, HIGHEST, NEAR_S, NEAR_X, NEAR_Y, NEAR_Z, RANGE = range(9)
COLUMNS: Final = 9
# Columns of a site: height, gradient, lowest and highest horizon, least elevation, sine never in view below.
HEIGHT, GRADIENT, LOW, HIGH, LEAST, SINE = range(6)
_E2: Final = WGS84_F * (2.0 - WGS84_F)


class Block(NamedTuple):
    """Paths of some members, (B, T): degrees and metres above WGS-84, NaN where not aloft; weights (B,)."""

    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    weight: Float64s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """What M members had of S sites: arrays (S, M), NaN where a member was never in view or never aloft.

    `in_view_s`, `first_s` and `last_s` are of the members in view; `highest_deg` (apparent), `near_s` and
    the place `near_lon_deg`, `near_lat_deg` of the closest approach, and `range_m`, the shortest straight
    line, of all that flew. `probability` (S, T) is the share of the whole weight that is in view at each
    time, `during` (S, T - 1) the share that is at some moment of each step, `aloft` (T,) what flies.
    """

    sites: tuple[Site, ...]
    time_s: Float64s
    weight: Float64s
    in_view_s: Float64s
    first_s: Float64s
    last_s: Float64s
    highest_deg: Float64s
    near_s: Float64s
    near_lon_deg: Float64s
    near_lat_deg: Float64s
    range_m: Float64s
    probability: Float64s
    during: Float64s
    aloft: Float64s

    @property
    def seen(self) -> Bools:
        """Return which members ever had a site in view, (S, M)."""
        return np.isfinite(self.first_s)


def ensemble_blocks(ensemble: xr.Dataset, members: int = BLOCK) -> Iterator[Block]:
    """Read a flight ensemble block after block; one on disk is never held whole."""
    count = ensemble.sizes["member"]
    weight = ensemble["weight"].values.astype(np.float64)
    for begin in range(0, count, members):
        part = slice(begin, min(begin + members, count))
        lon, lat, alt = (
            np.ascontiguousarray(ensemble[n].isel(member=part).values, dtype=np.float64)
            for n in ("lon", "lat", "alt_m")
        )
        yield Block(lon, lat, alt, weight[part])


def view_sites(
    time_s: npt.ArrayLike,
    blocks: Iterable[Block],
    sites: Sequence[Site],
    *,
    min_elevation_deg: float | None = None,
    air: Refractivity = LIGHT,
    masks: Mapping[str, SiteMask] | None = None,
) -> Views:
    """Look from S sites at all members of a flight, a block at a time.

    Parameters
    ----------
    time_s : (T,) increasing POSIX seconds.
    blocks : members in order (`ensemble_blocks`). Their size does not change the answer, but for the last
        digit of `probability`.
    min_elevation_deg, air : as in `looks.member_looks`.
    masks : horizons by the id of a site; level where a site has none.
    """
    time = np.ascontiguousarray(time_s, dtype=np.float64)
    known = dict(masks or {})
    tables = _tables(sites, min_elevation_deg, air, known)
    kept: list[Float64s] = []
    weights: list[Float64s] = []
    # At each time, and in the step before it.
    shares, aloft = np.zeros((len(sites), 2, time.size)), np.zeros(time.size)

    def work(block: Block) -> tuple[Float64s, Float64s, Float64s, Float64s]:
        found = np.empty((len(sites), block.weight.size, COLUMNS))
        seen, flying = np.zeros(shares.shape), np.zeros(time.size)
        _block(time, block.lon_deg, block.lat_deg, block.alt_m, block.weight, *tables, found, seen, flying)
        return found, seen, flying, block.weight

    for found, seen, flying, weight in _in_order(work, _checked(blocks, time.size)):
        kept.append(found)
        weights.append(weight)
        shares += seen
        aloft += flying
    whole = np.concatenate(kept, axis=1) if kept else np.empty((len(sites), 0, COLUMNS))
    weight = np.concatenate(weights) if weights else np.empty(0)
    return _views(tuple(sites), time, weight, whole, shares, aloft)


def _views(
    sites: tuple[Site, ...],
    time: Float64s,
    weight: Float64s,
    kept: Float64s,
    shares: Float64s,
    aloft: Float64s,
) -> Views:
    total = float(weight.sum()) or 1.0
    near = kept[:, :, NEAR_X : NEAR_Z + 1]
    return Views(
        sites=sites,
        time_s=time,
        weight=weight,
        in_view_s=kept[:, :, STAY],
        first_s=kept[:, :, FIRST],
        last_s=kept[:, :, LAST],
        highest_deg=kept[:, :, HIGHEST],
        near_s=kept[:, :, NEAR_S],
        near_lon_deg=np.degrees(np.arctan2(near[:, :, 1], near[:, :, 0])),
        near_lat_deg=np.degrees(np.arctan2(near[:, :, 2], np.hypot(near[:, :, 0], near[:, :, 1]))),
        range_m=kept[:, :, RANGE],
        probability=np.minimum(shares[:, 0] / total, 1.0),
        during=np.minimum(shares[:, 1, 1:] / total, 1.0),
        aloft=np.minimum(aloft / total, 1.0),
    )


def _tables(
    sites: Sequence[Site], min_elevation_deg: float | None, air: Refractivity, masks: Mapping[str, SiteMask]
) -> tuple[Float64s, Float64s, Float64s, Float64s]:
    """Frames (S, 4, 3), rows (S, 6), bending (S, ...) and horizons (S, GRID) of the sites."""
    height = np.array([site_height_m(s, masks.get(s.id)) for s in sites])
    bending = bending_of(height, air)
    frames, rows = np.empty((len(sites), 4, 3)), np.empty((len(sites), 6))
    grids = []
    for i, site in enumerate(sites):
        mask = masks.get(site.id)
        least = least_elevation_deg(min_elevation_deg, mask)
        grid = mask_grid(mask, min(least, 0.0))
        frames[i] = frame_of(site.lon_deg, site.lat_deg, height[i])
        low, high = max(float(grid.min()), least), max(float(grid.max()), least)
        gradient = gradient_of(float(height[i]), air)
        # From below a site no ray of 500 km is lifted by more than its gradient makes.
        lift = max(float(bending[i].max()), math.degrees(0.5 * gradient * 0.1)) + 0.1
        rows[i] = (height[i], gradient, low, high, least, math.sin(math.radians(max(low - lift, -90.0))))
        grids.append(grid)
    return frames, rows, bending, np.array(grids).reshape(len(sites), GRID)


def _checked(blocks: Iterable[Block], times: int) -> Iterator[Block]:
    for block in blocks:
        lon, lat, alt, weight = (np.ascontiguousarray(a, dtype=np.float64) for a in block)
        if not lon.shape == lat.shape == alt.shape == (weight.size, times):
            raise OverflightError(
                f"a block of {lon.shape} places with {weight.size} weights is not on {times} times",
                remedy="Give arrays (members, times) and weights (members,).",
            )
        if (np.abs(lat) > 90.0).any():
            raise OverflightError("a latitude is beyond the pole", where="lat_deg")
        yield Block(lon, lat, alt, weight)


def _in_order(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Work on items on all cores, a few ahead; results come in the order of the items."""
    count = workers()
    if count == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(count) as pool:
        waiting: deque[Future[B]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


# --- kernels ---------------------------------------------------------------------------------------------

# Rows of a member's state: unit normal, altitude, place (Earth-centred), and the cosine to the next sample.
NX, NY, NZ, ALT, X, Y, Z, COSINE = range(8)


@compiled
def _block(
    time: Float64s,
    lon_deg: Float64s,
    lat_deg: Float64s,
    alt_m: Float64s,
    weight: Float64s,
    frames: Float64s,
    rows: Float64s,
    bending: Float64s,
    grids: Float64s,
    found: Float64s,
    seen: Float64s,
    flying: Float64s,
) -> None:
    """Look from all sites at the members of one block."""
    own = np.empty((8, time.size))
    state = borrowed(own)
    time, frames, rows, bending, grids = (
        borrowed(time),
        borrowed(frames),
        borrowed(rows),
        borrowed(bending),
        borrowed(grids),
    )
    found, seen = borrowed(found), borrowed(seen)
    for m in range(weight.size):
        _prepare(lon_deg[m], lat_deg[m], alt_m[m], state)
        for t in range(time.size):
            if not math.isnan(state[X, t]):
                flying[t] += weight[m]
        for s in range(rows.shape[0]):
            _member(time, state, weight[m], frames[s], rows[s], bending[s], grids[s], found[s, m], seen[s])


@compiled
def _prepare(lon_deg: Float64s, lat_deg: Float64s, alt_m: Float64s, state: Float64s) -> None:
    for t in range(lon_deg.size):
        lon, lat = math.radians(lon_deg[t]), math.radians(lat_deg[t])
        nx, ny, nz = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
        state[NX, t], state[NY, t], state[NZ, t], state[ALT, t] = nx, ny, nz, alt_m[t]
        # A place that is not whole is no place.
        state[X, t], state[Y, t], state[Z, t] = _place(nx, ny, nz, alt_m[t])
        if not math.isfinite(state[X, t] + state[Y, t] + state[Z, t]):
            state[X, t] = math.nan
    for t in range(lon_deg.size - 1):
        state[COSINE, t] = (
            state[NX, t] * state[NX, t + 1]
            + state[NY, t] * state[NY, t + 1]
            + state[NZ, t] * state[NZ, t + 1]
        )
    state[COSINE, lon_deg.size - 1] = 1.0


@compiled
def _place(nx: float, ny: float, nz: float, alt: float) -> tuple[float, float, float]:
    """Earth-centred place of a unit normal of the ellipsoid and an altitude."""
    prime = WGS84_A_M / math.sqrt(1.0 - _E2 * nz * nz)
    return (prime + alt) * nx, (prime + alt) * ny, (prime * (1.0 - _E2) + alt) * nz


@compiled
def _member(
    time: Float64s,
    state: Float64s,
    weight: float,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
    kept: Float64s,
    seen: Float64s,
) -> None:
    """Follow one member past one site."""
    stay, first, last, highest = 0.0, math.inf, -math.inf, -math.inf
    near, near_t, near_f, least_range = -2.0, -1, 0.0, math.inf
    elevation0, value0, bearing0, dot0 = -90.0, -1.0, -1.0, 0.0
    whole0 = False
    flat, sine = row[LOW] == row[HIGH], row[SINE]
    x0, y0, z0, ux, uy, uz = frame[0, 0], frame[0, 1], frame[0, 2], frame[3, 0], frame[3, 1], frame[3, 2]
    for t in range(time.size):
        whole = not math.isnan(state[X, t])
        if not whole:
            whole0 = False
            continue
        dot = state[NX, t] * ux + state[NY, t] * uy + state[NZ, t] * uz
        dx, dy, dz = state[X, t] - x0, state[Y, t] - y0, state[Z, t] - z0
        away = math.sqrt(dx * dx + dy * dy + dz * dz)
        rise = dx * ux + dy * uy + dz * uz
        # Far below every horizon there is no elevation, and the value is good for its sign.
        elevation, value, bearing = -math.inf, -1.0, -1.0
        if rise >= sine * away:
            elevation, value, bearing = _judged(
                dx, dy, dz, rise, away, state[ALT, t], frame, row, bending, grid, False
            )
        least_range = min(least_range, away)
        if value > 0.0:
            seen[0, t] += weight
            first, last = min(first, time[t]), time[t]
        highest = max(highest, elevation)
        if whole0:
            cosine = state[COSINE, t - 1]
            nearest = dot > dot0 * cosine and dot0 > dot * cosine
            pieces = 1
            if not flat and max(elevation, elevation0) > row[LOW] and min(elevation, elevation0) <= row[HIGH]:
                before = bearing0 if bearing0 >= 0.0 else _bearing(state, t - 1, frame)
                after = bearing if bearing >= 0.0 else _bearing(state, t, frame)
                pieces = _pieces(grid, row[LEAST], before, after, elevation0, elevation)
            if value > 0.0 and value0 > 0.0 and not nearest and pieces == 1:
                stay += time[t] - time[t - 1]
                seen[1, t] += weight
            elif nearest or pieces > 1 or value > 0.0 or value0 > 0.0:
                part, begin, end, peak, peak_dot, high, span = _between(
                    time, state, t - 1, value0, value, dot0, dot, nearest, pieces, frame, row, bending, grid
                )
                stay += part
                if begin <= end:
                    seen[1, t] += weight
                first, last = min(first, begin), max(last, end)
                highest, least_range = max(highest, high), min(least_range, span)
                if nearest and peak_dot > near:
                    near, near_t, near_f = peak_dot, t - 1, peak
        if dot > near:
            near, near_t, near_f = dot, t, 0.0
        elevation0, value0, bearing0, dot0, whole0 = elevation, value, bearing, dot, True
    _keep(
        time, state, stay, first, last, highest, near_t, near_f, least_range, frame, row, bending, grid, kept
    )


@compiled
def _keep(
    time: Float64s,
    state: Float64s,
    stay: float,
    first: float,
    last: float,
    highest: float,
    near_t: int,
    near_f: float,
    least_range: float,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
    kept: Float64s,
) -> None:
    for column in range(COLUMNS):
        kept[column] = math.nan
    if near_t < 0:
        return
    if first <= last:
        kept[STAY], kept[FIRST], kept[LAST] = stay, first, last
    nx, ny, nz, _ = _along(state, near_t, near_f)
    kept[HIGHEST] = max(highest, _value(state, near_t, near_f, frame, row, bending, grid)[0])
    following = min(near_t + 1, time.size - 1)
    kept[NEAR_S] = time[near_t] + near_f * (time[following] - time[near_t])
    kept[NEAR_X], kept[NEAR_Y], kept[NEAR_Z] = nx, ny, nz
    kept[RANGE] = least_range


@compiled
def _judged(
    dx: float,
    dy: float,
    dz: float,
    rise: float,
    away: float,
    alt: float,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
    exact: bool,
) -> tuple[float, float, float]:
    """Apparent elevation of a line from a site, what it has more than hides it, and its azimuth.

    Not `exact`, the value below every horizon is good for its sign only. The azimuth is -1 where nothing
    hangs on it.
    """
    straight = 90.0 if away == 0.0 else math.degrees(math.asin(max(min(rise / away, 1.0), -1.0)))
    elevation = lifted_deg(bending, row[GRADIENT], straight, away, alt - row[HEIGHT])
    if row[LOW] == row[HIGH] or (elevation <= row[LOW] and not exact):
        return elevation, elevation - row[LOW], -1.0
    # Over all of the horizon, and no azimuth needed.
    if elevation > row[HIGH] and not exact:
        return elevation, elevation - row[HIGH], -1.0
    east = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
    north = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
    bearing = azimuth_deg(east, north)
    return elevation, elevation - max(grid_elevation_deg(grid, bearing), row[LEAST]), bearing


@compiled
def _bearing(state: Float64s, t: int, frame: Float64s) -> float:
    dx, dy, dz = state[X, t] - frame[0, 0], state[Y, t] - frame[0, 1], state[Z, t] - frame[0, 2]
    east = dx * frame[1, 0] + dy * frame[1, 1] + dz * frame[1, 2]
    north = dx * frame[2, 0] + dy * frame[2, 1] + dz * frame[2, 2]
    return azimuth_deg(east, north)


@compiled
def _pieces(
    grid: Float64s, least: float, bearing0: float, bearing1: float, elevation0: float, elevation1: float
) -> int:
    """Pieces to cut a step into: one where its whole sweep is above the horizon, or below it.

    A piece is a step of the even table, in which the horizon is a line.
    """
    sweep = bearing1 - bearing0
    if sweep > 180.0:
        sweep -= 360.0
    elif sweep < -180.0:
        sweep += 360.0
    begin = bearing0 if sweep >= 0.0 else bearing1
    place = int(begin * grid.size / 360.0)
    bins = int(abs(sweep) * grid.size / 360.0) + 3
    low, high = math.inf, -math.inf
    for _ in range(bins):
        if place >= grid.size:
            place -= grid.size
        one = max(grid[place], least)
        low, high = min(low, one), max(high, one)
        place += 1
    if min(elevation0, elevation1) > high or max(elevation0, elevation1) <= low:
        return 1
    return int(min(max(math.ceil(abs(sweep) / PIECE_DEG), LEAST_PIECES), MOST_PIECES))


@compiled
def _along(state: Float64s, t: int, fraction: float) -> tuple[float, float, float, float]:
    """Unit normal and altitude a fraction of a step after sample `t`, along the great circle."""
    if fraction <= 0.0:
        return state[NX, t], state[NY, t], state[NZ, t], state[ALT, t]
    u = t + 1
    half = 0.5 * math.sqrt(
        (state[NX, u] - state[NX, t]) ** 2
        + (state[NY, u] - state[NY, t]) ** 2
        + (state[NZ, u] - state[NZ, t]) ** 2
    )
    angle = 2.0 * math.asin(min(half, 1.0))
    if angle < 1e-9 or angle > 3.14159:  # opposite places have no one way between them
        a, b = 1.0 - fraction, fraction
    else:
        a, b = math.sin((1.0 - fraction) * angle), math.sin(fraction * angle)
    nx = a * state[NX, t] + b * state[NX, u]
    ny = a * state[NY, t] + b * state[NY, u]
    nz = a * state[NZ, t] + b * state[NZ, u]
    length = max(math.sqrt(nx * nx + ny * ny + nz * nz), 1e-300)
    alt = state[ALT, t] + fraction * (state[ALT, u] - state[ALT, t])
    return nx / length, ny / length, nz / length, alt


@compiled
def _value(
    state: Float64s,
    t: int,
    fraction: float,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
) -> tuple[float, float, float]:
    """Exact elevation, signed value and range a fraction of a step after sample `t`."""
    nx, ny, nz, alt = _along(state, t, fraction)
    x, y, z = _place(nx, ny, nz, alt)
    dx, dy, dz = x - frame[0, 0], y - frame[0, 1], z - frame[0, 2]
    away = math.sqrt(dx * dx + dy * dy + dz * dz)
    rise = dx * frame[3, 0] + dy * frame[3, 1] + dz * frame[3, 2]
    elevation, value, _ = _judged(dx, dy, dz, rise, away, alt, frame, row, bending, grid, True)
    return elevation, value, away


@compiled
def _between(
    time: Float64s,
    state: Float64s,
    t: int,
    value0: float,
    value1: float,
    dot0: float,
    dot1: float,
    nearest: bool,
    pieces: int,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
) -> tuple[float, float, float, float, float, float, float]:
    """Search one step: time in view, first and last moment, closest approach (fraction and cosine), highest
    elevation and least range there.
    """
    step = time[t + 1] - time[t]
    peak, peak_dot, high, span = -1.0, -2.0, -math.inf, math.inf
    if nearest:
        peak, peak_dot = _closest(state, t, dot0, dot1, frame)
    stay, begin, end = 0.0, math.inf, -math.inf
    f0, v0, piece = 0.0, value0, 1
    while f0 < 1.0:
        f1 = piece / pieces
        if f0 < peak < f1:
            f1 = peak
        else:
            piece += 1
        if f1 >= 1.0:
            f1, v1 = 1.0, value1
        else:
            elevation, v1, away = _value(state, t, f1, frame, row, bending, grid)
            high, span = max(high, elevation), min(span, away)
        if v0 > 0.0 or v1 > 0.0:
            a, b = f0, f1
            if v0 <= 0.0 or v1 <= 0.0:
                root = _root(state, t, f0, f1, step, frame, row, bending, grid)
                a, b = (root, f1) if v0 <= 0.0 else (f0, root)
            stay += (b - a) * step
            begin, end = min(begin, time[t] + a * step), max(end, time[t] + b * step)
        f0, v0 = f1, v1
    return stay, begin, end, peak, peak_dot, high, span


@compiled
def _closest(state: Float64s, t: int, dot0: float, dot1: float, frame: Float64s) -> tuple[float, float]:
    """Fraction of a step at which its great circle is closest to a site, and the cosine of that angle."""
    # Along the arc the cosine is A cos(x) + B sin(x), greatest at x = atan2(B, A).
    sine = math.sqrt(max(1.0 - state[COSINE, t] ** 2, 0.0))
    if sine < 1e-9:
        return 0.5, 0.5 * (dot0 + dot1)
    across = (dot1 - dot0 * state[COSINE, t]) / sine
    whole = math.atan2(sine, state[COSINE, t])
    best = min(max(math.atan2(across, dot0), 0.0), whole)
    return best / whole, dot0 * math.cos(best) + across * math.sin(best)


@compiled
def _root(
    state: Float64s,
    t: int,
    low: float,
    high: float,
    step: float,
    frame: Float64s,
    row: Float64s,
    bending: Float64s,
    grid: Float64s,
) -> float:
    """Fraction at which the signed value changes its sign, by the Illinois rule of false position.

    M. Dowell, P. Jarratt, BIT 11 (1971) 168.
    """
    a, b = low, high
    va = _value(state, t, a, frame, row, bending, grid)[1]
    vb = _value(state, t, b, frame, row, bending, grid)[1]
    if va * vb >= 0.0:  # one is zero, to rounding
        return a if abs(va) < abs(vb) else b
    for n in range(ROOT_STEPS):
        # One halving in three keeps it from creeping.
        c = 0.5 * (a + b) if n % 3 == 2 else b - (b - a) * vb / (vb - va)
        vc = _value(state, t, c, frame, row, bending, grid)[1]
        if vc == 0.0:
            return c
        if vc * vb < 0.0:
            a, va = b, vb
        else:
            va *= 0.5
        b, vb = c, vc
        if abs(b - a) * step <= ROOT_S:
            break
    return b - (b - a) * vb / (vb - va)

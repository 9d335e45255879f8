"""Move points with the wind: the first trajectory solver.

The state of a particle is the unit normal n of the WGS-84 ellipsoid under it (the "n-vector"), not a pair
of angles, so the poles and the date line are ordinary places. With the wind u eastward and v northward at
height h,

    dn/dt = east * u / (N + h) + north * v / (M + h)

where N and M are the radii of curvature of the ellipsoid in the prime vertical and in the meridian. This
is exact geometry: u = 0 moves along the meridian ellipse, v = 0 along the parallel, and the only error is
that of the classical fourth-order Runge-Kutta step, which falls with the fourth power of the step where
the wind is smooth (`tests/trajectories/test_solve.py` measures both). The right-hand side depends on the
direction of n alone, so scaling n back to one after each step keeps the order.

The stepper knows no meteorology: `integrate` takes a wind function, what to keep, and the step. Wind that
is interpolated linearly has kinks at the grid's lines, where a step loses order; 5-minute steps through
1-degree hourly fields stay within metres of the limit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overflight import atmosphere, geo
from overflight.errors import LimitError, OverflightError
from overflight.units import WGS84_A_M, WGS84_F
from overflight.winds.grid import Grid
from overflight.winds.interpolate import pack, sample
from overflight.winds.soundings import Sounding, fill_heights

Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

# (time_s, lon_deg (N,) in [-180, 180], lat_deg (N,)) -> u_mps, v_mps, status, each (N,); status 0 is good.
WindFn = Callable[[float, Float64s, Float64s], tuple[Float64s, Float64s, npt.NDArray[np.integer]]]

# First eccentricity squared of WGS-84.
_E2 = WGS84_F * (2.0 - WGS84_F)

# `Track.status` where the wind function gave no code but a wind that is not finite.
NO_WIND = 127

MAX_STEPS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Positions of N particles at K kept times.

    `time_s` (K,) in the order of the run (falling when backward). `lon_deg` in [-180, 180), `lat_deg` and
    `status` (N, K): status 0 is moving; any other is the code that the wind function gave when the
    particle stopped, and the position is NaN from there on. `stopped_time_s` (N,) is the beginning of the
    step that could not be made, NaN for those that reached the end.
    """

    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    status: Codes
    stopped_time_s: Float64s


@dataclass(frozen=True, slots=True)
class _Motion:
    wind_fn: WindFn
    height: Callable[[float], npt.ArrayLike]
    radius_m: float | None


def integrate(
    wind_fn: WindFn,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    time_start: float,
    time_end: float,
    *,
    step_s: float = 300.0,
    keep_s: npt.ArrayLike | None = None,
    alt_m: npt.ArrayLike | Callable[[float], npt.ArrayLike] = 0.0,
    radius_m: float | None = None,
) -> Track:
    """Carry particles with a wind from `time_start` to `time_end`, backward when that is earlier.

    Parameters
    ----------
    wind_fn : gives u, v (m/s) and a status (0 good) at one time for arrays of places.
    lon_deg, lat_deg : starting places, degrees, broadcast together and flattened to (N,).
    step_s : the largest step; its sign is ignored, for the two times give the direction. Steps are
        shortened so that the end and each kept time are hit exactly; no stage lies outside the run.
    keep_s : times to keep, in the order of the run and within it. Start and end when None.
    alt_m : height above WGS-84 that the wind acts at (metres; one, (N,), or a function of time). A wind
        at 20 km moves the point below by 0.3 % less than one at the ground.
    radius_m : move on a sphere of this radius instead of the ellipsoid, whatever the height: to follow
        data that were made that way.

    Raises
    ------
    OverflightError
        When a time, a place or the step cannot be used.
    LimitError
        When the run would take more than `MAX_STEPS` steps.
    """
    lon, lat = _places(lon_deg, lat_deg)
    kept = kept_times(time_start, time_end, keep_s)
    step = abs(float(step_s))
    if not (math.isfinite(step) and step > 0.0):
        raise OverflightError(f"the step is {step_s} s", remedy="Give a step above zero, such as 300 s.")
    steps = int(np.ceil(np.abs(np.diff(kept, prepend=time_start)) / step).sum())
    if steps > MAX_STEPS:
        raise LimitError(
            f"the run takes {steps} steps, the limit is {MAX_STEPS}", remedy="Take a longer step."
        )
    motion = _Motion(wind_fn, alt_m if callable(alt_m) else lambda _: alt_m, radius_m)
    normal = geo.unit_vector(lon, lat)
    code = np.zeros(lon.size, dtype=np.int8)
    stopped = np.full(lon.size, np.nan)
    out = np.full((2, lon.size, kept.size), np.nan)
    status = np.zeros((lon.size, kept.size), dtype=np.int8)
    time = float(time_start)
    for k, target in enumerate(kept):
        for begin, end in _steps(time, float(target), step):
            normal = _step(motion, normal, begin, end, code, stopped)
        time = float(target)
        moving = code == 0
        out[:, moving, k] = geo.lonlat(normal[:, moving])
        status[:, k] = code
    return Track(time_s=kept, lon_deg=out[0], lat_deg=out[1], status=status, stopped_time_s=stopped)


def advect(
    grid: Grid,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    time_start: float,
    time_end: float,
    pressure_pa: npt.ArrayLike,
    *,
    step_s: float = 300.0,
    keep_s: npt.ArrayLike | None = None,
) -> Track:
    """Carry particles through a grid at constant pressure; see `integrate`.

    `pressure_pa` is one or (N,). Status codes are those of `overflight.winds.interpolate.sample`. The
    height at which the wind acts is that of the pressure in the standard atmosphere; an error of 1 km in
    it changes the drift by 0.016 %.
    """
    lon, lat = _places(lon_deg, lat_deg)
    pressure = np.broadcast_to(np.asarray(pressure_pa, dtype=np.float64), lon.shape)

    packed = pack(grid)

    def wind(
        time_s: float, at_lon: Float64s, at_lat: Float64s
    ) -> tuple[Float64s, Float64s, npt.NDArray[np.integer]]:
        found = sample(packed, np.full(at_lon.shape, time_s), pressure, at_lat, at_lon)
        return found.u_mps, found.v_mps, found.status

    return integrate(
        wind,
        lon,
        lat,
        time_start,
        time_end,
        step_s=step_s,
        keep_s=keep_s,
        alt_m=atmosphere.alt_from_pressure(pressure),
    )


def drift_sounding(sounding: Sounding) -> Track:
    """Integrate a sounding's own wind from its first row, to the time of every row.

    Where the result leaves the sounding's own positions, one of the two is wrong: the check of a reader's
    signs and units, and the drift of soundings that carry no positions. The wind between rows is linear
    in time. On the ellipsoid at the height of each row, or on the sphere that the source says its
    positions were reckoned on.

    Raises
    ------
    OverflightError
        When the sounding has fewer than two rows.
    """
    if sounding.time_s.size < 2:
        raise OverflightError(
            f"the sounding of {sounding.station} has {sounding.time_s.size} usable rows",
            where=sounding.file,
            remedy="A drift needs two; see its marks and rejects.",
        )
    time = sounding.time_s
    alt = fill_heights(sounding).alt_msl_m
    good = np.zeros(1, dtype=np.int8)

    def wind(time_s: float, lon: Float64s, lat: Float64s) -> tuple[Float64s, Float64s, Codes]:
        u, v = np.interp(time_s, time, sounding.u_mps), np.interp(time_s, time, sounding.v_mps)
        return np.array([u]), np.array([v]), good

    return integrate(
        wind,
        sounding.lon_deg[0],
        sounding.lat_deg[0],
        time[0],
        time[-1],
        step_s=60.0,
        keep_s=time,
        alt_m=lambda time_s: np.interp(time_s, time, alt),
        radius_m=sounding.reckoned_radius_m,
    )


def _step(
    motion: _Motion,
    normal: Float64s,
    begin: float,
    end: float,
    code: Codes,
    stopped: Float64s,
) -> Float64s:
    """Make one Runge-Kutta step; writes `code` and `stopped` of particles that lose the wind."""
    dt = end - begin
    middle = begin + 0.5 * dt
    moving = code == 0  # before this step
    k1 = _rate(motion, begin, normal, code)
    k2 = _rate(motion, middle, normal + 0.5 * dt * k1, code)
    k3 = _rate(motion, middle, normal + 0.5 * dt * k2, code)
    k4 = _rate(motion, end, normal + dt * k3, code)
    moved = normal + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    stopped[moving & (code != 0)] = begin
    moved /= np.sqrt((moved * moved).sum(axis=0))
    return np.where(code == 0, moved, normal) if code.any() else moved


def _rate(motion: _Motion, time_s: float, vector: Float64s, code: Codes) -> Float64s:
    """Return dn/dt (3, N) at vectors of any length; a particle without wind stays and gets its code."""
    # Written for few array operations: with few particles their overhead is all the cost.
    x, y, z = vector
    flat = np.hypot(x, y)
    lon, lat = np.arctan2(y, x), np.arctan2(z, flat)
    u, v, status = motion.wind_fn(time_s, np.degrees(lon), np.degrees(lat))
    _stop(code, u, v, status)
    sin = np.sin(lat)
    meridian, prime = _radii(motion, time_s, sin)
    east, north = u / prime, v / meridian
    if code.any():
        east, north = np.where(code == 0, east, 0.0), np.where(code == 0, north, 0.0)
    sin_lon, cos_lon = np.sin(lon), np.cos(lon)
    rate = np.empty_like(vector)
    rate[0] = -sin_lon * east - sin * cos_lon * north
    rate[1] = cos_lon * east - sin * sin_lon * north
    rate[2] = np.cos(lat) * north
    return rate


def _stop(code: Codes, u: Float64s, v: Float64s, status: npt.NDArray[np.integer]) -> None:
    """Write into `code` why a moving particle has no wind."""
    bare = ~np.isfinite(u + v)
    if bare.any() or status.any():
        found = np.where(bare & (status == 0), NO_WIND, status)
        code[:] = np.where(code == 0, found, code)


def _radii(
    motion: _Motion, time_s: float, sin_lat: Float64s
) -> tuple[Float64s | np.float64, Float64s | np.float64]:
    """Radii in the meridian and in the prime vertical at the height of the wind, metres."""
    if motion.radius_m is not None:
        return np.float64(motion.radius_m), np.float64(motion.radius_m)
    alt = np.asarray(motion.height(time_s), dtype=np.float64)
    w2 = 1.0 - _E2 * sin_lat**2
    return WGS84_A_M * (1.0 - _E2) / w2**1.5 + alt, WGS84_A_M / np.sqrt(w2) + alt


def _places(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    )
    if not np.isfinite(lon).all() or not (np.abs(lat) <= 90.0).all():
        raise OverflightError(
            "a starting place is not a longitude and a latitude", remedy="Give degrees, latitude within ±90."
        )
    return lon.ravel().astype(np.float64), lat.ravel().astype(np.float64)


def kept_times(time_start: float, time_end: float, keep_s: npt.ArrayLike | None) -> Float64s:
    """Return the times to keep, start and end when None; refuses what does not follow the run."""
    if not (math.isfinite(time_start) and math.isfinite(time_end)):
        raise OverflightError("the run needs a finite start and end", remedy="Give POSIX seconds UTC.")
    if keep_s is None:
        return np.array([time_start, time_end], dtype=np.float64)
    kept = np.asarray(keep_s, dtype=np.float64).ravel()
    along = kept if time_end >= time_start else -kept
    low, high = sorted((time_start, time_end))
    if kept.size == 0 or not (np.isfinite(kept).all() and (np.diff(along) > 0).all()):
        raise OverflightError("the times to keep must follow one another in the direction of the run")
    if kept.min() < low or kept.max() > high:
        raise OverflightError("a time to keep lies outside the run", remedy="Widen the run or drop the time.")
    return kept


def _steps(begin: float, end: float, step: float) -> list[tuple[float, float]]:
    """Split an interval into equal steps no longer than `step`; the last one ends exactly at `end`."""
    count = math.ceil(abs(end - begin) / step)
    edges = [begin + (end - begin) * i / count for i in range(count)] + [end]
    return list(itertools.pairwise(edges)) if count else []

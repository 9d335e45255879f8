"""Passes of satellites over sites: when, how high, how far, and how well the times are known.

A pass is the time that a satellite stands at or above an elevation of a site: geometric elevation on WGS-84,
over level ground. That it could have looked is not that it did: clouds, tasking, night and what it carries
are other questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.compiled import over_members
from overflight.errors import InputError, LimitError
from overflight.geo import ecef
from overflight.places.sites import Site
from overflight.satellites import pass_kernel as kernel
from overflight.satellites.ages import band_s, is_timed
from overflight.satellites.orbits import Orbit, sidereal_rad, teme_states
from overflight.units import DAY_S

Float64s = npt.NDArray[np.float64]

STEP_S: Final = 60.0
LEAST_ELEVATION_DEG: Final = 10.0
# Satellites times days, and passes, that a search may take: ten thousand for a month, and 3 GB of rows.
MAX_SATELLITE_DAYS: Final = 400_000.0
MAX_PASSES: Final = 20_000_000
MAX_WINDOW_S: Final = 400.0 * DAY_S

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """Passes over sites: arrays (K,), ordered by satellite, site and time.

    `satellite` and `site` index `orbits` and `sites`. `elevation_deg` is the highest, at `peak_s`, where
    `range_m` is the straight distance and `off_nadir_deg` the angle at the satellite between the site and
    straight down. `edge` has bits of `pass_kernel`: in view when the window began, ended, or the orbit did.
    `age_s` is that of the elements at the peak, `band_s` half the 90 % band of the times.
    """

    orbits: tuple[Orbit, ...]
    sites: tuple[Site, ...]
    time_start: float
    time_end: float
    min_elevation_deg: float
    satellite: npt.NDArray[np.int32]
    site: npt.NDArray[np.int32]
    rise_s: Float64s
    set_s: Float64s
    peak_s: Float64s
    elevation_deg: Float64s
    range_m: Float64s
    off_nadir_deg: Float64s
    edge: npt.NDArray[np.int8]

    def ages_s(self) -> Float64s:
        """Return the age of the elements at each peak, seconds (K,)."""
        ages = np.empty(self.peak_s.size)
        for index, rows in self._by_satellite():
            ages[rows] = self.orbits[index].age_s(self.peak_s[rows])
        return ages

    def bands_s(self) -> Float64s:
        """Return half the 90 % band of each pass's times, seconds (K,)."""
        ages, bands = self.ages_s(), np.empty(self.peak_s.size)
        for index, rows in self._by_satellite():
            one = self.orbits[index].set_at(0.5 * (self.time_start + self.time_end))
            bands[rows] = band_s(ages[rows], one.mean_alt_m, one.period_s)
        return bands

    def timed(self) -> npt.NDArray[np.bool_]:
        """Return which passes (K,) have clock times that mean something."""
        bands, known = self.bands_s(), np.zeros(self.peak_s.size, dtype=np.bool_)
        for index, rows in self._by_satellite():
            period = self.orbits[index].set_at(0.5 * (self.time_start + self.time_end)).period_s
            known[rows] = [is_timed(band, period) for band in bands[rows]]
        return known

    def _by_satellite(self) -> list[tuple[int, slice]]:
        edges = np.searchsorted(self.satellite, np.arange(len(self.orbits) + 1))
        return [(i, slice(int(edges[i]), int(edges[i + 1]))) for i in range(len(self.orbits))]


def find_passes(
    orbits: Sequence[Orbit],
    sites: Sequence[Site],
    time_start: float,
    time_end: float,
    *,
    min_elevation_deg: float = LEAST_ELEVATION_DEG,
    step_s: float = STEP_S,
    shift_s: npt.ArrayLike = 0.0,
    progress: Progress | None = None,
) -> Passes:
    """Find the passes of satellites over sites in a window.

    Parameters
    ----------
    sites : a site without altitude is taken at sea level.
    min_elevation_deg : from 0 to 89.
    step_s : the grid, seconds, 1 to 120; also passes shorter than a step are found.
    shift_s : one number or (satellites,): how much later each satellite is in its orbit.

    Raises
    ------
    InputError, LimitError
        When an argument cannot be used, or the search would take too much.
    """
    _check(orbits, sites, time_start, time_end, min_elevation_deg, step_s)
    tell = progress or (lambda _text, _share: None)
    shift = np.broadcast_to(np.asarray(shift_s, dtype=np.float64), (len(orbits),))
    basis = site_basis(sites)
    limits = np.full(len(sites), np.sin(np.radians(min_elevation_deg)))
    found: list[Float64s] = [np.empty((0, kernel.COLUMNS))] * len(orbits)
    done = 0

    def run(begin: int, end: int) -> None:
        nonlocal done
        table = _table(time_start, time_end, step_s)
        for i in range(begin, end):
            found[i] = _of_one(
                orbits[i], basis, limits, (time_start, time_end), step_s, float(shift[i]), table
            )
            done += 1
            tell("searching for passes", done / len(orbits))

    if orbits and sites:
        over_members(run, len(orbits))
    return _gathered(orbits, sites, time_start, time_end, min_elevation_deg, found)


def site_basis(sites: Sequence[Site]) -> Float64s:
    """Return (S, 6): places of sites in the Earth's axes, and their up."""
    lon, lat = (np.array([getattr(s, n) for s in sites], dtype=np.float64) for n in ("lon_deg", "lat_deg"))
    place = ecef(lon, lat, np.array([s.alt_m or 0.0 for s in sites]))
    x, y = np.radians(lon), np.radians(lat)
    up = np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    return np.ascontiguousarray(np.concatenate([place, up]).T)


def node_times(time_start: float, time_end: float, shift_s: float = 0.0) -> Float64s:
    """Return the times at which SGP4 is asked for a window and a shift."""
    step = kernel.NODE_STEP_S
    first = time_start + shift_s - step
    count = int(np.ceil((time_end + shift_s + step - first) / step)) + 1
    return np.asarray(first + step * np.arange(count))


def _of_one(
    orbit: Orbit,
    basis: Float64s,
    limits: Float64s,
    window: tuple[float, float],
    step_s: float,
    shift_s: float,
    table: Float64s,
) -> Float64s:
    times = node_times(*window, shift_s)
    nodes = teme_states(orbit, times)
    # One pass a site and revolution, and a few; the kernel says if it needs more.
    room = int(len(limits) * (1.2 * (window[1] - window[0]) / orbit.sets[0].period_s + 2.0))
    while True:
        rows = np.empty((room, kernel.COLUMNS))
        count = kernel.find_passes_of(
            nodes,
            float(times[0] - shift_s - window[0]),
            sidereal_rad(window[0]),
            window[1] - window[0],
            step_s,
            table,
            basis,
            limits,
            rows,
        )
        if count <= room:
            found = rows[:count].copy()
            found[:, kernel.RISE : kernel.PEAK + 1] += window[0]
            return found
        room = count


def _table(time_start: float, time_end: float, step_s: float) -> Float64s:
    return np.empty((max(int(np.ceil((time_end - time_start) / step_s)) + 1, 2), 4))


def _gathered(
    orbits: Sequence[Orbit],
    sites: Sequence[Site],
    time_start: float,
    time_end: float,
    min_elevation_deg: float,
    found: list[Float64s],
) -> Passes:
    total = sum(len(rows) for rows in found)
    if total > MAX_PASSES:
        raise LimitError(f"there are {total} passes", remedy="Take fewer satellites, sites or days.")
    rows = np.concatenate(found) if found else np.empty((0, kernel.COLUMNS))
    return Passes(
        orbits=tuple(orbits),
        sites=tuple(sites),
        time_start=time_start,
        time_end=time_end,
        min_elevation_deg=min_elevation_deg,
        satellite=np.repeat(np.arange(len(found), dtype=np.int32), [len(r) for r in found]),
        site=rows[:, kernel.SITE].astype(np.int32),
        rise_s=rows[:, kernel.RISE].copy(),
        set_s=rows[:, kernel.SET].copy(),
        peak_s=rows[:, kernel.PEAK].copy(),
        elevation_deg=np.degrees(np.arcsin(np.clip(rows[:, kernel.SINE], -1.0, 1.0))),
        range_m=rows[:, kernel.RANGE].copy(),
        off_nadir_deg=np.degrees(rows[:, kernel.OFF_NADIR]),
        edge=rows[:, kernel.EDGE].astype(np.int8),
    )


def _check(
    orbits: Sequence[Orbit],
    sites: Sequence[Site],
    time_start: float,
    time_end: float,
    min_elevation_deg: float,
    step_s: float,
) -> None:
    if not (np.isfinite([time_start, time_end]).all() and 0.0 < time_end - time_start <= MAX_WINDOW_S):
        raise InputError(
            f"a window from {time_start!r} to {time_end!r} cannot be searched",
            remedy="Give an end after the start, at most 400 days later.",
        )
    if not 0.0 <= min_elevation_deg <= 89.0:
        raise InputError(
            f"{min_elevation_deg!r} degrees is not within 0 to 89", field="min_elevation_deg",
            remedy="Give 10 for what is commonly called a pass.",
        )  # fmt: skip
    if not 1.0 <= step_s <= 120.0:
        raise InputError(f"{step_s!r} s is not within 1 to 120", field="step_s", remedy="Give 30.")
    bad = next((s for s in sites if not (abs(s.lat_deg) <= 90.0 and np.isfinite(s.lon_deg))), None)
    if bad is not None:
        raise InputError(f"site '{bad.id}' lies at {bad.lon_deg!r}, {bad.lat_deg!r}", field="site")
    days = len(orbits) * (time_end - time_start) / DAY_S
    if days > MAX_SATELLITE_DAYS:
        raise LimitError(
            f"{len(orbits)} satellites over {(time_end - time_start) / DAY_S:.0f} days are too many",
            remedy="Choose satellites by name, or a shorter window.",
        )

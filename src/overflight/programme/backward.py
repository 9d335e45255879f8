"""Fly the flights of a catalogue backward: where each may have come from, as far as the winds tell.

    catalogue ──► one dated place a flight, with a height or its class's ──► passive flights back in time
                                                                            ──► ensembles of kind `origin`

Winds of the time are taken where they are given and reach back far enough, else the climatological prior with
a made weather for each member. Flights fly apart: that two of one week met one weather is not used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.programme.records import APART, KINDS, Catalogue, FlightRecord, ObjectRecord
from overflight.programme.settings import ProgrammeSettings
from overflight.records import make_ensemble
from overflight.sun import solar_position
from overflight.trajectories.passive import (
    DAWN_DEG,
    MOST_AMPLITUDE_M,
    file_winds,
    fly_passive,
    made_weathers,
    near,
    passive_winds,
)
from overflight.units import DAY_S, HOUR_S
from overflight.winds.error_waves import take_members
from overflight.winds.grid import Float64s, Grid

if TYPE_CHECKING:
    import xarray as xr

KEEP_S: Final = 6.0 * HOUR_S
# A place vaguer than this, in time or in space, says nothing of where a flight came from days before.
MOST_SPAN_S: Final = 4.0 * DAY_S
MOST_RADIUS_KM: Final = 1_000.0
# Heights where none is reported: those of big balloons among designs (docs/programme.md, Likeness), held to
# the levels at which balloons that cross oceans float.
CLASS_ALT_M, CLASS_ALT_SD_M, CLASS_RANGE_M = 17_000.0, 4_000.0, (11_000.0, 30_000.0)
# Reported heights are good to this: kinds of altitude differ, and guesses are round.
ALT_SLACK_M: Final = 500.0
LEAST_ALOFT: Final = 0.5
MOST_FLIGHTS: Final = 50


@dataclass(frozen=True, slots=True, eq=False)
class BackFlights:
    """Flights flown backward by name, and how: the row each starts from, its height and winds in words.

    `left_out` tells why the others were not flown, `on_prior` which flew in the climatological prior, `notes`
    what else the reader should know.
    """

    ensembles: Mapping[str, xr.Dataset]
    how: Mapping[str, str]
    left_out: Mapping[str, str]
    on_prior: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> BackFlights:
        """Return all that is said of flights other than `names`, of which something better is known."""
        ensembles = {name: one for name, one in self.ensembles.items() if name not in names}
        how = {name: words for name, words in self.how.items() if name not in names}
        left_out = {name: why for name, why in self.left_out.items() if name not in names}
        return BackFlights(ensembles, how, left_out, self.on_prior - set(names), self.notes)


def back_flights(catalogue: Catalogue, settings: ProgrammeSettings, own: Grid | None = None) -> BackFlights:
    """Fly every flight of a catalogue backward that is attributed or suspected and has a dated place.

    Each starts from its earliest row that is dated within `MOST_SPAN_S` and placed within `MOST_RADIUS_KM`,
    at its height or that of its class, and drifts back for `settings.days_back`.
    """
    ensembles: dict[str, xr.Dataset] = {}
    how: dict[str, str] = {}
    left: dict[str, str] = {}
    on_prior: set[str] = set()
    for n, flight in enumerate(sorted(catalogue.flights, key=lambda f: (f.kind != "mission", f.id))):
        row, why = _start_row(flight)
        if row is None:
            left[flight.id] = why
        elif len(ensembles) >= MOST_FLIGHTS:
            left[flight.id] = f"{MOST_FLIGHTS} flights are flown at most"
        else:
            flown, words, in_own = _fly_back(row, settings, own, n)
            if flown is None:
                left[flight.id] = words
            else:
                ensembles[flight.id], how[flight.id] = flown, words
                on_prior |= set() if in_own else {flight.id}
    return BackFlights(ensembles, how, left, frozenset(on_prior))


def back_winds(
    files: Sequence[Path], catalogue: Catalogue, settings: ProgrammeSettings
) -> tuple[Grid | None, tuple[str, ...]]:
    """Read what files of winds hold of the time of all flights back; and say what was left out."""
    window = back_window(catalogue, settings)
    return (None, ()) if window is None or not files else file_winds(files, window)


def back_window(catalogue: Catalogue, settings: ProgrammeSettings) -> tuple[float, float] | None:
    """Return first and last time, POSIX seconds, that flights back may meet; None where none is flown."""
    rows = [row for row, _ in map(_start_row, catalogue.flights) if row is not None]
    if not rows or not settings.origins:
        return None
    starts = [float(row.time_start or 0.0) for row in rows]
    last = max(start + _span_s(row) for start, row in zip(starts, rows, strict=True))
    return min(starts) - settings.days_back * DAY_S, last


def _start_row(flight: FlightRecord) -> tuple[ObjectRecord | None, str]:
    """Return the row that a flight is flown back from, or None and why there is none."""
    if flight.kind in APART or flight.kind == "unknown":
        return None, KINDS[flight.kind]
    if flight.number.low > 1.0:
        return None, "its rows speak of several flights"
    placed = [r for r in flight.rows if r.dated and r.lon_deg is not None and r.lat_deg is not None]
    if not placed:
        return None, "no row of it has a date and a place"
    good = [r for r in placed if _span_s(r) <= MOST_SPAN_S and (r.radius_km or 0.0) <= MOST_RADIUS_KM]
    if not good:
        return None, "its date or its place is too vague"
    return min(good, key=lambda r: (r.time_start or 0.0, r.id)), ""


def _span_s(row: ObjectRecord) -> float:
    start = row.time_start or 0.0
    return (start if row.time_end is None else row.time_end) - start


def _fly_back(
    row: ObjectRecord, settings: ProgrammeSettings, own: Grid | None, stream: int
) -> tuple[xr.Dataset | None, str, bool]:
    """Return the ensemble and how it was flown, or None and why it could not be; and if its winds are own."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.origin_seed, spawn_key=(9, stream)))
    count = settings.origin_members
    first, last = float(row.time_start or 0.0), float(row.time_start or 0.0) + _span_s(row)
    end = first - settings.days_back * DAY_S
    lon, lat = near(float(row.lon_deg or 0.0), float(row.lat_deg or 0.0), row.radius_km or 0.0, count, rng)
    start = rng.uniform(first, last, count)
    # Of both kinds of balloon one starts last, so that each has the times to keep.
    start[:2] = last
    alt, height = _heights(row, count, rng)
    winds = passive_winds(own, end, last, lon_deg=lon, lat_deg=lat, alt_m=alt)
    rngs = [
        np.random.default_rng(np.random.SeedSequence(settings.origin_seed, spawn_key=(10, stream, m)))
        for m in range(count)
    ]
    errors = made_weathers(winds, rngs)
    keep = last - np.arange(0.0, last - end, KEEP_S)
    lift = np.where(np.arange(count) % 2 == 1, rng.uniform(0.0, MOST_AMPLITUDE_M, count), 0.0)
    # A height is that of the hour at which it was seen; `fly_passive` asks for the level by night.
    by_day = solar_position(start, lon, lat)[0] > DAWN_DEG
    alt = alt - np.where(by_day, lift, 0.0)
    parts = []
    for who in (np.flatnonzero(lift == 0.0), np.flatnonzero(lift > 0.0)):
        if who.size:
            flown = fly_passive(
                winds, lon[who], lat[who], start[who], alt[who], time_end=end, amplitude_m=lift[who],
                errors=None if errors is None else take_members(errors, who), keep_s=keep,
            )  # fmt: skip
            parts.append((flown.lon_deg, flown.lat_deg, flown.alt_m, flown.pressure_pa))
    state = [np.concatenate(columns)[:, ::-1] for columns in zip(*parts, strict=True)]
    aloft = np.logical_and.reduce([np.isfinite(values) for values in state])
    aloft &= (aloft.sum(axis=1) >= 2)[:, None]  # the start alone is no flight
    title = "winds of the time" if winds.own else "the winds of the climatological prior"
    if float(aloft.any(axis=1).mean()) < LEAST_ALOFT:
        return None, f"{title} tell nothing of {height}", winds.own
    lon_deg, lat_deg, alt_m, pressure_pa = (np.where(aloft, values, np.nan) for values in state)
    ensemble = make_ensemble(
        kind="origin", time_s=keep[::-1], lon_deg=lon_deg, lat_deg=lat_deg, alt_m=alt_m,
        pressure_pa=pressure_pa, status=_status(aloft), attrs={"winds": winds.title, "row": row.id},
    )  # fmt: skip
    return ensemble, f"from {row.id}, at {height}, in {title}", winds.own


def _status(aloft: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Return 0 aloft, 1 before and 2 after a member's life, as `records.STATUS` has them."""
    begun = np.maximum.accumulate(aloft, axis=1)
    return np.where(aloft, 0, np.where(begun, 2, 1)).astype(np.int8)


def _heights(row: ObjectRecord, count: int, rng: np.random.Generator) -> tuple[Float64s, str]:
    """Draw heights of a row, or of big balloons where it has none; and say which in words."""
    ends = [h for h in (row.alt_low_m, row.alt_high_m) if h is not None]
    if ends:
        low, high = min(ends) - ALT_SLACK_M, max(ends) + ALT_SLACK_M
        middle = f"{sum(ends) / len(ends) / 1e3:.1f} km as reported"
        return rng.uniform(low, high, count), middle
    drawn = rng.normal(CLASS_ALT_M, CLASS_ALT_SD_M, count).clip(*CLASS_RANGE_M)
    return np.asarray(drawn, np.float64), f"{CLASS_ALT_M / 1e3:g} km, the height of its class"

"""What an observer says, and what was true of it: one record for the row of the table and for the key to it.

A `Report` holds the cells of a row of `sightings.csv` as numbers, and beside them its fault. The faults are
those that a reconstruction can ascribe to a report (`docs/sightings.md`):

- "none": the object was there, within what the row says;
- "afar": the watcher's place is right and the object low above his horizon, not over the place he names;
- "another_time": it was there at another time (a slipped zone, a late paper, a wrong clock);
- "mistaken": something else was seen, or the place is wrong;
- "invented": the object itself is made up.

The altitude may be wrong beside each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.geo import distance_m, unwrap_lon, wrap_lon
from overflight.times import iso_utc

Float64s = npt.NDArray[np.float64]
Fault = Literal["none", "afar", "another_time", "mistaken", "invented"]
FAULTS: Final[tuple[Fault, ...]] = ("none", "afar", "another_time", "mistaken", "invented")

COLUMNS: Final = (
    *("id", "time_utc_start", "time_utc_end", "lat", "lon", "radius_km", "alt_m_low", "alt_m_high"),
    *("alt_kind", "phase", "kind", "source", "reliability", "place", "bearing_deg", "bearing_sd_deg"),
    *("elevation_deg", "elevation_sd_deg", "text"),
)


class Track(NamedTuple):
    """The true path of one object, (T,) each, only while it is aloft; `lon_deg` continuous."""

    id: str
    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    pressure_pa: Float64s
    real: bool = True


def make_track(
    id_: str,
    time_s: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    *,
    real: bool = True,
) -> Track:
    """Return a track of columns (T,), longitudes unwrapped and moments without a place left out."""
    columns = [np.asarray(c, dtype=np.float64) for c in (time_s, lon_deg, lat_deg, alt_m, pressure_pa)]
    known = np.isfinite(np.stack(columns)).all(axis=0)
    time, lon, lat, alt, pressure = (c[known] for c in columns)
    return Track(id_, time, unwrap_lon(lon), lat, alt, pressure, real)


def place_at(track: Track, time_s: npt.ArrayLike) -> tuple[Float64s, Float64s, Float64s]:
    """Return longitude in [-180, 180), latitude and altitude at times; NaN when it was not aloft."""
    t = np.asarray(time_s, dtype=np.float64)
    if track.time_s.size == 0:
        nothing = np.full(t.shape, np.nan)
        return nothing, nothing.copy(), nothing.copy()
    lon, lat, alt = (
        np.interp(t, track.time_s, values, left=np.nan, right=np.nan)
        for values in (track.lon_deg, track.lat_deg, track.alt_m)
    )
    return wrap_lon(lon), np.asarray(lat), np.asarray(alt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One row of the table, and what was true of it.

    Times are POSIX seconds. `radius_m` None leaves the region to the watcher's place. `object` names the
    track that was seen, empty where none was; `true_time_s` is when it was seen in truth. `copied_from` is
    the place of the original in the list of reports, for one that was copied.
    """

    time_start: float
    time_end: float
    lon_deg: float
    lat_deg: float
    kind: str
    source: str
    text: str
    radius_m: float | None = None
    place: str = ""
    reliability: str = "unknown"
    alt_low_m: float | None = None
    alt_high_m: float | None = None
    alt_kind: str = "unspecified"
    phase: str = "float"
    bearing_deg: float | None = None
    bearing_sd_deg: float | None = None
    elevation_deg: float | None = None
    elevation_sd_deg: float | None = None
    object: str = ""
    fault: Fault = "none"
    alt_fault: bool = False
    true_time_s: float | None = None
    copied_from: int | None = None


def cells(report: Report, identity: str) -> dict[str, str]:
    """Return the row of a report, text by column name, digits as people write them."""
    start, end = iso_utc(report.time_start), iso_utc(report.time_end)
    return {
        "id": identity,
        "time_utc_start": start,
        "time_utc_end": end,
        "lat": f"{report.lat_deg:.4f}",
        "lon": f"{float(wrap_lon(report.lon_deg)):.4f}",
        "radius_km": "" if report.radius_m is None else f"{report.radius_m / 1e3:.3g}",
        "alt_m_low": _whole(report.alt_low_m),
        "alt_m_high": _whole(report.alt_high_m),
        "alt_kind": report.alt_kind if report.alt_low_m is not None else "",
        "phase": report.phase,
        "kind": report.kind,
        "source": report.source,
        "reliability": report.reliability,
        "place": report.place,
        "bearing_deg": _whole(report.bearing_deg),
        "bearing_sd_deg": _whole(report.bearing_sd_deg),
        "elevation_deg": _whole(report.elevation_deg),
        "elevation_sd_deg": _whole(report.elevation_sd_deg),
        "text": report.text,
    }


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def true_row(report: Report, track: Track | None, ids: Sequence[str], subject: str) -> dict[str, Any]:
    """Return the key to a row: its fault as far as the subject goes, and where the object was at the time.

    A true report of another object is, for the subject, of something else.
    """
    middle = 0.5 * (report.time_start + report.time_end)
    row: dict[str, Any] = {
        "object": report.object or None,
        "fault": "mistaken" if report.object not in ("", subject) else report.fault,
        "alt_fault": report.alt_fault,
        "true_time_s": report.true_time_s,
        "copied_from": None if report.copied_from is None else ids[report.copied_from],
        "distance_km": None,
        "alt_m": None,
    }
    if track is not None:
        lon, lat, alt = (float(x) for x in place_at(track, middle))
        if np.isfinite(lon):
            away = float(distance_m(report.lon_deg, report.lat_deg, lon, lat))
            row |= {"distance_km": round(away / 1e3, 3), "alt_m": round(alt, 1)}
    return row

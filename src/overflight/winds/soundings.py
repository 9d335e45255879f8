"""Soundings: the record that every reader of balloon-borne wind profiles returns.

One file a format beside this one: `sounding_arm` (ARM netCDF), `sounding_rs41` (decoded RS41 CSV),
`sounding_igra` (IGRA v2 text). Each has `parse_*` (bytes) and `read_*` (path), and each returns a tuple
of `Sounding`, for a file may hold many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from overflight import atmosphere
from overflight.errors import InputError, LimitError
from overflight.records import Mark

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COLUMNS = ("time_s", "lat_deg", "lon_deg", "alt_msl_m", "pressure_pa", "u_mps", "v_mps")

# The whole record of an old station in IGRA is about 250 MB of text; a single flight is below 10 MB.
MAX_FILE_BYTES = 600_000_000

# The fastest wind ever sounded is below 180 m/s; what is above is a broken row.
MAX_WIND_MPS = 200.0
MAX_ALT_M = 60_000.0
MIN_ALT_M = -500.0
MAX_PRESSURE_PA = 110_000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sounding:
    """One ascent (or descent): wind against height, with the place and time of each row.

    Arrays have shape (N,), ordered by time: `time_s` POSIX seconds UTC, `lat_deg`, `lon_deg` in
    [-180, 180), `alt_msl_m`, `pressure_pa`, `u_mps` eastward, `v_mps` northward. Time, place and wind
    are finite in every row; of height and pressure one may be NaN where the source has none (see
    `fill_heights`). `rejects` counts the rows left out, by reason; `marks` say what holds for the whole
    sounding, such as a position that is the station's. `reckoned_radius_m` is the radius of the sphere on
    which the source worked its positions out from the wind, None where they were measured. N is 0 when
    nothing was usable, with the reasons in `rejects` and `marks`.
    """

    station: str
    source: str
    file: str
    time_s: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    alt_msl_m: Float64s
    pressure_pa: Float64s
    u_mps: Float64s
    v_mps: Float64s
    rejects: Mapping[str, int] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    reckoned_radius_m: float | None = None

    def __post_init__(self) -> None:
        rows = self.time_s.shape
        for name in COLUMNS:
            if getattr(self, name).shape != rows or len(rows) != 1:
                raise InputError("the columns of a sounding differ in length", file=self.file, field=name)


def make_sounding(
    *,
    station: str,
    source: str,
    file: str,
    time_s: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    alt_msl_m: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    u_mps: npt.ArrayLike,
    v_mps: npt.ArrayLike,
    marks: tuple[Mark, ...] = (),
    reckoned_radius_m: float | None = None,
) -> Sounding:
    """Build a sounding from raw columns: reject what cannot be used, by reason, and order by time.

    Columns have shape (N,), NaN where missing. A row is rejected for the first reason that applies;
    repeated times keep their first row.
    """
    columns = dict(
        zip(
            COLUMNS,
            (
                np.asarray(c, dtype=np.float64).copy()
                for c in (time_s, lat_deg, lon_deg, alt_msl_m, pressure_pa, u_mps, v_mps)
            ),
            strict=True,
        )
    )
    keep, counts = _usable(columns)
    order = np.flatnonzero(keep)[np.argsort(columns["time_s"][keep], kind="stable")]
    repeated = np.zeros(order.size, dtype=bool)
    repeated[1:] = np.diff(columns["time_s"][order]) <= 0.0
    if repeated.any():
        counts["repeated time"] = int(repeated.sum())
    order = order[~repeated]
    kept = {name: values[order] for name, values in columns.items()}
    kept["lon_deg"] = (kept["lon_deg"] + 180.0) % 360.0 - 180.0
    if order.size == 0:
        marks = (*marks, Mark("empty", "no row has time, place, height and wind", "unusable"))
    return Sounding(
        station=station,
        source=source,
        file=file,
        rejects=counts,
        marks=marks,
        reckoned_radius_m=reckoned_radius_m,
        **kept,
    )


def _usable(columns: Mapping[str, Float64s]) -> tuple[Bools, dict[str, int]]:
    alt, pressure = columns["alt_msl_m"], columns["pressure_pa"]
    # A reason and the rows it strikes, in the order in which they are blamed.
    with np.errstate(invalid="ignore"):
        reasons: tuple[tuple[str, Bools], ...] = (
            ("no time", ~np.isfinite(columns["time_s"])),
            ("no position", ~(np.isfinite(columns["lat_deg"]) & np.isfinite(columns["lon_deg"]))),
            ("no height", ~(np.isfinite(alt) | np.isfinite(pressure))),
            ("no wind", ~(np.isfinite(columns["u_mps"]) & np.isfinite(columns["v_mps"]))),
            ("latitude out of range", np.abs(columns["lat_deg"]) > 90.0),
            ("longitude out of range", np.abs(columns["lon_deg"]) > 360.0),
            ("altitude out of range", (alt < MIN_ALT_M) | (alt > MAX_ALT_M)),
            ("pressure out of range", (pressure <= 0.0) | (pressure > MAX_PRESSURE_PA)),
            ("wind out of range", np.hypot(columns["u_mps"], columns["v_mps"]) > MAX_WIND_MPS),
        )
    keep = np.ones(alt.shape, dtype=bool)
    counts: dict[str, int] = {}
    for reason, struck in reasons:
        fresh = keep & struck
        if fresh.any():
            counts[reason] = int(fresh.sum())
        keep &= ~struck
    return keep, counts


def fill_heights(sounding: Sounding) -> Sounding:
    """Give every row both a height and a pressure, and mark where they were derived.

    A missing one is interpolated in the sounding's own profile (log-pressure against height) between
    rows that have both, and taken from the US Standard Atmosphere 1976 elsewhere: off by up to some
    hundred metres at 10-20 km, more in polar winter.
    """
    alt, pressure = sounding.alt_msl_m.copy(), sounding.pressure_pa.copy()
    no_alt, no_pressure = ~np.isfinite(alt), ~np.isfinite(pressure)
    if not (no_alt.any() or no_pressure.any()):
        return sounding
    both = ~(no_alt | no_pressure)
    alt[no_alt], own_alt = _own_profile(-np.log(pressure[no_alt]), -np.log(pressure[both]), alt[both])
    log_p, own_p = _own_profile(sounding.alt_msl_m[no_pressure], alt[both], np.log(pressure[both]))
    pressure[no_pressure] = np.exp(log_p)
    for missing, own, values, given, standard in (
        (no_alt, own_alt, alt, sounding.pressure_pa, atmosphere.alt_from_pressure),
        (no_pressure, own_p, pressure, sounding.alt_msl_m, atmosphere.pressure_pa),
    ):
        rows = np.flatnonzero(missing)[~own]
        values[rows] = standard(given[rows])
    standard_rows = int((~own_alt).sum() + (~own_p).sum())
    reason = f"{int(no_alt.sum())} heights and {int(no_pressure.sum())} pressures derived"
    if standard_rows:
        reason += f", {standard_rows} of them from the standard atmosphere"
    mark = Mark("heights_derived", reason, "note")
    return replace(sounding, alt_msl_m=alt, pressure_pa=pressure, marks=(*sounding.marks, mark))


def _own_profile(wanted: Float64s, axis: Float64s, values: Float64s) -> tuple[Float64s, Bools]:
    """Interpolate inside the span of `axis`; returns the values and which are inside."""
    if axis.size < 2:
        return np.full(wanted.shape, np.nan), np.zeros(wanted.shape, dtype=bool)
    order = np.argsort(axis, kind="stable")
    axis = axis[order]
    inside = (wanted >= axis[0]) & (wanted <= axis[-1])
    return np.where(inside, np.interp(wanted, axis, values[order]), np.nan), inside


def wind_from(direction_from_deg: npt.ArrayLike, speed_mps: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    """Return (u, v) of a wind that blows *from* a direction, the meteorological convention."""
    angle = np.radians(np.asarray(direction_from_deg, dtype=np.float64))
    speed = np.asarray(speed_mps, dtype=np.float64)
    return -speed * np.sin(angle), -speed * np.cos(angle)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a sounding file, or raise naming the file."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise LimitError(
                f"the file has {size / 1e6:.0f} MB; soundings are read up to {MAX_FILE_BYTES / 1e6:.0f} MB",
                where=str(path),
                remedy="Cut it to the dates of the case.",
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the sounding cannot be read: {error.strerror or error}",
            file=str(path),
            remedy="Check the path and its permissions.",
        ) from error


def read_soundings(path: Path) -> tuple[Sounding, ...]:
    """Read a sounding file of any known format, told by its content and then its name.

    Raises
    ------
    InputError
        When the file is in none of the formats, or is damaged; the message names line and field.
    """
    from overflight.winds import sounding_arm, sounding_igra, sounding_rs41

    data = read_bytes(path)
    known: tuple[tuple[bool, Callable[..., tuple[Sounding, ...]]], ...] = (
        (data[:3] == b"CDF" or data[:4] == b"\x89HDF", sounding_arm.parse_arm),
        (data[:1] == b"#", sounding_igra.parse_igra),
        (data.lstrip(b"\xef\xbb\xbf")[:4] == b"time", sounding_rs41.parse_rs41),
    )
    for fits, parse in known:
        if fits:
            return parse(data, file=str(path))
    raise InputError(
        "this is no sounding in a known format",
        file=str(path),
        remedy="Give ARM netCDF, RS41 CSV (header 'time,lat,lon,alt,…') or unzipped IGRA v2 text.",
    )

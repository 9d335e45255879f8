"""What a flight was fixed by: sightings or a track as rows of numbers for the filter.

A fix is a place with a covariance in the frame's plane, a time with a standard deviation, maybe a height, and
the chances that it was made from afar, at another time, or is plainly wrong. The readings and their numbers
are those of `likelihood.py`. A time is one number here and not a choice of nodes: a window is a spread along
the flight's velocity, good for windows of hours, coarse for days.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, LimitError
from overflight.reconstruct.frame import Frame
from overflight.reconstruct.likelihood import SLIP_WINDOW_S, WINDOW_SDS, Scenario, stated_height
from overflight.reconstruct.motion import MAX_Y_KM, MIN_COS
from overflight.records import Sighting
from overflight.sightings.kinds import kind_info, p_mistaken
from overflight.sightings.witness import sighting_region
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]

# A month by the minute.
MAX_FIXES = 50_000
MAX_ALT_KM = 60.0
# Of a balloon's own reports, as in `sightings.kinds`.
P_ALT_WRONG = 0.01
# Ten turns of the Earth.
MAX_X_KM = 4e5


class Fixes(NamedTuple):
    """Fixes in order of time; every array is (K,) but `cov_km2` (K, 3: xx, xy, yy), all in the frame's plane.

    `time_s` is the middle of the window and `time_sd_s` its standard deviation; `alt_km` and `alt_sd_km` are
    NaN where there is no height. The chances are priors of the readings (`likelihood.READINGS`), and of a
    height that is a mistake.
    """

    time_s: Float64s
    x_km: Float64s
    y_km: Float64s
    cov_km2: Float64s
    time_sd_s: Float64s
    alt_km: Float64s
    alt_sd_km: Float64s
    p_afar: Float64s
    p_slip: Float64s
    p_mistaken: Float64s
    p_alt_wrong: Float64s


def fixes_from_sightings(
    sightings: Sequence[Sighting],
    frame: Frame,
    scenario: Scenario | None = None,
    *,
    float_alt_m: tuple[float, float] = (18_000.0, 4_000.0),
) -> tuple[Fixes, tuple[str, ...]]:
    """Return the fixes of the sightings that may be fitted, and their ids, in order of time.

    Those without a place, of a role or with marks that forbid it are left out: what is missing from the ids
    was not used. `scenario` takes some as true and some as mistaken; `float_alt_m` is mean and standard
    deviation of the height of a balloon that somebody saw.
    """
    told = scenario or Scenario("all", "all sightings")
    rows: list[tuple[float, ...]] = []
    ids: list[str] = []
    for sighting in sorted(
        (s for s in sightings if s.fitted), key=lambda s: (s.time_start + s.time_end, s.id)
    ):
        region = sighting_region(sighting, *float_alt_m)
        if region is None:
            continue
        cov = ((region.cov_ee_m2, region.cov_en_m2), (region.cov_en_m2, region.cov_nn_m2))
        start, end = sighting.time_start, sighting.time_end
        rows.append(
            (
                0.5 * (start + end),
                *_place(frame, region.lon_deg, region.lat_deg, np.array(cov)),
                (end - start) / (2.0 * WINDOW_SDS),
                *_chances(sighting, told),
            )
        )
        ids.append(sighting.id)
    return _fixes(np.array(rows).reshape(-1, 13)), tuple(ids)


def fixes_from_track(
    frame: Frame,
    time_s: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    *,
    sd_m: npt.ArrayLike,
    alt_m: npt.ArrayLike | None = None,
    alt_sd_m: npt.ArrayLike | None = None,
    p_mistaken: float = 0.0,
    p_alt_wrong: float = P_ALT_WRONG,
) -> Fixes:
    """Return the fixes of a track (K,), put in order of time; a NaN in `alt_m` is no height.

    `sd_m` is the standard deviation of the place on each axis, `alt_sd_m` that of a height: one number or
    one a fix. `p_alt_wrong` keeps a height that no model makes from deciding alone: with zero, one such
    height outweighs all else. Raises InputError for what is not a number or not a place.
    """
    time = np.atleast_1d(np.asarray(time_s, dtype=float))
    shape = time.shape
    lon, lat, sd = (
        _column(name, v, shape) for name, v in (("lon_deg", lon_deg), ("lat_deg", lat_deg), ("sd_m", sd_m))
    )
    alt = np.full(shape, np.nan) if alt_m is None else _column("alt_m", alt_m, shape)
    if alt_m is not None and alt_sd_m is None:
        raise InputError("heights come without their error", field="alt_sd_m", remedy="Give it in metres.")
    alt_sd = np.full(shape, np.nan) if alt_sd_m is None else _column("alt_sd_m", alt_sd_m, shape)
    alt_sd = np.where(np.isnan(alt), np.nan, alt_sd)
    for name, bad in (
        ("time_s", ~np.isfinite(time)),
        ("lon_deg", ~np.isfinite(lon)),
        ("lat_deg", ~(np.abs(lat) <= 90.0)),
        ("sd_m", ~((sd > 0.0) & np.isfinite(sd))),
        ("alt_sd_m", ~np.isnan(alt) & ~(alt_sd > 0.0)),
    ):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"row {k} of the track (time {time[k]!r}, place {lon[k]!r}, {lat[k]!r}, errors {sd[k]!r} and "
                f"{alt_sd[k]!r} m) cannot be used",
                field=name,
                remedy="Leave such rows out, or mend them.",
            )
    places = [_place(frame, float(lon[k]), float(lat[k]), np.eye(2) * sd[k] ** 2) for k in range(time.size)]
    rest = np.zeros((time.size, 7))
    rest[:, 1], rest[:, 2] = alt / 1e3, alt_sd / 1e3
    rest[:, 5], rest[:, 6] = p_mistaken, p_alt_wrong
    rows = np.column_stack([time, np.array(places).reshape(-1, 5), rest])
    return _fixes(rows[np.argsort(time, kind="stable")])


def check_fixes(fixes: Fixes) -> None:
    """Raise InputError (LimitError for too many) when the filter cannot use the fixes."""
    count = fixes.time_s.size
    if count < 2:
        raise InputError(f"{count} fixes tell nothing of a motion", remedy="Give two or more.")
    if count > MAX_FIXES:
        raise LimitError(f"{count} fixes are more than {MAX_FIXES}", remedy="Thin the track.")
    if any(a.shape != ((count, 3) if name == "cov_km2" else (count,)) for name, a in fixes._asdict().items()):
        raise InputError("the arrays of the fixes differ in length", remedy="Make them by fixes_from_track.")
    xx, xy, yy = fixes.cov_km2.T
    has_alt = ~np.isnan(fixes.alt_km)
    chances = (fixes.p_afar, fixes.p_slip, fixes.p_mistaken, fixes.p_alt_wrong)
    problems = {
        "time_s": ~np.isfinite(fixes.time_s) | (np.diff(fixes.time_s, prepend=fixes.time_s[0]) < 0.0),
        "x_km, y_km": ~((np.abs(fixes.x_km) < MAX_X_KM) & (np.abs(fixes.y_km) < MAX_Y_KM)),
        "cov_km2": ~((xx > 0.0) & (yy > 0.0) & (xx * yy - xy * xy > 0.0) & np.isfinite(xx + yy)),
        "time_sd_s": ~((fixes.time_sd_s >= 0.0) & np.isfinite(fixes.time_sd_s)),
        "alt_km": has_alt & ~((np.abs(fixes.alt_km) < MAX_ALT_KM) & (fixes.alt_sd_km > 0.0)),
        "p_*": ~np.all([(p >= 0.0) & (p <= 1.0) for p in chances], axis=0)
        | (fixes.p_afar + fixes.p_slip + fixes.p_mistaken > 1.0 + 1e-9),
    }
    for name, bad in problems.items():
        if bad.any():
            raise InputError(
                f"fix {int(np.flatnonzero(bad)[0])} cannot be used",
                field=name,
                remedy="Finite numbers in order of time, within 9,500 km of the frame's equator.",
            )


def _column(name: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> Float64s:
    try:
        return np.broadcast_to(np.asarray(values, dtype=float), shape).astype(float)
    except ValueError as error:
        raise InputError(
            f"there are {shape[0]} times and {np.size(values)} values", field=name, remedy="Give one a fix."
        ) from error


def _fixes(rows: Float64s) -> Fixes:
    """Rows of time, x, y, the covariance, and the seven columns after it."""
    column = [np.ascontiguousarray(values) for values in rows.T]
    return Fixes(
        time_s=column[0],
        x_km=column[1],
        y_km=column[2],
        cov_km2=np.ascontiguousarray(rows[:, 3:6]),
        time_sd_s=column[6],
        alt_km=column[7],
        alt_sd_km=column[8],
        p_afar=column[9],
        p_slip=column[10],
        p_mistaken=column[11],
        p_alt_wrong=column[12],
    )


def _place(
    frame: Frame, lon_deg: float, lat_deg: float, cov_m2: Float64s
) -> tuple[float, float, float, float, float]:
    """Place (km) and covariance (km²) in the frame's plane of one on the ground, east and north."""
    x_m, y_m = (float(v) for v in frame.to_plane(lon_deg, lat_deg))
    angle = float(frame.east_angle_rad(lon_deg, lat_deg))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cov = turn @ cov_m2 @ turn.T / 1e6
    stretch = 1.0 / max(math.cos(y_m / EARTH_RADIUS_M), MIN_COS)
    return (
        x_m / 1e3,
        y_m / 1e3,
        float(cov[0, 0]) * stretch**2,
        float(cov[0, 1]) * stretch,
        float(cov[1, 1]),
    )


def _chances(sighting: Sighting, scenario: Scenario) -> tuple[float, float, float, float, float, float]:
    """Height, its error, and chances of afar, slip, mistaken and a wrong height, as `likelihood` has them."""
    info = kind_info(sighting.kind)
    wrong = 0.0 if sighting.id in scenario.accepts else p_mistaken(sighting.kind, sighting.reliability)
    clock = info.has_clock and sighting.time_end - sighting.time_start <= SLIP_WINDOW_S
    alt_km, alt_sd_km, p_alt_wrong = stated_height(sighting)
    shares = (info.p_afar, info.p_time_slip if clock else 0.0, wrong)
    if sighting.id in scenario.rejects:
        shares = (0.0, 0.0, 1.0)
    return alt_km, alt_sd_km, *shares, 0.0 if math.isnan(p_alt_wrong) else p_alt_wrong

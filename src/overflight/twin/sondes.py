"""Winds that others measured in the made weather: radiosondes, and other balloons afloat.

Files are in formats that `overflight.winds` reads: a sonde as a receiver decodes an RS41
(`winds.sounding_rs41`), another balloon as a table of fixes (`winds.flights`). Both go with the true wind,
small scales included, and carry what such sources carry: no pressure, and ten minutes between fixes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from overflight.atmosphere import pressure_pa
from overflight.geo import destination, wrap_lon
from overflight.times import iso_utc, to_datetime
from overflight.trajectories.ensemble import Start
from overflight.twin.autopilot import Drift
from overflight.twin.budget import balloon, launched
from overflight.twin.flight import fly_twin
from overflight.twin.reports import Track, place_at
from overflight.twin.weather import Weather
from overflight.units import EARTH_RADIUS_M, HOUR_S
from overflight.winds.grid import Float64s

ASCENT_MPS: Final = 5.0
STEP_S: Final = 30.0
# The made weather begins at 1000 hPa, 111 m.
LOWEST_M: Final = 150.0
SYNOPTIC_S: Final = 12.0 * HOUR_S
# Bursts of service balloons; the made weather ends at 5 hPa, 36 km.
BURST_M: Final = (25e3, 33e3)
STATION_OFF_M: Final = 500e3
SISTER_OFF_M: Final = 400e3
FIX_S: Final = 600.0


def sondes(
    weather: Weather, track: Track, window: tuple[float, float], stations: int, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    """Yield name and text of one file a sounding: stations about the path, at 0 and 12 UTC in the window."""
    first = math.ceil(window[0] / SYNOPTIC_S) * SYNOPTIC_S
    nominal = np.arange(first, window[1], SYNOPTIC_S)
    if stations == 0 or nominal.size == 0 or track.time_s.size == 0:
        return
    shares = (np.arange(stations) + rng.uniform(0.0, 1.0, stations)) / stations
    when = track.time_s[0] + shares * (track.time_s[-1] - track.time_s[0])
    lon, lat, _ = place_at(track, when)
    away = STATION_OFF_M * np.sqrt(rng.uniform(size=stations))
    lon, lat = destination(lon, lat, rng.uniform(0.0, 360.0, stations), away)
    index = np.repeat(np.arange(stations), nominal.size)
    # Released a little before the hour that they are named for.
    release = np.tile(nominal, stations) - rng.uniform(2400.0, 3600.0, index.size)
    burst = rng.uniform(*BURST_M, index.size)
    rows = ascend(weather, lon[index], lat[index], release, burst)
    for i in range(index.size):
        stamp = to_datetime(float(np.tile(nominal, stations)[i])).strftime("%Y%m%d%H")
        yield f"station{index[i] + 1:02d}-{stamp}.csv", _rs41(release[i], rows[:, i])


def ascend(
    weather: Weather, lon_deg: Float64s, lat_deg: Float64s, release_s: Float64s, burst_m: Float64s
) -> Float64s:
    """Return lon, lat, alt, u, v (5, N, K) of N sondes at steps of 30 s; NaN after the burst."""
    steps = int((float(np.max(burst_m)) - LOWEST_M) / ASCENT_MPS / STEP_S)
    rows = np.full((5, lon_deg.size, steps), np.nan)
    lon, lat = lon_deg.astype(float).copy(), lat_deg.astype(float).copy()
    for k in range(steps):
        alt = LOWEST_M + ASCENT_MPS * STEP_S * k
        u, v = weather.wind(release_s + STEP_S * k, float(pressure_pa(alt)), lat, lon)
        rows[:, :, k] = lon, lat, np.full(lon.size, alt), u, v
        lat = lat + np.degrees(STEP_S * v / EARTH_RADIUS_M)
        lon = lon + np.degrees(STEP_S * u / (EARTH_RADIUS_M * np.cos(np.radians(lat))))
        rows[:, alt > burst_m, k] = np.nan
    return rows


def _rs41(release_s: float, rows: Float64s) -> str:
    lines = ["time,lat,lon,alt,vel_v,vel_h,heading"]
    for k in np.flatnonzero(np.isfinite(rows).all(axis=0)):
        lon, lat, alt, u, v = (float(x) for x in rows[:, k])
        stamp = iso_utc(release_s + STEP_S * k).replace("T", " ").rstrip("Z")
        heading = math.degrees(math.atan2(u, v)) % 360.0
        lines.append(
            f"{stamp},{lat:.5f},{float(wrap_lon(lon)):.5f},{alt:.0f},{ASCENT_MPS:.1f},"
            f"{math.hypot(u, v):.1f},{heading:.0f}"
        )
    return "\n".join(lines) + "\n"


def sisters(
    weather: Weather, track: Track, count: int, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    """Yield name and text of the tracks of other balloons that floated near the subject."""
    if track.time_s.size == 0:
        return
    level = float(np.median(track.alt_m))
    for n in range(count):
        share, side = rng.uniform(0.0, 0.7), rng.uniform(0.0, 360.0)
        when = float(track.time_s[0] + share * (track.time_s[-1] - track.time_s[0]))
        lon, lat, _ = (float(x) for x in place_at(track, when))
        x, y = (float(v) for v in destination(lon, lat, side, SISTER_OFF_M * math.sqrt(rng.uniform())))
        alt = min(max(level + rng.normal(0.0, 1200.0), 8e3), 30e3)
        begin = max(math.floor(when / FIX_S) * FIX_S - 2.0 * HOUR_S, float(weather.truth.time_s[0]))
        flight = fly_twin(
            launched(balloon("drifter"), float_alt_m=alt), Drift(), weather.truth, None,
            Start(lon_deg=x, lat_deg=y, time_s=begin, alt_m=100.0),
            min(float(track.time_s[-1]), float(weather.truth.time_s[-1])),
            truth_error=weather.subgrid,
        )  # fmt: skip
        yield f"balloon{n + 1:02d}.csv", _table(flight.time_s, flight.lon_deg, flight.lat_deg, flight.alt_m)


def _table(time_s: Float64s, lon: Float64s, lat: Float64s, alt: Float64s) -> str:
    lines = ["time,lat,lon,alt_m"]
    climbing = alt < float(np.max(alt)) - 500.0
    for i in range(time_s.size):
        if i % 10 == 0 or (climbing[i] and i % 2 == 0):
            lines.append(f"{iso_utc(time_s[i])},{lat[i]:.5f},{lon[i]:.5f},{alt[i]:.0f}")
    return "\n".join(lines) + "\n"

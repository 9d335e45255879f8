"""Made flights with a known answer: a turning, sheared wind, and balloons that drift or do not."""

from __future__ import annotations

import math

import numpy as np

from overflight.atmosphere import pressure_pa
from overflight.reconstruct.fixes import Fixes
from overflight.reconstruct.frame import fit_frame
from overflight.reconstruct.motion import Air, make_air
from overflight.steer.along import winds_along
from overflight.winds.grid import Grid

HOUR = 3600.0
# The frame whose plane is longitude and latitude, for flights near the equator.
PLAIN = fit_frame([-1.0, 0.0, 1.0], [0.0, 0.0, 0.0])
LEVELS_M = np.arange(4e3, 34.1e3, 1e3)


def made_grid(wind, sd_mps: float = 0.0, levels_m=LEVELS_M) -> Grid:
    """Sample `wind(height in km, lat, lon)` (m/s) on a steady grid round the globe."""
    lat, lon = np.arange(-90.0, 90.1, 2.5), np.arange(0.0, 360.0, 2.5)
    pressure = np.sort(pressure_pa(np.asarray(levels_m, float)))
    height = np.interp(np.log(pressure), np.log(pressure_pa(LEVELS_M))[::-1], LEVELS_M[::-1] / 1e3)
    z, la, lo = np.meshgrid(height, lat, lon, indexing="ij")
    u, v = (np.broadcast_to(part, z.shape).astype(np.float32)[None] for part in wind(z, la, lo))
    return Grid(
        time_s=np.zeros(1),
        pressure_pa=pressure,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u,
        v_mps=v,
        u_sd_mps=np.full(u.shape, sd_mps, np.float32),
        v_sd_mps=np.full(u.shape, sd_mps, np.float32),
        periodic=True,
        steady=True,
        name="made",
    )


def turning(z, la, lo):
    """A wind of some 14 m/s that turns through all directions in 9 km of height, with waves across it."""
    angle = 2.0 * np.pi * (z - 18.0) / 9.0
    return (
        6.0 + 10.0 * np.cos(angle) + 4.0 * np.sin(np.radians(8.0 * lo)),
        10.0 * np.sin(angle) + 4.0 * np.cos(np.radians(7.0 * lo)),
    )


def even_air(u_mps: float, v_mps: float = 0.0, sd_mps: float = 1.0) -> Air:
    """Return winds that are the same everywhere."""
    return make_air(PLAIN, made_grid(lambda z, la, lo: (u_mps + 0.0 * z, v_mps + 0.0 * z), sd_mps))


def made_fixes(time_s, x_km, y_km, *, sd_km: float = 5.0, alt_km=None, alt_sd_km: float = 0.1) -> Fixes:
    """Return fixes with equal errors and no doubt about any."""
    time_s = np.asarray(time_s, float)
    zero, none = np.zeros(time_s.size), np.full(time_s.size, np.nan)
    cov = np.tile([sd_km**2, 0.0, sd_km**2], (time_s.size, 1))
    alt = none if alt_km is None else np.broadcast_to(np.asarray(alt_km, float), time_s.shape).copy()
    alt_sd = none if alt_km is None else np.full(time_s.size, alt_sd_km)
    x, y = (np.broadcast_to(np.asarray(a, float), time_s.shape).copy() for a in (x_km, y_km))
    return Fixes(time_s, x, y, cov, zero, alt, alt_sd, zero, zero, zero, zero)


def flown(
    air: Air,
    *,
    hours: float,
    every_h: float,
    seed: int,
    error_mps: float,
    error_h: float = 10.5,
    alt_km=18.0,
    push=lambda t: (0.0, 0.0),
    sd_km: float = 5.0,
    heights: bool = False,
) -> Fixes:
    """Fly a balloon through the air plus an error of its own, and fix it with noise.

    `alt_km` is a number or a function of time in hours; `push` gives the airspeed, m/s, at a time in hours.
    """
    rng = np.random.default_rng([4, seed])
    step_h = 0.25
    count = round(hours / step_h)
    keep = math.exp(-step_h / error_h)
    error = rng.standard_normal(2) * error_mps
    place = np.zeros((count + 1, 2))
    level = alt_km if callable(alt_km) else lambda _t: alt_km
    for n in range(count):
        wind = winds_along(air, n * step_h * HOUR, *place[n], level(n * step_h)).velocity[0]
        own = (error + np.array(push(n * step_h))) / 1e3
        place[n + 1] = place[n] + (wind + own) * step_h * HOUR
        error = keep * error + math.sqrt(1.0 - keep**2) * error_mps * rng.standard_normal(2)
    at = np.arange(0, count + 1, round(every_h / step_h))
    seen = place[at] + sd_km * rng.standard_normal((at.size, 2))
    alt = [level(n * step_h) + 0.1 * rng.standard_normal() for n in at] if heights else None
    return made_fixes(at * step_h * HOUR, *seen.T, sd_km=sd_km, alt_km=alt)

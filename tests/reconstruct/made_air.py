"""Made-up winds for the tests of the reconstruction: flat ones in closed form, and wavy ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from overflight.atmosphere import pressure_pa
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.motion import Air, make_air
from overflight.winds.grid import Grid

# The frame whose plane is longitude and latitude, for flights near the equator.
PLAIN = fit_frame([-1.0, 0.0, 1.0], [0.0, 0.0, 0.0])
KM_PER_DEG = math.pi / 180.0 * 6371.0088


def made_grid(
    wind: Callable[..., tuple[np.ndarray, np.ndarray]],
    *,
    sd: float | tuple[float, float] = 0.0,
    lat=None,
    lon=None,
    time=(0.0,),
    levels_m=(15e3, 18e3, 21e3),
) -> Grid:
    """Sample `wind(t, ln_p, lat, lon)` (m/s) on a grid; global and steady unless told otherwise."""
    lat = np.arange(-90.0, 90.1, 2.5) if lat is None else np.asarray(lat, float)
    periodic = lon is None
    lon = np.arange(0.0, 360.0, 2.5) if lon is None else np.asarray(lon, float)
    pressure = np.sort(pressure_pa(np.asarray(levels_m)))
    mesh = np.meshgrid(np.asarray(time, float), np.log(pressure), lat, lon, indexing="ij")
    u, v = (np.broadcast_to(part, mesh[0].shape).astype(np.float32) for part in wind(*mesh))
    sd_u, sd_v = sd if isinstance(sd, tuple) else (sd, sd)
    return Grid(
        time_s=np.asarray(time, float),
        pressure_pa=pressure,
        lat_deg=lat,
        lon_deg=lon,
        u_mps=u,
        v_mps=v,
        u_sd_mps=np.full(u.shape, sd_u, np.float32),
        v_sd_mps=np.full(u.shape, sd_v, np.float32),
        periodic=periodic,
        steady=len(time) == 1,
        name="made",
    )


def even_air(u_mps: float = 0.0, v_mps: float = 0.0, sd_mps: float = 0.0, frame: Frame = PLAIN) -> Air:
    """Return winds that are the same everywhere."""
    return make_air(frame, made_grid(lambda t, p, la, lo: (u_mps, v_mps), sd=sd_mps))


def sloping_air(sd: tuple[float, float] = (4.0, 3.0)) -> Air:
    """Winds that are exactly linear in place and ln(pressure), on one cell about (0, 0, 17-19 km).

    Slopes are strong, so that every term counts within a few kilometres and minutes.
    """
    p0 = float(np.log(pressure_pa(18e3)))
    return make_air(
        PLAIN,
        made_grid(
            lambda t, p, la, lo: (
                8.0 + 60.0 * la - 40.0 * lo + 30.0 * (p - p0),
                -5.0 + 35.0 * la + 25.0 * lo - 45.0 * (p - p0),
            ),
            sd=sd,
            lat=[-1.0, 1.0],
            lon=[-1.0, 1.0],
            levels_m=(17e3, 19e3),
        ),
    )


def wavy(t, p, la, lo):
    """Planetary waves in m/s, regular at the poles."""
    a, b = np.radians(la), np.radians(lo)
    u = 15.0 * np.cos(a) + 12.0 * np.cos(2 * b + 0.3) * np.cos(a) ** 3 + 3.0 * (p - 9.0) * np.cos(a)
    v = 9.0 * np.sin(3 * b + a) * np.cos(a) ** 3 + 2.0 * (p - 9.0) * np.cos(a)
    return u + 1e-5 * t, v - 1e-5 * t

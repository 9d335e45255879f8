"""How a balloon moves: carried by the wind, with a wind error and a height that wander.

State of one member: `x_km, y_km` in the oblique frame, `n_u, n_v` the wind error in units of its own
standard deviation (an Ornstein-Uhlenbeck process of unit variance that follows the balloon), and `z_km`,
the geometric altitude, which wanders about the member's float level. The position moves with

    V(x, y, z, n, t) = mean wind + spread * n,

the mean and the spread from the wind data where they reach, else from the prior. One step is a midpoint
step; `linear_step` also returns its derivatives, which is all that the smoother needs to know of it.
Everything here is compiled; parameters travel as rows of plain arrays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight import atmosphere
from overflight.compiled import compiled
from overflight.reconstruct.frame import plane_to_earth
from overflight.winds.interpolate import PackedGrid, wind_at

Float64s = npt.NDArray[np.float64]

KM = 1000.0
TABLE_STEP_KM = 0.1
TABLE_TOP_KM = 50.0

# Finite-difference steps: well inside a cell of the fields in use, well above rounding.
DELTA_XY_KM = 15.0
DELTA_Z_KM = 0.15


class Air(NamedTuple):
    """What the motion kernel reads: the frame, the winds and how sure they are.

    `log_p` is ln(pressure in Pa) against geometric altitude every 0.1 km from 0 to 50 km.
    `error_uv_mps` is the error of the primary field; the prior brings its own spread. `has_primary`
    tells whether `primary` is gridded data (then `fallback` fills in where it ends) or the prior itself.
    `z_low_km, z_high_km` bound the heights at which the prior has values.
    """

    rotation: Float64s
    log_p: Float64s
    primary: PackedGrid
    fallback: PackedGrid
    has_primary: bool
    error_uv_mps: Float64s
    z_low_km: float
    z_high_km: float


class Wander(NamedTuple):
    """Scales of the random parts: correlation time of the wind error and of height, and their sizes."""

    wind_time_s: float
    height_time_s: float
    height_sd_km: float
    mixing_km_per_sqrt_h: float


def pressure_table() -> Float64s:
    """Return ln(pressure in Pa) every 0.1 km of geometric altitude, 0 to 50 km (standard atmosphere)."""
    alt_m = np.arange(0.0, TABLE_TOP_KM + TABLE_STEP_KM / 2, TABLE_STEP_KM) * KM
    return np.ascontiguousarray(np.log(atmosphere.pressure_pa(alt_m)))


@compiled
def log_pressure(table: Float64s, z_km: float) -> float:
    """Look up ln(pressure in Pa) at an altitude, clamped to the table."""
    s = min(max(z_km / 0.1, 0.0), table.size - 1.000001)
    i = int(s)
    return table[i] + (s - i) * (table[i + 1] - table[i])


@compiled
def air_at(air: Air, t: float, lon: float, lat: float, z_km: float) -> tuple[float, float, float, float, int]:
    """Return mean u and v, their spread, and 0 (primary), 1 (fallback) or 2 (height clamped)."""
    logp = log_pressure(air.log_p, z_km)
    if air.has_primary:
        p = air.primary
        u, v, su, sv, status = wind_at(
            p.time_s, p.log_p, p.lat_deg, p.lon_deg, p.periodic, p.steady, p.field, t, logp, lat, lon
        )
        if status == 0:
            eu, ev = air.error_uv_mps[0], air.error_uv_mps[1]
            return u, v, math.sqrt(su * su + eu * eu), math.sqrt(sv * sv + ev * ev), 0
    clamped = min(max(z_km, air.z_low_km), air.z_high_km)
    f = air.fallback
    u, v, su, sv, status = wind_at(
        f.time_s, f.log_p, f.lat_deg, f.lon_deg, f.periodic, f.steady, f.field, t,
        log_pressure(air.log_p, clamped), lat, lon,
    )  # fmt: skip
    where = 2 if clamped != z_km else (1 if air.has_primary else 0)
    return u, v, su, sv, where


@compiled
def velocity(
    air: Air, t: float, x_km: float, y_km: float, z_km: float, nu: float, nv: float
) -> tuple[float, float, float, float, float, float, int]:
    """Return dx/dt, dy/dt (km/s) and their derivatives by n_u and n_v, and the code of `air_at`.

    The derivatives come in the order dx/dn_u, dx/dn_v, dy/dn_u, dy/dn_v.
    """
    lon, lat, angle, cos_y = plane_to_earth(air.rotation, x_km * 1000.0, y_km * 1000.0)
    u, v, su, sv, where = air_at(air, t, lon, lat, z_km)
    ca, sa = math.cos(angle) / 1000.0, math.sin(angle) / 1000.0
    # A frame longitude circle shrinks with cos(y / R); keep the step finite near the frame's poles.
    stretch = 1.0 / max(cos_y, 0.05)
    u_total, v_total = u + su * nu, v + sv * nv
    vx = (ca * u_total - sa * v_total) * stretch
    vy = sa * u_total + ca * v_total
    return vx, vy, ca * su * stretch, -sa * sv * stretch, sa * su, ca * sv, where


@compiled
def step(
    air: Air, t: float, dt: float, x: float, y: float, z: float, nu: float, nv: float
) -> tuple[float, float, int]:
    """Move one midpoint step with height and wind error held at their means over the step."""
    vx, vy, _, _, _, _, _ = velocity(air, t, x, y, z, nu, nv)
    vx, vy, _, _, _, _, where = velocity(
        air, t + 0.5 * dt, x + 0.5 * dt * vx, y + 0.5 * dt * vy, z, nu, nv
    )
    return x + dt * vx, y + dt * vy, where


@compiled
def linear_step(
    air: Air, t: float, dt: float, x: float, y: float, z: float, nu: float, nv: float, out: Float64s
) -> None:
    """Linearise one step about a state; fills `out` (12,).

    `out` = x', y', then rows of derivatives of (x', y') by x, y, n_u, n_v, z.
    """
    vx0, vy0, _, _, _, _, _ = velocity(air, t, x, y, z, nu, nv)
    tm, xm, ym = t + 0.5 * dt, x + 0.5 * dt * vx0, y + 0.5 * dt * vy0
    vx, vy, gxu, gxv, gyu, gyv, _ = velocity(air, tm, xm, ym, z, nu, nv)
    d = 15.0
    ax, ay, _, _, _, _, _ = velocity(air, tm, xm + d, ym, z, nu, nv)
    bx, by, _, _, _, _, _ = velocity(air, tm, xm, ym + d, z, nu, nv)
    cx, cy, _, _, _, _, _ = velocity(air, tm, xm, ym, z + 0.15, nu, nv)
    out[0], out[1] = x + dt * vx, y + dt * vy
    out[2], out[3] = 1.0 + dt * (ax - vx) / d, dt * (bx - vx) / d
    out[4], out[5], out[6] = dt * gxu, dt * gxv, dt * (cx - vx) / 0.15
    out[7], out[8] = dt * (ay - vy) / d, 1.0 + dt * (by - vy) / d
    out[9], out[10], out[11] = dt * gyu, dt * gyv, dt * (cy - vy) / 0.15

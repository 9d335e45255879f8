"""How a balloon moves: carried by the wind, with a wind error and a height that wander.

State of one member: `x_km, y_km` in the oblique frame, `n_u, n_v` and `f_u, f_v` the slow and the fast part
of the wind error along x and y (Ornstein-Uhlenbeck processes of unit variance that follow the balloon), and
`z_km`, the geometric altitude, which wanders about the member's float level. The position moves with

    V(x, y, z, e, t) = mean wind + spread * e,    e = sqrt(1 - share) n + sqrt(share) f,

the mean and the spread from the case's own winds where they reach, else from the prior. A step is an
implicit midpoint step: x' = x + dt V((x + x') / 2, (z + z') / 2, (e + e') / 2, t + dt / 2) + mixing. It is
of second order, reads the wind once, and is the same in both directions of time.

Everything here is compiled and takes rows of plain arrays, the seven of `Air` in front.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight import atmosphere
from overflight.compiled import compiled, woven
from overflight.reconstruct.frame import Frame, earth_axes
from overflight.units import EARTH_RADIUS_M
from overflight.winds.grid import Grid
from overflight.winds.interpolate import pack, turn_share
from overflight.winds.slopes import SLOPES, lay_out, wind_slopes_at

Float64s = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

KM = 1000.0
TABLE_STEP_KM = 0.1
TABLE_TOP_KM = 50.0
RADIUS_KM = EARTH_RADIUS_M / KM
KM_PER_DEG = math.pi / 180.0 * RADIUS_KM
# E-folding time of the fast part of the wind error, docs/reconstruction.md.
FAST_TIME_S = 6.0 * 3600.0
# A longitude circle of the frame shrinks towards the frame's poles; the step is kept finite there.
MIN_COS = 0.05
# East and its slope lose their meaning at the pole itself: the last 6 km are taken as one place.
MIN_COS_LAT = 1e-3
MAX_Y_KM = 9500.0
# Members of the state: x, y, n_u, n_v, z, f_u, f_v.
STATE = 7
# V, J = dV/d(x, y), G = dV/d(e_u, e_v) and C = dV/dz at a step's midpoint, row by row.
LIN = 12
NO_OWN_AXES = np.zeros(8)
NO_OWN_FIELD = np.zeros((1, 4), np.float32)


class Air(NamedTuple):
    """What the motion kernel reads: the frame, the winds and how sure they are.

    `log_p` is ln(pressure in Pa) every 0.1 km of geometric altitude from 0 to 50 km. `own_*` is gridded
    data of the case, `prior_*` fills in where it ends. `numbers` holds whether there is own data (0 or 1),
    its error in u and v (m/s), the lowest and highest altitude (km) at which the prior has values, and what
    the prior's spread is multiplied by where it stands in for own data.
    """

    rotation: Float64s
    log_p: Float64s
    own_axes: Float64s
    own_field: Float32s
    prior_axes: Float64s
    prior_field: Float32s
    numbers: Float64s


def make_air(
    frame: Frame,
    prior: Grid,
    own: Grid | None = None,
    error_mps: tuple[float, float] = (0.0, 0.0),
    prior_factor: float = 1.0,
) -> Air:
    """Lay winds out for the kernel. `error_mps` is the standard deviation of the own winds' u and v.

    `prior_factor` widens the prior's spread where own winds end: the wind error has one correlation time,
    that of the own winds, and the prior's errors last longer.
    """
    table = pressure_table()
    heights = np.interp(
        np.log(prior.pressure_pa[[-1, 0]]), table[::-1], np.arange(table.size)[::-1] * TABLE_STEP_KM
    )
    own_axes, own_field = (NO_OWN_AXES, NO_OWN_FIELD) if own is None else lay_out(pack(own))
    numbers = np.array(
        [float(own is not None), *error_mps, heights[0] + 1e-3, heights[1] - 1e-3, prior_factor]
    )
    return Air(frame.rotation, table, own_axes, own_field, *lay_out(pack(prior)), numbers)


class Wander(NamedTuple):
    """Scales of the random parts. As a row of numbers it is what the kernels take.

    `wind_time_s`, `height_time_s`: correlation times of wind error and height; `height_sd_km`: wander of
    the height about its level; `mixing_km`: what a step adds to the position beyond the resolved wind, per
    square root of an hour. `fast_share` of the wind error's variance forgets itself in `fast_time_s`.
    """

    wind_time_s: float
    height_time_s: float
    height_sd_km: float
    mixing_km: float
    fast_time_s: float = FAST_TIME_S
    fast_share: float = 0.0


def pressure_table() -> Float64s:
    """Return ln(pressure in Pa) every 0.1 km of geometric altitude, 0 to 50 km (standard atmosphere)."""
    alt_m = np.arange(0.0, TABLE_TOP_KM + TABLE_STEP_KM / 2, TABLE_STEP_KM) * KM
    return np.ascontiguousarray(np.log(atmosphere.pressure_pa(alt_m)))


@woven
def log_pressure(table: Float64s, z_km: float) -> float:
    """Look up ln(pressure in Pa) at an altitude, clamped to the table."""
    s = min(max(z_km / TABLE_STEP_KM, 0.0), table.size - 1.000001)
    i = int(s)
    return float(table[i] + (s - i) * (table[i + 1] - table[i]))


@woven
def air_at(
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    t: float,
    lon: float,
    lat: float,
    z_km: float,
    out: Float64s,
) -> int:
    """Fill `out` as `winds.slopes` does, but with slopes by km of altitude in the last two places.

    Returns 0 (the case's own winds, or the prior when there are none), 1 (past the own winds: the prior)
    or 2 (height clamped to the prior's range).
    """
    if numbers[0] > 0.5:
        status = wind_slopes_at(own_axes, own_field, t, log_pressure(log_p, z_km), lat, lon, out)
        if status == 0:
            out[2] = math.sqrt(out[2] ** 2 + numbers[1] ** 2)
            out[3] = math.sqrt(out[3] ** 2 + numbers[2] ** 2)
            _slope_by_height(log_p, z_km, out)
            return 0
    clamped = min(max(z_km, numbers[3]), numbers[4])
    wind_slopes_at(prior_axes, prior_field, t, log_pressure(log_p, clamped), lat, lon, out)
    if numbers[0] > 0.5:
        out[2] *= numbers[5]
        out[3] *= numbers[5]
    if clamped != z_km:
        out[8], out[9] = 0.0, 0.0
        return 2
    _slope_by_height(log_p, z_km, out)
    return 1 if numbers[0] > 0.5 else 0


@woven
def _slope_by_height(log_p: Float64s, z_km: float, out: Float64s) -> None:
    """Turn slopes by ln(pressure) into slopes by km of altitude, in place."""
    per_km = (log_pressure(log_p, z_km + 0.05) - log_pressure(log_p, z_km - 0.05)) / 0.1
    out[8] *= per_km
    out[9] *= per_km


def air_codes(
    air: Air, time_s: Float64s, lon_deg: Float64s, lat_deg: Float64s, z_km: Float64s
) -> npt.NDArray[np.int8]:
    """Return the code of `air_at` for members (M, T); 0 where the position is not finite."""
    codes = np.zeros(lon_deg.shape, np.int8)
    _fill_codes(*air[1:], np.ascontiguousarray(time_s), lon_deg, lat_deg, z_km, codes)
    return codes


@compiled
def _fill_codes(
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    time_s: Float64s,
    lon: Float64s,
    lat: Float64s,
    z_km: Float64s,
    codes: npt.NDArray[np.int8],
) -> None:
    out = np.empty(SLOPES)
    for m in range(lon.shape[0]):
        for k in range(time_s.size):
            if math.isfinite(lon[m, k]):
                codes[m, k] = air_at(
                    log_p, own_axes, own_field, prior_axes, prior_field, numbers,
                    time_s[k], lon[m, k], lat[m, k], z_km[m, k], out,
                )  # fmt: skip


@woven
def linearise(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    t: float,
    x: float,
    y: float,
    z: float,
    eu: float,
    ev: float,
    out: Float64s,
    wind: Float64s,
) -> int:
    """Fill `out` (12,) with V (km/s), J, G and C at a point; `wind` (10,) is scratch; code of `air_at`.

    `eu, ev` is the wind error along the frame's x and y in units of the spread.

    J leaves out how the spread changes from place to place; the sampler's acceptance step accounts for
    it, as for all else that is not linear.
    """
    lon, lat, ca, sa, cos_lat, sin_lat, cos_y, sin_y = earth_axes(rotation, x * 1000.0, y * 1000.0)
    where = air_at(log_p, own_axes, own_field, prior_axes, prior_field, numbers, t, lon, lat, z, wind)
    stretch = 1.0 / max(cos_y, MIN_COS)
    kc, ks = ca / 1000.0, sa / 1000.0
    # The error keeps to the frame's directions, which do not turn under a balloon that passes a pole as
    # east and north do: the root of the spread's covariance, turned into the frame.
    sd_u, sd_v = wind[2] / 1000.0, wind[3] / 1000.0
    gxx, gyy = sd_u * ca * ca + sd_v * sa * sa, sd_u * sa * sa + sd_v * ca * ca
    gxy = (sd_u - sd_v) * ca * sa
    mean_x, mean_y = kc * wind[0] - ks * wind[1], ks * wind[0] + kc * wind[1]
    out[0], out[1] = (mean_x + gxx * eu + gxy * ev) * stretch, mean_y + gxy * eu + gyy * ev
    # Slopes per km east and north; east and north are (ca, sa) and (-sa, ca) in the frame. East itself
    # turns on the way east, but for the part that the wind's slopes have taken out already.
    cos_lat = max(cos_lat, MIN_COS_LAT)
    per_east = 1.0 / (KM_PER_DEG * cos_lat)
    turn = (sin_lat - turn_share(lat)) / (RADIUS_KM * cos_lat)
    ue, ve = wind[4] * per_east - turn * wind[1], wind[5] * per_east + turn * wind[0]
    un, vn = wind[6] / KM_PER_DEG, wind[7] / KM_PER_DEG
    ux, uy = ca * ue - sa * un, sa * ue + ca * un
    vx, vy = ca * ve - sa * vn, sa * ve + ca * vn
    # So does the frame's x direction, away from its equator.
    bend = sin_y / RADIUS_KM
    out[2] = kc * ux - ks * vx + bend * mean_y * stretch
    out[3] = (kc * uy - ks * vy) * stretch + out[0] * (sin_y / cos_y) / RADIUS_KM
    out[4], out[5] = (ks * ux + kc * vx) / stretch - bend * mean_x, ks * uy + kc * vy
    out[6], out[7], out[8], out[9] = gxx * stretch, gxy * stretch, gxy, gyy
    out[10], out[11] = (kc * wind[8] - ks * wind[9]) * stretch, ks * wind[8] + kc * wind[9]
    return where


@compiled
def run_forward(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    wander: Float64s,
    node_s: Float64s,
    level: Float64s,
    normals: Float64s,
    paths: Float64s,
) -> None:
    """Run members from `paths[:, 0]` through the nodes, in either direction of time, filling `paths`.

    `paths` and `normals` (standard normal draws) have shape (M, N, 7), `level` (M,) is the float level.
    Both random processes look the same in either direction of time.
    """
    out, wind = np.empty(LIN), np.empty(SLOPES)
    slow, fast = math.sqrt(1.0 - wander[5]), math.sqrt(wander[5])
    for m in range(paths.shape[0]):
        for k in range(node_s.size - 1):
            dt = node_s[k + 1] - node_s[k]
            phi_n, phi_z = math.exp(-abs(dt) / wander[0]), math.exp(-abs(dt) / wander[1])
            phi_f = math.exp(-abs(dt) / wander[4])
            q_n, q_f = math.sqrt(1.0 - phi_n * phi_n), math.sqrt(1.0 - phi_f * phi_f)
            q_z = math.sqrt(1.0 - phi_z * phi_z) * wander[2]
            old, new, e = paths[m, k], paths[m, k + 1], normals[m, k + 1]
            new[2] = phi_n * old[2] + q_n * e[2]
            new[3] = phi_n * old[3] + q_n * e[3]
            new[5] = phi_f * old[5] + q_f * e[5]
            new[6] = phi_f * old[6] + q_f * e[6]
            new[4] = level[m] + phi_z * (old[4] - level[m]) + q_z * e[4]
            mixing = wander[3] * math.sqrt(abs(dt) / 3600.0)
            eu = 0.5 * (slow * (old[2] + new[2]) + fast * (old[5] + new[5]))
            ev = 0.5 * (slow * (old[3] + new[3]) + fast * (old[6] + new[6]))
            z = 0.5 * (old[4] + new[4])
            x, y = old[0], old[1]
            # Two fixed-point rounds solve the midpoint rule to a few parts in a thousand of a step.
            for _ in range(3):
                linearise(
                    rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers,
                    node_s[k] + 0.5 * dt, 0.5 * (old[0] + x), 0.5 * (old[1] + y), z, eu, ev, out, wind,
                )  # fmt: skip
                x = old[0] + dt * out[0] + mixing * e[0]
                y = old[1] + dt * out[1] + mixing * e[1]
            # The frame's poles lie 90 degrees off the flight; a member that strays there is held back.
            new[0], new[1] = x, min(max(y, -MAX_Y_KM), MAX_Y_KM)

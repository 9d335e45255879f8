"""Ensembles at constant pressure on a graphics processor: numba's CUDA kernels behind the same call.

One thread is one particle. The functions that give the wind, its error and the air are those that the
processor runs, compiled a second time for the device, and the steps are those of
`overflight.trajectories.kernels`: linear interpolation, fourth-order Runge-Kutta, steps that end on kept
times, on samples of the wind and where its error is drawn anew. The numbers are the processor's but for
rounding, which grows with the flow: `tests/trajectories/test_gpu.py` holds 3 m after 12 hours, as much as
float32 leaves of a position.

What a device does not do here is refused: stages, stops and terms other than the constant pressure of the
start, levels that differ between members, higher-order interpolation, and air below the lowest level of the
winds. The wind of one time window lies on the device, beside 200 bytes a particle and its errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight import geo
from overflight.balloons.terms import ConstantPressure, Flight
from overflight.compiled import compiled
from overflight.errors import CoverageError, OverflightError
from overflight.trajectories.solve import STEP_S as LONGEST_STEP_S
from overflight.trajectories.solve import Windows, windows_of
from overflight.trajectories.steps import NO_AIR
from overflight.trajectories.stops import FINISHED, NOT_BEGUN
from overflight.trajectories.tracks import NOT_YET, Tracks
from overflight.winds.error_waves import ErrorWaves
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.interpolate import LOG_P_EDGE, pack
from overflight.winds.schemes import Scheme
from overflight.winds.thermo import pack_thermo, pressure_at, thermo_at

THREADS: Final = 128
# Rows of a particle's state and of the error it holds, and settings of a run, one row of floats.
LOG_P, TIME, STATE = 3, 4, 5
HELD_UNTIL, HELD = 3, 4
DIRECTION, STEP_S, ORIGIN_S, SD_U, SD_V, ERROR_EVERY_S, SETTINGS = range(7)
OUTSIDE_TIME: Final = 1  # of `winds.interpolate.WIND_STATUS`

INSTALL: Final = (
    "Install the extra 'gpu' (pip install 'overflight[gpu]') and NVIDIA's driver, or leave device='cpu'."
)


def require_gpu() -> None:
    """Raise OverflightError, saying what to do, where no CUDA device can be used."""
    cuda = _cuda()
    try:
        ready = bool(cuda.is_available())
    except Exception as error:  # whatever a broken driver does
        raise OverflightError(f"the graphics processor cannot be used: {error}", remedy=INSTALL) from error
    if ready and not _simulated() and getattr(cuda, "implementation", "") == "Built-in":
        # The CUDA of numba itself, which NVIDIA's package replaced, does not compile these kernels.
        raise OverflightError("device='gpu' needs the package numba-cuda", remedy=INSTALL)
    if not ready:
        raise OverflightError("device='gpu' was asked and there is no CUDA device", remedy=INSTALL)


def _simulated() -> bool:
    """Whether numba runs kernels of a device on the processor, in Python: for tests."""
    import numba

    settings: Any = numba.config
    return bool(settings.ENABLE_CUDASIM)


def _cuda() -> Any:
    try:
        from numba import cuda
    except ImportError as error:
        raise OverflightError("device='gpu' was asked and numba has no CUDA", remedy=INSTALL) from error
    return cuda


class _Device:
    """A window of wind and the particles on the device; changes `state`, `held` and `code` there."""

    def __init__(self, state: Float64s, code: npt.NDArray[np.int32], errors: ErrorWaves | None) -> None:
        from overflight.trajectories import gpu_kernel

        self.cuda, self.kernel = _cuda(), gpu_kernel.carry
        waves, cosines, sines = (np.zeros((0, k, 0)) for k in (5, 3, 3))
        held = np.zeros((HELD, 0))
        if errors is not None:
            waves, cosines, sines = errors.waves, errors.cosines, errors.sines
            held = np.zeros((HELD, state.shape[1]))
            held[HELD_UNTIL] = state[TIME]
        send = self.cuda.to_device
        self.errors = tuple(send(np.ascontiguousarray(a)) for a in (waves, cosines, sines))
        self.state, self.held, self.code = send(state), send(held), send(code)
        self.wind: tuple[Any, ...] = ()
        self.air: tuple[Any, ...] = ()

    def load(self, grid: Grid) -> None:
        """Send a window of wind to the device; the one before is given back.

        `air` are the arguments of `thermo_at` that stay here, laid out once a window.
        """
        self.wind = self.air = ()
        packed, thermo, send = pack(grid), pack_thermo(grid), self.cuda.to_device
        self.air = (*packed[:6], thermo)
        axes = tuple(send(a) for a in packed[:4])
        self.wind = (*axes, packed.periodic, packed.steady, send(packed.field), send(thermo))

    def carry(self, until: float, settings: Any) -> None:
        """Carry all particles that move to a time."""
        blocks = -(-self.code.size // THREADS)
        self.kernel[blocks, THREADS](
            until, *self.wind, *self.errors, settings, self.state, self.held, self.code
        )


def check_plan(
    flight: Flight,
    scheme: Scheme | None,
    tolerance_m: float | None,
    *,
    start_pa: Sequence[float | None],
    moved_m: float,
    level_m: float,
) -> None:
    """Raise where a flight cannot be flown on a device, with what it would be there, or there is no device.

    `start_pa` are the pressures of the starts, None where they have an altitude; `moved_m` is the spread of
    their heights, `level_m` that of the levels that the members hold.
    """
    stage = flight.stages[0]
    alone = len(flight.stages) == 1 and len(stage.terms) == 1 and not stage.stops
    if not alone or not isinstance(stage.terms[0], ConstantPressure):
        raise OverflightError(
            "the graphics processor flies one stage at constant pressure without stops",
            where="device",
            remedy="Use device='cpu' for this flight.",
        )
    target = stage.terms[0].pressure_pa
    if level_m > 0.0 or (target is not None and (moved_m > 0.0 or any(p != target for p in start_pa))):
        raise OverflightError(
            "the graphics processor holds a particle at the pressure of its start, and it is to go elsewhere",
            where="device",
            remedy="Start at the pressure to hold with no spread of altitude or level, or leave the pressure "
            "of ConstantPressure out, or use device='cpu'.",
        )
    if tolerance_m is not None or scheme != Scheme():
        raise OverflightError(
            "the graphics processor takes fixed steps with linear interpolation",
            where="device",
            remedy="Leave out tolerance_m and give scheme=Scheme(), which is linear, or use device='cpu'.",
        )
    require_gpu()


def drift(
    winds: Grid | Windows,
    lon_deg: Float64s,
    lat_deg: Float64s,
    start_time: Float64s,
    *,
    time_end: float,
    keep_s: Float64s,
    alt_m: Float64s | None = None,
    pressure_pa: Float64s | None = None,
    step_s: float | None = None,
    errors: ErrorWaves | None = None,
    error_every_s: float = 1800.0,
) -> Tracks:
    """Carry particles at constant pressure on the device; as `solve.fly` with that flight, linear, RK4.

    Starts (N,), kept times in the order of the run. A start's altitude is turned to pressure by the air of
    the winds, of the standard atmosphere where they bring none.

    Raises
    ------
    OverflightError
        When a start lies below the lowest level of the winds, whose wind `solve.fly` would hold there.
    CoverageError
        When the winds have nothing for the time of the run.
    """
    direction = 1.0 if time_end >= float(start_time.min()) else -1.0
    begin = float((start_time * direction).min() * direction)
    state = np.empty((STATE, lon_deg.size))
    state[:3] = geo.unit_vector(lon_deg, lat_deg)
    state[LOG_P], state[TIME] = np.nan if pressure_pa is None else np.log(pressure_pa), start_time
    late = direction * (start_time - time_end) > 0.0
    device = _Device(state, np.where(late, NOT_BEGUN, 0).astype(np.int32), errors)
    coming, end_alt = ~late, np.full(lon_deg.size, np.nan)
    settings = np.zeros(SETTINGS)
    step = LONGEST_STEP_S if step_s is None else abs(step_s)
    settings[DIRECTION], settings[STEP_S], settings[ERROR_EVERY_S] = direction, step, error_every_s
    if errors is not None:
        settings[ORIGIN_S], settings[SD_U], settings[SD_V] = errors.origin_s, errors.sd_u, errors.sd_v
    out = np.full((3, lon_deg.size, keep_s.size), np.nan)
    kept, grid = 0, None
    for grid, until in windows_of(winds, begin, time_end, direction):
        device.load(grid)
        # A particle is still until its start, so its level is found in the first window that holds that.
        begins = coming & (direction * (start_time - until) <= 0.0)
        _settle_levels(device, grid, begins, lon_deg, lat_deg, start_time, alt_m)
        coming &= ~begins
        while kept < keep_s.size and direction * (keep_s[kept] - until) <= 0.0:
            device.carry(float(keep_s[kept]), settings)
            _keep(device, out[:, :, kept], float(keep_s[kept]), start_time, direction)
            kept += 1
        device.carry(until, settings)
        _keep_ends(device, end_alt, late | coming, all_of_them=False)
    if grid is None:
        raise CoverageError(
            "the winds have nothing for the time of the run", remedy="Give winds that reach the start."
        )
    _keep_ends(device, end_alt, late | coming, all_of_them=True)
    if alt_m is not None:
        # Who never had a pressure stands where it would have begun.
        end_alt = np.where(np.isnan(device.state.copy_to_host()[LOG_P]), alt_m, end_alt)
    return _tracks(device, end_alt, out, keep_s, start_time, direction, time_end)


def _settle_levels(
    device: _Device,
    grid: Grid,
    begins: npt.NDArray[np.bool_],
    lon_deg: Float64s,
    lat_deg: Float64s,
    start_time: Float64s,
    alt_m: Float64s | None,
) -> None:
    """Give the particles that begin in a window the pressure of their altitude there, or what lacks."""
    at = np.flatnonzero(begins)
    if at.size == 0:
        return
    state, code = device.state.copy_to_host(), device.code.copy_to_host()
    lowest = np.log(float(grid.pressure_pa[-1])) + LOG_P_EDGE
    low = state[LOG_P, at] > lowest
    if alt_m is not None:
        place = (start_time[at], lat_deg[at], lon_deg[at])
        pressure, lost = pressure_at(grid, place[0], alt_m[at], *place[1:])
        bare = grid.temperature_k is None and grid.geopotential_m is None
        state[LOG_P, at], code[at] = np.log(pressure), np.where(bare & (lost != 0), NO_AIR, lost)
        low = state[LOG_P, at] > lowest
        beyond = np.flatnonzero(lost != 0)
        ground = _alt_m(
            device,
            place[0][beyond],
            np.full(beyond.size, np.log(grid.pressure_pa[-1])),
            *(v[beyond] for v in place[1:]),
        )
        low[beyond] = alt_m[at][beyond] < ground
        device.state.copy_to_device(state)
        device.code.copy_to_device(code)
    if low.any():
        raise OverflightError(
            f"{int(low.sum())} particles start below the lowest level of the winds, "
            f"{float(grid.pressure_pa[-1]):g} Pa, where the graphics processor has no wind",
            where="device",
            remedy="Start higher, give winds with lower levels, or use device='cpu', which holds their wind.",
        )


def _alt_m(
    device: _Device, time_s: Float64s, log_p: Float64s, lat_deg: Float64s, lon_deg: Float64s
) -> Float64s:
    """Return the altitudes (N,) of points in the window that the device has, NaN outside its air."""
    alt = np.empty(time_s.size)
    t, logp, la, lo = (np.ascontiguousarray(v) for v in (time_s, log_p, lat_deg, lon_deg))
    arguments: tuple[Any, ...] = (*device.air, t, logp, la, lo, alt)
    _sample_alt_m(*arguments)
    return alt


@compiled
def _sample_alt_m(
    time_s: Float64s,
    log_p: Float64s,
    lat: Float64s,
    lon: Float64s,
    periodic: bool,
    steady: bool,
    thermo: Float32s,
    t: Float64s,
    logp: Float64s,
    la: Float64s,
    lo: Float64s,
    alt: Float64s,
) -> None:
    for i in range(t.size):
        point = thermo_at(time_s, log_p, lat, lon, periodic, steady, thermo, t[i], logp[i], la[i], lo[i])
        alt[i] = point[1]


def _keep_ends(
    device: _Device, end_alt: Float64s, absent: npt.NDArray[np.bool_], *, all_of_them: bool
) -> None:
    """Note the altitudes of the particles that ended in this window, or of all that are left.

    `absent` are those that have not begun: they have no altitude.
    """
    state, code = device.state.copy_to_host(), device.code.copy_to_host()
    ended = ~absent & np.isnan(end_alt) & (all_of_them | (code != 0))
    if ended.any():
        lon, lat = geo.lonlat(state[:3, ended])
        end_alt[ended] = _alt_m(device, state[TIME, ended], state[LOG_P, ended], lat, lon)


def _keep(device: _Device, out: Float64s, time_s: float, start_time: Float64s, direction: float) -> None:
    """Write longitude, latitude and altitude (3, N) of the particles that are aloft at a time."""
    state = device.state.copy_to_host()
    here = (state[TIME] == time_s) & (direction * (start_time - time_s) <= 0.0)
    out[0, here], out[1, here] = geo.lonlat(state[:3, here])
    out[2, here] = _alt_m(device, np.full(here.sum(), time_s), state[LOG_P, here], out[1, here], out[0, here])


def _tracks(
    device: _Device,
    end_alt: Float64s,
    out: Float64s,
    keep_s: Float64s,
    start_time: Float64s,
    direction: float,
    time_end: float,
) -> Tracks:
    """Read the device's arrays as a record."""
    state, lost = device.state.copy_to_host(), device.code.copy_to_host()
    code = np.where((lost == 0) & (state[TIME] != time_end), OUTSIDE_TIME, lost).astype(np.int8)
    code = np.where(code == 0, FINISHED, code).astype(np.int8)
    begun = direction * (keep_s[None, :] - start_time[:, None]) >= 0.0
    aloft = np.isfinite(out[0])
    status = np.where(aloft, 0, np.where(begun, code[:, None], NOT_YET)).astype(np.int8)
    end = np.array(geo.lonlat(state[:3]))
    pressure = np.exp(state[LOG_P])
    return Tracks(
        time_s=keep_s,
        lon_deg=out[0],
        lat_deg=out[1],
        alt_m=out[2],
        pressure_pa=np.where(aloft, pressure[:, None], np.nan),
        status=status,
        stage=np.zeros(status.shape, np.int8),
        end_time_s=state[TIME],
        end_lon_deg=end[0],
        end_lat_deg=end[1],
        end_alt_m=end_alt,
        end_pressure_pa=pressure,
        end_code=code,
        end_stage=np.zeros(code.size, np.int8),
    )

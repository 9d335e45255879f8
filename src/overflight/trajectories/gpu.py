"""Ensembles at constant pressure on a graphics processor: numba's CUDA kernels behind the same call.

One thread is one particle. The functions that give the wind, its error and the air are those that the
processor runs, compiled a second time for the device, and the steps are those of
`overflight.trajectories.kernels`: linear interpolation, fourth-order Runge-Kutta, steps that end on kept
times, on samples of the wind and where its error is drawn anew. The numbers are the processor's but for
rounding, which grows with the flow: `tests/trajectories/test_gpu.py` holds 3 m after 12 hours,
as much as float32 leaves of a position.

What a device does not do here: stages, stops and terms other than a constant pressure, and higher-order
interpolation. The wind of one time window lies on the device, beside 200 bytes a particle and its errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight import atmosphere, geo
from overflight.balloons.terms import ConstantPressure, Flight
from overflight.errors import CoverageError, OverflightError
from overflight.trajectories.solve import STEP_S as LONGEST_STEP_S
from overflight.trajectories.solve import Windows
from overflight.trajectories.stops import FINISHED, NOT_BEGUN
from overflight.trajectories.tracks import NOT_YET, Tracks
from overflight.winds.error_waves import ErrorWaves
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import pack
from overflight.winds.schemes import Scheme
from overflight.winds.thermo import pack_thermo, sample_thermo

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

    def load(self, grid: Grid) -> None:
        """Send a window of wind to the device; the one before is given back."""
        self.wind = ()
        packed, send = pack(grid), self.cuda.to_device
        axes = tuple(send(a) for a in (packed.time_s, packed.log_p, packed.lat_deg, packed.lon_deg))
        fields = (send(packed.field), send(pack_thermo(grid)))
        self.wind = (*axes, packed.periodic, packed.steady, *fields)

    def carry(self, until: float, settings: Any) -> None:
        """Carry all particles that move to a time."""
        blocks = -(-self.code.size // THREADS)
        self.kernel[blocks, THREADS](
            until, *self.wind, *self.errors, settings, self.state, self.held, self.code
        )


def check_plan(flight: Flight, scheme: Scheme | None, tolerance_m: float | None) -> None:
    """Raise where a flight cannot be flown on a device: more than one float, or no device.

    A target of the float is taken as the pressure it is at: the particle must start there.
    """
    stage = flight.stages[0]
    alone = len(flight.stages) == 1 and len(stage.terms) == 1 and not stage.stops
    if not alone or not isinstance(stage.terms[0], ConstantPressure):
        raise OverflightError(
            "the graphics processor flies one stage at constant pressure without stops",
            where="device",
            remedy="Use device='cpu' for this flight.",
        )
    if tolerance_m is not None or scheme not in (None, Scheme()):
        raise OverflightError(
            "the graphics processor takes fixed steps with linear interpolation",
            where="device",
            remedy="Leave out tolerance_m and scheme, or use device='cpu'.",
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

    Starts (N,), kept times in the order of the run. A start's altitude is turned to pressure by the
    standard atmosphere.
    """
    direction = 1.0 if time_end >= float(start_time.min()) else -1.0
    begin = float((start_time * direction).min() * direction)
    if pressure_pa is None:
        pressure_pa = atmosphere.pressure_pa(np.nan if alt_m is None else alt_m)
    state = np.empty((STATE, lon_deg.size))
    state[:3] = geo.unit_vector(lon_deg, lat_deg)
    state[LOG_P], state[TIME] = np.log(pressure_pa), start_time
    late = direction * (start_time - time_end) > 0.0
    device = _Device(state, np.where(late, NOT_BEGUN, 0).astype(np.int32), errors)
    settings = np.zeros(SETTINGS)
    step = LONGEST_STEP_S if step_s is None else abs(step_s)
    settings[DIRECTION], settings[STEP_S], settings[ERROR_EVERY_S] = direction, step, error_every_s
    if errors is not None:
        settings[ORIGIN_S], settings[SD_U], settings[SD_V] = errors.origin_s, errors.sd_u, errors.sd_v
    out = np.full((3, lon_deg.size, keep_s.size), np.nan)
    kept, grid = 0, None
    for grid, until in _windows(winds, begin, time_end, direction):
        device.load(grid)
        while kept < keep_s.size and direction * (keep_s[kept] - until) <= 0.0:
            device.carry(float(keep_s[kept]), settings)
            _keep(device, grid, out[:, :, kept], float(keep_s[kept]), start_time, direction)
            kept += 1
        device.carry(until, settings)
    if grid is None:
        raise CoverageError(
            "the winds have nothing for the time of the run", remedy="Give winds that reach the start."
        )
    return _tracks(device, grid, out, keep_s, start_time, direction, time_end)


def _windows(
    winds: Grid | Windows, begin: float, end: float, direction: float
) -> Iterator[tuple[Grid, float]]:
    """Yield each grid and the time to which it serves."""
    if isinstance(winds, Grid):
        yield winds, end
        return
    for grid, t0, t1 in winds.windows(begin, end):
        yield grid, direction * min(max(direction * t0, direction * t1), direction * end)


def _keep(
    device: _Device, grid: Grid, out: Float64s, time_s: float, start_time: Float64s, direction: float
) -> None:
    """Write longitude, latitude and altitude (3, N) of the particles that are aloft at a time."""
    state = device.state.copy_to_host()
    here = (state[TIME] == time_s) & (direction * (start_time - time_s) <= 0.0)
    out[0, here], out[1, here] = geo.lonlat(state[:3, here])
    out[2, here] = _altitude(grid, np.full(here.sum(), time_s), state[:, here], out[:2, here])


def _altitude(grid: Grid, time_s: Float64s, state: Float64s, lonlat: Float64s) -> Float64s:
    air = sample_thermo(grid, time_s, np.exp(state[LOG_P]), lonlat[1], lonlat[0])
    return np.asarray(air.alt_m)


def _tracks(
    device: _Device,
    grid: Grid,
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
        end_alt_m=_altitude(grid, state[TIME], state, end),
        end_pressure_pa=pressure,
        end_code=code,
        end_stage=np.zeros(code.size, np.int8),
    )

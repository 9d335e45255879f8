"""Made winds for the twin whose answers are known: by height, in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from overflight.winds.grid import Grid

HOUR, DAY = 3600.0, 86400.0
LEVELS_PA = np.geomspace(3000.0, 20000.0, 25)


def by_height(
    wind: Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    time_s: npt.ArrayLike = (0.0,),
    levels_pa: npt.ArrayLike = LEVELS_PA,
) -> Grid:
    """Return a global grid of `wind(time_s, log_p)`, the same over the globe; steady with one time."""
    time, levels = np.asarray(time_s, float), np.asarray(levels_pa, float)
    lat, lon = np.linspace(-90.0, 90.0, 19), np.arange(0.0, 360.0, 10.0)
    t, logp = np.meshgrid(time, np.log(levels), indexing="ij")
    shape = (time.size, levels.size, lat.size, lon.size)
    u, v = (
        np.broadcast_to(np.broadcast_to(np.asarray(x, np.float32), t.shape)[..., None, None], shape).copy()
        for x in wind(t, logp)
    )
    return Grid(
        time_s=time, pressure_pa=levels, lat_deg=lat, lon_deg=lon, u_mps=u, v_mps=v, periodic=True,
        steady=time.size == 1, name="made",
    )  # fmt: skip


def everywhere(u_mps: float, v_mps: float = 0.0, **axes: npt.ArrayLike) -> Grid:
    """Return one wind at all heights."""
    return by_height(lambda t, p: (0.0 * t + u_mps, 0.0 * t + v_mps), **axes)


def opposing(speed_mps: float = 10.0) -> Grid:
    """Return a wind to the west below 85 hPa and to the east above, with a layer of shear between."""
    return by_height(lambda t, p: (speed_mps * np.tanh((np.log(8500.0) - p) / 0.05), 0.0 * t))


def turning(speed_mps: float = 8.0) -> Grid:
    """Return a wind that turns once round the compass between 15 and 20 km."""
    top, bottom = np.log(5475.0), np.log(12045.0)
    return by_height(
        lambda t, p: (
            speed_mps * np.cos(2.0 * np.pi * (p - top) / (bottom - top)),
            speed_mps * np.sin(2.0 * np.pi * (p - top) / (bottom - top)),
        )
    )

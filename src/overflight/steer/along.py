"""The wind along a path, for many points at once: what effort, reach and decide ask the kernel for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.reconstruct.motion import LIN, MIN_COS, RADIUS_KM, Air, Float32s, linearise
from overflight.winds.slopes import SLOPES

Float64s = npt.NDArray[np.float64]


class Along(NamedTuple):
    """Winds at points (N): `velocity` (N, 2) and slopes `jacobian` (N, 2, 2) of it, in the frame.

    `velocity` is in km/s of frame coordinates, `jacobian` per second. `spread_mps` (N, 2) is the standard
    deviation of the wind's error along x and y. `code` (N,) is that of `motion.air_at`.
    """

    velocity: Float64s
    jacobian: Float64s
    spread_mps: Float64s
    code: npt.NDArray[np.int64]


def winds_along(
    air: Air, time_s: npt.ArrayLike, x_km: npt.ArrayLike, y_km: npt.ArrayLike, z_km: npt.ArrayLike
) -> Along:
    """Return the winds at points; the arguments broadcast to (N,)."""
    arrays = np.broadcast_arrays(*(np.asarray(a, float) for a in (time_s, x_km, y_km, z_km)))
    points = np.ascontiguousarray(np.stack([a.ravel() for a in arrays], axis=1))
    rows = np.empty((len(points), LIN))
    code = np.empty(len(points), np.int64)
    _fill(*air, points, rows, code)
    # The kernel stretches x as the frame does; the spread is asked for on the ground.
    stretch = 1.0 / np.maximum(np.cos(points[:, 2] / RADIUS_KM), MIN_COS)
    root = np.stack([rows[:, 6] / stretch, rows[:, 8], rows[:, 8], rows[:, 9]], axis=1)
    root = root.reshape(-1, 2, 2) * 1e3
    spread = np.sqrt(np.einsum("nij,nkj->nik", root, root)[:, [0, 1], [0, 1]])
    return Along(rows[:, 0:2].copy(), rows[:, 2:6].reshape(-1, 2, 2).copy(), spread, code)


@compiled
def _fill(
    rotation: Float64s,
    log_p: Float64s,
    own_axes: Float64s,
    own_field: Float32s,
    prior_axes: Float64s,
    prior_field: Float32s,
    numbers: Float64s,
    points: Float64s,
    rows: Float64s,
    code: npt.NDArray[np.int64],
) -> None:
    wind = np.empty(SLOPES)
    for n in range(points.shape[0]):
        code[n] = linearise(
            rotation, log_p, own_axes, own_field, prior_axes, prior_field, numbers,
            points[n, 0], points[n, 1], points[n, 2], points[n, 3], 0.0, 0.0, rows[n], wind,
        )  # fmt: skip

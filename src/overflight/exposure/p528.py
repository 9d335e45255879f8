"""Loss between the ground and a balloon by Recommendation ITU-R P.528-5, from a table.

A smooth Earth of average ground, vertical or horizontal polarisation, no clutter and no hills: a direct ray
and one off the ground, diffraction past the horizon and scatter beyond, gases, and how the loss varies over
the hours of a year. `data/p528.npz` was made by `design/p528_table.py`; between its nodes the loss over that
of free space is interpolated, linear in the logarithms of frequency and heights. docs/images-and-signals.md
says how far that lies from the method itself.

Valid from 100 MHz to 30 GHz, both ends 1.5 m to 20 km above the ground around the emitter, out to 1100 km
past the horizon. Higher up `loss` gives free space within the radio horizon of the exponential atmosphere,
and nothing beyond it; the status says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.exposure.geometry import RADIO, horizon_m
from overflight.exposure.radio import free_space_loss_db
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Polarisation = Literal["vertical", "horizontal"]

TABLE: Final = Path(__file__).parent / "data" / "p528.npz"
LOW_HZ, HIGH_HZ = 100e6, 30e9
LOW_M, HIGH_M = 1.5, 20_000.0
PERCENTS: Final = (10.0, 50.0, 90.0)
POLARISATIONS: Final[tuple[Polarisation, ...]] = ("vertical", "horizontal")
# Nodes of the horizon, even in the square root of the height: a metre at most from the file's.
ROOTS: Final = 401

WITHIN_HORIZON, PAST_HORIZON, FREE_SPACE, OUTSIDE = range(4)
LOSS_STATUS: Final = (
    "P.528-5, within the radio horizon",
    "P.528-5, past the radio horizon",
    "free space (P.525) within the radio horizon: outside the frequencies or heights of P.528",
    "not assessed: past the horizon where P.528 does not reach, or a value is not a number",
)


class Loss(NamedTuple):
    """Basic transmission loss, decibels, NaN where not assessed, and codes of LOSS_STATUS; one shape."""

    loss_db: Float64s
    status: Codes


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The file: excess over free space (percent, frequency, height, height, distance), decibels.

    `excess_db` is that of vertical polarisation, `added_db` what horizontal adds to it.
    """

    excess_db: npt.NDArray[np.float32]
    added_db: npt.NDArray[np.float32]
    frequency_hz: Float64s
    height_m: Float64s
    share: Float64s
    past_m: Float64s
    horizon_m: Float64s
    provenance: str


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Curves of one emitter: excess (heights of the other end, distances), and the table's axes."""

    excess_db: Float64s
    log_height: Float64s
    share: Float64s
    past_m: Float64s
    horizon_m: Float64s
    own_horizon_m: float


@cache
def _table() -> _Table:
    with np.load(TABLE, allow_pickle=False) as file:
        return _Table(
            excess_db=_symmetric(file["excess_cdb"], file["height_m"].size),
            added_db=_symmetric(file["horizontal_cdb"], file["height_m"].size),
            frequency_hz=file["frequency_hz"],
            height_m=file["height_m"],
            share=file["share"],
            past_m=file["past_m"],
            horizon_m=np.interp(
                # The horizon is nearly the square root of the height, and straight over it.
                np.linspace(0.0, np.sqrt(HIGH_M), ROOTS),
                np.sqrt(np.concatenate([[0.0], file["horizon_height_m"]])),
                np.concatenate([[0.0], file["horizon_m"]]),
            ),
            provenance=str(file["provenance"]),
        )


def _symmetric(pairs: npt.NDArray[np.int16], heights: int) -> npt.NDArray[np.float32]:
    """Return decibels over both heights from hundredths over the pairs of heights, lower first."""
    low, high = np.triu_indices(heights)
    cube = np.empty((*pairs.shape[:2], heights, heights, pairs.shape[3]), dtype=np.float32)
    cube[:, :, low, high] = cube[:, :, high, low] = pairs / np.float32(100.0)
    return cube


def provenance() -> str:
    """Return where the table is from."""
    return _table().provenance


def radio_horizon_m(height_m: npt.ArrayLike) -> Float64s:
    """Return P.528's own distance to the horizon, metres along the ground; NaN above 20 km."""
    height = np.asarray(height_m, dtype=np.float64)
    good = (height >= 0.0) & (height <= HIGH_M)
    place = np.sqrt(np.where(good, height, 0.0) / HIGH_M) * (ROOTS - 1)
    return np.where(good, np.interp(place, np.arange(ROOTS), _table().horizon_m), np.nan)


def applies(frequency_hz: float, antenna_m: float) -> bool:
    """Say whether P.528 is valid for an emitter of a frequency and a height above its ground."""
    return LOW_HZ <= frequency_hz <= HIGH_HZ and LOW_M <= antenna_m <= HIGH_M


@lru_cache(maxsize=256)
def curves(
    frequency_hz: float, antenna_m: float, percent: float = 50.0, polarisation: Polarisation = "vertical"
) -> Curves:
    """Return the curves of an emitter that `loss` interpolates in.

    Raises InputError where P.528 is not valid for the emitter (`applies`), the share of time is not 10, 50 or
    90 %, or the polarisation is none of POLARISATIONS.
    """
    if not applies(frequency_hz, antenna_m):
        raise InputError(
            f"{frequency_hz:g} Hz at {antenna_m:g} m",
            field="frequency_hz",
            remedy="P.528 is valid from 100 MHz to 30 GHz and from 1.5 m to 20 km; use free space.",
        )
    if percent not in PERCENTS:
        raise InputError(f"it is {percent!r}", field="percent", remedy="Give 10, 50 or 90 % of the time.")
    if polarisation not in POLARISATIONS:
        raise InputError(
            f"it is {polarisation!r}", field="polarisation", remedy="Write 'vertical' or 'horizontal'."
        )
    table, share = _table(), PERCENTS.index(percent)
    cube = table.excess_db[share].astype(np.float64)
    if polarisation == "horizontal":
        cube += table.added_db[share]
    flat = _between(cube, np.log(table.frequency_hz), np.log(frequency_hz))
    flat = _between(flat, np.log(table.height_m), np.log(antenna_m))
    return Curves(
        excess_db=np.ascontiguousarray(flat),
        log_height=np.log(table.height_m),
        share=table.share,
        past_m=table.past_m,
        horizon_m=table.horizon_m,
        own_horizon_m=float(radio_horizon_m(antenna_m)),
    )


def _between(values: Float64s, axis: Float64s, x: float) -> Float64s:
    """Interpolate along the first axis."""
    i = int(np.clip(np.searchsorted(axis, x, side="right") - 1, 0, axis.size - 2))
    part = min(max((x - axis[i]) / (axis[i + 1] - axis[i]), 0.0), 1.0)
    return np.asarray((1.0 - part) * values[i] + part * values[i + 1])


def ground_between_m(
    range_m: npt.ArrayLike, antenna_m: npt.ArrayLike, height_m: npt.ArrayLike, ground_alt_m: float = 0.0
) -> Float64s:
    """Return the distance along the ground of two heights above it from their straight distance, metres.

    On the mean sphere; `ground_alt_m` is the ground's height above sea level. NaN where the distance is less
    than the difference of the heights by more than rounding.
    """
    radius = EARTH_RADIUS_M + ground_alt_m
    low = radius + np.asarray(antenna_m, dtype=np.float64)
    high = radius + np.asarray(height_m, dtype=np.float64)
    across = np.asarray(range_m, dtype=np.float64) ** 2 - (high - low) ** 2
    across = np.where(across > -1e-3 * (high - low) ** 2, np.maximum(across, 0.0), np.nan)
    return np.asarray(2.0 * radius * np.arcsin(np.minimum(np.sqrt(across / (4.0 * low * high)), 1.0)))


def loss(
    frequency_hz: float,
    antenna_m: float,
    height_m: npt.ArrayLike,
    distance_m: npt.ArrayLike,
    range_m: npt.ArrayLike,
    *,
    percent: float = 50.0,
    polarisation: Polarisation = "vertical",
) -> Loss:
    """Return the loss that is not exceeded for a share of the time; arrays broadcast.

    Parameters
    ----------
    antenna_m, height_m : heights of the emitter and the other end above the ground around the emitter.
    distance_m : along the ground; `range_m` : the straight line (`ground_between_m` turns one to the other).
    percent : 10, 50 or 90.
    polarisation : of POLARISATIONS; it matters for the ray off the ground and for diffraction.
    """
    height, distance, away = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (height_m, distance_m, range_m))
    )
    found, codes = np.empty(height.size), np.empty(height.size, dtype=np.int8)
    flat = (np.ascontiguousarray(height).ravel(), np.ascontiguousarray(distance).ravel())
    if applies(frequency_hz, antenna_m):
        c = curves(float(frequency_hz), float(antenna_m), float(percent), polarisation)
        _excess(*flat, c.excess_db, c.log_height, c.share, c.past_m, c.horizon_m, c.own_horizon_m,
                found, codes)  # fmt: skip
    else:
        found[:], codes[:] = 0.0, FREE_SPACE
    excess, status = found.reshape(height.shape), codes.reshape(height.shape)
    free = free_space_loss_db(frequency_hz, away)
    status[~np.isfinite(free + distance + height)] = OUTSIDE
    beyond = status == FREE_SPACE
    if beyond.any():
        reach = horizon_m(np.maximum(height[beyond], 0.0), max(antenna_m, 0.0), air=RADIO)
        status[beyond] = np.where(distance[beyond] <= reach, FREE_SPACE, OUTSIDE)
    return Loss(np.where(status == OUTSIDE, np.nan, free + excess), status)


@compiled
def _cell(axis: Float64s, x: float) -> int:
    """Return the step of an increasing axis that holds a value; the first and last hold all beyond."""
    low, high = 0, axis.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if axis[middle] <= x:
            low = middle
        else:
            high = middle
    return low


@compiled
def _excess(
    height_m: Float64s,
    distance_m: Float64s,
    table: Float64s,
    log_height: Float64s,
    share: Float64s,
    past_m: Float64s,
    horizon: Float64s,
    own_horizon_m: float,
    excess: Float64s,
    status: Codes,
) -> None:
    """Fill excess and status for places at heights and distances, (N,)."""
    for n in range(height_m.size):
        excess[n] = 0.0
        height, distance = height_m[n], distance_m[n]
        if not (LOW_M <= height <= HIGH_M and distance >= 0.0):
            status[n] = FREE_SPACE
            continue
        z = math.sqrt(height / HIGH_M) * (horizon.size - 1)
        h = min(int(z), horizon.size - 2)
        edge = own_horizon_m + horizon[h] + (z - h) * (horizon[h + 1] - horizon[h])
        if distance <= edge:
            x, axis, begin = distance / edge, share, 0
            status[n] = WITHIN_HORIZON
        elif distance - edge <= past_m[-1]:
            x, axis, begin = max(distance - edge, past_m[0]), past_m, share.size
            status[n] = PAST_HORIZON
        else:
            status[n] = OUTSIDE
            continue
        k = _cell(axis, x)
        q = (x - axis[k]) / (axis[k + 1] - axis[k])
        y = math.log(height)
        i = _cell(log_height, y)
        p = (y - log_height[i]) / (log_height[i + 1] - log_height[i])
        k += begin
        lower = table[i, k] + q * (table[i, k + 1] - table[i, k])
        upper = table[i + 1, k] + q * (table[i + 1, k + 1] - table[i + 1, k])
        excess[n] = lower + p * (upper - lower)

"""Wind errors for compiled kernels: one random field a member, as rows of waves.

`overflight.winds.error.random_field` draws a field of unit variance as a sum of random waves; here the waves
of many members lie in three plain arrays, and `error_at` is the same sum for one point, compiled. A field is
defined everywhere and at all times, so it costs nothing to store along a path, two balloons in one field see
errors that are as alike as their places are, and a run split in time windows goes on in the same field.

A member holds 88 bytes a wave, 2.8 kB at 32 waves: a caller with many members draws them in blocks.

The sum is the dear part of an ensemble, so sines and cosines are polynomials that the compiler runs several
at a time: 5 times as fast as the library's, and right to 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.winds.error import WindError, random_field

Float64s = npt.NDArray[np.float64]

# The covariance over members is exact for any number of waves; with few of them the sum is less normal. With
# 32 the excess kurtosis of a day's path error is 0.2 (tests/winds/test_error_waves.py).
DEFAULT_WAVES = 32

# Time in the fields is counted from here (POSIX seconds): the same for every run, so that two balloons that
# start at different times meet in one field. A phase loses 1e-8 of a radian by it at most times.
ORIGIN_S = 0.0

# Taylor series of sin(pi r) / r in r² to r^13: within 7e-10 on [-1/2, 1/2], the first term left out.
_S1, _S3, _S5, _S7, _S9, _S11, _S13 = (
    (-1) ** k * math.pi ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(7)
)
# The same of (cos(pi r) - 1) / r² to r^14: within 7e-11.
_C2, _C4, _C6, _C8, _C10, _C12, _C14 = (
    (-1) ** k * math.pi ** (2 * k) / math.factorial(2 * k) for k in range(1, 8)
)
TURNS_PER_RADIAN: Final = 1.0 / (2.0 * math.pi)


class ErrorWaves(NamedTuple):
    """The errors of M members: `waves` (M, 5, F), `cosines` and `sines` (M, 3, F), as `RandomField` has them.

    `origin_s` is where time is counted from. `sd_u` and `sd_v` are the size, m/s; NaN says that the
    grid's own spread at the point is the size.
    """

    waves: Float64s
    cosines: Float64s
    sines: Float64s
    origin_s: float
    sd_u: float
    sd_v: float


def draw_waves(
    error: WindError,
    rngs: Sequence[np.random.Generator],
    *,
    n_features: int = DEFAULT_WAVES,
    origin_s: float = ORIGIN_S,
    shared: bool = False,
    members: int | None = None,
) -> ErrorWaves:
    """Draw the errors of members, each from a generator of its own.

    Parameters
    ----------
    rngs : one generator a member; with `shared`, the first draws one field for all.
    n_features : waves a member.
    shared : whether all members fly in one field: several balloons, not several guesses.
    members : how many members a shared field serves; the number of generators when None.

    Raises
    ------
    InputError
        When there is no generator, or `members` differs from their number while nothing is shared.
    """
    count = len(rngs) if members is None else members
    if not rngs or count < 1 or (not shared and count != len(rngs)):
        raise InputError(
            f"{len(rngs)} random generators for {count} members",
            field="rngs",
            remedy="Give one a member, or shared=True.",
        )
    drawn = rngs[:1] if shared else rngs
    # Filled row by row: a list of fields would hold everything twice.
    waves, cosines, sines = (np.empty((len(drawn), k, n_features)) for k in (5, 3, 3))
    for i, rng in enumerate(drawn):
        field = random_field(error, rng, n_features, origin_s=origin_s)
        waves[i], cosines[i], sines[i] = field.waves.T, field.cosines.T, field.sines.T
    if shared:
        waves, cosines, sines = (np.repeat(rows, count, axis=0) for rows in (waves, cosines, sines))
    return ErrorWaves(waves, cosines, sines, float(origin_s), _size(error.sd_u_mps), _size(error.sd_v_mps))


def take_members(errors: ErrorWaves, index: npt.ArrayLike) -> ErrorWaves:
    """Return the errors of some members, copied: an index array or a mask along the first axis."""
    at = np.asarray(index)
    return errors._replace(waves=errors.waves[at], cosines=errors.cosines[at], sines=errors.sines[at])


def _size(sd_mps: float | None) -> float:
    return math.nan if sd_mps is None else float(sd_mps)


@compiled
def sine_cosine(turns: float) -> tuple[float, float]:
    """Return sine and cosine of 2 pi `turns`, within 2e-9; no branch, so that loops of it run in lanes."""
    r = turns - math.floor(turns + 0.5)
    q = r * r
    # Of half the angle, then doubled: the series stay short on half the range.
    s = r * (_S1 + q * (_S3 + q * (_S5 + q * (_S7 + q * (_S9 + q * (_S11 + q * _S13))))))
    c = 1.0 + q * (_C2 + q * (_C4 + q * (_C6 + q * (_C8 + q * (_C10 + q * (_C12 + q * _C14))))))
    return 2.0 * s * c, 1.0 - 2.0 * s * s


@compiled
def error_vector(
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    origin_s: float,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float, float]:
    """Return the error at one point as a vector in space, of unit variance along any direction.

    `waves` (5, F), `cosines` and `sines` (3, F) are one member's rows; then POSIX seconds, the natural
    logarithm of pascals, degrees. NaN where the point is not finite.
    """
    phi, lam = math.radians(la), math.radians(lo)
    x, y, z = math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
    since, count = t - origin_s, waves.shape[1]
    parts = np.empty((3, count))
    # Two loops: the first has no sum from turn to turn and is made of vector instructions.
    for f in range(count):
        angle = waves[0, f] * x + waves[1, f] * y + waves[2, f] * z + waves[3, f] * logp
        sin, cos = sine_cosine((angle + waves[4, f] * since) * TURNS_PER_RADIAN)
        parts[0, f] = cos * cosines[0, f] + sin * sines[0, f]
        parts[1, f] = cos * cosines[1, f] + sin * sines[1, f]
        parts[2, f] = cos * cosines[2, f] + sin * sines[2, f]
    a = b = c = 0.0
    for f in range(count):
        a += parts[0, f]
        b += parts[1, f]
        c += parts[2, f]
    return a, b, c


@compiled
def error_at(
    waves: Float64s,
    cosines: Float64s,
    sines: Float64s,
    origin_s: float,
    t: float,
    logp: float,
    la: float,
    lo: float,
) -> tuple[float, float]:
    """Return `error_vector` along (east, north) at the point: multiply by the spread of each."""
    a, b, c = error_vector(waves, cosines, sines, origin_s, t, logp, la, lo)
    phi, lam = math.radians(la), math.radians(lo)
    inward = math.cos(lam) * a + math.sin(lam) * b
    return math.cos(lam) * b - math.sin(lam) * a, math.cos(phi) * c - math.sin(phi) * inward

"""Wind errors for compiled kernels: one random field a member, as rows of waves.

`overflight.winds.error.random_field` draws a field of unit variance as a sum of random waves; here the waves
of many members lie in three plain arrays, and `error_at` is the same sum for one point, compiled. A field is
defined everywhere and at all times, so it costs nothing to store along a path, two balloons in one field see
errors that are as alike as their places are, and a run split in time windows goes on in the same field.

A member holds 88 bytes a wave, 5.6 kB at 64 waves: a caller with many members draws them in blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.errors import InputError
from overflight.winds.error import WindError, random_field

Float64s = npt.NDArray[np.float64]

# The covariance over members is exact for any number of waves; within a member the sum of few waves is less
# normal. With 64 the excess kurtosis of a day's path error is under 0.2 (tests/winds/test_error_waves.py).
DEFAULT_WAVES = 64

# Time in the fields is counted from here (POSIX seconds): the same for every run, so that two balloons that
# start at different times meet in one field. A phase loses 1e-8 of a radian by it at most times.
ORIGIN_S = 0.0


class ErrorWaves(NamedTuple):
    """The errors of M members: `waves` (M, F, 5), `cosines` and `sines` (M, F, 3), as in `RandomField`.

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
    waves, cosines, sines = (np.empty((len(drawn), n_features, k)) for k in (5, 3, 3))
    for i, rng in enumerate(drawn):
        field = random_field(error, rng, n_features, origin_s=origin_s)
        waves[i], cosines[i], sines[i] = field.waves, field.cosines, field.sines
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
    """Return the error at one point, (east, north), of unit variance: multiply by the spread.

    `waves` (F, 5), `cosines` and `sines` (F, 3) are one member's rows; then POSIX seconds, the natural
    logarithm of pascals, degrees. NaN where the point is not finite.
    """
    phi, lam = math.radians(la), math.radians(lo)
    sin_phi, cos_phi = math.sin(phi), math.cos(phi)
    sin_lam, cos_lam = math.sin(lam), math.cos(lam)
    x, y, z, since = cos_phi * cos_lam, cos_phi * sin_lam, sin_phi, t - origin_s
    a = b = c = 0.0
    for f in range(waves.shape[0]):
        angle = waves[f, 0] * x + waves[f, 1] * y + waves[f, 2] * z + waves[f, 3] * logp + waves[f, 4] * since
        cos, sin = math.cos(angle), math.sin(angle)
        a += cos * cosines[f, 0] + sin * sines[f, 0]
        b += cos * cosines[f, 1] + sin * sines[f, 1]
        c += cos * cosines[f, 2] + sin * sines[f, 2]
    east = cos_lam * b - sin_lam * a
    north = cos_phi * c - sin_phi * (cos_lam * a + sin_lam * b)
    return east, north

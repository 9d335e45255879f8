"""How a wind field compares with soundings and balloon flights: error by layer, and whether its spread holds.

::

    grid, soundings ──► differences (field minus sounding, where the grid reaches) ──► scores by layer

A sounding has a row every second or every kilometre, so within a layer each sounding weighs the same, however
many rows it has: figures are means over soundings of means over rows. A field on a grid stands for a volume
and a sonde for a line, so part of every difference is not the field's error.

The spread is the field's own where it states one, else the one of an error model. Its coverage is the share
of components that lie within 0.674 and 1.645 standard deviations; 50 and 90 % are right for normal errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from overflight.units import HPA_PA
from overflight.winds.error import WindError
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import WIND_STATUS, pack, sample
from overflight.winds.soundings import Sounding, fill_heights

# Between the standard levels of a sounding report, from the ground to the top of a sonde's reach.
LAYERS_PA = tuple(HPA_PA * p for p in (1100, 850, 700, 500, 300, 200, 150, 100, 70, 50, 30, 20, 10, 5, 1))
# Quantiles of the normal distribution: half, and nine tenths, lie within so many standard deviations.
SD_50, SD_90 = 0.6744897501960817, 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Differences:
    """A sounding against a field, row by row where the field reaches; arrays have shape (N,).

    `u_mps`, `v_mps` are field minus sounding; `u_sd_mps`, `v_sd_mps` the spread of the field. `outside`
    counts the rows that it does not reach, by reason.
    """

    station: str
    file: str
    time_s: float
    pressure_pa: Float64s
    u_mps: Float64s
    v_mps: Float64s
    u_sd_mps: Float64s
    v_sd_mps: Float64s
    outside: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScore:
    """Scores of a layer, from high to low pressure: of `soundings` with `rows` in all.

    Bias is the mean of field minus sounding, rms about zero; `vector` is the length of the difference.
    `spread` is the root mean square of the stated standard deviation of a component; `within_50` and
    `within_90` are shares of components. The last three are NaN where no spread is known.
    """

    high_pa: float
    low_pa: float
    soundings: int
    rows: int
    bias_u_mps: float
    bias_v_mps: float
    rms_u_mps: float
    rms_v_mps: float
    rms_vector_mps: float
    spread_mps: float
    within_50: float
    within_90: float


def differences(grid: Grid, sounding: Sounding, error: WindError | None = None) -> Differences:
    """Return field minus sounding in every row that the field reaches.

    `error` gives the spread where the grid states none; without either it is NaN.
    """
    whole = fill_heights(sounding)
    wind = sample(pack(grid), whole.time_s, whole.pressure_pa, whole.lat_deg, whole.lon_deg)
    good = wind.status == 0
    codes, counts = np.unique(wind.status[~good], return_counts=True)
    sd = [wind.u_sd_mps[good], wind.v_sd_mps[good]]
    if grid.u_sd_mps is None:
        sizes = (None, None) if error is None else (error.sd_u_mps, error.sd_v_mps)
        sd = [np.full(int(good.sum()), np.nan if size is None else size) for size in sizes]
    return Differences(
        station=sounding.station,
        file=sounding.file,
        time_s=float(whole.time_s[0]) if whole.time_s.size else np.nan,
        pressure_pa=whole.pressure_pa[good],
        u_mps=wind.u_mps[good] - whole.u_mps[good],
        v_mps=wind.v_mps[good] - whole.v_mps[good],
        u_sd_mps=sd[0],
        v_sd_mps=sd[1],
        outside={WIND_STATUS[int(c)]: int(n) for c, n in zip(codes, counts, strict=True)},
    )


def scores(found: Sequence[Differences]) -> tuple[LayerScore, ...]:
    """Score layer by layer from the ground up; layers without a row are left out."""
    made = (layer_score(found, high, low) for high, low in pairwise(LAYERS_PA))
    return tuple(score for score in made if score is not None)


def layer_score(found: Iterable[Differences], high_pa: float, low_pa: float) -> LayerScore | None:
    """Score the rows of a layer, its lower pressure left out; None where there is none."""
    parts = []
    for one in found:
        inside = (one.pressure_pa <= high_pa) & (one.pressure_pa > low_pa)
        if inside.any():
            parts.append((int(inside.sum()), _means(one, inside)))
    if not parts:
        return None
    mean = np.mean([means for _, means in parts], axis=0)
    u, v, u2, v2, variance, half, most = (float(x) for x in mean)
    return LayerScore(
        high_pa=float(high_pa),
        low_pa=float(low_pa),
        soundings=len(parts),
        rows=sum(rows for rows, _ in parts),
        bias_u_mps=u,
        bias_v_mps=v,
        rms_u_mps=float(np.sqrt(u2)),
        rms_v_mps=float(np.sqrt(v2)),
        rms_vector_mps=float(np.sqrt(u2 + v2)),
        spread_mps=float(np.sqrt(variance)),
        within_50=half,
        within_90=most,
    )


def _means(one: Differences, rows: npt.NDArray[np.bool_]) -> Float64s:
    """Return the means over rows: u, v, u², v², variance, and the shares within the two spreads."""
    both = np.array([one.u_mps[rows], one.v_mps[rows]])
    sd = np.array([one.u_sd_mps[rows], one.v_sd_mps[rows]])
    known = bool(np.isfinite(sd).all())
    shares = [float(np.mean(np.abs(both) <= k * sd)) if known else np.nan for k in (SD_50, SD_90)]
    squares = np.mean(both**2, axis=1)
    return np.array([*both.mean(axis=1), *squares, np.mean(sd**2), *shares])

"""What a sighting says about the path: the one likelihood of the system.

A report may be right as stated, right about the hour but made from afar, right about the place but an hour
or more out (a slip of the time zone, a posting time), or plainly wrong. Each of these is a *reading*. Given
a reading and the minute within its window, a report is a Gaussian in place (and in height, when it gives
one); a wrong report could have named any place in a wide area. The readings' prior probabilities belong to
the kinds of sighting; what the posterior makes of them is a result (`readings.py`).

Candidates are the pairs of reading and node of time that a report allows, laid out for compiled kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from overflight.atmosphere import alt_m
from overflight.compiled import compiled
from overflight.reconstruct.frame import Frame
from overflight.records import Sighting
from overflight.sightings.kinds import kind_info, p_mistaken
from overflight.sightings.plausibility import altitude_interval
from overflight.sightings.witness import Region, sighting_region
from overflight.units import EARTH_RADIUS_M, HOUR_S

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

STATED, AFAR, OTHER_TIME, MISTAKEN = 0, 1, 2, 3
READINGS = ("as stated", "seen from afar", "at another time", "mistaken")

# A watcher who names the place below him sees a balloon at 18 km down to a few degrees above the horizon:
# 95 % within 370 km of him, hence this standard deviation on each axis.
AFAR_SD_KM = 150.0
# Zone slips are whole hours, mostly one; posting times lag by more. Hours and shares.
SLIPS_H = ((-1.0, 0.30), (1.0, 0.30), (-2.0, 0.10), (2.0, 0.10), (-3.0, 0.10), (3.0, 0.10))
# Windows longer than this already allow for a slip.
SLIP_WINDOW_S = 6 * HOUR_S
# A wrong report names a place drawn from an area of this radius, and a height from this range.
MISTAKEN_SD_KM = 1500.0
MISTAKEN_ALT_RANGE_KM = 20.0
LOG_MISTAKEN = -math.log(2.0 * math.pi * MISTAKEN_SD_KM**2)
LOG_MISTAKEN_ALT = -math.log(MISTAKEN_ALT_RANGE_KM)
LOG_2PI = math.log(2.0 * math.pi)
# The turn of the frame's equator: reports do not say how often the balloon went round.
TURN_KM = 2.0 * math.pi * EARTH_RADIUS_M / 1000.0

# Standard deviations from the middle of a window to its ends.
WINDOW_SDS = 2.0
OPEN_RANGE_M = 3000.0
# What an altitude of a kind may be off from one above the ellipsoid: the geoid is within 107 m of it, and the
# true height of a pressure at 18 km differs from the standard atmosphere's by some 300 m.
ALT_KIND_SD_M = {"unspecified": 0.0, "geometric": 0.0, "msl": 50.0, "pressure": 300.0}

# Times of reports nearer than this share a node: at 30 m/s the balloon moves 2 km.
SHARP_S = 60.0
FINE_STEP_S, MIDDLE_STEP_S, COARSE_STEP_S = HOUR_S / 3, HOUR_S, 3 * HOUR_S


class Candidates(NamedTuple):
    """Pairs of reading and time node, for all sightings. J sightings, C candidates.

    Candidates of sighting j are `first[j]:first[j + 1]`. `node` is -1 for a mistaken report. `whiten`
    (C, 3) is the inverse Cholesky factor of the place error (rows l11, l21, l22; per km). `x_km, y_km`
    (J,) are the places in the frame; `alt_km` is NaN where a report gives no usable height.
    """

    first: Int64s
    node: Int64s
    reading: Int64s
    log_prior: Float64s
    whiten: Float64s
    log_norm: Float64s
    x_km: Float64s
    y_km: Float64s
    alt_km: Float64s
    alt_sd_km: Float64s
    p_alt_wrong: Float64s


@dataclass(frozen=True, slots=True)
class Scenario:
    """One combination of rival accounts: sightings it takes as true and as mistaken."""

    id: str
    title: str
    weight: float = 1.0
    accepts: frozenset[str] = frozenset()
    rejects: frozenset[str] = frozenset()


def make_nodes(sightings: Iterable[Sighting], time_start: float, time_end: float) -> Float64s:
    """Choose the time nodes: fine where reports carry clock times, coarse where nothing is known.

    Always holds both ends, and the very times of reports sharper than 20 minutes (to a minute where they
    crowd). Steps are 20 minutes within windows up to 6 h, 1 h up to 2 days, else 3 h.
    """
    spans = []
    for s in sightings:
        width = s.time_end - s.time_start
        step = (
            FINE_STEP_S
            if width <= SLIP_WINDOW_S
            else MIDDLE_STEP_S
            if width <= 48 * HOUR_S
            else COARSE_STEP_S
        )
        spans.append((s.time_start - 1.5 * step, s.time_end + 1.5 * step, step))
    fine = np.arange(time_start, time_end, FINE_STEP_S)
    wanted = np.full(fine.size, COARSE_STEP_S)
    for low, high, step in spans:
        inside = (fine >= low) & (fine <= high)
        wanted[inside] = np.minimum(wanted[inside], step)
    keep = np.zeros(fine.size, bool)
    last = -math.inf
    for i, t in enumerate(fine):
        if t - last >= wanted[i] - 1.0:
            keep[i] = True
            last = t
    sharp = [
        t
        for s in sightings
        if s.time_end - s.time_start < FINE_STEP_S
        for t in {s.time_start, s.time_end}
        if time_start < t < time_end
    ]
    return _merged(np.unique(np.concatenate([fine[keep], [time_end]])), np.unique(sharp))


def _merged(grid: Float64s, sharp: Float64s) -> Float64s:
    """Join grid times and sharp times; of two nearer than a minute the sharp one stays, and the ends."""
    if sharp.size:
        first = np.concatenate([[True], np.diff(sharp) >= SHARP_S])
        sharp = sharp[first]
        near = np.abs(grid[1:-1, None] - sharp[None, :]).min(axis=1) < SHARP_S
        grid = np.concatenate([grid[:1], grid[1:-1][~near], grid[-1:]])
    nodes = np.unique(np.concatenate([grid, sharp]))
    # A sliver beside an end would only cost a step.
    keep = np.concatenate(
        [[True], (nodes[1:-1] - nodes[0] >= 1.0) & (nodes[-1] - nodes[1:-1] >= 1.0), [True]]
    )
    return nodes[keep] if nodes.size > 2 else nodes


def make_candidates(
    sightings: Sequence[Sighting],
    frame: Frame,
    node_s: Float64s,
    scenario: Scenario,
    *,
    float_alt_m: tuple[float, float] = (18_000.0, 4_000.0),
) -> Candidates:
    """Lay out the readings of fitted sightings for one scenario.

    `sightings` must all be `fitted`; `float_alt_m` is the prior mean and spread of the float level, which
    places a balloon seen at some elevation.
    """
    first, rows = [0], []
    places = np.full((len(sightings), 5), np.nan)
    for j, sighting in enumerate(sightings):
        region = sighting_region(sighting, *float_alt_m)
        if region is None:
            raise ValueError(f"sighting {sighting.id} has no place and cannot be fitted")
        rows.extend(_readings(sighting, region, frame, node_s, scenario))
        first.append(len(rows))
        x_m, y_m = frame.to_plane(region.lon_deg, region.lat_deg)
        places[j] = (float(x_m) / 1e3, float(y_m) / 1e3, *stated_height(sighting))
    table = np.array(rows)
    return Candidates(
        np.array(first, np.int64),
        table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64),
        np.ascontiguousarray(table[:, 2]),
        np.ascontiguousarray(table[:, 3:6]),
        np.ascontiguousarray(table[:, 6]),
        *(np.ascontiguousarray(places[:, i]) for i in range(5)),
    )


def _readings(
    sighting: Sighting, region: Region, frame: Frame, node_s: Float64s, scenario: Scenario
) -> list[tuple[float, ...]]:
    """Rows node, reading, log prior, whitening, log norm of one sighting."""
    if sighting.id in scenario.rejects:
        return [(-1, MISTAKEN, 0.0, 0.0, 0.0, 0.0, LOG_MISTAKEN)]
    info = kind_info(sighting.kind)
    wrong = 0.0 if sighting.id in scenario.accepts else p_mistaken(sighting.kind, sighting.reliability)
    slips = info.has_clock and sighting.time_end - sighting.time_start <= SLIP_WINDOW_S
    slip = info.p_time_slip if slips else 0.0
    shares = {AFAR: info.p_afar, OTHER_TIME: slip, MISTAKEN: wrong}
    shares[STATED] = 1.0 - sum(shares.values())
    stated = _whitening(region, frame, 0.0)
    afar = _whitening(region, frame, AFAR_SD_KM)
    start, end = sighting.time_start, sighting.time_end
    minutes = minutes_in(node_s, start, end)
    rows = _spread_over(*minutes, STATED, shares[STATED], stated)
    if shares[AFAR] > 0:
        rows += _spread_over(*minutes, AFAR, shares[AFAR], afar)
    if shares[OTHER_TIME] > 0:
        for hours, share in SLIPS_H:
            early, late = start + hours * HOUR_S, end + hours * HOUR_S
            if late >= node_s[0] and early <= node_s[-1]:
                shifted = minutes_in(node_s, early, late)
                rows += _spread_over(*shifted, OTHER_TIME, shares[OTHER_TIME] * share, stated)
    if wrong > 0:
        rows.append((-1, MISTAKEN, math.log(wrong), 0.0, 0.0, 0.0, LOG_MISTAKEN))
    # Slips out of the time reconstructed cannot be told; the other readings share what they leave.
    lost = math.log(sum(math.exp(row[2]) for row in rows))
    return [(node, reading, log_prior - lost, *shape) for node, reading, log_prior, *shape in rows]


def nodes_in(node_s: Float64s, start: float, end: float) -> Int64s:
    """Indices of the nodes within a window, or the nearest one when none lies in it."""
    inside = np.flatnonzero((node_s >= start - 1.0) & (node_s <= end + 1.0))
    if inside.size:
        return inside
    return np.array([np.argmin(np.abs(node_s - 0.5 * (start + end)))])


def minutes_in(node_s: Float64s, start: float, end: float) -> tuple[Int64s, Float64s]:
    """Nodes of a window and the chance (they sum to one) that each is when the report was true.

    A window is drawn with margin, as a circle is: its time is Gaussian about the middle, `WINDOW_SDS` to
    either end. A node stands for the time nearer to it than to its neighbours.
    """
    nodes = nodes_in(node_s, start, end)
    if nodes.size == 1:
        return nodes, np.ones(1)
    at = node_s[nodes]
    edges = np.clip(np.concatenate([[start], 0.5 * (at[1:] + at[:-1]), [end]]), start, end)
    cumulative = ndtr(WINDOW_SDS * (2.0 * (edges - start) / (end - start) - 1.0))
    chance = np.diff(cumulative)
    return nodes, chance / chance.sum()


def _spread_over(
    nodes: Int64s,
    chances: Float64s,
    reading: int,
    share: float,
    shape: tuple[float, float, float, float],
) -> list[tuple[float, ...]]:
    return [
        (int(node), reading, math.log(share * max(chance, 1e-12)), *shape)
        for node, chance in zip(nodes, chances, strict=True)
    ]


def _whitening(region: Region, frame: Frame, extra_sd_km: float) -> tuple[float, float, float, float]:
    """Inverse Cholesky factor (per km of the frame's plane) and log density norm of a region."""
    angle = float(frame.east_angle_rad(region.lon_deg, region.lat_deg))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cov = np.array([[region.cov_ee_m2, region.cov_en_m2], [region.cov_en_m2, region.cov_nn_m2]]) / 1e6
    cov = turn @ cov @ turn.T + np.eye(2) * extra_sd_km**2
    _, y_m = frame.to_plane(region.lon_deg, region.lat_deg)
    stretch = np.diag([1.0 / max(math.cos(float(y_m) / EARTH_RADIUS_M), 0.05), 1.0])
    inverse = np.linalg.inv(np.linalg.cholesky(stretch @ cov @ stretch))
    log_norm = math.log(inverse[0, 0] * inverse[1, 1] / (2.0 * math.pi))
    # The density is per km² on the ground, so that it compares with a mistaken report's.
    return (
        float(inverse[0, 0]),
        float(inverse[1, 0]),
        float(inverse[1, 1]),
        log_norm + math.log(stretch[0, 0]),
    )


def stated_height(sighting: Sighting) -> tuple[float, float, float]:
    """Return altitude and its standard deviation (km) and the chance that it is a mistake."""
    interval = altitude_interval(sighting)
    info = kind_info(sighting.kind)
    if sighting.phase != "float" or interval is None:
        return math.nan, math.nan, math.nan
    low, high = interval
    # "60,000 ft and more": the open end is taken as 3 km further, about the range of such balloons.
    low_m = low if low is not None else float(high or 0.0) - OPEN_RANGE_M
    high_m = high if high is not None else low_m + OPEN_RANGE_M
    sd_m = math.hypot(info.alt_sd_m, (high_m - low_m) / math.sqrt(12.0), ALT_KIND_SD_M[sighting.alt_kind])
    middle_m = 0.5 * (low_m + high_m)
    if sighting.alt_kind == "pressure":
        # A pressure altitude is a geopotential height of the standard atmosphere, and so is the kernel's air.
        middle_m = float(alt_m(middle_m))
    return middle_m / 1e3, sd_m / 1e3, info.p_alt_mistaken


@compiled
def candidate_log_density(c: Candidates, i: int, j: int, x: float, y: float, beta: float) -> float:
    """Log density (per km²) of report j under candidate i with the balloon at x, y, let in by `beta`.

    At 1 it is the density itself. Below, its Gaussian is wider by 1 / sqrt(beta); it keeps its area until it
    is as low as the density of a mistaken report, and then its height. Were densities raised to the power
    instead, a sharp report would on the way be mistaken nearly always, and few members would come through.
    """
    if c.node[i] < 0:
        return float(c.log_norm[i])
    dx = c.x_km[j] - x
    dx -= TURN_KM * np.round(dx / TURN_KM)
    dy = c.y_km[j] - y
    a = c.whiten[i, 0] * dx
    b = c.whiten[i, 1] * dx + c.whiten[i, 2] * dy
    return float(peak(c.log_norm[i], LOG_MISTAKEN, beta, 1.0) - 0.5 * beta * (a * a + b * b))


@compiled
def peak(log_norm: float, log_floor: float, beta: float, half_dims: float) -> float:
    """Log of the peak of a Gaussian widened by 1 / sqrt(beta), held above the floor."""
    return float(max(log_norm + half_dims * np.log(beta), min(log_norm, log_floor)))


@compiled
def height_log_densities(c: Candidates, j: int, z: float, beta: float) -> tuple[float, float]:
    """Log of (prior times density let in by `beta`) of report j's height if right, and if wrong."""
    if np.isnan(c.alt_km[j]):
        return 0.0, -np.inf
    d = (c.alt_km[j] - z) / c.alt_sd_km[j]
    top = peak(-np.log(c.alt_sd_km[j]) - 0.5 * LOG_2PI, LOG_MISTAKEN_ALT, beta, 0.5)
    return np.log(1.0 - c.p_alt_wrong[j]) + top - 0.5 * beta * d * d, (
        np.log(c.p_alt_wrong[j]) + LOG_MISTAKEN_ALT
    )

"""The looks of a site between samples: a flight goes on while an ensemble's axis steps over it.

A step of half an hour is 50 km; a camera's reach is 110. Between two samples a member moves on a straight
line in the site's own frame (over 50 km the Earth falls away by 50 m), and pieces of a step stand for their
middle: elevation, range, height, sun, and whether the mask hides it there. What lies out of reach is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from overflight.errors import OverflightError
from overflight.exposure.looks import MemberLooks
from overflight.places.masks import mask_at
from overflight.records import Finding, spread
from overflight.sun import solar_position
from overflight.units import HOUR_S

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

MOST_PIECES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """Pieces of steps, arrays (N,): whose, when (its middle), how long, and what the site has of it.

    `weight` (M,) is that of the members; `in_sight` is above the site's horizon and least elevation.
    """

    member: Ints
    time_s: Float64s
    length_s: Float64s
    elevation_deg: Float64s
    range_m: Float64s
    above_site_m: Float64s
    sun_elevation_deg: Float64s
    in_sight: Bools
    weight: Float64s

    def hours(self, good: npt.ArrayLike) -> Float64s:
        """Return the hours (M,) that a share, or a truth, of every piece sums to."""
        shares = self.length_s * np.asarray(good, dtype=np.float64) / HOUR_S
        return np.asarray(
            np.bincount(self.member, weights=shares, minlength=self.weight.size), dtype=np.float64
        )


def pieces_of(looks: MemberLooks, *, reach_m: float, step_s: float = 120.0, sun: bool = True) -> Pieces:
    """Cut the steps of a site's looks that come within reach into pieces of `step_s` at most.

    A member that is known at one sample only has no piece: no time passes there. Without `sun` its elevation
    is NaN, which saves half of the time.
    """
    if not (step_s > 0.0 and reach_m > 0.0):
        raise OverflightError("a piece or a reach is not above zero", remedy="Give seconds and metres.")
    place = _enu(looks)
    begin, end = place[:, :, :-1], place[:, :, 1:]
    near = _nearest_m(begin, end) <= reach_m
    member, segment = np.nonzero(near)
    steps = np.diff(looks.time_s)
    count = np.clip(np.ceil(steps / step_s), 1, MOST_PIECES).astype(np.int64)[segment]
    row = np.repeat(np.arange(member.size), count)
    part = (np.arange(row.size) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[row]
    who, which = member[row], segment[row]
    at = begin[:, who, which] + part * (end[:, who, which] - begin[:, who, which])
    time_s = looks.time_s[which] + part * steps[which]
    low, high = looks.above_site_m[who, which], looks.above_site_m[who, which + 1]
    elevation, bearing, away = _angles(at)
    light = np.full(time_s.size, np.nan)
    if sun:
        light = solar_position(time_s, looks.site.lon_deg, looks.site.lat_deg)[0]
    return Pieces(
        member=who,
        time_s=time_s,
        length_s=steps[which] / count[row],
        elevation_deg=elevation,
        range_m=away,
        above_site_m=low + part * (high - low),
        sun_elevation_deg=light,
        in_sight=_in_sight(looks, elevation, bearing),
        weight=looks.weight,
    )


def _enu(looks: MemberLooks) -> Float64s:
    """East, north and up (3, M, T) of the apparent places, metres; NaN where not aloft."""
    elevation, bearing = np.radians(looks.elevation_deg), np.radians(looks.bearing_deg)
    level = looks.range_m * np.cos(elevation)
    return np.stack([level * np.sin(bearing), level * np.cos(bearing), looks.range_m * np.sin(elevation)])


def _nearest_m(begin: Float64s, end: Float64s) -> Float64s:
    """Least distance of lines (3, M, S) from the origin; NaN where an end is unknown."""
    along = end - begin
    square = np.einsum("cms,cms->ms", along, along)
    part = -np.einsum("cms,cms->ms", begin, along) / np.where(square > 0.0, square, 1.0)
    nearest = begin + np.clip(part, 0.0, 1.0) * along
    return np.asarray(np.sqrt(np.einsum("cms,cms->ms", nearest, nearest)))


def _angles(at: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    away = np.sqrt(np.einsum("cn,cn->n", at, at))
    sine = at[2] / np.where(away > 0.0, away, 1.0)
    elevation = np.where(away > 0.0, np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), 90.0)
    return elevation, np.degrees(np.arctan2(at[0], at[1])) % 360.0, away


def _in_sight(looks: MemberLooks, elevation: Float64s, bearing: Float64s) -> Bools:
    good = elevation >= looks.min_elevation_deg
    if looks.mask is not None:
        good &= elevation > mask_at(looks.mask, bearing)
    return np.asarray(good, dtype=np.bool_)


# --- what members tell ------------------------------------------------------------------------------------


def interval_finding(
    id_: str,
    question: str,
    unit: str,
    values: Float64s,
    weight: Float64s,
    given: Mapping[str, str],
    reason: str,
    *,
    why_not: str = "",
) -> Finding:
    """Return quantiles of what members (M,) tell as a finding; undetermined where too few of them do.

    `why_not` is a reason for which nothing can be told, whatever the members have.
    """
    value = None if why_not else spread(values, weight)
    if value is None:
        told = int((np.isfinite(values) & (weight > 0)).sum())
        reason = why_not or f"only {told} of {weight.size} members tell, too few for quantiles; {reason}"
    return Finding(
        id=id_,
        question=question,
        kind="interval" if value else "undetermined",
        unit=unit,
        value=value,
        given=given,
        reason=reason,
    )


def share(true: Bools, weight: Float64s) -> float:
    """Return the share of the weight for which something is true, 0 to 1."""
    return min(float(weight[true].sum() / weight.sum()), 1.0)


def best_by_member(pieces: Pieces, values: Float64s) -> tuple[Float64s, Float64s]:
    """Return the greatest value (M,) of each member and when it had it; NaN where it has none."""
    count = pieces.weight.size
    best, when = np.full(count, np.nan), np.full(count, np.nan)
    known = np.nonzero(np.isfinite(values))[0]
    order = known[np.argsort(values[known], kind="stable")]
    # The last assignment to a place stays: that of the greatest value.
    best[pieces.member[order]] = values[order]
    when[pieces.member[order]] = pieces.time_s[order]
    return best, when


def by_members(looks: MemberLooks, members: int = 256) -> Iterator[MemberLooks]:
    """Yield the looks of so many members after another, so that their pieces fit the memory."""
    for begin in range(0, looks.weight.size, members):
        rows = slice(begin, begin + members)
        yield _members(looks, rows, looks.weight[rows])


def chosen(looks: MemberLooks, most: int) -> MemberLooks:
    """Return at most so many members, evenly by weight and alike in weight: the same ones every time."""
    if looks.weight.size <= most:
        return looks
    summed = np.cumsum(looks.weight) / looks.weight.sum()
    rows = np.searchsorted(summed, (np.arange(most) + 0.5) / most)
    return _members(looks, np.minimum(rows, looks.weight.size - 1), np.full(most, 1.0 / most))


def _members(looks: MemberLooks, rows: slice | npt.NDArray[np.intp], weight: Float64s) -> MemberLooks:
    return replace(
        looks,
        weight=weight,
        elevation_deg=looks.elevation_deg[rows],
        bearing_deg=looks.bearing_deg[rows],
        range_m=looks.range_m[rows],
        alt_m=looks.alt_m[rows],
        visible=looks.visible[rows],
        status=looks.status[rows],
    )


def finding_head(part: str, site_id: str) -> str:
    """Return the first two words of a finding's id; what an id may not hold becomes '_'."""
    return f"{part}.{re.sub(r'[^A-Za-z0-9_-]', '_', site_id)}"

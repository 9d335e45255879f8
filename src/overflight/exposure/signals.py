"""Signals that could have been heard of a site: margins, hours, and the same emitter from orbit.

Two answers by class of emitter. The *bound* takes the class at the most power of its spread. Wherever the
flight stands over the level horizon it takes the stronger of free space and P.528's 10 %, the loss that is
exceeded nine times in ten, which may lie 6 dB under that of free space; past the horizon P.528's 10 % alone.
One time in ten signals may carry farther. It knows no clutter, no hills, no rain, and none of the other
emitters on the same channel, of which a receiver at 20 km hears those of 800,000 km² and more. What could be
heard need not have been told apart. It is a bound for the receiver that is named, and no other. The *median*
is P.528's loss of half the time at the power of the class, over the site's own horizon where one is given.

P.528 ends at 20 km above the ground and outside 100 MHz to 30 GHz; there both answers are free space within
the horizon, nothing is said beyond it, and the row says for what share of the time that was so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.exposure.emitters import BUILT_IN, RECEIVER, EmitterClass, emitter_row
from overflight.exposure.finer import (
    Pieces,
    best_by_member,
    by_members,
    finding_head,
    interval_finding,
    pieces_of,
    share,
)
from overflight.exposure.geometry import horizon_m, slant_m
from overflight.exposure.looks import MemberLooks
from overflight.exposure.p528 import (
    FREE_SPACE,
    HIGH_M,
    OUTSIDE,
    PAST_HORIZON,
    WITHIN_HORIZON,
    applies,
    ground_between_m,
    loss,
    provenance,
)
from overflight.exposure.radio import (
    CLEAR_AIR_HZ,
    Receiver,
    advantage_db,
    free_space_loss_db,
    range_for_loss_m,
    sensitivity_dbm,
)
from overflight.places.sites import Site
from overflight.records import Finding, spread
from overflight.units import EARTH_RADIUS_M
from overflight.words import likelihood
from overflight.words import percent as percent_words

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Time between the pieces of a step: 10 to 20 km of flight.
PIECE_S: Final = 600.0
# Heights of the orbits that stand beside the balloon where the user names none, kilometres.
ORBITS_KM: Final = (500.0,)
ELEVATIONS_DEG: Final = (0.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0)
# Shares of the time for which P.528's loss is not exceeded, percent.
LOUD, HALF = 10.0, 50.0
# P.528's curves end so far past the horizon.
MOST_PAST_M: Final = 1_100_000.0
# No loss of P.528's table is under free space's by more than this (by 6.16 dB at 8 GHz, from 15 to 20 km, a
# tenth of the time), so who lacks more is not heard.
HOPELESS_DB: Final = 6.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What a receiver has of one class of emitter over pieces, (N,): margins NaN where not assessed.

    All margins are at the power of the class; `bound` adds its spread. `free_db` is the margin over free
    space where the flight stands over the level horizon, `median_db` and `loud_db` those of P.528 for the
    share of the time that was asked for and for a tenth of it. `bound` is the strongest of the three, over
    the level horizon and where P.528 still counts past it (`past`). `reached` is where the median may count,
    `fallen_back` where P.528 does not reach: there `median_db` is free space's.
    """

    free_db: Float64s
    median_db: Float64s
    loud_db: Float64s
    reached: Bools
    bound: Bools
    median: Bools
    past: Bools
    fallen_back: Bools


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmitterSignals:
    """What could have been heard of one class at a site: arrays (M,), NaN where a member has none.

    `bound_h` and `median_h` are hours in reach, `past_h` those of the bound from past the horizon;
    `on_air_h` is the bound by the share of time that the emitter is on. `best_db` is the greatest margin
    over free space, `best_s` when, `best_elevation_deg` and `best_above_m` where the flight then stood.
    """

    emitter: EmitterClass
    bound_h: Float64s
    median_h: Float64s
    past_h: Float64s
    on_air_h: Float64s
    best_db: Float64s
    best_s: Float64s
    best_elevation_deg: Float64s
    best_above_m: Float64s
    fallen_back: float
    tuned: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteSignals:
    """Signals of one site: by class, with findings, rows and the table against orbits."""

    site: Site
    receiver: Receiver
    weight: Float64s
    by_emitter: tuple[EmitterSignals, ...]
    findings: tuple[Finding, ...]
    rows: tuple[Mapping[str, Any], ...]
    orbits: tuple[Mapping[str, Any], ...]


def signal_site(
    looks: MemberLooks,
    emitters: Sequence[EmitterClass] = BUILT_IN,
    receiver: Receiver = RECEIVER,
    *,
    orbits_km: Sequence[float] = ORBITS_KM,
    part: str = "exposure",
    piece_s: float = PIECE_S,
) -> SiteSignals:
    """Find what a receiver could have heard of emitters at a site, by member.

    Parameters
    ----------
    looks : of the site, with `geometry.RADIO`.
    emitters : classes that stand at the site, their antennas above its ground.
    orbits_km : heights above ground of the satellites to compare with, 100 to 40000 km.
    part : first word of the findings' ids.

    Raises
    ------
    InputError
        When there is no emitter or an orbit cannot be.
    """
    _check(emitters, orbits_km)
    blocks = [_block(one, emitters, receiver, piece_s) for one in by_members(looks)]
    by_emitter = tuple(
        _joined(emitter, receiver, [block[i] for block in blocks]) for i, emitter in enumerate(emitters)
    )
    given = {
        "receiver": _receiver_words(receiver),
        "terrain": "level horizon" if looks.mask is None else looks.mask.source or "mask",
        "propagation": provenance(),
    }
    findings: list[Finding] = []
    rows, orbits = [], []
    for one in by_emitter:
        made = _findings(one, looks, part, given)
        findings += made
        rows.append(_row(one, looks, receiver, made))
        orbits += _orbit_rows(one, looks, receiver, orbits_km)
    return SiteSignals(
        site=looks.site,
        receiver=receiver,
        weight=looks.weight,
        by_emitter=by_emitter,
        findings=tuple(findings),
        rows=tuple(rows),
        orbits=tuple(orbits),
    )


def signals_section(results: Sequence[SiteSignals]) -> dict[str, Any]:
    """Return `sections.exposure.signals`: classes, receiver, one row a site and class, and the orbits."""
    emitters = {one.emitter.id: one.emitter for result in results for one in result.by_emitter}
    return {
        "emitters": [emitter_row(one) for one in emitters.values()],
        "receivers": list(dict.fromkeys(result.receiver.id for result in results)),
        "rows": [dict(row) for result in results for row in result.rows],
        "orbits": [dict(row) for result in results for row in result.orbits],
        "notes": list(NOTES),
    }


NOTES: Final = (
    "The bound takes each class at the most power of its spread, over the stronger of free space and P.528's "
    "10 % (past the horizon P.528's 10 % alone), which signals may pass one time in ten; it ignores clutter, "
    "hills, rain and every other emitter on the channel. It is that of the receiver named. What could have "
    "been heard need not have been told apart, and nothing here says that it was listened to.",
    "P.528 is a smooth Earth of average ground; its median stands beside the bound, not in its place. Above "
    "20 km over the ground, and outside 100 MHz to 30 GHz, free space within the horizon stands for both.",
    "An emitter is taken to radiate its power toward the receiver at every elevation.",
)


# --- one emitter over pieces ------------------------------------------------------------------------------


def hear(
    emitter: EmitterClass,
    receiver: Receiver,
    pieces: Pieces,
    site_alt_m: float,
    *,
    masked: bool = False,
    percent: float = HALF,
    every: bool = True,
) -> Heard:
    """Return what a receiver has of an emitter over pieces; `masked` where the site has its own horizon.

    `percent` (10, 50, 90) stands in for the median's share of the time. Without `every`, P.528 is not asked
    where free space at the most power is HOPELESS_DB too little: its margins are NaN there.
    """
    tuned = receiver.low_hz <= emitter.frequency_hz <= receiver.high_hz
    budget = emitter.eirp_dbm + receiver.gain_dbi - float(sensitivity_dbm(receiver, emitter.bandwidth_hz))
    budget = budget if tuned else -math.inf
    free = budget - free_space_loss_db(emitter.frequency_hz, pieces.range_m)
    least_db = -emitter.eirp_spread_db
    asked = np.nonzero(every | (free >= least_db - HOPELESS_DB))[0]
    half_db, status = _margin(emitter, pieces, site_alt_m, budget, percent, asked)
    # Where P.528 does not reach, the horizon of the antenna's own height stands for the level one.
    over = pieces.in_sight | (pieces.elevation_deg >= 0.0) | (status == FREE_SPACE)
    # An antenna above the ground has its horizon below the level plane: P.528 counts from there.
    past = np.isin(status, (WITHIN_HORIZON, PAST_HORIZON)) & ~over
    loud_db = _margin(emitter, pieces, site_alt_m, budget, LOUD, asked)[0]
    free = np.where(over, free, np.nan)
    fallen = (status == FREE_SPACE) | ((status == OUTSIDE) & over)
    median_db = np.where(fallen, free, half_db)
    # Behind a horizon of its own, a smooth Earth says nothing of the site.
    reached = pieces.in_sight | (past & (not masked))
    median = reached & (median_db >= 0.0)
    return Heard(
        free_db=free,
        median_db=median_db,
        loud_db=loud_db,
        reached=reached,
        # Whatever share of the time was asked for, the bound holds it too.
        bound=(free >= least_db) | ((over | past) & (loud_db >= least_db)) | median,
        median=median,
        past=past,
        fallen_back=fallen,
    )


def _margin(
    emitter: EmitterClass,
    pieces: Pieces,
    site_alt_m: float,
    budget: float,
    percent: float,
    asked: npt.NDArray[np.intp],
) -> tuple[Float64s, npt.NDArray[np.int8]]:
    """Margin over P.528's loss and its status for the pieces asked about; NaN and OUTSIDE for the others."""
    margin = np.full(pieces.range_m.size, np.nan)
    status = np.full(pieces.range_m.size, OUTSIDE, dtype=np.int8)
    away, height = pieces.range_m[asked], pieces.above_site_m[asked]
    ground = ground_between_m(away, emitter.height_m, height, site_alt_m)
    found = loss(
        emitter.frequency_hz, emitter.height_m, height, ground, away,
        percent=percent, polarisation=emitter.polarisation,
    )  # fmt: skip
    margin[asked], status[asked] = budget - found.loss_db, found.status
    return margin, status


def reach_m(looks: MemberLooks, emitters: Sequence[EmitterClass], receiver: Receiver) -> float:
    """Return the distance beyond which no emitter of the classes is heard, metres.

    Free space's at the most power, with HOPELESS_DB in hand, and not beyond the ends of P.528's curves.
    """
    longest = 0.0
    for one in emitters:
        most_dbm = one.eirp_dbm + one.eirp_spread_db
        budget = most_dbm + receiver.gain_dbi - float(sensitivity_dbm(receiver, one.bandwidth_hz))
        longest = max(longest, float(range_for_loss_m(one.frequency_hz, max(budget, 0.0) + HOPELESS_DB)))
    height = max(float(np.nanmax(looks.above_site_m, initial=0.0)), 0.0)
    tallest = max((one.height_m for one in emitters), default=0.0)
    most = float(horizon_m(height, tallest)) + MOST_PAST_M
    return max(min(longest, most), 1.0)


_Told = tuple[Float64s, Float64s, Float64s, Float64s, Float64s, Float64s, Float64s, Float64s]


def _block(
    looks: MemberLooks, emitters: Sequence[EmitterClass], receiver: Receiver, piece_s: float
) -> list[_Told]:
    pieces = pieces_of(looks, reach_m=reach_m(looks, emitters, receiver), step_s=piece_s, sun=False)
    told: list[_Told] = []
    for one in emitters:
        masked = looks.mask is not None
        heard = hear(one, receiver, pieces, looks.site_alt_m, masked=masked, every=False)
        best, when = best_by_member(pieces, heard.free_db)
        elevation, above = (np.full(looks.weight.size, np.nan) for _ in range(2))
        at_best = heard.free_db == best[pieces.member]
        elevation[pieces.member[at_best]] = pieces.elevation_deg[at_best]
        above[pieces.member[at_best]] = pieces.above_site_m[at_best]
        fallen = pieces.hours(heard.fallen_back & heard.bound)
        told.append(
            (
                pieces.hours(heard.bound),
                pieces.hours(heard.median),
                pieces.hours(heard.bound & heard.past),
                best,
                when,
                elevation,
                above,
                fallen,
            )
        )
    return told


def _joined(emitter: EmitterClass, receiver: Receiver, blocks: Sequence[_Told]) -> EmitterSignals:
    bound, median, past, best, when, elevation, above, fallen = (
        np.concatenate(parts) for parts in zip(*blocks, strict=True)
    )
    total = float(bound.sum())
    return EmitterSignals(
        emitter=emitter,
        bound_h=bound,
        median_h=median,
        past_h=past,
        on_air_h=bound * emitter.duty,
        best_db=np.where(np.isfinite(best), best, np.nan),
        best_s=when,
        best_elevation_deg=elevation,
        best_above_m=above,
        fallen_back=float(fallen.sum()) / total if total > 0.0 else 0.0,
        tuned=receiver.low_hz <= emitter.frequency_hz <= receiver.high_hz,
    )


def _check(emitters: Sequence[EmitterClass], orbits_km: Sequence[float]) -> None:
    if not emitters:
        raise InputError("there is no emitter", field="emitters", remedy="Give one class at least.")
    for orbit in orbits_km:
        if not 100.0 <= orbit <= 40_000.0:
            raise InputError(
                f"{orbit!r} km is no orbit", field="orbits_km", remedy="Give kilometres from 100 to 40000."
            )


# --- beside an orbit --------------------------------------------------------------------------------------


def beside_orbit(
    balloon_alt_m: float, orbit_alt_m: float, elevations_deg: Sequence[float] = ELEVATIONS_DEG
) -> list[dict[str, float]]:
    """Return how much louder an emitter is at a balloon than at a satellite, free space, by elevation.

    Rows of `elevation_deg`, `same_db` (the satellite at the same elevation) and `overhead_db` (the satellite
    overhead). Straight lines on a sphere from sea level; heights above the emitter's ground.
    """
    rows = []
    for elevation in elevations_deg:
        near = float(slant_m(balloon_alt_m, elevation))
        same = float(advantage_db(near, slant_m(orbit_alt_m, elevation)))
        overhead = float(advantage_db(near, orbit_alt_m))
        rows.append({"elevation_deg": float(elevation), "same_db": same, "overhead_db": overhead})
    return rows


def area_heard_m2(alt_m: float) -> float:
    """Return the ground within the radio horizon of a height, square metres: whose emitters are heard."""
    angle = float(horizon_m(alt_m)) / EARTH_RADIUS_M
    return 2.0 * math.pi * EARTH_RADIUS_M**2 * (1.0 - math.cos(angle))


def _orbit_rows(
    one: EmitterSignals, looks: MemberLooks, receiver: Receiver, orbits_km: Sequence[float]
) -> list[dict[str, Any]]:
    best = spread(one.best_db, looks.weight)
    if best is None:
        return []
    # The member whose margin lies nearest to the median stands for the balloon.
    known = np.nonzero(np.isfinite(one.best_db))[0]
    who = known[int(np.argmin(np.abs(one.best_db[known] - float(best["p50"]))))]
    elevation = float(min(max(one.best_elevation_deg[who], 0.0), 90.0))
    above = max(float(one.best_above_m[who]), 1.0)
    emitter = one.emitter
    budget = emitter.eirp_dbm + receiver.gain_dbi - float(sensitivity_dbm(receiver, emitter.bandwidth_hz))
    rows = []
    for orbit in orbits_km:
        same, zenith = float(slant_m(orbit * 1e3, elevation)), orbit * 1e3
        at_same, at_zenith = (
            budget - float(free_space_loss_db(emitter.frequency_hz, away)) for away in (same, zenith)
        )
        overhead = budget - float(free_space_loss_db(emitter.frequency_hz, above))
        rows.append(
            {
                "site": looks.site.id,
                "name": looks.site.name,
                "emitter": emitter.id,
                "orbit_km": float(orbit),
                "balloon_alt_m": above + looks.site_alt_m,
                "balloon_elevation_deg": elevation,
                "balloon_margin_db": float(one.best_db[who]),
                "balloon_overhead_margin_db": overhead,
                "orbit_same_elevation_margin_db": at_same,
                "orbit_overhead_margin_db": at_zenith,
                "advantage_same_elevation_db": float(one.best_db[who]) - at_same,
                "advantage_over_overhead_db": float(one.best_db[who]) - at_zenith,
                "advantage_both_overhead_db": overhead - at_zenith,
                "by_elevation": beside_orbit(above, zenith),
            }
        )
    return rows


# --- findings ---------------------------------------------------------------------------------------------


def _findings(one: EmitterSignals, looks: MemberLooks, part: str, given: Mapping[str, str]) -> list[Finding]:
    name, emitter, weight = looks.site.name, one.emitter, looks.weight
    head = f"{finding_head(part, looks.site.id)}.signals_{emitter.id}"
    limits, most = _limits(one, weight.size), f"bound: {_most_words(one.emitter)}"
    findings = [
        Finding(
            id=f"{head}_possible",
            question=f"Could a receiver aboard have heard this at {name}: {emitter.name}?",
            kind="probability",
            unit="1",
            value={"p": share(one.bound_h > 0.0, weight)},
            given=given,
            reason=f"{most}; {limits}",
        )
    ]
    for quantity, text, unit, values, how in (
        (
            "hours_bound",
            f"For how long at most could this at {name} have been heard: {emitter.name}?",
            "h",
            one.bound_h,
            f"{most}, over the level horizon the stronger of free space and P.528's 10 % (the loss exceeded "
            "nine times in ten), past it P.528's 10 %",
        ),
        (
            "hours_median",
            f"For how long could it have been heard at {name} with the usual loss: {emitter.name}?",
            "h",
            one.median_h,
            "P.528-5, 50 % of the time, smooth Earth"
            if _by_p528(one)
            else "free space: P.528 does not reach",
        ),
        (
            "best_margin",
            f"How far above what the receiver needs could this at {name} have stood: {emitter.name}?",
            "dB",
            one.best_db,
            f"free space at the power of the class, ± {emitter.eirp_spread_db:g} dB; of members over the "
            "level horizon",
        ),
        (
            "hours_on_air",
            f"For how long at most could it have been heard while on the air at {name}: {emitter.name}?",
            "h",
            one.on_air_h,
            f"{most}; the hours at most, by its being on the air {emitter.duty:g} of the time",
        ),
    ):
        findings.append(
            interval_finding(f"{head}_{quantity}", text, unit, values, weight, given, f"{how}; {limits}")
        )
    return findings


def _by_p528(one: EmitterSignals) -> bool:
    return applies(one.emitter.frequency_hz, one.emitter.height_m) and one.fallen_back < 0.5


def _limits(one: EmitterSignals, members: int) -> str:
    parts = [f"{members} members", "no clutter, no hills, no other emitter on the channel"]
    if one.emitter.frequency_hz >= CLEAR_AIR_HZ:
        parts.append("no rain, and gas in P.528 only")
    if one.fallen_back > 0.0:
        parts.append(
            f"free space for {percent_words(one.fallen_back)} of the hours, where P.528 does not reach"
        )
    if not one.tuned:
        parts.append("the receiver does not tune to it")
    return "; ".join([*parts, one.emitter.source])


def _receiver_words(receiver: Receiver) -> str:
    return (
        f"{receiver.id}: {receiver.gain_dbi:g} dBi, noise figure {receiver.noise_figure_db:g} dB, "
        f"{receiver.needed_db:g} dB needed"
    )


def _most_words(emitter: EmitterClass) -> str:
    """Return the power of the bound in words."""
    spread_db = emitter.eirp_spread_db
    return f"{spread_db:g} dB more power than the class has" if spread_db else "the power of the class"


def _row(
    one: EmitterSignals, looks: MemberLooks, receiver: Receiver, findings: Sequence[Finding]
) -> dict[str, Any]:
    weight = looks.weight
    past = _past_words(one.emitter, looks)
    above = float(np.nanmedian(one.best_above_m)) if np.isfinite(one.best_above_m).any() else math.nan
    row: dict[str, Any] = {
        "site": looks.site.id,
        "name": looks.site.name,
        "emitter": one.emitter.id,
        "emitter_name": one.emitter.name,
        "assumed": one.emitter.assumed,
        "receiver": _receiver_words(receiver),
        "tuned": one.tuned,
        "past": past,
        "p_bound": share(one.bound_h > 0.0, weight),
        "p_median": share(one.median_h > 0.0, weight),
        "hours_bound": spread(one.bound_h, weight),
        "hours_median": spread(one.median_h, weight),
        "hours_past_horizon": spread(one.past_h, weight),
        "hours_on_air": spread(one.on_air_h, weight),
        "best_margin_db": spread(one.best_db, weight),
        "best_time": spread(one.best_s, weight),
        "best_elevation_deg": spread(one.best_elevation_deg, weight),
        "share_free_space": one.fallen_back,
        "area_heard_km2": area_heard_m2(above) / 1e6 if math.isfinite(above) and above > 0.0 else None,
        "model": "P.528-5" if _by_p528(one) else "free space (P.525)",
        "finding_ids": [f.id for f in findings],
    }
    row["text"] = _sentence(row, one, receiver, past)
    return row


def _past_words(emitter: EmitterClass, looks: MemberLooks) -> str:
    """Return what the bound knows past the horizon."""
    highest = float(np.nanmax(looks.above_site_m, initial=0.0))
    if applies(emitter.frequency_hz, emitter.height_m) and highest <= HIGH_M:
        return "past the horizon it may carry farther one time in ten"
    if applies(emitter.frequency_hz, emitter.height_m):
        return f"past the horizon it is assessed only up to {HIGH_M / 1e3:g} km over the ground"
    return "past the horizon it is not assessed"


def _sentence(row: Mapping[str, Any], one: EmitterSignals, receiver: Receiver, past: str) -> str:
    who = f"Of {row['name']}, {row['emitter_name']}: a receiver aboard ({_receiver_words(receiver)})"
    if not one.tuned:
        span = f"{receiver.low_hz / 1e6:g} MHz to {receiver.high_hz / 1e9:g} GHz"
        return f"{who} could not have heard it: it does not tune to it, but from {span}."
    most = f"{_most_words(one.emitter)} and no clutter in the way; {past}"
    if row["p_bound"] == 0.0:
        return f"{who} could not have heard it, even with {most}."
    hours, median = row["hours_bound"], row["hours_median"]
    text = f"{who} could have heard it, {likelihood(row['p_bound'])} ({percent_words(row['p_bound'])})"
    if hours is not None and median is not None:
        text += (
            f", for at most {hours['p50']:.1f} h ({hours['p05']:.1f} to {hours['p95']:.1f}) by the path; "
            f"with the loss of half the time, {median['p50']:.1f} h"
        )
    return f"{text}. That is a bound, with {most}."

"""Whether, when and where a flight crossed into an area, and how long it stayed.

Works on any flight ensemble. Between samples a member moves along the great circle at constant speed,
drawn as short lines that are straight in longitude and latitude, as the edges of areas are; a line strays
less than 100 m from the great circle. Lines are cut where they meet an edge, so a clip of a corner between
two samples is found too, down to a millionth of a line (1 cm in 10 km). What is missed is what the samples
do not show: where a member left the great circle between two of them. The ensemble is float32, so places
are good to 2 m.

Terms
    *visit*   a stretch of time inside. Stretches of one member less than `merge_gap_s` apart count as one
              visit (a coast in and out of bays); hours inside are exact all the same.
    *entry*   the first time a member comes in from outside; *exit*, the last time it goes out. A member
              that is inside when it begins has no entry there, one that ends inside has no exit there.
    Quantiles are conditional on the event, with the weights of the members.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overflight.errors import OverflightError
from overflight.geo import bearing_deg, lonlat, mean_lonlat, unit_vector
from overflight.places.areas import Area, edge_cuts, inside
from overflight.records import (
    MIN_EFFECTIVE,
    Finding,
    Sighting,
    check_ensemble,
    effective_members,
    quantile_value,
    spread,
)
from overflight.times import short_utc
from overflight.units import EARTH_RADIUS_M, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

MERGE_GAP_S = 12.0 * HOUR_S
# A further visit that fewer members make is told by the count of visits alone.
MIN_VISIT_SHARE = 0.05

_PRINTED = ("probability", "entry", "exit", "hours_inside")

_STRAY_M = 100.0
_MAX_LINES = 256
_SHORTEST = 1e-6

# First word of the findings, by kind of ensemble: a forecast must not answer for the past.
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "posterior": "crossing",
        "twin": "crossing",
        "forecast": "crossing_forecast",
        "origin": "crossing_origin",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Stretches inside an area, (V,) each, ordered by member and time.

    `entered` tells that the member came in from outside at `time_in_s`, `left` that it went out at
    `time_out_s`; otherwise its life begins or ends inside. `number` counts visits of a member from 1;
    stretches that count as one visit share it. `course_deg` is the direction of travel at the start.
    """

    member: Ints
    time_in_s: Float64s
    time_out_s: Float64s
    entered: Bools
    left: Bools
    lon_deg: Float64s
    lat_deg: Float64s
    course_deg: Float64s
    number: Ints


@dataclass(frozen=True, slots=True, eq=False)
class AreaCrossing:
    """What every member did over one area: arrays (M,), NaN where the event did not happen to it."""

    area: Area
    weight: Float64s
    scenario: Ints
    ever: Bools
    starts_inside: Bools
    ends_inside: Bools
    entry_s: Float64s
    exit_s: Float64s
    inside_s: Float64s
    entry_lon_deg: Float64s
    entry_lat_deg: Float64s
    entry_course_deg: Float64s
    visits: Visits


@dataclass(frozen=True, slots=True, eq=False)
class CrossingsResult:
    """Findings for all areas, the rows of `sections.crossings`, and the members' own crossings by area id."""

    findings: tuple[Finding, ...]
    table: tuple[Mapping[str, Any], ...]
    by_area: Mapping[str, AreaCrossing]
    part: str = "crossing"


@dataclass(frozen=True, slots=True, eq=False)
class LeadTimes:
    """Findings, and the rows of `sections.crossings.lead_times`."""

    findings: tuple[Finding, ...]
    table: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Short straight lines of all members, in order of member and time; a chain is an unbroken life."""

    member: Ints
    chain: Ints
    time0_s: Float64s
    time1_s: Float64s
    lon0: Float64s
    lat0: Float64s
    lon1: Float64s
    lat1: Float64s


@dataclass(frozen=True, slots=True)
class _Ask:
    """What the findings of one area and one scenario share."""

    part: str
    area: Area
    suffix: str
    given: Mapping[str, str]
    evidence: tuple[str, ...]
    members: int


def crossings(
    ensemble: xr.Dataset,
    areas: Iterable[Area],
    *,
    merge_gap_s: float = MERGE_GAP_S,
    evidence: Sequence[str] = (),
    part: str | None = None,
) -> CrossingsResult:
    """Find when an ensemble crosses areas.

    Parameters
    ----------
    ensemble : a flight ensemble (`records.make_ensemble`).
    areas : countries, seas, regions, polygons; each id once.
    evidence : ids of the sightings that the ensemble was fitted to.
    part : first word of the findings' ids; from the kind of ensemble when None (`PARTS`).

    Returns
    -------
    For each area the findings `<part>.<area>.probability` (over it at any time), `.starts_inside`, `.entry`,
    `.exit` (POSIX seconds), `.hours_inside` (h), `.entry_lon`, `.entry_lat`, `.entry_course`; for later
    visits `.visit2_probability`, `.visit2_entry`, `.visit1_exit` and so on; per scenario the first ones again
    with the scenario's name behind. Undetermined, with the reason, where fewer than `MIN_EFFECTIVE` effective
    members tell.
    """
    check_ensemble(ensemble)
    chosen = tuple(areas)
    if len({a.id for a in chosen}) < len(chosen):
        raise OverflightError("two areas share an id", remedy="Give every area its own id.")
    word = part or PARTS[str(ensemble.attrs["kind"])]
    lines = _lines(ensemble)
    found = {area.id: _crossing(ensemble, lines, area, merge_gap_s) for area in chosen}
    given = _given(ensemble)
    names = _scenario_names(ensemble)
    findings: list[Finding] = []
    for crossing in found.values():
        ask = _Ask(word, crossing.area, "", given, tuple(evidence), crossing.weight.size)
        findings += _area_findings(crossing, ask, names, _span(ensemble))
    table = tuple(_row(crossing, word) for crossing in found.values())
    return CrossingsResult(tuple(findings), table, MappingProxyType(found), word)


def lead_time(result: CrossingsResult, sightings: Iterable[Sighting]) -> LeadTimes:
    """Return the warning that each sighting would have given before the entry into each area, in hours.

    The lead is the entry of each member less the end of the sighting's interval, so its spread is that of
    the entry. Only observations are asked, and only those that end before the median entry. It supposes
    that the report was at hand at once; how long it took to be passed on is not known here. An area that
    too few members enter has one undetermined finding, `.lead_time`, and no row.
    """
    seen = [s for s in sightings if s.role == "observation" and not _unusable(s)]
    seen.sort(key=lambda s: (s.time_end, s.id))
    findings: list[Finding] = []
    rows: list[Mapping[str, Any]] = []
    for crossing in result.by_area.values():
        ask = _Ask(result.part, crossing.area, "", {}, (), crossing.weight.size)
        if lack := _too_few(crossing.entry_s, crossing.weight, ask.members, "come in from outside"):
            findings.append(
                _undetermined(ask, "lead_time", _lead_question(ask.area, "a sighting"), "h", lack)
            )
            continue
        median = float((spread(crossing.entry_s, crossing.weight) or {})["p50"])
        leads = [_lead(crossing, ask, sighting) for sighting in seen if sighting.time_end < median]
        findings += leads
        rows += [_lead_row(crossing.area, lead) for lead in leads]
    return LeadTimes(tuple(findings), tuple(rows))


def _lead(crossing: AreaCrossing, ask: _Ask, sighting: Sighting) -> Finding:
    return Finding(
        id=f"{ask.part}.{ask.area.id}.lead_time_{_token(sighting.id)}",
        question=_lead_question(ask.area, f"sighting {sighting.id}"),
        kind="interval",
        unit="h",
        value=quantile_value((crossing.entry_s - sighting.time_end) / HOUR_S, crossing.weight),
        evidence=(sighting.id,),
        reason="from the end of the sighting's interval, as if its report was at hand at once",
    )


def _lead_row(area: Area, lead: Finding) -> Mapping[str, Any]:
    return {
        "sighting": lead.evidence[0],
        "area": area.id,
        "name": area.name,
        "lead_hours": dict(lead.value or {}),
        "finding_ids": [lead.id],
    }


# --- from the ensemble to lines


def _lines(ensemble: xr.Dataset) -> _Lines:
    """Cut every member's path into lines short enough to be straight; a lone sample has one of no length."""
    time_s = _time_s(ensemble)
    lon, lat = (ensemble[n].values.astype(np.float64) for n in ("lon", "lat"))
    member, step = np.nonzero(np.isfinite(lon) & np.isfinite(lat))
    linked = (np.diff(member) == 0) & (np.diff(step) == 1)
    chain = np.concatenate([[0], np.cumsum(~linked)])[: member.size]
    alone = np.bincount(chain)[chain] == 1 if member.size else np.zeros(0, dtype=np.bool_)
    first = np.flatnonzero(alone | np.append(linked, False)[: member.size])
    last = np.where(alone[first], first, first + 1)
    x, y, t = lon[member, step], lat[member, step], time_s[step]
    count = _line_counts(x[first], y[first], x[last], y[last])
    leg = np.repeat(np.arange(first.size), count)
    place = np.arange(leg.size) - np.repeat(np.cumsum(count) - count, count)
    a, b, f0, f1 = first[leg], last[leg], place / count[leg], (place + 1) / count[leg]
    lon0, lat0 = _between(x[a], y[a], x[b], y[b], f0)
    lon1, lat1 = _between(x[a], y[a], x[b], y[b], f1)
    span = t[b] - t[a]
    return _Lines(member[a], chain[a], t[a] + f0 * span, t[a] + f1 * span, lon0, lat0, lon1, lat1)


def _line_counts(lon0: Float64s, lat0: Float64s, lon1: Float64s, lat1: Float64s) -> Ints:
    """Number of lines a leg needs, so that each strays less than `_STRAY_M` from the great circle.

    The sagitta of a great circle over a straight line in longitude and latitude is s² tan(lat) / (8 R).
    """
    chord = np.sqrt(((unit_vector(lon1, lat1) - unit_vector(lon0, lat0)) ** 2).sum(axis=0))
    length = 2.0 * np.arcsin(np.minimum(chord / 2.0, 1.0)) * EARTH_RADIUS_M
    reach = np.degrees(length / EARTH_RADIUS_M) / 2.0
    steepest = np.radians(np.minimum(np.maximum(np.abs(lat0), np.abs(lat1)) + reach, 89.9))
    count = np.ceil(length * np.sqrt(np.tan(steepest) / (8.0 * EARTH_RADIUS_M * _STRAY_M)))
    return np.asarray(np.clip(count, 1, _MAX_LINES), dtype=np.intp)


def _between(
    lon0: Float64s, lat0: Float64s, lon1: Float64s, lat1: Float64s, fraction: Float64s
) -> tuple[Float64s, Float64s]:
    """Places at fractions of great circles; the ends are those given, to the last bit."""
    lon, lat = np.where(fraction <= 0.0, lon0, lon1), np.where(fraction <= 0.0, lat0, lat1)
    within = np.flatnonzero((fraction > 0.0) & (fraction < 1.0))
    a = unit_vector(lon0[within], lat0[within])
    b = unit_vector(lon1[within], lat1[within])
    f = fraction[within]
    angle = np.arctan2(np.sqrt((np.cross(a, b, axis=0) ** 2).sum(axis=0)), (a * b).sum(axis=0))
    sine = np.maximum(np.sin(angle), 1e-15)
    lon[within], lat[within] = lonlat(np.sin((1.0 - f) * angle) / sine * a + np.sin(f * angle) / sine * b)
    return lon, lat


# --- from lines to visits


def _crossing(ensemble: xr.Dataset, lines: _Lines, area: Area, merge_gap_s: float) -> AreaCrossing:
    visits = _visits(lines, area, merge_gap_s)
    members = ensemble.sizes["member"]
    came = np.flatnonzero(visits.entered)
    first = came[np.unique(visits.member[came], return_index=True)[1]]
    opening = np.unique(visits.member, return_index=True)[1]
    closing = np.append(opening[1:], visits.member.size)[: opening.size] - 1
    gone = closing[visits.left[closing]]

    def per_member(index: Ints, values: Float64s) -> Float64s:
        filled = np.full(members, np.nan)
        filled[visits.member[index]] = values[index]
        return filled

    def flags(index: Ints) -> Bools:
        return np.isin(np.arange(members), visits.member[index])

    stay = visits.time_out_s - visits.time_in_s
    return AreaCrossing(
        area=area,
        weight=ensemble["weight"].values.astype(np.float64),
        scenario=ensemble["scenario"].values.astype(np.intp),
        ever=flags(opening),
        starts_inside=flags(opening[~visits.entered[opening]]),
        ends_inside=flags(closing[~visits.left[closing]]),
        entry_s=per_member(first, visits.time_in_s),
        exit_s=per_member(gone, visits.time_out_s),
        inside_s=np.asarray(np.bincount(visits.member, weights=stay, minlength=members), dtype=np.float64),
        entry_lon_deg=per_member(first, visits.lon_deg),
        entry_lat_deg=per_member(first, visits.lat_deg),
        entry_course_deg=per_member(first, visits.course_deg),
        visits=visits,
    )


def _visits(lines: _Lines, area: Area, merge_gap_s: float) -> Visits:
    cut, cut_fraction = edge_cuts(area, lines.lon0, lines.lat0, lines.lon1, lines.lat1)
    state = inside(area, lines.lon0, lines.lat0)
    concerned = np.unique(np.concatenate([lines.member[cut], lines.member[state]]))
    here = np.flatnonzero(np.isin(lines.member, concerned))
    line = np.concatenate([here, cut])
    start = np.concatenate([np.zeros(here.size), cut_fraction])
    order = np.lexsort((start, line))
    line, start = line[order], start[order]
    follows = np.append(line[1:] == line[:-1], False)[: line.size]
    end = np.where(follows, np.append(start[1:], 1.0)[: line.size], 1.0)
    keep = end - start > _SHORTEST
    line, start, end = line[keep], start[keep], end[keep]
    within = state[line]
    # No cut: the whole line is as its start. Cut: ask the middle of every part.
    parts = np.flatnonzero(np.isin(line, cut))
    within[parts] = inside(area, *_on_line(lines, line[parts], 0.5 * (start[parts] + end[parts])))
    return _runs(lines, line, start, end, within, merge_gap_s)


def _runs(
    lines: _Lines, line: Ints, start: Float64s, end: Float64s, within: Bools, merge_gap_s: float
) -> Visits:
    """Join neighbouring parts that are inside into stretches."""
    chain = lines.chain[line]
    same = np.diff(chain) == 0
    joined = within[1:] & within[:-1] & same
    first = np.flatnonzero(within & ~np.concatenate([[False], joined])[: within.size])
    last = np.flatnonzero(within & ~np.concatenate([joined, [False]])[: within.size])
    span = lines.time1_s - lines.time0_s
    time_in = lines.time0_s[line[first]] + start[first] * span[line[first]]
    time_out = lines.time0_s[line[last]] + end[last] * span[line[last]]
    member = lines.member[line[first]]
    lon, lat = _on_line(lines, line[first], start[first])
    at = line[first]
    return Visits(
        member=member,
        time_in_s=time_in,
        time_out_s=time_out,
        entered=np.concatenate([[False], same])[first],
        left=np.concatenate([same, [False]])[last],
        lon_deg=lon,
        lat_deg=lat,
        course_deg=bearing_deg(lines.lon0[at], lines.lat0[at], lines.lon1[at], lines.lat1[at]),
        number=_numbers(member, time_in, time_out, merge_gap_s),
    )


def _numbers(member: Ints, time_in: Float64s, time_out: Float64s, merge_gap_s: float) -> Ints:
    """Count visits of a member from 1; a stretch soon after another belongs to the same visit."""
    if member.size == 0:
        return np.zeros(0, dtype=np.intp)
    other = np.diff(member) != 0
    new = np.concatenate([[True], other | (time_in[1:] - time_out[:-1] > merge_gap_s)])
    total = np.cumsum(new)
    before = np.maximum.accumulate(np.where(np.concatenate([[True], other]), total - 1, 0))
    return np.asarray(total - before, dtype=np.intp)


def _on_line(lines: _Lines, line: Ints, fraction: Float64s) -> tuple[Float64s, Float64s]:
    step = (lines.lon1[line] - lines.lon0[line] + 180.0) % 360.0 - 180.0
    lat = lines.lat0[line] + fraction * (lines.lat1[line] - lines.lat0[line])
    return lines.lon0[line] + fraction * step, lat


# --- from visits to findings


def _area_findings(
    crossing: AreaCrossing, ask: _Ask, names: Sequence[str], span: tuple[float, float]
) -> list[Finding]:
    during = f"between {short_utc(span[0])} and {short_utc(span[1])}"
    findings = _headline(crossing, crossing.weight, ask, during)
    findings += _place_findings(crossing, ask)
    findings += _visit_findings(crossing, ask)
    for index, name in enumerate(names):
        weight = np.where(crossing.scenario == index, crossing.weight, 0.0)
        if len(names) > 1 and weight.sum() > 0:
            own = replace(ask, suffix=f".{_token(name)}", given={**ask.given, "scenario": name})
            own = replace(own, members=int((weight > 0).sum()))
            findings += _headline(crossing, weight / weight.sum(), own, during)
    return findings


def _headline(crossing: AreaCrossing, weight: Float64s, ask: _Ask, during: str) -> list[Finding]:
    where = ask.area.phrase or ask.area.name
    ever = _share(crossing.ever, weight)
    findings = [_probability(ask, "probability", f"Was the flight over {where} {during}?", ever, weight)]
    if (starts := _share(crossing.starts_inside, weight)) > 0:
        question = f"Was the flight over {where} already when the reckoning begins?"
        findings.append(_probability(ask, "starts_inside", question, starts, weight))
    stay_h = np.where(crossing.ever, crossing.inside_s / HOUR_S, np.nan)
    asked = (
        (
            "entry",
            f"When did the flight first enter {where}?",
            "posix_s",
            crossing.entry_s,
            "come in from outside",
        ),
        (
            "exit",
            f"When did the flight last leave {where}?",
            "posix_s",
            crossing.exit_s,
            "leave before they end",
        ),
        ("hours_inside", f"How long was the flight over {where}?", "h", stay_h, "are over it"),
    )
    for quantity, question, unit, values, event in asked:
        findings.append(_interval(ask, quantity, question, unit, values, weight, event))
    return findings


def _place_findings(crossing: AreaCrossing, ask: _Ask) -> list[Finding]:
    where = ask.area.phrase or ask.area.name
    weight = crossing.weight
    course = crossing.entry_course_deg
    middle = _mean_lon(crossing, weight)
    ahead = float(mean_lonlat(course, np.zeros_like(course), weight)[0])
    asked = (
        ("entry_lon", "At what longitude", "deg_east", _around(crossing.entry_lon_deg, middle)),
        ("entry_lat", "At what latitude", "deg_north", crossing.entry_lat_deg),
        ("entry_course", "On what course", "deg", _around(course, ahead % 360.0)),
    )
    return [
        _interval(ask, q, f"{how} did the flight first enter {where}?", u, v, weight, "come in from outside")
        for q, how, u, v in asked
    ]


def _visit_findings(crossing: AreaCrossing, ask: _Ask) -> list[Finding]:
    where = ask.area.phrase or ask.area.name
    weight = crossing.weight
    count = visit_counts(crossing)
    findings: list[Finding] = []
    highest = int(count.max(initial=0))
    for number in range(2, highest + 1):
        share = _share(count >= number, weight)
        if share < MIN_VISIT_SHARE:
            break
        arrived, _ = visit_times(crossing, number)
        _, went = visit_times(crossing, number - 1)
        again = f"visit{number}"
        findings += [
            _probability(
                ask,
                f"{again}_probability",
                f"Did the flight come back over {where} ({again})?",
                share,
                weight,
            ),
            _interval(
                ask,
                f"visit{number - 1}_exit",
                f"When did visit {number - 1} to {where} end, where the flight came back?",
                "posix_s",
                np.where(count >= number, went, np.nan),
                weight,
                "come back",
            ),
            _interval(
                ask,
                f"{again}_entry",
                f"When did visit {number} to {where} begin?",
                "posix_s",
                arrived,
                weight,
                "come back",
            ),
        ]
    return findings


def visit_counts(crossing: AreaCrossing) -> Ints:
    """Return how many visits each member makes, (M,)."""
    count = np.zeros(crossing.weight.size, dtype=np.intp)
    np.maximum.at(count, crossing.visits.member, crossing.visits.number)
    return count


def visit_times(crossing: AreaCrossing, number: int) -> tuple[Float64s, Float64s]:
    """Return when each member begins and ends its visit of a number, (M,); NaN where nobody saw it cross."""
    visits = crossing.visits
    begin = np.full(crossing.weight.size, np.nan)
    end = np.full(crossing.weight.size, np.nan)
    mine = np.flatnonzero(visits.number == number)
    # In order of time, so the first to be written backwards and the last forwards are what stays.
    begin[visits.member[mine[::-1]]] = np.where(visits.entered, visits.time_in_s, np.nan)[mine[::-1]]
    end[visits.member[mine]] = np.where(visits.left, visits.time_out_s, np.nan)[mine]
    return begin, end


def _probability(ask: _Ask, quantity: str, question: str, p: float, weight: Float64s) -> Finding:
    effective = effective_members(weight)
    reason = f"share of {ask.members} members ({effective:.0f} effective)"
    if p <= 0.0:
        # Rule of three: the 95 % upper limit of a rate with no case in n is about 3/n.
        reason = (
            f"none of {ask.members} members: below about {min(3.0 / effective, 1.0):.2g} with 95 % confidence"
        )
    return Finding(
        id=_id(ask, quantity),
        question=question,
        kind="probability",
        unit="1",
        value={"p": p},
        given=ask.given,
        evidence=ask.evidence,
        reason=reason,
    )


def _interval(
    ask: _Ask, quantity: str, question: str, unit: str, values: Float64s, weight: Float64s, event: str
) -> Finding:
    if lack := _too_few(values, weight, ask.members, event):
        return _undetermined(ask, quantity, question, unit, lack)
    shift = float(np.nanmin(values)) if unit == "posix_s" else 0.0
    return Finding(
        id=_id(ask, quantity),
        question=question,
        kind="interval",
        unit=unit,
        value=quantile_value(values - shift, weight, offset=shift),
        given=ask.given,
        evidence=ask.evidence,
        reason=f"of the members that {event}: {_share(np.isfinite(values), weight):.0%} by weight",
    )


def _undetermined(ask: _Ask, quantity: str, question: str, unit: str, reason: str) -> Finding:
    return Finding(
        id=_id(ask, quantity),
        question=question,
        kind="undetermined",
        unit=unit,
        value=None,
        given=ask.given,
        evidence=ask.evidence,
        reason=reason,
    )


def _too_few(values: Float64s, weight: Float64s, members: int, event: str) -> str:
    """Return why the values cannot carry quantiles, or nothing."""
    effective = effective_members(weight[np.isfinite(values)])
    if effective >= MIN_EFFECTIVE:
        return ""
    count = int((np.isfinite(values) & (weight > 0)).sum())
    return (
        f"{count} of {members} members {event} ({effective:.1f} effective); "
        f"{MIN_EFFECTIVE:.0f} are needed to tell when or how long"
    )


def _row(crossing: AreaCrossing, part: str) -> Mapping[str, Any]:
    """One row of the table: plain values for `sections.crossings`, None where too few members tell."""
    weight = crossing.weight
    course = crossing.entry_course_deg
    ahead = float(mean_lonlat(course, np.zeros_like(course), weight)[0]) % 360.0
    return {
        "area": crossing.area.id,
        "name": crossing.area.name,
        "phrase": crossing.area.phrase or crossing.area.name,
        "area_kind": crossing.area.kind,
        "basis": crossing.area.basis,
        "probability": _share(crossing.ever, weight),
        "enters": _share(np.isfinite(crossing.entry_s), weight),
        "starts_inside": _share(crossing.starts_inside, weight),
        "ends_inside": _share(crossing.ends_inside, weight),
        "entry": spread(crossing.entry_s, weight),
        "exit": spread(crossing.exit_s, weight),
        "hours_inside": spread(np.where(crossing.ever, crossing.inside_s / HOUR_S, np.nan), weight),
        "entry_lon_deg": spread(_around(crossing.entry_lon_deg, _mean_lon(crossing, weight)), weight),
        "entry_lat_deg": spread(crossing.entry_lat_deg, weight),
        "entry_course_deg": spread(_around(course, ahead), weight),
        "visits": _visit_rows(crossing),
        "finding_ids": [f"{part}.{crossing.area.id}.{quantity}" for quantity in _PRINTED],
    }


def _visit_rows(crossing: AreaCrossing) -> list[dict[str, Any]]:
    count = visit_counts(crossing)
    rows: list[dict[str, Any]] = []
    for number in range(1, int(count.max(initial=0)) + 1):
        share = _share(count >= number, crossing.weight)
        if share < MIN_VISIT_SHARE:
            break
        begin, end = (spread(t, crossing.weight) for t in visit_times(crossing, number))
        rows.append({"visit": number, "probability": share, "entry": begin, "exit": end})
    return rows


def _around(angle_deg: Float64s, middle_deg: float) -> Float64s:
    """Unwrap angles to within half a turn of a middle, so that their quantiles mean something."""
    if not math.isfinite(middle_deg):
        return angle_deg
    return np.asarray(middle_deg + (angle_deg - middle_deg + 180.0) % 360.0 - 180.0)


def _mean_lon(crossing: AreaCrossing, weight: Float64s) -> float:
    return float(mean_lonlat(crossing.entry_lon_deg, crossing.entry_lat_deg, weight)[0])


def _share(which: Bools, weight: Float64s) -> float:
    return min(float(weight[which].sum() / weight.sum()), 1.0)


def _id(ask: _Ask, quantity: str) -> str:
    return f"{ask.part}.{ask.area.id}.{quantity}{ask.suffix}"


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _lead_question(area: Area, what: str) -> str:
    return f"How long before the flight entered {area.phrase or area.name} was {what}?"


def _unusable(sighting: Sighting) -> bool:
    return any(mark.severity == "unusable" for mark in sighting.marks)


def _given(ensemble: xr.Dataset) -> dict[str, str]:
    given = {"ensemble": str(ensemble.attrs["kind"])}
    if "winds" in ensemble.attrs:
        given["winds"] = str(ensemble.attrs["winds"])
    return given


def _scenario_names(ensemble: xr.Dataset) -> tuple[str, ...]:
    return tuple(str(ensemble["scenario"].attrs.get("flag_meanings", "only")).split())


def _time_s(ensemble: xr.Dataset) -> Float64s:
    return np.asarray(ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9)


def _span(ensemble: xr.Dataset) -> tuple[float, float]:
    time_s = _time_s(ensemble)
    return float(time_s[0]), float(time_s[-1])

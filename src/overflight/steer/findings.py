"""Findings of steering: ids, questions, values and the sentences that go with them.

Subjects: `flight` (the verdict), a hypothesis's id, `effort`, `passive`, `fix-<sighting>`, `wind`, `when`,
`command-<time>`, `station-<time>`, `place-<site>`, `places`, `decide`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight.geo import wrap_lon
from overflight.reconstruct.frame import Frame
from overflight.records import Finding, quantile_value
from overflight.steer.asked import Asked
from overflight.steer.decide import ALT_SD_KM, FIX_SD_KM, SOUNDING_AWAY_KM, Kind, Option
from overflight.steer.effort import AirspeedEffort, AltitudeEffort
from overflight.steer.evidence import Weighed, posterior_bounds
from overflight.steer.hypotheses import SIDES, Side
from overflight.steer.ratios import ratios_of
from overflight.steer.toward import Approach
from overflight.steer.verdict import SIDE_WORDS, Verdict
from overflight.steer.when import Command, Station
from overflight.times import iso_utc, short_utc
from overflight.units import HOUR_S
from overflight.words import percent

Float64s = npt.NDArray[np.float64]
Given = Mapping[str, str]

# A standard error reaches so far for 5 and 95 %.
Z95: Final = 1.645
SIDE_IDS: Final[Mapping[Side, str]] = {
    "passive": "p_drifted",
    "steered": "p_steered",
    "not wind": "p_not_wind",
}
# A standard deviation on an axis at which a place on the Earth is none.
ANYWHERE_KM: Final = 5000.0
RATIO_IDS: Final[Mapping[Side, str]] = {"steered": "ratio_steered", "not wind": "ratio_not_wind"}
# Rows of the table of misses; of a flight of a thousand fixes the worst ones are listed.
MOST_MISSES: Final = 60
QUESTION: Final = "Did it drift with the wind, was it steered, or did no wind move it?"
NOT_MEANT: Final = "Whether anything was meant by it stays a claim: no path shows an intention."
CHOSEN: Final = (
    "That counts only for places named before the path was known: those named because it passed them lie "
    "near it by choice."
)
_KIND_WORDS: Final[Mapping[Kind, str]] = {
    "fix": f"one more position, good to {FIX_SD_KM:g} km",
    "altitude": f"its height, good to {ALT_SD_KM * 1e3:g} m",
    "sounding": f"a sounding of the wind within {SOUNDING_AWAY_KM:g} km of it",
}


def findings_of(asked: Asked) -> tuple[Finding, ...]:
    """Return all findings of steering."""
    ground = asked.ground
    given = {"winds": ground.winds.title, **({"scenario": ground.account} if ground.account else {})}
    parts = [
        _verdict(asked.verdict, given, ground.ids),
        _ratios(asked.weighed, given, ground.ids),
        _hypotheses(asked.weighed, given, ground.ids),
        _wind(asked.weighed, given),
        _airspeed(asked.airspeed, given),
        _altitude(asked.altitude, given),
        _passive(asked, given),
        _when(asked, given),
        _toward(asked, given),
        _decide(asked, given),
    ]
    return tuple(finding for part in parts for finding in part)


def too_few(count: int, given: Given) -> tuple[Finding, ...]:
    """Return the one finding of a case without a path."""
    reason = (
        f"Only {count} sighting{'' if count == 1 else 's'} with a place and a time could be used; a motion "
        "needs two."
    )
    return (
        Finding(
            id="steer.flight.side",
            question=QUESTION,
            kind="undetermined",
            unit="",
            value=None,
            given=given,
            reason=reason,
        ),
    )


def _verdict(verdict: Verdict, given: Given, ids: Sequence[str]) -> list[Finding]:
    told = verdict.word != "cannot tell"
    side = Finding(
        id="steer.flight.side",
        question=QUESTION,
        kind="category" if told else "undetermined",
        unit="",
        value={"category": verdict.word} if told else None,
        given={**given, "threshold": f"{verdict.threshold:g}"},
        evidence=tuple(ids),
        reason=" ".join(verdict.reasons),
    )
    chances = [
        _chance(
            f"steer.flight.{SIDE_IDS[one]}",
            f"How probable is it that {SIDE_WORDS[one]}?",
            p,
            given,
            f"Between {percent(low)} and {percent(high)} by the Monte Carlo error.",
            tuple(ids),
        )
        for one, p, low, high in zip(SIDES, verdict.p, verdict.p_low, verdict.p_high, strict=True)
    ]
    if not (math.isfinite(verdict.log_odds) and math.isfinite(verdict.log_odds_se)):
        return [side, *chances]
    odds = _interval(
        "steer.flight.log_odds",
        "How large are the odds that it was steered against that it drifted (natural logarithm)?",
        "nat",
        _about(verdict.log_odds, verdict.log_odds_se),
        given,
        "Posterior odds; the interval is the Monte Carlo error alone.",
    )
    return [side, *chances, odds]


def _ratios(weighed: Weighed, given: Given, ids: Sequence[str]) -> list[Finding]:
    return [
        _interval(
            f"steer.flight.{RATIO_IDS[one.side]}",
            f"How much more probable are the sightings if {SIDE_WORDS[one.side]} than if it drifted (natural "
            "logarithm of the ratio)?",
            "nat",
            _triple((one.log_low, one.log, one.log_high)),
            given,
            "Ratio of the likelihoods of the sides, whatever their prior odds; the interval is the Monte "
            "Carlo error alone.",
            tuple(ids),
        )
        for one in ratios_of(weighed)
    ]


def _hypotheses(weighed: Weighed, given: Given, ids: Sequence[str]) -> list[Finding]:
    low, high = posterior_bounds(weighed)
    out = []
    for i, one in enumerate(weighed.hypotheses):
        between = (
            f"Between {percent(float(low[i]))} and {percent(float(min(high[i], 1.0)))} by the Monte Carlo"
        )
        out.append(
            _chance(
                f"steer.{one.id}.probability",
                f"How probable is the hypothesis “{one.title}”?",
                float(weighed.posterior[i]),
                {**given, "prior": f"{one.prior:.3f}", "side": one.side},
                f"{between} error. {one.statement}",
                tuple(ids),
            )
        )
        out.append(
            _interval(
                f"steer.{one.id}.evidence",
                f"What is the log evidence of the sightings under “{one.title}”?",
                "nat",
                _about(float(weighed.log_evidence[i]), float(weighed.se[i])),
                given,
                "Log of the density of all sightings, everything unknown integrated out; the interval is the "
                "Monte Carlo error.",
                tuple(ids),
            )
        )
    return out


def _wind(weighed: Weighed, given: Given) -> list[Finding]:
    """What the sightings make of the wind error: its size and its memory, over all hypotheses."""
    out = []
    for name, column, unit, scale, question in (
        ("factor", "factor", "1", 1.0, "How large was the wind's error, in units of its stated size?"),
        ("memory", "error_time_s", "h", HOUR_S, "For how long did the wind's error keep its direction?"),
    ):
        values, weight = _parameter(weighed, column)
        if values.size:
            why = "Posterior over all hypotheses that the wind moves, each with its weight."
            value = quantile_value(values / scale, weight)
            out.append(_interval(f"steer.wind.{name}", question, unit, value, given, why))
    return out


def _parameter(weighed: Weighed, name: str) -> tuple[Float64s, Float64s]:
    """Return draws of a parameter and their weights, over the hypotheses that the wind moves."""
    values, weight = [np.empty(0)], [np.empty(0)]
    for p, one, f in zip(weighed.posterior, weighed.hypotheses, weighed.filtered, strict=True):
        if one.model.horizontal != "free" and name in f.parameter_names:
            column = f.parameters[:, f.parameter_names.index(name)]
            values.append(column)
            weight.append(np.full(column.size, (float(p) + 1e-12) / column.size))
    return np.concatenate(values), np.concatenate(weight)


def _airspeed(effort: AirspeedEffort | None, given: Given) -> list[Finding]:
    if effort is None:
        return []
    how = (
        "The least integral of the squared airspeed with which a balloon in the analysed wind passes "
        f"{effort.fixes} fixes within their errors. The wind's own error is {effort.wind_error_mps:.1f} m/s: "
        "effort of that size is no sign of steering."
    )
    if not effort.explained:
        how += " No effort brought the misfit to its expected value: the fixes contradict one another."
    above = f"For how many hours is the airspeed on that path above {effort.named_mps:g} m/s?"
    work = "What work against drag is that, for a square metre of cross-section and a drag coefficient of 1?"
    rows = (
        ("airspeed_rms", "m/s", effort.rms_mps, "What airspeed, root mean square, would it take at least?"),
        ("airspeed_peak", "m/s", effort.peak_mps, "What is the greatest airspeed on that path?"),
        ("hours_above", "h", effort.hours_above, above),
        ("airspeed_integral", "m2/s", effort.integral_m2ps, "What is the integral of the squared airspeed?"),
        ("drag_work", "J/m2", effort.drag_jpm2, work),
    )
    return [
        _exact(f"steer.effort.{name}", question, unit, value, given, how)
        for name, unit, value, question in rows
    ]


def _altitude(effort: AltitudeEffort | None, given: Given) -> list[Finding]:
    if effort is None:
        return []
    how = (
        "The least sum of changes of height, one height between fixes, over "
        f"{len(effort.alt_m)} leg{'' if len(effort.alt_m) == 1 else 's'}. "
    )
    if effort.explained:
        how += "The winds at these heights explain the legs within the errors of fixes and wind."
    else:
        sigma = math.sqrt(effort.chi2 / (2 * len(effort.alt_m)))
        how += (
            "No heights in the range explain the legs within the errors of fixes and wind; these come "
            f"nearest, with a misfit of {sigma:.1f} standard deviations, root mean square."
        )
    sum_of = "What sum of changes of height would it take at least?"
    return [
        _exact("steer.effort.altitude_total", sum_of, "m", effort.total_m, given, how),
        _exact(
            "steer.effort.altitude_changes", "How many changes of height are these?", "1",
            float(effort.changes), given, how,
        ),
    ]  # fmt: skip


def _passive(asked: Asked, given: Given) -> list[Finding]:
    closest = asked.closest
    if closest is None:
        return []
    where = place_words(*place_of(asked.ground.frame, closest.x_km, closest.y_km))
    told = {**given, "hypothesis": closest.id}
    said = (
        f"The closest passive explanation ({closest.id}) begins at {where} and floats at "
        f"{closest.alt_m / 1e3:.1f} km in the mean. It asks of the wind an error of {closest.error_mps:.1f} "
        f"m/s, {closest.error_ratio:.1f} times the stated size, and beyond twice that size for "
        f"{closest.large_h:.0f} h."
    )
    asks = "What wind error does the closest passive explanation ask for, in units of the stated size?"
    out = [_exact("steer.passive.wind_error", asks, "1", closest.error_ratio, told, said)]
    for k in worst_misses(closest.miss_sigma):
        name = asked.ground.ids[k]
        said = (
            f"{short_utc(float(asked.ground.fixes.time_s[k]))}: {closest.miss_km[k]:.0f} km from what the "
            f"sightings before it foretold, {closest.miss_sigma[k]:.1f} standard deviations; "
            f"{closest.off_km[k]:.0f} km from the best passive path, {closest.off_sigma[k]:.1f} of the "
            "sighting's own."
        )
        asks = f"By how many standard deviations does the passive explanation miss {name}?"
        value = float(closest.miss_sigma[k])
        out.append(_exact(f"steer.fix-{name}.miss", asks, "1", value, told, said, (name,)))
    return out


def worst_misses(sigma: Float64s) -> list[int]:
    """Return the fixes of the table, the worst first; those with nothing before them are left out."""
    known = np.flatnonzero(np.isfinite(sigma))
    order = known[np.argsort(-sigma[known], kind="stable")]
    return [int(k) for k in order[:MOST_MISSES]]


def _when(asked: Asked, given: Given) -> list[Finding]:
    found, out = asked.when, []
    if found.propelled_share is not None:
        asks = "If it was propelled: for what share of the time?"
        out.append(_interval("steer.when.propelled_share", asks, "1", _triple(found.propelled_share), given))
    if found.command_count is not None:
        asks = "If its height was controlled: how many changes were commanded?"
        out.append(_interval("steer.when.commands", asks, "1", _triple(found.command_count), given))
    for command in found.commands:
        said = (
            f"From {command.from_m / 1e3:.1f} to {command.to_m / 1e3:.1f} km, in {percent(command.p)} of "
            "the draws under altitude control."
        )
        asks = "If its height was controlled: when was this change commanded?"
        out.append(_interval(command_id(command), asks, "posix_s", _triple(command.time_s), given, said))
    for stay in found.stations:
        where = place_words(*place_of(asked.ground.frame, stay.x_km, stay.y_km))
        said = (
            f"About {where} from {short_utc(stay.time_start)} to {short_utc(stay.time_end)}, at "
            f"{stay.speed_mps:.1f} m/s over ground. A calm keeps a balloon in place as well as a will does."
        )
        out.append(_chance(station_id(stay), "Did it stay about one place here?", stay.p, given, said))
    return out


def command_id(command: Command) -> str:
    """Return the id of the finding of a command: its time and its way."""
    way = "up" if command.to_m > command.from_m else "down"
    return f"steer.command-{_stamp(command.time_s[1])}-{way}.time"


def station_id(stay: Station) -> str:
    """Return the id of the finding of a stay."""
    return f"steer.station-{_stamp(stay.time_start)}.probability"


def _toward(asked: Asked, given: Given) -> list[Finding]:
    found = asked.toward
    out = [f for near in found.approaches for f in _approach(near, asked, given)]
    if found.approaches:
        asks = (
            "How probable is it that a drifting balloon is somewhere, in nearness or in dwell, as "
            "surprising as this one was?"
        )
        told = {**given, "places": str(found.places)}
        said = f"By {len(found.lon_deg)} drifting flights from the first sighting. {CHOSEN} {NOT_MEANT}"
        out.append(_chance("steer.places.p_any", asks, found.p_any, told, said))
    return out


def _approach(near: Approach, asked: Asked, given: Given) -> list[Finding]:
    subject, found = f"steer.place-{near.id}", asked.toward
    told = {**given, "places": str(found.places)}
    closest = (
        f"At about {short_utc(near.closest_s)}. Drifting flights: {near.chance_closest_km[1]:.0f} km in the "
    )
    closest += "median."
    stayed = f"Drifting flights: {near.chance_dwell_h[1]:.1f} h in the median."
    return [
        _interval(
            f"{subject}.closest", f"How near did it come to {near.name}?", "km", _triple(near.closest_km),
            given, closest,
        ),
        _interval(
            f"{subject}.dwell", f"For how long was it within {found.radius_km:g} km of {near.name}?", "h",
            _triple(near.dwell_h), given, stayed,
        ),
        _chance(
            f"{subject}.p_close",
            "How probable is it that a drifting balloon comes as surprisingly near to any of the places "
            f"named as this one did to {near.name}?",
            near.p_close_corrected, {**told, "uncorrected": f"{near.p_close:.4f}"}, NOT_MEANT,
        ),
        _chance(
            f"{subject}.p_dwell",
            "How probable is it that a drifting balloon stays as surprisingly long near any of the places "
            f"named as this one did near {near.name}?",
            near.p_dwell_corrected, {**told, "uncorrected": f"{near.p_dwell:.4f}"}, NOT_MEANT,
        ),
    ]  # fmt: skip


def _decide(asked: Asked, given: Given) -> list[Finding]:
    said = "The entropy of the posterior of the three sides."
    asks = "How much is open about the side?"
    out = [_exact("steer.decide.open", asks, "bit", asked.decide.open_bits, given, said)]
    for kind, words in _KIND_WORDS.items():
        best = asked.decide.best(kind)
        if best is not None:
            asks = f"How much would {words} be expected to tell of the side?"
            said = option_words(best, asked.ground.frame)
            out.append(_exact(f"steer.decide.{kind}", asks, "bit", best.gain_bits, given, said))
    return out


def option_words(option: Option, frame: Frame) -> str:
    """Say when and where an observation would tell most."""
    places = [
        f"{place_words(*place_of(frame, x_km, y_km))} (±{sd_km:.0f} km) if {SIDE_WORDS[side]}"
        if sd_km < ANYWHERE_KM
        else f"anywhere if {SIDE_WORDS[side]}"
        for side, x_km, y_km, sd_km in option.places
    ]
    words = _KIND_WORDS[option.kind]
    return (
        f"{words[0].upper()}{words[1:]}, at {short_utc(option.time_s)}: {option.gain_bits:.2f} bits to be "
        f"expected. Then it is at {'; '.join(places)}."
    )


def place_of(frame: Frame, x_km: float, y_km: float) -> tuple[float, float]:
    """Return longitude and latitude of a place in the frame."""
    lon, lat = frame.to_lonlat(x_km * 1e3, y_km * 1e3)
    return float(wrap_lon(lon)), float(lat)


def place_words(lon_deg: float, lat_deg: float) -> str:
    """Write a place to a tenth of a degree."""
    north, east = "N" if lat_deg >= 0 else "S", "E" if lon_deg >= 0 else "W"
    return f"{abs(lat_deg):.1f}° {north}, {abs(lon_deg):.1f}° {east}"


def _interval(
    finding_id: str,
    question: str,
    unit: str,
    value: dict[str, float | str],
    given: Given,
    reason: str = "",
    evidence: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        id=finding_id, question=question, kind="interval", unit=unit, value=value, given=given,
        evidence=evidence, reason=reason,
    )  # fmt: skip


def _exact(
    finding_id: str,
    question: str,
    unit: str,
    value: float,
    given: Given,
    reason: str,
    evidence: tuple[str, ...] = (),
) -> Finding:
    bounds: dict[str, Any] = {"lo": float(value), "hi": float(value)}
    return _interval(finding_id, question, unit, bounds, given, reason, evidence)


def _chance(
    finding_id: str,
    question: str,
    p: float,
    given: Given,
    reason: str,
    evidence: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        id=finding_id, question=question, kind="probability", unit="1", given=given, evidence=evidence,
        value={"p": min(1.0, max(0.0, float(p)))}, reason=reason,
    )  # fmt: skip


def _about(value: float, se: float) -> dict[str, float | str]:
    return {"p05": value - Z95 * se, "p50": value, "p95": value + Z95 * se}


def _triple(values: tuple[float, float, float]) -> dict[str, float | str]:
    return {"p05": values[0], "p50": values[1], "p95": values[2]}


def _stamp(time_s: float) -> str:
    """A time that may stand in an id: '20230201T0512Z'."""
    return iso_utc(time_s)[:16].replace("-", "").replace(":", "") + "Z"

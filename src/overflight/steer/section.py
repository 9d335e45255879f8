"""`sections.steer` of the result: sentences with their findings, tables, and the lines of the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight.records import Finding, weighted_quantile
from overflight.steer.asked import Asked
from overflight.steer.closest import believed
from overflight.steer.evidence import posterior_bounds
from overflight.steer.findings import (
    CHOSEN,
    NOT_MEANT,
    RATIO_IDS,
    SIDE_IDS,
    command_id,
    option_words,
    place_of,
    place_words,
    station_id,
    worst_misses,
)
from overflight.steer.hypotheses import SIDES
from overflight.steer.ratios import ratio_row, ratios_of, told
from overflight.steer.verdict import SIDE_WORDS
from overflight.steer.when import Z
from overflight.words import likelihood, percent, percent_range

Float64s = npt.NDArray[np.float64]
Row = dict[str, Any]

# Points of a line of the figure, drifting flights drawn, and rows of the table of misses in the report.
MOST_POINTS: Final = 160
MOST_LINES: Final = 40
TOLD_MISSES: Final = 12
LINE_POINTS: Final = 60
# A place is told as surprising below this.
SURPRISING: Final = 0.05

NOTES: Final = (
    "The wind error is taken to follow the balloon, with a size and a memory that are inferred with "
    "everything else. Drift, altitude control and propulsion are told apart only as far as that holds.",
    "Prior odds are stated with each hypothesis and can be changed in [ask.steer] of case.toml. " + NOT_MEANT,
)


def section_of(asked: Asked, findings: Sequence[Finding]) -> Row:
    """Return the section of a weighed case. Every row and sentence names the findings it prints."""
    held = {f.id for f in findings}
    section: Row = {
        "verdict": asked.verdict.word,
        "threshold": asked.verdict.threshold,
        "reasons": list(asked.verdict.reasons),
        "sides": _sides(asked),
        "ratios": _ratios(asked),
        "sentences": _sentences(asked),
        "hypotheses": _hypotheses(asked),
        "misses": _misses(asked),
        "commands": _commands(asked),
        "stations": _stations(asked),
        "places": _places(asked),
        "decide": _decide(asked),
        "figure": figure_of(asked),
        "account": asked.ground.account,
        "particles": max(asked.particles),
        "seed": asked.seed,
        "notes": [*NOTES, *_account_note(asked)],
    }
    for row in _cited(section):
        row["finding_ids"] = [i for i in row["finding_ids"] if i in held]
    return section


def section_without(findings: Sequence[Finding]) -> Row:
    """Return the section of a case in which nothing could be weighed."""
    (only,) = findings
    return {
        "verdict": "cannot tell",
        "reasons": [only.reason],
        "sentences": [{"text": f"It cannot be told. {only.reason}", "finding_ids": [only.id]}],
        "hypotheses": [],
        "notes": [NOT_MEANT],
    }


def _cited(section: Row) -> list[Row]:
    rows = [row for value in section.values() if isinstance(value, list) for row in value]
    return [row for row in rows if isinstance(row, dict) and "finding_ids" in row]


def _account_note(asked: Asked) -> list[str]:
    account = asked.ground.account
    return [f"Of rival accounts the sightings are read under one: {account}."] if account else []


def _sentences(asked: Asked) -> list[Row]:
    verdict = asked.verdict
    rows_of = zip(SIDES, verdict.p, verdict.p_low, verdict.p_high, strict=True)
    if verdict.word == "cannot tell":
        # A word of likelihood would be read as an answer, and another seed may give another.
        ranges = (f"{SIDE_WORDS[side]}, {percent_range(low, high)}" for side, _, low, high in rows_of)
        chances = f"Posterior, within the error of the computation: {'; '.join(ranges)}."
    else:
        words = (f"{SIDE_WORDS[side]}, {likelihood(p)} ({percent(p)})" for side, p, _, _ in rows_of)
        chances = f"Posterior: {'; '.join(words)}."
    head = {
        "drifted": "It drifted, in the sense of the hypotheses below.",
        "steered": "It was steered, in the sense of the hypotheses below; no path shows by whom or what for.",
        "not moved by wind": "No wind moved it.",
        "did not drift": "It did not drift; whether it was steered or no wind moved it cannot be told.",
        "cannot tell": "Whether it drifted or was steered, these data cannot tell.",
    }[verdict.word]
    rows = [
        {
            "text": f"{head} {chances}",
            "finding_ids": ["steer.flight.side", *(f"steer.flight.{i}" for i in SIDE_IDS.values())],
        }
    ]
    # A ratio is of the models as they are: of a side that winds and data refuse it says nothing.
    ratios = [one for one in ratios_of(asked.weighed) if one.side not in verdict.refused]
    if text := told(ratios, range_only=verdict.word == "cannot tell"):
        ids = [f"steer.flight.{RATIO_IDS[one.side]}" for one in ratios]
        rows.append({"text": text, "finding_ids": ids})
    rows += [{"text": reason, "finding_ids": ["steer.flight.side"]} for reason in verdict.reasons]
    return [*rows, *_effort_sentences(asked), *_passive_sentences(asked), *_further_sentences(asked)]


def _effort_sentences(asked: Asked) -> list[Row]:
    rows = []
    if (e := asked.airspeed) is not None:
        rows.append(
            {
                "text": "To pass the sightings in the wind as analysed takes an airspeed of "
                f"{e.rms_mps:.1f} m/s, root mean square, {e.peak_mps:.1f} m/s at most, and above "
                f"{e.named_mps:g} m/s for {e.hours_above:.0f} h; that wind is known to "
                f"{e.wind_error_mps:.1f} m/s.",
                "finding_ids": [
                    "steer.effort.airspeed_rms", "steer.effort.airspeed_peak", "steer.effort.hours_above",
                ],
            }
        )  # fmt: skip
    if (a := asked.altitude) is not None:
        how = (
            f"To do it by height alone takes {a.changes} change{'' if a.changes == 1 else 's'} of height, "
            f"{a.total_m / 1e3:.1f} km in sum."
            if a.explained
            else "No choice of heights explains the path within the errors of sightings and wind."
        )
        rows.append(
            {
                "text": how,
                "finding_ids": ["steer.effort.altitude_total", "steer.effort.altitude_changes"],
            }
        )
    return rows


def _passive_sentences(asked: Asked) -> list[Row]:
    closest = asked.closest
    if closest is None:
        return []
    text = (
        f"The closest passive explanation floats at {closest.alt_m / 1e3:.1f} km and asks for winds that "
        f"differ from the analysed ones by {closest.error_mps:.1f} m/s, {closest.error_ratio:.1f} times "
        "their stated error."
    )
    ids = ["steer.passive.wind_error"]
    fails = [int(k) for k in closest.fails]
    if fails:
        names = [asked.ground.ids[k] for k in fails[:3]]
        worst = fails[0]
        text += (
            f" It fails at {', '.join(names)}{' and others' if len(fails) > 3 else ''}: {names[0]} lies "
            f"{closest.miss_km[worst]:.0f} km from what was foretold, {closest.miss_sigma[worst]:.1f} "
            "standard deviations."
        )
        ids += [f"steer.fix-{name}.miss" for name in names]
    return [{"text": text, "finding_ids": ids}]


def _further_sentences(asked: Asked) -> list[Row]:
    rows = []
    near = [p for p in asked.toward.approaches if min(p.p_close_corrected, p.p_dwell_corrected) < SURPRISING]
    if asked.toward.approaches:
        text = (
            f"Drifting flights come as near, or stay as long, at {len(near) or 'none'} of the "
            f"{asked.toward.places} places named less often than one time in twenty, corrected for how many "
            f"were named (p = {asked.toward.p_any:.2g} over all). {CHOSEN} {NOT_MEANT}"
        )
        rows.append({"text": text, "finding_ids": ["steer.places.p_any"]})
    best = asked.decide.options[0] if asked.decide.options else None
    if best is not None and best.gain_bits > 0.0:
        text = f"What would tell most of the {asked.decide.open_bits:.2f} bits that are open: "
        text += option_words(best, asked.ground.frame)
        rows.append({"text": text, "finding_ids": ["steer.decide.open", f"steer.decide.{best.kind}"]})
    return rows


def _sides(asked: Asked) -> list[Row]:
    v = asked.verdict
    return [
        {
            "side": side,
            "words": SIDE_WORDS[side],
            "p": p,
            "low": low,
            "high": high,
            "finding_ids": [f"steer.flight.{SIDE_IDS[side]}"],
        }
        for side, p, low, high in zip(SIDES, v.p, v.p_low, v.p_high, strict=True)
    ]


def _ratios(asked: Asked) -> list[Row]:
    return [
        {**ratio_row(one), "finding_ids": [f"steer.flight.{RATIO_IDS[one.side]}"]}
        for one in ratios_of(asked.weighed)
    ]


def _hypotheses(asked: Asked) -> list[Row]:
    w = asked.weighed
    low, high = posterior_bounds(w)
    return [
        {
            "id": one.id,
            "title": one.title,
            "statement": one.statement,
            "side": one.side,
            "prior": one.prior,
            "posterior": float(w.posterior[i]),
            "low": float(low[i]),
            "high": float(high[i]),
            "log_evidence": float(w.log_evidence[i]),
            "se": float(w.se[i]),
            "particles": asked.particles[i],
            "finding_ids": [f"steer.{one.id}.probability", f"steer.{one.id}.evidence"],
        }
        for i, one in enumerate(w.hypotheses)
    ]


def _misses(asked: Asked) -> list[Row]:
    closest, ground = asked.closest, asked.ground
    if closest is None:
        return []
    return [
        {
            "id": ground.ids[k],
            "time_s": float(ground.fixes.time_s[k]),
            "miss_km": float(closest.miss_km[k]),
            "miss_sigma": float(closest.miss_sigma[k]),
            "off_km": float(closest.off_km[k]),
            "off_sigma": float(closest.off_sigma[k]),
            "p_stated": float(closest.p_stated[k]),
            "finding_ids": [f"steer.fix-{ground.ids[k]}.miss"],
        }
        for k in worst_misses(closest.miss_sigma)[:TOLD_MISSES]
    ]


def _commands(asked: Asked) -> list[Row]:
    return [
        {
            "time": dict(zip(("p05", "p50", "p95"), c.time_s, strict=True)),
            "from_m": c.from_m,
            "to_m": c.to_m,
            "p": c.p,
            "finding_ids": [command_id(c)],
        }
        for c in asked.when.commands
    ]


def _stations(asked: Asked) -> list[Row]:
    return [
        {
            "time_start": s.time_start,
            "time_end": s.time_end,
            "p": s.p,
            "place": place_words(*place_of(asked.ground.frame, s.x_km, s.y_km)),
            "speed_mps": s.speed_mps,
            "finding_ids": [station_id(s)],
        }
        for s in asked.when.stations
    ]


def _places(asked: Asked) -> list[Row]:
    names = ("p05", "p50", "p95")
    return [
        {
            "id": a.id,
            "name": a.name,
            "closest_km": dict(zip(names, a.closest_km, strict=True)),
            "closest_s": a.closest_s,
            "dwell_h": dict(zip(names, a.dwell_h, strict=True)),
            "chance_closest_km": dict(zip(names, a.chance_closest_km, strict=True)),
            "chance_dwell_h": dict(zip(names, a.chance_dwell_h, strict=True)),
            "p_close": a.p_close,
            "p_dwell": a.p_dwell,
            "p_close_corrected": a.p_close_corrected,
            "p_dwell_corrected": a.p_dwell_corrected,
            "finding_ids": [f"steer.place-{a.id}.{q}" for q in ("closest", "dwell", "p_close", "p_dwell")],
        }
        for a in asked.toward.approaches
    ]


def _decide(asked: Asked) -> list[Row]:
    rows = []
    for kind in ("fix", "altitude", "sounding"):
        best = next((o for o in asked.decide.options if o.kind == kind), None)
        if best is not None:
            rows.append(
                {
                    "kind": kind,
                    "time_s": best.time_s,
                    "gain_bits": best.gain_bits,
                    "text": option_words(best, asked.ground.frame),
                    "finding_ids": [f"steer.decide.{kind}"],
                }
            )
    return rows


def figure_of(asked: Asked) -> Row:
    """Return the lines of the figure: sightings, path, drifting flights, effort and heights over time."""
    ground, w = asked.ground, asked.weighed
    keep = believed(w)
    lon, lat = _lonlat(asked, ground.fixes.x_km, ground.fixes.y_km)
    best = w.filtered[int(np.argmax(w.posterior))]
    every = _thin(best.node_s.size, MOST_POINTS)
    path = best.paths[:, every].mean(axis=0)
    path_lon, path_lat = _lonlat(asked, path[:, 0], path[:, 1])
    low, high = weighted_quantile_rows(best.paths[:, every, Z], (0.05, 0.95))
    out: Row = {
        "sightings": {
            "time_s": _list(ground.fixes.time_s, 0),
            "lon_deg": _list(lon, 3),
            "lat_deg": _list(lat, 3),
            "believed": [bool(k) for k in keep],
        },
        "path": {
            "hypothesis": w.hypotheses[int(np.argmax(w.posterior))].id,
            "time_s": _list(best.node_s[every], 0),
            "lon_deg": _list(path_lon, 3),
            "lat_deg": _list(path_lat, 3),
            "alt_p05_m": _list(low * 1e3, 0),
            "alt_p50_m": _list(np.median(best.paths[:, every, Z], axis=0) * 1e3, 0),
            "alt_p95_m": _list(high * 1e3, 0),
        },
        "passive": _passive_lines(asked),
        "steering": _steering_line(asked),
    }
    if (e := asked.airspeed) is not None:
        where = _thin(e.speed_mps.size, MOST_POINTS)
        middle = 0.5 * (e.time_s[1:] + e.time_s[:-1])
        out["airspeed"] = {
            "time_s": _list(middle[where], 0),
            "speed_mps": _list(e.speed_mps[where], 2),
            "named_mps": e.named_mps,
            "wind_error_mps": e.wind_error_mps,
        }
    if (a := asked.altitude) is not None:
        out["altitude"] = {
            "leg_s": [_list(row, 0) for row in a.leg_s],
            "alt_m": _list(a.alt_m, 0),
            "explained": a.explained,
        }
    return out


def weighted_quantile_rows(values: Float64s, probabilities: Sequence[float]) -> Float64s:
    """Quantiles (P, N) of equally weighted draws (M, N)."""
    ones = np.ones(len(values))
    return np.array([weighted_quantile(column, ones, probabilities) for column in values.T]).T


def _passive_lines(asked: Asked) -> Row:
    near = asked.toward
    who = _thin(len(near.lon_deg), MOST_LINES)
    when = _thin(near.time_s.size, LINE_POINTS)
    return {
        "time_s": _list(near.time_s[when], 0),
        "lon_deg": [_list(row, 2) for row in near.lon_deg[np.ix_(who, when)]],
        "lat_deg": [_list(row, 2) for row in near.lat_deg[np.ix_(who, when)]],
    }


def _steering_line(asked: Asked) -> Row:
    found = asked.when
    every = _thin(found.time_s.size, MOST_POINTS)
    return {
        "time_s": _list(found.time_s[every], 0),
        "p_propelled": _list(found.p_propelled[every], 3),
        "commands_per_h": _list(found.commands_per_h[every], 4),
    }


def _lonlat(asked: Asked, x_km: Float64s, y_km: Float64s) -> tuple[Float64s, Float64s]:
    return asked.ground.frame.to_lonlat(np.asarray(x_km) * 1e3, np.asarray(y_km) * 1e3)


def _thin(count: int, most: int) -> npt.NDArray[np.int64]:
    """Indices of at most so many of a line's points, both ends among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64))


def _list(values: Float64s, digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]

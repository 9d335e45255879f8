"""Score an assessment against the truth of its exercise, line by line.

::

    result.json ─► path · start and end · crossings · sight · readings · steering · data ─┐
    truth.json, truth.nc ─────────────────────────────────────────────────────────────────┴─► lines ─► Score

Nothing is read but `result.json` and the truth. What the truth of a question is, is worked out here from the
true path by the same functions that assess (`crossings`, `exposure.sight`), over the time that the
assessment's own path covers. Rules and points are those of `twin.rules`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np

from overflight.crossings import AreaCrossing, crossings
from overflight.errors import InputError
from overflight.exposure.looks import LEAST_DEG
from overflight.exposure.sight import Refraction, SiteView, sight_windows
from overflight.geo import distance_m
from overflight.places.areafile import parse_areas
from overflight.places.areas import Area
from overflight.places.borders import (
    countries_met,
    country,
    country_codes,
    has_coast,
    sovereign_airspace,
    territorial_sea,
)
from overflight.places.sites import Site
from overflight.records import make_ensemble
from overflight.times import short_utc
from overflight.twin.rules import (
    CERTAIN,
    SCALES,
    VERDICTS,
    Line,
    chance_line,
    interval_line,
    interval_points,
    log_points,
    number,
    unanswered,
)
from overflight.twin.truth import Truth, check_seal, read_truth
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

MOST_BYTES: Final = 512 * 1024 * 1024
SIDES: Final[Mapping[str, str]] = {
    "drifted": "steer.flight.p_drifted",
    "steered": "steer.flight.p_steered",
    "not moved by wind": "steer.flight.p_not_wind",
}
SIDE: Final = "steer.flight.side"
NOT_DRIFTED: Final = "did not drift"
# The amounts of `custody.account`, as questions.
ACCOUNT: Final[Mapping[str, str]] = {
    "collected": "was collected",
    "sent": "was sent",
    "kept": "was on board at the end",
    "deleted": "was collected and not on board at the end",
    "recovered": "was recovered, altered or not",
    "altered": "was recovered and altered",
    "unaccounted": "was neither sent nor recovered",
    "both": "was sent and recovered",
}
# A change of height that a verdict is asked to find, and how near in time.
COMMAND_M, COMMAND_S = 500.0, 20.0 * 60.0
Findings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Score:
    """Every line, a summary of each part, and of the whole path."""

    scenario: Mapping[str, Any]
    seed: int
    lines: tuple[Line, ...]
    parts: Mapping[str, Mapping[str, Any]]
    path: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def points(self) -> float:
        """Sum of the points of all lines that were answered."""
        return float(sum(line.points or 0.0 for line in self.lines))


def score(result: str | Path, truth: str | Path, *, unsealed: bool = False) -> Score:
    """Compare an assessment with the truth of its exercise.

    Parameters
    ----------
    result : `result.json`, or the folder that holds it.
    truth : `truth.json`, or its folder.
    unsealed : score although the case's title does not carry the truth's seal; a note says so.

    Raises
    ------
    InputError
        When a file cannot be used, the truth was changed, or is that of another exercise.
    """
    found = read_result(result)
    known = read_truth(truth)
    notes: list[str] = []
    title = str(_dig(found, "sections", "case", "title") or "")
    if unsealed:
        notes.append("The seal was not asked for: whose truth this is, is not known.")
    else:
        check_seal(known, title)
    notes += _changed_files(found, known)
    lines = (*_all_lines(found, known),)
    return Score(
        scenario=known.data["scenario"], seed=int(known.data["seed"]), lines=lines,
        parts={part: _summary([x for x in lines if x.part == part]) for part in _parts(lines)},
        path=path_summary(found, known), notes=tuple(notes),
    )  # fmt: skip


def read_result(path: str | Path) -> dict[str, Any]:
    """Read `result.json`, or that of a folder. Raises InputError where it is none."""
    given = Path(path)
    file = given / "result.json" if given.is_dir() else given
    try:
        if file.stat().st_size > MOST_BYTES:
            raise InputError("is larger than any result", file=file.name)
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            file=str(file),
            remedy="Give the folder that `assess` wrote.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON ({error})", file=file.name) from error
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise InputError("is no result of an assessment", file=file.name, field="findings")
    return data


def score_dict(one: Score) -> dict[str, Any]:
    """Return a score as plain dicts and lists, for JSON."""
    return {
        "scenario": dict(one.scenario),
        "seed": one.seed,
        "points": one.points,
        "parts": {k: dict(v) for k, v in one.parts.items()},
        "path": dict(one.path),
        "lines": [asdict(line) for line in one.lines],
        "notes": list(one.notes),
    }


def _all_lines(found: Mapping[str, Any], truth: Truth) -> Iterator[Line]:
    findings = _findings(found)
    subject = _subject(truth)
    # Where an invented object was is nobody's answer: only how it moved is asked of it.
    if subject is None or subject["real"]:
        flight = _true_flight(found, truth)
        yield from _path_lines(found, truth)
        yield from _crossing_lines(findings, truth, flight)
        yield from _sight_lines(findings, truth, flight)
    yield from _reading_lines(found, truth)
    yield from _steer_lines(findings, truth)
    yield from _data_lines(findings, truth)


def _parts(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.part for line in lines))


def _summary(lines: Sequence[Line]) -> dict[str, Any]:
    scored = [line for line in lines if line.points is not None]
    briers = [line.detail["brier"] for line in scored if line.detail and "brier" in line.detail]
    bits = [line.detail["bits"] for line in scored if line.detail and "bits" in line.detail]
    inside = [line.detail["inside"] for line in scored if line.detail and "inside" in line.detail]
    return {
        "lines": len(lines),
        "answered": len(scored),
        "points": float(sum(line.points or 0.0 for line in scored)),
        "brier": float(np.mean(briers)) if briers else None,
        "log_score_bits": float(np.mean(bits)) if bits else None,
        "inside_90": float(np.mean(inside)) if inside else None,
        **{verdict: sum(line.verdict == verdict for line in lines) for verdict in VERDICTS},
    }


# --- reading


def _dig(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _findings(found: Mapping[str, Any]) -> Findings:
    return {str(f["id"]): f for f in found["findings"] if isinstance(f, Mapping) and "id" in f}


def _p(findings: Findings, id_: str) -> float | None:
    value = number(_dig(findings.get(id_), "value", "p"))
    return None if value is None else min(max(value, 0.0), 1.0)


def _value(findings: Findings, id_: str) -> Mapping[str, Any] | None:
    value = _dig(findings.get(id_), "value")
    return value if isinstance(value, Mapping) else None


def _path_rows(found: Mapping[str, Any]) -> list[dict[str, float]]:
    """Rows of the path that hold numbers, in the order of time."""
    rows = _dig(found, "sections", "reconstruction", "path")
    names = ("time_s", "lon", "lat", "r50_km", "r90_km")
    out = []
    for row in rows if isinstance(rows, list) else ():
        values = {name: number(_dig(row, name)) for name in (*names, "aloft_share")}
        if all(values[name] is not None for name in names):
            out.append({k: 1.0 if v is None else v for k, v in values.items()})
    return sorted(out, key=lambda row: row["time_s"])


def _changed_files(found: Mapping[str, Any], truth: Truth) -> list[str]:
    """Notes on files of the case that are not those that the exercise wrote."""
    used = _dig(found, "inputs", "files")
    written = truth.data.get("case_files", {})
    if not isinstance(used, Mapping):
        return []
    changed = sorted(n for n, digest in used.items() if n in written and str(written[n]) not in str(digest))
    return [f"{name} is not as the exercise wrote it: the analyst changed it." for name in changed]


def _subject(truth: Truth) -> Mapping[str, Any] | None:
    wanted = truth.data["subject"]
    return next((one for one in truth.data["objects"] if one["id"] == wanted), None)


def _true_flight(found: Mapping[str, Any], truth: Truth) -> xr.Dataset | None:
    """The true path over the time of the assessment's path, all of it without one; None: no flight."""
    rows, subject = _path_rows(found), _subject(truth)
    if subject is None:
        return None
    time_s, lon, lat, alt = truth.track(subject["id"])
    member = [one["id"] for one in truth.data["objects"]].index(subject["id"])
    pressure = truth.ensemble["pressure_pa"].values[member].astype(float)
    within = np.ones(time_s.shape, dtype=np.bool_)
    if rows:
        within = (time_s >= rows[0]["time_s"]) & (time_s <= rows[-1]["time_s"])
    if np.isfinite(lon[within]).sum() < 2:
        return None
    status = np.where(np.isfinite(lon[within]), 0, truth.ensemble["status"].values[member][within])
    return make_ensemble(
        kind="twin", time_s=time_s[within], lon_deg=lon[None, within], lat_deg=lat[None, within],
        alt_m=alt[None, within], pressure_pa=pressure[None, within], status=status[None],
    )  # fmt: skip


def _place(truth: Truth, id_: str, times: Sequence[float]) -> tuple[Any, Any]:
    """True longitude and latitude at times; NaN when it was not aloft."""
    time_s, lon, lat, _ = truth.track(id_)
    known = np.isfinite(lon)
    if not known.any():
        nothing = np.full(len(times), np.nan)
        return nothing, nothing
    t = np.asarray(times)
    x = np.interp(t, time_s[known], np.unwrap(lon[known], period=360.0), left=np.nan, right=np.nan)
    y = np.interp(t, time_s[known], lat[known], left=np.nan, right=np.nan)
    return (x + 180.0) % 360.0 - 180.0, y


# --- path


def path_summary(found: Mapping[str, Any], truth: Truth) -> dict[str, Any]:
    """Return how the path fared over all its times: shares inside 50 and 90 %, miss in km."""
    rows, subject = _path_rows(found), _subject(truth)
    if not rows or subject is None or not subject["real"]:
        return {"times": 0}
    lon, lat = _place(truth, subject["id"], [r["time_s"] for r in rows])
    miss = np.array([_miss_km(r, x, y) for r, x, y in zip(rows, lon, lat, strict=True)])
    known = np.isfinite(miss)
    if not known.any():
        return {"times": 0}
    r50, r90 = (np.array([r[n] for r in rows])[known] for n in ("r50_km", "r90_km"))
    miss = miss[known]
    return {
        "times": int(known.sum()),
        "inside_50": float(np.mean(miss <= r50)),
        "inside_90": float(np.mean(miss <= r90)),
        "miss_median_km": float(np.median(miss)),
        "miss_p90_km": float(np.quantile(miss, 0.9)),
        "miss_most_km": float(miss.max()),
        "r90_median_km": float(np.median(r90)),
        "not_aloft": int((~known).sum()),
    }


def _miss_km(row: Mapping[str, float], lon: float, lat: float) -> float:
    if not math.isfinite(lon):
        return math.nan
    return float(distance_m(row["lon"], row["lat"], lon, lat)) / 1e3


def _path_lines(found: Mapping[str, Any], truth: Truth) -> Iterator[Line]:
    rows, subject = _path_rows(found), _subject(truth)
    if subject is None:
        if rows:
            yield Line(
                part="path", id="path.exists", question="Was anything there?",
                answer=f"a path of {(rows[-1]['time_s'] - rows[0]['time_s']) / HOUR_S:.0f} h",
                truth="nothing flew", verdict="wrong", points=-1.0,
            )  # fmt: skip
        return
    if not rows:
        yield unanswered("path", "path", "Where was it?", "it flew")
        return
    picked = [rows[0], *_daily(rows), rows[-1]]
    names = ["start", *(f"day-{k}" for k in range(1, len(picked) - 1)), "end"]
    lon, lat = _place(truth, subject["id"], [r["time_s"] for r in picked])
    for row, name, x, y in zip(picked, names, lon, lat, strict=True):
        yield _place_line(row, name, float(x), float(y))


def _daily(rows: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The row nearest each noon UTC between first and last."""
    first, last = rows[0]["time_s"], rows[-1]["time_s"]
    noons = np.arange(math.floor(first / DAY_S) * DAY_S + 0.5 * DAY_S, last, DAY_S)
    times = np.array([r["time_s"] for r in rows])
    index = [int(np.argmin(np.abs(times - noon))) for noon in noons if noon > first]
    return [rows[i] for i in dict.fromkeys(index) if 0 < i < len(rows) - 1]


def _place_line(row: Mapping[str, float], name: str, lon: float, lat: float) -> Line:
    asks = f"Where was it at {short_utc(row['time_s'])}?"
    answer = f"{_words(row['lat'], row['lon'])}, 90 % within {row['r90_km']:.0f} km"
    aloft = row["aloft_share"]
    if not math.isfinite(lon):
        return chance_line(
            "path", f"path.{name}", f"Was it aloft at {short_utc(row['time_s'])}?", aloft, False
        )
    miss = _miss_km(row, lon, lat)
    r50, r90 = row["r50_km"], row["r90_km"]
    scale, slack = SCALES["km"]
    over = max(miss - r90, 0.0)
    inside = over <= slack
    return Line(
        part="path", id=f"path.{name}", question=asks, answer=answer,
        truth=f"{_words(lat, lon)}, {miss:.0f} km away",
        verdict="right" if inside else "falsely certain" if over > max(r90, slack) else "wrong",
        points=interval_points(r90, 0.0 if inside else over, scale),
        detail={"miss_km": miss, "r50_km": r50, "r90_km": r90, "inside": inside, "inside_50": miss <= r50},
    )  # fmt: skip


def _words(lat: float, lon: float) -> str:
    return f"{abs(lat):.1f}° {'N' if lat >= 0 else 'S'} {abs(lon):.1f}° {'E' if lon >= 0 else 'W'}"


# --- crossings and sight


def _crossing_lines(findings: Findings, truth: Truth, flight: xr.Dataset | None) -> Iterator[Line]:
    zones = {a.id: a for a in parse_areas(json.dumps(truth.data["areas"]).encode())} if _zones(truth) else {}
    asked = [m[1] for id_ in findings if (m := re.fullmatch(r"crossing\.([^.]+)\.probability", id_))]
    met = list(zones)
    if flight is not None:
        met += countries_met(flight["lon"].values, flight["lat"].values)
    for id_ in dict.fromkeys((*asked, *met)):
        area = zones.get(id_) or _border(id_)
        if area is None:
            yield Line(
                part="crossings", id=f"crossing.{id_}", question=f"Was it over {id_}?", answer="–",
                truth="the truth does not know this area", verdict="not scored",
            )  # fmt: skip
            continue
        true = None if flight is None else crossings(flight, [area]).by_area[area.id]
        yield from _area_lines(findings, area, true)


def _zones(truth: Truth) -> bool:
    return bool(_dig(truth.data, "areas", "features"))


def _border(id_: str) -> Area | None:
    """The area of a country that an id names: its land, its sea or its airspace."""
    code, _, kind = id_.partition("_")
    if code not in country_codes() or kind not in ("", "sea", "airspace"):
        return None
    if kind == "sea":
        return territorial_sea(code) if has_coast(code) else None
    return sovereign_airspace(code) if kind == "airspace" else country(code)


def _area_lines(findings: Findings, area: Area, true: AreaCrossing | None) -> Iterator[Line]:
    where, head = area.phrase or area.name, f"crossing.{area.id}"
    happened = bool(true is not None and true.ever[0])
    p = _p(findings, f"{head}.probability")
    # A country far off that nobody thought of is no question: a long list of them must not earn points.
    if not happened and area.kind != "user" and (p is None or p < CERTAIN):
        return
    yield chance_line("crossings", f"{head}.probability", f"Was it over {where}?", p, happened)
    if not happened or true is None:
        return
    for quantity, asks, unit, value in (
        ("entry", f"When did it enter {where}?", "posix_s", float(true.entry_s[0])),
        ("exit", f"When did it leave {where}?", "posix_s", float(true.exit_s[0])),
        ("hours_inside", f"How long was it over {where}?", "h", float(true.inside_s[0]) / HOUR_S),
    ):
        if math.isfinite(value):
            answer = _value(findings, f"{head}.{quantity}")
            yield interval_line("crossings", f"{head}.{quantity}", asks, answer, unit, value)


def _sight_lines(findings: Findings, truth: Truth, flight: xr.Dataset | None) -> Iterator[Line]:
    fields = ("id", "name", "lon_deg", "lat_deg", "alt_m")
    for row in truth.data["sites"]:
        site = Site(**{k: row[k] for k in fields})
        view = None
        if flight is not None:
            given = _dig(findings, f"exposure.{site.id}.in_view_probability", "given")
            view = _true_view(flight, site, given)
        yield from _site_lines(findings, site, view)


def _true_view(flight: xr.Dataset, site: Site, given: Any) -> SiteView:
    """What the true flight had of a site, by the air and from the least elevation that the answer took."""
    word, (low, high) = _dig(given, "refraction"), LEAST_DEG
    refraction: Refraction = next((air for air in get_args(Refraction) if air == word), "light")
    least = min(max(_told_number(_dig(given, "min_elevation_deg")) or 0.0, low), high)
    found = sight_windows(flight, [site], min_elevation_deg=least, refraction=refraction)
    return found.by_site[site.id]


def _told_number(value: Any) -> float | None:
    """A number of a finding's `given`, where numbers are texts."""
    try:
        return number(float(value)) if isinstance(value, str) else number(value)
    except ValueError:
        return None


def _site_lines(findings: Findings, site: Site, view: SiteView | None) -> Iterator[Line]:
    head, seen = f"exposure.{site.id}", bool(view is not None and view.seen[0])
    yield chance_line(
        "sight", f"{head}.in_view_probability", f"Was it in view of {site.name}?",
        _p(findings, f"{head}.in_view_probability"), seen,
    )  # fmt: skip
    if not seen or view is None:
        return
    for quantity, asks, unit, value in (
        ("first_view", f"When did it come into view of {site.name}?", "posix_s", view.first_s[0]),
        ("last_view", f"When was it last in view of {site.name}?", "posix_s", view.last_s[0]),
        ("hours_in_view", f"How long was it in view of {site.name}?", "h", view.in_view_s[0] / HOUR_S),
        ("closest_range", f"How near did it come to {site.name}?", "m", view.closest_m[0]),
    ):
        answer = _value(findings, f"{head}.{quantity}")
        yield interval_line("sight", f"{head}.{quantity}", asks, answer, unit, float(value))


# --- reports


def _reading_lines(found: Mapping[str, Any], truth: Truth) -> Iterator[Line]:
    """One line for each report that is wrong, and one for all that are right."""
    rows = _dig(found, "sections", "reconstruction", "readings")
    readings = (
        {str(_dig(r, "id")): r for r in rows if isinstance(r, Mapping)} if isinstance(rows, list) else {}
    )
    right: list[float] = []
    missing = 0
    for id_, known in sorted(truth.data["sightings"].items()):
        stated = number(_dig(readings.get(id_), "p_stated"))
        if known["fault"] == "invented":
            continue
        if known["fault"] == "none":
            missing += stated is None
            if stated is not None:
                right.append(stated)
            continue
        line = chance_line(
            "reports", f"reading.{id_}", f"Is report {id_} right as it stands?", stated, False,
            truth=f"no: {FAULT_WORDS[known['fault']]}",
        )  # fmt: skip
        yield line
    yield from _altitude_lines(readings, truth)
    if right:
        yield _right_line(right, missing)


FAULT_WORDS: Final[Mapping[str, str]] = {
    "afar": "seen from afar",
    "another_time": "at another time",
    "mistaken": "something else, or elsewhere",
}


def _right_line(stated: Sequence[float], missing: int) -> Line:
    mean = float(np.mean([log_points(p) for p in stated]))
    doubted = sum(p < 0.5 for p in stated)
    return Line(
        part="reports", id="readings.right", question="Are the other reports right as they stand?",
        answer=f"{len(stated) - doubted} taken at their word, {doubted} doubted",
        truth=f"all {len(stated)} are",
        verdict="right" if doubted <= 0.1 * len(stated) else "wrong", points=mean,
        detail={"reports": len(stated), "doubted": doubted, "not_answered": missing,
                "mean_brier": float(np.mean([(1.0 - p) ** 2 for p in stated]))},
    )  # fmt: skip


def _altitude_lines(readings: Mapping[str, Any], truth: Truth) -> Iterator[Line]:
    for id_, known in sorted(truth.data["sightings"].items()):
        if known["alt_fault"] and known["fault"] == "none":
            p = number(_dig(readings.get(id_), "p_alt_mistaken"))
            asks = f"Is the height in report {id_} wrong?"
            yield chance_line("reports", f"reading.{id_}.altitude", asks, p, True)


# --- steering and data


def _steer_lines(findings: Findings, truth: Truth) -> Iterator[Line]:
    moved, subject = truth.data["moved"], _subject(truth)
    if moved is None or subject is None:
        return
    yield _side_line(findings, moved)
    for word, id_ in SIDES.items():
        yield chance_line(
            "steering", id_, f"Is it so that it {_did(word)}?", _p(findings, id_), word == moved
        )
    true = [c["time_s"] for c in _changes(subject["commands"])]
    yield from _command_lines(findings, true, moved)


def _did(word: str) -> str:
    return {"drifted": "drifted", "steered": "was steered"}.get(word, "was moved by no wind")


def _side_line(findings: Findings, moved: str) -> Line:
    asks = "Did it drift, was it steered, or did no wind move it?"
    finding = findings.get(SIDE)
    if finding is None:
        return unanswered("steering", SIDE, asks, moved)
    word = _dig(finding, "value", "category")
    if word is None:
        return Line(
            part="steering", id=SIDE, question=asks, answer="cannot tell", truth=moved, verdict="cannot tell"
        )
    if word == NOT_DRIFTED and moved != "drifted":
        # Right, and no more than even about which of the two it was.
        return Line(
            part="steering", id=SIDE, question=asks, answer=NOT_DRIFTED, truth=moved, verdict="right",
            points=log_points(0.5),
        )  # fmt: skip
    # What a verdict is sure to, `threshold`, is what its wrong word leaves to the truth at most.
    left = 1.0 - min(
        max(_told_number(_dig(finding, "given", "threshold")) or 1.0 - CERTAIN, 0.5), 1.0 - CERTAIN
    )
    right = word == moved
    return Line(
        part="steering", id=SIDE, question=asks, answer=str(word), truth=moved,
        verdict="right" if right else "falsely certain" if left < CERTAIN + 1e-9 else "wrong",
        points=1.0 if right else log_points(left),
    )  # fmt: skip


def _changes(commands: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The commands that change the height by more than 500 m from the one before."""
    return [b for a, b in pairwise(commands) if abs(b["alt_m"] - a["alt_m"]) > COMMAND_M]


def _command_lines(findings: Findings, true: Sequence[float], moved: str) -> Iterator[Line]:
    told = {id_: f for id_, f in findings.items() if re.fullmatch(r"steer\.command-[^.]+\.time", id_)}
    if not told:
        if true:
            yield unanswered(
                "steering", "steer.commands", "When was its height changed?", f"{len(true)} times"
            )
        return
    middles = [number(_dig(f, "value", "p50")) for f in told.values()]
    hits = sum(m is not None and any(abs(m - t) <= COMMAND_S for t in true) for m in middles)
    yield Line(
        part="steering", id="steer.commands", question="When was its height changed on command?",
        answer=f"{len(told)} changes, {hits} of them within 20 min of one",
        truth=f"{len(true)} changes over {COMMAND_M:.0f} m",
        verdict="not scored" if moved == "steered" else "wrong",
        detail={"told": len(told), "hits": hits, "true": len(true)},
    )  # fmt: skip


def _data_lines(findings: Findings, truth: Truth) -> Iterator[Line]:
    account = _dig(truth.data, "data", "account")
    if not isinstance(account, Mapping):
        return
    for quantity, true in _amounts(account).items():
        hard, likely = f"custody.all.{quantity}", f"custody.all.{quantity}_likely"
        asks = f"How much data {ACCOUNT[quantity]}?"
        yield interval_line("data", hard, asks, _value(findings, hard), "byte", true)
        if likely in findings:
            yield interval_line("data", likely, asks, _value(findings, likely), "byte", true)


def _amounts(account: Mapping[str, Any]) -> dict[str, float]:
    """Return what the truth makes of the amounts of `custody.account`, bytes.

    The truth counts deeds, the account where bytes are. What was altered after the flight is recovered there;
    what was taken out then was still on board at the end, so it is kept and not recovered, and no part of
    `deleted`. A truth that was written without the last two amounts has no answer to them.
    """
    known = {str(name): float(amount) for name, amount in account.items()}
    made = {
        "collected": known["collected"],
        "sent": known["sent"],
        "kept": known["kept"],
        "deleted": known["collected"] - known["kept"],
        "recovered": known["recovered"] + known["altered"],
        "altered": known["altered"],
    }
    return made | {name: known[name] for name in ("unaccounted", "both") if name in known}

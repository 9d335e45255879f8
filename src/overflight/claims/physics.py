"""Claims tested against the flight: consistent, inconsistent, or not testable.

    claim (typed) + ensemble, findings ──► aspect: place, height, speed, entry, manoeuvre, reach, quantity
                                           ──► Check

`p` of a check is a tail: were the flight what the ensemble says, how often would it lie at least as far from
its middle as the claim does. It is no probability that the claim is true. Of `manoeuvre`, and of findings
that are probabilities themselves, it is that probability, of what the claim says. Below `LIMIT` a claim is
called inconsistent. A claim that the ensemble was fitted to is not tested by it, only shown to fit; the
caller knows which.

The findings of other parts come in as arguments; nothing here reads a file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.claims.path import Path, at, path_of, plane_km, tail, times_in
from overflight.claims.records import Claim, Quantity
from overflight.geo import distance_m
from overflight.records import Finding, weighted_quantile
from overflight.times import short_utc
from overflight.units import DAY_S, FOOT_M, HOUR_S, KNOT_MPS, NAUTICAL_MILE_M
from overflight.words import percent

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Verdict = Literal["consistent", "inconsistent", "untestable"]
Aspect = Literal["place", "height", "speed", "entry", "manoeuvre", "reach", "quantity", "none"]

LIMIT: Final = 0.05
# A height without its kind may be a pressure altitude, which is off the geometric one by so much and more.
HEIGHT_SLACK_M: Final = 500.0
# A place without a radius is a point that somebody read off a map.
PLACE_RADIUS_KM: Final = 10.0
LEAST_ALIVE: Final = 0.05
_Z95: Final = NormalDist().inv_cdf(0.95)

# Units of quantities in tables and findings: what they measure, and the factor to SI.
UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "m": ("length", 1.0),
    "km": ("length", 1e3),
    "ft": ("length", FOOT_M),
    "kft": ("length", 1e3 * FOOT_M),
    "FL": ("length", 100.0 * FOOT_M),
    "mi": ("length", 1609.344),  # international mile, exactly
    "nmi": ("length", NAUTICAL_MILE_M),
    "m/s": ("speed", 1.0),
    "km/h": ("speed", 1e3 / HOUR_S),
    "kt": ("speed", KNOT_MPS),
    "mph": ("speed", 1609.344 / HOUR_S),
    "bit/s": ("rate", 1.0),
    "bps": ("rate", 1.0),
    "kbit/s": ("rate", 1e3),
    "Mbit/s": ("rate", 1e6),
    "Gbit/s": ("rate", 1e9),
    "byte": ("data", 1.0),
    "kB": ("data", 1e3),
    "MB": ("data", 1e6),
    "GB": ("data", 1e9),
    "s": ("duration", 1.0),
    "min": ("duration", 60.0),
    "h": ("duration", HOUR_S),
    "d": ("duration", DAY_S),
    "count": ("count", 1.0),
    "1": ("count", 1.0),
    "": ("count", 1.0),
}


@dataclass(frozen=True, slots=True)
class Check:
    """What physics says to one aspect of one claim.

    `basis` are ids of the findings it was tested against; `hint` says what would fit instead.
    """

    claim: str
    aspect: Aspect
    verdict: Verdict
    p: float | None
    reason: str
    basis: tuple[str, ...] = ()
    hint: str = ""
    distance_km: tuple[float, float, float] | None = None

    @property
    def finding_id(self) -> str:
        """The id of the finding that the check becomes."""
        return f"claims.{word(self.claim)}.{self.aspect if self.aspect != 'none' else 'physics'}"


def word(text: str) -> str:
    """Return `text` as one word of a finding's id; what had to be changed gets a few digits of its hash.

    So that 'C.1' and 'C_1' stay two.
    """
    plain = "".join(c if c.isalnum() or c in "_-" else "_" for c in text)
    if plain and plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def check_claims(
    claims: Sequence[Claim], *, ensemble: xr.Dataset | None = None, findings: Sequence[Finding] = ()
) -> tuple[Check, ...]:
    """Test every claim that has a typed verb; see `check_claim`."""
    path = None if ensemble is None else path_of(ensemble)
    by_id = {finding.id: finding for finding in findings}
    return tuple(check for c in claims if c.verbs for check in check_claim(c, path, by_id))


def check_claim(claim: Claim, path: Path | None, findings: Mapping[str, Finding]) -> tuple[Check, ...]:
    """Test every aspect of a claim that can be tested; one check of aspect 'none' if there is none."""
    if claim.answer == "open":
        return (_untestable(claim, "none", "it says that the matter is open"),)
    checks: list[Check] = []
    if "located" in claim.verbs and claim.lon_deg is not None:
        checks.append(place_check(claim, path))
    if _is_height(claim):
        checks.append(height_check(claim, path))
    elif _measures(claim) == "speed" and not claim.finding:
        checks.append(speed_check(claim, path))
    elif claim.finding or (claim.quantity is not None and _measures(claim) in ("rate", "data", "count")):
        checks.append(quantity_check(claim, findings))
    if "entered" in claim.verbs:
        checks.append(entry_check(claim, findings))
    if {"manoeuvred", "strayed"} & set(claim.verbs):
        checks.append(manoeuvre_check(claim, findings))
    if "strayed" in claim.verbs:
        checks += [reach_check(claim, f, findings) for f in findings.values() if _is_reach(f, claim.area)][:1]
    return tuple(checks) or (_untestable(claim, "none", _why_not(claim)),)


def _why_not(claim: Claim) -> str:
    if "located" in claim.verbs:
        return "it names no place with coordinates (lon_deg, lat_deg)"
    return "nothing in it is a place, a time, a height, a speed, an entry, a manoeuvre, a rate or a count"


def _untestable(claim: Claim, aspect: Aspect, reason: str, basis: Sequence[str] = ()) -> Check:
    return Check(claim.id, aspect, "untestable", None, reason, tuple(basis))


def _judged(claim: Claim, aspect: Aspect, p: float, reason: str, basis: Sequence[str] = ()) -> Check:
    p = min(1.0, max(0.0, p))
    return Check(claim.id, aspect, "inconsistent" if p < LIMIT else "consistent", p, reason, tuple(basis))


# --- place and time


def place_check(claim: Claim, path: Path | None) -> Check:
    """Test whether the flight was where the claim says it was, at some time that it speaks of.

    The place is blurred by its radius. `p` is the greatest share, over the times, of the ensemble that lies
    where it is no denser than at the claimed place. The hint is when the flight came nearest to the place.
    """
    about = claim.about_time
    if path is None or claim.lon_deg is None or claim.lat_deg is None:
        return _untestable(claim, "place", "there is no flight to test it with")
    if about is None:
        return _untestable(claim, "place", "it does not say when")
    times = times_in(path, about.widened())
    if times.size == 0:
        life = f"{short_utc(path.time_s[0])} to {short_utc(path.time_s[-1])}"
        return _untestable(claim, "place", f"it speaks of a time outside the flight as reckoned ({life})")
    lon, lat, _ = at(path, times)
    alive = np.isfinite(lon)
    if (path.weight @ alive).max() < LEAST_ALIVE:
        return _untestable(claim, "place", "next to no member of the flight is aloft then")
    x, y = plane_km(lon, lat, claim.lon_deg, claim.lat_deg)
    radius = PLACE_RADIUS_KM if claim.radius_km is None else claim.radius_km
    p = max(tail(x[:, k], y[:, k], path.weight, radius) for k in range(times.size))
    nearest = np.nanmin(np.where(alive, np.hypot(x, y), np.inf), axis=1)
    aloft = np.isfinite(nearest)
    low, mid, high = weighted_quantile(nearest[aloft], path.weight[aloft], (0.05, 0.5, 0.95))
    if claim.answer == "no":
        p = float(path.weight @ ~(nearest <= radius))
    said = f"the flight was {mid:.0f} km away ({low:.0f} to {high:.0f}), the claim is good to {radius:.0f} km"
    check = _judged(claim, "place", p, said)
    check = replace(check, distance_km=(float(low), float(mid), float(high)))
    return replace(check, hint=_nearest_pass(claim, path, about.widened())) if p < LIMIT else check


def _nearest_pass(claim: Claim, path: Path, span: tuple[float, float]) -> str:
    """Say when the middle of the flight came nearest to the place, and how far that is from what was said."""
    aloft = path.weight @ np.isfinite(path.lon_deg) >= 0.5
    columns = np.flatnonzero(aloft)
    if columns.size == 0 or claim.lon_deg is None or claim.lat_deg is None:
        return ""
    away = np.asarray(distance_m(claim.lon_deg, claim.lat_deg, path.lon_deg, path.lat_deg)) / 1e3
    middle = [float(weighted_quantile(away[:, k], path.weight, [0.5])[0]) for k in columns]
    best = int(np.argmin(middle))
    time = float(path.time_s[columns[best]])
    off = time - span[1] if time > span[1] else span[0] - time if time < span[0] else 0.0
    way = "after" if time > span[1] else "before"
    when = f", {off / HOUR_S:.1f} h {way} the time stated" if off else ""
    return f"nearest at {short_utc(time)} ({middle[best]:.0f} km){when}"


# --- height and speed


def _measures(claim: Claim) -> str:
    return UNITS.get(claim.quantity.unit, ("", 1.0))[0] if claim.quantity is not None else ""


def _is_height(claim: Claim) -> bool:
    """A length is a height only where the claim says so: balloons have sizes too."""
    names = f"{claim.object} {claim.topic}".lower()
    return _measures(claim) == "length" and any(n in names for n in ("height", "altitude", "flight level"))


def _ends(quantity: Quantity) -> tuple[float, float]:
    factor = UNITS[quantity.unit][1]
    low = -math.inf if quantity.low is None else quantity.low * factor
    return low, math.inf if quantity.high is None else quantity.high * factor


def height_check(claim: Claim, path: Path | None) -> Check:
    """Test a height against the members' heights at the time claimed, or over the flight if none is."""
    if path is None or claim.quantity is None:
        return _untestable(claim, "height", "there is no flight to test it with")
    span = _span(claim, path)
    times = times_in(path, span)
    alt = at(path, times)[2] if times.size else np.zeros((path.weight.size, 0))
    aloft = np.isfinite(alt).any(axis=1)
    if path.weight @ aloft < LEAST_ALIVE:
        return _untestable(claim, "height", "next to no member of the flight is aloft then")
    low, high = _ends(claim.quantity)
    least, most = np.nanmin(alt[aloft], axis=1), np.nanmax(alt[aloft], axis=1)
    weight = path.weight[aloft] / path.weight[aloft].sum()
    p = _two_sided(most, least, weight, low - HEIGHT_SLACK_M, high + HEIGHT_SLACK_M)
    q05, q50, q95 = weighted_quantile((least + most) / 2.0, weight, (0.05, 0.5, 0.95))
    when = "then" if claim.about_time is not None else "at some time of it (none is given)"
    return _judged(
        claim, "height", p,
        f"the flight was at {q50:,.0f} m ({q05:,.0f} to {q95:,.0f}) {when}; kinds of altitude may differ by "
        f"{HEIGHT_SLACK_M:.0f} m",
    )  # fmt: skip


def speed_check(claim: Claim, path: Path | None) -> Check:
    """Test a speed against the members' mean speeds over the ground in the time claimed."""
    if path is None or claim.quantity is None:
        return _untestable(claim, "speed", "there is no flight to test it with")
    times = times_in(path, _span(claim, path))
    if times.size < 2:
        return _untestable(claim, "speed", "it speaks of a time outside the flight as reckoned")
    lon, lat, _ = at(path, times)
    leg = np.asarray(distance_m(lon[:, :-1], lat[:, :-1], lon[:, 1:], lat[:, 1:]))
    whole = np.isfinite(leg).all(axis=1)
    if path.weight @ whole < LEAST_ALIVE:
        return _untestable(claim, "speed", "next to no member of the flight is aloft all that time")
    speed = leg[whole].sum(axis=1) / (times[-1] - times[0])
    weight = path.weight[whole] / path.weight[whole].sum()
    p = _two_sided(speed, speed, weight, *_ends(claim.quantity))
    q05, q50, q95 = weighted_quantile(speed, weight, (0.05, 0.5, 0.95))
    return _judged(claim, "speed", p, f"the flight went at {q50:.1f} m/s ({q05:.1f} to {q95:.1f}) on average")


def _span(claim: Claim, path: Path) -> tuple[float, float]:
    about = claim.about_time
    return about.widened() if about is not None else (float(path.time_s[0]), float(path.time_s[-1]))


def _two_sided(most: Float64s, least: Float64s, weight: Float64s, low: float, high: float) -> float:
    """Twice the smaller share of the samples that reach the interval from above or below; at most one."""
    return min(1.0, 2.0 * float(min(weight @ (most >= low), weight @ (least <= high))))


# --- against findings


def entry_check(claim: Claim, findings: Mapping[str, Finding]) -> Check:
    """Test an entry into an area against `crossing.<area>.probability` and `crossing.<area>.entry`."""
    if not claim.area:
        return _untestable(claim, "entry", "it names no area by its id")
    ever = findings.get(f"crossing.{claim.area}.probability")
    if ever is None or ever.value is None:
        return _untestable(claim, "entry", f"no finding says whether the flight crossed {claim.area}")
    p_ever = float(ever.value["p"])
    if claim.answer == "no":
        return _judged(
            claim, "entry", 1.0 - p_ever, f"it was there in {percent(p_ever)} of cases", (ever.id,)
        )
    when, about = findings.get(f"crossing.{claim.area}.entry"), claim.about_time
    if about is None or p_ever < LIMIT:
        return _judged(claim, "entry", p_ever, f"it was there in {percent(p_ever)} of cases", (ever.id,))
    if when is None or when.value is None:
        said = when.reason if when is not None else "there is no finding for the time of entry"
        return _untestable(claim, "entry", said, (ever.id,))
    p = _overlap(when.value, *about.widened())
    middle = when.value.get("p50", when.value.get("lo", 0.0))
    said = f"the flight came in at {short_utc(float(middle))} by the median"
    check = _judged(claim, "entry", min(p, p_ever), said, (ever.id, when.id))
    return replace(check, hint=said) if check.verdict == "inconsistent" else check


def manoeuvre_check(claim: Claim, findings: Mapping[str, Finding]) -> Check:
    """Test 'it manoeuvred' against the probability of steering, 'it strayed' against that of drift.

    A motion shows no intention: that nobody meant it stays a claim.
    """
    strayed = "strayed" in claim.verbs
    steered = strayed == (claim.answer == "no")
    name = "steer.flight.p_steered" if steered else "steer.flight.p_drifted"
    found, side = findings.get(name), findings.get("steer.flight.side")
    if side is not None and side.value is None:
        # The posterior is there all the same; what was withheld as a verdict is no test either.
        return _untestable(claim, "manoeuvre", side.reason)
    if steered and side is not None and (side.value or {}).get("category") == "did not drift":
        return _untestable(
            claim, "manoeuvre", "that it did not drift is found, and not what moved it", (side.id,)
        )
    if found is None or found.value is None:
        return _untestable(claim, "manoeuvre", "no finding tells drift from steering")
    p = float(found.value["p"])
    what = "steered" if steered else "drifted with the wind"
    return _judged(claim, "manoeuvre", p, f"that it {what} has {percent(p)}; what was meant is not tested",
                   (name,))  # fmt: skip


def _is_reach(found: Finding, area: str) -> bool:
    """Whether a finding says how often passive flights reach the area that a claim names, if it names any."""
    head = f"claims.strayed.reach_{word(area) if area else ''}"
    known = found.kind == "probability" and bool(found.value)
    return known and (found.id.startswith(head) if not area else found.id in (head, f"{head}_airspace"))


def reach_check(claim: Claim, found: Finding, findings: Mapping[str, Finding]) -> Check:
    """Set 'it strayed' beside how often passive flights get there (`claims.strayed`).

    A rare thing may happen, so a small share speaks against the claim only where the upper end of the share
    is below `LIMIT`; where none came and it is not, nothing is tested. `p` is the share; it is no probability
    that this flight strayed. A claim that it did not stray is not tested: steered flights get there too.
    """
    p = float((found.value or {})["p"])
    between = findings.get(f"{found.id}_interval")
    basis = (found.id,) if between is None else (found.id, between.id)
    low, high = (float((between.value or {})[key]) for key in ("p05", "p95")) if between else (p, p)
    within = f" within {found.given['within']}" if "within" in found.given else ""
    said = (
        f"of balloons that nobody steers, from {found.given.get('origin', 'there')} in "
        f"{found.given.get('month', 'that month')}, {percent(p)} get there{within} "
        f"({percent(low)} to {percent(high)})"
    )
    if claim.answer == "no":
        return replace(_untestable(claim, "reach", f"{said}, and steered ones get there too", basis), p=None)
    if p == 0.0 and high >= LIMIT:
        none = f"none of the passive flights came, which does not rule it out ({percent(high)} at most)"
        return _untestable(claim, "reach", none, basis)
    verdict: Verdict = "inconsistent" if high < LIMIT else "consistent"
    return Check(claim.id, "reach", verdict, p, said, basis)


def quantity_check(claim: Claim, findings: Mapping[str, Finding]) -> Check:
    """Test a quantity (a rate, an amount, a count) against the finding that the claim names.

    Hard bounds give no `p`: what lies in them is consistent, what lies outside is not.
    """
    if not claim.finding:
        return _untestable(claim, "quantity", "it names no finding to be tested against (column 'finding')")
    found = findings.get(claim.finding)
    if found is None:
        return _untestable(claim, "quantity", f"there is no finding {claim.finding}")
    if found.value is None:
        return _untestable(claim, "quantity", found.reason, (found.id,))
    if found.kind == "probability":
        p = float(found.value["p"])
        said = f"{found.question} {percent(p)}"
        return _judged(claim, "quantity", 1.0 - p if claim.answer == "no" else p, said, (found.id,))
    return _measured(claim, found)


def _measured(claim: Claim, found: Finding) -> Check:
    value, quantity = found.value or {}, claim.quantity
    unit, own = UNITS.get(found.unit), UNITS.get(quantity.unit) if quantity is not None else None
    if quantity is None or found.kind != "interval" or unit is None or own is None or unit[0] != own[0]:
        said = f"its quantity and {found.id} ({found.unit or found.kind}) do not compare"
        return _untestable(claim, "quantity", said, (found.id,))
    si = {key: float(v) * unit[1] for key, v in value.items()}
    low, high = _ends(quantity)
    shown = " to ".join(f"{float(v):g}" for key, v in value.items() if key != "p50")
    said = f"found was {shown} {found.unit}".rstrip()
    if "lo" in si:
        fits = low <= si["hi"] and high >= si["lo"]
        verdict: Verdict = "consistent" if fits else "inconsistent"
        return Check(claim.id, "quantity", verdict, None, f"{said}, as hard bounds", (found.id,))
    return _judged(claim, "quantity", _overlap(si, low, high), said, (found.id,))


def _overlap(value: Mapping[str, float | str], low: float, high: float) -> float:
    """Two-sided tail of an interval under quantiles, as two half normals; 0 or 1 under hard bounds."""
    if "lo" in value:
        return 1.0 if low <= float(value["hi"]) and high >= float(value["lo"]) else 0.0
    below, above = _cdf(value, high), 1.0 - _cdf(value, low)
    return min(1.0, 2.0 * min(below, above))


def _cdf(value: Mapping[str, float | str], x: float) -> float:
    p05, p50, p95 = (float(value[key]) for key in ("p05", "p50", "p95"))
    half = (p95 - p50 if x >= p50 else p50 - p05) / _Z95
    if half <= 0.0:
        return 0.5 if x == p50 else float(x > p50)
    return NormalDist().cdf((x - p50) / half) if math.isfinite(x) else float(x > 0)

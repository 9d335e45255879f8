"""What a landing says: chances with their Monte Carlo error, and the findings.

A chance is the share of the members that come down. Members that took the same place of the flight's ensemble
are alike, so the error of the share is that of a mean over clusters, one a place. Where every member
agrees, the error is taken as half of the 3 / clusters below which an event that never came up lies with 95 %
(Hanley and Lippman-Hand, JAMA 249, 1743, 1983).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.places.land import BASIS, COAST_ERROR_M
from overflight.records import Finding, quantile_value
from overflight.regions import Region, centre_of
from overflight.times import iso_utc
from overflight.words import percent

if TYPE_CHECKING:
    from overflight.trajectories.landing import Fall

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PART = "landing"
# With fewer of the members down, what became of the rest decides.
LEAST_LANDED = 0.5
# A raster that misses more of the members than this cannot answer.
MOST_OFF_RASTER = 0.05
REMEDY = (
    "Give winds that reach from the flight to the ground, for long enough and far enough, or let the lowest "
    "winds go on below their data with --hold-below (hold_below_m in Python), at your word"
)


class Chance(NamedTuple):
    """A probability and its Monte Carlo standard error."""

    p: float
    sd: float


def chance(hit: Bools, source: npt.NDArray[np.intp]) -> Chance:
    """Return the share of members (N,) that were hit, and its error by clusters of the same source."""
    if hit.size == 0:
        return Chance(math.nan, math.nan)
    p = float(hit.mean())
    return Chance(p, spread_of_mean(hit.astype(np.float64), source))


def spread_of_mean(values: Float64s, source: npt.NDArray[np.intp]) -> float:
    """Return the standard error of the mean of values (N,) in clusters, never less than the rule of three."""
    _, cluster = np.unique(source, return_inverse=True)
    clusters = int(cluster.max()) + 1
    sums = np.bincount(cluster, values - values.mean())
    correction = clusters / max(clusters - 1, 1)
    error = math.sqrt(correction * float((sums**2).sum())) / values.size
    if clusters == 1:
        # Of one place only: the members differ in what was drawn, and that is all there is to go by.
        error, clusters = float(values.std()) / math.sqrt(values.size), values.size
    return max(error, 1.5 / clusters) if float(np.ptp(values)) == 0.0 else error


def findings_of(
    time_s: float, falls: Sequence[Fall], populated_from: float, notes: Sequence[str], *, name: str = ""
) -> tuple[Finding, ...]:
    """Return the findings of a landing, `landing.<fragment>.<quantity>`, in the order of the fragments."""
    given = {"end_of_flight": iso_utc(time_s)} | ({"winds": name} if name else {})
    said = ". ".join(notes)
    return tuple(f for fall in falls for f in _findings(fall, given, said, time_s, populated_from))


def _findings(
    fall: Fall, given: Mapping[str, str], notes: str, time_s: float, populated_from: float
) -> list[Finding]:
    name, share = fall.fragment.name, float(fall.landed.mean())
    when = f"If the flight ends at {given['end_of_flight']}"
    piece = fall.fragment
    of = f"{piece.mass_kg:g} kg, drag area {piece.drag_area_m2:g} m² ({piece.basis})"
    made = {**given, "fragment": of, "members": str(fall.landed.size)}
    lost = Finding(
        id=f"{PART}.{name}.followed",
        question=f"{when}, for what share of the members does the {name} come down within the winds?",
        kind="probability",
        unit="1",
        value={"p": share},
        given=made,
        reason="; ".join(f"{words}: {count}" for words, count in fall.ends.items()),
    )
    if share < LEAST_LANDED:
        few = f"only {percent(share)}" if share > 0.0 else "none"
        why = f"{few} of the members come down within the winds ({lost.reason}). {REMEDY}"
        return [lost, _undetermined(name, "place", f"{when}, where does the {name} come down?", made, why)]
    rest = "" if share == 1.0 else f"Of the {percent(share)} that come down within the winds"
    reason = ". ".join(part for part in (rest, notes) if part)
    return [
        lost,
        Finding(
            id=f"{PART}.{name}.place",
            question=f"{when}, where does the {name} come down?",
            kind="category",
            unit="",
            value={"category": place_words(fall)},
            given=made,
            reason=reason,
        ),
        *_intervals(fall, when, made, reason),
        *_chances(fall, when, made, populated_from),
    ]


def place_words(fall: Fall) -> str:
    """Say where a piece comes down in a line of text."""
    lon, lat = centre_of(fall.lon_deg[fall.landed], fall.lat_deg[fall.landed], 1.0)
    about = f"about {abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"
    return f"{about}; " + ", ".join(_holds(r) for r in fall.regions)


def _holds(found: Region) -> str:
    return f"{found.level * 100:.0f} % within {area_words(found.area_km2)}"


def area_words(area_km2: float) -> str:
    """Write an area to three digits, as people do: '1,580 km²', '12.3 km²'."""
    rounded = float(f"{area_km2:.3g}")
    if rounded < 0.01:
        return "under 0.01 km²"
    digits = 0 if rounded >= 100.0 else 1 if rounded >= 10.0 else 2
    return f"{rounded:,.{digits}f} km²"


def _intervals(fall: Fall, when: str, given: Mapping[str, str], reason: str) -> list[Finding]:
    name, landed = fall.fragment.name, fall.landed
    rows = [
        ("time", f"when does the {name} come down", "posix_s", fall.time_s),
        ("distance", f"how far over the ground does the {name} drift", "m", fall.distance_m),
        ("fall_speed", f"how fast does the {name} fall at the end", "m/s", fall.fall_mps),
    ]
    if fall.people_near is not None:
        rows.append(
            ("people_near", f"how many people are near where the {name} falls", "1", fall.people_near)
        )
    return [
        Finding(
            id=f"{PART}.{name}.{quantity}",
            question=f"{when}, {asked}?",
            kind="interval",
            unit=unit,
            value=quantile_value(values[landed], 1.0),
            given=given,
            reason=reason,
        )
        for quantity, asked, unit, values in rows
    ]


def _chances(fall: Fall, when: str, given: Mapping[str, str], populated_from: float) -> list[Finding]:
    name, landed, source = fall.fragment.name, fall.landed, fall.source[fall.landed]
    near = chance(fall.near_coast[landed], source)
    coast = f"{BASIS}; {percent(near.p)} fall within {COAST_ERROR_M / 1e3:.0f} km of the drawn coast"
    found = [
        _chance("land", f"{when}, does the {name} come down on land?", name, fall.land, fall, given, coast),
        _chance(
            "near_coast",
            f"{when}, does the {name} fall so near the coast that land and water cannot be told apart?",
            name,
            fall.near_coast,
            fall,
            given,
            BASIS,
        ),
    ]
    if fall.people is None or fall.off_raster is None:
        return found
    asked = f"{when}, does the {name} fall on a cell where {populated_from:g} or more people live?"
    off = float(fall.off_raster[landed].mean())
    if off > MOST_OFF_RASTER:
        why = f"{percent(off)} of the members fall outside the population raster"
        return [*found, _undetermined(name, "populated", asked, given, why)]
    empty = float(np.isnan(fall.people[landed]).mean())
    why = f"{percent(empty)} fall on cells without a value, which count as empty" if empty else ""
    with np.errstate(invalid="ignore"):
        hit = np.asarray(fall.people >= populated_from)
    return [*found, _chance("populated", asked, name, hit, fall, given, why)]


def _chance(
    quantity: str, asked: str, name: str, hit: Bools, fall: Fall, given: Mapping[str, str], why: str
) -> Finding:
    found = chance(hit[fall.landed], fall.source[fall.landed])
    return Finding(
        id=f"{PART}.{name}.{quantity}",
        question=asked,
        kind="probability",
        unit="1",
        value={"p": found.p},
        given={**given, "monte_carlo_sd": f"{found.sd:.2g}"},
        reason=why,
    )


def _undetermined(name: str, quantity: str, asked: str, given: Mapping[str, str], why: str) -> Finding:
    return Finding(
        id=f"{PART}.{name}.{quantity}",
        question=asked,
        kind="undetermined",
        unit="",
        value=None,
        given=given,
        reason=why,
    )

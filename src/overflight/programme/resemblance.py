"""How alike two flights are: a probability that they are of one design, with the reasons.

A naive likelihood ratio, feature by feature. Of a measure (size, height, speed) two balloons of one design
scatter by `same` about the design's value, designs by `among` about `middle`; of a thing that was seen
(a sphere, panels, staying in place) designs have it in a `share` of cases. The reference spreads are stated
here and are judgements, not measurements. What a report leaves out is unknown and moves nothing: it is
neither alike nor different. Features are taken as independent, which overstates what several of them say
together; so each is held between one tenth and ten, and all between one twentieth and twenty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from overflight.programme.records import FlightRecord

PRIOR: Final = 0.5  # even odds before: nothing is known of how often two reports are of one design
MOST_LOG: Final = math.log(10.0)
MOST_COMPARED: Final = 300
# All features together: reports of strangers about strangers are no measurement.
MOST_TOTAL_LOG: Final = math.log(20.0)
FEWEST_FEATURES: Final = 2  # one likeness is a coincidence


@dataclass(frozen=True, slots=True)
class Measure:
    """Reference spreads of a measure, in the units that `scale` gives (the value, or its logarithm)."""

    name: str
    unit: str
    scale: Callable[[float], float]
    middle: float
    among: float
    same: float
    basis: str


# Judged from what flies: pico balloons of 1 m at 8-13 km, soundings of 2-10 m to 35 km, superpressure
# balloons of 10-20 m at 18-20 km, airships and great balloons of tens of metres at 18-40 km.
MEASURES: Final[tuple[Measure, ...]] = (
    Measure("size", "m", math.log, math.log(5.0), 1.3, 0.25, "sizes differ by 3.7 among designs, 1.3 within"),
    Measure("height", "km", lambda v: v, 17.0, 7.0, 2.0, "heights differ by 7 km among designs, 2 km within"),
    Measure("speed", "m/s", lambda v: v, 15.0, 10.0, 9.0, "speed is mostly the wind's"),
)
# How often a design of any sort shows a thing that a report may name.
SHARES: Final[Mapping[str, float]] = {
    "sphere": 0.7, "white": 0.6, "metallic": 0.2, "cylinder": 0.1, "octagon": 0.02, "airship": 0.05,
    "panels": 0.15, "hanging": 0.5, "propellers": 0.05, "antenna": 0.3, "still": 0.2, "slow": 0.4,
    "circled the globe": 0.1, "steered": 0.1,
}  # fmt: skip
OTHER_SHARE: Final = 0.3
SHAPES: Final = frozenset(("sphere", "cylinder", "octagon", "airship"))
_REPEATED: Final = 0.8  # how often a second report of one design names what the first does
_SHAPE_APART: Final = 0.1  # of one design, reports of another shape: ends and angles are mistaken
_COURSE_SD_DEG: Final = 45.0
_COURSE_SHARE: Final = 0.3  # of flights of one design that are sent the same way


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of one flight: metres, kilometres of height, m/s, degrees; None is unknown."""

    id: str
    size: float | None = None
    height: float | None = None
    speed: float | None = None
    course_deg: float | None = None
    seen: frozenset[str] = frozenset()
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature's say: its name, the logarithm of its likelihood ratio, and what was compared."""

    feature: str
    log_ratio: float
    text: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """The probability that two flights are of one design, and why; `unknown` features moved nothing."""

    a: str
    b: str
    p: float
    log_ratio: float
    reasons: tuple[Reason, ...]
    unknown: tuple[str, ...]
    rows: tuple[str, ...] = ()


def traits_of(flight: FlightRecord) -> Traits:
    """Return what the rows of a flight say of it; the middle of several numbers."""
    heights = [
        0.5 * ((r.alt_low_m if r.alt_low_m is not None else r.alt_high_m or 0.0) + r.alt_high_m) / 1e3
        for r in flight.rows
        if r.alt_high_m is not None
    ]
    return Traits(
        flight.id,
        _middle([r.size_m for r in flight.rows]),
        _middle(heights),
        _middle([r.speed_mps for r in flight.rows]),
        next((r.course_deg for r in flight.rows if r.course_deg is not None), None),
        frozenset(name for r in flight.rows for name in (*r.behaviour, *r.equipment)),
        flight.row_ids,
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = sorted(v for v in values if v is not None)
    return known[len(known) // 2] if known else None


def likeness(a: Traits, b: Traits, *, prior: float = PRIOR) -> Likeness:
    """Return how probable it is that two flights are of one design.

    `prior` is the probability before anything was compared.
    """
    reasons: list[Reason] = []
    unknown: list[str] = []
    for measure in MEASURES:
        x, y = getattr(a, measure.name), getattr(b, measure.name)
        if x is None or y is None or min(x, y) <= 0:
            unknown.append(measure.name)
            continue
        text = f"{measure.name} {x:.3g} and {y:.3g} {measure.unit} ({measure.basis})"
        reasons.append(Reason(measure.name, _held(measure_log_ratio(x, y, measure)), text))
    if a.course_deg is None or b.course_deg is None:
        unknown.append("course")
    else:
        reasons.append(_course(a.course_deg, b.course_deg))
    found = _seen(a.seen, b.seen)
    reasons += found
    unknown += [] if found else ["what was seen of it"]
    total = _held(sum(reason.log_ratio for reason in reasons), MOST_TOTAL_LOG)
    odds = math.log(prior / (1.0 - prior)) + total
    p = 1.0 / (1.0 + math.exp(-odds))
    ordered = tuple(sorted(reasons, key=lambda r: -abs(r.log_ratio)))
    return Likeness(a.id, b.id, p, total, ordered, tuple(unknown), (*a.rows, *b.rows))


def measure_log_ratio(x: float, y: float, measure: Measure) -> float:
    """Return the logarithm of the likelihood ratio of one design against two, for a measure of both.

    Each value is normal about its design's, that about `middle`: of one design the two are correlated by
    among² / (among² + same²), of two they are independent.
    """
    a, b = measure.scale(x) - measure.middle, measure.scale(y) - measure.middle
    variance = measure.among**2 + measure.same**2
    rho = measure.among**2 / variance
    u, v = a / math.sqrt(variance), b / math.sqrt(variance)
    joint = (u * u - 2.0 * rho * u * v + v * v) / (1.0 - rho**2)
    return -0.5 * math.log(1.0 - rho**2) - 0.5 * joint + 0.5 * (u * u + v * v)


def _course(a: float, b: float) -> Reason:
    apart = abs((a - b + 180.0) % 360.0 - 180.0)
    peak = math.exp(-0.5 * (apart / _COURSE_SD_DEG) ** 2) / (_COURSE_SD_DEG * math.sqrt(2.0 * math.pi))
    ratio = 1.0 - _COURSE_SHARE + _COURSE_SHARE * 360.0 * peak
    return Reason("course", math.log(ratio), f"courses {apart:.0f}° apart (mostly the wind's)")


def _seen(a: frozenset[str], b: frozenset[str]) -> list[Reason]:
    out = [
        Reason(name, _held(_both_log(name)), f"both: {name} (had by {SHARES.get(name, OTHER_SHARE):.0%})")
        for name in sorted(a & b)
    ]
    shapes_a, shapes_b = a & SHAPES, b & SHAPES
    if shapes_a and shapes_b and not shapes_a & shapes_b:
        text = f"{'/'.join(sorted(shapes_a))} against {'/'.join(sorted(shapes_b))}"
        out.append(Reason("shape", math.log(_SHAPE_APART), text))
    return out


def _both_log(name: str) -> float:
    return math.log(_REPEATED / SHARES.get(name, OTHER_SHARE) + 1.0 - _REPEATED)


def _held(log_ratio: float, most: float = MOST_LOG) -> float:
    return min(max(log_ratio, -most), most)


def likenesses(
    flights: Sequence[FlightRecord], *, prior: float = PRIOR, most: int = 20
) -> tuple[Likeness, ...]:
    """Return the pairs of flights of which two or more features are known of both, the most alike first."""
    order = {flight.id: n for n, flight in enumerate(flights)}
    # Every pair is compared: of many flights only those of which most is known.
    traits = sorted((traits_of(f) for f in flights), key=lambda t: -_told(t))[:MOST_COMPARED]
    traits.sort(key=lambda t: order[t.id])
    pairs = [likeness(a, b, prior=prior) for a, b in combinations(traits, 2) if _known(a) and _known(b)]
    told = [pair for pair in pairs if len(pair.reasons) >= FEWEST_FEATURES]
    return tuple(sorted(told, key=lambda pair: (-pair.p, pair.a, pair.b))[:most])


def _known(traits: Traits) -> bool:
    return _told(traits) > 0


def _told(traits: Traits) -> int:
    return len(traits.seen) + sum(v is not None for v in (traits.size, traits.height, traits.speed))

"""What stays unknown of pictures and signals, which input it hangs on, and what would tell most.

Hours at a site are a function of inputs that nobody measured: the path (the members), the class of camera,
the visibility, the cloud, how far the equation of the grade errs; the class of emitter, its power toward the
balloon, the propagation of the day. Each is given a few equally likely values, all combinations are taken,
and the spread of the hours over them is what the case leaves open.

One input at a time is then held known: by how much the variance falls, on average over its values, is its
share (first-order index of I. M. Sobol', Math. Comput. Simulat. 55, 2001, 271). The largest is the input that
the interval hangs on. Shares need not sum to one: the rest is joint, such as a path that matters only under a
clear sky. The evidence that goes with an input is named in words; whether it can be had is another matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.exposure.cameras import BUILT_IN as CAMERAS
from overflight.exposure.cameras import CameraClass
from overflight.exposure.emitters import BUILT_IN as EMITTERS
from overflight.exposure.emitters import RECEIVER, EmitterClass
from overflight.exposure.finer import Pieces, by_members, chosen, finding_head, pieces_of
from overflight.exposure.images import DEFAULT_CLOUD, LEVEL, Cloud, cloud_chance, grade
from overflight.exposure.images import PIECE_S as IMAGE_PIECE_S
from overflight.exposure.images import reach_m as image_reach_m
from overflight.exposure.looks import MemberLooks
from overflight.exposure.niirs_words import check_level
from overflight.exposure.optics import NIIRS_BAND
from overflight.exposure.p528 import PERCENTS
from overflight.exposure.radio import Receiver
from overflight.exposure.signals import PIECE_S as SIGNAL_PIECE_S
from overflight.exposure.signals import hear
from overflight.exposure.signals import reach_m as signal_reach_m
from overflight.records import Finding, weighted_quantile
from overflight.times import short_utc
from overflight.words import percent

Float64s = npt.NDArray[np.float64]

# Middles of fifths: equally likely values of an input.
FIFTHS: Final = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
# Standard normal quantiles of the fifths.
NORMAL: Final = np.array([-1.2815515655, -0.5244005127, 0.0, 0.5244005127, 1.2815515655])
# ±0.5 is taken to hold nine times in ten.
GRADE_SD: Final = NIIRS_BAND / 1.6448536270
# Visibilities of a place where nobody observed one, kilometres: from haze to a clear winter's day.
VISIBILITIES_KM: Final = (5.0, 50.0)
# P.528's losses of 10, 50 and 90 % of the time stand for a quarter, a half and a quarter.
PROPAGATION: Final = np.array([0.25, 0.5, 0.25])
# Under this many hours of width a case leaves nothing open that is worth a word.
NOTHING_H: Final = 1e-6
# Members that stand for the path here: shares to a few hundredths, at a fraction of the time.
MOST_MEMBERS: Final = 400

INPUT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "path": "the path",
        "camera": "the class of camera",
        "visibility": "the visibility",
        "cloud": "the cloud",
        "grade": "the error of the image quality equation",
        "emitter": "the class of emitter",
        "power": "the emitter's power toward the balloon",
        "propagation": "the propagation of the day",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What one site leaves open of one kind, and of one class or of all.

    `hours` are p05, p50, p95 over all inputs, `width_h` their distance, `p_any` the chance of any. `shares`
    is by how much the variance falls when an input is known, `width_known_h` the mean width that is left
    then. `dominant` is the input with the largest share, '' where nothing is open.
    """

    site_id: str
    site_name: str
    kind: str
    of: str
    of_name: str
    hours: Mapping[str, float]
    p_any: float
    width_h: float
    shares: Mapping[str, float]
    width_known_h: Mapping[str, float]
    dominant: str
    evidence: str


# --- the spread of a table --------------------------------------------------------------------------------


def variance_shares(
    values: npt.ArrayLike, weights: Sequence[npt.ArrayLike]
) -> tuple[float, tuple[float, ...]]:
    """Return the variance of a table over independent inputs, and each input's share of it.

    `values` has one axis an input, `weights` the chances of each axis' values (normalised here). The share is
    Var(E[value | input]) / Var(value): how much the variance falls, on average, when the input is known. Zero
    shares where the variance is zero.
    """
    table = np.asarray(values, dtype=np.float64)
    chances = [np.asarray(w, dtype=np.float64) / np.sum(w) for w in weights]
    if table.shape != tuple(w.size for w in chances):
        raise InputError(
            f"a table of shape {table.shape} has {len(chances)} axes of weights",
            field="weights",
            remedy="Give one row of weights for each axis.",
        )
    mean = _mean(table, chances)
    variance = _mean((table - mean) ** 2, chances)
    shares = []
    for axis, chance in enumerate(chances):
        rest = [w for i, w in enumerate(chances) if i != axis]
        given = _mean(np.moveaxis(table, axis, -1), rest)
        between = float(chance @ (np.asarray(given) - mean) ** 2)
        shares.append(min(between / variance, 1.0) if variance > 0.0 else 0.0)
    return float(variance), tuple(shares)


def _mean(table: Float64s, chances: Sequence[Float64s]) -> Any:
    """Mean over the leading axes; axes beyond them stay."""
    for chance in chances:
        table = np.tensordot(chance, table, axes=(0, 0))
    return table


def widths_known(values: npt.ArrayLike, weights: Sequence[npt.ArrayLike]) -> tuple[float, ...]:
    """Return the mean width from p05 to p95 that is left when each input is known."""
    table = np.asarray(values, dtype=np.float64)
    chances = [np.asarray(w, dtype=np.float64) / np.sum(w) for w in weights]
    found = []
    for axis, chance in enumerate(chances):
        rows = np.moveaxis(table, axis, 0).reshape(chance.size, -1)
        joint = _outer([w for i, w in enumerate(chances) if i != axis]).ravel()
        found.append(float(chance @ _widths(rows, joint)))
    return tuple(found)


def _outer(chances: Sequence[Float64s]) -> Float64s:
    joint = np.ones(())
    for chance in chances:
        joint = np.multiply.outer(joint, chance)
    return joint


def _widths(rows: Float64s, chance: Float64s) -> Float64s:
    """Width of each row (R, N) from p05 to p95: the values at which the chances first sum to those."""
    order = np.argsort(rows, axis=1, kind="stable")
    summed = np.cumsum(chance[order], axis=1)
    ends = []
    for p in (0.05, 0.95):
        first = np.argmax(summed >= p - 1e-12, axis=1)
        ends.append(np.take_along_axis(rows, np.take_along_axis(order, first[:, None], 1), 1)[:, 0])
    return np.asarray(ends[1] - ends[0])


# --- pictures ---------------------------------------------------------------------------------------------


def unknown_images(
    looks: MemberLooks,
    cameras: Sequence[CameraClass] = CAMERAS,
    *,
    visibilities_km: tuple[float, float] = VISIBILITIES_KM,
    cloud: Cloud = DEFAULT_CLOUD,
    niirs: float = LEVEL,
    piece_s: float = IMAGE_PIECE_S,
) -> tuple[Residual, ...]:
    """Return what stays open of pictures of a site: for each class of camera, and over all of them.

    Inputs: path, visibility (even in its logarithm between the two given), cloud (one state of the sky that
    lasts, hidden with the chance given), the error of the grade; over all classes the camera, each as likely.
    Cameras outside the sampling that was tried are left out.
    """
    level = check_level(niirs)
    low, high = visibilities_km
    if not 0.0 < low <= high <= 300.0:
        raise InputError(
            f"{visibilities_km!r} is no range", field="visibility_km", remedy="Give two in km, 0 to 300."
        )
    clarity = np.exp(np.log(low) + FIFTHS * (math.log(high) - math.log(low)))
    usable = [one for one in cameras if one.in_range]
    looks = chosen(looks, MOST_MEMBERS)
    parts = [_image_hours(one, usable, clarity, cloud, level, piece_s) for one in by_members(looks)]
    hours = np.concatenate([part[0] for part in parts], axis=-1)
    when = _window([part[1] for part in parts], looks)
    clear = np.array([1.0 - cloud.probability, cloud.probability])
    weights = (_even(FIFTHS.size), _even(NORMAL.size), clear, looks.weight)
    names = ("visibility", "grade", "cloud", "path")
    found = [
        _residual(looks, "images", one.id, one.name, hours[i], weights, names, when)
        for i, one in enumerate(usable)
    ]
    if len(usable) > 1:
        everything = (_even(len(usable)), *weights)
        found.append(
            _residual(
                looks, "images", "all", "any of the cameras", hours, everything, ("camera", *names), when
            )
        )
    return tuple(found)


def _even(size: int) -> Float64s:
    return np.full(size, 1.0 / size)


def _image_hours(
    looks: MemberLooks,
    cameras: Sequence[CameraClass],
    clarity: Float64s,
    cloud: Cloud,
    level: float,
    piece_s: float,
) -> tuple[Float64s, Pieces]:
    """Hours (camera, visibility, error, cloud, M) at or above a level."""
    pieces = pieces_of(looks, reach_m=image_reach_m(looks), step_s=piece_s)
    # A clear state and a hidden one; where cloud was observed both are what was seen.
    open_ = [1.0 - cloud_chance(replace(cloud, probability=p), pieces.time_s) for p in (0.0, 1.0)]
    hours = np.zeros((len(cameras), clarity.size, NORMAL.size, 2, looks.weight.size))
    for i, camera in enumerate(cameras):
        for j, visibility in enumerate(clarity):
            niirs = grade(camera, pieces, float(visibility))[0]
            for k, error in enumerate(NORMAL * GRADE_SD):
                good = niirs + error >= level
                for s, share in enumerate(open_):
                    hours[i, j, k, s] = pieces.hours(good * share)
    return hours, pieces


# --- signals ----------------------------------------------------------------------------------------------


def unknown_signals(
    looks: MemberLooks,
    emitters: Sequence[EmitterClass] = EMITTERS,
    receiver: Receiver = RECEIVER,
    *,
    piece_s: float = SIGNAL_PIECE_S,
) -> tuple[Residual, ...]:
    """Return what stays open of signals of a site: for each class of emitter, and over all of them.

    Inputs: path, the emitter's power toward the balloon (even within its spread), the propagation (P.528's
    losses of 10, 50 and 90 % of the time); over all classes the emitter, each as likely.
    """
    looks = chosen(looks, MOST_MEMBERS)
    parts = [_signal_hours(one, emitters, receiver, piece_s) for one in by_members(looks)]
    hours = np.concatenate([part[0] for part in parts], axis=-1)
    when = _window([part[1] for part in parts], looks)
    weights = (_even(FIFTHS.size), PROPAGATION, looks.weight)
    names = ("power", "propagation", "path")
    found = [
        _residual(looks, "signals", one.id, one.name, hours[i], weights, names, when)
        for i, one in enumerate(emitters)
    ]
    if len(emitters) > 1:
        everything = (_even(len(emitters)), *weights)
        found.append(
            _residual(
                looks, "signals", "all", "any of the emitters", hours, everything, ("emitter", *names), when
            )
        )
    return tuple(found)


def _signal_hours(
    looks: MemberLooks, emitters: Sequence[EmitterClass], receiver: Receiver, piece_s: float
) -> tuple[Float64s, Pieces]:
    """Hours (emitter, power, propagation, M) in which a receiver could have heard it."""
    pieces = pieces_of(looks, reach_m=signal_reach_m(looks, emitters, receiver), step_s=piece_s, sun=False)
    masked = looks.mask is not None
    hours = np.zeros((len(emitters), FIFTHS.size, len(PERCENTS), looks.weight.size))
    for i, one in enumerate(emitters):
        for k, time_share in enumerate(PERCENTS):
            heard = hear(
                one,
                receiver,
                pieces,
                looks.site_alt_m,
                masked=masked,
                percent=time_share,
                every=False,
            )
            for j, place in enumerate(2.0 * FIFTHS - 1.0):
                left_db = heard.median_db + place * one.eirp_spread_db
                hours[i, j, k] = pieces.hours(heard.reached & (left_db >= 0.0))
    return hours, pieces


# --- words ------------------------------------------------------------------------------------------------


def _window(parts: Sequence[Pieces], looks: MemberLooks) -> tuple[float, float] | None:
    """The time from p05 to p95 of what members have of a site in sight, None where none has any."""
    time = np.concatenate([one.time_s[one.in_sight] for one in parts])
    weight = np.concatenate([one.weight[one.member[one.in_sight]] for one in parts])
    if not (weight > 0.0).any():
        return None
    begin = float(looks.time_s[0])
    low, high = weighted_quantile(time - begin, weight, (0.05, 0.95)) + begin
    return float(low), float(high)


def _evidence(name: str, site: str, when: tuple[float, float] | None) -> str:
    hours = f" from {short_utc(when[0])} to {short_utc(when[1])}" if when else ""
    return {
        "path": f"more fixes of the flight{hours}",
        "camera": "what camera it carried: a recovered payload, or a picture of it sharp enough to measure",
        "visibility": f"the visibility that weather stations near {site} reported{hours}",
        "cloud": f"satellite pictures of the cloud over {site}{hours}",
        "grade": "nothing from outside: it is the scatter of the equation, and only a real picture ends it",
        "emitter": f"which emitters were on the air at {site}, by their owner's records{hours}",
        "power": f"the owner's measure of what the emitter at {site} radiates toward the sky",
        "propagation": f"soundings of the air's refractivity near {site}{hours}",
    }[name]


def _residual(
    looks: MemberLooks,
    kind: str,
    of: str,
    of_name: str,
    hours: Float64s,
    weights: Sequence[Float64s],
    names: Sequence[str],
    when: tuple[float, float] | None,
) -> Residual:
    site = looks.site
    joint = _outer([w / w.sum() for w in weights]).ravel()
    p05, p50, p95 = (float(x) for x in weighted_quantile(hours.ravel(), joint, (0.05, 0.5, 0.95)))
    variance, shares = variance_shares(hours, weights)
    is_open = variance > NOTHING_H**2
    dominant = names[int(np.argmax(shares))] if is_open else ""
    return Residual(
        site_id=site.id,
        site_name=site.name,
        kind=kind,
        of=of,
        of_name=of_name,
        hours=MappingProxyType({"p05": p05, "p50": p50, "p95": p95}),
        width_h=p95 - p05,
        p_any=min(float(joint[hours.ravel() > 0.0].sum()), 1.0),
        shares=MappingProxyType({n: float(s) for n, s in zip(names, shares, strict=True)}),
        width_known_h=MappingProxyType(dict(zip(names, widths_known(hours, weights), strict=True))),
        dominant=dominant,
        evidence=_evidence(dominant, site.name, when) if dominant else "",
    )


_ASKED: Final = {"images": "seen", "signals": "heard"}


def residual_findings(
    residuals: Sequence[Residual], *, part: str = "exposure", given: Mapping[str, str] | None = None
) -> tuple[Finding, ...]:
    """Return two findings a residual: `unknown_<kind>_<class>` in hours, and `…_hangs_on` in a word."""
    found: list[Finding] = []
    for one in residuals:
        head = f"{finding_head(part, one.site_id)}.unknown_{one.kind}_{one.of}"
        asked = f"by {one.of_name}" if one.kind == "images" else f"of {one.of_name}"
        found.append(
            Finding(
                id=head,
                question=f"For how many hours could {one.site_name} have been {_ASKED[one.kind]}, {asked}, "
                "over all that is not known?",
                kind="interval",
                unit="h",
                value=dict(one.hours),
                given=given or {},
                reason=_shares_words(one),
            )
        )
        reason = _hangs_words(one)
        found.append(
            Finding(
                id=f"{head}_hangs_on",
                question=f"What do the hours of {one.site_name} hang on most, {asked}?",
                kind="category" if one.dominant else "undetermined",
                unit="",
                value={"category": INPUT_WORDS[one.dominant]} if one.dominant else None,
                given=given or {},
                reason=reason,
            )
        )
    return tuple(found)


def _shares_words(one: Residual) -> str:
    told = ", ".join(
        f"{INPUT_WORDS[name]} {100 * share:.0f} %"
        for name, share in sorted(one.shares.items(), key=lambda item: -item[1])
    )
    return f"variance that falls when one input is known: {told}" if one.dominant else "no input changes it"


def _hangs_words(one: Residual) -> str:
    if not one.dominant:
        return "the hours are the same over all inputs that are modelled"
    share = one.shares[one.dominant]
    return (
        f"{100 * share:.0f} % of the variance falls when it is known, and of {one.width_h:.1f} h of width "
        f"{one.width_known_h[one.dominant]:.1f} h are left on average; what would tell: {one.evidence}"
    )


def unknown_section(residuals: Sequence[Residual], *, part: str = "exposure") -> dict[str, Any]:
    """Return `sections.exposure.unknown`: one row a residual, and what would shrink each site's most."""
    rows = []
    for one in residuals:
        head = f"{finding_head(part, one.site_id)}.unknown_{one.kind}_{one.of}"
        rows.append(
            {
                "site": one.site_id,
                "name": one.site_name,
                "kind": one.kind,
                "of": one.of,
                "of_name": one.of_name,
                "hours": dict(one.hours),
                "p_any": one.p_any,
                "width_h": one.width_h,
                "shares": dict(one.shares),
                "width_known_h": dict(one.width_known_h),
                "dominant": one.dominant,
                "dominant_words": INPUT_WORDS.get(one.dominant, ""),
                "evidence": one.evidence,
                "text": _text(one),
                "finding_ids": [head, f"{head}_hangs_on"],
            }
        )
    return {"rows": rows, "notes": list(NOTES)}


def _text(one: Residual) -> str:
    verb = _ASKED[one.kind]
    of = f"by {one.of_name}" if one.kind == "images" else f"for {one.of_name}"
    if not one.dominant:
        hours = f"{one.hours['p50']:.1f} h"
        return f"How long {one.site_name} could have been {verb}, {of}, is {hours} over all that is modelled."
    low, high = one.hours["p05"], one.hours["p95"]
    return (
        f"How long {one.site_name} could have been {verb}, {of}, is open between {low:.1f} and {high:.1f} h "
        f"({percent(one.p_any)} that at all). It hangs most on {INPUT_WORDS[one.dominant]}; "
        f"what would tell: {one.evidence}."
    )


NOTES: Final = (
    "What is not modelled is not in the width: sensors of other kinds, other receivers, and what was done "
    "with what they made.",
    f"Visibility is taken between {VISIBILITIES_KM[0]:g} and {VISIBILITIES_KM[1]:g} km where none is given; "
    "cloud as one state of the sky that lasts.",
)

"""What a balloon could have seen of a site beside what satellites could have, and what only it could add.

Like is held against like, over the window of the flight. Line of sight, by day and night: hours of the
balloon, hours with a satellite above that may carry an imager, and hours of the balloon alone. Pictures of a
grade, by day: hours in which an assumed camera of the balloon could have taken them, and hours in which
cameras in orbit could. Persistence, not sharpness alone, is the difference: a satellite is there for minutes,
a balloon for hours.

Quality from orbit is NIIRS by GIQE 5 from the published ground sample distance, lengthened with the slant
range, with the edge response and signal to noise of `EDGE` and `SNR`, a clear sky and the sun up: what such a
sensor could have given, ±0.5. It is not known whether any satellite was told to look, and a satellite of
which nothing is published counts as a pass and as nothing else. Radar has no NIIRS and needs no sun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from overflight.exposure.finer import finding_head
from overflight.exposure.optics import NIIRS_BAND, gsd_weighted_m, niirs_giqe5
from overflight.places.sites import Site
from overflight.records import MIN_EFFECTIVE, Finding, effective_members, quantile_value
from overflight.satellites.coverage import Counts, Coverage, counts_at, covered_s
from overflight.satellites.passes import Passes
from overflight.satellites.reach import by_day_s, within_reach_s
from overflight.satellites.sensors import Sensor, reach_off_nadir_deg, sensors_of
from overflight.units import HOUR_S
from overflight.words import likelihood, percent

if TYPE_CHECKING:
    from overflight.exposure.images import SiteImages
    from overflight.exposure.looks import MemberLooks

Float64s = npt.NDArray[np.float64]
Row = dict[str, Any]

PART: Final = "satellites"
# An edge response and signal to noise of well-made pictures as delivered: the anchor of the GIQE 5 document.
EDGE, SNR = 0.35, 50.0
MOST_NIIRS: Final = 9.0
COULD: Final = "that a satellite could have looked is not that it did"
SAID: Final = "That a satellite could have looked is not that it did"
# Weather and ocean imagers are coarser and count as passes only; Landsat, at 15 m, as an imager.
COARSEST_M: Final = 15.0
# Above it stand navigation and geostationary satellites, over half the Earth at once: no passes.
HIGH_M: Final = 2_000e3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BalloonView:
    """What a flight had of one site: the share of each step in view, hours, and pictures by camera class.

    `time_s` (T,); `share` (M, T - 1) of each step between times; `hours` (M,) in line of sight. By
    camera class (M,), NaN where not assessed: `niirs` the best, `picture_h` hours at grade `level` or better
    under a clear sky.
    """

    site: Site
    time_s: Float64s
    weight: Float64s
    share: Float64s
    hours: Float64s
    niirs: Mapping[str, Float64s]
    picture_h: Mapping[str, Float64s]
    level: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitness:
    """What each pass (K,) could have given, and from when to when (2, K), NaN where it could not.

    `optical_s` by day and within reach, of sensors not coarser than `COARSEST_M`; `radar_s` within reach.
    `niirs` is of the sharpest of the optical at the peak, NaN where it is not published. `candidate_s`, rise
    and set, is of what may look: below `HIGH_M` and not known to carry no imager.
    """

    optical_s: Float64s
    radar_s: Float64s
    candidate_s: Float64s
    niirs: Float64s

    def picture_s(self, level: float) -> Float64s:
        """Return those spans of `optical_s` whose grade is known and reaches a level."""
        return np.where(self.niirs >= level, self.optical_s, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """Findings, one row of `sections.satellites.rows`, and the counts they are made from."""

    site: Site
    findings: tuple[Finding, ...]
    row: Mapping[str, Any]
    every: Counts
    optical: Counts
    radar: Counts


def balloon_view(
    looks: MemberLooks, images: SiteImages | None = None, hours: npt.ArrayLike | None = None
) -> BalloonView:
    """Return what a flight had of a site, from its looks and, where pictures were assessed, its images.

    `hours` (M,) in view stand in for those of the samples, where they were found more finely.
    """
    seen = looks.visible.astype(np.float64)
    share = 0.5 * (seen[:, :-1] + seen[:, 1:])
    summed = share @ np.diff(looks.time_s) / HOUR_S
    by_camera = () if images is None else images.by_camera
    return BalloonView(
        site=looks.site,
        time_s=looks.time_s,
        weight=looks.weight,
        share=share,
        hours=summed if hours is None else np.asarray(hours, dtype=np.float64),
        niirs=MappingProxyType({c.camera.id: c.best_niirs for c in by_camera}),
        picture_h=MappingProxyType({c.camera.id: np.where(c.assessed, c.clear_h, np.nan) for c in by_camera}),
        level=0.0 if images is None else images.level,
    )


def fitness(passes: Passes, tables: Sequence[Sequence[Sensor]]) -> Fitness:
    """Say what each pass could have given, by what its satellite is known to carry."""
    count = passes.peak_s.size
    optical, radar, candidate = np.full((3, 2, count), np.nan)
    niirs = np.full(count, np.nan)
    edges = np.searchsorted(passes.satellite, np.arange(len(passes.orbits) + 1))
    for index, orbit in enumerate(passes.orbits):
        rows = slice(int(edges[index]), int(edges[index + 1]))
        alt_m = orbit.sets[0].mean_alt_m
        carried = sensors_of(orbit.name, tables)
        if alt_m < HIGH_M and not (carried and all(s.sensor_class == "none" for s in carried)):
            candidate[:, rows] = passes.rise_s[rows], passes.set_s[rows]
        for sensor in carried:
            radars = sensor.sensor_class == "radar"
            if radars or (sensor.sensor_class == "optical" and (sensor.gsd_m or 0.0) <= COARSEST_M):
                span = within_reach_s(passes, index, rows, float(reach_off_nadir_deg(sensor, alt_m)))
                _widen((radar if radars else optical)[:, rows], span)
                if not radars:
                    grade = _orbit_niirs(sensor, alt_m, passes.range_m[rows], passes.elevation_deg[rows])
                    niirs[rows] = np.fmax(niirs[rows], np.where(np.isfinite(span[0]), grade, np.nan))
    optical = by_day_s(optical, passes)
    niirs[np.isnan(optical[0])] = np.nan
    return Fitness(optical_s=optical, radar_s=radar, candidate_s=candidate, niirs=niirs)


def _widen(held: Float64s, more: Float64s) -> None:
    """Stretch spans (2, n) to hold others about the same peaks."""
    np.fmin(held[0], more[0], out=held[0])
    np.fmax(held[1], more[1], out=held[1])


def _orbit_niirs(sensor: Sensor, alt_m: float, range_m: Float64s, elevation_deg: Float64s) -> Float64s:
    """NIIRS of a published ground sample distance at a slant range, never above the scale."""
    if sensor.gsd_m is None:
        return np.full(range_m.shape, np.nan)
    size = gsd_weighted_m(sensor.gsd_m * range_m / alt_m, elevation_deg)
    return np.clip(niirs_giqe5(size, EDGE, SNR), 0.0, MOST_NIIRS)


def compare_site(
    view: BalloonView | None,
    coverage: Coverage,
    site: int,
    tables: Sequence[Sequence[Sensor]],
    *,
    fits: Mapping[int, Fitness] | None = None,
) -> Comparison:
    """Hold what a balloon could have seen of a site against what satellites could have.

    Parameters
    ----------
    view : what the balloon had; None where only the passes are asked for.
    coverage : the passes; `site` is the index of the site in them.
    fits : `fitness_of` the coverage, where it was computed before for other sites.

    Returns
    -------
    Findings `satellites.<site>.<quantity>` and a row for the section.
    """
    fits = fits or fitness_of(coverage, tables)
    every = counts_at(coverage, site, lambda p: fits[id(p)].candidate_s)
    optical = counts_at(coverage, site, lambda p: fits[id(p)].optical_s)
    radar = counts_at(coverage, site, lambda p: fits[id(p)].radar_s)
    best = _best_niirs(coverage, site, fits)
    where = coverage.computed.sites[site]
    teller = _Teller(where, coverage)
    _tell_orbit(teller, every, optical, radar, best)
    row = _orbit_row(where, coverage, every, optical, radar, best)
    if view is not None:
        pictured = counts_at(coverage, site, lambda p: fits[id(p)].picture_s(view.level))
        _tell_balloon(teller, row, view, every, pictured, best)
    row["finding_ids"] = [f.id for f in teller.findings]
    cameras = row["balloon"]["cameras"] if view is not None else ()
    row["sentences"] = _sentences(where, teller, cameras, "" if view is None else _graded(view))
    return Comparison(
        site=where, findings=tuple(teller.findings), row=row, every=every, optical=optical, radar=radar
    )


def fitness_of(coverage: Coverage, tables: Sequence[Sequence[Sensor]]) -> dict[int, Fitness]:
    """Return what the passes of a coverage and of its draws could have given, by identity of the search."""
    return {id(one): fitness(one, tables) for one in (coverage.computed, *coverage.drawn)}


def _best_niirs(coverage: Coverage, site: int, fits: Mapping[int, Fitness]) -> Float64s:
    """Best NIIRS from orbit in each account (D,), NaN where there is none."""
    computed = coverage.computed
    sure = (computed.site == site) & ~np.isin(computed.satellite, coverage.loose)
    held = np.fmax.reduce(fits[id(computed)].niirs[sure], initial=np.nan)
    if not coverage.drawn:
        return np.array([held])
    return np.array(
        [np.fmax.reduce(fits[id(one)].niirs[one.site == site], initial=held) for one in coverage.drawn]
    )


class _Teller:
    """Collects the findings of one site; `findings` is all that it changes."""

    def __init__(self, site: Site, coverage: Coverage | None) -> None:
        self.site, self.head = site, finding_head(PART, site.id)
        self.findings: list[Finding] = []
        if coverage is None:
            self.given = {"satellites": "none with elements"}
            self.limits = "there are no element sets near the window"
            return
        computed = coverage.computed
        timed = len(computed.orbits) - coverage.loose.size
        self.given = {
            "satellites": f"{len(computed.orbits)} with elements, {timed} with times known",
            "min_elevation_deg": f"{computed.min_elevation_deg:g}",
        }
        self.limits = f"geometry over level ground; {COULD}"

    def interval(
        self, quantity: str, question: str, unit: str, values: npt.ArrayLike,
        weight: npt.ArrayLike | None = None, reason: str = "",
    ) -> None:  # fmt: skip
        """Tell quantiles of values over accounts or members; undetermined where none is a number."""
        x = np.asarray(values, dtype=np.float64).ravel()
        w = np.ones(x.shape) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
        used = w[np.isfinite(x)]
        few = weight is not None and effective_members(used) < MIN_EFFECTIVE
        value = None if not used.size or few else quantile_value(x, w)
        told = reason or self.limits
        self.findings.append(
            Finding(
                id=f"{self.head}.{quantity}", question=question, unit=unit, value=value,
                kind="undetermined" if value is None else "interval",
                given=self.given, reason=told if value else f"nothing to tell it from; {told}",
            )
        )  # fmt: skip

    def probability(self, quantity: str, question: str, p: float | None, reason: str) -> None:
        """Tell a probability; undetermined where it is None."""
        self.findings.append(
            Finding(
                id=f"{self.head}.{quantity}", question=question, unit="1",
                kind="undetermined" if p is None else "probability",
                value=None if p is None else {"p": float(np.clip(p, 0.0, 1.0))}, given=self.given,
                reason=f"nothing to tell it from; {reason}" if p is None else reason,
            )
        )  # fmt: skip

    def value(self, quantity: str) -> Mapping[str, float | str] | None:
        """Return the value of a finding told before, None where it was not."""
        return next((f.value for f in self.findings if f.id == f"{self.head}.{quantity}"), None)


def _tell_orbit(tell: _Teller, every: Counts, optical: Counts, radar: Counts, best: Float64s) -> None:
    name = tell.site.name
    asks: tuple[tuple[str, str, str, Float64s], ...] = (
        ("passes", f"How often did satellites that may carry an imager pass {name}?", "1", every.passes),
        (
            "hours_in_view", f"How long was one satellite or more above {name}?", "h",
            every.any_s / HOUR_S,
        ),
        ("longest_pass", f"How long did one pass over {name} last at most?", "s", every.longest_pass_s),
        (
            "optical_passes", f"How often could a camera in orbit have seen {name} by day?", "1",
            optical.passes,
        ),
        (
            "optical_gap", f"How long could no camera in orbit have seen {name} by day, at most?", "h",
            optical.longest_gap_s / HOUR_S,
        ),
        ("radar_passes", f"How often could a radar in orbit have seen {name}?", "1", radar.passes),
    )  # fmt: skip
    for quantity, question, unit, values in asks:
        tell.interval(quantity, question, unit, values)
    tell.interval(
        "best_niirs", f"How sharp a picture of {name} could a camera in orbit have taken?", "niirs", best,
        reason=f"published ground sample distances, clear sky, sun up, ±{NIIRS_BAND:g}; {COULD}",
    )  # fmt: skip


def _tell_balloon(
    tell: _Teller, row: Row, view: BalloonView, every: Counts, pictured: Counts, best: Float64s
) -> None:
    name, accounts = view.site.name, every.passes.size
    weight = np.repeat(view.weight[:, None] / accounts, accounts, axis=1)
    seen = view.hours > 0.0
    alone = np.where(seen[:, None], np.minimum(only_balloon_h(view, every), view.hours[:, None]), np.nan)
    hours = _tell_hours(tell, view, alone, weight)
    tell.interval(
        "persistence",
        f"How many times longer could the balloon have seen {name} than satellites that may carry an imager "
        "were above?",
        "1", _ratio(hours, every), weight,
        reason=f"hours over hours, line of sight of both, of accounts with a pass; {tell.limits}",
    )  # fmt: skip
    if view.niirs:
        tell.interval(
            "orbit_picture_hours", f"How long could cameras in orbit have pictured {name}, {_graded(view)}?",
            "h", pictured.any_s / HOUR_S,
            reason=f"published ground sample distances, clear sky, sun up, within reach; {COULD}",
        )  # fmt: skip
    row["balloon"] = {
        "p_seen": float(view.weight[seen].sum() / view.weight.sum()),
        "hours": _quantiles(hours, view.weight),
        "only_hours": _quantiles(alone, weight),
        "cameras": [_camera(tell, view, camera, pictured, best, weight) for camera in view.niirs],
    }


def _tell_hours(tell: _Teller, view: BalloonView, alone: Float64s, weight: Float64s) -> Float64s:
    """Tell for how long the balloon had a site in view, and of that `alone`; return the first, of members."""
    name, hours = view.site.name, np.where(view.hours > 0.0, view.hours, np.nan)
    tell.interval(
        "balloon_hours", f"How long could the balloon have seen {name}?", "h", hours, view.weight,
        reason="of members that had it in view; line of sight only, by day and night",
    )  # fmt: skip
    tell.interval(
        "only_balloon_hours",
        f"How long could the balloon have seen {name} with no satellite above that may carry an imager?", "h",
        alone, weight, reason=f"of members that had it in view; line of sight of both; {tell.limits}",
    )  # fmt: skip
    return hours


def balloon_alone(view: BalloonView) -> tuple[tuple[Finding, ...], Row]:
    """Return findings and a row of what a flight had of a site, where nothing is known of satellites.

    What only the balloon could add stays open, and the row holds no orbit.
    """
    tell, name = _Teller(view.site, None), view.site.name
    seen = view.hours > 0.0
    hours = _tell_hours(tell, view, np.full(seen.shape, np.nan), view.weight)
    cameras = []
    for camera, own in view.niirs.items():
        tell.interval(
            f"best_niirs-{camera}", f"How sharp could the balloon have seen {name}, with {camera}?", "niirs",
            own, view.weight,
            reason="of members whose picture is assessed; camera assumed, clear sky, by day",
        )  # fmt: skip
        cameras.append(
            {
                "camera": camera,
                "p_assessed": float(view.weight[np.isfinite(own)].sum() / view.weight.sum()),
                "niirs": _quantiles(own, view.weight),
                "hours": _quantiles(view.picture_h[camera], view.weight),
                "gain": None,
                "p_compared": 0.0,
                "p_sharper": None,
            }
        )
    row: Row = {
        "id": view.site.id, "name": name, "orbit": None, "best_niirs": None, "accounts": 0,
        "sentences": _alone_sentences(view.site, tell),
        "balloon": {
            "p_seen": float(view.weight[seen].sum() / view.weight.sum()),
            "hours": _quantiles(hours, view.weight), "only_hours": None, "cameras": cameras,
        },
        "finding_ids": [f.id for f in tell.findings],
    }  # fmt: skip
    return tuple(tell.findings), row


def _alone_sentences(site: Site, tell: _Teller) -> list[Row]:
    hours = tell.value("balloon_hours")
    if not hours:
        return []
    text = f"The balloon, where it had {site.name} in view at all, had it for {_span(hours, 1)} h. "
    text += "What orbit had of it is not known: no element sets of these days are at hand."
    return [{"text": text, "finding_ids": [f"{tell.head}.balloon_hours"]}]


def sharpest_words(tables: Sequence[Sequence[Sensor]]) -> str:
    """Say how sharp the sharpest camera in orbit is of which figures are published; nothing where none is."""
    known = [
        (s.gsd_m, s)
        for table in tables
        for s in table
        if s.sensor_class == "optical" and s.gsd_m is not None and s.certainty != "assumed"
    ]
    if not known:
        return ""
    size, best = min(known, key=lambda one: one[0])
    grade = float(np.clip(niirs_giqe5(size, EDGE, SNR), 0.0, MOST_NIIRS))
    whose = f"{best.name or 'a camera'} of {best.pattern.strip(' *?')}"
    return (
        "How sharp a camera in orbit sees needs no elements: the sharpest in the table of sensors, whose "
        f"figures are published, {whose}, samples {size:g} m straight down, NIIRS {grade:.1f} ± "
        f"{NIIRS_BAND:g} under a clear sky. Whether one flew then, when it was above and how often, does."
    )


def _graded(view: BalloonView) -> str:
    return f"at NIIRS {view.level:g} or better"


def _ratio(hours: Float64s, counts: Counts) -> Float64s:
    """Hours (M,) over those of each account, (M, D); NaN where an account has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = hours[:, None] / (counts.any_s / HOUR_S)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _camera(
    tell: _Teller, view: BalloonView, camera: str, pictured: Counts, best: Float64s, weight: Float64s
) -> Row:
    """Tell of one assumed class of camera how it stands against pictures from orbit."""
    name, own = view.site.name, view.niirs[camera]
    hours = view.picture_h[camera]
    clear = "of members whose picture is assessed; camera assumed, clear sky, by day"
    tell.interval(
        f"picture_hours-{camera}",
        f"How long could the balloon have pictured {name}, {_graded(view)}, with {camera}?", "h",
        hours, view.weight, reason=clear,
    )  # fmt: skip
    tell.interval(
        f"picture_persistence-{camera}",
        f"How many times longer than cameras in orbit could the balloon have pictured {name}, "
        f"{_graded(view)}, with {camera}?",
        "1", _ratio(hours, pictured), weight,
        reason=f"hours over hours of pictures, of accounts with such a pass; {clear}; {COULD}",
    )  # fmt: skip
    # Where nothing is known from orbit to compare with, or the balloon's is not assessed, nothing is said.
    gain = own[:, None] - best[None, :]
    tell.interval(
        f"niirs_gain-{camera}",
        f"How much sharper than from orbit could the balloon have seen {name}, with {camera}?",
        "niirs", gain, weight,
        reason=f"of members whose picture is assessed; camera assumed, both ±{NIIRS_BAND:g}; {COULD}",
    )  # fmt: skip
    known = np.isfinite(gain)
    compared = float(weight[known].sum() / weight.sum())
    p = float(weight[gain > NIIRS_BAND].sum() / weight[known].sum()) if compared > 0.0 else None
    tell.probability(
        f"sharper-{camera}",
        f"Could the balloon have seen {name} sharper than any camera known in orbit, with camera {camera}?",
        p, f"by more than {NIIRS_BAND:g} NIIRS, given that both are assessed, which holds for "
        f"{percent(compared)} of the weight; camera assumed; {COULD}",
    )  # fmt: skip
    return {
        "camera": camera,
        "p_assessed": float(view.weight[np.isfinite(own)].sum() / view.weight.sum()),
        "niirs": _quantiles(own, view.weight),
        "hours": _quantiles(hours, view.weight),
        "gain": _quantiles(gain, weight),
        "p_compared": compared,
        "p_sharper": p,
    }


def only_balloon_h(view: BalloonView, counts: Counts) -> Float64s:
    """Return the hours (M, D) in which a member had the site in view and no satellite of `counts` had.

    Within a step of the flight the two are taken as independent of each other.
    """
    length = np.diff(view.time_s)
    free = np.stack([length - covered_s(m, view.time_s) for m in counts.intervals], axis=1)
    return np.asarray(view.share @ np.maximum(free, 0.0) / HOUR_S)


def _quantiles(values: Float64s, weight: Float64s) -> Row | None:
    if not np.isfinite(values).any():
        return None
    return dict(quantile_value(values, weight.ravel()))


def _orbit_row(
    site: Site, coverage: Coverage, every: Counts, optical: Counts, radar: Counts, best: Float64s
) -> Row:
    even = np.ones(every.passes.shape)
    told: tuple[tuple[str, Counts], ...] = (("all", every), ("optical", optical), ("radar", radar))
    return {
        "id": site.id,
        "name": site.name,
        "orbit": {
            key: {
                "passes": _quantiles(c.passes, even),
                "hours": _quantiles(c.any_s / HOUR_S, even),
                "longest_pass_s": _quantiles(c.longest_pass_s, even),
                "longest_gap_h": _quantiles(c.longest_gap_s / HOUR_S, even),
            }
            for key, c in told
        },
        "best_niirs": _quantiles(best, even),
        "accounts": coverage.draws,
        "balloon": None,
    }


def _sentences(site: Site, tell: _Teller, cameras: Sequence[Row], grade: str) -> list[Row]:
    """Sentences for the report, each with the findings it prints."""
    rows = []

    def say(text: str, *quantities: str) -> None:
        rows.append({"text": text, "finding_ids": [f"{tell.head}.{q}" for q in quantities]})

    passes, hours, optical = (tell.value(q) for q in ("passes", "hours_in_view", "optical_passes"))
    if passes and hours and optical:
        say(
            f"Satellites that may carry an imager passed over {site.name} {_span(passes)} times, with one "
            f"or more above it for {_span(hours, 1)} h; a camera in orbit could have seen it by day "
            f"{_span(optical)} times. "
            f"{SAID}.",
            "passes", "hours_in_view", "optical_passes",
        )  # fmt: skip
    own, alone = tell.value("balloon_hours"), tell.value("only_balloon_hours")
    if own and alone:
        say(
            f"The balloon could have seen it for {_span(own, 1)} h, of which {_span(alone, 1)} h with none "
            "of the satellites above that may carry an imager and whose elements are at hand: line of sight, "
            "by day and night. Every satellite without elements may take from that.",
            "balloon_hours", "only_balloon_hours",
        )  # fmt: skip
    orbit = tell.value("orbit_picture_hours")
    for camera in cameras:
        hours = tell.value(f"picture_hours-{camera['camera']}")
        if orbit and hours:
            say(
                f"Pictures {grade}, by day under a clear sky: with the assumed camera {camera['camera']} the "
                f"balloon could have taken them for {_span(hours, 1)} h where assessed "
                f"({percent(camera['p_assessed'])}), cameras in orbit for {_span(orbit, 2)} h.",
                f"picture_hours-{camera['camera']}", "orbit_picture_hours",
            )  # fmt: skip
        p = camera["p_sharper"]
        if p is not None:
            say(
                "A sharper picture than from any camera known in orbit, with the assumed camera "
                f"{camera['camera']}: {likelihood(p)} ({percent(p)}), where both are assessed "
                f"({percent(camera['p_compared'])}).",
                f"sharper-{camera['camera']}",
            )  # fmt: skip
    return rows


def _span(value: Mapping[str, float | str], places: int = 0) -> str:
    low, high = (f"{float(value[q]):.{places}f}" for q in ("p05", "p95"))
    return low if low == high else f"{low} to {high}"

"""When each site will be in view, with what probability: so that its operator can act before.

A window of a site is a run of steps of the ensemble's clock in each of which the flight is in view at some
moment with at least the least probability; runs that a short pause parts are one. A window begins when so
much of the ensemble has come into view and ends when so much is still to leave it. Its probability is that
of any view within it, which is more than that of any one moment: members come at different times.

Entry and exit lie between the samples of the ensemble where `view` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from overflight.errors import LimitError, OverflightError
from overflight.exposure.geometry import Refractivity
from overflight.exposure.looks import least_elevation_deg
from overflight.exposure.sight import PARTS, Refraction, air_of
from overflight.exposure.view import Block, Views, ensemble_blocks, view_sites
from overflight.places.masks import SiteMask
from overflight.places.sites import Site
from overflight.records import (
    MIN_EFFECTIVE,
    Finding,
    check_ensemble,
    effective_members,
    weighted_quantile,
)
from overflight.times import iso_utc, short_utc
from overflight.units import HOUR_S
from overflight.words import likelihood, percent

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Row = dict[str, Any]

LEAST_PROBABILITY: Final = 0.05
PAUSE_S: Final = 1800.0
# A calendar with more entries than this helps nobody.
MOST_WINDOWS: Final = 10_000
# Points of a site's line of probability in the result.
LINE_POINTS: Final = 240
LIMITS: Final = "Line of sight only: no cloud, night or intent is in it"
LEVEL: Final = (
    "No terrain: horizons are level, hills may hide more, and what a site on a height sees below its level "
    "plane is left out"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window of one site, times in POSIX seconds.

    `p` is the probability of any view within it, `p_peak` and `peak_s` the highest at one of the ensemble's
    times; `hours` (p05, p50, p95) in view and `highest_deg` (p50) are of the members in view within it, None
    where too few tell.
    """

    site: Site
    time_start: float
    time_end: float
    p: float
    p_peak: float
    peak_s: float
    hours: Mapping[str, float] | None
    highest_deg: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """Windows of all sites in order of time, and the probability of each site (S, T) at each time."""

    kind: str
    sites: tuple[Site, ...]
    windows: tuple[Window, ...]
    time_s: Float64s
    probability: Float64s
    least_probability: float
    given: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def outlook(self) -> bool:
        """Whether this is of a flight to come."""
        return self.kind == "forecast"


def schedule(
    ensemble: xr.Dataset,
    sites: Iterable[Site],
    *,
    min_elevation_deg: float | None = None,
    refraction: Refraction = "light",
    masks: Mapping[str, SiteMask] | None = None,
    least_probability: float = LEAST_PROBABILITY,
    pause_s: float = PAUSE_S,
) -> Schedule:
    """Find the windows in which each site has a flight in view.

    Parameters
    ----------
    ensemble : a flight ensemble, a forecast as a rule; of another kind it tells of the past.
    min_elevation_deg, refraction, masks : as in `sight.sight_windows`.
    least_probability : what is less probable than this makes no window; above 0, to 1.
    pause_s : runs parted by no more than this are one window.

    Raises
    ------
    OverflightError
        When the ensemble or a setting cannot be used.
    LimitError
        When there would be more than `MOST_WINDOWS`.
    """
    check_ensemble(ensemble)
    if not 0.0 < least_probability <= 1.0:
        raise OverflightError(
            f"a least probability of {least_probability} makes no schedule", remedy="Give 0.01 to 1."
        )
    chosen, known, air = tuple(sites), dict(masks or {}), air_of(refraction)
    time_s = ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
    views = view_sites(
        time_s, ensemble_blocks(ensemble), chosen, min_elevation_deg=min_elevation_deg, air=air, masks=known
    )
    windows: list[Window] = []
    for i, site in enumerate(chosen):
        for begin, end in _runs(views.during[i] >= least_probability, time_s, pause_s):
            part = _within(ensemble, time_s, site, begin, end, min_elevation_deg, air, known)
            windows.append(_window(site, part, views.probability[i, begin : end + 1], least_probability))
            if len(windows) > MOST_WINDOWS:
                raise LimitError(
                    f"there are more than {MOST_WINDOWS} windows", remedy="Ask for a higher probability."
                )
    windows.sort(key=lambda w: (w.time_start, w.site.id))
    return Schedule(
        kind=str(ensemble.attrs["kind"]),
        sites=chosen,
        windows=tuple(windows),
        time_s=time_s,
        probability=views.probability,
        least_probability=least_probability,
        given=_given(ensemble, refraction, min_elevation_deg, known),
        notes=_notes(views, known),
    )


def _runs(on: npt.NDArray[np.bool_], time_s: Float64s, pause_s: float) -> list[tuple[int, int]]:
    """First and last sample of runs of steps; steps (T - 1,) lie between samples (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        if runs and time_s[begin] - time_s[runs[-1][1]] <= pause_s:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((begin, end))
    return runs


def _within(
    ensemble: xr.Dataset,
    time_s: Float64s,
    site: Site,
    begin: int,
    end: int,
    min_elevation_deg: float | None,
    air: Refractivity,
    masks: Mapping[str, SiteMask],
) -> Views:
    """Return what the members had of one site between two samples."""
    part = slice(begin, end + 1)
    blocks = (
        Block(b.lon_deg[:, part], b.lat_deg[:, part], b.alt_m[:, part], b.weight)
        for b in ensemble_blocks(ensemble)
    )
    return view_sites(time_s[part], blocks, [site], min_elevation_deg=min_elevation_deg, air=air, masks=masks)


def _window(site: Site, part: Views, probability: Float64s, least: float) -> Window:
    seen, weight = part.seen[0], part.weight
    first, last, w = part.first_s[0, seen], part.last_s[0, seen], weight[seen]
    share = w / weight.sum()
    peak = int(np.argmax(probability))
    enough = effective_members(w) >= MIN_EFFECTIVE
    hours = weighted_quantile(part.in_view_s[0, seen] / HOUR_S, w, (0.05, 0.5, 0.95))
    return Window(
        site=site,
        time_start=_reached(first, share, least),
        time_end=-_reached(-last, share, least),
        p=min(float(share.sum()), 1.0),
        p_peak=float(probability[peak]),
        peak_s=float(part.time_s[peak]),
        hours=dict(zip(("p05", "p50", "p95"), hours.tolist(), strict=True)) if enough else None,
        highest_deg=float(weighted_quantile(part.highest_deg[0, seen], w, 0.5)) if enough else None,
    )


def _reached(value: Float64s, share: Float64s, least: float) -> float:
    """Smallest value at which so much of the weight has been reached."""
    order = np.argsort(value, kind="stable")
    total = np.cumsum(share[order])
    return float(value[order][min(int(np.searchsorted(total, least * (1.0 - 1e-9))), value.size - 1)])


def _given(
    ensemble: xr.Dataset,
    refraction: str,
    min_elevation_deg: float | None,
    masks: Mapping[str, SiteMask],
) -> Mapping[str, str]:
    asked = (
        "the horizon" if min_elevation_deg is None else f"{least_elevation_deg(min_elevation_deg, None):g}"
    )
    given = {"ensemble": str(ensemble.attrs["kind"]), "refraction": refraction, "min_elevation_deg": asked}
    if "winds" in ensemble.attrs:
        given["winds"] = str(ensemble.attrs["winds"])
    if masks:
        given["horizons"] = "; ".join(sorted({m.source or "as given" for m in masks.values()}))
    return given


def _notes(views: Views, masks: Mapping[str, SiteMask]) -> tuple[str, ...]:
    notes = [LIMITS + "."]
    if any(site.id not in masks for site in views.sites):
        notes.append(LEVEL + ".")
    if views.time_s.size < 2:
        notes.append("The ensemble has one time only, which makes no window.")
    elif views.aloft[-1] < 0.999 and views.aloft[-1] < views.aloft.max():
        notes.append(
            f"At the end {percent(float(views.aloft[-1]))} of the ensemble still flies; what has landed is "
            "in no one's view."
        )
    for site in views.sites:
        mask = masks.get(site.id)
        notes += [f"{site.name}: {note}." for note in (mask.notes if mask else ())]
    return tuple(notes)


# --- rows, findings, words -------------------------------------------------------------------------------


def window_words(window: Window, *, outlook: bool) -> str:
    """Return a window in one sentence, likelihood in the words of ICD 203."""
    had = "have" if outlook else "have had"
    begin, end = short_utc(window.time_start), short_utc(window.time_end)
    text = f"{window.site.name}: {likelihood(window.p)} ({percent(window.p)}) to {had} the flight in line of "
    text += f"sight between {begin} and {end}"
    if window.hours is not None:
        text += f", for {window.hours['p50']:.1f} h if at all"
    return text + "."


def window_id(window: Window, part: str) -> str:
    """Return the id of a window's finding: named after the hour it begins in."""
    return f"{part}.{_plain_id(window.site.id)}.window-{iso_utc(window.time_start)[:13].replace(':', '')}"


def schedule_findings(found: Schedule) -> list[Finding]:
    """Return one finding a window, of its probability."""
    part = PARTS[found.kind]
    verb = "Will" if found.outlook else "Did"
    told = (LIMITS,) if "horizons" in found.given else (LIMITS, LEVEL)
    limits = "; ".join(text[0].lower() + text[1:] for text in told)
    findings: dict[str, Finding] = {}
    for w in found.windows:
        begin, end = iso_utc(w.time_start), iso_utc(w.time_end)
        one = Finding(
            id=window_id(w, part),
            question=f"{verb} {w.site.name} have the flight in line of sight between {begin} and {end}?",
            kind="probability",
            unit="1",
            value={"p": w.p},
            given=found.given,
            reason=f"share of the ensemble with any view in the window; windows are of what has "
            f"{percent(found.least_probability)} or more; {limits}",
        )
        findings.setdefault(one.id, one)
    return list(findings.values())


def schedule_rows(found: Schedule) -> Row:
    """Return the schedule for `sections.exposure.schedule`: windows, lines of probability, notes."""
    part = PARTS[found.kind]
    every = np.unique(
        np.linspace(0, found.time_s.size - 1, min(found.time_s.size, LINE_POINTS)).round().astype(int)
    )
    return {
        "kind": found.kind,
        "least_probability": found.least_probability,
        "windows": [
            {**_row(w), "text": window_words(w, outlook=found.outlook), "finding_ids": [window_id(w, part)]}
            for w in found.windows
        ],
        "time_s": [round(float(t), 0) for t in found.time_s[every]],
        "lines": [
            {
                "site": s.id,
                "name": s.name,
                "lon_deg": s.lon_deg,
                "lat_deg": s.lat_deg,
                "p": [round(float(p), 4) for p in row],
            }
            for s, row in zip(found.sites, found.probability[:, every], strict=True)
        ],
        "notes": list(found.notes),
    }


def _row(w: Window) -> Row:
    return {
        "site": w.site.id,
        "name": w.site.name,
        "lon_deg": w.site.lon_deg,
        "lat_deg": w.site.lat_deg,
        "time_start": w.time_start,
        "time_end": w.time_end,
        "p": w.p,
        "likelihood": likelihood(w.p),
        "p_peak": w.p_peak,
        "peak_s": w.peak_s,
        "hours": None if w.hours is None else dict(w.hours),
        "max_elevation_deg": w.highest_deg,
    }


def _plain_id(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)

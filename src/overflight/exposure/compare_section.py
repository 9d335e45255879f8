"""`sections.satellites` of the result: sites, satellites with sensors and ages, passes, the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from overflight.exposure.compare import SAID, BalloonView, Comparison, fitness
from overflight.satellites.coverage import Coverage
from overflight.satellites.sensors import Sensor, sensors_of
from overflight.units import DAY_S

Row = dict[str, Any]

MOST_LISTED: Final = 40


def satellite_section(
    comparisons: Sequence[Comparison],
    coverage: Coverage,
    tables: Sequence[Sequence[Sensor]],
    *,
    views: Sequence[BalloonView] = (),
    refused: Sequence[str] = (),
) -> Row:
    """Return `sections.satellites`: sites, satellites with sensor and age, passes with times, the figure."""
    computed = coverage.computed
    return {
        "time_start": computed.time_start,
        "time_end": computed.time_end,
        "min_elevation_deg": computed.min_elevation_deg,
        "elements": _elements(coverage),
        "rows": [dict(c.row) for c in comparisons],
        "satellites": _satellites(coverage, tables),
        "passes": _passes(coverage, tables),
        "figure": _figure(comparisons, coverage, views),
        "refused": list(refused),
        "notes": _notes(coverage),
    }


def section_without(reason: str) -> Row:
    """Return the section where there are no element sets or no sites."""
    return {"rows": [], "satellites": [], "passes": [], "figure": None, "refused": [], "notes": [reason]}


def _elements(coverage: Coverage) -> Row:
    ages = np.array([t.age_s for t in coverage.timing]) / DAY_S
    return {
        "objects": len(coverage.timing),
        "timed": len(coverage.timing) - int(coverage.loose.size),
        "too_old": list(coverage.too_old),
        "age_d": None if not ages.size else [float(q) for q in np.percentile(ages, (0, 50, 100))],
    }


def _satellites(coverage: Coverage, tables: Sequence[Sequence[Sensor]]) -> list[Row]:
    rows = []
    for orbit, timing in zip(coverage.computed.orbits, coverage.timing, strict=True):
        carried = sensors_of(orbit.name, tables)
        rows.append(
            {
                "catalog": orbit.catalog,
                "name": orbit.name,
                "alt_m": orbit.sets[0].mean_alt_m,
                "epoch_s": [one.epoch_s for one in (orbit.sets[0], orbit.sets[-1])],
                "sets": len(orbit.sets),
                "age_d": timing.age_s / DAY_S,
                "band_s": timing.band_s,
                "timed": timing.timed,
                "sensors": [
                    {"class": s.sensor_class, "name": s.name, "gsd_m": s.gsd_m, "certainty": s.certainty,
                     "source": s.source}
                    for s in carried
                ],
            }
        )  # fmt: skip
    return rows


def _passes(coverage: Coverage, tables: Sequence[Sequence[Sensor]]) -> list[Row]:
    """The passes of each site whose times are known and that could have given most, in order of time."""
    computed = coverage.computed
    fit, timed, bands = fitness(computed, tables), computed.timed(), computed.bands_s()
    optical, radar = (np.isfinite(span[0]) for span in (fit.optical_s, fit.radar_s))
    rows = []
    for index, site in enumerate(computed.sites):
        mine = np.flatnonzero((computed.site == index) & timed & (optical | radar))
        best = mine[np.argsort(-np.nan_to_num(fit.niirs[mine], nan=-1.0), kind="stable")][:MOST_LISTED]
        for k in best[np.argsort(computed.rise_s[best], kind="stable")]:
            rows.append(
                {
                    "site": site.id,
                    "name": computed.orbits[computed.satellite[k]].name,
                    "rise_s": float(computed.rise_s[k]),
                    "set_s": float(computed.set_s[k]),
                    "peak_s": float(computed.peak_s[k]),
                    "band_s": float(bands[k]),
                    "elevation_deg": float(computed.elevation_deg[k]),
                    "niirs": None if np.isnan(fit.niirs[k]) else float(fit.niirs[k]),
                    "optical": bool(optical[k]),
                    "radar": bool(radar[k]),
                }
            )
    return rows


def _figure(comparisons: Sequence[Comparison], coverage: Coverage, views: Sequence[BalloonView]) -> Row:
    by_site: dict[str, BalloonView] = {v.site.id: v for v in views}
    return {
        "time_start": coverage.computed.time_start,
        "time_end": coverage.computed.time_end,
        "sites": [_figure_site(c, by_site.get(c.site.id), coverage) for c in comparisons],
    }


def _figure_site(one: Comparison, view: BalloonView | None, coverage: Coverage) -> Row:
    """One site of the figure: passes of the first account, and the balloon's probability in steps."""
    row: Row = {
        "id": one.site.id,
        "name": one.site.name,
        "optical": one.optical.intervals[0].T.tolist(),
        "radar": one.radar.intervals[0].T.tolist(),
        "drawn": bool(coverage.drawn),
        "balloon": None,
    }
    if view is not None:
        weight = view.weight / view.weight.sum()
        row["balloon"] = {"time_s": view.time_s.tolist(), "p": (weight @ view.share).tolist()}
    return row


def _notes(coverage: Coverage) -> list[str]:
    notes = [
        f"A pass is a satellite at {coverage.computed.min_elevation_deg:g} degrees or higher. "
        f"{SAID}: cloud, orders and what is not published are not in it.",
        "Counted are satellites below 2000 km that are not known to carry no imager; of those that may carry "
        "one, only sensors whose reach is published count as able to look.",
        "Sharpness from orbit is of published ground sample distances under a clear sky with the sun up.",
    ]
    if coverage.loose.size:
        notes.append(
            f"Of {coverage.loose.size} satellites the elements are too old for their height to say where in "
            "the orbit they were: these are counted by drawing their places, and no times are given."
        )
    if coverage.too_old:
        count = len(coverage.too_old)
        notes.append(
            f"{count} object{'s were' if count > 1 else ' was'} left out: all element sets at hand lie more "
            "than `max_age_days` from the window."
        )
    return notes

"""The report: one HTML file that opens offline, with no script, no font and no request of any kind.

What is printed is of four sorts, and each element says which it is:

- `statement`: a result, with `data-finding` naming the findings it prints;
- `quoted`: what a source said, with `data-evidence` naming the sighting or claim;
- `given`: an input or a setting of the run (the winds' stated error, the window, hashes);
- `product`: numbers drawn from the files that stand beside the report, with `data-product`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from overflight.places.areas import KIND_WORDS
from overflight.report import plots, summary, text
from overflight.report.book import Book
from overflight.report.claims_plots import claims_parts
from overflight.report.custody_section import custody_parts
from overflight.report.exposure_section import exposure_parts
from overflight.report.map import Borders, Layer, flight_map, make_layers
from overflight.report.programme_section import consequence_parts, programme_parts
from overflight.report.satellite_section import satellite_parts
from overflight.report.steer_section import steer_parts
from overflight.report.svg import tag
from overflight.report.symbols import SHAPES, symbol
from overflight.report.view import View, fit_view
from overflight.sightings.kinds import kind_info
from overflight.times import short_utc
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Result = Mapping[str, Any]

PRECISE_KM = 150.0  # reports placed better than this decide where the second map looks
_READINGS = (
    ("stated", "p_stated", "as stated"),
    ("afar", "p_afar", "seen from afar"),
    ("slip", "p_other_time", "at another time"),
    ("wrong", "p_mistaken", "mistaken"),
)


def write_report(
    result: Result, ensembles: Mapping[str, xr.Dataset], borders: Borders, path: str | Path
) -> None:
    """Write the report of a result as one HTML file, replacing `path` in one step.

    Parameters
    ----------
    result : the whole of `result.json` as Python values: run, inputs, sightings, findings, sections.
    ensembles : 'posterior', and where they exist 'forecast' and 'origin'.
    borders : (name, rings) of countries for the map; rings are (lon, lat) arrays, even-odd.

    Raises
    ------
    OverflightError
        When a section cites a finding that the result does not hold.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(report_html(result, ensembles, borders), encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def report_html(result: Result, ensembles: Mapping[str, xr.Dataset], borders: Borders) -> str:
    """Return the report as text; the same input gives the same text. See `write_report`."""
    sections = result["sections"]
    layers = make_layers(ensembles)
    readings = (sections.get("reconstruction") or {}).get("readings") or []
    by_id = {str(row["id"]): row for row in readings}
    sightings = list(result.get("sightings") or ())
    book = Book(result.get("findings") or ())
    page = _environment().get_template("report.html.j2")
    return page.render(
        result=result,
        s=sections,
        run=result.get("run") or {},
        inputs=result.get("inputs") or {},
        book=book,
        answer=summary.summary(sections),
        maps=_maps(layers, borders, sightings, by_id, str(sections["case"]["title"])),
        layer_names=[layer.name for layer in layers],
        height=plots.height_plot(_path_rows(sections), sightings, by_id),
        sightings={str(row["id"]): row for row in sightings},
        readings=_by_verdict(readings),
        rejected=_rejected(sightings, by_id),
        crossings=_with_strips((sections.get("crossings") or {}).get("rows") or (), sections["case"]),
        exposure=_site_strips((sections.get("exposure") or {}).get("rows") or (), sections["case"]),
        claims=_claims_by_topic(sections.get("claims") or {}),
        axis=plots.axis(float(sections["case"]["time_start"]), float(sections["case"]["time_end"])),
        path_days=_daily(_path_rows(sections)),
        steer=steer_parts(sections.get("steer"), borders),
        exposure_parts=exposure_parts(sections.get("exposure"), borders),
        satellites=satellite_parts(sections.get("satellites")),
        custody=custody_parts(sections.get("custody")),
        programme=programme_parts(sections.get("programme"), borders),
        consequences=consequence_parts(sections.get("consequences")),
        claims_drawn=claims_parts(sections.get("claims"), borders),
        account_rows=_account_rows(sections.get("custody") or {}, book),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("overflight.report"),
        autoescape=True,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "short": short_utc,
        "minute": text.day_time,
        "span": text.span,
        "interval": text.interval,
        "probability": text.probability,
        "percent": text.percent_of,
        "percent_to": text.percent_range_of,
        "share": _share,
        "number": text.number,
        "url": text.safe_url,
        "value": text.finding_value,
        "anchor": text.anchor,
        "stood": summary.stood,
        "crossing": summary.crossing_sentence,
        "area_kind": _area_kind,
        "kind": lambda kind: kind_info(str(kind)).label,
        "bar": reading_bar,
        "weight_bar": lambda row: plots.share_bar([("stated", str(row["title"]), float(row["weight"]))]),
    }
    environment.globals |= {"legend_symbols": _legend_symbols(), "reading_kinds": _READINGS}
    return environment


def _account_rows(section: Mapping[str, Any], book: Book) -> dict[str, str]:
    """Return what the account's bounds may rest on, with the place of the page that shows it, or ''.

    Beside its evidence these are the ceilings of hardware: `links`, `sensors` with or without a class, and
    `recorder`. What the sensors of a class can make is a finding; what a recorder holds is told nowhere.
    """
    if not section:
        return {}
    rows = {"links": "#" + text.anchor("a", "links") if section.get("ceilings") else ""}
    rows |= {"sensors": "", "recorder": ""}
    for name in {str(bound["class"]) for bound in section.get("bounds") or ()}:
        number = book.number.get(f"custody.{name}.could_collect")
        rows[f"sensors:{name}"] = f"#f{number}" if number else ""
    evidence = [str(row["id"]) for row in section.get("evidence") or ()]
    return rows | {one: "#" + text.anchor("a", one) for one in evidence}


def _share(share: float) -> str:
    """Write a share that may be far below a percent, or above the whole."""
    if share >= 1.0:
        return "all of it"
    return (
        text.percent_of(share)
        if share >= 0.01
        else f"1 in {text.number(round(1.0 / share))}"
        if share > 0.0
        else "none"
    )


def _area_kind(kind: Any) -> str:
    return next((words for name, words in KIND_WORDS.items() if name == kind), str(kind).replace("_", " "))


def _finalize(value: Any) -> Any:
    """Pass everything that a template prints through `clean`, except markup made here."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else text.clean(value)


def _legend_symbols() -> list[tuple[Markup, str]]:
    words = (
        "people and cameras",
        "authorities",
        "pilots",
        "satellites and instruments",
        "context, not fitted",
    )
    return [
        (
            tag(
                "svg",
                symbol(shape, 8, 8, 5, f"sight {'context' if shape == 'cross' else 'used'}"),
                class_="key",
                viewBox="0 0 16 16",
                aria_hidden="true",
            ),
            what,
        )
        for shape, what in zip(SHAPES, words, strict=True)
    ]


def reading_bar(reading: Mapping[str, Any]) -> Markup:
    """Draw the probabilities of the readings of one report as one bar."""
    shares = [(class_, words, float(reading.get(key) or 0.0)) for class_, key, words in _READINGS]
    return plots.share_bar(shares)


# --- maps -------------------------------------------------------------------------------------------------


def _maps(
    layers: Sequence[Layer],
    borders: Borders,
    sightings: Sequence[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
    title: str,
) -> list[dict[str, Any]]:
    whole = fit_view(*_extent(layers, sightings))
    views = [("map", whole, "The flight", DAY_S)]
    near = _dense_view(whole, layers, sightings, readings)
    views += [("near", near, "Where it was seen most", 6 * HOUR_S)] if near else []
    return [
        {
            "name": name,
            "svg": flight_map(
                view,
                layers,
                borders,
                sightings,
                readings,
                name=name,
                title=f"{heading}: {title}",
                description="Equal-area map of the 50 and 90 percent regions, the median path with dates, "
                "and the reported sightings; each sighting is a link to its row.",
                label_step_s=step_s,
            ),
        }
        for name, view, heading, step_s in views
    ]


def _extent(layers: Sequence[Layer], sightings: Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
    """Places the map must hold: the posterior's 90 % corridor, the other medians, precise sightings."""
    rings = [
        ring
        for layer in layers
        for moment in layer.regions
        for region in moment.regions
        for polygon in region.polygons
        for ring in polygon[:1]
        if layer.name == "posterior"
    ]
    tracks = [np.stack([t.lon_deg, t.lat_deg]) for layer in layers for t in layer.tracks]
    points = [np.array([[float(s["lon_deg"])], [float(s["lat_deg"])]]) for s in sightings if _precise(s)]
    places = np.concatenate([*rings, *points, *tracks], axis=1)
    return places[0], places[1]


def _precise(sighting: Mapping[str, Any]) -> bool:
    known = sighting.get("lon_deg") is not None and sighting.get("lat_deg") is not None
    return (
        known and float(sighting.get("radius_km") or 0.0) <= PRECISE_KM and sighting["role"] == "observation"
    )


def _dense_view(
    whole: View,
    layers: Sequence[Layer],
    sightings: Sequence[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
) -> View | None:
    """Return a closer sheet on the precise reports that were used; None when they fill the whole map."""
    used = [s for s in sightings if _precise(s) and readings.get(str(s["id"]), {}).get("used")]
    if len(used) < 6:
        return None
    lon, lat = (np.array([float(s[k]) for s in used]) for k in ("lon_deg", "lat_deg"))
    placed = whole.place(lon, lat)
    low, high = np.quantile(placed, [0.04, 0.96], axis=0)
    keep = ((placed >= low - 1e-9) & (placed <= high + 1e-9)).all(axis=1)
    view = fit_view(lon[keep], lat[keep], padding=0.12)
    return view if view.per_m > 1.6 * whole.per_m else None


# --- rows -------------------------------------------------------------------------------------------------


def _path_rows(sections: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((sections.get("reconstruction") or {}).get("path") or ())


def _daily(path: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows nearest to each 00 and 12 UTC, first and last included."""
    if not path:
        return []
    time_s = np.array([float(row["time_s"]) for row in path])
    marks = np.arange(np.ceil(time_s[0] / (DAY_S / 2)), np.floor(time_s[-1] / (DAY_S / 2)) + 1) * DAY_S / 2
    chosen = {0, len(path) - 1, *(int(np.abs(time_s - mark).argmin()) for mark in marks)}
    return [path[n] for n in sorted(chosen)]


def _by_verdict(readings: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    order = ("not at its word", "undecided", "at its word", "context")
    return {
        verdict: sorted(
            (row for row in readings if row["verdict"] == verdict),
            key=lambda row: (float(row["time_start"]), str(row["id"])),
        )
        for verdict in order
    }


def _rejected(
    sightings: Sequence[Mapping[str, Any]], readings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows that were not fitted or that carry a mark worse than a note, with the reasons."""
    rows = []
    for sighting in sightings:
        reading = readings.get(str(sighting["id"]), {})
        marks = reading.get("marks") or sighting.get("marks") or ()
        serious = [mark for mark in marks if mark.get("severity") != "note"]
        unused = not reading.get("used", False)
        if unused or serious:
            rows.append({"sighting": sighting, "marks": marks, "unused": unused})
    return rows


def _with_strips(rows: Sequence[Mapping[str, Any]], case: Mapping[str, Any]) -> list[dict[str, Any]]:
    start, end = float(case["time_start"]), float(case["time_end"])
    return [
        {
            "row": row,
            "strip": plots.strip(
                [("entry", row.get("entry")), ("exit", row.get("exit"))],
                start,
                end,
                f"{row['name']}: entry {text.interval(row.get('entry'), 'posix_s')}, "
                f"exit {text.interval(row.get('exit'), 'posix_s')}",
            ),
        }
        for row in rows
    ]


def _site_strips(rows: Sequence[Mapping[str, Any]], case: Mapping[str, Any]) -> list[dict[str, Any]]:
    start, end = float(case["time_start"]), float(case["time_end"])
    return [
        {
            "row": row,
            "strip": plots.strip(
                [("closest", row.get("closest_time"))],
                start,
                end,
                f"{row['name']}: closest {text.interval(row.get('closest_time'), 'posix_s')}",
            ),
        }
        for row in rows
    ]


def _claims_by_topic(section: Mapping[str, Any]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    topics: dict[str, list[Mapping[str, Any]]] = {}
    for row in section.get("rows") or ():
        topics.setdefault(str(row.get("topic") or "other"), []).append(row)
    contested = {
        topic: sum(bool(r.get("contradicts") or r.get("contradicted_by")) for r in rows)
        for topic, rows in topics.items()
    }
    return sorted(topics.items(), key=lambda item: (-contested[item[0]], item[0]))

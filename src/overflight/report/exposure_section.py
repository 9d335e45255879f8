"""What the report's section on exposure prints, from `sections.exposure` of the result.

The template (`templates/exposure.html.j2`) lays it out; every sentence and row names the findings it prints.
Could have been seen, could have been heard: nothing here says that anything was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overflight.report.exposure_plots import exposure_map, exposure_timeline
from overflight.report.map import Borders
from overflight.report.text import percent_of

Row = Mapping[str, Any]

# Windows and sites in the report; the result has more.
TOLD_WINDOWS: Final = 40
TOLD_SITES: Final = 24
WORDS: Final[Mapping[str, str]] = {"images": "seen", "signals": "heard"}


def exposure_parts(section: Row | None, borders: Borders) -> dict[str, Any] | None:
    """Return the section with its drawings; None where the result has none, or has rows of sight only."""
    if not section or "schedule" not in section:
        return None
    schedule = section["schedule"]
    told = told_sites(section)
    return {
        "section": section,
        "timeline": exposure_timeline(schedule),
        "map": exposure_map(section.get("figure"), borders),
        "windows": schedule["windows"][:TOLD_WINDOWS],
        "more_windows": max(len(schedule["windows"]) - TOLD_WINDOWS, 0),
        "outlook": schedule["kind"] == "forecast",
        "images": _by_site(section.get("images"), told, _image_row),
        "signals": _by_site(section.get("signals"), told, _signal_row_of(section.get("signals"))),
        "open": _open(section.get("unknown"), told),
        "untold": untold_sites(section, told),
        "notes": list(dict.fromkeys([*section["notes"], *schedule["notes"]])),
    }


def told_sites(section: Row) -> list[str]:
    """Return the ids of the sites that the tables have room for: the likeliest in line of sight."""
    rows = sorted(section["rows"], key=lambda row: -float(row["p_in_view"]))[:TOLD_SITES]
    kept = {row["site"] for row in rows if float(row["p_in_view"]) > 0.0}
    return [row["site"] for row in section["rows"] if row["site"] in kept]


def untold_sites(section: Row, told: list[str]) -> list[str]:
    """Say of which sites the tables are silent, and why."""
    left = [row for row in section["rows"] if row["site"] not in told]
    never = sum(float(row["p_in_view"]) == 0.0 for row in left)
    notes = []
    if never:
        notes.append(f"{never} of {len(section['rows'])} sites were never in line of sight of any member.")
    if len(left) > never:
        notes.append(
            f"{len(left) - never} more sites, less likely in line of sight than these, are in result.json."
        )
    return notes


def _by_site(part: Row | None, told: list[str], shape: Any) -> dict[str, Any] | None:
    """One of pictures and signals: a table for each site that is told, and its notes."""
    if not part:
        return None
    groups: dict[str, list[Row]] = {site: [] for site in told}
    for row in part["rows"]:
        if row["site"] in groups:
            groups[row["site"]].append(shape(row))
    return {"sites": [rows for rows in groups.values() if rows], "notes": part.get("notes", ())}


def _image_row(row: Row) -> dict[str, Any]:
    """One class of camera at one site; what is not assessed in words."""
    left = [f"{hours:.1f} h: {_reason(why)}" for why, hours in row["not_assessed"].items() if hours >= 0.05]
    return {**row, "left": left, "graded": _graded(row), "in_words": _in_words(row)}


def _reason(why: str) -> str:
    return why.removeprefix("not assessed: ")


def _graded(row: Row) -> str:
    """In how much of the ensemble a picture can be graded, empty where in all."""
    share = float(row["p_assessed"])
    return "" if share > 0.995 or row["best_niirs"] is None else f"where assessed, {percent_of(share)}"


def _in_words(row: Row) -> str:
    """What the best picture tells, out of 'NIIRS 6.8 ± 0.5 (cars …)'; where there is none, why."""
    if row["best_niirs"] is None:
        return _reason(str(row["status"])) if row["status"] != "assessed" else "no picture that can be graded"
    return str(row["best_words"]).partition("(")[2].removesuffix(")")


def _signal_row_of(part: Row | None) -> Any:
    orbits: dict[tuple[str, str], Row] = {}
    for orbit in (part or {}).get("orbits", ()):
        orbits.setdefault((orbit["site"], orbit["emitter"]), orbit)

    def shape(row: Row) -> dict[str, Any]:
        """One class of emitter at one site, and the same emitter from the first of the orbits."""
        return {**row, "orbit": orbits.get((row["site"], row["emitter"]))}

    return shape


def _open(part: Row | None, told: list[str]) -> dict[str, Any] | None:
    """What stays open: a row a site and kind over all classes, and the sentences of each class."""
    if not part:
        return None
    rows = [row for row in part["rows"] if row["site"] in told]
    classes: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["site"], row["kind"])
        classes[key] = classes.get(key, 0) + 1
    whole = [row for row in rows if row["of"] == "all" or classes[row["site"], row["kind"]] == 1]
    return {
        "rows": [{**row, "asked": WORDS[row["kind"]]} for row in whole],
        "sentences": [row for row in rows if row not in whole],
        "notes": part.get("notes", ()),
    }

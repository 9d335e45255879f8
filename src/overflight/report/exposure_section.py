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
NO_PICTURE: Final = "no picture that can be graded"
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
    """Return the ids of the sites that the tables have room for: the likeliest in line of sight or heard.

    A strong emitter is heard from past the horizon, so a site counts by the larger of the two.
    """
    chance = _chances(section)
    kept = set(sorted(chance, key=lambda site: -chance[site])[:TOLD_SITES])
    return [row["site"] for row in section["rows"] if row["site"] in kept and chance[row["site"]] > 0.0]


def _chances(section: Row) -> dict[str, float]:
    """By site, the larger of the chances of line of sight and of any of its emitters at the bound."""
    chance = {row["site"]: float(row["p_in_view"]) for row in section["rows"]}
    for row in (section.get("signals") or {}).get("rows", ()):
        if row["site"] in chance:
            chance[row["site"]] = max(chance[row["site"]], float(row["p_bound"]))
    return chance


def untold_sites(section: Row, told: list[str]) -> list[str]:
    """Say of which sites the tables are silent, or have no pictures, and why."""
    rows, chance = section["rows"], _chances(section)
    left = [row for row in rows if row["site"] not in told]
    never = sum(chance[row["site"]] == 0.0 for row in left)
    lit = {one["site"] for one in (section.get("images") or {}).get("rows", ()) if one["p_in_sight"] > 0.0}
    past = sum(row["site"] in told and not row["p_in_view"] and row["site"] not in lit for row in rows)
    notes = []
    if never:
        heard = ", and heard at no bound" if section.get("signals") else ""
        notes.append(f"{never} of {len(rows)} sites were never in line of sight of any member{heard}.")
    if past:
        notes.append(
            f"{past} of {len(rows)} sites were never in line of sight, but could have been heard at the "
            "bound from behind or past the horizon: they have a table of signals and none of pictures."
        )
    if len(left) > never:
        notes.append(
            f"{len(left) - never} more sites, less likely in line of sight or heard than these, are in "
            "result.json."
        )
    return notes


def _by_site(part: Row | None, told: list[str], shape: Any) -> dict[str, Any] | None:
    """One of pictures and signals: a table for each site that is told, and its notes.

    A site that no camera had in line of sight has no table of pictures: all of it would be empty.
    """
    if not part:
        return None
    groups: dict[str, list[Row]] = {site: [] for site in told}
    for row in part["rows"]:
        if row["site"] in groups and row.get("p_in_sight") != 0.0:
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
        if row["status"] != "assessed":
            return _reason(str(row["status"]))
        share = float(row["p_assessed"])
        return f"too few members to say: graded in {percent_of(share)}" if share > 0.0 else NO_PICTURE
    return str(row["best_words"]).partition("(")[2].removesuffix(")")


def _signal_row_of(part: Row | None) -> Any:
    orbits: dict[tuple[str, str], Row] = {}
    for orbit in (part or {}).get("orbits", ()):
        orbits.setdefault((orbit["site"], orbit["emitter"]), orbit)
    by_site: dict[str, list[Row]] = {}
    for row in (part or {}).get("rows", ()):
        by_site.setdefault(row["site"], []).append(row)
    past = {site: _past_words(rows) for site, rows in by_site.items()}

    def shape(row: Row) -> dict[str, Any]:
        """One class of emitter at one site, and the same emitter from the first of the orbits.

        A result of an earlier version has no word on receiver, tuning and what lies past the horizon.
        """
        return {
            "receiver": "",
            "tuned": True,
            **row,
            "past_words": past[row["site"]],
            "orbit": orbits.get((row["site"], row["emitter"])),
        }

    return shape


def _past_words(rows: list[Row]) -> str:
    """What the bounds of a site know past the horizon; where they differ, whose each is."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if row.get("past"):
            names.setdefault(row["past"], []).append(row["emitter_name"])
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{words} ({', '.join(who)})" for words, who in names.items())


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

"""What the report's sections on the programme and on consequences print.

From `sections.programme` and `sections.consequences` of the result. The template
(`templates/programme.html.j2`) lays them out; every sentence and row names the findings it prints, or the row
of the catalogue or the claim that it quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from overflight.report.map import Borders
from overflight.report.programme_plots import (
    counts_plot,
    origins_map,
    programme_map,
    timeline_plot,
    years_plot,
)
from overflight.report.text import percent_of

Row = Mapping[str, Any]

MOST_NAMES: Final = 12  # countries in the table; the result has all


def programme_parts(section: Row | None, borders: Borders) -> dict[str, Any] | None:
    """Return the section with its drawings; None where the result has none."""
    if not section:
        return None
    return {
        "section": section,
        "map": programme_map(section, borders),
        "origins": origins_map(section, borders),
        "counts": counts_plot(section),
        "years": years_plot(section),
        "tallies": [(key, section["tallies"][key][:MOST_NAMES]) for key in ("continent", "country")],
        "apart": [f for f in section["flights"] if f["apart"]],
        "open": [f for f in section["flights"] if f["what_would_tell"] and not f["apart"]],
        "alike": [{**pair, "why": _why(pair)} for pair in section["alike"]],
        "range": count_range,
        "row_ids": frozenset(str(row["id"]) for row in section["rows"]),
    }


def _why(pair: Row) -> str:
    reasons = "; ".join(str(r["text"]) for r in pair["reasons"])
    unknown = ", ".join(str(name) for name in pair["unknown"])
    return f"{reasons}. Unknown: {unknown or 'nothing'}."


def consequence_parts(section: Row | None) -> dict[str, Any] | None:
    """Return the timeline with its drawing; None where nothing happened that is known."""
    if not section or not section.get("events"):
        return None
    return {"section": section, "plot": timeline_plot(section)}


def count_range(low: float, high: float | None, open_above: bool = False) -> str:
    """Return a count as text: '5', '2 to 7', 'at least 24', '2 to 9 or more'."""
    if high is None:
        return f"at least {low:g}"
    numbers = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{numbers} or more" if open_above else numbers


def programme_lines(section: Row) -> list[str]:
    """Return the section as lines for a terminal."""
    counts = section["counts"]
    lines = [str(sentence["text"]) for sentence in section["sentences"]]
    lines += ["", f"Flights into {section['area']}, by definition"]
    for row in counts["rows"]:
        span = count_range(row["low"], row["high"], row["open_above"])
        lines.append(f"  {row['definition_words']}, {row['reach']}: {span}")
    if counts["statements"]:
        lines += ["", "What sources state"]
        lines += [f"  {_statement(row)}" for row in counts["statements"]]
    if section["world"]["statements"]:
        lines += ["", "And of the whole programme"]
        for row in section["world"]["statements"]:
            then = row["by_then"]
            by_then = f" (the catalogue by then: {count_range(then['low'], then['high'])})" if then else ""
            lines.append(f"  {_statement(row)}{by_then}")
    for key in ("continent", "country", "year"):
        lines += ["", f"By {key}, attributed; with suspected"]
        for row in section["tallies"][key][:MOST_NAMES]:
            both = "; ".join(count_range(*row[reach]) for reach in ("attributed", "suspected"))
            lines.append(f"  {row['name']}: {both}")
    if section["bad_times"]:
        lines += ["", "Times that are not used"]
        lines += [f"  {row['id']}: {row['reason']}" for row in section["bad_times"]]
    if apart := [f for f in section["flights"] if f["apart"]]:
        lines += ["", "Kept apart, never counted"]
        lines += [f"  {f['id']}: {f['words']} ({f['why']})" for f in apart]
    if origins := section["origins"]:
        lines += ["", "From one place?"]
        lines += [f"  {sentence['text']}" for sentence in origins["sentences"]]
        lines += [f"  {f['name']}: {percent_of(f['p'])} from it; {f['how']}" for f in origins["flights"]]
        lines += [f"  {one['flight']} is left out: {one['why']}" for one in origins["left_out"]]
        lines += [f"  {text}" for text in origins["notes"]]
    if section["alike"]:
        lines += ["", "Of one design?"]
        lines += [f"  {p['a']} and {p['b']}: {percent_of(p['p'])}. {_why(p)}" for p in section["alike"]]
    return [*lines, "", *section["notes"]]


def _statement(row: Row) -> str:
    marks = [f"repeats {', '.join(row['repeats'])}"] if row["repeats"] else []
    marks += ["says there was none"] if row["denies"] else []
    marks += ["counts what came before"] if row["earlier"] else []
    marks += ["read from the words"] if row["by_words"] else []
    unit = "" if row["unit"] == "flights" else f" {row['unit']}"
    aside = f" ({', '.join(marks)})" if marks else ""
    return (
        f"{row['id']} {row['who']}, {row['date'] or 'undated'}: {row['words']}{unit}; where: "
        f"{row['definition_words']}{aside}: “{row['text']}”"
    )

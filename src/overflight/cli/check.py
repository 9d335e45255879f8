"""`overflight check`: read everything of a case, say what is in it, what is doubtful and what is missing."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from overflight.cli.options import AsJson, CaseFolder
from overflight.cli.screen import say, say_json
from overflight.cli.winds import chosen_facts
from overflight.errors import OverflightError

if TYPE_CHECKING:
    from overflight.pipeline import Inputs
    from overflight.records import Sighting

HOUR_S = 3600.0
# A report whose time is known no better than this does not close a gap.
DATED_S = 12 * HOUR_S
GAP_S = 24 * HOUR_S
GAPS_TOLD = 3
WIDTH = 100


def check_case(
    case: CaseFolder,
    as_json: AsJson = False,
) -> None:
    """Check a case and explain it, without assessing it.

    Lists the sightings by what they are good for, every mark with its reason, the rival accounts, the winds
    that would be used, and what is missing. Exits with 1 and says why when the case cannot be used.

    \b
    overflight check my-case
    overflight check my-case --json | jq .missing
    """
    from overflight.pipeline import read_inputs

    try:
        inputs = read_inputs(case)
        facts = facts_of(inputs, chosen_facts(inputs))
    except OverflightError as error:
        if as_json:
            say_json({"usable": False, "error": str(error)})
        raise
    if as_json:
        say_json(facts)
        return
    for line in lines_of(facts):
        say(line)
    say(f"Usable. Next: overflight assess {case} --out DIR")


def facts_of(inputs: Inputs, winds: dict[str, Any]) -> dict[str, Any]:
    """Return what there is to say about a case, ready for JSON. `winds` as from `chosen_facts`."""
    from overflight.times import iso_utc

    case, sightings = inputs.case, inputs.sightings
    return {
        "usable": True,
        "title": case.title,
        "window": [iso_utc(case.time_start), iso_utc(case.time_end)],
        "sightings": {
            "all": len(sightings),
            "fitted": sum(s.fitted for s in sightings),
            "observations_not_fitted": [s.id for s in sightings if s.role == "observation" and not s.fitted],
            "context": [s.id for s in sightings if s.role == "context"],
            "kinds": dict(sorted(Counter(s.kind for s in sightings).items())),
        },
        "marks": [
            {"sighting": s.id, "severity": m.severity, "code": m.code, "reason": m.reason}
            for s in sightings
            for m in s.marks
        ],
        "hypotheses": [
            {"id": h.id, "group": h.group, "title": h.title, "weight": h.weight,
             "accepts": list(h.accepts), "rejects": list(h.rejects)}
            for h in case.hypotheses
        ],
        "scenarios": len(inputs.scenarios),
        "winds": winds,
        "sites": len(inputs.sites),
        "claims": len(inputs.claims),
        "areas": [area.id for area in inputs.areas],
        "missing": missing(inputs, winds["used"]),
    }  # fmt: skip


def missing(inputs: Inputs, winds_used: str) -> list[str]:
    """Return what the case lacks and what that costs, a sentence each."""
    said = []
    if winds_used == "prior":
        said.append(
            "No winds of these days: the climatological prior answers widely and cannot tell drift from "
            "steering. Put a NetCDF, Zarr or GRIB file into winds/, or: overflight winds get CASE"
        )
    fitted = [s for s in inputs.sightings if s.fitted]
    if not any(s.alt_low_m is not None or s.alt_high_m is not None for s in fitted):
        said.append("No report gives a height: the level of the flight comes from the prior alone.")
    said += [
        f"No report timed to half a day from {first} to {last} ({hours:.0f} h): the path is loose there."
        for first, last, hours in gaps(fitted)
    ]
    if not inputs.sites:
        said.append("No sites: nothing is said about lines of sight.")
    if not inputs.claims:
        said.append("No claims: nothing is said about who said what.")
    return said


def gaps(sightings: Sequence[Sighting]) -> list[tuple[str, str, float]]:
    """Return the longest gaps after the first report between those timed well: from, to, hours."""
    from overflight.times import short_utc

    dated = sorted((s.time_start, s.time_end) for s in sightings if s.time_end - s.time_start <= DATED_S)
    found, reached = [], min((s.time_end for s in sightings), default=0.0)
    for start, end in dated:
        if start - reached > GAP_S:
            found.append((start - reached, reached, start))
        reached = max(reached, end)
    return [(short_utc(a), short_utc(b), size / HOUR_S) for size, a, b in sorted(found)[::-1][:GAPS_TOLD]]


def lines_of(facts: dict[str, Any]) -> list[str]:
    """Return the lines that tell a person what `facts_of` found."""
    seen = facts["sightings"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in seen["kinds"].items())
    lines = [
        facts["title"],
        f"  window     {facts['window'][0]} to {facts['window'][1]}",
        f"  sightings  {seen['all']}: fitted {seen['fitted']}, "
        f"not fitted {len(seen['observations_not_fitted'])}, context {len(seen['context'])}",
        *_wrapped("  kinds      ", kinds),
    ]
    if seen["observations_not_fitted"]:
        lines += _wrapped("  not fitted ", ", ".join(seen["observations_not_fitted"]))
    if seen["context"]:
        lines += _wrapped("  context    ", f"{', '.join(seen['context'])} (shown, never fitted)")
    lines.append(
        f"  besides    {facts['sites']} sites, {facts['claims']} claims, {len(facts['areas'])} areas"
    )
    lines += ["", f"Marks: {len(facts['marks']) or 'none'}"]
    lines += [f"  {m['sighting']:<8} {m['severity']:<9} {m['code']}: {m['reason']}" for m in facts["marks"]]
    lines += ["", f"Rival accounts: {len(facts['hypotheses']) or 'none'}; scenarios {facts['scenarios']}"]
    lines += [
        f"  {h['group']:<8} {h['id']:<16} weight {h['weight']:g}: {h['title']}{_believes(h)}"
        for h in facts["hypotheses"]
    ]
    winds = facts["winds"]
    lines += ["", f'Winds: {winds["title"]} (source = "{winds["source"]}")']
    lines += [line for text in winds["notes"] for line in _wrapped("  ", text)]
    lines += ["", f"Missing: {'' if facts['missing'] else 'nothing'}".rstrip()]
    return [*lines, *(line for text in facts["missing"] for line in _wrapped("  ", text)), ""]


def _wrapped(label: str, text: str) -> list[str]:
    """Break a long line at blanks; what follows stands under the text."""
    return textwrap.wrap(text, WIDTH, initial_indent=label, subsequent_indent=" " * len(label)) or [label]


def _believes(hypothesis: dict[str, Any]) -> str:
    parts = [
        f"{verb} {', '.join(hypothesis[key])}"
        for verb, key in (("takes", "accepts"), ("leaves", "rejects"))
        if hypothesis[key]
    ]
    return f" ({'; '.join(parts)})" if parts else ""

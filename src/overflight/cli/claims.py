"""`overflight claims`: read, show, edit and hand on who said what, and ask what was held on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight.cli.claims_review import extract, review
from overflight.cli.options import AsJson
from overflight.cli.screen import note, say, say_json
from overflight.errors import CaseError, InputError, OverflightError

if TYPE_CHECKING:
    from overflight.claims.contradictions import Stance
    from overflight.claims.records import Claim, Flag
    from overflight.claims.table import ClaimTable

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Who said what: extract, review, import, show, edit, weigh.",
)

app.command("extract")(extract)
app.command("review")(review)

ClaimsArgument = Annotated[
    Path, typer.Argument(metavar="CLAIMS", help="A claims table (CSV), or a STIX 2.1 bundle (.json).")
]
CustomOption = Annotated[
    bool, typer.Option("--custom", help="Let properties of a STIX bundle pass that are not of the standard.")
]


@app.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Claims tables (CSV) and STIX 2.1 bundles (.json)."),
    ],
    out: Annotated[Path, typer.Option(help="The table to write; it must not be there yet.")],
    custom: CustomOption = False,
) -> None:
    """Check claims and put them into one table; what is doubtful in them is listed.

    A single table comes out byte for byte as it went in. Ids must differ between files, and claims must not
    supersede or repeat one another in a circle.

    \b
    overflight claims import claims.csv bundle.json --out all.csv
    """
    from overflight.claims.flags import all_flags
    from overflight.claims.relations import refuse_cycles
    from overflight.claims.table import table_bytes

    table = _joined([_table(path, custom) for path in files])
    refuse_cycles(table)
    _write_new(out, table_bytes(table))
    say(f"{out}: {len(table.claims)} claims")
    for line in _flag_lines(all_flags(table.claims)):
        note(line)


@app.command("show")
def show(
    claims: ClaimsArgument,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Only these, each with all that is known.")
    ] = None,
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="Only claims on this topic.")] = "",
    flags: Annotated[bool, typer.Option("--flags", help="Only what a person should look at.")] = False,
    custom: CustomOption = False,
    as_json: AsJson = False,
) -> None:
    """Print claims: when, who, what, and what speaks against them.

    \b
    overflight claims show claims.csv --topic collection
    overflight claims show claims.csv C062
    overflight claims show claims.csv --flags
    """
    from overflight.claims.contradictions import contradictions
    from overflight.claims.flags import all_flags

    every = _table(claims, custom).claims
    chosen = _chosen(every, ids or [], topic)
    wanted = {c.id for c in chosen}
    found = [f for f in all_flags(every) if wanted & set(f.claims)]
    if as_json:
        stances = contradictions(every)
        rows = [] if flags else [_row(c, stances[c.id]) for c in chosen]
        listed = [{"code": f.code, "claims": list(f.claims), "reason": f.reason} for f in found]
        say_json({"claims": rows, "flags": listed})
    elif flags:
        for line in _flag_lines(found):
            say(line)
    else:
        stances = contradictions(every)
        for claim in chosen:
            _show(claim, stances[claim.id], whole=bool(ids))
        for line in _flag_lines(found) if ids else ():
            say(line)


@app.command("edit")
def edit(
    claims: Annotated[Path, typer.Argument(metavar="CLAIMS", help="A claims table (CSV).")],
    id_: Annotated[str, typer.Argument(metavar="ID", help="The claim to change; a new id adds a claim.")],
    cells: Annotated[
        list[str], typer.Argument(metavar="COLUMN=VALUE...", help="What to set; an empty value takes it out.")
    ],
    out: Annotated[Path, typer.Option(help="The table to write; it must not be there yet.")],
) -> None:
    """Set columns of one claim; every other row of the table keeps its bytes.

    The table is written anew beside the old one, which stays: what was corrected can be seen.

    \b
    overflight claims edit claims.csv C062 verb=did_collect answer=no reliability=B --out claims-2.csv
    """
    from overflight.claims.cells import read_cells, write_cells
    from overflight.claims.table import changed_table, table_bytes

    table = _table(claims, custom=False)
    before = {c.id: c for c in table.claims}
    named = write_cells(before[id_]) if id_ in before else {"id": id_, "date": "", "claimant": ""}
    for cell in cells:
        column, is_pair, value = cell.partition("=")
        if not is_pair or not column.strip() or column.strip() == "id":
            raise InputError(
                f"'{cell[:60]}' sets no column", remedy="Write COLUMN=VALUE; an id cannot change."
            )
        _check_column(column.strip(), table)
        named[column.strip()] = value.strip()
    changed = read_cells(named, file=table.file)
    kept = [changed if c.id == id_ else c for c in table.claims]
    _write_new(out, table_bytes(changed_table(table, kept if id_ in before else [*kept, changed])))
    say(str(out))


@app.command("export")
def export(
    claims: ClaimsArgument,
    out: Annotated[Path, typer.Option(help="The file to write: .csv a table, .json a STIX 2.1 bundle.")],
    verbs: Annotated[
        bool, typer.Option("--verbs", help="Fill in verb and answer where words tell them, for you to check.")
    ] = False,
    custom: CustomOption = False,
) -> None:
    """Write claims as a table or as a STIX 2.1 bundle, without loss.

    \b
    overflight claims export claims.csv --out claims.json
    overflight claims export claims.csv --verbs --out typed.csv
    """
    from overflight.claims.table import changed_table, table_bytes

    table = _table(claims, custom)
    if verbs:
        table = changed_table(table, [_with_verbs(c) for c in table.claims])
    if out.suffix.lower() == ".json":
        from overflight.claims.stix import to_stix

        _write_new(out, to_stix(table.claims).encode("utf-8"))
    else:
        _write_new(out, table_bytes(table))
    say(str(out))


@app.command("state")
def state_(
    claims: ClaimsArgument,
    on: Annotated[str, typer.Option(metavar="DATE", help="The day or the time, such as 2023-05-01.")],
    custom: CustomOption = False,
    as_json: AsJson = False,
) -> None:
    """Print what was held on a day: could it collect, did it, could it send, did it; by whom, on how much.

    Overtaken claims are not held any more, repetitions are no sources, and what has no date is not counted.
    It says what was held, not what is so.

    \b
    overflight claims state claims.csv --on 2023-05-01
    """
    from overflight.claims.answers import state_row
    from overflight.claims.questions import state_lines, states

    every = _table(claims, custom).claims
    found = states(every, on)
    if as_json:
        say_json({"on": on, "questions": [state_row(one) for one in found]})
        return
    for one in found:
        for line in state_lines(one, every):
            say(line)


@app.command("ach")
def ach(
    matrix: Annotated[
        Path | None,
        typer.Argument(metavar="[MATRIX]", help="A CSV: item, then a column a hypothesis (CC C N I II NA)."),
    ] = None,
    claims: Annotated[
        Path | None, typer.Option(metavar="CLAIMS", help="The claims that items are named after.")
    ] = None,
    question: Annotated[
        str, typer.Option(metavar="QUESTION", help="Weigh yes against no: could_collect, did_collect ...")
    ] = "",
    custom: CustomOption = False,
    as_json: AsJson = False,
) -> None:
    """Weigh competing hypotheses: what speaks against each, which items tell, on which one the order hangs.

    Give a matrix, or the claims and one of the four questions.

    \b
    overflight claims ach matrix.csv --claims claims.csv
    overflight claims ach --claims claims.csv --question did_collect
    """
    from overflight.claims.answers import weighing_row
    from overflight.claims.matrixfile import read_matrix
    from overflight.claims.weighing import question_matrix, weigh, weighing_lines
    from overflight.times import iso_utc

    every = _table(claims, custom).claims if claims is not None else ()
    if (matrix is None) == (not question) or (question and claims is None):
        raise OverflightError("there is no matrix", remedy="Give MATRIX, or --claims and --question.")
    made = question_matrix(every, _question(question)) if matrix is None else read_matrix(matrix, every)
    found = weigh(made)
    if as_json:
        say_json(weighing_row(found))
        return
    for line in weighing_lines(found):
        say(line)
    names = "  ".join(found.matrix.hypotheses)
    say(f"As items came ({names}):")
    for step in found.steps:
        scores = "  ".join(f"{score:.2f}" for score in step.scores)
        say(f"  {iso_utc(step.said_s)}  {scores}  {step.item}")


@app.command("strayed")
def strayed(
    case: Annotated[
        Path | None,
        typer.Argument(metavar="[CASE]", help="A case whose [ask.strayed], areas and winds to take."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="LON,LAT|AREA", help="Where they are let go; or a country's code."),
    ] = None,
    place: Annotated[str | None, typer.Option(metavar="NAME", help="The launch place in words.")] = None,
    radius_km: Annotated[float | None, typer.Option(metavar="KM", help="How far about it; 50.")] = None,
    month: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="The month of the launches.")] = None,
    area: Annotated[
        str | None, typer.Option(metavar="AREA", help="What they are to reach: a country, by code or name.")
    ] = None,
    days: Annotated[float | None, typer.Option(metavar="D", help="How long they fly; 14 days.")] = None,
    level_m: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Between which levels, m; 16000,20000.")
    ] = None,
    members: Annotated[int | None, typer.Option("--members", "-n", metavar="N", help="Flights; 320.")] = None,
    launches: Annotated[int | None, typer.Option(metavar="N", help="Launch times in the month; 16.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of the random numbers; 1.")] = None,
    winds: Annotated[
        list[Path] | None,
        typer.Option("--winds", "-w", metavar="FILE", help="Winds of the month; repeat it. Else the prior."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count how often a balloon that nobody steers, let go at a place in a month, reaches an area.

    The number beside "it strayed by force majeure". In winds that cover the month it is a number of that
    month; else of the climatology, for such months in general. Options go before what the case says.

    \b
    overflight claims strayed --from 110.4,19.4 --month 2023-01 --area USA --level-m 16000,20000
    overflight claims strayed my-case --days 10
    """
    from overflight.claims.stray_flights import answer_strayed, month_winds, read_settings

    given = {
        "from": _start(start), "place": place, "radius_km": radius_km, "month": month, "area": area,
        "days": days, "level_m": _pair(level_m, "--level-m"), "members": members, "launches": launches,
        "seed": seed,
    }  # fmt: skip
    table, known, files, folder = _stray_case(case)
    if start is not None and place is None:
        # The name and the size of the case's place are not those of another one.
        table = {key: value for key, value in table.items() if key not in ("place", "radius_km")}
    table |= {key: value for key, value in given.items() if value is not None}
    try:
        settings = read_settings(table, folder)
    except CaseError as error:
        if case is not None:
            raise
        option = "--" + (error.field or "").rpartition(".")[2].replace("_", "-")
        raise InputError(error.what, field=option, remedy=error.remedy) from error
    if settings is None:
        raise OverflightError(
            "nothing was asked", remedy="Give --from, --month and --area, or a case with [ask.strayed]."
        )
    own, left = month_winds(winds or files, settings)
    found = answer_strayed(settings, own, areas=known, wind_notes=left)
    if as_json:
        from overflight.report.result import record_dict

        say_json({"strayed": found.section, "findings": [record_dict(f) for f in found.findings]})
        return
    for line in found.section["sentences"]:
        say(line["text"])
    for row in found.section["variants"]:
        say(f"  {row['words']}: {row['share']:.0%} ({row['low']:.0%} to {row['high']:.0%})")
    for text in found.section["notes"]:
        note(f"  Note: {text}")


def _start(text: str | None) -> Any:
    """Return --from: a pair of numbers, or the id of an area."""
    if text is None or "," not in text:
        return text
    return _pair(text, "--from")


def _pair(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        pair = [float(part) for part in text.split(",")]
    except ValueError:
        pair = []
    if len(pair) != 2:
        raise InputError(f"'{text[:40]}' is no pair", field=option, remedy="Write two numbers: 110.4,19.4.")
    return pair


def _stray_case(path: Path | None) -> tuple[dict[str, Any], tuple[Any, ...], list[Path], Path | None]:
    """Return what a case asks, its areas, the wind files that it would take, and its folder."""
    if path is None:
        return {}, (), [], None
    from overflight.case import read_case
    from overflight.places.areafile import read_areas

    case = read_case(path if path.is_dir() else path.parent)
    areas = tuple(area for file in case.inputs["areas"] for area in read_areas(file))
    files = [] if case.winds.source == "prior-only" else list(case.winds.files)
    return dict(case.ask.get("strayed", {})), areas, files, case.folder


# --- reading and writing


def _table(path: Path, custom: bool) -> ClaimTable:
    from overflight.claims.table import new_table, read_table

    if path.suffix.lower() != ".json":
        return read_table(path)
    from overflight.claims.stix import read_stix

    found = read_stix(path, allow_custom=custom)
    for kind, count in sorted(found.ignored.items()):
        note(f"{path}: {count} of type {kind} made no claim")
    return new_table(found.claims, file=path.name)


def _joined(tables: Sequence[ClaimTable]) -> ClaimTable:
    from overflight.claims.table import changed_table

    first = tables[0]
    if len(tables) == 1:
        return first
    claims = [c for table in tables for c in table.claims]
    seen: dict[str, str] = {}
    for table in tables:
        for claim in table.claims:
            if claim.id in seen:
                raise InputError(
                    f"the id '{claim.id}' is in {seen[claim.id]} too",
                    file=table.file,
                    line=claim.line or None,
                    field="id",
                    remedy="Give every claim its own id.",
                )
            seen[claim.id] = table.file
    return changed_table(first, claims)


def _write_new(out: Path, data: bytes) -> None:
    """Write a file that is not there; what is there is never overwritten."""
    try:
        with out.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise InputError(
            "is there already", file=str(out), remedy="Name another file; nothing is overwritten."
        ) from error


def _check_column(name: str, table: ClaimTable) -> None:
    from overflight.claims.cells import KNOWN
    from overflight.rows import nearest

    if name not in KNOWN and name not in table.columns:
        raise InputError(
            f"'{name[:60]}' is no column of the table",
            remedy=nearest(name[:60], KNOWN) or "See docs/claims.md for the columns.",
        )


def _question(text: str) -> Any:
    from overflight.claims.records import QUESTIONS

    if text not in QUESTIONS:
        raise InputError(f"'{text[:60]}' is no question", remedy=f"Take one of {', '.join(QUESTIONS)}.")
    return text


def _with_verbs(claim: Claim) -> Claim:
    from overflight.claims.wording import touches

    found = [t for t in touches(claim) if not t.granted]
    if claim.verbs or not found:
        return claim
    answers = {t.answer for t in found}
    # Two verbs with two answers cannot stand in one row: a person has to make two claims of it.
    return replace(
        claim, verbs=tuple(t.verb for t in found), answer=answers.pop() if len(answers) == 1 else None
    )


# --- printing


def _chosen(every: Sequence[Claim], ids: Sequence[str], topic: str) -> list[Claim]:
    known = {c.id for c in every}
    if missing := [i for i in ids if i not in known]:
        raise InputError(f"there is no claim '{missing[0][:60]}'", remedy="Ids are as in the table.")
    return [c for c in every if (not ids or c.id in ids) and (not topic or c.topic == topic)]


def _flag_lines(flags: Iterable[Flag]) -> list[str]:
    return [f"{', '.join(f.claims)}: {f.code.replace('_', ' ')}: {f.reason}" for f in flags]


def _row(claim: Claim, stance: Stance) -> dict[str, Any]:
    from overflight.claims.cells import write_cells

    return {
        **{name: value for name, value in write_cells(claim).items() if value},
        "contradicts": list(stance.contradicts),
        "contradicted_by": list(stance.contradicted_by),
        "tension": list(stance.tension),
    }


def _show(claim: Claim, stance: Stance, whole: bool) -> None:
    row = _row(claim, stance)
    say(f"{claim.id}  {claim.date or 'undated'}  {claim.claimant} ({claim.attribution.replace('_', ' ')})")
    say(f"  {claim.claim}")
    for name in ("contradicts", "contradicted_by", "tension"):
        if row[name]:
            say(f"  {name.replace('_', ' ')}: {', '.join(row[name])}")
    if whole:
        shown = {
            "id",
            "date",
            "claimant",
            "attribution",
            "claim",
            "contradicts",
            "contradicted_by",
            "tension",
        }
        for name, value in row.items():
            if name not in shown:
                say(f"  {name}: {value}")

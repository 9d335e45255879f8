"""`overflight custody`: how much was collected, sent, kept and lost, and how much could have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli.options import AsJson
from overflight.cli.screen import note, on_terminal, say, say_json, share_bar
from overflight.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from overflight.custody.ceilings import LinkCeiling
    from overflight.custody.custody_section import CustodyAnswer

app = typer.Typer(
    help="How much data was collected, sent, kept and lost, and whether a stream is whole.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def account(
    source: Annotated[
        Path, typer.Argument(metavar="CASE|ACCOUNT.toml", help="A case folder, or an account by itself.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for account.json and account.png; made if need be."),
    ] = None,
    flight: Annotated[
        Path | None,
        typer.Option("--flight", help="The flight.nc of an assessment: links and sites as it passed them."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", "-n", min=100, max=200_000, help="Draws under the priors.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the draws; the account's own when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bound what was collected, sent, kept, deleted, recovered, and never seen again.

    Hard bounds name the evidence that binds them; what nothing bounds is told as such. With priors in the
    account it also says what is likely under them. docs/account.md has the format of account.toml.

    \b
    overflight custody account my-case
    overflight custody account my-case --flight answer/flight.nc --out answer
    overflight custody account account.toml --json | jq .section.bounds
    """
    with share_bar() as tell:
        answer = _answer(source, flight, samples, seed, tell)
        written = [] if out is None else write_answer(answer, out)
    if as_json:
        say_json({**told(answer), "paths": {path.name: str(path) for path in written}})
        return
    for line in lines(answer.section):
        say(line)
    if on_terminal():
        note("  Evidence, priors and limits: docs/account.md")
    for path in written:
        say(str(path))


def links(
    days: Annotated[
        float, typer.Option("--days", "-d", min=0.001, max=400.0, help="How long the links could work.")
    ] = 8.0,
    as_json: AsJson = False,
) -> None:
    """Tell what services could carry home in some days, against what sensors could collect.

    Each at its ceiling, without a break, wherever it works. A ratio of thousands is the usual result.

    \b
    overflight custody links
    overflight custody links --days 1
    """
    from overflight.custody.ceilings import REFERENCE_SENSORS, all_services, collected_bytes, ratio_rows
    from overflight.custody.custody_section import bytes_words

    hours = 24.0 * days
    ceilings = all_services(None, hours)
    rows = ratio_rows(ceilings, hours)
    if as_json:
        say_json(
            {
                "overflight": __version__,
                "days": days,
                "links": [
                    {"id": c.id, "name": c.name, "top_bps": c.top_bps, "bytes": c.most,
                     "provenance": c.provenance, "source": c.source}
                    for c in ceilings
                ],
                "shares": rows,
            }
        )  # fmt: skip
        return
    say(f"What sensors could collect in {days:g} days:")
    for sensor in REFERENCE_SENSORS.values():
        made = bytes_words(collected_bytes(sensor.rate_bps, hours))
        say(f"  {made:>9}  {sensor.name} ({sensor.id})")
    for line in _link_lines(ceilings, rows):
        say(line)
    say("Ceilings: what could be carried without a break. None says that a link was used.")


def _link_lines(ceilings: Sequence[LinkCeiling], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return two lines a link: what it is, and below it what it could carry, beside what sensors make."""
    from overflight.custody.ceilings import REFERENCE_SENSORS
    from overflight.custody.custody_section import bytes_words, share_words

    shares = {(row["link"], row["sensor"]): share_words(float(row["share"])) for row in rows}
    wide = {
        name: max(len(name), *(len(shares[one.id, name]) for one in ceilings)) for name in REFERENCE_SENSORS
    }
    out = [
        "What links could carry, and what share of that it is:",
        f"    {'':>9}" + "".join(f"  {name:>{width}}" for name, width in wide.items()),
    ]
    for one in ceilings:
        out.append(f"  {one.id}: {one.name}, {one.top_bps / 1e3:.4g} kbit/s [{one.provenance}]")
        cells = "".join(f"  {shares[one.id, name]:>{width}}" for name, width in wide.items())
        out.append(f"    {bytes_words(one.most):>9}{cells}")
    return out


app.command("account")(account)
app.command("links")(links)


def _answer(
    source: Path, flight: Path | None, samples: int | None, seed: int | None, tell: Any
) -> CustodyAnswer:
    from overflight.custody.custody_section import custody_answers, custody_case
    from overflight.custody.custody_settings import CustodySettings
    from overflight.custody.evidence import read_account

    ensemble = None if flight is None else read_flight(flight)
    if source.is_dir() or source.name == "case.toml":
        return custody_case(source, flight=ensemble, samples=samples, seed=seed, progress=tell)
    settings = CustodySettings(samples=samples, seed=seed)
    return custody_answers(settings, ensemble, account=read_account(source), progress=tell)


def read_flight(path: Path) -> xr.Dataset:
    """Read a flight that an assessment wrote. Raises InputError where it is none."""
    import xarray as xr

    from overflight.errors import OverflightError
    from overflight.records import check_ensemble

    try:
        with xr.open_dataset(path, engine="netcdf4") as opened:
            found = opened.load()
        found = found.assign_coords(time=found["time"].astype("datetime64[ns]"))
        check_ensemble(found)
    except (OSError, OverflightError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"cannot be read as a flight ({error})", file=str(path), field="--flight",
            remedy="Give the flight.nc that `overflight assess` wrote.",
        ) from error  # fmt: skip
    return found


def told(answer: CustodyAnswer) -> dict[str, Any]:
    """Return the answer as values for JSON."""
    from overflight.report.result import record_dict

    return {
        "overflight": __version__,
        "section": dict(answer.section),
        "findings": [record_dict(finding) for finding in answer.findings],
    }


def write_answer(answer: CustodyAnswer, out: Path) -> list[Path]:
    """Write account.json and, where there is something to draw, account.png into a folder."""
    from overflight.exports.atomic import replace_bytes
    from overflight.report.custody_plots import draw_account
    from overflight.report.result import result_json

    if out.exists() and not out.is_dir():
        raise InputError("it is a file", file=str(out), remedy="Give a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "account.json"]
    replace_bytes(written[0], result_json(told(answer)))
    drawn = draw_account(answer.section, out / "account.png", title="The account of the data, as intervals")
    return written + ([drawn] if drawn else [])


def lines(section: Mapping[str, Any]) -> list[str]:
    """Return the section as lines for a terminal."""
    from overflight.report.custody_section import WORDS

    out = [str(row["text"]) for row in section["sentences"]]
    rows = [
        row for row in section["bounds"] if row["low_bytes"] or row["high_bytes"] is not None or row["likely"]
    ]
    if rows:
        out += ["", "  hard bounds (what binds them), and what is likely under the priors"]
    for row in rows:
        scope = "all data" if row["class"] == "all" else row["class"]
        by = ", ".join(dict.fromkeys(one["id"] for key in ("low_by", "high_by") for one in row[key]))
        likely = f"; likely {row['likely_text']}" if row["likely"] else ""
        what = f"{scope}, {WORDS[row['quantity']]}"
        out.append(f"  {what:<36} {row['text']}{f' [{by}]' if by else ''}{likely}")
    for row in section["evidence"]:
        state = "" if row["used"] else ", set aside"
        out.append(f"  evidence {row['id']} ({row['source']}, {row['credibility']}{state}): {row['text']}")
    for row in section["unknown"]:
        out.append(f"  {row['text']}")
    if section.get("stream"):
        out += ["", *_stream_lines(section["stream"])]
    return [*out, *[f"  Note: {text}" for text in section["notes"]]]


def _stream_lines(stream: Mapping[str, Any]) -> list[str]:
    """Return a line for the files and a line a stream: counts, and the verdict on each adversary."""
    from overflight.report.integrity_section import SHOWN_STREAMS, shown_streams

    against = f", against {stream['other']}" if stream["other"] else ""
    out = [f"  stream {stream['source']}{against}:"]
    rows, alone = shown_streams(stream), stream["alone"]
    for row in rows:
        counts = ", ".join(f"{word} {count}" for word, count in row["counts"].items())
        verdicts = ", ".join(f"{one['id']} {one['verdict']}" for one in row["adversaries"])
        out.append(f"    {row['name']}: {counts}; {verdicts}")
        if row["comparison"]:
            out.append(f"      against the other copy: {row['comparison']['text']}")
    out += [f"    {one['stream']} {one['text']}" for one in alone[:SHOWN_STREAMS]]
    more = len(stream["streams"]) - len(rows) + max(len(alone) - SHOWN_STREAMS, 0) + stream["streams_dropped"]
    out += [f"    and {more} more"] if more else []
    return [*out, *[f"    {text}" for text in stream["notes"]]]

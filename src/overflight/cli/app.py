"""The program: its commands, and what becomes of errors.

Exit codes are part of the interface; `docs/cli.md` lists them.
"""

from __future__ import annotations

import errno
import platform
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from overflight import __version__
from overflight.cli import (
    assess,
    check,
    claims,
    custody,
    custody_stream,
    exercise,
    expose,
    forecast,
    landing,
    ledger,
    programme,
    satellites,
    station,
    steer,
    twin,
    winds,
)
from overflight.cli.screen import note, say
from overflight.errors import OverflightError

EXIT_INPUT = 1
EXIT_EXTRA = 3
# EX_SOFTWARE of sysexits.h: an error of the program itself.
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130


class Commands(TyperGroup):
    """The root command: turns what a command raises into one message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; with --debug what is unexpected is printed with its traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            note("Interrupted. Nothing is left half-written; downloads go on where they stopped.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Exception as error:
            # The framework's own (usage errors, exits) carry their exit code.
            broken_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort) or broken_pipe:
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            code, text = told(error)
            note(f"overflight: {text}")
            raise typer.Exit(code) from None


def told(error: Exception) -> tuple[int, str]:
    """Return the exit code and the message for an error that ended a command."""
    if isinstance(error, OverflightError):
        # An extra that is missing shows as the import that failed below the error.
        missing = isinstance(error.__cause__, ImportError)
        return (EXIT_EXTRA if missing else EXIT_INPUT), str(error)
    if isinstance(error, MemoryError):
        return EXIT_INPUT, "the memory does not suffice. Take fewer members, or winds of a shorter window."
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return EXIT_INPUT, f"{place}{error.strerror or error}. Check the path, its rights and the space left."
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return EXIT_INTERNAL, (
        f"an error of the program itself ({what}). Run it again as `overflight --debug ...` and report what "
        "it prints, with `overflight version` and, if you can share it, the case."
    )


app = typer.Typer(
    name="overflight",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(_version_line())
        raise typer.Exit


def _version_line() -> str:
    return f"overflight {__version__} (Python {platform.python_version()}, {sys.platform})"


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Reconstruct, attribute and assess high-altitude balloon overflights.

    A case is a folder: a case.toml, a table of sightings, and whatever winds there are. `check` says what
    is in it, `assess` answers it.

    \b
    overflight demo                          the balloon of 2023, from public sightings
    overflight new my-case                   a case to fill in
    overflight check my-case                 what is in it, what is doubtful, what is missing
    overflight assess my-case --out answer   answer/report.html and the data beside it

    `steer` says whether it drifted or was steered, `expose` what it could have seen and heard of which sites,
    `satellites` what is seen of them from orbit anyway, `custody` what it could have sent, and whether a
    stream is whole. `exercise` makes a case whose truth is known, `score` holds an answer against it; `twin
    fly` streams such a balloon's frames to a `station`.

    Without a case, `forecast` and `backtrack` fly a balloon from a place and a time, and `landing` says where
    it comes down if its flight ends.

    \b
    overflight forecast --at 46.8 -108.5 --time 2023-02-01T18:00Z --altitude 60000ft
    """


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to make; nothing in it is overwritten.")
    ],
    example: Annotated[
        assess.Example | None, typer.Option(help="Copy this example instead of the empty template.")
    ] = None,
) -> None:
    """Begin a case: write a commented case.toml and empty tables.

    Fill in sightings.csv, one row a report: when, where, how exactly, and who says so. The comments in the
    files tell the rest.

    \b
    overflight new my-case
    overflight check my-case
    overflight new my-2023 --example 2023    a copy of the example to change
    """
    from overflight.case import write_new_case

    written = write_new_case(folder) if example is None else assess.copy_example(example, folder)
    for path in written:
        say(str(path))


def version() -> None:
    """Print the version.

    \b
    overflight version
    """
    say(_version_line())


app.command("assess")(assess.assess_case)
app.command("demo")(assess.demo)
app.command("check")(check.check_case)
app.command("new")(new)
app.command("forecast")(forecast.forecast)
app.command("backtrack")(forecast.backtrack)
app.command("landing")(landing.landing)
app.command("steer")(steer.steer)
app.command("expose")(expose.expose)
app.command("exercise")(exercise.exercise)
app.command("score")(exercise.score)
app.add_typer(winds.app, name="winds")
app.add_typer(satellites.app, name="satellites")
custody.app.command("stream")(custody_stream.stream)
app.add_typer(custody.app, name="custody")
app.add_typer(claims.app, name="claims")
app.command("programme")(programme.programme)
app.add_typer(ledger.app, name="ledger")
app.add_typer(twin.app, name="twin")
app.add_typer(station.app, name="station")
app.command("version")(version)


def main() -> None:
    """Run the program with the arguments of the process."""
    app()

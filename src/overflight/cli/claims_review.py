"""`overflight claims extract` and `review`: articles become candidates, and a person decides on each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import note, say, say_json
from overflight.errors import InputError, OverflightError

if TYPE_CHECKING:
    from overflight.claims.records import Claim
    from overflight.claims.review import Decision, Review

_KEYS = "a accept  e edit  r reject  s skip  b back  q quit  ? help"
_SHOWN = (
    "verb", "answer", "hedge", "qualifiers", "quantity", "unit", "about", "place", "relation", "related_ids",
    "said_with", "named_times", "named_places", "found_again",
)  # fmt: skip


def extract(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Articles, the oldest first: .txt, .html, .gz."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The table of candidates to write; it must not be there yet.")
    ] = None,
    said: Annotated[
        str, typer.Option(metavar="DATE", help="When it was published, if it does not say.")
    ] = "",
    outlet: Annotated[str, typer.Option(metavar="NAME", help="Who published it, if it does not say.")] = "",
    as_json: AsJson = False,
) -> None:
    """Propose claims from articles: who says what, with its hedges, times, places and quantities.

    Sentences that are there twice, in one article or in several, make one candidate. It reads by rules of
    English; what it proposes is a candidate until a person has decided on it with `review`.

    \b
    overflight claims extract article.html --out candidates.csv
    overflight claims extract article.txt --said 2023-04-03 --outlet "The Paper"
    """
    import dataclasses

    from overflight.claims.cells import write_cells
    from overflight.claims.documents import read_document
    from overflight.claims.proposals import extract as propose
    from overflight.claims.table import new_table, table_bytes

    if (said or outlet) and len(files) > 1:
        raise InputError("--said and --outlet are of one article", remedy="Extract articles one by one.")
    found = propose([read_document(path, outlet=outlet, published=said) for path in files])
    if out is not None:
        _write_new(out, table_bytes(new_table(found.claims)))
    if as_json:
        rows = [{k: v for k, v in write_cells(c).items() if v} for c in found.claims]
        copied = [
            dataclasses.asdict(p)
            for p in found.passages
        ]  # fmt: skip
        say_json(
            {"claims": rows, "passages": copied, "sentences": found.sentences, "repeated": found.repeated}
        )
    else:
        if out is None:
            for claim in found.claims:
                _show(claim)
        say(f"{len(found.claims)} candidates from {found.sentences} sentences, {found.repeated} repeated")
    for line in found.notes:
        note(line)
    for p in found.passages:
        how = "word for word" if p.exact else "nearly word for word"
        note(
            f"{p.document}: sentences {p.first} to {p.last} repeat {how} "
            f"{p.source}, sentences {p.source_first} to {p.source_last}"
        )


def review(
    candidates: Annotated[Path, typer.Argument(metavar="CANDIDATES", help="The table that `extract` wrote.")],
    out: Annotated[Path, typer.Option(help="The claims table to write: what you accepted.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decides; kept with each decision.")] = "",
) -> None:
    """Decide on candidates one by one, by key: accept, edit, reject, skip.

    Each decision is on the disk before the next candidate is shown; go on where you stopped by the same
    command. Keys may come from a pipe, one a line. To edit, give lines COLUMN=VALUE and an empty one.

    \b
    overflight claims review candidates.csv --out claims.csv
    """
    from overflight.claims.review import read_review, write_claims

    before = read_review(candidates)
    # What stands in the way is said before anybody has worked for an hour.
    if out.exists():
        write_claims(before, out, before)
    state = _ask_all(before, by)
    count = write_claims(state, out, before)
    say(f"{out}: {count} claims; {len(state.open)} of {len(state.table.claims)} candidates are open")


def _ask_all(state: Review, by: str) -> Review:
    """Ask for a decision on every open candidate, until they are done or the person quits."""
    queue = list(state.open)
    total, k = len(queue), 0
    say(_KEYS)
    try:
        while k < total:
            _show(queue[k], place=f"{k + 1}/{total}")
            key = _key()
            if key in ("q", ""):
                break
            if key == "b":
                k = max(0, k - 1)
                continue
            made = _made(state, queue[k], key, by)
            if made is not None:
                state, k = made, k + 1
    except KeyboardInterrupt:
        # Wherever it comes, an interrupt quits; every decision is on the disk already.
        say("")
    return state


def _made(state: Review, claim: Claim, key: str, by: str) -> Review | None:
    """Return the review with the decision that a key makes; None when it made none."""
    from overflight.claims.review import decide

    ways: dict[str, Callable[[], Decision | None]] = {
        "a": lambda: _decision(claim, "accept", by),
        "r": lambda: _decision(claim, "reject", by),
        "s": lambda: _decision(claim, "skip", by),
        "e": lambda: _edit(claim, by),
    }
    if key not in ways:
        say(_KEYS)
        return None
    try:
        decision = ways[key]()
        return decide(state, decision) if decision is not None else None
    except OverflightError as error:
        note(str(error))
        return None


def _decision(claim: Claim, choice: str, by: str, cells: dict[str, str] | None = None) -> Decision:
    import time
    from typing import cast

    from overflight.claims.review import Choice, Decision
    from overflight.times import iso_utc

    return Decision(claim.id, cast(Choice, choice), iso_utc(time.time()), by, cells or {})


def _edit(claim: Claim, by: str) -> Decision | None:
    from overflight.claims.review import parse_cells

    lines: list[str] = []
    try:
        # An interrupt may come as soon as this can be read.
        say("COLUMN=VALUE, one a line; an empty line ends")
        while line := sys.stdin.readline().strip():
            lines.append(line)
    except KeyboardInterrupt:
        lines.clear()
    if not lines:
        say("nothing changed")
        return None
    return _decision(claim, "edit", by, parse_cells(lines))


def _key() -> str:
    """Return the next key in small letters: one stroke on a terminal, a line of a pipe; '' at the end."""
    if sys.stdin.isatty():
        try:
            return _stroke().lower()
        except (EOFError, KeyboardInterrupt):
            return ""
    while line := sys.stdin.readline():
        if line.strip():
            return line.strip()[0].lower()
    return ""


def _stroke() -> str:
    """Read one key from the terminal; what was typed ahead stays, an arrow or a letter of two bytes is '?'.

    The library's own way empties the line first, so that keys of a quick typist are lost.
    """
    try:
        import termios
        import tty
    except ImportError:
        import click

        return click.getchar()
    import os
    import select

    def waiting(fd: int) -> bool:
        return bool(select.select([fd], [], [], 0.02)[0])

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd, termios.TCSADRAIN)
        key = os.read(fd, 1)
        if key == b"\x1b" or key >= b"\x80":
            rest = 0 if key == b"\x1b" else (key >= b"\xc0") + (key >= b"\xe0") + (key >= b"\xf0")
            for _ in range(rest):
                if waiting(fd):
                    os.read(fd, 1)
            # An arrow is ESC, '[' or 'O', and on to a letter or '~'.
            if key == b"\x1b" and waiting(fd) and os.read(fd, 1) in (b"[", b"O"):
                while waiting(fd) and not b"@" <= os.read(fd, 1) <= b"~":
                    pass
            return "?"
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
    # End of input is an empty read, or the key that means it.
    return "" if key in (b"", b"\x04") else key.decode("ascii")


def _show(claim: Claim, place: str = "") -> None:
    from overflight.claims.cells import write_cells

    cells = write_cells(claim)
    numbers = ", ".join(map(str, claim.sentences))
    say(f"{place}  {claim.id}  {claim.document} sentence {numbers}".strip())
    say(f"  “{claim.quote}”")
    say(f"  {claim.claimant} ({claim.attribution.replace('_', ' ') or 'kind not known'}): {claim.claim}")
    shown = "; ".join(f"{name} {cells[name]}" for name in _SHOWN if cells.get(name))
    if shown:
        say(f"  {shown}")


def _write_new(out: Path, data: bytes) -> None:
    try:
        with out.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise InputError(
            "is there already", file=str(out), remedy="Name another file; nothing is overwritten."
        ) from error

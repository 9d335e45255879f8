"""`overflight ledger`: verify, show, prove, export, and sign checkpoints of the log that `assess` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from overflight.cli.screen import EXIT_DAMAGED, note, say, say_json, share_bar
from overflight.errors import InputError

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Check, read and prove the log of an assessment."
)

FileArgument = Annotated[
    Path, typer.Argument(metavar="LEDGER", help="A ledger.db, or the file that `ledger export` wrote.")
]
LogArgument = Annotated[Path, typer.Argument(metavar="LEDGER", help="A ledger.db.")]
KeysOption = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="A public key that is trusted, as `ledger key` printed it."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("verify")
def verify(
    ledger: FileArgument,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A checkpoint kept elsewhere, which the log must agree with."),
    ] = None,
    key: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nothing in a log was changed, taken out, put in or moved; exit code 4 if it was.

    A log that was cut short or written anew as a whole is consistent in itself: only a checkpoint that was
    kept elsewhere shows it. Without one the answer says so. A proof (`ledger prove`) is checked with the
    proof's file in place of the log.

    \b
    overflight ledger verify answer/ledger.db
    overflight ledger verify answer/ledger.db --checkpoint kept.txt --key watch+1a2b3c4d+AbC...=
    overflight ledger verify proof.json --key watch+1a2b3c4d+AbC...=
    """
    notes = [_text(path) for path in checkpoint or ()]
    answer = _verified(ledger, notes, key or [])
    if as_json:
        say_json(answer)
    else:
        for line in answer["lines"]:
            say(line)
    if not answer["ok"]:
        raise typer.Exit(EXIT_DAMAGED)


def _verified(path: Path, notes: list[str], key_texts: list[str]) -> dict[str, Any]:
    from overflight.ledger.checkpoint import read_public_key

    keys = [read_public_key(text) for text in key_texts]
    first = _first_bytes(path)
    if first.startswith(b"overflight-ledger"):
        return _verified_export(path, notes, keys)
    if first.lstrip()[:1] == b"{":
        return _verified_proof(path, keys)
    from overflight.ledger.log import open_ledger
    from overflight.ledger.verify import lines, verify_ledger

    with open_ledger(path) as log, share_bar() as tell:
        found = verify_ledger(log, checkpoints=notes, keys=keys, progress=tell)
    told = list(lines(found))
    told[:1] = [*told[:1], f"checked: {', '.join(found.checked)}"]
    told.append("Nothing is wrong." if found.ok else "THE LOG IS DAMAGED.")
    return {
        "ok": found.ok,
        "size": found.size,
        "root": found.root.hex(),
        "problems": [{"kind": p.kind, "seq": p.seq, "text": p.text} for p in found.problems],
        "limits": list(found.limits),
        "lines": told,
    }


def _verified_export(path: Path, notes: list[str], keys: list[Any]) -> dict[str, Any]:
    from overflight.ledger.exportfile import check_export, read_export

    exported = read_export(path)
    problems, limits = check_export(exported, checkpoints=notes, keys=keys)
    told = [f"{len(exported.entries)} entries, root {exported.root.hex()}", *problems, *limits]
    told.append("THE LOG IS DAMAGED." if problems else "Nothing is wrong: every byte is as it was written.")
    return {
        "ok": not problems,
        "size": len(exported.entries),
        "root": exported.root.hex(),
        "problems": [{"kind": "checkpoint", "seq": -1, "text": text} for text in problems],
        "limits": limits,
        "lines": told,
    }


def _verified_proof(path: Path, keys: list[Any]) -> dict[str, Any]:
    from overflight.ledger.proof import check_proof

    shown = check_proof(_text(path), keys)
    there = shown.checkpoint
    told = [
        f"entry {shown.seq} is in the log {there.origin!r} of {there.size} entries, root {there.root.hex()}",
        f"{shown.entry.kind}: {shown.entry.subject}: {shown.entry.text}",
    ]
    limits = [] if shown.signer else ["No key was given: who signed the checkpoint was not checked."]
    told += [f"the checkpoint is signed by {shown.signer}"] if shown.signer else limits
    return {
        "ok": True,
        "size": there.size,
        "root": there.root.hex(),
        "problems": [],
        "limits": limits,
        "lines": told,
    }


@app.command("show")
def show(
    ledger: LogArgument,
    subject: Annotated[
        str, typer.Option(metavar="TEXT", help="Only entries whose subject has this in it.")
    ] = "",
    kind: Annotated[str, typer.Option(help="Only this kind: input, sighting, claim, finding...")] = "",
    seq: Annotated[int | None, typer.Option(min=0, help="One entry, whole, with its content.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Not more than so many, the last ones.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Print entries of a log: number, when they were put down, kind, subject and what they say.

    \b
    overflight ledger show answer/ledger.db --kind finding
    overflight ledger show answer/ledger.db --subject P057
    overflight ledger show answer/ledger.db --seq 12
    """
    from overflight.ledger.log import open_ledger

    with open_ledger(ledger) as log:
        if seq is not None:
            rows = [_row(seq, log.data(seq), log)]
        else:
            found = [(n, data) for n, data in log.rows() if _wanted(data, subject, kind)]
            rows = [_row(n, data, None) for n, data in found[-limit:]]
            if len(found) > limit:
                note(f"The last {limit} of {len(found)}; --limit shows more.")
    if as_json:
        say_json({"entries": rows})
        return
    for row in rows:
        say(f"{row['seq']:6d}  {row['recorded']}  {row['kind']:10s} {row['subject']}  {row['text']}".rstrip())
        if seq is not None:
            say(json.dumps({k: row[k] for k in row if k not in ("seq", "text")}, indent=1, ensure_ascii=True))


def _wanted(data: bytes, subject: str, kind: str) -> bool:
    from overflight.ledger.entry import read_entry

    entry = read_entry(data)
    return subject in entry.subject and kind in ("", entry.kind)


def _row(seq: int, data: bytes, log: Any) -> dict[str, Any]:
    from overflight.ledger.merkle import leaf_hash

    row = {"seq": seq, "id": leaf_hash(data).hex(), **json.loads(data)}
    content = log.content(row["content"]) if log is not None and row["content"] else None
    if content is not None:
        row["content_bytes"] = content.decode("utf-8", "replace")
    return row


@app.command("prove")
def prove(
    ledger: LogArgument,
    seq: Annotated[int, typer.Argument(min=0, metavar="SEQ", help="The number of the entry.")],
    checkpoint: Annotated[
        Path, typer.Option(metavar="FILE", help="The signed checkpoint that it is to be proved against.")
    ],
    out: Annotated[Path | None, typer.Option(help="Where to; stdout when left out.")] = None,
) -> None:
    """Prove that an entry is in a log: a file that a third party checks with the log's public key alone.

    \b
    overflight ledger prove answer/ledger.db 12 --checkpoint checkpoint.txt --out proof.json
    """
    from overflight.ledger.log import open_ledger
    from overflight.ledger.proof import make_proof

    with open_ledger(ledger) as log:
        text = json.dumps(make_proof(log, seq, _text(checkpoint)), indent=1)
    _put(out, text + "\n")


@app.command("export")
def export(
    ledger: LogArgument,
    out: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write a log as one file in which every byte counts. `ledger verify` checks it.

    \b
    overflight ledger export answer/ledger.db --out answer.ledger
    """
    from overflight.ledger.exportfile import write_export
    from overflight.ledger.log import open_ledger

    with open_ledger(ledger) as log:
        write_export(log, out)
    say(str(out))


@app.command("checkpoint")
def checkpoint_(
    ledger: LogArgument,
    key_file: Annotated[Path, typer.Option(metavar="FILE", help="The private key, as `ledger key` made it.")],
    out: Annotated[Path | None, typer.Option(help="Where to; stdout when left out.")] = None,
) -> None:
    """Sign what a log is now. Keep the answer where nobody who can write the log can reach it.

    \b
    overflight ledger checkpoint answer/ledger.db --key-file watch.key --out checkpoint.txt
    """
    from overflight.ledger.checkpoint import read_key, sign
    from overflight.ledger.log import open_ledger

    public, private = read_key(key_file)
    with open_ledger(ledger) as log:
        there = log.checkpoint()
        signed = sign(there, public, private)
        log.keep_checkpoint(there.size, signed)
    _put(out, signed)


@app.command("key")
def key_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key's file, to be made.")],
    name: Annotated[str, typer.Option(help="What the key is called in signatures.")] = "overflight",
) -> None:
    """Make a key for checkpoints; prints the public key, which others need to check them.

    \b
    overflight ledger key watch.key --name watch
    """
    from overflight.ledger.checkpoint import make_key

    say(make_key(file, name).text)


def _put(out: Path | None, text: str) -> None:
    if out is None:
        say(text.rstrip("\n"))
        return
    out.write_text(text, "utf-8")
    say(str(out))


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 2 * 1024**2].decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("it is no text", file=str(path)) from None


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(32)

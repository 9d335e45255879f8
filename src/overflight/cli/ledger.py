"""`overflight ledger`: verify, show, prove, export, sign and stamp the log that `assess` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from overflight.cli.screen import EXIT_DAMAGED, note, say, say_json, share_bar
from overflight.errors import InputError

# Checkpoints and proofs are shorter.
MOST_TEXT_BYTES = 2 * 1024**2

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
RootsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--tsa-root", metavar="FILE", help="A root certificate that time stamps must lead to, PEM or DER."
    ),
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
    tsa_root: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nothing in a log was changed, taken out, put in or moved; exit code 4 if it was.

    A log that was cut short or written anew as a whole is consistent in itself: only a checkpoint that was
    kept elsewhere shows it. Without one the answer says so. A proof (`ledger prove`) is checked with the
    proof's file in place of the log. Time stamps are held against the roots given; without any the answer
    says what they say, and that it cannot know.

    \b
    overflight ledger verify answer/ledger.db
    overflight ledger verify answer/ledger.db --checkpoint kept.txt --key watch+1a2b3c4d+AbC...=
    overflight ledger verify proof.json --key watch+1a2b3c4d+AbC...=
    """
    notes = [_text(path) for path in checkpoint or ()]
    answer = _verified(ledger, notes, key or [], tsa_root or [])
    if as_json:
        say_json(answer)
    else:
        for line in answer["lines"]:
            say(line)
    if not answer["ok"]:
        raise typer.Exit(EXIT_DAMAGED)


def _verified(path: Path, notes: list[str], key_texts: list[str], root_files: list[Path]) -> dict[str, Any]:
    from overflight.ledger.checkpoint import read_public_key
    from overflight.ledger.stamps import read_roots

    keys = [read_public_key(text) for text in key_texts]
    roots = [root for file in root_files for root in read_roots(file)]
    first = _first_bytes(path)
    if first.startswith(b"overflight-ledger"):
        return _verified_export(path, notes, keys, roots)
    if first.lstrip()[:1] == b"{":
        return _verified_proof(path, notes, keys, roots)
    from overflight.ledger.log import open_ledger
    from overflight.ledger.verify import lines, verify_ledger

    with open_ledger(path) as log, share_bar() as tell:
        found = verify_ledger(log, checkpoints=notes, keys=keys, roots=roots, progress=tell)
    told = list(lines(found))
    told[:1] = [*told[:1], f"checked: {', '.join(found.checked)}"]
    told.append("Nothing is wrong." if found.ok else "THE LOG IS DAMAGED.")
    problems = [{"kind": p.kind, "seq": p.seq, "text": p.text} for p in found.problems]
    return _answer(found.size, found.root, problems, found.limits, found.stamps, told)


def _answer(
    size: int,
    root: bytes,
    problems: list[dict[str, Any]],
    limits: Sequence[str],
    stamps: Any,
    told: list[str],
) -> dict[str, Any]:
    return {
        "ok": not problems, "size": size, "root": root.hex(), "problems": problems, "limits": list(limits),
        "stamps": [one.row() for one in stamps], "lines": told,
    }  # fmt: skip


def _verified_export(path: Path, notes: list[str], keys: list[Any], roots: list[Any]) -> dict[str, Any]:
    from overflight.ledger.exportfile import check_export, read_export
    from overflight.ledger.stamps import judge_all

    exported = read_export(path)
    wrong, limits = check_export(exported, checkpoints=notes, keys=keys)
    stamps = judge_all(exported.stamps, [*exported.notes, *notes], roots)
    problems = [{"kind": "checkpoint", "seq": -1, "text": text} for text in wrong]
    problems += [{"kind": "stamp", "seq": -1, "text": one.text} for one in stamps if one.state == "bad"]
    told = [f"{len(exported.entries)} entries, root {exported.root.hex()}"]
    told += [str(one["text"]) for one in problems]
    told += [*(one.text for one in stamps if one.state != "bad"), *limits]
    told.append("THE LOG IS DAMAGED." if problems else "Nothing is wrong: every byte is as it was written.")
    return _answer(len(exported.entries), exported.root, problems, limits, stamps, told)


def _verified_proof(path: Path, notes: list[str], keys: list[Any], roots: list[Any]) -> dict[str, Any]:
    from overflight.ledger.checkpoint import read_checkpoint
    from overflight.ledger.proof import check_growth_proof, check_proof, is_growth_proof

    text = _text(path)
    if is_growth_proof(text):
        grown = check_growth_proof(text, keys, roots)
        there, signer, stamps = grown.later, grown.signer, grown.stamps
        seen = [grown.earlier, grown.later]
        told = [
            f"the log {there.origin!r} of {there.size} entries, root {there.root.hex()}, begins with that of "
            f"{grown.earlier.size} entries, root {grown.earlier.root.hex()}"
        ]
    else:
        shown = check_proof(text, keys, roots)
        there, signer, stamps, seen = shown.checkpoint, shown.signer, shown.stamps, [shown.checkpoint]
        told = [
            f"entry {shown.seq} is in the log {there.origin!r} of {there.size} entries, "
            f"root {there.root.hex()}",
            f"{shown.entry.kind}: {shown.entry.subject}: {shown.entry.text}",
        ]
    for note_ in notes:
        if read_checkpoint(note_) not in seen:
            raise InputError("the proof is against another checkpoint than the one given", file=str(path))
    limits = [] if signer else ["No key was given: who signed the checkpoint was not checked."]
    told += [f"the checkpoint is signed by {signer}"] if signer else limits
    told += [one.text for one in stamps]
    return _answer(there.size, there.root, [], limits, stamps, told)


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
    from overflight.ledger.entry import KINDS
    from overflight.ledger.log import open_ledger

    if kind and kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of entry", field="--kind", remedy=f"Use {', '.join(KINDS)}.")
    with open_ledger(ledger) as log:
        if seq is not None:
            rows = [_row(seq, log.data(seq), log)]
        else:
            found = [(n, data) for n, data in log.rows() if _wanted(ledger, n, data, subject, kind)]
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


def _wanted(ledger: Path, seq: int, data: bytes, subject: str, kind: str) -> bool:
    from overflight.ledger.entry import read_entry

    try:
        entry = read_entry(data)
    except InputError as error:
        raise InputError(
            f"entry {seq} cannot be read: {error.what}", file=str(ledger),
            remedy="Run `overflight ledger verify` on it.",
        ) from None  # fmt: skip
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
    checkpoint: Annotated[
        Path, typer.Option(metavar="FILE", help="The signed checkpoint that it is to be proved against.")
    ],
    seq: Annotated[
        int | None, typer.Argument(min=0, metavar="[SEQ]", help="The number of the entry.")
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier checkpoint: prove that the log only grew since."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to; stdout when left out.")] = None,
) -> None:
    """Prove that an entry is in a log, or that the log only grew since an earlier checkpoint.

    Writes a file that a third party checks with the log's public key alone. Time stamps that are kept over
    the checkpoints go along.

    \b
    overflight ledger prove answer/ledger.db 12 --checkpoint checkpoint.txt --out proof.json
    overflight ledger prove answer/ledger.db --since older.txt --checkpoint checkpoint.txt --out growth.json
    """
    from overflight.ledger.log import open_ledger
    from overflight.ledger.proof import make_growth_proof, make_proof

    note_ = _text(checkpoint)
    with open_ledger(ledger) as log:
        if seq is not None and since is None:
            proof = make_proof(log, seq, note_)
        elif since is not None and seq is None:
            proof = make_growth_proof(log, _text(since), note_)
        else:
            raise InputError(
                "it is not said what is to be proved", remedy="Give the number of an entry, or --since."
            )
    _put(out, json.dumps(proof, indent=1) + "\n")


@app.command("stamp")
def stamp(
    ledger: LogArgument,
    tsa: Annotated[
        str, typer.Option(metavar="URL", help="The time stamp authority (RFC 3161) to ask; https.")
    ] = "",
    answer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its answer, fetched by other means, in place of --tsa."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The signed checkpoint; when left out the last that the log keeps."
        ),
    ] = None,
    tsa_root: RootsOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the token there as well, as other programs read it.")
    ] = None,
) -> None:
    """Have a signed checkpoint stamped by a time stamp authority, and keep the stamp in the log.

    The stamp shows that the checkpoint was there at that time, whatever the clock of this machine says. Only
    the checkpoint's hash is sent. With --tsa-root a stamp that does not lead to that root is refused.

    \b
    overflight ledger stamp answer/ledger.db --tsa https://tsa.example.org/tsr --tsa-root root.pem
    """
    from overflight.ledger.log import open_ledger
    from overflight.ledger.stamps import judge, read_roots

    if bool(tsa) == bool(answer):
        raise InputError(
            "it is not said where the stamp comes from", remedy="Give --tsa URL or --answer FILE."
        )
    roots = [root for file in tsa_root or () for root in read_roots(file)]
    with open_ledger(ledger) as log:
        signed, size = _to_stamp(log, checkpoint)
        token = _asked(tsa, signed, roots) if answer is None else _answered(answer, signed, roots)
        log.keep_checkpoint(size, signed)
        log.keep_stamp(size, token)
    if out is not None:
        out.write_bytes(token)
    say(judge(token, [signed], roots).text)


def _to_stamp(log: Any, file: Path | None) -> tuple[str, int]:
    """Return the note that is to be stamped and its size."""
    from overflight.ledger.checkpoint import read_checkpoint

    notes = [_text(file)] if file else [text for _, text in log.checkpoints()]
    if not notes:
        raise InputError(
            "the log keeps no signed checkpoint", file=str(log.path),
            remedy="Sign one first: overflight ledger checkpoint LEDGER --key-file FILE.",
        )  # fmt: skip
    there = read_checkpoint(notes[-1])
    if there != log.checkpoint(min(there.size, len(log))):
        raise InputError(
            "the checkpoint is not of this log", remedy="Run `overflight ledger verify` on both."
        )
    return notes[-1], there.size


def _asked(url: str, signed: str, roots: list[Any]) -> bytes:
    from overflight.ledger.stamps import accept, make_request
    from overflight.ledger.tsa import ask, check_url

    check_url(url)
    request, nonce = make_request(signed)
    return accept(ask(url, request), signed, nonce=nonce, roots=roots)


def _answered(file: Path, signed: str, roots: list[Any]) -> bytes:
    from overflight.ledger.stamps import MOST_BYTES, accept

    with file.open("rb") as stream:
        return accept(stream.read(MOST_BYTES + 1), signed, nonce=None, roots=roots)


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
    data = _first_bytes(path, MOST_TEXT_BYTES + 1)
    if len(data) > MOST_TEXT_BYTES:
        raise InputError(f"it has more than {MOST_TEXT_BYTES} bytes", file=str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("it is no text", file=str(path)) from None


def _first_bytes(path: Path, most: int = 32) -> bytes:
    # A pipe would be waited for.
    if path.exists() and not path.is_file():
        raise InputError("it is no file", file=str(path))
    with path.open("rb") as stream:
        return stream.read(most)

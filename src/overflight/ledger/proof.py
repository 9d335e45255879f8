"""Proofs that stand by themselves: a document that shows an entry to be in a signed log, without the log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from overflight.errors import InputError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import Checkpoint, PublicKey, read_checkpoint, signed_by
from overflight.ledger.entry import Entry, read_entry
from overflight.ledger.log import Ledger

MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What a proof shows: the entry had number `seq` in the log of `checkpoint`.

    `signer` names the key that signed, '' where none was given to check with.
    """

    entry: Entry
    seq: int
    checkpoint: Checkpoint
    signer: str


def make_proof(log: Ledger, seq: int, note: str) -> dict[str, Any]:
    """Return the proof that an entry is in the log that a checkpoint tells of.

    InputError when the checkpoint is of another log, of more entries, or of fewer than the entry's number.
    """
    there = read_checkpoint(note)
    if there != log.checkpoint(there.size):
        raise InputError(
            "the checkpoint is not of this log", remedy="Run `overflight ledger verify` on both."
        )
    if seq >= there.size:
        raise InputError(
            f"entry {seq} came after the checkpoint, which has {there.size}", remedy="Sign a new checkpoint."
        )
    return {
        "overflight_proof": 1,
        "entry": log.data(seq).decode(),
        "seq": seq,
        "path": [one.hex() for one in log.prove_inclusion(seq, there.size)],
        "checkpoint": note,
    }


def check_proof(text: str, keys: Sequence[PublicKey] = ()) -> Proven:
    """Check a proof by itself. InputError says why it proves nothing.

    `keys` are the public keys trusted to sign the log's checkpoints; without any no signature is checked.
    """
    entry, seq, path, note = _parts(text)
    there = read_checkpoint(note)
    if merkle.root_from_inclusion(merkle.leaf_hash(entry), seq, there.size, path) != there.root:
        raise InputError("the entry is not in the log that the checkpoint tells of", field="path")
    signer = next((key.name for key in keys if signed_by(note, key)), "")
    if keys and not signer:
        raise InputError(
            "the checkpoint carries no signature of a key given", field="checkpoint",
            remedy="Get the key's text from whom you trust, not from who sent the proof.",
        )  # fmt: skip
    return Proven(entry=read_entry(entry), seq=seq, checkpoint=there, signer=signer)


def _parts(text: str) -> tuple[bytes, int, list[bytes], str]:
    try:
        if len(text) > MOST_BYTES:
            raise ValueError
        row = json.loads(text)
        entry, seq, path, note = row["entry"], row["seq"], row["path"], row["checkpoint"]
        if row["overflight_proof"] != 1 or type(seq) is not int or not isinstance(note, str):
            raise ValueError
        return entry.encode(), seq, [bytes.fromhex(one) for one in path], note
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError("it is no proof", remedy="`overflight ledger prove` writes one.") from None

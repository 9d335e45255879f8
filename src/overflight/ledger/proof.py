"""Proofs that stand by themselves, without the log: an entry is in it, or it only grew from then to now."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from overflight.errors import InputError
from overflight.ledger import merkle
from overflight.ledger.checkpoint import Checkpoint, PublicKey, read_checkpoint, signed_by
from overflight.ledger.entry import Entry, read_entry
from overflight.ledger.log import Ledger
from overflight.ledger.stamps import Judged, imprint, judge_all

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MOST_BYTES: Final = 1024 * 1024
MOST_STAMPS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What a proof shows: the entry had number `seq` in the log of `checkpoint`.

    `signer` names the key that signed, '' where none was given to check with; `stamps` are the time stamps
    over the checkpoint that came with the proof.
    """

    entry: Entry
    seq: int
    checkpoint: Checkpoint
    signer: str
    stamps: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """What a proof of growth shows: the log of `later` begins with that of `earlier`, unchanged."""

    earlier: Checkpoint
    later: Checkpoint
    signer: str
    stamps: tuple[Judged, ...] = ()


def make_proof(log: Ledger, seq: int, note: str) -> dict[str, Any]:
    """Return the proof that an entry is in the log that a checkpoint tells of, with the stamps over it.

    InputError when the checkpoint is of another log, of more entries, or of fewer than the entry's number.
    """
    there = _of_this(log, note)
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
        "stamps": _stamps(log, [note]),
    }


def make_growth_proof(log: Ledger, earlier: str, later: str) -> dict[str, Any]:
    """Return the proof that the log of a later checkpoint begins with that of an earlier one, unchanged.

    InputError when one of them is of another log, or the earlier has more entries.
    """
    old, new = _of_this(log, earlier), _of_this(log, later)
    if old.size > new.size:
        raise InputError(
            f"the earlier checkpoint has {old.size} entries, the later {new.size}", remedy="Exchange them."
        )
    path = log.prove_consistency(old.size, new.size) if old.size else ()
    return {
        "overflight_growth": 1,
        "earlier": earlier,
        "later": later,
        "path": [one.hex() for one in path],
        "stamps": _stamps(log, [earlier, later]),
    }


def _of_this(log: Ledger, note: str) -> Checkpoint:
    there = read_checkpoint(note)
    if there != log.checkpoint(there.size):
        raise InputError(
            "the checkpoint is not of this log", remedy="Run `overflight ledger verify` on both."
        )
    return there


def _stamps(log: Ledger, notes: Sequence[str]) -> list[str]:
    """Return the tokens that are kept over these checkpoints, in base64, the first that a proof has room for.

    One shows as much as a hundred; those past the room stay in the log and its export.
    """
    # A token holds the hash it is over as it is; so they are told apart without reading them.
    over, room, out = [imprint(note) for note in notes], MOST_BYTES // 2, list[str]()
    for _, token in log.stamps():
        text = base64.b64encode(token).decode()
        if any(hash_ in token for hash_ in over) and len(text) <= room and len(out) < MOST_STAMPS:
            out.append(text)
            room -= len(text)
    return out


def check_proof(text: str, keys: Sequence[PublicKey] = (), roots: Sequence[Certificate] = ()) -> Proven:
    """Check a proof of an entry by itself. InputError says why it proves nothing.

    `keys` are the public keys trusted to sign the log's checkpoints; without any no signature is checked.
    `roots` are the certificates that time stamps must lead to; without any nobody can know who made them.
    """
    row = _row(text, "overflight_proof", ("entry", "checkpoint"))
    entry, seq, note = row["entry"].encode(), row.get("seq"), row["checkpoint"]
    if type(seq) is not int:
        raise _no_proof()
    there = read_checkpoint(note)
    if merkle.root_from_inclusion(merkle.leaf_hash(entry), seq, there.size, _path(row)) != there.root:
        raise InputError("the entry is not in the log that the checkpoint tells of", field="path")
    return Proven(
        entry=read_entry(entry), seq=seq, checkpoint=there, signer=_signer([note], keys),
        stamps=_judged(row, [note], roots),
    )  # fmt: skip


def is_growth_proof(text: str) -> bool:
    """Whether a text seems to be a proof of growth, and none of an entry."""
    # Inside of texts there would be a backslash before the second quote.
    return '"overflight_growth"' in text


def check_growth_proof(text: str, keys: Sequence[PublicKey] = (), roots: Sequence[Certificate] = ()) -> Grown:
    """Check a proof of growth by itself; both checkpoints must be signed where keys are given."""
    row = _row(text, "overflight_growth", ("earlier", "later"))
    notes = [row["earlier"], row["later"]]
    old, new = read_checkpoint(notes[0]), read_checkpoint(notes[1])
    if old.origin != new.origin:
        raise InputError("the two checkpoints are of different logs", field="later")
    if not merkle.is_consistent(old.size, old.root, new.size, new.root, _path(row)):
        raise InputError("the later log does not begin with the earlier one", field="path")
    return Grown(earlier=old, later=new, signer=_signer(notes, keys), stamps=_judged(row, notes, roots))


def _signer(notes: Sequence[str], keys: Sequence[PublicKey]) -> str:
    """Return the names of the keys that signed the checkpoints, '' where none was given."""
    names = [next((key.name for key in keys if signed_by(note, key)), "") for note in notes]
    if keys and not all(names):
        raise InputError(
            "the checkpoint carries no signature of a key given", field="checkpoint",
            remedy="Get the key's text from whom you trust, not from who sent the proof.",
        )  # fmt: skip
    return " and ".join(dict.fromkeys(name for name in names if name))


def _judged(row: Mapping[str, Any], notes: Sequence[str], roots: Sequence[Certificate]) -> tuple[Judged, ...]:
    tokens = row.get("stamps", [])
    if not isinstance(tokens, list) or len(tokens) > MOST_STAMPS:
        raise _no_proof()
    try:
        found = judge_all([base64.b64decode(token, validate=True) for token in tokens], notes, roots)
    except (ValueError, TypeError):
        raise _no_proof() from None
    for one in found:
        if one.state == "bad":
            raise InputError(one.text, field="stamps")
    return found


def _path(row: Mapping[str, Any]) -> list[bytes]:
    try:
        return [bytes.fromhex(one) for one in row["path"]]
    except (ValueError, TypeError, KeyError):
        raise _no_proof() from None


def _row(text: str, kind: str, texts: Sequence[str]) -> Mapping[str, Any]:
    """Return the object that a proof of a kind is; each of `texts` is there and text of whole characters."""
    try:
        row: Any = json.loads(text) if len(text) <= MOST_BYTES else None
        if row[kind] != 1:
            raise ValueError
        for name in texts:
            row[name].encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _no_proof() from None
    return dict(row)


def _no_proof() -> InputError:
    return InputError("it is no proof", remedy="`overflight ledger prove` writes one.")

"""Signed checkpoints: what the log was, said by whom, in a few lines that anyone can keep and check.

The form is the checkpoint of transparency logs (C2SP tlog-checkpoint) in a signed note (C2SP signed-note):

    origin
    size in decimal
    root in base64

    — name base64(4 bytes that name the key, 64 bytes of Ed25519 signature)

A checkpoint kept elsewhere is what shows a log to be cut short or rewritten; the log alone cannot.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from overflight.errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519: Final = b"\x01"
MOST_BYTES: Final = 16 * 1024
# A size above this is no log of ours; it bounds what a hostile note makes us compute.
MOST_ENTRIES: Final = 2**48
_NAME = re.compile(r"[^\s+]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log named `origin` had `size` entries with root `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that checks signatures: its name and 32 bytes. `text` is how it is handed on."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    @property
    def text(self) -> str:
        """The verifier key of C2SP signed notes: name+hash+base64."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.key).decode()}"


def read_public_key(text: str) -> PublicKey:
    """Return the key in a verifier key. InputError where it is none, or its parts do not belong together."""
    parts = text.strip().split("+", 2)
    try:
        raw = base64.b64decode(parts[2], validate=True)
        key = PublicKey(name=parts[0], key=raw[1:])
        good = _NAME.fullmatch(key.name) and raw[:1] == ED25519 and len(raw) == 33
        if not good or key.id.hex() != parts[1]:
            raise ValueError
    except (IndexError, ValueError):
        raise InputError(
            f"{text.strip()[:80]!r} is no public key of a ledger",
            remedy="It looks like name+1a2b3c4d+AbC...=, as `overflight ledger key` prints it.",
        ) from None
    return key


def make_key(path: Path, name: str) -> PublicKey:
    """Write a new private key to a file that only its owner can read; return the public one.

    The file holds the name and the PEM of the key. InputError when it is there already.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a key", field="name", remedy="Use a word without + or blanks."
        )
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError("it is there already", file=str(path), remedy="Keep it, or name another.") from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(f"name: {name}\n".encode() + pem)
    return _public(private, name)


def read_key(path: Path) -> tuple[PublicKey, Ed25519PrivateKey]:
    """Return the key pair of a file that `make_key` wrote."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        first, pem = path.read_bytes().split(b"\n", 1)
        name = first.removeprefix(b"name: ").decode()
        private = serialization.load_pem_private_key(pem, None)
        if not isinstance(private, Ed25519PrivateKey) or not _NAME.fullmatch(name):
            raise ValueError
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(
            "it holds no key of a ledger", file=str(path), remedy="Make one: overflight ledger key FILE."
        ) from None
    return _public(private, name), private


def _public(private: Ed25519PrivateKey, name: str) -> PublicKey:
    return PublicKey(name=name, key=private.public_key().public_bytes_raw())


def sign(checkpoint: Checkpoint, public: PublicKey, private: Ed25519PrivateKey) -> str:
    """Return the signed note of a checkpoint."""
    signature = private.sign(checkpoint.body().encode())
    return f"{checkpoint.body()}\n— {public.name} {base64.b64encode(public.id + signature).decode()}\n"


def read_checkpoint(note: str) -> Checkpoint:
    """Return what a note says, whoever signed it. InputError where it is no checkpoint."""
    body = note.split("\n\n", 1)[0] + "\n"
    lines = body.split("\n")
    try:
        if len(note.encode()) > MOST_BYTES or len(lines) < 4 or not lines[0]:
            raise ValueError
        root = base64.b64decode(lines[2], validate=True)
        size = int(lines[1]) if re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]) else -1
        found = Checkpoint(origin=lines[0], size=size, root=root)
        if len(root) != 32 or not 0 <= size <= MOST_ENTRIES or found.body() != body:
            raise ValueError
    except ValueError:
        raise InputError(
            "it is no checkpoint of a ledger",
            remedy="A checkpoint is three lines (origin, size, root), a blank one and signatures.",
        ) from None
    return found


def signed_by(note: str, key: PublicKey) -> bool:
    """Whether a note carries a good signature of the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    body, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.rpartition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if mark != "—" or name != key.name or raw[:4] != key.id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.key).verify(raw[4:], (body + "\n").encode())
        except InvalidSignature:
            continue
        return True
    return False

"""Time stamps (RFC 3161): an authority's word that a signed checkpoint was there at a time.

What is stamped is the SHA-256 of the note, byte for byte as `ledger checkpoint` wrote it, so that any other
program can check a stamp as well. Kept is the token (the signed part of the authority's answer). The library
that reads tokens, `rfc3161-client`, comes with the extra `stamps`; without it a stamp is kept and not judged.

Whether a certificate was revoked is not looked up: that needs the network, and an authority that is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from overflight.errors import InputError
from overflight.ledger.checkpoint import read_checkpoint
from overflight.times import from_datetime, iso_utc

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

# A token with its chain of certificates has some thousand bytes.
MOST_BYTES: Final = 256 * 1024
MOST_ROOT_BYTES: Final = 4 * 1024**2
# id-sha256 of NIST, the only hash that is asked for.
SHA256_OID: Final = "2.16.840.1.101.3.4.2.1"
# PKIFailureInfo, RFC 3161, 2.4.2.
FAILURES: Final = {
    0: "it does not know the hash",
    2: "it does not allow or know the request",
    5: "it finds the data in the wrong form",
    14: "its time source is not available",
    15: "it does not support the policy asked for",
    16: "it does not support an extension asked for",
    17: "it cannot give what was asked for beside",
    25: "its system failed",
}
NEEDED: Final = "Run: pip install 'overflight[stamps]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a token says, checked or not.

    `time_s` POSIX seconds UTC, give or take `accuracy_s` (None where it does not say); `by` the name in the
    signer's certificate, made safe to print; `imprint` the SHA-256 that was stamped.
    """

    time_s: float
    accuracy_s: float | None
    by: str
    imprint: bytes
    nonce: int | None

    @property
    def told(self) -> str:
        """When and by whom, in words."""
        give = "" if self.accuracy_s is None else f", give or take {self.accuracy_s:g} s"
        return f"{iso_utc(self.time_s)}{give}, by {self.by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A stamp that was held against notes and roots.

    `state` is good (it leads to a root given), unknown (no root was given, or the library is not there) or
    bad; `size` the entries of the checkpoint that it is over, -1 where it is over none that is known.
    """

    state: Literal["good", "unknown", "bad"]
    size: int
    stamp: Stamp | None
    text: str

    def row(self) -> dict[str, Any]:
        """Return it as plain values; time in ISO 8601, '' where unknown."""
        stamp = self.stamp
        return {
            "state": self.state, "size": self.size, "text": self.text,
            "time": iso_utc(stamp.time_s) if stamp else "", "by": stamp.by if stamp else "",
        }  # fmt: skip


def safe(text: str, most: int = 200) -> str:
    """Return text of strangers with all but plain characters written as escapes, cut to `most`."""
    shown = text.encode("unicode_escape", "backslashreplace").decode("ascii")
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def is_installed() -> bool:
    """Whether stamps can be read here."""
    from importlib.util import find_spec

    return find_spec("rfc3161_client") is not None


def imprint(note: str) -> bytes:
    """Return what is stamped of a note."""
    return hashlib.sha256(note.encode()).digest()


def make_request(note: str) -> tuple[bytes, int]:
    """Return the request for a stamp over a note, with its nonce; the answer is to hold its certificate."""
    if not is_installed():
        raise InputError("time stamps need rfc3161-client, which is not installed", remedy=NEEDED)
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    nonce = request.nonce
    if nonce is None:
        raise AssertionError("unreachable: a nonce was asked for")
    return request.as_bytes(), nonce


def token_of(reply: bytes) -> bytes:
    """Return the token in an authority's answer (a TimeStampResp of RFC 3161).

    Raises
    ------
    InputError
        Where it grants none, with the reason it gives, or is no such answer.
    """
    if len(reply) > MOST_BYTES:
        raise InputError(f"an answer of {len(reply)} bytes is no time stamp")
    try:
        tag, begin, end = _element(reply, 0)
        info_tag, info_begin, info_end = _element(reply, begin)
        if (tag, info_tag, end) != (0x30, 0x30, len(reply)):
            raise ValueError
        parts = list(_parts(reply, info_begin, info_end))
        status = int.from_bytes(_only(parts, 0x02, needed=True), "big", signed=True)
        failure, words = _only(parts, 0x03), _only(parts, 0x30)
        token = reply[info_end:end]
        if status in (0, 1) and _element(token, 0)[2] != len(token):
            raise ValueError
    except (ValueError, IndexError):
        raise InputError("it is no answer of a time stamp authority (RFC 3161)") from None
    if status not in (0, 1):
        raise InputError(
            f"the authority grants no time stamp: {_reason(status, failure, words)}",
            remedy="Ask again later, or another authority.",
        )
    return token


def _reason(status: int, failure: bytes, words: bytes) -> str:
    # A bit string: the first byte counts the bits that do not matter at its end.
    bits = [n for n in range(8 * len(failure[1:])) if failure[1 + n // 8] & 0x80 >> n % 8]
    reasons = [FAILURES[n] for n in bits if n in FAILURES]
    if words:
        try:
            said = b" ".join(value for _, value in _parts(words, 0, len(words)))
        except (ValueError, IndexError):
            said = words
        reasons.append(f"it says {safe(said.decode('utf-8', 'backslashreplace'))!r}")
    return ", ".join(reasons) or f"status {status}"


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag of the DER element at a place, and where its value begins and ends.

    ValueError or IndexError where there is none.
    """
    tag, length, begin = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("a length that DER does not have")
        length, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    if begin + length > len(data):
        raise ValueError("cut short")
    return tag, begin, begin + length


def _parts(data: bytes, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    while begin < end:
        tag, first, begin = _element(data[:end], begin)
        yield tag, data[first:begin]


def _only(parts: Sequence[tuple[int, bytes]], tag: int, *, needed: bool = False) -> bytes:
    found = [value for there, value in parts if there == tag]
    if len(found) > 1 or (needed and not found):
        raise ValueError("a part twice or not at all")
    return found[0] if found else b""


def read_stamp(token: bytes) -> Stamp:
    """Return what a token says, without judging its signature. InputError where it is none of ours.

    A stamp by another hash than SHA-256 is none of ours.
    """
    return _stamp(_parsed(token))


def _parsed(token: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    with _told():
        if len(token) > MOST_BYTES:
            raise ValueError(f"{len(token)} bytes")
        return decode_timestamp_response(_answer(token))


def _answer(token: bytes) -> bytes:
    """Return the answer that grants a token, which is what the library reads."""
    body = b"\x30\x03\x02\x01\x00" + token
    size = len(body).to_bytes(4, "big").lstrip(b"\0")
    return b"\x30" + (size if len(body) < 0x80 else bytes([0x80 | len(size)]) + size) + body


def _stamp(parsed: TimeStampResponse) -> Stamp:
    with _told():
        info = parsed.tst_info
        if info.message_imprint.hash_algorithm.dotted_string != SHA256_OID:
            raise ValueError("it is not over a SHA-256")
        # The library gives None where the token has none, whatever its types say.
        accuracy: Any = info.accuracy
        return Stamp(
            time_s=from_datetime(info.gen_time), accuracy_s=_seconds(accuracy), by=_signer(parsed),
            imprint=bytes(info.message_imprint.message), nonce=info.nonce,
        )  # fmt: skip


def _seconds(accuracy: Any) -> float | None:
    if accuracy is None:
        return None
    return (accuracy.seconds or 0) + 1e-3 * (accuracy.millis or 0) + 1e-6 * (accuracy.micros or 0)


def _signer(parsed: TimeStampResponse) -> str:
    """Return the name in the certificate that the one signer names, safe to print."""
    from cryptography.x509 import load_der_x509_certificate

    signers = list(parsed.signed_data.signer_infos)
    if len(signers) != 1:
        raise ValueError(f"{len(signers)} signers")
    for data in parsed.signed_data.certificates:
        one = load_der_x509_certificate(data)
        if (one.issuer, one.serial_number) == (signers[0].issuer, signers[0].serial_number):
            return safe(one.subject.rfc4514_string())
    return "an authority whose certificate is not there"


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library raises over the bytes of a stranger into an InputError."""
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        # A panic of its Rust part comes as a BaseException of its own.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise InputError(f"it is no time stamp that can be read: {safe(str(error))}") from None
        raise


def read_roots(path: Path) -> tuple[Certificate, ...]:
    """Return the certificates of a file, PEM or DER, that are trusted as roots. InputError if it has none."""
    from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

    with path.open("rb") as stream:
        data = stream.read(MOST_ROOT_BYTES + 1)
    try:
        if len(data) > MOST_ROOT_BYTES:
            raise ValueError
        pem = b"-----BEGIN" in data
        return tuple(load_pem_x509_certificates(data) if pem else [load_der_x509_certificate(data)])
    except ValueError:
        raise InputError(
            "it holds no certificate", file=str(path),
            remedy="Give the root of the time stamp authority as PEM or DER.",
        ) from None  # fmt: skip


def judge(token: bytes, notes: Sequence[str], roots: Sequence[Certificate] = ()) -> Judged:
    """Hold a token against the checkpoints that it may be over, and its signature against roots.

    The certificates must have been valid at the time that the stamp says, and meant for time stamps.
    """
    return judge_all([token], notes, roots)[0]


def judge_all(
    tokens: Iterable[bytes], notes: Sequence[str], roots: Sequence[Certificate] = ()
) -> tuple[Judged, ...]:
    """Judge many tokens over the same checkpoints, of which each must be one that can be read."""
    if not is_installed():
        text = f"a time stamp is kept; what it says cannot be known without rfc3161-client. {NEEDED}"
        return tuple(Judged(state="unknown", size=-1, stamp=None, text=text) for _ in tokens)
    sizes = {imprint(note): read_checkpoint(note).size for note in notes}
    return tuple(_judged(token, sizes, roots) for token in tokens)


def _judged(token: bytes, sizes: Mapping[bytes, int], roots: Sequence[Certificate]) -> Judged:
    try:
        parsed = _parsed(token)
        stamp = _stamp(parsed)
    except InputError as error:
        return Judged(state="bad", size=-1, stamp=None, text=f"a time stamp cannot be read: {error.what}")
    size = sizes.get(stamp.imprint)
    if size is None:
        text = f"a time stamp ({stamp.told}) is over no checkpoint that is here"
        return Judged(state="bad", size=-1, stamp=stamp, text=text)
    about = f"the checkpoint of {size} entries was stamped at {stamp.told}"
    if not roots:
        text = f"{about}, as it says: whether by them cannot be known without their root (--tsa-root)"
        return Judged(state="unknown", size=size, stamp=stamp, text=text)
    wrong = _wrong(parsed, stamp, roots)
    if wrong:
        text = f"the time stamp over the checkpoint of {size} entries ({stamp.told}) does not hold: {wrong}"
        return Judged(state="bad", size=size, stamp=stamp, text=text)
    return Judged(state="good", size=size, stamp=stamp, text=f"{about}: signed, and leads to a root given")


def _wrong(parsed: TimeStampResponse, stamp: Stamp, roots: Sequence[Certificate]) -> str:
    """Return why a stamp does not hold against roots, '' where it does."""
    given = list(dict.fromkeys(roots))
    wrong = _wrong_against(parsed, stamp, given)
    # Of two roots of one name only the first is tried: so each alone as well.
    if wrong and len(given) > 1 and not all(_wrong_against(parsed, stamp, [one]) for one in given):
        return ""
    return wrong


def _wrong_against(parsed: TimeStampResponse, stamp: Stamp, roots: list[Certificate]) -> str:
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        with _told():
            VerifierBuilder(roots=roots).build().verify(parsed, stamp.imprint)
    except InputError as error:
        cause = error.__context__
        return safe(str(cause), 400) if isinstance(cause, VerificationError) else error.what
    return ""


def accept(reply: bytes, note: str, *, nonce: int | None, roots: Sequence[Certificate] = ()) -> bytes:
    """Return the token of an answer that is to be kept: over this note, and with the nonce of its request.

    `nonce` None where the answer came in a file. InputError says why it is not kept.
    """
    token = token_of(reply)
    if not is_installed():
        raise InputError("time stamps need rfc3161-client, which is not installed", remedy=NEEDED)
    stamp = read_stamp(token)
    if stamp.imprint != imprint(note):
        raise InputError("the authority stamped something else than was asked for")
    if nonce is not None and stamp.nonce != nonce:
        raise InputError("the answer is to another request: its nonce is not the one that was sent")
    judged = judge(token, [note], roots)
    if judged.state == "bad":
        raise InputError(judged.text, remedy="Check the root that was given, or ask another authority.")
    return token

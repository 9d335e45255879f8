"""Time stamps of checkpoints: an authority made here, OpenSSL as another one, and hostile answers."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import random
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from overflight.cli.app import app
from overflight.errors import FetchError, InputError
from overflight.ledger import stamps, tsa
from overflight.ledger.checkpoint import make_key, read_key, sign
from overflight.ledger.entry import Entry
from overflight.ledger.log import open_ledger

pytest.importorskip("rfc3161_client", reason="rfc3161-client is not installed")

WHEN = "2023-02-04T19:39:00Z"
NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
TST_INFO, SIGNED_DATA, POLICY = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.7.2", "1.3.6.1.4.1.99999.1"
SHA256 = "2.16.840.1.101.3.4.2.1"
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl is not installed")


# --- an authority: DER by hand after RFC 3161 and RFC 5652 ----------------------------------------------


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body).to_bytes(4, "big").lstrip(b"\0") or b"\0"
    return bytes([tag]) + (size if len(body) < 128 else bytes([128 | len(size)]) + size) + body


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    body = bytes([40 * first + second])
    for arc in rest:
        sevens = [arc >> shift & 127 for shift in range(0, max(1, arc.bit_length()), 7)]
        body += bytes([*(128 | one for one in reversed(sevens[1:])), sevens[0]])
    return tlv(6, body)


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def parts_of(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        length, at = data[1], 2
        if length & 128:
            at = 2 + (length & 127)
            length = int.from_bytes(data[2:at], "big")
        found.append((data[0], data[at : at + length]))
        data = data[at + length :]
    return found


@dataclass
class Authority:
    """A root and a certificate for time stamps that it signed."""

    root: x509.Certificate
    root_key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def token(
        self, imprint: bytes, nonce: int | None, *, at: dt.datetime = NOW, hash_: str = SHA256
    ) -> bytes:
        algorithm = sequence(oid(SHA256), tlv(5))
        info = sequence(
            integer(1), oid(POLICY), sequence(sequence(oid(hash_), tlv(5)), tlv(4, imprint)), integer(77),
            tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()), sequence(integer(1)),
            *([] if nonce is None else [integer(nonce)]),
        )  # fmt: skip
        der = self.cert.public_bytes(serialization.Encoding.DER)
        attributes = [
            sequence(oid("1.2.840.113549.1.9.3"), set_of(oid(TST_INFO))),
            sequence(oid("1.2.840.113549.1.9.4"), set_of(tlv(4, hashlib.sha256(info).digest()))),
            sequence(
                oid("1.2.840.113549.1.9.16.2.47"),
                set_of(sequence(sequence(sequence(tlv(4, hashlib.sha256(der).digest()))))),
            ),
        ]
        signed = set_of(*attributes)
        signer = sequence(
            integer(1),
            sequence(self.cert.issuer.public_bytes(), integer(self.cert.serial_number)),
            algorithm,
            b"\xa0" + signed[1:],
            sequence(oid("1.2.840.10045.4.3.2")),
            tlv(4, self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
        )
        data = sequence(
            integer(3), set_of(algorithm), sequence(oid(TST_INFO), tlv(0xA0, tlv(4, info))), tlv(0xA0, der),
            set_of(signer),
        )  # fmt: skip
        return sequence(oid(SIGNED_DATA), tlv(0xA0, data))

    def granted(self, request: bytes) -> bytes:
        imprint, nonce = asked(request)
        return sequence(sequence(integer(0)), self.token(imprint, nonce))


def asked(request: bytes) -> tuple[bytes, int]:
    """Imprint and nonce of a request; it must ask for the certificate as well."""
    parts = parts_of(parts_of(request)[0][1])
    assert [tag for tag, _ in parts] == [2, 0x30, 2, 1]
    assert parts[3][1] == b"\xff"
    return parts_of(parts[1][1])[1][1], int.from_bytes(parts[2][1], "big")


def refused(failure: int, text: str) -> bytes:
    bits = bytearray(4)
    bits[failure // 8] |= 128 >> failure % 8
    return sequence(sequence(integer(2), sequence(tlv(12, text.encode())), tlv(3, b"\0", bytes(bits))))


def certified(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    purpose: x509.ObjectIdentifier | None,
    until: dt.datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(
            digital_signature=purpose is not None, key_cert_sign=purpose is None, crl_sign=purpose is None,
            content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        ), critical=True)
    )  # fmt: skip
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def authority(
    name: str = "Made TSA",
    *,
    purpose: x509.ObjectIdentifier = x509.ExtendedKeyUsageOID.TIME_STAMPING,
    until: dt.datetime = dt.datetime(2050, 1, 1, tzinfo=dt.UTC),
) -> Authority:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Root of {name}")])
    root = certified(
        f"Root of {name}", root_key, own, root_key, purpose=None, until=dt.datetime(2051, 1, 1, tzinfo=dt.UTC)
    )
    return Authority(root, root_key, certified(name, key, own, root_key, purpose=purpose, until=until), key)


@pytest.fixture(scope="module")
def made() -> Authority:
    return authority()


@dataclass
class Site:
    """What the server is to answer, and what it was asked."""

    url: str = ""
    answer: Callable[[bytes], bytes] = lambda _request: b""
    kind: str = "application/timestamp-reply"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    requests: list[bytes] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    there = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            request = self.rfile.read(int(self.headers["Content-Length"]))
            there.requests.append(request)
            body = there.answer(request)
            try:
                self.send_response(there.status)
                self.send_header("Content-Type", there.kind)
                for name, value in there.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                step = max(1, len(body) // 20) if there.pause_s else len(body) or 1
                for begin in range(0, len(body), step):
                    time.sleep(there.pause_s)
                    self.wfile.write(body[begin : begin + step])
            except OSError:
                # Who asked has given up, which is what is tested.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}/tsr"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Made:
    """A log with a signed checkpoint of five entries."""

    path: Path
    note: str
    note_file: Path
    public: str


@pytest.fixture
def log(tmp_path: Path) -> Made:
    public, private = make_key(tmp_path / "key", "watch"), read_key(tmp_path / "key")[1]
    path = tmp_path / "ledger.db"
    with open_ledger(path, make=True, origin="made") as there:
        there.append([(Entry(kind="note", subject=f"entry {i}", recorded=WHEN), None) for i in range(5)])
        note = sign(there.checkpoint(), public, private)
        there.keep_checkpoint(5, note)
    (tmp_path / "note.txt").write_text(note, "utf-8")
    return Made(path, note, tmp_path / "note.txt", public.text)


def root_file(made: Authority, folder: Path, name: str = "root.pem") -> Path:
    (folder / name).write_bytes(made.root.public_bytes(serialization.Encoding.PEM))
    return folder / name


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["ledger", *map(str, words)])


def kept(path: Path) -> list[bytes]:
    with open_ledger(path) as there:
        return [token for _, token in there.stamps()]


# --- granted, kept, handed on ---------------------------------------------------------------------------


def test_a_stamp_is_asked_for_kept_and_judged(made: Authority, site: Site, log: Made, tmp_path: Path) -> None:
    site.answer, root = made.granted, root_file(made, tmp_path)
    done = run("stamp", log.path, "--tsa", site.url, "--tsa-root", root, "--out", tmp_path / "token.tst")
    assert done.exit_code == 0, done.output
    assert "2026-03-04T05:06:07Z, give or take 1 s, by CN=Made TSA: signed" in done.output
    assert asked(site.requests[0])[0] == hashlib.sha256(log.note.encode()).digest()
    assert kept(log.path) == [(tmp_path / "token.tst").read_bytes()]
    export, proof = tmp_path / "all.ledger", tmp_path / "proof.json"
    assert run("export", log.path, "--out", export).exit_code == 0
    assert run("prove", log.path, 3, "--checkpoint", log.note_file, "--out", proof).exit_code == 0
    for path in (log.path, export, proof):
        told = json.loads(run("verify", path, "--key", log.public, "--tsa-root", root, "--json").output)
        assert told["ok"], told
        assert [(s["state"], s["size"], s["time"], s["by"]) for s in told["stamps"]] == [
            ("good", 5, "2026-03-04T05:06:07Z", "CN=Made TSA")
        ]
        told = json.loads(run("verify", path, "--key", log.public, "--json").output)
        assert told["ok"]
        assert [s["state"] for s in told["stamps"]] == ["unknown"]
        assert "whether by them cannot be known" in " ".join(told["lines"])


def test_an_answer_that_came_in_a_file_is_kept(made: Authority, log: Made, tmp_path: Path) -> None:
    (tmp_path / "a.tsr").write_bytes(
        sequence(sequence(integer(0)), made.token(stamps.imprint(log.note), None))
    )
    done = run("stamp", log.path, "--answer", tmp_path / "a.tsr", "--checkpoint", log.note_file)
    assert done.exit_code == 0, done.output
    assert len(kept(log.path)) == 1
    (tmp_path / "a.tsr").write_bytes(sequence(sequence(integer(0)), made.token(bytes(32), None)))
    done = run("stamp", log.path, "--answer", tmp_path / "a.tsr")
    assert done.exit_code == 1
    assert "something else" in done.output


def test_without_the_library_a_stamp_is_told_and_not_judged(
    made: Authority, log: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(log.path) as there:
        there.keep_stamp(5, made.token(stamps.imprint(log.note), 1))
    monkeypatch.setattr(stamps, "is_installed", lambda: False)
    done = run("verify", log.path)
    assert done.exit_code == 0
    assert "overflight[stamps]" in done.output
    done = run("stamp", log.path, "--tsa", "https://tsa.example.org")
    assert done.exit_code == 1
    assert "overflight[stamps]" in done.output


# --- stamps that do not hold ----------------------------------------------------------------------------


def test_a_stamp_of_another_authority_does_not_hold(made: Authority, log: Made) -> None:
    token = made.token(stamps.imprint(log.note), 1)
    assert stamps.judge(token, [log.note], [made.root]).state == "good"
    assert stamps.judge(token, [log.note], [authority().root]).state == "bad"
    assert stamps.judge(token, [log.note], [authority().root, made.root, made.root]).state == "good"
    assert stamps.judge(token, ["made\n0\n" + log.note.split("\n", 2)[2]], [made.root]).state == "bad"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"until": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "expired"),
        ({"purpose": x509.ExtendedKeyUsageOID.SERVER_AUTH}, "purpose"),
    ],
)
def test_a_certificate_must_be_valid_then_and_for_that(
    log: Made, change: dict[str, object], word: str
) -> None:
    bad = authority(**change)  # type: ignore[arg-type]  # one of two named arguments
    found = stamps.judge(bad.token(stamps.imprint(log.note), 1), [log.note], [bad.root])
    assert found.state == "bad"
    assert word in found.text


def test_a_stamp_by_another_hash_is_none(made: Authority, log: Made) -> None:
    sha1 = made.token(hashlib.sha1(log.note.encode()).digest(), 1, hash_="1.3.14.3.2.26")
    assert stamps.judge(sha1, [log.note], [made.root]).state == "bad"


def test_no_byte_of_a_token_can_be_changed_unnoticed_and_none_crashes(made: Authority, log: Made) -> None:
    token, rng = made.token(stamps.imprint(log.note), 1), random.Random(5)
    changed = 0
    for _ in range(400):
        bad = bytearray(token)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        found = stamps.judge(bytes(bad), [log.note], [made.root])
        if found.state == "good":
            # Forms that are not signed, as the version number of the envelope: what it says must be the same.
            assert found.stamp is not None
            assert (found.stamp.time_s, found.stamp.imprint) == (NOW.timestamp(), stamps.imprint(log.note))
        else:
            changed += 1
    assert changed > 350
    for length in rng.sample(range(len(token)), 60):
        assert stamps.judge(token[:length], [log.note], [made.root]).state == "bad"


def test_a_stamp_that_somebody_put_into_the_file_is_damage(made: Authority, log: Made) -> None:
    for token in (b"", b"rubbish", made.token(bytes(32), 1)):
        base = sqlite3.connect(log.path)
        base.execute("DELETE FROM stamp")
        base.execute("INSERT INTO stamp VALUES (5, ?)", (token,))
        base.commit()
        base.close()
        done = run("verify", log.path)
        assert done.exit_code == 4, token
        assert "stamp: a time stamp" in done.output


# --- answers of hostile or broken authorities -----------------------------------------------------------


def told(site: Site, log: Made, *more: object) -> str:
    done = run("stamp", log.path, "--tsa", site.url, *more)
    assert done.exit_code == 1, done.output
    assert kept(log.path) == []
    assert "\x1b" not in done.output
    assert len(done.output) < 2000
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("failure", "reason"), [(0, "does not know the hash"), (14, "time source"), (25, "system failed")]
)
def test_a_refusal_is_told_with_its_reason(site: Site, log: Made, failure: int, reason: str) -> None:
    site.answer = lambda _request: refused(failure, "no\x1b[31m way" + "!" * 5000)
    text = told(site, log)
    assert reason in text
    assert "\\x1b[31m way" in text.replace("\\\\", "\\")


def test_an_answer_to_something_else_is_not_kept(made: Authority, site: Site, log: Made) -> None:
    def granted(
        imprint: Callable[[bytes], bytes], nonce: Callable[[int], int | None]
    ) -> Callable[[bytes], bytes]:
        def answer(request: bytes) -> bytes:
            hash_, number = asked(request)
            return sequence(sequence(integer(0)), made.token(imprint(hash_), nonce(number)))

        return answer

    for wrong in (lambda number: number + 1, lambda _number: None):
        site.answer = granted(lambda hash_: hash_, wrong)
        assert "nonce" in told(site, log)
    site.answer = granted(lambda hash_: hash_[::-1], lambda number: number)
    assert "something else" in told(site, log)


def test_an_answer_of_the_wrong_authority_is_not_kept(
    made: Authority, site: Site, log: Made, tmp_path: Path
) -> None:
    site.answer = authority().granted
    assert "does not hold" in told(site, log, "--tsa-root", root_file(made, tmp_path))


@pytest.mark.parametrize("cut", [0, 1, 2, 9, 40, -1])
def test_an_answer_that_is_cut_is_refused(made: Authority, site: Site, log: Made, cut: int) -> None:
    site.answer = lambda request: made.granted(request)[:cut]
    assert "no answer of a time stamp authority" in told(site, log)


def test_an_answer_with_more_behind_it_is_refused(made: Authority, site: Site, log: Made) -> None:
    site.answer = lambda request: made.granted(request) + b"x"
    assert "no answer of a time stamp authority" in told(site, log)


def test_an_endless_answer_is_given_up(site: Site, log: Made) -> None:
    site.answer = lambda _request: bytes(50_000_000)
    assert "longer than" in told(site, log)


def test_a_page_or_a_redirect_is_no_answer(made: Authority, site: Site, log: Made) -> None:
    site.answer, site.kind = made.granted, "text/html\x1b"
    assert "not application/timestamp-reply" in told(site, log)
    site.kind, site.status, site.headers = "text/plain", 302, {"Location": "http://127.0.0.1:1/other"}
    assert "sends elsewhere" in told(site, log)
    site.status, site.headers = 503, {}
    assert "answered 503" in told(site, log)
    assert len(site.requests) == 3


def test_a_packed_answer_is_not_unpacked(made: Authority, site: Site, log: Made) -> None:
    site.answer, site.headers = made.granted, {"Content-Encoding": "gzip"}
    assert "not application/timestamp-reply" in told(site, log)


def test_who_trickles_is_given_up(made: Authority, site: Site) -> None:
    site.answer, site.pause_s = made.granted, 0.2
    request, _ = stamps.make_request("note")
    with pytest.raises(FetchError, match=r"no time stamp within 0\.5 s"):
        tsa.ask(site.url, request, time_s=0.5)


@contextmanager
def trickling() -> Iterator[int]:
    """A server that sends its headers byte by byte, for ever."""
    server, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        other, _ = server.accept()
        with other:
            other.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not stop.wait(0.05):
                try:
                    other.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        server.close()


def test_headers_that_never_end_are_given_up() -> None:
    with trickling() as port, pytest.raises(FetchError, match="within"):
        tsa.ask(f"http://127.0.0.1:{port}/", b"request", time_s=0.5)


@pytest.mark.parametrize(
    "url", ["http://tsa.example.org/tsr", "ftp://127.0.0.1/", "https://", "", "http://[::1", "file:///etc"]
)
def test_only_https_or_this_machine_is_asked(url: str) -> None:
    with pytest.raises(FetchError, match=r"not HTTPS|no address"):
        tsa.ask(url, b"")


def test_nobody_there_is_told(log: Made) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run("stamp", log.path, "--tsa", f"http://127.0.0.1:{port}/")
    assert done.exit_code == 1
    assert "cannot be asked" in " ".join(done.output.split())


def test_what_to_stamp_and_from_where_must_be_said(log: Made, tmp_path: Path) -> None:
    assert "where the stamp comes from" in run("stamp", log.path).output
    with open_ledger(tmp_path / "fresh.db", make=True):
        pass
    done = run("stamp", tmp_path / "fresh.db", "--tsa", "https://tsa.example.org")
    assert "no signed checkpoint" in " ".join(done.output.split())
    done = run("stamp", tmp_path / "fresh.db", "--tsa", "https://x.example", "--checkpoint", log.note_file)
    assert "not of this log" in " ".join(done.output.split())
    with pytest.raises(InputError, match="no certificate"):
        stamps.read_roots(log.note_file)


# --- proofs with stamps ---------------------------------------------------------------------------------


def test_growth_between_two_checkpoints_is_proved(made: Authority, log: Made, tmp_path: Path) -> None:
    newer, growth, root = tmp_path / "newer.txt", tmp_path / "growth.json", root_file(made, tmp_path)
    with open_ledger(log.path) as there:
        there.append([(Entry(kind="note", subject=f"more {i}", recorded=WHEN), None) for i in range(9)])
        there.keep_stamp(5, made.token(stamps.imprint(log.note), 1))
        public, private = read_key(tmp_path / "key")
        newer.write_text(sign(there.checkpoint(), public, private), "utf-8")
    words = ("prove", log.path, "--since", log.note_file, "--checkpoint", newer, "--out", growth)
    assert run(*words).exit_code == 0
    done = run("verify", growth, "--key", log.public, "--tsa-root", root, "--checkpoint", log.note_file)
    assert done.exit_code == 0, done.output
    assert "of 14 entries" in done.output
    assert "begins with that of 5 entries" in done.output
    assert "leads to a root given" in done.output
    row = json.loads(growth.read_text())
    harms: list[dict[str, object]] = [
        {"path": row["path"][:-1]}, {"path": ["00" * 32, *row["path"][1:]]}, {"later": row["earlier"]},
        {"earlier": row["earlier"].replace("\n5\n", "\n6\n")}, {"overflight_growth": 2}, {"earlier": 5},
        {"stamps": [base64.b64encode(made.token(bytes(32), 1)).decode()]}, {"stamps": ["?"]}, {"stamps": 3},
    ]  # fmt: skip
    for harm in harms:
        growth.write_text(json.dumps(row | harm))
        assert run("verify", growth, "--key", log.public).exit_code == 1, harm
    for words in (
        ("prove", log.path, "--checkpoint", newer),
        ("prove", log.path, 3, "--since", log.note_file, "--checkpoint", newer),
        ("prove", log.path, "--since", newer, "--checkpoint", log.note_file),
    ):
        assert run(*words).exit_code == 1, words


# --- OpenSSL as another implementation ------------------------------------------------------------------


def ssl(folder: Path, *words: object) -> str:
    done = subprocess.run(
        ["openssl", *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


CONFIG = f"""
[tsa]
default_tsa = made
[made]
serial = serial
signer_digest = sha256
default_policy = {POLICY}
digests = sha256
accuracy = secs:1, millisecs:500
ess_cert_id_alg = sha256
clock_precision_digits = 3
"""


@openssl
def test_openssl_answers_our_request(made: Authority, site: Site, log: Made, tmp_path: Path) -> None:
    (tmp_path / "tsa.cnf").write_text(CONFIG)
    (tmp_path / "serial").write_text("01")
    (tmp_path / "tsa.pem").write_bytes(made.cert.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "tsa.key").write_bytes(
        made.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )

    def answer(request: bytes) -> bytes:
        (tmp_path / "q.tsq").write_bytes(request)
        ssl(tmp_path, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-out", "r.tsr")  # fmt: skip
        return (tmp_path / "r.tsr").read_bytes()

    site.answer = answer
    begin = time.time()
    done = run("stamp", log.path, "--tsa", site.url, "--tsa-root", root_file(made, tmp_path))
    assert done.exit_code == 0, done.output
    read = stamps.read_stamp(kept(log.path)[0])
    assert begin - 2 < read.time_s < time.time() + 2
    assert (read.by, read.accuracy_s) == ("CN=Made TSA", 1.5)
    assert ssl(tmp_path, "ts", "-query", "-in", "q.tsq", "-text").count("Certificate required: yes") == 1


@openssl
def test_openssl_holds_our_stamp_for_good(made: Authority, log: Made, tmp_path: Path) -> None:
    """Data is the checkpoint's file as it is; and a stamp over other data is refused."""
    root = root_file(made, tmp_path)
    (tmp_path / "token.tst").write_bytes(made.token(stamps.imprint(log.note), 1))
    words = (
        "ts",
        "-verify",
        "-in",
        "token.tst",
        "-token_in",
        "-CAfile",
        root,
        "-attime",
        "1772600000",
        "-data",
    )
    assert "OK" in ssl(tmp_path, *words, log.note_file)
    (tmp_path / "other.txt").write_text(log.note + " ")
    with pytest.raises(AssertionError, match="mismatch"):
        ssl(tmp_path, *words, "other.txt")

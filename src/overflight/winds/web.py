"""The only module of the winds that opens sockets: bounded HTTPS reads with byte ranges.

Redirects to another host are refused, plain HTTP is for loopback alone, every read has a time limit and
a size limit, and a body that trickles is given up. `httpx` comes with the extra `fetch`.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from overflight.errors import FetchError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_REDIRECTS = 3

# Answers worth asking again for: RFC 9110 (408, 5xx) and RFC 6585 (429).
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait and how often to try.

    `connect_s`, `read_s` seconds without an answer; `retries` more tries after the first, waiting
    `backoff_s`, twice that, and so on; `workers` transfers at once; a body slower than `slow_bps` bytes
    a second over `slow_after_s` seconds is given up.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    retries: int = 4
    backoff_s: float = 1.0
    workers: int = 4
    slow_bps: float = 500.0
    slow_after_s: float = 60.0


class TransientError(FetchError):
    """A failure that may pass: no answer in time, a broken connection, a busy server."""


class NotThereError(FetchError):
    """The server says that there is no such file."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A small file or a range of one: its bytes, its version, and the length of the whole file."""

    content: bytes
    etag: str
    total: int


@dataclass(slots=True)
class Web:
    """An open client, its limits, and the event that stops its transfers."""

    client: httpx.Client
    limits: Limits
    stop: threading.Event


@contextmanager
def open_web(limits: Limits | None = None) -> Iterator[Web]:
    """Open a client for a plan or a download.

    Raises
    ------
    FetchError
        When httpx is not installed; says how to install it.
    """
    try:
        import httpx
    except ImportError as error:
        raise FetchError(
            "fetching winds needs httpx, which is not installed",
            remedy="Run: pip install 'overflight[fetch]'",
        ) from error
    limits = limits or Limits()
    timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
    headers = {"User-Agent": "overflight", "Accept-Encoding": "identity"}
    with httpx.Client(timeout=timeout, headers=headers, follow_redirects=False) as client:
        yield Web(client, limits, threading.Event())


def check_url(url: str) -> None:
    """Raise FetchError unless a URL is HTTPS, or HTTP to this machine itself."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise FetchError(
        f"the address '{url[:200]}' is not HTTPS", remedy="Give an address that begins with https://."
    )


def get_small(
    web: Web, url: str, *, max_bytes: int, first: int | None = None, size: int | None = None
) -> Reply:
    """Return a small file, or `size` bytes of one from `first` on (fewer where the file ends).

    Raises
    ------
    NotThereError, TransientError, FetchError
        As the server answers; also when the body is larger than `max_bytes`.
    """
    headers = {}
    if first is not None and size is not None:
        headers["Range"] = f"bytes={first}-{first + size - 1}"

    def once() -> Reply:
        body = bytearray()
        with stream(web, url, headers) as response:
            for chunk in bounded(web, response):
                body += chunk
                if len(body) > max_bytes:
                    raise FetchError(f"the answer is larger than {max_bytes} bytes", where=url)
            _, total = content_range(response)
            return Reply(bytes(body), response.headers.get("ETag", ""), len(body) if total is None else total)

    return again(web, once)


def get_all(web: Web, work: Sequence[Callable[[], T]]) -> list[T]:
    """Run requests a few at a time, results in order; the first failure stops those not yet begun."""
    with ThreadPoolExecutor(max(1, web.limits.workers)) as pool:
        futures = [pool.submit(one) for one in work]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            # Also on Ctrl-C: workers look at the event between chunks.
            web.stop.set()
            for future in futures:
                future.cancel()
            raise


def again(web: Web, once: Callable[[], T]) -> T:
    """Try, and again after growing pauses while the failure is transient."""
    for tried in range(web.limits.retries + 1):
        try:
            return once()
        except TransientError:
            if tried == web.limits.retries or web.stop.wait(web.limits.backoff_s * 2**tried):
                raise
    raise AssertionError("unreachable")


@contextmanager
def stream(web: Web, url: str, headers: dict[str, str]) -> Iterator[Any]:
    """Open a response with status 200 or 206; other answers and failures become fetch errors."""
    import httpx

    for _ in range(MAX_REDIRECTS + 1):
        check_url(url)
        try:
            with web.client.stream("GET", url, headers=headers) as response:
                if not response.is_redirect:
                    _check_status(response, url)
                    yield response
                    return
                url = _followed(url, response.headers.get("Location", ""))
        except httpx.TimeoutException as error:
            raise TransientError(
                f"no answer within the time limit ({type(error).__name__})",
                where=url,
                remedy="Try again later; what has come is kept.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(
                f"the transfer broke off: {error}", where=url, remedy="Try again; what has come is kept."
            ) from error
    raise FetchError("the server redirects in circles", where=url)


def bounded(web: Web, response: Any) -> Iterator[bytes]:
    """Yield the raw body; gives up when it trickles or when the web was told to stop."""
    began, came = time.monotonic(), 0
    for chunk in response.iter_raw():
        if web.stop.is_set():
            raise FetchError("the download was stopped", remedy="Run it again to go on from here.")
        came += len(chunk)
        spent = time.monotonic() - began
        if spent > web.limits.slow_after_s and came < spent * web.limits.slow_bps:
            raise TransientError("the server sends too slowly", where=str(response.url))
        yield chunk


def content_range(response: Any) -> tuple[int, int | None]:
    """Return the first byte that a response carries and the length of the whole file, None if untold.

    RFC 9110, 14.4: `Content-Range: bytes 0-99/1234` with status 206.
    """
    if response.status_code != 206:
        return 0, None
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None:
        raise FetchError("the server sends a part without saying which", where=str(response.url))
    return int(match[1]), None if match[3] == "*" else int(match[3])


def _check_status(response: Any, url: str) -> None:
    code = response.status_code
    if code in (200, 206):
        return
    what = f"the server answered {code} {response.reason_phrase}"
    if code in (404, 410):
        raise NotThereError(what, where=url)
    if code in _TRANSIENT:
        raise TransientError(what, where=url, remedy="The server is busy; try again later.")
    raise FetchError(what, where=url)


def _followed(url: str, location: str) -> str:
    target = urljoin(url, location)
    here, there = urlsplit(url), urlsplit(target)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc) or not location:
        raise FetchError(
            f"the server redirects to another place: '{target[:200]}'",
            where=url,
            remedy="If the store has moved, give its new address as the base URL.",
        )
    return target


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

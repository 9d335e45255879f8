"""The only module of the log that opens sockets: one bounded request to a time stamp authority.

RFC 3161, 3.4. Plain HTTP is for this machine alone, redirects are not followed, and time and size of the
answer are limited as a whole, headers and all. `httpx` comes with the extra `stamps`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from overflight.errors import FetchError
from overflight.ledger.stamps import MOST_BYTES, NEEDED, safe

if TYPE_CHECKING:
    import httpx

TIME_S: Final = 30.0
ASK_TYPE: Final = "application/timestamp-query"
ANSWER_TYPE: Final = "application/timestamp-reply"


def check_url(url: str) -> None:
    """Raise FetchError unless an address is HTTPS, or HTTP to this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise FetchError(f"'{safe(url)}' is no address") from None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return
    raise FetchError(
        f"the address '{safe(url)}' is not HTTPS",
        remedy="Give one that begins with https://, or fetch the answer yourself and give it by --answer.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ask(url: str, request: bytes, *, time_s: float = TIME_S) -> bytes:
    """Send a request to an authority and return the bytes of its answer, which nobody has checked.

    Raises
    ------
    FetchError
        When httpx is not installed; when there is no answer within `time_s` seconds in all, one of another
        kind, or one that is too long.
    """
    check_url(url)
    try:
        import httpx
    except ImportError as error:
        raise FetchError(
            "asking for a time stamp needs httpx, which is not installed", remedy=NEEDED
        ) from error
    try:
        return asyncio.run(asyncio.wait_for(_ask(url, request, time_s), time_s))
    except (TimeoutError, httpx.TimeoutException) as error:
        raise FetchError(
            f"no time stamp within {time_s:g} s", where=safe(url), remedy="Try again later, or elsewhere."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(
            f"the authority cannot be asked: {safe(str(error))}", where=safe(url), remedy="Check the address."
        ) from error


async def _ask(url: str, request: bytes, time_s: float) -> bytes:
    import httpx

    headers = {"User-Agent": "overflight", "Accept-Encoding": "identity", "Accept": ANSWER_TYPE}
    async with (
        httpx.AsyncClient(timeout=time_s, headers=headers, follow_redirects=False) as client,
        client.stream("POST", url, content=request, headers={"Content-Type": ASK_TYPE}) as answer,
    ):
        _check_answer(answer, url)
        body = bytearray()
        # Raw: what is packed would have to be unpacked before its size is known.
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MOST_BYTES:
                raise FetchError(f"the answer is longer than {MOST_BYTES} bytes", where=safe(url))
        return bytes(body)


def _check_answer(answer: httpx.Response, url: str) -> None:
    if answer.is_redirect:
        there = safe(answer.headers.get("Location", ""))
        raise FetchError(
            f"the authority sends elsewhere: '{there}'", where=safe(url), remedy="Give that if you trust it."
        )
    if answer.status_code != 200:
        raise FetchError(f"the authority answered {answer.status_code}", where=safe(url))
    kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind != ANSWER_TYPE or "Content-Encoding" in answer.headers:
        raise FetchError(
            f"the answer is '{safe(kind)}', not {ANSWER_TYPE}", where=safe(url),
            remedy="Check that it is the address of a time stamp authority.",
        )  # fmt: skip

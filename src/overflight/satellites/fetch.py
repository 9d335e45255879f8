"""Fetch element sets from CelesTrak and from Space-Track. The only module of the satellites with sockets.

**CelesTrak** hands out the newest sets without a login: `gp.php?GROUP=...` or `CATNR=`, `INTDES=`, `NAME=`,
with `FORMAT=json`. It renews them every two hours and answers 403 to whoever asks for the same again before
that; the store remembers what was asked when, and nothing is asked twice within that time.

**Space-Track** has the history, for whoever has an account: a POST of `identity` and `password` to
`/ajaxauth/login` gives a cookie; queries are paths below `/basicspacedata/query/class/gp_history`. It allows
30 requests a minute and 300 an hour and asks that history be fetched once; we stay below and remember, across
runs. Login from OVERFLIGHT_SPACETRACK_USER and OVERFLIGHT_SPACETRACK_PASSWORD, or from the system's keyring
(service 'overflight-space-track') where the package `keyring` is installed. It goes to space-track.org over
HTTPS, or to this machine itself, and to no other host; into no log, message, store or result.

A fetch is a list of parts; each is imported into the store as soon as it has come, so that what was cut off
goes on with the first part that is missing. `httpx` comes with the extra `fetch`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

from overflight.errors import FetchError, InputError, LimitError
from overflight.satellites.elements import MAX_BYTES
from overflight.satellites.store import ElementStore, Imported
from overflight.times import to_datetime
from overflight.units import DAY_S, HOUR_S

if TYPE_CHECKING:
    import httpx

CELESTRAK: Final = "https://celestrak.org"
SPACE_TRACK: Final = "https://www.space-track.org"
LOGIN_DOMAIN: Final = "space-track.org"
USER_VARIABLE: Final = "OVERFLIGHT_SPACETRACK_USER"
PASSWORD_VARIABLE: Final = "OVERFLIGHT_SPACETRACK_PASSWORD"
KEYRING_SERVICE: Final = "overflight-space-track"
# CelesTrak renews its data every two hours (its answer 403 says so).
CELESTRAK_PAUSE_S: Final = 2.0 * HOUR_S
# Space-Track's limits are 30 a minute and 300 an hour; a login counts.
SPACE_TRACK_LIMITS: Final = ((60.0, 25), (HOUR_S, 250))
# Objects a query, so that an address stays short and an answer within the limit of bytes.
OBJECTS_A_PART: Final = 100
MAX_OBJECTS: Final = 20_000
TIMEOUT_S: Final = 60.0
TRIES: Final = 3
QUERIES: Final = ("GROUP", "CATNR", "INTDES", "NAME")
_WORD = re.compile(r"[\w .,+()/&*-]{1,64}", re.ASCII)

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Login:
    """A user of Space-Track. Its text shows neither name nor password."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time and waits; tests bring their own."""

    now_s: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    backoff_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch brought: imports of the parts that came, and what was not asked for and why."""

    imports: tuple[Imported, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def new(self) -> int:
        """Return how many sets are new in the store."""
        return sum(one.new for one in self.imports)


def login_from(environ: Mapping[str, str] | None = None) -> Login:
    """Return the user's login for Space-Track from the environment, else from the system's keyring.

    Raises InputError when there is none.
    """
    env = os.environ if environ is None else environ
    user, password = env.get(USER_VARIABLE, ""), env.get(PASSWORD_VARIABLE, "")
    if user and not password:
        password = _from_keyring(user)
    if user and password:
        return Login(user, password)
    raise InputError(
        "there is no login for Space-Track",
        remedy=f"Set {USER_VARIABLE} and {PASSWORD_VARIABLE}, or the first and a password in the system's "
        f"keyring under the service '{KEYRING_SERVICE}'. An account is free at space-track.org.",
    )


def _from_keyring(user: str) -> str:
    try:
        from importlib import import_module

        found = import_module("keyring").get_password(KEYRING_SERVICE, user)
    except Exception:
        # Not installed, or the system has none: the message of `login_from` names the other way.
        return ""
    return str(found or "")


def fetch_celestrak(
    store: ElementStore,
    query: str,
    value: str,
    *,
    base_url: str = CELESTRAK,
    clock: Clock | None = None,
) -> Fetched:
    """Fetch the newest sets of a group, object, launch or name from CelesTrak into a store.

    Parameters
    ----------
    query : 'GROUP', 'CATNR', 'INTDES' or 'NAME'; value : such as 'resource' or '25544'.

    Raises
    ------
    FetchError, InputError
    """
    clock = clock or Clock()
    if query not in QUERIES or not _WORD.fullmatch(value):
        raise InputError(
            f"{query}={value[:64]!r} is no query", remedy=f"Use {', '.join(QUERIES)} and a plain word."
        )
    what = f"{query}={value.lower() if query == 'GROUP' else value}"
    service = f"celestrak {_host(base_url)}"
    asked = [when for one, when in store.requests(service, clock.now_s() - CELESTRAK_PAUSE_S) if one == what]
    if asked:
        minutes = (asked[-1] + CELESTRAK_PAUSE_S - clock.now_s()) / 60.0
        return Fetched(skipped=(f"{what} was fetched less than two hours ago; again in {minutes:.0f} min",))
    url = f"{base_url}/NORAD/elements/gp.php?{urlencode({query: value, 'FORMAT': 'json'})}"
    with _client() as client:
        status, text = _get(client, url, clock, wait=lambda: None)
    if status == 403 and "not updated" in text:
        store.note_request(service, what, clock.now_s())
        return Fetched(
            skipped=(f"{what}: CelesTrak has nothing newer than what it gave this address before",)
        )
    _check_status(status, text, url)
    if text.lstrip()[:1] not in ("[", "{"):
        raise FetchError(
            f"CelesTrak has no sets for {what} ({_short(text)})", where=_place(url),
            remedy="Its groups are listed at celestrak.org/NORAD/elements.",
        )  # fmt: skip
    got = store.add_text(text, f"celestrak.org {what} {_day(clock.now_s())}", now_s=clock.now_s())
    store.note_request(service, what, clock.now_s())
    return Fetched(imports=(got,))


def fetch_space_track(
    store: ElementStore,
    catalogs: Sequence[int],
    time_start: float,
    time_end: float,
    login: Login,
    *,
    base_url: str = SPACE_TRACK,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch the history of objects over a window from Space-Track into a store.

    What was fetched before is not asked for again. Waits where the limits of the service would be passed.

    Raises
    ------
    FetchError, InputError, LimitError
    """
    clock = clock or Clock()
    wanted = sorted(set(catalogs))
    if not wanted or wanted[0] < 1 or not time_end > time_start:
        raise InputError("there is nothing to fetch", remedy="Give catalogue numbers and a window.")
    if len(wanted) > MAX_OBJECTS:
        raise LimitError(f"{len(wanted)} objects are too many", remedy=f"Ask for {MAX_OBJECTS} at most.")
    service = f"space-track {_login_host(base_url)}"
    window = f"{_day(time_start)}--{_day(time_end + DAY_S)}"
    # A window that was not over when it was asked for is asked for again, not twice an hour.
    had = _had(store, service, window, min(time_end + DAY_S, clock.now_s() - HOUR_S))
    before = [one for one in wanted if one in had]
    open_ = [one for one in wanted if one not in had]
    missing = [open_[i : i + OBJECTS_A_PART] for i in range(0, len(open_), OBJECTS_A_PART)]
    imports: list[Imported] = []
    skipped = (f"{_list(before)} {window} was fetched before",) if before else ()
    if not missing:
        return Fetched(skipped=skipped)

    def wait() -> None:
        _wait_turn(store, service, clock)
        store.note_request(service, "request", clock.now_s())

    with _client() as client:
        _log_in(client, base_url, login, clock, wait)
        for index, part in enumerate(missing):
            name = f"{_list(part)} {window}"
            url = (
                f"{base_url}/basicspacedata/query/class/gp_history/NORAD_CAT_ID/{_list(part)}/EPOCH/{window}"
            )
            url += "/orderby/NORAD_CAT_ID,EPOCH/format/json/emptyresult/show"
            status, text = _get(client, quote(url, safe=":/,%-"), clock, wait=wait)
            _check_status(status, text, f"{base_url} gp_history")
            imports.append(store.add_text(text, f"space-track.org gp_history {name}", now_s=clock.now_s()))
            store.note_request(service, name, clock.now_s())
            if progress is not None:
                progress("fetching element sets", (index + 1) / len(missing))
    return Fetched(imports=tuple(imports), skipped=skipped)


def _had(store: ElementStore, service: str, window: str, since_s: float) -> set[int]:
    """Return the objects of which a window, or one that holds it, was fetched since a time.

    A fetch is noted as its numbers and its window; days of ISO 8601 stand in order as text.
    """
    begin, end = window.split("--")
    found: set[int] = set()
    for what, when in store.requests(service, 0.0):
        numbers, _, fetched = what.partition(" ")
        first, _, last = fetched.partition("--")
        if when > since_s and last and first <= begin and end <= last:
            found |= {int(one) for one in numbers.split(",")}
    return found


def _list(part: Sequence[int]) -> str:
    return ",".join(str(one) for one in part)


def _log_in(
    client: httpx.Client, base_url: str, login: Login, clock: Clock, wait: Callable[[], None]
) -> None:
    import httpx

    wait()
    url = f"{base_url}/ajaxauth/login"
    where = _place(url)
    try:
        response = client.post(url, data={"identity": login.user, "password": login.password})
    except httpx.HTTPError as error:
        # The request holds the password: the error is not chained, and only its kind is told.
        raise FetchError(
            f"no answer to the login ({type(error).__name__})", where=where, remedy="Try again later."
        ) from None
    if response.status_code != 200 or "Failed" in response.text[:200] or not client.cookies:
        raise FetchError(
            f"Space-Track did not take the login (answer {response.status_code})", where=where,
            remedy=f"Check {USER_VARIABLE} and {PASSWORD_VARIABLE} by logging in with a browser.",
        )  # fmt: skip


def _wait_turn(store: ElementStore, service: str, clock: Clock) -> None:
    """Wait until one request more stays within every limit of Space-Track."""
    for span_s, most in SPACE_TRACK_LIMITS:
        while True:
            now = clock.now_s()
            times = [when for what, when in store.requests(service, now - span_s) if what == "request"]
            if len(times) < most:
                break
            clock.sleep(max(times[len(times) - most] + span_s - now, 0.1))


@contextmanager
def _client() -> Iterator[httpx.Client]:
    try:
        import httpx
    except ImportError as error:
        raise FetchError(
            "fetching element sets needs httpx, which is not installed",
            remedy="Run: pip install 'overflight[fetch]'",
        ) from error
    headers = {"User-Agent": "overflight"}
    # Redirects are not followed: a login must not travel, and CelesTrak counts them as errors.
    with httpx.Client(timeout=TIMEOUT_S, headers=headers, follow_redirects=False) as client:
        yield client


def _get(client: httpx.Client, url: str, clock: Clock, *, wait: Callable[[], None]) -> tuple[int, str]:
    """Return status and text of an answer; a busy server and a broken line are tried again."""
    import httpx

    for tried in range(TRIES):
        wait()
        try:
            with client.stream("GET", url) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise FetchError(f"the answer is larger than {MAX_BYTES} bytes", where=_place(url))
            status, text = response.status_code, body.decode("utf-8", "replace")
            if status not in (429, 500, 502, 503, 504) or tried == TRIES - 1:
                return status, text
        except httpx.HTTPError as error:
            if tried == TRIES - 1:
                raise FetchError(
                    f"the transfer broke off ({type(error).__name__})", where=_place(url),
                    remedy="Run it again: what has come is kept.",
                ) from None  # fmt: skip
        clock.sleep(clock.backoff_s * 2**tried)
    raise AssertionError("unreachable")


def _check_status(status: int, text: str, where: str) -> None:
    if status == 200:
        return
    remedy = {
        401: "Log in again.",
        403: "The service refuses this address or this user for now; wait some hours and ask for less.",
        429: "The service is asked too often; wait an hour.",
    }.get(status, "Try again later; what has come is kept.")
    raise FetchError(f"the server answered {status} ({_short(text)})", where=_place(where), remedy=remedy)


def _host(base_url: str) -> str:
    """Return host and port; raises FetchError unless HTTPS, or HTTP to this machine itself."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise FetchError(
            f"the address '{_place(base_url)}' is not HTTPS", remedy="Give one that begins with https://."
        )
    return parts.netloc.rpartition("@")[2]


def _login_host(base_url: str) -> str:
    """Return host and port; raises FetchError unless a login may go there: Space-Track, or this machine."""
    place = _host(base_url)
    host = urlsplit(base_url).hostname or ""
    if not (host == LOGIN_DOMAIN or host.endswith(f".{LOGIN_DOMAIN}") or _is_loopback(host)):
        raise FetchError(
            f"the login is for {LOGIN_DOMAIN} and does not go to '{host[:200]}'",
            remedy="Leave --base-url out, or name a server on this machine.",
        )
    return place


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _place(url: str) -> str:
    """Return an address for a message, without a user and a password in it."""
    plain = re.sub(r"(^|//)[^/]*@", r"\1", url, count=1)
    return plain if len(plain) <= 200 else plain[:199] + "…"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in plain)[:120] or "no text"


def _day(time_s: float) -> str:
    return f"{to_datetime(time_s):%Y-%m-%d}"

"""Fetching from a loopback server that speaks as CelesTrak and Space-Track do; logins stay secret."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from made_sets import made, omm, omm_json

from overflight.errors import FetchError, InputError
from overflight.satellites import fetch
from overflight.satellites.fetch import Clock, Login, fetch_celestrak, fetch_space_track, login_from
from overflight.satellites.store import ElementStore, open_store
from overflight.times import parse_utc
from overflight.units import DAY_S

NOW = parse_utc("2023-06-01T00:00Z")
START, END = parse_utc("2023-02-01T00:00Z"), parse_utc("2023-02-04T00:00Z")
LOGIN = Login("someone@example.org", "correct horse")


class Speaker(BaseHTTPRequestHandler):
    """Answers like the two services; what it was asked is kept in `server.asked`."""

    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(unquote(self.path))
        if self.server.fail:
            status, body = self.server.fail.pop(0)
            self._say(status, body)
        elif self.path.startswith("/NORAD/elements/gp.php"):
            group = parse_qs(urlsplit(self.path).query).get("GROUP", [""])[0]
            known = group == "resource"
            self._say(200, omm_json(made(), made(90_002)) if known else "Invalid query: unknown group")
        elif self.headers.get("Cookie") != "chocolatechip=abc":
            self._say(401, '{"error":"You must be logged in to complete this action"}')
        else:
            numbers = unquote(self.path).split("/NORAD_CAT_ID/")[1].split("/")[0].split(",")
            rows = [omm(made(int(n), epoch="2023-02-02T00:00Z")) for n in numbers]
            self._say(200, json.dumps(rows))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(self.path)
        form = parse_qs(body)
        good = form.get("identity") == [LOGIN.user] and form.get("password") == [LOGIN.password]
        self._say(200, '""' if good else '{"Login":"Failed"}', cookie=good)

    def _say(self, status: int, body: str, *, cookie: bool = False) -> None:
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", "chocolatechip=abc; Path=/; HttpOnly")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_about: object) -> None:
        """Say nothing."""


class Service(ThreadingHTTPServer):
    """A loopback server, what it was asked, and answers to give instead of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaker)
        self.asked: list[str] = []
        self.fail: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Hours:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time_s, self.slept = NOW, 0.0

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds
        self.slept += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now_s=lambda: self.time_s, sleep=self.sleep)


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ElementStore]:
    with open_store(tmp_path / "elements.db", make=True) as opened:
        yield opened


def test_a_group_comes_and_is_not_asked_for_again_within_two_hours(
    service: Service, store: ElementStore
) -> None:
    hours = Hours()
    first = fetch_celestrak(store, "GROUP", "resource", base_url=service.url, clock=hours.clock)
    assert (first.new, len(service.asked)) == (2, 1)
    assert service.asked == ["/NORAD/elements/gp.php?GROUP=resource&FORMAT=json"]
    hours.time_s += 7_100.0
    again = fetch_celestrak(store, "GROUP", "Resource", base_url=service.url, clock=hours.clock)
    assert (again.imports, len(service.asked)) == ((), 1)
    assert "two hours" in again.skipped[0]
    hours.time_s += 200.0
    third = fetch_celestrak(store, "GROUP", "resource", base_url=service.url, clock=hours.clock)
    assert (third.new, third.imports[0].known, len(service.asked)) == (0, 2, 2)


def test_celestraks_own_refusal_is_no_error(service: Service, store: ElementStore) -> None:
    service.fail = [(403, "GP data has not updated since your last successful download of GROUP=resource")]
    got = fetch_celestrak(store, "GROUP", "resource", base_url=service.url, clock=Hours().clock)
    assert got.imports == ()
    assert "nothing newer" in got.skipped[0]


@pytest.mark.parametrize(
    ("fail", "word"),
    [
        ([(403, "Forbidden")], "403"),
        ([(404, "gone")], "404"),
        ([(301, "moved")], "301"),
        ([(503, "busy")] * 3, "503"),
        ([], "no sets"),
    ],
)
def test_other_answers_are_errors_that_say_so(
    service: Service, store: ElementStore, fail: list[tuple[int, str]], word: str
) -> None:
    service.fail = fail
    with pytest.raises(FetchError, match=word):
        fetch_celestrak(store, "GROUP", "nosuch", base_url=service.url, clock=Hours().clock)
    assert store.sources() == []


def test_a_busy_server_is_asked_again_after_a_pause(service: Service, store: ElementStore) -> None:
    service.fail = [(503, "busy")]
    hours = Hours()
    got = fetch_celestrak(store, "GROUP", "resource", base_url=service.url, clock=hours.clock)
    assert (got.new, len(service.asked)) == (2, 2)
    assert hours.slept > 0.0


@pytest.mark.parametrize("value", ["resource&FORMAT=tle", "a\nb", "", "é" * 3, "x" * 100])
def test_words_that_are_no_query_never_leave(service: Service, store: ElementStore, value: str) -> None:
    with pytest.raises(InputError):
        fetch_celestrak(store, "GROUP", value, base_url=service.url)
    assert service.asked == []


@pytest.mark.parametrize("url", ["http://celestrak.org", "ftp://127.0.0.1", "file:///etc", "https://"])
def test_addresses_that_are_not_https_are_refused(store: ElementStore, url: str) -> None:
    with pytest.raises(FetchError, match="HTTPS"):
        fetch_space_track(store, [1], START, END, LOGIN, base_url=url)


def test_history_comes_after_a_login_in_parts(
    service: Service, store: ElementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "OBJECTS_A_PART", 2)
    got = fetch_space_track(store, [3, 1, 2, 3], START, END, LOGIN, base_url=service.url, clock=Hours().clock)
    assert got.new == 3
    assert service.asked[0] == "/ajaxauth/login"
    assert [a.split("/NORAD_CAT_ID/")[1].split("/")[0] for a in service.asked[1:]] == ["1,2", "3"]
    assert all("/EPOCH/2023-02-01--2023-02-05/" in a for a in service.asked[1:])
    assert len(store.choose(START, END, max_age_s=DAY_S)) == 3


def test_a_fetch_that_was_cut_off_goes_on_with_the_part_that_is_missing(
    service: Service, store: ElementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "OBJECTS_A_PART", 1)
    hours = Hours()

    def run() -> fetch.Fetched:
        return fetch_space_track(store, [1, 2, 3], START, END, LOGIN, base_url=service.url, clock=hours.clock)

    broken = [False]
    plain = Speaker._say

    def break_once(self: Speaker, status: int, body: str, *, cookie: bool = False) -> None:
        if "/NORAD_CAT_ID/2/" in unquote(self.path) and not broken[0]:
            broken[0] = True
            status, body = 403, "blocked"
        plain(self, status, body, cookie=cookie)

    monkeypatch.setattr(Speaker, "_say", break_once)
    with pytest.raises(FetchError, match="403"):
        run()
    assert [h.catalog for h in store.held()] == [1]
    got = run()
    assert [h.catalog for h in store.held()] == [1, 2, 3]
    assert sum("/NORAD_CAT_ID/1/" in a for a in service.asked) == 1
    assert "before" in got.skipped[0]
    before = len(service.asked)
    assert run().imports == ()
    assert len(service.asked) == before


def test_a_window_that_was_not_over_is_asked_for_again(service: Service, store: ElementStore) -> None:
    hours = Hours()
    hours.time_s = END - DAY_S
    for wait_s, asked in ((0.0, 1), (600.0, 1), (3_700.0, 2), (30 * DAY_S, 3), (DAY_S, 3)):
        hours.time_s += wait_s
        fetch_space_track(store, [1], START, END, LOGIN, base_url=service.url, clock=hours.clock)
        assert sum("gp_history" in a for a in service.asked) == asked


def test_the_limits_of_space_track_are_kept_across_runs(
    service: Service, store: ElementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 a minute and 300 an hour: we stay below, whoever runs us how often."""
    monkeypatch.setattr(fetch, "OBJECTS_A_PART", 1)
    hours = Hours()
    for first in (1, 41):
        fetch_space_track(
            store, range(first, first + 40), START, END, LOGIN, base_url=service.url, clock=hours.clock
        )
    times = [when for _, when in store.requests(f"space-track {service.url[7:]}", 0.0) if _ == "request"]
    assert len(times) == 82
    for when in times:
        assert sum(when <= other < when + 60.0 for other in times) <= 30
    assert hours.slept > 60.0


def test_a_wrong_password_is_told_without_being_told(service: Service, store: ElementStore) -> None:
    wrong = Login(LOGIN.user, "hunter2-secret")
    with pytest.raises(FetchError, match="did not take the login") as caught:
        fetch_space_track(store, [1], START, END, wrong, base_url=service.url, clock=Hours().clock)
    assert "hunter2" not in str(caught.value)
    assert LOGIN.user not in str(caught.value)


def test_the_login_shows_in_no_text_log_or_store(
    service: Service, store: ElementStore, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.DEBUG):
        fetch_space_track(store, [1], START, END, LOGIN, base_url=service.url, clock=Hours().clock)
    base = sqlite3.connect(store.path)
    dumped = "\n".join(base.iterdump())
    base.close()
    for text in (repr(LOGIN), str(LOGIN), caplog.text, dumped, " ".join(service.asked)):
        assert "correct" not in text
        assert "someone" not in text
    assert caplog.text, "httpx logs its requests: the test would see a login in them"


def test_no_answer_at_the_login_keeps_the_password_out_of_the_error(store: ElementStore) -> None:
    with pytest.raises(FetchError, match="no answer") as caught:
        fetch_space_track(store, [1], START, END, LOGIN, base_url="http://127.0.0.1:9", clock=Hours().clock)
    assert caught.value.__cause__ is None
    assert "correct" not in repr(caught.value)


def test_where_the_login_comes_from() -> None:
    names = {"OVERFLIGHT_SPACETRACK_USER": "a", "OVERFLIGHT_SPACETRACK_PASSWORD": "b"}
    assert login_from(names) == Login("a", "b")
    with pytest.raises(InputError, match="no login"):
        login_from({})


@pytest.mark.parametrize(
    "url",
    [
        "https://celestrak.org",
        "https://space-track.org.example.net",
        "https://notspace-track.org",
        "https://www.space-track.org@example.net",
    ],
)
def test_the_login_goes_to_no_other_host(
    store: ElementStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_log_in", lambda *_about: pytest.fail("a login was about to leave"))
    with pytest.raises(FetchError, match="does not go to"):
        fetch_space_track(store, [1], START, END, LOGIN, base_url=url, clock=Hours().clock)


def test_a_user_in_an_address_is_in_no_message(service: Service, store: ElementStore) -> None:
    service.fail = [(404, "gone")]
    url = service.url.replace("//", "//someone:hunter2@")
    for base_url in (url, "http://someone:hunter2@example.net", "someone:hunter2@example.net"):
        with pytest.raises(FetchError) as caught:
            fetch_celestrak(store, "GROUP", "resource", base_url=base_url, clock=Hours().clock)
        assert "hunter2" not in str(caught.value)
        assert "someone" not in str(caught.value)
    service.fail = [(404, "gone")]
    with pytest.raises(FetchError) as caught:
        fetch_celestrak(store, "GROUP", "nosuch", base_url=url, clock=Hours().clock)
    assert "hunter2" not in str(caught.value)


def test_history_of_an_object_is_asked_for_once_whatever_it_is_asked_with(
    service: Service, store: ElementStore
) -> None:
    """Other company and a window within the one that was fetched bring no second request for it."""

    def run(wanted: list[int], start: float = START, end: float = END) -> fetch.Fetched:
        return fetch_space_track(store, wanted, start, end, LOGIN, base_url=service.url, clock=Hours().clock)

    run([1, 2])
    assert "1,2 2023-02-01" in run([1, 2, 3]).skipped[0]
    asked = [a.split("/NORAD_CAT_ID/")[1].split("/")[0] for a in service.asked if "gp_history" in a]
    assert asked == ["1,2", "3"]
    assert run([3, 1], START + DAY_S, END - DAY_S).imports == ()
    assert len(run([3, 1], START, END + DAY_S).imports) == 1

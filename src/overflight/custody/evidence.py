"""`account.toml`: what is known of sensors, storage and links, and the evidence.

`docs/account.md` has every key.

Three things are kept apart. A *ceiling* is what hardware can do at most: it bounds what could be collected or
sent. A *prior* is what was believed before the evidence; it moves no hard bound. A row of *evidence* is a
statement with a source; while it is used it binds the hard bounds, and in the posterior it counts as far as
its source is credible.

Grades are those of the Admiralty code (STANAG 2511): reliability of the source A to F, credibility of the
information 1 to 6. F and 6 mean that it cannot be judged, which is not the same as false.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, get_args

from overflight.case import find_line
from overflight.custody.links import SERVICES, LineOfSight, Link, Provenance, Service, service
from overflight.custody.priors import Prior, fixed, parse_choice, parse_prior
from overflight.custody.storage import POLICIES
from overflight.errors import InputError
from overflight.rows import nearest, read_text, shorten, valid_id

Artefact = Literal["images", "signals", "telemetry"]
Quantity = Literal["collected", "sent", "kept", "deleted", "recovered", "altered", "unaccounted", "both"]
Side = Literal["at_least", "at_most", "exactly", "about"]
Scope = Literal["images", "signals", "telemetry", "all"]

FILE: Final = "account.toml"
VERSION: Final = 1
CLASSES: Final[tuple[Artefact, ...]] = get_args(Artefact)
QUANTITIES: Final[tuple[Quantity, ...]] = get_args(Quantity)
SIDES: Final[tuple[Side, ...]] = get_args(Side)
# Kinds of evidence that are not `<quantity>_<side>`.
OTHER_KINDS: Final = (
    "recorder_size", "rf_bursts", "recovered_share_at_least", "recovered_share_at_most", "content", "none",
)  # fmt: skip
# What may be said to be wholly listed.
COMPLETE: Final = (*CLASSES, "links")
# 9 petabytes: amounts stay whole numbers in float64.
MOST_BYTES: Final = 2.0**53
MOST_RATE_BPS: Final = 1e15
MOST_ROWS: Final = 200
MOST_FILE_BYTES: Final = 1_000_000
MOST_HOURS: Final = 24.0 * 400.0
# Chance that a statement holds, by the grade of source and information: our reading of the Admiralty code,
# which gives no numbers, and no more than a default. `p_true` of a row stands in for it.
P_SOURCE: Final[Mapping[str, float]] = {"A": 0.99, "B": 0.95, "C": 0.85, "D": 0.6, "E": 0.4, "F": 0.7}
P_INFORMATION: Final[Mapping[str, float]] = {"1": 0.99, "2": 0.9, "3": 0.75, "4": 0.5, "5": 0.25, "6": 0.7}
ALWAYS: Final = fixed(1.0)
ANY_POLICY: Final = Prior("choice", of=POLICIES, weights=(1 / 3, 1 / 3, 1 / 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """What makes data of a class.

    `max_bps` is the most that it can make, None when not known. The rest are priors: `rate_bps` while it
    works (for each site in its reach where `per` is 'site'), `duty` the share of the time that it works, in
    spells with a mean cycle of `cycle_h`; an item of its data is what it makes in `item_s`. Its reach is
    where a site sees the balloon at `least_elevation_deg` or more, by day where `daylight`. Without
    `rate_bps` there is no posterior for its class.
    """

    id: str
    artefact: Artefact
    max_bps: float | None = None
    rate_bps: Prior | None = None
    duty: Prior = ALWAYS
    cycle_h: float = 6.0
    item_s: float = 60.0
    per: Literal["time", "site"] = "time"
    least_elevation_deg: float = 0.0
    daylight: bool = False
    priority: int = 1
    send: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The recorder: `most_bytes` is what it can hold at most, None when not known; the rest are priors."""

    most_bytes: float | None = None
    capacity_bytes: Prior | None = None
    policy: Prior = ANY_POLICY
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """A link that may have been used, with the prior chance of it.

    `availability` is the share of the time that it worked, in spells with a mean cycle of `cycle_h`, `share`
    the part of its ceiling that it reached.
    """

    link: Link
    used: float = 1.0
    availability: Prior = ALWAYS
    share: Prior = ALWAYS
    cycle_h: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A statement. `kind` is `<quantity>_<side>` or one of OTHER_KINDS; `amount` bytes, or a share.

    `sd` and `grain_bytes` are the error of 'exactly' and 'about' in the posterior: a share of the amount, and
    the lumps that it comes in. A row that is not `used` is shown and binds nothing.
    """

    id: str
    kind: str
    artefact: Scope = "all"
    amount: float | None = None
    high: float | None = None
    sd: float = 0.05
    grain_bytes: float = 0.0
    source: str = ""
    credibility: str = "F6"
    p_true: float = 1.0
    text: str = ""
    url: str = ""
    use: bool = True
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of one flight's data. `hours` is how long it worked; None: as long as the flight."""

    title: str = ""
    hours: float | None = None
    complete: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    storage: Storage = Storage()
    links: tuple[LinkPlan, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    recovered_share: Prior | None = None
    altered_share: Prior | None = None
    samples: int = 1000
    seed: int = 0
    file: str = ""


def quantity_of(kind: str) -> tuple[Quantity, Side] | None:
    """Return what a kind of evidence speaks of, and how; None for the other kinds."""
    for quantity in QUANTITIES:
        for side in SIDES:
            if kind == f"{quantity}_{side}":
                return quantity, side
    return None


def kinds() -> tuple[str, ...]:
    """Return every kind of evidence."""
    return (*(f"{q}_{s}" for q in QUANTITIES for s in SIDES), *OTHER_KINDS)


def grade_p(credibility: str) -> float:
    """Return the default chance that a statement of a grade such as 'B2' holds; see P_SOURCE."""
    return P_SOURCE[credibility[0]] * P_INFORMATION[credibility[1]]


# --- reading ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _At:
    """A table of the file, with its path and the text for line numbers."""

    data: Mapping[str, Any]
    path: str
    text: str
    file: str

    def refuse(self, key: str, what: str, remedy: str = "") -> NoReturn:
        """Raise InputError at a key."""
        field = f"{self.path}.{key}" if self.path and key else self.path or key
        raise InputError(what, file=self.file, line=find_line(self.text, field), field=field, remedy=remedy)

    def known(self, keys: Sequence[str]) -> None:
        """Refuse a key that is not among those known."""
        for key in self.data:
            if key not in keys:
                near = nearest(key, keys)
                self.refuse(shorten(str(key)), "is not a key here", near or f"Known: {', '.join(keys)}.")

    def table(self, key: str) -> _At:
        """Return the table at a key, empty where there is none."""
        value = self.data.get(key, {})
        if not isinstance(value, Mapping):
            self.refuse(key, "is no table", f"Write [{key}].")
        return _At(value, f"{self.path}.{key}" if self.path else key, self.text, self.file)

    def tables(self, key: str) -> list[_At]:
        """Return the tables of a list of tables."""
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            self.refuse(key, "is no list of tables", f"Write [[{key}]].")
        if len(value) > MOST_ROWS:
            self.refuse(key, f"has {len(value)} rows", f"Give {MOST_ROWS} at most.")
        return [_At(row, f"{key}[{n}]", self.text, self.file) for n, row in enumerate(value)]

    def number(self, key: str, default: float | None, low: float, high: float) -> float | None:
        """Return a number within limits, the default where it is left out."""
        value = self.data.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.refuse(key, f"{shorten(repr(value))} is no finite number", "Give a number, without quotes.")
        if not low <= value <= high:
            self.refuse(key, f"{value:g} is outside {low:g} to {high:g}", "Check the unit: bytes, bit/s, h.")
        return float(value)

    def sure(self, key: str, default: float, low: float, high: float) -> float:
        """Return a number that has a default."""
        value = self.number(key, default, low, high)
        return default if value is None else value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Return a whole number that has a default."""
        value = self.sure(key, default, low, high)
        if value != int(value):
            self.refuse(key, f"{value:g} is no whole number", "Give a whole number.")
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self.refuse(key, f"{shorten(repr(value))} is neither true nor false", "Write true or false.")
        return value

    def words(self, key: str, default: str = "") -> str:
        """Return a text of at most 2000 characters."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            self.refuse(key, f"{shorten(repr(value))} is no text", "Put it in quotes.")
        if len(value) > 2000:
            self.refuse(key, f"is {len(value)} characters long", "Shorten it to 2000.")
        return value

    def one_of(self, key: str, names: Sequence[str], default: str | None = None) -> str:
        """Return one of the words."""
        value = self.data.get(key, default)
        if value is None:
            self.refuse(key, "is missing", f"Use one of {', '.join(names)}.")
        if value not in names:
            near = nearest(str(value), names)
            self.refuse(key, f"is {shorten(repr(value))}", near or f"Use one of {', '.join(names)}.")
        return str(value)

    def identity(self) -> str:
        """Return the id of a row."""
        value = self.data.get("id")
        if not isinstance(value, str) or not valid_id(value):
            self.refuse("id", f"is {shorten(repr(value))}", "Give 1 to 64 letters, digits, '_' or '-'.")
        return value

    def prior(self, key: str, low: float, high: float) -> Prior | None:
        """Return the prior at a key, None where it is left out."""
        if key not in self.data:
            return None
        try:
            return parse_prior(self.data[key], low, high)
        except ValueError as error:
            self.refuse(key, str(error), "Give a number, or a prior as docs/account.md has it.")


def read_account(path: str | Path) -> Account:
    """Read an account: the file, or the folder of a case that holds `account.toml`.

    Raises InputError with file, line where it can be found, key and remedy.
    """
    given = Path(path)
    file = given / FILE if given.is_dir() else given
    return parse_account(read_text(file, limit_bytes=MOST_FILE_BYTES), file=file.name)


def parse_account(text: str, *, file: str = FILE) -> Account:
    """Parse the text of an account. Raises InputError as `read_account`."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        raise InputError(
            f"is not TOML ({error})", file=file, line=int(found[1]) if found else None,
            remedy="Text stands in quotes, tables in [brackets].",
        ) from error  # fmt: skip
    top = _At(data, "", text, file)
    top.known(("version", "account", "sensor", "storage", "link", "recovery", "posterior", "evidence"))
    if top.data.get("version") != VERSION:
        top.refuse("version", f"is {shorten(repr(top.data.get('version')))}", f"Write version = {VERSION}.")
    head, recovery, posterior = top.table("account"), top.table("recovery"), top.table("posterior")
    head.known(("title", "hours", "complete"))
    recovery.known(("share", "altered_share"))
    posterior.known(("samples", "seed"))
    account = Account(
        title=head.words("title"),
        hours=head.number("hours", None, 1e-3, MOST_HOURS),
        complete=_complete(head),
        sensors=tuple(_sensor(row) for row in top.tables("sensor")),
        storage=_storage(top.table("storage")),
        links=tuple(_link(row) for row in top.tables("link")),
        evidence=tuple(_evidence(row) for row in top.tables("evidence")),
        recovered_share=recovery.prior("share", 0.0, 1.0),
        altered_share=recovery.prior("altered_share", 0.0, 1.0),
        samples=posterior.whole("samples", 1000, 100, 200_000),
        seed=posterior.whole("seed", 0, 0, 2**53),
        file=file,
    )
    _check_ids(account, top)
    return account


def _complete(head: _At) -> tuple[str, ...]:
    value = head.data.get("complete", [])
    if not isinstance(value, list) or not all(name in COMPLETE for name in value):
        head.refuse("complete", f"is {shorten(repr(value))}", f"List some of {', '.join(COMPLETE)}.")
    return tuple(value)


def _sensor(row: _At) -> Sensor:
    row.known(("class", *(f.name for f in fields(Sensor) if f.name != "artefact")))
    made = Sensor(
        id=row.identity(),
        artefact=_artefact(row.one_of("class", CLASSES)),
        max_bps=row.number("max_bps", None, 0.0, MOST_RATE_BPS),
        rate_bps=row.prior("rate_bps", 0.0, MOST_RATE_BPS),
        duty=row.prior("duty", 0.0, 1.0) or ALWAYS,
        cycle_h=row.sure("cycle_h", 6.0, 0.1, 1000.0),
        item_s=row.sure("item_s", 60.0, 1e-3, 86400.0),
        per="site" if row.one_of("per", ("time", "site"), "time") == "site" else "time",
        least_elevation_deg=row.sure("least_elevation_deg", 0.0, -2.0, 89.9),
        daylight=row.flag("daylight", False),
        priority=row.whole("priority", 1, 0, 1000),
        send=row.flag("send", True),
        source=row.words("source"),
    )
    if made.per == "time" and (made.daylight or made.least_elevation_deg != 0.0):
        key = "daylight" if made.daylight else "least_elevation_deg"
        row.refuse(key, "is for a sensor that works site by site", 'Write per = "site", or leave it out.')
    return made


def _artefact(word: str) -> Artefact:
    return CLASSES[CLASSES.index(word)]


def _storage(row: _At) -> Storage:
    row.known(tuple(f.name for f in fields(Storage)))
    policy = Storage().policy
    if "policy" in row.data:
        try:
            policy = parse_choice(row.data["policy"], POLICIES)
        except ValueError as error:
            row.refuse("policy", str(error), "Give a word, or a choice as docs/account.md has it.")
    return Storage(
        most_bytes=row.number("most_bytes", None, 0.0, MOST_BYTES),
        capacity_bytes=row.prior("capacity_bytes", 0.0, MOST_BYTES),
        policy=policy,
        source=row.words("source"),
    )


_PLAN_KEYS: Final = ("used", "availability", "share", "cycle_h")
_LINE_KEYS: Final = (
    "lon_deg", "lat_deg", "alt_m", "frequency_hz", "eirp_dbw", "gain_over_noise_dbpk", "symbols_hz",
)  # fmt: skip


def _link(row: _At) -> LinkPlan:
    return LinkPlan(
        link=_which_link(row),
        used=row.sure("used", 1.0, 0.0, 1.0),
        availability=row.prior("availability", 0.0, 1.0) or ALWAYS,
        share=row.prior("share", 0.0, 1.0) or ALWAYS,
        cycle_h=row.sure("cycle_h", 6.0, 0.1, 1000.0),
    )


def _which_link(row: _At) -> Link:
    """Return a service of the table, a service or network with a rate of its own, or a line of sight."""
    if "service" in row.data:
        row.known(("service", *_PLAN_KEYS))
        return service(row.one_of("service", tuple(SERVICES)))
    if "symbols_hz" in row.data:
        row.known(("id", "name", *_LINE_KEYS, "margin_db", "least_elevation_deg", *_PLAN_KEYS))
        values = {key: row.number(key, None, -1e12, 1e12) for key in _LINE_KEYS}
        for key, value in values.items():
            if value is None:
                row.refuse(key, "is missing", "A line of sight needs the whole of its budget.")
        whole = {key: float(value) for key, value in values.items() if value is not None}
        name = row.identity()
        try:
            return LineOfSight(
                id=name, name=row.words("name", name), **whole,
                margin_db=row.sure("margin_db", 3.0, -50.0, 100.0),
                least_elevation_deg=row.sure("least_elevation_deg", 0.0, -2.0, 89.9),
            )  # fmt: skip
        except InputError as error:
            row.refuse(error.field, error.what, error.remedy)
    row.known(("id", "name", "up_bps", "provenance", "source", *_PLAN_KEYS))
    name, rate = row.identity(), row.number("up_bps", None, 0.0, MOST_RATE_BPS)
    if rate is None:
        row.refuse("service", "is missing", f"Name one of {', '.join(SERVICES)}; or give id and up_bps.")
    words: tuple[Provenance, ...] = get_args(Provenance)
    provenance = words[words.index(row.one_of("provenance", words, "assumed"))]
    return Service(
        id=name, name=row.words("name", name), up_bps=rate, down_bps=0.0, provenance=provenance,
        source=row.words("source", "the account's own"),
    )  # fmt: skip


def _evidence(row: _At) -> Evidence:
    row.known(
        ("id", "kind", "class", "bytes", "share", "count", "bytes_each_at_least", "bytes_each_at_most", "sd",
         "grain_bytes", "source", "credibility", "p_true", "text", "url", "use")
    )  # fmt: skip
    kind = row.one_of("kind", kinds())
    amount, high = _amounts(row, kind)
    grade = row.words("credibility", "F6")
    if not re.fullmatch(r"[A-F][1-6]", grade):
        row.refuse("credibility", f"is {shorten(repr(grade))}", "Grade source and information, as in 'B2'.")
    if not row.words("source"):
        row.refuse("source", "is missing", "Say who stated or measured it: no row counts without.")
    scope = row.one_of("class", (*CLASSES, "all"), "all")
    if kind == "recorder_size" and scope != "all":
        row.refuse("class", "a recorder holds all classes", "Leave it out.")
    return Evidence(
        id=row.identity(),
        kind=kind,
        artefact="all" if scope == "all" else _artefact(scope),
        amount=amount,
        high=high,
        sd=row.sure("sd", 0.05, 1e-4, 10.0),
        grain_bytes=row.sure("grain_bytes", 0.0, 0.0, MOST_BYTES),
        source=row.words("source"),
        credibility=grade,
        p_true=row.sure("p_true", grade_p(grade), 0.0, 1.0),
        text=row.words("text"),
        url=row.words("url"),
        use=row.flag("use", True),
        line=find_line(row.text, f"{row.path}.kind"),
    )


def _amounts(row: _At, kind: str) -> tuple[float | None, float | None]:
    """Return the bytes or the share that a kind needs; of bursts the least and the most."""
    wanted: tuple[str, ...] = ("bytes",)
    if kind in ("none", "content"):
        wanted = ()
    elif kind.startswith("recovered_share"):
        wanted = ("share",)
    elif kind == "rf_bursts":
        wanted = ("count", "bytes_each_at_least", "bytes_each_at_most")
    for key in ("bytes", "share", "count", "bytes_each_at_least", "bytes_each_at_most"):
        if key in row.data and key not in wanted:
            row.refuse(key, f"does not belong to the kind {kind}", f"It takes {', '.join(wanted) or 'none'}.")
    if kind in ("none", "content"):
        if not row.words("text"):
            row.refuse("text", "is missing", "Say what was looked for and not found, or what was in it.")
        return None, None
    if kind == "rf_bursts":
        return _bursts(row)
    amount = row.number(wanted[0], None, 0.0, 1.0 if wanted[0] == "share" else MOST_BYTES)
    if amount is None:
        row.refuse(wanted[0], "is missing", f"The kind {kind} needs it.")
    return amount, None


def _bursts(row: _At) -> tuple[float, float | None]:
    """Return the least that observed bursts carried, and the most if there were no others."""
    count = row.whole("count", -1, -1, 2**53)
    if count < 0:
        row.refuse("count", "is missing", "Say how many bursts were observed.")
    least = row.sure("bytes_each_at_least", 0.0, 0.0, MOST_BYTES)
    most = row.number("bytes_each_at_most", None, 0.0, MOST_BYTES)
    if most is not None and most < least:
        row.refuse("bytes_each_at_most", f"{most:g} is less than the least, {least:g}", "Exchange them.")
    for each in (least, most):
        if each is not None and count * each > MOST_BYTES:
            row.refuse("count", f"{count} bursts of {each:g} bytes are more than 9 petabytes", "Check them.")
    return count * least, None if most is None else count * most


def _check_ids(account: Account, top: _At) -> None:
    for key, names in (
        ("sensor", [s.id for s in account.sensors]),
        ("link", [plan.link.id for plan in account.links]),
        ("evidence", [e.id for e in account.evidence]),
    ):
        for n, name in enumerate(names):
            if name in names[:n]:
                row = _At({}, f"{key}[{n}]", top.text, top.file)
                row.refuse("id", f"'{name}' is there twice", "Give each its own.")

"""A local store of element sets, one SQLite file: import once, ask for any date.

::

    source    what was imported: name, SHA-256, when, how many sets, how many refused
    element   the sets; an object at an epoch with the same numbers is there once
    request   what was asked of which service and when, so that no limit is passed between runs

An import of the same file adds nothing. The sets are public data of the United States government under the
terms of whoever handed them out; the store is the user's own and no part of any result but what was chosen
from it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError
from overflight.satellites.elements import ElementSet, Reading, parse_elements
from overflight.times import iso_utc

APPLICATION_ID: Final = 0x0F11E1E5
VERSION: Final = 1
WAIT_S: Final = 30.0
ENVIRON: Final = "OVERFLIGHT_ELEMENTS"
COLUMNS: Final = (
    "catalog", "epoch_s", "digest", "name", "designator", "mean_motion_degps", "eccentricity",
    "inclination_deg", "node_deg", "perigee_deg", "anomaly_deg", "bstar", "number", "revolution", "line",
    "source",
)  # fmt: skip
TABLES: Final = """
CREATE TABLE source (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, imported_s REAL NOT NULL,
  sets INTEGER NOT NULL, refused INTEGER NOT NULL) STRICT;
CREATE TABLE element (
  catalog INTEGER NOT NULL, epoch_s REAL NOT NULL, digest TEXT NOT NULL, name TEXT NOT NULL,
  designator TEXT NOT NULL, mean_motion_degps REAL NOT NULL, eccentricity REAL NOT NULL,
  inclination_deg REAL NOT NULL, node_deg REAL NOT NULL, perigee_deg REAL NOT NULL, anomaly_deg REAL NOT NULL,
  bstar REAL NOT NULL, number INTEGER NOT NULL, revolution INTEGER NOT NULL, line INTEGER NOT NULL,
  source INTEGER NOT NULL REFERENCES source(id),
  PRIMARY KEY (catalog, epoch_s, digest)) STRICT, WITHOUT ROWID;
CREATE TABLE request (service TEXT NOT NULL, what TEXT NOT NULL, asked_s REAL NOT NULL) STRICT;
CREATE INDEX request_by_time ON request (service, asked_s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import brought: sets that are new, sets that were there, and what was refused."""

    name: str
    new: int
    known: int
    reading: Reading

    @property
    def refused(self) -> int:
        """Return how many sets were refused."""
        return len(self.reading.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a store has of one object: sets and the span of their epochs, POSIX seconds."""

    catalog: int
    name: str
    sets: int
    first_s: float
    last_s: float


class ElementStore:
    """An open store. Its methods are the only ones that read or change the file."""

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self.path, self._base = path, base

    def __enter__(self) -> ElementStore:
        """Return the store itself."""
        return self

    def __exit__(self, *_about: object) -> None:
        """Close the file."""
        self._base.close()

    def add_text(self, text: str, name: str, *, now_s: float | None = None) -> Imported:
        """Import a text of any known format; `name` is what it is called in messages and provenance."""
        sha = hashlib.sha256(text.encode("utf-8")).hexdigest()
        reading = parse_elements(text, name)
        now = time.time() if now_s is None else now_s
        with self._writing():
            self._base.execute(
                "INSERT OR IGNORE INTO source (name, sha256, imported_s, sets, refused) "
                "VALUES (?, ?, ?, ?, ?)",
                (name, sha, now, len(reading.sets), len(reading.refused)),
            )
            (source,) = self._base.execute("SELECT id FROM source WHERE sha256 = ?", (sha,)).fetchone()
            before = self._count()
            self._base.executemany(
                f"INSERT OR IGNORE INTO element VALUES ({', '.join('?' * len(COLUMNS))})",
                (_row(one, source) for one in reading.sets),
            )
            new = self._count() - before
        return Imported(name=name, new=new, known=len(reading.sets) - new, reading=reading)

    def choose(
        self,
        time_start: float,
        time_end: float,
        *,
        max_age_s: float,
        catalogs: Iterable[int] | None = None,
        names: Iterable[str] = (),
    ) -> tuple[ElementSet, ...]:
        """Return the sets that a window is computed from: of each object those nearest in epoch to it.

        Parameters
        ----------
        max_age_s : how far before the start or after the end an epoch may lie.
        catalogs : numbers of the objects wanted; all when None.
        names : of which one must fit (`name_fits`); any when empty.
        """
        wanted = None if catalogs is None else frozenset(catalogs)
        patterns = tuple(names)
        # Inside the window all are kept; outside, on each side, the last of the one epoch nearest to it.
        query = """
            SELECT e.*, s.name FROM (
              SELECT *, CASE WHEN epoch_s < ? THEN -1 WHEN epoch_s > ? THEN 1 ELSE 0 END AS side,
                ROW_NUMBER() OVER (
                  PARTITION BY catalog, CASE WHEN epoch_s < ? THEN -1 WHEN epoch_s > ? THEN 1 ELSE 0 END
                  ORDER BY CASE WHEN epoch_s < ? THEN -epoch_s ELSE epoch_s END, number DESC, source DESC
                ) AS place
              FROM element WHERE epoch_s BETWEEN ? AND ?) AS e JOIN source AS s ON s.id = e.source
            WHERE side = 0 OR place = 1 ORDER BY catalog, epoch_s, number, e.source"""
        window = [time_start, time_end, time_start, time_end, time_start]
        return tuple(
            _element(row)
            for row in self._base.execute(query, [*window, time_start - max_age_s, time_end + max_age_s])
            if (wanted is None or row[0] in wanted) and name_fits(row[3], patterns)
        )

    def held(self) -> Iterator[Held]:
        """Yield what the store has of each object, by number."""
        for row in self._base.execute(
            "SELECT catalog, max(name), count(*), min(epoch_s), max(epoch_s) FROM element "
            "GROUP BY catalog ORDER BY catalog"
        ):
            yield Held(catalog=row[0], name=row[1], sets=row[2], first_s=row[3], last_s=row[4])

    def sources(self) -> list[dict[str, str | int]]:
        """Return what was imported, oldest first."""
        return [
            {"name": name, "sha256": sha, "imported": iso_utc(when), "sets": sets, "refused": refused}
            for name, sha, when, sets, refused in self._base.execute(
                "SELECT name, sha256, imported_s, sets, refused FROM source ORDER BY id"
            )
        ]

    def note_request(self, service: str, what: str, asked_s: float) -> None:
        """Note that a service was asked for something."""
        with self._writing():
            self._base.execute("INSERT INTO request VALUES (?, ?, ?)", (service, what, asked_s))

    def requests(self, service: str, since_s: float) -> list[tuple[str, float]]:
        """Return what a service was asked for since a time, oldest first."""
        rows = self._base.execute(
            "SELECT what, asked_s FROM request WHERE service = ? AND asked_s >= ? ORDER BY asked_s",
            (service, since_s),
        )
        return [(str(what), float(asked_s)) for what, asked_s in rows]

    def _count(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM element").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


def name_fits(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name fits one of the patterns, or there are none.

    A pattern with * or ? must fit the whole name, another any part of it; case, '-' and '_' do not matter.
    """
    plain = _plain(name)
    wanted = [_plain(one) for one in patterns]
    return not wanted or any(
        fnmatchcase(plain, one) if set("*?") & set(one) else one in plain for one in wanted
    )


def _plain(name: str) -> str:
    return " ".join(name.upper().replace("-", " ").replace("_", " ").split())


def store_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the store lies: OVERFLIGHT_ELEMENTS, or the platform's own place. Creates nothing."""
    env = os.environ if environ is None else environ
    chosen = env.get(ENVIRON)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        folder = Path(env.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        # XDG Base Directory Specification: a relative path is to be passed over.
        base = Path(env.get("XDG_DATA_HOME", ""))
        folder = base if base.is_absolute() else Path.home() / ".local" / "share"
    return folder / "overflight" / "elements.db"


def open_store(path: str | Path, *, make: bool = False) -> ElementStore:
    """Open a store; `make` makes it and its folder when there is none.

    Raises InputError when there is none, it is something else, or it is of another version.
    """
    path = Path(path)
    if not make and not path.is_file():
        raise InputError(
            "there is no store of element sets", file=str(path),
            remedy="Make one with `overflight satellites import FILE`.",
        )  # fmt: skip
    if make:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        base = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
        base.execute("PRAGMA trusted_schema = OFF")
        if make:
            _make(base)
        _check_kind(base, path)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"it cannot be read as a store of element sets: {error}", file=str(path),
            remedy="Name another file with OVERFLIGHT_ELEMENTS, or import again into a new one.",
        ) from None  # fmt: skip
    return ElementStore(path, base)


def _make(base: sqlite3.Connection) -> None:
    base.execute("BEGIN IMMEDIATE")
    if base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        for statement in TABLES.split(";"):
            base.execute(statement)
        base.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        base.execute(f"PRAGMA user_version = {VERSION}")
    base.execute("COMMIT")


def _check_kind(base: sqlite3.Connection, path: Path) -> None:
    kind = base.execute("PRAGMA application_id").fetchone()[0]
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if kind == APPLICATION_ID and version == VERSION:
        return
    base.close()
    what = f"a store of version {version}" if kind == APPLICATION_ID else "a database of another kind"
    raise InputError(f"it is {what}", file=str(path), remedy=f"This program reads version {VERSION}.")


def _numbers(one: ElementSet) -> tuple[float, ...]:
    return (
        one.mean_motion_degps, one.eccentricity, one.inclination_deg, one.node_deg, one.perigee_deg,
        one.anomaly_deg, one.bstar,
    )  # fmt: skip


def _row(one: ElementSet, source: int) -> tuple[object, ...]:
    # Nine digits: the same set as text and as JSON differs in the last bits.
    told = ",".join(f"{value:.9g}" for value in _numbers(one))
    digest = hashlib.sha256(told.encode("ascii")).hexdigest()[:16]
    # To the millisecond (8 m), to which two-line elements and messages agree when they say the same.
    return (
        one.catalog, round(one.epoch_s, 3), digest, one.name, one.designator, *_numbers(one), one.number,
        one.revolution, one.line, source,
    )  # fmt: skip


def _element(row: tuple[Any, ...]) -> ElementSet:
    values = dict(zip(COLUMNS, row, strict=False))
    keep = {k: v for k, v in values.items() if k not in ("digest", "source")}
    return ElementSet(**keep, file=str(row[-1]))

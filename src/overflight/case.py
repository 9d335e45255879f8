"""A case folder: `case.toml` and the files it names. `docs/case.md` describes every key.

::

    case/
      case.toml        version, [case], [winds], [inputs], [[hypotheses]], [ask.<part>]
      sightings.csv    and whatever else [inputs] names
      winds/           gridded winds that belong to the case (*.nc, *.zarr, *.grib2, *.grb2, *.grib)

Everything a case reads lies inside its folder, so that it can be sent to someone else and gives the same
answer there. This module checks the shape of `case.toml`; each part checks its own `[ask.<part>]` table with
`check_keys`, and `check_sighting_ids` holds the hypotheses against the sightings once these are read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from overflight.errors import CaseError, InputError, OverflightError
from overflight.rows import MAX_TEXT_BYTES, nearest, read_text, shorten, valid_id
from overflight.times import from_datetime, parse_utc
from overflight.units import DAY_S

CASE_FILE: Final = "case.toml"
VERSION: Final = 1

TOP_KEYS = ("version", "case", "winds", "inputs", "hypotheses", "ask")
CASE_KEYS = ("title", "start", "end")
WINDS_KEYS = ("source", "files", "error_mps")
INPUT_KEYS = (
    "sightings", "sites", "claims", "areas", "terrain", "horizons", "cameras", "emitters", "elements",
    "sensors", "account", "stream", "anchors", "catalogue", "events",
)  # fmt: skip
HYPOTHESIS_KEYS = ("id", "group", "title", "weight", "accepts", "rejects")
ASK_PARTS = (
    "reconstruct",
    "forecast",
    "origin",
    "crossings",
    "exposure",
    "satellites",
    "steer",
    "custody",
    "programme",
    "strayed",
)
WIND_SOURCES = ("auto", "prior", "prior-only", "files")
# Errors of gridded winds that a case may state; analyses have 1 to 7 m/s (`winds.error`).
WIND_ERROR_MPS = (0.1, 30.0)
WIND_SUFFIXES = (".nc", ".zarr", ".grib2", ".grb2", ".grib")
INPUT_SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sightings": (".csv", ".geojson", ".json"),
        "sites": (".csv",),
        "claims": (".csv",),
        "areas": (".geojson", ".json"),
        "terrain": (".hgt", ".zip", ".tif", ".tiff"),
        "horizons": (".csv",),
        "cameras": (".csv", ".toml"),
        "emitters": (".csv", ".toml"),
        "elements": (".tle", ".3le", ".2le", ".txt", ".json", ".csv", ".xml", ".omm"),
        "sensors": (".csv",),
        "account": (".toml",),
        "stream": (".frames", ".bin", ".ccsds", ".db"),
        "anchors": (".csv", ".db"),
        "catalogue": (".csv",),
        "events": (".csv",),
    }
)

# Inputs whose readers have limits of their own. A stream cut into files would be a broken chain.
LARGE_INPUTS = ("terrain", "stream", "anchors")

MAX_CASE_BYTES: Final = 1_000_000
MAX_FILES: Final = 1_000
MAX_HYPOTHESES: Final = 32
MAX_TITLE_CHARS: Final = 300
# A year of flight and a month; longer windows are typing errors more often than balloons.
MAX_WINDOW_S: Final = 400.0 * DAY_S
# Winds beyond this size are known by their length, head and tail: reading 10 GB to hash it takes a minute.
MAX_HASHED_BYTES: Final = 256 * 1024 * 1024
# Of a stream every byte counts, wherever it lies; so large a one its reader takes (`custody.integrity`).
MAX_STREAM_HASHED_BYTES: Final = 2 * 1024 * 1024 * 1024
_END_BYTES: Final = 1024 * 1024

WindSource = Literal["auto", "prior", "prior-only", "files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One of the rival accounts of a group: which sightings it takes for true and which for false.

    `weight` is relative to the others of its group.
    """

    id: str
    group: str
    title: str
    weight: float = 1.0
    accepts: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindsAsk:
    """Which winds the case wants. `files` are those listed and those found in `winds/`, whatever `source`.

    'auto' takes the files, then the cache, then the prior. 'prior' takes the files, then the prior, never the
    cache. 'prior-only' takes the prior. 'files' takes the files and fails where they do not cover the case.
    `error_mps` is what the case holds the error of gridded winds to be beyond any spread that they state, the
    standard deviation of a component; None where it says nothing.
    """

    source: WindSource = "auto"
    files: tuple[Path, ...] = ()
    error_mps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A checked case. Times are POSIX seconds UTC; paths are absolute and lie inside `folder`.

    `inputs` has every key of `INPUT_KEYS`, empty where the case names no file. `ask` holds the tables of
    `[ask.<part>]` as TOML gave them. `hashes` maps the relative name of every file of the case, `case.toml`
    among them, to its SHA-256 (of very large winds and Zarr folders see `docs/case.md`).
    """

    folder: Path
    title: str
    time_start: float
    time_end: float
    winds: WindsAsk
    inputs: Mapping[str, tuple[Path, ...]]
    hypotheses: tuple[Hypothesis, ...]
    ask: Mapping[str, Mapping[str, Any]]
    hashes: Mapping[str, str]


def read_case(folder: str | Path) -> Case:
    """Read and check the case in `folder` (or the `case.toml` itself).

    Raises
    ------
    CaseError
        With file, line where it can be found, key and remedy: no such folder, not TOML, an unknown key, a
        value of the wrong kind, a time without zone, a path that leaves the folder, a file that is missing or
        too large.
    """
    given = Path(folder)
    home = (given.parent if given.name == CASE_FILE else given).resolve()
    table = _Table.load(home)
    table.known(TOP_KEYS)
    version = table.value("version", int)
    if version != VERSION:
        raise table.error("version", f"is {shorten(str(version))}", f"This release reads version {VERSION}.")
    head = table.table("case", required=True)
    head.known(CASE_KEYS)
    title = head.text_value("title")
    if len(title) > MAX_TITLE_CHARS:
        raise head.error("title", f"is longer than {MAX_TITLE_CHARS} characters", "Shorten it.")
    start, end = _window(head)
    winds = _winds(table.table("winds"), home)
    inputs = _inputs(table.table("inputs", required=True), home)
    ask = _ask(table.table("ask"))
    files = [home / CASE_FILE, *(path for paths in inputs.values() for path in paths), *winds.files]
    whole = {*inputs["stream"], *inputs["anchors"]}
    return Case(
        folder=home,
        title=title,
        time_start=start,
        time_end=end,
        winds=winds,
        inputs=MappingProxyType(inputs),
        hypotheses=_hypotheses(table),
        ask=MappingProxyType(ask),
        hashes=MappingProxyType(
            {_relative(path, home): _digest(path, home, path in whole) for path in files}
        ),
    )


def check_keys(table: Mapping[str, Any], known: Iterable[str], path: str, folder: Path | None = None) -> None:
    """Raise CaseError when a table of `case.toml` at `path` ('ask.forecast') holds a key that is not known.

    `folder` (the case's) lets the message give the line.
    """
    _Table(dict(table), path, _text_of(folder)).known(tuple(known))


def setting_error(folder: Path | None, part: str, key: str, what: str, remedy: str) -> CaseError:
    """Return the error of a key in a table of `case.toml` such as 'ask.exposure', with its line.

    `folder` is the case's; None where settings come from elsewhere.
    """
    name = f"{part}.{key}"
    return CaseError(what, file=CASE_FILE, line=find_line(_text_of(folder), name), field=name, remedy=remedy)


def case_file(folder: Path | None, part: str, key: str, name: str) -> Path:
    """Return the file that a key of a table such as 'ask.custody' names, inside the case folder.

    `folder` is the case's, or the working folder where it is None. Raises CaseError where the file lies
    outside of it, by its name or by a link, or is not there.
    """
    home = (folder or Path()).resolve()
    return _named(_Table({}, part, _text_of(folder)), key, name, home, ())


def check_sighting_ids(case: Case, ids: Iterable[str]) -> None:
    """Raise CaseError when a hypothesis names a sighting that is not among `ids`."""
    known = set(ids)
    text = _text_of(case.folder)
    for index, one in enumerate(case.hypotheses):
        for key, named in (("accepts", one.accepts), ("rejects", one.rejects)):
            for missing in (name for name in named if name not in known):
                raise _Table({}, f"hypotheses[{index}]", text).error(
                    key,
                    f"names the sighting '{shorten(missing)}', which the case does not have",
                    nearest(missing, known) or "Use ids of the sightings table.",
                )


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of `case.toml` with its path ('ask.forecast') and the whole text, for line numbers."""

    data: Mapping[str, Any]
    path: str
    text: str

    @classmethod
    def load(cls, home: Path) -> _Table:
        if not (home / CASE_FILE).is_file():
            raise CaseError(
                f"the folder '{home.name}' has no {CASE_FILE}",
                file=CASE_FILE,
                remedy="Give a case folder, or make one with: overflight new CASE",
            )
        try:
            text = read_text(_inside(home / CASE_FILE, home), name=CASE_FILE, limit_bytes=MAX_CASE_BYTES)
        except CaseError:
            raise
        except InputError as error:
            raise CaseError(error.what, file=CASE_FILE, line=error.line, remedy=error.remedy) from error
        try:
            return cls(tomllib.loads(text), "", text)
        except (ValueError, RecursionError) as error:
            raise _not_toml(error) from error

    def key(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def error(self, name: str, what: str, remedy: str = "") -> CaseError:
        key = self.key(name)
        return CaseError(what, file=CASE_FILE, line=find_line(self.text, key), field=key, remedy=remedy)

    def known(self, names: tuple[str, ...]) -> None:
        for name in self.data:
            if name not in names:
                hint = nearest(name, names) or f"Known here are: {', '.join(names)}."
                raise self.error(name, "is not a known key", hint)

    def value(self, name: str, kind: type) -> Any:
        if name not in self.data:
            raise self.error(name, "is missing", f"Write it into {_at(self.path)}.")
        value = self.data[name]
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            raise self.error(name, f"is a {_toml_name(value)}", f"Write a {_TOML_NAMES.get(kind, 'value')}.")
        return value

    def table(self, name: str, *, required: bool = False) -> _Table:
        data = self.value(name, dict) if required or name in self.data else {}
        return _Table(data, self.key(name), self.text)

    def text_or(self, name: str, default: str) -> str:
        return self.text_value(name) if name in self.data else default

    def text_value(self, name: str) -> str:
        value = str(self.value(name, str)).strip()
        if not value:
            raise self.error(name, "is empty", "Write some text.")
        return value

    def texts(self, name: str, *, single: bool = False) -> tuple[str, ...]:
        value = self.data.get(name, [])
        items = [value] if single and isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
            raise self.error(name, "is not a list of texts", 'Write ["one", "two"].')
        if len(items) > MAX_FILES:
            raise self.error(name, f"has more than {MAX_FILES} entries", "Shorten it.")
        return tuple(items)


def find_line(text: str, key: str) -> int | None:
    """Return the line of `case.toml` on which a key such as 'hypotheses[1].weight' stands, if it is found."""
    *tables, name = key.split(".")
    header = ".".join(re.sub(r"\[\d+\]$", "", part) for part in tables)
    nth = next((int(m[1]) for part in tables if (m := re.search(r"\[(\d+)\]$", part))), 0)
    inside, seen, header_line = not header, -1, None
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if found and "=" not in line.split("#")[0]:
            if found[2] == key:
                return number
            seen += found[2] == header
            inside = found[2] == header and seen == nth
            header_line = number if inside else header_line
        elif inside and re.match(rf"""\s*["']?{re.escape(name)}["']?\s*[=.]""", line):
            return number
    return header_line


_TOML_NAMES: Mapping[type, str] = MappingProxyType(
    {
        str: "text",
        bool: "true or false",
        int: "whole number",
        float: "number",
        list: "list",
        dict: "table",
        dt.datetime: "date and time",
        dt.date: "date",
        dt.time: "time of day",
    }
)


def _toml_name(value: object) -> str:
    return _TOML_NAMES.get(type(value), "value")


def _at(path: str) -> str:
    return f"[{path}]" if path else f"{CASE_FILE}, above the first table"


def _not_toml(error: Exception) -> CaseError:
    if isinstance(error, RecursionError):
        return CaseError("is nested too deeply", file=CASE_FILE, remedy="Write plain tables.")
    place = re.search(r"\(at line (\d+), column \d+\)", str(error))
    what = re.sub(r"\s*\(at [^)]*\)", "", str(error))
    return CaseError(
        f"is not valid TOML ({shorten(what)})",
        file=CASE_FILE,
        line=int(place[1]) if place else None,
        remedy='Texts stand in quotes, times as 2023-01-15T00:00:00Z, lists as ["a", "b"].',
    )


def _text_of(folder: Path | None) -> str:
    if folder is None:
        return ""
    try:
        return read_text(folder / CASE_FILE, limit_bytes=MAX_CASE_BYTES)
    except InputError:
        return ""


def _window(head: _Table) -> tuple[float, float]:
    start, end = _time(head, "start"), _time(head, "end")
    if end <= start:
        raise head.error("end", "is not after start", "Exchange them, or correct one.")
    if end - start > MAX_WINDOW_S:
        raise head.error(
            "end",
            f"is {(end - start) / DAY_S:.0f} days after start",
            f"Keep to {MAX_WINDOW_S / DAY_S:.0f} days.",
        )
    return start, end


def _time(head: _Table, name: str) -> float:
    value = head.data.get(name)
    if isinstance(value, dt.datetime) and value.utcoffset() is None:
        raise head.error(name, "has no time zone", f"Write Z for UTC: {value.isoformat()}Z.")
    try:
        if isinstance(value, dt.datetime):
            return from_datetime(value)
        if isinstance(value, str):
            return parse_utc(value)
    except OverflightError as error:
        raise head.error(name, error.what, error.remedy) from error
    if name not in head.data:
        raise head.error(name, "is missing", "Write it as 2023-01-15T00:00:00Z.")
    raise head.error(name, f"is a {_toml_name(value)}", "Write date, time and zone: 2023-01-15T00:00:00Z.")


def _winds(table: _Table, home: Path) -> WindsAsk:
    table.known(WINDS_KEYS)
    source = table.text_or("source", "auto")
    if source not in WIND_SOURCES:
        raise table.error(
            "source", f"'{shorten(source)}' is not known", f"Use one of {', '.join(WIND_SOURCES)}."
        )
    listed = [_named(table, "files", name, home, WIND_SUFFIXES) for name in table.texts("files", single=True)]
    found = _in_winds_folder(home)
    files = tuple(dict.fromkeys([*listed, *found]))
    return WindsAsk(source=cast("WindSource", source), files=files, error_mps=_wind_error(table))


def _wind_error(table: _Table) -> float | None:
    if "error_mps" not in table.data:
        return None
    value = table.data["error_mps"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise table.error("error_mps", f"is a {_toml_name(value)}", "Write a number, in m/s.")
    low, high = WIND_ERROR_MPS
    if not low <= value <= high:
        raise table.error(
            "error_mps", f"is {shorten(str(value))}", f"Give m/s of a component, {low:g} to {high:g}."
        )
    return float(value)


def _in_winds_folder(home: Path) -> list[Path]:
    folder = home / "winds"
    if not folder.is_dir():
        return []
    _inside(folder, home)
    names = sorted(p for p in folder.iterdir() if p.suffix.lower() in WIND_SUFFIXES and p.name[0] != ".")
    if len(names) > MAX_FILES:
        raise CaseError(f"holds more than {MAX_FILES} files", file="winds", remedy="Join them.")
    return [_inside(path, home) for path in names]


def _inputs(table: _Table, home: Path) -> dict[str, tuple[Path, ...]]:
    table.known(INPUT_KEYS)
    if "sightings" not in table.data:
        raise table.error("sightings", "is missing", 'Write sightings = "sightings.csv".')
    inputs: dict[str, tuple[Path, ...]] = {}
    for key in INPUT_KEYS:
        names = table.texts(key, single=True)
        paths = [_named(table, key, name, home, INPUT_SUFFIXES[key]) for name in names]
        for name, path in zip(names, paths, strict=True):
            if paths.count(path) > 1:
                raise table.error(key, f"'{shorten(name)}' is there twice", "Name every file once.")
            if key not in LARGE_INPUTS and path.stat().st_size > MAX_TEXT_BYTES:
                raise table.error(
                    key,
                    f"'{shorten(name)}' is larger than {MAX_TEXT_BYTES / 1e6:.0f} MB",
                    "Split the file, or leave out what the case does not need.",
                )
        inputs[key] = tuple(paths)
    return inputs


def _named(table: _Table, key: str, name: str, home: Path, suffixes: tuple[str, ...]) -> Path:
    """The file that `name` means, inside the case folder and of an ending we read.

    Without `suffixes` any ending will do.
    """
    label = shorten(name)
    parts = PurePosixPath(name.replace("\\", "/"))
    outside = parts.is_absolute() or PureWindowsPath(name).drive or ".." in parts.parts
    if outside or "\0" in name:
        raise table.error(key, f"'{label}' leaves the case folder", "Put the file into the folder.")
    if suffixes and parts.suffix.lower() not in suffixes:
        raise table.error(
            key, f"'{label}' does not end in {' or '.join(suffixes)}", "Convert or rename the file."
        )
    path = home.joinpath(*parts.parts)
    try:
        inside = _inside(path, home)
    except CaseError as error:
        raise table.error(key, error.what, error.remedy) from error
    if not inside.exists():
        near = nearest(parts.name, [p.name for p in home.iterdir()])
        raise table.error(key, f"'{label}' is not in the case folder", near or "Put it there.")
    as_folder = parts.suffix.lower() == ".zarr"
    if not (inside.is_dir() if as_folder else inside.is_file()):
        kind = "a folder" if inside.is_dir() else "no folder" if as_folder else "no plain file"
        raise table.error(key, f"'{label}' is {kind}", "Name the file.")
    return inside


def _inside(path: Path, home: Path) -> Path:
    """Resolve links and refuse what ends up outside the case folder."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise CaseError(
            f"'{shorten(path.name)}' cannot be followed", file=path.name, remedy="Remove the link."
        ) from error
    if not real.is_relative_to(home):
        raise CaseError(
            f"'{shorten(path.name)}' is a link that leaves the case folder",
            file=path.name,
            remedy="Put the file itself into the folder.",
        )
    return real


def _hypotheses(table: _Table) -> tuple[Hypothesis, ...]:
    listed = table.value("hypotheses", list) if "hypotheses" in table.data else []
    if len(listed) > MAX_HYPOTHESES:
        raise table.error("hypotheses", f"has more than {MAX_HYPOTHESES} entries", "Keep those that matter.")
    found: list[Hypothesis] = []
    for index, data in enumerate(listed):
        path = f"hypotheses[{index}]"
        if not isinstance(data, dict):
            raise table.error("hypotheses", "is not a list of tables", "Write [[hypotheses]] above each.")
        one = _hypothesis(_Table(data, path, table.text))
        if one.id in {other.id for other in found}:
            raise _Table(data, path, table.text).error("id", f"'{one.id}' is there twice", "Rename one.")
        found.append(one)
    return tuple(found)


def _hypothesis(table: _Table) -> Hypothesis:
    table.known(HYPOTHESIS_KEYS)
    for name in ("id", "group"):
        if not valid_id(table.text_value(name)):
            raise table.error(name, "is not an id", "Use 1 to 64 letters, digits, '_' or '-'.")
    accepts, rejects = table.texts("accepts"), table.texts("rejects")
    both = sorted(set(accepts) & set(rejects))
    if both:
        raise table.error("rejects", f"'{shorten(both[0])}' is accepted too", "Keep it in one of the lists.")
    return Hypothesis(
        id=table.text_value("id"),
        group=table.text_value("group"),
        title=table.text_value("title"),
        weight=_weight(table),
        accepts=accepts,
        rejects=rejects,
    )


def _weight(table: _Table) -> float:
    value = table.data.get("weight", 1.0)
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not 0.0 < value <= 1e6:
        raise table.error("weight", "is not a positive number", "Weights are relative within their group.")
    return float(value)


def _ask(table: _Table) -> dict[str, Mapping[str, Any]]:
    table.known(ASK_PARTS)
    return {part: MappingProxyType(table.value(part, dict)) for part in table.data}


def _relative(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix()


def _digest(path: Path, home: Path, whole: bool) -> str:
    """SHA-256 of a file; of a Zarr folder its list of files; of very large winds length, head and tail.

    `whole`: the file is a stream, and read from end to end as far as its reader would.
    """
    if path.is_dir():
        listing = "\n".join(f"{name} {size}" for name, size in sorted(_walk(path, home)))
        return f"listing-sha256:{hashlib.sha256(listing.encode()).hexdigest()}"
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= (MAX_STREAM_HASHED_BYTES if whole else MAX_HASHED_BYTES):
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha256(f"{size}\n".encode())
        digest.update(stream.read(_END_BYTES))
        stream.seek(size - _END_BYTES)
        digest.update(stream.read(_END_BYTES))
    return f"ends-sha256:{digest.hexdigest()}"


def _walk(folder: Path, home: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        real = _inside(path, home)
        if real.is_file():
            yield path.relative_to(folder).as_posix(), real.stat().st_size


def new_case_template() -> str:
    """Return the commented `case.toml` that `overflight new CASE` writes."""
    return _template(CASE_FILE)


def write_new_case(folder: str | Path) -> tuple[Path, ...]:
    """Write a case to fill in: `case.toml`, `sightings.csv`, `sites.csv`. Return the files written.

    Makes the folder where it is missing. Raises CaseError when one of the files is there already.
    """
    home = Path(folder)
    texts = {name: _template(name) for name in (CASE_FILE, "sightings.csv", "sites.csv")}
    there = [name for name in texts if (home / name).exists()]
    if there:
        raise CaseError(
            f"the folder '{home.name}' has {', '.join(there)} already",
            file=there[0],
            remedy="Give another folder; nothing was written.",
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (home / name).open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except OSError as error:
        raise CaseError(
            f"cannot write into '{home.name}' ({error.strerror})",
            file=home.name,
            remedy="Give another folder.",
        ) from error
    return tuple(home / name for name in texts)


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / "case" / name).read_text(encoding="utf-8")

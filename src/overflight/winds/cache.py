"""The cache of fetched winds: a folder of entries, each with its files and an index. Opens no socket.

::

    <cache>/<id>/entry.json    what, window, box, levels, and the files with size and SHA-256
    <cache>/<id>/<file>        as `overflight.winds.gridded.read_grid` reads it, or a store (a folder) of
                               `overflight.winds.store`
    <cache>/<id>/parts/        pieces of a download that is not finished

An entry counts once its `entry.json` is there, which is written last. The folder is that of the variable
OVERFLIGHT_CACHE, or the platform's own for caches.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from overflight.errors import FetchError, OverflightError

ENTRY_FILE = "entry.json"
MAX_ENTRY_BYTES = 5_000_000

GLOBE = (-180.0, -90.0, 180.0, 90.0)

# Nearer than this two times are one: entries keep whole seconds.
_SAME_TIME_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFile:
    """A file of an entry: its name inside the entry's folder, its size and its SHA-256 in hex.

    A folder counts as one file: the size of all in it, and the digest of names and contents.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Winds in the cache.

    `time_start`, `time_end` POSIX seconds UTC of the first and last field; `box` west, south, east, north
    in degrees (west above east crosses the antimeridian); `levels_pa` the pressures held, or the lowest
    and highest; `title` for people.
    """

    id: str
    source: str
    title: str
    time_start: float
    time_end: float
    box: tuple[float, float, float, float]
    levels_pa: tuple[float, ...]
    files: tuple[CacheFile, ...]


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the cache: OVERFLIGHT_CACHE, or the platform's own. Creates nothing."""
    env = os.environ if environ is None else environ
    chosen = env.get("OVERFLIGHT_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(env.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "overflight" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "overflight"
    # XDG Base Directory Specification: a relative path is to be passed over.
    base = Path(env.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "overflight"


def entries(cache: Path) -> tuple[list[Entry], list[str]]:
    """Return the entries of a cache, by id, and a sentence for each that cannot be read."""
    found: list[Entry] = []
    problems: list[str] = []
    for path in sorted(cache.glob(f"*/{ENTRY_FILE}")) if cache.is_dir() else ():
        try:
            found.append(read_entry(path.parent))
        except OverflightError as error:
            problems.append(str(error))
    return found, problems


def find(
    cache: Path,
    window: tuple[float, float],
    box: tuple[float, float, float, float] | None = None,
    levels_pa: tuple[float, float] | None = None,
) -> list[Entry]:
    """Return the entries that cover a window, and a box and a span of pressure where they are given.

    `window` first and last time, POSIX seconds. An entry whose files are gone or have another size is not
    returned. The smallest comes first: what was fetched for this case before what merely holds it.
    """
    good = [
        entry
        for entry in entries(cache)[0]
        if covers(entry, window, box, levels_pa) and not missing_files(cache, entry)
    ]
    return sorted(good, key=lambda entry: (sum(file.bytes for file in entry.files), entry.id))


def covers(
    entry: Entry,
    window: tuple[float, float],
    box: tuple[float, float, float, float] | None = None,
    levels_pa: tuple[float, float] | None = None,
) -> bool:
    """Tell whether an entry reaches over a window, a box and a span of pressure."""
    if entry.time_start > window[0] + _SAME_TIME_S or entry.time_end < window[1] - _SAME_TIME_S:
        return False
    if levels_pa is not None and (
        min(entry.levels_pa) > min(levels_pa) or max(entry.levels_pa) < max(levels_pa)
    ):
        return False
    return box is None or _box_inside(box, entry.box)


def entry_files(cache: Path, entry: Entry) -> tuple[Path, ...]:
    """Return the paths of an entry's files."""
    return tuple(cache / entry.id / file.name for file in entry.files)


def missing_files(cache: Path, entry: Entry) -> list[str]:
    """Return the names of files that are gone or have not the size that the entry says."""
    return [
        file.name
        for file, path in zip(entry.files, entry_files(cache, entry), strict=True)
        if not path.exists() or size_of(path) != file.bytes
    ]


def verify(cache: Path, entry: Entry) -> None:
    """Read an entry's files and compare their SHA-256.

    Raises
    ------
    FetchError
        When a file is gone or has changed since it was fetched.
    """
    for file, path in zip(entry.files, entry_files(cache, entry), strict=True):
        if not path.exists() or sha256_of(path) != file.sha256:
            raise FetchError(
                "the file is gone or has changed since it was fetched",
                where=str(path),
                remedy="Delete the entry's folder and fetch it again.",
            )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex; of a folder, that of its files' names and digests in order."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            digest.update(f"{file.relative_to(path).as_posix()} {sha256_of(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_entry(cache: Path, entry: Entry) -> Path:
    """Write an entry's index, whole or not at all; returns its path."""
    folder = cache / entry.id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ENTRY_FILE
    draft = folder / f".{ENTRY_FILE}.{os.getpid()}"
    draft.write_text(json.dumps({"version": 1, **asdict(entry)}, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def read_entry(folder: Path) -> Entry:
    """Read an entry's index.

    Raises
    ------
    FetchError
        When it is damaged, of another version, or names a file outside its folder.
    """
    path = folder / ENTRY_FILE
    try:
        if path.stat().st_size > MAX_ENTRY_BYTES:
            raise ValueError("it is too large")
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.pop("version", None) != 1:
            raise ValueError("it is of another version")
        return _entry(raw, folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FetchError(
            f"the entry of the cache cannot be used: {error}",
            where=str(path),
            remedy="Delete its folder and fetch the winds again.",
        ) from error


def _entry(raw: dict[str, Any], folder: Path) -> Entry:
    files = tuple(
        CacheFile(name=str(f["name"]), bytes=int(f["bytes"]), sha256=str(f["sha256"])) for f in raw["files"]
    )
    for file in files:
        if Path(file.name).name != file.name:
            raise ValueError(f"it names '{file.name}', which is no file of its folder")
    if raw["id"] != folder.name:
        raise ValueError(f"it says it is '{raw['id']}'")
    west, south, east, north = (float(x) for x in raw["box"])
    levels = tuple(float(x) for x in raw["levels_pa"])
    if not levels or not files:
        raise ValueError("it holds no levels or no files")
    return Entry(
        id=str(raw["id"]),
        source=str(raw["source"]),
        title=str(raw["title"]),
        time_start=float(raw["time_start"]),
        time_end=float(raw["time_end"]),
        box=(west, south, east, north),
        levels_pa=levels,
        files=files,
    )


def _box_inside(inner: tuple[float, float, float, float], outer: tuple[float, float, float, float]) -> bool:
    if inner[1] < outer[1] or inner[3] > outer[3]:
        return False
    width = _width(outer)
    if width >= 360.0:
        return True
    start = (inner[0] - outer[0]) % 360.0
    return start + _width(inner) <= width


def _width(box: tuple[float, float, float, float]) -> float:
    span = box[2] - box[0]
    return 360.0 if span >= 360.0 else span % 360.0

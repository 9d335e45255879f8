"""Fetch winds into the cache: plan, say how much it is, bring it, verify it.

::

    plan(source, …) ──► FetchPlan ──► describe() ──► execute() ──► parts ──► one file ──► entry.json
                                                                                 └──► a store ──┘

A part is downloaded beside its final name, with the server's ETag, so a run that was cut off goes on
where it stopped. Each part is verified before it counts: its length, and for GRIB every message from
'GRIB' to '7777'. The entry appears in the cache when all of it is there.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from overflight.errors import FetchError, InputError, LimitError
from overflight.winds.cache import (
    CacheFile,
    Entry,
    missing_files,
    read_entry,
    sha256_of,
    size_of,
    write_entry,
)
from overflight.winds.fetch_era5 import plan_era5
from overflight.winds.fetch_gfs import plan_gefs, plan_gfs
from overflight.winds.fetch_plan import Box, FetchPlan, Part, Window, human_bytes
from overflight.winds.gridded import describe as describe_file
from overflight.winds.store_write import store_files
from overflight.winds.web import (
    Limits,
    TransientError,
    Web,
    again,
    bounded,
    content_range,
    get_all,
    open_web,
    stream,
)

# Told to a progress callback: bytes that are there, bytes in all.
Progress = Callable[[int, int], None]

PLANNERS: dict[str, Callable[..., FetchPlan]] = {"gfs": plan_gfs, "gefs": plan_gefs, "era5": plan_era5}

MAX_TOTAL_BYTES = 100_000_000_000
# Winds that take more memory than this to be read whole are kept as a store, unless told otherwise.
STORE_BYTES = 2_000_000_000
# Kept free on the disk beside what the download needs.
SPARE_BYTES = 500_000_000


def plan(
    source: str,
    window: Window,
    box: Box,
    levels_pa: tuple[float, float],
    *,
    now_s: float,
    limits: Limits | None = None,
    **options: Any,
) -> FetchPlan:
    """Plan a download from a source named in `PLANNERS`; reads indexes from the network.

    `options` go to the planner: `base_url`, `step_s`, and `members` for GEFS.
    """
    if source not in PLANNERS:
        raise FetchError(f"'{source}' is no source of winds", remedy=f"Use one of {', '.join(PLANNERS)}.")
    with open_web(limits) as web:
        return PLANNERS[source](web, window, box, levels_pa, now_s=now_s, **options)


def execute(
    plan: FetchPlan,
    cache: Path,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
    max_bytes: int = MAX_TOTAL_BYTES,
    store: bool | None = False,
) -> Entry:
    """Bring a plan into the cache and return its entry; at once if it is already there.

    With `store`, what came is written as a store that is read in windows of time, in place of the file; when
    None, if the file would take more than `STORE_BYTES` of memory. A file with members of an ensemble stays a
    file, for a store holds one field. An entry that is there stays as it is.

    `progress` is called with the bytes that are there and the bytes in all, from one thread at a time;
    what it raises stops the download, as does Ctrl-C. What has come by then is kept and used next time.

    Raises
    ------
    LimitError
        When it is more than `max_bytes` or than the disk can hold; nothing was brought.
    FetchError
        When the server fails for good, or what came does not verify.
    """
    folder = cache / plan.id
    done = _finished(cache, folder)
    if done is not None:
        return done
    if plan.total_bytes > max_bytes or not plan.parts:
        raise LimitError(
            f"the plan brings {human_bytes(plan.total_bytes)}, the limit is {human_bytes(max_bytes)}",
            remedy="Take a shorter window, fewer levels, fewer members or a longer step.",
        )
    parts_folder = folder / "parts"
    parts_folder.mkdir(parents=True, exist_ok=True)
    here = sum(_bytes_here(part, parts_folder) for part in plan.parts)
    _check_disk(folder, plan.total_bytes - here + plan.total_bytes)
    tally = _Tally(plan.total_bytes, here, progress)
    with open_web(limits) as web:
        try:
            tally.add(0)
            etags = _known_etags(plan, parts_folder)
            get_all(web, [partial(_bring, web, part, parts_folder, tally, etags) for part in plan.parts])
        except _ChangedError as error:
            _drop(plan, error.where, parts_folder)
            raise
        finally:
            web.stop.set()
    return _finish(plan, cache, folder, parts_folder, store)


class _ChangedError(FetchError):
    """The remote file is no longer the one whose pieces are here; `where` is its URL."""


def _known_etags(plan: FetchPlan, folder: Path) -> dict[str, str]:
    """Return the versions of the files whose whole parts are here from an earlier run."""
    known: dict[str, str] = {}
    for part in plan.parts:
        note = _etag_file(folder / f"{part.name}.part")
        if (folder / part.name).exists() and note.exists() and note.read_text():
            known.setdefault(part.url, note.read_text())
    return known


def _drop(plan: FetchPlan, url: str, folder: Path) -> None:
    for part in plan.parts:
        if part.url == url:
            for path in folder.glob(f"{part.name}*"):
                path.unlink()


class _Tally:
    """The bytes that are there. Its one lock also keeps progress callbacks one at a time."""

    def __init__(self, total: int, here: int, progress: Progress | None) -> None:
        self.total, self.here, self.progress = total, here, progress
        self.lock = threading.Lock()

    def add(self, count: int) -> None:
        with self.lock:
            self.here += count
            if self.progress is not None:
                self.progress(self.here, self.total)


def _finished(cache: Path, folder: Path) -> Entry | None:
    if not (folder / "entry.json").exists():
        return None
    entry = read_entry(folder)
    return None if missing_files(cache, entry) else entry


def _bytes_here(part: Part, folder: Path) -> int:
    whole, partial_ = folder / part.name, folder / f"{part.name}.part"
    path = whole if whole.exists() else partial_
    return min(path.stat().st_size, part.size) if path.exists() else 0


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise LimitError(
            f"the disk has {human_bytes(free)} free, the download needs {human_bytes(needed + SPARE_BYTES)}",
            where=str(folder),
            remedy="Free some space, or set OVERFLIGHT_CACHE to a folder on a larger disk.",
        )


def _bring(web: Web, part: Part, folder: Path, tally: _Tally, etags: dict[str, str]) -> None:
    """Download and verify one part; a damaged one is brought once more before it is an error."""
    whole = folder / part.name
    if whole.exists() and whole.stat().st_size == part.size:
        return
    draft = folder / f"{part.name}.part"
    for attempt in (1, 2):
        again(web, partial(_download, web, part, draft, tally, etags))
        problem = _damage(part, draft)
        if not problem:
            os.replace(draft, whole)
            return
        tally.add(-draft.stat().st_size)
        draft.unlink()
        _etag_file(draft).unlink(missing_ok=True)
        if attempt == 2:
            raise FetchError(
                f"what came is damaged: {problem}",
                where=f"{part.url} from byte {part.first}",
                remedy="Try again later; if it stays so, the file at the source is broken.",
            )


def _download(web: Web, part: Part, draft: Path, tally: _Tally, etags: dict[str, str]) -> None:
    """Bring what is missing of a part; returns when it has its full length."""
    here = draft.stat().st_size if draft.exists() else 0
    known = _etag_file(draft).read_text() if here and _etag_file(draft).exists() else ""
    if here > part.size or (here and not known) or (part.etag and known and known != part.etag):
        # Without a version to compare, or with another one, the beginning may be of another file.
        tally.add(-min(here, part.size))
        draft.unlink()
        here, known = 0, ""
    if here == part.size:
        return
    headers = {"Range": f"bytes={part.first + here}-{part.first + part.size - 1}"}
    if known and not known.startswith("W/"):
        headers["If-Range"] = known
    with stream(web, part.url, headers) as response:
        etag = response.headers.get("ETag", "")
        _check_etag(part, etag, known, etags)
        _check_range(response, part, here)
        _etag_file(draft).write_text(etag)
        with draft.open("ab") as out:
            for chunk in bounded(web, response):
                if here + len(chunk) > part.size:
                    raise FetchError("the server sends more than was asked for", where=part.url)
                out.write(chunk)
                here += len(chunk)
                tally.add(len(chunk))
    if here < part.size:
        raise TransientError(
            f"the server sent {here} of {part.size} bytes",
            where=part.url,
            remedy="Run it again to go on from there.",
        )


def _check_range(response: Any, part: Part, here: int) -> None:
    first, total = content_range(response)
    if response.status_code == 200 and (
        part.first + here or int(response.headers.get("Content-Length", -1)) != part.size
    ):
        raise FetchError(
            "the server sends the whole file instead of the part asked for",
            where=part.url,
            remedy="The file has changed since it was planned, or the server knows no ranges: plan it again.",
        )
    if response.status_code == 206 and (first != part.first + here or (total or part.size) < part.size):
        raise FetchError("the server sends another part than was asked for", where=part.url)


def _check_etag(part: Part, etag: str, known: str, etags: dict[str, str]) -> None:
    """All parts of a file must be of one version: that of the plan, of the last run, of each other."""
    first = etags.setdefault(part.url, etag)
    if any(other and etag and other != etag for other in (part.etag, known, first)):
        raise _ChangedError(
            "the file has changed at the source since its first pieces came",
            where=part.url,
            remedy="Plan it and fetch it again; the old pieces were dropped.",
        )


def _etag_file(draft: Path) -> Path:
    return draft.with_name(draft.name + ".etag")


def _damage(part: Part, path: Path) -> str:
    """Return what is wrong with a part, empty when it is whole."""
    if path.stat().st_size != part.size:
        return f"it has {path.stat().st_size} bytes, not {part.size}"
    return check_grib(path.read_bytes()) if part.check == "grib" else ""


def check_grib(data: bytes) -> str:
    """Return what is wrong with a run of GRIB 2 messages, empty when nothing is.

    WMO FM 92 GRIB edition 2, sections 0 and 8: 'GRIB', two reserved bytes, discipline, edition, the length
    in eight bytes; '7777' at the end. The messages must fill the data exactly.
    """
    at = 0
    while at < len(data):
        head = data[at : at + 16]
        if len(head) < 16 or head[:4] != b"GRIB" or head[7] != 2:
            return f"no GRIB 2 message at byte {at}"
        length = int.from_bytes(head[8:16], "big")
        if length < 20 or at + length > len(data):
            return f"the message at byte {at} says {length} bytes and does not fit"
        if data[at + length - 4 : at + length] != b"7777":
            return f"the message at byte {at} does not end with 7777"
        at += length
    return "" if data else "it is empty"


def _finish(plan: FetchPlan, cache: Path, folder: Path, parts_folder: Path, store: bool | None) -> Entry:
    target = folder / plan.file_name
    draft = folder / f".{plan.file_name}.draft"
    try:
        plan.assemble([parts_folder / part.name for part in plan.parts], draft)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    if _better_stored(target, store):
        target = _stored(target)
    entry = Entry(
        id=plan.id,
        source=plan.source,
        title=plan.title,
        time_start=plan.window[0],
        time_end=plan.window[1],
        box=plan.box,
        levels_pa=plan.levels_pa,
        files=(CacheFile(name=target.name, bytes=size_of(target), sha256=sha256_of(target)),),
    )
    write_entry(cache, entry)
    if target.name != plan.file_name:
        (folder / plan.file_name).unlink(missing_ok=True)
    shutil.rmtree(parts_folder)
    return entry


def _better_stored(file: Path, store: bool | None) -> bool:
    """Tell whether a file of winds becomes a store."""
    if store is False:
        return False
    held = describe_file(file)
    return held.members <= 1 and (store is True or held.memory_bytes > STORE_BYTES)


def _stored(file: Path) -> Path:
    """Write a file as a store beside it; one that was cut off goes on."""
    path = file.with_name("wind.zarr")
    _check_disk(file.parent, describe_file(file).memory_bytes // 3)
    try:
        return store_files(path, [file])
    except InputError:
        # It is complete, and its entry was not written, or it is of other levels: make it anew.
        return store_files(path, [file], overwrite=True)

"""A store of winds larger than memory, read in windows of time in the direction of a run.

::

    write_store(path, grids) / store_files(path, files)            (store_write.py)
            │
            ▼
    open_store(path) ──► WindStore.windows(begin, end) ──► (Grid, t0, t1), (Grid, t1, t2), …

Only the window in use and the next one, which a thread reads meanwhile, are in memory; times that two windows
share are copied, not read twice. Layout and what is refused: `overflight.winds.store_format`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

import numpy as np

from overflight.errors import CoverageError, InputError, LimitError
from overflight.times import iso_utc
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.gridded import MEMORY_SHARE, free_memory_bytes
from overflight.winds.source import clean_text
from overflight.winds.store_format import (
    AXES,
    FIELDS,
    ArrayFacts,
    array_facts,
    chunk_files,
    refuse_unsound,
    store_attributes,
)
from overflight.winds.store_write import store_files, write_store

__all__ = ["WindStore", "Window", "open_store", "store_files", "verify_store", "window_plan", "write_store"]

# The kernel's copies of a grid: 16 bytes a node of wind, 8 of temperature and height.
_PACKED_WIND, _PACKED_AIR = 16, 8
# A CRC-32C is the last four bytes of a chunk.
CHECKSUM_BYTES = 4
# Memory of the windows when none is given: this much, or this share of what is free where that is less.
DEFAULT_BYTES, SHARE = 1_000_000_000, 0.3


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run: nodes `first` to `last` of the time axis are needed from time `t0` to `t1`."""

    first: int
    last: int
    t0: float
    t1: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindStore:
    """An opened store: its axes as in a `Grid`, the fields it has, and windows of it.

    `fields` are names of the fields of a `Grid`. With `open_store(levels_pa=…)` only some levels are held.
    """

    path: Path
    time_s: Float64s
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    fields: tuple[str, ...]
    periodic: bool
    steady: bool
    name: str
    provenance: Mapping[str, str]
    _arrays: Mapping[str, Any] = dataclass_field(repr=False)
    _facts: Mapping[str, ArrayFacts] = dataclass_field(repr=False)
    _levels: slice = dataclass_field(repr=False)

    @property
    def cells(self) -> int:
        """Nodes at one time."""
        return self.pressure_pa.size * self.lat_deg.size * self.lon_deg.size

    @property
    def nbytes(self) -> int:
        """Bytes of all fields at all times, were they in memory."""
        return 4 * self.cells * len(self.fields) * self.time_s.size

    def content_id(self) -> str:
        """Return a digest of what the store holds, wherever it lies: axes, and each chunk's checksum.

        Reads the last bytes of every chunk, the checksum of those that `write_store` writes. A store that
        somebody else wrote without checksums is told by the sizes and the times of its files.
        """
        known = (self.name, self.fields, self.periodic, self.steady, sorted(self.provenance.items()))
        digest = hashlib.sha256(repr((known, self._levels.start, self._levels.stop)).encode())
        for axis in (self.time_s, self.pressure_pa, self.lat_deg, self.lon_deg):
            digest.update(np.ascontiguousarray(axis).data)
        for name in self.fields:
            array = FIELDS[name][0]
            last = type(self._arrays[name].metadata.codecs[-1]).__name__
            for index in range(0, self.time_s.size, self._facts[name].chunks[0]):
                for file in chunk_files(self.path, array, self._facts[name], index):
                    digest.update(_chunk_mark(file, last == "Crc32cCodec", self.path.name))
        return digest.hexdigest()

    def read(self, first: int, last: int, kept: Grid | None = None) -> Grid:
        """Read the nodes `first` to `last` of the time axis, both included.

        `kept` is a grid of this store: times that it holds are copied from it.

        Raises
        ------
        InputError
            When a chunk is missing or damaged.
        """
        count = last - first + 1
        shape = (count, self.pressure_pa.size, self.lat_deg.size, self.lon_deg.size)
        held = {} if kept is None else {float(t): i for i, t in enumerate(kept.time_s)}
        values: dict[str, Float32s] = {}
        for name in self.fields:
            values[name] = np.empty(shape, np.float32)
            old = None if kept is None else getattr(kept, name)
            for i, index in enumerate(range(first, last + 1)):
                at = held.get(float(self.time_s[index]))
                values[name][i] = self._field(name, index) if at is None or old is None else old[at]
        return Grid(
            time_s=self.time_s[first : last + 1],
            pressure_pa=self.pressure_pa,
            lat_deg=self.lat_deg,
            lon_deg=self.lon_deg,
            periodic=self.periodic,
            steady=self.steady and self.time_s.size == 1,
            name=self.name,
            provenance=self.provenance,
            **values,
        )

    def windows(
        self,
        begin: float,
        end: float,
        *,
        halo: int = 1,
        max_bytes: int | None = None,
        ahead: bool = True,
    ) -> Iterator[tuple[Grid, float, float]]:
        """Yield the winds of a run piece by piece: (grid, t0, t1) with t0 of one the t1 of the one before.

        Parameters
        ----------
        begin, end : POSIX seconds; the first t0 and the last t1. Backward when `end` is the earlier.
        halo : times held beyond each end of t0 to t1 where there are any; one serves a cubic in time.
        max_bytes : memory for two windows and the packed copies of both, for one is in use while the next
            is read. When None 1 GB or 30 % of what is free, but what one step needs if that is available.
        ahead : read the next window in a thread while this one is in use.

        Raises
        ------
        CoverageError
            When no part of the run lies in the store's time. Where a part does, t0 and t1 still reach over
            all of the run, and the kernel says outside time.
        LimitError
            When even one step of time does not fit.
        InputError
            When a chunk is missing or damaged; raised as its window is reached.
        """
        plan = window_plan(self.time_s, begin, end, self._steps(halo, max_bytes), halo, self.path.name)
        return self._windows(plan, ahead)

    def _windows(self, plan: list[Window], ahead: bool) -> Iterator[tuple[Grid, float, float]]:
        if not ahead or len(plan) == 1:
            grid = None
            for window in plan:
                grid = self.read(window.first, window.last, grid)
                yield grid, window.t0, window.t1
            return
        with ThreadPoolExecutor(1) as pool:
            coming: Future[Grid] = pool.submit(self.read, plan[0].first, plan[0].last)
            for window, following in zip(plan, [*plan[1:], None], strict=True):
                grid = coming.result()
                if following is not None:
                    coming = pool.submit(self.read, following.first, following.last, grid)
                yield grid, window.t0, window.t1

    def _steps(self, halo: int, max_bytes: int | None) -> int:
        """Return how many steps of the time axis a window may have."""
        if halo < 0:
            raise InputError(f"a halo of {halo} times makes no sense", field="halo", remedy="Give 0 or more.")
        held = 4 * len(self.fields)
        packed = _PACKED_WIND + (_PACKED_AIR if {"temperature_k", "geopotential_m"} & set(self.fields) else 0)
        # The window before stays alive while the next is read and packed.
        one_time = 2 * self.cells * (held + packed)
        least = one_time * (2 + 2 * halo)
        free = free_memory_bytes()
        # Unasked, large fields get the one step that they need, as long as most of the memory stays free.
        usual = max(min(DEFAULT_BYTES, int(SHARE * free)), min(least, int(MEMORY_SHARE * free)))
        allowed = usual if max_bytes is None else max_bytes
        steps = allowed // one_time - 1 - 2 * halo
        if steps < 1:
            raise LimitError(
                f"one step of time needs {least / 1e9:.3g} GB of memory; {allowed / 1e9:.3g} GB may be used",
                where=self.path.name,
                remedy="Open the store with the levels of the flight only, or allow more with max_bytes.",
            )
        return int(steps)

    def _field(self, name: str, index: int) -> Float32s:
        """Read one time of a field."""
        array = FIELDS[name][0]
        where = f"{self.path.name}/{array} at {iso_utc(float(self.time_s[index]))}"
        for file in chunk_files(self.path, array, self._facts[name], index):
            if not file.is_file():
                raise InputError("a chunk is missing", file=where, remedy="Fetch or write the store again.")
        try:
            return np.asarray(self._arrays[name][index, self._levels], np.float32)
        except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
            raise InputError(
                f"a chunk is damaged ({clean_text(error)})",
                file=where,
                remedy="Fetch or write the store again.",
            ) from error


def open_store(path: str | Path, *, levels_pa: tuple[float, float] | None = None) -> WindStore:
    """Open a store of winds; reads its axes only.

    `levels_pa` is a span of pressure: the levels inside and the next one on each side are held.

    Raises
    ------
    InputError
        The folder is no wind store, is not complete, or is damaged.
    LimitError
        An axis or a chunk is larger than any field of winds has.
    CoverageError
        It has no level of the span.
    """
    path = Path(path)
    attributes = store_attributes(path)
    refuse_unsound(path)
    axes = [_axis(path, name) for name in AXES]
    shape = tuple(axis.size for axis in axes)
    names = [name for name, (array, _, _) in FIELDS.items() if (path / array).is_dir()]
    facts = {name: array_facts(path, FIELDS[name][0], AXES) for name in names}
    for name in ("u_mps", "v_mps"):
        if name not in facts:
            raise InputError("the store holds no such wind", file=path.name, field=FIELDS[name][0])
    for name, held in facts.items():
        if held.shape != shape or held.chunks[0] != 1:
            raise InputError(
                f"the shape is {held.shape} in chunks {held.chunks}; the axes say {shape}, one time a chunk",
                file=path.name,
                field=FIELDS[name][0],
                remedy="Fetch or write the store again.",
            )
    levels = _level_slice(axes[1], levels_pa, path.name)
    facts_of_store = attributes.get("provenance")
    provenance = facts_of_store if isinstance(facts_of_store, dict) else {}
    return WindStore(
        path=path,
        time_s=axes[0],
        pressure_pa=axes[1][levels],
        lat_deg=axes[2],
        lon_deg=axes[3],
        fields=tuple(names),
        periodic=attributes.get("periodic") is True,
        steady=attributes.get("steady") is True,
        name=clean_text(attributes.get("name") or path.name),
        provenance={clean_text(k): clean_text(v) for k, v in provenance.items()},
        _arrays={name: _open_array(path, FIELDS[name][0]) for name in names},
        _facts=facts,
        _levels=levels,
    )


def verify_store(path: str | Path) -> int:
    """Read every chunk of a store and compare its checksum; return how many were read.

    Raises
    ------
    InputError
        When the store is incomplete, or a chunk is missing or damaged.
    """
    store = open_store(path)
    count = 0
    for index in range(store.time_s.size):
        for name in store.fields:
            store._field(name, index)
            count += len(chunk_files(store.path, FIELDS[name][0], store._facts[name], index))
    return count


def window_plan(
    time_s: Float64s, begin: float, end: float, steps: int, halo: int, where: str = ""
) -> list[Window]:
    """Cut a run into windows of at most `steps` steps of the time axis, in its direction.

    Raises
    ------
    InputError
        When `begin` or `end` is not finite.
    CoverageError
        When no part of the run lies on the axis; one time alone is on every run.
    """
    if not (math.isfinite(begin) and math.isfinite(end)):
        raise InputError(f"a run from {begin} to {end} is not finite", field="begin, end")
    last = time_s.size - 1
    low, high = min(begin, end), max(begin, end)
    if last > 0 and (high < time_s[0] or low > time_s[-1]):
        held, asked = (f"{iso_utc(a)} to {iso_utc(b)}" for a, b in ((time_s[0], time_s[-1]), (low, high)))
        raise CoverageError(
            f"holds time {held}, nothing of {asked}", where=where, remedy="Give winds that cover the flight."
        )
    first_node = max(int(np.searchsorted(time_s, low, "right")) - 1, 0)
    last_node = min(int(np.searchsorted(time_s, high, "left")), last)
    edges = [*range(first_node, last_node, steps), last_node]
    if end < begin:
        edges = [*range(last_node, first_node, -steps), first_node]
    if len(edges) == 1:
        edges = edges * 2
    windows = []
    for i in range(len(edges) - 1):
        low_node, high_node = sorted(edges[i : i + 2])
        t0 = begin if i == 0 else float(time_s[edges[i]])
        t1 = end if i == len(edges) - 2 else float(time_s[edges[i + 1]])
        windows.append(Window(max(low_node - halo, 0), min(high_node + halo, last), t0, t1))
    return windows


def _chunk_mark(file: Path, checked: bool, where: str) -> bytes:
    """Return the size of a chunk with its checksum, or with the time it was written where it has none."""
    try:
        facts = file.stat()
        if not checked:
            return f"{facts.st_size} {facts.st_mtime_ns};".encode()
        with file.open("rb") as chunk:
            chunk.seek(max(facts.st_size - CHECKSUM_BYTES, 0))
            return str(facts.st_size).encode() + chunk.read(CHECKSUM_BYTES)
    except OSError as error:
        raise InputError(
            f"a chunk cannot be read ({clean_text(error)})",
            file=where,
            remedy="Fetch or write the store again.",
        ) from error


def _level_slice(pressure_pa: Float64s, ask: tuple[float, float] | None, file: str) -> slice:
    if ask is None:
        return slice(0, pressure_pa.size)
    low, high = min(ask), max(ask)
    if not low <= pressure_pa[-1] or not high >= pressure_pa[0]:
        raise CoverageError(
            f"holds levels from {pressure_pa[0]:g} to {pressure_pa[-1]:g} Pa, nothing of {low:g} to {high:g}",
            where=file,
            remedy="Give winds that cover the flight.",
        )
    first = max(int(np.searchsorted(pressure_pa, low, "right")) - 1, 0)
    last = min(int(np.searchsorted(pressure_pa, high, "left")), pressure_pa.size - 1)
    return slice(first, last + 1)


def _axis(path: Path, name: str) -> Float64s:
    array_facts(path, name, (name,))
    where = f"{path.name}/{name}"
    try:
        values = np.asarray(_open_array(path, name)[:], np.float64)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise InputError(
            f"the axis is damaged ({clean_text(error)})",
            file=where,
            remedy="Fetch or write the store again.",
        ) from error
    if not np.isfinite(values).all() or (np.diff(values) <= 0).any():
        raise InputError(
            "the axis must be finite and increase strictly",
            file=where,
            remedy="Fetch or write the store again.",
        )
    return values


def _open_array(path: Path, name: str) -> Any:
    import zarr

    try:
        return zarr.open_array(path / name, mode="r", zarr_format=3)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        raise InputError(
            f"cannot be opened ({clean_text(error)})",
            file=f"{path.name}/{name}",
            remedy="Fetch or write the store again.",
        ) from error
